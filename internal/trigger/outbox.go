package trigger

import (
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

const (
	// MaxEventAge is how old a message may become, unless the target's retry policy says less.
	MaxEventAge = 24 * time.Hour
	// MaxRetryAttempts is how often a message is tried after the first time, unless the target's retry policy says less.
	MaxRetryAttempts = 185
	// deliverers is how many deliveries are under way at once. They wait for disks and processes, so there are more than processors.
	deliverers = 64
	// remembered is how many waiting deliveries are kept in memory as a whole; those beyond are read again when they are due.
	remembered = 4096
	// settledAtOnce bounds how many deliveries one commit forgets.
	settledAtOnce = 256
	// firstPause is how long the first retry waits; each further one waits twice as long, up to lastPause.
	firstPause = time.Second
	lastPause  = 5 * time.Minute
)

// Delivery is a message on its way to a target, as it is stored until the target has taken it or it is given up.
type Delivery struct {
	Key     string `json:"key"` // of the document; ascending with time
	Message        // Attributes are set for dead-letter queues alone, which are told once

	Began    int64 `json:"began,omitempty"` // when it was put in, in epoch milliseconds
	Next     int64 `json:"next"`            // when it is tried next, in epoch milliseconds
	Until    int64 `json:"until"`
	Attempts int   `json:"attempts"`        // retries that it may have
	Tried    int   `json:"tried,omitempty"` // attempts so far

	// DeadLetters is the ARN of the queue for what could not be delivered, "" for none.
	DeadLetters string `json:"deadLetters,omitempty"`
	// Letter are the attributes that say there where the message comes from.
	Letter map[string]string `json:"letter,omitempty"`
	// Numbered tells that the input names the attempt.
	Numbered bool `json:"numbered,omitempty"`
	// Then is what the owner of the outbox is told when the delivery is over, "" for nothing.
	Then string `json:"then,omitempty"`

	attempted time.Time // when the attempt began that is under way
}

// AttemptNumber stands in the input of a numbered delivery for the number of the attempt, from 1 (Scheduler user guide, "Adding context attributes").
const AttemptNumber = "<aws.scheduler.attempt-number>"

// Keep lets the policy and the dead-letter configuration, which may be nil, bound a delivery that begins now.
func (d *Delivery) Keep(now time.Time, p *RetryPolicy, letters *DeadLetterConfig) {
	d.Began, d.Next, d.Until, d.Attempts = now.UnixMilli(), now.UnixMilli(), now.Add(MaxEventAge).UnixMilli(), MaxRetryAttempts
	if p != nil && p.MaximumEventAgeInSeconds != nil {
		d.Until = now.Add(time.Duration(*p.MaximumEventAgeInSeconds) * time.Second).UnixMilli()
	}
	if p != nil && p.MaximumRetryAttempts != nil {
		d.Attempts = *p.MaximumRetryAttempts
	}
	if letters != nil {
		d.DeadLetters = letters.ARN
	}
}

// message is what the next attempt sends.
func (d *Delivery) message() Message {
	m := d.Message
	if d.Numbered {
		m.Input = strings.ReplaceAll(m.Input, AttemptNumber, strconv.Itoa(d.Tried+1))
	}
	return m
}

// OutboxConfig says what an [Outbox] works with. Store, Collection and Clock are required.
type OutboxConfig struct {
	Store      *store.Store
	Collection string // of the documents of deliveries
	// Targets are the kinds of targets, by the service in their ARNs.
	Targets map[string]Deliverer
	Clock   *clock.Clock
	// Over is told of deliveries that are over and have a Then, once they are forgotten; nil if nobody is.
	Over func(then string)
	// Measure hears of what happens to deliveries; nil: nobody does.
	Measure func(*Delivery, Step)
	Log     *slog.Logger
}

// Outbox brings messages to their targets, each at least once. What is put into it is on disk before it is tried, and stays until the target
// has taken it or it is given up. All methods may be called by any goroutine.
type Outbox struct {
	cfg     OutboxConfig
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	settled chan *Delivery

	mu      sync.Mutex
	started bool
	waiting dueHeap
	kept    int           // of those that are waiting, how many are in memory as a whole
	active  int           // those that are being tried
	tries   uint64        // so far
	changed chan struct{} // holds a token when something was added
}

// due is a delivery that waits.
type due struct {
	key      string
	next     int64
	delivery *Delivery // nil if it has to be read
}

// NewOutbox returns an outbox that is not started, with what an earlier life of the process has left.
func NewOutbox(cfg OutboxConfig) (*Outbox, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Measure == nil {
		cfg.Measure = func(*Delivery, Step) {}
	}
	q := &Outbox{cfg: cfg, changed: make(chan struct{}, 1), settled: make(chan *Delivery, settledAtOnce)}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	for d, err := range cfg.Store.Documents(cfg.Collection, "", "") {
		one := new(Delivery)
		if err = errors.Join(err, json.Unmarshal(d.Value, one)); err != nil {
			return nil, fmt.Errorf("read the deliveries of events: %w", err)
		}
		q.push(one)
	}
	return q, nil
}

// Start begins to deliver. It fails with [ErrStarted] if it has been called before.
func (q *Outbox) Start() error {
	q.mu.Lock()
	started := q.started
	q.started = true
	q.mu.Unlock()
	if started {
		return ErrStarted
	}
	work := make(chan due)
	q.wg.Go(func() { q.dispatch(work) })
	var delivering sync.WaitGroup
	for range deliverers {
		delivering.Go(func() {
			for d := range work {
				q.deliver(d)
			}
		})
	}
	q.wg.Go(func() {
		delivering.Wait()
		close(q.settled)
	})
	q.wg.Go(q.settle)
	return nil
}

// Close ends delivering; those under way may end. What is left goes on in the next process. It may be called any number of times.
func (q *Outbox) Close() {
	q.cancel()
	q.wg.Wait()
}

// Put adds deliveries to the batch. Once that is on disk, they must be given to Add.
func (q *Outbox) Put(b *store.Batch, list ...*Delivery) error {
	for _, d := range list {
		text, err := json.Marshal(d)
		if err == nil {
			err = b.PutDocument(q.cfg.Collection, d.Key, text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Add takes on deliveries that are on disk.
func (q *Outbox) Add(list ...*Delivery) {
	for _, d := range list {
		q.push(d)
	}
}

func (q *Outbox) push(d *Delivery) {
	q.mu.Lock()
	one := due{d.Key, d.Next, d}
	if q.kept >= remembered {
		one.delivery = nil
	} else {
		q.kept++
	}
	heap.Push(&q.waiting, one)
	q.mu.Unlock()
	select {
	case q.changed <- struct{}{}:
	default: // a token is there already
	}
}

// dispatch hands out deliveries at their times.
func (q *Outbox) dispatch(work chan<- due) {
	defer close(work)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		moved := q.cfg.Clock.Moved()
		d, wait := q.next()
		if d.key != "" {
			select {
			case work <- d:
				continue
			case <-q.ctx.Done():
				return
			}
		}
		timer.Reset(q.cfg.Clock.Real(wait))
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
func (q *Outbox) next() (d due, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return d, time.Hour
	}
	if wait = time.UnixMilli(q.waiting[0].next).Sub(q.cfg.Clock.Now()); wait > 0 {
		return d, wait
	}
	q.active++
	q.tries++
	d = heap.Pop(&q.waiting).(due)
	if d.delivery != nil {
		q.kept--
	}
	return d, 0
}

// done tells that a delivery which was taken has been tried, and is in line again unless it is over.
func (q *Outbox) done() {
	q.mu.Lock()
	q.active--
	q.mu.Unlock()
}

// Quiet implements [clock.Worker].
func (q *Outbox) Quiet() (bool, uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	busy := q.active > 0 || len(q.waiting) > 0 && q.waiting[0].next <= q.cfg.Clock.Now().UnixMilli()
	return !busy, q.tries
}

// Backlog tells whether at least so many deliveries wait that are due.
func (q *Outbox) Backlog(atLeast int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, found := q.cfg.Clock.Now().UnixMilli(), 0
	var count func(i int)
	count = func(i int) { // no delivery is due before the one above it in the heap
		if i < len(q.waiting) && q.waiting[i].next <= now && found < atLeast {
			found++
			count(2*i + 1)
			count(2*i + 2)
		}
	}
	count(0)
	return found >= atLeast
}

// NextDue implements [clock.Worker].
func (q *Outbox) NextDue() (time.Time, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return time.Time{}, false
	}
	return time.UnixMilli(q.waiting[0].next), true
}

// read returns a delivery that is not in memory, nil if it is over.
func (q *Outbox) read(key string) *Delivery {
	text, err := q.cfg.Store.Document(q.cfg.Collection, key)
	d := new(Delivery)
	if err == nil {
		err = json.Unmarshal(text, d)
	}
	if err != nil {
		if !errors.Is(err, store.ErrNotFound) {
			q.cfg.Log.Error("cannot read a delivery", "error", err)
		}
		return nil
	}
	return d
}

// deliver tries one delivery.
func (q *Outbox) deliver(one due) {
	d := one.delivery
	if d == nil {
		d = q.read(one.key)
	}
	if d == nil {
		q.done()
		return
	}
	d.attempted = q.cfg.Clock.Now()
	err := q.Send(q.ctx, d.message())
	var later *Later
	waits := errors.As(err, &later)
	if !waits {
		q.cfg.Measure(d, Attempted)
	}
	switch {
	case q.ctx.Err() != nil && err != nil:
		q.done() // it goes on in the next process
	case waits && q.cfg.Clock.Now().Add(later.After).UnixMilli() <= d.Until:
		d.Next = q.cfg.Clock.Now().Add(later.After).UnixMilli() // on disk it may be tried at once
		q.push(d)
		q.done()
	case err == nil:
		q.cfg.Measure(d, Delivered)
		q.settled <- d
	default:
		q.retry(d, err)
	}
}

// retry puts a delivery that has failed in line again, or gives it up.
func (q *Outbox) retry(d *Delivery, err error) {
	d.Tried++
	var permanent *Permanent
	next := q.cfg.Clock.Now().Add(min(firstPause<<min(d.Tried-1, 20), lastPause)).UnixMilli()
	switch {
	case errors.As(err, &permanent):
		q.giveUp(d, err, "")
		return
	case d.Tried > d.Attempts:
		q.giveUp(d, err, "MaximumRetryAttempts")
		return
	case next > d.Until:
		q.giveUp(d, err, "MaximumEventAgeInSeconds")
		return
	}
	q.cfg.Measure(d, Repeated)
	d.Next = next
	b := q.cfg.Store.NewBatch()
	if err := errors.Join(q.Put(b, d), q.cfg.Store.Commit(b)); err != nil {
		q.cfg.Log.Error("cannot keep a delivery", "target", d.Target, "error", err)
	}
	q.push(d)
	q.done()
}

// Send brings a message to its target once.
func (q *Outbox) Send(ctx context.Context, m Message) error {
	arn, err := sfn.ParseARN(m.Target)
	if err != nil {
		return &Permanent{Err: err, Code: InvalidParameter}
	}
	to := q.cfg.Targets[arn.Service]
	if to == nil {
		return &Permanent{Err: fmt.Errorf("targets of the service %s are not served here", arn.Service), Code: NoResource}
	}
	return to.Deliver(ctx, m)
}

// settle forgets deliveries that are over, as many with a commit as there are meanwhile.
func (q *Outbox) settle() {
	for d := range q.settled {
		list := []*Delivery{d}
	more:
		for len(list) < settledAtOnce {
			select {
			case d, ok := <-q.settled:
				if !ok {
					break more
				}
				list = append(list, d)
			default:
				break more
			}
		}
		if err := q.forget(list); err != nil && !errors.Is(err, store.ErrClosed) {
			q.cfg.Log.Error("cannot settle deliveries", "error", err)
		}
		for range list {
			q.done()
		}
	}
}

func (q *Outbox) forget(list []*Delivery) error {
	b := q.cfg.Store.NewBatch()
	for _, d := range list {
		b.DeleteDocument(q.cfg.Collection, d.Key)
	}
	if err := q.cfg.Store.Commit(b); err != nil {
		return err
	}
	for _, d := range list {
		if d.Then != "" && q.cfg.Over != nil {
			q.cfg.Over(d.Then)
		}
	}
	return nil
}

// giveUp sends what could not be delivered to the queue for that, if there is one, and forgets it. exhausted is what of the retry policy was used
// up, "" if trying again was of no use.
func (q *Outbox) giveUp(d *Delivery, why error, exhausted string) {
	q.cfg.Log.Warn("an event could not be delivered", "target", d.Target, "attempts", d.Tried, "error", why)
	q.cfg.Measure(d, GivenUp)
	if d.DeadLetters != "" {
		m := Message{Target: d.DeadLetters, ID: d.ID, Input: d.message().Input, Attributes: d.letterAttributes(why, exhausted)}
		if err := q.Send(q.ctx, m); err != nil {
			if q.ctx.Err() != nil {
				q.done()
				return // the next process tries once more
			}
			q.cfg.Log.Error("an event could not be sent to the dead-letter queue", "queue", d.DeadLetters, "error", err)
			q.cfg.Measure(d, LetterLost)
		} else {
			q.cfg.Measure(d, LetterSent)
		}
	}
	q.settled <- d
}

// letterAttributes tell a dead-letter queue what was wrong (user guide, "Using dead-letter queues to process undelivered events").
func (d *Delivery) letterAttributes(why error, exhausted string) map[string]Attribute {
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
		"TARGET_ARN":     {AttributeText, d.Target},
		"ERROR_CODE":     {AttributeText, string(code)},
		"ERROR_MESSAGE":  {AttributeText, why.Error()},
		"RETRY_ATTEMPTS": {AttributeText, strconv.Itoa(d.Tried - 1)},
	}
	if exhausted != "" {
		a["EXHAUSTED_RETRY_CONDITION"] = Attribute{AttributeText, exhausted}
	}
	for name, text := range d.Letter {
		a[name] = Attribute{AttributeText, text}
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
