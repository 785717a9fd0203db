package api

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// States is what stands behind the operations of Step Functions. Errors that are an [*sfn.Exception] are answered as such.
type States interface {
	Machines
	Executions
	Tasks
}

// Machines are the state machines.
type Machines interface {
	// Machines lists the current revision of every machine, by ARN.
	Machines() ([]store.Machine, error)
	// Machine returns the current revision of the machine.
	Machine(arn string) (store.Machine, error)
}

// Executions are what the machines do.
type Executions interface {
	StartExecution(ctx context.Context, req runner.StartRequest) (runner.Started, error)
	StartSyncExecution(ctx context.Context, req runner.StartRequest) (runner.Started, runner.Outcome, error)
	StopExecution(ctx context.Context, arn string, reason sfn.Failure) (time.Time, error)
	Describe(arn string) (runner.Description, error)
	// Executions lists executions, the newest first, with the cursor of the next page.
	Executions(f store.Filter) ([]store.Execution, string, error)
	// History reads the events from the given id on.
	History(arn string, from int64) (iter.Seq2[history.Event, error], store.Execution, error)
}

// Tasks are the tasks that wait for whoever holds their token.
type Tasks interface {
	SendTaskSuccess(ctx context.Context, token, output string) error
	SendTaskFailure(ctx context.Context, token string, failure sfn.Failure) error
	SendTaskHeartbeat(ctx context.Context, token string) error
}

// statesTarget is what comes before the operation in X-Amz-Target.
const statesTarget = "AWSStepFunctions"

// stepFunctions serves the API of AWS Step Functions, version 2016-11-23.
type stepFunctions struct {
	backend States
	now     func() time.Time
}

// operation decodes a request, carries it out and returns the response.
type operation func(s *stepFunctions, ctx context.Context, body []byte) (any, error)

// op makes an operation out of a method with a typed request and response.
func op[In, Out any](do func(*stepFunctions, context.Context, *In) (Out, error)) operation {
	return func(s *stepFunctions, ctx context.Context, body []byte) (any, error) {
		in := new(In)
		if err := decode(body, in); err != nil {
			return nil, err
		}
		return do(s, ctx, in)
	}
}

// statesOperations is the table of all operations that are served.
var statesOperations = map[string]operation{
	"DescribeExecution":    op((*stepFunctions).describeExecution),    // status, input and end of one execution
	"DescribeStateMachine": op((*stepFunctions).describeStateMachine), // one machine with its definition
	"GetExecutionHistory":  op((*stepFunctions).getExecutionHistory),  // the events of one execution, a page at a time
	"ListExecutions":       op((*stepFunctions).listExecutions),       // of a machine or a Map Run, the newest first
	"ListStateMachines":    op((*stepFunctions).listStateMachines),    // all machines
	"SendTaskFailure":      op((*stepFunctions).sendTaskFailure),      // fails the task whose token one holds
	"SendTaskHeartbeat":    op((*stepFunctions).sendTaskHeartbeat),    // says that one is still at it
	"SendTaskSuccess":      op((*stepFunctions).sendTaskSuccess),      // ends the task whose token one holds
	"StartExecution":       op((*stepFunctions).startExecution),       // starts and returns at once
	"StartSyncExecution":   op((*stepFunctions).startSyncExecution),   // starts an Express execution and waits for its end
	"StopExecution":        op((*stepFunctions).stopExecution),        // aborts a Standard execution
}

// served lists the operations for people.
func served() string {
	names := make([]string, 0, len(statesOperations))
	for name := range statesOperations {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// nothing is the response of operations that have none.
type nothing struct{}

func (s *stepFunctions) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return unknownOperation("AWS Step Functions is called by POST, not %s.", r.Method)
	}
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	do, ok := statesOperations[name]
	if !ok {
		return unknownOperation("The operation %.100q of AWS Step Functions is not served here. Served are %s.", name, served())
	}
	body, err := readBody(r)
	if err != nil {
		return err
	}
	out, err := do(s, r.Context(), body)
	if err != nil {
		return err
	}
	return writeResult(w, out)
}
