package metrics

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// node is a part of a parsed expression. It never changes.
type node interface{ isNode() }

type (
	number    float64 // a scalar
	text      string  // a string, for METRICS and SEARCH alone
	ident     string  // another query's id, or a keyword like REPEAT
	array     []node  // [m1, m2]
	negated   struct{ of node }
	operation struct {
		operator string // one of those in precedences
		a, b     node
	}
	call struct {
		name string
		args []node
	}
)

func (number) isNode()    {}
func (text) isNode()      {}
func (ident) isNode()     {}
func (array) isNode()     {}
func (negated) isNode()   {}
func (operation) isNode() {}
func (call) isNode()      {}

// Limits of an expression (API reference, MetricDataQuery, "Expression"), and of how deep its parts may nest.
const (
	maxExpression = 2048
	maxNesting    = 100
)

// precedences are the binary operators: the higher the number, the tighter one binds. ^ binds to the right.
var precedences = map[string]int{
	"||": 1, "&&": 2, // both sides count as true unless they are 0
	"==": 3, "!=": 3, "<=": 3, ">=": 3, "<": 3, ">": 3, // 1 or 0
	"+": 4, "-": 4, "*": 5, "/": 5, "^": 7,
}

// minusBinds is how tight a minus before a value binds: less than ^, more than *.
const minusBinds = 6

// operators are looked for in this order, so that those of two characters come first.
var operators = []string{"||", "&&", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "^"}

// parser reads an expression from its front.
type parser struct {
	text  string
	at    int
	depth int
}

// parseExpression reads a metric math expression (user guide, "Using math expressions with CloudWatch metrics").
func parseExpression(source string) (node, error) {
	if len(source) > maxExpression {
		return nil, fmt.Errorf("it is longer than %d characters", maxExpression)
	}
	if word, _, _ := strings.Cut(strings.TrimSpace(source), " "); strings.EqualFold(word, "SELECT") {
		return nil, &notRunHere{"queries of CloudWatch Metrics Insights (SELECT)", "are", "name the metrics and use SUM, AVG and the like"}
	}
	p := &parser{text: source}
	n, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.blanks(); p.at < len(p.text) {
		return nil, p.bad("unexpected %q", p.text[p.at:])
	}
	return n, nil
}

func (p *parser) bad(format string, args ...any) error {
	return fmt.Errorf("%s at character %d", fmt.Sprintf(format, args...), p.at+1)
}

func (p *parser) rest() string { return p.text[p.at:] }

func (p *parser) blanks() {
	p.at += len(p.rest()) - len(strings.TrimLeftFunc(p.rest(), unicode.IsSpace))
}

func (p *parser) take(token string) bool {
	p.blanks()
	if !strings.HasPrefix(p.rest(), token) {
		return false
	}
	p.at += len(token)
	return true
}

// operator is the binary operator that comes next, "" for none, with the number of characters that it takes.
func (p *parser) operator() (string, int) {
	p.blanks()
	for _, o := range operators {
		if strings.HasPrefix(p.rest(), o) {
			return o, len(o)
		}
	}
	switch word := leadingWord(p.rest()); word {
	case "AND":
		return "&&", len(word)
	case "OR":
		return "||", len(word)
	}
	return "", 0
}

func leadingWord(s string) string {
	end := strings.IndexFunc(s, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if end < 0 {
		return s
	}
	return s[:end]
}

// expression reads operators that bind at least as tight as least says.
func (p *parser) expression(least int) (node, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, p.bad("parts nest deeper than %d", maxNesting)
	}
	defer func() { p.depth-- }()
	left, err := p.operand()
	for err == nil {
		op, length := p.operator()
		binds := precedences[op]
		if op == "" || binds < least {
			return left, nil
		}
		p.at += length
		next := binds + 1
		if op == "^" {
			next = binds
		}
		var right node
		if right, err = p.expression(next); err == nil {
			left = operation{op, left, right}
		}
	}
	return nil, err
}

