package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/stack"
	"github.com/tutti-run/tutti/internal/store"
)

// samAPIs has the implicit API of events, which calls a function and starts a machine, and one of its own with an authorizer, a validator, CORS and keys.
const samAPIs = `
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: |
        import json
        def handler(event, context):
            if event.get('type') == 'TOKEN':
                effect = 'Allow' if event['authorizationToken'] == 'open' else 'Deny'
                return {'principalId': 'me', 'policyDocument': {'Version': '2012-10-17', 'Statement': [{'Action': 'execute-api:Invoke', 'Effect': effect, 'Resource': '*'}]}}
            if event['path'] == '/bad':
                return 'no response'
            return {'statusCode': 200, 'headers': {'X-Resource': event['resource']}, 'body': json.dumps({'path': event['path'], 'stage': event['requestContext']['stage'], 'proxy': event['pathParameters'], 'who': event['requestContext'].get('authorizer', {}).get('principalId')})}
      Events:
        Root: {Type: Api, Properties: {Path: /, Method: get}}
        Rest: {Type: Api, Properties: {Path: '/{proxy+}', Method: any}}
        Order: {Type: Api, Properties: {RestApiId: !Ref Shop, Path: /orders, Method: post, RequestModel: {Model: Order, Required: true, ValidateBody: true}}}
        Keyed: {Type: Api, Properties: {RestApiId: !Ref Shop, Path: /keyed, Method: get, Auth: {Authorizer: NONE, ApiKeyRequired: true}}}
  Runner:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition: {StartAt: P, States: {P: {Type: Pass, Parameters: {'got.$': $.n}, End: true}}}
      Events:
        Start: {Type: Api, Properties: {Path: /runs, Method: post}}
  Caller:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition:
        StartAt: Call
        States:
          Call:
            Type: Task
            Resource: arn:aws:states:::apigateway:invoke
            Parameters: {ApiEndpoint: !Sub '${ServerlessRestApi}.execute-api.${AWS::Region}.amazonaws.com', Stage: Prod, Path: /called, Method: GET}
            ResultSelector: {'status.$': $.StatusCode, 'path.$': $.ResponseBody.path}
            End: true
  Shop:
    Type: AWS::Serverless::Api
    Properties:
      StageName: live
      Cors: "'*'"
      Models: {Order: {type: object, required: [n], properties: {n: {type: integer}}}}
      Auth:
        DefaultAuthorizer: Token
        AddDefaultAuthorizerToCorsPreflight: false
        UsagePlan: {CreateUsagePlan: PER_API}
        Authorizers: {Token: {FunctionArn: !GetAtt Hello.Arn, Identity: {Header: X-Token}}}
`

// plainAPI is a REST API in CloudFormation's resources, as CDK makes them, whose method starts an execution and waits for it.
const plainAPI = `{"Resources": {
 "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}},
 "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"StateMachineName": "sync", "StateMachineType": "EXPRESS", "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
  "DefinitionString": "{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"Parameters\":{\"got.$\":\"$.body\"},\"End\":true}}}"}},
 "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "plain"}},
 "Runs": {"Type": "AWS::ApiGateway::Resource", "Properties": {"RestApiId": {"Ref": "Api"}, "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]}, "PathPart": "runs"}},
 "One": {"Type": "AWS::ApiGateway::Resource", "Properties": {"RestApiId": {"Ref": "Api"}, "ParentId": {"Ref": "Runs"}, "PathPart": "{id}"}},
 "Post": {"Type": "AWS::ApiGateway::Method", "Properties": {"RestApiId": {"Ref": "Api"}, "ResourceId": {"Ref": "One"}, "HttpMethod": "POST", "AuthorizationType": "NONE",
  "RequestValidatorId": {"Ref": "Validator"}, "RequestParameters": {"method.request.querystring.q": true},
  "Integration": {"Type": "AWS", "IntegrationHttpMethod": "POST", "Uri": {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":apigateway:", {"Ref": "AWS::Region"}, ":states:action/StartSyncExecution"]]},
   "Credentials": {"Fn::GetAtt": ["Role", "Arn"]}, "PassthroughBehavior": "NEVER",
   "RequestTemplates": {"application/json": {"Fn::Join": ["", ["#set($in = \"{@@body@@: $input.body, @@id@@: @@$input.params('id')@@}\")\n{\"stateMachineArn\": \"", {"Ref": "Machine"}, "\", \"input\": \"$util.escapeJavaScript($in.replaceAll('@@', '\"'))\"}"]]}},
   "IntegrationResponses": [{"StatusCode": "200", "SelectionPattern": "200", "ResponseTemplates": {"application/json": "$input.path('$.output')"}}, {"StatusCode": "400", "SelectionPattern": "4\\d{2}"}]}}},
 "Validator": {"Type": "AWS::ApiGateway::RequestValidator", "Properties": {"RestApiId": {"Ref": "Api"}, "ValidateRequestParameters": true}},
 "Lost": {"Type": "AWS::ApiGateway::Method", "Properties": {"RestApiId": {"Ref": "Api"}, "ResourceId": {"Fn::GetAtt": ["Api", "RootResourceId"]}, "HttpMethod": "GET", "AuthorizationType": "NONE"}},
 "Deployment": {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "Api"}}, "DependsOn": ["Post"]},
 "Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": {"RestApiId": {"Ref": "Api"}, "DeploymentId": {"Ref": "Deployment"}, "StageName": "prod"}}
}}`

