package sfn

import "fmt"

// ExceptionName names an error of the Step Functions API.
type ExceptionName string

// The exceptions of the API that are raised here (API reference, the Errors section of each operation).
const (
	ActivityAlreadyExists          ExceptionName = "ActivityAlreadyExists"          // the name is taken by an activity with another encryption
	ActivityDoesNotExist           ExceptionName = "ActivityDoesNotExist"           // no activity has the ARN
	ActivityLimitExceeded          ExceptionName = "ActivityLimitExceeded"          // there are as many activities as there may be
	ActivityWorkerLimitExceeded    ExceptionName = "ActivityWorkerLimitExceeded"    // as many workers wait for the activity as may
	ConflictException              ExceptionName = "ConflictException"              // the change does not fit what is there
	ExecutionAlreadyExists         ExceptionName = "ExecutionAlreadyExists"         // the name is taken by an execution with another input, or one that has ended
	ExecutionDoesNotExist          ExceptionName = "ExecutionDoesNotExist"          // no execution has the ARN
	ExecutionLimitExceeded         ExceptionName = "ExecutionLimitExceeded"         // as many executions are open as may be
	ExecutionNotRedrivable         ExceptionName = "ExecutionNotRedrivable"         // the execution cannot be redriven, for the reason that the text gives
	InvalidArn                     ExceptionName = "InvalidArn"                     // not an ARN, or one of another kind of resource
	InvalidDefinition              ExceptionName = "InvalidDefinition"              // the definition has errors
	InvalidEncryptionConfiguration ExceptionName = "InvalidEncryptionConfiguration" // an encryption that cannot be
	InvalidExecutionInput          ExceptionName = "InvalidExecutionInput"          // the input is not JSON
	InvalidLoggingConfiguration    ExceptionName = "InvalidLoggingConfiguration"    // no log group, several, or one that is not there
	InvalidName                    ExceptionName = "InvalidName"                    // a name with characters that it may not have, or too long
	InvalidOutput                  ExceptionName = "InvalidOutput"                  // the output of a task is not JSON
	InvalidToken                   ExceptionName = "InvalidToken"                   // a page or task token that nobody has given out
	MissingRequiredParameter       ExceptionName = "MissingRequiredParameter"       // a change that changes nothing
	ResourceNotFound               ExceptionName = "ResourceNotFound"               // no such Map Run, version, alias, or resource with tags
	ServiceQuotaExceeded           ExceptionName = "ServiceQuotaExceededException"  // as many versions or aliases as there may be
	StateMachineAlreadyExists      ExceptionName = "StateMachineAlreadyExists"      // the name is taken by a machine that differs
	StateMachineDeleting           ExceptionName = "StateMachineDeleting"           // the machine is about to go
	StateMachineDoesNotExist       ExceptionName = "StateMachineDoesNotExist"       // no machine has the ARN
	StateMachineLimitExceeded      ExceptionName = "StateMachineLimitExceeded"      // there are as many machines as there may be
	StateMachineTypeNotSupport     ExceptionName = "StateMachineTypeNotSupported"   // an operation on Express that is only for Standard, or the reverse
	TaskDoesNotExist               ExceptionName = "TaskDoesNotExist"               // the token's execution is gone
	TaskTimedOut                   ExceptionName = "TaskTimedOut"                   // the token's task has been answered or given up
	TooManyTags                    ExceptionName = "TooManyTags"                    // more tags than a resource may have
	ValidationException            ExceptionName = "ValidationException"            // a member of the request breaks its constraint
)

// Exception is an answer of the API that is no success. Message is AWS's text.
type Exception struct {
	Name    ExceptionName
	Message string
	// Reason classifies a ValidationException where AWS does; "" elsewhere.
	Reason Reason
	// Resource is the ARN of what TooManyTags and some ResourceNotFound are about.
	Resource string
	// Constraint tells a ValidationException about the API's model, which AWS raises before the service sees the request, from the
	// service's own.
	Constraint bool
}

// Reason classifies a ValidationException (API reference, ValidationException, "reason").
type Reason string

// The reasons that are given here.
const (
	ReasonLabeledARN Reason = "API_DOES_NOT_SUPPORT_LABELED_ARNS" // the ARN of a distributed Map's machine
	ReasonMissing    Reason = "MISSING_REQUIRED_PARAMETER"        // a change that changes nothing
	ReasonCompleted  Reason = "CANNOT_UPDATE_COMPLETED_MAP_RUN"   // the Map Run is over
)

// Refuse returns the exception with a formatted message.
func Refuse(name ExceptionName, format string, args ...any) *Exception {
	return &Exception{Name: name, Message: fmt.Sprintf(format, args...)}
}

func (e *Exception) Error() string { return string(e.Name) + ": " + e.Message }
