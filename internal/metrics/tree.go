package metrics

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tutti-run/tutti/internal/lsm"
)

// class is a resolution at which values are kept.
type class byte

// The resolutions (user guide, "Metrics retention"), the finest first.
const (
	classSecond class = iota // what was put with the storage resolution 1, for three hours
	classMinute              // everything else, for 15 days
	classFive                // five minutes, for 63 days
	classHour                // for 455 days
	classes
)

const day = 24 * 60 * 60

// resolutions says how long the slots of a class are and how long they are kept, both in seconds.
var resolutions = [classes]struct{ length, kept int64 }{
	classSecond: {1, 3 * 60 * 60},
	classMinute: {60, 15 * day},
	classFive:   {300, 63 * day},
	classHour:   {3600, 455 * day},
}

// floor is when the slot begins that a time lies in, in epoch seconds.
func (c class) floor(at int64) int64 { return floorTo(at, resolutions[c].length) }

func floorTo(at, length int64) int64 {
	r := at % length
	if r < 0 {
		r += length
	}
	return at - r
}

// series is a metric in one unit.
type series struct {
	id     uint64
	key    string
	metric Metric
	unit   Unit
	latest int64 // when the last slot begins that has something, in epoch seconds
}

// The families of the tree's keys: their first byte.
const (
	familySeries = 's' // key of the series → its id
	familySlot   = 'v' // id (8, big endian), class, start (8, big endian, sign turned) → aggregate
)

const slotKeyBytes = 1 + 8 + 1 + 8

func slotKey(dst []byte, id uint64, c class, start int64) []byte {
	dst = append(dst, familySlot)
	dst = binary.BigEndian.AppendUint64(dst, id)
	dst = append(dst, byte(c))
	return binary.BigEndian.AppendUint64(dst, uint64(start)^(1<<63))
}

func slotStart(key []byte) int64 {
	return int64(binary.BigEndian.Uint64(key[slotKeyBytes-8:]) ^ (1 << 63))
}

// merger adds up aggregates of one slot, so that writing needs no reading. The order does not matter.
var merger = &pebble.Merger{
	Name: "tutti.metrics.aggregate.1",
	Merge: func(_, value []byte) (pebble.ValueMerger, error) {
		m := new(sum)
		return m, m.add(value)
	},
}

// sum is aggregates being added up.
type sum struct{ of Aggregate }

func (m *sum) add(value []byte) error {
	a, err := decodeAggregate(value)
	if err != nil {
		return err
	}
	m.of.Add(&a)
	return nil
}

// MergeNewer implements pebble.ValueMerger.
func (m *sum) MergeNewer(value []byte) error { return m.add(value) }

// MergeOlder implements pebble.ValueMerger.
func (m *sum) MergeOlder(value []byte) error { return m.add(value) }

// Finish implements pebble.ValueMerger.
func (m *sum) Finish(bool) ([]byte, io.Closer, error) { return m.of.append(nil), nil, nil }

// open opens the folder if it is not open yet; tree is held.
func (s *Service) open() error {
	switch {
	case s.closed:
		return errClosed
	case s.db != nil:
		return nil
	}
	if err := s.openTree(); err != nil {
		return fmt.Errorf("open the metrics in %s: %w; see that the folder can be written, or move it away to start without old metrics", s.dir, err)
	}
	return nil
}

func (s *Service) openTree() error {
	if err := s.fs.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	parent, err := s.fs.OpenDir(s.fs.PathDir(s.dir))
	if err != nil {
		return err
	}
	if err := errors.Join(parent.Sync(), parent.Close()); err != nil { // the new folder's name must outlive a power cut
		return err
	}
	db, err := lsm.Open(s.dir, lsm.Config{Name: "the metrics", Log: s.log, OnFailure: s.onFailure}, &pebble.Options{
		FS: s.fs, MemTableSize: 4 << 20, CacheSize: 4 << 20, MaxOpenFiles: 100, Merger: merger,
	})
	if err != nil {
		return err
	}
	s.db = db
	if err := s.loadSeries(); err != nil {
		s.db = nil
		return errors.Join(err, db.Close())
	}
	return nil
}

// loadSeries reads which series there are, and when each was last written.
func (s *Service) loadSeries() error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{familySeries}, UpperBound: []byte{familySeries + 1}})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil || len(value) != 8 {
			return errors.Join(err, it.Close(), errors.New("the list of metrics is damaged"))
		}
		one := &series{id: binary.BigEndian.Uint64(value), key: string(it.Key()[1:]), latest: math.MinInt64}
		var known bool
		if one.metric, one.unit, known = parseKey(one.key); known {
			s.series[one.key] = one
		}
		s.nextID = max(s.nextID, one.id+1)
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return err
	}
	return s.loadLatest()
}

func (s *Service) loadLatest() error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{familySlot}, UpperBound: []byte{familySlot + 1}})
	if err != nil {
		return err
	}
	for _, one := range s.series {
		for c := range classes {
			if it.SeekLT(slotKey(nil, one.id, c+1, math.MinInt64)) && len(it.Key()) == slotKeyBytes &&
				string(it.Key()[:10]) == string(slotKey(nil, one.id, c, 0)[:10]) {
				one.latest = max(one.latest, slotStart(it.Key()))
			}
		}
	}
	return errors.Join(it.Error(), it.Close())
}

// write merges aggregates into the tree; tree is held and open.
func (s *Service) write(waiting map[slot]*Aggregate, how *pebble.WriteOptions) error {
	b := s.db.NewBatch()
	defer func() { _ = b.Close() }() // it has been committed or has failed
	var errs []error
	fresh := map[string]*series{}
	for at, a := range waiting {
		one := s.series[at.series]
		if one == nil {
			one = fresh[at.series]
		}
		if one == nil {
			if len(s.series)+len(fresh) >= maxSeries {
				errs = append(errs, ErrTooMany)
				continue
			}
			one = &series{id: s.nextID, key: at.series, latest: at.start}
			one.metric, one.unit, _ = parseKey(at.series)
			s.nextID++
			fresh[at.series] = one
			errs = append(errs, b.Set(append([]byte{familySeries}, at.series...), binary.BigEndian.AppendUint64(nil, one.id), nil))
		}
		errs = append(errs, b.Merge(slotKey(nil, one.id, at.class, at.start), a.append(nil), nil))
		one.latest = max(one.latest, at.start)
	}
	if err := b.Commit(how); err != nil {
		return errors.Join(append(errs, err)...)
	}
	for key, one := range fresh {
		s.series[key] = one
	}
	return errors.Join(errs...)
}
