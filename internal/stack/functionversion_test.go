package stack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/await"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/stack"
	"github.com/tutti-run/tutti/internal/trigger"
)

// versionTemplate has a function with the greeting, a version of it, an alias with the routing, and another function that holds the version's ARN.
func versionTemplate(greeting, routing string) string {
	return `{"Resources":{
	"F":{"Type":"AWS::Lambda::Function","Metadata":{"tutti:source":"f"},"Properties":{"FunctionName":"f","Code":{},"Role":"arn:aws:iam::000000000000:role/r",
		"Runtime":"provided.al2023","Handler":"bootstrap","Environment":{"Variables":{"GREETING":"` + greeting + `"}}}},
	"G":{"Type":"AWS::Lambda::Function","Metadata":{"tutti:source":"f"},"Properties":{"FunctionName":"g","Code":{},"Role":"arn:aws:iam::000000000000:role/r",
		"Runtime":"provided.al2023","Handler":"bootstrap","Environment":{"Variables":{"GREETING":{"Ref":"V"}}}}},
	"V":{"Type":"AWS::Lambda::Version","Properties":{"FunctionName":{"Ref":"F"},"Description":"as of now"}},
	"W":{"Type":"AWS::Lambda::Version","Properties":{"FunctionName":{"Ref":"G"}}},
	"Live":{"Type":"AWS::Lambda::Alias","Properties":{"FunctionName":{"Ref":"F"},"Name":"live","Description":"what runs",
		"FunctionVersion":{"Fn::GetAtt":["V","Version"]}` + routing + `}},
	"Config":{"Type":"AWS::Lambda::EventInvokeConfig","Properties":{"FunctionName":{"Ref":"F"},"Qualifier":"live","MaximumRetryAttempts":0,
		"DestinationConfig":{"OnSuccess":{"Destination":{"Fn::GetAtt":["G","Arn"]}}}}},
	"Rule":{"Type":"AWS::Events::Rule","Properties":{"EventPattern":{"source":["app"]},"Targets":[{"Id":"f","Arn":{"Ref":"Live"}}]}}}}`
}

