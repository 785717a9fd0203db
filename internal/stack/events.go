package stack

import (
	"context"
	"errors"
	"time"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/value"
)

// targets is the table of the kinds of targets that rules may have, by the service in their ARNs. Buses are EventBridge's own.
func (s *Stack) eventTargets() map[string]trigger.Deliverer {
	return map[string]trigger.Deliverer{
		"states": machineTarget{s},  // starts an execution
		"lambda": functionTarget{s}, // invokes a function
		"logs":   groupTarget{s},    // writes into a log group
	}
}

// machineTarget starts executions of state machines.
type machineTarget struct{ s *Stack }

// Deliver starts an execution that is named after the event, so that one that is delivered twice starts once.
func (t machineTarget) Deliver(ctx context.Context, arn, id, input string) error {
	_, err := t.s.runner.StartExecution(ctx, runner.StartRequest{MachineARN: arn, Name: id, Input: input})
	var refused *sfn.Exception
	switch {
	case errors.As(err, &refused) && refused.Name == sfn.ExecutionAlreadyExists:
		return nil
	case errors.As(err, &refused) && refused.Name != sfn.ExecutionLimitExceeded:
		return &trigger.Permanent{Err: err}
	}
	return err
}

// functionTarget invokes functions asynchronously: once the event is in their queue it has been delivered, and that a function fails is its own
// affair.
type functionTarget struct{ s *Stack }

// Deliver implements trigger.Deliverer.
func (t functionTarget) Deliver(ctx context.Context, arn, _, input string) error {
	err := t.s.plane.Enqueue(ctx, lambda.Invocation{Function: arn, Payload: []byte(input)})
	var refused *lambda.Error
	if errors.As(err, &refused) {
		return &trigger.Permanent{Err: err} // it is gone, or the event is too large
	}
	return err
}

// groupTarget writes events into log groups, a stream a day.
type groupTarget struct{ s *Stack }

// Deliver implements trigger.Deliverer.
func (t groupTarget) Deliver(_ context.Context, arn, _, input string) error {
	now := time.Now().UTC()
	err := t.s.logs.Append(sfn.LogGroupName(arn), "events/"+now.Format("2006-01-02"), []logs.Event{{Timestamp: now.UnixMilli(), Message: input}})
	var refused *sfn.Exception
	if errors.As(err, &refused) {
		return &trigger.Permanent{Err: err}
	}
	return err
}

// Events routes the stack's events.
func (s *Stack) Events() *trigger.Events { return s.events }

func (s *Stack) deployEventBus(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	description := p.String("Description")
	if err := p.Err(); err != nil {
		return err
	}
	if _, err := s.events.Bus(r.Name); err == nil {
		return nil
	}
	return s.events.CreateBus(r.Name, description)
}

// deployEventRule puts the rule with those of its targets that run here.
func (s *Stack) deployEventRule(r *cfn.Resource) error {
	p := r.Read()
	rule := trigger.Rule{
		Bus: trigger.BusName(p.String("EventBusName")), Name: r.Name,
		Disabled: p.String("State") == "DISABLED", Description: p.String("Description"), RoleARN: p.String("RoleArn"),
	}
	if p.Has("EventPattern") {
		rule.Pattern = value.Text(p.Value("EventPattern"))
	}
	var targets []trigger.Target
	for _, b := range p.Blocks("Targets") {
		targets = append(targets, eventTarget(b))
	}
	if err := p.Err(); err != nil {
		return err
	}
	if err := s.events.PutRule(rule); err != nil {
		s.tell(Event{Kind: NotRunHere, Name: r.Name, Detail: "rule " + r.Name + ": " + err.Error()})
		return nil
	}
	for _, t := range targets {
		if err := s.events.PutTargets(rule.Bus, rule.Name, []trigger.Target{t}); err != nil {
			s.tell(Event{Kind: NotRunHere, Name: r.Name, Detail: "a target of rule " + r.Name + ": " + err.Error()})
		}
	}
	return nil
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
	if b.Has("DeadLetterConfig") {
		t.DeadLetterConfig = &trigger.DeadLetterConfig{ARN: b.Block("DeadLetterConfig").String("Arn")}
	}
	if retry := b.Block("RetryPolicy"); b.Has("RetryPolicy") {
		t.RetryPolicy = &trigger.RetryPolicy{}
		for name, at := range map[string]**int{"MaximumRetryAttempts": &t.RetryPolicy.MaximumRetryAttempts, "MaximumEventAgeInSeconds": &t.RetryPolicy.MaximumEventAgeInSeconds} {
			if retry.Has(name) {
				n := int(retry.Int(name, 0))
				*at = &n
			}
		}
	}
	return t
}
