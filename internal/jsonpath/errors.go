package jsonpath

import (
	"fmt"

	"github.com/tutti-run/tutti/internal/value"
)

// SyntaxError says why a text is not a path, in Jayway's words. Offset is where reading stopped, in UTF-16 code units from the
// start of the text; positions inside Message are Jayway's own and may count from the start of a filter.
type SyntaxError struct {
	Message string
	Offset  int

	inFilter bool
}

func (e *SyntaxError) Error() string { return e.Message }

// InFilter tells whether the path is well-formed but for the inside of a filter.
func (e *SyntaxError) InFilter() bool { return e.inFilter }

// miss is a way in which a definite path does not reach a node.
type miss uint8

const (
	noResults       miss = iota // the last name or an index is absent
	missingProperty             // a name before the last is absent
	notObject                   // a name is asked of something that has no members
	nullArray                   // an index or a slice is asked of null
	notArray                    // an index or a slice is asked of something that is no array
	missCount                   // the number of ways
)

// NotFoundError says that a definite path points at nothing in this document. Its text is that of Jayway's PathNotFoundException,
// which Step Functions shows in causes.
type NotFoundError struct {
	reason miss
	path   *Path
	step   int         // the step that failed
	node   value.Value // what that step was applied to
}

func (e *NotFoundError) Error() string {
	switch e.reason {
	case missingProperty:
		return "Missing property in path " + e.path.location(e.step+1)
	case notObject:
		return fmt.Sprintf("Expected to find an object with property %s in path %s but found '%s'. "+
			"This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
			e.path.steps[e.step].fragment(), e.path.location(e.step), className(e.node))
	case nullArray:
		return "The path " + e.path.location(e.step) + " is null"
	case notArray:
		return fmt.Sprintf("Filter: %s can only be applied to arrays. Current context is: %s", e.path.canonical(e.step), javaText(e.node))
	default:
		return "No results for path: " + e.path.canonicalText()
	}
}

// isMiss tells whether err is a [*NotFoundError]. Inside of the package errors are never wrapped.
func isMiss(err error) bool {
	_, ok := err.(*NotFoundError)
	return ok
}

// fault tells evaluation errors apart that some steps swallow, as in Jayway.
type fault uint8

const (
	faultOther       fault = iota // stops the evaluation
	faultInvalidPath              // makes a filter refuse the node in question
	faultOutOfBounds              // makes an array step pass over the element in question
)

// EvalError is any other way in which an evaluation fails: a function without numbers, a filter on a number, too large a search.
type EvalError struct {
	Message string
	fault   fault
}

func (e *EvalError) Error() string { return e.Message }

func failf(format string, args ...any) error {
	return &EvalError{Message: fmt.Sprintf(format, args...)}
}

func invalidPathf(format string, args ...any) error {
	return &EvalError{Message: fmt.Sprintf(format, args...), fault: faultInvalidPath}
}

func outOfBounds(index, length int) error {
	return &EvalError{Message: fmt.Sprintf("Index %d out of bounds for length %d", index, length), fault: faultOutOfBounds}
}

// PutError says why a value cannot be inserted at a path.
type PutError struct {
	Path   string // as written
	Reason string
}

func (e *PutError) Error() string { return "cannot insert at " + e.Path + ": " + e.Reason }
