package payload_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/value"
)

// parse reads a JSON text that the test itself wrote.
func parse(tb testing.TB, text string) value.Value {
	tb.Helper()
	v, err := value.Parse(text)
	if err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return v
}

// newEnv is an execution with the input, one variable x = {"n":1,"s":"é"} and a small Context object.
func newEnv(tb testing.TB, input string) *payload.Env {
	tb.Helper()
	x := parse(tb, `{"n":1,"s":"é"}`)
	return &payload.Env{
		Input:     parse(tb, input),
		InputText: func() string { return input },
		Context: func() value.Value {
			return parse(tb, `{"Execution":{"Id":"arn:run","Input":{"a":1}},"StateMachine":{"Id":"arn:machine","Name":"orders"}}`)
		},
		Variable: func(name string) (value.Value, bool) { return x, name == "x" },
		Chance:   payload.NewChance("arn:run", 2),
	}
}

// input is what the expressions of TestCall read.
const input = `{"s":"a,b;c","n":3,"f":2.6,"neg":-0.6,"nul":null,"t":true,"e":[],"a":[10,20,30,40],"m":{"Arg1":1,"Arg2":[]},"big":2147483647,` +
	`"long":9223372036854775807,"list":["x",null,{"k":"v"}],"tpl":"Hi {} \\{{}\\}","json":" {\"b\": [1.0]} ","text":"\"x\""}`

