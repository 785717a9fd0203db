package jsonpath

import "github.com/tutti-run/tutti/internal/value"

// maxVisits bounds the steps of one evaluation, those of its filters and arguments included. A document of the service's 256 KiB
// has some 100,000 nodes at most; paths such as $..*..*..* would visit all of them many times over.
const maxVisits = 5_000_000

// Eval applies the path to a document. A definite path gives its node, or a [*NotFoundError]. An indefinite path gives a
// [value.Array] of its matches in document order; it is empty when nothing matches, even if a parent is missing
// (recorded on AWS; Jayway itself fails there). Any other failure is an [*EvalError].
//
// A definite path of names and indexes allocates nothing unless it misses.
func (p *Path) Eval(root value.Value) (value.Value, error) {
	if root == nil {
		root = value.Null{}
	}
	if p.chain != nil {
		return p.followed(root)
	}
	e := evaluation{run: new(run), path: p, root: root}
	v, err := e.evaluate(root)
	if !p.definite && isMiss(err) {
		return value.Array{}, nil
	}
	if err != nil {
		return nil, err
	}
	if e.keySets {
		v = plain(v)
	}
	return v, nil
}

// followed is the node at the end of the chain.
func (p *Path) followed(v value.Value) (value.Value, error) {
	end, stop := p.follow(v)
	if stop == len(p.chain) {
		return end, nil
	}
	return nil, &NotFoundError{reason: missAt(p.chain, stop, end), path: p, step: stop, node: end}
}

// follow walks along the chain. It returns the last node that it reached, and the place in the chain where it stopped.
func (p *Path) follow(v value.Value) (value.Value, int) {
	for i := range p.chain {
		l := &p.chain[i]
		if l.named {
			object, ok := v.(*value.Object)
			if !ok {
				return v, i
			}
			member, ok := object.Get(l.name)
			if !ok {
				return v, i
			}
			v = member
			continue
		}
		array, ok := v.(value.Array)
		if !ok {
			return v, i
		}
		at := l.index
		if at < 0 {
			at += len(array)
		}
		if at < 0 || at >= len(array) {
			return v, i
		}
		v = array[at]
	}
	return v, len(p.chain)
}

// missAt says why the chain could not go on at node.
func missAt(chain []link, stop int, node value.Value) miss {
	if chain[stop].named {
		switch _, ok := node.(*value.Object); {
		case !ok:
			return notObject
		case stop < len(chain)-1:
			return missingProperty
		}
		return noResults
	}
	switch node.(type) {
	case value.Array:
		return noResults
	case value.Null:
		return nullArray
	}
	return notArray
}

// run is what the evaluations of one call to Eval share.
type run struct {
	visits int
	// scanned holds, for each path, the index of the array element from which a deep scan last reached the path's last step.
	scanned map[*Path]int
	keySets bool // a [keySet] may be part of the result
}

func (r *run) visit() error {
	if r.visits++; r.visits > maxVisits {
		return failf("The path visits more than %d nodes of the document", maxVisits)
	}
	return nil
}

// evaluation is the application of one path to one node.
type evaluation struct {
	*run
	path    *Path
	root    value.Value // of the document, where $ in filters and arguments begins
	strict  bool        // this is the check whether a path exists: a name that is missing anywhere is a miss
	results value.Array
	known   map[*Path]operand // what the $ paths in filters gave, for they do not depend on the node in question
}

// nested evaluates another path.
func (e *evaluation) nested(p *Path, node, root value.Value) (value.Value, error) {
	inner := evaluation{run: e.run, path: p, root: root, strict: e.strict}
	return inner.evaluate(node)
}

// evaluate applies the path to node. The result of an indefinite path is the array of matches, which the caller may keep.
func (e *evaluation) evaluate(node value.Value) (value.Value, error) {
	if len(e.path.steps) == 0 {
		return node, nil
	}
	if err := e.path.steps[0].visit(e, 0, node); err != nil {
		return nil, err
	}
	n := len(e.results)
	switch {
	case !e.path.definite && n == 0:
		return value.Array{}, nil
	case !e.path.definite:
		return e.results, nil
	case n == 0:
		return nil, e.missed(noResults, 0, nil)
	}
	return e.results[n-1], nil
}

func (e *evaluation) missed(reason miss, at int, node value.Value) error {
	return &NotFoundError{reason: reason, path: e.path, step: at, node: node}
}

