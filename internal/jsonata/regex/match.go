package regex

import (
	"bytes"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// Text is a string prepared for matching.
type Text struct {
	source string
	ascii  []byte   // the bytes of a source that is nothing but ASCII
	units  []uint16 // else its code units
}

// NewText prepares s. Surrogates without their other half, which UTF-8 does not allow, may stand in s in three bytes each.
func NewText(s string) *Text {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return &Text{source: s, units: Units(s)}
		}
	}
	return &Text{source: s, ascii: []byte(s)}
}

// Len is the number of code units.
func (t *Text) Len() int {
	if t.units != nil {
		return len(t.units)
	}
	return len(t.ascii)
}

// Slice returns the units from start to end as a string.
func (t *Text) Slice(start, end int) string {
	if t.units == nil {
		return t.source[start:end]
	}
	return FromUnits(t.units[start:end])
}

// Units returns the UTF-16 code units of s, surrogates in three bytes among them.
func Units(s string) []uint16 {
	units := make([]uint16, 0, len(s))
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			if unit, ok := surrogate(s[i:]); ok {
				units = append(units, unit)
				i += 3
				continue
			}
		}
		units = utf16.AppendRune(units, r)
		i += size
	}
	return units
}

// surrogate reads half of a surrogate pair, written in three bytes as if it were a character.
func surrogate(s string) (uint16, bool) {
	if len(s) < 3 || s[0] != 0xed || s[1] < 0xa0 || s[1] > 0xbf || s[2]&0xc0 != 0x80 {
		return 0, false
	}
	return 0xd000 | uint16(s[1]&0x3f)<<6 | uint16(s[2]&0x3f), true
}

