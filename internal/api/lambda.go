package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/lambda/control"
)

// FunctionControl is what stands behind the operations on functions. Errors that are a [*lambda.Error] are answered as such. *control.Plane is one.
type FunctionControl interface {
	// Call carries out an operation whose request is the members of all documents.
	Call(ctx context.Context, operation string, documents ...[]byte) (any, error)
	// OpenCode opens a zip that a response of GetFunction has named.
	OpenCode(ctx context.Context, code string) (io.ReadCloser, error)
}

// FunctionInvoker runs functions. *control.Plane is one.
type FunctionInvoker interface {
	// Qualified joins a name and a qualifier, which may be "", into the name of an invocation.
	Qualified(name, qualifier string) (string, error)
	// Invoke runs a function and waits for its answer.
	Invoke(ctx context.Context, in lambda.Invocation) (lambda.Result, error)
	// Enqueue takes an event on, to be delivered later.
	Enqueue(ctx context.Context, in lambda.Invocation) error
	// DryRun checks whether a function could be invoked.
	DryRun(in lambda.Invocation) error
}

// lambdaParameter is a member of a request that stands in the query.
type lambdaParameter struct {
	query, member string
	kind          parameterKind
}

// parameterKind says what a parameter becomes in the request.
type parameterKind int

const (
	textParameter   parameterKind = iota // a string
	numberParameter                      // an integer
	listParameter                        // the list of all that are given
)

// The parameters of lists.
var (
	qualifierParameter = lambdaParameter{"Qualifier", "Qualifier", textParameter}
	pageParameters     = []lambdaParameter{{"Marker", "Marker", textParameter}, {"MaxItems", "MaxItems", numberParameter}}
)

// lambdaOperation is where an operation is on the wire. Segments of the path in braces are members of the request; what follows a ? must be in the query.
type lambdaOperation struct {
	method, path, name string
	status             int
	parameters         []lambdaParameter
}

