package runner

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/task"
)

// maxRound is how many messages a shard decides before it commits.
const maxRound = 256

// staysFor is how long an execution that only waits may stay in memory: folding it again costs more than keeping it for a moment.
const staysFor = 10 * time.Second

// shard decides for a part of the executions, one round after another.
type shard struct {
	runner    *Runner
	mail      mail
	residents map[string]*resident
	waiters   map[string][]message // who waits for the end of an execution, by ARN
	asleep    map[string]asleep    // executions that have left memory and whose time only the shard knows, by ARN
	timers    timers
	idle      atomic.Bool  // the shard waits for mail or for the time
	nextWait  atomic.Int64 // while it is idle and the clock is one that skips: when a Wait or a retry is due first, in Unix nanoseconds; 0 for never
	inFlight  atomic.Int64

	// What follows belongs to the current round.

	batch   *store.Batch
	touched []*resident
	after   []func(error)
	encoded []byte

	// Memory for what is logged, used again in every round.

	lines     []logLines
	logEvents []logs.Event
	logRecord history.LogRecord

	entered    measure.Counters            // counts the states that were entered; nil until one is
	taskMeters map[string]measure.Counters // those that were used last
}

// resident is an execution in memory.
type resident struct {
	x       *engine.Execution
	record  store.Execution
	express bool
	open    bool // counted among the open executions
	life    *life
	trace   string
	log     *logTarget                   // nil: it logs nothing
	calls   map[int64]context.CancelFunc // under way, by Scheduled event
	jobs    map[int64]*job               // that are waited for, by Scheduled event
	started []*job                       // of the current round
	beats   map[int64]beat               // of tasks with a heartbeat, by Scheduled event
	timer   time.Time                    // of the newest entry in the shard's timers
	events  []history.Event              // of the current round

	measured map[int64]measuredCall // calls under way, by the last event about each
	onEnd    func(Outcome)
}

// asleep is what memory keeps of an execution that has left it.
type asleep struct {
	wake  time.Time
	beats map[int64]beat
}

// beat is when the holder of a task token must have been heard.
type beat struct {
	every time.Duration
	by    time.Time
}

func newShard(r *Runner) *shard {
	return &shard{runner: r, mail: mail{signal: make(chan struct{}, 1)}, residents: map[string]*resident{}, waiters: map[string][]message{}, asleep: map[string]asleep{}, batch: r.store.NewBatch()}
}

// run works until the mail is closed and empty.
func (s *shard) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var round []message
	for {
		var more, closed bool
		round, more, closed = s.mail.take(round[:0], maxRound)
		s.round(round)
		if more {
			continue
		}
		if closed {
			return
		}
		moved := s.runner.clock.Moved()
		wait := time.Hour
		if next, ok := s.timers.next(); ok {
			wait = max(0, next.Sub(s.runner.now()))
		}
		timer.Reset(s.runner.clock.Real(wait))
		if s.runner.skips {
			s.nextWait.Store(s.firstWait())
		}
		s.idle.Store(true)
		select {
		case <-s.mail.signal:
		case <-timer.C:
		case <-moved:
		}
		s.idle.Store(false)
		s.runner.worked.Add(1)
	}
}

// round decides, records and performs.
func (s *shard) round(messages []message) {
	for _, m := range messages {
		s.handle(m)
	}
	s.ring()
	if len(s.touched) == 0 && len(s.after) == 0 {
		return
	}
	var err error
	for _, r := range s.touched {
		if putErr := s.put(r); putErr != nil {
			err = errors.Join(err, putErr)
		}
	}
	if err == nil && !s.batch.Empty() {
		err = s.runner.store.Commit(s.batch)
	}
	s.batch.Reset()
	if err != nil {
		s.runner.log.Error("cannot record what executions decided", "error", err)
	} else {
		s.log()
		s.measure()
	}
	for _, done := range s.after {
		done(err)
	}
	for _, r := range s.touched {
		if err == nil {
			s.perform(r)
		}
		r.events = nil
	}
	clear(s.touched)
	clear(s.after)
	s.touched, s.after = s.touched[:0], s.after[:0]
}

