package jsonpath

import (
	"strconv"
	"strings"
)

// Path is a compiled path. It never changes, so goroutines may share it.
type Path struct {
	text     string
	root     byte // '$' or '@'
	document bool // in a filter, the path starts at the document's root ($) rather than at the node in question (@)
	steps    []step
	upstream []bool // upstream[i]: every step before the i-th is definite
	definite bool
	function bool   // ends in a function call
	stray    bool   // a last character was not looked at: a bracket too many, or a call's parenthesis
	chain    []link // the steps once more, if they are single names and indexes only; nil otherwise
	beyond   string // the fragment of the step before the last, for [evaluation.collects]
}

// link is a single name, or an index where name is not set.
type link struct {
	name  string
	named bool
	index int
}

// String is the path as it was written.
func (p *Path) String() string { return p.text }

// Definite tells whether the path leads to one node: it has no wildcard, slice, filter, deep scan or list of indexes.
func (p *Path) Definite() bool { return p.definite }

// Root tells whether the path is exactly $, the document itself.
func (p *Path) Root() bool { return p.text == "$" }

// IsReference tells whether the path is a Reference Path of the States Language: one that can only identify a single node. It begins
// with $ and consists of single names and indexes. Unlike Jayway it must not end in a stray bracket.
func (p *Path) IsReference() bool {
	return strings.HasPrefix(p.text, "$") && p.chain != nil && !p.stray
}

// newPath builds a path from its steps. Jayway turns a deep scan that ends in a function inside out: $..a.sum() is $.sum($..a), so that
// the function sees all matches at once.
func newPath(root byte, steps []step) *Path {
	last := len(steps) - 1
	if last < 1 || !isCall(steps[last]) || steps[0] != (scanStep{}) {
		return build(root, steps)
	}
	first := 1
	for !isCall(steps[first]) {
		first++
	}
	inner := build(root, steps[:first:first])
	call := *steps[first].(*callStep)
	call.arguments = []argument{{path: inner, counted: inner.counting()}}
	outer := build('$', append([]step{&call}, steps[first+1:]...))
	outer.document = root == '$'
	outer.function = true
	clear(outer.upstream) // the scan still stands before the call
	return outer
}

func isCall(s step) bool {
	_, ok := s.(*callStep)
	return ok
}

func build(root byte, steps []step) *Path {
	p := &Path{root: root, document: root == '$', steps: steps, definite: true}
	p.upstream = make([]bool, len(steps))
	for i, s := range steps {
		p.upstream[i] = p.definite
		p.definite = p.definite && s.definite(i == len(steps)-1)
	}
	p.chain = chainOf(steps)
	switch n := len(steps); {
	case n > 1:
		p.beyond = steps[n-2].fragment()
		p.function = isCall(steps[n-1])
	case n == 1:
		p.beyond = string(rune(root))
		p.function = isCall(steps[0])
	}
	return p
}

// chainOf returns the steps as links, or nil if one of them is no single name or index.
func chainOf(steps []step) []link {
	chain := make([]link, 0, len(steps))
	for _, s := range steps {
		switch s := s.(type) {
		case *nameStep:
			if len(s.names) != 1 {
				return nil
			}
			chain = append(chain, link{name: s.names[0], named: true})
		case *indexStep:
			if len(s.indexes) != 1 {
				return nil
			}
			chain = append(chain, link{index: s.indexes[0]})
		default:
			return nil
		}
	}
	return chain
}

// counting is the path with [*] behind it, by which length() counts the children of its argument. As in Jayway it remains as definite
// as it was. It is nil where length() takes the path as it is.
func (p *Path) counting() *Path {
	if p.function || len(p.steps) == 0 {
		return nil
	}
	counted := build(p.root, append(p.steps[:len(p.steps):len(p.steps)], wildcardStep{}))
	counted.definite = p.definite
	counted.beyond = p.beyond
	return counted
}

// canonical is the steps from the i-th on as Jayway prints them.
func (p *Path) canonical(i int) string {
	var b strings.Builder
	for _, s := range p.steps[i:] {
		b.WriteString(s.fragment())
	}
	return b.String()
}

func (p *Path) canonicalText() string { return string(rune(p.root)) + p.canonical(0) }

// location is the place of the node to which the i-th step is applied. All steps before it are definite, and functions do not show.
func (p *Path) location(i int) string {
	var b strings.Builder
	b.WriteByte(p.root)
	for _, s := range p.steps[:i] {
		switch s := s.(type) {
		case *nameStep:
			b.WriteString("['" + s.names[0] + "']")
		case *indexStep:
			b.WriteString("[" + strconv.Itoa(s.indexes[0]) + "]")
		}
	}
	return b.String()
}
