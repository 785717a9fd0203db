package sqs_test

import (
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

// TestPowerCut cuts the power at random places of a random workload. Behind it each message is there that was sent, and none that was deleted, with as many
// receives as were answered; a message that is hidden stays so, and what was sent is known as a duplicate.
func TestPowerCut(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		fs, c := vfs.NewCrashableMem(), clock.Real()
		open := func() *sqs.Store { return sqs.New("/sqs", sqs.WithFS(fs), sqs.WithClock(c)) }
		s := open()
		defer func() { _ = s.Close() }()
		must := func(err error) {
			if err != nil {
				r.Fatal(err)
			}
		}
		queue, attributes := "q", map[string]string{"VisibilityTimeout": "600"}
		if rapid.Bool().Draw(r, "fifo") {
			queue, attributes["FifoQueue"] = "q.fifo", "true"
		}
		must(s.CreateQueue(queue, attributes, nil))
		model, sent := map[string]held{}, 0
		entry := func(n int) sqs.Entry {
			e := sqs.Entry{Body: fmt.Sprint(n)}
			if queue == "q.fifo" {
				e.Group, e.Dedup = fmt.Sprint(n), fmt.Sprint(n) // a group each, so that none holds up another
			}
			return e
		}
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			switch rapid.SampledFrom([]string{"send", "send", "receive", "delete", "show", "cut", "purge"}).Draw(r, "step") {
			case "send":
				sent++
				_, err := s.SendMessage(queue, entry(sent))
				must(err)
				model[fmt.Sprint(sent)] = held{}
			case "receive":
				messages, err := s.ReceiveMessage(t.Context(), queue, sqs.Receive{Max: new(3)})
				must(err)
				for _, m := range messages {
					h := model[m.Body]
					if h.receipt != "" {
						r.Fatalf("%s came while it was hidden", m.Body)
					}
					if want := fmt.Sprint(h.receives + 1); m.System["ApproximateReceiveCount"] != want {
						r.Fatalf("%s: receive %s, want %s", m.Body, m.System["ApproximateReceiveCount"], want)
					}
					model[m.Body] = held{h.receives + 1, m.Receipt}
				}
			case "delete":
				for body, h := range model {
					if h.receipt != "" {
						errs, err := s.DeleteMessages(queue, []string{h.receipt})
						must(err)
						must(errs[0])
						delete(model, body)
						break
					}
				}
			case "show":
				for body, h := range model {
					if h.receipt != "" {
						errs, err := s.ChangeVisibility(queue, []string{h.receipt}, []int{0})
						must(err)
						must(errs[0])
						model[body] = held{h.receives, ""}
						break
					}
				}
			case "purge":
				if rapid.IntRange(0, 4).Draw(r, "really") == 0 {
					must(s.PurgeQueue(queue))
					clear(model)
				}
			case "cut":
				after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rapid.SampledFrom([]int{0, 50, 100}).Draw(r, "unsynced"), RNG: random(r)})
				must(s.Close())
				fs = after
				s = open()
			}
		}
		if queue == "q.fifo" && sent > 0 {
			_, err := s.SendMessage(queue, entry(sent))
			must(err)
		}
		c.SkipTo(c.Now().Add(time.Hour))
		got := map[string]bool{}
		for {
			messages, err := s.ReceiveMessage(t.Context(), queue, sqs.Receive{Max: new(10)})
			must(err)
			if len(messages) == 0 {
				break
			}
			for _, m := range messages {
				if got[m.Body] {
					r.Fatalf("%s is there twice", m.Body)
				}
				got[m.Body] = true
			}
		}
		if want := slices.Sorted(maps.Keys(model)); !slices.Equal(slices.Sorted(maps.Keys(got)), want) {
			r.Fatalf("got %v, want %v", slices.Sorted(maps.Keys(got)), want)
		}
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
