package alarm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/sfn"
)

// The exceptions of the API that are raised here, by the names of their shapes.
const (
	ResourceNotFound   sfn.ExceptionName = "ResourceNotFound"   // no such alarm
	LimitExceededFault sfn.ExceptionName = "LimitExceededFault" // more alarms than an account may have
	InvalidFormatFault sfn.ExceptionName = "InvalidFormatFault" // a state's data are no JSON
)

// Journal is where alarms, their histories and the actions that are owed are kept.
type Journal interface {
	// Documents yields the documents of a collection whose keys begin with prefix, by key in ascending order.
	Documents(collection, prefix string) iter.Seq2[metrics.Document, error]
	// Write makes the changes, all or none, with what is owed for the events, and returns when they are on disk.
	Write(changes []metrics.Change, events []Event) error
}

// Metrics answers queries; *metrics.Service does.
type Metrics interface {
	Data(queries []metrics.Query, from, to time.Time) ([]metrics.Series, error)
}

// Performer performs actions of one kind.
type Performer interface {
	// Perform returns when the action has been taken over. An error that is [Permanent] is not tried again.
	Perform(ctx context.Context, action string, n *Notification) error
}

// Permanent says that trying again is of no use.
type Permanent struct{ Err error }

func (p *Permanent) Error() string { return p.Err.Error() }

// Unwrap returns the cause.
func (p *Permanent) Unwrap() error { return p.Err }

// Config says what [Alarms] work with. Journal and Metrics are required.
type Config struct {
	Journal Journal
	Metrics Metrics
	Place   sfn.Place // zero means sfn.DefaultPlace
	// Performers are the kinds of actions that are performed, by the service in their ARNs.
	Performers map[string]Performer
	// Clock is when alarms are evaluated; nil means the computer's.
	Clock *clock.Clock
	// Log receives our own trouble; nil discards it.
	Log *slog.Logger
}

// Alarms keeps alarms and evaluates them. All methods may be called by any goroutine.
type Alarms struct {
	cfg    Config
	wake   chan struct{} // holds a token when there is something to look at
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu        sync.Mutex
	alarms    map[string]*Alarm   // by name; an alarm never changes, it is replaced
	history   map[string][]string // keys of items by alarm, the oldest first
	sequence  int
	evaluated time.Time            // up to when all alarms have been evaluated
	idle      map[string]time.Time // while times that are over are gone through: until when an alarm cannot change
	owed      []owedAction
	started   bool
}

// The collections of documents.
const (
	collectionAlarms  = "alarms"
	collectionHistory = "alarm-history"
	collectionActions = "alarm-actions"
)

// New reads what is stored. Start begins to evaluate.
func New(cfg Config) (*Alarms, error) {
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Place == (sfn.Place{}) {
		cfg.Place = sfn.DefaultPlace()
	}
	a := &Alarms{cfg: cfg, wake: make(chan struct{}, 1), alarms: map[string]*Alarm{}, history: map[string][]string{}, idle: map[string]time.Time{}}
	for d, err := range cfg.Journal.Documents(collectionAlarms, "") {
		one := new(Alarm)
		if err = errors.Join(err, json.Unmarshal(d.Value, one)); err == nil {
			err = one.Check()
		}
		if err != nil {
			return nil, fmt.Errorf("read the alarm %s: %w", d.Key, err)
		}
		a.alarms[one.Name] = one
	}
	for d, err := range cfg.Journal.Documents(collectionHistory, "") {
		if err != nil {
			return nil, fmt.Errorf("read the histories of alarms: %w", err)
		}
		name, _, _ := strings.Cut(d.Key, "\x00")
		a.history[name] = append(a.history[name], d.Key)
	}
	for d, err := range cfg.Journal.Documents(collectionActions, "") {
		var one owedAction
		if err = errors.Join(err, json.Unmarshal(d.Value, &one)); err != nil {
			return nil, fmt.Errorf("read the actions of alarms: %w", err)
		}
		a.owed = append(a.owed, one)
	}
	return a, nil
}

// ARN is that of the alarm name.
func (a *Alarms) ARN(name string) string { return a.arn("alarm:" + name) }

func (a *Alarms) arn(resource string) string {
	p := a.cfg.Place
	return sfn.ARN{Partition: p.Partition, Service: "cloudwatch", Region: p.Region, Account: p.Account, Resource: resource}.String()
}

// now is the time of changes, to the millisecond, as the API tells times.
func (a *Alarms) now() time.Time { return a.cfg.Clock.Now().UTC().Truncate(time.Millisecond) }

