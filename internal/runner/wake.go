package runner

import (
	"errors"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/store"
)

// wakes knows when the next execution on disk is due.
type wakes struct {
	mu    sync.Mutex
	next  time.Time // zero while nobody sleeps
	poked chan struct{}
}

// note tells the waker that an execution sleeps until at.
func (w *wakes) note(at time.Time) {
	w.mu.Lock()
	earlier := w.next.IsZero() || at.Before(w.next)
	if earlier {
		w.next = at
	}
	w.mu.Unlock()
	if earlier {
		select {
		case w.poked <- struct{}{}:
		default:
		}
	}
}

func (w *wakes) set(at time.Time) {
	w.mu.Lock()
	w.next = at
	w.mu.Unlock()
}

// wakeLoop wakes the executions that are due on disk, until the runner is closed.
func (r *Runner) wakeLoop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-timer.C:
		case <-r.wakes.poked:
		}
		timer.Reset(r.wakeDue())
	}
}

// wakeDue wakes what is due and returns how long the next may sleep.
func (r *Runner) wakeDue() time.Duration {
	const trouble = time.Second
	r.wakes.set(time.Time{})
	for e, err := range r.store.Due(r.now()) {
		if err != nil {
			if !errors.Is(err, store.ErrClosed) {
				r.log.Error("cannot read which executions are due", "error", err)
			}
			return trouble
		}
		// Waiting for the answer keeps the number of woken executions small and the next look at the disk truthful.
		_, _ = r.ask(r.ctx, message{arn: e.ARN, input: engine.Tick{}})
	}
	next, err := r.store.NextWake()
	if err != nil {
		return time.Hour
	}
	r.wakes.set(next)
	return max(time.Millisecond, next.Sub(r.now()))
}
