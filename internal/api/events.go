package api

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/value"
)

// eventsProtocol is how EventBridge is spoken to. Its exceptions bear no namespace.
var eventsProtocol = protocol{
	route:       route{title: "Amazon EventBridge", target: "AWSEvents", scope: "events", hosts: []string{"events"}},
	contentType: json11,
	maxBytes:    maxEventsRequest,
	exceptions: map[sfn.ExceptionName]exception{
		trigger.IllegalStatusException:         {"", 400},
		trigger.InvalidEventPatternException:   {"", 400},
		trigger.LimitExceededException:         {"", 400},
		trigger.PolicyLengthExceededException:  {"", 400},
		trigger.ResourceAlreadyExistsException: {"", 400},
		trigger.ResourceNotFoundException:      {"", 400},
		sfn.ValidationException:                {"", 400},
	},
}

// eventBridge serves the API of Amazon EventBridge, version 2015-10-07.
type eventBridge struct {
	events *trigger.Events
	now    func() time.Time
}

func newEventBridge(c *Config) *eventBridge { return &eventBridge{events: c.Events, now: c.Now} }

// eventsOperations is the table of all operations that are served.
var eventsOperations = map[string]operation[*eventBridge]{
	"CreateApiDestination":   op((*eventBridge).createAPIDestination),   // an HTTP endpoint
	"CreateConnection":       op((*eventBridge).createConnection),       // how requests to it are authorized
	"DeauthorizeConnection":  op((*eventBridge).deauthorizeConnection),  // nothing is sent with it any more
	"DeleteApiDestination":   op((*eventBridge).deleteAPIDestination),   // by name
	"DeleteConnection":       op((*eventBridge).deleteConnection),       // likewise
	"DescribeApiDestination": op((*eventBridge).describeAPIDestination), // with its endpoint
	"DescribeConnection":     op((*eventBridge).describeConnection),     // without what is secret
	"ListApiDestinations":    op((*eventBridge).listAPIDestinations),    // by prefix and connection
	"ListConnections":        op((*eventBridge).listConnections),        // by prefix and state
	"UpdateApiDestination":   op((*eventBridge).updateAPIDestination),   // what is given
	"UpdateConnection":       op((*eventBridge).updateConnection),       // likewise
	"CancelReplay":           op((*eventBridge).cancelReplay),           // what is replayed stays
	"CreateArchive":          op((*eventBridge).createArchive),          // of a bus's events from now on
	"DeleteArchive":          op((*eventBridge).deleteArchive),          // with its events
	"DescribeArchive":        op((*eventBridge).describeArchive),        // with how much is in it
	"DescribeReplay":         op((*eventBridge).describeReplay),         // with how far it has come
	"ListArchives":           op((*eventBridge).listArchives),           // by prefix, bus or state
	"ListReplays":            op((*eventBridge).listReplays),            // by prefix, archive or state
	"StartReplay":            op((*eventBridge).startReplay),            // of a range of time
	"UpdateArchive":          op((*eventBridge).updateArchive),          // what is given
	"CreateEventBus":         op((*eventBridge).createEventBus),         // beside the default one
	"DeleteEventBus":         op((*eventBridge).deleteEventBus),         // with its rules
	"DeleteRule":             op((*eventBridge).deleteRule),             // one without targets
	"DescribeEventBus":       op((*eventBridge).describeEventBus),       // by name
	"DescribeRule":           op((*eventBridge).describeRule),           // with its pattern
	"DisableRule":            op((*eventBridge).disableRule),            // events pass it by
	"EnableRule":             op((*eventBridge).enableRule),             // and no longer
	"ListEventBuses":         op((*eventBridge).listEventBuses),         // by prefix
	"ListRuleNamesByTarget":  op((*eventBridge).listRuleNamesByTarget),  // whoever sends there
	"ListRules":              op((*eventBridge).listRules),              // of a bus
	"ListTagsForResource":    op((*eventBridge).listTagsForResource),    // of a rule or a bus
	"ListTargetsByRule":      op((*eventBridge).listTargetsByRule),      // with their inputs
	"PutEvents":              op((*eventBridge).putEvents),              // up to ten
	"PutPermission":          op((*eventBridge).putPermission),          // a statement of a bus's policy, or all of it
	"RemovePermission":       op((*eventBridge).removePermission),       // by id, or all
	"UpdateEventBus":         op((*eventBridge).updateEventBus),         // what is given
	"PutRule":                op((*eventBridge).putRule),                // creates or changes
	"PutTargets":             op((*eventBridge).putTargets),             // adds or replaces
	"RemoveTargets":          op((*eventBridge).removeTargets),          // by id
	"TagResource":            op((*eventBridge).tagResource),            // adds or replaces
	"UntagResource":          op((*eventBridge).untagResource),          // by key
	"TestEventPattern":       op((*eventBridge).testEventPattern),       // tells whether an event matches
}

