package asl_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// parse is Parse of a definition that must be right.
func parse(t testing.TB, text string) *asl.Machine {
	t.Helper()
	m, diagnostics := asl.Parse(text, asl.Options{})
	if m == nil {
		t.Fatalf("%s: %v", text, diagnostics)
	}
	return m
}

func TestMachine(t *testing.T) {
	text := `{"Comment":"c","TimeoutSeconds":60,"StartAt":"B","States":{"B":{"Type":"Pass","Comment":"d","Next":"A"},"A":{"Type":"Succeed"}}}`
	m := parse(t, text)
	if m.Comment != "c" || m.TimeoutSeconds != 60 || m.Version != "1.0" || m.QueryLanguage != asl.JSONPath || m.Type != sfn.Standard || m.Text != text {
		t.Errorf("machine: %+v", m)
	}
	if m.StartAt != "B" || !slices.Equal(m.Names, []string{"B", "A"}) || len(m.States) != 2 || m.Place != (asl.Place{Location: "/"}) {
		t.Errorf("flow: %+v", m.Flow)
	}
	b := m.States["B"].Common()
	place := asl.Place{Pointer: "/States/B", Location: "/States/B", Offset: strings.Index(text, `{"Type":"Pass"`)}
	if b.Name != "B" || b.Type != asl.TypePass || b.Comment != "d" || b.Next != "A" || b.End || b.QueryLanguage != asl.JSONPath || b.Place != place {
		t.Errorf("state: %+v", b)
	}
	if !b.InputPath.IsDefault() || b.Assign != nil || b.Output != nil {
		t.Errorf("absent fields: %+v", b)
	}
	if m := parse(t, `{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","End":true,"Output":{"a":1}}}}`); m.QueryLanguage != asl.JSONata ||
		m.States["A"].Common().QueryLanguage != asl.JSONata || m.States["A"].Common().Output == nil || !m.States["A"].Common().End {
		t.Errorf("JSONata: %+v", m.States["A"])
	}
}

// evaluated is the JSON text that a template makes of an input.
func evaluated(t *testing.T, template *payload.Template, input string) string {
	t.Helper()
	if template == nil {
		return "none"
	}
	data, err := value.ParseData(input)
	if err != nil {
		t.Fatal(err)
	}
	v, err := template.Eval(&payload.Env{Input: data.Value(), InputText: data.Text})
	if err != nil {
		t.Fatal(err)
	}
	return value.Text(v)
}

func TestPassAndPaths(t *testing.T) {
	s := parse(t, pass(`"InputPath":"$.in","OutputPath":null,"ResultPath":"$.r","Result":{"a":[1, 2]},"Parameters":{"b.$":"$.b"},"Assign":{"v.$":"$.x"}`)).States["S"].(*asl.Pass)
	if s.InputPath.Path.String() != "$.in" || !s.OutputPath.Discard || s.OutputPath.IsDefault() || s.ResultPath.Path.String() != "$.r" {
		t.Errorf("paths: %+v", s)
	}
	if got := s.Result.Text(); got != `{"a":[1,2]}` {
		t.Errorf("Result = %s", got)
	}
	if got := evaluated(t, s.Parameters, `{"b":3}`); got != `{"b":3}` {
		t.Errorf("Parameters give %s", got)
	}
	if got := evaluated(t, s.Assign, `{"x":4}`); got != `{"v":4}` {
		t.Errorf("Assign gives %s", got)
	}
	if s := parse(t, pass(`"ResultPath":"$"`)).States["S"].(*asl.Pass); s.Result != nil || !s.ResultPath.IsDefault() || s.Parameters != nil {
		t.Errorf("plain Pass: %+v", s)
	}
}