// FromUnits is the reverse of [Units]: a surrogate without its other half comes out in three bytes.
func FromUnits(units []uint16) string {
	out := make([]byte, 0, len(units)+len(units)/2)
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if utf16.IsSurrogate(r) {
			if i+1 < len(units) {
				if pair := utf16.DecodeRune(r, rune(units[i+1])); pair != utf8.RuneError {
					out = utf8.AppendRune(out, pair)
					i++
					continue
				}
			}
			out = append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

// Match looks for the first match at from or behind it. It returns start and end of the match and of every group, -1 for groups that took
// no part, or nil. Every few thousand steps, and before it gives up memory for more of them, it calls tick with the steps since the last
// call; if that answers false the match is abandoned and ok is false.
func (re *Regexp) Match(t *Text, from int, tick func(steps int) bool) (places []int, ok bool) {
	if t.units != nil {
		return search(re, t.units, from, tick)
	}
	return search(re, t.ascii, from, tick)
}

// unit is how texts come: ASCII in bytes, anything else in UTF-16.
type unit interface{ uint8 | uint16 }

// matcher is one run of a program.
type matcher[U unit] struct {
	re        *Regexp
	in        []U
	slots     []int // captures: start and end, -1 if unset
	registers []int
	stack     []choice
	steps     int
	tick      func(int) bool
	abandoned bool
}

// choice is an entry of the backtracking stack: where to go on, or what to restore on the way back.
type choice struct {
	kind  choiceKind
	pc    int // choiceGo: the instruction; choiceRun: likewise; else which slot or register
	place int // choiceGo, choiceRun: the place; else the old value
	limit int // choiceRun: as far as the run may be given back, or extended
}

type choiceKind uint8

const (
	choiceGo       choiceKind = iota // go on at an instruction and a place
	choiceRun                        // a run of single units that may be shorter, or for lazy ones longer
	choiceSlot                       // restore a capture
	choiceRegister                   // restore a register
)

const tickEvery = 4096

// maxStack bounds the ways that a match may keep open, 64 MB of them: as many as V8 keeps.
const maxStack = 2 << 20

func search[U unit](re *Regexp, in []U, from int, tick func(int) bool) ([]int, bool) {
	if from > len(in) {
		return nil, true
	}
	m := matcher[U]{re: re, in: in, tick: tick}
	m.slots = make([]int, 2*re.captures, 2*re.captures+re.registers)
	m.registers = m.slots[2*re.captures : 2*re.captures+re.registers]
	for start := m.candidate(from); start >= 0; start = m.candidate(start + 1) {
		for i := range m.slots {
			m.slots[i] = -1
		}
		end := m.run(0, start)
		if m.abandoned {
			return nil, false
		}
		if end >= 0 {
			m.slots[0], m.slots[1] = start, end
			return m.slots, true
		}
		m.stack = m.stack[:0]
	}
	return nil, !m.abandoned
}

// candidate is the next place at or behind from where a match may begin, or -1.
func (m *matcher[U]) candidate(from int) int {
	switch {
	case from > len(m.in), from > 0 && m.re.anchored:
		return -1
	case len(m.re.prefix) > 0:
		return m.findPrefix(from)
	case m.re.first == nil:
		return from
	}
	for i, u := range m.in[from:] {
		if m.re.first.has(uint16(u)) {
			return from + i
		}
	}
	return -1
}

func (m *matcher[U]) findPrefix(from int) int {
	prefix := m.re.prefix
	if ascii, isASCII := any(m.in).([]byte); isASCII && prefix[0] < utf8.RuneSelf {
		at := bytes.IndexByte(ascii[from:], byte(prefix[0]))
		if at < 0 {
			return -1
		}
		return from + at
	}
	at := slices.Index(m.in[from:], U(prefix[0]))
	if at < 0 || uint16(m.in[from+at]) != prefix[0] {
		return -1
	}
	return from + at
}

// count notes n steps; false means that the match is abandoned.
func (m *matcher[U]) count(n int) bool {
	m.steps += n
	if m.steps < tickEvery {
		return true
	}
	steps := m.steps
	m.steps = 0
	if m.tick != nil && !m.tick(steps) || len(m.stack) > maxStack {
		m.abandoned = true
		return false
	}
	return true
}

// at returns the unit that an instruction looks at, and the place behind it.
func (m *matcher[U]) at(place int, backward bool) (u uint16, next int, ok bool) {
	if backward {
		if place == 0 {
			return 0, 0, false
		}
		return uint16(m.in[place-1]), place - 1, true
	}
	if place >= len(m.in) {
		return 0, 0, false
	}
	return uint16(m.in[place]), place + 1, true
}

// run executes the program from pc at place until its opMatch, and returns the place reached or -1. What it leaves on the stack are ways
// to go on, and what has to be restored; after a failure the stack is as it was.
func (m *matcher[U]) run(pc, place int) int {
	base := len(m.stack)
	program := m.re.program
	for {
		i := &program[pc]
		ok := true
		switch i.op {
		case opMatch:
			return place
		case opChar:
			var u uint16
			next := 0
			if u, next, ok = m.at(place, i.backward); ok && u == i.unit {
				place, pc = next, pc+1
				continue
			}
			ok = false
		case opClass:
			var u uint16
			next := 0
			if u, next, ok = m.at(place, i.backward); ok && i.class.has(u) {
				place, pc = next, pc+1
				continue
			}
			ok = false
		case opJump:
			pc = i.x
			continue
		case opSplit:
			m.stack = append(m.stack, choice{choiceGo, i.x, place, 0})
		case opSplitLazy:
			m.stack = append(m.stack, choice{choiceGo, pc + 1, place, 0})
			pc = i.x
			continue
		case opSave:
			m.setSlot(i.x, place)
		case opReset:
			for slot := 2 * i.x; slot <= 2*i.y+1; slot++ {
				if m.slots[slot] >= 0 {
					m.setSlot(slot, -1)
				}
			}
		case opStart:
			ok = place == 0 || m.re.multiline && isLineEnd(uint16(m.in[place-1]))
		case opEnd:
			ok = place == len(m.in) || m.re.multiline && isLineEnd(uint16(m.in[place]))
		case opBoundary:
			ok = m.atBoundary(place)
		case opInside:
			ok = !m.atBoundary(place)
		case opBack:
			place, ok = m.back(i, place)
		case opLook:
			if ok = m.look(pc, place); ok {
				pc = i.x
				continue
			}
		case opRun:
			place, ok = m.startRun(i, pc, place)
		case opLoop:
			m.setRegister(i.x, 0)
		case opRepeat:
			pc = m.repeat(i, pc, place)
			if !m.count(1) {
				return -1
			}
			continue
		case opEnter:
			m.setRegister(i.x, place)
		case opRound:
			if place == m.registers[i.x+1] && m.registers[i.x] >= i.min {
				ok = false // a round that matches nothing leads nowhere
				break
			}
			m.setRegister(i.x, m.registers[i.x]+1)
			pc = i.y
			continue
		}
		if ok {
			pc++
			continue
		}
		if pc, place, ok = m.backtrack(base); !ok {
			return -1
		}
	}
}

func (m *matcher[U]) setSlot(slot, value int) {
	m.stack = append(m.stack, choice{choiceSlot, slot, m.slots[slot], 0})
	m.slots[slot] = value
}

func (m *matcher[U]) setRegister(register, value int) {
	m.stack = append(m.stack, choice{choiceRegister, register, m.registers[register], 0})
	m.registers[register] = value
}

// backtrack undoes what happened since the last choice above base and takes its other way.
func (m *matcher[U]) backtrack(base int) (pc, place int, ok bool) {
	if m.abandoned || !m.count(1) {
		return 0, 0, false
	}
	for len(m.stack) > base {
		top := &m.stack[len(m.stack)-1]
		switch top.kind {
		case choiceSlot:
			m.slots[top.pc] = top.place
		case choiceRegister:
			m.registers[top.pc] = top.place
		case choiceGo:
			pc, place = top.pc, top.place
			m.stack = m.stack[:len(m.stack)-1]
			return pc, place, true
		case choiceRun:
			if pc, place, ok = m.continueRun(top); ok {
				return pc, place, true
			}
		}
		m.stack = m.stack[:len(m.stack)-1]
	}
	return 0, 0, false
}

// repeat decides at the head of a repetition.
func (m *matcher[U]) repeat(i *instruction, pc, place int) int {
	rounds := m.registers[i.x]
	if i.max >= 0 && rounds >= i.max {
		return i.y
	}
	if rounds >= i.min {
		if i.lazy {
			m.stack = append(m.stack, choice{choiceGo, pc + 1, place, 0})
			return i.y
		}
		m.stack = append(m.stack, choice{choiceGo, i.y, place, 0})
	}
	return pc + 1
}

// startRun matches as many units as a greedy run may take, or as few as a lazy one must.
func (m *matcher[U]) startRun(i *instruction, pc, place int) (end int, ok bool) {
	want := i.max
	if i.lazy {
		want = i.min
	}
	count, end := 0, place
	switch {
	case i.backward:
		for (want < 0 || count < want) && end > 0 && i.class.has(uint16(m.in[end-1])) {
			count++
			end--
		}
	default:
		rest := m.in[place:]
		if want >= 0 && want < len(rest) {
			rest = rest[:want]
		}
		for _, u := range rest {
			if !i.class.has(uint16(u)) {
				break
			}
			count++
		}
		end += count
	}
	if !m.count(count/16) || count < i.min {
		return 0, false
	}
	direction := 1
	if i.backward {
		direction = -1
	}
	switch {
	case i.lazy && (i.max < 0 || i.max > i.min):
		limit := -1
		if i.max >= 0 {
			limit = i.max - i.min
		}
		m.stack = append(m.stack, choice{choiceRun, pc, end, limit})
	case !i.lazy && count > i.min:
		m.stack = append(m.stack, choice{choiceRun, pc, end, place + direction*i.min})
	}
	return end, true
}

// continueRun gives one unit of a greedy run back, or takes one more for a lazy one.
func (m *matcher[U]) continueRun(c *choice) (pc, place int, ok bool) {
	i := &m.re.program[c.pc]
	if !i.lazy {
		if i.backward {
			c.place++
		} else {
			c.place--
		}
		pc, place = c.pc+1, c.place
		if c.place == c.limit {
			m.stack = m.stack[:len(m.stack)-1]
		}
		return pc, place, true
	}
	u, next, ok := m.at(c.place, i.backward)
	if !ok || c.limit == 0 || !i.class.has(u) {
		return 0, 0, false
	}
	c.place = next
	c.limit--
	return c.pc + 1, next, true
}

// back matches again what a group has captured; a group that took no part matches nothing.
func (m *matcher[U]) back(i *instruction, place int) (int, bool) {
	start, end := m.slots[2*i.x], m.slots[2*i.x+1]
	if start < 0 || end < 0 {
		return place, true
	}
	length := end - start
	if !m.count(length / 16) {
		return 0, false
	}
	from := place
	if i.backward {
		from = place - length
	}
	if from < 0 || from+length > len(m.in) {
		return 0, false
	}
	for k := range length {
		a, b := uint16(m.in[start+k]), uint16(m.in[from+k])
		if a != b && (!m.re.fold || canonical(a) != canonical(b)) {
			return 0, false
		}
	}
	if i.backward {
		return from, true
	}
	return from + length, true
}

// look runs the program of a look-around. Once it has matched there is no way back into it, but its captures stay until the matcher
// backtracks past it.
func (m *matcher[U]) look(pc, place int) bool {
	base := len(m.stack)
	negate := m.re.program[pc].negate
	matched := m.run(pc+1, place) >= 0
	if m.abandoned || !matched {
		return negate && !m.abandoned
	}
	if negate {
		for len(m.stack) > base {
			m.restore(m.stack[len(m.stack)-1])
			m.stack = m.stack[:len(m.stack)-1]
		}
		return false
	}
	kept := m.stack[:base]
	for _, c := range m.stack[base:] {
		if c.kind == choiceSlot || c.kind == choiceRegister {
			kept = append(kept, c)
		}
	}
	m.stack = kept
	return true
}

func (m *matcher[U]) restore(c choice) {
	switch c.kind {
	case choiceSlot:
		m.slots[c.pc] = c.place
	case choiceRegister:
		m.registers[c.pc] = c.place
	}
}

func (m *matcher[U]) atBoundary(place int) bool {
	before := place > 0 && isWord(uint16(m.in[place-1]))
	after := place < len(m.in) && isWord(uint16(m.in[place]))
	return before != after
}

func isWord(u uint16) bool {
	return u >= 'a' && u <= 'z' || u >= 'A' && u <= 'Z' || u >= '0' && u <= '9' || u == '_'
}

func isLineEnd(u uint16) bool { return u == '\n' || u == '\r' || u == 0x2028 || u == 0x2029 }
