package sqs_test

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/sqs"
)

func ExampleStore() {
	s := sqs.New("/sqs", sqs.WithFS(vfs.NewMem()))
	defer func() { _ = s.Close() }()
	if err := s.CreateQueue("orders", map[string]string{"VisibilityTimeout": "60"}, nil); err != nil {
		fmt.Println(err)
	}
	if _, err := s.SendMessage("orders", sqs.Entry{Body: "one"}); err != nil {
		fmt.Println(err)
	}
	messages, err := s.ReceiveMessage(context.Background(), "orders", sqs.Receive{})
	for _, m := range messages {
		fmt.Println(m.Body, m.System["ApproximateReceiveCount"])
		_, err = s.DeleteMessages("orders", []string{m.Receipt})
	}
	_, missing := s.SendMessage("offers", sqs.Entry{Body: "two"})
	fmt.Println(err, missing)
	// Output:
	// one 1
	// <nil> QueueDoesNotExist: The specified queue does not exist.
}
