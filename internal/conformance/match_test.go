package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// difference is the first place where an answer is not as expected.
type difference struct {
	path      string
	want, got any
	why       string
}

func (d *difference) String() string {
	return fmt.Sprintf("%s: %s\n    expected %s\n    actual   %s", d.path, d.why, shorten(compact(d.want)), shorten(compact(d.got)))
}

func shorten(text string) string {
	const most = 1500
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// maxTrials bounds the backtracking of one comparison.
const maxTrials = 200_000

// matcher compares an answer with its recording.
type matcher struct {
	names     *names
	unordered []span
	subset    []string
	extra     []string
	exact     bool // texts that hold arrays must be equal to the last blank

	// later holds texts with unknown names beside other text. They wait until all lone names are bound, so that the order of members
	// does not matter.
	later  []postponed
	trials int
}

type postponed struct{ path, want, got string }

// compare compares two whole values. What a failed comparison has bound is forgotten.
func (m *matcher) compare(path string, want, got any) *difference {
	outer := m.later
	m.later = nil
	mark := m.names.mark()
	d := m.match(path, want, got)
	for i := 0; d == nil && i < len(m.later); i++ {
		d = m.text(m.later[i].path, m.later[i].want, m.later[i].got)
	}
	m.later = outer
	if d != nil {
		m.names.undo(mark)
	}
	return d
}

func (m *matcher) match(path string, want, got any) *difference {
	switch w := want.(type) {
	case string:
		return m.matchText(path, w, got)
	case map[string]any:
		g, ok := unwrap[map[string]any](got)
		if !ok {
			return &difference{path, want, got, "not an object"}
		}
		return m.object(path, w, g)
	case []any:
		g, ok := unwrap[[]any](got)
		if !ok {
			return &difference{path, want, got, "not an array"}
		}
		return m.array(path, w, g)
	}
	if !equal(want, got) {
		return &difference{path, want, got, "another value"}
	}
	return nil
}

// unwrap returns v as a T, after parsing if it is a text that holds one.
func unwrap[T any](v any) (T, bool) {
	if text, ok := v.(string); ok {
		v, _ = parseJSON(text)
	}
	t, ok := v.(T)
	return t, ok
}

func (m *matcher) object(path string, want, got map[string]any) *difference {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		g, ok := got[name]
		if !ok {
			return &difference{join(path, name), want[name], nil, "the member is missing"}
		}
		if d := m.match(join(path, name), want[name], g); d != nil {
			return d
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok && !slices.Contains(m.extra, name) {
			return &difference{join(path, name), nil, got[name], "a member too many"}
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (m *matcher) array(path string, want, got []any) *difference {
	if slices.Contains(m.subset, path) {
		return m.bag(path, 0, want, got)
	}
	if len(want) != len(got) {
		// The first element that differs says more than the lengths.
		for i := range min(len(want), len(got)) {
			if d := m.match(element(path, i), want[i], got[i]); d != nil && !m.inBag(path, i) {
				d.why += fmt.Sprintf(" (and %d elements instead of %d)", len(got), len(want))
				return d
			}
		}
		return &difference{path, want, got, fmt.Sprintf("%d elements instead of %d", len(got), len(want))}
	}
	for i := 0; i < len(want); {
		end := m.bagEnd(path, i, len(want))
		if end > i {
			if d := m.bag(path, i, want[i:end], got[i:end]); d != nil {
				return d
			}
			i = end
			continue
		}
		if d := m.match(element(path, i), want[i], got[i]); d != nil {
			return d
		}
		i++
	}
	return nil
}

func element(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// bagEnd returns where the bag that begins at element i of the list ends; i if none does.
func (m *matcher) bagEnd(path string, i, length int) int {
	for _, s := range m.unordered {
		if s.Path != path {
			continue
		}
		from, to := 0, length
		if s.From != nil {
			from = *s.From
		}
		if s.To != nil {
			to = min(*s.To, length)
		}
		if i == from && to > from {
			return to
		}
	}
	return i
}

func (m *matcher) inBag(path string, i int) bool {
	for _, s := range m.unordered {
		if s.Path == path && (s.From == nil || i >= *s.From) && (s.To == nil || i < *s.To) {
			return true
		}
	}
	return false
}

// bag finds for each expected element an actual one of its own.
func (m *matcher) bag(path string, offset int, want, got []any) *difference {
	used := make([]bool, len(got))
	deepest := -1
	var place func(i int) bool
	place = func(i int) bool {
		if i == len(want) {
			return true
		}
		deepest = max(deepest, i)
		for j := range got {
			if m.trials++; m.trials > maxTrials {
				return false
			}
			mark := m.names.mark()
			if used[j] || m.compare(element(path, offset+i), want[i], got[j]) != nil {
				continue
			}
			used[j] = true
			if place(i + 1) {
				return true
			}
			used[j] = false
			m.names.undo(mark)
		}
		return false
	}
	if place(0) {
		return nil
	}
	why := "no element of the bag is like this"
	if m.trials > maxTrials {
		why = "gave up after too many pairings"
	}
	return &difference{element(path, offset+deepest), want[deepest], got, why}
}

func (m *matcher) matchText(path, want string, got any) *difference {
	if name, ok := loneToken(want); ok {
		if isWildcard(name) {
			return nil
		}
		known, ok := m.names.lookup(name)
		if !ok {
			m.names.bind(name, got)
			return nil
		}
		if !equalLoosely(known, got) && got != dictated(name) {
			return &difference{path, known, got, "not the value of " + name}
		}
		return nil
	}
	text, ok := got.(string)
	if !ok {
		return &difference{path, want, got, "not a text"}
	}
	for _, token := range tokens.FindAllStringSubmatch(want, -1) {
		if _, known := m.names.lookup(token[1]); !known && !isWildcard(token[1]) {
			m.later = append(m.later, postponed{path, want, text})
			return nil
		}
	}
	return m.text(path, want, text)
}

// text compares texts, of which the expected one may hold tokens.
func (m *matcher) text(path, want, got string) *difference {
	if want == got || m.pattern(want, got) {
		return nil
	}
	a, ok := parseJSON(want)
	b, okToo := parseJSON(got)
	if !ok || !okToo {
		return &difference{path, want, got, "another text"}
	}
	if _, array := a.([]any); array && m.exact && !tokens.MatchString(want) {
		return &difference{path, want, got, "the same array in another text"}
	}
	return m.match(path, a, b)
}

// pattern matches a text with tokens inside and binds what was unknown.
func (m *matcher) pattern(want, got string) bool {
	all := tokens.FindAllStringSubmatchIndex(want, -1)
	if all == nil {
		return false
	}
	var expression strings.Builder
	expression.WriteString(`(?s)\A`)
	var groups []string
	end := 0
	for _, at := range all {
		expression.WriteString(regexp.QuoteMeta(want[end:at[0]]))
		end = at[1]
		name := want[at[2]:at[3]]
		known, ok := m.names.lookup(name)
		switch {
		case isWildcard(name):
			expression.WriteString(`.*?`)
		case ok:
			expression.WriteString(`(?:` + regexp.QuoteMeta(textOf(known)) + `|` + regexp.QuoteMeta(dictated(name)) + `)`)
		default:
			expression.WriteString(`(.+?)`)
			groups = append(groups, name)
		}
	}
	expression.WriteString(regexp.QuoteMeta(want[end:]) + `\z`)
	compiled, err := regexp.Compile(expression.String())
	if err != nil {
		return false
	}
	found := compiled.FindStringSubmatch(got)
	if found == nil {
		return false
	}
	mark := m.names.mark()
	for i, name := range groups {
		known, ok := m.names.lookup(name)
		if !ok {
			m.names.bind(name, found[i+1])
		} else if textOf(known) != found[i+1] {
			m.names.undo(mark)
			return false
		}
	}
	return true
}

// equalLoosely is equal, except that a text may hold the object or array.
func equalLoosely(a, b any) bool {
	if equal(a, b) {
		return true
	}
	parsed := func(v any) any {
		if text, ok := v.(string); ok {
			if inner, ok := parseJSON(text); ok {
				return inner
			}
		}
		return v
	}
	return equal(parsed(a), parsed(b))
}

// equal compares values; numbers by value.
func equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && equalNumbers(string(a), string(b))
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equal)
	}
	switch b.(type) {
	case json.Number, []any, map[string]any:
		return false
	}
	return a == b
}

func equalNumbers(a, b string) bool {
	if a == b {
		return true
	}
	if len(a)+len(b) > 200 || strings.ContainsAny(a+b, "eE") {
		x, _, errX := big.ParseFloat(a, 10, 200, big.ToNearestEven)
		y, _, errY := big.ParseFloat(b, 10, 200, big.ToNearestEven)
		return errX == nil && errY == nil && x.Cmp(y) == 0
	}
	x, ok := new(big.Rat).SetString(a)
	y, okToo := new(big.Rat).SetString(b)
	return ok && okToo && x.Cmp(y) == 0
}
