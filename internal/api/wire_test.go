package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/value"
)

func eventWith(id int64, input *value.Data) history.Event {
	return history.Event{ID: id, Time: began, Type: history.PassStateEntered, Details: &history.StateEnteredDetails{Name: "A", Input: input}}
}

// answer is a response as it comes over the wire.
type answer struct {
	status  int
	header  http.Header
	body    string
	Type    string `json:"__type"`
	Message string `json:"message"`
	Reason  string `json:"reason"`
}

func send(t *testing.T, r *http.Request) answer {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	if strings.HasPrefix(a.body, "{") {
		if err := json.Unmarshal(body, &a); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
	}
	return a
}

func request(t *testing.T, url, target, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	return r
}

func post(t *testing.T, url, target, body string) answer {
	t.Helper()
	return send(t, request(t, url, target, body))
}

func TestWireFormat(t *testing.T) {
	url := serve(t, newBackend())
	a := post(t, url, "AWSStepFunctions.StartExecution", `{"stateMachineArn":"`+machineARN+`","input":null,"unknown":[1]}`)
	if want := `{"executionArn":"` + executionARN + `","startDate":1772366400.123}`; a.body != want || a.status != 200 {
		t.Errorf("got %d %s, want 200 %s", a.status, a.body, want)
	}
	if got := a.header.Get("Content-Type"); got != "application/x-amz-json-1.0" {
		t.Errorf("got content type %q", got)
	}
	if id := a.header.Get("x-amzn-RequestId"); len(id) != 36 {
		t.Errorf("got request id %q, want a UUID", id)
	}
	a = post(t, url, "AWSStepFunctions.SendTaskHeartbeat", `{"taskToken":"T"}`)
	if a.body != "{}" {
		t.Errorf("an operation without output answers %q, want {}", a.body)
	}
	a = post(t, url, "AWSStepFunctions.DescribeExecution", `{"executionArn":"`+executionARN+`"}`)
	var described struct{ Output string }
	if err := json.Unmarshal([]byte(a.body), &described); err != nil || described.Output != `{"b": "<2>"}` || strings.Contains(a.body, `"error"`) || strings.Contains(a.body, "null") {
		t.Errorf("got %s", a.body)
	}
	a = post(t, url, "AWSStepFunctions.GetExecutionHistory", `{"executionArn":"`+executionARN+`","maxResults":1}`)
	if !strings.HasPrefix(a.body, `{"events":[{"timestamp":1772366400.123,"type":"PassStateEntered","id":1,"previousEventId":0,"stateEnteredEventDetails":{"name":"A",`) {
		t.Errorf("got %s", a.body)
	}
}

