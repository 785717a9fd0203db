package jsonpath

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/tutti-run/tutti/internal/value"
)

// maxLiteralDepth is how deep arrays and objects written in a filter may nest.
const maxLiteralDepth = 400

// literalReader reads the arrays and objects written in filters as Jayway does, with json-smart in its permissive mode: strings in single
// quotes or in none, commas too many, and whatever stands behind the value.
type literalReader struct {
	units []uint16
	pos   int
	depth int
}

// endOfInput is json-smart's mark for the end; in the text itself it ends the text as well.
const endOfInput = 0x1A

// literalFault is what the reader panics with.
type literalFault struct{ message string }

// readLiteral reads the array or object at the start of units.
func readLiteral(units []uint16) (v value.Value, err error) {
	r := literalReader{units: units}
	thrown := catch(func() { v = r.value("") })
	if fault, ok := thrown.(literalFault); ok {
		return nil, failf("net.minidev.json.parser.ParseException: %s", fault.message)
	}
	if thrown != nil {
		panic(thrown)
	}
	return v, nil
}

func (r *literalReader) current() uint16 {
	if r.pos >= len(r.units) {
		return endOfInput
	}
	return r.units[r.pos]
}

func (r *literalReader) unexpected(at int) {
	panic(literalFault{fmt.Sprintf("Unexpected character (%c) at position %d.", r.current(), at)})
}

func (r *literalReader) unfinished(at int, what string) {
	panic(literalFault{fmt.Sprintf("Unexpected End Of File position %d: %s", at, what)})
}

// value reads a value. stops are the characters that end an unquoted one.
func (r *literalReader) value(stops string) value.Value {
	for isWhitespace(r.current()) {
		r.pos++
	}
	switch c := r.current(); {
	case c == ':' || c == '}' || c == ']':
		r.unexpected(r.pos)
	case c == '{':
		return r.object()
	case c == '[':
		return r.array()
	case c == '"' || c == '\'':
		return value.String(r.quoted())
	case c == endOfInput:
		r.unfinished(r.pos-1, "EOF")
	case isDigit(c) || c == '-':
		return r.number(stops)
	}
	switch word := r.unquoted(r.pos, stops); word {
	case "null":
		return value.Null{}
	case "true":
		return value.Bool(true)
	case "false":
		return value.Bool(false)
	default:
		return value.String(word)
	}
}

func (r *literalReader) enter() {
	if r.depth++; r.depth > maxLiteralDepth {
		panic(literalFault{fmt.Sprintf("Malicious payload, having non natural depths, parsing stoped on %c at position %d.", r.current(), r.pos)})
	}
	r.pos++
}

func (r *literalReader) array() value.Value {
	r.enter()
	items := value.Array{}
	for {
		switch c := r.current(); {
		case isWhitespace(c) || c == ',':
			r.pos++
		case c == ']':
			r.depth--
			r.pos++
			return items
		case c == ':' || c == '}':
			r.unexpected(r.pos)
		case c == endOfInput:
			r.unfinished(r.pos-1, "EOF")
		default:
			items = append(items, r.value(",]"))
		}
	}
}

func (r *literalReader) object() value.Value {
	r.enter()
	var members []value.Member
	for {
		switch c := r.current(); {
		case isWhitespace(c) || c == ',':
			r.pos++
		case c == '}':
			r.depth--
			r.pos++
			return value.NewObject(members...)
		case c == ':' || c == ']' || c == '[' || c == '{':
			r.unexpected(r.pos)
		default:
			members = append(members, r.member())
			if c := r.current(); c == endOfInput {
				r.unfinished(r.pos-1, "null")
			} else if c != '}' && c != ',' {
				panic(literalFault{fmt.Sprintf("Unexpected token %c at position %d.", c, r.pos-1)})
			}
		}
	}
}

func (r *literalReader) member() value.Member {
	var name string
	if c := r.current(); c == '"' || c == '\'' {
		name = r.quoted()
	} else {
		name = r.unquoted(r.pos, ":")
	}
	r.skipSpace()
	if r.current() != ':' {
		if r.current() == endOfInput {
			r.unfinished(r.pos-1, "null")
		}
		r.unexpected(r.pos - 1)
	}
	if r.pos++; r.pos >= len(r.units) {
		r.unfinished(r.pos-1, "EOF")
	}
	v := r.value(",}")
	r.skipSpace()
	return value.Member{Name: name, Value: v}
}

