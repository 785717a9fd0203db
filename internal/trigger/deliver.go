package trigger

import (
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

const (
	maxEventAge = 24 * time.Hour // unless the target's retry policy says less
	maxAttempts = 185            // tries after the first one, likewise
	// deliverers is how many deliveries are under way at once.
	deliverers = 16
	// firstPause is how long the first retry waits; each further one waits twice as long, up to lastPause.
	firstPause = time.Second
	lastPause  = 5 * time.Minute
)

// delivery is an input on its way to a target, as it is stored until the target has taken it or it is given up.
type delivery struct {
	Key         string `json:"key"` // of the document; ascending with time
	EventID     string `json:"eventId"`
	Rule        string `json:"rule"`
	Target      string `json:"target"` // ARN
	Input       string `json:"input"`
	First       int64  `json:"first"` // epoch milliseconds, like the two that follow
	Next        int64  `json:"next"`
	Until       int64  `json:"until"`
	Attempts    int    `json:"attempts"`        // retries that are left
	Tried       int    `json:"tried,omitempty"` // attempts so far
	DeadLetters string `json:"deadLetters,omitempty"`
}

// name tells deliveries apart, and is the same however often one is tried: the event's id, and the delivery's own.
func (d *delivery) name() string { return d.EventID + "_" + d.Key }

// due is a delivery that waits, by its document.
type due struct {
	key  string
	next int64
}

// deliveries is what is owed, and the goroutines that bring it.
type deliveries struct {
	events *Events
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	waiting dueHeap
	changed chan struct{} // holds a token when something was added
}

func (q *deliveries) init(e *Events) {
	q.events, q.changed = e, make(chan struct{}, 1)
	q.ctx, q.cancel = context.WithCancel(context.Background())
}

// Start begins to deliver, first of all what an earlier life of the process has left.
func (e *Events) Start() error {
	q := &e.deliveries
	for d, err := range e.cfg.Store.Documents(collectionDeliveries, "", "") {
		var one delivery
		if err = errors.Join(err, json.Unmarshal(d.Value, &one)); err != nil {
			return fmt.Errorf("read the deliveries of events: %w", err)
		}
		q.push(due{one.Key, one.Next})
	}
	work := make(chan string)
	q.wg.Go(func() { q.dispatch(work) })
	for range deliverers {
		q.wg.Go(func() {
			for key := range work {
				q.deliver(key)
			}
		})
	}
	return nil
}

// Close ends delivering; those under way may end. What is left goes on in the next process. It may be called any number of times.
func (e *Events) Close() {
	e.deliveries.cancel()
	e.deliveries.wg.Wait()
}

// add takes deliveries that are on disk.
func (q *deliveries) add(list []delivery) {
	for i := range list {
		q.push(due{list[i].Key, list[i].Next})
	}
}

func (q *deliveries) push(d due) {
	q.mu.Lock()
	heap.Push(&q.waiting, d)
	q.mu.Unlock()
	select {
	case q.changed <- struct{}{}:
	default: // a token is there already
	}
}

// dispatch hands out deliveries at their times.
func (q *deliveries) dispatch(work chan<- string) {
	defer close(work)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		key, wait := q.next()
		if key != "" {
			select {
			case work <- key:
				continue
			case <-q.ctx.Done():
				return
			}
		}
		timer.Reset(wait)
		select {
		case <-q.changed:
		case <-timer.C:
		case <-q.ctx.Done():
			return
		}
	}
}

// next takes the delivery that is due, or tells how long to wait for one.
func (q *deliveries) next() (key string, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return "", time.Hour
	}
	wait = time.UnixMilli(q.waiting[0].next).Sub(q.events.cfg.Now())
	if wait > 0 {
		return "", wait
	}
	return heap.Pop(&q.waiting).(due).key, 0
}

// deliver tries one delivery.
func (q *deliveries) deliver(key string) {
	text, err := q.events.cfg.Store.Document(collectionDeliveries, key)
	var d delivery
	if err = errors.Join(err, json.Unmarshal(text, &d)); err != nil {
		if !errors.Is(err, store.ErrNotFound) {
			q.events.cfg.Log.Error("cannot read a delivery", "error", err)
		}
		return
	}
	err = q.send(d.Target, d.name(), d.Input)
	if q.ctx.Err() != nil && err != nil {
		return // it goes on in the next process
	}
	if err == nil {
		q.settle(&d)
		return
	}
	d.Tried++
	var permanent *Permanent
	pause := min(firstPause<<min(d.Tried-1, 20), lastPause)
	next := q.events.cfg.Now().Add(pause).UnixMilli()
	if errors.As(err, &permanent) || d.Tried > d.Attempts || next > d.Until {
		q.giveUp(&d, err)
		return
	}
	d.Next = next
	if err := q.events.commit(d.put); err != nil {
		q.events.cfg.Log.Error("cannot keep a delivery", "target", d.Target, "error", err)
	}
	q.push(due{d.Key, d.Next})
}

// send brings an input to a target.
func (q *deliveries) send(target, id, input string) error {
	arn, err := sfn.ParseARN(target)
	if err != nil {
		return &Permanent{err}
	}
	to := q.events.cfg.Targets[arn.Service]
	if to == nil {
		return &Permanent{fmt.Errorf("targets of the service %s are not served here", arn.Service)}
	}
	return to.Deliver(q.ctx, target, id, input)
}

// settle forgets a delivery.
func (q *deliveries) settle(d *delivery) {
	err := q.events.commit(func(b *store.Batch) error { b.DeleteDocument(collectionDeliveries, d.Key); return nil })
	if err != nil && !errors.Is(err, store.ErrClosed) {
		q.events.cfg.Log.Error("cannot settle a delivery", "target", d.Target, "error", err)
	}
}

// giveUp sends what could not be delivered to the queue for that, if there is one, and forgets it.
func (q *deliveries) giveUp(d *delivery, why error) {
	q.events.cfg.Log.Warn("an event could not be delivered", "rule", d.Rule, "target", d.Target, "attempts", d.Tried, "error", why)
	if d.DeadLetters != "" {
		if err := q.send(d.DeadLetters, d.name(), d.Input); err != nil {
			q.events.cfg.Log.Error("an event could not be sent to the dead-letter queue", "queue", d.DeadLetters, "error", err)
		}
	}
	q.settle(d)
}

// dueHeap is a heap, the earliest first.
type dueHeap []due

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].next < h[j].next }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *dueHeap) Push(v any) { *h = append(*h, v.(due)) }

// Pop implements heap.Interface.
func (h *dueHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