func TestRefusals(t *testing.T) {
	const (
		validation = "com.amazon.coral.validate#ValidationException"
		states     = "com.amazonaws.swf.service.v2.model#"
		coral      = "com.amazon.coral.service#"
		detected   = "1 validation error detected: "
		arn        = `"stateMachineArn":"` + machineARN + `"`
		execution  = `"executionArn":"` + executionARN + `"`
	)
	url := serve(t, newBackend())
	for _, test := range []struct{ operation, body, kind, message string }{
		{"StartExecution", `{}`, validation, detected + "Value null at 'stateMachineArn' failed to satisfy constraint: Member must not be null"},
		{"StartExecution", `{"stateMachineArn":""}`, validation, detected + "Value '' at 'stateMachineArn' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"StartExecution", `{"stateMachineArn":"not_a_valid_arn"}`, states + "InvalidArn", "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'"},
		{"StartExecution", `{"stateMachineArn":"` + executionARN + `"}`, states + "InvalidArn", "Invalid Arn: 'Resource type not valid in this context: execution'"},
		{"StartExecution", `{` + arn + `,"name":"` + strings.Repeat("A", 81) + `"}`, validation, detected + "Value '" + strings.Repeat("A", 81) + "' at 'name' failed to satisfy constraint: Member must have length less than or equal to 80"},
		{"StartExecution", `{` + arn + `,"input":"` + strings.Repeat("x", 262145) + `"}`, validation, detected + "Value at 'input' failed to satisfy constraint: Member must have size less than or equal to 262144 bytes in UTF-8 encoding"},
		{"StartExecution", `{"stateMachineArn":"` + machineARN + `/Label"}`, states + "ValidationException", "This operation does not support labeled state machine ARNs: '" + machineARN + "/Label'"},
		{"DescribeStateMachine", `{` + arn + `,"includedData":"SOME"}`, validation, detected + "Value 'SOME' at 'includedData' failed to satisfy constraint: Member must satisfy enum value set: [ALL_DATA, METADATA_ONLY]"},
		{"DescribeStateMachine", `{"stateMachineArn":"not_a_valid_arn"}`, states + "InvalidArn", "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'"},
		{"DescribeExecution", `{"executionArn":"` + executionARN + `0000"}`, states + "ExecutionDoesNotExist", "Execution Does Not Exist: '" + executionARN + "0000'"},
		{"DescribeExecution", `{"executionArn":"arn:aws:states:us-east-1:000000000000:express:quick:n:1"}`, states + "InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'"},
		{"GetExecutionHistory", `{"executionArn":"invalid_state_machine_arn"}`, states + "InvalidArn", "Invalid Arn: 'Invalid ARN prefix: invalid_state_machine_arn'"},
		{"GetExecutionHistory", `{` + execution + `,"maxResults":1001}`, validation, detected + "Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000"},
		{"GetExecutionHistory", `{` + execution + `,"nextToken":"bogus"}`, states + "InvalidToken", "Invalid Token: 'Invalid token'"},
		{"ListExecutions", `{` + arn + `,"statusFilter":"succeeded"}`, validation, detected + "Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]"},
		{"ListExecutions", `{` + arn + `,"maxResults":-1,"nextToken":""}`, validation, "2 validation errors detected: Value '-1' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 0; Value '' at 'nextToken' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"ListExecutions", `{"stateMachineArn":"` + expressARN + `"}`, states + "StateMachineTypeNotSupported", "This operation is not supported by this type of state machine"},
		{"ListExecutions", `{` + arn + `,"mapRunArn":"arn:aws:states:us-east-1:000000000000:mapRun:watch/E:1"}`, states + "ValidationException", "Must specify exactly one of stateMachineArn and mapRunArn"},
		{"ListExecutions", `{` + arn + `,"statusFilter":"PENDING_REDRIVE"}`, states + "ValidationException", "The status filter PENDING_REDRIVE requires mapRunArn"},
		{"ListExecutions", `{` + arn + `,"redriveFilter":"REDRIVEN"}`, states + "ValidationException", "RedriveFilter cannot be applied to ListExecutions call with StateMachine ARN"},
		{"RedriveExecution", `{}`, validation, detected + "Value null at 'executionArn' failed to satisfy constraint: Member must not be null"},
		{"RedriveExecution", `{` + execution + `,"clientToken":""}`, validation, "2 validation errors detected: Value '' at 'clientToken' failed to satisfy constraint: Member must satisfy regular expression pattern: [!-~]+; Value '' at 'clientToken' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"RedriveExecution", `{` + execution + `,"clientToken":"a b"}`, validation, detected + "Value 'a b' at 'clientToken' failed to satisfy constraint: Member must satisfy regular expression pattern: [!-~]+"},
		{"RedriveExecution", `{"executionArn":"` + machineARN + `"}`, states + "InvalidArn", "Invalid Arn: 'Resource type not valid in this context: stateMachine'"},
		{"ListStateMachines", `{"nextToken":"AAAA"}`, states + "InvalidToken", "Invalid Token: 'Invalid token'"},
		{"StopExecution", `{` + execution + `,"error":"` + strings.Repeat("é", 257) + `"}`, validation, detected + "Value at 'error' failed to satisfy constraint: Member must have length less than or equal to 256"},
		{"SendTaskSuccess", `{"taskToken":"T"}`, validation, detected + "Value null at 'output' failed to satisfy constraint: Member must not be null"},
		{"SendTaskFailure", `{"taskToken":7}`, coral + "SerializationException", "NUMBER_VALUE can not be converted to a String"},
		{"SendTaskFailure", `[]`, coral + "SerializationException", "Start of list found where not expected"},
		{"SendTaskFailure", `{"taskToken":`, coral + "SerializationException", ""},
		{"SendTaskFailure", "{\"taskToken\":\"\xff\"}", coral + "SerializationException", ""},
		{"SendTaskFailure", `{"taskToken":"` + strings.Repeat("x", 1<<20) + `"}`, coral + "RequestEntityTooLargeException", "The request is larger than 1048576 bytes."},
		{"DeleteEverything", `{}`, coral + "UnknownOperationException",
			`The operation "DeleteEverything" of AWS Step Functions is not served here. Served are ` + strings.Join(api.OperationNames(), ", ") + "."},
	} {
		a := post(t, url, "AWSStepFunctions."+test.operation, test.body)
		if a.Type != test.kind || a.Message != test.message {
			t.Errorf("%s %.80s:\n got %s %s\nwant %s %s", test.operation, test.body, a.Type, a.Message, test.kind, test.message)
		}
		if a.status != 400 && a.status != 413 {
			t.Errorf("%s %.80s: status %d", test.operation, test.body, a.status)
		}
	}
}

// A label, a surrogate pair counts two characters, as in Java.
func TestLengthInCharacters(t *testing.T) {
	url := serve(t, newBackend())
	for _, test := range []struct {
		name string
		ok   bool
	}{{strings.Repeat("é", 80), true}, {strings.Repeat("𝄞", 40), true}, {strings.Repeat("𝄞", 41), false}} {
		a := post(t, url, "AWSStepFunctions.StartExecution", `{"stateMachineArn":"`+machineARN+`","name":"`+test.name+`"}`)
		if (a.status == 200) != test.ok {
			t.Errorf("%s: status %d", test.name, a.status)
		}
	}
}

// What is no exception is our own trouble: an internal failure, which clients try again.
func TestTrouble(t *testing.T) {
	b := newBackend()
	b.err = errors.New("the disk is full")
	a := post(t, serve(t, b), "AWSStepFunctions.StopExecution", `{"executionArn":"`+executionARN+`"}`)
	if a.status != 500 || a.Type != "com.amazon.coral.service#InternalFailure" || a.Message != "the disk is full" {
		t.Errorf("got %d %s %s", a.status, a.Type, a.Message)
	}
}

// panicking is a backend with a fault.
type panicking struct{ *backend }

func (panicking) Machines() ([]store.Machine, error) { panic("a fault") }

func TestPanicStaysInside(t *testing.T) {
	server := httptest.NewServer(api.New(api.Config{States: panicking{newBackend()}}))
	defer server.Close()
	a := post(t, server.URL, "AWSStepFunctions.ListStateMachines", "{}")
	if a.status != 500 || a.Message != "internal fault: a fault" {
		t.Errorf("got %d %s", a.status, a.Message)
	}
}

func TestFrontDoor(t *testing.T) {
	url := serve(t, newBackend())
	const signed = "AWS4-HMAC-SHA256 Credential=AKID/20260301/us-east-1/%s/aws4_request, SignedHeaders=host, Signature=0"
	for _, test := range []struct {
		name, method, target, scope, host, origin string
		status                                    int
		contains                                  string
	}{
		{"a client", "POST", "AWSStepFunctions.ListStateMachines", "states", "localhost:4566", "", 200, "stateMachines"},
		{"no signature", "POST", "AWSStepFunctions.ListStateMachines", "", "127.0.0.1", "", 200, "stateMachines"},
		{"sync prefix", "POST", "AWSStepFunctions.ListStateMachines", "states", "sync-localhost:4566", "", 200, "stateMachines"},
		{"IPv6", "POST", "AWSStepFunctions.ListStateMachines", "states", "[::1]:4566", "", 200, "stateMachines"},
		{"AWS's name", "POST", "AWSStepFunctions.ListStateMachines", "states", "states.eu-west-1.amazonaws.com", "", 200, "stateMachines"},
		{"subdomain", "POST", "AWSStepFunctions.ListStateMachines", "states", "states.localhost:4566", "", 200, "stateMachines"},
		{"own page", "POST", "AWSStepFunctions.ListStateMachines", "states", "localhost:4566", "http://localhost:4566", 200, "stateMachines"},
		{"rebound name", "POST", "AWSStepFunctions.ListStateMachines", "states", "evil.example:4566", "", 403, "AccessDeniedException"},
		{"name with a suffix", "POST", "AWSStepFunctions.ListStateMachines", "states", "localhost.evil.example", "", 403, "AccessDeniedException"},
		{"lookalike", "POST", "AWSStepFunctions.ListStateMachines", "states", "evilamazonaws.com", "", 403, "AccessDeniedException"},
		{"public address", "POST", "AWSStepFunctions.ListStateMachines", "states", "192.0.2.1:4566", "", 403, "AccessDeniedException"},
		{"foreign page", "POST", "AWSStepFunctions.ListStateMachines", "states", "localhost:4566", "https://evil.example", 403, "AccessDeniedException"},
		{"opaque origin", "POST", "AWSStepFunctions.ListStateMachines", "states", "localhost:4566", "null", 403, "AccessDeniedException"},
		{"by scope alone", "POST", "", "states", "localhost", "", 400, "UnknownOperationException"},
		{"other service", "POST", "DynamoDB_20120810.ListTables", "dynamodb", "localhost", "", 400, "UnknownOperationException"},
		{"other service without target", "GET", "", "s3", "localhost", "", 400, "UnknownOperationException"},
		{"malformed signature", "GET", "", "a/b", "localhost", "", 404, "endpoint for AWS clients"},
		{"wrong method", "GET", "AWSStepFunctions.ListStateMachines", "states", "localhost", "", 400, "UnknownOperationException"},
		{"a browser", "GET", "", "", "localhost:4566", "", 404, "aws stepfunctions --endpoint-url http://localhost:4566"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := request(t, url, test.target, "{}")
			r.Method, r.Host = test.method, test.host
			if test.scope != "" {
				r.Header.Set("Authorization", fmt.Sprintf(signed, test.scope))
			}
			if test.origin != "" {
				r.Header.Set("Origin", test.origin)
			}
			if a := send(t, r); a.status != test.status || !strings.Contains(a.body, test.contains) {
				t.Errorf("got %d %s, want %d and %q", a.status, a.body, test.status, test.contains)
			}
		})
	}
}

// Which service a request is for: its target, its signature's scope, its host, its path, and at last whoever takes anything.
func TestRoutes(t *testing.T) {
	const scope = "AWS4-HMAC-SHA256 Credential=AKID/20260301/us-east-1/%s/aws4_request, SignedHeaders=host, Signature=0"
	named := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
	}
	all := api.New(api.Config{States: newBackend(), S3: named("S3"), Lambda: named("Lambda")})
	for _, test := range []struct{ host, path, target, scope, want string }{
		{"localhost", "/", "AWSStepFunctions.ListStateMachines", "", "stateMachines"},
		{"lambda.localhost", "/2015-03-31/functions/", "AWSStepFunctions.ListStateMachines", "s3", "stateMachines"},
		{"localhost", "/", "DynamoDB_20120810.ListTables", "s3", "served are AWS Step Functions (AWSStepFunctions), Amazon S3 and AWS Lambda."},
		{"localhost", "/", "", "s3", "S3"},
		{"localhost", "/2015-03-31/functions/", "", "s3", "S3"},
		{"s3.localhost", "/2015-03-31/functions/", "", "lambda", "Lambda"},
		{"localhost", "/bucket/key", "", "dynamodb", "UnknownOperationException"},
		{"s3.localhost:4566", "/", "", "", "S3"},
		{"my.bucket.s3.localhost:4566", "/key", "", "", "S3"},
		{"lambda.s3.localhost", "/", "", "", "S3"},
		{"bucket.s3.eu-west-1.amazonaws.com", "/", "", "", "S3"},
		{"bucket.s3.dualstack.us-gov-west-1.amazonaws.com", "/", "", "", "S3"},
		{"lambda.us-east-1.amazonaws.com", "/other", "", "", "Lambda"},
		{"localhost", "/2015-03-31/functions/f/invocations", "", "", "Lambda"},
		{"127.0.0.1", "/2021-11-15/functions/f/response-streaming-invocations", "", "", "Lambda"},
		{"localhost", "/bucket/key", "", "", "S3"},
		{"localhost", "/2015-03-31/key", "", "", "S3"},
		{"localhost", "/bucket/key?X-Amz-Credential=AKID%2F20260301%2Fus-east-1%2Fs3%2Faws4_request", "", "", "S3"},
		{"localhost", "/bucket/key?X-Amz-Credential=AKID%2F20260301%2Fus-east-1%2Fsqs%2Faws4_request", "", "", "UnknownOperationException"},
		{"localhost", "/", "", "", "This is an endpoint for AWS clients"},
		{"states.localhost", "/", "", "", "UnknownOperationException"},
	} {
		r := httptest.NewRequest(http.MethodPost, "http://"+test.host+test.path, strings.NewReader("{}"))
		r.Header.Set("X-Amz-Target", test.target)
		if test.scope != "" {
			r.Header.Set("Authorization", fmt.Sprintf(scope, test.scope))
		}
		w := httptest.NewRecorder()
		if all.ServeHTTP(w, r); !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s %s, target %q, scope %q: got %q, want %q", test.host, test.path, test.target, test.scope, w.Body, test.want)
		}
	}
}

