package store_test

import (
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		os.Exit(child(mode, os.Getenv(childDir)))
	}
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", modelRuns); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is the moment so many seconds after the epoch of the tests.
func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

func machineARN(name string) string { return sfn.DefaultPlace().StateMachineARN(name) }

// begun is a new execution of machine, started so many seconds after the epoch.
func begun(machine, name string, seconds int) *store.Execution {
	m := sfn.MachineARN{Place: sfn.DefaultPlace(), Name: machine}
	return &store.Execution{
		ARN: m.ExecutionARN(sfn.Standard, name, ""), MachineARN: m.Unqualified(), Name: name,
		Revision: 1, StartDate: at(seconds), Status: sfn.StatusRunning,
	}
}

// open opens a store in a file system in memory, whose invariant is checked when the test ends.
func open(t testing.TB, fs vfs.FS) *store.Store {
	t.Helper()
	s, err := store.Open("/data", store.WithFS(fs), store.OnFailure(func(err error) { t.Errorf("failure: %v", err) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Check(); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Errorf("after the test: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// commit commits one batch that fill fills.
func commit(t testing.TB, s *store.Store, fill func(b *store.Batch) error) {
	t.Helper()
	b := s.NewBatch()
	if err := errors.Join(fill(b), s.Commit(b)); err != nil {
		t.Fatal(err)
	}
}

// put commits one execution with the next count events.
func put(t testing.TB, s *store.Store, e *store.Execution, events ...string) {
	t.Helper()
	commit(t, s, func(b *store.Batch) error {
		return b.Put(e, e.LastEventID+1, len(events), []byte(strings.Join(events, ",")))
	})
}

// names drains executions into their names.
func names(t testing.TB, seq iter.Seq2[store.Execution, error]) []string {
	t.Helper()
	var all []string
	for e, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Name)
	}
	return all
}

// segments drains a history into texts like "1+2 events".
func segments(t testing.TB, seq iter.Seq2[store.Segment, error]) []string {
	t.Helper()
	var all []string
	for g, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%d+%d %s", g.First, g.Count, g.Events))
	}
	return all
}

func equal(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestExecutionComesBackWhole(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	full := begun("orders", "full", 1)
	full.Status, full.StopDate = sfn.StatusFailed, at(9)
	full.WakeAt, full.RedriveCount, full.RedriveDate = at(5), 2, at(6)
	full.MapRunARN, full.VersionARN, full.AliasARN = "arn:mapRun", full.MachineARN+":7", full.MachineARN+":live"
	full.TraceHeader, full.ItemCount, full.Revision = "Root=1-2", 12, 1<<40
	foreign := &store.Execution{ARN: "x", MachineARN: "yx", Name: "zx", StartDate: at(0), Status: sfn.StatusAborted}
	put(t, s, full, "a", "b")
	put(t, s, foreign)
	for range 2 {
		for _, want := range []*store.Execution{full, foreign} {
			got, err := s.Execution(want.ARN)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(&got, want) {
				t.Errorf("got %+v\nwant %+v", got, *want)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, fs)
	}
}

func TestExecutionNotFound(t *testing.T) {
	s := open(t, vfs.NewMem())
	e := begun("orders", "one", 0)
	for _, arn := range []string{"", "arn", e.ARN} {
		if _, err := s.Execution(arn); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", arn, err)
		}
	}
	if err := s.NewBatch().DeleteExecution(e); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("delete: %v", err)
	}
}

func TestPutRefuses(t *testing.T) {
	s := open(t, vfs.NewMem())
	for _, tt := range []struct {
		name  string
		spoil func(e *store.Execution)
		first int64
		count int
		bytes string
		want  string
	}{
		{"no ARN", func(e *store.Execution) { e.ARN = "" }, 1, 1, "x", "is missing"},
		{"no machine", func(e *store.Execution) { e.MachineARN = "" }, 1, 1, "x", "is missing"},
		{"long text", func(e *store.Execution) { e.TraceHeader = strings.Repeat("x", 1<<16+1) }, 1, 1, "x", "65537 bytes"},
		{"no start", func(e *store.Execution) { e.StartDate = time.Time{} }, 1, 1, "x", "start date"},
		{"time out of range", func(e *store.Execution) { e.WakeAt = time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC) }, 1, 1, "x", "year 2300"},
		{"no status", func(e *store.Execution) { e.Status = "" }, 1, 1, "x", `"" is not a status`},
		{"other status", func(e *store.Execution) { e.Status = "DONE" }, 1, 1, "x", `"DONE" is not a status`},
		{"negative", func(e *store.Execution) { e.Revision = -1 }, 1, 1, "x", "negative"},
		{"a gap", func(*store.Execution) {}, 2, 1, "x", "event 2 does not follow event 0"},
		{"an overlap", func(*store.Execution) {}, 0, 1, "x", "event 0 does not follow event 0"},
		{"no bytes", func(*store.Execution) {}, 1, 1, "", "1 events in 0 bytes"},
		{"no count", func(*store.Execution) {}, 1, 0, "x", "0 events in 1 bytes"},
		{"negative count", func(*store.Execution) {}, 1, -1, "x", "-1 events"},
		{"end of ids", func(e *store.Execution) { e.LastEventID = 1<<32 - 2 }, 1<<32 - 1, 2, "x", "event ids end"},
	} {
		e := begun("orders", "one", 0)
		tt.spoil(e)
		before := *e
		b := s.NewBatch()
		err := b.Put(e, tt.first, tt.count, []byte(tt.bytes))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if !b.Empty() || *e != before {
			t.Errorf("%s: the refused put left something", tt.name)
		}
	}
}

func TestSegments(t *testing.T) {
	s := open(t, vfs.NewMem())
	e, other := begun("orders", "one", 0), begun("orders", "two", 0)
	for _, events := range [][]string{{"a", "b"}, {"c"}, {"d", "e", "f"}} {
		put(t, s, e, events...)
		put(t, s, other, "other")
	}
	ab, c, def := "1+2 a,b", "3+1 c", "4+3 d,e,f"
	for _, tt := range []struct {
		from              int64
		forward, backward []string
	}{
		{-5, []string{ab, c, def}, []string{def, c, ab}},
		{0, []string{ab, c, def}, []string{def, c, ab}},
		{1, []string{ab, c, def}, []string{ab}},
		{2, []string{ab, c, def}, []string{ab}},
		{3, []string{c, def}, []string{c, ab}},
		{4, []string{def}, []string{def, c, ab}},
		{6, []string{def}, []string{def, c, ab}},
		{7, nil, []string{def, c, ab}},
		{1 << 62, nil, []string{def, c, ab}},
	} {
		equal(t, fmt.Sprintf("from %d", tt.from), segments(t, s.Segments(e, tt.from)), tt.forward)
		equal(t, fmt.Sprintf("back from %d", tt.from), segments(t, s.SegmentsBackward(e, tt.from)), tt.backward)
	}
	equal(t, "not stored", segments(t, s.Segments(begun("orders", "none", 0), 0)), nil)
}

// pages follows the cursors of f and returns the names, page by page.
func pages(t testing.TB, s *store.Store, f store.Filter) []string {
	t.Helper()
	var all []string
	for {
		page, next, err := s.Executions(f)
		if err != nil {
			t.Fatal(err)
		}
		var one []string
		for _, e := range page {
			one = append(one, e.Name)
		}
		all = append(all, strings.Join(one, " "))
		if next == "" {
			return all
		}
		f.After = next
	}
}

func TestExecutions(t *testing.T) {
	s := open(t, vfs.NewMem())
	child := begun("orders/items", "child", 4)
	child.MapRunARN = "arn:mapRun"
	all := []*store.Execution{
		begun("orders", "late", 9), begun("orders", "a", 1), begun("orders", "b", 2), begun("orders", "b2", 2),
		begun("orders", "c", 3), begun("invoices", "x", 5), child,
	}
	for _, e := range all {
		put(t, s, e, "started")
	}
	for i, status := range []sfn.Status{1: sfn.StatusSucceeded, 2: sfn.StatusFailed, 4: sfn.StatusSucceeded} {
		if status != "" {
			all[i].Status, all[i].StopDate = status, at(20)
			put(t, s, all[i], "ended")
		}
	}
	orders := store.Filter{MachineARN: machineARN("orders")}
	with := func(change func(f *store.Filter)) store.Filter {
		f := orders
		change(&f)
		return f
	}
	for _, tt := range []struct {
		name   string
		filter store.Filter
		want   []string
	}{
		{"a machine's, newest first", orders, []string{"late c b2 b a"}},
		{"pages of one", with(func(f *store.Filter) { f.Limit = 1 }), []string{"late", "c", "b2", "b", "a"}},
		{"pages of two", with(func(f *store.Filter) { f.Limit = 2 }), []string{"late c", "b2 b", "a"}},
		{"the last page is full", with(func(f *store.Filter) { f.Limit = 5 }), []string{"late c b2 b a"}},
		{"running", with(func(f *store.Filter) { f.Status = sfn.StatusRunning }), []string{"late b2"}},
		{"succeeded, in pages", with(func(f *store.Filter) { f.Status, f.Limit = sfn.StatusSucceeded, 1 }), []string{"c", "a"}},
		{"aborted: none", with(func(f *store.Filter) { f.Status = sfn.StatusAborted }), []string{""}},
		{"before", with(func(f *store.Filter) { f.Before = at(3) }), []string{"b2 b a"}},
		{"before, in pages", with(func(f *store.Filter) { f.Before, f.Limit = at(3), 2 }), []string{"b2 b", "a"}},
		{"before all", with(func(f *store.Filter) { f.Before = at(1) }), []string{""}},
		{"before a time out of range", with(func(f *store.Filter) { f.Before = at(1).AddDate(1000, 0, 0) }), []string{"late c b2 b a"}},
		{"a condition", with(func(f *store.Filter) { f.Match = func(e *store.Execution) bool { return len(e.Name) == 1 } }), []string{"c b a"}},
		{"another machine's", store.Filter{MachineARN: machineARN("invoices")}, []string{"x"}},
		{"a Map Run's children", store.Filter{MapRunARN: "arn:mapRun"}, []string{"child"}},
		{"children are not the machine's", store.Filter{MachineARN: machineARN("orders/items")}, []string{""}},
		{"an unknown machine's", store.Filter{MachineARN: "arn"}, []string{""}},
	} {
		equal(t, tt.name, pages(t, s, tt.filter), tt.want)
	}
}

// Two machines' ARNs may share a hash; their lists stay apart.
func TestExecutionsOfMachinesWithOneHash(t *testing.T) {
	s := open(t, vfs.NewMem())
	e := begun("m", "one", 0)
	put(t, s, e)
	key := store.ListKey(e, machineARN("other"))
	if err := s.DB().Set(key, nil, nil); err != nil {
		t.Fatal(err)
	}
	equal(t, "the other's", pages(t, s, store.Filter{MachineARN: machineARN("other")}), []string{""})
	if err := s.DB().Delete(key, nil); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsFixedStaysFixed(t *testing.T) {
	s := open(t, vfs.NewMem())
	e := begun("m", "one", 5)
	put(t, s, e)
	e.StartDate, e.Name, e.MachineARN, e.Revision = at(9), "two", machineARN("other"), 7
	e.Status, e.StopDate = sfn.StatusSucceeded, at(10)
	put(t, s, e)
	got, err := s.Execution(e.ARN)
	if err != nil || !got.StartDate.Equal(at(5)) || got.Name != "one" || got.Revision != 1 || !got.StopDate.Equal(at(10)) {
		t.Errorf("%+v, %v", got, err)
	}
	equal(t, "listed", pages(t, s, store.Filter{MachineARN: machineARN("m"), Status: sfn.StatusSucceeded}), []string{"one"})
}

func TestExecutionsRefuses(t *testing.T) {
	s := open(t, vfs.NewMem())
	for i := range 3 {
		put(t, s, begun("orders", fmt.Sprint(i), i))
	}
	_, cursor, err := s.Executions(store.Filter{MachineARN: machineARN("orders"), Limit: 1})
	if err != nil || cursor == "" {
		t.Fatalf("cursor %q, %v", cursor, err)
	}
	for _, f := range []store.Filter{
		{MachineARN: machineARN("orders"), After: "x"},
		{MachineARN: machineARN("orders"), After: cursor + "AAAA"},
		{MachineARN: machineARN("orders"), After: cursor, Status: sfn.StatusRunning},
		{MachineARN: machineARN("invoices"), After: cursor},
	} {
		if _, _, err := s.Executions(f); !errors.Is(err, store.ErrCursor) {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if _, _, err := s.Executions(store.Filter{MachineARN: machineARN("orders"), Status: "DONE"}); err == nil {
		t.Error("a status that is none was accepted")
	}
}

// A rare match ends the page after a bounded number of records and goes on with the next.
func TestExecutionsBoundsItsScan(t *testing.T) {
	s := open(t, vfs.NewMem())
	commit(t, s, func(b *store.Batch) error {
		for i := range store.MaxScan + 2 {
			if err := b.Put(begun("orders", fmt.Sprint(i), i), 1, 0, nil); err != nil {
				return err
			}
		}
		return nil
	})
	equal(t, "pages", pages(t, s, store.Filter{
		MachineARN: machineARN("orders"), Match: func(e *store.Execution) bool { return e.Name == "1" },
	}), []string{"", "1"})
}

func TestSleepAndWake(t *testing.T) {
	s := open(t, vfs.NewMem())
	if _, err := s.NextWake(); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("nothing sleeps: %v", err)
	}
	a, b, c, d := begun("m", "a", 0), begun("m", "b", 0), begun("m", "c", 0), begun("m", "d", 0)
	b.WakeAt, c.WakeAt = at(30), at(10)
	d.Status, d.WakeAt = sfn.StatusSucceeded, at(5) // ended, whatever it waited for
	for _, e := range []*store.Execution{a, b, c, d} {
		put(t, s, e)
	}
	check := func(next int, awake, due, running string) {
		t.Helper()
		got, err := s.NextWake()
		if next < 0 && !errors.Is(err, store.ErrNotFound) || next >= 0 && (err != nil || !got.Equal(at(next))) {
			t.Errorf("next wake %v, %v, want %d", got, err, next)
		}
		equal(t, "awake", names(t, s.Awake()), strings.Fields(awake))
		equal(t, "due", names(t, s.Due(at(20))), strings.Fields(due))
		equal(t, "running", names(t, s.Running()), strings.Fields(running))
		if n, err := s.CountRunning(); err != nil || n != len(strings.Fields(running)) {
			t.Errorf("%d running, %v", n, err)
		}
	}
	check(10, "a", "c", "a c b")
	a.WakeAt = at(1) // earlier than what NextWake has seen
	put(t, s, a)
	check(1, "", "a c", "a c b")
	a.WakeAt, c.WakeAt = time.Time{}, time.Time{}
	put(t, s, a)
	put(t, s, c)
	check(30, "a c", "", "a c b")
	b.Status, b.StopDate = sfn.StatusTimedOut, at(31)
	put(t, s, b)
	check(-1, "a c", "", "a c")
	a.WakeAt = time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC)
	put(t, s, a)
	equal(t, "due since long ago", names(t, s.Due(at(0))), []string{"a"})
	equal(t, "due at the zero time", names(t, s.Due(time.Time{})), []string{"a"})
	b.Status, b.WakeAt, b.RedriveCount, b.RedriveDate = sfn.StatusRunning, at(40), 1, at(39)
	put(t, s, b, "redriven")
	equal(t, "a redriven one", names(t, s.Due(at(40))), []string{"a", "b"})
}

// The loop over the due executions may commit what it does to them.
func TestDueWhileCommitting(t *testing.T) {
	s := open(t, vfs.NewMem())
	for i := range 20 {
		e := begun("m", fmt.Sprint(i), 0)
		e.WakeAt = at(i)
		put(t, s, e)
	}
	seen := 0
	for e, err := range s.Due(at(9)) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if e.Name == "0" { // wakes another one that this loop has not come to
			other, err := s.Execution(begun("m", "5", 0).ARN)
			if err != nil {
				t.Fatal(err)
			}
			other.WakeAt = at(100)
			put(t, s, &other)
		}
		e.WakeAt = time.Time{}
		put(t, s, &e)
	}
	if seen != 9 {
		t.Errorf("%d were due, want 9", seen)
	}
	if wake, err := s.NextWake(); err != nil || !wake.Equal(at(10)) {
		t.Errorf("next wake %v, %v", wake, err)
	}
}

func TestDelete(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	keep, drop := begun("m", "keep", 0), begun("m", "drop", 1)
	drop.WakeAt = at(5)
	put(t, s, keep, "a")
	put(t, s, drop, "b")
	commit(t, s, func(b *store.Batch) error { return b.DeleteExecution(drop) })
	if _, err := s.Execution(drop.ARN); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted, and yet %v", err)
	}
	equal(t, "listed", pages(t, s, store.Filter{MachineARN: machineARN("m")}), []string{"keep"})
	equal(t, "running", names(t, s.Running()), []string{"keep"})
	equal(t, "history of the other", segments(t, s.Segments(keep, 0)), []string{"1+1 a"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, fs)
	put(t, s, drop, "again") // its name may be given again
	equal(t, "history of the new one", segments(t, s.Segments(drop, 0)), []string{"1+1 again"})
}

func TestMachines(t *testing.T) {
	s := open(t, vfs.NewMem())
	want := store.Machine{
		ARN: machineARN("orders"), Name: "orders", Revision: 300, Type: sfn.Standard, Definition: `{"StartAt":"é"}`,
		RoleARN: "arn:role", Created: at(0), Updated: at(1), Deleting: true, Config: []byte(`{"tags":[1]}`),
	}
	commit(t, s, func(b *store.Batch) error {
		older := want
		older.Revision = 2
		return errors.Join(
			b.PutMachine(want), b.PutMachine(older),
			b.PutMachine(store.Machine{ARN: machineARN("orders") + "/items", Revision: 1}),
			b.PutMachine(store.Machine{ARN: machineARN("invoices"), Revision: 1}),
			b.PutMachine(store.Machine{ARN: machineARN("orders-2"), Revision: 7}),
		)
	})
	for _, revision := range []int64{0, 300} {
		if got, err := s.Machine(want.ARN, revision); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("revision %d: %+v, %v", revision, got, err)
		}
	}
	for _, tt := range []struct {
		arn      string
		revision int64
	}{{want.ARN, 1}, {want.ARN, 3}, {want.ARN, 301}, {"", 0}, {machineARN("order"), 0}} {
		if _, err := s.Machine(tt.arn, tt.revision); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s %d: %v", tt.arn, tt.revision, err)
		}
	}
	list := func(seq iter.Seq2[store.Machine, error]) (all []string) {
		for m, err := range seq {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprint(strings.TrimPrefix(m.ARN, machineARN("")), " ", m.Revision))
		}
		return all
	}
	equal(t, "machines", list(s.Machines()), []string{"invoices 1", "orders 300", "orders-2 7", "orders/items 1"})
	equal(t, "revisions", list(s.Revisions(want.ARN)), []string{"orders 2", "orders 300"})
	commit(t, s, func(b *store.Batch) error {
		b.DeleteMachine(want.ARN, 300)
		b.DeleteMachine(machineARN("orders-2"), 0)
		b.DeleteMachine("none", 0)
		return nil
	})
	equal(t, "machines left", list(s.Machines()), []string{"invoices 1", "orders 2", "orders/items 1"})
	for _, bad := range []store.Machine{{Revision: 1}, {ARN: "a"}, {ARN: "a\x00", Revision: 1}, {ARN: "a", Revision: 1, Config: []byte("{")}} {
		if err := s.NewBatch().PutMachine(bad); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}

