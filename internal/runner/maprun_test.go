package runner_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// distributed is a machine that runs the states as the children of a Map Run.
func distributed(kind, extra, states string) string {
	return `{"StartAt":"M","States":{"M":{"Type":"Map","Label":"items","MaxConcurrency":2,` + extra + `"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"` +
		kind + `"},` + states + `},"End":true}}}`
}

const (
	waitThenPass = `"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"Next":"P"},"P":{"Type":"Pass","End":true}}`
	failOnTwo    = `"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{"Variable":"$","NumericEquals":2,"Next":"F"}],"Default":"S"},"F":{"Type":"Fail","Error":"Two"},"S":{"Type":"Succeed"}}`
)

func TestMapRun(t *testing.T) {
	for _, tt := range []struct {
		name, definition, input string
		status                  sfn.Status
		want                    string // output or error
	}{
		{"standard children", distributed("STANDARD", "", waitThenPass), `[{"a": 1},2,3]`, sfn.StatusSucceeded, `[{"a":1},2,3]`},
		{"express children", distributed("EXPRESS", "", waitThenPass), `[1,2,3]`, sfn.StatusSucceeded, `[1,2,3]`},
		{"no items", distributed("STANDARD", "", waitThenPass), `[]`, sfn.StatusSucceeded, `[]`},
		{"a failure is too many", distributed("STANDARD", "", failOnTwo), `[1,2,3]`, sfn.StatusFailed, "States.ExceedToleratedFailureThreshold"},
		{"a failure is tolerated", distributed("EXPRESS", `"ToleratedFailureCount":1,`, failOnTwo), `[1,2,3]`, sfn.StatusSucceeded, `[1,3]`},
		{"a percentage is tolerated", distributed("STANDARD", `"ToleratedFailurePercentage":34,`, failOnTwo), `[1,2,3]`, sfn.StatusSucceeded, `[1,3]`},
		{"flattened", distributed("STANDARD", `"ResultWriter":{"WriterConfig":{"Transformation":"FLATTEN"}},`, waitThenPass), `[[1,2],[3]]`, sfn.StatusSucceeded, `[1,2,3]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, vfs.NewMem(), tasks{})
				s.start(t)
				defer s.close(t)
				d := s.run(t, s.machine(t, "m", tt.definition), tt.input)
				got := d.Failure.Error.Text
				if d.Output != nil {
					got = d.Output.Text()
				}
				if d.Status != tt.status || got != tt.want {
					t.Errorf("%s %s, want %s %s", d.Status, got, tt.status, tt.want)
				}
			})
		})
	}
}

// TestMapRunGoesOnAfterAPowerCut checks that no child is lost and none is started again.
func TestMapRunGoesOnAfterAPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewCrashableMem()
		s := open(t, disk, tasks{})
		s.start(t)
		m := s.machine(t, "m", distributed("STANDARD", "", waitThenPass))
		started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: m, Input: `[1,2,3,4,5]`})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(90 * time.Second) // two children are done, two at work, one has not begun
		crashed := disk.CrashClone(vfs.CrashCloneCfg{})
		s.close(t)

		s = open(t, crashed, tasks{})
		s.start(t)
		defer s.close(t)
		d := s.end(t, started.ARN)
		if d.Status != sfn.StatusSucceeded || d.Output.Text() != `[1,2,3,4,5]` || d.StopDate.Sub(d.StartDate) != 3*time.Minute {
			t.Errorf("%s %v after %s, want the results after three rounds of a minute", d.Status, d.Output, d.StopDate.Sub(d.StartDate))
		}
		var mapRun string
		for e, err := range s.store.Running() {
			t.Errorf("%s is left running: %v", e.ARN, err)
		}
		child, err := s.store.Execution(childOf(t, s, m))
		if err != nil {
			t.Fatal(err)
		}
		mapRun = child.MapRunARN
		page, _, err := s.Executions(store.Filter{MapRunARN: mapRun})
		if err != nil || len(page) != 5 {
			t.Errorf("%d children, %v; want 5", len(page), err)
		}
	})
}

// childOf finds one child of the machine's only Map Run through the history of its parent.
func childOf(t *testing.T, s *server, machine string) string {
	t.Helper()
	page, _, err := s.Executions(store.Filter{MachineARN: machine})
	if err != nil || len(page) != 1 {
		t.Fatalf("%d executions, %v", len(page), err)
	}
	return s.firstChild(t, page[0].ARN)
}
