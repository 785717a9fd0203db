package awsclient

import (
	"bytes"

	"github.com/tutti-run/tutti/internal/awsmodel"
)

// laidOut writes an answer of the query protocol as services do: an element a line, two blanks deeper than the one around it. The lengths of recorded answers
// count these blanks. SQS writes all in one line.
func laidOut(s *awsmodel.Service, text []byte) []byte {
	if s.ID == "SQS" {
		return text
	}
	out := make([]byte, 0, len(text)*3/2)
	depth, opened := 0, false // whether the tag before was an opening one
	line := func() {
		if len(out) > 0 {
			out = append(out, '\n')
		}
		for range depth {
			out = append(out, ' ', ' ')
		}
	}
	for len(text) > 0 {
		if text[0] != '<' { // the text of an element stays beside its tags
			n := bytes.IndexByte(text, '<')
			if n < 0 {
				n = len(text)
			}
			out, text = append(out, text[:n]...), text[n:]
			continue
		}
		n := bytes.IndexByte(text, '>') + 1
		if n == 0 {
			n = len(text)
		}
		switch tag := text[:n]; {
		case bytes.HasPrefix(tag, []byte("</")):
			if depth--; !opened {
				line()
			}
			opened = false
		case bytes.HasSuffix(tag, []byte("/>")):
			line()
			opened = false
		default:
			line()
			depth++
			opened = true
		}
		out, text = append(out, text[:n]...), text[n:]
	}
	return append(out, '\n')
}
