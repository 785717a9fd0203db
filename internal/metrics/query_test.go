package metrics_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/tutti-run/tutti/internal/metrics"
)

// filled has the series of the user guide's examples, a value a minute before noon, NaN for none: a, b, m1, m2 and m3.
func filled(t testing.TB) *metrics.Service {
	s := open(t, vfs.NewMem())
	for name, values := range map[string][]string{
		"a":  {"30", "20", "0", "0", "-"},
		"b":  {"20", "-", "20", "-", "-"},
		"m1": {"1", "1", "0", "0", "-"},
		"m2": {"30", "-", "0", "0", "30"},
		"m3": {"0", "0", "20", "-", "20"},
		"g":  {"1", "-", "-", "4", "-"},
	} {
		for i, v := range values {
			var f float64
			if _, err := fmt.Sscan(v, &f); err != nil {
				continue
			}
			must(t, s.Put([]metrics.Datum{{
				Metric: metrics.NewMetric("App", name), Time: noon.Add(time.Duration(i-5) * time.Minute), Values: metrics.Value(f),
			}}))
		}
	}
	return s
}

// answer writes series as values a minute, - for none; several are separated by |.
func answer(list []metrics.Series) string {
	var all []string
	for _, s := range list {
		values := map[int64]string{}
		for i, at := range s.Times {
			values[at.Unix()] = fmt.Sprint(s.Values[i])
		}
		var parts []string
		for i := range 5 {
			v := values[noon.Add(time.Duration(i-5)*time.Minute).Unix()]
			if v == "" {
				v = "-"
			}
			parts = append(parts, v)
		}
		all = append(all, strings.Join(parts, " "))
	}
	return strings.Join(all, " | ")
}

func ask(s *metrics.Service, expression string) ([]metrics.Series, error) {
	var queries []metrics.Query
	for _, name := range []string{"a", "b", "m1", "m2", "m3", "g"} {
		queries = append(queries, metrics.Query{ID: name, Metric: metrics.NewMetric("App", name), Stat: "Sum", Period: time.Minute})
	}
	queries = append(queries, metrics.Query{ID: "e", Expression: expression, Return: true})
	return s.Data(queries, noon.Add(-5*time.Minute), noon)
}

func TestExpressions(t *testing.T) {
	s := filled(t)
	for _, c := range []struct{ expression, want string }{
		{"a", "30 20 0 0 -"},
		{"-a", "-30 -20 0 0 -"},
		{"a + b * 2", "70 20 40 0 -"},
		{"(a + b) * 2", "100 40 40 0 -"},
		{"2 ^ 3 ^ 0 + 0 * a", "2 2 2 2 -"},
		{"-2 ^ 2 + 0 * a", "-4 -4 -4 -4 -"},
		{"a / b", "1.5 - 0 - -"}, // a division by zero drops the point
		{"100 / a", "3.3333333333333335 5 - - -"},
		{"a < b", "0 0 1 0 -"},
		{"a >= 30", "1 0 0 0 -"},
		{"a > 15 AND b > 15", "1 0 0 0 -"},
		{"a > 15 || b > 15", "1 1 1 0 -"},
		{"a == 20 OR a == 30", "1 1 0 0 -"},
		{"IF(m1, m2, m3)", "30 0 20 - -"},
		{"IF(m1, 5, m3)", "5 5 20 - -"},
		{"IF(m1, m2, 5)", "30 0 5 5 -"},
		{"IF(a < 25, a)", "- 20 0 0 -"},
		{"IF(1, a, b)", "30 20 0 0 -"},
		{"IF(0, a)", "- - - - -"},
		{"FILL(b, 7)", "20 7 20 7 7"},
		{"FILL(g, REPEAT)", "1 1 1 4 4"},
		{"FILL(g, LINEAR)", "1 2 3 4 -"},
		{"FILL(b, a)", "20 20 20 0 -"},
		{"SUM([a, b])", "50 20 20 0 -"},
		{"AVG([a, b])", "25 10 10 0 -"}, // what is missing counts as 0
		{"MAX([a, b])", "30 20 20 0 -"},
		{"MIN([a, b])", "20 20 0 0 -"},
		{"a - AVG(a)", "17.5 7.5 -12.5 -12.5 -"},
		{"a * 0 + SUM(a)", "50 50 50 50 -"},
		{"a * 0 + DATAPOINT_COUNT(b)", "2 2 2 2 -"},
		{"DATAPOINT_COUNT([a, b])", "2 1 2 1 -"},
		{"a * 0 + METRIC_COUNT(METRICS())", "6 6 6 6 -"},
		{"SUM(METRICS(\"m\"))", "31 1 20 0 50"},
		{"a * 0 + PERIOD(a)", "60 60 60 60 -"},
		{"RATE(g)", "- - - 0.016666666666666666 -"},
		{"DIFF(g)", "- - - 3 -"},
		{"DIFF_TIME(g)", "- - - 180 -"},
		{"RUNNING_SUM(a)", "30 50 50 50 -"},
		{"ABS(-a)", "30 20 0 0 -"},
		{"CEIL(a / 7)", "5 3 0 0 -"},
		{"FLOOR(a / 7)", "4 2 0 0 -"},
		{"LOG10(a * 0 + 100)", "2 2 2 2 -"},
		{"STDDEV([a, b])", "5 0 10 0 -"},
		{"[a, b] * 2", "60 40 0 0 - | 40 - 40 - -"},
		{"FIRST(SORT([a, b, m1], SUM, ASC))", "1 1 0 0 -"},
		{"SORT([a, b], AVG, DESC, 1)", "20 - 20 - -"},
		{"SLICE([a, b, m1], 1, 2)", "20 - 20 - -"},
		{"LAST([a, b])", "20 - 20 - -"},
		{"REMOVE_EMPTY([a, IF(0, a)])", "30 20 0 0 -"},
		{"TIME_SERIES(3)", "3 3 3 3 3"},
		{"HOUR(a)", "11 11 11 11 11"},
		{"MINUTE(a)", "55 56 57 58 59"},
		{"1e2 + a", "130 120 100 100 -"},
	} {
		list, err := ask(s, c.expression)
		if got := answer(list); err != nil || got != c.want {
			t.Errorf("%s: %s %v, want %s", c.expression, got, err, c.want)
		}
	}
}

