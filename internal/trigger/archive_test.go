package trigger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
)

// archive creates an archive of the default bus.
func archive(t *testing.T, e *trigger.Events, name, pattern string, days int) {
	t.Helper()
	_, err := e.CreateArchive(trigger.Archive{Name: name, Bus: "default", Pattern: pattern, RetentionDays: days})
	check(t, err)
}

// counts are how many events are in the archives, by name.
func counts(e *trigger.Events) string {
	text := ""
	for _, a := range e.Archives("") {
		text += fmt.Sprintf("%s=%d ", a.Name, a.Events())
	}
	return text
}

func put(t *testing.T, e *trigger.Events, entries ...trigger.EventEntry) {
	t.Helper()
	results, err := e.PutEvents(entries)
	check(t, err)
	for _, r := range results {
		if r.ErrorCode != "" {
			t.Fatalf("refused: %+v", r)
		}
	}
}

// ended waits until a replay is over.
func ended(t *testing.T, e *trigger.Events, name string) trigger.Replay {
	t.Helper()
	for range 10_000 {
		r, err := e.Replay(name)
		check(t, err)
		if !r.Ended.IsZero() {
			return r
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("replay %s does not end", name)
	return trigger.Replay{}
}

// began is when clocks begin in a bubble.
var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// The size of an archive is what was recorded on AWS for the same ten events.
func TestArchiveSize(t *testing.T) {
	e, closeAll := openEvents(t, vfs.NewMem(), nil)
	defer closeAll()
	archive(t, e, "a", "", 0)
	const source = "core.update-account-command"
	for range 10 {
		put(t, e, trigger.EventEntry{Source: source, DetailType: source, Detail: `{"command": "update-account", "payload": {"acc_id": "0a787ecb-4015", "sf_id": "baz"}}`})
	}
	if a, err := e.Archive("a"); err != nil || a.Events() != 10 || a.Bytes() != 1590 {
		t.Errorf("%d events of %d bytes, %v", a.Events(), a.Bytes(), err)
	}
}

// An archive has what its bus got and its pattern matches, also what other buses and AWS's services sent there, with what was acknowledged before a power cut,
// and nothing that was replayed or is of rules by time.
func TestArchiveKeeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewCrashableMem()
		e, closeAll := openEvents(t, disk, map[string]trigger.Deliverer{"sqs": &target{}})
		check(t, e.CreateBus(trigger.Bus{Name: "shop"}))
		check(t, e.PutRule(trigger.Rule{Bus: "shop", Name: "on", Pattern: `{"source":["shop"]}`}))
		check(t, e.PutTargets("shop", "on", []trigger.Target{{ID: "1", ARN: e.BusARN("default")}}))
		check(t, e.PutRule(trigger.Rule{Bus: "default", Name: "tick", Schedule: "rate(1 minute)"}))
		check(t, e.PutTargets("default", "tick", []trigger.Target{{ID: "1", ARN: queueARN}}))
		if e.Listens() {
			t.Error("nobody listens, and yet somebody does")
		}
		archive(t, e, "all", "", 0)
		archive(t, e, "few", `{"detail":{"n":[{"numeric":[">",1]}]}}`, 0)
		archive(t, e, "gone", "", 0)
		if !e.Listens() {
			t.Error("an archive does not listen to events of Step Functions")
		}
		put(t, e, order(`{"n":1}`), order(`{"n":2}`))
		here := order(`{"n":3}`)
		here.Bus = "shop"
		put(t, e, here)
		check(t, e.PutOwn(trigger.EventEntry{Source: "aws.s3", DetailType: "Object Created", Detail: `{"n":0}`}))
		check(t, e.Start())
		time.Sleep(2 * time.Minute)
		check(t, e.DeleteArchive("gone"))
		_, err := e.UpdateArchive("few", trigger.ArchiveChange{Pattern: new(string)})
		check(t, err)
		put(t, e, order(`{"n":0}`))
		if got := counts(e); got != "all=5 few=3 " {
			t.Errorf("got %s", got)
		}
		after := disk.CrashClone(vfs.CrashCloneCfg{})
		closeAll()
		queue := &target{}
		e, closeAll = openEvents(t, after, map[string]trigger.Deliverer{"sqs": queue})
		defer closeAll()
		if got := counts(e); got != "all=5 few=3 " {
			t.Errorf("after a power cut: %s", got)
		}
		rule(t, e, trigger.Target{ID: "1", ARN: queueARN, InputPath: "$.detail"})
		check(t, e.EnableRule("default", "tick", false))
		check(t, e.Start())
		synctest.Wait()
		_, err = e.StartReplay(trigger.Replay{Name: "r", Archive: "all", Bus: "default", Start: began.Add(-time.Hour), End: began.Add(time.Hour)})
		check(t, err)
		ended(t, e, "r")
		synctest.Wait()
		got := queue.got()
		slices.Sort(got)
		if want := []string{`{"n":0}`, `{"n":1}`, `{"n":2}`, `{"n":3}`}; !slices.Equal(slices.Compact(slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, "Scheduled") })), want) {
			t.Errorf("replayed %q", got)
		}
		if got := counts(e); got != "all=5 few=3 " {
			t.Errorf("after a replay: %s", got)
		}
	})
}

