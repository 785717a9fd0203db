package payload

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/jsonata"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// statesVariable is the reserved variable under which expressions find what surrounds them.
const statesVariable = "states"

// Offer says which members $states has beside input and context.
type Offer struct{ Result, ErrorOutput bool }

// ExpressionProblem is a fault in an expression's text.
type ExpressionProblem struct {
	// Pointer is the JSON Pointer (RFC 6901) of the expression inside of the template.
	Pointer string
	// Code is INVALID_JSONATA_EXPRESSION for what is no JSONata, UNSUPPORTED_JSONATA_EXPRESSION for what reads what is not there.
	Code sfn.DiagnosticCode
	// Message is AWS's, without the place.
	Message string
}

// IsExpression tells whether a string in a JSONata state is an expression: nothing may stand outside of its markers.
func IsExpression(s string) bool {
	return strings.HasPrefix(s, "{%") && strings.HasSuffix(s, "%}") && len(s) >= len("{%%}")
}

// CompileExpressions compiles a value of a JSONata state: every string in it that is an expression, at any depth. The field is the path of the
// value below its state, as messages print it. With problems the template is nil.
func CompileExpressions(v value.Value, field string, offered Offer) (*Template, []ExpressionProblem) {
	c := &expressionCompiler{offered: offered}
	root := c.node(v, field, "")
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return &Template{root: root, variables: c.variables.list}, nil
}

type expressionCompiler struct {
	offered   Offer
	problems  []ExpressionProblem
	variables nameSet
}

func (c *expressionCompiler) node(v value.Value, field, pointer string) node {
	switch x := v.(type) {
	case value.String:
		if IsExpression(string(x)) {
			return c.expression(string(x), field, pointer)
		}
	case value.Array:
		items := make([]node, len(x))
		fixed := true
		for i, item := range x {
			at := strconv.Itoa(i)
			items[i] = c.node(item, field+"["+at+"]", pointer+"/"+at)
			fixed = fixed && isConstant(items[i])
		}
		if !fixed {
			return list{items}
		}
	case *value.Object:
		members := make([]member, 0, x.Len())
		fixed := true
		for name, item := range x.All() {
			n := c.node(item, field+"/"+name, pointer+"/"+escapePointer(name))
			fixed = fixed && isConstant(n)
			members = append(members, member{name, n, len(members)})
		}
		if !fixed {
			return object{members}
		}
	}
	return constant{v}
}

func (c *expressionCompiler) expression(marked, field, pointer string) node {
	text := strings.TrimSpace(marked[len("{%") : len(marked)-len("%}")])
	report := func(code sfn.DiagnosticCode, format string, args ...any) {
		c.problems = append(c.problems, ExpressionProblem{pointer, code, fmt.Sprintf(format, args...)})
	}
	expr, err := jsonata.Compile(text, jsonata.StepFunctions())
	if err != nil {
		message := err.Error()
		if faults, ok := err.(jsonata.ErrorList); ok && len(faults) > 0 {
			message = faults[0].Message
		}
		report(sfn.CodeInvalidJSONata, "%s", message)
		return constant{value.Null{}}
	}
	for _, u := range Unsupported(expr, c.offered) {
		report(u.Code, "%s", u.Message)
	}
	for _, name := range expr.Variables() {
		if name != statesVariable {
			c.variables.add(name)
		}
	}
	return &expression{expr: expr, text: text, field: field}
}

// UnsupportedReference is a place in an expression that reads what no state has.
type UnsupportedReference struct {
	Code     sfn.DiagnosticCode
	Message  string
	Position int // of the end of the name, in UTF-16 code units
}

