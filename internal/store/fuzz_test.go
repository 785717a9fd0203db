package store_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// Whatever lies on the disk, decoding a record ends in a record, which then encodes to itself, or in ErrDamaged.
func FuzzRecord(f *testing.F) {
	full := begun("orders", "full", 1)
	full.Status, full.StopDate, full.WakeAt = sfn.StatusFailed, at(9), at(5)
	full.RedriveCount, full.RedriveDate, full.LastEventID = 2, at(6), 300
	full.MapRunARN, full.VersionARN, full.AliasARN, full.TraceHeader, full.ItemCount = "map", "version", "alias", "Root=1", 12
	for _, e := range []*store.Execution{full, begun("orders", "plain", 0), {ARN: "a", MachineARN: "b", Name: "c", Status: sfn.StatusAborted}} {
		fixed, changing := store.Encode(e)
		f.Add(fixed, changing)
	}
	f.Add([]byte{1, 'a', 2, 0}, []byte{1})
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), []byte{0, 0, 0})
	f.Fuzz(func(t *testing.T, fixed, changing []byte) {
		once, twice, err := store.RoundTrip(fixed, changing)
		if err != nil {
			if !errors.Is(err, store.ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		if !reflect.DeepEqual(once, twice) {
			t.Fatalf("%+v\nencodes as %+v", once, twice)
		}
	})
}
