package control

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/lambda"
)

const (
	// usualConcurrency is how many batches of a queue are processed at once unless ScalingConfig says otherwise: what AWS begins with (developer guide,
	// "Scaling behavior for Amazon SQS event source mappings"). AWS goes on to 1,250; a laptop does not.
	usualConcurrency = 5
	// pollFor is how long a poller waits for messages at a time.
	pollFor = 20 * time.Second
	// maxEventBytes bounds the event of a batch: what a function can be invoked with.
	maxEventBytes = 6 << 20
	// firstLull and lastLull bound how long a poller waits when something is wrong.
	firstLull = 50 * time.Millisecond
	lastLull  = 5 * time.Second
)

// poller polls the queue of a mapping.
type poller struct {
	s      *mappings
	m      *storedMapping
	filter *filter
	ctx    context.Context
	cancel context.CancelFunc
	slots  chan struct{} // as many as there may be batches at a time
	loop   chan struct{} // closed when the loop has ended

	failures  atomic.Int32 // in a row
	windowEnd atomic.Pointer[time.Time]
}

func newPoller(s *mappings, m *storedMapping) (*poller, error) {
	f, err := newFilter(m.FilterCriteria)
	if err != nil {
		return nil, err
	}
	concurrency := usualConcurrency
	if m.ScalingConfig != nil && m.ScalingConfig.MaximumConcurrency != nil {
		concurrency = *m.ScalingConfig.MaximumConcurrency
	}
	p := &poller{s: s, m: m, filter: f, slots: make(chan struct{}, concurrency), loop: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(s.plane.ctx)
	return p, nil
}

func (p *poller) start() {
	p.s.wg.Go(func() {
		defer close(p.loop)
		p.run()
	})
}

// stop ends the loop. Batches that a function has got may end.
func (p *poller) stop() {
	p.cancel()
	<-p.loop
}

// run gathers batches and has each processed, one more at a time than there are slots for.
func (p *poller) run() {
	var rest []QueueMessage
	for {
		select {
		case p.slots <- struct{}{}:
		case <-p.ctx.Done():
			p.release(rest)
			return
		}
		var batch []QueueMessage
		batch, rest = p.gather(rest)
		if p.ctx.Err() != nil {
			p.release(append(batch, rest...))
			return
		}
		if len(batch) == 0 {
			<-p.slots
			continue
		}
		p.s.wg.Go(func() {
			defer func() { <-p.slots }()
			p.process(batch)
		})
	}
}

// release makes messages visible again that no function has got.
func (p *poller) release(messages []QueueMessage) {
	if len(messages) == 0 {
		return
	}
	if err := p.queues().Release(p.m.EventSourceArn, receipts(messages)); err != nil {
		p.log("cannot give messages back to a queue", err)
	}
}

func (p *poller) queues() Queues { return p.s.plane.cfg.Queues }

func (p *poller) log(what string, err error) {
	p.s.plane.cfg.Log.Warn(what, "queue", p.m.EventSourceArn, "function", p.m.FunctionArn, "error", err)
}

func receipts(messages []QueueMessage) []string {
	list := make([]string, 0, len(messages))
	for _, m := range messages {
		list = append(list, m.Receipt)
	}
	return list
}

// gather waits for messages and returns a batch, beginning with what the last one left. A batch is complete when it has as many messages as it may have, when
// no more fits into an event, or when the batching window is over; without a window it is what one receive has brought.
func (p *poller) gather(begun []QueueMessage) (batch, rest []QueueMessage) {
	window := time.Duration(p.m.MaximumBatchingWindowInSeconds) * time.Second
	clock := p.s.plane.cfg.Clock
	defer p.windowEnd.Store(nil)
	batch, rest, full := p.fit(nil, begun)
	var ends time.Time
	for !full && p.ctx.Err() == nil {
		wait := pollFor
		if len(batch) > 0 {
			if ends.IsZero() {
				ends = clock.Now().Add(window)
				p.windowEnd.Store(&ends)
			}
			if wait = min(wait, ends.Sub(clock.Now())); wait <= 0 {
				break
			}
		}
		got, err := p.queues().Receive(p.ctx, p.m.EventSourceArn, min(10, p.m.BatchSize-len(batch)), wait)
		if err != nil {
			if p.ctx.Err() == nil && p.failures.Load() == 0 { // told once, until something succeeds
				p.log("cannot receive from a queue", err)
			}
			p.lull()
			break
		}
		batch, rest, full = p.fit(batch, p.sift(got))
	}
	return latest(batch), rest
}

// latest leaves out messages that came again meanwhile, because they are hidden for less long than the batching window is.
func latest(batch []QueueMessage) []QueueMessage {
	last := map[string]int{}
	for i := range batch {
		last[batch[i].ID] = i
	}
	if len(last) == len(batch) {
		return batch
	}
	kept := make([]QueueMessage, 0, len(last))
	for i := range batch {
		if last[batch[i].ID] == i {
			kept = append(kept, batch[i])
		}
	}
	return kept
}

// fit adds messages to a batch as long as there is room. Without a window the batch is full with anything in it.
func (p *poller) fit(batch, more []QueueMessage) (next, rest []QueueMessage, full bool) {
	size := 0
	for i := range batch {
		size += batch[i].size()
	}
	for i := range more {
		if size += more[i].size(); len(batch) > 0 && (size > maxEventBytes || len(batch) >= p.m.BatchSize) {
			return batch, more[i:], true
		}
		batch = append(batch, more[i])
	}
	return batch, nil, len(batch) >= p.m.BatchSize || len(batch) > 0 && p.m.MaximumBatchingWindowInSeconds == 0
}

// sift deletes the messages that the filter does not want, and returns the others.
func (p *poller) sift(messages []QueueMessage) []QueueMessage {
	if p.filter == nil {
		return messages
	}
	var wanted, unwanted []QueueMessage
	for i := range messages {
		if p.filter.wants(p.record(&messages[i])) {
			wanted = append(wanted, messages[i])
		} else {
			unwanted = append(unwanted, messages[i])
		}
	}
	if len(unwanted) > 0 {
		if err := p.queues().Delete(p.m.EventSourceArn, receipts(unwanted)); err != nil {
			p.log("cannot delete messages that no filter wants", err)
		}
	}
	return wanted
}

// lull waits a while, the longer the more has gone wrong in a row.
func (p *poller) lull() {
	n := p.failures.Add(1)
	timer := time.NewTimer(min(firstLull<<min(n-1, 10), lastLull))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.ctx.Done():
	}
}

