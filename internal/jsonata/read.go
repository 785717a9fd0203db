package jsonata

import "slices"

// Reference is a place in an expression that reads something by name.
type Reference struct {
	Name     string
	Position int // of the end of the name, in UTF-16 code units
}

// Variables returns the names of the variables that the expression reads from outside, sorted, each once: those that it binds itself, and
// the built-in functions, are not among them.
func (e *Expr) Variables() []string {
	var names []string
	for _, ref := range e.reads.variables {
		names = append(names, ref.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TopReferences returns what the expression reads of an input document, in order: the names of fields, "$" for the context item and "$$" for
// the document. Names and $ within predicates, later steps of a path, order-by terms, groupings and transforms mean something
// else and do not count; a lambda has the context of the place where it is written. The service, which has no input document,
// refuses all of these when a definition is made.
func (e *Expr) TopReferences() []Reference { return slices.Clone(e.reads.top) }

// Fields returns the fields that the expression reads of the variable name, in order. A reference without a name is to the
// variable as a whole.
func (e *Expr) Fields(name string) []Reference {
	var fields []Reference
	for _, ref := range e.reads.variables {
		if ref.Name == name {
			fields = append(fields, ref.field)
		}
	}
	return fields
}

// reading is what the text of an expression refers to.
type reading struct {
	variables []variableReference
	top       []Reference
}

type variableReference struct {
	Name  string
	field Reference
}

// reader walks a resolved tree.
type reader struct {
	reading
	dialect *dialect
	scope   *scope
}

// scope holds the names bound in a block, a lambda or a path. Bodies of lambdas are read when the scope around them ends, because by the time
// they run they see all of its names.
type scope struct {
	parent *scope
	names  map[string]bool
	later  []func()
}

func read(tree *syntax, d *dialect) *reading {
	r := &reader{dialect: d}
	r.within(nil, func() { r.node(tree, true) })
	return &r.reading
}

// within reads in a new scope with these names.
func (r *reader) within(names []string, read func()) {
	s := &scope{parent: r.scope, names: map[string]bool{}}
	for _, name := range names {
		s.names[name] = true
	}
	outer := r.scope
	r.scope = s
	read()
	for len(s.later) > 0 {
		next := s.later[0]
		s.later = s.later[1:]
		next()
	}
	r.scope = outer
}

func (r *reader) isLocal(name string) bool {
	for s := r.scope; s != nil; s = s.parent {
		if s.names[name] {
			return true
		}
	}
	return false
}

// node reads n; top tells whether its context is the input document.
func (r *reader) node(n *syntax, top bool) {
	switch n.kind {
	case kindVariable:
		r.variable(n, Reference{Position: n.position}, top)
	case kindName:
		if top {
			r.top = append(r.top, Reference{n.text, n.position})
		}
	case kindPath:
		r.path(n, top)
		return
	case kindLambda:
		r.lambda(n, top)
	case kindBlock:
		r.within(nil, func() {
			for _, part := range n.list {
				r.node(part, top)
			}
		})
	case kindBind:
		r.node(n.right, top)
		r.scope.names[n.left.text] = true
	case kindTransform:
		for _, part := range []*syntax{n.left, n.right, n.third} {
			if part != nil {
				r.node(part, false)
			}
		}
	case kindFunction, kindPartial:
		r.node(n.left, top)
		for _, arg := range n.list {
			if !arg.is("?") {
				r.node(arg, top)
			}
		}
	default:
		r.operands(n, top)
	}
	r.behind(n)
}

// operands reads the parts of operators, conditions and constructors, which share the node's context.
func (r *reader) operands(n *syntax, top bool) {
	for _, part := range []*syntax{n.left, n.right, n.third} {
		if part != nil {
			r.node(part, top)
		}
	}
	for _, item := range n.list {
		r.node(item, top)
	}
	for _, pair := range n.pairs {
		r.node(pair[0], top)
		r.node(pair[1], top)
	}
}

// behind reads what stands in brackets or braces behind n: its context is what n gives.
func (r *reader) behind(n *syntax) {
	for _, p := range n.predicate {
		r.node(p.filter, false)
	}
	for _, s := range n.stages {
		if s.filter != nil {
			r.node(s.filter, false)
		}
	}
	if n.group != nil {
		for _, pair := range n.group.pairs {
			r.node(pair[0], false)
			r.node(pair[1], false)
		}
	}
}

func (r *reader) variable(n *syntax, field Reference, top bool) {
	switch {
	case n.text == "":
		if top {
			r.top = append(r.top, Reference{"$", n.position})
		}
	case n.text == "$":
		r.top = append(r.top, Reference{"$$", n.position})
	case !r.isLocal(n.text) && r.dialect.builtin(n.text) == nil:
		r.variables = append(r.variables, variableReference{n.text, field})
	}
}

func (r *reader) lambda(n *syntax, top bool) {
	var names []string
	for _, parameter := range n.list {
		names = append(names, parameter.text)
	}
	around := r.scope
	around.later = append(around.later, func() {
		inner := r.scope
		r.scope = around
		r.within(names, func() { r.node(n.left, top) })
		r.scope = inner
	})
}

func (r *reader) path(n *syntax, top bool) {
	var names []string
	for _, s := range n.list {
		names = append(names, s.focus, s.index)
		for _, stage := range s.stages {
			names = append(names, stage.index)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	r.within(names, func() {
		for i, s := range n.list {
			first := i == 0
			switch {
			case s.kind == kindSort:
				for _, term := range s.terms {
					r.node(term.expression, false)
				}
				r.behind(s)
			case first && s.kind == kindVariable && len(n.list) > 1 && n.list[1].kind == kindName && s.stages == nil:
				next := n.list[1]
				r.variable(s, Reference{next.text, next.position}, top)
			default:
				r.node(s, top && first)
			}
		}
		r.behind(n)
	})
}
