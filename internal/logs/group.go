package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// group is a log group with its files. The service's mutex guards what the catalog tells of it, its own what it holds of events.
type group struct {
	record  groupRecord
	streams map[string]*streamRecord // by name
	dir     string
	fs      vfs.FS

	measuring atomic.Pointer[[]*measuring] // its metric filters

	mu       sync.Mutex
	segments []*segment // ascending; the last one may be growing
	file     vfs.File   // of the last one, nil if it does not grow
	pending  []*block   // not written yet, in the order in which they began
	waiting  int        // bytes in pending
	next     int64      // number of the next event
	written  int64      // bytes ever written by this process
	deleted  bool
	spare    []byte
	names    map[uint32]string // of streams, by number; those that are deleted are missing

	syncing sync.Mutex // held by whoever syncs
	synced  int64      // how much of written is on disk
}

// openGroup reads what is known of the group's segments. The next write begins a new one.
func openGroup(fsys vfs.FS, dir string, record groupRecord) (*group, error) {
	g := &group{
		record: record, streams: map[string]*streamRecord{}, names: map[uint32]string{}, fs: fsys, next: 1,
		dir: fsys.PathJoin(dir, "g"+strconv.FormatUint(uint64(record.ID), 10)),
	}
	g.compileFilters()
	files, err := fsys.List(g.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	for _, name := range files {
		number := segmentNumber(name)
		if number == 0 {
			continue
		}
		s, err := loadSegment(fsys, g.dir, number)
		if err != nil {
			return nil, err
		}
		g.segments = append(g.segments, s)
		g.next = max(g.next, s.Next)
	}
	return g, nil
}

// append takes events for a stream; write brings them to the file. It returns how many bytes wait now.
func (g *group) append(stream uint32, ingested int64, events []Event) (waiting int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.deleted {
		return 0, noGroup()
	}
	var b *block
	for _, candidate := range g.pending {
		if candidate.stream == stream {
			b = candidate
		}
	}
	for _, e := range events {
		if b == nil || len(b.events) > maxBlock {
			b = g.newBlock(stream, ingested)
		}
		before := len(b.events)
		b.add(e)
		g.waiting += len(b.events) - before
	}
	return g.waiting, nil
}

// maxBlock is how large a block may be before another is begun.
const maxBlock = 256 << 10

func (g *group) newBlock(stream uint32, ingested int64) *block {
	b := &block{stream: stream, ingested: ingested}
	g.pending = append(g.pending, b)
	return b
}

// write writes what waits, into a new segment if the last one is full, and returns how many bytes this process has written to the group.
func (g *group) write() (written int64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.written, g.writeLocked()
}

func (g *group) writeLocked() error {
	if g.deleted || len(g.pending) == 0 {
		return nil
	}
	if g.file != nil && g.segments[len(g.segments)-1].Total.Bytes >= maxSegment {
		if err := g.seal(); err != nil {
			return g.fail(err)
		}
	}
	if g.file == nil {
		if err := g.grow(); err != nil {
			return g.fail(err)
		}
	}
	g.spare = g.spare[:0]
	for _, b := range g.pending {
		b.first = g.next
		g.next += int64(b.count)
		g.spare = b.appendTo(g.spare)
	}
	if _, err := g.file.Write(g.spare); err != nil {
		return g.fail(err)
	}
	last := g.segments[len(g.segments)-1]
	for _, b := range g.pending {
		last.add(b)
	}
	g.written += int64(len(g.spare))
	clear(g.pending)
	g.pending, g.waiting = g.pending[:0], 0
	if cap(g.spare) > 4*maxBlock {
		g.spare = nil
	}
	return nil
}

// fail gives up what waits and the segment, of which nobody knows how it ends on disk; readers stop there. The next write begins a new one.
func (g *group) fail(err error) error {
	g.pending, g.waiting = nil, 0
	if g.file != nil {
		_ = g.file.Close() // err says why already
		g.file = nil
	}
	return fmt.Errorf("log group %s cannot be written: %w", g.record.Name, err)
}

// grow begins a new segment.
func (g *group) grow() error {
	if err := g.fs.MkdirAll(g.dir, 0o700); err != nil {
		return err
	}
	number := uint32(1)
	if n := len(g.segments); n > 0 {
		number = g.segments[n-1].Number + 1
	}
	file, err := g.fs.Create(g.fs.PathJoin(g.dir, segmentName(number, segmentSuffix)), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	g.file = file
	g.segments = append(g.segments, newSegment(number, g.next))
	if err := syncFolder(g.fs, g.dir); err != nil || number > 1 {
		return err
	}
	return syncFolder(g.fs, g.fs.PathDir(g.dir))
}

// seal ends the segment that grows.
func (g *group) seal() error {
	file := g.file
	if file == nil {
		return nil
	}
	g.file = nil
	if err := file.Sync(); err != nil {
		return errors.Join(err, file.Close())
	}
	return errors.Join(file.Close(), g.segments[len(g.segments)-1].writeSum(g.fs, g.dir))
}

// sync returns when the first bytes up to written are on disk. One fsync serves all who wait.
func (g *group) sync(written int64) error {
	g.syncing.Lock()
	defer g.syncing.Unlock()
	if g.synced >= written {
		return nil
	}
	g.mu.Lock()
	file, now := g.file, g.written
	g.mu.Unlock()
	if file != nil { // else it was sealed, which syncs
		if err := file.Sync(); err != nil {
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.file == file {
				return g.fail(err)
			}
		}
	}
	g.synced = now
	return nil
}

// close writes and syncs what waits and ends the segment.
func (g *group) close() error {
	g.syncing.Lock()
	defer g.syncing.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	err := g.writeLocked()
	return errors.Join(err, g.seal())
}

// remove deletes the files of a group that is gone.
func (g *group) remove() error {
	g.syncing.Lock()
	defer g.syncing.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.deleted, g.pending, g.waiting = true, nil, 0
	var err error
	if g.file != nil {
		err = g.file.Close()
		g.file = nil
	}
	g.segments = nil
	return errors.Join(err, g.fs.RemoveAll(g.dir))
}

// drop deletes the segments that sealed tells to, of those that do not grow. It returns how many bytes were freed.
func (g *group) drop(tell func(*segment) bool) (freed int64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	kept := g.segments[:0:0]
	var errs []error
	for i, s := range g.segments {
		growing := g.file != nil && i == len(g.segments)-1
		if growing || !tell(s) {
			kept = append(kept, s)
			continue
		}
		freed += s.Total.Bytes
		errs = append(errs, g.fs.Remove(g.fs.PathJoin(g.dir, segmentName(s.Number, segmentSuffix))))
		if err := g.fs.Remove(g.fs.PathJoin(g.dir, segmentName(s.Number, sumSuffix))); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	g.segments = kept
	return freed, errors.Join(errs...)
}

// size is how many bytes the group's events take.
func (g *group) size() (bytes int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.segments {
		bytes += s.Total.Bytes
	}
	return bytes + int64(g.waiting)
}

// streamSums sums every stream up over all segments.
func (g *group) streamSums() map[uint32]sum {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.writeLocked() // what cannot be written is not there
	sums := map[uint32]sum{}
	for _, s := range g.segments {
		for stream, part := range s.Streams {
			whole := sums[stream]
			whole.merge(part)
			sums[stream] = whole
		}
	}
	return sums
}
