package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
)

// machineOf parses a definition whose only state is S.
func machineOf(t *testing.T, state string) *asl.Machine {
	t.Helper()
	m, diagnostics := asl.Parse(`{"StartAt":"S","States":{"S":{`+state+`}}}`, asl.Options{Type: sfn.Standard})
	if m == nil {
		t.Fatal(diagnostics)
	}
	return m
}

// failureOf runs the machine and returns what its execution ends with, after checking that the history folds back.
func failureOf(t *testing.T, m *asl.Machine, input string, answers map[string][]outcome) sfn.Failure {
	t.Helper()
	w := newWorld(t, m, answers)
	w.check = foldsBack
	w.run(input)
	d, _ := w.events[len(w.events)-1].Details.(*history.FailedDetails)
	if d == nil {
		t.Fatalf("the execution did not fail: %s", w.x.Status())
	}
	return d.Failure
}

// TestDataLimit holds payloads to the quota wherever they arise (developer guide, "Handling errors": States.DataLimitExceeded). The input
// holds 200,000 characters, of which two copies are too many.
func TestDataLimit(t *testing.T) {
	const twice = `{"a.$":"$.x","b.$":"$.x"}`
	const branch = `{"StartAt":"P","States":{"P":{"Type":"Pass","Result":1,"End":true}}}`
	const catch = `"Catch":[{"ErrorEquals":["States.ALL"],"Next":"S"}]`
	input := `{"i":[1],"x":"` + strings.Repeat("x", 200_000) + `"}`
	for _, test := range []struct{ name, state, label, verb string }{
		{"parameters of a Pass", `"Type":"Pass","End":true,"ResultPath":null,"Parameters":` + twice, "S", "provided parameters"},
		{"parameters of a Task", `"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","End":true,` + catch + `,"Parameters":{"FunctionName":"f","a.$":"$.x","b.$":"$.x"}`,
			"lambda", "provided parameters"},
		{"parameters of a Parallel", `"Type":"Parallel","End":true,"ResultPath":null,` + catch + `,"Branches":[` + branch + `],"Parameters":` + twice, "S", "provided parameters"},
		{"arguments of a Parallel", `"Type":"Parallel","QueryLanguage":"JSONata","End":true,"Output":1,"Branches":[` + branch + `],"Arguments":"{% $states.input.x & $states.input.x %}"`,
			"S", "provided parameters"},
		{"an item of a Map", `"Type":"Map","End":true,"ItemsPath":"$.i","ResultPath":null,"ItemProcessor":` + branch + `,"ItemSelector":` + twice, "S", "provided parameters"},
		{"output of a Pass", `"Type":"Pass","End":true,"Parameters":{"a.$":"$.x"},"ResultPath":"$.r"`, "S", "returned a result"},
		{"output of a Wait", `"Type":"Wait","Seconds":1,"QueryLanguage":"JSONata","End":true,"Output":"{% $states.input.x & $states.input.x %}"`, "S", "returned a result"},
		{"variables", `"Type":"Pass","End":true,"Assign":` + twice, "S", "assigned variables"},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := *sfn.Fail(sfn.ErrorDataLimitExceeded,
				"The state/task '%s' %s with a size exceeding the maximum number of bytes service limit.", test.label, test.verb)
			if got := failureOf(t, machineOf(t, test.state), input, nil); got != want {
				t.Errorf("failed with %.300s\nwant %s", got.String(), want.String())
			}
		})
	}
}

