package restapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
	"github.com/tutti-run/tutti/internal/trigger/restapi"
	"github.com/tutti-run/tutti/internal/value"
)

// functions is an Invoker that answers by the function's name and keeps the last event.
type functions struct {
	answers map[string]string
	event   map[string]any
	raw     string
	asked   int
}

func (f *functions) Invoke(_ context.Context, in lambda.Invocation) (lambda.Result, error) {
	f.asked++
	f.event, f.raw = nil, string(in.Payload)
	if err := json.Unmarshal(in.Payload, &f.event); err != nil {
		return lambda.Result{}, err
	}
	answer, ok := f.answers[in.Function[strings.LastIndexByte(in.Function, ':')+1:]]
	if !ok {
		return lambda.Result{}, lambda.Refuse(lambda.CodeResourceNotFound, "no %s", in.Function)
	}
	if text, failed := strings.CutPrefix(answer, "!"); failed {
		return lambda.Result{Payload: []byte(text), FunctionError: "Unhandled"}, nil
	}
	return lambda.Result{Payload: []byte(answer)}, nil
}

// service is an Exchanger that keeps what was asked.
type service struct {
	asked, header string
	status        int
	answer        string
	err           error
}

func (*service) Target(name string) (string, string, bool) {
	if name == "sns" {
		return "", "", true // of the query protocol
	}
	return "AWSStepFunctions", "application/x-amz-json-1.0", name == "states"
}

func (s *service) Exchange(r *http.Request, name string, body []byte) (int, http.Header, []byte, error) {
	s.asked = name + " " + r.Method + " " + r.URL.RequestURI() + " " + string(body)
	s.header = r.Header.Get("X-Amz-Target") + r.Header.Get("X-Mapped") + " " + r.Header.Get("Content-Type")
	return s.status, http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, []byte(s.answer), s.err
}

const (
	apiARN      = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
	functionARN = "arn:aws:lambda:us-east-1:111111111111:function:"
)

func toFunction(name string) *restapi.Integration {
	return &restapi.Integration{Type: "AWS_PROXY", Verb: "POST", URI: apiARN + functionARN + name + "/invocations"}
}

// oneMethod is an API with a method.
func oneMethod(m restapi.Method) restapi.API {
	return restapi.API{
		ID: "a1b2c3", Account: "111111111111", Region: "us-east-1", Methods: []restapi.Method{m},
		Stages: []restapi.Stage{{Name: "prod", DeploymentID: "d1", Variables: map[string]string{"v": "x", "fn": "f"}}},
	}
}

func noProblems(t *testing.T, api restapi.API, services restapi.Services) *restapi.Handler {
	t.Helper()
	h, problems := restapi.New(api, services)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return h
}

func ask(t *testing.T, h http.Handler, method, target, body string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://a1b2c3.execute-api.localhost:4566"+target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestMethods(t *testing.T) {
	api := restapi.API{ID: "a", Stages: []restapi.Stage{{Name: "prod"}}}
	f := &functions{answers: map[string]string{}}
	for i, key := range []string{"GET /pets", "ANY /pets", "GET /pets/{id}", "GET /pets/dog", "ANY /{proxy+}", "GET /", "PUT /pets/{id}/toys/{proxy+}"} {
		verb, path, _ := strings.Cut(key, " ")
		name := fmt.Sprint("f", i)
		api.Methods = append(api.Methods, restapi.Method{Verb: verb, Path: path, Integration: toFunction(name)})
		f.answers[name] = fmt.Sprintf(`{"statusCode":200,"body":%q}`, key)
	}
	h := noProblems(t, api, restapi.Services{Functions: f})
	const missing = `{"message":"Missing Authentication Token"}`
	for _, tt := range []struct{ method, path, want, variables string }{
		{"GET", "/prod/pets", "GET /pets", `null`},
		{"GET", "/prod/pets/", "GET /pets", `null`},
		{"DELETE", "/prod/pets", "ANY /pets", `null`},
		{"GET", "/prod/pets/dog", "GET /pets/dog", `null`},
		{"GET", "/prod/pets/a%20b%2Fc", "GET /pets/{id}", `{"id":"a%20b%2Fc"}`},
		{"POST", "/prod/pets/1", missing, ``},
		{"PUT", "/prod/pets/1/toys/a/b", "PUT /pets/{id}/toys/{proxy+}", `{"id":"1","proxy":"a/b"}`},
		{"GET", "/prod/pets/1/toys", "ANY /{proxy+}", `{"proxy":"pets/1/toys"}`},
		{"GET", "/prod", "GET /", `null`},
		{"GET", "/prod/", "GET /", `null`},
		{"POST", "/prod/", missing, ``},
		{"GET", "/test/pets", `{"message":"Forbidden"}`, ``},
		{"GET", "/", `{"message":"Forbidden"}`, ``},
	} {
		r := ask(t, h, tt.method, tt.path, "")
		if got := text(t, r); got != tt.want || (tt.variables == "") != (r.StatusCode == 403) {
			t.Errorf("%s %s: %s %s, want %s", tt.method, tt.path, r.Status, got, tt.want)
		}
		if variables, _ := json.Marshal(f.event["pathParameters"]); tt.variables != "" && string(variables) != tt.variables {
			t.Errorf("%s %s has the variables %s, want %s", tt.method, tt.path, variables, tt.variables)
		}
	}
}

