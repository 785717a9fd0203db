package api

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/sfn"
)

// Limits of metric filters (API reference, CloudWatch Logs).
const (
	maxFilterMetric   = 255
	maxFilterValue    = 100
	maxTestedMessages = 50
)

type metricTransformation struct {
	MetricName      sfn.OptString     `json:"metricName"`
	MetricNamespace sfn.OptString     `json:"metricNamespace"`
	MetricValue     sfn.OptString     `json:"metricValue"`
	DefaultValue    *float64          `json:"defaultValue,omitempty"`
	Dimensions      map[string]string `json:"dimensions,omitempty"`
	Unit            string            `json:"unit,omitempty"`
}

type putMetricFilterInput struct {
	LogGroupName          sfn.OptString          `json:"logGroupName"`
	FilterName            sfn.OptString          `json:"filterName"`
	FilterPattern         sfn.OptString          `json:"filterPattern"`
	MetricTransformations []metricTransformation `json:"metricTransformations"`
}

// filterName bounds the name of a metric filter.
func (c *constraints) filterName(v sfn.OptString) {
	c.required("filterName", v)
	c.length("filterName", v, 1, maxLogName)
	if v.Set && strings.ContainsAny(v.Text, ":*") {
		c.add("'"+v.Text+"' ", "filterName", "Member must satisfy regular expression pattern: "+logStreamPattern)
	}
}

func (in *putMetricFilterInput) check() error {
	var c constraints
	c.required("logGroupName", in.LogGroupName)
	c.logGroup("logGroupName", in.LogGroupName)
	c.filterName(in.FilterName)
	c.required("filterPattern", in.FilterPattern)
	switch n := len(in.MetricTransformations); {
	case in.MetricTransformations == nil:
		c.add("null ", "metricTransformations", "Member must not be null")
	case n != 1:
		c.add("", "metricTransformations", "Member must have length equal to 1")
	}
	for i, t := range in.MetricTransformations {
		at := "metricTransformations." + strconv.Itoa(i+1) + ".member."
		for name, v := range map[string]sfn.OptString{"metricName": t.MetricName, "metricNamespace": t.MetricNamespace} {
			c.required(at+name, v)
			c.length(at+name, v, 1, maxFilterMetric)
			if strings.ContainsAny(v.Text, ":*$") {
				c.add("'"+v.Text+"' ", at+name, "Member must satisfy regular expression pattern: [^:*$]*")
			}
		}
		c.required(at+"metricValue", t.MetricValue)
		c.length(at+"metricValue", t.MetricValue, 0, maxFilterValue)
		if t.Unit != "" && !slices.Contains(metrics.Units(), metrics.Unit(t.Unit)) {
			c.add("'"+t.Unit+"' ", at+"unit", "Member must satisfy enum value set")
		}
	}
	return c.logsErr()
}

func (s *cloudWatchLogs) putMetricFilter(_ context.Context, in *putMetricFilterInput) (nothing, error) {
	if err := in.check(); err != nil {
		return nothing{}, err
	}
	m := logs.MetricFilter{Name: in.FilterName.Text, Pattern: in.FilterPattern.Text}
	for _, t := range in.MetricTransformations {
		m.Transformations = append(m.Transformations, logs.MetricTransformation{
			Name: t.MetricName.Text, Namespace: t.MetricNamespace.Text, Value: t.MetricValue.Text, Default: t.DefaultValue, Unit: t.Unit, Dimensions: t.Dimensions,
		})
	}
	return nothing{}, s.logs.PutMetricFilter(in.LogGroupName.Text, m)
}

type deleteMetricFilterInput struct {
	LogGroupName sfn.OptString `json:"logGroupName"`
	FilterName   sfn.OptString `json:"filterName"`
}

func (s *cloudWatchLogs) deleteMetricFilter(_ context.Context, in *deleteMetricFilterInput) (nothing, error) {
	var c constraints
	c.required("logGroupName", in.LogGroupName)
	c.logGroup("logGroupName", in.LogGroupName)
	c.filterName(in.FilterName)
	if err := c.logsErr(); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.logs.DeleteMetricFilter(in.LogGroupName.Text, in.FilterName.Text)
}

