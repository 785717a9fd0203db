package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
)

// generator makes small machines out of all types of states.
type generator struct {
	*rapid.T
	states  int
	answers map[string][]outcome
}

// flow makes a chain of states, the value of StartAt and States.
func (g *generator) flow(depth int) map[string]any {
	n := rapid.IntRange(1, 3).Draw(g.T, "length")
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint("S", g.states)
		g.states++
	}
	states := map[string]any{}
	for i, name := range names {
		next := ""
		if i+1 < n {
			next = names[i+1]
		}
		states[name] = g.state(name, next, names, depth)
	}
	return map[string]any{"StartAt": names[0], "States": states}
}

func (g *generator) state(name, next string, names []string, depth int) map[string]any {
	kinds := []string{"Pass", "Wait", "Task", "Task", "Choice", "Parallel", "Map", "Fail"}
	if depth == 0 {
		kinds = kinds[:5]
	}
	kind := rapid.SampledFrom(kinds).Draw(g.T, "type")
	if kind == "Fail" && next != "" {
		kind = "Pass" // it would cut off the states behind
	}
	s := map[string]any{"Type": kind}
	switch kind {
	case "Fail":
		s["Error"] = rapid.SampledFrom([]string{"E", "F"}).Draw(g.T, "error")
		return s
	case "Choice":
		if next == "" {
			s["Type"] = "Succeed"
			return s
		}
		s["Choices"] = []any{map[string]any{"Variable": "$$.State.Name", "StringMatches": rapid.SampledFrom([]string{"S*1", "*"}).Draw(g.T, "pattern"), "Next": next}}
		s["Default"] = rapid.SampledFrom(names[len(names)-1:]).Draw(g.T, "default")
		return s
	case "Wait":
		s["Seconds"] = rapid.IntRange(0, 5).Draw(g.T, "seconds")
	case "Task":
		s["Resource"] = "arn:aws:states:::lambda:invoke" + rapid.SampledFrom([]string{"", ".waitForTaskToken"}).Draw(g.T, "pattern")
		s["Parameters"] = map[string]any{"FunctionName": "f", "Payload.$": "$"}
		s["TimeoutSeconds"] = rapid.IntRange(1, 9).Draw(g.T, "timeout")
		g.answers[name] = g.outcomes()
	case "Parallel":
		branches := []any{}
		for range rapid.IntRange(1, 3).Draw(g.T, "branches") {
			branches = append(branches, g.flow(depth-1))
		}
		s["Branches"] = branches
	case "Map":
		s["ItemsPath"] = "$$.Execution.Input.items"
		s["MaxConcurrency"] = rapid.IntRange(0, 2).Draw(g.T, "concurrency")
		s["ItemProcessor"] = g.flow(depth - 1)
	}
	if kind == "Task" || kind == "Parallel" || kind == "Map" {
		if rapid.Bool().Draw(g.T, "retries") {
			s["Retry"] = []any{map[string]any{"ErrorEquals": []string{rapid.SampledFrom([]string{"E", "States.ALL"}).Draw(g.T, "retried")},
				"MaxAttempts": rapid.IntRange(0, 2).Draw(g.T, "attempts"), "JitterStrategy": rapid.SampledFrom([]string{"FULL", "NONE"}).Draw(g.T, "jitter")}}
		}
		if next != "" && rapid.Bool().Draw(g.T, "catches") {
			s["Catch"] = []any{map[string]any{"ErrorEquals": []string{rapid.SampledFrom([]string{"F", "States.ALL"}).Draw(g.T, "caught")}, "Next": next}}
		}
	}
	if next != "" {
		s["Next"] = next
	} else {
		s["End"] = true
	}
	return s
}

func (g *generator) outcomes() []outcome {
	var list []outcome
	for range rapid.IntRange(1, 3).Draw(g.T, "outcomes") {
		out := outcome{after: time.Duration(rapid.IntRange(0, 4).Draw(g.T, "after")) * time.Second}
		switch rapid.SampledFrom([]string{"output", "output", "E", "F", "none"}).Draw(g.T, "outcome") {
		case "output":
			out.output = `{"ok": true}`
		case "E":
			out.failure = sfn.Fail("E", "c")
		case "F":
			out.failure = sfn.Fail("F", "c")
		}
		if rapid.Bool().Draw(g.T, "submitted") {
			out.submitted = `{}`
		}
		list = append(list, out)
	}
	return list
}

// TestRandomMachines checks over machines that nobody thought of that an execution always ends, also when it is stopped and redriven,
// that its history is well-formed, and that it is never more than its history.
func TestRandomMachines(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := &generator{T: rt, answers: map[string][]outcome{}}
		definition, err := json.Marshal(g.flow(2))
		if err != nil {
			t.Fatal(err)
		}
		machine, diagnostics := asl.Parse(string(definition), asl.Options{Type: sfn.Standard})
		if machine == nil {
			rt.Fatalf("%s: %v", definition, diagnostics)
		}
		w := newWorld(t, machine, g.answers)
		for range rapid.IntRange(0, 2).Draw(rt, "redrives") {
			w.redrives = append(w.redrives, time.Duration(rapid.IntRange(0, 3).Draw(rt, "after"))*time.Second)
		}
		if rapid.Bool().Draw(rt, "stopped") {
			w.stopAt = time.Duration(rapid.IntRange(1, 9).Draw(rt, "stopAt")) * time.Second
		}
		w.check = func(w *world) {
			folded, err := Fold(machine, w.x.Identity(), recorded(w.events))
			if err != nil {
				rt.Fatalf("%s: %v", definition, err)
			}
			if got, want := state(folded), state(w.x); got != want {
				rt.Fatalf("%s\nfolded\n%s\nlive\n%s", definition, got, want)
			}
		}
		w.run(`{"items":[1,2,3]}`)
		if fault := malformed(w.events); fault != "" {
			rt.Fatalf("%s\n%s\n%s", definition, fault, print(w.events))
		}
	})
}

// malformed says what is wrong with a history, "" if nothing is.
func malformed(events []history.Event) string {
	for i, e := range events {
		switch last := i == len(events)-1 || events[i+1].Type == history.ExecutionRedriven; {
		case e.ID != int64(i+1):
			return fmt.Sprintf("event %d has the id %d", i+1, e.ID)
		case e.PreviousID >= e.ID || e.PreviousID < 0:
			return fmt.Sprintf("event %d points at %d", e.ID, e.PreviousID)
		case i > 0 && e.Time.Before(events[i-1].Time):
			return fmt.Sprintf("event %d goes back in time", e.ID)
		case e.Type.EndsExecution() != last:
			return fmt.Sprintf("event %d, %s, is not the last, or the last is none that ends", e.ID, e.Type)
		case (e.Type == history.ExecutionStarted) != (i == 0):
			return fmt.Sprintf("event %d is %s", e.ID, e.Type)
		case strings.HasSuffix(string(e.Type), "StateExited") && e.PreviousID == 0:
			return fmt.Sprintf("event %d, %s, has no cause", e.ID, e.Type)
		}
	}
	return ""
}
