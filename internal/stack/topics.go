package stack

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/sns"
	"github.com/tutti-run/tutti/internal/sqs"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/value"
)

// openTopics keeps the topics in the journal.
func (s *Stack) openTopics() (err error) {
	s.topics, err = sns.Open(sns.Config{
		Journal: documents[sns.Document, sns.Change]{s.store}, Place: s.cfg.Place, Meter: serviceMeter{s.metrics}, Clock: s.cfg.Clock, Log: s.cfg.Log,
		Targets: map[string]sns.Target{"sqs": topicQueue{s.queues}, "lambda": topicFunction{s}},
	})
	return err
}

// Topics is the stack's Amazon SNS.
func (s *Stack) Topics() *sns.Service { return s.topics }

// topicQueue delivers messages of topics to queues.
type topicQueue struct{ store *sqs.Store }

// Deliver implements sns.Target.
func (q topicQueue) Deliver(_ context.Context, d sns.Delivery) error {
	e := sqs.Entry{Body: d.Body, Sender: "AIDAIT2UOQQY3AUEKVGXU", Group: d.Group} // the sender is SNS itself, by the id that it has on AWS
	for name, a := range d.Attributes {
		if e.Attributes == nil {
			e.Attributes = map[string]sqs.Attribute{}
		}
		e.Attributes[name] = sqs.Attribute{DataType: a.DataType, String: a.String, Binary: a.Binary}
	}
	name := q.store.NameOf(d.Endpoint)
	if sqs.FIFO(name) {
		e.Dedup = d.Dedup
	}
	_, err := q.store.SendMessage(name, e)
	var refused *sfn.Exception
	if errors.As(err, &refused) {
		return &sns.Permanent{Err: err} // the queue is gone, or cannot take this
	}
	return err
}

// topicFunction invokes functions with messages of topics: once the event is in their queue it has been delivered.
type topicFunction struct{ s *Stack }

// Check implements sns.Target.
func (t topicFunction) Check(arn string) error {
	return t.s.plane.DryRun(lambda.Invocation{Function: arn})
}

// Deliver implements sns.Target.
func (t topicFunction) Deliver(ctx context.Context, d sns.Delivery) error {
	err := t.s.plane.Enqueue(ctx, lambda.Invocation{Function: d.Endpoint, Payload: []byte(d.Body)})
	var refused *lambda.Error
	if errors.As(err, &refused) {
		return &sns.Permanent{Err: err}
	}
	return err
}

// topicTarget publishes messages to topics.
type topicTarget struct{ s *Stack }

// Deliver implements trigger.Deliverer.
func (t topicTarget) Deliver(_ context.Context, m trigger.Message) error {
	message := sns.Message{Body: m.Input, Group: m.GroupID}
	if sqs.FIFO(m.Target) { // the suffix is that of topics, too
		message.Dedup = m.ID
	}
	for name, a := range m.Attributes {
		if a.Value != "" { // no attribute can be empty
			if message.Attributes == nil {
				message.Attributes = map[string]sns.Attribute{}
			}
			message.Attributes[name] = sns.Attribute{DataType: a.Type, String: a.Value}
		}
	}
	_, err := t.s.topics.Publish(m.Target, message)
	var refused *sfn.Exception
	switch {
	case errors.As(err, &refused) && refused.Name == sns.NotFound:
		return &trigger.Permanent{Err: err, Code: trigger.NoResource}
	case errors.As(err, &refused):
		return &trigger.Permanent{Err: err, Code: trigger.InvalidParameter}
	}
	return err
}

// topicProperties are the properties of a topic that are attributes of the same name (CloudFormation, AWS::SNS::Topic).
var topicProperties = []string{
	"DisplayName", "FifoTopic", "ContentBasedDeduplication", "FifoThroughputScope", "KmsMasterKeyId", "TracingConfig", "SignatureVersion",
}

// deployTopic makes the topic, or brings the one that is there to what the template says, and subscribes whom it names.
func (s *Stack) deployTopic(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	attributes := map[string]string{}
	for _, name := range topicProperties {
		if p.Has(name) {
			attributes[name] = p.String(name)
		}
	}
	if attributes["FifoTopic"] == "false" {
		delete(attributes, "FifoTopic")
	}
	if p.Has("DeliveryPolicy") {
		attributes["DeliveryPolicy"] = value.Text(p.Value("DeliveryPolicy"))
	}
	if p.Has("ArchivePolicy") {
		s.tell(Event{Kind: NotRunHere, Name: r.Name, Detail: "the archive of topic " + r.Name + ": messages are not archived"})
	}
	subscriptions := p.Blocks("Subscription")
	var endpoints [][2]string
	for _, one := range subscriptions {
		endpoints = append(endpoints, [2]string{one.String("Protocol"), one.String("Endpoint")})
	}
	tags := resourceTags(p)
	if err := p.Err(); err != nil {
		return err
	}
	if err := s.topics.PutTopic(r.Name, attributes, tags); err != nil {
		return err
	}
	for _, e := range endpoints {
		s.subscribe(r.LogicalID, sns.SubscribeRequest{TopicARN: s.topics.ARN(r.Name), Protocol: e[0], Endpoint: e[1], Template: true})
	}
	return nil
}

// deploySubscription subscribes an endpoint to a topic.
func (s *Stack) deploySubscription(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	in := sns.SubscribeRequest{TopicARN: p.String("TopicArn"), Protocol: p.String("Protocol"), Endpoint: p.String("Endpoint"), Attributes: map[string]string{}, Template: true}
	in.ID = strings.TrimPrefix(strings.TrimPrefix(r.Ref, in.TopicARN), ":")
	if p.Has("RawMessageDelivery") {
		in.Attributes["RawMessageDelivery"] = p.String("RawMessageDelivery")
	}
	if p.Has("FilterPolicyScope") {
		in.Attributes["FilterPolicyScope"] = p.String("FilterPolicyScope")
	}
	for _, name := range []string{"FilterPolicy", "DeliveryPolicy", "RedrivePolicy"} {
		if p.Has(name) {
			in.Attributes[name] = value.Text(p.Value(name))
		}
	}
	if err := p.Err(); err != nil {
		return err
	}
	s.subscribe(r.LogicalID, in)
	return nil
}

// subscribe subscribes, and tells what cannot be: the topic may be somebody else's, the protocol none that is served.
func (s *Stack) subscribe(id string, in sns.SubscribeRequest) {
	arn, pending, err := s.topics.Subscribe(in)
	switch {
	case err != nil:
		s.tell(Event{Kind: NotRunHere, Name: id, Detail: "subscription " + id + ": " + err.Error()})
		return
	case pending && slices.Contains([]string{"email", "email-json"}, in.Protocol):
		s.tell(Event{Kind: NotRunHere, Name: id, Detail: "subscription " + id + ": no e-mail is sent to " + in.Endpoint})
	}
	s.next.subscriptions[arn] = true
}

// settleTopics takes away the subscriptions that have left the templates.
func (s *Stack) settleTopics() error {
	return s.topics.SettleSubscriptions(slices.Collect(maps.Keys(s.next.subscriptions)))
}
