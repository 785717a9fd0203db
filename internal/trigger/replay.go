package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/value"
)

// IllegalStatusException refuses to cancel a replay that is over.
const IllegalStatusException sfn.ExceptionName = "IllegalStatusException"

// ReplayState is how a replay stands.
type ReplayState string

// The states of replays.
const (
	ReplayStarting   ReplayState = "STARTING"
	ReplayRunning    ReplayState = "RUNNING"
	ReplayCancelling ReplayState = "CANCELLING"
	ReplayCompleted  ReplayState = "COMPLETED"
	ReplayCancelled  ReplayState = "CANCELLED"
	ReplayFailed     ReplayState = "FAILED"
)

// over tells that nothing more comes of a replay.
func (s ReplayState) over() bool {
	return s == ReplayCompleted || s == ReplayCancelled || s == ReplayFailed
}

const (
	// maxReplays is how many replays may be under way (user guide, "Replaying archived events").
	maxReplays = 10
	// replayKept is how long a replay is shown after its end (user guide, "Replaying archived events").
	replayKept = 90 * 24 * time.Hour
	// replayName is the member of replayed events that names the replay.
	replayName = "replay-name"
	// replayedAtOnce and replayedBytes bound how many events one commit replays.
	replayedAtOnce = 256
	replayedBytes  = 4 << 20
	// maxBacklog is how many deliveries that are due keep replays waiting, so that a large archive does not become as large an outbox.
	maxBacklog = 4096
	// backlogPause is how long a replay waits then before it looks again, of the computer's time.
	backlogPause = 50 * time.Millisecond
)

// Replay sends events of an archive to the archive's bus again. It never changes once it is stored; it is replaced.
type Replay struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Archive     string `json:"archive"`
	Bus         string `json:"bus"`
	// Rules are the ARNs of those rules of the bus that get the events; nil: all.
	Rules []string `json:"rules,omitempty"`
	// Start and End bound the times of the events that are replayed; End itself is not among them.
	Start  time.Time   `json:"start"`
	End    time.Time   `json:"end"`
	State  ReplayState `json:"state"`
	Reason string      `json:"reason,omitempty"`
	Began  time.Time   `json:"began"`
	Ended  time.Time   `json:"ended,omitzero"`
	// Last is the time of the event that was replayed last, zero if none was.
	Last time.Time `json:"last,omitzero"`

	// ArchiveID tells the archive from a later one of its name.
	ArchiveID string `json:"archiveId"`
}

// The collections of replays. How far a replay has come is a document of its own, which is written with what the events cause.
const (
	collectionReplays   = "event-replays"
	collectionPositions = "event-replay-positions"
)

// position is how far a replay has come: it has the key of the event that was replayed last, "" for none.
type position struct {
	After string `json:"after"`
}

// last is the time of the event that was replayed last, zero if none was.
func (p position) last() time.Time {
	if p.After == "" {
		return time.Time{}
	}
	return time.Unix(archivedTime(p.After), 0).UTC()
}

// replays are the replays of an [Events]. Its mutex is held over commits of replays' states, not over those of what they cause.
type replays struct {
	mu     sync.Mutex
	all    map[string]*Replay              // by name
	at     map[string]position             // of those under way
	start  func(run func(context.Context)) // nil until the events are started
	wg     sync.WaitGroup
	cancel context.CancelFunc
	active atomic.Int64
	worked atomic.Uint64 // steps so far
}

// loadReplays reads the replays. Those under way go on when the events are started.
func (e *Events) loadReplays() error {
	r := &e.replays
	r.all, r.at = map[string]*Replay{}, map[string]position{}
	for d, err := range e.cfg.Store.Documents(collectionReplays, "", "") {
		one := new(Replay)
		if err = errors.Join(err, json.Unmarshal(d.Value, one)); err != nil {
			return fmt.Errorf("read the replays: %w", err)
		}
		r.all[one.Name] = one
	}
	for d, err := range e.cfg.Store.Documents(collectionPositions, "", "") {
		var at position
		if err = errors.Join(err, json.Unmarshal(d.Value, &at)); err != nil {
			return fmt.Errorf("read how far replays have come: %w", err)
		}
		r.at[d.Key] = at
	}
	return nil
}

