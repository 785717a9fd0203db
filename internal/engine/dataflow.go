package engine

import (
	"errors"
	"fmt"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// This file takes data through a state: raw input, InputPath, Parameters, work, ResultSelector, ResultPath, OutputPath (JSONPath), or
// Arguments, work, Output (JSONata), with Assign beside them (spec asl.md section 2).

// fault is why a field of a state could not be evaluated.
type fault struct {
	failure sfn.Failure
	// evaluation tells that a JSONata expression is at fault, which Retry and Catch may answer. Every other fault ends the execution.
	evaluation bool
	// location is the expression's field; "" where AWS names none.
	location string
	// afterEntered tells that the event points at the Entered event, and not where that one points (recorded both ways).
	afterEntered bool
}

// runtime returns the fault of a state's field, with the sentence that AWS puts before the text.
func (x *Execution) runtime(f *flow, format string, args ...any) *fault {
	return runtimeIn(f.state.Common().Name, f.entered, fmt.Sprintf(format, args...))
}

func runtimeIn(state string, entered int64, text string) *fault {
	if entered == 0 { // on trial there is but one state, and there are no events
		return &fault{failure: *sfn.Fail(sfn.ErrorRuntime, "%s", text)}
	}
	return &fault{failure: *sfn.Fail(sfn.ErrorRuntime, "An error occurred while executing the state '%s' (entered at the event id #%d). %s", state, entered, text)}
}

// evaluation returns the fault that err is: that of a JSONata expression names its field, everything else is a States.Runtime.
func (x *Execution) evaluation(f *flow, err error) *fault {
	return evaluationIn(f.state.Common().Name, f.entered, err)
}

func evaluationIn(state string, entered int64, err error) *fault {
	why := runtimeIn(state, entered, err.Error())
	var failed *payload.EvaluationError
	if errors.As(err, &failed) {
		why.failure.Error = sfn.Some(string(sfn.ErrorQueryEvaluation))
		why.evaluation, why.location = true, failed.Location
	}
	return why
}

// misfit returns the fault of an expression whose value a field cannot take.
func (x *Execution) misfit(f *flow, location, format string, args ...any) *fault {
	why := x.runtime(f, format, args...)
	why.failure.Error = sfn.Some(string(sfn.ErrorQueryEvaluation))
	why.evaluation, why.location = true, location
	return why
}

// expression evaluates a field that is an expression, or a literal with expressions in it, of a JSONata state. Whatever kind it wants is
// checked; KindNull wants none.
func (x *Execution) expression(f *flow, t *payload.Template, field string, want value.Kind) (value.Value, *fault) {
	v, err := t.Eval(x.env(f, f.data, field))
	if err == nil && want != value.KindNull {
		err = t.Expect(v, want)
	}
	if err != nil {
		return nil, x.evaluation(f, err)
	}
	return v, nil
}

func speaksJSONata(f *flow) bool { return f.state.Common().QueryLanguage == asl.JSONata }

// raise fails the state with a fault: a JSONata expression's as an event that Retry and Catch may answer, any other for good.
func (x *Execution) raise(f *flow, why *fault) {
	if !why.evaluation {
		x.emit(nil, history.ExecutionFailed, f.tail, &history.FailedDetails{Failure: why.failure})
		return
	}
	x.emit(f, history.EvaluationFailed, f.beforeEvaluation(why), &history.EvaluationFailedDetails{
		Failure: why.failure, Location: why.location, State: f.state.Common().Name,
	})
}

// beforeEvaluation is the event at which an EvaluationFailed points. Where nothing has happened in the state yet it is the one at which the
// Entered event points (recorded), later the last event of the chain; for the catcher of a Map or Parallel that is the event that
// failed, since …StateFailed stands aside (spec history.md section 4.4).
func (f *flow) beforeEvaluation(why *fault) int64 {
	switch {
	case f.phase == failed && isFork(f.state):
		return f.fork.blamed
	case f.tail != f.entered || why.afterEntered:
		return f.tail
	}
	return f.cause
}

// env is what the fields of the flow's state may read. The input is what "$" means.
func (x *Execution) env(f *flow, input *value.Data, field string) *payload.Env {
	return &payload.Env{
		Input:     input.Value(),
		InputText: input.Text,
		Context:   func() value.Value { return x.context(f) },
		Variable:  f.variable,
		Chance:    x.chance(f.tail, field),
		Now:       x.lastTime,
	}
}

var emptyObject = value.NewData(value.NewObject()).Freeze()

// path applies a field that holds a path to the data.
func (x *Execution) path(f *flow, field asl.PathField, data *value.Data) (*value.Data, *fault) {
	switch {
	case field.Discard:
		return emptyObject, nil
	case field.IsDefault():
		return data, nil
	}
	v, err := field.Path.Eval(x.env(f, data, ""))
	if err != nil {
		return nil, x.invalidPath(f, field.Path, err)
	}
	return value.NewData(v), nil
}

func (x *Execution) invalidPath(f *flow, p *payload.Path, err error) *fault {
	return x.runtime(f, "Invalid path '%s' : %s", p, err)
}

// template evaluates a payload template; without one the data passes.
func (x *Execution) template(f *flow, t *payload.Template, data *value.Data, field string) (*value.Data, *fault) {
	if t == nil {
		return data, nil
	}
	v, err := t.Eval(x.env(f, data, field))
	if err != nil {
		return nil, x.evaluation(f, err)
	}
	return value.NewData(v), nil
}

// effectiveInput is the raw input after InputPath.
func (x *Execution) effectiveInput(f *flow) (*value.Data, *fault) {
	input, why := x.path(f, f.state.Common().InputPath, f.data)
	if why == nil {
		x.saw(f, AfterInputPath, input)
	}
	return input, why
}

// arguments is what the state's work is given: the effective input, or what Parameters (Arguments) make of it. It is held to the quota on
// payloads (developer guide, "Handling errors": States.DataLimitExceeded after Parameters processing).
func (x *Execution) arguments(f *flow, t *payload.Template) (*value.Data, *fault) {
	input, why := x.effectiveInput(f)
	if why != nil {
		return nil, why
	}
	field := "Parameters"
	if f.state.Common().QueryLanguage == asl.JSONata {
		field = "Arguments"
	}
	made, why := x.template(f, t, input, field)
	if why != nil {
		return nil, why
	}
	x.saw(f, AfterParameters, made)
	x.saw(f, AfterArguments, made)
	return made, within(f, made)
}

// within returns a fault if what the work of the flow's state is given is over the quota on payloads.
func within(f *flow, given *value.Data) *fault {
	if given.Size() <= sfn.MaxPayloadBytes {
		return nil
	}
	label := f.state.Common().Name
	if s, ok := f.state.(*asl.Task); ok {
		label = resourceLabel(s.Resource)
	}
	return &fault{failure: *sfn.Fail(sfn.ErrorDataLimitExceeded,
		"The state/task '%s' provided parameters with a size exceeding the maximum number of bytes service limit.", label)}
}

// finish exits the state with what its fields make of the result of its work.
func (x *Execution) finish(f *flow, result *value.Data) {
	if speaksJSONata(f) {
		x.finishJSONata(f, result)
		return
	}
	var output *value.Data
	var why *fault
	switch s := f.state.(type) {
	case *asl.Pass:
		x.saw(f, AfterResultSelector, result)
		output, why = x.place(f, s.ResultPath, result)
	case *asl.Task:
		output, why = x.selectAndPlace(f, s.ResultSelector, s.ResultPath, result)
	case *asl.Parallel:
		output, why = x.selectAndPlace(f, s.ResultSelector, s.ResultPath, result)
	case *asl.Map:
		output, why = x.selectAndPlace(f, s.ResultSelector, s.ResultPath, result)
	default:
		if result, why = x.effectiveInput(f); why == nil {
			output = result
		}
	}
	if why == nil {
		output, why = x.path(f, f.state.Common().OutputPath, output)
	}
	if why != nil {
		x.raise(f, why)
		return
	}
	x.finishWith(f, f.state.Common().Assign, result, output, "")
}

// finishJSONata works out Output and Assign side by side. The default output is the result of a state that does work, and the input of the
// others.
func (x *Execution) finishJSONata(f *flow, result *value.Data) {
	var shown value.Value
	switch f.state.(type) {
	case *asl.Task, *asl.Parallel, *asl.Map:
		shown = result.Value()
	default:
		result = f.data
	}
	c := f.state.Common()
	output, assigned, why := x.conclude(f, c.Output, c.Assign, result, "", func(env *payload.Env) { env.Result = shown })
	if why != nil {
		x.raise(f, why)
		return
	}
	x.exit(f, output, assigned, "")
}

// conclude evaluates an Output and an Assign of JSONata: a state's, a Choice rule's or a catcher's. The offer puts into $states what the place
// has beside input and context.
func (x *Execution) conclude(f *flow, output, assign *payload.Template, otherwise *value.Data, place string, offer func(*payload.Env)) (*value.Data, []history.Variable, *fault) {
	result := otherwise
	if output != nil {
		env := x.env(f, f.data, place+"Output")
		offer(env)
		v, err := output.Eval(env)
		if err != nil {
			return nil, nil, x.evaluation(f, err)
		}
		result = value.NewData(v)
	}
	env := x.env(f, f.data, place+"Assign")
	offer(env)
	assigned, why := x.assignIn(f, assign, env)
	return result, assigned, why
}

// finishWith exits the state with the output, after its variables were assigned from the result.
func (x *Execution) finishWith(f *flow, assign *payload.Template, result, output *value.Data, next string) {
	assigned, why := x.assign(f, assign, result)
	if why != nil {
		x.raise(f, why)
		return
	}
	x.exit(f, output, assigned, next)
}

func (x *Execution) selectAndPlace(f *flow, selector *payload.Template, field asl.PathField, result *value.Data) (*value.Data, *fault) {
	selected, why := x.template(f, selector, result, "ResultSelector")
	if why != nil {
		return nil, why
	}
	x.saw(f, AfterResultSelector, selected)
	return x.place(f, field, selected)
}

// place puts the result into the raw input where ResultPath says.
func (x *Execution) place(f *flow, field asl.PathField, result *value.Data) (*value.Data, *fault) {
	placed, why := x.placed(f, field, result)
	if why == nil {
		x.saw(f, AfterResultPath, placed)
	}
	return placed, why
}

func (x *Execution) placed(f *flow, field asl.PathField, result *value.Data) (*value.Data, *fault) {
	switch {
	case field.Discard:
		return f.data, nil
	case field.IsDefault():
		return result, nil
	}
	v, err := field.Path.Put(f.data.Value(), result.Value())
	if err != nil {
		return nil, x.runtime(f, "Unable to apply ReferencePath %s to input %s", field.Path, f.data.Text())
	}
	return value.NewData(v), nil
}

// assign evaluates Assign. All of its values are made from the variables as they were on entry.
func (x *Execution) assign(f *flow, t *payload.Template, result *value.Data) ([]history.Variable, *fault) {
	return x.assignIn(f, t, x.env(f, result, "Assign"))
}

func (x *Execution) assignIn(f *flow, t *payload.Template, env *payload.Env) ([]history.Variable, *fault) {
	if t == nil {
		return nil, nil
	}
	v, err := t.Eval(env)
	if err != nil {
		return nil, x.evaluation(f, err)
	}
	object, ok := v.(*value.Object)
	if !ok {
		return nil, x.runtime(f, "Assign must be an object")
	}
	var assigned []history.Variable
	total, replaced := 0, 0
	for name, v := range object.All() {
		data := value.NewData(v)
		total += data.Size()
		if before := f.vars[name]; before != nil {
			replaced += before.Size()
		}
		if total > sfn.MaxVariableBytes || x.variableBytes+total-replaced > sfn.MaxAllVariablesBytes {
			return nil, &fault{failure: *sfn.Fail(sfn.ErrorDataLimitExceeded,
				"The state/task '%s' assigned variables with a size exceeding the maximum number of bytes service limit.", f.state.Common().Name)}
		}
		assigned = append(assigned, history.Variable{Name: name, Value: data})
	}
	return assigned, nil
}

// set gives the variables of the flow's scope their values.
func (x *Execution) set(f *flow, assigned []history.Variable) {
	for _, a := range assigned {
		if f.vars == nil {
			f.vars = map[string]*value.Data{}
		}
		if before := f.vars[a.Name]; before != nil {
			x.variableBytes -= before.Size()
		}
		f.vars[a.Name] = a.Value
		x.variableBytes += a.Value.Size()
	}
}

// caught is what a catcher makes of the state's failure: the output and the variables that it assigns.
func (x *Execution) caught(f *flow, c *asl.Catcher) (*value.Data, []history.Variable, *fault) {
	cause := f.failure.Cause
	if f.failure.Name() == sfn.ErrorTimeout {
		cause.Set = true // the event of a timeout has no cause, a catcher sees an empty one
	}
	problem := value.NewData(value.NewObject(
		value.Member{Name: "Error", Value: optionalString(f.failure.Error)},
		value.Member{Name: "Cause", Value: optionalString(cause)}))
	if speaksJSONata(f) {
		return x.conclude(f, c.Output, c.Assign, problem, "Catch", func(env *payload.Env) { env.ErrorOutput = problem.Value() })
	}
	assigned, why := x.assign(f, c.Assign, problem)
	if why != nil {
		return nil, nil, why
	}
	output, why := x.place(f, c.ResultPath, problem)
	return output, assigned, why
}

func optionalString(s sfn.OptString) value.Value {
	if !s.Set {
		return value.Null{}
	}
	return value.String(s.Text)
}

// exit leaves the state. An output over the quota on payloads ends the execution instead.
func (x *Execution) exit(f *flow, output *value.Data, assigned []history.Variable, next string) {
	c := f.state.Common()
	if output.Size() > sfn.MaxPayloadBytes {
		x.raise(f, &fault{failure: *tooLarge(c.Name)})
		return
	}
	x.emitEvent(f, history.Event{Type: exitedEvents[c.Type], PreviousID: f.tail, Next: next,
		Details: &history.StateExitedDetails{Name: c.Name, Output: output, Assigned: assigned}})
}

// tooLarge is the failure of a state or task whose result is over the quota on payloads.
func tooLarge(name string) *sfn.Failure {
	return sfn.Fail(sfn.ErrorDataLimitExceeded,
		"The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", name)
}
