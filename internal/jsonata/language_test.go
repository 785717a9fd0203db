package jsonata_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/jsonata"
	"github.com/tutti-run/tutti/internal/value"
)

// plain evaluates text in plain mode.
func plain(tb testing.TB, text string, input value.Value) (value.Value, error) {
	tb.Helper()
	e, err := jsonata.Compile(text)
	if err != nil {
		return nil, err
	}
	return e.Eval(input, jsonata.Bindings{})
}

const languageInput = `{"a":1,"b":[1,2,3],"s":"hello world","n":null,"e":[],"big":9007199254740993,"one":[5],"m":[[1,2],[3]],
	"items":[{"id":1,"p":10.5,"tags":["x","y"]},{"id":2,"p":3,"tags":["y"]},{"id":3,"p":7}]}`

// TestLanguage has what the conformance cases leave open, mostly about values: the answers are the reference's, save for exact integers.
func TestLanguage(t *testing.T) {
	input := mustParse(t, languageInput)
	for _, c := range []struct{ text, want string }{
		// Integers stay exact until something is calculated.
		{`big`, `9007199254740993`},
		{`$string(big)`, `"9007199254740993"`},
		{`"" & big`, `"9007199254740993"`},
		{`big = 9007199254740992`, `false`},
		{`big > 9007199254740992`, `true`},
		{`big + 0`, `9007199254740992`},
		{`3000000000000001 * 1000`, `3.000000000000001E18`},
		{`$string(3000000000000001 * 1000)`, `"3000000000000001000"`},
		{`"" & $power(2, 62)`, `"4611686018427388000"`},
		{`$string($power(2, 53))`, `"9007199254740992"`},
		{`$max([big, 1])`, `9007199254740993`},
		{`$abs(-big)`, `9007199254740993`},
		{`$number("9007199254740993")`, `9007199254740993`},
		{`[1.0, 2.50, 1e3]`, `[1,2.5,1000]`},
		{`7 / 2`, `3.5`},
		{`6 / 2`, `3`},
		{`-7 % 3`, `-1`},
		{`0.1 + 0.2`, `0.30000000000000004`},
		{`$string(0.1 + 0.2)`, `"0.3"`},
		// Undefined, null, empty.
		{`nope`, `undefined`},
		{`n`, `null`},
		{`e`, `[]`},
		{`[nope, n, e]`, `[null]`},
		{`{"x": nope, "y": n}`, `{"y":null}`},
		{`items[id > 9]`, `undefined`},
		{`$map([{}], $keys)`, `[]`},
		{`$map([{"a":1}], $keys)`, `["a"]`},
		// Sequences and singletons.
		{`items[id = 2].p`, `3`},
		{`items[id = 2].p[]`, `[3]`},
		{`one`, `[5]`},
		{`one.$`, `5`},
		{`items.tags`, `["x","y","y"]`},
		{`items.[id]`, `[[1],[2],[3]]`},
		{`m.$`, `[1,2,3]`},
		{`m[0]`, `[1,2]`},
		{`b[-1]`, `3`},
		{`b[[0, 2]]`, `[1,3]`},
		{`b[1.9]`, `2`},
		{`b[$ > 1 and $ < 3]`, `2`},
		{`($i := 1; b[$i])`, `2`},
		{`[1..3].{"n": $}`, `[{"n":1},{"n":2},{"n":3}]`},
		{`[{"a":1}][0].a`, `undefined`}, // the reference's own oddity
		{`$distinct(items.tags)`, `["x","y"]`},
		// Order of members.
		{`{"z": 1, "a": 2, "1": 3}`, `{"z":1,"a":2,"1":3}`},
		{`$merge([{"a":1,"b":2},{"a":3}])`, `{"a":3,"b":2}`},
		{`items{$string(id): p}`, `{"1":10.5,"2":3,"3":7}`},
		{`$keys(items)`, `["id","p","tags"]`},
		// Bindings on paths.
		{`items@$i.tags@$t.{"id": $i.id, "t": $t}`, `undefined`},
		{`items@$i.$i.tags.($ & $i.id)`, `["x1","y1","y2"]`},
		{`items#$k[$k > 0].id`, `[2,3]`},
		{`items.tags.{"tag": $, "id": %.id}`, `[{"tag":"x","id":1},{"tag":"y","id":1},{"tag":"y","id":2}]`},
		{`items^(>p).id`, `[1,3,2]`},
		// Functions.
		{`($f := function($x){ $x * 2 }; $f(4))`, `8`},
		{`($add := function($x, $y){ $x + $y }; $inc := $add(?, 1); $inc(4))`, `5`},
		{`($up := $uppercase ~> $trim; $up(" x "))`, `"X"`},
		{`($count := function($n, $sum){ $n = 0 ? $sum : $count($n - 1, $sum + $n) }; $count(50000, 0))`, `1250025000`},
		{`( $f := function(){ $x }; $x := 5; $f() )`, `5`},
		{`($x := 1; ($x := 2); $x)`, `1`},
		{`$eval("$sum(b)")`, `6`},
		{`($f := $eval("function($v){ $v & '!' }"); $f("hi"))`, `"hi!"`},
		{`($eval("$y := 3"); $y)`, `3`},
		// Transforms leave the original alone, and take over objects as they are.
		{`($o := {"a": {"n": 1}}; $t := $o ~> |a|{"n": n + 1}|; [$o.a.n, $t.a.n])`, `[1,2]`},
		{`{"a":1} ~> |$|{"old": $}|`, `{"a":1,"old":{"a":1}}`},
		{`{"a":{"b":{"c":1}}} ~> |**[$type($) = "object"]|{"k": $count($keys($))}|`, `{"a":{"b":{"c":1,"k":1},"k":1},"k":1}`},
		{`{"a":1,"b":2} ~> |$|{"c":3}, ["a","nope"]|`, `{"b":2,"c":3}`},
		// Regular expressions are JavaScript's.
		{`$match("ab12", /(?<=b)\d+/)`, `{"match":"12","index":2,"groups":[]}`},
		{`$match("x", /(y)?x/).groups`, `[null]`},
		{`$replace("John Smith", /(\w+)\s(\w+)/, "$2, $1")`, `"Smith, John"`},
		{`$replace("abc", /b/, function($m){ $uppercase($m.match) })`, `"aBc"`},
		{`$split("a1b22c", /\d+/)`, `["a","b","c"]`},
		{`/l+/(s).next().start`, `9`},
		// Strings count characters.
		{`$length("😀é")`, `2`},
		{`$substring("a😀b", 1, 1)`, `"😀"`},
		{`"\uD83D\uDE00"`, `"😀"`},
		{`"\uD83D" & "\uDE00"`, `"😀"`},
		{`$pad("x", -3, "ab")`, `"abx"`},
		{`$uppercase("straße ﬁ")`, `"STRASSE FI"`},
		{`$lowercase("ΟΔΟΣ")`, `"οδος"`},
		// Release 2.1.
		{`nope ?? a`, `1`},
		{`n ?? a`, `null`},
		{`e ?: a`, `1`},
	} {
		v, err := plain(t, c.text, input)
		got := show(v)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s\n got  %s\n want %s", c.text, got, c.want)
		}
	}
}