func TestEvent(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `{"statusCode":"201","headers":{"X-A":1},"multiValueHeaders":{"Set-Cookie":["a=b","c=d"]},"body":"made"}`}}
	now := time.Date(2026, 3, 12, 19, 3, 58, 0, time.UTC)
	h := noProblems(t, oneMethod(restapi.Method{Verb: "POST", Path: "/orders/{id}", ResourceID: "r1", Integration: toFunction("f")}),
		restapi.Services{Functions: f, Now: func() time.Time { return now }})
	r := ask(t, h, "POST", "/prod/orders/7?b=2&a=1&a=3", `{"n":1}`, "X-Thing", "1", "X-Thing", "2", "User-Agent", "test", "Content-Length", "7", "Connection", "keep-alive")
	if body := text(t, r); r.StatusCode != 201 || body != "made" || r.Header.Get("X-A") != "1" || len(r.Header.Values("Set-Cookie")) != 2 || r.Header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("answer %s %v %s", r.Status, r.Header, body)
	}
	c := f.event["requestContext"].(map[string]any)
	delete(c, "requestId")
	delete(c, "extendedRequestId")
	headers := f.event["headers"].(map[string]any)
	if headers["X-Thing"] != "2" || headers["Host"] != "a1b2c3.execute-api.localhost:4566" || headers["X-Forwarded-Proto"] != "http" || !strings.HasPrefix(headers["X-Amzn-Trace-Id"].(string), "Root=1-") {
		t.Errorf("headers %v", headers)
	}
	for _, name := range []string{"Content-Length", "Connection"} {
		if headers[name] != nil {
			t.Errorf("the event has the header %s", name)
		}
	}
	delete(f.event, "headers")
	delete(f.event, "multiValueHeaders")
	got, _ := json.Marshal(f.event)
	want := `{"body":"{\"n\":1}","httpMethod":"POST","isBase64Encoded":false,"multiValueQueryStringParameters":{"a":["1","3"],"b":["2"]},"path":"/orders/7",` +
		`"pathParameters":{"id":"7"},"queryStringParameters":{"a":"3","b":"2"},"requestContext":{"accountId":"111111111111","apiId":"a1b2c3","deploymentId":"d1",` +
		`"domainName":"a1b2c3.execute-api.localhost:4566","domainPrefix":"a1b2c3","httpMethod":"POST","identity":{"accessKey":null,"accountId":null,"caller":null,` +
		`"cognitoAuthenticationProvider":null,"cognitoAuthenticationType":null,"cognitoIdentityId":null,"cognitoIdentityPoolId":null,"principalOrgId":null,` +
		`"sourceIp":"192.0.2.1","user":null,"userAgent":"test","userArn":null},"path":"/prod/orders/7","protocol":"HTTP/1.1","requestTime":"12/Mar/2026:19:03:58 +0000",` +
		`"requestTimeEpoch":1773342238000,"resourceId":"r1","resourcePath":"/orders/{id}","stage":"prod"},"resource":"/orders/{id}","stageVariables":{"fn":"f","v":"x"}}`
	if string(got) != want {
		t.Errorf("event\n%s\nwant\n%s", got, want)
	}
	order := []string{`{"resource":`, `"path":`, `"httpMethod":`, `"headers":`, `"multiValueHeaders":`, `"queryStringParameters":`, `"pathParameters":`, `"stageVariables":`, `"requestContext":`, `"body":`, `"isBase64Encoded":`}
	for at, raw := 0, f.raw; at < len(order); at++ {
		_, after, ok := strings.Cut(raw, order[at])
		if !ok {
			t.Errorf("%s does not follow in %s", order[at], f.raw)
			break
		}
		raw = after
	}
}

func TestProxyAnswers(t *testing.T) {
	f := &functions{answers: map[string]string{
		"empty": `{}`, "extra": `{"statusCode":200,"cookies":[]}`, "base64 too": `{"base64Encoded":true}`, "object": `{"statusCode":200,"body":{}}`, "text": `"hello"`, "status": `{"statusCode":999}`,
		"failed": `!{"errorMessage":"no"}`, "base64": `{"statusCode":200,"isBase64Encoded":true,"body":"aGk=","headers":{"Content-Type":"image/png"}}`,
	}}
	const bad = `{"message":"Internal server error"}`
	for _, tt := range []struct {
		name, accept string
		status       int
		want         string
	}{
		{"empty", "", 200, ""},
		{"extra", "", 502, bad},
		{"object", "", 502, bad},
		{"text", "", 502, bad},
		{"status", "", 502, bad},
		{"failed", "", 502, bad},
		{"nowhere", "", 500, bad},
		{"base64 too", "", 200, ""},
		{"base64", "", 200, "aGk="},
		{"base64", "image/png", 200, "hi"},
	} {
		api := oneMethod(restapi.Method{Verb: "GET", Path: "/", Integration: toFunction(tt.name)})
		api.BinaryTypes = []string{"image/~1png", "image/png"}
		r := ask(t, noProblems(t, api, restapi.Services{Functions: f}), "GET", "/prod", "", "Accept", tt.accept)
		if got := text(t, r); r.StatusCode != tt.status || got != tt.want {
			t.Errorf("%s: %s %s", tt.name, r.Status, got)
		}
	}
}

func TestBinaryBodies(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `{}`}}
	api := oneMethod(restapi.Method{Verb: "POST", Path: "/", Integration: toFunction("f")})
	api.BinaryTypes = []string{"image/*"}
	h := noProblems(t, api, restapi.Services{Functions: f})
	ask(t, h, "POST", "/prod", "hi", "Content-Type", "image/png")
	if f.event["body"] != "aGk=" || f.event["isBase64Encoded"] != true {
		t.Errorf("binary: %v", f.event)
	}
	ask(t, h, "POST", "/prod", "hi", "Content-Type", "text/plain")
	if f.event["body"] != "hi" || f.event["isBase64Encoded"] != false {
		t.Errorf("text: %v", f.event)
	}
}

// startTemplate is what SAM makes of an Api event of a state machine.
const startTemplate = `{"input": "$util.escapeJavaScript($input.json('$'))", "stateMachineArn": "arn:m"}`

func start() *restapi.Integration {
	return &restapi.Integration{
		Type: "AWS", Verb: "POST", URI: "arn:aws:apigateway:us-east-1:states:action/StartExecution", Templates: map[string]string{"application/json": startTemplate},
		Responses: []restapi.Response{{Pattern: "200", Status: 200}, {Pattern: "400", Status: 400}},
	}
}

