package pattern

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/value"
)

// kind is what a token of JSON is.
type kind uint8

const (
	objectBegins kind = iota
	objectEnds
	arrayBegins
	arrayEnds
	fieldName
	text    // a string
	number  // a number
	literal // true, false or null
)

// token is the next piece of a pattern's text. Its text is a name's or string's contents, and what stands there for all others.
type token struct {
	kind kind
	text string
}

// reader reads a pattern's text token by token. It stands where AWS's own reader does when a token has been returned, since errors tell the place: behind
// it, but behind the opening quote of a string whose contents nobody has asked for, and for a member's name at that place of its value.
type reader struct {
	source string
	at     int    // what has been read
	place  int    // where errors say that the reader stands
	behind int    // the end of the token that was returned last
	inside []byte // the objects and arrays that are open, as { and [
	opened []int  // where they began
	value  bool   // a member's name was returned last
	first  bool   // an object or array has just begun
}

// fault is what is wrong with a pattern, and where, as AWS says it.
func (r *reader) fault(format string, args ...any) error {
	return r.faultAt(r.place, format, args...)
}

func (r *reader) faultAt(place int, format string, args ...any) error {
	return badPattern("%s\n at %s", fmt.Sprintf(format, args...), r.location(place))
}

// shownSource is how many characters of a pattern an error shows.
const shownSource = 500

func (r *reader) location(place int) string {
	before := r.source[:min(place, len(r.source))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	shown, rest := r.source, ""
	if runes := []rune(r.source); len(runes) > shownSource {
		shown, rest = string(runes[:shownSource]), fmt.Sprintf("[truncated %d chars]", len(runes)-shownSource)
	}
	return fmt.Sprintf(`[Source: (String)"%s"%s; line: %d, column: %d]`, shown, rest, line, column)
}

// next returns the next token.
func (r *reader) next() (token, error) {
	r.skipBlanks()
	if r.value {
		r.value = false
		return r.read()
	}
	if len(r.inside) > 0 {
		if t, ended, err := r.endOrComma(); ended || err != nil {
			return t, err
		}
		if r.inside[len(r.inside)-1] == '{' {
			return r.name()
		}
	}
	return r.read()
}

// endOrComma reads what closes the innermost object or array, or the comma that must stand between its members.
func (r *reader) endOrComma() (t token, ended bool, err error) {
	open := r.inside[len(r.inside)-1]
	c, err := r.peek()
	if err != nil {
		return token{}, false, err
	}
	if c == '}' || c == ']' {
		r.at++
		r.place, r.behind = r.at, r.at
		if (c == '}') != (open == '{') {
			return token{}, false, r.faultAt(r.at-1, "Unexpected close marker '%c': expected '%c' (for %s starting at %s)",
				c, closer(open), nameOf(open), r.location(r.opened[len(r.opened)-1]))
		}
		r.inside, r.opened, r.first = r.inside[:len(r.inside)-1], r.opened[:len(r.opened)-1], false
		if c == '}' {
			return token{objectEnds, "}"}, true, nil
		}
		return token{arrayEnds, "]"}, true, nil
	}
	if r.first {
		r.first = false
		return token{}, false, nil
	}
	if c != ',' {
		return token{}, false, r.unexpected("was expecting comma to separate %s entries", nameOf(open))
	}
	r.at++
	r.skipBlanks()
	_, err = r.peek()
	return token{}, false, err
}

// name reads a member's name and its colon, and looks at its value.
func (r *reader) name() (token, error) {
	if r.source[r.at] != '"' {
		return token{}, r.unexpected("was expecting double-quote to start field name")
	}
	s, end, err := r.quoted()
	if err != nil {
		return token{}, err
	}
	r.at = end
	r.skipBlanks()
	if c, err := r.peek(); err != nil {
		return token{}, err
	} else if c != ':' {
		return token{}, r.unexpected("was expecting a colon to separate field name and value")
	}
	r.at++
	r.skipBlanks()
	r.value = true
	if r.place, err = r.lookAhead(); err != nil {
		return token{}, err
	}
	return token{fieldName, s}, nil
}

// lookAhead tells where AWS's reader stands when it has begun the value that comes next.
func (r *reader) lookAhead() (int, error) {
	c, err := r.peek()
	if err != nil {
		return 0, err
	}
	if c == '{' || c == '[' || c == '"' {
		return r.at + 1, nil
	}
	_, end, err := r.plain()
	return end, err
}

// read reads a value: a string, number or literal, or what begins an object or array.
func (r *reader) read() (token, error) {
	c, err := r.peek()
	if err != nil {
		return token{}, err
	}
	switch c {
	case '{', '[':
		r.inside, r.opened, r.first = append(r.inside, c), append(r.opened, r.at), true
		r.at++
		r.place, r.behind = r.at, r.at
		if c == '{' {
			return token{objectBegins, "{"}, nil
		}
		return token{arrayBegins, "["}, nil
	case '"':
		s, end, err := r.quoted()
		if err != nil {
			return token{}, err
		}
		r.place, r.at, r.behind = r.at+1, end, end
		return token{text, s}, nil
	}
	t, end, err := r.plain()
	r.at, r.place, r.behind = end, end, end
	return t, err
}

// took says that the contents of the string which was returned have been read.
func (r *reader) took() { r.place = r.behind }

// plain reads a number or a literal. It does not move on.
func (r *reader) plain() (token, int, error) {
	end := r.at
	for end < len(r.source) && !strings.ContainsRune(" \t\r\n,:]}[{\"", rune(r.source[end])) {
		end++
	}
	word := r.source[r.at:end]
	switch word {
	case "true", "false", "null":
		return token{literal, word}, end, nil
	}
	if c := r.source[r.at]; c == '-' || isDigit(c) {
		if v, err := value.Parse(word); err == nil && v.Kind() == value.KindNumber {
			return token{number, word}, end, nil
		}
		return token{}, end, r.faultAt(end, "Unexpected characters in the number %s", word)
	}
	if c := r.source[r.at]; c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
		return token{}, end, r.faultAt(end, "Unrecognized token '%s': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", word)
	}
	return token{}, end, r.unexpected("expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')")
}

