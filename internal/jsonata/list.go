package jsonata

import (
	"math"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/value"
)

// Evaluation works on value.Value and on three forms of its own, which embed value.Null to be stored where values are and which never
// leave the package: Eval turns lists into arrays and refuses functions.

// list is an array about which the evaluator knows more than that it is one. An array without any flag is a value.Array.
type list struct {
	value.Null
	items []value.Value
	flags listFlags
}

type listFlags uint8

const (
	flagSequence listFlags = 1 << iota // the result of a query: collapses to its item if there is one, to nothing if there is none
	flagKeepOne                        // a sequence that stays an array with a single item
	flagCons                           // made by an array constructor that is a step of a path: not flattened into the result
	flagTuples                         // the items are *tuple
	flagOuter                          // wraps an input document that is an array, so that it counts as one item
)

// Kind is that of the array the list becomes.
func (*list) Kind() value.Kind { return value.KindArray }

func (l *list) has(flag listFlags) bool { return l.flags&flag != 0 }

func sequence(items ...value.Value) *list { return &list{items: items, flags: flagSequence} }

// items returns the items of an array in either form.
func items(v value.Value) ([]value.Value, bool) {
	switch x := v.(type) {
	case value.Array:
		return x, true
	case *list:
		return x.items, true
	}
	return nil, false
}

// itemsOf is items, with anything else taken as the only item. Undefined is an item, too.
func itemsOf(v value.Value) []value.Value {
	if elements, ok := items(v); ok {
		return elements
	}
	return []value.Value{v}
}

// collapse is what becomes of a sequence at the end of an expression: nothing if empty, the item if single.
func collapse(v value.Value) value.Value {
	if l, ok := v.(*list); ok && l.flags&(flagSequence|flagTuples) == flagSequence {
		switch len(l.items) {
		case 0:
			return nil
		case 1:
			if !l.has(flagKeepOne) {
				return l.items[0]
			}
		}
	}
	return v
}

// sequenceOf is the collapsed sequence of the items.
func sequenceOf(items []value.Value) value.Value {
	switch len(items) {
	case 0:
		return nil
	case 1:
		return items[0]
	}
	return &list{items: items, flags: flagSequence}
}

// number returns f as the evaluator keeps it: whole numbers as Int as far as doubles tell each from the next, except for negative zero. Beyond
// they stay doubles, of which text shows no more digits than they have.
func number(f float64) value.Value {
	if f == math.Trunc(f) && f >= -(1<<53) && f <= 1<<53 && (f != 0 || !math.Signbit(f)) {
		return value.Int(int64(f))
	}
	return value.Float(f)
}

// float returns the number v as a double.
func float(v value.Value) (float64, bool) {
	switch x := v.(type) {
	case value.Int:
		return float64(x), true
	case value.Float:
		return float64(x), true
	case value.BigInt:
		return value.Float64(x)
	}
	return 0, false
}

// isNumeric is the reference's test for a number that can be calculated with: NaN is none, and infinity is a fault.
func isNumeric(v value.Value) (bool, *Error) {
	switch x := v.(type) {
	case value.Int:
		return true, nil
	case value.Float:
		f := float64(x)
		if math.IsInf(f, 0) {
			return false, valueFault("D1001", v)
		}
		return f == f, nil
	case value.BigInt:
		f, _ := value.Float64(x)
		if math.IsInf(f, 0) {
			return false, valueFault("D1001", v)
		}
		return true, nil
	}
	return false, nil
}

// numbersOnly tells whether v is an array of numbers.
func numbersOnly(v value.Value) (elements []value.Value, ok bool, err *Error) {
	elements, ok = items(v)
	if !ok {
		return nil, false, nil
	}
	all := true
	for _, e := range elements {
		numeric, err := isNumeric(e)
		if err != nil {
			return nil, false, err
		}
		all = all && numeric
	}
	return elements, all, nil
}

func stringsOnly(elements []value.Value) bool {
	for _, e := range elements {
		if _, ok := e.(value.String); !ok {
			return false
		}
	}
	return true
}

// truth is the effective boolean value; of undefined and of functions it is false.
func (r *run) truth(v value.Value) (bool, *Error) {
	switch x := v.(type) {
	case value.Bool:
		return bool(x), nil
	case value.String:
		return x != "", nil
	case value.Int:
		return x != 0, nil
	case value.Float, value.BigInt:
		numeric, err := isNumeric(v)
		f, _ := float(v)
		return numeric && f != 0, err
	case *value.Object:
		return x.Len() > 0, nil
	}
	elements, ok := items(v)
	if !ok {
		return false, nil
	}
	r.descend()
	defer r.ascend()
	found := false
	for _, e := range elements {
		t, err := r.truth(e)
		if err != nil {
			return false, err
		}
		found = found || t
	}
	return found, nil
}

