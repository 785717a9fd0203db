package payload_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/value"
)

func TestPath(t *testing.T) {
	for _, tt := range []struct {
		path, want          string
		root, context, refs bool
		variable            string
	}{
		{`$`, `{"a":[1,2]}`, true, false, true, ""},
		{`$.a[1]`, `2`, false, false, true, ""},
		{`$['a'][0]`, `1`, false, false, true, ""},
		{`$.a[*]`, `[1,2]`, false, false, false, ""},
		{`$$.StateMachine.Name`, `"orders"`, false, true, true, ""},
		{`$$`, `{"Execution":{"Id":"arn:run","Input":{"a":1}},"StateMachine":{"Id":"arn:machine","Name":"orders"}}`, false, true, true, ""},
		{`$x`, `{"n":1,"s":"é"}`, false, false, true, "x"},
		{`$x.n`, `1`, false, false, true, "x"},
		{`$x['s']`, `"é"`, false, false, true, "x"},
	} {
		p, err := payload.CompilePath(tt.path)
		if err != nil {
			t.Errorf("%s: %v", tt.path, err)
			continue
		}
		got, err := p.Eval(newEnv(t, `{"a":[1,2]}`))
		if err != nil || value.Text(got) != tt.want {
			t.Errorf("%s = %v, %v, want %s", tt.path, got, err, tt.want)
		}
		if p.String() != tt.path || p.Root() != tt.root || p.FromContext() != tt.context || p.Variable() != tt.variable ||
			p.IsReference() != tt.refs || p.Definite() != tt.refs || strings.Join(p.Variables(), " ") != tt.variable {
			t.Errorf("%s: String %s, Root %v, FromContext %v, Variables %v, IsReference %v, Definite %v",
				tt.path, p, p.Root(), p.FromContext(), p.Variables(), p.IsReference(), p.Definite())
		}
	}
}

func TestPathFails(t *testing.T) {
	for _, tt := range []struct{ path, want string }{
		{`$.X`, `No results for path: $['X']`},
		{`$.a.b.c`, `Missing property in path $['a']`},
		{`$$.X`, `No results for path: $['X']`},
		{`$unset.x`, `The variable 'unset' is not defined`},
	} {
		p, err := payload.CompilePath(tt.path)
		if err != nil {
			t.Errorf("%s: %v", tt.path, err)
			continue
		}
		if v, err := p.Eval(newEnv(t, `{}`)); err == nil || err.Error() != tt.want {
			t.Errorf("%s = %v, %v, want %s", tt.path, v, err, tt.want)
		}
		if v, err := p.Eval(&payload.Env{Input: value.Null{}}); err == nil {
			t.Errorf("%s of an empty Env = %v", tt.path, v)
		}
	}
}

func TestCompilePathRefuses(t *testing.T) {
	for _, tt := range []struct {
		path   string
		offset int
	}{
		{``, 0},
		{`a`, 0},
		{` $`, 0},
		{`$1`, 1},
		{`$_x`, 1},
		{`$x y`, 2},
		{`$$x`, 2},
		{`$$$.x`, 2},
		{`$é-x`, 3},
		{`$é["ü`, 3},
		{`$.`, 1},
		{`$x.é y`, 3},
	} {
		_, err := payload.CompilePath(tt.path)
		var syntax *payload.SyntaxError
		if !errors.As(err, &syntax) || syntax.Offset != tt.offset {
			t.Errorf("%q: %v, want a SyntaxError at %d", tt.path, err, tt.offset)
		}
	}
}

func TestPathPut(t *testing.T) {
	for _, tt := range []struct{ path, root, want string }{
		{`$`, `{"a":1}`, `"new"`},
		{`$.b.c`, `{"a":1}`, `{"a":1,"b":{"c":"new"}}`},
		{`$x.b`, `{"a":1}`, ``},
		{`$$.b`, `{"a":1}`, ``},
	} {
		p, err := payload.CompilePath(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		v, err := p.Put(parse(t, tt.root), value.String("new"))
		if (err != nil) != (tt.want == "") || err == nil && value.Text(v) != tt.want {
			t.Errorf("Put at %s into %s = %v, %v, want %s", tt.path, tt.root, v, err, tt.want)
		}
	}
}

func TestPathOrCall(t *testing.T) {
	for _, tt := range []struct{ text, want, fault string }{
		{`$.Error`, `"E"`, ``},
		{`States.Format('{}!', $.Error)`, `"E!"`, ``},
		{`$.ErrorX`, ``, `The JSONPath '$.ErrorX' specified for the field 'ErrorPath' could not be found in the input '{"Error":"E","l":[]}'`},
		{`$.l[0]`, ``, `The JSONPath '$.l[0]' specified for the field 'ErrorPath' could not be found in the input '{"Error":"E","l":[]}'`},
		{`States.UUID(1)`, ``, `The function 'States.UUID(1)' had the following error: Invalid arguments in States.UUID`},
	} {
		x, err := payload.CompilePathOrCall("ErrorPath", tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if x.String() != tt.text || (x.Path() == nil) == (x.Call() == nil) {
			t.Errorf("%s: %s, %v, %v", tt.text, x, x.Path(), x.Call())
		}
		v, err := x.Eval(newEnv(t, `{"Error":"E","l":[]}`))
		if err != nil && err.Error() != tt.fault || err == nil && value.Text(v) != tt.want {
			t.Errorf("%s = %v, %v", tt.text, v, err)
		}
	}
	if x, err := payload.CompilePathOrCall("ErrorPath", "text"); err == nil || x != nil {
		t.Errorf("a plain text was compiled: %v", err)
	}
}

func TestValidVariableName(t *testing.T) {
	for _, tt := range []struct {
		name string
		want bool
	}{
		{"x", true},
		{"größe_2", true},
		{"変数", true},
		{strings.Repeat("é", 80), true},
		{strings.Repeat("é", 81), false},
		{"", false},
		{"2x", false},
		{"_x", false},
		{"x.y", false},
		{"x-y", false},
		{"states", false},
	} {
		if got := payload.ValidVariableName(tt.name); got != tt.want {
			t.Errorf("ValidVariableName(%q) = %v", tt.name, got)
		}
	}
}

func TestFilterThatDoesNotParseFailsWhenItRuns(t *testing.T) {
	p, err := payload.CompilePath(`$.runs[?(@.status==FAILED)].id`)
	if err != nil {
		t.Fatalf("AWS creates machines with such a path: %v", err)
	}
	if _, err := p.Eval(&payload.Env{Input: value.NewObject()}); err == nil || !strings.Contains(err.Error(), "filter") {
		t.Errorf("evaluated without complaint about the filter: %v", err)
	}
	if p.Definite() || p.IsReference() || p.Root() {
		t.Error("a path with a filter is neither definite nor a reference")
	}
}