// quoted reads a string. It does not move on.
func (r *reader) quoted() (contents string, end int, err error) {
	for end = r.at + 1; end < len(r.source); end++ {
		switch r.source[end] {
		case '\\':
			end++
		case '"':
			end++
			v, err := value.Parse(r.source[r.at:end])
			if err != nil {
				return "", end, r.faultAt(end, "Unrecognized characters or escapes in the string %s", r.source[r.at:end])
			}
			return string(v.(value.String)), end, nil
		}
	}
	return "", len(r.source), r.faultAt(len(r.source), "Unexpected end-of-input: was expecting closing quote for a string value")
}

func (r *reader) skipBlanks() {
	for r.at < len(r.source) && strings.IndexByte(" \t\r\n", r.source[r.at]) >= 0 {
		r.at++
	}
}

// peek returns the byte that comes next.
func (r *reader) peek() (byte, error) {
	if r.at < len(r.source) {
		return r.source[r.at], nil
	}
	if len(r.inside) == 0 {
		return 0, r.faultAt(r.at, "Unexpected end-of-input: no content to map due to end-of-input")
	}
	last := len(r.inside) - 1
	return 0, r.faultAt(r.at, "Unexpected end-of-input: expected close marker for %s (start marker at %s)", nameOf(r.inside[last]), r.location(r.opened[last]))
}

// unexpected refuses the character that comes next.
func (r *reader) unexpected(format string, args ...any) error {
	c, _ := utf8.DecodeRuneInString(r.source[r.at:])
	return r.faultAt(r.at, "Unexpected character ('%c' (code %d)): %s", c, c, fmt.Sprintf(format, args...))
}

func closer(open byte) rune {
	if open == '{' {
		return '}'
	}
	return ']'
}

func nameOf(open byte) string {
	if open == '{' {
		return "Object"
	}
	return "Array"
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
