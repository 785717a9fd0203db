package logs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Filter is a compiled filter pattern. It never changes and may be used by any number of goroutines.
type Filter struct{ of matcher }

// matcher is one of the three kinds of patterns: terms, a JSON expression, or fields that blanks separate.
type matcher interface {
	matches(message string) bool
}

const (
	// maxPattern is the longest filter pattern, in characters (API reference, FilterLogEvents, "filterPattern").
	maxPattern = 1024
	// maxRegexps is how many regular expressions a pattern may hold (user guide, "Filter pattern syntax", quotas).
	maxRegexps = 2
)

// ParseFilter reads a filter pattern (user guide, "Filter pattern syntax for metric filters, subscription filters, filter log events, and
// Live Tail"). The error is the exception InvalidParameterException.
func ParseFilter(text string) (*Filter, error) {
	if utf8.RuneCountInString(text) > maxPattern {
		return nil, invalid("1 validation error detected: Value at 'filterPattern' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", maxPattern)
	}
	p := &patternParser{text: strings.TrimSpace(text)}
	var m matcher
	var err error
	switch {
	case p.text == "":
		m = terms{}
	case p.text[0] == '{':
		m, err = p.jsonPattern()
	case p.text[0] == '[':
		m, err = p.fieldsPattern()
	default:
		m, err = p.terms()
	}
	if err != nil {
		return nil, err
	}
	return &Filter{m}, nil
}

// Match tells whether the pattern matches a message.
func (f *Filter) Match(message string) bool { return f.of.matches(message) }

// terms matches messages by what they contain: all required terms or, without any, one of the optional; and none that is excluded. Beside
// others, optional terms say nothing.
type terms struct{ required, optional, excluded []term }

// term is a text that a message contains, or a regular expression that it matches.
type term struct {
	text  string
	regex *regexp.Regexp
}

func (t term) in(message string) bool {
	if t.regex != nil {
		return t.regex.MatchString(message)
	}
	return strings.Contains(message, t.text)
}

func (t terms) matches(message string) bool {
	in := func(t term) bool { return t.in(message) }
	if slices.ContainsFunc(t.excluded, in) {
		return false
	}
	if len(t.required) == 0 && len(t.excluded) == 0 && len(t.optional) > 0 {
		return slices.ContainsFunc(t.optional, in)
	}
	return !slices.ContainsFunc(t.required, func(t term) bool { return !t.in(message) })
}

// patternParser reads a pattern from its front.
type patternParser struct {
	text    string
	at      int
	regexps int

	selectors map[string][]step // those of a JSON pattern, as they are written
}

func (p *patternParser) bad(format string, args ...any) error {
	return invalid("Invalid filter pattern at character %d: %s", utf8.RuneCountInString(p.text[:min(p.at, len(p.text))])+1, fmt.Sprintf(format, args...))
}

func (p *patternParser) rest() string { return p.text[p.at:] }

func (p *patternParser) blanks() {
	p.at += len(p.rest()) - len(strings.TrimLeftFunc(p.rest(), unicode.IsSpace))
}

// take goes on behind the token if it comes next, blanks before it skipped.
func (p *patternParser) take(token string) bool {
	p.blanks()
	if !strings.HasPrefix(p.rest(), token) {
		return false
	}
	p.at += len(token)
	return true
}

// word goes on behind the word if it comes next, in any case, and ends there.
func (p *patternParser) word(word string) bool {
	p.blanks()
	rest := p.rest()
	if len(rest) < len(word) || !strings.EqualFold(rest[:len(word)], word) {
		return false
	}
	if len(rest) > len(word) && isWord(rune(rest[len(word)])) {
		return false
	}
	p.at += len(word)
	return true
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func (p *patternParser) done() bool {
	p.blanks()
	return p.at == len(p.text)
}

// quoted reads a text in double quotes, in which a backslash stands before a quote or a backslash.
func (p *patternParser) quoted() (string, error) {
	var b strings.Builder
	for i := p.at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.at = i + 1
			return b.String(), nil
		case c == '\\' && i+1 < len(p.text) && (p.text[i+1] == '"' || p.text[i+1] == '\\'):
			i++
			b.WriteByte(p.text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", p.bad("the quotation mark is not closed")
}

// regex reads a regular expression between percent signs.
func (p *patternParser) regex() (*regexp.Regexp, error) {
	end := strings.IndexByte(p.rest()[1:], '%')
	if end < 0 {
		return nil, p.bad("the regular expression does not end with %%")
	}
	if p.regexps++; p.regexps > maxRegexps {
		return nil, p.bad("more than %d regular expressions", maxRegexps)
	}
	text := p.rest()[1 : 1+end]
	r, err := regexp.Compile(text)
	if text == "" || err != nil {
		return nil, p.bad("%q is not a regular expression: %v", text, err)
	}
	p.at += end + 2
	return r, nil
}

// terms reads the whole pattern as terms.
func (p *patternParser) terms() (matcher, error) {
	var t terms
	for !p.done() {
		list := &t.required
		switch p.text[p.at] {
		case '?':
			list = &t.optional
			p.at++
		case '-':
			list = &t.excluded
			p.at++
		}
		one, err := p.term()
		if err != nil {
			return nil, err
		}
		*list = append(*list, one)
	}
	return t, nil
}

func (p *patternParser) term() (t term, err error) {
	rest := p.rest()
	switch {
	case rest == "":
		return t, p.bad("a term is missing")
	case rest[0] == '"':
		t.text, err = p.quoted()
		return t, err
	case rest[0] == '%':
		t.regex, err = p.regex()
		return t, err
	}
	end := strings.IndexFunc(rest, unicode.IsSpace)
	if end < 0 {
		end = len(rest)
	}
	t.text = rest[:end]
	if t.text == "" || strings.ContainsFunc(t.text, func(r rune) bool { return !isWord(r) }) {
		return t, invalid("Invalid character(s) in term '%s'", t.text)
	}
	p.at += end
	return t, nil
}

// glob tells whether text is like pattern, in which * stands for any characters.
func glob(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p, t = p+1, t+1
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
