package engine

import (
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// This file takes an execution up again that has ended without success (developer guide, "Restarting state machine executions with
// redrive"). An execution that ends keeps its flows as they stood, and a flow that is cut short is kept aside by its parent until the
// parent's state is exited or begins again. So a redrive needs nothing but the history: every state that was entered and not exited begins
// its work again, pointing at its Entered event, and what has succeeded stays as it is.

// The quota on client tokens: so many successful ones are remembered, for so long (API reference, RedriveExecution).
const (
	rememberedTokens = 10
	tokensLastFor    = 15 * time.Minute
)

// redrive is one that has happened: a request with the same client token is the same request.
type redrive struct {
	token string
	at    time.Time
}

// Redrives is how often the execution has been redriven.
func (x *Execution) Redrives() int64 { return x.redriveCount }

// Redriven is when the execution was redriven last; zero if never.
func (x *Execution) Redriven() time.Time { return x.redriven }

// RedrivenWith returns when a redrive with the client token happened, if that is still remembered at the time now.
func (x *Execution) RedrivenWith(token string, now time.Time) (at time.Time, ok bool) {
	if token == "" {
		return time.Time{}, false
	}
	for _, r := range x.redrives {
		if r.token == token && now.Sub(r.at) < tokensLastFor {
			return r.at, true
		}
	}
	return time.Time{}, false
}

// redrive records that an execution which ended without success goes on. Whether it may be, by its
// age, is for the caller to know (API reference, RedriveExecution).
func (x *Execution) redrive(in Redrive) {
	if x.status == sfn.StatusSucceeded || x.machine.Type == sfn.Express || x.lastID >= sfn.MaxHistoryEvents-1 {
		return
	}
	x.emitEvent(nil, history.Event{
		Type: history.ExecutionRedriven, PreviousID: x.lastID, Token: in.Token,
		Details: &history.ExecutionRedrivenDetails{RedriveCount: x.redriveCount + 1},
	})
}

func (x *Execution) applyRedriven(e *history.Event) {
	tooLarge := x.failure.Name() == sfn.ErrorDataLimitExceeded
	x.status, x.stopped, x.failure = sfn.StatusRunning, time.Time{}, sfn.Failure{}
	x.redriveCount, x.redriven = e.Details.(*history.ExecutionRedrivenDetails).RedriveCount, e.Time
	if x.redrives = append(x.redrives, redrive{e.Token, e.Time}); len(x.redrives) > rememberedTokens {
		x.redrives = x.redrives[1:]
	}
	x.deadline = e.Time.Add(x.limit())
	x.owed = map[int64]*flow{}
	x.revive(x.flows[0], e, tooLarge)
}

// revive takes up a flow that an end of the execution, or of the state around it, has cut short. tooLarge tells that the execution ended because
// something was over the quota on payloads.
func (x *Execution) revive(f *flow, e *history.Event, tooLarge bool) {
	f.cut = false
	x.takeTurn(f)
	if f.phase == entering || f.phase == exited {
		x.wake(f)
		return
	}
	x.closeTask(f)
	failedTooLarge := f.failure != nil && f.failure.Name() == sfn.ErrorDataLimitExceeded
	f.retries, f.retryCount, f.failure, f.lapsed, f.final, f.fault = nil, 0, nil, false, false, nil
	f.tail, f.link = f.entered, f.entered
	switch s := f.state.(type) {
	case *asl.Wait:
		f.phase = entered
		x.applyWait(f, s)
		return
	case *asl.Fail:
		f.phase = entered
		if !f.isCut() { // else another Fail state, taken up just before, has failed the state around both
			f.tail, f.link = e.ID, e.ID
			x.applyFail(f, s, e)
		}
		return
	case *asl.Parallel, *asl.Map:
		if f.fork.started != 0 {
			x.reviveFork(f, e, tooLarge, failedTooLarge)
			return
		}
	}
	f.phase, f.result = entered, nil
	x.wake(f)
}

// reviveFork takes up a Parallel or Map that had begun: only those of its children that have not succeeded, or all of it anew if data over the
// quota on payloads made it fail.
func (x *Execution) reviveFork(f *flow, e *history.Event, tooLarge, failedTooLarge bool) {
	s, _ := f.state.(*asl.Map)
	distributed := s != nil && s.Distributed
	over := f.joined()
	if distributed {
		over = f.result != nil
	}
	if failedTooLarge || over && tooLarge {
		x.dropChildren(f)
		f.fork, f.result, f.phase = fork{}, nil, entered
		x.wake(f)
		return
	}
	f.tail, f.link = f.fork.started, f.fork.started
	f.fork.blame, f.fork.blamed, f.fork.again = nil, 0, false
	switch {
	case distributed && over:
		f.tail, f.link, f.phase = f.fork.mapRunEvent, f.fork.mapRunEvent, succeeded
	case over:
		f.result = value.JoinArray(f.fork.results)
		f.tail, f.link, f.phase = f.fork.lastTail, f.fork.lastTail, succeeded
	case distributed && f.fork.mapRunARN == "":
		f.phase = distributing
	case distributed:
		f.phase = redriving
	default:
		f.phase = forked
		children := f.fork.cut
		f.fork.cut = nil
		for _, child := range children {
			f.fork.children[child.index] = child
		}
		for _, child := range f.fork.children {
			if child != nil {
				x.revive(child, e, tooLarge)
			}
		}
	}
	x.wake(f)
}

// redriveMapRun records that the Map Run of a distributed Map goes on. The event stands where its MapRunStarted does.
func (x *Execution) redriveMapRun(f *flow) {
	x.emit(f, history.MapRunRedriven, f.tail, &history.MapRunRedrivenDetails{MapRunARN: f.fork.mapRunARN, RedriveCount: f.fork.mapRunRedrives + 1})
}
