package api

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/metrics/alarm"
	"github.com/tutti-run/tutti/internal/sfn"
)

// Limits of CloudWatch's operations on alarms (API reference).
const (
	maxAlarmNames   = 100
	maxAlarmRecords = 100
	alarmRecords    = 50 // of a page that asks for no number
)

// alarmActions are the members that all kinds of alarms share.
type alarmActions struct {
	AlarmName               string   `json:"AlarmName"`
	AlarmDescription        string   `json:"AlarmDescription,omitempty"`
	ActionsEnabled          *bool    `json:"ActionsEnabled"`
	OKActions               []string `json:"OKActions"`
	AlarmActions            []string `json:"AlarmActions"`
	InsufficientDataActions []string `json:"InsufficientDataActions"`
}

func (in *alarmActions) alarm(tags []metricTagInput) alarm.Alarm {
	a := alarm.Alarm{
		Name: in.AlarmName, Description: in.AlarmDescription, ActionsEnabled: in.ActionsEnabled == nil || *in.ActionsEnabled,
		OKActions: in.OKActions, AlarmActions: in.AlarmActions, InsufficientDataActions: in.InsufficientDataActions, Tags: map[string]string{},
	}
	for _, t := range tags {
		a.Tags[t.Key] = t.Value
	}
	return a
}

type metricTagInput struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

type putMetricAlarmInput struct {
	alarmActions
	MetricName         string             `json:"MetricName"`
	Namespace          string             `json:"Namespace"`
	Statistic          string             `json:"Statistic"`
	ExtendedStatistic  string             `json:"ExtendedStatistic"`
	Dimensions         []dimensionInput   `json:"Dimensions"`
	Period             int                `json:"Period"`
	Unit               string             `json:"Unit"`
	EvaluationPeriods  int                `json:"EvaluationPeriods"`
	DatapointsToAlarm  *int               `json:"DatapointsToAlarm"`
	Threshold          *double            `json:"Threshold"`
	ComparisonOperator string             `json:"ComparisonOperator"`
	TreatMissingData   string             `json:"TreatMissingData"`
	LowSampleCount     string             `json:"EvaluateLowSampleCountPercentile"`
	Metrics            []metricQueryInput `json:"Metrics"`
	ThresholdMetricID  string             `json:"ThresholdMetricId"`
	EvaluationCriteria any                `json:"EvaluationCriteria"`
	Tags               []metricTagInput   `json:"Tags"`
}

// wrongAlarm turns what is wrong with an alarm into AWS's exception.
func wrongAlarm(err error) error {
	var wrong *alarm.Invalid
	if errors.As(err, &wrong) {
		return invalidQuery("%s", wrong.Message)
	}
	return err
}

func (s *cloudWatch) putMetricAlarm(_ context.Context, in *putMetricAlarmInput) (nothing, error) {
	var c complaints
	n := in.alarm(in.Tags)
	n.Metric = in.condition(&c)
	if err := c.err(); err != nil {
		return nothing{}, invalidQuery("%s", strings.Join(c.texts, "\n"))
	}
	return nothing{}, wrongAlarm(s.alarms.Put(n))
}

