package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tutti-run/tutti/internal/lsm"
)

// Batch gathers changes to any number of executions and machines for one [Store.Commit]. It may be reused after [Batch.Reset]. One
// goroutine uses it at a time.
type Batch struct {
	s         *Store
	b         *lsm.Batch
	err       error // of an operation without an error of its own; the commit returns it
	undo      []undo
	committed bool
	wake      int64 // the earliest time to which the batch puts an execution to sleep, else noWake
	key, val  []byte
}

// undo restores an execution whose batch was not committed.
type undo struct {
	e       *Execution
	id      uint64
	last    int64
	indexed index
}

const (
	// retainedBatch is how large a batch's memory may be and still be kept by Reset.
	retainedBatch = 4 << 20
	// maxBatch is far below Pebble's own limit of 4 GiB, which panics.
	maxBatch = 1 << 30
)

// NewBatch returns an empty batch.
func (s *Store) NewBatch() *Batch {
	return &Batch{s: s, b: s.db.NewBatch(pebble.WithMaxRetainedSizeBytes(retainedBatch)), wake: noWake}
}

// Put writes the record of e, its entries in the indexes and, if count > 0, a segment of its history: the count events from id first
// on, encoded in events. first must follow e.LastEventID, which Put advances; count 0 writes the record alone and wants no events.
// A new execution must be the only one of its ARN: Put does not look. On an error neither the batch nor e has changed.
func (b *Batch) Put(e *Execution, first int64, count int, events []byte) error {
	if err := b.checkPut(e, first, count, events); err != nil {
		return fmt.Errorf("put execution %s: %w", e.ARN, err)
	}
	b.remember(e)
	e.LastEventID += int64(count)
	next := e.index()
	if e.id == 0 {
		e.id = b.s.lastID.Add(1)
		b.key = appendARNKey(b.key[:0], e.ARN)
		b.val = binary.BigEndian.AppendUint64(b.val[:0], e.id)
		b.set(b.key, b.val)
		b.key = appendExecutionKey(b.key[:0], e.id, partFixed)
		b.val = e.appendFixed(b.val[:0])
		b.set(b.key, b.val)
	}
	b.key = appendExecutionKey(b.key[:0], e.id, partChanging)
	b.val = e.appendChanging(b.val[:0], next.status)
	b.set(b.key, b.val)
	b.reindex(e, next)
	if count > 0 {
		b.putSegment(e.id, uint32(first), count, events)
	}
	return nil
}

func (b *Batch) checkPut(e *Execution, first int64, count int, events []byte) error {
	if err := e.check(); err != nil {
		return err
	}
	if count < 0 || (count == 0) != (len(events) == 0) {
		return fmt.Errorf("%d events in %d bytes", count, len(events))
	}
	if count > 0 && first != e.LastEventID+1 {
		return fmt.Errorf("event %d does not follow event %d", first, e.LastEventID)
	}
	if int64(count) > maxEventID-e.LastEventID {
		return fmt.Errorf("event ids end at %d", int64(maxEventID))
	}
	return b.room(len(events))
}

// DeleteExecution deletes the record of e, its history and its entries, and leaves e as if it had never been stored.
func (b *Batch) DeleteExecution(e *Execution) error {
	if e.id == 0 {
		return fmt.Errorf("delete execution %s: %w", e.ARN, ErrNotFound)
	}
	b.remember(e)
	b.key = appendARNKey(b.key[:0], e.ARN)
	b.delete(b.key)
	b.key = appendExecutionKey(b.key[:0], e.id, partFixed)
	b.delete(b.key)
	b.key = appendExecutionKey(b.key[:0], e.id, partChanging)
	b.delete(b.key)
	b.reindex(e, index{wake: notOpen})
	b.key = appendSegmentKey(b.key[:0], e.id, 0)
	b.val = appendSegmentKey(b.val[:0], e.id+1, 0)
	b.deleteRange(b.key, b.val)
	e.id, e.LastEventID, e.indexed = 0, 0, index{}
	return nil
}

