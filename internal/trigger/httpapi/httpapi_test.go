package httpapi_test

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
)

// functions is an Invoker that answers by the function's name and keeps the last event.
type functions struct {
	answers map[string]string
	event   map[string]any
	asked   int
}

func (f *functions) Invoke(_ context.Context, in lambda.Invocation) (lambda.Result, error) {
	f.asked++
	f.event = nil
	if err := json.Unmarshal(in.Payload, &f.event); err != nil {
		return lambda.Result{}, err
	}
	name := in.Function[strings.LastIndexByte(in.Function, ':')+1:]
	answer, ok := f.answers[name]
	if !ok {
		return lambda.Result{}, &lambda.Error{Code: lambda.CodeResourceNotFound, Message: "no " + name, Status: 404}
	}
	if text, failed := strings.CutPrefix(answer, "!"); failed {
		return lambda.Result{Payload: []byte(text), FunctionError: "Unhandled"}, nil
	}
	return lambda.Result{Payload: []byte(answer)}, nil
}

const functionARN = "arn:aws:lambda:us-east-1:111111111111:function:"

// oneRoute is an API with a route to the integration.
func oneRoute(key string, i httpapi.Integration) httpapi.API {
	return httpapi.API{
		ID: "a1b2c3", Account: "111111111111", Region: "us-east-1",
		Routes: []httpapi.Route{{Key: key, Integration: "i"}}, Integrations: map[string]httpapi.Integration{"i": i},
	}
}

func toFunction(name, format string) httpapi.Integration {
	return httpapi.Integration{Type: "AWS_PROXY", URI: functionARN + name, PayloadFormat: format}
}

