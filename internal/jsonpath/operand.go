package jsonpath

import (
	"math"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/value"
)

// operandKind is what a side of a comparison is. The kinds that Jayway's Java interface adds (classes, dates, predicates) cannot be
// written in a path.
type operandKind uint8

const (
	undefinedKind operandKind = iota // a path that leads nowhere: equal to nothing, itself included
	nullKind                         // null
	boolKind                         // true or false
	numberKind                       // a number, compared as a decimal
	stringKind                       // a string
	jsonKind                         // an array or an object
	patternKind                      // a regular expression
	pathKind                         // an element of a list that reads as a path: equal to nothing
)

// operand is one side of a comparison when it comes to comparing, or an element of a list.
type operand struct {
	kind    operandKind
	boolean bool
	literal bool   // the array or object is written in the filter, or stands as a text in a list
	text    string // of a string, or of a literal array or object
	number  number
	json    value.Value
	err     error // why json is absent: a literal that is not even lenient JSON fails when it is used
	pattern *regexp.Regexp
}

func boolOperand(b bool) operand     { return operand{kind: boolKind, boolean: b} }
func stringOperand(s string) operand { return operand{kind: stringKind, text: s} }

// operandOf is what a path has led to.
func operandOf(v value.Value) (operand, error) {
	switch v := v.(type) {
	case value.Null:
		return operand{kind: nullKind}, nil
	case value.Bool:
		return boolOperand(bool(v)), nil
	case value.String:
		return stringOperand(string(v)), nil
	case value.Array, *value.Object:
		return operand{kind: jsonKind, json: v}, nil
	case keySet:
		return operand{}, failf("Could not convert class java.util.LinkedHashMap$LinkedKeySet:%s to a ValueNode", javaText(v))
	}
	return operand{kind: numberKind, number: numberOf(v)}, nil
}

// equal is Jayway's ==, in which a number equals the string that spells it.
func (o *operand) equal(other *operand) bool {
	switch o.kind {
	case nullKind:
		return other.kind == nullKind
	case boolKind:
		return other.kind == boolKind && o.boolean == other.boolean
	case numberKind:
		n := other.number
		if other.kind == stringKind {
			var ok bool
			if n, ok = parseNumber(other.text); !ok {
				return false
			}
			return o.number.compare(n) == 0
		}
		return other.kind == numberKind && o.number.compare(n) == 0
	case stringKind:
		switch other.kind {
		case stringKind:
			return o.text == other.text
		case numberKind:
			return o.text == other.number.String()
		}
	case jsonKind:
		// An array or object that a path led to never equals one in a list, where it can only be a text.
		return other.kind == jsonKind && o.literal && other.literal && o.text == other.text
	}
	return false
}

// list is an array or object as a list of operands. ok is false for an object.
func (o *operand) list() (list []operand, ok bool, err error) {
	if o.err != nil {
		return nil, false, o.err
	}
	array, ok := o.json.(value.Array)
	if !ok {
		return nil, false, nil
	}
	list = make([]operand, len(array))
	for i, item := range array {
		if list[i], err = listed(item); err != nil {
			return nil, false, err
		}
	}
	return list, true, nil
}

// length is the number of elements of an array, and -1 for an object.
func (o *operand) length() int {
	if array, ok := o.json.(value.Array); ok {
		return len(array)
	}
	return -1
}

// listed is an element of a list. Jayway reads the strings in it once more, as a path, as JSON, or as a quoted string with
// escapes, and refuses arrays and objects.
func listed(v value.Value) (operand, error) {
	switch v := v.(type) {
	case value.Array, *value.Object, keySet:
		return operand{}, failf("Could not determine value type")
	case value.String:
		return listedString(string(v))
	}
	return operandOf(v)
}

func listedString(s string) (o operand, err error) {
	trimmed := strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	if isPath(trimmed) {
		return operand{kind: pathKind}, nil
	}
	if isJSON(trimmed) {
		return operand{kind: jsonKind, text: s, literal: true}, nil
	}
	units := utf16.Encode([]rune(s))
	if len(units) < 2 {
		return stringOperand(s), nil
	}
	open, close := units[0], units[len(units)-1]
	if open == close && (open == '\'' || open == '"') {
		units = units[1 : len(units)-1]
	}
	if fault, ok := catch(func() { o = stringOperand(unescape(units)) }).(javaFault); ok {
		return operand{}, failf("%s", fault.message)
	}
	return o, nil
}

func isPath(s string) bool {
	if s == "" || s[0] != '$' && s[0] != '@' {
		return false
	}
	_, err := Compile(s)
	return err == nil
}

func isJSON(s string) bool {
	if len(s) < 2 {
		return false
	}
	if ends := s[:1] + s[len(s)-1:]; ends != "[]" && ends != "{}" {
		return false
	}
	_, err := readLiteral(utf16.Encode([]rune(s)))
	return err == nil
}

// sameJava is equality of lists and maps in Java: numbers of different classes differ, 1 from 1.0.
func sameJava(a, b value.Value) bool {
	switch a := a.(type) {
	case value.Array:
		b, ok := b.(value.Array)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !sameJava(a[i], b[i]) {
				return false
			}
		}
		return true
	case *value.Object:
		b, ok := b.(*value.Object)
		if !ok || a.Len() != b.Len() {
			return false
		}
		for name, member := range a.All() {
			other, ok := b.Get(name)
			if !ok || !sameJava(member, other) {
				return false
			}
		}
		return true
	case value.Float:
		b, ok := b.(value.Float)
		return ok && math.Float64bits(float64(a)) == math.Float64bits(float64(b))
	}
	switch b.(type) {
	case value.Array, *value.Object:
		return false
	}
	return a == b
}

// units is the length of s in UTF-16 code units.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// compareUnits orders strings by their UTF-16 code units, in which characters beyond U+FFFF come before U+E000.
func compareUnits(a, b string) int {
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if x != y {
			if u, v := firstUnit(x), firstUnit(y); u != v {
				return int(u - v)
			}
			return int(x - y)
		}
		a, b = a[n:], b[m:]
	}
	return len(a) - len(b)
}

func firstUnit(r rune) rune {
	if r > 0xFFFF {
		r, _ = utf16.EncodeRune(r)
	}
	return r
}
