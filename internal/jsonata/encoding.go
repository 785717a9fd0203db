package jsonata

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/jsonata/regex"
	"github.com/tutti-run/tutti/internal/value"
)

// base64encode takes the low byte of each UTF-16 code unit, as the reference does.
func base64encode(r *run, args []value.Value) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	r.text(2 * len(s))
	bytes := make([]byte, 0, len(s))
	for _, unit := range regex.Units(s) {
		bytes = append(bytes, byte(unit))
	}
	return value.String(base64.StdEncoding.EncodeToString(bytes)), nil
}

// base64decode makes a character of each byte. The reference passes over what is no Base64; the service, which runs on a JVM, fails.
func base64decode(r *run, args []value.Value) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	r.text(2 * len(s))
	var bytes []byte
	if r.expr.dialect.service {
		var err error
		if bytes, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "=")); err != nil || strings.ContainsAny(s, "\r\n") {
			return nil, internalFault("Illegal base64 text")
		}
	} else {
		bytes = lenientBase64(s)
	}
	out := make([]byte, 0, len(bytes))
	for _, b := range bytes {
		out = utf8.AppendRune(out, rune(b))
	}
	return value.String(out), nil
}

// lenientBase64 reads either alphabet up to the first padding, passing over everything else.
func lenientBase64(s string) []byte {
	s, _, _ = strings.Cut(s, "=")
	digits := strings.Map(func(c rune) rune {
		switch {
		case c == '-':
			return '+'
		case c == '_':
			return '/'
		case c < utf8.RuneSelf && strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", c):
			return c
		}
		return -1
	}, s)
	if len(digits)%4 == 1 {
		digits = digits[:len(digits)-1]
	}
	out, _ := base64.RawStdEncoding.DecodeString(digits) // cannot fail: nothing but digits are left
	return out
}

// What encodeURIComponent leaves as it is, and what encodeURI leaves besides.
const (
	plainInURL      = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"
	structuralInURL = ";/?:@&=+$,#"
)

func encodeURLComponent(r *run, args []value.Value) (value.Value, *Error) {
	return r.percentEncode(args, "encodeUrlComponent", plainInURL)
}

func encodeURL(r *run, args []value.Value) (value.Value, *Error) {
	return r.percentEncode(args, "encodeUrl", plainInURL+structuralInURL)
}

func (r *run) percentEncode(args []value.Value, name, plain string) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	if !utf8.ValidString(s) { // half a surrogate pair has no encoding
		return nil, malformedURL(name, args[0])
	}
	r.text(3 * len(s))
	const hex = "0123456789ABCDEF"
	out := make([]byte, 0, len(s)+len(s)/4)
	for i := range len(s) {
		c := s[i]
		if c < utf8.RuneSelf && strings.IndexByte(plain, c) >= 0 {
			out = append(out, c)
			continue
		}
		out = append(out, '%', hex[c>>4], hex[c&15])
	}
	return value.String(out), nil
}

func malformedURL(function string, v value.Value) *Error {
	err := valueFault("D3140", v)
	err.insert.function = function
	return err
}

func decodeURLComponent(r *run, args []value.Value) (value.Value, *Error) {
	return r.percentDecode(args, "decodeUrlComponent", "")
}

func decodeURL(r *run, args []value.Value) (value.Value, *Error) {
	return r.percentDecode(args, "decodeUrl", structuralInURL)
}

// percentDecode decodes all but the characters of kept, whose escapes stay.
func (r *run) percentDecode(args []value.Value, name, kept string) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	r.text(len(s))
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '%' {
			out = append(out, s[i])
			i++
			continue
		}
		start := i
		c, size, ok := escapedCharacter(s[i:])
		if !ok {
			return nil, malformedURL(name, args[0])
		}
		i += size
		if c < utf8.RuneSelf && strings.ContainsRune(kept, c) {
			out = append(out, s[start:i]...)
			continue
		}
		out = utf8.AppendRune(out, c)
	}
	return value.String(out), nil
}

// escapedCharacter reads the escapes of one UTF-8 character.
func escapedCharacter(s string) (c rune, size int, ok bool) {
	var bytes [4]byte
	n := 1
	for i := 0; i < n; i++ {
		if len(s) < 3*i+3 || s[3*i] != '%' {
			return 0, 0, false
		}
		high, low := unhex(s[3*i+1]), unhex(s[3*i+2])
		if high < 0 || low < 0 {
			return 0, 0, false
		}
		bytes[i] = byte(high<<4 | low)
		if i == 0 {
			switch b := bytes[0]; {
			case b >= 0xf0:
				n = 4
			case b >= 0xe0:
				n = 3
			case b >= 0xc0:
				n = 2
			}
		}
	}
	c, width := utf8.DecodeRune(bytes[:n])
	return c, 3 * n, width == n && (c != utf8.RuneError || n == 3)
}

func unhex(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c|32 >= 'a' && c|32 <= 'f':
		return int(c|32-'a') + 10
	}
	return -1
}
