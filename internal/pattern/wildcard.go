package pattern

import "slices"

// wildcard is a text in which * stands for any characters, \* for itself and \\ for a backslash.
type wildcard struct {
	literals []byte
	stars    []bool // whether any characters may stand before the literal of this index; one more than literals, for the end
}

// parseWildcard reads a wildcard. at is the byte that is wrong, counted with the opening quote of the string, and reason what is wrong with it.
func parseWildcard(s string) (w wildcard, reason string, at int) {
	star := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '*' && star:
			return w, "Consecutive wildcard characters", i
		case c == '*':
			star = true
			continue
		case c == '\\' && i+1 < len(s) && (s[i+1] == '*' || s[i+1] == '\\'):
			i++
			c = s[i]
		case c == '\\':
			return w, "Invalid escape character", i + 1
		}
		w.literals, w.stars, star = append(w.literals, c), append(w.stars, star), false
	}
	w.stars = append(w.stars, star)
	return w, "", 0
}

// match tells whether a whole text matches: it takes each star for as few characters as possible, and more if the rest does not fit.
func (w *wildcard) match(text string) bool {
	at, back, from := 0, -1, 0 // the literal that comes next, the one behind the last star, and where it was tried
	for i := 0; ; {
		if w.stars[at] && back < at {
			back, from = at, i
		}
		switch {
		case at == len(w.literals) && (i == len(text) || w.stars[at]):
			return true
		case at < len(w.literals) && i < len(text) && text[i] == w.literals[at]:
			at, i = at+1, i+1
		case back >= 0 && from < len(text):
			from++
			at, i = back, from
		default:
			return false
		}
	}
}

// maxComplexity is how many places in the wildcards of a field may be reached at once by some text. AWS refuses those that are too complex by the same measure;
// where it draws the line is not published: 8 has been seen to pass, 11 to be refused.
const maxComplexity = 10

// maxPlaces bounds the search for the worst text. What needs more is too complex anyway.
const maxPlaces = 1 << 12

// place is a place in a wildcard: in front of the literal at, either just reached or, behind a star, after characters that the star stands for.
type place struct {
	of, at int
	inStar bool
}

// tooComplex tells whether some text reaches more than maxComplexity places of the wildcards at once. The quotes around a text count as its first and last character.
func tooComplex(wildcards []wildcard) bool {
	start := make([]place, len(wildcards))
	var alphabet []byte
	for i, w := range wildcards {
		start[i] = place{of: i}
		for _, c := range w.literals {
			if !slices.Contains(alphabet, c) {
				alphabet = append(alphabet, c)
			}
		}
	}
	alphabet = append(alphabet, '"')
	seen := map[string]bool{}
	for todo := [][]place{start}; len(todo) > 0; todo = todo[1:] {
		for _, c := range alphabet {
			reached := after(wildcards, todo[0], c)
			if len(reached) > maxComplexity || len(seen) > maxPlaces {
				return true
			}
			if key := keyOf(reached); len(reached) > 0 && !seen[key] {
				seen[key] = true
				todo = append(todo, reached)
			}
		}
	}
	return false
}

// after returns the places that are reached from some by a character.
func after(wildcards []wildcard, places []place, c byte) (reached []place) {
	add := func(p place) {
		if !slices.Contains(reached, p) {
			reached = append(reached, p)
		}
	}
	for _, p := range places {
		w := &wildcards[p.of]
		if p.at > len(w.literals) {
			continue
		}
		if w.stars[p.at] {
			add(place{p.of, p.at, true})
		}
		if p.at == len(w.literals) && c == '"' || p.at < len(w.literals) && w.literals[p.at] == c {
			add(place{of: p.of, at: p.at + 1})
		}
	}
	return reached
}

func keyOf(places []place) string {
	var key []byte
	for _, p := range places {
		star := byte(0)
		if p.inStar {
			star = 1
		}
		key = append(key, byte(p.of), byte(p.of>>8), byte(p.at), byte(p.at>>8), star)
	}
	return string(key)
}