func noProblems(t *testing.T, api httpapi.API, services httpapi.Services) *httpapi.Handler {
	t.Helper()
	h, problems := httpapi.New(api, services)
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

func TestRoutes(t *testing.T) {
	api := httpapi.API{ID: "a", Integrations: map[string]httpapi.Integration{}}
	answers := map[string]string{}
	for i, key := range []string{"GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default", "POST /pets/{a}/{b}", "ANY /pets/dog/1", "GET /"} {
		name := fmt.Sprint("f", i)
		api.Routes = append(api.Routes, httpapi.Route{Key: key, Integration: name})
		api.Integrations[name] = toFunction(name, "2.0")
		answers[name] = fmt.Sprintf("%q", key)
	}
	f := &functions{answers: answers}
	h := noProblems(t, api, httpapi.Services{Functions: f})
	for _, tt := range []struct{ method, path, route, variables string }{
		{"GET", "/pets/dog/1", "GET /pets/dog/1", `null`},
		{"PUT", "/pets/dog/1", "ANY /pets/dog/1", `null`},
		{"GET", "/pets/dog/2", "GET /pets/dog/{id}", `{"id":"2"}`},
		{"GET", "/pets/cat/1", "GET /pets/{proxy+}", `{"proxy":"cat/1"}`},
		{"POST", "/test/5", "ANY /{proxy+}", `{"proxy":"test/5"}`},
		{"POST", "/pets/cat/x%2Fy%20z", "POST /pets/{a}/{b}", `{"a":"cat","b":"x/y z"}`},
		{"GET", "/", "GET /", `null`},
		{"DELETE", "/", "$default", `null`},
		{"GET", "/pets/", "ANY /{proxy+}", `{"proxy":"pets/"}`},
	} {
		if got := text(t, ask(t, h, tt.method, tt.path, "")); got != tt.route {
			t.Errorf("%s %s went to %s, want %s", tt.method, tt.path, got, tt.route)
		}
		variables, _ := json.Marshal(f.event["pathParameters"])
		if string(variables) != tt.variables {
			t.Errorf("%s %s has the variables %s, want %s", tt.method, tt.path, variables, tt.variables)
		}
	}
}

func TestNotFound(t *testing.T) {
	h := noProblems(t, oneRoute("GET /a", toFunction("f", "2.0")), httpapi.Services{Functions: &functions{}})
	for _, path := range []string{"/", "/a/", "/b", "/prod/a"} {
		if r := ask(t, h, "GET", path, ""); r.StatusCode != 404 || text(t, r) != `{"message":"Not Found"}` {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
}

func TestStages(t *testing.T) {
	api := oneRoute("ANY /{proxy+}", toFunction("f", "2.0"))
	api.Stages = []httpapi.Stage{{Name: "prod", Variables: map[string]string{"colour": "red"}}, {Name: "$default"}}
	f := &functions{answers: map[string]string{"f": `"ok"`}}
	h := noProblems(t, api, httpapi.Services{Functions: f})
	for _, tt := range []struct{ path, stage, rawPath, proxy string }{
		{"/prod/a/b", "prod", "/prod/a/b", "a/b"},
		{"/a/b", "$default", "/a/b", "a/b"},
		{"/product/a", "$default", "/product/a", "product/a"},
	} {
		ask(t, h, "GET", tt.path, "")
		context := f.event["requestContext"].(map[string]any)
		if context["stage"] != tt.stage || f.event["rawPath"] != tt.rawPath || f.event["pathParameters"].(map[string]any)["proxy"] != tt.proxy {
			t.Errorf("%s: %v", tt.path, f.event)
		}
	}
}

func TestEventV2(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `"ok"`}}
	api := oneRoute("POST /orders/{id}", toFunction("f", "2.0"))
	now := time.Date(2026, 3, 12, 19, 3, 58, 0, time.UTC)
	h := noProblems(t, api, httpapi.Services{Functions: f, Now: func() time.Time { return now }})
	ask(t, h, "POST", "/orders/7?b=2&a=1&a=3", `{"n":1}`, "Content-Type", "application/json", "X-Thing", "1", "X-Thing", "2", "Cookie", "c1=x; c2=y", "User-Agent", "test")
	delete(f.event["headers"].(map[string]any), "x-amzn-trace-id")
	context := f.event["requestContext"].(map[string]any)
	delete(context, "requestId")
	got, err := json.MarshalIndent(f.event, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "body": "{\"n\":1}",
 "cookies": [
  "c1=x",
  "c2=y"
 ],
 "headers": {
  "content-length": "7",
  "content-type": "application/json",
  "host": "a1b2c3.execute-api.localhost:4566",
  "user-agent": "test",
  "x-forwarded-for": "192.0.2.1",
  "x-forwarded-port": "4566",
  "x-forwarded-proto": "http",
  "x-thing": "1,2"
 },
 "isBase64Encoded": false,
 "pathParameters": {
  "id": "7"
 },
 "queryStringParameters": {
  "a": "1,3",
  "b": "2"
 },
 "rawPath": "/orders/7",
 "rawQueryString": "b=2\u0026a=1\u0026a=3",
 "requestContext": {
  "accountId": "111111111111",
  "apiId": "a1b2c3",
  "domainName": "a1b2c3.execute-api.localhost:4566",
  "domainPrefix": "a1b2c3",
  "http": {
   "method": "POST",
   "path": "/orders/7",
   "protocol": "HTTP/1.1",
   "sourceIp": "192.0.2.1",
   "userAgent": "test"
  },
  "routeKey": "POST /orders/{id}",
  "stage": "$default",
  "time": "12/Mar/2026:19:03:58 +0000",
  "timeEpoch": 1773342238000
 },
 "routeKey": "POST /orders/{id}",
 "version": "2.0"
}`
	if string(got) != want {
		t.Errorf("event %s\nwant %s", got, want)
	}
}

func TestEventV1(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `{"statusCode":200}`}}
	h := noProblems(t, oneRoute("GET /x", toFunction("f", "1.0")), httpapi.Services{Functions: f})
	ask(t, h, "GET", "/x?a=1&a=2", "", "X-Thing", "1", "X-Thing", "2")
	for member, want := range map[string]string{
		"version": `"1.0"`, "resource": `"/x"`, "httpMethod": `"GET"`, "body": `null`, "pathParameters": `null`,
		"queryStringParameters": `{"a":"2"}`, "multiValueQueryStringParameters": `{"a":["1","2"]}`,
	} {
		if got, _ := json.Marshal(f.event[member]); string(got) != want {
			t.Errorf("%s is %s, want %s", member, got, want)
		}
	}
	if many := f.event["multiValueHeaders"].(map[string]any)["X-Thing"]; fmt.Sprint(many) != "[1 2]" {
		t.Errorf("headers %v", f.event["multiValueHeaders"])
	}
}

// What the service takes for text reaches the function as it is; all else is base64, forms and bodies without a content type among it.
func TestBodies(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `{"statusCode":200}`}}
	for _, format := range []string{"1.0", "2.0"} {
		h := noProblems(t, oneRoute("$default", toFunction("f", format)), httpapi.Services{Functions: f})
		for contentType, text := range map[string]bool{
			"text/plain": true, "TEXT/csv; charset=utf-8": true, "application/json": true, "application/xml": true, "application/javascript; a=b": true,
			"": false, "application/x-www-form-urlencoded": false, "application/vnd.api+json": false, "multipart/form-data; boundary=x": false, "image/png": false,
		} {
			var headers []string
			if contentType != "" {
				headers = []string{"Content-Type", contentType}
			}
			ask(t, h, "POST", "/", "a=b", headers...)
			want := map[bool]string{true: "a=b", false: "YT1i"}[text]
			if f.event["body"] != want || f.event["isBase64Encoded"] == text {
				t.Errorf("format %s, %q: body %v, base64 %v", format, contentType, f.event["body"], f.event["isBase64Encoded"])
			}
		}
	}
}

// The path of an event is decoded, the query is not.
func TestEncodedPaths(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `"ok"`}}
	h := noProblems(t, oneRoute("GET /a/{b}", toFunction("f", "2.0")), httpapi.Services{Functions: f})
	ask(t, h, "GET", "/a/x%20y%2Fz?q=%20", "")
	path := f.event["requestContext"].(map[string]any)["http"].(map[string]any)["path"]
	if f.event["rawPath"] != "/a/x y/z" || path != "/a/x y/z" || f.event["rawQueryString"] != "q=%20" || f.event["pathParameters"].(map[string]any)["b"] != "x y/z" {
		t.Errorf("event %v", f.event)
	}
}

// The id of a request is the same for the client and the function, and the only one that the client sees.
func TestRequestID(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `"ok"`}}
	h := noProblems(t, oneRoute("GET /a", toFunction("f", "2.0")), httpapi.Services{Functions: f})
	behindADoor := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-Requestid", "of a service")
		h.ServeHTTP(w, r)
	})
	r := ask(t, behindADoor, "GET", "/a", "")
	id := r.Header.Get("Apigw-Requestid")
	if len(id) != 16 || !strings.HasSuffix(id, "=") || f.event["requestContext"].(map[string]any)["requestId"] != id || r.Header.Get("X-Amzn-Requestid") != "" {
		t.Errorf("headers %v, event %v", r.Header, f.event)
	}
}

// A function that is throttled, and one that does not answer in time, make the API unavailable; other refusals of Lambda are an error.
func TestFunctionsThatAreNotRun(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		status int
		body   string
	}{
		"throttled":  {lambda.Refuse(lambda.CodeTooManyRequests, "Rate Exceeded."), 503, `{"message":"Service Unavailable"}`},
		"not there":  {lambda.Refuse(lambda.CodeResourceNotFound, "Function not found"), 500, `{"message":"Internal Server Error"}`},
		"host ended": {lambda.ErrClosed, 500, `{"message":"Internal Server Error"}`},
	} {
		h := noProblems(t, oneRoute("$default", toFunction("f", "2.0")), httpapi.Services{Functions: refusing{tt.err}})
		if r := ask(t, h, "GET", "/", ""); r.StatusCode != tt.status || text(t, r) != tt.body {
			t.Errorf("%s: %s, want %d %s", name, r.Status, tt.status, tt.body)
		}
	}
}

// A stage's variables may be a part of the function's ARN.
func TestStageVariablesInURIs(t *testing.T) {
	api := oneRoute("$default", httpapi.Integration{Type: "AWS_PROXY", URI: functionARN + "${stageVariables.which}", PayloadFormat: "2.0"})
	api.Stages = []httpapi.Stage{{Name: "$default", Variables: map[string]string{"which": "green"}}}
	h := noProblems(t, api, httpapi.Services{Functions: &functions{answers: map[string]string{"green": `"of green"`}}})
	if r := ask(t, h, "GET", "/", ""); text(t, r) != "of green" {
		t.Errorf("%s", r.Status)
	}
}

func TestFunctionAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, format, answer string
		status               int
		contentType, body    string
	}{
		{"inferred object", "2.0", `{"a":1}`, 200, "application/json", `{"a":1}`},
		{"inferred string", "2.0", `"hi"`, 200, "application/json", `hi`},
		{"full", "2.0", `{"statusCode":201,"headers":{"content-type":"text/html","x-n":5},"body":"<p>"}`, 201, "text/html", `<p>`},
		{"inferred null", "2.0", `null`, 200, "application/json", `null`},
		{"inferred empty text", "2.0", `""`, 200, "application/json", ``},
		{"status as text", "2.0", `{"statusCode":"202"}`, 202, "text/plain;charset=UTF-8", ``},
		{"base64", "2.0", `{"statusCode":200,"body":"AP8=","isBase64Encoded":true}`, 200, "text/plain;charset=UTF-8", "\x00\xff"},
		{"the other format's headers", "2.0", `{"statusCode":200,"multiValueHeaders":{"content-type":["text/html"]},"body":"b"}`, 200, "text/plain;charset=UTF-8", "b"},
		{"no base64", "2.0", `{"statusCode":200,"body":"%","isBase64Encoded":true}`, 500, "application/json", `{"message":"Internal Server Error"}`},
		{"a status that is none", "2.0", `{"statusCode":7}`, 500, "application/json", `{"message":"Internal Server Error"}`},
		{"first format without status", "1.0", `{"a":1}`, 500, "application/json", `{"message":"Internal Server Error"}`},
		{"first format", "1.0", `{"statusCode":200,"multiValueHeaders":{"x-a":["1","2"]},"body":"b"}`, 200, "text/plain;charset=UTF-8", `b`},
		{"function error", "2.0", `!{"errorMessage":"secret"}`, 500, "application/json", `{"message":"Internal Server Error"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := noProblems(t, oneRoute("$default", toFunction("f", tt.format)), httpapi.Services{Functions: &functions{answers: map[string]string{"f": tt.answer}}})
			r := ask(t, h, "GET", "/", "")
			if body := text(t, r); r.StatusCode != tt.status || r.Header.Get("Content-Type") != tt.contentType || body != tt.body {
				t.Errorf("%d %s %q, want %d %s %q", r.StatusCode, r.Header.Get("Content-Type"), body, tt.status, tt.contentType, tt.body)
			}
		})
	}
}

