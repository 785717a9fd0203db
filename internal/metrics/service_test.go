package metrics_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/tutti-run/tutti/internal/metrics"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when the tests take place.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, fs vfs.FS, options ...metrics.Option) *metrics.Service {
	t.Helper()
	s := metrics.New("/metrics", append([]metrics.Option{metrics.WithFS(fs), metrics.WithClock(func() time.Time { return noon })}, options...)...)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var requests = metrics.NewMetric("App", "Requests", metrics.Dimension{Name: "Route", Value: "/a"})

// datum is a value of requests, minutes before noon.
func datum(minutes float64, v float64) metrics.Datum {
	return metrics.Datum{Metric: requests, Unit: "Count", Time: noon.Add(-time.Duration(minutes * float64(time.Minute))), Values: metrics.Value(v)}
}

// told writes points as "minutes before noon: count/sum".
func told(points []metrics.Point) string {
	var parts []string
	for _, p := range points {
		parts = append(parts, fmt.Sprintf("%v:%v/%v", noon.Sub(p.Start).Minutes(), p.Count, p.Sum))
	}
	return strings.Join(parts, " ")
}

func points(t testing.TB, s *metrics.Service, m metrics.Metric, period time.Duration) string {
	t.Helper()
	list, err := s.Points(m, "", metrics.Span{From: noon.Add(-24 * time.Hour), To: noon.Add(time.Minute), Period: period})
	must(t, err)
	return told(list)
}

func TestPoints(t *testing.T) {
	s := open(t, vfs.NewMem())
	must(t, s.Put([]metrics.Datum{datum(4.5, 1), datum(4.2, 2), datum(1, 10)}))
	s.Append(datum(1, 5), datum(0, 7))
	if got := points(t, s, requests, time.Minute); got != "5:2/3 1:2/15 0:1/7" {
		t.Error(got)
	}
	if got := points(t, s, requests, 5*time.Minute); got != "5:4/18 0:1/7" {
		t.Error(got)
	}
	if got := points(t, s, requests, 10*time.Second); got != "" {
		t.Errorf("minutes were told as seconds: %s", got)
	}
	if got := points(t, s, metrics.NewMetric("App", "Requests"), time.Minute); got != "" {
		t.Errorf("dimensions do not matter: %s", got)
	}
}

func TestHighResolution(t *testing.T) {
	s := open(t, vfs.NewMem())
	d := datum(0.5, 3)
	d.HighResolution = true
	must(t, s.Put([]metrics.Datum{d}))
	list, err := s.Points(requests, "", metrics.Span{From: noon.Add(-time.Minute), To: noon, Period: 10 * time.Second})
	must(t, err)
	if got := told(list); got != "0.5:1/3" {
		t.Error(got)
	}
	if got := points(t, s, requests, time.Minute); got != "1:1/3" {
		t.Error(got)
	}
}

// What Put has answered, and what was appended before a second has gone, is there after a kill; what is closed is all there.
func TestDurable(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, fs)
	must(t, s.Put([]metrics.Datum{datum(1, 1)}))
	killed := fs.CrashClone(vfs.CrashCloneCfg{})
	s.Counter(requests, "Count").Add(noon, 2)
	must(t, s.Close())
	if got := points(t, open(t, killed), requests, time.Minute); got != "1:1/1" {
		t.Errorf("after a power cut: %q", got)
	}
	again := open(t, fs)
	if got := points(t, again, requests, time.Minute); got != "1:1/1 0:1/2" {
		t.Errorf("opened again: %q", got)
	}
	must(t, again.Put([]metrics.Datum{datum(1, 4)}))
	if got := points(t, again, requests, time.Minute); got != "1:2/5 0:1/2" {
		t.Errorf("added to: %q", got)
	}
}

func TestCounter(t *testing.T) {
	s := open(t, vfs.NewMem())
	c := s.Counter(requests, "Count")
	if c != s.Counter(requests, "Count") {
		t.Error("a metric has two counters")
	}
	for i := range 300 {
		c.Add(noon.Add(-2*time.Minute+time.Duration(i)*time.Second), 1)
	}
	var absent *metrics.Counter
	absent.Add(noon, 1)
	s.Counter(metrics.Metric{}, "").Add(noon, 1)
	if got := points(t, s, requests, time.Minute); got != "2:60/60 1:60/60 0:60/60" {
		t.Error(got)
	}
}

