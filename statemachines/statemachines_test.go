package statemachines_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/schemas"
	"github.com/tutti-run/tutti/statemachines"
)

// machine is as much of a definition as these tests look at.
type machine struct {
	StartAt        string
	TimeoutSeconds int
	States         map[string]state
}

type state struct {
	Type           string
	Next, Default  string
	End            bool
	Choices, Catch []struct{ Next string }
	Parameters     map[string]any
	TimeoutSeconds int
	ItemProcessor  *machine
}

func read(t *testing.T, file string) (text []byte, m machine) {
	t.Helper()
	text, err := fs.ReadFile(statemachines.FS, file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return text, m
}

// Every definition is JSON whose transitions lead somewhere, whose states are all reachable, and which cannot run, or wait
// for a task, forever.
func TestDefinitions(t *testing.T) {
	files, err := fs.Glob(statemachines.FS, "*.asl.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no definitions embedded: %v", err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			_, m := read(t, file)
			if m.TimeoutSeconds == 0 {
				t.Error("no TimeoutSeconds")
			}
			walk(t, m)
		})
	}
}

// walk follows every transition of m from StartAt, and of the machines inside it.
func walk(t *testing.T, m machine) {
	t.Helper()
	seen := map[string]bool{}
	for queue := []string{m.StartAt}; len(queue) > 0; queue = queue[1:] {
		name := queue[0]
		if seen[name] {
			continue
		}
		seen[name] = true
		s, ok := m.States[name]
		if !ok {
			t.Errorf("transition to %q, which does not exist", name)
			continue
		}
		if s.Type == "Task" && s.TimeoutSeconds == 0 {
			t.Errorf("task %s has no TimeoutSeconds", name)
		}
		if s.ItemProcessor != nil {
			walk(t, *s.ItemProcessor)
		}
		for _, c := range append(s.Choices, s.Catch...) {
			queue = append(queue, c.Next)
		}
		for _, next := range []string{s.Next, s.Default} {
			if next != "" {
				queue = append(queue, next)
			}
		}
	}
	for name := range m.States {
		if !seen[name] {
			t.Errorf("state %s is not reachable", name)
		}
	}
}

// The stack has to fill in every substitution: these are the names it knows.
func TestEndpointWatchSubstitutions(t *testing.T) {
	text, _ := read(t, "endpoint-watch.asl.json")
	var got []string
	for _, match := range regexp.MustCompile(`\$\{([^}]*)\}`).FindAllSubmatch(text, -1) {
		got = append(got, string(match[1]))
	}
	slices.Sort(got)
	if want := []string{"ProbeEndpointFunctionArn", "SummarizeProbesFunctionArn"}; !slices.Equal(got, want) {
		t.Errorf("substitutions %v, want %v", got, want)
	}
}

// The record that the workflow writes for a failed probe has the members of the one that the function returns.
func TestEndpointWatchRecordsHaveOneShape(t *testing.T) {
	_, m := read(t, "endpoint-watch.asl.json")
	var got []string
	for name := range maps.Keys(m.States["ProbeEndpoints"].ItemProcessor.States["RecordFailure"].Parameters) {
		got = append(got, strings.TrimSuffix(name, ".$"))
	}
	text, err := fs.ReadFile(schemas.FS, "probe-endpoint.output.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var contract struct {
		Defs struct{ Record struct{ Required []string } } `json:"$defs"`
	}
	if err := json.Unmarshal(text, &contract); err != nil {
		t.Fatal(err)
	}
	want := contract.Defs.Record.Required
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("members %v, want %v", got, want)
	}
}
