package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/value"
)

// The exceptions of Amazon EventBridge that are raised here.
const (
	ResourceNotFoundException      sfn.ExceptionName = "ResourceNotFoundException"      // no such bus or rule
	ResourceAlreadyExistsException sfn.ExceptionName = "ResourceAlreadyExistsException" // the bus is there
	LimitExceededException         sfn.ExceptionName = "LimitExceededException"         // more than an account may have
)

// DefaultBus is the bus that is always there.
const DefaultBus = "default"

// Quotas (EventBridge quotas).
const (
	maxBuses   = 100
	maxRules   = 300 // of a bus
	maxTargets = 5   // of a rule
)

// Rule sends events of a bus that match to targets.
type Rule struct {
	Bus         string   `json:"bus"`
	Name        string   `json:"name"`
	Pattern     string   `json:"pattern,omitempty"`
	Schedule    string   `json:"schedule,omitempty"`
	Disabled    bool     `json:"disabled,omitempty"`
	Description string   `json:"description,omitempty"`
	RoleARN     string   `json:"roleArn,omitempty"`
	Targets     []Target `json:"targets,omitempty"`
	Tags        []Tag    `json:"tags,omitempty"` // by key
	// Anchor is what a rate counts from: when the schedule was put.
	Anchor time.Time `json:"anchor,omitzero"`
	// Template is a sum of what a template says of the rule, "" for one that a client has made.
	Template string `json:"template,omitempty"`

	pattern *Pattern
	// ofStates tells that events of Step Functions may match.
	ofStates bool
}

// Target is where a rule sends events, and in which form (API reference, Target). The members are those of the wire.
type Target struct {
	ID               string            `json:"Id"`
	ARN              string            `json:"Arn"`
	RoleARN          string            `json:"RoleArn,omitempty"`
	Input            string            `json:"Input,omitempty"`
	InputPath        string            `json:"InputPath,omitempty"`
	InputTransformer *InputTransformer `json:"InputTransformer,omitempty"`
	RetryPolicy      *RetryPolicy      `json:"RetryPolicy,omitempty"`
	DeadLetterConfig *DeadLetterConfig `json:"DeadLetterConfig,omitempty"`
	SQSParameters    *SQSParameters    `json:"SqsParameters,omitempty"`
	HTTPParameters   *HTTPParameters   `json:"HttpParameters,omitempty"`
}

// SQSParameters are for targets that are FIFO queues.
type SQSParameters struct {
	MessageGroupID string `json:"MessageGroupId,omitempty"`
}

// InputTransformer makes a target's input out of parts of the event.
type InputTransformer struct {
	InputPathsMap map[string]string `json:"InputPathsMap,omitempty"`
	InputTemplate string            `json:"InputTemplate"`
}

// RetryPolicy bounds how long and how often a delivery is tried.
type RetryPolicy struct {
	MaximumRetryAttempts     *int `json:"MaximumRetryAttempts,omitempty"`
	MaximumEventAgeInSeconds *int `json:"MaximumEventAgeInSeconds,omitempty"`
}

// DeadLetterConfig names the queue for events that could not be delivered.
type DeadLetterConfig struct {
	ARN string `json:"Arn,omitempty"`
}

// Message is what a target is to get.
type Message struct {
	// Target is its ARN.
	Target string `json:"target"`
	// ID names the message, by the event's id and another: whoever gets it twice knows it by that. It is a valid name of an execution.
	ID string `json:"id"`
	// Input is the text that the target gets, JSON as a rule.
	Input string `json:"input"`
	// GroupID is the message group of a FIFO queue or topic, "" for none.
	GroupID string `json:"groupId,omitempty"`
	// HTTP are the parameters of a request to an HTTP endpoint, nil for none.
	HTTP *HTTPParameters `json:"http,omitempty"`
	// Source and DetailType are those of an event for a bus, of which Input is the detail.
	Source     string `json:"source,omitempty"`
	DetailType string `json:"detailType,omitempty"`
	// Attributes are those of a message to a dead-letter queue, by name; nil for all other messages.
	Attributes map[string]Attribute `json:"-"`
}

