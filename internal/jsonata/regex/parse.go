package regex

import (
	"strings"
	"unicode"
	"unicode/utf16"
)

// kind tells the nodes of a parsed pattern apart.
type kind uint8

const (
	kindEmpty     kind = iota // matches nothing, everywhere
	kindChar                  // one code unit
	kindClass                 // one of a set of code units
	kindSequence              // all the parts, one behind the other
	kindChoice                // the first of the parts that works out
	kindGroup                 // a capture
	kindRepeat                // the part, min to max times
	kindLook                  // a look-around: ahead or behind, for or against
	kindStart                 // ^
	kindEnd                   // $
	kindBoundary              // \b
	kindInside                // \B
	kindReference             // what a group has captured
)

type node struct {
	kind   kind
	unit   uint16
	class  *class
	parts  []*node
	group  int // of kindGroup and kindReference; in kindRepeat the first group within
	groups int // kindRepeat: how many groups are within
	min    int
	max    int // -1: without end
	lazy   bool
	negate bool
	behind bool
	name   string // kindReference by name, until names are resolved
}

// maxNesting bounds groups within groups; maxRepeat stands for any larger count.
const (
	maxNesting = 250
	maxRepeat  = 1 << 30
)

// syntaxError is V8's complaint about a pattern.
type syntaxError string

func (e syntaxError) Error() string { return string(e) }

type parser struct {
	in         []uint16
	pos        int
	depth      int
	groups     int // captures so far
	total      int // captures in the whole pattern
	names      map[string]int
	named      bool // the pattern has a named group, so that \k is a reference
	fold       bool
	multiline  bool
	references []*node
}

func parse(pattern []uint16, fold, multiline bool) (root *node, p *parser, err error) {
	p = &parser{in: pattern, names: map[string]int{}, fold: fold, multiline: multiline}
	p.scanGroups()
	defer func() {
		if fault := recover(); fault != nil {
			complaint, ok := fault.(syntaxError)
			if !ok {
				panic(fault)
			}
			err = complaint
		}
	}()
	root = p.choice()
	if p.pos < len(p.in) {
		p.fail("Unmatched ')'")
	}
	for _, ref := range p.references {
		group, ok := p.names[ref.name]
		if !ok {
			p.fail("Invalid named capture referenced")
		}
		ref.group = group
	}
	return root, p, nil
}

// fail leaves the parser; parse turns the panic into its error.
func (p *parser) fail(what string) { panic(syntaxError(what)) }

// scanGroups counts the captures ahead of parsing: \2 is a reference only if there is a second group somewhere.
func (p *parser) scanGroups() {
	inClass := false
	for i := 0; i < len(p.in); i++ {
		switch p.in[i] {
		case '\\':
			i++
		case '[':
			inClass = true
		case ']':
			inClass = false
		case '(':
			if inClass {
				continue
			}
			if i+1 < len(p.in) && p.in[i+1] == '?' {
				if i+3 < len(p.in) && p.in[i+2] == '<' && p.in[i+3] != '=' && p.in[i+3] != '!' {
					p.total++
					p.named = true
				}
				continue
			}
			p.total++
		}
	}
}

func (p *parser) peek(c uint16) bool { return p.pos < len(p.in) && p.in[p.pos] == c }

func (p *parser) take(text string) bool {
	if len(p.in)-p.pos < len(text) {
		return false
	}
	for i := range len(text) {
		if p.in[p.pos+i] != uint16(text[i]) {
			return false
		}
	}
	p.pos += len(text)
	return true
}

func (p *parser) choice() *node {
	if p.depth++; p.depth > maxNesting {
		p.fail("Regular expression too large")
	}
	defer func() { p.depth-- }()
	branches := []*node{p.sequence()}
	for p.take("|") {
		branches = append(branches, p.sequence())
	}
	if len(branches) == 1 {
		return branches[0]
	}
	return &node{kind: kindChoice, parts: branches}
}