// Limits of members (API reference, EventBridge).
const (
	// maxEventsRequest leaves room for entries that are over their own limit and full of characters that JSON escapes: these are refused in EventBridge's words.
	maxEventsRequest = 8 << 20

	maxEventEntries = 10
	maxEventName    = 256 // of a bus
	maxRuleName     = 64
	maxEventsPage   = 100
	maxTargetsPut   = 100
	maxTargetID     = 64
)

// Patterns of names, as the API's model has them.
const (
	busPattern  = `[/\.\-_A-Za-z0-9]+`
	rulePattern = `[\.\-_A-Za-z0-9]+`

	connectionPattern = `^arn:aws([a-z]|\-)*:events:([a-z]|\d|\-)*:([0-9]{12})?:connection\/[\.\-_A-Za-z0-9]+\/[\-A-Za-z0-9]+$`
)

var (
	busName  = regexp.MustCompile(`^` + busPattern + `$`)
	ruleName = regexp.MustCompile(`^` + rulePattern + `$`)

	connectionARN = regexp.MustCompile(connectionPattern)
)

// pattern demands that a text that is present and not empty be as the pattern has it.
func (c *constraints) pattern(field string, v sfn.OptString, fits *regexp.Regexp, pattern string) {
	if v.Set && v.Text != "" && !fits.MatchString(v.Text) {
		c.add("'"+v.Text+"' ", field, "Member must satisfy regular expression pattern: "+pattern)
	}
}

// rule bounds the name of a rule.
func (c *constraints) rule(field string, v sfn.OptString) {
	c.required(field, v)
	c.length(field, v, 1, maxRuleName)
	c.pattern(field, v, ruleName, rulePattern)
}

// page cuts a list of which the names are known by the position in the token. The order must not change between pages.
func (s *eventBridge) page(scope string, n int, limit *int, token sfn.OptString) (from, to int, next string, err error) {
	var c constraints
	c.limit(limit, maxEventsPage)
	if err := c.err(); err != nil {
		return 0, 0, "", err
	}
	position, err := openToken(scope, token, s.now())
	if err != nil {
		return 0, 0, "", sfn.Refuse(sfn.ValidationException, "Token is not valid.")
	}
	from, _ = strconv.Atoi(position) // 0 without a token; a token's position is one that was put there
	from = min(from, n)
	if to = min(n, from+pageLimit(limit, maxEventsPage)); to < n {
		next = pageToken(scope, strconv.Itoa(to), s.now())
	}
	return from, to, next, nil
}

type eventBusInput struct {
	Name sfn.OptString `json:"Name"`
	// The members of CreateEventBus.
	Tags []eventsTag `json:"Tags"`
	busSettings
}

type eventBusOutput struct {
	Name             string                    `json:"Name,omitempty"`
	Arn              string                    `json:"Arn,omitempty"`
	EventBusArn      string                    `json:"EventBusArn,omitempty"` // CreateEventBus
	Description      string                    `json:"Description,omitempty"`
	Policy           string                    `json:"Policy,omitempty"`
	KMSKey           string                    `json:"KmsKeyIdentifier,omitempty"` // not in lists, as the next two
	DeadLetters      *trigger.DeadLetterConfig `json:"DeadLetterConfig,omitempty"`
	Log              *trigger.LogConfig        `json:"LogConfig,omitempty"`
	CreationTime     *timestamp                `json:"CreationTime,omitempty"`
	LastModifiedTime *timestamp                `json:"LastModifiedTime,omitempty"`
}