// condition reads what the alarm watches.
func (in *putMetricAlarmInput) condition(c *complaints) *alarm.Condition {
	one := &alarm.Condition{
		EvaluationPeriods: in.EvaluationPeriods, ComparisonOperator: alarm.ComparisonOperator(in.ComparisonOperator),
		TreatMissingData: alarm.TreatMissingData(in.TreatMissingData), EvaluateLowSampleCountPercentile: in.LowSampleCount,
	}
	if in.DatapointsToAlarm != nil {
		if one.DatapointsToAlarm = *in.DatapointsToAlarm; one.DatapointsToAlarm < 1 {
			c.add(sfn.ValidationException, "DatapointsToAlarm must be at least 1.")
		}
	}
	switch {
	case in.ThresholdMetricID != "":
		c.add(sfn.ValidationException, "ThresholdMetricId compares with a band of anomaly detection, which does not exist here; give a Threshold.")
	case in.EvaluationCriteria != nil:
		c.add(sfn.ValidationException, "EvaluationCriteria asks in PromQL, which is not run here; give MetricName or Metrics.")
	case in.Threshold == nil:
		c.add(sfn.ValidationException, "The parameter Threshold is required.")
	default:
		one.Threshold = float64(*in.Threshold)
	}
	if len(in.Metrics) > 0 {
		if in.MetricName != "" || in.Namespace != "" || len(in.Dimensions) > 0 || in.Period != 0 || in.Unit != "" || in.Statistic != "" || in.ExtendedStatistic != "" {
			c.add(sfn.ValidationException, "The parameters MetricName, Namespace, Dimensions, Period, Unit, Statistic and ExtendedStatistic must not be specified together with Metrics.")
		}
		for i := range in.Metrics {
			one.Metrics = append(one.Metrics, in.Metrics[i].read(c, "Metrics.member."+strconv.Itoa(i+1)+"."))
		}
		return one
	}
	c.dimensions("", in.Dimensions)
	c.length("MetricName", in.MetricName, 255)
	c.length("Namespace", in.Namespace, 255)
	c.plain("MetricName", in.MetricName)
	c.plain("Namespace", in.Namespace)
	c.unit("Unit", in.Unit)
	if in.Statistic != "" && in.ExtendedStatistic != "" {
		c.add(sfn.ValidationException, "The parameters Statistic and ExtendedStatistic are mutually exclusive and you have specified both.")
	}
	if in.Statistic != "" && !basicStatistic(in.Statistic) {
		c.add(sfn.ValidationException, "The parameter Statistic must be a value in the set [ SampleCount, Average, Sum, Minimum, Maximum ].")
	}
	one.Metric = metricOf(in.Namespace, in.MetricName, in.Dimensions)
	one.Statistic, one.Period, one.Unit = in.Statistic+in.ExtendedStatistic, time.Duration(in.Period)*time.Second, metrics.Unit(in.Unit)
	return one
}

type putCompositeAlarmInput struct {
	alarmActions
	AlarmRule         string           `json:"AlarmRule"`
	ActionsSuppressor string           `json:"ActionsSuppressor"`
	WaitPeriod        *int64           `json:"ActionsSuppressorWaitPeriod"`
	ExtensionPeriod   *int64           `json:"ActionsSuppressorExtensionPeriod"`
	Tags              []metricTagInput `json:"Tags"`
}

// suppressor reads which alarm keeps the actions from being performed; nil for none (API reference, PutCompositeAlarm: the periods are "required only when
// ActionsSuppressor is specified").
func (in *putCompositeAlarmInput) suppressor() (*alarm.Suppressor, error) {
	switch {
	case in.ActionsSuppressor == "" && in.WaitPeriod == nil && in.ExtensionPeriod == nil:
		return nil, nil
	case in.ActionsSuppressor == "":
		return nil, invalidQuery("The parameters ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod must not be specified without ActionsSuppressor.")
	case in.WaitPeriod == nil || in.ExtensionPeriod == nil:
		return nil, invalidQuery("The parameters ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod are required with ActionsSuppressor.")
	}
	return &alarm.Suppressor{
		Name: alarm.SuppressorName(in.ActionsSuppressor), Wait: time.Duration(*in.WaitPeriod) * time.Second, Extension: time.Duration(*in.ExtensionPeriod) * time.Second,
	}, nil
}

func (s *cloudWatch) putCompositeAlarm(_ context.Context, in *putCompositeAlarmInput) (nothing, error) {
	n := in.alarm(in.Tags)
	n.Rule = in.AlarmRule
	var err error
	if n.Suppressor, err = in.suppressor(); err != nil {
		return nothing{}, err
	}
	return nothing{}, wrongAlarm(s.alarms.Put(n))
}

type describeAlarmsInput struct {
	AlarmNames          []string      `json:"AlarmNames"`
	AlarmNamePrefix     string        `json:"AlarmNamePrefix"`
	AlarmTypes          []string      `json:"AlarmTypes"`
	ChildrenOfAlarmName string        `json:"ChildrenOfAlarmName"`
	ParentsOfAlarmName  string        `json:"ParentsOfAlarmName"`
	StateValue          string        `json:"StateValue"`
	ActionPrefix        string        `json:"ActionPrefix"`
	MaxRecords          *int          `json:"MaxRecords"`
	NextToken           sfn.OptString `json:"NextToken"`
}

type describeAlarmsOutput struct {
	CompositeAlarms []alarmOutput `json:"CompositeAlarms"`
	MetricAlarms    []alarmOutput `json:"MetricAlarms"`
	NextToken       string        `json:"NextToken,omitempty"`
}

