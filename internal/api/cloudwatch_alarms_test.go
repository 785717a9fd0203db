package api_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
)

func errorsAlarm() *cloudwatch.PutMetricAlarmInput {
	return &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("errors"), Namespace: aws.String("App"), MetricName: aws.String("Errors"), Statistic: types.StatisticSum, Period: aws.Int32(60),
		EvaluationPeriods: aws.Int32(3), DatapointsToAlarm: aws.Int32(2), Threshold: aws.Float64(1.5), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold,
		Dimensions: route, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}}, AlarmActions: []string{"arn:aws:sns:us-east-1:000000000000:page"},
	}
}

// The life of alarms, as the SDK sees it.
func TestAlarmsOverAPI(t *testing.T) {
	_, c := serveMetrics(t)
	ctx := t.Context()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.PutMetricAlarm(ctx, errorsAlarm())
	ok(err)
	_, err = c.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("rate"), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(5), ComparisonOperator: types.ComparisonOperatorLessThanThreshold,
		Metrics: []types.MetricDataQuery{
			{Id: aws.String("m"), ReturnData: aws.Bool(false), MetricStat: &types.MetricStat{Metric: &types.Metric{Namespace: aws.String("App"), MetricName: aws.String("Errors")}, Period: aws.Int32(300), Stat: aws.String("p90")}},
			{Id: aws.String("e"), Expression: aws.String("m / 2"), Label: aws.String("half")},
		},
	})
	ok(err)
	_, err = c.PutCompositeAlarm(ctx, &cloudwatch.PutCompositeAlarmInput{AlarmName: aws.String("all"), AlarmRule: aws.String("ALARM(errors) AND NOT OK(rate)"), ActionsEnabled: aws.Bool(false)})
	ok(err)
	_, err = c.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("errors"), StateValue: types.StateValueAlarm, StateReason: aws.String("testing"), StateReasonData: aws.String(`{"x":1}`)})
	ok(err)
	described := func(in cloudwatch.DescribeAlarmsInput) string {
		var names []string
		pages := cloudwatch.NewDescribeAlarmsPaginator(c, &in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			ok(err)
			for _, a := range page.MetricAlarms {
				names = append(names, *a.AlarmName+" "+string(a.StateValue))
			}
			for _, a := range page.CompositeAlarms {
				names = append(names, "*"+*a.AlarmName+" "+string(a.StateValue))
			}
		}
		return strings.Join(names, ", ")
	}
	both := []types.AlarmType{types.AlarmTypeCompositeAlarm, types.AlarmTypeMetricAlarm}
	for _, test := range []struct {
		in   cloudwatch.DescribeAlarmsInput
		want string
	}{
		{cloudwatch.DescribeAlarmsInput{}, "errors ALARM, rate INSUFFICIENT_DATA"},
		{cloudwatch.DescribeAlarmsInput{AlarmTypes: both, MaxRecords: aws.Int32(1)}, "*all ALARM, errors ALARM, rate INSUFFICIENT_DATA"},
		{cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: aws.String("r")}, "rate INSUFFICIENT_DATA"},
		{cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"errors", "nope"}}, "errors ALARM"},
		{cloudwatch.DescribeAlarmsInput{StateValue: types.StateValueAlarm, AlarmTypes: both}, "errors ALARM, *all ALARM"},
		{cloudwatch.DescribeAlarmsInput{ActionPrefix: aws.String("arn:aws:sns")}, "errors ALARM"},
		{cloudwatch.DescribeAlarmsInput{ChildrenOfAlarmName: aws.String("all")}, "errors ALARM, rate INSUFFICIENT_DATA"},
		{cloudwatch.DescribeAlarmsInput{ParentsOfAlarmName: aws.String("rate")}, "*all ALARM"},
	} {
		if got := described(test.in); got != test.want {
			t.Errorf("%+v: %s, want %s", test.in, got, test.want)
		}
	}
	out, err := c.DescribeAlarmsForMetric(ctx, &cloudwatch.DescribeAlarmsForMetricInput{Namespace: aws.String("App"), MetricName: aws.String("Errors"), Dimensions: route})
	ok(err)
	if len(out.MetricAlarms) != 1 {
		t.Fatalf("%+v", out)
	}
	a := out.MetricAlarms[0]
	if got := strings.TrimSpace(fmt.Sprintln(*a.AlarmArn, *a.Threshold, *a.Period, *a.DatapointsToAlarm, a.Statistic, *a.StateReason, *a.StateReasonData, *a.Dimensions[0].Value, *a.ActionsEnabled, a.AlarmActions)); got !=
		`arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors 1.5 60 2 Sum testing {"x":1} /a true [arn:aws:sns:us-east-1:000000000000:page]` {
		t.Error(got)
	}
	_, err = c.DisableAlarmActions(ctx, &cloudwatch.DisableAlarmActionsInput{AlarmNames: []string{"errors"}})
	ok(err)
	_, err = c.EnableAlarmActions(ctx, &cloudwatch.EnableAlarmActionsInput{AlarmNames: []string{"all"}})
	ok(err)
	_, err = c.TagResource(ctx, &cloudwatch.TagResourceInput{ResourceARN: a.AlarmArn, Tags: []types.Tag{{Key: aws.String("b"), Value: aws.String("c")}}})
	ok(err)
	_, err = c.UntagResource(ctx, &cloudwatch.UntagResourceInput{ResourceARN: a.AlarmArn, TagKeys: []string{"team"}})
	ok(err)
	tags, err := c.ListTagsForResource(ctx, &cloudwatch.ListTagsForResourceInput{ResourceARN: a.AlarmArn})
	ok(err)
	if len(tags.Tags) != 1 || *tags.Tags[0].Key != "b" {
		t.Errorf("%+v", tags.Tags)
	}
	_, err = c.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"all", "rate"}})
	ok(err)
	var items []string
	history := cloudwatch.NewDescribeAlarmHistoryPaginator(c, &cloudwatch.DescribeAlarmHistoryInput{AlarmTypes: both, MaxRecords: aws.Int32(2), ScanBy: types.ScanByTimestampAscending})
	for history.HasMorePages() {
		page, err := history.NextPage(ctx)
		ok(err)
		for _, i := range page.AlarmHistoryItems {
			items = append(items, string(i.HistoryItemType)+" "+*i.AlarmName)
		}
	}
	if len(items) < 9 {
		t.Errorf("%q", items)
	}
}

