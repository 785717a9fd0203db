package trigger

import (
	"strings"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/sfn"
)

// Step is what happens to a delivery.
type Step string

// The steps of deliveries.
const (
	Attempted  Step = "attempted"   // the target was called
	Repeated   Step = "repeated"    // it will be called again
	Delivered  Step = "delivered"   // the target has taken it
	GivenUp    Step = "given up"    // it will not be called again
	LetterSent Step = "letter sent" // what was given up is in the dead-letter queue
	LetterLost Step = "letter lost" // it could not be sent there
)

// The metrics of rules, by their places in their table.
const (
	metricMatched = iota
	metricTriggered
	metricCreated
	metricInvocations
	metricFailed
	metricAttempts
	metricSuccessful
	metricRetried
	metricLetters
	metricLettersLost
	metricStartLatency
	metricCompleteLatency
	metricSuccessLatency
)

// Metrics is the table of the metrics of rules. A rule of another bus than the default one has the bus as a dimension as well. Nobody is throttled here, and there are no
// partners.
func Metrics() measure.Table { return ruleMetrics }

const eventsNamespace, eventsSource = "AWS/Events", "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html"

var ruleMetrics = measure.Table{
	Namespace:  eventsNamespace,
	Source:     eventsSource,
	Dimensions: [][]string{{}, {"RuleName"}},
	Metrics: []measure.Metric{
		metricMatched:         {Name: "MatchedEvents", Unit: measure.Count},
		metricTriggered:       {Name: "TriggeredRules", Unit: measure.Count},
		metricCreated:         {Name: "InvocationsCreated", Unit: measure.Count},
		metricInvocations:     {Name: "Invocations", Unit: measure.Count},
		metricFailed:          {Name: "FailedInvocations", Unit: measure.Count},
		metricAttempts:        {Name: "InvocationAttempts", Unit: measure.Count},
		metricSuccessful:      {Name: "SuccessfulInvocationAttempts", Unit: measure.Count},
		metricRetried:         {Name: "RetryInvocationAttempts", Unit: measure.Count},
		metricLetters:         {Name: "InvocationsSentToDlq", Unit: measure.Count},
		metricLettersLost:     {Name: "InvocationsFailedToBeSentToDlq", Unit: measure.Count},
		metricStartLatency:    {Name: "IngestionToInvocationStartLatency", Unit: measure.Milliseconds},
		metricCompleteLatency: {Name: "IngestionToInvocationCompleteLatency", Unit: measure.Milliseconds},
		metricSuccessLatency:  {Name: "IngestionToInvocationSuccessLatency", Unit: measure.Milliseconds},
	},
}

// customDimensions are those of rules of other buses than the default one.
var customDimensions = [][]string{{}, {"EventBusName"}, {"EventBusName", "RuleName"}}

// The metrics of PutEvents, by their places in their table.
const (
	metricPutCalls = iota
	metricPutSucceeded
	metricPutFailed
	metricPutEntries
	metricPutFailedEntries
	metricPutLatency
	metricPutSize
)

// PutMetrics is the table of the metrics of PutEvents.
func PutMetrics() measure.Table { return putMetrics }

var putMetrics = measure.Table{
	Namespace:  eventsNamespace,
	Source:     eventsSource,
	Dimensions: [][]string{{}},
	Metrics: []measure.Metric{
		metricPutCalls:         {Name: "PutEventsApproximateCallCount", Unit: measure.Count},
		metricPutSucceeded:     {Name: "PutEventsApproximateSuccessCount", Unit: measure.Count},
		metricPutFailed:        {Name: "PutEventsApproximateFailedCount", Unit: measure.Count},
		metricPutEntries:       {Name: "PutEventsEntriesCount", Unit: measure.Count},
		metricPutFailedEntries: {Name: "PutEventsFailedEntriesCount", Unit: measure.Count},
		metricPutLatency:       {Name: "PutEventsLatency", Unit: measure.Milliseconds},
		metricPutSize:          {Name: "PutEventsRequestSize", Unit: measure.Bytes},
	},
}

// ruleMeters are the counters of rules by their ARNs, and those of PutEvents.
type ruleMeters struct {
	meter measure.Meter
	rules sync.Map // → measure.Counters
	put   measure.Counters
}

func newRuleMeters(m measure.Meter) *ruleMeters {
	return &ruleMeters{meter: m, put: putMetrics.Counters(m, nil)}
}

// of returns the counters of a rule.
func (m *ruleMeters) of(ruleARN string) measure.Counters {
	if m.meter == nil {
		return nil
	}
	if found, ok := m.rules.Load(ruleARN); ok {
		return found.(measure.Counters)
	}
	_, rule, _ := strings.Cut(ruleARN, ":rule/")
	table, dimensions := ruleMetrics, map[string]string{"RuleName": rule}
	if bus, name, custom := cutLast(rule, "/"); custom {
		table.Dimensions = customDimensions
		dimensions = map[string]string{"EventBusName": bus, "RuleName": name}
	}
	found, _ := m.rules.LoadOrStore(ruleARN, table.Counters(m.meter, dimensions))
	return found.(measure.Counters)
}

func cutLast(s, sep string) (before, after string, found bool) {
	at := strings.LastIndex(s, sep)
	if at < 0 {
		return "", s, false
	}
	return s[:at], s[at+len(sep):], true
}

// measured counts a step of a delivery for its rule. What is repeated counts when it is tried again.
func (e *Events) measured(d *Delivery, s Step) {
	arn := d.Letter["RULE_ARN"]
	if _, err := sfn.ParseARN(arn); err != nil {
		return
	}
	c, now := e.meters.of(arn), e.cfg.Clock.Now()
	latency := func(at time.Time) float64 {
		return max(0, float64(at.Sub(time.UnixMilli(d.Began)))/float64(time.Millisecond))
	}
	switch s {
	case Attempted:
		c.Add(metricAttempts, now, 1)
		if d.Tried > 0 {
			c.Add(metricRetried, now, 1)
			return
		}
		c.Add(metricStartLatency, now, latency(d.attempted))
		c.Add(metricCompleteLatency, now, latency(now))
	case Delivered:
		c.Add(metricInvocations, now, 1)
		c.Add(metricSuccessful, now, 1)
		c.Add(metricSuccessLatency, now, latency(now))
	case GivenUp:
		c.Add(metricInvocations, now, 1)
		c.Add(metricFailed, now, 1)
	case LetterSent:
		c.Add(metricLetters, now, 1)
	case LetterLost:
		c.Add(metricLettersLost, now, 1)
	}
}

// countPut counts a request of PutEvents.
func (e *Events) countPut(began time.Time, entries []EventEntry, results []EventResult, err error) {
	c, now := e.meters.put, e.cfg.Clock.Now()
	if c == nil {
		return
	}
	size, failed := 0, 0
	for i := range entries {
		size += entries[i].Size()
	}
	for i := range results {
		if results[i].ErrorCode != "" {
			failed++
		}
	}
	c.Add(metricPutCalls, now, 1)
	if err != nil {
		c.Add(metricPutFailed, now, 1)
		failed = len(entries)
	} else {
		c.Add(metricPutSucceeded, now, 1)
	}
	c.Add(metricPutEntries, now, float64(len(entries)))
	c.Add(metricPutFailedEntries, now, float64(failed))
	c.Add(metricPutLatency, now, float64(time.Since(began))/float64(time.Millisecond))
	c.Add(metricPutSize, now, float64(size))
}
