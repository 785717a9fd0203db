// Package measuretest counts for tests.
package measuretest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/measure"
)

// Ledger is a meter that keeps the sums of what is counted, minute by minute. Its methods may be called by any goroutine.
type Ledger struct {
	mu   sync.Mutex
	from time.Time
	sums map[string]map[int]float64
}

// NewLedger returns a ledger whose minutes are counted from a time.
func NewLedger(from time.Time) *Ledger {
	return &Ledger{from: from, sums: map[string]map[int]float64{}}
}

// Counter implements [measure.Meter].
func (l *Ledger) Counter(namespace string, m measure.Metric, dimensions map[string]string) measure.Counter {
	return column{l, key(namespace, m.Name, dimensions)}
}

// column is one metric.
type column struct {
	*Ledger
	key string
}

func key(namespace, name string, dimensions map[string]string) string {
	var b strings.Builder
	b.WriteString(namespace + " " + name)
	for _, dimension := range slices.Sorted(maps.Keys(dimensions)) {
		fmt.Fprintf(&b, " %s=%s", dimension, dimensions[dimension])
	}
	return b.String()
}

// AddMany implements [measure.Counter].
func (c column) AddMany(at time.Time, v, times float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sums[c.key] == nil {
		c.sums[c.key] = map[int]float64{}
	}
	c.sums[c.key][int(at.Sub(c.from)/time.Minute)] += v * times
}

// Minutes shows the sums of a metric: "0:3 2:0" for three in the first minute and nothing in the third, "" if nobody has counted it. The metric is written
// as "NAMESPACE NAME DIMENSION=VALUE …", with the dimensions in their order.
func (l *Ledger) Minutes(metric string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var parts []string
	for _, minute := range slices.Sorted(maps.Keys(l.sums[metric])) {
		parts = append(parts, fmt.Sprintf("%d:%g", minute, l.sums[metric][minute]))
	}
	return strings.Join(parts, " ")
}

// Sum is the sum of a metric; counted tells whether anybody has counted it.
func (l *Ledger) Sum(metric string) (sum float64, counted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range l.sums[metric] {
		sum += v
	}
	return sum, l.sums[metric] != nil
}

// Metrics lists what was counted, in the way in which [Ledger.Minutes] is asked for it.
func (l *Ledger) Metrics() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.sums))
}