func TestService(t *testing.T) {
	s := &service{status: 200, answer: `{"executionArn":"arn:e"}`}
	h := noProblems(t, oneMethod(restapi.Method{Verb: "POST", Path: "/run", Integration: start()}), restapi.Services{AWS: s})
	r := ask(t, h, "POST", "/prod/run", `{"a": "x/y"}`, "Content-Type", "application/json; charset=utf-8")
	if got := text(t, r); r.StatusCode != 200 || got != s.answer || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("answer %s %v %s", r.Status, r.Header, got)
	}
	if want := `states POST / {"input": "{\"a\":\"x\/y\"}", "stateMachineArn": "arn:m"}`; s.asked != want || s.header != "AWSStepFunctions.StartExecution application/x-amz-json-1.0" {
		t.Errorf("asked %s %s\nwant  %s", s.asked, s.header, want)
	}
	s.status, s.answer = 400, `{"__type":"x"}`
	if r := ask(t, h, "POST", "/prod/run", ``); r.StatusCode != 400 || text(t, r) != s.answer || !strings.Contains(s.asked, `"input": "{}"`) {
		t.Errorf("refused: %s, asked %s", r.Status, s.asked)
	}
	s.status = 503
	if r := ask(t, h, "POST", "/prod/run", `{}`); r.StatusCode != 500 || text(t, r) != `{"message":"Internal server error"}` {
		t.Errorf("without a response for it: %s", r.Status)
	}
	s.err = errors.New("not there")
	if r := ask(t, h, "POST", "/prod/run", `{}`); r.StatusCode != 502 {
		t.Errorf("not there: %s", r.Status)
	}
	if r := ask(t, h, "POST", "/prod/run", `{"a`); r.StatusCode != 400 || !strings.HasPrefix(text(t, r), `{"message":"Could not parse request body into json: `) {
		t.Errorf("no JSON: %s", r.Status)
	}
}

func TestActionOfTheQueryProtocol(t *testing.T) {
	s := &service{status: 200, answer: `{"PublishResponse":{}}`}
	i := &restapi.Integration{
		Type: "AWS", Verb: "POST", URI: "arn:aws:apigateway:us-east-1:sns:action/Publish", Responses: []restapi.Response{{Status: 200}},
		Parameters: map[string]string{"integration.request.querystring.TopicArn": "'arn:t'", "integration.request.header.X-Mapped": "method.request.header.Accept"},
	}
	h := noProblems(t, oneMethod(restapi.Method{Verb: "POST", Path: "/", Integration: i}), restapi.Services{AWS: s})
	if r := ask(t, h, "POST", "/prod", "{}"); text(t, r) != s.answer || s.asked != "sns POST /?Action=Publish&TopicArn=arn%3At {}" || s.header != " application/json" {
		t.Errorf("%s, asked %s %s", r.Status, s.asked, s.header)
	}
}

func TestPathOfAService(t *testing.T) {
	s := &service{status: 200, answer: `<ok/>`}
	i := &restapi.Integration{
		Type: "AWS", Verb: "PUT", URI: "arn:aws:apigateway:us-east-1:s3:path/bucket/{key}", Responses: []restapi.Response{{Status: 204, Parameters: map[string]string{
			"method.response.header.X-Kind": "integration.response.header.Content-Type", "method.response.header.X-Stage": "context.stage", "method.response.header.X-Text": "'it'",
		}}},
		Parameters: map[string]string{
			"integration.request.path.key": "method.request.path.name", "integration.request.header.X-Mapped": "stageVariables.v", "integration.request.querystring.q": "method.request.querystring.a",
			"integration.request.header.X-None": "method.request.header.None",
		},
	}
	h := noProblems(t, oneMethod(restapi.Method{Verb: "PUT", Path: "/{name}", Integration: i}), restapi.Services{AWS: s})
	r := ask(t, h, "PUT", "/prod/a%20b?a=1&b=2", "text", "Content-Type", "text/plain")
	if s.asked != "s3 PUT /bucket/a%20b?q=1 text" || s.header != "x application/json" {
		t.Errorf("asked %s %s", s.asked, s.header)
	}
	if r.StatusCode != 204 || r.Header.Get("X-Kind") != "application/x-amz-json-1.0" || r.Header.Get("X-Stage") != "prod" || r.Header.Get("X-Text") != "it" {
		t.Errorf("answer %s %v", r.Status, r.Header)
	}
}

// The template that CDK's StepFunctionsIntegration makes, in its essential parts.
const cdkTemplate = `#set($inputString = '')
#set($includeHeaders = true)
#set($allParams = $input.params())
{
    "stateMachineArn": "arn:m",
    #set($inputString = "$inputString,@@body@@: $input.body")
    #if ($includeHeaders)
        #set($inputString = "$inputString, @@header@@:{")
        #foreach($paramName in $allParams.querystring.keySet())
            #set($inputString = "$inputString @@$paramName@@: @@$util.escapeJavaScript($allParams.querystring.get($paramName))@@")
            #if($foreach.hasNext)
                #set($inputString = "$inputString,")
            #end
        #end
        #set($inputString = "$inputString }")
    #end
    #set($requestContext = "{@@stage@@:@@$context.stage@@,@@user@@:@@$context.identity.user@@}")
    #if($requestContext && !$requestContext.empty)
        #set($inputString = "$inputString, @@requestContext@@: $requestContext")
    #end
    #set($inputString = "$inputString}")
    #set($inputString = $inputString.replaceAll("@@",'"'))
    #set($len = $inputString.length() - 1)
    "input": "{$util.escapeJavaScript($inputString.substring(1,$len)).replaceAll("\\'","'")}"
}`

