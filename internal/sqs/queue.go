package sqs

import (
	"container/heap"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/lsm"
)

// record is a queue on disk.
type record struct {
	ID         uint64            `json:"id"`
	Name       string            `json:"name"`
	Attributes map[string]string `json:"attributes,omitempty"` // those that are set
	Tags       map[string]string `json:"tags,omitempty"`
	Created    int64             `json:"created"` // epoch seconds, like Modified
	Modified   int64             `json:"modified"`
}

// meta is on disk what is said of a message beside its body. It never changes. Times are epoch milliseconds.
type meta struct {
	ID         string               `json:"id"`
	Sent       int64                `json:"sent"`
	Visible    int64                `json:"visible"` // when it can be received first
	Sender     string               `json:"sender,omitempty"`
	Attributes map[string]Attribute `json:"attributes,omitempty"`
	Trace      string               `json:"trace,omitempty"`
	Group      string               `json:"group,omitempty"`
	Dedup      string               `json:"dedup,omitempty"`
	Source     string               `json:"source,omitempty"`  // ARN of the queue from which it came as a dead letter
	Receives   uint32               `json:"earlier,omitempty"` // in queues before this one
	First      int64                `json:"first,omitempty"`   // when it was received first, likewise
}

// condition is where a message stands.
type condition byte

const (
	coming   condition = iota // being written, for nobody to see
	ready                     // can be received, unless one before it in its group cannot
	delayed                   // will be, at its time
	inFlight                  // was received, and will be visible again at its time
	leaving                   // on its way to another queue
	gone                      // deleted
	conditions
)

// message is in memory what decides who gets a message and when.
type message struct {
	seq       uint64
	id        uuid.UUID
	sent      int64
	visible   int64
	first     int64  // when it was received first, 0 for not yet
	received  int64  // when it was received last
	came      int64  // when it was sent, or came to this queue as a dead letter
	receives  uint32 // in this queue; a receipt handle is good for one of them
	earlier   uint32 // receives in queues before
	condition condition
	at        int // place in the heap that it is in
	group     *group
}

// group is a message group of a FIFO queue.
type group struct {
	name     string
	messages []*message // by sequence number
	busy     int        // how many of them are in flight or leaving
	at       int        // place in the heap of groups that can be received from, -1 if it is not in there
}

// queue is a queue in memory.
type queue struct {
	s *Store

	// commits is held for reading from the moment a message gets its sequence number until it is known whether it is on disk, and for writing by who
	// deletes all that is there.
	commits sync.RWMutex

	mu       sync.Mutex // guards what follows; never held over a sync, but by who purges
	record   record
	settings *settings
	deleted  bool
	next     uint64 // sequence number
	reserved uint64 // sequence numbers before this one are written down as given out
	messages map[uint64]*message
	ready    messageHeap // of a standard queue: those that can be received
	waiting  messageHeap // those that are delayed or in flight
	groups   map[string]*group
	open     groupHeap // groups that can be received from
	counts   [conditions]int
	oldest   int64 // no message was sent before
	dedups   map[string]*dedup
	aging    []*dedup // in the order in which they expire
	attempts map[string]attempt
	pollers  int // long polls under way
	meter    meter
	changed  chan struct{} // closed when something can be received, or the queue is gone
}

func newQueue(s *Store) *queue {
	return &queue{
		s: s, next: 1, reserved: 1, messages: map[uint64]*message{}, groups: map[string]*group{}, dedups: map[string]*dedup{},
		attempts: map[string]attempt{}, changed: make(chan struct{}),
	}
}

func (q *queue) fifo() bool { return strings.HasSuffix(q.record.Name, fifoSuffix) }

func (q *queue) arn() string { return q.s.ARN(q.record.Name) }

// key is that of a message's entry.
func (q *queue) key(family byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(q.prefix(family), seq)
}

// prefix is that of all entries of a family.
func (q *queue) prefix(family byte) []byte {
	return binary.BigEndian.AppendUint64([]byte{family}, q.record.ID)
}

// end is behind all entries of a family.
func (q *queue) end(family byte) []byte {
	return binary.BigEndian.AppendUint64([]byte{family}, q.record.ID+1)
}

