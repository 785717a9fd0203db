package jsonata

import (
	"math"
	"unique"

	"github.com/tutti-run/tutti/internal/value"
)

// compiler turns a resolved tree into nodes.
//
// It keeps account of depth as the reference nests its evaluations, because that is what the service's bound counts. The depth of a node
// within its function is known here, so at run time only calls add up: every compile method takes the depth of the node and returns,
// beside it, how deep the node certainly nests. Where evaluation branches, the branch is checked when it is taken.
type compiler struct {
	expr     *Expr
	bound    map[string]bool // names that something in the expression binds
	dynamic  bool            // $eval may read and bind any name
	detached bool            // the nodes are evaluated in runs of another expression
	globals  map[globalKey]int
}

type globalKey struct{ name, field string }

// global is a variable that comes from outside, or one of its fields if nothing else of it is wanted.
type global struct {
	name, field string
	builtin     *function // the function of that name, if the caller binds nothing to it
}

func compile(tree *syntax, e *Expr, detached bool) {
	c := &compiler{expr: e, detached: detached, bound: map[string]bool{}, globals: map[globalKey]int{}}
	c.dynamic = detached || e.dialect.builtin("eval") != nil && mentions(tree, "eval")
	collectBound(tree, c.bound)
	e.root, e.certain = c.node(tree, 1)
}

// children calls visit for every node directly below n.
func (n *syntax) children(visit func(*syntax)) {
	each := func(list ...*syntax) {
		for _, child := range list {
			if child != nil {
				visit(child)
			}
		}
	}
	stages := func(list []stage) {
		for _, s := range list {
			each(s.filter)
		}
	}
	each(n.left, n.right, n.third)
	each(n.list...)
	for _, pair := range n.pairs {
		each(pair[0], pair[1])
	}
	for _, term := range n.terms {
		each(term.expression)
	}
	stages(n.stages)
	stages(n.predicate)
	if n.group != nil {
		for _, pair := range n.group.pairs {
			each(pair[0], pair[1])
		}
	}
}

func mentions(n *syntax, name string) bool {
	if n.kind == kindVariable && n.text == name {
		return true
	}
	found := false
	n.children(func(child *syntax) { found = found || mentions(child, name) })
	return found
}

// collectBound notes every name that n or something below binds.
func collectBound(n *syntax, bound map[string]bool) {
	switch n.kind {
	case kindBind:
		bound[n.left.text] = true
	case kindLambda:
		for _, parameter := range n.list {
			bound[parameter.text] = true
		}
	}
	for _, name := range []string{n.focus, n.index} {
		if name != "" {
			bound[name] = true
		}
	}
	for _, s := range n.stages {
		if s.index != "" {
			bound[s.index] = true
		}
	}
	n.children(func(child *syntax) { collectBound(child, bound) })
}

// assigns tells whether n assigns in the frame in which it is evaluated.
func assigns(n *syntax) bool {
	switch n.kind {
	case kindBind:
		return true
	case kindBlock, kindLambda:
		found := false
		for _, s := range n.predicate {
			found = found || assigns(s.filter)
		}
		for _, s := range n.stages {
			found = found || s.filter != nil && assigns(s.filter)
		}
		if n.group != nil {
			for _, pair := range n.group.pairs {
				found = found || assigns(pair[0]) || assigns(pair[1])
			}
		}
		return found
	}
	found := false
	n.children(func(child *syntax) { found = found || assigns(child) })
	return found
}

func (c *compiler) global(name, field string) int {
	key := globalKey{name, field}
	at, known := c.globals[key]
	if !known {
		at = len(c.expr.globals)
		c.globals[key] = at
		c.expr.globals = append(c.expr.globals, global{name, field, c.expr.dialect.builtin(name)})
	}
	return at
}

// node compiles n with whatever stands behind it, but for the stages of a step, which belong to the path.
func (c *compiler) node(n *syntax, depth int) (node, int) {
	inner, certain := c.bare(n, depth)
	if n.kind == kindPath || n.tail || n.predicate == nil && n.group == nil && !n.keepArray {
		return inner, certain
	}
	if n.kind == kindApply && n.predicate == nil && n.group == nil {
		return inner, certain // the application keeps
	}
	s := &shaped{inner: inner, keep: n.keepArray}
	for _, p := range n.predicate {
		s.filters = append(s.filters, c.filter(p.filter, depth+1))
	}
	if n.group != nil {
		s.group = c.group(n.group.pairs, n.group.position, depth)
	}
	return s, certain
}