func TestCall(t *testing.T) {
	for _, tt := range []struct{ call, want string }{
		{`States.Format('{} and {}', $.s, $.n)`, `"a,b;c and 3"`},
		{`States.Format('{}{}{}{}', $.nul, $.t, $.f, $.long)`, `"nulltrue2.69223372036854775807"`},
		{`States.Format('{} {}', $.m, $.list)`, `"{Arg1=1, Arg2=[]} [x, null, {k=v}]"`},
		{`States.Format('{}', $$.StateMachine)`, `"{Id=arn:machine, Name=orders}"`},
		{`States.Format('it\'s \{\} \\ {}', 1)`, `"it's {} \\ 1"`},
		{`States.Format('\\{}', 1)`, `"\\1"`},
		{`States.Format($.tpl, 1, 2)`, `"Hi 1 {2}"`},
		{`States.Format('plain')`, `"plain"`},
		{`States.Format('')`, `""`},
		{`States.Format(7)`, `"7"`},
		{"States.Format('two\nlines {}', '{}')", `"two\nlines {}"`},
		{`States.Format('{}', States.StringToJson($.text))`, `"\"x\""`},
		{`States.StringToJson($.json)`, `{"b":[1.0]}`},
		{`States.StringToJson('{"a": "b"}')`, `{"a":"b"}`},
		{`States.StringToJson(' ')`, `null`},
		{`States.StringToJson('-0')`, `0`},
		{`States.JsonToString($.list)`, `"[\"x\",null,{\"k\":\"v\"}]"`},
		{`States.JsonToString($.nul)`, `"null"`},
		{`States.Array()`, `[]`},
		{`States.Array('a', -1.50, null, true, $.m, States.Array(1))`, `["a",-1.5,null,true,{"Arg1":1,"Arg2":[]},[1]]`},
		{`States.ArrayPartition($.a, 3)`, `[[10,20,30],[40]]`},
		{`States.ArrayPartition($.a, $.f)`, `[[10,20],[30,40]]`},
		{`States.ArrayPartition($.a, $.big)`, `[[10,20,30,40]]`},
		{`States.ArrayPartition($.e, 1)`, `[]`},
		{`States.ArrayContains($.a, 20)`, `true`},
		{`States.ArrayContains($.a, '20')`, `true`},
		{`States.ArrayContains($.a, 2)`, `false`},
		{`States.ArrayContains($.list, null)`, `true`},
		{`States.ArrayContains(States.Array($.m), $.m)`, `true`},
		{`States.ArrayContains(States.Array('true'), true)`, `true`},
		{`States.ArrayContains($.e, $.e)`, `false`},
		{`States.ArrayRange(0, 10, 3)`, `[0,3,6,9]`},
		{`States.ArrayRange(5, 1, -2)`, `[5,3,1]`},
		{`States.ArrayRange(3, 3, -1)`, `[3]`},
		{`States.ArrayRange(5, 1, 1)`, `[]`},
		{`States.ArrayRange(1, 5, -7)`, `[]`},
		{`States.ArrayRange(5.4, $.neg, -2.4)`, `[5,3,1]`},
		{`States.ArrayRange(1.6, 1.4, 1)`, `[1]`},
		{`States.ArrayLength(States.ArrayRange(1000, 1, -1))`, `1000`},
		{`States.ArrayGetItem($.a, 0)`, `10`},
		{`States.ArrayGetItem($.a, 1.9)`, `20`},
		{`States.ArrayGetItem($.e, 999)`, `null`},
		{`States.ArrayLength($.e)`, `0`},
		{`States.ArrayUnique(States.Array(1, 2, 2, 3, 3, 4))`, `[1,2,3,4]`},
		{`States.ArrayUnique(States.Array(true, false, true))`, `[false,true]`},
		{`States.ArrayUnique(States.Array(States.Array(1, 2), States.Array(2, 1), States.Array(1, 2)))`, `[[2,1],[1,2]]`},
		{`States.ArrayUnique(States.Array(null, 1, null))`, `[null,1]`},
		{`States.ArrayUnique(States.Array(1, '1', 1, '01'))`, `[1,"1","01"]`},
		{`States.ArrayUnique(States.Array(States.StringToJson('{"a":1,"b":2}'), States.StringToJson('{"b":2,"a":1}')))`, `[{"a":1,"b":2}]`},
		{`States.ArrayUnique($.e)`, `[]`},
		{`States.Base64Encode('Data to encode')`, `"RGF0YSB0byBlbmNvZGU="`},
		{`States.Base64Encode($x.s)`, `"w6k="`},
		{`States.Base64Decode('RGF0YSB0byBlbmNvZGU=')`, `"Data to encode"`},
		{`States.Base64Decode('')`, `""`},
		{`States.Base64Decode('abc')`, `"i�"`},
		{`States.Base64Decode(' YWJjZA== ')`, `"abcd"`},
		{`States.Base64Decode('!YW\'Jj!')`, `"abc"`},
		{`States.Base64Decode('YWI=YWI=')`, `"ab"`},
		{`States.Base64Decode('4p-T')`, `"⟓"`},
		{`States.Hash('input data', 'MD5')`, `"812f45842bc6d66ee14572ce20db8e86"`},
		{`States.Hash('input data', 'SHA-1')`, `"aaff4a450a104cd177d28d18d74485e8cae074b7"`},
		{`States.Hash('input data', 'SHA-256')`, `"b4a697a057313163aee33cd8d40c66e9f0f177e00cac2de32475ffff6169c3e3"`},
		{`States.Hash('', 'SHA-384')`, `"38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b"`},
		{`States.Hash(States.Array(), 'SHA-512')`, `"` + sha512OfBrackets + `"`},
		{`States.JsonMerge($.m, $x, false)`, `{"Arg2":[],"s":"é","Arg1":1,"n":1}`},
		{`States.JsonMerge(States.StringToJson('{"a":{"x":1},"b":2,"d":3}'), States.StringToJson('{"a":{"y":1},"c":3,"d":4}'), 'no')`, `{"a":{"y":1},"b":2,"c":3,"d":4}`},
		{`States.MathRandom(0, 999, 42)`, `125`},
		{`States.MathRandom(0, 999, -10)`, `144`},
		{`States.MathRandom(1.9, 2.9, 3)`, `1`},
		{`States.MathAdd(5, -8)`, `-3`},
		{`States.MathAdd(1.49, 1.5)`, `3`},
		{`States.MathAdd(1.5, 1.51)`, `4`},
		{`States.MathAdd(-1.5, 0)`, `-1`},
		{`States.MathAdd(-1.51, 0)`, `-2`},
		{`States.MathAdd(0.49999999999999994, 0)`, `0`},
		{`States.MathAdd($.big, 0)`, `2147483647`},
		{`States.MathAdd($x.n, $.n)`, `4`},
		{`States.StringSplit($.s, ';,')`, `["a","b","c"]`},
		{`States.StringSplit(',,,,', ',')`, `[]`},
		{`States.StringSplit('', ',')`, `[]`},
		{`States.StringSplit('abc', '')`, `["abc"]`},
		{`States.StringSplit('aébéc', 'é')`, `["a","b","c"]`},
		{"\tStates.UUID()", `!"" is not an intrinsic function (at offset 0)`},
		{"States.ArrayGetItem( States.Array( 'a' , 'b' ) ,1 )  ", `"b"`},
	} {
		c, err := payload.CompileCall(tt.call)
		if err != nil {
			if "!"+err.Error() != tt.want {
				t.Errorf("%s: %v", tt.call, err)
			}
			continue
		}
		got, err := c.Eval(newEnv(t, input))
		if err != nil {
			t.Errorf("%s: %v", tt.call, err)
			continue
		}
		if text := value.Text(got); text != tt.want {
			t.Errorf("%s = %s, want %s", tt.call, text, tt.want)
		}
	}
}