// Unsupported finds what the expression reads and no state has: an input document, and members that $states is without. Each name is
// told once.
func Unsupported(expr *jsonata.Expr, offered Offer) (found []UnsupportedReference) {
	seen := map[string]bool{}
	report := func(key, message string, position int) {
		if !seen[key] {
			seen[key] = true
			found = append(found, UnsupportedReference{sfn.CodeUnsupportedJSONata, message, position})
		}
	}
	for _, r := range expr.TopReferences() {
		if r.Name == "$$" {
			report(r.Name, "Reference to '$$' is not supported.", r.Position)
		} else {
			report(r.Name, fmt.Sprintf("Reference to '%s' at the top level is not supported.", r.Name), r.Position)
		}
	}
	for _, r := range expr.Fields(statesVariable) {
		known := map[string]bool{"": true, "input": true, "context": true, "result": offered.Result, "errorOutput": offered.ErrorOutput}
		if !known[r.Name] {
			report("."+r.Name, fmt.Sprintf("Field '$states.%s' does not exist.", r.Name), r.Position)
		}
	}
	return found
}

// expression is the hole of the JSONata language.
type expression struct {
	expr  *jsonata.Expr
	text  string
	field string
}

// EvaluationError says why an expression has no usable value. Location is its field, like Output/a[0].
type EvaluationError struct {
	Expression, Location string
	what                 string
}

// Error is AWS's sentence (spec jsonata.md section 5).
func (e *EvaluationError) Error() string {
	return fmt.Sprintf("The JSONata expression '%s' specified for the field '%s' %s", e.Expression, e.Location, e.what)
}

func (x *expression) fail(format string, args ...any) error {
	return &EvaluationError{Expression: x.text, Location: x.field, what: fmt.Sprintf(format, args...)}
}

func (x *expression) eval(env *Env) (value.Value, error) {
	v, err := x.expr.Eval(nil, jsonata.Bindings{Variable: env.expressionVariable, Member: env.expressionMember, Now: env.Now, Chance: env.chance()})
	fault, ok := err.(*jsonata.Error)
	switch {
	case err == nil && v == nil:
		return nil, x.fail("returned nothing (undefined).")
	case err == nil:
		return v, nil
	case !ok:
		return nil, x.fail("threw an error during evaluation: %s", err)
	}
	switch fault.Class {
	case jsonata.ClassLimit:
		return nil, x.fail("threw an error during evaluation: %s", fault.Message)
	case jsonata.ClassInternal:
		return nil, x.fail("threw an internal error during evaluation. %s", env.chance().UUID())
	case jsonata.ClassResult:
		return nil, x.fail("returned an unsupported result type.")
	}
	return nil, x.fail("threw an error during evaluation. %s", fault.Error())
}

// Variables lists the variables that the expression reads from outside.
func (x *expression) Variables() []string { return x.expr.Variables() }

// expressionVariable finds what $name means in an expression.
func (e *Env) expressionVariable(name string) (value.Value, bool) {
	if name != statesVariable {
		return e.variable(name)
	}
	members := []value.Member{{Name: "input", Value: e.Input}, {Name: "context", Value: e.context()}}
	if e.Result != nil {
		members = append(members, value.Member{Name: "result", Value: e.Result})
	}
	if e.ErrorOutput != nil {
		members = append(members, value.Member{Name: "errorOutput", Value: e.ErrorOutput})
	}
	return value.NewObject(members...), true
}

// expressionMember finds what $name.field means without making the whole of $name.
func (e *Env) expressionMember(name, field string) (value.Value, bool) {
	if name != statesVariable {
		return nil, false
	}
	switch field {
	case "input":
		return e.Input, true
	case "context":
		return e.context(), true
	case "result":
		return e.Result, e.Result != nil
	case "errorOutput":
		return e.ErrorOutput, e.ErrorOutput != nil
	}
	return nil, false
}

// Expect returns an error if v, which the template has given, is of another kind than a field wants.
func (t *Template) Expect(v value.Value, kind value.Kind) error {
	x, ok := t.root.(*expression)
	if v.Kind() == kind || !ok {
		return nil
	}
	return x.fail("returned an unexpected result type. Expected '%s', but was '%s' for value: %s", kind, v.Kind(), value.Text(v))
}
