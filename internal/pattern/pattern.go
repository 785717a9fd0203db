package pattern

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// InvalidEventPatternException refuses an event pattern.
const InvalidEventPatternException sfn.ExceptionName = "InvalidEventPatternException"

// Pattern is a compiled event pattern (EventBridge user guide, "Amazon EventBridge event patterns"). It never changes and may be used by any
// number of goroutines.
type Pattern struct{ of *fieldsPattern }

// maxPattern is the longest pattern, in characters (quotas: event pattern size, which can be raised to this).
const maxPattern = 4096

// Parse reads a pattern. The error is the exception InvalidEventPatternException.
func Parse(text string) (*Pattern, error) {
	if len(text) > maxPattern {
		return nil, badPattern("Event pattern is longer than %d characters", maxPattern)
	}
	v, err := value.Parse(text)
	if err != nil {
		return nil, badPattern("Filter is not valid JSON: %v", err)
	}
	o, ok := v.(*value.Object)
	if !ok {
		return nil, badPattern("Filter is not an object")
	}
	f, err := parseFields(o)
	if err != nil {
		return nil, err
	}
	return &Pattern{f}, nil
}

func badPattern(format string, args ...any) error {
	return sfn.Refuse(InvalidEventPatternException, "Event pattern is not valid. Reason: %s", fmt.Sprintf(format, args...))
}

// Match tells whether an event, an object, matches.
func (p *Pattern) Match(event value.Value) bool { return p.of.matches(event) }

// MayMatch tells whether an event whose field on the top level has the value could match at all.
func (p *Pattern) MayMatch(field string, v value.Value) bool {
	o := value.NewObject(value.Member{Name: field, Value: v})
	for i := range p.of.fields {
		if f := &p.of.fields[i]; f.name == field && !f.matches(o) {
			return false
		}
	}
	return true
}

// fieldsPattern matches objects of which all named fields match, and one of the alternatives of each $or.
type fieldsPattern struct {
	fields []fieldPattern
	ors    [][]*fieldsPattern
}

// fieldPattern is about one field: nested if it is an object, else one of the tests.
type fieldPattern struct {
	name   string
	nested *fieldsPattern
	tests  []fieldTest
}

// fieldTest tells whether a value, nil for none, passes.
type fieldTest func(v value.Value) bool

func parseFields(o *value.Object) (*fieldsPattern, error) {
	f := &fieldsPattern{}
	if o.Len() == 0 {
		return nil, badPattern("Empty objects are not allowed")
	}
	for name, v := range o.All() {
		if name == "$or" {
			if alternatives, err := parseOr(v); err != nil || alternatives != nil {
				if err != nil {
					return nil, err
				}
				f.ors = append(f.ors, alternatives)
				continue
			}
		}
		field := fieldPattern{name: name}
		var err error
		switch v := v.(type) {
		case *value.Object:
			field.nested, err = parseFields(v)
		case value.Array:
			field.tests, err = parseTests(v)
		default:
			err = badPattern("%q must be an object or an array", name)
		}
		if err != nil {
			return nil, err
		}
		f.fields = append(f.fields, field)
	}
	return f, nil
}

// parseOr reads the alternatives of $or: at least two objects. Anything else is a field of that name, and nil.
func parseOr(v value.Value) (alternatives []*fieldsPattern, err error) {
	list, ok := v.(value.Array)
	if !ok || len(list) < 2 {
		return nil, nil
	}
	for _, one := range list {
		o, ok := one.(*value.Object)
		if !ok {
			return nil, nil
		}
		if o.Len() == 1 && operators[o.At(0).Name] != nil { // a test of a field called $or
			return nil, nil
		}
	}
	for _, one := range list {
		f, err := parseFields(one.(*value.Object))
		if err != nil {
			return nil, err
		}
		alternatives = append(alternatives, f)
	}
	return alternatives, nil
}

