package payload

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// maxNesting is how deep calls may stand in calls (developer guide, "Intrinsic functions": up to 10 in a field).
const maxNesting = 10

// callParser reads the text of a call:
//
//	call     = name "(" [ argument { "," argument } ] ")"
//	argument = call | path | string | number | "true" | "false" | "null"
//	string   = "'" { any but ' and \ | "\'" | "\{" | "\}" | "\\" } "'"
//
// Blanks may stand between tokens and at the end, but not at the beginning. Another character behind a backslash is refused: recorded
// for \" and measured for \n.
type callParser struct {
	text  string
	pos   int
	depth int
}

func (p *callParser) fail(offset int, format string, args ...any) error {
	return &SyntaxError{Offset: offset, Message: fmt.Sprintf(format, args...)}
}

func (p *callParser) whole() (*invocation, error) {
	call, err := p.call()
	if err != nil {
		return nil, err
	}
	p.blanks()
	if p.pos < len(p.text) {
		return nil, p.fail(p.pos, "unexpected text behind the call")
	}
	return call, nil
}

func (p *callParser) blanks() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *callParser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// word reads letters, digits and dots.
func (p *callParser) word() string {
	start := p.pos
	for c := p.peek(); c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.'; c = p.peek() {
		p.pos++
	}
	return p.text[start:p.pos]
}

func (p *callParser) call() (*invocation, error) {
	start := p.pos
	return p.callNamed(start, p.word())
}

// callNamed reads the rest of a call whose name began at start.
func (p *callParser) callNamed(start int, name string) (*invocation, error) {
	f := functionNamed(name)
	if f == nil {
		return nil, p.fail(start, "%.60q is not an intrinsic function", name)
	}
	if p.depth++; p.depth > maxNesting {
		return nil, p.fail(start, "calls nest deeper than %d", maxNesting)
	}
	p.blanks()
	if p.peek() != '(' {
		return nil, p.fail(p.pos, "expected '(' behind %s", name)
	}
	p.pos++
	call := &invocation{function: f}
	for p.blanks(); p.peek() != ')' || len(call.arguments) > 0; p.blanks() {
		a, err := p.argument()
		if err != nil {
			return nil, err
		}
		call.arguments = append(call.arguments, a)
		p.blanks()
		if p.peek() == ')' {
			break
		}
		if p.peek() != ',' {
			return nil, p.fail(p.pos, "expected ',' or ')' behind an argument")
		}
		p.pos++
	}
	p.pos++
	p.depth--
	return call, nil
}

func (p *callParser) argument() (argument, error) {
	start := p.pos
	switch c := p.peek(); {
	case c == '\'':
		return p.stringLiteral()
	case c == '$':
		text := p.pathText()
		path, err := CompilePath(text)
		if err != nil {
			return argument{}, behind(start, err)
		}
		return argument{path: path}, nil
	case c == '-' || c >= '0' && c <= '9':
		return p.numberLiteral()
	}
	switch name := p.word(); name {
	case "true", "false":
		return argument{literal: value.Bool(name == "true")}, nil
	case "null":
		return argument{literal: value.Null{}}, nil
	case "":
		return argument{}, p.fail(start, "expected a string in single quotes, a number, a path or a call")
	default:
		call, err := p.callNamed(start, name)
		return argument{call: call}, err
	}
}

// behind moves the place of a path's fault into the text that holds the path from start on.
func behind(start int, err error) error {
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		return &SyntaxError{Offset: start + syntax.Offset, Message: syntax.Message, Err: syntax.Err}
	}
	return &SyntaxError{Offset: start, Message: err.Error(), Err: err}
}

func (p *callParser) stringLiteral() (argument, error) {
	open := p.pos
	var plain strings.Builder
	for p.pos++; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; c {
		case '\'':
			escaped := p.text[open+1 : p.pos]
			p.pos++
			return argument{literal: value.String(plain.String()), escaped: escaped}, nil
		case '\\':
			p.pos++
			if !escapable(p.peek()) {
				return argument{}, p.fail(p.pos-1, `a backslash stands only before ', {, } and \`)
			}
			plain.WriteByte(p.text[p.pos])
		default:
			plain.WriteByte(c)
		}
	}
	return argument{}, p.fail(open, "a string without its closing quote")
}

// escapable tells whether c may follow a backslash in a string literal (Amazon States Language, "Intrinsic functions").
func escapable(c byte) bool { return c == '\'' || c == '{' || c == '}' || c == '\\' }

func (p *callParser) numberLiteral() (argument, error) {
	start := p.pos
	for p.pos < len(p.text) && strings.IndexByte("+-.0123456789eE", p.text[p.pos]) >= 0 {
		p.pos++
	}
	v, err := value.Parse(p.text[start:p.pos])
	if err != nil {
		return argument{}, p.fail(start, "%.60q is not a number", p.text[start:p.pos])
	}
	return argument{literal: v}, nil
}

// pathText reads a path: up to the comma or parenthesis that belongs to the call. Those in brackets, in the quotes and regular expressions
// of a filter, and the parentheses of a path's own function belong to the path.
func (p *callParser) pathText() string {
	start, depth := p.pos, 0
	for ; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case c == '[' || c == '(':
			depth++
		case depth == 0 && (c == ',' || c == ')'):
			return strings.TrimRight(p.text[start:p.pos], " \t\r\n")
		case c == ']' || c == ')':
			depth--
		case depth > 0 && (c == '\'' || c == '"'):
			p.skipTo(c)
		case depth > 0 && c == '/' && strings.HasSuffix(strings.TrimRight(p.text[start:p.pos], " "), "=~"):
			p.skipTo(c)
		}
	}
	p.pos = len(p.text) // a quote that is not closed leads beyond
	return p.text[start:]
}

// skipTo moves to the next end that has no backslash before it, or to the end of the text.
func (p *callParser) skipTo(end byte) {
	for p.pos++; p.pos < len(p.text) && p.text[p.pos] != end; p.pos++ {
		if p.text[p.pos] == '\\' {
			p.pos++
		}
	}
}
