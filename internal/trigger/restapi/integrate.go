package restapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
)

// integrate calls what the method leads to.
func (h *Handler) integrate(in *request) *response {
	i := in.method.Integration
	ctx, cancel := i.withTimeout(in.Context())
	defer cancel()
	defer in.behind.Timed(time.Now())()
	var out *response
	var why *fault
	switch i.Type {
	case "AWS_PROXY":
		out, why = h.proxyFunction(ctx, in)
	case "HTTP_PROXY":
		out, why = h.callHTTP(ctx, in, in.body, true)
	default:
		out, why = h.mapped(ctx, in)
	}
	if why == nil {
		if i.Type != "HTTP_PROXY" {
			out.headers.Set("X-Amzn-Trace-Id", in.trace())
		}
		httpapi.Remap(out.headers, i.Type != "MOCK")
		return out
	}
	if ctx.Err() != nil && in.Context().Err() == nil {
		why = &fault{kind: "INTEGRATION_TIMEOUT", detail: "Execution failed due to a timeout error"}
	}
	return h.refuse(in, *why)
}

// uri is a URI of the API's with the stage's variables filled in.
func (in *request) uri(uri string) string {
	return httpapi.FillVariables(uri, in.stage.Variables)
}

// proxyFunction hands the request to a function as it is, and takes its answer for the response.
func (h *Handler) proxyFunction(ctx context.Context, in *request) (*response, *fault) {
	payload, err := json.Marshal(in.event())
	if err != nil {
		return nil, &fault{kind: "API_CONFIGURATION_ERROR", detail: err.Error()}
	}
	answer, why := h.invoke(ctx, in, payload)
	switch {
	case why != nil:
		return nil, why
	case answer.FunctionError != "":
		return nil, &fault{kind: "INTEGRATION_FAILURE", detail: "Lambda execution failed with status 200 due to customer function error: " + errorMessage(answer.Payload) +
			". Lambda request id: " + answer.RequestID}
	}
	out, err := in.proxyAnswer(answer.Payload)
	if err != nil {
		return nil, &fault{kind: "INTEGRATION_FAILURE", detail: "Malformed Lambda proxy response: " + err.Error()}
	}
	in.behind.Status = out.status
	return out, nil
}

func (h *Handler) invoke(ctx context.Context, in *request, payload []byte) (lambda.Result, *fault) {
	answer, err := h.services.Functions.Invoke(ctx, in.invocation(payload))
	if err != nil {
		return answer, in.refusedBy(err)
	}
	in.behind.ServiceStatus, in.behind.RequestID = http.StatusOK, answer.RequestID
	return answer, nil
}

func (in *request) invocation(payload []byte) lambda.Invocation {
	return lambda.Invocation{Function: httpapi.FunctionOf(in.uri(in.method.Integration.URI)), Payload: payload, TraceHeader: in.trace()}
}

// refusedBy is the fault of an invocation that Lambda does not take on.
func (in *request) refusedBy(err error) *fault {
	var refused *lambda.Error
	if !errors.As(err, &refused) {
		return &fault{kind: "API_CONFIGURATION_ERROR", detail: err.Error()}
	}
	in.behind.ServiceStatus = refused.Status
	switch refused.Status {
	case http.StatusRequestEntityTooLarge:
		return &fault{kind: "REQUEST_TOO_LARGE", detail: refused.Message}
	case http.StatusTooManyRequests:
		return &fault{kind: "INTEGRATION_FAILURE", status: http.StatusInternalServerError, detail: "Execution failed due to configuration error: " + refused.Message}
	}
	return &fault{kind: "API_CONFIGURATION_ERROR", detail: refused.Error()}
}

// enqueue has a function run without waiting for it.
func (h *Handler) enqueue(ctx context.Context, in *request, payload []byte) *fault {
	if h.services.Events == nil {
		return &fault{kind: "API_CONFIGURATION_ERROR", detail: "there is nowhere to keep invocations of the type Event"}
	}
	if err := h.services.Events.Enqueue(ctx, in.invocation(payload)); err != nil {
		return in.refusedBy(err)
	}
	in.behind.ServiceStatus = http.StatusAccepted
	return nil
}

// isEvent tells whether the integration's header X-Amz-Invocation-Type asks not to wait for the function (developer guide, "Set up asynchronous
// invocation of the backend Lambda function").
func (in *request) isEvent(ctx context.Context) bool {
	out, err := in.outgoing(ctx, http.MethodPost, "https://lambda/", nil)
	return err == nil && out.Header.Get("X-Amz-Invocation-Type") == "Event"
}