func TestTemplatesOfCDK(t *testing.T) {
	s := &service{status: 200, answer: `{"status":"FAILED","error":"E","cause":"it's"}`}
	i := start()
	i.URI, i.Templates = "arn:aws:apigateway:us-east-1:states:action/StartSyncExecution", map[string]string{"application/json": cdkTemplate}
	i.Responses = []restapi.Response{{Pattern: "200", Status: 200, Templates: map[string]string{"application/json": `#set($inputRoot = $input.path('$'))
#if($input.path('$.status').toString().equals("FAILED"))
#set($context.responseOverride.status = 500)
#set($context.responseOverride.header.X-Failed = "yes")
{"error": "$input.path('$.error')", "cause": "$input.path('$.cause')"}
#else
$input.path('$.output')
#end`}}}
	h := noProblems(t, oneMethod(restapi.Method{Verb: "POST", Path: "/", Integration: i}), restapi.Services{AWS: s})
	r := ask(t, h, "POST", "/prod?b=2&a=1", `{"k":"it's"}`)
	if got := strings.TrimSpace(text(t, r)); r.StatusCode != 500 || got != `{"error": "E", "cause": "it's"}` || r.Header.Get("X-Failed") != "yes" {
		t.Errorf("answer %s %s", r.Status, got)
	}
	_, body, _ := strings.Cut(s.asked, "/ ")
	var sent struct{ StateMachineArn, Input string }
	if err := json.Unmarshal([]byte(body), &sent); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	var got any
	if err := json.Unmarshal([]byte(sent.Input), &got); err != nil {
		t.Fatalf("%s: %v", sent.Input, err)
	}
	again, _ := json.Marshal(got)
	if want := `{"body":{"k":"it's"},"header":{"a":"1","b":"2"},"requestContext":{"stage":"prod","user":""}}`; string(again) != want {
		t.Errorf("input %s\nwant  %s", again, want)
	}
	s.answer = `{"status":"SUCCEEDED","output":"{\"x\":1}"}`
	if r := ask(t, h, "POST", "/prod", ``); r.StatusCode != 200 || strings.TrimSpace(text(t, r)) != `{"x":1}` {
		t.Errorf("succeeded: %s", r.Status)
	}
}

func TestFunctionByTemplate(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `{"a":[1,2]}`, "bad": `!{"errorMessage":"Bad: it"}`}}
	i := toFunction("${stageVariables.fn}")
	i.Type, i.Templates = "AWS", map[string]string{"application/json": `{"id": "$input.params('id')", "none": "$input.params('none')$stageVariables.none", "v": "$stageVariables.v", "b": $input.json('$.b'), "c": $input.json('$.c')}`}
	i.Responses = []restapi.Response{{Status: 200, Templates: map[string]string{"application/json": `$input.path('$.a')[1]`}}, {Pattern: "Bad.*", Status: 422, Templates: map[string]string{"application/json": `{"m": "$input.path('$.errorMessage')"}`}}}
	api := oneMethod(restapi.Method{Verb: "POST", Path: "/{id}", Integration: i})
	h := noProblems(t, api, restapi.Services{Functions: f})
	if r := ask(t, h, "POST", "/prod/7", `{"b":{"x":1}}`); r.StatusCode != 200 || text(t, r) != "2" {
		t.Errorf("answer %s", r.Status)
	}
	if want := `{"id": "7", "none": "", "v": "x", "b": {"x":1}, "c": ""}`; f.raw != want {
		t.Errorf("asked %s", f.raw)
	}
	api.Stages[0].Variables["fn"] = "bad"
	if r := ask(t, noProblems(t, api, restapi.Services{Functions: f}), "POST", "/prod/7", `{}`); r.StatusCode != 422 || text(t, r) != `{"m": "Bad: it"}` {
		t.Errorf("failed: %s", r.Status)
	}
}

func TestMock(t *testing.T) {
	for _, tt := range []struct {
		template string
		status   int
	}{
		{`{"statusCode": 200}`, 200}, {`{ statusCode: 200 }`, 200}, {`{"statusCode": "404"}`, 404}, {`{}`, 500}, {`{statusCode: x}`, 500},
	} {
		m := restapi.Method{Verb: "OPTIONS", Path: "/", Integration: &restapi.Integration{
			Type: "MOCK", Templates: map[string]string{"application/json": tt.template}, Passthrough: "WHEN_NO_MATCH",
			Responses: []restapi.Response{{Status: 204, Pattern: "2\\d\\d", Parameters: map[string]string{"method.response.header.Access-Control-Allow-Origin": "'*'"}}, {Status: 404}},
		}}
		h := noProblems(t, oneMethod(m), restapi.Services{})
		r := ask(t, h, "OPTIONS", "/prod", "", "Origin", "https://a")
		want := map[int]int{200: 204, 404: 404, 500: 500}[tt.status]
		if r.StatusCode != want || want == 204 && r.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %s %v", tt.template, r.Status, r.Header)
		}
		if !h.AllowsOrigin("https://a") {
			t.Error("the origin is not allowed")
		}
	}
}

func TestHTTPIntegrations(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/csv")
		w.WriteHeader(418)
		_, _ = fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL.RequestURI(), r.Header.Get("X-Own"), body)
	}))
	defer upstream.Close()
	proxy := &restapi.Integration{Type: "HTTP_PROXY", Verb: "ANY", URI: upstream.URL + "/base/{proxy}", Parameters: map[string]string{"integration.request.path.proxy": "method.request.path.proxy"}}
	h := noProblems(t, oneMethod(restapi.Method{Verb: "ANY", Path: "/{proxy+}", Integration: proxy}), restapi.Services{})
	if r := ask(t, h, "PUT", "/prod/a/b?x=1", "body", "X-Own", "y"); r.StatusCode != 418 || text(t, r) != "PUT /base/a/b?x=1 y body" || r.Header.Get("Content-Type") != "text/csv" {
		t.Errorf("proxied: %s %s", r.Status, text(t, r))
	}
	mapped := &restapi.Integration{Type: "HTTP", Verb: "POST", URI: upstream.URL, Templates: map[string]string{"application/json": `#set($context.requestOverride.header.X-Own = "set")<$input.body>`}, Responses: []restapi.Response{{Status: 200}}}
	h = noProblems(t, oneMethod(restapi.Method{Verb: "GET", Path: "/", Integration: mapped}), restapi.Services{})
	if r := ask(t, h, "GET", "/prod?x=1", "", "X-Own", "y"); r.StatusCode != 200 || text(t, r) != "POST / set <{}>" {
		t.Errorf("mapped: %s", r.Status)
	}
	upstream.Close()
	if r := ask(t, h, "GET", "/prod", ""); r.StatusCode != 504 || text(t, r) != `{"message":"Network error communicating with endpoint"}` {
		t.Errorf("down: %s", r.Status)
	}
}

