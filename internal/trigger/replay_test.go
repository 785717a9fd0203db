package trigger_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
)

// at is an order with a number at so many seconds after the beginning.
func at(seconds, n int) trigger.EventEntry {
	one := order(fmt.Sprintf(`{"n":%d}`, n))
	one.Time = began.Add(time.Duration(seconds) * time.Second)
	return one
}

// slow is a target that takes its time.
type slow struct {
	*target
	pause time.Duration
}

func (s slow) Deliver(ctx context.Context, m trigger.Message) error {
	time.Sleep(s.pause)
	return s.target.Deliver(ctx, m)
}

// A replay sends what lies in its range to the rules that it names, by the events' times, with its name in them where AWS has it.
func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue, c := &target{}, clock.Real()
		s, err := store.Open("data", store.WithFS(vfs.NewMem()))
		check(t, err)
		e, err := trigger.NewEvents(trigger.EventsConfig{Store: s, Clock: c, Targets: map[string]trigger.Deliverer{"sqs": queue}})
		check(t, err)
		defer func() {
			e.Close()
			check(t, s.Close())
		}()
		archive(t, e, "a", "", 0)
		put(t, e, at(125, 4), at(59, 1), at(180, 5), at(60, 2), at(120, 3), at(61, 2))
		rule(t, e, trigger.Target{ID: "1", ARN: queueARN})
		check(t, e.PutRule(trigger.Rule{Bus: "default", Name: "other", Pattern: `{"source":["shop"]}`}))
		check(t, e.PutTargets("default", "other", []trigger.Target{{ID: "1", ARN: queueARN, InputPath: "$.detail"}}))
		check(t, e.Start())
		one := trigger.Replay{Name: "r", Archive: "a", Bus: "default", Rules: []string{e.RuleARN("default", "other")}, Start: began.Add(60*time.Second + 500*time.Millisecond), End: began.Add(3 * time.Minute)}
		started, err := e.StartReplay(one)
		if err != nil || started.State != trigger.ReplayStarting || !started.Last.IsZero() {
			t.Fatalf("got %+v, %v", started, err)
		}
		r := ended(t, e, "r")
		synctest.Wait()
		if r.State != trigger.ReplayCompleted || !r.Last.Equal(began.Add(125*time.Second)) {
			t.Errorf("got %+v", r)
		}
		got := queue.got()
		slices.Sort(got)
		if want := []string{`{"n":2}`, `{"n":2}`, `{"n":3}`, `{"n":4}`}; !slices.Equal(got, want) {
			t.Errorf("replayed %q", got)
		}
		one.Name, one.Rules, one.Start, one.End = "s", nil, began.Add(59*time.Second), began.Add(60*time.Second)
		_, err = e.StartReplay(one)
		check(t, err)
		ended(t, e, "s")
		synctest.Wait()
		whole := ""
		for _, got := range queue.got() {
			if strings.Contains(got, "version") {
				whole = got
			}
		}
		if !strings.Contains(whole, `"time":"2000-01-01T00:00:59Z","region":"us-east-1","replay-name":"s","resources":["r"],"detail":{"n":1}}`) || len(queue.got()) != 6 {
			t.Errorf("got %q of %d", whole, len(queue.got()))
		}
		one.Name, one.Start, one.End = "none", began.AddDate(1, 0, 0), began.AddDate(2, 0, 0)
		_, err = e.StartReplay(one)
		check(t, err)
		if r := ended(t, e, "none"); r.State != trigger.ReplayCompleted || !r.Last.IsZero() {
			t.Errorf("an empty replay: %+v", r)
		}
		c.SkipTo(began.AddDate(0, 0, 91))
		synctest.Wait()
		if left := e.Replays(""); len(left) != 0 {
			t.Errorf("after 91 days there are %+v", left)
		}
	})
}

