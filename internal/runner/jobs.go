package runner

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

// job is what a task with the pattern .sync has started and waits for. It lives as long as it is watched; what outlives the process is the
// TaskSubmitted event, from which the next one watches it again.
type job struct {
	scheduled int64
	call      task.Call
	submitted *value.Data
	over      atomic.Bool // it has ended by itself, or an answer to its token made its end irrelevant
}

// stopsJobWithin is how long the attempt to stop a job may take.
const stopsJobWithin = 30 * time.Second

// note looks after the job that a message is about: one that was started is watched as soon as that is on disk. If nobody waits for it any more
// it is stopped. An answer to the task's token leaves the job alone (developer guide, "Run a job (.sync)").
func (s *shard) note(r *resident, m message, taken bool) {
	if m.job != nil {
		if taken {
			r.started = append(r.started, m.job)
		} else {
			s.abandon(m.job)
		}
		return
	}
	if in, ok := m.input.(engine.TaskSubmitted); ok && taken {
		delete(r.calls, in.Scheduled) // it is over; the execution may leave memory while it waits for its token
		return
	}
	if m.token == "" || !taken {
		return
	}
	t, err := engine.ParseToken(m.token)
	if err != nil {
		return
	}
	if j := r.jobs[t.Scheduled]; j != nil {
		j.over.Store(true)
	}
	for _, j := range r.started {
		if j.scheduled == t.Scheduled {
			j.over.Store(true)
		}
	}
}

// watchStarted watches the jobs that were started in the current round, now that this is on disk.
func (s *shard) watchStarted(r *resident) {
	for _, j := range r.started {
		if r.x.Owes(j.scheduled) {
			s.watch(r, j)
		} else {
			s.abandon(j)
		}
	}
	clear(r.started)
	r.started = r.started[:0]
}

// resume watches a job that an earlier life of the process has started.
func (s *shard) resume(r *resident, o engine.Obligation) {
	if o.Resource.RunsJob() {
		s.watch(r, &job{scheduled: o.Scheduled, call: taskCall(r, o), submitted: o.Submitted.Freeze()})
	}
}

// watch waits for the end of the job beside the shard; the result comes back as a message.
func (s *shard) watch(r *resident, j *job) {
	if r.calls == nil {
		r.calls = map[int64]context.CancelFunc{}
	}
	if r.jobs == nil {
		r.jobs = map[int64]*job{}
	}
	ctx, cancel := context.WithCancel(s.runner.ctx)
	r.calls[j.scheduled], r.jobs[j.scheduled] = cancel, j
	began := s.runner.begin(&s.runner.watches, func() {
		defer cancel()
		if j.call.Resource.Service != "states" { // a nested execution is one of our own, and has waits that may be skipped
			defer s.runner.atWork()()
		}
		output, failure := s.runner.tasks.AwaitJob(ctx, j.call, j.submitted)
		if ctx.Err() != nil {
			return // nobody waits any more, or the next process does
		}
		j.over.Store(true)
		m := message{arn: j.call.Execution}
		if failure != nil {
			m.input = engine.TaskFailed{Scheduled: j.scheduled, Failure: *failure}
		} else {
			m.input = engine.TaskSucceeded{Scheduled: j.scheduled, Output: output}
		}
		s.mail.put(m)
	})
	if !began {
		cancel()
	}
}

// abandon stops a job for which nobody waits any more. When the server itself stops, the job goes on.
func (s *shard) abandon(j *job) {
	if j == nil || j.over.Load() {
		return
	}
	s.runner.begin(&s.runner.calls, func() {
		ctx, cancel := context.WithTimeout(s.runner.ctx, stopsJobWithin)
		defer cancel()
		if err := s.runner.tasks.StopJob(ctx, j.call, j.submitted); err != nil && ctx.Err() == nil {
			s.runner.log.Warn("cannot stop the job of a task that was cut", "execution", j.call.Execution, "resource", j.call.Resource.ARN, "error", err)
		}
	})
}
