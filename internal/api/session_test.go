package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/await"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/store"
)

// vended is a log service that has the groups that services write to, and is asked for nothing else here.
type vended struct{ runner.Logs }

func (vended) HasGroup(name string) bool { return strings.HasPrefix(name, "/aws/vendedlogs/") }

// realAPI is the API over a real runner with an empty journal in memory.
type realAPI struct {
	*runner.Runner
	url     string
	handler http.Handler
	disk    vfs.FS
}

func openEndpoint(t testing.TB, disk vfs.FS) *realAPI {
	t.Helper()
	s, err := store.Open("data", store.WithFS(disk))
	if err != nil {
		t.Fatal(err)
	}
	r := runner.New(runner.Config{
		Store: s, Tasks: noTasks{}, Shards: 2,
		Logs: vended{},
	})
	if _, err := r.Start(); err != nil {
		t.Fatal(err)
	}
	handler := api.New(api.Config{States: r})
	server := httptest.NewUnstartedServer(handler)
	server.Config = api.NewServer(handler)
	server.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		r.Close(ctx)
		server.CloseClientConnections()
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &realAPI{Runner: r, url: server.URL, handler: handler, disk: disk}
}

// wholeBody hands requests on with their bodies in memory: the SDK closes the body that it has given as soon as an answer begins, and net/http
// takes that for a failed request.
type wholeBody struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t wholeBody) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	whole := r.Clone(r.Context())
	whole.Body = io.NopCloser(bytes.NewReader(body))
	return t.next.RoundTrip(whole)
}

// client is the SDK's, with a key and a region.
func (e *realAPI) client(t testing.TB, key, region string) *awssfn.Client {
	t.Helper()
	address := e.url[len("http://"):]
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return awssfn.New(awssfn.Options{
		Region: region, BaseEndpoint: aws.String(e.url), HTTPClient: &http.Client{Transport: wholeBody{transport}},
		Credentials: credentials.NewStaticCredentialsProvider(key, "test", ""), Retryer: aws.NopRetryer{},
	})
}

const (
	passing = `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`
	waiting = `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"Next":"A"},"A":{"Type":"Pass","End":true}}}`
	role    = "arn:aws:iam::000000000000:role/r"
)

// commented is a definition that differs from others by its comment.
func commented(text string) string {
	return strings.Replace(passing, "{", `{"Comment":"`+text+`",`, 1)
}

