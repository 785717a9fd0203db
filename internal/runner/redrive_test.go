package runner_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

const passThenTask = `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"T"},
	"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}}}`

// failing answers with a failure so many times, then with 1.
func failing(times int32) func(context.Context, task.Call) (*value.Data, *sfn.Failure) {
	var calls atomic.Int32
	return func(context.Context, task.Call) (*value.Data, *sfn.Failure) {
		if calls.Add(1) <= times {
			return nil, sfn.Fail("E", "not yet")
		}
		return value.NewData(value.Int(1)), nil
	}
}

// TestRedrive follows an execution through a redrive that fails and one that succeeds, with a power cut between them.
func TestRedrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewCrashableMem()
		performer := tasks{"f": failing(2)}
		s := open(t, disk, performer)
		s.start(t)
		d := s.run(t, s.machine(t, "m", passThenTask), `{}`)
		if d.Status != sfn.StatusFailed || d.RedriveStatus != runner.Redrivable || d.RedriveCount != 0 {
			t.Fatalf("%s %s %d, want a failure that can be redriven", d.Status, d.RedriveStatus, d.RedriveCount)
		}
		time.Sleep(time.Hour)
		first, err := s.RedriveExecution(t.Context(), d.ARN, "one")
		if err != nil || !first.Equal(time.Now().UTC().Truncate(time.Millisecond)) {
			t.Fatalf("redriven at %s, %v; want now", first, err)
		}
		d = s.end(t, d.ARN)
		if d.Status != sfn.StatusFailed || d.RedriveCount != 1 || !d.RedriveDate.Equal(first) || d.Failure.Error.Text != "E" {
			t.Fatalf("%+v, want a second failure", d.Execution)
		}

		crashed := disk.CrashClone(vfs.CrashCloneCfg{})
		s.close(t)
		s = open(t, crashed, performer)
		s.start(t)
		defer s.close(t)
		time.Sleep(10 * time.Minute)
		if again, err := s.RedriveExecution(t.Context(), d.ARN, "one"); err != nil || !again.Equal(first) {
			t.Errorf("the same token answers %s, %v; want %s", again, err, first)
		}
		if d := s.end(t, d.ARN); d.Status != sfn.StatusFailed || d.RedriveCount != 1 {
			t.Errorf("the same token redrove: %s, %d redrives", d.Status, d.RedriveCount)
		}
		if _, err := s.RedriveExecution(t.Context(), d.ARN, ""); err != nil {
			t.Fatal(err)
		}
		d = s.end(t, d.ARN)
		if d.Status != sfn.StatusSucceeded || d.Output.Text() != "1" || d.RedriveCount != 2 || d.RedriveStatusReason != "Execution is SUCCEEDED and cannot be redriven" {
			t.Errorf("%+v %v, want success", d.Execution, d.Output)
		}
		passes := 0
		for _, kind := range s.types(t, d.ARN) {
			if kind == history.PassStateEntered {
				passes++
			}
		}
		if passes != 1 {
			t.Errorf("the Pass state was entered %d times", passes)
		}
	})
}

func TestRedriveRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, vfs.NewMem(), tasks{"f": failing(100)})
		s.start(t)
		defer s.close(t)
		m := s.machine(t, "m", passThenTask)
		failed := s.run(t, m, `{}`).ARN
		succeeded := s.run(t, s.machine(t, "p", `{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`), `{}`).ARN
		waits, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: s.machine(t, "w", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":9999999,"End":true}}}`)})
		if err != nil {
			t.Fatal(err)
		}
		refuse := func(arn, token string, want sfn.ExceptionName, text string) {
			t.Helper()
			_, err := s.RedriveExecution(t.Context(), arn, token)
			refused(t, want, func() error { return err })
			if err != nil && err.Error() != string(want)+": "+text {
				t.Errorf("%s\nwant %s: %s", err, want, text)
			}
		}
		refuse(waits.ARN, "", sfn.ExecutionNotRedrivable, "Execution "+waits.ARN+" invalid for redrive as: Execution is RUNNING and cannot be redriven")
		refuse(succeeded, "a", sfn.ExecutionNotRedrivable, "Execution "+succeeded+" invalid for redrive as: Execution is SUCCEEDED and cannot be redriven")
		refuse(failed+"x", "", sfn.ExecutionDoesNotExist, "Execution Does Not Exist: '"+failed+"x'")
		refuse("arn:aws:states:us-east-1:000000000000:express:m:a:b", "", sfn.InvalidArn, "Invalid Arn: 'Resource type not valid in this context: express'")
		refuse("arn:aws:states:us-east-1:000000000000:execution:m/label:a", "", sfn.ValidationException, "Labeled Execution ARNs are not supported for this API")
	})
}