func (s *eventBridge) describeBus(b trigger.Bus) eventBusOutput {
	out := eventBusOutput{Name: b.Name, Arn: s.events.BusARN(b.Name), Description: b.Description, Policy: b.Policy}
	if !b.Created.IsZero() {
		out.CreationTime = &timestamp{b.Created}
		out.LastModifiedTime = out.CreationTime
	}
	if !b.Modified.IsZero() {
		out.LastModifiedTime = &timestamp{b.Modified}
	}
	return out
}

func (s *eventBridge) createEventBus(_ context.Context, in *eventBusInput) (*eventBusOutput, error) {
	var c constraints
	c.required("name", in.Name)
	c.length("name", in.Name, 1, maxEventName)
	c.pattern("name", in.Name, busName, busPattern)
	c.tags(in.Tags)
	in.check(&c)
	if err := c.err(); err != nil {
		return nil, err
	}
	b := trigger.Bus{Name: in.Name.Text, Tags: eventsTags(in.Tags)}
	in.change().Apply(&b)
	if err := s.events.CreateBus(b); err != nil {
		return nil, err
	}
	return &eventBusOutput{EventBusArn: s.events.BusARN(b.Name), Description: b.Description, KMSKey: b.KMSKey, DeadLetters: b.DeadLetters, Log: b.Log}, nil
}

func (s *eventBridge) deleteEventBus(_ context.Context, in *eventBusInput) (nothing, error) {
	var c constraints
	c.required("name", in.Name)
	c.length("name", in.Name, 1, maxEventName)
	if err := c.err(); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.events.DeleteBus(in.Name.Text)
}

func (s *eventBridge) describeEventBus(_ context.Context, in *eventBusInput) (*eventBusOutput, error) {
	b, err := s.events.Bus(trigger.BusName(in.Name.Text))
	if err != nil {
		return nil, err
	}
	out := s.describeBus(b)
	out.KMSKey, out.DeadLetters, out.Log = b.KMSKey, b.DeadLetters, b.Log
	return &out, nil
}

type listEventBusesInput struct {
	NamePrefix string        `json:"NamePrefix"`
	Limit      *int          `json:"Limit"`
	NextToken  sfn.OptString `json:"NextToken"`
}

type listEventBusesOutput struct {
	EventBuses []eventBusOutput `json:"EventBuses"`
	NextToken  string           `json:"NextToken,omitempty"`
}

