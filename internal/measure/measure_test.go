package measure_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/measure"
)

// ledger notes what is counted, by metric and dimensions.
type ledger map[string]float64

type entry struct {
	ledger
	key string
}

func (l ledger) Counter(namespace string, m measure.Metric, dimensions map[string]string) measure.Counter {
	return entry{l, fmt.Sprint(namespace, " ", m.Name, " ", m.Unit, " ", dimensions)}
}

func (e entry) AddMany(_ time.Time, v, times float64) { e.ledger[e.key] += v * times }

// A value is counted once for each set of dimensions that the thing has, and for no other.
func TestCounters(t *testing.T) {
	table := measure.Table{
		Namespace: "Zoo", Metrics: []measure.Metric{{Name: "Fed", Unit: measure.Count}, {Name: "Food", Unit: measure.Bytes}},
		Dimensions: [][]string{{}, {"Animal"}, {"Animal", "Cage"}},
	}
	l := ledger{}
	c := table.Counters(l, map[string]string{"Animal": "emu"})
	c.Add(0, time.Time{}, 1)
	c.AddMany(1, time.Time{}, 5, 2)
	table.Counters(l, map[string]string{"Animal": "emu", "Cage": "7"}).Add(0, time.Time{}, 1)
	want := ledger{
		"Zoo Fed Count map[]": 2, "Zoo Fed Count map[Animal:emu]": 2, "Zoo Fed Count map[Animal:emu Cage:7]": 1,
		"Zoo Food Bytes map[]": 10, "Zoo Food Bytes map[Animal:emu]": 10,
	}
	if !maps.Equal(l, want) {
		t.Errorf("got %v of %v", l, slices.Sorted(maps.Keys(want)))
	}
	table.Counters(nil, nil).Add(1, time.Time{}, 1) // counts nothing, and does not mind
}
