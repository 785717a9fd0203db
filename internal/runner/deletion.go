package runner

import (
	"errors"
	"time"

	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// DeleteMachine begins to delete a machine with its versions, aliases and tags. From then on nothing is started on it; its open
// executions are aborted at their next transition, and when there are none left it is gone (API reference, DeleteStateMachine). Deleting one that is
// not there is no error. The executions themselves, with the revisions that they ran, stay.
func (r *Runner) DeleteMachine(arn string) error {
	r.machines.change.Lock()
	defer r.machines.change.Unlock()
	current, err := r.current(arn)
	switch {
	case isMissing(err):
		return nil
	case err != nil:
		return err
	case !current.Deleting:
		doomed := current.Machine
		doomed.Deleting = true
		batch := r.store.NewBatch()
		if err := errors.Join(batch.PutMachine(doomed), batch.PutDocument(deletions, arn, nil)); err != nil {
			return err
		}
		if err := r.store.Commit(batch); err != nil {
			return err
		}
		current.life.deleting.Store(true)
	}
	return r.bury(arn)
}

// bury ends the deletion of a machine, if nothing runs on it any more. machines.change is held.
func (r *Runner) bury(arn string) error {
	last, err := r.store.Machine(arn, 0)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !last.Deleting || buried(&last):
		return nil
	}
	open, err := r.hasOpen(arn)
	if err != nil || open {
		return err
	}
	batch := r.store.NewBatch()
	stone := store.Machine{ARN: arn, Name: last.Name, Revision: last.Revision + 1, Type: last.Type, Created: last.Created, Deleting: true}
	if err := batch.PutMachine(stone); err != nil {
		return err
	}
	for _, collection := range []string{versions, aliases} {
		batch.DeleteDocuments(collection, within(arn))
	}
	for _, collection := range []string{births, tags, deletions} {
		batch.DeleteDocument(collection, arn)
	}
	if err := r.store.Commit(batch); err != nil {
		return err
	}
	r.machines.count.add(-1)
	r.machines.mu.Lock()
	defer r.machines.mu.Unlock()
	dead := r.machines.lives[arn]
	delete(r.machines.lives, arn)
	for key, m := range r.machines.parsed {
		if m.life == dead {
			delete(r.machines.parsed, key)
		}
	}
	return nil
}

// hasOpen tells whether an execution of the machine is open.
func (r *Runner) hasOpen(arn string) (bool, error) {
	f := store.Filter{MachineARN: arn, Status: sfn.StatusRunning, Limit: 1}
	for {
		page, next, err := r.store.Executions(f)
		if err != nil || len(page) > 0 || next == "" {
			return len(page) > 0, err
		}
		f.After = next
	}
}

// buryLater looks, beside the shard that asks, whether a deletion can end.
func (r *Runner) buryLater(arn string) {
	r.begin(&r.watches, func() {
		r.machines.change.Lock()
		defer r.machines.change.Unlock()
		if err := r.bury(arn); err != nil {
			r.log.Error("cannot end the deletion of a state machine", "stateMachine", arn, "error", err)
		}
	})
}

// doomed lists the machines whose deletion has begun, and tells their lives.
func (r *Runner) doomed() ([]string, error) {
	var arns []string
	for d, err := range r.store.Documents(deletions, "", "") {
		if err != nil {
			return nil, err
		}
		arns = append(arns, d.Key)
		r.machines.mu.Lock()
		r.machines.lifeOf(d.Key).deleting.Store(true)
		r.machines.mu.Unlock()
	}
	return arns, nil
}

// lastSteps lets an execution of a machine that is being deleted take an input, and aborts it where a transition would follow.
func (r *resident) lastSteps(in engine.Input, now time.Time) []history.Event {
	switch in.(type) {
	case engine.Stop, engine.ActivityStarted, engine.TaskSubmitted:
		return r.x.Advance(in, now)
	}
	events := r.x.Record(in, now)
	if len(events) > 0 || r.x.HasMore() {
		events = append(events, r.x.Advance(engine.Stop{}, now)...)
	}
	return events
}