// proxyAnswer makes the response of a function's answer, which must have no other members than these (developer guide, "Output format of a Lambda function
// for proxy integration").
func (in *request) proxyAnswer(payload []byte) (*response, error) {
	var a struct {
		StatusCode   json.RawMessage  `json:"statusCode"`
		Headers      map[string]any   `json:"headers"`
		MultiHeaders map[string][]any `json:"multiValueHeaders"`
		Body         *string          `json:"body"`
		IsBase64     bool             `json:"isBase64Encoded"`
		Ignored      json.RawMessage  `json:"base64Encoded"` // which the service lets pass
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	d.UseNumber()
	if trimmed := bytes.TrimSpace(payload); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, errors.New("it is no object")
	}
	if err := d.Decode(&a); err != nil {
		return nil, err
	}
	out := &response{status: http.StatusOK, headers: http.Header{}}
	if text := strings.Trim(string(a.StatusCode), `"`); text != "" && text != "null" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 100 || n > 599 {
			return nil, fmt.Errorf("its statusCode is %s", a.StatusCode)
		}
		out.status = n
	}
	out.headers.Set("Content-Type", "application/json")
	for name, v := range a.Headers {
		if v != nil {
			out.headers.Set(name, fmt.Sprint(v))
		}
	}
	for name, values := range a.MultiHeaders {
		out.headers.Del(name)
		for _, v := range values {
			out.headers.Add(name, fmt.Sprint(v))
		}
	}
	if a.Body == nil {
		return out, nil
	}
	out.body = []byte(*a.Body)
	// A body in base64 becomes bytes where the client asks for one of the API's binary types.
	accepted, _, _ := strings.Cut(in.Header.Get("Accept"), ",")
	if a.IsBase64 && in.api.isBinary(accepted) {
		decoded, err := base64.StdEncoding.DecodeString(*a.Body)
		if err != nil {
			return nil, errors.New("its body is not base64")
		}
		out.body = decoded
	}
	return out, nil
}

// mapped calls an integration by mapping templates, and makes the response by others.
func (h *Handler) mapped(ctx context.Context, in *request) (*response, *fault) {
	body, why := in.requestBody()
	if why != nil {
		return nil, why
	}
	i := in.method.Integration
	var out *response
	match := "" // what responses are chosen by
	switch {
	case i.Type == "MOCK":
		status, ok := statusOf(string(body))
		if !ok {
			return nil, &fault{kind: "API_CONFIGURATION_ERROR", detail: "the request template makes no statusCode"}
		}
		out, match = &response{status: status, headers: http.Header{}}, strconv.Itoa(status)
	case i.Type == "AWS" && httpapi.FunctionOf(in.uri(i.URI)) != "":
		if out, match, why = h.callFunction(ctx, in, body); why != nil {
			return nil, why
		}
	default:
		if i.Type == "AWS" {
			out, why = h.callService(ctx, in, body)
		} else {
			out, why = h.callHTTP(ctx, in, body, false)
		}
		if why != nil {
			return nil, why
		}
		match = strconv.Itoa(out.status)
	}
	return in.respond(out, match)
}

// callFunction invokes a function with a mapped body, or has it run later. match is the message of its error, "" for none.
func (h *Handler) callFunction(ctx context.Context, in *request, body []byte) (out *response, match string, why *fault) {
	if in.isEvent(ctx) {
		return &response{status: http.StatusAccepted, headers: http.Header{}}, "", h.enqueue(ctx, in, body)
	}
	answer, why := h.invoke(ctx, in, body)
	if answer.FunctionError != "" {
		match = errorMessage(answer.Payload)
	}
	return &response{status: http.StatusOK, headers: header("Content-Type", "application/json"), body: answer.Payload}, match, why
}

// errorMessage is what the responses of a function's error are chosen by.
func errorMessage(payload []byte) string {
	var failed struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(payload, &failed) != nil || failed.Message == "" {
		return string(payload)
	}
	return failed.Message
}

// anyTemplate is the key of the template for the content types that no other is for.
const anyTemplate = "$default"

