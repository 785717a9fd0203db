package lsm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/cockroachdb/pebble/v2"
)

// ErrFailed: the disk has refused a write. A tree refuses all writing from then on, since nobody knows what of the refused batch is on disk; opening the
// folder again tells. Everything acknowledged before is safe.
var ErrFailed = errors.New("cannot be written")

// Config says what a tree is called and whom it tells of trouble.
type Config struct {
	// Name is what people call what is kept in the tree, as a subject: "the queues".
	Name string
	// Log receives what troubles Pebble, and at debug level what it does; nil discards it.
	Log *slog.Logger
	// OnFailure is told, once, that the disk has refused a write, perhaps while Open is at work (an ErrFailed that says where and what to do). It must not use the tree and should
	// end the process: writes fail from then on, some operations may never return, and Pebble may crash, as it has no way on from a log or a manifest that it
	// cannot write. If it is nil, the error is printed to standard error and the process exits with status 1.
	OnFailure func(error)
}

// DB is an open tree: Pebble's, with writes that fail in one way. All methods may be called by any number of goroutines.
type DB struct {
	pebble.Reader
	db      *pebble.DB
	failure *failure
}

// Open opens the tree in the folder dir, with options, a file system among them, beside those that all trees share: the format, the logger and the listener. Pebble
// panics on some of the damage that it meets, which is an error here.
func Open(dir string, c Config, options *pebble.Options) (_ *DB, err error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.OnFailure == nil {
		c.OnFailure = exit
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	f := &failure{Config: c, dir: dir}
	options.FormatMajorVersion = pebble.FormatNewest
	options.Logger = logger{f}
	options.EventListener = &pebble.EventListener{
		// While a tree is opened, what is in its logs becomes tables. If those cannot be written Pebble tries again without a pause, and Open does not return.
		BackgroundError: func(err error) {
			c.Log.Warn(c.Name + ": " + err.Error())
			if !f.opened.Load() && !pebble.IsCorruptionError(err) {
				_ = f.fail(err) // OnFailure has it
			}
		},
		// The read that meets the damage returns it as an error; Pebble's own choice is to end the process.
		DataCorruption: func(info pebble.DataCorruptionInfo) { c.Log.Error("damage in "+c.Name, "info", info.String()) },
	}
	options.FS = watchedFS{options.FS, f}
	db, err := pebble.Open(dir, options)
	if err != nil {
		return nil, err
	}
	f.opened.Store(true)
	return &DB{Reader: db, db: db, failure: f}, nil
}

// NewSnapshot returns the tree as it is now. Close it.
func (d *DB) NewSnapshot() *pebble.Snapshot { return d.db.NewSnapshot() }

// Metrics tells how large the tree is and what it does.
func (d *DB) Metrics() *pebble.Metrics { return d.db.Metrics() }

// Compact merges the keys from start to end into the lowest level, which takes what was deleted off the disk.
func (d *DB) Compact(ctx context.Context, start, end []byte) error {
	return d.db.Compact(ctx, start, end, false)
}

// Set is a batch of one change.
func (d *DB) Set(key, value []byte, how *pebble.WriteOptions) error {
	return d.write(how, func(b *Batch) error { return b.Set(key, value, nil) })
}

// Delete is a batch of one change.
func (d *DB) Delete(key []byte, how *pebble.WriteOptions) error {
	return d.write(how, func(b *Batch) error { return b.Delete(key, nil) })
}

// DeleteRange is a batch of one change: it deletes the keys from start to before end.
func (d *DB) DeleteRange(start, end []byte, how *pebble.WriteOptions) error {
	return d.write(how, func(b *Batch) error { return b.DeleteRange(start, end, nil) })
}

func (d *DB) write(how *pebble.WriteOptions, change func(*Batch) error) (err error) {
	b := d.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := change(b); err != nil {
		return err
	}
	return b.Commit(how)
}

// NewBatch returns an empty batch.
func (d *DB) NewBatch(options ...pebble.BatchOption) *Batch {
	return &Batch{d.db.NewBatch(options...), d}
}

// Stuck returns the failure from which operations may never return, nil if there was none. Then the tree cannot be closed.
func (d *DB) Stuck() error {
	if d.failure.stuck.Load() {
		return d.Failed()
	}
	return nil
}

// Failed returns the ErrFailed that the tree has met, nil while it can be written.
func (d *DB) Failed() error {
	if err := d.failure.err.Load(); err != nil {
		return *err
	}
	return nil
}

// Close closes the tree, which nobody uses any more. A stuck one stays open.
func (d *DB) Close() error {
	if err := d.Stuck(); err != nil {
		return err
	}
	return d.db.Close()
}

// Batch gathers changes, which [Batch.Commit] writes as one.
type Batch struct {
	*pebble.Batch
	db *DB
}

// Commit writes the batch; with [pebble.Sync] it returns when the batch is on disk. Batches committed at once by several goroutines share one sync. The error
// may be ErrFailed.
//
// It goes through the two halves of Pebble's Apply. With Apply itself a failed fsync would be fatal, with these it is an error. Where Pebble panics, its commit
// lock is held for good: then the tree cannot even be closed.
func (b *Batch) Commit(how *pebble.WriteOptions) (err error) {
	f := b.db.failure
	if err := b.db.Failed(); err != nil {
		return err
	}
	defer func() {
		r := recover()
		if _, bug := r.(runtime.Error); bug {
			panic(r)
		}
		if r != nil {
			f.stuck.Store(true)
			err = f.fail(fmt.Errorf("%v", r))
		}
	}()
	if b.Empty() {
		return nil
	}
	if !how.GetSync() {
		return b.db.db.Apply(b.Batch, how)
	}
	if err := b.db.db.ApplyNoSyncWait(b.Batch, pebble.Sync); err != nil {
		return err
	}
	if err := b.SyncWait(); err != nil {
		return f.fail(err)
	}
	return nil
}
