package sqs

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/lsm"
	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/sfn"
)

// Store is a folder of queues. All methods may be called by any number of goroutines. Errors that SQS itself would answer are [*sfn.Exception]s.
type Store struct {
	dir   string
	fs    vfs.FS
	clock *clock.Clock
	place sfn.Place
	log   *slog.Logger
	meter measure.Meter // nil counts nothing

	onFailure func(error)

	opening sync.Mutex
	db      *lsm.DB
	closed  bool
	users   sync.WaitGroup // operations at work, for which Close waits
	closing chan struct{}  // closed when long polls and tasks have to end

	working atomic.Int64  // operations at work that do not wait
	worked  atomic.Uint64 // operations so far
	made    atomic.Int64  // the last id of a queue

	changing sync.Mutex   // held by whoever creates, changes or deletes queues
	mu       sync.RWMutex // never held over anything that takes time, or while a queue's is taken
	queues   map[string]*queue
	tasks    map[string]*moveTask
}

// Option changes how a folder is kept.
type Option func(*Store)

// WithFS keeps the folder in another file system than the computer's, such as one in memory.
func WithFS(fs vfs.FS) Option { return func(s *Store) { s.fs = fs } }

// WithClock gives the clock by which messages wait; the computer's otherwise.
func WithClock(c *clock.Clock) Option {
	return func(s *Store) {
		if c != nil {
			s.clock = c
		}
	}
}

// WithPlace says where the queues are; [sfn.DefaultPlace] otherwise.
func WithPlace(p sfn.Place) Option {
	return func(s *Store) {
		if p != (sfn.Place{}) {
			s.place = p
		}
	}
}

// WithLogger has our own trouble logged; it is dropped otherwise.
func WithLogger(log *slog.Logger) Option {
	return func(s *Store) {
		if log != nil {
			s.log = log
		}
	}
}

// OnFailure has f told that the disk has refused a write, as [lsm.Config] says.
func OnFailure(f func(error)) Option { return func(s *Store) { s.onFailure = f } }

// New returns the store in the folder, which is made and opened by the first operation. Close it.
func New(dir string, options ...Option) *Store {
	s := &Store{
		dir: dir, fs: vfs.Default, clock: clock.Real(), place: sfn.DefaultPlace(), log: slog.New(slog.DiscardHandler),
		closing: make(chan struct{}), queues: map[string]*queue{}, tasks: map[string]*moveTask{},
	}
	for _, option := range options {
		option(s)
	}
	return s
}

var errClosed = errors.New("the queues are closed")

// The families of keys: their first byte. All but the first and the last go on with the queue's id, eight bytes, big endian.
const (
	familyBody    = 'b' // seq → body of a message
	familyDedup   = 'd' // digest of a deduplication id → dedup
	familyMessage = 'm' // seq → meta
	familyNext    = 'n' // → a sequence number before which all may have been given out
	familyQueue   = 'q' // name → record of a queue
	familyState   = 's' // seq → state of a message that was received or hidden
	familyTask    = 't' // id → a task that moves messages
)

// enter announces an operation, opening the folder if it is the first; leave ends it.
func (s *Store) enter() error {
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.closed {
		return errClosed
	}
	if s.db == nil {
		if err := s.open(); err != nil {
			return fmt.Errorf("open the queues in %s: %w; see that the folder can be written, or move it away to start without queues", s.dir, err)
		}
	}
	if err := s.db.Failed(); err != nil {
		return err
	}
	s.users.Add(1)
	s.working.Add(1)
	s.worked.Add(1)
	return nil
}

func (s *Store) leave() {
	s.working.Add(-1)
	s.users.Done()
}

func (s *Store) open() error {
	if err := s.makeFolder(); err != nil {
		return err
	}
	db, err := lsm.Open(s.dir, lsm.Config{Name: "the queues", Log: s.log, OnFailure: s.onFailure}, &pebble.Options{
		FS: lsm.ZeroedLogs(s.fs), MemTableSize: 4 << 20, CacheSize: 8 << 20, MaxOpenFiles: 100,
	})
	if err != nil {
		return err
	}
	s.db = db
	if err := s.load(); err != nil {
		s.db = nil
		return errors.Join(err, db.Close())
	}
	return nil
}

