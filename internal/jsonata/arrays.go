package jsonata

import (
	"math"
	"strconv"

	"github.com/tutti-run/tutti/internal/value"
)

func exists(_ *run, args []value.Value) (value.Value, *Error) {
	return value.Bool(arg(args, 0) != nil), nil
}

// typeOf follows the reference to the letter: NaN passes for an object, and infinity is a fault.
func typeOf(_ *run, args []value.Value) (value.Value, *Error) {
	switch x := arg(args, 0).(type) {
	case nil:
		return nil, nil
	case value.Float, value.BigInt:
		numeric, err := isNumeric(x)
		if err != nil {
			return nil, err
		}
		if !numeric {
			return value.String("object"), nil
		}
		return value.String("number"), nil
	case *function:
		return value.String("function"), nil
	default:
		return value.String(x.Kind().String()), nil
	}
}

func mapItems(r *run, args []value.Value) (value.Value, *Error) {
	elements, ok := items(arg(args, 0))
	if !ok {
		return nil, nil
	}
	f, whole := functionArg(args, 1), args[0]
	out := make([]value.Value, 0, len(elements))
	r.array(len(elements))
	for i, e := range elements {
		v, err := r.item(f, e, i, whole)
		if err != nil {
			return nil, err
		}
		if v != nil {
			out = append(out, v)
		}
	}
	return &list{items: out, flags: flagSequence}, nil
}

// item calls f with an item, its place and the array, as far as f declares parameters.
func (r *run) item(f *function, e value.Value, i int, whole value.Value) (value.Value, *Error) {
	if f.arity < 2 {
		return r.invoke(f, e)
	}
	return r.invoke(f, e, value.Int(i), whole)
}

func filterItems(r *run, args []value.Value) (value.Value, *Error) {
	elements, ok := items(arg(args, 0))
	if !ok {
		return nil, nil
	}
	f, whole := functionArg(args, 1), args[0]
	var out []value.Value
	for i, e := range elements {
		approved, err := r.approves(f, e, i, whole)
		if err != nil {
			return nil, err
		}
		if approved {
			out = append(out, e)
		}
	}
	r.array(len(out))
	return &list{items: out, flags: flagSequence}, nil
}

func (r *run) approves(f *function, e value.Value, i int, whole value.Value) (bool, *Error) {
	v, err := r.item(f, e, i, whole)
	if err != nil {
		return false, err
	}
	return r.truth(v)
}

func single(r *run, args []value.Value) (value.Value, *Error) {
	elements, ok := items(arg(args, 0))
	if !ok {
		return nil, nil
	}
	f, whole := functionArg(args, 1), args[0]
	var only value.Value
	matched := false
	for i, e := range elements {
		r.step(1)
		if f != nil {
			approved, err := r.approves(f, e, i, whole)
			if err != nil {
				return nil, err
			}
			if !approved {
				continue
			}
		}
		if matched {
			return nil, faultAt("D3138", nil, i)
		}
		only, matched = e, true
	}
	if !matched {
		return nil, fault("D3139")
	}
	return only, nil
}

func reduce(r *run, args []value.Value) (value.Value, *Error) {
	elements, ok := items(arg(args, 0))
	if !ok {
		return nil, nil
	}
	f := functionArg(args, 1)
	if f.arity < 2 {
		return nil, faultAt("D3050", nil, 1)
	}
	whole, result := args[0], arg(args, 2)
	first := 0
	if result == nil && len(elements) > 0 {
		result, first = elements[0], 1
	}
	for i := first; i < len(elements); i++ {
		var err *Error
		switch {
		case f.arity >= 4:
			result, err = r.apply(f, result, elements[i], value.Int(i), whole)
		case f.arity == 3:
			result, err = r.apply(f, result, elements[i], value.Int(i))
		default:
			result, err = r.apply(f, result, elements[i])
		}
		if err != nil {
			return nil, err
		}
	}
	return result, nil
}

func zip(r *run, args []value.Value) (value.Value, *Error) {
	shortest := math.MaxInt
	for _, a := range args {
		elements, _ := items(a)
		shortest = min(shortest, len(elements))
	}
	if len(args) == 0 {
		return nil, internalFault("Invalid array length")
	}
	r.array(shortest * (len(args) + 2))
	out := make(value.Array, 0, shortest)
	for i := range shortest {
		row := make(value.Array, len(args))
		for k, a := range args {
			elements, _ := items(a)
			row[k] = elements[i]
		}
		out = append(out, row)
	}
	return out, nil
}

