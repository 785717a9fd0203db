package pattern

import (
	"net/netip"

	"github.com/tutti-run/tutti/internal/value"
)

func valueOf(t token) value.Value {
	v, _ := value.Parse(t.text) // the reader has read it
	return v
}

func numberOf(t token) value.Value { return valueOf(t) }

// onText is a test of texts.
func onText(holds func(string) bool) test {
	return test{holds: func(leaf value.Value) bool {
		s, ok := leaf.(value.String)
		return ok && holds(string(s))
	}}
}

// equalsText compares texts; addresses by what they stand for, as AWS does.
func equalsText(want string) func(value.Value) bool {
	address, err := netip.ParseAddr(want)
	if err != nil || address.Zone() != "" {
		return func(leaf value.Value) bool { return leaf == value.String(want) }
	}
	return func(leaf value.Value) bool {
		s, ok := leaf.(value.String)
		if !ok {
			return false
		}
		a, err := netip.ParseAddr(string(s))
		return err == nil && a == address
	}
}

// equalsNumber compares by value: 300, 300.0 and 3.0e2 are equal, as AWS has been seen to do against its user guide.
func equalsNumber(want value.Value) func(value.Value) bool {
	return func(leaf value.Value) bool {
		order, ok := value.CompareNumbers(leaf, want)
		return ok && order == 0
	}
}
