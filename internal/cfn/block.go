package cfn

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// Block is an object among a resource's properties, read by someone who knows which types they must have. A property of another type
// becomes a problem with its place in the template, and the reading goes on, so that all problems of a resource are found at once:
//
//	p := res.Read()
//	p.Need("Role", "Code")
//	timeout := p.Int("Timeout", 3)
//	mode := p.Block("TracingConfig").OneOf("Mode", "PassThrough", "Active", "PassThrough")
//	if err := p.Err(); err != nil { ... }
//
// Like CloudFormation, a Block takes "3" for 3, "true" for true and the other way round. Messages never quote a value. The blocks of
// one Read share their problems and belong to one goroutine.
type Block struct {
	object   *value.Object
	steps    []step // from the resource
	resource *Resource
	problems *Problems
}

// Read returns the resource's properties for reading.
func (r *Resource) Read() *Block {
	return &Block{object: r.Properties, steps: []step{{name: "Properties", index: -1}}, resource: r, problems: new(Problems)}
}

// Err returns the problems so far as [Problems], nil if there is none.
func (b *Block) Err() error { return b.problems.err() }

// Problem adds a problem at the property name, or at the block itself if name is "". The message must not quote a value that could come
// from a NoEcho parameter unless it went through [Block.Quote].
func (b *Block) Problem(name, message string) {
	at := b.steps
	if name != "" {
		at = b.child(name)
	}
	b.problemAt(at, message)
}

func (b *Block) problemAt(steps []step, message string) {
	n := b.resource.origin.locate(b.resource.node, steps)
	p := b.resource.origin.doc.problem(n, "%s", message)
	p.Path = propertyPath(steps) // which may lead further than the text does, into what a function made
	b.problems.add(p)
}

// Place says where the property name is, or the block itself if name is "", for a message about what came of it: app.template.json:12:8: ProbeFunction
// Properties.Timeout.
func (b *Block) Place(name string) string {
	steps := b.steps
	if name != "" {
		steps = b.child(name)
	}
	return b.resource.place(steps)
}

// Place says where the resource is: app.template.json:10:5: ProbeFunction.
func (r *Resource) Place() string { return r.place(nil) }

func (r *Resource) place(steps []step) string {
	p := r.origin.doc.problem(r.origin.locate(r.node, steps), "")
	p.Path = propertyPath(steps)
	return strings.TrimSuffix(p.String(), ": ")
}

// Quote returns text for a message, masked if it holds the value of a NoEcho parameter.
func (b *Block) Quote(text string) string { return b.resource.origin.quote(text) }

func (b *Block) child(name string) []step {
	return append(slices.Clip(b.steps), step{name: name, index: -1})
}

// locate follows steps from a node as far as the text goes, through the branches that Fn::If took.
func (o *origin) locate(n *node, steps []step) *node {
	for _, s := range steps {
		var next *node
		if s.index < 0 {
			next = n.get(s.name)
		} else if index := o.written(n, s.index); index < len(n.items) {
			next = n.items[index]
		}
		if next == nil {
			break
		}
		n = o.takenFrom(next)
	}
	return n
}

// takenFrom returns the branch that was taken if n is an Fn::If, else n.
func (o *origin) takenFrom(n *node) *node {
	for {
		_, arg := asFunction(n)
		taken := o.chosen[arg]
		if taken == nil {
			return n
		}
		n = taken
	}
}

// written returns the index that a resolved item has in the text.
func (o *origin) written(n *node, index int) int {
	if kept, some := o.kept[n]; some && index < len(kept) {
		return kept[index]
	}
	return index
}

// Has tells whether there is a property of that name.
func (b *Block) Has(name string) bool {
	_, ok := b.object.Get(name)
	return ok
}

// Names returns the names of all properties, in order.
func (b *Block) Names() []string {
	names := make([]string, 0, b.object.Len())
	for name := range b.object.All() {
		names = append(names, name)
	}
	return names
}

