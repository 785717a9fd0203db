package stack

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/lambda/control"
	"github.com/tutti-run/tutti/internal/sqs"
	"github.com/tutti-run/tutti/internal/value"
)

// polledQueues lets event source mappings poll the stack's queues.
type polledQueues struct{ store *sqs.Store }

// Queue implements control.Queues.
func (q polledQueues) Queue(arn string) (control.QueueInfo, bool) {
	name := q.store.NameOf(arn)
	attributes, err := q.store.GetQueueAttributes(name, []string{"VisibilityTimeout"})
	if err != nil {
		return control.QueueInfo{}, false
	}
	seconds, _ := strconv.Atoi(attributes["VisibilityTimeout"]) // a queue always has one
	return control.QueueInfo{FIFO: sqs.FIFO(name), Visibility: seconds}, true
}

// Receive implements control.Queues.
func (q polledQueues) Receive(ctx context.Context, arn string, most int, wait time.Duration) ([]control.QueueMessage, error) {
	messages, err := q.store.ReceiveMessage(ctx, q.store.NameOf(arn), sqs.Receive{Max: &most, Patience: wait})
	if err != nil {
		return nil, err
	}
	list := make([]control.QueueMessage, 0, len(messages))
	for _, m := range messages {
		one := control.QueueMessage{
			ID: m.ID, Receipt: m.Receipt, Body: m.Body, MD5OfBody: sqs.MD5OfBody(m.Body), MD5OfAttributes: sqs.MD5OfAttributes(m.Attributes), System: m.System,
		}
		for name, a := range m.Attributes {
			if one.Attributes == nil {
				one.Attributes = map[string]control.QueueAttribute{}
			}
			one.Attributes[name] = control.QueueAttribute(a)
		}
		list = append(list, one)
	}
	return list, nil
}

// Delete implements control.Queues.
func (q polledQueues) Delete(arn string, receipts []string) error {
	errs, err := q.store.DeleteMessages(q.store.NameOf(arn), receipts)
	return errors.Join(append(errs, err)...)
}

// Release implements control.Queues.
func (q polledQueues) Release(arn string, receipts []string) error {
	errs, err := q.store.ChangeVisibility(q.store.NameOf(arn), receipts, make([]int, len(receipts)))
	return errors.Join(append(errs, err)...)
}

// deployMapping has a queue polled for a function, if both run here.
func (s *Stack) deployMapping(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	in := mappingRequest(p)
	if err := p.Err(); err != nil {
		return err
	}
	in.UUID = &r.Ref
	refuse := func(why string) error {
		s.tell(Event{Kind: NotRunHere, Name: r.LogicalID, Detail: "event source mapping " + r.LogicalID + ": " + why})
		return nil
	}
	if arn := p.String("EventSourceArn"); s.queues.NameOf(arn) == "" || s.queues.Exists(s.queues.NameOf(arn)) != nil {
		return refuse("its source " + arn + " is no queue of the templates")
	}
	if n, ok := lambda.ParseName(*in.FunctionName); !ok || !s.runsFunction(n.Function) {
		return refuse("its function " + *in.FunctionName + " does not run here")
	}
	if err := s.plane.DeployMapping(in); err != nil {
		return err
	}
	s.next.mappings = append(s.next.mappings, r.Ref)
	return nil
}

// runsFunction tells whether the deployment has put the function in place.
func (s *Stack) runsFunction(name string) bool {
	_, ok := s.next.placed[name]
	return ok
}

// mappingRequest reads the properties of a mapping (CloudFormation, AWS::Lambda::EventSourceMapping).
func mappingRequest(p *cfn.Block) control.MappingRequest {
	name, source := p.String("FunctionName"), p.String("EventSourceArn")
	in := control.MappingRequest{EventSourceArn: &source}
	in.FunctionName = &name
	in.BatchSize, in.MaximumBatchingWindowInSeconds = number(p, "BatchSize"), number(p, "MaximumBatchingWindowInSeconds")
	in.FunctionResponseTypes = p.Strings("FunctionResponseTypes")
	if p.Has("Enabled") {
		enabled := p.Bool("Enabled", true)
		in.Enabled = &enabled
	}
	if p.Has("ScalingConfig") {
		in.ScalingConfig = &control.ScalingConfig{MaximumConcurrency: number(p.Block("ScalingConfig"), "MaximumConcurrency")}
	}
	if p.Has("FilterCriteria") {
		in.FilterCriteria = &control.FilterCriteria{}
		for _, f := range p.Block("FilterCriteria").Blocks("Filters") {
			pattern := f.String("Pattern")
			if _, isObject := f.Value("Pattern").(*value.Object); isObject {
				pattern = value.Text(f.Value("Pattern"))
			}
			in.FilterCriteria.Filters = append(in.FilterCriteria.Filters, control.Filter{Pattern: pattern})
		}
	}
	in.Tags = resourceTags(p)
	return in
}
