package jsonpath

import (
	"fmt"
	"unicode/utf16"
)

// filterParser reads what stands in [?(...)]:
//
//	or         = and { "||" and }
//	and        = operand { "&&" operand }
//	operand    = comparison | "(" or ")" | "!" operand
//	comparison = value [ operator value ]
//	value      = path | literal
//
// A comparison of a single value, which must be a path, asks whether that path exists. As in Jayway a comparison whose operator or
// right side cannot be read is first taken for such a question, so it is what follows that fails.
type filterParser struct {
	scanner
	depth int
}

// parseFilter reads a filter with its square brackets. It panics with a [*SyntaxError], or with a [javaFault] as Jayway's own does when it
// fails at the very end.
func parseFilter(units []uint16, base, depth int) (condition expression) {
	p := filterParser{scanner: newScanner(units, base), depth: depth}
	// The caller has made sure of [?( and )].
	p.pos++
	p.last--
	p.trim()
	p.pos++
	p.trim()
	switch thrown := catch(func() { condition = p.whole() }).(type) {
	case nil:
	case *SyntaxError:
		thrown.inFilter = true
		panic(thrown)
	case unsupportedPattern:
		panic(&SyntaxError{Message: thrown.Error(), Offset: p.offset(), inFilter: true})
	default:
		message := fmt.Sprintf("Failed to parse filter: %s, error on position: %d, char: %c", p.scanner.String(), p.pos, p.current())
		panic(&SyntaxError{Message: message, Offset: p.offset(), inFilter: true})
	}
	return condition
}

func (p *filterParser) whole() expression {
	condition := p.or()
	p.skipBlanks()
	if p.more() {
		p.failf("Expected end of filter expression instead of: %s", p.text(p.pos, p.last+1))
	}
	return condition
}

func (p *filterParser) or() expression {
	terms := p.terms("||", p.and)
	if len(terms) == 1 {
		return terms[0]
	}
	return anyOf(terms)
}

func (p *filterParser) and() expression {
	terms := p.terms("&&", p.operand)
	if len(terms) == 1 {
		return terms[0]
	}
	return allOf(terms)
}

func (p *filterParser) terms(operator string, read func() expression) []expression {
	terms := []expression{read()}
	for {
		mark := p.pos
		p.skipBlanks()
		if !p.inside(p.pos+1) || p.text(p.pos, p.pos+2) != operator {
			p.pos = mark
			return terms
		}
		p.pos += 2
		terms = append(terms, read())
	}
}

func (p *filterParser) operand() expression {
	p.skipBlanks()
	mark := p.pos
	if p.current() == '!' {
		p.pos++
		p.skipBlanks()
		if c := p.current(); c != '$' && c != '@' {
			defer p.enter()()
			return negation{p.operand()}
		}
		p.pos = mark
	}
	if p.current() == '(' {
		defer p.enter()()
		p.pos++
		condition := p.or()
		p.skipBlanks()
		if p.current() != ')' {
			p.failf("Expected character: )")
		}
		p.pos++
		return condition
	}
	return p.comparison()
}

// enter goes one level deeper and returns the function that goes back.
func (p *filterParser) enter() func() {
	if p.depth++; p.depth > maxNesting {
		p.failf("Path nests filters and functions more than %d deep", maxNesting)
	}
	return func() { p.depth-- }
}

func (p *filterParser) comparison() expression {
	left := p.value()
	mark := p.pos
	var c comparison
	thrown := catch(func() {
		operator := p.operator()
		c = comparison{left: left, operator: operator, right: p.value()}
	})
	if _, ok := thrown.(*SyntaxError); thrown != nil && !ok {
		panic(thrown)
	}
	if thrown == nil {
		return c
	}
	p.pos = mark
	if left.path == nil {
		p.failf("Expected path node")
	}
	return existence{path: left.path, wanted: !left.negated}
}

// term is one side of a comparison: a path, or a literal.
type term struct {
	path    *Path
	negated bool // "!" stands before the path; it counts only where the question is whether the path exists
	literal operand
}

func (p *filterParser) value() term {
	p.skipBlanks()
	if p.current() == '!' {
		p.pos++
		p.skipBlanks()
		if c := p.current(); c != '$' && c != '@' {
			p.failf("Unexpected character: !")
		}
	}
	switch c := p.current(); c {
	case '$', '@':
		return p.innerPath()
	case '\'', '"':
		return term{literal: p.quoted(c)}
	case 't', 'f':
		return term{literal: p.boolean()}
	case 'n':
		return term{literal: p.null()}
	case '{':
		return term{literal: p.json('{', '}')}
	case '[':
		return term{literal: p.json('[', ']')}
	case '/':
		return term{literal: p.pattern()}
	}
	return term{literal: p.number()}
}

