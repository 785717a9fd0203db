package runner_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

// skipping is a server whose clock is moved on while nobody works.
func skipping(t *testing.T, disk vfs.FS, performer runner.Performer) (s *server, stop func()) {
	t.Helper()
	db, err := store.Open("data", store.WithFS(disk), store.OnFailure(func(error) {}))
	if err != nil {
		t.Fatal(err)
	}
	c := clock.Real()
	s = &server{runner.New(runner.Config{Store: db, Tasks: performer, Shards: 2, Clock: c, Skips: true}), db, disk}
	s.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		clock.Skip(ctx, c, s.Runner)
	}()
	return s, func() {
		cancel()
		<-done
		s.close(t)
	}
}

func TestSkipsWaitsAndRetriesButNoWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		s, stop := skipping(t, vfs.NewMem(), tasks{"f": func(context.Context, task.Call) (*value.Data, *sfn.Failure) {
			time.Sleep(3 * time.Second)
			if tries++; tries == 1 {
				return nil, sfn.Fail("Lambda.Unknown", "")
			}
			return value.NewData(value.Int(1)), nil
		}})
		defer stop()
		m := s.machine(t, "m", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":86400,"Next":"T"},"T":{"Type":"Task","TimeoutSeconds":10,
			"Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"Retry":[{"ErrorEquals":["Lambda.Unknown"],"IntervalSeconds":3600}],"End":true}}}`)
		began := time.Now()
		d := s.run(t, m, `{}`)
		if took := time.Since(began); took < 6*time.Second || took > 7*time.Second {
			t.Errorf("took %s, want the six seconds of the two calls", took)
		}
		if lasted := d.StopDate.Sub(d.StartDate); d.Status != sfn.StatusSucceeded || lasted < 25*time.Hour || lasted > 25*time.Hour+10*time.Second {
			t.Errorf("%s after %s", d.Status, lasted)
		}
	})
}

func TestSkipsNoTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := make(chan string, 1)
		s, stop := skipping(t, vfs.NewMem(), tasks{"f": func(_ context.Context, c task.Call) (*value.Data, *sfn.Failure) {
			tokens <- c.Token
			return value.NewData(value.NewObject()), nil
		}})
		defer stop()
		m := s.machine(t, "m", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken",
			"Parameters":{"FunctionName":"f"},"TimeoutSeconds":60,"End":true}}}`)
		started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: m})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second) // a person who thinks
		if err := s.SendTaskSuccess(t.Context(), <-tokens, `1`); err != nil {
			t.Fatal(err)
		}
		if d := s.end(t, started.ARN); d.Status != sfn.StatusSucceeded {
			t.Errorf("%s", d.Status)
		}
	})
}

func TestSkipsWaitsOfAnEarlierLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewMem()
		s := open(t, disk, tasks{})
		s.start(t)
		started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: s.machine(t, "m", waitMachine)})
		if err != nil {
			t.Fatal(err)
		}
		s.close(t)
		s, stop := skipping(t, disk, tasks{})
		defer stop()
		began := time.Now()
		if d := s.end(t, started.ARN); d.Status != sfn.StatusSucceeded || time.Since(began) > time.Second {
			t.Errorf("%s after %s", d.Status, time.Since(began))
		}
	})
}
