package api

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/sfn"
)

// Limits of CloudWatch's data operations (API reference; CloudWatch quotas).
const (
	maxMetricData    = 1000
	maxDatumValues   = 150
	maxDataQueries   = 500
	maxDatapoints    = 100_800 // of a page of GetMetricData
	maxStatistics    = 1440    // datapoints of GetMetricStatistics
	maxMetricsPage   = 500
	maxMetricPast    = 14 * 24 * time.Hour
	maxMetricFuture  = 2 * time.Hour
	maxMetricPowers  = 360 // values lie between -2^360 and 2^360
	reservedMetrics  = "AWS/"
	defaultScanOrder = "TimestampDescending"
)

type metricDatumInput struct {
	MetricName        string             `json:"MetricName"`
	Dimensions        []dimensionInput   `json:"Dimensions"`
	Timestamp         *epoch             `json:"Timestamp"`
	Value             *double            `json:"Value"`
	StatisticValues   *statisticSetInput `json:"StatisticValues"`
	Values            []double           `json:"Values"`
	Counts            []double           `json:"Counts"`
	Unit              string             `json:"Unit"`
	StorageResolution *int               `json:"StorageResolution"`
}

type statisticSetInput struct {
	SampleCount *double `json:"SampleCount"`
	Sum         *double `json:"Sum"`
	Minimum     *double `json:"Minimum"`
	Maximum     *double `json:"Maximum"`
}

type putMetricDataInput struct {
	Namespace        string             `json:"Namespace"`
	MetricData       []metricDatumInput `json:"MetricData"`
	EntityMetricData []struct {
		MetricData []metricDatumInput `json:"MetricData"`
	} `json:"EntityMetricData"` // the entities themselves are for Application Signals, which is not here
}

func (s *cloudWatch) putMetricData(_ context.Context, in *putMetricDataInput) (nothing, error) {
	all := in.MetricData
	for _, e := range in.EntityMetricData {
		all = append(all, e.MetricData...)
	}
	var c complaints
	c.required("Namespace", in.Namespace != "")
	c.required("MetricData", len(all) > 0)
	c.size("MetricData", len(all), maxMetricData)
	if strings.HasPrefix(in.Namespace, reservedMetrics) {
		c.add(invalidParameterValue, "The value %s for parameter Namespace is invalid.", in.Namespace)
	}
	if err := c.err(); err != nil {
		return nothing{}, err
	}
	data := make([]metrics.Datum, 0, len(all))
	for i := range all {
		at := "MetricData.member." + strconv.Itoa(i+1) + "."
		data = append(data, all[i].read(&c, at, in.Namespace, s.now()))
	}
	if err := c.err(); err != nil {
		return nothing{}, err
	}
	err := s.metrics.Put(data)
	if errors.Is(err, metrics.ErrTooMany) {
		return nothing{}, sfn.Refuse(invalidParameterValue, "%v.", err)
	}
	return nothing{}, err
}

// read checks a datum and makes it one to keep.
func (d *metricDatumInput) read(c *complaints, at, namespace string, now time.Time) metrics.Datum {
	c.required(at+"MetricName", d.MetricName != "")
	c.length(at+"MetricName", d.MetricName, 255)
	c.plain(at+"MetricName", d.MetricName)
	c.length("Namespace", namespace, 255)
	c.plain("Namespace", namespace)
	c.dimensions(at, d.Dimensions)
	c.unit(at+"Unit", d.Unit)
	out := metrics.Datum{Metric: metricOf(namespace, d.MetricName, d.Dimensions), Unit: metrics.Unit(d.Unit), Time: now}
	if d.Timestamp != nil {
		out.Time = d.Timestamp.time()
		switch {
		case out.Time.After(now.Add(maxMetricFuture)):
			c.add(invalidParameterValue, "The parameter %sTimestamp must specify a time no more than two hours in the future.", at)
		case out.Time.Before(now.Add(-maxMetricPast)):
			c.add(invalidParameterValue, "The parameter %sTimestamp must specify a time within the past two weeks.", at)
		}
	}
	switch {
	case d.StorageResolution == nil || *d.StorageResolution == 60:
	case *d.StorageResolution == 1:
		out.HighResolution = true
	default:
		c.add(invalidParameterValue, "The value %d for parameter %sStorageResolution is invalid. Valid values are 1 and 60.", *d.StorageResolution, at)
	}
	out.Values = d.values(c, at)
	return out
}

