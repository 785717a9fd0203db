package asl

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// reads records that the state reads the variables.
func (c *checker) reads(f frame, variables []string) {
	if f.state == nil {
		return
	}
	for _, name := range variables {
		if !slices.Contains(c.references[f.state.name], name) {
			if c.references == nil {
				c.references = map[string][]string{}
			}
			c.references[f.state.name] = append(c.references[f.state.name], name)
		}
	}
}

// path compiles a JSONPath; null discards.
func (c *checker) path(n *node, f frame) {
	if n.kind() == value.KindNull && !isOperand(n) {
		return
	}
	if !c.is(n, value.KindString) {
		return
	}
	text, _ := n.text()
	if isOperand(n) && !strings.HasPrefix(text, "$") {
		c.fault(n, "Value is not a Reference Path: Reference path didn't start with '$'")
		return
	}
	p, err := compilePath(text)
	if err != nil {
		c.fault(n, "Value must be a valid JSONPath.")
		return
	}
	n.compiled = p
	c.reads(f, p.Variables())
}

// isOperand tells whether the path is Variable or the operand of a Choice rule. AWS calls them Reference Paths where it refuses them,
// though it takes any path.
func isOperand(n *node) bool {
	_, path, ok := operatorNamed(n.name)
	return n.name == "Variable" || ok && path
}

// compilePath compiles a path. In place of one that a substitution will complete stands "$".
func compilePath(text string) (*payload.Path, error) {
	p, err := payload.CompilePath(text)
	if err != nil && hasPlaceholder(text) {
		return payload.CompilePath("$")
	}
	return p, err
}

// referencePath compiles a Reference Path or reports why the value is none.
func (c *checker) referencePath(n *node) *payload.Path {
	if !c.is(n, value.KindString) {
		return nil
	}
	text, _ := n.text()
	p, err := compilePath(text)
	switch {
	case !strings.HasPrefix(text, "$"):
		c.fault(n, "Value is not a Reference Path: Reference path didn't start with '$'")
	case err != nil:
		c.fault(n, "Value is not a Reference Path: %s", err)
	case !p.IsReference():
		c.fault(n, "Value is not a Reference Path: '%s' may lead to more than one node", text)
	default:
		return p
	}
	return nil
}

func (c *checker) reference(n *node, f frame) {
	p := c.referencePath(n)
	if p == nil {
		return
	}
	n.compiled = p
	c.reads(f, p.Variables())
	if n.name == "TimestampPath" { // the path of a textual field
		n.compiled, _ = payload.CompilePathOrCall(n.name, p.String())
	}
}

// resultPath compiles a ResultPath, which leads into the input only; null discards the result.
func (c *checker) resultPath(n *node) {
	if n.kind() == value.KindNull {
		return
	}
	p := c.referencePath(n)
	if p == nil {
		return
	}
	if p.FromContext() || p.Variable() != "" {
		c.fault(n, "Value is not a Reference Path: '%s' does not lead into the state's input", p)
		return
	}
	n.compiled = p
}

// textFunctions are the intrinsic functions that ErrorPath and CausePath may call (developer guide, "Fail workflow state").
func textFunctions() []string {
	return []string{
		"States.Format", "States.JsonToString", "States.ArrayGetItem", "States.Base64Encode", "States.Base64Decode", "States.Hash", "States.UUID",
	}
}

// textPath compiles ErrorPath or CausePath.
func (c *checker) textPath(n *node, f frame) {
	if !c.is(n, value.KindString) {
		return
	}
	text, _ := n.text()
	x, err := payload.CompilePathOrCall(n.name, text)
	if err != nil && hasPlaceholder(text) {
		x, err = payload.CompilePathOrCall(n.name, "$")
	}
	switch {
	case err != nil:
		c.fault(n, "Value must be a valid JSONPath or a valid intrinsic function call")
	case x.Path() != nil && !x.Path().IsReference():
		c.fault(n, "Value is not a Reference Path: '%s' may lead to more than one node", text)
	case x.Call() != nil && !slices.Contains(textFunctions(), x.Call().Function()):
		c.fault(n, "Value must be a valid JSONPath or a call of one of these intrinsic functions: %s", list(textFunctions()))
	default:
		n.compiled = x
		c.reads(f, x.Variables())
	}
}

// template compiles a payload template, or the JSON with expressions that stands in its place in JSONata states.
func (c *checker) template(n *node, f frame) {
	if f.language == JSONata {
		c.jsonata(n, f)
		return
	}
	t, problems := payload.CompileTemplate(n.value)
	for _, p := range problems {
		tight := n.find(p.Pointer)
		if text, ok := tight.text(); ok && hasPlaceholder(text) && strings.HasSuffix(tight.name, ".$") {
			continue
		}
		c.faultIn(tight.parent, tight, "%s", p.Message)
	}
	if t == nil {
		t = emptyTemplate
	}
	n.compiled = t
	c.reads(f, t.Variables())
	c.warnDollar(n)
}

// emptyTemplate stands for one that cannot be compiled before a substitution completes it.
var emptyTemplate, _ = payload.CompileTemplate(value.NewObject())

// items checks what a Map in JSONata iterates over.
func (c *checker) items(n *node, f frame) {
	text, isText := n.text()
	if isText && isExpression(text) || n.kind() == value.KindArray || n.kind() == value.KindObject {
		c.jsonata(n, f)
		return
	}
	c.is(n, value.KindArray)
}

