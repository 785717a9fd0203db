package jsonata

import (
	"github.com/tutti-run/tutti/internal/value"
)

// maxHeight bounds how deep expressions nest, and maxFaults how many mistakes are told at once.
const (
	maxHeight = 10_000
	maxFaults = 20
	maxGuards = 100 // lists within lists after whose mistakes the parser can go on
)

// bindingPower says how tightly an operator binds what stands to its left.
var bindingPower = map[string]int{
	".": 75, "[": 80, "(": 80, "@": 80, "#": 80, "{": 70,
	"*": 60, "/": 60, "%": 60,
	"+": 50, "-": 50, "&": 50,
	"=": 40, "<": 40, ">": 40, "!=": 40, "<=": 40, ">=": 40, "^": 40, "~>": 40, "in": 40, "?:": 40, "??": 40,
	"and": 30, "or": 25, "?": 20, ":=": 10,
	// These end an expression, or only ever stand before an operand.
	"]": 0, "}": 0, ")": 0, ",": 0, ";": 0, ":": 0, "|": 0, "**": 0, "..": 0,
}

// parser is Pratt's top-down operator precedence parser, with the reference's table. A mistake is a panic with a *Error, caught where a
// list of things is read: the mistake is noted and reading goes on behind the next comma, semicolon or closing bracket.
type parser struct {
	lexer  *lexer
	token  *syntax
	ahead  *syntax // read already, behind token
	depth  int
	guards int
	faults []*Error
}

// giveUp leaves the parser when nothing more can be learnt.
type giveUp struct{}

// parse returns the tree as written, before names are resolved, and every mistake.
func parse(text string, elvis bool) (tree *syntax, faults []*Error) {
	p := &parser{lexer: &lexer{text: text, elvis: elvis}}
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case *Error:
			p.faults = append(p.faults, fault.finish())
		case giveUp:
		default:
			panic(fault)
		}
		faults = p.faults
	}()
	p.advance(false)
	tree = p.expression(0)
	if p.token.kind != kindEnd {
		panic(p.unexpected("S0201"))
	}
	return tree, nil
}

func (p *parser) note(err *Error) {
	p.faults = append(p.faults, err.finish())
	if len(p.faults) >= maxFaults {
		panic(giveUp{})
	}
}

// unexpected is a fault at the current token.
func (p *parser) unexpected(code string) *Error {
	err := syntaxFault(code, p.token.position, p.token.text)
	switch p.token.kind {
	case kindNumber, kindValue:
		err.insert.tokenJSON = shown(p.token.literal)
	case kindRegex:
		err.insert.tokenJSON = "{}"
	case kindString, kindName, kindVariable:
		err.insert.tokenJSON = quoted(p.token.text)
	}
	return err
}

// advance makes the next token the current one.
func (p *parser) advance(afterOperand bool) {
	if p.ahead != nil {
		p.token, p.ahead = p.ahead, nil
		return
	}
	t, err := p.lexer.next(afterOperand)
	for _, soft := range p.lexer.soft {
		p.note(soft)
	}
	p.lexer.soft = nil
	if err != nil {
		p.note(err)
		panic(giveUp{})
	}
	if t == nil {
		t = &syntax{kind: kindEnd, text: "(end)", position: p.lexer.position(), height: 1}
	}
	if t.kind == kindOperator {
		if _, known := bindingPower[t.text]; !known {
			panic(syntaxFault("S0204", t.position, t.text))
		}
	}
	p.token = t
}

// expect passes the operator op, which has to be the current token.
func (p *parser) expect(op string, afterOperand bool) {
	if !p.token.is(op) {
		code := "S0202"
		if p.token.kind == kindEnd {
			code = "S0203"
		}
		err := p.unexpected(code)
		err.Value = value.String(op)
		panic(err)
	}
	p.advance(afterOperand)
}

// recovered runs read, which reads one of several things in brackets. After a mistake it goes on in front of the separator or of the closing
// bracket that ends the list.
func (p *parser) recovered(separator, closing string, read func()) {
	if p.guards >= maxGuards {
		read()
		return
	}
	depth, guards := p.depth, p.guards
	p.guards++
	defer func() {
		p.guards = guards
		fault := recover()
		if fault == nil {
			return
		}
		err, ok := fault.(*Error)
		if !ok {
			panic(fault)
		}
		p.depth = depth
		p.note(err)
		p.skipTo(separator, closing)
	}()
	read()
}

// opposite of an opening bracket is its closing one.
var opposite = map[string]string{"(": ")", "[": "]", "{": "}"}

