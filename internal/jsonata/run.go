package jsonata

import (
	"context"
	"time"
	"unique"

	"github.com/tutti-run/tutti/internal/value"
)

// symbol is the name of a variable, compared in one instruction.
type symbol = unique.Handle[string]

// run is one evaluation: everything that is not the compiled expression. Runs are reused, but never shared by two evaluations at a time.
type run struct {
	expr     *Expr
	bindings Bindings
	limits   Limits

	document value.Value   // $$
	globals  []value.Value // of the expression's globals, those that have been looked up
	known    []bool        // which of the globals have been looked up
	top      frame         // where assignments outside of any block go
	stack    []value.Value // arguments of calls under way
	idle     []*frame      // frames that nothing refers to any more
	pending  pendingCall   // the tail call that a function has answered with
	focus    focus         // of the function being called
	now      time.Time     // of $now and $millis: one moment for the whole evaluation
	pictures map[string]any

	base     int   // nesting of the function that is being evaluated
	nesting  int   // of a recursion over values
	steps    int64 // work so far
	checkAt  int64 // when to look at the clock again
	memory   int64
	deadline time.Time
	context  context.Context
}

// focus is what a built-in function can know about its call.
type focus struct {
	frame *frame
	input value.Value
}

// frame holds the variables of a block, of a function's activation or of a tuple.
type frame struct {
	parent   *frame
	bindings []binding
	shared   bool // the bindings are a tuple's, and are copied before they change
	room     [2]binding
}

type binding struct {
	name  symbol
	value value.Value
}

func newFrame(parent *frame) *frame {
	f := &frame{parent: parent}
	f.bindings = f.room[:0]
	return f
}

// bind sets name in this frame. Undefined is a value, too: it hides an outer variable.
func (f *frame) bind(name symbol, v value.Value) {
	if f.shared {
		f.bindings = append([]binding(nil), f.bindings...)
		f.shared = false
	}
	for i := range f.bindings {
		if f.bindings[i].name == name {
			f.bindings[i].value = v
			return
		}
	}
	f.bindings = append(f.bindings, binding{name, v})
}

// look is find that counts its steps, if there are many frames to go through.
func (r *run) look(f *frame, name symbol) (value.Value, bool) {
	for hops := 0; f != nil; f = f.parent {
		for i := range f.bindings {
			if f.bindings[i].name == name {
				return f.bindings[i].value, true
			}
		}
		if hops++; hops&63 == 0 {
			r.step(16)
		}
	}
	return nil, false
}

// tuple is an item of a path that binds variables on its way: the item, and what has been bound.
type tuple struct {
	value.Null
	at       value.Value
	bindings []binding
}

// frame is an environment with the tuple's bindings.
func (t *tuple) frame(parent *frame) *frame {
	if len(t.bindings) == 0 {
		return parent
	}
	return &frame{parent: parent, bindings: t.bindings, shared: true}
}

// with returns a copy of the tuple with room for more bindings.
func (t *tuple) with(extra int) *tuple {
	bindings := make([]binding, len(t.bindings), len(t.bindings)+extra)
	copy(bindings, t.bindings)
	return &tuple{at: t.at, bindings: bindings}
}

// object is the tuple as the reference stores it, where it forgets that it is one.
func (t *tuple) object() value.Value {
	members := make([]value.Member, 0, len(t.bindings)+1)
	if t.at != nil {
		members = append(members, value.Member{Name: "@", Value: t.at})
	}
	for _, b := range t.bindings {
		if b.value != nil {
			members = append(members, value.Member{Name: b.name.Value(), Value: b.value})
		}
	}
	return value.NewObject(members...)
}

func (t *tuple) bind(name symbol, v value.Value) {
	for i := range t.bindings {
		if t.bindings[i].name == name {
			t.bindings[i].value = v
			return
		}
	}
	t.bindings = append(t.bindings, binding{name, v})
}

// global returns the value of the expression's i-th global: a variable that nothing in the expression binds. It is looked up once.
func (r *run) global(i int) value.Value {
	if r.known[i] {
		return r.globals[i]
	}
	v := r.resolve(&r.expr.globals[i])
	r.globals[i], r.known[i] = v, true
	return v
}

// resolve asks the caller's bindings, then the built-in functions.
func (r *run) resolve(g *global) value.Value {
	if g.field != "" {
		if r.bindings.Member != nil {
			if v, ok := r.bindings.Member(g.name, g.field); ok {
				return v
			}
		}
		v := r.resolveName(g.name)
		if elements, isArray := items(v); isArray {
			return r.walkAll(elements, []string{g.field})
		}
		return r.walk(v, []string{g.field})
	}
	if g.builtin != nil && r.bindings.Variable == nil {
		return g.builtin
	}
	return r.resolveName(g.name)
}

func (r *run) resolveName(name string) value.Value {
	if name == "$" {
		return r.document
	}
	if r.bindings.Variable != nil {
		if v, ok := r.bindings.Variable(name); ok {
			return v
		}
	}
	if f := r.expr.dialect.builtin(name); f != nil {
		return f
	}
	return nil
}

// variable is a lookup by name, for the few places where the name is not part of the compiled expression.
func (r *run) variable(f *frame, name string) value.Value {
	if v, ok := r.look(f, unique.Make(name)); ok {
		return v
	}
	return r.resolveName(name)
}
