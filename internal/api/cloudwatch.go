package api

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/metrics/alarm"
	"github.com/tutti-run/tutti/internal/metrics/dashboard"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// The exceptions of CloudWatch, by the names of their shapes in its model.
const (
	invalidParameterValue       sfn.ExceptionName = "InvalidParameterValueException"       // a member breaks its constraint
	invalidParameterCombination sfn.ExceptionName = "InvalidParameterCombinationException" // members do not go together
	missingRequiredParameter    sfn.ExceptionName = "MissingRequiredParameterException"    // a member is absent
	invalidMetricsToken         sfn.ExceptionName = "InvalidNextToken"                     // the token is none, or another request's
)

// ofCloudWatch is the namespace of CloudWatch's own exceptions.
const ofCloudWatch = "com.amazonaws.cloudwatch#"

// cloudWatchProtocol is how CloudWatch is spoken to by clients that speak JSON. Those that speak CBOR or the query protocol are translated for.
var cloudWatchProtocol = protocol{
	route:       route{title: "Amazon CloudWatch", target: "GraniteServiceVersion20100801", version: "2010-08-01", scope: "monitoring", hosts: []string{"monitoring"}},
	contentType: json10,
	namespace:   ofCloudWatch,
	exceptions: map[sfn.ExceptionName]exception{
		invalidParameterValue:       {ofCloudWatch, 400},
		invalidParameterCombination: {ofCloudWatch, 400},
		missingRequiredParameter:    {ofCloudWatch, 400},
		invalidMetricsToken:         {ofCloudWatch, 400},
		sfn.ValidationException:     {ofValidate, 400},
		alarm.ResourceNotFound:      {ofCloudWatch, 404},
		alarm.LimitExceededFault:    {ofCloudWatch, 400},
		alarm.InvalidFormatFault:    {ofCloudWatch, 400},
		dashboard.NotFound:          {ofCloudWatch, 404},
		dashboard.InvalidInput:      {ofCloudWatch, 400},
		noMetricsResource:           {ofCloudWatch, 404},
	},
	refused: map[string]string{
		"GetMetricWidgetImage": "nothing draws here; read the values with GetMetricData",
		"PutAnomalyDetector":   "nothing learns from metrics here; compare them with a threshold",
		"PutInsightRule":       "there is no Contributor Insights; count with a metric filter of CloudWatch Logs",
		"PutMetricStream":      "metrics are not streamed; read them with GetMetricData",
	},
}

// cloudWatch serves the API of Amazon CloudWatch, version 2010-08-01.
type cloudWatch struct {
	metrics    *metrics.Service
	alarms     *alarm.Alarms
	dashboards *dashboard.Dashboards
	now        func() time.Time
}

func newCloudWatch(c *Config) *cloudWatch {
	s := &cloudWatch{metrics: c.Metrics, alarms: c.Alarms, dashboards: c.Dashboards, now: c.Now}
	if c.Metrics != nil {
		s.now = c.Metrics.Now // alarms go by it, and so must what has no time of its own
	}
	return s
}

// cloudWatchOperations is the table of all operations that are served.
var cloudWatchOperations = map[string]operation[*cloudWatch]{
	"DeleteAlarms":            op((*cloudWatch).deleteAlarms),            // up to a hundred, one composite alarm among them
	"DeleteDashboards":        op((*cloudWatch).deleteDashboards),        // by name
	"DescribeAlarmHistory":    op((*cloudWatch).describeAlarmHistory),    // what has happened to alarms
	"DescribeAlarms":          op((*cloudWatch).describeAlarms),          // with their states
	"DescribeAlarmsForMetric": op((*cloudWatch).describeAlarmsForMetric), // those on one metric
	"DisableAlarmActions":     op((*cloudWatch).disableAlarmActions),     // alarms tell nobody
	"EnableAlarmActions":      op((*cloudWatch).enableAlarmActions),      // and tell again
	"GetDashboard":            op((*cloudWatch).getDashboard),            // with its body
	"GetMetricData":           op((*cloudWatch).getMetricData),           // of many metrics and expressions
	"GetMetricStatistics":     op((*cloudWatch).getMetricStatistics),     // of one metric
	"ListDashboards":          op((*cloudWatch).listDashboards),          // by prefix
	"ListMetrics":             op((*cloudWatch).listMetrics),             // those with values in two weeks
	"ListTagsForResource":     op((*cloudWatch).listTagsForResource),     // of an alarm
	"PutCompositeAlarm":       op((*cloudWatch).putCompositeAlarm),       // an alarm that goes by others
	"PutDashboard":            op((*cloudWatch).putDashboard),            // creates or changes
	"PutMetricAlarm":          op((*cloudWatch).putMetricAlarm),          // creates or changes
	"PutMetricData":           op((*cloudWatch).putMetricData),           // up to a thousand values or sets of them
	"SetAlarmState":           op((*cloudWatch).setAlarmState),           // until the next evaluation
	"TagResource":             op((*cloudWatch).tagResource),             // an alarm
	"UntagResource":           op((*cloudWatch).untagResource),           // an alarm
}

// double is a number that JSON may hold as a text, if it has no digits.
type double float64

// UnmarshalJSON implements json.Unmarshaler.
func (d *double) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `"NaN"`:
		*d = double(math.NaN())
		return nil
	case `"Infinity"`:
		*d = double(math.Inf(1))
		return nil
	case `"-Infinity"`:
		*d = double(math.Inf(-1))
		return nil
	}
	return json.Unmarshal(data, (*float64)(d))
}

