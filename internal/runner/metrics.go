package runner

import (
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// statesNamespace is where Step Functions counts.
const (
	statesNamespace = "AWS/States"
	statesSource    = "https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html"
)

// The metrics of executions, by their places in their table.
const (
	metricStarted = iota
	metricSucceeded
	metricFailed
	metricAborted
	metricTimedOut
	metricTime
	metricRedriven
	metricRedrivenSucceeded
	metricRedrivenFailed
	metricRedrivenAborted
	metricRedrivenTimedOut
	metricBilled
)

// redrivenTo is how far behind the metric of an end that of a redriven execution's end stands.
const redrivenTo = metricRedrivenSucceeded - metricSucceeded

// Metrics are the tables of the metrics of executions, of what their tasks call, and of the account. Executions are not throttled here, and use no memory that is billed.
func Metrics() []measure.Table {
	return []measure.Table{executionMetrics, functionTasks, activityTasks, integrationTasks, serviceMetrics}
}

var executionMetrics = measure.Table{
	Namespace:  statesNamespace,
	Source:     statesSource,
	Dimensions: [][]string{{}, {"StateMachineArn"}, {"StateMachineArn", "Version"}, {"Alias", "StateMachineArn"}},
	Metrics: []measure.Metric{
		metricStarted:           {Name: "ExecutionsStarted", Unit: measure.Count},
		metricSucceeded:         {Name: "ExecutionsSucceeded", Unit: measure.Count},
		metricFailed:            {Name: "ExecutionsFailed", Unit: measure.Count},
		metricAborted:           {Name: "ExecutionsAborted", Unit: measure.Count},
		metricTimedOut:          {Name: "ExecutionsTimedOut", Unit: measure.Count},
		metricTime:              {Name: "ExecutionTime", Unit: measure.Milliseconds},
		metricRedriven:          {Name: "ExecutionsRedriven", Unit: measure.Count},
		metricRedrivenSucceeded: {Name: "RedrivenExecutionsSucceeded", Unit: measure.Count},
		metricRedrivenFailed:    {Name: "RedrivenExecutionsFailed", Unit: measure.Count},
		metricRedrivenAborted:   {Name: "RedrivenExecutionsAborted", Unit: measure.Count},
		metricRedrivenTimedOut:  {Name: "RedrivenExecutionsTimedOut", Unit: measure.Count},
		metricBilled:            {Name: "ExpressExecutionBilledDuration", Unit: measure.Milliseconds},
	},
}

// endingMetrics are the metrics of the ends of executions.
var endingMetrics = map[history.Type]int{
	history.ExecutionSucceeded: metricSucceeded,
	history.ExecutionFailed:    metricFailed,
	history.ExecutionAborted:   metricAborted,
	history.ExecutionTimedOut:  metricTimedOut,
}

// The metrics of what tasks call, by their places in each of their tables.
const (
	metricTaskScheduled = iota
	metricTaskStarted
	metricTaskSucceeded
	metricTaskFailed
	metricTaskTimedOut
	metricTaskRunTime      // since it was started
	metricTaskScheduleTime // until it was
	metricTaskTime         // both
	metricTaskHeartbeat    // activities
)

// taskTable is the table of one kind of what tasks call.
func taskTable(many, one string, dimensions [][]string, more ...measure.Metric) measure.Table {
	return measure.Table{Namespace: statesNamespace, Source: statesSource, Dimensions: dimensions, Metrics: append([]measure.Metric{
		metricTaskScheduled:    {Name: many + "Scheduled", Unit: measure.Count},
		metricTaskStarted:      {Name: many + "Started", Unit: measure.Count},
		metricTaskSucceeded:    {Name: many + "Succeeded", Unit: measure.Count},
		metricTaskFailed:       {Name: many + "Failed", Unit: measure.Count},
		metricTaskTimedOut:     {Name: many + "TimedOut", Unit: measure.Count},
		metricTaskRunTime:      {Name: one + "RunTime", Unit: measure.Milliseconds},
		metricTaskScheduleTime: {Name: one + "ScheduleTime", Unit: measure.Milliseconds},
		metricTaskTime:         {Name: one + "Time", Unit: measure.Milliseconds},
	}, more...)}
}

var (
	functionTasks    = taskTable("LambdaFunctions", "LambdaFunction", [][]string{{"LambdaFunctionArn"}})
	activityTasks    = taskTable("Activities", "Activity", [][]string{{}, {"ActivityArn"}}, measure.Metric{Name: "ActivitiesHeartbeatTimedOut", Unit: measure.Count})
	integrationTasks = taskTable("ServiceIntegrations", "ServiceIntegration", [][]string{{"ServiceIntegrationResourceArn"}})
)

// serviceMetrics counts the states that are entered.
var serviceMetrics = measure.Table{
	Namespace: statesNamespace, Source: statesSource, Dimensions: [][]string{{"ServiceMetric"}},
	Metrics: []measure.Metric{{Name: "ConsumedCapacity", Unit: measure.Count}},
}

// machineMeter counts the executions of a machine.
type machineMeter struct {
	runner *Runner
	arn    string
	plain  measure.Counters // of those that were started by neither a version nor an alias
	named  sync.Map         // of others → measure.Counters, by the ARNs of both
}

func (r *Runner) newMachineMeter(arn string) *machineMeter {
	return &machineMeter{runner: r, arn: arn, plain: executionMetrics.Counters(r.meter, map[string]string{"StateMachineArn": arn})}
}

// of returns the counters of an execution.
func (m *machineMeter) of(e *store.Execution) measure.Counters {
	if e.VersionARN == "" && e.AliasARN == "" {
		return m.plain
	}
	key := [2]string{e.VersionARN, e.AliasARN}
	if found, ok := m.named.Load(key); ok {
		return found.(measure.Counters)
	}
	dimensions := map[string]string{"StateMachineArn": m.arn}
	for name, arn := range map[string]string{"Version": e.VersionARN, "Alias": e.AliasARN} {
		if arn != "" {
			dimensions[name] = arn[strings.LastIndexByte(arn, ':')+1:]
		}
	}
	found, _ := m.named.LoadOrStore(key, executionMetrics.Counters(m.runner.meter, dimensions))
	return found.(measure.Counters)
}

// measuredCall is a call under way. It is found by the last event about it.
type measuredCall struct {
	meter              measure.Counters
	scheduled, started time.Time
}

// measure counts what the round has decided, which is on disk.
func (s *shard) measure() {
	if s.runner.meter == nil {
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
		s.transitions().AddMany(0, s.runner.now(), 1, float64(entered))
	}
}

// transitions counts the states that were entered in the account.
func (s *shard) transitions() measure.Counters {
	if s.entered == nil {
		s.entered = serviceMetrics.Counters(s.runner.meter, map[string]string{"ServiceMetric": "StateTransition"})
	}
	return s.entered
}

// measureExecution counts starts and ends. The children of distributed Maps count as work of their parents alone. An end is one of its kind and none of the others, nor
// a start: "the SampleCount statistic shows ExecutionStarted=1 and then ExecutionStarted=0 after the execution completes" (developer guide).
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
	c := m.of(&r.record)
	switch {
	case started:
		c.Add(metricStarted, e.Time, 1)
	case redriven:
		c.Add(metricRedriven, e.Time, 1)
	default:
		c.Add(metricStarted, e.Time, 0)
		s.measureEnd(r, e, c)
	}
}

