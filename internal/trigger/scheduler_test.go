package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tutti-run/tutti/internal/trigger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal collects calls.
type journal struct {
	mu    sync.Mutex
	calls []string
}

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls = append(j.calls, fmt.Sprintf(format, args...))
}

func (j *journal) take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	calls := j.calls
	j.calls = nil
	return calls
}

// job returns a job that notes its name and when it was due and called, in hours and minutes.
func (j *journal) job(t *testing.T, name, expression string) trigger.Job {
	t.Helper()
	s, err := trigger.Parse(expression, "")
	if err != nil {
		t.Fatal(err)
	}
	return trigger.Job{Name: name, Schedule: s, Run: func(_ context.Context, due time.Time) {
		call := fmt.Sprintf("%s %s", name, due.UTC().Format("15:04"))
		if now := time.Now(); !now.Equal(due) {
			call += now.UTC().Format(" at 15:04")
		}
		j.add("%s", call)
	}}
}

func start(t *testing.T, s *trigger.Scheduler) {
	t.Helper()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
}

func add(t *testing.T, s *trigger.Scheduler, job trigger.Job) {
	t.Helper()
	if err := s.Add(job); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("called %q, want %q", got, want)
	}
}

// In a synctest bubble it is midnight, 1 January 2000, UTC.

func TestSchedulerDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		s := trigger.NewScheduler(nil, nil)
		add(t, s, j.job(t, "six-hourly", "rate(6 hours)"))
		add(t, s, j.job(t, "nine", "cron(0 9 * * ? *)"))
		add(t, s, j.job(t, "once", "at(2000-01-01T18:00:00)"))
		start(t, s)
		time.Sleep(24*time.Hour - time.Second)
		synctest.Wait()
		expect(t, j.take(), "six-hourly 00:00", "six-hourly 06:00", "nine 09:00", "six-hourly 12:00", "once 18:00", "six-hourly 18:00")
	})
}

func TestSchedulerEveryMinuteOfADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		s := trigger.NewScheduler(nil, nil)
		add(t, s, j.job(t, "m", "cron(* * * * ? *)"))
		start(t, s)
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if calls := j.take(); len(calls) != 1441 || calls[1440] != "m 00:00" {
			t.Errorf("%d calls, the last of them %q", len(calls), calls[len(calls)-1])
		}
	})
}

func TestSchedulerWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		s := trigger.NewScheduler(nil, func(name string, due time.Time, window time.Duration) time.Duration {
			if name != "w" || window != 15*time.Minute {
				t.Errorf("jitter for %s within %v", name, window)
			}
			return map[int]time.Duration{1: 10 * time.Minute, 2: time.Hour, 3: -time.Hour}[due.UTC().Hour()]
		})
		job := j.job(t, "w", "cron(0 1-3 * * ? *)")
		job.Window = 15 * time.Minute
		add(t, s, job)
		start(t, s)
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		expect(t, j.take(), "w 01:00 at 01:10", "w 02:00 at 02:15", "w 03:00")
	})
}

func TestSchedulerChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		s := trigger.NewScheduler(nil, nil)
		start(t, s)
		time.Sleep(10 * time.Minute)
		add(t, s, j.job(t, "b", "cron(15,30 0 * * ? *)"))
		disabled := j.job(t, "a", "cron(20 * * * ? *)")
		disabled.Disabled = true
		add(t, s, disabled)
		var listed []string
		for _, e := range s.List() {
			listed = append(listed, fmt.Sprint(e.Name, " ", e.Expression, " ", e.Timezone, " ", e.Next.Minute(), " ", e.Disabled))
		}
		expect(t, listed, "a cron(20 * * * ? *) UTC 0 true", "b cron(15,30 0 * * ? *) UTC 15 false")
		time.Sleep(15 * time.Minute)
		if err := s.Fire(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		if err := s.Remove("b"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		expect(t, j.take(), "b 00:15", "a 00:25")
		for _, err := range []error{s.Remove("b"), s.Fire(t.Context(), "b")} {
			if !errors.Is(err, trigger.ErrNotFound) {
				t.Errorf("after removal: %v", err)
			}
		}
	})
}

func TestSchedulerRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		s := trigger.NewScheduler(nil, nil)
		add(t, s, j.job(t, "there", "rate(1 hour)"))
		late := j.job(t, "late", "rate(1 hour)")
		late.Schedule = late.Schedule.Between(time.Time{}, time.Now().Add(-time.Hour))
		wide := j.job(t, "wide", "rate(1 hour)")
		wide.Window = 25 * time.Hour
		for _, tt := range []struct {
			job  trigger.Job
			want error // nil: any
		}{
			{j.job(t, "there", "rate(1 hour)"), trigger.ErrExists},
			{j.job(t, "past", "at(1999-12-31T23:59:59)"), trigger.ErrNeverFires},
			{j.job(t, "february", "cron(0 0 30 2 ? *)"), trigger.ErrNeverFires},
			{late, trigger.ErrNeverFires},
			{wide, nil},
			{trigger.Job{}, nil},
		} {
			if err := s.Add(tt.job); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("Add(%s) = %v, want %v", tt.job.Name, err, tt.want)
			}
		}
	})
}

// A call that takes long must not be followed by a burst of all that it made late.
func TestSchedulerBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		s := trigger.NewScheduler(nil, nil)
		add(t, s, j.job(t, "minutely", "cron(* * * * ? *)"))
		blocker := j.job(t, "blocker", "at(2000-01-01T00:01:30)")
		blocker.Run = func(context.Context, time.Time) { time.Sleep(time.Hour) }
		add(t, s, blocker)
		start(t, s)
		time.Sleep(63 * time.Minute)
		synctest.Wait()
		expect(t, j.take(), "minutely 00:00", "minutely 00:01", "minutely 01:01 at 01:01", "minutely 01:02", "minutely 01:03")
	})
}

func TestSchedulerStartStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unstarted := trigger.NewScheduler(nil, nil)
		unstarted.Stop()
		unstarted.Stop()
		if err := unstarted.Start(t.Context()); !errors.Is(err, trigger.ErrStarted) {
			t.Errorf("Start after Stop: %v", err)
		}

		var j journal
		s := trigger.NewScheduler(nil, nil)
		job := j.job(t, "long", "cron(1 0 * * ? *)")
		job.Run = func(ctx context.Context, _ time.Time) {
			<-ctx.Done() // ends because the scheduler is stopped
			j.add("ended")
		}
		add(t, s, job)
		start(t, s)
		if err := s.Start(t.Context()); !errors.Is(err, trigger.ErrStarted) {
			t.Errorf("second Start: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait() // the job waits for its context
		s.Stop()
		expect(t, j.take(), "ended")
		s.Stop()

		ctx, cancel := context.WithCancel(t.Context())
		ended := trigger.NewScheduler(nil, nil)
		if err := ended.Start(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		ended.Stop()
	})
}

func TestSchedulerFromWithinAJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		s := trigger.NewScheduler(nil, nil)
		job := j.job(t, "first", "at(2000-01-01T00:01:00)")
		job.Run = func(context.Context, time.Time) {
			if err := s.Add(j.job(t, "second", "at(2000-01-01T00:02:00)")); err != nil {
				t.Error(err)
			}
			if err := s.Remove("first"); err != nil {
				t.Error(err)
			}
		}
		add(t, s, job)
		start(t, s)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		expect(t, j.take(), "second 00:02")
	})
}
