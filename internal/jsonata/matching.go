package jsonata

import (
	"math"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/jsonata/regex"
	"github.com/tutti-run/tutti/internal/value"
)

// A regular expression is a function of a text that answers with an object: match, start, end, groups, and next, a function that looks
// for the next match. The functions below take any such function for a matcher, but talk to real regular expressions directly.

// pattern is what makes a function a regular expression.
type pattern struct {
	re       *regex.Regexp
	source   string
	position int
}

// found is one match. Places count UTF-16 code units.
type found struct {
	match      string
	start, end int
	groups     []value.Value // nil for one that took no part
}

func regexFunction(re *regex.Regexp, source string, position int) *function {
	p := &pattern{re: re, source: source, position: position}
	return &function{arity: 2, regex: p, bound: func(r *run, args []value.Value) (value.Value, *Error) {
		s, ok := textArg(args, 0)
		if !ok { // the reference's engine makes a text of anything
			if arg(args, 0) == nil {
				s = "undefined"
			} else {
				var err *Error
				if s, err = r.stringOf(args[0], false); err != nil {
					return nil, err
				}
			}
		}
		from, _ := numberArg(args, 1)
		return p.object(r, regex.NewText(s), int(math.Max(0, math.Min(from, math.MaxInt32))), false)
	}}
}

// object is the match at from or behind it as the object that a matcher answers with. A second match of nothing would never end.
func (p *pattern) object(r *run, text *regex.Text, from int, again bool) (value.Value, *Error) {
	m, ok := p.find(r, text, from)
	if !ok {
		return nil, nil
	}
	if again && m.match == "" {
		return nil, p.endless()
	}
	next := &function{bound: func(r *run, _ []value.Value) (value.Value, *Error) {
		if m.end >= text.Len() {
			return nil, nil
		}
		return p.object(r, text, m.end, true)
	}}
	return value.NewObject(
		value.Member{Name: "match", Value: value.String(m.match)},
		value.Member{Name: "start", Value: value.Int(m.start)},
		value.Member{Name: "end", Value: value.Int(m.end)},
		value.Member{Name: "groups", Value: value.Array(m.groups)},
		value.Member{Name: "next", Value: next},
	), nil
}

func (p *pattern) endless() *Error {
	err := valueFault("D1004", value.String(p.source))
	err.Position = p.position
	return err
}

func (p *pattern) find(r *run, text *regex.Text, from int) (found, bool) {
	r.step(1)
	places, ok := p.re.Match(text, from, func(steps int) bool {
		r.step(steps)
		return true
	})
	if !ok {
		r.exceed(sentenceMemory)
	}
	if places == nil {
		return found{}, false
	}
	m := found{match: text.Slice(places[0], places[1]), start: places[0], end: places[1], groups: make([]value.Value, p.re.Groups())}
	r.charge(len(m.match) + len(m.groups)*2*itemBytes)
	for i := range m.groups {
		if start, end := places[2*i+2], places[2*i+3]; start >= 0 && end >= 0 {
			m.groups[i] = value.String(text.Slice(start, end))
		}
	}
	return m, true
}

// matches calls visit for each match of the matcher f in the text, until it answers false. As in the reference the next match has been looked
// for by then, which may be a fault.
func (r *run) matches(f *function, text *regex.Text, s string, visit func(found) (bool, *Error)) *Error {
	if f == nil {
		return internalFault("Cannot read properties of undefined (reading 'apply')")
	}
	if f.regex != nil {
		return f.regex.each(r, text, visit)
	}
	answer, err := r.apply(f, value.String(s))
	for ; err == nil; answer, err = r.nextMatch(answer) {
		if answer == nil {
			return nil
		}
		m, err := readMatch(answer)
		if err != nil {
			return err
		}
		more, err := visit(m)
		if err != nil {
			return err
		}
		if !more {
			_, err = r.nextMatch(answer)
			return err
		}
	}
	return err
}

func (p *pattern) each(r *run, text *regex.Text, visit func(found) (bool, *Error)) *Error {
	more := true
	for from, again := 0, false; ; again = true {
		m, ok := p.find(r, text, from)
		switch {
		case !ok:
			return nil
		case again && m.match == "":
			return p.endless()
		case !more:
			return nil
		}
		var err *Error
		if more, err = visit(m); err != nil {
			return err
		}
		if from = m.end; from >= text.Len() {
			return nil
		}
	}
}

