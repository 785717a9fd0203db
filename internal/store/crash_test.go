package store_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"pgregory.net/rapid"
)

// model is what the store should hold, kept the simple way.
type model struct {
	executions map[string]*modelled
	machines   map[string]int64 // ARN → the one revision, by which each is known
}

type modelled struct {
	record  store.Execution
	order   int // of its first put, which decides between equal starts
	history []string
}

func (m *model) clone() *model {
	c := &model{executions: map[string]*modelled{}, machines: maps.Clone(m.machines)}
	for arn, e := range m.executions {
		copied := *e
		copied.history = slices.Clone(e.history)
		c.executions[arn] = &copied
	}
	return c
}

// sorted returns the executions that keep wants, ordered by less.
func (m *model) sorted(keep func(*modelled) bool, less func(a, b *modelled) int) (all []string) {
	var kept []*modelled
	for _, e := range m.executions {
		if keep(e) {
			kept = append(kept, e)
		}
	}
	slices.SortFunc(kept, less)
	for _, e := range kept {
		all = append(all, e.record.Name)
	}
	return all
}

func newestFirst(a, b *modelled) int {
	if c := b.record.StartDate.Compare(a.record.StartDate); c != 0 {
		return c
	}
	return b.order - a.order
}

func byWake(a, b *modelled) int {
	if c := a.record.WakeAt.Compare(b.record.WakeAt); c != 0 {
		return c
	}
	return a.order - b.order
}

func running(e *modelled) bool { return e.record.Status == sfn.StatusRunning }

// world is a store under a random workload, with its model.
type world struct {
	t     testing.TB
	r     *rapid.T
	fs    *vfs.MemFS
	s     *store.Store
	batch *store.Batch
	live  map[string]*store.Execution // the values that carry their entries
	m     *model
	order int
	limit int
}

func (w *world) open(fs vfs.FS) *store.Store {
	s, err := store.Open("/data", store.WithFS(fs), store.OnFailure(func(err error) { w.r.Fatalf("failure: %v", err) }))
	if err != nil {
		w.r.Fatalf("open: %v", err)
	}
	return s
}

// change puts one random change into the batch and into the model.
func (w *world) change(m *model) {
	names := slices.Sorted(maps.Keys(w.live))
	kind := rapid.SampledFrom([]string{"begin", "begin", "go on", "go on", "go on", "end", "delete", "machine"}).Draw(w.r, "change")
	if len(names) == 0 && kind != "machine" {
		kind = "begin"
	}
	switch kind {
	case "begin":
		w.order++
		e := begun(rapid.SampledFrom([]string{"a", "b"}).Draw(w.r, "machine"), fmt.Sprintf("e%d", w.order), rapid.IntRange(0, 3).Draw(w.r, "start"))
		if rapid.IntRange(0, 4).Draw(w.r, "child") == 0 {
			e.MapRunARN = "arn:mapRun"
		}
		w.live[e.ARN] = e
		m.executions[e.ARN] = &modelled{order: w.order}
		w.put(m, e)
	case "machine":
		arn := machineARN(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(w.r, "which"))
		revision := int64(rapid.IntRange(0, 3).Draw(w.r, "revision"))
		w.batch.DeleteMachine(arn, 0)
		delete(m.machines, arn)
		if revision > 0 {
			w.must(w.batch.PutMachine(store.Machine{ARN: arn, Revision: revision}))
			m.machines[arn] = revision
		}
	case "delete":
		e := w.live[rapid.SampledFrom(names).Draw(w.r, "execution")]
		w.must(w.batch.DeleteExecution(e))
		delete(w.live, e.ARN)
		delete(m.executions, e.ARN)
	default:
		e := w.live[rapid.SampledFrom(names).Draw(w.r, "execution")]
		e.Status, e.StopDate, e.WakeAt = sfn.StatusRunning, time.Time{}, time.Time{}
		if kind == "end" {
			e.Status, e.StopDate = rapid.SampledFrom(sfn.Statuses()[1:]).Draw(w.r, "status"), at(50)
		} else if rapid.Bool().Draw(w.r, "sleep") {
			e.WakeAt = at(rapid.IntRange(0, 9).Draw(w.r, "wake"))
		}
		w.put(m, e)
	}
}

func (w *world) put(m *model, e *store.Execution) {
	count := rapid.IntRange(0, 3).Draw(w.r, "events")
	first := e.LastEventID + 1
	events := ""
	if count > 0 {
		events = fmt.Sprintf("%s from %d", e.Name, first)
		m.executions[e.ARN].history = append(m.executions[e.ARN].history, fmt.Sprintf("%d+%d %s", first, count, events))
	}
	w.must(w.batch.Put(e, first, count, []byte(events)))
	m.executions[e.ARN].record = *e
}

func (w *world) must(err error) {
	if err != nil {
		w.r.Fatal(err)
	}
}

