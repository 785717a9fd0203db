package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/measure/measuretest"
)

// sent keeps what is sent to queues, topics and buses.
type sent struct {
	mu   sync.Mutex
	arns []string
	sent []Message
	err  error
}

func (s *sent) Serves(arn string) bool { return !strings.Contains(arn, "nowhere") }

func (s *sent) Send(_ context.Context, arn string, m Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arns, s.sent = append(s.arns, arn), append(s.sent, m)
	return s.err
}

// bubble runs a test with a world on a clock that waits for nobody, and closes the world.
func bubble(t *testing.T, targets Targets, do func(t *testing.T, w *world)) {
	t.Helper()
	dir := t.TempDir() // outside, since its clean-up must not meet the bubble's clock
	synctest.Test(t, func(t *testing.T) {
		w := &world{host: newHost(), journal: &memory{text: map[[2]string]string{}}, dir: dir, counted: measuretest.NewLedger(time.Time{})}
		p, err := Open(Config{Dir: dir, Host: w.host, Journal: w.journal, Targets: targets, Meter: lambda.NewMeter(w.counted, time.Now)})
		if err != nil {
			t.Fatal(err)
		}
		w.Plane = p
		defer func() { w.Close() }()
		w.do(t, "CreateFunction", creation(t, "f"))
		do(t, w)
	})
}

func failing(lambda.Invocation) (lambda.Result, error) {
	return lambda.Result{Payload: []byte(`{"errorType":"E","errorMessage":"no"}`), FunctionError: "Unhandled", ExecutedVersion: lambda.Latest}, nil
}

func TestEventsAreTriedThreeTimes(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		began := time.Now()
		var tries []time.Duration
		w.host.do = func(in lambda.Invocation) (lambda.Result, error) {
			tries = append(tries, time.Since(began))
			return failing(in)
		}
		if err := w.Enqueue(t.Context(), lambda.Invocation{Function: "f", Payload: []byte(`{"a":1}`), RequestID: "r"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := fmt.Sprint(tries); got != "[0s 1m0s 3m0s]" {
			t.Errorf("tried after %s", got)
		}
		if n := w.journal.count(eventsCollection); n != 0 {
			t.Errorf("%d events are left", n)
		}
		for _, in := range w.host.calls() {
			if in.RequestID != "r" || string(in.Payload) != `{"a":1}` {
				t.Errorf("invoked %+v", in)
			}
		}
	})
}

func TestThrottledEventsWaitLongerAndLonger(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.do(t, "PutFunctionEventInvokeConfig", `{"FunctionName":"f","MaximumEventAgeInSeconds":60,"MaximumRetryAttempts":0}`)
		began := time.Now()
		var tries []time.Duration
		w.host.do = func(lambda.Invocation) (lambda.Result, error) {
			tries = append(tries, time.Since(began))
			return lambda.Result{}, lambda.Refuse(lambda.CodeTooManyRequests, "Rate Exceeded.")
		}
		if err := w.Enqueue(t.Context(), lambda.Invocation{Function: "f"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := fmt.Sprint(tries); got != "[0s 1s 3s 7s 15s 31s]" {
			t.Errorf("tried after %s", got)
		}
		if n := w.journal.count(eventsCollection); n != 0 {
			t.Errorf("%d events are left", n)
		}
	})
}

