package payload

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/jsonpath"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// Path is a JSONPath with the document that it is applied to: "$..." reads the input, "$$..." the Context object and
// "$name..." a variable (developer guide, "Using JSONPath paths" and "Passing data between states with variables").
type Path struct {
	text     string
	document document
	variable string // set for a variable
	path     *jsonpath.Path
	broken   error // a filter that does not parse; path is nil then
}

type document uint8

const (
	documentInput document = iota
	documentContext
	documentVariable
)

// CompilePath compiles a path. It fails with a [*SyntaxError]. What stands inside of a filter is not its business: AWS creates machines with
// filters that its evaluator cannot read, such as [?(@.status==FAILED)], and lets the execution fail.
func CompilePath(text string) (*Path, error) {
	if !strings.HasPrefix(text, "$") {
		return nil, &SyntaxError{Offset: 0, Message: "a path begins with '$'"}
	}
	p := &Path{text: text}
	rest := text[1:]
	if strings.HasPrefix(rest, "$") {
		p.document, rest = documentContext, rest[1:]
	} else if n := variableLength(rest); n > 0 {
		p.document, p.variable, rest = documentVariable, rest[:n], rest[n:]
	}
	if rest != "" && rest[0] != '.' && rest[0] != '[' {
		return nil, &SyntaxError{Offset: len(text) - len(rest), Message: "expected '.' or '['"}
	}
	compiled, err := jsonpath.Compile("$" + rest)
	var syntax *jsonpath.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.InFilter():
		p.broken = err
	case err != nil:
		return nil, locate(err, text, rest)
	}
	p.path = compiled
	return p, nil
}

// locate turns an error of the path "$"+rest, which counts in UTF-16 code units, into one of text, which ends with rest.
func locate(err error, text, rest string) *SyntaxError {
	located := &SyntaxError{Offset: len(text) - len(rest), Message: err.Error(), Err: err}
	var syntax *jsonpath.SyntaxError
	if !errors.As(err, &syntax) {
		return located
	}
	units := syntax.Offset - 1
	for i, r := range rest {
		if units <= 0 {
			located.Offset += i
			return located
		}
		units -= utf16.RuneLen(r)
	}
	located.Offset = len(text)
	return located
}

// Eval returns what the path leads to. It fails with the error of [jsonpath.Path.Eval] or with an [*UndefinedVariableError].
func (p *Path) Eval(env *Env) (value.Value, error) {
	root := env.Input
	switch p.document {
	case documentContext:
		root = env.context()
	case documentVariable:
		v, ok := env.variable(p.variable)
		if !ok {
			return nil, &UndefinedVariableError{p.variable}
		}
		root = v
	}
	if p.broken != nil {
		return nil, p.broken
	}
	return p.path.Eval(root)
}

// Put returns root with v at the place where the path leads, as ResultPath does.
func (p *Path) Put(root, v value.Value) (value.Value, error) {
	if p.document != documentInput {
		return nil, fmt.Errorf("the path %s does not lead into the input", p.text)
	}
	return p.path.Put(root, v)
}

// String is the path as written.
func (p *Path) String() string { return p.text }

// Root tells whether the path is "$", the input as a whole.
func (p *Path) Root() bool { return p.document == documentInput && p.broken == nil && p.path.Root() }

// IsReference tells whether the path is a Reference Path: one that can only lead to a single node.
func (p *Path) IsReference() bool { return p.broken == nil && p.path.IsReference() }

// Definite tells whether the path yields a node itself rather than the list of all that match.
func (p *Path) Definite() bool { return p.broken == nil && p.path.Definite() }

// FromContext tells whether the path reads the Context object.
func (p *Path) FromContext() bool { return p.document == documentContext }

// Variable is the name of the variable that the path reads, or "".
func (p *Path) Variable() string { return p.variable }

// Variables lists the variables that the path reads: one or none.
func (p *Path) Variables() []string {
	if p.document != documentVariable {
		return nil
	}
	return []string{p.variable}
}

// searched is the text of the document that the path was applied to.
func (p *Path) searched(env *Env) string {
	switch p.document {
	case documentContext:
		return value.Text(env.context())
	case documentVariable:
		if v, ok := env.variable(p.variable); ok {
			return value.Text(v)
		}
	}
	return env.inputText()
}

// pastEnd tells whether a path failed because its last step is an index outside of its array. Jayway's text tells it from a missing
// member, which it prints with quotes.
func pastEnd(err error) bool {
	var notFound *jsonpath.NotFoundError
	if !errors.As(err, &notFound) {
		return false
	}
	text, found := strings.CutSuffix(notFound.Error(), "]")
	return found && strings.HasPrefix(text, "No results for path: ") && text[len(text)-1] >= '0' && text[len(text)-1] <= '9'
}

// PathOrCall is a field that holds either a path or an intrinsic function call: every "name.$" of a template, and ErrorPath, CausePath.
type PathOrCall struct {
	field string
	path  *Path
	call  *Call
}

// CompilePathOrCall compiles the value of the field: a path if it begins with "$", else a call. It fails with a [*SyntaxError].
func CompilePathOrCall(field, text string) (*PathOrCall, error) {
	x := &PathOrCall{field: field}
	var err error
	if strings.HasPrefix(text, "$") {
		x.path, err = CompilePath(text)
	} else {
		x.call, err = CompileCall(text)
	}
	if err != nil {
		return nil, err
	}
	return x, nil
}

// Eval returns the value of the path or the call. It fails with a [*PathError] or a [*CallError].
func (x *PathOrCall) Eval(env *Env) (value.Value, error) {
	if x.call != nil {
		return x.call.Eval(env)
	}
	v, err := x.path.Eval(env)
	if err != nil {
		return nil, &PathError{Path: x.path.text, Field: x.field, Input: x.path.searched(env), Err: err}
	}
	return v, nil
}

// Path is the path, or nil if there is a call.
func (x *PathOrCall) Path() *Path { return x.path }

// Call is the call, or nil if there is a path.
func (x *PathOrCall) Call() *Call { return x.call }

// String is the field's value as written.
func (x *PathOrCall) String() string {
	if x.call != nil {
		return x.call.text
	}
	return x.path.text
}

// Variables lists the variables that are read, in order of appearance.
func (x *PathOrCall) Variables() []string {
	if x.call != nil {
		return x.call.Variables()
	}
	return x.path.Variables()
}

// ValidVariableName tells whether Assign may set a variable of that name (Amazon States Language, "Variables"): at most 80 characters,
// the first an ID_Start and the others ID_Continue in Unicode's sense, and not the reserved "states".
func ValidVariableName(name string) bool {
	return name != "" && variableLength(name) == len(name) && utf8.RuneCountInString(name) <= sfn.MaxNameLength && name != "states"
}

// variableLength is the length of the longest variable name that text begins with.
func variableLength(text string) int {
	for i, r := range text {
		start := unicode.IsLetter(r) || unicode.In(r, unicode.Nl, unicode.Other_ID_Start)
		if !start && (i == 0 || !unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue)) {
			return i
		}
	}
	return len(text)
}
