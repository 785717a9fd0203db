package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// TestRedriveOfTooMuchData checks that a Parallel is run anew, with the branches that had succeeded, if its output was over the quota: nothing
// else could make a difference.
func TestRedriveOfTooMuchData(t *testing.T) {
	machine, diagnostics := asl.Parse(`{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
		{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}}},
		{"StartAt":"B","States":{"B":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}}}]}}}`,
		asl.Options{Type: sfn.Standard})
	if machine == nil {
		t.Fatal(diagnostics)
	}
	large := `"` + strings.Repeat("x", 200_000) + `"`
	w := newWorld(t, machine, map[string][]outcome{"A": {{output: large}}, "B": {{output: large}, {output: `"small"`}}})
	w.check = foldsBack
	w.redrives = []time.Duration{time.Second}
	w.run(`{}`)
	if w.x.Status() != sfn.StatusSucceeded || w.asked["A"] != 2 || w.asked["B"] != 2 {
		t.Errorf("%s after %d and %d calls, want success after two of each", w.x.Status(), w.asked["A"], w.asked["B"])
	}
}

// TestRedriveKeepsWhatSucceeded checks that a Parallel whose branches have all succeeded does not run them again for a field of its own that
// cannot be evaluated, however often it is redriven.
func TestRedriveKeepsWhatSucceeded(t *testing.T) {
	machine, diagnostics := asl.Parse(`{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"ResultSelector":{"x.$":"$[7].missing"},"Branches":[
		{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}}}]}}}`,
		asl.Options{Type: sfn.Standard})
	if machine == nil {
		t.Fatal(diagnostics)
	}
	w := newWorld(t, machine, map[string][]outcome{"A": {{output: `1`}}})
	w.check = foldsBack
	w.redrives = []time.Duration{time.Second, time.Second}
	w.run(`{}`)
	if w.x.Status() != sfn.StatusFailed || w.x.Redrives() != 2 || w.asked["A"] != 1 {
		t.Errorf("%s after %d redrives and %d calls, want a failure after 2 and 1", w.x.Status(), w.x.Redrives(), w.asked["A"])
	}
}

func TestRedriveTokens(t *testing.T) {
	machine, _ := asl.Parse(`{"StartAt":"F","States":{"F":{"Type":"Fail"}}}`, asl.Options{Type: sfn.Standard})
	w := newWorld(t, machine, nil)
	for range 12 {
		w.redrives = append(w.redrives, time.Second)
	}
	w.run(`{}`)
	for n := range 13 {
		at, ok := w.x.RedrivenWith(fmt.Sprint("token", n), w.now)
		if want := n >= 2 && n < 12; ok != want || ok && !at.Equal(epoch.Add(time.Duration(n+1)*time.Second)) {
			t.Errorf("token%d: %s %v, want %v: the last ten are remembered", n, at, ok, want)
		}
	}
	if _, ok := w.x.RedrivenWith("token11", w.now.Add(15*time.Minute)); ok {
		t.Error("a token is remembered for longer than 15 minutes")
	}
	if _, ok := w.x.RedrivenWith("", w.now); ok {
		t.Error("no token counts as one")
	}
}

// TestOldTokensAfterRedrive checks that an answer to an attempt before the redrive is late.
func TestOldTokensAfterRedrive(t *testing.T) {
	machine, _ := asl.Parse(`{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:us-east-1:000000000000:activity:a","End":true}}}`,
		asl.Options{Type: sfn.Standard})
	x := New(machine, Identity{ARN: "arn:aws:states:us-east-1:000000000000:execution:m:run"})
	x.Advance(Start{data(`{}`)}, epoch)
	old := x.Pending()[0]
	x.Advance(Stop{}, epoch)
	x.Advance(Redrive{}, epoch)
	fresh := x.Pending()[0]
	if old.Token == fresh.Token || old.Scheduled == fresh.Scheduled {
		t.Errorf("the redriven task has the old token of event %d", old.Scheduled)
	}
	x.Advance(ActivityStarted{old.Scheduled, "w"}, epoch)
	if events := x.Advance(TaskSucceeded{old.Scheduled, data(`1`)}, epoch); len(events) > 0 {
		t.Errorf("the old task was answered: %s", print(events))
	}
}

// TestNotToBeRedriven checks that success and Express executions stay ended.
func TestNotToBeRedriven(t *testing.T) {
	for _, tt := range []struct {
		kind       sfn.MachineType
		definition string
	}{
		{sfn.Standard, `{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`},
		{sfn.Express, `{"StartAt":"F","States":{"F":{"Type":"Fail"}}}`},
	} {
		machine, _ := asl.Parse(tt.definition, asl.Options{Type: tt.kind})
		x := New(machine, Identity{})
		x.Advance(Start{data(`{}`)}, epoch)
		if events := x.Advance(Redrive{}, epoch); len(events) > 0 || !x.Status().Ended() {
			t.Errorf("%s %s: %s", tt.kind, tt.definition, print(events))
		}
	}
}

// TestRedriveAtTheQuotaOnEvents checks that an execution redriven with the last events that it may have still ends in order.
func TestRedriveAtTheQuotaOnEvents(t *testing.T) {
	machine, _ := asl.Parse(`{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"Next":"B"},"B":{"Type":"Pass","Next":"A"}}}`, asl.Options{Type: sfn.Standard})
	if machine == nil {
		machine, _ = asl.Parse(`{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"Next":"C"},"C":{"Type":"Choice","Choices":[{"Variable":"$.x","IsPresent":true,"Next":"D"}],"Default":"A"},"D":{"Type":"Succeed"}}}`, asl.Options{Type: sfn.Standard})
	}
	x := New(machine, Identity{})
	now := epoch
	x.Advance(Start{data(`{}`)}, now)
	for x.LastEventID() < sfn.MaxHistoryEvents-10 {
		now = now.Add(time.Second)
		x.Advance(Tick{}, now)
	}
	x.Advance(Stop{}, now)
	events := x.Advance(Redrive{}, now)
	if len(events) == 0 || events[0].Type != history.ExecutionRedriven {
		t.Fatalf("redriven: %s", print(events))
	}
	for !x.Status().Ended() {
		now = now.Add(time.Second)
		events = append(events, x.Advance(Tick{}, now)...)
	}
	last := events[len(events)-1]
	if last.ID != sfn.MaxHistoryEvents || last.Type != history.ExecutionFailed || x.Failure().Error.Text != string(sfn.ErrorRuntime) {
		t.Errorf("the last event is %s", print(events[len(events)-1:]))
	}
	if events := x.Advance(Redrive{}, now); len(events) > 0 {
		t.Errorf("beyond the quota: %s", print(events))
	}
}

func data(text string) *value.Data { return value.RecordedData(text) }
