package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// function is one of metric math's. Its arguments have been worked out.
type function struct {
	least, most int // arguments
	do          func(*evaluation, []any) (any, error)
}

func (f function) arity() string {
	switch {
	case f.least == f.most && f.least == 1:
		return "1 argument"
	case f.least == f.most:
		return fmt.Sprintf("%d arguments", f.least)
	}
	return fmt.Sprintf("%d to %d arguments", f.least, f.most)
}

// functions is the table of all that can be called (user guide, "Functions supported for metric math").
var functions = map[string]function{
	"ABS":             eachValue(math.Abs),                                   // without the sign
	"CEIL":            eachValue(math.Ceil),                                  // the next greater whole number
	"FLOOR":           eachValue(math.Floor),                                 // the next lesser whole number
	"LOG":             eachValue(math.Log),                                   // the natural logarithm
	"LOG10":           eachValue(math.Log10),                                 // the logarithm to the base 10
	"AVG":             {1, 1, averageOf},                                     // of one series a scalar, of an array a series
	"MAX":             summary(slices.Max[[]float64]),                        // likewise
	"MIN":             summary(slices.Min[[]float64]),                        // likewise
	"STDDEV":          summary(deviation),                                    // likewise
	"SUM":             summary(total),                                        // likewise
	"DATAPOINT_COUNT": {1, 1, datapointCount},                                // how many values a series has, or an array at each time
	"DIFF":            eachPair(func(d, _ float64) float64 { return d }),     // to the value before
	"DIFF_TIME":       eachPair(func(_, s float64) float64 { return s }),     // seconds since the value before
	"RATE":            eachPair(func(d, s float64) float64 { return d / s }), // DIFF by DIFF_TIME
	"RUNNING_SUM":     {1, 1, runningSum},                                    // of all values so far
	"FILL":            {2, 2, (*evaluation).fill},                            // values where there are none
	"IF":              {2, 3, ifElse},                                        // one or the other by a condition
	"METRICS":         {0, 1, (*evaluation).metricsOf},                       // all metrics of the request, or those with a text in their ids
	"METRIC_COUNT":    {1, 1, metricCount},                                   // how many series an array has
	"PERIOD":          {1, 1, periodOf},                                      // in seconds
	"FIRST":           {1, 1, firstOf},                                       // the first series of an array
	"LAST":            {1, 1, lastOf},                                        // the last one
	"REMOVE_EMPTY":    {1, 1, removeEmpty},                                   // an array without the series that have no values
	"SEARCH":          {2, 3, (*evaluation).search},                          // all metrics that a search finds
	"SLICE":           {2, 3, sliceOf},                                       // a part of an array
	"SORT":            {3, 4, sortBy},                                        // an array in an order
	"TIME_SERIES":     {1, 1, (*evaluation).timeSeries},                      // a scalar at every period
	"MINUTE":          clockTime(func(t time.Time) int { return t.Minute() }),
	"HOUR":            clockTime(func(t time.Time) int { return t.Hour() }),
	"DAY":             clockTime(func(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }), // Monday is 1
	"DATE":            clockTime(func(t time.Time) int { return t.Day() }),
	"MONTH":           clockTime(func(t time.Time) int { return int(t.Month()) }),
	"YEAR":            clockTime(func(t time.Time) int { return t.Year() }),
	"EPOCH":           clockTime(func(t time.Time) int { return int(t.Unix()) }),
}

// refusedFunctions are AWS's that are not served, with the reason.
var refusedFunctions = map[string]string{
	"ANOMALY_DETECTION_BAND": "there are no anomaly detectors; compare with a threshold",
	"DB_PERF_INSIGHTS":       "there is no Amazon RDS",
	"INSIGHT_RULE_METRIC":    "there is no Contributor Insights; count with a metric filter",
	"LAMBDA":                 "there are no connected data sources",
	"SERVICE_QUOTA":          "there are no service quotas; compare with a threshold",
}

func eachValue(change func(float64) float64) function {
	return function{1, 1, func(e *evaluation, args []any) (any, error) { return e.each(args[0], change) }}
}

// summary makes a function that sums one series up to a scalar, and an array at each time, where series without a value count as missing.
func summary(of func([]float64) float64) function {
	return function{1, 1, func(_ *evaluation, args []any) (any, error) {
		switch v := args[0].(type) {
		case *timeSeries:
			if len(v.points) == 0 {
				return 0.0, nil
			}
			return of(v.values()), nil
		case list:
			return across(v, of), nil
		}
		return nil, errors.New("it takes a time series or an array of time series")
	}}
}

// across sums up the values that an array has at each time.
func across(v list, of func([]float64) float64) *timeSeries {
	out := &timeSeries{}
	for _, t := range v {
		out.period, out.start = max(out.period, t.period), t.start
	}
	return out.with(func(yield func(point)) {
		for _, at := range times(v) {
			var values []float64
			for _, t := range v {
				if x, ok := t.at(at); ok {
					values = append(values, x)
				}
			}
			yield(point{at, of(values)})
		}
	})
}

