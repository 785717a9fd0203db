package engine

import (
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// context builds the Context object (developer guide, "Accessing execution data from the Context object").
func (x *Execution) context(f *flow) value.Value { return value.NewObject(x.contextMembers(f)...) }

func (x *Execution) contextMembers(f *flow) []value.Member {
	if x.trial != nil && x.trial.given.Context != nil {
		return x.trial.given.contextMembers()
	}
	execution := []value.Member{
		{Name: "Id", Value: value.String(x.identity.ARN)},
		{Name: "Input", Value: x.input.Value()},
		{Name: "StartTime", Value: value.String(timestamp(x.started))},
		{Name: "Name", Value: value.String(x.identity.Name)},
		{Name: "RoleArn", Value: x.roleContext()},
	}
	if x.machine.Type != sfn.Express || x.identity.Unattended {
		execution = append(execution, value.Member{Name: "RedriveCount", Value: value.Int(x.redriveCount)})
		if x.redriveCount > 0 {
			execution = append(execution, value.Member{Name: "RedriveTime", Value: value.String(timestamp(x.redriven))})
		}
	}
	members := []value.Member{
		{Name: "Execution", Value: value.NewObject(execution...)},
		{Name: "StateMachine", Value: value.NewObject(
			value.Member{Name: "Id", Value: value.String(x.identity.MachineARN)},
			value.Member{Name: "Name", Value: value.String(x.identity.MachineName)})},
	}
	if f.state != nil {
		members = append(members, value.Member{Name: "State", Value: x.stateContext(f)})
		if t, ok := f.state.(*asl.Task); ok && t.Resource.HasToken() {
			members = append(members, value.Member{Name: "Task", Value: value.NewObject(
				value.Member{Name: "Token", Value: value.String(x.token(x.lastID + 1))})})
		}
	}
	return members
}

func (x *Execution) stateContext(f *flow) value.Value {
	c := f.state.Common()
	state := []value.Member{
		{Name: "Name", Value: value.String(c.Name)},
		{Name: "EnteredTime", Value: value.String(timestamp(f.enteredAt))},
	}
	switch f.state.(type) {
	case *asl.Task, *asl.Parallel, *asl.Map:
		state = append(state, value.Member{Name: "RetryCount", Value: value.Int(f.retryCount)})
	}
	return value.NewObject(state...)
}

// timestamp is ISO 8601 in UTC with milliseconds, which are left out when they are zero.
func timestamp(t time.Time) string {
	return strings.Replace(t.UTC().Format("2006-01-02T15:04:05.000Z"), ".000Z", "Z", 1)
}
