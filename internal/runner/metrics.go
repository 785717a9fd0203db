package runner

import (
	"iter"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/metrics"
)

// Metrics counts what executions do. *metrics.Service does, in memory; it must not keep callers waiting.
type Metrics interface {
	// Counter returns the counter of a metric.
	Counter(m metrics.Metric, unit metrics.Unit) *metrics.Counter
}

// statesNamespace is where Step Functions counts (developer guide, "Monitoring Step Functions metrics using Amazon CloudWatch").
const statesNamespace = "AWS/States"

const (
	unitCount  metrics.Unit = "Count"
	unitMillis metrics.Unit = "Milliseconds"
)

// machineMeter counts the executions of a machine.
type machineMeter struct {
	started, redriven *metrics.Counter
	ended, redrivenTo map[history.Type]*metrics.Counter // by how they ended
	took              *metrics.Counter
}

// endingNames are what the ends of executions are called in the names of metrics.
var endingNames = map[history.Type]string{
	history.ExecutionSucceeded: "Succeeded",
	history.ExecutionFailed:    "Failed",
	history.ExecutionAborted:   "Aborted",
	history.ExecutionTimedOut:  "TimedOut",
}

func (r *Runner) newMachineMeter(arn string) *machineMeter {
	counter := func(name string, unit metrics.Unit) *metrics.Counter {
		return r.metrics.Counter(metrics.NewMetric(statesNamespace, name, metrics.Dimension{Name: "StateMachineArn", Value: arn}), unit)
	}
	m := &machineMeter{
		started: counter("ExecutionsStarted", unitCount), redriven: counter("RedrivenExecutions", unitCount), took: counter("ExecutionTime", unitMillis),
		ended: map[history.Type]*metrics.Counter{}, redrivenTo: map[history.Type]*metrics.Counter{},
	}
	for kind, ending := range endingNames {
		m.ended[kind] = counter("Executions"+ending, unitCount)
		m.redrivenTo[kind] = counter("RedrivenExecutions"+ending, unitCount)
	}
	return m
}

// taskMeter counts the calls of one function, activity or integration.
type taskMeter struct {
	scheduled, started, succeeded, failed, timedOut *metrics.Counter
	run, wait, took                                 *metrics.Counter // milliseconds: since it was started, until it was, and both
}

// taskKind is what metrics of tasks are called.
type taskKind struct{ dimension, many, one string }

var (
	functionTasks    = taskKind{"LambdaFunctionArn", "LambdaFunctions", "LambdaFunction"}
	activityTasks    = taskKind{"ActivityArn", "Activities", "Activity"}
	integrationTasks = taskKind{"ServiceIntegrationResourceArn", "ServiceIntegrations", "ServiceIntegration"}
)

func (r *Runner) newTaskMeter(kind taskKind, arn string) *taskMeter {
	counter := func(name string, unit metrics.Unit) *metrics.Counter {
		return r.metrics.Counter(metrics.NewMetric(statesNamespace, name, metrics.Dimension{Name: kind.dimension, Value: arn}), unit)
	}
	return &taskMeter{
		scheduled: counter(kind.many+"Scheduled", unitCount), started: counter(kind.many+"Started", unitCount), succeeded: counter(kind.many+"Succeeded", unitCount),
		failed: counter(kind.many+"Failed", unitCount), timedOut: counter(kind.many+"TimedOut", unitCount),
		run: counter(kind.one+"RunTime", unitMillis), wait: counter(kind.one+"ScheduleTime", unitMillis), took: counter(kind.one+"Time", unitMillis),
	}
}

// measuredCall is a call under way. It is found by the last event about it.
type measuredCall struct {
	meter              *taskMeter
	scheduled, started time.Time
}

// measure counts what the round has decided, which is on disk.
func (s *shard) measure() {
	if s.runner.metrics == nil {
		return
	}
	entered := 0
	for _, r := range s.touched {
		for i := range r.events {
			e := &r.events[i]
			if strings.HasSuffix(string(e.Type), "StateEntered") {
				entered++
				continue
			}
			s.measureExecution(r, e)
			s.measureCall(r, e, true)
		}
	}
	if entered > 0 {
		s.transitions().AddMany(s.runner.now(), 1, float64(entered))
	}
}

// transitions counts the states that were entered in the account.
func (s *shard) transitions() *metrics.Counter {
	if s.entered == nil {
		s.entered = s.runner.metrics.Counter(metrics.NewMetric(statesNamespace, "ConsumedCapacity", metrics.Dimension{Name: "ServiceMetric", Value: "StateTransition"}), unitCount)
	}
	return s.entered
}

