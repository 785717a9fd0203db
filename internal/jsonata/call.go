package jsonata

import (
	"github.com/tutti-run/tutti/internal/value"
)

// call is f(x, y).
type call struct {
	procedure node
	args      []node
	position  int
	token     string // what the function is called in the expression
	field     string // if the procedure is a field: somebody may have forgotten the $
	depth     int    // of this node within its function
	tail      bool   // nothing is left to do afterwards, so the caller makes the call
	headPlace int    // position of the procedure, where the reference sees faults of tail calls
	focus     bool   // the function may be $eval, which wants to know where it is called
}

func (n *call) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	v, err := n.raw(r, f, in)
	return collapse(v), err
}

func (n *call) raw(r *run, f *frame, in value.Value) (value.Value, *Error) {
	if n.tail {
		return n.postpone(r, f, in)
	}
	return n.with(r, f, in, false, nil)
}

// with makes the call, with first as an additional first argument if there is one: x ~> f(y).
func (n *call) with(r *run, f *frame, in value.Value, hasFirst bool, first value.Value) (value.Value, *Error) {
	procedure, err := n.function(r, f, in)
	if err != nil {
		return nil, err
	}
	base := len(r.stack)
	if hasFirst {
		r.stack = append(r.stack, first)
	}
	for _, arg := range n.args {
		v, err := arg.eval(r, f, in)
		if err != nil {
			return nil, err
		}
		r.stack = append(r.stack, v)
	}
	if procedure == nil {
		return nil, n.at(fault("T1006"))
	}
	args := r.stack[base:len(r.stack):len(r.stack)]
	savedFocus := r.focus
	if n.focus {
		r.focus = focus{f, in}
	}
	r.base += n.depth
	v, err := r.call(procedure, args, in)
	r.base -= n.depth
	if n.focus {
		r.focus = savedFocus
	}
	r.stack = r.stack[:base]
	if err != nil {
		if err.insert.namedBy == procedure && n.token != "" {
			err.Token = n.token
		}
		return nil, n.at(err)
	}
	return v, nil
}

// at gives a fault that came out of the call the call's place. The outermost call wins, as in the reference.
func (n *call) at(err *Error) *Error {
	if err.Class == ClassLimit {
		return err
	}
	if !err.insert.placed {
		err.Position = n.position
	}
	err.insert.placed = false
	if err.Token == "" {
		err.Token = n.token
	}
	return err
}

// function evaluates what is to be called; nil if that is no function.
func (n *call) function(r *run, f *frame, in value.Value) (*function, *Error) {
	v, err := n.procedure.eval(r, f, in)
	if err != nil {
		return nil, err
	}
	if procedure, ok := v.(*function); ok {
		return procedure, nil
	}
	if v == nil && n.field != "" && r.variable(f, n.field) != nil {
		err := fault("T1005")
		err.Position, err.Token = n.position, n.field
		return nil, err
	}
	return nil, nil
}

// postpone leaves the call to whoever called the function that this node ends. The reference evaluates procedure and arguments only there, so
// that a fault in them keeps its place.
func (n *call) postpone(r *run, f *frame, in value.Value) (value.Value, *Error) {
	procedure, err := n.function(r, f, in)
	base := len(r.stack)
	for i := 0; i < len(n.args) && err == nil; i++ {
		var v value.Value
		v, err = n.args[i].eval(r, f, in)
		r.stack = append(r.stack, v)
	}
	if err != nil {
		err.insert.placed = true
		return nil, err
	}
	args := append(r.pending.args[:0], r.stack[base:]...)
	r.stack = r.stack[:base]
	r.pending = pendingCall{function: procedure, args: args, position: n.headPlace, token: n.token}
	return tailCall, nil
}

// lambda is function($x, $y){…}.
type lambda struct {
	parameters []symbol
	distinct   int // how many parameters from the first have names that no earlier one has
	signature  *signature
	body       node
	certain    int  // how deep the body certainly nests
	leaks      bool // the body may hold on to its frame, which must not be used again then
}

func (n *lambda) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	r.charge(frameBytes)
	return &function{arity: len(n.parameters), signature: n.signature, lambda: n, frame: f, input: in}, nil
}