// readMatch takes the answer of a matcher that an expression has defined apart. As in the reference, one right part is enough.
func readMatch(answer value.Value) (m found, err *Error) {
	o, ok := answer.(*value.Object)
	if !ok {
		return found{}, fault("T1010")
	}
	start, hasStart := place(o, "start")
	end, hasEnd := place(o, "end")
	groups, _ := o.Get("groups")
	elements, hasGroups := items(groups)
	next, _ := o.Get("next")
	_, hasNext := next.(*function)
	if !hasStart && !hasEnd && !hasGroups && !hasNext {
		return found{}, fault("T1010")
	}
	match, _ := o.Get("match")
	text, _ := match.(value.String)
	return found{match: string(text), start: start, end: end, groups: elements}, nil
}

func place(o *value.Object, name string) (int, bool) {
	v, _ := o.Get(name)
	f, ok := float(v)
	return int(math.Max(0, math.Min(f, math.MaxInt32))), ok
}

// nextMatch calls the function next of a matcher's answer.
func (r *run) nextMatch(answer value.Value) (value.Value, *Error) {
	o, ok := answer.(*value.Object)
	if !ok {
		return nil, fault("T1010")
	}
	next, _ := o.Get("next")
	f, ok := next.(*function)
	if !ok {
		return nil, internalFault("matcher.apply is not a function")
	}
	return r.apply(f, nil)
}

// between is a part of the text, as far as the text has it: matchers of an expression may say anything.
func between(text *regex.Text, start, end int) string {
	start, end = min(start, text.Len()), min(end, text.Len())
	if start > end {
		start, end = end, start
	}
	return text.Slice(start, end)
}

func contains(r *run, args []value.Value) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok || arg(args, 1) == nil {
		return nil, nil
	}
	if token, isText := textArg(args, 1); isText {
		r.step(len(s) / 64)
		return value.Bool(strings.Contains(s, token)), nil
	}
	f := functionArg(args, 1)
	if f != nil && f.regex != nil {
		_, hit := f.regex.find(r, regex.NewText(s), 0)
		return value.Bool(hit), nil
	}
	if f == nil {
		return nil, internalFault("Cannot read properties of undefined (reading 'apply')")
	}
	answer, err := r.apply(f, value.String(s))
	if err == nil && answer != nil {
		_, err = readMatch(answer)
	}
	if err != nil {
		return nil, err
	}
	return value.Bool(answer != nil), nil
}

// limitArg is the optional bound of match, replace and split; it may not be negative.
func limitArg(args []value.Value, i int, code string) (float64, *Error) {
	limit, ok := numberArg(args, i)
	if !ok {
		return math.Inf(1), nil
	}
	if limit < 0 {
		return 0, faultAt(code, args[i], i+1)
	}
	return limit, nil
}

func match(r *run, args []value.Value) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	limit, err := limitArg(args, 2, "D3040")
	if err != nil {
		return nil, err
	}
	var out []value.Value
	if !(limit > 0) {
		return sequence(), nil
	}
	err = r.matches(functionArg(args, 1), regex.NewText(s), s, func(m found) (bool, *Error) {
		r.charge(8 * itemBytes)
		out = append(out, value.NewObject(
			value.Member{Name: "match", Value: value.String(m.match)},
			value.Member{Name: "index", Value: value.Int(m.start)},
			value.Member{Name: "groups", Value: value.Array(m.groups)},
		))
		return float64(len(out)) < limit, nil
	})
	if err != nil {
		return nil, err
	}
	return sequence(out...), nil
}

func split(r *run, args []value.Value) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	limit, err := limitArg(args, 2, "D3020")
	if err != nil {
		return nil, err
	}
	out := value.Array{}
	if !(limit > 0) {
		return out, nil
	}
	if separator, isText := textArg(args, 1); isText {
		if _, limited := numberArg(args, 2); limited && limit < 1 {
			return out, nil // JavaScript takes the whole part
		}
		return value.Array(r.splitText(s, separator, limit)), nil
	}
	text := regex.NewText(s)
	start := 0
	matched := false
	err = r.matches(functionArg(args, 1), text, s, func(m found) (bool, *Error) {
		matched = true
		r.charge(2 * itemBytes)
		out = append(out, value.String(between(text, start, m.start)))
		start = m.end
		return float64(len(out)) < limit, nil
	})
	if err != nil {
		return nil, err
	}
	switch {
	case !matched:
		out = append(out, value.String(s))
	case float64(len(out)) < limit:
		out = append(out, value.String(between(text, start, text.Len())))
	}
	return out, nil
}

func (r *run) splitText(s, separator string, limit float64) []value.Value {
	most := int(math.Min(limit, math.MaxInt32))
	if separator == "" {
		r.array(len(s))
		out := unitStrings(s)
		return out[:min(len(out), most)]
	}
	var out []value.Value
	for len(out) < most {
		r.step(1)
		r.charge(2 * itemBytes)
		before, after, more := strings.Cut(s, separator)
		out = append(out, value.String(before))
		if !more {
			break
		}
		s = after
	}
	return out
}

