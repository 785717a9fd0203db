package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
)

// The content type of the AWS JSON 1.0 protocol, in which Step Functions speaks.
const contentTypeJSON = "application/x-amz-json-1.0"

// Namespaces of errors in the member __type. Clients read what follows the #.
const (
	ofStates   = "com.amazonaws.swf.service.v2.model#" // the service's own exceptions
	ofValidate = "com.amazon.coral.validate#"          // constraints of the model
	ofCoral    = "com.amazon.coral.service#"           // the framework that the service is built with
)

// Exceptions that are raised in this package alone.
const (
	resourceNotFound sfn.ExceptionName = "ResourceNotFound" // no Map Run has the ARN
)

// exceptions is the table of all exceptions of Step Functions that are raised here: their namespace and HTTP status.
var exceptions = map[sfn.ExceptionName]struct {
	namespace string
	status    int
}{
	sfn.ActivityDoesNotExist:       {ofStates, http.StatusBadRequest},
	sfn.ExecutionAlreadyExists:     {ofStates, http.StatusBadRequest},
	sfn.ExecutionDoesNotExist:      {ofStates, http.StatusBadRequest},
	sfn.InvalidArn:                 {ofStates, http.StatusBadRequest},
	sfn.InvalidDefinition:          {ofStates, http.StatusBadRequest},
	sfn.InvalidExecutionInput:      {ofStates, http.StatusBadRequest},
	sfn.InvalidName:                {ofStates, http.StatusBadRequest},
	sfn.InvalidOutput:              {ofStates, http.StatusBadRequest},
	sfn.InvalidToken:               {ofStates, http.StatusBadRequest},
	sfn.StateMachineDoesNotExist:   {ofStates, http.StatusBadRequest},
	sfn.StateMachineTypeNotSupport: {ofStates, http.StatusBadRequest},
	sfn.TaskDoesNotExist:           {ofStates, http.StatusBadRequest},
	sfn.TaskTimedOut:               {ofStates, http.StatusBadRequest},
	resourceNotFound:               {ofStates, http.StatusBadRequest},
	sfn.ValidationException:        {ofValidate, http.StatusBadRequest},
}

// fault is an error of the protocol rather than of an operation.
type fault struct {
	name    string
	status  int
	message string
}

func (f *fault) Error() string { return f.name + ": " + f.message }

// serialization refuses a body that cannot be read as the request.
func serialization(format string, args ...any) *fault {
	return &fault{"SerializationException", http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// unknownOperation refuses what is not served.
func unknownOperation(format string, args ...any) *fault {
	return &fault{"UnknownOperationException", http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// tooLarge refuses a body over [MaxRequestBytes].
func tooLarge() *fault {
	return &fault{"RequestEntityTooLargeException", http.StatusRequestEntityTooLarge,
		fmt.Sprintf("The request is larger than %d bytes.", MaxRequestBytes)}
}

// decode reads the body of a request into in. Members that in does not have are ignored, null is as good as absent (spec api.md section 1).
func decode(body []byte, in any) error {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil // an operation without arguments, from a client that sends nothing then
	}
	if body[0] != '{' {
		return serialization("The body of the request is not a JSON object.")
	}
	if !utf8.Valid(body) {
		return serialization("The body of the request is not UTF-8.")
	}
	err := json.Unmarshal(body, in)
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return serialization("%s cannot be converted to the type of the member %q.", wrongType.Value, wrongType.Field)
	}
	if err != nil {
		return serialization("The body of the request is not JSON: %v.", err)
	}
	return nil
}

// readBody reads the whole body.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge()
	case err != nil:
		return nil, serialization("The body of the request ends early: %v.", err)
	}
	return body, nil
}

// writeResult answers with out, which is an operation's response.
func writeResult(w http.ResponseWriter, out any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(out); err != nil {
		return fmt.Errorf("encode the response: %w", err)
	}
	write(w, http.StatusOK, bytes.TrimSuffix(body.Bytes(), []byte("\n")))
	return nil
}

// writeError answers with an error and returns the HTTP status.
func writeError(w http.ResponseWriter, err error) int {
	kind, status, message := describe(err)
	body, err := json.Marshal(struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{kind, message})
	if err != nil {
		status, body = http.StatusInternalServerError, nil
	}
	write(w, status, body)
	return status
}

// describe turns an error into the parts of AWS's answer.
func describe(err error) (kind string, status int, message string) {
	var refused *sfn.Exception
	var invalid *runner.InvalidDefinitionError
	var f *fault
	switch {
	case errors.As(err, &refused):
		if e, ok := exceptions[refused.Name]; ok {
			return e.namespace + string(refused.Name), e.status, refused.Message
		}
		return ofStates + string(refused.Name), http.StatusBadRequest, refused.Message
	case errors.As(err, &invalid):
		e := exceptions[sfn.InvalidDefinition]
		return e.namespace + string(sfn.InvalidDefinition), e.status, invalid.Error()
	case errors.As(err, &f):
		return ofCoral + f.name, f.status, f.message
	}
	return ofCoral + "InternalFailure", http.StatusInternalServerError, err.Error()
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", contentTypeJSON)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone: nobody to tell
}

// timestamp is a time as the protocol has it: epoch seconds with three decimals.
type timestamp struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t timestamp) MarshalJSON() ([]byte, error) { return history.AppendTime(nil, t.Time), nil }
