package task

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// Names of the errors that any task may end with. A state machine matches them in Retry and Catch.
const (
	// InputInvalid: the payload breaks the input contract. Trying again cannot help.
	InputInvalid = "Contract.InputInvalid"

	// OutputInvalid: the function returned what its own output contract forbids; a bug in the function.
	OutputInvalid = "Contract.OutputInvalid"

	// Failed: the function returned an error that has no name of its own.
	Failed = "Task.Failed"

	// Panicked: the function panicked. The log has the stack; the process ends and the next invocation gets a new one.
	Panicked = "Task.Panicked"
)

// maxMessage bounds the message of an error, in bytes. It becomes part of the Cause in an execution's history and often of
// a state's output, which share 256 KiB with everything else.
const maxMessage = 400

// Error is a failure under a name of its own.
type Error struct {
	// Name is what a state machine matches, for example Endpoint.Timeout.
	Name string

	// Message says what happened, to what, and where it helps, what to do.
	Message string
}

// Errorf returns the error name with a message in the manner of fmt.Sprintf.
func Errorf(name, format string, args ...any) *Error {
	return &Error{name, fmt.Sprintf(format, args...)}
}

// Error gives the name and the message.
func (e *Error) Error() string { return e.Name + ": " + e.Message }

// InvalidInput returns the error InputInvalid for the member at pointer, a JSON Pointer into the input: for what a function
// checks beyond its schema.
func InvalidInput(pointer, format string, args ...any) *Error {
	return Errorf(InputInvalid, "%s: %s", pointer, fmt.Sprintf(format, args...))
}

// response is err as the Runtime API takes it. The library posts a value of this type as it is, and names any other error
// after its Go type, which no state machine should depend on.
func response(err error) messages.InvokeResponse_Error {
	var named *Error
	if !errors.As(err, &named) {
		named = &Error{Failed, err.Error()}
	}
	return messages.InvokeResponse_Error{
		Type:       named.Name,
		Message:    clip(named.Message),
		ShouldExit: named.Name == Panicked,
	}
}

// clip cuts text to maxMessage bytes, at the border of a character.
func clip(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessage], "") + "…"
}
