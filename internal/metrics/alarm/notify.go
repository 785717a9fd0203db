package alarm

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/sfn"
)

// Event is what EventBridge hears on the default bus.
type Event struct {
	Time       time.Time
	Source     string
	DetailType string
	Resources  []string
	Detail     string // JSON
}

// Notification is a change of an alarm's state, as actions hear of it.
type Notification struct {
	Alarm  Alarm     `json:"alarm"` // as it is now
	Before State     `json:"before"`
	ARN    string    `json:"arn"`
	Place  sfn.Place `json:"place"`
}

func (a *Alarms) notification(n *Alarm, before State) *Notification {
	return &Notification{*n, before, a.ARN(n.Name), a.cfg.Place}
}

// shownState is a state as events have it.
type shownState struct {
	Value      Value  `json:"value"`
	Reason     string `json:"reason"`
	ReasonData string `json:"reasonData,omitempty"`
	Timestamp  string `json:"timestamp"`
	// Why the actions of a composite alarm are not performed.
	SuppressedBy     Suppression `json:"actionsSuppressedBy,omitempty"`
	SuppressedReason string      `json:"actionsSuppressedReason,omitempty"`
}

func showState(s State) shownState {
	shown := shownState{Value: s.Value, Reason: s.Reason, ReasonData: s.ReasonData, Timestamp: s.Updated.Format(dataTime)}
	shown.SuppressedBy, shown.SuppressedReason = s.SuppressedBy()
	return shown
}

// detail is what events and functions hear (user guide, "Alarm events and EventBridge").
type detail struct {
	AlarmName     string        `json:"alarmName"`
	State         shownState    `json:"state"`
	PreviousState shownState    `json:"previousState"`
	Configuration configuration `json:"configuration"`
}

type configuration struct {
	Description string       `json:"description,omitempty"`
	AlarmRule   string       `json:"alarmRule,omitempty"`
	Suppressor  string       `json:"actionsSuppressor,omitempty"`
	Wait        *int64       `json:"actionsSuppressorWaitPeriod,omitempty"`
	Extension   *int64       `json:"actionsSuppressorExtensionPeriod,omitempty"`
	Metrics     []shownQuery `json:"metrics,omitempty"`
}

type shownQuery struct {
	ID         string     `json:"id"`
	Expression string     `json:"expression,omitempty"`
	Label      string     `json:"label,omitempty"`
	MetricStat *shownStat `json:"metricStat,omitempty"`
	ReturnData bool       `json:"returnData"`
}

type shownStat struct {
	Metric struct {
		Namespace  string            `json:"namespace"`
		Name       string            `json:"name"`
		Dimensions map[string]string `json:"dimensions"`
	} `json:"metric"`
	Period int64        `json:"period"`
	Stat   string       `json:"stat"`
	Unit   metrics.Unit `json:"unit,omitempty"`
}

func (n *Notification) detail() detail {
	d := detail{
		AlarmName: n.Alarm.Name, State: showState(n.Alarm.State), PreviousState: showState(n.Before),
		Configuration: configuration{Description: n.Alarm.Description, AlarmRule: n.Alarm.Rule},
	}
	if s := n.Alarm.Suppressor; s != nil {
		wait, extension := s.Seconds()
		d.Configuration.Suppressor, d.Configuration.Wait, d.Configuration.Extension = s.Name, &wait, &extension
	}
	c := n.Alarm.Metric
	if c == nil {
		return d
	}
	for _, q := range c.Queries() {
		shown := shownQuery{ID: q.ID, Expression: q.Expression, Label: q.Label, ReturnData: q.Return}
		if len(c.Metrics) == 0 { // AWS makes one up
			sum := sha256.Sum256([]byte(n.ARN))
			shown.ID = uuid.Must(uuid.FromBytes(sum[:16])).String()
		}
		if q.Expression == "" {
			stat := &shownStat{Period: int64(q.Period / time.Second), Stat: q.Stat, Unit: q.Unit}
			stat.Metric.Namespace, stat.Metric.Name, stat.Metric.Dimensions = q.Metric.Namespace, q.Metric.Name, map[string]string{}
			for _, m := range q.Metric.Dimensions {
				stat.Metric.Dimensions[m.Name] = m.Value
			}
			shown.MetricStat = stat
		}
		d.Configuration.Metrics = append(d.Configuration.Metrics, shown)
	}
	return d
}

// text writes what can always be written: it is made of texts and numbers.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "{}"
	}
	return string(b)
}

// event is what EventBridge hears.
func (n *Notification) event() Event {
	return Event{
		Time: n.Alarm.State.Updated, Source: "aws.cloudwatch", DetailType: "CloudWatch Alarm State Change", Resources: []string{n.ARN}, Detail: text(n.detail()),
	}
}

