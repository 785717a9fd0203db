package sqs_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/tutti-run/tutti/internal/lsm"
	"github.com/tutti-run/tutti/internal/sqs"
)

// A disk that is full while a message is sent is told of once, and nothing is taken any more; what was taken is there after the next start.
func TestDiskFull(t *testing.T) {
	disk := vfs.NewCrashableMem()
	full := &errorfs.Toggle{Injector: errorfs.ErrInjected.If(errorfs.Writes)}
	var told []error
	s := sqs.New("/sqs", sqs.OnFailure(func(err error) { told = append(told, err) }), sqs.WithFS(errorfs.Wrap(disk, full)))
	send := func(body string) error {
		_, err := s.SendMessage("q", sqs.Entry{Body: body})
		return err
	}
	if err := errors.Join(s.CreateQueue("q", nil, nil), send("taken")); err != nil {
		t.Fatal(err)
	}
	full.On()
	for what, err := range map[string]error{"send": send("refused"), "send again": send("refused"), "create": s.CreateQueue("other", nil, nil)} {
		if !errors.Is(err, lsm.ErrFailed) || !strings.Contains(err.Error(), "injected error") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(told) != 1 || !errors.Is(told[0], lsm.ErrFailed) {
		t.Errorf("told %v", told)
	}
	left := disk.CrashClone(vfs.CrashCloneCfg{})
	_ = s.Close() // says again that the log cannot be written
	s = sqs.New("/sqs", sqs.WithFS(left))
	if got, err := s.ReceiveMessage(t.Context(), "q", sqs.Receive{Max: new(10)}); err != nil || len(got) != 1 || got[0].Body != "taken" {
		t.Errorf("after the restart: %v, %v", got, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
