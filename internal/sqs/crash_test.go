package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/sqs"
)

// held is what the queue should hold of a message.
type held struct {
	receives int
	receipt  string
}

// risky is a queue whose power is cut, with what it should hold.
type risky struct {
	ctx   context.Context
	r     *rapid.T
	fs    *vfs.MemFS
	clock *clock.Clock
	s     *sqs.Store
	queue string
	model map[string]held // by body
	sent  int
	// forgotten is the last message that was sent before the queue was purged.
	forgotten int
}

func (k *risky) must(err error) {
	if err != nil {
		k.r.Fatal(err)
	}
}

func (k *risky) open() { k.s = sqs.New("/sqs", sqs.WithFS(k.fs), sqs.WithClock(k.clock)) }

// entry is the message of the number. In a FIFO queue each has a group of its own, so that none holds up another.
func (k *risky) entry(n int) sqs.Entry {
	e := sqs.Entry{Body: fmt.Sprint(n)}
	if sqs.FIFO(k.queue) {
		e.Group, e.Dedup = e.Body, e.Body
	}
	return e
}

func (k *risky) send() {
	k.sent++
	_, err := k.s.SendMessage(k.queue, k.entry(k.sent))
	k.must(err)
	k.model[fmt.Sprint(k.sent)] = held{}
}

func (k *risky) receive() {
	messages, err := k.s.ReceiveMessage(k.ctx, k.queue, sqs.Receive{Max: new(3)})
	k.must(err)
	for _, m := range messages {
		h := k.model[m.Body]
		if h.receipt != "" {
			k.r.Fatalf("%s came while it was hidden", m.Body)
		}
		if want := fmt.Sprint(h.receives + 1); m.System["ApproximateReceiveCount"] != want {
			k.r.Fatalf("%s: receive %s, want %s", m.Body, m.System["ApproximateReceiveCount"], want)
		}
		k.model[m.Body] = held{h.receives + 1, m.Receipt}
	}
}

// hidden is a message that was received and is hidden, "" for none.
func (k *risky) hidden() string {
	for _, body := range slices.Sorted(maps.Keys(k.model)) {
		if k.model[body].receipt != "" {
			return body
		}
	}
	return ""
}

func (k *risky) delete() {
	if body := k.hidden(); body != "" {
		errs, err := k.s.DeleteMessages(k.queue, []string{k.model[body].receipt})
		k.must(errors.Join(append(errs, err)...))
		delete(k.model, body)
	}
}

func (k *risky) show() {
	if body := k.hidden(); body != "" {
		errs, err := k.s.ChangeVisibility(k.queue, []string{k.model[body].receipt}, []int{0})
		k.must(errors.Join(append(errs, err)...))
		k.model[body] = held{k.model[body].receives, ""}
	}
}

func (k *risky) purge() {
	if rapid.IntRange(0, 4).Draw(k.r, "really") == 0 {
		k.must(k.s.PurgeQueue(k.queue))
		clear(k.model)
		k.forgotten = k.sent
	}
}

// cut cuts the power and opens what is left.
func (k *risky) cut() {
	unsynced := rapid.SampledFrom([]int{0, 50, 100}).Draw(k.r, "unsynced")
	after := k.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: random(k.r)})
	k.must(k.s.Close())
	k.fs = after
	k.open()
}

// check receives all that there is.
func (k *risky) check() {
	if sqs.FIFO(k.queue) && k.sent > k.forgotten { // a duplicate is known as one
		_, err := k.s.SendMessage(k.queue, k.entry(k.sent))
		k.must(err)
	}
	k.clock.SkipTo(k.clock.Now().Add(time.Hour))
	got := map[string]bool{}
	for {
		messages, err := k.s.ReceiveMessage(k.ctx, k.queue, sqs.Receive{Max: new(10)})
		k.must(err)
		if len(messages) == 0 {
			break
		}
		for _, m := range messages {
			if got[m.Body] {
				k.r.Fatalf("%s is there twice", m.Body)
			}
			got[m.Body] = true
		}
	}
	if want := slices.Sorted(maps.Keys(k.model)); !slices.Equal(slices.Sorted(maps.Keys(got)), want) {
		k.r.Fatalf("got %v, want %v", slices.Sorted(maps.Keys(got)), want)
	}
}

// TestPowerCut cuts the power at random places of a random workload. Behind it each message is there that was sent, and none that was deleted, with as many
// receives as were answered; a message that is hidden stays so, and what was sent is known as a duplicate.
func TestPowerCut(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		k := &risky{ctx: t.Context(), r: r, fs: vfs.NewCrashableMem(), clock: clock.Fast(slow), queue: "q", model: map[string]held{}}
		k.open()
		defer func() { _ = k.s.Close() }()
		attributes := map[string]string{"VisibilityTimeout": "600"}
		if rapid.Bool().Draw(r, "fifo") {
			k.queue, attributes["FifoQueue"] = "q.fifo", "true"
		}
		k.must(k.s.CreateQueue(k.queue, attributes, nil))
		steps := map[string]func(){"send": k.send, "receive": k.receive, "delete": k.delete, "show": k.show, "cut": k.cut, "purge": k.purge}
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			steps[rapid.SampledFrom([]string{"send", "send", "receive", "delete", "show", "cut", "purge"}).Draw(r, "step")]()
		}
		k.check()
	})
}

// TestLives checks that settings, tags and sequence numbers are those of the last life.
func TestLives(t *testing.T) {
	fs := vfs.NewMem()
	w := newWorld(t, fs)
	w.create("q.fifo", "ContentBasedDeduplication", "true", "VisibilityTimeout", "77")
	if err := w.s.TagQueue("q.fifo", map[string]string{"a": "b"}); err != nil {
		t.Fatal(err)
	}
	first := w.send("q.fifo", sqs.Entry{Body: "a", Group: "g"})
	messages := w.receive("q.fifo", sqs.Receive{})
	if _, err := w.s.DeleteMessages("q.fifo", []string{messages[0].Receipt}); err != nil {
		t.Fatal(err)
	}
	if err := w.s.Close(); err != nil {
		t.Fatal(err)
	}
	w = newWorld(t, fs)
	again := w.send("q.fifo", sqs.Entry{Body: "a", Group: "g"})
	other := w.send("q.fifo", sqs.Entry{Body: "b", Group: "g"})
	if again.ID != first.ID || other.Sequence <= first.Sequence || w.counts("q.fifo") != "1 0 0" {
		t.Errorf("%+v, %+v, %+v, counts %s", first, again, other, w.counts("q.fifo"))
	}
	a, err := w.s.GetQueueAttributes("q.fifo", []string{"VisibilityTimeout"})
	tags, err2 := w.s.Tags("q.fifo")
	if err != nil || err2 != nil || a["VisibilityTimeout"] != "77" || tags["a"] != "b" {
		t.Errorf("%v, %v", a, tags)
	}
}
