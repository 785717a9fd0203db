package stack_test

import (
	"archive/zip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/stack"
)

// echoFunction is a Go function that speaks the Runtime API by itself, so that it needs no module but the standard library. It answers with
// its environment's variable GREETING and the event.
const echoFunction = `package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		next, err := http.Get(base + "next")
		if err != nil {
			os.Exit(1)
		}
		event, _ := io.ReadAll(next.Body)
		next.Body.Close()
		answer := fmt.Sprintf("{\"greeting\":%q,\"event\":%s}", os.Getenv("GREETING"), event)
		done, err := http.Post(base+next.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", bytes.NewBufferString(answer))
		if err != nil {
			os.Exit(1)
		}
		done.Body.Close()
	}
}
`

const oldModule = "module example.com/app\n\ngo 1.22\n"

// run runs a machine to its end and returns its output; it fails the test if it does not succeed.
func run(t *testing.T, s *stack.Stack, machine, input string) string {
	t.Helper()
	arn := ""
	for _, m := range s.Machines() {
		if m.Name == machine {
			arn = m.ARN
		}
	}
	if arn == "" {
		t.Fatalf("no machine %s: %+v", machine, s.Machines())
	}
	return runARN(t, s, arn, input)
}

func runARN(t *testing.T, s *stack.Stack, arn, input string) string {
	t.Helper()
	started, err := s.Runner().StartExecution(t.Context(), runner.StartRequest{MachineARN: arn, Input: input})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Runner().Await(t.Context(), started.ARN); err != nil {
		t.Fatal(err)
	}
	d, err := s.Runner().Describe(started.ARN)
	if err != nil || d.Status != sfn.StatusSucceeded {
		t.Fatalf("%s: %s %+v, %v", arn, d.Status, d, err)
	}
	return d.Output.Text()
}

// needs skips a test without the command, which must be there in CI.
func needs(t *testing.T, command string) {
	t.Helper()
	switch _, err := exec.LookPath(command); {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatal(err)
	case err != nil:
		t.Skipf("%s is not installed", command)
	}
}

// A SAM application: Go and Python functions, a machine with its definition in a file, another one with it in the template, schedules.
func TestSAMApplication(t *testing.T) {
	needs(t, "python3")
	cfg := project(t, map[string]string{
		"go.mod":           oldModule,
		"hello/main.go":    echoFunction,
		"machine.asl.yaml": "StartAt: Hello\nStates:\n  Hello:\n    Type: Task\n    Resource: ${HelloArn}\n    End: true\n",
		"template.yaml": `
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Who: {Type: String}
Globals:
  Function:
    Timeout: 10
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: go1.x}
    Properties:
      CodeUri: hello/
      Handler: bootstrap
      Runtime: provided.al2023
      AutoPublishAlias: live
      Environment: {Variables: {GREETING: !Sub 'hello ${Who}'}}
      Events:
        Often: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
  Upper:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: |
        import os
        def handler(event, context):
            if event.get("fail"):
                raise ValueError("as asked")
            return event["text"].upper() + " " + context.function_name.split("-")[-2] + " " + str(os.path.basename(os.getcwd()) != "")
  Greeter:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machine.asl.yaml
      DefinitionSubstitutions: {HelloArn: !Ref Hello.Alias}
      Policies: [LambdaInvokePolicy: {FunctionName: !Ref Hello}]
      Events:
        Nightly: {Type: ScheduleV2, Properties: {ScheduleExpression: cron(0 3 * * ? *)}}
        Never: {Type: ScheduleV2, Properties: {ScheduleExpression: at(2001-01-01T00:00:00)}}
  Shouter:
    Type: AWS::Serverless::StateMachine
    Properties:
      Type: EXPRESS
      Definition:
        StartAt: Shout
        States:
          Shout:
            Type: Task
            Resource: arn:aws:states:::lambda:invoke
            Parameters: {FunctionName: !GetAtt Upper.Arn, Payload.$: $}
            ResultPath: $.answer
            OutputPath: $.answer.Payload
            End: true
  Table: {Type: AWS::Serverless::SimpleTable}
`})
	cfg.Template = filepath.Join(cfg.Project, "template.yaml")
	cfg.Parameters = map[string]string{"Who": "world"}
	s, told := open(t, cfg)
	if got := run(t, s, "machine", `{"a":1}`); got != `{"greeting":"hello world","event":{"a":1}}` {
		t.Errorf("the machine with the Go function answers %s", got)
	}
	for _, m := range s.Machines() {
		if m.Name == "Shouter" {
			_, outcome, err := s.Runner().StartSyncExecution(t.Context(), runner.StartRequest{MachineARN: m.ARN, Input: `{"text":"loud"}`})
			if err != nil || outcome.Output != `"LOUD Upper True"` {
				t.Errorf("the express machine with the Python function answers %+v, %v", outcome, err)
			}
		}
	}
	if e := told.one(t, stack.ScheduleRefused); e.Name != "GreeterNever" {
		t.Errorf("the schedule that can never fire is told as %+v", e)
	}
	if e := told.one(t, stack.NotRunHere); e.Name != "AWS::DynamoDB::Table" {
		t.Errorf("the table is told as %+v", e)
	}
	if list := s.Schedules(); len(list) != 2 {
		t.Errorf("schedules %+v", list)
	}
	if f := s.Functions()[0]; f.Label != "Hello" || f.Source != "hello" {
		t.Errorf("the function is %+v", f)
	}
}

