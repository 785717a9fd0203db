package metrics

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"sort"
	"strconv"
)

// Aggregate is what many values come to. The zero value is that of none.
type Aggregate struct {
	Count, Sum, Min, Max float64
	// spread are the values with how often they came, ascending.
	spread []weighted
	// opaque says that there are values of which only these figures are known.
	opaque bool
}

// weighted is a value that came count times.
type weighted struct{ value, count float64 }

// maxSpread is how many different values an aggregate tells apart. With more they are rounded.
const maxSpread = 512

// Value is the aggregate of one value.
func Value(v float64) Aggregate { return Repeated(v, 1) }

// Repeated is the aggregate of a value that came count times.
func Repeated(v, count float64) Aggregate {
	return Aggregate{Count: count, Sum: v * count, Min: v, Max: v, spread: []weighted{{v, count}}}
}

// Summary is the aggregate of values of which only a StatisticSet is known. They have percentiles only if all are the same (user guide,
// "Percentiles").
func Summary(count, sum, least, most float64) Aggregate {
	if count == 1 || least == most {
		a := Repeated(least, count)
		a.Sum = sum
		return a
	}
	return Aggregate{Count: count, Sum: sum, Min: least, Max: most, opaque: true}
}

// Add adds what another aggregate holds.
func (a *Aggregate) Add(b *Aggregate) {
	if b.Count == 0 {
		return
	}
	if a.Count == 0 {
		a.Min, a.Max = b.Min, b.Max
	}
	a.Count += b.Count
	a.Sum += b.Sum
	a.Min, a.Max = math.Min(a.Min, b.Min), math.Max(a.Max, b.Max)
	a.opaque = a.opaque || b.opaque
	if a.opaque {
		a.spread = nil
		return
	}
	a.spread = narrowed(merged(a.spread, b.spread))
}

// add adds a value so many times. It is what counters do, so it is quick for a value that is there already.
func (a *Aggregate) add(v, times float64) {
	if a.Count == 0 {
		a.Min, a.Max = v, v
	}
	a.Count += times
	a.Sum += v * times
	a.Min, a.Max = math.Min(a.Min, v), math.Max(a.Max, v)
	if a.opaque {
		return
	}
	i := sort.Search(len(a.spread), func(i int) bool { return a.spread[i].value >= v })
	if i < len(a.spread) && a.spread[i].value == v {
		a.spread[i].count += times
		return
	}
	a.spread = narrowed(slices.Insert(a.spread, i, weighted{v, times}))
}

// merged joins two ascending lists.
func merged(a, b []weighted) []weighted {
	list := make([]weighted, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].value < b[0].value:
			list, a = append(list, a[0]), a[1:]
		case len(a) == 0 || b[0].value < a[0].value:
			list, b = append(list, b[0]), b[1:]
		default:
			list = append(list, weighted{a[0].value, a[0].count + b[0].count})
			a, b = a[1:], b[1:]
		}
	}
	return list
}

// narrowed rounds values to ever fewer figures until the list is short enough; at last it joins neighbours.
func narrowed(list []weighted) []weighted {
	for figures := 3; len(list) > maxSpread && figures > 1; figures-- {
		list = joined(list, func(v float64) float64 { return rounded(v, figures) })
	}
	for len(list) > maxSpread {
		pairs := list[:0]
		for i := 0; i < len(list); i += 2 {
			w := list[i]
			if i+1 < len(list) {
				w = weighted{list[i+1].value, w.count + list[i+1].count}
			}
			pairs = append(pairs, w)
		}
		list = pairs
	}
	return list
}

// joined changes every value and joins those that come to the same. The order must be kept.
func joined(list []weighted, change func(float64) float64) []weighted {
	kept := list[:0]
	for _, w := range list {
		w.value = change(w.value)
		if n := len(kept); n > 0 && kept[n-1].value == w.value {
			kept[n-1].count += w.count
		} else {
			kept = append(kept, w)
		}
	}
	return kept
}

// rounded is the value with so many significant figures.
func rounded(v float64, figures int) float64 {
	text := strconv.FormatFloat(v, 'e', figures-1, 64)
	r, err := strconv.ParseFloat(text, 64)
	if err != nil { // beyond the greatest float
		return v
	}
	return r
}

// distributed tells whether percentiles can be had: the distribution is known and no value is negative (user guide, "Percentiles").
func (a *Aggregate) distributed() bool {
	return a.Count > 0 && !a.opaque && a.Min >= 0 && len(a.spread) > 0
}

// percentile is the value that p of a hundred values do not exceed, between two of them in proportion.
func (a *Aggregate) percentile(p float64) float64 {
	rank := p / 100 * (a.Count - 1) // from 0, between two values if it is no whole number
	if rank <= 0 || len(a.spread) == 1 {
		return a.spread[0].value
	}
	below := 0.0
	for i, w := range a.spread {
		last := below + w.count - 1 // the rank of the last of these
		if rank <= last || i == len(a.spread)-1 {
			return w.value
		}
		if rank < last+1 {
			return w.value + (a.spread[i+1].value-w.value)*(rank-last)
		}
		below += w.count
	}
	return a.Max
}

// Forms of an aggregate in bytes: a byte that says which, count, sum, least and greatest, and of a spread one a pair for each value.
const (
	formSpread = 1
	formOpaque = 2
	headBytes  = 1 + 4*8
)

var errAggregate = errors.New("an aggregate is damaged")

// append writes the aggregate behind dst.
func (a *Aggregate) append(dst []byte) []byte {
	form := byte(formSpread)
	if a.opaque {
		form = formOpaque
	}
	dst = append(dst, form)
	for _, f := range []float64{a.Count, a.Sum, a.Min, a.Max} {
		dst = appendFloat(dst, f)
	}
	if a.opaque {
		return dst
	}
	for _, w := range a.spread {
		dst = appendFloat(appendFloat(dst, w.value), w.count)
	}
	return dst
}

func appendFloat(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f))
}

// decodeAggregate reads what append has written.
func decodeAggregate(data []byte) (a Aggregate, err error) {
	if len(data) < headBytes || (len(data)-headBytes)%16 != 0 || len(data) > headBytes+16*maxSpread {
		return a, errAggregate
	}
	at := func(i int) float64 { return math.Float64frombits(binary.BigEndian.Uint64(data[i:])) }
	a.Count, a.Sum, a.Min, a.Max = at(1), at(9), at(17), at(25)
	switch {
	case data[0] == formOpaque && len(data) == headBytes:
		a.opaque = true
	case data[0] != formSpread:
		return a, errAggregate
	}
	for i := headBytes; i < len(data); i += 16 {
		w := weighted{at(i), at(i + 8)}
		if n := len(a.spread); n > 0 && !(a.spread[n-1].value < w.value) {
			return a, errAggregate
		}
		a.spread = append(a.spread, w)
	}
	return a, nil
}
