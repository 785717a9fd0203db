package pattern

import (
	"maps"
	"slices"
	"strconv"

	"github.com/tutti-run/tutti/internal/value"
)

// step is a tree of the paths that a pattern looks at, so that only these are read from events.
type step struct {
	paths map[string]bool // from the top
	heads map[string]bool // what a longer path begins with, up to a dot and without it
}

func stepsOf(rules []rule) *step {
	s := &step{paths: map[string]bool{}, heads: map[string]bool{}}
	for _, r := range rules {
		for _, c := range r {
			s.paths[c.path] = true
			for i, b := range []byte(c.path) {
				if b == '.' {
					s.heads[c.path[:i]] = true
				}
			}
		}
	}
	return s
}

// field is a leaf of an event, with the elements of lists in which it lies.
type field struct {
	leaf value.Value
	in   []element
}

// element is one of a list's elements. Lists are numbered as they come in the event.
type element struct{ list, index int }

// collector reads the fields of an event.
type collector struct {
	of     *step
	fields map[string][]field
	lists  int
}

func (s *step) fieldsOf(event *value.Object) map[string][]field {
	c := collector{of: s, fields: make(map[string][]field, len(s.paths))}
	c.object("", event, nil)
	return c.fields
}

func (c *collector) object(path string, o *value.Object, in []element) {
	for name, v := range o.All() {
		if path != "" {
			name = path + "." + name
		}
		c.value(name, v, in)
	}
}

func (c *collector) value(path string, v value.Value, in []element) {
	isPath, isHead := c.of.paths[path], c.of.heads[path]
	if !isPath && !isHead {
		return
	}
	switch v := v.(type) {
	case *value.Object:
		c.object(path, v, in)
	case value.Array:
		list := c.lists
		c.lists++
		for i, one := range v {
			switch one.(type) {
			case *value.Object, value.Array: // only these bind: a list's own leaves go with any other field
				c.value(path, one, append(slices.Clip(in), element{list, i}))
			default:
				c.value(path, one, in)
			}
		}
	default:
		if isPath {
			c.fields[path] = append(c.fields[path], field{v, in})
		}
	}
}

// maxSearch bounds how many fields are tried to match an event with one rule. It takes lists with many thousands of elements, and a rule that
// wants several things of each, to come near it; such an event does not match.
const maxSearch = 1 << 22

// search looks for a field for each of a rule's conditions, so that those that lie in the same list lie in the same element of it (array consistency, as in the
// matcher that AWS publishes, github.com/aws/event-ruler).
type search struct {
	rule    rule
	fields  map[string][]field
	left    int               // tries
	behind  []map[int]bool    // the lists in which fields of a condition, or one behind it, lie
	grouped map[string]groups // of paths
	failed  map[string]bool   // what led nowhere: the number of a condition, and the elements that bind what is behind it
}

func (s *search) match() bool { return s.from(0, nil) }

// from tells whether the conditions from i on hold with fields that agree with the elements that are chosen.
func (s *search) from(i int, chosen []element) bool {
	if i == len(s.rule) {
		return true
	}
	key := ""
	if len(chosen) > 0 {
		if key = s.key(i, chosen); s.failed[key] {
			return false
		}
	}
	c := &s.rule[i]
	absent := true
	for _, f := range s.candidates(c.path, chosen) {
		if s.left--; s.left < 0 {
			return false
		}
		joined, ok := join(chosen, f.in)
		if !ok {
			continue
		}
		absent = false
		if c.passes(f.leaf) && s.from(i+1, joined) {
			return true
		}
	}
	if absent && c.mayBeAbsent() && s.from(i+1, chosen) {
		return true
	}
	if key != "" {
		s.failed[key] = true
	}
	return false
}

// candidates returns the fields at a path among which are all that agree with the chosen elements.
func (s *search) candidates(path string, chosen []element) []field {
	all := s.fields[path]
	if len(chosen) == 0 || len(all) < 2 {
		return all
	}
	g, ok := s.grouped[path]
	if !ok {
		g = groupsOf(all)
		s.grouped[path] = g
	}
	for _, e := range chosen {
		if g.by != nil && e.list == g.list {
			return g.by[e]
		}
	}
	return all
}

// groups has the fields of a path by the elements of the outermost list, if all lie in one and the same.
type groups struct {
	list int
	by   map[element][]field
}

func groupsOf(all []field) groups {
	g := groups{by: make(map[element][]field, len(all))}
	for i, f := range all {
		if len(f.in) == 0 || i > 0 && f.in[0].list != g.list {
			return groups{}
		}
		g.list = f.in[0].list
		g.by[f.in[0]] = append(g.by[f.in[0]], f)
	}
	return g
}

// key names the conditions from i on together with those of the chosen elements that matter to them.
func (s *search) key(i int, chosen []element) string {
	if s.behind == nil {
		s.prepare()
	}
	b := strconv.AppendInt(nil, int64(i), 10)
	for _, e := range chosen {
		if s.behind[i][e.list] {
			b = strconv.AppendInt(append(b, ' '), int64(e.list), 10)
			b = strconv.AppendInt(append(b, ':'), int64(e.index), 10)
		}
	}
	return string(b)
}

func (s *search) prepare() {
	s.failed, s.grouped = map[string]bool{}, map[string]groups{}
	s.behind = make([]map[int]bool, len(s.rule))
	lists := map[int]bool{}
	for i := len(s.rule) - 1; i >= 0; i-- {
		for _, f := range s.fields[s.rule[i].path] {
			for _, e := range f.in {
				lists[e.list] = true
			}
		}
		s.behind[i] = maps.Clone(lists)
	}
}

// join adds elements to chosen ones, both ordered by list; ok is false if they name two elements of one list.
func join(chosen, in []element) (joined []element, ok bool) {
	if len(in) == 0 {
		return chosen, true
	}
	for len(chosen) > 0 && len(in) > 0 {
		switch a, b := chosen[0], in[0]; {
		case a.list == b.list && a.index != b.index:
			return nil, false
		case a.list == b.list:
			joined, chosen, in = append(joined, a), chosen[1:], in[1:]
		case a.list < b.list:
			joined, chosen = append(joined, a), chosen[1:]
		default:
			joined, in = append(joined, b), in[1:]
		}
	}
	return append(append(joined, chosen...), in...), true
}
