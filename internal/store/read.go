package store

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/tutti-run/tutti/internal/sfn"
)

// scan runs f on an iterator over the keys from lower up to, not including, upper. f sees one state of the store throughout.
func (s *Store) scan(lower, upper []byte, f func(*pebble.Iterator) error) (err error) {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return damage(err)
	}
	defer func() {
		if closeErr := it.Close(); err == nil {
			err = damage(closeErr)
		}
	}()
	return damage(f(it))
}

// sequence makes an iterator of values out of each, whose error, if any, becomes the last pair.
func sequence[T any](what string, each func(yield func(T) bool) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		stopped := false
		err := each(func(v T) bool {
			stopped = !yield(v, nil)
			return !stopped
		})
		if err != nil && !stopped {
			var zero T
			yield(zero, fmt.Errorf("%s: %w", what, err))
		}
	}
}

// damage names Pebble's corruption errors ours.
func damage(err error) error {
	if err != nil && pebble.IsCorruptionError(err) && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// Execution returns the record of the execution, or ErrNotFound.
func (s *Store) Execution(arn string) (Execution, error) {
	e, err := s.execution(arn)
	if err != nil {
		return Execution{}, fmt.Errorf("execution %s: %w", arn, err)
	}
	return e, nil
}

func (s *Store) execution(arn string) (Execution, error) {
	if err := s.enter(); err != nil {
		return Execution{}, err
	}
	defer s.leave()
	var id uint64
	err := get(s.db, appendARNKey(nil, arn), func(value []byte) error {
		if len(value) != 8 {
			return damagef("the number of an execution has %d bytes", len(value))
		}
		id = binary.BigEndian.Uint64(value)
		return nil
	})
	if err != nil {
		return Execution{}, err
	}
	e, err := load(s.db, id)
	if err == nil && e.ARN != arn {
		return Execution{}, ErrNotFound
	}
	return e, err
}

// load reads both parts of a record. They may be read apart, because the fixed one never changes.
func load(r pebble.Reader, id uint64) (Execution, error) {
	e := Execution{id: id}
	var buf [16]byte
	if err := get(r, appendExecutionKey(buf[:0], id, partFixed), e.decodeFixed); err != nil {
		return Execution{}, err
	}
	if err := get(r, appendExecutionKey(buf[:0], id, partChanging), e.decodeChanging); err != nil {
		return Execution{}, err
	}
	e.indexed = e.index()
	return e, nil
}

func get(r pebble.Reader, key []byte, decode func(value []byte) error) error {
	value, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return ErrNotFound
	}
	if err != nil {
		return damage(err)
	}
	return errors.Join(decode(value), closer.Close())
}

// Segment is a run of an execution's history that one batch has written.
type Segment struct {
	First  int64 // id of the first event
	Count  int   // at least 1
	Events []byte
}

// Last is the id of the last event.
func (g Segment) Last() int64 { return g.First + int64(g.Count) - 1 }

// Segments yields the history of e in order, from the segment that has event from on; from 1 or less is all of it. The loop must not
// close the store.
func (s *Store) Segments(e *Execution, from int64) iter.Seq2[Segment, error] {
	return s.segments(e, func(it *pebble.Iterator) bool {
		if from <= 1 {
			return it.First()
		}
		if !it.SeekLT(appendSegmentKey(nil, e.id, eventBound(from))) {
			return it.First()
		}
		if g, err := decodeSegment(it); err == nil && g.Last() < from {
			return it.Next()
		}
		return true
	}, (*pebble.Iterator).Next)
}

// SegmentsBackward yields the history of e from the segment that has event from back to the first; from 0 begins with the last.
func (s *Store) SegmentsBackward(e *Execution, from int64) iter.Seq2[Segment, error] {
	return s.segments(e, func(it *pebble.Iterator) bool {
		if from <= 0 {
			return it.Last()
		}
		return it.SeekLT(appendSegmentKey(nil, e.id, eventBound(from)))
	}, (*pebble.Iterator).Prev)
}

// eventBound is the key of the event behind id.
func eventBound(id int64) uint32 { return uint32(min(id, maxEventID-1) + 1) }

func (s *Store) segments(e *Execution, seek, step func(*pebble.Iterator) bool) iter.Seq2[Segment, error] {
	return sequence("history of "+e.ARN, func(yield func(Segment) bool) error {
		return s.scan(appendSegmentKey(nil, e.id, 0), appendSegmentKey(nil, e.id+1, 0), func(it *pebble.Iterator) error {
			for ok := seek(it); ok; ok = step(it) {
				g, err := decodeSegment(it)
				if err != nil {
					return err
				}
				if !yield(g) {
					return nil
				}
			}
			return it.Error()
		})
	})
}