func appendItems(r *run, args []value.Value) (value.Value, *Error) {
	return r.join(arg(args, 0), arg(args, 1)), nil
}

func reverse(r *run, args []value.Value) (value.Value, *Error) {
	elements, ok := items(arg(args, 0))
	if !ok || len(elements) <= 1 {
		return arg(args, 0), nil
	}
	r.array(len(elements))
	out := make(value.Array, len(elements))
	for i, e := range elements {
		out[len(out)-1-i] = e
	}
	return out, nil
}

func shuffle(r *run, args []value.Value) (value.Value, *Error) {
	elements, ok := items(arg(args, 0))
	if !ok || len(elements) <= 1 {
		return arg(args, 0), nil
	}
	r.array(len(elements))
	out := make(value.Array, len(elements))
	for i, e := range elements {
		k := int(r.random() * float64(i+1))
		out[i] = out[k]
		out[k] = e
	}
	return out, nil
}

func sortItems(r *run, args []value.Value) (value.Value, *Error) {
	elements, ok := items(arg(args, 0))
	if !ok || len(elements) <= 1 {
		return arg(args, 0), nil
	}
	after, err := sortingBy(r, functionArg(args, 1), elements)
	if err != nil {
		return nil, err
	}
	r.array(2 * len(elements))
	out := append(make(value.Array, 0, len(elements)), elements...)
	if err := mergeSort(r, out, make([]value.Value, len(out)), after); err != nil {
		return nil, err
	}
	return out, nil
}

// sortingBy returns the comparison of a sort: f's, or the natural order of numbers or strings.
func sortingBy(r *run, f *function, elements []value.Value) (func(a, b value.Value) (bool, *Error), *Error) {
	if f != nil {
		return func(a, b value.Value) (bool, *Error) {
			v, err := r.apply(f, a, b)
			return truthy(v), err
		}, nil
	}
	_, numbers, err := numbersOnly(value.Array(elements))
	if err != nil {
		return nil, err
	}
	switch {
	case numbers:
		return func(a, b value.Value) (bool, *Error) {
			return orderNumbers(a, b) > 0, nil
		}, nil
	case stringsOnly(elements):
		return func(a, b value.Value) (bool, *Error) {
			return compareStrings(string(a.(value.String)), string(b.(value.String))) > 0, nil
		}, nil
	}
	return nil, faultAt("D3070", nil, 1)
}

// truthy is JavaScript's own idea of truth, which the reference applies to the answers of a comparison function.
func truthy(v value.Value) bool {
	switch x := v.(type) {
	case nil, value.Null:
		return false
	case value.Bool:
		return bool(x)
	case value.String:
		return x != ""
	case value.Int, value.Float, value.BigInt:
		f, _ := float(v)
		return f == f && f != 0
	}
	return true
}

func distinct(r *run, args []value.Value) (value.Value, *Error) {
	v := arg(args, 0)
	elements, ok := items(v)
	if !ok || len(elements) <= 1 {
		return v, nil
	}
	r.array(len(elements))
	var out []value.Value
	seen := map[string]bool{}  // scalars by their text
	var compound []value.Value // arrays and objects, one by one
	for _, e := range elements {
		if key, scalar := scalarKey(e); scalar {
			if seen[key] {
				continue
			}
			seen[key] = true
			out = append(out, e)
			continue
		}
		if !r.among(compound, e) {
			compound = append(compound, e)
			out = append(out, e)
		}
	}
	if l, ok := v.(*list); ok && l.has(flagSequence) {
		return &list{items: out, flags: flagSequence}, nil
	}
	return value.Array(out), nil
}

func (r *run) among(others []value.Value, v value.Value) bool {
	for _, other := range others {
		if r.equal(v, other) {
			return true
		}
	}
	return false
}

// scalarKey returns a text that two scalars share if they are equal. NaN, which equals nothing, has none.
func scalarKey(v value.Value) (string, bool) {
	switch x := v.(type) {
	case value.String:
		return "s" + string(x), true
	case value.Bool:
		return strconv.FormatBool(bool(x)), true
	case value.Null:
		return "null", true
	case value.Int:
		return strconv.FormatInt(int64(x), 10), true
	case value.Float, value.BigInt:
		f, _ := float(v)
		if f != f {
			return "", false
		}
		if n, ok := number(f).(value.Int); ok {
			return strconv.FormatInt(int64(n), 10), true
		}
		return strconv.FormatFloat(f+0, 'g', -1, 64), true
	}
	return "", false
}
