package runner_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

const (
	childMachine = `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"Next":"P"},"P":{"Type":"Pass","Result":{"done":true},"End":true}}}`
	failMachine  = `{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Own.Error","Cause":"why"}}}`
)

// parentMachine starts an execution of the machine and waits for it.
func parentMachine(pattern, machine, more string) string {
	return fmt.Sprintf(`{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution%s",
		"Parameters":{"StateMachineArn":"%s","Input":{"a":1}%s},"End":true}}}`, pattern, machine, more)
}

// openNested opens a server whose tasks reach its own front door. wrap may stand between the runner and the catalog.
func openNested(t *testing.T, disk vfs.FS, wrap func(runner.Performer) runner.Performer) *server {
	t.Helper()
	routes, err := awsclient.NewRoutes(nil)
	if err != nil {
		t.Fatal(err)
	}
	catalog := task.NewCatalog(task.Config{Routes: routes})
	var performer runner.Performer = catalog
	if wrap != nil {
		performer = wrap(performer)
	}
	s := open(t, disk, performer)
	catalog.Follow(s.Runner)
	routes.Embed(api.New(api.Config{States: s.Runner}), "sfn")
	return s
}

// started starts the machine and returns when nothing more happens by itself.
func (s *server) started(t *testing.T, machine string) string {
	t.Helper()
	e, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: machine})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return e.ARN
}

// children lists the machine's executions.
func (s *server) children(t *testing.T, machine string) []store.Execution {
	t.Helper()
	list, _, err := s.Executions(store.Filter{MachineARN: machine, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestNestedExecutions(t *testing.T) {
	for _, tt := range []struct {
		name, pattern, child string
		status               sfn.Status
		has                  []string // parts of the output or of the cause
	}{
		{"request and response", "", childMachine, sfn.StatusSucceeded, []string{`{"ExecutionArn":"arn:aws:states:`, `"StartDate":"2000-01-01T`, `"HttpStatusCode":200`, `"SdkResponseMetadata":{"RequestId":"`}},
		{"run a job", ".sync", childMachine, sfn.StatusSucceeded, []string{`"Input":"{\"a\":1}"`, `"Output":"{\"done\":true}"`, `"OutputDetails":{"Included":true}`, `"StartDate":946684800`, `"Status":"SUCCEEDED"`}},
		{"and parse its output", ".sync:2", childMachine, sfn.StatusSucceeded, []string{`"Input":{"a":1}`, `"Output":{"done":true}`}},
		{"that fails", ".sync", failMachine, sfn.StatusFailed, []string{`{"Cause":"why","Error":"Own.Error","ExecutionArn":"arn:aws:states:`, `"Input":"{\"a\":1}","InputDetails":{"Included":true},"Name":"`,
			`"RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":946684800`, `,"StateMachineArn":"`, `"Status":"FAILED","StopDate":946684800`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openNested(t, vfs.NewMem(), nil)
				s.start(t)
				defer s.close(t)
				child := s.machine(t, "child", tt.child)
				d := s.run(t, s.machine(t, "parent", parentMachine(tt.pattern, child, "")), "{}")
				text := d.Failure.Cause.Text
				if d.Output != nil {
					text = d.Output.Text()
				}
				if d.Status != tt.status || tt.status == sfn.StatusFailed && d.Failure.Name() != sfn.ErrorTaskFailed {
					t.Errorf("%s with %s", d.Status, d.Failure.String())
				}
				for _, part := range tt.has {
					if !strings.Contains(text, part) {
						t.Errorf("%s\nlacks %s", text, part)
					}
				}
			})
		})
	}
}

// TestJobSurvivesPowerCut cuts the power while a nested execution runs: the next process finds it again and waits on.
func TestJobSurvivesPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewCrashableMem()
		s := openNested(t, disk, nil)
		s.start(t)
		child := s.machine(t, "child", childMachine)
		parent := s.started(t, s.machine(t, "parent", parentMachine(".sync:2", child, "")))
		time.Sleep(30 * time.Second)
		crashed := disk.CrashClone(vfs.CrashCloneCfg{})
		s.close(t)

		s = openNested(t, crashed, nil)
		if resumed := s.start(t); resumed != 1 {
			t.Errorf("%d executions were at work, want the parent", resumed)
		}
		d := s.end(t, parent)
		want := "[ExecutionStarted TaskStateEntered TaskScheduled TaskStarted TaskSubmitted TaskSucceeded TaskStateExited ExecutionSucceeded]"
		if got := fmt.Sprint(s.types(t, parent)); got != want || d.StopDate.Sub(d.StartDate) < time.Minute {
			t.Errorf("history %s after %s, want %s", got, d.StopDate.Sub(d.StartDate), want)
		}
		if n := len(s.children(t, child)); n != 1 {
			t.Errorf("%d nested executions", n)
		}
		s.close(t)
	})
}

