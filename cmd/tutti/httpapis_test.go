package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/stack"
)

// apiTemplate has an HTTP API in resources and one whose routes stand in OpenAPI, both of which start the machine.
const apiTemplate = `{
 "Resources": {
  "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}},
  "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"StateMachineName": "orders", "StateMachineType": "EXPRESS", "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
   "DefinitionString": "{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"Parameters\":{\"got.$\":\"$\"},\"End\":true}}}"}},
  "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "shop", "ProtocolType": "HTTP"}},
  "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "prod", "AutoDeploy": true}},
  "Run": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": {"ApiId": {"Ref": "Api"}, "IntegrationType": "AWS_PROXY",
   "IntegrationSubtype": "StepFunctions-StartSyncExecution", "PayloadFormatVersion": "1.0",
   "RequestParameters": {"StateMachineArn": {"Ref": "Machine"}, "Input": "$request.body"}}},
  "Route": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"ApiId": {"Ref": "Api"}, "RouteKey": "POST /orders", "Target": {"Fn::Join": ["/", ["integrations", {"Ref": "Run"}]]}}},
  "Lost": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"ApiId": {"Ref": "Api"}, "RouteKey": "GET /lost", "Target": "integrations/gone"}},
  "Open": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": {"openapi": "3.0.1", "info": {"title": "open"}, "paths": {"/run": {"post": {
   "x-amazon-apigateway-integration": {"type": "aws_proxy", "integrationSubtype": "StepFunctions-StartExecution", "payloadFormatVersion": "1.0",
    "requestParameters": {"StateMachineArn": {"Ref": "Machine"}, "Input": "$request.body"}}}}}}}}
 }
}`

func TestHTTPAPIs(t *testing.T) {
	root := t.TempDir()
	template := filepath.Join(root, "template.json")
	if err := os.WriteFile(template, []byte(apiTemplate), 0o600); err != nil {
		t.Fatal(err)
	}
	var told []string
	s, err := openServer(t.Context(), serveOptions{
		project: project{root: root, data: filepath.Join(root, "data")}, template: template, log: slog.New(slog.DiscardHandler),
		progress: func(e stack.Event) {
			if e.Kind == stack.RouteRefused {
				told = append(told, e.Err.Error())
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	apis := s.httpAPIs()
	if len(apis) != 2 || apis[0].Name != "shop" || apis[1].Name != "open" || !strings.HasSuffix(apis[0].URLs[0], "/prod/") {
		t.Fatalf("APIs %+v", apis)
	}
	if len(told) != 1 || told[0] != `template.json:12:11: Lost: route "GET /lost": its integration "gone" does not exist` {
		t.Errorf("told %q", told)
	}
	post := func(path string) (int, map[string]any) {
		r, err := http.Post(s.endpoint.URL+"/_aws/execute-api/"+path, "application/json", bytes.NewBufferString(`{"n":1}`))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		var answer map[string]any
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return r.StatusCode, answer
	}
	if status, answer := post(apis[0].ID + "/prod/orders"); status != 200 || answer["output"] != `{"got":{"n":1}}` {
		t.Errorf("synchronous: %d %v", status, answer)
	}
	if status, answer := post(apis[1].ID + "/run"); status != 200 || !strings.Contains(answer["executionArn"].(string), ":express:orders:") {
		t.Errorf("asynchronous: %d %v", status, answer)
	}
	if status, answer := post(apis[0].ID + "/orders"); status != 404 || answer["message"] != "Not Found" {
		t.Errorf("without its stage: %d %v", status, answer)
	}
}
