package api_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
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

// pipes is a listener in memory: its connections and their deadlines go by the time of the test's bubble.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, open := <-p; open {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error { return nil }

func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// ask sends a request to a server of the API in memory. It has to be called in a bubble.
func ask(t *testing.T, c api.Config, r *http.Request) (status int, took time.Duration) {
	t.Helper()
	listener := make(pipes)
	server := api.NewServer(api.New(c))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		listener <- theirs
		return ours, nil
	}}
	began := time.Now()
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	took = time.Since(began)
	_ = response.Body.Close()
	transport.CloseIdleConnections()
	close(listener)
	<-served
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	return response.StatusCode, took
}

// An answer may take longer than a request may take to come in: as long as a synchronous execution.
func TestAnswersMayTakeLongerThanRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const takes = 5 * time.Minute
		r := request(t, "http://localhost", "AWSStepFunctions.StartSyncExecution", `{"stateMachineArn":"`+machineARN+`"}`)
		if status, took := ask(t, api.Config{States: &slowBackend{newBackend(), takes}}, r); status != http.StatusOK || took != takes {
			t.Errorf("%d after %v", status, took)
		}
	})
}

// slowAPI takes as long as a function may, unless the request is given up.
type slowAPI struct{ oneHTTPAPI }

const slowest = 15 * time.Minute

func (slowAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	select {
	case <-time.After(slowest):
	case <-r.Context().Done():
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// A function behind a URL may take its time, although other answers may not take so long.
func TestFunctionsBehindURLsMayTakeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/_aws/lambda-url/u/", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		if status, took := ask(t, api.Config{FunctionURLs: func(string) api.HTTPAPI { return slowAPI{} }}, r); status != http.StatusOK || took != slowest {
			t.Errorf("%d after %v", status, took)
		}
	})
}
