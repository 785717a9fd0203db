package engine

import (
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// Identity is what an execution is told about itself and does not find in its history.
type Identity struct {
	// ARN and Name are the execution's.
	ARN, Name string
	// MachineARN and MachineName are the state machine's, as the Context object shows them.
	MachineARN, MachineName string
	// VersionARN and AliasARN say what it was started by, where that was not the machine itself.
	VersionARN, AliasARN string
	RoleARN              string
	// Unattended tells that nobody waits for the end of an Express execution: the Context object then counts its redrives, as that of a
	// Standard one does, and of which it has none.
	Unattended bool
}

// Execution is one run of a machine. It belongs to one goroutine at a time.
type Execution struct {
	machine  *asl.Machine
	identity Identity

	status           sfn.Status
	started, stopped time.Time
	input, output    *value.Data
	failure          sfn.Failure // of an execution that did not succeed
	redriveCount     int64
	redriven         time.Time // when it was last; zero if never
	redrives         []redrive // the newest, for their client tokens

	lastID   int64
	lastTime time.Time
	flows    []*flow         // by number; ended ones are nil once nobody needs them
	owed     map[int64]*flow // by the id of the Scheduled event: tasks without an answer
	ready    ready           // flows that can take a step
	alarms   alarms          // when flows want to be woken
	deadline time.Time       // of the whole execution
	// variableBytes is the size of all variables of flows that have not ended.
	variableBytes int

	prepare func(asl.Resource, *value.Data) (*value.Data, string)
	trial   *trial // of a test of a single state; nil of any other execution

	// What follows lives during one Advance.

	now  time.Time
	out  []history.Event
	room int // how many more events this Advance may cause

	holding bool // flows take no steps
}

// New returns an execution that has not been started. A machine is shared; an execution never changes it.
func New(machine *asl.Machine, identity Identity) *Execution {
	return &Execution{machine: machine, identity: identity, owed: map[int64]*flow{}}
}

// Fold rebuilds an execution from its history. An error says that the events are no history of this machine.
func Fold(machine *asl.Machine, identity Identity, events iter.Seq2[history.Event, error]) (x *Execution, err error) {
	x = New(machine, identity)
	// apply trusts the order of events, as Advance writes them. A history that was written by something else ends here, not in a panic.
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("fold history of %s at event %d: not a history of this machine: %v", identity.ARN, x.lastID+1, fault)
		}
	}()
	for e, err := range events {
		if err != nil {
			return nil, err
		}
		if e.ID != x.lastID+1 {
			return nil, fmt.Errorf("fold history of %s: event %d follows event %d", identity.ARN, e.ID, x.lastID)
		}
		x.apply(&e)
	}
	for _, f := range x.flows {
		if f != nil && x.status == sfn.StatusRunning && f.canStep(x.lastTime) {
			x.wake(f)
		}
	}
	x.prune()
	return x, nil
}

// PrepareTasks has f asked before a task is scheduled. It returns the parameters with which the task is, or a sentence that says why it cannot
// be, which ends the execution. It is how the execution learns of an activity that has been deleted, of parameters that a service does not
// know, and of those that the service integration adds. What came of it is in the history, so folding does not ask.
func (x *Execution) PrepareTasks(f func(r asl.Resource, parameters *value.Data) (prepared *value.Data, why string)) {
	x.prepare = f
}

// Status is where the execution stands; "" before it was started.
func (x *Execution) Status() sfn.Status { return x.status }

// Started and Stopped are when the execution began and ended; zero while it has not.
func (x *Execution) Started() time.Time { return x.started }

// Stopped is when the execution ended; zero while it has not.
func (x *Execution) Stopped() time.Time { return x.stopped }

// Input is the execution's input.
func (x *Execution) Input() *value.Data { return x.input }

// Output is the execution's output; nil unless it succeeded.
func (x *Execution) Output() *value.Data { return x.output }

// Failure is why the execution did not succeed; zero if it did, or if no reason was given.
func (x *Execution) Failure() sfn.Failure { return x.failure }

// LastEventID is the id of the newest event.
func (x *Execution) LastEventID() int64 { return x.lastID }

// Machine is the definition that the execution runs.
func (x *Execution) Machine() *asl.Machine { return x.machine }

// Identity is what the execution was told about itself.
func (x *Execution) Identity() Identity { return x.identity }

// chance returns the source of what looks like chance when the field is evaluated after the event.
func (x *Execution) chance(event int64, field string) *payload.Chance {
	return payload.NewChance(x.chanceSeed(field), event)
}

func (x *Execution) chanceSeed(field string) string {
	if x.redriveCount > 0 {
		field += " " + strconv.FormatInt(x.redriveCount, 10) // a state that begins again after the same event draws anew
	}
	return x.identity.ARN + " " + strconv.FormatInt(x.started.UnixMilli(), 10) + " " + field
}

// limit is how long the execution may take.
func (x *Execution) limit() time.Duration {
	limit := sfn.MaxStandardDuration
	if x.machine.Type == sfn.Express {
		limit = sfn.MaxExpressDuration
	}
	if own := time.Duration(x.machine.TimeoutSeconds) * time.Second; own > 0 && own < limit {
		limit = own
	}
	return limit
}
