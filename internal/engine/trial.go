package engine

import (
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// This file is what a test of a single state adds to an execution (spec api.md section 6). The state runs as any other does, through the same
// code; an execution on trial notes what each step of it made of the data, and ends where the state is left.

// Trial is what a test of a state is given beside its input.
type Trial struct {
	// Variables are assigned before the state is entered.
	Variables *value.Object
	// Context stands in for the Context object; nil for the execution's own.
	Context *value.Object
	// Retries is how often the retrier that matches a failure has been used.
	Retries int64
}

func (t *Trial) contextMembers() []value.Member {
	members := make([]value.Member, 0, t.Context.Len()+1)
	for name, v := range t.Context.All() {
		members = append(members, value.Member{Name: name, Value: v})
	}
	return members
}

// Step names what a state has made of its data, as the API does.
type Step string

// The steps.
const (
	AfterArguments      Step = "afterArguments"
	AfterInputPath      Step = "afterInputPath"
	AfterParameters     Step = "afterParameters"
	Result              Step = "result"
	AfterResultSelector Step = "afterResultSelector"
	AfterResultPath     Step = "afterResultPath"
	AfterItemsPath      Step = "afterItemsPath"
)

// shownSteps says which types of states show a step, and whether only those of one query language do (recorded).
var shownSteps = map[Step]struct {
	language asl.QueryLanguage // "" for both
	types    []asl.StateType
}{
	AfterArguments: {asl.JSONata, []asl.StateType{asl.TypeTask}},
	AfterInputPath: {asl.JSONPath, []asl.StateType{
		asl.TypeTask, asl.TypeWait, asl.TypePass, asl.TypeSucceed, asl.TypeFail, asl.TypeChoice, asl.TypeMap}}, // not Parallel
	AfterParameters:     {asl.JSONPath, []asl.StateType{asl.TypeTask, asl.TypePass}},
	Result:              {"", []asl.StateType{asl.TypeTask, asl.TypePass}}, // of a Pass the constant
	AfterResultSelector: {asl.JSONPath, []asl.StateType{asl.TypeTask, asl.TypePass, asl.TypeParallel, asl.TypeMap}},
	AfterResultPath:     {asl.JSONPath, []asl.StateType{asl.TypeTask, asl.TypePass, asl.TypeParallel, asl.TypeMap}},
	AfterItemsPath:      {asl.JSONPath, []asl.StateType{asl.TypeMap}},
}

// Findings is what a trial has noted.
type Findings struct {
	// Steps are what the state made of its data.
	Steps map[Step]*value.Data
	// Next is the following state, "" where the flow ends.
	Next string
	// Variables are those in scope after the state: the given ones, and what Assign made.
	Variables []history.Variable
	// Retrier and Catcher are which element of Retry matched the failure, and of Catch; -1 for none.
	Retrier, Catcher int
	// Backoff is how long the retrier waits. Retriable tells that it has attempts left: then the trial is over, and nothing has caught
	// the failure.
	Backoff   time.Duration
	Retriable bool
	// Failure is what the state failed with, caught or not; nil if it did not.
	Failure *sfn.Failure
	// Inputs are those of an inline Map's iterations. A distributed Map leaves them to whoever answers it.
	Inputs []*value.Data
	// Concurrency is a Map's, evaluated; nil of other states.
	Concurrency *int64
}

// trial is what an execution on trial keeps.
type trial struct {
	given Trial
	Findings
}

// NewTrial returns an execution that tests the one state of the machine. Whatever Parallel and Map run is an obligation like that of a
// distributed Map.
func NewTrial(machine *asl.Machine, identity Identity, given Trial) *Execution {
	x := New(machine, identity)
	x.trial = &trial{given: given, Findings: Findings{
		Steps: map[Step]*value.Data{}, Retrier: -1, Catcher: -1,
	}}
	return x
}

// Findings is what a trial has noted so far; nil of an ordinary execution.
func (x *Execution) Findings() *Findings {
	if x.trial == nil {
		return nil
	}
	return &x.trial.Findings
}

// Tried tells whether the trial is over.
func (x *Execution) Tried() bool { return x.status.Ended() || x.trial != nil && x.trial.Retriable }

// shows tells whether the flow's state shows the step.
func (x *Execution) shows(f *flow, s Step) bool {
	if x.trial == nil {
		return false
	}
	c := f.state.Common()
	shown := shownSteps[s]
	if shown.language != "" && shown.language != c.QueryLanguage {
		return false
	}
	for _, t := range shown.types {
		if t == c.Type {
			return true
		}
	}
	return false
}

// saw notes what the step made of the data.
func (x *Execution) saw(f *flow, s Step, data *value.Data) {
	if x.shows(f, s) {
		x.trial.Steps[s] = data
	}
}

// beginTrial assigns the given variables to the top level.
func (x *Execution) beginTrial(f *flow) {
	f.vars = map[string]*value.Data{}
	if x.trial.given.Variables == nil {
		return
	}
	for name, v := range x.trial.given.Variables.All() {
		data := value.NewData(v)
		f.vars[name] = data
		x.trial.Variables = append(x.trial.Variables, history.Variable{Name: name, Value: data})
	}
}

// leaveTrial ends the trial where the state is left.
func (x *Execution) leaveTrial(f *flow) {
	x.trial.Next = f.next
	x.emit(nil, history.ExecutionSucceeded, f.tail, &history.OutputDetails{Output: f.data})
}

// sawAssigned notes the variables that the state assigned.
func (x *Execution) sawAssigned(assigned []history.Variable) {
next:
	for _, a := range assigned {
		for i := range x.trial.Variables {
			if x.trial.Variables[i].Name == a.Name {
				x.trial.Variables[i] = a
				continue next
			}
		}
		x.trial.Variables = append(x.trial.Variables, a)
	}
}

// oweTrial makes an obligation of what a Parallel or an inline Map on trial would run.
func (x *Execution) oweTrial(f *flow, e *history.Event) {
	f.tail, f.link, f.phase = e.ID, e.ID, running
	f.task = task{scheduled: e.ID}
	x.owed[e.ID] = f
}

// tryItems works out the input of every iteration of an inline Map at once, as AWS shows them.
func (x *Execution) tryItems(f *flow, s *asl.Map) *fault {
	inputs := make([]*value.Data, len(f.fork.items))
	for i := range inputs {
		var why *fault
		if inputs[i], why = x.itemInput(f, s, int64(i)); why != nil {
			return why
		}
	}
	x.trial.Inputs = inputs
	return nil
}

// sawConcurrency notes the MaxConcurrency of a Map as it was evaluated, before the quotas bound it.
func (x *Execution) sawConcurrency(n int64) {
	if x.trial != nil {
		x.trial.Concurrency = &n
	}
}

// sawFailure notes that the state failed.
func (x *Execution) sawFailure(failure *sfn.Failure) {
	if x.trial != nil {
		x.trial.Failure = failure
	}
}

// triedRetrier notes that the retrier matches the failure, and returns how often it counts as used.
func (x *Execution) triedRetrier(i int, used int64) int64 {
	if x.trial == nil {
		return used
	}
	x.trial.Retrier = i
	return x.trial.given.Retries
}

// triedRetry ends the trial: the state would begin again after the delay.
func (x *Execution) triedRetry(delay time.Duration) {
	if x.trial != nil {
		x.trial.Backoff, x.trial.Retriable = delay, true
		x.holding = true // for good
	}
}

// triedCatcher notes which catcher takes the failure.
func (x *Execution) triedCatcher(f *flow, c *asl.Catcher) {
	if x.trial == nil {
		return
	}
	catchers := catchersOf(f.state)
	for i := range catchers {
		if c == &catchers[i] {
			x.trial.Catcher = i
		}
	}
}

// roleContext is what the Context object says of the role, without which only a trial runs.
func (x *Execution) roleContext() value.Value {
	if x.trial != nil && x.identity.RoleARN == "" {
		return value.Null{}
	}
	return value.String(x.identity.RoleARN)
}
