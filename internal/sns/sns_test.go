package sns_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/measure/measuretest"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/sns"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a journal in memory.
type memory struct {
	mu   sync.Mutex
	text map[[2]string]string
}

func (m *memory) Documents(collection string) iter.Seq2[sns.Document, error] {
	return func(yield func(sns.Document, error) bool) {
		m.mu.Lock()
		text := maps.Clone(m.text)
		m.mu.Unlock()
		var keys []string
		for key := range text {
			if key[0] == collection {
				keys = append(keys, key[1])
			}
		}
		slices.Sort(keys)
		for _, key := range keys {
			if !yield(sns.Document{Key: key, Value: []byte(text[[2]string{collection, key}])}, nil) {
				return
			}
		}
	}
}

func (m *memory) Document(collection, key string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.text[[2]string{collection, key}]
	return []byte(value), ok, nil
}

func (m *memory) Write(changes []sns.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range changes {
		if c.Value == nil {
			delete(m.text, [2]string{c.Collection, c.Key})
		} else {
			m.text[[2]string{c.Collection, c.Key}] = string(c.Value)
		}
	}
	return nil
}

// count is how many documents a collection has.
func (m *memory) count(collection string) (n int) {
	for range m.Documents(collection) {
		n++
	}
	return n
}

// mailbox is a target that keeps what it gets, and fails as its function says.
type mailbox struct {
	got  chan sns.Delivery
	fail func(sns.Delivery) error
}

func (m *mailbox) Deliver(_ context.Context, d sns.Delivery) error {
	if m.fail != nil {
		if err := m.fail(d); err != nil {
			return err
		}
	}
	m.got <- d
	return nil
}

// world is a service with mailboxes for queues and functions.
type world struct {
	t                 *testing.T
	s                 *sns.Service
	journal           *memory
	clock             *clock.Clock
	queues, functions *mailbox
	counted           *measuretest.Ledger
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, journal: &memory{text: map[[2]string]string{}}, clock: clock.Real()}
	w.queues, w.functions = &mailbox{got: make(chan sns.Delivery, 100)}, &mailbox{got: make(chan sns.Delivery, 100)}
	w.counted = measuretest.NewLedger(time.Time{})
	w.open()
	w.start()
	return w
}

