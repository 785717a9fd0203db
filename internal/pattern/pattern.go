package pattern

import (
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// InvalidEventPatternException refuses an event pattern.
const InvalidEventPatternException sfn.ExceptionName = "InvalidEventPatternException"

// Pattern is a compiled event pattern (EventBridge user guide, "Amazon EventBridge event patterns"). It never changes and may be used by any
// number of goroutines.
type Pattern struct {
	rules []rule // one must match
	paths *step  // the fields that they look at
}

// rule is one way to match: a condition for each of some fields, ordered by their paths.
type rule []condition

// condition is what a pattern wants of the field at a path, the names from the top joined by dots. A field whose own name has dots is found by the same path,
// as on AWS.
type condition struct {
	path  string
	tests []test // one must pass
}

// test tells whether a leaf, a value that is neither object nor list, passes. What passes if there is no leaf at all has absent set, and no function.
type test struct {
	holds  func(leaf value.Value) bool
	absent bool
}

// maxPattern is the longest pattern, in characters (quotas: event pattern size, which can be raised to this).
const maxPattern = 4096

// Parse reads a pattern. The error is the exception InvalidEventPatternException, which tells line and column.
func Parse(source string) (*Pattern, error) {
	if len(source) > maxPattern {
		return nil, badPattern("Event pattern is longer than %d characters", maxPattern)
	}
	c := compiler{reader: reader{source: source}}
	rules, err := c.compile()
	if err != nil { // what is no $or may still be a field of that name, as it was before there was $or
		plain := compiler{reader: reader{source: source}, plainOr: true}
		var wrong error
		if rules, wrong = plain.compile(); wrong != nil {
			return nil, err
		}
	}
	return &Pattern{rules: rules, paths: stepsOf(rules)}, nil
}

func badPattern(format string, args ...any) error {
	return sfn.Refuse(InvalidEventPatternException, "Event pattern is not valid. Reason: "+format, args...)
}

// Match tells whether an event, an object, matches.
func (p *Pattern) Match(event value.Value) bool {
	o, ok := event.(*value.Object)
	if !ok {
		return false
	}
	fields := p.paths.fieldsOf(o)
	for _, r := range p.rules {
		if (&search{rule: r, fields: fields, left: maxSearch}).match() {
			return true
		}
	}
	return false
}

// MayMatch tells whether an event whose field on the top level is the leaf could match at all.
func (p *Pattern) MayMatch(field string, leaf value.Value) bool {
	for _, r := range p.rules {
		if r.mayMatch(field, leaf) {
			return true
		}
	}
	return false
}

func (r rule) mayMatch(field string, leaf value.Value) bool {
	for i := range r {
		if r[i].path == field && !r[i].passes(leaf) {
			return false
		}
	}
	return true
}

func (c *condition) passes(leaf value.Value) bool {
	for _, t := range c.tests {
		if !t.absent && t.holds(leaf) {
			return true
		}
	}
	return false
}

// mayBeAbsent tells whether the condition also holds where there is no such field.
func (c *condition) mayBeAbsent() bool {
	for _, t := range c.tests {
		if t.absent {
			return true
		}
	}
	return false
}
