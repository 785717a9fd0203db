package jsonata

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/value"
)

// JSON text and numbers as JavaScript writes them.

// numberText is String(f). With rounded set it is first rounded to 15 significant digits unless it is whole, as the string function does to
// hide the noise of binary fractions.
func numberText(f float64, rounded bool) string {
	var room [32]byte
	return string(appendNumber(room[:0], f, rounded))
}

func appendNumber(dst []byte, f float64, rounded bool) []byte {
	switch {
	case f != f:
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == 0:
		return append(dst, '0')
	}
	if f < 0 {
		dst = append(dst, '-')
		f = -f
	}
	if f == math.Trunc(f) {
		if f < 1<<53 {
			return strconv.AppendUint(dst, uint64(f), 10)
		}
		rounded = false
	}
	var room [32]byte
	digits, exponent := decimalDigits(room[:0], f, rounded)
	return layOut(dst, digits, exponent)
}

// decimalDigits returns the shortest digits that mean f > 0 and the place of the decimal point: f = 0.digits × 10^exponent.
func decimalDigits(room []byte, f float64, rounded bool) (digits []byte, exponent int) {
	text := strconv.AppendFloat(room, f, 'e', -1, 64)
	digits, exponent = splitDigits(text)
	if !rounded || len(digits) <= 15 {
		return digits, exponent
	}
	tie := len(digits) == 16 && digits[15] == '5'
	text = strconv.AppendFloat(text[:0], f, 'e', 14, 64)
	if tie {
		exact := strconv.AppendFloat(nil, f, 'e', 40, 64)
		if exactDigits, e := splitDigits(exact); len(trimZeros(exactDigits)) == 16 { // JavaScript rounds an exact half up, Go to even
			return roundUp(exactDigits[:15], e)
		}
	}
	digits, exponent = splitDigits(text)
	return trimZeros(digits), exponent
}

// splitDigits takes d.ddde±x apart.
func splitDigits(text []byte) (digits []byte, exponent int) {
	at := strings.IndexByte(string(text), 'e')
	exponent, _ = strconv.Atoi(string(text[at+1:]))
	digits = text[:1]
	if at > 2 {
		digits = append(digits, text[2:at]...)
	}
	return digits, exponent + 1
}

func trimZeros(digits []byte) []byte {
	for len(digits) > 1 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	return digits
}

func roundUp(digits []byte, exponent int) ([]byte, int) {
	digits = append([]byte(nil), digits...)
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i] != '9' {
			digits[i]++
			return trimZeros(digits[:i+1]), exponent
		}
	}
	return []byte{'1'}, exponent + 1
}

// layOut writes digits as ECMA-262's Number::toString: plain from 1e-7 up to 1e21, else with an exponent.
func layOut(dst, digits []byte, exponent int) []byte {
	n := len(digits)
	switch {
	case n <= exponent && exponent <= 21:
		dst = append(dst, digits...)
		for range exponent - n {
			dst = append(dst, '0')
		}
		return dst
	case 0 < exponent && exponent <= 21:
		dst = append(dst, digits[:exponent]...)
		dst = append(dst, '.')
		return append(dst, digits[exponent:]...)
	case -6 < exponent && exponent <= 0:
		dst = append(dst, "0."...)
		for range -exponent {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	dst = append(dst, digits[0])
	if n > 1 {
		dst = append(dst, '.')
		dst = append(dst, digits[1:]...)
	}
	dst = append(dst, 'e')
	if exponent-1 > 0 {
		dst = append(dst, '+')
	}
	return strconv.AppendInt(dst, int64(exponent-1), 10)
}

const lowerHex = "0123456789abcdef"

// appendQuoted appends s as a JSON string with JSON.stringify's escapes. Half a surrogate pair is written as an escape.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			if unit, size, ok := threeByteSurrogate(s[i:]); ok {
				dst = append(dst, s[start:i]...)
				dst = append(dst, '\\', 'u', lowerHex[unit>>12], lowerHex[unit>>8&15], lowerHex[unit>>4&15], lowerHex[unit&15])
				i += size
				start = i
				continue
			}
			_, size := utf8.DecodeRuneInString(s[i:])
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', lowerHex[c>>4], lowerHex[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func quoted(s string) string { return string(appendQuoted(nil, s)) }

// AppendJSON appends v, which [Expr.Eval] has returned, as JSON.stringify writes it: numbers as JavaScript prints them, those that are none as
// null. Integers keep all their digits.
func AppendJSON(dst []byte, v value.Value) []byte {
	switch x := v.(type) {
	case value.Float:
		f := float64(x)
		if f != f || math.IsInf(f, 0) {
			return append(dst, "null"...)
		}
		return appendNumber(dst, f, false)
	case value.String:
		return appendQuoted(dst, string(x))
	case value.Array:
		dst = append(dst, '[')
		for i, e := range x {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendJSON(dst, e)
		}
		return append(dst, ']')
	case *value.Object:
		dst = append(dst, '{')
		for i := range x.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			m := x.At(i)
			dst = AppendJSON(append(appendQuoted(dst, m.Name), ':'), m.Value)
		}
		return append(dst, '}')
	}
	return value.AppendJSON(dst, v)
}

