package scheduler

import (
	"strings"

	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/trigger"
)

// stepMetrics are the metrics of a schedule group that a step of a delivery counts in (user guide, "Monitoring Amazon EventBridge Scheduler with
// Amazon CloudWatch").
var stepMetrics = map[trigger.Step][]string{
	trigger.Attempted:  {"InvocationAttemptCount"},
	trigger.Repeated:   {"TargetErrorCount"},
	trigger.GivenUp:    {"TargetErrorCount", "InvocationDroppedCount"},
	trigger.LetterSent: {"InvocationsSentToDeadLetterCount"},
	trigger.LetterLost: {"InvocationsFailedToBeSentToDeadLetterCount"},
}

// measured counts a step of a delivery for the group of its schedule.
func (v *Service) measured(d *trigger.Delivery, s trigger.Step) {
	_, name, ok := strings.Cut(d.Letter["SCHEDULE_ARN"], ":schedule/")
	if !ok || v.cfg.Metrics == nil {
		return
	}
	group, _, _ := strings.Cut(name, "/")
	trigger.CountIn(v.cfg.Metrics, v.cfg.Clock.Now(), "AWS/Scheduler", []metrics.Dimension{{Name: "ScheduleGroup", Value: group}}, stepMetrics[s]...)
}
