package stack

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/metrics/alarm"
	"github.com/tutti-run/tutti/internal/metrics/dashboard"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/sns"
	"github.com/tutti-run/tutti/internal/trigger"
)

// openMetrics keeps metrics in the data folder, once there are any.
func (s *Stack) openMetrics() error {
	s.metrics = metrics.New(s.folder("metrics"), metrics.WithLogger(s.cfg.Log), metrics.WithClock(s.cfg.Clock.Now), metrics.OnFailure(s.cfg.OnFailure))
	s.functionMeter = lambda.NewMeter(serviceMeter{s.metrics}, s.cfg.Clock.Now)
	return nil
}

// openAlarms reads the alarms and dashboards from the journal. What they tell goes to the events, which are open.
func (s *Stack) openAlarms() (err error) {
	j := metricsJournal{s}
	s.dashboards = dashboard.New(j, s.cfg.Clock, s.cfg.Place)
	s.alarms, err = alarm.New(alarm.Config{
		Journal: j, Metrics: s.metrics, Place: s.cfg.Place, Performers: s.alarmPerformers(), Clock: s.cfg.Clock, Log: s.cfg.Log,
	})
	return err
}

// Metrics keeps the metrics of the stack.
func (s *Stack) Metrics() *metrics.Service { return s.metrics }

// Alarms keeps and evaluates the stack's alarms.
func (s *Stack) Alarms() *alarm.Alarms { return s.alarms }

// Dashboards keeps the stack's dashboards.
func (s *Stack) Dashboards() *dashboard.Dashboards { return s.dashboards }

// alarmPerformers is the table of the kinds of actions that alarms may have, by the service in their ARNs.
func (s *Stack) alarmPerformers() map[string]alarm.Performer {
	return map[string]alarm.Performer{
		"lambda": functionAction{s}, // invokes a function
		"sns":    topicAction{s},    // publishes to a topic
	}
}

// functionAction invokes functions asynchronously, as CloudWatch does.
type functionAction struct{ s *Stack }

// Perform implements alarm.Performer.
func (f functionAction) Perform(ctx context.Context, action string, n *alarm.Notification) error {
	err := f.s.plane.Enqueue(ctx, lambda.Invocation{Function: action, Payload: []byte(n.LambdaEvent())})
	var refused *lambda.Error
	if errors.As(err, &refused) {
		return &alarm.Permanent{Err: err}
	}
	return err
}

// topicAction publishes to topics.
type topicAction struct{ s *Stack }

// Perform implements alarm.Performer.
func (t topicAction) Perform(_ context.Context, action string, n *alarm.Notification) error {
	subject, message := n.SNSMessage()
	_, err := t.s.topics.Publish(action, sns.Message{Subject: subject, Body: message})
	var refused *sfn.Exception
	if errors.As(err, &refused) {
		return &alarm.Permanent{Err: err}
	}
	return err
}

// metricsJournal keeps alarms and dashboards in the journal, with what their events owe in the same batch.
type metricsJournal struct{ s *Stack }

// Documents implements alarm.Journal.
func (j metricsJournal) Documents(collection, prefix string) iter.Seq2[metrics.Document, error] {
	return documentsFrom[metrics.Document](j.s.store, collection, prefix)
}

// Change implements dashboard.Journal.
func (j metricsJournal) Change(changes []metrics.Change) error { return j.Write(changes, nil) }

// Write implements alarm.Journal.
func (j metricsJournal) Write(changes []metrics.Change, events []alarm.Event) error {
	b := j.s.store.NewBatch()
	defer b.Reset()
	if err := putChanges(b, changes); err != nil {
		return err
	}
	var owed []func()
	for _, e := range events {
		done, err := j.s.events.PutIn(b, trigger.EventEntry{Time: e.Time, Source: e.Source, DetailType: e.DetailType, Resources: e.Resources, Detail: e.Detail})
		if err != nil {
			return err
		}
		owed = append(owed, done)
	}
	if err := j.s.store.Commit(b); err != nil {
		return err
	}
	for _, done := range owed {
		done()
	}
	return nil
}