func TestCookiesOfAnAnswer(t *testing.T) {
	h := noProblems(t, oneRoute("$default", toFunction("f", "2.0")),
		httpapi.Services{Functions: &functions{answers: map[string]string{"f": `{"statusCode":200,"cookies":["a=1","b=2"]}`}}})
	if got := ask(t, h, "GET", "/", "").Header.Values("Set-Cookie"); len(got) != 2 {
		t.Errorf("cookies %q", got)
	}
	h = noProblems(t, oneRoute("$default", toFunction("f", "1.0")),
		httpapi.Services{Functions: &functions{answers: map[string]string{"f": `{"statusCode":200,"cookies":["a=1"],"multiValueHeaders":{"set-cookie":["b=2","c=3"]}}`}}})
	if got := ask(t, h, "GET", "/", "").Header.Values("Set-Cookie"); fmt.Sprint(got) != "[b=2 c=3]" {
		t.Errorf("cookies of format 1.0 %q", got)
	}
}

// caller is a Caller that keeps what it was asked.
type caller struct {
	service, action, body string
	err                   error
}

func (c *caller) Call(_ context.Context, service, action string, body []byte) (int, []byte, error) {
	c.service, c.action, c.body = service, action, string(body)
	return 200, []byte(`{"executionArn":"arn:x"}`), c.err
}

