package pattern

import (
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// anythingBut reads texts or numbers that a field must not be, or one of the operators in [negatable] with such texts.
func (c *compiler) anythingBut() (test, error) {
	t, err := c.next()
	if err != nil {
		return test{}, err
	}
	switch t.kind {
	case objectBegins:
		return c.anythingButOperator()
	case text:
		return none([]func(value.Value) bool{equalsPlainly(t)}), nil
	case number:
		return none([]func(value.Value) bool{equalsNumber(numberOf(t))}), nil
	case arrayBegins:
		return c.anythingButList()
	}
	return test{}, c.fault("Value of anything-but must be an array or single string/number value.")
}

func equalsPlainly(t token) func(value.Value) bool {
	return func(leaf value.Value) bool { return leaf == value.String(t.text) }
}

// none is a test of what passes none of some. Where there are none, nothing passes.
func none(tests []func(value.Value) bool) test {
	return test{holds: func(leaf value.Value) bool {
		return len(tests) > 0 && !slices.ContainsFunc(tests, func(holds func(value.Value) bool) bool { return holds(leaf) })
	}}
}

func (c *compiler) anythingButList() (test, error) {
	var tests []func(value.Value) bool
	numbers := 0
	for {
		t, err := c.next()
		if err != nil {
			return test{}, err
		}
		switch t.kind {
		case arrayEnds:
			if len(tests) == 0 || numbers != 0 && numbers != len(tests) {
				return test{}, c.fault("Inside anything but list, either all values are number or string, mixed type is not supported")
			}
			return none(tests), nil
		case text:
			c.took()
			tests = append(tests, equalsPlainly(t))
		case number:
			tests = append(tests, equalsNumber(numberOf(t)))
			numbers++
		default:
			return test{}, c.fault("Inside anything but list, start|null|boolean is not supported.")
		}
	}
}

// negatable has the operators that may stand in anything-but, and what is told of an operand that is no text.
var negatable = map[string]struct {
	make    func(c *compiler, operand string) (func(string) bool, error)
	notText string
}{
	"prefix": {func(_ *compiler, s string) (func(string) bool, error) {
		return func(leaf string) bool { return strings.HasPrefix(leaf, s) }, nil
	}, "prefix/suffix match pattern must be a string"},
	"suffix": {func(_ *compiler, s string) (func(string) bool, error) {
		return func(leaf string) bool { return strings.HasSuffix(leaf, s) }, nil
	}, "prefix/suffix match pattern must be a string"},
	"equals-ignore-case": {func(_ *compiler, s string) (func(string) bool, error) {
		return func(leaf string) bool { return strings.EqualFold(leaf, s) }, nil
	}, "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."},
	"wildcard": {func(c *compiler, s string) (func(string) bool, error) {
		w, err := c.addWildcard(s)
		return w.match, err
	}, "wildcard match pattern must be a string"},
}

// anythingButOperator reads an operator in anything-but, with one text or a list of them.
func (c *compiler) anythingButOperator() (test, error) {
	t, err := c.next()
	switch {
	case err != nil:
		return test{}, err
	case t.kind != fieldName:
		return test{}, c.fault("Anything-But expression name not found")
	}
	op, ok := negatable[t.text]
	if !ok {
		return test{}, c.fault("Unsupported anything-but pattern: %s", t.text)
	}
	name := t.text
	if t, err = c.next(); err != nil {
		return test{}, err
	}
	var tests []func(value.Value) bool
	add := func(t token) error {
		if t.kind != text {
			return c.fault("%s", op.notText)
		}
		c.took()
		if t.text == "" && (name == "prefix" || name == "suffix") {
			return c.fault("Null prefix/suffix not allowed")
		}
		holds, err := op.make(c, t.text)
		tests = append(tests, onText(holds).holds)
		return err
	}
	switch t.kind {
	case arrayBegins:
		for {
			if t, err = c.next(); err != nil {
				return test{}, err
			}
			if t.kind == arrayEnds {
				break
			}
			if err := add(t); err != nil {
				return test{}, err
			}
		}
	case text, number:
		if err := add(t); err != nil {
			return test{}, err
		}
	default:
		return test{}, c.fault("Value of anything-but must be an array or single string/number value.")
	}
	return none(tests), c.ends(onlyKey)
}
