package runner_test

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/s3"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// rows yields a CSV file with so many rows of some 50 bytes.
func rows(n int) io.Reader {
	source, sink := io.Pipe()
	go func() {
		w := bufio.NewWriter(sink)
		_, _ = w.WriteString("id,name,address\n")
		for i := range n {
			_, _ = fmt.Fprintf(w, "%d,customer %d,\"%d, High Street\"\n", i, i, i)
		}
		_ = sink.CloseWithError(w.Flush())
	}()
	return source
}

// onDisk is a server with an S3, both on the computer's disk, and a CSV file with so many rows.
func onDisk(tb testing.TB, n int) (*runner.Runner, *s3.Store) {
	tb.Helper()
	dir := tb.TempDir()
	db, err := store.Open(filepath.Join(dir, "journal"))
	if err != nil {
		tb.Fatal(err)
	}
	objects := s3.New(filepath.Join(dir, "s3"))
	r := runner.New(runner.Config{Store: db, Tasks: tasks{}, Objects: objects})
	tb.Cleanup(func() {
		r.Close(tb.Context())
		_ = objects.Close()
		_ = db.Close()
	})
	if _, err := r.Start(); err != nil {
		tb.Fatal(err)
	}
	if err := objects.CreateBucket("data"); err != nil {
		tb.Fatal(err)
	}
	if _, err := objects.Put("data", "rows.csv", rows(n), s3.Attributes{}, s3.Condition{}, nil); err != nil {
		tb.Fatal(err)
	}
	return r, objects
}

// mapRows runs a child on each of the rows and returns how long that took and the greatest heap meanwhile. The results are exported.
func mapRows(tb testing.TB, r *runner.Runner, kind string) (took time.Duration, peak uint64) {
	tb.Helper()
	extra := fmt.Sprintf(reads, "rows.csv", `"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"`) + fmt.Sprintf(writes, "")
	definition := strings.Replace(distributed(kind, extra, pass), `"MaxConcurrency":2,`, "", 1)
	m, err := r.PutMachine(sfn.DefaultPlace(), runner.Definition{Name: "rows" + kind, Text: definition, RoleARN: "arn:aws:iam::000000000000:role/r"})
	if err != nil {
		tb.Fatal(err)
	}
	runtime.GC()
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		var stats runtime.MemStats
		for {
			runtime.ReadMemStats(&stats)
			peak = max(peak, stats.HeapInuse)
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	began := time.Now()
	started, err := r.StartExecution(tb.Context(), runner.StartRequest{MachineARN: m.ARN})
	if err == nil {
		err = r.Await(tb.Context(), started.ARN)
	}
	took = time.Since(began)
	close(done)
	watch.Wait()
	if err != nil {
		tb.Fatal(err)
	}
	if d, err := r.Describe(started.ARN); err != nil || d.Status != sfn.StatusSucceeded {
		tb.Fatalf("%s %v, %v", d.Status, d.Failure, err)
	}
	return took, peak
}

func BenchmarkMapRun(b *testing.B) {
	for _, bm := range []struct {
		kind string
		rows int
	}{{"EXPRESS", 100_000}, {"STANDARD", 10_000}} {
		b.Run(fmt.Sprintf("%s/%d", bm.kind, bm.rows), func(b *testing.B) {
			r, _ := onDisk(b, bm.rows)
			for b.Loop() {
				took, peak := mapRows(b, r, bm.kind)
				b.ReportMetric(float64(bm.rows)/took.Seconds(), "items/s")
				b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
			}
		})
	}
}

// TestMapRunMemory checks that memory does not grow with the number of items: ten times as many need less than twice as much. The children at work,
// of which there are up to ten thousand, are the same in both.
func TestMapRunMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	_, few := mapRowsOf(t, 2_000)
	_, many := mapRowsOf(t, 20_000)
	if many > 2*few+64<<20 {
		t.Errorf("%d MiB for 20,000 items, %d MiB for 2,000", many>>20, few>>20)
	}
}

func mapRowsOf(t *testing.T, n int) (time.Duration, uint64) {
	r, _ := onDisk(t, n)
	return mapRows(t, r, "EXPRESS")
}