// refusal is the exception with its text, "" for none.
func refusal(err error) string {
	var answered smithy.APIError
	if errors.As(err, &answered) {
		return answered.ErrorCode() + ": " + answered.ErrorMessage()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// must fails the test on an error.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func create(t testing.TB, c *awssfn.Client, name, definition string) string {
	t.Helper()
	out, err := c.CreateStateMachine(t.Context(), &awssfn.CreateStateMachineInput{
		Name: aws.String(name), Definition: aws.String(definition), RoleArn: aws.String(role),
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.StateMachineArn
}

func TestCreateIsIdempotent(t *testing.T) {
	c := openEndpoint(t, vfs.NewMem()).client(t, "test", "us-east-1")
	base := func() *awssfn.CreateStateMachineInput {
		return &awssfn.CreateStateMachineInput{Name: aws.String("m"), Definition: aws.String(passing), RoleArn: aws.String(role)}
	}
	first := must[*awssfn.CreateStateMachineOutput](t)(c.CreateStateMachine(t.Context(), base()))
	const exists = "StateMachineAlreadyExists: State Machine Already Exists: 'arn:aws:states:us-east-1:000000000000:stateMachine:m'"
	for _, test := range []struct {
		name   string
		change func(*awssfn.CreateStateMachineInput)
		want   string
	}{
		{"the same", func(*awssfn.CreateStateMachineInput) {}, ""},
		{"another role", func(in *awssfn.CreateStateMachineInput) { in.RoleArn = aws.String(role + "2") }, ""},
		{"other tags", func(in *awssfn.CreateStateMachineInput) {
			in.Tags = []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}
		}, ""},
		{"the default type", func(in *awssfn.CreateStateMachineInput) { in.Type = types.StateMachineTypeStandard }, ""},
		{"the default logging", func(in *awssfn.CreateStateMachineInput) {
			in.LoggingConfiguration = &types.LoggingConfiguration{Level: types.LogLevelOff}
		}, ""},
		{"the default encryption", func(in *awssfn.CreateStateMachineInput) {
			in.EncryptionConfiguration = &types.EncryptionConfiguration{Type: types.EncryptionTypeAwsOwnedKey}
		}, ""},
		{"another blank", func(in *awssfn.CreateStateMachineInput) { in.Definition = aws.String(passing + " ") }, exists},
		{"another type", func(in *awssfn.CreateStateMachineInput) { in.Type = types.StateMachineTypeExpress }, exists},
		{"tracing", func(in *awssfn.CreateStateMachineInput) {
			in.TracingConfiguration = &types.TracingConfiguration{Enabled: true}
		}, exists},
		{"logging", func(in *awssfn.CreateStateMachineInput) {
			in.LoggingConfiguration = &types.LoggingConfiguration{IncludeExecutionData: true}
		}, exists},
		{"encryption", func(in *awssfn.CreateStateMachineInput) {
			in.EncryptionConfiguration = &types.EncryptionConfiguration{
				Type: types.EncryptionTypeCustomerManagedKmsKey, KmsKeyId: aws.String("alias/mine"),
			}
		}, exists},
		{"publish", func(in *awssfn.CreateStateMachineInput) { in.Publish = true }, exists},
		{"description alone", func(in *awssfn.CreateStateMachineInput) { in.VersionDescription = aws.String("d") },
			"ValidationException: Version description can only be set when publish is true"},
	} {
		in := base()
		test.change(in)
		out, err := c.CreateStateMachine(t.Context(), in)
		if got := refusal(err); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
		if err == nil && !out.CreationDate.Equal(*first.CreationDate) {
			t.Errorf("%s: created again", test.name)
		}
	}
	d := must[*awssfn.DescribeStateMachineOutput](t)(c.DescribeStateMachine(t.Context(), &awssfn.DescribeStateMachineInput{StateMachineArn: first.StateMachineArn}))
	tags := must[*awssfn.ListTagsForResourceOutput](t)(c.ListTagsForResource(t.Context(), &awssfn.ListTagsForResourceInput{ResourceArn: first.StateMachineArn}))
	if *d.RoleArn != role || len(tags.Tags) != 0 {
		t.Errorf("creating again changed the role to %s and the tags to %v", *d.RoleArn, tags.Tags)
	}
}

func TestCreateRefuses(t *testing.T) {
	c := openEndpoint(t, vfs.NewMem()).client(t, "test", "us-east-1")
	many := make([]types.Tag, 51)
	for i := range many {
		many[i] = types.Tag{Key: aws.String(fmt.Sprint("k", i)), Value: aws.String("v")}
	}
	logging := func(arns ...string) *types.LoggingConfiguration {
		l := &types.LoggingConfiguration{Level: types.LogLevelAll}
		for _, arn := range arns {
			l.Destinations = append(l.Destinations, types.LogDestination{CloudWatchLogsLogGroup: &types.CloudWatchLogsLogGroup{LogGroupArn: aws.String(arn)}})
		}
		return l
	}
	const group = "arn:aws:logs:us-east-1:000000000000:log-group:"
	for _, test := range []struct {
		change func(*awssfn.CreateStateMachineInput)
		want   string
	}{
		{func(in *awssfn.CreateStateMachineInput) { in.Name = aws.String("a b") }, "InvalidName: Invalid Name: 'a b'"},
		{func(in *awssfn.CreateStateMachineInput) { in.RoleArn = aws.String("r") }, "InvalidArn: Invalid Role Arn: 'r'"},
		{func(in *awssfn.CreateStateMachineInput) { in.Definition = aws.String("{}") },
			"InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /'"},
		{func(in *awssfn.CreateStateMachineInput) { in.Definition = aws.String(strings.Repeat("x", 1<<20+1)) },
			"RequestEntityTooLargeException: The request is larger than 1048576 bytes."},
		{func(in *awssfn.CreateStateMachineInput) { in.Type = "BATCH" },
			"ValidationException: 1 validation error detected: Value 'BATCH' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [EXPRESS, STANDARD]"},
		{func(in *awssfn.CreateStateMachineInput) { in.Tags = many },
			"TooManyTags: Too Many Tags: 'arn:aws:states:us-east-1:000000000000:stateMachine:m' would have 51 tags, and may have 50"},
		{func(in *awssfn.CreateStateMachineInput) {
			in.Tags = []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("v")}}
		}, "ValidationException: Tag keys that begin with aws: are reserved. Received: 'aws:x'"},
		{func(in *awssfn.CreateStateMachineInput) {
			in.Tags = []types.Tag{{Key: aws.String("a"), Value: aws.String("v")}, {Key: aws.String(""), Value: aws.String("v")}}
		}, "ValidationException: 1 validation error detected: Value '' at 'tags.2.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{func(in *awssfn.CreateStateMachineInput) { in.LoggingConfiguration = logging() },
			"InvalidLoggingConfiguration: Invalid Logging Configuration: Must specify exactly one Log Destination."},
		{func(in *awssfn.CreateStateMachineInput) { in.LoggingConfiguration = logging(group + "nobody:*") },
			"InvalidLoggingConfiguration: Invalid Logging Configuration: Log Destination not found."},
		{func(in *awssfn.CreateStateMachineInput) {
			in.EncryptionConfiguration = &types.EncryptionConfiguration{Type: types.EncryptionTypeCustomerManagedKmsKey}
		}, "InvalidEncryptionConfiguration: Invalid Encryption Configuration: Must specify kmsKeyId with CUSTOMER_MANAGED_KMS_KEY."},
		{func(in *awssfn.CreateStateMachineInput) {
			in.EncryptionConfiguration = &types.EncryptionConfiguration{Type: types.EncryptionTypeCustomerManagedKmsKey, KmsKeyId: aws.String("key"), KmsDataKeyReusePeriodSeconds: aws.Int32(59)}
		}, "ValidationException: 1 validation error detected: Value '59' at 'encryptionConfiguration.kmsDataKeyReusePeriodSeconds' failed to satisfy constraint: Member must have value greater than or equal to 60"},
	} {
		in := &awssfn.CreateStateMachineInput{Name: aws.String("m"), Definition: aws.String(passing), RoleArn: aws.String(role)}
		test.change(in)
		_, err := c.CreateStateMachine(t.Context(), in)
		if got := refusal(err); got != test.want {
			t.Errorf("got  %.300q\nwant %q", got, test.want)
		}
	}
	list := must[*awssfn.ListStateMachinesOutput](t)(c.ListStateMachines(t.Context(), &awssfn.ListStateMachinesInput{}))
	if len(list.StateMachines) > 0 {
		t.Errorf("refused machines exist: %v", list.StateMachines)
	}
}

