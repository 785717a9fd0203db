package lambda

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// ErrClosed answers every call of a closed host, and the invocations that were under way when it closed. It says nothing about
// the function: the invocation may have had its effects.
var ErrClosed = errors.New("lambda: the function host is closed")

// The exceptions of the Lambda API that the host answers with, by the error code on the wire.
const (
	// CodeResourceNotFound: no such function, version or alias.
	CodeResourceNotFound = "ResourceNotFoundException"
	// CodeTooManyRequests: the function's own reserved concurrency is used up.
	CodeTooManyRequests = "TooManyRequestsException"
	// CodeRequestTooLarge: the payload is over MaxRequestSize. The API model says RequestTooLargeException, the service sends this.
	CodeRequestTooLarge = "RequestEntityTooLargeException"
	// CodeInvalidRequestContent: the payload or the client context is not JSON.
	CodeInvalidRequestContent = "InvalidRequestContentException"
	// CodeInvalidParameterValue: the configuration of a function is not acceptable.
	CodeInvalidParameterValue = "InvalidParameterValueException"
	// CodeValidation: a function name that cannot be one.
	CodeValidation = "ValidationException"
	// CodeResourceConflict: the function cannot be invoked in its present state; here, because it does not compile.
	CodeResourceConflict = "ResourceConflictException"
	// CodeService: the host's own trouble, such as a machine that cannot start another process.
	CodeService = "ServiceException"
	// CodePreconditionFailed: the RevisionId of a request is not the latest.
	CodePreconditionFailed = "PreconditionFailedException"
	// CodeNoProvisionedConcurrency: no concurrency is provisioned for a version or alias.
	CodeNoProvisionedConcurrency = "ProvisionedConcurrencyConfigNotFoundException"
	// CodeCodeStorageExceeded: all code together is larger than the account may have.
	CodeCodeStorageExceeded = "CodeStorageExceededException"
	// CodePolicyLengthExceeded: a function's policy is larger than 20 KB.
	CodePolicyLengthExceeded = "PolicyLengthExceededException"
	// CodeRecursiveInvocation: the function has been invoked in a loop.
	CodeRecursiveInvocation = "RecursiveInvocationException"
	// CodeAccessDenied: a function of another account.
	CodeAccessDenied = "AccessDeniedException"
	// CodeSerialization: the body of a request is no JSON, or a member of it has another type.
	CodeSerialization = "SerializationException"
	// CodeUnknownOperation: a call that is not served.
	CodeUnknownOperation = "UnknownOperationException"
)

// exceptions holds, for every code above, the HTTP status of the answer, whose fault it is ("User" or "Server"; "" for exceptions of the
// framework that the service is built with, whose answers do not say), and the name of the member that has the text. The API's model
// gives the last, and it differs without reason.
var exceptions = map[string]struct {
	status      int
	fault, text string
}{
	CodeResourceNotFound:         {http.StatusNotFound, "User", "Message"},
	CodeTooManyRequests:          {http.StatusTooManyRequests, "User", "message"},
	CodeRequestTooLarge:          {http.StatusRequestEntityTooLarge, "User", "message"},
	CodeInvalidRequestContent:    {http.StatusBadRequest, "User", "message"},
	CodeInvalidParameterValue:    {http.StatusBadRequest, "User", "message"},
	CodeValidation:               {http.StatusBadRequest, "", "message"},
	CodeResourceConflict:         {http.StatusConflict, "User", "message"},
	CodeService:                  {http.StatusInternalServerError, "Server", "Message"},
	CodePreconditionFailed:       {http.StatusPreconditionFailed, "User", "message"},
	CodeNoProvisionedConcurrency: {http.StatusNotFound, "User", "message"},
	CodeCodeStorageExceeded:      {http.StatusBadRequest, "User", "message"},
	CodePolicyLengthExceeded:     {http.StatusBadRequest, "User", "message"},
	CodeRecursiveInvocation:      {http.StatusBadRequest, "User", "Message"},
	CodeAccessDenied:             {http.StatusForbidden, "", "Message"},
	CodeSerialization:            {http.StatusBadRequest, "", "message"},
	CodeUnknownOperation:         {http.StatusNotFound, "", "Message"},
}

// Error is an exception of the Lambda API: the answer to a call that reached no function.
type Error struct {
	Code    string // one of the Code constants
	Message string // AWS's text
	Status  int    // the HTTP status of the answer
	Fault   string // the member Type of the answer: "User", "Server", or "" for none
	Reason  string // the member Reason of a throttling answer, otherwise empty
	Err     error  // the cause, if the host knows one
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func (e *Error) Unwrap() error { return e.Err }

// Member is the name of the answer's member that has the message.
func (e *Error) Member() string { return orDefault(exceptions[e.Code].text, "message") }

// Refuse returns the exception with a formatted message. code is one of the Code constants.
func Refuse(code, format string, args ...any) *Error { return newError(code, format, args...) }

// Untyped returns the same exception without the member Type: what comes from behind the service's front does not have it (recorded on AWS for limits of
// concurrency and for the routing of aliases).
func (e *Error) Untyped() *Error {
	e.Fault = ""
	return e
}

func newError(code, format string, args ...any) *Error {
	entry := exceptions[code]
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Status: entry.status, Fault: entry.fault}
}

// throttled is AWS's answer when a function's reserved concurrency is used up.
func throttled() *Error {
	err := newError(CodeTooManyRequests, "Rate Exceeded.")
	err.Reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
	return err
}

// The error types that the service itself, not the function, writes into an error document.
const (
	// TypeTimedOut: the function did not finish within its timeout, and its process was killed.
	TypeTimedOut = "Sandbox.Timedout"
	// TypeExit: the process ended, by exiting or by a signal, in the init or in the invoke phase.
	TypeExit = "Runtime.ExitError"
	// TypeOutOfMemory: the process was ended because it used more memory than its function has.
	TypeOutOfMemory = "Runtime.OutOfMemory"
	// TypeStorage: the process was ended because its temporary folder has more than EphemeralStorage allows. AWS has no such type: there the write
	// fails.
	TypeStorage = "Runtime.StorageExceeded"
	// TypeInvalidEntrypoint: there is no bootstrap, or the system cannot execute it.
	TypeInvalidEntrypoint = "Runtime.InvalidEntrypoint"
	// TypeResponseSize: the response is over MaxResponseSize.
	TypeResponseSize = "Function.ResponseSizeTooLarge"
	// TypeUnknown: the process reported an error and gave neither a document nor a type.
	TypeUnknown = "Runtime.Unknown"
)

// errorDocument is the payload of a failed invocation, in the member order AWS writes it.
func errorDocument(errorType, message string) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	// Two strings cannot fail to encode.
	_ = enc.Encode(struct {
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage,omitempty"`
	}{errorType, message})
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}