func TestTask(t *testing.T) {
	s := parse(t, two(`{"Type":"Task","Next":"E","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","Parameters":{"QueueUrl":"q","MessageBody.$":"$$.Task.Token"},
		"ResultSelector":{"id.$":"$.id"},"TimeoutSeconds":30,"HeartbeatSecondsPath":"$.beat","Credentials":{"RoleArn.$":"States.Format('{}', $.role)"},
		"Retry":[{"ErrorEquals":["a","b"]},{"ErrorEquals":["States.ALL"],"IntervalSeconds":5,"MaxAttempts":0,"BackoffRate":1.5,"MaxDelaySeconds":9,"JitterStrategy":"FULL"}],
		"Catch":[{"ErrorEquals":["c"],"Next":"E","ResultPath":"$.error","Assign":{"v":1}},{"ErrorEquals":["d"],"Next":"E","ResultPath":null}]}`)).States["S"].(*asl.Task)
	if r := s.Resource; r.Service != "sqs" || r.API != "sendMessage" || !r.WaitsForToken() {
		t.Errorf("Resource = %+v", r)
	}
	if s.Parameters == nil || evaluated(t, s.ResultSelector, `{"id":1}`) != `{"id":1}` {
		t.Errorf("templates: %+v", s)
	}
	if !s.Timeout.Set || s.Timeout.Literal != value.Int(30) || s.Timeout.Path != nil || !s.Heartbeat.Set || s.Heartbeat.Literal != nil || s.Heartbeat.Path.String() != "$.beat" {
		t.Errorf("times: %+v, %+v", s.Timeout, s.Heartbeat)
	}
	if !s.RoleARN.Set || s.RoleARN.Path.String() != "States.Format('{}', $.role)" {
		t.Errorf("role: %+v", s.RoleARN)
	}
	for i, want := range []asl.Retrier{
		{ErrorEquals: []sfn.ErrorName{"a", "b"}, IntervalSeconds: 1, MaxAttempts: 3, BackoffRate: 2},
		{ErrorEquals: []sfn.ErrorName{"States.ALL"}, IntervalSeconds: 5, BackoffRate: 1.5, MaxDelaySeconds: 9, FullJitter: true},
	} {
		got := s.Retry[i]
		if location := fmt.Sprintf("/States/S/Retry[%d]", i); got.Place.Location != location {
			t.Errorf("retrier %d is at %s", i, got.Place.Location)
		}
		got.Place = asl.Place{}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("retrier %d: %+v, want %+v", i, got, want)
		}
	}
	if c := s.Catch[0]; c.Next != "E" || !slices.Equal(c.ErrorEquals, []sfn.ErrorName{"c"}) || c.ResultPath.Path.String() != "$.error" || c.Assign == nil || c.Place.Pointer != "/States/S/Catch/0" {
		t.Errorf("catcher: %+v", c)
	}
	if !s.Catch[1].ResultPath.Discard {
		t.Errorf("catcher: %+v", s.Catch[1])
	}
	if s := parse(t, task(`"Credentials":{"RoleArn":"r"}`)).States["S"].(*asl.Task); s.RoleARN.Literal != "r" || s.Timeout.Set || s.Retry != nil || s.Parameters != nil {
		t.Errorf("plain Task: %+v", s)
	}
}

func TestWaitAndFail(t *testing.T) {
	for _, tt := range []struct{ fields, want string }{
		{`"Seconds":7`, "7 - - -"},
		{`"SecondsPath":"$.s"`, "- $.s - -"},
		{`"Timestamp":"2026-01-01T00:00:00Z"`, "- - 2026-01-01T00:00:00Z -"},
		{`"TimestampPath":"$$.Execution.StartTime"`, "- - - $$.Execution.StartTime"},
	} {
		s := parse(t, one(`{"Type":"Wait","End":true,`+tt.fields+`}`)).States["S"].(*asl.Wait)
		parts := []string{"-", "-", "-", "-"}
		if s.Seconds.Literal != nil {
			parts[0] = value.Text(s.Seconds.Literal)
		}
		if s.Seconds.Path != nil {
			parts[1] = s.Seconds.Path.String()
		}
		if s.Timestamp.Literal != "" {
			parts[2] = s.Timestamp.Literal
		}
		if s.Timestamp.Path != nil {
			parts[3] = s.Timestamp.Path.String()
		}
		if got := strings.Join(parts, " "); got != tt.want || s.Seconds.Set == s.Timestamp.Set {
			t.Errorf("%s: %s, want %s", tt.fields, got, tt.want)
		}
	}
	s := parse(t, one(`{"Type":"Fail","Error":"","CausePath":"States.UUID()"}`)).States["S"].(*asl.Fail)
	if !s.Error.Set || s.Error.Literal != "" || !s.Cause.Set || s.Cause.Path.Call() == nil {
		t.Errorf("Fail: %+v", s)
	}
}

