package control

import (
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/tutti-run/tutti/internal/lambda"
)

// How events are delivered (developer guide, "How Lambda handles errors and retries with asynchronous invocation").
const (
	// MaxEventSize is the size of an event's payload.
	MaxEventSize = 1 << 20
	// usualRetries is how often a function that fails is called again, unless it is configured otherwise.
	usualRetries = 2
	// usualAge is how old an event may become, unless it is configured otherwise.
	usualAge = 6 * time.Hour
	// firstBackoff and lastBackoff bound the time between two tries while the function is throttled.
	firstBackoff = time.Second
	lastBackoff  = 5 * time.Minute
	// maxDeliveries is how many events are delivered at a time.
	maxDeliveries = 64
)

// retryDelays are the times before a function that failed is called the second and the third time.
var retryDelays = [usualRetries]time.Duration{time.Minute, 2 * time.Minute}

// Message is what is sent to a queue, topic or bus on behalf of an event.
type Message struct {
	Body string // JSON
	// Attributes are those of a message to a dead-letter queue or topic.
	Attributes map[string]string
	// Source and DetailType are those of an event for a bus, of which Body is the detail.
	Source, DetailType string
	// Resources are the ARNs that an event for a bus is about.
	Resources []string
}

// event is an asynchronous invocation that waits. Its document is this in JSON.
type event struct {
	ID            string    // the request's id
	Function      string    // the name
	Qualifier     string    // "" for none
	Payload       []byte    // JSON
	ClientContext []byte    `json:",omitempty"`
	Trace         string    `json:",omitempty"`
	Accepted      time.Time // its age counts from then
	Failures      int       // how often the function was called and failed
	Throttles     int       // how often it could not be called
	Due           time.Time // when to try next

	// Failed is what the function answered when it failed last, for the record of an event that grows too old.
	Failed *lambda.Result `json:",omitempty"`
}

// waiting is an event in memory: its key in the journal and when it is due.
type waiting struct {
	key string
	due time.Time
}

// queue delivers events when they are due.
type queue struct {
	plane *Plane
	slots chan struct{} // as many as there may be deliveries at a time
	poked chan struct{} // has room for one
	wg    sync.WaitGroup

	mu       sync.Mutex
	active   int    // events that are being delivered
	tries    uint64 // so far
	events   dueFirst
	sequence int64
}

// openQueue reads the events that wait and starts to deliver.
func openQueue(p *Plane) (*queue, error) {
	q := &queue{plane: p, slots: make(chan struct{}, maxDeliveries), poked: make(chan struct{}, 1)}
	for d, err := range p.cfg.Journal.Documents(eventsCollection) {
		if err != nil {
			return nil, err
		}
		var e event
		if err := json.Unmarshal(d.Value, &e); err != nil {
			return nil, fmt.Errorf("the event %.100q: %w", d.Key, err)
		}
		heap.Push(&q.events, waiting{d.Key, e.Due})
	}
	q.wg.Go(q.run)
	return q, nil
}

func (q *queue) wait() { q.wg.Wait() }

// add puts an event on disk and in line.
func (q *queue) add(e event) error {
	q.mu.Lock()
	q.sequence++
	key := fmt.Sprintf("%016x-%08x-%s", e.Accepted.UnixNano(), q.sequence&0xffffffff, e.ID)
	q.mu.Unlock()
	if err := q.put(key, e); err != nil {
		return err
	}
	q.measure(&e, lambda.AsyncEventsReceived, 1)
	return nil
}

// measure counts what becomes of an event.
func (q *queue) measure(e *event, metric lambda.Metric, v float64) {
	q.plane.cfg.Meter.Count(lambda.Invoked{Function: e.Function, Qualifier: e.Qualifier}, metric, v)
}

func (q *queue) put(key string, e event) error {
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	if err := q.plane.cfg.Journal.Write([]Change{{eventsCollection, key, text}}); err != nil {
		return fmt.Errorf("record an event: %w", err)
	}
	q.mu.Lock()
	heap.Push(&q.events, waiting{key, e.Due})
	q.mu.Unlock()
	q.poke()
	return nil
}

