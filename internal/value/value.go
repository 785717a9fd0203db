package value

import (
	"iter"
	"math"
	"math/big"
	"strconv"
)

// Value is one JSON value: [Null], [Bool], [Int], [Float], [BigInt], [String], [Array] or [*Object]. A nil Value is
// no value at all (JSONata's undefined, a path that matched nothing), which is not [Null].
type Value interface {
	// Kind names the JSON type.
	Kind() Kind
	sealed()
}

// Kind is a JSON type.
type Kind uint8

// The JSON types. The three forms of numbers share one kind.
const (
	KindNull Kind = iota
	KindBool
	KindNumber
	KindString
	KindArray
	KindObject
)

var kindNames = [...]string{
	KindNull:   "null",
	KindBool:   "boolean",
	KindNumber: "number",
	KindString: "string",
	KindArray:  "array",
	KindObject: "object",
}

// String is the name that JSONata's messages and JSON Schema use.
func (k Kind) String() string { return kindNames[k] }

type (
	// Null is JSON's null.
	Null struct{}
	// Bool is true or false.
	Bool bool
	// Int is an integer within 64 bits, kept exact.
	Int int64
	// Float is a number written with a fraction or an exponent, or computed. It is never NaN or infinite in execution data.
	Float float64
	// BigInt holds the canonical decimal digits of an integer beyond 64 bits.
	BigInt string
	// String is a text in UTF-8.
	String string
	// Array is a list. It must not be changed once it is shared.
	Array []Value
)

func (Null) Kind() Kind    { return KindNull }
func (Bool) Kind() Kind    { return KindBool }
func (Int) Kind() Kind     { return KindNumber }
func (Float) Kind() Kind   { return KindNumber }
func (BigInt) Kind() Kind  { return KindNumber }
func (String) Kind() Kind  { return KindString }
func (Array) Kind() Kind   { return KindArray }
func (*Object) Kind() Kind { return KindObject }

func (Null) sealed()    {}
func (Bool) sealed()    {}
func (Int) sealed()     {}
func (Float) sealed()   {}
func (BigInt) sealed()  {}
func (String) sealed()  {}
func (Array) sealed()   {}
func (*Object) sealed() {}

// Member is a name and its value in an [Object].
type Member struct {
	Name  string
	Value Value
}

// Object is a list of members with distinct names, in order.
type Object struct {
	members []Member
	index   map[string]int // nil for small objects: a scan is faster than a map up to about a dozen names
}

const indexFrom = 12

// NewObject returns an object with the given members, which it keeps. Of members that share a name the last value
// stands, at the place of the first, as in a Java LinkedHashMap.
func NewObject(members ...Member) *Object {
	o := &Object{members: members}
	if len(members) >= indexFrom {
		o.buildIndex()
		return o
	}
	for i := 1; i < len(o.members); i++ {
		if j := o.find(o.members[i].Name); j < i {
			o.members[j].Value = o.members[i].Value
			o.members = append(o.members[:i], o.members[i+1:]...)
			i--
		}
	}
	return o
}

func (o *Object) buildIndex() {
	o.index = make(map[string]int, len(o.members))
	kept := o.members[:0]
	for _, m := range o.members {
		if at, seen := o.index[m.Name]; seen {
			kept[at].Value = m.Value
			continue
		}
		o.index[m.Name] = len(kept)
		kept = append(kept, m)
	}
	o.members = kept
}

// find returns the place of name, or the number of members.
func (o *Object) find(name string) int {
	if o.index != nil {
		if at, ok := o.index[name]; ok {
			return at
		}
		return len(o.members)
	}
	for i := range o.members {
		if o.members[i].Name == name {
			return i
		}
	}
	return len(o.members)
}

// Get returns the value of the member name.
func (o *Object) Get(name string) (Value, bool) {
	if at := o.find(name); at < len(o.members) {
		return o.members[at].Value, true
	}
	return nil, false
}

// Len is the number of members.
func (o *Object) Len() int { return len(o.members) }

// At returns the i-th member in order.
func (o *Object) At(i int) Member { return o.members[i] }

// All ranges over names and values in order.
func (o *Object) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i := range o.members {
			if !yield(o.members[i].Name, o.members[i].Value) {
				return
			}
		}
	}
}

// With returns a copy of the object in which name has value v, at its old place or else at the end.
func (o *Object) With(name string, v Value) *Object {
	members := make([]Member, len(o.members), len(o.members)+1)
	copy(members, o.members)
	if at := o.find(name); at < len(members) {
		members[at].Value = v
		return &Object{members: members, index: o.index}
	}
	members = append(members, Member{name, v})
	grown := &Object{members: members}
	if len(members) >= indexFrom {
		grown.buildIndex()
	}
	return grown
}

// Float64 returns the number v as a double, rounded where it has more digits than a double holds.
func Float64(v Value) (float64, bool) {
	switch n := v.(type) {
	case Int:
		return float64(n), true
	case Float:
		return float64(n), true
	case BigInt:
		f, _ := strconv.ParseFloat(string(n), 64)
		return f, true
	}
	return 0, false
}

// Integer returns the number v as a 64-bit integer if it is a whole number in range, whatever its form.
func Integer(v Value) (int64, bool) {
	switch n := v.(type) {
	case Int:
		return int64(n), true
	case Float:
		f := float64(n)
		if f == math.Trunc(f) && f >= -(1<<63) && f < 1<<63 {
			return int64(f), true
		}
	}
	return 0, false
}

// CompareNumbers orders two numbers by value, exactly; ok is false if either is not a number.
func CompareNumbers(a, b Value) (order int, ok bool) {
	if x, isInt := a.(Int); isInt {
		if y, isInt := b.(Int); isInt {
			switch {
			case x < y:
				return -1, true
			case x > y:
				return 1, true
			}
			return 0, true
		}
	}
	x, y := exact(a), exact(b)
	if x == nil || y == nil {
		return 0, false
	}
	return x.Cmp(y), true
}

// exact returns the number v without rounding, or nil if v is no finite number.
func exact(v Value) *big.Float {
	switch n := v.(type) {
	case Int:
		return new(big.Float).SetInt64(int64(n))
	case Float:
		if math.IsNaN(float64(n)) {
			return nil
		}
		return new(big.Float).SetFloat64(float64(n))
	case BigInt:
		i, ok := new(big.Int).SetString(string(n), 10)
		if !ok {
			return nil
		}
		return new(big.Float).SetInt(i)
	}
	return nil
}

// Equal tells whether a and b are the same JSON value: numbers by value (1 equals 1.0), objects whatever their order.
func Equal(a, b Value) bool {
	switch x := a.(type) {
	case Int, Float, BigInt:
		order, ok := CompareNumbers(a, b)
		return ok && order == 0
	case Array:
		y, ok := b.(Array)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !Equal(x[i], y[i]) {
				return false
			}
		}
		return true
	case *Object:
		y, ok := b.(*Object)
		if !ok || x.Len() != y.Len() {
			return false
		}
		for _, m := range x.members {
			other, ok := y.Get(m.Name)
			if !ok || !Equal(m.Value, other) {
				return false
			}
		}
		return true
	default:
		switch b.(type) {
		case Array, *Object:
			return false
		}
		return a == b
	}
}
