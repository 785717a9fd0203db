package logs

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tutti-run/tutti/internal/value"
)

// expression is a condition on what it is given: a JSON value's members, or the fields of a line.
type expression[T any] interface{ holds(of T) bool }

type (
	// anyOf holds if one of its parts does.
	anyOf[T any] []expression[T]
	// allOf holds if all of its parts do.
	allOf[T any] []expression[T]
)

func (e anyOf[T]) holds(of T) bool {
	return slices.ContainsFunc(e, func(part expression[T]) bool { return part.holds(of) })
}

func (e allOf[T]) holds(of T) bool {
	return !slices.ContainsFunc(e, func(part expression[T]) bool { return !part.holds(of) })
}

// combined reads parts that || and && combine; && binds tighter, parentheses group.
func combined[T any](p *patternParser, part func() (expression[T], error)) (expression[T], error) {
	one := func() (expression[T], error) {
		if !p.take("(") {
			return part()
		}
		inner, err := combined(p, part)
		if err == nil && !p.take(")") {
			err = p.bad("a parenthesis is not closed")
		}
		return inner, err
	}
	var alternatives anyOf[T]
	for {
		var all allOf[T]
		for {
			e, err := one()
			if err != nil {
				return nil, err
			}
			all = append(all, e)
			if !p.take("&&") {
				break
			}
		}
		alternatives = append(alternatives, all)
		if !p.take("||") {
			return alternatives, nil
		}
	}
}

// comparison compares a text, which may be a number, with what the pattern says.
type comparison struct {
	operator string // one of comparisonOperators
	text     string // with * for any characters
	number   float64
	numeric  bool // text is a number and was not quoted
	regex    *regexp.Regexp
}

// comparisonOperators are read in this order, so that those of two characters come first.
var comparisonOperators = []string{"!=", "<=", ">=", "=", "<", ">"}

// comparison reads an operator and what to compare with. ends are the characters that an unquoted text ends at, besides blanks.
func (p *patternParser) comparison(ends string) (c comparison, err error) {
	i := slices.IndexFunc(comparisonOperators, p.take)
	if i < 0 {
		return c, p.bad("one of the operators = != < <= > >= is missing")
	}
	c.operator = comparisonOperators[i]
	p.blanks()
	rest := p.rest()
	switch {
	case strings.HasPrefix(rest, `"`):
		c.text, err = p.quoted()
	case strings.HasPrefix(rest, "%"):
		c.regex, err = p.regex()
	default:
		end := strings.IndexFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(ends, r) })
		if end < 0 {
			end = len(rest)
		}
		for _, logical := range []string{"&&", "||"} {
			if at := strings.Index(rest[:end], logical); at >= 0 {
				end = at
			}
		}
		if c.text = rest[:end]; c.text == "" {
			return c, p.bad("the value to compare with is missing")
		}
		p.at += end
		n, notNumber := strconv.ParseFloat(c.text, 64)
		c.number, c.numeric = n, notNumber == nil
	}
	if err == nil && !c.numeric && c.operator != "=" && c.operator != "!=" {
		err = p.bad("%s compares numbers", c.operator)
	}
	return c, err
}

// holds compares.
func (c *comparison) holds(text string) bool {
	switch {
	case c.regex != nil:
		return c.regex.MatchString(text) == (c.operator == "=")
	case !c.numeric:
		return glob(c.text, text) == (c.operator == "=")
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return c.operator == "!="
	}
	switch c.operator {
	case "=":
		return n == c.number
	case "!=":
		return n != c.number
	case "<":
		return n < c.number
	case "<=":
		return n <= c.number
	case ">":
		return n > c.number
	default:
		return n >= c.number
	}
}

// jsonPattern matches messages that are JSON objects.
type jsonPattern struct {
	of        expression[value.Value]
	selectors map[string][]step // as they are written
}

func (j jsonPattern) matches(message string) bool {
	if !strings.HasPrefix(strings.TrimLeftFunc(message, unicode.IsSpace), "{") {
		return false
	}
	v, err := value.Parse(message)
	return err == nil && j.of.holds(v)
}

func (p *patternParser) jsonPattern() (matcher, error) {
	p.at++ // the brace
	e, err := combined(p, p.jsonCondition)
	if err != nil {
		return nil, err
	}
	if !p.take("}") || !p.done() {
		return nil, p.bad("the expression does not end here with }")
	}
	return jsonPattern{e, p.selectors}, nil
}