func parseTests(list value.Array) ([]fieldTest, error) {
	if len(list) == 0 {
		return nil, badPattern("Empty arrays are not allowed")
	}
	var tests []fieldTest
	for _, one := range list {
		t, err := parseTest(one)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	return tests, nil
}

// parseTest reads one member of a field's array: a value that the field equals, or an operator.
func parseTest(v value.Value) (fieldTest, error) {
	switch v := v.(type) {
	case value.Array:
		return nil, badPattern("Match value must be String, number, true, false, or null")
	case *value.Object:
		if v.Len() != 1 {
			return nil, badPattern("Only one key allowed in match expression")
		}
		m := v.At(0)
		parse := operators[m.Name]
		if parse == nil {
			return nil, badPattern("Unrecognized match type %s", m.Name)
		}
		return parse(m.Value)
	}
	return equals(v), nil
}

// equals compares as EventBridge does, by what stands in the text: 1 is not 1.0.
func equals(want value.Value) fieldTest {
	text := value.Text(want)
	return func(v value.Value) bool { return v != nil && v.Kind() == want.Kind() && value.Text(v) == text }
}

// operator makes a test of what stands behind an operator's name.
type operator func(v value.Value) (fieldTest, error)

// operators is the table of all operators (user guide, "Comparison operators").
var operators = map[string]operator{
	"prefix":             affixOperator("prefix", strings.HasPrefix),                   // a text begins so
	"suffix":             affixOperator("suffix", strings.HasSuffix),                   // a text ends so
	"equals-ignore-case": textOperator("equals-ignore-case", oneOf(strings.EqualFold)), // a text but for its case
	"wildcard":           wildcardOperator,                                             // * stands for any characters
	"numeric":            numericOperator,                                              // a number within a range
	"cidr":               cidrOperator,                                                 // an address within a block
	"exists":             existsOperator,                                               // the field is there, or not
	"anything-but":       anythingBut,                                                  // the field is there and none of these
}

func oneOf(compare func(text, with string) bool) func(string) func(string) bool {
	return func(with string) func(string) bool { return func(text string) bool { return compare(text, with) } }
}

// onText is a test of texts.
func onText(holds func(string) bool) fieldTest {
	return func(v value.Value) bool {
		s, ok := v.(value.String)
		return ok && holds(string(s))
	}
}

func textOperator(name string, make func(string) func(string) bool) operator {
	return func(v value.Value) (fieldTest, error) {
		s, ok := v.(value.String)
		if !ok {
			return nil, badPattern("%s match pattern must be a string", name)
		}
		return onText(make(string(s))), nil
	}
}

// affixOperator is prefix or suffix, which may hold equals-ignore-case.
func affixOperator(name string, has func(text, affix string) bool) operator {
	return func(v value.Value) (fieldTest, error) {
		if o, ok := v.(*value.Object); ok {
			if o.Len() != 1 || o.At(0).Name != "equals-ignore-case" {
				return nil, badPattern("Unsupported %s pattern: %s", name, value.Text(o))
			}
			folded, ok := o.At(0).Value.(value.String)
			if !ok {
				return nil, badPattern("equals-ignore-case match pattern must be a string")
			}
			want := strings.ToLower(string(folded))
			return onText(func(text string) bool { return has(strings.ToLower(text), want) }), nil
		}
		return textOperator(name, oneOf(has))(v)
	}
}

func existsOperator(v value.Value) (fieldTest, error) {
	want, ok := v.(value.Bool)
	if !ok {
		return nil, badPattern("exists match pattern must be either true or false.")
	}
	return func(v value.Value) bool {
		_, object := v.(*value.Object) // only leaves count (user guide, "Exists matching")
		return (v != nil && !object) == bool(want)
	}, nil
}

func cidrOperator(v value.Value) (fieldTest, error) {
	s, ok := v.(value.String)
	if !ok {
		return nil, badPattern("prefix match pattern must be a string")
	}
	address, bits, ok := strings.Cut(string(s), "/")
	if !ok || strings.Contains(bits, "/") {
		return nil, badPattern("Malformed CIDR, one '/' required")
	}
	if _, err := strconv.Atoi(bits); err != nil {
		return nil, badPattern("Malformed CIDR, mask bits must be an integer")
	}
	block, err := netip.ParsePrefix(string(s))
	if err != nil {
		return nil, badPattern("Nonstandard IP address: %s", address)
	}
	return onText(func(text string) bool {
		a, err := netip.ParseAddr(text)
		return err == nil && block.Masked().Contains(a)
	}), nil
}

// maxWildcards bounds how much a wildcard pattern may cost, as AWS does by a measure of its own.
const maxWildcards = 5

// wildcardOperator reads a text in which * stands for any characters and \* for itself.
func wildcardOperator(v value.Value) (fieldTest, error) {
	s, ok := v.(value.String)
	if !ok {
		return nil, badPattern("wildcard match pattern must be a string")
	}
	holds, err := wildcard(string(s))
	if err != nil {
		return nil, err
	}
	return onText(holds), nil
}

func wildcard(pattern string) (func(string) bool, error) {
	parts := []string{""}
	for i := 0; i < len(pattern); i++ {
		last := &parts[len(parts)-1]
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern) && (pattern[i+1] == '*' || pattern[i+1] == '\\'):
			i++
			*last += string(pattern[i])
		case c == '\\':
			return nil, badPattern("Invalid escape character at pos %d", i)
		case c == '*' && i > 0 && pattern[i-1] == '*' && *last == "" && len(parts) > 1:
			return nil, badPattern("Consecutive wildcard characters at pos %d", i)
		case c == '*':
			parts = append(parts, "")
		default:
			*last += string(c)
		}
	}
	if len(parts)-1 > maxWildcards {
		return nil, badPattern("Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character")
	}
	first, rest := parts[0], parts[1:]
	return func(text string) bool {
		if len(rest) == 0 {
			return text == first
		}
		text, ok := strings.CutPrefix(text, first)
		if !ok {
			return false
		}
		for _, middle := range rest[:len(rest)-1] {
			at := strings.Index(text, middle)
			if at < 0 {
				return false
			}
			text = text[at+len(middle):]
		}
		return strings.HasSuffix(text, rest[len(rest)-1])
	}, nil
}