func TestRedriveStatusOf(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		change func(e *store.Execution)
		status runner.RedriveStatus
		reason string
	}{
		{func(*store.Execution) {}, runner.Redrivable, ""},
		{func(e *store.Execution) { e.Status = sfn.StatusAborted }, runner.Redrivable, ""},
		{func(e *store.Execution) { e.Status = sfn.StatusTimedOut }, runner.Redrivable, ""},
		{func(e *store.Execution) { e.MapRunARN = "arn" }, runner.RedrivableByMapRun, ""},
		{func(e *store.Execution) { e.Status = sfn.StatusRunning }, runner.NotRedrivable, "Execution is RUNNING and cannot be redriven"},
		{func(e *store.Execution) { e.Status = sfn.StatusSucceeded }, runner.NotRedrivable, "Execution is SUCCEEDED and cannot be redriven"},
		{func(e *store.Execution) { e.LastEventID = 24_998 }, runner.Redrivable, ""},
		{func(e *store.Execution) { e.LastEventID = 24_999 }, runner.NotRedrivable, "Execution history event limit exceeded"},
		{func(e *store.Execution) { e.StartDate = now.AddDate(-1, 0, -1) }, runner.NotRedrivable, "Execution has exceeded the max execution time"},
		{func(e *store.Execution) { e.StopDate = now.AddDate(0, 0, -14) }, runner.Redrivable, ""},
		{func(e *store.Execution) { e.StopDate = now.AddDate(0, 0, -15) }, runner.NotRedrivable, "Execution redrivable period exceeded"},
	} {
		e := store.Execution{Status: sfn.StatusFailed, StartDate: now.Add(-time.Hour), StopDate: now, LastEventID: 9}
		tt.change(&e)
		if status, reason := runner.RedriveStatusOf(&e, now); status != tt.status || reason != tt.reason {
			t.Errorf("%+v: %s %q, want %s %q", e, status, reason, tt.status, tt.reason)
		}
	}
}

// TestRedriveOfAMapRun checks that the children that succeeded are kept and the others go on, under the same Map Run.
func TestRedriveOfAMapRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, vfs.NewMem(), tasks{"f": failing(1)})
		s.start(t)
		defer s.close(t)
		m := s.machine(t, "m", distributed("STANDARD", "", `"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}}`))
		d := s.run(t, m, `[1,2,3,4]`)
		if d.Status != sfn.StatusFailed {
			t.Fatalf("%s, want a failure", d.Status)
		}
		before, _, err := s.Executions(store.Filter{MapRunARN: s.mapRunOf(t, m)})
		if err != nil {
			t.Fatal(err)
		}
		child := before[0].ARN
		_, err = s.RedriveExecution(t.Context(), child, "")
		refused(t, sfn.ValidationException, func() error { return err })
		if c, err := s.Describe(child); err != nil || c.Status == sfn.StatusFailed && c.RedriveStatus != runner.RedrivableByMapRun {
			t.Errorf("the child is %s, %v", c.RedriveStatus, err)
		}
		time.Sleep(time.Second)
		if _, err := s.RedriveExecution(t.Context(), d.ARN, ""); err != nil {
			t.Fatal(err)
		}
		d = s.end(t, d.ARN)
		if d.Status != sfn.StatusSucceeded || d.Output.Text() != `[1,1,1,1]` {
			t.Errorf("%s %v %v, want four results", d.Status, d.Output, d.Failure)
		}
		after, _, err := s.Executions(store.Filter{MapRunARN: s.mapRunOf(t, m)})
		if err != nil || len(after) != 4 {
			t.Fatalf("%d children, %v; want 4", len(after), err)
		}
		redriven := 0
		for _, e := range after {
			redriven += e.RedriveCount
		}
		if redriven == 0 || redriven > len(before) {
			t.Errorf("%d children were redriven of %d", redriven, len(before))
		}
		kinds := s.types(t, d.ARN)
		if at := slices.Index(kinds, history.MapRunRedriven); at < 0 || kinds[at-1] != history.ExecutionRedriven {
			t.Errorf("no MapRunRedriven after ExecutionRedriven in %v", kinds)
		}
	})
}

// mapRunOf is the ARN of the machine's only Map Run.
func (s *server) mapRunOf(t *testing.T, machine string) string {
	t.Helper()
	child, err := s.store.Execution(childOf(t, s, machine))
	if err != nil {
		t.Fatal(err)
	}
	return child.MapRunARN
}