// A replay that is cut by power cuts goes on where it was: no event is lost, and none is replayed twice for what had been delivered before.
func TestReplayOutlivesKills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events = 10_000
		disk := vfs.NewCrashableMem()
		e, closeAll := openEvents(t, disk, nil)
		archive(t, e, "a", "", 0)
		var entries []trigger.EventEntry
		for n := range events {
			entries = append(entries, at(n/10, n))
		}
		put(t, e, entries...)
		_, err := e.StartReplay(trigger.Replay{Name: "r", Archive: "a", Bus: "default", Start: began, End: began.Add(time.Hour)})
		check(t, err)
		after := disk.CrashClone(vfs.CrashCloneCfg{})
		closeAll()
		seen := map[string]int{}
		const lives = 4
		for life := range lives {
			disk = after
			// The target is slow, so that deliveries wait when the power goes, and the replay waits for them.
			queue := &target{}
			e, closeAll := openEvents(t, disk, map[string]trigger.Deliverer{"sqs": slow{queue, 100 * time.Millisecond}})
			if life == 0 {
				rule(t, e, trigger.Target{ID: "1", ARN: queueARN, InputPath: "$.detail.n"})
			}
			check(t, e.Start())
			time.Sleep(1050 * time.Millisecond)
			after = disk.CrashClone(vfs.CrashCloneCfg{})
			if r, err := e.Replay("r"); err != nil || r.State != trigger.ReplayRunning {
				t.Errorf("in life %d the replay is %s, %v: nothing is cut", life, r.State, err)
			}
			if life == lives-1 {
				ended(t, e, "r")
				time.Sleep(time.Minute)
			}
			closeAll()
			for _, n := range queue.got() {
				seen[n]++
			}
		}
		twice := 0
		for n := range events {
			switch seen[fmt.Sprint(n)] {
			case 0:
				t.Fatalf("event %d is lost", n)
			case 1:
			default:
				twice++
			}
		}
		if limit := 64 * 2 * lives; twice > limit { // those that were being delivered
			t.Errorf("%d events came twice, more than %d", twice, limit)
		}
	})
}

// Replays can be cancelled while they run; those whose archive goes fail; ten may be under way.
func TestReplayStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, closeAll := openEvents(t, vfs.NewMem(), map[string]trigger.Deliverer{"sqs": slow{&target{}, time.Minute}})
		defer closeAll()
		for _, name := range []string{"a", "b"} {
			archive(t, e, name, "", 0)
		}
		var entries []trigger.EventEntry
		for n := range 10_000 {
			entries = append(entries, at(n/4, n))
		}
		put(t, e, entries...)
		rule(t, e, trigger.Target{ID: "1", ARN: queueARN})
		check(t, e.Start())
		start := func(name, archive string) error {
			_, err := e.StartReplay(trigger.Replay{Name: name, Archive: archive, Bus: "default", Start: began, End: began.Add(time.Hour)})
			return err
		}
		check(t, start("cancelled", "a"))
		for n := range 9 {
			check(t, start(fmt.Sprint("failed", n), "b"))
		}
		if err := start("eleventh", "b"); fmt.Sprint(err) != "LimitExceededException: The requested resource exceeds the maximum number allowed." {
			t.Errorf("the eleventh: %v", err)
		}
		time.Sleep(time.Second)
		if r, _ := e.Replay("cancelled"); r.State != trigger.ReplayRunning {
			t.Errorf("the replay is %s", r.State)
		}
		if quiet, _ := e.Quiet(); quiet {
			t.Error("time may be skipped while a replay runs")
		}
		cancelled, err := e.CancelReplay("cancelled")
		if err != nil || cancelled.State != trigger.ReplayCancelling {
			t.Errorf("got %+v, %v", cancelled, err)
		}
		check(t, e.DeleteArchive("b"))
		time.Sleep(time.Second)
		if r := ended(t, e, "cancelled"); r.State != trigger.ReplayCancelled {
			t.Errorf("got %+v", r)
		}
		for n := range 9 {
			if r := ended(t, e, fmt.Sprint("failed", n)); r.State != trigger.ReplayFailed || r.Reason != "Archive b does not exist." {
				t.Errorf("got %+v", r)
			}
		}
		if _, err := e.CancelReplay("cancelled"); fmt.Sprint(err) != "IllegalStatusException: Replay cancelled is not in a valid state for this operation." {
			t.Errorf("cancelled twice: %v", err)
		}
	})
}
