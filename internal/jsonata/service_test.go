package jsonata_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/jsonata"
	"github.com/tutti-run/tutti/internal/value"
)

// outcome evaluates text in the service's dialect: the result as JSON, "undefined", or the fault.
func outcome(text string, options ...jsonata.Option) string {
	e, err := jsonata.Compile(text, append([]jsonata.Option{jsonata.StepFunctions()}, options...)...)
	if err != nil {
		return err.Error()
	}
	v, err := e.Eval(nil, jsonata.Bindings{Now: time.UnixMilli(1700000000123)})
	if err != nil {
		return err.Error()
	}
	return show(v)
}

// TestService holds the dialect to what has been measured on the service (specification, sections 4 to 6).
func TestService(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		// Numbers on their way out.
		{`9223372036854775807`, `9223372036854775807`},
		{`9223372036854775808`, `9.223372036854776E18`},
		{`1.0`, `1`},
		{`1e2`, `100`},
		{`-0`, `0`},
		{`1/0`, `"Infinity"`},
		{`-1/0`, `"-Infinity"`},
		{`0/0`, `"NaN"`},
		{`[1/0]`, `["Infinity"]`},
		{`$parseInteger("abc", "0")`, `"NaN"`},
		{`$string(1e20)`, `"100000000000000000000"`},
		{`$string(1e21)`, `"1e+21"`},
		{`$string(1e-7)`, `"1e-7"`},
		{`$string(1/3)`, `"0.333333333333333"`},
		{`$string(9007199254740993)`, `"9007199254740993"`},
		{`$string(9223372036854775808)`, `"9223372036854776000"`},
		{`$count(null)`, `1`},
		{`$exists(null)`, `true`},
		{`$type(null)`, `"null"`},
		// Faults.
		{`$randomSeeded(1)`, `T1006: Attempted to invoke a non-function`},
		{`$eval("1+1")`, `T1006: Attempted to invoke a non-function`},
		{`(function(){ $nope() })()`, `T1006: Attempted to invoke a non-function`},
		{`$each('x', function($v){$v})`, `T0410: Argument 1 of function "each" does not match function signature`},
		{`$sum(['a'])`, `T0412: Argument 1 of function "sum" must be an array of "numbers"`},
		{`1 + {}`, `T2002: The right side of the "+" operator must evaluate to a number`},
		{`1 < 'a'`, `T2009: The values 1 and "a" either side of operator "<" must be of the same data type`},
		{`$split('a','b',-1)`, `D3020: Third argument of split function must evaluate to a positive number`},
		{`$sqrt(-1)`, `D3060: The sqrt function cannot be applied to a negative number: -1`},
		{`$reduce([1,2], function($a){$a})`, `D3050: The second argument of reduce function must be a function with at least two arguments`},
		{`$single([1,2], function($x){true})`, `D3138: The $single() function expected exactly 1 matching result.  Instead it matched more.`},
		{`$formatNumber(1,"x")`, `D3086: The sub-picture must not contain a passive character that is preceded by an active character and that is followed by another active character`},
		{`1 ?? 2`, `S0211: The symbol "?" cannot be used as a unary operator`},
		{`1 ?: 2`, `S0211: The symbol ":" cannot be used as a unary operator`},
		{`function($x){$x}`, `The result is a function`},
		{`{"f": $sum}`, `The result holds a function`},
		// $partition
		{`$partition([1,2,3,4,5], 2)`, `[[1,2],[3,4],[5]]`},
		{`$partition([1,2], 9)`, `[[1,2]]`},
		{`$partition([1,2])`, `[[1,2]]`},
		{`$partition([1,2,3], 1.9)`, `[[1],[2],[3]]`},
		{`$partition([], 2)`, `undefined`},
		{`$partition($nope, 2)`, `undefined`},
		{`$partition([1,2], 0)`, `undefined`},
		{`$partition([1,2], -0.5)`, `undefined`},
		{`$partition([1,2], -1)`, `D3137: Second argument must be zero or greater`},
		{`$partition(5, 2)`, `T0412: Argument 1 of function "partition" must be an array of undefined`},
		{`$partition([1], 1, 1)`, `T0410: Argument 3 of function "partition" does not match function signature`},
		// $range
		{`$range(0, 10, 5)`, `[0,5,10]`},
		{`$range(1, 9, 3)`, `[1,4,7]`},
		{`$range(1, 9, 9)`, `1`},
		{`$range(5, 1, -2)`, `[5,3,1]`},
		{`$range(1.9, 3.9, 1.9)`, `[1,2,3]`},
		{`$range(1, 9, -1)`, `undefined`},
		{`$range(1, 9, 0)`, `undefined`},
		{`$range(1, 9)`, `undefined`},
		{`$range(1)`, `T0410: Argument 2 of function "range" does not match function signature`},
		{`$range()`, `T0410: Argument 1 of function "range" does not match function signature`},
		{`$range(1, 2, 1, 1)`, `T0410: Argument 4 of function "range" does not match function signature`},
		// $hash
		{`$hash("abc", "MD5")`, `"900150983cd24fb0d6963f7d28e17f72"`},
		{`$hash("abc", "SHA-1")`, `"a9993e364706816aba3e25717850c26c9cd0d89d"`},
		{`$hash("abc", "SHA-256")`, `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`},
		{`$hash("abc")`, `undefined`},
		{`$hash(1, "MD5")`, `T0410: Argument 1 of function "hash" does not match function signature`},
		{`$hash("abc", "md5")`, `D3137: Hash algorithm 'md5' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5`},
		{`$length($hash("abc", "SHA-384"))`, `96`},
		{`$length($hash("abc", "SHA-512"))`, `128`},
		// $random
		{`$random(42)`, `0.7275636800328681`},
		{`$random(0)`, `0.730967787376657`},
		{`$random(7)`, `0.7306990420600421`},
		{`$random(7.9)`, `0.7306990420600421`},
		{`$random("x")`, `T0410: Argument 1 of function "random" does not match function signature`},
		// $uuid
		{`$match($uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/).index`, `0`},
		{`$uuid(1)`, `T0410: Argument 1 of function "uuid" does not match function signature`},
		// $parse
		{`$parse('{"b":1,"a":[1.1,null,"x"]}')`, `{"b":1,"a":[1.1,null,"x"]}`},
		{`$map(['1','"x"'], $parse)`, `[1,"x"]`},
		{`$parse('-0')`, `0`},
		{`$parse()`, `undefined`},
		{`$parse('')`, `D3137: Invalid JSON`},
		{`$parse('1 2')`, `D3137: Invalid JSON`},
		{`$parse('{"a":1,"a":2}')`, `D3137: Invalid JSON`},
		{`$parse('{"a:":":\\":"}')`, `{"a:":":\":"}`},
		{`$parse('1e400')`, `D3137: Invalid JSON`},
		{`$parse(null)`, `T0410: Argument 1 of function "parse" does not match function signature`},
		{`$parse(1)`, `T0410: Argument 1 of function "parse" does not match function signature`},
		// The moment of the evaluation.
		{`$millis()`, `1700000000123`},
		{`$now()`, `"2023-11-14T22:13:20.123Z"`},
	} {
		if got := outcome(c.text); got != c.want {
			t.Errorf("%s\n got  %s\n want %s", c.text, got, c.want)
		}
	}
}