// Headers that API Gateway keeps for itself neither reach servers nor clients under their own names.
func TestHeaders(t *testing.T) {
	var got *http.Request
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		for _, name := range []string{"Server", "WWW-Authenticate", "X-Own", "X-Amzn-Requestid"} {
			w.Header().Set(name, "theirs")
		}
	}))
	defer upstream.Close()
	query := map[string]string{"integration.request.querystring.q": "'mapped'"}
	challenged := []restapi.Response{{Status: 401, Parameters: map[string]string{"method.response.header.WWW-Authenticate": "'Basic'", "method.response.header.Date": "'today'"}}}
	f := &functions{answers: map[string]string{"f": `{"statusCode":401,"headers":{"www-authenticate":"Basic","Content-Length":"3","date":"today","X-Own":"mine"}}`}}
	answers := func(r *http.Response, names ...string) (values string) {
		for _, name := range names {
			values += r.Header.Get(name) + " "
		}
		return values
	}
	call := func(i *restapi.Integration, headers ...string) *http.Response {
		return ask(t, noProblems(t, oneMethod(restapi.Method{Verb: "POST", Path: "/", Integration: i}), restapi.Services{Functions: f}), "POST", "/prod?q=sent", "{}", headers...)
	}

	r := call(toFunction("f"), "Expect", "100-continue", "Max-Forwards", "3", "Server", "me", "Via", "1.1 x")
	if v := answers(r, "Www-Authenticate", "X-Amzn-Remapped-Www-Authenticate", "X-Amzn-Remapped-Content-Length", "X-Amzn-Remapped-Date", "X-Own"); v != " Basic 3 today mine " {
		t.Errorf("of a function: %q", v)
	}
	if headers := f.event["headers"].(map[string]any); headers["Expect"] != nil || headers["Max-Forwards"] != nil || headers["Server"] != nil || headers["Via"] != "1.1 x" {
		t.Errorf("of an event: %v", headers)
	}

	r = call(&restapi.Integration{Type: "HTTP_PROXY", Verb: "POST", URI: upstream.URL, Parameters: query}, "User-Agent", "me", "Via", "1.1 x")
	if v := answers(r, "Server", "X-Amzn-Remapped-Server", "X-Amzn-Remapped-Www-Authenticate", "X-Amzn-Remapped-X-Amzn-Requestid", "X-Own", "X-Amzn-Trace-Id"); v != " theirs theirs theirs theirs  " {
		t.Errorf("of a proxy: %q", v)
	}
	if got.URL.RawQuery != "q=sent&q=mapped" || got.UserAgent() != "me" || got.Header.Get("Via") != "" || got.Header.Get("X-Amzn-Apigateway-Api-Id") != "a1b2c3" {
		t.Errorf("to a server behind a proxy: %s %v", got.URL, got.Header)
	}

	r = call(&restapi.Integration{Type: "HTTP", Verb: "POST", URI: upstream.URL, Parameters: query, Responses: challenged}, "User-Agent", "me", "Content-Type", "text/csv")
	if v := answers(r, "X-Amzn-Remapped-Www-Authenticate", "X-Own"); v != "Basic  " || r.Header.Get("X-Amzn-Trace-Id") == "" {
		t.Errorf("of a mapped answer: %q", v)
	}
	if got.URL.RawQuery != "q=mapped" || got.UserAgent() != "AmazonAPIGateway_a1b2c3" || got.Header.Get("Accept") != "application/json" || got.Header.Get("Content-Type") != "text/csv" {
		t.Errorf("to a server: %s %v", got.URL, got.Header)
	}

	mock := &restapi.Integration{Type: "MOCK", Templates: map[string]string{"$default": `{"statusCode":200}`}, Responses: challenged}
	if v := answers(call(mock, "Content-Type", "text/csv"), "Www-Authenticate", "X-Amzn-Remapped-Date"); v != "Basic today " {
		t.Errorf("of a mock: %q", v)
	}
}

// What a client has escaped in a path stays escaped: for functions, for templates and for servers behind a proxy.
func TestEscapedPaths(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.RequestURI()) }))
	defer upstream.Close()
	f := &functions{answers: map[string]string{"f": `{"statusCode":200}`}}
	h := noProblems(t, oneMethod(restapi.Method{Verb: "GET", Path: "/a/{b}", Integration: toFunction("f")}), restapi.Services{Functions: f})
	ask(t, h, "GET", "/prod/a/x%20y%2Fz?q=%20", "")
	if c := f.event["requestContext"].(map[string]any); f.event["path"] != "/a/x%20y%2Fz" || c["path"] != "/prod/a/x%20y%2Fz" ||
		f.event["pathParameters"].(map[string]any)["b"] != "x%20y%2Fz" || f.event["queryStringParameters"].(map[string]any)["q"] != " " {
		t.Errorf("event %v", f.event)
	}
	for source, want := range map[string]string{"method.request.path.b": "/base/x%20y%2Fz", "method.request.header.X-B": "/base/50%25%20off", "'plain'": "/base/plain"} {
		proxy := &restapi.Integration{Type: "HTTP_PROXY", Verb: "GET", URI: upstream.URL + "/base/{c}", Parameters: map[string]string{"integration.request.path.c": source}}
		h = noProblems(t, oneMethod(restapi.Method{Verb: "GET", Path: "/a/{b}", Integration: proxy}), restapi.Services{})
		if got := text(t, ask(t, h, "GET", "/prod/a/x%20y%2Fz", "", "X-B", "50% off")); got != want {
			t.Errorf("%s: asked %s, want %s", source, got, want)
		}
	}
}

