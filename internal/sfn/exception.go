package sfn

import "fmt"

// ExceptionName names an error of the Step Functions API.
type ExceptionName string

// The exceptions of the API that are raised here (API reference, the Errors section of each operation).
const (
	ExecutionAlreadyExists      ExceptionName = "ExecutionAlreadyExists"       // the name is taken by an execution with another input, or one that has ended
	ExecutionDoesNotExist       ExceptionName = "ExecutionDoesNotExist"        // no execution has the ARN
	InvalidArn                  ExceptionName = "InvalidArn"                   // not an ARN, or one of another kind of resource
	InvalidDefinition           ExceptionName = "InvalidDefinition"            // the definition has errors
	InvalidExecutionInput       ExceptionName = "InvalidExecutionInput"        // the input is not JSON
	InvalidLoggingConfiguration ExceptionName = "InvalidLoggingConfiguration"  // executions cannot be logged there
	InvalidName                 ExceptionName = "InvalidName"                  // a name with characters that it may not have, or too long
	InvalidOutput               ExceptionName = "InvalidOutput"                // the output of a task is not JSON
	InvalidToken                ExceptionName = "InvalidToken"                 // a page or task token that nobody has given out
	StateMachineDoesNotExist    ExceptionName = "StateMachineDoesNotExist"     // no machine has the ARN
	StateMachineTypeNotSupport  ExceptionName = "StateMachineTypeNotSupported" // an operation on Express that is only for Standard, or the reverse
	TaskDoesNotExist            ExceptionName = "TaskDoesNotExist"             // the token's execution is gone
	TaskTimedOut                ExceptionName = "TaskTimedOut"                 // the token's task has been answered or given up
	ActivityDoesNotExist        ExceptionName = "ActivityDoesNotExist"         // no activity has the ARN
	ValidationException         ExceptionName = "ValidationException"          // a member of the request breaks its constraint
)

// Exception is an answer of the API that is no success. Message is AWS's text.
type Exception struct {
	Name    ExceptionName
	Message string
}

// Refuse returns the exception with a formatted message.
func Refuse(name ExceptionName, format string, args ...any) *Exception {
	return &Exception{Name: name, Message: fmt.Sprintf(format, args...)}
}

func (e *Exception) Error() string { return string(e.Name) + ": " + e.Message }
