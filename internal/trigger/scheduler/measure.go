package scheduler

import (
	"strings"
	"sync"

	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/trigger"
)

// The metrics of a schedule group, by their places in its table.
const (
	metricAttempts = iota
	metricErrors
	metricDropped
	metricLetters
	metricLettersLost
)

// Metrics is the table of the metrics of schedule groups. Nobody is throttled here, and no input is too large for a dead-letter queue.
func Metrics() measure.Table { return groupMetrics }

var groupMetrics = measure.Table{
	Namespace:  "AWS/Scheduler",
	Source:     "https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html",
	Dimensions: [][]string{{}, {"ScheduleGroup"}},
	Metrics: []measure.Metric{
		metricAttempts:    {Name: "InvocationAttemptCount", Unit: measure.Count},
		metricErrors:      {Name: "TargetErrorCount", Unit: measure.Count},
		metricDropped:     {Name: "InvocationDroppedCount", Unit: measure.Count},
		metricLetters:     {Name: "InvocationsSentToDeadLetterCount", Unit: measure.Count},
		metricLettersLost: {Name: "InvocationsFailedToBeSentToDeadLetterCount", Unit: measure.Count},
	},
}

// stepMetrics are the metrics that a step of a delivery counts in.
var stepMetrics = map[trigger.Step][]int{
	trigger.Attempted:  {metricAttempts},
	trigger.Repeated:   {metricErrors},
	trigger.GivenUp:    {metricErrors, metricDropped},
	trigger.LetterSent: {metricLetters},
	trigger.LetterLost: {metricLettersLost},
}

// groupMeters are the counters of groups by their names.
type groupMeters struct {
	meter  measure.Meter
	groups sync.Map // → measure.Counters
}

func (m *groupMeters) of(group string) measure.Counters {
	if found, ok := m.groups.Load(group); ok {
		return found.(measure.Counters)
	}
	found, _ := m.groups.LoadOrStore(group, groupMetrics.Counters(m.meter, map[string]string{"ScheduleGroup": group}))
	return found.(measure.Counters)
}

// measured counts a step of a delivery for the group of its schedule.
func (v *Service) measured(d *trigger.Delivery, s trigger.Step) {
	_, name, ok := strings.Cut(d.Letter["SCHEDULE_ARN"], ":schedule/")
	if !ok {
		return
	}
	group, _, _ := strings.Cut(name, "/")
	for _, metric := range stepMetrics[s] {
		v.meters.of(group).Add(metric, v.cfg.Clock.Now(), 1)
	}
}
