package regex

import (
	"fmt"
	"slices"
	"unicode/utf16"
)

// opcode is what an instruction does. Those that look at a code unit look at the one before the place if the instruction is backward,
// as everything within a look-behind is.
type opcode uint8

const (
	opMatch     opcode = iota // the pattern, or the look-around, is matched
	opChar                    // the unit is unit
	opClass                   // the unit is in class
	opJump                    // go on at x
	opSplit                   // go on at the next instruction, and if that fails at x
	opSplitLazy               // the reverse
	opSave                    // slot x = place
	opReset                   // forget the captures x to y
	opStart                   // the place is the start (of a line)
	opEnd                     // the place is the end (of a line)
	opBoundary                // at an edge of a word
	opInside                  // not at an edge of a word
	opBack                    // what group x captured follows again
	opLook                    // a look-around whose own program follows, up to x
	opRun                     // min to max units of class, in one go
	opLoop                    // register x = 0: a repetition begins
	opRepeat                  // decide on another round with register x: y is the way out
	opEnter                   // register x = place: where the round begins
	opRound                   // a round ends; back to the opRepeat at y
)

type instruction struct {
	op           opcode
	negate, lazy bool
	backward     bool
	unit         uint16
	class        *class
	x, y         int
	min, max     int
}

// Flags alter the meaning of a whole pattern.
type Flags struct {
	IgnoreCase bool // i
	Multiline  bool // m: ^ and $ match at the ends of lines
}

// Regexp is a compiled regular expression.
type Regexp struct {
	program   []instruction
	captures  int // groups, the whole match among them
	registers int
	fold      bool
	multiline bool
	anchored  bool     // a match can only begin at the start
	prefix    []uint16 // units that every match begins with
	first     *class   // units that a match may begin with; nil if anything goes
}

// SyntaxError says why a pattern is none, in V8's words.
type SyntaxError struct{ Pattern, Flags, Message string }

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("Invalid regular expression: /%s/%s: %s", e.Pattern, e.Flags, e.Message)
}

// Compile prepares a pattern, which is what stands between the slashes. The error is a [*SyntaxError].
func Compile(pattern string, flags Flags) (*Regexp, error) {
	root, p, err := parse(utf16.Encode([]rune(pattern)), flags.IgnoreCase, flags.Multiline)
	if err != nil {
		letters := "g"
		if flags.IgnoreCase {
			letters += "i"
		}
		if flags.Multiline {
			letters += "m"
		}
		return nil, &SyntaxError{Pattern: pattern, Flags: letters, Message: err.Error()}
	}
	c := compiler{}
	c.emit(root, false)
	c.add(instruction{op: opMatch})
	re := &Regexp{program: c.program, captures: p.groups + 1, registers: c.registers, fold: flags.IgnoreCase, multiline: flags.Multiline}
	re.anchored = c.program[0].op == opStart && !flags.Multiline
	re.prefix = literalPrefix(root)
	if len(re.prefix) == 0 {
		if spans, known := firstUnits(root); known {
			re.first = newClass(spans, false, false)
		}
	}
	return re, nil
}

// Groups is the number of captures, the whole match not among them.
func (re *Regexp) Groups() int { return re.captures - 1 }

type compiler struct {
	program   []instruction
	registers int
}

func (c *compiler) add(i instruction) int {
	c.program = append(c.program, i)
	return len(c.program) - 1
}

// emit appends the program of n. Backward programs run from right to left.
func (c *compiler) emit(n *node, backward bool) {
	switch n.kind {
	case kindEmpty:
	case kindChar:
		c.add(instruction{op: opChar, unit: n.unit, backward: backward})
	case kindClass:
		c.add(instruction{op: opClass, class: n.class, backward: backward})
	case kindSequence:
		parts := n.parts
		if backward {
			parts = slices.Clone(parts)
			slices.Reverse(parts)
		}
		for _, part := range parts {
			c.emit(part, backward)
		}
	case kindChoice:
		c.choice(n, backward)
	case kindGroup:
		open, close := 2*n.group, 2*n.group+1
		if backward {
			open, close = close, open
		}
		c.add(instruction{op: opSave, x: open})
		c.emit(n.parts[0], backward)
		c.add(instruction{op: opSave, x: close})
	case kindRepeat:
		c.repeat(n, backward)
	case kindLook:
		at := c.add(instruction{op: opLook, negate: n.negate})
		c.emit(n.parts[0], n.behind)
		c.add(instruction{op: opMatch})
		c.program[at].x = len(c.program)
	case kindStart:
		c.add(instruction{op: opStart})
	case kindEnd:
		c.add(instruction{op: opEnd})
	case kindBoundary:
		c.add(instruction{op: opBoundary})
	case kindInside:
		c.add(instruction{op: opInside})
	case kindReference:
		c.add(instruction{op: opBack, x: n.group, backward: backward})
	}
}

