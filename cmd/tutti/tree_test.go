package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/tutti-run/tutti/internal/oracle"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// events reads a history of a line an event: "5<-4 @120 TaskFailed error=E cause=C". @ is milliseconds since the start and carries over to
// the lines that follow.
func events(t testing.TB, text string) []types.HistoryEvent {
	t.Helper()
	var list []types.HistoryEvent
	at := began
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		var e types.HistoryEvent
		if _, err := fmt.Sscanf(fields[0], "%d<-%d", &e.Id, &e.PreviousEventId); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		fields = fields[1:]
		if ms, ok := strings.CutPrefix(fields[0], "@"); ok {
			n, err := strconv.Atoi(ms)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			at, fields = began.Add(time.Duration(n)*time.Millisecond), fields[1:]
		}
		details := map[string]any{}
		for _, f := range fields[1:] {
			name, v, _ := strings.Cut(f, "=")
			details[name] = strings.ReplaceAll(v, "_", " ")
			if n, err := strconv.Atoi(v); err == nil {
				details[name] = n
			}
		}
		e.Type, e.Timestamp = types.HistoryEventType(fields[0]), new(at)
		addDetails(t, &e, details)
		list = append(list, e)
	}
	return list
}

// addDetails puts the details where events of the type have them.
func addDetails(t testing.TB, e *types.HistoryEvent, details map[string]any) {
	t.Helper()
	member := string(e.Type)
	for _, s := range []string{"StateEntered", "StateExited"} {
		if strings.HasSuffix(member, s) {
			member = s
		}
	}
	document, err := json.Marshal(map[string]any{member + "EventDetails": details})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(document, e); err != nil {
		t.Fatalf("%s: %v", document, err)
	}
}

// spin stops the spinner.
var spin = strings.NewReplacer("⠙", "⠋", "⠹", "⠋", "⠸", "⠋", "⠼", "⠋", "⠴", "⠋", "⠦", "⠋", "⠧", "⠋", "⠇", "⠋", "⠏", "⠋")

// drawn is the tree of the events as it looks at the time of the last one.
func drawn(list []types.HistoryEvent) string {
	v := view{theme: newTheme(false), machine: "m", name: "x", functions: map[string]string{"Stack-Probe-XYZ": "probe"}}
	lines := v.lines(buildTree(list), *list[len(list)-1].Timestamp, 100, 0)
	for i, line := range lines {
		left, right := spin.Replace(line), ""
		if gap := strings.LastIndex(left, "   "); gap > 0 && strings.TrimSpace(left[:gap]) != "" {
			left, right = strings.TrimRight(left[:gap], " "), " | "+strings.TrimSpace(left[gap:])
		}
		lines[i] = left + right
	}
	return strings.Join(lines, "\n")
}

