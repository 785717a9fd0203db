package payload

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// Template is a value in which holes are filled at run time: the members whose names end in ".$".
type Template struct {
	root      node
	variables []string
}

// Problem is a fault in a template's text.
type Problem struct {
	// Pointer is the JSON Pointer (RFC 6901) of the member inside of the template.
	Pointer string
	// Field is the member's name, like "x.$".
	Field string
	// Message is AWS's, without the place.
	Message string
	// Err is what the compiler has against the path or call, with a byte offset: a [*SyntaxError], or nil.
	Err error
}

// node is a part of a compiled template: constant, object, array or a hole.
type node interface {
	eval(env *Env) (value.Value, error)
}

// hole is a node that a query language fills.
type hole interface {
	node
	Variables() []string
}

// constant is a part without holes.
type constant struct{ value value.Value }

func (c constant) eval(*Env) (value.Value, error) { return c.value, nil }

// object is an object with holes below it. Members are evaluated in the order in which they are written.
type object struct{ members []member }

type member struct {
	name  string
	value node
	place int // in the object that comes out
}

func (o object) eval(env *Env) (value.Value, error) {
	members := make([]value.Member, len(o.members))
	for i := range o.members {
		m := &o.members[i]
		v, err := m.value.eval(env)
		if err != nil {
			return nil, err
		}
		members[m.place] = value.Member{Name: m.name, Value: v}
	}
	return value.NewObject(members...), nil
}

// list is an array with holes in objects below it: a string in an array is never a path.
type list struct{ items []node }

func (l list) eval(env *Env) (value.Value, error) {
	items := make(value.Array, len(l.items))
	for i, item := range l.items {
		v, err := item.eval(env)
		if err != nil {
			return nil, err
		}
		items[i] = v
	}
	return items, nil
}

// field is the hole of the JSONPath language: the value of "name.$".
type field struct{ *PathOrCall }

// eval gives null for an index past the end of its array, as AWS does here and only here: an intrinsic function's argument fails.
func (f field) eval(env *Env) (value.Value, error) {
	v, err := f.Eval(env)
	if err != nil && pastEnd(err) {
		return value.Null{}, nil
	}
	return v, err
}

// CompileTemplate compiles a payload template of the JSONPath language and reports all its faults, in the order of the text. With
// faults the template is nil.
func CompileTemplate(v value.Value) (*Template, []Problem) {
	c := &templateCompiler{}
	root := c.node(v, "")
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return &Template{root: root, variables: c.variables.list}, nil
}

// Eval fills the holes. It fails with a [*PathError] or a [*CallError]. A constant template returns its value without copying.
func (t *Template) Eval(env *Env) (value.Value, error) { return t.root.eval(env) }

// Constant tells whether the template has no holes.
func (t *Template) Constant() bool {
	_, ok := t.root.(constant)
	return ok
}

// Variables lists the variables that the template reads, in order of appearance.
func (t *Template) Variables() []string { return slices.Clone(t.variables) }

type templateCompiler struct {
	problems  []Problem
	variables nameSet
}

func (c *templateCompiler) node(v value.Value, pointer string) node {
	switch x := v.(type) {
	case *value.Object:
		return c.object(x, pointer)
	case value.Array:
		items := make([]node, len(x))
		fixed := true
		for i, item := range x {
			items[i] = c.node(item, pointer+"/"+strconv.Itoa(i))
			fixed = fixed && isConstant(items[i])
		}
		if !fixed {
			return list{items}
		}
	}
	return constant{v}
}

func isConstant(n node) bool {
	_, ok := n.(constant)
	return ok
}

func (c *templateCompiler) object(o *value.Object, pointer string) node {
	members := make([]member, 0, o.Len())
	dynamic := make([]bool, 0, o.Len())
	fixed := true
	for name, v := range o.All() {
		at := pointer + "/" + escapePointer(name)
		bare, isHole := strings.CutSuffix(name, ".$")
		m := member{name: bare}
		if isHole {
			m.value = c.hole(name, v, at)
			if _, twice := o.Get(bare); twice {
				c.report(Problem{at, name, fmt.Sprintf("The field '%s' is specified twice: as '%s' and as '%s'", bare, bare, name), nil})
			}
		} else {
			m.value = c.node(v, at)
		}
		fixed = fixed && isConstant(m.value)
		members = append(members, m)
		dynamic = append(dynamic, isHole)
	}
	if fixed {
		return constant{o}
	}
	placeMembers(members, dynamic)
	return object{members}
}

// placeMembers settles the order of the members that come out. AWS takes the dynamic ones out of the object, collects their values in a
// java.util.HashMap and puts these behind the rest. Every recorded template bears this out, and it shows wherever the result becomes a text.
func placeMembers(members []member, dynamic []bool) {
	place := 0
	var moved []int
	var hashes []int32
	for i := range members {
		if dynamic[i] {
			moved = append(moved, i)
			hashes = append(hashes, javaStringHash(members[i].name))
			continue
		}
		members[i].place = place
		place++
	}
	for _, n := range hashOrder(hashes, len(hashes)) {
		members[moved[n]].place = place
		place++
	}
}

func (c *templateCompiler) hole(name string, v value.Value, pointer string) node {
	var err error
	if text, ok := v.(value.String); ok {
		var x *PathOrCall
		if x, err = CompilePathOrCall(name, string(text)); err == nil {
			return c.punch(field{x})
		}
	}
	c.report(Problem{pointer, name, fmt.Sprintf("The value for the field '%s' must be a valid JSONPath or a valid intrinsic function call", name), err})
	return constant{v}
}

// punch makes the hole a part of the template.
func (c *templateCompiler) punch(h hole) node {
	c.variables.add(h.Variables()...)
	return h
}

func (c *templateCompiler) report(p Problem) { c.problems = append(c.problems, p) }

// escapePointer writes a name as a step of a JSON Pointer.
func escapePointer(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
