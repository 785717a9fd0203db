package jsonpath

import (
	"fmt"
	"slices"

	"github.com/tutti-run/tutti/internal/value"
)

// Put returns a copy of root in which the path points at v; root itself does not change, and what lies beside the path is shared.
// Objects that are missing on the way are made; what stands at the place is overwritten. It fails with a [*PutError] where the path is
// no Reference Path, where something other than an object has to have a member, and where an array has no element of that index. (States
// Language, ResultPath.)
func (p *Path) Put(root, v value.Value) (value.Value, error) {
	if !p.IsReference() {
		return nil, &PutError{Path: p.text, Reason: "it is not a Reference Path, which points at a single node"}
	}
	if len(p.chain) > value.MaxDepth {
		return nil, &PutError{Path: p.text, Reason: fmt.Sprintf("it is longer than %d steps", value.MaxDepth)}
	}
	if root == nil {
		root = value.Null{}
	}
	return p.put(root, 0, v)
}

// put replaces what the chain from at on points at under node. A nil node is one that is not there yet.
func (p *Path) put(node value.Value, at int, v value.Value) (value.Value, error) {
	if at == len(p.chain) {
		return v, nil
	}
	if l := p.chain[at]; l.named {
		return p.putMember(node, at, v)
	}
	return p.putElement(node, at, v)
}

func (p *Path) putMember(node value.Value, at int, v value.Value) (value.Value, error) {
	if node == nil {
		node = value.NewObject()
	}
	object, ok := node.(*value.Object)
	if !ok {
		return nil, p.cannotPut(at, "is no object but "+describe(node))
	}
	name := p.chain[at].name
	old, ok := object.Get(name)
	if !ok {
		old = nil
	}
	member, err := p.put(old, at+1, v)
	if err != nil {
		return nil, err
	}
	return object.With(name, member), nil
}

func (p *Path) putElement(node value.Value, at int, v value.Value) (value.Value, error) {
	if node == nil {
		return nil, p.cannotPut(at, "does not exist, and no array is made for an index")
	}
	array, ok := node.(value.Array)
	if !ok {
		return nil, p.cannotPut(at, "is no array but "+describe(node))
	}
	index := p.chain[at].index
	if index < 0 {
		index += len(array)
	}
	if index < 0 || index >= len(array) {
		return nil, p.cannotPut(at, fmt.Sprintf("has %d elements, none with the index %d", len(array), p.chain[at].index))
	}
	element, err := p.put(array[index], at+1, v)
	if err != nil {
		return nil, err
	}
	changed := slices.Clone(array)
	changed[index] = element
	return changed, nil
}

func (p *Path) cannotPut(at int, reason string) error {
	return &PutError{Path: p.text, Reason: p.location(at) + " " + reason}
}

func describe(v value.Value) string {
	switch v.Kind() {
	case value.KindNull:
		return "null"
	case value.KindArray, value.KindObject:
		return "an " + v.Kind().String()
	}
	return "a " + v.Kind().String()
}
