package jsonata_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/jsonata"
	"github.com/tutti-run/tutti/internal/value"
)

// workflowExpressions are typical of workflows, from the smallest to loops over 1,000 items.
var workflowExpressions = []struct{ name, text string }{
	{"field", `$states.input.order.customer.address.city`},
	{"arithmetic", `$states.input.order.quantity * $states.input.order.price * (1 + $states.input.order.tax) - 5`},
	{"condition", `$states.input.order.quantity > 10 and $states.input.order.status = "open" ? "bulk" : "single"`},
	{"concatenation", `"Order " & $states.input.order.id & " of " & $states.input.order.customer.name & ": " & $states.input.order.quantity & " pieces"`},
	{"construction", `{"id": $states.input.order.id, "to": {"name": $states.input.order.customer.name, "city": $states.input.order.customer.address.city}, "lines": [$states.input.order.quantity, $states.input.order.price], "ok": true}`},
	{"strings", `$uppercase($substringBefore($states.input.order.email, "@")) & "-" & $pad($string($states.input.order.id), -8, "0")`},
	{"map", `$map($states.input.items, function($item, $i) { {"n": $i, "sku": $item.sku, "total": $item.qty * $item.price} })`},
	{"filter", `$filter($states.input.items, function($item) { $item.qty > 5 and $item.price < 500 }).sku`},
	{"sum", `$sum($states.input.items.(qty * price))`},
	{"group", `$states.input.items[qty > 2]{category: $sum(qty)}`},
	{"sort", `$states.input.items^(>price, sku)[0].sku`},
	{"reduce", `$reduce($states.input.items, function($total, $item) { $total + $item.qty }, 0)`},
}

// workflowInput has an order and n items.
func workflowInput(n int) string {
	var b strings.Builder
	b.WriteString(`{"order":{"id":4711,"quantity":12,"price":19.5,"tax":0.19,"status":"open","email":"ada@example.com","customer":{"name":"Ada","address":{"city":"London","zip":"N1"}}},"items":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sku":"item-%d","qty":%d,"price":%d.25,"category":"c%d","tags":["x","y"]}`, i*7919%n, i%10, i*31%997, i%7)
	}
	b.WriteString(`]}`)
	return b.String()
}

// states binds the input as workflows see it.
func states(input value.Value) jsonata.Bindings {
	return jsonata.Bindings{Member: func(name, field string) (value.Value, bool) {
		return input, name == "states" && field == "input"
	}}
}

func BenchmarkEval(b *testing.B) {
	bindings := states(mustParse(b, workflowInput(1000)))
	for _, x := range workflowExpressions {
		e, err := jsonata.Compile(x.text, jsonata.StepFunctions())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Eval(nil, bindings); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, x := range workflowExpressions {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := jsonata.Compile(x.text, jsonata.StepFunctions()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
