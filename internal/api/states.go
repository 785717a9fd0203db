package api

import (
	"context"
	"iter"
	"net/http"
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
	RedriveExecution(ctx context.Context, arn, clientToken string) (time.Time, error)
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

// ofStates is the namespace of the exceptions of Step Functions.
const ofStates = "com.amazonaws.swf.service.v2.model#"

// Exceptions that are raised in this package alone.
const (
	resourceNotFound sfn.ExceptionName = "ResourceNotFound" // no Map Run has the ARN
)

// statesProtocol is how Step Functions is spoken to, with the table of all its exceptions that are raised here.
var statesProtocol = protocol{
	route:       route{title: "AWS Step Functions", target: "AWSStepFunctions", scope: "states", hosts: []string{"states"}},
	contentType: json10,
	namespace:   ofStates,
	exceptions: map[sfn.ExceptionName]exception{
		sfn.ActivityDoesNotExist:        {ofStates, http.StatusBadRequest},
		sfn.ExecutionAlreadyExists:      {ofStates, http.StatusBadRequest},
		sfn.ExecutionDoesNotExist:       {ofStates, http.StatusBadRequest},
		sfn.ExecutionLimitExceeded:      {ofStates, http.StatusBadRequest},
		sfn.ExecutionNotRedrivable:      {ofStates, http.StatusBadRequest},
		sfn.InvalidArn:                  {ofStates, http.StatusBadRequest},
		sfn.InvalidDefinition:           {ofStates, http.StatusBadRequest},
		sfn.InvalidExecutionInput:       {ofStates, http.StatusBadRequest},
		sfn.InvalidLoggingConfiguration: {ofStates, http.StatusBadRequest},
		sfn.InvalidName:                 {ofStates, http.StatusBadRequest},
		sfn.InvalidOutput:               {ofStates, http.StatusBadRequest},
		sfn.InvalidToken:                {ofStates, http.StatusBadRequest},
		sfn.StateMachineDoesNotExist:    {ofStates, http.StatusBadRequest},
		sfn.StateMachineTypeNotSupport:  {ofStates, http.StatusBadRequest},
		sfn.TaskDoesNotExist:            {ofStates, http.StatusBadRequest},
		sfn.TaskTimedOut:                {ofStates, http.StatusBadRequest},
		resourceNotFound:                {ofStates, http.StatusBadRequest},
		sfn.ValidationException:         {ofValidate, http.StatusBadRequest},
	},
}

// stepFunctions serves the API of AWS Step Functions, version 2016-11-23.
type stepFunctions struct {
	backend States
	now     func() time.Time
}

func newStepFunctions(c *Config) *stepFunctions { return &stepFunctions{backend: c.States, now: c.Now} }

// statesOperations is the table of all operations that are served.
var statesOperations = map[string]operation[*stepFunctions]{
	"DescribeExecution":    op((*stepFunctions).describeExecution),    // status, input and end of one execution
	"DescribeStateMachine": op((*stepFunctions).describeStateMachine), // one machine with its definition
	"GetExecutionHistory":  op((*stepFunctions).getExecutionHistory),  // the events of one execution, a page at a time
	"ListExecutions":       op((*stepFunctions).listExecutions),       // of a machine or a Map Run, the newest first
	"ListStateMachines":    op((*stepFunctions).listStateMachines),    // all machines
	"RedriveExecution":     op((*stepFunctions).redriveExecution),     // takes up a Standard execution that ended without success
	"SendTaskFailure":      op((*stepFunctions).sendTaskFailure),      // fails the task whose token one holds
	"SendTaskHeartbeat":    op((*stepFunctions).sendTaskHeartbeat),    // says that one is still at it
	"SendTaskSuccess":      op((*stepFunctions).sendTaskSuccess),      // ends the task whose token one holds
	"StartExecution":       op((*stepFunctions).startExecution),       // starts and returns at once
	"StartSyncExecution":   op((*stepFunctions).startSyncExecution),   // starts an Express execution and waits for its end
	"StopExecution":        op((*stepFunctions).stopExecution),        // aborts a Standard execution
}