// configurationDetail is what EventBridge hears of an alarm that was created, updated or deleted (user guide, "Alarm events and EventBridge").
type configurationDetail struct {
	AlarmName     string         `json:"alarmName"`
	Operation     string         `json:"operation"`
	State         shownState     `json:"state"`
	Configuration map[string]any `json:"configuration"`
	Previous      map[string]any `json:"previousConfiguration,omitempty"`
}

// configurationEvent tells of an alarm that was created, if before is nil, deleted, if after is, or else changed.
func (a *Alarms) configurationEvent(before, after *Alarm, operation string) Event {
	n := after
	if n == nil {
		n = before
	}
	d := configurationDetail{AlarmName: n.Name, Operation: operation, State: showState(n.State), Configuration: a.configurationOf(n)}
	if before != nil && after != nil {
		d.Previous = a.configurationOf(before)
	}
	return Event{Time: a.now(), Source: "aws.cloudwatch", DetailType: "CloudWatch Alarm Configuration Change", Resources: []string{a.ARN(n.Name)}, Detail: text(d)}
}

// configurationOf is an alarm's configuration as events have it.
func (a *Alarms) configurationOf(n *Alarm) map[string]any {
	m := map[string]any{
		"alarmName": n.Name, "actionsEnabled": n.ActionsEnabled, "timestamp": n.Updated.Format(dataTime), "okActions": list(n.OKActions),
		"alarmActions": list(n.AlarmActions), "insufficientDataActions": list(n.InsufficientDataActions),
	}
	if n.Description != "" {
		m["description"] = n.Description
	}
	c := n.Metric
	if c == nil {
		m["alarmRule"] = n.Rule
		n.Suppressor.show(m)
		return m
	}
	m["evaluationPeriods"], m["threshold"], m["comparisonOperator"] = c.EvaluationPeriods, double(c.Threshold), c.ComparisonOperator
	m["metrics"] = a.notification(n, State{}).detail().Configuration.Metrics
	if c.DatapointsToAlarm > 0 {
		m["datapointsToAlarm"] = c.DatapointsToAlarm
	}
	if c.TreatMissingData != "" {
		m["treatMissingData"] = c.TreatMissingData
	}
	return m
}

// LambdaEvent is what a function is invoked with (user guide, "Invoke a Lambda function from an alarm").
func (n *Notification) LambdaEvent() string {
	return text(struct {
		Source    string `json:"source"`
		AlarmARN  string `json:"alarmArn"`
		AccountID string `json:"accountId"`
		Time      string `json:"time"`
		Region    string `json:"region"`
		AlarmData detail `json:"alarmData"`
	}{"aws.cloudwatch", n.ARN, n.Place.Account, n.Alarm.State.Updated.Format(dataTime), n.Place.Region, n.detail()})
}

// regionNames are how messages call the most common regions; others are called by their codes.
var regionNames = map[string]string{
	"us-east-1": "US East (N. Virginia)", "us-east-2": "US East (Ohio)", "us-west-1": "US West (N. California)", "us-west-2": "US West (Oregon)",
	"eu-west-1": "EU (Ireland)", "eu-west-2": "EU (London)", "eu-west-3": "EU (Paris)", "eu-central-1": "EU (Frankfurt)", "eu-north-1": "EU (Stockholm)",
	"ap-northeast-1": "Asia Pacific (Tokyo)", "ap-southeast-1": "Asia Pacific (Singapore)", "ap-southeast-2": "Asia Pacific (Sydney)", "ap-south-1": "Asia Pacific (Mumbai)",
}

// snsMessage is what topics hear, as AWS's messages have it.
type snsMessage struct {
	AlarmName               string   `json:"AlarmName"`
	AlarmDescription        *string  `json:"AlarmDescription"`
	AWSAccountID            string   `json:"AWSAccountId"`
	ConfigurationUpdated    string   `json:"AlarmConfigurationUpdatedTimestamp"`
	NewStateValue           Value    `json:"NewStateValue"`
	NewStateReason          string   `json:"NewStateReason"`
	StateChangeTime         string   `json:"StateChangeTime"`
	Region                  string   `json:"Region"`
	AlarmARN                string   `json:"AlarmArn"`
	OldStateValue           Value    `json:"OldStateValue"`
	OKActions               []string `json:"OKActions"`
	AlarmActions            []string `json:"AlarmActions"`
	InsufficientDataActions []string `json:"InsufficientDataActions"`
	AlarmRule               string   `json:"AlarmRule,omitempty"`
	Trigger                 any      `json:"Trigger,omitempty"`
}

// snsTrigger is what a metric alarm watches, as messages have it.
type snsTrigger struct {
	MetricName         string             `json:"MetricName,omitempty"`
	Namespace          string             `json:"Namespace,omitempty"`
	StatisticType      string             `json:"StatisticType,omitempty"`
	Statistic          string             `json:"Statistic,omitempty"`
	ExtendedStatistic  string             `json:"ExtendedStatistic,omitempty"`
	Unit               *metrics.Unit      `json:"Unit"`
	Dimensions         []snsDimension     `json:"Dimensions,omitempty"`
	Period             int64              `json:"Period"`
	EvaluationPeriods  int                `json:"EvaluationPeriods"`
	DatapointsToAlarm  int                `json:"DatapointsToAlarm,omitempty"`
	ComparisonOperator ComparisonOperator `json:"ComparisonOperator"`
	Threshold          double             `json:"Threshold"`
	TreatMissingData   TreatMissingData   `json:"TreatMissingData"`
	LowSampleCount     string             `json:"EvaluateLowSampleCountPercentile"`
	Metrics            []shownQuery       `json:"Metrics,omitempty"`
}

