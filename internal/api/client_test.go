package api_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"
	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
)

func TestListStateMachines(t *testing.T) {
	c := client(t, newBackend())
	var names []string
	pages := awssfn.NewListStateMachinesPaginator(c, &awssfn.ListStateMachinesInput{MaxResults: 1})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.StateMachines {
			names = append(names, *m.Name+" "+string(m.Type)+" "+m.CreationDate.UTC().Format(time.RFC3339Nano))
		}
	}
	want := []string{"quick EXPRESS 2026-03-01T12:00:00.123Z", "watch STANDARD 2026-03-01T12:00:00.123Z"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func TestDescribeStateMachine(t *testing.T) {
	c := client(t, newBackend())
	out, err := c.DescribeStateMachine(t.Context(), &awssfn.DescribeStateMachineInput{StateMachineArn: aws.String(machineARN)})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(out.Definition); got != `{ "StartAt": "<A>" }` {
		t.Errorf("definition %q is not byte for byte what was stored", got)
	}
	if out.Status != types.StateMachineStatusActive || out.LoggingConfiguration.Level != types.LogLevelOff || out.TracingConfiguration.Enabled {
		t.Errorf("got %v, %v, %v, want AWS's defaults", out.Status, out.LoggingConfiguration, out.TracingConfiguration)
	}
	if out.RevisionId == nil {
		t.Error("a machine that has been changed has no revisionId")
	}
	quick, err := c.DescribeStateMachine(t.Context(), &awssfn.DescribeStateMachineInput{
		StateMachineArn: aws.String(expressARN), IncludedData: types.IncludedDataMetadataOnly,
	})
	if err != nil {
		t.Fatal(err)
	}
	if quick.RevisionId != nil || aws.ToString(quick.Definition) != "{}" || quick.Type != types.StateMachineTypeExpress {
		t.Errorf("got revision %v, definition %v, type %v", quick.RevisionId, *quick.Definition, quick.Type)
	}
}

func TestStartExecution(t *testing.T) {
	b := newBackend()
	out, err := client(t, b).StartExecution(t.Context(), &awssfn.StartExecutionInput{
		StateMachineArn: aws.String(machineARN), Name: aws.String("one"), Input: aws.String(`{"x": 1.0}`), TraceHeader: aws.String("Root=1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if *out.ExecutionArn != executionARN || !out.StartDate.Equal(began) {
		t.Errorf("got %s started %s", *out.ExecutionArn, out.StartDate)
	}
	want := runner.StartRequest{MachineARN: machineARN, Name: "one", Input: `{"x": 1.0}`, TraceHeader: "Root=1"}
	if len(b.started) != 1 || b.started[0] != want {
		t.Errorf("the backend was asked %+v, want %+v", b.started, want)
	}
}

func TestStartSyncExecution(t *testing.T) {
	b := newBackend()
	b.outcome = runner.Outcome{Status: sfn.StatusSucceeded, Output: `{"ok":true}`, Started: began, Stopped: began.Add(101 * time.Millisecond)}
	c := client(t, b)
	out, err := c.StartSyncExecution(t.Context(), &awssfn.StartSyncExecutionInput{StateMachineArn: aws.String(expressARN)})
	if err != nil {
		t.Fatal(err)
	}
	if out.Status != types.SyncExecutionStatusSucceeded || *out.Output != `{"ok":true}` || *out.Input != "{}" || *out.Name != "n" || out.Error != nil {
		t.Errorf("got %+v", out)
	}
	if out.BillingDetails.BilledDurationInMilliseconds != 200 || out.BillingDetails.BilledMemoryUsedInMB != 64 {
		t.Errorf("billed %+v, want 200 ms and 64 MB", out.BillingDetails)
	}
	b.outcome = runner.Outcome{Status: sfn.StatusFailed, Failure: *sfn.Fail("Oops", "it broke"), Started: began, Stopped: began}
	out, err = c.StartSyncExecution(t.Context(), &awssfn.StartSyncExecutionInput{
		StateMachineArn: aws.String(expressARN), Input: aws.String("1"), IncludedData: types.IncludedDataMetadataOnly,
	})
	if err != nil {
		t.Fatal(err)
	}
	if out.Status != types.SyncExecutionStatusFailed || *out.Error != "Oops" || *out.Cause != "it broke" || out.Output != nil || out.Input != nil ||
		out.InputDetails.Included || out.BillingDetails.BilledDurationInMilliseconds != 100 {
		t.Errorf("got %+v", out)
	}
}

func TestStopExecution(t *testing.T) {
	b := newBackend()
	c := client(t, b)
	for _, test := range []struct {
		err, cause *string
		want       sfn.Failure
	}{
		{nil, nil, sfn.Failure{}},
		{aws.String("E"), nil, sfn.Failure{Error: sfn.Some("E")}},
		{aws.String(""), aws.String("why"), sfn.Failure{Error: sfn.Some(""), Cause: sfn.Some("why")}},
	} {
		b.stopped = nil
		out, err := c.StopExecution(t.Context(), &awssfn.StopExecutionInput{ExecutionArn: aws.String(executionARN), Error: test.err, Cause: test.cause})
		if err != nil {
			t.Fatal(err)
		}
		if !out.StopDate.Equal(began.Add(time.Minute)) || len(b.stopped) != 1 || b.stopped[0] != test.want {
			t.Errorf("stopped at %s with %+v, want %+v", out.StopDate, b.stopped, test.want)
		}
	}
}

func TestRedriveExecution(t *testing.T) {
	b := newBackend()
	out, err := client(t, b).RedriveExecution(t.Context(), &awssfn.RedriveExecutionInput{ExecutionArn: aws.String(executionARN), ClientToken: aws.String("mine")})
	if err != nil || !out.RedriveDate.Equal(began.Add(time.Minute)) || len(b.redriven) != 1 || b.redriven[0] != "mine" {
		t.Errorf("got %+v, %v, redriven with %q", out, err, b.redriven)
	}
	b.err = sfn.Refuse(sfn.ExecutionNotRedrivable, "Execution e invalid for redrive as: it runs")
	_, err = client(t, b).RedriveExecution(t.Context(), &awssfn.RedriveExecutionInput{ExecutionArn: aws.String(executionARN)})
	var refused *types.ExecutionNotRedrivable
	if !errors.As(err, &refused) || refused.ErrorMessage() != "Execution e invalid for redrive as: it runs" {
		t.Errorf("got %v, want ExecutionNotRedrivable", err)
	}
}

func TestDescribeExecution(t *testing.T) {
	failed := sfn.Failure{Error: sfn.Some("E"), Cause: sfn.Some("")}
	for _, test := range []struct {
		name    string
		change  func(*backend)
		status  types.ExecutionStatus
		output  string // "-" for none
		err     string // "-" for none
		redrive string
	}{
		{"succeeded", func(*backend) {}, "SUCCEEDED", `{"b": "<2>"}`, "-", "NOT_REDRIVABLE: Execution is SUCCEEDED and cannot be redriven"},
		{"running", func(b *backend) { b.executions[0].Status, b.executions[0].StopDate = sfn.StatusRunning, time.Time{} }, "RUNNING", "-", "-", "NOT_REDRIVABLE: Execution is RUNNING and cannot be redriven"},
		{"failed", func(b *backend) { b.executions[0].Status, b.failure = sfn.StatusFailed, failed }, "FAILED", "-", "E", "REDRIVABLE: "},
		{"aborted", func(b *backend) { b.executions[0].Status = sfn.StatusAborted }, "ABORTED", "-", "-", "REDRIVABLE: "},
		{"too long ago", func(b *backend) {
			b.executions[0].Status = sfn.StatusTimedOut
			b.executions[0].StopDate = began.Add(-15 * 24 * time.Hour)
		}, "TIMED_OUT", "-", "-", "NOT_REDRIVABLE: Execution redrivable period exceeded"},
		{"too many events", func(b *backend) { b.executions[0].Status, b.executions[0].LastEventID = sfn.StatusFailed, 25_000 }, "FAILED", "-", "-", "NOT_REDRIVABLE: Execution history event limit exceeded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBackend()
			test.change(b)
			out, err := client(t, b).DescribeExecution(t.Context(), &awssfn.DescribeExecutionInput{ExecutionArn: aws.String(executionARN)})
			if err != nil {
				t.Fatal(err)
			}
			if out.Status != test.status || text(out.Output) != test.output || text(out.Error) != test.err || *out.Input != `{"a":1}` || *out.Name != "one" {
				t.Errorf("got %s, output %s, error %s, input %s", out.Status, text(out.Output), text(out.Error), *out.Input)
			}
			if (out.StopDate == nil) != (test.status == "RUNNING") || (out.OutputDetails == nil) != (test.output == "-") {
				t.Errorf("got stop date %v, output details %v", out.StopDate, out.OutputDetails)
			}
			if got := string(out.RedriveStatus) + ": " + aws.ToString(out.RedriveStatusReason); got != test.redrive {
				t.Errorf("got redrive status %q, want %q", got, test.redrive)
			}
		})
	}
}

func text(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func TestListExecutions(t *testing.T) {
	b := newBackend()
	for i := range 4 {
		e := b.executions[0]
		e.Name, e.ARN, e.RedriveCount = fmt.Sprint("older", i), executionARN+fmt.Sprint(i), i%2
		b.executions = append(b.executions, e)
		e.Name, e.ARN, e.MapRunARN = fmt.Sprint("child", i), executionARN+"/child"+fmt.Sprint(i), mapRunARN
		b.executions = append(b.executions, e)
	}
	c := client(t, b)
	names := func(in awssfn.ListExecutionsInput) string {
		t.Helper()
		var names []string
		if in.MapRunArn == nil {
			in.StateMachineArn = aws.String(machineARN)
		}
		pages := awssfn.NewListExecutionsPaginator(c, &in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Executions {
				names = append(names, *e.Name)
			}
			names = append(names, "|")
		}
		return strings.Join(names, " ")
	}
	for _, test := range []struct {
		in   awssfn.ListExecutionsInput
		want string
	}{
		{awssfn.ListExecutionsInput{}, "one older0 older1 older2 older3 |"},
		{awssfn.ListExecutionsInput{MaxResults: 2}, "one older0 | older1 older2 | older3 |"},
		{awssfn.ListExecutionsInput{StatusFilter: types.ExecutionStatusFailed}, "|"},
		{awssfn.ListExecutionsInput{MapRunArn: aws.String(mapRunARN), RedriveFilter: types.ExecutionRedriveFilterRedriven}, "child1 child3 |"},
		{awssfn.ListExecutionsInput{MapRunArn: aws.String(mapRunARN), RedriveFilter: types.ExecutionRedriveFilterNotRedriven, MaxResults: 1}, "child0 | child2 |"},
	} {
		if got := names(test.in); got != test.want {
			t.Errorf("%+v: got %q, want %q", test.in, got, test.want)
		}
	}
}

func TestMapRunOfNobody(t *testing.T) {
	_, err := client(t, newBackend()).ListExecutions(t.Context(), &awssfn.ListExecutionsInput{
		MapRunArn: aws.String("arn:aws:states:us-east-1:000000000000:mapRun:watch/Each:1-2"),
	})
	var missing *types.ResourceNotFound
	if !errors.As(err, &missing) {
		t.Errorf("got %v, want ResourceNotFound", err)
	}
}

func TestGetExecutionHistory(t *testing.T) {
	for _, test := range []struct {
		events  int
		max     int32
		reverse bool
		want    string
	}{
		{4, 0, false, "1 2 3 4 |"},
		{4, 4, false, "1 2 3 4 |"},
		{4, 3, false, "1 2 3 | 4 |"},
		{4, 0, true, "4 3 2 1 |"},
		{4, 3, true, "4 3 2 | 1 |"},
		{4, 1, true, "4 | 3 | 2 | 1 |"},
		{130, 100, true, "100 events from 130 to 31 | 30 events from 30 to 1 |"},
		{130, 60, false, "60 events from 1 to 60 | 60 events from 61 to 120 | 10 events from 121 to 130 |"},
	} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			b := newBackend()
			for len(b.events) < test.events {
				e := b.events[0]
				e.ID = int64(len(b.events) + 1)
				b.events = append(b.events, e)
			}
			b.executions[0].LastEventID = int64(test.events)
			pages := awssfn.NewGetExecutionHistoryPaginator(client(t, b), &awssfn.GetExecutionHistoryInput{
				ExecutionArn: aws.String(executionARN), MaxResults: test.max, ReverseOrder: test.reverse,
			})
			var got []string
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, summary(page.Events), "|")
			}
			if joined := strings.Join(got, " "); joined != test.want {
				t.Errorf("got %q, want %q", joined, test.want)
			}
		})
	}
}

