package vtl

import (
	"fmt"
	"strconv"
	"strings"
)

// Limits of a template.
const (
	// MaxSize is the size of a template in bytes (API Gateway developer guide, "Quotas", mapping template size).
	MaxSize = 300 << 10
	// maxDepth is how deep directives and expressions may be nested.
	maxDepth = 60
)

// Template is a parsed template.
type Template struct{ nodes []node }

// SyntaxError is what is wrong with a template.
type SyntaxError struct {
	// Line counts from 1.
	Line    int
	Message string
}

// Error implements error.
func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Message) }

// Parse reads a template. An error is a [*SyntaxError].
func Parse(text string) (*Template, error) {
	if len(text) > MaxSize {
		return nil, &SyntaxError{1, fmt.Sprintf("the template has %d bytes, and may have %d", len(text), MaxSize)}
	}
	p := &parser{text: text}
	nodes, end, err := p.block()
	if err == nil && end != "" {
		err = p.fail("#%s stands without a directive that it belongs to", end)
	}
	if err != nil {
		return nil, err
	}
	return &Template{nodes}, nil
}

// node is a part of a template.
type node interface{ run(r *run) error }

// The kinds of nodes.
type (
	textNode string
	setNode  struct {
		target *reference
		value  expression
	}
	ifNode struct {
		conditions []expression
		branches   [][]node
		otherwise  []node
	}
	foreachNode struct {
		variable string
		list     expression
		body     []node
	}
	// stopNode ends the loop around it, or the template.
	stopNode struct{ loop bool }
)

// parser reads a template from pos on.
type parser struct {
	text  string
	pos   int
	depth int
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{1 + strings.Count(p.text[:min(p.pos, len(p.text))], "\n"), fmt.Sprintf(format, args...)}
}

func (p *parser) rest() string { return p.text[p.pos:] }

func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.fail("directives and expressions are nested deeper than %d", maxDepth)
	}
	return nil
}

