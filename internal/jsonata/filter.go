package jsonata

import (
	"math"

	"github.com/tutti-run/tutti/internal/value"
)

// filter is a predicate in brackets: a position, positions, or a condition.
type filter struct {
	test    node
	literal bool // a number as written: the position itself
	index   int
	fixed   bool // the test gives the same answer for every item
	depth   int  // how deep the test certainly nests
}

// apply keeps of v, an array or a single item, what the predicate lets pass. The result is a sequence that is not collapsed, or for a
// position that leads to an array this array.
func (n *filter) apply(r *run, f *frame, v value.Value) (value.Value, *Error) {
	var single [1]value.Value
	elements, isArray := items(v)
	flags := flagSequence
	if !isArray {
		single[0] = v
		elements = single[:]
	} else if l, ok := v.(*list); ok {
		flags |= l.flags & flagTuples
	}
	if n.literal {
		at := position(n.index, len(elements))
		if at < 0 || elements[at] == nil {
			return &list{flags: flags}, nil
		}
		if _, nested := items(elements[at]); nested {
			return elements[at], nil
		}
		return &list{items: []value.Value{elements[at]}, flags: flags}, nil
	}
	out, err := n.pick(r, f, nil, elements, flags&flagTuples != 0)
	if err != nil {
		return nil, err
	}
	r.charge(len(out) * itemBytes)
	return &list{items: out, flags: flags}, nil
}

// position is where index points in n items, counted from the end if negative, or -1.
func position(index, n int) int {
	if index < 0 {
		index += n
	}
	if index < 0 || index >= n {
		return -1
	}
	return index
}

// pick appends the elements that pass.
func (n *filter) pick(r *run, f *frame, out, elements []value.Value, tuples bool) ([]value.Value, *Error) {
	if len(elements) == 0 {
		return out, nil
	}
	r.reach(n.depth)
	r.step(len(elements))
	if n.fixed && !tuples {
		return n.pickFixed(r, f, out, elements)
	}
	for i, item := range elements {
		context, env := item, f
		if t, ok := item.(*tuple); ok {
			if tuples {
				context, env = t.at, t.frame(f)
			} else {
				context = t.object() // sorted tuples: the reference forgets what they are
			}
		}
		answer, err := n.test.eval(r, env, context)
		if err != nil {
			return nil, err
		}
		if passes, isBool := answer.(value.Bool); isBool {
			if passes {
				out = append(out, item)
			}
			continue
		}
		times, err := r.admits(answer, i, len(elements))
		if err != nil {
			return nil, err
		}
		for range times {
			out = append(out, item)
		}
	}
	return out, nil
}

// pickFixed asks once. Positions are looked up in the order of the items, as if each item had been asked.
func (n *filter) pickFixed(r *run, f *frame, out, elements []value.Value) ([]value.Value, *Error) {
	answer, err := n.test.eval(r, f, elements[0])
	if err != nil {
		return nil, err
	}
	if number, ok := float(answer); ok {
		if _, err := isNumeric(answer); err != nil {
			return nil, err
		}
		whole := math.Floor(number)
		if math.Abs(whole) > math.MaxInt32 || whole != whole {
			return out, nil
		}
		if at := position(int(whole), len(elements)); at >= 0 {
			out = append(out, elements[at])
		}
		return out, nil
	}
	for i, item := range elements {
		times, err := r.admits(answer, i, len(elements))
		if err != nil {
			return nil, err
		}
		for range times {
			out = append(out, item)
		}
	}
	return out, nil
}

// admits is how often the item at place i of n passes a predicate with this answer.
func (r *run) admits(answer value.Value, i, n int) (int, *Error) {
	numeric, err := isNumeric(answer)
	if err != nil {
		return 0, err
	}
	if numeric {
		if pointsAt(answer, i, n) {
			return 1, nil
		}
		return 0, nil
	}
	numbers, ok, err := numbersOnly(answer)
	if err != nil {
		return 0, err
	}
	if ok {
		r.step(len(numbers))
		times := 0
		for _, number := range numbers {
			if pointsAt(number, i, n) {
				times++
			}
		}
		return times, nil
	}
	holds, err := r.truth(answer)
	if err != nil || !holds {
		return 0, err
	}
	return 1, nil
}

func pointsAt(number value.Value, i, n int) bool {
	x, _ := float(number)
	whole := math.Floor(x)
	if whole < 0 {
		whole += float64(n)
	}
	return whole == float64(i)
}