// values are what was measured, in one of the three forms.
func (d *metricDatumInput) values(c *complaints, at string) (a metrics.Aggregate) {
	type form struct {
		name  string
		given bool
	}
	forms := []form{{"Value", d.Value != nil}, {"StatisticValues", d.StatisticValues != nil}, {"Values", len(d.Values) > 0}}
	given := forms[:0:0]
	for _, f := range forms {
		if f.given {
			given = append(given, f)
		}
	}
	switch {
	case len(given) == 0:
		c.add(invalidParameterCombination, "At least one of the parameters %sValue and %sStatisticValues must be specified.", at, at)
		return a
	case len(given) > 1:
		c.add(invalidParameterCombination, "The parameters %s%s and %s%s are mutually exclusive and you have specified both.", at, given[0].name, at, given[1].name)
		return a
	case d.Value != nil:
		return metrics.Value(c.finite(at+"Value", *d.Value))
	case d.StatisticValues != nil:
		return d.StatisticValues.read(c, at+"StatisticValues.")
	}
	c.size(at+"Values", len(d.Values), maxDatumValues)
	if len(d.Counts) > 0 && len(d.Counts) != len(d.Values) {
		c.add(invalidParameterCombination, "The parameters %sValues and %sCounts must be of the same size.", at, at)
		return a
	}
	for i, v := range d.Values {
		count := 1.0
		if len(d.Counts) > 0 {
			if count = c.finite(at+"Counts.member."+strconv.Itoa(i+1), d.Counts[i]); count < 0 {
				c.add(invalidParameterValue, "The value %v for parameter %sCounts.member.%d is invalid.", count, at, i+1)
			}
		}
		if v := metrics.Repeated(c.finite(at+"Values.member."+strconv.Itoa(i+1), v), count); count > 0 {
			a.Add(&v)
		}
	}
	return a
}

// finite demands a number that CloudWatch keeps.
func (c *complaints) finite(name string, v double) float64 {
	f := float64(v)
	if math.IsNaN(f) || math.Abs(f) > math.Ldexp(1, maxMetricPowers) {
		c.add(invalidParameterValue, "The value %v for parameter %s is invalid.", f, name)
		return 0
	}
	return f
}

func (set *statisticSetInput) read(c *complaints, at string) (a metrics.Aggregate) {
	var n [4]float64
	for i, m := range []struct {
		name string
		v    *double
	}{{"SampleCount", set.SampleCount}, {"Sum", set.Sum}, {"Minimum", set.Minimum}, {"Maximum", set.Maximum}} {
		c.required(at+m.name, m.v != nil)
		if m.v != nil {
			n[i] = c.finite(at+m.name, *m.v)
		}
	}
	switch {
	case n[0] < 0:
		c.add(invalidParameterValue, "The value %v for parameter %sSampleCount is invalid.", n[0], at)
	case n[2] > n[3]:
		c.add(invalidParameterCombination, "The parameter %sMaximum must be greater than %sMinimum.", at, at)
	case n[0] == 0:
		return a
	}
	return metrics.Summary(n[0], n[1], n[2], n[3])
}

type metricInput struct {
	Namespace  string           `json:"Namespace"`
	MetricName string           `json:"MetricName"`
	Dimensions []dimensionInput `json:"Dimensions,omitempty"`
}

type metricStatInput struct {
	Metric *metricInput `json:"Metric"`
	Period *int         `json:"Period"`
	Stat   string       `json:"Stat"`
	Unit   string       `json:"Unit,omitempty"`
}

type metricQueryInput struct {
	ID         string           `json:"Id"`
	MetricStat *metricStatInput `json:"MetricStat,omitempty"`
	Expression string           `json:"Expression,omitempty"`
	Label      string           `json:"Label,omitempty"`
	ReturnData *bool            `json:"ReturnData,omitempty"`
	Period     *int             `json:"Period,omitempty"`
	AccountID  string           `json:"AccountId,omitempty"`
}

