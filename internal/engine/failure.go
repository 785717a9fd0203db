package engine

import (
	"math"
	"slices"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
)

// applyFailed notes that the work of the flow's state failed with the event e: a retrier helps, or a catcher will, or the flow is lost.
func (x *Execution) applyFailed(f *flow, e *history.Event, failure sfn.Failure) {
	f.tail, f.link, f.failure = e.ID, e.ID, &failure
	x.sawFailure(f.failure)
	f.lapsed = heartbeatLapsed(f, e)
	x.closeTask(f)
	forks := isFork(f.state)
	if delay, ok := x.retry(f, e); ok {
		x.triedRetry(delay)
		f.due, f.phase = e.Time.Add(delay), retrying
		if forks {
			f.fork.blamed, f.fork.again, f.phase = e.ID, true, closing
		}
		x.setAlarm(f)
		return
	}
	if forks {
		// Of a Map or Parallel an expression failed. It ends in a …StateFailed event, from where the failure goes on.
		f.fork.blamed, f.fork.again, f.phase = e.ID, false, closing
		x.wake(f)
		return
	}
	x.lose(f, e)
}

// applyStateFailed notes that a Map or Parallel failed for good with the event e.
func (x *Execution) applyStateFailed(f *flow, e *history.Event) {
	f.tail, f.link = e.ID, e.ID
	x.cutChildren(f)
	x.lose(f, e)
}

// lose notes that the state's own Retry does not help. Without a catcher the flow is lost and its parent state fails.
func (x *Execution) lose(f *flow, e *history.Event) {
	f.phase = failed
	if f.parent == nil || f.catcher() != nil {
		x.wake(f)
		return
	}
	p := f.parent
	p.failure, p.lapsed = f.failure, f.lapsed
	p.fork.blame, p.fork.blamed, p.phase = f, e.ID, closing
	if delay, ok := x.retry(p, e); ok {
		p.fork.again, p.due = true, e.Time.Add(delay)
	}
	x.setAlarm(p)
	x.takeTurn(p)
	x.wake(p)
}

// isFork tells whether s has children.
func isFork(s asl.State) bool {
	switch s.(type) {
	case *asl.Map, *asl.Parallel:
		return true
	}
	return false
}

// retry counts the retrier that matches the state's failure and returns its delay, if it has attempts left. Only the first that matches
// is asked.
func (x *Execution) retry(f *flow, e *history.Event) (time.Duration, bool) {
	if f.final {
		return 0, false
	}
	retriers := retriersOf(f.state)
	for i, r := range retriers {
		if !matches(r.ErrorEquals, f.failure.Name(), f.lapsed) {
			continue
		}
		if f.retries == nil {
			f.retries = make([]int64, len(retriers))
		}
		used := x.triedRetrier(i, f.retries[i])
		if used >= r.MaxAttempts {
			return 0, false
		}
		f.retries[i]++
		f.retryCount++
		return x.delay(r, used, e.ID), true
	}
	return 0, false
}

// delay is how long a retrier waits after it has been used so many times (developer guide, "Retrying after an error").
func (x *Execution) delay(r asl.Retrier, used, event int64) time.Duration {
	seconds := float64(r.IntervalSeconds) * math.Pow(r.BackoffRate, float64(used))
	limit := float64(sfn.MaxTimeoutSeconds)
	if r.MaxDelaySeconds > 0 {
		limit = float64(r.MaxDelaySeconds)
	}
	if !(seconds < limit) {
		seconds = limit
	}
	if r.FullJitter {
		seconds *= x.chance(event, "JitterStrategy").Float64()
	}
	return time.Duration(seconds * float64(time.Second)).Truncate(time.Millisecond)
}

func retriersOf(s asl.State) []asl.Retrier {
	switch s := s.(type) {
	case *asl.Task:
		return s.Retry
	case *asl.Parallel:
		return s.Retry
	case *asl.Map:
		return s.Retry
	}
	return nil
}

func catchersOf(s asl.State) []asl.Catcher {
	switch s := s.(type) {
	case *asl.Task:
		return s.Catch
	case *asl.Parallel:
		return s.Catch
	case *asl.Map:
		return s.Catch
	}
	return nil
}

// catcher returns the first catcher of the flow's state that matches its failure, or nil.
func (f *flow) catcher() *asl.Catcher {
	if f.final {
		return nil
	}
	catchers := catchersOf(f.state)
	for i := range catchers {
		if matches(catchers[i].ErrorEquals, f.failure.Name(), f.lapsed) {
			return &catchers[i]
		}
	}
	return nil
}

// matches tells whether an ErrorEquals list names the error. A lapsed heartbeat is reported as States.Timeout but answers to
// States.HeartbeatTimeout too (spec asl.md section 8).
func matches(patterns []sfn.ErrorName, name sfn.ErrorName, lapse bool) bool {
	if !name.Catchable() {
		return false
	}
	return slices.ContainsFunc(patterns, func(pattern sfn.ErrorName) bool {
		switch pattern {
		case name, sfn.ErrorAll:
			return true
		case sfn.ErrorTaskFailed:
			return name != sfn.ErrorTimeout
		case sfn.ErrorHeartbeatTimeout:
			return lapse
		}
		return false
	})
}

// handleFailure takes a failed state to its catcher, or fails the execution with it.
func (x *Execution) handleFailure(f *flow) {
	catcher := f.catcher()
	if catcher == nil {
		x.emit(nil, history.ExecutionFailed, f.tail, &history.FailedDetails{Failure: *f.failure})
		return
	}
	x.triedCatcher(f, catcher)
	output, assigned, fault := x.caught(f, catcher)
	if fault != nil {
		x.raise(f, fault)
		return
	}
	x.exit(f, output, assigned, catcher.Next)
}