const (
	tooLong  = "Expression evaluation timeout: Check for infinite loop"
	tooDeep  = "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive"
	tooLarge = "Expression evaluation memory limit exceeded: Check for excessive memory usage"
)

// TestServiceBounds holds the bounds to where they have been measured on the service.
func TestServiceBounds(t *testing.T) {
	sum := func(n int) string { return strings.Repeat("1+", n-1) + "1" }
	nested := func(open, inner, shut string, n int) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(shut, n)
	}
	recursive := func(n int) string {
		return fmt.Sprintf("($f := function($n){$n = 0 ? 0 : 1 + $f($n - 1)}; $f(%d))", n)
	}
	for _, c := range []struct{ text, want string }{
		{sum(100), `100`},
		{sum(101), tooDeep},
		{nested("(", "1", ")", 99), `1`},
		{nested("(", "1", ")", 100), tooDeep},
		{"$count(" + nested("[", "1", "]", 98) + ")", `1`},
		{nested("[", "1", "]", 100), tooDeep},
		{"1" + strings.Repeat(" ~> $string", 99), `"1"`},
		{"1" + strings.Repeat(" ~> $string", 100), tooDeep},
		{recursive(31), `31`},
		{recursive(32), tooDeep},
		{`$count([1..873782])`, `873782`},
		{`$count([1..873783])`, tooLarge},
		{`$count($range(1, 360145, 1))`, `360145`},
		{`$count($range(1, 360146, 1))`, tooLarge},
		{`$length($reduce([1..22], function($s, $i){$s & $s}, "x"))`, `4194304`},
		{`$length($reduce([1..23], function($s, $i){$s & $s}, "x"))`, tooLarge},
	} {
		if got := outcome(c.text); got != c.want {
			t.Errorf("%.60s\n got  %s\n want %s", c.text, got, c.want)
		}
	}
}

