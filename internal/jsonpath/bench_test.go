package jsonpath_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/jsonpath"
)

// bigDocument has n lines of some 60 bytes.
func bigDocument(n int) string {
	var b strings.Builder
	b.WriteString(`{"a":{"b":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sku":"item-%d","qty":%d,"price":%d.25,"tags":["x","y"]}`, i, i%10, i)
	}
	b.WriteString(`]}}`)
	return b.String()
}

func BenchmarkEval(b *testing.B) {
	document := parse(b, bigDocument(4000))
	for _, text := range []string{"$.a.b[0]", "$.a.b[*].sku", "$.a.b[?(@.qty > 5 && @.price < 100.5)].sku", "$..sku", "$.a.b.length()"} {
		path := compile(b, text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := path.Eval(document); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsonpath.Compile("$.a.b[?(@.qty > 5 && @.name =~ /x.*/i)].sku"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestDefinitePathsDoNotAllocate(t *testing.T) {
	document := parse(t, bigDocument(100))
	for _, text := range []string{"$", "$.a.b", "$.a.b[0]", "$.a.b[-1].tags[1]", "$['a']['b'][50].price"} {
		path := compile(t, text)
		allocations := testing.AllocsPerRun(100, func() {
			if _, err := path.Eval(document); err != nil {
				t.Fatal(err)
			}
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations", text, allocations)
		}
	}
}