type snsDimension struct {
	Value string `json:"value"`
	Name  string `json:"name"`
}

// statisticNames are how messages call the basic statistics.
var statisticNames = map[string]string{"SampleCount": "SAMPLE_COUNT", "Average": "AVERAGE", "Sum": "SUM", "Minimum": "MINIMUM", "Maximum": "MAXIMUM"}

// SNSMessage is what a topic is told.
func (n *Notification) SNSMessage() (subject, message string) {
	region := n.Place.Region
	if name := regionNames[region]; name != "" {
		region = name
	}
	one := &n.Alarm
	m := snsMessage{
		AlarmName: one.Name, AWSAccountID: n.Place.Account, ConfigurationUpdated: one.Updated.Format(dataTime), NewStateValue: one.State.Value,
		NewStateReason: one.State.Reason, StateChangeTime: one.State.Updated.Format(dataTime), Region: region, AlarmARN: n.ARN, OldStateValue: n.Before.Value,
		OKActions: list(one.OKActions), AlarmActions: list(one.AlarmActions), InsufficientDataActions: list(one.InsufficientDataActions), AlarmRule: one.Rule,
	}
	if one.Description != "" {
		m.AlarmDescription = &one.Description
	}
	if c := one.Metric; c != nil {
		m.Trigger = n.trigger(c)
	}
	subject = fmt.Sprintf("%s: %q in %s", one.State.Value, one.Name, region)
	return clip(subject, 100), text(m)
}

// list is never null.
func list(texts []string) []string { return append([]string{}, texts...) }

func (n *Notification) trigger(c *Condition) snsTrigger {
	t := snsTrigger{
		Period: int64(c.Period / time.Second), EvaluationPeriods: c.EvaluationPeriods, DatapointsToAlarm: c.DatapointsToAlarm,
		ComparisonOperator: c.ComparisonOperator, Threshold: double(c.Threshold), TreatMissingData: c.TreatMissingData, LowSampleCount: c.EvaluateLowSampleCountPercentile,
	}
	if len(c.Metrics) > 0 {
		t.Metrics = n.detail().Configuration.Metrics
		return t
	}
	t.MetricName, t.Namespace = c.Metric.Name, c.Metric.Namespace
	t.StatisticType, t.Statistic = "Statistic", statisticNames[c.Statistic]
	if t.Statistic == "" {
		t.StatisticType, t.ExtendedStatistic = "ExtendedStatistic", c.Statistic
	}
	if c.Unit != "" {
		t.Unit = &c.Unit
	}
	for _, d := range slices.Backward(c.Metric.Dimensions) {
		t.Dimensions = append(t.Dimensions, snsDimension{d.Value, d.Name})
	}
	return t
}

// shown is an alarm as items about its configuration have it.
func (a *Alarms) shown(n *Alarm) map[string]any {
	m := map[string]any{
		"alarmName": n.Name, "alarmArn": a.ARN(n.Name), "actionsEnabled": n.ActionsEnabled, "okActions": list(n.OKActions), "alarmActions": list(n.AlarmActions),
		"insufficientDataActions": list(n.InsufficientDataActions), "stateValue": n.State.Value, "stateUpdatedTimestamp": n.State.Updated.Format(dataTime),
		"alarmConfigurationUpdatedTimestamp": n.Updated.Format(dataTime),
	}
	if n.Description != "" {
		m["alarmDescription"] = n.Description
	}
	c := n.Metric
	if c == nil {
		m["alarmRule"] = n.Rule
		n.Suppressor.show(m)
		return m
	}
	m["evaluationPeriods"], m["threshold"], m["comparisonOperator"] = c.EvaluationPeriods, double(c.Threshold), c.ComparisonOperator
	m["treatMissingData"] = c.TreatMissingData
	if len(c.Metrics) > 0 {
		m["metrics"] = a.notification(n, State{}).detail().Configuration.Metrics
		return m
	}
	m["metricName"], m["namespace"], m["period"] = c.Metric.Name, c.Metric.Namespace, int64(c.Period/time.Second)
	m["dimensions"] = a.notification(n, State{}).detail().Configuration.Metrics[0].MetricStat.Metric.Dimensions
	m["statistic"] = strings.ToUpper(c.Statistic)
	if statisticNames[c.Statistic] == "" {
		delete(m, "statistic")
		m["extendedStatistic"] = c.Statistic
	}
	return m
}
