package engine

import (
	"container/heap"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// Input is what can happen to an execution: [Start], [Tick], [TaskSubmitted], [TaskSucceeded], [TaskFailed], [HeartbeatLapsed],
// [MapRunSucceeded], [MapRunFailed], [ActivityStarted], [Stop] or [Redrive]. The Task inputs name the Scheduled event that they answer; one
// that answers nothing open changes nothing.
type Input interface{ input() }

type (
	// Start begins the execution. It must be the first input.
	Start struct{ Input *value.Data }
	// Tick lets time pass, and lets an execution go on that had more to do than one Advance takes.
	Tick struct{}
	// TaskSubmitted says that a job was started, or the request with the task token delivered.
	TaskSubmitted struct {
		Scheduled int64
		Output    *value.Data
	}
	// TaskSucceeded gives a task's result.
	TaskSucceeded struct {
		Scheduled int64
		Output    *value.Data
	}
	// TaskFailed says why a task has no result.
	TaskFailed struct {
		Scheduled int64
		Failure   sfn.Failure
	}
	// HeartbeatLapsed says that whoever holds the task token has been silent for longer than the heartbeat. Heartbeats leave no event
	// (spec history.md section 4.2), so they are counted by whoever records the history, not here.
	HeartbeatLapsed struct{ Scheduled int64 }
	// ActivityStarted says that a worker took the task.
	ActivityStarted struct {
		Scheduled int64
		Worker    string
	}
	// MapRunSucceeded gives the results of a distributed Map. Its Scheduled event is the MapRunStarted.
	MapRunSucceeded struct {
		Scheduled int64
		Output    *value.Data
	}
	// MapRunFailed says why a distributed Map has no results.
	MapRunFailed struct {
		Scheduled int64
		Failure   sfn.Failure
	}
	// Stop aborts the execution.
	Stop struct{ Reason sfn.Failure }
	// Redrive takes up a Standard execution that has ended without success. The token is the client's, "" for none.
	Redrive struct{ Token string }
)

func (Start) input()           {}
func (Tick) input()            {}
func (TaskSubmitted) input()   {}
func (TaskSucceeded) input()   {}
func (TaskFailed) input()      {}
func (HeartbeatLapsed) input() {}
func (ActivityStarted) input() {}
func (MapRunSucceeded) input() {}
func (MapRunFailed) input()    {}
func (Stop) input()            {}
func (Redrive) input()         {}

// maxEventsPerAdvance bounds how long one Advance takes. It is above what a Standard execution can cause in a few milliseconds
// of work, and keeps an endless loop of an Express execution from holding its goroutine.
const maxEventsPerAdvance = 4096

// Advance takes the input at the time now and returns the events that it causes. After at most a few thousand events it returns early;
// [Execution.HasMore] then says so, and a [Tick] goes on.
func (x *Execution) Advance(in Input, now time.Time) []history.Event {
	now = now.UTC().Truncate(time.Millisecond)
	if now.Before(x.lastTime) {
		now = x.lastTime // a clock that was set back must not make history go backwards
	}
	x.now, x.out, x.room = now, nil, maxEventsPerAdvance
	switch {
	case x.status == "":
		if start, ok := in.(Start); ok {
			x.start(start)
		}
	case x.status.Ended():
		if in, ok := in.(Redrive); ok {
			x.redrive(in)
		}
	case !x.timeOut():
		x.take(in)
		x.ring()
	}
	x.settle()
	out := x.out
	x.out = nil
	return out
}

// HasMore tells whether the execution could go on at once.
func (x *Execution) HasMore() bool { return len(x.ready) > 0 && x.status == sfn.StatusRunning }

func (x *Execution) start(in Start) {
	x.emit(nil, history.ExecutionStarted, 0, &history.ExecutionStartedDetails{
		Input:                in.Input,
		RoleARN:              x.identity.RoleARN,
		StateMachineAliasARN: x.identity.AliasARN,
		VersionARN:           x.identity.VersionARN,
	})
}

// timeOut ends an execution whose time is over. The event bears the exact time, however late it is noticed.
func (x *Execution) timeOut() bool {
	if x.now.Before(x.deadline) {
		return false
	}
	if x.deadline.After(x.lastTime) {
		x.now = x.deadline
	}
	x.emit(nil, history.ExecutionTimedOut, 0, &history.FailedDetails{Failure: *sfn.FailWithoutCause(sfn.ErrorTimeout)})
	return true
}

// take hands an answer to the flow that waits for it.
func (x *Execution) take(in Input) {
	switch in := in.(type) {
	case Stop:
		x.emit(nil, history.ExecutionAborted, 0, &history.FailedDetails{Failure: in.Reason})
	case TaskSubmitted:
		if f := x.awaiting(in.Scheduled, running); f != nil && f.task.submitted == nil {
			x.taskSubmitted(f, in.Output)
		}
	case TaskSucceeded:
		if f := x.awaiting(in.Scheduled, running); f != nil {
			x.taskSucceeded(f, in.Output)
		}
	case TaskFailed:
		if f := x.awaiting(in.Scheduled, running); f != nil {
			x.taskFailed(f, in.Failure)
		}
	case HeartbeatLapsed:
		if f := x.awaiting(in.Scheduled, running); f != nil {
			x.taskTimedOut(f)
		}
	case MapRunSucceeded:
		if f := x.awaiting(in.Scheduled, running); f != nil {
			x.emitEvent(f, history.Event{Type: history.MapRunSucceeded, PreviousID: f.tail, Result: in.Output})
		}
	case MapRunFailed:
		if f := x.awaiting(in.Scheduled, running); f != nil {
			x.emit(f, history.MapRunFailed, f.tail, &history.FailedDetails{Failure: in.Failure})
		}
	case ActivityStarted:
		if f := x.awaiting(in.Scheduled, scheduled); f != nil && isActivity(f.state) {
			x.emit(f, history.ActivityStarted, f.tail, &history.ActivityStartedDetails{WorkerName: in.Worker})
		}
	}
}

// awaiting returns the flow whose task was scheduled with the event and is in the phase; nil if that is no longer so.
func (x *Execution) awaiting(scheduled int64, p phase) *flow {
	f := x.owed[scheduled]
	if f == nil || f.phase != p || f.isCut() {
		return nil
	}
	return f
}

// ring wakes the flows whose time has come.
func (x *Execution) ring() {
	for x.status == sfn.StatusRunning {
		first, ok := x.nextAlarm()
		if !ok || x.now.Before(first.at) {
			return
		}
		x.alarms.drop()
		switch f := first.flow; {
		case f.phase != running:
			x.wake(f)
		case !f.isCut():
			x.taskTimedOut(f)
		}
	}
}

// settle lets flows take steps, each in its turn, until all of them wait for the world or the room is used up.
func (x *Execution) settle() {
	for len(x.ready) > 0 && x.room > 0 && !x.holding && x.status == sfn.StatusRunning {
		f := heap.Pop(&x.ready).(*flow)
		if f.phase == ended || !f.canStep(x.now) {
			continue
		}
		x.step(f)
		if f.phase != ended && f.canStep(x.now) {
			x.wake(f)
		}
	}
	x.prune()
}

// prune drops flows that cannot take a step after all, so that what is left tells whether there is more to do.
func (x *Execution) prune() {
	for len(x.ready) > 0 && (x.ready[0].phase == ended || !x.ready[0].canStep(x.lastTime)) {
		heap.Pop(&x.ready)
	}
}

// step takes the flow on by one event, or by the few that belong together.
func (x *Execution) step(f *flow) {
	switch f.phase {
	case entering:
		x.enter(f)
	case entered, retrying:
		x.begin(f) // never a Wait or Fail: apply has worked out when it is due, or why it fails
	case waiting:
		x.finish(f, f.data)
	case scheduled:
		x.startTask(f)
	case succeeded:
		x.finish(f, f.result)
	case failed:
		x.handleFailure(f)
	case faulty:
		x.raise(f, f.fault)
	case forked:
		x.stepFork(f)
	case distributing:
		x.startMapRun(f, f.state.(*asl.Map))
	case redriving:
		x.redriveMapRun(f)
	case distributed:
		x.emit(f, history.MapStateSucceeded, f.fork.lastTail, nil)
	case closing:
		x.stepClosing(f)
	case exited:
		x.leave(f)
	}
}

// enter enters the next state.
func (x *Execution) enter(f *flow) {
	s := f.def.States[f.next]
	x.emit(f, enteredEvents[s.Common().Type], f.tail, &history.StateEnteredDetails{Name: f.next, Input: f.data})
}

var enteredEvents = map[asl.StateType]history.Type{
	asl.TypeTask: history.TaskStateEntered, asl.TypeWait: history.WaitStateEntered, asl.TypePass: history.PassStateEntered,
	asl.TypeSucceed: history.SucceedStateEntered, asl.TypeFail: history.FailStateEntered, asl.TypeChoice: history.ChoiceStateEntered,
	asl.TypeParallel: history.ParallelStateEntered, asl.TypeMap: history.MapStateEntered,
}

var exitedEvents = map[asl.StateType]history.Type{
	asl.TypeTask: history.TaskStateExited, asl.TypeWait: history.WaitStateExited, asl.TypePass: history.PassStateExited,
	asl.TypeSucceed: history.SucceedStateExited, asl.TypeChoice: history.ChoiceStateExited,
	asl.TypeParallel: history.ParallelStateExited, asl.TypeMap: history.MapStateExited,
}

// begin starts, or starts again, the work of the state that was entered.
func (x *Execution) begin(f *flow) {
	switch s := f.state.(type) {
	case *asl.Pass:
		x.pass(f, s)
	case *asl.Succeed:
		x.finish(f, f.data)
	case *asl.Choice:
		x.choose(f, s)
	case *asl.Task:
		x.schedule(f, s)
	case *asl.Parallel:
		x.forkBranches(f, s)
	case *asl.Map:
		x.forkItems(f, s)
	}
}

// leave follows the exited state: the flow ends, or the next state is entered.
func (x *Execution) leave(f *flow) {
	switch {
	case x.trial != nil:
		x.leaveTrial(f)
	case f.next != "":
		x.enter(f)
	case f.parent == nil:
		x.emit(nil, history.ExecutionSucceeded, f.tail, &history.OutputDetails{Output: f.data})
	default:
		x.emit(f, history.MapIterationSucceeded, f.tail, &history.MapIterationDetails{
			Name: f.parent.state.Common().Name, Index: f.index,
		})
	}
}

// emit records that something happened: the event gets its id and time, and changes the execution. After the end, and beyond the quota on
// events, nothing happens any more.
func (x *Execution) emit(f *flow, t history.Type, previous int64, d history.Details) {
	x.emitEvent(f, history.Event{Type: t, PreviousID: previous, Details: d})
}

func (x *Execution) emitEvent(f *flow, e history.Event) {
	if x.status.Ended() && e.Type != history.ExecutionRedriven {
		return
	}
	if x.lastID+1 >= sfn.MaxHistoryEvents && x.machine.Type != sfn.Express && !e.Type.EndsExecution() {
		f = nil
		e = history.Event{Type: history.ExecutionFailed, PreviousID: x.lastID, Details: &history.FailedDetails{
			Failure: *sfn.Fail(sfn.ErrorRuntime, "The execution reached the maximum number of history events (%d).", sfn.MaxHistoryEvents)}}
	}
	clip(e.Details)
	e.ID, e.Time = x.lastID+1, x.now
	if f != nil {
		e.Flow = f.number
	}
	x.apply(&e)
	x.out = append(x.out, e)
	x.room -= 1 + dataSize(e.Details)/bytesPerEvent
}

// bytesPerEvent is how much data an event may bring along before it counts as another one. So what one Advance causes is bounded in memory,
// too: thousands of branches may each be given the largest payload.
const bytesPerEvent = 4096

// dataSize is the size of the data that an event of its own brings along, in bytes.
func dataSize(d history.Details) int {
	switch d := d.(type) {
	case *history.StateEnteredDetails:
		return d.Input.Size()
	case *history.StateExitedDetails:
		size := d.Output.Size()
		for _, v := range d.Assigned {
			size += v.Value.Size()
		}
		return size
	case *history.TaskScheduledDetails:
		return d.Parameters.Size()
	case *history.LambdaFunctionScheduledDetails:
		return d.Input.Size()
	case *history.ActivityScheduledDetails:
		return d.Input.Size()
	}
	return 0 // the results of tasks come one at a time
}

// clip holds what an event says of a failure to the quotas on its texts: what a function throws, and messages that quote the data, know none.
func clip(d history.Details) {
	switch d := d.(type) {
	case *history.FailedDetails:
		d.Failure = d.Failure.Clipped()
	case *history.TaskFailedDetails:
		d.Failure = d.Failure.Clipped()
	case *history.EvaluationFailedDetails:
		d.Failure = d.Failure.Clipped()
	}
}

// Record takes the input like [Execution.Advance] but lets nothing follow from it: whoever is about to stop records what has already
// happened, and the execution goes on when it is folded again.
func (x *Execution) Record(in Input, now time.Time) []history.Event {
	x.holding = true
	defer func() { x.holding = false }()
	return x.Advance(in, now)
}
