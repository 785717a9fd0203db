package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	snsclient "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/sns"
	"github.com/tutti-run/tutti/internal/sqs"
	"github.com/tutti-run/tutti/internal/store"
)

// topicJournal keeps topics in a store.
type topicJournal struct{ *store.Store }

func (j topicJournal) Documents(collection string) iter.Seq2[sns.Document, error] {
	return func(yield func(sns.Document, error) bool) {
		for d, err := range j.Store.Documents(collection, "", "") {
			if !yield(sns.Document(d), err) {
				return
			}
		}
	}
}

func (j topicJournal) Document(collection, key string) ([]byte, bool, error) {
	value, err := j.Store.Document(collection, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, nil
	}
	return value, err == nil, err
}

func (j topicJournal) Write(changes []sns.Change) error {
	b := j.NewBatch()
	for _, c := range changes {
		if c.Value == nil {
			b.DeleteDocument(c.Collection, c.Key)
		} else if err := b.PutDocument(c.Collection, c.Key, c.Value); err != nil {
			return err
		}
	}
	return j.Commit(b)
}

// queueTarget delivers to queues.
type queueTarget struct{ *sqs.Store }

func (q queueTarget) Deliver(_ context.Context, d sns.Delivery) error {
	_, err := q.SendMessage(q.NameOf(d.Endpoint), sqs.Entry{Body: d.Body})
	return err
}

