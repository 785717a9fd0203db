package cfn

import (
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

func (r *resolver) ref(arg *node) (value.Value, bool) {
	name, ok := r.logicalID(arg)
	if !ok {
		r.problem(arg, "Template error: every Ref object must have a single String value.")
		return nil, false
	}
	return r.lookup(arg, name)
}

// logicalID is the name in a reference. Under the language extensions it may be formed of what is known before the deployment.
func (r *resolver) logicalID(n *node) (string, bool) {
	if text, ok := n.string(); ok || !r.extended {
		return text, ok
	}
	return r.early(n)
}

// lookup returns what a name stands for: a pseudo parameter, a parameter or a resource.
func (r *resolver) lookup(at *node, name string) (value.Value, bool) {
	if v, ok := r.pseudo[name]; ok {
		return v, true
	}
	if p, ok := r.parameters[name]; ok {
		if p.fault != "" {
			r.problem(at, "%s", p.fault)
		}
		if p.madeUp {
			r.madeUp++
		}
		return p.value, p.value != nil && r.spend(at, valueSize(p.value))
	}
	res, ok := r.referenced(at, name)
	if !ok {
		return nil, false
	}
	if !res.Known() {
		r.madeUp++
	}
	return value.String(r.identify(res).ref), true
}

// valueSize is what a parameter's value costs each time it is referred to.
func valueSize(v value.Value) int {
	size := 0
	if items, ok := v.(value.Array); ok {
		for _, item := range items {
			text, _ := scalarText(item)
			size += 16 + len(text)
		}
	}
	return size
}

// referenced returns the resource that a function refers to.
func (r *resolver) referenced(at *node, name string) (*resource, bool) {
	if r.inConditions(at) {
		r.problem(at, "Template error: Unresolved dependencies [%s]. Cannot reference resources in the Conditions block of the template", name)
		return nil, false
	}
	if res, ok := r.resources[name]; ok {
		return res, true
	}
	if r.enough() {
		return nil, false
	}
	r.problem(at, "Template format error: Unresolved resource dependencies [%s] in the %s block of the template%s", name, r.doc.stepsTo(at)[0].name, r.whyAbsent(name))
	return nil, false
}

// whyAbsent explains a name that stands for nothing.
func (r *resolver) whyAbsent(name string) string {
	for _, res := range r.template.Excluded {
		if res.LogicalID == name {
			return ": the condition " + res.Condition + " leaves it out"
		}
	}
	for _, section := range []string{"Parameters", "Resources"} {
		for _, m := range r.doc.root.get(section).all() {
			if m.name == name {
				return ": it has faults of its own"
			}
			if strings.EqualFold(m.name, name) {
				return ": did you mean " + m.name + "?"
			}
		}
	}
	return ": no parameter and no resource has this name"
}

func (r *resolver) inConditions(at *node) bool {
	section := r.doc.root.get("Conditions")
	return section != nil && section.start <= at.start && at.start < section.end
}

func (r *resolver) getAtt(arg *node) (value.Value, bool) {
	name, attribute, ok := r.attributeName(arg)
	if !ok {
		return nil, false
	}
	return r.attribute(arg, name, attribute)
}

const getAttUsage = "Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute"

// attributeName reads both forms: ["Resource", "Attribute"] and "Resource.Attribute".
func (r *resolver) attributeName(arg *node) (name, attribute string, ok bool) {
	if text, isText := arg.string(); isText {
		name, attribute, _ = strings.Cut(text, ".")
	} else {
		args, fine := r.args(arg, 2, 2, getAttUsage)
		if !fine {
			return "", "", false
		}
		name, _ = r.logicalID(args[0])
		if attribute, fine = r.text(args[1]); !fine {
			return "", "", false
		}
	}
	if name == "" || attribute == "" {
		r.problem(arg, "Template error: "+getAttUsage)
		return "", "", false
	}
	return name, attribute, true
}

func (r *resolver) attribute(at *node, name, attribute string) (value.Value, bool) {
	res, ok := r.referenced(at, name)
	if !ok {
		return nil, false
	}
	if res.Type == nestedType && strings.HasPrefix(attribute, nestedOutput) && !res.circular {
		return r.nestedAttribute(at, res, attribute)
	}
	i := r.identify(res)
	if !res.Known() {
		r.madeUp++
		return value.String(i.madeUpAttribute(attribute)), true
	}
	of, ok := res.known.attributes[attribute]
	if !ok {
		r.problem(at, "Template error: resource %s does not support attribute type %s in Fn::GetAtt; %s has %s.", name, r.origin.quote(attribute), res.Type, res.known.attributeNames())
		return nil, false
	}
	if res.circular {
		return value.String(""), true
	}
	return value.String(i.attribute(attribute, of)), true
}

// subPart is a piece of the text of an Fn::Sub.
type subPart struct {
	text     string
	variable bool // text is the name between ${ and }
}

// subParts takes a text apart. ${!Name} is the text ${Name}; a ${ without an end is text too. Blanks around a name do not count.
func subParts(text string) []subPart {
	var parts []subPart
	for {
		start := strings.Index(text, "${")
		length := 0
		if start >= 0 {
			length = strings.IndexByte(text[start:], '}')
		}
		if start < 0 || length < 0 {
			return append(parts, subPart{text: text})
		}
		name := strings.TrimSpace(text[start+2 : start+length])
		parts = append(parts, subPart{text: text[:start]})
		if literal, isLiteral := strings.CutPrefix(name, "!"); isLiteral {
			parts = append(parts, subPart{text: "${" + literal + "}"})
		} else {
			parts = append(parts, subPart{text: name, variable: true})
		}
		text = text[start+length+1:]
	}
}

const subUsage = "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string"

// subArguments returns the text of an Fn::Sub and the object with its variables, nil if it has none.
func subArguments(arg *node) (text string, textNode, variables *node, ok bool) {
	textNode = arg
	if arg.kind == value.KindArray {
		if len(arg.items) != 2 || arg.items[1].kind != value.KindObject {
			return "", nil, nil, false
		}
		textNode, variables = arg.items[0], arg.items[1]
	}
	text, ok = textNode.string()
	return text, textNode, variables, ok
}

func (r *resolver) sub(arg *node) (value.Value, bool) {
	text, at, variables, ok := subArguments(arg)
	if !ok {
		r.problem(arg, subUsage)
		return nil, false
	}
	given := map[string]string{}
	fine := true
	for _, m := range variables.all() {
		text, ok := r.text(m.value)
		given[m.name] = text
		fine = fine && ok
	}
	var b strings.Builder
	for _, part := range subParts(text) {
		piece := part.text
		if part.variable {
			var ok bool
			if piece, ok = r.variable(at, given, part.text); !ok {
				fine = false
				continue
			}
		}
		if !r.spend(at, len(piece)) {
			return nil, false
		}
		b.WriteString(piece)
	}
	return value.String(b.String()), fine
}

// variable returns the text of one variable of an Fn::Sub.
func (r *resolver) variable(at *node, given map[string]string, name string) (string, bool) {
	if text, ok := given[name]; ok {
		return text, true
	}
	if !validVariable(name) {
		r.problem(at, "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, and colons; ${%s} does not. Write ${!%s} for the text itself.", name, name)
		return "", false
	}
	resource, attribute, dotted := strings.Cut(name, ".")
	var v value.Value
	var ok bool
	if dotted {
		v, ok = r.attribute(at, resource, attribute)
	} else {
		v, ok = r.lookup(at, name)
	}
	if !ok || v == nil {
		return "", ok
	}
	text, isScalar := scalarText(v)
	if !isScalar {
		r.problem(at, "Template error: ${%s} in Fn::Sub is %s; only a string has a place in a text.", name, article(v.Kind()))
	}
	return text, isScalar
}

func validVariable(name string) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '.' && c != ':' {
			return false
		}
	}
	return name != ""
}

