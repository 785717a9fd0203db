package jsonata

import "github.com/tutti-run/tutti/internal/value"

// fields is a path of nothing but names, from the context: a.b.c.
type fields struct{ names []string }

func (n *fields) eval(r *run, _ *frame, in value.Value) (value.Value, *Error) {
	if elements, ok := items(in); ok {
		return r.walkAll(elements, n.names), nil
	}
	return r.walk(in, n.names), nil
}

// members is a path of names from a variable or another expression that is evaluated once: $x.a.b.
type members struct {
	base  node
	names []string
}

func (n *members) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	v, err := n.base.eval(r, f, in)
	if err != nil || v == nil {
		return nil, err
	}
	if elements, ok := items(v); ok {
		if l, isList := v.(*list); !isList || !l.has(flagCons) {
			return r.walkAll(elements, n.names), nil
		}
		return r.walkAll([]value.Value{v}, n.names), nil
	}
	return r.walk(v, n.names), nil
}

// walk follows names from v, which is no array.
func (r *run) walk(v value.Value, names []string) value.Value {
	for i, name := range names {
		o, ok := v.(*value.Object)
		if !ok {
			if elements, isArray := items(v); isArray {
				if l, isList := v.(*list); isList && l.has(flagCons) {
					elements = []value.Value{v}
				}
				return r.walkAll(elements, names[i:])
			}
			return nil
		}
		if v, ok = o.Get(name); !ok {
			return nil
		}
	}
	if l, ok := v.(*list); ok && l.has(flagSequence) {
		return sequenceOf(l.items)
	}
	return v
}

// walkAll follows names from each of the elements.
func (r *run) walkAll(elements []value.Value, names []string) value.Value {
	for i, name := range names {
		var s stream
		r.step(len(elements))
		s.expect(len(elements))
		for _, e := range elements {
			if o, ok := e.(*value.Object); ok {
				if v, ok := o.Get(name); ok {
					s.add(v)
				}
				continue
			}
			s.add(collapse(r.lookup(e, name)))
		}
		s.close(i == len(names)-1)
		if len(s.items) == 0 {
			if s.whole != nil {
				return s.whole // an empty array stays one
			}
			return nil
		}
		r.charge(len(s.items) * itemBytes)
		if i == len(names)-1 {
			if s.whole != nil {
				return s.whole
			}
			return sequenceOf(s.items)
		}
		elements = s.items
	}
	return nil
}

// stream collects what a step yields. Arrays are flattened into it, except that a last step which yields a single array answers with that
// array itself.
type stream struct {
	items []value.Value
	first value.Value // the only result so far, if any
	count int
	whole value.Value // the stream is this array
	room  int

	opaque bool // the stream is no array, and has nothing to visit
}

func (s *stream) expect(n int) { s.room = n }

func (s *stream) add(v value.Value) {
	if v == nil {
		return
	}
	s.count++
	if s.count == 1 {
		s.first = v
		return
	}
	if s.count == 2 {
		s.items = make([]value.Value, 0, max(s.room, 4))
		s.push(s.first)
	}
	s.push(v)
}

func (s *stream) push(v value.Value) {
	switch x := v.(type) {
	case value.Array:
		s.items = append(s.items, x...)
	case *list:
		if x.has(flagCons) {
			s.items = append(s.items, v)
			return
		}
		s.items = append(s.items, x.items...)
	default:
		s.items = append(s.items, v)
	}
}

// flush makes sure that later results are appended: a single result is not a whole array any more.
func (s *stream) flush() {
	if s.count == 1 {
		s.push(s.first)
	}
	s.count += 2
}

func (s *stream) close(last bool) {
	if s.count != 1 {
		return
	}
	switch x := s.first.(type) {
	case value.Array:
		s.items = x[:len(x):len(x)]
		if last {
			s.whole = s.first
		}
	case *list:
		switch {
		case x.has(flagSequence):
			s.items = x.items[:len(x.items):len(x.items)]
		case last:
			s.items = x.items
			s.whole = s.first
		default:
			s.push(s.first)
		}
	default:
		s.items = []value.Value{s.first}
	}
}

// path is a path of any steps.
type path struct {
	steps    []step
	keep     bool // some step has [] behind it
	absolute bool // begins with a variable: a context that is an array is not visited item by item
	group    *group
	stream   bool // it is a step itself, of a path that wants its tuples
}

type stepKind uint8

const (
	stepName stepKind = iota // a name
	stepNode                 // any expression
	stepSort                 // ^(…)
)