func (c *compiler) choice(n *node, backward bool) {
	var jumps []int
	for i, part := range n.parts {
		if i == len(n.parts)-1 {
			c.emit(part, backward)
			break
		}
		split := c.add(instruction{op: opSplit})
		c.emit(part, backward)
		jumps = append(jumps, c.add(instruction{op: opJump}))
		c.program[split].x = len(c.program)
	}
	for _, at := range jumps {
		c.program[at].x = len(c.program)
	}
}

func (c *compiler) repeat(n *node, backward bool) {
	part := n.parts[0]
	switch part.kind {
	case kindChar:
		c.add(instruction{op: opRun, class: newClass([]span{{part.unit, part.unit}}, false, false), min: n.min, max: n.max, lazy: n.lazy, backward: backward})
		return
	case kindClass:
		c.add(instruction{op: opRun, class: part.class, min: n.min, max: n.max, lazy: n.lazy, backward: backward})
		return
	}
	if n.max == 0 {
		return
	}
	if n.min == 0 && n.max == 1 && takesRoom(part) {
		op := opSplit
		if n.lazy {
			op = opSplitLazy
		}
		split := c.add(instruction{op: op})
		c.round(n, backward)
		c.program[split].x = len(c.program)
		return
	}
	register := c.registers
	c.registers += 2 // the rounds so far, and where the round began
	c.add(instruction{op: opLoop, x: register})
	head := c.add(instruction{op: opRepeat, x: register, min: n.min, max: n.max, lazy: n.lazy})
	c.add(instruction{op: opEnter, x: register + 1})
	c.round(n, backward)
	c.add(instruction{op: opRound, x: register, y: head, min: n.min})
	c.program[head].y = len(c.program)
}

// round emits one round of a repetition: captures within do not survive from one round to the next.
func (c *compiler) round(n *node, backward bool) {
	if n.groups > 0 {
		c.add(instruction{op: opReset, x: n.group, y: n.group + n.groups - 1})
	}
	c.emit(n.parts[0], backward)
}

// takesRoom tells whether every match of n has at least one unit. Optional parts that may match nothing need the care of a repetition: a
// round that matches nothing does not count, and leaves its captures unset.
func takesRoom(n *node) bool {
	switch n.kind {
	case kindChar, kindClass:
		return true
	case kindGroup:
		return takesRoom(n.parts[0])
	case kindRepeat:
		return n.min > 0 && takesRoom(n.parts[0])
	case kindSequence:
		return slices.ContainsFunc(n.parts, takesRoom)
	case kindChoice:
		return !slices.ContainsFunc(n.parts, func(part *node) bool { return !takesRoom(part) })
	}
	return false
}

// literalPrefix is the run of plain units that every match begins with.
func literalPrefix(n *node) []uint16 {
	switch n.kind {
	case kindChar:
		return []uint16{n.unit}
	case kindSequence:
		var prefix []uint16
		for _, part := range n.parts {
			if part.kind != kindChar {
				if len(prefix) == 0 {
					return literalPrefix(part)
				}
				break
			}
			prefix = append(prefix, part.unit)
		}
		return prefix
	case kindGroup:
		return literalPrefix(n.parts[0])
	}
	return nil
}

// firstUnits is the set of units that a match of n may begin with; known is false if n may match nothing or its start cannot be told.
func firstUnits(n *node) (spans []span, known bool) {
	switch n.kind {
	case kindChar:
		return []span{{n.unit, n.unit}}, true
	case kindClass:
		return n.class.spans, true
	case kindGroup:
		return firstUnits(n.parts[0])
	case kindSequence:
		for _, part := range n.parts {
			switch part.kind {
			case kindStart, kindEnd, kindBoundary, kindInside, kindLook: // they take no room
				continue
			case kindRepeat:
				if part.min > 0 {
					break
				}
				first, known := firstUnits(part.parts[0])
				if !known {
					return nil, false
				}
				spans = append(spans, first...)
				continue
			}
			first, known := firstUnits(part)
			return slices.Concat(spans, first), known
		}
		return nil, false
	case kindChoice:
		for _, part := range n.parts {
			first, known := firstUnits(part)
			if !known {
				return nil, false
			}
			spans = append(spans, first...)
		}
		return slices.Clone(spans), true
	case kindRepeat:
		if n.min > 0 {
			return firstUnits(n.parts[0])
		}
	}
	return nil, false
}