// TestFaults checks code, position, token and message of the first fault.
func TestFaults(t *testing.T) {
	input := mustParse(t, languageInput)
	for _, c := range []struct {
		text     string
		position int
		token    string
		message  string
	}{
		{``, 0, "(end)", "S0207: Unexpected end of expression"},
		{`1 +`, 3, "(end)", "S0207: Unexpected end of expression"},
		{`[1,2`, 4, "(end)", `S0203: Expected "]" before end of expression`},
		{`{"a" 1}`, 6, "1", `S0202: Expected ":", got 1`},
		{`a[1 2]`, 5, "2", `S0202: Expected "]", got 2`},
		{`"abc`, 4, "", "S0101: String literal must be terminated by a matching quote"},
		{`"\q"`, 2, "q", `S0103: Unsupported escape sequence: \"q"`},
		{`"\u12"`, 2, "", `S0104: The escape sequence \u must be followed by 4 hex digits`},
		{`1e999`, 0, "1e999", `S0102: Number out of range: "1e999"`},
		{"`abc", 4, "", "S0105: Quoted property name must be terminated with a backquote (`)"},
		{`/* abc`, 0, "", "S0106: Comment has no closing tag"},
		{`a b`, 3, "b", `S0201: Syntax error: "b"`},
		{`!a`, 1, "!", `S0204: Unknown operator: "!"`},
		{`function(x){1}`, 10, "x", "S0208: Parameter 1 of function definition must be a variable name (start with $)"},
		{`a{"b":1}{"c":1}`, 9, "", "S0210: Each step can only have one grouping expression"},
		{`(/a/)`, 2, "/", `S0211: The symbol "/" cannot be used as a unary operator`},
		{`1 := 2`, 1, "1", "S0212: The left side of := must be a variable name (start with $)"},
		{`a.5`, 3, "", "S0213: The literal value 5 cannot be used as a step within a path expression"},
		{`a@b`, 3, "@", `S0214: The right side of "@" must be a variable name (start with $)`},
		{`a[0]@$x`, 5, "", "S0215: A context variable binding must precede any predicates on a step"},
		{`a^(b)@$x`, 6, "", "S0216: A context variable binding must precede the 'order-by' clause on a step"},
		{`$match("a", //)`, 13, "", "S0301: Empty regular expressions are not allowed"},
		{`/(/`, 3, "", "S0302: No terminating / in regular expression"},
		{`/a**/`, 5, "a**", "Invalid regular expression: /a**/g: Nothing to repeat"},
		{`function($a)<n<s>>{1}`, 15, "", "S0401: Type parameters can only be applied to functions and arrays"},
		{`-"a"`, 1, "-", `D1002: Cannot negate a non-numeric value: "a"`},
		{`$f(1)`, 3, "f", "T1006: Attempted to invoke a non-function"},
		{`sum(1)`, 4, "sum", "T1005: Attempted to invoke a non-function. Did you mean $sum?"},
		{`sum(?)`, 4, "sum", "T1007: Attempted to partially apply a non-function. Did you mean $sum?"},
		{`1/0 + 1`, 5, "+", "D1001: Number out of range: null"},
		{`0/0 + 1`, 5, "+", `T2001: The left side of the "+" operator must evaluate to a number`},
		{`true and $error("x")`, 8, "and", "D3137: x"},
		{`{"a":1,"a":2}`, 1, "", `D1009: Multiple key definitions evaluate to same key: "a"`},
		{`{1:2}`, 1, "", "T1003: Key in object structure must evaluate to a string; got: 1"},
		{`[1..1e8]`, 4, "..", "D2014: The size of the sequence allocated by the range operator (..) must not exceed 1e6.  Attempted to allocate 100000000."},
		{`[1.5..2]`, 6, "..", "T2003: The left side of the range operator (..) must evaluate to an integer"},
		{`1 ~> 2`, 4, "", "T2006: The right side of the function application operator ~> must be a function"},
		{`[{"x":1},{"x":"y"}]^(x)`, 20, "", `T2007: Type mismatch when comparing values 1 and "y" in order-by clause`},
		{`true < 1`, 6, "<", `T2010: The expressions either side of operator "<" must evaluate to numeric or string values`},
		{`{} ~> |$|5|`, 10, "", "T2011: The insert/update clause of the transform expression must evaluate to an object: 5"},
		{`$string(1/0)`, 8, "string", "D3001: Attempting to invoke string function on Infinity or NaN"},
		{`$number("abc")`, 8, "number", `D3030: Unable to cast value to a number: "abc"`},
		{`$replace("a","","b")`, 9, "replace", "D3010: Second argument of replace function cannot be an empty string"},
		{`$power(10, 400)`, 7, "power", "D3061: The power function has resulted in a value that cannot be represented as a JSON number: base=10, exponent=400"},
		{`$toMillis("x")`, 10, "toMillis", `D3110: The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given "x"`},
		{`$eval("1+")`, 6, "eval", `D3120: Syntax error in expression passed to function eval: "Unexpected end of expression"`},
		{`$match("ab", /x*/)`, 7, "match", "D1004: Regular expression matches zero length string"},
		{`$contains("a", function(){ 1 })`, 10, "contains", `T1010: The matcher function argument passed to function "contains" does not return the correct object structure`},
		{`$uppercase(1)`, 11, "uppercase", `T0410: Argument 1 of function "uppercase" does not match function signature`},
		{`[1].$uppercase()`, 15, "uppercase", `T0411: Context value is not a compatible type with argument 1 of function "uppercase"`},
		{`($f := function(){ 1 + "a" }; $f())`, 33, "+", `T2002: The right side of the "+" operator must evaluate to a number`},
	} {
		v, err := plain(t, c.text, input)
		var fault *jsonata.Error
		if !errors.As(err, &fault) {
			t.Errorf("%s: no fault but %s", c.text, show(v))
			continue
		}
		if fault.Error() != c.message || fault.Position != c.position || fault.Token != c.token {
			t.Errorf("%s\n got  %d %q %s\n want %d %q %s", c.text, fault.Position, fault.Token, fault, c.position, c.token, c.message)
		}
	}
}

