//go:build unix

package api_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/lambda/control"
	"github.com/tutti-run/tutti/internal/sqs"
)

// polled are queues as event source mappings poll them.
type polled struct{ *sqs.Store }

func (q polled) Queue(arn string) (control.QueueInfo, bool) {
	return control.QueueInfo{Visibility: 30}, q.Exists(q.NameOf(arn)) == nil
}

func (q polled) Receive(ctx context.Context, arn string, most int, wait time.Duration) (list []control.QueueMessage, err error) {
	messages, err := q.ReceiveMessage(ctx, q.NameOf(arn), sqs.Receive{Max: &most, Patience: wait})
	for _, m := range messages {
		list = append(list, control.QueueMessage{ID: m.ID, Receipt: m.Receipt, Body: m.Body, System: m.System})
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

// echoes is a host that answers every invocation with its payload.
type echoes struct {
	*lambda.Host
	got chan string
}

func (e echoes) Invoke(_ context.Context, in lambda.Invocation) (lambda.Result, error) {
	e.got <- string(in.Payload)
	return lambda.Result{Payload: in.Payload, RequestID: in.RequestID}, nil
}

// A mapping's life, as the SDK sees it.
func TestSDKMapsQueues(t *testing.T) {
	dir := t.TempDir()
	host, err := lambda.NewHost(lambda.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	queues := polled{sqs.New("/sqs", sqs.WithFS(vfs.NewMem()))}
	got := make(chan string, 10)
	plane, err := control.Open(control.Config{Dir: dir, Host: echoes{host, got}, Journal: &documents{text: map[[2]string][]byte{}}, Queues: queues})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.New(api.Config{Lambda: api.NewLambda(plane, plane, nil), Queues: queues.Store}))
	t.Cleanup(func() {
		server.Close()
		plane.Close()
		if err := errors.Join(host.Close(), queues.Close()); err != nil {
			t.Error(err)
		}
	})
	c := awslambda.New(awslambda.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	if err := errors.Join(plane.StartPolling(), queues.CreateQueue("q", nil, nil)); err != nil {
		t.Fatal(err)
	}
	createProbe(t, c, "f")
	ctx := t.Context()
	created := must[*awslambda.CreateEventSourceMappingOutput](t)(c.CreateEventSourceMapping(ctx, &awslambda.CreateEventSourceMappingInput{
		FunctionName: aws.String("f"), EventSourceArn: aws.String(queues.ARN("q")), BatchSize: aws.Int32(5),
		FunctionResponseTypes: []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures},
		ScalingConfig:         &types.ScalingConfig{MaximumConcurrency: aws.Int32(2)},
	}))
	if *created.State != "Creating" || *created.BatchSize != 5 || created.LastModified == nil {
		t.Errorf("created %+v", created)
	}
	if _, err := queues.SendMessage("q", sqs.Entry{Body: "hello"}); err != nil {
		t.Fatal(err)
	}
	<-got
	shown := must[*awslambda.GetEventSourceMappingOutput](t)(c.GetEventSourceMapping(ctx, &awslambda.GetEventSourceMappingInput{UUID: created.UUID}))
	if *shown.State != "Enabled" || *shown.FunctionArn != "arn:aws:lambda:us-east-1:000000000000:function:f" || *shown.ScalingConfig.MaximumConcurrency != 2 {
		t.Errorf("shown %+v", shown)
	}
	updated := must[*awslambda.UpdateEventSourceMappingOutput](t)(c.UpdateEventSourceMapping(ctx, &awslambda.UpdateEventSourceMappingInput{
		UUID: created.UUID, Enabled: aws.Bool(false), FilterCriteria: &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String(`{"body":["x"]}`)}}},
	}))
	list := must[*awslambda.ListEventSourceMappingsOutput](t)(c.ListEventSourceMappings(ctx, &awslambda.ListEventSourceMappingsInput{EventSourceArn: aws.String(queues.ARN("q"))}))
	if *updated.State != "Disabling" || len(list.EventSourceMappings) != 1 || *list.EventSourceMappings[0].State != "Disabled" {
		t.Errorf("updated %+v, listed %+v", updated, list)
	}
	deleted := must[*awslambda.DeleteEventSourceMappingOutput](t)(c.DeleteEventSourceMapping(ctx, &awslambda.DeleteEventSourceMappingInput{UUID: created.UUID}))
	if *deleted.State != "Deleting" {
		t.Errorf("deleted %+v", deleted)
	}
}