// put adds what the round has decided for an execution to the batch.
func (s *shard) put(r *resident) error {
	if r.express {
		return s.putExpress(r)
	}
	r.record.Status, r.record.StopDate = r.x.Status(), r.x.Stopped()
	r.record.RedriveCount, r.record.RedriveDate = int(r.x.Redrives()), r.x.Redriven()
	r.record.WakeAt = s.wakeAt(r)
	s.count(r)
	first := int64(0)
	s.encoded = s.encoded[:0]
	if len(r.events) > 0 {
		first = r.events[0].ID
		s.encoded = history.AppendJournalList(s.encoded, r.events)
	}
	if err := s.batch.Put(&r.record, first, len(r.events), s.encoded); err != nil {
		return fmt.Errorf("record %s: %w", r.record.ARN, err)
	}
	for i := range r.events {
		if r.events[i].Type == history.MapRunStarted {
			if err := s.recordMapRun(r, &r.events[i]); err != nil {
				return fmt.Errorf("record a Map Run of %s: %w", r.record.ARN, err)
			}
		}
	}
	return s.announce(r)
}

// putExpress adds an Express execution to the batch if it is a Map Run's child that has ended: how it began and how it ended, without what happened in
// between. So a Map Run knows after a crash what it has achieved. All other Express executions live in memory alone.
func (s *shard) putExpress(r *resident) error {
	if r.record.MapRunARN == "" || !r.x.Status().Ended() || len(r.events) == 0 {
		return nil
	}
	end := r.events[len(r.events)-1]
	began := history.Event{ID: 1, Type: history.ExecutionStarted, Time: r.x.Started(),
		Details: &history.ExecutionStartedDetails{Input: r.x.Input(), RoleARN: r.x.Identity().RoleARN}}
	r.record.Status, r.record.StopDate = r.x.Status(), r.x.Stopped()
	first := r.record.LastEventID + 1
	events := []history.Event{began, end}
	if first > 1 {
		events = events[1:] // it was started anew, with the same input
	}
	last := &events[len(events)-1]
	last.ID = r.record.LastEventID + int64(len(events))
	last.PreviousID = last.ID - 1
	s.encoded = history.AppendJournalList(s.encoded[:0], events)
	if err := s.batch.Put(&r.record, first, len(events), s.encoded); err != nil {
		return fmt.Errorf("record %s: %w", r.record.ARN, err)
	}
	return nil
}

// count keeps the number of open executions.
func (s *shard) count(r *resident) {
	if open := !r.x.Status().Ended(); open != r.open {
		r.open = open
		if open {
			s.runner.open.Add(1)
		} else {
			s.runner.open.Add(-1)
		}
	}
}

// wakeAt is when the execution is due if it only waits; zero if it is at work.
func (s *shard) wakeAt(r *resident) time.Time {
	if r.x.Status().Ended() || r.x.HasMore() {
		return time.Time{}
	}
	for _, o := range r.x.Pending() {
		handedOut := o.Resource.Kind == asl.ResourceActivity && o.Started
		if o.Submitted == nil && !handedOut || o.Resource.RunsJob() {
			return time.Time{} // somebody must call, or watch the job
		}
	}
	return r.x.WakeAt()
}

// handle lets one execution take one message.
func (s *shard) handle(m message) {
	if m.start != nil {
		s.begin(m)
		return
	}
	if m.redrive != nil {
		s.redrive(m)
		return
	}
	if m.input == nil {
		s.await(m)
		return
	}
	r, err := s.resident(m.arn)
	if err != nil {
		if !errors.Is(err, errEnded) {
			s.runner.log.Error("cannot load an execution", "execution", m.arn, "error", err)
		}
		s.abandon(m.job)
		m.reply(answer{err: err})
		return
	}
	a := answer{arn: m.arn, at: r.x.Started()}
	switch in := m.input.(type) {
	case engine.Stop:
		s.advance(r, in, s.runner.now())
		a.at, a.taken = r.x.Stopped(), true
	case engine.ActivityStarted:
		s.handOut(r, m, in, a)
		return
	default:
		if m.token != "" && !s.takesToken(r, m) {
			m.reply(answer{err: sfn.Refuse(sfn.TaskTimedOut, "Task Timed Out: 'Provided task does not exist anymore'")})
			return
		}
		if m.beat {
			s.touch(r)
			break
		}
		before := r.x.LastEventID()
		s.advance(r, in, s.runner.now())
		a.taken = r.x.LastEventID() > before
		s.note(r, m, a.taken)
	}
	if m.answer != nil || m.report != nil {
		s.afterCommit(func(err error) { a.err = err; m.reply(a) })
	}
}

