package scheduler

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
)

// The collections of documents.
const (
	collectionSchedules  = "schedules"           // by group/name
	collectionGroups     = "schedule-groups"     // by name
	collectionSeen       = "schedule-seen"       // the latest time that was seen to, by group/name
	collectionTokens     = "schedule-tokens"     // what requests with a client token came to, by the token
	collectionDeliveries = "schedule-deliveries" // what is owed to targets
)

// Config says what a [Service] works with. Store is required.
type Config struct {
	Store *store.Store
	Place sfn.Place
	// Targets are the kinds of targets, by the service in their ARNs; universal ones are beside them.
	Targets map[string]trigger.Deliverer
	// Universal calls the actions that universal targets name; nil means that there are none.
	Universal *Universal
	// HoldTemplates and HoldClients keep schedules from firing by themselves: those of templates, and those that clients have made.
	HoldTemplates, HoldClients bool
	// Clock is the time; nil means the computer's.
	Clock *clock.Clock
	// Log receives our own trouble; nil discards it.
	Log *slog.Logger
	// Meter counts invocations of targets; nil: nobody counts.
	Meter measure.Meter
}

// Service is Amazon EventBridge Scheduler. All methods may be called by any goroutine.
type Service struct {
	cfg    Config
	outbox *trigger.Outbox
	timers *trigger.Scheduler
	meters groupMeters

	mu        sync.Mutex // held over commits, so that what is on disk and in memory change in one order
	schedules map[string]*Schedule
	groups    map[string]*Group
	seen      map[string]time.Time
	tokens    tokens
}

// Open reads what is stored. Start begins to fire.
func Open(cfg Config) (*Service, error) {
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Place == (sfn.Place{}) {
		cfg.Place = sfn.DefaultPlace()
	}
	targets := map[string]trigger.Deliverer{}
	for service, to := range cfg.Targets {
		targets[service] = to
	}
	if cfg.Universal != nil {
		targets[universalService] = cfg.Universal
	}
	v := &Service{
		cfg: cfg, meters: groupMeters{meter: cfg.Meter}, timers: trigger.NewScheduler(cfg.Clock, intoWindow), schedules: map[string]*Schedule{}, seen: map[string]time.Time{},
		groups: map[string]*Group{DefaultGroup: {Name: DefaultGroup}},
	}
	if err := v.load(); err != nil {
		return nil, fmt.Errorf("read the schedules: %w", err)
	}
	var err error
	v.outbox, err = trigger.NewOutbox(trigger.OutboxConfig{
		Store: cfg.Store, Collection: collectionDeliveries, Targets: targets, Clock: cfg.Clock, Log: cfg.Log, Over: v.completed, Measure: v.measured,
	})
	if err != nil {
		return nil, err
	}
	for _, s := range v.schedules {
		v.arm(s)
	}
	return v, v.sweep()
}

func (v *Service) load() error {
	err := documents(v.cfg.Store, collectionSchedules, func(_ string, s *Schedule) { v.schedules[s.key()] = s })
	return errors.Join(err,
		documents(v.cfg.Store, collectionGroups, func(_ string, g *Group) { v.groups[g.Name] = g }),
		documents(v.cfg.Store, collectionSeen, func(key string, at *time.Time) { v.seen[key] = *at }),
		documents(v.cfg.Store, collectionTokens, func(key string, t *token) { v.tokens.remember(key, *t) }),
	)
}

// documents hands over every document of a collection.
func documents[T any](s *store.Store, collection string, take func(key string, v *T)) error {
	for d, err := range s.Documents(collection, "", "") {
		one := new(T)
		if err == nil {
			err = json.Unmarshal(d.Value, one)
		}
		if err != nil {
			return fmt.Errorf("%s %.100q: %w", collection, d.Key, err)
		}
		take(d.Key, one)
	}
	return nil
}

// sweep deletes completed schedules that are to be deleted, and were not because the process ended.
func (v *Service) sweep() error {
	owed := map[string]bool{}
	err := documents(v.cfg.Store, collectionDeliveries, func(_ string, d *trigger.Delivery) { owed[d.Then] = true })
	if err != nil {
		return err
	}
	for _, s := range v.schedules {
		if _, ok := v.next(s); !ok && s.State == Enabled && s.Completion == DeleteCompleted && !owed[s.revision()] {
			v.completed(s.revision())
		}
	}
	return nil
}