// alarmOutput is an alarm of either kind.
type alarmOutput struct {
	alarmActions
	AlarmArn                           string            `json:"AlarmArn"`
	AlarmConfigurationUpdatedTimestamp timestamp         `json:"AlarmConfigurationUpdatedTimestamp"`
	StateValue                         alarm.Value       `json:"StateValue"`
	StateReason                        string            `json:"StateReason"`
	StateReasonData                    string            `json:"StateReasonData,omitempty"`
	StateUpdatedTimestamp              timestamp         `json:"StateUpdatedTimestamp"`
	StateTransitionedTimestamp         timestamp         `json:"StateTransitionedTimestamp"`
	AlarmRule                          string            `json:"AlarmRule,omitempty"`
	ActionsSuppressedBy                alarm.Suppression `json:"ActionsSuppressedBy,omitempty"`
	ActionsSuppressedReason            string            `json:"ActionsSuppressedReason,omitempty"`
	ActionsSuppressor                  string            `json:"ActionsSuppressor,omitempty"`
	ActionsSuppressorWaitPeriod        *int64            `json:"ActionsSuppressorWaitPeriod,omitempty"`
	ActionsSuppressorExtensionPeriod   *int64            `json:"ActionsSuppressorExtensionPeriod,omitempty"`
	MetricName                         string            `json:"MetricName,omitempty"`
	Namespace                          string            `json:"Namespace,omitempty"`
	Statistic                          string            `json:"Statistic,omitempty"`
	ExtendedStatistic                  string            `json:"ExtendedStatistic,omitempty"`
	Dimensions                         *[]dimensionInput `json:"Dimensions,omitempty"`
	Period                             int               `json:"Period,omitempty"`
	Unit                               string            `json:"Unit,omitempty"`
	EvaluationPeriods                  int               `json:"EvaluationPeriods,omitempty"`
	DatapointsToAlarm                  int               `json:"DatapointsToAlarm,omitempty"`
	Threshold                          *double           `json:"Threshold,omitempty"`
	ComparisonOperator                 string            `json:"ComparisonOperator,omitempty"`
	TreatMissingData                   string            `json:"TreatMissingData,omitempty"`
	EvaluateLowSampleCountPercentile   string            `json:"EvaluateLowSampleCountPercentile,omitempty"`
	Metrics                            []queryOutput     `json:"Metrics,omitempty"`
}

type queryOutput struct {
	ID         string           `json:"Id"`
	MetricStat *metricStatInput `json:"MetricStat,omitempty"`
	Expression string           `json:"Expression,omitempty"`
	Label      string           `json:"Label,omitempty"`
	ReturnData bool             `json:"ReturnData"`
	Period     int              `json:"Period,omitempty"`
}

func (s *cloudWatch) describeAlarm(a *alarm.Alarm) alarmOutput {
	list := func(texts []string) []string { return append([]string{}, texts...) }
	out := alarmOutput{
		alarmActions: alarmActions{a.Name, a.Description, &a.ActionsEnabled, list(a.OKActions), list(a.AlarmActions), list(a.InsufficientDataActions)},
		AlarmArn:     s.alarms.ARN(a.Name), AlarmConfigurationUpdatedTimestamp: timestamp{a.Updated}, StateValue: a.State.Value, StateReason: a.State.Reason,
		StateReasonData: a.State.ReasonData, StateUpdatedTimestamp: timestamp{a.State.Updated}, StateTransitionedTimestamp: timestamp{a.State.Transitioned},
		AlarmRule: a.Rule,
	}
	if by := a.Suppressor; by != nil {
		wait, extension := by.Seconds()
		out.ActionsSuppressor, out.ActionsSuppressorWaitPeriod, out.ActionsSuppressorExtensionPeriod = by.Name, &wait, &extension
		out.ActionsSuppressedBy, out.ActionsSuppressedReason = a.State.SuppressedBy()
	}
	c := a.Metric
	if c == nil {
		return out
	}
	threshold := double(c.Threshold)
	out.EvaluationPeriods, out.DatapointsToAlarm, out.Threshold = c.EvaluationPeriods, c.DatapointsToAlarm, &threshold
	out.ComparisonOperator, out.TreatMissingData = string(c.ComparisonOperator), string(c.TreatMissingData)
	out.EvaluateLowSampleCountPercentile = c.EvaluateLowSampleCountPercentile
	if len(c.Metrics) > 0 {
		for i := range c.Metrics {
			out.Metrics = append(out.Metrics, describeQuery(&c.Metrics[i]))
		}
		return out
	}
	dimensions := dimensionsOf(&c.Metric)
	out.MetricName, out.Namespace, out.Dimensions = c.Metric.Name, c.Metric.Namespace, &dimensions
	out.Period, out.Unit = int(c.Period/time.Second), string(c.Unit)
	if basicStatistic(c.Statistic) {
		out.Statistic = c.Statistic
	} else {
		out.ExtendedStatistic = c.Statistic
	}
	return out
}

