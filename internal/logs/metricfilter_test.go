package logs_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/tutti-run/tutti/internal/logs"
)

// Metric filters count what comes in by either way, also once the folder is opened again.
func TestMetricFilters(t *testing.T) {
	var mu sync.Mutex
	var found []string
	take := func(list []logs.Measured) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range list {
			found = append(found, fmt.Sprint(m.Namespace, "/", m.Name, " ", m.Value, " ", m.Unit, m.Dimensions))
		}
	}
	told := func() string {
		mu.Lock()
		defer mu.Unlock()
		all := strings.Join(found, ", ")
		found = nil
		return all
	}
	fs := vfs.NewMem()
	s := open(t, fs, logs.WithMeasures(take))
	must(t, s.CreateGroup(logs.Group{Name: "g"}))
	must(t, s.CreateStream("g", "s"))
	zero := 0.0
	must(t, s.PutMetricFilter("g", logs.MetricFilter{Name: "latency", Pattern: `{ $.latency > 0 }`, Transformations: []logs.MetricTransformation{
		{Name: "Latency", Namespace: "App", Value: "$.latency", Unit: "Milliseconds", Dimensions: map[string]string{"Route": "$.route"}}}}))
	must(t, s.PutMetricFilter("g", logs.MetricFilter{Name: "errors", Pattern: `ERROR`, Transformations: []logs.MetricTransformation{
		{Name: "Errors", Namespace: "App", Value: "1", Default: &zero}}}))
	_, err := s.Put("g", "s", []logs.Event{{Timestamp: at(0), Message: `{"latency": 12, "route": "/a"}`}, {Timestamp: at(0), Message: `{"latency": 5}`}})
	must(t, err)
	if got := told(); got != "App/Latency 12 Millisecondsmap[Route:/a], App/Errors 0 map[]" {
		t.Error(got)
	}
	must(t, s.Append("g", "s", []logs.Event{{Timestamp: at(0), Message: "an ERROR"}, {Timestamp: at(0), Message: "another ERROR"}}))
	if got := told(); got != "App/Errors 1 map[], App/Errors 1 map[]" {
		t.Error(got)
	}
	must(t, s.DeleteMetricFilter("g", "errors"))
	must(t, s.Close())
	s = open(t, fs, logs.WithMeasures(take))
	must(t, s.Append("g", "s", []logs.Event{{Timestamp: at(0), Message: `{"latency": "7", "route": "/b"}`}, {Timestamp: at(0), Message: "ERROR"}}))
	if got := told(); got != "App/Latency 7 Millisecondsmap[Route:/b]" {
		t.Error(got)
	}
}

func FuzzMetricFilter(f *testing.F) {
	f.Add(`{ $.a > 1 }`, "$.a", `{"a": 2}`)
	f.Add(`[ip, ..., size > 5]`, "$size", "1.2.3.4 x 17")
	f.Add(`ERROR`, "1", "ERROR")
	f.Fuzz(func(t *testing.T, pattern, value, message string) {
		s := open(t, vfs.NewMem(), logs.WithMeasures(func([]logs.Measured) {}))
		must(t, s.CreateGroup(logs.Group{Name: "g"}))
		m := logs.MetricFilter{Name: "f", Pattern: pattern, Transformations: []logs.MetricTransformation{{Name: "n", Namespace: "a", Value: value}}}
		if s.PutMetricFilter("g", m) != nil {
			return
		}
		must(t, s.Append("g", "s", []logs.Event{{Timestamp: at(0), Message: message}}))
		if filter, err := logs.ParseFilter(pattern); err == nil {
			filter.Extract(message)
		}
	})
}