// numericOperator reads one comparison, or a range of two.
func numericOperator(v value.Value) (fieldTest, error) {
	list, ok := v.(value.Array)
	if !ok {
		return nil, badPattern("Value of numeric must be an array.")
	}
	if len(list) == 0 {
		return nil, badPattern("Invalid member in numeric match: ]")
	}
	sign, ok := list[0].(value.String)
	if !ok {
		return nil, badPattern("Invalid member in numeric match: %s", value.Text(list[0]))
	}
	if !slices.Contains([]value.String{"<", "<=", "=", ">", ">="}, sign) {
		return nil, badPattern("Unrecognized numeric range operator: %s", sign)
	}
	bottom, err := operand(sign, list[1:])
	if err != nil {
		return nil, err
	}
	if len(list) == 2 {
		return onNumber(func(n float64) bool { return compareNumbers(n, sign, bottom) }), nil
	}
	if sign != ">" && sign != ">=" {
		return nil, badPattern("Too many elements in numeric expression")
	}
	second, ok := list[2].(value.String)
	if !ok {
		return nil, badPattern("Bad value in numeric range: %s", value.Text(list[2]))
	}
	if second != "<" && second != "<=" {
		return nil, badPattern("Bad numeric range operator: %s", second)
	}
	top, err := operand(second, list[3:])
	switch {
	case err != nil:
		return nil, err
	case top <= bottom:
		return nil, badPattern("Bottom must be less than top")
	case len(list) > 4:
		return nil, badPattern("Too many terms in numeric range expression")
	}
	return onNumber(func(n float64) bool { return compareNumbers(n, sign, bottom) && compareNumbers(n, second, top) }), nil
}

func operand(sign value.String, rest value.Array) (float64, error) {
	if len(rest) > 0 {
		if n, ok := value.Float64(rest[0]); ok && rest[0].Kind() == value.KindNumber {
			return n, nil
		}
	}
	if sign == "=" {
		sign = "equals"
	}
	return 0, badPattern("Value of %s must be numeric", sign)
}

func onNumber(holds func(float64) bool) fieldTest {
	return func(v value.Value) bool {
		if v == nil || v.Kind() != value.KindNumber {
			return false
		}
		n, ok := value.Float64(v)
		return ok && holds(n)
	}
}