// Events go when they have been kept for long enough, whatever their own time; a deleted archive leaves nothing on disk.
func TestArchiveForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		e, closeAll := openEvents(t, fs, nil)
		check(t, e.Start())
		archive(t, e, "day", "", 1)
		archive(t, e, "ever", "", 0)
		old := order(`{}`)
		old.Time = began.AddDate(-1, 0, 0)
		for range 600 {
			put(t, e, old)
		}
		time.Sleep(13 * time.Hour)
		put(t, e, order(`{}`))
		if got := counts(e); got != "day=601 ever=601 " {
			t.Errorf("on the first day: %s", got)
		}
		time.Sleep(13 * time.Hour)
		synctest.Wait()
		if got := counts(e); got != "day=1 ever=601 " {
			t.Errorf("on the second day: %s", got)
		}
		if a, _ := e.Archive("day"); a.Bytes() >= 100 {
			t.Errorf("one event of %d bytes", a.Bytes())
		}
		check(t, e.DeleteArchive("ever"))
		closeAll()
		e, closeAll = openEvents(t, fs, nil)
		check(t, e.DeleteArchive("day"))
		closeAll()
		s, err := store.Open("data", store.WithFS(fs))
		check(t, err)
		for _, collection := range []string{"event-archives", "event-archived", "event-arrivals"} {
			for d, err := range s.Documents(collection, "", "") {
				t.Fatalf("left in %s: %q %v", collection, d.Key, err)
			}
		}
		check(t, s.Close())
	})
}

func TestDeployArchive(t *testing.T) {
	e, closeAll := openEvents(t, vfs.NewMem(), nil)
	defer closeAll()
	check(t, e.CreateBus(trigger.Bus{Name: "shop"}))
	archive(t, e, "mine", "", 0)
	a := trigger.Archive{Name: "a", Bus: "default", Description: "one"}
	shown := func() string {
		a, err := e.Archive("a")
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(a.Bus, " ", a.Description, " ", a.Events())
	}
	deploy := func(want string) {
		t.Helper()
		check(t, e.DeployArchive(a, false))
		if got := shown(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	deploy("default one 0")
	put(t, e, order(`{}`))
	other := "other"
	_, err := e.UpdateArchive("a", trigger.ArchiveChange{Description: &other})
	check(t, err)
	deploy("default other 1")
	a.Description = "two"
	deploy("default two 1")
	a.Bus = "shop"
	if err := e.DeployArchive(a, true); err == nil || !strings.Contains(err.Error(), "Rename a and update the stack again.") {
		t.Errorf("got %v", err)
	}
	deploy("shop two 0")
	check(t, e.WithdrawArchives(func(string) bool { return false }))
	if got := counts(e); got != "mine=1 " {
		t.Errorf("left are %s", got)
	}
}
