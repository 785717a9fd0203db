package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/tutti-run/tutti/internal/stack"
)

// serveTemplate serves a template in this process, in the folder of this module, until the test ends. The configuration leads AWS's clients there.
func serveTemplate(t *testing.T, text string, clock clockFlag) (*server, aws.Config) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	template := filepath.Join(dir, "served.template.json")
	if err := os.WriteFile(template, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := openServer(t.Context(), serveOptions{
		project: project{root: root, data: filepath.Join(dir, "data")}, template: template, log: slog.New(slog.DiscardHandler), clock: clock,
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
	return s, aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(s.endpoint.URL), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
}

// startServing starts a command of "tutti serve --output json" and returns the URL that it serves at.
func startServing(t *testing.T, cmd *exec.Cmd) (url string) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var served struct{ URL string }
	if err := json.NewDecoder(out).Decode(&served); err != nil {
		t.Fatal(err)
	}
	return served.URL
}
