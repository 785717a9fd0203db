package jsonpath

import (
	"slices"
	"strings"
)

// operator is a relational operator of filters.
type operator uint8

const (
	opAtLeast  operator = iota // >= of two numbers or two strings; nothing else compares
	opAtMost                   // <=
	opEqual                    // == in which a number equals the string that spells it
	opSame                     // === between two of a kind
	opNotEqual                 // !=
	opNotSame                  // !==
	opLess                     // <
	opGreater                  // >
	opMatch                    // =~ a regular expression that fits the whole of a string, or of an element of an array
	opNotIn                    // not opIn
	opIn                       // right is an array that has left
	opContains                 // left is an array that has right, or a string
	opAll                      // never true of what can be written in a path
	opSize                     // the length of an array or a string
	opExists                   // compares true and false; whether a path exists is asked for without an operator
	opType                     // never true of what can be written in a path
	opMatches                  // never true of what can be written in a path
	opEmpty                    // left is an array or a string, empty or not
	opSubsetOf                 // right has all that left has
	opAnyOf                    // left and right have something in common
	opNoneOf                   // they have nothing in common
	operatorCount
)

// operatorNames are as in Jayway; words are written in any case, and must end at a blank.
var operatorNames = [operatorCount]string{
	opAtLeast:  ">=",
	opAtMost:   "<=",
	opEqual:    "==",
	opSame:     "===",
	opNotEqual: "!=",
	opNotSame:  "!==",
	opLess:     "<",
	opGreater:  ">",
	opMatch:    "=~",
	opNotIn:    "NIN",
	opIn:       "IN",
	opContains: "CONTAINS",
	opAll:      "ALL",
	opSize:     "SIZE",
	opExists:   "EXISTS",
	opType:     "TYPE",
	opMatches:  "MATCHES",
	opEmpty:    "EMPTY",
	opSubsetOf: "SUBSETOF",
	opAnyOf:    "ANYOF",
	opNoneOf:   "NONEOF",
}

func operatorNamed(name string) (operator, bool) {
	i := slices.Index(operatorNames[:], strings.ToUpper(name))
	return operator(max(i, 0)), i >= 0
}

// holds compares the operands. An error of the kind [faultInvalidPath] makes the filter refuse the node, whatever else it asks.
func (o operator) holds(left, right *operand) (bool, error) {
	switch o {
	case opEqual:
		return equals(left, right)
	case opNotEqual:
		return not(equals(left, right))
	case opSame:
		return same(left, right)
	case opNotSame:
		return not(same(left, right))
	case opLess, opAtMost, opGreater, opAtLeast:
		order, ok := compare(left, right)
		return ok && o.accepts(order), nil
	case opMatch:
		return match(left, right)
	case opIn:
		return in(left, right)
	case opNotIn:
		return not(in(left, right))
	case opContains:
		return contains(left, right)
	case opSize:
		return size(left, right)
	case opEmpty:
		return empty(left, right)
	case opExists:
		return exists(left, right)
	case opSubsetOf:
		return subsetOf(left, right)
	case opAnyOf:
		common, ok, err := intersect(left, right)
		return ok && common, err
	case opNoneOf:
		common, ok, err := intersect(left, right)
		return ok && !common, err
	case opAll:
		return false, invalidPathf("Expected value list node")
	case opType:
		return false, invalidPathf("Expected class node")
	}
	return false, invalidPathf("Expected predicate node")
}

func not(holds bool, err error) (bool, error) { return !holds && err == nil, err }

// accepts tells whether an operator of order is content with left and right being in this one.
func (o operator) accepts(order int) bool {
	switch o {
	case opLess:
		return order < 0
	case opAtMost:
		return order <= 0
	case opGreater:
		return order > 0
	}
	return order >= 0
}

// compare orders two numbers or two strings.
func compare(left, right *operand) (order int, ok bool) {
	switch {
	case left.kind == numberKind && right.kind == numberKind:
		return left.number.compare(right.number), true
	case left.kind == stringKind && right.kind == stringKind:
		return compareUnits(left.text, right.text), true
	}
	return 0, false
}

func equals(left, right *operand) (bool, error) {
	if left.kind != jsonKind || right.kind != jsonKind {
		return left.equal(right), nil
	}
	if right.err != nil {
		return false, right.err
	}
	// Jayway holds a literal on the left as a text, which no array or object equals.
	return !left.literal && sameJava(left.json, right.json), nil
}