func TestAlarmsRefused(t *testing.T) {
	_, c := serveMetrics(t)
	ctx := t.Context()
	put := func(change func(*cloudwatch.PutMetricAlarmInput)) error {
		in := errorsAlarm()
		change(in)
		_, err := c.PutMetricAlarm(ctx, in)
		return err
	}
	_, noRule := c.PutCompositeAlarm(ctx, &cloudwatch.PutCompositeAlarmInput{AlarmName: aws.String("x"), AlarmRule: aws.String("ALARM(nope)")})
	_, suppressed := c.PutCompositeAlarm(ctx, &cloudwatch.PutCompositeAlarmInput{AlarmName: aws.String("x"), AlarmRule: aws.String("TRUE"), ActionsSuppressor: aws.String("y")})
	_, nobody := c.PutCompositeAlarm(ctx, &cloudwatch.PutCompositeAlarmInput{
		AlarmName: aws.String("x"), AlarmRule: aws.String("TRUE"), ActionsSuppressor: aws.String("arn:aws:cloudwatch:us-east-1:000000000000:alarm:y"), ActionsSuppressorWaitPeriod: aws.Int32(60), ActionsSuppressorExtensionPeriod: aws.Int32(60),
	})
	_, noAlarm := c.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"nope"}})
	_, noState := c.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("nope"), StateValue: types.StateValueOk, StateReason: aws.String("x")})
	_, badState := c.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("nope"), StateValue: "FINE", StateReason: aws.String("x")})
	_, noTags := c.ListTagsForResource(ctx, &cloudwatch.ListTagsForResourceInput{ResourceARN: aws.String("arn:aws:cloudwatch:us-east-1:000000000000:alarm:nope")})
	_, noToken := c.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{NextToken: aws.String("x")})
	_, muted := c.ListAlarmMuteRules(ctx, &cloudwatch.ListAlarmMuteRulesInput{})
	for _, test := range []struct {
		err        error
		code, text string
	}{
		{put(func(in *cloudwatch.PutMetricAlarmInput) { in.Period = aws.Int32(45) }), "ValidationError", "Period must be 10, 20, 30 or a multiple of 60"},
		{put(func(in *cloudwatch.PutMetricAlarmInput) { in.ThresholdMetricId = aws.String("t") }), "ValidationError", "anomaly detection"},
		{put(func(in *cloudwatch.PutMetricAlarmInput) { in.ExtendedStatistic = aws.String("p99") }), "ValidationError", "mutually exclusive"},
		{put(func(in *cloudwatch.PutMetricAlarmInput) { in.TreatMissingData = aws.String("sometimes") }), "ValidationError", "Option sometimes is not supported"},
		{noRule, "ValidationError", "alarms [nope] in the alarm rule do not exist"},
		{suppressed, "ValidationError", "are required with ActionsSuppressor"},
		{nobody, "ValidationError", "the alarm [y] in ActionsSuppressor does not exist"},
		{noAlarm, "ResourceNotFound", "nope"},
		{noState, "ResourceNotFound", "nope"},
		{badState, "ValidationError", "Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]"},
		{noTags, "ResourceNotFoundException", ""},
		{noToken, "InvalidNextToken", "cannot parse the provided next token"},
		{muted, "InvalidAction", "is not served here"},
	} {
		var refused smithy.APIError
		if !errors.As(test.err, &refused) || strings.TrimSuffix(refused.ErrorCode(), "Exception") != strings.TrimSuffix(test.code, "Exception") || !strings.Contains(refused.ErrorMessage(), test.text) {
			t.Errorf("%v, want %s that says %q", test.err, test.code, test.text)
		}
	}
}