func (r *literalReader) skipSpace() {
	for c := r.current(); c <= ' ' && c != endOfInput; c = r.current() {
		r.pos++
	}
}

// unquoted is the text from begin to the next stop, without the white space around it.
func (r *literalReader) unquoted(begin int, stops string) string {
	for c := r.current(); c != endOfInput && !isStop(c, stops); c = r.current() {
		r.pos++
	}
	return r.trimmed(begin)
}

// isStop: json-smart's table of stops ends before '~'.
func isStop(c uint16, stops string) bool {
	return c < '~' && strings.IndexByte(stops, byte(c)) >= 0
}

// trimmed is the text from begin to the cursor without white space around it, but never without its last character.
func (r *literalReader) trimmed(begin int) string {
	end := r.pos
	for begin < end-1 && unicode.IsSpace(rune(r.units[begin])) {
		begin++
	}
	for end-1 > begin && unicode.IsSpace(rune(r.units[end-1])) {
		end--
	}
	return string(utf16.Decode(r.units[begin:end]))
}

func (r *literalReader) digits() {
	for isDigit(r.current()) {
		r.pos++
	}
}

// number reads a number, or an unquoted string that begins like one.
func (r *literalReader) number(stops string) value.Value {
	begin := r.pos
	r.pos++
	r.digits()
	whole := true
	if r.current() == '.' {
		whole = false
		r.pos++
		r.digits()
	}
	if c := r.current(); c == 'e' || c == 'E' {
		whole = false
		r.pos++
		if c := r.current(); c != '+' && c != '-' && !isDigit(c) {
			return value.String(r.unquoted(begin, stops))
		}
		r.pos++
		r.digits()
	}
	r.skipSpace()
	if c := r.current(); c < '~' && c != endOfInput && !isStop(c, stops) {
		return value.String(r.unquoted(begin, stops))
	}
	text := r.trimmed(begin)
	if whole {
		return wholeNumber(text)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(literalFault{fmt.Sprintf("Unexpected token %s at position %d.", text, r.pos)})
	}
	return value.Float(f)
}

// wholeNumber reads digits with or without a minus sign, which alone is zero.
func wholeNumber(text string) value.Value {
	n, ok := new(big.Int).SetString(text, 10)
	switch {
	case !ok:
		return value.Int(0)
	case n.IsInt64():
		return value.Int(n.Int64())
	}
	return value.BigInt(n.String())
}

func (r *literalReader) quoted() string {
	quote := r.current()
	begin := r.pos + 1
	end := begin
	plain := true
	for end < len(r.units) && r.units[end] != quote {
		plain = plain && r.units[end] != '\\'
		end++
	}
	if end == len(r.units) {
		r.unfinished(len(r.units), "null")
	}
	if plain {
		r.pos = end + 1
		return string(utf16.Decode(r.units[begin:end]))
	}
	return r.escaped(quote)
}

// escaped reads a string with backslashes. An escape without a meaning vanishes, and so do control characters.
func (r *literalReader) escaped(quote uint16) string {
	var out []uint16
	for {
		r.pos++
		switch c := r.current(); {
		case c == endOfInput:
			r.unfinished(r.pos-1, "null")
		case c == quote:
			r.pos++
			return string(utf16.Decode(out))
		case c == '\\':
			r.pos++
			out = r.escape(out)
		case c >= ' ' && c != 0x7F:
			out = append(out, c)
		}
	}
}

func (r *literalReader) escape(out []uint16) []uint16 {
	switch c := r.current(); c {
	case 't', 'n', 'r', 'f', 'b':
		return append(out, escapes[c])
	case '\\', '/', '\'', '"':
		return append(out, c)
	case 'u':
		return append(out, r.hex(4))
	case 'x':
		return append(out, r.hex(2))
	}
	return out
}

func (r *literalReader) hex(digits int) uint16 {
	var n uint16
	for range digits {
		r.pos++
		c := r.current()
		d, err := strconv.ParseUint(string(rune(c)), 16, 16)
		switch {
		case c == endOfInput:
			r.unfinished(r.pos, "EOF")
		case err != nil:
			panic(literalFault{fmt.Sprintf("Unexpected unicode escape sequence %c at position %d.", c, r.pos)})
		}
		n = n<<4 | uint16(d)
	}
	return n
}