func compareNumbers(n float64, sign value.String, with float64) bool {
	switch sign {
	case "<":
		return n < with
	case "<=":
		return n <= with
	case "=":
		return n == with
	case ">":
		return n > with
	default:
		return n >= with
	}
}

// anythingBut passes fields that are there and pass none of the tests in it: values, or one of four operators with one text or several.
func anythingBut(v value.Value) (fieldTest, error) {
	var tests []fieldTest
	var err error
	switch v := v.(type) {
	case *value.Object:
		tests, err = anythingButOperator(v)
	case value.Array:
		for _, one := range v {
			switch one.Kind() {
			case value.KindString, value.KindNumber:
				tests = append(tests, equals(one))
			default:
				return nil, badPattern("Inside anything-but list, start|null|boolean is not supported.")
			}
		}
		if len(v) == 0 {
			err = badPattern("Empty arrays are not allowed")
		}
	default:
		if k := v.Kind(); k != value.KindString && k != value.KindNumber {
			return nil, badPattern("Value of anything-but must be an array or single string/number value.")
		}
		tests = []fieldTest{equals(v)}
	}
	if err != nil {
		return nil, err
	}
	return func(v value.Value) bool {
		return v != nil && !slices.ContainsFunc(tests, func(t fieldTest) bool { return t(v) })
	}, nil
}

func anythingButOperator(o *value.Object) (tests []fieldTest, err error) {
	if o.Len() != 1 {
		return nil, badPattern("Only one key allowed in match expression")
	}
	m := o.At(0)
	if !slices.Contains([]string{"prefix", "suffix", "equals-ignore-case", "wildcard"}, m.Name) {
		return nil, badPattern("Unsupported anything-but pattern: %s", m.Name)
	}
	list, ok := m.Value.(value.Array)
	if !ok {
		list = value.Array{m.Value}
	}
	if len(list) == 0 {
		return nil, badPattern("Empty arrays are not allowed")
	}
	for _, one := range list {
		s, isText := one.(value.String)
		switch {
		case isText && s == "" && (m.Name == "prefix" || m.Name == "suffix"):
			return nil, badPattern("Null prefix/suffix not allowed")
		case !isText && m.Name == "equals-ignore-case":
			return nil, badPattern("Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.")
		case !isText && m.Name != "wildcard":
			return nil, badPattern("prefix/suffix match pattern must be a string")
		}
		var t fieldTest
		switch m.Name {
		case "prefix":
			t = onText(func(text string) bool { return strings.HasPrefix(text, string(s)) })
		case "suffix":
			t = onText(func(text string) bool { return strings.HasSuffix(text, string(s)) })
		case "equals-ignore-case":
			t = onText(func(text string) bool { return strings.EqualFold(text, string(s)) })
		default:
			if t, err = wildcardOperator(one); err != nil {
				return nil, err
			}
		}
		tests = append(tests, t)
	}
	return tests, nil
}

// matches tells whether a value matches: an object of which all fields do, or a list with such an object in it.
func (f *fieldsPattern) matches(v value.Value) bool {
	if list, ok := v.(value.Array); ok {
		return slices.ContainsFunc(list, f.matches)
	}
	o, ok := v.(*value.Object)
	if !ok {
		o = value.NewObject() // fields that must not exist do not
	}
	for _, field := range f.fields {
		if !field.matches(o) {
			return false
		}
	}
	for _, alternatives := range f.ors {
		if !slices.ContainsFunc(alternatives, func(one *fieldsPattern) bool { return one.matches(o) }) {
			return false
		}
	}
	return true
}

func (p *fieldPattern) matches(o *value.Object) bool {
	v, _ := o.Get(p.name)
	if p.nested != nil {
		return p.nested.matches(v)
	}
	passes := func(v value.Value) bool {
		return slices.ContainsFunc(p.tests, func(t fieldTest) bool { return t(v) })
	}
	if list, ok := v.(value.Array); ok && len(list) > 0 {
		return slices.ContainsFunc(list, passes)
	}
	return passes(v)
}
