package sns

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// The types of messages that endpoints get.
const (
	notificationType = "Notification"
	confirmationType = "SubscriptionConfirmation"
)

// deliverers is how many deliveries are under way at once.
const deliverers = 16

// delivery is a message on its way to a subscription, as it is stored until the endpoint has taken it or it is given up.
type delivery struct {
	Key          string               `json:"key"` // of the document; ascending with time
	Subscription string               `json:"subscription"`
	Topic        string               `json:"topic"`
	Protocol     string               `json:"protocol"`
	Endpoint     string               `json:"endpoint"`
	Type         string               `json:"type"` // notificationType or confirmationType
	MessageID    string               `json:"messageId"`
	Body         string               `json:"body"`
	ContentType  string               `json:"contentType,omitempty"` // of a notification to an HTTP endpoint; "" is that of texts
	Raw          bool                 `json:"raw,omitempty"`
	Attributes   map[string]Attribute `json:"attributes,omitempty"` // of a raw message
	Group        string               `json:"group,omitempty"`
	Dedup        string               `json:"dedup,omitempty"`
	// Lane is shared by deliveries that go one behind the other, "" for none.
	Lane    string       `json:"lane,omitempty"`
	Next    int64        `json:"next"` // epoch milliseconds
	Tried   int          `json:"tried,omitempty"`
	Letters string       `json:"letters,omitempty"` // ARN of the dead-letter queue
	Retries *retryPolicy `json:"retries,omitempty"`
}

func (s *Service) newDelivery(sub *subscription, now time.Time) delivery {
	var retries *retryPolicy
	if sub.Protocol == protocolHTTP || sub.Protocol == protocolHTTPS {
		retries, _ = readRetries(s.deliveryOf(sub).Retries) // what cannot be is as usual
	}
	return delivery{
		Key: s.deliveries.key(now), Subscription: sub.ARN, Topic: sub.TopicARN, Protocol: sub.Protocol, Endpoint: sub.Endpoint, MessageID: uuid.NewString(),
		Next: now.UnixMilli(), Letters: sub.settings.letters, Retries: retries,
	}
}

// due is a delivery that waits, by its document.
type due struct {
	key, lane string
	next      int64
}

// deliveries is what is owed, and the goroutines that bring it.
type deliveries struct {
	s      *Service
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	waiting dueHeap
	lanes   map[string][]due // those behind the one that is first in its lane
	changed chan struct{}    // holds a token when something was added
	number  uint64           // of the last delivery
	active  int              // deliveries under way
	tries   uint64
}

func (q *deliveries) init(s *Service) {
	q.s, q.changed, q.lanes = s, make(chan struct{}, 1), map[string][]due{}
	q.ctx, q.cancel = context.WithCancel(context.Background())
}

// key is that of another document, behind all others.
func (q *deliveries) key(now time.Time) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.number++
	return fmt.Sprintf("%016x-%08x", now.UnixNano(), q.number&0xffffffff)
}

// Start begins to deliver, first of all what an earlier life of the process has left.
func (s *Service) Start() error {
	q := &s.deliveries
	err := each(s.cfg.Journal, deliveriesCollection, func(_ string, d *delivery) { q.add([]delivery{*d}) })
	if err != nil {
		return fmt.Errorf("read the deliveries of topics: %w", err)
	}
	work := make(chan due)
	q.wg.Go(func() { q.dispatch(work) })
	for range deliverers {
		q.wg.Go(func() {
			for d := range work {
				q.deliver(d)
			}
		})
	}
	return nil
}

// Close ends delivering. What is left goes on in the next process. It may be called any number of times.
func (s *Service) Close() {
	s.deliveries.cancel()
	s.deliveries.wg.Wait()
}

// Quiet implements clock.Worker: whether nothing is delivered.
func (s *Service) Quiet() (bool, uint64) {
	q := &s.deliveries
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.active == 0 && (len(q.waiting) == 0 || q.waiting[0].next > s.cfg.Clock.Now().UnixMilli()), q.tries
}

// NextDue implements clock.Worker: when a delivery is tried again.
func (s *Service) NextDue() (time.Time, bool) {
	q := &s.deliveries
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return time.Time{}, false
	}
	return time.UnixMilli(q.waiting[0].next), true
}

// add takes deliveries that are on disk. Of a lane only the first one is in line.
func (q *deliveries) add(list []delivery) {
	if len(list) == 0 {
		return
	}
	q.mu.Lock()
	for i := range list {
		d := due{list[i].Key, list[i].Lane, list[i].Next}
		if behind, busy := q.lanes[d.lane]; d.lane != "" && busy {
			q.lanes[d.lane] = append(behind, d)
			continue
		}
		if d.lane != "" {
			q.lanes[d.lane] = nil
		}
		heap.Push(&q.waiting, d)
	}
	q.mu.Unlock()
	q.poke()
}

func (q *deliveries) poke() {
	select {
	case q.changed <- struct{}{}:
	default: // a token is there already
	}
}

// dispatch hands out deliveries at their times.
func (q *deliveries) dispatch(work chan<- due) {
	defer close(work)
	clock := q.s.cfg.Clock
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		moved := clock.Moved()
		d, wait := q.next(clock.Now())
		if wait == 0 {
			select {
			case work <- d:
				continue
			case <-q.ctx.Done():
				return
			}
		}
		timer.Reset(clock.Real(wait))
		select {
		case <-q.changed:
		case <-moved:
		case <-timer.C:
		case <-q.ctx.Done():
			return
		}
	}
}

// next takes the delivery that is due, or tells how long to wait for one.
func (q *deliveries) next(now time.Time) (d due, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return due{}, time.Hour
	}
	if wait = time.UnixMilli(q.waiting[0].next).Sub(now); wait > 0 {
		return due{}, wait
	}
	q.active++
	q.tries++
	return heap.Pop(&q.waiting).(due), 0
}

