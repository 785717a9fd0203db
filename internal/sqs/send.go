package sqs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/lsm"
	"github.com/tutti-run/tutti/internal/sfn"
)

const (
	// dedupWindow is how long a deduplication id is remembered (developer guide, "Exactly-once processing").
	dedupWindow = 5 * time.Minute
	// reserve is how many sequence numbers are written down as given out at a time.
	reserve = 10_000
)

// dedup is a deduplication id that was used. On disk it is this in JSON.
type dedup struct {
	ID      string `json:"id"`      // of the message
	Seq     uint64 `json:"seq"`     // its sequence number
	Expires int64  `json:"expires"` // epoch milliseconds

	key  string
	done chan struct{} // closed when it is known whether the message is on disk
	err  error         // why it is not; to be read behind done
}

// dedupKey is a short name for a deduplication id, within its group if that is its scope.
func (q *queue) dedupKey(e *Entry) string {
	id := e.Dedup
	if q.settings.Attributes[attrDedupScope] == scopeGroup {
		id = e.Group + "\x00" + id
	}
	sum := sha256.Sum256([]byte(id))
	return string(sum[:16])
}

func (q *queue) dedupEntry(key string) []byte { return append(q.prefix(familyDedup), key...) }

func (q *queue) loadDedups(now int64) error {
	done := make(chan struct{})
	close(done)
	prefix := len(q.prefix(familyDedup))
	b := q.s.db.NewBatch()
	err := q.s.scan(q.prefix(familyDedup), q.end(familyDedup), func(key, value []byte) error {
		d := &dedup{key: string(key[prefix:]), done: done}
		if err := json.Unmarshal(value, d); err != nil {
			return fmt.Errorf("a deduplication id: %w", err)
		}
		if d.Expires <= now {
			return b.Delete(key, nil)
		}
		q.dedups[d.key] = d
		q.aging = append(q.aging, d)
		return nil
	})
	if err != nil {
		return errors.Join(err, b.Close())
	}
	sortAging(q.aging)
	return errors.Join(b.Commit(pebble.NoSync), b.Close())
}

// forgetDedups takes out the ids that are over, and has the batch delete them.
func (q *queue) forgetDedups(b *lsm.Batch, now int64) {
	for len(q.aging) > 0 && q.aging[0].Expires <= now {
		d := q.aging[0]
		q.aging[0] = nil
		q.aging = q.aging[1:]
		if q.dedups[d.key] == d {
			delete(q.dedups, d.key)
			_ = b.Delete(q.dedupEntry(d.key), nil) // in memory
		}
	}
}

// SendMessage sends a message. It returns when that is on disk. The error may be QueueDoesNotExist, InvalidMessageContents, InvalidParameterValue or
// MissingParameter.
func (s *Store) SendMessage(queue string, e Entry) (Sent, error) {
	sent, errs, err := s.send(queue, []Entry{e}, false)
	if err = errors.Join(err, first(errs)); err != nil {
		return Sent{}, unwrapOne(err)
	}
	return sent[0], nil
}

func first(errs []error) error {
	if len(errs) > 0 {
		return errs[0]
	}
	return nil
}

// unwrapOne takes the exception out of joined errors, so that it is printed as such.
func unwrapOne(err error) error {
	var refused *sfn.Exception
	if errors.As(err, &refused) {
		return refused
	}
	return err
}

// SendMessages sends the messages of a batch in their order, in one write. There is a result or an error for each; that one has no group or deduplication id
// where the queue must have it is the error of the whole batch, as on AWS.
func (s *Store) SendMessages(queue string, entries []Entry) ([]Sent, []error, error) {
	return s.send(queue, entries, true)
}

func (s *Store) send(queue string, entries []Entry, batch bool) ([]Sent, []error, error) {
	if err := s.enter(); err != nil {
		return nil, nil, err
	}
	defer s.leave()
	q, err := s.find(queue)
	if err != nil {
		return nil, nil, err
	}
	w := &write{q: q, entries: entries, batched: batch, sent: make([]Sent, len(entries)), errs: make([]error, len(entries)), twins: make([]*dedup, len(entries))}
	q.commits.RLock()
	defer q.commits.RUnlock()
	if err := w.begin(); err != nil {
		return nil, nil, err
	}
	err = s.commit(w.batch)
	w.finish(err)
	if err != nil {
		return nil, nil, err
	}
	for i, twin := range w.twins {
		if twin != nil {
			<-twin.done
			w.errs[i] = twin.err
		}
	}
	return w.sent, w.errs, nil
}

// write is messages on their way to the disk.
type write struct {
	q       *queue
	entries []Entry
	batched bool // they are those of a batch
	sent    []Sent
	errs    []error
	twins   []*dedup // the messages that were sent before, of which entries are duplicates
	batch   *lsm.Batch
	added   []*message
	dedups  []*dedup // the ids of those that were added
}

// begin checks the messages, numbers those that are to be added and puts them into the batch.
func (w *write) begin() error {
	q := w.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.deleted {
		return noQueue()
	}
	if err := w.checkIDs(); err != nil {
		return err
	}
	now := q.s.now()
	q.settle(now)
	w.batch = q.s.db.NewBatch()
	q.forgetDedups(w.batch, now)
	for i := range w.entries {
		if w.errs[i] = w.add(i, now); w.errs[i] != nil {
			var refused *sfn.Exception
			if !errors.As(w.errs[i], &refused) {
				return w.errs[i]
			}
		}
	}
	if q.next > q.reserved {
		q.reserved = q.next + reserve
		if err := w.batch.Set(q.prefix(familyNext), appendNumber(q.reserved), nil); err != nil {
			return err
		}
	}
	return nil
}

