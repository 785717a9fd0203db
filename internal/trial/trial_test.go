package trial_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/trial"
)

func tester() *trial.Tester {
	catalog := task.NewCatalog(task.Config{})
	return &trial.Tester{Tasks: catalog, Shapes: catalog, Place: sfn.DefaultPlace(), Now: time.Now}
}

func result(text string) *trial.Mock { return &trial.Mock{Result: sfn.Some(text)} }

func failure(name string) *trial.Mock {
	return &trial.Mock{Failure: &sfn.Failure{Error: sfn.Some(name), Cause: sfn.Some("because")}}
}

func number(n int64) *int64 { return &n }

const (
	invoke   = `"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"Next":"N"`
	item     = `"ItemProcessor":{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`
	children = `"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`
	reader   = `"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"JSON"},"Parameters":{"Bucket":"b","Key":"k"}}`
	retry    = `"Retry":[{"ErrorEquals":["A"],"IntervalSeconds":2,"BackoffRate":2,"MaxAttempts":3,"MaxDelaySeconds":7},{"ErrorEquals":["States.ALL"],"MaxAttempts":1}]`
	catch    = `"Catch":[{"ErrorEquals":["A"],"Next":"CA"},{"ErrorEquals":["States.ALL"],"ResultPath":"$.e","Next":"CB"}]`
)

