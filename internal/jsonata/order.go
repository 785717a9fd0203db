package jsonata

import "github.com/tutti-run/tutti/internal/value"

// order is ^(terms).
type order struct {
	terms    []orderTerm
	position int
}

type orderTerm struct {
	node       node
	descending bool
}

// sort returns the elements in order. A term is evaluated for an element when a comparison first asks for it, and only once.
func (n *order) sort(r *run, f *frame, elements []value.Value, tuples bool) ([]value.Value, *Error) {
	if len(elements) <= 1 {
		return elements, nil
	}
	s := sorting{order: n, run: r, frame: f, elements: elements, tuples: tuples}
	r.array(len(elements) * (2 + len(n.terms)))
	s.keys = make([]value.Value, len(elements)*len(n.terms))
	s.known = make([]bool, len(s.keys))
	places := make([]int, len(elements))
	for i := range places {
		places[i] = i
	}
	if err := mergeSort(r, places, make([]int, len(places)), s.after); err != nil {
		return nil, err
	}
	out := make([]value.Value, len(elements))
	for i, place := range places {
		out[i] = elements[place]
	}
	return out, nil
}

type sorting struct {
	order    *order
	run      *run
	frame    *frame
	elements []value.Value
	tuples   bool
	keys     []value.Value
	known    []bool
}

// key is the value of a term for the element at a place.
func (s *sorting) key(place, term int) (value.Value, *Error) {
	at := place*len(s.order.terms) + term
	if s.known[at] {
		return s.keys[at], nil
	}
	context, env := s.elements[place], s.frame
	if s.tuples {
		t := context.(*tuple)
		context, env = t.at, t.frame(s.frame)
	}
	v, err := s.order.terms[term].node.eval(s.run, env, context)
	s.keys[at], s.known[at] = v, true
	return v, err
}

// after tells whether the element at place a belongs behind the one at b. Undefined comes last, whatever the direction.
func (s *sorting) after(a, b int) (bool, *Error) {
	for i := range s.order.terms {
		x, err := s.key(a, i)
		if err != nil {
			return false, err
		}
		y, err := s.key(b, i)
		if err != nil {
			return false, err
		}
		if x == nil || y == nil {
			if x == nil && y == nil {
				continue
			}
			return x == nil, nil
		}
		comparison, err := s.order.compare(x, y)
		if err != nil {
			return false, err
		}
		if comparison != 0 {
			return (comparison > 0) != s.order.terms[i].descending, nil
		}
	}
	return false, nil
}

func (n *order) compare(x, y value.Value) (int, *Error) {
	_, isNumber := float(x)
	_, isNumberToo := float(y)
	if isNumber && isNumberToo {
		if order := orderNumbers(x, y); order != 0 || equalNumbers(x, y) {
			return order, nil
		}
		return 1, nil // NaN: neither equal nor less, which the reference takes for greater
	}
	s, isString := x.(value.String)
	t, isStringToo := y.(value.String)
	if isString && isStringToo {
		return compareStrings(string(s), string(t)), nil
	}
	if !isNumber && !isString || !isNumberToo && !isStringToo {
		err := valueFault("T2008", y)
		if !isNumber && !isString {
			err.Value = x
		}
		err.Position = n.position
		return 0, err
	}
	err := valueFault("T2007", x)
	err.insert.value2 = y
	err.Position = n.position
	return 0, err
}

// mergeSort is stable, and asks after(a, b) in the reference's order, which comparison functions of an expression may see.
func mergeSort[E any](r *run, items, room []E, after func(a, b E) (bool, *Error)) *Error {
	if len(items) <= 1 {
		return nil
	}
	middle := len(items) / 2
	left, right := items[:middle], items[middle:]
	if err := mergeSort(r, left, room[:middle], after); err != nil {
		return err
	}
	if err := mergeSort(r, right, room[middle:], after); err != nil {
		return err
	}
	r.step(len(items))
	merged := room[:0]
	for len(left) > 0 && len(right) > 0 {
		swap, err := after(left[0], right[0])
		if err != nil {
			return err
		}
		if swap {
			merged = append(merged, right[0])
			right = right[1:]
			continue
		}
		merged = append(merged, left[0])
		left = left[1:]
	}
	merged = append(merged, left...)
	merged = append(merged, right...)
	copy(items, merged)
	return nil
}
