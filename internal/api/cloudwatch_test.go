package api_test

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/metrics/alarm"
	"github.com/tutti-run/tutti/internal/metrics/dashboard"
	"github.com/tutti-run/tutti/internal/sfn"
)

// serveMetrics starts the front door with metrics in memory, at began.
func serveMetrics(t *testing.T) (url string, client *cloudwatch.Client) {
	t.Helper()
	now := func() time.Time { return began }
	s := metrics.New("/metrics", metrics.WithFS(vfs.NewMem()), metrics.WithClock(now))
	j := &memoryJournal{documents: map[string][]byte{}}
	alarms, err := alarm.New(alarm.Config{Journal: j, Metrics: s})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.New(api.Config{Metrics: s, Alarms: alarms, Dashboards: dashboard.New(j, nil, sfn.DefaultPlace()), Now: now}))
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL, cloudWatchClient(server.URL)
}

// memoryJournal keeps documents in memory, by collection and key.
type memoryJournal struct {
	mu        sync.Mutex
	documents map[string][]byte
}

func (j *memoryJournal) Documents(collection, prefix string) iter.Seq2[metrics.Document, error] {
	return func(yield func(metrics.Document, error) bool) {
		j.mu.Lock()
		all := maps.Clone(j.documents)
		j.mu.Unlock()
		for _, key := range slices.Sorted(maps.Keys(all)) {
			if rest, ok := strings.CutPrefix(key, collection+"/"); ok && strings.HasPrefix(rest, prefix) && !yield(metrics.Document{Key: rest, Value: all[key]}, nil) {
				return
			}
		}
	}
}

func (j *memoryJournal) Change(changes []metrics.Change) error { return j.Write(changes, nil) }

func (j *memoryJournal) Write(changes []metrics.Change, _ []alarm.Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range changes {
		if key := c.Collection + "/" + c.Key; c.Value == nil {
			delete(j.documents, key)
		} else {
			j.documents[key] = c.Value
		}
	}
	return nil
}

func cloudWatchClient(url string) *cloudwatch.Client {
	return cloudwatch.New(cloudwatch.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), Retryer: aws.NopRetryer{},
	})
}

// minutesBefore is a time before that of the tests.
func minutesBefore(n int) *time.Time {
	return aws.Time(began.Truncate(time.Minute).Add(-time.Duration(n) * time.Minute))
}

var route = []types.Dimension{{Name: aws.String("Route"), Value: aws.String("/a")}}

