package alarm

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/metrics"
)

// Value is the state that an alarm is in.
type Value string

// The states of alarms (user guide, "Metric alarm states").
const (
	OK           Value = "OK"                // the metric is within the threshold
	InAlarm      Value = "ALARM"             // the metric is outside the threshold
	Insufficient Value = "INSUFFICIENT_DATA" // the alarm is new, or there are not enough values
)

// Values lists the states.
func Values() []Value { return []Value{OK, InAlarm, Insufficient} }

// Alarm is an alarm with its state. It has either a Metric or a Rule.
type Alarm struct {
	Name                    string            `json:"name"`
	Description             string            `json:"description,omitempty"`
	ActionsEnabled          bool              `json:"actionsEnabled"`
	OKActions               []string          `json:"okActions,omitempty"`
	AlarmActions            []string          `json:"alarmActions,omitempty"`
	InsufficientDataActions []string          `json:"insufficientDataActions,omitempty"`
	Metric                  *Condition        `json:"metric,omitempty"`
	Rule                    string            `json:"rule,omitempty"`       // of a composite alarm
	Suppressor              *Suppressor       `json:"suppressor,omitempty"` // likewise, nil for none
	Tags                    map[string]string `json:"tags,omitempty"`
	// Deployed tells whether it belongs to a template.
	Deployed bool      `json:"deployed,omitempty"`
	Updated  time.Time `json:"updated"` // when its configuration was
	State    State     `json:"state"`

	rule expression // Rule, read
}

// Composite tells whether the alarm goes by other alarms.
func (a *Alarm) Composite() bool { return a.Metric == nil }

// State is what an alarm is in, and why.
type State struct {
	Value  Value  `json:"value"`
	Reason string `json:"reason"`
	// ReasonData says the same for programs, as JSON; "" for nothing.
	ReasonData string `json:"reasonData,omitempty"`
	// Updated is when it was last set, Transitioned when the value last changed.
	Updated      time.Time `json:"updated"`
	Transitioned time.Time `json:"transitioned"`
	// Suppressed tells how the actions of a composite alarm are kept from being performed; nil if they are not.
	Suppressed *suppression `json:"suppressed,omitempty"`
}

// Condition is what a metric alarm watches: the statistic of one metric, or an expression over several, compared with a threshold (API
// reference, PutMetricAlarm, whose members bear the same names).
type Condition struct {
	// Metric, Statistic, Period and Unit are those of an alarm on one metric, for which Metrics is empty.
	Metric    metrics.Metric `json:"metric"`
	Statistic string         `json:"statistic,omitempty"` // of either kind
	Period    time.Duration  `json:"period,omitempty"`
	Unit      metrics.Unit   `json:"unit,omitempty"`
	// Metrics are the queries of an alarm on an expression. One of them returns data.
	Metrics []metrics.Query `json:"metrics,omitempty"`

	EvaluationPeriods  int                `json:"evaluationPeriods"`
	DatapointsToAlarm  int                `json:"datapointsToAlarm,omitempty"` // 0 for as many as EvaluationPeriods
	Threshold          float64            `json:"threshold"`
	ComparisonOperator ComparisonOperator `json:"comparisonOperator"`
	TreatMissingData   TreatMissingData   `json:"treatMissingData,omitempty"` // "" is Missing
	// EvaluateLowSampleCountPercentile is "ignore" for percentiles of too few values to leave the state alone.
	EvaluateLowSampleCountPercentile string `json:"evaluateLowSampleCountPercentile,omitempty"`
}

// ComparisonOperator says how a value breaches a threshold.
type ComparisonOperator string

// operators is the table of the comparison operators, with the words that reasons have for them. Those of bands around a metric need anomaly
// detection, which is not here.
var operators = map[ComparisonOperator]struct {
	breaches func(v, threshold float64) bool
	words    string
}{
	"GreaterThanOrEqualToThreshold": {func(v, t float64) bool { return v >= t }, "greater than or equal to"},
	"GreaterThanThreshold":          {func(v, t float64) bool { return v > t }, "greater than"},
	"LessThanThreshold":             {func(v, t float64) bool { return v < t }, "less than"},
	"LessThanOrEqualToThreshold":    {func(v, t float64) bool { return v <= t }, "less than or equal to"},
}

