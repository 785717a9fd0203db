package value

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may nest: the bound of the service's own JSON reader.
const MaxDepth = 1000

// SyntaxError says where a text stops being JSON. Line and Column count from 1, Column in characters; Offset counts bytes from 0.
type SyntaxError struct {
	Offset       int
	Line, Column int
	Message      string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at line %d, column %d", e.Message, e.Line, e.Column)
}

// Parse reads exactly one JSON value. It is strict (RFC 8259), keeps the order of members, lets the last of equal names win, and
// fails with a [*SyntaxError].
func Parse(text string) (Value, error) {
	p := parser{text: text}
	if !utf8.ValidString(text) {
		return nil, p.fail(invalidUTF8(text), "Invalid UTF-8")
	}
	v, err := p.document()
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Valid tells whether text is one JSON value.
func Valid(text string) bool {
	_, err := Parse(text)
	return err == nil
}

// invalidUTF8 is the offset of the first byte that is not part of a UTF-8 sequence.
func invalidUTF8(text string) int {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return i
			}
		}
	}
	return len(text)
}

type parser struct {
	text  string
	pos   int
	depth int
}

func (p *parser) document() (Value, error) {
	p.blanks()
	if p.pos == len(p.text) {
		return nil, p.fail(p.pos, "No content to map due to end-of-input")
	}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	p.blanks()
	if p.pos < len(p.text) {
		return nil, p.fail(p.pos, "Unexpected text after the end of the value")
	}
	return v, nil
}

func (p *parser) blanks() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// fail returns a SyntaxError at the byte offset.
func (p *parser) fail(offset int, format string, args ...any) error {
	before := p.text[:min(offset, len(p.text))]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return &SyntaxError{Offset: offset, Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
}

func (p *parser) unexpected(wanted string) error {
	if p.pos >= len(p.text) {
		return p.fail(p.pos, "Unexpected end-of-input: expected %s", wanted)
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.pos:])
	return p.fail(p.pos, "Unexpected character (%s (code %d)): expected %s", strconv.QuoteRune(r), r, wanted)
}

func (p *parser) value() (Value, error) {
	if p.pos >= len(p.text) {
		return nil, p.unexpected("a value")
	}
	switch c := p.text[p.pos]; {
	case c == '{':
		return p.object()
	case c == '[':
		return p.array()
	case c == '"':
		s, err := p.string()
		return String(s), err
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	for _, word := range [...]struct {
		text  string
		value Value
	}{{"true", Bool(true)}, {"false", Bool(false)}, {"null", Null{}}} {
		if strings.HasPrefix(p.text[p.pos:], word.text) {
			p.pos += len(word.text)
			return word.value, nil
		}
	}
	if end := p.tokenEnd(); end > p.pos {
		return nil, p.fail(p.pos, "Unrecognized token '%s': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", p.text[p.pos:end])
	}
	return nil, p.unexpected("a value")
}

// tokenEnd is where the run of letters and digits at the current place ends.
func (p *parser) tokenEnd() int {
	end := p.pos
	for end < len(p.text) && end < p.pos+256 {
		c := p.text[end]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '$' {
			break
		}
		end++
	}
	return end
}

func (p *parser) enter() error {
	p.pos++
	p.depth++
	if p.depth > MaxDepth {
		return p.fail(p.pos-1, "Document nesting depth (%d) exceeds the maximum allowed (%d)", p.depth, MaxDepth)
	}
	return nil
}

func (p *parser) object() (Value, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	p.blanks()
	var members []Member
	if p.peek('}') {
		p.pos++
		p.depth--
		return NewObject(), nil
	}
	for {
		if !p.peek('"') {
			return nil, p.unexpected("double-quote to start field name")
		}
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		p.blanks()
		if !p.peek(':') {
			return nil, p.unexpected("a colon to separate field name and value")
		}
		p.pos++
		p.blanks()
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		members = append(members, Member{name, v})
		p.blanks()
		if p.peek('}') {
			p.pos++
			p.depth--
			return NewObject(members...), nil
		}
		if !p.peek(',') {
			return nil, p.unexpected("comma to separate Object entries")
		}
		p.pos++
		p.blanks()
	}
}

func (p *parser) array() (Value, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	p.blanks()
	items := Array{}
	if p.peek(']') {
		p.pos++
		p.depth--
		return items, nil
	}
	for {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		items = append(items, v)
		p.blanks()
		if p.peek(']') {
			p.pos++
			p.depth--
			return items, nil
		}
		if !p.peek(',') {
			return nil, p.unexpected("comma to separate Array entries")
		}
		p.pos++
		p.blanks()
	}
}

func (p *parser) peek(c byte) bool { return p.pos < len(p.text) && p.text[p.pos] == c }

// string reads the string at the current quote. One without escapes is a slice of the text.
func (p *parser) string() (string, error) {
	p.pos++
	start := p.pos
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			s := p.text[start:p.pos]
			p.pos++
			return s, nil
		case c == '\\':
			return p.escapedString(start)
		case c < ' ':
			return "", p.fail(p.pos, "Illegal unquoted character ((CTRL-CHAR, code %d)): has to be escaped using backslash to be included in string value", c)
		default:
			p.pos++
		}
	}
	return "", p.fail(p.pos, "Unexpected end-of-input: was expecting closing quote for a string value")
}