// jsonCondition holds if one of the values that the selector finds passes the test.
type jsonCondition struct {
	selector []step
	test     jsonTest
	compare  comparison
}

// step leads from a JSON value to a member or elements.
type step struct {
	name  string
	index int
	kind  stepKind
}

type stepKind int

const (
	toMember  stepKind = iota // .name
	toElement                 // [index]
	toAll                     // [*]
)

// jsonTest is what a JSON condition asks.
type jsonTest int

const (
	compares jsonTest = iota // an operator and a value
	isTrue                   // IS TRUE
	isFalse                  // IS FALSE
	isNull                   // IS NULL
	exists                   // EXISTS
	isAbsent                 // NOT EXISTS
)

func (c *jsonCondition) holds(v value.Value) bool {
	found := false
	passes := follow(v, c.selector, func(v value.Value) bool {
		found = true
		return c.passes(v)
	})
	if c.test == isAbsent {
		return !found
	}
	return passes
}

func (c *jsonCondition) passes(v value.Value) bool {
	switch c.test {
	case isTrue:
		return v == value.Value(value.Bool(true))
	case isFalse:
		return v == value.Value(value.Bool(false))
	case isNull:
		return v.Kind() == value.KindNull
	case exists:
		return true
	case isAbsent:
		return false
	}
	if s, ok := v.(value.String); ok {
		return c.compare.holds(string(s))
	}
	return c.compare.holds(value.Text(v))
}

// follow tells whether take is true for one of the values that the steps lead to.
func follow(v value.Value, steps []step, take func(value.Value) bool) bool {
	if len(steps) == 0 {
		return take(v)
	}
	next := steps[0]
	switch of := v.(type) {
	case *value.Object:
		if member, ok := of.Get(next.name); ok && next.kind == toMember {
			return follow(member, steps[1:], take)
		}
	case value.Array:
		switch {
		case next.kind == toElement && next.index < len(of):
			return follow(of[next.index], steps[1:], take)
		case next.kind == toAll:
			return slices.ContainsFunc(of, func(element value.Value) bool { return follow(element, steps[1:], take) })
		}
	}
	return false
}

func (p *patternParser) jsonCondition() (expression[value.Value], error) {
	c := &jsonCondition{}
	var err error
	p.blanks()
	at := p.at
	if c.selector, err = p.selector(); err != nil {
		return nil, err
	}
	if p.selectors == nil {
		p.selectors = map[string][]step{}
	}
	p.selectors[p.text[at:p.at]] = c.selector
	switch {
	case p.word("IS"):
		switch {
		case p.word("TRUE"):
			c.test = isTrue
		case p.word("FALSE"):
			c.test = isFalse
		case p.word("NULL"):
			c.test = isNull
		default:
			return nil, p.bad("IS is followed by TRUE, FALSE or NULL")
		}
	case p.word("EXISTS"):
		c.test = exists
	case p.word("NOT"):
		if !p.word("EXISTS") {
			return nil, p.bad("NOT is followed by EXISTS")
		}
		c.test = isAbsent
	default:
		c.compare, err = p.comparison(")}")
	}
	return c, err
}

// selector reads $ and what follows it: .name, ["name"], [0] or [*].
func (p *patternParser) selector() ([]step, error) {
	if !p.take("$") {
		return nil, p.bad("a selector, which begins with $, is missing")
	}
	var steps []step
	for {
		rest := p.rest()
		switch {
		case strings.HasPrefix(rest, ".["):
			p.at++
		case strings.HasPrefix(rest, "."):
			end := strings.IndexFunc(rest[1:], func(r rune) bool { return !isWord(r) && r != '-' && r != '@' && r != '$' && r != ':' && r != '/' })
			if end < 0 {
				end = len(rest) - 1
			}
			if end == 0 {
				return nil, p.bad("a name is missing")
			}
			steps = append(steps, step{name: rest[1 : 1+end]})
			p.at += 1 + end
		case strings.HasPrefix(rest, "["):
			s, err := p.bracket()
			if err != nil {
				return nil, err
			}
			steps = append(steps, s)
		default:
			return steps, nil
		}
	}
}

