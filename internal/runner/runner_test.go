package runner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tasks is a performer whose answers are functions, by the member "task" of the call's parameters.
type tasks map[string]func(ctx context.Context, c task.Call) (*value.Data, *sfn.Failure)

func (t tasks) Perform(ctx context.Context, c task.Call) (*value.Data, *sfn.Failure) {
	name := ""
	if o, ok := c.Parameters.Value().(*value.Object); ok {
		if v, ok := o.Get("FunctionName"); ok {
			name = string(v.(value.String))
		}
	}
	if perform := t[name]; perform != nil {
		return perform(ctx, c)
	}
	return nil, sfn.Fail("Test.NoSuchTask", "%s", name)
}

func (t tasks) Prepare(_ asl.Resource, parameters *value.Data) (*value.Data, string) {
	return parameters, ""
}

// ResultShape tells nothing of results.
func (t tasks) ResultShape(asl.Resource) *awsmodel.Shape { return nil }

// AwaitJob and StopJob are the answers "await" and "stop".
func (t tasks) AwaitJob(ctx context.Context, c task.Call, submitted *value.Data) (*value.Data, *sfn.Failure) {
	c.Parameters = submitted
	return t["await"](ctx, c)
}

func (t tasks) StopJob(ctx context.Context, c task.Call, submitted *value.Data) error {
	c.Parameters = submitted
	if _, failure := t["stop"](ctx, c); failure != nil {
		return errors.New(failure.String())
	}
	return nil
}

// server is a runner over a disk that a test may cut the power of.
type server struct {
	*runner.Runner
	store *store.Store
	disk  vfs.FS
}

func open(t *testing.T, disk vfs.FS, performer runner.Performer) *server {
	t.Helper()
	s, err := store.Open("data", store.WithFS(disk), store.OnFailure(func(error) {}))
	if err != nil {
		t.Fatal(err)
	}
	return &server{runner.New(runner.Config{Store: s, Tasks: performer, Shards: 2}), s, disk}
}

func (s *server) start(t *testing.T) int {
	t.Helper()
	resumed, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	return resumed
}

func (s *server) close(t *testing.T) {
	t.Helper()
	s.Runner.Close(t.Context())
	if err := s.store.Close(); err != nil {
		t.Error(err)
	}
}

func (s *server) machine(t *testing.T, name, definition string) string {
	t.Helper()
	m, err := s.PutMachine(sfn.DefaultPlace(), runner.Definition{Name: name, Text: definition, RoleARN: "arn:aws:iam::000000000000:role/r"})
	if err != nil {
		t.Fatal(err)
	}
	return m.ARN
}

func (s *server) run(t *testing.T, machine, input string) runner.Description {
	t.Helper()
	started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: machine, Input: input})
	if err != nil {
		t.Fatal(err)
	}
	return s.end(t, started.ARN)
}

func (s *server) end(t *testing.T, arn string) runner.Description {
	t.Helper()
	if err := s.Await(t.Context(), arn); err != nil {
		t.Fatal(err)
	}
	d, err := s.Describe(arn)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (s *server) types(t *testing.T, arn string) []history.Type {
	t.Helper()
	events, _, err := s.History(arn, 1)
	if err != nil {
		t.Fatal(err)
	}
	var types []history.Type
	for e, err := range events {
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, e.Type)
	}
	return types
}

const (
	passMachine = `{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`
	waitMachine = `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":600,"End":true}}}`
	taskMachine = `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},
		"Retry":[{"ErrorEquals":["Lambda.Unknown"],"IntervalSeconds":1,"MaxAttempts":1}],"End":true}}}`
)

func TestRunsToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, vfs.NewMem(), nil)
		s.start(t)
		defer s.close(t)
		d := s.run(t, s.machine(t, "m", passMachine), `{"a": [1, 2]}`)
		if d.Status != sfn.StatusSucceeded || d.Output.Text() != `{"a": [1, 2]}` || d.Input != `{"a": [1, 2]}` {
			t.Errorf("%s with output %v of input %s", d.Status, d.Output, d.Input)
		}
	})
}

func TestStartIsIdempotentWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, vfs.NewMem(), nil)
		s.start(t)
		defer s.close(t)
		m := s.machine(t, "m", waitMachine)
		start := func(input string) (runner.Started, error) {
			return s.StartExecution(t.Context(), runner.StartRequest{MachineARN: m, Name: "n", Input: input})
		}
		first, err := start(`{"a":1}`)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // by now it has left memory
		again, err := start(`{"a":1}`)
		if err != nil || again != first {
			t.Errorf("the same start again: %v, %v, want %v", again, err, first)
		}
		for _, input := range []string{`{"a":2}`, `{"a": 1}`} {
			refused(t, sfn.ExecutionAlreadyExists, func() error { _, err := start(input); return err })
		}
		if _, err := s.StopExecution(t.Context(), first.ARN, sfn.Failure{}); err != nil {
			t.Fatal(err)
		}
		refused(t, sfn.ExecutionAlreadyExists, func() error { _, err := start(`{"a":1}`); return err })
	})
}

