package jsonpath

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
)

// MaxLength bounds the text of a path, in UTF-16 code units. The service has no bound but that of the whole definition; the longest path in
// use is far shorter.
const MaxLength = 16 << 10

// maxNesting bounds how deep filters, parentheses and function arguments nest.
const maxNesting = 100

// Compile reads a path. It fails with a [*SyntaxError]. As in Jayway, a text that does not start with $ or @ is read as if "$." stood
// before it.
func Compile(text string) (*Path, error) {
	if text == "" {
		return nil, &SyntaxError{Message: "json can not be null or empty"}
	}
	units := utf16.Encode([]rune(text))
	if len(units) > MaxLength {
		return nil, &SyntaxError{Message: "Path is longer than " + strconv.Itoa(MaxLength) + " characters", Offset: MaxLength}
	}
	var path *Path
	switch thrown := catch(func() { path = compile(units, 0, 0) }).(type) {
	case nil:
		path.text = text
		return path, nil
	case *SyntaxError:
		return nil, thrown
	default:
		panic(thrown)
	}
}

// parser reads one path.
type parser struct {
	scanner
	steps []step
	depth int
}

// compile reads a whole path, at the top or in a filter. It panics with a [*SyntaxError] only.
func compile(units []uint16, base, depth int) (path *Path) {
	p := parser{scanner: newScanner(units, base), depth: depth}
	thrown := catch(func() {
		p.trim()
		if c := p.at(0); c != '$' && c != '@' {
			p.scanner = newScanner(append([]uint16{'$', '.'}, units...), base-2)
			p.trim()
		}
		if p.at(p.last) == '.' {
			p.failf("Path must not end with a '.' or '..'")
		}
		path = p.path()
	})
	if wrapped, ok := thrown.(javaFault); ok {
		p.failf("%s: %s", wrapped.class, wrapped.message)
	}
	if thrown != nil {
		panic(thrown)
	}
	return path
}

// nested returns the depth of what is nested in this path, or fails.
func (p *parser) nested() int {
	if p.depth >= maxNesting {
		p.failf("Path nests filters and functions more than %d deep", maxNesting)
	}
	return p.depth + 1
}

func (p *parser) path() *Path {
	for p.more() && isWhitespace(p.current()) {
		p.pos++
	}
	root := p.current()
	if root != '$' && root != '@' {
		p.failf("Path must start with '$' or '@'")
	}
	if p.atTail() {
		return newPath(byte(root), nil)
	}
	p.pos++
	if c := p.current(); c != '.' && c != '[' {
		p.failf("Illegal character at position %d expected '.' or '['", p.pos)
	}
	for {
		p.step()
		if p.atTail() {
			path := newPath(byte(root), p.steps)
			path.stray = p.pos == p.last
			return path
		}
	}
}

func (p *parser) step() {
	if p.current() == '.' {
		p.readDot()
	}
	switch p.current() {
	case '[':
		if !p.readNames() && !p.readIndexes() && !p.readWildcard() && !p.readFilter() && !p.readPlaceholder() {
			p.failf("Could not parse token starting at position %d. Expected ?, ', 0-9, * ", p.pos)
		}
	case '*':
		if !p.readWildcard() {
			p.failf("Could not parse token starting at position %d", p.pos)
		}
	case ' ':
		p.failf("Could not parse token starting at position %d", p.pos)
	default:
		p.readNameOrCall()
	}
}

// readDot reads . or .., which another dot must not follow.
func (p *parser) readDot() {
	switch {
	case p.inside(p.pos+1) && p.at(p.pos+1) == '.':
		p.steps = append(p.steps, scanStep{})
		p.pos += 2
	case !p.inside(p.pos + 1):
		p.failf("Path must not end with a '.")
	default:
		p.pos++
	}
	if p.current() == '.' {
		p.failf("Character '.' on position %d is not valid.", p.pos)
	}
}

