package jsonata

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/value"
)

// Expr is a compiled expression. It never changes and may be evaluated by any number of goroutines at a time.
type Expr struct {
	text    string
	dialect *dialect
	limits  Limits
	elvis   bool // ?? and ?: of release 2.1 are operators, as they are not in the service's dialect, which is 2.0.6
	root    node
	certain int      // how deep the root certainly nests
	globals []global // variables and fields of variables that come from outside
	reads   *reading // what the text refers to
	runs    sync.Pool
}

// Option alters how an expression is compiled and evaluated.
type Option func(*settings)

type settings struct {
	service bool
	limits  Limits
}

// StepFunctions chooses the service's dialect (developer guide, "Transforming data with JSONata in Step Functions"): its functions $partition,
// $range, $hash, $random with a seed, $uuid and $parse, no $eval, its bounds, and numbers that JSON lacks written as strings.
func StepFunctions() Option { return func(s *settings) { s.service = true } }

// WithLimits bounds every evaluation. What is zero in l keeps the default.
func WithLimits(l Limits) Option { return func(s *settings) { s.limits = l } }

// Compile prepares an expression for evaluation. It fails with an [ErrorList] of every mistake that could be told apart, the first of which
// is the reference's own error.
func Compile(text string, options ...Option) (*Expr, error) {
	var s settings
	for _, option := range options {
		option(&s)
	}
	e := &Expr{text: text, dialect: plainDialect(), elvis: !s.service}
	defaults := plainLimits
	if s.service {
		e.dialect = serviceDialect()
		defaults = serviceLimits
	}
	e.limits = s.limits.or(defaults)
	tree, faults := e.compile(false)
	if len(faults) > 0 {
		return nil, ErrorList(faults)
	}
	e.reads = read(tree, e.dialect)
	return e, nil
}

// compile compiles the text. Detached, it is to be evaluated in runs of another expression, by $eval.
func (e *Expr) compile(detached bool) (*syntax, []*Error) {
	tree, faults := parse(e.text, e.elvis)
	if len(faults) > 0 {
		return nil, faults
	}
	tree, faults = resolve(tree)
	if len(faults) > 0 {
		return nil, faults
	}
	compile(tree, e, detached)
	return tree, nil
}

// String is the text that was compiled.
func (e *Expr) String() string { return e.text }

// Bindings is what an evaluation may read besides its input. It serves one evaluation at a time; a part left out reads as absent.
type Bindings struct {
	// Variable returns the value of $name. It is asked before the built-in functions are, and has to answer the same if asked again.
	Variable func(name string) (value.Value, bool)
	// Member returns the value of $name.field, where an expression wants no more of $name. If it answers false, Variable is asked
	// for the whole. It lets a caller offer an object whose members are costly, and build only those that are read. It is asked once
	// for a field.
	Member func(name, field string) (value.Value, bool)
	// Now is the moment that $now and $millis tell. The zero time stands for the clock's.
	Now time.Time
	// Chance is where $random, $shuffle and $uuid draw from. Nil stands for math/rand.
	Chance Chance
	// Context ends an evaluation that is still under way when it is done. Nil never does.
	Context context.Context
}

// Chance is a source of random numbers and UUIDs.
type Chance interface {
	// Float64 returns a number in [0, 1).
	Float64() float64
	// UUID returns a random UUID in lower case.
	UUID() string
}

// Eval evaluates the expression. Undefined is a nil Value, both as input and as result; null is [value.Null]. Whole numbers come out as
// [value.Int]: in the service's dialect within 64 bits; in plain mode those that were integers all along, and calculated ones up to 2^53, beyond
// which they are doubles. The error is an [*Error].
func (e *Expr) Eval(input value.Value, b Bindings) (result value.Value, err error) {
	r := e.acquire()
	r.bindings = b
	defer func() {
		if fault := recover(); fault != nil {
			bound, ok := fault.(exceeded)
			if !ok {
				panic(fault)
			}
			result, err = nil, bound.err
		}
		e.release(r)
	}()
	v, fault := r.start(input)
	if fault != nil {
		return nil, fault.finish()
	}
	return v, nil
}

// acquire returns a run that is ready to start.
func (e *Expr) acquire() *run {
	r, ok := e.runs.Get().(*run)
	if !ok {
		r = &run{expr: e, limits: e.limits, globals: make([]value.Value, len(e.globals)), known: make([]bool, len(e.globals))}
	}
	return r
}

// release forgets what the run has seen, so that it keeps nobody's data alive.
func (e *Expr) release(r *run) {
	clear(r.globals)
	clear(r.known)
	r.stack = emptied(r.stack)
	r.pending = pendingCall{args: emptied(r.pending.args)}
	r.bindings = Bindings{}
	r.document, r.context, r.focus = nil, nil, focus{}
	r.top = frame{}
	for i, f := range r.idle {
		if i >= 16 {
			r.idle[i] = nil
			continue
		}
		f.parent, f.bindings, f.room = nil, f.room[:0], [2]binding{}
	}
	r.idle = r.idle[:min(len(r.idle), 16)]
	e.runs.Put(r)
}

// emptied is room for a few values, without the values.
func emptied(values []value.Value) []value.Value {
	if cap(values) > 64 {
		return nil
	}
	clear(values[:cap(values)])
	return values[:0]
}

func (r *run) start(input value.Value) (value.Value, *Error) {
	r.startClock(r.bindings.Context)
	r.memory, r.base, r.nesting = 0, 0, 0
	r.now = r.bindings.Now
	r.document = input
	r.top.bindings = r.top.room[:0]
	if a, ok := input.(value.Array); ok { // a document that is an array counts as one item
		input = &list{items: []value.Value{a}, flags: flagSequence | flagOuter}
	}
	r.reach(r.expr.certain)
	v, err := r.expr.root.eval(r, &r.top, input)
	if err != nil {
		return nil, err
	}
	if l, ok := v.(*list); ok && l.has(flagOuter) {
		v = l.items[0]
	}
	return r.export(v)
}

// moment is the time of the evaluation.
func (r *run) moment() time.Time {
	if r.now.IsZero() {
		r.now = time.Now()
	}
	return r.now
}

// dialect is a set of built-in functions, and the few things in which the service differs otherwise.
type dialect struct {
	functions map[string]*function
	service   bool
}

func (d *dialect) builtin(name string) *function { return d.functions[name] }

var (
	plainDialect   = sync.OnceValue(func() *dialect { return newDialect(false, builtins[:], plainOnly[:]) })
	serviceDialect = sync.OnceValue(func() *dialect { return newDialect(true, builtins[:], serviceOnly[:]) })
)

func newDialect(service bool, tables ...[]builtin) *dialect {
	d := &dialect{functions: map[string]*function{}, service: service}
	for _, b := range slices.Concat(tables...) {
		f := &function{name: b.name, arity: b.arity, native: b.native}
		if b.signature != "" {
			f.signature = mustSignature(b.signature)
		}
		d.functions[b.name] = f
	}
	return d
}
