package sqs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/measure/measuretest"
	"github.com/tutti-run/tutti/internal/sqs"
)

// ledger tells what was counted of queues.
type ledger struct{ *measuretest.Ledger }

// of shows what was counted of a queue's metric, minute by minute.
func (l ledger) of(queue, metric string) string {
	return l.Minutes("AWS/SQS " + metric + " QueueName=" + queue)
}

// newMeasured is a world whose clock stands at the beginning of a minute, as good as still, with what it counts.
func newMeasured(t *testing.T) (*world, ledger) {
	c := clock.Fast(slow)
	start := c.Now().Truncate(time.Minute).Add(time.Minute)
	c.SkipTo(start.Add(time.Millisecond))
	l := ledger{measuretest.NewLedger(start)}
	return newWorldWith(t, vfs.NewMem(), c, sqs.WithMeter(l)), l
}

// Every metric of the table is counted, in the minute in which it was so.
func TestMetrics(t *testing.T) {
	w, l := newMeasured(t)
	w.create("q", "VisibilityTimeout", "90")
	w.send("q", sqs.Entry{Body: "four"})
	w.send("q", sqs.Entry{Body: "sixsix", Delay: new(150)})
	if _, errs, err := w.s.SendMessages("q", []sqs.Entry{{Body: "a"}, {Body: ""}}); err != nil || errs[1] == nil {
		t.Fatal(errs, err)
	}
	got := w.receive("q", sqs.Receive{Max: new(10)})
	w.receive("q", sqs.Receive{})
	for range 2 { // the second time counts, too
		if errs, err := w.s.DeleteMessages("q", []string{got[0].Receipt, "nonsense"}); err != nil || errs[0] != nil {
			t.Fatal(errs, err)
		}
	}
	w.pass(3*time.Minute + time.Second)
	if err := w.s.Sample(); err != nil {
		t.Fatal(err)
	}
	for metric, want := range map[string]string{
		"NumberOfMessagesSent": "0:3 1:0 2:0", "NumberOfMessagesReceived": "0:2 1:0 2:0", "NumberOfMessagesDeleted": "0:2 1:0 2:0",
		"NumberOfEmptyReceives": "0:1 1:0 2:0", "SentMessageSize": "0:11", "ApproximateNumberOfMessagesVisible": "0:0 1:1 2:2",
		"ApproximateNumberOfMessagesNotVisible": "0:1 1:0 2:0", "ApproximateNumberOfMessagesDelayed": "0:1 1:1 2:0",
		"ApproximateAgeOfOldestMessage": "0:59 1:119 2:179", "NumberOfDeduplicatedSentMessages": "", "ApproximateNumberOfGroupsWithInflightMessages": "",
	} {
		if got := l.of("q", metric); got != want {
			t.Errorf("%s: %s, want %s", metric, got, want)
		}
	}

	w, l = newMeasured(t)
	w.create("q.fifo", "ContentBasedDeduplication", "true")
	for _, body := range []string{"a", "a", "b"} {
		w.send("q.fifo", sqs.Entry{Body: body, Group: body})
	}
	w.receive("q.fifo", sqs.Receive{Max: new(10)})
	w.pass(time.Minute)
	w.receive("q.fifo", sqs.Receive{}) // which looks back, too
	for metric, want := range map[string]string{
		"NumberOfMessagesSent": "0:2", "NumberOfDeduplicatedSentMessages": "0:1", "ApproximateNumberOfGroupsWithInflightMessages": "0:0", "NumberOfMessagesReceived": "0:2 1:1",
	} {
		if got := l.of("q.fifo", metric); got != want {
			t.Errorf("%s: %s, want %s", metric, got, want)
		}
	}
	for _, m := range sqs.Metrics().Metrics {
		if l.of("q.fifo", m.Name) == "" {
			t.Errorf("%s is in the table, but nobody counts it", m.Name)
		}
	}
}

// A dead letter's age begins when it comes to the dead-letter queue; poison is left out of the age; moves count as neither sent nor deleted.
func TestMetricsOfDeadLetters(t *testing.T) {
	w, l := newMeasured(t)
	w.create("dead")
	w.create("q", "VisibilityTimeout", "0", "RedrivePolicy", `{"deadLetterTargetArn":"`+w.s.ARN("dead")+`","maxReceiveCount":3}`)
	w.send("q", sqs.Entry{Body: "poison"})
	w.pass(time.Minute)
	for range 3 {
		w.receive("q", sqs.Receive{})
	}
	w.pass(time.Minute)
	w.receive("q", sqs.Receive{})
	w.pass(time.Minute)
	if err := w.s.Sample(); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"q ApproximateAgeOfOldestMessage": "0:59 1:0 2:0", "dead ApproximateAgeOfOldestMessage": "0:0 1:0 2:59", "dead NumberOfMessagesSent": "0:0 1:0 2:0",
		"q NumberOfMessagesDeleted": "0:0 1:0 2:0", "dead ApproximateNumberOfMessagesVisible": "0:0 1:0 2:1", "q ApproximateNumberOfMessagesVisible": "0:1 1:1 2:0",
	} {
		queue, metric, _ := strings.Cut(key, " ")
		if got := l.of(queue, metric); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

// A queue without messages is reported for six hours after it was used; one with messages as long as it has them.
func TestActiveQueues(t *testing.T) {
	w, l := newMeasured(t)
	w.create("idle")
	w.create("q", "MessageRetentionPeriod", "36000")
	w.send("q", sqs.Entry{Body: "a"})
	for range 3 {
		w.pass(8 * time.Hour)
		if err := w.s.Sample(); err != nil {
			t.Fatal(err)
		}
	}
	minutes := func(queue string) int { return len(strings.Fields(l.of(queue, "ApproximateNumberOfMessagesVisible"))) }
	if n := minutes("idle"); n != 6*60 {
		t.Errorf("an idle queue is reported for %d minutes", n)
	}
	if n := minutes("q"); n != 16*60 {
		t.Errorf("a queue with a message for ten hours is reported for %d minutes", n)
	}
	if _, err := w.s.GetQueueAttributes("idle", []string{"All"}); err != nil {
		t.Fatal(err)
	}
	w.pass(48 * time.Hour)
	if err := w.s.Sample(); err != nil {
		t.Fatal(err)
	}
	if n := minutes("idle"); n != 6*60 { // what is longer ago than a day is not made up for
		t.Errorf("an idle queue is reported for %d minutes", n)
	}
}
