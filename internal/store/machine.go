package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/tutti-run/tutti/internal/sfn"
)

// Machine is one revision of a state machine. Revisions are kept until deleted, since an execution ends with the one it started with.
type Machine struct {
	ARN        string          `json:"arn"` // unqualified
	Name       string          `json:"name"`
	Revision   int64           `json:"revision"` // from 1, ascending; the highest is the current one
	Type       sfn.MachineType `json:"type"`
	Definition string          `json:"definition"`
	RoleARN    string          `json:"roleArn"`
	Created    time.Time       `json:"created"`          // of the machine
	Updated    time.Time       `json:"updated,omitzero"` // of this revision
	// Deleting: open executions go on, new ones are refused.
	Deleting bool `json:"deleting,omitzero"`
	// Config is whatever else the machine's owner keeps (logging, tracing, tags, versions); the store does not look inside.
	Config json.RawMessage `json:"config,omitempty"`
}

// PutMachine stores m, replacing the same revision.
func (b *Batch) PutMachine(m Machine) error {
	if m.ARN == "" || len(m.ARN) > maxText || strings.ContainsRune(m.ARN, 0) || m.Revision < 1 {
		return fmt.Errorf("put machine: no machine has the ARN %.100q and the revision %d", m.ARN, m.Revision)
	}
	value, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("put machine %s: %w", m.ARN, err)
	}
	if err := b.room(len(value)); err != nil {
		return err
	}
	b.key = appendMachineKey(b.key[:0], m.ARN, m.Revision)
	b.set(b.key, value)
	return nil
}

// DeleteMachine deletes one revision, or all of them if revision is 0. Deleting what is not there is no error.
func (b *Batch) DeleteMachine(arn string, revision int64) {
	b.key = appendMachineKey(b.key[:0], arn, revision)
	if revision > 0 {
		b.delete(b.key)
		return
	}
	b.deleteRange(b.key, appendMachineEnd(nil, arn))
}

// Machine returns one revision of the machine, or the current one if revision is 0. The error is ErrNotFound if there is none.
func (s *Store) Machine(arn string, revision int64) (Machine, error) {
	var m Machine
	err := s.scan(appendMachineKey(nil, arn, revision), appendMachineEnd(nil, arn), func(it *pebble.Iterator) error {
		ok := it.First()
		if revision == 0 {
			ok = it.Last()
		}
		if !ok {
			return notFound(it)
		}
		var err error
		m, err = decodeMachine(it)
		if err == nil && revision > 0 && m.Revision != revision {
			return ErrNotFound
		}
		return err
	})
	if err != nil {
		return Machine{}, fmt.Errorf("machine %s: %w", arn, err)
	}
	return m, nil
}

// Machines yields the current revision of every machine, by ARN in ascending order.
func (s *Store) Machines() iter.Seq2[Machine, error] {
	return sequence("machines", func(yield func(Machine) bool) error {
		return s.scan(familyMachine.lower(), familyMachine.upper(), func(it *pebble.Iterator) error {
			for ok := it.First(); ok; {
				key := it.Key()
				if len(key) < 10 {
					return damagef("a machine's key has %d bytes", len(key))
				}
				end := appendMachineEnd(nil, string(key[1:len(key)-9]))
				if !it.SeekLT(end) {
					return notFound(it)
				}
				m, err := decodeMachine(it)
				if err != nil {
					return err
				}
				if !yield(m) {
					return nil
				}
				ok = it.SeekGE(end)
			}
			return it.Error()
		})
	})
}

// Revisions yields all revisions of one machine in ascending order.
func (s *Store) Revisions(arn string) iter.Seq2[Machine, error] {
	return sequence("revisions of "+arn, func(yield func(Machine) bool) error {
		return s.scan(appendMachineKey(nil, arn, 0), appendMachineEnd(nil, arn), func(it *pebble.Iterator) error {
			for ok := it.First(); ok; ok = it.Next() {
				m, err := decodeMachine(it)
				if err != nil {
					return err
				}
				if !yield(m) {
					return nil
				}
			}
			return it.Error()
		})
	})
}

func decodeMachine(it *pebble.Iterator) (Machine, error) {
	value, err := it.ValueAndErr()
	if err != nil {
		return Machine{}, err
	}
	var m Machine
	if err := json.Unmarshal(value, &m); err != nil {
		return Machine{}, damagef("a machine is not JSON: %v", err)
	}
	if key := it.Key(); len(key) < 8 || uint64(m.Revision) != binary.BigEndian.Uint64(key[len(key)-8:]) {
		return Machine{}, damagef("machine %s lies under a key of another revision", m.ARN)
	}
	return m, nil
}

// notFound tells the end of an iterator from its failure.
func notFound(it *pebble.Iterator) error {
	return errors.Join(it.Error(), ErrNotFound)
}