func TestChoice(t *testing.T) {
	s := parse(t, choice(`{"Next":"E","Comment":"c","Assign":{"v":1},"And":[{"Variable":"$.a","IsPresent":true},{"Or":[{"Not":{"Variable":"$v","NumericEquals":1}},`+
		`{"StringEqualsPath":"$.b","Variable":"$.a"}]}]}`)).States["S"].(*asl.Choice)
	rule := s.Rules[0]
	if s.Default != "E" || rule.Next != "E" || rule.Assign == nil || rule.Place.Location != "/States/S/Choices[0]" {
		t.Errorf("rule: %+v", rule)
	}
	and := rule.Condition.(asl.And)
	or := and[1].(asl.Or)
	not := or[0].(asl.Not).Condition.(*asl.Comparison)
	if first := and[0].(*asl.Comparison); first.Operator != "IsPresent" || first.Operand != value.Bool(true) || first.Place.Pointer != "/States/S/Choices/0/And/0" {
		t.Errorf("first: %+v", first)
	}
	if not.Variable.Variable() != "v" || not.Operator != "NumericEquals" || not.Operand != value.Int(1) {
		t.Errorf("Not: %+v", not)
	}
	if last := or[1].(*asl.Comparison); last.Operator != "StringEquals" || last.OperandPath.String() != "$.b" || last.Operand != nil {
		t.Errorf("last: %+v", last)
	}
	literal := parse(t, jsonata(choice(`{"Next":"E","Condition":false,"Output":[1]}`))).States["S"].(*asl.Choice).Rules[0]
	if got := evaluated(t, literal.Condition.(*asl.Expression).Template, `{}`); got != "false" || evaluated(t, literal.Output, `{}`) != "[1]" {
		t.Errorf("Condition = %s", got)
	}
}

func TestParallel(t *testing.T) {
	s := parse(t, one(`{"Type":"Parallel","End":true,"Parameters":{"a":1},"Branches":[{"StartAt":"A","States":{"A":{"Type":"Succeed"}}},{"StartAt":"B","States":{"B":{"Type":"Fail"}}}]}`)).States["S"].(*asl.Parallel)
	if len(s.Branches) != 2 || s.Branches[1].StartAt != "B" || s.Branches[1].States["B"].Common().Type != asl.TypeFail || s.Branches[1].Place.Pointer != "/States/S/Branches/1" ||
		s.Branches[1].States["B"].Common().Place.Location != "/States/S/Branches[1]/States/B" || s.Parameters == nil {
		t.Errorf("Parallel: %+v", s)
	}
}

