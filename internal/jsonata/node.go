package jsonata

import (
	"slices"

	"math"

	"github.com/tutti-run/tutti/internal/value"
)

// node is a part of a compiled expression. It never changes: whatever belongs to one evaluation is in the run, the frame and the input.
//
// A node's result is collapsed: it is never a sequence of none or of one, unless that is kept on purpose.
type node interface {
	eval(r *run, f *frame, in value.Value) (value.Value, *Error)
}

// rawNode is a node whose result may be a sequence of any length before it is collapsed. Predicates and groupings behind a node see that.
type rawNode interface {
	node
	raw(r *run, f *frame, in value.Value) (value.Value, *Error)
}

func evalRaw(n node, r *run, f *frame, in value.Value) (value.Value, *Error) {
	if n, ok := n.(rawNode); ok {
		return n.raw(r, f, in)
	}
	return n.eval(r, f, in)
}

// numeric is a node that can hand over a number without making a value of it. defined is false for undefined.
type numeric interface {
	evalNumber(r *run, f *frame, in value.Value) (n float64, defined bool, err *Error)
}

type constant struct{ value value.Value }

func (n *constant) eval(*run, *frame, value.Value) (value.Value, *Error) { return n.value, nil }

// contextItem is $.
type contextItem struct{}

func (contextItem) eval(_ *run, _ *frame, in value.Value) (value.Value, *Error) {
	if l, ok := in.(*list); ok {
		if l.has(flagOuter) {
			return l.items[0], nil
		}
		return collapse(in), nil
	}
	return in, nil
}

// globalVariable is a variable that nothing in the expression binds.
type globalVariable struct{ index int }

func (n *globalVariable) eval(r *run, _ *frame, _ value.Value) (value.Value, *Error) {
	return collapse(r.global(n.index)), nil
}

func (n *globalVariable) raw(r *run, _ *frame, _ value.Value) (value.Value, *Error) {
	return r.global(n.index), nil
}

// fieldOfGlobal stands for a variable of which a path wants a single field: an object with this field, or the whole variable if the caller
// has no way to offer less.
type fieldOfGlobal struct{ field, whole int } // indexes of globals

func (n *fieldOfGlobal) eval(r *run, _ *frame, _ value.Value) (value.Value, *Error) {
	g := &r.expr.globals[n.field]
	if r.bindings.Member == nil {
		return collapse(r.global(n.whole)), nil
	}
	if !r.known[n.field] {
		v, ok := r.bindings.Member(g.name, g.field)
		if !ok {
			return collapse(r.global(n.whole)), nil
		}
		r.globals[n.field], r.known[n.field] = v, true
	}
	if v := r.globals[n.field]; v != nil {
		return value.NewObject(value.Member{Name: g.field, Value: v}), nil
	}
	return nil, nil
}

// localVariable is a variable that something in the expression binds, though perhaps not where this node stands.
type localVariable struct {
	name  symbol
	index int // of the global that it is if no frame binds it
}

func (n *localVariable) raw(r *run, f *frame, _ value.Value) (value.Value, *Error) {
	if v, ok := r.look(f, n.name); ok {
		return v, nil
	}
	return r.global(n.index), nil
}

func (n *localVariable) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	v, err := n.raw(r, f, in)
	return collapse(v), err
}

// field is a name with a predicate or a grouping directly behind it, which only names in quotes can have.
type field struct{ name string }

func (n *field) raw(r *run, _ *frame, in value.Value) (value.Value, *Error) {
	return r.lookup(in, n.name), nil
}

func (n *field) eval(r *run, _ *frame, in value.Value) (value.Value, *Error) {
	return collapse(r.lookup(in, n.name)), nil
}

// namedVariable is a variable in a text that $eval evaluates.
type namedVariable struct{ name symbol }

func (n *namedVariable) raw(r *run, f *frame, _ value.Value) (value.Value, *Error) {
	if v, ok := r.look(f, n.name); ok {
		return v, nil
	}
	return r.resolveName(n.name.Value()), nil
}

func (n *namedVariable) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	v, err := n.raw(r, f, in)
	return collapse(v), err
}

