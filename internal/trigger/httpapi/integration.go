package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/lambda"
)

// maxTimeout is how long an integration may take (developer guide, "Quotas for configuring and running an HTTP API").
const maxTimeout = 30 * time.Second

// Payload formats of Lambda integrations and authorizers.
const (
	formatV1 = "1.0"
	formatV2 = "2.0"
)

// action is a first-class integration: a call of an AWS service (developer guide, "Integration subtype reference").
type action struct {
	service, operation string
	required, optional []string
	member             func(parameter string) string // the parameter's name in the API; nil keeps it
	wrap               func(map[string]any) any      // what the parameters become; nil leaves them
}

// actions is the table of the subtypes that can be called.
var actions = map[string]action{
	// starts an execution and returns at once
	"StepFunctions-StartExecution": {"states", "StartExecution", []string{"StateMachineArn"}, []string{"Name", "Input", "Region", "TraceHeader"}, lowerFirst, nil},
	// starts an Express execution and waits for its end
	"StepFunctions-StartSyncExecution": {"states", "StartSyncExecution", []string{"StateMachineArn"}, []string{"Name", "Input", "Region", "TraceHeader"}, lowerFirst, nil},
	// aborts an execution
	"StepFunctions-StopExecution": {"states", "StopExecution", []string{"ExecutionArn"}, []string{"Cause", "Error", "Region"}, lowerFirst, nil},
	// puts one event on a bus
	"EventBridge-PutEvents": {"events", "PutEvents", []string{"Detail", "DetailType", "Source"},
		[]string{"Time", "EventBusName", "Resources", "Region", "TraceHeader"}, nil, oneEntry},
	// sends a message to a queue
	"SQS-SendMessage": {"sqs", "SendMessage", []string{"QueueUrl", "MessageBody"},
		[]string{"DelaySeconds", "MessageAttributes", "MessageDeduplicationId", "MessageGroupId", "MessageSystemAttributes", "Region"}, nil, nil},
	// takes messages from a queue
	"SQS-ReceiveMessage": {"sqs", "ReceiveMessage", []string{"QueueUrl"},
		[]string{"AttributeNames", "MaxNumberOfMessages", "MessageAttributeNames", "ReceiveRequestAttemptId", "VisibilityTimeout", "WaitTimeSeconds", "Region"}, nil, nil},
	// deletes a message that was taken
	"SQS-DeleteMessage": {"sqs", "DeleteMessage", []string{"ReceiptHandle", "QueueUrl"}, []string{"Region"}, nil, nil},
	// deletes all messages of a queue
	"SQS-PurgeQueue": {"sqs", "PurgeQueue", []string{"QueueUrl"}, []string{"Region"}, nil, nil},
}

// documents are the parameters whose texts are JSON: lists, numbers and structures of the services' APIs.
var documents = map[string]bool{
	"Resources": true, "MessageAttributes": true, "MessageSystemAttributes": true, "DelaySeconds": true,
	"AttributeNames": true, "MaxNumberOfMessages": true, "MessageAttributeNames": true, "VisibilityTimeout": true, "WaitTimeSeconds": true,
}

func lowerFirst(name string) string { return strings.ToLower(name[:1]) + name[1:] }

// oneEntry makes the request of PutEvents of an event's members.
func oneEntry(members map[string]any) any { return map[string]any{"Entries": []any{members}} }

