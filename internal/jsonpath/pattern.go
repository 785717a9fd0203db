package jsonpath

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
)

// patternFlags are the letters behind a regular expression, those of java.util.regex.
const patternFlags = "" +
	"d" + // only \n ends a line
	"i" + // case does not matter
	"x" + // blanks and # comments do not count
	"m" + // ^ and $ match at lines
	"s" + // . matches the end of a line too
	"u" + // i follows Unicode, which it does here anyway
	"U" // \w and so on follow Unicode

func isPatternFlag(c uint16) bool { return c < 0x80 && strings.ContainsRune(patternFlags, rune(c)) }

// unsupportedPattern names a regular expression that Java accepts and Go's engine cannot run.
type unsupportedPattern struct{ pattern, what string }

func (u unsupportedPattern) Error() string {
	return fmt.Sprintf("The regular expression /%s/ is not supported: it uses %s, which could take too long", u.pattern, u.what)
}

// compilePattern compiles a regular expression of Java's that has to match a whole text. Go's engine is here because it runs in
// linear time; the price is look-around, back references, possessive quantifiers and set operations in character classes, which are
// refused with an [unsupportedPattern]. Any other error is a mistake in the pattern.
func compilePattern(pattern, flags string) (*regexp.Regexp, error) {
	t := patternTranslator{
		in:        []rune(pattern),
		comments:  strings.Contains(flags, "x"),
		anyLine:   strings.Contains(flags, "s"),
		unixLines: strings.Contains(flags, "d"),
	}
	text, err := t.translate()
	if err != nil {
		return nil, err
	}
	prefix := ""
	for _, flag := range "ims" {
		if strings.ContainsRune(flags, flag) {
			prefix += string(flag)
		}
	}
	if prefix != "" {
		prefix = "(?" + prefix + ")"
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, explained(pattern, err)
	}
	if patternSize(tree) > maxPatternSize {
		return nil, unsupportedPattern{pattern, "too many repetitions"}
	}
	return regexp.Compile(prefix + `\A(?:` + text + `)\z`)
}

// maxPatternSize bounds the parts of a pattern when its counted repetitions are written out: the time for a match is the product of
// this and the length of the text.
const maxPatternSize = 4000

func patternSize(tree *syntax.Regexp) int {
	size := 1 + len(tree.Rune)
	for _, part := range tree.Sub {
		size += patternSize(part)
	}
	if tree.Op == syntax.OpRepeat {
		size *= max(tree.Min, tree.Max, 1)
	}
	return size
}

// explained tells what Go lacks from what is wrong in Java too.
func explained(pattern string, err error) error {
	var fault *syntax.Error
	if !errors.As(err, &fault) {
		return err
	}
	switch fault.Code {
	case syntax.ErrInvalidPerlOp, syntax.ErrMissingRepeatArgument:
		if strings.HasPrefix(fault.Expr, "(?") {
			return unsupportedPattern{pattern, "the group " + fault.Expr}
		}
	case syntax.ErrInvalidRepeatOp:
		if strings.HasSuffix(fault.Expr, "+") {
			return unsupportedPattern{pattern, "the possessive quantifier " + fault.Expr}
		}
	case syntax.ErrInvalidEscape:
		if strings.ContainsAny(fault.Expr, "123456789kG") {
			return unsupportedPattern{pattern, "the reference " + fault.Expr}
		}
	case syntax.ErrInvalidRepeatSize, syntax.ErrLarge, syntax.ErrNestingDepth:
		return unsupportedPattern{pattern, "too many repetitions"}
	}
	return err
}

// patternTranslator rewrites the few things that Java and Go write, or understand, in different ways.
type patternTranslator struct {
	in                           []rune
	out                          strings.Builder
	comments, anyLine, unixLines bool
}

// notLineEnd is what . matches in Java.
const notLineEnd = `[^\n\r\x{85}\x{2028}\x{2029}]`

func (t *patternTranslator) translate() (string, error) {
	inClass := false
	for i := 0; i < len(t.in); i++ {
		switch c := t.in[i]; {
		case c == '\\' && i+1 < len(t.in):
			i = t.escape(i + 1)
		case t.comments && unicode.IsSpace(c):
		case t.comments && c == '#' && !inClass:
			for i+1 < len(t.in) && t.in[i+1] != '\n' {
				i++
			}
		case inClass && (c == '[' || c == '&' && i+1 < len(t.in) && t.in[i+1] == '&'):
			return "", unsupportedPattern{string(t.in), "set operations in a character class"}
		case c == '[':
			inClass = true
			t.out.WriteRune(c)
		case c == ']':
			inClass = false
			t.out.WriteRune(c)
		case c == '{' && !inClass && !repetition.MatchString(string(t.in[i:])):
			return "", fmt.Errorf("illegal repetition at %d", i) // to Go it is a plain brace
		case c == '.' && !inClass && !t.anyLine && !t.unixLines:
			t.out.WriteString(notLineEnd)
		default:
			t.out.WriteRune(c)
		}
	}
	return t.out.String(), nil
}

var repetition = regexp.MustCompile(`^\{\d+(,\d*)?\}`)

// escape writes what stands behind the backslash at i-1 and returns the last index that it used.
func (t *patternTranslator) escape(i int) int {
	switch c := t.in[i]; c {
	case 'e':
		t.out.WriteString(`\x1B`)
	case 'Z':
		t.out.WriteString(`\n?\z`)
	case 'h':
		t.out.WriteString(`[ \t\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]`)
	case 'R':
		t.out.WriteString(`(?:\r\n|[\n\x0B\f\r\x{85}\x{2028}\x{2029}])`)
	case 'u':
		if i+4 < len(t.in) {
			t.out.WriteString(`\x{` + string(t.in[i+1:i+5]) + `}`)
			return i + 4
		}
		t.out.WriteString(`\u`)
	default:
		if c < unicode.MaxASCII {
			t.out.WriteByte('\\')
		}
		t.out.WriteRune(c)
	}
	return i
}