// What a machine is configured with comes back, with AWS's defaults.
func TestConfigurationIsDescribed(t *testing.T) {
	c := openEndpoint(t, vfs.NewMem()).client(t, "test", "us-east-1")
	const group = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/vendedlogs/states/x:*"
	const key = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	out := must[*awssfn.CreateStateMachineOutput](t)(c.CreateStateMachine(t.Context(), &awssfn.CreateStateMachineInput{
		Name: aws.String("m"), Definition: aws.String(passing), RoleArn: aws.String(role), Type: types.StateMachineTypeExpress,
		Publish: true, VersionDescription: aws.String("the first"),
		LoggingConfiguration: &types.LoggingConfiguration{Level: types.LogLevelError, IncludeExecutionData: true, Destinations: []types.LogDestination{
			{CloudWatchLogsLogGroup: &types.CloudWatchLogsLogGroup{LogGroupArn: aws.String(group)}}}},
		TracingConfiguration:    &types.TracingConfiguration{Enabled: true},
		EncryptionConfiguration: &types.EncryptionConfiguration{Type: types.EncryptionTypeCustomerManagedKmsKey, KmsKeyId: aws.String(key)},
	}))
	d := must[*awssfn.DescribeStateMachineOutput](t)(c.DescribeStateMachine(t.Context(), &awssfn.DescribeStateMachineInput{StateMachineArn: out.StateMachineVersionArn}))
	if d.LoggingConfiguration.Level != types.LogLevelError || !d.LoggingConfiguration.IncludeExecutionData ||
		*d.LoggingConfiguration.Destinations[0].CloudWatchLogsLogGroup.LogGroupArn != group || !d.TracingConfiguration.Enabled ||
		*d.EncryptionConfiguration.KmsKeyId != key || *d.EncryptionConfiguration.KmsDataKeyReusePeriodSeconds != 300 ||
		*d.Description != "the first" || *d.StateMachineArn != *out.StateMachineVersionArn || d.RevisionId != nil {
		t.Errorf("got %+v", d)
	}
}

