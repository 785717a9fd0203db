package jsonpath

import (
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// step is one step of a path: [*nameStep], [*indexStep], [*sliceStep], [wildcardStep], [scanStep], [*filterStep] or [*callStep].
type step interface {
	// visit applies the step, which stands at place at in the path of e, to v; it adds results to e or visits the next step.
	visit(e *evaluation, at int, v value.Value) error
	// definite tells whether the step leads to one node at most. Several names do at the end of a path only: there they are
	// merged into one object.
	definite(last bool) bool
	// fragment is the step as Jayway prints it.
	fragment() string
}

type (
	// nameStep is .foo, ['foo'] or ['foo','bar'].
	nameStep struct {
		names []string
		quote byte
	}
	// indexStep is [0], [-1] or [0,2]. A negative index counts from the end.
	indexStep struct {
		indexes []int
	}
	// sliceStep is [1:], [:2] or [1:2]; at least one bound is there.
	sliceStep struct {
		from, to *int
	}
	// wildcardStep is .* or [*].
	wildcardStep struct{}
	// scanStep is the deep scan "..": it applies the step behind it to a node and to everything below.
	scanStep struct{}
	// filterStep is [?(...)].
	filterStep struct {
		condition expression
	}
	// callStep is .name() or .name(arguments).
	callStep struct {
		name      string
		arguments []argument
		written   bool // arguments stand in the text
	}
)

func (s *nameStep) definite(last bool) bool  { return len(s.names) == 1 || last }
func (s *indexStep) definite(last bool) bool { return len(s.indexes) == 1 }
func (*sliceStep) definite(bool) bool        { return false }
func (wildcardStep) definite(bool) bool      { return false }
func (scanStep) definite(bool) bool          { return false }
func (*filterStep) definite(bool) bool       { return false }
func (*callStep) definite(bool) bool         { return true }

func (s *nameStep) fragment() string {
	var b strings.Builder
	for i, name := range s.names {
		b.WriteByte("[,"[min(i, 1)])
		b.WriteByte(s.quote)
		b.WriteString(name)
		b.WriteByte(s.quote)
	}
	b.WriteByte(']')
	return b.String()
}

func (s *indexStep) fragment() string {
	text := []byte{'['}
	for i, index := range s.indexes {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, int64(index), 10)
	}
	return string(append(text, ']'))
}

func (s *sliceStep) fragment() string {
	bound := func(n *int) string {
		if n == nil {
			return ""
		}
		return strconv.Itoa(*n)
	}
	return "[" + bound(s.from) + ":" + bound(s.to) + "]"
}

func (wildcardStep) fragment() string { return "[*]" }
func (scanStep) fragment() string     { return ".." }
func (*filterStep) fragment() string  { return "[?]" }

func (s *callStep) fragment() string {
	if s.written {
		return "." + s.name + "(...)"
	}
	return "." + s.name + "()"
}