// measureEnd counts an end.
func (s *shard) measureEnd(r *resident, e *history.Event, c measure.Counters) {
	for kind, metric := range endingMetrics {
		is := 0.0
		if e.Type == kind {
			is = 1
		}
		c.Add(metric, e.Time, is)
		if r.record.RedriveCount > 0 {
			c.Add(metric+redrivenTo, e.Time, is)
		}
	}
	took := e.Time.Sub(r.record.StartDate)
	c.Add(metricTime, e.Time, millis(took))
	if r.express {
		c.Add(metricBilled, e.Time, float64(sfn.BilledMillis(took)))
	}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measureCall follows a call from event to event, and counts what comes of it if it is to: what is folded has been counted before.
func (s *shard) measureCall(r *resident, e *history.Event, counts bool) {
	var c measuredCall
	at := func(metric int, v float64) {
		if counts {
			c.meter.Add(metric, e.Time, v)
		}
	}
	switch d := e.Details.(type) {
	case *history.LambdaFunctionScheduledDetails:
		r.measures(e, s.taskMeter(&functionTasks, d.Resource))
	case *history.ActivityScheduledDetails:
		r.measures(e, s.taskMeter(&activityTasks, d.Resource))
	case *history.TaskScheduledDetails:
		r.measures(e, s.taskMeter(&integrationTasks, "arn:aws:states:::"+d.ResourceType+":"+d.Resource))
	}
	var known bool
	if c, known = r.measured[e.ID]; known {
		at(metricTaskScheduled, 1)
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
		at(metricTaskStarted, 1)
		at(metricTaskScheduleTime, millis(e.Time.Sub(c.scheduled)))
		return
	case history.TaskSubmitted:
		r.measured[e.ID] = c
		return
	case history.LambdaFunctionSucceeded, history.TaskSucceeded, history.ActivitySucceeded:
		at(metricTaskSucceeded, 1)
	case history.LambdaFunctionTimedOut, history.TaskTimedOut, history.ActivityTimedOut:
		at(timeoutMetric(e), 1)
	case history.LambdaFunctionFailed, history.LambdaFunctionScheduleFailed, history.LambdaFunctionStartFailed, history.TaskFailed, history.TaskStartFailed,
		history.TaskSubmitFailed, history.ActivityFailed, history.ActivityScheduleFailed:
		at(metricTaskFailed, 1)
	default: // cut short
		return
	}
	if !c.started.IsZero() {
		at(metricTaskRunTime, millis(e.Time.Sub(c.started)))
	}
	at(metricTaskTime, millis(e.Time.Sub(c.scheduled)))
}

// measures begins to follow a call.
func (r *resident) measures(e *history.Event, m measure.Counters) {
	if r.measured == nil {
		r.measured = map[int64]measuredCall{}
	}
	r.measured[e.ID] = measuredCall{meter: m, scheduled: e.Time}
}

// maxTaskMeters bounds how many meters a shard keeps at hand; the counters behind them are the same ones.
const maxTaskMeters = 1000

func (s *shard) taskMeter(table *measure.Table, arn string) measure.Counters {
	dimensions := table.Dimensions[len(table.Dimensions)-1]
	key := dimensions[0] + "\x00" + arn
	m := s.taskMeters[key]
	if m == nil {
		m = table.Counters(s.runner.meter, map[string]string{dimensions[0]: arn})
		if s.taskMeters == nil || len(s.taskMeters) >= maxTaskMeters {
			s.taskMeters = map[string]measure.Counters{}
		}
		s.taskMeters[key] = m
	}
	return m
}

// timeoutMetric is the metric of a call that has timed out: a heartbeat of an activity has its own.
func timeoutMetric(e *history.Event) int {
	if d, ok := e.Details.(*history.FailedDetails); ok && e.Type == history.ActivityTimedOut && d.Error.Text == string(sfn.ErrorHeartbeatTimeout) {
		return metricTaskHeartbeat
	}
	return metricTaskTimedOut
}

// remeasured hands events on that an execution is folded from, and finds the calls among them that are under way.
func (s *shard) remeasured(r *resident, events iter.Seq2[history.Event, error]) iter.Seq2[history.Event, error] {
	if s.runner.meter == nil {
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
