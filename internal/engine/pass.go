package engine

import (
	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

func (x *Execution) pass(f *flow, s *asl.Pass) {
	if s.Result != nil {
		x.saw(f, Result, s.Result)
		x.finish(f, s.Result)
		return
	}
	result, why := x.arguments(f, s.Parameters)
	if why != nil {
		x.raise(f, why)
		return
	}
	x.finish(f, result)
}

// applyFail works out the error of the Fail state that was just entered. There is no event that tells it but the end of the execution, or of
// the state around it; so it happens in apply.
func (x *Execution) applyFail(f *flow, s *asl.Fail, e *history.Event) {
	var failure sfn.Failure
	var why *fault
	x.saw(f, AfterInputPath, f.data)
	if failure.Error, why = x.text(f, s.Error, "Error"); why == nil {
		failure.Cause, why = x.text(f, s.Cause, "Cause")
	}
	if why != nil {
		x.applyFault(f, why)
		return
	}
	f.failure = &failure
	x.sawFailure(f.failure)
	x.lose(f, e)
}

// text evaluates a textual field that may be absent.
func (x *Execution) text(f *flow, t asl.Text, field string) (sfn.OptString, *fault) {
	switch {
	case !t.Set:
		return sfn.OptString{}, nil
	case t.Expr != nil:
		v, why := x.expression(f, t.Expr, field, value.KindString)
		if why != nil {
			return sfn.OptString{}, why
		}
		return sfn.Some(plainText(v)), nil
	case t.Path == nil:
		return sfn.Some(t.Literal), nil
	}
	v, err := t.Path.Eval(x.env(f, f.data, field))
	if err != nil {
		return sfn.OptString{}, x.evaluation(f, err)
	}
	if s, ok := v.(value.String); ok {
		return sfn.Some(string(s)), nil
	}
	return sfn.OptString{}, x.runtime(f, "The %sPath field refers to value %s which is not a valid string: %s", field, value.Text(v), t.Path)
}