// skipTo passes tokens until separator or closing stands outside of further brackets.
func (p *parser) skipTo(separator, closing string) {
	var open []string
	for p.token.kind != kindEnd {
		text := ""
		if p.token.kind == kindOperator {
			text = p.token.text
		}
		switch {
		case len(open) == 0 && (text == separator || text == closing):
			return
		case opposite[text] != "":
			open = append(open, opposite[text])
		case text == ")" || text == "]" || text == "}":
			if len(open) == 0 || open[len(open)-1] != text {
				panic(giveUp{})
			}
			open = open[:len(open)-1]
		}
		p.advance(text == "" || text == ")" || text == "]" || text == "}")
	}
	panic(giveUp{})
}

func (p *parser) expression(power int) *syntax {
	if p.depth++; p.depth > maxHeight {
		panic(p.tooDeep())
	}
	t := p.token
	p.advance(true)
	left := p.prefix(t)
	for p.token.kind == kindOperator && power < bindingPower[p.token.text] {
		t = p.token
		p.advance(false)
		left = p.infix(t, left)
		if left.height > maxHeight {
			panic(p.tooDeep())
		}
	}
	p.depth--
	return left
}

func (p *parser) tooDeep() *Error {
	return &Error{Class: ClassLimit, Code: codeLimit, Position: p.token.position, Message: sentenceDepth}
}

// grow sets the height of t above its children.
func (s *syntax) grow(children ...*syntax) {
	for _, c := range children {
		if c != nil {
			s.height = max(s.height, c.height+1)
		}
	}
}

// prefix reads what begins with t.
func (p *parser) prefix(t *syntax) *syntax {
	if t.kind != kindOperator {
		return t
	}
	switch t.text {
	case "and", "or", "in": // names, if they stand where an operand should
	case "-":
		t.kind = kindUnary
		t.left = p.expression(70)
		t.grow(t.left)
	case "*":
		t.kind = kindWildcard
	case "**":
		t.kind = kindDescendant
	case "%":
		t.kind = kindParent
	case "(":
		p.block(t)
	case "[":
		p.array(t)
	case "{":
		t.kind = kindUnary
		t.pairs = p.objectPairs(t)
	case "|":
		p.transform(t)
	default:
		p.ahead, p.token = p.token, t // it may be what ends an item of a list
		panic(syntaxFault("S0211", t.position, t.text))
	}
	return t
}

func (p *parser) block(t *syntax) {
	t.kind = kindBlock
	for !p.token.is(")") {
		p.recovered(";", ")", func() {
			t.list = append(t.list, p.expression(0))
			if !p.token.is(";") && !p.token.is(")") {
				p.expect(")", true)
			}
		})
		if !p.token.is(";") {
			break
		}
		p.advance(false)
	}
	p.expect(")", true)
	t.grow(t.list...)
}

func (p *parser) array(t *syntax) {
	t.kind = kindUnary
	for !p.token.is("]") {
		p.recovered(",", "]", func() {
			item := p.expression(0)
			if p.token.is("..") {
				span := &syntax{kind: kindBinary, text: "..", position: p.token.position, left: item}
				p.advance(false)
				span.right = p.expression(0)
				span.grow(span.left, span.right)
				item = span
			}
			t.list = append(t.list, item)
			if !p.token.is(",") && !p.token.is("]") {
				p.expect("]", true)
			}
		})
		if !p.token.is(",") {
			break
		}
		p.advance(false)
		if p.token.is("]") {
			p.expression(0) // the fault of a comma too many
		}
	}
	p.expect("]", true)
	t.grow(t.list...)
}

// objectPairs reads names and values up to the closing brace.
func (p *parser) objectPairs(t *syntax) (pairs [][2]*syntax) {
	for !p.token.is("}") {
		p.recovered(",", "}", func() {
			name := p.expression(0)
			p.expect(":", false)
			v := p.expression(0)
			pairs = append(pairs, [2]*syntax{name, v})
			t.grow(name, v)
			if !p.token.is(",") && !p.token.is("}") {
				p.expect("}", true)
			}
		})
		if !p.token.is(",") {
			break
		}
		p.advance(false)
		if p.token.is("}") {
			p.expression(0) // the fault of a comma too many
		}
	}
	p.expect("}", true)
	return pairs
}

func (p *parser) transform(t *syntax) {
	t.kind = kindTransform
	t.left = p.expression(0)
	p.expect("|", false)
	t.right = p.expression(0)
	if p.token.is(",") {
		p.advance(false)
		t.third = p.expression(0)
	}
	p.expect("|", false)
	t.grow(t.left, t.right, t.third)
}

