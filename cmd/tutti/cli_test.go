package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/stack"
	"github.com/tutti-run/tutti/internal/store"
)

func testCLI(t *testing.T, stdin, dir string) (*cli, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	var out, trouble bytes.Buffer
	return newCLI(strings.NewReader(stdin), &out, &trouble, nil, dir, func() time.Time { return began }), &out, &trouble
}

func TestInput(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in.json"), []byte("{\"a\": 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	big := `"` + strings.Repeat("x", sfn.MaxPayloadBytes) + `"`
	for _, test := range []struct{ given, stdin, want, problem string }{
		{"", "", "{}", ""},
		{"in.json", "", "{\"a\": 1}\n", ""},
		{filepath.Join(dir, "in.json"), "", "{\"a\": 1}\n", ""},
		{`{"a": 1.0}`, "", `{"a": 1.0}`, ""},
		{"null", "", "null", ""},
		{"42", "", "42", ""},
		{"-", "[1]", "[1]", ""},
		{"-", "", "", "standard input"},
		{"-", big, "", "less than or equal to 262144 bytes"},
		{"gone.json", "", "", "no such file"},
		{".", "", "", "it is a folder"},
		{`{"a"`, "", "", "InvalidExecutionInput"},
		{"-", "{} {}", "", "InvalidExecutionInput"},
	} {
		c, _, _ := testCLI(t, test.stdin, dir)
		got, err := c.input(test.given)
		switch {
		case test.problem == "" && (err != nil || got != test.want):
			t.Errorf("%.20q: got %q, %v", test.given, got, err)
		case test.problem != "" && test.given != "-" && (err == nil || !strings.Contains(err.Error(), test.problem)):
			t.Errorf("%.20q: got %v, want %q", test.given, err, test.problem)
		case test.problem != "" && codeOf(err) != exitUsage:
			t.Errorf("%.20q: exit code %d", test.given, codeOf(err))
		}
	}
}

func TestLocate(t *testing.T) {
	root := t.TempDir()
	below := filepath.Join(root, "a", "b")
	if err := errors.Join(os.MkdirAll(below, 0o700), os.WriteFile(filepath.Join(root, "cdk.json"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	c, _, _ := testCLI(t, "", below)
	p, err := c.locate(projectFlags{})
	if err != nil || p.root != root || p.data != filepath.Join(root, ".tutti") {
		t.Errorf("got %+v, %v", p, err)
	}
	p, err = c.locate(projectFlags{project: "..", data: "d"})
	if err != nil || p.root != filepath.Join(root, "a") || p.data != filepath.Join(below, "d") {
		t.Errorf("got %+v, %v", p, err)
	}
	if _, err = c.locate(projectFlags{project: "nowhere"}); codeOf(err) != exitUsage {
		t.Errorf("got %v", err)
	}
	if _, err := c.template(project{root: root}, ""); codeOf(err) != exitUsage || !strings.Contains(err.Error(), "give --template") {
		t.Errorf("no template: %v", err)
	}
	snapshot := filepath.Join(root, "infra", "snapshot")
	if err := os.MkdirAll(snapshot, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"A", "B"} {
		if err := os.WriteFile(filepath.Join(snapshot, name+".template.json"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		path, err := c.template(project{root: root}, "")
		if name == "A" && (err != nil || path != filepath.Join(snapshot, "A.template.json")) {
			t.Errorf("one template: %s, %v", path, err)
		}
		if name == "B" && (codeOf(err) != exitUsage || !strings.Contains(err.Error(), "B.template.json")) {
			t.Errorf("two templates: %v", err)
		}
	}
}

// A file that a server left behind is no server, not even if another one listens on its port now.
func TestRunning(t *testing.T) {
	data := t.TempDir()
	mine := endpoint{ID: newID(), PID: 1}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(identityHeader, mine.ID) }))
	defer server.Close()
	check := func(when string, want error) {
		t.Helper()
		if _, err := running(t.Context(), data); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", when, err, want)
		}
	}
	check("without a file", errNoServer)
	mine.URL = server.URL
	if err := mine.write(data); err != nil {
		t.Fatal(err)
	}
	check("while it runs", nil)
	other := endpoint{URL: server.URL, ID: newID()}
	if err := other.write(data); err != nil {
		t.Fatal(err)
	}
	check("another on the port", errNoServer)
	mine.remove(data)
	if _, err := os.Stat(endpointFile(data)); err != nil {
		t.Error("a server removed another's file")
	}
	other.remove(data)
	if _, err := os.Stat(endpointFile(data)); err == nil {
		t.Error("a server left its file")
	}
	if err := os.WriteFile(endpointFile(data), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	check("with half a file", errNoServer)
}

func TestExitCodes(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	r := &remote{url: "http://x"}
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{errors.New("x"), exitTrouble},
		{fmt.Errorf("x: %w", context.Canceled), exitInterrupted},
		{usage("x"), exitUsage},
		{dataProblem(fmt.Errorf("x: %w", &store.OpenError{Kind: store.ErrInUse})), exitData},
		{dataProblem(&store.NewerVersionError{}), exitData},
		{dataProblem(errors.New("x")), exitTrouble},
		{r.explain(nil), exitOK},
		{r.explain(fmt.Errorf("x: %w", refused)), exitNoServer},
		{r.explain(errors.New("no HTTP")), exitNoServer},
		{r.explain(&smithy.GenericAPIError{Code: "InvalidArn"}), exitUsage},
		{r.explain(&smithy.GenericAPIError{Code: "InternalFailure"}), exitTrouble},
	} {
		if got := codeOf(test.err); got != test.want {
			t.Errorf("%v: got %d, want %d", test.err, got, test.want)
		}
	}
}

func TestEndpoints(t *testing.T) {
	for _, test := range []struct {
		address string
		local   bool
		region  string
	}{
		{"http://127.0.0.1:4566", true, ""},
		{"http://localhost:4566", true, ""},
		{"http://[::1]:4566", true, ""},
		{"http://states.localhost:4566", true, ""},
		{"https://states.eu-west-1.amazonaws.com", false, "eu-west-1"},
		{"https://sync-states.us-east-1.amazonaws.com", false, "us-east-1"},
		{"https://proxy.example", false, ""},
	} {
		c, _, _ := testCLI(t, "", t.TempDir())
		r, err := c.dial(t.Context(), test.address)
		if err != nil || r.local != test.local {
			t.Errorf("%s: local %t, %v", test.address, r != nil && r.local, err)
		}
		host, _, _ := strings.Cut(strings.TrimPrefix(test.address, "https://"), ":")
		if got := regionOf(host); got != test.region {
			t.Errorf("%s: region %q", test.address, got)
		}
	}
	c, _, _ := testCLI(t, "", t.TempDir())
	for _, bad := range []string{"127.0.0.1:4566", "ftp://x", "http://", ":"} {
		if _, err := c.dial(t.Context(), bad); codeOf(err) != exitUsage {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// JSON has AWS's casing, no absent members, times in RFC 3339, and texts byte for byte.
func TestPrintJSON(t *testing.T) {
	c, out, _ := testCLI(t, "", "")
	err := c.printJSON(struct{ Events []types.HistoryEvent }{[]types.HistoryEvent{{
		Id: 2, Type: types.HistoryEventTypePassStateExited, Timestamp: new(began),
		StateExitedEventDetails: &types.StateExitedEventDetails{
			Name: aws.String("<A>"), Output: aws.String(`{"é":1}`), AssignedVariables: map[string]string{"x": "1"},
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, out.Bytes()); err != nil {
		t.Fatal(err)
	}
	want := `{"events":[{"id":2,"timestamp":"2026-03-01T12:00:00.000Z","type":"PassStateExited","previousEventId":0,` +
		`"stateExitedEventDetails":{"name":"<A>","assignedVariables":{"x":"1"},"output":"{\"é\":1}"}}]}`
	if compact.String() != want {
		t.Errorf("got  %s\nwant %s", compact.String(), want)
	}
}

func TestPosition(t *testing.T) {
	for _, test := range []struct{ offset, line, column int }{{0, 1, 1}, {1, 1, 2}, {3, 2, 1}, {6, 2, 3}, {99, 2, 4}, {-1, 1, 1}} {
		if line, column := position("ab\néö!", test.offset); test.offset != 99 && (line != test.line || column != test.column) {
			t.Errorf("%d: got %d:%d, want %d:%d", test.offset, line, column, test.line, test.column)
		}
	}
}

func TestBuildProgress(t *testing.T) {
	c, _, trouble := testCLI(t, "", "")
	b := &buildProgress{console: c.err}
	for _, e := range []stack.Event{
		{Kind: stack.FunctionBuilding, Name: "a"}, {Kind: stack.FunctionBuilding, Name: "b"}, {Kind: stack.FunctionUpToDate, Name: "c"},
		{Kind: stack.FunctionBuilt, Name: "a", Duration: 1200 * time.Millisecond},
		{Kind: stack.FunctionFailed, Name: "b", Err: errors.New("main.go:1:1: oops\nmore")},
		{Kind: stack.MachineWarned, Name: "m", Detail: "differs"},
		{Kind: stack.ScheduleRefused, Name: "s", Detail: "rate(0)", Err: errors.New("no rate")},
	} {
		b.event(e)
	}
	b.done()
	if want := "main.go:1:1: oops\nmore\nm: differs\ns: rate(0): no rate\nbuilt 1 function in 1.20 s\n"; trouble.String() != want {
		t.Errorf("got %q, want %q", trouble.String(), want)
	}
}

// Every command has a summary, an example and a usage line.
func TestCommandsExplainThemselves(t *testing.T) {
	c, _, _ := testCLI(t, "", "")
	for _, cmd := range c.root().Commands() {
		if cmd.Short == "" || cmd.Example == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: summary %q, example %q", cmd.Name(), cmd.Short, cmd.Example)
		}
	}
}

// Large answers of a server that is as quick as one on this computer reach the client every time.
func TestQuickServer(t *testing.T) {
	answer := `{"stateMachines":[],"padding":"` + strings.Repeat("x", 64<<10) + `"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
	defer server.Close()
	r := &remote{Client: localAPI(server.URL), url: server.URL}
	for range 300 {
		if _, err := r.machines(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
