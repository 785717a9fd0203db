package payload

import (
	"errors"
	"fmt"

	"github.com/tutti-run/tutti/internal/jsonpath"
	"github.com/tutti-run/tutti/internal/sfn"
)

// SyntaxError says where a path or a call stops being one.
type SyntaxError struct {
	Offset  int // in bytes from 0
	Message string
	Err     error // package jsonpath's own error, where a path is at fault
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s (at offset %d)", e.Message, e.Offset) }

func (e *SyntaxError) Unwrap() error { return e.Err }

// UndefinedVariableError is the fault of a path that reads a variable to which nothing has been assigned.
type UndefinedVariableError struct{ Name string }

func (e *UndefinedVariableError) Error() string {
	return fmt.Sprintf("The variable '%s' is not defined", e.Name)
}

// PathError is the fault of a path in a template or in a field such as ErrorPath: usually that it leads nowhere.
type PathError struct {
	Path  string // as written
	Field string // the field's name, like "value.$" or "ErrorPath"
	Input string // the JSON text that was searched: the input, the Context object or the variable
	Err   error  // why: a *jsonpath.NotFoundError, an *UndefinedVariableError or another error of evaluation
}

// Error is AWS's sentence, as recorded for templates, ErrorPath and CausePath. That it also stands for undefined variables, and that other
// faults of evaluation read as those of InputPath, is inferred: neither is recorded.
func (e *PathError) Error() string {
	if !isMiss(e.Err) {
		return fmt.Sprintf("Invalid path '%s' : %s", e.Path, e.Err)
	}
	return fmt.Sprintf("The JSONPath '%s' specified for the field '%s' could not be found in the input '%s'", e.Path, e.Field, e.Input)
}

func (e *PathError) Unwrap() error { return e.Err }

// ErrorName is the name under which the fault fails a state.
func (e *PathError) ErrorName() sfn.ErrorName { return sfn.ErrorRuntime }

// CallError is the fault of an intrinsic function call.
type CallError struct {
	Call    string // the whole expression as written, also if a nested call failed
	Message string
}

// Error is AWS's sentence, recorded for arguments that lead nowhere. For the messages of other faults see the functions.
func (e *CallError) Error() string {
	return fmt.Sprintf("The function '%s' had the following error: %s", e.Call, e.Message)
}

// ErrorName is the name under which the fault fails a state: States.Runtime on AWS, although the specification has States.IntrinsicFailure.
func (e *CallError) ErrorName() sfn.ErrorName { return sfn.ErrorRuntime }

// complaint is the message of a CallError on its way out of the call. It is AWS's text and so begins with a capital.
type complaint string

func (c complaint) Error() string { return string(c) }

func complaintf(format string, args ...any) error { return complaint(fmt.Sprintf(format, args...)) }

// errInvalidArguments stands for the one message that AWS has for arguments of the wrong number, type or range.
const errInvalidArguments complaint = "invalid arguments"

// isMiss tells whether a path failed because there is nothing where it leads.
func isMiss(err error) bool {
	var notFound *jsonpath.NotFoundError
	var undefined *UndefinedVariableError
	return errors.As(err, &notFound) || errors.As(err, &undefined)
}
