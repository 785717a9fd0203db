package jsonpath_test

import (
	"math"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/jsonpath"
	"github.com/tutti-run/tutti/internal/value"
)

const cornersDocument = `{
	"name": "Ada",
	"n": [5, 3, 9, 1],
	"neg": [-1, -2],
	"one": [7],
	"none": [],
	"nul": null,
	"it's": 1,
	"a b": 2,
	"é": 3,
	"mixed": [1, "1", 1.0, true, null, {"k": 1}, [1]],
	"people": [{"id": 1, "age": 30, "tags": ["x", "y"], "name": "Bo"}, {"id": 2, "age": 25.5, "tags": [], "name": "al"}, {"id": 3, "tags": ["y"], "name": "Zoë"}, {"id": "4", "age": null}],
	"deep": {"a": {"a": {"v": 1}, "v": 2}, "list": [{"v": 3}, [{"v": 4}]]},
	"grid": [[1, 2], [3, 4], []],
	"words": ["b", "a", "ab", "B", ""],
	"max": 28,
	"texts": ["$.x", "[1]", "'q'", "\\n"]
}`

// The outcomes of a corner, as in the reference data; one and many are ok of a definite and of an indefinite path.
const (
	one     = "one"
	many    = "many"
	missing = "missing"
	failed  = "failed"
	syntax  = "syntax"
)

