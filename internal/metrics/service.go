package metrics

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/lsm"
)

const (
	// defaultMaxBytes bounds the folder. The oldest values go first.
	defaultMaxBytes = 256 << 20
	// maxSeries bounds how many metrics there may be, as their names are kept in memory.
	maxSeries = 100_000
	// writeEvery is how long what was appended may wait in memory.
	writeEvery = time.Second
	// sweepEvery is how often values that are past their retention are looked for.
	sweepEvery = time.Hour
	// lookEvery is how often is looked at what does not count itself.
	lookEvery = time.Minute
	// maxPending bounds the aggregates that wait in memory. Who appends more writes them.
	maxPending = 20_000
)

// ErrTooMany refuses a metric beyond the greatest number that is kept.
var ErrTooMany = fmt.Errorf("there are %d metrics already, which is as many as are kept", maxSeries)

var errClosed = errors.New("the metrics are closed")

// Service is a folder of metrics. All methods may be called by any goroutine.
type Service struct {
	dir      string
	fs       vfs.FS
	now      func() time.Time
	log      *slog.Logger
	maxBytes int64

	onFailure func(error)

	mu       sync.Mutex // guards what waits
	pending  map[slot]*Aggregate
	counters map[string]*Counter
	active   []*Counter // those that have counted since they were last written

	tree sync.Mutex // guards what follows; taken before mu
	db   *lsm.DB
	// series are all that there are, by key.
	series map[string]*series
	nextID uint64
	closed bool

	looking sync.Mutex // held while is looked at what does not count itself; taken before all others
	looked  int64      // the minute in which that was, in epoch seconds
	looks   []func()

	dirty     chan struct{} // holds a token when something waits
	done      chan struct{}
	wg        sync.WaitGroup
	closeOnce sync.Once
	closeErr  error
}

// slot is where an aggregate belongs: a series by its key, a resolution and the time in epoch seconds.
type slot struct {
	series string
	class  class
	start  int64
}

// Option changes how a folder is kept.
type Option func(*Service)

// WithFS keeps the folder in another file system than the computer's, such as one in memory.
func WithFS(fs vfs.FS) Option { return func(s *Service) { s.fs = fs } }

// WithLogger tells log what goes wrong behind the scenes. Without it that is dropped.
func WithLogger(log *slog.Logger) Option { return func(s *Service) { s.log = log } }

// WithClock replaces time.Now, by which values are old and metrics active.
func WithClock(now func() time.Time) Option { return func(s *Service) { s.now = now } }

// WithMaxBytes bounds what the folder may take on disk; 256 MiB otherwise.
func WithMaxBytes(n int64) Option { return func(s *Service) { s.maxBytes = n } }

// OnFailure has f told that the disk has refused a write, as [lsm.Config] says.
func OnFailure(f func(error)) Option { return func(s *Service) { s.onFailure = f } }

// New returns the service of the folder, which is made and opened by the first value that is written or looked for. Close it. One process
// may have the folder open at a time, which is for the caller to see to.
func New(dir string, options ...Option) *Service {
	s := &Service{
		dir: dir, fs: vfs.Default, now: time.Now, log: slog.New(slog.DiscardHandler), maxBytes: defaultMaxBytes,
		pending: map[slot]*Aggregate{}, counters: map[string]*Counter{}, series: map[string]*series{},
		dirty: make(chan struct{}, 1), done: make(chan struct{}),
	}
	for _, o := range options {
		o(s)
	}
	s.wg.Go(s.flushLoop)
	return s
}

// Close writes what waits and ends the service. Closing again does nothing and returns the same.
func (s *Service) Close() error {
	s.closeOnce.Do(func() {
		close(s.done)
		s.wg.Wait()
		s.tree.Lock()
		defer s.tree.Unlock()
		err := s.flush(pebble.Sync)
		s.closed = true
		if s.db != nil {
			err = errors.Join(err, s.db.Close())
		}
		s.closeErr = err
	})
	return s.closeErr
}

// Now is the time by the service's clock.
func (s *Service) Now() time.Time { return s.now() }

