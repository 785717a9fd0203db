package pattern

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// maxRules is how many rules a pattern may come to when its $or are multiplied out (user guide, "Or matching").
const maxRules = 1000

// compiler reads a pattern from its first token to its last, so that the first fault in the text is the one that is told, and in the words that AWS's reader of
// patterns has for it.
type compiler struct {
	reader
	plainOr   bool // $or is a field like any other
	path      []string
	rules     []map[string][]test
	wildcards []wildcard // of the field that is being read
}

func (c *compiler) compile() ([]rule, error) {
	t, err := c.next()
	switch {
	case err != nil:
		return nil, err
	case t.kind != objectBegins:
		return nil, c.fault("Filter is not an object")
	}
	if err := c.object(false); err != nil {
		return nil, err
	}
	if c.skipBlanks(); c.at < len(c.source) {
		return nil, c.unexpected("expected nothing behind the pattern")
	}
	rules := make([]rule, len(c.rules))
	for i, tests := range c.rules {
		for _, path := range slices.Sorted(maps.Keys(tests)) {
			rules[i] = append(rules[i], condition{path, tests[path]})
		}
	}
	return rules, nil
}

// object reads the members of an object of fields.
func (c *compiler) object(inOr bool) error {
	for empty := true; ; empty = false {
		t, err := c.next()
		if err != nil {
			return err
		}
		if t.kind == objectEnds {
			if empty {
				return c.fault("Empty objects are not allowed")
			}
			return nil
		}
		if err := c.member(t.text, inOr); err != nil {
			return err
		}
	}
}

func (c *compiler) member(name string, inOr bool) error {
	if name == "$or" && !c.plainOr {
		return c.or()
	}
	if _, reserved := operators[name]; reserved && inOr {
		return c.fault("%s is Ruler reserved fieldName which cannot be used inside $or.", name)
	}
	t, err := c.next()
	if err != nil {
		return err
	}
	c.path = append(c.path, name)
	defer func() { c.path = c.path[:len(c.path)-1] }()
	switch t.kind {
	case objectBegins:
		return c.object(inOr)
	case arrayBegins:
		return c.field()
	}
	return c.fault("%q must be an object or an array", name)
}

// or reads the alternatives of $or. Each goes with all rules so far.
func (c *compiler) or() error {
	t, err := c.next()
	if err != nil {
		return err
	}
	if t.kind != arrayBegins {
		return c.fault("It must be an Array followed with $or.")
	}
	before := c.rules
	if len(before) == 0 {
		before = []map[string][]test{{}}
	}
	var after []map[string][]test
	for alternatives := 0; ; alternatives++ {
		t, err := c.next()
		switch {
		case err != nil:
			return err
		case t.kind == arrayEnds && alternatives < 2:
			return c.fault("There must have at least 2 Objects in $or relationship.")
		case t.kind == arrayEnds:
			c.rules = after
			return nil
		case t.kind != objectBegins:
			return c.fault("Only JSON object is allowed in array of $or relationship.")
		}
		c.rules = nil
		for _, tests := range before {
			c.rules = append(c.rules, maps.Clone(tests))
		}
		if err := c.object(true); err != nil {
			return err
		}
		if after = append(after, c.rules...); len(after) > maxRules {
			return badPattern("Rule is too complex - the number of combinations of $or exceeds the limit of %d", maxRules)
		}
	}
}

// field reads the list of what a field may be.
func (c *compiler) field() error {
	var tests []test
	c.wildcards = nil
	for {
		t, err := c.next()
		if err != nil {
			return err
		}
		if t.kind == arrayEnds {
			break
		}
		one, err := c.test(t)
		if err != nil {
			return err
		}
		tests = append(tests, one)
	}
	if len(tests) == 0 {
		return c.fault("Empty arrays are not allowed")
	}
	if tooComplex(c.wildcards) {
		return badPattern("Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character")
	}
	if len(c.rules) == 0 {
		c.rules = []map[string][]test{{}}
	}
	for _, r := range c.rules {
		r[strings.Join(c.path, ".")] = tests
	}
	return nil
}

// test reads one member of a field's list: a value that the field equals, or an operator.
func (c *compiler) test(t token) (test, error) {
	switch t.kind {
	case objectBegins:
		return c.operator()
	case text:
		return test{holds: equalsText(t.text)}, nil
	case number:
		return test{holds: equalsNumber(numberOf(t))}, nil
	case literal:
		want := valueOf(t)
		return test{holds: func(leaf value.Value) bool { return value.Equal(leaf, want) }}, nil
	}
	return test{}, c.fault("Match value must be String, number, true, false, or null")
}

// onlyKey is told of an operator that has company.
const onlyKey = "Only one key allowed in match expression"

// tooMany is the same, for those whose operand is a list.
const tooMany = "Too many elements in numeric expression"

// operator reads an operand. What is told of another member behind it is alone.
type operator struct {
	read  func(*compiler) (test, error)
	alone string
}

// operators is the table of all operators (user guide, "Comparison operators").
var operators map[string]operator