func TestTree(t *testing.T) {
	for _, test := range []struct{ name, events, want string }{
		{"before anything", `
			1<-0 ExecutionStarted
			2<-0 PassStateEntered name=A`, `
⠋ m  x | 0.0 s
  ⠋ A | 0.0 s`},
		{"choice", `
			1<-0 ExecutionStarted
			2<-0 ChoiceStateEntered name=Which
			3<-2 ChoiceStateExited name=Which
			4<-3 SucceedStateEntered name=Done
			5<-4 SucceedStateExited name=Done
			6<-5 ExecutionSucceeded`, `
✓ m  x  SUCCEEDED | 0 ms
  ✓ Which  → Done
  ✓ Done`},
		{"task with a function", `
			1<-0 ExecutionStarted
			2<-0 TaskStateEntered name=T
			3<-2 TaskScheduled resourceType=lambda resource=invoke parameters={"FunctionName":"arn:aws:lambda:us-east-1:0:function:Stack-Probe-XYZ:live"}
			4<-3 TaskStarted
			5<-4 @1530 TaskSucceeded`, `
⠋ m  x | 1.5 s
  ⠋ T  probe | 1.5 s`},
		{"token", `
			1<-0 ExecutionStarted
			2<-0 TaskStateEntered name=Ask
			3<-2 TaskScheduled resourceType=sqs resource=sendMessage.waitForTaskToken
			4<-3 TaskStarted
			5<-4 TaskSubmitted`, `
⠋ m  x | 0.0 s
  ⠋ Ask  sqs:sendMessage.waitForTaskToken  waiting for its end | 0.0 s`},
		{"waiting for a retry", `
			1<-0 ExecutionStarted
			2<-0 TaskStateEntered name=T
			3<-2 LambdaFunctionScheduled resource=arn:aws:lambda:us-east-1:0:function:f
			4<-3 LambdaFunctionStarted
			5<-4 @200 LambdaFunctionFailed error=E cause={"errorMessage":"no_luck"}`, `
⠋ m  x | 0.2 s
  ↻ T  f  attempt 1 failed, waiting 0.0 s | 0.2 s
      E: no luck`},
		{"second attempt", `
			1<-0 ExecutionStarted
			2<-0 TaskStateEntered name=T
			3<-2 LambdaFunctionScheduled resource=f
			4<-3 LambdaFunctionStarted
			5<-4 @200 LambdaFunctionTimedOut error=States.Timeout
			6<-5 @300 LambdaFunctionScheduled resource=f
			7<-6 LambdaFunctionStarted`, `
⠋ m  x | 0.3 s
  ⠋ T  f  attempt 2 | 0.3 s`},
		{"retried, then well", `
			1<-0 ExecutionStarted
			2<-0 TaskStateEntered name=T
			3<-2 LambdaFunctionScheduled resource=f
			4<-3 LambdaFunctionFailed error=E
			5<-4 @300 LambdaFunctionScheduled resource=f
			6<-5 LambdaFunctionSucceeded
			7<-6 TaskStateExited name=T
			8<-7 ExecutionSucceeded`, `
✓ m  x  SUCCEEDED | 300 ms
  ✓ T  f  attempt 2 | 300 ms`},
		{"caught", `
			1<-0 ExecutionStarted
			2<-0 TaskStateEntered name=T
			3<-2 TaskScheduled resourceType=sns resource=publish
			4<-3 TaskStarted
			5<-4 TaskFailed error=E cause=C
			6<-5 TaskStateExited name=T
			7<-6 PassStateEntered name=Repair
			8<-7 PassStateExited name=Repair
			9<-8 ExecutionSucceeded`, `
✓ m  x  SUCCEEDED | 0 ms
  ! T  sns:publish  caught | 0 ms
      E: C
  ✓ Repair`},
		{"uncaught", `
			1<-0 ExecutionStarted
			2<-0 TaskStateEntered name=T
			3<-2 TaskScheduled resourceType=sns resource=publish
			4<-3 TaskStarted
			5<-4 TaskFailed error=E cause=C
			6<-5 ExecutionFailed error=E cause=C`, `
✗ m  x  FAILED | 0 ms
  ✗ T  sns:publish | 0 ms
      E: C`},
		{"runtime error without an event of its own", `
			1<-0 ExecutionStarted
			2<-0 PassStateEntered name=P
			3<-2 ExecutionFailed error=States.Runtime cause=bad_path`, `
✗ m  x  FAILED | 0 ms
  ✗ P
      States.Runtime: bad path`},
		{"Fail state", `
			1<-0 ExecutionStarted
			2<-0 FailStateEntered name=No
			3<-2 ExecutionFailed error=Refused`, `
✗ m  x  FAILED | 0 ms
  ✗ No
      Refused`},
		{"expression failed and caught", `
			1<-0 ExecutionStarted
			2<-0 TaskStateEntered name=T
			3<-2 EvaluationFailed error=States.QueryEvaluationError cause=C state=T
			4<-3 TaskStateExited name=T
			5<-4 ExecutionSucceeded`, `
✓ m  x  SUCCEEDED | 0 ms
  ! T  caught | 0 ms
      States.QueryEvaluationError: C`},
		{"stopped", `
			1<-0 ExecutionStarted
			2<-0 WaitStateEntered name=W
			3<-0 @5000 ExecutionAborted error=Cancelled cause=by_hand`, `
⊘ m  x  ABORTED | 5.00 s
    Cancelled: by hand
  ⊘ W  cut short | 5.00 s`},
		{"timed out", `
			1<-0 ExecutionStarted
			2<-0 ParallelStateEntered name=P
			3<-2 ParallelStateStarted
			4<-3 WaitStateEntered name=W
			5<-0 @1000 ExecutionTimedOut error=States.Timeout`, `
✗ m  x  TIMED_OUT | 1.00 s
  ⊘ P  1 branch  cut short | 1.00 s
    ⊘ W  cut short | 1.00 s`},
		{"parallel", `
			1<-0 ExecutionStarted
			2<-0 ParallelStateEntered name=P
			3<-2 ParallelStateStarted
			4<-3 PassStateEntered name=A
			5<-3 WaitStateEntered name=B
			6<-4 PassStateExited name=A
			7<-6 PassStateEntered name=A2
			8<-7 PassStateExited name=A2
			9<-5 WaitStateExited name=B
			10<-9 ParallelStateSucceeded
			11<-9 ParallelStateExited name=P
			12<-11 PassStateEntered name=After
			13<-12 PassStateExited name=After
			14<-13 ExecutionSucceeded`, `
✓ m  x  SUCCEEDED | 0 ms
  ✓ P  2 branches | 0 ms
    branch 1 of 2
      ✓ A
      ✓ A2
    ✓ B | 0 ms
  ✓ After`},
		{"failing branch", `
			1<-0 ExecutionStarted
			2<-0 ParallelStateEntered name=P
			3<-2 ParallelStateStarted
			4<-3 TaskStateEntered name=A
			5<-3 WaitStateEntered name=B
			6<-4 TaskScheduled resourceType=sns resource=publish
			7<-6 TaskStarted
			8<-7 TaskFailed error=E cause=C
			9<-8 TaskStateAborted
			10<-8 WaitStateAborted
			11<-8 ParallelStateFailed
			12<-11 ExecutionFailed error=E cause=C`, `
✗ m  x  FAILED | 0 ms
  ✗ P  2 branches | 0 ms
    ✗ A  sns:publish | 0 ms
        E: C
    ⊘ B  cut short | 0 ms`},
		{"parallel again after a failure", `
			1<-0 ExecutionStarted
			2<-0 ParallelStateEntered name=P
			3<-2 ParallelStateStarted
			4<-3 TaskStateEntered name=A
			5<-4 TaskScheduled resourceType=sns resource=publish
			6<-5 TaskFailed error=E
			7<-6 ParallelStateStarted
			8<-7 TaskStateEntered name=A
			9<-8 TaskScheduled resourceType=sns resource=publish`, `
⠋ m  x | 0.0 s
  ⠋ P  1 branch  attempt 2 | 0.0 s
    ⠋ A  sns:publish | 0.0 s`},
		{"parallel caught", `
			1<-0 ExecutionStarted
			2<-0 ParallelStateEntered name=P
			3<-2 ParallelStateStarted
			4<-3 FailStateEntered name=No
			5<-3 WaitStateEntered name=B
			6<-4 WaitStateAborted
			7<-4 ParallelStateFailed
			8<-7 ParallelStateExited name=P
			9<-8 SucceedStateEntered name=S
			10<-9 SucceedStateExited name=S
			11<-10 ExecutionSucceeded`, `
✓ m  x  SUCCEEDED | 0 ms
  ! P  2 branches  caught | 0 ms
    ✗ No
    ⊘ B  cut short | 0 ms
  ✓ S`},
		{"map within parallel within map", `
			1<-0 ExecutionStarted
			2<-0 MapStateEntered name=Outer
			3<-2 MapStateStarted length=1
			4<-3 MapIterationStarted name=Outer index=0
			5<-4 ParallelStateEntered name=P
			6<-5 ParallelStateStarted
			7<-6 MapStateEntered name=Inner
			8<-7 MapStateStarted length=2
			9<-8 MapIterationStarted name=Inner index=0
			10<-8 MapIterationStarted name=Inner index=1
			11<-9 PassStateEntered name=Step
			12<-11 PassStateExited name=Step
			13<-12 MapIterationSucceeded name=Inner index=0
			14<-10 PassStateEntered name=Step`, `
⠋ m  x | 0.0 s
  ⠋ Outer  0 of 1 | 0.0 s
    ⠋ [0] | 0.0 s
      ⠋ P  1 branch | 0.0 s
        ⠋ Inner  1 of 2 | 0.0 s
          ✓ [0] Step | 0 ms
          ⠋ [1] | 0.0 s
            ⠋ Step | 0.0 s`},
		{"the same, to its end", `
			1<-0 ExecutionStarted
			2<-0 MapStateEntered name=Outer
			3<-2 MapStateStarted length=1
			4<-3 MapIterationStarted name=Outer index=0
			5<-4 ParallelStateEntered name=P
			6<-5 ParallelStateStarted
			7<-6 MapStateEntered name=Inner
			8<-7 MapStateStarted length=1
			9<-8 MapIterationStarted name=Inner index=0
			10<-9 PassStateEntered name=Step
			11<-10 PassStateExited name=Step
			12<-11 MapIterationSucceeded name=Inner index=0
			13<-12 MapStateSucceeded
			14<-12 MapStateExited name=Inner
			15<-14 ParallelStateSucceeded
			16<-14 ParallelStateExited name=P
			17<-16 MapIterationSucceeded name=Outer index=0
			18<-17 MapStateSucceeded
			19<-17 MapStateExited name=Outer
			20<-19 ExecutionSucceeded`, `
✓ m  x  SUCCEEDED | 0 ms
  ✓ Outer  1 item | 0 ms
    ✓ [0] P | 0 ms`},
		{"one by one", `
			1<-0 ExecutionStarted
			2<-0 MapStateEntered name=M
			3<-2 MapStateStarted length=2
			4<-3 MapIterationStarted name=M index=0
			5<-4 PassStateEntered name=A
			6<-5 PassStateExited name=A
			7<-6 MapIterationSucceeded name=M index=0
			8<-6 MapIterationStarted name=M index=1
			9<-8 PassStateEntered name=A
			10<-9 PassStateExited name=A
			11<-10 MapIterationSucceeded name=M index=1
			12<-10 MapStateSucceeded
			13<-10 MapStateExited name=M`, `
⠋ m  x | 0.0 s
  ✓ M  2 items | 0 ms
    ✓ [0] A | 0 ms
    ✓ [1] A | 0 ms`},
		{"failing iteration", `
			1<-0 ExecutionStarted
			2<-0 MapStateEntered name=M
			3<-2 MapStateStarted length=3
			4<-3 MapIterationStarted name=M index=0
			5<-3 MapIterationStarted name=M index=1
			6<-3 MapIterationStarted name=M index=2
			7<-4 PassStateEntered name=A
			8<-7 PassStateExited name=A
			9<-8 MapIterationSucceeded name=M index=0
			10<-5 FailStateEntered name=No
			11<-6 WaitStateEntered name=W
			12<-10 MapIterationAborted name=M index=2
			13<-10 WaitStateAborted
			14<-10 MapIterationFailed name=M index=1
			15<-10 MapStateFailed
			16<-15 ExecutionFailed error=E`, `
✗ m  x  FAILED | 0 ms
  ✗ M  3 items | 0 ms
    ✓ [0] A | 0 ms
    ✗ [1] | 0 ms
      ✗ No
          E
    ⊘ [2] | 0 ms
      ⊘ W  cut short | 0 ms`},
		{"map again after a failure", `
			1<-0 ExecutionStarted
			2<-0 MapStateEntered name=M
			3<-2 MapStateStarted length=1
			4<-3 MapIterationStarted name=M index=0
			5<-4 FailStateEntered name=No
			6<-5 MapIterationFailed name=M index=0
			7<-5 MapStateStarted length=1
			8<-7 MapIterationStarted name=M index=0
			9<-8 PassStateEntered name=A`, `
⠋ m  x | 0.0 s
  ⠋ M  0 of 1  attempt 2 | 0.0 s
    ⠋ [0] | 0.0 s
      ⠋ A | 0.0 s`},
		{"distributed map", `
			1<-0 ExecutionStarted
			2<-0 MapStateEntered name=M
			3<-2 MapStateStarted length=5
			4<-3 MapRunStarted mapRunArn=arn
			5<-4 MapRunFailed error=States.ExceedToleratedFailureThreshold cause=too_many
			6<-5 MapStateFailed
			7<-6 MapStateExited name=M
			8<-7 PassStateEntered name=A
			9<-8 PassStateExited name=A
			10<-9 ExecutionSucceeded`, `
✓ m  x  SUCCEEDED | 0 ms
  ! M  Map Run  5 items  caught | 0 ms
      States.ExceedToleratedFailureThreshold: too many
  ✓ A`},
		{"loop", `
			1<-0 ExecutionStarted
			2<-0 PassStateEntered name=A
			3<-2 PassStateExited name=A
			4<-3 ChoiceStateEntered name=Again
			5<-4 ChoiceStateExited name=Again
			6<-5 PassStateEntered name=A`, `
⠋ m  x | 0.0 s
  ✓ A
  ✓ Again  → A
  ⠋ A | 0.0 s`},
		{"redriven", `
			1<-0 ExecutionStarted
			2<-0 TaskStateEntered name=T
			3<-2 TaskScheduled resourceType=sns resource=publish
			4<-3 TaskFailed error=E
			5<-4 ExecutionFailed error=E
			6<-5 ExecutionRedriven redriveCount=1
			7<-4 TaskScheduled resourceType=sns resource=publish`, `
⠋ m  x | 0.0 s
  ⠋ T  sns:publish  attempt 2 | 0.0 s`},
		{"nothing that fits", `
			7<-6 TaskFailed error=E
			8<-99 ParallelStateFailed
			9<-8 MapIterationSucceeded name=M index=3
			10<-9 WaitStateAborted
			11<-10 TaskStateExited name=Never
			12<-11 Unheard`, `
⠋ m  x`},
		{"names that could harm a terminal", `
			1<-0 ExecutionStarted
			2<-0 PassStateEntered name=A` + "\u001b[2J\u0007\u202e" + `B`, `
⠋ m  x | 0.0 s
  ⠋ AB | 0.0 s`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := drawn(events(t, test.events)); got != strings.TrimPrefix(test.want, "\n") {
				t.Errorf("got\n%s\nwant%s", got, test.want)
			}
		})
	}
}

