package cfn

import (
	"fmt"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// The macros that are part of CloudFormation and are done here. Others are programs in somebody's account.
const (
	languageExtensions  = "AWS::LanguageExtensions"    // Fn::ForEach, Fn::Length, Fn::ToJsonString and more places for functions
	serverlessTransform = "AWS::Serverless-2016-10-31" // SAM
	includeTransform    = "AWS::Include"               // a file's text
)

// transform does what the Transform section asks for, on a document of its own: the one that was given stays as it is.
func (r *resolver) transform() {
	doc := *r.doc
	doc.shared = true
	r.doc, r.origin.doc = &doc, &doc
	if strings.Contains(r.doc.text, includeTransform) {
		r.include()
	}
	names := r.macros(r.doc.root.get("Transform"))
	if globals := r.doc.root.get("Globals"); len(names) == 0 && globals != nil {
		r.problem(globals, "Template format error: Globals needs the transform %s.", serverlessTransform)
	}
	for _, name := range names {
		switch name {
		case languageExtensions:
			r.extended = true
			r.unroll()
		case serverlessTransform:
			r.serverless()
		}
	}
}

// macros returns the names of the transforms, in order, and reports those that are not done here.
func (r *resolver) macros(n *node) []string {
	var names []string
	for _, macro := range macrosOf(n) {
		name, isText := macro.string()
		if !isText {
			name, _ = macro.get("Name").string()
		}
		switch name {
		case languageExtensions, serverlessTransform:
			names = append(names, name)
		case includeTransform: // done
		default:
			r.problem(macro, "The macro %s is a program in an account and is not run here. Give the template that this one is transformed to.", r.origin.quote(name))
		}
	}
	return names
}

// early returns the text of a node that a transform must know before anything is deployed: it may be a Ref to a parameter.
func (r *resolver) early(n *node) (string, bool) {
	if text, ok := n.string(); ok || n == nil {
		return text, ok
	}
	if text, ok := scalarText(n.scalar); ok {
		return text, true
	}
	name, arg := asFunction(n)
	target, _ := arg.string()
	switch name {
	case "Ref":
		if p, ok := r.parameters[target]; ok && p.value != nil {
			return scalarText(p.value)
		}
		if v := r.pseudo[target]; v != nil {
			return scalarText(v)
		}
	case "Fn::FindInMap":
		if v, ok := r.findInMap(arg); ok {
			return scalarText(v)
		}
	case "Fn::Sub":
		if r.parametersOnly(arg) {
			if v, ok := r.sub(arg); ok {
				return scalarText(v)
			}
		}
	}
	return "", false
}

// parametersOnly tells whether an Fn::Sub holds no variable but parameters.
func (r *resolver) parametersOnly(arg *node) bool {
	text, ok := arg.string()
	if !ok {
		return false
	}
	for _, part := range subParts(text) {
		_, isParameter := r.parameters[part.text]
		if part.variable && !isParameter && r.pseudo[part.text] == nil {
			return false
		}
	}
	return true
}

const forEachPrefix = "Fn::ForEach::"

// unroller writes out loops (Language reference, "Fn::ForEach").
type unroller struct {
	r        *resolver
	bindings map[string]string // the values of the loops' variables where the walk is
}

// unroll writes out the loops in resources, conditions and outputs, if there are any.
func (r *resolver) unroll() {
	if !strings.Contains(r.doc.text, forEachPrefix) {
		return
	}
	u := unroller{r: r, bindings: map[string]string{}}
	root := *r.doc.root
	root.members = append([]member{}, root.members...)
	for i, m := range root.members {
		switch m.name {
		case "Resources", "Conditions", "Outputs":
			root.members[i].value = u.copy(m.value)
		}
	}
	r.doc.root = &root
}

// copy returns a node with its loops written out and the variables of the loops around it replaced.
func (u *unroller) copy(n *node) *node {
	if !u.r.spend(n, 16) {
		return n
	}
	made := *n
	switch n.kind {
	case value.KindString:
		if len(u.bindings) > 0 {
			text, _ := n.string()
			replaced := u.replace(text)
			if !u.r.spend(n, len(replaced)) {
				return n
			}
			made.scalar = value.String(replaced)
		}
	case value.KindArray:
		made.items = make([]*node, len(n.items))
		for i, item := range n.items {
			made.items[i] = u.copy(item)
		}
	case value.KindObject:
		if bound, ok := u.bound(n); ok {
			return bound
		}
		made.members = u.members(n)
	}
	return &made
}

// bound returns what {"Ref": variable} stands for.
func (u *unroller) bound(n *node) (*node, bool) {
	name, arg := asFunction(n)
	target, isText := arg.string()
	text, known := u.bindings[target]
	if name != "Ref" || !isText || !known {
		return nil, false
	}
	return &node{kind: value.KindString, start: arg.start, end: arg.end, scalar: value.String(text)}, true
}

func (u *unroller) members(n *node) []member {
	members := make([]member, 0, len(n.members))
	for _, m := range n.members {
		if loop, ok := strings.CutPrefix(m.name, forEachPrefix); ok {
			members = append(members, u.loop(loop, m.value)...)
			continue
		}
		name := u.replace(m.name)
		members = append(members, member{name, u.copy(m.value)})
	}
	seen := map[string]bool{}
	for _, m := range members {
		if seen[m.name] && len(members) != len(n.members) {
			u.r.problem(m.value, "Template format error: Fn::ForEach makes two members of the name %s.", m.name)
		}
		seen[m.name] = true
	}
	return members
}

const forEachUsage = "Template error: Fn::ForEach takes a list of three: the name of a variable, a list of its values (or a Ref to a parameter with a list) and an object with what each value makes."

// loop returns the members that a loop makes.
func (u *unroller) loop(name string, arg *node) []member {
	if arg.kind != value.KindArray || len(arg.items) != 3 || arg.items[2].kind != value.KindObject {
		u.r.problem(arg, forEachUsage)
		return nil
	}
	variable, ok := arg.items[0].string()
	if !ok || variable == "" {
		u.r.problem(arg.items[0], forEachUsage)
		return nil
	}
	if _, taken := u.bindings[variable]; taken || u.r.doc.root.get("Parameters").get(variable) != nil || u.r.doc.root.get("Resources").get(variable) != nil {
		u.r.problem(arg.items[0], "Template error: the variable %s of Fn::ForEach::%s has the name of something else in the template.", variable, name)
		return nil
	}
	values, ok := u.r.list(u.copy(arg.items[1]))
	if !ok {
		return nil
	}
	var made []member
	for _, v := range values {
		text, isScalar := scalarText(v)
		if !isScalar {
			u.r.problem(arg.items[1], "Template error: the values of Fn::ForEach::%s are strings, not %s.", name, article(v.Kind()))
			return nil
		}
		if u.r.budget < 0 {
			return nil
		}
		u.bindings[variable] = text
		made = append(made, u.members(arg.items[2])...)
	}
	delete(u.bindings, variable)
	return made
}

// replace puts the variables' values into a text: ${Name} as they are, &{Name} without what is neither letter nor digit.
func (u *unroller) replace(text string) string {
	if len(u.bindings) == 0 || !strings.Contains(text, "{") {
		return text
	}
	var pairs []string
	for name, v := range u.bindings {
		pairs = append(pairs, fmt.Sprintf("${%s}", name), v, fmt.Sprintf("&{%s}", name), lettersAndDigits(v))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func lettersAndDigits(text string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, text)
}