// takesToken tells whether the execution still waits for the token, and counts it as a sign of life.
func (s *shard) takesToken(r *resident, m message) bool {
	t, err := engine.ParseToken(m.token)
	if err != nil || !r.x.Genuine(m.token) || !r.x.Owes(t.Scheduled) {
		return false
	}
	if b, ok := r.beats[t.Scheduled]; ok {
		b.by = s.runner.now().Add(b.every)
		r.beats[t.Scheduled] = b
	}
	return true
}

// advance lets the engine decide and keeps the events for the end of the round.
func (s *shard) advance(r *resident, in engine.Input, now time.Time) {
	var events []history.Event
	switch {
	case s.runner.stopping.Load():
		events = r.x.Record(in, now)
	case r.life.deleting.Load():
		events = r.lastSteps(in, now)
	default:
		events = r.x.Advance(in, now)
	}
	s.touch(r)
	r.events = append(r.events, events...)
}

func (s *shard) touch(r *resident) {
	for _, other := range s.touched {
		if other == r {
			return
		}
	}
	s.touched = append(s.touched, r)
}

func (s *shard) afterCommit(f func(error)) { s.after = append(s.after, f) }

// errEnded answers messages to executions that are over.
var errEnded = errors.New("the execution has ended")

// resident returns an execution in memory, folding its history if it is not there. Calls that were under way in an earlier life of the process
// are lost.
func (s *shard) resident(arn string) (*resident, error) {
	if r := s.residents[arn]; r != nil {
		return r, nil
	}
	record, err := s.runner.store.Execution(arn)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, sfn.Refuse(sfn.ExecutionDoesNotExist, "Execution Does Not Exist: '%s'", arn)
	case err != nil:
		return nil, err
	case record.Status != sfn.StatusRunning:
		return nil, errEnded
	}
	r, err := s.fold(record)
	if err != nil {
		return nil, err
	}
	r.beats = s.asleep[arn].beats
	delete(s.asleep, arn)
	s.residents[arn] = r
	x := r.x
	for _, o := range x.Pending() {
		if o.MapRun != nil {
			s.call(r, o) // its children remember what they have done
			continue
		}
		switch {
		case !o.Started || o.Resource.Kind == asl.ResourceActivity:
			s.arm(r, o)
		case o.Submitted != nil:
			s.arm(r, o)
			s.resume(r, o)
		case task.Repeatable(o.Resource):
			s.arm(r, o)
			s.callAgain(r, o)
		default:
			s.advance(r, engine.TaskFailed{Scheduled: o.Scheduled, Failure: task.Lost(o.Resource)}, s.runner.now())
		}
	}
	if x.HasMore() {
		s.advance(r, engine.Tick{}, s.runner.now())
	}
	return r, nil
}

// fold rebuilds an execution from its history.
func (s *shard) fold(record store.Execution) (*resident, error) {
	m, err := s.runner.machine(record.MachineARN, record.Revision)
	if err != nil {
		return nil, err
	}
	r := &resident{record: record, open: !record.Status.Ended(), life: m.life, trace: record.TraceHeader, log: s.runner.logTarget(m)}
	x, err := engine.Fold(m.parsed, engine.Identity{
		ARN: record.ARN, Name: record.Name, MachineARN: m.ARN, MachineName: m.Name, RoleARN: m.RoleARN,
		VersionARN: record.VersionARN, AliasARN: record.AliasARN,
	}, s.remeasured(r, s.runner.events(&record, 1)))
	if err != nil {
		return nil, err
	}
	x.PrepareTasks(s.runner.prepareTask)
	r.x = x
	return r, nil
}

