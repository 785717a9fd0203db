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
		{"/000000000000/none", "Action=PurgeQueue&Version=2012-11-05", "<Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>The specified queue does not exist for this wsdl version.</Message>"},
		{"/", "Action=FooBar&Version=2012-11-05", "<Code>InvalidAction</Code><Message>The action FooBar is not valid for this endpoint.</Message>"},
		{"/000000000000/q", "Action=ListQueues&Version=2012-11-05", "<Message>The action ListQueues is not valid for this endpoint.</Message>"},
		{"/000000000000/q", "Action=ChangeMessageVisibility&Version=2012-11-05&ReceiptHandle=x", "<Message>The request must contain the parameter VisibilityTimeout.</Message>"},
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

// TestQueueWords has queues and messages that cannot be, with what SQS says to each, as recorded on AWS.
func TestQueueWords(t *testing.T) {
	_, c := serveQueues(t)
	ctx := t.Context()
	create := func(name string, attributes ...string) (string, error) {
		in := &sqsclient.CreateQueueInput{QueueName: &name, Attributes: map[string]string{}}
		for i := 0; i < len(attributes); i += 2 {
			in.Attributes[attributes[i]] = attributes[i+1]
		}
		out, err := c.CreateQueue(ctx, in)
		if err != nil {
			return "", err
		}
		return *out.QueueUrl, nil
	}
	small, err := create("small", "MaximumMessageSize", "1024")
	fifo, err2 := create("q.fifo", "FifoQueue", "true")
	if err = errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	send := func(queue string, change func(*sqsclient.SendMessageInput)) error {
		in := &sqsclient.SendMessageInput{QueueUrl: &queue, MessageBody: aws.String("x")}
		change(in)
		_, err := c.SendMessage(ctx, in)
		return err
	}
	attribute := func(name, kind, value string) error {
		return send(small, func(in *sqsclient.SendMessageInput) {
			in.MessageAttributes = map[string]types.MessageAttributeValue{name: {DataType: &kind, StringValue: &value}}
		})
	}
	batch := func(entry types.SendMessageBatchRequestEntry) error {
		entry.Id, entry.MessageBody = aws.String("a"), aws.String("x")
		_, err := c.SendMessageBatch(ctx, &sqsclient.SendMessageBatchInput{QueueUrl: &fifo, Entries: []types.SendMessageBatchRequestEntry{entry}})
		return err
	}
	const ids = " can only include alphanumeric and punctuation characters. 1 to 128 in length."
	for _, test := range []struct {
		err        error
		code, text string
	}{
		{last(create("a", "DeduplicationScope", "queue")), "InvalidAttributeName", "You can specify the DeduplicationScope only when FifoQueue is set to true."},
		{last(create("a", "ContentBasedDeduplication", "false")), "InvalidAttributeName", "Unknown Attribute ContentBasedDeduplication."},
		{last(create("small", "MaximumMessageSize", "2048")), "QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute MaximumMessageSize"},
		{send(small, func(in *sqsclient.SendMessageInput) { in.MessageGroupId = aws.String("") }), "InvalidParameterValue", "Value  for parameter MessageGroupId is invalid. Reason: MessageGroupId" + ids},
		{send(fifo, func(in *sqsclient.SendMessageInput) {
			in.MessageGroupId, in.MessageDeduplicationId = aws.String("g"), aws.String("")
		}), "InvalidParameterValue", "Value  for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId" + ids},
		{send(fifo, func(in *sqsclient.SendMessageInput) { in.MessageDeduplicationId = aws.String("d") }), "MissingParameter", "The request must contain the parameter MessageGroupId."},
		{batch(types.SendMessageBatchRequestEntry{MessageDeduplicationId: aws.String("d")}), "InvalidParameterValue", "The request must contain the parameter MessageGroupId."},
		{batch(types.SendMessageBatchRequestEntry{MessageGroupId: aws.String("g")}), "InvalidParameterValue", "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"},
		{attribute("a", "String", ""), "InvalidParameterValue", "Message (user) attribute 'a' must contain a non-empty value of type 'String'."},
		{attribute("a", "Text", "x"), "InvalidParameterValue", "The type of message (user) attribute 'a' is invalid. You must use only the following supported type prefixes: Binary, Number, String."},
		{attribute("a", "String", "\b"), "InvalidParameterValue", "Invalid characters found in the value of message (user) attribute 'a'."},
		{attribute("a?", "String", "x"), "InvalidParameterValue", "Invalid non-alphanumeric character '#x3F' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots."},
		{attribute("grün", "String", "x"), "", ""},
		{send(small, func(in *sqsclient.SendMessageInput) { in.MessageBody = aws.String(strings.Repeat("x", 1025)) }), "InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."},
		{last(c.RemovePermission(ctx, &sqsclient.RemovePermissionInput{QueueUrl: &small, Label: aws.String("l")})), "InvalidParameterValue", "Value l for parameter Label is invalid. Reason: can't find label."},
	} {
		var e smithy.APIError
		if errors.As(test.err, &e) && (e.ErrorCode() != test.code || e.ErrorMessage() != test.text) || (test.err == nil) != (test.code == "") {
			t.Errorf("got %v, want %s: %s", test.err, test.code, test.text)
		}
	}
	long := types.SendMessageBatchRequestEntry{Id: aws.String("a"), MessageBody: aws.String(strings.Repeat("x", 1025))}
	out, err := c.SendMessageBatch(ctx, &sqsclient.SendMessageBatchInput{QueueUrl: &small, Entries: []types.SendMessageBatchRequestEntry{long}})
	if err != nil || *out.Failed[0].Message != "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes." {
		t.Errorf("got %+v, %v", out, err)
	}
}

// last is the error of a call.
func last[T any](_ T, err error) error { return err }
