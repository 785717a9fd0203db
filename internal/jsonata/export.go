package jsonata

import (
	"math"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/jsonata/regex"
	"github.com/tutti-run/tutti/internal/value"
)

// export turns the result of an evaluation into a value for the world outside: lists become arrays, whole doubles become integers, undefined
// items null. What needs no change is passed on as it is, so that input which comes out again is not copied.
func (r *run) export(v value.Value) (value.Value, *Error) {
	if v == nil {
		return nil, nil
	}
	if _, ok := v.(*function); ok {
		return nil, &Error{Class: ClassResult, Message: "The result is a function"}
	}
	out, _, err := r.exported(v)
	return out, err
}

func (r *run) exported(v value.Value) (out value.Value, changed bool, err *Error) {
	switch x := v.(type) {
	case value.Int, value.Bool, value.Null:
		return v, false, nil
	case value.String:
		if utf8.ValidString(string(x)) {
			return v, false, nil
		}
		return value.String(r.wholeCharacters(string(x))), true, nil
	case nil:
		return value.Null{}, true, nil
	case value.Float:
		out = r.exportedFloat(float64(x))
		return out, out != v, nil
	case value.BigInt:
		f, _ := value.Float64(x)
		return r.exportedFloat(f), true, nil
	case *value.Object:
		return r.exportedObject(x)
	case value.Array:
		return r.exportedItems(x, v)
	case *list:
		out, changed, err = r.exportedItems(x.items, nil)
		if err == nil && !changed {
			out = value.Array(x.items)
		}
		return out, true, err
	}
	if r.expr.dialect.service {
		return nil, false, &Error{Class: ClassResult, Message: "The result holds a function"}
	}
	return nil, true, nil // JSON leaves functions out
}

// wholeCharacters joins halves of surrogate pairs that stand side by side. Others have no UTF-8 form: in the service's dialect they become
// U+FFFD, in plain mode they stay as they are, for [AppendJSON] to write as escapes.
func (r *run) wholeCharacters(s string) string {
	units := regex.Units(s)
	if r.expr.dialect.service {
		return string(utf16.Decode(units))
	}
	out := make([]byte, 0, len(s))
	for _, unit := range units {
		out = appendUnit(out, unit)
	}
	return string(out)
}

// exportedFloat returns whole numbers as integers. The service does so as far as 64 bits reach, and writes what is no JSON number as a string.
func (r *run) exportedFloat(f float64) value.Value {
	if f == 0 {
		return value.Int(0)
	}
	if r.expr.dialect.service {
		switch {
		case f != f:
			return value.String("NaN")
		case math.IsInf(f, 1):
			return value.String("Infinity")
		case math.IsInf(f, -1):
			return value.String("-Infinity")
		case f == math.Trunc(f) && f >= -(1<<63) && f < 1<<63:
			return value.Int(int64(f))
		}
	}
	return number(f)
}

func (r *run) exportedItems(elements []value.Value, original value.Value) (value.Value, bool, *Error) {
	r.descend()
	r.step(1 + len(elements)/8)
	var out value.Array
	for i, e := range elements {
		v, changed, err := r.exported(e)
		if err != nil {
			return nil, false, err
		}
		if changed && out == nil {
			r.charge(len(elements) * itemBytes)
			out = append(make(value.Array, 0, len(elements)), elements[:i]...)
		}
		if out != nil {
			if v == nil {
				v = value.Null{}
			}
			out = append(out, v)
		}
	}
	r.ascend()
	if out == nil {
		return original, false, nil
	}
	return out, true, nil
}

func (r *run) exportedObject(o *value.Object) (value.Value, bool, *Error) {
	r.descend()
	r.step(1)
	var members []value.Member
	copied := false
	for i := range o.Len() {
		m := o.At(i)
		v, changed, err := r.exported(m.Value)
		if err != nil {
			return nil, false, err
		}
		if changed && !copied {
			copied = true
			r.charge(o.Len() * 2 * itemBytes)
			members = make([]value.Member, 0, o.Len())
			for k := range i {
				members = append(members, o.At(k))
			}
		}
		if copied && v != nil {
			members = append(members, value.Member{Name: m.Name, Value: v})
		}
	}
	r.ascend()
	if !copied {
		return o, false, nil
	}
	return value.NewObject(members...), true, nil
}