// bare compiles n alone.
func (c *compiler) bare(n *syntax, depth int) (node, int) {
	switch n.kind {
	case kindString:
		return &constant{value.String(n.text)}, depth
	case kindNumber, kindValue:
		return &constant{n.literal}, depth
	case kindVariable:
		return c.variable(n), depth
	case kindName:
		return &field{n.text}, depth
	case kindRegex:
		return &constant{regexFunction(n.regex, n.text, n.position)}, depth
	case kindWildcard:
		return wildcard{}, depth
	case kindDescendant:
		return descendant{}, depth
	case kindParent:
		return &ancestorVariable{unique.Make(n.slot.label)}, depth
	case kindPath:
		return c.path(n, depth)
	case kindUnary:
		return c.unary(n, depth)
	case kindBinary:
		return c.binary(n, depth)
	case kindBlock:
		return c.block(n, depth)
	case kindBind:
		v, certain := c.node(n.right, depth+1)
		return &assignment{name: unique.Make(n.left.text), value: v}, certain
	case kindCondition, kindElvis, kindCoalesce:
		return c.condition(n, depth)
	case kindFunction:
		return c.call(n, depth)
	case kindPartial:
		return c.partial(n, depth)
	case kindLambda:
		return c.lambda(n), depth
	case kindApply:
		return c.application(n, depth)
	}
	return c.transform(n, depth), depth
}

func (c *compiler) variable(n *syntax) node {
	if n.text == "" {
		return contextItem{}
	}
	if c.detached {
		return &namedVariable{unique.Make(n.text)}
	}
	index := c.global(n.text, "")
	if c.bound[n.text] || c.dynamic {
		return &localVariable{name: unique.Make(n.text), index: index}
	}
	return &globalVariable{index}
}

func (c *compiler) unary(n *syntax, depth int) (node, int) {
	switch n.text {
	case "[":
		a := &array{cons: n.consArray}
		certain := depth
		for _, item := range n.list {
			compiled, reach := c.node(item, depth+1)
			a.items = append(a.items, compiled)
			a.whole = append(a.whole, item.kind == kindUnary && item.text == "[")
			certain = max(certain, reach)
		}
		return a, certain
	case "{":
		return c.group(n.pairs, n.position, depth), depth + min(1, len(n.pairs))
	}
	operand, certain := c.node(n.left, depth+1)
	return &negation{operand: operand, position: n.position}, certain
}

// group compiles {key: value}.
func (c *compiler) group(pairs [][2]*syntax, position, depth int) *group {
	g := &group{position: position, fixed: true}
	seen := map[string]bool{}
	for _, pair := range pairs {
		key, _ := c.node(pair[0], depth+1)
		v, reach := c.node(pair[1], depth+1)
		literal := pair[0].kind == kindString && pair[0].predicate == nil && pair[0].group == nil
		if !literal || seen[pair[0].text] {
			g.fixed = false
		}
		seen[pair[0].text] = true
		g.pairs = append(g.pairs, groupPair{key: key, name: pair[0].text, value: v, depth: reach})
	}
	return g
}

func (c *compiler) block(n *syntax, depth int) (node, int) {
	b := &block{scoped: c.dynamic}
	certain := depth
	for _, part := range n.list {
		compiled, reach := c.node(part, depth+1)
		b.parts = append(b.parts, compiled)
		b.scoped = b.scoped || assigns(part)
		certain = max(certain, reach)
	}
	return b, certain
}

func (c *compiler) condition(n *syntax, depth int) (node, int) {
	test, certain := c.node(n.left, depth+1)
	then, thenDepth := c.node(n.right, depth+1)
	thenDepth = deeper(thenDepth, certain)
	if n.kind != kindCondition {
		return &fallback{first: test, second: then, exists: n.kind == kindCoalesce, depth: thenDepth}, certain
	}
	result := &condition{test: test, then: then, thenDepth: thenDepth}
	if n.third != nil {
		otherwise, elseDepth := c.node(n.third, depth+1)
		result.otherwise, result.elseDepth = otherwise, deeper(elseDepth, certain)
	}
	return result, certain
}

// deeper is depth, or 0 if that has been reached already.
func deeper(depth, certain int) int {
	if depth <= certain {
		return 0
	}
	return depth
}