func (q *queue) poke() {
	select {
	case q.poked <- struct{}{}:
	default:
	}
}

// run starts deliveries until the plane closes.
func (q *queue) run() {
	ctx := q.plane.ctx
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		moved := q.plane.cfg.Clock.Moved()
		key, wait := q.next()
		if key == "" {
			timer.Reset(q.plane.cfg.Clock.Real(wait))
			select {
			case <-moved:
			case <-q.poked:
			case <-timer.C:
			case <-ctx.Done():
				return
			}
			continue
		}
		select {
		case q.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		q.wg.Go(func() {
			defer func() { <-q.slots; q.done() }()
			if err := q.deliver(ctx, key); err != nil && ctx.Err() == nil {
				q.plane.cfg.Log.Error("cannot deliver an event", "event", key, "error", err)
			}
		})
	}
}

// next takes the event that is due, or says how long to wait for one.
func (q *queue) next() (key string, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.events) == 0 {
		return "", time.Hour
	}
	if wait = q.events[0].due.Sub(q.plane.cfg.Clock.Now()); wait > 0 {
		return "", min(wait, time.Hour)
	}
	q.active++
	q.tries++
	return heap.Pop(&q.events).(waiting).key, 0
}

// done tells that an event which was taken has been tried, and is in line again unless it is over.
func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.active--
}

// Quiet implements [clock.Worker]: whether no event is delivered and no function invoked with messages.
func (p *Plane) Quiet() (bool, uint64) {
	q := p.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	idle, invoked := p.mappings.quiet()
	busy := !idle || q.active > 0 || len(q.events) > 0 && !q.events[0].due.After(p.cfg.Clock.Now())
	return !busy, q.tries + invoked
}

// NextDue implements [clock.Worker]: when an event is tried again, or a batch of messages is complete.
func (p *Plane) NextDue() (time.Time, bool) {
	q := p.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	due, ok := p.mappings.nextDue()
	if len(q.events) > 0 && (!ok || q.events[0].due.Before(due)) {
		return q.events[0].due, true
	}
	return due, ok
}

// Why events end that are not tried, as records for destinations say it.
const (
	ageExceeded  = "EventAgeExceeded"
	zeroReserved = "ZeroReservedConcurrency"
)

// outcome is what came of one try.
type outcome struct {
	result lambda.Result
	err    error // the function was not called
}

// deliver tries to deliver an event once, and puts it in line again or ends it.
func (q *queue) deliver(ctx context.Context, key string) error {
	text, ok, err := q.plane.cfg.Journal.Document(eventsCollection, key)
	if err != nil || !ok {
		return err
	}
	var e event
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	retries, age, destinations := q.settings(&e)
	if f := q.plane.get(e.Function); f != nil && f.Reserved != nil && *f.Reserved == 0 {
		return q.end(ctx, key, &e, zeroReserved, nil, destinations) // it is not even tried (recorded on AWS)
	}
	now := q.plane.cfg.Clock.Now()
	if now.Sub(e.Accepted) >= age {
		var last *outcome
		if e.Failed != nil {
			last = &outcome{result: *e.Failed} // recorded on AWS
		}
		return q.end(ctx, key, &e, ageExceeded, last, destinations)
	}
	q.measure(&e, lambda.AsyncEventAge, float64(now.Sub(e.Accepted))/float64(time.Millisecond))
	var o outcome
	o.result, o.err = q.plane.Invoke(ctx, e.invocation())
	switch {
	case ctx.Err() != nil:
		return nil // the next plane delivers it again
	case o.err == nil && o.result.FunctionError == "":
		return q.end(ctx, key, &e, "Success", &o, destinations)
	case errors.Is(o.err, lambda.ErrClosed):
		return nil
	case refusedForGood(o.err):
		return q.end(ctx, key, &e, "RetriesExhausted", &o, destinations)
	case o.err != nil:
		e.Throttles++
		e.Due = now.Add(min(firstBackoff<<min(e.Throttles-1, 20), lastBackoff))
	default:
		e.Failures++
		if e.Failures > retries {
			return q.end(ctx, key, &e, "RetriesExhausted", &o, destinations)
		}
		e.Failed = &lambda.Result{Payload: o.result.Payload, FunctionError: o.result.FunctionError, ExecutedVersion: o.result.ExecutedVersion}
		e.Due = q.plane.cfg.Clock.Now().Add(retryDelays[min(e.Failures, len(retryDelays))-1])
	}
	if e.Due.Sub(e.Accepted) > age {
		e.Due = e.Accepted.Add(age)
	}
	return q.put(key, e)
}

