package runner

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/value"
)

// StopExecution aborts an execution and returns when it stopped. Stopping one that has ended changes nothing. The error may be the exception
// InvalidArn or ExecutionDoesNotExist.
func (r *Runner) StopExecution(ctx context.Context, arn string, reason sfn.Failure) (time.Time, error) {
	record, err := r.standard(arn)
	if err != nil {
		return time.Time{}, err
	}
	if record.Status.Ended() {
		return record.StopDate, nil
	}
	a, err := r.ask(ctx, message{arn: arn, input: engine.Stop{Reason: reason}})
	if errors.Is(err, errEnded) {
		record, err = r.Execution(arn)
		return record.StopDate, err
	}
	return a.at, err
}

// Execution returns the record of a Standard execution, or of a Map Run's Express child that has ended. The error may be the exception InvalidArn or
// ExecutionDoesNotExist.
func (r *Runner) Execution(arn string) (store.Execution, error) {
	parsed, err := sfn.ParseExecutionARN(arn)
	if err != nil {
		return store.Execution{}, sfn.Refuse(sfn.InvalidArn, "Invalid Arn: 'Invalid ARN prefix: %s'", arn)
	}
	record, err := r.store.Execution(arn)
	if parsed.Type == sfn.Express && err != nil {
		return store.Execution{}, sfn.Refuse(sfn.InvalidArn, "Invalid Arn: 'Resource type not valid in this context: express'")
	}
	if errors.Is(err, store.ErrNotFound) {
		return record, sfn.Refuse(sfn.ExecutionDoesNotExist, "Execution Does Not Exist: '%s'", arn)
	}
	return record, err
}

// standard is Execution without Express executions, not even those of Map Runs: they have no history and cannot be stopped.
func (r *Runner) standard(arn string) (store.Execution, error) {
	if parsed, err := sfn.ParseExecutionARN(arn); err == nil && parsed.Type == sfn.Express {
		return store.Execution{}, sfn.Refuse(sfn.InvalidArn, "Invalid Arn: 'Resource type not valid in this context: express'")
	}
	return r.Execution(arn)
}

// Await returns when the execution has ended, or with ctx's error.
func (r *Runner) Await(ctx context.Context, arn string) error {
	if _, err := r.Execution(arn); err != nil {
		return err
	}
	_, err := r.ask(ctx, message{arn: arn})
	return err
}

// Description is what DescribeExecution tells beyond the record.
type Description struct {
	store.Execution
	Input   string
	Output  *value.Data // nil unless it succeeded
	Failure sfn.Failure // of one that did not succeed
	// RedriveStatus and RedriveStatusReason tell whether it can be redriven, and if not, why.
	RedriveStatus       RedriveStatus
	RedriveStatusReason string
}

// Describe returns the record of an execution with its input and its end.
func (r *Runner) Describe(arn string) (Description, error) {
	record, err := r.Execution(arn)
	if err != nil {
		return Description{Execution: record}, err
	}
	return r.describe(record)
}

func (r *Runner) describe(record store.Execution) (Description, error) {
	d := Description{Execution: record}
	for e, err := range r.events(&record, 1) {
		if err != nil {
			return d, err
		}
		if started, ok := e.Details.(*history.ExecutionStartedDetails); ok {
			d.Input = started.Input.Text()
		}
		break
	}
	return d, r.describeEnd(&d)
}

// describeEnd adds how the execution ended, and whether it can be redriven.
func (r *Runner) describeEnd(d *Description) error {
	d.RedriveStatus, d.RedriveStatusReason = r.redriveStatus(&d.Execution)
	if !d.Status.Ended() {
		return nil
	}
	for e, err := range r.events(&d.Execution, d.LastEventID) {
		if err != nil {
			return err
		}
		switch end := e.Details.(type) {
		case *history.OutputDetails:
			d.Output = end.Output
		case *history.FailedDetails:
			if e.Type != history.ExecutionTimedOut { // AWS shows no error of these (spec history.md section 4.7)
				d.Failure = end.Failure
			}
		}
	}
	return nil
}

// History reads the events of an execution from the given id on.
func (r *Runner) History(arn string, from int64) (iter.Seq2[history.Event, error], store.Execution, error) {
	record, err := r.standard(arn)
	if err != nil {
		return nil, record, err
	}
	return r.events(&record, max(from, 1)), record, nil
}

// Executions lists executions, newest first.
func (r *Runner) Executions(f store.Filter) ([]store.Execution, string, error) {
	return r.store.Executions(f)
}

// Running lists the executions that have not ended.
func (r *Runner) Running() iter.Seq2[store.Execution, error] { return r.store.Running() }

// SendTaskSuccess gives the result of the task that the token belongs to. The error may be the exception InvalidToken, InvalidOutput,
// TaskDoesNotExist or TaskTimedOut.
func (r *Runner) SendTaskSuccess(ctx context.Context, token, output string) error {
	if _, err := engine.ParseToken(token); err != nil {
		return sfn.Refuse(sfn.InvalidToken, "Invalid Token: 'Invalid token'") // before the output is looked at, as recorded
	}
	data, err := value.ParseData(output)
	if err != nil {
		return sfn.Refuse(sfn.InvalidOutput, "Invalid Output: '%s'", err)
	}
	return r.answerToken(ctx, token, func(scheduled int64) message {
		return message{input: engine.TaskSucceeded{Scheduled: scheduled, Output: data}}
	})
}

// SendTaskFailure fails the task that the token belongs to. The error may be the exception InvalidToken, TaskDoesNotExist or TaskTimedOut.
func (r *Runner) SendTaskFailure(ctx context.Context, token string, failure sfn.Failure) error {
	return r.answerToken(ctx, token, func(scheduled int64) message {
		return message{input: engine.TaskFailed{Scheduled: scheduled, Failure: failure}}
	})
}

// SendTaskHeartbeat says that whoever holds the token is alive. The error may be the exception InvalidToken, TaskDoesNotExist or TaskTimedOut.
func (r *Runner) SendTaskHeartbeat(ctx context.Context, token string) error {
	return r.answerToken(ctx, token, func(int64) message { return message{input: engine.Tick{}, beat: true} })
}

func (r *Runner) answerToken(ctx context.Context, token string, make func(scheduled int64) message) error {
	t, err := engine.ParseToken(token)
	if err != nil {
		return sfn.Refuse(sfn.InvalidToken, "Invalid Token: 'Invalid token'")
	}
	m := make(t.Scheduled)
	m.arn, m.token = t.Execution, token
	_, err = r.ask(ctx, m)
	var refused *sfn.Exception
	switch {
	case errors.Is(err, errEnded):
		return sfn.Refuse(sfn.TaskTimedOut, "Task Timed Out: 'Provided task does not exist anymore'")
	case errors.As(err, &refused) && refused.Name == sfn.ExecutionDoesNotExist:
		return sfn.Refuse(sfn.InvalidToken, "Invalid Token: 'Invalid token'")
	}
	return err
}
