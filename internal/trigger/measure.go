package trigger

import (
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/sfn"
)

// Metrics counts events and deliveries. *metrics.Service does, in memory; it must not keep callers waiting.
type Metrics interface {
	// Counter returns the counter of a metric.
	Counter(m metrics.Metric, unit metrics.Unit) *metrics.Counter
}

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

// ruleSteps are the metrics of a rule that a step counts in (user guide, "Monitoring Amazon EventBridge").
var ruleSteps = map[Step][]string{
	Repeated:   {"RetryInvocationAttempts"},
	Delivered:  {"Invocations"},
	GivenUp:    {"Invocations", "FailedInvocations"},
	LetterSent: {"InvocationsSentToDlq"},
	LetterLost: {"InvocationsFailedToBeSentToDlq"},
}

// count counts something of a rule, which is known by its ARN, and of all rules.
func (e *Events) count(ruleARN string, names ...string) {
	if e.cfg.Metrics == nil || len(names) == 0 {
		return
	}
	_, rule, _ := strings.Cut(ruleARN, ":rule/")
	dimensions := []metrics.Dimension{{Name: "RuleName", Value: rule}}
	if bus, name, custom := cutLast(rule, "/"); custom {
		dimensions = []metrics.Dimension{{Name: "EventBusName", Value: bus}, {Name: "RuleName", Value: name}}
	}
	CountIn(e.cfg.Metrics, e.cfg.Clock.Now(), "AWS/Events", dimensions, names...)
}

func cutLast(s, sep string) (before, after string, found bool) {
	at := strings.LastIndex(s, sep)
	if at < 0 {
		return "", s, false
	}
	return s[:at], s[at+len(sep):], true
}

// CountIn counts one in each of the metrics of the names, with the dimensions and without any.
func CountIn(m Metrics, at time.Time, namespace string, dimensions []metrics.Dimension, names ...string) {
	for _, name := range names {
		m.Counter(metrics.NewMetric(namespace, name, dimensions...), "Count").Add(at, 1)
		m.Counter(metrics.NewMetric(namespace, name), "Count").Add(at, 1)
	}
}

// measured counts a step of a delivery for its rule.
func (e *Events) measured(d *Delivery, s Step) {
	if arn := d.Letter["RULE_ARN"]; arn != "" {
		if _, err := sfn.ParseARN(arn); err == nil {
			e.count(arn, ruleSteps[s]...)
		}
	}
}