// TestRefusals has a request for every text with which a test is refused.
func TestRefusals(t *testing.T) {
	execution := `{"Type":"Task","End":true,"Resource":"arn:aws:states:::states:startExecution","Parameters":{"StateMachineArn":"a"}}`
	tests := []struct {
		req  trial.Request
		want string
	}{
		{trial.Request{Definition: `{"Type":"Nap"}`}, "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED"},
		{trial.Request{Definition: `{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}`, StateName: sfn.Some("B")}, "State not found in definition"},
		{trial.Request{Definition: `{` + invoke + `}`}, "RoleArn must be specified when testing a Task state"},
		{trial.Request{Definition: `{"Type":"Map","End":true,` + item + `}`}, "TestState API does not support Map or Parallel states."},
		{trial.Request{Definition: `{"Type":"Task","End":true,"Resource":"arn:aws:states:us-east-1:000000000000:activity:a"}`}, "TestState API does not support Activity"},
		{trial.Request{Definition: strings.Replace(execution, "startExecution", "startExecution.sync", 1)}, "TestState API does not support '.sync'"},
		{trial.Request{Definition: `{"Type":"Succeed"}`, Mock: result(`{}`)}, "State type 'Succeed' is not supported when a mock is specified"},
		{trial.Request{Definition: `{` + invoke + `}`, Mock: result(`{}`), Reveal: true}, "TestState does not support RevealSecrets when a mock is specified."},
		{trial.Request{Definition: `{` + invoke + `}`, Mock: &trial.Mock{}}, "One of the following fields is required for a test mock: [result, errorOutput]."},
		{trial.Request{Definition: `{` + invoke + `}`, Mock: &trial.Mock{Result: sfn.Some("1"), Failure: &sfn.Failure{}}}, "A test mock should have only one"},
		{trial.Request{Definition: `{` + invoke + `}`, Mock: &trial.Mock{Failure: &sfn.Failure{}}}, "An error was not specified in the mocked error output."},
		{trial.Request{Definition: `{` + invoke + `}`, Mock: result(`{`)}, "Mocked result must be valid JSON"},
		{trial.Request{Definition: `{` + invoke + `}`, Mock: result(`null`)}, "Mocked result must be a valid JSON object."},
		{trial.Request{Definition: `{` + invoke + `}`, Mock: result(`{"StatusCode":"200"}`)}, "Field 'StatusCode' must be a number"},
		{trial.Request{Definition: execution, Mock: result(`{}`)}, "Mock result schema validation error: Required field 'ExecutionArn' is missing"},
		{trial.Request{Definition: execution, Mock: result(`{"ExecutionArn":"","StartDate":"x"}`)}, "Field 'ExecutionArn' is smaller than the minimum length"},
		{trial.Request{Definition: execution, Mock: &trial.Mock{Result: sfn.Some(`{"StartDate":1}`), Validation: trial.Present}}, "Field 'StartDate' must be a string"},
		{trial.Request{Definition: `{` + invoke + `}`, Mock: result(`{}`), FailureCount: number(1)}, "MapIterationFailureCount is only supported when testing a Map state."},
		{trial.Request{Definition: `{` + invoke + `}`, FailureCount: number(1)}, "TestState does not support MapIterationFailureCount when a mock is not specified."},
		{trial.Request{Definition: `{"Type":"Map","End":true,` + item + `}`, Input: sfn.Some(`[1]`), Mock: result(`[1]`), FailureCount: number(2)},
			"Map iteration failure count must be less than or equal to the number of Map iterations"},
		{trial.Request{Definition: `{"Type":"Map","End":true,` + item + `}`, Input: sfn.Some(`[1]`), Mock: result(`[1,2]`)}, "Input array does not equal the mocked"},
		{trial.Request{Definition: `{"Type":"Map","End":true,` + item + `}`, Input: sfn.Some(`[1]`), Mock: result(`{}`)}, "Mocked result must be an array."},
		{trial.Request{Definition: `{"Type":"Map","End":true,` + reader + `,` + children + `}`, Mock: result(`[]`)}, "ItemReader data must be specified"},
		{trial.Request{Definition: `{"Type":"Parallel","End":true,"Branches":[{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}]}`, Mock: result(`[]`)},
			"Mocked result must contain the same number of items as number of Parallel branches."},
		{trial.Request{Definition: `{"Type":"Pass","End":true}`, Input: sfn.Some(`{`)}, "Invalid State Machine Execution Input"},
		{trial.Request{Definition: `{"Type":"Pass","End":true}`, Variables: sfn.Some(`1`)}, "Variables must be a JSON object"},
		{trial.Request{Definition: `{"Type":"Pass","End":true}`, Context: sfn.Some(`{}`)}, "Context is only supported when a mock is specified."},
		{trial.Request{Definition: `{` + invoke + `}`, Mock: result(`{}`), Context: sfn.Some(`{"x":1}`)}, "Invalid Context object provided: Field 'x' is not allowed"},
		{trial.Request{Definition: `{` + invoke + `}`, Mock: result(`{}`), Context: sfn.Some(`{"Map":{}}`)}, "'Map' field is not supported when mocking"},
		{trial.Request{Definition: `{` + invoke + `}`, Mock: result(`{}`), Context: sfn.Some(`{"Task":{}}`)}, "Context object contains 'Task' when state is not"},
		{trial.Request{Definition: `{` + invoke + `}`, Mock: result(`{}`), Context: sfn.Some(`{"State":{"RetryCount":"1"}}`)}, "State.RetryCount must be a number"},
		{trial.Request{Definition: `{"Type":"Map","End":true,` + item + `}`, Input: sfn.Some(`[]`), Mock: result(`[]`), FailedState: sfn.Some("Z")}, "State 'Z' specified"},
	}
	for _, tt := range tests {
		_, err := tester().Test(t.Context(), &tt.req)
		var refused *sfn.Exception
		if !errors.As(err, &refused) || !strings.Contains(refused.Message, tt.want) {
			t.Errorf("%s\n got  %v\n want %s", tt.req.Definition, err, tt.want)
		}
	}
}

// summary is what a report says, in short.
func summary(r *trial.Report) string {
	s := string(r.Status)
	if r.Output != nil {
		s += " " + r.Output.Text()
	}
	if r.Next != "" {
		s += " → " + r.Next
	}
	if r.Failure != nil && r.Status != trial.Succeeded {
		s += " " + r.Failure.Error.Text
	}
	if r.Retrier >= 0 {
		s += fmt.Sprintf(" retrier %d", r.Retrier)
	}
	if r.Retriable {
		s += " after " + r.Backoff.String()
	}
	if r.Catcher >= 0 {
		s += fmt.Sprintf(" catcher %d", r.Catcher)
	}
	return s
}