func (e *evaluation) last(at int) bool { return at == len(e.path.steps)-1 }

func (e *evaluation) next(at int, v value.Value) error {
	if err := e.visit(); err != nil {
		return err
	}
	return e.path.steps[at+1].visit(e, at+1, v)
}

// collects tells whether a member at the end of the path is a result. After a deep scan followed by an array step, as in $..[0].a,
// Jayway visits all elements and here picks those whose index is the one written.
func (e *evaluation) collects() bool {
	index, scanned := e.scanned[e.path]
	return !scanned || e.path.beyond == (&indexStep{indexes: []int{index}}).fragment()
}

// member goes on with the member name of an object.
func (e *evaluation) member(at int, o *value.Object, name string) error {
	v, ok := o.Get(name)
	switch {
	case ok && !e.last(at):
		return e.next(at, v)
	case ok:
		if e.collects() {
			e.results = append(e.results, v)
		}
		return nil
	case e.last(at):
		if e.strict {
			return e.missed(noResults, at, o)
		}
		return nil
	case e.strict || e.path.upstream[at] && e.path.steps[at].definite(false):
		return e.missed(missingProperty, at, o)
	}
	return nil
}

// element goes on with the element index of an array, and passes over it where there is none or where a function behind it
// reaches out of bounds.
func (e *evaluation) element(at int, array value.Array, index int) error {
	if index < 0 {
		index += len(array)
	}
	if index < 0 || index >= len(array) {
		return nil
	}
	if e.last(at) {
		e.results = append(e.results, array[index])
		return nil
	}
	err := e.next(at, array[index])
	if failed, ok := err.(*EvalError); ok && failed.fault == faultOutOfBounds {
		return nil
	}
	return err
}

func (s *nameStep) visit(e *evaluation, at int, v value.Value) error {
	o, ok := v.(*value.Object)
	if !ok {
		if e.path.upstream[at] {
			return e.missed(notObject, at, v)
		}
		return nil
	}
	if len(s.names) == 1 {
		return e.member(at, o, s.names[0])
	}
	if !e.last(at) {
		for _, name := range s.names {
			if err := e.member(at, o, name); err != nil {
				return err
			}
		}
		return nil
	}
	merged := make([]value.Member, 0, len(s.names))
	for _, name := range s.names {
		member, ok := o.Get(name)
		if ok {
			merged = append(merged, value.Member{Name: name, Value: member})
		} else if e.strict {
			return e.missed(missingProperty, at, o)
		}
	}
	e.results = append(e.results, value.NewObject(merged...))
	return nil
}

// array is v as an array. ok is false where the step is to be passed over.
func (e *evaluation) array(at int, v value.Value) (array value.Array, ok bool, err error) {
	if array, ok = v.(value.Array); ok || !e.path.upstream[at] {
		return array, ok, nil
	}
	if v == (value.Null{}) {
		return nil, false, e.missed(nullArray, at, v)
	}
	return nil, false, e.missed(notArray, at, v)
}

func (s *indexStep) visit(e *evaluation, at int, v value.Value) error {
	array, ok, err := e.array(at, v)
	if !ok {
		return err
	}
	for _, index := range s.indexes {
		if err := e.element(at, array, index); err != nil {
			return err
		}
	}
	return nil
}

func (s *sliceStep) visit(e *evaluation, at int, v value.Value) error {
	array, ok, err := e.array(at, v)
	if !ok {
		return err
	}
	from, to := s.bounds(len(array))
	for i := from; i < to; i++ {
		if err := e.element(at, array, i); err != nil {
			return err
		}
	}
	return nil
}

// bounds are the first index and the one behind the last. Between two bounds Jayway counts up from a negative index as it is
// written: [-1:2] is the last element and then the first two.
func (s *sliceStep) bounds(length int) (from, to int) {
	to = length
	if s.to != nil {
		to = min(*s.to, length)
	}
	switch {
	case s.from == nil && to < 0:
		return 0, to + length
	case s.from == nil:
		return 0, to
	case s.to == nil && *s.from < 0:
		return max(*s.from+length, 0), to
	}
	return max(*s.from, -length), to
}

func (wildcardStep) visit(e *evaluation, at int, v value.Value) error {
	switch v := v.(type) {
	case *value.Object:
		for name := range v.All() {
			if err := e.member(at, v, name); err != nil {
				return err
			}
		}
	case value.Array:
		for i := range v {
			err := e.element(at, v, i)
			if err != nil && (e.strict || !isMiss(err)) {
				return err
			}
		}
	}
	return nil
}

