package trial

import (
	"context"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// Shapes tells what a service's API describes of a task's result; nil for nothing.
type Shapes interface {
	ResultShape(r asl.Resource) *awsmodel.Shape
}

// checkResult reads the mocked result and holds it against what the state can get.
func (s *test) checkResult() error {
	if s.req.Mock == nil || !s.req.Mock.Result.Set {
		return nil
	}
	result, err := value.ParseData(s.req.Mock.Result.Text)
	if err != nil {
		return refuse("Mocked result must be valid JSON")
	}
	s.result = result
	items, isArray := result.Value().(value.Array)
	_, isObject := result.Value().(*value.Object)
	switch state := s.state.(type) {
	case *asl.Map:
		switch {
		case state.ResultWriter != nil && !isObject:
			return refuse("Mocked result must be a JSON object.")
		case state.ResultWriter == nil && !isArray:
			return refuse("Mocked result must be an array.")
		}
	case *asl.Parallel:
		switch {
		case !isArray:
			return refuse("Mocked result must be an array.")
		case len(items) != len(state.Branches):
			return refuse("Mocked result must contain the same number of items as number of Parallel branches.")
		}
	case *asl.Task:
		return s.checkShape(state.Resource, result.Value())
	}
	return nil
}

// checkShape holds a task's mocked result against the service's API.
func (s *test) checkShape(r asl.Resource, result value.Value) error {
	if s.req.Mock.Validation == None {
		return nil
	}
	shape := s.Shapes.ResultShape(r)
	if shape == nil {
		return nil
	}
	if result.Kind() != value.KindObject {
		return refuse("Mocked result must be a valid JSON object.")
	}
	if problem := misfit(shape, "", result, s.req.Mock.Validation != Present); problem != "" {
		return refuse("Mock result schema validation error: %s", problem)
	}
	return nil
}

// mocked answers for the world.
func (s *test) mocked(ctx context.Context, o engine.Obligation, r *Report) (engine.Input, error) {
	switch state := s.state.(type) {
	case *asl.Task:
		if f := s.req.Mock.Failure; f != nil {
			return engine.TaskFailed{Scheduled: o.Scheduled, Failure: *f}, nil
		}
		return engine.TaskSucceeded{Scheduled: o.Scheduled, Output: s.result}, nil
	case *asl.Map:
		failure, err := s.mockedMap(ctx, state, o, r)
		if err != nil || failure != nil {
			return engine.MapRunFailed{Scheduled: o.Scheduled, Failure: orNone(failure)}, err
		}
	}
	if f := s.req.Mock.Failure; f != nil {
		return engine.MapRunFailed{Scheduled: o.Scheduled, Failure: *f}, nil
	}
	return engine.MapRunSucceeded{Scheduled: o.Scheduled, Output: s.result}, nil
}

func orNone(f *sfn.Failure) sfn.Failure {
	if f == nil {
		return sfn.Failure{}
	}
	return *f
}

// mockedMap finds out why the Map would fail beside the mock, and whether the mock fits its items.
func (s *test) mockedMap(ctx context.Context, m *asl.Map, o engine.Obligation, r *Report) (failure *sfn.Failure, err error) {
	if r.Map, failure, err = s.inspectMap(ctx, m, r.Findings, o.MapRun); failure != nil || err != nil {
		return failure, err
	}
	if n := s.req.FailureCount; n != nil {
		switch {
		case *n > r.Map.Iterations:
			return nil, refuse("Map iteration failure count must be less than or equal to the number of Map iterations")
		case r.Map.tooMany(*n):
			return sfn.Fail(sfn.ErrorExceedTolerated, "The specified tolerated failure threshold was exceeded"), nil
		}
	}
	if s.req.Mock.Failure == nil && m.ResultWriter == nil {
		if results, _ := s.result.Value().(value.Array); int64(len(results)) != r.Map.Iterations {
			return nil, refuse("Input array does not equal the mocked result array's size")
		}
	}
	return nil, nil
}
