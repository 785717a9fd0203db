package stack

import (
	"errors"
	"log/slog"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/sfn"
)

// functionLogs writes what functions print into their log groups, as Lambda does, and hands it on.
type functionLogs struct {
	logs *logs.Service
	next lambda.Logs // may be nil
	// measure looks for metrics in events; may be nil.
	measure func([]logs.Event)
	log     *slog.Logger
}

// Log implements lambda.Logs.
func (f *functionLogs) Log(line lambda.Line) {
	if f.next != nil {
		f.next.Log(line)
	}
	events := []logs.Event{{Timestamp: line.Time.UnixMilli(), Message: line.Text + "\n"}}
	if f.measure != nil {
		f.measure(events)
	}
	err := f.logs.Append(line.LogGroup, line.LogStream, events)
	var missing *sfn.Exception
	if errors.As(err, &missing) && missing.Name == logs.ResourceNotFoundException {
		if err = f.logs.EnsureGroup(line.LogGroup); err == nil {
			err = f.logs.Append(line.LogGroup, line.LogStream, events)
		}
	}
	if err != nil {
		f.log.Error("cannot keep what a function printed", "function", line.Function, "group", line.LogGroup, "error", err)
	}
}

// deployLogGroup makes the group if it is not there, and sets its retention.
func (s *Stack) deployLogGroup(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	days := p.Int("RetentionInDays", 0)
	if err := p.Err(); err != nil {
		return err
	}
	if err := s.logs.EnsureGroup(r.Name); err != nil {
		return err
	}
	return s.logs.SetRetention(r.Name, int(days))
}

// logging reads a state machine's LoggingConfiguration.
func logging(p *cfn.Block) sfn.LoggingConfiguration {
	b := p.Block("LoggingConfiguration")
	c := sfn.LoggingConfiguration{
		Level:                sfn.LogLevel(b.OneOf("Level", string(sfn.LogOff), string(sfn.LogAll), string(sfn.LogError), string(sfn.LogFatal), string(sfn.LogOff))),
		IncludeExecutionData: b.Bool("IncludeExecutionData", false),
	}
	for _, d := range b.Blocks("Destinations") {
		arn := d.Block("CloudWatchLogsLogGroup").String("LogGroupArn")
		c.Destinations = append(c.Destinations, sfn.LogDestination{CloudWatchLogsLogGroup: &sfn.LogGroupDestination{LogGroupARN: arn}})
	}
	return c
}

// Logs keeps the logs of the stack's functions and executions.
func (s *Stack) Logs() *logs.Service { return s.logs }