func (s *filterStep) visit(e *evaluation, at int, v value.Value) error {
	switch v := v.(type) {
	case *value.Object:
		accepted, err := s.accepts(e, v)
		if err != nil || !accepted {
			return err
		}
		if e.last(at) {
			e.results = append(e.results, v)
			return nil
		}
		return e.next(at, v)
	case value.Array:
		for i, item := range v {
			accepted, err := s.accepts(e, item)
			if err == nil && accepted {
				err = e.element(at, v, i)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if e.path.upstream[at] {
		return invalidPathf("Filter: %s can not be applied to primitives. Current context is: %s", e.path.canonical(at), javaText(v))
	}
	return nil
}

// accepts tells whether the filter's condition holds for node. A condition that cannot be judged does not hold.
func (s *filterStep) accepts(e *evaluation, node value.Value) (bool, error) {
	if err := e.visit(); err != nil {
		return false, err
	}
	holds, err := s.condition.holds(e, node)
	switch err := err.(type) {
	case *NotFoundError:
		return false, nil
	case *EvalError:
		if err.fault == faultInvalidPath {
			return false, nil
		}
	}
	return holds, err
}

func (s *callStep) visit(e *evaluation, at int, v value.Value) error {
	f, ok := functions[s.name]
	if !ok {
		return invalidPathf("Function with name: %s does not exist.", s.name)
	}
	c := call{evaluation: e, node: v, arguments: s.arguments, values: make([]value.Value, len(s.arguments))}
	for i, a := range s.arguments {
		c.values[i] = a.json
		if a.path == nil {
			continue
		}
		var err error
		if c.values[i], err = e.nested(a.path, e.root, e.root); err != nil {
			return err
		}
	}
	result, err := f(&c)
	if err != nil {
		return err
	}
	e.results = append(e.results, result)
	if e.last(at) {
		return nil
	}
	return e.next(at, result)
}

func (scanStep) visit(e *evaluation, at int, v value.Value) error {
	if e.last(at) {
		return failf("Current path token is a leaf")
	}
	return e.scan(at+1, v, 0)
}

// scan applies the step at place at to v and to everything below, parents first, wherever the step can match.
func (e *evaluation) scan(at int, v value.Value, depth int) error {
	if err := e.visit(); err != nil {
		return err
	}
	if depth > value.MaxDepth {
		return failf("The document nests deeper than %d", value.MaxDepth)
	}
	matches, err := e.matches(e.path.steps[at], e.last(at), v)
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case *value.Object:
		if matches {
			if err := e.path.steps[at].visit(e, at, v); err != nil {
				return err
			}
		}
		for _, member := range v.All() {
			if err := e.scan(at, member, depth+1); err != nil {
				return err
			}
		}
	case value.Array:
		if matches {
			if err := e.scanArray(at, v); err != nil {
				return err
			}
		}
		for _, item := range v {
			if err := e.scan(at, item, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// scanArray applies the step at place at to an array. If steps follow, Jayway passes over this one and takes every element on
// to the next; [evaluation.collects] mends a part of that.
func (e *evaluation) scanArray(at int, array value.Array) error {
	if e.last(at) {
		return e.path.steps[at].visit(e, at, array)
	}
	for i, item := range array {
		if e.last(at + 1) {
			if e.scanned == nil {
				e.scanned = make(map[*Path]int)
			}
			e.scanned[e.path] = i
		}
		if err := e.next(at, item); err != nil {
			return err
		}
	}
	return nil
}

// matches tells whether a deep scan applies the step behind it to v.
func (e *evaluation) matches(s step, last bool, v value.Value) (bool, error) {
	object, isObject := v.(*value.Object)
	array, isArray := v.(value.Array)
	switch s := s.(type) {
	case *nameStep:
		if !isObject {
			return false, nil
		}
		if s.definite(last) {
			for _, name := range s.names {
				if _, ok := object.Get(name); !ok {
					return false, nil
				}
			}
		}
		return true, nil
	case *indexStep, *sliceStep:
		return isArray && array != nil, nil
	case wildcardStep:
		return true, nil
	case *filterStep:
		if !isObject && !isArray {
			return false, nil
		}
		return s.accepts(e, v)
	}
	return false, nil
}
