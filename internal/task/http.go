package task

import (
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// httpLimit is how long an HTTP task may take, whatever its TimeoutSeconds (developer guide, "Call HTTPS APIs").
const httpLimit = 60 * time.Second

// httpInvoke performs arn:aws:states:::http:invoke.
type httpInvoke struct {
	connections Connections
	client      *http.Client
}

func newHTTPInvoke(c Connections) *httpInvoke {
	return &httpInvoke{connections: c, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// httpInput is what the integration takes.
func httpInput() *awsmodel.Shape {
	connection := take("ConnectionArn")
	object := &awsmodel.Shape{Kind: awsmodel.Map, Key: anyText, Elem: anyJSON}
	choice := func(values ...string) *awsmodel.Shape { return &awsmodel.Shape{Kind: awsmodel.String, Enum: values} }
	transform := awsmodel.NewStructure(
		awsmodel.Member{Name: "RequestBodyEncoding", Shape: choice("NONE", "URL_ENCODED")},
		awsmodel.Member{Name: "RequestEncodingOptions", Shape: awsmodel.NewStructure(
			awsmodel.Member{Name: "ArrayFormat", Shape: choice("INDICES", "REPEAT", "COMMAS", "BRACKETS")})},
	)
	return awsmodel.NewStructure(
		awsmodel.Member{Name: "ApiEndpoint", Shape: anyText}, awsmodel.Member{Name: "Method", Shape: anyText},
		awsmodel.Member{Name: "Authentication", Shape: connection}, awsmodel.Member{Name: "InvocationConfig", Shape: connection},
		awsmodel.Member{Name: "Headers", Shape: object}, awsmodel.Member{Name: "QueryParameters", Shape: object},
		awsmodel.Member{Name: "RequestBody", Shape: anyJSON}, awsmodel.Member{Name: "Transform", Shape: transform},
	)
}

// httpMethods are the methods of HTTP tasks.
var httpMethods = []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"}

// forbiddenHeaders are those that an HTTP task may not set; a star stands for any end (developer guide, "HTTP Task definition").
var forbiddenHeaders = []string{
	"a-im", "accept-charset", "accept-datetime", "accept-encoding", "authorization", "cache-control", "connection", "content-encoding", "content-md5",
	"date", "expect", "forwarded", "from", "host", "http2-settings", "if-*", "max-forwards", "origin", "pragma", "proxy-authorization", "referer", "server",
	"te", "trailer", "transfer-encoding", "upgrade", "via", "warning", "x-forwarded-*", "x-amz-*", "x-amzn-*",
}

// httpProblems lists what the integration has against its parameters beyond their types. All of it ends the execution with States.Runtime.
func httpProblems(in *value.Object) []string {
	var problems []string
	for _, name := range []string{"ApiEndpoint", "Method"} {
		if get(in, name) == nil {
			problems = append(problems, "The field '"+name+"' is required but was missing")
		}
	}
	if endpoint, ok := get(in, "ApiEndpoint").(value.String); ok && !secure(string(endpoint)) {
		problems = append(problems, "The value of the field 'ApiEndpoint' must be an HTTPS URL")
	}
	if method, ok := get(in, "Method").(value.String); ok && !slices.Contains(httpMethods, string(method)) {
		problems = append(problems, "The value of the field 'Method' must be one of: "+strings.Join(httpMethods, ", "))
	}
	if connectionARN(in) == "" {
		problems = append(problems, "The field 'Authentication' is required but was missing")
	}
	if headers, ok := get(in, "Headers").(*value.Object); ok {
		for name := range headers.All() {
			if slices.ContainsFunc(forbiddenHeaders, func(pattern string) bool { return headerMatches(pattern, name) }) {
				problems = append(problems, "The header '"+name+"' is not supported")
			}
		}
	}
	return problems
}

func headerMatches(pattern, name string) bool {
	name = strings.ToLower(name)
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return name == pattern
}

// secure tells whether the endpoint is an HTTPS URL. On this computer's loopback HTTP will do: whoever tries a task out has no certificate there.
func secure(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()))
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

func connectionARN(in *value.Object) string {
	for _, name := range []string{"Authentication", "InvocationConfig"} {
		if arn, ok := follow(in, name+"/ConnectionArn").(value.String); ok && arn != "" {
			return string(arn)
		}
	}
	return ""
}

// Perform implements [Performer].
func (h *httpInvoke) Perform(ctx context.Context, c Call) (*value.Data, *sfn.Failure) {
	ctx, cancel := context.WithTimeout(ctx, httpLimit)
	defer cancel()
	in := c.object()
	arn := connectionARN(in)
	if h.connections == nil {
		return nil, unknownConnection(arn)
	}
	connection, ok := h.connections.Connection(arn)
	if !ok {
		return nil, unknownConnection(arn)
	}
	req, failure := h.request(ctx, c, in, connection)
	if failure != nil {
		return nil, failure
	}
	trace := traceOf(ctx)
	trace.request(req, connection.authorizing(), &connection.AuthParameters.InvocationHTTPParameters)
	resp, err := h.client.Do(req)
	if err != nil {
		return nil, socketFailure(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, sfn.MaxPayloadBytes+1))
	if err != nil {
		return nil, socketFailure(err)
	}
	trace.response(resp, body)
	return httpResult(resp, body)
}

func unknownConnection(arn string) *sfn.Failure {
	return sfn.Fail("Events.ConnectionResource.ResourceNotFound", "The connection %s does not exist: neither the template nor connections.json has it", arn)
}

// socketFailure is the failure of a request that nobody answered in time.
func socketFailure(err error) *sfn.Failure {
	var failed *url.Error
	if errors.As(err, &failed) {
		if failed.Timeout() {
			return sfn.Fail(sfn.ErrorHTTPSocket, "The request timed out after %d seconds", int(httpLimit.Seconds()))
		}
		err = failed.Err // the URL may hold a secret
	}
	return sfn.Fail(sfn.ErrorHTTPSocket, "The request could not be sent: %s", err)
}

// request makes the HTTP request. What the connection has wins over what the task has.
func (h *httpInvoke) request(ctx context.Context, c Call, in *value.Object, connection *Connection) (*http.Request, *sfn.Failure) {
	own := &connection.AuthParameters.InvocationHTTPParameters
	body, contentType, failure := httpBody(in, own.BodyParameters)
	if failure != nil {
		return nil, failure
	}
	endpoint, _ := get(in, "ApiEndpoint").(value.String)
	method, _ := get(in, "Method").(value.String)
	u, err := url.Parse(string(endpoint))
	if err != nil {
		return nil, sfn.Fail(sfn.ErrorRuntime, "The endpoint is no URL: %s", err)
	}
	query := u.Query()
	if parameters, ok := get(in, "QueryParameters").(*value.Object); ok {
		for name, v := range parameters.All() {
			query[name] = texts(v)
		}
	}
	for _, q := range own.QueryStringParameters {
		query.Set(q.Key, q.Value)
	}
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, string(method), u.String(), strings.NewReader(body))
	if err != nil {
		return nil, sfn.Fail(sfn.ErrorRuntime, "The request cannot be made: %s", err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if headers, ok := get(in, "Headers").(*value.Object); ok {
		for name, v := range headers.All() {
			req.Header[http.CanonicalHeaderKey(name)] = texts(v)
		}
	}
	region := ""
	if arn, err := sfn.ParseARN(c.Execution); err == nil {
		region = arn.Region
	}
	req.Header.Set("User-Agent", "Amazon|StepFunctions|HttpInvoke|"+region)
	req.Header.Set("Range", "bytes=0-"+strconv.Itoa(sfn.MaxPayloadBytes))
	req.Header.Set("X-Amzn-Trace-Id", traceHeader(c))
	for _, p := range own.HeaderParameters {
		req.Header.Set(p.Key, p.Value)
	}
	if err := connection.authorize(ctx, h.client, req.Header); err != nil {
		return nil, sfn.Fail("Events.ConnectionResource.InvalidConnectionState", "The connection could not be authorized: %s", err)
	}
	return req, nil
}

func traceHeader(c Call) string {
	if c.TraceHeader != "" {
		return c.TraceHeader
	}
	return "Root=" + traceRoot(uuid.NewString())
}

// texts are the values of a header or query parameter.
func texts(v value.Value) []string {
	switch v := v.(type) {
	case value.String:
		return []string{string(v)}
	case value.Null:
		return nil
	case value.Array:
		var list []string
		for _, item := range v {
			list = append(list, texts(item)...)
		}
		return list
	}
	return []string{value.Text(v)}
}

// httpBody is the request's body: the task's and the connection's, encoded as the task says.
func httpBody(in *value.Object, own []HTTPParameter) (body, contentType string, failure *sfn.Failure) {
	v := get(in, "RequestBody")
	if v != nil && v.Kind() == value.KindNull {
		v = nil
	}
	if len(own) > 0 {
		o, ok := v.(*value.Object)
		if v != nil && !ok {
			return "", "", sfn.Fail(sfn.ErrorRuntime, "The RequestBody must be a JSON object, since the connection has body parameters")
		}
		if o == nil {
			o = value.NewObject()
		}
		for _, p := range own {
			o = o.With(p.Key, value.String(p.Value))
		}
		v = o
	}
	if v == nil {
		return "", "", nil
	}
	if follow(in, "Transform/RequestBodyEncoding") == value.Value(value.String("URL_ENCODED")) {
		o, ok := v.(*value.Object)
		if !ok {
			return "", "", sfn.Fail(sfn.ErrorRuntime, "The RequestBody must be a JSON object to be URL-encoded")
		}
		arrays, _ := follow(in, "Transform/RequestEncodingOptions/ArrayFormat").(value.String)
		var pairs []string
		for name, inner := range o.All() {
			pairs = appendForm(pairs, name, inner, string(arrays))
		}
		return strings.Join(pairs, "&"), "application/x-www-form-urlencoded", nil
	}
	if text, ok := v.(value.String); ok {
		return string(text), "", nil
	}
	return value.Text(v), "application/json", nil
}

// appendForm appends a member of a body that is sent as a form. Objects nest in brackets, arrays as their format says.
func appendForm(pairs []string, name string, v value.Value, arrays string) []string {
	pair := func(name, text string) string { return url.QueryEscape(name) + "=" + url.QueryEscape(text) }
	switch v := v.(type) {
	case *value.Object:
		for inner, item := range v.All() {
			pairs = appendForm(pairs, name+"["+inner+"]", item, arrays)
		}
		return pairs
	case value.Array:
		if arrays == "COMMAS" {
			var joined []string
			for _, item := range v {
				joined = append(joined, texts(item)...)
			}
			return append(pairs, pair(name, strings.Join(joined, ",")))
		}
		for i, item := range v {
			element := name + "[" + strconv.Itoa(i) + "]"
			switch arrays {
			case "REPEAT":
				element = name
			case "BRACKETS":
				element = name + "[]"
			}
			pairs = appendForm(pairs, element, item, arrays)
		}
		return pairs
	case value.Null:
		return append(pairs, pair(name, ""))
	case value.String:
		return append(pairs, pair(name, string(v)))
	}
	return append(pairs, pair(name, value.Text(v)))
}

// httpResult is the task's result, or the failure that the status stands for.
func httpResult(resp *http.Response, body []byte) (*value.Data, *sfn.Failure) {
	shown, failure := httpText(resp.Header.Get("Content-Type"), body)
	if resp.StatusCode >= http.StatusBadRequest {
		return nil, sfn.Fail(sfn.ErrorName("States.Http.StatusCode."+strconv.Itoa(resp.StatusCode)), "%s", strings.ToValidUTF8(string(body), "\uFFFD"))
	}
	if failure != nil {
		return nil, failure
	}
	return value.NewData(object("Headers", headersOf(resp.Header), "ResponseBody", shown, "StatusCode", value.Int(resp.StatusCode),
		"StatusText", value.String(http.StatusText(resp.StatusCode)))), nil
}

// headersOf shows headers as lists of values by name, in the order of names.
func headersOf(h http.Header) *value.Object {
	var members []value.Member
	for _, name := range slices.Sorted(keys(h)) {
		values := make(value.Array, len(h[name]))
		for i, v := range h[name] {
			values[i] = value.String(v)
		}
		members = append(members, value.Member{Name: wireName(name), Value: values})
	}
	return value.NewObject(members...)
}

// httpText is the body as JSON where it says that it is, else as a text. What is no text cannot be a result.
func httpText(contentType string, body []byte) (value.Value, *sfn.Failure) {
	kind, _, _ := mime.ParseMediaType(contentType)
	for _, binary := range []string{"application/octet-stream", "image/", "video/", "audio/"} {
		if strings.HasPrefix(kind, binary) {
			return nil, sfn.Fail(sfn.ErrorRuntime, "The response has the content type %s, which is not supported", kind)
		}
	}
	if !utf8.Valid(body) {
		return nil, sfn.Fail(sfn.ErrorRuntime, "The response's body is no text in UTF-8")
	}
	if len(body) > sfn.MaxPayloadBytes {
		return nil, sfn.Fail(sfn.ErrorDataLimitExceeded, "The state/task 'http' returned a result with a size exceeding the maximum number of bytes service limit.")
	}
	if kind == "application/json" || strings.HasSuffix(kind, "+json") {
		if v, err := value.Parse(string(body)); err == nil {
			return v, nil
		}
	}
	return value.String(body), nil
}