// decodeSegment copies the events, so that they outlive the iterator.
func decodeSegment(it *pebble.Iterator) (Segment, error) {
	value, err := it.ValueAndErr()
	if err != nil {
		return Segment{}, err
	}
	key := it.Key()
	count, size := binary.Uvarint(value)
	if len(key) != 13 || size <= 0 || count == 0 || count > maxEventID {
		return Segment{}, damagef("a segment of a history does not read as one")
	}
	return Segment{
		First:  int64(binary.BigEndian.Uint32(key[9:])),
		Count:  int(count),
		Events: append([]byte(nil), value[size:]...),
	}, nil
}

// Filter chooses executions for [Store.Executions]. One of the two ARNs is required.
type Filter struct {
	MachineARN string // the executions of a machine, without the children of its Map Runs
	MapRunARN  string // the children of a Map Run
	Status     sfn.Status
	Before     time.Time             // only those that started before it; zero: all
	Match      func(*Execution) bool // further conditions, on the record; nil: none
	Limit      int                   // of the page: 0 is 100, at most 1000, as ListExecutions has it
	After      string                // the cursor that the page before returned; "": the first page
}

const (
	defaultLimit = 100
	maxLimit     = 1000
	// maxScan ends a page, however few executions have matched, so that a rare match costs many quick calls in place of a slow one.
	maxScan = 10_000
)

// Executions returns a page of executions, the newest start first, and the cursor of the next page, "" behind the last. A page may be
// short, even empty, before the last. Executions that begin or change between two pages may be missed; none is returned twice
// unless its status changed while the filter named one. The error is ErrCursor if After is not a cursor of the same ARN and status.
func (s *Store) Executions(f Filter) (page []Execution, next string, err error) {
	if err := s.enter(); err != nil {
		return nil, "", err
	}
	defer s.leave()
	l := list{Filter: f, scope: scopeOf(f.MachineARN, f.MapRunARN)}
	if l.Limit <= 0 {
		l.Limit = defaultLimit
	}
	l.Limit = min(l.Limit, maxLimit)
	if f.Status != "" {
		if l.status, err = statusCode(f.Status); err != nil {
			return nil, "", fmt.Errorf("list executions: %w", err)
		}
	}
	start, err := l.start()
	if err != nil {
		return nil, "", fmt.Errorf("list executions: %w", err)
	}
	l.snapshot = s.db.NewSnapshot()
	defer func() { err = errors.Join(err, l.close()) }()
	if err := l.open(start); err != nil {
		return nil, "", fmt.Errorf("list executions: %w", damage(err))
	}
	page, next, err = l.page()
	if err != nil {
		return nil, "", fmt.Errorf("list executions: %w", damage(err))
	}
	return page, next, nil
}

// list merges the index entries of one scope: of one status, or of each.
type list struct {
	Filter
	scope    uint64
	status   byte // 0: any
	snapshot *pebble.Snapshot
	iters    []*pebble.Iterator
}

// start returns the position behind which the page begins, nil for the front.
func (l *list) start() ([]byte, error) {
	var start []byte
	if !l.Before.IsZero() {
		start = appendPosition(nil, nanos(l.Before), 0)
	}
	if l.After == "" {
		return start, nil
	}
	cursor, err := base64.RawURLEncoding.DecodeString(l.After)
	if err != nil || len(cursor) != positionLen+4 || l.check() != binary.BigEndian.Uint32(cursor[positionLen:]) {
		return nil, ErrCursor
	}
	if after := cursor[:positionLen]; string(after) > string(start) {
		return after, nil
	}
	return start, nil
}

func (l *list) cursor(position []byte) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(position, l.check()))
}

// check ties a cursor to its scope and status.
func (l *list) check() uint32 {
	return uint32(l.scope) ^ uint32(l.scope>>32) ^ uint32(l.status)*0x9e3779b1
}

func (l *list) open(start []byte) error {
	for code := byte(1); int(code) < len(statusCodes); code++ {
		if l.status != 0 && l.status != code {
			continue
		}
		lower := appendStatusPrefix(nil, l.scope, code)
		upper := appendStatusPrefix(nil, l.scope, code+1)
		if start != nil {
			lower = append(append(lower, start...), 0) // behind it: nothing lies between a key and the key with a zero more
		}
		it, err := l.snapshot.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
		if err != nil {
			return err
		}
		l.iters = append(l.iters, it)
		it.First()
	}
	return nil
}

func (l *list) close() error {
	var errs []error
	for _, it := range l.iters {
		errs = append(errs, it.Close())
	}
	return errors.Join(append(errs, l.snapshot.Close())...)
}