// refusedForGood tells whether trying again cannot help: the function is gone, the event is none, or it goes round in a loop.
func refusedForGood(err error) bool {
	var refused *lambda.Error
	return errors.As(err, &refused) && refused.Status < 500 && refused.Code != lambda.CodeTooManyRequests && refused.Code != lambda.CodeResourceConflict
}

func (e *event) invocation() lambda.Invocation {
	in := lambda.Invocation{Function: e.Function, Payload: e.Payload, ClientContext: e.ClientContext, TraceHeader: e.Trace, RequestID: e.ID}
	if e.Qualifier != "" {
		in.Function += ":" + e.Qualifier
	}
	return in
}

// settings are how the event is to be delivered.
func (q *queue) settings(e *event) (retries int, age time.Duration, d DestinationConfig) {
	retries, age = usualRetries, usualAge
	f := q.plane.get(e.Function)
	if f == nil {
		return retries, age, d
	}
	c := f.InvokeConfigs[orLatest(e.Qualifier)]
	if c == nil {
		return retries, age, d
	}
	set(&retries, c.MaximumRetryAttempts)
	if c.MaximumEventAgeInSeconds != nil {
		age = time.Duration(*c.MaximumEventAgeInSeconds) * time.Second
	}
	return retries, age, c.DestinationConfig
}

// end tells the destinations and forgets the event. A destination that cannot be told is logged: the event is not delivered again for it.
func (q *queue) end(ctx context.Context, key string, e *event, condition string, o *outcome, d DestinationConfig) error {
	to, detail := d.OnFailure.Destination, "Lambda Function Invocation Result - Failure"
	if condition == "Success" {
		to, detail = d.OnSuccess.Destination, "Lambda Function Invocation Result - Success"
	}
	if condition != "Success" {
		q.measure(e, lambda.AsyncEventsDropped, 1)
	}
	var errs []error
	if to != "" {
		record, err := q.record(e, condition, o)
		if err == nil {
			arn := q.plane.arn(e.Function, orLatest(e.Qualifier))
			err = q.plane.send(ctx, to, Message{Body: record, Source: "lambda", DetailType: detail, Resources: []string{to, arn}}, e.Trace)
		}
		if err != nil && ctx.Err() == nil {
			q.measure(e, lambda.DestinationDeliveryFailures, 1)
		}
		errs = append(errs, err)
	}
	if letters := q.deadLetters(e); letters != "" && condition != "Success" {
		err := q.plane.send(ctx, letters, Message{Body: string(e.Payload), Attributes: letterAttributes(e, condition, o)}, e.Trace)
		if err != nil && ctx.Err() == nil {
			q.measure(e, lambda.DeadLetterErrors, 1)
		}
		errs = append(errs, err)
	}
	if ctx.Err() != nil {
		return nil
	}
	errs = append(errs, q.plane.cfg.Journal.Write([]Change{{Collection: eventsCollection, Key: key}}))
	return errors.Join(errs...)
}

// deadLetters is where the event goes when it is given up; "" for nowhere.
func (q *queue) deadLetters(e *event) string {
	if f := q.plane.get(e.Function); f != nil {
		if v := f.find(e.Qualifier); v != nil && v.Config.DeadLetterConfig != nil {
			return text(v.Config.DeadLetterConfig.TargetArn)
		}
	}
	return ""
}

