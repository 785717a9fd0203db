package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/trigger/scheduler"
	"github.com/tutti-run/tutti/internal/value"
)

// schedulesOf are the schedules and groups that a deployment has gathered, with what they were read of.
type schedulesOf struct {
	groups    []scheduler.Group
	schedules []scheduler.Schedule
	read      []*cfn.Block // of each schedule
}

// Scheduler is the stack's EventBridge Scheduler: schedules of the template and those that clients have made.
func (s *Stack) Scheduler() *scheduler.Service { return s.schedules }

// scheduleTargets is the table of what schedules may invoke, by the service in its ARN: what rules may send to, and buses. Universal targets are
// the scheduler's own.
func (s *Stack) scheduleTargets() map[string]trigger.Deliverer {
	table := s.eventTargets()
	table["events"] = busTarget{s} // puts an event on a bus
	delete(table, "logs")          // EventBridge Scheduler has no such targets
	return table
}

// busTarget puts events on buses.
type busTarget struct{ s *Stack }

// Deliver implements trigger.Deliverer.
func (t busTarget) Deliver(_ context.Context, m trigger.Message) error {
	if _, err := t.s.events.Bus(trigger.BusName(m.Target)); err != nil {
		return &trigger.Permanent{Err: err, Code: trigger.NoResource}
	}
	results, err := t.s.events.PutEvents([]trigger.EventEntry{{Source: m.Source, DetailType: m.DetailType, Detail: m.Input, Bus: m.Target}})
	if err == nil && results[0].ErrorCode != "" {
		return &trigger.Permanent{Err: fmt.Errorf("%s: %s", results[0].ErrorCode, results[0].ErrorMessage), Code: trigger.InvalidParameter}
	}
	return err
}

func (s *Stack) deployScheduleGroup(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	g := scheduler.Group{Name: r.Name}
	for _, tag := range p.Blocks("Tags") {
		g.Tags = append(g.Tags, scheduler.Tag{Key: tag.String("Key"), Value: tag.String("Value")})
	}
	if err := p.Err(); err != nil {
		return err
	}
	s.next.scheduled.groups = append(s.next.scheduled.groups, g)
	return nil
}

// deploySchedule reads a schedule. All of a deployment are put at once, behind its groups and what they invoke.
func (s *Stack) deploySchedule(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("ScheduleExpression", "FlexibleTimeWindow", "Target")
	window := p.Block("FlexibleTimeWindow")
	schedule := scheduler.Schedule{
		Group: p.String("GroupName"), Name: r.Name, Expression: p.String("ScheduleExpression"), Timezone: p.String("ScheduleExpressionTimezone"),
		Start: date(p, "StartDate"), End: date(p, "EndDate"), State: p.OneOf("State", scheduler.Enabled, scheduler.Enabled, scheduler.Disabled),
		Description: p.String("Description"), KMSKeyARN: p.String("KmsKeyArn"), Target: scheduleTarget(p.Block("Target")),
		Completion: p.OneOf("ActionAfterCompletion", scheduler.KeepCompleted, scheduler.KeepCompleted, scheduler.DeleteCompleted),
		Window:     scheduler.Window{Mode: window.OneOf("Mode", scheduler.WindowOff, scheduler.WindowOff, scheduler.WindowFlexible), Minutes: int(window.Int("MaximumWindowInMinutes", 0))},
	}
	if err := p.Err(); err != nil {
		return err
	}
	s.next.scheduled.schedules = append(s.next.scheduled.schedules, schedule)
	s.next.scheduled.read = append(s.next.scheduled.read, p)
	return nil
}

func scheduleTarget(b *cfn.Block) scheduler.Target {
	b.Need("Arn")
	t := scheduler.Target{ARN: b.String("Arn"), RoleARN: b.String("RoleArn"), Input: b.String("Input"), RetryPolicy: retryPolicy(b), DeadLetters: deadLetters(b)}
	if b.Has("EventBridgeParameters") {
		bus := b.Block("EventBridgeParameters")
		t.Bus, t.Source, t.DetailType = true, bus.String("Source"), bus.String("DetailType")
	}
	if b.Has("SqsParameters") {
		t.Queue, t.GroupID = true, b.Block("SqsParameters").String("MessageGroupId")
	}
	return t
}

// date reads a point in time, zero if it is absent.
func date(p *cfn.Block, name string) time.Time {
	text := p.String(name)
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	p.Problem(name, "This must be a date and time like 2006-01-02T15:04:05Z.")
	return time.Time{}
}