// Attribute is an attribute of a message, as SQS and SNS have them.
type Attribute struct {
	Type  string // AttributeText or AttributeNumber
	Value string
}

// The types of attributes.
const (
	AttributeText   = "String"
	AttributeNumber = "Number"
)

// Deliverer brings messages to targets of one kind. An error that is [Permanent] is not tried again.
type Deliverer interface {
	// Deliver returns when the target has taken the message, durably.
	Deliver(ctx context.Context, m Message) error
}

// Permanent says that trying again is of no use.
type Permanent struct {
	Err error
	// Code is what a dead-letter queue is told as ERROR_CODE; "" means ErrorFromTarget.
	Code ErrorCode
}

// Later says that a target takes nothing more for a while, which is no failure: nothing of the retry policy is used up.
type Later struct{ After time.Duration }

func (l *Later) Error() string { return fmt.Sprintf("not before %v have passed", l.After) }

// ErrorCode is why a target did not take a message (user guide, "Using dead-letter queues to process undelivered events").
type ErrorCode string

// The error codes that are raised here.
const (
	ConnectionFailure ErrorCode = "CONNECTION_FAILURE" // the target cannot be reached
	ErrorFromTarget   ErrorCode = "ERROR_FROM_TARGET"  // it has answered with an error
	InvalidParameter  ErrorCode = "INVALID_PARAMETER"  // it takes no such message
	NoResource        ErrorCode = "NO_RESOURCE"        // it is not there
	Throttling        ErrorCode = "THROTTLING"         // it has had too much
)

func (p *Permanent) Error() string { return p.Err.Error() }

// Unwrap returns the cause.
func (p *Permanent) Unwrap() error { return p.Err }

// EventsConfig says what an [Events] works with. Store is required.
type EventsConfig struct {
	Store *store.Store
	Place sfn.Place
	// Targets are the kinds of targets that are served, by the service in their ARNs.
	Targets map[string]Deliverer
	// HoldTemplates and HoldClients keep rules with a schedule from firing by themselves: those of templates, and those that clients have made.
	HoldTemplates, HoldClients bool
	// Meter counts what rules do; nil: nobody counts.
	Meter measure.Meter
	// Clock is the time of events and retries; nil means the computer's.
	Clock *clock.Clock
	// Log receives our own trouble; nil discards it.
	Log *slog.Logger
}

// Events is Amazon EventBridge: buses, rules, and the delivery of events. All methods may be called by any goroutine.
type Events struct {
	cfg EventsConfig

	mu    sync.RWMutex
	buses map[string]*Bus
	rules map[string]map[string]*Rule // by bus and name; a rule never changes, it is replaced

	archives   map[string]*Archive   // by name
	archivesOf map[string][]*Archive // by bus
	replays    replays

	seen map[string]time.Time // when rules with a schedule were due last, by name

	meters       *ruleMeters
	outbox       *Outbox
	timers       *Scheduler
	destinations *Destinations
}

// The collections of documents.
const (
	collectionBuses      = "event-buses"
	collectionRules      = "event-rules"
	collectionDeliveries = "event-deliveries"
)

// ruleKey keys a rule's document. Names have no slash, buses may.
func ruleKey(bus, rule string) string { return bus + "\x01" + rule }

