package jsonpath

import (
	"strings"
	"unicode/utf16"

	"github.com/tutti-run/tutti/internal/value"
)

// argument is one argument of a function call: a path or a JSON value.
type argument struct {
	path    *Path
	counted *Path // path with [*] behind it, for length
	json    value.Value
	err     error // why json is absent: Jayway reads it, and fails, when the function asks for it
}

// argumentKind is what the first character of an argument makes of it.
type argumentKind uint8

const (
	noArgument   argumentKind = iota // before the first character that tells; what stands there is ignored
	jsonArgument                     // starts with {, a digit, - or "
	pathArgument                     // starts with $ or @
)

func kindOfArgument(c uint16) argumentKind {
	switch {
	case c == '{' || c == '"' || c == '-' || isDigit(c):
		return jsonArgument
	case c == '$' || c == '@':
		return pathArgument
	}
	return noArgument
}

// arguments reads the arguments of the function name up to the parenthesis that closes them. It follows Jayway's own hand-made splitter,
// which counts brackets and quotes and drops commas inside of quotes.
func (p *parser) arguments(name string) []argument {
	var (
		list                            []argument
		text                            []uint16
		kind                            argumentKind
		prior                           uint16
		parens, brackets, braces, quote = 1, 0, 0, 0
	)
	for done := false; p.more() && !done; {
		c := p.current()
		p.pos++
		if kind == noArgument {
			if isWhitespace(c) {
				continue
			}
			kind = kindOfArgument(c)
		}
		switch c {
		case '"':
			if prior != '\\' && quote > 0 {
				quote--
			} else {
				quote++
			}
		case '(':
			parens++
		case '{':
			braces++
		case '[':
			brackets++
		case '}':
			if braces == 0 {
				p.failf("Unexpected close brace '}' at character position: %d", p.pos)
			}
			braces--
		case ']':
			if brackets == 0 {
				p.failf("Unexpected close bracket ']' at character position: %d", p.pos)
			}
			brackets--
		case ')', ',':
			if c == ')' {
				if parens--; parens < 0 || prior == '(' {
					text = append(text, c)
				}
			}
			balanced := quote == 0 && braces == 0 && brackets == 0
			if balanced && (parens == 1 || parens == 0 && c == ')') {
				done = parens == 0
				if kind != noArgument {
					list = append(list, p.argument(kind, text))
					text, kind = nil, noArgument
				}
			}
		}
		if kind != noArgument && (c != ',' || braces != 0 || brackets != 0 || parens != 1) {
			text = append(text, c)
		}
		prior = c
	}
	if braces != 0 || parens != 0 || brackets != 0 {
		p.failf("Arguments to function: '%s' are not closed properly.", name)
	}
	return list
}

func (p *parser) argument(kind argumentKind, text []uint16) argument {
	if kind == jsonArgument {
		v, err := firstValue(string(utf16.Decode(text)))
		return argument{json: v, err: err}
	}
	inner := parser{scanner: newScanner(text, p.base+p.pos-1-len(text)), depth: p.nested()}
	path := inner.path()
	return argument{path: path, counted: path.counting()}
}

// firstValue reads the JSON value at the start of text, which begins with {, a digit, - or ". Jackson leaves what follows unread,
// but a number must end at a blank.
func firstValue(text string) (value.Value, error) {
	v, err := value.Parse(text[:endOfValue(text)])
	if err != nil {
		return nil, failf("The argument %s is not JSON: %s", text, err)
	}
	return v, nil
}

func endOfValue(text string) int {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
			if !inString && depth == 0 {
				return i + 1
			}
		case inString:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth <= 0 {
				return i + 1
			}
		case depth == 0 && strings.ContainsRune(" \t\r\n", rune(c)):
			return i
		}
	}
	return len(text)
}
