package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// point is a value at a time in epoch seconds.
type point struct {
	at int64
	v  float64
}

// timeSeries is a value of an expression: points in the order of time. It never changes once it is made.
type timeSeries struct {
	id, label string
	period    int64 // in seconds
	start     int64 // where its periods begin, in epoch seconds
	metric    bool  // it is a metric rather than an expression
	points    []point
	counts    []float64 // beside points; of metrics alone
}

// list is the third kind of values, beside time series and float64.
type list []*timeSeries

// word is an argument that stands for itself: a keyword or a text.
type word string

// evaluation is one run of GetMetricData's queries.
type evaluation struct {
	results  map[string]any // by id: *timeSeries or list
	metrics  list
	from, to time.Time

	// What searches go by: where they look, until when, and the query that is worked out, whose period may be 0.
	service *Service
	end     time.Time
	id      string
	period  time.Duration
}

// eval works an expression out. What it returns is a float64, a *timeSeries, a list or a word.
func (e *evaluation) eval(n node) (any, error) {
	switch n := n.(type) {
	case number:
		return float64(n), nil
	case text:
		return word(n), nil
	case ident:
		if v, ok := e.results[string(n)]; ok {
			return v, nil
		}
		return word(n), nil
	case array:
		return e.array(n)
	case negated:
		v, err := e.eval(n.of)
		if err != nil {
			return nil, err
		}
		return e.each(v, func(v float64) float64 { return 0 - v })
	case operation:
		a, err := e.eval(n.a)
		if err != nil {
			return nil, err
		}
		b, err := e.eval(n.b)
		if err != nil {
			return nil, err
		}
		return combine(n.operator, a, b)
	case call:
		return e.call(n)
	}
	return nil, fmt.Errorf("unexpected %T", n)
}

// array joins time series, and arrays of them, to one array.
func (e *evaluation) array(n array) (any, error) {
	var all list
	for _, item := range n {
		v, err := e.eval(item)
		if err != nil {
			return nil, err
		}
		switch v := v.(type) {
		case *timeSeries:
			all = append(all, v)
		case list:
			all = append(all, v...)
		default:
			return nil, errors.New("an array holds time series, not scalars")
		}
		if len(all) > maxArray {
			return nil, fmt.Errorf("an array holds more than %d time series", maxArray)
		}
	}
	return all, nil
}

// maxArray bounds arrays (API reference, GetMetricData: 500 queries).
const maxArray = 500

// call works out the arguments of a function and calls it.
func (e *evaluation) call(n call) (any, error) {
	args := make([]any, 0, len(n.args))
	for _, a := range n.args {
		v, err := e.eval(a)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	v, err := functions[n.name].do(e, args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.name, err)
	}
	return v, nil
}

// each changes every value of a time series, of all of an array, or a scalar.
func (e *evaluation) each(v any, change func(float64) float64) (any, error) {
	if f, ok := v.(float64); ok {
		return change(f), nil
	}
	return over(v, func(t *timeSeries) *timeSeries {
		return t.with(func(yield func(point)) {
			for _, p := range t.points {
				yield(point{p.at, change(p.v)})
			}
		})
	})
}

// over makes another time series of one, or of each of an array.
func over(v any, change func(*timeSeries) *timeSeries) (any, error) {
	switch v := v.(type) {
	case *timeSeries:
		return change(v), nil
	case list:
		out := make(list, 0, len(v))
		for _, t := range v {
			out = append(out, change(t))
		}
		return out, nil
	}
	return nil, errors.New("it takes a time series or an array of time series")
}

// with is a time series like t with other points. Those that are no finite number are dropped, such as by a division by zero.
func (t *timeSeries) with(points func(yield func(point))) *timeSeries {
	out := &timeSeries{id: t.id, label: t.label, period: t.period, start: t.start}
	points(func(p point) {
		if !math.IsNaN(p.v) && !math.IsInf(p.v, 0) {
			out.points = append(out.points, p)
		}
	})
	return out
}