// later is an Enqueuer that keeps what it was given.
type later struct {
	function, payload string
	err               error
}

func (l *later) Enqueue(_ context.Context, in lambda.Invocation) error {
	l.function, l.payload = in.Function, string(in.Payload)
	return l.err
}

// A function with the invocation type Event is not waited for.
func TestEvents(t *testing.T) {
	byTemplate := func(kind string) *restapi.Integration {
		i := toFunction("f")
		i.Type, i.Parameters = "AWS", map[string]string{"integration.request.header.X-Amz-Invocation-Type": kind}
		i.Responses = []restapi.Response{{Status: 200}, {Pattern: ".+", Status: 500}}
		return i
	}
	f := &functions{answers: map[string]string{"f": `"done"`}}
	for _, tt := range []struct {
		kind, header string
		err          error
		status       int
		body         string
		asked        int
	}{
		{"'Event'", "", nil, 200, "", 0},
		{"method.request.header.InvocationType", "Event", nil, 200, "", 0},
		{"method.request.header.InvocationType", "RequestResponse", nil, 200, `"done"`, 1},
		{"'Event'", "", lambda.Refuse(lambda.CodeRequestTooLarge, "too large"), 413, `{"message":"Request Too Long"}`, 0},
	} {
		l := &later{err: tt.err}
		f.asked = 0
		h := noProblems(t, oneMethod(restapi.Method{Verb: "POST", Path: "/a", Integration: byTemplate(tt.kind)}), restapi.Services{Functions: f, Events: l})
		r := ask(t, h, "POST", "/prod/a", `{"n":1}`, "InvocationType", tt.header)
		if body := text(t, r); r.StatusCode != tt.status || body != tt.body || f.asked != tt.asked {
			t.Errorf("%s %s: %s %q after %d calls, want %d %q", tt.kind, tt.header, r.Status, body, f.asked, tt.status, tt.body)
		}
		if tt.asked == 0 && (l.payload != `{"n":1}` || l.function != functionARN+"f") {
			t.Errorf("%s: kept %s for %s", tt.kind, l.payload, l.function)
		}
	}
}

// Where nothing is there, API Gateway looks for a signature, and says so of a header that has something else.
func TestAuthorizationThatIsNoSignature(t *testing.T) {
	h := noProblems(t, oneMethod(restapi.Method{Verb: "GET", Path: "/a", Authorization: "AWS_IAM", Integration: toFunction("f")}), restapi.Services{Functions: &functions{}})
	for _, tt := range []struct{ path, header, kind, message string }{
		{"/a", "", "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"/b", "", "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"/b", "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/execute-api/aws4_request", "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"/a", "Bearer abc", "IncompleteSignatureException", "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): " +
			"'w1Xc6WwWEogNEZQP/dkBTThsJT4MNlKmzQanIm970rY='."},
	} {
		r := ask(t, h, "GET", "/prod"+tt.path, "", "Authorization", tt.header)
		var body struct{ Message string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.StatusCode != 403 || r.Header.Get("X-Amzn-Errortype") != tt.kind || body.Message != tt.message {
			t.Errorf("%s %q: %s %s %q", tt.path, tt.header, r.Status, r.Header.Get("X-Amzn-Errortype"), body.Message)
		}
	}
}

func TestThrottledFunction(t *testing.T) {
	h := noProblems(t, oneMethod(restapi.Method{Verb: "GET", Path: "/a", Integration: toFunction("f")}),
		restapi.Services{Functions: refusing{lambda.Refuse(lambda.CodeTooManyRequests, "Rate Exceeded.")}})
	if r := ask(t, h, "GET", "/prod/a", ""); r.StatusCode != 500 || text(t, r) != `{"message":"Internal server error"}` {
		t.Errorf("%s", r.Status)
	}
}

// refusing is an Invoker that always answers the same error.
type refusing struct{ err error }

func (r refusing) Invoke(context.Context, lambda.Invocation) (lambda.Result, error) {
	return lambda.Result{}, r.err
}

func TestPassthrough(t *testing.T) {
	for _, tt := range []struct {
		behaviour, kind string
		templates       bool
		status          int
	}{
		{"", "text/plain", true, 200}, {"WHEN_NO_MATCH", "text/plain", true, 200}, {"WHEN_NO_TEMPLATES", "text/plain", true, 415}, {"WHEN_NO_TEMPLATES", "text/plain", false, 200},
		{"NEVER", "text/plain", false, 415}, {"NEVER", "application/json", true, 200},
	} {
		i := start()
		i.Passthrough = tt.behaviour
		if !tt.templates {
			i.Templates = nil
		}
		r := ask(t, noProblems(t, oneMethod(restapi.Method{Verb: "POST", Path: "/", Integration: i}), restapi.Services{AWS: &service{status: 200}}), "POST", "/prod", "{}", "Content-Type", tt.kind)
		if r.StatusCode != tt.status || tt.status == 415 && text(t, r) != `{"message":"Unsupported Media Type"}` {
			t.Errorf("%+v: %s", tt, r.Status)
		}
	}
}

