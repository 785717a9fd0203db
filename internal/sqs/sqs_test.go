package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/sqs"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedFolder); dir != "" {
		sendUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

// slow is the rate of a clock that goes on a microsecond in a second: what happens before the test moves it on takes no time.
const slow = 1e-6

// world is a store with a clock that can be moved on.
type world struct {
	t     *testing.T
	s     *sqs.Store
	clock *clock.Clock
}

func newWorld(t *testing.T, fs vfs.FS) *world {
	t.Helper()
	return newWorldAt(t, fs, clock.Fast(slow))
}

func newWorldAt(t *testing.T, fs vfs.FS, c *clock.Clock) *world {
	t.Helper()
	return newWorldWith(t, fs, c)
}

func newWorldWith(t *testing.T, fs vfs.FS, c *clock.Clock, options ...sqs.Option) *world {
	t.Helper()
	w := &world{t, sqs.New("/data/sqs", append(options, sqs.WithFS(fs), sqs.WithClock(c))...), c}
	t.Cleanup(func() {
		if err := w.s.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) pass(d time.Duration) { w.clock.SkipTo(w.clock.Now().Add(d)) }

func (w *world) create(name string, attributes ...string) {
	w.t.Helper()
	m := map[string]string{}
	if strings.HasSuffix(name, ".fifo") {
		m["FifoQueue"] = "true"
	}
	for i := 0; i < len(attributes); i += 2 {
		m[attributes[i]] = attributes[i+1]
	}
	if err := w.s.CreateQueue(name, m, nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) send(queue string, e sqs.Entry) sqs.Sent {
	w.t.Helper()
	sent, err := w.s.SendMessage(queue, e)
	if err != nil {
		w.t.Fatal(err)
	}
	return sent
}

func (w *world) receive(queue string, r sqs.Receive) []sqs.Message {
	w.t.Helper()
	messages, err := w.s.ReceiveMessage(w.t.Context(), queue, r)
	if err != nil {
		w.t.Fatal(err)
	}
	return messages
}

// bodies receives up to ten messages and returns what is in them.
func (w *world) bodies(queue string) string {
	w.t.Helper()
	return texts(w.receive(queue, sqs.Receive{Max: new(10)}))
}

func texts(messages []sqs.Message) string {
	var list []string
	for _, m := range messages {
		list = append(list, m.Body)
	}
	return strings.Join(list, " ")
}

func (w *world) counts(queue string) string {
	w.t.Helper()
	a, err := w.s.GetQueueAttributes(queue, []string{"All"})
	if err != nil {
		w.t.Fatal(err)
	}
	return a["ApproximateNumberOfMessages"] + " " + a["ApproximateNumberOfMessagesNotVisible"] + " " + a["ApproximateNumberOfMessagesDelayed"]
}

func name(err error) sfn.ExceptionName {
	var e *sfn.Exception
	if errors.As(err, &e) {
		return e.Name
	}
	if err != nil {
		return sfn.ExceptionName(err.Error())
	}
	return ""
}

func TestVisibility(t *testing.T) {
	w := newWorld(t, vfs.NewMem())
	w.create("q", "VisibilityTimeout", "10")
	w.send("q", sqs.Entry{Body: "a"})
	w.send("q", sqs.Entry{Body: "b", Delay: new(60)})
	first := w.receive("q", sqs.Receive{Max: new(10)})
	if texts(first) != "a" || w.counts("q") != "0 1 1" {
		t.Fatalf("got %s, counts %s", texts(first), w.counts("q"))
	}
	w.pass(11 * time.Second)
	second := w.receive("q", sqs.Receive{})
	if texts(second) != "a" || second[0].System["ApproximateReceiveCount"] != "2" || second[0].Receipt == first[0].Receipt {
		t.Fatalf("got %+v", second)
	}
	if errs, err := w.s.DeleteMessages("q", []string{first[0].Receipt}); err != nil || errs[0] != nil || w.counts("q") != "0 1 1" {
		t.Errorf("an old handle: %v, %v; counts %s", errs, err, w.counts("q"))
	}
	if errs, err := w.s.ChangeVisibility("q", []string{second[0].Receipt}, []int{0}); err != nil || errs[0] != nil {
		t.Errorf("%v, %v", errs, err)
	}
	if errs, _ := w.s.ChangeVisibility("q", []string{second[0].Receipt}, []int{5}); errs[0] != nil || w.bodies("q") != "" {
		t.Errorf("a message that was visible: %v", errs)
	}
	if errs, _ := w.s.ChangeVisibility("q", []string{first[0].Receipt}, []int{0}); errs[0] != nil {
		t.Errorf("by an old handle: %v", errs)
	}
	third := w.receive("q", sqs.Receive{Visibility: new(100)})
	if errs, _ := w.s.ChangeVisibility("q", []string{third[0].Receipt}, []int{43_200}); errs[0] != nil {
		t.Errorf("twelve hours: %v", errs)
	}
	w.pass(time.Minute)
	if errs, _ := w.s.ChangeVisibility("q", []string{third[0].Receipt}, []int{43_200}); name(errs[0]) != sqs.InvalidParameterValue {
		t.Errorf("more than twelve hours: %v", errs)
	}
	if errs, err := w.s.DeleteMessages("q", []string{third[0].Receipt, "nonsense"}); err != nil || errs[0] != nil || name(errs[1]) != sqs.ReceiptHandleIsInvalid {
		t.Errorf("%v, %v", errs, err)
	}
	if got := w.bodies("q"); got != "b" {
		t.Errorf("behind the delay: %q", got)
	}
	w.pass(5 * 24 * time.Hour)
	if got := w.counts("q"); got != "0 0 0" {
		t.Errorf("behind the retention: %s", got)
	}
}

func TestGroups(t *testing.T) {
	w := newWorld(t, vfs.NewMem())
	w.create("q.fifo", "ContentBasedDeduplication", "true")
	for _, body := range []string{"a1", "a2", "b1", "a3", "b2"} {
		w.send("q.fifo", sqs.Entry{Body: body, Group: body[:1]})
	}
	one := w.receive("q.fifo", sqs.Receive{Max: new(2)})
	if texts(one) != "a1 a2" {
		t.Fatalf("got %q", texts(one))
	}
	if got := w.bodies("q.fifo"); got != "b1 b2" {
		t.Errorf("while a is busy: %q", got)
	}
	if got := w.bodies("q.fifo"); got != "" {
		t.Errorf("while both are: %q", got)
	}
	if errs, err := w.s.DeleteMessages("q.fifo", []string{one[0].Receipt}); err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	if got := w.bodies("q.fifo"); got != "" {
		t.Errorf("while a2 is in flight: %q", got)
	}
	if errs, err := w.s.ChangeVisibility("q.fifo", []string{one[1].Receipt}, []int{0}); err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	if got := w.bodies("q.fifo"); got != "a2 a3" {
		t.Errorf("got %q", got)
	}
	if errs, _ := w.s.DeleteMessages("q.fifo", []string{one[1].Receipt}); name(errs[0]) != sqs.InvalidParameterValue {
		t.Errorf("an expired handle: %v", errs)
	}
	w.pass(31 * time.Second)
	again := w.receive("q.fifo", sqs.Receive{Max: new(10)})
	if got := texts(again); got != "a2 a3 b1 b2" {
		t.Errorf("behind the timeout: %q", got)
	}
	if errs, _ := w.s.ChangeVisibility("q.fifo", []string{again[3].Receipt}, []int{60}); errs[0] != nil {
		t.Error(errs)
	}
	w.pass(31 * time.Second)
	w.send("q.fifo", sqs.Entry{Body: "b3", Group: "b"})
	if got := w.bodies("q.fifo"); got != "a2 a3 b1" {
		t.Errorf("while b2 is hidden longer: %q", got)
	}
}

func TestAttempts(t *testing.T) {
	w := newWorld(t, vfs.NewMem())
	w.create("q.fifo", "ContentBasedDeduplication", "true")
	for _, body := range []string{"a1", "a2", "b1"} {
		w.send("q.fifo", sqs.Entry{Body: body, Group: body[:1]})
	}
	r := sqs.Receive{Max: new(2), Attempt: "once"}
	first, again := w.receive("q.fifo", r), w.receive("q.fifo", r)
	if texts(first) != "a1 a2" || texts(again) != "a1 a2" || again[0].Receipt != first[0].Receipt {
		t.Errorf("got %q and %q", texts(first), texts(again))
	}
	if _, err := w.s.DeleteMessages("q.fifo", []string{again[0].Receipt}); err != nil {
		t.Fatal(err)
	}
	if got := texts(w.receive("q.fifo", r)); got != "b1" {
		t.Errorf("behind a deletion: %q", got)
	}
}

func TestDeduplication(t *testing.T) {
	w := newWorld(t, vfs.NewMem())
	w.create("q.fifo")
	w.create("g.fifo", "DeduplicationScope", "messageGroup", "FifoThroughputLimit", "perMessageGroupId")
	first := w.send("q.fifo", sqs.Entry{Body: "a", Group: "g", Dedup: "d"})
	again := w.send("q.fifo", sqs.Entry{Body: "b", Group: "h", Dedup: "d"})
	if again.ID != first.ID || again.Sequence != first.Sequence || w.counts("q.fifo") != "1 0 0" {
		t.Errorf("got %+v behind %+v, counts %s", again, first, w.counts("q.fifo"))
	}
	w.send("g.fifo", sqs.Entry{Body: "a", Group: "g", Dedup: "d"})
	w.send("g.fifo", sqs.Entry{Body: "a", Group: "h", Dedup: "d"})
	if w.counts("g.fifo") != "2 0 0" {
		t.Errorf("counts %s", w.counts("g.fifo"))
	}
	w.pass(5 * time.Minute)
	if later := w.send("q.fifo", sqs.Entry{Body: "a", Group: "g", Dedup: "d"}); later.ID == first.ID || later.Sequence <= first.Sequence {
		t.Errorf("got %+v behind the five minutes", later)
	}
	_, errs, err := w.s.SendMessages("q.fifo", []sqs.Entry{{Body: "x", Group: "g", Dedup: "x"}, {Body: "x", Group: "g", Dedup: "x"}, {Body: "x", Group: "g", Dedup: "b b"}})
	if err != nil || errs[0] != nil || errs[1] != nil || name(errs[2]) != sqs.InvalidParameterValue {
		t.Errorf("%v, %v", errs, err)
	}
	for _, bad := range []sqs.Entry{{Body: "x", Group: "g"}, {Body: "x", Dedup: "y"}} {
		if _, _, err := w.s.SendMessages("q.fifo", []sqs.Entry{{Body: "x", Group: "g", Dedup: "z"}, bad}); name(err) != sqs.InvalidParameterValue {
			t.Errorf("a batch with %+v: %v", bad, err)
		}
	}
	if w.counts("q.fifo") != "3 0 0" {
		t.Errorf("counts %s", w.counts("q.fifo"))
	}
	if err := w.s.PurgeQueue("q.fifo"); err != nil {
		t.Fatal(err)
	}
	w.send("q.fifo", sqs.Entry{Body: "x", Group: "g", Dedup: "x"})
	if w.counts("q.fifo") != "1 0 0" {
		t.Errorf("counts %s: purging forgets ids", w.counts("q.fifo"))
	}
}

// TestGroupOrder has groups stand in line by when they could be received from: one that was received from goes behind the others, as recorded on AWS.
func TestGroupOrder(t *testing.T) {
	w := newWorld(t, vfs.NewMem())
	w.create("q.fifo", "ContentBasedDeduplication", "true")
	for _, body := range []string{"a1", "b1", "b2", "c1", "a2"} {
		w.send("q.fifo", sqs.Entry{Body: body, Group: body[:1]})
		w.pass(time.Second)
	}
	if got := texts(w.receive("q.fifo", sqs.Receive{Max: new(3), Visibility: new(0)})); got != "a1 a2 b1" {
		t.Errorf("got %q", got)
	}
	got := w.receive("q.fifo", sqs.Receive{Max: new(10)})
	if texts(got) != "c1 a1 a2 b1 b2" {
		t.Errorf("got %q", texts(got))
	}
	if errs, err := w.s.ChangeVisibility("q.fifo", []string{got[1].Receipt}, []int{0}); err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	if got := w.bodies("q.fifo"); got != "a1" {
		t.Errorf("the one that is visible before another in flight: %q", got)
	}
}

func TestDeadLetters(t *testing.T) {
	w := newWorld(t, vfs.NewMem())
	for _, suffix := range []string{"", ".fifo"} {
		dead, q := "dead"+suffix, "q"+suffix
		w.create(dead)
		w.create(q, "VisibilityTimeout", "0", "RedrivePolicy", `{"deadLetterTargetArn":"`+w.s.ARN(dead)+`","maxReceiveCount":"2"}`)
		group, dedup := "", ""
		if suffix != "" {
			group, dedup = "g", "d"
		}
		sent := w.send(q, sqs.Entry{Body: "poison", Group: group, Dedup: dedup})
		if got := w.bodies(q) + w.bodies(q) + w.bodies(q); got != "poisonpoison" {
			t.Errorf("%s: received %q", q, got)
		}
		letters := w.receive(dead, sqs.Receive{})
		if texts(letters) != "poison" || letters[0].ID != sent.ID || letters[0].System["ApproximateReceiveCount"] != "3" || letters[0].System["DeadLetterQueueSourceArn"] != w.s.ARN(q) {
			t.Errorf("%s: got %+v", dead, letters)
		}
		if w.counts(q) != "0 0 0" || w.counts(dead) != "0 1 0" {
			t.Errorf("counts %s and %s", w.counts(q), w.counts(dead))
		}
		sources, err := w.s.DeadLetterSources(dead)
		if err != nil || !slices.Equal(sources, []string{q}) {
			t.Errorf("%v, %v", sources, err)
		}
		w.pass(time.Minute)
		handle, err := w.s.StartMessageMoveTask(w.s.ARN(dead), "", nil)
		if err != nil || handle == "" {
			t.Fatal(err)
		}
		back := w.receive(q, sqs.Receive{Wait: new(20)})
		if texts(back) != "poison" || back[0].ID == sent.ID || back[0].System["ApproximateReceiveCount"] != "1" || back[0].System["DeadLetterQueueSourceArn"] != "" {
			t.Errorf("redriven: %+v", back)
		}
		var tasks []sqs.MoveTask
		for len(tasks) == 0 || tasks[0].Status == sqs.TaskRunning { // it ends as soon as it has looked again
			if tasks, err = w.s.MoveTasks(w.s.ARN(dead), nil); err != nil {
				t.Fatal(err)
			}
		}
		if tasks[0].Status != sqs.TaskCompleted || tasks[0].Moved != 1 || tasks[0].ToMove != 1 {
			t.Errorf("got %+v", tasks)
		}
	}
}

// A task with a rate can be cancelled, and goes on in the next life of the process if it is not.
func TestMoveTask(t *testing.T) {
	fs := vfs.NewMem()
	w := newWorld(t, fs)
	w.create("dead")
	w.create("other")
	w.create("q", "RedrivePolicy", `{"deadLetterTargetArn":"`+w.s.ARN("dead")+`","maxReceiveCount":2}`)
	for i := range 20 {
		w.send("dead", sqs.Entry{Body: fmt.Sprint(i)})
	}
	handle, err := w.s.StartMessageMoveTask(w.s.ARN("dead"), w.s.ARN("other"), new(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.s.StartMessageMoveTask(w.s.ARN("dead"), "", nil); name(err) != sqs.InvalidParameterValue {
		t.Errorf("a second task: %v", err)
	}
	if err := w.s.Close(); err != nil {
		t.Fatal(err)
	}
	w = newWorldAt(t, fs, clock.Real())
	if got := w.receive("other", sqs.Receive{Wait: new(20)}); len(got) != 1 {
		t.Fatalf("got %v", got)
	}
	if moved, err := w.s.CancelMessageMoveTask(handle); err != nil || moved < 1 {
		t.Errorf("moved %d, %v", moved, err)
	}
	for _, bad := range []struct {
		err  error
		want sfn.ExceptionName
	}{
		{last(w.s.StartMessageMoveTask(w.s.ARN("none"), "", nil)), sqs.ResourceNotFound},
		{last(w.s.StartMessageMoveTask(w.s.ARN("other"), "", nil)), sqs.InvalidParameterValue},
		{last(w.s.StartMessageMoveTask(w.s.ARN("dead"), w.s.ARN("none"), nil)), sqs.ResourceNotFound},
		{last(w.s.StartMessageMoveTask(w.s.ARN("dead"), "", new(501))), sqs.InvalidParameterValue},
		{last(w.s.CancelMessageMoveTask("x")), sqs.InvalidParameterValue},
	} {
		if name(bad.err) != bad.want {
			t.Errorf("got %v, want %s", bad.err, bad.want)
		}
	}
}

func last[T any](_ T, err error) error { return err }

func TestLongPoll(t *testing.T) {
	w := newWorld(t, vfs.NewMem())
	w.create("q", "VisibilityTimeout", "5", "ReceiveMessageWaitTimeSeconds", "20")
	got := make(chan string)
	poll := func() {
		messages, err := w.s.ReceiveMessage(context.Background(), "q", sqs.Receive{})
		if err != nil {
			t.Error(err)
		}
		got <- texts(messages)
	}
	go poll()
	w.send("q", sqs.Entry{Body: "a"})
	if text := <-got; text != "a" {
		t.Errorf("got %q", text)
	}
	go poll()
	for { // once somebody waits for it, the message's time is when there is something to do again
		if due, ok := w.s.NextDue(); ok {
			if quiet, _ := w.s.Quiet(); quiet {
				w.clock.SkipTo(due)
				break
			}
		}
	}
	if text := <-got; text != "a" {
		t.Errorf("got %q when it was visible again", text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.s.ReceiveMessage(ctx, "q", sqs.Receive{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	go func() {
		_, err := w.s.ReceiveMessage(context.Background(), "q", sqs.Receive{})
		got <- string(name(err))
	}()
	for {
		if _, ok := w.s.NextDue(); ok {
			break
		}
	}
	if err := w.s.DeleteQueue("q"); err != nil {
		t.Fatal(err)
	}
	if text := <-got; text != string(sqs.QueueDoesNotExist) {
		t.Errorf("got %q when the queue was gone", text)
	}
}

func TestQueues(t *testing.T) {
	w := newWorld(t, vfs.NewMem())
	w.create("dead")
	w.create("locked", "RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`)
	w.create("q", "DelaySeconds", "0")
	redrive := func(target string, more string) map[string]string {
		return map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + target + `"` + more + `}`}
	}
	set := func(attributes map[string]string) error { return w.s.SetQueueAttributes("q", attributes) }
	for _, test := range []struct {
		what string
		err  error
		want sfn.ExceptionName
	}{
		{"the same again", w.s.CreateQueue("q", map[string]string{"VisibilityTimeout": "30"}, nil), ""},
		{"another delay", w.s.CreateQueue("q", map[string]string{"DelaySeconds": "1"}, nil), sqs.QueueNameExists},
		{"no name", w.s.CreateQueue("", nil, nil), sqs.MissingParameter},
		{"a bad name", w.s.CreateQueue("a b", nil, nil), sqs.InvalidParameterValue},
		{"FIFO by name alone", w.s.CreateQueue("a.fifo", nil, nil), sqs.InvalidParameterValue},
		{"FIFO without the suffix", w.s.CreateQueue("a", map[string]string{"FifoQueue": "true"}, nil), sqs.InvalidParameterValue},
		{"FIFO false", w.s.CreateQueue("a", map[string]string{"FifoQueue": "false"}, nil), sqs.InvalidAttributeName},
		{"TRUE in capitals", w.s.CreateQueue("capitals.fifo", map[string]string{"FifoQueue": "True", "ContentBasedDeduplication": "FALSE"}, nil), ""},
		{"the same in small letters", w.s.CreateQueue("capitals.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "false"}, nil), ""},
		{"FIFO afterwards", set(map[string]string{"FifoQueue": "true"}), sqs.InvalidAttributeName},
		{"FIFO no more", w.s.SetQueueAttributes("capitals.fifo", map[string]string{"FifoQueue": "false"}), sqs.InvalidAttributeValue},
		{"too long a delay", set(map[string]string{"DelaySeconds": "901"}), sqs.InvalidAttributeValue},
		{"an unknown attribute", set(map[string]string{"Colour": "red"}), sqs.InvalidAttributeName},
		{"both encryptions", set(map[string]string{"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"}), sqs.InvalidAttributeName},
		{"an unknown target", set(redrive(w.s.ARN("none"), `,"maxReceiveCount":1`)), sqs.InvalidParameterValue},
		{"no count", set(redrive(w.s.ARN("dead"), "")), sqs.InvalidParameterValue},
		{"too large a count", set(redrive(w.s.ARN("dead"), `,"maxReceiveCount":1001`)), sqs.InvalidParameterValue},
		{"not an ARN", set(redrive("dead", `,"maxReceiveCount":1`)), sqs.InvalidParameterValue},
		{"a target that denies", set(redrive(w.s.ARN("locked"), `,"maxReceiveCount":1`)), sqs.InvalidParameterValue},
		{"a redrive policy", set(redrive(w.s.ARN("dead"), `,"maxReceiveCount":1`)), ""},
		{"none again", set(map[string]string{"RedrivePolicy": ""}), ""},
		{"a queue that is not there", w.s.SetQueueAttributes("none", nil), sqs.QueueDoesNotExist},
		{"a permission", w.s.AddPermission("q", "l", []string{"111111111111"}, []string{"SendMessage"}), ""},
		{"the same again", w.s.AddPermission("q", "l", []string{"111111111111"}, []string{"SendMessage"}), sqs.InvalidParameterValue},
		{"an action that cannot be given", w.s.AddPermission("q", "m", []string{"111111111111"}, []string{"CreateQueue"}), sqs.InvalidParameterValue},
		{"tags", w.s.TagQueue("q", map[string]string{"a": "1", "b": "2"}), ""},
		{"fewer tags", w.s.UntagQueue("q", []string{"a"}), ""},
	} {
		if name(test.err) != test.want {
			t.Errorf("%s: %v, want %s", test.what, test.err, test.want)
		}
	}
	a, err := w.s.GetQueueAttributes("q", []string{"Policy", "RedrivePolicy", "VisibilityTimeout"})
	const policy = `{"Version":"2008-10-17","Id":"arn:aws:sqs:us-east-1:000000000000:q/SQSDefaultPolicy","Statement":[{"Sid":"l","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"SQS:SendMessage","Resource":"arn:aws:sqs:us-east-1:000000000000:q"}]}`
	if err != nil || len(a) != 2 || a["Policy"] != policy || a["VisibilityTimeout"] != "30" {
		t.Errorf("%v, %v", a, err)
	}
	if err := w.s.RemovePermission("q", "l"); err != nil {
		t.Error(err)
	}
	if tags, err := w.s.Tags("q"); err != nil || len(tags) != 1 || tags["b"] != "2" {
		t.Errorf("%v, %v", tags, err)
	}
	if _, err := w.s.GetQueueAttributes("q", []string{"Colour"}); name(err) != sqs.InvalidAttributeName {
		t.Error(err)
	}
	w.send("q", sqs.Entry{Body: "a"})
	if err := w.s.PurgeQueue("q"); err != nil || w.counts("q") != "0 0 0" {
		t.Errorf("%v, counts %s", err, w.counts("q"))
	}
	w.send("q", sqs.Entry{Body: "b"})
	if err := w.s.PutQueue("q", map[string]string{"VisibilityTimeout": "7"}, nil); err != nil || w.bodies("q") != "b" {
		t.Errorf("a deployment: %v", err)
	}
	if list, err := w.s.Queues("l"); err != nil || !slices.Equal(list, []string{"locked"}) {
		t.Errorf("%v, %v", list, err)
	}
	if err := errors.Join(w.s.DeleteQueue("q"), w.s.CreateQueue("q", nil, nil)); err != nil || w.counts("q") != "0 0 0" {
		t.Errorf("%v, counts %s", err, w.counts("q"))
	}
}

func TestMessages(t *testing.T) {
	w := newWorld(t, vfs.NewMem())
	w.create("q", "MaximumMessageSize", "1024")
	attributes := func(name, kind, text string) map[string]sqs.Attribute {
		return map[string]sqs.Attribute{name: {DataType: kind, String: text}}
	}
	many := map[string]sqs.Attribute{}
	for i := range 11 {
		many[fmt.Sprint("a", i)] = sqs.Attribute{DataType: "String", String: "x"}
	}
	for _, test := range []struct {
		what  string
		entry sqs.Entry
		want  sfn.ExceptionName
	}{
		{"plain", sqs.Entry{Body: "\t\r\n\u00e9\U0001f600"}, ""},
		{"nothing", sqs.Entry{}, sqs.MissingParameter},
		{"a character that XML has not", sqs.Entry{Body: "\x01"}, sqs.InvalidMessageContents},
		{"no UTF-8", sqs.Entry{Body: "\xff"}, sqs.InvalidMessageContents},
		{"as large as can be", sqs.Entry{Body: strings.Repeat("x", 1024)}, ""},
		{"too large with its attribute", sqs.Entry{Body: strings.Repeat("x", 1020), Attributes: attributes("a", "String", "x")}, sqs.InvalidParameterValue},
		{"too long a delay", sqs.Entry{Body: "x", Delay: new(901)}, sqs.InvalidParameterValue},
		{"a group of a standard queue", sqs.Entry{Body: "x", Group: "tenant"}, ""},
		{"a deduplication id of one", sqs.Entry{Body: "x", Dedup: "d"}, sqs.InvalidParameterValue},
		{"a type of one's own", sqs.Entry{Body: "x", Attributes: attributes("a.b-c_1", "Number.int", "-1.5e3")}, ""},
		{"no type", sqs.Entry{Body: "x", Attributes: attributes("a", "", "x")}, sqs.InvalidParameterValue},
		{"an unknown type", sqs.Entry{Body: "x", Attributes: attributes("a", "Text", "x")}, sqs.InvalidParameterValue},
		{"no value", sqs.Entry{Body: "x", Attributes: attributes("a", "String", "")}, sqs.InvalidParameterValue},
		{"no number", sqs.Entry{Body: "x", Attributes: attributes("a", "Number", "x")}, sqs.InvalidParameterValue},
		{"a name of AWS's", sqs.Entry{Body: "x", Attributes: attributes("aws.a", "String", "x")}, sqs.InvalidParameterValue},
		{"two periods", sqs.Entry{Body: "x", Attributes: attributes("a..b", "String", "x")}, sqs.InvalidParameterValue},
		{"too many attributes", sqs.Entry{Body: "x", Attributes: many}, sqs.InvalidParameterValue},
		{"an unknown system attribute", sqs.Entry{Body: "x", SystemAttributes: attributes("a", "String", "x")}, sqs.InvalidParameterValue},
	} {
		if _, err := w.s.SendMessage("q", test.entry); name(err) != test.want {
			t.Errorf("%s: %v, want %s", test.what, err, test.want)
		}
	}
	for _, r := range []sqs.Receive{{Max: new(0)}, {Max: new(11)}, {Wait: new(21)}, {Visibility: new(43_201)}, {Attempt: "a"}} {
		if _, err := w.s.ReceiveMessage(t.Context(), "q", r); name(err) != sqs.InvalidParameterValue {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// The digests are those that recordings of SQS have.
func TestDigests(t *testing.T) {
	if got := sqs.MD5OfBody("msg"); got != "6e2baaf3b97dbeef01c0043275f9a0e7" {
		t.Errorf("body: %s", got)
	}
	text := func(s string) sqs.Attribute { return sqs.Attribute{DataType: "String", String: s} }
	for _, test := range []struct {
		attributes map[string]sqs.Attribute
		want       string
	}{
		{nil, ""},
		{map[string]sqs.Attribute{"Hello": text("There"), "General": text("Kenobi"), "Help.Me": text("Me")}, "4c360f3fdafd970e05fae2f149d997f5"},
		{map[string]sqs.Attribute{"Hello": text("There")}, "a311262e065454b75da111d535b8dacd"},
		{map[string]sqs.Attribute{"attr1": {DataType: "Binary", Binary: []byte("traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01")}}, "8cbe4db156db8a94db8b801b7addb984"},
	} {
		if got := sqs.MD5OfAttributes(test.attributes); got != test.want {
			t.Errorf("%v: %s, want %s", test.attributes, got, test.want)
		}
	}
}

// TestConcurrent has many send to and receive from one queue at once: each message comes once.
func TestConcurrent(t *testing.T) {
	w := newWorld(t, vfs.NewMem())
	w.create("q")
	w.create("q.fifo", "ContentBasedDeduplication", "true")
	for _, q := range []string{"q", "q.fifo"} {
		var wg, senders sync.WaitGroup
		var mu sync.Mutex
		seen := map[string]int{}
		const n, each = 8, 40
		for i := range n {
			senders.Go(func() {
				for k := range each {
					e := sqs.Entry{Body: fmt.Sprint(i, "-", k)}
					if q == "q.fifo" {
						e.Group = fmt.Sprint(i)
					}
					if _, err := w.s.SendMessage(q, e); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range n {
			wg.Go(func() {
				for {
					mu.Lock()
					done := len(seen) == n*each
					mu.Unlock()
					if done {
						return
					}
					messages, err := w.s.ReceiveMessage(t.Context(), q, sqs.Receive{Max: new(10)})
					if err != nil {
						t.Error(err)
						return
					}
					var handles []string
					mu.Lock()
					for _, m := range messages {
						seen[m.Body]++
						handles = append(handles, m.Receipt)
					}
					mu.Unlock()
					if _, err := w.s.DeleteMessages(q, handles); err != nil {
						t.Error(err)
					}
				}
			})
		}
		senders.Wait()
		wg.Wait()
		for body, times := range seen {
			if times != 1 {
				t.Errorf("%s: %s came %d times", q, body, times)
			}
		}
		if w.counts(q) != "0 0 0" {
			t.Errorf("counts %s", w.counts(q))
		}
	}
}

// known tells whether an error is one that SQS answers.
func known(err error) bool {
	var e *sfn.Exception
	return errors.As(err, &e)
}

// TestChanges has settings change, queues come and go and the clock ask, while messages are sent and received.
func TestChanges(t *testing.T) {
	w := newWorldAt(t, vfs.NewMem(), clock.Real())
	w.create("dead")
	w.create("q", "RedrivePolicy", `{"deadLetterTargetArn":"`+w.s.ARN("dead")+`","maxReceiveCount":1}`)
	var wg sync.WaitGroup
	for _, do := range []func(i int) error{
		func(i int) error {
			return w.s.SetQueueAttributes("q", map[string]string{"VisibilityTimeout": fmt.Sprint(i % 2)})
		},
		func(int) error { return errors.Join(w.s.CreateQueue("other", nil, nil), w.s.DeleteQueue("other")) },
		func(i int) error { _, err := w.s.SendMessage("q", sqs.Entry{Body: fmt.Sprint(i)}); return err },
		func(int) error {
			_, err := w.s.ReceiveMessage(t.Context(), "q", sqs.Receive{Max: new(10), Patience: time.Millisecond})
			return err
		},
		func(int) error { w.s.NextDue(); w.s.Quiet(); return nil },
		func(int) error { _, err := w.s.Queues(""); return errors.Join(err, w.s.PurgeQueue("dead")) },
	} {
		wg.Go(func() {
			for i := range 200 {
				if err := do(i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