// Put creates an alarm or replaces the configuration of the one of its name, whose state stays. Tags are those of a new alarm. One that is the
// same already is left alone. The error may be an *Invalid or LimitExceededFault.
func (a *Alarms) Put(n Alarm) error {
	if err := n.Check(); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.checkChildren(&n); err != nil {
		return err
	}
	before := a.alarms[n.Name]
	now := a.now()
	switch {
	case before == nil && len(a.alarms) >= MaxAlarms:
		return sfn.Refuse(LimitExceededFault, "The maximum limit of %d alarms has been reached.", MaxAlarms)
	case before == nil:
		n.State = State{Value: Insufficient, Reason: "Unchecked: Initial alarm creation", Updated: now, Transitioned: now}
	case before.Composite() != n.Composite():
		return invalid("AlarmName", "Alarm with the same name but different type already exists")
	default:
		n.State, n.Tags, n.Updated, n.rule = before.State, before.Tags, before.Updated, before.rule
		if reflect.DeepEqual(*before, n) {
			return nil
		}
		if err := n.Check(); err != nil { // for its rule
			return err
		}
	}
	n.Updated = now
	w := a.begin(now)
	if n.Suppressor == nil {
		n.State.Suppressed = nil
	}
	w.put(&n)
	w.configured(before, &n)
	if n.Composite() {
		w.cause = &n
		w.composites()
	}
	return w.commit()
}

// checkChildren refuses a rule about alarms that are not there.
func (a *Alarms) checkChildren(n *Alarm) error {
	if !n.Composite() {
		return nil
	}
	var missing []string
	for _, name := range n.rule.alarms(nil) {
		if a.alarms[name] == nil && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
		if name == n.Name {
			return invalid("AlarmRule", "AlarmRule must not refer to the alarm itself.")
		}
	}
	if n.Suppressor != nil && a.alarms[n.Suppressor.Name] == nil {
		return invalid("ActionsSuppressor", "Could not save the composite alarm as the alarm [%s] in ActionsSuppressor does not exist", n.Suppressor.Name)
	}
	if len(missing) > 0 {
		return invalid("AlarmRule", "Could not save the composite alarm as alarms [%s] in the alarm rule do not exist", strings.Join(missing, ", "))
	}
	return nil
}

// Delete deletes alarms, all or, if there is one that is not, none. Their histories stay. The error may be ResourceNotFound.
func (a *Alarms) Delete(names ...string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.begin(a.now())
	for _, name := range names {
		one := a.alarms[name]
		if one == nil {
			return noAlarm(name)
		}
		w.delete(one)
		w.configured(one, nil)
	}
	w.composites()
	return w.commit()
}

func noAlarm(name string) error { return sfn.Refuse(ResourceNotFound, "Alarm %s does not exist", name) }

// Alarm returns one alarm. The error may be ResourceNotFound.
func (a *Alarms) Alarm(name string) (Alarm, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one := a.alarms[name]
	if one == nil {
		return Alarm{}, noAlarm(name)
	}
	return *one, nil
}

// List returns all alarms by name.
func (a *Alarms) List() []Alarm {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]Alarm, 0, len(a.alarms))
	for _, name := range slices.Sorted(maps.Keys(a.alarms)) {
		list = append(list, *a.alarms[name])
	}
	return list
}

// Children lists the names of the alarms that a composite alarm's rule refers to.
func (a *Alarm) Children() []string {
	if a.rule == nil {
		return nil
	}
	names := a.rule.alarms(nil)
	slices.Sort(names)
	return slices.Compact(names)
}

// SetState puts an alarm into a state until it is evaluated the next time. The error may be ResourceNotFound or InvalidFormatFault.
func (a *Alarms) SetState(name string, value Value, reason, data string) error {
	if data != "" && !json.Valid([]byte(data)) {
		return sfn.Refuse(InvalidFormatFault, "StateReasonData is not valid JSON")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	one := a.alarms[name]
	if one == nil {
		return noAlarm(name)
	}
	now := a.now()
	w := a.begin(now)
	w.set(one, State{Value: value, Reason: reason, ReasonData: data})
	w.composites()
	return w.commit()
}

// EnableActions lets the actions of alarms be performed, or not. Names of which there is none are passed by.
func (a *Alarms) EnableActions(enabled bool, names ...string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.begin(a.now())
	for _, name := range names {
		one := a.alarms[name]
		if one == nil || one.ActionsEnabled == enabled {
			continue
		}
		n := *one
		n.ActionsEnabled, n.Updated = enabled, w.now
		w.put(&n)
		w.configured(one, &n)
	}
	return w.commit()
}

// SetTags replaces the tags of an alarm by what edit makes of them. The error may be ResourceNotFound, or edit's.
func (a *Alarms) SetTags(name string, edit func(tags map[string]string) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	one := a.alarms[name]
	if one == nil {
		return noAlarm(name)
	}
	n := *one
	n.Tags = map[string]string{}
	maps.Copy(n.Tags, one.Tags)
	if err := edit(n.Tags); err != nil {
		return err
	}
	w := a.begin(a.now())
	w.put(&n)
	return w.commit()
}