func (p *parser) escapedString(start int) (string, error) {
	out := append(make([]byte, 0, 2*(p.pos-start)+16), p.text[start:p.pos]...)
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		switch {
		case c == '"':
			p.pos++
			return string(out), nil
		case c < ' ':
			return "", p.fail(p.pos, "Illegal unquoted character ((CTRL-CHAR, code %d)): has to be escaped using backslash to be included in string value", c)
		case c != '\\':
			out = append(out, c)
			p.pos++
		default:
			var err error
			if out, err = p.escape(out); err != nil {
				return "", err
			}
		}
	}
	return "", p.fail(p.pos, "Unexpected end-of-input: was expecting closing quote for a string value")
}

var simpleEscapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (p *parser) escape(out []byte) ([]byte, error) {
	at := p.pos
	p.pos++
	if p.pos >= len(p.text) {
		return nil, p.fail(p.pos, "Unexpected end-of-input in character escape sequence")
	}
	c := p.text[p.pos]
	p.pos++
	if plain := simpleEscapes[c]; plain != 0 {
		return append(out, plain), nil
	}
	if c != 'u' {
		return nil, p.fail(at, "Unrecognized character escape %s", strconv.QuoteRune(rune(c)))
	}
	unit, err := p.hex4()
	if err != nil {
		return nil, err
	}
	r := rune(unit)
	if utf16.IsSurrogate(r) {
		// A surrogate without its other half has no UTF-8 form and becomes U+FFFD.
		r = utf8.RuneError
		if strings.HasPrefix(p.text[p.pos:], `\u`) {
			back := p.pos
			p.pos += 2
			low, err := p.hex4()
			if err != nil {
				return nil, err
			}
			if r = utf16.DecodeRune(rune(unit), rune(low)); r == utf8.RuneError {
				p.pos = back
			}
		}
	}
	return utf8.AppendRune(out, r), nil
}

func (p *parser) hex4() (uint16, error) {
	if p.pos+4 > len(p.text) {
		return 0, p.fail(len(p.text), "Unexpected end-of-input in character escape sequence")
	}
	n, err := strconv.ParseUint(p.text[p.pos:p.pos+4], 16, 16)
	if err != nil {
		return 0, p.fail(p.pos, "Unexpected character: expected a hex-digit for character escape sequence")
	}
	p.pos += 4
	return uint16(n), nil
}

func (p *parser) number() (Value, error) {
	start := p.pos
	if p.peek('-') {
		p.pos++
	}
	if p.peek('0') {
		p.pos++
		if p.pos < len(p.text) && isDigit(p.text[p.pos]) {
			return nil, p.fail(start, "Invalid numeric value: Leading zeroes not allowed")
		}
	} else if !p.digits() {
		return nil, p.unexpected("a digit to follow a minus sign")
	}
	whole := true
	if p.peek('.') {
		whole = false
		p.pos++
		if !p.digits() {
			return nil, p.unexpected("a digit after the decimal point")
		}
	}
	if p.peek('e') || p.peek('E') {
		whole = false
		p.pos++
		if p.peek('+') || p.peek('-') {
			p.pos++
		}
		if !p.digits() {
			return nil, p.unexpected("a digit in the exponent")
		}
	}
	text := p.text[start:p.pos]
	if whole {
		return wholeNumber(text), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, p.fail(start, "Numeric value (%s) out of range of double", text[:min(len(text), 40)])
	}
	return Float(f), nil
}

func wholeNumber(text string) Value {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return BigInt(text)
	}
	return Int(n)
}

func (p *parser) digits() bool {
	start := p.pos
	for p.pos < len(p.text) && isDigit(p.text[p.pos]) {
		p.pos++
	}
	return p.pos > start
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
