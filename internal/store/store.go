package store

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Store is an open data folder. All methods may be called by any number of goroutines.
type Store struct {
	dir       string
	fs        vfs.FS
	log       *slog.Logger
	cacheSize int64
	onFailure func(error)

	lock      *pebble.Lock
	db        *pebble.DB
	lastID    atomic.Uint64 // the highest number given to an execution
	sleepers  sleepers
	failure   atomic.Pointer[error]
	jammed    atomic.Bool // Pebble's locks are lost, so it cannot be closed
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

// WithCacheSize bounds Pebble's memory in bytes, written tables (up to 16 MiB) and cached blocks together; 24 MiB otherwise.
func WithCacheSize(bytes int64) Option { return func(s *Store) { s.cacheSize = bytes } }

// OnFailure has f told, once, that the disk has refused a write (an ErrFailed). It should see to the end of the process: commits and
// reads fail from then on, and some may never return, as Pebble has no way on from a log that it cannot write. Where a Commit
// meets the failure, f runs before it returns. Without this option the error is printed to standard error and the process
// exits with status 1.
func OnFailure(f func(error)) Option { return func(s *Store) { s.onFailure = f } }

func exit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// enter announces an operation on the database; leave ends it.
func (s *Store) enter() error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return ErrClosed
	}
	if failure := s.failure.Load(); failure != nil {
		return *failure
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
		if s.jammed.Load() {
			s.closeErr = *s.failure.Load()
			return
		}
		s.users.Wait()
		s.closeErr = s.shut()
	})
	return s.closeErr
}

// fail puts the store out of use.
func (s *Store) fail(cause error) error {
	err := fmt.Errorf("%w: data folder %s: %w; what was acknowledged is safe: see to the disk, then start again", ErrFailed, s.dir, cause)
	if s.failure.CompareAndSwap(nil, &err) {
		s.log.Error("journal failed", "error", err)
		s.onFailure(err)
	}
	return *s.failure.Load()
}

// pebbleLog is Pebble's logger.
type pebbleLog struct{ s *Store }

func (l pebbleLog) Infof(format string, args ...any) {
	if l.s.log.Enabled(context.Background(), slog.LevelDebug) {
		l.s.log.Debug(fmt.Sprintf(format, args...))
	}
}

func (l pebbleLog) Errorf(format string, args ...any) { l.s.log.Warn(fmt.Sprintf(format, args...)) }

// Fatalf must not return: Pebble calls it, mostly from goroutines of its own and with locks held, where it has no way on.
func (l pebbleLog) Fatalf(format string, args ...any) {
	l.s.jammed.Store(true)
	_ = l.s.fail(fmt.Errorf(format, args...))
	select {}
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