func TestActions(t *testing.T) {
	for _, tt := range []struct {
		name, subtype string
		parameters    map[string]string
		asked         string // service, action and body
	}{
		{"the whole body as the input", "StepFunctions-StartExecution",
			map[string]string{"StateMachineArn": "arn:m", "Input": "$request.body", "Name": "$request.header.x-name"},
			`states StartExecution {"input":"{\"order\":{\"id\":7,\"tags\":[\"a\"]}}","name":"n1","stateMachineArn":"arn:m"}`},
		{"what is not there is left out", "StepFunctions-StartSyncExecution",
			map[string]string{"StateMachineArn": "arn:m", "Name": "$request.header.nope", "Region": "us-east-1"},
			`states StartSyncExecution {"stateMachineArn":"arn:m"}`},
		{"parts of the body", "StepFunctions-StopExecution",
			map[string]string{"ExecutionArn": "arn:e:${request.path.id}", "Cause": "$request.body.order.id", "Error": "$request.querystring.why"},
			`states StopExecution {"cause":"7","error":"late","executionArn":"arn:e:42"}`},
		{"an event", "EventBridge-PutEvents",
			map[string]string{"Detail": "$request.body.order", "DetailType": "$context.routeKey", "Source": "shop", "Resources": `["a"]`},
			`events PutEvents {"Entries":[{"Detail":"{\"id\":7,\"tags\":[\"a\"]}","DetailType":"POST /x/{id}","Resources":["a"],"Source":"shop"}]}`},
		{"a message", "SQS-SendMessage",
			map[string]string{"QueueUrl": "$stageVariables.queue", "MessageBody": "${context.httpMethod} ${request.body.order.tags[0]}", "DelaySeconds": "5"},
			`sqs SendMessage {"DelaySeconds":5,"MessageBody":"POST a","QueueUrl":"http://q"}`},
		{"messages of a queue", "SQS-ReceiveMessage",
			map[string]string{"QueueUrl": "http://q", "AttributeNames": `["All"]`, "MaxNumberOfMessages": "3", "VisibilityTimeout": "30", "WaitTimeSeconds": "0"},
			`sqs ReceiveMessage {"AttributeNames":["All"],"MaxNumberOfMessages":3,"QueueUrl":"http://q","VisibilityTimeout":30,"WaitTimeSeconds":0}`},
		{"a message that is done", "SQS-DeleteMessage", map[string]string{"QueueUrl": "http://q", "ReceiptHandle": "$request.querystring.why"},
			`sqs DeleteMessage {"QueueUrl":"http://q","ReceiptHandle":"late"}`},
		{"an empty queue", "SQS-PurgeQueue", map[string]string{"QueueUrl": "http://q"}, `sqs PurgeQueue {"QueueUrl":"http://q"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &caller{}
			api := oneRoute("POST /x/{id}", httpapi.Integration{Type: "AWS_PROXY", Subtype: tt.subtype, PayloadFormat: "1.0", Parameters: tt.parameters})
			api.Stages = []httpapi.Stage{{Name: "$default", Variables: map[string]string{"queue": "http://q"}}}
			h := noProblems(t, api, httpapi.Services{AWS: c})
			r := ask(t, h, "POST", "/x/42?why=late", `{"order":{"id":7,"tags":["a"]}}`, "X-Name", "n1")
			if got := c.service + " " + c.action + " " + c.body; got != tt.asked || r.StatusCode != 200 || text(t, r) != `{"executionArn":"arn:x"}` {
				t.Errorf("asked %s\nwant  %s, answered %s", got, tt.asked, r.Status)
			}
		})
	}
}

func TestActionThatCannotBeCalled(t *testing.T) {
	h := noProblems(t, oneRoute("$default", httpapi.Integration{Type: "AWS_PROXY", Subtype: "StepFunctions-StopExecution", Parameters: map[string]string{"ExecutionArn": "a"}}),
		httpapi.Services{AWS: &caller{err: errors.New("secret")}})
	if r := ask(t, h, "GET", "/", ""); r.StatusCode != 500 || text(t, r) != `{"message":"Internal Server Error"}` {
		t.Errorf("%s", r.Status)
	}
}

func TestProxy(t *testing.T) {
	var asked *http.Request
	var body string
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all, _ := io.ReadAll(r.Body)
		asked, body = r, string(all)
		w.Header().Set("X-Secret", "s")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, `{"a":{"b":2}}`)
	}))
	defer backend.Close()
	h := noProblems(t, oneRoute("ANY /shop/{proxy+}", httpapi.Integration{
		Type: "HTTP_PROXY", URI: backend.URL + "/{proxy}", Method: "ANY",
		Parameters: map[string]string{"overwrite:header.x-user": "$context.apiId", "append:header.x-list": "b", "remove:header.x-drop": "''",
			"overwrite:querystring.page": "2", "remove:querystring.drop": "''"},
		ResponseParameters: map[string]map[string]string{"418": {"overwrite:statuscode": "200", "remove:header.x-secret": "''", "append:header.x-b": "$response.body.a.b"}},
	}), httpapi.Services{})
	r := ask(t, h, "PUT", "/shop/a/b?page=1&drop=x", "hello", "X-List", "a", "X-Drop", "1")
	if asked.Method != "PUT" || asked.URL.Path != "/a/b" || asked.URL.RawQuery != "page=2" || body != "hello" ||
		asked.Header.Get("X-User") != "a1b2c3" || asked.Header.Get("X-List") != "a,b" || asked.Header.Get("X-Drop") != "" {
		t.Errorf("asked %s %s %v %q", asked.Method, asked.URL, asked.Header, body)
	}
	if r.StatusCode != 200 || r.Header.Get("X-Secret") != "" || r.Header.Get("X-B") != "2" {
		t.Errorf("answered %s %v", r.Status, r.Header)
	}
}

// slow is a transport whose answers never come.
type slow struct{}

func (slow) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestIntegrationTimeout(t *testing.T) {
	h := noProblems(t, oneRoute("$default", httpapi.Integration{Type: "HTTP_PROXY", URI: "http://backend", Timeout: time.Millisecond}), httpapi.Services{HTTP: slow{}})
	if r := ask(t, h, "GET", "/", ""); r.StatusCode != 503 || text(t, r) != `{"message":"Service Unavailable"}` {
		t.Errorf("%s", r.Status)
	}
}

// lost is a transport that reaches nobody.
type lost struct{}

func (lost) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

// Parameter mapping changes what a function is told, too; its own context tells what the client asked for.
func TestMappingForFunctions(t *testing.T) {
	api := oneRoute("ANY /{proxy+}", toFunction("f", "2.0"))
	i := api.Integrations["i"]
	i.Parameters = map[string]string{"overwrite:path": "$request.path", "overwrite:header.x-a": "$request.path.proxy", "remove:header.x-b": "''", "append:querystring.q": "2"}
	i.ResponseParameters = map[string]map[string]string{"200": {"overwrite:header.x-c": "$context.stage"}}
	api.Integrations["i"], api.Stages = i, []httpapi.Stage{{Name: "prod"}}
	f := &functions{answers: map[string]string{"f": `"ok"`}}
	h := noProblems(t, api, httpapi.Services{Functions: f})
	r := ask(t, h, "GET", "/prod/x%20y/z?q=1", "", "X-B", "b")
	headers, path := f.event["headers"].(map[string]any), f.event["requestContext"].(map[string]any)["http"].(map[string]any)["path"]
	if f.event["rawPath"] != "/x y/z" || path != "/prod/x y/z" || headers["x-a"] != "x y/z" || headers["x-b"] != nil || f.event["rawQueryString"] != "q=1%2C2" {
		t.Errorf("event %v", f.event)
	}
	if r.Header.Get("X-C") != "prod" {
		t.Errorf("answer %v", r.Header)
	}
}

// A server behind a proxy hears of the client by RFC 7239.
func TestForwarded(t *testing.T) {
	var asked http.Header
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.Header }))
	defer backend.Close()
	h := noProblems(t, oneRoute("$default", httpapi.Integration{Type: "HTTP_PROXY", URI: backend.URL}), httpapi.Services{})
	ask(t, h, "GET", "/", "", "Forwarded", "for=10.0.0.1", "X-Own", "1", "Connection", "X-Own")
	if got := asked.Values("Forwarded"); len(got) != 2 || got[1] != "by=127.0.0.1;for=192.0.2.1;host=a1b2c3.execute-api.localhost:4566;proto=http" ||
		asked.Get("Via") != "HTTP/1.1 AmazonAPIGateway" || asked.Get("X-Forwarded-For") != "" || asked.Get("X-Own") != "1" {
		t.Errorf("asked with %v", asked)
	}
}

func TestServerThatIsNotThere(t *testing.T) {
	h := noProblems(t, oneRoute("$default", httpapi.Integration{Type: "HTTP_PROXY", URI: "http://backend"}), httpapi.Services{HTTP: lost{}})
	if r := ask(t, h, "GET", "/", ""); r.StatusCode != 503 || text(t, r) != `{"message":"Service Unavailable"}` {
		t.Errorf("%s", r.Status)
	}
}

func TestLimits(t *testing.T) {
	h := noProblems(t, oneRoute("$default", toFunction("f", "2.0")), httpapi.Services{Functions: &functions{answers: map[string]string{"f": `1`}}})
	if r := ask(t, h, "POST", "/", strings.Repeat("x", 10<<20+1)); r.StatusCode != 413 || text(t, r) != `{"message":"Request Entity Too Large"}` {
		t.Errorf("a body of more than 10 MB: %s", r.Status)
	}
	if r := ask(t, h, "GET", "/", "", "X-Long", strings.Repeat("x", 11_000)); r.StatusCode != 431 {
		t.Errorf("headers of more than 10,240 bytes: %s", r.Status)
	}
}

func TestThrottle(t *testing.T) {
	api := oneRoute("GET /a", toFunction("f", "2.0"))
	api.Routes = append(api.Routes, httpapi.Route{Key: "GET /b", Integration: "i"})
	api.Stages = []httpapi.Stage{{Name: "$default", Throttle: httpapi.Throttle{Rate: 1, Burst: 2}, Routes: map[string]httpapi.Throttle{"GET /b": {Rate: 1, Burst: 1}}}}
	now := time.Unix(1_800_000_000, 0)
	h := noProblems(t, api, httpapi.Services{Functions: &functions{answers: map[string]string{"f": `1`}}, Now: func() time.Time { return now }})
	statuses := func(path string, n int) (got string) {
		for range n {
			got += fmt.Sprint(ask(t, h, "GET", path, "").StatusCode, " ")
		}
		return got
	}
	if got := statuses("/a", 3); got != "200 200 429 " {
		t.Errorf("/a: %s", got)
	}
	if got := statuses("/b", 2); got != "200 429 " {
		t.Errorf("/b: %s", got)
	}
	now = now.Add(time.Second)
	if got := statuses("/a", 2); got != "200 429 " {
		t.Errorf("/a a second later: %s", got)
	}
}

func TestCORS(t *testing.T) {
	api := oneRoute("$default", toFunction("f", "2.0"))
	api.CORS = &httpapi.CORS{AllowOrigins: []string{"https://shop.example"}, AllowMethods: []string{"GET", "POST"}, AllowHeaders: []string{"x-a"}, MaxAge: 60,
		AllowCredentials: true, ExposeHeaders: []string{"x-b"}}
	f := &functions{answers: map[string]string{"f": `{"statusCode":200,"headers":{"access-control-allow-origin":"https://evil.example"}}`}}
	h := noProblems(t, api, httpapi.Services{Functions: f})
	r := ask(t, h, "OPTIONS", "/", "", "Origin", "https://shop.example", "Access-Control-Request-Method", "POST")
	if r.StatusCode != 204 || f.asked != 0 || r.Header.Get("Access-Control-Allow-Methods") != "GET,POST" || r.Header.Get("Access-Control-Max-Age") != "60" {
		t.Errorf("preflight: %s %v", r.Status, r.Header)
	}
	for origin, want := range map[string]string{"https://shop.example": "https://shop.example", "https://evil.example": "", "": ""} {
		var headers []string
		if origin != "" {
			headers = []string{"Origin", origin}
		}
		if got := ask(t, h, "GET", "/", "", headers...).Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("origin %q is allowed %q, want %q", origin, got, want)
		}
	}
}

func TestAccessLog(t *testing.T) {
	api := oneRoute("GET /a", toFunction("f", "2.0"))
	api.Stages = []httpapi.Stage{{Name: "$default", LogGroup: "arn:g", AccessLog: `$context.httpMethod $context.path $context.status. ($context.nope) "$context.error.message" ` +
		`$context.error.responseType $context.error.messageString $context.integrationStatus $context.integration.status "$context.integrationErrorMessage" $context.authorizer.error ` +
		`$context.identity.sourceIp $context.identity.user $context.dataProcessed`}}
	f := &functions{answers: map[string]string{"f": `!{}`}}
	var lines []string
	h := noProblems(t, api, httpapi.Services{Functions: f, AccessLog: func(group, line string) { lines = append(lines, group+" "+line) }})
	ask(t, h, "GET", "/a", "")
	ask(t, h, "GET", "/b", "")
	f.answers["f"] = `{"statusCode":201,"body":"made"}`
	ask(t, h, "GET", "/a", "in")
	want := []string{
		`arn:g GET /a 500. (-) "Internal Server Error" INTEGRATION_FAILURE "Internal Server Error" 200 - "the function ended with an error: {}" - 192.0.2.1 - 35`,
		`arn:g GET /b 404. (-) "Not Found" RESOURCE_NOT_FOUND "Not Found" - - "-" - 192.0.2.1 - 23`,
		`arn:g GET /a 201. (-) "-" - - 200 201 "-" - 192.0.2.1 - 6`,
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("logged\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestProblems(t *testing.T) {
	api := httpapi.API{
		Routes: []httpapi.Route{
			{Key: "GET /a"}, {Key: "GET /b", Integration: "gone"}, {Key: "FETCH /c", Integration: "f"}, {Key: "GET /{a+}/b", Integration: "f"},
			{Key: "GET /x{a}", Integration: "f"}, {Key: "GET /d", Integration: "f", Authorization: "JWT", Authorizer: "gone"},
			{Key: "GET /e", Integration: "f", Authorization: "CUSTOM", Authorizer: "jwt"}, {Key: "GET /f", Integration: "start"},
			{Key: "GET /g", Integration: "kinesis"}, {Key: "GET /h", Integration: "url"}, {Key: "GET /i", Integration: "f"}, {Key: "GET /i", Integration: "f"},
			{Key: "GET /j", Integration: "f", Authorization: "BASIC"}, {Key: "GET /k", Integration: "mapped"},
		},
		Integrations: map[string]httpapi.Integration{
			"f":       toFunction("f", "2.0"),
			"start":   {Type: "AWS_PROXY", Subtype: "StepFunctions-StartExecution", Parameters: map[string]string{"Colour": "red"}},
			"kinesis": {Type: "AWS_PROXY", Subtype: "Kinesis-PutRecord"},
			"url":     {Type: "HTTP_PROXY", URI: "not a url"},
			"mapped": {Type: "HTTP_PROXY", URI: "http://a", Parameters: map[string]string{"integration.request.header.a": "b", "overwrite:header.X-Forwarded-For": "b", "overwrite:querystring.via": "b"},
				ResponseParameters: map[string]map[string]string{"200": {"append:querystring.a": "b"}}},
		},
		Authorizers: map[string]httpapi.Authorizer{"jwt": {Type: "JWT", Issuer: "https://i", Audience: []string{"a"}}},
	}
	_, problems := httpapi.New(api, httpapi.Services{Functions: &functions{}, AWS: &caller{}, Keys: &httpapi.Keys{}})
	var all []string
	for _, p := range problems {
		all = append(all, p.Error())
	}
	got := strings.Join(all, "\n")
	for _, want := range []string{
		`route "GET /a": has no integration`, `route "GET /b": its integration "gone" does not exist`, `route "FETCH /c": the key must be`,
		`route "GET /{a+}/b": the greedy variable "{a+}" must stand at the end`, `route "GET /x{a}": a path variable must be a whole segment`,
		`route "GET /d": its authorizer "gone" does not exist`, `route "GET /e": its authorizer "jwt" is of the type JWT`,
		`route "GET /f": its integration lacks the parameter StateMachineArn`, `route "GET /f": its integration has the parameter Colour`,
		`route "GET /g": its integration's subtype "Kinesis-PutRecord" is not served here`, `route "GET /h": its integration's URI "not a url" is not a URL`,
		`route "GET /k": its request parameter "integration.request.header.a" is none of append|overwrite|remove:header.NAME, `,
		`route "GET /k": its request parameter "overwrite:header.X-Forwarded-For" is for a header that is reserved`,
		`route "GET /k": its response parameter "append:querystring.a" is none of append|overwrite|remove:header.NAME and overwrite:statuscode`,
		`route "GET /i": is there twice`, `route "GET /j": the authorization type "BASIC"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("not told: %s\nin\n%s", want, got)
		}
	}
	if len(problems) != 16 {
		t.Errorf("%d problems:\n%s", len(problems), got)
	}
}
