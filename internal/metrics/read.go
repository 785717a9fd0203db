package metrics

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Point is what a metric came to in one period.
type Point struct {
	Start time.Time
	Unit  Unit
	Aggregate
}

// Span says which periods are meant: those of a length that begin at From, up to the one that To lies in or ends. Periods of less than a
// minute are made of values with a storage resolution of a second alone.
type Span struct {
	From, To time.Time
	Period   time.Duration
}

// maxRead bounds how many slots one reading goes through.
const maxRead = 2_000_000

var errTooMuch = errors.New("the time range holds too many values; ask for less")

// Points returns what a metric came to, a point for each period that has values, in the order of time. The unit "" stands for all units, of
// which the periods are then summed up apart. from and to are cut to whole seconds.
func (s *Service) Points(m Metric, unit Unit, span Span) ([]Point, error) {
	s.look()
	m = NewMetric(m.Namespace, m.Name, m.Dimensions...)
	s.tree.Lock()
	err := s.flush(pebble.NoSync)
	if err == nil {
		err = s.open()
	}
	var found []*series
	if err == nil {
		found = s.find(&m, unit)
	}
	db := s.db
	var snapshot *pebble.Snapshot
	if len(found) > 0 {
		snapshot = db.NewSnapshot() // so that reading holds nobody up
	}
	s.tree.Unlock()
	if err != nil || snapshot == nil {
		return nil, err
	}
	var points []Point
	for _, one := range found {
		list, err := readSeries(snapshot, one, span)
		if err != nil {
			return nil, errors.Join(err, snapshot.Close())
		}
		points = append(points, list...)
	}
	if len(found) > 1 {
		slices.SortStableFunc(points, func(a, b Point) int { return a.Start.Compare(b.Start) })
	}
	return points, snapshot.Close()
}

// find returns the metric's series; tree is held.
func (s *Service) find(m *Metric, unit Unit) []*series {
	units := []Unit{unit}
	if unit == "" {
		units = Units()
	}
	var found []*series
	for _, u := range units {
		if one := s.series[m.key(u)]; one != nil {
			found = append(found, one)
		}
	}
	return found
}

// readSeries sums a series up by period.
func readSeries(from pebble.Reader, one *series, span Span) ([]Point, error) {
	first, end, period := span.From.Unix(), span.To.Unix(), int64(span.Period/time.Second)
	if period <= 0 || end <= first {
		return nil, nil
	}
	sums := map[int64]*Aggregate{}
	for c := range classes {
		if period < resolutions[classMinute].length && c != classSecond {
			continue
		}
		if err := readClass(from, one.id, c, first, end, period, sums); err != nil {
			return nil, err
		}
	}
	points := make([]Point, 0, len(sums))
	for start, a := range sums {
		points = append(points, Point{time.Unix(start, 0).UTC(), one.unit, *a})
	}
	slices.SortFunc(points, func(a, b Point) int { return a.Start.Compare(b.Start) })
	return points, nil
}

func readClass(from pebble.Reader, id uint64, c class, first, end, period int64, sums map[int64]*Aggregate) error {
	it, err := from.NewIter(&pebble.IterOptions{LowerBound: slotKey(nil, id, c, first), UpperBound: slotKey(nil, id, c, end)})
	if err != nil {
		return err
	}
	read := 0
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err == nil && read == maxRead {
			err = errTooMuch
		}
		var a Aggregate
		if err == nil {
			a, err = decodeAggregate(value)
		}
		if err != nil {
			return errors.Join(err, it.Close())
		}
		start := first + floorTo(slotStart(it.Key())-first, period)
		if sums[start] == nil {
			sums[start] = new(Aggregate)
		}
		sums[start].Add(&a)
		read++
	}
	return errors.Join(it.Error(), it.Close())
}

// Filter says which metrics to list. What is empty takes all.
type Filter struct {
	Namespace, Name string
	// Dimensions must all be there; one with an empty value may have any.
	Dimensions []Dimension
	// Active takes those that have had a value within the last three hours alone.
	Active bool
}

// listed is how long a metric is listed after its last value (API reference, ListMetrics), active how long it counts as such.
const (
	listedFor = 14 * 24 * time.Hour
	activeFor = 3 * time.Hour
)

// Metrics lists the metrics that have had values within two weeks, by namespace, name and dimensions.
func (s *Service) Metrics(f Filter) ([]Metric, error) {
	s.look()
	s.tree.Lock()
	defer s.tree.Unlock()
	if err := errors.Join(s.flush(pebble.NoSync), s.open()); err != nil {
		return nil, err
	}
	age := listedFor
	if f.Active {
		age = activeFor
	}
	oldest := s.now().Add(-age).Unix()
	seen := map[string]bool{} // the same in another unit
	var list []Metric
	for _, one := range s.series {
		if one.latest < oldest || !f.takes(&one.metric) {
			continue
		}
		if key := one.metric.key(""); !seen[key] {
			seen[key] = true
			list = append(list, one.metric)
		}
	}
	slices.SortFunc(list, func(a, b Metric) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name), strings.Compare(a.key(""), b.key("")))
	})
	return list, nil
}

func (f *Filter) takes(m *Metric) bool {
	if f.Namespace != "" && f.Namespace != m.Namespace || f.Name != "" && f.Name != m.Name {
		return false
	}
	for _, want := range f.Dimensions {
		if !slices.ContainsFunc(m.Dimensions, func(d Dimension) bool {
			return d.Name == want.Name && (want.Value == "" || d.Value == want.Value)
		}) {
			return false
		}
	}
	return true
}
