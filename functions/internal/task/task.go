package task

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/tutti-run/tutti/internal/schema"
)

// Task is a Lambda handler with a contract. It satisfies lambda.Handler; make one with New and hand it to lambda.Start.
type Task[In, Out any] struct {
	name     string
	contract func() (contract, error)
	log      *slog.Logger
	do       func(context.Context, In) (Out, error)
}

// contract is what a task's input and output are held to.
type contract struct {
	input, output *schema.Schema
}

// New returns the task name, whose contract is <name>.input.schema.json and <name>.output.schema.json in schemas and whose
// work is do. Schemas are compiled by the first invocation rather than here, to keep them out of the cold start.
//
// The context that do receives ends shortly before Lambda ends the invocation and carries the logger that Logger returns.
// An *Error from do, wrapped or not, leaves the function under its own name, any other error as Failed.
func New[In, Out any](name string, schemas fs.FS, log *slog.Logger, do func(context.Context, In) (Out, error)) *Task[In, Out] {
	return &Task[In, Out]{
		name: name,
		contract: sync.OnceValues(func() (contract, error) {
			input, err := schema.Compile(schemas, name+".input.schema.json")
			if err != nil {
				return contract{}, err
			}
			output, err := schema.Compile(schemas, name+".output.schema.json")
			return contract{input, output}, err
		}),
		log: log.With("function", name),
		do:  do,
	}
}

// Invoke runs the task once: JSON in, JSON out. The error, if any, is a messages.InvokeResponse_Error.
func (t *Task[In, Out]) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	started := time.Now()
	log := t.log
	if call, ok := lambdacontext.FromContext(ctx); ok {
		log = log.With("requestId", call.AwsRequestID)
	}
	ctx, cancel := early(ctx, started)
	defer cancel()
	output, err := t.run(withLogger(ctx, log), payload)
	took := slog.Int64("durationMillis", time.Since(started).Milliseconds())
	if err != nil {
		failure := response(err)
		log.Error("failed", took, "errorType", failure.Type, "errorMessage", failure.Message)
		return nil, failure
	}
	log.Info("done", took)
	return output, nil
}

// maxMargin is how long before Lambda's deadline the context of a task ends at the earliest, so that what the task has to say
// about running out of time still gets out. Of a short time limit a tenth has to do.
const maxMargin = 250 * time.Millisecond

// early returns ctx with its deadline, if any, moved ahead by the margin.
func early(ctx context.Context, now time.Time) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(maxMargin, deadline.Sub(now)/10)))
}

// run is the way of one payload through the contract: check, decode, do, encode, check.
func (t *Task[In, Out]) run(ctx context.Context, payload []byte) (output []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			Logger(ctx).Error("panic", "value", fmt.Sprint(p), "stack", string(debug.Stack()))
			output, err = nil, Errorf(Panicked, "%v", p)
		}
	}()
	contract, err := t.contract()
	if err != nil {
		return nil, err
	}
	if found := contract.input.Validate(payload); found != nil {
		return nil, Errorf(InputInvalid, "%s", list(found))
	}
	var in In
	if err := json.Unmarshal(payload, &in); err != nil {
		return nil, Errorf(InputInvalid, "%v", err)
	}
	out, err := t.do(ctx, in)
	if err != nil {
		return nil, err
	}
	output, err = json.Marshal(out)
	if err != nil {
		return nil, Errorf(OutputInvalid, "%v", err)
	}
	if found := contract.output.Validate(output); found != nil {
		return nil, Errorf(OutputInvalid, "%s", list(found))
	}
	return output, nil
}

// list puts violations in one line.
func list(found []schema.Violation) string {
	texts := make([]string, len(found))
	for i, v := range found {
		texts[i] = v.String()
	}
	return strings.Join(texts, "; ")
}

// NewLogger returns a logger that writes one JSON object a line, with the keys of Lambda's own JSON log format (timestamp,
// level, message). Level is the name that Lambda puts in AWS_LAMBDA_LOG_LEVEL; INFO where it is empty or unknown.
func NewLogger(to io.Writer, level string) *slog.Logger {
	return slog.New(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: levels[level], ReplaceAttr: lambdacontext.ReplaceAttr}))
}

// levels are the levels of Lambda's advanced logging controls in slog's terms. INFO is slog's zero.
var levels = map[string]slog.Level{
	"TRACE": slog.LevelDebug, // Finer than anything a task writes.
	"DEBUG": slog.LevelDebug,
	"INFO":  slog.LevelInfo,
	"WARN":  slog.LevelWarn,
	"ERROR": slog.LevelError,
	"FATAL": slog.LevelError, // A task has nothing to say that is worse than an error.
}

// loggerKey is the context key of the invocation's logger.
type loggerKey struct{}

func withLogger(ctx context.Context, log *slog.Logger) context.Context {
	return context.WithValue(ctx, loggerKey{}, log)
}

// Logger returns the logger of the invocation that ctx belongs to; its lines carry the function's name and the request id.
// Outside an invocation it returns a logger that writes nothing.
func Logger(ctx context.Context) *slog.Logger {
	if log, ok := ctx.Value(loggerKey{}).(*slog.Logger); ok {
		return log
	}
	return slog.New(slog.DiscardHandler)
}
