package jsonpath

import (
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/value"
)

func TestEveryOperatorIsNamedAndJudges(t *testing.T) {
	seen := map[string]bool{}
	for o := range operatorCount {
		name := operatorNames[o]
		if name == "" || seen[name] {
			t.Errorf("operator %d is named %q", o, name)
		}
		seen[name] = true
		path, err := Compile("$[?(@ " + strings.ToLower(name) + " 1)]")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := path.Eval(value.Array{value.Int(1)}); err != nil && o != opExists {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryFunctionIsCallable(t *testing.T) {
	for name := range functions {
		path, err := Compile("$." + name + "(0, $)")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, err = path.Eval(value.Array{value.Int(1), value.Int(2)})
		// length takes paths only.
		if wantsPath := name == "length" || name == "size"; (err != nil) != wantsPath {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryMissHasAText(t *testing.T) {
	path, err := Compile("$.a.b[0]")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for reason := range missCount {
		text := (&NotFoundError{reason: reason, path: path, step: 1, node: value.Int(1)}).Error()
		if text == "" || seen[text] {
			t.Errorf("miss %d reads %q", reason, text)
		}
		seen[text] = true
	}
}
