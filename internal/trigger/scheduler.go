package trigger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/clock"
)

// The errors of a [Scheduler], each wrapped with the name of the job.
var (
	ErrExists     = errors.New("a schedule of this name exists already")
	ErrNotFound   = errors.New("there is no schedule of this name")
	ErrNeverFires = errors.New("the schedule never comes due")
	ErrStarted    = errors.New("it was started before")
)

// MaxWindow is the longest flexible time window (API reference, FlexibleTimeWindow).
const MaxWindow = 1440 * time.Minute

// Job is what a [Scheduler] does on a schedule.
type Job struct {
	Name     string
	Schedule *Schedule

	// Window is the flexible time window within which a call is made once it is due, 0 for none.
	Window time.Duration

	// Disabled keeps the schedule from firing by itself; [Scheduler.Fire] works all the same.
	Disabled bool

	// After is the due time that was seen to last, zero if none was: the job is due from then on, even where that is over by now.
	After time.Time

	// Run is called with the time at which the schedule was due, which lies before the time of the call where there is a window.
	// It is called on the scheduler's one goroutine, so it should start something and return; the context ends when the
	// scheduler stops. It may call every method of the scheduler but Stop.
	Run func(ctx context.Context, due time.Time)
}

// Entry is a job as [Scheduler.List] shows it.
type Entry struct {
	Name       string
	Expression string
	Timezone   string
	// Next is when the schedule is due next, before any window; zero if it is not due again or disabled.
	Next     time.Time
	Disabled bool
}

// Jitter says how long after a due time a call within a flexible window is made. The answer is taken
// into the range from 0 to window. It must not call the scheduler.
type Jitter func(name string, due time.Time, window time.Duration) time.Duration

// Scheduler calls jobs at their times. Its methods may be called by any goroutine.
//
// One goroutine makes all calls. What a job has missed by more than a minute beyond its window, because the computer slept or the process was
// not there, comes to one call, with the latest time at which it was due.
type Scheduler struct {
	clock  *clock.Clock
	jitter Jitter
	wake   chan struct{} // holds a token when the jobs have changed
	done   chan struct{} // closed when the loop has ended

	mu      sync.Mutex
	jobs    map[string]*entry
	cancel  context.CancelFunc // nil until started
	stopped bool
}

type entry struct {
	Job
	due  time.Time // zero if never again
	call time.Time // due, and how far into the window
}

// NewScheduler returns a scheduler without jobs that is not started. A nil clock is the computer's. A nil jitter makes every call at the
// beginning of its window.
func NewScheduler(c *clock.Clock, jitter Jitter) *Scheduler {
	if c == nil {
		c = clock.Real()
	}
	if jitter == nil {
		jitter = func(string, time.Time, time.Duration) time.Duration { return 0 }
	}
	return &Scheduler{clock: c, jitter: jitter, wake: make(chan struct{}, 1), done: make(chan struct{}), jobs: map[string]*entry{}}
}

// Add adds a job. A rate without a start date starts now, and is due now (user guide, "Rate-based schedules"). It fails with
// [ErrExists], and with [ErrNeverFires] if nothing is due from now on, like a single time that is over or the 30th of February.
func (s *Scheduler) Add(job Job) error {
	if job.Name == "" || job.Schedule == nil || job.Run == nil {
		return fmt.Errorf("adding schedule %q: it needs a name, a schedule and something to run", job.Name)
	}
	if job.Window < 0 || job.Window > MaxWindow {
		return fmt.Errorf("adding schedule %q: a flexible time window is at most %v, not %v", job.Name, MaxWindow, job.Window)
	}
	now := s.wallClock()
	if _, isRate := job.Schedule.timing.(rate); isRate && job.Schedule.start.IsZero() {
		job.Schedule = job.Schedule.Between(now, job.Schedule.end)
	}
	e := &entry{Job: job}
	after := now.Add(-1)
	if !job.After.IsZero() && !job.After.After(now) {
		after = job.After
	}
	if !s.advance(e, after) {
		return fmt.Errorf("adding schedule %q, %s: %w", job.Name, job.Schedule.expression, ErrNeverFires)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.jobs[job.Name]; exists {
		return fmt.Errorf("adding schedule %q: %w", job.Name, ErrExists)
	}
	s.jobs[job.Name] = e
	s.changed()
	return nil
}

// Remove removes a job. A call that is being made is not interrupted. It fails with [ErrNotFound].
func (s *Scheduler) Remove(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.jobs[name]; !exists {
		return fmt.Errorf("removing schedule %q: %w", name, ErrNotFound)
	}
	delete(s.jobs, name)
	s.changed()
	return nil
}

// Fire calls a job now, out of turn, on the caller's goroutine and with the caller's context, whether or not the scheduler is
// started. It changes nothing about when the job is due. It fails with [ErrNotFound].
func (s *Scheduler) Fire(ctx context.Context, name string) error {
	s.mu.Lock()
	e, exists := s.jobs[name]
	s.mu.Unlock()
	if !exists {
		return fmt.Errorf("firing schedule %q: %w", name, ErrNotFound)
	}
	e.Run(ctx, s.wallClock())
	return nil
}

// List returns the jobs in the order of their names.
func (s *Scheduler) List() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := make([]Entry, 0, len(s.jobs))
	for _, e := range s.jobs {
		listed := Entry{Name: e.Name, Expression: e.Schedule.Expression(), Timezone: e.Schedule.Timezone(), Next: e.due, Disabled: e.Disabled}
		if e.Disabled {
			listed.Next = time.Time{}
		}
		entries = append(entries, listed)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return entries
}

// Start begins to call jobs, until the context ends or Stop is called. A scheduler is started once; it fails with [ErrStarted] after
// that, and after a Stop.
func (s *Scheduler) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil || s.stopped {
		return ErrStarted
	}
	ctx, s.cancel = context.WithCancel(ctx)
	go s.loop(ctx)
	return nil
}