func TestMap(t *testing.T) {
	s := parse(t, mapOf(`"ItemsPath":"$.items","ItemSelector":{"v.$":"$$.Map.Item.Value"},"MaxConcurrencyPath":"$.n"`)).States["S"].(*asl.Map)
	if s.Distributed || s.Processor.StartAt != "I" || s.ItemsPath.Path.String() != "$.items" || s.ItemSelector == nil || s.MaxConcurrency.Path.String() != "$.n" || s.ItemReader != nil {
		t.Errorf("Map: %+v", s)
	}
	old := parse(t, one(`{"Type":"Map","End":true,"Parameters":{"a":1},"Iterator":{"StartAt":"I","States":{"I":{"Type":"Succeed"}}}}`)).States["S"].(*asl.Map)
	if old.ItemSelector == nil || old.Processor == nil || old.Processor.Place.Location != "/States/S/Iterator" {
		t.Errorf("deprecated names: %+v", old)
	}
	s = parse(t, distributed(`"Label":"l","ToleratedFailureCount":1,"ToleratedFailurePercentagePath":"$.p",
		"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b"},"ReaderConfig":{"InputType":"CSV","CSVDelimiter":"TAB","CSVHeaderLocation":"GIVEN",
			"CSVHeaders":["h"],"MaxItems":5,"ItemsPointer":"/a","Transformation":"NONE","ManifestType":"ATHENA_DATA"}},
		"ItemBatcher":{"MaxItemsPerBatch":10,"MaxInputBytesPerBatchPath":"$.b","BatchInput":{"x.$":"$.x"}},
		"ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b"},"WriterConfig":{"Transformation":"FLATTEN","OutputType":"JSONL"}}`)).States["S"].(*asl.Map)
	if !s.Distributed || s.ExecutionType != sfn.Standard || s.Label != "l" || s.ToleratedFailureCount.Literal != value.Int(1) || s.ToleratedFailurePercentage.Path.String() != "$.p" {
		t.Errorf("distributed: %+v", s)
	}
	if r := s.ItemReader; r.Resource.API != "getObject" || r.Parameters == nil || r.InputType != "CSV" || r.CSVDelimiter != "TAB" || !r.HeaderGiven || !slices.Equal(r.CSVHeaders, []string{"h"}) ||
		r.MaxItems.Literal != value.Int(5) || r.ItemsPointer != "/a" || r.Transformation != "NONE" || r.ManifestType != "ATHENA_DATA" {
		t.Errorf("reader: %+v", r)
	}
	if b := s.ItemBatcher; b.MaxItemsPerBatch.Literal != value.Int(10) || b.MaxInputBytesPerBatch.Path.String() != "$.b" || b.BatchInput == nil {
		t.Errorf("batcher: %+v", b)
	}
	if w := s.ResultWriter; w.Resource.API != "putObject" || w.Parameters == nil || w.Transformation != "FLATTEN" || w.OutputType != "JSONL" || w.Place.Pointer != "/States/S/ResultWriter" {
		t.Errorf("writer: %+v", w)
	}
	if s := parse(t, jsonata(mapOf(`"Items":[1,2]`))).States["S"].(*asl.Map); evaluated(t, s.Items, `{}`) != "[1,2]" {
		t.Errorf("Items: %+v", s)
	}
}

