package cfn

import (
	"slices"

	"github.com/tutti-run/tutti/internal/value"
)

// includer puts the text of other files in the place of AWS::Include (template reference, "AWS::Include transform"). It runs before all other
// transforms, as CloudFormation works from the most deeply nested one outwards: SAM sees the API's body, not where it lies.
type includer struct {
	r    *resolver
	made map[*node]*node // copies of what was walked
}

// include includes what the template asks for, if anything.
func (r *resolver) include() {
	i := includer{r: r, made: map[*node]*node{}}
	root := i.copy(r.doc.root)
	for _, macro := range macrosOf(root.get("Transform")) {
		if name, _ := macro.get("Name").string(); name == includeTransform {
			i.merge(root, i.read(macro), macro)
		}
	}
	if root != r.doc.root {
		r.doc.root = root
	}
}

// macrosOf are the entries of the Transform section: names, and objects with Name and Parameters.
func macrosOf(section *node) []*node {
	switch {
	case section == nil:
		return nil
	case section.kind == value.KindArray:
		return section.items
	}
	return []*node{section}
}

// copy returns a node with what it includes; the node itself if there is nothing.
func (i *includer) copy(n *node) *node {
	if made, ok := i.made[n]; ok {
		return made
	}
	made := *n
	changed := false
	made.items = slices.Clone(n.items)
	for k, item := range n.items {
		made.items[k] = i.copy(item)
		changed = changed || made.items[k] != item
	}
	made.members = nil
	var macros []*node
	for _, m := range n.members {
		if name, _ := m.value.get("Name").string(); m.name == "Fn::Transform" && name == includeTransform {
			macros = append(macros, m.value)
			continue
		}
		v := i.copy(m.value)
		changed = changed || v != m.value
		made.members = append(made.members, member{m.name, v})
	}
	result := &made
	for _, macro := range macros {
		result = i.merge(result, i.read(macro), macro)
		changed = true
	}
	if !changed {
		result = n
	}
	i.made[n] = result
	return result
}

// merge adds an included object's members to those of the object that includes it, whose own win. Where there are none, what is included takes the
// object's place, whatever it is.
func (i *includer) merge(into, included, macro *node) *node {
	switch {
	case included == nil:
		return into
	case len(into.members) == 0:
		return included
	case included.kind != value.KindObject:
		i.r.problem(macro, "%s: other members stand beside it, so the file must hold an object, not %s.", includeTransform, article(included.kind))
		return into
	}
	for _, m := range included.members {
		switch mine := into.get(m.name); {
		case mine == nil:
			into.members = append(into.members, m)
		case mine.kind == value.KindObject && m.value.kind == value.KindObject: // a section of the template
			merged := *mine
			merged.members = slices.Clone(mine.members)
			into.set(m.name, i.merge(&merged, m.value, macro))
		}
	}
	return into
}

// read reads the file that an AWS::Include names; nil if it cannot.
func (i *includer) read(macro *node) *node {
	at := macro.get("Parameters").get("Location")
	location, ok := i.r.early(at)
	if !ok {
		if at == nil {
			at = macro
		}
		i.r.problem(at, "%s takes the parameter Location, a text that is known before the deployment.", includeTransform)
		return nil
	}
	if i.r.in.Include == nil {
		i.r.problem(at, "%s: there is nobody to read %s.", includeTransform, i.r.origin.quote(location))
		return nil
	}
	file, text, err := i.r.in.Include(location)
	if err != nil {
		i.r.problem(at, "%s: %v", includeTransform, err)
		return nil
	}
	doc, err := Read(file, text)
	if err != nil {
		i.r.told(at, err)
		return nil
	}
	return moved(doc.root, at, map[*node]*node{})
}

// moved copies a node of another document to a place in this one: faults in it are told where it is included.
func moved(n, to *node, done map[*node]*node) *node {
	if made, ok := done[n]; ok {
		return made
	}
	made := &node{kind: n.kind, start: to.start, end: to.end, scalar: n.scalar}
	done[n] = made
	for _, item := range n.items {
		made.items = append(made.items, moved(item, to, done))
	}
	for _, m := range n.members {
		made.members = append(made.members, member{m.name, moved(m.value, to, done)})
	}
	return made
}