// A session over versions and aliases, from the first version to the last.
func TestVersionsAndAliases(t *testing.T) {
	e := openEndpoint(t, vfs.NewMem())
	c := e.client(t, "test", "us-east-1")
	arn := create(t, c, "m", passing)
	publish := func(revision *string, description string) (string, error) {
		out, err := c.PublishStateMachineVersion(t.Context(), &awssfn.PublishStateMachineVersionInput{
			StateMachineArn: aws.String(arn), RevisionId: revision, Description: aws.String(description)})
		if err != nil {
			return "", err
		}
		return *out.StateMachineVersionArn, nil
	}
	v1 := must[string](t)(publish(aws.String("INITIAL"), "one"))
	if again := must[string](t)(publish(nil, "other")); again != v1 || v1 != arn+":1" {
		t.Errorf("published %s, then %s", v1, again)
	}
	updated := must[*awssfn.UpdateStateMachineOutput](t)(c.UpdateStateMachine(t.Context(), &awssfn.UpdateStateMachineInput{
		StateMachineArn: aws.String(arn), Definition: aws.String(commented("two"))}))
	_, err := publish(aws.String("INITIAL"), "")
	if want := "ConflictException: Failed to publish the State Machine version for revision INITIAL. The current State Machine revision is " + *updated.RevisionId + "."; refusal(err) != want {
		t.Errorf("got %q, want %q", refusal(err), want)
	}
	v2 := must[string](t)(publish(updated.RevisionId, "two"))

	route := func(weights ...any) (routes []types.RoutingConfigurationListItem) {
		for i := 0; i < len(weights); i += 2 {
			routes = append(routes, types.RoutingConfigurationListItem{StateMachineVersionArn: aws.String(weights[i].(string)), Weight: int32(weights[i+1].(int))})
		}
		return routes
	}
	alias := must[*awssfn.CreateStateMachineAliasOutput](t)(c.CreateStateMachineAlias(t.Context(), &awssfn.CreateStateMachineAliasInput{
		Name: aws.String("PROD"), RoutingConfiguration: route(v1, 100)}))
	_, err = c.CreateStateMachineAlias(t.Context(), &awssfn.CreateStateMachineAliasInput{Name: aws.String("X"), RoutingConfiguration: route(arn+":9", 100)})
	if want := "ResourceNotFound: Request references a resource that does not exist."; refusal(err) != want {
		t.Errorf("a route to nowhere: %s", refusal(err))
	}
	other := create(t, c, "other", passing)
	_, err = c.UpdateStateMachineAlias(t.Context(), &awssfn.UpdateStateMachineAliasInput{StateMachineAliasArn: alias.StateMachineAliasArn, RoutingConfiguration: route(other+":1", 100)})
	if !strings.HasPrefix(refusal(err), "ValidationException: Routing configuration must contain versions of the alias's state machine") {
		t.Errorf("a route to another machine: %s", refusal(err))
	}
	_, err = c.UpdateStateMachineAlias(t.Context(), &awssfn.UpdateStateMachineAliasInput{StateMachineAliasArn: alias.StateMachineAliasArn})
	var invalid *types.ValidationException
	if !errors.As(err, &invalid) || invalid.Reason != types.ValidationExceptionReasonMissingRequiredParameter {
		t.Errorf("an update of nothing: %v", err)
	}
	if _, err = c.UpdateStateMachineAlias(t.Context(), &awssfn.UpdateStateMachineAliasInput{
		StateMachineAliasArn: alias.StateMachineAliasArn, RoutingConfiguration: route(v1, 30, v2, 70)}); err != nil {
		t.Fatal(err)
	}
	_, err = c.DeleteStateMachineVersion(t.Context(), &awssfn.DeleteStateMachineVersionInput{StateMachineVersionArn: aws.String(v2)})
	if want := "ConflictException: Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [PROD]"; refusal(err) != want {
		t.Errorf("got %q", refusal(err))
	}
	started := map[string]int{}
	for range 200 {
		out := must[*awssfn.StartExecutionOutput](t)(c.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: alias.StateMachineAliasArn}))
		d := must[*awssfn.DescribeExecutionOutput](t)(c.DescribeExecution(t.Context(), &awssfn.DescribeExecutionInput{ExecutionArn: out.ExecutionArn}))
		started[*d.StateMachineVersionArn]++
		if *d.StateMachineAliasArn != *alias.StateMachineAliasArn || *d.StateMachineArn != arn {
			t.Fatalf("got %+v", d)
		}
	}
	if started[v1] < 25 || started[v2] < 90 || started[v1]+started[v2] != 200 {
		t.Errorf("with weights 30 and 70, 200 executions went %v", started)
	}
	for _, test := range []struct {
		arn  string
		want int
	}{{arn, 200}, {*alias.StateMachineAliasArn, 200}, {v1, started[v1]}, {v2, started[v2]}} {
		n := 0
		pages := awssfn.NewListExecutionsPaginator(c, &awssfn.ListExecutionsInput{StateMachineArn: aws.String(test.arn), MaxResults: 30})
		for pages.HasMorePages() {
			n += len(must[*awssfn.ListExecutionsOutput](t)(pages.NextPage(t.Context())).Executions)
		}
		if n != test.want {
			t.Errorf("%s: %d executions, want %d", test.arn, n, test.want)
		}
	}
	out := must[*awssfn.StartExecutionOutput](t)(c.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: aws.String(v1)}))
	machine := must[*awssfn.DescribeStateMachineForExecutionOutput](t)(c.DescribeStateMachineForExecution(t.Context(), &awssfn.DescribeStateMachineForExecutionInput{ExecutionArn: out.ExecutionArn}))
	if *machine.Definition != passing || machine.RevisionId != nil {
		t.Errorf("an execution of version 1 runs %s", *machine.Definition)
	}
	history := must[*awssfn.GetExecutionHistoryOutput](t)(c.GetExecutionHistory(t.Context(), &awssfn.GetExecutionHistoryInput{ExecutionArn: out.ExecutionArn, MaxResults: 1}))
	if got := aws.ToString(history.Events[0].ExecutionStartedEventDetails.StateMachineVersionArn); got != v1 {
		t.Errorf("the history names version %q", got)
	}
	for _, bad := range []string{arn + ":7", arn + ":TEST", arn + ":01"} {
		_, err := c.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: aws.String(bad)})
		if want := "StateMachineDoesNotExist: State Machine Does Not Exist: '" + bad + "'"; refusal(err) != want {
			t.Errorf("%s: got %q", bad, refusal(err))
		}
	}
	listed := must[*awssfn.ListStateMachineAliasesOutput](t)(c.ListStateMachineAliases(t.Context(), &awssfn.ListStateMachineAliasesInput{StateMachineArn: aws.String(v2)}))
	if len(listed.StateMachineAliases) != 1 {
		t.Errorf("aliases of version 2: %v", listed.StateMachineAliases)
	}
	for _, in := range []string{*alias.StateMachineAliasArn, *alias.StateMachineAliasArn} {
		must[*awssfn.DeleteStateMachineAliasOutput](t)(c.DeleteStateMachineAlias(t.Context(), &awssfn.DeleteStateMachineAliasInput{StateMachineAliasArn: aws.String(in)}))
		must[*awssfn.DeleteStateMachineVersionOutput](t)(c.DeleteStateMachineVersion(t.Context(), &awssfn.DeleteStateMachineVersionInput{StateMachineVersionArn: aws.String(v2)}))
	}
	if v3 := must[string](t)(publish(nil, "three")); v3 != arn+":3" {
		t.Errorf("the number of a version that was deleted is used again: %s", v3)
	}
}