func (p *parser) sequence() *node {
	var parts []*node
	for p.pos < len(p.in) && !p.peek('|') && !p.peek(')') {
		before := p.groups
		term, quantifiable := p.term()
		parts = append(parts, p.quantified(term, quantifiable, before))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	if len(parts) == 0 {
		return &node{kind: kindEmpty}
	}
	return &node{kind: kindSequence, parts: parts}
}

// quantified wraps term in the quantifier behind it, if there is one.
func (p *parser) quantified(term *node, quantifiable bool, groupsBefore int) *node {
	low, high := 0, -1
	switch {
	case p.take("*"):
	case p.take("+"):
		low = 1
	case p.take("?"):
		high = 1
	default:
		var ok bool
		if low, high, ok = p.braces(); !ok {
			return term
		}
	}
	if !quantifiable {
		if term.kind == kindLook {
			p.fail("Invalid quantifier")
		}
		p.fail("Nothing to repeat")
	}
	if high >= 0 && high < low {
		p.fail("numbers out of order in {} quantifier")
	}
	r := &node{kind: kindRepeat, parts: []*node{term}, min: low, max: high, group: groupsBefore + 1, groups: p.groups - groupsBefore}
	r.lazy = p.take("?")
	return r
}

// braces reads {n}, {n,} or {n,m}. Anything else that begins with a brace is ordinary text.
func (p *parser) braces() (low, high int, ok bool) {
	start := p.pos
	if !p.take("{") {
		return 0, 0, false
	}
	low, ok = p.number()
	high = low
	if ok && p.take(",") {
		high = -1
		if n, bounded := p.number(); bounded {
			high = n
		}
	}
	if !ok || !p.take("}") {
		p.pos = start
		return 0, 0, false
	}
	return low, high, true
}

func (p *parser) number() (n int, ok bool) {
	for p.pos < len(p.in) && p.in[p.pos] >= '0' && p.in[p.pos] <= '9' {
		n = min(n*10+int(p.in[p.pos]-'0'), maxRepeat)
		p.pos++
		ok = true
	}
	return n, ok
}

// term reads an atom or an assertion, and tells whether it may be repeated.
func (p *parser) term() (*node, bool) {
	c := p.in[p.pos]
	switch c {
	case '^':
		p.pos++
		return &node{kind: kindStart}, false
	case '$':
		p.pos++
		return &node{kind: kindEnd}, false
	case '(':
		p.pos++
		return p.group()
	case '.':
		p.pos++
		return &node{kind: kindClass, class: newClass(lineSpans, true, false)}, true
	case '[':
		p.pos++
		return p.characterClass(), true
	case '\\':
		p.pos++
		return p.escape()
	case '*', '+', '?':
		p.fail("Nothing to repeat")
	case '{':
		if _, _, quantifier := p.braces(); quantifier {
			p.fail("Nothing to repeat")
		}
	}
	p.pos++
	return p.char(c), true
}

func (p *parser) char(c uint16) *node {
	if p.fold {
		if spans := appendVariants([]span{{c, c}}, c); len(spans) > 1 {
			return &node{kind: kindClass, class: newClass(spans, false, false)}
		}
	}
	return &node{kind: kindChar, unit: c}
}

// group reads what follows an opening parenthesis.
func (p *parser) group() (*node, bool) {
	n := &node{kind: kindSequence}
	quantifiable := true
	switch {
	case p.take("?:"):
	case p.take("?="):
		n = &node{kind: kindLook}
	case p.take("?!"):
		n = &node{kind: kindLook, negate: true}
	case p.take("?<="):
		n = &node{kind: kindLook, behind: true}
		quantifiable = false
	case p.take("?<!"):
		n = &node{kind: kindLook, behind: true, negate: true}
		quantifiable = false
	case p.take("?<"):
		name := p.groupName("Invalid capture group name")
		if p.names[name] != 0 {
			p.fail("Duplicate capture group name")
		}
		p.groups++
		p.names[name] = p.groups
		n = &node{kind: kindGroup, group: p.groups}
	case p.peek('?'):
		p.fail("Invalid group")
	default:
		p.groups++
		n = &node{kind: kindGroup, group: p.groups}
	}
	n.parts = []*node{p.choice()}
	if !p.take(")") {
		p.fail("Unterminated group")
	}
	return n, quantifiable
}

func (p *parser) groupName(complaint string) string {
	start := p.pos
	for p.pos < len(p.in) && p.in[p.pos] != '>' {
		p.pos++
	}
	name := string(utf16.Decode(p.in[start:p.pos]))
	if !p.take(">") || name == "" {
		p.fail(complaint)
	}
	for i, r := range name {
		if r != '$' && r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			p.fail(complaint)
		}
	}
	return name
}

// escape reads what follows a backslash outside of a class.
func (p *parser) escape() (*node, bool) {
	if p.pos >= len(p.in) {
		p.fail(`\ at end of pattern`)
	}
	c := p.in[p.pos]
	switch {
	case c == 'b':
		p.pos++
		return &node{kind: kindBoundary}, false
	case c == 'B':
		p.pos++
		return &node{kind: kindInside}, false
	case c >= '1' && c <= '9':
		start := p.pos
		if n, _ := p.number(); n <= p.total {
			return &node{kind: kindReference, group: n}, true
		}
		p.pos = start
	case c == 'k' && p.named:
		p.pos++
		if !p.take("<") {
			p.fail("Invalid named reference")
		}
		ref := &node{kind: kindReference, name: p.groupName("Invalid named reference")}
		p.references = append(p.references, ref)
		return ref, true
	}
	if spans, negate, ok := p.shorthand(); ok {
		return &node{kind: kindClass, class: newClass(spans, negate, false)}, true
	}
	return p.char(p.characterEscape(false)), true
}

