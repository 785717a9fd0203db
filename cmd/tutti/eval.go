package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/tutti-run/tutti/internal/jsonata"
	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/value"
)

// maxEvalInput bounds what eval reads as one document: a file, standard input, or a line of a batch.
const maxEvalInput = 64 << 20

// evalOptions is how eval was called.
type evalOptions struct {
	language queryLanguage
	input    string
	vars     string
	batch    bool
	aws      bool
	output   format
}

// queryLanguage is the value of --language.
type queryLanguage string

const (
	languageJSONata  queryLanguage = "jsonata"
	languageJSONPath queryLanguage = "jsonpath"
)

func (l *queryLanguage) String() string { return string(*l) }
func (l *queryLanguage) Type() string   { return "LANGUAGE" }

// Set implements pflag.Value.
func (l *queryLanguage) Set(s string) error {
	switch chosen := queryLanguage(strings.ToLower(s)); chosen {
	case languageJSONata, languageJSONPath:
		*l = chosen
		return nil
	}
	return errors.New("it is jsonata or jsonpath")
}

func (c *cli) evalCommand() *cobra.Command {
	o := evalOptions{language: languageJSONata, output: formatText}
	cmd := &cobra.Command{
		Use:   "eval EXPRESSION",
		Short: "Evaluate a JSONata expression, a JSONPath or an intrinsic function",
		Long: `Evaluate an expression over an input, and print its value, or its error with the place in the expression.

JSONata is the whole language, with $ for the input. --aws chooses the dialect of Step Functions: its functions and bounds, no $eval, no ?? and
no ?:, the input as $states.input, and no reference to $, $$ or a bare name. The markers {% and %} may stand around an expression. With
--language jsonpath the expression is what Step Functions takes as a path: $.a, $name.a, or a call like States.Format('{}', $.a).

--batch evaluates an expression a line: JSON objects {"id", "expr", "input", "bindings", "timelimit", "depth"}, from standard input or the file of
--input. A line without an input has an undefined one, the time limit is in milliseconds (` + batchTime.String() + ` if there is none), the depth counts nested
evaluations. Each line is answered in its turn: {"id", "result"}, {"id", "undefined": true} or {"id", "error": {"code", "message", "position"}}.

A position counts UTF-16 code units to the end of what is at fault, as the reference implementation does.`,
		Example: `  tutti eval '$sum(items.(price * quantity))' --input order.json
  tutti eval --aws '{% $states.input.name & "!" %}' --input '{"name": "Ada"}'
  tutti eval --language jsonpath '$.items[?(@.price > 10)]' --input order.json
  tutti eval --batch < cases.jsonl`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.batch {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.aws && o.language == languageJSONPath {
				return usage("--aws is a dialect of JSONata; JSONPath is always that of Step Functions")
			}
			if o.batch {
				return c.evalBatch(cmd.Context(), o)
			}
			return c.eval(cmd.Context(), o, args[0])
		},
	}
	flags := cmd.Flags()
	flags.Var(&o.language, "language", "jsonata or jsonpath")
	flags.StringVar(&o.input, "input", "", "the input: a file, - for standard input, or JSON; undefined if absent")
	flags.StringVar(&o.vars, "vars", "", "variables: a JSON object, name to value")
	flags.BoolVar(&o.batch, "batch", false, "evaluate an expression a line of JSON")
	flags.BoolVar(&o.aws, "aws", false, "JSONata as Step Functions has it")
	flags.Var(&o.output, "output", "text, or json for an answer as of --batch")
	return cmd
}

// eval evaluates one expression and prints what comes of it.
func (c *cli) eval(ctx context.Context, o evalOptions, text string) error {
	q := question{expr: unmarked(text)}
	var err error
	if q.input, err = c.evalInput(o.input); err != nil {
		return err
	}
	if q.bindings, err = evalVars(o.vars); err != nil {
		return err
	}
	a := o.evaluator().answer(ctx, q)
	if ctx.Err() != nil {
		return context.Canceled
	}
	code := a.exitCode()
	switch {
	case o.output == formatJSON:
		c.out.println(string(a.appendMembers([]byte{'{'})))
	case len(a.faults) > 0:
		for _, f := range a.faults {
			c.printFault(q.expr, f)
		}
	case a.result == nil:
		c.err.println(c.err.theme.dim("undefined"))
	case c.out.live:
		c.out.println(pretty(string(a.appendResult(nil))))
	default:
		c.out.println(string(a.appendResult(nil)))
	}
	if code != exitOK {
		return &problem{code, nil}
	}
	return nil
}

// unmarked takes the markers of the States Language off.
func unmarked(text string) string {
	if trimmed := strings.TrimSpace(text); payload.IsExpression(trimmed) {
		return strings.TrimSpace(trimmed[len("{%") : len(trimmed)-len("%}")])
	}
	return text
}

