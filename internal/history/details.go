package history

import (
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// Details is what an event tells beyond its type: one of the ...Details structs of this package.
type Details interface {
	// visit names every member to v, in AWS's order. Reading and writing both go through it, so they cannot disagree.
	visit(v visitor)
}

// visitor reads or writes the members of details.
type visitor interface {
	text(name string, at *string)             // always there
	optText(name string, at *string)          // absent when empty
	opt(name string, at *sfn.OptString)       // absent when not set
	number(name string, at *int64)            // always there
	optNumber(name string, at *int64)         // absent when 0
	data(name string, at **value.Data)        // a JSON text, and name+"Details"; absent when nil
	parameters(name string, at **value.Data)  // a JSON text alone
	variables(name string, at *[]Variable)    // name to JSON text, and name+"Details"; absent when empty
	credentials(name string, roleARN *string) // {"roleArn": …}; absent when empty
}

// Variable is an assigned variable with its value.
type Variable struct {
	Name  string
	Value *value.Data
}

// ExecutionStartedDetails belong to ExecutionStarted.
type ExecutionStartedDetails struct {
	Input                            *value.Data
	RoleARN                          string
	StateMachineAliasARN, VersionARN string
}

func (d *ExecutionStartedDetails) visit(v visitor) {
	v.data("input", &d.Input)
	v.text("roleArn", &d.RoleARN)
	v.optText("stateMachineAliasArn", &d.StateMachineAliasARN)
	v.optText("stateMachineVersionArn", &d.VersionARN)
}

// ExecutionRedrivenDetails belong to ExecutionRedriven.
type ExecutionRedrivenDetails struct{ RedriveCount int64 }

func (d *ExecutionRedrivenDetails) visit(v visitor) { v.number("redriveCount", &d.RedriveCount) }

// OutputDetails belong to ExecutionSucceeded, LambdaFunctionSucceeded and ActivitySucceeded.
type OutputDetails struct{ Output *value.Data }

func newOutput() Details { return new(OutputDetails) }

func (d *OutputDetails) visit(v visitor) { v.data("output", &d.Output) }

// FailedDetails belong to the ends of executions, functions and activities that are no success, and to MapRunFailed.
type FailedDetails struct{ sfn.Failure }

func newFailed() Details { return new(FailedDetails) }

func (d *FailedDetails) visit(v visitor) {
	v.opt("error", &d.Error)
	v.opt("cause", &d.Cause)
}

// StateEnteredDetails belong to the …StateEntered events.
type StateEnteredDetails struct {
	Name  string
	Input *value.Data
}

func newEntered() Details { return new(StateEnteredDetails) }

func (d *StateEnteredDetails) visit(v visitor) {
	v.text("name", &d.Name)
	v.data("input", &d.Input)
}

// StateExitedDetails belong to the …StateExited events.
type StateExitedDetails struct {
	Name     string
	Output   *value.Data
	Assigned []Variable
}

func newExited() Details { return new(StateExitedDetails) }

func (d *StateExitedDetails) visit(v visitor) {
	v.text("name", &d.Name)
	v.data("output", &d.Output)
	v.variables("assignedVariables", &d.Assigned)
}

// MapStateStartedDetails belong to MapStateStarted.
type MapStateStartedDetails struct {
	// Length is the number of items, 0 where an ItemReader will tell.
	Length int64
}

func (d *MapStateStartedDetails) visit(v visitor) { v.number("length", &d.Length) }

// MapIterationDetails belong to the MapIteration… events.
type MapIterationDetails struct {
	// Name is that of the Map state.
	Name string
	// Index counts items from 0.
	Index int64
}

func newIteration() Details { return new(MapIterationDetails) }

func (d *MapIterationDetails) visit(v visitor) {
	v.text("name", &d.Name)
	v.number("index", &d.Index)
}

// MapRunStartedDetails belong to MapRunStarted.
type MapRunStartedDetails struct{ MapRunARN string }

func (d *MapRunStartedDetails) visit(v visitor) { v.text("mapRunArn", &d.MapRunARN) }

// MapRunRedrivenDetails belong to MapRunRedriven.
type MapRunRedrivenDetails struct {
	MapRunARN    string
	RedriveCount int64
}

func (d *MapRunRedrivenDetails) visit(v visitor) {
	v.text("mapRunArn", &d.MapRunARN)
	v.number("redriveCount", &d.RedriveCount)
}

// TaskScheduledDetails belong to TaskScheduled. Timeout and Heartbeat are seconds, 0 where the state sets none.
type TaskScheduledDetails struct {
	ResourceType, Resource string
	Region                 string
	Parameters             *value.Data
	Timeout, Heartbeat     int64
	// RoleARN is the role of the state's Credentials.
	RoleARN string
}

func (d *TaskScheduledDetails) visit(v visitor) {
	v.text("resourceType", &d.ResourceType)
	v.text("resource", &d.Resource)
	v.text("region", &d.Region)
	v.parameters("parameters", &d.Parameters)
	v.optNumber("timeoutInSeconds", &d.Timeout)
	v.optNumber("heartbeatInSeconds", &d.Heartbeat)
	v.credentials("taskCredentials", &d.RoleARN)
}

// TaskStartedDetails belong to TaskStarted.
type TaskStartedDetails struct{ ResourceType, Resource string }

func (d *TaskStartedDetails) visit(v visitor) {
	v.text("resourceType", &d.ResourceType)
	v.text("resource", &d.Resource)
}

// TaskFailedDetails belong to TaskFailed, TaskStartFailed, TaskSubmitFailed and TaskTimedOut.
type TaskFailedDetails struct {
	ResourceType, Resource string
	sfn.Failure
}

func newTaskFailed() Details { return new(TaskFailedDetails) }

func (d *TaskFailedDetails) visit(v visitor) {
	v.text("resourceType", &d.ResourceType)
	v.text("resource", &d.Resource)
	v.opt("error", &d.Error)
	v.opt("cause", &d.Cause)
}

// TaskOutputDetails belong to TaskSubmitted and TaskSucceeded.
type TaskOutputDetails struct {
	ResourceType, Resource string
	Output                 *value.Data
}

func newTaskOutput() Details { return new(TaskOutputDetails) }

func (d *TaskOutputDetails) visit(v visitor) {
	v.text("resourceType", &d.ResourceType)
	v.text("resource", &d.Resource)
	v.data("output", &d.Output)
}

// LambdaFunctionScheduledDetails belong to LambdaFunctionScheduled. Timeout is seconds, 0 where the state sets none.
type LambdaFunctionScheduledDetails struct {
	// Resource is the function's ARN.
	Resource string
	Input    *value.Data
	Timeout  int64
	RoleARN  string
}

func (d *LambdaFunctionScheduledDetails) visit(v visitor) {
	v.text("resource", &d.Resource)
	v.data("input", &d.Input)
	v.optNumber("timeoutInSeconds", &d.Timeout)
	v.credentials("taskCredentials", &d.RoleARN)
}

// ActivityScheduledDetails belong to ActivityScheduled. Timeout and Heartbeat are seconds, 0 where the state sets none.
type ActivityScheduledDetails struct {
	// Resource is the activity's ARN.
	Resource           string
	Input              *value.Data
	Timeout, Heartbeat int64
}

func (d *ActivityScheduledDetails) visit(v visitor) {
	v.text("resource", &d.Resource)
	v.data("input", &d.Input)
	v.optNumber("timeoutInSeconds", &d.Timeout)
	v.optNumber("heartbeatInSeconds", &d.Heartbeat)
}

// ActivityStartedDetails belong to ActivityStarted.
type ActivityStartedDetails struct{ WorkerName string }

func (d *ActivityStartedDetails) visit(v visitor) { v.optText("workerName", &d.WorkerName) }

// EvaluationFailedDetails belong to EvaluationFailed.
type EvaluationFailedDetails struct {
	sfn.Failure
	// Location is the field, like Output/a[0]; State is the state's name.
	Location, State string
}

func (d *EvaluationFailedDetails) visit(v visitor) {
	v.opt("error", &d.Error)
	v.opt("cause", &d.Cause)
	v.optText("location", &d.Location)
	v.text("state", &d.State)
}
