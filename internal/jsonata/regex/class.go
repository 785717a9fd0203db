package regex

import (
	"slices"
	"sync"
	"unicode"
)

// span is a range of code units, both ends included.
type span struct{ low, high uint16 }

// class is a set of code units. Once closed, the first 256 are looked up in a table and the others by binary search.
type class struct {
	table [4]uint64
	spans []span // sorted, apart from each other
}

var (
	digitSpans = []span{{'0', '9'}}
	wordSpans  = []span{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	spaceSpans = []span{{'\t', '\r'}, {' ', ' '}, {0xa0, 0xa0}, {0x1680, 0x1680}, {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff}}
	lineSpans  = []span{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}
)

// newClass returns the set of the spans, in which case does not count if fold is set.
func newClass(spans []span, negate, fold bool) *class {
	spans = slices.Clone(spans)
	if fold {
		spans = foldSpans(spans)
	}
	spans = normalize(spans)
	if negate {
		spans = complement(spans)
	}
	c := &class{spans: spans}
	for _, s := range spans {
		for u := int(s.low); u <= int(s.high) && u < 256; u++ {
			c.table[u>>6] |= 1 << (u & 63)
		}
	}
	return c
}

func (c *class) has(u uint16) bool {
	if u < 256 {
		return c.table[u>>6]&(1<<(u&63)) != 0
	}
	return c.listed(u)
}

// listed is has without the table.
func (c *class) listed(u uint16) bool {
	low, high := 0, len(c.spans)
	for low < high {
		middle := (low + high) / 2
		switch s := c.spans[middle]; {
		case u < s.low:
			high = middle
		case u > s.high:
			low = middle + 1
		default:
			return true
		}
	}
	return false
}

func normalize(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return int(a.low) - int(b.low) })
	kept := spans[:0]
	for _, s := range spans {
		if last := len(kept) - 1; last >= 0 && int(s.low) <= int(kept[last].high)+1 {
			kept[last].high = max(kept[last].high, s.high)
			continue
		}
		kept = append(kept, s)
	}
	return kept
}

func complement(spans []span) []span {
	var out []span
	next := 0
	for _, s := range spans {
		if int(s.low) > next {
			out = append(out, span{uint16(next), s.low - 1})
		}
		next = int(s.high) + 1
	}
	if next <= 0xffff {
		out = append(out, span{uint16(next), 0xffff})
	}
	return out
}

// canonical is the specification's Canonicalize without the u flag: the upper case, unless that is several characters or would move
// a character into ASCII.
func canonical(u uint16) uint16 {
	if u < 0x80 {
		if u >= 'a' && u <= 'z' {
			return u - 32
		}
		return u
	}
	up := unicode.ToUpper(rune(u))
	if up > 0xffff || up < 0x80 || growsInUpperCase(u) {
		return u
	}
	return uint16(up)
}

// growsInUpperCase tells whether the full upper case of u has several characters although a simple one exists: the Greek letters with
// iota below.
func growsInUpperCase(u uint16) bool {
	return u >= 0x1f80 && u <= 0x1faf || u == 0x1fb3 || u == 0x1fbc || u == 0x1fc3 || u == 0x1fcc || u == 0x1ff3 || u == 0x1ffc
}

// casedUnits are the code units that have variants: some 2,700 of 65,536, found once.
var casedUnits = sync.OnceValue(func() []uint16 {
	var units []uint16
	for u := range 0x10000 {
		if unicode.SimpleFold(rune(u)) != rune(u) {
			units = append(units, uint16(u))
		}
	}
	return units
})

// foldSpans adds every unit that has the canonical form of a member.
func foldSpans(spans []span) []span {
	members := class{spans: normalize(slices.Clone(spans))}
	for _, u := range casedUnits() {
		if members.listed(u) {
			spans = appendVariants(spans, u)
		}
	}
	return spans
}

// appendVariants adds the other units with the canonical form of u.
func appendVariants(spans []span, u uint16) []span {
	for r := unicode.SimpleFold(rune(u)); r != rune(u); r = unicode.SimpleFold(r) {
		if r <= 0xffff && canonical(uint16(r)) == canonical(u) {
			spans = append(spans, span{uint16(r), uint16(r)})
		}
	}
	return spans
}
