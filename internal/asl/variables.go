package asl

import (
	"maps"
	"slices"
)

// VariableReferences maps the states that read variables to the names of these, sorted, as DescribeStateMachine answers them. Assigning
// is not reading. The map is the caller's.
func (m *Machine) VariableReferences() map[string][]string {
	references := maps.Clone(m.references)
	for state, names := range references {
		references[state] = slices.Sorted(slices.Values(names))
	}
	return references
}