// A machine with an open execution is DELETING: nothing starts, and the execution ends at its next transition.
func TestDeleting(t *testing.T) {
	e := openEndpoint(t, vfs.NewMem())
	c := e.client(t, "test", "us-east-1")
	activity := *must[*awssfn.CreateActivityOutput](t)(c.CreateActivity(t.Context(), &awssfn.CreateActivityInput{Name: aws.String("a")})).ActivityArn
	arn := create(t, c, "m", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+activity+`","Next":"A"},"A":{"Type":"Pass","End":true}}}`)
	must[*awssfn.PublishStateMachineVersionOutput](t)(c.PublishStateMachineVersion(t.Context(), &awssfn.PublishStateMachineVersionInput{StateMachineArn: aws.String(arn)}))
	execution := *must[*awssfn.StartExecutionOutput](t)(c.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: aws.String(arn), Name: aws.String("x")})).ExecutionArn
	task := must[*awssfn.GetActivityTaskOutput](t)(c.GetActivityTask(t.Context(), &awssfn.GetActivityTaskInput{ActivityArn: aws.String(activity), WorkerName: aws.String("w")}))
	remove := func() {
		t.Helper()
		must[*awssfn.DeleteStateMachineOutput](t)(c.DeleteStateMachine(t.Context(), &awssfn.DeleteStateMachineInput{StateMachineArn: aws.String(arn)}))
	}
	remove()
	remove()
	describe := func() (*awssfn.DescribeStateMachineOutput, error) {
		return c.DescribeStateMachine(t.Context(), &awssfn.DescribeStateMachineInput{StateMachineArn: aws.String(arn)})
	}
	if d := must[*awssfn.DescribeStateMachineOutput](t)(describe()); d.Status != types.StateMachineStatusDeleting {
		t.Errorf("the status is %s", d.Status)
	}
	deleting := "StateMachineDeleting: State Machine is being deleted: '" + arn + "'"
	_, err1 := c.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: aws.String(arn)})
	_, err2 := c.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: aws.String(arn + ":1")})
	_, err3 := c.CreateStateMachine(t.Context(), &awssfn.CreateStateMachineInput{Name: aws.String("m"), Definition: aws.String(passing), RoleArn: aws.String(role)})
	_, err4 := c.UpdateStateMachine(t.Context(), &awssfn.UpdateStateMachineInput{StateMachineArn: aws.String(arn), RoleArn: aws.String(role + "2")})
	_, err5 := c.PublishStateMachineVersion(t.Context(), &awssfn.PublishStateMachineVersionInput{StateMachineArn: aws.String(arn)})
	_, err6 := c.ListStateMachineAliases(t.Context(), &awssfn.ListStateMachineAliasesInput{StateMachineArn: aws.String(arn)})
	for i, err := range []error{err1, err2, err3, err4, err5, err6} {
		if refusal(err) != deleting {
			t.Errorf("%d: got %q, want %q", i+1, refusal(err), deleting)
		}
	}
	must[*awssfn.SendTaskSuccessOutput](t)(c.SendTaskSuccess(t.Context(), &awssfn.SendTaskSuccessInput{TaskToken: task.TaskToken, Output: aws.String("{}")}))
	d := must[*awssfn.DescribeExecutionOutput](t)(c.DescribeExecution(t.Context(), &awssfn.DescribeExecutionInput{ExecutionArn: aws.String(execution)}))
	if d.Status != types.ExecutionStatusAborted || aws.ToString(d.RedriveStatusReason) != "State machine is in DELETING status" {
		t.Errorf("the execution is %s, to be redriven: %s", d.Status, aws.ToString(d.RedriveStatusReason))
	}
	history := must[*awssfn.GetExecutionHistoryOutput](t)(c.GetExecutionHistory(t.Context(), &awssfn.GetExecutionHistoryInput{ExecutionArn: aws.String(execution), ReverseOrder: true}))
	if last := history.Events[1].Type; last != types.HistoryEventTypeActivitySucceeded {
		t.Errorf("the last but one event is %s", last)
	}
	await.Until(t, "the machine is gone", func() bool { _, err := describe(); return errors.As(err, new(*types.StateMachineDoesNotExist)) })
	machine := must[*awssfn.DescribeStateMachineForExecutionOutput](t)(c.DescribeStateMachineForExecution(t.Context(), &awssfn.DescribeStateMachineForExecutionInput{ExecutionArn: aws.String(execution)}))
	if *machine.Name != "m" {
		t.Errorf("got %+v", machine)
	}
	if versions := must[*awssfn.ListStateMachineVersionsOutput](t)(c.ListStateMachineVersions(t.Context(), &awssfn.ListStateMachineVersionsInput{StateMachineArn: aws.String(arn)})); len(versions.StateMachineVersions) > 0 {
		t.Errorf("versions outlive their machine: %v", versions.StateMachineVersions)
	}
	create(t, c, "m", passing)
	_, err := c.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: aws.String(arn), Name: aws.String("x")})
	if !errors.As(err, new(*types.ExecutionAlreadyExists)) {
		t.Errorf("a name is taken for 90 days, but: %v", err)
	}
	fresh := must[*awssfn.DescribeStateMachineOutput](t)(describe())
	if fresh.RevisionId != nil || *fresh.Definition != passing {
		t.Errorf("the new machine is %+v", fresh)
	}
}

