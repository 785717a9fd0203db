package trigger

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/value"
)

// EventEntry is an event as PutEvents takes it.
type EventEntry struct {
	Time       time.Time // zero: now
	Source     string
	Resources  []string
	DetailType string
	Detail     string // a JSON object
	Bus        string // name or ARN; "" is the default bus
}

// EventResult is what became of an entry: it has the event's id, or why it was refused.
type EventResult struct{ EventID, ErrorCode, ErrorMessage string }

// MaxEntryBytes is how much all entries of one request may hold (API reference, PutEvents).
const MaxEntryBytes = 256 << 10

// Size is what counts of an entry towards MaxEntryBytes (user guide, "Calculating PutEvents event entry size").
func (n *EventEntry) Size() int {
	size := len(n.Source) + len(n.DetailType) + len(n.Detail)
	if !n.Time.IsZero() {
		size += 14
	}
	for _, r := range n.Resources {
		size += len(r)
	}
	return size
}

// eventTime is how events tell times.
const eventTime = "2006-01-02T15:04:05Z"

// PutEvents takes events and returns, entry by entry, what became of them, once what is owed for them is on disk. ErrorCodes are AWS's.
func (e *Events) PutEvents(entries []EventEntry) (results []EventResult, err error) {
	began := time.Now()
	defer func() { e.countPut(began, entries, results, err) }()
	results = make([]EventResult, 0, len(entries))
	var all effects
	for i := range entries {
		event, result := e.event(&entries[i])
		if result.ErrorCode == "" {
			e.cause(&all, BusName(entries[i].Bus), result.EventID, event)
		}
		results = append(results, result)
	}
	if len(all.owed) == 0 && len(all.kept) == 0 {
		return results, nil
	}
	b := e.cfg.Store.NewBatch()
	if err := e.put(b, &all); err != nil {
		return nil, err
	}
	if err := e.cfg.Store.Commit(b); err != nil {
		return nil, err
	}
	e.committed(&all)
	return results, nil
}

// event checks an entry and makes the event of it.
func (e *Events) event(n *EventEntry) (*value.Object, EventResult) {
	required := []struct{ name, text string }{{"Source", n.Source}, {"DetailType", n.DetailType}, {"Detail", n.Detail}}
	for _, r := range required {
		if r.text == "" {
			return nil, EventResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter " + r.name + " is not valid. Reason: " + r.name + " is a required argument."}
		}
	}
	detail, err := value.Parse(n.Detail)
	if _, ok := detail.(*value.Object); !ok || err != nil {
		return nil, EventResult{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
	}
	if len(n.Source) >= 4 && n.Source[:4] == "aws." {
		return nil, EventResult{ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source."}
	}
	return e.make(n, detail)
}

// make makes the event.
func (e *Events) make(n *EventEntry, detail value.Value) (*value.Object, EventResult) {
	at := n.Time
	if at.IsZero() {
		at = e.cfg.Clock.Now()
	}
	resources := make(value.Array, 0, len(n.Resources))
	for _, r := range n.Resources {
		resources = append(resources, value.String(r))
	}
	id := uuid.NewString()
	return value.NewObject(
		value.Member{Name: "version", Value: value.String("0")},
		value.Member{Name: "id", Value: value.String(id)},
		value.Member{Name: "detail-type", Value: value.String(n.DetailType)},
		value.Member{Name: "source", Value: value.String(n.Source)},
		value.Member{Name: "account", Value: value.String(e.cfg.Place.Account)},
		value.Member{Name: "time", Value: value.String(at.UTC().Format(eventTime))},
		value.Member{Name: "region", Value: value.String(e.cfg.Place.Region)},
		value.Member{Name: "resources", Value: resources},
		value.Member{Name: "detail", Value: detail},
	), EventResult{EventID: id}
}

// Listens tells whether anybody might hear of events of Step Functions on the default bus.
func (e *Events) Listens() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, r := range e.rules[DefaultBus] {
		if r.ofStates && !r.Disabled {
			return true
		}
	}
	return slices.ContainsFunc(e.archivesOf[DefaultBus], (*Archive).ofStates)
}

// PutIn adds to the batch what is caused by an event of an AWS service on the default bus. committed is to be called once the batch is on
// disk.
func (e *Events) PutIn(b *store.Batch, n EventEntry) (committed func(), err error) {
	detail, err := value.Parse(n.Detail)
	if err != nil {
		return nil, err
	}
	event, result := e.make(&n, detail)
	var all effects
	e.cause(&all, DefaultBus, result.EventID, event)
	if err := e.put(b, &all); err != nil {
		return nil, err
	}
	return func() { e.committed(&all) }, nil
}

// PutOwn puts an event of an AWS service on the default bus, and returns once what it causes is on disk.
func (e *Events) PutOwn(n EventEntry) error {
	b := e.cfg.Store.NewBatch()
	committed, err := e.PutIn(b, n)
	if err == nil {
		err = e.cfg.Store.Commit(b)
	}
	if err == nil {
		committed()
	}
	return err
}

// maxHops ends events that buses send around in circles.
const maxHops = 5

// effects are what events cause: what is owed to targets, and what archives keep. They are committed together.
type effects struct {
	owed []*Delivery
	kept []kept
}

// put adds effects to the batch. Once that is on disk, they must be given to committed.
func (e *Events) put(b *store.Batch, all *effects) error {
	if err := e.outbox.Put(b, all.owed...); err != nil {
		return err
	}
	return e.putKept(b, all.kept)
}

// committed takes on effects that are on disk.
func (e *Events) committed(all *effects) {
	for _, k := range all.kept {
		k.archive.size.add(1, k.size)
	}
	e.outbox.Add(all.owed...)
}

// cause adds what an event on a bus causes.
func (e *Events) cause(all *effects, bus, id string, event *value.Object) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	e.causeAfter(all, bus, id, event, 0)
}

