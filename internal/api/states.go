package api

import (
	"context"
	"iter"
	"net/http"
	"reflect"
	"time"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trial"
)

// States is what stands behind the operations of Step Functions. Errors that are an [*sfn.Exception] are answered as such.
type States interface {
	Machines
	MachineChanges
	Versions
	Aliases
	Tags
	Activities
	Executions
	MapRuns
	Trials
	Tasks
}

// Machines are the state machines.
type Machines interface {
	// Machines lists the current revision of every machine, by ARN.
	Machines() ([]store.Machine, error)
	// Machine returns the current revision of the machine.
	Machine(arn string) (store.Machine, error)
	// DescribeMachine describes a machine, or the revision that a version stands for.
	DescribeMachine(arn string) (runner.MachineDescription, error)
	// DescribeMachineFor describes the revision that an execution runs.
	DescribeMachineFor(execution string) (runner.MachineDescription, error)
}

// MachineChanges are what happens to state machines.
type MachineChanges interface {
	CreateMachine(place sfn.Place, n runner.NewMachine) (runner.CreatedMachine, error)
	UpdateMachine(arn string, u runner.MachineUpdate) (runner.UpdatedMachine, error)
	DeleteMachine(arn string) error
}

// Versions are numbered names of what machines were.
type Versions interface {
	PublishVersion(machine string, revisionID sfn.OptString, description string) (runner.Version, error)
	// Versions lists the versions of a machine, the newest first.
	Versions(machine string) ([]runner.Version, error)
	DeleteVersion(arn sfn.MachineARN) error
}

// Aliases are names that lead to versions.
type Aliases interface {
	CreateAlias(name, description string, routes []runner.Route) (runner.Alias, error)
	UpdateAlias(arn sfn.MachineARN, description sfn.OptString, routes []runner.Route) (runner.Alias, error)
	Alias(arn sfn.MachineARN) (runner.Alias, error)
	// AliasesOf lists the aliases of a machine, or those that lead to a version, by name.
	AliasesOf(arn sfn.MachineARN) ([]runner.Alias, error)
	DeleteAlias(arn sfn.MachineARN) error
}

// Tags are labels on machines and activities.
type Tags interface {
	Tag(arn string, tags []sfn.Tag) error
	Untag(arn string, keys []string) error
	Tags(arn string) ([]sfn.Tag, error)
}