// requestBody makes the body for the integration by the template for the request's content type.
func (in *request) requestBody() ([]byte, *fault) {
	m := in.method
	kind := mediaType(in.Header.Get("Content-Type"))
	if kind == "" {
		kind = "application/json"
	}
	t := cmp.Or(m.requests[kind], m.requests[anyTemplate])
	switch {
	case t != nil:
	case m.Integration.Passthrough == "NEVER", m.Integration.Passthrough == "WHEN_NO_TEMPLATES" && len(m.requests) > 0:
		return nil, &fault{kind: "UNSUPPORTED_MEDIA_TYPE"}
	default:
		return in.body, nil
	}
	filled, err := in.fill(t, in.body)
	var wrong errBody
	switch {
	case errors.As(err, &wrong):
		return nil, &fault{kind: "BAD_REQUEST_BODY", message: wrong.Error()}
	case err != nil:
		return nil, &fault{kind: "API_CONFIGURATION_ERROR", detail: "the request template: " + err.Error()}
	}
	return []byte(filled), nil
}

// respond chooses the response for an answer and makes it.
func (in *request) respond(answer *response, match string) (*response, *fault) {
	var chosen *compiledResponse
	for i := range in.method.responses {
		r := &in.method.responses[i]
		if r.pattern == nil {
			if chosen == nil {
				chosen = r
			}
			continue
		}
		if match != "" && r.pattern.MatchString(match) {
			chosen = r
			break
		}
	}
	if chosen == nil {
		return nil, &fault{kind: "API_CONFIGURATION_ERROR", detail: "No match for output mapping and no default output mapping configured. Endpoint response: " + match}
	}
	out := &response{status: chosen.Status, headers: http.Header{}, body: answer.body}
	out.headers.Set("Content-Type", "application/json")
	if kind := pickTemplate(chosen.Templates, in.Header.Get("Accept")); kind != "" {
		filled, err := in.fill(chosen.templates[strings.ToLower(kind)], answer.body)
		if err != nil {
			return nil, &fault{kind: "API_CONFIGURATION_ERROR", detail: "the response template: " + err.Error()}
		}
		out.body = []byte(filled)
		out.headers.Set("Content-Type", kind)
	} else if given := answer.headers.Get("Content-Type"); given != "" && in.method.Integration.Type == "HTTP" {
		out.headers.Set("Content-Type", given)
	}
	for name, source := range chosen.Parameters {
		to, ok := strings.CutPrefix(name, "method.response.header.")
		if v, found := in.source(source, answer); ok && found {
			out.headers.Set(to, v)
		}
	}
	in.override(out)
	return out, nil
}

