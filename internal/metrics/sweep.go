package metrics

import (
	"context"
	"errors"
	"math"

	"github.com/cockroachdb/pebble/v2"
)

// maxRolled bounds how many slots one batch of a sweep sums up.
const maxRolled = 10_000

// sweep sums up what is old, deletes what is older, and keeps the folder within its bound.
func (s *Service) sweep() error {
	s.tree.Lock()
	defer s.tree.Unlock()
	if s.db == nil || s.closed {
		return nil
	}
	now := s.now().Unix()
	var errs []error
	for _, one := range s.series {
		for c := range classes {
			errs = append(errs, s.age(one, c, now-resolutions[c].kept))
		}
	}
	errs = append(errs, s.bound(now), s.forget(now))
	return errors.Join(errs...)
}

// age moves what a series has of a class before a time to the next coarser class, or deletes it if there is none.
func (s *Service) age(one *series, c class, before int64) error {
	lower, upper := slotKey(nil, one.id, c, math.MinInt64), slotKey(nil, one.id, c, before)
	if c == classHour {
		return s.db.DeleteRange(lower, upper, pebble.NoSync)
	}
	for {
		more, err := s.roll(one, c, lower, upper)
		if err != nil || !more {
			return err
		}
	}
}

// roll sums up one batch of slots, and tells whether there may be more.
func (s *Service) roll(one *series, c class, lower, upper []byte) (more bool, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return false, err
	}
	b := s.db.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	n := 0
	for ok := it.First(); ok && n < maxRolled; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err == nil {
			err = b.Merge(slotKey(nil, one.id, c+1, (c+1).floor(slotStart(it.Key()))), value, nil)
		}
		if err == nil {
			err = b.Delete(it.Key(), nil)
		}
		if err != nil {
			return false, errors.Join(err, it.Close())
		}
		n++
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil || n == 0 {
		return false, err
	}
	return n == maxRolled, b.Commit(pebble.NoSync)
}

// bound deletes the oldest days of all series until the folder is within its bound.
func (s *Service) bound(now int64) error {
	size := func() int64 {
		m := s.db.Metrics()
		return int64(m.DiskSpaceUsage())
	}
	if size() <= s.maxBytes {
		return nil
	}
	for kept := int64(455); kept > 0 && size() > s.maxBytes; kept = kept * 3 / 4 {
		for _, one := range s.series {
			for c := range classes {
				lower, upper := slotKey(nil, one.id, c, math.MinInt64), slotKey(nil, one.id, c, now-kept*day)
				if err := s.db.DeleteRange(lower, upper, pebble.NoSync); err != nil {
					return err
				}
			}
		}
		if err := s.db.Compact(context.Background(), []byte{familySlot}, []byte{familySlot + 1}); err != nil {
			return err
		}
	}
	return nil
}

// forget drops the series of which nothing can be left.
func (s *Service) forget(now int64) error {
	for key, one := range s.series {
		if one.latest >= now-resolutions[classHour].kept {
			continue
		}
		if err := s.db.Delete(append([]byte{familySeries}, key...), pebble.NoSync); err != nil {
			return err
		}
		delete(s.series, key)
	}
	return nil
}