// commit fills a batch and commits or drops it.
func (w *world) commit(r *rapid.T) {
	w.r = r
	after, before := w.m.clone(), map[string]store.Execution{}
	for arn, e := range w.live {
		before[arn] = *e
	}
	w.batch.Reset()
	for range rapid.IntRange(1, 5).Draw(r, "changes") {
		w.change(after)
	}
	if rapid.IntRange(0, 9).Draw(r, "drop") > 0 {
		w.must(w.s.Commit(w.batch))
		w.m = after
		return
	}
	w.batch.Reset()
	clear(w.live)
	for arn, e := range before { // the batch has restored what it set; the rest of the value is the writer's own
		w.live[arn] = &e
	}
}

// reopen closes the store properly and opens it again; the records are read anew.
func (w *world) reopen(r *rapid.T) {
	w.r = r
	w.batch.Reset()
	w.must(w.s.Close())
	w.use(w.fs)
}

func (w *world) use(fs *vfs.MemFS) {
	w.fs, w.s = fs, w.open(fs)
	w.batch = w.s.NewBatch()
	clear(w.live)
	for arn := range w.m.executions {
		e, err := w.s.Execution(arn)
		w.must(err)
		w.live[arn] = &e
	}
}

// crash cuts the power and goes on from what is left on the disk.
func (w *world) crash(r *rapid.T) {
	w.r = r
	fs := w.cut(rapid.SampledFrom([]int{0, 50, 100}).Draw(r, "unsynced"))
	w.must(w.s.Close())
	w.use(fs)
}

// cut returns the disk as a power cut would leave it, with that much per cent of what was not synced.
func (w *world) cut(unsynced int) *vfs.MemFS {
	return w.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rand.New(rand.NewPCG(uint64(w.order), 1))})
}

// check compares the store, and what a power cut would leave of it, with the model.
func (w *world) check(r *rapid.T) {
	w.r = r
	w.compare(w.s)
	s := w.open(w.cut([]int{0, 50, 100}[w.order%3]))
	w.compare(s)
	w.must(s.Close())
}

func (w *world) compare(s *store.Store) {
	w.must(s.Check())
	for arn, e := range w.m.executions {
		got, err := s.Execution(arn)
		w.must(err)
		// Numbers may differ between the store and its clone; what a user sees may not.
		if g, want := visible(got), visible(e.record); g != want {
			w.r.Fatalf("%s\nwant %s", g, want)
		}
		w.same("history of "+e.record.Name, segments(w.t, s.Segments(&got, 0)), e.history)
		backward := segments(w.t, s.SegmentsBackward(&got, 0))
		slices.Reverse(backward)
		w.same("history backward", backward, e.history)
	}
	w.same("running", names(w.t, s.Running()), w.m.sorted(running, byWake))
	w.same("awake", names(w.t, s.Awake()), w.m.sorted(func(e *modelled) bool { return running(e) && e.record.WakeAt.IsZero() }, byWake))
	asleep := func(until time.Time) func(e *modelled) bool {
		return func(e *modelled) bool {
			return running(e) && !e.record.WakeAt.IsZero() && !e.record.WakeAt.After(until)
		}
	}
	w.same("due", names(w.t, s.Due(at(4))), w.m.sorted(asleep(at(4)), byWake))
	next, err := s.NextWake()
	if sleeping := w.m.sorted(asleep(at(100)), byWake); len(sleeping) == 0 {
		if !errors.Is(err, store.ErrNotFound) {
			w.r.Fatalf("next wake %v, %v", next, err)
		}
	} else if due := names(w.t, s.Due(next)); err != nil || due[0] != sleeping[0] {
		w.r.Fatalf("next wake %v, %v, wakes %q, want %q", next, err, due, sleeping[0])
	}
	w.compareLists(s)
	machines := map[string]int64{}
	for m, err := range s.Machines() {
		w.must(err)
		machines[m.ARN] = m.Revision
	}
	if !reflect.DeepEqual(machines, w.m.machines) {
		w.r.Fatalf("machines %v, want %v", machines, w.m.machines)
	}
}

func (w *world) compareLists(s *store.Store) {
	w.limit = w.limit%4 + 1
	for _, status := range append(sfn.Statuses(), "") {
		for _, f := range []store.Filter{{MachineARN: machineARN("a")}, {MachineARN: machineARN("b")}, {MapRunARN: "arn:mapRun"}} {
			f.Status, f.Limit = status, w.limit
			want := w.m.sorted(func(e *modelled) bool {
				return e.record.MapRunARN == f.MapRunARN && (f.MapRunARN != "" || e.record.MachineARN == f.MachineARN) &&
					(status == "" || e.record.Status == status)
			}, newestFirst)
			w.same(fmt.Sprintf("list %+v", f.Status), strings.Fields(strings.Join(pages(w.t, s, f), " ")), want)
		}
	}
}

func (w *world) same(what string, got, want []string) {
	if !slices.Equal(got, want) {
		w.r.Fatalf("%s: %q, want %q", what, got, want)
	}
}