// evalInput reads the input: nil, which is undefined, if none is given.
func (c *cli) evalInput(given string) (value.Value, error) {
	if given == "" {
		return nil, nil
	}
	text := given
	if given == "-" || !looksLikeJSON(given) {
		in, err := c.openInput(given)
		if err != nil {
			return nil, err
		}
		defer func() { _ = in.Close() }() // only read
		read, err := io.ReadAll(io.LimitReader(in, maxEvalInput+1))
		if err != nil {
			return nil, usage("the input %s cannot be read: %w", printable(given), reason(err))
		}
		if len(read) > maxEvalInput {
			return nil, usage("the input %s is longer than %d MiB", printable(given), maxEvalInput>>20)
		}
		text = string(read)
	}
	v, err := value.Parse(text)
	if err != nil {
		return nil, usage("the input has to be one JSON value: %s", printable(err.Error()))
	}
	return v, nil
}

// openInput opens a file or, for -, standard input.
func (c *cli) openInput(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(c.stdin), nil
	}
	f, err := os.Open(c.path(name))
	if err != nil {
		return nil, usage("the input %s cannot be read: %w; --input takes a file, - for standard input, or JSON", printable(name), reason(err))
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		_ = f.Close()
		return nil, usage("the input %s cannot be read: it is a folder", printable(name))
	}
	return f, nil
}

func evalVars(text string) (*value.Object, error) {
	if text == "" {
		return nil, nil
	}
	v, err := value.Parse(text)
	if err != nil {
		return nil, usage("--vars has to be a JSON object: %s", printable(err.Error()))
	}
	vars, ok := v.(*value.Object)
	if !ok {
		return nil, usage("--vars has to be a JSON object, name to value, and is of type %s", v.Kind())
	}
	return vars, nil
}

// printFault prints an error and, if its place is known, the line of the expression with a mark below the place.
func (c *cli) printFault(text string, f fault) {
	what := f.message
	if f.code != "" {
		what = f.code + ": " + what
	}
	if !f.placed {
		c.err.println(c.err.theme.bad("tutti:") + " " + printable(what))
		return
	}
	line, number, column := lineAt(text, f.position)
	c.err.println(fmt.Sprintf("%s %s (position %d, line %d, column %d)", c.err.theme.bad("tutti:"), printable(what), f.position, number, column))
	if width, _ := c.err.size(); utf8.RuneCountInString(line) < width-2 {
		c.err.println("  " + printableLine(line))
		c.err.println("  " + strings.Repeat(" ", column-1) + c.err.theme.bad("^"))
	}
}

// lineAt finds the line of the text in which the code unit before position stands: the line, its number, and the column in characters,
// both from 1 on.
func lineAt(text string, position int) (line string, number, column int) {
	units := utf16.Encode([]rune(text))
	before := string(utf16.Decode(units[:max(0, min(position-1, len(units)))]))
	start := strings.LastIndexByte(before, '\n') + 1
	line, _, _ = strings.Cut(text[min(start, len(text)):], "\n")
	return line, 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[start:])
}

// question is one expression to evaluate, and what it may read.
type question struct {
	expr     string
	input    value.Value // nil: undefined
	bindings *value.Object
	limits   jsonata.Limits
}

// variable finds a binding, whose name may be written with its $.
func (q *question) variable(name string) (value.Value, bool) {
	if q.bindings == nil {
		return nil, false
	}
	if v, ok := q.bindings.Get(name); ok {
		return v, true
	}
	return q.bindings.Get("$" + name)
}

// answer is what came of it: a result, nothing, or errors, of which the first is the one that matters.
type answer struct {
	result value.Value
	faults []fault
	write  func([]byte, value.Value) []byte
}

// fault is one error.
type fault struct {
	code, message string
	position      int
	placed        bool // the position is known
	inText        bool // of the expression as it stands, before any evaluation
}

// exitCode tells an expression that is wrong from one that fails.
func (a *answer) exitCode() int {
	switch {
	case len(a.faults) == 0:
		return exitOK
	case a.faults[0].inText:
		return exitUsage
	}
	return exitTrouble
}

func (a *answer) appendResult(dst []byte) []byte { return a.write(dst, a.result) }

// appendMembers appends the answer's members, and closes the object.
func (a *answer) appendMembers(dst []byte) []byte {
	switch {
	case len(a.faults) > 0:
		f := a.faults[0]
		dst = append(dst, `"error":{"code":`...)
		if f.code == "" {
			dst = append(dst, "null"...)
		} else {
			dst = value.AppendQuoted(dst, f.code)
		}
		dst = append(dst, `,"message":`...)
		dst = value.AppendQuoted(dst, f.message)
		dst = append(dst, `,"position":`...)
		if f.placed {
			dst = value.AppendJSON(dst, value.Int(f.position))
		} else {
			dst = append(dst, "null"...)
		}
		return append(dst, '}', '}')
	case a.result == nil:
		return append(dst, `"undefined":true}`...)
	}
	dst = append(dst, `"result":`...)
	return append(a.appendResult(dst), '}')
}

