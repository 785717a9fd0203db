package alarm

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/value"
)

// Limits of a state's texts (API reference, StateReason and StateReasonData), and of how many data points a reason tells.
const (
	maxReason     = 1023
	maxReasonData = 4000
	maxTold       = 5
)

// How CloudWatch writes times: in reasons, and in data for programs.
const (
	reasonTime = "02/01/06 15:04:05"
	dataTime   = "2006-01-02T15:04:05.000-0700"
	spokenTime = "Monday 02 January, 2006 15:04:05 UTC"
)

// number writes a double as AWS does, 1.0 for 1.
func number(f float64) string { return value.Text(value.Float(f)) }

// evaluation is a verdict with the time that it is of.
type evaluation struct {
	verdict
	at time.Time // the end of the last period
}

func (e *evaluation) start(c *Condition, p datapoint) time.Time {
	return e.at.Add(-time.Duration(p.age+1) * c.Period).UTC()
}

// plural writes "1 datapoint was" or "2 datapoints were".
func plural(n int, noun string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s was", n, noun)
	}
	return fmt.Sprintf("%d %ss were", n, noun)
}

// reason says in AWS's words why an alarm has its state.
func (e *evaluation) reason(c *Condition) string {
	if e.value == Insufficient {
		return "Insufficient Data: " + plural(c.EvaluationPeriods, "datapoint") + " unknown."
	}
	treated := "NonBreaching"
	if c.TreatMissingData == Breaching {
		treated = "Breaching"
	}
	missing := plural(e.filled, "missing datapoint") + " treated as [" + treated + "]"
	if len(e.evaluated) == 0 {
		periods := "1 period"
		if c.EvaluationPeriods != 1 {
			periods = fmt.Sprintf("%d periods", c.EvaluationPeriods)
		}
		return "Threshold Crossed: no datapoints were received for " + periods + " and " + missing + "."
	}
	var told []datapoint // those that speak for the state
	for _, p := range e.evaluated {
		if p.breach == (e.value == InAlarm) {
			told = append(told, p)
		}
	}
	text := "Threshold Crossed: " + e.points(c, told) + " the threshold (" + number(c.Threshold) + ")"
	if e.filled > 0 {
		text += " and " + missing
	}
	if c.DatapointsToAlarm > 0 {
		text += e.minimum(c)
	}
	return clip(text+".", maxReason)
}

// points tells data points and how they compare.
func (e *evaluation) points(c *Condition, told []datapoint) string {
	var values []string
	for i, p := range told {
		if i == maxTold {
			values = append(values, "...")
			break
		}
		values = append(values, number(p.value)+" ("+e.start(c, p).Format(reasonTime)+")")
	}
	not := ""
	if e.value != InAlarm {
		not = "not "
	}
	were := "was"
	if len(told) != 1 {
		were = "were"
	}
	count := fmt.Sprintf("%d datapoint", len(told))
	if len(told) != 1 {
		count += "s"
	}
	if c.DatapointsToAlarm > 0 {
		count = fmt.Sprintf("%d out of the last %d datapoints", len(told), c.EvaluationPeriods)
	}
	return fmt.Sprintf("%s [%s] %s %s%s", count, strings.Join(values, ", "), were, not, operators[c.ComparisonOperator].words)
}

// minimum says how many data points make the transition of an M out of N alarm.
func (e *evaluation) minimum(c *Condition) string {
	n, way := c.needed(), "OK -> ALARM"
	if e.value != InAlarm {
		n, way = c.EvaluationPeriods-c.needed()+1, "ALARM -> OK"
	}
	if n == 1 {
		return " (minimum 1 datapoint for " + way + " transition)"
	}
	return fmt.Sprintf(" (minimum %d datapoints for %s transition)", n, way)
}

func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// double is a number that JSON has with a point.
type double float64

// MarshalJSON implements json.Marshaler.
func (d double) MarshalJSON() ([]byte, error) { return []byte(number(float64(d))), nil }

// reasonData is a reason for programs, as CloudWatch's histories have it.
type reasonData struct {
	Version          string           `json:"version"`
	QueryDate        string           `json:"queryDate"`
	StartDate        string           `json:"startDate,omitempty"`
	Unit             string           `json:"unit,omitempty"`
	Statistic        string           `json:"statistic,omitempty"`
	Period           int64            `json:"period"`
	RecentDatapoints []double         `json:"recentDatapoints"`
	Threshold        double           `json:"threshold"`
	Evaluated        []evaluatedPoint `json:"evaluatedDatapoints"`
}

type evaluatedPoint struct {
	Timestamp   string  `json:"timestamp"`
	SampleCount double  `json:"sampleCount,omitempty"`
	Value       *double `json:"value,omitempty"`
}

// data says for programs why an alarm has its state.
func (e *evaluation) data(c *Condition, now time.Time) string {
	r := reasonData{
		Version: "1.0", QueryDate: now.UTC().Format(dataTime), Unit: string(c.Unit), Statistic: c.Statistic,
		Period: int64(c.Period / time.Second), RecentDatapoints: []double{}, Threshold: double(c.Threshold), Evaluated: []evaluatedPoint{},
	}
	for i := len(e.evaluated) - 1; i >= 0; i-- { // the oldest first
		p := e.evaluated[i]
		v := double(p.value)
		if r.StartDate == "" {
			r.StartDate = e.start(c, p).Format(dataTime)
		}
		r.RecentDatapoints = append(r.RecentDatapoints, v)
	}
	for _, p := range e.evaluated {
		v := double(p.value)
		r.Evaluated = append(r.Evaluated, evaluatedPoint{e.start(c, p).Format(dataTime), double(p.count), &v})
	}
	if len(e.evaluated) == 0 {
		for age := range c.EvaluationPeriods {
			r.Evaluated = append(r.Evaluated, evaluatedPoint{Timestamp: e.start(c, datapoint{age: age}).Format(dataTime)})
		}
	}
	for { // with many periods the data points that are told become fewer
		text, err := json.Marshal(r)
		if err != nil {
			return ""
		}
		if len(text) <= maxReasonData {
			return string(text)
		}
		r.Evaluated = r.Evaluated[:len(r.Evaluated)/2]
		r.RecentDatapoints = r.RecentDatapoints[len(r.RecentDatapoints)-len(r.RecentDatapoints)/2:]
	}
}