// What is put in each of the three forms is read as statistics and by queries.
func TestMetricData(t *testing.T) {
	_, c := serveMetrics(t)
	ctx := t.Context()
	_, err := c.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []types.MetricDatum{
		{MetricName: aws.String("Latency"), Dimensions: route, Timestamp: minutesBefore(3), Value: aws.Float64(10), Unit: types.StandardUnitMilliseconds},
		{MetricName: aws.String("Latency"), Dimensions: route, Timestamp: minutesBefore(2), Values: []float64{1, 2, 3}, Counts: []float64{1, 1, 2}, Unit: types.StandardUnitMilliseconds},
		{MetricName: aws.String("Batch"), Timestamp: minutesBefore(2), StatisticValues: &types.StatisticSet{
			SampleCount: aws.Float64(4), Sum: aws.Float64(40), Minimum: aws.Float64(5), Maximum: aws.Float64(20)}},
		{MetricName: aws.String("Fast"), Timestamp: aws.Time(began.Add(-time.Second)), Value: aws.Float64(1), StorageResolution: aws.Int32(1)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	stats, err := c.GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String("App"), MetricName: aws.String("Latency"), Dimensions: route, StartTime: minutesBefore(10), EndTime: aws.Time(began), Period: aws.Int32(60),
		Statistics: []types.Statistic{types.StatisticSum, types.StatisticSampleCount}, ExtendedStatistics: []string{"p50"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range stats.Datapoints {
		got = append(got, fmt.Sprintf("%s %v/%v p50=%v %s", d.Timestamp.Format("15:04"), *d.Sum, *d.SampleCount, d.ExtendedStatistics["p50"], d.Unit))
	}
	if want := "11:57 10/1 p50=10 Milliseconds, 11:58 9/4 p50=2.5 Milliseconds"; strings.Join(got, ", ") != want {
		t.Errorf("%q, want %q", got, want)
	}
	metric := &types.MetricStat{Metric: &types.Metric{Namespace: aws.String("App"), MetricName: aws.String("Latency"), Dimensions: route}, Period: aws.Int32(60), Stat: aws.String("Maximum")}
	data := func(page int32) string {
		var all []string
		pages := cloudwatch.NewGetMetricDataPaginator(c, &cloudwatch.GetMetricDataInput{
			StartTime: minutesBefore(4), EndTime: minutesBefore(0), MaxDatapoints: aws.Int32(page), ScanBy: types.ScanByTimestampAscending,
			MetricDataQueries: []types.MetricDataQuery{
				{Id: aws.String("m"), MetricStat: metric},
				{Id: aws.String("e"), Expression: aws.String("FILL(m, 0) + 1"), Label: aws.String("filled")},
				{Id: aws.String("hidden"), Expression: aws.String("m * 2"), ReturnData: aws.Bool(false)},
			},
		})
		for pages.HasMorePages() {
			out, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range out.MetricDataResults {
				all = append(all, fmt.Sprint(*r.Id, *r.Label, r.Values, r.StatusCode))
			}
		}
		return strings.Join(all, " ")
	}
	if got, want := data(100), "mLatency[10 3]Complete efilled[1 11 4 1]Complete"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := data(3), "mLatency[10 3]Complete efilled[1]PartialData efilled[11 4 1]Complete"; got != want {
		t.Errorf("by pages: %s, want %s", got, want)
	}
	list, err := c.ListMetrics(ctx, &cloudwatch.ListMetricsInput{Namespace: aws.String("App"), Dimensions: []types.DimensionFilter{{Name: aws.String("Route")}}})
	if err != nil || len(list.Metrics) != 1 || *list.Metrics[0].MetricName != "Latency" || *list.Metrics[0].Dimensions[0].Value != "/a" {
		t.Errorf("%+v %v", list, err)
	}
}

func TestMetricDataRefused(t *testing.T) {
	_, c := serveMetrics(t)
	put := func(change func(*types.MetricDatum)) error {
		d := types.MetricDatum{MetricName: aws.String("m"), Value: aws.Float64(1)}
		change(&d)
		_, err := c.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []types.MetricDatum{d}})
		return err
	}
	query := func(q types.MetricDataQuery) error {
		_, err := c.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{StartTime: minutesBefore(4), EndTime: minutesBefore(0), MetricDataQueries: []types.MetricDataQuery{q}})
		return err
	}
	_, reserved := c.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("AWS/App"), MetricData: []types.MetricDatum{{MetricName: aws.String("m")}}})
	_, tooMany := c.GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{Namespace: aws.String("App"), MetricName: aws.String("m"),
		StartTime: minutesBefore(1441), EndTime: minutesBefore(0), Period: aws.Int32(60), Statistics: []types.Statistic{types.StatisticSum}})
	for _, test := range []struct {
		err        error
		code, text string
	}{
		{put(func(d *types.MetricDatum) { d.Value = nil }), "InvalidParameterCombination", "At least one of the parameters MetricData.member.1.Value"},
		{put(func(d *types.MetricDatum) { d.Values = []float64{1} }), "InvalidParameterCombination", "are mutually exclusive and you have specified both"},
		{put(func(d *types.MetricDatum) { d.Unit = "Miles" }), "InvalidParameterValue", "MetricData.member.1.Unit must be a value in the set [ Seconds, "},
		{put(func(d *types.MetricDatum) { d.Timestamp = aws.Time(began.Add(3 * time.Hour)) }), "InvalidParameterValue", "two hours in the future"},
		{put(func(d *types.MetricDatum) { d.Timestamp = aws.Time(began.AddDate(0, 0, -15)) }), "InvalidParameterValue", "the past two weeks"},
		{put(func(d *types.MetricDatum) { d.StorageResolution = aws.Int32(7) }), "InvalidParameterValue", "StorageResolution"},
		{put(func(d *types.MetricDatum) { d.Value = aws.Float64(1e300) }), "InvalidParameterValue", "MetricData.member.1.Value is invalid"},
		{reserved, "InvalidParameterValue", "The value AWS/App for parameter Namespace is invalid"},
		{tooMany, "InvalidParameterCombination", "up to 1,441 datapoints"},
		{query(types.MetricDataQuery{Id: aws.String("e"), Expression: aws.String("x + 1")}), "ValidationError", "Unknown identifier: 'x'"},
		{query(types.MetricDataQuery{Id: aws.String("e")}), "ValidationError", "MetricStat"},
	} {
		var refused smithy.APIError
		if !errors.As(test.err, &refused) || strings.TrimSuffix(refused.ErrorCode(), "Exception") != test.code || !strings.Contains(refused.ErrorMessage(), test.text) {
			t.Errorf("%v, want %s that says %q", test.err, test.code, test.text)
		}
	}
}

// The AWS CLI, unmodified, puts and reads metrics.
func TestMetricsOfCLI(t *testing.T) {
	interpreter := python(t, "awscli")
	url, _ := serveMetrics(t)
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), interpreter, append([]string{"-m", "awscli", "--endpoint-url", url, "--region", "us-east-1", "cloudwatch"}, args...)...)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	stamp := func(n int) string { return minutesBefore(n).Format(time.RFC3339) }
	run("put-metric-data", "--namespace", "App", "--metric-name", "Requests", "--value", "7", "--timestamp", stamp(2), "--dimensions", "Route=/a")
	out := run("get-metric-statistics", "--namespace", "App", "--metric-name", "Requests", "--start-time", stamp(5), "--end-time", stamp(0), "--period", "60",
		"--statistics", "Sum", "--dimensions", "Name=Route,Value=/a", "--output", "text")
	if !strings.Contains(out, "DATAPOINTS\t7.0") {
		t.Error(out)
	}
	run("put-metric-alarm", "--alarm-name", "errors", "--namespace", "App", "--metric-name", "Errors", "--statistic", "Sum", "--period", "60", "--evaluation-periods", "2",
		"--threshold", "1", "--comparison-operator", "GreaterThanThreshold", "--dimensions", "Name=Route,Value=/a")
	run("put-composite-alarm", "--alarm-name", "all", "--alarm-rule", "ALARM(errors)")
	run("set-alarm-state", "--alarm-name", "errors", "--state-value", "ALARM", "--state-reason", "testing")
	out = run("describe-alarms", "--alarm-types", "MetricAlarm", "CompositeAlarm", "--state-value", "ALARM", "--query", "[MetricAlarms,CompositeAlarms][][AlarmName,StateReason]", "--output", "text")
	if !strings.Contains(out, "errors\ttesting") || !strings.Contains(out, "all\tarn:aws:cloudwatch:us-east-1:000000000000:alarm:errors transitioned to ALARM at ") {
		t.Error(out)
	}
	if out = run("describe-alarm-history", "--alarm-name", "errors", "--query", "AlarmHistoryItems[].HistorySummary", "--output", "text"); !strings.HasPrefix(out, "Alarm updated from INSUFFICIENT_DATA to ALARM\tAlarm \"errors\" created") {
		t.Error(out)
	}
}
