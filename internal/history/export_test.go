package history

import (
	"maps"
	"slices"
)

// Types lists the table of types.
func Types() []Type { return slices.Sorted(maps.Keys(forms)) }

// NewDetails makes empty details of a type, nil if it has none.
func NewDetails(t Type) Details {
	if make := forms[t].new; make != nil {
		return make()
	}
	return nil
}
