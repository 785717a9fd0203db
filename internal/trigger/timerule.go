package trigger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/value"
)

// collectionSeen has the latest time of each rule's schedule that was seen to.
const collectionSeen = "event-rule-seen"

// countedRate is a rate as rules take it: one minute, several minutes (user guide, "Creating a rule that runs on a schedule"). Schedules are not so strict.
var countedRate = regexp.MustCompile(`^rate\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minute|hour|day)s)\)$`)

// times returns when a rule with a schedule is due. The error is the exception ValidationException.
func (r *Rule) times() (*Schedule, error) {
	parsed, err := Parse(r.Schedule, "")
	if err != nil || parsed.Once() || parsed.Rate() && !countedRate.MatchString(r.Schedule) {
		return nil, invalidEvents("Parameter ScheduleExpression is not valid.")
	}
	if parsed.Rate() {
		parsed = parsed.Between(r.Anchor, time.Time{})
	}
	return parsed, nil
}

// checkTimes refuses a schedule that could not work.
// A client may put a rule that never comes due, as on AWS; of a template it is told.
func (e *Events) checkTimes(r *Rule) error {
	if r.Schedule == "" {
		return nil
	}
	if r.Bus != DefaultBus {
		return invalidEvents("ScheduleExpression is supported only on the default event bus.")
	}
	parsed, err := r.times()
	if err != nil {
		return err
	}
	if _, ok := parsed.Next(e.cfg.Clock.Now()); !ok && r.Template != "" {
		return invalidEvents("Parameter ScheduleExpression is not valid. It never comes due from now on.")
	}
	return nil
}

// arm gives a rule its timer, or takes it. The mutex is held, or nobody else is there yet.
func (e *Events) arm(r *Rule) {
	_ = e.timers.Remove(r.Name) // it may have none
	if r.Schedule == "" || r.Disabled || e.held(r) {
		return
	}
	after, ok := e.seen[r.Name]
	if now := e.cfg.Clock.Now(); !ok || after.After(now) {
		after = now // the clock has run ahead in an earlier life
	}
	parsed, err := r.times()
	if err == nil {
		err = e.timers.Add(Job{Name: r.Name, Schedule: parsed, After: after, Run: func(_ context.Context, due time.Time) { e.tick(r, due) }})
	}
	if err != nil && !errors.Is(err, ErrNeverFires) {
		e.cfg.Log.Error("a rule cannot fire", "rule", r.Name, "error", err) // it was checked when it was put
	}
}

func (e *Events) held(r *Rule) bool {
	return r.Template != "" && e.cfg.HoldTemplates || r.Template == "" && e.cfg.HoldClients
}

// NextRun is when a rule with a schedule is due next by itself; false if it is not.
func (e *Events) NextRun(name string) (time.Time, bool) {
	for _, entry := range e.timers.List() {
		if entry.Name == name {
			return entry.Next, !entry.Next.IsZero()
		}
	}
	return time.Time{}, false
}

// tick records that a rule is due: the time as seen to, and what is owed to its targets.
func (e *Events) tick(r *Rule, due time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rules[DefaultBus][r.Name] != r {
		return // it has been changed meanwhile
	}
	var all effects
	if e.cfg.Clock.Now().Sub(due) <= MaxEventAge {
		e.causeByTime(&all, r, due)
	}
	b := e.cfg.Store.NewBatch()
	err := e.putSeen(b, r.Name, due)
	if err == nil {
		err = e.put(b, &all)
	}
	if err == nil {
		err = e.cfg.Store.Commit(b)
	}
	if err != nil {
		e.cfg.Log.Error("a rule could not fire", "rule", r.Name, "error", err)
		return
	}
	e.seen[r.Name] = due
	e.committed(&all)
}

func (e *Events) putSeen(b *store.Batch, rule string, at time.Time) error {
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	return b.PutDocument(collectionSeen, rule, text)
}

