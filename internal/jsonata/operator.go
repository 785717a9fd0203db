package jsonata

import (
	"math"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// operatorNode is what all operators with two operands have.
type operatorNode struct {
	left, right node
	op          string
	position    int
}

// at completes a fault that the operator itself has found.
func (n *operatorNode) at(err *Error) *Error {
	err.Position, err.Token = n.position, n.op
	return err
}

// operands evaluates both sides.
func (n *operatorNode) operands(r *run, f *frame, in value.Value) (left, right value.Value, err *Error) {
	if left, err = n.left.eval(r, f, in); err != nil {
		return nil, nil, err
	}
	right, err = n.right.eval(r, f, in)
	return left, right, err
}

// arithmetic is + - * / %. It calculates in doubles, as the reference does.
type arithmetic struct {
	operatorNode
	leftNumber, rightNumber numeric // the operands, if they can hand over numbers
}

func (n *arithmetic) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	result, defined, err := n.evalNumber(r, f, in)
	if err != nil || !defined {
		return nil, err
	}
	return number(result), nil
}

func (n *arithmetic) evalNumber(r *run, f *frame, in value.Value) (float64, bool, *Error) {
	a, left, hasA, err := operand(n.left, n.leftNumber, r, f, in)
	if err != nil {
		return 0, false, err
	}
	b, right, hasB, err := operand(n.right, n.rightNumber, r, f, in)
	if err != nil {
		return 0, false, err
	}
	if err := n.check(a, left, hasA, "T2001"); err != nil {
		return 0, false, err
	}
	if err := n.check(b, right, hasB, "T2002"); err != nil {
		return 0, false, err
	}
	if !hasA || !hasB {
		return 0, false, nil
	}
	switch n.op {
	case "+":
		return a + b, true, nil
	case "-":
		return a - b, true, nil
	case "*":
		return a * b, true, nil
	case "/":
		return a / b, true, nil
	}
	return math.Mod(a, b), true, nil
}

// operand evaluates one side. v is the value if that is no number, and nil otherwise.
func operand(n node, asNumber numeric, r *run, f *frame, in value.Value) (x float64, v value.Value, defined bool, err *Error) {
	if asNumber != nil {
		x, defined, err = asNumber.evalNumber(r, f, in)
		return x, nil, defined, err
	}
	v, err = n.eval(r, f, in)
	if err != nil || v == nil {
		return 0, nil, false, err
	}
	switch n := v.(type) {
	case value.Int:
		return float64(n), nil, true, nil
	case value.Float:
		return float64(n), nil, true, nil
	case value.BigInt:
		x, _ = value.Float64(n)
		return x, nil, true, nil
	}
	return 0, v, true, nil
}

// check refuses an operand that cannot be calculated with.
func (n *arithmetic) check(x float64, v value.Value, defined bool, code string) *Error {
	switch {
	case !defined:
		return nil
	case v != nil:
		return n.at(valueFault(code, v))
	case math.IsInf(x, 0):
		return n.at(valueFault("D1001", value.Float(x)))
	case x != x:
		return n.at(valueFault(code, value.Float(x)))
	}
	return nil
}

// negation is unary minus.
type negation struct {
	operand  node
	position int
}

func (n *negation) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	v, err := n.operand.eval(r, f, in)
	if err != nil || v == nil {
		return nil, err
	}
	numeric, err := isNumeric(v)
	if err != nil {
		return nil, err
	}
	if !numeric {
		err := valueFault("D1002", v)
		err.Position, err.Token = n.position, "-"
		return nil, err
	}
	return negated(v), nil
}

// equality is = and !=.
type equality struct {
	operatorNode
	negate bool
}

func (n *equality) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	left, right, err := n.operands(r, f, in)
	if err != nil {
		return nil, err
	}
	if left == nil || right == nil {
		return value.Bool(false), nil
	}
	if a, ok := left.(value.String); ok {
		b, ok := right.(value.String)
		return value.Bool((ok && a == b) != n.negate), nil
	}
	return value.Bool(r.equal(left, right) != n.negate), nil
}

// comparison is < <= > >=.
type comparison struct {
	operatorNode
	leftNumber, rightNumber numeric
}