// partial is f(?, x).
type partial struct {
	procedure node
	args      []node // nil for a ?
	position  int
	token     string
	field     string
}

func (n *partial) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	given := make([]value.Value, len(n.args))
	for i, arg := range n.args {
		if arg == nil {
			continue
		}
		v, err := arg.eval(r, f, in)
		if err != nil {
			return nil, err
		}
		given[i] = v
	}
	v, err := n.procedure.eval(r, f, in)
	if err != nil {
		return nil, err
	}
	r.charge(frameBytes)
	switch procedure, ok := v.(*function); {
	case !ok:
		err := fault("T1008")
		if v == nil && n.field != "" && r.variable(f, n.field) != nil {
			err = fault("T1007")
		}
		err.Position, err.Token = n.position, n.token
		return nil, err
	case procedure.lambda != nil:
		return n.applyLambda(procedure, given), nil
	default:
		return n.applyNative(procedure, given), nil
	}
}

// open tells whether the i-th parameter has been left for later.
func (n *partial) open(i int) bool { return i < len(n.args) && n.args[i] == nil }

func (n *partial) applyLambda(f *function, given []value.Value) *function {
	env := newFrame(f.frame)
	rest := &lambda{body: f.lambda.body, certain: f.lambda.certain, leaks: f.lambda.leaks}
	for i, name := range f.lambda.parameters {
		switch {
		case n.open(i):
			rest.parameters = append(rest.parameters, name)
		case i < len(given):
			env.bind(name, given[i])
		default:
			env.bind(name, nil)
		}
	}
	rest.distinct = min(1, len(rest.parameters))
	return &function{arity: len(rest.parameters), lambda: rest, frame: env, input: f.input}
}

func (n *partial) applyNative(f *function, given []value.Value) *function {
	open := 0
	for i := range n.args {
		if n.open(i) {
			open++
		}
	}
	return &function{arity: open, bound: func(r *run, args []value.Value) (value.Value, *Error) {
		all := make([]value.Value, len(given))
		copy(all, given)
		next := 0
		for i := range n.args {
			if n.open(i) && next < len(args) {
				all[i] = args[next]
				next++
			}
		}
		r.base++
		r.reach(0)
		v, err := r.enter(f, all, value.Null{})
		r.base--
		return v, err
	}}
}

// application is x ~> f.
type application struct {
	left     node
	call     *call // if the right side is a call, x becomes its first argument
	right    node
	position int
	depth    int
	keep     bool
}

func (n *application) eval(r *run, f *frame, in value.Value) (value.Value, *Error) {
	v, err := n.raw(r, f, in)
	if n.keep {
		keepOne(v)
	}
	return collapse(v), err
}

func (n *application) raw(r *run, f *frame, in value.Value) (value.Value, *Error) {
	left, err := n.left.eval(r, f, in)
	if err != nil {
		return nil, err
	}
	if n.call != nil {
		return n.call.with(r, f, in, true, left)
	}
	right, err := n.right.eval(r, f, in)
	if err != nil {
		return nil, err
	}
	to, ok := right.(*function)
	if !ok {
		err := valueFault("T2006", right)
		err.Position = n.position
		return nil, err
	}
	if from, ok := left.(*function); ok {
		return chained(from, to), nil
	}
	savedFocus := r.focus
	r.base += n.depth
	r.focus = focus{f, value.Null{}}
	base := len(r.stack)
	r.stack = append(r.stack, left)
	v, err := r.call(to, r.stack[base:len(r.stack):len(r.stack)], value.Null{})
	r.stack = r.stack[:base]
	r.base -= n.depth
	r.focus = savedFocus
	if err != nil && err.Position == 0 {
		err.Position = n.position
	}
	return v, err
}

// chained is the function that applies one function to what another answers.
func chained(first, second *function) *function {
	return &function{arity: 1, bound: func(r *run, args []value.Value) (value.Value, *Error) {
		var x value.Value
		if len(args) > 0 {
			x = args[0]
		}
		r.base++
		r.reach(0)
		y, err := r.apply(first, x)
		if err == nil {
			y, err = r.apply(second, collapse(y))
		}
		r.base--
		return y, err
	}}
}