// TestHostile makes sure that nothing gets away: each of these would run, grow or nest without end.
func TestHostile(t *testing.T) {
	limits := jsonata.WithLimits(jsonata.Limits{Steps: 5_000_000})
	for _, text := range []string{
		`($f := function(){ $f() + 1 }; $f())`,
		`($f := function($x){ $f([$x, $x]) }; $f(1))`,
		`($f := function($x){ $f($x & $x) }; $f("x"))`,
		`($f := function($x){ $f({"a": $x}) }; $f(1))`,
		`$map([1..800000], function($i){ [1..800000] })`,
		`$map([1..9000], function($i){ $map([1..9000], function($k){ $i * $k }) })`,
		`$match($pad("", 100000, "a"), /(a*)*b/)`,
		`$match($pad("", 5000, "a"), /(a|aa)+$b/)`,
		`$replace($pad("", 100000, "a"), /(?=(a+))a*b\1/, "")`,
		`$pad("", 1e300)`,
		`$pad("x", 100000000)`,
		`$formatInteger(1e15, "I")`,
		`($c := function($f, $n){ $n = 0 ? $f : $c($f ~> $uppercase, $n - 1) }; $c($uppercase, 100000)("x"))`,
		`($c := function($f, $n){ $n = 0 ? $f : $c($f(?), $n - 1) }; $c($uppercase, 100000)("x"))`,
		`$string($reduce([1..100000], function($x, $i){ {"a": $x} }, 1))`,
		`$reduce([1..100000], function($x, $i){ {"a": $x} }, 1)`,
		`$reduce([1..100000], function($x, $i){ {"a": $x} }, 1).**`,
		`($c := function($x, $n){ $n = 0 ? $x : $c($x ~> |**[$type($) = "object"]|{"a": $, "b": $}|, $n - 1) }; $c({"x": 1}, 40))`,
		`$distinct($map([1..30000], function($i){ {"a": $i} }))`,
		`$sort($map([1..500000], function($i){ -$i }), function($a, $b){ $a > $b })`,
		`$count([1..800000][[1..800000]])`,
		`[1..2000]#$i.[1..2000]#$k.($i * $k)`,
		`$fromMillis(0, "[Y,999999999-999999999]")`,
		`$formatNumber(1, $join($map([1..400000], function($i){ "0,0" })))`,
		`$formatInteger(1, $join($map([1..400000], function($i){ "0,0:" })))`,
		`$string($reduce([1..1000], function($a, $i){ [$a, $a] }, 1))`,
		`$reduce([1..60], function($a, $i){ {"l": $a, "r": $a} }, 1)`,
		`$string($reduce([1..60], function($a, $i){ {"l": $a, "r": $a} }, 1))`,
		`($a := $reduce([1..60], function($a, $i){ {"l": $a, "r": $a} }, 1); $b := $reduce([1..60], function($a, $i){ {"l": $a, "r": $a} }, 1); $a = $b)`,
	} {
		e, err := jsonata.Compile(text, jsonata.StepFunctions(), limits)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		v, err := e.Eval(nil, jsonata.Bindings{})
		var fault *jsonata.Error
		if !errors.As(err, &fault) || fault.Class != jsonata.ClassLimit {
			t.Errorf("%s: %.100s, %v", text, show(v), err)
		}
	}
}

func TestTimeBound(t *testing.T) {
	short := jsonata.WithLimits(jsonata.Limits{Time: time.Millisecond})
	if got := outcome(`($f := function(){ $f() }; $f())`, short); got != tooLong {
		t.Errorf("an endless tail recursion: %s", got)
	}
}

func TestStepsBound(t *testing.T) {
	const text = `$sum([1..1000].($ * 2))`
	if got := outcome(text, jsonata.WithLimits(jsonata.Limits{Steps: 100})); got != tooLong {
		t.Errorf("100 steps: %s", got)
	}
	if got := outcome(text, jsonata.WithLimits(jsonata.Limits{Steps: 100_000})); got != "1001000" {
		t.Errorf("100000 steps: %s", got)
	}
}

// chance draws the same every time.
type chance struct{}

func (chance) Float64() float64 { return 0.25 }
func (chance) UUID() string     { return "00000000-0000-4000-8000-000000000000" }

func TestChance(t *testing.T) {
	e, err := jsonata.Compile(`[$random(), $random(42) < 1, $uuid(), $shuffle([1,2,3,4])]`, jsonata.StepFunctions())
	if err != nil {
		t.Fatal(err)
	}
	v, err := e.Eval(nil, jsonata.Bindings{Chance: chance{}})
	if want := `[0.25,true,"00000000-0000-4000-8000-000000000000",3,4,2,1]`; err != nil || value.Text(v) != want {
		t.Errorf("got %s %v, want %s", show(v), err, want)
	}
}
