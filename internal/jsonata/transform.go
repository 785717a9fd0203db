package jsonata

import (
	"math"
	"strconv"

	"github.com/tutti-run/tutti/internal/value"
)

// transform is |pattern|update, delete|: a function that answers with a changed copy of its argument.
//
// The reference clones the argument and changes the clone. Values here never change, so the clone's objects only lend their identity:
// changes are noted beside them, an object is rebuilt from its notes when an expression is about to look at it again, and all of
// them at the end.
type transform struct {
	pattern, update, delete node
	position                int
	updatePosition          int
	deletePosition          int
}

var transformSignature = mustSignature("<(oa):o>")

func (n *transform) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	r.charge(frameBytes)
	return &function{arity: 1, signature: transformSignature, bound: func(r *run, args []value.Value) (value.Value, *Error) {
		if len(args) == 0 || args[0] == nil {
			return nil, nil
		}
		return n.apply(r, f, args[0])
	}}, nil
}

func (n *transform) apply(r *run, f *frame, v value.Value) (value.Value, *Error) {
	clone, ok := r.variable(f, "clone").(*function)
	if !ok {
		err := fault("T2013")
		err.Position = n.position
		return nil, err
	}
	copied, err := r.apply(clone, v)
	if err != nil {
		return nil, err
	}
	matches, err := n.pattern.eval(r, f, copied)
	if err != nil || matches == nil {
		return copied, err
	}
	changes := changes{}
	for _, match := range itemsOf(matches) {
		r.step(1)
		if err := n.change(r, f, changes, match); err != nil {
			return nil, err
		}
	}
	return changes.rebuilt(r, copied), nil
}

// change applies update and delete to one match.
func (n *transform) change(r *run, f *frame, changes changes, match value.Value) *Error {
	target, isObject := match.(*value.Object)
	context := changes.rebuilt(r, match)
	if isObject && context == match { // what the update takes over of the object is the object as it is now
		context = value.NewObject(membersOf(target)...)
	}
	update, err := n.update.eval(r, f, context)
	if err != nil {
		return err
	}
	if update != nil {
		merged, ok := update.(*value.Object)
		if !ok {
			err := valueFault("T2011", update)
			err.Position = n.updatePosition
			return err
		}
		switch {
		case isObject:
			changes.note(r, target).merge(merged)
		case merged.Len() > 0:
			if _, isArray := items(match); !isArray { // names on an array change nothing that shows
				return internalFault("Cannot create property '" + merged.At(0).Name + "' on " + match.Kind().String())
			}
		}
	}
	if n.delete == nil {
		return nil
	}
	if isObject && update != nil {
		context = changes.rebuilt(r, match)
	}
	names, err := n.delete.eval(r, f, context)
	if err != nil || names == nil {
		return err
	}
	elements := itemsOf(names)
	if !stringsOnly(elements) {
		err := valueFault("T2012", names)
		err.Position = n.deletePosition
		return err
	}
	if isObject {
		for _, name := range elements {
			changes.note(r, target).remove(string(name.(value.String)))
		}
	}
	return nil
}

func membersOf(o *value.Object) []value.Member {
	members := make([]value.Member, o.Len())
	for i := range members {
		members[i] = o.At(i)
	}
	return members
}

// changes are the members that objects of a clone have by now.
type changes map[*value.Object]*draft

// draft is an object that is being changed. A removed member leaves a gap, so that places stay the same.
type draft struct {
	members []value.Member
	places  map[string]int
}

func (c changes) note(r *run, o *value.Object) *draft {
	if d := c[o]; d != nil {
		return d
	}
	r.array(o.Len() + 2)
	d := &draft{members: make([]value.Member, 0, o.Len()+2), places: make(map[string]int, o.Len()+2)}
	for i := range o.Len() {
		d.places[o.At(i).Name] = i
		d.members = append(d.members, o.At(i))
	}
	c[o] = d
	return d
}

