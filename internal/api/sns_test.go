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
		{Id: aws.String("1"), Message: aws.String("one")}, {Id: aws.String("2"), Message: aws.String("two"), MessageStructure: aws.String("json")},
	}})
	if err != nil || len(batch.Successful) != 1 || len(batch.Failed) != 1 || *batch.Failed[0].Code != "InvalidParameter" {
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
