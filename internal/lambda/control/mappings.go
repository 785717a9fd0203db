package control

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Queues are the queues that mappings poll.
type Queues interface {
	// Queue describes a queue by its ARN; ok is false if there is none.
	Queue(arn string) (q QueueInfo, ok bool)
	// Receive receives up to most messages, at most ten, and waits for some. It returns none when the time is over or the queue is gone for now.
	Receive(ctx context.Context, arn string, most int, wait time.Duration) ([]QueueMessage, error)
	// Delete deletes messages by their receipt handles.
	Delete(arn string, receipts []string) error
	// Release makes messages visible again.
	Release(arn string, receipts []string) error
}

// QueueInfo is what a mapping needs to know of a queue.
type QueueInfo struct {
	FIFO       bool
	Visibility int // seconds
}

// QueueMessage is a message that was received.
type QueueMessage struct {
	ID, Receipt, Body string
	// MD5OfBody and MD5OfAttributes are digests; the latter is "" without attributes.
	MD5OfBody, MD5OfAttributes string
	// System are the system attributes.
	System     map[string]string
	Attributes map[string]QueueAttribute
}

// QueueAttribute is an attribute of a message.
type QueueAttribute struct {
	DataType, String string
	Binary           []byte
}

// mappings are the event source mappings, and those who poll for them.
type mappings struct {
	plane    *Plane
	wg       sync.WaitGroup // pollers, and the batches that they have under way
	changing sync.Mutex     // held by who changes mappings, over the write to the journal

	mu      sync.Mutex
	stored  map[string]*storedMapping // by UUID; a mapping never changes, it is replaced
	present map[string]bool           // those that are there: a template's is when it was deployed
	pollers map[string]*poller
	polling bool // StartPolling was called
	active  int  // invocations under way
	done    uint64
}

func newMappings(p *Plane) *mappings {
	return &mappings{plane: p, stored: map[string]*storedMapping{}, present: map[string]bool{}, pollers: map[string]*poller{}}
}

// get returns a mapping that is there, nil for none.
func (s *mappings) get(id string) *storedMapping {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.present[id] {
		return nil
	}
	return s.stored[id]
}

// all lists the mappings that are stored, by UUID.
func (s *mappings) all() []*storedMapping {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*storedMapping, 0, len(s.stored))
	for _, m := range s.stored {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *storedMapping) int { return cmp.Compare(a.UUID, b.UUID) })
	return list
}

// list lists the mappings that are there, by UUID.
func (s *mappings) list() []*storedMapping {
	all := s.all()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(all, func(m *storedMapping) bool { return !s.present[m.UUID] })
}

// put stores a mapping and has it polled for. s.changing is held.
func (s *mappings) put(m *storedMapping) error {
	value, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode an event source mapping: %w", err)
	}
	if err := s.plane.cfg.Journal.Write([]Change{{mappingsCollection, m.UUID, value}}); err != nil {
		return fmt.Errorf("record an event source mapping: %w", err)
	}
	s.mu.Lock()
	s.stored[m.UUID], s.present[m.UUID] = m, true
	s.mu.Unlock()
	return s.poll(m)
}

// remove deletes a mapping. What its poller has under way may end. s.changing is held.
func (s *mappings) remove(id string) error {
	if err := s.plane.cfg.Journal.Write([]Change{{Collection: mappingsCollection, Key: id}}); err != nil {
		return fmt.Errorf("record an event source mapping: %w", err)
	}
	s.mu.Lock()
	delete(s.stored, id)
	delete(s.present, id)
	s.mu.Unlock()
	s.stop(id)
	return nil
}

// poll has a mapping's queue polled as the mapping says, or no longer.
func (s *mappings) poll(m *storedMapping) error {
	s.mu.Lock()
	running, polling := s.pollers[m.UUID], s.polling
	s.mu.Unlock()
	if !polling {
		return nil
	}
	if running != nil && encode(running.m) == encode(m) {
		return nil
	}
	s.stop(m.UUID)
	if m.State != mappingEnabled {
		return nil
	}
	poller, err := newPoller(s, m)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.pollers[m.UUID] = poller
	s.mu.Unlock()
	poller.start()
	return nil
}

// stop ends a poller. What it has received and not begun with is visible again.
func (s *mappings) stop(id string) {
	s.mu.Lock()
	poller := s.pollers[id]
	delete(s.pollers, id)
	s.mu.Unlock()
	if poller != nil {
		poller.stop()
	}
}

// StartPolling begins to poll the queues of all mappings.
func (p *Plane) StartPolling() error {
	p.mappings.changing.Lock()
	defer p.mappings.changing.Unlock()
	p.mappings.mu.Lock()
	p.mappings.polling = p.cfg.Queues != nil && p.ctx.Err() == nil
	p.mappings.mu.Unlock()
	for _, m := range p.mappings.list() {
		if err := p.mappings.poll(m); err != nil {
			p.cfg.Log.Error("an event source mapping does not poll", "mapping", m.UUID, "error", err)
		}
	}
	return nil
}

// close ends all pollers and waits for the invocations that they have under way, which the plane's context ends.
func (s *mappings) close() {
	s.mu.Lock()
	s.polling = false
	var list []*poller
	for _, poller := range s.pollers {
		list = append(list, poller)
	}
	clear(s.pollers)
	s.mu.Unlock()
	for _, poller := range list {
		poller.stop()
	}
	s.wg.Wait()
}

// count tells of an invocation that begins or ends.
func (s *mappings) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active += n
	s.done++
}

// quiet tells whether no function is invoked for a mapping, and a number that grows with each.
func (s *mappings) quiet() (bool, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active == 0, s.done
}

// nextDue is when the next batching window ends.
func (s *mappings) nextDue() (due time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, poller := range s.pollers {
		if at := poller.windowEnd.Load(); at != nil && (!ok || at.Before(due)) {
			due, ok = *at, true
		}
	}
	return due, ok
}
