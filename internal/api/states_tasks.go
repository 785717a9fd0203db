package api

import (
	"context"

	"github.com/tutti-run/tutti/internal/sfn"
)

// token bounds a task token.
func (c *constraints) token(v sfn.OptString) {
	c.required("taskToken", v)
	c.length("taskToken", v, 1, maxTaskToken)
}

type sendTaskSuccessInput struct {
	TaskToken sfn.OptString `json:"taskToken"`
	Output    sfn.OptString `json:"output"`
}

func (s *stepFunctions) sendTaskSuccess(ctx context.Context, in *sendTaskSuccessInput) (nothing, error) {
	var c constraints
	c.token(in.TaskToken)
	c.required("output", in.Output)
	c.payload("output", in.Output)
	if err := c.err(); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.backend.SendTaskSuccess(ctx, in.TaskToken.Text, in.Output.Text)
}

type sendTaskFailureInput struct {
	TaskToken sfn.OptString `json:"taskToken"`
	Error     sfn.OptString `json:"error"`
	Cause     sfn.OptString `json:"cause"`
}

func (s *stepFunctions) sendTaskFailure(ctx context.Context, in *sendTaskFailureInput) (nothing, error) {
	var c constraints
	c.token(in.TaskToken)
	c.failure(in.Error, in.Cause)
	if err := c.err(); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.backend.SendTaskFailure(ctx, in.TaskToken.Text, sfn.Failure{Error: in.Error, Cause: in.Cause})
}

type sendTaskHeartbeatInput struct {
	TaskToken sfn.OptString `json:"taskToken"`
}

func (s *stepFunctions) sendTaskHeartbeat(ctx context.Context, in *sendTaskHeartbeatInput) (nothing, error) {
	var c constraints
	c.token(in.TaskToken)
	if err := c.err(); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.backend.SendTaskHeartbeat(ctx, in.TaskToken.Text)
}
