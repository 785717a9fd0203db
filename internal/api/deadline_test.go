package api_test

import (
	"context"
	"net"
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