func TestBatchMayBeDroppedAndReused(t *testing.T) {
	s := open(t, vfs.NewMem())
	e := begun("m", "one", 0)
	put(t, s, e, "a")
	before := *e
	b := s.NewBatch()
	fresh := begun("m", "fresh", 0)
	e.WakeAt = at(3)
	err := errors.Join(b.Put(e, 2, 1, []byte("b")), b.Put(e, 3, 1, []byte("c")), b.DeleteExecution(e), b.Put(fresh, 1, 1, []byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	b.Reset()
	e.WakeAt = time.Time{}
	if *e != before || *fresh != *begun("m", "fresh", 0) || !b.Empty() {
		t.Errorf("dropped batch left %+v and %+v", e, fresh)
	}
	if err := errors.Join(b.Put(e, 2, 1, []byte("B")), s.Commit(b)); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(b); err == nil {
		t.Error("a batch was committed twice")
	}
	b.Reset()
	if e.LastEventID != 2 {
		t.Errorf("reset after the commit took event %d back", e.LastEventID+1)
	}
	if err := errors.Join(b.Put(fresh, 1, 1, []byte("x")), s.Commit(b)); err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if err := s.Commit(b); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
	equal(t, "history", segments(t, s.Segments(e, 0)), []string{"1+1 a", "2+1 B"})
	equal(t, "running", names(t, s.Running()), []string{"one", "fresh"})
}

// A batch too large for Pebble's table in memory takes another way through it.
func TestLargeBatch(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	e := begun("m", "large", 0)
	large := strings.Repeat("0123456789abcdef", 1<<20)
	put(t, s, e, large)
	put(t, s, e, "small")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, fs)
	equal(t, "history", segments(t, s.Segments(e, 0)), []string{"1+1 " + large, "2+1 small"})
}

func TestEveryStatusIsKept(t *testing.T) {
	s := open(t, vfs.NewMem())
	if !slices.Equal(store.StatusCodes(), sfn.Statuses()) {
		t.Fatalf("the table has %v, want %v; a new status goes to its end", store.StatusCodes(), sfn.Statuses())
	}
	for _, status := range sfn.Statuses() {
		e := begun("m", string(status), 0)
		e.Status = status
		put(t, s, e)
		got, err := s.Execution(e.ARN)
		if err != nil || got.Status != status {
			t.Errorf("%s: %s, %v", status, got.Status, err)
		}
		equal(t, string(status), pages(t, s, store.Filter{MachineARN: e.MachineARN, Status: status}), []string{string(status)})
	}
}

func TestActivities(t *testing.T) {
	s := open(t, vfs.NewMem())
	want := store.Activity{ARN: "arn:activity:b", Name: "b", Created: at(1), Config: []byte(`{"tags":[]}`)}
	commit(t, s, func(b *store.Batch) error {
		return errors.Join(b.PutActivity(want), b.PutActivity(store.Activity{ARN: "arn:activity:a"}), b.PutActivity(store.Activity{ARN: "arn:activity:bb"}))
	})
	if got, err := s.Activity(want.ARN); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	commit(t, s, func(b *store.Batch) error {
		b.DeleteActivity("arn:activity:a")
		b.DeleteActivity("none")
		return nil
	})
	for _, arn := range []string{"", "arn:activity:a", "arn:activity:"} {
		if _, err := s.Activity(arn); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", arn, err)
		}
	}
	var all []string
	for a, err := range s.Activities() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a.ARN)
	}
	equal(t, "activities", all, []string{"arn:activity:b", "arn:activity:bb"})
	if err := s.NewBatch().PutActivity(store.Activity{}); err == nil {
		t.Error("an activity without an ARN was accepted")
	}
}