func (p *parser) operand() (node, error) {
	switch {
	case p.take("-"):
		n, err := p.expression(minusBinds)
		return negated{n}, err
	case p.take("+"):
		return p.expression(minusBinds)
	case p.take("("):
		n, err := p.expression(0)
		if err == nil && !p.take(")") {
			err = p.bad("a parenthesis is not closed")
		}
		return n, err
	case p.take("["):
		items, err := p.list("]")
		return array(items), err
	}
	rest := p.rest()
	switch {
	case rest == "":
		return nil, p.bad("a value is missing")
	case rest[0] == '"' || rest[0] == '\'':
		end := strings.IndexByte(rest[1:], rest[0])
		if end < 0 {
			return nil, p.bad("a quotation mark is not closed")
		}
		p.at += end + 2
		return text(rest[1 : 1+end]), nil
	case rest[0] == '.' || rest[0] >= '0' && rest[0] <= '9':
		return p.number()
	}
	word := leadingWord(rest)
	if word == "" {
		return nil, p.bad("unexpected %q", []rune(rest)[0])
	}
	p.at += len(word)
	if p.take("(") {
		return p.call(word)
	}
	return ident(word), nil
}

func (p *parser) number() (node, error) {
	rest := p.rest()
	end := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		end = len(rest)
	}
	if tail := rest[end:]; len(tail) > 1 && (tail[0] == 'e' || tail[0] == 'E') {
		digits := strings.TrimLeft(tail[1:], "+-")
		n := len(digits) - len(strings.TrimLeft(digits, "0123456789"))
		if n > 0 && len(tail)-1-len(digits) <= 1 {
			end += len(tail) - len(digits) + n
		}
	}
	v, err := strconv.ParseFloat(rest[:end], 64)
	if err != nil {
		return nil, p.bad("%s is not a number", rest[:end])
	}
	p.at += end
	return number(v), nil
}

// list reads expressions that commas separate, up to what closes them.
func (p *parser) list(end string) ([]node, error) {
	var items []node
	if p.take(end) {
		return items, nil
	}
	for {
		n, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		items = append(items, n)
		if p.take(end) {
			return items, nil
		}
		if !p.take(",") {
			return nil, p.bad("%q or %q is missing", ",", end)
		}
	}
}

func (p *parser) call(name string) (node, error) {
	args, err := p.list(")")
	if err != nil {
		return nil, err
	}
	if why := refusedFunctions[name]; why != "" {
		return nil, &notRunHere{"the function " + name, "is", why}
	}
	f, ok := functions[name]
	if !ok {
		return nil, fmt.Errorf("Unsupported function: '%s'", name)
	}
	if len(args) < f.least || len(args) > f.most {
		return nil, fmt.Errorf("the function %s takes %s, not %d", name, f.arity(), len(args))
	}
	return call{name, args}, nil
}

// walk visits an expression and all its parts.
func walk(n node, visit func(node)) {
	visit(n)
	switch n := n.(type) {
	case array:
		for _, item := range n {
			walk(item, visit)
		}
	case negated:
		walk(n.of, visit)
	case operation:
		walk(n.a, visit)
		walk(n.b, visit)
	case call:
		for _, arg := range n.args {
			walk(arg, visit)
		}
	}
}

// references lists the ids that an expression names.
func references(n node) []string {
	var ids []string
	walk(n, func(n node) {
		if id, ok := n.(ident); ok && !keywords[string(id)] && !slices.Contains(ids, string(id)) {
			ids = append(ids, string(id))
		}
	})
	return ids
}

// calls tells whether an expression calls a function.
func calls(n node, name string) (found bool) {
	walk(n, func(n node) {
		c, ok := n.(call)
		found = found || ok && c.name == name
	})
	return found
}

// keywords are words that stand for themselves as arguments of functions.
var keywords = map[string]bool{
	"REPEAT": true, "LINEAR": true, // FILL
	"ASC": true, "DESC": true, // SORT
	"AVG": true, "MIN": true, "MAX": true, "SUM": true, // SORT: by what
}

// notRunHere refuses what AWS has and this package has not.
type notRunHere struct{ what, verb, instead string }

func (e *notRunHere) Error() string { return e.what + " " + e.verb + " not run here: " + e.instead }