// putSchedules brings the scheduler to what is deployed now, and tells of those that cannot fire. What has not changed goes on counting.
func (s *Stack) putSchedules(gathered *schedulesOf) error {
	refused, err := s.schedules.Deploy(gathered.groups, gathered.schedules)
	if err != nil {
		return err
	}
	for i := range gathered.schedules {
		one := &gathered.schedules[i]
		e := Event{Kind: ScheduleReady, Name: one.Name, Detail: one.Expression}
		if why := refused[i]; why != nil {
			e.Kind, e.Err = ScheduleRefused, placed(gathered.read[i], why)
		} else if why := s.missingTarget(one.Target.ARN); why != nil {
			e.Kind, e.Err = ScheduleRefused, placed(gathered.read[i], &scheduler.Fault{Path: []string{"Target", "Arn"}, Err: why})
		}
		s.tell(e)
	}
	return s.events.WithdrawRules(func(bus, rule string) bool { return s.next.rules[bus+"\x00"+rule] })
}

// placed says where in the template it is that a schedule cannot be.
func placed(p *cfn.Block, why error) error {
	var fault *scheduler.Fault
	if !errors.As(why, &fault) {
		p.Problem("", message(why))
		return p.Err()
	}
	for len(fault.Path) > 1 && p.Has(fault.Path[0]) {
		p, fault = p.Block(fault.Path[0]), &scheduler.Fault{Path: fault.Path[1:], Err: fault.Err, Reason: fault.Reason}
	}
	p.Problem(fault.Path[0], strings.TrimSuffix(message(why)+" "+fault.Reason, " "))
	return p.Err()
}

// message is what an exception says, without its name.
func message(err error) string {
	var refused *sfn.Exception
	if errors.As(err, &refused) {
		return refused.Message
	}
	return err.Error()
}

// missingTarget says that a target which belongs to this place is not there; nil if it is, or belongs to another service.
func (s *Stack) missingTarget(arn string) error {
	a, err := sfn.ParseARN(arn)
	if err != nil || a.Service != "events" && a.Account != s.cfg.Place.Account {
		return nil // its form is checked elsewhere
	}
	switch a.Service {
	case "states":
		if m, err := sfn.ParseMachineARN(arn); err == nil {
			if _, err := s.runner.Machine(m.Unqualified()); err != nil {
				return fmt.Errorf("the target %s is not there: %s", arn, message(err))
			}
		}
	case "lambda":
		if err := s.plane.DryRun(lambda.Invocation{Function: arn}); err != nil {
			return fmt.Errorf("the target %s is not there: %w", arn, err)
		}
	case "events":
		if strings.HasPrefix(a.Resource, "api-destination/") {
			if _, err := s.events.Destinations().Destination(arn); err != nil {
				return fmt.Errorf("the target %s is not there: %s", arn, message(err))
			}
			return nil
		}
		if _, err := s.events.Bus(trigger.BusName(arn)); err != nil {
			return fmt.Errorf("the target %s is not there: %s", arn, message(err))
		}
	}
	return nil
}

// deployRule puts a rule with those of its targets that can be.
func (s *Stack) deployRule(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	rule := trigger.Rule{
		Bus: trigger.BusName(p.String("EventBusName")), Name: r.Name, Schedule: p.String("ScheduleExpression"),
		Disabled:    p.OneOf("State", "ENABLED", "ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS") == "DISABLED",
		Description: p.String("Description"), RoleARN: p.String("RoleArn"), Tags: eventTags(p),
	}
	if p.Has("EventPattern") {
		rule.Pattern = value.Text(p.Value("EventPattern"))
	}
	blocks := p.Blocks("Targets")
	var targets []trigger.Target
	for _, b := range blocks {
		targets = append(targets, eventTarget(b))
	}
	if err := p.Err(); err != nil {
		return err
	}
	s.next.rules[rule.Bus+"\x00"+rule.Name] = true
	refused, err := s.events.DeployRule(rule, targets)
	switch {
	case err != nil && rule.Schedule != "":
		p.Problem("ScheduleExpression", scheduleFault(&rule, err))
		s.tell(Event{Kind: ScheduleRefused, Name: r.Name, Detail: rule.Schedule, Err: p.Err()})
		return nil
	case err != nil:
		s.tell(Event{Kind: NotRunHere, Name: r.Name, Detail: "rule " + r.Name + ": " + message(err)})
		return nil
	}
	s.next.ruleTargets = append(s.next.ruleTargets, ruleTargets{rule, p, blocks, targets, refused})
	return nil
}

// scheduleFault says what is wrong with the times of a rule, beyond AWS's own words.
func scheduleFault(rule *trigger.Rule, err error) string {
	if _, why := trigger.Parse(rule.Schedule, ""); why != nil {
		return why.Error()
	}
	return message(err)
}

