package metrics

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Statistic is a figure that is made of an aggregate, by the name that the API gives it (user guide, "CloudWatch statistics definitions"):
// SampleCount, Average, Sum, Minimum, Maximum, IQM, pNN.N, or TM, WM, TC, TS or PR with the bounds of the values that count.
type Statistic struct {
	text string
	of   func(*Aggregate) (float64, bool)
	// percentile is N of pN, -1 of others.
	percentile float64
}

// String is the statistic as it was written.
func (s Statistic) String() string { return s.text }

// Percentile is N of the statistic pN; ok is false for all others.
func (s Statistic) Percentile() (n float64, ok bool) { return s.percentile, s.percentile >= 0 }

// Of is the statistic of an aggregate; ok is false if it has none, as of no values, or of percentiles of values that are known in sum only.
func (s Statistic) Of(a *Aggregate) (v float64, ok bool) {
	if a.Count == 0 {
		return 0, false
	}
	return s.of(a)
}

// The statistics without arguments.
var plainStatistics = map[string]func(*Aggregate) (float64, bool){
	"SampleCount": func(a *Aggregate) (float64, bool) { return a.Count, true },         // how many values
	"Average":     func(a *Aggregate) (float64, bool) { return a.Sum / a.Count, true }, // Sum by SampleCount
	"Sum":         func(a *Aggregate) (float64, bool) { return a.Sum, true },           // all values added
	"Minimum":     func(a *Aggregate) (float64, bool) { return a.Min, true },           // the least value
	"Maximum":     func(a *Aggregate) (float64, bool) { return a.Max, true },           // the greatest value
	"IQM":         trimmed(bounds{25, 75, true}, trimmedMean),                          // the mean of the middle half
}

// trims are the statistics of the values between two bounds.
var trims = map[string]func(in trim) float64{
	"TM": trimmedMean,                                      // their mean
	"WM": winsorizedMean,                                   // the mean of all, where those outside count as the bound
	"TC": func(in trim) float64 { return in.count },        // how many there are
	"TS": func(in trim) float64 { return in.sum },          // their sum
	"PR": func(in trim) float64 { return in.percentile() }, // how many of a hundred they are
}

var (
	percentileForm = regexp.MustCompile(`^p\(?([0-9]{1,3}(?:\.[0-9]{1,10})?)\)?$`)
	shortTrim      = regexp.MustCompile(`^(tm|wm|tc|ts)\(?([0-9]{1,3}(?:\.[0-9]{1,10})?)\)?$`)
	longTrim       = regexp.MustCompile(`^(TM|WM|TC|TS|PR)\(([0-9.]*%?):([0-9.]*%?)\)$`)
)

// ParseStatistic reads a statistic by its name; ok is false for what is none.
func ParseStatistic(text string) (s Statistic, ok bool) {
	s = Statistic{text: text, percentile: -1}
	if of := plainStatistics[text]; of != nil {
		s.of = of
		return s, true
	}
	if m := percentileForm.FindStringSubmatch(text); m != nil {
		p, ok := hundredth(m[1])
		s.percentile = p
		s.of = func(a *Aggregate) (float64, bool) {
			if !a.distributed() {
				return 0, false
			}
			return a.percentile(p), true
		}
		return s, ok
	}
	if m := shortTrim.FindStringSubmatch(text); m != nil {
		most, ok := hundredth(m[2])
		s.of = trimmed(bounds{0, most, true}, trims[strings.ToUpper(m[1])])
		return s, ok
	}
	if m := longTrim.FindStringSubmatch(text); m != nil {
		b, ok := parseBounds(m[2], m[3])
		s.of = trimmed(b, trims[m[1]])
		return s, ok && (m[1] != "PR" || !b.percent)
	}
	return s, false
}

func hundredth(text string) (float64, bool) {
	p, err := strconv.ParseFloat(text, 64)
	return p, err == nil && p >= 0 && p <= 100
}

// bounds are those of a trimmed statistic: ranks in percent, or values of which the lower is outside.
type bounds struct {
	least, most float64
	percent     bool
}

func parseBounds(least, most string) (b bounds, ok bool) {
	if least == "" && most == "" {
		return b, false
	}
	b = bounds{math.Inf(-1), math.Inf(1), strings.HasSuffix(least+most, "%")}
	if b.percent {
		b.least, b.most = 0, 100
	}
	for _, end := range []struct {
		text string
		at   *float64
	}{{least, &b.least}, {most, &b.most}} {
		if end.text == "" {
			continue
		}
		number, percent := strings.CutSuffix(end.text, "%")
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || percent != b.percent || percent && v > 100 {
			return b, false
		}
		*end.at = v
	}
	return b, b.least < b.most
}

// trim is what lies within bounds: how many values with which sum, and what was cut off below and above with the values at the edges.
type trim struct {
	count, sum, all     float64
	cutBelow, cutAbove  float64
	edgeLeast, edgeMost float64
}

func (in trim) percentile() float64 { return in.count / in.all * 100 }

func trimmedMean(in trim) float64 { return in.sum / in.count }

func winsorizedMean(in trim) float64 {
	return (in.sum + in.cutBelow*in.edgeLeast + in.cutAbove*in.edgeMost) / in.all
}

// trimmed is the statistic that figure makes of the values within the bounds.
func trimmed(b bounds, figure func(trim) float64) func(*Aggregate) (float64, bool) {
	return func(a *Aggregate) (float64, bool) {
		if !a.distributed() {
			return 0, false
		}
		v := figure(b.cut(a))
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	}
}

// cut takes the values within the bounds. By percent, a value may be cut in part.
func (b bounds) cut(a *Aggregate) trim {
	in := trim{all: a.Count, edgeLeast: b.least, edgeMost: b.most}
	from, to := b.least/100*a.Count, b.most/100*a.Count
	below := 0.0
	first := true
	for _, w := range a.spread {
		n := w.count
		switch {
		case b.percent:
			n = math.Max(0, math.Min(below+w.count, to)-math.Max(below, from))
			below += w.count
			if n == 0 && below <= from {
				in.cutBelow += w.count
			} else {
				in.cutBelow += math.Max(0, math.Min(w.count, from-(below-w.count)))
			}
		case w.value <= b.least:
			n = 0
			in.cutBelow += w.count
		case w.value > b.most:
			n = 0
		}
		if n > 0 {
			in.count, in.sum = in.count+n, in.sum+n*w.value
			if first && b.percent {
				in.edgeLeast = w.value
			}
			first = false
			if b.percent {
				in.edgeMost = w.value
			}
		}
	}
	in.cutAbove = math.Max(0, in.all-in.count-in.cutBelow)
	return in
}
