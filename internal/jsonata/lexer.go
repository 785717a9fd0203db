package jsonata

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/jsonata/regex"
	"github.com/tutti-run/tutti/internal/value"
)

// lexer cuts the text of an expression into tokens, one at a time: whether a slash begins a regular expression depends on the parser.
type lexer struct {
	text    string
	offset  int // bytes
	elvis   bool
	counted int // bytes whose code units have been counted,
	units   int // and how many those are
	soft    []*Error
}

// operatorChars begin operators and end names.
const operatorChars = ".[]{}(),@#;:?+-*/%|=<>^&!~"

// doubleOperators are tried before single characters; the last two exist from release 2.1 on.
var doubleOperators = [...]string{"..", ":=", "!=", ">=", "<=", "**", "~>", "?:", "??"}

const doubleOperators206 = 7

// position is where the lexer stands, in UTF-16 code units.
func (l *lexer) position() int {
	for l.counted < l.offset {
		r, size := utf8.DecodeRuneInString(l.text[l.counted:])
		l.counted += size
		l.units++
		if r >= 0x10000 {
			l.units++
		}
		if r == utf8.RuneError && size == 1 && l.counted+2 <= len(l.text) {
			if _, _, ok := threeByteSurrogate(l.text[l.counted-1:]); ok {
				l.counted += 2
			}
		}
	}
	return l.units
}

// threeByteSurrogate reads half of a surrogate pair that stands alone, which the package writes in three bytes as if it were a character.
func threeByteSurrogate(s string) (unit uint16, size int, ok bool) {
	if len(s) < 3 || s[0] != 0xed || s[1] < 0xa0 || s[1] > 0xbf || s[2]&0xc0 != 0x80 {
		return 0, 0, false
	}
	return 0xd000 | uint16(s[1]&0x3f)<<6 | uint16(s[2]&0x3f), 3, true
}

// char is the byte i places ahead, or 0.
func (l *lexer) char(i int) byte {
	if l.offset+i < len(l.text) {
		return l.text[l.offset+i]
	}
	return 0
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' }

// blanks skips white space and comments.
func (l *lexer) blanks() *Error {
	for l.offset < len(l.text) {
		switch {
		case isBlank(l.text[l.offset]):
			l.offset++
		case l.char(0) == '/' && l.char(1) == '*':
			start := l.position()
			end := strings.Index(l.text[l.offset+2:], "*/")
			if end < 0 {
				l.offset = len(l.text)
				return syntaxFault("S0106", start, "")
			}
			l.offset += end + 4
		default:
			return nil
		}
	}
	return nil
}

func (l *lexer) token(kind kind, text string) *syntax {
	return &syntax{kind: kind, text: text, position: l.position(), height: 1}
}

// next returns the next token, or nil at the end. After an operand a slash divides; elsewhere it begins a regular expression.
func (l *lexer) next(afterOperand bool) (*syntax, *Error) {
	if err := l.blanks(); err != nil {
		return nil, err
	}
	if l.offset >= len(l.text) {
		return nil, nil
	}
	c := l.text[l.offset]
	if c == '/' && !afterOperand {
		return l.regex()
	}
	if strings.IndexByte(operatorChars, c) >= 0 {
		return l.operator(c), nil
	}
	switch {
	case c == '"' || c == '\'':
		return l.string(c)
	case c >= '0' && c <= '9':
		return l.number(), nil
	case c == '`':
		return l.quotedName()
	}
	return l.name(), nil
}

func (l *lexer) operator(c byte) *syntax {
	known := doubleOperators[:doubleOperators206]
	if l.elvis {
		known = doubleOperators[:]
	}
	for _, op := range known {
		if op[0] == c && l.char(1) == op[1] {
			l.offset += 2
			return l.token(kindOperator, op)
		}
	}
	l.offset++
	return l.token(kindOperator, l.text[l.offset-1:l.offset])
}

// simpleEscapes are JSON's.
var simpleEscapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (l *lexer) string(quote byte) (*syntax, *Error) {
	l.offset++
	start := l.offset
	var out []byte
	copied := start
	for l.offset < len(l.text) {
		switch c := l.text[l.offset]; c {
		case quote:
			out = append(out, l.text[copied:l.offset]...)
			l.offset++
			return l.token(kindString, string(out)), nil
		case '\\':
			out = append(out, l.text[copied:l.offset]...)
			out = l.escape(out)
			copied = l.offset
		default:
			l.offset++
		}
	}
	l.offset = len(l.text)
	return nil, syntaxFault("S0101", l.position(), "")
}

// escape reads the escape at the backslash. A wrong one is noted, and the string goes on.
func (l *lexer) escape(out []byte) []byte {
	l.offset++
	c := l.char(0)
	if plain := simpleEscapes[c]; plain != 0 {
		l.offset++
		return append(out, plain)
	}
	if c == 'u' {
		digits := l.text[l.offset+1 : min(l.offset+5, len(l.text))]
		n, err := strconv.ParseUint(digits, 16, 16)
		if err != nil || strings.ContainsAny(digits, "_+-") {
			l.soft = append(l.soft, syntaxFault("S0104", l.position(), ""))
			l.offset++
			return out
		}
		l.offset += 1 + len(digits)
		return appendUnit(out, uint16(n))
	}
	_, size := utf8.DecodeRuneInString(l.text[l.offset:])
	unsupported := syntaxFault("S0103", l.position(), l.text[l.offset:l.offset+size])
	if size == 0 {
		unsupported.insert.tokenJSON = `""`
	}
	l.soft = append(l.soft, unsupported)
	l.offset += max(size, 1)
	l.offset = min(l.offset, len(l.text))
	return out
}

// appendUnit appends a UTF-16 code unit. The second half of a surrogate pair joins the first, if that stands at the end of out.
func appendUnit(out []byte, unit uint16) []byte {
	r := rune(unit)
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(out, r)
	}
	if n := len(out); n >= 3 {
		if high, _, ok := threeByteSurrogate(string(out[n-3:])); ok {
			if pair := utf16.DecodeRune(rune(high), r); pair != utf8.RuneError {
				return utf8.AppendRune(out[:n-3], pair)
			}
		}
	}
	return append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
}

