package engine

import (
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// apply is the one function that changes an execution. It trusts that the event follows from the execution's history; what it works out
// beyond the event (when a Wait is due, whether a retrier helps) depends on nothing but the machine, the history and the identity.
func (x *Execution) apply(e *history.Event) {
	x.lastID, x.lastTime = e.ID, e.Time
	var f *flow
	if e.Type != history.ExecutionStarted && e.Type != history.ExecutionRedriven && !e.Type.EndsExecution() {
		f = x.flows[e.Flow]
		if e.Type != history.MapIterationStarted { // a Map takes up all the items that it may in one turn
			x.takeTurn(f)
		}
	}
	switch e.Type {
	case history.ExecutionStarted:
		d := e.Details.(*history.ExecutionStartedDetails)
		x.status, x.started, x.input = sfn.StatusRunning, e.Time, d.Input
		x.deadline = e.Time.Add(x.limit())
		f = x.newFlow(&x.machine.Flow, nil, 0, 0, d.Input)
		if x.trial != nil {
			x.beginTrial(f)
		}
	case history.ExecutionSucceeded:
		x.output = e.Details.(*history.OutputDetails).Output
		x.stop(sfn.StatusSucceeded, e)
	case history.ExecutionFailed:
		x.stop(sfn.StatusFailed, e)
	case history.ExecutionAborted:
		x.stop(sfn.StatusAborted, e)
	case history.ExecutionTimedOut:
		x.stop(sfn.StatusTimedOut, e)
	case history.ExecutionRedriven:
		x.applyRedriven(e)

	case history.PassStateEntered, history.SucceedStateEntered, history.ChoiceStateEntered, history.TaskStateEntered,
		history.ParallelStateEntered, history.MapStateEntered, history.WaitStateEntered, history.FailStateEntered:
		x.applyEntered(f, e)
	case history.PassStateExited, history.SucceedStateExited, history.ChoiceStateExited, history.TaskStateExited,
		history.ParallelStateExited, history.MapStateExited, history.WaitStateExited:
		x.applyExited(f, e)

	case history.LambdaFunctionScheduled, history.TaskScheduled, history.ActivityScheduled:
		x.applyScheduled(f, e)
	case history.LambdaFunctionStarted, history.TaskStarted, history.ActivityStarted:
		f.tail, f.link, f.phase = e.ID, e.ID, running
		if f.task.timeout > 0 {
			f.task.deadline = e.Time.Add(f.task.timeout)
		}
		x.setAlarm(f)
	case history.TaskSubmitted:
		f.tail, f.link = e.ID, e.ID
		f.task.submitted = e.Details.(*history.TaskOutputDetails).Output
	case history.TaskSucceeded:
		x.applyResult(f, e, e.Details.(*history.TaskOutputDetails).Output)
	case history.LambdaFunctionSucceeded, history.ActivitySucceeded:
		x.applyResult(f, e, e.Details.(*history.OutputDetails).Output)
	case history.LambdaFunctionFailed, history.LambdaFunctionScheduleFailed, history.LambdaFunctionStartFailed,
		history.LambdaFunctionTimedOut, history.ActivityFailed, history.ActivityScheduleFailed, history.ActivityTimedOut:
		x.applyFailed(f, e, e.Details.(*history.FailedDetails).Failure)
	case history.TaskFailed, history.TaskStartFailed, history.TaskSubmitFailed, history.TaskTimedOut:
		x.applyFailed(f, e, e.Details.(*history.TaskFailedDetails).Failure)
	case history.EvaluationFailed:
		d := e.Details.(*history.EvaluationFailedDetails)
		f.final = strings.HasPrefix(d.Location, "Catch[")
		x.applyFailed(f, e, d.Failure)

	case history.ParallelStateStarted, history.MapStateStarted:
		x.applyForked(f, e)
	case history.MapIterationStarted:
		x.applyIterationStarted(f, e)
	case history.MapRunStarted:
		x.applyMapRunStarted(f, e)
	case history.MapRunRedriven:
		x.applyMapRunRedriven(f, e)
	case history.MapRunSucceeded:
		x.closeTask(f)
		f.result, f.fork.lastTail, f.phase = e.Result, e.ID, distributed
		x.wake(f)
	case history.MapRunAborted:
		x.closeTask(f) // the state is about to be cut short, too
	case history.MapRunFailed:
		x.applyFailed(f, e, e.Details.(*history.FailedDetails).Failure)
	case history.MapIterationSucceeded:
		f.tail = e.ID // link keeps the event before
		x.childDone(f)
	case history.ParallelStateSucceeded, history.MapStateSucceeded:
		x.applyJoined(f)
	case history.ParallelStateFailed, history.MapStateFailed:
		x.applyStateFailed(f, e)
	case history.TaskStateAborted, history.WaitStateAborted, history.ParallelStateAborted, history.MapStateAborted:
		x.applyStateAborted(f)
	case history.MapIterationFailed, history.MapIterationAborted:
		x.cutChild(f)
	}
}

func (x *Execution) stop(status sfn.Status, e *history.Event) {
	x.status, x.stopped = status, e.Time
	if d, ok := e.Details.(*history.FailedDetails); ok {
		x.failure = d.Failure
	}
	for _, f := range x.ready {
		f.place = 0
	}
	x.owed, x.ready, x.alarms = nil, nil, nil // the flows stay as they are, for a redrive
}

func (x *Execution) applyEntered(f *flow, e *history.Event) {
	d := e.Details.(*history.StateEnteredDetails)
	f.state = f.def.States[d.Name]
	f.entered, f.cause, f.enteredAt = e.ID, e.PreviousID, e.Time
	f.tail, f.link, f.data, f.next = e.ID, e.ID, d.Input, ""
	f.retries, f.retryCount, f.result, f.failure, f.lapsed, f.final = nil, 0, nil, nil, false, false
	f.task, f.fork = task{}, fork{}
	f.phase = entered
	if x.trial != nil {
		f.entered, f.retryCount = 0, x.trial.given.Retries
	}
	switch s := f.state.(type) {
	case *asl.Wait:
		x.applyWait(f, s)
	case *asl.Fail:
		x.applyFail(f, s, e)
	}
}

func (x *Execution) applyExited(f *flow, e *history.Event) {
	d := e.Details.(*history.StateExitedDetails)
	if x.trial != nil {
		x.sawAssigned(d.Assigned)
	}
	x.set(f, d.Assigned)
	f.tail, f.link, f.data = e.ID, e.ID, d.Output
	f.next = e.Next
	if f.next == "" {
		f.next = f.state.Common().Next
	}
	f.phase, f.result, f.failure = exited, nil, nil
	x.dropChildren(f)
	f.fork = fork{}
	if f.next == "" && f.parent != nil {
		if _, branch := f.parent.state.(*asl.Parallel); branch {
			x.childDone(f) // a branch ends without an event of its own
			return
		}
	}
}

func (x *Execution) applyScheduled(f *flow, e *history.Event) {
	f.tail, f.link, f.phase = e.ID, e.ID, scheduled
	f.task = task{scheduled: e.ID}
	seconds := func(n int64) time.Duration { return time.Duration(n) * time.Second }
	switch d := e.Details.(type) {
	case *history.LambdaFunctionScheduledDetails:
		f.task.parameters, f.task.timeout, f.task.roleARN = d.Input, seconds(d.Timeout), d.RoleARN
	case *history.TaskScheduledDetails:
		f.task.parameters, f.task.timeout, f.task.heartbeat = d.Parameters, seconds(d.Timeout), seconds(d.Heartbeat)
		f.task.roleARN = d.RoleARN
	case *history.ActivityScheduledDetails:
		f.task.parameters, f.task.timeout, f.task.heartbeat = d.Input, seconds(d.Timeout), seconds(d.Heartbeat)
	}
	x.owed[e.ID] = f
}

// closeTask forgets the task's attempt: from now on an answer to it is late.
func (x *Execution) closeTask(f *flow) {
	delete(x.owed, f.task.scheduled)
	f.task = task{}
}

func (x *Execution) applyResult(f *flow, e *history.Event, output *value.Data) {
	f.tail, f.link, f.phase, f.result = e.ID, e.ID, succeeded, output
	x.saw(f, Result, output)
	x.closeTask(f)
	x.wake(f)
}
