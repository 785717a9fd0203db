package jsonata

import (
	"strconv"

	"github.com/tutti-run/tutti/internal/value"
)

// resolver turns the tree as written into one that can be compiled: chains of dots become paths, brackets become stages and predicates of
// steps, and each % finds the step whose input it means. It follows the reference's post-parse stage node for node, because what is allowed
// where, and which steps stream tuples, is defined by nothing else.
type resolver struct {
	faults   []*Error
	ancestry []*ancestor
	labels   int
}

// resolve returns the tree to compile, or every fault.
func resolve(tree *syntax) (*syntax, []*Error) {
	r := &resolver{}
	tree = r.node(tree)
	if len(r.faults) == 0 && (tree.kind == kindParent || tree.seeking != nil) {
		r.fail(syntaxFault("S0217", tree.position, tree.kind.String()))
	}
	return tree, r.faults
}

func (r *resolver) fail(err *Error) { r.faults = append(r.faults, err.finish()) }

func (r *resolver) node(n *syntax) *syntax {
	result := n
	switch n.kind {
	case kindBinary:
		result = r.binary(n)
	case kindUnary:
		result = r.unary(n)
	case kindFunction, kindPartial:
		for i, argument := range n.list {
			if !argument.is("?") {
				n.list[i] = r.node(argument)
				seek(n, n.list[i])
			}
		}
		n.left = r.node(n.left)
	case kindLambda:
		n.left = r.node(n.left)
		markTailCalls(n.left)
	case kindCondition, kindElvis, kindCoalesce:
		n.left = r.child(n, n.left)
		n.right = r.child(n, n.right)
		if n.third != nil {
			n.third = r.child(n, n.third)
		}
	case kindTransform:
		n.left, n.right = r.node(n.left), r.node(n.right)
		if n.third != nil {
			n.third = r.node(n.third)
		}
	case kindBlock:
		for i, part := range n.list {
			part = r.child(n, part)
			n.list[i] = part
			if part.consArray || part.kind == kindPath && part.list[0].consArray {
				n.consArray = true
			}
		}
	case kindName:
		result = r.name(n)
	case kindParent:
		n.slot = &ancestor{label: "!" + strconv.Itoa(r.labels), level: 1, index: len(r.ancestry)}
		r.labels++
		r.ancestry = append(r.ancestry, n.slot)
	case kindOperator: // and, or, in as names
		n.kind = kindName
		result = r.name(n)
	case kindEnd:
		r.fail(syntaxFault("S0207", n.position, n.text))
	}
	if n.keepArray {
		result.keepArray = true
	}
	return result
}

// child resolves part, which stands within n: what it seeks, n seeks.
func (r *resolver) child(n, part *syntax) *syntax {
	part = r.node(part)
	seek(n, part)
	return part
}

// name makes a path of one step.
func (r *resolver) name(n *syntax) *syntax {
	path := &syntax{kind: kindPath, position: n.position, list: []*syntax{n}, height: n.height + 1}
	path.keepOne = n.keepArray
	return path
}

func (r *resolver) binary(n *syntax) *syntax {
	switch n.text {
	case ".":
		return r.dot(n)
	case "[":
		return r.predicate(n)
	case "{":
		result := r.node(n.left)
		if result.group != nil {
			r.fail(syntaxFault("S0210", n.position, ""))
			return result
		}
		for i, pair := range n.pairs {
			n.pairs[i] = [2]*syntax{r.node(pair[0]), r.node(pair[1])}
		}
		result.group = &grouping{pairs: n.pairs, position: n.position}
		result.height = max(result.height, n.height)
		return result
	case "^":
		return r.orderBy(n)
	case ":=":
		n.kind = kindBind
		n.left, n.right = r.node(n.left), r.node(n.right)
		seek(n, n.right)
	case "@":
		return r.focus(n)
	case "#":
		return r.position(n)
	case "~>":
		n.kind = kindApply
		n.left, n.right = r.node(n.left), r.node(n.right)
		n.keepArray = n.left.keepArray || n.right.keepArray
	default:
		n.left, n.right = r.child(n, n.left), r.child(n, n.right)
	}
	return n
}

func (r *resolver) dot(n *syntax) *syntax {
	first := r.node(n.left)
	path := first
	if first.kind != kindPath {
		path = &syntax{kind: kindPath, position: n.position, list: []*syntax{first}, height: n.height}
		if first.kind == kindParent {
			path.seeking = []*ancestor{first.slot}
		}
	}
	path.height = max(path.height, n.height)
	rest := r.node(n.right)
	if rest.kind == kindPath {
		path.list = append(path.list, rest.list...)
	} else {
		if rest.predicate != nil {
			rest.stages, rest.predicate = rest.predicate, nil
		}
		path.list = append(path.list, rest)
	}
	for _, step := range path.list[path.checked:] {
		switch step.kind {
		case kindNumber, kindValue:
			r.fail(&Error{Class: ClassSyntax, Code: "S0213", Position: step.position, Value: step.literal})
		case kindString:
			step.kind = kindName
		}
		path.keepOne = path.keepOne || step.keepArray
	}
	path.checked = len(path.list)
	for _, step := range []*syntax{path.list[0], path.list[len(path.list)-1]} {
		if step.kind == kindUnary && step.text == "[" {
			step.consArray = true
		}
	}
	r.findAncestors(path)
	return path
}