// equal is deep equality. Two numbers are compared exactly if both are integers.
func (r *run) equal(a, b value.Value) bool {
	r.step(1)
	switch x := a.(type) {
	case nil:
		return b == nil
	case value.Bool, value.String, value.Null:
		return identical(a, b)
	case value.Int, value.Float, value.BigInt:
		return equalNumbers(a, b)
	case *function:
		return identical(a, b)
	case *value.Object:
		y, ok := b.(*value.Object)
		if !ok || x.Len() != y.Len() {
			return false
		}
		if x == y {
			return true
		}
		r.descend()
		defer r.ascend()
		for i := range x.Len() {
			m := x.At(i)
			other, found := y.Get(m.Name)
			if !found || !r.equal(m.Value, other) {
				return false
			}
		}
		return true
	}
	xs, ok := items(a)
	ys, okToo := items(b)
	if !ok || !okToo || len(xs) != len(ys) {
		return false
	}
	r.descend()
	defer r.ascend()
	for i := range xs {
		if !r.equal(xs[i], ys[i]) {
			return false
		}
	}
	return true
}

func equalNumbers(a, b value.Value) bool {
	if x, ok := a.(value.Int); ok {
		if y, ok := b.(value.Int); ok {
			return x == y
		}
	}
	x, ok := float(a)
	y, okToo := float(b)
	return ok && okToo && x == y
}

// orderNumbers compares two numbers, exactly if both are integers. NaN is neither less nor greater.
func orderNumbers(a, b value.Value) int {
	if x, ok := a.(value.Int); ok {
		if y, ok := b.(value.Int); ok {
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		}
	}
	x, _ := float(a)
	y, _ := float(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// identical is JavaScript's ===: scalars by value, everything else by identity.
func identical(a, b value.Value) bool {
	switch x := a.(type) {
	case value.String:
		y, ok := b.(value.String)
		return ok && x == y
	case value.Int, value.Float, value.BigInt:
		return equalNumbers(a, b)
	case value.Bool:
		y, ok := b.(value.Bool)
		return ok && x == y
	case value.Null:
		_, ok := b.(value.Null)
		return ok
	case *value.Object:
		y, ok := b.(*value.Object)
		return ok && x == y
	case *function:
		y, ok := b.(*function)
		return ok && x == y
	case *list:
		y, ok := b.(*list)
		return ok && x == y
	case value.Array:
		y, ok := b.(value.Array)
		return ok && len(x) == len(y) && len(x) > 0 && &x[0] == &y[0]
	}
	return a == nil && b == nil
}

// compareStrings orders by UTF-16 code units, as JavaScript does. That differs from the order of the bytes only where characters beyond
// U+FFFF meet others.
func compareStrings(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] == b[i] {
			continue
		}
		if a[i] < 0xee || b[i] < 0xee {
			return int(a[i]) - int(b[i])
		}
		return int(firstUnit(a, i)) - int(firstUnit(b, i))
	}
	return len(a) - len(b)
}

// firstUnit is the first code unit of the character around the i-th byte.
func firstUnit(s string, i int) uint16 {
	for i > 0 && !utf8.RuneStart(s[i]) {
		i--
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	if r >= 0x10000 {
		high, _ := utf16.EncodeRune(r)
		return uint16(high)
	}
	return uint16(r)
}

// lookup finds what is called name in v: a member of an object, or the members of all objects in an array. An array answers with a
// sequence that is not collapsed.
func (r *run) lookup(v value.Value, name string) value.Value {
	if o, ok := v.(*value.Object); ok {
		found, _ := o.Get(name)
		return found
	}
	elements, ok := items(v)
	if !ok {
		return nil
	}
	out := r.lookupAll(nil, elements, name)
	r.charge(len(out) * itemBytes)
	return &list{items: out, flags: flagSequence}
}

// lookupAll appends what is called name in the elements, arrays flattened.
func (r *run) lookupAll(out []value.Value, elements []value.Value, name string) []value.Value {
	r.step(len(elements))
	for _, e := range elements {
		if o, ok := e.(*value.Object); ok {
			found, _ := o.Get(name)
			if found == nil {
				continue
			}
			if inner, isArray := items(found); isArray {
				out = append(out, inner...)
			} else {
				out = append(out, found)
			}
			continue
		}
		if inner, isArray := items(e); isArray {
			r.descend()
			out = r.lookupAll(out, inner, name)
			r.ascend()
		}
	}
	return out
}

// join is the reference's append: the items of both, as an array without flags.
func (r *run) join(a, b value.Value) value.Value {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	xs, ys := itemsOf(a), itemsOf(b)
	r.array(len(xs) + len(ys))
	out := make(value.Array, 0, len(xs)+len(ys))
	return append(append(out, xs...), ys...)
}
