package stack_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/stack"
)

func TestMain(m *testing.M) {
	if data := os.Getenv(killedStack); data != "" {
		fmt.Fprintln(os.Stderr, makeFunctions(data))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// project writes a project's files into a fresh folder. Values name files, relative to it.
func project(t *testing.T, files map[string]string) stack.Config {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return stack.Config{Project: root, Template: filepath.Join(root, "app.template.json"), Data: filepath.Join(root, ".tutti"), Schedules: true}
}

// events collects what a stack tells.
type events struct {
	mu   sync.Mutex
	list []stack.Event
}

func (e *events) add(event stack.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
}

// one returns the only event of the kind.
func (e *events) one(t *testing.T, kind stack.EventKind) stack.Event {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []stack.Event
	for _, event := range e.list {
		if event.Kind == kind {
			found = append(found, event)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d events of kind %q, want 1: %+v", len(found), kind, e.list)
	}
	return found[0]
}

func open(t *testing.T, cfg stack.Config) (*stack.Stack, *events) {
	t.Helper()
	var told events
	cfg.Progress = told.add
	s, err := stack.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s, &told
}

const machineTemplate = `{"Resources":{
	"Role":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":{}}},
	"Table":{"Type":"AWS::DynamoDB::Table"},
	"Machine":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"RoleArn":{"Fn::GetAtt":["Role","Arn"]},
		"DefinitionString":"{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"Result\":\"${Greeting}\",\"End\":true}}}",
		"DefinitionSubstitutions":{"Greeting":{"Fn::Join":["-",["hello",{"Ref":"AWS::Region"}]]}}}},
	"Schedule":{"Type":"AWS::Scheduler::Schedule","Properties":{"ScheduleExpression":"rate(1 hour)","FlexibleTimeWindow":{"Mode":"OFF"},
		"Target":{"Arn":{"Ref":"Machine"},"Input":"{}","RoleArn":{"Fn::GetAtt":["Role","Arn"]}}}}}}`

func TestTemplateRuns(t *testing.T) {
	s, told := open(t, project(t, map[string]string{"app.template.json": machineTemplate}))
	m := s.Machines()[0]
	started, err := s.Runner().StartExecution(t.Context(), runner.StartRequest{MachineARN: m.ARN})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Runner().Await(t.Context(), started.ARN); err != nil {
		t.Fatal(err)
	}
	d, err := s.Runner().Describe(started.ARN)
	if err != nil || d.Status != sfn.StatusSucceeded || d.Output.Text() != `"hello-us-east-1"` {
		t.Errorf("%s %v, %v", d.Status, d.Output, err)
	}
	if e := told.one(t, stack.NotRunHere); e.Detail != "AWS::DynamoDB::Table × 1" {
		t.Errorf("what is not run: %+v", e)
	}
	if list := s.Schedules(); len(list) != 1 || list[0].Targets[0] != m.ARN {
		t.Errorf("schedules %+v, want one that starts %s", list, m.ARN)
	}
}

func TestRefusedDefinitionSaysWhere(t *testing.T) {
	s, told := open(t, project(t, map[string]string{
		"app.template.json": `{"Resources":{"Bad":{"Type":"AWS::StepFunctions::StateMachine","Metadata":{"tutti:source":"machines/bad.asl.json"},
			"Properties":{"RoleArn":"arn:aws:iam::000000000000:role/r","DefinitionString":"{}"}},
			"Good":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"RoleArn":"arn:aws:iam::000000000000:role/r",
			"DefinitionString":"{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Succeed\"}}}"}}}}`,
		"machines/bad.asl.json": "{\n  \"StartAt\": \"Nowhere\",\n  \"States\": {\n    \"P\": { \"Type\": \"Pass\", \"Next\": \"Gone\" }\n  }\n}",
	}))
	e := told.one(t, stack.MachineRefused)
	var invalid *runner.InvalidDefinitionError
	if e.Name != "bad" || !errors.As(e.Err, &invalid) {
		t.Fatalf("told %+v", e)
	}
	bad := s.Machines()[0]
	if bad.Err == nil || len(bad.Diagnostics) < 2 {
		t.Fatalf("%+v, want both the start and the target named", bad)
	}
	for _, d := range bad.Diagnostics {
		if d.Location != "" && !strings.HasPrefix(bad.Text[d.Offset:], `"`) && !strings.HasPrefix(bad.Text[d.Offset:], "{") {
			t.Errorf("%v: offset %d is inside of a value", d, d.Offset)
		}
	}
	if good := s.Machines()[1]; good.Err != nil {
		t.Errorf("the other machine: %v", good.Err)
	}
}

func TestFunctionThatDoesNotCompileLeavesTheRest(t *testing.T) {
	s, told := open(t, project(t, map[string]string{
		"app.template.json": `{"Resources":{"F":{"Type":"AWS::Lambda::Function","Metadata":{"tutti:source":"functions/f"},
			"Properties":{"Code":{},"Role":"arn:aws:iam::000000000000:role/r","Runtime":"provided.al2023","Handler":"bootstrap"}},
			"M":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"RoleArn":"arn:aws:iam::000000000000:role/r",
			"DefinitionString":"{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Succeed\"}}}"}}}}`,
		"go.mod":              "module example.com/p\n\ngo 1.26\n",
		"functions/f/main.go": "package main\n\nfunc main() { undefined() }\n",
	}))
	if e := told.one(t, stack.FunctionFailed); e.Err == nil || !strings.Contains(e.Err.Error(), "main.go:3") {
		t.Errorf("told %+v, want the compiler's output with file and line", e)
	}
	if f := s.Functions()[0]; f.Err == nil {
		t.Error("the function has no error")
	}
	if m := s.Machines()[0]; m.Err != nil {
		t.Errorf("the machine: %v", m.Err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name     string
		template string
		want     string
	}{
		{"no JSON", `{"Resources": nope}`, "app.template.json:1:15"},
		{"a reference to nothing", `{"Resources":{"M":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"RoleArn":{"Ref":"Gone"}}}}}`, "Gone"},
		{"a source outside", `{"Resources":{"F":{"Type":"AWS::Lambda::Function","Metadata":{"tutti:source":"../../etc"},"Properties":{}}}}`, "leaves the project"},
		{"a source that is not there", `{"Resources":{"F":{"Type":"AWS::Lambda::Function","Metadata":{"tutti:source":"functions/f"},"Properties":{}}}}`, "functions/f"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := stack.Open(t.Context(), project(t, map[string]string{"app.template.json": tt.template}))
			if err == nil {
				_ = s.Close(context.Background())
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want it to name %q", err, tt.want)
			}
		})
	}
}
