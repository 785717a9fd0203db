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

// tooLarge refuses a body over the limit.
func tooLarge(limit int64) *fault {
	return &fault{"RequestEntityTooLargeException", http.StatusRequestEntityTooLarge,
		fmt.Sprintf("The request is larger than %d bytes.", limit)}
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

// readBody reads the whole body, which [http.MaxBytesReader] bounds.
func readBody(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(r)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(limit)
	case err != nil:
		return nil, serialization("The body of the request ends early: %v.", err)
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

// writeError answers with an error and returns the HTTP status.
func (p *protocol) writeError(w http.ResponseWriter, err error) int {
	kind, status, message := p.describe(err)
	body, err := json.Marshal(struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{kind, message})
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

// describe turns an error into the parts of AWS's answer.
func (p *protocol) describe(err error) (kind string, status int, message string) {
	var refused *sfn.Exception
	var f *fault
	switch {
	case errors.As(err, &refused):
		if e, ok := p.exceptions[refused.Name]; ok {
			return e.namespace + string(refused.Name), e.status, refused.Message
		}
		return p.namespace + string(refused.Name), http.StatusBadRequest, refused.Message
	case errors.As(err, &f):
		return ofCoral + f.name, f.status, f.message
	}
	return ofCoral + "InternalFailure", http.StatusInternalServerError, err.Error()
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