// Histories recorded on AWS keep the tree's promises: it ends when they do, nothing in it stays open then, and every state that was entered is
// in it unless a retry has thrown its flow away.
func TestTreeOfRecordings(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(oracle.Dir(t, "conformance"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".json" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var file struct {
			Steps []struct {
				Expected json.RawMessage `json:"expected"`
			} `json:"steps"`
		}
		if err := json.Unmarshal(content, &file); err != nil {
			return nil // not a case
		}
		for _, step := range file.Steps {
			if list := recorded(step.Expected); list != nil {
				seen++
				checkRecording(t, path, list)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Errorf("only %d histories were found", seen)
	}
}

// recorded reads a response of GetExecutionHistory in its first order, nil for anything else.
func recorded(document json.RawMessage) []types.HistoryEvent {
	var response struct{ Events []map[string]json.RawMessage }
	if json.Unmarshal(document, &response) != nil {
		return nil
	}
	var list []types.HistoryEvent
	for _, raw := range response.Events {
		var e types.HistoryEvent
		for name, member := range raw {
			if strings.HasSuffix(name, "Details") || name == "id" || name == "previousEventId" || name == "type" {
				part, _ := json.Marshal(map[string]json.RawMessage{name: member})
				_ = json.Unmarshal(part, &e) // what the recording masks stays empty
			}
		}
		e.Timestamp = new(began.Add(time.Duration(e.Id) * time.Millisecond))
		list = append(list, e)
	}
	if len(list) == 0 || list[0].Id != 1 {
		return nil
	}
	return list
}

func checkRecording(t *testing.T, path string, list []types.HistoryEvent) {
	t.Helper()
	tr := newTree()
	entered, restarted := 0, false
	for _, e := range list {
		n := tr.add(e)
		if strings.HasSuffix(string(e.Type), "StateEntered") {
			entered++
		}
		restarted = restarted || strings.HasSuffix(string(e.Type), "StateStarted") && n.attempts > 1
	}
	last := list[len(list)-1].Type
	over := strings.HasPrefix(string(last), "Execution") && last != types.HistoryEventTypeExecutionStarted && last != types.HistoryEventTypeExecutionRedriven
	if tr.ended() != over {
		t.Errorf("%s: ended is %t after %s", path, tr.ended(), last)
	}
	states, open := 0, 0
	tr.root.find(func(n *node) bool {
		if n.kind == kindState {
			states++
		}
		if n.phase.open() {
			open++
		}
		return false
	})
	if over && open > 0 {
		t.Errorf("%s: %d nodes are open after %s", path, open, last)
	}
	if states != entered && !restarted {
		t.Errorf("%s: %d states in the tree, %d were entered", path, states, entered)
	}
}

func FuzzTree(f *testing.F) {
	f.Add([]byte("0102030405"))
	types := types.HistoryEventType("").Values()
	f.Fuzz(func(t *testing.T, data []byte) {
		tr := newTree()
		for i := 0; i+3 < len(data); i += 4 {
			e := fuzzEvent(types[int(data[i])%len(types)], int64(i/4+1), int64(data[i+1]), data[i+2], data[i+3])
			tr.add(e)
		}
		view{theme: newTheme(false)}.lines(tr, began, 80, 24)
	})
}

// fuzzEvent is an event with the few names and numbers that the bytes allow.
func fuzzEvent(kind types.HistoryEventType, id, previous int64, name, index byte) types.HistoryEvent {
	e := types.HistoryEvent{Id: id, PreviousEventId: previous, Type: kind, Timestamp: new(began)}
	state := string(rune('A' + name%3))
	iteration := &types.MapIterationEventDetails{Name: &state, Index: int32(index % 3)}
	e.MapIterationStartedEventDetails, e.MapIterationFailedEventDetails = iteration, iteration
	e.MapIterationSucceededEventDetails, e.MapIterationAbortedEventDetails = iteration, iteration
	e.StateEnteredEventDetails = &types.StateEnteredEventDetails{Name: &state}
	if index%2 == 0 {
		e.StateExitedEventDetails = &types.StateExitedEventDetails{Name: &state}
		e.TaskFailedEventDetails = &types.TaskFailedEventDetails{Error: &state}
	}
	return e
}
