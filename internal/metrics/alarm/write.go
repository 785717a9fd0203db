package alarm

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tutti-run/tutti/internal/metrics"
)

// writing is a change of alarms that becomes true when it is committed: documents, events, actions. The mutex is held all along.
type writing struct {
	a       *Alarms
	now     time.Time
	alarms  map[string]*Alarm // as they will be
	cause   *Alarm            // the alarm that a composite one goes by, for its reason
	changes []metrics.Change
	events  []Event
	owed    []owedAction
	added   map[string][]string // keys of history items by alarm
	dropped map[string]int      // how many of the oldest go
	err     error
}

func (a *Alarms) begin(now time.Time) *writing {
	return &writing{a: a, now: now, alarms: maps.Clone(a.alarms), added: map[string][]string{}, dropped: map[string]int{}}
}

func (w *writing) document(collection, key string, v any) {
	text, err := json.Marshal(v)
	w.err = errors.Join(w.err, err)
	w.changes = append(w.changes, metrics.Change{Collection: collection, Key: key, Value: text})
}

func (w *writing) put(n *Alarm) {
	w.alarms[n.Name] = n
	w.document(collectionAlarms, n.Name, n)
}

func (w *writing) delete(n *Alarm) {
	delete(w.alarms, n.Name)
	w.changes = append(w.changes, metrics.Change{Collection: collectionAlarms, Key: n.Name})
}

// commit makes the change durable and true.
func (w *writing) commit() error {
	if w.err != nil || len(w.changes) == 0 {
		return w.err
	}
	if err := w.a.cfg.Journal.Write(w.changes, w.events); err != nil {
		return fmt.Errorf("write alarms: %w", err)
	}
	a := w.a
	for name := range a.alarms {
		if w.alarms[name] != a.alarms[name] {
			delete(a.idle, name)
		}
	}
	a.alarms = w.alarms
	for name, keys := range w.added {
		a.history[name] = append(a.history[name], keys...)[w.dropped[name]:]
	}
	a.owed = append(a.owed, w.owed...)
	a.look()
	return nil
}

// set puts an alarm into a state, with its item in the history, its event and the actions that are owed.
func (w *writing) set(one *Alarm, s State) {
	before := one.State
	s.Updated, s.Transitioned = w.now, before.Transitioned
	if s.Value != before.Value {
		s.Transitioned = w.now
	}
	s.Reason, s.ReasonData = clip(s.Reason, maxReason), clip(s.ReasonData, maxReasonData)
	s.Suppressed = before.Suppressed
	if s.Value != before.Value {
		s.Suppressed = w.held(one, before, s.Value)
	}
	n := *one
	n.State = s
	w.put(&n)
	w.cause = &n
	if s.Value == before.Value {
		return
	}
	w.item(&n, StateUpdate, fmt.Sprintf("Alarm updated from %s to %s", before.Value, s.Value), stateUpdate(before, s))
	change := w.a.notification(&n, before)
	w.events = append(w.events, change.event())
	made := before.Suppressed != nil && before.Suppressed.Acted == s.Value // it is back where it was
	if s.Suppressed == nil && !made {
		w.owe(&n, change)
	}
}

// owe has the actions of the state performed that an alarm is in.
func (w *writing) owe(n *Alarm, change *Notification) {
	if !n.ActionsEnabled {
		return
	}
	for i, action := range actionsOf(n) {
		key := fmt.Sprintf("%020d-%06d-%d", w.now.UnixNano(), w.a.next(), i)
		o := owedAction{Key: key, Action: action, Notification: *change}
		w.document(collectionActions, key, o)
		w.owed = append(w.owed, o)
	}
}

// next numbers what happens at one time.
func (a *Alarms) next() int {
	a.sequence++
	return a.sequence
}

// actionsOf are those of the state that the alarm is in.
func actionsOf(n *Alarm) []string {
	switch n.State.Value {
	case OK:
		return n.OKActions
	case InAlarm:
		return n.AlarmActions
	}
	return n.InsufficientDataActions
}

// composites brings the composite alarms in line with those that they go by, until nothing changes any more. Rules that go round in a circle
// are followed once around.
func (w *writing) composites() {
	for range len(w.alarms) {
		changed := false
		for _, name := range slices.Sorted(maps.Keys(w.alarms)) {
			if one := w.alarms[name]; one.Composite() {
				changed = w.composite(one) || changed
			}
		}
		if !changed {
			return
		}
	}
}

// composite evaluates one composite alarm, and tells whether its state has changed.
func (w *writing) composite(one *Alarm) bool {
	state := func(name string) Value {
		if child := w.alarms[name]; child != nil {
			return child.State.Value
		}
		return ""
	}
	value := OK
	if one.rule.holds(state) {
		value = InAlarm
	}
	if value == one.State.Value {
		return w.suppress(one)
	}
	reason := fmt.Sprintf("%s was created and its alarm rule evaluates to %s", w.a.ARN(one.Name), value)
	if cause := w.cause; cause != nil && cause.Name != one.Name {
		reason = fmt.Sprintf("%s transitioned to %s at %s", w.a.ARN(cause.Name), cause.State.Value, w.now.Format(spokenTime))
	} else if one.State.Value != Insufficient {
		reason = fmt.Sprintf("%s was updated and its alarm rule evaluates to %s", w.a.ARN(one.Name), value)
	}
	w.set(one, State{Value: value, Reason: reason, ReasonData: w.triggers(one)})
	return true
}

// triggering are the alarms that a composite one goes by, as its reason has them for programs.
type triggering struct {
	Alarms []triggeringAlarm `json:"triggeringAlarms"`
}

type triggeringAlarm struct {
	ARN   string `json:"arn"`
	State struct {
		Value     Value  `json:"value"`
		Timestamp string `json:"timestamp"`
	} `json:"state"`
}

func (w *writing) triggers(one *Alarm) string {
	t := triggering{Alarms: []triggeringAlarm{}}
	if c := w.cause; c != nil && c.Name != one.Name && slices.Contains(one.Children(), c.Name) {
		in := triggeringAlarm{ARN: w.a.ARN(c.Name)}
		in.State.Value, in.State.Timestamp = c.State.Value, c.State.Transitioned.Format(dataTime)
		t.Alarms = append(t.Alarms, in)
	}
	text, err := json.Marshal(t)
	w.err = errors.Join(w.err, err)
	return string(text)
}
