package main

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/events"
	"github.com/tutti-run/tutti/functions/internal/lambdatest"
	"github.com/tutti-run/tutti/functions/internal/probe"
	"github.com/tutti-run/tutti/functions/internal/task"
	"github.com/tutti-run/tutti/statemachines"
)

func TestMain(m *testing.M) { lambdatest.Main(m, main) }

// event is events/probe-endpoint.json with the endpoint's url replaced.
func event(t *testing.T, url string) Input {
	t.Helper()
	text, err := fs.ReadFile(events.FS, "probe-endpoint.json")
	if err != nil {
		t.Fatal(err)
	}
	var in Input
	if err := json.Unmarshal(text, &in); err != nil {
		t.Fatal(err)
	}
	in.Endpoint.URL = url
	return in
}

// payload is event as JSON text, with members of the endpoint replaced or added.
func payload(t *testing.T, url string, edits map[string]any) string {
	t.Helper()
	text, err := fs.ReadFile(events.FS, "probe-endpoint.json")
	if err != nil {
		t.Fatal(err)
	}
	var in map[string]any
	if err := json.Unmarshal(text, &in); err != nil {
		t.Fatal(err)
	}
	endpoint := in["endpoint"].(map[string]any)
	endpoint["url"] = url
	for name, value := range edits {
		endpoint[name] = value
	}
	text, err = json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocking is a server that answers nothing until the test ends.
func blocking(t *testing.T) *httptest.Server {
	t.Helper()
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-ended }))
	t.Cleanup(func() {
		close(ended)
		server.Close()
	})
	return server
}

// What a workflow sees of the function: the record, and errors under the names that it retries and catches.
func TestFunction(t *testing.T) {
	healthy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer healthy.Close()
	untrusted := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer untrusted.Close()
	f := lambdatest.Start(t)

	a := f.Invoke(payload(t, healthy.URL, nil), time.Minute)
	var r probe.Record
	if err := json.Unmarshal(a.Body, &r); err != nil || a.Failed {
		t.Fatalf("posted %s (%v)", a.Body, err)
	}
	if r.Name != "shop" || r.URL != healthy.URL || *r.HTTPStatus != 200 || r.RunStartedAt != "2026-10-05T06:00:00.123Z" {
		t.Errorf("posted %s", a.Body)
	}

	cases := []struct {
		name, url string
		edits     map[string]any
		errorType string
		message   string
	}{
		{"timeout", blocking(t).URL, map[string]any{"timeoutMillis": 100}, Timeout, "no complete answer from 127.0.0.1:"},
		{"refused", refused(t), nil, Unreachable, "connection refused"},
		{"untrusted", untrusted.URL, nil, TLS, "certificate"},
		{"scheme", "gopher://127.0.0.1/", nil, task.InputInvalid, "/endpoint/url: "},
		{"credentials", "http://user:secret@127.0.0.1/", nil, task.InputInvalid, "/endpoint/url: "},
		{"no host", "http://:80/", nil, task.InputInvalid, "/endpoint/url: "},
		{"not a URL", "http://[::1/", nil, task.InputInvalid, "/endpoint/url: "},
		{"timeout out of range", healthy.URL, map[string]any{"timeoutMillis": 3_600_000}, task.InputInvalid, "/endpoint/timeoutMillis: "},
		{"status as text", healthy.URL, map[string]any{"expectedStatus": "200"}, task.InputInvalid, "/endpoint/expectedStatus: got string, want integer"},
		{"misspelt member", healthy.URL, map[string]any{"timeout": 100}, task.InputInvalid, "/endpoint/timeout: is not allowed here"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			name, message := f.Invoke(payload(t, c.url, c.edits), time.Minute).Failure(t)
			if name != c.errorType || !strings.Contains(message, c.message) {
				t.Errorf("posted %s: %s\nwant %s: …%s…", name, message, c.errorType, c.message)
			}
		})
	}
}

// The whole of Lambda's time is not the endpoint's: where it is shorter than timeoutMillis there is still a Timeout to catch.
func TestFunctionAnswersBeforeItsDeadline(t *testing.T) {
	f := lambdatest.Start(t)
	name, _ := f.Invoke(payload(t, blocking(t).URL, map[string]any{"timeoutMillis": 10_000}), 500*time.Millisecond).Failure(t)
	if name != Timeout {
		t.Errorf("posted %s, want %s", name, Timeout)
	}
}

// A function that asked its own Runtime API would take the next invocation and throw it away.
func TestFunctionDoesNotProbeItsRuntimeAPI(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the Runtime API was asked") }))
	defer api.Close()
	p := prober{runtimeAPI: strings.TrimPrefix(api.URL, "http://"), now: time.Now}
	for _, url := range []string{api.URL, strings.Replace(api.URL, "127.0.0.1", "localhost", 1), strings.Replace(api.URL, "127.0.0.1", "127.0.0.2", 1)} {
		r, err := p.Probe(t.Context(), event(t, url+"/2018-06-01/runtime/invocation/next"))
		if err != nil || r.Status != probe.Down || !strings.Contains(r.Reasons[0], "Runtime API") {
			t.Errorf("%s: got %+v, %v", url, r, err)
		}
	}
}

// The names of the errors are matched by the workflow: what is renamed here is renamed there.
func TestWorkflowHandlesEveryError(t *testing.T) {
	text, err := fs.ReadFile(statemachines.FS, "endpoint-watch.asl.json")
	if err != nil {
		t.Fatal(err)
	}
	type handlers []struct{ ErrorEquals []string }
	var machine struct {
		States struct {
			ProbeEndpoints struct {
				ItemProcessor struct {
					States struct {
						Probe struct{ Retry, Catch handlers }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(text, &machine); err != nil {
		t.Fatal(err)
	}
	names := func(of handlers) (all []string) {
		for _, h := range of {
			all = append(all, h.ErrorEquals...)
		}
		return all
	}
	task := machine.States.ProbeEndpoints.ItemProcessor.States.Probe
	for _, name := range []string{Unreachable, Timeout, TLS} {
		if !slices.Contains(names(task.Catch), name) {
			t.Errorf("the workflow does not catch %s", name)
		}
		if passes := name != TLS; passes != slices.Contains(names(task.Retry), name) {
			t.Errorf("the workflow retries %s: %v, want %v", name, !passes, passes)
		}
	}
}
