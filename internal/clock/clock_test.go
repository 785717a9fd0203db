package clock_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tutti-run/tutti/internal/clock"
)

func TestFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.Fast(60)
		began := c.Now()
		time.Sleep(2 * time.Second)
		if went := c.Now().Sub(began); went != 2*time.Minute {
			t.Errorf("two seconds were %s", went)
		}
		if real := c.Real(time.Hour); real != time.Minute {
			t.Errorf("an hour takes %s", real)
		}
	})
}

func TestSkipTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.Real()
		began, moved := c.Now(), c.Moved()
		c.SkipTo(began.Add(-time.Hour))
		select {
		case <-moved:
			t.Error("a time that is over moved the clock")
		default:
		}
		c.SkipTo(began.Add(time.Hour))
		<-moved
		time.Sleep(time.Second)
		if went := c.Now().Sub(began); went != time.Hour+time.Second {
			t.Errorf("it is %s later", went)
		}
	})
}

// worker works for a while at every hour of the clock.
type worker struct {
	mu     sync.Mutex
	due    time.Time
	busy   bool
	worked uint64
}

func (w *worker) Quiet() (bool, uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.busy, w.worked
}

func (w *worker) NextDue() (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.due, true
}

func (w *worker) set(busy bool, due time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy, w.due = busy, due
	w.worked++
}

func TestSkip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.Real()
		began := c.Now()
		w := &worker{due: began.Add(time.Hour)}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go clock.Skip(ctx, c, w)
		<-c.Moved()
		if went := c.Now().Sub(began); went < time.Hour || went > time.Hour+time.Second {
			t.Fatalf("skipped %s, want an hour", went)
		}
		w.set(true, began.Add(2*time.Hour))
		time.Sleep(10 * time.Second) // at work: nothing is skipped
		if went := c.Now().Sub(began); went > time.Hour+11*time.Second {
			t.Fatalf("skipped to %s while somebody worked", went)
		}
		w.set(false, began.Add(2*time.Hour))
		time.Sleep(time.Second)
		if went := c.Now().Sub(began); went < 2*time.Hour || went > 2*time.Hour+2*time.Second {
			t.Errorf("skipped to %s, want two hours", went)
		}
	})
}