// MarshalJSON implements json.Marshaler: a double has a point, also where it is whole.
func (d double) MarshalJSON() ([]byte, error) { return []byte(value.Text(value.Float(d))), nil }

// epoch is a time of a request, in epoch seconds.
type epoch float64

// maxEpoch bounds times to what a timestamp may be, so that none overflows.
const maxEpoch = 253402300799 // the end of the year 9999

func (e epoch) time() time.Time {
	seconds := math.Max(-maxEpoch, math.Min(float64(e), maxEpoch))
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
}

type dimensionInput struct {
	Name  string `json:"Name"`
	Value string `json:"Value"`
}

func metricOf(namespace, name string, dimensions []dimensionInput) metrics.Metric {
	list := make([]metrics.Dimension, 0, len(dimensions))
	for _, d := range dimensions {
		list = append(list, metrics.Dimension(d))
	}
	return metrics.NewMetric(namespace, name, list...)
}

func dimensionsOf(m *metrics.Metric) []dimensionInput {
	list := make([]dimensionInput, 0, len(m.Dimensions))
	for _, d := range m.Dimensions {
		list = append(list, dimensionInput(d))
	}
	return list
}

// complaints gathers what is wrong with parameters, in CloudWatch's words, a line each. The first one's kind is that of the exception.
type complaints struct {
	name  sfn.ExceptionName
	texts []string
}

func (c *complaints) add(name sfn.ExceptionName, format string, args ...any) {
	if c.name == "" {
		c.name = name
	}
	if len(c.texts) < maxComplaints {
		c.texts = append(c.texts, sfn.Refuse(name, format, args...).Message)
	}
}

// maxComplaints bounds how long an error becomes.
const maxComplaints = 20

func (c *complaints) required(name string, there bool) {
	if !there {
		c.add(missingRequiredParameter, "The parameter %s is required.", name)
	}
}

// length bounds a text.
func (c *complaints) length(name, text string, most int) {
	if n := characters(text); n > most {
		c.add(invalidParameterValue, "The parameter %s must be shorter than %d characters.", name, most+1)
	}
}

// size bounds a list.
func (c *complaints) size(name string, n, most int) {
	if n > most {
		c.add(invalidParameterValue, "The collection %s must not have a size greater than %d.", name, most)
	}
}

// plain refuses a text with zeros in it, which no name has.
func (c *complaints) plain(name, text string) {
	if strings.IndexByte(text, 0) >= 0 {
		c.add(invalidParameterValue, "The value for parameter %s holds a character that is not allowed.", name)
	}
}

// unit demands a unit of the table.
func (c *complaints) unit(name, unit string) {
	if unit == "" {
		return
	}
	names := make([]string, 0, 27)
	for _, u := range metrics.Units() {
		if string(u) == unit {
			return
		}
		names = append(names, string(u))
	}
	c.add(invalidParameterValue, "The parameter %s must be a value in the set [ %s ].", name, strings.Join(names, ", "))
}

// metric checks a metric's names.
func (c *complaints) metric(at, namespace, name string, dimensions []dimensionInput) {
	c.required(at+"Namespace", namespace != "")
	c.required(at+"MetricName", name != "")
	c.length(at+"Namespace", namespace, 255)
	c.plain(at+"Namespace", namespace)
	if strings.HasPrefix(namespace, ":") {
		c.add(invalidParameterValue, "The value %s for parameter %sNamespace is invalid.", namespace, at)
	}
	c.length(at+"MetricName", name, 255)
	c.plain(at+"MetricName", name)
	c.dimensions(at, dimensions)
}

func (c *complaints) dimensions(at string, dimensions []dimensionInput) {
	c.size(at+"Dimensions", len(dimensions), metrics.MaxDimensions)
	for i, d := range dimensions {
		each := at + "Dimensions.member." + strconv.Itoa(i+1) + "."
		c.required(each+"Name", d.Name != "")
		c.required(each+"Value", d.Value != "")
		c.length(each+"Name", d.Name, 255)
		c.length(each+"Value", d.Value, 1024)
		c.plain(each+"Name", d.Name)
		c.plain(each+"Value", d.Value)
	}
}

func (c *complaints) err() error {
	if c.name == "" {
		return nil
	}
	return sfn.Refuse(c.name, "%s", strings.Join(c.texts, "\n"))
}

// offset pages through what is counted: from is where the page begins.
func (s *cloudWatch) offset(scope string, token sfn.OptString) (from int, err error) {
	position, err := openToken(scope, token, s.now())
	if err != nil {
		return 0, sfn.Refuse(invalidMetricsToken, "The service cannot parse the provided next token.")
	}
	from, _ = strconv.Atoi(position) // 0 without a token; a token's position is one that was put there
	return max(from, 0), nil
}

// next is the token of the page that begins at to, "" behind the last.
func (s *cloudWatch) next(scope string, to, all int) string {
	if to >= all {
		return ""
	}
	return pageToken(scope, strconv.Itoa(to), s.now())
}

// scopeOf is a text of a request without its token: pages must not be asked for with another one.
func scopeOf(operation string, in any) string {
	text, err := json.Marshal(in)
	if err != nil { // a request that was JSON can be written as such
		return operation
	}
	return operation + "\x00" + string(text)
}