// refused checks that the operation answers with the exception.
func refused(t *testing.T, want sfn.ExceptionName, operation func() error) {
	t.Helper()
	var e *sfn.Exception
	if err := operation(); !errors.As(err, &e) || e.Name != want {
		t.Errorf("answered %v, want %s", err, want)
	}
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, vfs.NewMem(), nil)
		s.start(t)
		defer s.close(t)
		m := s.machine(t, "m", passMachine)
		start := func(req runner.StartRequest) func() error {
			return func() error { _, err := s.StartExecution(t.Context(), req); return err }
		}
		refused(t, sfn.InvalidArn, start(runner.StartRequest{MachineARN: "m"}))
		refused(t, sfn.StateMachineDoesNotExist, start(runner.StartRequest{MachineARN: m + "x"}))
		refused(t, sfn.InvalidExecutionInput, start(runner.StartRequest{MachineARN: m, Input: "{"}))
		refused(t, sfn.InvalidName, start(runner.StartRequest{MachineARN: m, Name: "a b"}))
		refused(t, sfn.ValidationException, start(runner.StartRequest{MachineARN: m, Input: `"` + strings.Repeat("x", sfn.MaxPayloadBytes) + `"`}))
		refused(t, sfn.InvalidArn, func() error { _, err := s.Describe("x"); return err })
		refused(t, sfn.ExecutionDoesNotExist, func() error {
			_, err := s.Describe("arn:aws:states:us-east-1:000000000000:execution:m:nope")
			return err
		})
		refused(t, sfn.InvalidToken, func() error { return s.SendTaskSuccess(t.Context(), "nope", "{}") })
		var invalid *runner.InvalidDefinitionError
		if _, err := s.PutMachine(sfn.DefaultPlace(), runner.Definition{Name: "x", Text: `{}`}); !errors.As(err, &invalid) || len(invalid.Diagnostics) == 0 {
			t.Errorf("an empty definition: %v", err)
		}
	})
}

// TestPowerCut cuts the power while a call is under way and another execution waits. Whatever was acknowledged must be there, the call must
// not be made twice, and both executions must come to an end: the wait at its original time.
func TestPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewCrashableMem()
		release := make(chan struct{})
		var mu sync.Mutex
		made := map[string]int{}
		performer := tasks{"f": func(ctx context.Context, c task.Call) (*value.Data, *sfn.Failure) {
			mu.Lock()
			made[c.Execution]++
			mu.Unlock()
			select {
			case <-release:
			case <-ctx.Done():
			}
			return value.NewData(value.Int(1)), nil
		}}
		s := open(t, disk, performer)
		s.start(t)
		m := s.machine(t, "m", taskMachine)
		w := s.machine(t, "w", waitMachine)
		inFlight, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: m, Name: "in-flight"})
		if err != nil {
			t.Fatal(err)
		}
		waiting, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: w, Name: "waiting"})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		crashed := disk.CrashClone(vfs.CrashCloneCfg{})
		close(release)
		s.close(t)

		s = open(t, crashed, tasks{"f": func(context.Context, task.Call) (*value.Data, *sfn.Failure) {
			return value.NewData(value.String("second attempt")), nil
		}})
		if resumed := s.start(t); resumed != 1 {
			t.Errorf("%d executions were at work, want 1", resumed)
		}
		d := s.end(t, inFlight.ARN)
		if d.Status != sfn.StatusSucceeded || d.Output.Text() != `"second attempt"` {
			t.Errorf("the execution with a call in flight: %s %v %v", d.Status, d.Output, d.Failure)
		}
		want := "[ExecutionStarted TaskStateEntered TaskScheduled TaskStarted TaskFailed TaskScheduled TaskStarted TaskSucceeded TaskStateExited ExecutionSucceeded]"
		if got := fmt.Sprint(s.types(t, inFlight.ARN)); got != want {
			t.Errorf("history %s, want %s", got, want)
		}
		d = s.end(t, waiting.ARN)
		if got := d.StopDate.Sub(waiting.StartDate); d.Status != sfn.StatusSucceeded || got != 10*time.Minute {
			t.Errorf("the waiting execution: %s after %s, want ten minutes after its start", d.Status, got)
		}
		if made[inFlight.ARN] != 1 {
			t.Errorf("the first process made the call %d times", made[inFlight.ARN])
		}
		s.close(t)
	})
}

func TestCloseRecordsAnswersAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewMem()
		answers := make(chan struct{})
		s := open(t, disk, tasks{"f": func(context.Context, task.Call) (*value.Data, *sfn.Failure) {
			<-answers
			return value.NewData(value.String("late but there")), nil
		}})
		s.start(t)
		started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: s.machine(t, "m", taskMachine)})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		go func() {
			time.Sleep(time.Second)
			close(answers)
		}()
		s.close(t)

		s = open(t, disk, tasks{})
		if resumed := s.start(t); resumed != 1 {
			t.Errorf("%d executions go on, want 1", resumed)
		}
		if d := s.end(t, started.ARN); d.Status != sfn.StatusSucceeded || d.Output.Text() != `"late but there"` {
			t.Errorf("%s %v %v: the answer that came during Close is lost", d.Status, d.Output, d.Failure)
		}
		s.close(t)
	})
}

func TestStopCancelsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cancelled := make(chan struct{})
		s := open(t, vfs.NewMem(), tasks{"f": func(ctx context.Context, _ task.Call) (*value.Data, *sfn.Failure) {
			<-ctx.Done()
			close(cancelled)
			return nil, sfn.Fail("Test.Cancelled", "")
		}})
		s.start(t)
		defer s.close(t)
		started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: s.machine(t, "m", taskMachine)})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := s.StopExecution(t.Context(), started.ARN, *sfn.Fail("Enough", "of this")); err != nil {
			t.Fatal(err)
		}
		<-cancelled
		d := s.end(t, started.ARN)
		if d.Status != sfn.StatusAborted || d.Failure.Error.Text != "Enough" || d.Failure.Cause.Text != "of this" {
			t.Errorf("%s %v", d.Status, d.Failure)
		}
		at, err := s.StopExecution(t.Context(), started.ARN, sfn.Failure{})
		if err != nil || !at.Equal(d.StopDate) {
			t.Errorf("stopping again: %s, %v, want %s", at, err, d.StopDate)
		}
	})
}

func TestTokenAnswersOnceAndHeartbeatsKeepItAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := make(chan string, 1)
		s := open(t, vfs.NewMem(), tasks{"f": func(_ context.Context, c task.Call) (*value.Data, *sfn.Failure) {
			tokens <- c.Token
			return value.NewData(value.NewObject()), nil
		}})
		s.start(t)
		defer s.close(t)
		m := s.machine(t, "m", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken",
			"Parameters":{"FunctionName":"f"},"HeartbeatSeconds":60,"End":true}}}`)
		started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: m})
		if err != nil {
			t.Fatal(err)
		}
		token := <-tokens
		for range 5 {
			time.Sleep(50 * time.Second)
			if err := s.SendTaskHeartbeat(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.SendTaskSuccess(t.Context(), token, `{"ok": true}`); err != nil {
			t.Fatal(err)
		}
		if d := s.end(t, started.ARN); d.Output == nil || d.Output.Text() != `{"ok": true}` {
			t.Errorf("%s %v", d.Status, d.Output)
		}
		refused(t, sfn.TaskTimedOut, func() error { return s.SendTaskSuccess(t.Context(), token, `{}`) })

		started, err = s.StartExecution(t.Context(), runner.StartRequest{MachineARN: m})
		if err != nil {
			t.Fatal(err)
		}
		if d := s.end(t, started.ARN); d.Status != sfn.StatusFailed || d.Failure.Error.Text != string(sfn.ErrorTimeout) || d.StopDate.Sub(d.StartDate) != time.Minute {
			t.Errorf("without heartbeats: %s %v after %s", d.Status, d.Failure, d.StopDate.Sub(d.StartDate))
		}
	})
}

// TestManyAreDueAtOnce has more executions asleep than are woken at a time.
func TestManyAreDueAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, vfs.NewMem(), tasks{})
		s.start(t)
		defer s.close(t)
		m := s.machine(t, "m", waitMachine)
		var arns []string
		for range 2500 {
			started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: m})
			if err != nil {
				t.Fatal(err)
			}
			arns = append(arns, started.ARN)
		}
		for _, arn := range arns {
			if d := s.end(t, arn); d.Status != sfn.StatusSucceeded || d.StopDate.Sub(d.StartDate) != 10*time.Minute {
				t.Fatalf("%s after %s", d.Status, d.StopDate.Sub(d.StartDate))
			}
		}
	})
}

func TestNewRevisionLeavesRunningExecutionsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewMem()
		s := open(t, disk, nil)
		s.start(t)
		m := s.machine(t, "m", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"Next":"Old"},"Old":{"Type":"Pass","Result":"old","End":true}}}`)
		old, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: m})
		if err != nil {
			t.Fatal(err)
		}
		s.machine(t, "m", `{"StartAt":"New","States":{"New":{"Type":"Pass","Result":"new","End":true}}}`)
		if d := s.run(t, m, ""); d.Output.Text() != `"new"` {
			t.Errorf("a new execution: %v", d.Output)
		}
		s.close(t)
		s = open(t, disk, nil)
		s.start(t)
		if d := s.end(t, old.ARN); d.Output.Text() != `"old"` {
			t.Errorf("the old execution: %v", d.Output)
		}
		s.close(t)
	})
}

