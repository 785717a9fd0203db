package s3

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/lsm"
)

// Store is a folder of buckets. All methods may be called by any number of goroutines. Errors that S3 itself would answer are [*Error].
type Store struct {
	dir string
	fs  vfs.FS
	now func() time.Time
	log *slog.Logger

	onFailure func(error)

	opening sync.Mutex
	db      *lsm.DB
	closed  bool
	users   sync.WaitGroup // operations at work, for which Close waits

	buckets sync.RWMutex   // held for writing while buckets come and go, so that none vanishes under a put
	keys    [64]sync.Mutex // by hash of bucket and key: one change of an object at a time
	uploads [16]sync.Mutex // by hash of an upload's id: completing excludes adding parts
	notices notices
}

// Option changes how a folder is kept.
type Option func(*Store)

// WithFS keeps the folder in another file system than the computer's, such as one in memory.
func WithFS(fs vfs.FS) Option { return func(s *Store) { s.fs = fs } }

// WithClock gives the clock by which objects are dated; time.Now otherwise.
func WithClock(now func() time.Time) Option { return func(s *Store) { s.now = now } }

// WithLogger has our own trouble logged; it is dropped otherwise.
func WithLogger(log *slog.Logger) Option { return func(s *Store) { s.log = log } }

// OnFailure has f told that the disk has refused a write, as [lsm.Config] says.
func OnFailure(f func(error)) Option { return func(s *Store) { s.onFailure = f } }

// New returns the store in the folder, which is made and opened by the first operation. Close it.
func New(dir string, options ...Option) *Store {
	s := &Store{dir: dir, fs: vfs.Default, now: time.Now, log: slog.New(slog.DiscardHandler)}
	s.notices.wake = make(chan struct{}, 1)
	for _, option := range options {
		option(s)
	}
	return s
}

var errClosed = errors.New("the object store is closed")

// The families of the index's keys: their first byte.
const (
	familyBucket  = 'b' // name → Bucket
	familyContent = 'c' // bucket, 0, key → the body of a small object
	familyNotice  = 'n' // number (16 hexadecimal digits) → Notice that is not told yet
	familyObject  = 'o' // bucket, 0, key → entry
	familyPart    = 'p' // upload id, 0, part number (2, big endian) → part
	familyUpload  = 'u' // bucket, 0, key, 0, upload id → upload
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
			return fmt.Errorf("open the object store in %s: %w; see that the folder can be written, or move it away to start without buckets", s.dir, err)
		}
	}
	if err := s.db.Failed(); err != nil {
		return err
	}
	s.users.Add(1)
	return nil
}

func (s *Store) leave() { s.users.Done() }

func (s *Store) open() error {
	if err := s.fs.MkdirAll(s.bodies(), 0o755); err != nil {
		return err
	}
	for _, dir := range []string{s.dir, s.fs.PathDir(s.dir)} { // the new folders' names must outlive a power cut
		if err := s.syncFolder(dir); err != nil {
			return err
		}
	}
	db, err := lsm.Open(s.fs.PathJoin(s.dir, "index"), lsm.Config{Name: "the object store's index", Log: s.log, OnFailure: s.onFailure}, &pebble.Options{
		FS: s.fs, MemTableSize: 4 << 20, CacheSize: 4 << 20, MaxOpenFiles: 100,
	})
	if err != nil {
		return err
	}
	s.db = db
	if err := s.sweep(); err != nil {
		s.db = nil
		return errors.Join(err, db.Close())
	}
	return nil
}

// Close waits for the operations at work and closes the folder. A store that was never used has nothing to close.
func (s *Store) Close() error {
	s.stopNotices()
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.db == nil {
		return nil
	}
	if err := s.db.Stuck(); err != nil {
		return err
	}
	s.users.Wait()
	return s.db.Close()
}

// Bucket is a bucket.
type Bucket struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	// EventBridge tells that events of its objects go to EventBridge.
	EventBridge bool `json:"eventBridge,omitempty"`
	// Notifications say who else is told of them.
	Notifications []Notification `json:"notifications,omitempty"`
}

