package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
)

// mailbox is a target that keeps what it gets.
type mailbox chan string

func (m mailbox) Deliver(_ context.Context, message trigger.Message) error {
	m <- message.Input
	return nil
}

// serveEvents starts the front door with buses in memory, whose targets in SQS are the mailbox.
func serveEvents(t *testing.T) (url string, client *eventbridge.Client, box mailbox) {
	t.Helper()
	s, err := store.Open("/data", store.WithFS(vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	box = make(mailbox, 10)
	e, err := trigger.NewEvents(trigger.EventsConfig{Store: s, Targets: map[string]trigger.Deliverer{"sqs": box}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.New(api.Config{Events: e}))
	t.Cleanup(func() {
		server.Close()
		e.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL, eventbridge.New(eventbridge.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}), box
}

// A rule's life, as the SDK sees it, and an event on its way through a bus of one's own.
func TestEventBridge(t *testing.T) {
	_, c, box := serveEvents(t)
	ctx := t.Context()
	bus, err := c.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("shop")})
	if err != nil || *bus.EventBusArn != "arn:aws:events:us-east-1:000000000000:event-bus/shop" {
		t.Fatalf("got %+v, %v", bus, err)
	}
	rule, err := c.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("orders"), EventBusName: bus.EventBusArn, EventPattern: aws.String(`{"detail-type":["Order"]}`)})
	if err != nil || *rule.RuleArn != "arn:aws:events:us-east-1:000000000000:rule/shop/orders" {
		t.Fatalf("got %+v, %v", rule, err)
	}
	queue := aws.String("arn:aws:sqs:us-east-1:000000000000:q")
	put, err := c.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("orders"), EventBusName: aws.String("shop"), Targets: []types.Target{
		{Id: aws.String("q"), Arn: queue, InputTransformer: &types.InputTransformer{
			InputPathsMap: map[string]string{"n": "$.detail.n"}, InputTemplate: aws.String(`{"order": <n>}`),
		}},
	}})
	if err != nil || put.FailedEntryCount != 0 {
		t.Fatalf("got %+v, %v", put, err)
	}
	out, err := c.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{Source: aws.String("me"), DetailType: aws.String("Order"), Detail: aws.String(`{"n":7}`), EventBusName: aws.String("shop"), Time: aws.Time(began)},
		{Source: aws.String("me"), DetailType: aws.String("Order"), Detail: aws.String(`[]`), EventBusName: aws.String("shop")},
	}})
	if err != nil || out.FailedEntryCount != 1 || out.Entries[0].EventId == nil || *out.Entries[1].ErrorCode != "MalformedDetail" {
		t.Fatalf("got %+v, %v", out, err)
	}
	select {
	case got := <-box:
		if got != `{"order": 7}` {
			t.Errorf("the target got %s", got)
		}
	case <-ctx.Done():
		t.Fatal("the event did not come")
	}
	described, err1 := c.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: aws.String("orders"), EventBusName: aws.String("shop")})
	targets, err2 := c.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: aws.String("orders"), EventBusName: aws.String("shop")})
	names, err3 := c.ListRuleNamesByTarget(ctx, &eventbridge.ListRuleNamesByTargetInput{TargetArn: queue, EventBusName: aws.String("shop")})
	buses, err4 := c.ListEventBuses(ctx, &eventbridge.ListEventBusesInput{})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	if described.State != types.RuleStateEnabled || *described.EventPattern != `{"detail-type":["Order"]}` || *described.CreatedBy != "000000000000" {
		t.Errorf("got %+v", described)
	}
	if len(targets.Targets) != 1 || *targets.Targets[0].InputTransformer.InputTemplate != `{"order": <n>}` || len(names.RuleNames) != 1 || len(buses.EventBuses) != 2 {
		t.Errorf("got %+v, %+v, %+v", targets, names, buses)
	}
	removed, err := c.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: aws.String("orders"), EventBusName: aws.String("shop"), Ids: []string{"q", "r"}})
	if err != nil || removed.FailedEntryCount != 1 || *removed.FailedEntries[0].TargetId != "r" {
		t.Errorf("got %+v, %v", removed, err)
	}
	_, err = c.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: aws.String("none")})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) || *missing.Message != "Rule none does not exist on EventBus default." {
		t.Errorf("got %v", err)
	}
}

