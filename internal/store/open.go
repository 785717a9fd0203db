package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"github.com/tutti-run/tutti/internal/lsm"
)

const (
	// cacheSize bounds the tables in memory and the cached blocks together: Pebble takes the former off the latter, so that a
	// cache of no more than two or three tables caches nothing while the process writes.
	cacheSize = 24 << 20
	// memTableSize bounds what an opening after a crash has to replay (BenchmarkOpen: 25 ms) and what a busy process holds, two such
	// tables. Twice the size would write a tenth faster.
	memTableSize = 8 << 20
	// tableSize is how large the files in the topmost level may become.
	tableSize = 512 << 10
	// pidFile holds the number of the process that has the folder open. Pebble's own LOCK file holds the lock but no content.
	pidFile = "pid"
)

// migration brings a folder from one version of the schema to the next. What it adds to the batch is committed together with the new
// version.
type migration func(*lsm.DB, *lsm.Batch) error

// migrations[i] leads from version i+1 to version i+2.
var migrations = []migration{}

// Open opens the data folder dir, creating it with mode 0700 if it is not there, and holds it against other processes until
// Close. The error is a [*NewerVersionError] or an [*OpenError].
func Open(dir string, opts ...Option) (*Store, error) {
	s := &Store{dir: dir, fs: vfs.Default, log: slog.New(slog.DiscardHandler)}
	for _, o := range opts {
		o(s)
	}
	if err := s.makeFolder(); err != nil {
		return nil, &OpenError{Dir: dir, Kind: ErrUnusable, Err: err}
	}
	if err := s.lockFolder(); err != nil {
		return nil, err
	}
	if err := s.openJournal(migrations); err != nil {
		if s.db == nil {
			return nil, errors.Join(s.classify(err), s.unlockFolder())
		}
		return nil, errors.Join(s.classify(err), s.shut())
	}
	return s, nil
}

// shut undoes Open.
func (s *Store) shut() error {
	err := s.db.Close()
	return errors.Join(err, s.unlockFolder())
}

// makeFolder creates the folder and makes its name durable. Links are resolved, since the lock tells names apart, not folders.
func (s *Store) makeFolder() error {
	if s.dir == "" {
		return errors.New("the path is empty")
	}
	if s.fs == vfs.Default {
		path, err := filepath.Abs(s.dir)
		if err != nil {
			return err
		}
		s.dir = path
	}
	if info, err := s.fs.Stat(s.dir); err == nil && !info.IsDir() {
		return errors.New("it is a file, not a folder")
	}
	var parents []string // of new folders, whose entries have to reach the disk
	for path := s.dir; ; {
		if _, err := s.fs.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		parent := s.fs.PathDir(path)
		if parent == path {
			break
		}
		parents = append(parents, parent)
		path = parent
	}
	if err := s.fs.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	for _, parent := range parents {
		if err := s.syncFolder(parent); err != nil {
			return err
		}
	}
	if s.fs == vfs.Default {
		path, err := filepath.EvalSymlinks(s.dir)
		if err != nil {
			return err
		}
		s.dir = path
	}
	return nil
}

func (s *Store) syncFolder(path string) error {
	d, err := s.fs.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *Store) lockFolder() error {
	lock, err := pebble.LockDirectory(s.dir, s.fs)
	var path *fs.PathError
	if errors.As(err, &path) {
		return &OpenError{Dir: s.dir, Kind: ErrUnusable, Err: err}
	}
	if err != nil { // EAGAIN from another process, an error without a type from this one
		return &OpenError{Dir: s.dir, Kind: ErrInUse, PID: s.readPID()}
	}
	s.lock = lock
	if err := s.writePID(); err != nil {
		return errors.Join(&OpenError{Dir: s.dir, Kind: ErrUnusable, Err: err}, s.unlockFolder())
	}
	return nil
}

func (s *Store) unlockFolder() error {
	// A file left behind does no harm: only the lock counts.
	_ = s.fs.Remove(s.fs.PathJoin(s.dir, pidFile))
	return s.lock.Close()
}

func (s *Store) writePID() error {
	f, err := s.fs.Create(s.fs.PathJoin(s.dir, pidFile), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, os.Getpid())
	return errors.Join(err, f.Close())
}

// readPID returns 0 if the file does not tell.
func (s *Store) readPID() int {
	f, err := s.fs.Open(s.fs.PathJoin(s.dir, pidFile))
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(f, 20))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