// readNameOrCall reads fooBar or fooBar(...).
func (p *parser) readNameOrCall() {
	begin, end, call := p.pos, 0, false
scan:
	for i := begin; p.inside(i); i++ {
		switch p.at(i) {
		case ' ':
			p.failf("Use bracket notion ['my prop'] if your property contains blank characters. position: %d", p.pos)
		case '.', '[':
			end = i
			break scan
		case '(':
			end, call = i, true
			break scan
		}
	}
	if end == 0 {
		end = p.last + 1
	}
	name := p.text(begin, end)
	if !call {
		p.pos = end
		p.steps = append(p.steps, &nameStep{names: []string{name}, quote: '\''})
		return
	}
	p.checkClosed(name, end)
	c := &callStep{name: name}
	if p.at(end+1) == ')' {
		// The cursor stays on the parenthesis: if the path goes on, Jayway reads a property named ")".
		p.pos = end + 1
	} else {
		p.pos = end + 1
		c.arguments = p.arguments(name)
	}
	c.written = len(c.arguments) > 0
	p.steps = append(p.steps, c)
}

// checkClosed fails unless the parenthesis at open has its counterpart.
func (p *parser) checkClosed(name string, open int) {
	depth := 1
	for i := open + 1; i <= p.last && depth > 0; i++ {
		switch p.at(i) {
		case ')':
			depth--
		case '(':
			depth++
		}
	}
	if depth != 0 {
		p.failf("Arguments to function: '%s' are not closed properly.", name)
	}
}

// readNames reads ['foo'] or ['foo', 'bar'].
func (p *parser) readNames() bool {
	quote := p.peek(p.pos)
	if quote != '\'' && quote != '"' {
		return false
	}
	n := &nameStep{quote: byte(quote)}
	begin, end := p.pos+1, 0
	inName, escaped, comma := false, false, false
scan:
	for i := begin; p.inside(i); i++ {
		switch c := p.at(i); {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == ']' && !inName:
			if comma {
				p.failf("Found empty property at index %d", i)
			}
			break scan
		case c == quote && inName:
			if next := p.peek(i); next != ']' && next != ',' {
				p.failf("Property must be separated by comma or Property must be terminated close square bracket at index %d", i)
			}
			end = i
			n.names = append(n.names, unescapeName(p.slice(begin, end), quote))
			inName = false
		case c == quote:
			begin, inName, comma = i+1, true, false
		case c == ',' && !inName:
			if comma {
				p.failf("Found empty property at index %d", i)
			}
			comma = true
		}
	}
	if inName {
		p.failf("Property has not been closed - missing closing %c", quote)
	}
	close := p.find(end, ']')
	if close < 0 {
		p.failf("Property has not been closed - missing closing ]")
	}
	p.pos = close + 1
	p.steps = append(p.steps, n)
	return true
}

// readIndexes reads [1], [1,2], [1:], [1:2] or [:2].
func (p *parser) readIndexes() bool {
	if c := p.peek(p.pos); !isDigit(c) && c != '-' && c != ':' {
		return false
	}
	end := p.indexFrom(p.pos+1, ']')
	if end < 0 {
		return false
	}
	text := strings.Trim(p.text(p.pos+1, end), " ")
	if strings.Trim(text, "0123456789,-: ") != "" {
		return false
	}
	if strings.Contains(text, ":") {
		p.steps = append(p.steps, p.sliceOf(text))
	} else {
		p.steps = append(p.steps, p.indexList(text))
	}
	p.pos = end + 1
	return true
}

var commas = regexp.MustCompile(` *, *`)

func (p *parser) indexList(text string) *indexStep {
	list := new(indexStep)
	for _, word := range commas.Split(text, -1) {
		n, err := strconv.ParseInt(word, 10, 32)
		if err != nil {
			p.failf("Failed to parse token in ArrayIndexOperation: %s", word)
		}
		list.indexes = append(list.indexes, int(n))
	}
	return list
}