// makeFolder makes the folder so that its name outlives a power cut.
func (s *Store) makeFolder() error {
	if err := s.fs.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	parent, err := s.fs.OpenDir(s.fs.PathDir(s.dir))
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

// Close ends long polls and tasks, waits for the operations at work and closes the folder. A store that was never used has nothing to close.
func (s *Store) Close() error {
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.closing)
	if s.db == nil {
		return nil
	}
	if err := s.db.Stuck(); err != nil {
		return err
	}
	s.users.Wait()
	return s.db.Close()
}

// load reads the queues, what decides of their messages, and the tasks.
func (s *Store) load() error {
	err := s.scan([]byte{familyQueue}, []byte{familyQueue + 1}, func(_, value []byte) error {
		q := newQueue(s)
		if err := json.Unmarshal(value, &q.record); err != nil {
			return fmt.Errorf("a queue: %w", err)
		}
		q.settings = &settings{Attributes: q.record.Attributes}
		if err := q.settings.compile(); err != nil {
			return fmt.Errorf("the queue %s: %w", q.record.Name, err)
		}
		s.made.Store(max(s.made.Load(), int64(q.record.ID)))
		s.queues[q.record.Name] = q
		return nil
	})
	if err != nil {
		return err
	}
	for _, q := range s.queues {
		if err := q.load(); err != nil {
			return fmt.Errorf("the queue %s: %w", q.record.Name, err)
		}
	}
	return s.loadTasks()
}

// scan visits the entries from lower to before upper. What it shows is gone after the visit.
func (s *Store) scan(lower, upper []byte, visit func(key, value []byte) error) (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if err := visit(it.Key(), value); err != nil {
			return err
		}
	}
	return it.Error()
}

// read returns a copy of an entry, nil if there is none.
func (s *Store) read(key []byte) ([]byte, error) {
	value, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the queues: %w", err)
	}
	copied := append([]byte{}, value...)
	return copied, closer.Close()
}

// commit writes a batch and returns when it is on disk. Batches of several goroutines share a sync.
func (s *Store) commit(b *lsm.Batch) error {
	if err := b.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("write the queues: %w", err)
	}
	return b.Close()
}

// put adds an entry in JSON to a batch.
func put(b *lsm.Batch, key []byte, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.Set(key, value, nil)
}

// now is the time in milliseconds since 1970, as all times of messages are.
func (s *Store) now() int64 { return s.clock.Now().UnixMilli() }

// find returns the queue of a name. The error may be QueueDoesNotExist.
func (s *Store) find(name string) (*queue, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if q := s.queues[name]; q != nil {
		return q, nil
	}
	return nil, noQueue()
}

// byARN returns the queue of an ARN, nil for none.
func (s *Store) byARN(arn string) *queue {
	name, ok := strings.CutPrefix(arn, s.ARN(""))
	if !ok {
		return nil
	}
	q, _ := s.find(name)
	return q
}

// all returns the queues by name.
func (s *Store) all() []*queue {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := slices.Collect(maps.Values(s.queues))
	slices.SortFunc(list, func(a, b *queue) int { return strings.Compare(a.record.Name, b.record.Name) })
	return list
}

// ARN is that of the queue name.
func (s *Store) ARN(name string) string {
	return sfn.ARN{Partition: s.place.Partition, Service: "sqs", Region: s.place.Region, Account: s.place.Account, Resource: name}.String()
}

// Account is where the queues are.
func (s *Store) Account() string { return s.place.Account }

// NameOf returns the name of the queue that an ARN is for, "" if it is for none that could be here.
func (s *Store) NameOf(arn string) string {
	name, ok := strings.CutPrefix(arn, s.ARN(""))
	if !ok {
		return ""
	}
	return name
}

// Quiet tells whether no operation is at work, long polls aside, and how many there have been. [clock.Skip] asks.
func (s *Store) Quiet() (quiet bool, worked uint64) { return s.working.Load() == 0, s.worked.Load() }

// NextDue is when the next message becomes visible for which somebody waits.
func (s *Store) NextDue() (due time.Time, ok bool) {
	for _, q := range s.all() { // a queue's mutex is never taken under the store's
		if at := q.nextAwaited(); at > 0 && (!ok || at < due.UnixMilli()) {
			due, ok = time.UnixMilli(at), true
		}
	}
	return due, ok
}