func TestTestEventPattern(t *testing.T) {
	url, _, _ := serveEvents(t)
	const event = `{"id":"1","account":"1","source":"a","time":"2026-01-01T00:00:00Z","region":"r","resources":[],"detail-type":"t","detail":{"n":1}}`
	ask := func(pattern, event string) answer {
		body, err := json.Marshal(map[string]string{"EventPattern": pattern, "Event": event})
		if err != nil {
			t.Fatal(err)
		}
		return post(t, url, "AWSEvents.TestEventPattern", string(body))
	}
	for _, test := range []struct{ pattern, event, want string }{
		{`{"source":["a"]}`, event, `{"Result":true}`},
		{`{"detail":{"n":[2]}}`, event, `{"Result":false}`},
		{`{"source":"a"}`, event, `{"__type":"InvalidEventPatternException","message":"Event pattern is not valid. Reason: \"source\" must be an object or an array\n at [Source: (String)\"{\"source\":\"a\"}\"; line: 1, column: 12]"}`},
		{`{"source":["a"]}`, `{"source":"a"}`, `{"__type":"ValidationException","message":"Parameter Event is not valid. Reason: It lacks the fields id, account, time, region, resources, detail-type."}`},
		{`{"source":["a"]}`, `1`, `{"__type":"ValidationException","message":"Parameter Event is not valid."}`},
	} {
		if a := ask(test.pattern, test.event); a.body != test.want {
			t.Errorf("%s on %.20s: got %s", test.pattern, test.event, a.body)
		}
	}
}