func replace(r *run, args []value.Value) (value.Value, *Error) {
	s, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	if token, isText := textArg(args, 1); isText && token == "" {
		return nil, faultAt("D3010", args[1], 2)
	}
	limit, err := limitArg(args, 3, "D3011")
	if err != nil {
		return nil, err
	}
	if !(limit > 0) {
		return args[0], nil
	}
	replacement, isText := textArg(args, 2)
	if token, ok := textArg(args, 1); ok {
		if !isText && strings.Contains(s, token) { // the reference concatenates whatever it is given
			if replacement, err = r.concatenated(arg(args, 2)); err != nil {
				return nil, err
			}
		}
		return value.String(r.replaceText(s, token, replacement, limit)), nil
	}
	by := func(m found) (value.Value, *Error) { return value.String(expand(replacement, m)), nil }
	if !isText {
		f := functionArg(args, 2)
		by = func(m found) (value.Value, *Error) { return r.replacement(f, m) }
	}
	return r.replaceMatches(s, functionArg(args, 1), by, limit)
}

// concatenated is what JavaScript appends to a string for a missing replacement, or for a function.
func (r *run) concatenated(v value.Value) (string, *Error) {
	if v == nil {
		return "undefined", nil
	}
	return "", internalFault("Cannot convert a function to a string")
}

func (r *run) replaceText(s, token, replacement string, limit float64) string {
	var b strings.Builder
	r.text(len(s))
	for count := 0.0; count < limit; count++ {
		before, after, more := strings.Cut(s, token)
		if !more {
			break
		}
		r.step(1)
		r.charge(len(before) + len(replacement))
		b.WriteString(before)
		b.WriteString(replacement)
		s = after
	}
	b.WriteString(s)
	r.text(b.Len())
	return b.String()
}

func (r *run) replaceMatches(s string, matcher *function, by func(found) (value.Value, *Error), limit float64) (value.Value, *Error) {
	var b strings.Builder
	text := regex.NewText(s)
	position := 0
	count := 0.0
	err := r.matches(matcher, text, s, func(m found) (bool, *Error) {
		b.WriteString(between(text, position, m.start))
		v, err := by(m)
		if err != nil {
			return false, err
		}
		with, ok := v.(value.String)
		if !ok {
			return false, valueFault("D3012", v)
		}
		b.WriteString(string(with))
		r.text(len(with))
		position = m.start + units(m.match)
		count++
		return count < limit, nil
	})
	if err != nil {
		return nil, err
	}
	b.WriteString(between(text, position, text.Len()))
	r.text(b.Len())
	return value.String(b.String()), nil
}

// replacement asks the function f what to put in place of a match.
func (r *run) replacement(f *function, m found) (value.Value, *Error) {
	if f == nil {
		return nil, internalFault("Cannot read properties of undefined (reading 'apply')")
	}
	v, err := r.apply(f, value.NewObject(
		value.Member{Name: "match", Value: value.String(m.match)},
		value.Member{Name: "start", Value: value.Int(m.start)},
		value.Member{Name: "end", Value: value.Int(m.end)},
		value.Member{Name: "groups", Value: value.Array(m.groups)},
	))
	return v, err
}

// expand puts the groups of a match in the places of $1, $2 and so on, the match in that of $0 and a dollar sign in that of $$.
func expand(template string, m found) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		switch {
		case strings.HasPrefix(rest, "$"):
			b.WriteByte('$')
			template = rest[1:]
		case strings.HasPrefix(rest, "0"):
			b.WriteString(m.match)
			template = rest[1:]
		default:
			template = expandGroup(&b, rest, m)
		}
	}
}

// expandGroup reads the number of a group, with no more digits than the number of groups has, and returns what follows.
func expandGroup(b *strings.Builder, rest string, m found) string {
	digits := len(strconv.Itoa(max(len(m.groups), 1)))
	index, ok := leadingInt(rest, digits)
	if digits > 1 && ok && index > len(m.groups) {
		index, ok = leadingInt(rest, digits-1)
	}
	if !ok {
		b.WriteByte('$')
		return rest
	}
	if index >= 1 && index <= len(m.groups) {
		if s, isText := m.groups[index-1].(value.String); isText {
			b.WriteString(string(s))
		}
	}
	return rest[min(len(strconv.Itoa(index)), len(rest)):]
}

// leadingInt is parseInt of the first characters of s.
func leadingInt(s string, most int) (n int, ok bool) {
	for i := range min(most, len(s)) {
		if !isDigit(s[i]) {
			break
		}
		n = n*10 + int(s[i]-'0')
		ok = true
	}
	return n, ok
}
