package runner_test

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

// passes is a machine of n Pass states in a row.
func passes(n int) string {
	var states []string
	for i := range n {
		next := fmt.Sprintf(`"Next":"S%d"`, i+1)
		if i == n-1 {
			next = `"End":true`
		}
		states = append(states, fmt.Sprintf(`"S%d":{"Type":"Pass",%s}`, i, next))
	}
	return `{"StartAt":"S0","States":{` + strings.Join(states, ",") + `}}`
}

func benchServer(b *testing.B, performer runner.Performer) *server {
	s, err := store.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	r := runner.New(runner.Config{Store: s, Tasks: performer})
	if _, err := r.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		r.Close(context.Background())
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return &server{Runner: r, store: s}
}

func (s *server) benchMachine(b *testing.B, definition string) string {
	m, err := s.PutMachine(sfn.DefaultPlace(), runner.Definition{Name: "bench", Text: definition, RoleARN: "arn:aws:iam::000000000000:role/r"})
	if err != nil {
		b.Fatal(err)
	}
	return m.ARN
}

func (s *server) benchRun(b *testing.B, machine string) string {
	started, err := s.StartExecution(context.Background(), runner.StartRequest{MachineARN: machine})
	if err != nil {
		b.Error(err)
		return ""
	}
	if err := s.Await(context.Background(), started.ARN); err != nil {
		b.Error(err)
	}
	return started.ARN
}

// BenchmarkTenPasses is one Standard execution of ten Pass states after another: the budget is twice the cost of its fsyncs, which
// BenchmarkTenPassesStoreAlone measures with the same bytes.
func BenchmarkTenPasses(b *testing.B) {
	s := benchServer(b, nil)
	m := s.benchMachine(b, passes(10))
	for b.Loop() {
		s.benchRun(b, m)
	}
}

// BenchmarkTenPassesStoreAlone writes what BenchmarkTenPasses does, without deciding anything.
func BenchmarkTenPassesStoreAlone(b *testing.B) {
	s := benchServer(b, nil)
	arn := s.benchRun(b, s.benchMachine(b, passes(10)))
	sequence, record, err := s.History(arn, 1)
	if err != nil {
		b.Fatal(err)
	}
	var events []history.Event
	for e, err := range sequence {
		if err != nil {
			b.Fatal(err)
		}
		events = append(events, e)
	}
	encoded := history.AppendJournalList(nil, events)
	batch := s.store.NewBatch()
	n := 0
	for b.Loop() {
		n++
		e := store.Execution{ARN: fmt.Sprint(record.ARN, n), MachineARN: record.MachineARN, Name: fmt.Sprint(n), Revision: 1,
			StartDate: record.StartDate, StopDate: record.StopDate, Status: record.Status}
		batch.Reset()
		if err := batch.Put(&e, 1, len(events), encoded); err != nil {
			b.Fatal(err)
		}
		if err := s.store.Commit(batch); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkManyPasses runs executions of ten Pass states from 256 clients at once and reports durable state transitions a second.
func BenchmarkManyPasses(b *testing.B) {
	s := benchServer(b, nil)
	m := s.benchMachine(b, passes(10))
	const clients = 256
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				s.benchRun(b, m)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(10*b.N)/b.Elapsed().Seconds(), "transitions/s")
}

// BenchmarkHundredPasses is one execution of a hundred Pass states after another: under 5 ms each.
func BenchmarkHundredPasses(b *testing.B) {
	s := benchServer(b, nil)
	m := s.benchMachine(b, passes(100))
	for b.Loop() {
		s.benchRun(b, m)
	}
}

// BenchmarkInlineMap runs inline Maps of a Pass state over more and more items: the time an item takes must not grow. Five thousand items are what
// the 25,000 events of a Standard execution allow.
func BenchmarkInlineMap(b *testing.B) {
	for _, bench := range []struct {
		kind  sfn.MachineType
		items int
	}{
		{sfn.Standard, 100}, {sfn.Standard, 1000}, {sfn.Standard, 5000}, {sfn.Express, 1000}, {sfn.Express, 20_000},
	} {
		b.Run(fmt.Sprintf("%s-%d", bench.kind, bench.items), func(b *testing.B) {
			s := benchServer(b, nil)
			list := make(value.Array, bench.items)
			for i := range list {
				list[i] = value.Int(i)
			}
			m, err := s.PutMachine(sfn.DefaultPlace(), runner.Definition{Name: "bench", Type: bench.kind, RoleARN: "arn:aws:iam::000000000000:role/r",
				Text: `{"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"ResultPath":null,"End":true}}}`})
			if err != nil {
				b.Fatal(err)
			}
			req := runner.StartRequest{MachineARN: m.ARN, Input: value.Text(list)}
			for b.Loop() {
				if err := s.toTheEnd(req, bench.kind); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(bench.items)*1e6, "µs/item")
		})
	}
}

// toTheEnd starts an execution and returns when it has ended.
func (s *server) toTheEnd(req runner.StartRequest, kind sfn.MachineType) error {
	if kind == sfn.Express {
		_, outcome, err := s.StartSyncExecution(context.Background(), req)
		if err == nil && outcome.Status != sfn.StatusSucceeded {
			err = fmt.Errorf("%s: %v", outcome.Status, outcome.Failure)
		}
		return err
	}
	started, err := s.StartExecution(context.Background(), req)
	if err != nil {
		return err
	}
	return s.Await(context.Background(), started.ARN)
}

// BenchmarkTenCalls is an execution of ten tasks in a row whose calls answer at once.
func BenchmarkTenCalls(b *testing.B) {
	var states []string
	for i := range 10 {
		next := fmt.Sprintf(`"Next":"S%d"`, i+1)
		if i == 9 {
			next = `"End":true`
		}
		states = append(states, fmt.Sprintf(`"S%d":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},%s}`, i, next))
	}
	s := benchServer(b, tasks{"f": func(context.Context, task.Call) (*value.Data, *sfn.Failure) { return value.NewData(value.Int(1)), nil }})
	m := s.benchMachine(b, `{"StartAt":"S0","States":{`+strings.Join(states, ",")+`}}`)
	for b.Loop() {
		s.benchRun(b, m)
	}
}

// BenchmarkWaiting starts executions that wait for an hour and reports what each costs in memory and on disk once all of them wait. Its budget:
// memory grows with the executions at work, not with those that wait.
func BenchmarkWaiting(b *testing.B) {
	const count, clients = 100_000, 256
	for b.Loop() {
		dir := b.TempDir()
		s, err := store.Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		r := &server{Runner: runner.New(runner.Config{Store: s, Tasks: noTasks{}}), store: s}
		if _, err := r.Start(); err != nil {
			b.Fatal(err)
		}
		machine := r.benchMachine(b, `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"End":true}}}`)
		before := heapInUse()
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				for range count / clients {
					if _, err := r.StartExecution(context.Background(), runner.StartRequest{MachineARN: machine, Input: `{"order":12345}`}); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		b.ReportMetric(float64(int64(heapInUse())-int64(before))/count, "heap-B/execution")
		r.Close(context.Background())
		if err := s.Close(); err != nil {
			b.Error(err)
		}
		b.ReportMetric(float64(folderSize(b, dir))/count, "disk-B/execution")
	}
}

type noTasks struct{ tasks }

func (noTasks) Perform(context.Context, task.Call) (*value.Data, *sfn.Failure) {
	return nil, sfn.Fail("Test.NoSuchTask", "")
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func folderSize(b *testing.B, dir string) (bytes int64) {
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	if err != nil {
		b.Error(err)
	}
	return bytes
}