func TestTagging(t *testing.T) {
	c := openEndpoint(t, vfs.NewMem()).client(t, "test", "us-east-1")
	activity := *must[*awssfn.CreateActivityOutput](t)(c.CreateActivity(t.Context(), &awssfn.CreateActivityInput{
		Name: aws.String("a"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("1")}}})).ActivityArn
	for _, arn := range []string{create(t, c, "m", passing), activity} {
		must[*awssfn.TagResourceOutput](t)(c.TagResource(t.Context(), &awssfn.TagResourceInput{ResourceArn: aws.String(arn), Tags: []types.Tag{
			{Key: aws.String("k"), Value: aws.String("2")}, {Key: aws.String("größe"), Value: aws.String("")}, {Key: aws.String("z"), Value: aws.String("3")}}}))
		must[*awssfn.UntagResourceOutput](t)(c.UntagResource(t.Context(), &awssfn.UntagResourceInput{ResourceArn: aws.String(arn), TagKeys: []string{"z", "nobody"}}))
		out := must[*awssfn.ListTagsForResourceOutput](t)(c.ListTagsForResource(t.Context(), &awssfn.ListTagsForResourceInput{ResourceArn: aws.String(arn)}))
		var got []string
		for _, tag := range out.Tags {
			got = append(got, *tag.Key+"="+*tag.Value)
		}
		if want := []string{"k=2", "größe="}; !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", arn, got, want)
		}
		_, err := c.TagResource(t.Context(), &awssfn.TagResourceInput{ResourceArn: aws.String(arn + "x"), Tags: []types.Tag{{Key: aws.String("k")}}})
		if want := "ResourceNotFound: Resource not found: '" + arn + "x'"; refusal(err) != want {
			t.Errorf("got %q", refusal(err))
		}
	}
}

