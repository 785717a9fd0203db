package alarm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
)

// expression is a part of a composite alarm's rule. It never changes.
type expression interface {
	// holds works the rule out. state is the one that the alarm of a name is in, "" for an alarm that is not there.
	holds(state func(name string) Value) bool
	// alarms adds the names of the alarms that the rule refers to.
	alarms(names []string) []string
}

type (
	constant bool
	// inState holds while an alarm is in a state.
	inState struct {
		value Value
		name  string
	}
	not   struct{ of expression }
	allOf []expression
	anyOf []expression
	// atLeast holds while enough of the alarms are in a state, or are not.
	atLeast struct {
		needed int
		not    bool
		value  Value
		names  []string
	}
)

func (c constant) holds(func(string) Value) bool      { return bool(c) }
func (s inState) holds(state func(string) Value) bool { return state(s.name) == s.value }
func (n not) holds(state func(string) Value) bool     { return !n.of.holds(state) }
func (a allOf) holds(state func(string) Value) bool {
	return !slices.ContainsFunc(a, func(e expression) bool { return !e.holds(state) })
}
func (a anyOf) holds(state func(string) Value) bool {
	return slices.ContainsFunc(a, func(e expression) bool { return e.holds(state) })
}
func (l atLeast) holds(state func(string) Value) bool {
	n := 0
	for _, name := range l.names {
		if (state(name) == l.value) != l.not {
			n++
		}
	}
	return n >= l.needed
}

func (constant) alarms(names []string) []string  { return names }
func (s inState) alarms(names []string) []string { return append(names, s.name) }
func (n not) alarms(names []string) []string     { return n.of.alarms(names) }
func (l atLeast) alarms(names []string) []string { return append(names, l.names...) }
func (a allOf) alarms(names []string) []string   { return namesOf(a, names) }
func (a anyOf) alarms(names []string) []string   { return namesOf(a, names) }

func namesOf(parts []expression, names []string) []string {
	for _, e := range parts {
		names = e.alarms(names)
	}
	return names
}

// Limits of a rule (API reference, PutCompositeAlarm), and of how deep it may nest.
const (
	maxRule      = 10_240
	maxChildren  = 100
	maxRuleDepth = 100
)

// parseRule reads a composite alarm's rule (API reference, PutCompositeAlarm, "AlarmRule").
func parseRule(text string) (expression, error) {
	if strings.TrimSpace(text) == "" {
		return nil, fmt.Errorf("it is empty")
	}
	if len(text) > maxRule {
		return nil, fmt.Errorf("it is longer than %d characters", maxRule)
	}
	p := &ruleParser{text: text}
	e, err := p.either()
	if err != nil {
		return nil, err
	}
	if p.blanks(); p.at < len(p.text) {
		return nil, p.bad("unexpected %q", p.text[p.at:min(len(p.text), p.at+20)])
	}
	names := e.alarms(nil)
	slices.Sort(names)
	if n := len(slices.Compact(names)); n > maxChildren {
		return nil, fmt.Errorf("it refers to %d alarms, more than %d", n, maxChildren)
	}
	return e, nil
}

type ruleParser struct {
	text  string
	at    int
	depth int
}

func (p *ruleParser) bad(format string, args ...any) error {
	return fmt.Errorf("%s at character %d", fmt.Sprintf(format, args...), p.at+1)
}

func (p *ruleParser) blanks() {
	p.at += len(p.text[p.at:]) - len(strings.TrimLeft(p.text[p.at:], " \t\r\n"))
}

func (p *ruleParser) take(token string) bool {
	p.blanks()
	if !strings.HasPrefix(p.text[p.at:], token) {
		return false
	}
	p.at += len(token)
	return true
}

// word takes the word that comes next.
func (p *ruleParser) word() string {
	p.blanks()
	rest := p.text[p.at:]
	end := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') })
	if end < 0 {
		end = len(rest)
	}
	p.at += end
	return rest[:end]
}

// keyword goes on behind a word if it comes next.
func (p *ruleParser) keyword(want string) bool {
	at := p.at
	if p.word() == want {
		return true
	}
	p.at = at
	return false
}

