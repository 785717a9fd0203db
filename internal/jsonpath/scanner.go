package jsonpath

import (
	"fmt"
	"runtime"
	"unicode/utf16"
)

// scanner is a cursor over the UTF-16 code units of a text: Jayway's positions, which show in its messages, count those.
//
// A read behind the end is part of Jayway's behaviour (it ends in an exception whose text reaches the user), so the methods that read
// panic with a [javaFault] there, and failf panics with a [*SyntaxError]. Neither leaves the package: see [catch].
type scanner struct {
	units []uint16
	pos   int
	last  int // the last unit that counts: trailing blanks are cut by moving it
	base  int // where units begin in the text given to Compile
}

// javaFault is an exception of Jayway's other than its InvalidPathException: the compiler wraps it, the filter parser hides it.
type javaFault struct {
	class, message string
}

func newScanner(units []uint16, base int) scanner {
	return scanner{units: units, last: len(units) - 1, base: base}
}

// catch runs parse and returns what it panicked with, or nil. A run-time error is a bug of ours and goes on.
func catch(parse func()) (thrown any) {
	defer func() {
		thrown = recover()
		if bug, ok := thrown.(runtime.Error); ok {
			panic(bug)
		}
	}()
	parse()
	return nil
}

func (s *scanner) failf(format string, args ...any) {
	panic(&SyntaxError{Message: fmt.Sprintf(format, args...), Offset: s.offset()})
}

// offset is where the cursor stands in the text of the whole path.
func (s *scanner) offset() int { return max(s.base+s.pos, 0) }

func (s *scanner) at(i int) uint16 {
	if i < 0 || i >= len(s.units) {
		panic(javaFault{"java.lang.StringIndexOutOfBoundsException", s.indexMessage(i)})
	}
	return s.units[i]
}

// indexMessage is the JVM's text for a character out of range, which depends on how it stores the string.
func (s *scanner) indexMessage(i int) string {
	for _, unit := range s.units {
		if unit > 0xFF {
			return fmt.Sprintf("index %d, length %d", i, len(s.units))
		}
	}
	return fmt.Sprintf("String index out of range: %d", i)
}

func (s *scanner) slice(begin, end int) []uint16 {
	if begin < 0 || end > len(s.units) || begin > end {
		panic(javaFault{"java.lang.StringIndexOutOfBoundsException",
			fmt.Sprintf("begin %d, end %d, length %d", begin, end, len(s.units))})
	}
	return s.units[begin:end]
}

func (s *scanner) text(begin, end int) string { return string(utf16.Decode(s.slice(begin, end))) }
func (s *scanner) String() string             { return string(utf16.Decode(s.units)) }
func (s *scanner) current() uint16            { return s.at(s.pos) }
func (s *scanner) inside(i int) bool          { return i >= 0 && i <= s.last }
func (s *scanner) more() bool                 { return s.inside(s.pos) }

// atTail tells whether nothing follows the current unit. Jayway stops there without looking at the unit itself, so a path may
// end in a stray bracket or parenthesis.
func (s *scanner) atTail() bool { return s.pos >= s.last }

// trim moves both ends over blanks but never over the last unit left.
func (s *scanner) trim() {
	s.skipBlanks()
	for s.more() && s.pos < s.last && s.at(s.last) == ' ' {
		s.last--
	}
}

func (s *scanner) skipBlanks() {
	for s.more() && s.pos < s.last && s.current() == ' ' {
		s.pos++
	}
}

// significant is the index of the first unit after i that is not a blank; it may lie outside.
func (s *scanner) significant(i int) int {
	i++
	for s.inside(i) && s.at(i) == ' ' {
		i++
	}
	return i
}

// peek is the first unit after i that is not a blank, or a blank at the end.
func (s *scanner) peek(i int) uint16 {
	if i = s.significant(i); s.inside(i) {
		return s.at(i)
	}
	return ' '
}

// find is the index of the first unit after i that is not a blank, if it is c, else -1.
func (s *scanner) find(i int, c uint16) int {
	if i = s.significant(i); s.at(i) == c {
		return i
	}
	return -1
}

// indexFrom is the first index of c at or after i, or -1.
func (s *scanner) indexFrom(i int, c uint16) int {
	for ; s.inside(i); i++ {
		if s.at(i) == c {
			return i
		}
	}
	return -1
}

// unescaped is the first index after i of a c that no backslash precedes, or -1.
func (s *scanner) unescaped(i int, c uint16) int {
	escaped := false
	for i++; s.inside(i); i++ {
		switch {
		case escaped:
			escaped = false
		case s.at(i) == '\\':
			escaped = true
		case s.at(i) == c:
			return i
		}
	}
	return -1
}

// previous is the index of the first unit before i that is not a blank, or -1.
func (s *scanner) previous(i int) int {
	for i--; s.inside(i) && s.at(i) == ' '; i-- {
	}
	if s.inside(i) {
		return i
	}
	return -1
}

// closing is the index of the bracket that closes the one at i, or -1. Quoted strings between them are passed over, and on request
// regular expressions too; the unit behind such a string is never taken for the start of another.
func (s *scanner) closing(i int, open, close uint16, patterns bool) int {
	if s.at(i) != open {
		s.failf("Expected %c but found %c", open, s.at(i))
	}
	depth := 1
	for i++; s.inside(i); i++ {
		if quote := s.at(i); quote == '\'' || quote == '"' {
			if i = s.unescaped(i, quote); i < 0 {
				s.failf("Could not find matching close quote for %c when parsing : %s", quote, s)
			}
			i++
		}
		if patterns && s.at(i) == '/' {
			if i = s.unescaped(i, '/'); i < 0 {
				s.failf("Could not find matching close for / when parsing regex in : %s", s)
			}
			i++
		}
		switch s.at(i) {
		case open:
			depth++
		case close:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func isDigit(c uint16) bool { return c >= '0' && c <= '9' }
