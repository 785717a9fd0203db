package runner

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/items"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/value"
)

// This file lays the inputs of a Map Run's children out in the journal before the first child is started. So the items are read once, as on AWS: an
// object that changes afterwards changes nothing, and a Map Run that is begun again after a crash goes on with the inputs that it had. It also makes
// the total known from the start, without which no percentage of failures could be told, and keeps memory small: at work there is one block of
// inputs and the inputs of the children at work.

// blockBytes is about how large a block of inputs is: large enough that the fsync of a block costs little, small enough for memory.
const blockBytes = 512 << 10

// maxItems is the greatest number of items of a Map Run (developer guide, "ItemReader": MaxItems).
const maxItems = 100_000_000

func blockKey(arn string, n int) string { return fmt.Sprintf("%s %08x", arn, n) }

// layOut reads all items and writes the children's inputs. It returns why the Map Run fails, or ctx's error.
func (m *mapRun) layOut(ctx context.Context) (*sfn.Failure, error) {
	if m.record.Laid {
		return nil, nil
	}
	w := blockWriter{mapRun: m, batch: m.store.NewBatch()}
	w.batch.DeleteDocuments(mapRunInputs, m.ARN+" ") // of an attempt that a crash cut short
	batches := m.Batcher()
	for it, err := range m.source(ctx) {
		if err != nil {
			return m.readFailure(err)
		}
		input, failure := m.Input(it)
		if failure != nil {
			return failure, nil
		}
		if err := w.add(batches.Add(input)); err != nil {
			return m.readFailure(err)
		}
	}
	if err := w.add(batches.Rest()); err != nil {
		return m.readFailure(err)
	}
	return nil, w.finish()
}

// readFailure tells what fails the Map Run from our own trouble.
func (m *mapRun) readFailure(err error) (*sfn.Failure, error) {
	var unreadable *items.Error
	var large *tooLargeError
	switch {
	case errors.As(err, &unreadable):
		return sfn.Fail(sfn.ErrorItemReaderFailed, "%s", unreadable.Cause), nil
	case errors.As(err, &large):
		return sfn.Fail(sfn.ErrorDataLimitExceeded, "The state/task '%s' provided a child execution with an input of %d bytes, a size exceeding the maximum number of bytes service limit.",
			m.Map.Name, large.size), nil
	}
	return nil, err
}

type tooLargeError struct{ size int }

func (e *tooLargeError) Error() string { return fmt.Sprintf("an input of %d bytes", e.size) }

// source yields the items, whose inputs are not worked out yet.
func (m *mapRun) source(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		if m.Reader == nil {
			for i := range m.Items {
				if !yield(m.Item(i), ctx.Err()) {
					return
				}
			}
			return
		}
		most := m.Reader.MaxItems
		if most < 0 {
			yield(engine.Item{}, &items.Error{Cause: "field MaxItems must be positive"})
			return
		}
		if most == 0 || most > maxItems {
			most = maxItems
		}
		if m.objects == nil {
			yield(engine.Item{}, &items.Error{Cause: "There is no Amazon S3 here to read items from"})
			return
		}
		index := int64(0)
		at := items.Location{Bucket: m.Reader.Bucket, Key: m.Reader.Key, Prefix: m.Reader.Prefix, Version: m.Reader.Version}
		for it, err := range items.Read(ctx, m.objects, m.Map.ItemReader, at) {
			if !yield(engine.Item{Index: index, Value: it.Value, Key: it.Key, Keyed: it.Keyed, Source: it.Source}, err) || err != nil {
				return
			}
			if index++; index == most {
				return
			}
		}
	}
}

// blockWriter writes inputs to the journal, block by block.
type blockWriter struct {
	*mapRun
	batch  *store.Batch
	block  []byte
	blocks int
}

// add takes a child's input with the number of its items; none of them is nothing to do.
func (w *blockWriter) add(child *value.Data, items int) error {
	if child == nil {
		return nil
	}
	text := child.Text()
	if len(text) > sfn.MaxPayloadBytes {
		return &tooLargeError{len(text)}
	}
	w.block = binary.AppendUvarint(w.block, uint64(items))
	w.block = binary.AppendUvarint(w.block, uint64(len(text)))
	w.block = append(w.block, text...)
	w.mu.Lock()
	for _, c := range []struct {
		counts *MapRunCounts
		n      int64
	}{{&w.record.Items, int64(items)}, {&w.record.Executions, 1}} {
		c.counts.Total += c.n
		c.counts.Pending += c.n
	}
	w.mu.Unlock()
	if len(w.block) < blockBytes {
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	err := w.store.Commit(w.batch)
	w.batch.Reset()
	return err
}

func (w *blockWriter) flush() error {
	err := w.batch.PutDocument(mapRunInputs, blockKey(w.ARN, w.blocks), w.block)
	w.blocks++
	w.block = w.block[:0]
	return err
}

// finish writes the last block, and that it is the last.
func (w *blockWriter) finish() error {
	if len(w.block) > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.record.Laid = true
	if err := putMapRun(w.batch, &w.record); err != nil {
		return err
	}
	return w.store.Commit(w.batch)
}

// laid is a child's input as it was laid out.
type laid struct {
	index int64
	items int64
	input string
}

// inputs yields the children's inputs. Between two blocks nothing of the journal is held.
func (m *mapRun) inputs() iter.Seq2[laid, error] {
	return func(yield func(laid, error) bool) {
		index := int64(0)
		for n := 0; ; n++ {
			block, err := m.store.Document(mapRunInputs, blockKey(m.ARN, n))
			if errors.Is(err, store.ErrNotFound) {
				return
			}
			if err != nil {
				yield(laid{}, err)
				return
			}
			for len(block) > 0 {
				var l laid
				if l, block, err = takeInput(block); err != nil {
					yield(laid{}, fmt.Errorf("inputs of %s: %w", m.ARN, err))
					return
				}
				l.index = index
				index++
				if !yield(l, nil) {
					return
				}
			}
		}
	}
}

var errDamagedBlock = errors.New("a block of inputs is damaged")

// takeInput takes an input off the front of a block.
func takeInput(block []byte) (laid, []byte, error) {
	items, n := binary.Uvarint(block)
	if n <= 0 {
		return laid{}, nil, errDamagedBlock
	}
	block = block[n:]
	size, n := binary.Uvarint(block)
	if n <= 0 || size > uint64(len(block)-n) {
		return laid{}, nil, errDamagedBlock
	}
	return laid{items: int64(items), input: string(block[n : n+int(size)])}, block[n+int(size):], nil
}
