package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/sqs"
)

// polled are real queues, as mappings poll them.
type polled struct{ *sqs.Store }

func (q polled) Queue(arn string) (QueueInfo, bool) {
	a, err := q.GetQueueAttributes(q.NameOf(arn), []string{"VisibilityTimeout"})
	n := 0
	_, _ = fmt.Sscan(a["VisibilityTimeout"], &n)
	return QueueInfo{FIFO: sqs.FIFO(q.NameOf(arn)), Visibility: n}, err == nil
}

func (q polled) Receive(ctx context.Context, arn string, most int, wait time.Duration) (list []QueueMessage, err error) {
	messages, err := q.ReceiveMessage(ctx, q.NameOf(arn), sqs.Receive{Max: &most, Patience: wait})
	for _, m := range messages {
		one := QueueMessage{ID: m.ID, Receipt: m.Receipt, Body: m.Body, MD5OfBody: sqs.MD5OfBody(m.Body), MD5OfAttributes: sqs.MD5OfAttributes(m.Attributes), System: m.System, Attributes: map[string]QueueAttribute{}}
		for name, a := range m.Attributes {
			one.Attributes[name] = QueueAttribute(a)
		}
		list = append(list, one)
	}
	return list, err
}

func (q polled) Delete(arn string, receipts []string) error {
	errs, err := q.DeleteMessages(q.NameOf(arn), receipts)
	return errors.Join(append(errs, err)...)
}

func (q polled) Release(arn string, receipts []string) error {
	errs, err := q.ChangeVisibility(q.NameOf(arn), receipts, make([]int, len(receipts)))
	return errors.Join(append(errs, err)...)
}

// pollingWorld is a plane with the function f and the queues q and q.fifo, whose time can be moved on. Each invocation's messages come to the channel as their
// bodies, with a space between.
type pollingWorld struct {
	*world
	queues polled
	clock  *clock.Clock
	got    chan string
}