func (c *compiler) binary(n *syntax, depth int) (node, int) {
	if n.text == "&" {
		return c.concatenation(n, depth)
	}
	left, certain := c.node(n.left, depth+1)
	right, reach := c.node(n.right, depth+1)
	both := max(certain, reach)
	base := operatorNode{left: left, right: right, op: n.text, position: n.position}
	leftNumber, _ := left.(numeric)
	rightNumber, _ := right.(numeric)
	switch n.text {
	case "+", "-", "*", "/", "%":
		return &arithmetic{base, leftNumber, rightNumber}, both
	case "=", "!=":
		return &equality{base, n.text == "!="}, both
	case "<", "<=", ">", ">=":
		return &comparison{base, leftNumber, rightNumber}, both
	case "and", "or":
		return &logic{base, deeper(reach, certain)}, certain
	case "in":
		return &inclusion{base}, both
	}
	return &span{low: left, high: right, position: n.position}, both
}

// concatenation compiles a chain of & as one node: its parts are joined once.
func (c *compiler) concatenation(n *syntax, depth int) (node, int) {
	var parts, operators []*syntax
	for n.kind == kindBinary && n.text == "&" && n.predicate == nil && n.group == nil {
		parts = append(parts, n.right)
		operators = append(operators, n)
		n = n.left
	}
	parts = append(parts, n)
	result := &concatenation{}
	certain := 0
	for i := len(parts) - 1; i >= 0; i-- {
		below := depth + min(i+1, len(operators))
		part, reach := c.node(parts[i], below)
		result.parts = append(result.parts, part)
		result.positions = append(result.positions, operators[min(i, len(operators)-1)].position)
		certain = max(certain, reach)
	}
	return result, certain
}

func (c *compiler) filter(n *syntax, depth int) *filter {
	test, certain := c.node(n, depth)
	f := &filter{test: test, depth: certain, fixed: isFixed(n)}
	if n.kind == kindNumber && n.predicate == nil && n.group == nil {
		number, _ := float(n.literal)
		f.literal = true
		f.index = math.MaxInt32
		if floor := math.Floor(number); math.Abs(floor) < math.MaxInt32 {
			f.index = int(floor)
		}
	}
	return f
}

// isFixed tells whether n has the same value whatever the context, and may be evaluated once for many items.
func isFixed(n *syntax) bool {
	if n.predicate != nil || n.group != nil || n.stages != nil {
		return false
	}
	switch n.kind {
	case kindNumber, kindString, kindValue:
		return true
	case kindVariable:
		return n.text != ""
	case kindUnary:
		return n.text == "-" && isFixed(n.left)
	case kindBinary:
		switch n.text {
		case "+", "-", "*", "/", "%", "=", "!=", "<", "<=", ">", ">=", "&":
			return isFixed(n.left) && isFixed(n.right)
		}
	case kindPath:
		return isPlainPath(n) && n.list[0].kind == kindVariable && n.list[0].text != ""
	}
	return false
}

// isPlainPath tells whether all steps but the first are mere names, and nothing stands behind any of them.
func isPlainPath(n *syntax) bool {
	if n.group != nil || n.keepOne || n.keepArray || n.tuple {
		return false
	}
	for i, s := range n.list {
		if s.stages != nil || s.predicate != nil || s.group != nil || s.tuple || s.keepArray || i > 0 && s.kind != kindName {
			return false
		}
	}
	return true
}

func (c *compiler) path(n *syntax, depth int) (node, int) {
	if isPlainPath(n) {
		if plain := c.plainPath(n); plain != nil {
			return plain, depth + 1
		}
	}
	p := &path{keep: n.keepOne || n.keepArray, absolute: n.list[0].kind == kindVariable, stream: n.tuple}
	streaming := false
	certain := depth
	for i, s := range n.list {
		compiled, reach := c.step(s, depth+1)
		if i == 0 {
			c.narrow(n, &compiled)
		}
		streaming = streaming || s.tuple
		compiled.tuple = streaming
		if i == 0 {
			compiled.cons = s.consArray
			certain = max(certain, reach)
		}
		p.steps = append(p.steps, compiled)
	}
	if n.group != nil {
		p.group = c.group(n.group.pairs, n.group.position, depth)
	}
	return p, certain
}

// plainPath compiles the commonest paths: names from the context, or from a variable; nil if n is neither.
func (c *compiler) plainPath(n *syntax) node {
	var names []string
	for _, s := range n.list {
		names = append(names, s.text)
	}
	switch first := n.list[0]; {
	case first.kind == kindName:
		return &fields{names}
	case first.kind != kindVariable || len(names) == 1:
		return nil
	case first.text != "" && first.text != "$" && !c.bound[first.text] && !c.dynamic:
		member := &globalVariable{c.global(first.text, names[1])}
		if len(names) == 2 {
			return member
		}
		return &members{member, names[2:]}
	default:
		return &members{c.variable(first), names[1:]}
	}
}