// corners are answers of Jayway JsonPath 2.10 itself, but for indefinite paths that end at a missing parent, where Step Functions
// gives [].
var corners = []struct{ path, outcome, want string }{
	{`@.name`, one, `"Ada"`},
	{`name`, one, `"Ada"`},
	{` $.name`, syntax, `Could not parse token starting at position 2`},
	{`$.name `, one, `"Ada"`},
	{`$. name`, syntax, `Could not parse token starting at position 2`},
	{`$.`, syntax, `Path must not end with a '.' or '..'`},
	{`$.name.`, syntax, `Path must not end with a '.' or '..'`},
	{`$name`, syntax, `Illegal character at position 1 expected '.' or '['`},
	{`$.a b`, syntax, `Use bracket notion ['my prop'] if your property contains blank characters. position: 2`},
	{`$['a b']`, one, `2`},
	{`$["a b"]`, one, `2`},
	{`$[ 'a b' ]`, one, `2`},
	{`$['it\'s']`, one, `1`},
	{`$['it's']`, syntax, `Property must be separated by comma or Property must be terminated close square bracket at index 5`},
	{`$['\u00e9']`, one, `3`},
	{`$['\u00']`, missing, `No results for path: $['']`},
	{`$['name',]`, syntax, `Found empty property at index 9`},
	{`$[,'name']`, syntax, `Could not parse token starting at position 1. Expected ?, ', 0-9, * `},
	{`$['name' 'n']`, syntax, `Property must be separated by comma or Property must be terminated close square bracket at index 7`},
	{`$['name','n']`, one, `{"name":"Ada","n":[5,3,9,1]}`},
	{`$['name',"n"]`, syntax, `Found empty property at index 12`},
	{`$['name','nope']`, one, `{"name":"Ada"}`},
	{`$['nope','nope2']`, one, `{}`},
	{`$['deep','nope'].a.v`, many, `[2]`},
	{`$['']`, missing, `No results for path: $['']`},
	{`$[]`, syntax, `Could not parse token starting at position 1. Expected ?, ', 0-9, * `},
	{`$[`, syntax, `java.lang.StringIndexOutOfBoundsException: String index out of range: 2`},
	{`$..`, syntax, `Path must not end with a '.' or '..'`},
	{`$...a`, syntax, `Character '.' on position 3 is not valid.`},
	{`$..a`, many, `[{"a":{"v":1},"v":2},{"v":1}]`},
	{`$..a.v`, many, `[2,1]`},
	{`$.deep..v`, many, `[2,1,3,4]`},
	{`$.deep.list[*].v`, many, `[3]`},
	{`$.deep.*.v`, many, `[2]`},
	{`$.deep..[0]`, many, `[{"v":3},{"v":4}]`},
	{`$..[0].v`, many, `[3,4]`},
	{`$..[1].v`, many, `[]`},
	{`$..[*].v`, many, `[]`},
	{`$.deep..['a','v']`, many, `[{"a":{"v":1},"v":2}]`},
	{`$..nope`, many, `[]`},
	{`$.nope..v`, many, `[]`},
	{`$.name..v`, many, `[]`},
	{`$.n[0]`, one, `5`},
	{`$.n[-1]`, one, `1`},
	{`$.n[-5]`, missing, `No results for path: $['n'][-5]`},
	{`$.n[4]`, missing, `No results for path: $['n'][4]`},
	{`$.n[ 1 ]`, one, `3`},
	{`$.n[0, -1]`, many, `[5,1]`},
	{`$.n[0,0]`, many, `[5,5]`},
	{`$.n[0,9]`, many, `[5]`},
	{`$.n[0,]`, syntax, `Failed to parse token in ArrayIndexOperation: `},
	{`$.n[a]`, syntax, `Could not parse token starting at position 3. Expected ?, ', 0-9, * `},
	{`$.n[1:]`, many, `[3,9,1]`},
	{`$.n[:-1]`, many, `[5,3,9]`},
	{`$.n[-2:]`, many, `[9,1]`},
	{`$.n[-9:]`, many, `[5,3,9,1]`},
	{`$.n[1:3]`, many, `[3,9]`},
	{`$.n[-1:2]`, many, `[1,5,3]`},
	{`$.n[3:1]`, many, `[]`},
	{`$.n[0:4:2]`, many, `[5,3,9,1]`},
	{`$.n[:]`, syntax, `Failed to parse SliceOperation: :`},
	{`$.n[1 :2]`, syntax, `Failed to parse SliceOperation: 1 :2`},
	{`$.n[1:2,3]`, syntax, `Failed to parse SliceOperation: 1:2,3`},
	{`$.n[-]`, syntax, `Failed to parse token in ArrayIndexOperation: -`},
	{`$.n[00]`, one, `5`},
	{`$.n[2147483648]`, syntax, `Failed to parse token in ArrayIndexOperation: 2147483648`},
	{`$.n[2147483648:]`, syntax, `java.lang.NumberFormatException: For input string: "2147483648"`},
	{`$.n[*]`, many, `[5,3,9,1]`},
	{`$.n[ * ]`, many, `[5,3,9,1]`},
	{`$.n[**]`, syntax, `Expected wildcard token to end with ']' on position 5`},
	{`$.n.*`, many, `[5,3,9,1]`},
	{`$.n*`, missing, `No results for path: $['n*']`},
	{`$.none[*]`, many, `[]`},
	{`$.none[0]`, missing, `No results for path: $['none'][0]`},
	{`$.name[0]`, missing, `Filter: [0] can only be applied to arrays. Current context is: Ada`},
	{`$.name[*]`, many, `[]`},
	{`$.name[0:1]`, many, `[]`},
	{`$.nul[0]`, missing, `The path $['nul'] is null`},
	{`$.nul.a`, missing, `Expected to find an object with property ['a'] in path $['nul'] but found 'null'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.`},
	{`$.name.a`, missing, `Expected to find an object with property ['a'] in path $['name'] but found 'java.lang.String'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.`},
	{`$.n.a`, missing, `Expected to find an object with property ['a'] in path $['n'] but found 'java.util.ArrayList'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.`},
	{`$.max.a`, missing, `Expected to find an object with property ['a'] in path $['max'] but found 'java.lang.Integer'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.`},
	{`$.people.id`, missing, `Expected to find an object with property ['id'] in path $['people'] but found 'java.util.ArrayList'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.`},
	{`$.people[0].age.years`, missing, `Expected to find an object with property ['years'] in path $['people'][0]['age'] but found 'java.lang.Integer'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.`},
	{`$.people[1].age.years`, missing, `Expected to find an object with property ['years'] in path $['people'][1]['age'] but found 'java.lang.Double'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.`},
	{`$.people[*].age`, many, `[30,25.5,null]`},
	{`$.people[0,1].age`, many, `[30,25.5]`},
	{`$.people[?(@.age)].id`, many, `[1,2,"4"]`},
	{`$.people[?(!@.age)].id`, many, `[3]`},
	{`$.people[?(@.age > 26)].id`, many, `[1]`},
	{`$.people[?(@.age < $.max)].id`, many, `[2]`},
	{`$.people[?($.max > @.age)].id`, many, `[2]`},
	{`$.people[?(@.age == null)].id`, many, `["4"]`},
	{`$.people[?(@.age != null)].id`, many, `[1,2,3]`},
	{`$.people[?(@.id == 4)].id`, many, `["4"]`},
	{`$.people[?(@.id == '4')].id`, many, `["4"]`},
	{`$.people[?(@.id === 4)].id`, many, `[]`},
	{`$.people[?(@.id !== '4')].id`, many, `[1,2,3]`},
	{`$.people[?(@.id > 2)].id`, many, `[3]`},
	{`$.people[?(@.id == 1 || @.id == 2 && @.name == 'Bo')].id`, many, `[1]`},
	{`$.people[?((@.id == 1 || @.id == 2) && @.name == 'al')].id`, many, `[2]`},
	{`$.people[?(!(@.id == 1))].id`, many, `[2,3,"4"]`},
	{`$.people[?(!(@.id == 1) && !(@.id == 2))].id`, many, `[3,"4"]`},
	{`$.people[?(@.name =~ /.o/)].id`, many, `[1]`},
	{`$.people[?(@.name =~ /B.|AL/i)].id`, many, `[1,2]`},
	{`$.people[?(@.name =~ /o/)].id`, many, `[]`},
	{`$.people[?(@.tags =~ /x|z/)].id`, many, `[1]`},
	{`$.people[?(/Bo/ =~ @.name)].id`, many, `[1]`},
	{`$.people[?(@.id =~ /[12]/)].id`, many, `[1,2]`},
	{`$.people[?(@.name =~ /Z.*/s)].id`, many, `[3]`},
	{`$.people[?(@.name =~ / B o /x)].id`, many, `[1]`},
	{`$.people[?(@.name =~ /(/)].id`, syntax, `Failed to parse filter: [?(@.name =~ /(/)], error on position: 16, char: )`},
	{`$.people[?(@.name =~ /Bo)].id`, syntax, `Could not find matching close for / when parsing regex in : $.people[?(@.name =~ /Bo)].id`},
	{`$.people[?(@.id in [1, 3])].id`, many, `[1,3]`},
	{`$.people[?(@.id in ['1', 4])].id`, many, `[1,"4"]`},
	{`$.people[?(@.id IN [1])].id`, many, `[1]`},
	{`$.people[?(@.id in[1])].id`, syntax, `Expected character: )`},
	{`$.people[?(@.id nin [1, 3])].id`, many, `[2,"4"]`},
	{`$.people[?(@.name in [Bo, 'al'])].id`, many, `[1,2]`},
	{`$.people[?(@.name in 'Bo')].id`, many, `[]`},
	{`$.people[?(@.name nin 'Bo')].id`, many, `[]`},
	{`$.people[?('x' in @.tags)].id`, many, `[1]`},
	{`$.people[?(@.tags contains 'x')].id`, many, `[1]`},
	{`$.people[?(@.name contains 'o')].id`, many, `[1,3]`},
	{`$.people[?(@.tags size 1)].id`, many, `[3]`},
	{`$.people[?(@.name size 2)].id`, many, `[1,2]`},
	{`$.people[?(@ size -1)].id`, many, `[1,2,3,"4"]`},
	{`$.people[?(@.tags empty true)].id`, many, `[2]`},
	{`$.people[?(@.tags empty false)].id`, many, `[1,3]`},
	{`$.people[?(@ empty false)].id`, failed, `class java.util.LinkedHashMap cannot be cast to class java.util.Collection (java.util.LinkedHashMap and java.util.Collection are in module java.base of loader 'bootstrap')`},
	{`$.people[?(@.tags empty 1)].id`, many, `[]`},
	{`$.people[?(@.tags subsetof ['x','y','z'])].id`, many, `[1,2,3]`},
	{`$.people[?(@.tags anyof ['x'])].id`, many, `[1]`},
	{`$.people[?(@.tags noneof ['x'])].id`, many, `[2,3]`},
	{`$.people[?(@.tags all ['y'])].id`, many, `[]`},
	{`$.people[?(@.tags == ['y'])].id`, many, `[3]`},
	{`$.people[?(['y'] == @.tags)].id`, many, `[]`},
	{`$.people[?(@.tags[0] == 'x')].id`, many, `[1]`},
	{`$.people[?(@['tags'][?(@ == 'y')])].id`, syntax, `Could not parse token starting at position 9. Expected ?, ', 0-9, * `},
	{`$.people[?(@.tags[?(@ == 'nope')])].id`, many, `[1,2,3]`},
	{`$.people[?(@.tags.length() > 0)].id`, many, `[1,3]`},
	{`$.people[?(@.tags.length() > 1 && @.id)].id`, many, `[1]`},
	{`$.people[?(@.id sizeof 1)].id`, syntax, `Expected character: )`},
	{`$.people[?(@.id = 1)].id`, syntax, `Expected character: )`},
	{`$.people[?(@.id == 1].id`, syntax, `Could not parse token starting at position 8. Expected ?, ', 0-9, * `},
	{`$.people[?(@.id == )].id`, syntax, `Failed to parse filter: [?(@.id == )], error on position: 11, char: )`},
	{`$.people[?(@.id == x)].id`, syntax, `Failed to parse filter: [?(@.id == x)], error on position: 11, char: x`},
	{`$.people[?(== 1)].id`, syntax, `Failed to parse filter: [?(== 1)], error on position: 3, char: =`},
	{`$.people[?(1)].id`, syntax, `Expected path node`},
	{`$.people[?(1 == 1)].id`, many, `[1,2,3,"4"]`},
	{`$.people[?(true)].id`, syntax, `Expected path node`},
	{`$.people[?(@.id == 1 &&)].id`, syntax, `Failed to parse filter: [?(@.id == 1 &&)], error on position: 15, char: )`},
	{`$.people[?(@.id == 1) ].id`, many, `[1]`},
	{`$.people[ ?(@.id == 1)].id`, many, `[1]`},
	{`$.people[?( @.id == 1 )].id`, many, `[1]`},
	{`$.people[?]`, syntax, `Not enough predicates supplied for filter [?] at position 8`},
	{`$.people[?,?]`, syntax, `Not enough predicates supplied for filter [?,?] at position 8`},
	{`$.people[?()]`, syntax, `Failed to parse filter: [?()], error on position: 3, char: )`},
	{`$.people[?(@)].id`, many, `[1,2,3,"4"]`},
	{`$.people[?($)].id`, many, `[1,2,3,"4"]`},
	{`$.people[?($.max)].id`, many, `[]`},
	{`$.max[?(@.a)]`, failed, `Filter: [?] can not be applied to primitives. Current context is: 28`},
	{`$.name[?(@.a)].b`, failed, `Filter: [?]['b'] can not be applied to primitives. Current context is: Ada`},
	{`$.deep[?(@.a)].a.v`, many, `[2]`},
	{`$.deep[?(@.nope)]`, many, `[]`},
	{`$.nope[?(@.a)]`, many, `[]`},
	{`$.nope[*].a`, many, `[]`},
	{`$.nope[0,1]`, many, `[]`},
	{`$.mixed[?(@ == 1)]`, many, `[1,"1",1.0]`},
	{`$.mixed[?(@ === 1.0)]`, many, `[1,1.0]`},
	{`$.mixed[?(@ == '1')]`, many, `[1,"1",1.0]`},
	{`$.mixed[?(@ == true)]`, many, `[true]`},
	{`$.mixed[?(@ == null)]`, many, `[null]`},
	{`$.mixed[?(@.k == 1)]`, many, `[{"k":1}]`},
	{`$.mixed[?(1 in @)]`, many, `[[1]]`},
	{`$.mixed[?(@ >= 1)]`, many, `[1,1.0]`},
	{`$.mixed[?(@ < '2')]`, many, `["1"]`},
	{`$.mixed[?(@ exists true)]`, many, `[true]`},
	{`$.mixed[?(@ == {"k":1})]`, many, `[{"k":1}]`},
	{`$.mixed[?(@ == {k:1.0})]`, many, `[]`},
	{`$.mixed[?(@ == [1])]`, many, `[[1]]`},
	{`$.mixed[?(@ == 1e0)]`, many, `[1,"1",1.0]`},
	{`$.mixed[?(@ == .1e1)]`, many, `[1,"1",1.0]`},
	{`$[?(@ contains 'Ada')]`, many, `[]`},
	{`$[?(1 in @)]`, many, `[]`},
	{`$[?('[1]' in @)]`, many, `[]`},
	{`$[?('$.x' in @)]`, many, `[]`},
	{`$[?('q' in @)]`, many, `[]`},
	{`$.n.min()`, one, `1.0`},
	{`$.n.max()`, one, `9.0`},
	{`$.n.sum()`, one, `18.0`},
	{`$.n.avg()`, one, `4.5`},
	{`$.n.stddev()`, one, `2.958039891549808`},
	{`$.none.sum()`, failed, `Aggregation function attempted to calculate value using empty array`},
	{`$.name.sum()`, failed, `Aggregation function attempted to calculate value using empty array`},
	{`$.words.concat()`, one, `"baabB"`},
	{`$.concat($.name, "!", 1, 2.50, true)`, one, `"Ada!12.5"`},
	{`$.concat("a,b")`, one, `"ab"`},
	{`$.concat($.deep)`, one, `"{a={a={v=1}, v=2}, list=[{v=3}, [{v=4}]]}"`},
	{`$.n.length()`, one, `4`},
	{`$.deep.length()`, one, `2`},
	{`$.name.length()`, one, `null`},
	{`$.n.size()`, one, `4`},
	{`$.length($.n)`, one, `16`},
	{`$.length($.grid)`, one, `0`},
	{`$.deep.keys()`, one, `["a","list"]`},
	{`$.n.keys()`, one, `null`},
	{`$.grid[*].keys()`, many, `[null,null,null]`},
	{`$.n.first()`, one, `5`},
	{`$.n.last()`, one, `1`},
	{`$.one.last()`, failed, `Target index:-1 larger than object count:1`},
	{`$.none.first()`, failed, `Index 0 out of bounds for length 0`},
	{`$.none.last()`, failed, `Target index:-1 larger than object count:0`},
	{`$.grid[*].first()`, many, `[1,3]`},
	{`$.n.index(1)`, one, `3`},
	{`$.n.index(-1)`, one, `1`},
	{`$.n.index(9)`, failed, `Index 9 out of bounds for length 4`},
	{`$.n.index()`, failed, `Index 0 out of bounds for length 0`},
	{`$.n.index($.one[0])`, failed, `Index 7 out of bounds for length 4`},
	{`$.n.append(1, "x")`, one, `[5,3,9,1,1,"x"]`},
	{`$.sum(1, 2, $.n)`, one, `21.0`},
	{`$.sum($.nope)`, missing, `No results for path: $['nope']`},
	{`$.n.sum($.grid[*])`, one, `18.0`},
	{`$.n.sum().a`, missing, `Expected to find an object with property [')'] in path $['n'] but found 'java.lang.Double'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.`},
	{`$.n.sum(1).a`, missing, `Expected to find an object with property ['a'] in path $['n'] but found 'java.lang.Double'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.`},
	{`$.n.sum(1)[0]`, missing, `Filter: [0] can only be applied to arrays. Current context is: 19.0`},
	{`$.nope()`, failed, `Function with name: nope does not exist.`},
	{`$.n.sum(`, syntax, `Arguments to function: 'sum' are not closed properly.`},
	{`$.n.sum(1`, syntax, `Arguments to function: 'sum' are not closed properly.`},
	{`$.n.sum(})`, syntax, `Unexpected close brace '}' at character position: 9`},
	{`$.n.sum(])`, syntax, `Unexpected close bracket ']' at character position: 9`},
	{`$.n.sum($.)`, syntax, `Path must not end with a '.`},
	{`$.n.sum($a)`, syntax, `Illegal character at position 1 expected '.' or '['`},
	{`$.sum($.n.max(), $.n.min())`, one, `10.0`},
	{`$..v.sum()`, one, `10.0`},
	{`$..v.length()`, one, `0`},
	{`$..length()`, failed, `Current path token is a leaf`},
	{`$..nope.sum()`, failed, `Aggregation function attempted to calculate value using empty array`},
	{`$..nope.length()`, one, `0`},
	{`$.deep..v.sum()`, failed, `Aggregation function attempted to calculate value using empty array`},
	{`$.people[*].age.sum()`, failed, `Aggregation function attempted to calculate value using empty array`},
}