// causeAfter does it behind so many buses. A mutex is held.
func (e *Events) causeAfter(all *effects, bus, id string, event *value.Object, hops int) {
	e.keep(all, bus, event)
	for _, r := range e.rules[bus] {
		e.causeBy(all, r, id, event, hops)
	}
}

// causeBy adds what an event causes by a rule of its bus, if it matches. A mutex is held.
func (e *Events) causeBy(all *effects, r *Rule, id string, event *value.Object, hops int) {
	if !r.Disabled && r.pattern != nil && r.pattern.Match(event) {
		e.meters.of(e.RuleARN(r.Bus, r.Name)).Add(metricMatched, e.cfg.Clock.Now(), 1)
		e.trigger(all, r, id, event, hops)
	}
}

// trigger adds what is owed for an event to the targets of a rule. A mutex is held.
func (e *Events) trigger(all *effects, r *Rule, id string, event *value.Object, hops int) {
	now, arn := e.cfg.Clock.Now(), e.RuleARN(r.Bus, r.Name)
	counters := e.meters.of(arn)
	counters.Add(metricTriggered, now, 1)
	for i := range r.Targets {
		t := &r.Targets[i]
		if arn, err := sfn.ParseARN(t.ARN); err == nil && arn.Service == "events" && strings.HasPrefix(arn.Resource, "event-bus/") {
			if hops < maxHops { // another bus: what its rules owe is owed at once
				e.causeAfter(all, BusName(t.ARN), id, event, hops+1)
			}
			continue
		}
		make, err := newInput(t)
		if err != nil {
			continue // it was checked when it was put
		}
		counters.Add(metricCreated, now, 1)
		d := newDelivery(arn, t, id, make(event, about{arn, r.Name, now}), now)
		d.HTTP, _ = t.HTTPParameters.of(event) // as above
		all.owed = append(all.owed, d)
	}
}

// newDelivery is what is owed to one target.
func newDelivery(rule string, t *Target, id, input string, now time.Time) *Delivery {
	d := &Delivery{Key: uuid.Must(uuid.NewV7()).String(), Letter: map[string]string{"RULE_ARN": rule}}
	d.Message = Message{Target: t.ARN, ID: id + "_" + d.Key, Input: input}
	if t.SQSParameters != nil {
		d.GroupID = t.SQSParameters.MessageGroupID
	}
	d.Keep(now, t.RetryPolicy, t.DeadLetterConfig)
	return d
}
