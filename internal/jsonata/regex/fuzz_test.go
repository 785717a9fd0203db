package regex_test

import (
	"errors"
	"testing"

	"github.com/tutti-run/tutti/internal/jsonata/regex"
)

func FuzzMatch(f *testing.F) {
	for _, c := range matches {
		f.Add(c.pattern, c.text, true, false)
	}
	f.Fuzz(func(t *testing.T, pattern, s string, ignoreCase, multiline bool) {
		re, err := regex.Compile(pattern, regex.Flags{IgnoreCase: ignoreCase, Multiline: multiline})
		if err != nil {
			var fault *regex.SyntaxError
			if !errors.As(err, &fault) {
				t.Fatalf("%q: %#v", pattern, err)
			}
			return
		}
		text := regex.NewText(s)
		steps := 0
		places, ok := re.Match(text, 0, func(n int) bool {
			steps += n
			return steps < 1_000_000
		})
		if places == nil {
			return
		}
		if !ok || len(places) != 2*re.Groups()+2 || places[0] > places[1] || places[1] > text.Len() {
			t.Fatalf("/%s/ on %q: %v", pattern, s, places)
		}
		for i := 0; i < len(places); i += 2 {
			if places[i] >= 0 && places[i+1] >= 0 {
				text.Slice(places[i], places[i+1])
			}
		}
	})
}