func describeQuery(q *metrics.Query) queryOutput {
	out := queryOutput{ID: q.ID, Expression: q.Expression, Label: q.Label, ReturnData: q.Return}
	period := int(q.Period / time.Second)
	if q.Expression != "" {
		out.Period = period
		return out
	}
	out.MetricStat = &metricStatInput{
		Metric: &metricInput{q.Metric.Namespace, q.Metric.Name, dimensionsOf(&q.Metric)}, Period: &period, Stat: q.Stat, Unit: string(q.Unit),
	}
	return out
}

func (in *describeAlarmsInput) check(c *complaints) {
	c.size("AlarmNames", len(in.AlarmNames), maxAlarmNames)
	if in.StateValue != "" && !slices.Contains(alarm.Values(), alarm.Value(in.StateValue)) {
		c.add(sfn.ValidationException, "The parameter StateValue must be a value in the set [ OK, ALARM, INSUFFICIENT_DATA ].")
	}
	if in.MaxRecords != nil && (*in.MaxRecords < 1 || *in.MaxRecords > maxAlarmRecords) {
		c.add(sfn.ValidationException, "The parameter MaxRecords must be between 1 and %d.", maxAlarmRecords)
	}
	if len(in.AlarmNames) > 0 && in.AlarmNamePrefix != "" {
		c.add(sfn.ValidationException, "The parameters AlarmNames and AlarmNamePrefix are mutually exclusive and you have specified both.")
	}
	if in.ChildrenOfAlarmName != "" && in.ParentsOfAlarmName != "" {
		c.add(sfn.ValidationException, "The parameters ChildrenOfAlarmName and ParentsOfAlarmName are mutually exclusive and you have specified both.")
	}
	for _, kind := range in.AlarmTypes {
		if kind != "CompositeAlarm" && kind != "MetricAlarm" {
			c.add(sfn.ValidationException, "The parameter AlarmTypes must hold values in the set [ CompositeAlarm, MetricAlarm ].")
		}
	}
}

// kinds tells which alarms are wanted: without a word, metric alarms alone, unless the relatives of an alarm are asked for.
func (in *describeAlarmsInput) kinds() (composites, others bool) {
	if len(in.AlarmTypes) == 0 {
		return in.ChildrenOfAlarmName != "" || in.ParentsOfAlarmName != "", true
	}
	return slices.Contains(in.AlarmTypes, "CompositeAlarm"), slices.Contains(in.AlarmTypes, "MetricAlarm")
}

func (in *describeAlarmsInput) takes(a *alarm.Alarm, relatives []string) bool {
	composites, others := in.kinds()
	hasAction := func(action string) bool { return strings.HasPrefix(action, in.ActionPrefix) }
	switch {
	case a.Composite() && !composites || !a.Composite() && !others,
		len(in.AlarmNames) > 0 && !slices.Contains(in.AlarmNames, a.Name),
		!strings.HasPrefix(a.Name, in.AlarmNamePrefix),
		in.StateValue != "" && string(a.State.Value) != in.StateValue,
		in.ChildrenOfAlarmName != "" && !slices.Contains(relatives, a.Name),
		in.ParentsOfAlarmName != "" && !slices.Contains(a.Children(), in.ParentsOfAlarmName):
		return false
	}
	return in.ActionPrefix == "" || slices.ContainsFunc(slices.Concat(a.OKActions, a.AlarmActions, a.InsufficientDataActions), hasAction)
}