// averageOf is AVG, for which what is missing in one series of an array counts as 0.
func averageOf(_ *evaluation, args []any) (any, error) {
	of := average
	if all, ok := args[0].(list); ok {
		of = func(values []float64) float64 { return total(values) / float64(len(all)) }
	}
	return summary(of).do(nil, args)
}

func total(values []float64) (sum float64) {
	for _, v := range values {
		sum += v
	}
	return sum
}

func average(values []float64) float64 { return total(values) / float64(len(values)) }

func deviation(values []float64) float64 {
	mean, sum := average(values), 0.0
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(values)))
}

func datapointCount(_ *evaluation, args []any) (any, error) {
	switch v := args[0].(type) {
	case *timeSeries:
		return float64(len(v.points)), nil
	case list:
		return across(v, func(values []float64) float64 { return float64(len(values)) }), nil
	}
	return nil, errors.New("it takes a time series or an array of time series")
}

// eachPair makes a function of the difference of each value to the one before, and of the seconds between them.
func eachPair(of func(difference, seconds float64) float64) function {
	return function{1, 1, func(_ *evaluation, args []any) (any, error) {
		return over(args[0], func(t *timeSeries) *timeSeries {
			return t.with(func(yield func(point)) {
				for i := 1; i < len(t.points); i++ {
					p, before := t.points[i], t.points[i-1]
					yield(point{p.at, of(p.v-before.v, float64(p.at-before.at))})
				}
			})
		})
	}}
}

func runningSum(_ *evaluation, args []any) (any, error) {
	return over(args[0], func(t *timeSeries) *timeSeries {
		return t.with(func(yield func(point)) {
			sum := 0.0
			for _, p := range t.points {
				sum += p.v
				yield(point{p.at, sum})
			}
		})
	})
}

// fill puts a scalar, another series' values, the value before (REPEAT) or one between the neighbours (LINEAR) where there is none.
func (e *evaluation) fill(args []any) (any, error) {
	var filler func(t *timeSeries, at int64) (float64, bool)
	switch with := args[1].(type) {
	case float64:
		filler = func(*timeSeries, int64) (float64, bool) { return with, true }
	case *timeSeries:
		filler = func(_ *timeSeries, at int64) (float64, bool) { return with.at(at) }
	case word:
		switch with {
		case "REPEAT":
			filler = (*timeSeries).before
		case "LINEAR":
			filler = (*timeSeries).between
		}
	}
	if filler == nil {
		return nil, errors.New("it fills with a scalar, a time series, REPEAT or LINEAR")
	}
	var failed error
	v, err := over(args[0], func(t *timeSeries) *timeSeries {
		grid, err := e.grid(t)
		failed = errors.Join(failed, err)
		return t.with(func(yield func(point)) {
			for _, at := range grid {
				v, ok := t.at(at)
				if !ok {
					v, ok = filler(t, at)
				}
				if ok {
					yield(point{at, v})
				}
			}
		})
	})
	return v, errors.Join(err, failed)
}

// next is the index of the first point that is not before a time.
func (t *timeSeries) next(at int64) int {
	i, _ := slices.BinarySearchFunc(t.points, at, func(p point, at int64) int { return int(p.at - at) })
	return i
}

// before is the last value before a time.
func (t *timeSeries) before(at int64) (float64, bool) {
	if i := t.next(at); i > 0 {
		return t.points[i-1].v, true
	}
	return 0, false
}

// between lies on the line between the values around a time.
func (t *timeSeries) between(at int64) (float64, bool) {
	i := t.next(at)
	if i == 0 || i == len(t.points) {
		return 0, false
	}
	a, b := t.points[i-1], t.points[i]
	return a.v + (b.v-a.v)*float64(at-a.at)/float64(b.at-a.at), true
}

// ifElse takes one value or the other by a condition, at each time that a series among the condition and the values has (user guide, "Using
// IF expressions").
func ifElse(_ *evaluation, args []any) (any, error) {
	for len(args) < 3 {
		args = append(args, nil)
	}
	condition, then, otherwise := args[0], args[1], args[2]
	pick := func(v any, at int64, missing bool) (float64, bool) {
		switch v := v.(type) {
		case float64:
			return v, true
		case *timeSeries:
			x, ok := v.at(at)
			return x, ok || missing
		}
		return 0, false
	}
	for _, v := range args {
		switch v.(type) {
		case nil, float64, *timeSeries:
		default:
			return nil, errors.New("it takes scalars and single time series")
		}
	}
	switch c := condition.(type) {
	case *timeSeries:
		return c.with(func(yield func(point)) {
			for _, p := range c.points {
				v, ok := pick(then, p.at, true) // a value that is missing counts as 0 here, and drops the point below
				if p.v == 0 {
					v, ok = pick(otherwise, p.at, false)
				}
				if ok {
					yield(point{p.at, v})
				}
			}
		}), nil
	case float64:
		chosen := then
		if c == 0 {
			chosen = otherwise
		}
		if chosen == nil {
			return &timeSeries{}, nil
		}
		return chosen, nil
	}
	return nil, errors.New("the condition is missing")
}