// Start begins to fire schedules and to deliver what earlier lives of the process have left. It fails with [trigger.ErrStarted] if it has been
// called before.
func (v *Service) Start() error {
	if err := v.outbox.Start(); err != nil {
		return err
	}
	return v.timers.Start(context.Background()) // Close ends it
}

// Close ends firing and delivering. It may be called any number of times.
func (v *Service) Close() {
	v.timers.Stop()
	v.outbox.Close()
}

// Quiet implements [clock.Worker].
func (v *Service) Quiet() (bool, uint64) { return v.outbox.Quiet() }

// NextDue implements [clock.Worker].
func (v *Service) NextDue() (time.Time, bool) {
	due, ok := v.timers.NextDue()
	if retry, some := v.outbox.NextDue(); some && (!ok || retry.Before(due)) {
		due, ok = retry, true
	}
	return due, ok
}

// ARN is the ARN of a schedule.
func (v *Service) ARN(group, name string) string { return v.arn("schedule/" + key(group, name)) }

// GroupARN is the ARN of a group.
func (v *Service) GroupARN(name string) string { return v.arn("schedule-group/" + name) }

func (v *Service) arn(resource string) string {
	p := v.cfg.Place
	return sfn.ARN{Partition: p.Partition, Service: "scheduler", Region: p.Region, Account: p.Account, Resource: resource}.String()
}

func noSchedule(name string) error {
	return sfn.Refuse(ResourceNotFoundException, "Schedule %s does not exist.", name)
}

func noGroup(name string) error {
	return sfn.Refuse(ResourceNotFoundException, "Schedule group %s does not exist.", name)
}

// put adds a document to the batch.
func put(b *store.Batch, collection, key string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.PutDocument(collection, key, text)
}

// Create creates a schedule and returns its ARN. A request with a token that has succeeded before succeeds again. The error may be
// ConflictException, ResourceNotFoundException, ServiceQuotaExceededException or ValidationException.
func (v *Service) Create(s Schedule, clientToken string) (arn string, err error) {
	s.complete()
	v.mu.Lock()
	defer v.mu.Unlock()
	t := newToken("CreateSchedule", s)
	if done, err := v.tokens.find(clientToken, t); done || err != nil {
		return v.ARN(s.Group, s.Name), err
	}
	now := v.cfg.Clock.Now().UTC()
	s.Created, s.Modified, s.Anchor = now, now, now
	switch {
	case v.groups[s.Group] == nil:
		return "", noGroup(s.Group)
	case v.schedules[s.key()] != nil:
		return "", sfn.Refuse(ConflictException, "Schedule %s already exists.", s.Name)
	case len(v.schedules) >= maxSchedules:
		return "", sfn.Refuse(ServiceQuotaExceededException, "The number of schedules exceeds the limit of %d.", maxSchedules)
	}
	if err := v.check(&s, now); err != nil {
		return "", err
	}
	return v.ARN(s.Group, s.Name), v.store(&s, clientToken, t)
}

// Update replaces a schedule; what the request does not say becomes the default. The error may be ResourceNotFoundException, ConflictException or
// ValidationException.
func (v *Service) Update(s Schedule, clientToken string) (arn string, err error) {
	s.complete()
	v.mu.Lock()
	defer v.mu.Unlock()
	t := newToken("UpdateSchedule", s)
	if done, err := v.tokens.find(clientToken, t); done || err != nil {
		return v.ARN(s.Group, s.Name), err
	}
	if v.groups[s.Group] == nil {
		return "", noGroup(s.Group)
	}
	before := v.schedules[s.key()]
	if before == nil {
		return "", noSchedule(s.Name)
	}
	now := v.cfg.Clock.Now().UTC()
	s.Created, s.Modified, s.Anchor, s.Template = before.Created, now, now, before.Template
	if s.Expression == before.Expression && s.Start.Equal(before.Start) {
		s.Anchor = before.Anchor // its times go on
	}
	if err := v.check(&s, now); err != nil {
		return "", err
	}
	return v.ARN(s.Group, s.Name), v.store(&s, clientToken, t)
}

