package value

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text returns v as compact JSON, in the form of the service's own printer (Jackson): no blanks, members in order, control
// characters escaped, everything else as it is, doubles as Java writes them (1.0, 1.0E10).
func Text(v Value) string { return string(AppendJSON(nil, v)) }

// AppendJSON appends [Text] of v to dst. A nil Value prints as null.
func AppendJSON(dst []byte, v Value) []byte {
	switch x := v.(type) {
	case nil, Null:
		return append(dst, "null"...)
	case Bool:
		return strconv.AppendBool(dst, bool(x))
	case Int:
		return strconv.AppendInt(dst, int64(x), 10)
	case Float:
		return appendDouble(dst, float64(x))
	case BigInt:
		return append(dst, x...)
	case String:
		return AppendQuoted(dst, string(x))
	case Array:
		dst = append(dst, '[')
		for i, item := range x {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendJSON(dst, item)
		}
		return append(dst, ']')
	case *Object:
		dst = append(dst, '{')
		for i := range x.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendQuoted(dst, x.members[i].Name)
			dst = append(dst, ':')
			dst = AppendJSON(dst, x.members[i].Value)
		}
		return append(dst, '}')
	}
	panic("value: a form outside of the closed sum")
}

const hexDigits = "0123456789ABCDEF"

// AppendQuoted appends s as a JSON string with Jackson's escapes. Bytes that are not UTF-8 become U+FFFD.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
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
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// appendDouble writes f as java.lang.Double.toString does: plain between 1e-3 and 1e7, else with an exponent, and always with a
// digit behind the point.
func appendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	case f == 0:
		if math.Signbit(f) {
			return append(dst, "-0.0"...)
		}
		return append(dst, "0.0"...)
	}
	if abs := math.Abs(f); abs >= 1e-3 && abs < 1e7 {
		start := len(dst)
		dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
		for _, c := range dst[start:] {
			if c == '.' {
				return dst
			}
		}
		return append(dst, '.', '0')
	}
	var scratch [32]byte
	digits := strconv.AppendFloat(scratch[:0], f, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(string(digits), "e")
	dst = append(dst, mantissa...)
	if !strings.Contains(mantissa, ".") {
		dst = append(dst, '.', '0')
	}
	dst = append(dst, 'E')
	n, _ := strconv.Atoi(exponent)
	return strconv.AppendInt(dst, int64(n), 10)
}