// watching is what a deployment has of alarms and dashboards.
type watching struct {
	alarms     []string // names
	dashboards []string
	filters    []logs.GroupFilter // their groups and names
	composites []compositeAlarm   // to be put behind all others
}

// compositeAlarm is one that waits for those that it refers to.
type compositeAlarm struct {
	resource   *cfn.Resource
	properties *cfn.Block
	alarm      alarm.Alarm
}

// deployAlarm puts an alarm on a metric or an expression.
func (s *Stack) deployAlarm(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	n := alarmOf(r, p)
	n.Metric = conditionOf(p)
	s.next.watching.alarms = append(s.next.watching.alarms, n.Name)
	if err := p.Err(); err != nil {
		return err
	}
	return s.putAlarm(r, p, n)
}

// deployCompositeAlarm notes an alarm that goes by others, which may come later.
func (s *Stack) deployCompositeAlarm(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	n := alarmOf(r, p)
	n.Rule = p.String("AlarmRule")
	p.Need("AlarmRule")
	s.next.watching.alarms = append(s.next.watching.alarms, n.Name)
	if p.Has("ActionsSuppressor") {
		p.Need("ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")
		n.Suppressor = &alarm.Suppressor{
			Name: alarm.SuppressorName(p.String("ActionsSuppressor")), Wait: seconds(p, "ActionsSuppressorWaitPeriod"), Extension: seconds(p, "ActionsSuppressorExtensionPeriod"),
		}
	}
	s.next.watching.composites = append(s.next.watching.composites, compositeAlarm{r, p, n})
	return p.Err()
}

// alarmOf reads the properties that both kinds of alarms have.
func alarmOf(r *cfn.Resource, p *cfn.Block) alarm.Alarm {
	return alarm.Alarm{
		Name: r.Name, Description: p.String("AlarmDescription"), ActionsEnabled: p.Bool("ActionsEnabled", true), OKActions: p.Strings("OKActions"),
		AlarmActions: p.Strings("AlarmActions"), InsufficientDataActions: p.Strings("InsufficientDataActions"), Tags: resourceTags(p), Deployed: true,
	}
}

// conditionOf reads what a metric alarm watches (CloudFormation, AWS::CloudWatch::Alarm).
func conditionOf(p *cfn.Block) *alarm.Condition {
	p.Need("ComparisonOperator", "EvaluationPeriods")
	c := &alarm.Condition{
		EvaluationPeriods: int(p.Int("EvaluationPeriods", 0)), DatapointsToAlarm: int(p.Int("DatapointsToAlarm", 0)), Threshold: p.Float("Threshold", 0),
		ComparisonOperator: alarm.ComparisonOperator(p.String("ComparisonOperator")), TreatMissingData: alarm.TreatMissingData(p.String("TreatMissingData")),
		EvaluateLowSampleCountPercentile: p.String("EvaluateLowSampleCountPercentile"),
	}
	if !p.Has("Threshold") && !p.Has("ThresholdMetricId") {
		p.Need("Threshold")
	}
	if p.Has("Metrics") {
		for _, b := range p.Blocks("Metrics") {
			c.Metrics = append(c.Metrics, queryOf(b))
		}
		return c
	}
	p.Need("MetricName", "Namespace", "Period")
	c.Metric = metrics.NewMetric(p.String("Namespace"), p.String("MetricName"), dimensionsOf(p)...)
	c.Statistic, c.Period, c.Unit = p.String("Statistic")+p.String("ExtendedStatistic"), seconds(p, "Period"), metrics.Unit(p.String("Unit"))
	return c
}

func seconds(p *cfn.Block, name string) time.Duration {
	return time.Duration(p.Int(name, 0)) * time.Second
}

func dimensionsOf(p *cfn.Block) []metrics.Dimension {
	var list []metrics.Dimension
	for _, d := range p.Blocks("Dimensions") {
		list = append(list, metrics.Dimension{Name: d.String("Name"), Value: d.String("Value")})
	}
	return list
}