// visible prints the exported fields.
func visible(e store.Execution) string {
	var text strings.Builder
	v := reflect.ValueOf(e)
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() {
			fmt.Fprintf(&text, "%s=%v ", f.Name, v.Field(i).Interface())
		}
	}
	return text.String()
}

// TestModel compares the store with the model after every batch, and with it what a power cut at that moment would leave. The flag
// -rapid.checks sets how many workloads it runs.
func TestModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := &world{t: t, r: r, live: map[string]*store.Execution{}, m: &model{executions: map[string]*modelled{}, machines: map[string]int64{}}}
		w.use(vfs.NewCrashableMem())
		defer func() { _ = w.s.Close() }() // closed already where the test has failed in between
		r.Repeat(map[string]func(*rapid.T){"commit": w.commit, "commit again": w.commit, "reopen": w.reopen, "crash": w.crash, "": w.check})
	})
}

// TestPowerCutDuringCommits cuts the power while batches of five executions are on their way: each is there whole or not at all, and
// all that were acknowledged are there.
func TestPowerCutDuringCommits(t *testing.T) {
	const writers, size, rounds = 3, 5, 7
	fs := vfs.NewCrashableMem()
	s := open(t, fs)
	var acked [writers]atomic.Int64
	turns := make(chan struct{})
	more := func() bool { _, ok := <-turns; return ok }
	done := make(chan error, writers)
	for w := range writers {
		go func() { done <- commitRounds(s, w, size, more, func(round int64) { acked[w].Store(round) }) }()
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for cut := range powerCuts {
		for range rounds {
			turns <- struct{}{} // a writer has taken it and is about to commit
		}
		var before [writers]int64
		for w := range writers {
			before[w] = acked[w].Load()
		}
		left := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[cut%3], RNG: rng})
		crashed, err := store.Open("/data", store.WithFS(left))
		if err != nil {
			t.Fatal(err)
		}
		for w := range writers {
			checkRound(t, crashed, w, size, before[w])
		}
		if err := errors.Join(crashed.Check(), crashed.Close()); err != nil {
			t.Error(err)
		}
	}
	close(turns)
	for range writers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// commitRounds commits batches that advance the writer's executions by one event each and tells of every batch acknowledged.
func commitRounds(s *store.Store, writer, size int, more func() bool, ack func(round int64)) error {
	b := s.NewBatch()
	all := make([]*store.Execution, size)
	for i := range all {
		all[i] = begun("m", fmt.Sprintf("w%d-%d", writer, i), 0)
	}
	for round := int64(1); more(); round++ {
		b.Reset()
		for i, e := range all {
			e.WakeAt = time.Time{}
			if (round+int64(i))%2 == 0 {
				e.WakeAt = at(int(round))
			}
			if err := b.Put(e, round, 1, fmt.Appendf(nil, "round %d", round)); err != nil {
				return err
			}
		}
		if err := s.Commit(b); err != nil {
			return err
		}
		ack(round)
	}
	return nil
}

// checkRound wants all the writer's executions at the same round, acked or later.
func checkRound(t testing.TB, s *store.Store, writer, size int, acked int64) {
	t.Helper()
	last := int64(-1)
	for i := range size {
		e, err := s.Execution(begun("m", fmt.Sprintf("w%d-%d", writer, i), 0).ARN)
		if err != nil && (acked > 0 || !errors.Is(err, store.ErrNotFound)) {
			t.Errorf("writer %d: %v", writer, err)
		}
		if e.LastEventID < acked {
			t.Errorf("writer %d: at %d, %d was acknowledged", writer, e.LastEventID, acked)
		}
		if i > 0 && e.LastEventID != last {
			t.Errorf("writer %d: half a batch: at %d and at %d", writer, last, e.LastEventID)
		}
		last = e.LastEventID
	}
}

// commitForever is the child's part in TestKill: a line for every batch acknowledged.
func commitForever(s *store.Store) error {
	return commitRounds(s, 0, 5, func() bool { return true }, func(round int64) { fmt.Println(round) })
}

// TestKill kills a process in the middle of its commits, again and again in the same folder.
func TestKill(t *testing.T) {
	for _, acks := range []int64{1, 20, 200} {
		dir := t.TempDir()
		cmd, out := spawn(t, "commit", dir)
		var acked int64
		for out.Scan() {
			if _, err := fmt.Sscan(out.Text(), &acked); err != nil {
				t.Fatalf("the child said %q", out.Text())
			}
			if acked == acks {
				if err := cmd.Process.Kill(); err != nil { // SIGKILL
					t.Fatal(err)
				}
			}
		}
		if acked < acks {
			t.Fatalf("the child ended after %d batches", acked)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child was not killed")
		}
		if _, err := os.Stat(dir + "/pid"); err != nil {
			t.Errorf("the killed process has tidied up: %v", err)
		}
		s, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		checkRound(t, s, 0, 5, acked)
		if err := errors.Join(s.Check(), s.Close()); err != nil {
			t.Error(err)
		}
	}
}
