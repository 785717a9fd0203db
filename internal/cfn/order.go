package cfn

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// orderResources finds what each resource needs, puts the template's resources in an order in which each follows those it needs, and
// reports where there is none.
func (r *resolver) orderResources() {
	reasons := map[[2]*resource]*node{} // where one resource refers to another, for messages
	for _, res := range r.declared {
		needs := func(need *resource, at *node) {
			pair := [2]*resource{res, need}
			if reasons[pair] == nil {
				reasons[pair] = at
				res.needs = append(res.needs, need)
			}
		}
		r.explicitNeeds(res, needs)
		for _, part := range []string{"Properties", "Metadata"} {
			if n := res.node.get(part); n != nil {
				r.references(n, needs)
			}
		}
		slices.SortFunc(res.needs, func(a, b *resource) int { return cmp.Compare(a.at, b.at) })
	}
	o := ordering{r: r, reasons: reasons, state: map[*resource]progress{}}
	for _, res := range r.declared {
		o.visit(res)
	}
	for _, res := range o.order {
		r.template.Resources = append(r.template.Resources, res.Resource)
	}
}

// explicitNeeds reads DependsOn. What a condition leaves out is not waited for.
func (r *resolver) explicitNeeds(res *resource, visit func(*resource, *node)) {
	n := res.node.get("DependsOn")
	if n == nil {
		return
	}
	names := n.items
	if n.kind != value.KindArray {
		names = []*node{n}
	}
	for _, item := range names {
		name, ok := item.string()
		switch {
		case !ok:
			r.problem(item, "Template format error: DependsOn must be a string or a list of strings.")
		case r.resources[name] != nil:
			visit(r.resources[name], item)
		case r.doc.root.get("Resources").get(name) == nil:
			r.problem(item, "Template format error: Unresolved resource dependencies [%s] in the Resources block of the template%s", name, r.whyAbsent(name))
		}
	}
}

// progress says how far the walk has come with a resource.
type progress uint8

const (
	unvisited progress = iota
	underWay           // its needs are being visited
	visited
)

// ordering is a depth-first walk in the template's order.
type ordering struct {
	r       *resolver
	reasons map[[2]*resource]*node
	state   map[*resource]progress
	path    []*resource
	order   []*resource
}

func (o *ordering) visit(res *resource) {
	switch o.state[res] {
	case visited:
		return
	case underWay:
		o.cycle(o.path[slices.Index(o.path, res):])
		return
	}
	o.state[res] = underWay
	o.path = append(o.path, res)
	for _, need := range res.needs {
		o.visit(need)
	}
	o.path = o.path[:len(o.path)-1]
	o.state[res] = visited
	o.order = append(o.order, res)
}

// cycle reports resources of which each needs the next and the last the first. Their names cannot be worked out from one another.
func (o *ordering) cycle(members []*resource) {
	var names, links []string
	for i, res := range members {
		res.circular = true
		next := members[(i+1)%len(members)]
		names = append(names, res.LogicalID)
		steps := o.r.doc.stepsTo(o.reasons[[2]*resource{res, next}])
		links = append(links, res.LogicalID+" needs "+next.LogicalID+" in "+propertyPath(steps[min(2, len(steps)):]))
	}
	o.r.problem(members[0].node, "Circular dependency between resources: [%s]: %s", strings.Join(names, ", "), strings.Join(links, "; "))
}
