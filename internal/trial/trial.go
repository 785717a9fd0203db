package trial

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

// Request is what a test is made of: the members of TestState's request.
type Request struct {
	// Definition is that of a state or, with a StateName, that of a machine.
	Definition string
	StateName  sfn.OptString
	RoleARN    sfn.OptString
	// Input, Context and Variables are JSON.
	Input, Context, Variables sfn.OptString
	// Reveal asks for secrets in what an HTTP request and its response looked like.
	Reveal bool
	// Mock is nil where the task is to be performed.
	Mock *Mock
	// RetryCount, FailureCount, FailedState and ReaderData are the state's configuration.
	RetryCount   int64
	FailureCount *int64 // of a Map's iterations
	FailedState  sfn.OptString
	ReaderData   sfn.OptString
}

// Mock stands in for what the state's work would give.
type Mock struct {
	Result sfn.OptString
	// Failure is nil where the work is to succeed.
	Failure *sfn.Failure
	// Validation is how the result is held against the service's API; "" is [Strict].
	Validation Validation
}

// Validation is how strictly a mocked result is checked.
type Validation string

// The modes of validation.
const (
	Strict  Validation = "STRICT"  // required members must be there, and all must be right
	Present Validation = "PRESENT" // the members that are there must be right
	None    Validation = "NONE"    // anything goes
)

// Validations lists the modes.
func Validations() []Validation { return []Validation{Strict, Present, None} }

// Status is how a test ended.
type Status string

// The statuses.
const (
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	Retriable Status = "RETRIABLE"    // a retrier would have the state begin again
	Caught    Status = "CAUGHT_ERROR" // a catcher took the failure
)

// Report is what came of a test.
type Report struct {
	Status  Status
	Output  *value.Data // nil unless the state was left
	Failure *sfn.Failure
	// Input is what the state was given.
	Input *value.Data
	// Findings tell the steps on the way.
	*engine.Findings
	// Map is what a Map did with its items; nil of other states, and of one that failed before.
	Map *MapReport
	// HTTP is what was sent and received, for an HTTP Task.
	HTTP *task.HTTPTrace
}

// Performer makes the calls of Task states.
type Performer interface {
	Prepare(r asl.Resource, parameters *value.Data) (prepared *value.Data, why string)
	Perform(ctx context.Context, c task.Call) (*value.Data, *sfn.Failure)
}

// Tester tests states. All its members are required.
type Tester struct {
	Tasks  Performer
	Shapes Shapes
	Place  sfn.Place
	Now    func() time.Time
}

// test is a test that has been checked.
type test struct {
	*Tester
	req     *Request
	machine *asl.Machine
	state   asl.State
	input   *value.Data
	result  *value.Data // the mocked one
	given   engine.Trial
}

// Test tests a state. The error is an [*sfn.Exception] where the request is at fault.
func (t *Tester) Test(ctx context.Context, req *Request) (*Report, error) {
	s := &test{Tester: t, req: req}
	if err := s.check(); err != nil {
		return nil, err
	}
	x := engine.NewTrial(s.machine, s.identity(), s.given)
	if req.Mock == nil {
		x.PrepareTasks(t.Tasks.Prepare)
	}
	x.Advance(engine.Start{Input: s.input}, t.Now())
	r := &Report{Input: s.input, Findings: x.Findings()}
	for !x.Tried() {
		answer, err := s.next(ctx, x, r)
		if err != nil {
			return nil, err
		}
		x.Advance(answer, t.Now())
	}
	s.conclude(x, r)
	return r, nil
}

// identity makes up the execution that the state believes to be in.
func (s *test) identity() engine.Identity {
	id := uuid.NewString()
	machine := s.Place.StateMachineARN(id)
	name := uuid.NewString()
	return engine.Identity{
		ARN: strings.Replace(machine, ":stateMachine:", ":express:", 1) + ":" + name, Name: name,
		MachineARN: machine, MachineName: id, RoleARN: s.req.RoleARN.Text,
	}
}

// next finds what the state waits for, and waits for it.
func (s *test) next(ctx context.Context, x *engine.Execution, r *Report) (engine.Input, error) {
	owed := x.Pending()
	switch {
	case x.HasMore():
		return engine.Tick{}, nil
	case len(owed) == 0:
		return engine.Tick{}, s.wait(ctx, x.WakeAt())
	case owed[0].Resource.Kind == asl.ResourceActivity && !owed[0].Started:
		return engine.ActivityStarted{Scheduled: owed[0].Scheduled}, nil
	case s.req.Mock != nil:
		return s.mocked(ctx, owed[0], r)
	}
	return s.perform(ctx, x, owed[0], r)
}

// wait lets time pass.
func (s *test) wait(ctx context.Context, until time.Time) error {
	timer := time.NewTimer(until.Sub(s.Now()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// perform makes the call of a Task for as long as the state gives it time.
func (s *test) perform(ctx context.Context, x *engine.Execution, o engine.Obligation, r *Report) (engine.Input, error) {
	limited, cancel := context.WithTimeout(ctx, x.WakeAt().Sub(s.Now()))
	defer cancel()
	if o.Resource.Service == "http" {
		r.HTTP = &task.HTTPTrace{Reveal: s.req.Reveal}
		limited = task.WithHTTPTrace(limited, r.HTTP)
	}
	c := task.Call{Resource: o.Resource, Parameters: o.Parameters.Freeze(), Execution: x.Identity().ARN, RoleARN: o.RoleARN}
	if c.RoleARN == "" {
		c.RoleARN = x.Identity().RoleARN
	}
	type answer struct {
		output  *value.Data
		failure *sfn.Failure
	}
	answered := make(chan answer, 1)
	go func() {
		output, failure := s.Tasks.Perform(limited, c)
		answered <- answer{output, failure}
	}()
	select {
	case a := <-answered:
		switch {
		case limited.Err() != nil:
			return engine.Tick{}, ctx.Err()
		case a.failure != nil:
			return engine.TaskFailed{Scheduled: o.Scheduled, Failure: *a.failure}, nil
		}
		return engine.TaskSucceeded{Scheduled: o.Scheduled, Output: a.output}, nil
	case <-limited.Done():
		return engine.Tick{}, ctx.Err()
	}
}

// conclude tells how the test ended.
func (s *test) conclude(x *engine.Execution, r *Report) {
	r.Failure = r.Findings.Failure
	switch {
	case r.Retriable:
		r.Status = Retriable
	case x.Status() == sfn.StatusSucceeded && r.Catcher >= 0:
		r.Status, r.Output = Caught, x.Output()
	case x.Status() == sfn.StatusSucceeded:
		r.Status, r.Output = Succeeded, x.Output()
	default:
		failure := x.Failure()
		r.Status, r.Failure, r.Catcher = Failed, &failure, -1
	}
}

// VariablesText is the variables as an object, "" for none.
func (r *Report) VariablesText() string {
	if len(r.Variables) == 0 {
		return ""
	}
	return variablesText(r.Variables)
}

func variablesText(variables []history.Variable) string {
	members := make([]value.Member, 0, len(variables))
	for _, v := range variables {
		members = append(members, value.Member{Name: v.Name, Value: v.Value.Value()})
	}
	return value.Text(value.NewObject(members...))
}