func TestPageTokens(t *testing.T) {
	token := api.PageToken("scope", "position", began)
	if len(token) > 1024 {
		t.Errorf("a token of %d characters", len(token))
	}
	for _, test := range []struct {
		name, scope, token string
		after              time.Duration
		ok                 bool
	}{
		{"at once", "scope", token, 0, true},
		{"the same day", "scope", token, 23 * time.Hour, true},
		{"the next day", "scope", token, 25 * time.Hour, false},
		{"another scope", "scop", token, 0, false},
		{"cut", "scope", token[:len(token)-2], 0, false},
		{"changed", "scope", strings.ToLower(token), 0, false},
		{"empty", "scope", "", 0, false},
		{"no base64", "scope", "?", 0, false},
	} {
		position, err := api.OpenToken(test.scope, sfn.Some(test.token), began.Add(test.after))
		if (err == nil) != test.ok || test.ok && position != "position" {
			t.Errorf("%s: got %q, %v", test.name, position, err)
		}
	}
}

// Slow and large requests cannot hold the server up: every phase has an end.
func TestServerHasLimits(t *testing.T) {
	s := api.NewServer(http.NotFoundHandler())
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout < 5*time.Minute || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("got %+v", s)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `{"stateMachineArn":"a","name":null,"input":"{}"}`, `{"maxResults":1e400}`, `{"name":{"a":[1]}}`, "{\"name\":\"\\ud800\"}", `{"a":1}{"b":2}`,
	} {
		f.Add([]byte(seed))
	}
	type input struct {
		Name       sfn.OptString `json:"name"`
		MaxResults int           `json:"maxResults"`
		Reverse    bool          `json:"reverseOrder"`
		Include    *bool         `json:"includeExecutionData"`
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var in input
		err := api.Decode(body, &in)
		if err == nil && len(strings.TrimSpace(string(body))) > 0 && !json.Valid(body) {
			t.Errorf("%q was taken for JSON", body)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "SerializationException: ") {
			t.Errorf("%q: %v is not for the client", body, err)
		}
	})
}

func FuzzOpenToken(f *testing.F) {
	f.Add("", "")
	f.Add("scope", api.PageToken("scope", "12", began))
	f.Fuzz(func(t *testing.T, scope, token string) {
		position, err := api.OpenToken(scope, sfn.Some(token), began)
		if err == nil && api.PageToken(scope, position, began) == "" {
			t.Error("a token that cannot be")
		}
	})
}