func (s *cloudWatch) describeAlarms(_ context.Context, in *describeAlarmsInput) (*describeAlarmsOutput, error) {
	var c complaints
	in.check(&c)
	if err := c.err(); err != nil {
		return nil, err
	}
	token := in.NextToken
	in.NextToken = sfn.OptString{}
	scope := scopeOf("DescribeAlarms", in)
	from, err := s.offset(scope, token)
	if err != nil {
		return nil, err
	}
	var relatives []string
	if in.ChildrenOfAlarmName != "" {
		parent, err := s.alarms.Alarm(in.ChildrenOfAlarmName)
		if err != nil {
			return nil, invalidQuery("Alarm %s does not exist", in.ChildrenOfAlarmName)
		}
		relatives = parent.Children()
	}
	list := slices.DeleteFunc(s.alarms.List(), func(a alarm.Alarm) bool { return !in.takes(&a, relatives) })
	from = min(from, len(list))
	to := min(from+recordsOf(in.MaxRecords), len(list))
	out := &describeAlarmsOutput{CompositeAlarms: []alarmOutput{}, MetricAlarms: []alarmOutput{}, NextToken: s.next(scope, to, len(list))}
	for i := from; i < to; i++ {
		if list[i].Composite() {
			out.CompositeAlarms = append(out.CompositeAlarms, s.describeAlarm(&list[i]))
		} else {
			out.MetricAlarms = append(out.MetricAlarms, s.describeAlarm(&list[i]))
		}
	}
	return out, nil
}

func recordsOf(asked *int) int {
	if asked == nil {
		return alarmRecords
	}
	return *asked
}

type alarmsForMetricInput struct {
	Namespace         string           `json:"Namespace"`
	MetricName        string           `json:"MetricName"`
	Statistic         string           `json:"Statistic"`
	ExtendedStatistic string           `json:"ExtendedStatistic"`
	Dimensions        []dimensionInput `json:"Dimensions"`
	Period            int              `json:"Period"`
	Unit              string           `json:"Unit"`
}

type alarmsForMetricOutput struct {
	MetricAlarms []alarmOutput `json:"MetricAlarms"`
}

// describeAlarmsForMetric lists the alarms on one metric; those on expressions over it are not among them, as on AWS.
func (s *cloudWatch) describeAlarmsForMetric(_ context.Context, in *alarmsForMetricInput) (*alarmsForMetricOutput, error) {
	var c complaints
	c.metric("", in.Namespace, in.MetricName, in.Dimensions)
	if err := c.err(); err != nil {
		return nil, err
	}
	m := metricOf(in.Namespace, in.MetricName, in.Dimensions)
	stat := in.Statistic + in.ExtendedStatistic
	out := &alarmsForMetricOutput{MetricAlarms: []alarmOutput{}}
	for _, a := range s.alarms.List() {
		if a.Composite() || len(a.Metric.Metrics) > 0 || !a.Metric.Metric.Equal(&m) ||
			stat != "" && a.Metric.Statistic != stat || in.Period != 0 && a.Metric.Period != time.Duration(in.Period)*time.Second || string(a.Metric.Unit) != in.Unit {
			continue
		}
		out.MetricAlarms = append(out.MetricAlarms, s.describeAlarm(&a))
	}
	return out, nil
}

type alarmHistoryInput struct {
	AlarmName       string        `json:"AlarmName"`
	AlarmTypes      []string      `json:"AlarmTypes"`
	HistoryItemType string        `json:"HistoryItemType"`
	StartDate       *epoch        `json:"StartDate"`
	EndDate         *epoch        `json:"EndDate"`
	MaxRecords      *int          `json:"MaxRecords"`
	NextToken       sfn.OptString `json:"NextToken"`
	ScanBy          string        `json:"ScanBy"`
}

type alarmHistoryOutput struct {
	Items     []alarmHistoryItem `json:"AlarmHistoryItems"`
	NextToken string             `json:"NextToken,omitempty"`
}

type alarmHistoryItem struct {
	AlarmName       string         `json:"AlarmName"`
	AlarmType       string         `json:"AlarmType"`
	Timestamp       timestamp      `json:"Timestamp"`
	HistoryItemType alarm.ItemType `json:"HistoryItemType"`
	HistorySummary  string         `json:"HistorySummary"`
	HistoryData     string         `json:"HistoryData"`
}