// store puts a schedule in the place of the one of its name and arms its timer. The mutex is held.
func (v *Service) store(s *Schedule, clientToken string, t token) error {
	b := v.cfg.Store.NewBatch()
	seen := v.seen[s.key()]
	switch before := v.schedules[s.key()]; {
	case before == nil || !before.Anchor.Equal(s.Anchor):
		seen = s.Anchor.Add(-1) // a rate is due at once
	case s.State != before.State:
		seen = v.cfg.Clock.Now() // what it has not done while it was disabled is not made up for
	}
	err := errors.Join(put(b, collectionSchedules, s.key(), s), put(b, collectionSeen, s.key(), seen))
	if err := errors.Join(err, v.tokens.put(b, clientToken, t)); err != nil {
		return err
	}
	if err := v.cfg.Store.Commit(b); err != nil {
		return err
	}
	v.schedules[s.key()], v.seen[s.key()] = s, seen
	v.tokens.remember(clientToken, t)
	v.arm(s)
	return nil
}

// Get returns a schedule. The error may be ResourceNotFoundException.
func (v *Service) Get(group, name string) (Schedule, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.groups[group] == nil {
		return Schedule{}, noGroup(group)
	}
	s := v.schedules[key(group, name)]
	if s == nil {
		return Schedule{}, noSchedule(name)
	}
	return *s, nil
}

// Delete deletes a schedule. What it has owed to its target is delivered all the same. The error may be ResourceNotFoundException or
// ConflictException.
func (v *Service) Delete(group, name, clientToken string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := newToken("DeleteSchedule", key(group, name))
	if done, err := v.tokens.find(clientToken, t); done || err != nil {
		return err
	}
	if v.groups[group] == nil {
		return noGroup(group)
	}
	if v.schedules[key(group, name)] == nil {
		return noSchedule(name)
	}
	b := v.cfg.Store.NewBatch()
	if err := v.tokens.put(b, clientToken, t); err != nil {
		return err
	}
	if err := v.drop(b, key(group, name)); err != nil {
		return err
	}
	v.tokens.remember(clientToken, t)
	return nil
}

// drop commits the batch and the deletion of schedules. The mutex is held.
func (v *Service) drop(b *store.Batch, keys ...string) error {
	for _, k := range keys {
		b.DeleteDocument(collectionSchedules, k)
		b.DeleteDocument(collectionSeen, k)
	}
	if err := v.cfg.Store.Commit(b); err != nil {
		return err
	}
	for _, k := range keys {
		delete(v.schedules, k)
		delete(v.seen, k)
		_ = v.timers.Remove(k) // it may have none
	}
	return nil
}

// Filter says which schedules to list. Empty members do not matter.
type Filter struct{ Group, Prefix, State string }

// List lists schedules by group and name. The error may be ResourceNotFoundException, for the group.
func (v *Service) List(f Filter) ([]Schedule, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if f.Group != "" && v.groups[f.Group] == nil {
		return nil, noGroup(f.Group)
	}
	var list []Schedule
	for _, s := range v.schedules {
		if (f.Group == "" || s.Group == f.Group) && strings.HasPrefix(s.Name, f.Prefix) && (f.State == "" || s.State == f.State) {
			list = append(list, *s)
		}
	}
	slices.SortFunc(list, func(a, b Schedule) int { return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name)) })
	return list, nil
}

// Next is when a schedule is due next by itself; false if it is not.
func (v *Service) Next(group, name string) (time.Time, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.schedules[key(group, name)]
	if s == nil || s.State == Disabled || v.held(s) {
		return time.Time{}, false
	}
	return v.next(s)
}

// next is when the schedule is due next. The mutex is held, or nobody else is there yet.
func (v *Service) next(s *Schedule) (time.Time, bool) {
	parsed, err := s.parse()
	if err != nil {
		return time.Time{}, false // it was checked when it was stored
	}
	after, ok := v.seen[s.key()]
	if now := v.cfg.Clock.Now(); !ok || after.After(now) {
		after = now // the clock has run ahead in an earlier life
	}
	return parsed.Next(after)
}

func (v *Service) held(s *Schedule) bool {
	return s.Template != "" && v.cfg.HoldTemplates || s.Template == "" && v.cfg.HoldClients
}