// classify turns an error of opening the journal into one that says what to do. What is neither a newer version nor the file
// system's refusal is damage: Pebble has an error of its own for each file that it cannot read.
func (s *Store) classify(err error) error {
	var newer *NewerVersionError
	if errors.As(err, &newer) {
		return newer
	}
	var path *fs.PathError
	var number syscall.Errno
	if (errors.As(err, &path) || errors.As(err, &number)) && !errors.Is(err, fs.ErrNotExist) {
		return &OpenError{Dir: s.dir, Kind: ErrUnusable, Err: err}
	}
	return &OpenError{Dir: s.dir, Kind: ErrDamaged, Err: err}
}

func (s *Store) openJournal(steps []migration) error {
	if err := s.checkFormat(); err != nil {
		return err
	}
	if err := s.openPebble(); err != nil {
		return err
	}
	if err := s.migrate(steps); err != nil {
		return err
	}
	return s.findLastID()
}

// checkFormat refuses files of a newer Pebble, for which Pebble has no error of its own.
func (s *Store) checkFormat() error {
	text, err := atomicfs.ReadMarker(s.fs, s.dir, "format-version")
	if err != nil || text == "" {
		return err
	}
	found, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return err
	}
	if known := uint64(pebble.FormatNewest); found > known {
		return &NewerVersionError{Dir: s.dir, Found: found, Known: known}
	}
	return nil
}

func (s *Store) openPebble() (err error) {
	opts := &pebble.Options{
		FS:           lsm.ZeroedLogs(s.fs),
		Lock:         s.lock,
		CacheSize:    cacheSize,
		MemTableSize: memTableSize,
	}
	// All families of keys change at once, so every table that leaves memory would span them all and be merged with all that lies below.
	// Small files let compaction leave alone what does not overlap, which is nearly all of the histories: with 256 executions a
	// batch, half again as many commits a second as with Pebble's 2 MiB, for two thirds of the processor time.
	opts.TargetFileSizes[0] = tableSize
	opts.FlushSplitBytes = tableSize
	opts.L0CompactionThreshold = 8
	opts.L0StopWritesThreshold = 24
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // a new execution's ARN is looked up in vain
	}
	s.db, err = lsm.Open(s.dir, lsm.Config{Name: "the journal", Log: s.log, OnFailure: s.onFailure}, opts)
	return err
}

// migrate brings the schema to the version that follows the last step.
func (s *Store) migrate(steps []migration) error {
	known := uint64(1 + len(steps))
	found, err := s.readVersion()
	if err != nil {
		return err
	}
	if found > known {
		return &NewerVersionError{Dir: s.dir, Found: found, Known: known}
	}
	if found == 0 {
		return s.writeVersion(s.db.NewBatch(), known)
	}
	for ; found < known; found++ {
		b := s.db.NewBatch()
		if err := steps[found-1](s.db, b); err != nil {
			return fmt.Errorf("bring the folder from version %d to %d: %w", found, found+1, err)
		}
		if err := s.writeVersion(b, found+1); err != nil {
			return err
		}
	}
	return nil
}

// readVersion returns the schema's version, 0 for a folder in which nothing has been written yet.
func (s *Store) readVersion() (uint64, error) {
	var version uint64
	err := get(s.db, familySchema.lower(), func(value []byte) error {
		if len(value) != 8 {
			return damagef("the schema's version has %d bytes", len(value))
		}
		version = binary.BigEndian.Uint64(value)
		if version == 0 {
			return damagef("the schema's version is 0")
		}
		return nil
	})
	if !errors.Is(err, ErrNotFound) {
		return version, err
	}
	return 0, s.scan(nil, nil, func(it *pebble.Iterator) error {
		if it.First() {
			return damagef("it holds another program's data")
		}
		return it.Error()
	})
}

func (s *Store) writeVersion(b *lsm.Batch, version uint64) error {
	if err := b.Set(familySchema.lower(), binary.BigEndian.AppendUint64(nil, version), nil); err != nil {
		return err
	}
	return b.Commit(pebble.Sync)
}

// findLastID goes on counting behind the newest execution.
func (s *Store) findLastID() error {
	return s.scan(familyExecution.lower(), familyExecution.upper(), func(it *pebble.Iterator) error {
		if !it.Last() {
			return it.Error()
		}
		key := it.Key()
		if len(key) != 1+8+1 {
			return damagef("the key of an execution has %d bytes", len(key))
		}
		s.lastID.Store(binary.BigEndian.Uint64(key[1:]))
		return nil
	})
}