// startReplays lets replays run, first of all those that an earlier life of the process has left.
func (e *Events) startReplays() {
	r := &e.replays
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background()) // Close ends it
	r.cancel = cancel
	r.start = func(run func(context.Context)) {
		r.active.Add(1)
		r.wg.Go(func() {
			defer r.active.Add(-1)
			run(ctx)
		})
	}
	for name, one := range r.all {
		if !one.State.over() {
			r.start(func(ctx context.Context) { e.replay(ctx, name) })
		}
	}
	r.wg.Go(func() { e.tidy(ctx) })
}

// stopReplays ends replaying; what is left goes on in the next process.
func (r *replays) stop() {
	r.mu.Lock()
	cancel := r.cancel
	r.start = nil
	r.mu.Unlock()
	if cancel != nil {
		cancel()
		r.wg.Wait()
	}
}

// ReplayARN is the ARN of the replay name.
func (e *Events) ReplayARN(name string) string { return e.arn("replay/" + name) }

func noReplay(name string) error {
	return sfn.Refuse(ResourceNotFoundException, "Replay %s does not exist.", name)
}

// StartReplay begins to send the events of an archive to its bus again. The error may be ResourceNotFoundException, ResourceAlreadyExistsException,
// LimitExceededException or ValidationException.
func (e *Events) StartReplay(one Replay) (Replay, error) {
	archive, err := e.replayed(&one)
	if err != nil {
		return one, err
	}
	one.ArchiveID, one.State, one.Began = archive.ID, ReplayStarting, e.cfg.Clock.Now().UTC()
	r := &e.replays
	r.mu.Lock()
	defer r.mu.Unlock()
	under := 0
	for _, other := range r.all {
		if !other.State.over() {
			under++
		}
	}
	switch {
	case r.all[one.Name] != nil:
		return one, sfn.Refuse(ResourceAlreadyExistsException, "Replay %s already exists.", one.Name)
	case under >= maxReplays:
		return one, sfn.Refuse(LimitExceededException, "The requested resource exceeds the maximum number allowed.")
	}
	if err := e.storeReplay(&one); err != nil {
		return one, err
	}
	if r.start != nil {
		r.start(func(ctx context.Context) { e.replay(ctx, one.Name) })
	}
	return one, nil
}