// lambdaOperations is the table of the operations on functions (Lambda API reference, "Actions").
var lambdaOperations = []lambdaOperation{
	{"POST", "/2015-03-31/functions", "CreateFunction", 201, nil},
	{"GET", "/2015-03-31/functions", "ListFunctions", 200, append([]lambdaParameter{{"FunctionVersion", "FunctionVersion", textParameter}, {"MasterRegion", "MasterRegion", textParameter}}, pageParameters...)},
	{"GET", "/2015-03-31/functions/{FunctionName}", "GetFunction", 200, []lambdaParameter{qualifierParameter}},
	{"DELETE", "/2015-03-31/functions/{FunctionName}", "DeleteFunction", 204, []lambdaParameter{qualifierParameter}},
	{"GET", "/2015-03-31/functions/{FunctionName}/configuration", "GetFunctionConfiguration", 200, []lambdaParameter{qualifierParameter}},
	{"PUT", "/2015-03-31/functions/{FunctionName}/configuration", "UpdateFunctionConfiguration", 200, nil},
	{"PUT", "/2015-03-31/functions/{FunctionName}/code", "UpdateFunctionCode", 200, nil},
	{"POST", "/2015-03-31/functions/{FunctionName}/versions", "PublishVersion", 201, nil},
	{"GET", "/2015-03-31/functions/{FunctionName}/versions", "ListVersionsByFunction", 200, pageParameters},
	{"POST", "/2015-03-31/functions/{FunctionName}/aliases", "CreateAlias", 201, nil},
	{"GET", "/2015-03-31/functions/{FunctionName}/aliases", "ListAliases", 200, append([]lambdaParameter{{"FunctionVersion", "FunctionVersion", textParameter}}, pageParameters...)},
	{"GET", "/2015-03-31/functions/{FunctionName}/aliases/{Name}", "GetAlias", 200, nil},
	{"PUT", "/2015-03-31/functions/{FunctionName}/aliases/{Name}", "UpdateAlias", 200, nil},
	{"DELETE", "/2015-03-31/functions/{FunctionName}/aliases/{Name}", "DeleteAlias", 204, nil},
	{"POST", "/2015-03-31/functions/{FunctionName}/policy", "AddPermission", 201, []lambdaParameter{qualifierParameter}},
	{"GET", "/2015-03-31/functions/{FunctionName}/policy", "GetPolicy", 200, []lambdaParameter{qualifierParameter}},
	{"DELETE", "/2015-03-31/functions/{FunctionName}/policy/{StatementId}", "RemovePermission", 204, []lambdaParameter{qualifierParameter, {"RevisionId", "RevisionId", textParameter}}},
	{"POST", "/2015-03-31/event-source-mappings", "CreateEventSourceMapping", 202, nil},
	{"GET", "/2015-03-31/event-source-mappings", "ListEventSourceMappings", 200, append([]lambdaParameter{{"EventSourceArn", "EventSourceArn", textParameter}, {"FunctionName", "FunctionName", textParameter}}, pageParameters...)},
	{"GET", "/2015-03-31/event-source-mappings/{UUID}", "GetEventSourceMapping", 200, nil},
	{"PUT", "/2015-03-31/event-source-mappings/{UUID}", "UpdateEventSourceMapping", 202, nil},
	{"DELETE", "/2015-03-31/event-source-mappings/{UUID}", "DeleteEventSourceMapping", 202, nil},
	{"GET", "/2016-08-19/account-settings", "GetAccountSettings", 200, nil},
	{"GET", "/2017-03-31/tags/{Resource}", "ListTags", 200, nil},
	{"POST", "/2017-03-31/tags/{Resource}", "TagResource", 204, nil},
	{"DELETE", "/2017-03-31/tags/{Resource}", "UntagResource", 204, []lambdaParameter{{"tagKeys", "TagKeys", listParameter}}},
	{"PUT", "/2017-10-31/functions/{FunctionName}/concurrency", "PutFunctionConcurrency", 200, nil},
	{"DELETE", "/2017-10-31/functions/{FunctionName}/concurrency", "DeleteFunctionConcurrency", 204, nil},
	{"GET", "/2019-09-30/functions/{FunctionName}/concurrency", "GetFunctionConcurrency", 200, nil},
	{"GET", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency?List=ALL", "ListProvisionedConcurrencyConfigs", 200, pageParameters},
	{"GET", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency", "GetProvisionedConcurrencyConfig", 200, []lambdaParameter{qualifierParameter}},
	{"DELETE", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency", "DeleteProvisionedConcurrencyConfig", 204, []lambdaParameter{qualifierParameter}},
	{"PUT", "/2019-09-25/functions/{FunctionName}/event-invoke-config", "PutFunctionEventInvokeConfig", 200, []lambdaParameter{qualifierParameter}},
	{"POST", "/2019-09-25/functions/{FunctionName}/event-invoke-config", "UpdateFunctionEventInvokeConfig", 200, []lambdaParameter{qualifierParameter}},
	{"GET", "/2019-09-25/functions/{FunctionName}/event-invoke-config", "GetFunctionEventInvokeConfig", 200, []lambdaParameter{qualifierParameter}},
	{"DELETE", "/2019-09-25/functions/{FunctionName}/event-invoke-config", "DeleteFunctionEventInvokeConfig", 204, []lambdaParameter{qualifierParameter}},
	{"GET", "/2019-09-25/functions/{FunctionName}/event-invoke-config/list", "ListFunctionEventInvokeConfigs", 200, pageParameters},
	{"GET", "/2020-06-30/functions/{FunctionName}/code-signing-config", "GetFunctionCodeSigningConfig", 200, nil},
	{"DELETE", "/2020-06-30/functions/{FunctionName}/code-signing-config", "DeleteFunctionCodeSigningConfig", 204, nil},
	{"PUT", "/2021-07-20/functions/{FunctionName}/runtime-management-config", "PutRuntimeManagementConfig", 200, []lambdaParameter{qualifierParameter}},
	{"GET", "/2021-07-20/functions/{FunctionName}/runtime-management-config", "GetRuntimeManagementConfig", 200, []lambdaParameter{qualifierParameter}},
	{"POST", "/2021-10-31/functions/{FunctionName}/url", "CreateFunctionUrlConfig", 201, []lambdaParameter{qualifierParameter}},
	{"GET", "/2021-10-31/functions/{FunctionName}/url", "GetFunctionUrlConfig", 200, []lambdaParameter{qualifierParameter}},
	{"PUT", "/2021-10-31/functions/{FunctionName}/url", "UpdateFunctionUrlConfig", 200, []lambdaParameter{qualifierParameter}},
	{"DELETE", "/2021-10-31/functions/{FunctionName}/url", "DeleteFunctionUrlConfig", 204, []lambdaParameter{qualifierParameter}},
	{"GET", "/2021-10-31/functions/{FunctionName}/urls", "ListFunctionUrlConfigs", 200, pageParameters},
	{"GET", "/2024-08-31/functions/{FunctionName}/recursion-config", "GetFunctionRecursionConfig", 200, nil},
	{"PUT", "/2024-08-31/functions/{FunctionName}/recursion-config", "PutFunctionRecursionConfig", 200, nil},
}

// lambdaUnserved is the table of the parts of the API that are not served, by the beginning and the end of their paths, and what they are about.
var lambdaUnserved = []struct{ begin, end, what string }{
	{"/2018-10-31/layers", "", "Layers are"},                                             // code that functions share
	{"/2019-09-30/functions/", "/provisioned-concurrency", "Provisioned concurrency is"}, // processes kept warm
	{"/2020-04-22/code-signing-configs", "", "Code signing is"},                          // who may sign code
	{"/2020-06-30/functions/", "/code-signing-config", "Code signing is"},                // the same, of a function
	{"/2021-07-20/functions/", "/runtime-management-config", "Runtime management is"},    // which version of a runtime
	{"/2025-11-30/", "", "Capacity providers are"},                                       // functions on instances
	{"/2025-12-01/", "", "Durable functions are"},                                        // functions that checkpoint
}

// The largest bodies of requests. That of code is what 50 MB are in base64, with some room.
const (
	maxLambdaRequest     = 1 << 20
	maxLambdaCodeRequest = 70_167_211
)

// lambdaAPI serves the API of AWS Lambda, a REST protocol with JSON bodies.
type lambdaAPI struct {
	control FunctionControl
	invoker FunctionInvoker
	log     *slog.Logger
}

// NewLambda returns the handler of AWS Lambda. log receives our own trouble, nil discards it.
func NewLambda(c FunctionControl, i FunctionInvoker, log *slog.Logger) http.Handler {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &lambdaAPI{c, i, log}
}

// ServeHTTP implements http.Handler.
func (l *lambdaAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, err := pathSegments(r.URL)
	if err == nil {
		err = l.serve(w, r, path)
	}
	if err != nil {
		l.refuse(w, r, err)
	}
}

// pathSegments takes a path apart. ARNs stand in it escaped.
func pathSegments(u *url.URL) ([]string, error) {
	path := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i, segment := range path {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return nil, lambda.Refuse(lambda.CodeUnknownOperation, "The path %.200q is not well escaped.", u.EscapedPath())
		}
		path[i] = plain
	}
	return path, nil
}

func (l *lambdaAPI) serve(w http.ResponseWriter, r *http.Request, path []string) error {
	for i := range lambdaOperations {
		o := &lambdaOperations[i]
		pattern, query, _ := strings.Cut(o.path, "?")
		if members, ok := matchPath(pattern, path); ok && o.method == r.Method && strings.Contains(r.URL.RawQuery, query) {
			return l.call(w, r, o, members)
		}
	}
	switch {
	case matches("/2015-03-31/functions/{FunctionName}/invocations", path) && r.Method == http.MethodPost:
		return l.invoke(w, r, path[2])
	case matches("/2014-11-13/functions/{FunctionName}/invoke-async", path) && r.Method == http.MethodPost:
		return l.invokeAsync(w, r, path[2])
	case matches("/2021-11-15/functions/{FunctionName}/response-streaming-invocations", path):
		return lambda.Refuse(lambda.CodeInvalidParameterValue, "Responses are not streamed here; Invoke gives the same function's response in one piece.")
	case matches(control.CodePath+"{Code}", path) && r.Method == http.MethodGet:
		return l.sendCode(w, r, path[2])
	}
	return unserved(r)
}

// unserved says that an operation is not served, and what of the API is.
func unserved(r *http.Request) error {
	for _, u := range lambdaUnserved {
		if strings.HasPrefix(r.URL.Path, u.begin) && strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), u.end) {
			return lambda.Refuse(lambda.CodeUnknownOperation, "%s not served here (%s %.200s).", u.what, r.Method, r.URL.Path)
		}
	}
	return lambda.Refuse(lambda.CodeUnknownOperation, "AWS Lambda has no operation %s %.200s, or it is not served here.", r.Method, r.URL.Path)
}

