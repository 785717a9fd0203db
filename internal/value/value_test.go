package value_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/value"
)

func ExampleParse() {
	v, err := value.Parse(`{"id": 9223372036854775807, "tags": ["b", "a"], "ratio": 1e2}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(value.Text(v))
	// Output: {"id":9223372036854775807,"tags":["b","a"],"ratio":100.0}
}

func ExampleData() {
	untouched, _ := value.ParseData(`[1, 2]`)
	fmt.Println(untouched.Text(), value.Text(untouched.Value()))
	// Output: [1, 2] [1,2]
}

func TestText(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{` null `, `null`},
		{`[]`, `[]`},
		{`{"b":1,"a":2,"b":3}`, `{"b":3,"a":2}`},
		{`-0`, `0`},
		{`-0.0`, `-0.0`},
		{`1.0`, `1.0`},
		{`1e2`, `100.0`},
		{`1e7`, `1.0E7`},
		{`12345678.9`, `1.23456789E7`},
		{`0.001`, `0.001`},
		{`0.0001`, `1.0E-4`},
		{`-1e-10`, `-1.0E-10`},
		{`9223372036854775807`, `9223372036854775807`},
		{`9223372036854775808`, `9223372036854775808`},
		{`-9223372036854775809`, `-9223372036854775809`},
		{`"\u0001\u001f\b\f\n\r\t\"\\\/"`, `"\u0001\u001F\b\f\n\r\t\"\\/"`},
		{`"\ud83d\ude00é"`, `"😀é"`},
		{`"\ud83dx"`, `"` + "\uFFFD" + `x"`},
	} {
		v, err := value.Parse(tt.in)
		if err != nil {
			t.Errorf("Parse(%s): %v", tt.in, err)
			continue
		}
		if got := value.Text(v); got != tt.want {
			t.Errorf("Text(Parse(%s)) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		in           string
		line, column int
		message      string
	}{
		{``, 1, 1, "end-of-input"},
		{"{\n  \"a\": nope}", 2, 8, "Unrecognized token 'nope'"},
		{`{"a" 1}`, 1, 6, "colon"},
		{`{"a":1,}`, 1, 8, "double-quote"},
		{`[1,]`, 1, 4, "expected a value"},
		{`[1 2]`, 1, 4, "comma"},
		{`{} {}`, 1, 4, "after the end"},
		{`01`, 1, 1, "Leading zeroes"},
		{`1.`, 1, 3, "after the decimal point"},
		{`-`, 1, 2, "minus"},
		{`1e999`, 1, 1, "out of range"},
		{"\"a\nb\"", 1, 3, "CTRL-CHAR"},
		{`"é\x"`, 1, 3, "escape"},
		{`"\u12`, 1, 6, "end-of-input"},
		{`"abc`, 1, 5, "closing quote"},
		{"[\"a\xff\"]", 1, 4, "Invalid UTF-8"},
		{strings.Repeat("[", value.MaxDepth+1), 1, value.MaxDepth + 1, "nesting depth"},
	} {
		_, err := value.Parse(tt.in)
		var syntax *value.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("Parse(%.40q) = %v, want a SyntaxError", tt.in, err)
			continue
		}
		if syntax.Line != tt.line || syntax.Column != tt.column || !strings.Contains(syntax.Message, tt.message) {
			t.Errorf("Parse(%.40q) = %v, want line %d, column %d, %q", tt.in, err, tt.line, tt.column, tt.message)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{`1`, `1.0`, true},
		{`0`, `-0.0`, true},
		{`9223372036854775807`, `9223372036854775808`, false},
		{`9223372036854775808`, `9223372036854775808.0`, true},
		{`{"a":1,"b":[true]}`, `{"b":[true],"a":1.0}`, true},
		{`{"a":1}`, `{"a":1,"b":2}`, false},
		{`[1]`, `{"a":1}`, false},
		{`"1"`, `1`, false},
		{`null`, `null`, true},
		{`null`, `[]`, false},
		{`false`, `0`, false},
	} {
		a, errA := value.Parse(tt.a)
		b, errB := value.Parse(tt.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if value.Equal(a, b) != tt.want || value.Equal(b, a) != tt.want {
			t.Errorf("Equal(%s, %s) = %v", tt.a, tt.b, !tt.want)
		}
	}
}

func TestObject(t *testing.T) {
	for _, size := range []int{1, 3, 11, 12, 40} {
		o := value.NewObject()
		for i := range size {
			o = o.With(fmt.Sprint("k", i), value.Int(i))
		}
		changed := o.With("k0", value.Bool(true))
		if v, _ := o.Get("k0"); v != value.Int(0) {
			t.Errorf("size %d: With changed its receiver: %v", size, v)
		}
		if v, _ := changed.Get("k0"); v != value.Bool(true) || changed.Len() != size || changed.At(0).Name != "k0" {
			t.Errorf("size %d: With = %s", size, value.Text(changed))
		}
		if _, ok := o.Get("nope"); ok {
			t.Errorf("size %d: found a member that is not there", size)
		}
		n := 0
		for name, v := range o.All() {
			if name != fmt.Sprint("k", n) || v != value.Int(n) {
				t.Errorf("size %d: member %d is %s: %v", size, n, name, v)
			}
			n++
		}
	}
}

func TestInteger(t *testing.T) {
	for _, tt := range []struct {
		in   value.Value
		want int64
		ok   bool
	}{
		{value.Int(7), 7, true},
		{value.Float(7), 7, true},
		{value.Float(7.5), 0, false},
		{value.Float(math.MaxFloat64), 0, false},
		{value.Float(math.NaN()), 0, false},
		{value.String("7"), 0, false},
	} {
		if got, ok := value.Integer(tt.in); got != tt.want || ok != tt.ok {
			t.Errorf("Integer(%v) = %d, %v", tt.in, got, ok)
		}
	}
}

func TestJoinArrayKeepsTexts(t *testing.T) {
	a, _ := value.ParseData(`{"a": 1}`)
	joined := value.JoinArray([]*value.Data{a, value.NewData(value.String("x"))})
	if got, want := joined.Text(), `[{"a": 1},"x"]`; got != want {
		t.Errorf("JoinArray = %s, want %s", got, want)
	}
	if got := value.JoinArray(nil).Text(); got != `[]` {
		t.Errorf("JoinArray of nothing = %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,"x",null,true]}`, `"\ud83d\ude00"`, `[[[`, `1e5`, `-0`, "\"\xff\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := value.Parse(text)
		if err != nil {
			return
		}
		printed := value.Text(v)
		again, err := value.Parse(printed)
		if err != nil {
			t.Fatalf("Text(%q) = %q does not parse: %v", text, printed, err)
		}
		if !value.Equal(v, again) || value.Text(again) != printed {
			t.Fatalf("%q printed as %q reads as %q", text, printed, value.Text(again))
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := `{"endpoints":[` + strings.Repeat(`{"name":"api","url":"https://example.com/health","expectedStatus":200,"ratio":0.5},`, 50) + `null]}`
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := value.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