type describeMetricFiltersInput struct {
	LogGroupName     string        `json:"logGroupName"`
	FilterNamePrefix string        `json:"filterNamePrefix"`
	MetricName       string        `json:"metricName"`
	MetricNamespace  string        `json:"metricNamespace"`
	Limit            *int          `json:"limit"`
	NextToken        sfn.OptString `json:"nextToken"`
}

type describeMetricFiltersOutput struct {
	MetricFilters []metricFilterOutput `json:"metricFilters"`
	NextToken     string               `json:"nextToken,omitempty"`
}

type metricFilterOutput struct {
	FilterName            string                 `json:"filterName"`
	FilterPattern         string                 `json:"filterPattern"`
	MetricTransformations []metricTransformation `json:"metricTransformations"`
	CreationTime          int64                  `json:"creationTime"`
	LogGroupName          string                 `json:"logGroupName"`
}

func (in *describeMetricFiltersInput) takes(f *logs.GroupFilter) bool {
	counts := func(t logs.MetricTransformation) bool {
		return t.Name == in.MetricName && t.Namespace == in.MetricNamespace
	}
	return strings.HasPrefix(f.Name, in.FilterNamePrefix) && (in.MetricName == "" || slices.ContainsFunc(f.Transformations, counts))
}

func (s *cloudWatchLogs) describeMetricFilters(_ context.Context, in *describeMetricFiltersInput) (*describeMetricFiltersOutput, error) {
	var c constraints
	c.limit(in.Limit, maxLogPage)
	if (in.MetricName == "") != (in.MetricNamespace == "") {
		return nil, sfn.Refuse(logs.InvalidParameterException, "metricName and metricNamespace must be given together.")
	}
	if err := c.logsErr(); err != nil {
		return nil, err
	}
	token := in.NextToken
	in.NextToken = sfn.OptString{}
	scope := scopeOf("DescribeMetricFilters", in)
	position, err := openToken(scope, token, s.now())
	if err != nil {
		return nil, invalidLogsToken()
	}
	list, err := s.logs.MetricFilters(in.LogGroupName)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(f logs.GroupFilter) bool { return !in.takes(&f) })
	from, _ := strconv.Atoi(position) // 0 without a token; a token's position is one that was put there
	from = min(max(from, 0), len(list))
	to := min(from+pageLimit(in.Limit, maxLogPage), len(list))
	out := &describeMetricFiltersOutput{MetricFilters: []metricFilterOutput{}}
	if to < len(list) {
		out.NextToken = pageToken(scope, strconv.Itoa(to), s.now())
	}
	for _, f := range list[from:to] {
		shown := metricFilterOutput{FilterName: f.Name, FilterPattern: f.Pattern, CreationTime: f.Created, LogGroupName: f.Group}
		for _, t := range f.Transformations {
			shown.MetricTransformations = append(shown.MetricTransformations, metricTransformation{
				sfn.Some(t.Name), sfn.Some(t.Namespace), sfn.Some(t.Value), t.Default, t.Dimensions, t.Unit,
			})
		}
		out.MetricFilters = append(out.MetricFilters, shown)
	}
	return out, nil
}

type testMetricFilterInput struct {
	FilterPattern    sfn.OptString `json:"filterPattern"`
	LogEventMessages []string      `json:"logEventMessages"`
}

type testMetricFilterOutput struct {
	Matches []metricFilterMatch `json:"matches"`
}

type metricFilterMatch struct {
	EventNumber     int               `json:"eventNumber"`
	EventMessage    string            `json:"eventMessage"`
	ExtractedValues map[string]string `json:"extractedValues"`
}

func (s *cloudWatchLogs) testMetricFilter(_ context.Context, in *testMetricFilterInput) (*testMetricFilterOutput, error) {
	var c constraints
	c.required("filterPattern", in.FilterPattern)
	if n := len(in.LogEventMessages); n < 1 || n > maxTestedMessages {
		c.add("", "logEventMessages", "Member must have length between 1 and "+strconv.Itoa(maxTestedMessages))
	}
	if err := c.logsErr(); err != nil {
		return nil, err
	}
	f, err := logs.ParseFilter(in.FilterPattern.Text)
	if err != nil {
		return nil, err
	}
	out := &testMetricFilterOutput{Matches: []metricFilterMatch{}}
	for i, message := range in.LogEventMessages {
		if f.Match(message) {
			out.Matches = append(out.Matches, metricFilterMatch{i + 1, message, f.Extract(message)})
		}
	}
	return out, nil
}