// ComparisonOperators lists all of AWS's in the order of its model.
func ComparisonOperators() []string {
	return append([]string{"GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"}, bandOperators...)
}

var bandOperators = []string{"LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"}

// TreatMissingData says what a period without values counts as.
type TreatMissingData string

// The ways to treat missing data (user guide, "Configuring how CloudWatch alarms treat missing data").
const (
	Missing      TreatMissingData = "missing"      // nothing; with no values at all the state is INSUFFICIENT_DATA
	Ignore       TreatMissingData = "ignore"       // nothing, and the state stays
	Breaching    TreatMissingData = "breaching"    // outside the threshold
	NotBreaching TreatMissingData = "notBreaching" // within the threshold
)

// Invalid says which member of an alarm is wrong.
type Invalid struct {
	Member  string // as the API names it
	Message string
	// NotRunHere tells whether AWS would take the alarm.
	NotRunHere bool
}

func (e *Invalid) Error() string { return e.Message }

func invalid(member, format string, args ...any) error {
	return &Invalid{Member: member, Message: fmt.Sprintf(format, args...)}
}

// Limits of alarms (API reference, PutMetricAlarm; CloudWatch quotas).
const (
	MaxAlarms  = 5000
	MaxActions = 5
	maxName    = 255
	maxText    = 1024
	maxQueries = 10 // metrics of an expression
)