// checkIntegration says what keeps an integration from working.
func (h *Handler) checkIntegration(i Integration) (problems []string) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	switch a, known := actions[i.Subtype]; {
	case i.Type == "HTTP_PROXY":
		problems = append(problems, checkMapping(i)...)
		if u, err := url.Parse(WithoutVariables(i.URI)); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			add("its integration's URI %q is not a URL", i.URI)
		}
	case i.Type != "AWS_PROXY":
		add("its integration's type %q is none of AWS_PROXY and HTTP_PROXY", i.Type)
	case i.Subtype == "":
		problems = append(problems, checkMapping(i)...)
		if FunctionOf(WithoutVariables(i.URI)) == "" || h.services.Functions == nil {
			add("its integration's URI %q names no Lambda function", i.URI)
		}
		if i.PayloadFormat != "" && i.PayloadFormat != formatV1 && i.PayloadFormat != formatV2 {
			add("its integration's payload format version %q is neither 1.0 nor 2.0", i.PayloadFormat)
		}
	case !known:
		add("its integration's subtype %q is not served here; served are %s", i.Subtype, strings.Join(slices.Sorted(maps.Keys(actions)), ", "))
	case h.services.AWS == nil:
		add("its integration's subtype %q needs a service that is not there", i.Subtype)
	default:
		for _, name := range a.required {
			if i.Parameters[name] == "" {
				add("its integration lacks the parameter %s, which %s requires", name, i.Subtype)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(i.Parameters)) {
			if !slices.Contains(a.required, name) && !slices.Contains(a.optional, name) {
				add("its integration has the parameter %s, which %s does not know", name, i.Subtype)
			}
		}
	}
	return problems
}

// The places that parameter mapping can change, in requests and in responses.
var (
	requestPlace  = regexp.MustCompile(`^(?:(?:append|overwrite|remove):(?:header|querystring)\.(.+)|overwrite:path)$`)
	responsePlace = regexp.MustCompile(`^(?:(?:append|overwrite|remove):header\.(.+)|overwrite:statuscode)$`)
)

// reservedHeader are the headers that parameter mapping cannot change (developer guide, "Transform API requests and responses", "Reserved headers").
var reservedHeader = regexp.MustCompile(`^(?i:access-control-.*|apigw-.*|authorization|connection|content-encoding|content-length|content-location|forwarded|keep-alive|origin|` +
	`proxy-authenticate|proxy-authorization|te|trailers|transfer-encoding|upgrade|x-amz-.*|x-amzn-.*|x-forwarded-for|x-forwarded-host|x-forwarded-proto|via)$`)

// checkMapping says what is wrong with an integration's parameter mapping.
func checkMapping(i Integration) (problems []string) {
	check := func(what, forms string, place *regexp.Regexp, parameters map[string]string) {
		for _, key := range slices.Sorted(maps.Keys(parameters)) {
			parts := place.FindStringSubmatch(key)
			switch {
			case parts == nil:
				problems = append(problems, fmt.Sprintf("its %s parameter %q is none of %s", what, key, forms))
			case strings.Contains(key, ":header.") && reservedHeader.MatchString(parts[1]):
				problems = append(problems, fmt.Sprintf("its %s parameter %q is for a header that is reserved", what, key))
			}
		}
	}
	check("request", "append|overwrite|remove:header.NAME, append|overwrite|remove:querystring.NAME and overwrite:path", requestPlace, i.Parameters)
	for _, status := range slices.Sorted(maps.Keys(i.ResponseParameters)) {
		check("response", "append|overwrite|remove:header.NAME and overwrite:statuscode", responsePlace, i.ResponseParameters[status])
	}
	return problems
}

// integrate calls what the route leads to.
func (h *Handler) integrate(in *request, i Integration) *response {
	timeout := i.Timeout
	if timeout <= 0 || timeout > maxTimeout {
		timeout = maxTimeout
	}
	ctx, cancel := context.WithTimeout(in.Context(), timeout)
	defer cancel()
	defer in.behind.Timed(time.Now())()
	var out *response
	switch {
	case i.Type == "HTTP_PROXY":
		out = h.proxy(ctx, in, i)
	case i.Subtype != "":
		out = h.callAction(ctx, in, i)
	default:
		out = h.callFunction(ctx, in, i)
	}
	if ctx.Err() != nil && out.trouble != "" {
		out = refusedBecause(timedOut, "The integration did not answer in time.")
	}
	if out.refusal != nil {
		in.behind.Error = out.trouble
		return out
	}
	change(in, out, i.ResponseParameters)
	return out
}

