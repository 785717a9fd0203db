package stack

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/sfn"
)

// logOptions have the events of log groups looked at for metrics.
func (s *Stack) logOptions() []logs.Option {
	return []logs.Option{logs.WithLogger(s.cfg.Log), logs.WithPut(s.measureEvents), logs.WithMeasures(s.takeMeasured)}
}

// measureEvents keeps the metrics that log events tell in the embedded metric format.
func (s *Stack) measureEvents(events []logs.Event) {
	for i := range events {
		if data := metrics.ParseEMF(events[i].Message, s.cfg.Clock.Now()); data != nil {
			s.metrics.Append(data...)
		}
	}
}

// takeMeasured keeps what metric filters have found.
func (s *Stack) takeMeasured(found []logs.Measured) {
	data := make([]metrics.Datum, 0, len(found))
	for _, m := range found {
		var dimensions []metrics.Dimension
		for name, text := range m.Dimensions {
			dimensions = append(dimensions, metrics.Dimension{Name: name, Value: text})
		}
		data = append(data, metrics.Datum{
			Metric: metrics.NewMetric(m.Namespace, m.Name, dimensions...), Unit: metrics.Unit(m.Unit), Time: m.Time, Values: metrics.Value(m.Value),
		})
	}
	s.metrics.Append(data...)
}

// serviceMeter keeps what services count.
type serviceMeter struct{ metrics *metrics.Service }

// Counter implements measure.Meter.
func (m serviceMeter) Counter(namespace string, metric measure.Metric, dimensions map[string]string) measure.Counter {
	list := make([]metrics.Dimension, 0, len(dimensions))
	for name, v := range dimensions {
		list = append(list, metrics.Dimension{Name: name, Value: v})
	}
	return m.metrics.Counter(metrics.NewMetric(namespace, metric.Name, list...), metrics.Unit(metric.Unit))
}

// deployMetricFilter has events of a log group counted (CloudFormation, AWS::Logs::MetricFilter).
func (s *Stack) deployMetricFilter(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("LogGroupName", "MetricTransformations")
	m := logs.MetricFilter{Name: r.Name, Pattern: p.String("FilterPattern"), Deployed: true}
	for _, b := range p.Blocks("MetricTransformations") {
		b.Need("MetricName", "MetricNamespace", "MetricValue")
		t := logs.MetricTransformation{Name: b.String("MetricName"), Namespace: b.String("MetricNamespace"), Value: b.String("MetricValue"), Unit: b.String("Unit")}
		if b.Has("DefaultValue") {
			v := b.Float("DefaultValue", 0)
			t.Default = &v
		}
		for _, d := range b.Blocks("Dimensions") {
			if t.Dimensions == nil {
				t.Dimensions = map[string]string{}
			}
			t.Dimensions[d.String("Key")] = d.String("Value")
		}
		m.Transformations = append(m.Transformations, t)
	}
	group := p.String("LogGroupName")
	if err := p.Err(); err != nil {
		return err
	}
	if name := sfn.LogGroupName(group); name != "" {
		group = name
	}
	if err := s.logs.EnsureGroup(group); err != nil { // that of a function is there once it logs
		return err
	}
	s.next.watching.filters = append(s.next.watching.filters, logs.GroupFilter{Group: group, MetricFilter: m})
	err := s.logs.PutMetricFilter(group, m)
	var refused *sfn.Exception
	if errors.As(err, &refused) {
		at := "MetricTransformations"
		if _, err := logs.ParseFilter(m.Pattern); err != nil {
			at = "FilterPattern"
		}
		p.Problem(at, p.Quote(refused.Message))
		return p.Err()
	}
	return err
}

// settleMetricFilters deletes the metric filters that have left the templates.
func (s *Stack) settleMetricFilters() error {
	list, err := s.logs.MetricFilters("")
	if err != nil {
		return fmt.Errorf("list the metric filters: %w", err)
	}
	for _, f := range list {
		kept := slices.ContainsFunc(s.next.watching.filters, func(o logs.GroupFilter) bool { return o.Group == f.Group && o.Name == f.Name })
		if f.Deployed && !kept {
			if err := s.logs.DeleteMetricFilter(f.Group, f.Name); err != nil {
				return err
			}
		}
	}
	return nil
}