func (e *evaluation) metricsOf(args []any) (any, error) {
	part := word("")
	if len(args) == 1 {
		var ok bool
		if part, ok = args[0].(word); !ok {
			return nil, errors.New("it takes a text")
		}
	}
	all := list{}
	for _, m := range e.metrics {
		if strings.Contains(m.id, string(part)) {
			all = append(all, m)
		}
	}
	return all, nil
}

func metricCount(_ *evaluation, args []any) (any, error) {
	all, err := arrayOf(args[0])
	return float64(len(all)), err
}

// arrayOf is the argument as an array.
func arrayOf(v any) (list, error) {
	switch v := v.(type) {
	case list:
		return v, nil
	case *timeSeries:
		return list{v}, nil
	}
	return nil, errors.New("it takes an array of time series")
}

func periodOf(_ *evaluation, args []any) (any, error) {
	if t, ok := args[0].(*timeSeries); ok && t.metric {
		return float64(t.period), nil
	}
	return nil, errors.New("it takes a metric")
}

func firstOf(_ *evaluation, args []any) (any, error) {
	all, err := arrayOf(args[0])
	if len(all) == 0 {
		return &timeSeries{}, err
	}
	return all[0], nil
}

func lastOf(_ *evaluation, args []any) (any, error) {
	all, err := arrayOf(args[0])
	if len(all) == 0 {
		return &timeSeries{}, err
	}
	return all[len(all)-1], nil
}

func removeEmpty(_ *evaluation, args []any) (any, error) {
	all, err := arrayOf(args[0])
	return slices.DeleteFunc(slices.Clone(all), func(t *timeSeries) bool { return len(t.points) == 0 }), err
}

func sliceOf(_ *evaluation, args []any) (any, error) {
	all, err := arrayOf(args[0])
	if err != nil {
		return nil, err
	}
	from, ok := args[1].(float64)
	to := float64(len(all))
	if len(args) == 3 && ok {
		to, ok = args[2].(float64)
	}
	if !ok {
		return nil, errors.New("it takes scalars as bounds")
	}
	within := func(f float64) int { return int(min(max(f, 0), float64(len(all)))) }
	return all[within(from):max(within(from), within(to))], nil
}

// sortBy brings an array into the order of what each series sums up to.
func sortBy(_ *evaluation, args []any) (any, error) {
	all, err := arrayOf(args[0])
	if err != nil {
		return nil, err
	}
	by, _ := args[1].(word)
	order, _ := args[2].(word)
	of := map[word]func([]float64) float64{"AVG": average, "MIN": slices.Min[[]float64], "MAX": slices.Max[[]float64], "SUM": total}[by]
	if of == nil || order != "ASC" && order != "DESC" {
		return nil, errors.New("it sorts by AVG, MIN, MAX or SUM, and ASC or DESC")
	}
	rank := func(t *timeSeries) float64 {
		if len(t.points) == 0 {
			return 0
		}
		return of(t.values())
	}
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b *timeSeries) int {
		x, y := rank(a), rank(b)
		if order == "DESC" {
			x, y = y, x
		}
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	if len(args) == 4 {
		limit, ok := args[3].(float64)
		if !ok {
			return nil, errors.New("the limit is a scalar")
		}
		sorted = sorted[:int(min(max(limit, 0), float64(len(sorted))))]
	}
	return sorted, nil
}

// timeSeries is a scalar at every period: those of the first metric of the request, else minutes.
func (e *evaluation) timeSeries(args []any) (any, error) {
	v, ok := args[0].(float64)
	if !ok {
		return nil, errors.New("it takes a scalar")
	}
	t := &timeSeries{period: 60}
	if len(e.metrics) > 0 {
		t.period = e.metrics[0].period
	}
	return e.filled(t, func(int64) float64 { return v })
}

// filled has a value at every period.
func (e *evaluation) filled(t *timeSeries, of func(at int64) float64) (any, error) {
	grid, err := e.grid(t)
	if err != nil {
		return nil, err
	}
	return t.with(func(yield func(point)) {
		for _, at := range grid {
			yield(point{at, of(at)})
		}
	}), nil
}

// clockTime makes a function of the time of each period.
func clockTime(of func(time.Time) int) function {
	return function{1, 1, func(e *evaluation, args []any) (any, error) {
		t, ok := args[0].(*timeSeries)
		if !ok {
			return nil, errors.New("it takes a single time series")
		}
		return e.filled(t, func(at int64) float64 { return float64(of(time.Unix(at, 0).UTC())) })
	}}
}