func TestEventBridgeRefusals(t *testing.T) {
	url, _, _ := serveEvents(t)
	const (
		validation = "com.amazon.coral.validate#ValidationException"
		detected   = "1 validation error detected: "
	)
	entry := `{"Source":"a","DetailType":"b","Detail":"{}"}`
	for _, test := range []struct{ operation, body, kind, message string }{
		{"PutEvents", `{}`, validation, detected + "Value null at 'entries' failed to satisfy constraint: Member must not be null"},
		{"PutEvents", `{"Entries":[` + entry + strings.Repeat(","+entry, 10) + `]}`, validation, detected + "Value at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10"},
		{"PutEvents", `{"Entries":[{"Source":"a","DetailType":"b","Detail":"` + strings.Repeat("x", 2<<20) + `"}]}`, "ValidationException", "Total size of the entries in the request is over the limit."},
		{"PutRule", `{"Name":"a b","EventPattern":"{}"}`, validation, detected + `Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`},
		{"PutRule", `{"Name":"r","ScheduleExpression":"rate(0 days)"}`, "ValidationException", "Parameter ScheduleExpression is not valid."},
		{"PutRule", `{"Name":"r","ScheduleExpression":"at(2100-01-01T00:00:00)"}`, "ValidationException", "Parameter ScheduleExpression is not valid."},
		{"PutRule", `{"Name":"r","ScheduleExpression":"rate(1 minutes)"}`, "ValidationException", "Parameter ScheduleExpression is not valid."},
		{"PutRule", `{"Name":"r","ScheduleExpression":"rate(10 minute)"}`, "ValidationException", "Parameter ScheduleExpression is not valid."},
		{"PutRule", `{"Name":"r","EventBusName":"default","ScheduleExpression":"cron(0 1 * * * *)"}`, "ValidationException", "Parameter ScheduleExpression is not valid."},
		{"PutTargets", `{"Rule":"r","Targets":[{"Id":"a","Arn":"x"},{"Id":"!@","Arn":"x"}]}`, validation,
			detected + `Value '!@' at 'targets.2.member.id' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`},
		{"PutTargets", `{"Rule":"r","Targets":[{"Id":"` + strings.Repeat("x", 65) + `","Arn":"x"}]}`, validation,
			detected + "Value '" + strings.Repeat("x", 65) + "' at 'targets.1.member.id' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{"PutTargets", `{"Rule":"r"}`, validation, detected + "Value null at 'targets' failed to satisfy constraint: Member must not be null"},
		{"PutTargets", `{"Rule":"r","Targets":[{"Id":"1","Arn":"arn:aws:sqs:us-east-1:000000000000:q","RetryPolicy":{"MaximumRetryAttempts":186}}]}`, validation,
			detected + "Value '186' at 'targets.1.member.retryPolicy.maximumRetryAttempts' failed to satisfy constraint: Member must have value less than or equal to 185"},
		{"ListRules", `{"NextToken":"x"}`, "ValidationException", "Token is not valid."},
		{"ListRules", `{"EventBusName":"none"}`, "ResourceNotFoundException", "Event bus none does not exist."},
	} {
		a := post(t, url, "AWSEvents."+test.operation, test.body)
		if a.Type != test.kind || a.Message != test.message || a.status != 400 {
			t.Errorf("%s %.80s:\n got %d %s %s\nwant %s %s", test.operation, test.body, a.status, a.Type, a.Message, test.kind, test.message)
		}
	}
}

// Every operation is one that AWS has, and answers a request without arguments with a result or a refusal, not with trouble.
func TestEventBridgeOperations(t *testing.T) {
	url, _, _ := serveEvents(t)
	methods := reflect.TypeFor[*eventbridge.Client]()
	for _, name := range api.EventsOperationNames() {
		if _, ok := methods.MethodByName(name); !ok {
			t.Errorf("AWS has no operation %s", name)
		}
		if a := post(t, url, "AWSEvents."+name, "{}"); a.status != 200 && (a.status != 400 || !strings.HasSuffix(a.Type, "ValidationException")) {
			t.Errorf("%s without arguments: got %v", name, a)
		}
	}
}

// Connections and API destinations, as the SDK sees them: what is secret is not told again.
func TestConnections(t *testing.T) {
	url, c, _ := serveEvents(t)
	ctx := t.Context()
	made, err := c.CreateConnection(ctx, &eventbridge.CreateConnectionInput{
		Name: aws.String("c"), AuthorizationType: types.ConnectionAuthorizationTypeBasic, AuthParameters: &types.CreateConnectionAuthRequestParameters{
			BasicAuthParameters: &types.CreateConnectionBasicAuthRequestParameters{Username: aws.String("ada"), Password: aws.String("secret")},
			InvocationHttpParameters: &types.ConnectionHttpParameters{HeaderParameters: []types.ConnectionHeaderParameter{
				{Key: aws.String("a"), Value: aws.String("open")}, {Key: aws.String("b"), Value: aws.String("hidden"), IsValueSecret: true},
			}},
		},
	})
	if err != nil || made.ConnectionState != types.ConnectionStateAuthorized || !strings.HasPrefix(*made.ConnectionArn, "arn:aws:events:us-east-1:000000000000:connection/c/") {
		t.Fatalf("got %+v, %v", made, err)
	}
	_, err1 := c.UpdateConnection(ctx, &eventbridge.UpdateConnectionInput{Name: aws.String("c"), Description: aws.String("changed"), AuthParameters: &types.UpdateConnectionAuthRequestParameters{
		BasicAuthParameters: &types.UpdateConnectionBasicAuthRequestParameters{Username: aws.String("eve")},
	}})
	got, err2 := c.DescribeConnection(ctx, &eventbridge.DescribeConnectionInput{Name: aws.String("c")})
	d, err3 := c.CreateApiDestination(ctx, &eventbridge.CreateApiDestinationInput{
		Name: aws.String("d"), ConnectionArn: made.ConnectionArn, HttpMethod: types.ApiDestinationHttpMethodPost, InvocationEndpoint: aws.String("https://example.com/*"),
	})
	_, err4 := c.UpdateApiDestination(ctx, &eventbridge.UpdateApiDestinationInput{Name: aws.String("d"), InvocationRateLimitPerSecond: aws.Int32(7)})
	described, err5 := c.DescribeApiDestination(ctx, &eventbridge.DescribeApiDestinationInput{Name: aws.String("d")})
	list, err6 := c.ListApiDestinations(ctx, &eventbridge.ListApiDestinationsInput{ConnectionArn: made.ConnectionArn})
	_, err7 := c.DeauthorizeConnection(ctx, &eventbridge.DeauthorizeConnectionInput{Name: aws.String("c")})
	connections, err8 := c.ListConnections(ctx, &eventbridge.ListConnectionsInput{ConnectionState: types.ConnectionStateDeauthorized})
	after, err9 := c.DescribeApiDestination(ctx, &eventbridge.DescribeApiDestinationInput{Name: aws.String("d")})
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, err9); err != nil {
		t.Fatal(err)
	}
	headers := got.AuthParameters.InvocationHttpParameters.HeaderParameters
	if *got.AuthParameters.BasicAuthParameters.Username != "eve" || *got.Description != "changed" || *headers[0].Value != "open" || headers[1].Value != nil || got.SecretArn == nil {
		t.Errorf("got %+v, headers %+v", got, headers)
	}
	if d.ApiDestinationState != types.ApiDestinationStateActive || *described.InvocationRateLimitPerSecond != 7 || *described.InvocationEndpoint != "https://example.com/*" ||
		len(list.ApiDestinations) != 1 || len(connections.Connections) != 1 || after.ApiDestinationState != types.ApiDestinationStateInactive {
		t.Errorf("got %+v, %+v, %+v, %+v, %+v", d, described, list, connections, after)
	}
	if a := post(t, url, "AWSEvents.DescribeConnection", `{"Name":"c"}`); strings.Contains(a.body, "secret\"") || strings.Contains(a.body, "hidden") {
		t.Errorf("a secret is told: %s", a.body)
	}
	for _, test := range []struct{ operation, body, message string }{
		{"CreateConnection", `{"Name":"c","AuthorizationType":"BASIC","AuthParameters":{"BasicAuthParameters":{"Username":"a","Password":"b"}}}`, "Connection c already exists."},
		{"CreateConnection", `{"Name":"e","AuthorizationType":"BASIC","AuthParameters":{"ApiKeyAuthParameters":{}}}`, "Authorization type BASIC requires AuthParameters.BasicAuthParameters."},
		{"CreateConnection", `{"Name":"e","AuthorizationType":"BASIC","AuthParameters":{"BasicAuthParameters":{"Username":"a"}}}`, "1 validation error detected: Value null at 'authParameters.basicAuthParameters.password' failed to satisfy constraint: Member must not be null"},
		{"DescribeConnection", `{"Name":"none"}`, "Failed to describe the connection(s). Connection 'none' does not exist."},
		{"DescribeApiDestination", `{"Name":"none"}`, "Failed to describe the api-destination(s). An api-destination 'none' does not exist."},
		{"CreateApiDestination", `{"Name":"e","ConnectionArn":"arn:aws:events:us-east-1:000000000000:connection/none/1","HttpMethod":"POST","InvocationEndpoint":"https://example.com"}`, "Connection 'none' does not exist."},
		{"CreateApiDestination", `{"Name":"e","ConnectionArn":"arn:aws:events:us-east-1:000000000000:connection/c/1","HttpMethod":"POST","InvocationEndpoint":"http://example.com"}`, "The InvocationEndpoint http://example.com is not an HTTPS URL."},
		{"CreateApiDestination", `{"Name":"e","ConnectionArn":"c","HttpMethod":"SEND","InvocationEndpoint":"https://example.com"}`, "2 validation errors detected: " +
			`Value 'c' at 'connectionArn' failed to satisfy constraint: Member must satisfy regular expression pattern: ` +
			`^arn:aws([a-z]|\-)*:events:([a-z]|\d|\-)*:([0-9]{12})?:connection\/[\.\-_A-Za-z0-9]+\/[\-A-Za-z0-9]+$; ` +
			"Value 'SEND' at 'httpMethod' failed to satisfy constraint: Member must satisfy enum value set: [HEAD, POST, PATCH, DELETE, PUT, GET, OPTIONS]"},
		{"UpdateApiDestination", `{"Name":"d","InvocationRateLimitPerSecond":0}`, "1 validation error detected: Value '0' at 'invocationRateLimitPerSecond' failed to satisfy constraint: Member must have value greater than or equal to 1"},
	} {
		if a := post(t, url, "AWSEvents."+test.operation, test.body); a.Message != test.message || a.status != 400 {
			t.Errorf("%s %s: got %d %s", test.operation, test.body, a.status, a.body)
		}
	}
	_, err1 = c.DeleteApiDestination(ctx, &eventbridge.DeleteApiDestinationInput{Name: aws.String("d")})
	_, err2 = c.DeleteConnection(ctx, &eventbridge.DeleteConnectionInput{Name: aws.String("c")})
	if err := errors.Join(err1, err2); err != nil {
		t.Error(err)
	}
}
