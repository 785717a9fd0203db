package pattern

import "github.com/tutti-run/tutti/internal/value"

// numeric reads a list of one comparison, or of two that make a range.
func (c *compiler) numeric() (test, error) {
	t, err := c.next()
	switch {
	case err != nil:
		return test{}, err
	case t.kind != arrayBegins:
		return test{}, c.fault("Value of numeric must be an array.")
	}
	if t, err = c.next(); err != nil {
		return test{}, err
	}
	c.took()
	if t.kind != text {
		return test{}, c.fault("Invalid member in numeric match: %s", t.text)
	}
	sign := t.text
	accepts, known := comparisons[sign]
	bottom, err := c.numericOperand(sign, known)
	if err != nil {
		return test{}, err
	}
	if t, err = c.next(); err != nil {
		return test{}, err
	}
	holds := comparison(accepts, bottom)
	switch {
	case t.kind == arrayEnds:
		return test{holds: holds}, nil
	case sign != ">" && sign != ">=":
		return test{}, c.fault(tooMany)
	}
	below, err := c.top(t, bottom)
	return test{holds: func(leaf value.Value) bool { return holds(leaf) && below(leaf) }}, err
}

// top reads the second comparison of a range, from its sign on.
func (c *compiler) top(t token, bottom value.Value) (func(value.Value) bool, error) {
	c.took()
	switch {
	case t.kind != text:
		return nil, c.fault("Bad value in numeric range: %s", t.text)
	case t.text != "<" && t.text != "<=":
		return nil, c.fault("Bad numeric range operator: %s", t.text)
	}
	top, err := c.numericOperand(t.text, true)
	if err != nil {
		return nil, err
	}
	end, err := c.next()
	switch {
	case err != nil:
		return nil, err
	case end.kind != arrayEnds:
		return nil, c.fault("Too many terms in numeric range expression")
	}
	if order, _ := value.CompareNumbers(bottom, top); order >= 0 {
		return nil, c.fault("Bottom must be less than top")
	}
	return comparison(comparisons[t.text], top), nil
}

// numericOperand reads the number behind a sign.
func (c *compiler) numericOperand(sign string, known bool) (value.Value, error) {
	t, err := c.next()
	switch {
	case err != nil:
		return nil, err
	case !known:
		return nil, c.fault("Unrecognized numeric range operator: %s", sign)
	case t.kind == number:
		return numberOf(t), nil
	case sign == "=":
		sign = "equals"
	}
	return nil, c.fault("Value of %s must be numeric", sign)
}

// comparisons has for each sign which orders of a number to the operand it accepts.
var comparisons = map[string][]int{"<": {-1}, "<=": {-1, 0}, "=": {0}, ">=": {0, 1}, ">": {1}}

func comparison(accepted []int, with value.Value) func(value.Value) bool {
	return func(leaf value.Value) bool {
		order, ok := value.CompareNumbers(leaf, with)
		if !ok {
			return false
		}
		for _, a := range accepted {
			if a == order {
				return true
			}
		}
		return false
	}
}