// shorthand reads the letter of \d, \w, \s or their opposites.
func (p *parser) shorthand() (spans []span, negate, ok bool) {
	switch p.in[p.pos] {
	case 'd', 'D':
		spans = digitSpans
	case 'w', 'W':
		spans = wordSpans
	case 's', 'S':
		spans = spaceSpans
	default:
		return nil, false, false
	}
	negate = p.in[p.pos] < 'a'
	p.pos++
	return spans, negate, true
}

// controlEscapes are the letters that stand for one character.
const (
	controlLetters = "fnrtv"
	controlUnits   = "\f\n\r\t\v"
)

// characterEscape reads an escape that stands for one code unit.
func (p *parser) characterEscape(inClass bool) uint16 {
	c := p.in[p.pos]
	p.pos++
	if c < 0x80 {
		if i := strings.IndexByte(controlLetters, byte(c)); i >= 0 {
			return uint16(controlUnits[i])
		}
	}
	switch {
	case c == 'c':
		if p.pos < len(p.in) {
			letter := p.in[p.pos]
			isLetter := letter|32 >= 'a' && letter|32 <= 'z'
			if isLetter || inClass && (letter == '_' || letter >= '0' && letter <= '9') {
				p.pos++
				return letter & 31
			}
		}
		p.pos--
		return '\\' // and the c stands for itself
	case c >= '0' && c <= '7':
		return p.octal(c - '0')
	case c == 'x':
		return p.hex(2, c)
	case c == 'u':
		return p.hex(4, c)
	}
	return c
}

// octal reads the rest of Annex B's \012: at most three digits, at most 255.
func (p *parser) octal(n uint16) uint16 {
	for range 2 {
		if p.pos >= len(p.in) || p.in[p.pos] < '0' || p.in[p.pos] > '7' || n*8+p.in[p.pos]-'0' > 255 {
			break
		}
		n = n*8 + p.in[p.pos] - '0'
		p.pos++
	}
	return n
}

// hex reads exactly so many digits; without them the letter stands for itself.
func (p *parser) hex(digits int, letter uint16) uint16 {
	if p.pos+digits > len(p.in) {
		return letter
	}
	n := uint16(0)
	for _, c := range p.in[p.pos : p.pos+digits] {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | (c - '0')
		case c|32 >= 'a' && c|32 <= 'f':
			n = n<<4 | (c | 32 - 'a' + 10)
		default:
			return letter
		}
	}
	p.pos += digits
	return n
}

// characterClass reads what follows an opening bracket.
func (p *parser) characterClass() *node {
	negate := p.take("^")
	var spans []span
	for {
		if p.pos >= len(p.in) {
			p.fail("Unterminated character class")
		}
		if p.take("]") {
			return &node{kind: kindClass, class: newClass(spans, negate, p.fold)}
		}
		low, isUnit := p.classAtom(&spans)
		if !p.peek('-') || p.pos+1 < len(p.in) && p.in[p.pos+1] == ']' {
			if isUnit {
				spans = append(spans, span{low, low})
			}
			continue
		}
		p.pos++
		if p.pos >= len(p.in) {
			p.fail("Unterminated character class")
		}
		high, isUnitToo := p.classAtom(&spans)
		switch {
		case isUnit && isUnitToo:
			if low > high {
				p.fail("Range out of order in character class")
			}
			spans = append(spans, span{low, high})
			continue
		case isUnit:
			spans = append(spans, span{low, low})
		case isUnitToo:
			spans = append(spans, span{high, high})
		}
		spans = append(spans, span{'-', '-'}) // \d-z: three members
	}
}

// classAtom reads one member of a class. A shorthand is added to spans at once, and isUnit is false.
func (p *parser) classAtom(spans *[]span) (unit uint16, isUnit bool) {
	c := p.in[p.pos]
	p.pos++
	if c != '\\' {
		return c, true
	}
	if p.pos >= len(p.in) {
		p.fail(`\ at end of pattern`)
	}
	if p.take("b") {
		return '\b', true
	}
	set, negate, ok := p.shorthand()
	if !ok {
		return p.characterEscape(true), true
	}
	if negate {
		set = complement(set)
	}
	*spans = append(*spans, set...)
	return 0, false
}
