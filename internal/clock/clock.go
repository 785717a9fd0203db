// Package clock is the time by which executions wait, retry and time out, and by which schedules come due.
//
// A [Clock] is the computer's own, or one that runs faster, or one that can be moved on over stretches in which nobody works. It never goes back. Who
// waits asks [Clock.Now], sleeps for as long as [Clock.Real] says, and looks again when [Clock.Moved] tells of a jump. What decides that a
// stretch may be skipped is [Skip], which knows those who work only as [Worker].
package clock

import (
	"context"
	"sync"
	"time"
)

// Clock tells the time. Its methods may be called by any goroutine.
type Clock struct {
	rate  float64 // seconds of it in a second of the computer's
	begun time.Time

	mu      sync.Mutex
	skipped time.Duration
	moved   chan struct{} // closed by the next jump
}

// Real is the computer's clock, as long as nobody moves it on.
func Real() *Clock { return Fast(1) }

// Fast runs rate times as fast as the computer's from now on. A rate below 1 is slow motion; it must be above 0.
func Fast(rate float64) *Clock {
	return &Clock{rate: rate, begun: time.Now(), moved: make(chan struct{})}
}

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	now := time.Now()
	if c.rate != 1 {
		now = c.begun.Add(time.Duration(float64(now.Sub(c.begun)) * c.rate))
	}
	return now.Add(c.skipped)
}

// Real is how long the computer's clock takes for a duration of this one, if nobody moves it on meanwhile.
func (c *Clock) Real(d time.Duration) time.Duration {
	if c.rate == 1 {
		return d
	}
	return time.Duration(float64(d) / c.rate)
}

// Moved returns a channel that is closed when the clock is moved on the next time. Ask for it before [Clock.Now], so that no jump is missed.
func (c *Clock) Moved() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moved
}

// SkipTo moves the clock on to a time. A time that is over changes nothing.
func (c *Clock) SkipTo(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ahead := to.Sub(c.now())
	if ahead <= 0 {
		return
	}
	c.skipped += ahead
	close(c.moved)
	c.moved = make(chan struct{})
}

// Worker is somebody without whom the clock must not be moved on.
type Worker interface {
	// Quiet tells whether nobody works, and a number that is another one if anybody has worked since it was last asked.
	Quiet() (quiet bool, worked uint64)
	// NextDue is when there is something to do again; ok is false for never.
	NextDue() (due time.Time, ok bool)
}

// look is how often Skip looks whether anybody works. Twice quiet in a row, with nothing done between, counts as quiet: it bridges the
// moments in which work passes from one to another.
const look = 2 * time.Millisecond

// Skip moves the clock on to the next time that anything is due whenever nobody works, until ctx ends.
func Skip(ctx context.Context, c *Clock, workers ...Worker) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	quiets, before := 0, uint64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		quiet, worked := quietAll(workers)
		if quiet && worked == before {
			quiets++
		} else {
			quiets = 0
		}
		before = worked
		if quiets < 2 {
			continue
		}
		if due, ok := nextDue(workers); ok {
			c.SkipTo(due)
		}
		quiets = 0
	}
}

func quietAll(workers []Worker) (quiet bool, worked uint64) {
	quiet = true
	for _, w := range workers {
		q, n := w.Quiet()
		quiet, worked = quiet && q, worked+n
	}
	return quiet, worked
}

func nextDue(workers []Worker) (due time.Time, ok bool) {
	for _, w := range workers {
		if at, some := w.NextDue(); some && (!ok || at.Before(due)) {
			due, ok = at, true
		}
	}
	return due, ok
}
