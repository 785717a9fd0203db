package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sqsclient "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/sqs"
)

// serveQueues starts the front door with queues in memory.
func serveQueues(t *testing.T) (url string, c *sqsclient.Client) {
	t.Helper()
	store := sqs.New("/sqs", sqs.WithFS(vfs.NewMem()))
	server := httptest.NewServer(api.New(api.Config{Queues: store}))
	t.Cleanup(func() {
		server.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL, sqsclient.New(sqsclient.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// A queue's life, as the SDK sees it, which checks the digests of all that it sends and receives.
func TestQueues(t *testing.T) {
	url, c := serveQueues(t)
	ctx := t.Context()
	created, err := c.CreateQueue(ctx, &sqsclient.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{"VisibilityTimeout": "60"}, Tags: map[string]string{"a": "b"}})
	if err != nil || *created.QueueUrl != url+"/000000000000/q" {
		t.Fatalf("got %+v, %v", created, err)
	}
	q := created.QueueUrl
	sent, err := c.SendMessage(ctx, &sqsclient.SendMessageInput{QueueUrl: q, MessageBody: aws.String("hello <&>"), MessageAttributes: map[string]types.MessageAttributeValue{
		"n": {DataType: aws.String("Number"), StringValue: aws.String("1")}, "b": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1, 2}},
	}, MessageSystemAttributes: map[string]types.MessageSystemAttributeValue{"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String("Root=1")}}})
	if err != nil || sent.MD5OfMessageSystemAttributes == nil {
		t.Fatalf("got %+v, %v", sent, err)
	}
	got, err := c.ReceiveMessage(ctx, &sqsclient.ReceiveMessageInput{QueueUrl: q, WaitTimeSeconds: 1, MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
	if err != nil || len(got.Messages) != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	m := got.Messages[0]
	if *m.Body != "hello <&>" || *m.MessageId != *sent.MessageId || *m.MD5OfMessageAttributes != *sent.MD5OfMessageAttributes || m.Attributes["AWSTraceHeader"] != "Root=1" ||
		m.Attributes["SenderId"] != "000000000000" || string(m.MessageAttributes["b"].BinaryValue) != "\x00\x01\x02" {
		t.Errorf("got %+v", m)
	}
	if _, err := c.ChangeMessageVisibility(ctx, &sqsclient.ChangeMessageVisibilityInput{QueueUrl: q, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 5}); err != nil {
		t.Error(err)
	}
	if _, err := c.DeleteMessage(ctx, &sqsclient.DeleteMessageInput{QueueUrl: q, ReceiptHandle: m.ReceiptHandle}); err != nil {
		t.Error(err)
	}
	batch, err := c.SendMessageBatch(ctx, &sqsclient.SendMessageBatchInput{QueueUrl: q, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("1"), MessageBody: aws.String("one")}, {Id: aws.String("2"), MessageBody: aws.String("\x02")},
	}})
	if err != nil || len(batch.Successful) != 1 || len(batch.Failed) != 1 || *batch.Failed[0].Code != "InvalidMessageContents" || !batch.Failed[0].SenderFault {
		t.Errorf("got %+v, %v", batch, err)
	}
	attributes, err := c.GetQueueAttributes(ctx, &sqsclient.GetQueueAttributesInput{QueueUrl: q, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil || attributes.Attributes["QueueArn"] != "arn:aws:sqs:us-east-1:000000000000:q" || attributes.Attributes["ApproximateNumberOfMessages"] != "1" || attributes.Attributes["MaximumMessageSize"] != "1048576" {
		t.Errorf("got %+v, %v", attributes, err)
	}
	listed, err := c.ListQueues(ctx, &sqsclient.ListQueuesInput{QueueNamePrefix: aws.String("q")})
	if err != nil || len(listed.QueueUrls) != 1 || listed.QueueUrls[0] != *q {
		t.Errorf("got %+v, %v", listed, err)
	}
}

// What is refused is an exception of the SDK's, by which code can tell.
func TestQueueErrors(t *testing.T) {
	_, c := serveQueues(t)
	ctx := t.Context()
	created, err := c.CreateQueue(ctx, &sqsclient.CreateQueueInput{QueueName: aws.String("q")})
	if err != nil {
		t.Fatal(err)
	}
	q := created.QueueUrl
	is := func(err error, code, text string) {
		t.Helper()
		var e smithy.APIError
		if !errors.As(err, &e) || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), text) {
			t.Errorf("got %v, want %s: %s", err, code, text)
		}
	}
	_, err = c.GetQueueUrl(ctx, &sqsclient.GetQueueUrlInput{QueueName: aws.String("none")})
	var none *types.QueueDoesNotExist
	if !errors.As(err, &none) {
		t.Errorf("got %v", err)
	}
	is(err, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
	_, err = c.ReceiveMessage(ctx, &sqsclient.ReceiveMessageInput{QueueUrl: q, MaxNumberOfMessages: 11})
	is(err, "InvalidParameterValue", "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.")
	_, err = c.SendMessage(ctx, &sqsclient.SendMessageInput{QueueUrl: aws.String("http://x/111111111111/q"), MessageBody: aws.String("x")})
	is(err, "AWS.SimpleQueueService.NonExistentQueue", "")
	_, err = c.DeleteMessageBatch(ctx, &sqsclient.DeleteMessageBatchInput{QueueUrl: q, Entries: []types.DeleteMessageBatchRequestEntry{}})
	is(err, "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one DeleteMessageBatchRequestEntry in the request.")
	same := types.DeleteMessageBatchRequestEntry{Id: aws.String("a"), ReceiptHandle: aws.String("x")}
	_, err = c.DeleteMessageBatch(ctx, &sqsclient.DeleteMessageBatchInput{QueueUrl: q, Entries: []types.DeleteMessageBatchRequestEntry{same, same}})
	is(err, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id a repeated.")
	_, err = c.DeleteMessage(ctx, &sqsclient.DeleteMessageInput{QueueUrl: q, ReceiptHandle: aws.String("x")})
	is(err, "ReceiptHandleIsInvalid", `The input receipt handle "x" is not a valid receipt handle.`)
	large := types.SendMessageBatchRequestEntry{Id: aws.String("a"), MessageBody: aws.String(strings.Repeat("x", 600_000))}
	larger := large
	larger.Id = aws.String("b")
	_, err = c.SendMessageBatch(ctx, &sqsclient.SendMessageBatchInput{QueueUrl: q, Entries: []types.SendMessageBatchRequestEntry{large, larger}})
	is(err, "AWS.SimpleQueueService.BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes. You have sent 1200000 bytes.")
	_, err = c.ListMessageMoveTasks(ctx, &sqsclient.ListMessageMoveTasksInput{SourceArn: aws.String("arn:aws:sqs:us-east-1:000000000000:none")})
	is(err, "ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.")
}

// TestQueueURL sends to a queue by its URL, with the query protocol, as clients of before 2023 do.
func TestQueueURL(t *testing.T) {
	url, c := serveQueues(t)
	if _, err := c.CreateQueue(context.Background(), &sqsclient.CreateQueueInput{QueueName: aws.String("q")}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ path, form, want string }{
		{"/000000000000/q", "Action=SendMessage&Version=2012-11-05&MessageBody=hi&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=b", "<MD5OfMessageBody>49f68a5c8493ec2c0bf489821c21fc3b</MD5OfMessageBody>"},
		{"/000000000000/q", "Action=ReceiveMessage&Version=2012-11-05&AttributeName.1=All&MessageAttributeName.1=All", "<Attribute><Name>SenderId</Name><Value>000000000000</Value></Attribute>"},
		{"/", "Action=GetQueueUrl&Version=2012-11-05&QueueName=q", "<QueueUrl>" + url + "/000000000000/q</QueueUrl>"},
		{"/000000000000/none", "Action=PurgeQueue&Version=2012-11-05", "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>"},
	} {
		response, err := http.Post(url+test.path, "application/x-www-form-urlencoded", strings.NewReader(test.form))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		_, err = io.Copy(&b, response.Body)
		_ = response.Body.Close()
		if err != nil || !strings.Contains(b.String(), test.want) {
			t.Errorf("%s: got %s, %v; want %s", test.form, b.String(), err, test.want)
		}
	}
}

// AWS's own clients of Python, unmodified, go through every operation on queues.
func TestQueuesPython(t *testing.T) {
	for _, kind := range []string{"boto3", "awscli"} {
		t.Run(kind, func(t *testing.T) {
			interpreter := python(t, kind)
			url, _ := serveQueues(t)
			cmd := exec.CommandContext(t.Context(), interpreter, "testdata/queues.py", kind, url)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
