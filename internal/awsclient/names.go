package awsclient

import (
	"encoding/base64"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// names is how values call the members of structures, and how they hold bytes.
type names struct {
	given func(*value.Object, *awsmodel.Member) (value.Value, bool)
	bytes func(value.Value) []byte
}

var (
	// stepFunctionsNames are those in inputs of Task states.
	stepFunctionsNames = names{given: given, bytes: blob}
	// wireNames are those of the JSON protocol, which has bytes in base64.
	wireNames = names{given: givenOnWire, bytes: bytesOnWire}
)

func givenOnWire(o *value.Object, m *awsmodel.Member) (value.Value, bool) {
	v, ok := o.Get(m.Name)
	return v, ok && v.Kind() != value.KindNull
}

func bytesOnWire(v value.Value) []byte {
	raw, err := base64.StdEncoding.DecodeString(text(v))
	if err != nil {
		return []byte(text(v))
	}
	return raw
}