func queryOf(b *cfn.Block) metrics.Query {
	b.Need("Id")
	q := metrics.Query{
		ID: b.String("Id"), Label: b.String("Label"), Return: b.Bool("ReturnData", true), Expression: b.String("Expression"), Period: seconds(b, "Period"),
	}
	if q.Expression == "" {
		b.Need("MetricStat")
		stat := b.Block("MetricStat")
		metric := stat.Block("Metric")
		q.Metric = metrics.NewMetric(metric.String("Namespace"), metric.String("MetricName"), dimensionsOf(metric)...)
		q.Stat, q.Unit, q.Period = stat.String("Stat"), metrics.Unit(stat.String("Unit")), seconds(stat, "Period")
	}
	return q
}

// putAlarm puts an alarm. What is wrong with it is told at its place in the template; what only AWS has does not keep the others from running.
func (s *Stack) putAlarm(r *cfn.Resource, p *cfn.Block, n alarm.Alarm) error {
	err := s.alarms.Put(n)
	var wrong *alarm.Invalid
	switch {
	case errors.As(err, &wrong) && wrong.NotRunHere:
		s.tell(Event{Kind: NotRunHere, Name: r.LogicalID, Detail: fmt.Sprintf("%s (%s), %s: %s", r.LogicalID, r.Type, wrong.Member, wrong.Message)})
		return nil
	case errors.As(err, &wrong):
		at := wrong.Member
		if !p.Has(at) {
			at = ""
		}
		p.Problem(at, p.Quote(wrong.Message))
		return p.Err()
	case err != nil:
		return err
	}
	performers := s.alarmPerformers()
	for _, action := range slices.Concat(n.AlarmActions, n.OKActions, n.InsufficientDataActions) {
		if arn, err := sfn.ParseARN(action); err == nil && performers[arn.Service] == nil {
			s.tell(Event{Kind: NotRunHere, Name: r.Name, Detail: fmt.Sprintf("the action %s of alarm %s: %v", action, r.Name, &alarm.NotRunHere{Service: arn.Service})})
		}
	}
	return nil
}

// deployDashboard keeps a dashboard.
func (s *Stack) deployDashboard(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("DashboardBody")
	body := p.String("DashboardBody")
	if err := p.Err(); err != nil {
		return err
	}
	s.next.watching.dashboards = append(s.next.watching.dashboards, r.Name)
	_, err := s.dashboards.Put(dashboard.Dashboard{Name: r.Name, Body: body, Deployed: true})
	var refused *sfn.Exception
	if errors.As(err, &refused) {
		p.Problem("DashboardBody", p.Quote(refused.Message))
		return p.Err()
	}
	return err
}

// settleWatching puts the composite alarms, each behind those that it refers to, and deletes the alarms and dashboards that have left the
// templates.
func (s *Stack) settleWatching() error {
	waiting := s.next.watching.composites
	for len(waiting) > 0 {
		var left []compositeAlarm
		var failed error
		for _, c := range waiting {
			if err := s.putAlarm(c.resource, c.properties, c.alarm); err != nil {
				c.properties = c.resource.Read() // without the problem
				left, failed = append(left, c), errors.Join(failed, faultOf(c.resource, err))
			}
		}
		if len(left) == len(waiting) {
			return failed
		}
		waiting = left
	}
	for _, a := range s.alarms.List() {
		if a.Deployed && !slices.Contains(s.next.watching.alarms, a.Name) {
			if err := s.alarms.Delete(a.Name); err != nil {
				return err
			}
		}
	}
	if err := s.settleMetricFilters(); err != nil {
		return err
	}
	list, err := s.dashboards.List("")
	for _, d := range list {
		if d.Deployed && !slices.Contains(s.next.watching.dashboards, d.Name) {
			err = errors.Join(err, s.dashboards.Delete(d.Name))
		}
	}
	return err
}