func (s *eventBridge) listEventBuses(_ context.Context, in *listEventBusesInput) (*listEventBusesOutput, error) {
	buses := s.events.Buses(in.NamePrefix)
	from, to, next, err := s.page("ListEventBuses\x00"+in.NamePrefix, len(buses), in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listEventBusesOutput{EventBuses: []eventBusOutput{}, NextToken: next}
	for _, b := range buses[from:to] {
		out.EventBuses = append(out.EventBuses, s.describeBus(b))
	}
	return out, nil
}

type putEventsInput struct {
	Entries []struct {
		Time         *float64 `json:"Time"` // epoch seconds
		Source       string   `json:"Source"`
		Resources    []string `json:"Resources"`
		DetailType   string   `json:"DetailType"`
		Detail       string   `json:"Detail"`
		EventBusName string   `json:"EventBusName"`
	} `json:"Entries"`
}

type putEventsOutput struct {
	FailedEntryCount int              `json:"FailedEntryCount"`
	Entries          []putEventsEntry `json:"Entries"`
}

type putEventsEntry struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:"ErrorCode,omitempty"`
	ErrorMessage string `json:"ErrorMessage,omitempty"`
}

func (s *eventBridge) putEvents(_ context.Context, in *putEventsInput) (*putEventsOutput, error) {
	var c constraints
	switch n := len(in.Entries); {
	case in.Entries == nil:
		c.add("null ", "entries", "Member must not be null")
	case n == 0:
		c.add("'[]' ", "entries", "Member must have length greater than or equal to 1")
	case n > maxEventEntries:
		c.add("", "entries", "Member must have length less than or equal to "+strconv.Itoa(maxEventEntries))
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	size := 0
	entries := make([]trigger.EventEntry, 0, len(in.Entries))
	for _, e := range in.Entries {
		n := trigger.EventEntry{Source: e.Source, Resources: e.Resources, DetailType: e.DetailType, Detail: e.Detail, Bus: e.EventBusName}
		if e.Time != nil {
			n.Time = time.UnixMilli(int64(*e.Time * 1000)).UTC()
		}
		size += n.Size()
		entries = append(entries, n)
	}
	if size > trigger.MaxEntryBytes {
		return nil, sfn.Refuse(sfn.ValidationException, "Total size of the entries in the request is over the limit.")
	}
	results, err := s.events.PutEvents(entries)
	if err != nil {
		return nil, err
	}
	out := &putEventsOutput{Entries: make([]putEventsEntry, 0, len(results))}
	for _, r := range results {
		if r.ErrorCode != "" {
			out.FailedEntryCount++
		}
		out.Entries = append(out.Entries, putEventsEntry(r))
	}
	return out, nil
}

type testEventPatternInput struct {
	EventPattern sfn.OptString `json:"EventPattern"`
	Event        sfn.OptString `json:"Event"`
}

type testEventPatternOutput struct {
	Result bool `json:"Result"`
}

// eventMembers are those that an event must have to be tested (API reference, TestEventPattern).
var eventMembers = []string{"id", "account", "source", "time", "region", "resources", "detail-type"}

func (s *eventBridge) testEventPattern(_ context.Context, in *testEventPatternInput) (*testEventPatternOutput, error) {
	var c constraints
	c.required("eventPattern", in.EventPattern)
	c.required("event", in.Event)
	if err := c.err(); err != nil {
		return nil, err
	}
	event, err := value.Parse(in.Event.Text)
	o, ok := event.(*value.Object)
	if err != nil || !ok {
		return nil, sfn.Refuse(sfn.ValidationException, "Parameter Event is not valid.")
	}
	var missing []string
	for _, name := range eventMembers {
		if _, ok := o.Get(name); !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, sfn.Refuse(sfn.ValidationException, "Parameter Event is not valid. Reason: It lacks the fields %s.", strings.Join(missing, ", "))
	}
	p, err := trigger.ParsePattern(in.EventPattern.Text)
	if err != nil {
		return nil, err
	}
	return &testEventPatternOutput{p.Match(event)}, nil
}

type putRuleInput struct {
	Name               sfn.OptString `json:"Name"`
	EventBusName       string        `json:"EventBusName"`
	EventPattern       string        `json:"EventPattern"`
	ScheduleExpression string        `json:"ScheduleExpression"`
	State              sfn.OptString `json:"State"`
	Description        string        `json:"Description"`
	RoleArn            string        `json:"RoleArn"`
	Tags               []eventsTag   `json:"Tags"`
}

type putRuleOutput struct {
	RuleArn string `json:"RuleArn"`
}

func (s *eventBridge) putRule(_ context.Context, in *putRuleInput) (*putRuleOutput, error) {
	var c constraints
	c.rule("name", in.Name)
	c.oneOf("state", in.State, "ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
	c.tags(in.Tags)
	if err := c.err(); err != nil {
		return nil, err
	}
	bus := trigger.BusName(in.EventBusName)
	err := s.events.PutRule(trigger.Rule{
		Bus: bus, Name: in.Name.Text, Pattern: in.EventPattern, Schedule: in.ScheduleExpression, Disabled: in.State.Text == "DISABLED",
		Description: in.Description, RoleARN: in.RoleArn, Tags: eventsTags(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &putRuleOutput{s.events.RuleARN(bus, in.Name.Text)}, nil
}

type ruleInput struct {
	Name         sfn.OptString `json:"Name"`
	EventBusName string        `json:"EventBusName"`
}

// names checks the request and returns the bus and the rule.
func (in *ruleInput) names() (bus, rule string, err error) {
	var c constraints
	c.rule("name", in.Name)
	return trigger.BusName(in.EventBusName), in.Name.Text, c.err()
}

type ruleOutput struct {
	Name               string `json:"Name"`
	Arn                string `json:"Arn"`
	EventPattern       string `json:"EventPattern,omitempty"`
	ScheduleExpression string `json:"ScheduleExpression,omitempty"`
	State              string `json:"State"`
	Description        string `json:"Description,omitempty"`
	RoleArn            string `json:"RoleArn,omitempty"`
	EventBusName       string `json:"EventBusName"`
	CreatedBy          string `json:"CreatedBy,omitempty"` // DescribeRule
}

func (s *eventBridge) rule(r trigger.Rule) ruleOutput {
	out := ruleOutput{
		Name: r.Name, Arn: s.events.RuleARN(r.Bus, r.Name), EventPattern: r.Pattern, State: "ENABLED", Description: r.Description,
		RoleArn: r.RoleARN, EventBusName: r.Bus, ScheduleExpression: r.Schedule,
	}
	if r.Disabled {
		out.State = "DISABLED"
	}
	return out
}

func (s *eventBridge) describeRule(_ context.Context, in *ruleInput) (*ruleOutput, error) {
	bus, name, err := in.names()
	if err != nil {
		return nil, err
	}
	r, err := s.events.Rule(bus, name)
	if err != nil {
		return nil, err
	}
	out := s.rule(r)
	if arn, err := sfn.ParseARN(out.Arn); err == nil {
		out.CreatedBy = arn.Account
	}
	return &out, nil
}

func (s *eventBridge) enableRule(_ context.Context, in *ruleInput) (nothing, error) {
	return nothing{}, s.enable(in, true)
}

func (s *eventBridge) disableRule(_ context.Context, in *ruleInput) (nothing, error) {
	return nothing{}, s.enable(in, false)
}

func (s *eventBridge) enable(in *ruleInput, enabled bool) error {
	bus, name, err := in.names()
	if err != nil {
		return err
	}
	return s.events.EnableRule(bus, name, enabled)
}

func (s *eventBridge) deleteRule(_ context.Context, in *ruleInput) (nothing, error) {
	bus, name, err := in.names()
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, s.events.DeleteRule(bus, name)
}

type listRulesInput struct {
	NamePrefix   string        `json:"NamePrefix"`
	EventBusName string        `json:"EventBusName"`
	Limit        *int          `json:"Limit"`
	NextToken    sfn.OptString `json:"NextToken"`
}

type listRulesOutput struct {
	Rules     []ruleOutput `json:"Rules"`
	NextToken string       `json:"NextToken,omitempty"`
}

func (s *eventBridge) listRules(_ context.Context, in *listRulesInput) (*listRulesOutput, error) {
	bus := trigger.BusName(in.EventBusName)
	rules, err := s.events.Rules(bus, in.NamePrefix)
	if err != nil {
		return nil, err
	}
	from, to, next, err := s.page("ListRules\x00"+bus+"\x00"+in.NamePrefix, len(rules), in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listRulesOutput{Rules: []ruleOutput{}, NextToken: next}
	for _, r := range rules[from:to] {
		out.Rules = append(out.Rules, s.rule(r))
	}
	return out, nil
}

type targetsInput struct {
	Rule         sfn.OptString    `json:"Rule"`
	EventBusName string           `json:"EventBusName"`
	Targets      []trigger.Target `json:"Targets"` // PutTargets
	IDs          []string         `json:"Ids"`     // RemoveTargets
	Limit        *int             `json:"Limit"`   // ListTargetsByRule
	NextToken    sfn.OptString    `json:"NextToken"`
}

func (in *targetsInput) names(what string, n int) (bus, rule string, err error) {
	var c constraints
	c.rule("rule", in.Rule)
	switch {
	case what == "":
	case n == 0:
		c.add("null ", what, "Member must not be null")
	case n > maxTargetsPut:
		c.add("", what, "Member must have length less than or equal to "+strconv.Itoa(maxTargetsPut))
	}
	return trigger.BusName(in.EventBusName), in.Rule.Text, c.err()
}

type targetsOutput struct {
	FailedEntryCount int           `json:"FailedEntryCount"`
	FailedEntries    []failedEntry `json:"FailedEntries"`
}

type failedEntry struct {
	TargetID     string `json:"TargetId"`
	ErrorCode    string `json:"ErrorCode"`
	ErrorMessage string `json:"ErrorMessage"`
}

func (s *eventBridge) putTargets(_ context.Context, in *targetsInput) (*targetsOutput, error) {
	bus, rule, err := in.names("targets", len(in.Targets))
	if err != nil {
		return nil, err
	}
	var c constraints
	for i, t := range in.Targets {
		path := "targets." + strconv.Itoa(i+1) + ".member."
		id := sfn.OptString{Text: t.ID, Set: true}
		c.length(path+"id", id, 1, maxTargetID)
		c.pattern(path+"id", id, ruleName, rulePattern)
		path += "retryPolicy."
		if p := t.RetryPolicy; p != nil && p.MaximumEventAgeInSeconds != nil {
			c.between(path+"maximumEventAgeInSeconds", *p.MaximumEventAgeInSeconds, 60, 86400)
		}
		if p := t.RetryPolicy; p != nil && p.MaximumRetryAttempts != nil {
			c.between(path+"maximumRetryAttempts", *p.MaximumRetryAttempts, 0, trigger.MaxRetryAttempts)
		}
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	return &targetsOutput{FailedEntries: []failedEntry{}}, s.events.PutTargets(bus, rule, in.Targets)
}

func (s *eventBridge) removeTargets(_ context.Context, in *targetsInput) (*targetsOutput, error) {
	bus, rule, err := in.names("ids", len(in.IDs))
	if err != nil {
		return nil, err
	}
	missing, err := s.events.RemoveTargets(bus, rule, in.IDs)
	out := &targetsOutput{FailedEntryCount: len(missing), FailedEntries: []failedEntry{}}
	for _, id := range missing {
		out.FailedEntries = append(out.FailedEntries, failedEntry{id, "ResourceNotFoundException", "Rule " + rule + " does not have target " + id + "."})
	}
	return out, err
}

type listTargetsOutput struct {
	Targets   []trigger.Target `json:"Targets"`
	NextToken string           `json:"NextToken,omitempty"`
}

func (s *eventBridge) listTargetsByRule(_ context.Context, in *targetsInput) (*listTargetsOutput, error) {
	bus, rule, err := in.names("", 0)
	if err != nil {
		return nil, err
	}
	r, err := s.events.Rule(bus, rule)
	if err != nil {
		return nil, err
	}
	from, to, next, err := s.page("ListTargetsByRule\x00"+bus+"\x00"+rule, len(r.Targets), in.Limit, in.NextToken)
	return &listTargetsOutput{append([]trigger.Target{}, r.Targets[from:to]...), next}, err
}

type ruleNamesInput struct {
	TargetArn    sfn.OptString `json:"TargetArn"`
	EventBusName string        `json:"EventBusName"`
	Limit        *int          `json:"Limit"`
	NextToken    sfn.OptString `json:"NextToken"`
}

type ruleNamesOutput struct {
	RuleNames []string `json:"RuleNames"`
	NextToken string   `json:"NextToken,omitempty"`
}

func (s *eventBridge) listRuleNamesByTarget(_ context.Context, in *ruleNamesInput) (*ruleNamesOutput, error) {
	var c constraints
	c.required("targetArn", in.TargetArn)
	c.length("targetArn", in.TargetArn, 1, 1600)
	if err := c.err(); err != nil {
		return nil, err
	}
	bus := trigger.BusName(in.EventBusName)
	rules, err := s.events.Rules(bus, "")
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, r := range rules {
		if slices.ContainsFunc(r.Targets, func(t trigger.Target) bool { return t.ARN == in.TargetArn.Text }) {
			names = append(names, r.Name)
		}
	}
	from, to, next, err := s.page("ListRuleNamesByTarget\x00"+bus+"\x00"+in.TargetArn.Text, len(names), in.Limit, in.NextToken)
	return &ruleNamesOutput{names[from:to], next}, err
}
