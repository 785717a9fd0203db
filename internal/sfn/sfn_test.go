package sfn_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/sfn"
)

func TestMachineARN(t *testing.T) {
	const plain = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"
	for _, tt := range []struct{ in, name, label, qualifier, unqualified string }{
		{plain, "orders", "", "", plain},
		{plain + ":7", "orders", "", "7", plain},
		{plain + ":live", "orders", "", "live", plain},
		{plain + "/items", "orders", "items", "", plain + "/items"},
	} {
		m, err := sfn.ParseMachineARN(tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if m.Name != tt.name || m.Label != tt.label || m.Qualifier != tt.qualifier || m.Unqualified() != tt.unqualified {
			t.Errorf("%s: %+v, unqualified %s", tt.in, m, m.Unqualified())
		}
	}
	for _, bad := range []string{"", "orders", "arn:aws:states:eu-west-1:123456789012:activity:orders", "arn:aws:lambda:eu-west-1:123456789012:stateMachine:orders"} {
		if _, err := sfn.ParseMachineARN(bad); err == nil {
			t.Errorf("%q was taken for a machine's ARN", bad)
		}
	}
}

func TestExecutionARN(t *testing.T) {
	m, err := sfn.ParseMachineARN("arn:aws:states:eu-west-1:123456789012:stateMachine:orders")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		kind sfn.MachineType
		want string
	}{
		{sfn.Standard, "arn:aws:states:eu-west-1:123456789012:execution:orders:run-1"},
		{sfn.Express, "arn:aws:states:eu-west-1:123456789012:express:orders:run-1:id"},
	} {
		arn := m.ExecutionARN(tt.kind, "run-1", "id")
		if arn != tt.want {
			t.Errorf("%s: %s, want %s", tt.kind, arn, tt.want)
		}
		e, err := sfn.ParseExecutionARN(arn)
		if err != nil || e.Machine != m || e.Name != "run-1" || e.Type != tt.kind {
			t.Errorf("ParseExecutionARN(%s) = %+v, %v", arn, e, err)
		}
	}
}

func TestValidName(t *testing.T) {
	for _, tt := range []struct {
		name string
		want bool
	}{
		{"endpoint-watch", true},
		{"überwachung", true},
		{strings.Repeat("ü", 80), true},
		{strings.Repeat("u", 81), false},
		{"", false},
		{"a b", false},
		{"a/b", false},
		{"a:b", false},
		{"a\u0085b", false},
		{"a\u3000b", false},
	} {
		if got := sfn.ValidName(tt.name); got != tt.want {
			t.Errorf("ValidName(%q) = %v", tt.name, got)
		}
	}
}

func TestOptString(t *testing.T) {
	type details struct {
		Error sfn.OptString `json:"error,omitzero"`
		Cause sfn.OptString `json:"cause,omitzero"`
	}
	for _, tt := range []struct {
		in   details
		want string
	}{
		{details{}, `{}`},
		{details{Error: sfn.Some("")}, `{"error":""}`},
		{details{sfn.Some("E"), sfn.Some("C")}, `{"error":"E","cause":"C"}`},
	} {
		text, err := json.Marshal(tt.in)
		if err != nil || string(text) != tt.want {
			t.Errorf("Marshal(%+v) = %s, %v", tt.in, text, err)
		}
		var back details
		if err := json.Unmarshal(text, &back); err != nil || back != tt.in {
			t.Errorf("Unmarshal(%s) = %+v, %v", text, back, err)
		}
	}
}

func TestStatuses(t *testing.T) {
	for _, s := range sfn.Statuses() {
		if want := s != sfn.StatusRunning && s != sfn.StatusPendingRedrive; s.Ended() != want {
			t.Errorf("%s.Ended() = %v", s, s.Ended())
		}
	}
}