func (s *cloudWatch) describeAlarmHistory(_ context.Context, in *alarmHistoryInput) (*alarmHistoryOutput, error) {
	kinds := describeAlarmsInput{AlarmTypes: in.AlarmTypes, MaxRecords: in.MaxRecords}
	var c complaints
	kinds.check(&c)
	switch alarm.ItemType(in.HistoryItemType) {
	case "", alarm.ConfigurationUpdate, alarm.StateUpdate, alarm.Action, "AlarmContributorStateUpdate", "AlarmContributorAction":
	default:
		c.add(sfn.ValidationException, "The parameter HistoryItemType must be a value in the set [ ConfigurationUpdate, StateUpdate, Action, AlarmContributorStateUpdate, AlarmContributorAction ].")
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	token := in.NextToken
	in.NextToken = sfn.OptString{}
	scope := scopeOf("DescribeAlarmHistory", in)
	from, err := s.offset(scope, token)
	if err != nil {
		return nil, err
	}
	f := alarm.HistoryFilter{Alarm: in.AlarmName, Type: alarm.ItemType(in.HistoryItemType)}
	if f.Composites, f.Metrics = kinds.kinds(); in.AlarmName != "" && len(in.AlarmTypes) == 0 {
		f.Composites = true // whoever names an alarm means it
	}
	if in.StartDate != nil {
		f.From = in.StartDate.time()
	}
	if in.EndDate != nil {
		f.To = in.EndDate.time()
	}
	list, err := s.alarms.History(f)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b alarm.Item) int { return a.Time.Compare(b.Time) })
	if in.ScanBy != "TimestampAscending" {
		slices.Reverse(list)
	}
	from = min(from, len(list))
	to := min(from+recordsOf(in.MaxRecords), len(list))
	out := &alarmHistoryOutput{Items: []alarmHistoryItem{}, NextToken: s.next(scope, to, len(list))}
	for _, i := range list[from:to] {
		kind := "MetricAlarm"
		if i.Composite {
			kind = "CompositeAlarm"
		}
		out.Items = append(out.Items, alarmHistoryItem{i.Alarm, kind, timestamp{i.Time}, i.Type, i.Summary, i.Data})
	}
	return out, nil
}

type alarmNamesInput struct {
	AlarmNames []string `json:"AlarmNames"`
}

func (in *alarmNamesInput) check() error {
	var c complaints
	c.required("AlarmNames", in.AlarmNames != nil)
	c.size("AlarmNames", len(in.AlarmNames), maxAlarmNames)
	return c.err()
}

func (s *cloudWatch) deleteAlarms(_ context.Context, in *alarmNamesInput) (nothing, error) {
	if err := in.check(); err != nil {
		return nothing{}, err
	}
	composites := 0
	for _, name := range in.AlarmNames {
		if a, err := s.alarms.Alarm(name); err == nil && a.Composite() {
			composites++
		}
	}
	if composites > 1 {
		return nothing{}, invalidQuery("Can only delete one composite alarm at a time")
	}
	names := slices.Clone(in.AlarmNames)
	slices.Sort(names)
	return nothing{}, s.alarms.Delete(slices.Compact(names)...)
}

func (s *cloudWatch) enableAlarmActions(_ context.Context, in *alarmNamesInput) (nothing, error) {
	return nothing{}, cmp.Or(in.check(), s.alarms.EnableActions(true, in.AlarmNames...))
}

func (s *cloudWatch) disableAlarmActions(_ context.Context, in *alarmNamesInput) (nothing, error) {
	return nothing{}, cmp.Or(in.check(), s.alarms.EnableActions(false, in.AlarmNames...))
}

type setAlarmStateInput struct {
	AlarmName       string        `json:"AlarmName"`
	StateValue      sfn.OptString `json:"StateValue"`
	StateReason     sfn.OptString `json:"StateReason"`
	StateReasonData sfn.OptString `json:"StateReasonData"`
}

func (s *cloudWatch) setAlarmState(_ context.Context, in *setAlarmStateInput) (nothing, error) {
	var c constraints
	if in.AlarmName == "" {
		c.add("null ", "alarmName", "Member must not be null")
	}
	c.required("stateValue", in.StateValue)
	c.oneOf("stateValue", in.StateValue, "INSUFFICIENT_DATA", "ALARM", "OK")
	c.required("stateReason", in.StateReason)
	c.length("stateReason", in.StateReason, 0, 1023)
	c.length("stateReasonData", in.StateReasonData, 0, 4000)
	if err := c.err(); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.alarms.SetState(in.AlarmName, alarm.Value(in.StateValue.Text), in.StateReason.Text, in.StateReasonData.Text)
}
