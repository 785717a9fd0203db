package jsonata

import "github.com/tutti-run/tutti/internal/value"

// group is {key: value}: an object constructor, or a grouping behind an expression.
type group struct {
	pairs    []groupPair
	position int
	fixed    bool // all keys are literals, and none occurs twice
}

type groupPair struct {
	key   node
	name  string // of a literal key, if the group is fixed
	value node
	depth int
}

// eval groups the items of v, which is the context or what the expression before the grouping has given.
func (n *group) eval(r *run, f *frame, v value.Value) (value.Value, *Error) {
	elements, isArray := items(v)
	if !isArray {
		if n.fixed {
			return n.construct(r, f, v)
		}
		return n.over(r, f, []value.Value{v}, false)
	}
	l, ok := v.(*list)
	return n.over(r, f, elements, ok && l.has(flagTuples))
}

// construct is over for a single item and literal keys, the usual object constructor.
func (n *group) construct(r *run, f *frame, item value.Value) (value.Value, *Error) {
	members := make([]value.Member, 0, len(n.pairs))
	r.charge(len(n.pairs) * 2 * itemBytes)
	for i := range n.pairs {
		v, err := n.pairs[i].value.eval(r, f, item)
		if err != nil {
			return nil, err
		}
		if v != nil {
			members = append(members, value.Member{Name: n.pairs[i].name, Value: v})
		}
	}
	return value.NewObject(members...), nil
}

// gathered is what one key has gathered.
type gathered struct {
	key    string
	pair   int
	data   joiner
	tuples []value.Value
}

// joiner joins values as the reference's append does, one after another, without copying what it has at every step.
type joiner struct {
	first value.Value
	items []value.Value
	many  bool
}

func (j *joiner) add(v value.Value) {
	switch {
	case v == nil:
	case j.first == nil:
		j.first = v
	case !j.many:
		j.many = true
		j.items = append(append([]value.Value(nil), itemsOf(j.first)...), itemsOf(v)...)
	default:
		j.items = append(j.items, itemsOf(v)...)
	}
}

func (j *joiner) value() value.Value {
	if j.many {
		return value.Array(j.items)
	}
	return j.first
}

// over groups the elements.
func (n *group) over(r *run, f *frame, elements []value.Value, tuples bool) (value.Value, *Error) {
	if len(elements) == 0 && !tuples {
		elements = []value.Value{nil} // an object constructor without context still constructs
	}
	if len(elements) == 1 && !tuples && n.fixed {
		return n.construct(r, f, elements[0])
	}
	groups, err := n.gather(r, f, elements, tuples)
	if err != nil {
		return nil, err
	}
	members := make([]value.Member, 0, len(groups))
	for i := range groups {
		g := &groups[i]
		pair := &n.pairs[g.pair]
		context, env := g.data.value(), f
		if tuples {
			reduced := reduceTuples(g.tuples)
			context, env = reduced.at, reduced.frame(f)
		}
		r.reach(pair.depth)
		v, err := pair.value.eval(r, env, context)
		if err != nil {
			return nil, err
		}
		if v != nil {
			members = append(members, value.Member{Name: g.key, Value: v})
		}
	}
	return value.NewObject(members...), nil
}

// gather evaluates every key for every element.
func (n *group) gather(r *run, f *frame, elements []value.Value, tuples bool) ([]gathered, *Error) {
	var groups []gathered
	places := map[string]int{}
	r.array(len(elements) * len(n.pairs))
	for _, e := range elements {
		context, env := e, f
		if tuples {
			t := e.(*tuple)
			context, env = t.at, t.frame(f)
		}
		for i := range n.pairs {
			v, err := n.pairs[i].key.eval(r, env, context)
			if err != nil {
				return nil, err
			}
			if v == nil {
				continue
			}
			key, ok := v.(value.String)
			if !ok {
				return nil, n.at(valueFault("T1003", v))
			}
			at, known := places[string(key)]
			if !known {
				at = len(groups)
				places[string(key)] = at
				groups = append(groups, gathered{key: string(key), pair: i})
			} else if groups[at].pair != i {
				return nil, n.at(valueFault("D1009", v))
			}
			if tuples {
				groups[at].tuples = append(groups[at].tuples, e)
			} else {
				groups[at].data.add(e)
			}
		}
	}
	return groups, nil
}

func (n *group) at(err *Error) *Error {
	err.Position = n.position
	return err
}

// reduceTuples makes one tuple of many: each of its parts joins theirs.
func reduceTuples(tuples []value.Value) *tuple {
	first := tuples[0].(*tuple)
	if len(tuples) == 1 {
		return first
	}
	at := joiner{}
	var names []symbol
	parts := map[symbol]*joiner{}
	for _, v := range tuples {
		t := v.(*tuple)
		at.add(t.at)
		for _, b := range t.bindings {
			part := parts[b.name]
			if part == nil {
				part = &joiner{}
				parts[b.name] = part
				names = append(names, b.name)
			}
			part.add(b.value)
		}
	}
	reduced := &tuple{at: at.value()}
	for _, name := range names {
		reduced.bindings = append(reduced.bindings, binding{name, parts[name].value()})
	}
	return reduced
}
