package metrics

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Query is one of GetMetricData's: a statistic of a metric, or an expression over other queries.
type Query struct {
	ID    string
	Label string // "" for one that follows from what is asked
	// Return tells whether the answer holds this query, or whether it is there for others alone.
	Return bool

	// Metric, Stat and Unit, which may be "", are those of a query without an expression.
	Metric Metric
	Stat   string
	Unit   Unit
	// Period is that of the metric; of an expression it may be 0.
	Period time.Duration

	Expression string
}

// Series is what a query comes to: values in time, the oldest first.
type Series struct {
	ID, Label string
	Period    time.Duration
	Times     []time.Time
	Values    []float64
	// Counts are how many values there were in each period; nil for expressions.
	Counts []float64
}

// QueryError says what is wrong with a query.
type QueryError struct {
	ID      string
	Message string
	// NotRunHere tells whether AWS would answer the query.
	NotRunHere bool
}

func (e *QueryError) Error() string { return e.Message }

var queryID = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)

// Check refuses queries that cannot be answered. What it returns is a *QueryError for the first of them.
func Check(queries []Query) error {
	_, err := plan(queries)
	return err
}

// Searches tells whether a query's expression searches for metrics, of which there may be any number.
func (q *Query) Searches() bool {
	n, err := parseExpression(q.Expression)
	return err == nil && calls(n, "SEARCH")
}

// step is a query that can be answered: everything that it needs comes before it.
type step struct {
	*Query
	stat       Statistic
	expression node // nil for a metric
}