func (e *Events) loadSeen() error {
	for d, err := range e.cfg.Store.Documents(collectionSeen, "", "") {
		var at time.Time
		if err = errors.Join(err, json.Unmarshal(d.Value, &at)); err != nil {
			return fmt.Errorf("read when rules were due: %w", err)
		}
		e.seen[d.Key] = at
	}
	return nil
}

// causeByTime adds what a rule causes by being due. A mutex is held.
func (e *Events) causeByTime(all *effects, r *Rule, due time.Time) {
	event, id := e.scheduledEvent(e.RuleARN(r.Bus, r.Name), due)
	e.trigger(all, r, id, event, 0)
}

// scheduledEvent is what targets of a rule get that is due (user guide, "Scheduled Event").
func (e *Events) scheduledEvent(rule string, due time.Time) (event *value.Object, id string) {
	digest := sha256.Sum256([]byte(rule + due.UTC().String()))
	text := hex.EncodeToString(digest[:16])
	id = text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
	return value.NewObject(
		value.Member{Name: "version", Value: value.String("0")},
		value.Member{Name: "id", Value: value.String(id)},
		value.Member{Name: "detail-type", Value: value.String("Scheduled Event")},
		value.Member{Name: "source", Value: value.String("aws.events")},
		value.Member{Name: "account", Value: value.String(e.cfg.Place.Account)},
		value.Member{Name: "time", Value: value.String(due.UTC().Format(eventTime))},
		value.Member{Name: "region", Value: value.String(e.cfg.Place.Region)},
		value.Member{Name: "resources", Value: value.Array{value.String(rule)}},
		value.Member{Name: "detail", Value: value.NewObject()},
	), id
}

// FireRule brings the scheduled event to the targets of a rule now, out of turn, whether or not it is enabled, and returns what was sent. It changes
// nothing about when the rule is due. The error may be ResourceNotFoundException, or says why targets did not take it.
func (e *Events) FireRule(ctx context.Context, name string) ([]Message, error) {
	r, err := e.Rule(DefaultBus, name)
	if err == nil && r.Schedule == "" {
		err = invalidEvents("Rule %s has no schedule.", name)
	}
	if err != nil {
		return nil, err
	}
	e.mu.RLock()
	var all effects
	e.causeByTime(&all, &r, e.cfg.Clock.Now())
	e.mu.RUnlock()
	var sent []Message
	var errs []error
	for _, d := range all.owed {
		if err := e.outbox.Send(ctx, d.Message); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.Target, err))
			continue
		}
		sent = append(sent, d.Message)
	}
	return sent, errors.Join(errs...)
}

// DeployRule puts a rule of a template with exactly these targets, unless the template says the same as before: what clients have changed since stays
// then. refused has, by the target's place in the list, why it cannot be one; err is of the rule, and may be an exception.
func (e *Events) DeployRule(r Rule, targets []Target) (refused map[int]error, err error) {
	refused = map[int]error{}
	for i := range targets {
		if err := e.checkTarget(&targets[i]); err != nil {
			refused[i] = err
		} else if len(r.Targets) == maxTargets {
			refused[i] = sfn.Refuse(LimitExceededException, "The requested resource exceeds the maximum number allowed.")
		} else {
			r.Targets = append(r.Targets, targets[i])
		}
	}
	if r.Template, err = templateSum(r); err != nil { // with the targets that can be, since those change with what is served
		return nil, err
	}
	before, err := e.Rule(r.Bus, r.Name)
	if err == nil && before.Template == r.Template {
		return refused, nil
	}
	return refused, e.putRule(r, true)
}

// WithdrawRules deletes the rules of templates that keep does not want any more, with their targets.
func (e *Events) WithdrawRules(keep func(bus, rule string) bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for bus, rules := range e.rules {
		for name, r := range rules {
			if r.Template == "" || keep(bus, name) {
				continue
			}
			if err := e.dropRule(bus, name); err != nil {
				return err
			}
		}
	}
	return nil
}