// narrow lets a path that begins with a variable from outside and one of its fields ask for no more than that field.
func (c *compiler) narrow(n *syntax, first *step) {
	variable := n.list[0]
	if variable.kind != kindVariable || len(n.list) < 2 || variable.predicate != nil || variable.group != nil || variable.tuple {
		return
	}
	name, next := variable.text, n.list[1]
	if name == "" || name == "$" || c.bound[name] || c.dynamic || next.kind != kindName {
		return
	}
	first.node = &fieldOfGlobal{field: c.global(name, next.text), whole: c.global(name, "")}
}

func (c *compiler) step(n *syntax, depth int) (step, int) {
	s := step{keep: n.keepArray, depth: depth}
	switch {
	case n.kind == kindName && n.predicate == nil && n.group == nil:
		s.name = n.text
	case n.kind == kindSort:
		s.kind = stepSort
		s.order = &order{position: n.position}
		for _, term := range n.terms {
			compiled, reach := c.node(term.expression, depth)
			s.order.terms = append(s.order.terms, orderTerm{compiled, term.descending})
			s.depth = max(s.depth, reach)
		}
	default:
		s.kind = stepNode
		s.node, s.depth = c.node(n, depth)
	}
	for _, stage := range n.stages {
		if stage.filter == nil {
			s.stages = append(s.stages, pathStage{index: unique.Make(stage.index)})
		} else {
			s.stages = append(s.stages, pathStage{filter: c.filter(stage.filter, depth)})
		}
	}
	if n.focus != "" {
		s.focus = unique.Make(n.focus)
	}
	if n.index != "" {
		s.index = unique.Make(n.index)
	}
	if n.ancestor != nil {
		s.ancestor = unique.Make(n.ancestor.label)
	}
	return s, s.depth
}

// procedure compiles what is called, and tells how messages name it.
func (c *compiler) procedure(n *syntax, depth int) (compiled node, token, field string, certain int) {
	compiled, certain = c.node(n, depth)
	switch n.kind {
	case kindPath:
		token = n.list[0].text
		field = token
	case kindVariable:
		token = n.text
	}
	return compiled, token, field, certain
}

func (c *compiler) call(n *syntax, depth int) (*call, int) {
	result := &call{position: n.position, depth: depth, tail: n.tail, headPlace: n.left.position, focus: c.dynamic}
	var certain int
	result.procedure, result.token, result.field, certain = c.procedure(n.left, depth+1)
	for _, arg := range n.list {
		compiled, reach := c.node(arg, depth+1)
		result.args = append(result.args, compiled)
		certain = max(certain, reach)
	}
	return result, certain
}

func (c *compiler) partial(n *syntax, depth int) (node, int) {
	result := &partial{position: n.position}
	result.procedure, result.token, result.field, _ = c.procedure(n.left, depth+1)
	for _, arg := range n.list {
		if arg.is("?") {
			result.args = append(result.args, nil)
			continue
		}
		compiled, _ := c.node(arg, depth+1)
		result.args = append(result.args, compiled)
	}
	return result, depth + 1
}

func (c *compiler) lambda(n *syntax) node {
	l := &lambda{signature: n.signature}
	seen := map[string]bool{}
	for _, parameter := range n.list {
		l.parameters = append(l.parameters, unique.Make(parameter.text))
		if !seen[parameter.text] && l.distinct == len(l.parameters)-1 {
			l.distinct++
		}
		seen[parameter.text] = true
	}
	l.body, l.certain = c.node(n.left, 1)
	l.leaks = c.dynamic || keepsFrame(n.left)
	return l
}

// keepsFrame tells whether something in n may hold on to the frame in which it is evaluated.
func keepsFrame(n *syntax) bool {
	if n.kind == kindLambda || n.kind == kindTransform {
		return true
	}
	found := false
	n.children(func(child *syntax) { found = found || keepsFrame(child) })
	return found
}

func (c *compiler) application(n *syntax, depth int) (node, int) {
	left, certain := c.node(n.left, depth+1)
	a := &application{left: left, position: n.position, depth: depth, keep: n.keepArray}
	if n.right.kind == kindFunction {
		var reach int
		a.call, reach = c.call(n.right, depth)
		return a, max(certain, reach)
	}
	var reach int
	a.right, reach = c.node(n.right, depth+1)
	return a, max(certain, reach)
}

func (c *compiler) transform(n *syntax, depth int) node {
	t := &transform{position: n.position, updatePosition: n.right.position}
	t.pattern, _ = c.node(n.left, depth+1)
	t.update, _ = c.node(n.right, depth+1)
	if n.third != nil {
		t.delete, _ = c.node(n.third, depth+1)
		t.deletePosition = n.third.position
	}
	return t
}