// block reads nodes up to the end or up to #end, #else or #elseif, whose name it returns.
func (p *parser) block() (nodes []node, end string, err error) {
	if err := p.enter(); err != nil {
		return nil, "", err
	}
	defer func() { p.depth-- }()
	text := func(s string) {
		if s == "" {
			return
		}
		if n := len(nodes); n > 0 {
			if before, ok := nodes[n-1].(textNode); ok {
				nodes[n-1] = before + textNode(s)
				return
			}
		}
		nodes = append(nodes, textNode(s))
	}
	for p.pos < len(p.text) {
		next := strings.IndexAny(p.rest(), `$#\`)
		if next < 0 {
			text(p.rest())
			p.pos = len(p.text)
			break
		}
		text(p.rest()[:next])
		p.pos += next
		switch p.text[p.pos] {
		case '\\':
			text(p.escaped())
		case '$':
			start := p.pos
			ref, err := p.reference()
			if err != nil {
				return nil, "", err
			}
			if ref == nil {
				text(p.text[start:p.pos])
			} else {
				nodes = append(nodes, ref)
			}
		default:
			name, literal := p.directiveName()
			switch name {
			case "":
				text(literal)
			case "end", "else", "elseif":
				return nodes, name, nil
			default:
				n, err := p.directive(name)
				if err != nil {
					return nil, "", err
				}
				nodes = append(nodes, n)
			}
		}
	}
	return nodes, "", nil
}

// escaped reads a backslash: before a reference or a directive it takes their meaning, else it is itself.
func (p *parser) escaped() string {
	rest := p.rest()
	if len(rest) > 2 && (rest[1] == '$' && (isLetter(rest[2]) || rest[2] == '{' || rest[2] == '!') || rest[1] == '#' && isLetter(rest[2])) {
		p.pos += 2
		return rest[1:2]
	}
	p.pos++
	return `\`
}

// directives are those that there are.
var directives = []string{"set", "if", "elseif", "else", "end", "foreach", "break", "stop"}

// unserved are directives of Velocity that are not part of the language here.
var unserved = []string{"macro", "define", "include", "parse", "evaluate"}

// directiveName reads the # at pos. It returns the name of a directive, whose rest follows; or "" and text that stands for itself.
func (p *parser) directiveName() (name, literal string) {
	rest := p.rest()
	switch {
	case strings.HasPrefix(rest, "##"):
		line, _, found := strings.Cut(rest, "\n")
		p.pos += len(line)
		if found {
			p.pos++
		}
		return "", ""
	case strings.HasPrefix(rest, "#*"):
		inside, _, found := strings.Cut(rest[2:], "*#")
		if !found {
			p.pos = len(p.text)
			return "", ""
		}
		p.pos += len(inside) + 4
		return "", ""
	case strings.HasPrefix(rest, "#[["):
		if inside, _, found := strings.Cut(rest[3:], "]]#"); found {
			p.pos += len(inside) + 6
			return "", inside
		}
	}
	word := rest[1:]
	braced := strings.HasPrefix(word, "{")
	word = strings.TrimPrefix(word, "{")
	n := 0
	for n < len(word) && isLetter(word[n]) {
		n++
	}
	for _, list := range [][]string{directives, unserved} {
		for _, d := range list {
			if word[:n] != d || braced && !strings.HasPrefix(word[n:], "}") {
				continue
			}
			p.pos += 1 + n
			if braced {
				p.pos += 2
			}
			if d == "else" || d == "end" || d == "stop" || d == "break" {
				p.blankLine()
			}
			return d, ""
		}
	}
	p.pos++
	return "", "#"
}

// blankLine passes blanks up to and with the end of the line, if nothing else is on it.
func (p *parser) blankLine() {
	rest := p.rest()
	blanks := len(rest) - len(strings.TrimLeft(rest, " \t\r"))
	if strings.HasPrefix(rest[blanks:], "\n") {
		p.pos += blanks + 1
	}
}

// directive reads what follows a directive's name.
func (p *parser) directive(name string) (node, error) {
	switch name {
	case "set":
		return p.set()
	case "if":
		return p.conditional()
	case "foreach":
		return p.foreach()
	case "stop", "break":
		return stopNode{name == "break"}, nil
	}
	return nil, p.fail("#%s is not part of the language of mapping templates", name)
}

func (p *parser) set() (node, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	p.blanks()
	target, err := p.reference()
	if err != nil {
		return nil, err
	}
	if target == nil {
		return nil, p.fail("#set needs a reference to set, like #set($a = 1)")
	}
	if err := p.expect("="); err != nil {
		return nil, err
	}
	v, err := p.expression()
	if err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	p.blankLine()
	return &setNode{target, v}, nil
}

func (p *parser) condition() (expression, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	c, err := p.expression()
	if err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	p.blankLine()
	return c, nil
}

func (p *parser) conditional() (node, error) {
	n := &ifNode{}
	for end := "elseif"; end == "elseif"; {
		c, err := p.condition()
		if err != nil {
			return nil, err
		}
		var body []node
		if body, end, err = p.block(); err != nil {
			return nil, err
		}
		n.conditions, n.branches = append(n.conditions, c), append(n.branches, body)
		switch end {
		case "else":
			if n.otherwise, end, err = p.block(); err != nil {
				return nil, err
			}
			if end != "end" {
				return nil, p.fail("#else is not ended by #end")
			}
		case "":
			return nil, p.fail("#if is not ended by #end")
		}
	}
	return n, nil
}

func (p *parser) foreach() (node, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	p.blanks()
	variable, err := p.reference()
	if err != nil {
		return nil, err
	}
	if variable == nil || len(variable.parts) > 0 {
		return nil, p.fail("#foreach needs a variable, like #foreach($a in $list)")
	}
	p.blanks()
	if !p.word("in") {
		return nil, p.fail("#foreach needs the word in, like #foreach($a in $list)")
	}
	list, err := p.expression()
	if err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	p.blankLine()
	body, end, err := p.block()
	if err != nil {
		return nil, err
	}
	if end != "end" {
		return nil, p.fail("#foreach is not ended by #end")
	}
	return &foreachNode{variable.name, list, body}, nil
}

// blanks passes white space.
func (p *parser) blanks() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

// take passes white space and a token, if that is there.
func (p *parser) take(token string) bool {
	p.blanks()
	if strings.HasPrefix(p.rest(), token) {
		p.pos += len(token)
		return true
	}
	return false
}

func (p *parser) expect(token string) error {
	if !p.take(token) {
		return p.fail("%q is missing", token)
	}
	return nil
}

// word passes a word that ends where a name would.
func (p *parser) word(word string) bool {
	rest := p.rest()
	if strings.HasPrefix(rest, word) && (len(rest) == len(word) || !isNamePart(rest[len(word)])) {
		p.pos += len(word)
		return true
	}
	return false
}

func isLetter(c byte) bool   { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool    { return c >= '0' && c <= '9' }
func isNamePart(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' || c == '-' }

// name reads a name, "" if there is none.
func (p *parser) name() string {
	start := p.pos
	if p.pos < len(p.text) && (isLetter(p.text[p.pos]) || p.text[p.pos] == '_') {
		for p.pos < len(p.text) && isNamePart(p.text[p.pos]) {
			p.pos++
		}
	}
	return p.text[start:p.pos]
}

// reference is $name and what follows it. It is both a node and an expression.
type reference struct {
	text  string // as it is written
	quiet bool   // $!name: prints nothing where there is nothing
	name  string
	parts []part
}

// part is a property, a call of a method or an index of what stands before it.
type part struct {
	name  string
	call  bool
	args  []expression
	index expression // of [index]; nil for the other two
}

// reference reads a reference at pos, which is at a $. It is nil if the $ is only a text, which is passed.
func (p *parser) reference() (*reference, error) {
	start := p.pos
	if p.pos >= len(p.text) || p.text[p.pos] != '$' {
		return nil, nil
	}
	p.pos++
	r := &reference{}
	if strings.HasPrefix(p.rest(), "!") {
		r.quiet = true
		p.pos++
	}
	braced := strings.HasPrefix(p.rest(), "{")
	if braced {
		p.pos++
	}
	if r.name = p.name(); r.name == "" {
		p.pos = start + 1
		return nil, nil
	}
	for {
		more, err := p.part(r)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	if braced {
		if !strings.HasPrefix(p.rest(), "}") {
			return nil, p.fail("%.60s is not ended by }", p.text[start:p.pos])
		}
		p.pos++
	}
	r.text = p.text[start:p.pos]
	return r, nil
}

// part reads one part of a reference; more is false if there is none.
func (p *parser) part(r *reference) (more bool, err error) {
	rest := p.rest()
	switch {
	case strings.HasPrefix(rest, "["):
		start := p.pos
		p.pos++
		index, err := p.expression()
		if err == nil && p.take("]") {
			r.parts = append(r.parts, part{index: index})
			return true, nil
		}
		p.pos = start // text in brackets behind a reference
		return false, nil
	case len(rest) > 1 && rest[0] == '.' && (isLetter(rest[1]) || rest[1] == '_'):
		p.pos++
		name := p.name()
		if !strings.HasPrefix(p.rest(), "(") {
			r.parts = append(r.parts, part{name: name})
			return true, nil
		}
		p.pos++
		args, err := p.list(")")
		r.parts = append(r.parts, part{name: name, call: true, args: args})
		return true, err
	}
	return false, nil
}

// list reads expressions with commas between them, up to the end.
func (p *parser) list(end string) (items []expression, err error) {
	if p.take(end) {
		return nil, nil
	}
	for {
		item, err := p.expression()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		if p.take(end) {
			return items, nil
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

// quoted reads a string in quotes. One in double quotes is a template of its own.
func (p *parser) quoted() (expression, error) {
	quote := p.text[p.pos]
	var b strings.Builder
	for i := p.pos + 1; i < len(p.text); i++ {
		if p.text[i] != quote {
			b.WriteByte(p.text[i])
			continue
		}
		if i+1 < len(p.text) && p.text[i+1] == quote && i > p.pos+1 {
			b.WriteByte(quote)
			i++
			continue
		}
		p.pos = i + 1
		if quote == '\'' || !strings.ContainsAny(b.String(), `$#\`) {
			return literal{b.String()}, nil
		}
		inner := &parser{text: b.String(), depth: p.depth}
		nodes, end, err := inner.block()
		if err == nil && end != "" {
			err = inner.fail("#%s stands without a directive that it belongs to", end)
		}
		if err != nil {
			return nil, p.fail("in a string: %v", err)
		}
		return interpolated(nodes), nil
	}
	return nil, p.fail("a string has no end")
}

// number reads a number.
func (p *parser) number() (expression, error) {
	start := p.pos
	for p.pos < len(p.text) && isDigit(p.text[p.pos]) {
		p.pos++
	}
	whole := true
	if rest := p.rest(); len(rest) > 1 && rest[0] == '.' && isDigit(rest[1]) {
		whole = false
		for p.pos++; p.pos < len(p.text) && isDigit(p.text[p.pos]); p.pos++ {
		}
	}
	text := p.text[start:p.pos]
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && whole {
		return literal{n}, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, p.fail("%.40s is not a number", text)
	}
	return literal{f}, nil
}
