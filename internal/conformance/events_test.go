package conformance

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/trigger"
)

// eventQueues are the queues that rules send events to.
type eventQueues struct {
	mu    sync.Mutex
	heard map[string][]string // inputs by the queue's name
}

// Deliver implements trigger.Deliverer.
func (q *eventQueues) Deliver(_ context.Context, m trigger.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	name := m.Target[strings.LastIndexByte(m.Target, ':')+1:]
	q.heard[name] = append(q.heard[name], m.Input)
	return nil
}

// rule makes a rule that sends what the step's pattern matches to the queue.
func (p *player) rule(s *step, queue string) error {
	pattern, err := p.fill(s.Pattern)
	if err != nil {
		return err
	}
	for _, call := range []struct {
		operation string
		params    map[string]any
	}{
		{"PutRule", map[string]any{"Name": s.Save, "EventPattern": compact(pattern)}},
		{"PutTargets", map[string]any{"Rule": s.Save, "Targets": []any{map[string]any{"Id": "queue", "Arn": queue}}}},
	} {
		if r := p.service.wire(p.ctx, "AWSEvents."+call.operation, p.place(""), call.params); r.err != nil {
			return fmt.Errorf("%s: %s: %s", call.operation, r.err.code, r.err.message)
		}
	}
	return nil
}

// eventbridgeEvents saves the events that a queue got, in the order of their details. Whoever receives a message and does not delete it gets it
// again, as the recorder did where it waited for more than there were.
func (p *player) eventbridgeEvents(s *step) error {
	queue, err := p.fill(s.Queue)
	if err != nil {
		p.fail(levelResult, s.Await, err.Error())
		return errStop
	}
	time.Sleep(time.Minute)
	p.queues.mu.Lock()
	inputs := slices.Clone(p.queues.heard[path.Base(textOf(queue))])
	p.queues.mu.Unlock()
	for i := 0; len(inputs) > 0 && len(inputs) < s.Count; i++ {
		inputs = append(inputs, inputs[i])
	}
	events := []any{}
	for _, input := range inputs {
		event, err := decodeJSON(input)
		if err != nil {
			p.fail(levelResult, s.Await, err.Error())
			return errStop
		}
		events = append(events, event)
	}
	slices.SortStableFunc(events, func(a, b any) int {
		one, _ := descend(a, ".detail")
		other, _ := descend(b, ".detail")
		return cmp.Compare(compact(one), compact(other))
	})
	p.save(s.Save, events)
	return nil
}