func TestExpressionsRefused(t *testing.T) {
	s := filled(t)
	for _, c := range []struct{ expression, why string }{
		{"5", "not a scalar"},
		{"SUM(a)", "not a scalar"},
		{"x1 + 1", "Unknown identifier: 'x1'"},
		{"e + 1", "it refers to itself"},
		{"a +", "a value is missing"},
		{"(a", "a parenthesis is not closed"},
		{"[a, 1]", "an array holds time series"},
		{"[a] + [b]", "two arrays"},
		{"NOPE(a)", "Unsupported function: 'NOPE'"},
		{"INSIGHT_RULE_METRIC('x', 'Sum')", "INSIGHT_RULE_METRIC is not run here"},
		{"ANOMALY_DETECTION_BAND(a)", "not run here"},
		{"SELECT AVG(x) FROM SCHEMA(\"AWS/EC2\")", "Metrics Insights"},
		{"FILL(a)", "takes 2 arguments, not 1"},
		{"FILL(a, SIDEWAYS)", "Unknown identifier"},
		{"FILL(a, ASC)", "REPEAT or LINEAR"},
		{"SORT([a], a, ASC)", "it sorts by"},
		{"a $ b", "unexpected"},
		{strings.Repeat("(", 200) + "a", "nest deeper"},
		{strings.Repeat("a+", 1100) + "a", "longer than 2048"},
	} {
		_, err := ask(s, c.expression)
		var wrong *metrics.QueryError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%.40s: %v, want one that says %q", c.expression, err, c.why)
		}
	}
}

func TestQueriesRefused(t *testing.T) {
	good := metrics.Query{ID: "a", Metric: requests, Stat: "Sum", Period: time.Minute}
	for _, c := range []struct {
		change func(*metrics.Query)
		why    string
	}{
		{func(q *metrics.Query) { q.ID = "A" }, "is not matching the expected pattern"},
		{func(q *metrics.Query) { q.Stat = "Total" }, "is not a valid statistic"},
		{func(q *metrics.Query) { q.Period = 7 * time.Second }, "Period must be"},
	} {
		q := good
		c.change(&q)
		if err := metrics.Check([]metrics.Query{q}); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%v, want one that says %q", err, c.why)
		}
	}
	if err := metrics.Check([]metrics.Query{good, good}); err == nil || !strings.Contains(err.Error(), "not unique") {
		t.Error(err)
	}
}

// Every function is called with one, two, three and four arguments of each kind: errors are all right, panics are not.
func TestFunctionsTakeAnything(t *testing.T) {
	s := filled(t)
	kinds := []string{"a", "[a, b]", "METRICS()", "3", "\"x\"", "ASC", "IF(0, a)", "[]"}
	for name := range metrics.Functions {
		for _, x := range kinds {
			for _, args := range []string{x, x + ", a", x + ", " + x, x + ", 2, a", x + ", AVG, ASC", x + ", AVG, ASC, " + x} {
				_, _ = ask(s, name+"("+args+") + a")
			}
		}
	}
}

func FuzzExpression(f *testing.F) {
	for _, seed := range []string{"a + 1", "IF(a > 1, [a, b], 2)", "-a ^ 2", "METRICS(\"x\")", "1e5 * a", "FILL(a, REPEAT)"} {
		f.Add(seed)
	}
	s := filled(f)
	f.Fuzz(func(t *testing.T, expression string) {
		if metrics.ParseExpression(expression) == nil {
			_, _ = ask(s, expression)
		}
	})
}

func Example() {
	s := metrics.New("/metrics", metrics.WithFS(vfs.NewMem()), metrics.WithClock(func() time.Time { return noon }))
	defer func() { _ = s.Close() }()
	errorsOf := s.Counter(metrics.NewMetric("App", "Errors"), "Count")
	errorsOf.Add(noon.Add(-time.Minute), 1)
	list, err := s.Data([]metrics.Query{
		{ID: "m", Metric: metrics.NewMetric("App", "Errors"), Stat: "Sum", Period: time.Minute},
		{ID: "e", Expression: "FILL(m, 0) * 100", Return: true},
	}, noon.Add(-3*time.Minute), noon)
	fmt.Println(list[0].Values, err)
	// Output: [0 0 100] <nil>
}