// Check refuses an alarm that cannot be. The error is an *Invalid.
func (a *Alarm) Check() error {
	switch {
	case a.Name == "":
		return invalid("AlarmName", "The alarm has no name.")
	case len(a.Name) > maxName:
		return invalid("AlarmName", "The name of an alarm must not be longer than %d characters.", maxName)
	case strings.ContainsFunc(a.Name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return invalid("AlarmName", "The name of an alarm must not hold control characters.")
	case len(a.Description) > maxText:
		return invalid("AlarmDescription", "The description must not be longer than %d characters.", maxText)
	}
	for member, actions := range map[string][]string{
		"OKActions": a.OKActions, "AlarmActions": a.AlarmActions, "InsufficientDataActions": a.InsufficientDataActions,
	} {
		if err := checkActions(member, actions); err != nil {
			return err
		}
	}
	if a.Composite() {
		rule, err := parseRule(a.Rule)
		if err != nil {
			return invalid("AlarmRule", "AlarmRule is not valid: %v", err)
		}
		a.rule = rule
		if a.Suppressor != nil {
			return a.Suppressor.check()
		}
		return nil
	}
	return a.Metric.check()
}

func checkActions(member string, actions []string) error {
	if len(actions) > MaxActions {
		return invalid(member, "There must not be more than %d actions.", MaxActions)
	}
	for _, action := range actions {
		if !strings.HasPrefix(action, "arn:") || len(action) > maxText {
			return invalid(member, "Invalid arn syntax: %s", action)
		}
	}
	return nil
}

func (c *Condition) check() error {
	if slices.Contains(bandOperators, string(c.ComparisonOperator)) {
		message := fmt.Sprintf("%s compares with a band of anomaly detection, which does not exist here; compare with a threshold.", c.ComparisonOperator)
		return &Invalid{"ComparisonOperator", message, true}
	}
	if _, ok := operators[c.ComparisonOperator]; !ok {
		return invalid("ComparisonOperator", "ComparisonOperator must be one of %s.", strings.Join(ComparisonOperators()[:len(operators)], ", "))
	}
	switch c.TreatMissingData {
	case "", Missing, Ignore, Breaching, NotBreaching:
	default:
		return invalid("TreatMissingData", "Option %s is not supported. Supported options for TreatMissingData are [breaching, notBreaching, ignore, missing].", c.TreatMissingData)
	}
	switch c.EvaluateLowSampleCountPercentile {
	case "", "evaluate", "ignore":
	default:
		return invalid("EvaluateLowSampleCountPercentile", "Option %s is not supported. Supported options for EvaluateLowSampleCountPercentile are [evaluate, ignore].", c.EvaluateLowSampleCountPercentile)
	}
	switch {
	case math.IsNaN(c.Threshold) || math.IsInf(c.Threshold, 0):
		return invalid("Threshold", "Threshold must be a finite number.")
	case c.EvaluationPeriods < 1:
		return invalid("EvaluationPeriods", "EvaluationPeriods must be at least 1.")
	case c.DatapointsToAlarm < 0 || c.DatapointsToAlarm > c.EvaluationPeriods:
		return invalid("DatapointsToAlarm", "DatapointsToAlarm must be at least 1 and at most EvaluationPeriods.")
	}
	if err := c.checkMetrics(); err != nil {
		return err
	}
	if len(c.Metrics) > 0 {
		c.Period = c.expressionPeriod()
	}
	return c.checkPeriod()
}

func (c *Condition) checkMetrics() error {
	if len(c.Metrics) == 0 {
		switch _, ok := metrics.ParseStatistic(c.Statistic); {
		case c.Metric.Name == "":
			return invalid("MetricName", "An alarm needs a MetricName, or Metrics, or an AlarmRule.")
		case c.Metric.Namespace == "":
			return invalid("Namespace", "Namespace is required with MetricName.")
		case c.Statistic == "":
			return invalid("Statistic", "Exactly one of Statistic and ExtendedStatistic is required with MetricName.")
		case !ok:
			return invalid("ExtendedStatistic", "The value %s for parameter ExtendedStatistic is not supported.", c.Statistic)
		}
		return nil
	}
	if err := metrics.Check(c.Metrics); err != nil {
		var wrong *metrics.QueryError
		return &Invalid{"Metrics", err.Error(), errors.As(err, &wrong) && wrong.NotRunHere}
	}
	returning, named := 0, 0
	for i := range c.Metrics {
		if c.Metrics[i].Return {
			returning++
		}
		if c.Metrics[i].Expression == "" {
			named++
		}
		if c.Metrics[i].Searches() {
			return invalid("Metrics", "Error in expression '%s': the function SEARCH cannot be used in an alarm, which watches one time series.", c.Metrics[i].ID)
		}
	}
	switch {
	case returning != 1:
		return invalid("Metrics", "Exactly one element of the metrics list should return data.")
	case named > maxQueries:
		return invalid("Metrics", "An alarm must not be based on more than %d metrics.", maxQueries)
	case named == 0:
		return invalid("Metrics", "At least one element of the metrics list should be a metric.")
	}
	return nil
}

// expressionPeriod is the period of the metrics, which is that of the expression. Different ones are 0, which no period is.
func (c *Condition) expressionPeriod() (period time.Duration) {
	for i := range c.Metrics {
		q := &c.Metrics[i]
		switch {
		case q.Expression != "":
		case period == 0:
			period = q.Period
		case period != q.Period:
			return 0
		}
	}
	return period
}

const (
	day  = 24 * time.Hour
	week = 7 * day
)

func (c *Condition) checkPeriod() error {
	window := time.Duration(c.EvaluationPeriods) * c.Period
	switch {
	case len(c.Metrics) > 0 && c.Period == 0:
		return invalid("Metrics", "All metrics of an alarm must have the same period.")
	case c.Period != 10*time.Second && c.Period != 20*time.Second && c.Period != 30*time.Second && (c.Period <= 0 || c.Period%time.Minute != 0):
		return invalid("Period", "Period must be 10, 20, 30 or a multiple of 60.")
	case c.EvaluationPeriods > int(week/time.Second):
		return invalid("EvaluationPeriods", "EvaluationPeriods is too large.")
	case c.Period < time.Hour && window > day:
		return invalid("EvaluationPeriods", "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).")
	case window > week:
		return invalid("EvaluationPeriods", "Metrics cannot be checked across more than seven days (EvaluationPeriods * Period must be <= 604800).")
	}
	return nil
}

// needed is how many breaching data points make an alarm.
func (c *Condition) needed() int {
	if c.DatapointsToAlarm == 0 {
		return c.EvaluationPeriods
	}
	return c.DatapointsToAlarm
}

// Queries are those that the alarm evaluates. An alarm on one metric asks for it as m1.
func (c *Condition) Queries() []metrics.Query {
	if len(c.Metrics) > 0 {
		return c.Metrics
	}
	return []metrics.Query{{ID: "m1", Metric: c.Metric, Stat: c.Statistic, Unit: c.Unit, Period: c.Period, Return: true}}
}

// Watches tells whether the alarm goes by the metric.
func (c *Condition) Watches(m *metrics.Metric) bool {
	queries := c.Queries()
	return slices.ContainsFunc(queries, func(q metrics.Query) bool { return q.Expression == "" && q.Metric.Equal(m) })
}