// assign checks the names of variables and compiles their values.
func (c *checker) assign(n *node, f frame) {
	if !c.is(n, value.KindObject) {
		return
	}
	for _, member := range n.members() {
		name := variableName(member, f.language)
		switch {
		case name == "states":
			c.report(sfn.SeverityError, sfn.CodeReservedVariable, n, member, "Cannot assign to reserved variable '$states'.")
		case payload.ValidVariableName(name):
		case utf8.RuneCountInString(name) > sfn.MaxNameLength:
			c.report(sfn.SeverityError, sfn.CodeInvalidVariable, n, member, fmt.Sprintf(
				"Invalid variable name '%s': the variable name exceeds the %d-character limit.", name, sfn.MaxNameLength))
		default:
			c.report(sfn.SeverityError, sfn.CodeInvalidVariable, n, member, fmt.Sprintf(
				"Invalid variable name '%s': the variable name contains invalid characters.", name))
		}
	}
	c.template(n, f)
}

// variableName is the variable that a member of Assign sets.
func variableName(member *node, language QueryLanguage) string {
	if language == JSONPath {
		return strings.TrimSuffix(member.name, ".$")
	}
	return member.name
}

func (c *checker) condition(n *node, f frame) {
	if text, ok := n.text(); ok && isExpression(text) {
		c.jsonata(n, f)
		return
	}
	if c.is(n, value.KindBool) {
		n.compiled, _ = compileJSONata(n.value, "", 0)
	}
}

// isExpression tells whether the text is a JSONata expression: it starts with {% and ends with %}, without blanks outside.
func isExpression(text string) bool {
	return len(text) >= 4 && strings.HasPrefix(text, "{%") && strings.HasSuffix(text, "%}")
}

// expression compiles the value, if it is an expression of a JSONata state.
func (c *checker) expression(n *node, field *field, f frame) bool {
	text, ok := n.text()
	if !ok || field.literal || f.language != JSONata || !strings.HasPrefix(text, "{%") && !strings.HasSuffix(text, "%}") {
		return false
	}
	c.jsonata(n, f)
	return true
}

// jsonata compiles JSON with expressions at any depth.
func (c *checker) jsonata(n *node, f frame) {
	c.expressionMarks(n)
	t, problems := compileJSONata(n.value, n.field(f.state), f.offers(n))
	for _, p := range problems {
		tight := n.find(p.Pointer)
		c.report(sfn.SeverityError, p.Code, tight, tight, p.Message)
	}
	if t != nil {
		n.compiled = t
		c.reads(f, t.Variables())
	}
}

// expressionMarks reports strings that open an expression without closing it, or the reverse.
func (c *checker) expressionMarks(n *node) {
	if text, ok := n.text(); ok && !isExpression(text) && (strings.HasPrefix(text, "{%") || strings.HasSuffix(text, "%}") && !strings.Contains(text, "{%")) {
		c.fault(n, "JSONata string must start with {%% and end with %%}")
	}
	for _, child := range n.children {
		c.expressionMarks(child)
	}
}

// offers tells what $states has for the expressions of a field, beside input and context (developer guide, "Transforming data").
func (f frame) offers(n *node) offer {
	if n.name != "Output" && n.name != "Assign" {
		return 0
	}
	switch {
	case n.parent == f.state && f.types&inWork != 0:
		return offersResult
	case n.parent.parent != nil && n.parent.parent.name == "Catch" && n.parent.parent.parent == f.state:
		return offersErrorOutput
	}
	return 0
}

// looksLikePath tells whether somebody may have meant the text to be evaluated.
func looksLikePath(text string) bool {
	switch {
	case text == "$", strings.HasPrefix(text, "$."), strings.HasPrefix(text, "$["), strings.HasPrefix(text, "$$."):
		_, err := payload.CompilePath(text)
		return err == nil
	case strings.HasPrefix(text, "States."):
		_, err := payload.CompileCall(text)
		return err == nil
	}
	return false
}

// warnDollar warns of what looks like a path or call in a template below a key without ".$".
func (c *checker) warnDollar(n *node) {
	if text, ok := n.text(); ok && n.parent.kind() == value.KindObject && !strings.HasSuffix(n.name, ".$") && looksLikePath(text) {
		c.warn(sfn.CodeNoDollar, n, "The value of the field '%s' appears to be a JSONPath or an intrinsic function, but the field's name does not end with '.$'", n.name)
	}
	for _, child := range n.children {
		c.warnDollar(child)
	}
}

// warnPath warns of what looks like a path in a field that has a twin for paths.
func (c *checker) warnPath(n *node) {
	if text, _ := n.text(); looksLikePath(text) && stateOrRuleField(n.name+"Path") {
		c.warn(sfn.CodeNoPath, n, "The value of the field '%s' looks like a path, but the field's name does not end with 'Path'", n.name)
	}
}

func stateOrRuleField(name string) bool {
	return stateShape.field(name) != nil || nestedRuleShape.field(name) != nil
}

// constant warns of a Pass state's Result that looks as if it should be evaluated.
func (c *checker) constant(n *node) {
	if n.name == "Result" && isDynamic(n) {
		c.warn(sfn.CodePassResultIsStatic, n, "The Result of a Pass state is static: paths and intrinsic functions in it are not evaluated")
	}
}

func isDynamic(n *node) bool {
	if text, ok := n.text(); ok && looksLikePath(text) || strings.HasSuffix(n.name, ".$") {
		return true
	}
	return slices.ContainsFunc(n.children, isDynamic)
}

// validTimestamp tells whether the text is a timestamp of RFC 3339 with an upper-case T and an upper-case Z or a numeric offset
// (Amazon States Language, "Timestamps").
func validTimestamp(text string) bool {
	if len(text) < len("2006-01-02T15:04:05Z") || text[10] != 'T' || text[13] != ':' || text[16] != ':' || strings.Contains(text, ",") {
		return false
	}
	_, err := time.Parse(time.RFC3339Nano, text)
	return err == nil
}
