package stack_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/stack"
)

// A machine in a stack within a stack runs, and what the outer one takes from it and gives to it is there.
func TestNestedStacks(t *testing.T) {
	pass := func(result string) string {
		return `'{"StartAt":"P","States":{"P":{"Type":"Pass","Result":"` + result + `","End":true}}}'`
	}
	cfg := project(t, map[string]string{
		"template.yaml": `
Transform: AWS::Serverless-2016-10-31
Parameters: {Word: {Type: String, Default: outer}}
Resources:
  App: {Type: AWS::Serverless::Application, Properties: {Location: app/template.yaml, Parameters: {Word: !Sub '${Word}-word'}}}
  Far: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: 'https://s3.amazonaws.com/b/t.yaml'}}
  Outer:
    Type: AWS::StepFunctions::StateMachine
    Properties: {RoleArn: 'arn:aws:iam::000000000000:role/r', DefinitionString: ` + pass("${Inner}") + `, DefinitionSubstitutions: {Inner: !GetAtt App.Outputs.Machine}}
`,
		"app/template.yaml": `
Parameters: {Word: {Type: String}}
Resources:
  Deep: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: deep.json, Parameters: {Word: !Ref Word}}}
Outputs: {Machine: {Value: !GetAtt Deep.Outputs.Machine}}
`,
		"app/deep.json": `{"Parameters":{"Word":{"Type":"String"}},"Resources":{"Inner":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"RoleArn":"arn:aws:iam::000000000000:role/r",
			"DefinitionString":"{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"Result\":\"${Word}\",\"End\":true}}}","DefinitionSubstitutions":{"Word":{"Ref":"Word"}}}}},
			"Outputs":{"Machine":{"Value":{"Ref":"Inner"}}}}`,
	})
	cfg.Template = filepath.Join(cfg.Project, "template.yaml")
	s, told := open(t, cfg)
	if got := run(t, s, "Inner", `{}`); got != `"outer-word"` {
		t.Errorf("the inner machine answers %s", got)
	}
	arn := s.Machines()[slices.IndexFunc(s.Machines(), func(m stack.MachineInfo) bool { return m.Name == "Inner" })].ARN
	if got := run(t, s, "Outer", `{}`); got != `"`+arn+`"` {
		t.Errorf("the outer machine answers %s, want the inner one's ARN %s", got, arn)
	}
	if e := told.one(t, stack.NotRunHere); e.Detail != "AWS::CloudFormation::Stack × 1" {
		t.Errorf("told %+v", e)
	}
	for _, name := range []string{"app/template.yaml", "app/deep.json"} {
		if !slices.Contains(s.Watched(), filepath.Join(cfg.Project, name)) {
			t.Errorf("%s is not watched: %q", name, s.Watched())
		}
	}
}

// A template that is within itself must not go on for ever.
func TestEndlessNesting(t *testing.T) {
	cfg := project(t, map[string]string{"template.yaml": "Resources: {Again: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: template.yaml}}}"})
	cfg.Template = filepath.Join(cfg.Project, "template.yaml")
	if _, err := stack.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "more than 10 deep") {
		t.Errorf("%v", err)
	}
}

// The body of an API in a file of its own, which `sam deploy` would upload, is served.
func TestIncludedAPI(t *testing.T) {
	cfg := project(t, map[string]string{
		"template.yaml": `
Transform: AWS::Serverless-2016-10-31
Resources:
  Web: {Type: AWS::Serverless::Api, Properties: {StageName: v1, DefinitionBody: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: ./api.yaml}}}}}
`,
		"api.yaml": `
swagger: "2.0"
paths:
  /hello:
    get:
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses: {default: {statusCode: "200", responseTemplates: {application/json: {Fn::Sub: '"${AWS::Region}"'}}}}
      responses: {"200": {description: ok}}
`,
	})
	cfg.Template = filepath.Join(cfg.Project, "template.yaml")
	s, _ := open(t, cfg)
	apis := s.HTTPAPIs()
	if len(apis) != 1 {
		t.Fatalf("APIs %+v", apis)
	}
	w := httptest.NewRecorder()
	s.HTTPAPI(apis[0].ID).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://"+apis[0].ID+".execute-api.localhost/v1/hello", nil))
	if w.Code != http.StatusOK || w.Body.String() != `"us-east-1"` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !slices.Contains(s.Watched(), filepath.Join(cfg.Project, "api.yaml")) {
		t.Errorf("the included file is not watched: %q", s.Watched())
	}
}

// CDK's stacks without resources are not deployed, the parameters of the first version's assets need no values, and a nested stack is an asset.
func TestAssemblyOfCDK(t *testing.T) {
	const hash = "68497ac876de4e963fc8f7b5f1b28844c18ecc95e3f7c6e9e0bf250e03c037fb"
	cfg := project(t, map[string]string{
		"cdk.out/manifest.json": `{"version":"1","artifacts":{"App":{"type":"aws:cloudformation:stack","environment":"aws://unknown-account/unknown-region","properties":{"templateFile":"App.template.json"}},
			"Assert":{"type":"aws:cloudformation:stack","properties":{"templateFile":"Assert.template.json"}}}}`,
		"cdk.out/Assert.template.json": `{"Parameters":{"BootstrapVersion":{"Type":"String","Default":"x"}}}`,
		"cdk.out/App.template.json": `{"Parameters":{"AssetParameters` + hash + `S3Bucket01234567":{"Type":"String"},"AssetParameters` + hash + `S3VersionKey89ABCDEF":{"Type":"String"}},
			"Resources":{"Nested":{"Type":"AWS::CloudFormation::Stack","Metadata":{"aws:asset:path":"App.nested.template.json","aws:asset:property":"TemplateURL"},"Properties":{
			"TemplateURL":{"Fn::Join":["/",["https://s3.amazonaws.com",{"Ref":"AssetParameters` + hash + `S3Bucket01234567"},
			{"Fn::Select":[1,{"Fn::Split":["||",{"Ref":"AssetParameters` + hash + `S3VersionKey89ABCDEF"}]}]}]]}}}}}`,
		"cdk.out/App.nested.template.json": machineTemplate,
	})
	cfg.Template = filepath.Join(cfg.Project, "cdk.out")
	s, _ := open(t, cfg)
	if got := run(t, s, "Machine", `{}`); got != `"hello-us-east-1"` {
		t.Errorf("the machine answers %s", got)
	}
	if schedules := s.Schedules(); len(schedules) != 1 {
		t.Errorf("schedules %+v", schedules)
	}
}
