package cfn

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/value"
)

// MaxTemplateBytes is the largest template that CloudFormation reads (user guide, "Understand CloudFormation quotas").
const MaxTemplateBytes = 1 << 20

// Document is a template as written: a tree of nodes that know their places. The reader of each notation makes one.
type Document struct {
	// File names the template in messages.
	File string

	text   string
	root   *node
	shared bool // a node may stand at several places in the tree
}

// node is a value in the text.
type node struct {
	kind       value.Kind
	start, end int         // byte offsets
	scalar     value.Value // of null, boolean, number and string
	items      []*node     // of an array
	members    []member    // of an object, in order
}

type member struct {
	name  string
	value *node
}

// get returns the member's value, nil if n is no object or has no such member.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	for _, m := range n.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// all returns the members of an object, none of a node that is absent.
func (n *node) all() []member {
	if n == nil {
		return nil
	}
	return n.members
}

// string returns the text of a string node.
func (n *node) string() (string, bool) {
	if n == nil {
		return "", false
	}
	s, ok := n.scalar.(value.String)
	return string(s), ok
}

// literal returns the node as a value, functions taken as the objects that they are in the text.
func (n *node) literal() value.Value {
	switch n.kind {
	case value.KindArray:
		items := make(value.Array, len(n.items))
		for i, item := range n.items {
			items[i] = item.literal()
		}
		return items
	case value.KindObject:
		members := make([]value.Member, len(n.members))
		for i, m := range n.members {
			members[i] = value.Member{Name: m.name, Value: m.value.literal()}
		}
		return value.NewObject(members...)
	}
	return n.scalar
}

// ReadJSON reads a template in JSON. The file's name is for messages only. It fails with [Problems]: the first place at which the text
// stops being JSON, or all members that stand twice in one object.
func ReadJSON(file string, text []byte) (*Document, error) {
	d := &Document{File: file}
	if len(text) > MaxTemplateBytes {
		return nil, Problems{{File: file, Line: 1, Column: 1,
			Message: fmt.Sprintf("The template has %d bytes; CloudFormation takes at most %d.", len(text), MaxTemplateBytes)}}
	}
	d.text = string(text)
	if _, err := value.Parse(d.text); err != nil {
		var syntax *value.SyntaxError
		if !errors.As(err, &syntax) {
			return nil, err
		}
		return nil, Problems{{File: file, Line: syntax.Line, Column: syntax.Column, Offset: syntax.Offset,
			Message: "Template format error: JSON not well-formed. " + syntax.Message}}
	}
	reader := jsonReader{text: d.text}
	d.root = reader.value()
	if len(reader.duplicates) > 0 {
		var problems Problems
		for _, n := range reader.duplicates {
			problems = append(problems, d.problem(n, "The object has two members of this name."))
		}
		return nil, problems
	}
	return d, nil
}

// jsonReader makes nodes from a text that is known to be JSON of a bounded depth.
type jsonReader struct {
	text       string
	pos        int
	duplicates []*node
}

func (r *jsonReader) value() *node {
	r.skip(" \t\r\n")
	n := &node{start: r.pos}
	switch r.text[r.pos] {
	case '{':
		n.kind = value.KindObject
		r.object(n)
	case '[':
		n.kind = value.KindArray
		for r.next(']') {
			n.items = append(n.items, r.value())
		}
	case '"':
		n.kind = value.KindString
		n.scalar = value.String(r.string())
	default:
		for r.pos < len(r.text) && !strings.ContainsRune(",]} \t\r\n", rune(r.text[r.pos])) {
			r.pos++
		}
		n.scalar, _ = value.Parse(r.text[n.start:r.pos])
		n.kind = n.scalar.Kind()
	}
	n.end = r.pos
	return n
}

func (r *jsonReader) object(n *node) {
	seen := map[string]bool{}
	for r.next('}') {
		name := r.string()
		r.skip(" \t\r\n:")
		m := member{name, r.value()}
		n.members = append(n.members, m)
		if seen[name] {
			r.duplicates = append(r.duplicates, m.value)
		}
		seen[name] = true
	}
}

// next moves into an array or object, and then behind each comma in it, until it has passed the closing bracket.
func (r *jsonReader) next(closing byte) bool {
	r.skip(" \t\r\n")
	if r.text[r.pos] != closing {
		r.pos++ // the opening bracket or the comma
		r.skip(" \t\r\n")
	}
	if r.text[r.pos] == closing {
		r.pos++
		return false
	}
	return true
}

// string reads a string.
func (r *jsonReader) string() string {
	start := r.pos
	for r.pos++; r.text[r.pos] != '"'; r.pos++ {
		if r.text[r.pos] == '\\' {
			r.pos++
		}
	}
	r.pos++
	quoted := r.text[start:r.pos]
	if !strings.Contains(quoted, `\`) {
		return quoted[1 : len(quoted)-1]
	}
	v, _ := value.Parse(quoted)
	s, _ := v.(value.String)
	return string(s)
}

func (r *jsonReader) skip(chars string) {
	for r.pos < len(r.text) && strings.IndexByte(chars, r.text[r.pos]) >= 0 {
		r.pos++
	}
}

// step leads from a node to one of its children: to a member by name, or to the item at index where name is "".
type step struct {
	name  string
	index int
}

// stepsTo returns the way from the root to the node. A node that stands at several places, as aliases make them, is found at the first.
func (d *Document) stepsTo(target *node) []step {
	seen := map[*node]bool{}
	var walk func(n *node, steps []step) []step
	walk = func(n *node, steps []step) []step {
		if n == target {
			return append([]step{}, steps...)
		}
		if n == nil || seen[n] {
			return nil
		}
		seen[n] = true
		for i, item := range n.items {
			if found := walk(item, append(steps, step{index: i})); found != nil {
				return found
			}
		}
		for _, m := range n.members {
			if found := walk(m.value, append(steps, step{name: m.name, index: -1})); found != nil {
				return found
			}
		}
		return nil
	}
	return walk(d.root, nil)
}

// position returns line and column, both from 1, the column in characters.
func (d *Document) position(offset int) (line, column int) {
	before := d.text[:min(offset, len(d.text))]
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

// Empty tells whether the template declares no resources. CDK leaves such a stack out.
func (d *Document) Empty() bool { return len(d.root.get("Resources").all()) == 0 }

// Parameters returns the names of the parameters that the template declares, in its order.
func (d *Document) Parameters() []string {
	var names []string
	for _, m := range d.root.get("Parameters").all() {
		names = append(names, m.name)
	}
	return names
}
