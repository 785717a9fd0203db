package runner

import (
	"fmt"
	"time"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/value"
)

// EventBus takes the events that tell of executions' statuses. *trigger.Events does.
type EventBus interface {
	// Listens tells whether anybody would hear of an event.
	Listens() bool
	// PutIn adds to the batch what is owed for the event. committed is called once the batch is on disk.
	PutIn(b *store.Batch, n trigger.EventEntry) (committed func(), err error)
}

// announce adds the events about an execution's new statuses to the batch, so that they are told if and only if the statuses are on disk (spec
// integrations.md section 7).
func (s *shard) announce(r *resident) error {
	if s.runner.bus == nil || !s.runner.bus.Listens() {
		return nil
	}
	for i := range r.events {
		record := r.record
		switch kind := r.events[i].Type; {
		case kind == history.ExecutionStarted, kind == history.ExecutionRedriven:
			record.Status, record.StopDate = sfn.StatusRunning, time.Time{}
		case !kind.EndsExecution():
			continue
		}
		committed, err := s.runner.bus.PutIn(s.batch, trigger.EventEntry{
			Time: r.events[i].Time, Source: "aws.states", DetailType: "Step Functions Execution Status Change", Resources: []string{record.ARN},
			Detail: value.Text(s.statusDetail(r, &record)),
		})
		if err != nil {
			return fmt.Errorf("announce the status of %s: %w", record.ARN, err)
		}
		s.afterCommit(func(err error) {
			if err == nil {
				committed()
			}
		})
	}
	return nil
}

// maxStatusData is how long input and output of an event may be together, as they stand in it.
const maxStatusData = 248 << 10

// statusDetail is an event's detail. What is not known is null.
func (s *shard) statusDetail(r *resident, record *store.Execution) *value.Object {
	ended := record.Status.Ended()
	input, output := value.Value(value.String(r.x.Input().Text())), value.Value(value.Null{})
	if out := r.x.Output(); ended && out != nil {
		output = value.String(out.Text())
	}
	fits := len(value.Text(input))+len(value.Text(output)) <= maxStatusData
	included := func(v value.Value) value.Value {
		if v.Kind() == value.KindNull {
			return v
		}
		return value.NewObject(value.Member{Name: "included", Value: value.Bool(fits)})
	}
	inputDetails, outputDetails := included(input), included(output)
	if !fits {
		input, output = value.Null{}, value.Null{}
	}
	stop, redriven := value.Value(value.Null{}), value.Value(value.Null{})
	if ended {
		stop = value.Int(record.StopDate.UnixMilli())
	}
	if record.RedriveCount > 0 {
		redriven = value.Int(record.RedriveDate.UnixMilli())
	}
	errorName, cause := value.Value(value.Null{}), value.Value(value.Null{})
	if failure := r.x.Failure(); ended && record.Status != sfn.StatusTimedOut {
		errorName, cause = orNull(failure.Error), orNull(failure.Cause)
	}
	status, reason := RedriveStatusOf(record, s.runner.now())
	if reason == "" {
		reason = "Execution is " + string(record.Status) + " and is redrivable"
	}
	return value.NewObject(
		value.Member{Name: "executionArn", Value: value.String(record.ARN)},
		value.Member{Name: "stateMachineArn", Value: value.String(record.MachineARN)},
		value.Member{Name: "stateMachineVersionArn", Value: textOrNull(record.VersionARN)},
		value.Member{Name: "stateMachineAliasArn", Value: textOrNull(record.AliasARN)},
		value.Member{Name: "name", Value: value.String(record.Name)},
		value.Member{Name: "status", Value: value.String(record.Status)},
		value.Member{Name: "startDate", Value: value.Int(record.StartDate.UnixMilli())},
		value.Member{Name: "stopDate", Value: stop},
		value.Member{Name: "input", Value: input},
		value.Member{Name: "inputDetails", Value: inputDetails},
		value.Member{Name: "output", Value: output},
		value.Member{Name: "outputDetails", Value: outputDetails},
		value.Member{Name: "redriveCount", Value: value.Int(record.RedriveCount)},
		value.Member{Name: "redriveDate", Value: redriven},
		value.Member{Name: "redriveStatus", Value: value.String(status)},
		value.Member{Name: "redriveStatusReason", Value: value.String(reason)},
		value.Member{Name: "error", Value: errorName},
		value.Member{Name: "cause", Value: cause},
	)
}

func textOrNull(text string) value.Value {
	if text == "" {
		return value.Null{}
	}
	return value.String(text)
}

func orNull(text sfn.OptString) value.Value {
	if !text.Set {
		return value.Null{}
	}
	return value.String(text.Text)
}
