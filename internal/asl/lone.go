package asl

import "github.com/tutti-run/tutti/internal/sfn"

// LoneState is how AWS calls a state that is tested without the machine around it, in diagnostics and in its Context object. That of a state
// which was picked from a machine has this name, too.
const LoneState = "StateName"

// ParseState reads and checks the definition of a single state, for a test of it. Where its transitions lead is not asked.
func ParseState(text string, opts Options) (*Machine, []sfn.Diagnostic) {
	if fault := checkText(text); fault != nil {
		return nil, []sfn.Diagnostic{*fault}
	}
	opts.lone = true
	return Parse(`{"StartAt":"`+LoneState+`","States":{"`+LoneState+`":`+text+`}}`, opts)
}

// Alone returns a machine that consists of the state with the name, which may stand at any depth, and of nothing else. Its transitions lead
// nowhere: it is for testing that state.
func (m *Machine) Alone(name string) (alone *Machine, ok bool) {
	found := m.find(name)
	if found == nil {
		return nil, false
	}
	return &Machine{
		Flow: Flow{
			StartAt: LoneState, Names: []string{LoneState}, States: map[string]State{LoneState: renamed(found, LoneState)}, Place: m.Place,
		},
		Version: m.Version, QueryLanguage: m.QueryLanguage, Type: m.Type, Text: m.Text,
	}, true
}

// Inner tells whether a state with the name stands inside the Map or Parallel s, at any depth.
func Inner(s State, name string) bool {
	for _, f := range flowsOf(s) {
		if f.find(name) != nil {
			return true
		}
	}
	return false
}

func (f *Flow) find(name string) State {
	if s := f.States[name]; s != nil {
		return s
	}
	for _, outer := range f.Names {
		for _, inner := range flowsOf(f.States[outer]) {
			if s := inner.find(name); s != nil {
				return s
			}
		}
	}
	return nil
}

// flowsOf are the flows that a state runs.
func flowsOf(s State) []*Flow {
	switch s := s.(type) {
	case *Parallel:
		return s.Branches
	case *Map:
		return []*Flow{s.Processor}
	}
	return nil
}

// renamed returns a copy of the state under another name.
func renamed(s State, name string) State {
	var c State
	switch s := s.(type) {
	case *Pass:
		c = cloned(s)
	case *Task:
		c = cloned(s)
	case *Wait:
		c = cloned(s)
	case *Succeed:
		c = cloned(s)
	case *Fail:
		c = cloned(s)
	case *Choice:
		c = cloned(s)
	case *Parallel:
		c = cloned(s)
	case *Map:
		c = cloned(s)
	}
	c.Common().Name = name
	return c
}

func cloned[T any](v *T) *T {
	c := *v
	return &c
}
