package lambda

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/measure"
)

// Metric is one of the metrics of functions: its place in their table.
type Metric int

// The metrics of functions.
const (
	Invocations Metric = iota
	Errors
	Throttles
	Duration
	AsyncEventsReceived
	AsyncEventAge // until each attempt at an event
	AsyncEventsDropped
	DeadLetterErrors
	DestinationDeliveryFailures
	RecursiveInvocationsDropped
	URLRequestCount
	URL4xxCount
	URL5xxCount
	URLRequestLatency
)

const (
	metricsNamespace = "AWS/Lambda"
	metricsSource    = "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"
)

// Metrics is the table of the metrics of functions. One that was invoked by a version or alias is counted for that as well, and for an alias together with the version that
// was run (developer guide, "Using CloudWatch metrics with Lambda"). There are no streams here, no provisioned concurrency and no extensions.
func Metrics() measure.Table { return functionMetrics }

var functionMetrics = measure.Table{
	Namespace:  metricsNamespace,
	Source:     metricsSource,
	Dimensions: [][]string{{}, {"FunctionName"}, {"FunctionName", "Resource"}, {"ExecutedVersion", "FunctionName", "Resource"}},
	Metrics: []measure.Metric{
		Invocations:                 {Name: "Invocations", Unit: measure.Count},
		Errors:                      {Name: "Errors", Unit: measure.Count},
		Throttles:                   {Name: "Throttles", Unit: measure.Count},
		Duration:                    {Name: "Duration", Unit: measure.Milliseconds},
		AsyncEventsReceived:         {Name: "AsyncEventsReceived", Unit: measure.Count},
		AsyncEventAge:               {Name: "AsyncEventAge", Unit: measure.Milliseconds},
		AsyncEventsDropped:          {Name: "AsyncEventsDropped", Unit: measure.Count},
		DeadLetterErrors:            {Name: "DeadLetterErrors", Unit: measure.Count},
		DestinationDeliveryFailures: {Name: "DestinationDeliveryFailures", Unit: measure.Count},
		RecursiveInvocationsDropped: {Name: "RecursiveInvocationsDropped", Unit: measure.Count},
		URLRequestCount:             {Name: "UrlRequestCount", Unit: measure.Count},
		URL4xxCount:                 {Name: "Url4xxCount", Unit: measure.Count},
		URL5xxCount:                 {Name: "Url5xxCount", Unit: measure.Count},
		URLRequestLatency:           {Name: "UrlRequestLatency", Unit: measure.Milliseconds},
	},
}

// The metrics of how much is under way at once, by their places in their table; of functions there is the first alone.
const (
	metricConcurrent = iota
	metricUnreserved
	metricClaimed
)

// ConcurrencyMetrics is the table of the metrics of the account.
func ConcurrencyMetrics() measure.Table { return accountMetrics }

var accountMetrics = measure.Table{
	Namespace:  metricsNamespace,
	Source:     metricsSource,
	Dimensions: [][]string{{}},
	Metrics: []measure.Metric{
		metricConcurrent: {Name: "ConcurrentExecutions", Unit: measure.Count},
		metricUnreserved: {Name: "UnreservedConcurrentExecutions", Unit: measure.Count},
		metricClaimed:    {Name: "ClaimedAccountConcurrency", Unit: measure.Count},
	},
}

var concurrentMetrics = measure.Table{
	Namespace: metricsNamespace, Source: metricsSource, Dimensions: [][]string{{"FunctionName"}}, Metrics: accountMetrics.Metrics[:metricConcurrent+1],
}

// Meter counts what becomes of functions' invocations. Its methods may be called by any goroutine and keep nobody waiting; nil counts nothing.
type Meter struct {
	meter      measure.Meter
	now        func() time.Time
	account    measure.Counters
	functions  sync.Map // Invoked → measure.Counters
	concurrent sync.Map // name of a function → measure.Counters
}

// Invoked is what was invoked: a function by its name, the version or alias by which the caller named it, "" for neither, and the version that was run, "" if none was.
type Invoked struct{ Function, Qualifier, Version string }

// NewMeter returns a meter that counts in m, by the clock now.
func NewMeter(m measure.Meter, now func() time.Time) *Meter {
	return &Meter{meter: m, now: now, account: accountMetrics.Counters(m, nil)}
}

// Count counts a value of a metric: a number of something or milliseconds.
func (m *Meter) Count(of Invoked, metric Metric, v float64) {
	if m != nil {
		m.of(of).Add(int(metric), m.now(), v)
	}
}

// of returns the counters of what was invoked.
func (m *Meter) of(i Invoked) measure.Counters {
	if found, ok := m.functions.Load(i); ok {
		return found.(measure.Counters)
	}
	dimensions := map[string]string{"FunctionName": i.Function, "Resource": i.Function}
	if i.Qualifier != "" {
		dimensions["Resource"] += ":" + i.Qualifier
	}
	if i.Version != "" && i.Version != i.Qualifier && i.Qualifier != "" { // by an alias
		dimensions["ExecutedVersion"] = i.Version
	}
	found, _ := m.functions.LoadOrStore(i, functionMetrics.Counters(m.meter, dimensions))
	return found.(measure.Counters)
}

// invoked is what an invocation names.
func (inv *invocation) invoked() Invoked {
	return Invoked{inv.version.Name, strings.TrimPrefix(strings.TrimPrefix(inv.arn, inv.version.ARN), ":"), inv.version.Version}
}

// measure counts an invocation that has been answered.
func (h *Host) measure(inv *invocation, result *Result, err error) {
	m := h.cfg.Meter
	if m == nil || errors.Is(err, ErrClosed) {
		return
	}
	c, now, failed := m.of(inv.invoked()), m.now(), 0.0
	if err != nil || result.FunctionError != "" {
		failed = 1
	}
	c.Add(int(Invocations), now, 1)
	c.Add(int(Errors), now, failed)
	c.Add(int(Throttles), now, 0)
	if err == nil {
		c.Add(int(Duration), now, float64(result.Report.Duration)/float64(time.Millisecond))
	}
}

// measureConcurrency counts how many invocations are under way, of a function and of all, as another one begins. h.mu is held.
func (h *Host) measureConcurrency(name string, busy int) {
	m := h.cfg.Meter
	if m == nil {
		return
	}
	all, unreserved, reserved := 0, 0, 0
	for _, fn := range h.functions {
		all += fn.busy
		if fn.reserved == nil {
			unreserved += fn.busy
		} else {
			reserved += *fn.reserved
		}
	}
	now := m.now()
	m.account.Add(metricConcurrent, now, float64(all))
	m.account.Add(metricUnreserved, now, float64(unreserved))
	m.account.Add(metricClaimed, now, float64(unreserved+reserved))
	found, ok := m.concurrent.Load(name)
	if !ok {
		found, _ = m.concurrent.LoadOrStore(name, concurrentMetrics.Counters(m.meter, map[string]string{"FunctionName": name}))
	}
	found.(measure.Counters).Add(metricConcurrent, now, float64(busy))
}
