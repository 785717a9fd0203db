package jsonata_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/jsonata"
	"github.com/tutti-run/tutti/internal/value"
)

// seeds are texts from every corner of the language, and the conformance cases where they are at hand.
func seeds(f *testing.F) []string {
	texts := []string{
		`a.b[0].c`, `$x := 5`, `($f := function($n){ $n = 0 ? 1 : $n * $f($n - 1) }; $f(5))`, `a^(>b, c){d: $sum(e)}`, `a@$x.b#$i[$i < 2].%`,
		`**[type="x"].*`, `|a|{"b": 1}, ["c"]|`, `$map([1..3], $string) ~> $join(",")`, `$match("abc", /a(b)?/i)`, `$substring(?, 1)("abc")`,
		`λ($a)<n-s?a<n>:o>{$a}(1)`, `"\u00e9\uD83D" & 'x'`, "`a b`.\"c\"", `/* c */ -1.5e3 % 2`, `[1, [2], (3)][[0,1]][]`, `$fromMillis(0, "[Y]-[MNn]-[D1o]")`,
		`$formatNumber(12345.678, "#,##0.00;(#)")`, `x ?: y ?? z`, `$eval("1+1")`, `(#!//#//#//#//#//#//////////////////////////////////////!00`, `$sort([3,1,2], function($a,$b){$a>$b})`,
	}
	for _, x := range workflowExpressions {
		texts = append(texts, x.text)
	}
	dir := os.Getenv("TUTTI_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	text, err := os.ReadFile(filepath.Join(dir, "jsonata-suite", "cases.json"))
	if err != nil {
		return texts
	}
	var cases []struct{ Expr string }
	if err := json.Unmarshal(text, &cases); err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		if len(c.Expr) < 200 {
			texts = append(texts, c.Expr)
		}
	}
	return texts
}

func FuzzCompile(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := jsonata.Compile(text)
		if err != nil {
			var faults jsonata.ErrorList
			if !errors.As(err, &faults) || len(faults) == 0 {
				t.Fatalf("%q: %#v", text, err)
			}
			for _, fault := range faults {
				if fault.Message == "" || fault.Position < 0 || fault.Position > len(text) {
					t.Errorf("%q: %#v", text, fault)
				}
			}
			return
		}
		e.Variables()
		e.TopReferences()
	})
}

func FuzzEval(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add(text, `{"a":{"b":[1,{"c":"x"},[2,null]]},"items":[{"id":1,"qty":2.5},{"id":2,"qty":7}]}`, true)
	}
	limits := jsonata.WithLimits(jsonata.Limits{Steps: 200_000, Depth: 200, Memory: 64 << 20})
	f.Fuzz(func(t *testing.T, text, document string, service bool) {
		input, err := value.Parse(document)
		if err != nil {
			input = nil
		}
		options := []jsonata.Option{limits}
		if service {
			options = append(options, jsonata.StepFunctions())
		}
		e, err := jsonata.Compile(text, options...)
		if err != nil {
			return
		}
		v, err := e.Eval(input, jsonata.Bindings{Now: time.Unix(0, 0)})
		var fault *jsonata.Error
		if err != nil && (!errors.As(err, &fault) || fault.Message == "") {
			t.Fatalf("%q: %#v", text, err)
		}
		if v == nil {
			return
		}
		if out := value.Text(v); !utf8.ValidString(out) || service && !value.Valid(out) {
			t.Errorf("%q gives %q", text, out)
		}
	})
}

// FuzzPictures formats and parses by arbitrary pictures: no panic, no runaway, and every fault has a message.
func FuzzPictures(f *testing.F) {
	for _, picture := range []string{
		"#,##0.00;(#0)", "00.000e0", "0%", "w;o", "Ww", "I", "a", "#:##,##0", "①①", "[Y]-[M01]-[D1o] [FNn,3-3] [H]:[m]:[s].[f001] [Z01:01t]", "[XI] [W] [[x]]", "[P] [h#1]",
	} {
		f.Add(picture, "12", 1510067557121.5, "+0530")
	}
	var compiled []*jsonata.Expr
	for _, text := range []string{
		"$formatNumber($n, $p)", "$formatInteger($n, $p)", "$parseInteger($s, $p)", "$fromMillis($n, $p, $z)", "$toMillis($s, $p)",
		"$toMillis($fromMillis($n, $p), $p)", "$parseInteger($formatInteger($n, $p), $p)",
	} {
		e, err := jsonata.Compile(text, jsonata.WithLimits(jsonata.Limits{Steps: 5_000_000, Memory: 64 << 20}))
		if err != nil {
			f.Fatal(err)
		}
		compiled = append(compiled, e)
	}
	f.Fuzz(func(t *testing.T, picture, text string, n float64, zone string) {
		if !utf8.ValidString(picture + text + zone) {
			return
		}
		variables := map[string]value.Value{"p": value.String(picture), "s": value.String(text), "n": value.Float(n), "z": value.String(zone)}
		bindings := jsonata.Bindings{Now: time.Unix(0, 0), Variable: func(name string) (value.Value, bool) {
			v, ok := variables[name]
			return v, ok
		}}
		for _, e := range compiled {
			_, err := e.Eval(nil, bindings)
			var fault *jsonata.Error
			if err != nil && (!errors.As(err, &fault) || fault.Message == "") {
				t.Errorf("%s with %q, %q, %v: %#v", e, picture, text, n, err)
			}
		}
	})
}