// CreateBucket makes a bucket. The error may be InvalidBucketName, BucketAlreadyOwnedByYou or TooManyBuckets.
func (s *Store) CreateBucket(name string) error {
	if !ValidBucketName(name) {
		return refuse(InvalidBucketName, name, "")
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	s.buckets.Lock()
	defer s.buckets.Unlock()
	if err := s.checkBucket(name); err == nil {
		return refuse(BucketAlreadyOwnedByYou, name, "")
	}
	n := 0
	if err := s.scan([]byte{familyBucket}, []byte{familyBucket + 1}, func([]byte, []byte) (bool, error) { n++; return true, nil }); err != nil {
		return err
	}
	if n >= MaxBuckets {
		return refuse(TooManyBuckets, name, "")
	}
	return s.set(bucketKey(name), Bucket{Name: name, Created: s.now().UTC().Truncate(time.Millisecond)})
}

// DeleteBucket deletes an empty bucket. The error may be NoSuchBucket or BucketNotEmpty. Uploads under way do not keep a bucket; they go with it.
func (s *Store) DeleteBucket(name string) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	s.buckets.Lock()
	defer s.buckets.Unlock()
	if err := s.checkBucket(name); err != nil {
		return err
	}
	prefix := objectKey(name, "")
	empty := true
	if err := s.scan(prefix, behind(prefix), func([]byte, []byte) (bool, error) { empty = false; return false, nil }); err != nil {
		return err
	}
	if !empty {
		return refuse(BucketNotEmpty, name, "")
	}
	if err := s.abortAll(name); err != nil {
		return err
	}
	return s.db.Delete(bucketKey(name), pebble.Sync)
}

// HeadBucket returns the bucket. The error may be NoSuchBucket.
func (s *Store) HeadBucket(name string) (Bucket, error) {
	if err := s.enter(); err != nil {
		return Bucket{}, err
	}
	defer s.leave()
	var b Bucket
	return b, s.get(bucketKey(name), &b, refuse(NoSuchBucket, name, ""))
}

// Buckets lists all buckets by name.
func (s *Store) Buckets() ([]Bucket, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	var list []Bucket
	err := s.scan([]byte{familyBucket}, []byte{familyBucket + 1}, func(_, value []byte) (bool, error) {
		var b Bucket
		err := json.Unmarshal(value, &b)
		list = append(list, b)
		return true, err
	})
	return list, err
}

// checkBucket returns NoSuchBucket if there is none of the name. The caller has entered.
func (s *Store) checkBucket(name string) error {
	_, err := s.bucket(name)
	return err
}

// bucket returns a bucket, or NoSuchBucket. The caller has entered.
func (s *Store) bucket(name string) (b Bucket, err error) {
	err = s.get(bucketKey(name), &b, refuse(NoSuchBucket, name, ""))
	return b, err
}

func bucketKey(name string) []byte { return append([]byte{familyBucket}, name...) }

func objectKey(bucket, key string) []byte {
	return append(append(append([]byte{familyObject}, bucket...), 0), key...)
}

func contentKey(bucket, key string) []byte {
	return append(append(append([]byte{familyContent}, bucket...), 0), key...)
}

// behind is the first key behind all that begin with prefix, which has a byte that can be counted up.
func behind(prefix []byte) []byte {
	end := append([]byte{}, prefix...)
	for end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	end[len(end)-1]++
	return end
}

// get reads an entry into v; absent is the error if there is none.
func (s *Store) get(key []byte, v any, absent error) error { return get(s.db, key, v, absent) }

func get(from pebble.Reader, key []byte, v any, absent error) error {
	value, closer, err := from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return absent
	}
	if err != nil {
		return fmt.Errorf("read the index: %w", err)
	}
	err = json.Unmarshal(value, v)
	if err = errors.Join(err, closer.Close()); err != nil {
		return fmt.Errorf("read the index: %w", err)
	}
	return nil
}

func (s *Store) set(key []byte, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := s.db.Set(key, value, pebble.Sync); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	return nil
}

// scan visits the entries from lower to before upper until visit returns false.
func (s *Store) scan(lower, upper []byte, visit func(key, value []byte) (bool, error)) (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("read the index: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if more, err := visit(it.Key(), value); err != nil || !more {
			return err
		}
	}
	return it.Error()
}

// lockKey excludes other changes of the object. It returns what releases it.
func (s *Store) lockKey(bucket, key string) (unlock func()) {
	h := fnv.New32a()
	_, _ = h.Write(objectKey(bucket, key))
	m := &s.keys[h.Sum32()%uint32(len(s.keys))]
	m.Lock()
	return m.Unlock
}

func (s *Store) lockUpload(id string) (unlock func()) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	m := &s.uploads[h.Sum32()%uint32(len(s.uploads))]
	m.Lock()
	return m.Unlock
}