func (n *comparison) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	if n.leftNumber == nil && n.rightNumber == nil {
		left, right, err := n.operands(r, f, in)
		if err != nil {
			return nil, err
		}
		return n.compare(left, right)
	}
	a, left, hasA, err := operand(n.left, n.leftNumber, r, f, in)
	if err != nil {
		return nil, err
	}
	b, right, hasB, err := operand(n.right, n.rightNumber, r, f, in)
	if err != nil {
		return nil, err
	}
	if hasA && hasB && left == nil && right == nil {
		return value.Bool(n.floats(a, b)), nil
	}
	return n.compare(boxed(a, left, hasA), boxed(b, right, hasB))
}

// boxed makes a value of what operand has returned.
func boxed(x float64, v value.Value, defined bool) value.Value {
	if !defined || v != nil {
		return v
	}
	return number(x)
}

func (n *comparison) floats(a, b float64) bool {
	switch n.op {
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a >= b
}

func (n *comparison) ordered(order int) bool {
	switch n.op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func (n *comparison) compare(left, right value.Value) (value.Value, *Error) {
	switch a := left.(type) {
	case value.Int:
		if b, ok := right.(value.Int); ok {
			switch {
			case a < b:
				return value.Bool(n.ordered(-1)), nil
			case a > b:
				return value.Bool(n.ordered(1)), nil
			}
			return value.Bool(n.ordered(0)), nil
		}
	case value.String:
		if b, ok := right.(value.String); ok {
			return value.Bool(n.ordered(compareStrings(string(a), string(b)))), nil
		}
	}
	if !isComparable(left) || !isComparable(right) {
		err := valueFault("T2010", right)
		if left == nil || !isComparable(left) {
			err.Value = left
		}
		return nil, n.at(err)
	}
	if left == nil || right == nil {
		return nil, nil
	}
	a, isNumber := float(left)
	b, isNumberToo := float(right)
	if !isNumber || !isNumberToo {
		err := valueFault("T2009", left)
		err.insert.value2 = right
		return nil, n.at(err)
	}
	return value.Bool(n.floats(a, b)), nil
}

func isComparable(v value.Value) bool {
	switch v.(type) {
	case nil, value.String, value.Int, value.Float, value.BigInt:
		return true
	}
	return false
}

// logic is "and" and "or".
type logic struct {
	operatorNode
	depth int // how deep the right side certainly nests
}

func (n *logic) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	left, err := n.left.eval(r, f, in)
	if err != nil {
		return nil, err
	}
	holds, err := r.truth(left)
	if err != nil {
		return nil, n.at(err)
	}
	if holds == (n.op == "or") {
		return value.Bool(holds), nil
	}
	r.reach(n.depth)
	right, err := n.right.eval(r, f, in)
	if err != nil {
		return nil, n.at(err) // the reference takes faults of the right side for its own
	}
	if holds, err = r.truth(right); err != nil {
		return nil, n.at(err)
	}
	return value.Bool(holds), nil
}

// inclusion is "in".
type inclusion struct{ operatorNode }

func (n *inclusion) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	left, right, err := n.operands(r, f, in)
	if err != nil {
		return nil, err
	}
	if left == nil || right == nil {
		return value.Bool(false), nil
	}
	elements := itemsOf(right)
	r.step(len(elements))
	for _, e := range elements {
		if identical(left, e) {
			return value.Bool(true), nil
		}
	}
	return value.Bool(false), nil
}

// concatenation is a chain of &.
type concatenation struct {
	parts     []node
	positions []int // of the & before each part; that of the first operator comes first, too
}

func (n *concatenation) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	var room [8]string
	texts := room[:0]
	size := 0
	for i, part := range n.parts {
		v, err := part.eval(r, f, in)
		if err != nil {
			return nil, err
		}
		if s, ok := v.(value.String); ok {
			texts = append(texts, string(s))
			size += len(s)
			continue
		}
		if v == nil {
			continue
		}
		s, err := r.stringOf(v, false)
		if err != nil {
			err.Position, err.Token = n.positions[i], "&"
			return nil, err
		}
		texts = append(texts, s)
		size += len(s)
	}
	r.text(size)
	return value.String(strings.Join(texts, "")), nil
}