func TestVariableReferences(t *testing.T) {
	for _, tt := range []struct {
		name, definition string
		want             map[string][]string
	}{
		{"none", pass(`"Assign":{"v":1}`), nil},
		{"everywhere, sorted", two(`{"Type":"Task","Next":"E","Resource":"arn:aws:lambda:::function:f","InputPath":"$z","Parameters":{"a.$":"States.Format('{}{}', $b.x, $a)","c":{"d.$":"$z[0]"}},` +
			`"TimeoutSecondsPath":"$t","Assign":{"n.$":"$m"}}`), map[string][]string{"S": {"a", "b", "m", "t", "z"}}},
		{"rules", choice(`{"Next":"E","Variable":"$v","StringEqualsPath":"$w.x"}`), map[string][]string{"S": {"v", "w"}}},
		{"inner states", one(`{"Type":"Map","End":true,"ItemsPath":"$xs","ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","OutputPath":"$y","End":true}}}}`),
			map[string][]string{"S": {"xs"}, "I": {"y"}}},
		{"errors", one(`{"Type":"Fail","ErrorPath":"$e","CausePath":"States.JsonToString($c)"}`), map[string][]string{"S": {"c", "e"}}},
	} {
		got := parse(t, tt.definition).VariableReferences()
		if len(got) != len(tt.want) || len(got) > 0 && !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestReferencesAreCopies(t *testing.T) {
	m := parse(t, pass(`"InputPath":"$v"`))
	m.VariableReferences()["S"][0] = "changed"
	delete(m.VariableReferences(), "S")
	if got := m.VariableReferences()["S"]; !slices.Equal(got, []string{"v"}) {
		t.Errorf("the machine changed: %v", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[1]`, `{"StartAt":"S","States":{"S":null}}`, `{"a":1,"a":{"a":[]}}`, "{\"\\u0000~/\":1}",
		pass(`"Parameters":{"a.$":"States.Format('{}', $.x)","b":"$.c"},"Assign":{"v":1},"Result":["$.b"]`),
		task(`"Retry":[{"ErrorEquals":["States.ALL"],"BackoffRate":1.5}],"Catch":[{"ErrorEquals":["a"],"Next":"S","ResultPath":"$.e"}],"TimeoutSeconds":1`),
		service("sqs:sendMessage.waitForTaskToken", `,"Parameters":{"QueueUrl":"${Q}","MessageBody.$":"$"},"Credentials":{"RoleArn.$":"$.r"}`),
		choice(`{"Next":"E","And":[{"Not":{"Variable":"$.a","StringEqualsPath":"$$.b"}},{"Variable":"$v","TimestampEquals":"2026-01-01T00:00:00Z"}]}`),
		distributed(`"Label":"l","ItemBatcher":{"MaxItemsPerBatch":1},"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"CSV"}}`),
		jsonata(choice(`{"Next":"E","Condition":"{% $states.input.a %}","Output":{"x":"{% 1"}}`)),
		one(`{"Type":"Fail","ErrorPath":"$e","Cause":"$.c"}`), one(`{"Type":"Wait","Seconds":1e2,"Timestamp":"2026","End":false}`),
		one(`{"Type":"Parallel","End":true,"Branches":[{"StartAt":"S","States":{"S":{"Type":"Succeed"}}},{}]}`),
	} {
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, text string, express bool) {
		opts := asl.Options{Type: sfn.Standard}
		if express {
			opts.Type = sfn.Express
		}
		m, diagnostics := asl.Parse(text, opts)
		if refused := len(errorsOf(diagnostics)) > 0; refused == (m != nil) {
			t.Fatalf("%q: a machine: %v, diagnostics: %v", text, m != nil, diagnostics)
		}
		if !strings.Contains(fmt.Sprint(diagnostics), "Duplicate field") { // a pointer into such a text leads to either of two members
			checkPlaces(t, text, diagnostics)
		}
		if m != nil {
			checkFlow(t, &m.Flow)
		}
	})
}

// checkFlow tells whether all that an engine relies on is there.
func checkFlow(t *testing.T, f *asl.Flow) {
	t.Helper()
	if f.States[f.StartAt] == nil || len(f.Names) != len(f.States) {
		t.Errorf("flow %s: starts at %q of %q", f.Place.Location, f.StartAt, f.Names)
	}
	for name, state := range f.States {
		s := state.Common()
		if s.Name != name || s.Next != "" && f.States[s.Next] == nil {
			t.Errorf("state %q: %+v", name, s)
		}
		switch s := state.(type) {
		case *asl.Task:
			if s.Resource.ARN == "" {
				t.Errorf("state %q has no resource", name)
			}
		case *asl.Choice:
			for _, rule := range s.Rules {
				if rule.Condition == nil || f.States[rule.Next] == nil {
					t.Errorf("state %q: %+v", name, rule)
				}
			}
		case *asl.Parallel:
			for _, branch := range s.Branches {
				checkFlow(t, branch)
			}
		case *asl.Map:
			checkFlow(t, s.Processor)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	var states []string
	for i := range 100 {
		next := fmt.Sprintf(`"Next":"S%d"`, i+1)
		if i == 99 {
			next = `"End":true`
		}
		states = append(states, fmt.Sprintf(`"S%d":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f","Payload":{"id.$":"$.order.id","text.$":"States.Format('{} of {}', $.n, $$.Execution.Name)"}},`+
			`"ResultSelector":{"body.$":"$.Payload"},"ResultPath":"$.results[%d]","TimeoutSeconds":30,"Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":2}],%s}`, i, i, next))
	}
	text := `{"StartAt":"S0","States":{` + strings.Join(states, ",") + `}}`
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if m, diagnostics := asl.Parse(text, asl.Options{}); m == nil {
			b.Fatal(diagnostics)
		}
	}
}
