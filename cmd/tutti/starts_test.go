package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tutti-run/tutti/internal/stack"
)

// The project's own template: a schedule, an event and a call over HTTP each start an execution, whose real function looks at an endpoint of its own.
func TestOwnTemplateIsStartedInThreeWays(t *testing.T) {
	seen := make(chan string, 100)
	watched := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.URL.Path }))
	defer watched.Close()
	s := serveOwnTemplate(t, watched.URL)
	input := func(by string) string {
		return fmt.Sprintf(`{"endpoints":[{"name":"e","url":"%s/%s"}]}`, watched.URL, by)
	}

	entry, err := json.Marshal(map[string]any{"Entries": []any{map[string]string{"Source": "pipeline", "DetailType": "Endpoint Watch Requested", "Detail": input("event")}}})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := send(t, s.endpoint.URL, "events", "AWSEvents.PutEvents", string(entry)); status != 200 || !strings.Contains(body, `"FailedEntryCount":0`) {
		t.Fatalf("PutEvents: %d %s", status, body)
	}
	url := s.endpoint.URL + "/_aws/execute-api/" + s.httpAPIs()[0].ID + "/endpoint-watch"
	if status, body := send(t, url, "", "", input("stranger")); status != 403 || body != `{"message":"Forbidden"}` {
		t.Errorf("an unsigned call: %d %s", status, body)
	}
	if status, body := send(t, url, "execute-api", "", input("http")); status != 200 || !strings.Contains(body, ":execution:dev-endpoint-watch:") {
		t.Fatalf("a signed call: %d %s", status, body)
	}
	for missing := map[string]bool{"/schedule": true, "/event": true, "/http": true}; len(missing) > 0; {
		select {
		case path := <-seen:
			if path == "/stranger" {
				t.Error("the unsigned call started an execution")
			}
			delete(missing, path)
		case <-t.Context().Done():
			t.Fatalf("no execution was started by %v", missing)
		}
	}
}

// serveOwnTemplate serves the project's template with its schedule, which watches what it is told instead of strangers' hosts.
func serveOwnTemplate(t *testing.T, watched string) *server {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "infra/snapshot/EndpointWatch.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	template := filepath.Join(dir, "own.template.json")
	local := bytes.ReplaceAll(text, []byte("https://example.com/"), []byte(watched+"/schedule"))
	if err := os.WriteFile(template, local, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := openServer(t.Context(), serveOptions{
		project: project{root: root, data: filepath.Join(dir, "data")}, template: template, schedules: true, log: slog.New(slog.DiscardHandler),
		progress: func(e stack.Event) {
			if e.Err != nil {
				t.Errorf("%s %s: %v", e.Kind, e.Name, e.Err)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// send posts a body, signed for the service unless that is "".
func send(t *testing.T, url, service, target, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	}
	if service != "" {
		sum := sha256.Sum256([]byte(body))
		credentials := aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}
		if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, hex.EncodeToString(sum[:]), service, "us-east-1", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