// Regions and accounts are places of their own; the request's signature says which.
func TestPlaces(t *testing.T) {
	e := openEndpoint(t, vfs.NewMem())
	for _, test := range []struct{ key, region, want string }{
		{"test", "us-east-1", "arn:aws:states:us-east-1:000000000000:stateMachine:m"},
		{"AKIAIOSFODNN7EXAMPLE", "eu-west-1", "arn:aws:states:eu-west-1:000000000000:stateMachine:m"},
		{"111111111111", "us-east-1", "arn:aws:states:us-east-1:111111111111:stateMachine:m"},
		{"111111111111", "cn-north-1", "arn:aws-cn:states:cn-north-1:111111111111:stateMachine:m"},
		{"1111", "us-gov-west-1", "arn:aws-us-gov:states:us-gov-west-1:000000000000:stateMachine:m"},
	} {
		c := e.client(t, test.key, test.region)
		if got := create(t, c, "m", passing); got != test.want {
			t.Errorf("%s in %s: got %s, want %s", test.key, test.region, got, test.want)
		}
		list := must[*awssfn.ListStateMachinesOutput](t)(c.ListStateMachines(t.Context(), &awssfn.ListStateMachinesInput{}))
		if len(list.StateMachines) != 1 || *list.StateMachines[0].StateMachineArn != test.want {
			t.Errorf("%s in %s lists %v", test.key, test.region, list.StateMachines)
		}
	}
	out := must[*awssfn.DescribeStateMachineOutput](t)(e.client(t, "test", "us-east-1").DescribeStateMachine(t.Context(),
		&awssfn.DescribeStateMachineInput{StateMachineArn: aws.String("arn:aws:states:eu-west-1:000000000000:stateMachine:m")}))
	if *out.Name != "m" {
		t.Errorf("an ARN names a machine wherever the request is signed; got %+v", out)
	}
}