func TestDashboardsOverAPI(t *testing.T) {
	_, c := serveMetrics(t)
	ctx := t.Context()
	const body = `{"widgets":[{"type":"text","properties":{"markdown":"x"}}]}`
	if _, err := c.PutDashboard(ctx, &cloudwatch.PutDashboardInput{DashboardName: aws.String("board"), DashboardBody: aws.String(body)}); err != nil {
		t.Fatal(err)
	}
	_, err := c.PutDashboard(ctx, &cloudwatch.PutDashboardInput{DashboardName: aws.String("board"), DashboardBody: aws.String(`{"widgets":[{"type":"pie"}]}`)})
	if wrong := new(types.DashboardInvalidInputError); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "/widgets/0/type") {
		t.Errorf("%v", err)
	}
	got, err := c.GetDashboard(ctx, &cloudwatch.GetDashboardInput{DashboardName: aws.String("board")})
	if err != nil || *got.DashboardBody != body || *got.DashboardArn != "arn:aws:cloudwatch::000000000000:dashboard/board" {
		t.Errorf("%+v %v", got, err)
	}
	list, err := c.ListDashboards(ctx, &cloudwatch.ListDashboardsInput{DashboardNamePrefix: aws.String("b")})
	if err != nil || len(list.DashboardEntries) != 1 || *list.DashboardEntries[0].Size != int64(len(body)) {
		t.Errorf("%+v %v", list, err)
	}
	if _, err := c.DeleteDashboards(ctx, &cloudwatch.DeleteDashboardsInput{DashboardNames: []string{"board"}}); err != nil {
		t.Error(err)
	}
	_, err = c.GetDashboard(ctx, &cloudwatch.GetDashboardInput{DashboardName: aws.String("board")})
	if missing := new(types.DashboardNotFoundError); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
}