func (r *resolver) predicate(n *syntax) *syntax {
	result := r.node(n.left)
	step, list := result, &result.predicate
	if result.kind == kindPath {
		step = result.list[len(result.list)-1]
		list = &step.stages
	}
	if step.group != nil {
		r.fail(syntaxFault("S0209", n.position, ""))
		return result
	}
	filter := r.node(n.right)
	for _, slot := range filter.seeking {
		if slot.level == 1 {
			r.seekParent(step, slot)
		} else {
			slot.level--
		}
	}
	if filter.seeking != nil {
		seek(step, filter)
	}
	*list = append(*list, stage{filter: filter})
	result.height = max(result.height, n.height)
	return result
}

func (r *resolver) orderBy(n *syntax) *syntax {
	path := r.node(n.left)
	if path.kind != kindPath {
		path = &syntax{kind: kindPath, position: n.position, list: []*syntax{path}}
	}
	path.height = max(path.height, n.height)
	step := &syntax{kind: kindSort, position: n.position, terms: n.terms, height: n.height}
	for i := range step.terms {
		step.terms[i].expression = r.node(step.terms[i].expression)
		seek(step, step.terms[i].expression)
	}
	path.list = append(path.list, step)
	r.findAncestors(path)
	return path
}

// focus resolves x@$name.
func (r *resolver) focus(n *syntax) *syntax {
	result := r.node(n.left)
	step := result
	if result.kind == kindPath {
		step = result.list[len(result.list)-1]
	}
	if step.stages != nil || step.predicate != nil {
		r.fail(syntaxFault("S0215", n.position, ""))
	}
	if step.kind == kindSort {
		r.fail(syntaxFault("S0216", n.position, ""))
	}
	if n.keepArray {
		step.keepArray = true
	}
	step.focus = n.right.text
	step.tuple = true
	return result
}

// position resolves x#$name.
func (r *resolver) position(n *syntax) *syntax {
	result := r.node(n.left)
	step := result
	if result.kind == kindPath {
		step = result.list[len(result.list)-1]
	} else {
		result = &syntax{kind: kindPath, position: n.position, list: []*syntax{step}, height: step.height + 1}
		step.stages, step.predicate = step.predicate, nil
	}
	if step.stages == nil {
		step.index = n.right.text
	} else {
		step.stages = append(step.stages, stage{index: n.right.text})
	}
	step.tuple = true
	return result
}

func (r *resolver) unary(n *syntax) *syntax {
	switch n.text {
	case "[":
		for i, item := range n.list {
			n.list[i] = r.child(n, item)
		}
	case "{":
		for i, pair := range n.pairs {
			key := r.child(n, pair[0])
			n.pairs[i] = [2]*syntax{key, r.child(n, pair[1])}
		}
	default:
		operand := r.node(n.left)
		if operand.kind == kindNumber {
			operand.literal = negated(operand.literal)
			return operand
		}
		n.left = operand
		seek(n, operand)
	}
	return n
}

// negated is -v for a number v.
func negated(v value.Value) value.Value {
	if n, ok := v.(value.Int); ok && n != 0 && -n != n {
		return -n
	}
	f, _ := value.Float64(v)
	return number(-f)
}

// seek passes on to n what part seeks.
func seek(n, part *syntax) {
	slots := part.seeking
	if part.kind == kindParent {
		slots = append(slots, part.slot)
	}
	if slots != nil {
		n.seeking = append(n.seeking, slots...)
	}
}

// findAncestors lets the parents that the last step seeks find their steps among those before it.
func (r *resolver) findAncestors(path *syntax) {
	last := path.list[len(path.list)-1]
	slots := last.seeking
	if last.kind == kindParent {
		slots = append(slots, last.slot)
	}
	for _, slot := range slots {
		index := len(path.list) - 2
		for slot.level > 0 {
			if index < 0 {
				path.seeking = append(path.seeking, slot)
				break
			}
			step := path.list[index]
			index--
			for index >= 0 && step.focus != "" && path.list[index].focus != "" { // neighbours that bind the focus count as one
				step = path.list[index]
				index--
			}
			slot = r.seekParent(step, slot)
		}
	}
}

// seekParent lets slot look for its step in n.
func (r *resolver) seekParent(n *syntax, slot *ancestor) *ancestor {
	switch n.kind {
	case kindName, kindWildcard:
		slot.level--
		if slot.level == 0 {
			if n.ancestor != nil {
				r.ancestry[slot.index].label = n.ancestor.label // two parents of one step share the name
			}
			n.ancestor = slot
			n.tuple = true
		}
	case kindParent:
		slot.level++
	case kindBlock:
		if len(n.list) > 0 {
			n.tuple = true
			slot = r.seekParent(n.list[len(n.list)-1], slot)
		}
	case kindPath:
		n.tuple = true
		index := len(n.list) - 1
		slot = r.seekParent(n.list[index], slot)
		for index--; slot.level > 0 && index >= 0; index-- {
			slot = r.seekParent(n.list[index], slot)
		}
	default:
		r.fail(syntaxFault("S0217", n.position, n.kind.String()))
		slot.level = 0 // told once
	}
	return slot
}

// markTailCalls marks the calls whose result is the result of the lambda with this body: they need no stack of their own. As in the reference, a
// call loses the grouping and the [] behind it, and what stands behind the parentheses around it, or behind a condition that ends with
// it, is applied before the call is made: to a function.
func markTailCalls(n *syntax) {
	switch n.kind {
	case kindFunction:
		n.tail = n.predicate == nil
	case kindCondition:
		markTailCalls(n.right)
		if n.third != nil {
			markTailCalls(n.third)
		}
	case kindElvis, kindCoalesce:
		markTailCalls(n.right)
	case kindBlock:
		if len(n.list) > 0 {
			markTailCalls(n.list[len(n.list)-1])
		}
	}
}