func (w *world) open() {
	w.t.Helper()
	s, err := sns.Open(sns.Config{Journal: w.journal, Meter: w.counted, Clock: w.clock, Targets: map[string]sns.Target{"sqs": w.queues, "lambda": w.functions}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.s = s
	w.t.Cleanup(s.Close)
}

func (w *world) start() {
	w.t.Helper()
	if err := w.s.Start(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) topic(name string, attributes ...string) string {
	w.t.Helper()
	m := map[string]string{}
	for i := 0; i < len(attributes); i += 2 {
		m[attributes[i]] = attributes[i+1]
	}
	arn, err := w.s.CreateTopic(name, m, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return arn
}

const queueARN = "arn:aws:sqs:us-east-1:000000000000:q"

func (w *world) subscribe(topic, protocol, endpoint string, attributes ...string) string {
	w.t.Helper()
	m := map[string]string{}
	for i := 0; i < len(attributes); i += 2 {
		m[attributes[i]] = attributes[i+1]
	}
	arn, _, err := w.s.Subscribe(sns.SubscribeRequest{TopicARN: topic, Protocol: protocol, Endpoint: endpoint, Attributes: m})
	if err != nil {
		w.t.Fatal(err)
	}
	return arn
}

func (w *world) publish(topic string, m sns.Message) sns.Published {
	w.t.Helper()
	p, err := w.s.Publish(topic, m)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
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

func text(s string) sns.Attribute { return sns.Attribute{DataType: "String", String: s} }

func TestEnvelopes(t *testing.T) {
	w := newWorld(t)
	topic := w.topic("t")
	w.subscribe(topic, "sqs", queueARN)
	w.subscribe(topic, "lambda", "arn:aws:lambda:us-east-1:000000000000:function:f")
	p := w.publish(topic, sns.Message{Body: `{"default":"all <&>","lambda":"yours"}`, Structure: "json", Subject: "News", Attributes: map[string]sns.Attribute{"a": text("b")}})
	d := <-w.queues.got
	if !strings.HasPrefix(d.Body, "{\n  \"Type\" : \"Notification\",\n  \"MessageId\" : \""+p.ID+"\",\n  \"TopicArn\" : \""+topic+"\",\n  \"Subject\" : \"News\",\n  \"Message\" : \"all <&>\",\n  \"Timestamp\" : \"") {
		t.Errorf("got %s", d.Body)
	}
	var doc struct {
		UnsubscribeURL    string
		MessageAttributes map[string]map[string]string
	}
	if err := json.Unmarshal([]byte(d.Body), &doc); err != nil || doc.MessageAttributes["a"]["Value"] != "b" || doc.MessageAttributes["a"]["Type"] != "String" || !strings.Contains(doc.UnsubscribeURL, "Action=Unsubscribe") {
		t.Errorf("got %+v, %v", doc, err)
	}
	var event struct {
		Records []struct {
			EventSource, EventVersion string
			Sns                       struct {
				Message, MessageId, Subject, TopicArn string
				MessageAttributes                     map[string]map[string]string
			}
		}
	}
	d = <-w.functions.got
	if err := json.Unmarshal([]byte(d.Body), &event); err != nil || len(event.Records) != 1 {
		t.Fatalf("got %s, %v", d.Body, err)
	}
	if r := event.Records[0]; r.EventSource != "aws:sns" || r.EventVersion != "1.0" || r.Sns.Message != "yours" || r.Sns.MessageId != p.ID || r.Sns.Subject != "News" || r.Sns.MessageAttributes["a"]["Value"] != "b" {
		t.Errorf("got %+v", r)
	}
}

func TestRaw(t *testing.T) {
	w := newWorld(t)
	topic := w.topic("t")
	sub := w.subscribe(topic, "sqs", queueARN, "RawMessageDelivery", "true")
	w.publish(topic, sns.Message{Body: "plain", Attributes: map[string]sns.Attribute{"a": text("b")}})
	if d := <-w.queues.got; d.Body != "plain" || d.Attributes["a"].String != "b" || d.Endpoint != queueARN {
		t.Errorf("got %+v", d)
	}
	if a, err := w.s.SubscriptionAttributes(sub); err != nil || a["RawMessageDelivery"] != "true" || a["PendingConfirmation"] != "false" || a["Protocol"] != "sqs" {
		t.Errorf("got %v, %v", a, err)
	}
}

func TestFilters(t *testing.T) {
	w := newWorld(t)
	topic := w.topic("t")
	sub := w.subscribe(topic, "sqs", queueARN, "RawMessageDelivery", "true")
	set := func(name, v string) {
		t.Helper()
		if err := w.s.SetSubscriptionAttribute(sub, name, v); err != nil {
			t.Fatal(err)
		}
	}
	number := func(s string) sns.Attribute { return sns.Attribute{DataType: "Number", String: s} }
	for _, test := range []struct {
		policy, scope, body string
		attributes          map[string]sns.Attribute
		passes              bool
	}{
		{`{"kind":["a"]}`, "MessageAttributes", "x", map[string]sns.Attribute{"kind": text("a")}, true},
		{`{"kind":["a"]}`, "MessageAttributes", "x", map[string]sns.Attribute{"kind": text("b")}, false},
		{`{"kind":["a"]}`, "MessageAttributes", "x", nil, false},
		{`{"kind":[{"exists":false}]}`, "MessageAttributes", "x", nil, true},
		{`{"n":[{"numeric":[">",1]}]}`, "MessageAttributes", "x", map[string]sns.Attribute{"n": number("1.5")}, true},
		{`{"n":[{"numeric":[">",1]}]}`, "MessageAttributes", "x", map[string]sns.Attribute{"n": text("1.5")}, false},
		{`{"kind":[{"anything-but":"a"}]}`, "MessageAttributes", "x", map[string]sns.Attribute{"kind": text("b")}, true},
		{`{"kind":["b"]}`, "MessageAttributes", "x", map[string]sns.Attribute{"kind": {DataType: "String.Array", String: `["a","b"]`}}, true},
		{`{"$or":[{"a":["1"]},{"b":["2"]}]}`, "MessageAttributes", "x", map[string]sns.Attribute{"b": text("2")}, true},
		{`{"order":{"kind":["a"]}}`, "MessageBody", `{"order":{"kind":"a"}}`, nil, true},
		{`{"order":{"kind":["a"]}}`, "MessageBody", `{"order":{"kind":"b"}}`, nil, false},
		{`{"order":{"kind":["a"]}}`, "MessageBody", `no object`, nil, false},
	} {
		set("FilterPolicy", "")
		set("FilterPolicyScope", test.scope)
		set("FilterPolicy", test.policy)
		w.publish(topic, sns.Message{Body: test.body, Attributes: test.attributes})
		for w.journal.count("sns.delivery") > 0 {
			time.Sleep(time.Millisecond) // until all is delivered
		}
		got := len(w.queues.got) > 0
		if got {
			<-w.queues.got
		}
		if got != test.passes {
			t.Errorf("%s on %s, %v: %v", test.policy, test.body, test.attributes, got)
		}
	}
	set("FilterPolicy", "")
	set("FilterPolicyScope", "MessageAttributes")
	for _, policy := range []string{`x`, `{"a":"b"}`, `{"a":{"b":["c"]}}`} {
		if err := w.s.SetSubscriptionAttribute(sub, "FilterPolicy", policy); name(err) != sns.InvalidParameter {
			t.Errorf("%s: %v", policy, err)
		}
	}
}

// Messages of a group go to a subscription one behind the other, also while the first is tried again; and duplicates go nowhere.
func TestFIFO(t *testing.T) {
	w := newWorld(t)
	topic := w.topic("t.fifo", "FifoTopic", "true", "ContentBasedDeduplication", "true")
	w.subscribe(topic, "sqs", queueARN+".fifo", "RawMessageDelivery", "true")
	var mu sync.Mutex
	failures := 2
	w.queues.fail = func(d sns.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		if d.Body == "a1" && failures > 0 {
			failures--
			return errors.New("not now")
		}
		return nil
	}
	var last string
	for _, body := range []string{"a1", "b1", "a2", "a3", "b2", "a1"} {
		p := w.publish(topic, sns.Message{Body: body, Group: body[:1]})
		if body != "a1" && p.Sequence <= last {
			t.Errorf("%s: %s behind %s", body, p.Sequence, last)
		}
		last = p.Sequence
	}
	order := map[string]string{}
	for range 5 {
		d := <-w.queues.got
		if d.Dedup == "" {
			t.Error("no deduplication id")
		}
		order[d.Group] += d.Body
	}
	if order["a"] != "a1a2a3" || order["b"] != "b1b2" {
		t.Errorf("got %v", order)
	}
	w.s.Close()
	w.open()
	w.start()
	if p := w.publish(topic, sns.Message{Body: "a2", Group: "a"}); len(w.queues.got) != 0 || p.Sequence == "" {
		t.Errorf("a duplicate in the next life: %+v", p)
	}
}

// What is owed when a life ends is delivered in the next.
func TestDurable(t *testing.T) {
	w := newWorld(t)
	topic := w.topic("t")
	w.subscribe(topic, "sqs", queueARN, "RawMessageDelivery", "true")
	w.s.Close()
	w.open() // and does not deliver
	for i := range 10 {
		w.publish(topic, sns.Message{Body: fmt.Sprint(i)})
	}
	w.s.Close()
	if n := w.journal.count("sns.delivery"); n != 10 {
		t.Fatalf("%d are owed", n)
	}
	w.open()
	w.start()
	got := map[string]bool{}
	for range 10 {
		got[(<-w.queues.got).Body] = true
	}
	if len(got) != 10 {
		t.Errorf("got %v", got)
	}
}

// What cannot be delivered goes to the subscription's dead-letter queue.
func TestDeadLetters(t *testing.T) {
	w := newWorld(t)
	topic := w.topic("t")
	const dead = "arn:aws:sqs:us-east-1:000000000000:dead"
	w.subscribe(topic, "sqs", queueARN, "RawMessageDelivery", "true", "RedrivePolicy", `{"deadLetterTargetArn":"`+dead+`"}`)
	w.queues.fail = func(d sns.Delivery) error {
		if d.Endpoint != dead {
			return &sns.Permanent{Err: errors.New("it is gone")}
		}
		return nil
	}
	w.publish(topic, sns.Message{Body: "x"})
	if d := <-w.queues.got; d.Endpoint != dead || d.Body != "x" {
		t.Errorf("got %+v", d)
	}
}

// endpoint is an HTTP endpoint that keeps what it is sent.
type endpoint struct {
	*httptest.Server
	got    chan *http.Request
	bodies chan string
	status func() int
}

func newEndpoint(t *testing.T) *endpoint {
	e := &endpoint{got: make(chan *http.Request, 20), bodies: make(chan string, 20), status: func() int { return 200 }}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		status := e.status()
		w.WriteHeader(status)
		e.bodies <- string(body)
		e.got <- r
	}))
	t.Cleanup(func() { e.Close(); http.DefaultClient.CloseIdleConnections() })
	return e
}

// An HTTP endpoint gets messages once it has confirmed, and is tried again at the times of its delivery policy.
func TestHTTP(t *testing.T) {
	w := newWorld(t)
	e := newEndpoint(t)
	topic := w.topic("t")
	arn, pending, err := w.s.Subscribe(sns.SubscribeRequest{TopicARN: topic, Protocol: "http", Endpoint: e.URL + "/in", Attributes: map[string]string{
		"DeliveryPolicy": `{"healthyRetryPolicy":{"minDelayTarget":10,"maxDelayTarget":10,"numRetries":2}}`,
	}})
	if err != nil || !pending {
		t.Fatal(arn, pending, err)
	}
	w.publish(topic, sns.Message{Body: "too early"})
	var doc struct{ Type, Token, SubscribeURL, TopicArn string }
	if err := json.Unmarshal([]byte(<-e.bodies), &doc); err != nil || doc.Type != "SubscriptionConfirmation" || doc.TopicArn != topic {
		t.Fatalf("got %+v, %v", doc, err)
	}
	if r := <-e.got; r.Header.Get("X-Amz-Sns-Message-Type") != "SubscriptionConfirmation" || r.URL.Path != "/in" {
		t.Errorf("got %v", r.Header)
	}
	if u, err := url.Parse(doc.SubscribeURL); err != nil || u.Query().Get("Action") != "ConfirmSubscription" || u.Query().Get("Token") != doc.Token {
		t.Errorf("got %s, %v", doc.SubscribeURL, err)
	}
	if _, err := w.s.ConfirmSubscription(topic, "x"); name(err) != sns.InvalidParameter {
		t.Errorf("a wrong token: %v", err)
	}
	if confirmed, err := w.s.ConfirmSubscription(topic, doc.Token); err != nil || confirmed != arn {
		t.Fatal(confirmed, err)
	}
	tries := 0
	e.status = func() int {
		if tries++; tries < 3 {
			return 503
		}
		return 200
	}
	w.publish(topic, sns.Message{Body: "hello"})
	for try := range 3 {
		if try > 0 {
			for { // the next try is ten seconds away
				if due, ok := w.s.NextDue(); ok {
					if quiet, _ := w.s.Quiet(); quiet {
						w.clock.SkipTo(due)
						break
					}
				}
				time.Sleep(time.Millisecond) // until the failure is written down
			}
		}
		if body := <-e.bodies; !strings.Contains(body, `"Message" : "hello"`) {
			t.Errorf("try %d: %s", try+1, body)
		}
		if r := <-e.got; r.Header.Get("X-Amz-Sns-Subscription-Arn") != arn || r.Header.Get("Content-Type") != "text/plain; charset=UTF-8" {
			t.Errorf("got %v", r.Header)
		}
	}
	w.delivered()
	if delivered, failed := w.sum("NumberOfNotificationsDelivered"), w.sum("NumberOfNotificationsFailed"); delivered != 1 || failed != 2 {
		t.Errorf("counted %g deliveries, not the confirmation's, and %g attempts that failed", delivered, failed)
	}
	if err := w.s.Unsubscribe(arn); err != nil {
		t.Error(err)
	}
	if list, err := w.s.Subscriptions(topic); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	topic, fifo := w.topic("t"), w.topic("f.fifo", "FifoTopic", "true")
	w.subscribe(topic, "sqs", queueARN, "RawMessageDelivery", "true")
	publish := func(arn string, m sns.Message) error { _, err := w.s.Publish(arn, m); return err }
	subscribe := func(arn, protocol, endpoint string, attributes ...string) error {
		m := map[string]string{}
		for i := 0; i < len(attributes); i += 2 {
			m[attributes[i]] = attributes[i+1]
		}
		_, _, err := w.s.Subscribe(sns.SubscribeRequest{TopicARN: arn, Protocol: protocol, Endpoint: endpoint, Attributes: m})
		return err
	}
	create := func(name string, attributes, tags map[string]string) error {
		_, err := w.s.CreateTopic(name, attributes, tags)
		return err
	}
	for _, test := range []struct {
		what string
		err  error
		want sfn.ExceptionName
	}{
		{"the same topic", create("t", nil, nil), ""},
		{"with another attribute", create("t", map[string]string{"DisplayName": "x"}, nil), sns.InvalidParameter},
		{"with tags", create("t", nil, map[string]string{"a": "b"}), sns.InvalidParameter},
		{"a bad name", create("a b", nil, nil), sns.InvalidParameter},
		{"FIFO without the suffix", create("a", map[string]string{"FifoTopic": "true"}, nil), sns.InvalidParameter},
		{"an unknown attribute", w.s.SetTopicAttribute(topic, "Colour", "red"), sns.InvalidParameter},
		{"no topic", publish(topic+"x", sns.Message{Body: "x"}), sns.NotFound},
		{"no ARN", publish("t", sns.Message{Body: "x"}), sns.InvalidParameter},
		{"no message", publish(topic, sns.Message{}), sns.InvalidParameter},
		{"too long", publish(topic, sns.Message{Body: strings.Repeat("x", sns.MaxMessageBytes+1)}), sns.InvalidParameter},
		{"a subject of two lines", publish(topic, sns.Message{Body: "x", Subject: "a\nb"}), sns.InvalidParameter},
		{"a structure without default", publish(topic, sns.Message{Body: `{"sqs":"x"}`, Structure: "json"}), sns.InvalidParameter},
		{"a deduplication id", publish(topic, sns.Message{Body: "x", Dedup: "d"}), sns.InvalidParameter},
		{"no group", publish(fifo, sns.Message{Body: "x", Dedup: "d"}), sns.InvalidParameter},
		{"no deduplication id", publish(fifo, sns.Message{Body: "x", Group: "g"}), sns.InvalidParameter},
		{"an attribute without value", publish(topic, sns.Message{Body: "x", Attributes: map[string]sns.Attribute{"a": text("")}}), sns.InvalidParameterValue},
		{"no number", publish(topic, sns.Message{Body: "x", Attributes: map[string]sns.Attribute{"a": {DataType: "Number", String: "x"}}}), sns.InvalidParameterValue},
		{"the same subscription", subscribe(topic, "sqs", queueARN), ""},
		{"with other attributes", subscribe(topic, "sqs", queueARN, "RawMessageDelivery", "false"), sns.InvalidParameter},
		{"a FIFO queue of a standard topic", subscribe(topic, "sqs", queueARN+".fifo"), sns.InvalidParameter},
		{"a function of a FIFO topic", subscribe(fifo, "lambda", "arn:aws:lambda:us-east-1:000000000000:function:f"), sns.InvalidParameter},
		{"no queue", subscribe(topic, "sqs", "http://x"), sns.InvalidParameter},
		{"another scheme", subscribe(topic, "https", "http://x"), sns.InvalidParameter},
		{"a telephone", subscribe(topic, "sms", "+1"), sns.InvalidParameter},
		{"an unknown attribute", subscribe(topic, "sqs", queueARN+"2", "Colour", "red"), sns.InvalidParameter},
		{"a bad dead-letter queue", subscribe(topic, "sqs", queueARN+"2", "RedrivePolicy", `{"deadLetterTargetArn":"x"}`), sns.InvalidParameter},
		{"e-mail", subscribe(topic, "email", "a@example.com"), ""},
		{"a subscription that is not there", w.s.Unsubscribe(topic + ":11111111-1111-1111-1111-111111111111"), ""},
		{"tags", w.s.TagTopic(topic, map[string]string{"a": "b"}), ""},
		{"tags of nothing", w.s.TagTopic(topic+"x", map[string]string{"a": "b"}), sns.ResourceNotFound},
	} {
		if name(test.err) != test.want {
			t.Errorf("%s: %v, want %s", test.what, test.err, test.want)
		}
	}
	a, err := w.s.TopicAttributes(topic)
	if err != nil || a["SubscriptionsConfirmed"] != "1" || a["SubscriptionsPending"] != "1" || a["Owner"] != "000000000000" {
		t.Errorf("%v, %v", a, err)
	}
	if err := errors.Join(w.s.DeleteTopic(topic), w.s.DeleteTopic(topic)); err != nil {
		t.Error(err)
	}
	if list, err := w.s.Subscriptions(""); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func FuzzSubscription(f *testing.F) {
	f.Add("FilterPolicy", `{"a":[{"prefix":"x"}]}`, `{"default":"x"}`)
	f.Add("DeliveryPolicy", `{"healthyRetryPolicy":{"numRetries":1,"minDelayTarget":1,"maxDelayTarget":2}}`, "x")
	f.Add("RedrivePolicy", `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:q"}`, "[1]")
	f.Fuzz(func(t *testing.T, attribute, v, body string) {
		s, err := sns.Open(sns.Config{Journal: &memory{text: map[[2]string]string{}}, Targets: map[string]sns.Target{"sqs": &mailbox{}}})
		if err != nil {
			t.Fatal(err)
		}
		arn, err := s.CreateTopic("t", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = s.Subscribe(sns.SubscribeRequest{TopicARN: arn, Protocol: "sqs", Endpoint: queueARN, Attributes: map[string]string{attribute: v}})
		_, err2 := s.Publish(arn, sns.Message{Body: body, Structure: "json"})
		_, err3 := s.Publish(arn, sns.Message{Body: body, Attributes: map[string]sns.Attribute{"a": {DataType: attribute, String: v}}})
		for _, err := range []error{err, err2, err3, s.SetTopicAttribute(arn, attribute, v)} {
			var e *sfn.Exception
			if err != nil && !errors.As(err, &e) {
				t.Errorf("%v is not for the client", err)
			}
		}
	})
}

// TestDelivery has policies of topics and subscriptions, as they are shown and as they count, as recorded on AWS.
func TestDelivery(t *testing.T) {
	w := newWorld(t)
	const (
		usual = `{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"}`
		plain = `"defaultRequestPolicy":{"headerContentType":"text/plain; charset=UTF-8"}`
		csv   = `"requestPolicy":{"headerContentType":"text/csv"}`
	)
	topic := w.topic("t")
	for _, test := range []struct{ set, shown, effective string }{
		{"", "", `{"http":{"defaultHealthyRetryPolicy":` + usual + `,"disableSubscriptionOverrides":false,` + plain + `}}`},
		{`{"http":{"defaultHealthyRetryPolicy":null}}`, `{"http":{"disableSubscriptionOverrides":false}}`, `{"http":{"defaultHealthyRetryPolicy":` + usual + `,"disableSubscriptionOverrides":false,` + plain + `}}`},
		{`{"http":{"defaultRequestPolicy":{"headerContentType":"application/json"}}}`, `{"http":{"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"application/json"}}}`,
			`{"http":{"defaultHealthyRetryPolicy":` + usual + `,"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"application/json"}}}`},
	} {
		if err := w.s.SetTopicAttribute(topic, "DeliveryPolicy", test.set); err != nil {
			t.Fatal(err)
		}
		if a, err := w.s.TopicAttributes(topic); err != nil || a["DeliveryPolicy"] != test.shown || a["EffectiveDeliveryPolicy"] != test.effective {
			t.Errorf("%s: %s and %s, %v", test.set, a["DeliveryPolicy"], a["EffectiveDeliveryPolicy"], err)
		}
	}
	e := newEndpoint(t)
	confirm := func(attributes ...string) string {
		arn := w.subscribe(topic, "http", e.URL+"/"+fmt.Sprint(len(attributes)), attributes...)
		var doc struct{ Token string }
		if err := json.Unmarshal([]byte(<-e.bodies), &doc); err != nil {
			t.Fatal(err)
		}
		if r := <-e.got; r.Header.Get("Content-Type") != "text/plain; charset=UTF-8" {
			t.Errorf("a confirmation: %v", r.Header)
		}
		if _, err := w.s.ConfirmSubscription(topic, doc.Token); err != nil {
			t.Fatal(err)
		}
		return arn
	}
	own, topics := confirm("DeliveryPolicy", "{"+csv+"}"), confirm()
	a, err := w.s.SubscriptionAttributes(own)
	if err != nil || a["DeliveryPolicy"] != `{"healthyRetryPolicy":null,"sicklyRetryPolicy":null,"throttlePolicy":null,`+csv+`,"guaranteed":false}` ||
		a["EffectiveDeliveryPolicy"] != `{"healthyRetryPolicy":`+usual+`,"sicklyRetryPolicy":null,"throttlePolicy":null,`+csv+`,"guaranteed":false}` {
		t.Errorf("%v, %v", a, err)
	}
	w.publish(topic, sns.Message{Body: "x"})
	got := map[string]string{}
	for range 2 {
		r := <-e.got
		got[r.Header.Get("X-Amz-Sns-Subscription-Arn")] = r.Header.Get("Content-Type")
	}
	if got[own] != "text/csv" || got[topics] != "application/json" {
		t.Errorf("got %v", got)
	}
}

// TestSigning checks what stands in envelopes for signatures: the version of the topic, and nothing in those of FIFO topics.
func TestSigning(t *testing.T) {
	w := newWorld(t)
	signed, fifo := w.topic("t", "SignatureVersion", "2"), w.topic("t.fifo", "FifoTopic", "true", "ContentBasedDeduplication", "true")
	w.subscribe(signed, "sqs", queueARN)
	w.subscribe(fifo, "sqs", queueARN+".fifo")
	w.publish(signed, sns.Message{Body: "x"})
	if d := <-w.queues.got; !strings.Contains(d.Body, "\"SignatureVersion\" : \"2\",\n") {
		t.Errorf("got %s", d.Body)
	}
	w.publish(fifo, sns.Message{Body: "x", Group: "g"})
	if d := <-w.queues.got; strings.Contains(d.Body, "Sign") {
		t.Errorf("got %s", d.Body)
	}
	sub := w.subscribe(fifo, "sqs", queueARN+"2.fifo")
	if err := w.s.SetSubscriptionAttribute(sub, "RedrivePolicy", `{"deadLetterTargetArn":"`+queueARN+`"}`); name(err) != sns.InvalidParameter {
		t.Errorf("a standard queue for the dead letters of a FIFO queue: %v", err)
	}
	for _, scope := range []string{"MessageBody", "MessageAttributes"} { // kept, and not shown without a policy
		if err := w.s.SetSubscriptionAttribute(sub, "FilterPolicyScope", scope); err != nil {
			t.Fatal(err)
		}
	}
	if a, err := w.s.SubscriptionAttributes(sub); err != nil || a["FilterPolicyScope"] != "" {
		t.Errorf("%v, %v", a, err)
	}
}

// TestPermissions adds statements to a topic's policy and takes them out.
func TestPermissions(t *testing.T) {
	w := newWorld(t)
	topic := w.topic("t")
	policy := func() string {
		a, err := w.s.TopicAttributes(topic)
		if err != nil {
			t.Fatal(err)
		}
		return a["Policy"]
	}
	usual := policy()
	accounts := []string{"111111111111"}
	for _, test := range []struct {
		what string
		err  error
		want sfn.ExceptionName
	}{
		{"a permission", w.s.AddPermission(topic, "one", accounts, []string{"Publish"}), ""},
		{"the same again", w.s.AddPermission(topic, "one", accounts, []string{"Publish"}), sns.InvalidParameter},
		{"an action that is none", w.s.AddPermission(topic, "two", accounts, []string{"Dance"}), sns.InvalidParameter},
		{"no account", w.s.AddPermission(topic, "two", []string{"x"}, []string{"Publish"}), sns.InvalidParameter},
		{"no topic", w.s.AddPermission(topic+"x", "two", accounts, []string{"Publish"}), sns.NotFound},
		{"two actions", w.s.AddPermission(topic, "two", accounts, []string{"Publish", "Subscribe"}), ""},
		{"a label that is not there", w.s.RemovePermission(topic, "three"), ""},
	} {
		if name(test.err) != test.want {
			t.Errorf("%s: %v, want %s", test.what, test.err, test.want)
		}
	}
	const one = `{"Sid":"one","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"SNS:Publish","Resource":"arn:aws:sns:us-east-1:000000000000:t"}`
	const two = `{"Sid":"two","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":["SNS:Publish","SNS:Subscribe"],"Resource":"arn:aws:sns:us-east-1:000000000000:t"}`
	if got := policy(); !strings.HasSuffix(got, ","+one+","+two+"]}") {
		t.Errorf("got %s", got)
	}
	for _, label := range []string{"one", "two"} {
		if err := w.s.RemovePermission(topic, label); err != nil {
			t.Error(err)
		}
	}
	var got, want any
	if json.Unmarshal([]byte(policy()), &got) != nil || json.Unmarshal([]byte(usual), &want) != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %s, want %s", policy(), usual)
	}
}