// forgetful makes calls and never tells what came of them.
type forgetful struct{ runner.Performer }

func (f forgetful) Perform(ctx context.Context, c task.Call) (*value.Data, *sfn.Failure) {
	_, _ = f.Performer.Perform(ctx, c)
	<-ctx.Done()
	return nil, sfn.Fail("Test.Forgotten", "")
}

// TestStartSurvivesPowerCut cuts the power after a nested execution was started and before that was recorded: the start is repeated and finds it,
// whether it still runs or not.
func TestStartSurvivesPowerCut(t *testing.T) {
	for _, runs := range []time.Duration{10 * time.Second, 2 * time.Minute} {
		t.Run(runs.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := vfs.NewCrashableMem()
				s := openNested(t, disk, func(p runner.Performer) runner.Performer { return forgetful{p} })
				s.start(t)
				child := s.machine(t, "child", childMachine)
				parent := s.started(t, s.machine(t, "parent", parentMachine(".sync", child, "")))
				time.Sleep(runs)
				crashed := disk.CrashClone(vfs.CrashCloneCfg{})
				closing, cancel := context.WithTimeout(t.Context(), time.Second)
				s.Runner.Close(closing)
				cancel()
				if err := s.store.Close(); err != nil {
					t.Error(err)
				}

				s = openNested(t, crashed, nil)
				s.start(t)
				if d := s.end(t, parent); d.Status != sfn.StatusSucceeded {
					t.Errorf("%s: %s", d.Status, d.Failure.String())
				}
				if n := len(s.children(t, child)); n != 1 {
					t.Errorf("%d nested executions", n)
				}
				s.close(t)
			})
		})
	}
}

// TestJobIsStopped cuts the task that waits for a nested execution, in all ways that there are.
func TestJobIsStopped(t *testing.T) {
	for _, tt := range []struct {
		name, machine string // %s is the child's ARN
		cut           func(t *testing.T, s *server, parent string)
		child         sfn.Status
	}{
		{"StopExecution", parentMachine(".sync", "%s", ""), func(t *testing.T, s *server, parent string) {
			if _, err := s.StopExecution(t.Context(), parent, sfn.Failure{}); err != nil {
				t.Error(err)
			}
		}, sfn.StatusAborted},
		{"TimeoutSeconds", strings.Replace(parentMachine(".sync", "%s", ""), `"End"`, `"TimeoutSeconds":5,"End"`, 1), nil, sfn.StatusAborted},
		{"a sibling that fails", `{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[` + parentMachine(".sync", "%s", "") +
			`,{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":5,"Next":"F"},"F":{"Type":"Fail"}}}]}}}`, nil, sfn.StatusAborted},
		{"an answer to the token", parentMachine(".sync", "%s", ""), nil, sfn.StatusSucceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tokens := make(chan string, 1)
				s := openNested(t, vfs.NewMem(), func(p runner.Performer) runner.Performer { return tokenTaker{p, tokens} })
				s.start(t)
				defer s.close(t)
				child := s.machine(t, "child", childMachine)
				parent := s.started(t, s.machine(t, "parent", strings.ReplaceAll(tt.machine, "%s", child)))
				if tt.cut != nil {
					tt.cut(t, s, parent)
				} else if tt.child == sfn.StatusSucceeded {
					if err := s.SendTaskSuccess(t.Context(), <-tokens, `"early"`); err != nil {
						t.Error(err)
					}
				}
				s.end(t, parent)
				nested := s.children(t, child)[0].ARN
				d := s.end(t, nested)
				if d.Status != tt.child {
					t.Errorf("the nested execution: %s", d.Status)
				}
				cause := "The Task state in AWS Step Functions execution [" + parent + "] which was managing this resource was aborted"
				if tt.child == sfn.StatusAborted && (d.Failure.Cause.Text != cause || d.Failure.Error.Set) {
					t.Errorf("stopped with %v", d.Failure)
				}
			})
		})
	}
}

// tokenTaker tells the tokens of calls.
type tokenTaker struct {
	runner.Performer
	tokens chan string
}

func (t tokenTaker) Perform(ctx context.Context, c task.Call) (*value.Data, *sfn.Failure) {
	t.tokens <- c.Token
	return t.Performer.Perform(ctx, c)
}