type metricDataInput struct {
	Queries       []metricQueryInput `json:"MetricDataQueries"`
	StartTime     *epoch             `json:"StartTime"`
	EndTime       *epoch             `json:"EndTime"`
	NextToken     sfn.OptString      `json:"NextToken"`
	ScanBy        string             `json:"ScanBy"`
	MaxDatapoints *int               `json:"MaxDatapoints"`
	LabelOptions  *struct {
		Timezone string `json:"Timezone"`
	} `json:"LabelOptions"`
}

type metricDataOutput struct {
	Results   []metricDataResult `json:"MetricDataResults"`
	NextToken string             `json:"NextToken,omitempty"`
	Messages  []messageData      `json:"Messages"`
}

type metricDataResult struct {
	ID         string      `json:"Id"`
	Label      string      `json:"Label"`
	Timestamps []timestamp `json:"Timestamps"`
	Values     []double    `json:"Values"`
	StatusCode string      `json:"StatusCode"`
}

type messageData struct {
	Code  string `json:"Code"`
	Value string `json:"Value"`
}

// invalidQuery is a ValidationError, which has no shape in the model.
func invalidQuery(format string, args ...any) error {
	return sfn.Refuse(sfn.ValidationException, format, args...)
}

// read makes a query of a request's, at is where it stands there.
func (q *metricQueryInput) read(c *complaints, at string) metrics.Query {
	out := metrics.Query{ID: q.ID, Label: q.Label, Expression: q.Expression, Return: q.ReturnData == nil || *q.ReturnData}
	c.required(at+"Id", q.ID != "")
	if q.Period != nil {
		out.Period = time.Duration(*q.Period) * time.Second
	}
	switch {
	case q.MetricStat == nil && q.Expression == "":
		c.add(sfn.ValidationException, "Exactly one of the parameters %sMetricStat and %sExpression must be specified.", at, at)
	case q.MetricStat != nil && q.Expression != "":
		c.add(sfn.ValidationException, "The parameters %sMetricStat and %sExpression are mutually exclusive and you have specified both.", at, at)
	case q.MetricStat != nil:
		m := q.MetricStat
		at += "MetricStat."
		if m.Metric == nil {
			c.required(at+"Metric", false)
			return out
		}
		c.metric(at+"Metric.", m.Metric.Namespace, m.Metric.MetricName, m.Metric.Dimensions)
		c.required(at+"Stat", m.Stat != "")
		c.required(at+"Period", m.Period != nil)
		c.unit(at+"Unit", m.Unit)
		out.Metric, out.Stat, out.Unit = metricOf(m.Metric.Namespace, m.Metric.MetricName, m.Metric.Dimensions), m.Stat, metrics.Unit(m.Unit)
		if m.Period != nil {
			out.Period = time.Duration(*m.Period) * time.Second
		}
		if _, ok := metrics.ParseStatistic(m.Stat); !ok && m.Stat != "" {
			c.add(sfn.ValidationException, "The value %s for parameter %sStat is not a valid statistic.", m.Stat, at)
		}
	}
	return out
}

