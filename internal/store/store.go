package store

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/lsm"
)

// Store is an open data folder. All methods may be called by any number of goroutines.
type Store struct {
	dir       string
	fs        vfs.FS
	log       *slog.Logger
	onFailure func(error)

	lock      *pebble.Lock
	db        *lsm.DB
	lastID    atomic.Uint64 // the highest number given to an execution
	sleepers  sleepers
	closeOnce sync.Once
	closeErr  error

	gate   sync.RWMutex // guards closed, and users against a wait that has begun
	closed bool
	users  sync.WaitGroup // operations at work, for which Close waits
}

// Option changes how a folder is opened.
type Option func(*Store)

// WithFS keeps the folder in another file system than the computer's, such as one in memory.
func WithFS(fs vfs.FS) Option { return func(s *Store) { s.fs = fs } }

// WithLogger tells Pebble's doings to log: errors as warnings, the rest at debug level. Without it they are dropped.
func WithLogger(log *slog.Logger) Option { return func(s *Store) { s.log = log } }

// OnFailure has f told that the disk has refused a write, as [lsm.Config] says.
func OnFailure(f func(error)) Option { return func(s *Store) { s.onFailure = f } }

// enter announces an operation on the database; leave ends it.
func (s *Store) enter() error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return ErrClosed
	}
	if err := s.db.Failed(); err != nil {
		return err
	}
	s.users.Add(1)
	return nil
}

func (s *Store) leave() { s.users.Done() }

// Close waits for the operations at work and closes the folder. What Commit has acknowledged is on disk already. Closing
// again does nothing and returns the same.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.gate.Lock()
		s.closed = true
		s.gate.Unlock()
		if s.closeErr = s.db.Stuck(); s.closeErr != nil {
			return
		}
		s.users.Wait()
		s.closeErr = s.shut()
	})
	return s.closeErr
}

// sleepers remembers a time before which no execution sleeps. Executions that were woken leave tombstones in the index, thousands
// of them between two compactions, and NextWake would step over all of them every time if it did not begin here.
type sleepers struct {
	mu    sync.Mutex
	floor int64 // in the form of wakeNanos
	busy  int   // commits at work that put executions to sleep
	begun int   // such commits so far
}

// begin announces a commit whose earliest sleeper is due at wake.
func (p *sleepers) begin(wake int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.floor = min(p.floor, wake)
	p.busy++
	p.begun++
}

func (p *sleepers) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
}

func (p *sleepers) earliest() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.floor, 1)
}

// look returns where to begin and a function to call with what was found there, noWake for nothing. That raises the floor unless
// a commit, at work already or since, may have added an earlier one unseen.
func (p *sleepers) look() (from int64, settled func(found int64)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	quiet, begun := p.busy == 0, p.begun
	return max(p.floor, 1), func(found int64) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if quiet && p.begun == begun {
			p.floor = found
		}
	}
}
