package api

import (
	"context"
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
)

// Limits of archives and replays, as the API's model has them.
const (
	maxArchiveName   = 48
	maxReplayName    = 64
	maxEventPattern  = 4096
	eventsARNPattern = `^arn:aws([a-z]|\-)*:events:([a-z]|\d|\-)*:([0-9]{12})?:.+\/.+$`
)

var eventsARN = regexp.MustCompile(eventsARNPattern)

// The states that lists may be asked for. Archives are enabled here as soon as they are there.
var (
	archiveStates = []string{"ENABLED", "DISABLED", "CREATING", "UPDATING", "CREATE_FAILED", "UPDATE_FAILED"}
	replayStates  = []string{"STARTING", "RUNNING", "CANCELLING", "COMPLETED", "CANCELLED", "FAILED"}
)

const archiveEnabled = "ENABLED"

// named bounds a name that is required.
func (c *constraints) named(field string, v sfn.OptString, most int) {
	c.required(field, v)
	c.length(field, v, 1, most)
	c.pattern(field, v, ruleName, rulePattern)
}

// arn bounds the ARN of something of EventBridge.
func (c *constraints) arn(field string, v sfn.OptString) {
	c.length(field, v, 1, maxEventsARN)
	c.pattern(field, v, eventsARN, eventsARNPattern)
}

// resourceName is the name behind the kind in an ARN of EventBridge. The error, the exception ValidationException, calls the parameter by its name.
func resourceName(parameter, arn, kind, called string) (string, error) {
	if a, err := sfn.ParseARN(arn); err == nil && a.Service == "events" {
		if name, ok := strings.CutPrefix(a.Resource, kind+"/"); ok {
			return name, nil
		}
	}
	return "", sfn.Refuse(sfn.ValidationException, "Parameter %s is not valid. Reason: Must contain %s ARN.", parameter, called)
}

type archiveInput struct {
	Name          sfn.OptString `json:"ArchiveName"`
	Source        sfn.OptString `json:"EventSourceArn"` // CreateArchive
	Description   sfn.OptString `json:"Description"`
	Pattern       sfn.OptString `json:"EventPattern"`
	RetentionDays *int          `json:"RetentionDays"`
	KMSKey        sfn.OptString `json:"KmsKeyIdentifier"`
}

// check holds a request to the model.
func (in *archiveInput) check(c *constraints) {
	c.named("archiveName", in.Name, maxArchiveName)
	c.length("description", in.Description, 0, 512)
	c.length("eventPattern", in.Pattern, 0, maxEventPattern)
	if in.RetentionDays != nil {
		c.between("retentionDays", *in.RetentionDays, 0, math.MaxInt32)
	}
	c.length("kmsKeyIdentifier", in.KMSKey, 0, 2048)
	c.pattern("kmsKeyIdentifier", in.KMSKey, eventsKey, eventsKeyPattern)
}

type archiveOutput struct {
	Arn          string     `json:"ArchiveArn,omitempty"` // not in lists
	Name         string     `json:"ArchiveName,omitempty"`
	Source       string     `json:"EventSourceArn,omitempty"`
	Description  string     `json:"Description,omitempty"`
	Pattern      string     `json:"EventPattern,omitempty"`
	KMSKey       string     `json:"KmsKeyIdentifier,omitempty"`
	State        string     `json:"State"`
	Retention    *int       `json:"RetentionDays,omitempty"`
	SizeBytes    *int64     `json:"SizeBytes,omitempty"`
	EventCount   *int64     `json:"EventCount,omitempty"`
	CreationTime *timestamp `json:"CreationTime"`
}

// changedArchive is an archive as the answer to its change has it.
func (s *eventBridge) changedArchive(a trigger.Archive) *archiveOutput {
	return &archiveOutput{Arn: s.events.ArchiveARN(a.Name), State: archiveEnabled, CreationTime: epochOf(a.Created)}
}

// listedArchive is an archive as lists have it.
func (s *eventBridge) listedArchive(a trigger.Archive) *archiveOutput {
	events, bytes := a.Events(), a.Bytes()
	return &archiveOutput{
		Name: a.Name, Source: s.events.BusARN(a.Bus), State: archiveEnabled, Retention: &a.RetentionDays, SizeBytes: &bytes, EventCount: &events, CreationTime: epochOf(a.Created),
	}
}

func (s *eventBridge) createArchive(_ context.Context, in *archiveInput) (*archiveOutput, error) {
	var c constraints
	in.check(&c)
	c.required("eventSourceArn", in.Source)
	c.arn("eventSourceArn", in.Source)
	if err := c.err(); err != nil {
		return nil, err
	}
	bus, err := resourceName("EventSourceArn", in.Source.Text, "event-bus", "an event bus")
	if err != nil {
		return nil, err
	}
	a := trigger.Archive{Name: in.Name.Text, Bus: bus, Description: in.Description.Text, Pattern: in.Pattern.Text, KMSKey: in.KMSKey.Text}
	if in.RetentionDays != nil {
		a.RetentionDays = *in.RetentionDays
	}
	if a, err = s.events.CreateArchive(a); err != nil {
		return nil, err
	}
	return s.changedArchive(a), nil
}

