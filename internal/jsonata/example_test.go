package jsonata_test

import (
	"errors"
	"fmt"

	"github.com/tutti-run/tutti/internal/jsonata"
	"github.com/tutti-run/tutti/internal/value"
)

func ExampleCompile() {
	e, err := jsonata.Compile(`$sum(items[price > 2].(price * quantity))`)
	if err != nil {
		fmt.Println(err)
		return
	}
	input, _ := value.Parse(`{"items":[{"price":5,"quantity":2},{"price":1,"quantity":9},{"price":3.5,"quantity":2}]}`)
	v, err := e.Eval(input, jsonata.Bindings{})
	fmt.Println(value.Text(v), err)
	// Output: 17 <nil>
}

func ExampleCompile_mistakes() {
	_, err := jsonata.Compile(`{"total": 1 +, "items": [a b, c]}`)
	var faults jsonata.ErrorList
	if errors.As(err, &faults) {
		for _, fault := range faults {
			fmt.Println(fault.Position, fault)
		}
	}
	// Output:
	// 14 S0211: The symbol "," cannot be used as a unary operator
	// 28 S0202: Expected "]", got "b"
}

func ExampleStepFunctions() {
	e, err := jsonata.Compile(`$partition($states.input.ids, 2)`, jsonata.StepFunctions())
	if err != nil {
		fmt.Println(err)
		return
	}
	input, _ := value.Parse(`{"ids":[1,2,3]}`)
	v, err := e.Eval(nil, jsonata.Bindings{Member: func(name, field string) (value.Value, bool) {
		return input, name == "states" && field == "input"
	}})
	fmt.Println(value.Text(v), err)
	// Output: [[1,2],[3]] <nil>
}

func ExampleExpr_Eval_undefined() {
	e, err := jsonata.Compile(`nothing.here`)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := e.Eval(value.NewObject(), jsonata.Bindings{})
	fmt.Println(v == nil, err)
	// Output: true <nil>
}

func ExampleExpr_Eval_bound() {
	e, err := jsonata.Compile(`($f := function(){ 1 + $f() }; $f())`, jsonata.StepFunctions())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = e.Eval(nil, jsonata.Bindings{})
	var fault *jsonata.Error
	if errors.As(err, &fault) {
		fmt.Println(fault.Class, fault)
	}
	// Output: limit Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive
}

func ExampleExpr_Variables() {
	e, err := jsonata.Compile(`($sum := $a + $b; $sum * $rate)`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Variables())
	// Output: [a b rate]
}

func ExampleExpr_Fields() {
	e, err := jsonata.Compile(`$states.input.id & $states.result.name`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Fields("states"))
	// Output: [{input 13} {result 33}]
}