func TestValidation(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `{}`}}
	m := restapi.Method{
		Verb: "POST", Path: "/", Integration: toFunction("f"), CheckBody: true, CheckParameters: true, Models: map[string]string{"application/json": "Order"},
		Parameters: map[string]bool{"method.request.querystring.q": true, "method.request.header.X-Need": true, "method.request.header.X-May": false},
	}
	api := oneMethod(m)
	api.Models = map[string]string{
		"Order": `{"type":"object","required":["n"],"properties":{"n":{"type":"integer"},"pet":{"$ref":"https://apigateway.amazonaws.com/restapis/a1b2c3/models/Pet"}}}`,
		"Pet":   `{"type":"object","required":["name"]}`,
	}
	h := noProblems(t, api, restapi.Services{Functions: f})
	for _, tt := range []struct {
		target, body, kind string
		need               bool
		status             int
		want               string
	}{
		{"/prod?q=1", `{"n":1,"pet":{"name":"Rex"}}`, "application/json", true, 200, ""},
		{"/prod", `{"n":1}`, "", false, 400, `{"message":"Missing required request parameters: [X-Need, q]"}`},
		{"/prod?q=", `{"n":1}`, "", true, 400, `{"message":"Missing required request parameters: [q]"}`},
		{"/prod?q=1", `{"n":"1"}`, "", true, 400, `{"message":"Invalid request body"}`},
		{"/prod?q=1", `{"n":1,"pet":{}}`, "application/json", true, 400, `{"message":"Invalid request body"}`},
		{"/prod?q=1", `{`, "application/json", true, 400, `{"message":"Invalid request body"}`},
		{"/prod?q=1", ``, "application/json", true, 400, `{"message":"Invalid request body"}`},
		{"/prod?q=1", `anything`, "text/plain", true, 200, ""},
	} {
		headers := []string{"Content-Type", tt.kind}
		if tt.need {
			headers = append(headers, "X-Need", "1")
		}
		if r := ask(t, h, "POST", tt.target, tt.body, headers...); r.StatusCode != tt.status || text(t, r) != tt.want {
			t.Errorf("%s %s: %s, want %d %s", tt.target, tt.body, r.Status, tt.status, tt.want)
		}
	}
}

