package alarm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/metrics/alarm"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a journal, metrics and performers in memory.
type world struct {
	mu         sync.Mutex
	documents  map[string]map[string][]byte
	events     []alarm.Event // of states
	configured []alarm.Event
	performed  []string
	failing    error // what performing comes to
	values     map[time.Time]float64
	clock      *clock.Clock
}

func newWorld() *world {
	return &world{documents: map[string]map[string][]byte{}, values: map[time.Time]float64{}, clock: clock.Real()}
}

func (w *world) Documents(collection, prefix string) iter.Seq2[metrics.Document, error] {
	return func(yield func(metrics.Document, error) bool) {
		w.mu.Lock()
		docs := maps.Clone(w.documents[collection])
		w.mu.Unlock()
		for _, key := range slices.Sorted(maps.Keys(docs)) {
			if strings.HasPrefix(key, prefix) && !yield(metrics.Document{Key: key, Value: docs[key]}, nil) {
				return
			}
		}
	}
}

func (w *world) Write(changes []metrics.Change, events []alarm.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range changes {
		if w.documents[c.Collection] == nil {
			w.documents[c.Collection] = map[string][]byte{}
		}
		if c.Value == nil {
			delete(w.documents[c.Collection], c.Key)
		} else {
			w.documents[c.Collection][c.Key] = c.Value
		}
	}
	for _, e := range events {
		if e.DetailType == "CloudWatch Alarm State Change" {
			w.events = append(w.events, e)
		} else {
			w.configured = append(w.configured, e)
		}
	}
	return nil
}

// Data answers an alarm's only query with the values that were set.
func (w *world) Data(_ []metrics.Query, from, to time.Time) ([]metrics.Series, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var s metrics.Series
	for _, at := range slices.SortedFunc(maps.Keys(w.values), time.Time.Compare) {
		if !at.Before(from) && at.Before(to) {
			s.Times, s.Values, s.Counts = append(s.Times, at), append(s.Values, w.values[at]), append(s.Counts, 1)
		}
	}
	return []metrics.Series{s}, nil
}

func (w *world) Perform(_ context.Context, action string, n *alarm.Notification) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.performed = append(w.performed, fmt.Sprintf("%s %s", action[strings.LastIndex(action, ":")+1:], n.Alarm.State.Value))
	return w.failing
}

// fail has performing come to an error.
func (w *world) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failing = err
}

// told lists what was performed.
func (w *world) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.performed)
}

// set puts a value into the minute that is running.
func (w *world) set(v float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.values[w.clock.Now().Truncate(time.Minute).UTC()] = v
}

func (w *world) open(t *testing.T) *alarm.Alarms {
	t.Helper()
	a, err := alarm.New(alarm.Config{Journal: w, Metrics: w, Clock: w.clock, Performers: map[string]alarm.Performer{"lambda": w}})
	must(t, err)
	a.Start()
	t.Cleanup(a.Close)
	return a
}

// errorsAlarm goes off when there is more than one error in a minute.
func errorsAlarm() alarm.Alarm {
	return alarm.Alarm{
		Name: "errors", ActionsEnabled: true,
		AlarmActions: []string{"arn:aws:lambda:us-east-1:000000000000:function:page"}, OKActions: []string{"arn:aws:lambda:us-east-1:000000000000:function:calm"},
		Metric: &alarm.Condition{
			Metric: metrics.NewMetric("App", "Errors"), Statistic: "Sum", Period: time.Minute, EvaluationPeriods: 1, Threshold: 1,
			ComparisonOperator: "GreaterThanThreshold", TreatMissingData: alarm.NotBreaching,
		},
	}
}

func state(t *testing.T, a *alarm.Alarms, name string) alarm.State {
	t.Helper()
	one, err := a.Alarm(name)
	must(t, err)
	return one.State
}

