package vtl

import (
	"math"
	"strings"
)

// expression is something that has a value.
type expression interface {
	eval(r *run) (any, error)
}

// The kinds of expressions, beside references.
type (
	literal      struct{ value any }
	interpolated []node // a string in double quotes
	listOf       []expression
	rangeOf      struct{ from, to expression }
	mapOf        struct{ keys, values []expression }
	not          struct{ of expression }
	negative     struct{ of expression }
	binary       struct {
		operator string
		a, b     expression
	}
)

// level is a level of precedence: what its operators may be written as, by what they are.
type level []struct{ written, operator string }

// levels are the operators, those that bind least first. A longer operator stands before its beginning.
var levels = []level{
	{{"||", "||"}, {"or", "||"}},
	{{"&&", "&&"}, {"and", "&&"}},
	{{"==", "=="}, {"!=", "!="}, {"eq", "=="}, {"ne", "!="}},
	{{"<=", "<="}, {">=", ">="}, {"<", "<"}, {">", ">"}, {"le", "<="}, {"ge", ">="}, {"lt", "<"}, {"gt", ">"}},
	{{"+", "+"}, {"-", "-"}},
	{{"*", "*"}, {"/", "/"}, {"%", "%"}},
}

func (p *parser) expression() (expression, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	return p.operation(0)
}

// operation reads operations of a level and of those that bind more.
func (p *parser) operation(at int) (expression, error) {
	if at == len(levels) {
		return p.unary()
	}
	a, err := p.operation(at + 1)
	if err != nil {
		return nil, err
	}
	for {
		operator := p.operator(levels[at])
		if operator == "" {
			return a, nil
		}
		b, err := p.operation(at + 1)
		if err != nil {
			return nil, err
		}
		a = &binary{operator, a, b}
		if err := p.enter(); err != nil { // a long row is as deep as it is long
			return nil, err
		}
		defer func() { p.depth-- }()
	}
}

func (p *parser) operator(l level) string {
	p.blanks()
	for _, o := range l {
		if isLetter(o.written[0]) {
			if p.word(o.written) {
				return o.operator
			}
		} else if strings.HasPrefix(p.rest(), o.written) {
			p.pos += len(o.written)
			return o.operator
		}
	}
	return ""
}

func (p *parser) unary() (expression, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.blanks()
	switch rest := p.rest(); {
	case strings.HasPrefix(rest, "!") || p.word("not"):
		if strings.HasPrefix(rest, "!") {
			p.pos++
		}
		of, err := p.unary()
		return not{of}, err
	case strings.HasPrefix(rest, "-"):
		p.pos++
		of, err := p.unary()
		return negative{of}, err
	}
	return p.primary()
}

func (p *parser) primary() (expression, error) {
	if p.pos >= len(p.text) {
		return nil, p.fail("an expression is missing at the end")
	}
	switch c := p.text[p.pos]; {
	case c == '$':
		ref, err := p.reference()
		if err == nil && ref == nil {
			err = p.fail("$ is not followed by a name")
		}
		return ref, err
	case c == '\'' || c == '"':
		return p.quoted()
	case isDigit(c):
		return p.number()
	case c == '(':
		p.pos++
		inner, err := p.expression()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	case c == '[':
		p.pos++
		return p.brackets()
	case c == '{':
		p.pos++
		return p.braces()
	case p.word("true"):
		return literal{true}, nil
	case p.word("false"):
		return literal{false}, nil
	case p.word("null"):
		return literal{nil}, nil
	}
	return nil, p.fail("%.20q begins no expression", p.rest())
}

