package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/value"
)

// Obligation is something that the world owes to an execution. It is answered by an [Input] that names the Scheduled event.
type Obligation struct {
	// Scheduled is the id of the event that asked.
	Scheduled int64
	// State is the name of the Task.
	State    string
	Resource asl.Resource
	// Parameters is what the call or the worker is given.
	Parameters *value.Data
	// RoleARN is the role of the state's Credentials, "" for the execution's own.
	RoleARN string
	// Token is the task token, for resources that have one.
	Token string
	// Heartbeat is how long the holder of the token may be silent; 0 for ever.
	Heartbeat time.Duration
	// Started tells that the call has been recorded as started, or that a worker has taken the task. Of a call that was recorded in an
	// earlier life of the process nobody knows whether it was made.
	Started bool
	// Submitted is the response of the call that started a job or delivered the token; nil before.
	Submitted *value.Data
	// MapRun is what a distributed Map wants; nil for tasks, whose other members are set, and for any other Map or Parallel on trial.
	MapRun *MapRun
}

// Pending lists what the world owes, oldest first.
func (x *Execution) Pending() []Obligation { return x.PendingSince(0) }

// PendingSince lists what the world owes of what was asked for with the event or later.
func (x *Execution) PendingSince(event int64) []Obligation {
	var pending []Obligation
	for id, f := range x.owed {
		if id < event || f.isCut() || f.phase == scheduled && !isActivity(f.state) {
			continue
		}
		pending = append(pending, x.obligation(id, f))
	}
	slices.SortFunc(pending, func(a, b Obligation) int { return cmp.Compare(a.Scheduled, b.Scheduled) })
	return pending
}

// Obligation returns what the world owes as answer to the Scheduled event, if it still does.
func (x *Execution) Obligation(scheduled int64) (Obligation, bool) {
	f := x.owed[scheduled]
	if f == nil || f.isCut() {
		return Obligation{}, false
	}
	return x.obligation(scheduled, f), true
}

func (x *Execution) obligation(id int64, f *flow) Obligation {
	t, isTask := f.state.(*asl.Task)
	if !isTask {
		o := Obligation{Scheduled: id, State: f.state.Common().Name, Started: true}
		if m, ok := f.state.(*asl.Map); ok && m.Distributed {
			o.MapRun = x.mapRun(f)
		}
		return o
	}
	o := Obligation{
		Scheduled:  id,
		State:      t.Name,
		Resource:   t.Resource,
		Parameters: f.task.parameters,
		RoleARN:    f.task.roleARN,
		Heartbeat:  f.task.heartbeat,
		Started:    f.phase == running,
		Submitted:  f.task.submitted,
	}
	if t.Resource.HasToken() {
		o.Token = x.token(id)
	}
	return o
}

// Owes tells whether the world still owes the answer to the Scheduled event.
func (x *Execution) Owes(scheduled int64) bool {
	f := x.owed[scheduled]
	return f != nil && !f.isCut()
}