// reindex replaces the entries of e by those of next, as far as they differ.
func (b *Batch) reindex(e *Execution, next index) {
	last := e.indexed
	if last.status == 0 {
		last.wake = notOpen
	}
	if last.status != next.status {
		if last.status != 0 {
			b.key = appendPosition(appendStatusPrefix(b.key[:0], last.scope, last.status), last.start, e.id)
			b.delete(b.key)
		}
		if next.status != 0 {
			b.key = appendPosition(appendStatusPrefix(b.key[:0], next.scope, next.status), next.start, e.id)
			b.set(b.key, nil)
		}
	}
	if last.wake != next.wake {
		if last.wake != notOpen {
			b.key = appendOpenKey(b.key[:0], last.wake, e.id)
			b.delete(b.key)
		}
		if next.wake != notOpen {
			b.key = appendOpenKey(b.key[:0], next.wake, e.id)
			b.set(b.key, nil)
		}
		if next.wake > 0 {
			b.wake = min(b.wake, next.wake)
		}
	}
	e.indexed = next
}

// putSegment encodes in place, so that the events are copied once.
func (b *Batch) putSegment(id uint64, first uint32, count int, events []byte) {
	b.key = appendSegmentKey(b.key[:0], id, first)
	b.val = binary.AppendUvarint(b.val[:0], uint64(count))
	op := b.b.SetDeferred(len(b.key), len(b.val)+len(events))
	copy(op.Key, b.key)
	copy(op.Value[copy(op.Value, b.val):], events)
	b.note(op.Finish())
}

func (b *Batch) set(key, value []byte) { b.note(b.b.Set(key, value, nil)) }

func (b *Batch) delete(key []byte) { b.note(b.b.Delete(key, nil)) }

func (b *Batch) deleteRange(from, to []byte) { b.note(b.b.DeleteRange(from, to, nil)) }

func (b *Batch) note(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *Batch) remember(e *Execution) {
	b.undo = append(b.undo, undo{e: e, id: e.id, last: e.LastEventID, indexed: e.indexed})
}

// room refuses what would make the batch too large to commit.
func (b *Batch) room(n int) error {
	if n > maxBatch-b.b.Len() {
		return fmt.Errorf("the batch is full: %d bytes on top of %d, at most %d", n, b.b.Len(), maxBatch)
	}
	return nil
}

// Size is the number of bytes that the batch will write, before Pebble's framing.
func (b *Batch) Size() int { return b.b.Len() }

// Empty tells whether there is nothing to commit.
func (b *Batch) Empty() bool { return b.b.Empty() }

// Reset empties the batch for its next use. If it has not been committed, the executions put into it are as before it.
func (b *Batch) Reset() {
	if !b.committed {
		for i := len(b.undo) - 1; i >= 0; i-- {
			u := b.undo[i]
			u.e.id, u.e.LastEventID, u.e.indexed = u.id, u.last, u.indexed
		}
	}
	clear(b.undo)
	b.undo = b.undo[:0]
	b.committed, b.err, b.wake = false, nil, noWake
	b.b.Reset()
}

// Commit writes the batch and returns when it is on disk. It is atomic: after a crash at any moment all of the batch is there or nothing
// of it, and all of it if Commit had returned. Batches committed at once by several goroutines share one fsync. An error
// other than ErrClosed and [lsm.ErrFailed] is the caller's (a batch committed twice).
func (s *Store) Commit(b *Batch) error {
	if b.committed {
		return errors.New("commit: the batch has been committed; reset it first")
	}
	if b.err != nil {
		return fmt.Errorf("commit: %w", b.err)
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if b.wake != noWake {
		s.sleepers.begin(b.wake)
		defer s.sleepers.end()
	}
	if err := b.b.Commit(pebble.Sync); err != nil {
		return err
	}
	b.committed = true
	return nil
}