// TestAllFaults makes sure that one mistake does not hide the next.
func TestAllFaults(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{`[1,,2] + {"a" 1}`, []string{`4 S0211`, `15 S0202`}},
		{`$f(1 2, 3 +) & [a.5, b.6]`, []string{`6 S0202`, `12 S0211`}},
		{`[a.5, b.6, null.c]`, []string{`4 S0213`, `9 S0213`, `15 S0213`}},
		{`("\q" & "\x"; 1e999)`, []string{`3 S0103`, `10 S0103`, `14 S0102`}},
		{`{"a": , "b": 1 +, "c": }`, []string{`7 S0211`, `17 S0211`, `24 S0211`}},
		{`(a b; c d; )`, []string{`4 S0202`, `9 S0202`}},
		{`(1`, []string{`2 S0203`}},
		{`[1)`, []string{`3 S0202`}},
	} {
		_, err := jsonata.Compile(c.text)
		var faults jsonata.ErrorList
		errors.As(err, &faults)
		var got []string
		for _, fault := range faults {
			got = append(got, fmt.Sprintf("%d %s", fault.Position, fault.Code))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s\n got  %q\n want %q", c.text, got, c.want)
		}
	}
	_, err := jsonata.Compile("[" + strings.Repeat(".,", 100) + "]")
	var faults jsonata.ErrorList
	if errors.As(err, &faults); len(faults) != 20 {
		t.Errorf("%d faults are told at once", len(faults))
	}
}

