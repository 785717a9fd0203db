package jsonpath_test

import (
	"errors"
	"fmt"

	"github.com/tutti-run/tutti/internal/jsonpath"
	"github.com/tutti-run/tutti/internal/value"
)

func Example() {
	order, _ := value.Parse(`{"lines": [{"sku": "A", "qty": 2}, {"sku": "B", "qty": 0}, {"sku": "C", "qty": 7}]}`)
	path, err := jsonpath.Compile("$.lines[?(@.qty > 0)].sku")
	if err != nil {
		fmt.Println(err)
		return
	}
	skus, err := path.Eval(order)
	fmt.Println(value.Text(skus), err, path.Definite())
	// Output: ["A","C"] <nil> false
}

func ExamplePath_Eval_missing() {
	order, _ := value.Parse(`{"lines": []}`)
	for _, text := range []string{"$.total", "$.customer.name", "$.customer.tags[*]"} {
		path, _ := jsonpath.Compile(text)
		v, err := path.Eval(order)
		var missing *jsonpath.NotFoundError
		if errors.As(err, &missing) {
			fmt.Println(err)
			continue
		}
		fmt.Println(value.Text(v))
	}
	// Output:
	// No results for path: $['total']
	// Missing property in path $['customer']
	// []
}

func ExamplePath_Put() {
	input, _ := value.Parse(`{"order": 17}`)
	path, _ := jsonpath.Compile("$.payment.receipt")
	output, err := path.Put(input, value.String("r-1"))
	fmt.Println(value.Text(output), err)
	fmt.Println(value.Text(input))
	// Output:
	// {"order":17,"payment":{"receipt":"r-1"}} <nil>
	// {"order":17}
}

func ExampleCompile_error() {
	_, err := jsonpath.Compile("$.orders['id'")
	var refused *jsonpath.SyntaxError
	if errors.As(err, &refused) {
		fmt.Println(refused.Message)
	}
	// Output: Property must be separated by comma or Property must be terminated close square bracket at index 12
}
