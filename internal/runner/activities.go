package runner

import (
	"container/list"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/value"
)

// activityPoll is how long GetActivityTask waits for a task (API reference, GetActivityTask).
const activityPoll = 60 * time.Second

// maxPolls is how many workers may wait for one activity. AWS allows 1,000 for an ARN; here it only keeps a mistake from using up the
// computer.
const maxPolls = 20_000

// activities holds the tasks that wait for workers, and the workers that wait for tasks. The tasks are known from the histories of their
// executions; nothing here is stored.
type activities struct {
	mu     sync.Mutex
	queues map[string]*activityQueue // by activity ARN; an empty one is not kept

	count tally // of activities; guarded by machines.change
}

// activityQueue is first in, first out: either tasks wait or polls do. Tasks of executions that have gone on meanwhile are found out when
// they are handed out.
type activityQueue struct {
	tasks list.List // of activityTask
	polls list.List // of chan activityTask, each with room for one
}

// activityTask names a task that waits for a worker.
type activityTask struct {
	execution string
	scheduled int64
}

// ActivityTask is what a worker is given. The zero value means that there was nothing to do.
type ActivityTask struct{ Token, Input string }

// poll is a worker that waits.
type poll struct {
	activity string
	given    chan activityTask
	place    *list.Element // in the queue's polls; nil if there was a task at once
}

func (a *activities) queue(arn string) *activityQueue {
	q := a.queues[arn]
	if q == nil {
		q = &activityQueue{}
		a.queues[arn] = q
	}
	return q
}

// tidy forgets a queue with nothing in it.
func (a *activities) tidy(arn string, q *activityQueue) {
	if q.tasks.Len() == 0 && q.polls.Len() == 0 {
		delete(a.queues, arn)
	}
}

// offer gives the task to the worker that has waited longest, or lets it wait.
func (a *activities) offer(arn string, t activityTask) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.queue(arn)
	if first := q.polls.Front(); first != nil {
		q.polls.Remove(first).(chan activityTask) <- t
		a.tidy(arn, q)
		return
	}
	q.tasks.PushBack(t)
}

// poll begins to wait for a task. It returns nil if as many wait as may.
func (a *activities) poll(arn string) *poll {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.queue(arn)
	p := &poll{activity: arn, given: make(chan activityTask, 1)}
	switch first := q.tasks.Front(); {
	case first != nil:
		p.given <- q.tasks.Remove(first).(activityTask)
		a.tidy(arn, q)
	case q.polls.Len() >= maxPolls:
		return nil
	default:
		p.place = q.polls.PushBack(p.given)
	}
	return p
}

// giveUp ends a poll. A task that it was given in the last moment goes to the next worker, or back to the front.
func (a *activities) giveUp(p *poll) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.queue(p.activity)
	defer a.tidy(p.activity, q)
	select {
	case t := <-p.given:
		if first := q.polls.Front(); first != nil {
			q.polls.Remove(first).(chan activityTask) <- t
		} else {
			q.tasks.PushFront(t)
		}
	default:
		if p.place != nil {
			q.polls.Remove(p.place)
		}
	}
}

// GetActivityTask waits up to a minute for a task of the activity and hands it out. The error may be the exception InvalidArn,
// ActivityDoesNotExist or ActivityWorkerLimitExceeded.
func (r *Runner) GetActivityTask(ctx context.Context, activity, worker string) (ActivityTask, error) {
	if _, err := r.Activity(activity); err != nil {
		return ActivityTask{}, err
	}
	deadline := time.NewTimer(activityPoll)
	defer deadline.Stop()
	for {
		p := r.activities.poll(activity)
		if p == nil {
			return ActivityTask{}, sfn.Refuse(sfn.ActivityWorkerLimitExceeded,
				"The maximum number of workers concurrently polling for activity tasks has been reached")
		}
		select {
		case t := <-p.given:
			a, err := r.ask(ctx, message{arn: t.execution, input: engine.ActivityStarted{Scheduled: t.scheduled, Worker: worker}})
			switch {
			case err == nil && a.taken:
				return a.task, nil
			case err != nil && !isOver(err):
				return ActivityTask{}, err
			}
		case <-deadline.C:
			r.activities.giveUp(p)
			return ActivityTask{}, nil
		case <-ctx.Done():
			r.activities.giveUp(p)
			return ActivityTask{}, ctx.Err()
		case <-r.ctx.Done():
			return ActivityTask{}, errStopping
		}
	}
}

