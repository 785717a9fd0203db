package alarm

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/metrics"
)

// ItemType is the kind of an item in an alarm's history.
type ItemType string

// The kinds of items (API reference, AlarmHistoryItem).
const (
	ConfigurationUpdate ItemType = "ConfigurationUpdate" // the alarm was created, changed or deleted
	StateUpdate         ItemType = "StateUpdate"         // its state changed
	Action              ItemType = "Action"              // an action was performed, or could not be
)

// Item is an item of an alarm's history.
type Item struct {
	Alarm     string    `json:"alarm"`
	Composite bool      `json:"composite,omitempty"`
	Time      time.Time `json:"time"`
	Type      ItemType  `json:"type"`
	Summary   string    `json:"summary"`
	Data      string    `json:"data"` // JSON
}

const (
	// historyFor is how long items are kept (user guide, "Common features of alarms"), maxHistory how many of an alarm.
	historyFor = 14 * day
	maxHistory = 1000
	// maxItemData is how long an item's data are (API reference, AlarmHistoryItem).
	maxItemData = 4095
)

// historyKey orders items by alarm and time.
func historyKey(name string, at time.Time, sequence int) string {
	return fmt.Sprintf("%s\x00%020d-%06d", name, at.UnixNano(), sequence)
}

// keyTime is when the item of a key was written.
func keyTime(key string) time.Time {
	_, rest, _ := strings.Cut(key, "\x00")
	nanos, _, _ := strings.Cut(rest, "-")
	n, _ := strconv.ParseInt(nanos, 10, 64) // it was written by historyKey
	return time.Unix(0, n)
}

// item adds an item to an alarm's history, and drops what is too old or too much.
func (w *writing) item(n *Alarm, kind ItemType, summary string, data any) {
	text, err := json.Marshal(data)
	w.err = errors.Join(w.err, err)
	key := historyKey(n.Name, w.now, w.a.next())
	w.document(collectionHistory, key, Item{n.Name, n.Composite(), w.now, kind, clip(summary, maxName), clip(string(text), maxItemData)})
	w.added[n.Name] = append(w.added[n.Name], key)
	keys := w.a.history[n.Name]
	for w.dropped[n.Name] < len(keys) {
		oldest := keys[w.dropped[n.Name]]
		if len(keys)+len(w.added[n.Name])-w.dropped[n.Name] <= maxHistory && w.now.Sub(keyTime(oldest)) <= historyFor {
			break
		}
		w.changes = append(w.changes, metrics.Change{Collection: collectionHistory, Key: oldest})
		w.dropped[n.Name]++
	}
}

// stateItem is the data of an item about a state.
type stateItem struct {
	Version  string     `json:"version"`
	OldState stateShown `json:"oldState"`
	NewState stateShown `json:"newState"`
}

type stateShown struct {
	Value  Value           `json:"stateValue"`
	Reason string          `json:"stateReason"`
	Data   json.RawMessage `json:"stateReasonData,omitempty"`
}

func stateUpdate(before, after State) stateItem {
	show := func(s State) stateShown {
		shown := stateShown{Value: s.Value, Reason: s.Reason}
		if json.Valid([]byte(s.ReasonData)) {
			shown.Data = json.RawMessage(s.ReasonData)
		}
		return shown
	}
	return stateItem{"1.0", show(before), show(after)}
}

// configured adds an item about an alarm that was created, if before is nil, deleted, if after is, or else changed.
func (w *writing) configured(before, after *Alarm) {
	type configuration struct {
		Version string         `json:"version"`
		Type    string         `json:"type"`
		Created map[string]any `json:"createdAlarm,omitempty"`
		Updated map[string]any `json:"updatedAlarm,omitempty"`
		Deleted map[string]any `json:"deletedAlarm,omitempty"`
	}
	c := configuration{Version: "1.0"}
	n, verb := after, "updated"
	switch {
	case before == nil:
		c.Type, c.Created, verb = "Create", w.a.shown(after), "created"
	case after == nil:
		c.Type, c.Deleted, verb, n = "Delete", w.a.shown(before), "deleted", before
	default:
		c.Type, c.Updated = "Update", w.a.shown(after)
	}
	w.item(n, ConfigurationUpdate, fmt.Sprintf("Alarm %q %s", n.Name, verb), c)
	w.events = append(w.events, w.a.configurationEvent(before, after, strings.ToLower(c.Type)))
}

// HistoryFilter says which items of histories to list. What is empty takes all.
type HistoryFilter struct {
	Alarm      string
	Type       ItemType
	From, To   time.Time
	Composites bool // items of composite alarms
	Metrics    bool // items of metric alarms
}

// History lists items, the oldest first by alarm.
func (a *Alarms) History(f HistoryFilter) ([]Item, error) {
	prefix := ""
	if f.Alarm != "" {
		prefix = f.Alarm + "\x00"
	}
	var list []Item
	for d, err := range a.cfg.Journal.Documents(collectionHistory, prefix) {
		var one Item
		if err = errors.Join(err, json.Unmarshal(d.Value, &one)); err != nil {
			return nil, fmt.Errorf("read the history of alarms: %w", err)
		}
		switch {
		case f.Type != "" && one.Type != f.Type,
			!f.From.IsZero() && one.Time.Before(f.From),
			!f.To.IsZero() && one.Time.After(f.To),
			one.Composite && !f.Composites,
			!one.Composite && !f.Metrics:
			continue
		}
		list = append(list, one)
	}
	return list, nil
}