// ruleTargets are the targets of a rule that has been put, of which some could not be.
type ruleTargets struct {
	rule    trigger.Rule
	read    *cfn.Block
	blocks  []*cfn.Block
	targets []trigger.Target
	refused map[int]error
}

// tellRules tells of rules that will fire, and of targets that cannot be or are not there, once everything is deployed.
func (s *Stack) tellRules(rules []ruleTargets) {
	for _, r := range rules {
		ready := r.rule.Schedule != ""
		for i, t := range r.targets {
			why := r.refused[i]
			if why == nil {
				why = s.missingTarget(t.ARN)
			}
			if why == nil {
				continue
			}
			if r.rule.Schedule == "" {
				s.tell(Event{Kind: NotRunHere, Name: r.rule.Name, Detail: "a target of rule " + r.rule.Name + ": " + message(why)})
				continue
			}
			r.blocks[i].Problem("Arn", message(why))
			ready = false
		}
		switch {
		case ready:
			s.tell(Event{Kind: ScheduleReady, Name: r.rule.Name, Detail: r.rule.Schedule})
		case r.rule.Schedule != "":
			s.tell(Event{Kind: ScheduleRefused, Name: r.rule.Name, Detail: r.rule.Schedule, Err: r.read.Err()})
		}
	}
}

// ScheduleInfo is a schedule of EventBridge Scheduler, or a rule of EventBridge with a schedule: of the template, or made by a client.
type ScheduleInfo struct {
	// Kind is "schedule" or "rule".
	Kind string `json:"kind"`
	// Group is that of a schedule, "" of a rule.
	Group      string `json:"group,omitempty"`
	Name       string `json:"name"`
	Expression string `json:"expression"`
	Timezone   string `json:"timezone"`
	Enabled    bool   `json:"enabled"`
	// Next is when it is due; zero if it is not, or does not fire here.
	Next time.Time `json:"next,omitzero"`
	// Targets are the ARNs of what it starts.
	Targets []string `json:"targets"`
}

// The kinds of what fires by time.
const (
	KindSchedule = "schedule"
	KindRule     = "rule"
)

// Schedules lists schedules by group and name, then rules with a schedule by name.
func (s *Stack) Schedules() []ScheduleInfo {
	list := []ScheduleInfo{}
	schedules, _ := s.schedules.List(scheduler.Filter{}) // it fails for groups alone
	for _, one := range schedules {
		info := ScheduleInfo{KindSchedule, one.Group, one.Name, one.Expression, one.Timezone, one.State == scheduler.Enabled, time.Time{}, []string{one.Target.ARN}}
		info.Next, _ = s.schedules.Next(one.Group, one.Name)
		list = append(list, info)
	}
	rules, _ := s.events.Rules(trigger.DefaultBus, "") // the bus is always there
	for _, r := range rules {
		if r.Schedule == "" {
			continue
		}
		info := ScheduleInfo{KindRule, "", r.Name, r.Schedule, "UTC", !r.Disabled, time.Time{}, []string{}}
		info.Next, _ = s.events.NextRun(r.Name)
		for _, t := range r.Targets {
			info.Targets = append(info.Targets, t.ARN)
		}
		list = append(list, info)
	}
	return list
}

// Started is what firing a schedule has started.
type Started struct {
	// Target is the ARN of the target, Execution that of an execution of a Standard machine, "" for other targets.
	Target    string `json:"target"`
	Execution string `json:"executionArn,omitempty"`
	Input     string `json:"input"`
}

// FireSchedule invokes the targets of a schedule, or of a rule with a schedule, now. The error says why one did not take it.
func (s *Stack) FireSchedule(ctx context.Context, kind, group, name string) ([]Started, error) {
	var sent []trigger.Message
	var err error
	if kind == KindRule {
		sent, err = s.events.FireRule(ctx, name)
	} else {
		var one trigger.Message
		if one, err = s.schedules.Fire(ctx, group, name); err == nil {
			sent = append(sent, one)
		}
	}
	started := []Started{}
	for _, m := range sent {
		started = append(started, Started{m.Target, s.executionOf(m), m.Input})
	}
	return started, err
}

// executionOf is the ARN of the execution that a message has started, "" if it is for another target, or a machine that names its executions itself.
func (s *Stack) executionOf(m trigger.Message) string {
	arn, err := sfn.ParseMachineARN(m.Target)
	if err != nil {
		return ""
	}
	machine, err := s.runner.Machine(arn.Unqualified())
	if err != nil || machine.Type != sfn.Standard {
		return ""
	}
	return arn.ExecutionARN(sfn.Standard, m.ID, "")
}
