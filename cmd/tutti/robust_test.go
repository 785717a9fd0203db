package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// robustTemplate has an HTTP API, a REST API and a machine; nothing of them can be reached by what the test sends.
const robustTemplate = `{"Resources": {
 "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}},
 "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"StateMachineName": "m", "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "DefinitionString": "{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"End\":true}}}"}},
 "Http": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": {"openapi": "3.0.1", "info": {"title": "http"}, "paths": {"/run": {"post": {
  "x-amazon-apigateway-integration": {"type": "aws_proxy", "integrationSubtype": "StepFunctions-StartExecution", "payloadFormatVersion": "1.0", "requestParameters": {"StateMachineArn": {"Ref": "Machine"}, "Input": "$request.body"}}}}}}}},
 "Rest": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": {"swagger": "2.0", "info": {"title": "rest"}, "paths": {"/run": {"post": {
  "x-amazon-apigateway-integration": {"type": "aws", "httpMethod": "POST", "uri": {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:states:action/StartExecution"},
   "requestTemplates": {"application/json": {"Fn::Sub": "{\"stateMachineArn\": \"${Machine}\", \"input\": \"$util.escapeJavaScript($input.json('$'))\"}"}}, "responses": {"default": {"statusCode": "200"}, "4\\d\\d": {"statusCode": "400"}}}}}}}}},
 "Deployment": {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "Rest"}, "StageName": "s"}}
}}`

// What is too large or no HTTP ends in AWS's own errors, whatever service it is for, and the server goes on.
func TestWhatIsNoRequest(t *testing.T) {
	s, told, _ := apiServer(t, "template.json", robustTemplate)
	if len(*told) > 0 {
		t.Fatalf("told %q", *told)
	}
	paths := map[string]string{}
	for _, a := range s.httpAPIs() {
		paths[a.Name] = "/_aws/execute-api/" + a.ID
	}
	httpRun, restRun := paths["http"]+"/run", paths["rest"]+"/s/run"
	const (
		states = "X-Amz-Target: AWSStepFunctions.StartExecution\r\nContent-Type: application/x-amz-json-1.0\r\n"
		signed = "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=x\r\n"
		invoke = "/2015-03-31/functions/f/invocations"
	)
	huge := strings.Repeat("x", 20<<20)
	for _, tt := range []struct {
		name, path, headers, body string // a body that begins with "chunked:" is sent so, as it is
		status                    int
		want                      string
	}{
		{"20 MB to an HTTP API", httpRun, "", huge, 413, `{"message":"Request Entity Too Large"}`},
		{"20 MB to a REST API", restRun, "", huge, 413, `{"message":"Request Too Long"}`},
		{"20 MB to a function", invoke, signed, huge, 413, `{"Type":"User","message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`},
		{"20 MB to a machine", "/", states, huge, 413, ``},
		{"many headers to an HTTP API", httpRun, headerBomb(11_000), "{}", 431, `{"message":"Request Header Fields Too Large"}`},
		{"many headers to a REST API", restRun, headerBomb(11_000), "{}", 431, `{"message":"Request Header Fields Too Large"}`},
		{"a header bomb", httpRun, headerBomb(200_000), "{}", 431, ``},
		{"a body in broken chunks to an HTTP API", httpRun, "", "chunked:zz\r\n{}\r\n", 400, `{"message":"Bad Request"}`},
		{"a body in broken chunks to a REST API", restRun, "", "chunked:zz\r\n{}\r\n", 400, `{"message":"Bad Request"}`},
		{"a body in broken chunks to a function", invoke, signed, "chunked:zz\r\n{}\r\n", 400, `{"message":"The body of the request ends early`},
		{"a body in broken chunks to a machine", "/", states, "chunked:zz\r\n{}\r\n", 400, ``},
		{"no JSON to an HTTP API", httpRun, "", "{", 400, `{"__type":"com.amazonaws.swf.service.v2.model#InvalidExecutionInput"`},
		{"no JSON to a REST API", restRun, "", "{", 400, `{"message":"Could not parse request body into json: `},
		{"no JSON to a machine", "/", states, "{", 400, `{"__type":"com.amazon.coral.service#SerializationException"`},
		{"a request as it should be", httpRun, "", "{}", 200, `{"executionArn":`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, got := raw(t, s.endpoint.URL, tt.path, tt.headers, tt.body)
			if status != tt.status || !strings.HasPrefix(got, tt.want) {
				t.Errorf("%d %.300s, want %d %s", status, got, tt.status, tt.want)
			}
		})
	}
}

func headerBomb(size int) string { return "X-Bomb: " + strings.Repeat("y", size) + "\r\n" }

// raw sends a request byte by byte as it is given and returns what is answered, even if the server does not read all of it.
func raw(t *testing.T, url, path, headers, body string) (status int, answer string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	length := "Content-Length: "
	if chunks, ok := strings.CutPrefix(body, "chunked:"); ok {
		length, body = "Transfer-Encoding: chunked\r\n", chunks
	} else {
		length += strconv.Itoa(len(body)) + "\r\n"
	}
	go func() {
		// The server may answer and close before it has read everything.
		_, _ = io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: 127.0.0.1\r\n"+headers+length+"\r\n"+body)
	}()
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}
