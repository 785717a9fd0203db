package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/lambda"
)

// FunctionURL is a Lambda function behind a URL of its own (Lambda developer guide, "Creating and managing Lambda function URLs").
type FunctionURL struct {
	// ID is the first label of the URL's host name.
	ID string
	// Function is the ARN that is invoked, with an alias if the URL is one's.
	Function string
	// Account is the function's.
	Account string
	// AuthType is NONE or AWS_IAM.
	AuthType string
	// CORS is nil where none is configured.
	CORS *CORS
}

// FunctionURLHandler answers the requests of one function URL. It may be used by any number of goroutines.
type FunctionURLHandler struct {
	Handler
	url   FunctionURL
	meter *lambda.Meter
}

// NewFunctionURL returns the handler of a function URL. Of the services it uses Functions, Identity and Now. Its requests count in meter, which may be nil.
func NewFunctionURL(u FunctionURL, services Services, meter *lambda.Meter) *FunctionURLHandler {
	services.Meter = nil                                                   // it is no API
	h, _ := New(API{ID: u.ID, Account: u.Account, CORS: u.CORS}, services) // without routes there are no problems
	return &FunctionURLHandler{Handler{api: h.api, services: h.services, stages: h.stages, routes: h.routes}, u, meter}
}

// urlForbidden is what the service says to whoever may not call a URL.
const urlForbidden = "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"

// ServeHTTP implements http.Handler.
func (h *FunctionURLHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	in, why := h.readRequest(w, r)
	var out *response
	switch {
	case why != nil && why.status == http.StatusRequestEntityTooLarge:
		out = urlRefused(tooLargeForInvoke())
	case why != nil:
		out = refused(*why)
	case h.isPreflight(r):
		out = h.preflight(r)
		out.status = http.StatusOK
	default:
		out = h.call(in)
	}
	if in == nil {
		out.headers.Set("X-Amzn-Requestid", uuid.NewString())
	} else {
		out.headers.Set("X-Amzn-Requestid", in.unique)
		out.headers.Set("X-Amzn-Trace-Id", in.trace())
	}
	h.countURL(out.status, time.Since(began)) // before the client can ask
	h.write(w, r, out)
}

// countURL counts a request (developer guide, "Monitoring Lambda function URLs").
func (h *FunctionURLHandler) countURL(status int, took time.Duration) {
	name, _ := lambda.ParseName(h.url.Function)
	of := lambda.Invoked{Function: name.Function, Qualifier: name.Qualifier}
	h.meter.Count(of, lambda.URLRequestCount, 1)
	h.meter.Count(of, lambda.URLRequestLatency, milliseconds(took))
	h.meter.Count(of, lambda.URL4xxCount, oneIf(status/100 == 4))
	h.meter.Count(of, lambda.URL5xxCount, oneIf(status/100 == 5))
}

// call checks who calls and invokes the function.
func (h *FunctionURLHandler) call(in *request) *response {
	in.stage, in.route, in.path = &Stage{Name: defaultKey}, &Route{Key: defaultKey}, in.URL.EscapedPath()
	in.id, in.encoded = in.unique, true
	if h.url.AuthType == "AWS_IAM" {
		in.who.signer = h.services.signedBy(in.Request, h.url.Account)
		if in.who.signer == nil {
			return urlRefused(lambda.Refuse(lambda.CodeAccessDenied, urlForbidden))
		}
	}
	payload, err := json.Marshal(h.event(in))
	if err != nil {
		return urlFailed(err.Error())
	}
	if len(payload) > lambda.MaxRequestSize {
		return urlRefused(tooLargeForInvoke())
	}
	answer, err := h.services.Functions.Invoke(in.Context(), lambda.Invocation{Function: h.url.Function, Payload: payload, TraceHeader: in.trace(), RequestID: in.id})
	var refusedBy *lambda.Error
	switch {
	case errors.As(err, &refusedBy):
		return urlRefused(refusedBy)
	case err != nil:
		return urlFailed(err.Error())
	case answer.FunctionError != "":
		return urlFailed("The function ended with an error: " + string(answer.Payload))
	}
	out, err := readAnswer(answer.Payload, formatV2, "application/json")
	if err != nil {
		return urlFailed(err.Error())
	}
	Remap(out.headers, true)
	return out
}

// event is the event of payload format 2.0 with what is a URL's own.
func (h *FunctionURLHandler) event(in *request) eventV2 {
	e := in.eventV2()
	e.Context.AccountID = "anonymous"
	if s := in.who.signer; s != nil {
		e.Context.AccountID = s.AccountID
	}
	return e
}

func tooLargeForInvoke() *lambda.Error {
	return lambda.Refuse(lambda.CodeRequestTooLarge, "Request must be smaller than %d bytes for the InvokeFunction operation", lambda.MaxRequestSize)
}

// urlRefused is the response to a request that Lambda refuses, with the members in the order in which AWS writes them.
func urlRefused(err *lambda.Error) *response {
	body := []byte{'{'}
	for _, m := range [][2]string{{"Reason", err.Reason}, {"Type", err.Fault}, {err.Member(), err.Message}} {
		if m[1] == "" {
			continue
		}
		if len(body) > 1 {
			body = append(body, ',')
		}
		text, _ := json.Marshal(m[1]) // a string always encodes
		body = append(body, `"`+m[0]+`":`...)
		body = append(body, text...)
	}
	out := &response{status: err.Status, headers: http.Header{"Content-Type": {"application/json"}}, body: append(body, '}')}
	out.headers.Set("X-Amzn-Errortype", err.Code)
	return out
}

// urlFailed is the response when the function failed or gave an answer that is none.
func urlFailed(why string) *response {
	return &response{status: http.StatusBadGateway, headers: http.Header{"Content-Type": {"text/plain"}}, body: []byte("Internal Server Error"), trouble: why}
}