// isOver tells whether the error is that an execution has ended, or is there no more.
func isOver(err error) bool {
	var refused *sfn.Exception
	return errors.Is(err, errEnded) || errors.As(err, &refused) && refused.Name == sfn.ExecutionDoesNotExist
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

// prepareTask returns the parameters with which a task is scheduled, or says why it cannot be.
func (r *Runner) prepareTask(resource asl.Resource, parameters *value.Data) (*value.Data, string) {
	if resource.Kind != asl.ResourceActivity {
		return r.tasks.Prepare(resource, parameters)
	}
	if _, err := r.Activity(resource.ARN); err != nil {
		return parameters, fmt.Sprintf("The activity %s does not exist.", resource.ARN)
	}
	return parameters, ""
}

// NewActivity is an activity to create.
type NewActivity struct {
	Name       string
	Tags       []sfn.Tag
	Encryption sfn.EncryptionConfiguration // without a type: AWS's own key
}

// activityConfig is what is kept with an activity.
type activityConfig struct {
	Encryption sfn.EncryptionConfiguration `json:"encryptionConfiguration"`
}

// CreateActivity creates the activity, or returns the one that exists, whatever its tags. The error may be the exception InvalidName,
// InvalidEncryptionConfiguration, TooManyTags, ValidationException, ActivityAlreadyExists or ActivityLimitExceeded.
func (r *Runner) CreateActivity(place sfn.Place, n NewActivity) (store.Activity, error) {
	if !sfn.ValidName(n.Name) {
		return store.Activity{}, sfn.Refuse(sfn.InvalidName, "Invalid Name: '%s'", n.Name)
	}
	a := store.Activity{ARN: place.ActivityARN(n.Name), Name: n.Name, Created: r.now().UTC()}
	encryption := n.Encryption.WithDefaults()
	if err := encryption.Check(); err != nil {
		return a, err
	}
	labels, err := mergeTags(a.ARN, nil, n.Tags)
	if err != nil {
		return a, err
	}
	if a.Config, err = json.Marshal(activityConfig{encryption}); err != nil {
		return a, fmt.Errorf("create activity %s: %w", a.ARN, err)
	}
	r.machines.change.Lock()
	defer r.machines.change.Unlock()
	existing, err := r.store.Activity(a.ARN)
	switch {
	case err == nil && ActivityEncryption(existing) != encryption:
		return existing, sfn.Refuse(sfn.ActivityAlreadyExists, "Activity Already Exists: '%s'", a.ARN)
	case !errors.Is(err, store.ErrNotFound):
		return existing, err
	}
	full, err := r.activities.count.atLeast(sfn.MaxActivities, func() (int, error) {
		all, err := r.Activities()
		return len(all), err
	})
	if err != nil {
		return a, err
	}
	if full {
		return a, sfn.Refuse(sfn.ActivityLimitExceeded, "Activity Limit Exceeded: there are %d activities already", sfn.MaxActivities)
	}
	batch := r.store.NewBatch()
	if err := errors.Join(batch.PutActivity(a), putTags(batch, a.ARN, labels)); err != nil {
		return a, err
	}
	if err := r.store.Commit(batch); err != nil {
		return a, err
	}
	r.activities.count.add(1)
	return a, nil
}

// ActivityEncryption is how an activity's data would be encrypted on AWS.
func ActivityEncryption(a store.Activity) sfn.EncryptionConfiguration {
	var c activityConfig
	_ = json.Unmarshal(a.Config, &c) // one that was created without is as by default
	return c.Encryption.WithDefaults()
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

// DeleteActivity deletes an activity with its tags; deleting one that is not there is no error. Tasks that wait for its workers wait on,
// until they time out or an activity of the name is created again.
func (r *Runner) DeleteActivity(arn string) error {
	r.machines.change.Lock()
	defer r.machines.change.Unlock()
	_, err := r.store.Activity(arn)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	batch := r.store.NewBatch()
	batch.DeleteActivity(arn)
	batch.DeleteDocument(tags, arn)
	if err := r.store.Commit(batch); err != nil {
		return err
	}
	r.activities.count.add(-1)
	return nil
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