// zipFile writes a zip file.
func zipFile(t *testing.T, path string, files map[string][]byte) {
	t.Helper()
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(out)
	for name, content := range files {
		w, err := archive.Create(name)
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// A CDK app's cdk.out as its CLI writes it: a folder asset, a zip asset with a bootstrap, a definition that is an asset, and a second stack within a
// stage.
func TestCDKAssembly(t *testing.T) {
	needs(t, "node")
	cfg := project(t, map[string]string{
		"cdk.json":      `{"app":"npx ts-node bin/app.ts"}`,
		"build/go.mod":  oldModule,
		"build/main.go": echoFunction,
		"cdk.out/manifest.json": `{"version":"36.0.0","artifacts":{
			"Orders.assets":{"type":"cdk:asset-manifest","properties":{"file":"Orders.assets.json"}},
			"Orders":{"type":"aws:cloudformation:stack","environment":"aws://111122223333/eu-west-1","properties":{"templateFile":"Orders.template.json","stackName":"orders-dev"},"dependencies":["Orders.assets"]},
			"assembly-Prod":{"type":"cdk:cloud-assembly","properties":{"directoryName":"assembly-Prod"}},
			"Tree":{"type":"cdk:tree","properties":{"file":"tree.json"}}}}`,
		"cdk.out/Orders.assets.json": `{"version":"36.0.0","files":{
			"aaa":{"source":{"path":"asset.aaa","packaging":"zip"},"destinations":{"d":{"bucketName":"b","objectKey":"aaa.zip"}}},
			"bbb":{"source":{"path":"asset.bbb.zip","packaging":"file"},"destinations":{"d":{"bucketName":"b","objectKey":"bbb.zip"}}},
			"ccc":{"source":{"path":"asset.ccc.json","packaging":"file"},"destinations":{"d":{"bucketName":"b","objectKey":"ccc.json"}}}}}`,
		"cdk.out/asset.aaa/lib/index.mjs": "export const handler = async (event, context) => ({ doubled: event.n * 2, left: context.getRemainingTimeInMillis() > 0 });\n",
		"cdk.out/asset.ccc.json":          `{"StartAt":"Double","States":{"Double":{"Type":"Task","Resource":"${Double}","Next":"Echo"},"Echo":{"Type":"Task","Resource":"${Echo}","End":true}}}`,
		"cdk.out/Orders.template.json": `{"Parameters":{"BootstrapVersion":{"Type":"AWS::SSM::Parameter::Value<String>","Default":"/cdk-bootstrap/hnb659fds/version"}},
			"Resources":{
			"Role1ABC":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":{}}},
			"Double1A2B3C4D":{"Type":"AWS::Lambda::Function","Metadata":{"aws:cdk:path":"Orders/Double/Resource","aws:asset:path":"asset.aaa","aws:asset:property":"Code"},
				"Properties":{"Code":{"S3Bucket":"b","S3Key":"aaa.zip"},"Handler":"lib/index.handler","Runtime":"nodejs20.x","Role":{"Fn::GetAtt":["Role1ABC","Arn"]}}},
			"Echo1A2B3C4D":{"Type":"AWS::Lambda::Function","Metadata":{"aws:cdk:path":"Orders/Echo/Resource"},
				"Properties":{"Code":{"S3Bucket":{"Fn::Sub":"cdk-assets-${AWS::Region}"},"S3Key":"bbb.zip"},"Handler":"bootstrap","Runtime":"provided.al2023","Role":{"Fn::GetAtt":["Role1ABC","Arn"]}}},
			"Machine1A2B3C4D":{"Type":"AWS::StepFunctions::StateMachine","Metadata":{"aws:cdk:path":"Orders/Machine/Resource"},
				"Properties":{"RoleArn":{"Fn::GetAtt":["Role1ABC","Arn"]},"DefinitionS3Location":{"Bucket":"b","Key":"ccc.json"},
				"DefinitionSubstitutions":{"Double":{"Fn::GetAtt":["Double1A2B3C4D","Arn"]},"Echo":{"Fn::GetAtt":["Echo1A2B3C4D","Arn"]}}}},
			"Version":{"Type":"AWS::StepFunctions::StateMachineVersion","Properties":{"StateMachineArn":{"Ref":"Machine1A2B3C4D"}}},
			"Alias":{"Type":"AWS::StepFunctions::StateMachineAlias","Properties":{"Name":"live","RoutingConfiguration":[{"StateMachineVersionArn":{"Ref":"Version"},"Weight":100}]}}},
			"Rules":{"CheckBootstrapVersion":{"Assertions":[]}}}`,
		"cdk.out/assembly-Prod/manifest.json": `{"version":"36.0.0","artifacts":{"ProdReport":{"type":"aws:cloudformation:stack","environment":"aws://111122223333/eu-west-1",
			"properties":{"templateFile":"ProdReport.template.json","stackName":"prod-report"}}}}`,
		"cdk.out/assembly-Prod/ProdReport.template.json": `{"Resources":{"Report":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"RoleArn":"arn:aws:iam::111122223333:role/r",
			"Definition":{"StartAt":"P","States":{"P":{"Type":"Pass","Result":{"Fn::Sub":"${AWS::StackName} in ${AWS::Region}"},"End":true}}}}}}}`,
	})
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.Command("go", "build", "-o", bootstrap, ".")
	build.Dir, build.Env = filepath.Join(cfg.Project, "build"), append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	content, err := os.ReadFile(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	zipFile(t, filepath.Join(cfg.Project, "cdk.out", "asset.bbb.zip"), map[string][]byte{"bootstrap": content})
	cfg.Template = filepath.Join(cfg.Project, "cdk.out")
	s, _ := open(t, cfg)
	if place := s.Place(); place.Account != "111122223333" || place.Region != "eu-west-1" {
		t.Errorf("the stack is in %+v", place)
	}
	const want = `{"greeting":"","event":{"doubled":42,"left":true}}`
	if got := run(t, s, "Machine", `{"n":21}`); got != want {
		t.Errorf("the machine answers %s", got)
	}
	for _, m := range s.Machines() {
		if m.Name == "Machine" {
			if got := runARN(t, s, m.ARN+":live", `{"n":21}`); got != want {
				t.Errorf("by its alias the machine answers %s", got)
			}
		}
	}
	if got := run(t, s, "Report", `{}`); got != `"prod-report in eu-west-1"` {
		t.Errorf("the stage's machine answers %s", got)
	}
}

// Stacks that import one another's exports are deployed in an order in which each finds what it needs, however they are listed.
func TestStacksWithExports(t *testing.T) {
	machine := func(result string) string {
		return fmt.Sprintf(`{"Type":"AWS::StepFunctions::StateMachine","Properties":{"RoleArn":"arn:aws:iam::000000000000:role/r","Definition":{"StartAt":"P","States":{"P":{"Type":"Pass","Result":%s,"End":true}}}}}`, result)
	}
	files := map[string]string{
		"stacks/a.template.json": `{"Resources":{"A":` + machine(`{"Fn::ImportValue":"middle"}`) + `}}`,
		"stacks/b.template.yaml": "Resources:\n  Q: {Type: AWS::SQS::Queue}\nOutputs:\n  Middle: {Value: !Join ['-', [!ImportValue base, two]], Export: {Name: middle}}\n",
		"stacks/c.template.yaml": "Parameters: {Base: {Type: String, Default: one}}\nResources:\n  P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: x}}\nOutputs:\n  Base: {Value: !Ref Base, Export: {Name: base}}\n",
	}
	cfg := project(t, files)
	cfg.Template = filepath.Join(cfg.Project, "stacks")
	cfg.Parameters = map[string]string{"Base": "zero"}
	s, _ := open(t, cfg)
	if got := run(t, s, "A", `{}`); got != `"zero-two"` {
		t.Errorf("A answers %s", got)
	}

	delete(files, "stacks/c.template.yaml")
	cfg = project(t, files)
	cfg.Template = filepath.Join(cfg.Project, "stacks")
	s, err := stack.Open(t.Context(), cfg)
	if err == nil {
		_ = s.Close(context.Background())
	}
	if err == nil || !strings.Contains(err.Error(), "stacks/b.template.yaml:4:32: Outputs.Middle Value.Fn::Join[1][0].Fn::ImportValue: No export named base found.") {
		t.Errorf("without the first stack: %v", err)
	}
}

// What is not run here is told with what needs it, and the rest runs.
func TestManyUnknownTypes(t *testing.T) {
	cfg := project(t, map[string]string{"template.yaml": `
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  SubnetA: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: !Select [0, !Cidr [!GetAtt Vpc.CidrBlock, 2, 8]]}}
  Table: {Type: AWS::DynamoDB::Table, Properties: {KeySchema: []}}
  Other: {Type: AWS::DynamoDB::Table, Properties: {KeySchema: []}}
  Custom: {Type: Custom::Thing, Properties: {ServiceToken: !GetAtt Java.Arn}}
  Domain: {Type: AWS::Route53::RecordSet, Properties: {Name: !GetAtt Custom.Answer}}
  Down: {Type: AWS::Events::Rule, Properties: {EventPattern: {source: [x]}, Targets: [{Id: a, Arn: !Ref Machine}]}}
  Java:
    Type: AWS::Lambda::Function
    Properties: {Runtime: java21, Handler: a.B, Role: 'arn:aws:iam::000000000000:role/r', Code: {S3Bucket: b, S3Key: k.zip}}
  Image:
    Type: AWS::Lambda::Function
    Properties: {PackageType: Image, Role: 'arn:aws:iam::000000000000:role/r', Code: {ImageUri: 'x.dkr.ecr/y'}}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: arn:aws:iam::000000000000:role/r
      DefinitionString: !Sub |
        {"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": "${Table}", "End": true}}}
  Tasks: {Type: AWS::StepFunctions::Activity, Properties: {Name: tasks}}
`})
	cfg.Template = filepath.Join(cfg.Project, "template.yaml")
	s, told := open(t, cfg)
	if got := run(t, s, "Machine", `{}`); !strings.Contains(got, "-Table-") {
		t.Errorf("the machine answers %s", got)
	}
	var details []string
	needed := map[string][]string{}
	for _, e := range told.list {
		switch e.Kind {
		case stack.NotRunHere:
			details = append(details, e.Detail)
			needed[e.Name] = e.NeededBy
		case stack.FunctionRefused:
			details = append(details, e.Name+": "+e.Err.Error())
		}
	}
	for _, want := range []string{
		"AWS::DynamoDB::Table × 2", "AWS::EC2::Subnet × 1", "Custom::Thing × 1", "AWS::Route53::RecordSet × 1",
		"Java Properties.Code: s3://b/k.zip is in a bucket", "Image: its code is a container image",
	} {
		if !slices.ContainsFunc(details, func(d string) bool { return strings.Contains(d, want) }) {
			t.Errorf("%q is not told: %q", want, details)
		}
	}
	if !slices.Equal(needed["AWS::DynamoDB::Table"], []string{"Machine"}) || len(needed["AWS::EC2::VPC"]) != 0 {
		t.Errorf("needed by %v", needed)
	}
	if activities, err := s.Runner().Activities(); err != nil || len(activities) != 1 || activities[0].Name != "tasks" {
		t.Errorf("activities %+v, %v", activities, err)
	}
	if len(s.Functions()) != 2 || s.Functions()[0].Err == nil {
		t.Errorf("functions %+v", s.Functions())
	}
}

// A changed template, definition or function is taken in while executions go on.
func TestReload(t *testing.T) {
	needs(t, "node")
	write := func(cfg stack.Config, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(cfg.Project, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	template := func(more string) string {
		return `
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Handler: index.handler, Runtime: nodejs20.x, Role: 'arn:aws:iam::000000000000:role/r'}
  M:
    Type: AWS::Serverless::StateMachine
    Properties:
      Role: arn:aws:iam::000000000000:role/r
      DefinitionUri: m.asl.json
      DefinitionSubstitutions: {F: !GetAtt F.Arn}
` + more
	}
	cfg := project(t, map[string]string{
		"template.yaml": template("      Events: {E: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day)}}}\n"),
		"m.asl.json":    `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"Next":"F"},"F":{"Type":"Task","Resource":"${F}","End":true}}}`,
		"src/index.js":  "exports.handler = async () => 'one';\n",
	})
	cfg.Template = filepath.Join(cfg.Project, "template.yaml")
	cfg.Schedules = false
	s, _ := open(t, cfg)
	old, err := s.Runner().StartExecution(t.Context(), runner.StartRequest{MachineARN: s.Machines()[0].ARN})
	if err != nil {
		t.Fatal(err)
	}
	write(cfg, "m.asl.json", `{"StartAt":"F","States":{"F":{"Type":"Task","Resource":"${F}","End":true}}}`)
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := run(t, s, "m", `{}`); got != `"one"` {
		t.Errorf("with the new definition the machine answers %s", got)
	}
	write(cfg, "src/index.js", "exports.handler = async () => 'number two';\n")
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := run(t, s, "m", `{}`); got != `"number two"` {
		t.Errorf("with the new function the machine answers %s", got)
	}
	if len(s.Schedules()) != 1 {
		t.Errorf("schedules %+v", s.Schedules())
	}
	write(cfg, "template.yaml", template("  Gone: {Type: !Ref Nothing}\n"))
	if err := s.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "template.yaml:13:") {
		t.Errorf("a template with a fault: %v", err)
	}
	write(cfg, "template.yaml", template("  N: {Type: AWS::Serverless::StateMachine, Properties: {Role: 'arn:aws:iam::000000000000:role/r', Definition: {StartAt: P, States: {P: {Type: Succeed}}}}}\n"))
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := run(t, s, "N", `{"new":true}`); got != `{"new":true}` || len(s.Schedules()) != 0 {
		t.Errorf("the new machine answers %s; schedules %+v", got, s.Schedules())
	}
	if d, err := s.Runner().Describe(old.ARN); err != nil || d.Status != sfn.StatusRunning {
		t.Errorf("the execution that was under way is %s, %v", d.Status, err)
	}
}
