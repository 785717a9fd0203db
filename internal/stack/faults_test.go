package stack_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/stack"
)

// Whatever is wrong with a template is said with the line, the logical id and, where it is a property's fault, the property.
func TestFaultsSayWhere(t *testing.T) {
	const machine = "  M:\n    Type: AWS::StepFunctions::StateMachine\n    Properties:\n      RoleArn: arn:aws:iam::000000000000:role/r\n"
	const function = "  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Runtime: provided.al2023\n      Handler: bootstrap\n"
	const api = "  A: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: a, ProtocolType: HTTP}}\n"
	const rest = "  A: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}\n"
	for _, tt := range []struct {
		name, resources string
		kind            stack.EventKind // of what is told; "" where the template is refused as a whole
		want            string
	}{
		{"a property's type", function + "      Code: f\n      Timeout: soon\n", "", "template.yaml:8:16: F Properties.Timeout: This must be a whole number, not a string."},
		{"a machine's type", machine + "      StateMachineType: FAST\n      DefinitionString: '{}'\n", "", "template.yaml:6:25: M Properties.StateMachineType: This must be one of STANDARD, EXPRESS."},
		{"no definition's file", machine + "      DefinitionS3Location: gone.json\n", stack.MachineRefused, "template.yaml:6:29: M Properties.DefinitionS3Location: "},
		{"no code", function + "      Code: gone/\n", stack.FunctionRefused, "template.yaml:7:13: F Properties.Code: "},
		{"a nested property", function + "      Code: f\n      EphemeralStorage:\n        Size: much\n", "", "template.yaml:9:15: F Properties.EphemeralStorage.Size: This must be a whole number, not a string."},
		{"a route that leads nowhere", api + "  R: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref A, RouteKey: GET /x, Target: integrations/gone}}\n", stack.RouteRefused,
			`template.yaml:3:6: R: route "GET /x": its integration "gone" does not exist`},
		{"a route without a target", api + "  R: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref A, RouteKey: GET /x}}\n", stack.RouteRefused,
			`template.yaml:3:6: R: route "GET /x": has no integration: set its Target`},
		{"a route of a document", "  A: {Type: AWS::ApiGatewayV2::Api, Properties: {Body: {openapi: 3.0.1, paths: {/x: {get: {}}}}}}\n", stack.RouteRefused,
			`template.yaml:2:56: A Properties.Body: route "GET /x": has no integration: set its Target`},
		{"no document", "  A: {Type: AWS::ApiGateway::RestApi, Properties: {Body: {swagger: '1'}}}\n", "", "template.yaml:2:6: A (AWS::ApiGateway::RestApi): its Body: it is neither a Swagger 2.0 nor an OpenAPI 3 document"},
		{"a method without an integration", rest + "  M: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: !Ref A, ResourceId: !GetAtt A.RootResourceId, HttpMethod: GET}}\n", stack.RouteRefused,
			`template.yaml:3:6: M: method "GET /": has no integration`},
		{"a method of no resource", rest + "  M: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: !Ref A, ResourceId: r, HttpMethod: GET}}\n", "", "template.yaml:3:82: M Properties.ResourceId: No resource of the template has this id."},
		{"a resource of no parent", rest + "  R: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref A, ParentId: p, PathPart: x}}\n", "", "template.yaml:3:82: R Properties.ParentId: No resource of the template has this id."},
		{"a URL without a type", function + "      Code: f\n  U: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: !Ref F}}\n", "", "template.yaml:8:43: U Properties: The property AuthType is required."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := project(t, map[string]string{"template.yaml": "Resources:\n" + tt.resources, "go.mod": oldModule, "f/main.go": "package main\n\nfunc main() {}\n"})
			cfg.Template = filepath.Join(cfg.Project, "template.yaml")
			if tt.kind == "" {
				s, err := stack.Open(t.Context(), cfg)
				if err == nil {
					_ = s.Close(t.Context())
				}
				if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
					t.Errorf("got  %v\nwant %s", err, tt.want)
				}
				return
			}
			_, told := open(t, cfg)
			if e := told.one(t, tt.kind); e.Err == nil || !strings.HasPrefix(e.Err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", e.Err, tt.want)
			}
		})
	}
}