// evaluator is a query language.
type evaluator interface {
	answer(ctx context.Context, q question) answer
}

func (o evalOptions) evaluator() evaluator {
	switch {
	case o.language == languageJSONPath:
		return jsonPathEvaluator{}
	case o.aws:
		return &serviceEvaluator{expressions{options: []jsonata.Option{jsonata.StepFunctions()}}}
	}
	return &plainEvaluator{}
}

// expressions compiles, and remembers what it has compiled: the lines of a batch often have the same expression. Any number of goroutines may
// use it.
type expressions struct {
	options []jsonata.Option
	mu      sync.Mutex
	known   map[expressionKey]*jsonata.Expr
}

type expressionKey struct {
	text   string
	limits jsonata.Limits
}

// maxKnown bounds the expressions that are remembered, and maxKnownText the length of each.
const (
	maxKnown     = 512
	maxKnownText = 4096
)

func (x *expressions) compile(q question) (*jsonata.Expr, error) {
	key := expressionKey{q.expr, q.limits}
	x.mu.Lock()
	e := x.known[key]
	x.mu.Unlock()
	if e != nil {
		return e, nil
	}
	e, err := jsonata.Compile(q.expr, append(slices.Clone(x.options), jsonata.WithLimits(q.limits))...)
	if err != nil || len(q.expr) > maxKnownText {
		return e, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.known == nil || len(x.known) >= maxKnown {
		x.known = make(map[expressionKey]*jsonata.Expr)
	}
	x.known[key] = e
	return e, nil
}

// plainEvaluator is JSONata as the reference has it, with every feature on.
type plainEvaluator struct{ expressions }

func (p *plainEvaluator) answer(ctx context.Context, q question) answer {
	e, err := p.compile(q)
	if err != nil {
		return failed(err)
	}
	v, err := e.Eval(q.input, jsonata.Bindings{Variable: q.variable, Context: ctx})
	if err != nil {
		return failed(err)
	}
	return answer{result: v, write: jsonata.AppendJSON}
}

// serviceEvaluator is JSONata as Step Functions has it.
type serviceEvaluator struct{ expressions }

func (s *serviceEvaluator) answer(ctx context.Context, q question) answer {
	e, err := s.compile(q)
	if err != nil {
		return failed(err)
	}
	if faults := payload.Unsupported(e, payload.Offer{Result: true, ErrorOutput: true}); len(faults) > 0 {
		a := answer{}
		for _, f := range faults {
			a.faults = append(a.faults, fault{code: string(f.Code), message: f.Message, position: f.Position, placed: true, inText: true})
		}
		return a
	}
	bound := func(name string) (value.Value, bool) {
		if v, ok := q.variable(name); ok || name != "states" {
			return v, ok
		}
		states := []value.Member{{Name: "context", Value: value.NewObject()}}
		if q.input != nil {
			states = append(states, value.Member{Name: "input", Value: q.input})
		}
		return value.NewObject(states...), true
	}
	v, err := e.Eval(nil, jsonata.Bindings{Variable: bound, Context: ctx})
	if err != nil {
		return failed(err)
	}
	return answer{result: v, write: value.AppendJSON}
}

// failed is the answer for an error of package jsonata.
func failed(err error) answer {
	var a answer
	var list jsonata.ErrorList
	var one *jsonata.Error
	switch {
	case errors.As(err, &list):
		for _, e := range list {
			a.faults = append(a.faults, faultOf(e))
		}
	case errors.As(err, &one):
		a.faults = []fault{faultOf(one)}
	default:
		a.faults = []fault{{message: err.Error()}}
	}
	return a
}

func faultOf(e *jsonata.Error) fault {
	inText := e.Class == jsonata.ClassSyntax
	return fault{e.Code, e.Message, e.Position, e.Position > 0 || inText, inText}
}

// jsonPathEvaluator is what a JSONPath state may hold behind a name that ends with .$.
type jsonPathEvaluator struct{}

func (jsonPathEvaluator) answer(_ context.Context, q question) answer {
	x, err := payload.CompilePathOrCall("expression", q.expr)
	if err != nil {
		f := fault{message: err.Error(), inText: true}
		if syntax := (*payload.SyntaxError)(nil); errors.As(err, &syntax) {
			f.message, f.position, f.placed = syntax.Message, syntax.Offset+1, true
		}
		return answer{faults: []fault{f}}
	}
	if q.input == nil {
		q.input = value.NewObject()
	}
	v, err := x.Eval(&payload.Env{Input: q.input, Variable: q.variable, Now: time.Now()})
	if err != nil {
		return answer{faults: []fault{{message: err.Error()}}}
	}
	return answer{result: v, write: value.AppendJSON}
}
