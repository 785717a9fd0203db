package metrics

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Metric names what is measured. Dimensions are in the order of their names once they went through [NewMetric].
type Metric struct {
	Namespace  string
	Name       string
	Dimensions []Dimension
}

// Dimension is a name with a value that belongs to a metric's identity.
type Dimension struct {
	Name  string
	Value string
}

// NewMetric is the metric with its dimensions in order. The slice is its own.
func NewMetric(namespace, name string, dimensions ...Dimension) Metric {
	d := slices.Clone(dimensions)
	slices.SortFunc(d, func(a, b Dimension) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
	})
	return Metric{namespace, name, d}
}

// key tells metrics and their units apart. Its parts hold no zero, which [Metric.valid] sees to.
func (m *Metric) key(unit Unit) string {
	var b strings.Builder
	b.WriteString(m.Namespace)
	b.WriteByte(0)
	b.WriteString(m.Name)
	for _, d := range m.Dimensions {
		b.WriteByte(0)
		b.WriteString(d.Name)
		b.WriteByte(0)
		b.WriteString(d.Value)
	}
	b.WriteString("\x00\x00")
	b.WriteString(string(unit))
	return b.String()
}

// parseKey is the metric and unit of a key.
func parseKey(key string) (m Metric, unit Unit, ok bool) {
	at := strings.LastIndex(key, "\x00\x00")
	if at < 0 {
		return m, "", false
	}
	unit = Unit(key[at+2:])
	parts := strings.Split(key[:at], "\x00")
	if len(parts) < 2 || len(parts)%2 != 0 {
		return m, "", false
	}
	m.Namespace, m.Name = parts[0], parts[1]
	for i := 2; i < len(parts); i += 2 {
		m.Dimensions = append(m.Dimensions, Dimension{parts[i], parts[i+1]})
	}
	return m, unit, true
}

// valid tells whether the metric can be kept: every part is there and none holds a zero byte.
func (m *Metric) valid() bool {
	good := func(s string) bool { return s != "" && strings.IndexByte(s, 0) < 0 }
	if !good(m.Namespace) || !good(m.Name) || len(m.Dimensions) > MaxDimensions {
		return false
	}
	return !slices.ContainsFunc(m.Dimensions, func(d Dimension) bool { return !good(d.Name) || !good(d.Value) })
}

// Equal tells whether both are the same metric.
func (m *Metric) Equal(o *Metric) bool {
	return m.Namespace == o.Namespace && m.Name == o.Name && slices.Equal(m.Dimensions, o.Dimensions)
}

// MaxDimensions is how many dimensions a metric may have (API reference, MetricDatum).
const MaxDimensions = 30

// Unit is what a value counts (API reference, MetricDatum, "Unit").
type Unit string

// None is the unit of values without one.
const None Unit = "None"

// Units lists all units in the order in which the API's model has them.
func Units() []Unit {
	return []Unit{
		"Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits", "Megabits",
		"Gigabits", "Terabits", "Percent", "Count", "Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second",
		"Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second", "Count/Second", None,
	}
}

// Datum is what was measured of a metric at one time.
type Datum struct {
	Metric Metric
	Unit   Unit // "" is None
	Time   time.Time
	// HighResolution keeps the datum by the second, for three hours.
	HighResolution bool
	Values         Aggregate
}