// serveTopics starts the front door with topics and queues in memory.
func serveTopics(t *testing.T) (url string, c *snsclient.Client, queues *sqs.Store) {
	t.Helper()
	journal, err := store.Open("/data", store.WithFS(vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	queues = sqs.New("/sqs", sqs.WithFS(vfs.NewMem()))
	topics, err := sns.Open(sns.Config{Journal: topicJournal{journal}, Targets: map[string]sns.Target{"sqs": queueTarget{queues}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.New(api.Config{Queues: queues, Topics: topics}))
	topics.ServeAt(server.URL)
	if err := topics.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Close()
		topics.Close()
		if err := errors.Join(queues.Close(), journal.Close()); err != nil {
			t.Error(err)
		}
	})
	return server.URL, snsclient.New(snsclient.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}), queues
}

// A topic's life, as the SDK sees it, with a message that ends in a queue.
func TestTopics(t *testing.T) {
	_, c, queues := serveTopics(t)
	ctx := t.Context()
	if err := queues.CreateQueue("q", nil, nil); err != nil {
		t.Fatal(err)
	}
	created, err := c.CreateTopic(ctx, &snsclient.CreateTopicInput{Name: aws.String("t"), Attributes: map[string]string{"DisplayName": "Shop"}, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
	if err != nil || *created.TopicArn != "arn:aws:sns:us-east-1:000000000000:t" {
		t.Fatalf("got %+v, %v", created, err)
	}
	sub, err := c.Subscribe(ctx, &snsclient.SubscribeInput{TopicArn: created.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String(queues.ARN("q")), Attributes: map[string]string{"RawMessageDelivery": "true"}})
	if err != nil || !strings.HasPrefix(*sub.SubscriptionArn, *created.TopicArn+":") {
		t.Fatalf("got %+v, %v", sub, err)
	}
	if _, err := c.Publish(ctx, &snsclient.PublishInput{TopicArn: created.TopicArn, Message: aws.String("a <b> & c"), MessageAttributes: map[string]types.MessageAttributeValue{
		"n": {DataType: aws.String("Number"), StringValue: aws.String("1")},
	}}); err != nil {
		t.Fatal(err)
	}
	messages, err := queues.ReceiveMessage(ctx, "q", sqs.Receive{Wait: new(20)})
	if err != nil || len(messages) != 1 || messages[0].Body != "a <b> & c" {
		t.Errorf("got %+v, %v", messages, err)
	}
	batch, err := c.PublishBatch(ctx, &snsclient.PublishBatchInput{TopicArn: created.TopicArn, PublishBatchRequestEntries: []types.PublishBatchRequestEntry{
		{Id: aws.String("1"), Message: aws.String("one")}, {Id: aws.String("2"), Message: aws.String(`{"default":"two"}`), MessageStructure: aws.String("json")},
	}})
	if err != nil || len(batch.Successful) != 2 || len(batch.Failed) != 0 {
		t.Errorf("got %+v, %v", batch, err)
	}
	attributes, err := c.GetTopicAttributes(ctx, &snsclient.GetTopicAttributesInput{TopicArn: created.TopicArn})
	if err != nil || attributes.Attributes["SubscriptionsConfirmed"] != "1" || attributes.Attributes["DisplayName"] != "Shop" {
		t.Errorf("got %+v, %v", attributes, err)
	}
	_, err = c.Publish(ctx, &snsclient.PublishInput{TopicArn: aws.String(*created.TopicArn + "x"), Message: aws.String("x")})
	var none *types.NotFoundException
	if !errors.As(err, &none) || *none.Message != "Topic does not exist" {
		t.Errorf("got %v", err)
	}
	_, err = c.Publish(ctx, &snsclient.PublishInput{PhoneNumber: aws.String("+1"), Message: aws.String("x")})
	var invalid *types.InvalidParameterException
	if !errors.As(err, &invalid) {
		t.Errorf("got %v", err)
	}
}

// TestTopicWords has what cannot be, with what SNS says to it, as recorded on AWS.
func TestTopicWords(t *testing.T) {
	_, c, queues := serveTopics(t)
	ctx := t.Context()
	if err := queues.CreateQueue("q", nil, nil); err != nil {
		t.Fatal(err)
	}
	created, err := c.CreateTopic(ctx, &snsclient.CreateTopicInput{Name: aws.String("t"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")}}})
	if err != nil {
		t.Fatal(err)
	}
	topic := created.TopicArn
	again := func(attributes map[string]string, tags ...string) error {
		in := &snsclient.CreateTopicInput{Name: aws.String("t"), Attributes: attributes}
		for i := 0; i < len(tags); i += 2 {
			in.Tags = append(in.Tags, types.Tag{Key: &tags[i], Value: &tags[i+1]})
		}
		return last(c.CreateTopic(ctx, in))
	}
	publish := func(change func(*snsclient.PublishInput)) error {
		in := &snsclient.PublishInput{TopicArn: topic, Message: aws.String("x")}
		change(in)
		return last(c.Publish(ctx, in))
	}
	attribute := func(name, kind, text string, bytes []byte) error {
		v := types.MessageAttributeValue{DataType: &kind, BinaryValue: bytes}
		if text != "" {
			v.StringValue = &text
		}
		return publish(func(in *snsclient.PublishInput) {
			in.MessageAttributes = map[string]types.MessageAttributeValue{name: v}
		})
	}
	subscribe := func(protocol, endpoint string, attributes ...string) error {
		in := &snsclient.SubscribeInput{TopicArn: topic, Protocol: &protocol, Endpoint: &endpoint, Attributes: map[string]string{}}
		for i := 0; i < len(attributes); i += 2 {
			in.Attributes[attributes[i]] = attributes[i+1]
		}
		return last(c.Subscribe(ctx, in))
	}
	q := queues.ARN("q")
	const invalid, value = "InvalidParameter", "ParameterValueInvalid"
	for _, test := range []struct {
		err        error
		code, text string
	}{
		{again(map[string]string{"FifoTopic": "false"}, "a", "1"), "", ""},
		{again(nil, "a", "1", "c", "3"), invalid, "Invalid parameter: Tags Reason: Topic already exists with different tags"},
		{again(nil, "a", "1", "a", "1"), invalid, "Invalid parameter: Duplicated keys are not allowed."},
		{publish(func(in *snsclient.PublishInput) { in.TopicArn = aws.String("") }), invalid, "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"},
		{publish(func(in *snsclient.PublishInput) { in.Subject = aws.String("") }), invalid, "Invalid parameter: Subject"},
		{publish(func(in *snsclient.PublishInput) {
			in.TopicArn, in.TargetArn = nil, aws.String("arn:aws:sns:us-east-1:000000000000:endpoint/APNS/a/b")
		}), invalid, "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified"},
		{publish(func(in *snsclient.PublishInput) { in.TopicArn, in.PhoneNumber = nil, aws.String("+1a234") }), invalid, "Invalid parameter: PhoneNumber Reason: +1a234 is not valid to publish to"},
		{attribute("a", "String", "", []byte("x")), value, "The message attribute 'a' with type 'String' must use field 'String'."},
		{attribute("a", "Binary", "x", nil), value, "The message attribute 'a' with type 'Binary' must use field 'Binary'."},
		{attribute("a^", "String", "x", nil), value, "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots."},
		{attribute(".a", "String", "x", nil), value, "Invalid message attribute name starting with character '.' was found."},
		{attribute("a.", "String", "x", nil), value, "Invalid message attribute name ending with character '.' was found."},
		{attribute("a..b", "String", "x", nil), value, "Message attribute name can not have successive '.' character."},
		{attribute(strings.Repeat("a", 257), "String", "x", nil), value, "Length of message attribute name must be less than 256 bytes."},
		{subscribe("pigeon", "x"), invalid, "Invalid parameter: Amazon SNS does not support this protocol string: pigeon"},
		{subscribe("sqs", q, "RawMessageDelivery", "perhaps"), invalid, "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [perhaps]. Must be true or false."},
		{subscribe("sqs", q, "RedrivePolicy", `{"deadLetterTargetArn":"x"}`), invalid, "Invalid parameter: Attributes Reason: RedrivePolicy: deadLetterTargetArn is an invalid arn"},
		{subscribe("sqs", q, "FilterPolicy", `{"a":[{"exists":null}]}`), invalid, "Invalid parameter: Attributes Reason: FilterPolicy: exists match pattern must be either true or false.\n at [Source: (String)\"{\"a\":[{\"exists\":null}]}\"; line: 1, column: 21]"},
		{subscribe("sqs", q, "FilterPolicy", "{nothing}"), invalid, "Invalid parameter: Attributes Reason: FilterPolicy: failed to parse JSON. Unexpected character ('n' (code 110)): was expecting double-quote to start field name\n at [Source: (String)\"{nothing}\"; line: 1, column: 3]"},
		{subscribe("sqs", q, "FilterPolicy", `{"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]}`), invalid, "Invalid parameter: Attributes Reason: FilterPolicy: Filter policy can not have more than 5 keys"},
		{subscribe("sqs", q, "FilterPolicyScope", "MessageBody", "FilterPolicy", `{"a":{"b":{"c":[1,2,3,4]}},"d":{"e":[1,2,3]},"f":[1,2,3]}`), invalid, "Invalid parameter: Attributes Reason: FilterPolicy: Filter policy is too complex"},
		{subscribe("sqs", q, "RawMessageDelivery", "TrUe"), "", ""},
		{subscribe("sqs", q, "RawMessageDelivery", "true", "FilterPolicyScope", "MessageAttributes"), "", ""},
		{subscribe("sqs", q, "FilterPolicyScope", "MessageBody"), invalid, "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"},
		{last(c.ConfirmSubscription(ctx, &snsclient.ConfirmSubscriptionInput{TopicArn: topic, Token: aws.String("randomtoken")})), invalid, "Invalid token"},
		{last(c.ConfirmSubscription(ctx, &snsclient.ConfirmSubscriptionInput{TopicArn: topic, Token: aws.String("abc123")})), invalid, "Invalid parameter: Token"},
		{last(c.Unsubscribe(ctx, &snsclient.UnsubscribeInput{SubscriptionArn: aws.String("arn:aws:sns:us-east-1:111111111111:random")})), invalid, "Invalid parameter: SubscriptionId"},
		{last(c.PublishBatch(ctx, &snsclient.PublishBatchInput{TopicArn: topic, PublishBatchRequestEntries: []types.PublishBatchRequestEntry{
			{Id: aws.String("1"), Message: aws.String("x")}, {Id: aws.String("2"), Message: aws.String("{}"), MessageStructure: aws.String("json")},
		}})), invalid, "Invalid parameter: Message Structure - No default entry in JSON message body"},
	} {
		var e smithy.APIError
		if errors.As(test.err, &e) && (e.ErrorCode() != test.code || e.ErrorMessage() != test.text) || (test.err == nil) != (test.code == "") {
			t.Errorf("got %v, want %s: %s", test.err, test.code, test.text)
		}
	}
}

// The link in a message lets its reader confirm a subscription by a GET.
func TestConfirmByLink(t *testing.T) {
	url, c, _ := serveTopics(t)
	got := make(chan string, 1)
	reader := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var doc struct{ SubscribeURL string }
		if err := json.NewDecoder(r.Body).Decode(&doc); err != nil {
			t.Error(err)
		}
		got <- doc.SubscribeURL
	}))
	defer reader.Close()
	topic, err := c.CreateTopic(t.Context(), &snsclient.CreateTopicInput{Name: aws.String("t")})
	if err != nil {
		t.Fatal(err)
	}
	sub, err := c.Subscribe(t.Context(), &snsclient.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("http"), Endpoint: aws.String(reader.URL)})
	if err != nil || *sub.SubscriptionArn != "pending confirmation" {
		t.Fatalf("got %+v, %v", sub, err)
	}
	link := <-got
	if !strings.HasPrefix(link, url+"/?Action=ConfirmSubscription") {
		t.Fatalf("got %s", link)
	}
	response, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	listed, err := c.ListSubscriptionsByTopic(t.Context(), &snsclient.ListSubscriptionsByTopicInput{TopicArn: topic.TopicArn})
	if err != nil || len(listed.Subscriptions) != 1 || !strings.HasPrefix(*listed.Subscriptions[0].SubscriptionArn, *topic.TopicArn) || response.StatusCode != 200 {
		t.Errorf("got %+v, %v; the link answered %s", listed, err, response.Status)
	}
}

// AWS's own clients of Python, unmodified, go through every operation on topics.
func TestTopicsPython(t *testing.T) {
	for _, kind := range []string{"boto3", "awscli"} {
		t.Run(kind, func(t *testing.T) {
			interpreter := python(t, kind)
			url, _, _ := serveTopics(t)
			cmd := exec.CommandContext(t.Context(), interpreter, "testdata/queues.py", kind, url, "topics")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
