package engine

import (
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// phase is where a flow stands in the life of its current state.
type phase uint8

const (
	entering     phase = iota // the state named next is about to be entered
	entered                   // the state's work is about to begin
	waiting                   // a Wait state lets time pass until due
	scheduled                 // a task has been scheduled: its call is about to be started, or a worker to take it
	running                   // a task has been started: the world owes an answer
	retrying                  // the state will begin again when due
	succeeded                 // the state's work has a result
	failed                    // the state's work failed, and its own Retry does not help
	faulty                    // a field of the state could not be evaluated when it was entered
	forked                    // children are at work
	distributing              // a distributed Map has been started: its Map Run is about to be
	distributed               // the Map Run has ended well
	redriving                 // the Map Run of a redriven execution is about to go on
	closing                   // a child failed: the others are cut short, then the state fails, or begins again when due
	exited                    // the state is behind: the flow goes on or ends
	ended                     // the flow is over
)

// flow is a sequence of states in progress: the top level, a branch of a Parallel or an iteration of a Map.
type flow struct {
	number int64 // in order of creation; 0 is the top level
	def    *asl.Flow
	parent *flow
	index  int64 // of the branch or the item

	cut   bool  // cut short together with the state around it: kept aside for a redrive
	turn  int64 // the last event that happened to the flow
	place int   // in the heap of flows that can take a step, from 1; 0 if it is not there

	phase phase
	tail  int64 // the event at which the next event of the flow points
	link  int64 // the tail without MapIterationSucceeded, at which a following iteration begins
	next  string
	data  *value.Data // the current state's raw input; between states, the input of the next one
	vars  map[string]*value.Data

	state      asl.State
	entered    int64 // id of the Entered event
	cause      int64 // the event at which the Entered event points
	enteredAt  time.Time
	retries    []int64 // how often each retrier has been used
	retryCount int64   // how often any has
	result     *value.Data
	failure    *sfn.Failure
	lapsed     bool      // the failure is a lapsed heartbeat
	final      bool      // the failure arose while another was being caught: nothing catches it
	fault      *fault    // of faulty
	due        time.Time // of waiting, retrying and closing

	task task
	fork fork
}

// task is what a flow knows of its task's current attempt.
type task struct {
	scheduled  int64 // id of the Scheduled event; 0 for none
	parameters *value.Data
	roleARN    string
	submitted  *value.Data // the response that started a job or was given the token
	timeout    time.Duration
	heartbeat  time.Duration
	deadline   time.Time // zero for none
}

// fork is what a flow knows of the children of its Parallel or Map.
type fork struct {
	started  int64         // id of the Started event; 0 while there is none
	children []*flow       // by branch or item; nil before and after their time
	cut      []*flow       // those that were cut short, in the order in which they were
	results  []*value.Data // by branch or item
	lastTail int64         // the newest event among the tails of children that succeeded
	lastLink int64         // the link of the child that succeeded last
	done     int64         // how many have succeeded
	begun    int64         // how many have begun

	input       *value.Data // of every branch
	items       value.Array
	concurrency int64       // how many items may be at work at once
	item        *value.Data // input of the iteration that is about to begin, once it is known
	run         *MapRun     // of a distributed Map, once it is known

	mapRunARN      string
	mapRunEvent    int64 // id of the newest MapRunStarted or MapRunRedriven
	mapRunRedrives int64
	mapRunRedriven time.Time // when it was redriven last; zero if never

	blame  *flow // the child that failed; nil if the state's own expression did
	blamed int64 // the failing event
	again  bool  // closing ends in a new attempt, not in failure
}

// newFlow adds a flow that is about to enter its first state.
func (x *Execution) newFlow(def *asl.Flow, parent *flow, index, tail int64, input *value.Data) *flow {
	f := &flow{number: int64(len(x.flows)), def: def, parent: parent, index: index, tail: tail, link: tail, next: def.StartAt, data: input}
	x.flows = append(x.flows, f)
	x.takeTurn(f)
	x.wake(f)
	return f
}

// end closes the flow for good and forgets what it no longer needs.
func (x *Execution) end(f *flow) {
	f.phase = ended
	for _, data := range f.vars {
		x.variableBytes -= data.Size()
	}
	f.vars, f.result, f.fork.items = nil, nil, nil
	x.flows[f.number] = nil
}

// variable finds a variable in the flow's scope or in those around it.
func (f *flow) variable(name string) (value.Value, bool) {
	for ; f != nil; f = f.parent {
		if data, ok := f.vars[name]; ok {
			return data.Value(), true
		}
	}
	return nil, false
}

// wakeAt is when the flow wants to be woken; zero for never.
func (f *flow) wakeAt() time.Time {
	if f.cut {
		return time.Time{}
	}
	switch f.phase {
	case waiting, retrying:
		return f.due
	case closing:
		if f.fork.again {
			return f.due
		}
	case running:
		return f.task.deadline
	}
	return time.Time{}
}

// canStep tells whether the flow can go on at now without an answer from the world.
func (f *flow) canStep(now time.Time) bool {
	if f.isCut() {
		return false
	}
	switch f.phase {
	case entering, entered, succeeded, failed, faulty, distributing, distributed, redriving, exited:
		return true
	case scheduled:
		return !isActivity(f.state)
	case waiting, retrying:
		return !now.Before(f.due)
	case forked:
		return f.mayBegin() || f.joined()
	case closing:
		return !f.fork.again || !now.Before(f.due) || f.hasLosses()
	}
	return false
}

// isCut tells whether the flow is about to be cut short because a sibling of it, or of a flow around it, failed; or has failed itself.
func (f *flow) isCut() bool {
	if f.cut {
		return true
	}
	for p := f.parent; p != nil; p = p.parent {
		if p.cut || p.phase == closing {
			return true
		}
	}
	return false
}

func isActivity(s asl.State) bool {
	t, ok := s.(*asl.Task)
	return ok && t.Resource.Kind == asl.ResourceActivity
}
