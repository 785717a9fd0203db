package jsonpath_test

import (
	"errors"
	"testing"

	"github.com/tutti-run/tutti/internal/jsonpath"
	"github.com/tutti-run/tutti/internal/value"
)

func FuzzCompile(f *testing.F) {
	for _, c := range corners {
		f.Add(c.path)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path, err := jsonpath.Compile(text)
		if err != nil {
			var refused *jsonpath.SyntaxError
			if !errors.As(err, &refused) || refused.Message == "" {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		if path.String() != text {
			t.Errorf("%q prints as %q", text, path)
		}
		if path.IsReference() && !path.Definite() {
			t.Errorf("%q is a Reference Path but indefinite", text)
		}
	})
}

func FuzzEval(f *testing.F) {
	for _, c := range corners {
		f.Add(c.path, cornersDocument)
	}
	f.Fuzz(func(t *testing.T, text, document string) {
		path, err := jsonpath.Compile(text)
		if err != nil {
			return
		}
		root, err := value.Parse(document)
		if err != nil {
			return
		}
		before := value.Text(root)
		v, err := path.Eval(root)
		checkAnswer(t, path, v, err)
		if path.IsReference() {
			checkPut(t, path, root)
		}
		if value.Text(root) != before {
			t.Errorf("%q changed the document", text)
		}
	})
}

// checkAnswer fails if an answer is none that Eval promises.
func checkAnswer(t *testing.T, path *jsonpath.Path, v value.Value, err error) {
	var missing *jsonpath.NotFoundError
	var failed *jsonpath.EvalError
	switch {
	case err == nil:
		_ = value.Text(v) // panics on anything that is not execution data
		if _, ok := v.(value.Array); !ok && !path.Definite() {
			t.Errorf("%q is indefinite and gave %s", path, value.Text(v))
		}
	case errors.As(err, &missing):
		if !path.Definite() {
			t.Errorf("%q is indefinite and missed: %v", path, err)
		}
	case !errors.As(err, &failed):
		t.Errorf("%q: %#v", path, err)
	}
}

// checkPut fails if what was put is not there.
func checkPut(t *testing.T, path *jsonpath.Path, root value.Value) {
	mark := value.String("put here")
	changed, err := path.Put(root, mark)
	if err != nil {
		return
	}
	if got, err := path.Eval(changed); err != nil || got != mark {
		t.Errorf("%q: put, but got %v, %v", path, got, err)
	}
}