// An alarm's life: it is created, looked at, goes off, tells functions and EventBridge, and calms down three periods later.
func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a := w.open(t)
		must(t, a.Put(errorsAlarm()))
		if s := state(t, a, "errors"); s.Value != alarm.Insufficient || s.Reason != "Unchecked: Initial alarm creation" {
			t.Errorf("created: %+v", s)
		}
		time.Sleep(time.Minute + 2*time.Second)
		if s := state(t, a, "errors"); s.Value != alarm.OK ||
			s.Reason != "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching]." {
			t.Errorf("without data: %+v", s)
		}
		w.set(2)
		time.Sleep(time.Minute)
		s := state(t, a, "errors")
		if s.Value != alarm.InAlarm || s.Reason != "Threshold Crossed: 1 datapoint [2.0 (01/01/00 00:01:00)] was greater than the threshold (1.0)." {
			t.Errorf("with errors: %+v", s)
		}
		if want := `{"version":"1.0","queryDate":"2000-01-01T00:02:01.000+0000","startDate":"2000-01-01T00:01:00.000+0000","statistic":"Sum","period":60,` +
			`"recentDatapoints":[2.0],"threshold":1.0,"evaluatedDatapoints":[{"timestamp":"2000-01-01T00:01:00.000+0000","sampleCount":1.0,"value":2.0}]}`; s.ReasonData != want {
			t.Errorf("%s\nwant\n%s", s.ReasonData, want)
		}
		time.Sleep(2 * time.Minute)
		if s := state(t, a, "errors"); s.Value != alarm.InAlarm {
			t.Errorf("within the evaluation range: %+v", s)
		}
		time.Sleep(time.Minute)
		if s := state(t, a, "errors"); s.Value != alarm.OK {
			t.Errorf("behind the evaluation range: %+v", s)
		}
		if got := strings.Join(w.told(), ", "); got != "calm OK, page ALARM, calm OK" {
			t.Errorf("performed %s", got)
		}
		var kinds []string
		items, err := a.History(alarm.HistoryFilter{Alarm: "errors", Metrics: true})
		must(t, err)
		for _, i := range items {
			kinds = append(kinds, i.Summary)
		}
		const calm, page = "Successfully executed action arn:aws:lambda:us-east-1:000000000000:function:calm", "Successfully executed action arn:aws:lambda:us-east-1:000000000000:function:page"
		if want := []string{`Alarm "errors" created`, "Alarm updated from INSUFFICIENT_DATA to OK", calm, "Alarm updated from OK to ALARM", page, "Alarm updated from ALARM to OK", calm}; !slices.Equal(kinds, want) {
			t.Errorf("%q, want %q", kinds, want)
		}
		for _, i := range items {
			if !json.Valid([]byte(i.Data)) {
				t.Errorf("%s is no JSON: %s", i.Summary, i.Data)
			}
		}
	})
}

func TestEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a := w.open(t)
		n := errorsAlarm()
		n.Description = "too many"
		n.Metric.Metric = metrics.NewMetric("App", "Errors", metrics.Dimension{Name: "Route", Value: "/a"})
		must(t, a.Put(n))
		must(t, a.SetState("errors", alarm.InAlarm, "testing", `{"a": 1}`))
		synctest.Wait()
		if len(w.events) != 1 || w.events[0].Source != "aws.cloudwatch" || w.events[0].DetailType != "CloudWatch Alarm State Change" ||
			w.events[0].Resources[0] != "arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors" {
			t.Fatalf("%+v", w.events)
		}
		var d map[string]any
		must(t, json.Unmarshal([]byte(w.events[0].Detail), &d))
		configuration := d["configuration"].(map[string]any)
		query := configuration["metrics"].([]any)[0].(map[string]any)
		delete(query, "id")
		got := fmt.Sprint(d)
		want := "map[alarmName:errors configuration:map[description:too many metrics:[map[metricStat:map[metric:map[dimensions:map[Route:/a] name:Errors namespace:App] period:60 stat:Sum] returnData:true]]] " +
			"previousState:map[reason:Unchecked: Initial alarm creation timestamp:2000-01-01T00:00:00.000+0000 value:INSUFFICIENT_DATA] " +
			`state:map[reason:testing reasonData:{"a": 1} timestamp:2000-01-01T00:00:00.000+0000 value:ALARM]]`
		if got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
		must(t, a.SetState("errors", alarm.InAlarm, "again", ""))
		synctest.Wait()
		if len(w.events) != 1 {
			t.Error("a state that stays is told again")
		}
	})
}