func (s *eventBridge) updateArchive(_ context.Context, in *archiveInput) (*archiveOutput, error) {
	var c constraints
	in.check(&c)
	if err := c.err(); err != nil {
		return nil, err
	}
	change := trigger.ArchiveChange{RetentionDays: in.RetentionDays}
	for _, m := range []struct {
		from *sfn.OptString
		to   **string
	}{{&in.Description, &change.Description}, {&in.Pattern, &change.Pattern}, {&in.KMSKey, &change.KMSKey}} {
		if m.from.Set {
			*m.to = &m.from.Text
		}
	}
	a, err := s.events.UpdateArchive(in.Name.Text, change)
	if err != nil {
		return nil, err
	}
	return s.changedArchive(a), nil
}

type archiveNameInput struct {
	Name sfn.OptString `json:"ArchiveName"`
}

func (in *archiveNameInput) check() error {
	var c constraints
	c.named("archiveName", in.Name, maxArchiveName)
	return c.err()
}

func (s *eventBridge) describeArchive(_ context.Context, in *archiveNameInput) (*archiveOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	a, err := s.events.Archive(in.Name.Text)
	if err != nil {
		return nil, err
	}
	out := s.listedArchive(a)
	out.Arn, out.Description, out.Pattern, out.KMSKey = s.events.ArchiveARN(a.Name), a.Description, a.Pattern, a.KMSKey
	return out, nil
}

func (s *eventBridge) deleteArchive(_ context.Context, in *archiveNameInput) (nothing, error) {
	if err := in.check(); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.events.DeleteArchive(in.Name.Text)
}

// listInput is what ListArchives and ListReplays have.
type listInput struct {
	Prefix    sfn.OptString `json:"NamePrefix"`
	State     sfn.OptString `json:"State"`
	Source    sfn.OptString `json:"EventSourceArn"`
	Limit     *int          `json:"Limit"`
	NextToken sfn.OptString `json:"NextToken"`
}

// check holds the request to the model, and to one filter.
func (in *listInput) check(operation string, longest int, states []string) error {
	var c constraints
	c.length("namePrefix", in.Prefix, 1, longest)
	c.pattern("namePrefix", in.Prefix, ruleName, rulePattern)
	c.oneOf("state", in.State, states...)
	c.arn("eventSourceArn", in.Source)
	if err := c.err(); err != nil {
		return err
	}
	filters := 0
	for _, f := range []sfn.OptString{in.Prefix, in.State, in.Source} {
		if f.Set {
			filters++
		}
	}
	if filters > 1 {
		return sfn.Refuse(sfn.ValidationException, "At most one filter is allowed for %s. Use either : State, EventSourceArn, or NamePrefix.", operation)
	}
	return nil
}

func (in *listInput) scope(operation string) string {
	return operation + "\x00" + in.Prefix.Text + "\x00" + in.State.Text + "\x00" + in.Source.Text
}

type listArchivesOutput struct {
	Archives  []archiveOutput `json:"Archives"`
	NextToken string          `json:"NextToken,omitempty"`
}

