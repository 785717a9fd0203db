package asl

import (
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
)

// CheckDraft checks a definition as it lies in a file before it is deployed. It answers what [Parse] answers, with two differences, since
// something will still be put in: a placeholder may stand in the place of any value, as in "Seconds": ${wait}, and is passed over; and a Resource
// that is no ARN at all, or an SDK's action that is not known here, is a warning, although AWS refuses it if it stays.
func CheckDraft(text string, opts Options) []sfn.Diagnostic {
	masked, holes := maskHoles(text)
	_, _, diagnostics := check(masked, opts, &draft{holes})
	return diagnostics
}

// draft is what a definition that is not finished leaves open.
type draft struct {
	holes map[int]bool // the offsets of placeholders outside of strings
}

// isHole tells whether a placeholder stands for the value.
func (c *checker) isHole(n *node) bool { return c.draft != nil && c.draft.holes[n.offset] }

// maskHoles puts a string of the same length in the place of every placeholder outside of strings, and returns where those are.
func maskHoles(text string) (masked string, holes map[int]bool) {
	holes = map[int]bool{}
	var out []byte
	inString := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case !inString && strings.HasPrefix(text[i:], "${"):
			end := endOfPlaceholder(text, i)
			if end < 0 {
				return text, nil // for the reader of JSON to complain about
			}
			if out == nil {
				out = []byte(text)
			}
			holes[i] = true
			for at := i; at <= end; at++ {
				out[at] = '_'
			}
			out[i], out[end] = '"', '"'
			i = end
		}
	}
	if out == nil {
		return text, nil
	}
	return string(out), holes
}

// endOfPlaceholder is where the brace that ends the placeholder stands, -1 if there is none. What is in between may have braces and
// strings of its own, as Terraform's ${jsonencode({a = "}"})}.
func endOfPlaceholder(text string, at int) int {
	depth, inString := 0, false
	for i := at; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}
