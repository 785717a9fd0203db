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
		moved := r.clock.Moved()
		timer.Reset(r.clock.Real(r.wakeDue()))
		select {
		case <-r.ctx.Done():
			return
		case <-timer.C:
		case <-r.wakes.poked:
		case <-moved:
		}
	}
}

// maxWaking is how many executions are woken at once. It bounds the memory of those that are all due at one moment, and is large enough for
// the shards to share commits among them.
const maxWaking = 1024

// wakeDue wakes what is due and returns how long the next may sleep.
func (r *Runner) wakeDue() time.Duration {
	const trouble = time.Second
	r.wakes.set(time.Time{})
	var waking []string
	for e, err := range r.store.Due(r.now()) {
		if err != nil {
			if !errors.Is(err, store.ErrClosed) {
				r.log.Error("cannot read which executions are due", "error", err)
			}
			return trouble
		}
		if waking = append(waking, e.ARN); len(waking) == maxWaking {
			r.wakeAll(waking)
			waking = waking[:0]
		}
	}
	r.wakeAll(waking)
	next, err := r.store.NextWake()
	if err != nil {
		return time.Hour
	}
	r.wakes.set(next)
	return max(time.Millisecond, next.Sub(r.now()))
}

// wakeAll wakes the executions and returns when what they do is on disk, so that the next look there is truthful.
func (r *Runner) wakeAll(arns []string) {
	answers := make(chan answer, len(arns))
	for _, arn := range arns {
		r.send(message{arn: arn, input: engine.Tick{}, answer: answers})
	}
	for range arns {
		select {
		case <-answers:
		case <-r.ctx.Done():
			return
		}
	}
}