func init() { // no literal, since the readers come back to the table
	operators = map[string]operator{
		"exactly":            {(*compiler).exactly, onlyKey},          // a text
		"prefix":             {(*compiler).prefix, onlyKey},           // a text begins so
		"suffix":             {(*compiler).suffix, onlyKey},           // a text ends so
		"equals-ignore-case": {(*compiler).equalsIgnoreCase, onlyKey}, // a text but for its case
		"wildcard":           {(*compiler).wildcard, onlyKey},         // * stands for any characters
		"numeric":            {(*compiler).numeric, tooMany},          // a number within a range
		"cidr":               {(*compiler).cidr, onlyKey},             // an address within a block
		"exists":             {(*compiler).exists, onlyKey},           // the field is there, or not
		"anything-but":       {(*compiler).anythingBut, tooMany},      // the field is there and none of these
	}
}

// operator reads an operator, behind its object's beginning.
func (c *compiler) operator() (test, error) {
	t, err := c.next()
	switch {
	case err != nil:
		return test{}, err
	case t.kind != fieldName:
		return test{}, c.fault("Match expression name not found")
	}
	op, ok := operators[t.text]
	if !ok {
		return test{}, c.fault("Unrecognized match type %s", t.text)
	}
	result, err := op.read(c)
	if err != nil {
		return test{}, err
	}
	return result, c.ends(op.alone)
}

// ends reads the end of an object.
func (c *compiler) ends(otherwise string) error {
	t, err := c.next()
	if err == nil && t.kind != objectEnds {
		err = c.fault("%s", otherwise)
	}
	return err
}

// textOperand reads a text.
func (c *compiler) textOperand(otherwise string) (string, error) {
	t, err := c.next()
	switch {
	case err != nil:
		return "", err
	case t.kind != text:
		return "", c.fault("%s", otherwise)
	}
	c.took()
	return t.text, nil
}

func (c *compiler) exactly() (test, error) {
	s, err := c.textOperand("exact match pattern must be a string")
	return onText(func(leaf string) bool { return leaf == s }), err
}

func (c *compiler) equalsIgnoreCase() (test, error) {
	s, err := c.textOperand("equals-ignore-case match pattern must be a string")
	return onText(func(leaf string) bool { return strings.EqualFold(leaf, s) }), err
}

func (c *compiler) prefix() (test, error) { return c.affix("prefix", strings.HasPrefix) }

func (c *compiler) suffix() (test, error) { return c.affix("suffix", strings.HasSuffix) }

// affix reads prefix or suffix, which may hold equals-ignore-case.
func (c *compiler) affix(name string, has func(leaf, affix string) bool) (test, error) {
	t, err := c.next()
	switch {
	case err != nil:
		return test{}, err
	case t.kind == text:
		c.took()
		return onText(func(leaf string) bool { return has(leaf, t.text) }), nil
	case t.kind != objectBegins:
		return test{}, c.fault("%s match pattern must be a string", name)
	}
	if t, err = c.next(); err != nil {
		return test{}, err
	}
	if t.kind != fieldName {
		return test{}, c.fault("%s expression name not found", strings.ToUpper(name[:1])+name[1:])
	}
	if t.text != "equals-ignore-case" {
		return test{}, c.fault("Unsupported %s pattern: %s", name, t.text)
	}
	s, err := c.textOperand("equals-ignore-case match pattern must be a string")
	if err != nil {
		return test{}, err
	}
	folded := strings.ToLower(s)
	return onText(func(leaf string) bool { return has(strings.ToLower(leaf), folded) }), c.ends(onlyKey)
}

func (c *compiler) wildcard() (test, error) {
	s, err := c.textOperand("wildcard match pattern must be a string")
	if err != nil {
		return test{}, err
	}
	w, err := c.addWildcard(s)
	return onText(w.match), err
}

func (c *compiler) addWildcard(s string) (*wildcard, error) {
	w, reason, at := parseWildcard(s)
	if reason != "" {
		return nil, c.fault("%s at pos %d", reason, at)
	}
	c.wildcards = append(c.wildcards, w)
	return &w, nil
}

func (c *compiler) exists() (test, error) {
	t, err := c.next()
	switch {
	case err != nil:
		return test{}, err
	case t.kind == literal && t.text == "true":
		return test{holds: func(value.Value) bool { return true }}, nil
	case t.kind == literal && t.text == "false":
		return test{absent: true}, nil
	}
	return test{}, c.fault("exists match pattern must be either true or false.")
}

func (c *compiler) cidr() (test, error) {
	s, err := c.textOperand("prefix match pattern must be a string") // AWS's own slip
	if err != nil {
		return test{}, err
	}
	address, bits, ok := strings.Cut(s, "/")
	if !ok || strings.Contains(bits, "/") || bits == "" {
		return test{}, badPattern("Malformed CIDR, one '/' required")
	}
	n, err := strconv.Atoi(bits)
	if err != nil {
		return test{}, badPattern("Malformed CIDR, mask bits must be an integer")
	}
	ip, err := netip.ParseAddr(address)
	switch {
	case n < 0:
		return test{}, badPattern("Malformed CIDR, mask bits must not be negative")
	case err != nil || ip.Zone() != "":
		return test{}, badPattern("Nonstandard IP address: %s", address)
	case ip.Is4() && n > 31:
		return test{}, badPattern("IPv4 mask bits must be < 32")
	case n > 127:
		return test{}, badPattern("IPv6 mask bits must be < 128")
	}
	block := netip.PrefixFrom(ip, n).Masked()
	return onText(func(leaf string) bool {
		a, err := netip.ParseAddr(leaf)
		return err == nil && block.Contains(a)
	}), nil
}
