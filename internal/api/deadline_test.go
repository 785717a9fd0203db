package api_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/runner"
)

// slowBackend takes its time over synchronous executions, unless the request is given up.
type slowBackend struct {
	*backend
	takes time.Duration
}

func (b *slowBackend) StartSyncExecution(ctx context.Context, req runner.StartRequest) (runner.Started, runner.Outcome, error) {
	select {
	case <-time.After(b.takes):
	case <-ctx.Done():
		return runner.Started{}, runner.Outcome{}, ctx.Err()
	}
	return b.backend.StartSyncExecution(ctx, req)
}

// TestAnswersMayTakeLongerThanRequests holds a call open for longer than a request may take to come in.
func TestAnswersMayTakeLongerThanRequests(t *testing.T) {
	server := api.NewServer(api.New(api.Config{States: &slowBackend{newBackend(), 300 * time.Millisecond}}))
	server.ReadTimeout = 50 * time.Millisecond
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	defer func() {
		_ = server.Close()
		<-done
	}()
	if a := post(t, "http://"+listener.Addr().String(), "AWSStepFunctions.StartSyncExecution", `{"stateMachineArn":"`+machineARN+`"}`); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// slowAPI takes its time, unless the request is given up.
type slowAPI struct{ oneHTTPAPI }

func (slowAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	select {
	case <-time.After(300 * time.Millisecond):
	case <-r.Context().Done():
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// TestFunctionsBehindURLsMayTakeTheirTime does the same with a function URL, and with the time for the answer.
func TestFunctionsBehindURLsMayTakeTheirTime(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.Config = api.NewServer(api.New(api.Config{FunctionURLs: func(string) api.HTTPAPI { return slowAPI{} }}))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 50*time.Millisecond, 100*time.Millisecond
	server.Start()
	defer server.Close()
	r, err := http.Post(server.URL+"/_aws/lambda-url/u/", "text/plain", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Errorf("%s", r.Status)
	}
}