// ancestorVariable is %: a variable that a step of the path has bound to its input.
type ancestorVariable struct{ label symbol }

func (n *ancestorVariable) eval(r *run, f *frame, _ value.Value) (value.Value, *Error) {
	v, _ := r.look(f, n.label)
	return collapse(v), nil
}

// shaped is a node with predicates, a grouping, or [] behind it.
type shaped struct {
	inner   node
	filters []*filter
	group   *group
	keep    bool
}

func (n *shaped) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	v, err := evalRaw(n.inner, r, f, in)
	if err != nil {
		return nil, err
	}
	if v == tailCall {
		postponed := r.pending
		postponed.args = slices.Clone(postponed.args)
		defer func() { r.pending = postponed }()
	}
	for _, filter := range n.filters {
		if v, err = filter.apply(r, f, v); err != nil {
			return nil, err
		}
	}
	if n.group != nil {
		return n.group.eval(r, f, v)
	}
	if n.keep {
		keepOne(v)
	}
	return collapse(v), nil
}

// keepOne lets v, if it is a sequence, stay an array when it has a single item.
func keepOne(v value.Value) {
	if l, ok := v.(*list); ok && l.flags&(flagSequence|flagTuples) == flagSequence {
		l.flags |= flagKeepOne
	}
}

// block is (x; y). It has a frame of its own only if something in it assigns.
type block struct {
	parts  []node
	scoped bool
}

func (n *block) eval(r *run, f *frame, in value.Value) (v value.Value, err *Error) {
	if n.scoped {
		r.charge(frameBytes)
		f = newFrame(f)
	}
	for _, part := range n.parts {
		if v, err = part.eval(r, f, in); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// assignment is $name := x.
type assignment struct {
	name  symbol
	value node
}

func (n *assignment) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	v, err := n.value.eval(r, f, in)
	if err != nil {
		return nil, err
	}
	f.bind(n.name, v)
	return v, nil
}

// condition is x ? y : z. The depths are how deep the branches certainly nest, 0 if no deeper than the condition.
type condition struct {
	test, then, otherwise node
	thenDepth, elseDepth  int
}

func (n *condition) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	v, err := n.test.eval(r, f, in)
	if err != nil {
		return nil, err
	}
	holds, isBool := v.(value.Bool)
	if !isBool {
		t, err := r.truth(v)
		if err != nil {
			return nil, err
		}
		holds = value.Bool(t)
	}
	if holds {
		r.reach(n.thenDepth)
		return n.then.eval(r, f, in)
	}
	if n.otherwise == nil {
		return nil, nil
	}
	r.reach(n.elseDepth)
	return n.otherwise.eval(r, f, in)
}

// fallback is x ?: y, or with exists set x ?? y.
type fallback struct {
	first, second node
	exists        bool
	depth         int
}

func (n *fallback) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	v, err := n.first.eval(r, f, in)
	if err != nil {
		return nil, err
	}
	holds := v != nil
	if !n.exists {
		if holds, err = r.truth(v); err != nil {
			return nil, err
		}
	}
	if holds {
		return v, nil
	}
	r.reach(n.depth)
	return n.second.eval(r, f, in)
}

// array is [x, y]. cons marks one that stands as first or last step of a path.
type array struct {
	items []node
	whole []bool // the item is an array constructor itself, and becomes one item
	cons  bool
}

func (n *array) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	var out []value.Value
	if len(n.items) == 1 && !n.whole[0] && !n.cons {
		v, err := n.items[0].eval(r, f, in)
		if err != nil {
			return nil, err
		}
		if v == nil {
			return value.Array{}, nil
		}
		if elements, ok := items(v); ok { // a copy without flags is as good as the array itself
			return value.Array(elements[:len(elements):len(elements)]), nil
		}
		return value.Array{v}, nil
	}
	out = make([]value.Value, 0, len(n.items))
	for i, item := range n.items {
		v, err := item.eval(r, f, in)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		if elements, ok := items(v); ok && !n.whole[i] {
			r.array(len(elements))
			out = append(out, elements...)
			continue
		}
		out = append(out, v)
	}
	r.array(len(n.items))
	if n.cons {
		return &list{items: out, flags: flagCons}, nil
	}
	return value.Array(out), nil
}