// NewEvents reads what is stored. Start begins to deliver.
func NewEvents(cfg EventsConfig) (*Events, error) {
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Place == (sfn.Place{}) {
		cfg.Place = sfn.DefaultPlace()
	}
	e := &Events{cfg: cfg, buses: map[string]*Bus{DefaultBus: {Name: DefaultBus}}, rules: map[string]map[string]*Rule{DefaultBus: {}}, seen: map[string]time.Time{}}
	e.timers, e.archives = NewScheduler(cfg.Clock, nil), map[string]*Archive{}
	for d, err := range cfg.Store.Documents(collectionBuses, "", "") {
		b := new(Bus)
		if err = errors.Join(err, json.Unmarshal(d.Value, b)); err != nil {
			return nil, fmt.Errorf("read the event buses: %w", err)
		}
		e.buses[b.Name], e.rules[b.Name] = b, map[string]*Rule{}
	}
	for d, err := range cfg.Store.Documents(collectionRules, "", "") {
		r := new(Rule)
		if err = errors.Join(err, json.Unmarshal(d.Value, r)); err != nil {
			return nil, fmt.Errorf("read the rules: %w", err)
		}
		if err := r.compile(); err != nil {
			return nil, fmt.Errorf("rule %s: %w", r.Name, err)
		}
		if e.rules[r.Bus] != nil {
			e.rules[r.Bus][r.Name] = r
		}
	}
	err := e.loadSeen()
	if err == nil && e.buses[DefaultBus].Created.IsZero() {
		err = e.storeBus(&Bus{Name: DefaultBus, Created: cfg.Clock.Now().UTC()})
	}
	if err == nil {
		err = errors.Join(e.loadArchives(), e.loadReplays())
	}
	if err == nil {
		e.destinations, err = newDestinations(&cfg)
	}
	if err != nil {
		return nil, err
	}
	for _, r := range e.rules[DefaultBus] {
		e.arm(r)
	}
	e.meters = newRuleMeters(cfg.Meter)
	e.outbox, err = NewOutbox(OutboxConfig{Store: cfg.Store, Collection: collectionDeliveries, Targets: cfg.Targets, Clock: cfg.Clock, Measure: e.measured, Log: cfg.Log})
	return e, err
}

// Start begins to deliver and to replay, first of all what an earlier life of the process has left, and to fire rules with a schedule. It fails with [ErrStarted]
// if it has been called before.
func (e *Events) Start() error {
	if err := e.outbox.Start(); err != nil {
		return err
	}
	e.startReplays()
	return e.timers.Start(context.Background()) // Close ends it
}

// Close ends firing, replaying and delivering; what is under way may end. What is left goes on in the next process. It may be called any number of times.
func (e *Events) Close() {
	e.timers.Stop()
	e.replays.stop()
	e.outbox.Close()
}

// Quiet implements [clock.Worker].
func (e *Events) Quiet() (bool, uint64) {
	quiet, worked := e.outbox.Quiet()
	return quiet && e.replays.active.Load() == 0, worked + e.replays.worked.Load()
}

// NextDue implements [clock.Worker].
func (e *Events) NextDue() (time.Time, bool) {
	due, ok := e.timers.NextDue()
	if retry, some := e.outbox.NextDue(); some && (!ok || retry.Before(due)) {
		due, ok = retry, true
	}
	return due, ok
}

func (r *Rule) compile() (err error) {
	if r.Pattern != "" {
		r.pattern, err = ParsePattern(r.Pattern)
	}
	r.ofStates = err == nil && r.pattern != nil && r.pattern.MayMatch("source", value.String("aws.states"))
	return err
}

// BusARN returns the ARN of the bus name.
func (e *Events) BusARN(name string) string { return e.arn("event-bus/" + name) }

// RuleARN returns the ARN of a bus's rule.
func (e *Events) RuleARN(bus, rule string) string {
	if bus == DefaultBus {
		return e.arn("rule/" + rule)
	}
	return e.arn("rule/" + bus + "/" + rule)
}

func (e *Events) arn(resource string) string {
	p := e.cfg.Place
	return sfn.ARN{Partition: p.Partition, Service: "events", Region: p.Region, Account: p.Account, Resource: resource}.String()
}

// BusName is the name of a bus that is given by name or ARN; "" is the default bus.
func BusName(nameOrARN string) string {
	if nameOrARN == "" {
		return DefaultBus
	}
	if arn, err := sfn.ParseARN(nameOrARN); err == nil && arn.Service == "events" {
		return strings.TrimPrefix(arn.Resource, "event-bus/")
	}
	return nameOrARN
}

func noBus(name string) error {
	return sfn.Refuse(ResourceNotFoundException, "Event bus %s does not exist.", name)
}