// step is one step of a path. focus, index and ancestor are the variables that it binds, if bound says so.
type step struct {
	kind     stepKind
	name     string
	node     node
	order    *order
	stages   []pathStage
	keep     bool // a name with [] behind it
	cons     bool // an array constructor at the beginning: evaluated once, for the whole input
	tuple    bool // from here on, the path works on tuples
	depth    int
	focus    symbol
	index    symbol
	ancestor symbol
}

// pathStage is a predicate, or the binding of a position, behind a step.
type pathStage struct {
	filter *filter
	index  symbol
}

func (n *path) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	elements, isArray := items(in)
	if !isArray || n.absolute {
		elements = []value.Value{in}
	}
	var whole value.Value
	for i := range n.steps {
		s := &n.steps[i]
		if s.tuple {
			return n.evalTuples(r, f, i, elements)
		}
		r.reach(s.depth)
		var out stream
		var err *Error
		switch {
		case i == 0 && s.cons:
			err = s.construct(r, f, asInput(in, elements), &out)
		case s.kind == stepSort:
			err = s.sort(r, f, elements, &out)
		default:
			err = s.visit(r, f, elements, i == len(n.steps)-1, &out)
		}
		if err != nil {
			return nil, err
		}
		elements, whole = out.items, out.whole
		if len(elements) == 0 && !out.opaque {
			break
		}
	}
	return n.finish(r, f, elements, whole)
}

// asInput is the value that stands for the elements of the input.
func asInput(in value.Value, elements []value.Value) value.Value {
	if _, isArray := items(in); isArray && len(elements) > 0 {
		return in
	}
	return &list{items: elements, flags: flagSequence}
}

// finish makes the path's value of what the last step has left.
func (n *path) finish(r *run, f *frame, elements []value.Value, whole value.Value) (value.Value, *Error) {
	if n.keep {
		if l, ok := whole.(*list); ok && l.has(flagCons) && !l.has(flagSequence) {
			elements, whole = []value.Value{whole}, nil
		}
	}
	if n.group != nil {
		return n.group.over(r, f, elements, false)
	}
	if whole != nil {
		return whole, nil
	}
	if n.keep && len(elements) > 0 {
		return &list{items: elements, flags: flagSequence | flagKeepOne}, nil
	}
	return sequenceOf(elements), nil
}

// construct evaluates an array constructor that begins a path. With a predicate behind it, it need not yield an array: then, as in the
// reference, there is nothing for the next step to visit, save for the characters of a string.
func (s *step) construct(r *run, f *frame, in value.Value, out *stream) *Error {
	v, err := s.node.eval(r, f, in)
	if err != nil || v == nil {
		return err
	}
	out.whole = v
	if text, ok := v.(value.String); ok {
		r.array(len(text))
		out.items = unitStrings(string(text))
		return nil
	}
	var isArray bool
	out.items, isArray = items(v)
	out.opaque = !isArray
	return nil
}

// sort orders the whole input.
func (s *step) sort(r *run, f *frame, elements []value.Value, out *stream) *Error {
	sorted, err := s.order.sort(r, f, elements, false)
	if err != nil {
		return err
	}
	out.items = sorted
	if len(sorted) > 1 {
		out.whole = value.Array(sorted)
	}
	for _, stage := range s.stages {
		v, err := stage.filter.apply(r, f, &list{items: out.items, flags: flagSequence})
		if err != nil {
			return err
		}
		out.items, _ = items(v)
		out.whole = nil
		if l, ok := v.(*list); !ok || !l.has(flagSequence) {
			out.whole = v
		}
	}
	return nil
}

// visit evaluates the step for each of the elements.
func (s *step) visit(r *run, f *frame, elements []value.Value, last bool, out *stream) *Error {
	r.step(len(elements))
	if len(elements) > 1 {
		out.expect(len(elements))
	}
	for _, e := range elements {
		v, err := s.one(r, f, e)
		if err != nil {
			return err
		}
		if len(s.stages) == 0 {
			out.add(v)
			continue
		}
		for i, stage := range s.stages {
			if i == len(s.stages)-1 && !stage.filter.literal {
				out.flush()
				if out.items, err = stage.filter.pick(r, f, out.items, itemsOf(v), false); err != nil {
					return err
				}
				v = nil
				break
			}
			if v, err = stage.filter.apply(r, f, v); err != nil {
				return err
			}
		}
		out.add(v)
	}
	out.close(last)
	r.charge(len(out.items) * itemBytes)
	return nil
}

// one evaluates the step for one item, without its predicates.
func (s *step) one(r *run, f *frame, item value.Value) (value.Value, *Error) {
	if s.kind == stepNode {
		return s.node.eval(r, f, item)
	}
	v := r.lookup(item, s.name)
	if s.keep {
		keepOne(v)
	}
	return collapse(v), nil
}