// span is the x..y of an array constructor.
type span struct {
	low, high node
	position  int
}

// maxSpan is the reference's bound.
const maxSpan = 10_000_000

func (n *span) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	low, err := n.low.eval(r, f, in)
	if err != nil {
		return nil, err
	}
	high, err := n.high.eval(r, f, in)
	if err != nil {
		return nil, err
	}
	first, err := n.bound(low, "T2003")
	if err != nil {
		return nil, err
	}
	last, err := n.bound(high, "T2004")
	if err != nil || low == nil || high == nil || first > last {
		return nil, err
	}
	size := float64(last) - float64(first) + 1
	if size > maxSpan {
		return nil, n.at(valueFault("D2014", number(size)))
	}
	r.array(int(size))
	out := make([]value.Value, int(size))
	for i := range out {
		out[i] = value.Int(first + int64(i))
	}
	return sequenceOf(out), nil
}

func (n *span) at(err *Error) *Error {
	err.Position, err.Token = n.position, ".."
	return err
}

func (n *span) bound(v value.Value, code string) (int64, *Error) {
	if v == nil {
		return 0, nil
	}
	if i, ok := value.Integer(v); ok {
		return i, nil
	}
	f, ok := float(v)
	if !ok || f != math.Trunc(f) || math.IsInf(f, 0) {
		return 0, n.at(valueFault(code, v))
	}
	if f < 0 { // beyond 64 bits: the span is empty or too long, and the ends stand for that
		return math.MinInt64, nil
	}
	return math.MaxInt64, nil
}

// wildcard is *.
type wildcard struct{}

func (n wildcard) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	v, err := n.raw(r, f, in)
	return collapse(v), err
}

func (wildcard) raw(r *run, _ *frame, in value.Value) (value.Value, *Error) {
	if l, ok := in.(*list); ok && l.has(flagOuter) {
		in = l.items[0]
	}
	out := []value.Value{}
	flags := flagSequence
	add := func(v value.Value) {
		if elements, ok := items(v); ok {
			out = r.flatten(out, elements)
			flags = 0 // the reference's concatenation makes an ordinary array of the sequence
			return
		}
		out = append(out, v)
	}
	if o, ok := in.(*value.Object); ok {
		r.array(o.Len())
		for i := range o.Len() {
			add(o.At(i).Value)
		}
	} else if elements, ok := items(in); ok {
		r.array(len(elements))
		for _, e := range elements {
			add(e)
		}
	}
	if flags == 0 {
		return value.Array(out), nil
	}
	return &list{items: out, flags: flags}, nil
}

// flatten appends the elements, arrays at any depth replaced by their own.
func (r *run) flatten(out, elements []value.Value) []value.Value {
	r.array(len(elements))
	for _, e := range elements {
		if inner, ok := items(e); ok {
			r.descend()
			out = r.flatten(out, inner)
			r.ascend()
			continue
		}
		out = append(out, e)
	}
	return out
}

// descendant is **.
type descendant struct{}

func (n descendant) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	v, err := n.raw(r, f, in)
	return collapse(v), err
}

func (descendant) raw(r *run, _ *frame, in value.Value) (value.Value, *Error) {
	if in == nil {
		return nil, nil
	}
	out := r.descendants(nil, in)
	if len(out) == 1 {
		return out[0], nil
	}
	return &list{items: out, flags: flagSequence}, nil
}

// descendants appends v and everything within, arrays left out.
func (r *run) descendants(out []value.Value, v value.Value) []value.Value {
	r.descend()
	if elements, ok := items(v); ok {
		r.step(len(elements))
		for _, e := range elements {
			out = r.descendants(out, e)
		}
	} else {
		r.array(1)
		out = append(out, v)
		if o, ok := v.(*value.Object); ok {
			for i := range o.Len() {
				out = r.descendants(out, o.At(i).Value)
			}
		}
	}
	r.ascend()
	return out
}