// plan brings queries into an order in which each finds what it refers to.
func plan(queries []Query) ([]step, error) {
	byID := map[string]*step{}
	for i := range queries {
		q := &queries[i]
		st, err := newStep(q)
		if err != nil {
			return nil, &QueryError{ID: q.ID, Message: err.Error(), NotRunHere: errors.As(err, new(*notRunHere))}
		}
		if byID[q.ID] != nil {
			return nil, &QueryError{ID: q.ID, Message: fmt.Sprintf("The values for parameter id in MetricDataQueries are not unique: %s", q.ID)}
		}
		byID[q.ID] = st
	}
	var order []step
	done := map[string]int{} // 1: at work, 2: done
	var visit func(id string) error
	visit = func(id string) error {
		st := byID[id]
		if done[id] == 2 {
			return nil
		}
		if done[id] == 1 {
			return &QueryError{ID: id, Message: fmt.Sprintf("Error in expression '%s': it refers to itself.", id)}
		}
		done[id] = 1
		for _, other := range references(st.expression) {
			if byID[other] == nil {
				return &QueryError{ID: id, Message: fmt.Sprintf("Error in expression '%s': Unknown identifier: '%s'", id, other)}
			}
			if err := visit(other); err != nil {
				return err
			}
		}
		done[id] = 2
		order = append(order, *st)
		return nil
	}
	for i := range queries {
		if err := visit(queries[i].ID); err != nil {
			return nil, err
		}
	}
	// METRICS() takes all metrics, which therefore come first.
	slices.SortStableFunc(order, func(a, b step) int { return boolInt(a.expression != nil) - boolInt(b.expression != nil) })
	return order, nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func newStep(q *Query) (*step, error) {
	if !queryID.MatchString(q.ID) {
		return nil, fmt.Errorf("The value %s for parameter id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.", q.ID)
	}
	st := &step{Query: q}
	if q.Expression != "" {
		var err error
		if st.expression, err = parseExpression(q.Expression); err != nil {
			return nil, fmt.Errorf("Error in expression '%s': %w", q.ID, err)
		}
		return st, nil
	}
	var ok bool
	if st.stat, ok = ParseStatistic(q.Stat); !ok {
		return nil, fmt.Errorf("The value %s for parameter Stat is not a valid statistic.", q.Stat)
	}
	if !ValidPeriod(q.Period) {
		return nil, errors.New("Period must be 1, 5, 10, 20, 30 or a multiple of 60")
	}
	return st, nil
}

// ValidPeriod tells whether values can be asked for by the period.
func ValidPeriod(p time.Duration) bool {
	switch p {
	case time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second:
		return true
	}
	return p > 0 && p%time.Minute == 0 && p <= 24*time.Hour
}

// Data answers queries for a time. Periods begin at from, which is rounded down to a whole minute, or to their own length if that is less.
// The answers come in the queries' order, one or, of an expression over several metrics, several for each. The error may be a *QueryError.
func (s *Service) Data(queries []Query, from, to time.Time) ([]Series, error) {
	steps, err := plan(queries)
	if err != nil {
		return nil, err
	}
	s.look()
	e := &evaluation{results: map[string]any{}, from: from, to: to, service: s, end: to}
	if now := s.now(); e.to.After(now) {
		e.to = now // FILL leaves what is still to come alone
	}
	for i := range steps {
		st := &steps[i]
		if st.expression == nil {
			one, err := s.metricSeries(st, from, to)
			if err != nil {
				return nil, err
			}
			e.results[st.ID] = one
			e.metrics = append(e.metrics, one)
			continue
		}
		e.id, e.period = st.ID, st.Period
		v, err := e.eval(st.expression)
		if err == nil {
			v, err = seriesOnly(v)
		}
		if err != nil {
			return nil, &QueryError{ID: st.ID, Message: fmt.Sprintf("Error in expression '%s': %v", st.ID, err)}
		}
		e.results[st.ID] = v
	}
	var out []Series
	for i := range queries {
		if queries[i].Return {
			out = append(out, e.answers(&queries[i])...)
		}
	}
	return out, nil
}

// aligned rounds the beginning of a request down (API reference, GetMetricData, "StartTime").
func aligned(from time.Time, period time.Duration) time.Time {
	return from.Truncate(min(period, time.Minute))
}

// metricSeries reads a metric.
func (s *Service) metricSeries(st *step, from, to time.Time) (*timeSeries, error) {
	one := &timeSeries{id: st.ID, label: st.Label, period: int64(st.Period / time.Second), metric: true}
	if one.label == "" {
		one.label = st.Query.Metric.Name
	}
	one.start = aligned(from, st.Period).Unix()
	points, err := s.Points(st.Query.Metric, st.Unit, Span{aligned(from, st.Period), to, st.Period})
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(points); {
		a := points[i].Aggregate
		at := points[i].Start
		for i++; i < len(points) && points[i].Start.Equal(at); i++ { // the same period in another unit
			a.Add(&points[i].Aggregate)
		}
		if v, ok := st.stat.Of(&a); ok {
			one.points = append(one.points, point{at.Unix(), v})
			one.counts = append(one.counts, a.Count)
		}
	}
	return one, nil
}

// seriesOnly refuses an expression that ends in a number.
func seriesOnly(v any) (any, error) {
	switch v.(type) {
	case *timeSeries, list:
		return v, nil
	}
	return nil, errors.New("the expression must return a time series or an array of time series, not a scalar")
}

// answers are what a query comes to, with the labels that people see.
func (e *evaluation) answers(q *Query) []Series {
	switch v := e.results[q.ID].(type) {
	case *timeSeries:
		label := q.Label
		if label == "" && q.Expression != "" {
			label = q.ID
		} else if label == "" {
			label = v.label
		}
		return []Series{v.series(q.ID, label)}
	case list:
		out := make([]Series, 0, len(v))
		for _, one := range v {
			out = append(out, one.series(q.ID, strings.TrimSpace(q.Label+" "+one.label)))
		}
		return out
	}
	return nil
}

func (t *timeSeries) series(id, label string) Series {
	out := Series{ID: id, Label: label, Period: time.Duration(t.period) * time.Second, Counts: t.counts}
	for _, p := range t.points {
		out.Times = append(out.Times, time.Unix(p.at, 0).UTC())
		out.Values = append(out.Values, p.v)
	}
	return out
}