const sha512OfBrackets = "b25b294cb4deb69ea00a4c3cf3113904801b6015e5956bd019a8570b1fe1d6040e944ef3cdee16d0a46503ca6e659a25f21cf9ceddc13f352a3c98138c15d6af"

func TestCallFails(t *testing.T) {
	long := `{"long":"` + strings.Repeat("é", 10_001) + `"}`
	for _, tt := range []struct{ call, message string }{
		{`States.Format('{}', $.nope)`, `The JsonPath argument for the field '$.nope' could not be found in the input '` + input + `'`},
		{`States.Format('{}', States.Format('{}', $$.A))`, `The JsonPath argument for the field '$.A' could not be found in the input '` + input + `'`},
		{`States.Array($.a[4])`, `The JsonPath argument for the field '$.a[4]' could not be found in the input '` + input + `'`},
		{`States.Array($x.y)`, `The JsonPath argument for the field '$x.y' could not be found in the input '` + input + `'`},
		{`States.Array($y)`, `The JsonPath argument for the field '$y' could not be found in the input '` + input + `'`},
		{`States.Format()`, `Invalid arguments in States.Format`},
		{`States.Format('{} {}', 1)`, `Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.`},
		{`States.Format('{}', 1, 2)`, `Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.`},
		{`States.Format(123, 1)`, `Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.`},
		{`States.Format('Hello {', 1)`, `Invalid template in States.Format: matching '}' not found for '{'.`},
		{`States.Format('Hello {{}}', 1)`, `Invalid template in States.Format: matching '}' not found for '{'.`},
		{`States.Format('}')`, `Invalid template in States.Format: matching '{' not found for '}'.`},
		{`States.StringToJson('{bad}')`, `Invalid arguments in States.StringToJson`},
		{`States.StringToJson(1)`, `Invalid arguments in States.StringToJson`},
		{`States.StringToJson('1', '2')`, `Invalid arguments in States.StringToJson`},
		{`States.JsonToString()`, `Invalid arguments in States.JsonToString`},
		{`States.ArrayPartition($.a, 0.9)`, `Invalid arguments in States.ArrayPartition`},
		{`States.ArrayPartition($.a, -1)`, `Invalid arguments in States.ArrayPartition`},
		{`States.ArrayPartition('a', 1)`, `Invalid arguments in States.ArrayPartition`},
		{`States.ArrayPartition($.a, '2')`, `Invalid arguments in States.ArrayPartition`},
		{`States.ArrayContains('a', 'a')`, `Invalid arguments in States.ArrayContains`},
		{`States.ArrayContains($.a)`, `Invalid arguments in States.ArrayContains`},
		{`States.ArrayRange(1, 1001, 1)`, `Invalid arguments in States.ArrayRange`},
		{`States.ArrayRange(1, 10, 0.49)`, `Invalid arguments in States.ArrayRange`},
		{`States.ArrayRange(-2147483648, 2147483647, 1)`, `Invalid arguments in States.ArrayRange`},
		{`States.ArrayRange('a', 1, 1)`, `Invalid arguments in States.ArrayRange`},
		{`States.ArrayGetItem($.a, 4)`, `Invalid arguments in States.ArrayGetItem`},
		{`States.ArrayGetItem($.a, -1)`, `Invalid arguments in States.ArrayGetItem`},
		{`States.ArrayGetItem($.a, '1')`, `Invalid arguments in States.ArrayGetItem`},
		{`States.ArrayLength('abc')`, `Invalid arguments in States.ArrayLength`},
		{`States.ArrayUnique($.m)`, `Invalid arguments in States.ArrayUnique`},
		{`States.Base64Encode(1)`, `Invalid arguments in States.Base64Encode`},
		{`States.Base64Encode($.long)`, `Invalid arguments in States.Base64Encode`},
		{`States.Base64Decode($.long)`, `Invalid arguments in States.Base64Decode`},
		{`States.Base64Decode(123)`, `Invalid arguments in States.Base64Decode`},
		{`States.Hash($.long, 'MD5')`, `Invalid arguments in States.Hash`},
		{`States.Hash('a', 'SHA256')`, `Invalid arguments in States.Hash`},
		{`States.Hash('a', 1)`, `Invalid arguments in States.Hash`},
		{`States.JsonMerge($.m, $.m, true)`, `Invalid arguments in States.JsonMerge`},
		{`States.JsonMerge($.m, $.a, false)`, `Invalid arguments in States.JsonMerge`},
		{`States.JsonMerge($.m, $.m)`, `Invalid arguments in States.JsonMerge`},
		{`States.MathRandom(1, 1)`, `Invalid arguments in States.MathRandom`},
		{`States.MathRandom(1.4, 1.6)`, `Invalid arguments in States.MathRandom`},
		{`States.MathRandom(1, 10, null)`, `Invalid arguments in States.MathRandom`},
		{`States.MathRandom(1, 10, 5, 9)`, `Invalid arguments in States.MathRandom`},
		{`States.MathAdd($.big, 1)`, `Invalid arguments in States.MathAdd`},
		{`States.MathAdd(3000000000, 1)`, `Invalid arguments in States.MathAdd`},
		{`States.MathAdd(99999999999999999999, 1)`, `Invalid arguments in States.MathAdd`},
		{`States.MathAdd('1', 2)`, `Invalid arguments in States.MathAdd`},
		{`States.StringSplit(null, ',')`, `Invalid arguments in States.StringSplit`},
		{`States.StringSplit('a', 1)`, `Invalid arguments in States.StringSplit`},
		{`States.UUID(1)`, `Invalid arguments in States.UUID`},
	} {
		c, err := payload.CompileCall(tt.call)
		if err != nil {
			t.Errorf("%s: %v", tt.call, err)
			continue
		}
		in := input
		if strings.Contains(tt.call, "$.long") {
			in = long
		}
		v, err := c.Eval(newEnv(t, in))
		var failed *payload.CallError
		if !errors.As(err, &failed) {
			t.Errorf("%s = %v, %v, want a CallError", tt.call, v, err)
			continue
		}
		want := "The function '" + tt.call + "' had the following error: " + tt.message
		if failed.Error() != want || failed.ErrorName() != "States.Runtime" {
			t.Errorf("%s:\n got %s: %v\nwant %s", tt.call, failed.ErrorName(), failed, want)
		}
	}
}

