package sqs

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/lsm"
	"github.com/tutti-run/tutti/internal/sfn"
)

const (
	// MaxBatch is how many messages a request may send, receive or delete.
	MaxBatch = 10
	// maxInFlight is how many messages of a queue may be in flight (developer guide, "Amazon SQS quotas").
	maxInFlight = 120_000
	// maxHidden is how long a message can be hidden from the moment it was received, in seconds.
	maxHidden = 43_200
	maxWait   = 20 // seconds of a long poll
	// maxAttempts bounds how many receives can be asked for again.
	maxAttempts = 1_000
)

// Receive says what to receive. The zero value asks for one message, with the queue's own timeouts.
type Receive struct {
	Max        *int // messages
	Visibility *int // seconds for which they are hidden
	Wait       *int // seconds to wait for one
	// Patience is how long to wait for one where it is not said in seconds; it goes before Wait.
	Patience time.Duration
	// Attempt names a receive from a FIFO queue, so that it can be asked for again.
	Attempt string
}

// Message is a message that was received.
type Message struct {
	ID, Receipt, Body string
	Attributes        map[string]Attribute
	// System are the system attributes.
	System map[string]string
}

// attempt is a receive that may be asked for again, for five minutes.
type attempt struct {
	taken   []taken
	expires int64
}

// taken is a message that is in flight for whoever received it.
type taken struct {
	*message
	receives uint32
	first    int64
}

