package jsonata

import "github.com/tutti-run/tutti/internal/value"

func keys(r *run, args []value.Value) (value.Value, *Error) {
	var out []value.Value
	seen := map[string]bool{}
	var collect func(v value.Value)
	collect = func(v value.Value) {
		if o, ok := v.(*value.Object); ok {
			r.array(o.Len())
			for i := range o.Len() {
				if name := o.At(i).Name; !seen[name] {
					seen[name] = true
					out = append(out, value.String(name))
				}
			}
			return
		}
		elements, _ := items(v)
		r.step(len(elements))
		r.descend()
		for _, e := range elements {
			collect(e)
		}
		r.ascend()
	}
	if o, ok := arg(args, 0).(*value.Object); ok {
		r.array(o.Len())
		for i := range o.Len() {
			out = append(out, value.String(o.At(i).Name))
		}
	} else {
		collect(arg(args, 0))
	}
	return &list{items: out, flags: flagSequence}, nil
}

func lookupKey(r *run, args []value.Value) (value.Value, *Error) {
	name, ok := textArg(args, 1)
	if !ok {
		return nil, nil
	}
	return r.lookup(arg(args, 0), name), nil
}

func spread(r *run, args []value.Value) (value.Value, *Error) { return r.spread(arg(args, 0)), nil }

func (r *run) spread(v value.Value) value.Value {
	if o, ok := v.(*value.Object); ok {
		r.array(4 * o.Len())
		out := make([]value.Value, o.Len())
		for i := range out {
			out[i] = value.NewObject(o.At(i))
		}
		return &list{items: out, flags: flagSequence}
	}
	elements, ok := items(v)
	if !ok {
		return v
	}
	if len(elements) == 0 {
		return sequence()
	}
	var out value.Array
	r.descend()
	for _, e := range elements {
		if e != nil {
			out = append(out, itemsOf(r.spread(e))...)
		}
	}
	r.ascend()
	r.array(len(out))
	return out
}

func merge(r *run, args []value.Value) (value.Value, *Error) {
	elements, ok := items(arg(args, 0))
	if !ok {
		return nil, nil
	}
	var members []value.Member
	for _, e := range elements {
		o, _ := e.(*value.Object)
		if o == nil {
			continue
		}
		r.array(2 * o.Len())
		for i := range o.Len() {
			members = append(members, o.At(i))
		}
	}
	return value.NewObject(members...), nil
}

// members calls visit for each member of an object; of an array for each item, whose name is its place.
func (r *run) members(v value.Value, visit func(name string, v value.Value) *Error) *Error {
	o, ok := v.(*value.Object)
	if !ok {
		return nil
	}
	for i := range o.Len() {
		r.step(1)
		m := o.At(i)
		if err := visit(m.Name, m.Value); err != nil {
			return err
		}
	}
	return nil
}

func each(r *run, args []value.Value) (value.Value, *Error) {
	f, whole := functionArg(args, 1), arg(args, 0)
	var out []value.Value
	err := r.members(whole, func(name string, v value.Value) *Error {
		answer, err := r.invoke(f, v, value.String(name), whole)
		if answer != nil {
			out = append(out, answer)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	r.array(len(out))
	return &list{items: out, flags: flagSequence}, nil
}

func sift(r *run, args []value.Value) (value.Value, *Error) {
	f, whole := functionArg(args, 1), arg(args, 0)
	var kept []value.Member
	err := r.members(whole, func(name string, v value.Value) *Error {
		if f == nil {
			return internalFault("Cannot read properties of undefined (reading 'arity')")
		}
		answer, err := r.invoke(f, v, value.String(name), whole)
		if err != nil {
			return err
		}
		approved, err := r.truth(answer)
		if approved {
			kept = append(kept, value.Member{Name: name, Value: v})
		}
		return err
	})
	if err != nil || len(kept) == 0 {
		return nil, err
	}
	r.array(2 * len(kept))
	return value.NewObject(kept...), nil
}

func clone(r *run, args []value.Value) (value.Value, *Error) {
	if arg(args, 0) == nil {
		return nil, nil
	}
	return r.cloned(args[0])
}

func raise(_ *run, args []value.Value) (value.Value, *Error) {
	err := fault("D3137")
	err.insert.message, _ = textArg(args, 0)
	if err.insert.message == "" {
		err.insert.message = "$error() function evaluated"
	}
	return nil, err
}

func assert(_ *run, args []value.Value) (value.Value, *Error) {
	if holds, _ := arg(args, 0).(value.Bool); holds {
		return nil, nil
	}
	err := fault("D3141")
	err.insert.message, _ = textArg(args, 1)
	if err.insert.message == "" {
		err.insert.message = "$assert() statement failed"
	}
	return nil, err
}

// evaluate is $eval: the text is compiled and evaluated where the call stands.
func evaluate(r *run, args []value.Value) (value.Value, *Error) {
	text, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	frame, input := r.focus.frame, r.focus.input
	if v := arg(args, 1); v != nil {
		input = v
		if _, isPlain := v.(value.Array); isPlain {
			input = &list{items: []value.Value{v}, flags: flagSequence | flagOuter}
		}
	}
	r.step(len(text))
	r.charge(textBytes * len(text))
	e := &Expr{text: text, dialect: r.expr.dialect, elvis: r.expr.elvis}
	if _, faults := e.compile(true); len(faults) > 0 {
		return nil, wrapped("D3120", faults[0])
	}
	r.reach(e.certain)
	v, err := e.root.eval(r, frame, input)
	if err != nil {
		return nil, wrapped("D3121", err.finish())
	}
	return v, nil
}

// wrapped is the fault of $eval for a fault of the text that it was given.
func wrapped(code string, cause *Error) *Error {
	if cause.Class == ClassLimit {
		return cause
	}
	return valueFault(code, value.String(cause.Message))
}
