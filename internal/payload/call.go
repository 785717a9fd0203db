package payload

import (
	"slices"

	"github.com/tutti-run/tutti/internal/value"
)

// Call is a call of an intrinsic function, like States.Format('{}-{}', $.a, States.UUID()).
type Call struct {
	text      string
	outer     *invocation
	variables []string
}

// invocation is one function with its arguments.
type invocation struct {
	function  *function
	arguments []argument
}

// argument is exactly one of a literal, a path and a nested call.
type argument struct {
	literal value.Value
	escaped string // a string literal as written, between the quotes: States.Format tells \{\} from {}
	path    *Path
	call    *invocation
}

// CompileCall compiles a call. It fails with a [*SyntaxError]. As on AWS, the number of arguments and their types are matters of the run.
func CompileCall(text string) (*Call, error) {
	p := &callParser{text: text}
	outer, err := p.whole()
	if err != nil {
		return nil, err
	}
	return &Call{text: text, outer: outer, variables: outer.variables(&nameSet{}).list}, nil
}

// Eval returns the value of the call. It fails with a [*CallError].
func (c *Call) Eval(env *Env) (value.Value, error) {
	v, err := c.outer.eval(env)
	if err != nil {
		return nil, &CallError{Call: c.text, Message: err.Error()}
	}
	return v, nil
}

// String is the call as written.
func (c *Call) String() string { return c.text }

// Function is the name of the outermost function, like "States.Format".
func (c *Call) Function() string { return c.outer.function.name }

// Variables lists the variables that the call reads, in order of appearance.
func (c *Call) Variables() []string { return slices.Clone(c.variables) }

// variables adds the variables that the arguments read to names, and returns names.
func (i *invocation) variables(names *nameSet) *nameSet {
	for _, a := range i.arguments {
		switch {
		case a.call != nil:
			a.call.variables(names)
		case a.path != nil:
			names.add(a.path.Variables()...)
		}
	}
	return names
}

func (i *invocation) eval(env *Env) (value.Value, error) {
	values := make([]value.Value, len(i.arguments))
	for n := range i.arguments {
		v, err := i.arguments[n].eval(env)
		if err != nil {
			return nil, err
		}
		values[n] = v
	}
	if len(values) < i.function.least || i.function.most >= 0 && len(values) > i.function.most {
		return nil, i.function.invalid()
	}
	v, err := i.function.eval(arguments{values, i.arguments, env})
	if err == errInvalidArguments {
		return nil, i.function.invalid()
	}
	return v, err
}

func (a *argument) eval(env *Env) (value.Value, error) {
	switch {
	case a.call != nil:
		return a.call.eval(env)
	case a.path == nil:
		return a.literal, nil
	}
	v, err := a.path.Eval(env)
	switch {
	case err == nil:
		return v, nil
	case isMiss(err):
		// Also for "$$." and variables the message names the state's input, and "$$." prints with one dollar sign.
		shown := a.path.text
		if a.path.FromContext() {
			shown = shown[1:]
		}
		return nil, complaintf("The JsonPath argument for the field '%s' could not be found in the input '%s'", shown, env.inputText())
	}
	return nil, complaintf("Invalid path '%s' : %s", a.path.text, err)
}

// nameSet is a list of distinct names in the order in which they were added.
type nameSet struct {
	list []string
	seen map[string]bool
}

func (s *nameSet) add(names ...string) {
	for _, name := range names {
		if s.seen[name] {
			continue
		}
		if s.seen == nil {
			s.seen = make(map[string]bool)
		}
		s.seen[name] = true
		s.list = append(s.list, name)
	}
}
