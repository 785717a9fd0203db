package jsonata

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/value"
)

// TestEveryBuiltinIsCallable calls every function without arguments and with some of every type: it answers or fails with a code, and
// its name is that of the table.
func TestEveryBuiltinIsCallable(t *testing.T) {
	args := []string{``, `1`, `"a"`, `true`, `null`, `[1,"a"]`, `{"a":1}`, `$sum`, `$nope`, `1,2`, `"a","b"`, `[1,2],$string`, `"a","b","c"`, `{},$keys`, `1,"0","c"`}
	for _, d := range []*dialect{plainDialect(), serviceDialect()} {
		var options []Option
		if d.service {
			options = append(options, StepFunctions())
		}
		for name, f := range d.functions {
			if f.name != name || f.native == nil {
				t.Errorf("%s is %+v", name, f)
			}
			for _, arg := range args {
				e, err := Compile("$"+name+"("+arg+")", options...)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := e.Eval(nil, Bindings{}); err != nil {
					fault := err.(*Error)
					if fault.Message == "" || fault.Class == ClassEvaluation && messages[fault.Code] == "" {
						t.Errorf("$%s(%s): %#v", name, arg, fault)
					}
				}
			}
		}
	}
	if d := serviceDialect(); d.builtin("eval") != nil || d.builtin("uuid") == nil || plainDialect().builtin("uuid") != nil {
		t.Error("the dialects are mixed up")
	}
}

// TestEveryMessageKnowsItsInserts finds inserts that no fault could fill.
func TestEveryMessageKnowsItsInserts(t *testing.T) {
	known := []string{"token", "value", "value2", "index", "type", "exp", "functionName", "message"}
	insert := regexp.MustCompile(`\{+(\w+)\}+`)
	for code, template := range messages {
		if !regexp.MustCompile(`^[STD]\d{4}$`).MatchString(code) {
			t.Errorf("code %q", code)
		}
		for _, m := range insert.FindAllStringSubmatch(template, -1) {
			if !slices.Contains(known, m[1]) {
				t.Errorf("%s: insert %q", code, m[1])
			}
		}
		err := &Error{Code: code, Token: "+", Value: value.Int(1), insert: inserts{message: "m"}}
		if text := err.finish().Message; text == "" || strings.Contains(text, "{{") {
			t.Errorf("%s: %q", code, text)
		}
	}
}

func TestEveryKindIsNamed(t *testing.T) {
	for k := range kindCount {
		if k.String() == "" {
			t.Errorf("kind %d has no name", k)
		}
	}
	for c := ClassSyntax; c <= ClassResult; c++ {
		if c.String() == "" {
			t.Errorf("class %d has no name", c)
		}
	}
}

// TestEveryDialectHasItsBounds makes sure that no bound is left open by mistake.
func TestEveryDialectHasItsBounds(t *testing.T) {
	for _, l := range []Limits{plainLimits, serviceLimits} {
		if l.Depth <= 0 || l.Memory <= 0 || l.Time == 0 || l.Steps == 0 || l.ValueMemory == 0 || l.ListMemory == 0 {
			t.Errorf("%+v", l)
		}
	}
	given := Limits{Depth: -1, Time: 5}.or(serviceLimits)
	if given.Depth != maxDepth || given.Time != 5 || given.Memory != serviceLimits.Memory {
		t.Errorf("%+v", given)
	}
}

func TestNumberText(t *testing.T) {
	for _, c := range []struct {
		f       float64
		rounded bool
		want    string
	}{
		{0, false, "0"}, {-1.5, false, "-1.5"}, {1e21, false, "1e+21"}, {1e20, false, "100000000000000000000"}, {1e-6, false, "0.000001"},
		{1e-7, false, "1e-7"}, {123456789.125, false, "123456789.125"}, {5e-324, false, "5e-324"}, {1.7976931348623157e308, false, "1.7976931348623157e+308"},
		{1.0 / 3, true, "0.333333333333333"}, {0.1 + 0.2, true, "0.3"}, {2.0 / 3, true, "0.666666666666667"}, {1234567890123.125, true, "1234567890123.13"},
		{99999999999.999995, true, "100000000000"}, {1e-7 / 3, true, "3.33333333333333e-8"}, {9223372036854775808, true, "9223372036854776000"},
	} {
		if got := numberText(c.f, c.rounded); got != c.want {
			t.Errorf("%g: got %s, want %s", c.f, got, c.want)
		}
	}
}

func TestPow(t *testing.T) {
	for _, c := range []struct{ x, y, want float64 }{
		{2, 10, 1024}, {10, 22, 1e22}, {10, -3, 1e-3}, {10, -289, 1e-289}, {10, 308, 1e308}, {-2, 3, -8}, {-2, -1, -0.5}, {7, 19, 11398895185373143},
		{2, 0.5, 1.4142135623730951}, {1.1, 10, 2.5937424601000023}, {0, 5, 0}, {5, 0, 1}, {2, -1074, 5e-324},
	} {
		if got := pow(c.x, c.y); got != c.want {
			t.Errorf("%g^%g: got %v, want %v", c.x, c.y, got, c.want)
		}
	}
}