// Activities are tasks for workers that ask for them.
type Activities interface {
	CreateActivity(place sfn.Place, n runner.NewActivity) (store.Activity, error)
	Activity(arn string) (store.Activity, error)
	// Activities lists all activities, by ARN.
	Activities() ([]store.Activity, error)
	DeleteActivity(arn string) error
	// GetActivityTask waits for a task; the zero value means that there was none.
	GetActivityTask(ctx context.Context, activity, worker string) (runner.ActivityTask, error)
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

// Trials are tests of single states.
type Trials interface {
	TestState(ctx context.Context, place sfn.Place, req *trial.Request) (*trial.Report, error)
}

// Tasks are the tasks that wait for whoever holds their token.
type Tasks interface {
	SendTaskSuccess(ctx context.Context, token, output string) error
	SendTaskFailure(ctx context.Context, token string, failure sfn.Failure) error
	SendTaskHeartbeat(ctx context.Context, token string) error
}

// ofStates is the namespace of the exceptions of Step Functions.
const ofStates = "com.amazonaws.swf.service.v2.model#"

// statesProtocol is how Step Functions is spoken to, with the table of all its exceptions that are raised here.
var statesProtocol = protocol{
	route:       route{title: "AWS Step Functions", target: "AWSStepFunctions", scope: "states", hosts: []string{"states"}},
	contentType: json10,
	namespace:   ofStates,
	exceptions: map[sfn.ExceptionName]exception{
		sfn.ActivityAlreadyExists:          {ofStates, http.StatusBadRequest},
		sfn.ActivityDoesNotExist:           {ofStates, http.StatusBadRequest},
		sfn.ActivityLimitExceeded:          {ofStates, http.StatusBadRequest},
		sfn.ActivityWorkerLimitExceeded:    {ofStates, http.StatusBadRequest},
		sfn.ConflictException:              {ofStates, http.StatusConflict},
		sfn.ExecutionAlreadyExists:         {ofStates, http.StatusBadRequest},
		sfn.ExecutionDoesNotExist:          {ofStates, http.StatusBadRequest},
		sfn.ExecutionLimitExceeded:         {ofStates, http.StatusBadRequest},
		sfn.ExecutionNotRedrivable:         {ofStates, http.StatusBadRequest},
		sfn.InvalidArn:                     {ofStates, http.StatusBadRequest},
		sfn.InvalidDefinition:              {ofStates, http.StatusBadRequest},
		sfn.InvalidEncryptionConfiguration: {ofStates, http.StatusBadRequest},
		sfn.InvalidExecutionInput:          {ofStates, http.StatusBadRequest},
		sfn.InvalidLoggingConfiguration:    {ofStates, http.StatusBadRequest},
		sfn.InvalidName:                    {ofStates, http.StatusBadRequest},
		sfn.InvalidOutput:                  {ofStates, http.StatusBadRequest},
		sfn.InvalidToken:                   {ofStates, http.StatusBadRequest},
		sfn.MissingRequiredParameter:       {ofStates, http.StatusBadRequest},
		sfn.ResourceNotFound:               {ofStates, http.StatusBadRequest},
		sfn.ServiceQuotaExceeded:           {ofStates, http.StatusPaymentRequired},
		sfn.StateMachineAlreadyExists:      {ofStates, http.StatusBadRequest},
		sfn.StateMachineDeleting:           {ofStates, http.StatusBadRequest},
		sfn.StateMachineDoesNotExist:       {ofStates, http.StatusBadRequest},
		sfn.StateMachineLimitExceeded:      {ofStates, http.StatusBadRequest},
		sfn.StateMachineTypeNotSupport:     {ofStates, http.StatusBadRequest},
		sfn.TaskDoesNotExist:               {ofStates, http.StatusBadRequest},
		sfn.TaskTimedOut:                   {ofStates, http.StatusBadRequest},
		sfn.TooManyTags:                    {ofStates, http.StatusBadRequest},
		sfn.ValidationException:            {ofStates, http.StatusBadRequest},
	},
}

// stepFunctions serves the API of AWS Step Functions, version 2016-11-23.
type stepFunctions struct {
	backend States
	now     func() time.Time
	home    sfn.Place // where requests are that do not say it
}

func newStepFunctions(c *Config) *stepFunctions {
	return &stepFunctions{backend: c.States, now: c.Now, home: c.Place}
}

// place is where a request's resources are.
func (s *stepFunctions) place(ctx context.Context) sfn.Place { return callerOf(ctx).place(s.home) }

// statesOp makes an operation out of a method. The request is checked by what its struct says of AWS's model, before the method sees it.
func statesOp[In, Out any](do func(*stepFunctions, context.Context, *In) (Out, error)) operation[*stepFunctions] {
	model := shapeOf(reflect.TypeFor[In]())
	return op(func(s *stepFunctions, ctx context.Context, in *In) (Out, error) {
		if err := model.check(reflect.ValueOf(in).Elem()); err != nil {
			var none Out
			return none, err
		}
		return do(s, ctx, in)
	})
}

// statesOperations is the table of all operations.
var statesOperations = map[string]operation[*stepFunctions]{
	"CreateActivity":                   statesOp((*stepFunctions).createActivity),                   // makes a name under which workers ask for tasks
	"CreateStateMachine":               statesOp((*stepFunctions).createStateMachine),               // makes a machine, perhaps with a version
	"CreateStateMachineAlias":          statesOp((*stepFunctions).createStateMachineAlias),          // makes a name for one or two versions
	"DeleteActivity":                   statesOp((*stepFunctions).deleteActivity),                   // workers get no more of its tasks
	"DeleteStateMachine":               statesOp((*stepFunctions).deleteStateMachine),               // begins its end
	"DeleteStateMachineAlias":          statesOp((*stepFunctions).deleteStateMachineAlias),          // its versions stay
	"DeleteStateMachineVersion":        statesOp((*stepFunctions).deleteStateMachineVersion),        // unless an alias leads to it
	"DescribeActivity":                 statesOp((*stepFunctions).describeActivity),                 // one activity
	"DescribeExecution":                statesOp((*stepFunctions).describeExecution),                // status, input and end of one execution
	"DescribeMapRun":                   statesOp((*stepFunctions).describeMapRun),                   // limits, counts and status of one Map Run
	"DescribeStateMachine":             statesOp((*stepFunctions).describeStateMachine),             // one machine or version with its definition
	"DescribeStateMachineAlias":        statesOp((*stepFunctions).describeStateMachineAlias),        // one alias with its routes
	"DescribeStateMachineForExecution": statesOp((*stepFunctions).describeStateMachineForExecution), // the machine as it was when the execution started
	"GetActivityTask":                  statesOp((*stepFunctions).getActivityTask),                  // waits for a task for a worker
	"GetExecutionHistory":              statesOp((*stepFunctions).getExecutionHistory),              // the events of one execution, a page at a time
	"ListActivities":                   statesOp((*stepFunctions).listActivities),                   // all activities
	"ListExecutions":                   statesOp((*stepFunctions).listExecutions),                   // of a machine or a Map Run, the newest first
	"ListStateMachineAliases":          statesOp((*stepFunctions).listStateMachineAliases),          // of a machine or a version
	"ListStateMachineVersions":         statesOp((*stepFunctions).listStateMachineVersions),         // of a machine, the newest first
	"ListMapRuns":                      statesOp((*stepFunctions).listMapRuns),                      // of an execution, the oldest first
	"ListStateMachines":                statesOp((*stepFunctions).listStateMachines),                // all machines
	"ListTagsForResource":              statesOp((*stepFunctions).listTagsForResource),              // of a machine or an activity
	"PublishStateMachineVersion":       statesOp((*stepFunctions).publishStateMachineVersion),       // numbers the current revision
	"RedriveExecution":                 statesOp((*stepFunctions).redriveExecution),                 // takes up a Standard execution that ended without success
	"SendTaskFailure":                  statesOp((*stepFunctions).sendTaskFailure),                  // fails the task whose token one holds
	"SendTaskHeartbeat":                statesOp((*stepFunctions).sendTaskHeartbeat),                // says that one is still at it
	"SendTaskSuccess":                  statesOp((*stepFunctions).sendTaskSuccess),                  // ends the task whose token one holds
	"StartExecution":                   statesOp((*stepFunctions).startExecution),                   // starts and returns at once
	"StartSyncExecution":               statesOp((*stepFunctions).startSyncExecution),               // starts an Express execution and waits for its end
	"StopExecution":                    statesOp((*stepFunctions).stopExecution),                    // aborts a Standard execution
	"TagResource":                      statesOp((*stepFunctions).tagResource),                      // puts tags on a machine or an activity
	"TestState":                        statesOp((*stepFunctions).testState),                        // runs a single state, beside all machines
	"UntagResource":                    statesOp((*stepFunctions).untagResource),                    // takes them off
	"UpdateMapRun":                     statesOp((*stepFunctions).updateMapRun),                     // changes the limits of a Map Run at work
	"UpdateStateMachine":               statesOp((*stepFunctions).updateStateMachine),               // gives a machine a new revision
	"UpdateStateMachineAlias":          statesOp((*stepFunctions).updateStateMachineAlias),          // changes routes or description
	"ValidateStateMachineDefinition":   statesOp((*stepFunctions).validateStateMachineDefinition),   // checks a definition without a machine
}