// infix reads what stands behind the operator t, whose left operand is known.
func (p *parser) infix(t, left *syntax) *syntax {
	t.left = left
	t.grow(left)
	switch t.text {
	case "(":
		p.call(t)
		return t
	case "[":
		return p.filter(t)
	case "{":
		t.kind = kindBinary
		t.pairs = p.objectPairs(t)
		return t
	case "^":
		p.orderBy(t)
		return t
	case ":=":
		if left.kind != kindVariable {
			panic(p.mistaken("S0212", left))
		}
		t.kind = kindBinary
		t.right = p.expression(bindingPower[":="] - 1) // binds to the right
	case "@", "#":
		t.kind = kindBinary
		t.right = p.expression(bindingPower[t.text])
		if t.right.kind != kindVariable {
			panic(syntaxFault("S0214", t.right.position, t.text))
		}
	case "?":
		t.kind = kindCondition
		t.right = p.expression(0)
		if p.token.is(":") {
			p.advance(false)
			t.third = p.expression(0)
		}
	case "?:":
		t.kind = kindElvis
		t.right = p.expression(0)
	case "??":
		t.kind = kindCoalesce
		t.right = p.expression(0)
	default:
		t.kind = kindBinary
		t.right = p.expression(bindingPower[t.text])
	}
	t.grow(t.right, t.third)
	return t
}

// mistaken is a fault at a node that has been read already.
func (p *parser) mistaken(code string, node *syntax) *Error {
	err := syntaxFault(code, node.position, node.text)
	if node.literal != nil {
		err.insert.tokenJSON = shown(node.literal)
	}
	return err
}

func (p *parser) filter(t *syntax) *syntax {
	if p.token.is("]") { // no predicate: a single result stays an array
		step := t.left
		for step.kind == kindBinary && step.text == "[" {
			step = step.left
		}
		step.keepArray = true
		p.advance(false)
		return t.left
	}
	t.kind = kindBinary
	p.recovered("]", "]", func() {
		t.right = p.expression(0)
		if !p.token.is("]") {
			p.expect("]", true)
		}
	})
	p.expect("]", true)
	t.grow(t.right)
	return t
}

func (p *parser) orderBy(t *syntax) {
	t.kind = kindBinary
	p.expect("(", false)
	for {
		term := sortTerm{descending: p.token.is(">")}
		if term.descending || p.token.is("<") {
			p.advance(false)
		}
		term.expression = p.expression(0)
		t.grow(term.expression)
		t.terms = append(t.terms, term)
		if !p.token.is(",") {
			break
		}
		p.advance(false)
	}
	p.expect(")", false)
}

// call reads arguments, and the rest of a lambda if what is called is the word function.
func (p *parser) call(t *syntax) {
	t.kind = kindFunction
	for !p.token.is(")") {
		p.recovered(",", ")", func() {
			if p.token.is("?") {
				t.kind = kindPartial
				t.list = append(t.list, p.token)
				p.advance(false)
			} else {
				t.list = append(t.list, p.expression(0))
			}
			if !p.token.is(",") && !p.token.is(")") {
				p.expect(")", true)
			}
		})
		if !p.token.is(",") {
			break
		}
		p.advance(false)
		if p.token.is(")") {
			p.expression(0) // the fault of a comma too many
		}
	}
	p.expect(")", true)
	t.grow(t.list...)
	if t.left.kind == kindName && (t.left.text == "function" || t.left.text == "λ") {
		p.lambda(t)
	}
}

func (p *parser) lambda(t *syntax) {
	t.kind = kindLambda
	for i, parameter := range t.list {
		if parameter.kind != kindVariable {
			err := p.mistaken("S0208", parameter)
			err.Value = value.Int(i + 1)
			panic(err)
		}
	}
	if p.token.is("<") {
		t.signature = p.signature()
	}
	p.expect("{", false)
	p.recovered("}", "}", func() {
		t.left = p.expression(0)
		if !p.token.is("}") {
			p.expect("}", false)
		}
	})
	p.expect("}", false)
	t.grow(t.left)
}

// signature collects the tokens of a signature, in angle brackets that nest.
func (p *parser) signature() *signature {
	start := p.token.position
	text := []byte{'<'}
	for depth := 1; depth > 0 && !p.token.is("{") && p.token.kind != kindEnd; {
		p.advance(false)
		switch {
		case p.token.is(">"):
			depth--
		case p.token.is("<"):
			depth++
		}
		text = append(text, p.token.text...)
	}
	p.expect(">", false)
	parsed, err := parseSignature(string(text))
	if err != nil {
		err.Position += start
		panic(err)
	}
	return parsed
}
