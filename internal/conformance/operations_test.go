package conformance

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
)

// response is the answer to a call.
type response struct {
	status int
	body   any      // of a call that succeeded
	err    *refusal // of one that was refused
	need   string   // what is not there to make the call with, like an operation's name
}

// refusal is an error that the API answered.
type refusal struct {
	code, message string
	more          map[string]any // any other member of the error's body
}

// value is what a case sees of the error.
func (r *refusal) value() map[string]any {
	v := map[string]any{"code": r.code, "message": r.message}
	for name, member := range r.more {
		v[name] = member
	}
	return v
}

// service calls Step Functions over the wire's handler, or over the wire itself where there is a URL.
type service struct {
	handler http.Handler
	url     string
	client  *http.Client
}

// authorization is the header of a request that is signed in the place. The access key names the account.
func authorization(place sfn.Place) string {
	return "AWS4-HMAC-SHA256 Credential=" + place.Account + "/20260301/" + place.Region + "/states/aws4_request, SignedHeaders=host, Signature=0"
}

// wire makes a call to the operation with the target.
func (s *service) wire(ctx context.Context, target string, place sfn.Place, params any) response {
	url := "http://localhost"
	if s.url != "" {
		url = s.url
	}
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, url+"/", strings.NewReader(compact(params)))
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("X-Amz-Target", target)
	request.Header.Set("Authorization", authorization(place))
	if s.url != "" {
		return s.send(request)
	}
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, request)
	return readResponse(answer.Code, answer.Body.String())
}

// send makes the request of a client out of one that a server would get.
func (s *service) send(request *http.Request) response {
	request.RequestURI = ""
	answer, err := s.client.Do(request)
	if err != nil {
		return response{status: http.StatusServiceUnavailable, err: &refusal{code: "unreachable", message: err.Error()}}
	}
	body, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return response{status: answer.StatusCode, err: &refusal{code: "unreadable", message: err.Error()}}
	}
	return readResponse(answer.StatusCode, string(body))
}

func (s *service) call(ctx context.Context, operation string, place sfn.Place, params any) response {
	r := s.wire(ctx, "AWSStepFunctions."+operation, place, params)
	if r.err != nil && r.err.code == "UnknownOperationException" {
		return response{need: operation}
	}
	return r
}

func readResponse(status int, text string) response {
	body, err := decodeJSON(text)
	if err != nil {
		return response{status: status, err: &refusal{code: "unreadable", message: text}}
	}
	if status == http.StatusOK {
		return response{status: status, body: body}
	}
	members, _ := body.(map[string]any)
	r := &refusal{more: map[string]any{}}
	for name, member := range members {
		switch name {
		case "__type":
			kind, _ := member.(string)
			r.code = kind[strings.LastIndexByte(kind, '#')+1:]
		case "message":
			r.message, _ = member.(string)
		default:
			r.more[name] = member
		}
	}
	return response{status: status, err: r}
}

type object map[string]any
