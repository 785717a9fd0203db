package history

// Type is the type of an event.
type Type string

// The types of events (API reference, HistoryEvent, "type").
const (
	ActivityFailed         Type = "ActivityFailed"         // a worker answered SendTaskFailure
	ActivityScheduled      Type = "ActivityScheduled"      // a task waits for a worker
	ActivityScheduleFailed Type = "ActivityScheduleFailed" // a task could not be put up for workers
	ActivityStarted        Type = "ActivityStarted"        // a worker took the task
	ActivitySucceeded      Type = "ActivitySucceeded"      // a worker answered SendTaskSuccess
	ActivityTimedOut       Type = "ActivityTimedOut"       // no answer or no heartbeat came in time

	ChoiceStateEntered Type = "ChoiceStateEntered"
	ChoiceStateExited  Type = "ChoiceStateExited"

	EvaluationFailed Type = "EvaluationFailed" // a JSONata expression failed

	ExecutionAborted   Type = "ExecutionAborted"   // ended by StopExecution
	ExecutionFailed    Type = "ExecutionFailed"    // ended with an error
	ExecutionRedriven  Type = "ExecutionRedriven"  // goes on after a failure
	ExecutionStarted   Type = "ExecutionStarted"   // always the first
	ExecutionSucceeded Type = "ExecutionSucceeded" // ended with an output
	ExecutionTimedOut  Type = "ExecutionTimedOut"  // ended by its timeout

	FailStateEntered Type = "FailStateEntered" // has no twin: a Fail state is never exited

	LambdaFunctionFailed         Type = "LambdaFunctionFailed"         // the function answered an error
	LambdaFunctionScheduled      Type = "LambdaFunctionScheduled"      // the function will be invoked
	LambdaFunctionScheduleFailed Type = "LambdaFunctionScheduleFailed" // it could not be
	LambdaFunctionStarted        Type = "LambdaFunctionStarted"        // the function was invoked
	LambdaFunctionStartFailed    Type = "LambdaFunctionStartFailed"    // it could not be
	LambdaFunctionSucceeded      Type = "LambdaFunctionSucceeded"      // the function answered
	LambdaFunctionTimedOut       Type = "LambdaFunctionTimedOut"       // the state's TimeoutSeconds ran out

	MapIterationAborted   Type = "MapIterationAborted"   // cut short by the failure of another
	MapIterationFailed    Type = "MapIterationFailed"    // failed itself
	MapIterationStarted   Type = "MapIterationStarted"   // an item is taken up
	MapIterationSucceeded Type = "MapIterationSucceeded" // its flow ended well

	MapRunAborted   Type = "MapRunAborted"   // a distributed Map was cut short
	MapRunFailed    Type = "MapRunFailed"    // too many of its items failed, or it could not read or write
	MapRunRedriven  Type = "MapRunRedriven"  // it goes on
	MapRunStarted   Type = "MapRunStarted"   // its child executions begin
	MapRunSucceeded Type = "MapRunSucceeded" // they are done

	MapStateAborted   Type = "MapStateAborted"
	MapStateEntered   Type = "MapStateEntered"
	MapStateExited    Type = "MapStateExited"
	MapStateFailed    Type = "MapStateFailed"
	MapStateStarted   Type = "MapStateStarted"
	MapStateSucceeded Type = "MapStateSucceeded"

	ParallelStateAborted   Type = "ParallelStateAborted"
	ParallelStateEntered   Type = "ParallelStateEntered"
	ParallelStateExited    Type = "ParallelStateExited"
	ParallelStateFailed    Type = "ParallelStateFailed"
	ParallelStateStarted   Type = "ParallelStateStarted"
	ParallelStateSucceeded Type = "ParallelStateSucceeded"

	PassStateEntered Type = "PassStateEntered"
	PassStateExited  Type = "PassStateExited"

	SucceedStateEntered Type = "SucceedStateEntered"
	SucceedStateExited  Type = "SucceedStateExited"

	TaskFailed       Type = "TaskFailed"       // the service answered an error, or the job failed
	TaskScheduled    Type = "TaskScheduled"    // the service will be called
	TaskStarted      Type = "TaskStarted"      // the service was called
	TaskStartFailed  Type = "TaskStartFailed"  // it could not be
	TaskStateAborted Type = "TaskStateAborted" // cut short by the failure of another branch or iteration
	TaskStateEntered Type = "TaskStateEntered"
	TaskStateExited  Type = "TaskStateExited"
	TaskSubmitFailed Type = "TaskSubmitFailed" // the call that starts a job was refused
	TaskSubmitted    Type = "TaskSubmitted"    // the call was taken; the job or the holder of the token will end the task
	TaskSucceeded    Type = "TaskSucceeded"    // the task has a result
	TaskTimedOut     Type = "TaskTimedOut"     // no answer or no heartbeat came in time

	WaitStateAborted Type = "WaitStateAborted"
	WaitStateEntered Type = "WaitStateEntered"
	WaitStateExited  Type = "WaitStateExited"
)

// form says which details a type of events has: the member's name on the wire and a fresh value to read into.
type form struct {
	member string
	new    func() Details
}

