package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

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
	url FunctionURL
}

// NewFunctionURL returns the handler of a function URL. Of the services it uses Functions, Identity and Now.
func NewFunctionURL(u FunctionURL, services Services) *FunctionURLHandler {
	h, _ := New(API{ID: u.ID, Account: u.Account, CORS: u.CORS}, services) // without routes there are no problems
	return &FunctionURLHandler{Handler{api: h.api, services: h.services, stages: h.stages, routes: h.routes}, u}
}

// urlForbidden is what the service says to whoever may not call a URL.
const urlForbidden = "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"

// ServeHTTP implements http.Handler.
func (h *FunctionURLHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
		out.headers.Set("X-Amzn-Requestid", in.id)
		out.headers.Set("X-Amzn-Trace-Id", in.trace())
	}
	h.write(w, r, out)
}

// call checks who calls and invokes the function.
func (h *FunctionURLHandler) call(in *request) *response {
	in.stage, in.route, in.path = &Stage{Name: defaultKey}, &Route{Key: defaultKey}, in.URL.EscapedPath()
	if h.url.AuthType == "AWS_IAM" {
		arn, ok := "", false
		if h.services.Identity != nil {
			arn, ok = h.services.Identity(in.Request)
		}
		if !ok {
			return urlRefused(lambda.Refuse(lambda.CodeAccessDenied, urlForbidden))
		}
		in.who = verdict{allowed: true, identity: arn}
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
	out, err := readAnswer(answer.Payload, formatV2)
	if err != nil {
		return urlFailed(err.Error())
	}
	return out
}

// urlEvent is the event of a function URL: payload format 2.0 with what is the URL's own.
type urlEvent struct {
	eventV2
	Context urlContext `json:"requestContext"`
}

type urlContext struct {
	contextV2
	Authorizer any `json:"authorizer,omitempty"`
}

// urlIAM is what the event says of whoever signed the request.
type urlIAM struct {
	AccessKey       string  `json:"accessKey"`
	AccountID       string  `json:"accountId"`
	CallerID        string  `json:"callerId"`
	CognitoIdentity *string `json:"cognitoIdentity"`
	PrincipalOrgID  *string `json:"principalOrgId"`
	UserARN         string  `json:"userArn"`
	UserID          string  `json:"userId"`
}

func (h *FunctionURLHandler) event(in *request) urlEvent {
	e := urlEvent{eventV2: in.eventV2()}
	e.Context.contextV2 = e.eventV2.Context
	e.Context.AccountID = "anonymous"
	if h.url.AuthType != "AWS_IAM" {
		return e
	}
	account := h.url.Account
	if parts := strings.Split(in.who.identity, ":"); len(parts) > 5 && parts[4] != "" {
		account = parts[4]
	}
	// The id of a root user is its account; there is nothing to tell of others, whose ids only AWS has.
	e.Context.AccountID = account
	e.Context.Authorizer = map[string]any{"iam": urlIAM{
		AccessKey: signingKey(in.Request), AccountID: account, CallerID: account, UserARN: in.who.identity, UserID: account,
	}}
	return e
}

// signingKey is the id of the access key that a request is signed with, "" if it is not signed.
func signingKey(r *http.Request) string {
	credential := r.URL.Query().Get("X-Amz-Credential")
	if _, after, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		credential = after
	}
	key, _, _ := strings.Cut(credential, "/")
	return key
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