// deliver tries one delivery.
func (q *deliveries) deliver(at due) {
	defer func() {
		q.mu.Lock()
		q.active--
		q.mu.Unlock()
	}()
	text, ok, err := q.s.cfg.Journal.Document(deliveriesCollection, at.key)
	var d delivery
	if err == nil && ok {
		err = json.Unmarshal(text, &d)
	}
	if err != nil || !ok {
		if err != nil {
			q.s.cfg.Log.Error("cannot read a delivery", "error", err)
		}
		q.leave(at)
		return
	}
	err = q.s.send(q.ctx, &d)
	if err != nil && q.ctx.Err() != nil {
		return // it goes on in the next process
	}
	if err == nil {
		q.count(&d, metricDelivered)
		q.settle(at, d.Endpoint)
		return
	}
	d.Tried++
	pause, again := d.Retries.pause(d.Protocol, d.Tried)
	var permanent *Permanent
	last := errors.As(err, &permanent) || !again
	q.countFailure(&d, last)
	if last {
		q.giveUp(at, &d, err)
		return
	}
	d.Next = q.s.cfg.Clock.Now().Add(pause).UnixMilli()
	if err := q.s.cfg.Journal.Write([]Change{set(deliveriesCollection, d.Key, &d)}); err != nil {
		q.s.cfg.Log.Error("cannot keep a delivery", "endpoint", d.Endpoint, "error", err)
	}
	q.mu.Lock()
	heap.Push(&q.waiting, due{d.Key, d.Lane, d.Next}) // it stays first in its lane
	q.mu.Unlock()
	q.poke()
}

// leave lets the next one of a lane come.
func (q *deliveries) leave(at due) {
	if at.lane == "" {
		return
	}
	q.mu.Lock()
	behind := q.lanes[at.lane]
	if len(behind) == 0 {
		delete(q.lanes, at.lane)
	} else {
		q.lanes[at.lane] = behind[1:]
		heap.Push(&q.waiting, behind[0])
	}
	q.mu.Unlock()
	q.poke()
}

// settle forgets a delivery.
func (q *deliveries) settle(at due, endpoint string) {
	if err := q.s.cfg.Journal.Write([]Change{{Collection: deliveriesCollection, Key: at.key}}); err != nil {
		q.s.cfg.Log.Error("cannot settle a delivery", "endpoint", endpoint, "error", err)
	}
	q.leave(at)
}

// giveUp sends what could not be delivered to the queue for that, if there is one, and forgets it.
func (q *deliveries) giveUp(at due, d *delivery, why error) {
	q.s.cfg.Log.Warn("a message could not be delivered", "subscription", d.Subscription, "endpoint", d.Endpoint, "attempts", d.Tried, "error", why)
	if to := q.s.cfg.Targets[protocolSQS]; d.Letters != "" && to != nil {
		letter := Delivery{Endpoint: d.Letters, MessageID: d.MessageID, Body: d.Body, Attributes: d.Attributes, Group: d.Group, Dedup: d.Dedup}
		sent := metricLetters
		if err := to.Deliver(q.ctx, letter); err != nil {
			q.s.cfg.Log.Error("a message could not be sent to the dead-letter queue", "queue", d.Letters, "error", err)
			sent = metricLettersLost
		}
		q.count(d, sent)
	}
	q.settle(at, d.Endpoint)
}

// send brings a message to an endpoint.
func (s *Service) send(ctx context.Context, d *delivery) error {
	if d.Protocol == protocolHTTP || d.Protocol == protocolHTTPS {
		return s.post(ctx, d)
	}
	to := s.cfg.Targets[d.Protocol]
	if to == nil {
		return &Permanent{fmt.Errorf("the protocol %s is not served here", d.Protocol)}
	}
	return to.Deliver(ctx, Delivery{Endpoint: d.Endpoint, MessageID: d.MessageID, Body: d.Body, Attributes: d.Attributes, Group: d.Group, Dedup: d.Dedup})
}

// post calls an HTTP endpoint (developer guide, "Amazon SNS HTTP/HTTPS notification delivery"). Statuses of the 4xx are for good, but 429.
func (s *Service) post(ctx context.Context, d *delivery) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Endpoint, strings.NewReader(d.Body))
	if err != nil {
		return &Permanent{err}
	}
	for name, v := range map[string]string{
		"Content-Type": cmp.Or(d.ContentType, usualContentType), "Accept-Encoding": "gzip,deflate", "User-Agent": "Amazon Simple Notification Service Agent", "X-Amz-Sns-Message-Type": d.Type,
		"X-Amz-Sns-Message-Id": d.MessageID, "X-Amz-Sns-Topic-Arn": d.Topic,
	} {
		r.Header.Set(name, v)
	}
	if d.Type == notificationType {
		r.Header.Set("X-Amz-Sns-Subscription-Arn", d.Subscription)
	}
	if d.Raw {
		r.Header.Set("X-Amz-Sns-Rawdelivery", "true")
	}
	response, err := s.cfg.HTTP.Do(r)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection can be used again
	_ = response.Body.Close()
	switch status := response.StatusCode; {
	case status >= 200 && status < 300:
		return nil
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests:
		return &Permanent{fmt.Errorf("the endpoint answered %s", response.Status)}
	}
	return fmt.Errorf("the endpoint answered %s", response.Status)
}

// dueHeap is a heap, the earliest first.
type dueHeap []due

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	return h[i].next < h[j].next || h[i].next == h[j].next && h[i].key < h[j].key
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *dueHeap) Push(v any) { *h = append(*h, v.(due)) }

// Pop implements heap.Interface.
func (h *dueHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
