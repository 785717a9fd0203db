package store

import (
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Activity is a name under which workers ask for tasks.
type Activity struct {
	ARN     string    `json:"arn"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	// Config is whatever else the activity's owner keeps (tags, encryption); the store does not look inside.
	Config json.RawMessage `json:"config,omitempty"`
}

func appendActivityKey(dst []byte, arn string) []byte {
	return append(append(dst, byte(familyActivity)), arn...)
}

// PutActivity stores a, replacing the one of the same ARN.
func (b *Batch) PutActivity(a Activity) error {
	if a.ARN == "" || len(a.ARN) > maxText {
		return fmt.Errorf("put activity: no activity has the ARN %.100q", a.ARN)
	}
	value, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("put activity %s: %w", a.ARN, err)
	}
	if err := b.room(len(value)); err != nil {
		return err
	}
	b.key = appendActivityKey(b.key[:0], a.ARN)
	b.set(b.key, value)
	return nil
}

// DeleteActivity deletes an activity. Deleting what is not there is no error.
func (b *Batch) DeleteActivity(arn string) {
	b.key = appendActivityKey(b.key[:0], arn)
	b.delete(b.key)
}

// Activity returns the activity, or ErrNotFound.
func (s *Store) Activity(arn string) (Activity, error) {
	var found Activity
	key := appendActivityKey(nil, arn)
	err := s.scan(key, append(appendActivityKey(nil, arn), 0), func(it *pebble.Iterator) error {
		if !it.First() {
			return notFound(it)
		}
		var err error
		found, err = decodeActivity(it)
		return err
	})
	if err != nil {
		return Activity{}, fmt.Errorf("activity %s: %w", arn, err)
	}
	return found, nil
}

// Activities yields all activities by ARN in ascending order.
func (s *Store) Activities() iter.Seq2[Activity, error] {
	return sequence("activities", func(yield func(Activity) bool) error {
		return s.scan(familyActivity.lower(), familyActivity.upper(), func(it *pebble.Iterator) error {
			for ok := it.First(); ok; ok = it.Next() {
				a, err := decodeActivity(it)
				if err != nil {
					return err
				}
				if !yield(a) {
					return nil
				}
			}
			return it.Error()
		})
	})
}

func decodeActivity(it *pebble.Iterator) (Activity, error) {
	value, err := it.ValueAndErr()
	if err != nil {
		return Activity{}, err
	}
	var a Activity
	if err := json.Unmarshal(value, &a); err != nil {
		return Activity{}, damagef("an activity is not JSON: %v", err)
	}
	return a, nil
}