// apiServer serves a template and returns the server, what it told of routes, and how to ask an API.
func apiServer(t *testing.T, name, text string) (s *server, told *[]string, ask func(method, path, body string, headers ...string) (int, string, http.Header)) {
	t.Helper()
	root := t.TempDir()
	template := filepath.Join(root, name)
	if err := os.WriteFile(template, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	told = new([]string)
	s, err := openServer(t.Context(), serveOptions{
		project: project{root: root, data: filepath.Join(root, "data")}, template: template, log: slog.New(slog.DiscardHandler),
		progress: func(e stack.Event) {
			if e.Kind == stack.RouteRefused {
				*told = append(*told, e.Err.Error())
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return s, told, func(method, path, body string, headers ...string) (int, string, http.Header) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.endpoint.URL+"/_aws/execute-api/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		got, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(got), answer.Header
	}
}

// needsPython skips a test where there is no interpreter for its functions; with CI=true it fails.
func needsPython(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("python3")
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatal("needs python3: ", err)
	case err != nil:
		t.Skip("python3 is not installed")
	}
}

func TestAPIsOfSAM(t *testing.T) {
	needsPython(t)
	s, told, ask := apiServer(t, "template.yaml", samAPIs)
	if len(*told) > 0 {
		t.Errorf("told %q", *told)
	}
	apis := s.httpAPIs()
	i := slices.IndexFunc(apis, func(a servedHTTPAPI) bool { return slices.Contains(a.Routes, "POST /runs") })
	j := slices.IndexFunc(apis, func(a servedHTTPAPI) bool { return slices.Contains(a.Routes, "POST /orders") })
	if i < 0 || j < 0 || apis[i].Type != "REST" || !strings.HasSuffix(apis[j].URLs[len(apis[j].URLs)-1], "/live/") {
		t.Fatalf("APIs %+v", apis)
	}
	implicit, shop := apis[i].ID+"/Prod", apis[j].ID+"/live"
	key := ""
	for _, m := range s.stack.HTTPAPIs() {
		if m.ID == apis[j].ID {
			key = m.Keys[0]
		}
	}
	for _, tt := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		want                     string
	}{
		{"the root", "GET", implicit + "/", "", nil, 200, `{"path": "/", "stage": "Prod", "proxy": null, "who": null}`},
		{"a greedy path", "PUT", implicit + "/a/b", "", nil, 200, `{"path": "/a/b", "stage": "Prod", "proxy": {"proxy": "a/b"}, "who": null}`},
		{"an answer that is none", "GET", implicit + "/bad", "", nil, 502, `{"message":"Internal server error"}`},
		{"a machine", "POST", implicit + "/runs", `{"n":"x/y"}`, nil, 200, `{"executionArn":"arn:aws:states:`},
		{"a machine without JSON", "POST", implicit + "/runs", `{`, nil, 400, `{"message":"Could not parse request body into json: `},
		{"no method", "POST", implicit + "/", "", nil, 403, `{"message":"Missing Authentication Token"}`},
		{"no stage", "GET", apis[i].ID + "/other", "", nil, 403, `{"message":"Forbidden"}`},
		{"no token", "POST", shop + "/orders", `{"n":1}`, nil, 401, `{"message":"Unauthorized"}`},
		{"another token", "POST", shop + "/orders", `{"n":1}`, []string{"X-Token", "shut"}, 403, `{"Message":"User is not authorized to access this resource with an explicit deny"}`},
		{"an order", "POST", shop + "/orders", `{"n":1}`, []string{"X-Token", "open"}, 200, `{"path": "/orders", "stage": "live", "proxy": null, "who": "me"}`},
		{"no order", "POST", shop + "/orders", `{"n":"1"}`, []string{"X-Token", "open"}, 400, `{"message":"Invalid request body"}`},
		{"no key", "GET", shop + "/keyed", ``, nil, 403, `{"message":"Forbidden"}`},
		{"a key", "GET", shop + "/keyed", ``, []string{"X-Api-Key", key}, 200, `{"path": "/keyed", "stage": "live", "proxy": null, "who": null}`},
		{"a preflight", "OPTIONS", shop + "/orders", ``, []string{"Origin", "https://shop.example", "Access-Control-Request-Method", "POST"}, 200, "{}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, got, header := ask(tt.method, tt.path, tt.body, tt.headers...)
			if status != tt.status || !strings.HasPrefix(got, tt.want) {
				t.Errorf("%d %s, want %d %s", status, got, tt.status, tt.want)
			}
			if tt.name == "a preflight" && (header.Get("Access-Control-Allow-Origin") != "*" || header.Get("Access-Control-Allow-Methods") != "OPTIONS,POST") {
				t.Errorf("headers %v", header)
			}
		})
	}
	machine := machineOf(t, s, "Runner")
	list, _, err := s.stack.Runner().Executions(store.Filter{MachineARN: machine, Limit: 10})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d executions, %v", len(list), err)
	}
	if err := s.stack.Runner().Await(t.Context(), list[0].ARN); err != nil {
		t.Fatal(err)
	}
	if d, err := s.stack.Runner().Describe(list[0].ARN); err != nil || d.Output.Text() != `{"got":"x/y"}` {
		t.Errorf("the execution came to %+v, %v", d, err)
	}
}

