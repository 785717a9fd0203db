package stack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/value"
)

// job is a schedule of a template with all that makes it fire as it does, so that an unchanged one is left alone.
type job struct {
	trigger.Job
	target string // the ARN of what it starts
	key    string
}

// firing is what a schedule starts.
type firing struct {
	schedule string // the name
	target   string // the ARN
	input    string // "" for the service's own event
	event    func(due time.Time) string
}

func (s *Stack) deploySchedule(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	target, window := p.Block("Target"), p.Block("FlexibleTimeWindow")
	expression, zone := p.String("ScheduleExpression"), p.String("ScheduleExpressionTimezone")
	f := firing{schedule: r.Name, target: target.String("Arn"), input: target.String("Input")}
	arn, _ := r.Attribute("Arn")
	f.event = func(due time.Time) string { return s.scheduledEvent("aws.scheduler", arn, due, value.String("{}")) }
	j := trigger.Job{
		Name:     r.Name,
		Disabled: p.OneOf("State", "ENABLED", "ENABLED", "DISABLED") == "DISABLED",
	}
	if window.OneOf("Mode", "OFF", "OFF", "FLEXIBLE") == "FLEXIBLE" {
		j.Window = time.Duration(window.Int("MaximumWindowInMinutes", 1)) * time.Minute
	}
	start, end := date(p, "StartDate"), date(p, "EndDate")
	if err := p.Err(); err != nil {
		return err
	}
	s.schedule(j, expression, zone, start, end, f)
	return nil
}

// date reads a point in time, zero if it is absent.
func date(p *cfn.Block, name string) time.Time {
	text := p.String(name)
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	p.Problem(name, "This must be a date and time like 2006-01-02T15:04:05Z.")
	return time.Time{}
}

// deployRule adds the targets of a rule that goes by time, and hands one that matches events to the event bus.
func (s *Stack) deployRule(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	expression := p.String("ScheduleExpression")
	if expression == "" {
		return s.deployEventRule(r)
	}
	disabled := p.OneOf("State", "ENABLED", "ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS") == "DISABLED"
	arn, _ := r.Attribute("Arn")
	targets := p.Blocks("Targets")
	for i, target := range targets {
		name := r.Name
		if len(targets) > 1 {
			name += "/" + strconv.Itoa(i+1)
		}
		f := firing{schedule: name, target: target.String("Arn"), input: target.String("Input")}
		f.event = func(due time.Time) string { return s.scheduledEvent("aws.events", arn, due, value.NewObject()) }
		for _, property := range []string{"InputPath", "InputTransformer"} {
			if target.Has(property) {
				s.tell(Event{Kind: ScheduleRefused, Name: name, Detail: expression, Err: fmt.Errorf("its target has the property %s, which is not served here; Input is", property)})
				f.target = ""
			}
		}
		if f.target != "" {
			s.schedule(trigger.Job{Name: name, Disabled: disabled}, expression, "UTC", time.Time{}, time.Time{}, f)
		}
	}
	return p.Err()
}

// schedule takes a schedule into the deployment, or tells why it can never fire.
func (s *Stack) schedule(j trigger.Job, expression, zone string, start, end time.Time, f firing) {
	refuse := func(err error) {
		s.tell(Event{Kind: ScheduleRefused, Name: j.Name, Detail: expression, Err: err})
	}
	parsed, err := trigger.Parse(expression, zone)
	if err != nil {
		refuse(err)
		return
	}
	if !start.IsZero() || !end.IsZero() {
		parsed = parsed.Between(start, end)
	}
	if _, ok := parsed.Next(s.cfg.Clock.Now()); !ok {
		refuse(trigger.ErrNeverFires)
		return
	}
	if !startable(f.target) {
		refuse(fmt.Errorf("the target %s is neither a state machine nor a function; others are not served here", f.target))
		return
	}
	if _, twice := s.next.jobs[j.Name]; twice {
		refuse(trigger.ErrExists)
		return
	}
	j.Schedule = parsed
	j.Run = func(ctx context.Context, due time.Time) { s.fire(ctx, f, due) }
	s.next.jobs[j.Name] = job{Job: j, target: f.target, key: fmt.Sprintf("%q", []any{expression, zone, start, end, j.Window, j.Disabled, f.target, f.input})}
	s.tell(Event{Kind: ScheduleReady, Name: j.Name, Detail: expression})
}

// startable tells whether schedules can start what the ARN names.
func startable(arn string) bool {
	if _, err := sfn.ParseMachineARN(arn); err == nil {
		return true
	}
	a, err := sfn.ParseARN(arn)
	return err == nil && a.Service == "lambda" && strings.HasPrefix(a.Resource, "function:")
}

// replaceJobs brings the scheduler to what is deployed now. What has not changed goes on counting.
func (s *Stack) replaceJobs(jobs map[string]job) {
	for name, old := range s.current.jobs {
		if now, ok := jobs[name]; !ok || now.key != old.key {
			_ = s.scheduler.Remove(name) // it is there
		}
	}
	for name, now := range jobs {
		if old, ok := s.current.jobs[name]; ok && old.key == now.key {
			continue
		}
		if err := s.scheduler.Add(now.Job); err != nil {
			s.tell(Event{Kind: ScheduleRefused, Name: name, Detail: now.Schedule.Expression(), Err: err})
		}
	}
}

// scheduledEvent is what a target hears where the template gives no input (EventBridge user guide, "Scheduled Event"; Scheduler user guide,
// "Targets": its detail is the text {}).
func (s *Stack) scheduledEvent(source, arn string, due time.Time, detail value.Value) string {
	digest := sha256.Sum256([]byte(arn + due.String()))
	id := hex.EncodeToString(digest[:16])
	return value.Text(value.NewObject(
		value.Member{Name: "version", Value: value.String("0")},
		value.Member{Name: "id", Value: value.String(id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:])},
		value.Member{Name: "detail-type", Value: value.String("Scheduled Event")},
		value.Member{Name: "source", Value: value.String(source)},
		value.Member{Name: "account", Value: value.String(s.cfg.Place.Account)},
		value.Member{Name: "time", Value: value.String(due.UTC().Format(time.RFC3339))},
		value.Member{Name: "region", Value: value.String(s.cfg.Place.Region)},
		value.Member{Name: "resources", Value: value.Array{value.String(arn)}},
		value.Member{Name: "detail", Value: detail},
	))
}

// fire starts what a schedule is for, because it is due.
func (s *Stack) fire(ctx context.Context, f firing, due time.Time) {
	input := f.input
	if input == "" {
		input = f.event(due)
	}
	if _, err := sfn.ParseMachineARN(f.target); err != nil {
		if err := s.plane.Enqueue(ctx, lambda.Invocation{Function: f.target, Payload: []byte(input)}); err != nil {
			s.cfg.Log.Error("a schedule could not invoke its function", "schedule", f.schedule, "function", f.target, "error", err)
		}
		return
	}
	// The name is made of the schedule and the time it was due at, so that a schedule that is asked twice starts once.
	digest := sha256.Sum256([]byte(f.schedule + strconv.FormatInt(due.UnixMilli(), 10)))
	_, err := s.runner.StartExecution(ctx, runner.StartRequest{MachineARN: f.target, Input: input, Name: hex.EncodeToString(digest[:16])})
	if err != nil {
		s.cfg.Log.Error("a schedule could not start its execution", "schedule", f.schedule, "machine", f.target, "error", err)
	}
}
