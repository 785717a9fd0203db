package jsonata_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/jsonata"
	"github.com/tutti-run/tutti/internal/oracle"
	"github.com/tutti-run/tutti/internal/value"
)

// suiteCase is one of the language's conformance cases.
type suiteCase struct {
	ID              string                     `json:"id"`
	Group           string                     `json:"group"`
	Expr            json.RawMessage            `json:"expr"`
	Data            json.RawMessage            `json:"data"`
	Dataset         *string                    `json:"dataset"`
	Bindings        map[string]json.RawMessage `json:"bindings"`
	TimeLimit       int                        `json:"timelimit"`
	Depth           int                        `json:"depth"`
	Unordered       bool                       `json:"unordered"`
	Result          json.RawMessage            `json:"result"`
	UndefinedResult bool                       `json:"undefinedResult"`
	Code            string                     `json:"code"`
	Token           string                     `json:"token"`
	Error           *struct{ Code, Message, Token, FunctionName string }
}

// TestSuite expects every case to pass, those marked as differing from release 2.0.6 among them: the service has that release with later
// corrections, and of its own limits only the operators ?? and ?: are switched off there.
func TestSuite(t *testing.T) {
	dir := oracle.Dir(t, "jsonata-suite")
	var cases []suiteCase
	var datasets map[string]json.RawMessage
	for name, into := range map[string]any{"cases.json": &cases, "datasets.json": &datasets} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	passed, total := map[string]int{}, map[string]int{}
	var groups []string
	for _, c := range cases {
		if total[c.Group] == 0 {
			groups = append(groups, c.Group)
		}
		total[c.Group]++
		if c.run(t, datasets) {
			passed[c.Group]++
		}
	}
	slices.Sort(groups)
	sum := 0
	for _, group := range groups {
		t.Logf("%-28s %4d of %4d", group, passed[group], total[group])
		sum += passed[group]
	}
	t.Logf("%-28s %4d of %4d", "all", sum, len(cases))
}

func (c *suiteCase) run(t *testing.T, datasets map[string]json.RawMessage) bool {
	t.Helper()
	var input value.Value
	switch {
	case c.Data != nil:
		input = mustParse(t, string(c.Data))
	case c.Dataset != nil:
		input = mustParse(t, string(datasets[*c.Dataset]))
	}
	variables := map[string]value.Value{}
	for name, text := range c.Bindings {
		variables[name] = mustParse(t, string(text))
	}
	got, err := c.evaluate(input, variables)
	want := "error " + c.Code
	switch {
	case c.Error != nil:
		var fault *jsonata.Error
		if errors.As(err, &fault) && fault.Code == c.Error.Code &&
			(c.Error.Message == "" || fault.Message == c.Error.Message) && (c.Error.Token == "" || fault.Token == c.Error.Token) {
			return true
		}
		want = "error " + c.Error.Code + " " + c.Error.Message
	case c.Code != "":
		var fault *jsonata.Error
		if errors.As(err, &fault) && fault.Code == c.Code && (c.Token == "" || fault.Token == c.Token) {
			return true
		}
	case c.UndefinedResult:
		if err == nil && got == nil {
			return true
		}
		want = "undefined"
	default:
		expected := mustParse(t, string(c.Result))
		if err == nil && got != nil && c.same(got, expected) {
			return true
		}
		want = value.Text(expected)
	}
	t.Errorf("%s: %s\n got  %s %v\n want %s", c.ID, c.Expr, show(got), err, want)
	return false
}

func (c *suiteCase) evaluate(input value.Value, variables map[string]value.Value) (value.Value, error) {
	limits := jsonata.Limits{Time: time.Duration(c.TimeLimit) * time.Millisecond, Depth: c.Depth}
	e, err := jsonata.Compile(unquote(c.Expr), jsonata.WithLimits(limits))
	if err != nil {
		return nil, err
	}
	return e.Eval(input, jsonata.Bindings{Variable: func(name string) (value.Value, bool) {
		v, ok := variables[name]
		return v, ok
	}})
}

func (c *suiteCase) same(a, b value.Value) bool {
	if c.Unordered {
		x, isArray := a.(value.Array)
		y, isArrayToo := b.(value.Array)
		if isArray && isArrayToo {
			a, b = sorted(x), sorted(y)
		}
	}
	return value.Equal(doubles(a), doubles(b))
}

func sorted(a value.Array) value.Array {
	a = slices.Clone(a)
	slices.SortFunc(a, func(x, y value.Value) int {
		if value.Text(x) < value.Text(y) {
			return -1
		}
		return 1
	})
	return a
}

// doubles makes every number a double: the cases were written for a language that has no others.
func doubles(v value.Value) value.Value {
	switch x := v.(type) {
	case value.Array:
		out := make(value.Array, len(x))
		for i, e := range x {
			out[i] = doubles(e)
		}
		return out
	case *value.Object:
		var members []value.Member
		for name, member := range x.All() {
			members = append(members, value.Member{Name: name, Value: doubles(member)})
		}
		return value.NewObject(members...)
	}
	if f, ok := value.Float64(v); ok {
		return value.Float(f)
	}
	return v
}

func show(v value.Value) string {
	if v == nil {
		return "undefined"
	}
	return value.Text(v)
}

func mustParse(tb testing.TB, text string) value.Value {
	tb.Helper()
	v, err := value.Parse(text)
	if err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return v
}

// unquote is the text of a JSON string. Go's own decoder drops halves of surrogate pairs.
func unquote(text json.RawMessage) string {
	s, ok := jsonata.Unquote(string(text))
	if !ok {
		panic("no string: " + string(text))
	}
	return s
}