// replayed checks what a replay is of, in the order and in the words that were recorded on AWS.
func (e *Events) replayed(one *Replay) (*Archive, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.buses[one.Bus] == nil {
		return nil, noBus(one.Bus)
	}
	archive := e.archives[one.Archive]
	switch {
	case archive == nil:
		return nil, invalidEvents("Parameter EventSourceArn is not valid. Reason: Archive %s does not exist.", one.Archive)
	case archive.Bus != one.Bus:
		return nil, invalidEvents("Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.")
	case !one.Start.Before(one.End):
		return nil, invalidEvents("Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
	}
	for _, arn := range one.Rules {
		if bus, rule, err := tagged(arn); err != nil || rule == "" || bus != one.Bus || e.rules[bus][rule] == nil {
			return nil, invalidEvents("Parameter Destination.FilterArns is not valid. Reason: %s is not a rule on EventBus %s.", arn, one.Bus)
		}
	}
	return archive, nil
}

// storeReplay creates or replaces a replay; the mutex of the replays is held.
func (e *Events) storeReplay(one *Replay) error {
	text, err := json.Marshal(one)
	if err != nil {
		return err
	}
	err = e.commit(func(b *store.Batch) error {
		if one.State.over() {
			b.DeleteDocument(collectionPositions, one.Name)
		}
		return b.PutDocument(collectionReplays, one.Name, text)
	})
	if err != nil {
		return err
	}
	e.replays.all[one.Name] = one
	if one.State.over() {
		delete(e.replays.at, one.Name)
	}
	return nil
}

// shown is a replay with how far it has come; the mutex of the replays is held.
func (r *replays) shown(one *Replay) Replay {
	shown := *one
	if at, ok := r.at[one.Name]; ok {
		shown.Last = at.last()
	}
	return shown
}

// Replay returns one replay. The error may be ResourceNotFoundException.
func (e *Events) Replay(name string) (Replay, error) {
	r := &e.replays
	r.mu.Lock()
	defer r.mu.Unlock()
	if one := r.all[name]; one != nil {
		return r.shown(one), nil
	}
	return Replay{}, noReplay(name)
}

// Replays lists the replays whose names begin with prefix, by name.
func (e *Events) Replays(prefix string) []Replay {
	r := &e.replays
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Replay
	for name, one := range r.all {
		if strings.HasPrefix(name, prefix) {
			list = append(list, r.shown(one))
		}
	}
	slices.SortFunc(list, func(a, b Replay) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// CancelReplay ends a replay that is under way. What it has replayed is replayed. The error may be ResourceNotFoundException or IllegalStatusException.
func (e *Events) CancelReplay(name string) (Replay, error) {
	r := &e.replays
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.all[name]
	switch {
	case before == nil:
		return Replay{}, noReplay(name)
	case before.State != ReplayStarting && before.State != ReplayRunning:
		return Replay{}, sfn.Refuse(IllegalStatusException, "Replay %s is not in a valid state for this operation.", name)
	}
	one := *before
	one.State = ReplayCancelling
	return one, e.storeReplay(&one)
}

// replay carries a replay out, until it is over or the context ends.
func (e *Events) replay(ctx context.Context, name string) {
	for ctx.Err() == nil {
		over, err := e.endedReplay(name)
		if err == nil && !over {
			if e.outbox.Backlog(maxBacklog) {
				select {
				case <-ctx.Done():
				case <-time.After(backlogPause):
				}
				continue
			}
			over, err = e.replaySome(name)
		}
		if err != nil && !errors.Is(err, store.ErrClosed) {
			e.cfg.Log.Error("a replay cannot go on", "replay", name, "error", err)
		}
		if err != nil || over { // after an error the next process tries again
			return
		}
	}
}

// endedReplay ends a replay that was cancelled, or cannot go on, and tells whether it did.
func (e *Events) endedReplay(name string) (bool, error) {
	one, _ := e.underWay(name)
	if one.State == ReplayCancelling {
		return true, e.endReplay(name, ReplayCancelled, "")
	}
	if archive, err := e.Archive(one.Archive); err != nil || archive.ID != one.ArchiveID {
		return true, e.endReplay(name, ReplayFailed, fmt.Sprintf("Archive %s does not exist.", one.Archive))
	}
	if _, err := e.Bus(one.Bus); err != nil {
		return true, e.endReplay(name, ReplayFailed, fmt.Sprintf("Event bus %s does not exist.", one.Bus))
	}
	return false, nil
}

// replaySome replays the next events, in one commit with how far the replay has come, and tells whether it is over.
func (e *Events) replaySome(name string) (over bool, err error) {
	e.replays.worked.Add(1)
	one, at := e.underWay(name)
	list, err := e.archived(&one, at)
	if err != nil {
		return false, err
	}
	if len(list) == 0 {
		return true, e.endReplay(name, ReplayCompleted, "")
	}
	var all effects
	for _, d := range list {
		if err := e.replayEvent(&all, &one, d.Value); err != nil {
			return false, err
		}
	}
	at = position{After: list[len(list)-1].Key}
	text, err := json.Marshal(at)
	if err != nil {
		return false, err
	}
	err = e.commit(func(b *store.Batch) error {
		if err := e.put(b, &all); err != nil {
			return err
		}
		return b.PutDocument(collectionPositions, name, text)
	})
	if err != nil {
		return false, err
	}
	e.replays.mu.Lock()
	e.replays.at[name] = at
	e.replays.mu.Unlock()
	e.committed(&all)
	return false, nil
}

// underWay is a replay, which runs from now on if it is starting, and how far it has come.
func (e *Events) underWay(name string) (Replay, position) {
	r := &e.replays
	r.mu.Lock()
	defer r.mu.Unlock()
	one := *r.all[name]
	if one.State == ReplayStarting {
		one.State = ReplayRunning // after a crash it starts again
		r.all[name] = &one
	}
	return one, r.at[name]
}

// endReplay stores that a replay is over.
func (e *Events) endReplay(name string, state ReplayState, reason string) error {
	r := &e.replays
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.shown(r.all[name])
	if one.State == ReplayCancelling {
		state, reason = ReplayCancelled, "" // it was cancelled at the last moment
	}
	one.State, one.Reason, one.Ended = state, reason, e.cfg.Clock.Now().UTC()
	return e.storeReplay(&one)
}

// archived reads the events of a replay's archive that come next, all of the same minute.
func (e *Events) archived(one *Replay, at position) ([]store.Document, error) {
	after := at.After
	if after == "" {
		after = one.ArchiveID + sortable(one.Start.Unix()) // events know seconds, so the start does
	}
	var list []store.Document
	bytes := 0
	for d, err := range e.cfg.Store.Documents(collectionArchived, one.ArchiveID, after) {
		if err != nil {
			return nil, err
		}
		seconds := archivedTime(d.Key)
		if !time.Unix(seconds, 0).Before(one.End) || len(list) > 0 && seconds/60 != archivedTime(list[0].Key)/60 {
			break
		}
		list, bytes = append(list, d), bytes+len(d.Value)
		if len(list) == replayedAtOnce || bytes >= replayedBytes {
			break
		}
	}
	return list, nil
}

// replayEvent adds what an archived event causes once more, with the name of the replay in it.
func (e *Events) replayEvent(all *effects, one *Replay, text []byte) error {
	parsed, err := value.Parse(string(text))
	if err != nil {
		return err
	}
	event := asReplayed(parsed.(*value.Object), one.Name)
	id := value.TextAt(event, "id")
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, r := range e.rules[one.Bus] {
		if len(one.Rules) == 0 || slices.Contains(one.Rules, e.RuleARN(r.Bus, r.Name)) {
			e.causeBy(all, r, id, event, 0)
		}
	}
	return nil
}

// asReplayed is an event with the name of a replay, at the place where AWS has it: behind the region.
func asReplayed(event *value.Object, name string) *value.Object {
	members := make([]value.Member, 0, event.Len()+1)
	for i := range event.Len() {
		members = append(members, event.At(i))
		if event.At(i).Name == "region" {
			members = append(members, value.Member{Name: replayName, Value: value.String(name)})
		}
	}
	return value.NewObject(members...)
}

// tidyEvery is how often what is too old is deleted, of the stack's time.
const tidyEvery = time.Hour

// tidy deletes what archives have kept for too long and replays that ended long ago, until the context ends.
func (e *Events) tidy(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var next time.Time
	for {
		moved := e.cfg.Clock.Moved()
		if now := e.cfg.Clock.Now(); !now.Before(next) {
			if err := errors.Join(e.expire(), e.forgetReplays(now)); err != nil && !errors.Is(err, store.ErrClosed) {
				e.cfg.Log.Error("cannot delete archived events that are too old", "error", err)
			}
			next = now.Add(tidyEvery)
		}
		timer.Reset(e.cfg.Clock.Real(next.Sub(e.cfg.Clock.Now())))
		select {
		case <-ctx.Done():
			return
		case <-moved:
		case <-timer.C:
		}
	}
}

// forgetReplays deletes replays that ended long ago.
func (e *Events) forgetReplays(now time.Time) error {
	r := &e.replays
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, one := range r.all {
		if !one.State.over() || now.Sub(one.Ended) < replayKept {
			continue
		}
		if err := e.commit(func(b *store.Batch) error { b.DeleteDocument(collectionReplays, name); return nil }); err != nil {
			return err
		}
		delete(r.all, name)
	}
	return nil
}