// matchPath compares a path with a pattern and returns the segments that stand for the pattern's names.
func matchPath(pattern string, path []string) (members map[string]string, ok bool) {
	parts := strings.Split(strings.Trim(pattern, "/"), "/")
	if len(parts) != len(path) {
		return nil, false
	}
	for i, part := range parts {
		switch name, isName := strings.CutPrefix(part, "{"); {
		case isName && path[i] != "":
			if members == nil {
				members = map[string]string{}
			}
			members[strings.TrimSuffix(name, "}")] = path[i]
		case part != path[i]:
			return nil, false
		}
	}
	return members, true
}

func matches(pattern string, path []string) bool {
	_, ok := matchPath(pattern, path)
	return ok
}

// call carries out one of the operations of the table.
func (l *lambdaAPI) call(w http.ResponseWriter, r *http.Request, o *lambdaOperation, members map[string]string) error {
	limit := int64(maxLambdaRequest)
	if o.name == "CreateFunction" || o.name == "UpdateFunctionCode" {
		limit = maxLambdaCodeRequest
	}
	body, err := lambdaBody(r, limit, o.name)
	if err != nil {
		return err
	}
	fromURL, err := o.fromURL(members, r.URL.Query())
	if err != nil {
		return err
	}
	out, err := l.control.Call(r.Context(), o.name, body, fromURL)
	if err != nil {
		return err
	}
	reachable(out, r.Host)
	if out == nil || o.status == http.StatusNoContent {
		w.WriteHeader(o.status)
		return nil
	}
	text, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("encode the response of %s: %w", o.name, err)
	}
	writeLambda(w, o.status, text)
	return nil
}

