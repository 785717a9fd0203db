package jsonata_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/tutti-run/tutti/internal/jsonata"
)

// documentedInput is the input of all the cases in documented.jsonl.
const documentedInput = `{"a":{"b":"x"},"arr":[1,2,3],"one":[5],"num":7,"str":"hello","null_":null,
	"objs":[{"x":1,"y":"p"},{"x":2,"y":"q"},{"x":3,"y":"p"}],"mixed":[1,"a"],
	"nested":{"name":"n0","l1":[{"name":"n1","l2":[{"name":"n2"},{"name":"n3"}]}]},"deep":[[1,2,[3]],[{"x":4}]]}`

// TestDocumented goes through every function and operator of the documentation, and through ways to get them wrong. The answers in
// testdata/documented.jsonl are the reference implementation's (2.2.2 on Node; testdata/reference.js answer gives them), down to the message and
// the place of errors. Code null stands for an error of JavaScript's own.
func TestDocumented(t *testing.T) {
	input := mustParse(t, documentedInput)
	file, err := os.Open("testdata/documented.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var c struct {
			Expr      string
			Result    json.RawMessage
			Undefined bool
			Error     *struct {
				Code     *string
				Message  string
				Position int
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		got, err := plain(t, c.Expr, input)
		var fault *jsonata.Error
		switch {
		case c.Error != nil && c.Error.Code == nil:
			if !errors.As(err, &fault) || fault.Code != "" {
				t.Errorf("%s gives %s, %v, want an internal error", c.Expr, show(got), err)
			}
		case c.Error != nil:
			if !errors.As(err, &fault) || fault.Code != *c.Error.Code || fault.Message != c.Error.Message || fault.Position != c.Error.Position {
				t.Errorf("%s\n got  %s, %#v\n want %+v", c.Expr, show(got), fault, *c.Error)
			}
		case c.Undefined:
			if err != nil || got != nil {
				t.Errorf("%s gives %s, %v, want undefined", c.Expr, show(got), err)
			}
		case err != nil || got == nil || string(jsonata.AppendJSON(nil, got)) != string(c.Result):
			t.Errorf("%s\n got  %s, %v\n want %s", c.Expr, show(got), err, c.Result)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}