// summary lists the ids of a few events, and the ends of many.
func summary(events []types.HistoryEvent) string {
	if n := len(events); n > 9 {
		return fmt.Sprintf("%d events from %d to %d", n, events[0].Id, events[n-1].Id)
	}
	var ids []string
	for _, e := range events {
		ids = append(ids, fmt.Sprint(e.Id))
	}
	return strings.Join(ids, " ")
}

func TestHistoryWithoutData(t *testing.T) {
	c := client(t, newBackend())
	for _, include := range []*bool{nil, aws.Bool(true), aws.Bool(false)} {
		out, err := c.GetExecutionHistory(t.Context(), &awssfn.GetExecutionHistoryInput{
			ExecutionArn: aws.String(executionARN), IncludeExecutionData: include,
		})
		if err != nil {
			t.Fatal(err)
		}
		want := `{"a":1}`
		if include != nil && !*include {
			want = "-"
		}
		if got := text(out.Events[0].StateEnteredEventDetails.Input); got != want {
			t.Errorf("include %v: input %s, want %s", include, got, want)
		}
	}
}

// A page of the largest events ends before its maxResults.
func TestHistoryPageIsBounded(t *testing.T) {
	b := newBackend()
	big := data(`"` + strings.Repeat("x", 200_000) + `"`)
	b.events = nil
	for id := range int64(100) {
		b.events = append(b.events, eventWith(id+1, big))
	}
	b.executions[0].LastEventID = 100
	c := client(t, b)
	for _, reverse := range []bool{false, true} {
		seen, pages := 0, 0
		p := awssfn.NewGetExecutionHistoryPaginator(c, &awssfn.GetExecutionHistoryInput{ExecutionArn: aws.String(executionARN), MaxResults: 1000, ReverseOrder: reverse})
		for p.HasMorePages() {
			page, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			seen += len(page.Events)
			pages++
		}
		if seen != 100 || pages < 3 || pages > 5 {
			t.Errorf("reverse %t: %d events in %d pages, want 100 in about 4", reverse, seen, pages)
		}
	}
}

