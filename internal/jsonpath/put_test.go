package jsonpath_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/jsonpath"
	"github.com/tutti-run/tutti/internal/value"
)

func TestReferencePaths(t *testing.T) {
	for path, want := range map[string]bool{
		"$":               true,
		"$.a":             true,
		"$.a.b[0].c":      true,
		"$['a b']['c.d']": true,
		`$["a"]`:          true,
		"$.a[-1]":         true,
		`$['it\'s: ?']`:   true,
		"a":               false,
		"@.a":             false,
		"$.a[0,1]":        false,
		"$.a[0:1]":        false,
		"$.a[:1]":         false,
		"$.a[*]":          false,
		"$.*":             false,
		"$..a":            false,
		"$['a','b']":      false,
		"$.a[?(@.b)]":     false,
		"$.a.length()":    false,
		"$.a[":            false, // Jayway reads it as $.a
	} {
		if got := compile(t, path).IsReference(); got != want {
			t.Errorf("%s: got %v", path, got)
		}
	}
}

func TestRoot(t *testing.T) {
	for path, want := range map[string]bool{"$": true, "@": false, "$.a": false, "$.*": false} {
		p := compile(t, path)
		if p.Root() != want || p.String() != path {
			t.Errorf("%s: Root() = %v, String() = %s", path, p.Root(), p)
		}
	}
}

func TestPut(t *testing.T) {
	for _, c := range []struct{ path, document, want string }{
		{"$", `{"a":1}`, `"V"`},
		{"$.b", `{"a":1}`, `{"a":1,"b":"V"}`},
		{"$.a", `{"a":1,"b":2}`, `{"a":"V","b":2}`},
		{"$.a.b.c", `{}`, `{"a":{"b":{"c":"V"}}}`},
		{"$.a.b", `{"a":{"c":1}}`, `{"a":{"c":1,"b":"V"}}`},
		{"$['a b']", `{}`, `{"a b":"V"}`},
		{"$.a[1]", `{"a":[1,2,3]}`, `{"a":[1,"V",3]}`},
		{"$.a[-1].b", `{"a":[1,{}]}`, `{"a":[1,{"b":"V"}]}`},
		{"$[0]", `[1]`, `["V"]`},
	} {
		document := parse(t, c.document)
		got, err := compile(t, c.path).Put(document, value.String("V"))
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		if value.Text(got) != c.want {
			t.Errorf("%s: got %s, want %s", c.path, value.Text(got), c.want)
		}
		if value.Text(document) != value.Text(parse(t, c.document)) {
			t.Errorf("%s changed the document to %s", c.path, value.Text(document))
		}
	}
}

func TestPutThatCannotBeApplied(t *testing.T) {
	for _, c := range []struct{ path, document, want string }{
		{"$.a", `[1]`, "cannot insert at $.a: $ is no object but an array"},
		{"$.a", `null`, "cannot insert at $.a: $ is no object but null"},
		{"$.a.b", `{"a":"x"}`, "cannot insert at $.a.b: $['a'] is no object but a string"},
		{"$.a[0]", `{}`, "cannot insert at $.a[0]: $['a'] does not exist, and no array is made for an index"},
		{"$.a[0]", `{"a":{}}`, "cannot insert at $.a[0]: $['a'] is no array but an object"},
		{"$.a[2]", `{"a":[1,2]}`, "cannot insert at $.a[2]: $['a'] has 2 elements, none with the index 2"},
		{"$.a[-3]", `{"a":[1,2]}`, "cannot insert at $.a[-3]: $['a'] has 2 elements, none with the index -3"},
		{"$.a[*]", `{"a":[1]}`, "cannot insert at $.a[*]: it is not a Reference Path, which points at a single node"},
		{"$" + strings.Repeat(".a", 1001), `{}`, "cannot insert at $" + strings.Repeat(".a", 1001) + ": it is longer than 1000 steps"},
	} {
		_, err := compile(t, c.path).Put(parse(t, c.document), value.Int(1))
		var refused *jsonpath.PutError
		if !errors.As(err, &refused) || err.Error() != c.want {
			t.Errorf("%s in %s: got %v, want %s", c.path, c.document, err, c.want)
		}
	}
}