// reachable makes the addresses in a response ones that the client finds this program at. host is what it called the API by.
func reachable(response any, host string) {
	switch out := response.(type) {
	case *control.GetFunctionResponse:
		if out.Code.Location != "" {
			out.Code.Location = "http://" + host + out.Code.Location
		}
	case *control.FunctionURLConfig:
		out.At(host)
	case *control.ListFunctionURLConfigsResponse:
		for _, c := range out.FunctionUrlConfigs {
			c.At(host)
		}
	}
}

// fromURL is the part of a request that stands in the path and the query, as a document.
func (o *lambdaOperation) fromURL(members map[string]string, query url.Values) ([]byte, error) {
	request := map[string]any{}
	for name, value := range members {
		request[name] = value
	}
	for _, p := range o.parameters {
		values, given := query[p.query]
		if !given {
			continue
		}
		switch p.kind {
		case textParameter:
			request[p.member] = values[0]
		case listParameter:
			request[p.member] = values
		case numberParameter:
			n, err := strconv.Atoi(values[0])
			if err != nil {
				return nil, lambda.Refuse(lambda.CodeSerialization, "%.100q cannot be converted to Integer for the parameter %q.", values[0], p.query)
			}
			request[p.member] = n
		}
	}
	return json.Marshal(request)
}

// lambdaBody reads the body of a request.
func lambdaBody(r *http.Request, limit int64, operation string) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	switch {
	case err != nil:
		return nil, lambda.Refuse(lambda.CodeSerialization, "The body of the request ends early: %v", err)
	case int64(len(body)) > limit:
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, limit)) // so that the sender gets to the answer
		return nil, lambda.Refuse(lambda.CodeRequestTooLarge, "Request must be smaller than %d bytes for the %s operation", limit, operation)
	}
	return body, nil
}

// invoke serves Invoke, whose request and response are the payload, with everything else in headers.
func (l *lambdaAPI) invoke(w http.ResponseWriter, r *http.Request, name string) error {
	kind, logs := r.Header.Get("X-Amz-Invocation-Type"), r.Header.Get("X-Amz-Log-Type")
	if err := checkInvoke(kind, logs); err != nil {
		return err
	}
	in, err := l.invocation(w, r, name)
	if err != nil {
		return err
	}
	switch kind {
	case "Event":
		if err := l.invoker.Enqueue(r.Context(), in); err != nil {
			return err
		}
		writeLambda(w, http.StatusAccepted, nil)
		return nil
	case "DryRun":
		if err := l.invoker.DryRun(in); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	// A function may run for a quarter of an hour, longer than the server lets other calls take.
	deadlines := http.NewResponseController(w)
	_ = deadlines.SetReadDeadline(time.Time{})  // where there is none to lift, as in tests, all is well
	_ = deadlines.SetWriteDeadline(time.Time{}) // the same
	result, err := l.invoker.Invoke(r.Context(), in)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("X-Amz-Executed-Version", result.ExecutedVersion)
	header.Set("X-Amzn-Remapped-Content-Length", "0")
	if result.FunctionError != "" {
		header.Set("X-Amz-Function-Error", result.FunctionError)
	}
	if logs == "Tail" {
		header.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(result.LogTail))
	}
	_ = deadlines.SetWriteDeadline(time.Now().Add(time.Minute)) // as above
	writeLambda(w, http.StatusOK, result.Payload)
	return nil
}