// bracket reads what stands in brackets.
func (p *patternParser) bracket() (s step, err error) {
	p.at++
	rest := p.rest()
	switch {
	case strings.HasPrefix(rest, `"`):
		s.name, err = p.quoted()
	case strings.HasPrefix(rest, "'"):
		end := strings.IndexByte(rest[1:], '\'')
		if end < 0 {
			return s, p.bad("the quotation mark is not closed")
		}
		s.name = rest[1 : 1+end]
		p.at += end + 2
	case strings.HasPrefix(rest, "*"):
		s.kind = toAll
		p.at++
	default:
		end := strings.IndexByte(rest, ']')
		n, notNumber := strconv.ParseUint(rest[:max(0, end)], 10, 31)
		if notNumber != nil {
			return s, p.bad("brackets hold a name in quotation marks, a number or *")
		}
		s.kind, s.index = toElement, int(n)
		p.at += end
	}
	if err == nil && !p.take("]") {
		err = p.bad("a bracket is not closed")
	}
	return s, err
}

// fieldsPattern matches lines by their fields. A line has just as many as there are conditions, unless one is an ellipsis.
type fieldsPattern struct {
	before, after []expression[string] // of the fields before and behind the ellipsis
	ellipsis      bool
	names         []string // of the fields before and behind it
}

func (f fieldsPattern) matches(message string) bool {
	fields := splitFields(message)
	least := len(f.before) + len(f.after)
	if len(fields) < least || !f.ellipsis && len(fields) > least {
		return false
	}
	hold := func(conditions []expression[string], fields []string) bool {
		for i, c := range conditions {
			if c != nil && !c.holds(fields[i]) {
				return false
			}
		}
		return true
	}
	return hold(f.before, fields) && hold(f.after, fields[len(fields)-len(f.after):])
}

// splitFields splits a line at blanks. What stands in quotation marks or brackets is one field, without them.
func splitFields(line string) []string {
	closers := map[byte]string{'"': `"`, '[': "]"}
	var fields []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimLeftFunc(line, unicode.IsSpace) {
		if closer, ok := closers[line[0]]; ok {
			if end := strings.Index(line[1:], closer); end >= 0 {
				fields = append(fields, line[1:1+end])
				line = line[end+2:]
				continue
			}
		}
		end := strings.IndexFunc(line, unicode.IsSpace)
		if end < 0 {
			end = len(line)
		}
		fields = append(fields, line[:end])
		line = line[end:]
	}
	return fields
}

func (p *patternParser) fieldsPattern() (matcher, error) {
	p.at++ // the bracket
	var f fieldsPattern
	for {
		if p.take("...") {
			if f.ellipsis {
				return nil, p.bad("there can be only one ellipsis")
			}
			f.ellipsis = true
		} else {
			c, name, err := p.field()
			if err != nil {
				return nil, err
			}
			f.names = append(f.names, name)
			if f.ellipsis {
				f.after = append(f.after, c)
			} else {
				f.before = append(f.before, c)
			}
		}
		if p.take(",") {
			continue
		}
		if !p.take("]") || !p.done() {
			return nil, p.bad("the fields do not end here with ]")
		}
		return f, nil
	}
}

// field reads a field's name and perhaps conditions on it, each of which names the field again. Without any the result is nil.
func (p *patternParser) field() (condition expression[string], name string, err error) {
	if name, err = p.fieldName(); err != nil {
		return nil, "", err
	}
	p.blanks()
	if rest := p.rest(); rest == "" || rest[0] == ',' || rest[0] == ']' {
		return nil, name, nil
	}
	want := "" // the name has been read for the first condition
	condition, err = combined(p, func() (expression[string], error) {
		if again, err := p.fieldName(); err != nil || again != want {
			return nil, p.bad("the condition is on another field than %s", name)
		}
		want = name
		c, err := p.comparison(",])")
		return (*fieldCondition)(&c), err
	})
	return condition, name, err
}

// fieldName reads a name, "" if none comes next.
func (p *patternParser) fieldName() (string, error) {
	p.blanks()
	rest := p.rest()
	end := strings.IndexFunc(rest, func(r rune) bool { return !isWord(r) && r != '-' && r != '.' && r != '@' })
	if end < 0 {
		end = len(rest)
	}
	p.at += end
	if end == 0 && (rest == "" || !strings.ContainsRune(",]=!<>", rune(rest[0]))) {
		return "", p.bad("the name of a field is missing")
	}
	return rest[:end], nil
}

// fieldCondition is a comparison of a field.
type fieldCondition comparison

func (c *fieldCondition) holds(field string) bool { return (*comparison)(c).holds(field) }