// Each function of the table can be called, once, and refuses numbers of arguments that it does not take.
func TestFunctionTable(t *testing.T) {
	names := payload.Functions()
	if len(names) != 18 {
		t.Errorf("%d functions, the guide has 18", len(names))
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			t.Errorf("%s stands twice", name)
		}
		seen[name] = true
		c, err := payload.CompileCall(name + "()")
		if err != nil {
			t.Errorf("%s(): %v", name, err)
			continue
		}
		if c.Function() != name {
			t.Errorf("%s().Function() = %s", name, c.Function())
		}
		_, err = c.Eval(newEnv(t, `{}`))
		if none := name == "States.Array" || name == "States.UUID"; none != (err == nil) {
			t.Errorf("%s() without arguments: %v", name, err)
		}
		many, err := payload.CompileCall(name + "('{}{}{}{}{}', 1, 2, 3, 4, 5)")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, err = many.Eval(newEnv(t, `{}`))
		if unbounded := name == "States.Array" || name == "States.Format"; unbounded != (err == nil) {
			t.Errorf("%s with six arguments: %v", name, err)
		}
	}
}

// A call that repeats a large argument ends in an error, not in gigabytes of text.
func TestCallBoundsTexts(t *testing.T) {
	large := `{"s":"` + strings.Repeat("x", 200_000) + `"}`
	repeat := func(what string) string { return strings.TrimSuffix(strings.Repeat(what+", ", 25), ", ") }
	nested := "States.Array(" + repeat("States.Array("+repeat("States.Array("+repeat("$.s")+")")+")") + ")"
	for _, call := range []string{
		"States.Format('" + strings.Repeat("{}", 25) + "', " + repeat("$.s") + ")",
		"States.Format('{}', " + nested + ")",
		"States.JsonToString(" + nested + ")",
		"States.ArrayUnique(" + nested + ")",
		"States.Hash(" + nested + ", 'MD5')",
		"States.ArrayContains(" + nested + ", 1)",
	} {
		c, err := payload.CompileCall(call)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Eval(newEnv(t, large)); err == nil {
			t.Errorf("%.60s...: no error", call)
		}
	}
}

