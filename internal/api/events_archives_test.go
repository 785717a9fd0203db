//go:build unix

package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

const defaultBus = "arn:aws:events:us-east-1:000000000000:event-bus/default"

// An archive's life, as Terraform reads it back, and a replay of what is in it, to the rule that it names.
func TestTerraformArchive(t *testing.T) {
	_, c, box := serveEvents(t)
	ctx, name := t.Context(), aws.String("tf")
	rule := must[*eventbridge.PutRuleOutput](t)(c.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["me"]}`)}))
	created := must[*eventbridge.CreateArchiveOutput](t)(c.CreateArchive(ctx, &eventbridge.CreateArchiveInput{
		ArchiveName: name, EventSourceArn: aws.String(defaultBus), Description: aws.String("d"), EventPattern: aws.String(`{"source":["me"]}`), RetentionDays: aws.Int32(1),
	}))
	if *created.ArchiveArn != "arn:aws:events:us-east-1:000000000000:archive/tf" || created.State != types.ArchiveStateEnabled || created.CreationTime == nil {
		t.Fatalf("created %+v", created)
	}
	put := must[*eventbridge.PutEventsOutput](t)(c.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{Source: aws.String("me"), DetailType: aws.String("t"), Detail: aws.String(`{"n":7}`), Time: aws.Time(began)},
		{Source: aws.String("you"), DetailType: aws.String("t"), Detail: aws.String(`{}`), Time: aws.Time(began)},
	}}))
	updated := must[*eventbridge.UpdateArchiveOutput](t)(c.UpdateArchive(ctx, &eventbridge.UpdateArchiveInput{ArchiveName: name, RetentionDays: aws.Int32(0), Description: aws.String("e")}))
	if *updated.ArchiveArn != *created.ArchiveArn || !updated.CreationTime.Equal(*created.CreationTime) {
		t.Errorf("updated %+v", updated)
	}
	read := refresh(t, asked(func() (*eventbridge.DescribeArchiveOutput, error) {
		return c.DescribeArchive(ctx, &eventbridge.DescribeArchiveInput{ArchiveName: name})
	}), asked(func() (*eventbridge.ListArchivesOutput, error) {
		return c.ListArchives(ctx, &eventbridge.ListArchivesInput{EventSourceArn: aws.String(defaultBus)})
	}))
	a, list := read[0].(*eventbridge.DescribeArchiveOutput), read[1].(*eventbridge.ListArchivesOutput).Archives
	if a.EventCount != 1 || a.SizeBytes != 36 || *a.RetentionDays != 0 || *a.Description != "e" || *a.EventPattern != `{"source":["me"]}` || *a.EventSourceArn != defaultBus || len(list) != 1 {
		t.Errorf("described %+v, listed %+v", a, list)
	}

	must[*eventbridge.PutTargetsOutput](t)(c.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{{Id: aws.String("q"), Arn: aws.String(scheduleQueue)}}}))
	started := must[*eventbridge.StartReplayOutput](t)(c.StartReplay(ctx, &eventbridge.StartReplayInput{
		ReplayName: aws.String("again"), Description: aws.String("d"), EventSourceArn: created.ArchiveArn, EventStartTime: aws.Time(began), EventEndTime: aws.Time(began.Add(time.Minute)),
		Destination: &types.ReplayDestination{Arn: aws.String(defaultBus), FilterArns: []string{*rule.RuleArn}},
	}))
	if *started.ReplayArn != "arn:aws:events:us-east-1:000000000000:replay/again" || started.State != types.ReplayStateStarting || started.ReplayStartTime == nil {
		t.Errorf("started %+v", started)
	}
	var event map[string]any
	if err := json.Unmarshal([]byte(<-box), &event); err != nil || event["replay-name"] != "again" || event["id"] != *put.Entries[0].EventId {
		t.Errorf("replayed %v, %v", event, err)
	}
	r := must[*eventbridge.DescribeReplayOutput](t)(c.DescribeReplay(ctx, &eventbridge.DescribeReplayInput{ReplayName: aws.String("again")}))
	for r.State != types.ReplayStateCompleted {
		r = must[*eventbridge.DescribeReplayOutput](t)(c.DescribeReplay(ctx, &eventbridge.DescribeReplayInput{ReplayName: aws.String("again")}))
	}
	if !r.EventLastReplayedTime.Equal(began.Truncate(time.Second)) || r.ReplayEndTime == nil || *r.Destination.Arn != defaultBus || r.Destination.FilterArns[0] != *rule.RuleArn || *r.EventSourceArn != *created.ArchiveArn {
		t.Errorf("described %+v", r)
	}
	replays := must[*eventbridge.ListReplaysOutput](t)(c.ListReplays(ctx, &eventbridge.ListReplaysInput{EventSourceArn: created.ArchiveArn}))
	running := must[*eventbridge.ListReplaysOutput](t)(c.ListReplays(ctx, &eventbridge.ListReplaysInput{State: types.ReplayStateRunning}))
	if len(replays.Replays) != 1 || len(running.Replays) != 0 {
		t.Errorf("listed %+v and %+v", replays, running)
	}
	_, err := c.CancelReplay(ctx, &eventbridge.CancelReplayInput{ReplayName: aws.String("again")})
	missing[*types.IllegalStatusException](t, "CancelReplay", err)
	must[*eventbridge.DeleteArchiveOutput](t)(c.DeleteArchive(ctx, &eventbridge.DeleteArchiveInput{ArchiveName: name}))
	_, err = c.DescribeArchive(ctx, &eventbridge.DescribeArchiveInput{ArchiveName: name})
	missing[*types.ResourceNotFoundException](t, "DescribeArchive", err)
}

// The words are those recorded on AWS.
func TestArchiveRefusals(t *testing.T) {
	url, c, _ := serveEvents(t)
	must[*eventbridge.CreateEventBusOutput](t)(c.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: aws.String("shop")}))
	const (
		arn        = "arn:aws:events:us-east-1:000000000000:"
		detected   = "1 validation error detected: "
		validation = "com.amazon.coral.validate#ValidationException"
	)
	create := `{"ArchiveName":"a","EventSourceArn":"` + defaultBus + `"}`
	replay := func(source, bus string, from, to int) string {
		text, _ := json.Marshal(map[string]any{"ReplayName": "r", "EventSourceArn": arn + source, "Destination": map[string]any{"Arn": arn + bus}, "EventStartTime": from, "EventEndTime": to})
		return string(text)
	}
	for _, operation := range []string{"CreateArchive " + create, "StartReplay " + replay("archive/a", "event-bus/default", 1, 2)} {
		name, body, _ := strings.Cut(operation, " ")
		if a := post(t, url, "AWSEvents."+name, body); a.status != 200 {
			t.Fatalf("%s: %d %s", name, a.status, a.body)
		}
	}
	for _, test := range []struct{ operation, body, kind, message string }{
		{"CreateArchive", create, "ResourceAlreadyExistsException", "Archive a already exists."},
		{"CreateArchive", strings.Replace(create, "default", "none", 1), "ResourceNotFoundException", "Event bus none does not exist."},
		{"CreateArchive", `{"ArchiveName":"b","EventSourceArn":"` + arn + `rule/r"}`, "ValidationException", "Parameter EventSourceArn is not valid. Reason: Must contain an event bus ARN."},
		{"CreateArchive", `{"ArchiveName":"b","EventSourceArn":"` + defaultBus + `","RetentionDays":-1}`, validation,
			detected + "Value '-1' at 'retentionDays' failed to satisfy constraint: Member must have value greater than or equal to 0"},
		{"CreateArchive", `{"ArchiveName":"` + strings.Repeat("a", 49) + `","EventSourceArn":"` + defaultBus + `"}`, validation,
			detected + "Value '" + strings.Repeat("a", 49) + "' at 'archiveName' failed to satisfy constraint: Member must have length less than or equal to 48"},
		{"DescribeArchive", `{"ArchiveName":"none"}`, "ResourceNotFoundException", "Archive none does not exist."},
		{"UpdateArchive", `{"ArchiveName":"none"}`, "ResourceNotFoundException", "Archive none does not exist."},
		{"DeleteArchive", `{"ArchiveName":"none"}`, "ResourceNotFoundException", "Archive none does not exist."},
		{"ListArchives", `{"EventSourceArn":"` + arn + `event-bus/none"}`, "ResourceNotFoundException", "Event bus none does not exist."},
		{"ListArchives", `{"State":"ENABLED","NamePrefix":"a"}`, "ValidationException", "At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, or NamePrefix."},
		{"StartReplay", replay("archive/a", "event-bus/default", 1, 2), "ResourceAlreadyExistsException", "Replay r already exists."},
		{"StartReplay", replay("archive/a", "event-bus/none", 1, 2), "ResourceNotFoundException", "Event bus none does not exist."},
		{"StartReplay", replay("archive/a", "event-bus/shop", 1, 2), "ValidationException", "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted."},
		{"StartReplay", replay("archive/none", "event-bus/default", 1, 2), "ValidationException", "Parameter EventSourceArn is not valid. Reason: Archive none does not exist."},
		{"StartReplay", replay("archive/a", "event-bus/default", 2, 2), "ValidationException", "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime."},
		{"StartReplay", replay("archive/a", "rule/r", 1, 2), "ValidationException", "Parameter Destination.Arn is not valid. Reason: Must contain an event bus ARN."},
		{"DescribeReplay", `{"ReplayName":"none"}`, "ResourceNotFoundException", "Replay none does not exist."},
		{"CancelReplay", `{"ReplayName":"none"}`, "ResourceNotFoundException", "Replay none does not exist."},
	} {
		if a := post(t, url, "AWSEvents."+test.operation, test.body); a.Type != test.kind || a.Message != test.message || a.status != 400 {
			t.Errorf("%s %.80s:\n got %d %s %s\nwant %s %s", test.operation, test.body, a.status, a.Type, a.Message, test.kind, test.message)
		}
	}
}
