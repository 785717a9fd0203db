package logs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/sfn"
)

// noon is when the tests take place.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(offset time.Duration) int64 { return noon.Add(offset).UnixMilli() }

// open opens a service in memory.
func open(t testing.TB, fs vfs.FS, options ...logs.Option) *logs.Service {
	t.Helper()
	s, err := logs.Open("/logs", append([]logs.Option{logs.WithFS(fs), logs.WithClock(func() time.Time { return noon })}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// texts reads everything that the query finds, page by page, and returns the messages.
func texts(t testing.TB, s *logs.Service, q logs.Query) []string {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 1000
	}
	q.After, q.Before = logs.Front, logs.Back
	var all []string
	for {
		page, err := s.Read(t.Context(), q)
		must(t, err)
		var messages []string
		for _, e := range page.Events {
			messages = append(messages, e.Message)
		}
		if q.Newest {
			all = append(messages, all...)
			q.Before = page.Edge
		} else {
			all = append(all, messages...)
			q.After = page.Edge
		}
		if !page.More {
			return all
		}
	}
}

func put(t testing.TB, s *logs.Service, group, stream string, events ...logs.Event) {
	t.Helper()
	rejected, err := s.Put(group, stream, events)
	must(t, err)
	if !rejected.None() {
		t.Fatalf("rejected %+v", rejected)
	}
}

func TestGroupsAndStreamsOutliveTheProcess(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	must(t, s.CreateGroup(logs.Group{Name: "/a/b", Tags: map[string]string{"k": "v"}}))
	must(t, s.CreateGroup(logs.Group{Name: "gone"}))
	must(t, s.CreateStream("/a/b", "one"))
	must(t, s.CreateStream("/a/b", "two"))
	must(t, s.SetRetention("/a/b", 7))
	put(t, s, "/a/b", "one", logs.Event{Timestamp: at(0), Message: "hello"})
	must(t, s.DeleteStream("/a/b", "two"))
	must(t, s.DeleteGroup("gone"))
	must(t, s.Close())

	s = open(t, fs)
	groups := s.Groups(func(string) bool { return true })
	if len(groups) != 1 || groups[0].Name != "/a/b" || groups[0].Retention != 7 || groups[0].Tags["k"] != "v" || !groups[0].Created.Equal(noon) || groups[0].Bytes == 0 {
		t.Errorf("got %+v", groups)
	}
	streams, err := s.Streams("/a/b", "")
	must(t, err)
	if want := []logs.Stream{{Name: "one", Created: at(0), First: at(0), Last: at(0), Ingested: at(0)}}; !slices.Equal(streams, want) {
		t.Errorf("got %+v", streams)
	}
	if got := texts(t, s, logs.Query{Group: "/a/b"}); !slices.Equal(got, []string{"hello"}) {
		t.Errorf("got %q", got)
	}
	if s.HasGroup("gone") || !s.HasGroup("/a/b") {
		t.Error("the groups are not those that were there")
	}
}

func TestRefusals(t *testing.T) {
	s := open(t, vfs.NewMem())
	must(t, s.CreateGroup(logs.Group{Name: "g"}))
	must(t, s.CreateStream("g", "s"))
	event := func(offset time.Duration, text string) logs.Event {
		return logs.Event{Timestamp: at(offset), Message: text}
	}
	long := strings.Repeat("x", logs.MaxMessageBytes)
	put := func(events ...logs.Event) error {
		_, err := s.Put("g", "s", events)
		return err
	}
	_, noGroup := s.Put("h", "s", nil)
	_, noStream := s.Put("g", "t", nil)
	_, unread := s.Read(t.Context(), logs.Query{Group: "h", Limit: 1})
	for _, test := range []struct {
		err  error
		want string
	}{
		{s.CreateGroup(logs.Group{Name: "g"}), "ResourceAlreadyExistsException: The specified log group already exists"},
		{s.CreateGroup(logs.Group{Name: "a b"}), `InvalidParameterException: 1 validation error detected: Value 'a b' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`},
		{s.CreateGroup(logs.Group{}), "InvalidParameterException: 1 validation error detected: Value '' at 'logGroupName' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{s.CreateStream("g", "s"), "ResourceAlreadyExistsException: The specified log stream already exists"},
		{s.CreateStream("g", "a:b"), "InvalidParameterException: 1 validation error detected: Value 'a:b' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*"},
		{s.CreateStream("h", "s"), "ResourceNotFoundException: The specified log group does not exist."},
		{s.DeleteGroup("h"), "ResourceNotFoundException: The specified log group does not exist."},
		{s.DeleteStream("g", "t"), "ResourceNotFoundException: The specified log stream does not exist."},
		{s.Append("h", "s", nil), "ResourceNotFoundException: The specified log group does not exist."},
		{noGroup, "ResourceNotFoundException: The specified log group does not exist."},
		{noStream, "ResourceNotFoundException: The specified log stream does not exist."},
		{unread, "ResourceNotFoundException: The specified log group does not exist."},
		{put(event(1, "b"), event(-time.Second, "a")), "InvalidParameterException: Log events in a single PutLogEvents request must be in chronological order."},
		{put(event(-25*time.Hour, "a"), event(0, "b")), "InvalidParameterException: The batch of log events in a single PutLogEvents request cannot span more than 24 hours."},
		{put(event(0, long), event(0, "a")), "InvalidParameterException: Upload too large: 1048603 bytes exceeds limit of 1048576"},
		{put(event(0, long+"x")), "InvalidParameterException: Log event too large: 1048577 bytes exceeds limit of 1048576"},
		{put(event(0, long)), ""},
	} {
		if got := fmt.Sprint(test.err); got != test.want && (test.want != "" || test.err != nil) {
			t.Errorf("got %.200s\nwant %s", got, test.want)
		}
	}
}

// Events that are too old or too new are left out, and named by index.
func TestRejectedEvents(t *testing.T) {
	s := open(t, vfs.NewMem())
	must(t, s.CreateGroup(logs.Group{Name: "g"}))
	must(t, s.CreateStream("g", "s"))
	const day = 24 * time.Hour
	index := func(p *int) int {
		if p == nil {
			return -1
		}
		return *p
	}
	for _, test := range []struct {
		name                       string
		retention                  int
		offsets                    []time.Duration
		tooNew, tooOld, expiredEnd int
		taken                      string
	}{
		{"all fine", 0, []time.Duration{-13 * day, -13 * day}, -1, -1, -1, "0 1"},
		{"too old", 0, []time.Duration{-15 * day, -14*day - 1*time.Millisecond, -14 * day}, -1, 2, -1, "2"},
		{"too new", 0, []time.Duration{0, 2 * time.Hour, 2*time.Hour + 1*time.Millisecond, 3 * time.Hour}, 2, -1, -1, "0 1"},
		{"expired", 3, []time.Duration{-3*day - time.Hour, -3 * day}, -1, -1, 1, "1"},
		{"nothing left", 3, []time.Duration{-4 * day}, -1, -1, 1, ""},
	} {
		must(t, s.SetRetention("g", test.retention))
		must(t, s.CreateStream("g", test.name))
		var events []logs.Event
		for i, offset := range test.offsets {
			events = append(events, logs.Event{Timestamp: at(offset), Message: fmt.Sprint(i)})
		}
		rejected, err := s.Put("g", test.name, events)
		must(t, err)
		if index(rejected.TooNewStart) != test.tooNew || index(rejected.TooOldEnd) != test.tooOld || index(rejected.ExpiredEnd) != test.expiredEnd {
			t.Errorf("%s: rejected %d, %d, %d", test.name, index(rejected.TooNewStart), index(rejected.TooOldEnd), index(rejected.ExpiredEnd))
		}
		if got := strings.Join(texts(t, s, logs.Query{Group: "g", Streams: []string{test.name}}), " "); got != test.taken {
			t.Errorf("%s: took %q, want %q", test.name, got, test.taken)
		}
	}
}

// Pages join to the whole, in order of time, whatever their length and direction.
func TestPages(t *testing.T) {
	s := open(t, vfs.NewMem())
	must(t, s.CreateGroup(logs.Group{Name: "g"}))
	var want []string
	for i := range 100 {
		name := fmt.Sprintf("s%d", i%3)
		n := (i*37)%100 + 1 // out of order
		must(t, s.Append("g", name, []logs.Event{{Timestamp: at(time.Duration(n) * time.Second), Message: fmt.Sprintf("%03d", n)}}))
		want = append(want, fmt.Sprintf("%03d", n))
	}
	slices.Sort(want)
	for _, limit := range []int{1, 7, 99, 100, 1000} {
		for _, newest := range []bool{false, true} {
			if got := texts(t, s, logs.Query{Group: "g", Limit: limit, Newest: newest}); !slices.Equal(got, want) {
				t.Errorf("limit %d, newest %v: got %q", limit, newest, got)
			}
		}
	}
	bounded := logs.Query{Group: "g", From: at(10 * time.Second), Until: at(20 * time.Second)}
	if got := texts(t, s, bounded); !slices.Equal(got, want[9:19]) {
		t.Errorf("got %q", got)
	}
	bounded.Match = func(m string) bool { return strings.HasSuffix(m, "5") }
	if got := texts(t, s, bounded); !slices.Equal(got, []string{"015"}) {
		t.Errorf("got %q", got)
	}
	if got := texts(t, s, logs.Query{Group: "g", Streams: []string{"s1"}}); len(got) != 33 {
		t.Errorf("a stream has %d events", len(got))
	}
	if got := texts(t, s, logs.Query{Group: "g", Prefix: "s"}); len(got) != 100 {
		t.Errorf("the prefix finds %d events", len(got))
	}
	if got := texts(t, s, logs.Query{Group: "g", Prefix: "t"}); len(got) != 0 {
		t.Errorf("another prefix finds %d events", len(got))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Read(ctx, logs.Query{Group: "g", Limit: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A page holds no more than a megabyte of messages, but at least one event.
func TestPageIsBounded(t *testing.T) {
	s := open(t, vfs.NewMem())
	must(t, s.CreateGroup(logs.Group{Name: "g"}))
	for i := range 20 {
		must(t, s.Append("g", "s", []logs.Event{{Timestamp: at(time.Duration(i)), Message: strings.Repeat("x", 300<<10)}}))
	}
	page, err := s.Read(t.Context(), logs.Query{Group: "g", Limit: 1000})
	must(t, err)
	if len(page.Events) != 3 || !page.More {
		t.Errorf("a page has %d events, more %v", len(page.Events), page.More)
	}
	if got := texts(t, s, logs.Query{Group: "g", Newest: true}); len(got) != 20 {
		t.Errorf("the pages have %d events", len(got))
	}
}

// Many segments: they are sealed, dropped by retention and by size, and read alike.
func TestSegments(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs, logs.WithMaxBytes(20<<20))
	must(t, s.CreateGroup(logs.Group{Name: "g"}))
	line := strings.Repeat("x", 100<<10)
	for i := range 100 { // ten megabytes
		must(t, s.Append("g", "s", []logs.Event{{Timestamp: at(time.Duration(i-200) * time.Hour), Message: line}}))
	}
	must(t, s.Close())
	s = open(t, fs, logs.WithMaxBytes(20<<20))
	if got := texts(t, s, logs.Query{Group: "g"}); len(got) != 100 {
		t.Fatalf("%d events after opening again", len(got))
	}
	if got := texts(t, s, logs.Query{Group: "g", Newest: true, Limit: 10}); len(got) != 100 {
		t.Fatalf("%d events backward", len(got))
	}
	must(t, s.SetRetention("g", 5)) // 120 hours: the last 20 of the first hundred remain
	if got := texts(t, s, logs.Query{Group: "g"}); len(got) != 20 {
		t.Errorf("%d events within the retention", len(got))
	}
	must(t, s.Close())
	s = open(t, fs, logs.WithMaxBytes(1<<20))
	if g, err := s.Group("g"); err != nil || g.Bytes > 4<<20 {
		t.Errorf("%d bytes after the bound was lowered, %v", g.Bytes, err)
	}
}

// What Put has acknowledged survives a power cut, with its group and stream; so does what was synced of Append. Nothing is read that was
// not written.
func TestPowerCut(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, fs)
	must(t, s.CreateGroup(logs.Group{Name: "g"}))
	for i := range 20 {
		if i%5 == 0 {
			must(t, s.CreateStream("g", fmt.Sprint("s", i/5)))
		}
		must(t, s.Append("g", "other", []logs.Event{{Timestamp: at(0), Message: "appended"}}))
		put(t, s, "g", fmt.Sprint("s", i/5), logs.Event{Timestamp: at(time.Duration(i) * time.Second), Message: fmt.Sprint(i)})
		cut := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rng(i)})
		after, err := logs.Open("/logs", logs.WithFS(cut), logs.WithClock(func() time.Time { return noon }))
		must(t, err)
		got := texts(t, after, logs.Query{Group: "g", Prefix: "s"})
		if len(got) != i+1 || got[i] != fmt.Sprint(i) {
			t.Fatalf("after %d events the disk has %q", i+1, got)
		}
		must(t, after.Append("g", "other", []logs.Event{{Timestamp: at(0), Message: "again"}}))
		if again := texts(t, after, logs.Query{Group: "g", Streams: []string{"other"}}); again[len(again)-1] != "again" {
			t.Fatalf("got %q", again)
		}
		must(t, after.Close())
	}
}

// The last line of the catalog may be cut; damage before it is an error that says where.
func TestCatalogDamage(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	must(t, s.CreateGroup(logs.Group{Name: "one"}))
	must(t, s.CreateGroup(logs.Group{Name: "two"}))
	must(t, s.Close())
	text := string(contents(t, fs, "/logs/catalog"))
	overwrite(t, fs, "/logs/catalog", text[:len(text)-5])
	s = open(t, fs)
	if !s.HasGroup("one") || s.HasGroup("two") {
		t.Error("a cut line was not left out alone")
	}
	must(t, s.Close())
	overwrite(t, fs, "/logs/catalog", strings.Replace(text, "one", "won", 1))
	if _, err := logs.Open("/logs", logs.WithFS(fs)); err == nil || !strings.Contains(err.Error(), "line 1 of /logs/catalog: the checksum is wrong") {
		t.Errorf("got %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	s := open(t, vfs.NewMem())
	must(t, s.CreateGroup(logs.Group{Name: "g"}))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				if err := s.Append("g", fmt.Sprint(i), []logs.Event{{Timestamp: at(0), Message: "m"}}); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			if _, err := s.Read(t.Context(), logs.Query{Group: "g", Limit: 10}); err != nil {
				t.Error(err)
			}
			if _, err := s.Streams("g", ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := texts(t, s, logs.Query{Group: "g"}); len(got) != 1600 {
		t.Errorf("%d events", len(got))
	}
	must(t, s.Close())
	var refused *sfn.Exception
	if err := s.Append("g", "s", nil); err == nil || errors.As(err, &refused) {
		t.Errorf("after the end: %v", err)
	}
}