// TestAllVariablesLimit assigns 10 MiB of variables in pieces. Assigning the same ones again takes no more room, and what was
// assigned in a branch is free again behind it.
func TestAllVariablesLimit(t *testing.T) {
	const pieces = 45 // of 240,000 bytes; 43 of them fit
	var states strings.Builder
	pass := func(name, variable, next string) {
		fmt.Fprintf(&states, `"%s":{"Type":"Pass","Assign":{"%s.$":"$"},"Next":"%s"},`, name, variable, next)
	}
	for i := range pieces {
		pass(fmt.Sprint("A", i), "same", fmt.Sprint("A", i+1))
	}
	pass(fmt.Sprint("A", pieces), "same", "B")
	states.WriteString(`"B":{"Type":"Parallel","Branches":[{"StartAt":"B0","States":{`)
	for i := range 40 {
		pass(fmt.Sprint("B", i), fmt.Sprint("b", i), fmt.Sprint("B", i+1))
	}
	states.WriteString(`"B40":{"Type":"Pass","End":true}}}],"ResultPath":null,"Next":"C0"},`)
	for i := range pieces {
		pass(fmt.Sprint("C", i), fmt.Sprint("c", i), fmt.Sprint("C", i+1))
	}
	m, diagnostics := asl.Parse(`{"StartAt":"A0","States":{`+states.String()+fmt.Sprintf(`"C%d":{"Type":"Succeed"}}}`, pieces), asl.Options{})
	if m == nil {
		t.Fatal(diagnostics)
	}
	w := newWorld(t, m, nil)
	w.run(`"` + strings.Repeat("x", 239_998) + `"`)
	foldsBack(w)
	got := w.events[len(w.events)-1].Details.(*history.FailedDetails).Failure
	want := *sfn.Fail(sfn.ErrorDataLimitExceeded, "The state/task 'C42' assigned variables with a size exceeding the maximum number of bytes service limit.")
	if got != want {
		t.Errorf("failed with %.300s\nwant %s", got.String(), want.String())
	}
}

// TestFailureTextsAreClipped throws more text than an error and a cause may have.
func TestFailureTextsAreClipped(t *testing.T) {
	long := strings.Repeat("🎻", 20_000) // two UTF-16 code units each
	clipped := sfn.Failure{Error: sfn.Some(long[:4*sfn.MaxErrorLength/2]), Cause: sfn.Some(long[:4*sfn.MaxCauseLength/2])}
	const branches = `"Type":"Parallel","End":true,"Branches":[{"StartAt":"F","States":{"F":{"Type":"Fail","ErrorPath":"$","CausePath":"$"}}}]`
	for _, test := range []struct{ name, state string }{
		{"Fail", `"Type":"Fail","ErrorPath":"$","CausePath":"$"`},
		{"Fail in a branch", branches},
		{"Task", `"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","End":true,"Parameters":{"FunctionName":"f"}`},
		{"function", `"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f","End":true`},
	} {
		t.Run(test.name, func(t *testing.T) {
			answers := map[string][]outcome{"S": {{failure: &sfn.Failure{Error: sfn.Some(long), Cause: sfn.Some(long)}}}}
			if got := failureOf(t, machineOf(t, test.state), `"`+long+`"`, answers); got != clipped {
				t.Errorf("an error of %d and a cause of %d bytes", len(got.Error.Text), len(got.Cause.Text))
			}
		})
	}
	quoted := failureOf(t, machineOf(t, `"Type":"Pass","Parameters":{"a.$":"$.nowhere"},"End":true`), `"`+long+`"`, nil)
	if n := len([]rune(quoted.Cause.Text)); n > sfn.MaxCauseLength || !strings.Contains(quoted.Cause.Text, "$.nowhere") {
		t.Errorf("the cause that quotes the input has %d characters", n)
	}
}

// TestAdvanceIsBounded starts a thousand branches, and then as many items, with a large input each: one Advance must not hold all of that in memory.
func TestAdvanceIsBounded(t *testing.T) {
	const large = 200_000
	var branches []string
	for i := range 1000 {
		branches = append(branches, fmt.Sprintf(`{"StartAt":"P%d","States":{"P%d":{"Type":"Pass","Result":1,"End":true}}}`, i, i))
	}
	for _, state := range []string{
		`"Type":"Parallel","End":true,"Branches":[` + strings.Join(branches, ",") + `]`,
		`"Type":"Map","End":true,"ItemsPath":"$.i","ItemSelector":{"x.$":"$.x"},"ItemProcessor":` + branches[0],
	} {
		w := newWorld(t, machineOf(t, state), nil)
		seen := 0
		w.check = func(w *world) {
			size := 0
			for _, e := range w.events[seen:] {
				size += dataSize(e.Details)
			}
			if seen = len(w.events); size > maxEventsPerAdvance*bytesPerEvent+2*large {
				t.Fatalf("one Advance caused %d bytes", size)
			}
		}
		w.run(`{"i":[` + strings.Repeat("0,", 999) + `0],"x":"` + strings.Repeat("x", large) + `"}`)
		if w.x.Status() != sfn.StatusSucceeded {
			t.Errorf("the execution %s", w.x.Status())
		}
	}
}