func (s *eventBridge) listArchives(_ context.Context, in *listInput) (*listArchivesOutput, error) {
	if err := in.check("ListArchives", maxArchiveName, archiveStates); err != nil {
		return nil, err
	}
	bus := ""
	if in.Source.Set {
		var err error
		if bus, err = resourceName("EventSourceArn", in.Source.Text, "event-bus", "an event bus"); err != nil {
			return nil, err
		}
		if _, err := s.events.Bus(bus); err != nil {
			return nil, err
		}
	}
	var list []trigger.Archive
	for _, a := range s.events.Archives(in.Prefix.Text) {
		if (bus == "" || a.Bus == bus) && (!in.State.Set || in.State.Text == archiveEnabled) {
			list = append(list, a)
		}
	}
	from, to, next, err := s.page(in.scope("ListArchives"), len(list), in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listArchivesOutput{Archives: []archiveOutput{}, NextToken: next}
	for _, a := range list[from:to] {
		out.Archives = append(out.Archives, *s.listedArchive(a))
	}
	return out, nil
}

type startReplayInput struct {
	Name        sfn.OptString `json:"ReplayName"`
	Description sfn.OptString `json:"Description"`
	Source      sfn.OptString `json:"EventSourceArn"`
	Start       *float64      `json:"EventStartTime"` // epoch seconds
	End         *float64      `json:"EventEndTime"`
	Destination *struct {
		Arn     sfn.OptString `json:"Arn"`
		Filters []string      `json:"FilterArns"`
	} `json:"Destination"`
}

// check holds the request to the model.
func (in *startReplayInput) check() error {
	var c constraints
	c.named("replayName", in.Name, maxReplayName)
	c.length("description", in.Description, 0, 512)
	c.required("eventSourceArn", in.Source)
	c.arn("eventSourceArn", in.Source)
	if in.Start == nil {
		c.add("null ", "eventStartTime", "Member must not be null")
	}
	if in.End == nil {
		c.add("null ", "eventEndTime", "Member must not be null")
	}
	if in.Destination == nil {
		c.add("null ", "destination", "Member must not be null")
	} else {
		c.required("destination.arn", in.Destination.Arn)
		c.length("destination.arn", in.Destination.Arn, 1, maxEventsARN)
	}
	return c.err()
}

// epochTime is a time on the wire.
func epochTime(seconds float64) time.Time { return time.UnixMilli(int64(seconds * 1000)).UTC() }

func (s *eventBridge) startReplay(_ context.Context, in *startReplayInput) (*replayOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	bus, err := resourceName("Destination.Arn", in.Destination.Arn.Text, "event-bus", "an event bus")
	if err != nil {
		return nil, err
	}
	archive, err := resourceName("EventSourceArn", in.Source.Text, "archive", "an archive")
	if err != nil {
		return nil, err
	}
	r, err := s.events.StartReplay(trigger.Replay{
		Name: in.Name.Text, Description: in.Description.Text, Archive: archive, Bus: bus, Rules: in.Destination.Filters, Start: epochTime(*in.Start), End: epochTime(*in.End),
	})
	if err != nil {
		return nil, err
	}
	return &replayOutput{Arn: s.events.ReplayARN(r.Name), State: r.State, Began: epochOf(r.Began)}, nil
}

type replayOutput struct {
	Arn         string              `json:"ReplayArn,omitempty"` // not in lists
	Name        string              `json:"ReplayName,omitempty"`
	Description string              `json:"Description,omitempty"`
	Source      string              `json:"EventSourceArn,omitempty"`
	Destination *replayDestination  `json:"Destination,omitempty"`
	State       trigger.ReplayState `json:"State"`
	Reason      string              `json:"StateReason,omitempty"`
	Start       *timestamp          `json:"EventStartTime,omitempty"`
	End         *timestamp          `json:"EventEndTime,omitempty"`
	Last        *timestamp          `json:"EventLastReplayedTime,omitempty"`
	Began       *timestamp          `json:"ReplayStartTime,omitempty"`
	Ended       *timestamp          `json:"ReplayEndTime,omitempty"`
}

type replayDestination struct {
	Arn     string   `json:"Arn"`
	Filters []string `json:"FilterArns,omitempty"`
}

// listedReplay is a replay as lists have it.
func (s *eventBridge) listedReplay(r trigger.Replay) *replayOutput {
	return &replayOutput{
		Name: r.Name, Source: s.events.ArchiveARN(r.Archive), State: r.State, Reason: r.Reason, Start: epochOf(r.Start), End: epochOf(r.End), Last: epochOf(r.Last),
		Began: epochOf(r.Began), Ended: epochOf(r.Ended),
	}
}

type replayNameInput struct {
	Name sfn.OptString `json:"ReplayName"`
}

func (in *replayNameInput) check() error {
	var c constraints
	c.named("replayName", in.Name, maxReplayName)
	return c.err()
}

func (s *eventBridge) describeReplay(_ context.Context, in *replayNameInput) (*replayOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	r, err := s.events.Replay(in.Name.Text)
	if err != nil {
		return nil, err
	}
	out := s.listedReplay(r)
	out.Arn, out.Description, out.Destination = s.events.ReplayARN(r.Name), r.Description, &replayDestination{s.events.BusARN(r.Bus), r.Rules}
	return out, nil
}

func (s *eventBridge) cancelReplay(_ context.Context, in *replayNameInput) (*replayOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	r, err := s.events.CancelReplay(in.Name.Text)
	if err != nil {
		return nil, err
	}
	return &replayOutput{Arn: s.events.ReplayARN(r.Name), State: r.State}, nil
}

type listReplaysOutput struct {
	Replays   []replayOutput `json:"Replays"`
	NextToken string         `json:"NextToken,omitempty"`
}

func (s *eventBridge) listReplays(_ context.Context, in *listInput) (*listReplaysOutput, error) {
	if err := in.check("ListReplays", maxReplayName, replayStates); err != nil {
		return nil, err
	}
	archive := ""
	if in.Source.Set {
		var err error
		if archive, err = resourceName("EventSourceArn", in.Source.Text, "archive", "an archive"); err != nil {
			return nil, err
		}
	}
	var list []trigger.Replay
	for _, r := range s.events.Replays(in.Prefix.Text) {
		if (archive == "" || r.Archive == archive) && (!in.State.Set || string(r.State) == in.State.Text) {
			list = append(list, r)
		}
	}
	from, to, next, err := s.page(in.scope("ListReplays"), len(list), in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listReplaysOutput{Replays: []replayOutput{}, NextToken: next}
	for _, r := range list[from:to] {
		out.Replays = append(out.Replays, *s.listedReplay(r))
	}
	return out, nil
}