// checkInvoke holds the headers of Invoke to the model.
func checkInvoke(kind, logs string) error {
	var broken []string
	add := func(value, field, members string) {
		broken = append(broken, fmt.Sprintf("Value '%.200s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]", value, field, members))
	}
	switch kind {
	case "", "RequestResponse", "Event", "DryRun":
	default:
		add(kind, "invocationType", "RequestResponse, Event, DryRun")
	}
	if logs != "" && logs != "None" && logs != "Tail" {
		add(logs, "logType", "None, Tail")
	}
	switch len(broken) {
	case 0:
		return nil
	case 1:
		return lambda.Refuse(lambda.CodeValidation, "1 validation error detected: %s", broken[0])
	}
	return lambda.Refuse(lambda.CodeValidation, "%d validation errors detected: %s", len(broken), strings.Join(broken, "; "))
}

// invocation reads a request of Invoke.
func (l *lambdaAPI) invocation(w http.ResponseWriter, r *http.Request, name string) (in lambda.Invocation, err error) {
	if in.Function, err = l.invoker.Qualified(name, r.URL.Query().Get("Qualifier")); err != nil {
		return in, err
	}
	if in.Payload, err = lambdaBody(r, lambda.MaxRequestSize, "InvokeFunction"); err != nil {
		return in, err
	}
	if text := r.Header.Get("X-Amz-Client-Context"); text != "" {
		if in.ClientContext, err = base64.StdEncoding.DecodeString(text); err != nil || !json.Valid(in.ClientContext) {
			return in, lambda.Refuse(lambda.CodeInvalidRequestContent, "Client context must be a valid Base64-encoded JSON object.")
		}
	}
	in.TraceHeader = r.Header.Get("X-Amzn-Trace-Id")
	in.RequestID = w.Header().Get("X-Amzn-Requestid")
	return in, nil
}

// invokeAsync serves InvokeAsync, the old form of an event.
func (l *lambdaAPI) invokeAsync(w http.ResponseWriter, r *http.Request, name string) error {
	in, err := l.invocation(w, r, name)
	if err != nil {
		return err
	}
	if err := l.invoker.Enqueue(r.Context(), in); err != nil {
		return err
	}
	writeLambda(w, http.StatusAccepted, nil)
	return nil
}

// sendCode answers with a zip.
func (l *lambdaAPI) sendCode(w http.ResponseWriter, r *http.Request, code string) error {
	zip, err := l.control.OpenCode(r.Context(), code)
	if err != nil {
		return err
	}
	defer func() { _ = zip.Close() }()
	w.Header().Set("Content-Type", "application/zip")
	_, _ = io.Copy(w, zip) // the client is gone: nobody to tell
	return nil
}

// refuse answers with an error and logs it if it is our own trouble.
func (l *lambdaAPI) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var refused *lambda.Error
	if !errors.As(err, &refused) {
		refused = lambda.Refuse(lambda.CodeService, "%v", err)
		if r.Context().Err() == nil {
			l.log.Error("cannot serve a request", "path", r.URL.Path, "error", err)
		}
	}
	// The members in the order in which AWS writes them.
	var body bytes.Buffer
	body.WriteByte('{')
	for _, member := range [][2]string{{"Reason", refused.Reason}, {"Type", refused.Fault}, {refused.Member(), refused.Message}} {
		if member[1] == "" && member[0] != refused.Member() {
			continue
		}
		if body.Len() > 1 {
			body.WriteByte(',')
		}
		text, _ := json.Marshal(member[1]) // a string always encodes
		body.WriteString(`"` + member[0] + `":`)
		body.Write(text)
	}
	body.WriteByte('}')
	w.Header().Set("X-Amzn-Errortype", refused.Code)
	writeLambda(w, refused.Status, body.Bytes())
}

func writeLambda(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone: nobody to tell
}
