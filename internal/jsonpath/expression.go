package jsonpath

import "github.com/tutti-run/tutti/internal/value"

// expression is the condition of a filter: [anyOf], [allOf], [negation], [existence] or [comparison].
type expression interface {
	// holds judges node, an element or an object that the filter is applied to.
	holds(e *evaluation, node value.Value) (bool, error)
}

type (
	anyOf     []expression
	allOf     []expression
	negation  struct{ expression }
	existence struct {
		path   *Path
		wanted bool
	}
	comparison struct {
		left     term
		operator operator
		right    term
	}
)

func (terms anyOf) holds(e *evaluation, node value.Value) (bool, error) {
	for _, term := range terms {
		if holds, err := term.holds(e, node); holds || err != nil {
			return holds, err
		}
	}
	return false, nil
}

func (terms allOf) holds(e *evaluation, node value.Value) (bool, error) {
	for _, term := range terms {
		if holds, err := term.holds(e, node); !holds || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (n negation) holds(e *evaluation, node value.Value) (bool, error) {
	holds, err := n.expression.holds(e, node)
	return !holds && err == nil, err
}

// holds: an indefinite path exists wherever its names do, even if it matches nothing. A path that begins with $ is here applied
// to the node like any other.
func (x existence) holds(e *evaluation, node value.Value) (bool, error) {
	if chain := x.path.chain; chain != nil {
		_, stop := x.path.follow(node)
		return (stop == len(chain)) == x.wanted, nil
	}
	inner := evaluation{run: e.run, path: x.path, root: e.root, strict: true}
	_, err := inner.evaluate(node)
	if isMiss(err) {
		return !x.wanted, nil
	}
	return x.wanted, err
}

func (c comparison) holds(e *evaluation, node value.Value) (bool, error) {
	if err := e.visit(); err != nil {
		return false, err
	}
	left, err := e.resolve(&c.left, node)
	if err != nil {
		return false, err
	}
	right, err := e.resolve(&c.right, node)
	if err != nil {
		return false, err
	}
	return c.operator.holds(&left, &right)
}

// resolve is what a side of a comparison amounts to at node.
func (e *evaluation) resolve(t *term, node value.Value) (operand, error) {
	p := t.path
	if p == nil {
		return t.literal, nil
	}
	if !p.document {
		return e.operandAt(p, node)
	}
	if known, ok := e.known[p]; ok {
		return known, nil
	}
	o, err := e.operandAt(p, e.root)
	if err == nil {
		if e.known == nil {
			e.known = make(map[*Path]operand)
		}
		e.known[p] = o
	}
	return o, err
}

func (e *evaluation) operandAt(p *Path, node value.Value) (operand, error) {
	if p.chain != nil {
		end, stop := p.follow(node)
		if stop < len(p.chain) {
			return operand{kind: undefinedKind}, nil
		}
		return operandOf(end)
	}
	v, err := e.nested(p, node, e.root)
	if isMiss(err) {
		return operand{kind: undefinedKind}, nil
	}
	if err != nil {
		return operand{}, err
	}
	return operandOf(v)
}
