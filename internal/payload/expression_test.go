package payload_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/value"
)

func ExampleCompileExpressions() {
	arguments, _ := value.Parse(`{"user": "{% $states.input.name %}", "note": "plain", "tries.$": "{% $tries + 1 %}"}`)
	template, problems := payload.CompileExpressions(arguments, "Arguments", payload.Offer{})
	if problems != nil {
		fmt.Println(problems)
		return
	}
	input, _ := value.Parse(`{"name": "ann"}`)
	v, err := template.Eval(&payload.Env{Input: input, Variable: func(string) (value.Value, bool) { return value.Int(2), true }})
	fmt.Println(value.Text(v), err, template.Variables())
	// Output: {"user":"ann","note":"plain","tries.$":3} <nil> [tries]
}

func TestExpressionProblems(t *testing.T) {
	for _, tt := range []struct {
		in      string
		offered payload.Offer
		want    string // place, code and message of all problems
	}{
		{`"{% $states.input.a %}"`, payload.Offer{}, ``},
		{`" {% nope %}"`, payload.Offer{}, ``},
		{`["{% [1,2 %}"]`, payload.Offer{}, `/0 INVALID_JSONATA_EXPRESSION Expected "]" before end of expression;`},
		{`{"a/b":"{% phone %}"}`, payload.Offer{}, `/a~1b UNSUPPORTED_JSONATA_EXPRESSION Reference to 'phone' at the top level is not supported.;`},
		{`"{% $ %}"`, payload.Offer{}, ` UNSUPPORTED_JSONATA_EXPRESSION Reference to '$' at the top level is not supported.;`},
		{`"{% $$ %}"`, payload.Offer{}, ` UNSUPPORTED_JSONATA_EXPRESSION Reference to '$$' is not supported.;`},
		{`"{% $states.result %}"`, payload.Offer{}, ` UNSUPPORTED_JSONATA_EXPRESSION Field '$states.result' does not exist.;`},
		{`"{% $states.result %}"`, payload.Offer{Result: true}, ``},
		{`"{% $states.errorOutput.Error %}"`, payload.Offer{ErrorOutput: true}, ``},
	} {
		v, err := value.Parse(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		_, problems := payload.CompileExpressions(v, "Output", tt.offered)
		got := ""
		for _, p := range problems {
			got += fmt.Sprintf("%s %s %s;", p.Pointer, p.Code, p.Message)
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestExpressionFailures(t *testing.T) {
	for _, tt := range []struct{ in, location, want string }{
		{`{"a":["{% $nope %}"]}`, "Output/a[0]", "The JSONata expression '$nope' specified for the field 'Output/a[0]' returned nothing (undefined)."},
		{`"{% $sum(['a']) %}"`, "Output", `The JSONata expression '$sum(['a'])' specified for the field 'Output' threw an error during evaluation. T0412: Argument 1 of function "sum" must be an array of "numbers"`},
		{`"{% function($x){$x} %}"`, "Output", "The JSONata expression 'function($x){$x}' specified for the field 'Output' returned an unsupported result type."},
	} {
		v, err := value.Parse(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		template, problems := payload.CompileExpressions(v, "Output", payload.Offer{})
		if problems != nil {
			t.Fatal(problems)
		}
		_, err = template.Eval(&payload.Env{Input: value.NewObject()})
		var failed *payload.EvaluationError
		if !errors.As(err, &failed) || failed.Location != tt.location || failed.Error() != tt.want {
			t.Errorf("%s: %v, want at %s: %s", tt.in, err, tt.location, tt.want)
		}
	}
}

func TestExpect(t *testing.T) {
	template, _ := payload.CompileExpressions(value.String("{% 'string' %}"), "Items", payload.Offer{})
	v, err := template.Eval(&payload.Env{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `The JSONata expression ''string'' specified for the field 'Items' returned an unexpected result type. Expected 'array', but was 'string' for value: "string"`
	if err := template.Expect(v, value.KindArray); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if err := template.Expect(v, value.KindString); err != nil {
		t.Error(err)
	}
}