// first returns the iterator at the newest entry and the entry's position, nil at the end.
func (l *list) first() (it *pebble.Iterator, position []byte, err error) {
	for _, candidate := range l.iters {
		if !candidate.Valid() {
			if err := candidate.Error(); err != nil {
				return nil, nil, err
			}
			continue
		}
		key := candidate.Key()
		if len(key) != statusKeyLen {
			return nil, nil, damagef("a key of the list of executions has %d bytes", len(key))
		}
		if p := key[statusKeyLen-positionLen:]; it == nil || string(p) < string(position) {
			it, position = candidate, p
		}
	}
	return it, position, nil
}

func (l *list) page() (page []Execution, next string, err error) {
	var last []byte // position of the last entry looked at
	for scanned := 0; ; scanned++ {
		it, position, err := l.first()
		if it == nil || err != nil {
			return page, "", err
		}
		if len(page) == l.Limit || scanned == maxScan {
			return page, l.cursor(last), nil
		}
		e, err := load(l.snapshot, parsePosition(position))
		if err != nil {
			return nil, "", err
		}
		if l.matches(&e) {
			page = append(page, e)
		}
		last = append(last[:0], position...)
		it.Next()
	}
}

// matches also keeps out what merely shares the scope's hash.
func (l *list) matches(e *Execution) bool {
	if e.MapRunARN != l.MapRunARN || (l.MapRunARN == "" && e.MachineARN != l.MachineARN) {
		return false
	}
	return l.Match == nil || l.Match(e)
}

// Running yields every execution that was RUNNING when the loop began and still is: the awake ones, then the sleeping ones by wake time.
// The loop may commit but must not close the store.
func (s *Store) Running() iter.Seq2[Execution, error] {
	return s.open("running executions", 0, noWake, func(*Execution, int64) bool { return true })
}

// Awake yields the RUNNING executions without a wake time: those that were at work when the process ended.
func (s *Store) Awake() iter.Seq2[Execution, error] {
	return s.open("executions at work", 0, 0, func(e *Execution, wake int64) bool { return e.indexed.wake == wake })
}

// Due yields the RUNNING executions whose WakeAt is not after now, the earliest first.
func (s *Store) Due(now time.Time) iter.Seq2[Execution, error] {
	due := wakeNanos(now)
	return s.open("due executions", 1, due, func(e *Execution, wake int64) bool { return e.indexed.wake == wake })
}

// open yields the executions whose open entries lie between two wake times, both included. It reads each record as it stands by then,
// which the loop itself may have changed, and asks current whether the entry still holds.
func (s *Store) open(what string, from, to int64, current func(e *Execution, wake int64) bool) iter.Seq2[Execution, error] {
	return sequence(what, func(yield func(Execution) bool) error {
		upper := familyOpen.upper()
		if to < noWake {
			upper = appendOpenKey(nil, to+1, 0)
		}
		lower := from
		if from > 0 {
			lower = max(from, s.sleepers.earliest())
		}
		if lower > to {
			return nil
		}
		return s.scan(appendOpenKey(nil, lower, 0), upper, func(it *pebble.Iterator) error {
			for ok := it.First(); ok; ok = it.Next() {
				wake, id, err := parseOpenKey(it.Key())
				if err != nil {
					return err
				}
				e, err := load(s.db, id)
				if errors.Is(err, ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				if e.Status == sfn.StatusRunning && current(&e, wake) && !yield(e) {
					return nil
				}
			}
			return it.Error()
		})
	})
}

// CountRunning counts the RUNNING executions, awake and asleep. It walks their entries: about a tenth of a second for a million.
func (s *Store) CountRunning() (int, error) {
	n := 0
	err := s.scan(familyOpen.lower(), familyOpen.upper(), func(it *pebble.Iterator) error {
		for ok := it.First(); ok; ok = it.Next() {
			n++
		}
		return it.Error()
	})
	if err != nil {
		return 0, fmt.Errorf("count running executions: %w", err)
	}
	return n, nil
}

// NextWake returns the earliest WakeAt of all RUNNING executions, or ErrNotFound if none sleeps. Asking after every commit is cheap.
func (s *Store) NextWake() (time.Time, error) {
	var wake int64
	from, settled := s.sleepers.look()
	err := s.scan(appendOpenKey(nil, from, 0), familyOpen.upper(), func(it *pebble.Iterator) error {
		if !it.First() {
			return notFound(it)
		}
		var err error
		wake, _, err = parseOpenKey(it.Key())
		return err
	})
	switch {
	case err == nil:
		settled(wake)
		return time.Unix(0, wake).UTC(), nil
	case errors.Is(err, ErrNotFound):
		settled(noWake)
	}
	return time.Time{}, fmt.Errorf("next wake time: %w", err)
}