// measureExecution counts starts and ends. The children of distributed Maps count as work of their parents alone.
func (s *shard) measureExecution(r *resident, e *history.Event) {
	started, redriven := e.Type == history.ExecutionStarted, e.Type == history.ExecutionRedriven
	if !started && !redriven && !e.Type.EndsExecution() || r.record.MapRunARN != "" {
		return
	}
	m := r.life.meter.Load()
	if m == nil {
		m = s.runner.newMachineMeter(r.life.arn)
		r.life.meter.Store(m)
	}
	switch {
	case started:
		m.started.Add(e.Time, 1)
	case redriven:
		m.redriven.Add(e.Time, 1)
	default:
		m.ended[e.Type].Add(e.Time, 1)
		if r.record.RedriveCount > 0 {
			m.redrivenTo[e.Type].Add(e.Time, 1)
		}
		m.took.Add(e.Time, millis(e.Time.Sub(r.record.StartDate)))
	}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measureCall follows a call from event to event, and counts what comes of it if it is to: what is folded has been counted before.
func (s *shard) measureCall(r *resident, e *history.Event, counts bool) {
	at := func(c *metrics.Counter, v float64) {
		if counts {
			c.Add(e.Time, v)
		}
	}
	switch d := e.Details.(type) {
	case *history.LambdaFunctionScheduledDetails:
		r.measures(e, s.taskMeter(functionTasks, d.Resource))
	case *history.ActivityScheduledDetails:
		r.measures(e, s.taskMeter(activityTasks, d.Resource))
	case *history.TaskScheduledDetails:
		r.measures(e, s.taskMeter(integrationTasks, "arn:aws:states:::"+d.ResourceType+":"+d.Resource))
	}
	c, known := r.measured[e.ID]
	if known {
		at(c.meter.scheduled, 1)
		return
	}
	if c, known = r.measured[e.PreviousID]; !known {
		return
	}
	delete(r.measured, e.PreviousID)
	switch e.Type {
	case history.LambdaFunctionStarted, history.TaskStarted, history.ActivityStarted:
		c.started = e.Time
		r.measured[e.ID] = c
		at(c.meter.started, 1)
		at(c.meter.wait, millis(e.Time.Sub(c.scheduled)))
		return
	case history.TaskSubmitted:
		r.measured[e.ID] = c
		return
	case history.LambdaFunctionSucceeded, history.TaskSucceeded, history.ActivitySucceeded:
		at(c.meter.succeeded, 1)
	case history.LambdaFunctionTimedOut, history.TaskTimedOut, history.ActivityTimedOut:
		at(c.meter.timedOut, 1)
	case history.LambdaFunctionFailed, history.LambdaFunctionScheduleFailed, history.LambdaFunctionStartFailed, history.TaskFailed, history.TaskStartFailed,
		history.TaskSubmitFailed, history.ActivityFailed, history.ActivityScheduleFailed:
		at(c.meter.failed, 1)
	default: // cut short
		return
	}
	if !c.started.IsZero() {
		at(c.meter.run, millis(e.Time.Sub(c.started)))
	}
	at(c.meter.took, millis(e.Time.Sub(c.scheduled)))
}

// measures begins to follow a call.
func (r *resident) measures(e *history.Event, m *taskMeter) {
	if r.measured == nil {
		r.measured = map[int64]measuredCall{}
	}
	r.measured[e.ID] = measuredCall{meter: m, scheduled: e.Time}
}

// maxTaskMeters bounds how many meters a shard keeps at hand; the counters behind them are the same ones.
const maxTaskMeters = 1000

func (s *shard) taskMeter(kind taskKind, arn string) *taskMeter {
	key := kind.dimension + "\x00" + arn
	m := s.taskMeters[key]
	if m == nil {
		m = s.runner.newTaskMeter(kind, arn)
		if s.taskMeters == nil || len(s.taskMeters) >= maxTaskMeters {
			s.taskMeters = map[string]*taskMeter{}
		}
		s.taskMeters[key] = m
	}
	return m
}

// remeasured hands events on that an execution is folded from, and finds the calls among them that are under way.
func (s *shard) remeasured(r *resident, events iter.Seq2[history.Event, error]) iter.Seq2[history.Event, error] {
	if s.runner.metrics == nil {
		return events
	}
	return func(yield func(history.Event, error) bool) {
		for e, err := range events {
			if err == nil {
				s.measureCall(r, &e, false)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}
