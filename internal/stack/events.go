package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/lambda/control"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/value"
)

// eventTargets is the table of the kinds of targets that rules, schedules, dead-letter configurations and destinations of functions may name, by the
// service in their ARNs. Buses are EventBridge's own.
func (s *Stack) eventTargets() map[string]trigger.Deliverer {
	return map[string]trigger.Deliverer{
		"states": machineTarget{s},  // starts an execution
		"lambda": functionTarget{s}, // invokes a function
		"logs":   groupTarget{s},    // writes into a log group
		"sqs":    queueTarget{s},    // sends a message to a queue
		"events": s.apiTarget,       // sends a request to an API destination
		"sns":    topicTarget{s},    // publishes to a topic
	}
}

// machineTarget starts executions of state machines.
type machineTarget struct{ s *Stack }

// Deliver starts an execution that is named after the event, so that one that is delivered twice starts once.
func (t machineTarget) Deliver(ctx context.Context, m trigger.Message) error {
	_, err := t.s.runner.StartExecution(ctx, runner.StartRequest{MachineARN: m.Target, Name: m.ID, Input: m.Input})
	var refused *sfn.Exception
	switch {
	case errors.As(err, &refused) && refused.Name == sfn.ExecutionAlreadyExists:
		return nil
	case errors.As(err, &refused) && refused.Name == sfn.StateMachineDoesNotExist:
		return &trigger.Permanent{Err: err, Code: trigger.NoResource}
	case errors.As(err, &refused) && refused.Name != sfn.ExecutionLimitExceeded:
		return &trigger.Permanent{Err: err, Code: trigger.InvalidParameter}
	}
	return err
}

// functionTarget invokes functions asynchronously: once the event is in their queue it has been delivered, and that a function fails is its own
// affair.
type functionTarget struct{ s *Stack }

// Deliver implements trigger.Deliverer.
func (t functionTarget) Deliver(ctx context.Context, m trigger.Message) error {
	err := t.s.plane.Enqueue(ctx, lambda.Invocation{Function: m.Target, Payload: []byte(m.Input)})
	var refused *lambda.Error
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		return &trigger.Permanent{Err: err, Code: trigger.NoResource}
	case errors.As(err, &refused):
		return &trigger.Permanent{Err: err, Code: trigger.InvalidParameter} // the event is too large
	}
	return err
}

// groupTarget writes events into log groups, a stream a day.
type groupTarget struct{ s *Stack }

// Deliver implements trigger.Deliverer.
func (t groupTarget) Deliver(_ context.Context, m trigger.Message) error {
	now := t.s.cfg.Clock.Now().UTC()
	err := t.s.logs.Append(sfn.LogGroupName(m.Target), "events/"+now.Format("2006-01-02"), []logs.Event{{Timestamp: now.UnixMilli(), Message: m.Input}})
	var refused *sfn.Exception
	if errors.As(err, &refused) {
		return &trigger.Permanent{Err: err, Code: trigger.NoResource}
	}
	return err
}

// destinations sends what became of invocations where the functions' configurations say: to buses as events, to all else through the table of targets.
type destinations struct{ s *Stack }

// Serves implements control.Targets.
func (d destinations) Serves(arn string) bool {
	a, err := sfn.ParseARN(arn)
	return err == nil && (a.Service == "events" || d.s.eventTargets()[a.Service] != nil)
}

// Send implements control.Targets.
func (d destinations) Send(ctx context.Context, arn string, m control.Message) error {
	a, err := sfn.ParseARN(arn)
	if err != nil {
		return err
	}
	if a.Service == "events" {
		return d.event(arn, m)
	}
	to := d.s.eventTargets()[a.Service]
	if to == nil {
		return fmt.Errorf("targets of the service %s are not served here", a.Service)
	}
	message := trigger.Message{Target: arn, ID: uuid.NewString(), Input: m.Body}
	for name, text := range m.Attributes {
		if message.Attributes == nil {
			message.Attributes = map[string]trigger.Attribute{}
		}
		attribute := trigger.Attribute{Type: trigger.AttributeText, Value: text}
		if name == "ErrorCode" {
			attribute.Type = trigger.AttributeNumber // developer guide, "Adding a dead-letter queue"
		}
		message.Attributes[name] = attribute
	}
	return to.Deliver(ctx, message)
}

// event puts a message on a bus as an event.
func (d destinations) event(bus string, m control.Message) error {
	results, err := d.s.events.PutEvents([]trigger.EventEntry{{Source: m.Source, DetailType: m.DetailType, Detail: m.Body, Resources: m.Resources, Bus: bus}})
	if err == nil && results[0].ErrorCode != "" {
		err = fmt.Errorf("%s: %s", results[0].ErrorCode, results[0].ErrorMessage)
	}
	return err
}

// Events routes the stack's events.
func (s *Stack) Events() *trigger.Events { return s.events }

func (s *Stack) deployEventBus(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	b := trigger.Bus{Name: r.Name, Description: p.String("Description"), Tags: eventTags(p), KMSKey: p.String("KmsKeyIdentifier"), DeadLetters: deadLetters(p)}
	if p.Has("LogConfig") {
		log := p.Block("LogConfig")
		b.Log = &trigger.LogConfig{IncludeDetail: log.OneOf("IncludeDetail", "", "NONE", "FULL"), Level: log.OneOf("Level", "", "OFF", "ERROR", "INFO", "TRACE")}
	}
	if policy := jsonObject(p, "Policy"); policy != nil {
		list, _ := policy.Get("Statement")
		statements, ok := list.(value.Array)
		if !ok {
			statements = value.Array{list}
		}
		for _, v := range statements {
			if statement, ok := v.(*value.Object); ok {
				s.next.statement(b.Name, statement)
			} else {
				p.Problem("Policy", "Its Statement must be a list of objects.")
			}
		}
	}
	if err := p.Err(); err != nil {
		return err
	}
	return s.events.DeployBus(b)
}