// load reads what is on disk of the messages and of deduplication.
func (q *queue) load() error {
	s := q.s
	prefix := len(q.prefix(familyMessage))
	err := s.scan(q.prefix(familyMessage), q.end(familyMessage), func(key, value []byte) error {
		var m meta
		if err := json.Unmarshal(value, &m); err != nil {
			return fmt.Errorf("a message: %w", err)
		}
		seq := binary.BigEndian.Uint64(key[prefix:])
		q.add(seq, &m)
		q.next = max(q.next, seq+1)
		return nil
	})
	if err != nil {
		return err
	}
	err = s.scan(q.prefix(familyState), q.end(familyState), func(key, value []byte) error {
		if m := q.messages[binary.BigEndian.Uint64(key[prefix:])]; m != nil {
			m.readState(value)
			return nil
		}
		return s.db.Delete(append([]byte{}, key...), pebble.NoSync) // of a message that was deleted meanwhile
	})
	if err != nil {
		return err
	}
	if value, err := s.read(q.prefix(familyNext)); err != nil {
		return err
	} else if len(value) == 8 {
		q.next = max(q.next, binary.BigEndian.Uint64(value))
	}
	q.reserved = q.next
	now := s.now()
	for _, m := range q.messages {
		q.place(m, now)
	}
	q.startMeter(now)
	return q.loadDedups(now)
}

// add makes a message known, for nobody to see yet. The mutex is held, or nobody else knows the queue.
func (q *queue) add(seq uint64, m *meta) *message {
	n := &message{seq: seq, sent: m.Sent, visible: m.Visible, earlier: m.Receives, first: m.First, came: m.Sent, at: -1}
	if m.Source != "" {
		n.came = m.Visible
	}
	n.id, _ = uuid.Parse(m.ID) // it was made here
	if q.fifo() {
		g := q.groups[m.Group]
		if g == nil {
			g = &group{name: m.Group, at: -1}
			q.groups[m.Group] = g
		}
		g.messages = append(g.messages, n)
		n.group = g
	}
	if len(q.messages) == 0 || m.Sent < q.oldest {
		q.oldest = m.Sent
	}
	q.messages[seq] = n
	q.counts[coming]++
	return n
}

// become changes where a message stands, and its place in the heaps with it.
func (q *queue) become(m *message, c condition) {
	if m.condition == gone || m.condition == c && c != inFlight {
		return
	}
	switch {
	case m.condition == ready && m.group == nil:
		heap.Remove(&q.ready, m.at)
	case m.condition == delayed || m.condition == inFlight:
		heap.Remove(&q.waiting, m.at)
	}
	busy := func(c condition) bool { return c == inFlight || c == leaving }
	if m.group != nil {
		if busy(m.condition) {
			m.group.busy--
		}
		if busy(c) {
			m.group.busy++
		}
	}
	q.counts[m.condition]--
	m.condition = c
	q.counts[c]++
	switch c {
	case ready:
		if m.group == nil {
			heap.Push(&q.ready, m)
		}
	case delayed, inFlight:
		heap.Push(&q.waiting, m)
	case gone:
		q.counts[gone]--
		delete(q.messages, m.seq)
		q.leaveGroup(m)
	}
	if m.group != nil {
		q.settleGroup(m.group)
	}
}

// leaveGroup takes a message out of its group. Those that go stand at the front mostly, so what is before it is moved.
func (q *queue) leaveGroup(m *message) {
	g := m.group
	if g == nil {
		return
	}
	for i, other := range g.messages {
		if other == m {
			copy(g.messages[1:i+1], g.messages[:i])
			g.messages[0] = nil
			g.messages = g.messages[1:]
			break
		}
	}
	if len(g.messages) == 0 {
		delete(q.groups, g.name)
	}
}

// settleGroup puts a group among those that can be received from, or takes it out.
func (q *queue) settleGroup(g *group) {
	open := len(g.messages) > 0 && g.messages[0].condition == ready
	switch {
	case g.at >= 0: // its head may be another one
		heap.Remove(&q.open, g.at)
		fallthrough
	default:
		if open {
			heap.Push(&q.open, g)
		}
	}
}

