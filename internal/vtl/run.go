package vtl

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Limits of a run.
const (
	// maxIterations is how often a loop may go round (API Gateway developer guide, "Quotas": iterations of a #foreach loop in mapping templates).
	maxIterations = 1000
	// maxSteps is how many nodes and parts of references a run may come by.
	maxSteps = 1_000_000
	// maxBytes is how many bytes of texts a run may make, what it prints included.
	maxBytes = 32 << 20
)

// RunError is what went wrong in a run.
type RunError struct{ Message string }

// Error implements error.
func (e *RunError) Error() string { return e.Message }

// Object is a value that the program hands to a template.
type Object interface {
	// Property is the value of .name; ok is false if there is none of the name.
	Property(name string) (v any, ok bool)
	// Call is the value of .name(args); ok is false if there is no such method.
	Call(name string, args []any) (v any, ok bool, err error)
}

// Settable is an Object whose properties #set can set.
type Settable interface {
	Object
	// Set sets .name; false if that cannot be.
	Set(name string, v any) bool
}

// run is a template at work.
type run struct {
	variables map[string]any
	out       *strings.Builder
	steps     int
	bytes     int
	patterns  map[string]*regexp.Regexp // compiled so far
}

// errStop and errBreak unwind a run.
var errStop, errBreak = errors.New("stop"), errors.New("break")

// Run fills the template. The variables' names have no $; what the template sets is added to the map. An error is a [*RunError] or what an Object's method
// returned.
func (t *Template) Run(variables map[string]any) (string, error) {
	r := &run{variables: variables, out: &strings.Builder{}}
	err := r.all(t.nodes)
	if err != nil && !errors.Is(err, errStop) && !errors.Is(err, errBreak) {
		return "", err
	}
	return r.out.String(), nil
}

func (r *run) fail(format string, args ...any) error { return &RunError{fmt.Sprintf(format, args...)} }

// spend takes bytes from what the run may make.
func (r *run) spend(n int) error {
	if r.bytes += n; r.bytes > maxBytes {
		return r.fail("the template makes more than %d bytes of text", maxBytes)
	}
	return nil
}

func (r *run) step() error {
	if r.steps++; r.steps > maxSteps {
		return r.fail("the template takes more than %d steps", maxSteps)
	}
	return nil
}

func (r *run) all(nodes []node) error {
	for _, n := range nodes {
		if err := r.step(); err != nil {
			return err
		}
		if err := n.run(r); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) print(text string) error {
	r.out.WriteString(text)
	return r.spend(len(text))
}

func (n textNode) run(r *run) error { return r.print(string(n)) }

func (n *setNode) run(r *run) error {
	v, err := n.value.eval(r)
	if err != nil || v == nil {
		return err
	}
	return n.target.set(r, v)
}

func (n *ifNode) run(r *run) error {
	for i, c := range n.conditions {
		v, err := c.eval(r)
		if err != nil {
			return err
		}
		if truth(v) {
			return r.all(n.branches[i])
		}
	}
	return r.all(n.otherwise)
}

func (n stopNode) run(*run) error {
	if n.loop {
		return errBreak
	}
	return errStop
}

// loop is the variable $foreach.
type loop struct {
	index, length int
	parent        any
}

// Property implements Object.
func (l *loop) Property(name string) (any, bool) {
	switch name {
	case "index":
		return int64(l.index), true
	case "count":
		return int64(l.index + 1), true
	case "hasNext":
		return l.index+1 < l.length, true
	case "first":
		return l.index == 0, true
	case "last":
		return l.index+1 == l.length, true
	case "parent", "topmost":
		return l.parent, true
	}
	return nil, false
}

// Call implements Object.
func (l *loop) Call(name string, _ []any) (any, bool, error) {
	if name == "hasNext" {
		return l.index+1 < l.length, true, nil
	}
	return nil, false, nil
}

func (n *foreachNode) run(r *run) error {
	v, err := n.list.eval(r)
	if err != nil {
		return err
	}
	var items []any
	switch v := v.(type) {
	case *List:
		items = v.Items
	case *Map:
		for _, k := range v.keys {
			items = append(items, v.values[k])
		}
	default:
		return nil
	}
	if len(items) > maxIterations {
		return r.fail("#foreach goes round more than %d times", maxIterations)
	}
	before := map[string]any{}
	for _, name := range []string{n.variable, "foreach", "velocityCount"} {
		if v, ok := r.variables[name]; ok {
			before[name] = v
		}
	}
	defer func() {
		for _, name := range []string{n.variable, "foreach", "velocityCount"} {
			delete(r.variables, name)
			if v, ok := before[name]; ok {
				r.variables[name] = v
			}
		}
	}()
	for i, item := range append([]any(nil), items...) {
		r.variables[n.variable] = item
		r.variables["foreach"] = &loop{i, len(items), before["foreach"]}
		r.variables["velocityCount"] = int64(i + 1)
		if err := r.all(n.body); errors.Is(err, errBreak) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// run prints what the reference stands for.
func (f *reference) run(r *run) error {
	v, err := f.eval(r)
	switch {
	case err != nil:
		return err
	case v != nil:
		return r.print(r.text(v))
	case f.quiet:
		return nil
	}
	return r.print(f.text)
}

// eval follows the reference; null where it leads nowhere.
func (f *reference) eval(r *run) (any, error) {
	v, ok := r.variables[f.name]
	if !ok {
		return nil, nil
	}
	for i := range f.parts {
		var err error
		if v, err = f.parts[i].of(r, v); err != nil || v == nil {
			return nil, err
		}
	}
	return v, nil
}

// of is the part of a value.
func (p *part) of(r *run, v any) (any, error) {
	if err := r.step(); err != nil {
		return nil, err
	}
	switch {
	case v == nil:
		return nil, nil
	case p.index != nil:
		i, err := p.index.eval(r)
		if err != nil {
			return nil, err
		}
		return indexed(r, v, i), nil
	case !p.call:
		return property(v, p.name), nil
	}
	args := make([]any, len(p.args))
	for i, a := range p.args {
		var err error
		if args[i], err = a.eval(r); err != nil {
			return nil, err
		}
	}
	return r.call(v, p.name, args)
}

// set sets what the reference stands for.
func (f *reference) set(r *run, v any) error {
	if len(f.parts) == 0 {
		r.variables[f.name] = v
		return nil
	}
	last := len(f.parts) - 1
	owner, err := (&reference{name: f.name, parts: f.parts[:last]}).eval(r)
	if err != nil || owner == nil {
		return err
	}
	p := &f.parts[last]
	switch owner := owner.(type) {
	case Settable:
		if !p.call && p.index == nil && owner.Set(p.name, v) {
			return nil
		}
	case *Map:
		key := any(p.name)
		if p.index != nil {
			if key, err = p.index.eval(r); err != nil {
				return err
			}
		}
		if !p.call {
			return owner.put(r, r.text(key), v)
		}
	case *List:
		if p.index == nil {
			break
		}
		i, err := p.index.eval(r)
		if err != nil {
			return err
		}
		if n, ok := i.(int64); ok && n >= 0 && n < int64(len(owner.Items)) {
			owner.Items[n] = v
			return nil
		}
	}
	return r.fail("#set(%s = …) sets nothing that can be set", f.text)
}