// operations are what the binary operators do. NaN drops the point.
var operations = map[string]func(a, b float64) float64{
	"+":  func(a, b float64) float64 { return a + b },
	"-":  func(a, b float64) float64 { return a - b },
	"*":  func(a, b float64) float64 { return a * b },
	"/":  func(a, b float64) float64 { return a / b },
	"^":  math.Pow,
	"==": func(a, b float64) float64 { return truth(a == b) },
	"!=": func(a, b float64) float64 { return truth(a != b) },
	"<=": func(a, b float64) float64 { return truth(a <= b) },
	">=": func(a, b float64) float64 { return truth(a >= b) },
	"<":  func(a, b float64) float64 { return truth(a < b) },
	">":  func(a, b float64) float64 { return truth(a > b) },
	"&&": func(a, b float64) float64 { return truth(a != 0 && b != 0) },
	"||": func(a, b float64) float64 { return truth(a != 0 || b != 0) },
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// combine applies an operator to scalars, time series and arrays. Where one of two time series has no value, it counts as 0.
func combine(operator string, a, b any) (any, error) {
	do := operations[operator]
	switch a := a.(type) {
	case float64:
		if b, ok := b.(float64); ok {
			return do(a, b), nil
		}
		return over(b, func(t *timeSeries) *timeSeries { return t.against(a, func(v, s float64) float64 { return do(s, v) }) })
	case *timeSeries:
		switch b := b.(type) {
		case float64:
			return a.against(b, do), nil
		case *timeSeries:
			return pairwise(a, b, do), nil
		}
		return over(b, func(t *timeSeries) *timeSeries { return relabelled(pairwise(a, t, do), t) })
	case list:
		switch b := b.(type) {
		case float64:
			return over(a, func(t *timeSeries) *timeSeries { return t.against(b, do) })
		case *timeSeries:
			return over(a, func(t *timeSeries) *timeSeries { return pairwise(t, b, do) })
		case list:
			return nil, fmt.Errorf("the operator %s cannot be applied to two arrays of time series", operator)
		}
	}
	return nil, fmt.Errorf("the operator %s takes numbers and time series", operator)
}

func relabelled(t, as *timeSeries) *timeSeries {
	t.id, t.label = as.id, as.label
	return t
}

// against combines every value with a scalar.
func (t *timeSeries) against(s float64, do func(v, s float64) float64) *timeSeries {
	return t.with(func(yield func(point)) {
		for _, p := range t.points {
			yield(point{p.at, do(p.v, s)})
		}
	})
}

// pairwise combines two time series at every time at which one of them has a value.
func pairwise(a, b *timeSeries, do func(a, b float64) float64) *timeSeries {
	out := a.with(func(yield func(point)) {
		for _, at := range times(list{a, b}) {
			x, _ := a.at(at)
			y, _ := b.at(at)
			yield(point{at, do(x, y)})
		}
	})
	out.period = max(a.period, b.period)
	return out
}

// at is the value at a time.
func (t *timeSeries) at(at int64) (v float64, ok bool) {
	i, ok := slices.BinarySearchFunc(t.points, at, func(p point, at int64) int { return int(p.at - at) })
	if !ok {
		return 0, false
	}
	return t.points[i].v, true
}

// times are all at which one of the series has a value, ascending.
func times(all list) []int64 {
	var list []int64
	for _, t := range all {
		for _, p := range t.points {
			list = append(list, p.at)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// grid are the times of all periods of the request, for functions that fill gaps.
func (e *evaluation) grid(t *timeSeries) ([]int64, error) {
	start := aligned(e.from, time.Duration(t.period)*time.Second).Unix()
	if t.period <= 0 {
		return nil, errors.New("the period is not known")
	}
	if (e.to.Unix()-start)/t.period > maxGrid {
		return nil, fmt.Errorf("the time range has more than %d periods", maxGrid)
	}
	var list []int64
	for at := start; at < e.to.Unix(); at += t.period {
		list = append(list, at)
	}
	return list, nil
}

// maxGrid bounds how many values a function makes up (API reference, GetMetricData: 100,800 data points).
const maxGrid = 100_800

// values are those of the points.
func (t *timeSeries) values() []float64 {
	list := make([]float64, 0, len(t.points))
	for _, p := range t.points {
		list = append(list, p.v)
	}
	return list
}