func TestProblems(t *testing.T) {
	withModel := restapi.Method{Verb: "GET", Path: "/m", Integration: toFunction("f"), CheckBody: true, Models: map[string]string{"application/json": "Gone"}}
	for _, tt := range []struct {
		m    restapi.Method
		want string
	}{
		{restapi.Method{Verb: "GET", Path: "/a"}, `method "GET /a": has no integration`},
		{restapi.Method{Verb: "LIST", Path: "/a", Integration: toFunction("f")}, `the method "LIST" is none of ANY`},
		{restapi.Method{Verb: "GET", Path: "a", Integration: toFunction("f")}, `the path "a" does not begin with /`},
		{restapi.Method{Verb: "GET", Path: "/{p+}/a", Integration: toFunction("f")}, `the greedy variable "{p+}" must stand at the end`},
		{restapi.Method{Verb: "GET", Path: "/a", Integration: &restapi.Integration{Type: "AWS_PROXY", URI: "x"}}, `its integration's URI "x" names no Lambda function`},
		{restapi.Method{Verb: "GET", Path: "/a", Integration: &restapi.Integration{Type: "VPC"}}, `its integration's type "VPC" is none of AWS_PROXY, AWS, HTTP_PROXY, HTTP and MOCK`},
		{restapi.Method{Verb: "GET", Path: "/a", Integration: &restapi.Integration{Type: "HTTP", URI: "ftp://x"}}, `its integration's URI "ftp://x" is not a URL`},
		{restapi.Method{Verb: "GET", Path: "/a", Integration: &restapi.Integration{Type: "AWS", URI: "arn:aws:apigateway:us-east-1:batch:action/SubmitJob"}}, `its integration's service "batch" has neither JSON nor query protocol`},
		{restapi.Method{Verb: "GET", Path: "/a", Integration: &restapi.Integration{Type: "MOCK", Templates: map[string]string{"application/json": "#if($a)"}}}, `its request template for application/json: line 1: #if is not ended by #end`},
		{restapi.Method{Verb: "GET", Path: "/a", Integration: &restapi.Integration{Type: "MOCK", Responses: []restapi.Response{{Pattern: "("}}}}, `its response's selection pattern "(" cannot be had here`},
		{restapi.Method{Verb: "GET", Path: "/a", Integration: &restapi.Integration{Type: "HTTP", URI: "http://x", Parameters: map[string]string{"integration.request.header.Content-Length": "'1'"}}}, `its integration maps the header Content-Length, which API Gateway writes itself`},
		{restapi.Method{Verb: "GET", Path: "/a", Integration: toFunction("f"), Authorization: "CUSTOM", Authorizer: "z"}, `its authorizer "z" does not exist`},
		{restapi.Method{Verb: "GET", Path: "/a", Integration: toFunction("f"), Authorization: "OTHER"}, `the authorization type "OTHER" is none of NONE, AWS_IAM, CUSTOM and COGNITO_USER_POOLS`},
		{withModel, `its model "Gone": schema: compile Gone.json`},
	} {
		h, problems := restapi.New(oneMethod(tt.m), restapi.Services{Functions: &functions{}, AWS: &service{}})
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), tt.want) {
			t.Errorf("%v, want %s", problems, tt.want)
		}
		if tt.m.Path == "/a" && tt.m.Verb == "GET" {
			if r := ask(t, h, "GET", "/prod/a", ""); r.StatusCode != 500 || text(t, r) != `{"message":"Internal server error"}` {
				t.Errorf("%s: %s", tt.want, r.Status)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	h := noProblems(t, oneMethod(restapi.Method{Verb: "ANY", Path: "/", Integration: toFunction("f")}), restapi.Services{Functions: &functions{}})
	if r := ask(t, h, "POST", "/prod", strings.Repeat("x", 20<<20)); r.StatusCode != 413 || text(t, r) != `{"message":"Request Too Long"}` {
		t.Errorf("20 MB: %s", r.Status)
	}
	if r := ask(t, h, "GET", "/prod", "", "X-Bomb", strings.Repeat("x", 11_000)); r.StatusCode != 431 {
		t.Errorf("headers: %s", r.Status)
	}
}

func TestGatewayResponses(t *testing.T) {
	api := oneMethod(restapi.Method{Verb: "GET", Path: "/", KeyRequired: true, Integration: toFunction("f")})
	api.GatewayResponses = map[string]restapi.GatewayResponse{
		"INVALID_API_KEY": {Status: 401, Parameters: map[string]string{"gatewayresponse.header.X-Why": "'key'", "gatewayresponse.header.X-Echo": "method.request.header.X-Own"},
			Templates: map[string]string{"application/json": `{"error":$context.error.messageString,"type":"$context.error.responseType","stage":"$context.stage","v":"$stageVariables.v"}`}},
		"DEFAULT_4XX": {Parameters: map[string]string{"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}},
	}
	h := noProblems(t, api, restapi.Services{Functions: &functions{}})
	r := ask(t, h, "GET", "/prod", "", "X-Own", "o")
	if got := text(t, r); r.StatusCode != 401 || got != `{"error":"Forbidden","type":"INVALID_API_KEY","stage":"prod","v":"x"}` || r.Header.Get("X-Why") != "key" || r.Header.Get("X-Echo") != "o" {
		t.Errorf("%s %v %s", r.Status, r.Header, got)
	}
	r = ask(t, h, "GET", "/prod/none", "")
	if got := text(t, r); r.StatusCode != 403 || got != `{"message":"Missing Authentication Token"}` || r.Header.Get("Access-Control-Allow-Origin") != "*" || r.Header.Get("X-Amzn-Errortype") != "MissingAuthenticationTokenException" {
		t.Errorf("%s %v %s", r.Status, r.Header, got)
	}
}

func TestKeys(t *testing.T) {
	now := time.Date(2026, 3, 12, 19, 0, 0, 0, time.UTC)
	f := &functions{answers: map[string]string{"f": `{}`}}
	api := oneMethod(restapi.Method{Verb: "GET", Path: "/", KeyRequired: true, Integration: toFunction("f")})
	api.Keys = []restapi.Key{
		{ID: "k1", Value: "one", Plans: []restapi.Plan{{ID: "p", Stages: []string{"prod"}, Quota: 3, Period: "DAY"}}},
		{ID: "k2", Value: "two", Plans: []restapi.Plan{{ID: "p", Stages: []string{"prod"}, Throttle: httpapi.Throttle{Rate: 1, Burst: 1}}}},
		{ID: "k3", Value: "three"},
		{ID: "k4", Value: "four", Disabled: true, Plans: []restapi.Plan{{ID: "p", Stages: []string{"prod"}}}},
	}
	h := noProblems(t, api, restapi.Services{Functions: f, Now: func() time.Time { return now }})
	want := func(key string, status int, body string) {
		t.Helper()
		if r := ask(t, h, "GET", "/prod", "", "x-api-key", key); r.StatusCode != status || text(t, r) != body {
			t.Errorf("with the key %q: %s", key, r.Status)
		}
	}
	const forbidden = `{"message":"Forbidden"}`
	want("", 403, forbidden)
	want("none", 403, forbidden)
	want("three", 403, forbidden)
	want("four", 403, forbidden)
	want("two", 200, "")
	want("two", 429, `{"message":"Too Many Requests"}`)
	for range 3 {
		want("one", 200, "")
	}
	if id := f.event["requestContext"].(map[string]any)["identity"].(map[string]any); id["apiKey"] != "one" || id["apiKeyId"] != "k1" {
		t.Errorf("identity %v", id)
	}
	want("one", 429, `{"message":"Limit Exceeded"}`)
	now = now.AddDate(0, 0, 1)
	want("one", 200, "")
}

func TestThrottles(t *testing.T) {
	now := time.Date(2026, 3, 12, 19, 0, 0, 0, time.UTC)
	api := oneMethod(restapi.Method{Verb: "GET", Path: "/a", Integration: toFunction("f")})
	api.Methods = append(api.Methods, restapi.Method{Verb: "GET", Path: "/b", Integration: toFunction("f")})
	api.Stages[0].Throttles = map[string]httpapi.Throttle{"* /*": {Rate: 1, Burst: 1}, "GET /b": {Rate: 1, Burst: 2}}
	h := noProblems(t, api, restapi.Services{Functions: &functions{answers: map[string]string{"f": `{}`}}, Now: func() time.Time { return now }})
	var got []int
	for _, path := range []string{"/prod/a", "/prod/a", "/prod/b", "/prod/b", "/prod/b"} {
		got = append(got, ask(t, h, "GET", path, "").StatusCode)
	}
	if fmt.Sprint(got) != "[200 429 200 200 429]" {
		t.Errorf("got %v", got)
	}
}

func TestAccessLog(t *testing.T) {
	var line string
	api := oneMethod(restapi.Method{Verb: "GET", Path: "/a", Integration: toFunction("f")})
	api.Stages[0].AccessLog, api.Stages[0].LogGroup = `$context.httpMethod $context.resourcePath $context.status $context.identity.sourceIp $context.authorizer.x "$context.error.responseType" `+
		`"$context.error.message" $context.integration.status $context.integrationStatus "$context.integration.error" "$context.authorizer.error"`, "arn"
	h := noProblems(t, api, restapi.Services{Functions: &functions{answers: map[string]string{"f": `{}`}}, AccessLog: func(_, l string) { line = l }})
	ask(t, h, "GET", "/prod/a", "")
	if want := `GET /a 200 192.0.2.1 - "-" "-" 200 200 "-" "-"`; line != want {
		t.Errorf("%s, want %s", line, want)
	}
	h = noProblems(t, api, restapi.Services{Functions: refusing{lambda.Refuse(lambda.CodeTooManyRequests, "Rate Exceeded.")}, AccessLog: func(_, l string) { line = l }})
	ask(t, h, "GET", "/prod/a", "")
	if want := `GET /a 500 192.0.2.1 - "INTEGRATION_FAILURE" "Internal server error" - 429 "Execution failed due to configuration error: Rate Exceeded." "-"`; line != want {
		t.Errorf("%s, want %s", line, want)
	}
	ask(t, h, "GET", "/prod/b", "")
	if want := `GET - 403 192.0.2.1 - "MISSING_AUTHENTICATION_TOKEN" "Missing Authentication Token" - - "-" "-"`; line != want {
		t.Errorf("%s, want %s", line, want)
	}
}

func parse(t testing.TB, document string) *value.Object {
	t.Helper()
	v, err := value.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := v.(*value.Object)
	return o
}