// Watch has look called at least once a minute, and before anything is read of a minute that has begun since: it counts how things stand, rather
// than what happens. A minute is over by the service's clock; look makes up for those that were skipped. Call Watch before anything is read.
func (s *Service) Watch(look func()) {
	s.looking.Lock()
	defer s.looking.Unlock()
	s.looks = append(s.looks, look)
}

// look looks at what does not count itself, unless that was done in this minute.
func (s *Service) look() {
	s.looking.Lock()
	defer s.looking.Unlock()
	now := classMinute.floor(s.now().Unix())
	if now == s.looked {
		return
	}
	s.looked = now
	for _, look := range s.looks {
		look()
	}
}

// flushLoop brings what is appended to the disk, in time, and deletes what is too old.
func (s *Service) flushLoop() {
	sweep := time.NewTimer(sweepEvery)
	defer sweep.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-sweep.C:
			if err := s.sweep(); err != nil {
				s.log.Error("cannot delete old metrics", "error", err)
			}
			sweep.Reset(sweepEvery)
		case <-look.C:
			s.look()
		case <-s.dirty:
			if !s.pause(writeEvery) {
				return
			}
			s.tree.Lock()
			err := s.flush(pebble.Sync)
			s.tree.Unlock()
			if err != nil {
				s.log.Error("metrics are lost", "error", err)
			}
		}
	}
}

// pause waits, and tells whether the service is still open.
func (s *Service) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.done:
		return false
	case <-timer.C:
		return true
	}
}

// wake has the loop write what waits.
func (s *Service) wake() {
	select {
	case s.dirty <- struct{}{}:
	default: // it will already
	}
}

// Put keeps what was measured and returns when it is on disk. The error may be ErrTooMany.
func (s *Service) Put(data []Datum) error {
	s.tree.Lock()
	defer s.tree.Unlock()
	if err := s.open(); err != nil {
		return err
	}
	if err := s.room(data); err != nil {
		return err
	}
	s.take(data)
	return s.flush(pebble.Sync)
}

// room refuses data of more new metrics than can be kept.
func (s *Service) room(data []Datum) error {
	fresh := map[string]bool{}
	for i := range data {
		if key := data[i].key(); s.series[key] == nil {
			fresh[key] = true
		}
	}
	if len(s.series)+len(fresh) > maxSeries {
		return ErrTooMany
	}
	return nil
}

// Append keeps what was measured and writes it soon. What cannot be kept is told to the log.
func (s *Service) Append(data ...Datum) {
	if s.take(data) >= maxPending {
		s.tree.Lock()
		defer s.tree.Unlock()
		if err := s.flush(pebble.NoSync); err != nil {
			s.log.Error("metrics are lost", "error", err)
		}
	}
	s.wake()
}

// take puts data where they wait, and returns how much waits now.
func (s *Service) take(data []Datum) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range data {
		d := &data[i]
		if !d.Metric.valid() {
			continue // nobody could ask for it
		}
		at := slot{series: d.key(), class: classMinute}
		if d.HighResolution {
			at.class = classSecond
		}
		at.start = at.class.floor(d.Time.Unix())
		a := s.pending[at]
		if a == nil {
			a = new(Aggregate)
			s.pending[at] = a
		}
		a.Add(&d.Values)
	}
	return len(s.pending)
}

func (d *Datum) key() string {
	unit := d.Unit
	if unit == "" {
		unit = None
	}
	return d.Metric.key(unit)
}

// waiting takes all that waits.
func (s *Service) waiting() map[slot]*Aggregate {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.active {
		c.drain(s.pending)
	}
	clear(s.active)
	s.active = s.active[:0]
	if len(s.pending) == 0 {
		return nil
	}
	taken := s.pending
	s.pending = map[slot]*Aggregate{}
	return taken
}

// flush writes what waits; tree is held.
func (s *Service) flush(how *pebble.WriteOptions) error {
	waiting := s.waiting()
	if len(waiting) == 0 {
		return nil
	}
	if s.closed {
		return errClosed
	}
	if err := s.open(); err != nil {
		return err
	}
	return s.write(waiting, how)
}