func TestExpress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, vfs.NewMem(), nil)
		s.start(t)
		defer s.close(t)
		put := func(name, text string) string {
			m, err := s.PutMachine(sfn.DefaultPlace(), runner.Definition{Name: name, Text: text, Type: sfn.Express})
			if err != nil {
				t.Fatal(err)
			}
			return m.ARN
		}
		_, outcome, err := s.StartSyncExecution(t.Context(), runner.StartRequest{MachineARN: put("p", passMachine), Input: `[1]`})
		if err != nil || outcome.Status != sfn.StatusSucceeded || outcome.Output != `[1]` {
			t.Errorf("%+v, %v", outcome, err)
		}
		_, outcome, err = s.StartSyncExecution(t.Context(), runner.StartRequest{MachineARN: put("w", waitMachine)})
		if err != nil || outcome.Status != sfn.StatusTimedOut || outcome.Stopped.Sub(outcome.Started) != sfn.MaxExpressDuration {
			t.Errorf("%+v, %v", outcome, err)
		}
		refused(t, sfn.StateMachineTypeNotSupport, func() error {
			_, _, err := s.StartSyncExecution(t.Context(), runner.StartRequest{MachineARN: s.machine(t, "standard", passMachine)})
			return err
		})
	})
}

// firstChild returns the ARN of a child of the Map Run that the execution's history names.
func (s *server) firstChild(t *testing.T, parent string) string {
	t.Helper()
	events, _, err := s.History(parent, 1)
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range events {
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := e.Details.(*history.MapRunStartedDetails); ok {
			page, _, err := s.Executions(store.Filter{MapRunARN: d.MapRunARN})
			if err != nil || len(page) == 0 {
				t.Fatalf("%s has no children: %v", d.MapRunARN, err)
			}
			return page[0].ARN
		}
	}
	t.Fatal("the history names no Map Run")
	return ""
}

// TestPowerCutAtEveryCall cuts the power after every batch that a call follows, and carries on from each of these disks. What had been called
// is called again only because the state's Retry says so.
func TestPowerCutAtEveryCall(t *testing.T) {
	const calls = 6
	states := make([]string, calls)
	for i := range states {
		next := fmt.Sprintf(`"Next":"S%d"`, i+1)
		if i == calls-1 {
			next = `"End":true`
		}
		states[i] = fmt.Sprintf(`"S%d":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f","Payload":%d},
			"ResultPath":"$.r%d","Retry":[{"ErrorEquals":["Lambda.Unknown"],"MaxAttempts":1}],%s}`, i, i, i, next)
	}
	definition := `{"StartAt":"S0","States":{` + strings.Join(states, ",") + `}}`
	payload := func(c task.Call) value.Value {
		v, _ := c.Parameters.Value().(*value.Object).Get("Payload")
		return v
	}
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewCrashableMem()
		var mu sync.Mutex
		var disks []*vfs.MemFS
		s := open(t, disk, tasks{"f": func(_ context.Context, c task.Call) (*value.Data, *sfn.Failure) {
			mu.Lock()
			disks = append(disks, disk.CrashClone(vfs.CrashCloneCfg{}))
			mu.Unlock()
			return value.NewData(payload(c)), nil
		}})
		s.start(t)
		started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: s.machine(t, "m", definition)})
		if err != nil {
			t.Fatal(err)
		}
		whole := s.end(t, started.ARN).Output.Text()
		s.close(t)
		if len(disks) != calls {
			t.Fatalf("%d calls, want %d", len(disks), calls)
		}
		for i, crashed := range disks {
			var again []string
			s := open(t, crashed, tasks{"f": func(_ context.Context, c task.Call) (*value.Data, *sfn.Failure) {
				mu.Lock()
				again = append(again, value.Text(payload(c)))
				mu.Unlock()
				return value.NewData(payload(c)), nil
			}})
			s.start(t)
			d := s.end(t, started.ARN)
			s.close(t)
			if d.Status != sfn.StatusSucceeded || d.Output.Text() != whole {
				t.Errorf("cut at call %d: %s %v", i, d.Status, d.Output)
			}
			if len(again) != calls-i || again[0] != fmt.Sprint(i) {
				t.Errorf("cut at call %d: afterwards called %v, want it and those behind it", i, again)
			}
		}
	})
}