func TestDestinations(t *testing.T) {
	const queue, bus = "arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:events:us-east-1:000000000000:event-bus/b"
	targets := &sent{}
	bubble(t, targets, func(t *testing.T, w *world) {
		w.do(t, "PutFunctionEventInvokeConfig", `{"FunctionName":"f","MaximumRetryAttempts":0,"DestinationConfig":{"OnSuccess":{"Destination":"`+bus+`"},"OnFailure":{"Destination":"`+queue+`"}}}`)
		w.do(t, "UpdateFunctionConfiguration", `{"FunctionName":"f","DeadLetterConfig":{"TargetArn":"arn:aws:sns:us-east-1:000000000000:dead"}}`)
		for i, do := range []func(lambda.Invocation) (lambda.Result, error){nil, failing} {
			w.host.do = do
			if err := w.Enqueue(t.Context(), lambda.Invocation{Function: "f", Payload: []byte(`{"n":1}`), RequestID: fmt.Sprint("r", i)}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		w.do(t, "UpdateFunctionConfiguration", `{"FunctionName":"f","DeadLetterConfig":{}}`) // stays
		if got := w.do(t, "UpdateFunctionConfiguration", `{"FunctionName":"f"}`); member(t, got, "DeadLetterConfig.TargetArn") == "" {
			t.Errorf("without a target in the request: %s", got)
		}
		if got := w.do(t, "UpdateFunctionConfiguration", `{"FunctionName":"f","DeadLetterConfig":{"TargetArn":""}}`); strings.Contains(got, "DeadLetterConfig") {
			t.Errorf("with an empty target: %s", got)
		}
		if got := strings.Join(targets.arns, " "); got != bus+" "+queue+" arn:aws:sns:us-east-1:000000000000:dead" {
			t.Fatalf("sent to %s", got)
		}
		if m := targets.sent[0]; m.DetailType != "Lambda Function Invocation Result - Success" || m.Source != "lambda" || member(t, m.Body, "requestContext.condition") != "Success" ||
			member(t, m.Body, "responseContext.functionError") != "" || member(t, m.Body, "responsePayload.n") != "1" {
			t.Errorf("success: %+v", m)
		}
		want := `{"version":"1.0","timestamp":"` + time.Now().UTC().Format("2006-01-02T15:04:05.000Z") + `","requestContext":{"requestId":"r1",` +
			`"functionArn":"arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST","condition":"RetriesExhausted","approximateInvokeCount":1},` +
			`"requestPayload":{"n":1},"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},` +
			`"responsePayload":{"errorType":"E","errorMessage":"no"}}`
		if m := targets.sent[1]; m.Body != want {
			t.Errorf("failure\n got %s\nwant %s", m.Body, want)
		}
		if m := targets.sent[2]; m.Body != `{"n":1}` || m.Attributes["RequestID"] != "r1" || m.Attributes["ErrorCode"] != "200" || m.Attributes["ErrorMessage"] != "no" {
			t.Errorf("dead letter: %+v", m)
		}
	})
}

// What becomes of events is counted, their age at each attempt.
func TestEventsAreCounted(t *testing.T) {
	bubble(t, &sent{err: errors.New("full")}, func(t *testing.T, w *world) {
		w.do(t, "PutFunctionEventInvokeConfig", `{"FunctionName":"f","MaximumRetryAttempts":1,"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:sqs:us-east-1:000000000000:q"}}}`)
		w.do(t, "UpdateFunctionConfiguration", `{"FunctionName":"f","DeadLetterConfig":{"TargetArn":"arn:aws:sns:us-east-1:000000000000:dead"}}`)
		w.host.do = failing
		if err := w.Enqueue(t.Context(), lambda.Invocation{Function: "f"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		for metric, want := range map[string]float64{
			"AsyncEventsReceived": 1, "AsyncEventAge": 60_000, "AsyncEventsDropped": 1, "DestinationDeliveryFailures": 1, "DeadLetterErrors": 1,
		} {
			if got, _ := w.counted.Sum("AWS/Lambda " + metric + " FunctionName=f"); got != want {
				t.Errorf("%s: %g, want %g", metric, got, want)
			}
		}
	})
}

func TestAFunctionAsDestination(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.do(t, "CreateFunction", creation(t, "g"))
		w.do(t, "PutFunctionEventInvokeConfig", `{"FunctionName":"f","DestinationConfig":{"OnSuccess":{"Destination":"arn:aws:lambda:us-east-1:000000000000:function:g"}}}`)
		if err := w.Enqueue(t.Context(), lambda.Invocation{Function: "f", Payload: []byte(`7`)}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(w.host.calls()) != 2 || w.host.calls()[1].Function != "g" || member(t, string(w.host.calls()[1].Payload), "responsePayload") != "7" {
			t.Errorf("invoked %+v", w.host.calls())
		}
	})
}

func TestEventsThatCannotHelpThemselvesEnd(t *testing.T) {
	targets := &sent{err: errors.New("no queue")}
	bubble(t, targets, func(t *testing.T, w *world) {
		w.do(t, "PutFunctionEventInvokeConfig", `{"FunctionName":"f","DestinationConfig":{"OnFailure":{"Destination":"arn:aws:sqs:us-east-1:000000000000:q"}}}`)
		w.host.do = func(lambda.Invocation) (lambda.Result, error) {
			return lambda.Result{}, lambda.Refuse(lambda.CodeRecursiveInvocation, "a loop")
		}
		if err := w.Enqueue(t.Context(), lambda.Invocation{Function: "f"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(w.host.calls()) != 1 || len(targets.sent) != 1 || member(t, targets.sent[0].Body, "responsePayload.errorType") != "RecursiveInvocationException" {
			t.Errorf("invoked %d times, sent %+v", len(w.host.calls()), targets.sent)
		}
		if n := w.journal.count(eventsCollection); n != 0 {
			t.Errorf("%d events are left", n)
		}
	})
}

// The record of an event that grows too old has what the function answered last (recorded on AWS).
func TestEventsGrowTooOld(t *testing.T) {
	targets := &sent{}
	bubble(t, targets, func(t *testing.T, w *world) {
		w.do(t, "PutFunctionEventInvokeConfig", `{"FunctionName":"f","MaximumEventAgeInSeconds":60,"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:sqs:us-east-1:000000000000:q"}}}`)
		w.host.do = failing
		if err := w.Enqueue(t.Context(), lambda.Invocation{Function: "f", Payload: []byte(`1`), RequestID: "r"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		want := `"condition":"EventAgeExceeded","approximateInvokeCount":1},"requestPayload":1,"responseContext":{"statusCode":200,"executedVersion":"$LATEST",` +
			`"functionError":"Unhandled"},"responsePayload":{"errorType":"E","errorMessage":"no"}}`
		if len(w.host.calls()) != 1 || len(targets.sent) != 1 || !strings.HasSuffix(targets.sent[0].Body, want) {
			t.Errorf("invoked %d times, sent %+v", len(w.host.calls()), targets.sent)
		}
	})
}

// Where no concurrency is reserved the function is not called, and the event ends (recorded on AWS).
func TestEventsWithoutConcurrencyEnd(t *testing.T) {
	targets := &sent{}
	bubble(t, targets, func(t *testing.T, w *world) {
		w.do(t, "PutFunctionEventInvokeConfig", `{"FunctionName":"f","DestinationConfig":{"OnFailure":{"Destination":"arn:aws:sqs:us-east-1:000000000000:q"}}}`)
		w.do(t, "UpdateFunctionConfiguration", `{"FunctionName":"f","DeadLetterConfig":{"TargetArn":"arn:aws:sns:us-east-1:000000000000:dead"}}`)
		w.do(t, "PutFunctionConcurrency", `{"FunctionName":"f","ReservedConcurrentExecutions":0}`)
		if err := w.Enqueue(t.Context(), lambda.Invocation{Function: "f", Payload: []byte(`1`), RequestID: "r"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(w.host.calls()) != 0 || len(targets.sent) != 2 || w.journal.count(eventsCollection) != 0 {
			t.Fatalf("invoked %d times, sent %+v", len(w.host.calls()), targets.sent)
		}
		want := `"condition":"ZeroReservedConcurrency","approximateInvokeCount":0},"requestPayload":1}`
		if !strings.HasSuffix(targets.sent[0].Body, want) || !strings.Contains(targets.sent[1].Attributes["ErrorMessage"], "reserved concurrency is 0") {
			t.Errorf("sent %+v", targets.sent)
		}
	})
}

func TestEventsOutliveThePlane(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.host.do = failing
		if err := w.Enqueue(t.Context(), lambda.Invocation{Function: "f", Payload: []byte(`1`), RequestID: "r"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.Close()
		w.host = newHost()
		p, err := Open(Config{Dir: w.dir, Host: w.host, Journal: w.journal})
		if err != nil {
			t.Fatal(err)
		}
		w.Plane = p
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if len(w.host.calls()) != 0 {
			t.Error("delivered again before its time")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(w.host.calls()) != 1 || w.host.calls()[0].RequestID != "r" {
			t.Errorf("invoked %+v", w.host.calls())
		}
	})
}

func TestEventsRefused(t *testing.T) {
	w := newWorld(t)
	w.do(t, "CreateFunction", creation(t, "f"))
	for _, tc := range []struct {
		name          string
		in            lambda.Invocation
		code, message string
	}{
		{"unknown", lambda.Invocation{Function: "g"}, lambda.CodeResourceNotFound, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:g"},
		{"unknown version", lambda.Invocation{Function: "f:3"}, lambda.CodeResourceNotFound, "function:f:3"},
		{"large", lambda.Invocation{Function: "f", Payload: make([]byte, MaxEventSize+1)}, lambda.CodeRequestTooLarge, "Request must be smaller than 1048576 bytes"},
		{"no JSON", lambda.Invocation{Function: "f", Payload: []byte("{")}, lambda.CodeInvalidRequestContent, "Could not parse request body into json"},
	} {
		refusedAs(t, w.Enqueue(t.Context(), tc.in), tc.code, tc.message)
	}
	refusedAs(t, w.DryRun(lambda.Invocation{Function: "f:3"}), lambda.CodeResourceNotFound, "function:f:3")
	if err := w.DryRun(lambda.Invocation{Function: "f"}); err != nil {
		t.Error(err)
	}
}

func TestLoopsAreStopped(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"f", "g"} {
		w.do(t, "CreateFunction", creation(t, name))
	}
	// f and g call each other, each handing on the trace it was given.
	loop := func() (rounds int, err error) {
		trace := "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
		for rounds = range 100 {
			for _, name := range []string{"f", "g"} {
				if _, err := w.Invoke(t.Context(), lambda.Invocation{Function: name, TraceHeader: trace}); err != nil {
					return rounds, err
				}
				trace = w.host.calls()[len(w.host.calls())-1].TraceHeader
			}
		}
		if len(trace) > 256 {
			t.Errorf("the trace has grown to %d bytes", len(trace))
		}
		return rounds, nil
	}
	rounds, err := loop()
	refusedAs(t, err, lambda.CodeRecursiveInvocation, "recursive loop")
	if rounds != maxLoops {
		t.Errorf("stopped after %d rounds", rounds)
	}
	w.do(t, "PutFunctionRecursionConfig", `{"FunctionName":"f","RecursiveLoop":"Allow"}`)
	w.do(t, "PutFunctionRecursionConfig", `{"FunctionName":"g","RecursiveLoop":"Allow"}`)
	if rounds, err = loop(); err != nil || rounds != 99 {
		t.Errorf("allowed, but stopped after %d rounds: %v", rounds, err)
	}
}

func TestEventsOnTheWayKeepTheirForm(t *testing.T) {
	e := event{ID: "r", Function: "f", Payload: []byte(`1`), Accepted: time.Unix(1, 5).UTC(), Due: time.Unix(2, 0).UTC(), Failures: 1}
	text, err := json.Marshal(e)
	if err != nil || string(text) != `{"ID":"r","Function":"f","Qualifier":"","Payload":"MQ==","Accepted":"1970-01-01T00:00:01.000000005Z","Failures":1,"Throttles":0,"Due":"1970-01-01T00:00:02Z"}` {
		t.Errorf("%s, %v", text, err)
	}
}
