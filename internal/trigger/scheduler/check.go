package scheduler

import (
	"errors"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/value"
)

// Fault says which property of a schedule is wrong.
type Fault struct {
	// Path are the names that lead to it.
	Path []string
	Err  error
	// Reason is what the service leaves out of Err, "" for nothing.
	Reason string
}

func (f *Fault) Error() string { return strings.TrimSuffix(f.Err.Error()+" "+f.Reason, " ") }

// Unwrap returns the exception.
func (f *Fault) Unwrap() error { return f.Err }

// fault is what is wrong with a property, if anything is.
func fault(err error, path ...string) error {
	if err == nil {
		return nil
	}
	return &Fault{Path: path, Err: err}
}

func invalid(format string, args ...any) error {
	return sfn.Refuse(sfn.ValidationException, format, args...)
}

// complete puts AWS's defaults where a request says nothing.
func (s *Schedule) complete() {
	for member, usual := range map[*string]string{
		&s.Group: DefaultGroup, &s.Timezone: "UTC", &s.State: Enabled, &s.Completion: KeepCompleted, &s.Window.Mode: WindowOff,
	} {
		if *member == "" {
			*member = usual
		}
	}
}

// check refuses a schedule that could not work, as AWS does when it is created. Members by themselves have been checked before. The error is the
// exception ValidationException.
func (v *Service) check(s *Schedule, now time.Time) error {
	parsed, err := s.parse()
	if err != nil {
		return unreadable(err)
	}
	switch {
	case s.Window.Mode == WindowFlexible && s.Window.Minutes == 0:
		return fault(invalid("MaximumWindowInMinutes must be provided when FlexibleTimeWindowMode is set to FLEXIBLE"), "FlexibleTimeWindow", "Mode")
	case s.Window.Mode == WindowOff && s.Window.Minutes != 0:
		return fault(invalid("MaximumWindowInMinutes must not be provided when FlexibleTimeWindowMode is set to OFF"), "FlexibleTimeWindow", "MaximumWindowInMinutes")
	case !s.Start.IsZero() && !s.End.IsZero() && s.End.Before(s.Start):
		return fault(invalid("The EndDate you specify must not be earlier than the StartDate."), "EndDate")
	case !parsed.Once() && !s.Start.IsZero() && s.Template == "" && s.Start.Before(now.Add(-5*time.Minute)):
		return fault(invalid("The StartDate you specify cannot be earlier than 5 minutes ago."), "StartDate")
	case !parsed.Once() && !s.End.IsZero() && s.End.Before(now):
		return fault(invalid("The EndDate you specify must be in the future."), "EndDate")
	}
	if _, ok := parsed.Next(now.Add(-1)); !ok {
		never := &trigger.ExpressionError{Expression: s.Expression, Reason: "It never comes due from now on."}
		return unreadable(never)
	}
	path, err := v.checkTarget(&s.Target)
	return fault(err, "Target", path)
}

// unreadable is what is wrong with an expression or a time zone.
func unreadable(err error) error {
	var wrong *trigger.ExpressionError
	if !errors.As(err, &wrong) {
		return fault(invalid("%v", err), "ScheduleExpression")
	}
	f := &Fault{Path: []string{"ScheduleExpression"}, Err: invalid("%s", wrong.Sentence()), Reason: wrong.Reason}
	if wrong.Timezone {
		f.Path[0] = "ScheduleExpressionTimezone"
	}
	return f
}

// checkTarget refuses a target that could not be invoked, and says which property of it is wrong.
func (v *Service) checkTarget(t *Target) (path string, err error) {
	arn, err := sfn.ParseARN(t.ARN)
	if err != nil {
		return "Arn", invalid("Provided Arn is not in correct format.")
	}
	switch {
	case t.Bus && arn.Service != "events":
		return "EventBridgeParameters", invalid("EventBridgeParameters are for targets that are event buses, not %s.", t.ARN)
	case !t.Bus && arn.Service == "events":
		return "EventBridgeParameters", invalid("EventBridgeParameters must be provided for the target %s.", t.ARN)
	case t.Queue && arn.Service != "sqs":
		return "SqsParameters", invalid("SqsParameters are for targets that are queues, not %s.", t.ARN)
	case arn.Service == universalService:
		return v.cfg.Universal.check(arn.Resource, t.Input)
	case v.cfg.Targets[arn.Service] == nil:
		return "Arn", invalid("Provided Arn %s cannot be invoked: targets of the service %s are not served here. "+
			"A universal target, arn:aws:scheduler:::aws-sdk:SERVICE:ACTION, reaches every service that --upstream names.", t.ARN, arn.Service)
	case arn.Service == "states":
		if _, err := sfn.ParseMachineARN(t.ARN); err != nil {
			return "Arn", invalid("Provided Arn is not in correct format.")
		}
	}
	if takesJSON[arn.Service] && t.Input != "" {
		if _, err := value.Parse(t.Input); err != nil {
			return "Input", invalid("Invalid Input: it must be JSON for the target %s: %v", t.ARN, err)
		}
	}
	return "", nil
}

// takesJSON has the services whose targets take nothing but JSON.
var takesJSON = map[string]bool{"states": true, "lambda": true, "events": true}
