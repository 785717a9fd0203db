package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// activityPoll is how long GetActivityTask waits for a task (API reference, GetActivityTask).
const activityPoll = 60 * time.Second

// activities holds the tasks that wait for workers, and the workers that wait for tasks. The tasks are known from the histories of their
// executions; nothing here is stored.
type activities struct {
	mu     sync.Mutex
	queues map[string]*activityQueue // by activity ARN
}

// activityQueue is first in, first out. Tasks of executions that have gone on meanwhile are found out when they are handed out.
type activityQueue struct {
	tasks []activityTask
	polls []chan activityTask // each has room for one
}

// activityTask names a task that waits for a worker.
type activityTask struct {
	execution string
	scheduled int64
}

// ActivityTask is what a worker is given. The zero value means that there was nothing to do.
type ActivityTask struct{ Token, Input string }

func (a *activities) queue(arn string) *activityQueue {
	q := a.queues[arn]
	if q == nil {
		q = &activityQueue{}
		a.queues[arn] = q
	}
	return q
}

// offer gives the task to the worker that has waited longest, or lets it wait.
func (a *activities) offer(arn string, t activityTask) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.queue(arn)
	if len(q.polls) > 0 {
		q.polls[0] <- t
		q.polls = q.polls[1:]
		return
	}
	q.tasks = append(q.tasks, t)
}

// poll returns a channel that gets the next task.
func (a *activities) poll(arn string) chan activityTask {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.queue(arn)
	c := make(chan activityTask, 1)
	if len(q.tasks) > 0 {
		c <- q.tasks[0]
		q.tasks = q.tasks[1:]
		return c
	}
	q.polls = append(q.polls, c)
	return c
}

// giveUp ends a poll. A task that it was given in the last moment goes back to the front.
func (a *activities) giveUp(arn string, c chan activityTask) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.queue(arn)
	for i, other := range q.polls {
		if other == c {
			q.polls = append(q.polls[:i:i], q.polls[i+1:]...)
			return
		}
	}
	select {
	case t := <-c:
		q.tasks = append([]activityTask{t}, q.tasks...)
	default:
	}
}

// GetActivityTask waits up to a minute for a task of the activity and hands it out. The error may be the exception InvalidArn or
// ActivityDoesNotExist.
func (r *Runner) GetActivityTask(ctx context.Context, activity, worker string) (ActivityTask, error) {
	if _, err := r.Activity(activity); err != nil {
		return ActivityTask{}, err
	}
	deadline := time.NewTimer(activityPoll)
	defer deadline.Stop()
	for {
		c := r.activities.poll(activity)
		select {
		case t := <-c:
			a, err := r.ask(ctx, message{arn: t.execution, input: engine.ActivityStarted{Scheduled: t.scheduled, Worker: worker}})
			switch {
			case err == nil && a.taken:
				return a.task, nil
			case err != nil && !errors.Is(err, errEnded):
				return ActivityTask{}, err
			}
		case <-deadline.C:
			r.activities.giveUp(activity, c)
			return ActivityTask{}, nil
		case <-ctx.Done():
			r.activities.giveUp(activity, c)
			return ActivityTask{}, ctx.Err()
		case <-r.ctx.Done():
			return ActivityTask{}, errStopping
		}
	}
}

// handOut gives a task to a worker, if the execution still waits for one.
func (s *shard) handOut(r *resident, m message, in engine.ActivityStarted, a answer) {
	before := r.x.LastEventID()
	s.advance(r, in, s.runner.now())
	if a.taken = r.x.LastEventID() > before; a.taken {
		for _, o := range r.x.Pending() {
			if o.Scheduled == in.Scheduled {
				a.task = ActivityTask{Token: o.Token, Input: o.Parameters.Text()}
				s.arm(r, o)
			}
		}
	}
	s.afterCommit(func(err error) { a.err = err; m.reply(a) })
}

// refuse says why a task cannot be scheduled, "" if it can.
func (r *Runner) refuse(resource asl.Resource) string {
	if resource.Kind != asl.ResourceActivity {
		return ""
	}
	if _, err := r.Activity(resource.ARN); err != nil {
		return fmt.Sprintf("The activity %s does not exist.", resource.ARN)
	}
	return ""
}

// CreateActivity creates the activity, or returns the one that exists. The error may be the exception InvalidName.
func (r *Runner) CreateActivity(place sfn.Place, name string) (store.Activity, error) {
	if !sfn.ValidName(name) {
		return store.Activity{}, sfn.Refuse(sfn.InvalidName, "Invalid Name: '%s'", name)
	}
	a := store.Activity{ARN: place.ActivityARN(name), Name: name, Created: r.now().UTC()}
	r.machines.mu.Lock()
	defer r.machines.mu.Unlock()
	if existing, err := r.store.Activity(a.ARN); !errors.Is(err, store.ErrNotFound) {
		return existing, err
	}
	batch := r.store.NewBatch()
	if err := batch.PutActivity(a); err != nil {
		return a, err
	}
	return a, r.store.Commit(batch)
}

// Activity returns an activity. The error may be the exception InvalidArn or ActivityDoesNotExist.
func (r *Runner) Activity(arn string) (store.Activity, error) {
	parsed, err := sfn.ParseARN(arn)
	if err != nil || parsed.Service != "states" {
		return store.Activity{}, sfn.Refuse(sfn.InvalidArn, "Invalid Arn: 'Invalid ARN prefix: %s'", arn)
	}
	a, err := r.store.Activity(arn)
	if errors.Is(err, store.ErrNotFound) {
		return a, sfn.Refuse(sfn.ActivityDoesNotExist, "Activity Does Not Exist: '%s'", arn)
	}
	return a, err
}

// DeleteActivity deletes an activity; deleting one that is not there is no error.
func (r *Runner) DeleteActivity(arn string) error {
	batch := r.store.NewBatch()
	batch.DeleteActivity(arn)
	return r.store.Commit(batch)
}

// Activities lists all activities by ARN.
func (r *Runner) Activities() ([]store.Activity, error) {
	var list []store.Activity
	for a, err := range r.store.Activities() {
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}