func (p *filterParser) operator() operator {
	p.skipBlanks()
	begin := p.pos
	if isOperatorSign(p.current()) {
		for p.more() && isOperatorSign(p.current()) {
			p.pos++
		}
	} else {
		for p.more() && p.current() != ' ' {
			p.pos++
		}
	}
	name := p.text(begin, p.pos)
	o, ok := operatorNamed(name)
	if !ok {
		p.failf("Filter operator %s is not supported!", name)
	}
	return o
}

func isOperatorSign(c uint16) bool {
	return c == '<' || c == '>' || c == '=' || c == '~' || c == '!'
}

func (p *filterParser) innerPath() term {
	before := p.previous(p.pos)
	begin := p.pos
	for p.pos++; p.more(); p.pos++ {
		if p.current() == '[' {
			close := p.closing(p.pos, '[', ']', false)
			if close < 0 {
				p.failf("Square brackets does not match in filter %s", p.scanner.String())
			}
			p.pos = close + 1
		}
		c := p.current()
		if !p.more() || isOperatorSign(c) || c == ' ' || c == ')' && !p.closesCall(begin) {
			break
		}
	}
	units := p.slice(begin, p.pos)
	return term{
		path:    compile(units, p.base+begin, p.depth),
		negated: before >= 0 && p.at(before) == '!',
	}
}

// closesCall tells whether the parenthesis at the cursor ends a call without arguments in the path that starts at begin.
func (p *filterParser) closesCall(begin int) bool {
	i := p.previous(p.pos)
	if i < 0 || p.at(i) != '(' {
		return false
	}
	for i--; p.inside(i) && i > begin; i-- {
		if p.at(i) == '.' {
			return true
		}
	}
	return false
}

func (p *filterParser) quoted(quote uint16) operand {
	close := p.unescaped(p.pos, quote)
	if close < 0 {
		p.failf("String literal does not have matching quotes. Expected %c in %s", quote, p.scanner.String())
	}
	text := unescape(p.slice(p.pos+1, close))
	p.pos = close + 1
	return stringOperand(text)
}

func (p *filterParser) boolean() operand {
	word := "true"
	if p.current() == 'f' {
		word = "false"
	}
	end := p.pos + len(word)
	if !p.inside(end-1) || p.text(p.pos, end) != word {
		p.failf("Expected boolean literal")
	}
	p.pos = end
	return boolOperand(word == "true")
}

func (p *filterParser) null() operand {
	end := p.pos + len("null")
	if !p.inside(end-1) || p.text(p.pos, end) != "null" {
		p.failf("Expected <null> value")
	}
	p.pos = end
	return operand{kind: nullKind}
}

func (p *filterParser) json(open, close uint16) operand {
	end := p.closing(p.pos, open, close, false)
	if end < 0 {
		p.failf("String not closed. Expected ' in %s", p.scanner.String())
	}
	units := p.slice(p.pos, end+1)
	p.pos = end + 1
	v, err := readLiteral(units)
	return operand{kind: jsonKind, json: v, err: err, text: string(utf16.Decode(units)), literal: true}
}

func (p *filterParser) pattern() operand {
	close := p.unescaped(p.pos, '/')
	if close < 0 {
		p.failf("Pattern not closed. Expected / in %s", p.scanner.String())
	}
	end := close + 1
	for p.inside(end) && isPatternFlag(p.at(end)) {
		end++
	}
	pattern, flags := p.text(p.pos+1, close), p.text(close+1, end)
	p.pos = end
	re, err := compilePattern(pattern, flags)
	if err != nil {
		panic(err)
	}
	return operand{kind: patternKind, pattern: re}
}

func (p *filterParser) number() operand {
	begin := p.pos
	for p.more() {
		if c := p.current(); !isDigit(c) && c != '-' && c != '.' && c != 'e' && c != 'E' {
			break
		}
		p.pos++
	}
	text := p.text(begin, p.pos)
	n, ok := parseNumber(text)
	if !ok {
		panic(javaFault{"java.lang.NumberFormatException", text})
	}
	return operand{kind: numberKind, number: n}
}
