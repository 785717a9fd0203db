package asl

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// node is a value of the definition with its place in the text. The checks read nodes, leave what they compile on them, and the
// builder takes it from there.
type node struct {
	parent *node
	name   string // of the member, in an object
	index  int    // in an array
	offset int    // of the value's first byte
	value  value.Value
	// children are the members or items, in the order of the text.
	children []*node
	// compiled is what a check made of the value: a path, call or template of package payload, a Resource, or nil.
	compiled any
}

func (n *node) kind() value.Kind { return n.value.Kind() }

// get returns the object's member of that name, or nil.
func (n *node) get(name string) *node {
	if n == nil || n.kind() != value.KindObject {
		return nil
	}
	for _, child := range n.children {
		if child.name == name {
			return child
		}
	}
	return nil
}

// items returns the array's items; other values have none.
func (n *node) items() []*node {
	if n == nil || n.kind() != value.KindArray {
		return nil
	}
	return n.children
}

// members returns the object's members; other values have none.
func (n *node) members() []*node {
	if n == nil || n.kind() != value.KindObject {
		return nil
	}
	return n.children
}

// text returns the string's value; ok is false for other values and for no node.
func (n *node) text() (s string, ok bool) {
	if n == nil {
		return "", false
	}
	v, ok := n.value.(value.String)
	return string(v), ok
}

// place is where the node stands, in all notations.
func (n *node) place() Place {
	return Place{Pointer: n.pointer(), Location: n.location(), Offset: n.offset}
}

// location is AWS's notation: /States/C/Choices[0]/Next, and / for the whole definition. Names are not escaped.
func (n *node) location() string {
	if n.parent == nil {
		return "/"
	}
	return n.pathBelow(nil)
}

// pointer is the JSON Pointer.
func (n *node) pointer() string {
	if n.parent == nil {
		return ""
	}
	step := "/" + escapePointer(n.name)
	if n.parent.kind() == value.KindArray {
		step = "/" + strconv.Itoa(n.index)
	}
	return n.parent.pointer() + step
}

// field is the path of the node below the state, as run-time messages print it: Choices[1]/Assign/x.
func (n *node) field(state *node) string {
	return strings.TrimPrefix(n.pathBelow(state), "/")
}

func (n *node) pathBelow(top *node) string {
	if n == top || n.parent == nil {
		return ""
	}
	above := n.parent.pathBelow(top)
	if n.parent.kind() == value.KindArray {
		return above + "[" + strconv.Itoa(n.index) + "]"
	}
	return above + "/" + n.name
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

func escapePointer(name string) string { return pointerEscaper.Replace(name) }

// find returns the node to which the JSON Pointer leads from n, or the last one on the way.
func (n *node) find(pointer string) *node {
	for pointer != "" {
		step := pointer[1:]
		pointer = ""
		if i := strings.IndexByte(step, '/'); i >= 0 {
			step, pointer = step[:i], step[i:]
		}
		child := n.child(step)
		if child == nil {
			return n
		}
		n = child
	}
	return n
}

func (n *node) child(step string) *node {
	for _, child := range n.children {
		if n.kind() == value.KindArray && strconv.Itoa(child.index) == step || n.kind() == value.KindObject && escapePointer(child.name) == step {
			return child
		}
	}
	return nil
}

// reader makes nodes of a text that is known to be JSON, so that it needs to look only for where tokens end. Checking the text
// first with [value.Parse] costs a second pass and spares this one every error.
type reader struct {
	text string
	pos  int
	// repeated are the members whose names their objects have twice.
	repeated []*node
	// spare are nodes yet unused: they are made many at a time.
	spare []node
	// open are the children of the objects and arrays that are being read, the innermost last.
	open []*node
}

func (r *reader) node() *node {
	if len(r.spare) == 0 {
		r.spare = make([]node, min(256, 8+len(r.text)/32))
	}
	n := &r.spare[0]
	r.spare = r.spare[1:]
	n.offset = r.pos
	return n
}

// adopt makes the children opened since mark those of n.
func (r *reader) adopt(n *node, mark int) {
	n.children = slices.Clone(r.open[mark:])
	r.open = r.open[:mark]
}

func (r *reader) read() *node {
	r.blanks()
	n := r.node()
	switch r.text[r.pos] {
	case '{':
		r.object(n)
	case '[':
		r.array(n)
	default:
		n.value = r.scalar()
	}
	return n
}

func (r *reader) blanks() {
	for r.pos < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.pos]) >= 0 {
		r.pos++
	}
}

// accept moves past c, if c is what follows the blanks.
func (r *reader) accept(c byte) bool {
	r.blanks()
	if r.text[r.pos] != c {
		return false
	}
	r.pos++
	return true
}

func (r *reader) object(n *node) {
	r.pos++
	mark := len(r.open)
	for !r.accept('}') {
		r.accept(',')
		r.blanks()
		name, _ := r.scalar().(value.String)
		r.accept(':')
		child := r.read()
		child.parent, child.name = n, string(name)
		r.open = append(r.open, child)
	}
	r.adopt(n, mark)
	members := make([]value.Member, len(n.children))
	for i, child := range n.children {
		members[i] = value.Member{Name: child.name, Value: child.value}
	}
	n.value = value.NewObject(members...)
	r.findRepeated(n)
}

// findRepeated looks for names that occur twice. Objects are mostly small: up to a dozen members each is compared with those before it.
func (r *reader) findRepeated(n *node) {
	if len(n.children) <= 12 {
		for i, child := range n.children {
			if n.get(child.name) != n.children[i] {
				r.repeated = append(r.repeated, child)
			}
		}
		return
	}
	seen := make(map[string]bool, len(n.children))
	for _, child := range n.children {
		if seen[child.name] {
			r.repeated = append(r.repeated, child)
		}
		seen[child.name] = true
	}
}

func (r *reader) array(n *node) {
	r.pos++
	mark := len(r.open)
	for !r.accept(']') {
		r.accept(',')
		child := r.read()
		child.parent, child.index = n, len(r.open)-mark
		r.open = append(r.open, child)
	}
	r.adopt(n, mark)
	items := make(value.Array, len(n.children))
	for i, child := range n.children {
		items[i] = child.value
	}
	n.value = items
}

// scalar reads a string, a number or a word.
func (r *reader) scalar() value.Value {
	start := r.pos
	if r.text[start] == '"' {
		if plain := start + 1 + strings.IndexAny(r.text[start+1:], `"\`); r.text[plain] == '"' {
			r.pos = plain + 1
			return value.String(r.text[start+1 : plain])
		}
		for r.pos++; r.text[r.pos] != '"'; r.pos++ {
			if r.text[r.pos] == '\\' {
				r.pos++
			}
		}
		r.pos++
	} else {
		for r.pos < len(r.text) && strings.IndexByte(" \t\r\n,]}", r.text[r.pos]) < 0 {
			r.pos++
		}
	}
	v, err := value.Parse(r.text[start:r.pos])
	if err != nil {
		return value.Null{}
	}
	return v
}
