// Package measure is the vocabulary of what services count for Amazon CloudWatch.
//
// Each service has one [Table] of its metrics, with names, units and dimensions as AWS has them. It asks a [Meter] for the [Counters] of a thing of
// its own, such as a queue, keeps them at hand, and counts by the place of a metric in the table. Who keeps what is counted is not known here.
package measure

import "time"

// Unit is what a value counts, in CloudWatch's words (API reference, MetricDatum, "Unit").
type Unit string

// The units of services' metrics.
const (
	Count        Unit = "Count"
	Bytes        Unit = "Bytes"
	Seconds      Unit = "Seconds"
	Milliseconds Unit = "Milliseconds"
	None         Unit = "None"
)

// Table is all metrics of one service that are counted here.
type Table struct {
	Namespace string
	// Source is the page of AWS's documentation that lists them.
	Source string
	// Metrics are in an order that the service knows them by.
	Metrics []Metric
	// Dimensions are the sets of names under which each is counted; an empty one is for all things together.
	Dimensions [][]string
}

// Metric is one metric of a service.
type Metric struct {
	Name string
	Unit Unit
}

// Counter counts one metric with certain dimensions.
type Counter interface {
	// AddMany counts a value so many times, at a time. It keeps nobody waiting.
	AddMany(at time.Time, v, times float64)
}

// Meter hands out counters.
type Meter interface {
	// Counter returns the counter of a metric with these dimensions, always the same one.
	Counter(namespace string, m Metric, dimensions map[string]string) Counter
}

// Counters are those of one thing, a list for each metric of the table: one counter for each set of dimensions that the thing has. Nil counts nothing.
type Counters [][]Counter

// Counters asks for those of a thing with these dimensions. Sets that it lacks a dimension of are left out. A nil meter has none.
func (t *Table) Counters(m Meter, of map[string]string) Counters {
	if m == nil {
		return nil
	}
	sets := t.having(of)
	all := make(Counters, len(t.Metrics))
	for i, metric := range t.Metrics {
		for _, dimensions := range sets {
			all[i] = append(all[i], m.Counter(t.Namespace, metric, dimensions))
		}
	}
	return all
}

// having are the sets of dimensions with the values of a thing.
func (t *Table) having(of map[string]string) []map[string]string {
	var sets []map[string]string
next:
	for _, names := range t.Dimensions {
		set := map[string]string{}
		for _, name := range names {
			v, ok := of[name]
			if !ok {
				continue next
			}
			set[name] = v
		}
		sets = append(sets, set)
	}
	return sets
}

// Add counts a value of the metric at a place in the table.
func (c Counters) Add(metric int, at time.Time, v float64) { c.AddMany(metric, at, v, 1) }

// AddMany counts a value so many times.
func (c Counters) AddMany(metric int, at time.Time, v, times float64) {
	if c == nil {
		return
	}
	for _, counter := range c[metric] {
		counter.AddMany(at, v, times)
	}
}
