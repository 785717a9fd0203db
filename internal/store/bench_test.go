package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// A transition of the benchmarks: what a Pass state writes, some 600 bytes of events. An execution has ten, and one more to begin.
const transitions = 10

var transition = bytes.Repeat([]byte("0123456789abcdef"), 600/16)

var sizes = []int{1, 16, 256}

func benchOpen(b *testing.B, dir string) *store.Store {
	b.Helper()
	s, err := store.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// fleet is a number of executions that advance together, one batch a step, and are followed by new ones when they end.
type fleet struct {
	name  string
	all   []*store.Execution
	round int
}

func newFleet(name string, n int) *fleet { return &fleet{name: name, all: make([]*store.Execution, n)} }

// fill puts the next step of each execution into the batch.
func (f *fleet) fill(b *store.Batch) error {
	step := f.round % (transitions + 1)
	for i := range f.all {
		if step == 0 {
			f.all[i] = begun("benchmark", fmt.Sprintf("%s-%d-%d", f.name, f.round, i), f.round)
		}
		e := f.all[i]
		if step == transitions {
			e.Status, e.StopDate = sfn.StatusSucceeded, at(f.round)
		}
		if err := b.Put(e, e.LastEventID+1, 2, transition); err != nil {
			return err
		}
	}
	f.round++
	return nil
}

func perTransition(b *testing.B, executions int) {
	b.ReportMetric(float64(b.N*executions)/b.Elapsed().Seconds(), "transitions/s")
}

// BenchmarkCommit commits one transition each of 1, 16 or 256 executions.
func BenchmarkCommit(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := benchOpen(b, b.TempDir())
			f, batch := newFleet("x", n), s.NewBatch()
			size := 0
			b.ReportAllocs()
			for b.Loop() {
				batch.Reset()
				if err := errors.Join(f.fill(batch), s.Commit(batch)); err != nil {
					b.Fatal(err)
				}
				size += batch.Size()
			}
			perTransition(b, n)
			b.ReportMetric(float64(size)/float64(b.N*n), "B/transition")
		})
	}
}

// BenchmarkBareBatch has Pebble alone write as many bytes, one key an execution and all in ascending order, which never needs compaction:
// what durability costs at least.
func BenchmarkBareBatch(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			db := benchOpen(b, b.TempDir()).DB()
			key, value := uint64(0), append(transition, make([]byte, 40)...) // BenchmarkCommit reports some 652 bytes a transition
			b.ReportAllocs()
			for b.Loop() {
				batch := db.NewBatch()
				for range n {
					key++
					if err := batch.Set(fmt.Appendf(nil, "z%010d", key), value, nil); err != nil {
						b.Fatal(err)
					}
				}
				if err := errors.Join(batch.Commit(pebble.Sync), batch.Close()); err != nil {
					b.Fatal(err)
				}
			}
			perTransition(b, n)
		})
	}
}

// BenchmarkCommitParallel has 8 goroutines commit 16 executions each: their batches share fsyncs.
func BenchmarkCommitParallel(b *testing.B) {
	s := benchOpen(b, b.TempDir())
	var fleets atomic.Int64
	b.SetParallelism(4) // times the processors
	b.RunParallel(func(pb *testing.PB) {
		f, batch := newFleet(fmt.Sprint("p", fleets.Add(1)), 16), s.NewBatch()
		for pb.Next() {
			batch.Reset()
			if err := errors.Join(f.fill(batch), s.Commit(batch)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	perTransition(b, 16)
}

// BenchmarkFill is the store's own part of a commit, without the disk.
func BenchmarkFill(b *testing.B) {
	s := benchOpen(b, b.TempDir())
	f, batch := newFleet("x", 256), s.NewBatch()
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		if err := f.fill(batch); err != nil {
			b.Fatal(err)
		}
	}
	perTransition(b, 256)
}

// filled returns a folder in which n executions wait, each begun by one transition.
func filled(b *testing.B, n int) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "data")
	s := benchOpen(b, dir)
	batch := s.NewBatch()
	for i := range n {
		e := begun("benchmark", fmt.Sprint(i), i)
		e.WakeAt = at(i)
		if err := batch.Put(e, 1, 2, transition); err != nil {
			b.Fatal(err)
		}
		if i%1000 == 999 || i == n-1 {
			if err := s.Commit(batch); err != nil {
				b.Fatal(err)
			}
			batch.Reset()
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkOpen opens and closes a folder: a new one, one with 20,000 waiting executions, and, in memory, what a power cut leaves
// when the log is at its longest.
func BenchmarkOpen(b *testing.B) {
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			s, err := store.Open(filepath.Join(b.TempDir(), "data"))
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("warm", func(b *testing.B) {
		dir := filled(b, 20_000)
		for b.Loop() {
			s, err := store.Open(dir)
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("crashed", func(b *testing.B) {
		fs := vfs.NewCrashableMem()
		s := open(b, fs)
		f, batch := newFleet("x", 100), s.NewBatch()
		for range 200 { // 13 MB: one table written, the other still in the log
			batch.Reset()
			if err := errors.Join(f.fill(batch), s.Commit(batch)); err != nil {
				b.Fatal(err)
			}
		}
		for b.Loop() {
			b.StopTimer()
			left := fs.CrashClone(vfs.CrashCloneCfg{})
			b.StartTimer()
			s, err := store.Open("/data", store.WithFS(left))
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRead reads from a folder with 20,000 executions.
func BenchmarkRead(b *testing.B) {
	const n = 20_000
	s := benchOpen(b, filled(b, n))
	b.Run("execution", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i = (i + 7919) % n
			if _, err := s.Execution(begun("benchmark", fmt.Sprint(i), i).ARN); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("no such execution", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Execution("arn"); !errors.Is(err, store.ErrNotFound) {
				b.Fatal(err)
			}
		}
	})
	b.Run("page of 100", func(b *testing.B) {
		for b.Loop() {
			if page, _, err := s.Executions(store.Filter{MachineARN: machineARN("benchmark")}); err != nil || len(page) != 100 {
				b.Fatal(len(page), err)
			}
		}
	})
	b.Run("count running", func(b *testing.B) {
		for b.Loop() {
			if got, err := s.CountRunning(); err != nil || got != n {
				b.Fatal(got, err)
			}
		}
	})
}

// BenchmarkNextWake asks for the next wake time while executions are woken in order, which leaves ever more tombstones before it.
func BenchmarkNextWake(b *testing.B) {
	s := benchOpen(b, b.TempDir())
	batch := s.NewBatch()
	far := begun("benchmark", "far", 0)
	far.WakeAt = at(1 << 30)
	e := begun("benchmark", "near", 0)
	err := errors.Join(batch.Put(far, 1, 0, nil), batch.Put(e, 1, 0, nil))
	for i := range 50_000 {
		e.WakeAt = at(i)
		err = errors.Join(err, batch.Put(e, 1, 0, nil))
	}
	e.WakeAt = time.Time{}
	if err := errors.Join(err, batch.Put(e, 1, 0, nil), s.Commit(batch)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.NextWake(); err != nil {
			b.Fatal(err)
		}
	}
}