// perform does what is owed once it is on disk.
func (s *shard) perform(r *resident) {
	if len(r.events) > 0 && !r.x.Status().Ended() && !s.runner.stopping.Load() {
		for _, o := range r.x.PendingSince(r.events[0].ID) {
			s.arm(r, o)
			if o.Started && o.Submitted == nil && o.Resource.Kind != asl.ResourceActivity {
				s.call(r, o)
			}
		}
	}
	s.watchStarted(r)
	for scheduled, cancel := range r.calls {
		if !r.x.Owes(scheduled) {
			cancel()
			delete(r.calls, scheduled)
			s.abandon(r.jobs[scheduled])
			delete(r.jobs, scheduled)
		}
	}
	for scheduled := range r.beats {
		if !r.x.Owes(scheduled) {
			delete(r.beats, scheduled)
		}
	}
	if r.x.Status().Ended() {
		s.ended(r)
		return
	}
	if r.x.HasMore() && !s.runner.stopping.Load() {
		s.mail.put(message{arn: r.record.ARN, input: engine.Tick{}})
		return
	}
	s.rest(r)
}

// await answers when the execution has ended.
func (s *shard) await(m message) {
	record, err := s.runner.store.Execution(m.arn)
	if err != nil || record.Status.Ended() {
		m.reply(answer{arn: m.arn, status: record.Status, err: err})
		return
	}
	s.waiters[m.arn] = append(s.waiters[m.arn], m)
}

func (s *shard) ended(r *resident) {
	delete(s.residents, r.record.ARN)
	for _, waiter := range s.waiters[r.record.ARN] {
		waiter.reply(answer{arn: r.record.ARN, status: r.x.Status(), at: r.x.Stopped()})
	}
	delete(s.waiters, r.record.ARN)
	if r.life.deleting.Load() {
		s.runner.buryLater(r.life.arn)
	}
	if r.onEnd != nil {
		o := Outcome{Status: r.x.Status(), Failure: r.x.Failure(), Started: r.x.Started(), Stopped: r.x.Stopped()}
		if out := r.x.Output(); out != nil {
			o.Output = out.Text()
		}
		r.onEnd(o)
	}
}

// rest sets the execution's timer, or lets go of it if it only waits for long.
func (s *shard) rest(r *resident) {
	wake := r.x.WakeAt()
	for _, b := range r.beats {
		if b.by.Before(wake) {
			wake = b.by
		}
	}
	if !r.record.WakeAt.IsZero() {
		s.runner.wakes.note(r.record.WakeAt)
	}
	if !r.express && !s.runner.skips && len(r.calls) == 0 && wake.Sub(s.runner.now()) > staysFor {
		delete(s.residents, r.record.ARN)
		if r.record.WakeAt.IsZero() || wake.Before(r.record.WakeAt) {
			// It waits for a worker, and counts as at work on disk, so that a restart puts its task up again; or it waits for a heartbeat, of
			// which the disk knows nothing.
			s.asleep[r.record.ARN] = asleep{wake, r.beats}
			heap.Push(&s.timers, timer{at: wake, arn: r.record.ARN})
		}
		return
	}
	if !wake.Equal(r.timer) {
		r.timer = wake
		heap.Push(&s.timers, timer{at: wake, arn: r.record.ARN, resident: r})
	}
}

// arm puts an activity's task up for workers, and notes that a task wants heartbeats.
func (s *shard) arm(r *resident, o engine.Obligation) {
	if o.Resource.Kind == asl.ResourceActivity && !o.Started {
		s.runner.activities.offer(o.Resource.ARN, activityTask{r.record.ARN, o.Scheduled})
	}
	if o.Heartbeat == 0 || !o.Started {
		return
	}
	if r.beats == nil {
		r.beats = map[int64]beat{}
	}
	if _, armed := r.beats[o.Scheduled]; !armed {
		r.beats[o.Scheduled] = beat{o.Heartbeat, s.runner.now().Add(o.Heartbeat)}
	}
}

// call makes the call that the obligation asks for; its answer comes back as a message.
func (s *shard) call(r *resident, o engine.Obligation) { s.makeCall(r, o, taskCall(r, o)) }

// callAgain makes a call that an earlier life of the process may have made.
func (s *shard) callAgain(r *resident, o engine.Obligation) {
	c := taskCall(r, o)
	c.Repeated = true
	s.makeCall(r, o, c)
}