func machineOf(t *testing.T, s *server, name string) string {
	t.Helper()
	for _, m := range s.stack.Machines() {
		if m.Name == name {
			return m.ARN
		}
	}
	t.Fatalf("no machine %s: %+v", name, s.stack.Machines())
	return ""
}

// A machine reaches the stack's own API by the optimized integration of API Gateway.
func TestMachineCallsAnAPI(t *testing.T) {
	needsPython(t)
	s, _, _ := apiServer(t, "template.yaml", samAPIs)
	r := s.stack.Runner()
	started, err := r.StartExecution(t.Context(), runner.StartRequest{MachineARN: machineOf(t, s, "Caller"), Input: "{}"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Await(t.Context(), started.ARN); err != nil {
		t.Fatal(err)
	}
	if d, err := r.Describe(started.ARN); err != nil || d.Output == nil || d.Output.Text() != `{"path":"/called","status":200}` {
		t.Errorf("it came to %+v, %v", d, err)
	}
}

func TestRestAPIOfResources(t *testing.T) {
	s, told, ask := apiServer(t, "template.json", plainAPI)
	if len(*told) != 1 || (*told)[0] != `template.json:15:10: Lost: method "GET /": has no integration` {
		t.Errorf("told %q", *told)
	}
	id := s.httpAPIs()[0].ID
	status, got, _ := ask("POST", id+"/prod/runs/7?q=1", `{"a":"it"}`)
	var answer map[string]any
	if err := json.Unmarshal([]byte(got), &answer); err != nil || status != 200 || got != `{"got":{"a":"it"}}` {
		t.Errorf("%d %s, %v", status, got, err)
	}
	if status, got, _ := ask("POST", id+"/prod/runs/7", `{}`); status != 400 || got != `{"message":"Missing required request parameters: [q]"}` {
		t.Errorf("without a parameter: %d %s", status, got)
	}
	if status, got, _ := ask("GET", id+"/prod", ``); status != 500 || got != `{"message":"Internal server error"}` {
		t.Errorf("without an integration: %d %s", status, got)
	}
	if status, got, _ := ask("POST", id+"/prod/runs/7?q=1", strings.Repeat("x", 11<<20)); status != 413 || got != `{"message":"Request Too Long"}` {
		t.Errorf("11 MB: %d %s", status, got)
	}
}