// jsonObject reads a property that is an object, or a text that holds one; nil if it is absent or has a fault.
func jsonObject(p *cfn.Block, name string) *value.Object {
	if !p.Has(name) {
		return nil
	}
	v := p.Value(name)
	if text, ok := v.(value.String); ok {
		v, _ = value.Parse(string(text))
	}
	o, ok := v.(*value.Object)
	if !ok {
		p.Problem(name, "This must be a JSON object.")
	}
	return o
}

// statement notes a statement that a template has for a bus.
func (d *deployment) statement(bus string, statement *value.Object) {
	if d.statements == nil {
		d.statements = map[string][]*value.Object{}
	}
	d.statements[bus] = append(d.statements[bus], statement)
}

// deployEventBusPolicy reads a statement of a bus's policy. All of a deployment are put at once.
func (s *Stack) deployEventBusPolicy(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("StatementId")
	bus, id := trigger.BusName(p.String("EventBusName")), p.String("StatementId")
	statement := jsonObject(p, "Statement")
	if statement == nil {
		p.Need("Action", "Principal")
		permission := trigger.Permission{StatementID: id, Action: p.String("Action"), Principal: p.String("Principal")}
		if p.Has("Condition") {
			c := p.Block("Condition")
			c.Need("Type", "Key", "Value")
			permission.Condition = &trigger.Condition{Type: c.String("Type"), Key: c.String("Key"), Value: c.String("Value")}
		}
		statement = s.events.Statement(bus, permission)
	}
	if err := p.Err(); err != nil {
		return err
	}
	s.next.statement(bus, statement.With("Sid", value.String(id)))
	return nil
}

// putStatements brings the policies of buses to what is deployed now, and tells of those that cannot be.
func (s *Stack) putStatements() {
	for bus, why := range s.events.DeployStatements(s.next.statements) {
		s.tell(Event{Kind: NotRunHere, Name: bus, Detail: "the policy of event bus " + bus + ": " + message(why)})
	}
}

// deployArchive keeps the events of a bus.
func (s *Stack) deployArchive(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("SourceArn")
	a := trigger.Archive{
		Name: r.Name, Bus: trigger.BusName(p.String("SourceArn")), Description: p.String("Description"), RetentionDays: int(p.Int("RetentionDays", 0)), KMSKey: p.String("KmsKeyIdentifier"),
	}
	if pattern := jsonObject(p, "EventPattern"); pattern != nil {
		a.Pattern = value.Text(pattern)
	}
	if a.RetentionDays < 0 {
		p.Problem("RetentionDays", "This must be at least 0.")
	}
	if err := p.Err(); err != nil {
		return err
	}
	s.next.archives[a.Name] = true
	if err := s.events.DeployArchive(a, p.Has("ArchiveName")); err != nil {
		s.tell(Event{Kind: NotRunHere, Name: a.Name, Detail: "archive " + a.Name + ": " + message(err)})
	}
	return nil
}

// eventTags are the tags of a rule or a bus.
func eventTags(p *cfn.Block) (tags []trigger.Tag) {
	for _, t := range p.Blocks("Tags") {
		tags = append(tags, trigger.Tag{Key: t.String("Key"), Value: t.String("Value")})
	}
	return tags
}

func eventTarget(b *cfn.Block) trigger.Target {
	t := trigger.Target{ID: b.String("Id"), ARN: b.String("Arn"), RoleARN: b.String("RoleArn"), Input: b.String("Input"), InputPath: b.String("InputPath")}
	if b.Has("InputTransformer") {
		transformer := b.Block("InputTransformer")
		paths := transformer.Block("InputPathsMap")
		t.InputTransformer = &trigger.InputTransformer{InputTemplate: transformer.String("InputTemplate"), InputPathsMap: map[string]string{}}
		for _, name := range paths.Names() {
			t.InputTransformer.InputPathsMap[name] = paths.String(name)
		}
	}
	if b.Has("HttpParameters") {
		http := b.Block("HttpParameters")
		t.HTTPParameters = &trigger.HTTPParameters{
			PathParameterValues: http.Strings("PathParameterValues"), HeaderParameters: texts(http.Value("HeaderParameters")), QueryStringParameters: texts(http.Value("QueryStringParameters")),
		}
	}
	if b.Has("SqsParameters") {
		t.SQSParameters = &trigger.SQSParameters{MessageGroupID: b.Block("SqsParameters").String("MessageGroupId")}
	}
	t.DeadLetterConfig, t.RetryPolicy = deadLetters(b), retryPolicy(b)
	return t
}

// deadLetters reads the dead-letter configuration of a target, nil for none.
func deadLetters(b *cfn.Block) *trigger.DeadLetterConfig {
	arn := b.Block("DeadLetterConfig").String("Arn")
	if arn == "" {
		return nil
	}
	return &trigger.DeadLetterConfig{ARN: arn}
}

// retryPolicy reads the retry policy of a target, nil for none.
func retryPolicy(b *cfn.Block) *trigger.RetryPolicy {
	if !b.Has("RetryPolicy") {
		return nil
	}
	retry, policy := b.Block("RetryPolicy"), &trigger.RetryPolicy{}
	for name, at := range map[string]**int{"MaximumRetryAttempts": &policy.MaximumRetryAttempts, "MaximumEventAgeInSeconds": &policy.MaximumEventAgeInSeconds} {
		if retry.Has(name) {
			n := int(retry.Int(name, 0))
			*at = &n
		}
	}
	return policy
}
