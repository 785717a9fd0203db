package cfn

import "github.com/tutti-run/tutti/internal/value"

// condition is a member of the Conditions section.
type condition struct {
	node   *node
	state  conditionState
	result bool
}

type conditionState uint8

const (
	undecided conditionState = iota
	deciding
	decided
	undecidable // it has a fault, which is reported
)

// decideConditions decides all conditions, used or not.
func (r *resolver) decideConditions() {
	section := r.doc.root.get("Conditions")
	if section == nil {
		return
	}
	if section.kind != value.KindObject {
		r.problem(section, "Template format error: Conditions must be an object, not %s.", article(section.kind))
		return
	}
	for _, m := range section.members {
		r.conditions[m.name] = &condition{node: m.value}
	}
	for _, m := range section.members {
		r.decide(m.name)
	}
}

// decide returns the outcome of a condition; not ok if it does not exist or has a fault.
func (r *resolver) decide(name string) (holds, ok bool) {
	c := r.conditions[name]
	if c == nil {
		return false, false
	}
	switch c.state {
	case undecided:
		c.state = deciding
		holds, ok := r.test(c.node)
		if c.state == deciding {
			c.result, c.state = holds, decided
		}
		if !ok {
			c.state = undecidable
		}
	case deciding:
		r.problem(c.node, "Template format error: Circular dependency in the condition %s", name)
		c.state = undecidable
	}
	return c.result, c.state == decided
}

// The functions that make conditions (user guide, "Condition functions"), which may stand in the Conditions section and within one another.
const (
	fnAnd       = "Fn::And"    // 2 to 10 conditions, all hold
	fnOr        = "Fn::Or"     // 2 to 10 conditions, one holds
	fnNot       = "Fn::Not"    // one condition does not hold
	fnEquals    = "Fn::Equals" // two values are the same
	fnCondition = "Condition"  // the condition of that name holds
)

// test evaluates a condition function.
func (r *resolver) test(n *node) (holds, ok bool) {
	if n.kind != value.KindObject || len(n.members) != 1 {
		r.problem(n, "Template format error: a condition is an object with exactly one of Fn::And, Fn::Equals, Fn::Not, Fn::Or and Condition.")
		return false, false
	}
	arg := n.members[0].value
	switch name := n.members[0].name; name {
	case fnAnd, fnOr:
		return r.testAll(name, arg)
	case fnNot:
		if len(arg.items) != 1 {
			r.problem(arg, "Template error: Fn::Not requires a list argument with one function token")
			return false, false
		}
		holds, ok := r.test(arg.items[0])
		return !holds, ok
	case fnEquals:
		if len(arg.items) != 2 {
			r.problem(arg, "Template error: Fn::Equals requires a list argument with two elements")
			return false, false
		}
		a, okA := r.resolve(arg.items[0])
		b, okB := r.resolve(arg.items[1])
		return same(a, b), okA && okB
	case fnCondition:
		name, isText := arg.string()
		if !isText || r.conditions[name] == nil {
			r.problem(arg, "Template format error: Unresolved condition dependency %s in the Conditions block of the template", name)
			return false, false
		}
		return r.decide(name)
	default:
		r.problem(n, "Template format error: %s is no condition function; those are Fn::And, Fn::Equals, Fn::Not, Fn::Or and Condition.", name)
		return false, false
	}
}

// testAll evaluates all operands, so that all their faults are found.
func (r *resolver) testAll(name string, arg *node) (holds, ok bool) {
	if len(arg.items) < 2 || len(arg.items) > 10 {
		r.problem(arg, "Template error: every %s object requires a list of at least 2 and at most 10 boolean parameters.", name)
		return false, false
	}
	holds, ok = name == fnAnd, true
	for _, item := range arg.items {
		one, fine := r.test(item)
		ok = ok && fine
		if name == fnAnd {
			holds = holds && one
		} else {
			holds = holds || one
		}
	}
	return holds, ok
}

// same compares two values as Fn::Equals does: scalars by their text, for the service sees every parameter as a text.
func same(a, b value.Value) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	textA, okA := scalarText(a)
	textB, okB := scalarText(b)
	if okA && okB {
		return textA == textB
	}
	return value.Equal(a, b)
}
