package metrics_test

import (
	"math"
	"testing"

	"github.com/tutti-run/tutti/internal/metrics"
)

// sumOf adds values up.
func sumOf(values ...float64) metrics.Aggregate {
	var a metrics.Aggregate
	for _, v := range values {
		b := metrics.Value(v)
		a.Add(&b)
	}
	return a
}

func TestStatistics(t *testing.T) {
	ten := sumOf(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	same := metrics.Summary(4, 20, 5, 5)
	opaque := metrics.Summary(4, 20, 1, 9)
	negative := sumOf(-1, 1)
	none := metrics.Aggregate{}
	absent := math.NaN()
	for _, c := range []struct {
		of   metrics.Aggregate
		stat string
		want float64
	}{
		{ten, "SampleCount", 10},
		{ten, "Sum", 55},
		{ten, "Average", 5.5},
		{ten, "Minimum", 1},
		{ten, "Maximum", 10},
		{ten, "p0", 1},
		{ten, "p50", 5.5},
		{ten, "p90", 9.1},
		{ten, "p100", 10},
		{ten, "p(99.9)", 9.991},
		{ten, "tm90", 5}, // 1 to 9
		{ten, "TM(10%:90%)", 5.5},
		{ten, "TM(:5)", 3},
		{ten, "TC(2:5)", 3}, // 3, 4 and 5
		{ten, "TS(2:5)", 12},
		{ten, "PR(:3)", 30},
		{ten, "PR(8:)", 20},
		{ten, "WM(10%:90%)", 5.5},
		{ten, "wm90", 5.4}, // 10 counts as 9
		{ten, "IQM", 5.5},
		{same, "p99", 5},
		{opaque, "Average", 5},
		{opaque, "p50", absent},
		{opaque, "TM(10%:90%)", absent},
		{negative, "p50", absent},
		{none, "Sum", absent},
	} {
		s, ok := metrics.ParseStatistic(c.stat)
		if !ok {
			t.Errorf("%s is no statistic", c.stat)
			continue
		}
		got, some := s.Of(&c.of)
		if some == math.IsNaN(c.want) || some && math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v %v, want %v", c.stat, got, some, c.want)
		}
	}
	for _, bad := range []string{"", "sum", "p", "p101", "p-1", "TM()", "TM(:)", "TM(1:50%)", "TM(50%:10%)", "PR(1%:2%)", "xx90", "p1.12345678901"} {
		if _, ok := metrics.ParseStatistic(bad); ok {
			t.Errorf("%q is taken for a statistic", bad)
		}
	}
}

// With ever more values an aggregate stays small, and its percentiles right to a few figures.
func TestAggregateIsBounded(t *testing.T) {
	var a metrics.Aggregate
	for i := range 20_000 {
		b := metrics.Value(float64(i) + 0.125)
		a.Add(&b)
	}
	if n := len(a.Encode()); n > 10_000 {
		t.Errorf("an aggregate of %v values takes %d bytes", a.Count, n)
	}
	p99, _ := metrics.ParseStatistic("p99")
	if got, _ := p99.Of(&a); math.Abs(got-19_800) > 400 {
		t.Errorf("p99 is %v", got)
	}
	again, err := metrics.DecodeAggregate(a.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(again.Encode()), string(a.Encode()); got != want {
		t.Error("an aggregate that is read is another one")
	}
}

func FuzzDecodeAggregate(f *testing.F) {
	a, b := sumOf(1, 2, 2), metrics.Summary(3, 4, 1, 2)
	f.Add(a.Encode())
	f.Add(b.Encode())
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := metrics.DecodeAggregate(data)
		if err != nil {
			return
		}
		if string(a.Encode()) != string(data) {
			t.Errorf("%x becomes %x", data, a.Encode())
		}
		a.Add(&a)
		for _, name := range []string{"p50", "Average", "TM(1%:99%)", "WM(1:2)"} {
			s, _ := metrics.ParseStatistic(name)
			s.Of(&a)
		}
	})
}
