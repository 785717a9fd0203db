package jsonata

import "github.com/tutti-run/tutti/internal/value"

// function is anything that can be called. It is never seen outside of an evaluation. Built-in functions are part of the program and
// shared; the others belong to one run.
type function struct {
	value.Null
	name      string
	arity     int // how many parameters it declares: higher-order functions pass as many
	signature *signature

	native native                                                 // a built-in function, or
	lambda *lambda                                                // a function of the expression, with
	frame  *frame                                                 // its environment and
	input  value.Value                                            // its context, or
	regex  *pattern                                               // set if it is a regular expression
	bound  func(r *run, args []value.Value) (value.Value, *Error) // what a run has put together: regular expressions, partial applications
}

// native is the Go side of a built-in function. It must not keep args.
type native func(r *run, args []value.Value) (value.Value, *Error)

// pendingCall is a tail call that waits to be made by whoever called the function that answered with it.
type pendingCall struct {
	function *function
	args     []value.Value
	position int
	token    string
}

// tailCall is the answer of a function that has left a call in run.pending. To what looks at it before the call is made it is a function.
var tailCall value.Value = &function{bound: func(*run, []value.Value) (value.Value, *Error) { return nil, nil }}

// call calls f with args, and goes on calling as long as the answer is a tail call. input is the context that stands in for missing arguments.
func (r *run) call(f *function, args []value.Value, input value.Value) (value.Value, *Error) {
	v, err := r.enter(f, args, input)
	if err != nil || v != tailCall {
		return v, err
	}
	base := len(r.stack)
	for {
		p := r.pending
		r.step(1)
		r.stack = append(r.stack[:base], p.args...)
		if p.function == nil {
			err := fault("T1006")
			err.Position, err.Token = p.position, p.token
			err.insert.placed = true
			return nil, err
		}
		v, err := r.enter(p.function, r.stack[base:len(r.stack):len(r.stack)], input)
		if err != nil {
			if err.Token == "" {
				err.Token = p.token
			}
			err.Position = p.position
			err.insert.placed = true
			return nil, err
		}
		if v != tailCall {
			r.stack = r.stack[:base]
			return v, nil
		}
	}
}

// enter calls f once. The answer may be a tail call.
func (r *run) enter(f *function, args []value.Value, input value.Value) (value.Value, *Error) {
	if f.signature != nil {
		var err *Error
		if args, err = f.signature.validate(args, input); err != nil {
			return nil, f.named(err)
		}
	}
	switch {
	case f.lambda != nil:
		return r.activate(f, args)
	case f.native != nil:
		v, err := f.native(r, args)
		return v, f.named(err)
	}
	return f.bound(r, args)
}

// named lets a fault without a token have the function's own name for one. If the expression calls the function by another name, that
// replaces it.
func (f *function) named(err *Error) *Error {
	if err != nil && err.Token == "" {
		err.Token = f.name
		err.insert.namedBy = f
	}
	return err
}

// activate evaluates the body of a lambda.
func (r *run) activate(f *function, args []value.Value) (value.Value, *Error) {
	l := f.lambda
	r.step(1)
	r.reach(l.certain)
	var env *frame
	if l.leaks {
		r.charge(frameBytes)
		env = newFrame(f.frame)
	} else {
		env = r.borrowFrame(f.frame)
	}
	for i, name := range l.parameters {
		var arg value.Value
		if i < len(args) {
			arg = args[i]
		}
		if i < l.distinct {
			env.bindings = append(env.bindings, binding{name, arg})
		} else {
			env.bind(name, arg)
		}
	}
	v, err := l.body.eval(r, env, f.input)
	if !l.leaks {
		r.idle = append(r.idle, env)
	}
	return v, err
}

// borrowFrame returns an empty frame, if possible one that a function has left.
func (r *run) borrowFrame(parent *frame) *frame {
	last := len(r.idle) - 1
	if last < 0 {
		return newFrame(parent)
	}
	f := r.idle[last]
	r.idle = r.idle[:last]
	f.parent = parent
	f.bindings = f.bindings[:0]
	return f
}

// invoke is how built-in functions call the functions they are given: with as many of the arguments as those declare, at least one, and
// with no context.
func (r *run) invoke(f *function, args ...value.Value) (value.Value, *Error) {
	n := max(1, min(f.arity, len(args)))
	base := len(r.stack)
	r.stack = append(r.stack, args[:n]...)
	v, err := r.call(f, r.stack[base:len(r.stack):len(r.stack)], value.Null{})
	r.stack = r.stack[:base]
	if err != nil {
		err.insert.placed = false
	}
	return v, err
}

// apply is invoke with all the arguments, whatever f declares.
func (r *run) apply(f *function, args ...value.Value) (value.Value, *Error) {
	base := len(r.stack)
	r.stack = append(r.stack, args...)
	v, err := r.call(f, r.stack[base:len(r.stack):len(r.stack)], value.Null{})
	r.stack = r.stack[:base]
	if err != nil {
		err.insert.placed = false
	}
	return v, err
}