func (h *Handler) callFunction(ctx context.Context, in *request, i Integration) *response {
	format, mapped := i.PayloadFormat, in.mapped(i.Parameters)
	var event any = mapped.eventV2()
	if format != formatV2 {
		format, event = formatV1, mapped.eventV1()
	}
	answer, err := h.invoke(ctx, in, i.URI, event)
	in.behind.RequestID, in.behind.ServiceStatus = answer.RequestID, http.StatusOK
	var refusedBy *lambda.Error
	switch {
	case errors.As(err, &refusedBy) && refusedBy.Status == http.StatusTooManyRequests:
		in.behind.ServiceStatus = refusedBy.Status
		return refusedBecause(unavailable, refusedBy.Message)
	case errors.As(err, &refusedBy):
		in.behind.ServiceStatus = refusedBy.Status
		return failedIntegration(refusedBy.Message)
	case err != nil:
		return failedIntegration(err.Error())
	}
	out, err := readAnswer(answer.Payload, format, "text/plain;charset=UTF-8")
	if err != nil {
		return failedIntegration(err.Error())
	}
	in.behind.Status = out.status
	return out
}

// mapped is the request as parameter mapping changes it for a function.
func (in *request) mapped(parameters map[string]string) *request {
	if len(parameters) == 0 {
		return in
	}
	out := *in
	out.Request = in.Clone(in.Context())
	changeRequest(in, out.Request, parameters)
	if _, overwritten := parameters["overwrite:path"]; overwritten {
		out.target = out.URL.Path
	}
	return &out
}

// invoke runs the function that a URI names, of which stage variables may be a part. An error that is a [*lambda.Error] is Lambda's.
func (h *Handler) invoke(ctx context.Context, in *request, uri string, event any) (lambda.Result, error) {
	payload, err := json.Marshal(event)
	if err != nil {
		return lambda.Result{}, err
	}
	answer, err := h.services.Functions.Invoke(ctx, lambda.Invocation{Function: FunctionOf(in.uri(uri)), Payload: payload, TraceHeader: in.trace()})
	if err == nil && answer.FunctionError != "" {
		err = errors.New("the function ended with an error: " + string(answer.Payload))
	}
	return answer, err
}

// uri is a URI of the API's with the stage's variables filled in.
func (in *request) uri(uri string) string { return FillVariables(uri, in.stage.Variables) }

// FunctionOf is the function's ARN in a URI, which may be API Gateway's ARN around it; "" if there is none.
func FunctionOf(uri string) string {
	if _, within, ok := strings.Cut(uri, ":lambda:path/2015-03-31/functions/"); ok {
		uri = strings.TrimSuffix(within, "/invocations")
	}
	if !strings.HasPrefix(uri, "arn:") || !strings.Contains(uri, ":lambda:") {
		return ""
	}
	return uri
}

func (h *Handler) callAction(ctx context.Context, in *request, i Integration) *response {
	a := actions[i.Subtype]
	members := map[string]any{}
	for name, text := range i.Parameters {
		v, ok := selection{request: in}.fill(text)
		if !ok || name == "Region" {
			continue
		}
		if a.member != nil {
			name = a.member(name)
		}
		members[name] = v
		if documents[name] && json.Valid([]byte(v)) {
			members[name] = json.RawMessage(v)
		}
	}
	var document any = members
	if a.wrap != nil {
		document = a.wrap(members)
	}
	body, err := json.Marshal(document)
	if err != nil {
		return failedIntegration(err.Error())
	}
	status, answer, err := h.services.AWS.Call(ctx, a.service, a.operation, body)
	if err != nil {
		return failedIntegration(err.Error())
	}
	in.behind.Status, in.behind.ServiceStatus = status, status
	return &response{status: status, headers: http.Header{"Content-Type": {"application/json"}}, body: answer}
}

// proxy sends the request on to another server.
func (h *Handler) proxy(ctx context.Context, in *request, i Integration) *response {
	target, err := url.Parse(h.proxyURL(in, i))
	if err != nil {
		return failedIntegration(err.Error())
	}
	if target.RawQuery == "" {
		target.RawQuery = in.URL.RawQuery
	}
	method := i.Method
	if method == "" || method == anyMethod {
		method = in.Method
	}
	out, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(in.body))
	if err != nil {
		return failedIntegration(err.Error())
	}
	out.Header = in.proxied()
	changeRequest(in, out, i.Parameters)
	answer, err := h.services.HTTP.RoundTrip(out)
	if err != nil {
		return refusedBecause(unavailable, err.Error())
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxPayload+1))
	if err == nil && len(body) > maxPayload {
		err = errors.New("the answer is larger than 10 MB")
	}
	if err != nil {
		return failedIntegration(err.Error())
	}
	in.behind.Status, in.behind.ServiceStatus = answer.StatusCode, answer.StatusCode
	in.behind.RequestID = answer.Header.Get("X-Amzn-Requestid")
	return &response{status: answer.StatusCode, headers: answer.Header, body: body}
}