func (p *ruleParser) either() (expression, error) {
	if p.depth++; p.depth > maxRuleDepth {
		return nil, p.bad("parts nest deeper than %d", maxRuleDepth)
	}
	defer func() { p.depth-- }()
	var list anyOf
	for {
		var both allOf
		for {
			e, err := p.part()
			if err != nil {
				return nil, err
			}
			both = append(both, e)
			if !p.keyword("AND") {
				break
			}
		}
		list = append(list, both)
		if !p.keyword("OR") {
			return list, nil
		}
	}
}

func (p *ruleParser) part() (expression, error) {
	if p.depth++; p.depth > maxRuleDepth {
		return nil, p.bad("parts nest deeper than %d", maxRuleDepth)
	}
	defer func() { p.depth-- }()
	if p.take("(") {
		e, err := p.either()
		if err == nil && !p.take(")") {
			err = p.bad("a parenthesis is not closed")
		}
		return e, err
	}
	at := p.at
	switch word := p.word(); word {
	case "TRUE", "FALSE":
		return constant(word == "TRUE"), nil
	case "NOT":
		e, err := p.part()
		return not{e}, err
	case "AT_LEAST":
		return p.atLeast()
	case string(OK), string(InAlarm), string(Insufficient):
		if !p.take("(") {
			return nil, p.bad("the name of an alarm in parentheses is missing")
		}
		name, err := p.name()
		if err == nil && !p.take(")") {
			err = p.bad("a parenthesis is not closed")
		}
		return inState{Value(word), name}, err
	}
	p.at = at
	p.blanks()
	return nil, p.bad("one of ALARM, OK, INSUFFICIENT_DATA, AT_LEAST, TRUE, FALSE, NOT or a parenthesis is missing")
}

// name reads the name or ARN of an alarm, with or without quotation marks.
func (p *ruleParser) name() (string, error) {
	p.blanks()
	var b strings.Builder
	if p.take(`"`) {
		for ; p.at < len(p.text) && p.text[p.at] != '"'; p.at++ {
			if p.text[p.at] == '\\' && p.at+1 < len(p.text) {
				p.at++
			}
			b.WriteByte(p.text[p.at])
		}
		if !p.take(`"`) {
			return "", p.bad("a quotation mark is not closed")
		}
	} else {
		rest := p.text[p.at:]
		end := strings.IndexAny(rest, "(),\"")
		if end < 0 {
			end = len(rest)
		}
		b.WriteString(strings.TrimSpace(rest[:end]))
		p.at += end
	}
	name := b.String()
	if name == "" {
		return "", p.bad("the name of an alarm is missing")
	}
	return NameOf(name), nil
}

// NameOf is the name of an alarm that is given by name or ARN.
func NameOf(nameOrARN string) string {
	if arn, err := sfn.ParseARN(nameOrARN); err == nil && arn.Service == "cloudwatch" {
		if name, ok := strings.CutPrefix(arn.Resource, "alarm:"); ok {
			return name
		}
	}
	return nameOrARN
}

// atLeast reads (M, [NOT] STATE, (alarm, ...)), where M may be in percent.
func (p *ruleParser) atLeast() (expression, error) {
	if !p.take("(") {
		return nil, p.bad("%q is missing", "(")
	}
	p.blanks()
	rest := p.text[p.at:]
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	n, err := strconv.Atoi(rest[:digits])
	if err != nil || n < 1 {
		return nil, p.bad("how many alarms are meant is missing")
	}
	p.at += digits
	percent := p.take("%")
	l := atLeast{needed: n}
	if !p.take(",") {
		return nil, p.bad("%q is missing", ",")
	}
	l.not = p.keyword("NOT")
	if l.value = Value(p.word()); !slices.Contains(Values(), l.value) {
		return nil, p.bad("one of ALARM, OK or INSUFFICIENT_DATA is missing")
	}
	if !p.take(",") || !p.take("(") {
		return nil, p.bad("the list of alarms is missing")
	}
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		l.names = append(l.names, name)
		if !p.take(",") {
			break
		}
	}
	for range 2 { // the list, and the whole
		if !p.take(")") {
			return nil, p.bad("a parenthesis is not closed")
		}
	}
	if percent {
		l.needed = (len(l.names)*min(n, 100) + 99) / 100
	}
	if l.needed > len(l.names) {
		return nil, p.bad("%d of %d alarms can never be", l.needed, len(l.names))
	}
	return l, nil
}
