package jsonata

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/value"
)

func stringify(r *run, args []value.Value) (value.Value, *Error) {
	v := arg(args, 0)
	switch v.(type) {
	case nil, value.String:
		return v, nil
	}
	indent, _ := arg(args, 1).(value.Bool)
	s, err := r.stringOf(v, bool(indent))
	if err != nil {
		return nil, err
	}
	return value.String(s), nil
}

// character returns the size of the character that s begins with. Half a surrogate pair counts as one.
func character(s string) int {
	if s[0] < utf8.RuneSelf {
		return 1
	}
	if _, size, ok := threeByteSurrogate(s); ok {
		return size
	}
	_, size := utf8.DecodeRuneInString(s)
	return size
}

// characters counts code points.
func characters(s string) int {
	n := 0
	for i := 0; i < len(s); i += character(s[i:]) {
		n++
	}
	return n
}

// byteOffset is where the n-th character of s begins.
func byteOffset(s string, n int) int {
	i := 0
	for ; n > 0 && i < len(s); n-- {
		i += character(s[i:])
	}
	return i
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// slice is JavaScript's slice of the characters of s: negative places count from the end.
func slice(s string, start, end float64) string {
	n := len(s)
	plain := isASCII(s)
	if !plain {
		n = characters(s)
	}
	from, to := sliceIndex(start, n), sliceIndex(end, n)
	switch {
	case from >= to:
		return ""
	case plain:
		return s[from:to]
	}
	first := byteOffset(s, from)
	return s[first : first+byteOffset(s[first:], to-from)]
}

func sliceIndex(x float64, n int) int {
	x = math.Trunc(x)
	switch {
	case x != x:
		return 0
	case x < 0:
		return int(math.Max(float64(n)+x, 0))
	}
	return int(math.Min(x, float64(n)))
}

func substring(r *run, args []value.Value) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	r.step(len(s) / 64)
	n := float64(characters(s))
	start, hasStart := numberArg(args, 1)
	if !hasStart {
		start = math.NaN()
	}
	if n+start < 0 {
		start = 0
	}
	length, hasLength := numberArg(args, 2)
	if !hasLength {
		return value.String(slice(s, start, math.Inf(1))), nil
	}
	if length <= 0 {
		return value.String(""), nil
	}
	end := start + length
	if !(start >= 0) {
		end += n
	}
	return value.String(slice(s, start, end)), nil
}

func substringBefore(_ *run, args []value.Value) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	if text, ok := textArg(args, 1); ok {
		s, _, _ = strings.Cut(s, text)
	}
	return value.String(s), nil
}

func substringAfter(_ *run, args []value.Value) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	if text, ok := textArg(args, 1); ok {
		if _, after, found := strings.Cut(s, text); found {
			s = after
		}
	}
	return value.String(s), nil
}

func lowercase(r *run, args []value.Value) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	r.text(len(s))
	if isASCII(s) {
		return value.String(strings.ToLower(s)), nil
	}
	return value.String(lowerCase(s)), nil
}

func uppercase(r *run, args []value.Value) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	r.text(len(s))
	if isASCII(s) {
		return value.String(strings.ToUpper(s)), nil
	}
	return value.String(upperCase(s)), nil
}

// longUpper are the characters whose upper case has several (Unicode's SpecialCasing), Greek ones with iota below apart.
var longUpper = map[rune]string{
	'ß': "SS", 'ŉ': "ʼN", 'ǰ': "J\u030c", 'ΐ': "Ι\u0308\u0301", 'ΰ': "Υ\u0308\u0301", 'և': "ԵՒ",
	'ẖ': "H\u0331", 'ẗ': "T\u0308", 'ẘ': "W\u030a", 'ẙ': "Y\u030a", 'ẚ': "Aʾ",
	'ὐ': "Υ\u0313", 'ὒ': "Υ\u0313\u0300", 'ὔ': "Υ\u0313\u0301", 'ὖ': "Υ\u0313\u0342",
	'ᾲ': "\u1fbaΙ", 'ᾳ': "ΑΙ", 'ᾴ': "ΆΙ", 'ᾶ': "Α\u0342", 'ᾷ': "Α\u0342Ι", 'ᾼ': "ΑΙ",
	'ῂ': "\u1fcaΙ", 'ῃ': "ΗΙ", 'ῄ': "ΉΙ", 'ῆ': "Η\u0342", 'ῇ': "Η\u0342Ι", 'ῌ': "ΗΙ",
	'ῒ': "Ι\u0308\u0300", '\u1fd3': "Ι\u0308\u0301", 'ῖ': "Ι\u0342", 'ῗ': "Ι\u0308\u0342",
	'ῢ': "Υ\u0308\u0300", '\u1fe3': "Υ\u0308\u0301", 'ῤ': "Ρ\u0313", 'ῦ': "Υ\u0342", 'ῧ': "Υ\u0308\u0342",
	'ῲ': "\u1ffaΙ", 'ῳ': "ΩΙ", 'ῴ': "ΏΙ", 'ῶ': "Ω\u0342", 'ῷ': "Ω\u0342Ι", 'ῼ': "ΩΙ",
	'ﬀ': "FF", 'ﬁ': "FI", 'ﬂ': "FL", 'ﬃ': "FFI", 'ﬄ': "FFL", 'ﬅ': "ST", 'ﬆ': "ST",
	'ﬓ': "ՄՆ", 'ﬔ': "ՄԵ", 'ﬕ': "ՄԻ", 'ﬖ': "ՎՆ", 'ﬗ': "ՄԽ",
}