// TestPreviews has a failure for every way in which Retry and Catch may deal with one.
func TestPreviews(t *testing.T) {
	parallel := `"Type":"Parallel","Branches":[{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}],"Next":"N"`
	tests := []struct {
		fields, error string
		used          int64
		want          string
	}{
		{invoke, "A", 0, "FAILED A"},
		{invoke + "," + retry, "A", 0, "RETRIABLE A retrier 0 after 2s"},
		{invoke + "," + retry, "A", 1, "RETRIABLE A retrier 0 after 4s"},
		{invoke + "," + retry, "A", 2, "RETRIABLE A retrier 0 after 7s"},
		{invoke + "," + retry, "A", 3, "FAILED A retrier 0"},
		{invoke + "," + retry, "B", 0, "RETRIABLE B retrier 1 after 1s"},
		{invoke + "," + retry, "B", 1, "FAILED B retrier 1"},
		{invoke + "," + retry, "States.Runtime", 0, "FAILED States.Runtime"},
		{invoke + "," + catch, "A", 0, `CAUGHT_ERROR {"Error":"A","Cause":"because"} → CA A catcher 0`},
		{invoke + "," + catch, "B", 0, `CAUGHT_ERROR {"e":{"Error":"B","Cause":"because"}} → CB B catcher 1`},
		{invoke + "," + retry + "," + catch, "A", 2, "RETRIABLE A retrier 0 after 7s"},
		{invoke + "," + retry + "," + catch, "A", 3, `CAUGHT_ERROR {"Error":"A","Cause":"because"} → CA A retrier 0 catcher 0`},
		{parallel + "," + retry, "A", 0, "RETRIABLE A retrier 0 after 2s"},
		{parallel + "," + catch, "A", 0, `CAUGHT_ERROR {"Error":"A","Cause":"because"} → CA A catcher 0`},
		{parallel, "A", 0, "FAILED A"},
	}
	for _, tt := range tests {
		r, err := tester().Test(t.Context(), &trial.Request{Definition: `{` + tt.fields + `}`, Mock: failure(tt.error), RetryCount: tt.used})
		if err != nil {
			t.Errorf("%s: %v", tt.fields, err)
			continue
		}
		if got := summary(r); got != tt.want {
			t.Errorf("%s after %d:\n got  %s\n want %s", tt.error, tt.used, got, tt.want)
		}
	}
}

// TestSteps holds which steps each type of state shows.
func TestSteps(t *testing.T) {
	tests := []struct {
		definition, input string
		mock              *trial.Mock
		want              string
	}{
		{`{"Type":"Pass","End":true}`, `{}`, nil, "afterInputPath afterParameters afterResultPath afterResultSelector"},
		{`{"Type":"Pass","Result":1,"End":true}`, `{}`, nil, "afterResultPath afterResultSelector result"},
		{`{"Type":"Pass","QueryLanguage":"JSONata","Output":1,"End":true}`, `{}`, nil, ""},
		{`{"Type":"Succeed"}`, `{}`, nil, "afterInputPath"},
		{`{"Type":"Fail","Error":"E"}`, `{}`, nil, "afterInputPath"},
		{`{"Type":"Wait","Timestamp":"2020-01-01T00:00:00Z","End":true}`, `{}`, nil, "afterInputPath"},
		{`{"Type":"Choice","Choices":[{"Variable":"$.a","NumericEquals":1,"Next":"X"}]}`, `{"a":1}`, nil, "afterInputPath"},
		{`{` + invoke + `}`, `{}`, result(`{"StatusCode":200}`), "afterInputPath afterParameters afterResultPath afterResultSelector result"},
		{`{"Type":"Task","QueryLanguage":"JSONata","Resource":"arn:aws:states:::lambda:invoke","Arguments":{"FunctionName":"f"},"End":true}`, `{}`,
			result(`{}`), "afterArguments result"},
		{`{"Type":"Map","End":true,` + item + `}`, `[1]`, result(`[1]`), "afterInputPath afterItemsPath afterResultPath afterResultSelector"},
		{`{"Type":"Parallel","End":true,"Branches":[{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}]}`, `{}`, result(`[1]`),
			"afterResultPath afterResultSelector"},
	}
	for _, tt := range tests {
		r, err := tester().Test(t.Context(), &trial.Request{Definition: tt.definition, Input: sfn.Some(tt.input), Mock: tt.mock})
		if err != nil {
			t.Errorf("%s: %v", tt.definition, err)
			continue
		}
		var got []string
		for step := range maps.Keys(r.Steps) {
			got = append(got, string(step))
		}
		slices.Sort(got)
		if text := strings.Join(got, " "); text != tt.want {
			t.Errorf("%s\n got  %s\n want %s", tt.definition, text, tt.want)
		}
	}
}