// letterAttributes say what was wrong (developer guide, "Adding a dead-letter queue").
func letterAttributes(e *event, condition string, o *outcome) map[string]string {
	a := map[string]string{"RequestID": e.ID, "ErrorCode": fmt.Sprint(http.StatusOK)}
	var refused *lambda.Error
	switch {
	case condition == zeroReserved:
		a["ErrorMessage"] = "The function's reserved concurrency is 0."
	case o == nil:
		a["ErrorMessage"] = "The event has exceeded its maximum age."
	case errors.As(o.err, &refused):
		a["ErrorCode"], a["ErrorMessage"] = fmt.Sprint(refused.Status), refused.Message
	default:
		const most = 1 << 10 // "the first 1 KB of the error message"
		var document struct {
			ErrorMessage string `json:"errorMessage"`
		}
		_ = json.Unmarshal(o.result.Payload, &document) // without one there is no message
		a["ErrorMessage"] = document.ErrorMessage[:min(len(document.ErrorMessage), most)]
	}
	return a
}

// record is what a destination gets (developer guide, "Capturing records of Lambda asynchronous invocations").
func (q *queue) record(e *event, condition string, o *outcome) (string, error) {
	type requestContext struct {
		RequestID   string `json:"requestId"`
		FunctionArn string `json:"functionArn"`
		Condition   string `json:"condition"`
		Count       int    `json:"approximateInvokeCount"`
	}
	type responseContext struct {
		StatusCode      int    `json:"statusCode"`
		ExecutedVersion string `json:"executedVersion,omitempty"`
		FunctionError   string `json:"functionError,omitempty"`
	}
	r := struct {
		Version         string           `json:"version"`
		Timestamp       string           `json:"timestamp"`
		RequestContext  requestContext   `json:"requestContext"`
		RequestPayload  json.RawMessage  `json:"requestPayload"`
		ResponseContext *responseContext `json:"responseContext,omitempty"`
		ResponsePayload json.RawMessage  `json:"responsePayload,omitempty"`
	}{
		Version: "1.0", Timestamp: q.plane.cfg.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z"), RequestPayload: e.Payload,
		RequestContext: requestContext{e.ID, q.plane.arn(e.Function, orLatest(e.Qualifier)), condition, e.Failures},
	}
	var refused *lambda.Error
	switch {
	case o == nil:
	case errors.As(o.err, &refused):
		r.ResponseContext = &responseContext{StatusCode: refused.Status}
		r.ResponsePayload, _ = json.Marshal(map[string]string{"errorType": refused.Code, "errorMessage": refused.Message}) // texts encode
	default:
		r.ResponseContext = &responseContext{http.StatusOK, o.result.ExecutedVersion, o.result.FunctionError}
		if r.ResponsePayload = o.result.Payload; !json.Valid(o.result.Payload) {
			r.ResponsePayload, _ = json.Marshal(string(o.result.Payload)) // texts encode
		}
		if condition == "Success" {
			r.RequestContext.Count++
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encode a record: %w", err)
	}
	return string(text), nil
}

// send sends a message to a target. A function gets its body as another event.
func (p *Plane) send(ctx context.Context, arn string, m Message, trace string) error {
	if service(arn) == "lambda" {
		return p.Enqueue(ctx, lambda.Invocation{Function: arn, Payload: []byte(m.Body), TraceHeader: trace, RequestID: uuid.NewString()})
	}
	if p.cfg.Targets == nil {
		return fmt.Errorf("send to %s: the service is not served here", arn)
	}
	if err := p.cfg.Targets.Send(ctx, arn, m); err != nil {
		return fmt.Errorf("send to %s: %w", arn, err)
	}
	return nil
}

// dueFirst is a heap of events, the one that is due first on top.
type dueFirst []waiting

func (d dueFirst) Len() int { return len(d) }
func (d dueFirst) Less(i, j int) bool {
	return d[i].due.Before(d[j].due) || d[i].due.Equal(d[j].due) && d[i].key < d[j].key
}
func (d dueFirst) Swap(i, j int) { d[i], d[j] = d[j], d[i] }

// Push implements heap.Interface.
func (d *dueFirst) Push(v any) { *d = append(*d, v.(waiting)) }

// Pop implements heap.Interface.
func (d *dueFirst) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}
