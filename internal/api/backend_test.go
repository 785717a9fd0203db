package api_test

import (
	"context"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/value"
)

const (
	machineARN   = "arn:aws:states:us-east-1:000000000000:stateMachine:watch"
	expressARN   = "arn:aws:states:us-east-1:000000000000:stateMachine:quick"
	executionARN = "arn:aws:states:us-east-1:000000000000:execution:watch:one"
	mapRunARN    = "arn:aws:states:us-east-1:000000000000:mapRun:watch/Each:1-2"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 123_000_000, time.UTC)

// backend stands in for the runner: it answers from its fields and keeps what it was asked.
type backend struct {
	api.States // what no test of the backend asks for
	machines   []store.Machine
	executions []store.Execution // the newest first
	input      string
	output     string
	failure    sfn.Failure
	events     []history.Event
	outcome    runner.Outcome
	err        error // answers every call that changes something

	started  []runner.StartRequest
	stopped  []sfn.Failure
	redriven []string // client tokens
	answered []string
	filters  []store.Filter
}

func newBackend() *backend {
	b := &backend{
		machines: []store.Machine{
			{ARN: expressARN, Name: "quick", Revision: 1, Type: sfn.Express, Definition: `{"StartAt":"A"}`, RoleARN: "arn:aws:iam::000000000000:role/r", Created: began},
			{ARN: machineARN, Name: "watch", Revision: 3, Type: sfn.Standard, Definition: "{ \"StartAt\": \"<A>\" }", RoleARN: "arn:aws:iam::000000000000:role/r", Created: began},
		},
		executions: []store.Execution{{
			ARN: executionARN, MachineARN: machineARN, Name: "one", StartDate: began, StopDate: began.Add(1500 * time.Millisecond),
			Status: sfn.StatusSucceeded, LastEventID: 4,
		}},
		input: `{"a":1}`, output: `{"b": "<2>"}`,
	}
	for id := range int64(4) {
		e := history.Event{ID: id + 1, PreviousID: id, Time: began, Type: history.PassStateEntered}
		e.Details = &history.StateEnteredDetails{Name: "A", Input: data(`{"a":1}`)}
		b.events = append(b.events, e)
	}
	return b
}

func data(text string) *value.Data {
	d, err := value.ParseData(text)
	if err != nil {
		panic(err)
	}
	return d
}

func (b *backend) Machines() ([]store.Machine, error) { return b.machines, nil }

func (b *backend) Machine(arn string) (store.Machine, error) {
	for _, m := range b.machines {
		if m.ARN == arn {
			return m, nil
		}
	}
	return store.Machine{}, sfn.Refuse(sfn.StateMachineDoesNotExist, "State Machine Does Not Exist: '%s'", arn)
}

func (b *backend) DescribeMachine(arn string) (runner.MachineDescription, error) {
	m, err := b.Machine(arn)
	c := sfn.DefaultConfiguration()
	if m.Revision > 1 {
		c.RevisionID = "00000000-0000-4000-8000-000000000003"
	}
	return runner.MachineDescription{Machine: m, Configuration: c}, err
}

func (b *backend) Activities() ([]store.Activity, error) { return nil, nil }

func (b *backend) StartExecution(_ context.Context, req runner.StartRequest) (runner.Started, error) {
	b.started = append(b.started, req)
	return runner.Started{ARN: executionARN, StartDate: began}, b.err
}

func (b *backend) StartSyncExecution(_ context.Context, req runner.StartRequest) (runner.Started, runner.Outcome, error) {
	b.started = append(b.started, req)
	return runner.Started{ARN: "arn:aws:states:us-east-1:000000000000:express:quick:n:1-2", StartDate: began}, b.outcome, b.err
}

func (b *backend) StopExecution(_ context.Context, _ string, reason sfn.Failure) (time.Time, error) {
	b.stopped = append(b.stopped, reason)
	return began.Add(time.Minute), b.err
}

func (b *backend) RedriveExecution(_ context.Context, _, token string) (time.Time, error) {
	b.redriven = append(b.redriven, token)
	return began.Add(time.Minute), b.err
}

func (b *backend) execution(arn string) (store.Execution, error) {
	for _, e := range b.executions {
		if e.ARN == arn {
			return e, nil
		}
	}
	return store.Execution{}, sfn.Refuse(sfn.ExecutionDoesNotExist, "Execution Does Not Exist: '%s'", arn)
}

func (b *backend) Describe(arn string) (runner.Description, error) {
	e, err := b.execution(arn)
	d := runner.Description{Execution: e, Input: b.input, Failure: b.failure}
	d.RedriveStatus, d.RedriveStatusReason = runner.RedriveStatusOf(&e, began.Add(time.Hour))
	if e.Status == sfn.StatusSucceeded {
		d.Output = data(b.output)
	}
	return d, err
}

// Executions uses the index of the next execution as its cursor.
func (b *backend) Executions(f store.Filter) ([]store.Execution, string, error) {
	b.filters = append(b.filters, f)
	var from int
	if f.After != "" {
		var err error
		if from, err = strconv.Atoi(f.After); err != nil {
			return nil, "", store.ErrCursor
		}
	}
	var matching []store.Execution
	for _, e := range b.executions {
		if (e.MachineARN == f.MachineARN || f.MapRunARN != "") && e.MapRunARN == f.MapRunARN && (f.Status == "" || e.Status == f.Status) && (f.Match == nil || f.Match(&e)) {
			matching = append(matching, e)
		}
	}
	to := min(len(matching), from+f.Limit)
	next := ""
	if to < len(matching) {
		next = strconv.Itoa(to)
	}
	return matching[from:to], next, nil
}

func (b *backend) History(arn string, from int64) (iter.Seq2[history.Event, error], store.Execution, error) {
	record, err := b.execution(arn)
	return func(yield func(history.Event, error) bool) {
		for _, e := range b.events[min(from-1, int64(len(b.events))):] {
			if !yield(e, nil) {
				return
			}
		}
	}, record, err
}

func (b *backend) SendTaskSuccess(_ context.Context, token, output string) error {
	b.answered = append(b.answered, "success "+token+" "+output)
	return b.err
}

func (b *backend) SendTaskFailure(_ context.Context, token string, f sfn.Failure) error {
	b.answered = append(b.answered, "failure "+token+" "+f.Error.Text+" "+f.Cause.Text)
	return b.err
}

func (b *backend) SendTaskHeartbeat(_ context.Context, token string) error {
	b.answered = append(b.answered, "heartbeat "+token)
	return b.err
}

// serve starts the front door with the backend and returns its URL.
func serve(t testing.TB, b *backend) string {
	t.Helper()
	server := httptest.NewServer(api.New(api.Config{States: b, Now: func() time.Time { return began.Add(time.Hour) }, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(server.Close)
	return server.URL
}

// client is the SDK's client as a program would make it. Its dialer finds the server under any name, as /etc/hosts would make it.
func client(t *testing.T, b *backend) *awssfn.Client {
	t.Helper()
	url := serve(t, b)
	address := url[len("http://"):]
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return awssfn.New(awssfn.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(url), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}