func TestTaskTokens(t *testing.T) {
	b := newBackend()
	c := client(t, b)
	_, err1 := c.SendTaskSuccess(t.Context(), &awssfn.SendTaskSuccessInput{TaskToken: aws.String("T"), Output: aws.String("{}")})
	_, err2 := c.SendTaskFailure(t.Context(), &awssfn.SendTaskFailureInput{TaskToken: aws.String("T"), Error: aws.String("E"), Cause: aws.String("C")})
	_, err3 := c.SendTaskHeartbeat(t.Context(), &awssfn.SendTaskHeartbeatInput{TaskToken: aws.String("T")})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(b.answered, "; "); got != "success T {}; failure T E C; heartbeat T" {
		t.Errorf("the backend heard %q", got)
	}
}

// Every exception reaches the client as the error of that name.
func TestExceptionsReachTheClient(t *testing.T) {
	b := newBackend()
	c := client(t, b)
	for _, name := range api.ExceptionNames() {
		b.err = fmt.Errorf("wrapped: %w", sfn.Refuse(name, "about %s", name))
		_, err := c.StopExecution(t.Context(), &awssfn.StopExecutionInput{ExecutionArn: aws.String(executionARN)})
		var answered smithy.APIError
		if !errors.As(err, &answered) || answered.ErrorCode() != string(name) || answered.ErrorMessage() != "about "+string(name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	b.err = &runner.InvalidDefinitionError{Diagnostics: []sfn.Diagnostic{{Severity: sfn.SeverityError, Code: sfn.CodeInvalidJSON, Message: "bad"}}}
	_, err := c.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: aws.String(machineARN)})
	var invalid smithy.APIError
	if !errors.As(err, &invalid) || invalid.ErrorCode() != "InvalidDefinition" || invalid.ErrorMessage() != "Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: bad at null'" {
		t.Errorf("got %v", err)
	}
}

// Every operation is one that AWS has, and answers a request without arguments with a result or a refusal, not with trouble.
func TestOperations(t *testing.T) {
	url := serve(t, newBackend())
	methods := reflect.TypeFor[*awssfn.Client]()
	for _, name := range api.OperationNames() {
		if _, ok := methods.MethodByName(name); !ok {
			t.Errorf("AWS has no operation %s", name)
		}
		answer := post(t, url, "AWSStepFunctions."+name, "{}")
		refused := answer.status == 400 && strings.HasSuffix(answer.Type, "#ValidationException")
		if answer.status != 200 && !refused {
			t.Errorf("%s without arguments: got %d %s %q", name, answer.status, answer.Type, answer.Message)
		}
	}
}

var _ api.States = (*backend)(nil)
