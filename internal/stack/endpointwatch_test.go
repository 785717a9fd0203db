package stack_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/stack"
)

// TestEndpointWatch runs the project's own template with its real functions: one endpoint healthy, one slow, one that nothing listens at.
func TestEndpointWatch(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := open(t, stack.Config{Project: root, Template: filepath.Join(root, "infra/snapshot/EndpointWatch.template.json"), Data: t.TempDir()})
	for _, f := range s.Functions() {
		if f.Err != nil {
			t.Fatal(f.Err)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(20 * time.Millisecond)
		}
	}))
	defer server.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	m := s.Machines()[0]
	if m.Name != "endpoint-watch" || m.Err != nil {
		t.Fatalf("%+v", m)
	}
	started, err := s.Runner().StartExecution(t.Context(), runner.StartRequest{MachineARN: m.ARN, Input: fmt.Sprintf(
		`{"timeoutMillis":10000,"slowMillis":10000,"endpoints":[{"name":"a","url":"%s/"},{"name":"b","url":"%s/slow","slowMillis":1},{"name":"c","url":"http://%s/"}]}`,
		server.URL, server.URL, nobody)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Runner().Await(t.Context(), started.ARN); err != nil {
		t.Fatal(err)
	}
	printed := 0
	for _, g := range s.Logs().Groups(func(string) bool { return true }) {
		page, err := s.Logs().Read(t.Context(), logs.Query{Group: g.Name, After: logs.Front, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if strings.HasPrefix(e.Message, "START RequestId: ") && strings.HasSuffix(e.Message, "\n") {
				printed++
			}
		}
	}
	if printed == 0 {
		t.Error("no log group has lines of a function")
	}
	d, err := s.Runner().Describe(started.ARN)
	if err != nil || d.Status != sfn.StatusSucceeded {
		t.Fatalf("%s %v, %v", d.Status, d.Failure, err)
	}
	var output struct {
		Summary struct {
			Healthy, Degraded, Down int
			Worst                   string
		}
		Event struct{ Entries []json.RawMessage }
	}
	if err := json.Unmarshal([]byte(d.Output.Text()), &output); err != nil {
		t.Fatal(err)
	}
	if s := output.Summary; s.Healthy != 1 || s.Degraded != 1 || s.Down != 1 || s.Worst != "down" || len(output.Event.Entries) != 1 {
		t.Errorf("output %s", d.Output.Text())
	}
	failed := 0
	events, _, err := s.Runner().History(started.ARN, 1)
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range events {
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := e.Details.(*history.TaskFailedDetails); ok && d.Error.Text == "Endpoint.Unreachable" {
			failed++
		}
	}
	if failed != 4 {
		t.Errorf("the unreachable endpoint was tried %d times, want once and three retries", failed)
	}
}