// evalTuples evaluates the steps from the first that binds something. From there on each item carries what has been bound on its way.
//
// Sorting more than one tuple makes the reference forget that they are tuples until the next step: predicates and groupings then see
// objects, whose member "@" is the item, and know no bindings. streamed is false as long as that lasts.
func (n *path) evalTuples(r *run, f *frame, first int, elements []value.Value) (value.Value, *Error) {
	var tuples []value.Value
	started, streamed := false, true
	for i := first; i < len(n.steps); i++ {
		s := &n.steps[i]
		r.reach(s.depth)
		var err *Error
		switch {
		case i == 0 && s.cons: // evaluated for its own sake: what it binds is not bound, as in the reference
			v, err := s.node.eval(r, f, &list{items: elements, flags: flagSequence})
			if err != nil {
				return nil, err
			}
			if s.focus == (symbol{}) {
				elements, _ = items(v)
			}
			continue // the stream begins behind it
		case s.kind != stepSort:
			if !started {
				tuples = startTuples(elements)
			}
			tuples, err = s.visitTuples(r, f, tuples)
			streamed = true
		case started:
			streamed = streamed && len(tuples) <= 1
			tuples, err = s.order.sort(r, f, tuples, true)
		default:
			elements, err = s.order.sort(r, f, elements, false)
			tuples = startTuples(elements)
			for k, t := range tuples {
				t.(*tuple).bind(s.index, value.Int(k))
			}
		}
		if err == nil {
			tuples, err = s.stageTuples(r, f, tuples, streamed)
		}
		if err != nil {
			return nil, err
		}
		started = true
	}
	if n.group != nil {
		return n.group.over(r, f, loose(tuples, streamed), streamed)
	}
	if n.stream {
		if !streamed {
			return value.Array(loose(tuples, false)), nil
		}
		return &list{items: tuples, flags: flagSequence | flagTuples}, nil
	}
	out := make([]value.Value, len(tuples))
	for i, t := range tuples {
		out[i] = t.(*tuple).at
	}
	return n.finish(r, f, out, nil)
}

func startTuples(elements []value.Value) []value.Value {
	tuples := make([]value.Value, len(elements))
	for i, e := range elements {
		tuples[i] = &tuple{at: e}
	}
	return tuples
}

// loose is what is left of tuples that are none any more.
func loose(tuples []value.Value, streamed bool) []value.Value {
	if streamed {
		return tuples
	}
	out := make([]value.Value, len(tuples))
	for i, t := range tuples {
		out[i] = t.(*tuple).object()
	}
	return out
}

// visitTuples evaluates the step for each tuple, and makes a tuple of each result.
func (s *step) visitTuples(r *run, f *frame, tuples []value.Value) ([]value.Value, *Error) {
	var out []value.Value
	for _, v := range tuples {
		t := v.(*tuple)
		r.charge(frameBytes)
		result, err := s.one(r, t.frame(f), t.at)
		if err != nil {
			return nil, err
		}
		if result == nil {
			continue
		}
		results := itemsOf(result)
		l, ok := result.(*list)
		streamed := ok && l.has(flagTuples)
		r.array(len(results))
		r.charge(len(results) * frameBytes)
		for i, item := range results {
			next := t.with(3)
			if streamed {
				inner := item.(*tuple)
				next.at = inner.at
				for _, b := range inner.bindings {
					next.bind(b.name, b.value)
				}
				out = append(out, next)
				continue
			}
			if s.focus != (symbol{}) {
				next.bind(s.focus, item)
			} else {
				next.at = item
			}
			if s.index != (symbol{}) {
				next.bind(s.index, value.Int(i))
			}
			if s.ancestor != (symbol{}) {
				next.bind(s.ancestor, t.at)
			}
			out = append(out, next)
		}
	}
	return out, nil
}

// stageTuples applies predicates and position bindings to the whole stream.
func (s *step) stageTuples(r *run, f *frame, tuples []value.Value, streamed bool) ([]value.Value, *Error) {
	flags := flagSequence
	if streamed {
		flags |= flagTuples
	}
	for _, stage := range s.stages {
		if stage.filter == nil {
			for i := range tuples {
				t := tuples[i].(*tuple).with(1)
				t.bind(stage.index, value.Int(i))
				tuples[i] = t
			}
			continue
		}
		v, err := stage.filter.apply(r, f, &list{items: tuples, flags: flags})
		if err != nil {
			return nil, err
		}
		tuples, _ = items(v)
	}
	return tuples, nil
}