func TestCorners(t *testing.T) {
	document := parse(t, cornersDocument)
	for _, c := range corners {
		t.Run(c.path, func(t *testing.T) {
			outcome, got, result, definite := answer(c.path, document)
			switch {
			case outcome == "ok" && definite:
				outcome, got = one, value.Text(result)
			case outcome == "ok":
				outcome, got = many, value.Text(result)
			case outcome == "compileerror":
				outcome, got = syntax, strings.TrimPrefix(got, "InvalidPathException: ")
			case outcome == "notfound":
				outcome = missing
			case outcome == "evalerror":
				outcome = failed
			}
			if outcome != c.outcome || got != c.want {
				t.Errorf("got  %s %s\nwant %s %s", outcome, got, c.outcome, c.want)
			}
		})
	}
}

func compile(tb testing.TB, text string) *jsonpath.Path {
	tb.Helper()
	path, err := jsonpath.Compile(text)
	if err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return path
}

func eval(tb testing.TB, text, document string) value.Value {
	tb.Helper()
	v, err := compile(tb, text).Eval(parse(tb, document))
	if err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return v
}

// What Step Functions can be asked and a Java program can not: an execution's input may be null.
func TestNullDocument(t *testing.T) {
	if got := eval(t, "$", "null"); got != (value.Null{}) {
		t.Errorf("got %v", got)
	}
	if got := value.Text(eval(t, "$.a[*]", "null")); got != "[]" {
		t.Errorf("got %s", got)
	}
	_, err := compile(t, "$.a").Eval(value.Null{})
	if err == nil || !strings.Contains(err.Error(), "in path $ but found 'null'") {
		t.Errorf("got %v", err)
	}
}