// EventBridge hears of alarms that are created, changed and deleted.
func TestConfigurationEvents(t *testing.T) {
	w := newWorld()
	a, err := alarm.New(alarm.Config{Journal: w, Metrics: w, Clock: w.clock})
	must(t, err)
	n := errorsAlarm()
	must(t, a.Put(n))
	must(t, a.Put(n)) // changes nothing
	n.Description = "too many"
	must(t, a.Put(n))
	must(t, a.Delete("errors"))
	var got []string
	for _, e := range w.configured {
		var d struct {
			Operation     string
			Configuration struct {
				Description string
				Threshold   float64
				Metrics     []any
			}
			PreviousConfiguration map[string]any
		}
		must(t, json.Unmarshal([]byte(e.Detail), &d))
		got = append(got, fmt.Sprint(e.DetailType, " ", d.Operation, " ", d.Configuration.Description, d.Configuration.Threshold, len(d.Configuration.Metrics), d.PreviousConfiguration != nil))
	}
	const change = "CloudWatch Alarm Configuration Change"
	if want := []string{change + " create 1 1 false", change + " update too many1 1 true", change + " delete too many1 1 false"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A state that is set by hand lasts until the next evaluation.
func TestSetState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a := w.open(t)
		must(t, a.Put(errorsAlarm()))
		time.Sleep(2 * time.Minute)
		must(t, a.SetState("errors", alarm.InAlarm, "testing", ""))
		time.Sleep(30 * time.Second)
		if s := state(t, a, "errors"); s.Value != alarm.InAlarm || s.Reason != "testing" {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Minute)
		if s := state(t, a, "errors"); s.Value != alarm.OK {
			t.Errorf("%+v", s)
		}
		if err := a.SetState("errors", alarm.OK, "", "{"); err == nil {
			t.Error("data that are no JSON are taken")
		}
		if err := a.SetState("nope", alarm.OK, "", ""); err == nil {
			t.Error("an alarm that is not there has a state")
		}
	})
}

// Composite alarms follow the alarms that they refer to, over several steps, and know who was the cause.
func TestComposite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a := w.open(t)
		must(t, a.Put(errorsAlarm()))
		must(t, a.Put(alarm.Alarm{Name: "any", Rule: "ALARM(errors)"}))
		must(t, a.Put(alarm.Alarm{Name: "top", Rule: "ALARM(any) AND NOT OK(errors)", ActionsEnabled: true, AlarmActions: errorsAlarm().AlarmActions}))
		if s := state(t, a, "any"); s.Value != alarm.OK || !strings.HasSuffix(s.Reason, "alarm:any was created and its alarm rule evaluates to OK") {
			t.Errorf("%+v", s)
		}
		must(t, a.SetState("errors", alarm.InAlarm, "testing", ""))
		if s := state(t, a, "any"); s.Value != alarm.InAlarm ||
			s.Reason != "arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors transitioned to ALARM at Saturday 01 January, 2000 00:00:00 UTC" ||
			!strings.Contains(s.ReasonData, `"triggeringAlarms":[{"arn":"arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors","state":{"value":"ALARM"`) {
			t.Errorf("%+v", s)
		}
		if s := state(t, a, "top"); s.Value != alarm.InAlarm {
			t.Errorf("%+v", s)
		}
		synctest.Wait()
		if got := strings.Join(w.told(), ", "); got != "page ALARM, page ALARM" {
			t.Errorf("performed %s", got)
		}
		must(t, a.Delete("errors"))
		if s := state(t, a, "top"); s.Value != alarm.OK {
			t.Errorf("without its child: %+v", s)
		}
		var wrong *alarm.Invalid
		if err := a.Put(alarm.Alarm{Name: "x", Rule: "ALARM(nope) OR ALARM(any)"}); !errors.As(err, &wrong) ||
			wrong.Message != "Could not save the composite alarm as alarms [nope] in the alarm rule do not exist" {
			t.Error(err)
		}
		if err := a.Put(alarm.Alarm{Name: "any", Rule: "ALARM(any)"}); err == nil {
			t.Error("an alarm may go by itself")
		}
		// Rules that go round in a circle come to an end.
		must(t, a.Put(alarm.Alarm{Name: "any", Rule: "NOT ALARM(top)"}))
	})
}

// What was owed when the process ended is performed by the next; alarms, states and histories are there.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		first, err := alarm.New(alarm.Config{Journal: w, Metrics: w, Clock: w.clock}) // it does not run
		must(t, err)
		must(t, first.Put(errorsAlarm()))
		must(t, first.SetState("errors", alarm.InAlarm, "testing", ""))
		a := w.open(t)
		synctest.Wait()
		if got := strings.Join(w.told(), ", "); got != "page ALARM" {
			t.Errorf("performed %q", got)
		}
		if s := state(t, a, "errors"); s.Value != alarm.InAlarm || s.Reason != "testing" {
			t.Errorf("%+v", s)
		}
		if n := len(w.documents["alarm-actions"]); n != 0 {
			t.Errorf("%d actions are owed still", n)
		}
		before := len(w.documents["alarm-history"])
		must(t, a.Put(errorsAlarm()))
		synctest.Wait()
		if after := len(w.documents["alarm-history"]); after != before {
			t.Error("putting the same alarm again changes it")
		}
	})
}