// forms is the table of all types. A type without details has the zero form.
var forms = map[Type]form{
	ActivityFailed:         {"activityFailedEventDetails", newFailed},
	ActivityScheduled:      {"activityScheduledEventDetails", func() Details { return new(ActivityScheduledDetails) }},
	ActivityScheduleFailed: {"activityScheduleFailedEventDetails", newFailed},
	ActivityStarted:        {"activityStartedEventDetails", func() Details { return new(ActivityStartedDetails) }},
	ActivitySucceeded:      {"activitySucceededEventDetails", newOutput},
	ActivityTimedOut:       {"activityTimedOutEventDetails", newFailed},

	ChoiceStateEntered: {"stateEnteredEventDetails", newEntered},
	ChoiceStateExited:  {"stateExitedEventDetails", newExited},

	EvaluationFailed: {"evaluationFailedEventDetails", func() Details { return new(EvaluationFailedDetails) }},

	ExecutionAborted:   {"executionAbortedEventDetails", newFailed},
	ExecutionFailed:    {"executionFailedEventDetails", newFailed},
	ExecutionRedriven:  {"executionRedrivenEventDetails", func() Details { return new(ExecutionRedrivenDetails) }},
	ExecutionStarted:   {"executionStartedEventDetails", func() Details { return new(ExecutionStartedDetails) }},
	ExecutionSucceeded: {"executionSucceededEventDetails", newOutput},
	ExecutionTimedOut:  {"executionTimedOutEventDetails", newFailed},

	FailStateEntered: {"stateEnteredEventDetails", newEntered},

	LambdaFunctionFailed:         {"lambdaFunctionFailedEventDetails", newFailed},
	LambdaFunctionScheduled:      {"lambdaFunctionScheduledEventDetails", func() Details { return new(LambdaFunctionScheduledDetails) }},
	LambdaFunctionScheduleFailed: {"lambdaFunctionScheduleFailedEventDetails", newFailed},
	LambdaFunctionStarted:        {},
	LambdaFunctionStartFailed:    {"lambdaFunctionStartFailedEventDetails", newFailed},
	LambdaFunctionSucceeded:      {"lambdaFunctionSucceededEventDetails", newOutput},
	LambdaFunctionTimedOut:       {"lambdaFunctionTimedOutEventDetails", newFailed},

	MapIterationAborted:   {"mapIterationAbortedEventDetails", newIteration},
	MapIterationFailed:    {"mapIterationFailedEventDetails", newIteration},
	MapIterationStarted:   {"mapIterationStartedEventDetails", newIteration},
	MapIterationSucceeded: {"mapIterationSucceededEventDetails", newIteration},

	MapRunAborted:   {},
	MapRunFailed:    {"mapRunFailedEventDetails", newFailed},
	MapRunRedriven:  {"mapRunRedrivenEventDetails", func() Details { return new(MapRunRedrivenDetails) }},
	MapRunStarted:   {"mapRunStartedEventDetails", func() Details { return new(MapRunStartedDetails) }},
	MapRunSucceeded: {},

	MapStateAborted:   {},
	MapStateEntered:   {"stateEnteredEventDetails", newEntered},
	MapStateExited:    {"stateExitedEventDetails", newExited},
	MapStateFailed:    {},
	MapStateStarted:   {"mapStateStartedEventDetails", func() Details { return new(MapStateStartedDetails) }},
	MapStateSucceeded: {},

	ParallelStateAborted:   {},
	ParallelStateEntered:   {"stateEnteredEventDetails", newEntered},
	ParallelStateExited:    {"stateExitedEventDetails", newExited},
	ParallelStateFailed:    {},
	ParallelStateStarted:   {},
	ParallelStateSucceeded: {},

	PassStateEntered: {"stateEnteredEventDetails", newEntered},
	PassStateExited:  {"stateExitedEventDetails", newExited},

	SucceedStateEntered: {"stateEnteredEventDetails", newEntered},
	SucceedStateExited:  {"stateExitedEventDetails", newExited},

	TaskFailed:       {"taskFailedEventDetails", newTaskFailed},
	TaskScheduled:    {"taskScheduledEventDetails", func() Details { return new(TaskScheduledDetails) }},
	TaskStarted:      {"taskStartedEventDetails", func() Details { return new(TaskStartedDetails) }},
	TaskStartFailed:  {"taskStartFailedEventDetails", newTaskFailed},
	TaskStateAborted: {},
	TaskStateEntered: {"stateEnteredEventDetails", newEntered},
	TaskStateExited:  {"stateExitedEventDetails", newExited},
	TaskSubmitFailed: {"taskSubmitFailedEventDetails", newTaskFailed},
	TaskSubmitted:    {"taskSubmittedEventDetails", newTaskOutput},
	TaskSucceeded:    {"taskSucceededEventDetails", newTaskOutput},
	TaskTimedOut:     {"taskTimedOutEventDetails", newTaskFailed},

	WaitStateAborted: {},
	WaitStateEntered: {"stateEnteredEventDetails", newEntered},
	WaitStateExited:  {"stateExitedEventDetails", newExited},
}

// Known tells whether t is one of AWS's types of events.
func (t Type) Known() bool {
	_, ok := forms[t]
	return ok
}

// EndsExecution tells whether an execution is over with an event of this type.
func (t Type) EndsExecution() bool {
	switch t {
	case ExecutionSucceeded, ExecutionFailed, ExecutionAborted, ExecutionTimedOut:
		return true
	}
	return false
}
