package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/events"
	"github.com/tutti-run/tutti/functions/internal/lambdatest"
	"github.com/tutti-run/tutti/functions/internal/probe"
	"github.com/tutti-run/tutti/functions/internal/task"
)

func TestMain(m *testing.M) { lambdatest.Main(m, main) }

func event(t *testing.T) string {
	t.Helper()
	text, err := fs.ReadFile(events.FS, "summarize-probes.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The sample records come out counted, the worst first, and otherwise as they went in.
func TestFunction(t *testing.T) {
	f := lambdatest.Start(t)
	a := f.Invoke(event(t), time.Minute)
	var in Input
	var out Summary
	if err := json.Unmarshal(a.Body, &out); err != nil || a.Failed {
		t.Fatalf("posted %s (%v)", a.Body, err)
	}
	if err := json.Unmarshal([]byte(event(t)), &in); err != nil {
		t.Fatal(err)
	}
	if out.Total != 3 || out.Healthy != 1 || out.Degraded != 1 || out.Down != 1 || out.Worst != probe.Down {
		t.Errorf("posted %s", a.Body)
	}
	for i, want := range []probe.Labelled{in.Records[2], in.Records[1], in.Records[0]} {
		if got, want := encode(t, out.Endpoints[i]), encode(t, want); got != want {
			t.Errorf("endpoint %d\n got %s\nwant %s", i, got, want)
		}
	}
	const text = "1 of 3 endpoints healthy, 1 degraded, 1 down.\n" +
		"legacy-billing is down: Endpoint.Unreachable: dial tcp 127.0.0.1:9: connect: connection refused (http://127.0.0.1:9/)\n" +
		"search is degraded: answered in 412 ms, slower than 250 ms (https://search.example/health)"
	if out.Text != text {
		t.Errorf("text\n%s\nwant\n%s", out.Text, text)
	}
}

func TestFunctionRefuses(t *testing.T) {
	f := lambdatest.Start(t)
	cases := []struct{ name, payload, message string }{
		{"no records", `{"records":[]}`, "/records: minItems: got 0, want 1"},
		{"no list", `{}`, "missing property 'records'"},
		{"unlabelled", strings.Replace(event(t), `"severity": "ok"`, `"note": "ok"`, 1), "/records/0: missing property 'severity'"},
		{"superfluous", strings.Replace(event(t), `"severity": "ok"`, `"severity": "ok", "note": "ok"`, 1), "/records/0/note: is not allowed here"},
		{"unknown status", strings.Replace(event(t), `"status": "down"`, `"status": "asleep"`, 1), "/records/2/status: value must be one of 'healthy', 'degraded', 'down'"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			name, message := f.Invoke(c.payload, time.Minute).Failure(t)
			if name != task.InputInvalid || message != c.message {
				t.Errorf("posted %s: %s\nwant %s: %s", name, message, task.InputInvalid, c.message)
			}
		})
	}
}

// records makes a list of records with these statuses.
func records(statuses ...probe.Status) (in Input) {
	for i, s := range statuses {
		in.Records = append(in.Records, probe.Labelled{Record: probe.Record{Index: i, Name: fmt.Sprint("e", i), URL: "http://e", Status: s, Reasons: []string{"why"}}})
	}
	return in
}

func TestSummarize(t *testing.T) {
	const h, g, d = probe.Healthy, probe.Degraded, probe.Down
	cases := []struct {
		name  string
		in    Input
		worst probe.Status
		order string
		text  string
	}{
		{"one healthy", records(h), h, "e0", "1 of 1 endpoints healthy."},
		{"all healthy", records(h, h), h, "e0 e1", "2 of 2 endpoints healthy."},
		{"degraded is worse than healthy", records(h, g), g, "e1 e0", "1 of 2 endpoints healthy, 1 degraded, 0 down.\ne1 is degraded: why (http://e)"},
		{"down is worse than degraded", records(g, d), d, "e1 e0", "0 of 2 endpoints healthy, 1 degraded, 1 down.\ne1 is down: why (http://e)\ne0 is degraded: why (http://e)"},
		{"list order among equals", records(d, h, d, h), d, "e0 e2 e1 e3", "2 of 4 endpoints healthy, 0 degraded, 2 down.\ne0 is down: why (http://e)\ne2 is down: why (http://e)"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := Summarize(t.Context(), c.in)
			if err != nil {
				t.Fatal(err)
			}
			var order []string
			for _, e := range s.Endpoints {
				order = append(order, e.Name)
			}
			if got := strings.Join(order, " "); s.Worst != c.worst || got != c.order || s.Text != c.text {
				t.Errorf("worst %s, order %s, text\n%s\nwant %s, %s,\n%s", s.Worst, got, s.Text, c.worst, c.order, c.text)
			}
			if s.Healthy+s.Degraded+s.Down != s.Total {
				t.Errorf("%d + %d + %d are not %d", s.Healthy, s.Degraded, s.Down, s.Total)
			}
		})
	}
}

// Fifty endpoints down with the longest names and reasons are still a message, and the records still leave in full.
func TestTextIsBounded(t *testing.T) {
	in := records(make([]probe.Status, 50)...)
	for i := range in.Records {
		in.Records[i].Status = probe.Down
		in.Records[i].Reasons = []string{strings.Repeat("ß", 500)}
	}
	s, err := Summarize(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(s.Text, "\n"); len(lines) != 12 || lines[11] != "and 40 more." || len([]rune(s.Text)) > 4000 {
		t.Errorf("text of %d lines, %d bytes", len(lines), len(s.Text))
	}
	if len(s.Endpoints) != 50 {
		t.Errorf("%d endpoints", len(s.Endpoints))
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
