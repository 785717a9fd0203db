package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tutti-run/tutti/internal/lsm"
	"github.com/tutti-run/tutti/internal/sfn"
)

// Check holds every entry of every index to the records: the invariant behind all tests.
func (s *Store) Check() error {
	entries := map[family]int{}
	executions, running := 0, 0
	err := s.scan(nil, nil, func(it *pebble.Iterator) error {
		for ok := it.First(); ok; ok = it.Next() {
			key := it.Key()
			f := family(key[0])
			entries[f]++
			switch {
			case f == familyExecution && key[9] == partFixed:
				e, err := load(s.db, idOf(key[1:]))
				if err != nil {
					return err
				}
				executions++
				if e.Status == sfn.StatusRunning {
					running++
				}
				if err := s.checkEntries(&e); err != nil {
					return fmt.Errorf("%s: %w", e.ARN, err)
				}
			case f == familySegment:
				if _, err := load(s.db, idOf(key[1:])); err != nil {
					return fmt.Errorf("segment without an execution: %w", err)
				}
			}
		}
		return it.Error()
	})
	if err != nil {
		return err
	}
	for f, want := range map[family]int{
		familyARN: executions, familyStatus: executions, familyExecution: 2 * executions, familyOpen: running, familySchema: 1,
	} {
		if entries[f] != want {
			return fmt.Errorf("%d entries under %q, want %d", entries[f], f, want)
		}
	}
	return nil
}

func idOf(key []byte) (id uint64) {
	for _, b := range key[:8] {
		id = id<<8 | uint64(b)
	}
	return id
}

func (s *Store) checkEntries(e *Execution) error {
	keys := [][]byte{
		appendARNKey(nil, e.ARN),
		appendPosition(appendStatusPrefix(nil, e.indexed.scope, e.indexed.status), e.indexed.start, e.id),
	}
	if e.indexed.wake != notOpen {
		keys = append(keys, appendOpenKey(nil, e.indexed.wake, e.id))
	}
	for _, key := range keys {
		if err := get(s.db, key, func([]byte) error { return nil }); err != nil {
			return fmt.Errorf("entry %x: %w", key, err)
		}
	}
	next := int64(1)
	for g, err := range s.Segments(e, 0) {
		if err != nil {
			return err
		}
		if g.First != next {
			return fmt.Errorf("segment begins with event %d, want %d", g.First, next)
		}
		next = g.Last() + 1
	}
	if next != e.LastEventID+1 {
		return fmt.Errorf("history ends at event %d, the record at %d", next-1, e.LastEventID)
	}
	return nil
}

// RoundTrip decodes a record as found on disk, encodes what it reads and decodes that.
func RoundTrip(fixed, changing []byte) (once, twice Execution, err error) {
	if err := errors.Join(once.decodeFixed(fixed), once.decodeChanging(changing)); err != nil {
		return once, twice, err
	}
	code, err := statusCode(once.Status)
	if err != nil {
		return once, twice, err
	}
	fixed, changing = once.appendFixed(nil), once.appendChanging(nil, code)
	return once, twice, errors.Join(twice.decodeFixed(fixed), twice.decodeChanging(changing))
}

// Encode returns the two parts of a record.
func Encode(e *Execution) (fixed, changing []byte) {
	code, _ := statusCode(e.Status)
	return e.appendFixed(nil), e.appendChanging(nil, code)
}

// SetVersion pretends that another version has written the folder.
func (s *Store) SetVersion(version uint64) error { return s.writeVersion(s.db.NewBatch(), version) }

// Migrate runs n steps, each of which leaves a machine behind, and returns the version then.
func (s *Store) Migrate(n int) (uint64, error) {
	steps := make([]migration, n)
	for i := range steps {
		steps[i] = func(_ *lsm.DB, b *lsm.Batch) error {
			arn := fmt.Sprintf("arn:step-%d", i)
			return b.Set(appendMachineKey(nil, arn, 1), fmt.Appendf(nil, `{"arn":%q,"revision":1}`, arn), nil)
		}
	}
	if err := s.migrate(steps); err != nil {
		return 0, err
	}
	return s.readVersion()
}

// ListKey is the key under which e would be listed if its machine's ARN were another.
func ListKey(e *Execution, machineARN string) []byte {
	return appendPosition(appendStatusPrefix(nil, scopeOf(machineARN, ""), e.indexed.status), e.indexed.start, e.id)
}

// StatusCodes lists the statuses with a byte on disk.
func StatusCodes() []sfn.Status { return statusCodes[1:] }

// Repr is the batch in Pebble's form.
func (b *Batch) Repr() []byte { return b.b.Repr() }

// DB is the database behind the store.
func (s *Store) DB() *lsm.DB { return s.db }

// MaxScan is the number of entries after which a page ends.
const MaxScan = maxScan