func newPollingWorld(t *testing.T) *pollingWorld {
	t.Helper()
	w := &pollingWorld{world: &world{host: newHost(), journal: &memory{text: map[[2]string]string{}}, dir: t.TempDir()}, clock: clock.Real(), got: make(chan string, 100)}
	w.queues = polled{sqs.New("/sqs", sqs.WithFS(vfs.NewMem()), sqs.WithClock(w.clock))}
	t.Cleanup(func() {
		if err := w.queues.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"q", "q.fifo"} {
		attributes := map[string]string{"VisibilityTimeout": "60"}
		if name == "q.fifo" {
			attributes["FifoQueue"], attributes["ContentBasedDeduplication"] = "true", "true"
		}
		if err := w.queues.CreateQueue(name, attributes, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.respond(func([]string) string { return "null" })
	w.open(t)
	w.do(t, "CreateFunction", creation(t, "f"))
	return w
}

// open opens the plane and begins to poll.
func (w *pollingWorld) open(t *testing.T) {
	t.Helper()
	p, err := Open(Config{Dir: w.dir, Host: w.host, Journal: w.journal, Queues: w.queues, Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	w.Plane = p
	t.Cleanup(p.Close)
	if err := p.StartPolling(); err != nil {
		t.Fatal(err)
	}
}

// respond says what the function makes of the bodies of a batch: "!" fails, else it is the response, in which %1 stands for the first message's id.
func (w *pollingWorld) respond(do func(bodies []string) string) {
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	w.host.do = func(in lambda.Invocation) (lambda.Result, error) {
		var e queueEvent
		if err := json.Unmarshal(in.Payload, &e); err != nil {
			return lambda.Result{}, err
		}
		var bodies []string
		for _, r := range e.Records {
			bodies = append(bodies, r.Body)
		}
		answer := do(bodies)
		defer func() { w.got <- strings.Join(bodies, " ") }()
		if answer == "!" {
			return lambda.Result{FunctionError: "Unhandled", Payload: []byte(`{}`)}, nil
		}
		return lambda.Result{Payload: []byte(strings.ReplaceAll(answer, "%1", e.Records[0].MessageID))}, nil
	}
}

func (w *pollingWorld) send(t *testing.T, queue string, bodies ...string) {
	t.Helper()
	var entries []sqs.Entry
	for _, body := range bodies {
		e := sqs.Entry{Body: body}
		if queue == "q.fifo" {
			e.Group = body[:1]
		}
		entries = append(entries, e)
	}
	_, errs, err := w.queues.SendMessages(queue, entries)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
}

// left waits until so many messages are in the queue, in flight or not.
func (w *pollingWorld) left(t *testing.T, queue, want string) {
	t.Helper()
	for {
		a, err := w.queues.GetQueueAttributes(queue, []string{"All"})
		if err != nil {
			t.Fatal(err)
		}
		if got := a["ApproximateNumberOfMessages"] + "+" + a["ApproximateNumberOfMessagesNotVisible"]; got == want {
			return
		} else if t.Context().Err() != nil {
			t.Fatalf("%s messages, want %s", got, want)
		}
		time.Sleep(time.Millisecond) // deleting follows the answer, and tells nobody
	}
}

const (
	queueMapping = `{"FunctionName":"f","EventSourceArn":"arn:aws:sqs:us-east-1:000000000000:q"}`
	fifoMapping  = `{"FunctionName":"f","EventSourceArn":"arn:aws:sqs:us-east-1:000000000000:q.fifo"}`
)

// with adds members to a request.
func with(request, members string) string {
	return strings.TrimSuffix(request, "}") + "," + members + "}"
}

func TestMappingLife(t *testing.T) {
	w := newPollingWorld(t)
	created := w.do(t, "CreateEventSourceMapping", with(queueMapping, `"Tags":{"a":"b"},"FunctionName":"f:$LATEST"`))
	id := member(t, created, "UUID")
	if member(t, created, "State") != "Creating" || member(t, created, "BatchSize") != "10" || member(t, created, "FunctionResponseTypes") != "[]" {
		t.Errorf("created: %s", created)
	}
	ask := `{"UUID":"` + id + `"}`
	if got := w.do(t, "GetEventSourceMapping", ask); member(t, got, "State") != "Enabled" || member(t, got, "EventSourceMappingArn") != "arn:aws:lambda:us-east-1:000000000000:event-source-mapping:"+id {
		t.Errorf("got %s", got)
	}
	w.send(t, "q", "a")
	if got := <-w.got; got != "a" {
		t.Errorf("got %q", got)
	}
	w.left(t, "q", "0+0")
	_, err := w.try(t, "CreateEventSourceMapping", with(queueMapping, `"FunctionName":"f:$LATEST"`))
	refusedAs(t, err, lambda.CodeResourceConflict, "already exists. Please update or delete the existing mapping with UUID "+id)
	if got := w.do(t, "UpdateEventSourceMapping", `{"UUID":"`+id+`","Enabled":false}`); member(t, got, "State") != "Disabling" {
		t.Errorf("got %s", got)
	}
	w.send(t, "q", "b")
	w.Close() // and the next life knows it
	w.open(t)
	if got := w.do(t, "ListEventSourceMappings", `{"FunctionName":"f:$LATEST"}`); !strings.Contains(got, `"State":"Disabled"`) {
		t.Errorf("got %s", got)
	}
	w.left(t, "q", "1+0")
	arn := "arn:aws:lambda:us-east-1:000000000000:event-source-mapping:" + id
	w.do(t, "TagResource", `{"Resource":"`+arn+`","Tags":{"c":"d"}}`)
	w.do(t, "UntagResource", `{"Resource":"`+arn+`","TagKeys":["a"]}`)
	if got := w.do(t, "ListTags", `{"Resource":"`+arn+`"}`); got != `{"Tags":{"c":"d"}}` {
		t.Errorf("got %s", got)
	}
	if got := w.do(t, "UpdateEventSourceMapping", `{"UUID":"`+id+`","Enabled":true,"ScalingConfig":{"MaximumConcurrency":2}}`); member(t, got, "State") != "Enabling" || member(t, got, "ScalingConfig.MaximumConcurrency") != "2" {
		t.Errorf("got %s", got)
	}
	if got := <-w.got; got != "b" {
		t.Errorf("got %q", got)
	}
	if got := w.do(t, "DeleteEventSourceMapping", ask); member(t, got, "State") != "Deleting" {
		t.Errorf("got %s", got)
	}
	_, err = w.try(t, "GetEventSourceMapping", ask)
	refusedAs(t, err, lambda.CodeResourceNotFound, "The resource you requested does not exist.")
}

func TestMappingRefusals(t *testing.T) {
	w := newPollingWorld(t)
	w.do(t, "CreateFunction", creation(t, "slow", `{"Timeout":61}`))
	for _, test := range []struct{ request, want string }{
		{with(queueMapping, `"EventSourceArn":"arn:aws:sqs:us-east-1:000000000000:none"`), "The specified queue does not exist."},
		{with(queueMapping, `"FunctionName":"slow"`), "Queue visibility timeout: 60 seconds is less than Function timeout: 61 seconds"},
		{with(queueMapping, `"BatchSize":11`), "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"},
		{with(fifoMapping, `"MaximumBatchingWindowInSeconds":1`), "not supported for FIFO queues"},
		{with(fifoMapping, `"BatchSize":11`), "less than or equal to 10 for FIFO queues"},
		{with(queueMapping, `"StartingPosition":"LATEST"`), "StartingPosition is not valid for SQS event sources."},
		{with(queueMapping, `"FilterCriteria":{"Filters":[{"Pattern":"{\"body\":1}"}]}`), "Invalid filter pattern definition."},
		{with(queueMapping, `"ProvisionedPollerConfig":{"MinimumPollers":2}`), "ProvisionedPollerConfig cannot be had here"},
		{with(queueMapping, `"EventSourceArn":"arn:aws:kinesis:us-east-1:000000000000:stream/s","StartingPosition":"LATEST"`), "KINESIS is not served here"},
		{with(queueMapping, `"EventSourceArn":"arn:aws:kinesis:us-east-1:000000000000:stream/s","StartingPosition":"LATEST","StartingPositionTimestamp":1`), "Timestamp only valid with StartingPosition AT_TIMESTAMP"},
		{with(queueMapping, `"EventSourceArn":null,"SelfManagedEventSource":{}`), "no broker is served here"},
	} {
		_, err := w.try(t, "CreateEventSourceMapping", test.request)
		refusedAs(t, err, lambda.CodeInvalidParameterValue, test.want)
	}
	for _, test := range []struct{ request, want string }{
		{with(queueMapping, `"StartingPosition":"invalid"`), "Value 'invalid' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]"},
		{with(queueMapping, `"BatchSize":10001`), "Value '10001' at 'batchSize'"},
		{with(queueMapping, `"ScalingConfig":{"MaximumConcurrency":1}`), "Value '1' at 'scalingConfig.maximumConcurrency'"},
		{with(queueMapping, `"FunctionResponseTypes":["x"]`), "Member must satisfy enum value set: [ReportBatchItemFailures]"},
	} {
		_, err := w.try(t, "CreateEventSourceMapping", test.request)
		refusedAs(t, err, lambda.CodeValidation, test.want)
	}
	got := w.do(t, "CreateEventSourceMapping", with(queueMapping, `"Enabled":false`))
	if member(t, got, "State") != "Disabled" {
		t.Errorf("got %s", got)
	}
}

// A batch that fails comes again when its visibility timeout is over, and of one that fails in part only that part does.
func TestMappingFailures(t *testing.T) {
	w := newPollingWorld(t)
	tries := 0
	w.respond(func(bodies []string) string {
		if tries++; tries == 1 {
			return "!"
		}
		if len(bodies) == 2 {
			return `{"batchItemFailures":[{"itemIdentifier":"%1"}]}`
		}
		return `{"batchItemFailures":[]}`
	})
	w.send(t, "q", "a", "b")
	w.do(t, "CreateEventSourceMapping", with(queueMapping, `"FunctionResponseTypes":["ReportBatchItemFailures"]`))
	for i, want := range []struct{ got, left string }{{"a b", "0+2"}, {"a b", "0+1"}, {"a", "0+0"}} {
		if i > 0 {
			w.clock.SkipTo(w.clock.Now().Add(61 * time.Second))
		}
		if got := <-w.got; got != want.got {
			t.Errorf("try %d: %q, want %q", i+1, got, want.got)
		}
		w.left(t, "q", want.left)
	}
}

func TestSucceeded(t *testing.T) {
	batch := []QueueMessage{{ID: "1"}, {ID: "2"}}
	for _, test := range []struct {
		response string
		done     int
	}{
		{"null", 2}, {"{}", 2}, {`{"batchItemFailures":null}`, 2}, {`{"batchItemFailures":[]}`, 2}, {`{"batchItemFailures":[{"itemIdentifier":"2"}]}`, 1},
		{`{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"2"}]}`, 0}, {`{"batchItemFailures":[{"itemIdentifier":""}]}`, 0},
		{`{"batchItemFailures":[{"itemIdentifier":null}]}`, 0}, {`{"batchItemFailures":[{"id":"1"}]}`, 0}, {`{"batchItemFailures":[{"itemIdentifier":"3"}]}`, 0},
		{`"done"`, 0}, {`x`, 0},
	} {
		if done := succeeded(batch, []byte(test.response)); len(done) != test.done {
			t.Errorf("%s: %d succeeded, want %d", test.response, len(done), test.done)
		}
	}
}

// What no filter wants is deleted.
func TestMappingFilters(t *testing.T) {
	w := newPollingWorld(t)
	w.send(t, "q", `{"kind":"order","n":1}`, `{"kind":"offer"}`, `plain`, `other`, `[1]`)
	w.do(t, "CreateEventSourceMapping", with(queueMapping, `"FilterCriteria":{"Filters":[{"Pattern":"{\"body\":{\"kind\":[\"order\"]}}"},{"Pattern":"{\"body\":[\"plain\"]}"}]}`))
	if got := <-w.got; got != `{"kind":"order","n":1} plain` {
		t.Errorf("got %s", got)
	}
	w.left(t, "q", "0+0")
}

// A batching window gathers more than one receive brings, and ends when its time is over.
func TestMappingWindow(t *testing.T) {
	w := newPollingWorld(t)
	if err := w.queues.SetQueueAttributes("q", map[string]string{"VisibilityTimeout": "900"}); err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for i := range 25 {
		bodies = append(bodies, fmt.Sprint(i))
	}
	for part := range slices.Chunk(bodies, 10) {
		w.send(t, "q", part...)
	}
	w.do(t, "CreateEventSourceMapping", with(queueMapping, `"BatchSize":20,"MaximumBatchingWindowInSeconds":300`))
	if got := <-w.got; got != strings.Join(bodies[:20], " ") {
		t.Errorf("got %s", got)
	}
	for {
		due, ok := w.NextDue()
		if quiet, _ := w.Quiet(); ok && quiet {
			w.clock.SkipTo(due)
			break
		}
		time.Sleep(time.Millisecond) // until it has received what there is
	}
	if got := <-w.got; got != strings.Join(bodies[20:], " ") {
		t.Errorf("got %s", got)
	}
}

// Messages of one group are processed one batch behind the other, in their order, while other groups go on.
func TestMappingGroups(t *testing.T) {
	w := newPollingWorld(t)
	w.send(t, "q.fifo", "a1", "a2", "a3", "b1", "b2")
	w.do(t, "CreateEventSourceMapping", with(fifoMapping, `"BatchSize":1`))
	order := map[string][]string{}
	for range 5 {
		body := <-w.got
		order[body[:1]] = append(order[body[:1]], body)
	}
	if got := fmt.Sprint(order); got != "map[a:[a1 a2 a3] b:[b1 b2]]" {
		t.Errorf("got %s", got)
	}
}

// The event is that of the developer guide.
func TestQueueEvent(t *testing.T) {
	w := newPollingWorld(t)
	if _, err := w.queues.SendMessage("q", sqs.Entry{Body: "x", Sender: "AIDA", Attributes: map[string]sqs.Attribute{"n": {DataType: "Number", String: "1"}}}); err != nil {
		t.Fatal(err)
	}
	w.do(t, "CreateEventSourceMapping", queueMapping)
	<-w.got
	var e struct{ Records []map[string]any }
	calls := w.host.calls()
	if err := json.Unmarshal(calls[len(calls)-1].Payload, &e); err != nil {
		t.Fatal(err)
	}
	r := e.Records[0]
	system := r["attributes"].(map[string]any)
	for _, name := range []string{"messageId", "receiptHandle"} {
		delete(r, name)
	}
	delete(system, "SentTimestamp")
	delete(system, "ApproximateFirstReceiveTimestamp")
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"attributes":{"ApproximateReceiveCount":"1","SenderId":"AIDA"},"awsRegion":"us-east-1","body":"x","eventSource":"aws:sqs",` +
		`"eventSourceARN":"arn:aws:sqs:us-east-1:000000000000:q","md5OfBody":"9dd4e461268c8034f5c8564e155c67a6","md5OfMessageAttributes":"ef88bdc4583394a9f2bcdc6a6f0ccbfe",` +
		`"messageAttributes":{"n":{"binaryListValues":[],"dataType":"Number","stringListValues":[],"stringValue":"1"}}}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}
