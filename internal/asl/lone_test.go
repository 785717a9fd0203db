package asl

import (
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/sfn"
)

func TestParseState(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"target elsewhere", `{"Type":"Pass","Next":"Elsewhere"}`, ""},
		{"no terminal state", `{"Type":"Choice","Choices":[{"Variable":"$.a","IsNull":true,"Next":"A"}],"Default":"B"}`, ""},
		{"inner flow", `{"Type":"Parallel","End":true,"Branches":[{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"}}}]}`,
			"MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/StateName/Branches[0]/States/A/Next"},
		{"field", `{"Type":"Pass","Secret":1,"End":true}`, "SCHEMA_VALIDATION_FAILED: Field 'Secret' is not supported at /States/StateName"},
		{"no object", `[]`, "SCHEMA_VALIDATION_FAILED: "},
		{"escape", `{"Type":"Pass","End":true}},"X":{"Y":{}`, "INVALID_JSON_DESCRIPTION: "},
		{"empty", ``, "SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, diagnostics := ParseState(tt.text, Options{})
			if tt.want == "" {
				if m == nil {
					t.Fatalf("refused: %v", diagnostics)
				}
				if m.States[LoneState].Common().Name != LoneState {
					t.Errorf("the state is called %q", m.States[LoneState].Common().Name)
				}
				return
			}
			if m != nil || len(diagnostics) == 0 || diagnostics[0].Severity != sfn.SeverityError {
				t.Fatalf("taken, with %v", diagnostics)
			}
			if got := diagnostics[0].String(); !strings.HasPrefix(got, tt.want) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAlone(t *testing.T) {
	m, diagnostics := Parse(`{"StartAt":"P","TimeoutSeconds":3,"QueryLanguage":"JSONata","States":{
		"P":{"Type":"Parallel","Next":"M","Branches":[{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}]},
		"M":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"N","States":{
			"N":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Succeed"}}}}}}}}}`, Options{})
	if m == nil {
		t.Fatal(diagnostics)
	}
	for name, want := range map[string]StateType{"P": TypeParallel, "A": TypePass, "M": TypeMap, "N": TypeMap, "B": TypeSucceed} {
		alone, ok := m.Alone(name)
		if !ok {
			t.Errorf("%s is not found", name)
			continue
		}
		c := alone.States[alone.StartAt].Common()
		if c.Type != want || c.Name != LoneState || c.QueryLanguage != JSONata || alone.TimeoutSeconds != 0 {
			t.Errorf("%s is %s %s in %s, machine %v", name, c.Type, c.Name, c.QueryLanguage, alone)
		}
		if m.find(name).Common().Name != name {
			t.Errorf("the machine's own %s was renamed", name)
		}
	}
	if _, ok := m.Alone("X"); ok {
		t.Error("X is found")
	}
	if s := m.States["M"]; !Inner(s, "B") || Inner(s, "M") || Inner(s, "A") {
		t.Error("Inner does not tell what stands in M")
	}
}