func TestActions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.fail(errors.New("not now"))
		a := w.open(t)
		n := errorsAlarm()
		n.AlarmActions = []string{n.AlarmActions[0], "arn:aws:automate:us-east-1:ec2:reboot"}
		must(t, a.Put(n))
		must(t, a.SetState("errors", alarm.InAlarm, "testing", ""))
		time.Sleep(10 * time.Second)
		if len(w.told()) != 5 {
			t.Errorf("tried %d times, want 5", len(w.told()))
		}
		items, err := a.History(alarm.HistoryFilter{Type: alarm.Action, Metrics: true})
		must(t, err)
		if len(items) != 2 || !strings.Contains(items[0].Data, `"error":"not now"`) || !strings.Contains(items[1].Data, "actions of automate are not run here") {
			t.Errorf("%+v", items)
		}
		w.fail(&alarm.Permanent{Err: errors.New("gone")})
		must(t, a.SetState("errors", alarm.OK, "testing", ""))
		synctest.Wait()
		if len(w.told()) != 6 {
			t.Errorf("what cannot succeed was tried again: %v", w.told())
		}
		must(t, a.EnableActions(false, "errors", "nope"))
		must(t, a.SetState("errors", alarm.InAlarm, "testing", ""))
		synctest.Wait()
		if len(w.told()) != 6 {
			t.Error("actions that are not enabled are performed")
		}
	})
}

// Where the clock is moved on, an alarm goes through what it would have.
func TestSkippedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a := w.open(t)
		must(t, a.Put(errorsAlarm()))
		time.Sleep(2 * time.Minute)
		w.set(5)
		w.clock.SkipTo(w.clock.Now().Add(24 * time.Hour))
		synctest.Wait()
		items, err := a.History(alarm.HistoryFilter{Type: alarm.StateUpdate, Metrics: true})
		must(t, err)
		var got []string
		for _, i := range items {
			got = append(got, i.Time.Format("15:04:05 ")+i.Summary)
		}
		if want := "00:01:01 Alarm updated from INSUFFICIENT_DATA to OK, 00:03:00 Alarm updated from OK to ALARM, 00:06:00 Alarm updated from ALARM to OK"; strings.Join(got, ", ") != want {
			t.Errorf("%s, want %s", strings.Join(got, ", "), want)
		}
		w.clock.SkipTo(w.clock.Now().AddDate(10, 0, 0)) // takes no time
		synctest.Wait()
	})
}

func TestReasons(t *testing.T) {
	for _, c := range []struct {
		change func(*alarm.Condition)
		values []float64 // a minute each; the last one is the newest; -1 for none
		want   string
	}{
		{func(c *alarm.Condition) { c.EvaluationPeriods, c.DatapointsToAlarm = 3, 2 }, []float64{2, 0, 3},
			"Threshold Crossed: 2 out of the last 3 datapoints [3.0 (01/01/00 00:02:00), 2.0 (01/01/00 00:00:00)] were greater than the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition)."},
		{func(c *alarm.Condition) { c.EvaluationPeriods, c.DatapointsToAlarm = 3, 1 }, []float64{-1, -1, 613},
			"Threshold Crossed: 1 out of the last 3 datapoints [613.0 (01/01/00 00:02:00)] was greater than the threshold (1.0) and 2 missing datapoints were treated as [NonBreaching] (minimum 1 datapoint for OK -> ALARM transition)."},
		{func(c *alarm.Condition) {
			c.EvaluationPeriods, c.DatapointsToAlarm = 1, 1
			c.ComparisonOperator = "LessThanOrEqualToThreshold"
		}, []float64{-1, -1, 5},
			"Threshold Crossed: 1 out of the last 1 datapoints [5.0 (01/01/00 00:02:00)] was not less than or equal to the threshold (1.0) (minimum 1 datapoint for ALARM -> OK transition)."},
		{func(c *alarm.Condition) { c.EvaluationPeriods = 2; c.TreatMissingData = alarm.Breaching }, []float64{-1, -1, -1},
			"Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as [Breaching]."},
		{func(c *alarm.Condition) { c.EvaluationPeriods = 2; c.TreatMissingData = "" }, []float64{-1, -1, 7},
			"Unchecked: Initial alarm creation"}, // one of two, too early to say
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			a := w.open(t)
			n := errorsAlarm()
			c.change(n.Metric)
			time.Sleep(2*time.Minute + 30*time.Second)
			w.mu.Lock()
			for i, v := range c.values {
				if v >= 0 {
					w.values[w.clock.Now().UTC().Truncate(time.Minute).Add(time.Duration(i-2)*time.Minute)] = v
				}
			}
			w.mu.Unlock()
			must(t, a.Put(n))
			time.Sleep(32 * time.Second)
			if s := state(t, a, "errors"); s.Reason != c.want {
				t.Errorf("%s\nwant\n%s", s.Reason, c.want)
			}
		})
	}
}

func TestLowSampleCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a := w.open(t)
		n := errorsAlarm()
		n.Metric.Statistic, n.Metric.EvaluateLowSampleCountPercentile = "p99", "ignore"
		must(t, a.Put(n))
		w.set(9)
		time.Sleep(2 * time.Minute)
		if s := state(t, a, "errors"); s.Value != alarm.Insufficient {
			t.Errorf("a percentile of one value counts: %+v", s)
		}
	})
}

func TestInvalid(t *testing.T) {
	w := newWorld()
	a, err := alarm.New(alarm.Config{Journal: w, Metrics: w})
	must(t, err)
	metric := metrics.Query{ID: "m", Metric: metrics.NewMetric("App", "x"), Stat: "Sum", Period: time.Minute}
	for _, c := range []struct {
		change       func(*alarm.Alarm)
		member, text string
	}{
		{func(n *alarm.Alarm) { n.Name = "" }, "AlarmName", "no name"},
		{func(n *alarm.Alarm) { n.Name = strings.Repeat("x", 256) }, "AlarmName", "255"},
		{func(n *alarm.Alarm) { n.OKActions = []string{"page me"} }, "OKActions", "Invalid arn syntax: page me"},
		{func(n *alarm.Alarm) { n.AlarmActions = slices.Repeat(n.OKActions, 6) }, "AlarmActions", "more than 5"},
		{func(n *alarm.Alarm) { n.Metric.ComparisonOperator = "Above" }, "ComparisonOperator", "GreaterThanOrEqualToThreshold"},
		{func(n *alarm.Alarm) { n.Metric.ComparisonOperator = "GreaterThanUpperThreshold" }, "ComparisonOperator", "anomaly detection"},
		{func(n *alarm.Alarm) { n.Metric.TreatMissingData = "bad" }, "TreatMissingData", "Option bad is not supported"},
		{func(n *alarm.Alarm) { n.Metric.EvaluationPeriods = 0 }, "EvaluationPeriods", "at least 1"},
		{func(n *alarm.Alarm) { n.Metric.DatapointsToAlarm = 2 }, "DatapointsToAlarm", "at most EvaluationPeriods"},
		{func(n *alarm.Alarm) { n.Metric.Period = 45 * time.Second }, "Period", "a multiple of 60"},
		{func(n *alarm.Alarm) { n.Metric.EvaluationPeriods = 1441 }, "EvaluationPeriods", "more than a day"},
		{func(n *alarm.Alarm) { n.Metric.Period, n.Metric.EvaluationPeriods = time.Hour, 169 }, "EvaluationPeriods", "seven days"},
		{func(n *alarm.Alarm) { n.Metric.Statistic = "" }, "Statistic", "Exactly one"},
		{func(n *alarm.Alarm) { n.Metric.Statistic = "p200" }, "ExtendedStatistic", "p200"},
		{func(n *alarm.Alarm) { n.Metric.Metric.Name = "" }, "MetricName", "needs a MetricName"},
		{func(n *alarm.Alarm) { n.Metric.Metrics = []metrics.Query{metric} }, "Metrics", "should return data"},
		{func(n *alarm.Alarm) {
			other := metric
			other.ID, other.Period, other.Return = "o", time.Hour, true
			n.Metric.Metrics = []metrics.Query{metric, other}
		}, "Metrics", "same period"},
		{func(n *alarm.Alarm) { n.Metric.Metrics = []metrics.Query{{ID: "e", Expression: "x +", Return: true}} }, "Metrics", "a value is missing"},
		{func(n *alarm.Alarm) {
			n.Metric.Metrics = []metrics.Query{metric, {ID: "e", Expression: "SUM(SEARCH('errors', 'Sum'))", Return: true}}
		}, "Metrics", "SEARCH cannot be used in an alarm"},
		{func(n *alarm.Alarm) { n.Metric, n.Rule = nil, "ALARM(" }, "AlarmRule", "AlarmRule is not valid"},
	} {
		n := errorsAlarm()
		c.change(&n)
		var wrong *alarm.Invalid
		if err := a.Put(n); !errors.As(err, &wrong) || wrong.Member != c.member || !strings.Contains(wrong.Message, c.text) {
			t.Errorf("%v, want one about %s that says %q", err, c.member, c.text)
		}
	}
}