// check refuses what cannot be asked for.
func (r *Receive) check(fifo bool) error {
	switch {
	case r.Max != nil && (*r.Max < 1 || *r.Max > MaxBatch):
		return invalid(*r.Max, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
	case r.Visibility != nil && (*r.Visibility < 0 || *r.Visibility > maxHidden):
		return invalid(*r.Visibility, "VisibilityTimeout", "Must be between 0 and 43200, if provided.")
	case r.Wait != nil && (*r.Wait < 0 || *r.Wait > maxWait):
		return invalid(*r.Wait, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
	case r.Attempt != "" && !fifo:
		return invalid(r.Attempt, "ReceiveRequestAttemptId", "The request include parameter that is not valid for this queue type.")
	case r.Attempt != "" && !token128.MatchString(r.Attempt):
		return invalid(r.Attempt, "ReceiveRequestAttemptId", "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	return nil
}

// ReceiveMessage receives messages, which are hidden for a while. With a wait it returns when there are some, when the time is over, or when ctx ends. The error may be
// QueueDoesNotExist, OverLimit or InvalidParameterValue.
func (s *Store) ReceiveMessage(ctx context.Context, queue string, r Receive) ([]Message, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	q, err := s.find(queue)
	if err != nil {
		return nil, err
	}
	if err := r.check(q.fifo()); err != nil {
		return nil, err
	}
	wait := r.Wait
	if wait == nil {
		q.mu.Lock()
		n := q.settings.number(attrWait)
		q.mu.Unlock()
		wait = &n
	}
	patience := time.Duration(*wait) * time.Second
	if r.Patience > 0 {
		patience = r.Patience
	}
	deadline := s.clock.Now().Add(patience)
	for {
		moved := s.clock.Moved()
		now := s.clock.Now()
		got, next, changed, err := q.take(&r, patience > 0, now.UnixMilli())
		if err != nil {
			return nil, err
		}
		if len(got) > 0 {
			messages, err := q.readTaken(got)
			if err != nil || len(messages) > 0 {
				q.measure(metricReceived, len(messages))
				return messages, err
			}
			continue // they were deleted meanwhile
		}
		if !now.Before(deadline) {
			q.measure(metricEmptyReceives, 1)
			return nil, nil
		}
		if next.IsZero() || next.After(deadline) {
			next = deadline
		}
		if !s.await(ctx, q, next.Sub(now), moved, changed) {
			return nil, ctx.Err()
		}
	}
}

// await waits until the time is over or something has changed. It returns false when there is nothing to wait for any more.
func (s *Store) await(ctx context.Context, q *queue, d time.Duration, moved, changed <-chan struct{}) bool {
	s.working.Add(-1) // who waits does not work
	q.poll(1)
	defer func() {
		q.poll(-1)
		s.working.Add(1)
		s.worked.Add(1)
	}()
	timer := time.NewTimer(s.clock.Real(max(d, time.Millisecond)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-moved:
	case <-changed:
	case <-ctx.Done():
		return false
	case <-s.closing:
		return false
	}
	return true
}

func (q *queue) poll(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pollers += n
}

// take receives what can be received now, and moves to the dead-letter queue what was received too often. If there is nothing, it says when the
// next message becomes visible, zero for never, and which channel is closed if anything comes before.
func (q *queue) take(r *Receive, long bool, now int64) (got []taken, next time.Time, changed <-chan struct{}, err error) {
	var dead []*message
	q.mu.Lock()
	if q.deleted {
		q.mu.Unlock()
		return nil, next, nil, noQueue()
	}
	q.settle(now)
	if got = q.again(r, now); got == nil {
		got, dead, err = q.pick(r, long, now)
	}
	if len(q.waiting) > 0 {
		next = time.UnixMilli(q.waiting[0].visible)
	}
	changed = q.changed
	policy := q.settings.redrive
	q.mu.Unlock()
	if len(dead) > 0 {
		if err := q.bury(dead, policy.target); err != nil {
			return nil, next, nil, err
		}
		if len(got) == 0 { // there may be more behind them
			return q.take(r, long, now)
		}
	}
	return got, next, changed, err
}

// pick chooses messages and hides them.
func (q *queue) pick(r *Receive, long bool, now int64) (got []taken, dead []*message, err error) {
	most := 1
	if r.Max != nil {
		most = *r.Max
	}
	hidden := int64(q.settings.number(attrVisibility))
	if r.Visibility != nil {
		hidden = int64(*r.Visibility)
	}
	limit := -1
	if p := q.settings.redrive; p != nil && q.s.byARN(p.target) != nil {
		limit = p.most
	}
	var last *message
	for len(got) < most && len(dead) < MaxBatch {
		if q.counts[inFlight] >= maxInFlight {
			if !q.fifo() && !long && len(got) == 0 {
				err = sfn.Refuse(OverLimit, "Too many messages in flight for the queue %s: the limit is %d.", q.record.Name, maxInFlight)
			}
			break
		}
		m := q.nextReady(last)
		if m == nil {
			break
		}
		last = m
		if limit >= 0 && int(m.receives) >= limit {
			q.become(m, leaving)
			dead = append(dead, m)
			continue
		}
		q.hide(m, now, hidden)
		got = append(got, taken{m, m.receives, m.first})
	}
	q.remember(r.Attempt, got, now)
	return got, dead, err
}

// nextReady is the next message that can be received: the first visible one, or of a FIFO queue the one behind the last that this receive has taken, or the
// first of another group. One that is not visible holds up those behind it.
func (q *queue) nextReady(last *message) *message {
	if !q.fifo() {
		if len(q.ready) == 0 {
			return nil
		}
		return q.ready[0]
	}
	if last != nil {
		list := last.group.messages
		if i := slices.Index(list, last) + 1; i < len(list) && list[i].condition == ready {
			return list[i]
		}
	}
	if len(q.open) == 0 {
		return nil
	}
	return q.open[0].messages[0]
}

// hide puts a message in flight.
func (q *queue) hide(m *message, now, seconds int64) {
	m.receives++
	m.received, m.visible = now, now+seconds*1000
	if m.first == 0 {
		m.first = now
	}
	q.become(m, inFlight)
}

// remember keeps what a receive came to, to be asked for again.
func (q *queue) remember(id string, got []taken, now int64) {
	if id == "" || len(got) == 0 {
		return
	}
	if len(q.attempts) >= maxAttempts {
		clear(q.attempts)
	}
	q.attempts[id] = attempt{got, now + dedupWindow.Milliseconds()}
}

// again returns what an earlier receive of the same name came to, as long as all of it is in flight yet (API reference, ReceiveMessage,
// "ReceiveRequestAttemptId"). It is hidden anew.
func (q *queue) again(r *Receive, now int64) []taken {
	a, ok := q.attempts[r.Attempt]
	if !ok || r.Attempt == "" {
		return nil
	}
	if a.expires <= now || slices.ContainsFunc(a.taken, func(t taken) bool {
		return t.condition != inFlight || t.message.receives != t.receives
	}) {
		delete(q.attempts, r.Attempt)
		return nil
	}
	hidden := int64(q.settings.number(attrVisibility))
	if r.Visibility != nil {
		hidden = int64(*r.Visibility)
	}
	for _, t := range a.taken {
		t.visible = now + hidden*1000
		q.become(t.message, inFlight)
	}
	return a.taken
}

// readTaken reads the messages that were taken and writes down that they were. Those that are gone meanwhile are left out.
func (q *queue) readTaken(got []taken) ([]Message, error) {
	b := q.s.db.NewBatch()
	messages := make([]Message, 0, len(got))
	q.mu.Lock()
	for _, t := range got {
		_ = b.Set(q.key(familyState, t.seq), t.appendState(nil), nil) // in memory
	}
	q.mu.Unlock()
	for _, t := range got {
		m, body, err := q.readMessage(t.seq)
		if err != nil {
			return nil, err
		}
		if m == nil {
			_ = b.Delete(q.key(familyState, t.seq), nil)
			continue
		}
		messages = append(messages, q.show(t, m, body))
	}
	return messages, q.s.commit(b)
}

// readMessage reads what is on disk of a message, nil for nothing.
func (q *queue) readMessage(seq uint64) (*meta, []byte, error) {
	text, err := q.s.read(q.key(familyMessage, seq))
	if err != nil || text == nil {
		return nil, nil, err
	}
	m := new(meta)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, nil, fmt.Errorf("read a message: %w", err)
	}
	body, err := q.s.read(q.key(familyBody, seq))
	if err != nil || body == nil {
		return nil, nil, err
	}
	return m, body, nil
}

// show is a message as its receiver gets it.
func (q *queue) show(t taken, m *meta, body []byte) Message {
	milliseconds := func(n int64) string { return strconv.FormatInt(n, 10) }
	system := map[string]string{
		"SenderId": m.Sender, "SentTimestamp": milliseconds(m.Sent), "ApproximateFirstReceiveTimestamp": milliseconds(t.first),
		"ApproximateReceiveCount": strconv.FormatUint(uint64(m.Receives)+uint64(t.receives), 10),
	}
	for name, text := range map[string]string{
		"MessageGroupId": m.Group, "MessageDeduplicationId": m.Dedup, "AWSTraceHeader": m.Trace, "DeadLetterQueueSourceArn": m.Source,
	} {
		if text != "" {
			system[name] = text
		}
	}
	if q.fifo() {
		system["SequenceNumber"] = sequence(t.seq)
	}
	return Message{ID: m.ID, Receipt: q.handle(t.message, t.receives), Body: string(body), Attributes: m.Attributes, System: system}
}

// handleBytes is the length of a receipt handle: the queue's id, the sequence number, which receive it was, and the message's id.
const handleBytes = 8 + 8 + 4 + 16

func (q *queue) handle(m *message, receives uint32) string {
	b := binary.BigEndian.AppendUint64(nil, q.record.ID)
	b = binary.BigEndian.AppendUint64(b, m.seq)
	b = binary.BigEndian.AppendUint32(b, receives)
	return base64.StdEncoding.EncodeToString(append(b, m.id[:]...))
}

// receipt finds the message of a receipt handle, nil if it was deleted. The error may be ReceiptHandleIsInvalid.
func (q *queue) receipt(handle string) (m *message, receives uint32, err error) {
	b, bad := base64.StdEncoding.DecodeString(handle)
	if bad != nil || len(b) != handleBytes || binary.BigEndian.Uint64(b) != q.record.ID {
		return nil, 0, sfn.Refuse(ReceiptHandleIsInvalid, "The input receipt handle %q is not a valid receipt handle.", strings.ToValidUTF8(handle, "?"))
	}
	m = q.messages[binary.BigEndian.Uint64(b[8:])]
	if m != nil && m.id != uuid.UUID(b[20:]) {
		m = nil
	}
	return m, binary.BigEndian.Uint32(b[16:]), nil
}

// DeleteMessages deletes messages by their receipt handles, in one write. There is an error for each: nil, ReceiptHandleIsInvalid or InvalidParameterValue.
// Of a message that was received again meanwhile, an older handle deletes nothing, which is no error.
func (s *Store) DeleteMessages(name string, handles []string) ([]error, error) {
	remove := func(q *queue, b *lsm.Batch, i int, m *message, receives uint32) error {
		switch {
		case m == nil || m.condition == leaving || m.condition == coming:
			return nil
		case q.fifo() && (m.condition != inFlight || m.receives != receives):
			return invalid(handles[i], "ReceiptHandle", "The receipt handle has expired.")
		case m.receives != receives:
			return nil
		}
		q.deleteEntries(b, m.seq)
		q.become(m, gone)
		return nil
	}
	return s.byHandles(name, handles, func(q *queue, b *lsm.Batch, i int, m *message, receives uint32, now int64) error {
		err := remove(q, b, i, m, receives)
		if err == nil {
			q.count(metricDeleted, now, 1)
		}
		return err
	})
}

// ChangeVisibility hides messages for other times, by their receipt handles, in one write. There is an error for each: nil, ReceiptHandleIsInvalid or
// InvalidParameterValue. As recorded on AWS, any handle of a standard queue will do as long as the message is there, even if it is visible again; that of a FIFO
// queue expires with the visibility timeout.
func (s *Store) ChangeVisibility(name string, handles []string, seconds []int) ([]error, error) {
	return s.byHandles(name, handles, func(q *queue, b *lsm.Batch, i int, m *message, receives uint32, now int64) error {
		switch n := seconds[i]; {
		case n < 0 || n > maxHidden:
			return invalid(n, "VisibilityTimeout", "VisibilityTimeout must be an integer between 0 and 43200.")
		case m == nil || m.condition != inFlight && m.condition != ready:
			return invalid(handles[i], "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")
		case q.fifo() && (m.condition != inFlight || m.receives != receives):
			return invalid(handles[i], "ReceiptHandle", "The receipt handle has expired.")
		case now+int64(n)*1000 > m.received+maxHidden*1000:
			return invalid(n, "VisibilityTimeout", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
		}
		m.visible = now + int64(seconds[i])*1000
		q.become(m, inFlight)
		return b.Set(q.key(familyState, m.seq), m.appendState(nil), nil)
	})
}

// byHandles does something to the message of each handle, in one write.
func (s *Store) byHandles(name string, handles []string, do func(q *queue, b *lsm.Batch, i int, m *message, receives uint32, now int64) error) ([]error, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	q, err := s.find(name)
	if err != nil {
		return nil, err
	}
	b := s.db.NewBatch()
	errs := make([]error, len(handles))
	q.mu.Lock()
	if q.deleted {
		q.mu.Unlock()
		return nil, noQueue()
	}
	now := s.now()
	q.settle(now)
	for i, handle := range handles {
		m, receives, err := q.receipt(handle)
		if err == nil {
			err = do(q, b, i, m, receives, now)
		}
		errs[i] = err
	}
	q.settle(now)
	q.mu.Unlock()
	if err := s.commit(b); err != nil {
		return nil, err
	}
	q.mu.Lock()
	q.wake() // a group may be open again, or a message visible
	q.mu.Unlock()
	return errs, nil
}
