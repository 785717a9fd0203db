package metrics

import (
	"sync"
	"time"
)

// Counter counts one metric in memory, from where it is written within a second. Its methods may be called by any goroutine.
type Counter struct {
	service *Service
	key     string

	mu    sync.Mutex
	start int64 // the minute that is being counted, in epoch seconds
	now   Aggregate
	full  []minute // earlier ones that are not written yet
	queue bool     // it stands among the service's active ones
}

// minute is what was counted in one.
type minute struct {
	start int64
	Aggregate
}

// Counter returns the counter of a metric, always the same one.
func (s *Service) Counter(m Metric, unit Unit) *Counter {
	d := Datum{Metric: m, Unit: unit}
	key := d.key()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counters[key]
	switch {
	case c != nil:
		return c
	case !m.valid():
		return new(Counter) // it counts for nobody: nothing could be asked of it
	}
	c = &Counter{service: s, key: key}
	s.counters[key] = c
	return c
}

// Add counts a value at a time. A nil counter counts nothing.
func (c *Counter) Add(at time.Time, v float64) { c.AddMany(at, v, 1) }

// AddMany counts a value so many times.
func (c *Counter) AddMany(at time.Time, v, times float64) {
	if c == nil || c.service == nil {
		return
	}
	start := classMinute.floor(at.Unix())
	c.mu.Lock()
	if c.start != start {
		c.turn(start)
	}
	c.now.add(v, times)
	first := !c.queue
	c.queue = true
	c.mu.Unlock()
	if first {
		c.service.activate(c)
	}
}

// turn begins another minute; the mutex is held.
func (c *Counter) turn(start int64) {
	if c.now.Count > 0 {
		c.full = append(c.full, minute{c.start, c.now})
		c.now = Aggregate{}
	}
	c.start = start
}

// activate has the counter written.
func (s *Service) activate(c *Counter) {
	s.mu.Lock()
	s.active = append(s.active, c)
	s.mu.Unlock()
	s.wake()
}

// drain moves what was counted to what waits; the service's mutex is held.
func (c *Counter) drain(to map[slot]*Aggregate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(c.start)
	for i := range c.full {
		at := slot{c.key, classMinute, c.full[i].start}
		if a := to[at]; a != nil {
			a.Add(&c.full[i].Aggregate)
		} else {
			to[at] = &c.full[i].Aggregate
		}
	}
	c.full, c.queue = nil, false
}