func upperCase(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		size := character(s[i:])
		r, _ := utf8.DecodeRuneInString(s[i:])
		switch long, isLong := longUpper[r]; {
		case r == utf8.RuneError:
			b.WriteString(s[i : i+size])
		case isLong:
			b.WriteString(long)
		case r >= 0x1f80 && r <= 0x1faf: // iota below a vowel with breathing: the vowel's upper case, and iota
			vowel := (r-0x1f80)/16*0x20 + r&7
			b.WriteRune([]rune{0x1f08, 0x1f28, 0x1f68}[(r-0x1f80)/16] + vowel&7)
			b.WriteRune('Ι')
		default:
			b.WriteRune(unicode.ToUpper(r))
		}
		i += size
	}
	return b.String()
}

func lowerCase(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		size := character(s[i:])
		r, _ := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError:
			b.WriteString(s[i : i+size])
		case r == 'İ':
			b.WriteString("i\u0307")
		case r == 'Σ' && isFinalSigma(s, i, i+size):
			b.WriteRune('ς')
		default:
			b.WriteRune(unicode.ToLower(r))
		}
		i += size
	}
	return b.String()
}

// isFinalSigma tells whether the sigma from start to end closes a word: a letter comes before it and none behind it, signs that do not break words
// left aside.
func isFinalSigma(s string, start, end int) bool {
	before := strings.TrimRightFunc(s[:start], isIgnorableForCase)
	last, _ := utf8.DecodeLastRuneInString(before)
	after := strings.TrimLeftFunc(s[end:], isIgnorableForCase)
	next, _ := utf8.DecodeRuneInString(after)
	return before != "" && isCased(last) && (after == "" || !isCased(next))
}

func isCased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

func isIgnorableForCase(r rune) bool {
	return strings.ContainsRune("'.:·\u2018\u2019\u2024\u2027", r) || unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}

func length(r *run, args []value.Value) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	r.step(len(s) / 64)
	return value.Int(characters(s)), nil
}

func trim(r *run, args []value.Value) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	r.text(len(s))
	out := make([]byte, 0, len(s))
	blank := false
	for i := range len(s) {
		switch c := s[i]; c {
		case ' ', '\t', '\n', '\r':
			blank = true
		default:
			if blank && len(out) > 0 {
				out = append(out, ' ')
			}
			blank = false
			out = append(out, c)
		}
	}
	return value.String(out), nil
}

func pad(r *run, args []value.Value) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	width, ok := numberArg(args, 1)
	fill, _ := textArg(args, 2)
	if fill == "" {
		fill = " "
	}
	missing := math.Abs(math.Trunc(width)) - float64(characters(s))
	if !ok || !(missing > 0) {
		return args[0], nil
	}
	padding := r.filled(fill, missing)
	r.text(len(s) + len(padding))
	if width > 0 {
		return value.String(s + padding), nil
	}
	return value.String(padding + s), nil
}

// filled repeats the characters of fill until there are n of them.
func (r *run) filled(fill string, n float64) string {
	if n > math.MaxInt32 {
		r.exceed(sentenceMemory)
	}
	count, each := int(n), characters(fill)
	r.text((count/each + 1) * len(fill))
	s := strings.Repeat(fill, count/each)
	return s + fill[:byteOffset(fill, count%each)]
}

func join(r *run, args []value.Value) (value.Value, *Error) {
	elements, ok := items(arg(args, 0))
	if !ok {
		return nil, nil
	}
	separator, _ := textArg(args, 1)
	size := max(len(elements)-1, 0) * len(separator)
	for _, e := range elements {
		if s, ok := e.(value.String); ok {
			size += len(s)
		}
	}
	r.text(size)
	r.step(len(elements))
	var b strings.Builder
	b.Grow(size)
	for i, e := range elements {
		if i > 0 {
			b.WriteString(separator)
		}
		if s, ok := e.(value.String); ok {
			b.WriteString(string(s))
		}
	}
	return value.String(b.String()), nil
}

// units counts UTF-16 code units.
func units(s string) int {
	n := 0
	for i := 0; i < len(s); {
		size := character(s[i:])
		n++
		if size == 4 {
			n++
		}
		i += size
	}
	return n
}

// unitStrings are the UTF-16 code units of s, each as a string: what JavaScript makes of splitting at nothing.
func unitStrings(s string) []value.Value {
	out := make([]value.Value, 0, len(s))
	for i := 0; i < len(s); {
		size := character(s[i:])
		if size < 4 {
			out = append(out, value.String(s[i:i+size]))
		} else {
			c, _ := utf8.DecodeRuneInString(s[i:])
			high, low := utf16.EncodeRune(c)
			out = append(out, value.String(appendUnit(nil, uint16(high))), value.String(appendUnit(nil, uint16(low))))
		}
		i += size
	}
	return out
}