// writer writes values as JSON text.
type writer struct {
	run     *run // nil outside of an evaluation
	dst     []byte
	charged int
	indent  bool
	rounded bool
	depth   int
}

// stringOf is $string(v): strings as they are, functions as nothing, anything else as JSON.
func (r *run) stringOf(v value.Value, indent bool) (string, *Error) {
	switch x := v.(type) {
	case value.String:
		return string(x), nil
	case value.Int:
		return strconv.FormatInt(int64(x), 10), nil
	case value.Bool:
		return strconv.FormatBool(bool(x)), nil
	case value.Null:
		return "null", nil
	case *function:
		return "", nil
	case value.Float, value.BigInt:
		f, _ := float(v)
		if f != f || math.IsInf(f, 0) {
			return "", valueFault("D3001", v)
		}
		return numberText(f, true), nil
	case *list:
		if x.has(flagOuter) {
			v = x.items[0]
		}
	}
	w := writer{run: r, indent: indent, rounded: true}
	if err := w.value(v); err != nil {
		return "", err
	}
	return string(w.dst), nil
}

// shown is v in a message: JSON.stringify, which has no text for undefined and functions.
func shown(v value.Value) string {
	switch v.(type) {
	case nil, *function:
		return "undefined"
	}
	w := writer{}
	_ = w.value(v) // without a run nothing fails
	return string(w.dst)
}

// maxShown bounds how much of a value a message shows, and how deep.
const (
	maxShown      = 1 << 16
	maxShownDepth = 200
)

// value appends v as an item of an array or the value of a member would be.
func (w *writer) value(v value.Value) *Error {
	switch x := v.(type) {
	case value.String:
		w.dst = appendQuoted(w.dst, string(x))
	case value.Int:
		w.dst = strconv.AppendInt(w.dst, int64(x), 10)
	case value.Bool:
		w.dst = strconv.AppendBool(w.dst, bool(x))
	case nil, value.Null:
		w.dst = append(w.dst, "null"...)
	case *function:
		if w.run == nil {
			w.dst = append(w.dst, "null"...)
		} else {
			w.dst = append(w.dst, `""`...)
		}
	case value.Float, value.BigInt:
		return w.number(v)
	case *value.Object:
		return w.object(x)
	default:
		elements, _ := items(v)
		return w.array(elements)
	}
	return nil
}

func (w *writer) number(v value.Value) *Error {
	f, _ := float(v)
	if math.IsInf(f, 0) && w.rounded {
		return valueFault("D1001", v)
	}
	if f != f || math.IsInf(f, 0) {
		w.dst = append(w.dst, "null"...)
		return nil
	}
	w.dst = appendNumber(w.dst, f, w.rounded)
	return nil
}

// begin notes that another value has begun, and tells whether there is room for what it holds.
func (w *writer) begin() bool {
	w.depth++
	if w.run == nil {
		return len(w.dst) < maxShown && w.depth < maxShownDepth
	}
	w.account()
	w.run.descend()
	return true
}

func (w *writer) end() {
	w.depth--
	if w.run != nil {
		w.account()
		w.run.ascend()
	}
}

// account tells the run how much has been written since the last time.
func (w *writer) account() {
	if grown := len(w.dst) - w.charged; grown > 0 {
		w.run.text(grown)
		w.run.step(1)
		w.charged = len(w.dst)
	}
}

func (w *writer) array(elements []value.Value) *Error {
	w.dst = append(w.dst, '[')
	if !w.begin() {
		w.depth--
		w.dst = append(w.dst, "…]"...)
		return nil
	}
	for i, e := range elements {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		if w.run == nil && len(w.dst) > maxShown {
			break
		}
		w.line()
		if err := w.value(e); err != nil {
			return err
		}
	}
	w.end()
	if len(elements) > 0 {
		w.line()
	}
	w.dst = append(w.dst, ']')
	return nil
}

func (w *writer) object(o *value.Object) *Error {
	w.dst = append(w.dst, '{')
	if !w.begin() {
		w.depth--
		w.dst = append(w.dst, "…}"...)
		return nil
	}
	for i := range o.Len() {
		m := o.At(i)
		if _, isFunction := m.Value.(*function); isFunction && w.run == nil {
			continue // JSON.stringify leaves it out; $string replaces it before
		}
		if w.dst[len(w.dst)-1] != '{' {
			w.dst = append(w.dst, ',')
		}
		if w.run == nil && len(w.dst) > maxShown {
			break
		}
		w.line()
		w.dst = append(appendQuoted(w.dst, m.Name), ':')
		if w.indent {
			w.dst = append(w.dst, ' ')
		}
		if err := w.value(m.Value); err != nil {
			return err
		}
	}
	w.end()
	if o.Len() > 0 {
		w.line()
	}
	w.dst = append(w.dst, '}')
	return nil
}

// line begins a new one if the text is to be indented.
func (w *writer) line() {
	if !w.indent {
		return
	}
	w.dst = append(w.dst, '\n')
	for range w.depth {
		w.dst = append(w.dst, ' ', ' ')
	}
}
