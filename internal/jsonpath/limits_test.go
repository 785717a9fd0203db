package jsonpath_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/tutti-run/tutti/internal/jsonpath"
	"github.com/tutti-run/tutti/internal/value"
)

func TestBoundsOfPaths(t *testing.T) {
	for name, path := range map[string]string{
		"long":            "$." + strings.Repeat("a", jsonpath.MaxLength),
		"nested filters":  "$" + strings.Repeat("[?(@", 150) + strings.Repeat(")]", 150),
		"nested brackets": "$[?(" + strings.Repeat("(", 150) + "@.a" + strings.Repeat(")", 150) + ")]",
		"nested not":      "$[?(" + strings.Repeat("!", 150) + "(@.a))]",
		"nested calls":    "$" + strings.Repeat(".sum($", 150) + strings.Repeat(")", 150),
	} {
		_, err := jsonpath.Compile(path)
		var refused *jsonpath.SyntaxError
		if !errors.As(err, &refused) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSyntaxErrorSaysWhere(t *testing.T) {
	for path, offset := range map[string]int{
		"$name":                 1,
		"$.a[x]":                3,
		"$.aé[?(@.b == tru)].c": 11,
		"$.a[?(@.b[x] == 1)].c": 9,
		"a b":                   0,
	} {
		_, err := jsonpath.Compile(path)
		var refused *jsonpath.SyntaxError
		if !errors.As(err, &refused) || refused.Offset != offset {
			t.Errorf("%s: got %+v, want offset %d", path, err, offset)
		}
	}
}

// A few steps can ask for more nodes than any machine could visit.
func TestBoundOfAnEvaluation(t *testing.T) {
	document := parse(t, strings.Repeat(`{"a":[`, 200)+strings.Repeat(`]}`, 200))
	_, err := compile(t, "$"+strings.Repeat("..*", 8)).Eval(document)
	var refused *jsonpath.EvalError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "visits more than") {
		t.Errorf("got %v", err)
	}
}

func TestDeepDocument(t *testing.T) {
	document := parse(t, strings.Repeat("[", value.MaxDepth)+strings.Repeat("]", value.MaxDepth))
	v, err := compile(t, "$..[0]").Eval(document)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(v.(value.Array)); got != value.MaxDepth-1 {
		t.Errorf("got %d matches", got)
	}
}

// Jayway keeps state in its compiled paths; ours answer the same however often and from wherever they are asked.
func TestPathsAreShared(t *testing.T) {
	document := parse(t, cornersDocument)
	for _, text := range []string{"$..[0].v", "$..v.length()", "$.people[?(@.tags.length() > $.one[0])].id", "$.length($.n)", "$.grid[*].sum($.n[*])"} {
		path := compile(t, text)
		v, err := path.Eval(document)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		want := value.Text(v)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 20 {
					v, err := path.Eval(document)
					if err != nil || value.Text(v) != want {
						t.Errorf("%s: got %v, %v, want %s", text, v, err, want)
					}
				}
			})
		}
		group.Wait()
	}
}
