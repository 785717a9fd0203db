package s3_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/tutti-run/tutti/internal/lsm"
	"github.com/tutti-run/tutti/internal/s3"
)

// A disk that is full while an object is put is told of once, and nothing is taken any more; what was taken is there after the next start.
func TestDiskFull(t *testing.T) {
	disk := vfs.NewCrashableMem()
	full := &errorfs.Toggle{Injector: errorfs.ErrInjected.If(errorfs.Writes)}
	var told []error
	s := s3.New("/s3", s3.OnFailure(func(err error) { told = append(told, err) }), s3.WithFS(errorfs.Wrap(disk, full)))
	try := func(key string) error {
		_, err := s.Put("data", key, bytes.NewReader([]byte("body")), s3.Attributes{}, s3.Condition{}, nil)
		return err
	}
	if err := errors.Join(s.CreateBucket("data"), try("taken")); err != nil {
		t.Fatal(err)
	}
	full.On()
	for what, err := range map[string]error{"put": try("refused"), "put again": try("refused"), "delete": s.Delete("data", "taken")} {
		if !errors.Is(err, lsm.ErrFailed) || !strings.Contains(err.Error(), "injected error") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(told) != 1 || !errors.Is(told[0], lsm.ErrFailed) {
		t.Errorf("told %v", told)
	}
	left := disk.CrashClone(vfs.CrashCloneCfg{})
	_ = s.Close() // says again that the log cannot be written
	s = newStore(t, left)
	if got := read(t, s, "taken"); string(got) != "body" {
		t.Errorf("after the restart: %q", got)
	}
	if _, err := s.Get("data", "refused", ""); code(err) != s3.NoSuchKey {
		t.Errorf("after the restart: what was refused: %v", err)
	}
}
