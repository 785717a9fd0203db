package sfn

import (
	"encoding/json"
	"fmt"
	"reflect"
	"unicode/utf16"
)

// OptString is a text that may be absent, which is not the same as empty: AWS leaves the member out of its answers.
type OptString struct {
	Text string
	Set  bool
}

// Some returns the present text s.
func Some(s string) OptString { return OptString{Text: s, Set: true} }

// IsZero tells encoding/json's omitzero that the text is absent.
func (o OptString) IsZero() bool { return !o.Set }

// MarshalJSON writes the text, or null where it is absent.
func (o OptString) MarshalJSON() ([]byte, error) {
	if !o.Set {
		return []byte("null"), nil
	}
	return json.Marshal(o.Text)
}

// UnmarshalJSON reads a text or null.
func (o *OptString) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && (data[0] == 't' || data[0] == 'f') {
		return &json.UnmarshalTypeError{Value: "bool " + string(data), Type: reflect.TypeFor[string]()}
	}
	var text *string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*o = OptString{}
	if text != nil {
		*o = Some(*text)
	}
	return nil
}

// Failure is an error inside the States Language: what Retry and Catch match and what a failed execution ends with. Either part may
// be absent, as after a SendTaskFailure that gave none.
type Failure struct {
	Error OptString
	Cause OptString
}

// Fail returns the failure with the given error name and a formatted cause.
func Fail(name ErrorName, causeFormat string, args ...any) *Failure {
	return &Failure{Error: Some(string(name)), Cause: Some(fmt.Sprintf(causeFormat, args...))}
}

// FailWithoutCause returns the failure with an error name alone.
func FailWithoutCause(name ErrorName) *Failure { return &Failure{Error: Some(string(name))} }

// Clipped is the failure with texts no longer than [MaxErrorLength] and [MaxCauseLength], as AWS's API answers them.
func (f Failure) Clipped() Failure {
	f.Error.Text, f.Cause.Text = clip(f.Error.Text, MaxErrorLength), clip(f.Cause.Text, MaxCauseLength)
	return f
}

// clip cuts a text off after a number of UTF-16 code units, in which AWS counts characters.
func clip(text string, most int) string {
	if len(text) <= most { // no character has fewer bytes than units
		return text
	}
	for i, r := range text {
		if most -= utf16.RuneLen(r); most < 0 {
			return text[:i]
		}
	}
	return text
}

// Name is the error's name, "" where it has none.
func (f *Failure) Name() ErrorName { return ErrorName(f.Error.Text) }

func (f *Failure) String() string { return f.Error.Text + ": " + f.Cause.Text }

// ErrorName names an error of the States Language. Task integrations and Fail states add names of their own.
type ErrorName string

// The predefined errors (Amazon States Language, "Errors"; which of them AWS raises, and when, is in the developer guide's "Handling
// errors in Step Functions workflows").
const (
	ErrorAll                   ErrorName = "States.ALL"                             // matcher: any error but States.Runtime
	ErrorTaskFailed            ErrorName = "States.TaskFailed"                      // a job or nested execution failed; matcher: any error but States.Timeout
	ErrorTimeout               ErrorName = "States.Timeout"                         // a task or an execution ran too long, or a heartbeat lapsed
	ErrorHeartbeatTimeout      ErrorName = "States.HeartbeatTimeout"                // matcher: a heartbeat lapsed
	ErrorPermissions           ErrorName = "States.Permissions"                     // the role may not start the task
	ErrorRuntime               ErrorName = "States.Runtime"                         // a path, a parameter or JSON could not be processed; cannot be caught
	ErrorDataLimitExceeded     ErrorName = "States.DataLimitExceeded"               // a payload over the quota
	ErrorNoChoiceMatched       ErrorName = "States.NoChoiceMatched"                 // in the specification only: AWS raises States.Runtime
	ErrorQueryEvaluation       ErrorName = "States.QueryEvaluationError"            // a JSONata expression failed
	ErrorItemReaderFailed      ErrorName = "States.ItemReaderFailed"                // a distributed Map could not read its items
	ErrorResultWriterFailed    ErrorName = "States.ResultWriterFailed"              // a distributed Map could not write its results
	ErrorExceedTolerated       ErrorName = "States.ExceedToleratedFailureThreshold" // too many items of a distributed Map failed
	ErrorHTTPSocket            ErrorName = "States.Http.Socket"                     // an HTTP task ran into its 60 seconds
	ErrorIntrinsicFailure      ErrorName = "States.IntrinsicFailure"                // in the specification only: AWS raises States.Runtime
	ErrorParameterPathFailure  ErrorName = "States.ParameterPathFailure"            // in the specification only: AWS raises States.Runtime
	ErrorResultPathMatchFailed ErrorName = "States.ResultPathMatchFailure"          // in the specification only: AWS raises States.Runtime
	ErrorBranchFailed          ErrorName = "States.BranchFailed"                    // in the specification only: AWS passes the branch's own error on
)

// Catchable tells whether Retry and Catch may see the error at all.
func (n ErrorName) Catchable() bool { return n != ErrorRuntime }
