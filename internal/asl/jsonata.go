package asl

import (
	"strconv"
	"strings"

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

// expressionProblem is a fault of an expression.
type expressionProblem struct {
	// Pointer is the JSON Pointer of the expression below the compiled value.
	Pointer string
	Code    sfn.DiagnosticCode
	Message string
}

const noExpressions = "JSONata expressions cannot be evaluated by this version"

// compileJSONata compiles a value of a JSONata state: every string in it that is an expression, at any depth. The field is the path of
// the value below its state, as run-time messages print it; the offer is what $states has there. With problems the template is nil.
func compileJSONata(v value.Value, field string, available offer) (*payload.Template, []expressionProblem) {
	if problems := findExpressions(v, "", nil); len(problems) > 0 {
		return nil, problems
	}
	t, _ := payload.CompileTemplate(v)
	return t, nil
}

// findExpressions reports every expression. Names that end in ".$" mean nothing in JSONata, but the template of a constant would
// evaluate them.
func findExpressions(v value.Value, pointer string, problems []expressionProblem) []expressionProblem {
	switch x := v.(type) {
	case value.String:
		if isExpression(string(x)) {
			problems = append(problems, expressionProblem{pointer, sfn.CodeInvalidJSONata, noExpressions})
		}
	case value.Array:
		for i, item := range x {
			problems = findExpressions(item, pointer+"/"+strconv.Itoa(i), problems)
		}
	case *value.Object:
		for name, member := range x.All() {
			at := pointer + "/" + escapePointer(name)
			if strings.HasSuffix(name, ".$") {
				problems = append(problems, expressionProblem{at, sfn.CodeInvalidJSONata, noExpressions})
			}
			problems = findExpressions(member, at, problems)
		}
	}
	return problems
}