// outgoing is the request that goes to an integration, with the mapped parameters.
func (in *request) outgoing(ctx context.Context, verb, target string, body []byte) (*http.Request, error) {
	i := in.method.Integration
	headers, query := http.Header{}, url.Values{}
	path := map[string]string{}
	put := func(to, v string) {
		kind, name, _ := strings.Cut(to, ".")
		switch kind {
		case "header":
			headers.Set(name, v)
		case "querystring":
			query.Set(name, v)
		case "path":
			path[name] = v
		}
	}
	for to, source := range i.Parameters {
		if below, ok := strings.CutPrefix(to, "integration.request."); ok {
			if v, found := in.source(source, nil); found {
				put(below, v)
			}
		}
	}
	for _, kind := range []string{"header", "querystring", "path"} {
		for name, v := range in.overrides("requestOverride", kind) {
			put(kind+"."+name, v)
		}
	}
	for name, v := range in.vars {
		if _, mapped := path[name]; !mapped {
			path[name] = v
		}
	}
	for name, v := range path {
		escaped := escapePath(v)
		target = strings.ReplaceAll(strings.ReplaceAll(target, "{"+name+"}", escaped), "{"+name+"+}", escaped)
	}
	out, err := http.NewRequestWithContext(ctx, verb, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.Header = headers
	merged := out.URL.Query()
	for name, values := range query {
		merged[name] = values
	}
	out.URL.RawQuery = merged.Encode()
	return out, nil
}

// escapePath makes a value fit for a path. What is escaped already, as the variables of the client's path are, stays as it is.
func escapePath(v string) string {
	decoded, err := url.PathUnescape(v)
	if err != nil {
		return (&url.URL{Path: v}).EscapedPath()
	}
	return (&url.URL{Path: decoded, RawPath: v}).EscapedPath()
}

// unreachable is the fault of a server that cannot be reached, or whose answer cannot be read.
func unreachable(err error) *fault {
	return &fault{kind: "INTEGRATION_FAILURE", status: http.StatusGatewayTimeout, message: "Network error communicating with endpoint", detail: err.Error()}
}

// callHTTP sends a request to another server: of a proxy the client's with all headers and parameters, else what is mapped.
func (h *Handler) callHTTP(ctx context.Context, in *request, body []byte, proxy bool) (*response, *fault) {
	i := in.method.Integration
	verb := i.Verb
	if verb == "" || verb == anyVerb {
		verb = in.Method
	}
	out, err := in.outgoing(ctx, verb, in.uri(i.URI), body)
	if err != nil {
		return nil, &fault{kind: "API_CONFIGURATION_ERROR", detail: err.Error()}
	}
	if proxy {
		for name, values := range in.headers() {
			if _, mapped := out.Header[name]; !mapped && !hopByHop[name] && name != "Host" && name != "Via" {
				out.Header[name] = values
			}
		}
		query := url.Values{}
		for name, values := range in.values {
			query[name] = slices.Clone(values)
		}
		for name, values := range out.URL.Query() { // what is mapped comes behind what the client sends
			query[name] = append(query[name], values...)
		}
		out.URL.RawQuery = query.Encode()
	} else {
		in.introduce(out)
	}
	out.Header.Set("X-Amzn-Apigateway-Api-Id", in.api.ID)
	answer, err := h.services.HTTP.RoundTrip(out)
	if err != nil {
		return nil, unreachable(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxPayload+1))
	if err == nil && len(text) > maxPayload {
		err = errors.New("the answer is larger than 10 MB")
	}
	if err != nil {
		return nil, unreachable(err)
	}
	in.behind.Status, in.behind.ServiceStatus = answer.StatusCode, answer.StatusCode
	return &response{status: answer.StatusCode, headers: answer.Header, body: text}, nil
}

// introduce gives a request that is not the client's own the headers of the gateway, where no others are mapped.
func (in *request) introduce(out *http.Request) {
	missing := map[string]string{"Accept": "application/json", "User-Agent": "AmazonAPIGateway_" + in.api.ID}
	switch out.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
	default:
		missing["Content-Type"] = cmp.Or(in.Header.Get("Content-Type"), "application/json")
	}
	for name, v := range missing {
		if out.Header.Get(name) == "" {
			out.Header.Set(name, v)
		}
	}
	out.Header.Set("X-Amzn-Trace-Id", in.trace())
}

// callService calls an AWS service: an action by its JSON or query protocol, or a path.
func (h *Handler) callService(ctx context.Context, in *request, body []byte) (*response, *fault) {
	i := in.method.Integration
	service, kind, rest := actionOf(in.uri(i.URI))
	verb := i.Verb
	if verb == "" || verb == anyVerb {
		verb = http.MethodPost
	}
	target := "https://" + service + "." + in.api.Region + ".amazonaws.com/"
	if kind == "path" {
		target += strings.TrimPrefix(rest, "/")
	}
	out, err := in.outgoing(ctx, verb, target, body)
	if err != nil {
		return nil, &fault{kind: "API_CONFIGURATION_ERROR", detail: err.Error()}
	}
	if kind == "action" {
		prefix, contentType, ok := h.services.AWS.Target(service)
		if !ok {
			return nil, &fault{kind: "API_CONFIGURATION_ERROR", detail: service + " has no actions"}
		}
		if prefix == "" {
			query := out.URL.Query()
			query.Set("Action", rest)
			out.URL.RawQuery = query.Encode()
		} else {
			out.Header.Set("X-Amz-Target", prefix+"."+rest)
			out.Header.Set("Content-Type", contentType)
		}
	}
	if out.Header.Get("Accept") == "" {
		out.Header.Set("Accept", "application/json") // which services of the query protocol heed
	}
	if out.Header.Get("Content-Type") == "" && len(body) > 0 {
		out.Header.Set("Content-Type", "application/json")
	}
	status, headers, answer, err := h.services.AWS.Exchange(out, service, body)
	if err != nil {
		return nil, &fault{kind: "INTEGRATION_FAILURE", detail: err.Error()}
	}
	in.behind.Status, in.behind.ServiceStatus, in.behind.RequestID = status, status, headers.Get("X-Amzn-Requestid")
	return &response{status: status, headers: headers, body: answer}, nil
}