// TestDepth bounds what the text itself nests.
func TestDepth(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("(", 1_000_000),
		strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000),
		"1" + strings.Repeat("+1", 200_000),
		"a" + strings.Repeat(".a", 200_000),
		strings.Repeat("-", 200_000) + "1",
		strings.Repeat("$f(", 200_000),
	} {
		_, err := jsonata.Compile(text)
		var fault *jsonata.Error
		if !errors.As(err, &fault) || fault.Class != jsonata.ClassLimit {
			t.Errorf("%.20s…: %.100v", text, err)
		}
	}
	v, err := plain(t, "1"+strings.Repeat("+1", 5000), nil)
	if err != nil || show(v) != "5001" {
		t.Errorf("5,001 terms: %s %v", show(v), err)
	}
}

func TestReferences(t *testing.T) {
	for _, c := range []struct {
		text, variables, top, fields string
	}{
		{`$x + $y.z + $sum($x)`, "x y", "", ""},
		{`($x := 1; $x + $y)`, "y", "", ""},
		{`($y; $y := 1)`, "y", "", ""},
		{`($f := function($n){ $n + $g($m) }; $g := function($n){ $f($n) }; $f(1))`, "m", "", ""},
		{`$xs@$a.ys#$i[$i > $k].($a & $i)`, "k xs", "", ""},
		{`$states.input.a & $states.context & $states`, "states", "", "input context -"},
		{`$states.result[0].x + $states."errorOutput"`, "states", "", "result errorOutput"},
		{`($states := {}; $states.input)`, "", "", ""},
		{`a + $.b + $$ + $`, "", "a $ $$ $", ""},
		{`$xs[a = 1].b^(c){d: e}`, "xs", "", ""},
		{`{"x": a, "y": [b.c, $map($xs, function($v){ d })]}`, "xs", "a b d", ""},
		{`$xs ~> |a|{"b": c}|`, "xs", "", ""},
		{`$xs.{"a": b}`, "xs", "", ""},
		{`$xs[$$.a]`, "xs", "$$", ""},
	} {
		e, err := jsonata.Compile(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		names := func(refs []jsonata.Reference) string {
			var list []string
			for _, ref := range refs {
				if ref.Name == "" {
					ref.Name = "-"
				}
				list = append(list, ref.Name)
			}
			return strings.Join(list, " ")
		}
		if got := strings.Join(e.Variables(), " "); got != c.variables {
			t.Errorf("%s: variables %q, want %q", c.text, got, c.variables)
		}
		if got := names(e.TopReferences()); got != c.top {
			t.Errorf("%s: top %q, want %q", c.text, got, c.top)
		}
		if got := names(e.Fields("states")); got != c.fields {
			t.Errorf("%s: fields %q, want %q", c.text, got, c.fields)
		}
	}
	e, err := jsonata.Compile(`"é😀" & $states.input`)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Fields("states")[0].Position; got != 21 {
		t.Errorf("position %d, want 21", got)
	}
}

// TestMember makes sure that no more of an object is built than an expression reads.
func TestMember(t *testing.T) {
	whole := mustParse(t, `{"input":{"xs":[{"v":1},{"v":2}]},"context":7}`).(*value.Object)
	for _, c := range []struct{ text, want, asked string }{
		{`$states.input.xs.v`, `[1,2]`, "input"},
		{`$states.input.xs[v > 1].v & $states.input.xs[0].v`, `"21"`, "input"},
		{`$states.context + $states.context`, `14`, "context"},
		{`$states.input{"n": $count(xs)}`, `{"n":2}`, "input"},
		{`$keys($states)`, `["input","context"]`, "whole"},
		{`($s := $states; $s.context)`, `7`, "whole"},
		{`$states.nope`, `undefined`, "nope"},
		{`$map([1,2], function($i){ $states.context + $i })`, `[8,9]`, "context"},
	} {
		var asked []string
		b := jsonata.Bindings{
			Member: func(name, field string) (value.Value, bool) {
				asked = append(asked, field)
				v, _ := whole.Get(field)
				return v, name == "states"
			},
			Variable: func(name string) (value.Value, bool) {
				if name != "states" {
					return nil, false
				}
				asked = append(asked, "whole")
				return whole, true
			},
		}
		e, err := jsonata.Compile(c.text)
		if err != nil {
			t.Fatal(err)
		}
		v, err := e.Eval(nil, b)
		if err != nil || show(v) != c.want || strings.Join(slices.Compact(asked), " ") != c.asked {
			t.Errorf("%s: %s %v, asked for %q", c.text, show(v), err, asked)
		}
	}
}

func TestVariablesHideFunctions(t *testing.T) {
	e, err := jsonata.Compile(`[$count, $sum([1, 2])]`)
	if err != nil {
		t.Fatal(err)
	}
	v, err := e.Eval(nil, jsonata.Bindings{Variable: func(name string) (value.Value, bool) {
		return value.String("mine"), name == "count"
	}})
	if err != nil || show(v) != `["mine",3]` {
		t.Errorf("%s %v", show(v), err)
	}
}

// TestContext ends an endless evaluation from outside.
func TestContext(t *testing.T) {
	e, err := jsonata.Compile(`($f := function(){ $f() }; $f())`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = e.Eval(nil, jsonata.Bindings{Context: ctx})
	var fault *jsonata.Error
	if !errors.As(err, &fault) || fault.Class != jsonata.ClassLimit {
		t.Errorf("%v", err)
	}
}

// TestShared evaluates one expression in many goroutines.
func TestShared(t *testing.T) {
	e, err := jsonata.Compile(`($f := function($n){ $n = 0 ? 0 : $n + $f($n - 1) }; {"sum": $f(n), "now": $fromMillis(0, "[Y]"), "m": $match(s, /(.)b/).groups})`)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			input := mustParse(t, fmt.Sprintf(`{"n":%d,"s":"ab"}`, i))
			want := fmt.Sprintf(`{"sum":%d,"now":"1970","m":["a"]}`, i*(i+1)/2)
			for range 200 {
				if v, err := e.Eval(input, jsonata.Bindings{}); err != nil || show(v) != want {
					t.Errorf("%s %v, want %s", show(v), err, want)
					return
				}
			}
		})
	}
	all.Wait()
}