func noRule(rule, bus string) error {
	return sfn.Refuse(ResourceNotFoundException, "Rule %s does not exist on EventBus %s.", rule, bus)
}

func invalidEvents(format string, args ...any) error {
	return sfn.Refuse(sfn.ValidationException, format, args...)
}

// commit stores changes and returns when they are on disk.
func (e *Events) commit(fill func(b *store.Batch) error) error {
	b := e.cfg.Store.NewBatch()
	if err := fill(b); err != nil {
		return err
	}
	return e.cfg.Store.Commit(b)
}

// PutRule creates a rule, or changes it and keeps its targets and tags. The error may be InvalidEventPatternException, ResourceNotFoundException,
// LimitExceededException or ValidationException.
func (e *Events) PutRule(r Rule) error { return e.putRule(r, false) }

// putRule puts a rule, with targets and tags of its own or those that it has.
func (e *Events) putRule(r Rule, targets bool) error {
	if r.Pattern == "" && r.Schedule == "" {
		return invalidEvents("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	}
	if err := r.compile(); err != nil {
		return err
	}
	var err error
	if r.Tags, err = mergeTags(nil, r.Tags); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	rules := e.rules[r.Bus]
	if rules == nil {
		return noBus(r.Bus)
	}
	r.Anchor = e.cfg.Clock.Now().UTC()
	if before := rules[r.Name]; before != nil {
		if r.Template == "" {
			r.Template = before.Template
		}
		if !targets { // tags are those of the creation (API reference, PutRule)
			r.Targets, r.Tags = before.Targets, before.Tags
		}
		if before.Schedule == r.Schedule {
			r.Anchor = before.Anchor // its times go on
		}
	} else if len(rules) >= maxRules {
		return sfn.Refuse(LimitExceededException, "The requested resource exceeds the maximum number allowed.")
	}
	if err := e.checkTimes(&r); err != nil {
		return err
	}
	return e.storeRule(&r)
}

// storeRule replaces a rule; the mutex is held.
func (e *Events) storeRule(r *Rule) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	seen, before := e.seen[r.Name], e.rules[r.Bus][r.Name]
	if before == nil || !before.Anchor.Equal(r.Anchor) || before.Disabled != r.Disabled {
		seen = e.cfg.Clock.Now() // what it has not done while it was disabled is not made up for
	}
	err = e.commit(func(b *store.Batch) error {
		if r.Schedule != "" {
			if err := e.putSeen(b, r.Name, seen); err != nil {
				return err
			}
		}
		return b.PutDocument(collectionRules, ruleKey(r.Bus, r.Name), text)
	})
	if err != nil {
		return err
	}
	e.rules[r.Bus][r.Name] = r
	if r.Bus == DefaultBus { // others have no schedules
		e.seen[r.Name] = seen
		e.arm(r)
	}
	return nil
}

// editRule changes a copy of a rule and stores that.
func (e *Events) editRule(bus, name string, edit func(*Rule) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rules[bus] == nil {
		return noBus(bus)
	}
	before := e.rules[bus][name]
	if before == nil {
		return noRule(name, bus)
	}
	r := *before
	r.Targets = slices.Clone(before.Targets)
	if err := edit(&r); err != nil {
		return err
	}
	return e.storeRule(&r)
}

// EnableRule lets a rule work, or not. The error may be ResourceNotFoundException.
func (e *Events) EnableRule(bus, name string, enabled bool) error {
	return e.editRule(bus, name, func(r *Rule) error { r.Disabled = !enabled; return nil })
}

// DeleteRule deletes a rule without targets. One that is not there is no error. The error may be ResourceNotFoundException, for the bus, or
// ValidationException.
func (e *Events) DeleteRule(bus, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rules[bus] == nil {
		return noBus(bus)
	}
	if r := e.rules[bus][name]; r != nil && len(r.Targets) > 0 {
		return invalidEvents("Rule can't be deleted since it has targets.")
	}
	return e.dropRule(bus, name)
}

// dropRule deletes a rule, whether or not it is there; the mutex is held.
func (e *Events) dropRule(bus, name string) error {
	err := e.commit(func(b *store.Batch) error {
		b.DeleteDocument(collectionRules, ruleKey(bus, name))
		if bus == DefaultBus {
			b.DeleteDocument(collectionSeen, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	delete(e.rules[bus], name)
	if bus == DefaultBus {
		delete(e.seen, name)
		_ = e.timers.Remove(name) // it may have none
	}
	return nil
}

// Rule returns one rule with its targets. The error may be ResourceNotFoundException.
func (e *Events) Rule(bus, name string) (Rule, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.rules[bus] == nil {
		return Rule{}, noBus(bus)
	}
	r := e.rules[bus][name]
	if r == nil {
		return Rule{}, noRule(name, bus)
	}
	return *r, nil
}

// Rules lists a bus's rules whose names begin with prefix, by name. The error may be ResourceNotFoundException.
func (e *Events) Rules(bus, prefix string) ([]Rule, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.rules[bus] == nil {
		return nil, noBus(bus)
	}
	var list []Rule
	for name, r := range e.rules[bus] {
		if strings.HasPrefix(name, prefix) {
			list = append(list, *r)
		}
	}
	slices.SortFunc(list, func(a, b Rule) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

var targetID = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)

// PutTargets adds targets to a rule, or replaces those of the same ids. The error may be ResourceNotFoundException, LimitExceededException or
// ValidationException.
func (e *Events) PutTargets(bus, rule string, targets []Target) error {
	return e.editRule(bus, rule, func(r *Rule) error {
		for _, t := range targets {
			if err := e.checkTarget(&t); err != nil {
				return err
			}
			i := slices.IndexFunc(r.Targets, func(o Target) bool { return o.ID == t.ID })
			if i < 0 {
				r.Targets = append(r.Targets, t)
			} else {
				r.Targets[i] = t
			}
		}
		if len(r.Targets) > maxTargets {
			return sfn.Refuse(LimitExceededException, "The requested resource exceeds the maximum number allowed.")
		}
		return nil
	})
}

func (e *Events) checkTarget(t *Target) error {
	if !targetID.MatchString(t.ID) {
		return invalidEvents("Parameter Id %s is not valid: it has up to 64 letters, digits, dots, hyphens and underscores.", t.ID)
	}
	arn, err := sfn.ParseARN(t.ARN)
	if err != nil {
		return invalidEvents("Parameter %s is not valid. Reason: Provided Arn is not in correct format.", t.ARN)
	}
	if arn.Service == "events" && !strings.HasPrefix(arn.Resource, "event-bus/") && !strings.HasPrefix(arn.Resource, "api-destination/") {
		return invalidEvents("Parameter %s is not valid. Reason: It is neither an event bus nor an API destination.", t.ARN)
	}
	if err := t.HTTPParameters.check(); err != nil {
		return err
	}
	if e.cfg.Targets[arn.Service] == nil && arn.Service != "events" {
		return invalidEvents("Parameter %s is not valid. Reason: Targets of the service %s are not served here.", t.ARN, arn.Service)
	}
	inputs := 0
	for _, given := range []bool{t.Input != "", t.InputPath != "", t.InputTransformer != nil} {
		if given {
			inputs++
		}
	}
	if inputs > 1 {
		return invalidEvents("Only one of Input, InputPath, or InputTransformer must be provided for target %s.", t.ID)
	}
	_, err = newInput(t)
	return err
}

// RemoveTargets takes targets off a rule and returns the ids of which there is none. The error may be ResourceNotFoundException.
func (e *Events) RemoveTargets(bus, rule string, ids []string) (missing []string, err error) {
	err = e.editRule(bus, rule, func(r *Rule) error {
		for _, id := range ids {
			i := slices.IndexFunc(r.Targets, func(t Target) bool { return t.ID == id })
			if i < 0 {
				missing = append(missing, id)
			} else {
				r.Targets = slices.Delete(r.Targets, i, i+1)
			}
		}
		return nil
	})
	return missing, err
}
