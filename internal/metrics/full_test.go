package metrics_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/tutti-run/tutti/internal/lsm"
	"github.com/tutti-run/tutti/internal/metrics"
)

// A disk that is full while values are put is told of once, and nothing is taken any more; what was taken is there after the next start.
func TestDiskFull(t *testing.T) {
	disk := vfs.NewCrashableMem()
	full := &errorfs.Toggle{Injector: errorfs.ErrInjected.If(errorfs.Writes)}
	var told []error
	s := metrics.New("/metrics", metrics.WithClock(func() time.Time { return noon }), metrics.OnFailure(func(err error) { told = append(told, err) }), metrics.WithFS(errorfs.Wrap(disk, full)))
	must(t, s.Put([]metrics.Datum{datum(1, 1)}))
	full.On()
	for range 2 {
		if err := s.Put([]metrics.Datum{datum(1, 1)}); !errors.Is(err, lsm.ErrFailed) || !strings.Contains(err.Error(), "injected error") {
			t.Errorf("put: %v", err)
		}
	}
	if len(told) != 1 || !errors.Is(told[0], lsm.ErrFailed) {
		t.Errorf("told %v", told)
	}
	left := disk.CrashClone(vfs.CrashCloneCfg{})
	_ = s.Close() // says again that the log cannot be written
	if got := points(t, open(t, left), requests, time.Minute); got != "1:1/1" {
		t.Errorf("after the restart: %s", got)
	}
}