// references calls visit for each resource that a node refers to, in the order of the text, with the place of the reference. Of an Fn::If
// only the branch taken counts, as for CloudFormation, which decides conditions first.
func (r *resolver) references(n *node, visit func(res *resource, at *node)) {
	byName := func(name string, at *node) {
		if res, ok := r.resources[name]; ok {
			visit(res, at)
		}
	}
	name, arg := asFunction(n)
	switch name {
	case "Ref":
		target, _ := r.logicalID(arg)
		byName(target, arg)
		return
	case "Fn::GetAtt":
		target, isText := arg.string()
		if target, _, _ = strings.Cut(target, "."); !isText && len(arg.items) > 0 {
			target, _ = r.logicalID(arg.items[0])
		}
		byName(target, arg)
	case "Fn::Sub":
		text, at, variables, _ := subArguments(arg)
		for _, part := range subParts(text) {
			target, _, _ := strings.Cut(part.text, ".")
			if part.variable && variables.get(part.text) == nil {
				byName(target, at)
			}
		}
	case "Fn::If":
		if taken, ok := r.takenBranch(arg, false); ok {
			r.references(taken, visit)
			return
		}
	}
	for _, item := range n.items {
		r.references(item, visit)
	}
	for _, m := range n.members {
		r.references(m.value, visit)
	}
}