// process invokes the function with a batch and deletes what it has done. What it has not stays hidden until its time, and comes again then.
func (p *poller) process(batch []QueueMessage) {
	p.s.count(1)
	defer p.s.count(-1)
	event, err := json.Marshal(p.event(batch))
	if err != nil {
		p.log("cannot encode an event", err)
		return
	}
	plane := p.s.plane
	result, err := plane.Invoke(plane.ctx, lambda.Invocation{
		Function: p.m.FunctionArn, Payload: event, RequestID: uuid.NewString(), TraceHeader: batch[0].System["AWSTraceHeader"],
	})
	if plane.ctx.Err() != nil {
		return // they come again in the next life
	}
	if err != nil {
		var refused *lambda.Error
		if !errors.As(err, &refused) || refused.Code != lambda.CodeTooManyRequests {
			p.log("cannot invoke a function with messages", err)
		}
		if refused != nil && refused.Code == lambda.CodeRecursiveInvocation {
			p.delete(batch) // AWS has a loop's messages go to the dead-letter queue or away; trying them again goes round once more
			return
		}
		p.lull()
		return
	}
	done := batch
	if result.FunctionError != "" {
		p.lull()
		return
	}
	if len(p.m.FunctionResponseTypes) > 0 {
		done = succeeded(batch, result.Payload)
	}
	if len(done) == len(batch) {
		p.failures.Store(0)
	}
	p.delete(done)
}

func (p *poller) delete(messages []QueueMessage) {
	if len(messages) == 0 {
		return
	}
	if err := p.queues().Delete(p.m.EventSourceArn, receipts(messages)); err != nil {
		p.log("cannot delete messages that were processed", err)
	}
}

// succeeded are the messages of a batch that the function's response does not call failed. A response that names none is a success of all, one that cannot be read, or
// names what is not in the batch, a failure of all (developer guide, "Implementing partial batch responses").
func succeeded(batch []QueueMessage, response []byte) []QueueMessage {
	var r *struct {
		Failures []struct {
			ID *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(response, &r); err != nil {
		return nil
	}
	if r == nil {
		return batch // null
	}
	failed := map[string]bool{}
	for _, f := range r.Failures {
		if f.ID == nil || *f.ID == "" {
			return nil
		}
		failed[*f.ID] = true
	}
	var done []QueueMessage
	for _, m := range batch {
		if !failed[m.ID] {
			done = append(done, m)
		}
		delete(failed, m.ID)
	}
	if len(failed) > 0 {
		return nil
	}
	return done
}
