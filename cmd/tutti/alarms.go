package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/spf13/cobra"
)

// alarmsOptions are the flags of alarms.
type alarmsOptions struct {
	clientFlags
	state string
	limit int
}

func (c *cli) alarmsCommand() *cobra.Command {
	var o alarmsOptions
	cmd := &cobra.Command{
		Use:   "alarms [NAME]",
		Short: "List the alarms with their states, or show one with its history",
		Long: "List the alarms, those that have gone off first, with why they are in their states. With a NAME one alarm is shown: what it watches, its\n" +
			"actions, and what has happened to it.",
		Example: `  tutti alarms
  tutti alarms --state ALARM
  tutti alarms failed-executions
  tutti alarms --output json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return c.alarm(cmd.Context(), o, args[0])
			}
			return c.alarms(cmd.Context(), o)
		},
	}
	o.addTo(cmd)
	cmd.Flags().StringVar(&o.state, "state", "", "only alarms in this `STATE`: ALARM, OK or INSUFFICIENT_DATA")
	cmd.Flags().IntVar(&o.limit, "limit", 20, "at most so many items of an alarm's history")
	return cmd
}

// metricsAPI is CloudWatch where Step Functions is.
func (r *remote) metricsAPI() *cloudwatch.Client {
	o := r.Options()
	out := cloudwatch.Options{Region: o.Region, Credentials: o.Credentials, HTTPClient: o.HTTPClient}
	if r.local {
		out.BaseEndpoint = o.BaseEndpoint
	}
	return cloudwatch.New(out)
}

// shownAlarm is an alarm of either kind.
type shownAlarm struct {
	name, reason, description, watches string
	state                              types.StateValue
	since                              *time.Time
	enabled                            bool
	actions                            [][2]string // state and ARN
	rule                               bool
}

// alarmStates are those that an alarm can be in, the most urgent first.
var alarmStates = []types.StateValue{types.StateValueAlarm, types.StateValueInsufficientData, types.StateValueOk}

func (o *alarmsOptions) check() error {
	o.state = strings.ToUpper(o.state)
	if o.state != "" && !slices.Contains(alarmStates, types.StateValue(o.state)) {
		return usage("--state %s is none of ALARM, OK and INSUFFICIENT_DATA", o.state)
	}
	if o.limit < 0 {
		return usage("--limit %d is less than nothing", o.limit)
	}
	return nil
}

func (c *cli) alarms(ctx context.Context, o alarmsOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	r, err := c.connect(ctx, o.clientFlags)
	if err != nil {
		return err
	}
	found, err := r.alarms(ctx, cloudwatch.DescribeAlarmsInput{StateValue: types.StateValue(o.state)})
	if err != nil {
		return err
	}
	if o.output == formatJSON {
		return c.printNamed(found, asItIs)
	}
	list := shownAlarms(found)
	if len(list) == 0 {
		c.out.println("There are no alarms" + inState(o.state) + ".")
		return nil
	}
	var rows [][]string
	for _, a := range list {
		rows = append(rows, []string{c.out.theme.alarm(a.state), printable(a.name), c.age(a.since), c.out.theme.dim(printable(a.reason))})
	}
	for _, line := range table(rows) {
		c.out.println(line)
	}
	return nil
}

// asItIs is how CloudWatch names members: as the SDK does.
func asItIs(name string) string { return name }

func inState(state string) string {
	if state == "" {
		return ""
	}
	return " in the state " + state
}

// foundAlarms are alarms as AWS lists them.
type foundAlarms struct {
	CompositeAlarms []types.CompositeAlarm
	MetricAlarms    []types.MetricAlarm
}

// alarms lists the alarms of both kinds that in asks for.
func (r *remote) alarms(ctx context.Context, in cloudwatch.DescribeAlarmsInput) (foundAlarms, error) {
	in.AlarmTypes = []types.AlarmType{types.AlarmTypeCompositeAlarm, types.AlarmTypeMetricAlarm}
	found := foundAlarms{CompositeAlarms: []types.CompositeAlarm{}, MetricAlarms: []types.MetricAlarm{}}
	pages := cloudwatch.NewDescribeAlarmsPaginator(r.metricsAPI(), &in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return found, r.explain(err)
		}
		found.CompositeAlarms = append(found.CompositeAlarms, page.CompositeAlarms...)
		found.MetricAlarms = append(found.MetricAlarms, page.MetricAlarms...)
	}
	return found, nil
}

// shownAlarms brings alarms of both kinds into the order in which people want them: by state, then by name.
func shownAlarms(found foundAlarms) []shownAlarm {
	var list []shownAlarm
	for _, a := range found.MetricAlarms {
		list = append(list, shownAlarm{
			name: aws.ToString(a.AlarmName), reason: aws.ToString(a.StateReason), description: aws.ToString(a.AlarmDescription), watches: watchedBy(&a), state: a.StateValue,
			since: a.StateTransitionedTimestamp, enabled: aws.ToBool(a.ActionsEnabled), actions: actionsOf(a.AlarmActions, a.OKActions, a.InsufficientDataActions),
		})
	}
	for _, a := range found.CompositeAlarms {
		list = append(list, shownAlarm{
			name: aws.ToString(a.AlarmName), reason: aws.ToString(a.StateReason), description: aws.ToString(a.AlarmDescription), watches: aws.ToString(a.AlarmRule), state: a.StateValue,
			since: a.StateTransitionedTimestamp, enabled: aws.ToBool(a.ActionsEnabled), actions: actionsOf(a.AlarmActions, a.OKActions, a.InsufficientDataActions), rule: true,
		})
	}
	slices.SortFunc(list, func(a, b shownAlarm) int {
		if d := slices.Index(alarmStates, a.state) - slices.Index(alarmStates, b.state); d != 0 {
			return d
		}
		return strings.Compare(a.name, b.name)
	})
	return list
}

func actionsOf(alarm, ok, insufficient []string) (list [][2]string) {
	for _, of := range []struct {
		state types.StateValue
		arns  []string
	}{{types.StateValueAlarm, alarm}, {types.StateValueOk, ok}, {types.StateValueInsufficientData, insufficient}} {
		for _, arn := range of.arns {
			list = append(list, [2]string{string(of.state), arn})
		}
	}
	return list
}

// comparisons are the signs of the comparison operators.
var comparisons = map[types.ComparisonOperator]string{
	types.ComparisonOperatorGreaterThanOrEqualToThreshold: ">=", types.ComparisonOperatorGreaterThanThreshold: ">",
	types.ComparisonOperatorLessThanThreshold: "<", types.ComparisonOperatorLessThanOrEqualToThreshold: "<=",
}

// watchedBy is what a metric alarm watches, on a line: Sum of App/Errors {Route=/a} > 1 for 2 of 3 periods of 60 s.
func watchedBy(a *types.MetricAlarm) string {
	of, period := "", aws.ToInt32(a.Period)
	if len(a.Metrics) == 0 {
		of = string(a.Statistic) + aws.ToString(a.ExtendedStatistic) + " of " + metricName(a.Namespace, a.MetricName, a.Dimensions)
	}
	for _, q := range a.Metrics {
		switch m := q.MetricStat; {
		case m != nil && m.Metric != nil:
			period = aws.ToInt32(m.Period)
			if aws.ToBool(q.ReturnData) {
				of = aws.ToString(m.Stat) + " of " + metricName(m.Metric.Namespace, m.Metric.MetricName, m.Metric.Dimensions)
			}
		case aws.ToBool(q.ReturnData):
			of = aws.ToString(q.Expression)
		}
	}
	sign := comparisons[a.ComparisonOperator]
	if sign == "" {
		sign = string(a.ComparisonOperator)
	}
	periods := fmt.Sprintf("%d", aws.ToInt32(a.EvaluationPeriods))
	if m := aws.ToInt32(a.DatapointsToAlarm); m > 0 {
		periods = fmt.Sprintf("%d of %s", m, periods)
	}
	plural := "s"
	if aws.ToInt32(a.EvaluationPeriods) == 1 {
		plural = ""
	}
	return fmt.Sprintf("%s %s %v for %s period%s of %d s", of, sign, aws.ToFloat64(a.Threshold), periods, plural, period)
}

func metricName(namespace, name *string, dimensions []types.Dimension) string {
	text := aws.ToString(namespace) + "/" + aws.ToString(name)
	var parts []string
	for _, d := range dimensions {
		parts = append(parts, aws.ToString(d.Name)+"="+aws.ToString(d.Value))
	}
	if len(parts) > 0 {
		text += " {" + strings.Join(parts, ", ") + "}"
	}
	return text
}

// alarm shows one alarm with its history.
func (c *cli) alarm(ctx context.Context, o alarmsOptions, name string) error {
	if err := o.check(); err != nil {
		return err
	}
	r, err := c.connect(ctx, o.clientFlags)
	if err != nil {
		return err
	}
	name = strings.TrimPrefix(name[strings.Index(name, ":alarm:")+1:], "alarm:") // it may be an ARN
	found, err := r.alarms(ctx, cloudwatch.DescribeAlarmsInput{AlarmNames: []string{name}})
	if err == nil && len(shownAlarms(found)) == 0 {
		if name, err = r.alarmName(ctx, name); err == nil {
			found, err = r.alarms(ctx, cloudwatch.DescribeAlarmsInput{AlarmNames: []string{name}})
		}
	}
	if err != nil {
		return err
	}
	list := shownAlarms(found)
	if len(list) == 0 {
		return missing("there is no alarm %s", printable(name)) // it went this moment
	}
	history, err := r.alarmHistory(ctx, name, o.limit)
	if err != nil {
		return err
	}
	if o.output == formatJSON {
		return c.printNamed(struct {
			CompositeAlarms   []types.CompositeAlarm
			MetricAlarms      []types.MetricAlarm
			AlarmHistoryItems []types.AlarmHistoryItem
		}{found.CompositeAlarms, found.MetricAlarms, history}, asItIs)
	}
	c.printAlarm(&list[0])
	if len(history) == 0 {
		return nil
	}
	c.out.println("")
	for _, i := range history {
		c.out.println(c.out.theme.dim(aws.ToTime(i.Timestamp).Local().Format("2006-01-02 15:04:05")) + "  " + printable(aws.ToString(i.HistorySummary)))
	}
	return nil
}

// alarmHistory is what has happened to an alarm, the newest first.
func (r *remote) alarmHistory(ctx context.Context, name string, limit int) ([]types.AlarmHistoryItem, error) {
	items := []types.AlarmHistoryItem{}
	if limit == 0 {
		return items, nil
	}
	pages := cloudwatch.NewDescribeAlarmHistoryPaginator(r.metricsAPI(), &cloudwatch.DescribeAlarmHistoryInput{
		AlarmName: aws.String(name), AlarmTypes: []types.AlarmType{types.AlarmTypeCompositeAlarm, types.AlarmTypeMetricAlarm}, MaxRecords: aws.Int32(int32(min(limit, 100))),
	})
	for pages.HasMorePages() && len(items) < limit {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, r.explain(err)
		}
		items = append(items, page.AlarmHistoryItems...)
	}
	return items[:min(limit, len(items))], nil
}

// alarmName is the name of the one alarm that has the part in its name. The error says which there are.
func (r *remote) alarmName(ctx context.Context, part string) (string, error) {
	found, err := r.alarms(ctx, cloudwatch.DescribeAlarmsInput{})
	if err != nil {
		return "", err
	}
	list := shownAlarms(found)
	if len(list) == 0 {
		return "", missing("there is no alarm %s; there is none at all", printable(part))
	}
	var names, with []string
	for _, a := range list {
		names = append(names, printable(a.name))
		if part != "" && strings.Contains(a.name, part) {
			with = append(with, a.name)
		}
	}
	if len(with) == 1 {
		return with[0], nil
	}
	slices.Sort(names)
	return "", missing("there is no alarm %s; there are: %s", printable(part), strings.Join(names, ", "))
}

func (c *cli) printAlarm(a *shownAlarm) {
	th := c.out.theme
	c.out.println(th.bold(printable(a.name)) + "  " + th.alarm(a.state) + "  " + th.dim("for "+roughly(c.now().Sub(aws.ToTime(a.since)))))
	watches := "watches"
	if a.rule {
		watches = "rule"
	}
	rows := [][]string{}
	if a.description != "" {
		rows = append(rows, []string{"", "", printable(a.description)})
	}
	rows = append(rows, []string{"", watches, printable(a.watches)}, []string{"", "reason", printable(a.reason)})
	for _, action := range a.actions {
		rows = append(rows, []string{"", "on " + action[0], printable(action[1])})
	}
	if !a.enabled && len(a.actions) > 0 {
		rows = append(rows, []string{"", "", th.warn("its actions are disabled")})
	}
	for _, line := range table(rows) {
		c.out.println(line)
	}
}

// alarm colours the state of an alarm.
func (th theme) alarm(s types.StateValue) string {
	switch s {
	case types.StateValueOk:
		return th.good(string(s))
	case types.StateValueAlarm:
		return th.bad(string(s))
	}
	return th.warn(string(s))
}
