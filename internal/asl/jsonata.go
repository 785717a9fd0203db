package asl

import (
	"slices"

	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// This file is all that the package knows about the text of expressions.

// offer is a set of the members of $states that only some fields have.
type offer uint8

const (
	offersResult      offer = 1 << iota // $states.result
	offersErrorOutput                   // $states.errorOutput
)

// compileJSONata compiles a value of a JSONata state: every string in it that is an expression, at any depth. The field is the path of
// the value below its state, as run-time messages print it; the offer is what $states has there. With problems the template is nil.
func compileJSONata(v value.Value, field string, available offer) (*payload.Template, []payload.ExpressionProblem) {
	t, problems := payload.CompileExpressions(v, field, payload.Offer{
		Result: available&offersResult != 0, ErrorOutput: available&offersErrorOutput != 0,
	})
	if len(problems) > 0 && hasPlaceholder(value.Text(v)) {
		// What stands in the place of ${name} is not known yet. Should it be run all the same, it says so.
		problems = slices.DeleteFunc(problems, func(p payload.ExpressionProblem) bool { return p.Code == sfn.CodeInvalidJSONata })
		if len(problems) == 0 {
			t, _ = payload.CompileExpressions(value.String(`{% $error("A placeholder was not replaced") %}`), field, payload.Offer{})
		}
	}
	return t, problems
}
