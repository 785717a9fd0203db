package runner

import (
	"context"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trial"
)

// TestState tests a single state, beside all executions: nothing of it is kept.
func (r *Runner) TestState(ctx context.Context, place sfn.Place, req *trial.Request) (*trial.Report, error) {
	if r.stopping.Load() {
		return nil, errStopping
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()
	t := &trial.Tester{Tasks: r.tasks, Shapes: r.tasks, Place: place, Now: r.now}
	return t.Test(ctx, req)
}