// Need reports each of the properties that is absent.
func (b *Block) Need(names ...string) {
	for _, name := range names {
		if !b.Has(name) {
			b.Problem("", "The property "+name+" is required.")
		}
	}
}

// Value returns a property as it is, nil if it is absent.
func (b *Block) Value(name string) value.Value {
	v, _ := b.object.Get(name)
	return v
}

func (b *Block) wrongType(steps []step, want string, v value.Value) {
	b.problemAt(steps, "This must be "+want+", not "+article(v.Kind())+".")
}

// String returns a text, "" if it is absent.
func (b *Block) String(name string) string {
	v, ok := b.object.Get(name)
	if !ok {
		return ""
	}
	text, isScalar := scalarText(v)
	if !isScalar {
		b.wrongType(b.child(name), "a string", v)
	}
	return text
}

// OneOf returns a text that must be one of those allowed; fallback if it is absent or is not.
func (b *Block) OneOf(name, fallback string, allowed ...string) string {
	if !b.Has(name) {
		return fallback
	}
	text := b.String(name)
	if !slices.Contains(allowed, text) {
		b.Problem(name, "This must be one of "+strings.Join(allowed, ", ")+".")
		return fallback
	}
	return text
}

// Int returns a whole number, fallback if it is absent.
func (b *Block) Int(name string, fallback int64) int64 {
	v, ok := b.object.Get(name)
	if !ok {
		return fallback
	}
	if n, isWhole := value.Integer(v); isWhole {
		return n
	}
	text, _ := v.(value.String)
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		b.wrongType(b.child(name), "a whole number", v)
		return fallback
	}
	return n
}

// Float returns a number, fallback if it is absent.
func (b *Block) Float(name string, fallback float64) float64 {
	v, ok := b.object.Get(name)
	if !ok {
		return fallback
	}
	if f, isNumber := value.Float64(v); isNumber {
		return f
	}
	text, _ := v.(value.String)
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		b.wrongType(b.child(name), "a number", v)
		return fallback
	}
	return f
}

// Bool returns true or false, fallback if it is absent.
func (b *Block) Bool(name string, fallback bool) bool {
	v, ok := b.object.Get(name)
	if !ok {
		return fallback
	}
	switch text, _ := scalarText(v); strings.ToLower(text) {
	case "true":
		return true
	case "false":
		return false
	}
	b.wrongType(b.child(name), "true or false", v)
	return fallback
}

// Strings returns a list of texts, nil if it is absent.
func (b *Block) Strings(name string) []string {
	var texts []string
	for i, v := range b.items(name) {
		text, isScalar := scalarText(v)
		if !isScalar {
			b.wrongType(append(b.child(name), step{index: i}), "a string", v)
		}
		texts = append(texts, text)
	}
	return texts
}

// items returns a list, nil if it is absent.
func (b *Block) items(name string) value.Array {
	v, ok := b.object.Get(name)
	if !ok {
		return nil
	}
	items, isList := v.(value.Array)
	if !isList {
		b.wrongType(b.child(name), "a list", v)
	}
	return items
}

// Block returns the object in a property, an empty one if it is absent. The result is never nil.
func (b *Block) Block(name string) *Block {
	v, ok := b.object.Get(name)
	if !ok {
		v = value.NewObject()
	}
	return b.within(b.child(name), v)
}

// Blocks returns the objects in a list, nil if it is absent.
func (b *Block) Blocks(name string) []*Block {
	var blocks []*Block
	for i, v := range b.items(name) {
		blocks = append(blocks, b.within(append(b.child(name), step{index: i}), v))
	}
	return blocks
}

func (b *Block) within(steps []step, v value.Value) *Block {
	object, ok := v.(*value.Object)
	if !ok {
		b.wrongType(steps, "an object", v)
		object = value.NewObject()
	}
	return &Block{object: object, steps: steps, resource: b.resource, problems: b.problems}
}