func replaceTemplate(t *testing.T, cfg stack.Config, text string) {
	t.Helper()
	if err := os.WriteFile(cfg.Template, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// lambdaCall calls an operation and returns its response's JSON.
func lambdaCall(t *testing.T, s *stack.Stack, operation, request string) string {
	t.Helper()
	response, err := s.Lambda().Call(t.Context(), operation, []byte(request))
	if err != nil {
		t.Fatalf("%s %s: %v", operation, request, err)
	}
	text, err := json.Marshal(response)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// versionsOf lists the numbers of a function's versions and where its alias live leads to.
func versionsOf(t *testing.T, s *stack.Stack, function string) string {
	t.Helper()
	var list struct {
		Versions []struct{ Version, Description string }
	}
	if err := json.Unmarshal([]byte(lambdaCall(t, s, "ListVersionsByFunction", `{"FunctionName":"`+function+`"}`)), &list); err != nil {
		t.Fatal(err)
	}
	var aliases struct {
		Aliases []struct {
			Name, FunctionVersion, Description string
			RoutingConfig                      struct{ AdditionalVersionWeights map[string]float64 }
		}
	}
	if err := json.Unmarshal([]byte(lambdaCall(t, s, "ListAliases", `{"FunctionName":"`+function+`"}`)), &aliases); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, v := range list.Versions {
		fmt.Fprintf(&b, "%s(%s) ", v.Version, v.Description)
	}
	for _, a := range aliases.Aliases {
		fmt.Fprintf(&b, "%s=%s(%s)%v", a.Name, a.FunctionVersion, a.Description, a.RoutingConfig.AdditionalVersionWeights)
	}
	return strings.TrimSpace(b.String())
}

func greetingOf(t *testing.T, s *stack.Stack, function string) string {
	t.Helper()
	result, err := s.Lambda().Invoke(t.Context(), lambda.Invocation{Function: function, Payload: []byte("1")})
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Greeting string }
	if err := json.Unmarshal(result.Payload, &answer); err != nil {
		t.Fatalf("%s: %v", result.Payload, err)
	}
	return result.ExecutedVersion + " " + answer.Greeting
}

// Versions and aliases of a template are those that the API lists, and a new one is published only for what has changed.
func TestVersionsOfTemplate(t *testing.T) {
	cfg := project(t, map[string]string{
		"go.mod": oldModule, "f/main.go": echoFunction, "app.template.json": versionTemplate("one", ""),
	})
	var s *stack.Stack
	reopen := func() {
		t.Helper()
		if s != nil {
			if err := s.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		s, _ = open(t, cfg)
	}
	expect := func(moment, f, g, live string) {
		t.Helper()
		if got := versionsOf(t, s, "f"); got != f {
			t.Errorf("%s: f has %s, want %s", moment, got, f)
		}
		if got := versionsOf(t, s, "g"); got != g {
			t.Errorf("%s: g has %s, want %s", moment, got, g)
		}
		if got := greetingOf(t, s, "f:live"); got != live {
			t.Errorf("%s: live answers %s, want %s", moment, got, live)
		}
	}
	reload := func() {
		t.Helper()
		if err := s.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	reopen()
	const first = "$LATEST() 1(as of now) live=1(what runs)map[]"
	expect("at first", first, "$LATEST() 1()", "1 one")
	reload()
	expect("reloaded", first, "$LATEST() 1()", "1 one")
	reopen()
	expect("restarted", first, "$LATEST() 1()", "1 one")

	replaceTemplate(t, cfg, versionTemplate("two", `,"RoutingConfig":{"AdditionalVersionWeights":[{"FunctionVersion":"1","FunctionWeight":0}]}`))
	reload()
	const second = "$LATEST() 1(as of now) 2(as of now) live=2(what runs)map[1:0]"
	expect("with another configuration", second, "$LATEST() 1() 2()", "2 two")
	if got := greetingOf(t, s, "g"); got != "$LATEST arn:aws:lambda:us-east-1:000000000000:function:f:2" {
		t.Errorf("the other function has %s", got)
	}
	reopen()
	expect("restarted again", second, "$LATEST() 1() 2()", "2 two")

	code := strings.ReplaceAll(echoFunction, `os.Getenv("GREETING")`, `"edited " + os.Getenv("GREETING")`)
	if err := os.WriteFile(filepath.Join(cfg.Project, "f/main.go"), []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	replaceTemplate(t, cfg, versionTemplate("two", ""))
	reload()
	expect("with other code", "$LATEST() 1(as of now) 2(as of now) 3(as of now) live=3(what runs)map[]", "$LATEST() 1() 2() 3()", "3 edited two")
	if got := greetingOf(t, s, "f:1"); got != "1 one" {
		t.Errorf("the first version answers %s", got)
	}

	lambdaCall(t, s, "CreateAlias", `{"FunctionName":"f","Name":"mine","FunctionVersion":"1"}`)
	replaceTemplate(t, cfg, strings.Replace(versionTemplate("two", ""), `"Name":"live"`, `"Name":"other"`, 1))
	reopen()
	if got := lambdaCall(t, s, "ListAliases", `{"FunctionName":"f"}`); strings.Contains(got, "live") || !strings.Contains(got, "other") || !strings.Contains(got, "mine") {
		t.Errorf("after the template's alias has another name: %s", got)
	}

	replaceTemplate(t, cfg, noFunctions)
	reload()
	if got := lambdaCall(t, s, "ListFunctions", "{}"); strings.Contains(got, "FunctionName") {
		t.Errorf("after the template has no functions: %s", got)
	}
	if _, err := s.Lambda().Invoke(t.Context(), lambda.Invocation{Function: "f:live"}); err == nil {
		t.Error("a function that is gone answers")
	}
}

// A rule's event goes through the function's queue: its success comes to the destination that the template names.
func TestRuleInvokesWithEvent(t *testing.T) {
	s, _ := open(t, project(t, map[string]string{
		"go.mod": oldModule, "app.template.json": versionTemplate("one", ""),
		"f/main.go": strings.Replace(echoFunction, "answer :=", `fmt.Println("got", string(event))
		answer :=`, 1),
	}))
	if got := lambdaCall(t, s, "GetFunctionEventInvokeConfig", `{"FunctionName":"f","Qualifier":"live"}`); !strings.Contains(got, `"MaximumRetryAttempts":0`) ||
		!strings.Contains(got, ":function:g") {
		t.Errorf("configured as %s", got)
	}
	if _, err := s.Events().PutEvents([]trigger.EventEntry{{Source: "app", DetailType: "t", Detail: `{"n":7}`}}); err != nil {
		t.Fatal(err)
	}
	await.Nothing(t, func() string {
		page, err := s.Logs().Read(t.Context(), logs.Query{Group: "/aws/lambda/g", After: logs.Front, Limit: 100})
		if err == nil && len(page.Events) > 0 {
			for _, e := range page.Events {
				if strings.Contains(e.Message, `"condition":"Success"`) && strings.Contains(e.Message, `"n":7`) && strings.Contains(e.Message, ":function:f:live") {
					return ""
				}
			}
		}
		return fmt.Sprintf("the destination has seen %+v, %v", page.Events, err)
	})
}
