package history_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

func TestLogLevels(t *testing.T) {
	fatal := "ExecutionAborted ExecutionFailed ExecutionTimedOut"
	errors := "ActivityFailed ActivityScheduleFailed ActivityTimedOut EvaluationFailed ExecutionAborted ExecutionFailed ExecutionTimedOut FailStateEntered " +
		"LambdaFunctionFailed LambdaFunctionScheduleFailed LambdaFunctionStartFailed LambdaFunctionTimedOut MapIterationAborted MapIterationFailed " +
		"MapRunAborted MapRunFailed MapStateAborted MapStateFailed ParallelStateAborted ParallelStateFailed TaskFailed TaskStartFailed TaskStateAborted " +
		"TaskSubmitFailed TaskTimedOut WaitStateAborted"
	for _, test := range []struct {
		level sfn.LogLevel
		want  string
	}{{sfn.LogOff, ""}, {"", ""}, {sfn.LogFatal, fatal}, {sfn.LogError, errors}} {
		var logged []string
		for _, kind := range history.Types() {
			if kind.LoggedAt(test.level) {
				logged = append(logged, string(kind))
			}
			if !kind.LoggedAt(sfn.LogAll) {
				t.Errorf("%s is not logged at ALL", kind)
			}
		}
		if got := strings.Join(logged, " "); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.level, got, test.want)
		}
	}
}

func logEvent(kind history.Type, details history.Details) *history.Event {
	return &history.Event{ID: 2, PreviousID: 1, Time: time.UnixMilli(1700000000123), Type: kind, Details: details}
}

func TestAppendLog(t *testing.T) {
	const tail = `},"previous_event_id":"1","event_timestamp":"1700000000123","execution_arn":"arn:x","redrive_count":"0"}`
	data := func(text string) *value.Data {
		d, err := value.ParseData(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	entered := &history.StateEnteredDetails{Name: "S", Input: data(`{"a": 1}`)}
	exited := &history.StateExitedDetails{Name: "S", Output: data(`2`), Assigned: []history.Variable{{Name: "v", Value: data(`[1]`)}}}
	scheduled := &history.TaskScheduledDetails{ResourceType: "lambda", Resource: "invoke", Region: "us-east-1", Parameters: data(`{}`), Timeout: 60, RoleARN: "r"}
	for _, test := range []struct {
		name string
		e    *history.Event
		with bool
		want string
	}{
		{"entered", logEvent(history.PassStateEntered, entered), true, `{"id":"2","type":"PassStateEntered","details":{"input":"{\"a\": 1}","inputDetails":{"truncated":false},"name":"S"` + tail},
		{"entered without data", logEvent(history.PassStateEntered, entered), false, `{"id":"2","type":"PassStateEntered","details":{"name":"S"` + tail},
		{"exited", logEvent(history.PassStateExited, exited), true, `{"id":"2","type":"PassStateExited","details":{"assignedVariables":{"v":"[1]"},"assignedVariablesDetails":{"truncated":false},"name":"S","output":"2","outputDetails":{"truncated":false}` + tail},
		{"no details", logEvent(history.LambdaFunctionStarted, nil), true, `{"id":"2","type":"LambdaFunctionStarted","details":{` + tail},
		{"failed", logEvent(history.ExecutionFailed, &history.FailedDetails{Failure: *sfn.Fail("E", "C")}), false, `{"id":"2","type":"ExecutionFailed","details":{"cause":"C","error":"E"` + tail},
		{"scheduled", logEvent(history.TaskScheduled, scheduled), true, `{"id":"2","type":"TaskScheduled","details":{"parameters":"{}","region":"us-east-1","resource":"invoke","resourceType":"lambda","taskCredentials":{"roleArn":"r"},"timeoutInSeconds":60` + tail},
		{"scheduled without data", logEvent(history.TaskScheduled, scheduled), false, `{"id":"2","type":"TaskScheduled","details":{"region":"us-east-1","resource":"invoke","resourceType":"lambda","taskCredentials":{"roleArn":"r"},"timeoutInSeconds":60` + tail},
	} {
		got := string(test.e.AppendLog([]byte("x"), &history.LogRecord{ExecutionARN: "arn:x", IncludeData: test.with}))
		if got != "x"+test.want {
			t.Errorf("%s:\n got %s\nwant x%s", test.name, got, test.want)
		}
	}
	child := string(logEvent(history.MapRunSucceeded, nil).AppendLog(nil, &history.LogRecord{ExecutionARN: "a", MapRunARN: "m", RedriveCount: 3}))
	if !strings.HasSuffix(child, `"execution_arn":"a","map_run_arn":"m","redrive_count":"3"}`) {
		t.Errorf("a child's record is %s", child)
	}
}

// Every type's record is JSON, whatever its details.
func TestAppendLogOfEveryType(t *testing.T) {
	for _, kind := range history.Types() {
		e := logEvent(kind, history.NewDetails(kind))
		if got := e.AppendLog(nil, &history.LogRecord{IncludeData: true}); !json.Valid(got) {
			t.Errorf("%s: %s", kind, got)
		}
	}
}

// Data that would make the record too long is cut between characters, and said to be.
func TestAppendLogCuts(t *testing.T) {
	for _, text := range []string{strings.Repeat("é", 131_000), strings.Repeat("\x01", 262_000), strings.Repeat("x", 262_140)} {
		e := logEvent(history.PassStateEntered, &history.StateEnteredDetails{Name: "S", Input: value.NewData(value.String(text))})
		got := e.AppendLog(nil, &history.LogRecord{IncludeData: true})
		var record struct {
			Details struct {
				Input        string
				InputDetails struct{ Truncated bool }
			}
		}
		if err := json.Unmarshal(got, &record); err != nil || len(got) > history.MaxLogRecord || !record.Details.InputDetails.Truncated {
			t.Errorf("%d bytes, truncated %v, %v", len(got), record.Details.InputDetails.Truncated, err)
		}
		if !strings.HasPrefix(value.Text(value.String(text)), record.Details.Input) || len(record.Details.Input) < 30_000 {
			t.Errorf("%d bytes are left", len(record.Details.Input))
		}
	}
}

func BenchmarkAppendLog(b *testing.B) {
	d, _ := value.ParseData(`{"order": 17, "lines": [1, 2, 3], "name": "somebody"}`)
	e := logEvent(history.PassStateEntered, &history.StateEnteredDetails{Name: "State", Input: d})
	var dst []byte
	record := &history.LogRecord{ExecutionARN: "arn:aws:states:us-east-1:000000000000:execution:machine:name", IncludeData: true}
	for b.Loop() {
		dst = e.AppendLog(dst[:0], record)
	}
}