// TestMapRun looks at all that a distributed Map shows.
func TestMapRun(t *testing.T) {
	definition := `{"Type":"Map","End":true,"MaxConcurrency":3,"ToleratedFailureCount":1,"ToleratedFailurePercentage":60,
		"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b","Key":"k"},
			"ReaderConfig":{"InputType":"JSON","ItemsPointer":"/list","MaxItems":3}},
		"ItemSelector":{"v.$":"$$.Map.Item.Value"},"ItemBatcher":{"MaxItemsPerBatch":2},` + children + `}`
	req := &trial.Request{Definition: definition, Mock: result(`[1,2]`), ReaderData: sfn.Some(`{"list":[1,2,3,4]}`)}
	r, err := tester().Test(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if summary(r) != "SUCCEEDED [1,2]" || *r.Concurrency != 3 || *r.Map.ToleratedCount != 1 || *r.Map.ToleratedPercentage != 60 {
		t.Errorf("%s with %d, %v", summary(r), *r.Concurrency, r.Map)
	}
	if len(r.Map.Pointed) != 3 || len(r.Map.Selected) != 3 || len(r.Map.Batches) != 2 || r.Map.Batches[1].Text() != `{"Items":[{"v":3}]}` {
		t.Errorf("pointed %v, selected %v, batches %v", r.Map.Pointed, r.Map.Selected, r.Map.Batches)
	}
	req.FailureCount = number(2)
	if r, err = tester().Test(t.Context(), req); err != nil || summary(r) != "FAILED States.ExceedToleratedFailureThreshold" {
		t.Errorf("with two failures: %v, %v", r, err)
	}
	req.ReaderData = sfn.Some(`{"list":1}`)
	if r, err = tester().Test(t.Context(), req); err != nil || summary(r) != "FAILED States.ItemReaderFailed" {
		t.Errorf("with other data: %v, %v", r, err)
	}
}

// FuzzTest looks for panics.
func FuzzTest(f *testing.F) {
	f.Add(`{"Type":"Pass","Parameters":{"a.$":"$.a"},"End":true}`, `{"a":1}`, ``, ``)
	f.Add(`{`+invoke+`,`+retry+`,`+catch+`}`, `{}`, `{"Execution":{"Id":"x"}}`, `{"StatusCode":1}`)
	f.Add(`{"Type":"Map","End":true,`+reader+`,`+children+`}`, `[1,2]`, `{}`, `[1,2]`)
	f.Add(`{"Type":"Map","QueryLanguage":"JSONata","Items":"{% $states.input %}","End":true,`+item+`}`, `[1]`, `{}`, `[{}]`)
	f.Add(`{"Type":"Choice","Choices":[{"Variable":"$.a","NumericEquals":1,"Next":"X"}],"Default":"Y"}`, `{"a":1}`, ``, ``)
	f.Add(`{"Type":"Fail","QueryLanguage":"JSONata","Error":"{% $v %}"}`, `{"a":1}`, ``, ``)
	tester := tester()
	f.Fuzz(func(t *testing.T, definition, input, object, mock string) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		req := &trial.Request{Definition: definition, Input: sfn.Some(input), ReaderData: sfn.Some(input), Variables: sfn.Some(`{"v":[1]}`)}
		if object != "" {
			req.Context = sfn.Some(object)
		}
		if mock != "" {
			req.Mock = result(mock)
		}
		r, err := tester.Test(ctx, req)
		if err != nil {
			return
		}
		if (r.Output != nil) != (r.Status == trial.Succeeded || r.Status == trial.Caught) {
			t.Errorf("%s with output %v", r.Status, r.Output)
		}
		if r.Output != nil && !json.Valid([]byte(r.Output.Text())) {
			t.Errorf("the output is no JSON: %s", r.Output.Text())
		}
	})
}