func TestMaximumOfNegativeNumbers(t *testing.T) {
	if got := eval(t, "$.max()", "[-1, -2]"); got != value.Float(math.SmallestNonzeroFloat64) {
		t.Errorf("got %v, want Java's Double.MIN_VALUE", got)
	}
}

func TestNumbersAreComparedAsDecimals(t *testing.T) {
	for _, c := range []struct {
		document, condition string
		want                bool
	}{
		{"0.1", "== 0.1", true},
		{"0.1", "== 0.10000000000000001", false},
		{"1e2", "== 100", true},
		{"1e2", "== '100'", true},
		{"9007199254740993", "== 9007199254740992", false},
		{"9007199254740993", "> 9007199254740992", true},
		{"9007199254740993", "== 9007199254740993.0", true},
		{"123456789012345678901234567890", "> 123456789012345678901234567889", true},
		{"123456789012345678901234567890", "< 1e400", true},
		{"-5", "< -4.99", true},
		{"-0.0", "== 0", true},
		{"0.0001", "< 1e-3", true},
		{"1", "> -1e-400", true},
		{"\"1.50\"", "== 1.5", false},
		{"1.5", "== '1.50'", true},
	} {
		got := value.Text(eval(t, "$[?(@ "+c.condition+")]", "["+c.document+"]")) != "[]"
		if got != c.want {
			t.Errorf("%s %s: got %v", c.document, c.condition, got)
		}
	}
}

