package trigger

import (
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
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
	Rule        string `json:"rule"`   // ARN
	Target      string `json:"target"` // ARN
	Input       string `json:"input"`
	First       int64  `json:"first"` // epoch milliseconds, like the two that follow
	Next        int64  `json:"next"`
	Until       int64  `json:"until"`
	Attempts    int    `json:"attempts"`        // retries that are left
	Tried       int    `json:"tried,omitempty"` // attempts so far
	DeadLetters string `json:"deadLetters,omitempty"`
	GroupID     string `json:"groupId,omitempty"`
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
	active  int           // those that are being tried
	tries   uint64        // so far
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
				q.done()
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
		moved := q.events.cfg.Clock.Moved()
		key, wait := q.next()
		if key != "" {
			select {
			case work <- key:
				continue
			case <-q.ctx.Done():
				return
			}
		}
		timer.Reset(q.events.cfg.Clock.Real(wait))
		select {
		case <-moved:
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
	wait = time.UnixMilli(q.waiting[0].next).Sub(q.events.cfg.Clock.Now())
	if wait > 0 {
		return "", wait
	}
	q.active++
	q.tries++
	return heap.Pop(&q.waiting).(due).key, 0
}

// done tells that a delivery which was taken has been tried, and is in line again unless it is over.
func (q *deliveries) done() {
	q.mu.Lock()
	q.active--
	q.mu.Unlock()
}

// Quiet implements [clock.Worker].
func (e *Events) Quiet() (bool, uint64) {
	q := &e.deliveries
	q.mu.Lock()
	defer q.mu.Unlock()
	busy := q.active > 0 || len(q.waiting) > 0 && q.waiting[0].next <= e.cfg.Clock.Now().UnixMilli()
	return !busy, q.tries
}

// NextDue implements [clock.Worker].
func (e *Events) NextDue() (time.Time, bool) {
	q := &e.deliveries
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return time.Time{}, false
	}
	return time.UnixMilli(q.waiting[0].next), true
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
	err = q.send(Message{Target: d.Target, ID: d.name(), Input: d.Input, GroupID: d.GroupID})
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
	next := q.events.cfg.Clock.Now().Add(pause).UnixMilli()
	switch {
	case errors.As(err, &permanent):
		q.giveUp(&d, err, "")
		return
	case d.Tried > d.Attempts:
		q.giveUp(&d, err, "MaximumRetryAttempts")
		return
	case next > d.Until:
		q.giveUp(&d, err, "MaximumEventAgeInSeconds")
		return
	}
	d.Next = next
	if err := q.events.commit(d.put); err != nil {
		q.events.cfg.Log.Error("cannot keep a delivery", "target", d.Target, "error", err)
	}
	q.push(due{d.Key, d.Next})
}

// send brings a message to its target.
func (q *deliveries) send(m Message) error {
	arn, err := sfn.ParseARN(m.Target)
	if err != nil {
		return &Permanent{Err: err, Code: InvalidParameter}
	}
	to := q.events.cfg.Targets[arn.Service]
	if to == nil {
		return &Permanent{Err: fmt.Errorf("targets of the service %s are not served here", arn.Service), Code: NoResource}
	}
	return to.Deliver(q.ctx, m)
}

// settle forgets a delivery.
func (q *deliveries) settle(d *delivery) {
	err := q.events.commit(func(b *store.Batch) error { b.DeleteDocument(collectionDeliveries, d.Key); return nil })
	if err != nil && !errors.Is(err, store.ErrClosed) {
		q.events.cfg.Log.Error("cannot settle a delivery", "target", d.Target, "error", err)
	}
}

// giveUp sends what could not be delivered to the queue for that, if there is one, and forgets it. exhausted is what of the retry policy was used
// up, "" if trying again was of no use.
func (q *deliveries) giveUp(d *delivery, why error, exhausted string) {
	q.events.cfg.Log.Warn("an event could not be delivered", "rule", d.Rule, "target", d.Target, "attempts", d.Tried, "error", why)
	if d.DeadLetters != "" {
		if err := q.send(Message{Target: d.DeadLetters, ID: d.name(), Input: d.Input, Attributes: d.letterAttributes(why, exhausted)}); err != nil {
			if q.ctx.Err() != nil {
				return // the next process tries once more
			}
			q.events.cfg.Log.Error("an event could not be sent to the dead-letter queue", "queue", d.DeadLetters, "error", err)
		}
	}
	q.settle(d)
}

// letterAttributes tell a dead-letter queue what was wrong (user guide, "Using dead-letter queues to process undelivered events").
func (d *delivery) letterAttributes(why error, exhausted string) map[string]Attribute {
	code := ErrorFromTarget
	var permanent *Permanent
	var unreachable net.Error
	switch {
	case errors.As(why, &permanent) && permanent.Code != "":
		code = permanent.Code
	case errors.As(why, &unreachable):
		code = ConnectionFailure
	}
	a := map[string]Attribute{
		"RULE_ARN":       {AttributeText, d.Rule},
		"TARGET_ARN":     {AttributeText, d.Target},
		"ERROR_CODE":     {AttributeText, string(code)},
		"ERROR_MESSAGE":  {AttributeText, why.Error()},
		"RETRY_ATTEMPTS": {AttributeText, strconv.Itoa(d.Tried - 1)},
	}
	if exhausted != "" {
		a["EXHAUSTED_RETRY_CONDITION"] = Attribute{AttributeText, exhausted}
	}
	return a
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