// checkIDs refuses a batch for messages without the ids that they must have.
func (w *write) checkIDs() error {
	if !w.batched || !w.q.fifo() {
		return nil
	}
	for i := range w.entries {
		var refused *sfn.Exception
		if err := w.q.checkIDs(&w.entries[i]); errors.As(err, &refused) {
			return sfn.Refuse(InvalidParameterValue, "%s", refused.Message)
		}
	}
	return nil
}

// add numbers one message, or finds that it was sent before.
func (w *write) add(i int, now int64) error {
	q, e := w.q, &w.entries[i]
	if err := q.check(e, w.batched); err != nil {
		return err
	}
	out := &w.sent[i]
	out.MD5OfBody, out.MD5OfAttributes = MD5OfBody(e.Body), MD5OfAttributes(e.Attributes)
	out.MD5OfSystemAttributes = MD5OfAttributes(e.SystemAttributes)
	key := ""
	if q.fifo() {
		key = q.dedupKey(e)
		if twin := q.dedups[key]; twin != nil {
			w.twins[i] = twin
			out.ID, out.Sequence = twin.ID, sequence(twin.Seq)
			return nil
		}
	}
	delay := q.settings.number(attrDelay)
	if e.Delay != nil {
		delay = *e.Delay
	}
	m := meta{
		ID: uuid.NewString(), Sent: now, Visible: now + int64(delay)*1000, Sender: e.Sender, Attributes: e.Attributes,
		Trace: e.Trace, Group: e.Group, Dedup: e.Dedup,
	}
	if a, ok := e.SystemAttributes["AWSTraceHeader"]; ok {
		m.Trace = a.String
	}
	n, err := q.enlist(w.batch, &m, []byte(e.Body))
	if err != nil {
		return err
	}
	w.added = append(w.added, n)
	out.ID = m.ID
	if key != "" {
		out.Sequence = sequence(n.seq)
		d := &dedup{ID: m.ID, Seq: n.seq, Expires: now + dedupWindow.Milliseconds(), key: key, done: make(chan struct{})}
		q.dedups[key] = d
		q.aging = append(q.aging, d)
		w.dedups = append(w.dedups, d)
		return put(w.batch, q.dedupEntry(key), d)
	}
	return nil
}

// enlist gives a message its sequence number and has the batch write it.
func (q *queue) enlist(b *lsm.Batch, m *meta, body []byte) (*message, error) {
	seq := q.next
	q.next++
	n := q.add(seq, m)
	if err := put(b, q.key(familyMessage, seq), m); err != nil {
		return n, err
	}
	return n, b.Set(q.key(familyBody, seq), body, nil)
}

// finish makes the messages visible, or forgets them if they could not be written.
func (w *write) finish(err error) {
	q := w.q
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.s.now()
	for _, m := range w.added {
		if err != nil {
			q.become(m, gone)
			continue
		}
		q.place(m, now)
	}
	if err == nil {
		w.count(now)
	}
	for _, d := range w.dedups {
		if d.err = err; err != nil && q.dedups[d.key] == d {
			delete(q.dedups, d.key)
		}
		close(d.done)
	}
	q.wake()
}

// count counts what was sent.
func (w *write) count(now int64) {
	if w.q.meter.counters == nil {
		return
	}
	duplicates := 0
	for i := range w.entries {
		switch {
		case w.errs[i] != nil:
		case w.twins[i] != nil:
			duplicates++
		default:
			w.q.countSize(now, w.entries[i].Size())
		}
	}
	w.q.count(metricSent, now, len(w.added))
	w.q.count(metricDeduplicated, now, duplicates)
}

// check refuses what this queue cannot take, and gives messages of FIFO queues their deduplication id.
func (q *queue) check(e *Entry, batch bool) error {
	if err := e.check(q.settings.number(attrMaxSize), batch); err != nil {
		return err
	}
	if e.Delay != nil && (*e.Delay < 0 || *e.Delay > numberAttributes[attrDelay].most) {
		return invalid(*e.Delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
	}
	if e.Group != "" {
		if err := CheckID("MessageGroupId", e.Group); err != nil {
			return err
		}
	}
	if !q.fifo() {
		if e.Dedup != "" {
			return invalid(e.Dedup, "MessageDeduplicationId", "The request include parameter that is not valid for this queue type.")
		}
		return nil
	}
	if err := q.checkIDs(e); err != nil {
		return err
	}
	if e.Delay != nil && *e.Delay != 0 {
		return invalid(*e.Delay, "DelaySeconds", "The request include parameter that is not valid for this queue type.")
	}
	if e.Dedup != "" {
		return CheckID("MessageDeduplicationId", e.Dedup)
	}
	sum := sha256.Sum256([]byte(e.Body))
	e.Dedup = hex.EncodeToString(sum[:])
	return nil
}

// checkIDs refuses a message for a FIFO queue that lacks an id.
func (q *queue) checkIDs(e *Entry) error {
	switch {
	case e.Group == "":
		return missing("MessageGroupId")
	case e.Dedup == "" && q.settings.Attributes[attrContentBased] != "true":
		return sfn.Refuse(InvalidParameterValue, "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	}
	return nil
}

// CheckID refuses what a group or deduplication id cannot be. parameter is what it is called in requests. The error is InvalidParameterValue.
func CheckID(parameter, id string) error {
	if token128.MatchString(id) {
		return nil
	}
	return invalid(id, parameter, parameter+" can only include alphanumeric and punctuation characters. 1 to 128 in length.")
}

// sequence is a sequence number as FIFO queues show it: twenty digits that grow.
func sequence(seq uint64) string { return fmt.Sprintf("188%017d", seq) }