func same(left, right *operand) (bool, error) {
	if left.kind != right.kind {
		return false, nil
	}
	return equals(left, right)
}

func in(left, right *operand) (bool, error) {
	if right.kind != jsonKind {
		return false, invalidPathf("Expected value list node")
	}
	list, ok, err := right.list()
	return ok && has(list, left), err
}

// has tells whether the list has an element that o equals.
func has(list []operand, o *operand) bool {
	for i := range list {
		if o.equal(&list[i]) {
			return true
		}
	}
	return false
}

func contains(left, right *operand) (bool, error) {
	if left.kind == stringKind && right.kind == stringKind {
		return strings.Contains(left.text, right.text), nil
	}
	if left.kind != jsonKind {
		return false, nil
	}
	list, ok, err := left.list()
	return ok && has(list, right), err
}

func exists(left, right *operand) (bool, error) {
	if left.kind != boolKind && right.kind != boolKind {
		return false, failf("Failed to evaluate exists expression")
	}
	if left.kind != right.kind {
		return false, invalidPathf("Expected boolean node")
	}
	return left.boolean == right.boolean, nil
}

func size(left, right *operand) (bool, error) {
	if right.kind != numberKind {
		return false, nil
	}
	wanted := right.number.int32()
	switch left.kind {
	case stringKind:
		return units(left.text) == wanted, nil
	case jsonKind:
		if left.err != nil {
			return false, left.err
		}
		return left.length() == wanted, nil
	}
	return false, nil
}

func empty(left, right *operand) (bool, error) {
	isEmpty := false
	switch left.kind {
	case stringKind:
		isEmpty = left.text == ""
	case jsonKind:
		if left.err != nil {
			return false, left.err
		}
		n := left.length()
		if n < 0 {
			return false, failf("class java.util.LinkedHashMap cannot be cast to class java.util.Collection " +
				"(java.util.LinkedHashMap and java.util.Collection are in module java.base of loader 'bootstrap')")
		}
		isEmpty = n == 0
	default:
		return false, nil
	}
	if right.kind != boolKind {
		return false, invalidPathf("Expected boolean node")
	}
	return isEmpty == right.boolean, nil
}

func match(left, right *operand) (bool, error) {
	if (left.kind == patternKind) == (right.kind == patternKind) {
		return false, nil
	}
	if left.kind == patternKind {
		left, right = right, left
	}
	if left.kind == jsonKind {
		if left.err != nil {
			return false, left.err
		}
		if left.length() >= 0 {
			list, _, err := left.list()
			for i := range list {
				if right.pattern.MatchString(list[i].spelled()) {
					return true, err
				}
			}
			return false, err
		}
	}
	return right.pattern.MatchString(left.spelled()), nil
}

// spelled is what a regular expression sees of an operand: nothing of arrays, objects and null.
func (o *operand) spelled() string {
	switch o.kind {
	case stringKind:
		return o.text
	case numberKind:
		return o.number.String()
	case boolKind:
		if o.boolean {
			return "true"
		}
		return "false"
	}
	return ""
}

// lists are both sides as lists, right first as in Jayway. ok is false where one is an object.
func lists(left, right *operand) (l, r []operand, ok bool, err error) {
	for _, side := range []struct {
		operand *operand
		list    *[]operand
	}{{right, &r}, {left, &l}} {
		if side.operand.kind != jsonKind {
			return nil, nil, false, invalidPathf("Expected value list node")
		}
		if *side.list, ok, err = side.operand.list(); !ok {
			return nil, nil, false, err
		}
	}
	return l, r, true, nil
}

func subsetOf(left, right *operand) (bool, error) {
	l, r, ok, err := lists(left, right)
	if !ok {
		return false, err
	}
	for i := range l {
		if !has(r, &l[i]) {
			return false, nil
		}
	}
	return true, nil
}

// intersect tells whether two lists have something in common. ok is false where one is an object.
func intersect(left, right *operand) (common, ok bool, err error) {
	l, r, ok, err := lists(left, right)
	if !ok {
		return false, false, err
	}
	for i := range l {
		if has(r, &l[i]) {
			return true, true, nil
		}
	}
	return false, true, nil
}