// sliceOf reads from:to. What follows a second colon is ignored: Jayway has no step.
func (p *parser) sliceOf(text string) *sliceStep {
	if strings.ContainsAny(text, ", ") {
		p.failf("Failed to parse SliceOperation: %s", text)
	}
	words := append(strings.Split(text, ":"), "")
	s := &sliceStep{from: p.sliceBound(words[0]), to: p.sliceBound(words[1])}
	if s.from == nil && s.to == nil {
		p.failf("Failed to parse SliceOperation: %s", text)
	}
	return s
}

func (p *parser) sliceBound(word string) *int {
	if word == "" {
		return nil
	}
	n, err := strconv.ParseInt(word, 10, 32)
	if err != nil {
		panic(javaFault{"java.lang.NumberFormatException", `For input string: "` + word + `"`})
	}
	bound := int(n)
	return &bound
}

// readWildcard reads [*] or *.
func (p *parser) readWildcard() bool {
	if p.current() == '*' {
		p.pos++
		p.steps = append(p.steps, wildcardStep{})
		return true
	}
	if p.peek(p.pos) != '*' {
		return false
	}
	star := p.find(p.pos, '*')
	if p.peek(star) != ']' {
		p.failf("Expected wildcard token to end with ']' on position %d", star+1)
	}
	p.pos = p.find(star, ']') + 1
	p.steps = append(p.steps, wildcardStep{})
	return true
}

// readFilter reads [?(...)].
func (p *parser) readFilter() bool {
	begin := p.pos
	question := p.find(begin, '?')
	if question < 0 {
		return false
	}
	open := p.find(question, '(')
	if open < 0 {
		return false
	}
	close := p.closing(open, '(', ')', true)
	if close < 0 || p.peek(close) != ']' {
		return false
	}
	end := p.find(close, ']') + 1
	condition := parseFilter(p.slice(begin, end), p.base+begin, p.nested())
	p.pos = end
	p.steps = append(p.steps, &filterStep{condition: condition})
	return true
}

// readPlaceholder reads [?] or [?, ?], which stand for conditions that a Java program hands in. There are none here, so it always fails.
func (p *parser) readPlaceholder() bool {
	question := p.find(p.pos, '?')
	if question < 0 {
		return false
	}
	if next := p.peek(question); next != ']' && next != ',' {
		return false
	}
	end := p.indexFrom(p.pos+1, ']')
	if end < 0 {
		return false
	}
	p.failf("Not enough predicates supplied for filter [%s] at position %d", p.text(p.pos+1, end), p.pos)
	return false
}

func isWhitespace(c uint16) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// escapes are the letters with a meaning after a backslash; any other character stands for itself.
var escapes = map[uint16]uint16{'r': '\r', 'f': '\f', 't': '\t', 'n': '\n', 'b': '\b'}

// unescapeName is unescape, except that a backslash before the quote that does not enclose the name stays: recordings show that AWS finds
// the member a\"b under $['a\"b'], where Jayway looks for a"b.
func unescapeName(units []uint16, quote uint16) string {
	kept := make([]uint16, 0, len(units))
	for i, c := range units {
		if (c == '"' || c == '\'') && c != quote && i > 0 && units[i-1] == '\\' {
			kept = append(kept, '\\')
		}
		kept = append(kept, c)
	}
	return unescape(kept)
}

// unescape resolves the backslashes of a quoted name or string. An unfinished \u vanishes.
func unescape(units []uint16) string {
	out := make([]uint16, 0, len(units))
	for i := 0; i < len(units); i++ {
		c := units[i]
		if c != '\\' || i == len(units)-1 {
			out = append(out, c)
			continue
		}
		i++
		c = units[i]
		if c == 'u' {
			if i+4 >= len(units) {
				break
			}
			hex := string(utf16.Decode(units[i+1 : i+5]))
			n, err := strconv.ParseInt(hex, 16, 32)
			if err != nil {
				panic(javaFault{"com.jayway.jsonpath.JsonPathException", "Unable to parse unicode value: " + hex})
			}
			out = append(out, uint16(n))
			i += 4
			continue
		}
		if plain, ok := escapes[c]; ok {
			c = plain
		}
		out = append(out, c)
	}
	return string(utf16.Decode(out))
}