// proxied are the headers for another server: the client's, and who it is by RFC 7239, which HTTP APIs prefer to X-Forwarded-For and its kin.
func (in *request) proxied() http.Header {
	out := in.Header.Clone()
	for name := range hopByHop {
		out.Del(name)
	}
	out.Del("Host")
	out.Set("X-Amzn-Trace-Id", in.trace())
	out.Add("Forwarded", "by=127.0.0.1;for="+in.source+";host="+in.Host+";proto=http")
	out.Add("Via", "HTTP/1.1 AmazonAPIGateway")
	return out
}

// proxyURL is where the request goes on to: the URI with its path variables filled, or, for the route $default, the URI with the path behind it.
func (h *Handler) proxyURL(in *request, i Integration) string {
	target := in.uri(i.URI)
	for name, v := range in.vars {
		escaped := (&url.URL{Path: v}).EscapedPath()
		target = strings.ReplaceAll(target, "{"+name+"}", escaped)
		target = strings.ReplaceAll(target, "{"+name+"+}", escaped)
	}
	if in.route.Key == defaultKey {
		target = strings.TrimSuffix(target, "/") + in.path
	}
	return target
}

// changeRequest applies the parameter mapping of a proxied request: append, overwrite or remove a header, a query parameter or the path.
func changeRequest(in *request, out *http.Request, parameters map[string]string) {
	query := out.URL.Query()
	for _, key := range slices.Sorted(maps.Keys(parameters)) {
		verb, place, _ := strings.Cut(key, ":")
		kind, name, _ := strings.Cut(place, ".")
		v, ok := selection{request: in}.fill(parameters[key])
		if !ok && verb != "remove" {
			continue
		}
		switch kind {
		case "header":
			changeValues(verb, name, v, out.Header.Get, out.Header.Set, out.Header.Del)
		case "querystring":
			changeValues(verb, name, v, query.Get, query.Set, query.Del)
			out.URL.RawQuery = query.Encode()
		case "path":
			if verb == "overwrite" {
				overwritePath(out.URL, "/"+strings.TrimPrefix(v, "/"))
			}
		}
	}
}

// overwritePath sets a path, of which parts may be escaped.
func overwritePath(u *url.URL, path string) {
	u.Path, u.RawPath = path, ""
	if decoded, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = decoded, path
	}
}

func changeValues(verb, name, v string, get func(string) string, set func(name, v string), remove func(string)) {
	switch verb {
	case "overwrite":
		set(name, v)
	case "append":
		if old := get(name); old != "" {
			v = old + "," + v
		}
		set(name, v)
	case "remove":
		remove(name)
	}
}

// change applies the parameter mapping of the response for its status.
func change(in *request, out *response, byStatus map[string]map[string]string) {
	parameters := byStatus[fmt.Sprint(out.status)]
	for _, key := range slices.Sorted(maps.Keys(parameters)) {
		verb, place, _ := strings.Cut(key, ":")
		v, ok := selection{in, out}.fill(parameters[key])
		if name, isHeader := strings.CutPrefix(place, "header."); isHeader && (ok || verb == "remove") {
			changeValues(verb, name, v, out.headers.Get, out.headers.Set, out.headers.Del)
		}
		if status := 0; place == "statuscode" && ok {
			if _, err := fmt.Sscan(v, &status); err == nil && status >= 100 && status <= 599 {
				out.status = status
			}
		}
	}
}

// pick selects from the response.
func (out *response) pick(name string) (string, bool) {
	kind, name, _ := strings.Cut(name, ".")
	switch kind {
	case "header":
		values := out.headers.Values(name)
		return strings.Join(values, ","), len(values) > 0
	case "body":
		return pickBody(out.body, name)
	}
	return "", false
}