func (s *shard) makeCall(r *resident, o engine.Obligation, c task.Call) {
	if _, underWay := r.calls[o.Scheduled]; underWay {
		return
	}
	if r.calls == nil {
		r.calls = map[int64]context.CancelFunc{}
	}
	ctx, cancel := context.WithCancel(s.runner.ctx)
	r.calls[o.Scheduled] = cancel
	if o.MapRun != nil {
		s.mapRun(ctx, cancel, r, o)
		return
	}
	s.inFlight.Add(1)
	began := s.runner.begin(&s.runner.calls, func() {
		defer s.inFlight.Add(-1)
		defer cancel()
		output, failure := s.runner.tasks.Perform(ctx, c)
		m := message{arn: c.Execution}
		if failure == nil && o.Resource.RunsJob() {
			m.job = &job{scheduled: o.Scheduled, call: c, submitted: output.Freeze()}
		}
		if ctx.Err() != nil {
			s.abandon(m.job)
			return // nobody waits any more
		}
		switch {
		case failure != nil:
			m.input = engine.TaskFailed{Scheduled: o.Scheduled, Failure: *failure}
		case o.Resource.WaitsForToken() || o.Resource.RunsJob():
			m.input = engine.TaskSubmitted{Scheduled: o.Scheduled, Output: output}
		default:
			m.input = engine.TaskSucceeded{Scheduled: o.Scheduled, Output: output}
		}
		s.mail.put(m)
	})
	if !began {
		s.inFlight.Add(-1)
		cancel()
	}
}

// taskCall is the call that the obligation asks for.
func taskCall(r *resident, o engine.Obligation) task.Call {
	if o.MapRun != nil {
		return task.Call{}
	}
	return task.Call{
		Resource: o.Resource, Parameters: o.Parameters.Freeze(), Execution: r.record.ARN, Scheduled: o.Scheduled,
		RoleARN: r.x.Identity().RoleARN, Assumed: o.RoleARN,
		Token: o.Token, TraceHeader: r.trace,
	}
}

// ring advances the executions whose time has come.
func (s *shard) ring() {
	now := s.runner.now()
	for {
		next, ok := s.timers.next()
		if !ok || now.Before(next) {
			return
		}
		t := heap.Pop(&s.timers).(timer)
		r := s.residents[t.arn]
		switch {
		case r == nil && t.resident == nil && s.asleep[t.arn].wake.Equal(t.at):
			loaded, err := s.resident(t.arn)
			if err != nil {
				continue // it has ended
			}
			r = loaded
		case r == nil || r != t.resident || !r.timer.Equal(t.at):
			continue // stale
		}
		r.timer = time.Time{}
		for scheduled, b := range r.beats {
			if !now.Before(b.by) {
				s.advance(r, engine.HeartbeatLapsed{Scheduled: scheduled}, now)
			}
		}
		s.advance(r, engine.Tick{}, now)
	}
}

// events reads an execution's history from the event on.
func (r *Runner) events(record *store.Execution, from int64) iter.Seq2[history.Event, error] {
	return func(yield func(history.Event, error) bool) {
		for segment, err := range r.store.Segments(record, from) {
			if err != nil {
				yield(history.Event{}, err)
				return
			}
			events, err := history.ParseList(string(segment.Events))
			if err != nil {
				yield(history.Event{}, fmt.Errorf("history of %s: %w", record.ARN, err))
				return
			}
			for _, e := range events {
				if e.ID >= from && !yield(e, nil) {
					return
				}
			}
		}
	}
}

// timer says when an execution wants to be advanced.
type timer struct {
	at       time.Time
	arn      string
	resident *resident // nil: it has left memory
}

// timers is a heap of timers, the earliest first.
type timers []timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }

// Push implements heap.Interface.
func (t *timers) Push(v any) { *t = append(*t, v.(timer)) }

// Pop implements heap.Interface.
func (t *timers) Pop() any {
	last := (*t)[len(*t)-1]
	(*t)[len(*t)-1] = timer{}
	*t = (*t)[:len(*t)-1]
	return last
}

func (t timers) next() (time.Time, bool) {
	if len(t) == 0 {
		return time.Time{}, false
	}
	return t[0].at, true
}
