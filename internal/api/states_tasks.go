package api

import (
	"context"

	"github.com/tutti-run/tutti/internal/sfn"
)

type sendTaskSuccessInput struct {
	TaskToken sfn.OptString `json:"taskToken" model:"required,length=1:2048,sensitive"`
	Output    sfn.OptString `json:"output" model:"required,bytes=262144,sensitive"`
}

func (s *stepFunctions) sendTaskSuccess(ctx context.Context, in *sendTaskSuccessInput) (nothing, error) {
	return nothing{}, s.backend.SendTaskSuccess(ctx, in.TaskToken.Text, in.Output.Text)
}

type sendTaskFailureInput struct {
	TaskToken sfn.OptString `json:"taskToken" model:"required,length=1:2048,sensitive"`
	Error     sfn.OptString `json:"error" model:"length=0:256,sensitive"`
	Cause     sfn.OptString `json:"cause" model:"length=0:32768,sensitive"`
}

func (s *stepFunctions) sendTaskFailure(ctx context.Context, in *sendTaskFailureInput) (nothing, error) {
	return nothing{}, s.backend.SendTaskFailure(ctx, in.TaskToken.Text, sfn.Failure{Error: in.Error, Cause: in.Cause})
}

type sendTaskHeartbeatInput struct {
	TaskToken sfn.OptString `json:"taskToken" model:"required,length=1:2048,sensitive"`
}

func (s *stepFunctions) sendTaskHeartbeat(ctx context.Context, in *sendTaskHeartbeatInput) (nothing, error) {
	return nothing{}, s.backend.SendTaskHeartbeat(ctx, in.TaskToken.Text)
}