// TestInputIsNotChanged evaluates what could reach back into its input.
func TestInputIsNotChanged(t *testing.T) {
	input := mustParse(t, languageInput)
	before := value.Text(input)
	for _, text := range []string{`$ ~> |items|{"id": 0}, "p"|`, `$sort(b, function($x, $y){ $x < $y })`, `items^(>p)`, `$append(b, 4)`, `$reverse(b)`, `b[]`, `$shuffle(b)`} {
		if _, err := plain(t, text, input); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if after := value.Text(input); after != before {
			t.Fatalf("%s made the input %s", text, after)
		}
	}
}

func TestNowIsOneMoment(t *testing.T) {
	v, err := plain(t, `[1..2000].$millis() ~> $distinct() ~> $count()`, nil)
	if err != nil || show(v) != "1" {
		t.Errorf("%s moments, %v", show(v), err)
	}
	e, err := jsonata.Compile(`$now("[Y0001]-[M01]-[D01] [H01]:[m01] [z]", "+0530")`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Eval(nil, jsonata.Bindings{Now: time.Date(2024, 2, 29, 20, 0, 0, 0, time.UTC)})
	if want := `"2024-03-01 01:30 GMT+05:30"`; err != nil || show(got) != want {
		t.Errorf("got %s %v, want %s", show(got), err, want)
	}
}
