package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
)

// The namespaces of errors that every service's framework raises.
const (
	ofValidate = "com.amazon.coral.validate#" // constraints of the model
	ofCoral    = "com.amazon.coral.service#"  // the framework that the services are built with
)

// fault is an error of the protocol rather than of an operation.
type fault struct {
	name    string
	status  int
	message string // "" for none, as AWS's framework leaves it out at times
}

func (f *fault) Error() string { return f.name + ": " + f.message }

// serialization refuses a body that cannot be read as the request, in the words of AWS's framework, which has none for a body that is not JSON.
func serialization(message string) *fault {
	return &fault{"SerializationException", http.StatusBadRequest, message}
}

// unknownOperation refuses what is not served.
func unknownOperation(format string, args ...any) *fault {
	return &fault{"UnknownOperationException", http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// tooLarge refuses a body over the limit.
func tooLarge(limit int64) *fault {
	return &fault{"RequestEntityTooLargeException", http.StatusRequestEntityTooLarge,
		fmt.Sprintf("The request is larger than %d bytes.", limit)}
}

// decode reads the body of a request into in. Members that in does not have are ignored, null is as good as absent (spec api.md section 1).
func decode(body []byte, in any) error {
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return nil // an operation without arguments, from a client that sends nothing then
	case body[0] == '[':
		return serialization(foundList)
	case body[0] != '{', !utf8.Valid(body):
		return serialization("")
	}
	err := json.Unmarshal(body, in)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return serialization(conversion(wrong, body))
	}
	if err != nil {
		return serialization("")
	}
	return nil
}

// What AWS's framework says of values where others are expected. They were measured on services that share it.
const (
	foundList      = "Start of list found where not expected"
	foundStructure = "Start of structure or map found where not expected."
	wantsList      = "Expected list or null"
	wantsNull      = "Expected null"
)

// conversion says of what type a value is that has none of the member's.
func conversion(wrong *json.UnmarshalTypeError, body []byte) string {
	found, _, _ := strings.Cut(wrong.Value, " ")
	switch {
	case found == "array":
		return foundList
	case found == "object":
		return foundStructure
	case wrong.Type.Kind() == reflect.Slice:
		return wantsList
	case wrong.Type.Kind() == reflect.Struct || wrong.Type.Kind() == reflect.Map:
		return wantsNull
	}
	token := map[string]string{"string": "STRING_VALUE", "number": "NUMBER_VALUE", "bool": "FALSE_VALUE"}[found]
	if found == "bool" && (wrong.Value == "bool true" || bytes.HasSuffix(body[:min(int(wrong.Offset), len(body))], []byte("true"))) {
		token = "TRUE_VALUE"
	}
	wanted := "a String"
	switch wrong.Type.Kind() {
	case reflect.Bool:
		wanted = "a Boolean"
	case reflect.Int, reflect.Int64, reflect.Int32:
		wanted = "an Integer"
	case reflect.Float64:
		wanted = "a Float"
	}
	return token + " can not be converted to " + wanted
}

// readBody reads the whole body, which [http.MaxBytesReader] bounds.
func readBody(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(r)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(limit)
	case err != nil:
		return nil, serialization("")
	}
	return body, nil
}

// writeResult answers with out, which is an operation's response.
func writeResult(w http.ResponseWriter, contentType string, out any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(out); err != nil {
		return fmt.Errorf("encode the response: %w", err)
	}
	write(w, contentType, http.StatusOK, bytes.TrimSuffix(body.Bytes(), []byte("\n")))
	return nil
}

// errorBody is an error on the wire.
type errorBody struct {
	Type      string `json:"__type"`
	Message   string `json:"message,omitempty"`
	Framework string `json:"Message,omitempty"` // of a SerializationException, which is not the service's own
	Reason    string `json:"reason,omitempty"`
	Resource  string `json:"resourceName,omitempty"`
}

// writeError answers with an error and returns the HTTP status.
func (p *protocol) writeError(w http.ResponseWriter, err error) int {
	described, status := p.describe(err)
	body, err := json.Marshal(described)
	if err != nil {
		status, body = http.StatusInternalServerError, nil
	}
	write(w, p.contentType, status, body)
	return status
}

// writeFault answers with an error before a service is found, in the version that the client speaks.
func writeFault(w http.ResponseWriter, r *http.Request, err error) {
	p := protocol{contentType: json10}
	if r.Header.Get("Content-Type") == json11 {
		p.contentType = json11
	}
	p.writeError(w, err)
}

// describe turns an error into AWS's answer and its HTTP status.
func (p *protocol) describe(err error) (errorBody, int) {
	var refused *sfn.Exception
	var f *fault
	switch {
	case errors.As(err, &refused):
		e, ok := p.exceptions[refused.Name]
		if !ok {
			e = exception{p.namespace, http.StatusBadRequest}
		}
		if refused.Constraint {
			e.namespace = ofValidate
		}
		return errorBody{
			Type: e.namespace + string(refused.Name), Message: refused.Message, Reason: string(refused.Reason), Resource: refused.Resource,
		}, e.status
	case errors.As(err, &f) && f.name == "SerializationException":
		return errorBody{Type: ofCoral + f.name, Framework: f.message}, f.status
	case errors.As(err, &f):
		return errorBody{Type: ofCoral + f.name, Message: f.message}, f.status
	}
	return errorBody{Type: ofCoral + "InternalFailure", Message: err.Error()}, http.StatusInternalServerError
}

func write(w http.ResponseWriter, contentType string, status int, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone: nobody to tell
}

// timestamp is a time as the protocol has it: epoch seconds with three decimals.
type timestamp struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t timestamp) MarshalJSON() ([]byte, error) { return history.AppendTime(nil, t.Time), nil }
