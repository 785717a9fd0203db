package sns_test

import (
	"fmt"

	"github.com/tutti-run/tutti/internal/sns"
)

func ExampleService() {
	queues := &mailbox{got: make(chan sns.Delivery, 1)}
	s, err := sns.Open(sns.Config{Journal: &memory{text: map[[2]string]string{}}, Targets: map[string]sns.Target{"sqs": queues}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	if err := s.Start(); err != nil {
		fmt.Println(err)
	}
	topic, _ := s.CreateTopic("news", nil, nil)
	_, _, err = s.Subscribe(sns.SubscribeRequest{
		TopicARN: topic, Protocol: "sqs", Endpoint: "arn:aws:sqs:us-east-1:000000000000:q",
		Attributes: map[string]string{"RawMessageDelivery": "true", "FilterPolicy": `{"kind":["good"]}`},
	})
	if err != nil {
		fmt.Println(err)
	}
	for _, kind := range []string{"bad", "good"} {
		if _, err := s.Publish(topic, sns.Message{Body: kind + " news", Attributes: map[string]sns.Attribute{"kind": {DataType: "String", String: kind}}}); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println((<-queues.got).Body)
	// Output:
	// good news
}