// Stop ends the calls and returns when the last one has returned. It may be called any number of times, and without a Start.
func (s *Scheduler) Stop() {
	s.mu.Lock()
	s.stopped = true
	cancel := s.cancel
	s.mu.Unlock()
	if cancel == nil {
		return
	}
	cancel()
	<-s.done
}

// changed tells the loop to look again. The mutex is held.
func (s *Scheduler) changed() {
	select {
	case s.wake <- struct{}{}:
	default: // a token is there already
	}
}

// longestSleep bounds how long the loop trusts its timer. Timers run on a clock that stands still while a computer sleeps, so without
// a bound a job that is due in eight hours would be late by as long as the lid was closed.
const longestSleep = 30 * time.Second

func (s *Scheduler) loop(ctx context.Context) {
	defer close(s.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		moved := s.clock.Moved()
		for _, c := range s.takeDue(s.wallClock()) {
			if ctx.Err() != nil {
				return
			}
			c.run(ctx, c.due)
		}
		timer.Reset(s.clock.Real(s.sleep(s.wallClock())))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.wake:
		case <-moved:
		}
	}
}

type call struct {
	run func(context.Context, time.Time)
	due time.Time
}

// takeDue returns the calls to be made, in order, and moves their jobs on.
func (s *Scheduler) takeDue(now time.Time) []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []*entry
	for _, e := range s.jobs {
		if !e.due.IsZero() && !e.call.After(now) {
			due = append(due, e)
		}
	}
	slices.SortFunc(due, func(a, b *entry) int { return cmp.Or(a.call.Compare(b.call), cmp.Compare(a.Name, b.Name)) })
	var calls []call
	for _, e := range due {
		if e.due.Before(now.Add(-e.Window - time.Minute)) {
			e.due = e.Schedule.latest(e.due, now)
		}
		if !e.Disabled {
			calls = append(calls, call{e.Run, e.due})
		}
		s.advance(e, e.due)
	}
	return calls
}

// sleep returns how long nothing needs to be done.
func (s *Scheduler) sleep(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	sleep := longestSleep
	for _, e := range s.jobs {
		if !e.due.IsZero() {
			sleep = min(sleep, e.call.Sub(now))
		}
	}
	return max(sleep, 0)
}

// advance sets when the job is due first after the given time; false if never again.
func (s *Scheduler) advance(e *entry, after time.Time) bool {
	due, ok := e.Schedule.Next(after)
	e.due, e.call = due, due
	if ok && e.Window > 0 {
		e.call = due.Add(min(max(s.jitter(e.Name, due, e.Window), 0), e.Window))
	}
	return ok
}

// wallClock returns the time without the monotonic reading, so that differences are those of the wall clock.
func (s *Scheduler) wallClock() time.Time { return s.clock.Now().Round(0) }

// Quiet implements [clock.Worker]: what the scheduler starts works elsewhere.
func (s *Scheduler) Quiet() (bool, uint64) { return true, 0 }

// NextDue implements [clock.Worker].
func (s *Scheduler) NextDue() (due time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.jobs {
		if !e.due.IsZero() && !e.Disabled && (!ok || e.call.Before(due)) {
			due, ok = e.call, true
		}
	}
	return due, ok
}