func TestMetrics(t *testing.T) {
	s := open(t, vfs.NewMem())
	other := metrics.NewMetric("App", "Errors")
	must(t, s.Put([]metrics.Datum{
		datum(1, 1), {Metric: requests, Unit: "Bytes", Time: noon, Values: metrics.Value(1)},
		{Metric: other, Time: noon.Add(-4 * time.Hour), Values: metrics.Value(1)},
		{Metric: metrics.NewMetric("Old", "x"), Time: noon.AddDate(0, 0, -15), Values: metrics.Value(1)},
	}))
	for _, c := range []struct {
		f    metrics.Filter
		want string
	}{
		{metrics.Filter{}, "Errors Requests"},
		{metrics.Filter{Active: true}, "Requests"},
		{metrics.Filter{Namespace: "Nope"}, ""},
		{metrics.Filter{Name: "Errors"}, "Errors"},
		{metrics.Filter{Dimensions: []metrics.Dimension{{Name: "Route"}}}, "Requests"},
		{metrics.Filter{Dimensions: []metrics.Dimension{{Name: "Route", Value: "/b"}}}, ""},
	} {
		list, err := s.Metrics(c.f)
		must(t, err)
		var names []string
		for _, m := range list {
			names = append(names, m.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%+v: %q, want %q", c.f, got, c.want)
		}
	}
}

// Old values are summed up to coarser ones, and go at last.
func TestSweep(t *testing.T) {
	s := open(t, vfs.NewMem())
	day := 24 * 60.0
	second := datum(4*60, 1)
	second.HighResolution = true
	must(t, s.Put([]metrics.Datum{second, datum(16*day, 1), datum(16*day-1, 1), datum(64*day, 1), datum(64*day-30, 1), datum(456*day, 1)}))
	for range 3 { // minutes become five minutes, these hours
		must(t, s.Sweep())
	}
	list, err := s.Points(requests, "", metrics.Span{From: noon.AddDate(-2, 0, 0), To: noon, Period: time.Minute})
	must(t, err)
	if got, want := told(list), "92160:2/2 23040:2/2 240:1/1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestBoundOnDisk(t *testing.T) {
	s := open(t, vfs.NewMem(), metrics.WithMaxBytes(1))
	must(t, s.Put([]metrics.Datum{datum(10*24*60, 1), datum(1, 1)}))
	must(t, s.Sweep())
	list, err := s.Points(requests, "", metrics.Span{From: noon.AddDate(-2, 0, 0), To: noon, Period: time.Minute})
	must(t, err)
	if got := told(list); got != "1:1/1" {
		t.Errorf("%s is left", got)
	}
}

func BenchmarkCounter(b *testing.B) {
	s := open(b, vfs.NewMem())
	c := s.Counter(requests, "Count")
	for b.Loop() {
		c.Add(noon, 1)
	}
}

func TestUnitsAreKnown(t *testing.T) {
	if len(metrics.Units()) != 27 || !slices.Contains(metrics.Units(), metrics.None) {
		t.Error(metrics.Units())
	}
}

// What only looking tells is looked at before it is read, once in a minute.
func TestWatch(t *testing.T) {
	now := noon
	s := open(t, vfs.NewMem(), metrics.WithClock(func() time.Time { return now }))
	looks := 0
	counter := s.Counter(requests, "Count")
	s.Watch(func() {
		looks++
		counter.Add(now, float64(looks))
	})
	if list, err := s.Metrics(metrics.Filter{}); err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
	if got := points(t, s, requests, time.Minute); got != "0:1/1" {
		t.Errorf("got %s", got)
	}
	now = noon.Add(time.Minute)
	list, err := s.Data([]metrics.Query{{ID: "m", Metric: requests, Stat: "Sum", Period: time.Minute, Return: true}}, noon, noon.Add(2*time.Minute))
	if err != nil || !slices.Equal(list[0].Values, []float64{1, 2}) || looks != 2 {
		t.Errorf("%v %v after %d looks", list, err, looks)
	}
}