func TestCompileCallRefuses(t *testing.T) {
	ten := strings.Repeat("States.Array(", 10) + strings.Repeat(")", 10)
	if _, err := payload.CompileCall(ten); err != nil {
		t.Errorf("ten nested calls: %v", err)
	}
	for _, tt := range []struct {
		call    string
		offset  int
		message string
	}{
		{``, 0, "not an intrinsic function"},
		{`$.a`, 0, "not an intrinsic function"},
		{` States.UUID()`, 0, "not an intrinsic function"},
		{`States.Xyz($.a)`, 0, `"States.Xyz" is not`},
		{`JsonToString($)`, 0, "not an intrinsic function"},
		{`States.Array(Foo($.a))`, 13, `"Foo" is not`},
		{`States.JsonToString $.a)`, 20, "expected '('"},
		{`States.JsonToString($`, 21, "expected ',' or ')'"},
		{`States.Array(1 2)`, 15, "expected ',' or ')'"},
		{`States.Array(1,)`, 15, "expected a string"},
		{`States.Array(,1)`, 13, "expected a string"},
		{`States.Array("a")`, 13, "expected a string"},
		{`States.Array('a)`, 13, "closing quote"},
		{`States.Format('He said, \"Hello\"')`, 24, "backslash"},
		{`States.Base64Decode('YWJj\nZA==')`, 25, "backslash"},
		{`States.Array('a\`, 15, "backslash"},
		{`States.Array(01)`, 13, "not a number"},
		{`States.Array(1e999)`, 13, "not a number"},
		{`States.Array($.a b)`, 15, "bracket notion"},
		{`States.Array(é)`, 13, "expected a string"},
		{`States.Array($.a(")`, 19, "expected ',' or ')'"},
		{`States.UUID() x`, 14, "behind the call"},
		{"States.Array(" + ten + ")", 13 * 10, "deeper than 10"},
	} {
		_, err := payload.CompileCall(tt.call)
		var syntax *payload.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%q: %v, want a SyntaxError", tt.call, err)
			continue
		}
		if syntax.Offset != tt.offset || !strings.Contains(syntax.Message, tt.message) {
			t.Errorf("%q: %v, want %q at %d", tt.call, syntax, tt.message, tt.offset)
		}
	}
}

// A path in a call ends at the comma or parenthesis that is not its own.
func TestCallFindsPaths(t *testing.T) {
	const items = `{"items":[{"k":"a,)","v":1},{"k":"b'(","v":2}],"o":{"c,d":3}}`
	for _, tt := range []struct{ call, want string }{
		{`States.ArrayGetItem($.items[?(@.k == 'a,)')].v, 0)`, `1`},
		{`States.ArrayGetItem($.items[?(@.k == 'b\'(')].v, 0)`, `2`},
		{`States.ArrayGetItem($.items[?(@.k =~ /.*[)(]/)].v, 1)`, `2`},
		{`States.Array($['o']['c,d'] , $.items.length())`, `[3,2]`},
		{`States.Array($, $)`, `[` + items + `,` + items + `]`},
	} {
		c, err := payload.CompileCall(tt.call)
		if err != nil {
			t.Errorf("%s: %v", tt.call, err)
			continue
		}
		got, err := c.Eval(newEnv(t, items))
		if err != nil || value.Text(got) != tt.want {
			t.Errorf("%s = %v, %v, want %s", tt.call, got, err, tt.want)
		}
	}
}

func TestCallVariables(t *testing.T) {
	c, err := payload.CompileCall(`States.Format('{}{}{}', $b.x, States.Array($a, $.c, $$.d), $b)`)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.Variables(), " "); got != "b a" {
		t.Errorf("Variables = %s", got)
	}
}

func FuzzCompileCall(f *testing.F) {
	for _, seed := range []string{
		`States.Format('{}-{}', $.a, States.UUID())`, `States.Array('\'\\', -1.5e3, null, true, $$.Execution.Id, $x.s)`,
		`States.ArrayGetItem($.a[?(@.k == 'a,)')], 0)`, `States.ArrayRange(-2147483648, 2147483647, 2147483647)`,
		`States.JsonMerge($, $x, false)`, `States.Base64Decode('!!!')`, `States.MathRandom(0, 999, 3)`, `States.Hash($, 'SHA-1')`,
		`States.ArrayUnique(States.Array(1, '1', $))`, `States.ArrayPartition($.a, 2)`, `States.StringSplit('a,b', ',')`,
		`States.MathAdd(1.5, -1.5)`, `States.StringToJson('{"a":[]}')`, `States.Format('\{`, `States.Array($.a[`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := payload.CompileCall(text)
		if err != nil {
			var syntax *payload.SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(text) {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		if c.String() != text {
			t.Fatalf("%q became %q", text, c)
		}
		first, err := c.Eval(newEnv(t, `{"a":[1,"b",{"k":2}]}`))
		if err != nil {
			var failed *payload.CallError
			if !errors.As(err, &failed) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if !json.Valid([]byte(value.Text(first))) {
			t.Fatalf("%q = %s", text, value.Text(first))
		}
		if again, err := c.Eval(newEnv(t, `{"a":[1,"b",{"k":2}]}`)); err != nil || !value.Equal(first, again) {
			t.Fatalf("%q = %s, then %v, %v", text, value.Text(first), again, err)
		}
	})
}
