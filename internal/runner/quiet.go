package runner

import (
	"time"
)

// Quiet implements [clock.Worker]: nobody works while no call is under way, no message is on its way, no Map Run reads or writes, and no job that
// a task has started elsewhere goes on.
func (r *Runner) Quiet() (quiet bool, worked uint64) {
	worked = r.worked.Load()
	if r.working.Load() > 0 {
		return false, worked
	}
	for _, s := range r.shards {
		if !s.idle.Load() || s.inFlight.Load() > 0 || !s.mail.empty() {
			return false, worked
		}
	}
	return true, worked
}

// NextDue implements [clock.Worker]. It is when the first Wait ends or retry begins. Timeouts and heartbeats do not count: whoever is waited for, a
// person or another program, lives by the computer's clock.
func (r *Runner) NextDue() (due time.Time, ok bool) {
	for _, s := range r.shards {
		if at := s.nextWait.Load(); at != 0 && (!ok || at < due.UnixNano()) {
			due, ok = time.Unix(0, at).UTC(), true
		}
	}
	return due, ok
}

// firstWait is when the first of the shard's executions goes on by itself, in Unix nanoseconds; 0 for never.
func (s *shard) firstWait() int64 {
	first := int64(0)
	for _, r := range s.residents {
		if at := r.x.NextWait(); !at.IsZero() && (first == 0 || at.UnixNano() < first) {
			first = at.UnixNano()
		}
	}
	return first
}

// atWork marks a stretch of work, until the function that it returns is called.
func (r *Runner) atWork() (rest func()) {
	r.working.Add(1)
	return func() {
		r.worked.Add(1)
		r.working.Add(-1)
	}
}