// Unquote is the text that a string literal stands for, quotes and escapes taken off. JSON's strings are among JSONata's. Unlike other readers
// of JSON it keeps halves of surrogate pairs, in the form in which [Compile] takes them. ok is false if text is no string literal.
func Unquote(text string) (s string, ok bool) {
	if text == "" || text[0] != '"' && text[0] != '\'' {
		return "", false
	}
	l := lexer{text: text}
	t, err := l.string(text[0])
	if err != nil || len(l.soft) > 0 || l.offset != len(text) {
		return "", false
	}
	return t.text, true
}

func (l *lexer) number() *syntax {
	start := l.offset
	if l.text[start] == '0' {
		l.offset++
	} else {
		l.digits()
	}
	if l.char(0) == '.' && isDigit(l.char(1)) {
		l.offset++
		l.digits()
	}
	if c := l.char(0); c == 'e' || c == 'E' {
		ahead := 1
		if sign := l.char(1); sign == '+' || sign == '-' {
			ahead = 2
		}
		if isDigit(l.char(ahead)) {
			l.offset += ahead
			l.digits()
		}
	}
	text := l.text[start:l.offset]
	literal, ok := parseNumber(text)
	if !ok {
		end := l.offset
		l.offset = start
		l.soft = append(l.soft, syntaxFault("S0102", l.position(), text))
		l.offset = end
		literal = value.Int(0)
	}
	t := l.token(kindNumber, text)
	t.literal = literal
	return t
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (l *lexer) digits() {
	for isDigit(l.char(0)) {
		l.offset++
	}
}

// parseNumber reads a JSON number: an exact integer within 64 bits, else a double. It fails beyond the doubles.
func parseNumber(text string) (value.Value, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if n == 0 && text[0] == '-' {
			return value.Float(math.Copysign(0, -1)), true
		}
		return value.Int(n), true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, false
	}
	return number(f), true
}

func (l *lexer) quotedName() (*syntax, *Error) {
	l.offset++
	end := strings.IndexByte(l.text[l.offset:], '`')
	if end < 0 {
		l.offset = len(l.text)
		return nil, syntaxFault("S0105", l.position(), "")
	}
	name := l.text[l.offset : l.offset+end]
	l.offset += end + 1
	return l.token(kindName, name), nil
}

func (l *lexer) name() *syntax {
	start := l.offset
	for l.offset < len(l.text) && !isBlank(l.text[l.offset]) && strings.IndexByte(operatorChars, l.text[l.offset]) < 0 {
		l.offset++
	}
	name := l.text[start:l.offset]
	switch name {
	case "or", "in", "and":
		return l.token(kindOperator, name)
	case "true", "false":
		t := l.token(kindValue, name)
		t.literal = value.Bool(name == "true")
		return t
	case "null":
		t := l.token(kindValue, name)
		t.literal = value.Null{}
		return t
	}
	if name[0] == '$' {
		return l.token(kindVariable, name[1:])
	}
	return l.token(kindName, name)
}

// regex reads a regular expression. It ends at the first slash that is not escaped and stands outside of brackets of any kind.
func (l *lexer) regex() (*syntax, *Error) {
	l.offset++
	start := l.offset
	depth := 0
	for ; l.offset < len(l.text); l.offset++ {
		c := l.text[l.offset]
		escaped := l.offset > start-1 && l.text[l.offset-1] == '\\'
		switch {
		case c == '/' && depth == 0 && l.backslashes()%2 == 0:
			return l.closeRegex(start), nil
		case escaped:
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
		}
	}
	return nil, syntaxFault("S0302", l.position(), "")
}

// backslashes counts those directly before the place.
func (l *lexer) backslashes() int {
	n := 0
	for n < l.offset && l.text[l.offset-n-1] == '\\' {
		n++
	}
	return n
}

func (l *lexer) closeRegex(start int) *syntax {
	pattern := l.text[start:l.offset]
	if pattern == "" {
		l.soft = append(l.soft, syntaxFault("S0301", l.position(), ""))
	}
	l.offset++
	var flags regex.Flags
	for repeated := false; ; l.offset++ {
		switch l.char(0) {
		case 'i':
			repeated = repeated || flags.IgnoreCase
			flags.IgnoreCase = true
			continue
		case 'm':
			repeated = repeated || flags.Multiline
			flags.Multiline = true
			continue
		}
		if repeated {
			l.soft = append(l.soft, &Error{Class: ClassSyntax, Position: l.position(), Message: "Invalid flags supplied to RegExp constructor"})
		}
		break
	}
	t := l.token(kindRegex, pattern)
	re, err := regex.Compile(pattern, flags)
	if err != nil {
		l.soft = append(l.soft, &Error{Class: ClassSyntax, Position: t.position, Token: pattern, Message: err.Error()})
	}
	t.regex = re
	return t
}