func TestStringsAreComparedByUnits(t *testing.T) {
	// U+1F600 begins with the unit D83D, so it comes before U+FF5E, unlike in UTF-8.
	if got := value.Text(eval(t, "$[?(@ < '\uFF5E')]", `["😀", "～", "~"]`)); got != `["😀","~"]` {
		t.Errorf("got %s", got)
	}
	if got := value.Text(eval(t, "$[?(@ size 2)]", `["😀", "～", "ab"]`)); got != `["😀","ab"]` {
		t.Errorf("got %s", got)
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct{ pattern, text, want string }{
		{`/a.c/`, `"abc"`, "match"},
		{`/a.c/`, `"a\rc"`, "no match"}, // \r ends a line in Java
		{`/a.c/d`, `"a\rc"`, "match"},
		{`/a.c/s`, `"a\nc"`, "match"},
		{`/a[.]c/`, `"a.c"`, "match"},
		{`/A # comment/xi`, `"a"`, "match"},
		{`/a\/b/`, `"a/b"`, "match"},
		{`/\u0061/`, `"a"`, "match"},
		{`/\é/`, `"é"`, "match"},
		{`/a{2}/`, `"aa"`, "match"},
		{`/(?<x>a)/`, `"a"`, "match"},
		{`/a(?=b)b/`, `"ab"`, `The regular expression /a(?=b)b/ is not supported: it uses the group (?=, which could take too long`},
		{`/(a)\1/`, `"aa"`, `The regular expression /(a)\1/ is not supported: it uses the reference \1, which could take too long`},
		{`/a*+/`, `"aa"`, `The regular expression /a*+/ is not supported: it uses the possessive quantifier *+, which could take too long`},
		{`/[a-z&&[b]]/`, `"b"`, `The regular expression /[a-z&&[b]]/ is not supported: it uses set operations in a character class, which could take too long`},
		{`/(.{900}){1000}/`, `"a"`, `The regular expression /(.{900}){1000}/ is not supported: it uses too many repetitions, which could take too long`},
		{`/(.{900})(.{900})/`, `"a"`, `The regular expression /(.{900})(.{900})/ is not supported: it uses too many repetitions, which could take too long`},
		{`/{/`, `"{"`, "Failed to parse filter: [?(@ =~ /{/)], error on position: 11, char: )"},
		{`/*/`, `"*"`, "Failed to parse filter: [?(@ =~ /*/)], error on position: 11, char: )"},
	} {
		path, err := jsonpath.Compile("$[?(@ =~ " + c.pattern + ")]")
		got := "match"
		if err != nil {
			got = err.Error()
		} else if v, err := path.Eval(parse(t, "["+c.text+"]")); err != nil || value.Text(v) == "[]" {
			got = "no match"
		}
		if got != c.want {
			t.Errorf("%s on %s: got %s, want %s", c.pattern, c.text, got, c.want)
		}
	}
}

// Arrays in filters are read by a lenient JSON parser (json-smart).
func TestLenientLiterals(t *testing.T) {
	for _, c := range []struct{ literal, want string }{
		{`["a", 'b', c d , 1, 1.50, -2, 1e1, null, true]`, `["a","b","c d",1,1.50,-2,1e1,null,true]`},
		{`[,1,,2,]`, `[1,2]`},
		{`[007, 1x, 1.x, 1e, -]`, `[7,"1x","1.x","1e",0]`},
		{`[[1, {a: 'b'}], {}]`, `[[1,{"a":"b"}],{}]`},
		{`{a : 1, "b" : [2], 'c d' : x}`, `{"a":1,"b":[2],"c d":"x"}`},
		{`["a\"b\n\u0041\x42\q"]`, `["a\"b\nAB"]`},
		{`[12345678901234567890]`, `[12345678901234567890]`},
	} {
		got := value.Text(eval(t, "$[?(@ == "+c.literal+")]", "["+c.want+"]"))
		if got == "[]" {
			t.Errorf("%s does not equal %s", c.literal, c.want)
		}
	}
	for literal, want := range map[string]string{
		`[}]`:        "Unexpected character (}) at position 1.",
		`[{a}]`:      "Unexpected End Of File position 4: null",
		`{:1}`:       "Unexpected character (:) at position 1.",
		`{a:[1] x}`:  "Unexpected token x at position 6.",
		`["\u00zz"]`: "Unexpected unicode escape sequence z at position 6.",
	} {
		_, err := compile(t, "$[?(@ in "+literal+")]").Eval(parse(t, "[1]"))
		if err == nil || err.Error() != "net.minidev.json.parser.ParseException: "+want {
			t.Errorf("%s: got %v, want %s", literal, err, want)
		}
	}
}