// Many create, update and publish the same machine at once: one creates, none loses.
func TestConcurrentChanges(t *testing.T) {
	e := openEndpoint(t, vfs.NewMem())
	const workers = 8
	var wg sync.WaitGroup
	var mu sync.Mutex
	created, tagged := map[time.Time]bool{}, 0
	for w := range workers {
		c := e.client(t, "test", "us-east-1")
		wg.Go(func() {
			out, err := c.CreateStateMachine(t.Context(), &awssfn.CreateStateMachineInput{Name: aws.String("m"), Definition: aws.String(passing), RoleArn: aws.String(role)})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			created[*out.CreationDate] = true
			mu.Unlock()
			for i := range 5 {
				_, err := c.TagResource(t.Context(), &awssfn.TagResourceInput{ResourceArn: out.StateMachineArn,
					Tags: []types.Tag{{Key: aws.String(fmt.Sprintf("k%d-%d", w, i)), Value: aws.String("v")}}})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				tagged++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	c := e.client(t, "test", "us-east-1")
	arn := aws.String("arn:aws:states:us-east-1:000000000000:stateMachine:m")
	tags := must[*awssfn.ListTagsForResourceOutput](t)(c.ListTagsForResource(t.Context(), &awssfn.ListTagsForResourceInput{ResourceArn: arn}))
	if len(created) != 1 || len(tags.Tags) != tagged {
		t.Errorf("created %d times, %d of %d tags", len(created), len(tags.Tags), tagged)
	}
	versions := make([]string, workers)
	for w := range workers {
		c := e.client(t, "test", "us-east-1")
		wg.Go(func() {
			out, err := c.UpdateStateMachine(t.Context(), &awssfn.UpdateStateMachineInput{StateMachineArn: arn, Definition: aws.String(commented(fmt.Sprint(w))), Publish: true})
			if err != nil {
				t.Error(err)
				return
			}
			versions[w] = *out.StateMachineVersionArn
		})
	}
	wg.Wait()
	slices.Sort(versions)
	if len(slices.Compact(versions)) != workers {
		t.Errorf("versions %v", versions)
	}
}

// What was answered is there after a restart, with the power cut right behind the answer.
func TestControlPlaneIsDurable(t *testing.T) {
	disk := vfs.NewCrashableMem()
	e := openEndpoint(t, disk)
	c := e.client(t, "test", "us-east-1")
	arn := create(t, c, "m", passing)
	v := must[*awssfn.PublishStateMachineVersionOutput](t)(c.PublishStateMachineVersion(t.Context(), &awssfn.PublishStateMachineVersionInput{StateMachineArn: aws.String(arn)}))
	alias := must[*awssfn.CreateStateMachineAliasOutput](t)(c.CreateStateMachineAlias(t.Context(), &awssfn.CreateStateMachineAliasInput{Name: aws.String("PROD"),
		RoutingConfiguration: []types.RoutingConfigurationListItem{{StateMachineVersionArn: v.StateMachineVersionArn, Weight: 100}}}))
	updated := must[*awssfn.UpdateStateMachineOutput](t)(c.UpdateStateMachine(t.Context(), &awssfn.UpdateStateMachineInput{
		StateMachineArn: aws.String(arn), Definition: aws.String(waiting), TracingConfiguration: &types.TracingConfiguration{Enabled: true}}))
	doomed := create(t, c, "doomed", waiting)
	must[*awssfn.StartExecutionOutput](t)(c.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: aws.String(doomed)}))
	must[*awssfn.DeleteStateMachineOutput](t)(c.DeleteStateMachine(t.Context(), &awssfn.DeleteStateMachineInput{StateMachineArn: aws.String(doomed)}))
	after := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0})

	c = openEndpoint(t, after).client(t, "test", "us-east-1")
	d := must[*awssfn.DescribeStateMachineOutput](t)(c.DescribeStateMachine(t.Context(), &awssfn.DescribeStateMachineInput{StateMachineArn: aws.String(arn)}))
	if *d.RevisionId != *updated.RevisionId || !d.TracingConfiguration.Enabled || *d.Definition != waiting {
		t.Errorf("got %+v", d)
	}
	out := must[*awssfn.StartExecutionOutput](t)(c.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: alias.StateMachineAliasArn}))
	x := must[*awssfn.DescribeExecutionOutput](t)(c.DescribeExecution(t.Context(), &awssfn.DescribeExecutionInput{ExecutionArn: out.ExecutionArn}))
	if *x.StateMachineVersionArn != *v.StateMachineVersionArn {
		t.Errorf("got %+v", x)
	}
	_, err := c.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: aws.String(doomed)})
	if !errors.As(err, new(*types.StateMachineDeleting)) {
		t.Errorf("a machine that was DELETING: %v", err)
	}
}

func newDisk() vfs.FS { return vfs.NewMem() }

// call sends a request past the network.
func (e *realAPI) call(t testing.TB, operation, body string) (status int, answer string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "AWSStepFunctions."+operation)
	w := httptest.NewRecorder()
	e.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}