// Close waits for a loop that has begun, which goes on to its end; nothing new begins meanwhile.
func TestCloseWaits(t *testing.T) {
	const n = 2000
	s := open(t, vfs.NewMem())
	commit(t, s, func(b *store.Batch) (err error) {
		for i := range n {
			err = errors.Join(err, b.Put(begun("m", fmt.Sprint(i), 0), 1, 0, nil))
		}
		return err
	})
	closed := make(chan error)
	seen := 0
	for _, err := range s.Running() {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen > 1 {
			continue
		}
		go func() { closed <- s.Close() }()
		for {
			if _, err := s.CountRunning(); errors.Is(err, store.ErrClosed) {
				break
			}
		}
	}
	if err := <-closed; err != nil || seen != n {
		t.Errorf("%d of %d, then %v", seen, n, err)
	}
}

func TestClose(t *testing.T) {
	s := open(t, vfs.NewMem())
	e := begun("m", "one", 0)
	put(t, s, e, "a")
	b := s.NewBatch()
	if err := b.Put(e, 2, 1, []byte("b")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	first := func(seq iter.Seq2[store.Execution, error]) (err error) {
		for _, err = range seq {
			break
		}
		return err
	}
	_, errExecution := s.Execution(e.ARN)
	_, _, errExecutions := s.Executions(store.Filter{})
	_, errMachine := s.Machine("m", 0)
	_, errWake := s.NextWake()
	_, errCount := s.CountRunning()
	for name, err := range map[string]error{
		"Commit": s.Commit(b), "Execution": errExecution, "Executions": errExecutions, "Machine": errMachine,
		"NextWake": errWake, "CountRunning": errCount, "Running": first(s.Running()), "Due": first(s.Due(at(0))),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