// place puts a message that is on disk where it belongs at the time.
func (q *queue) place(m *message, now int64) {
	switch {
	case m.receives == 0 && m.received == 0 && q.fifo():
		m.visible = m.sent + int64(q.settings.number(attrDelay))*1000 // the delay of a FIFO queue is that of the queue now
		if m.visible > now {
			q.become(m, delayed)
			return
		}
	case m.visible > now && m.receives == 0:
		q.become(m, delayed)
		return
	case m.visible > now:
		q.become(m, inFlight)
		return
	}
	q.become(m, ready)
}

// settle brings the queue to the time for an operation, behind the reports that are due. The mutex is held.
func (q *queue) settle(now int64) {
	q.report(now)
	q.mature(now)
	q.meter.accessed = now
}

// mature brings the queue to the time: what has waited long enough becomes visible, what is too old goes. The mutex is held.
func (q *queue) mature(now int64) {
	for len(q.waiting) > 0 && q.waiting[0].visible <= now {
		q.become(q.waiting[0], ready)
	}
	retention := int64(q.settings.number(attrRetention)) * 1000
	if len(q.messages) == 0 || q.oldest+retention > now {
		return
	}
	b := q.s.db.NewBatch()
	oldest := now
	for seq, m := range q.messages {
		switch {
		case m.condition == coming || m.condition == leaving || m.sent+retention > now:
			oldest = min(oldest, m.sent)
		default:
			q.become(m, gone)
			q.deleteEntries(b, seq)
		}
	}
	q.oldest = oldest
	// Without a sync: what comes back after a power cut is too old again.
	if err := b.Commit(pebble.NoSync); err != nil {
		q.s.log.Error("cannot delete old messages", "queue", q.record.Name, "error", err)
	}
	_ = b.Close()
}

// deleteEntries deletes all that is on disk of a message. The batch is in memory and cannot fail.
func (q *queue) deleteEntries(b *lsm.Batch, seq uint64) {
	for _, family := range []byte{familyMessage, familyBody, familyState} {
		_ = b.Delete(q.key(family, seq), nil)
	}
}

// wake lets everybody look again who waits for messages.
func (q *queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// nextAwaited is when the next message becomes visible for which somebody waits, 0 for never.
func (q *queue) nextAwaited() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.pollers == 0 || len(q.waiting) == 0 {
		return 0
	}
	return q.waiting[0].visible
}

const stateBytes = 28

// appendState writes what changes of a message: when it is visible, when it was received first and last, and how often.
func (m *message) appendState(dst []byte) []byte {
	for _, t := range []int64{m.visible, m.first, m.received} {
		dst = binary.BigEndian.AppendUint64(dst, uint64(t))
	}
	return binary.BigEndian.AppendUint32(dst, m.receives)
}

func (m *message) readState(value []byte) {
	if len(value) != stateBytes {
		return // nobody writes such a thing
	}
	at := func(i int) int64 { return int64(binary.BigEndian.Uint64(value[8*i:])) }
	m.visible, m.first, m.received = at(0), at(1), at(2)
	m.receives = binary.BigEndian.Uint32(value[24:])
}

// messageHeap is a heap of messages, the one that is or was visible first on top.
type messageHeap []*message

func (h messageHeap) Len() int { return len(h) }
func (h messageHeap) Less(i, j int) bool {
	return h[i].visible < h[j].visible || h[i].visible == h[j].visible && h[i].seq < h[j].seq
}
func (h messageHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push implements heap.Interface.
func (h *messageHeap) Push(v any) {
	m := v.(*message)
	m.at = len(*h)
	*h = append(*h, m)
}

// Pop implements heap.Interface.
func (h *messageHeap) Pop() any {
	m := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = nil
	*h = (*h)[:len(*h)-1]
	m.at = -1
	return m
}

// groupHeap is a heap of groups, the one on top of which the first message is or was visible first: a group that was received from stands behind the others, as
// recorded on AWS.
type groupHeap []*group

func (h groupHeap) Len() int { return len(h) }
func (h groupHeap) Less(i, j int) bool {
	return messageHeap{h[i].messages[0], h[j].messages[0]}.Less(0, 1)
}
func (h groupHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push implements heap.Interface.
func (h *groupHeap) Push(v any) {
	g := v.(*group)
	g.at = len(*h)
	*h = append(*h, g)
}

// Pop implements heap.Interface.
func (h *groupHeap) Pop() any {
	g := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = nil
	*h = (*h)[:len(*h)-1]
	g.at = -1
	return g
}
