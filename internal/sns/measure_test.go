package sns_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/sns"
)

// Every metric of the table is counted. What can never be delivered fails once.
func TestMetrics(t *testing.T) {
	w := newWorld(t)
	topic := w.topic("t")
	letters := `{"deadLetterTargetArn":"` + queueARN + `-letters"}`
	w.subscribe(topic, "sqs", queueARN, "FilterPolicy", `{"kind":["a"]}`)
	w.subscribe(topic, "sqs", queueARN+"-body", "FilterPolicy", `{"kind":["a"]}`, "FilterPolicyScope", "MessageBody")
	w.subscribe(topic, "lambda", "arn:aws:lambda:us-east-1:000000000000:function:gone", "RedrivePolicy", letters)
	w.subscribe(topic, "lambda", "arn:aws:lambda:us-east-1:000000000000:function:lost", "RedrivePolicy", `{"deadLetterTargetArn":"`+queueARN+`-missing"}`)
	w.functions.fail = func(sns.Delivery) error { return &sns.Permanent{Err: errors.New("no function")} }
	w.queues.fail = func(d sns.Delivery) error {
		if d.Endpoint == queueARN+"-missing" {
			return &sns.Permanent{Err: errors.New("no queue")}
		}
		return nil
	}
	for _, m := range []sns.Message{
		{Body: `{"kind":"a"}`, Attributes: map[string]sns.Attribute{"kind": {DataType: "String", String: "a"}}}, // to both queues
		{Body: `{"kind":"b"}`, Attributes: map[string]sns.Attribute{"kind": {DataType: "String", String: "b"}}},
		{Body: `no object`},
	} {
		w.publish(topic, m)
	}
	if _, err := w.s.Publish(topic, sns.Message{}); err == nil {
		t.Error("an empty message is published")
	}
	want := map[string]float64{
		"NumberOfMessagesPublished": 3, "PublishSize": 12 + 11 + 12 + 11 + 9, "NumberOfNotificationsDelivered": 2, "NumberOfNotificationsFailed": 6,
		"NumberOfNotificationsFilteredOut": 4, "NumberOfNotificationsFilteredOut-MessageAttributes": 1, "NumberOfNotificationsFilteredOut-NoMessageAttributes": 1,
		"NumberOfNotificationsFilteredOut-MessageBody": 1, "NumberOfNotificationsFilteredOut-InvalidMessageBody": 1, "NumberOfNotificationsRedrivenToDlq": 3,
		"NumberOfNotificationsFailedToRedriveToDlq": 3,
	}
	w.delivered()
	for _, m := range sns.Metrics().Metrics {
		if got := w.sum(m.Name); got != want[m.Name] || got == 0 {
			t.Errorf("%s: %g, want %g", m.Name, got, want[m.Name])
		}
	}
}

// sum is what was counted of a metric of the topic t.
func (w *world) sum(metric string) float64 {
	sum, _ := w.counted.Sum("AWS/SNS " + metric + " TopicName=t")
	return sum
}

// delivered waits until nothing is owed any more.
func (w *world) delivered() {
	for w.journal.count("sns.delivery") > 0 {
		time.Sleep(time.Millisecond)
	}
}
