package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// choose follows the first rule that holds, or Default.
func (x *Execution) choose(f *flow, s *asl.Choice) {
	input, why := x.effectiveInput(f)
	if why != nil {
		x.raise(f, why)
		return
	}
	next, assign, output, place := s.Default, s.Assign, s.Output, ""
	for i, rule := range s.Rules {
		holds, why := x.holds(f, rule.Condition, input)
		if why != nil {
			x.raise(f, why)
			return
		}
		if holds {
			next, assign, output = rule.Next, rule.Assign, rule.Output
			place = fmt.Sprintf("Choices[%d]/", i)
			break
		}
	}
	if next == "" {
		x.raise(f, &fault{failure: *sfn.Fail(sfn.ErrorRuntime, "Failed to transition out of the state. The state does not point to a next state.")})
		return
	}
	if speaksJSONata(f) {
		data, assigned, why := x.conclude(f, output, assign, f.data, place, func(*payload.Env) {})
		if why != nil {
			x.raise(f, why)
			return
		}
		x.exit(f, data, assigned, next)
		return
	}
	placed, why := x.path(f, s.OutputPath, input)
	if why != nil {
		x.raise(f, why)
		return
	}
	x.finishWith(f, assign, input, placed, next)
}

// holds evaluates a rule's condition. And and Or stop at the first part that decides.
func (x *Execution) holds(f *flow, c asl.Condition, input *value.Data) (bool, *fault) {
	switch c := c.(type) {
	case asl.And:
		for _, part := range c {
			if holds, why := x.holds(f, part, input); why != nil || !holds {
				return false, why
			}
		}
		return true, nil
	case asl.Or:
		for _, part := range c {
			if holds, why := x.holds(f, part, input); why != nil || holds {
				return holds, why
			}
		}
		return false, nil
	case asl.Not:
		holds, why := x.holds(f, c.Condition, input)
		return !holds, why
	case *asl.Comparison:
		return x.compare(f, c, input)
	case *asl.Expression:
		v, why := x.expression(f, c.Template, "Condition", value.KindBool)
		holds, _ := v.(value.Bool)
		return bool(holds), why
	}
	return false, x.runtime(f, "The condition of a Choice rule cannot be evaluated.")
}

func (x *Execution) compare(f *flow, c *asl.Comparison, input *value.Data) (bool, *fault) {
	env := x.env(f, input, "Choices")
	variable, err := c.Variable.Eval(env)
	if c.Operator == "IsPresent" {
		return (err == nil) == bool(c.Operand.(value.Bool)), nil
	}
	if err != nil {
		return false, x.invalidChoicePath(f, c.Variable)
	}
	operand := c.Operand
	if c.OperandPath != nil {
		if operand, err = c.OperandPath.Eval(env); err != nil {
			return false, x.invalidChoicePath(f, c.OperandPath)
		}
	}
	holds, ok := compareValues(c.Operator, variable, operand)
	if !ok {
		return false, x.runtime(f, "The pattern of StringMatches %s ends in an open escape.", value.Text(operand))
	}
	return holds, nil
}

func (x *Execution) invalidChoicePath(f *flow, p *payload.Path) *fault {
	return x.runtime(f, "Invalid path '%s': The choice state's condition path references an invalid value.", p)
}

// compareValues applies an operator. Operands of other types than it wants make it false, never an error; ok is false only for a
// pattern that is none.
func compareValues(operator asl.Operator, variable, operand value.Value) (holds, ok bool) {
	switch operator {
	case "IsNull", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp":
		want, _ := operand.(value.Bool)
		return isOfType(operator, variable) == bool(want), true
	case "StringMatches":
		text, isText := variable.(value.String)
		pattern, isPattern := operand.(value.String)
		if !isText || !isPattern {
			return false, true
		}
		return matchWildcards(string(pattern), string(text))
	case "BooleanEquals":
		a, isBool := variable.(value.Bool)
		b, isBoolToo := operand.(value.Bool)
		return isBool && isBoolToo && a == b, true
	}
	family, relation := splitOperator(operator)
	order, comparable := orderOf(family, variable, operand)
	return comparable && relates(relation, order), true
}

func isOfType(operator asl.Operator, v value.Value) bool {
	switch operator {
	case "IsNull":
		return v.Kind() == value.KindNull
	case "IsNumeric":
		return v.Kind() == value.KindNumber
	case "IsString":
		return v.Kind() == value.KindString
	case "IsBoolean":
		return v.Kind() == value.KindBool
	}
	text, ok := v.(value.String)
	if ok {
		_, ok = parseTimestamp(string(text))
	}
	return ok
}

func splitOperator(operator asl.Operator) (family, relation string) {
	for _, family := range []string{"String", "Numeric", "Timestamp"} {
		if relation, ok := strings.CutPrefix(string(operator), family); ok {
			return family, relation
		}
	}
	return "", ""
}

// orderOf compares two values of the family's type; comparable is false if one of them is of another.
func orderOf(family string, a, b value.Value) (order int, comparable bool) {
	if family == "Numeric" {
		return value.CompareNumbers(a, b)
	}
	s, isString := a.(value.String)
	t, isStringToo := b.(value.String)
	if !isString || !isStringToo {
		return 0, false
	}
	if family == "String" {
		return compareUTF16(string(s), string(t)), true
	}
	var times [2]time.Time
	for i, text := range []value.String{s, t} {
		at, ok := parseTimestamp(string(text))
		if !ok {
			return 0, false
		}
		times[i] = at
	}
	return times[0].Compare(times[1]), true
}

func relates(relation string, order int) bool {
	switch relation {
	case "Equals":
		return order == 0
	case "LessThan":
		return order < 0
	case "GreaterThan":
		return order > 0
	case "LessThanEquals":
		return order <= 0
	case "GreaterThanEquals":
		return order >= 0
	}
	return false
}

// compareUTF16 orders texts by UTF-16 code units, as Java's compareTo does. It differs from the order of bytes only where one text has
// a character beyond U+FFFF and the other one from U+E000 on.
func compareUTF16(a, b string) int {
	weight := func(r rune) rune {
		if r > 0xFFFF {
			return 0xD800<<10 + r - 0x10000 // surrogates come before U+E000
		}
		return r << 10
	}
	x, y := []rune(a), []rune(b)
	for i := 0; i < len(x) && i < len(y); i++ {
		if x[i] != y[i] {
			if weight(x[i]) < weight(y[i]) {
				return -1
			}
			return 1
		}
	}
	return len(x) - len(y)
}

// matchWildcards matches text against a pattern in which * stands for anything and a backslash takes * and itself literally. ok is false
// for a pattern that ends in an open backslash.
func matchWildcards(pattern, text string) (match, ok bool) {
	var parts []string // literal pieces between the stars
	var piece strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '\\':
			if i++; i == len(pattern) {
				return false, false
			}
			piece.WriteByte(pattern[i])
		case '*':
			parts = append(parts, piece.String())
			piece.Reset()
		default:
			piece.WriteByte(c)
		}
	}
	last := piece.String()
	if len(parts) == 0 {
		return text == last, true
	}
	rest, found := strings.CutPrefix(text, parts[0])
	for _, part := range parts[1:] {
		if !found {
			return false, true
		}
		_, rest, found = strings.Cut(rest, part)
	}
	return found && strings.HasSuffix(rest, last), true
}