func (s *cloudWatch) getMetricData(_ context.Context, in *metricDataInput) (*metricDataOutput, error) {
	token := in.NextToken
	in.NextToken = sfn.OptString{}
	scope := scopeOf("GetMetricData", in)
	from, err := s.offset(scope, token)
	if err != nil {
		return nil, err
	}
	most := maxDatapoints
	var c complaints
	c.required("MetricDataQueries", len(in.Queries) > 0)
	c.size("MetricDataQueries", len(in.Queries), maxDataQueries)
	c.timeRange(in.StartTime, in.EndTime)
	if in.MaxDatapoints != nil {
		most = *in.MaxDatapoints
		if most < 1 || most > maxDatapoints {
			c.add(sfn.ValidationException, "The parameter MaxDatapoints must be between 1 and %d.", maxDatapoints)
		}
	}
	if in.ScanBy != "" && in.ScanBy != "TimestampAscending" && in.ScanBy != defaultScanOrder {
		c.add(sfn.ValidationException, "The parameter ScanBy must be a value in the set [ TimestampDescending, TimestampAscending ].")
	}
	queries := make([]metrics.Query, 0, len(in.Queries))
	for i := range min(len(in.Queries), maxDataQueries) {
		queries = append(queries, in.Queries[i].read(&c, "MetricDataQueries.member."+strconv.Itoa(i+1)+"."))
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	list, err := s.metrics.Data(queries, in.StartTime.time(), in.EndTime.time())
	var wrong *metrics.QueryError
	if errors.As(err, &wrong) {
		return nil, invalidQuery("%s", wrong.Message)
	}
	if err != nil {
		return nil, err
	}
	out := &metricDataOutput{Messages: []messageData{}}
	if in.LabelOptions != nil {
		out.Messages = append(out.Messages, messageData{"LabelOptionsIgnored", "Labels hold no times here, so LabelOptions changes nothing."})
	}
	all := 0
	out.Results, all = cutSeries(list, in.ScanBy, from, most)
	out.NextToken = s.next(scope, from+most, all)
	return out, nil
}

// timeRange demands a time that ends after it begins.
func (c *complaints) timeRange(start, end *epoch) {
	c.required("StartTime", start != nil)
	c.required("EndTime", end != nil)
	if start != nil && end != nil && *start >= *end {
		c.add(sfn.ValidationException, "The parameter StartTime must be less than the parameter EndTime.")
	}
}

// cutSeries is the page of most values behind from, of all that the series have one after the other.
func cutSeries(list []metrics.Series, order string, from, most int) (page []metricDataResult, all int) {
	page = []metricDataResult{}
	for _, one := range list {
		n := len(one.Times)
		first, last := min(max(from-all, 0), n), min(max(from+most-all, 0), n)
		all += n
		if first == last && (n > 0 || from > 0) {
			continue // on another page; those without any are on the first
		}
		r := metricDataResult{ID: one.ID, Label: one.Label, Timestamps: []timestamp{}, Values: []double{}, StatusCode: "Complete"}
		if last < n {
			r.StatusCode = "PartialData"
		}
		for i := first; i < last; i++ {
			at := i
			if order != "TimestampAscending" {
				at = n - 1 - i
			}
			r.Timestamps = append(r.Timestamps, timestamp{one.Times[at]})
			r.Values = append(r.Values, double(one.Values[at]))
		}
		page = append(page, r)
	}
	return page, all
}

type metricStatisticsInput struct {
	Namespace          string           `json:"Namespace"`
	MetricName         string           `json:"MetricName"`
	Dimensions         []dimensionInput `json:"Dimensions"`
	StartTime          *epoch           `json:"StartTime"`
	EndTime            *epoch           `json:"EndTime"`
	Period             *int             `json:"Period"`
	Statistics         []string         `json:"Statistics"`
	ExtendedStatistics []string         `json:"ExtendedStatistics"`
	Unit               string           `json:"Unit"`
}

type metricStatisticsOutput struct {
	Label      string           `json:"Label"`
	Datapoints []map[string]any `json:"Datapoints"` // a member for each statistic that was asked for
}

func (in *metricStatisticsInput) check(c *complaints) {
	c.metric("", in.Namespace, in.MetricName, in.Dimensions)
	c.timeRange(in.StartTime, in.EndTime)
	if c.name == sfn.ValidationException {
		c.name = invalidParameterCombination
	}
	c.required("Period", in.Period != nil)
	c.unit("Unit", in.Unit)
	c.size("Statistics", len(in.Statistics), 5)
	c.size("ExtendedStatistics", len(in.ExtendedStatistics), 10)
	if len(in.Statistics)+len(in.ExtendedStatistics) == 0 {
		c.add(invalidParameterCombination, "At least one of the parameters Statistics and ExtendedStatistics must be specified.")
	}
	for i, stat := range in.Statistics {
		if !basicStatistic(stat) {
			c.add(invalidParameterValue, "The parameter Statistics.member.%d must be a value in the set [ SampleCount, Average, Sum, Minimum, Maximum ].", i+1)
		}
	}
	for i, stat := range in.ExtendedStatistics {
		if _, ok := metrics.ParseStatistic(stat); !ok || basicStatistic(stat) {
			c.add(invalidParameterValue, "The value %s for parameter ExtendedStatistics.member.%d is invalid.", stat, i+1)
		}
	}
	if in.Period != nil && !metrics.ValidPeriod(time.Duration(*in.Period)*time.Second) {
		c.add(invalidParameterValue, "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
	}
	if c.name != "" {
		return
	}
	if n := int64(in.EndTime.time().Sub(in.StartTime.time())/time.Second) / int64(*in.Period); n > maxStatistics {
		c.add(invalidParameterCombination, "You have requested up to %s datapoints, which exceeds the limit of 1,440. "+
			"You may reduce the datapoints requested by increasing Period, or decreasing the time range.", grouped(n))
	}
}

// grouped writes a number with commas between thousands.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// basicStatistic tells whether the statistic is one of those that are not extended.
func basicStatistic(stat string) bool {
	switch stat {
	case "SampleCount", "Average", "Sum", "Minimum", "Maximum":
		return true
	}
	return false
}

func (s *cloudWatch) getMetricStatistics(_ context.Context, in *metricStatisticsInput) (*metricStatisticsOutput, error) {
	var c complaints
	in.check(&c)
	if err := c.err(); err != nil {
		return nil, err
	}
	period := time.Duration(*in.Period) * time.Second
	span := metrics.Span{From: in.StartTime.time().Truncate(min(period, time.Minute)), To: in.EndTime.time(), Period: period}
	points, err := s.metrics.Points(metricOf(in.Namespace, in.MetricName, in.Dimensions), metrics.Unit(in.Unit), span)
	if err != nil {
		return nil, err
	}
	out := &metricStatisticsOutput{Label: in.MetricName, Datapoints: []map[string]any{}}
	for i := range points {
		p := &points[i]
		d := map[string]any{"Timestamp": timestamp{p.Start}, "Unit": string(p.Unit)}
		for _, name := range in.Statistics {
			stat, _ := metrics.ParseStatistic(name)
			v, _ := stat.Of(&p.Aggregate)
			d[name] = double(v)
		}
		extended := map[string]double{}
		for _, name := range in.ExtendedStatistics {
			stat, _ := metrics.ParseStatistic(name)
			if v, ok := stat.Of(&p.Aggregate); ok {
				extended[name] = double(v)
			}
		}
		if len(in.ExtendedStatistics) > 0 {
			d["ExtendedStatistics"] = extended
		}
		if len(in.Statistics) > 0 || len(extended) > 0 {
			out.Datapoints = append(out.Datapoints, d)
		}
	}
	return out, nil
}

type listMetricsInput struct {
	Namespace      string           `json:"Namespace"`
	MetricName     string           `json:"MetricName"`
	Dimensions     []dimensionInput `json:"Dimensions"` // a filter: without a value any will do
	NextToken      sfn.OptString    `json:"NextToken"`
	RecentlyActive string           `json:"RecentlyActive"`
}

type listMetricsOutput struct {
	Metrics   []metricOutput `json:"Metrics"`
	NextToken string         `json:"NextToken,omitempty"`
}

type metricOutput struct {
	Namespace  string           `json:"Namespace"`
	MetricName string           `json:"MetricName"`
	Dimensions []dimensionInput `json:"Dimensions"`
}

func (s *cloudWatch) listMetrics(_ context.Context, in *listMetricsInput) (*listMetricsOutput, error) {
	var c complaints
	c.size("Dimensions", len(in.Dimensions), 10)
	if in.RecentlyActive != "" && in.RecentlyActive != "PT3H" {
		c.add(invalidParameterValue, "The parameter RecentlyActive must be a value in the set [ PT3H ].")
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	token := in.NextToken
	in.NextToken = sfn.OptString{}
	scope := scopeOf("ListMetrics", in)
	from, err := s.offset(scope, token)
	if err != nil {
		return nil, err
	}
	f := metrics.Filter{Namespace: in.Namespace, Name: in.MetricName, Active: in.RecentlyActive != ""}
	for _, d := range in.Dimensions {
		f.Dimensions = append(f.Dimensions, metrics.Dimension(d))
	}
	list, err := s.metrics.Metrics(f)
	if err != nil {
		return nil, err
	}
	from = min(from, len(list))
	to := min(from+maxMetricsPage, len(list))
	out := &listMetricsOutput{Metrics: []metricOutput{}, NextToken: s.next(scope, to, len(list))}
	for i := from; i < to; i++ {
		out.Metrics = append(out.Metrics, metricOutput{list[i].Namespace, list[i].Name, dimensionsOf(&list[i])})
	}
	return out, nil
}
