package probe_test

import (
	"encoding/json"
	"io/fs"
	"reflect"
	"testing"

	"github.com/tutti-run/tutti/functions/internal/probe"
	"github.com/tutti-run/tutti/schemas"
)

// The statuses that the program knows and the statuses that its contract allows are one set.
func TestStatusesAreThoseOfTheContract(t *testing.T) {
	text, err := fs.ReadFile(schemas.FS, "probe-endpoint.output.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var contract struct {
		Defs struct {
			Status struct{ Enum []probe.Status }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &contract); err != nil {
		t.Fatal(err)
	}
	if got, want := probe.Statuses(), contract.Defs.Status.Enum; !reflect.DeepEqual(got, want) {
		t.Errorf("statuses %v, the contract has %v", got, want)
	}
}

func TestRankOrdersByUrgency(t *testing.T) {
	ordered := append([]probe.Status{"no status"}, probe.Statuses()...)
	for i, s := range ordered[1:] {
		if s.Rank() <= ordered[i].Rank() {
			t.Errorf("%s does not rank above %s", s, ordered[i])
		}
	}
	if probe.Down.Rank() <= probe.Degraded.Rank() || probe.Degraded.Rank() <= probe.Healthy.Rank() {
		t.Error("down must be worse than degraded, and degraded worse than healthy")
	}
}