func (d *draft) merge(update *value.Object) {
	for i := range update.Len() {
		m := update.At(i)
		if at, ok := d.places[m.Name]; ok {
			d.members[at].Value = m.Value
			continue
		}
		d.places[m.Name] = len(d.members)
		d.members = append(d.members, m)
	}
}

func (d *draft) remove(name string) {
	if at, ok := d.places[name]; ok {
		d.members[at] = value.Member{}
		delete(d.places, name)
	}
}

// rebuilt is v with all changes so far made to it and to what is within.
func (c changes) rebuilt(r *run, v value.Value) value.Value {
	if len(c) == 0 {
		return v
	}
	r.step(1)
	switch x := v.(type) {
	case value.Array, *list:
		elements, _ := items(v)
		var out value.Array
		r.descend()
		for i, e := range elements {
			changed := c.rebuilt(r, e)
			if out == nil && !same(changed, e) {
				out = append(make(value.Array, 0, len(elements)), elements[:i]...)
			}
			if out != nil {
				out = append(out, changed)
			}
		}
		r.ascend()
		if out != nil {
			return out
		}
	case *value.Object:
		return c.object(r, x)
	}
	return v
}

// same tells whether rebuilding has left v as it was. Scalars are never changed.
func same(changed, v value.Value) bool {
	switch v.(type) {
	case *value.Object, value.Array, *list:
		return identical(changed, v) || isEmptyArray(v)
	}
	return true
}

func isEmptyArray(v value.Value) bool {
	elements, ok := items(v)
	return ok && len(elements) == 0
}

func (c changes) object(r *run, o *value.Object) value.Value {
	r.descend()
	defer r.ascend()
	if d := c[o]; d != nil {
		members := make([]value.Member, 0, len(d.members))
		r.array(len(d.members))
		for at, m := range d.members {
			if place, ok := d.places[m.Name]; ok && place == at {
				members = append(members, value.Member{Name: m.Name, Value: c.rebuilt(r, m.Value)})
			}
		}
		return value.NewObject(members...)
	}
	var members []value.Member
	for i := range o.Len() {
		m := o.At(i)
		changed := c.rebuilt(r, m.Value)
		if members == nil && !same(changed, m.Value) {
			members = make([]value.Member, 0, o.Len())
			for k := range i {
				members = append(members, o.At(k))
			}
		}
		if members != nil {
			members = append(members, value.Member{Name: m.Name, Value: changed})
		}
	}
	if members == nil {
		return o
	}
	return value.NewObject(members...)
}

// cloned is a deep copy: objects and arrays that nobody else has. It differs from the original where JSON text does: numbers that are
// not whole have at most 15 digits, functions are empty strings and undefined items null.
func (r *run) cloned(v value.Value) (value.Value, *Error) {
	r.step(1)
	switch x := v.(type) {
	case nil:
		return value.Null{}, nil
	case *function:
		return value.String(""), nil
	case value.Float:
		f := float64(x)
		if math.IsInf(f, 0) {
			return nil, valueFault("D1001", v)
		}
		if f != f {
			return value.Null{}, nil
		}
		rounded, _ := strconv.ParseFloat(numberText(f, true), 64)
		return number(rounded), nil
	case *value.Object:
		return r.clonedObject(x)
	case value.Array, *list:
		elements, _ := items(v)
		if l, ok := v.(*list); ok && l.has(flagOuter) {
			return r.cloned(l.items[0])
		}
		r.array(len(elements))
		out := make(value.Array, len(elements))
		r.descend()
		for i, e := range elements {
			var err *Error
			if out[i], err = r.cloned(e); err != nil {
				return nil, err
			}
		}
		r.ascend()
		return out, nil
	}
	return v, nil
}

func (r *run) clonedObject(o *value.Object) (value.Value, *Error) {
	r.array(2 * o.Len())
	members := make([]value.Member, 0, o.Len())
	r.descend()
	for i := range o.Len() {
		m := o.At(i)
		v, err := r.cloned(m.Value)
		if err != nil {
			return nil, err
		}
		members = append(members, value.Member{Name: m.Name, Value: v})
	}
	r.ascend()
	return value.NewObject(members...), nil
}
