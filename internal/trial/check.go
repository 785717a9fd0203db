package trial

import (
	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

func refuse(format string, args ...any) error {
	return sfn.Refuse(sfn.ValidationException, format, args...)
}

// check holds the request against what TestState takes, one thing after the other.
func (s *test) check() error {
	for _, step := range []func() error{
		s.checkDefinition, s.checkMock, s.checkConfiguration, s.checkUnmocked, s.checkData, s.checkContext, s.checkReader, s.checkResult,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// checkDefinition finds the state. It is checked as one of a Standard machine, which may have them all, and runs as in an Express one.
func (s *test) checkDefinition() error {
	whole := s.req.StateName.Set
	parse := asl.ParseState
	if whole {
		parse = asl.Parse
	}
	machine, diagnostics := parse(s.req.Definition, asl.Options{Type: sfn.Standard})
	if machine == nil {
		return sfn.RefuseDefinition(diagnostics)
	}
	name := asl.LoneState
	if whole {
		name = s.req.StateName.Text
	}
	alone, ok := machine.Alone(name)
	if !ok {
		return refuse("State not found in definition")
	}
	alone.Type = sfn.Express
	s.machine, s.state = alone, alone.States[alone.StartAt]
	return nil
}

// checkMock refuses a mock that says two things or none, or stands in for nothing.
func (s *test) checkMock() error {
	m := s.req.Mock
	switch t := s.state.Common().Type; {
	case m == nil:
		return nil
	case s.req.Reveal:
		return refuse("TestState does not support RevealSecrets when a mock is specified.")
	case m.Result.Set && m.Failure != nil:
		return refuse("A test mock should have only one of the following fields: [result, errorOutput].")
	case !m.Result.Set && m.Failure == nil:
		return refuse("One of the following fields is required for a test mock: [result, errorOutput].")
	case m.Failure != nil && !m.Failure.Error.Set:
		return refuse("An error was not specified in the mocked error output.")
	case t != asl.TypeTask && t != asl.TypeMap && t != asl.TypeParallel:
		return refuse("State type '%s' is not supported when a mock is specified", t)
	}
	return nil
}

// checkConfiguration refuses what the state's configuration says about something that the state does not have.
func (s *test) checkConfiguration() error {
	if s.req.FailureCount != nil {
		switch {
		case s.req.Mock == nil:
			return refuse("TestState does not support MapIterationFailureCount when a mock is not specified.")
		case s.state.Common().Type != asl.TypeMap:
			return refuse("MapIterationFailureCount is only supported when testing a Map state.")
		}
	}
	if s.req.FailedState.Set && !asl.Inner(s.state, s.req.FailedState.Text) {
		return refuse("State '%s' specified in ErrorCausedByState was not found in the tested state.", s.req.FailedState.Text)
	}
	return nil
}

// checkUnmocked refuses what cannot be tested without a mock.
func (s *test) checkUnmocked() error {
	if s.req.Mock != nil {
		return nil
	}
	switch state := s.state.(type) {
	case *asl.Map, *asl.Parallel:
		return sfn.Refuse(sfn.InvalidDefinition, "TestState API does not support Map or Parallel states. "+
			"Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]")
	case *asl.Task:
		switch r := state.Resource; {
		case r.Kind == asl.ResourceActivity:
			return sfn.Refuse(sfn.InvalidDefinition, "TestState API does not support Activity tasks.")
		case waits(r):
			return sfn.Refuse(sfn.InvalidDefinition, "TestState API does not support '.sync' or '.waitForTaskToken' integration patterns.")
		case !s.req.RoleARN.Set:
			return refuse("RoleArn must be specified when testing a Task state")
		}
	}
	return nil
}

// waits tells whether a Task with the resource does more than one call.
func waits(r asl.Resource) bool { return r.RunsJob() || r.WaitsForToken() }

// checkData reads input and variables.
func (s *test) checkData() (err error) {
	text := s.req.Input.Text
	if text == "" {
		text = "{}"
	}
	if s.input, err = value.ParseData(text); err != nil {
		return sfn.Refuse(sfn.InvalidExecutionInput, "Invalid State Machine Execution Input: '%s'", err)
	}
	if s.req.Variables.Set {
		v, err := value.Parse(s.req.Variables.Text)
		if err != nil {
			return refuse("Variables must be valid JSON")
		}
		object, ok := v.(*value.Object)
		if !ok {
			return refuse("Variables must be a JSON object")
		}
		s.given.Variables = object
	}
	s.given.Retries = s.req.RetryCount
	return nil
}
