package stack

import (
	"context"
	"errors"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/sqs"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/value"
)

// openQueues keeps the queues in the data folder. Nothing is there before the first is made.
func (s *Stack) openQueues() error {
	s.queues = sqs.New(s.folder("sqs"), sqs.WithPlace(s.cfg.Place), sqs.WithClock(s.cfg.Clock), sqs.WithLogger(s.cfg.Log), sqs.OnFailure(s.cfg.OnFailure),
		sqs.WithMeter(serviceMeter{s.metrics}))
	s.metrics.Watch(func() {
		if err := s.queues.Sample(); err != nil {
			s.cfg.Log.Error("cannot look at the queues", "error", err)
		}
	})
	return nil
}

// Queues is the stack's Amazon SQS.
func (s *Stack) Queues() *sqs.Store { return s.queues }

// queueProperties are the properties of a queue that are attributes of the same name (CloudFormation, AWS::SQS::Queue).
var queueProperties = []string{
	"DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "VisibilityTimeout", "KmsMasterKeyId",
	"KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled", "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit",
}

// deployQueue makes the queue, or brings the one that is there, with all its messages, to what the template says.
func (s *Stack) deployQueue(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	attributes := map[string]string{}
	for _, name := range queueProperties {
		if p.Has(name) {
			attributes[name] = p.String(name)
		}
	}
	for _, name := range []string{"RedrivePolicy", "RedriveAllowPolicy"} {
		if p.Has(name) {
			attributes[name] = value.Text(p.Value(name))
		}
	}
	if attributes["FifoQueue"] == "false" {
		delete(attributes, "FifoQueue") // as SQS itself has it
	}
	tags := resourceTags(p)
	if err := p.Err(); err != nil {
		return err
	}
	if target := p.Block("RedrivePolicy").String("deadLetterTargetArn"); target != "" {
		if name := s.queues.NameOf(target); name == "" || s.queues.Exists(name) != nil {
			s.tell(Event{Kind: NotRunHere, Name: r.Name, Detail: "the dead-letter queue " + target + " of queue " + r.Name + ": it is not in the templates; messages are not moved"})
			delete(attributes, "RedrivePolicy")
		}
	}
	return s.queues.PutQueue(r.Name, attributes, tags)
}

// resourceTags are the tags in a resource's properties.
func resourceTags(p *cfn.Block) map[string]string {
	var tags map[string]string
	for _, tag := range p.Blocks("Tags") {
		if tags == nil {
			tags = map[string]string{}
		}
		tags[tag.String("Key")] = tag.String("Value")
	}
	return tags
}

// queueTarget sends messages to queues.
type queueTarget struct{ s *Stack }

// Deliver implements trigger.Deliverer. A FIFO queue knows by the message's id what it has got already.
func (t queueTarget) Deliver(_ context.Context, m trigger.Message) error {
	name := t.s.queues.NameOf(m.Target)
	if name == "" {
		return &trigger.Permanent{Err: errors.New("no queue here has the ARN " + m.Target), Code: trigger.NoResource}
	}
	e := sqs.Entry{Body: m.Input, Sender: t.s.cfg.Place.Account}
	for key, a := range m.Attributes {
		if e.Attributes == nil {
			e.Attributes = map[string]sqs.Attribute{}
		}
		if a.Value != "" { // no attribute can be empty
			e.Attributes[key] = sqs.Attribute{DataType: a.Type, String: a.Value}
		}
	}
	if sqs.FIFO(name) {
		e.Group, e.Dedup = m.GroupID, m.ID
	}
	_, err := t.s.queues.SendMessage(name, e)
	var refused *sfn.Exception
	switch {
	case errors.As(err, &refused) && refused.Name == sqs.QueueDoesNotExist:
		return &trigger.Permanent{Err: err, Code: trigger.NoResource}
	case errors.As(err, &refused):
		return &trigger.Permanent{Err: err, Code: trigger.InvalidParameter}
	}
	return err
}