// brackets reads a list or a range.
func (p *parser) brackets() (expression, error) {
	if p.take("]") {
		return listOf(nil), nil
	}
	first, err := p.expression()
	if err != nil {
		return nil, err
	}
	if p.take("..") {
		to, err := p.expression()
		if err != nil {
			return nil, err
		}
		return rangeOf{first, to}, p.expect("]")
	}
	if p.take("]") {
		return listOf{first}, nil
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	rest, err := p.list("]")
	return append(listOf{first}, rest...), err
}

// braces reads a map.
func (p *parser) braces() (expression, error) {
	var m mapOf
	if p.take("}") {
		return m, nil
	}
	for {
		key, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		m.keys, m.values = append(m.keys, key), append(m.values, v)
		if p.take("}") {
			return m, nil
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

func (l literal) eval(*run) (any, error) { return l.value, nil }

func (n interpolated) eval(r *run) (any, error) {
	var b strings.Builder
	before := r.out
	r.out = &b
	err := r.all(n)
	r.out = before
	if err != nil {
		return nil, err
	}
	return b.String(), nil
}

func (l listOf) eval(r *run) (any, error) {
	made := &List{}
	for _, item := range l {
		v, err := item.eval(r)
		if err != nil {
			return nil, err
		}
		made.Items = append(made.Items, v)
	}
	return made, r.spend(len(l) * 16)
}

func (o rangeOf) eval(r *run) (any, error) {
	from, err := o.from.eval(r)
	if err != nil {
		return nil, err
	}
	to, err := o.to.eval(r)
	if err != nil {
		return nil, err
	}
	a, isA := from.(int64)
	b, isB := to.(int64)
	if !isA || !isB {
		return nil, nil
	}
	step, n := int64(1), b-a
	if b < a {
		step, n = -1, a-b
	}
	if n < 0 || n > maxIterations {
		return nil, r.fail("a range has more than %d numbers", maxIterations)
	}
	made := &List{}
	for i := a; ; i += step {
		made.Items = append(made.Items, i)
		if i == b {
			return made, r.spend(len(made.Items) * 16)
		}
	}
}

func (m mapOf) eval(r *run) (any, error) {
	made := NewMap()
	for i, key := range m.keys {
		k, err := key.eval(r)
		if err != nil {
			return nil, err
		}
		v, err := m.values[i].eval(r)
		if err != nil {
			return nil, err
		}
		made.Put(r.text(k), v)
	}
	return made, r.spend(len(m.keys) * 32)
}

func (n not) eval(r *run) (any, error) {
	v, err := n.of.eval(r)
	return !truth(v), err
}

func (n negative) eval(r *run) (any, error) {
	v, err := n.of.eval(r)
	switch v := v.(type) {
	case int64:
		return -v, err
	case float64:
		return -v, err
	}
	return nil, err
}

// truth is whether a value is true: all are but null and false.
func truth(v any) bool {
	b, isBool := v.(bool)
	return v != nil && (!isBool || b)
}

func (o *binary) eval(r *run) (any, error) {
	a, err := o.a.eval(r)
	if err != nil {
		return nil, err
	}
	switch {
	case o.operator == "&&" && !truth(a):
		return false, nil
	case o.operator == "||" && truth(a):
		return true, nil
	}
	b, err := o.b.eval(r)
	if err != nil {
		return nil, err
	}
	switch o.operator {
	case "&&", "||":
		return truth(b), nil
	case "==":
		return r.equal(a, b), nil
	case "!=":
		return !r.equal(a, b), nil
	case "<", ">", "<=", ">=":
		return compared(o.operator, a, b), nil
	}
	return r.arithmetic(o.operator, a, b)
}

func (r *run) equal(a, b any) bool {
	if x, y, ok := numbers(a, b); ok {
		return x == y
	}
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return r.text(a) == r.text(b)
}

// numbers are two values as numbers, if both are.
func numbers(a, b any) (x, y float64, ok bool) {
	x, okA := number(a)
	y, okB := number(b)
	return x, y, okA && okB
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// compared compares numbers; anything else cannot be, and is not less or greater.
func compared(operator string, a, b any) bool {
	x, y, ok := numbers(a, b)
	if !ok {
		return false
	}
	switch operator {
	case "<":
		return x < y
	case ">":
		return x > y
	case "<=":
		return x <= y
	}
	return x >= y
}

// arithmetic calculates: whole numbers stay whole. + joins a text with anything. What cannot be calculated is null, as in Velocity.
func (r *run) arithmetic(operator string, a, b any) (any, error) {
	_, textA := a.(string)
	_, textB := b.(string)
	if operator == "+" && (textA || textB) && a != nil && b != nil {
		joined := r.text(a) + r.text(b)
		return joined, r.spend(len(joined))
	}
	i, wholeA := a.(int64)
	j, wholeB := b.(int64)
	if wholeA && wholeB {
		switch {
		case operator == "+":
			return i + j, nil
		case operator == "-":
			return i - j, nil
		case operator == "*":
			return i * j, nil
		case j == 0 || i == math.MinInt64 && j == -1:
			return nil, nil
		case operator == "/":
			return i / j, nil
		}
		return i % j, nil
	}
	x, y, ok := numbers(a, b)
	switch {
	case !ok || (operator == "/" || operator == "%") && y == 0:
		return nil, nil
	case operator == "+":
		return x + y, nil
	case operator == "-":
		return x - y, nil
	case operator == "*":
		return x * y, nil
	case operator == "/":
		return x / y, nil
	}
	return math.Mod(x, y), nil
}
