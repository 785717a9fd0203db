package api_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/trigger/scheduler"
)

const scheduleQueue = "arn:aws:sqs:us-east-1:000000000000:q"

// serveScheduler starts the front door with schedules in memory, whose queues are the mailbox.
func serveScheduler(t testing.TB) (url string, client *awsscheduler.Client, box mailbox) {
	t.Helper()
	s, err := store.Open("/data", store.WithFS(vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	box = make(mailbox, 10)
	v, err := scheduler.Open(scheduler.Config{Store: s, Targets: map[string]trigger.Deliverer{"sqs": box}})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Start(); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.New(api.Config{Scheduler: v}))
	t.Cleanup(func() {
		server.Close()
		v.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL, awsscheduler.New(awsscheduler.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}), box
}

func scheduleRequest(name string) *awsscheduler.CreateScheduleInput {
	return &awsscheduler.CreateScheduleInput{
		Name: aws.String(name), ScheduleExpression: aws.String("rate(1 hour)"), FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		Target: &types.Target{Arn: aws.String(scheduleQueue), RoleArn: aws.String("arn:aws:iam::000000000000:role/r"), Input: aws.String("hello")},
	}
}

// A schedule's life, as the SDK sees it: it fires, is listed, changed and deleted.
func TestScheduler(t *testing.T) {
	_, c, box := serveScheduler(t)
	ctx := t.Context()
	group, err := c.CreateScheduleGroup(ctx, &awsscheduler.CreateScheduleGroupInput{Name: aws.String("g"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}})
	if err != nil || *group.ScheduleGroupArn != "arn:aws:scheduler:us-east-1:000000000000:schedule-group/g" {
		t.Fatalf("got %+v, %v", group, err)
	}
	in := scheduleRequest("s")
	in.GroupName, in.StartDate, in.EndDate = aws.String("g"), aws.Time(time.Now().Add(-time.Minute)), aws.Time(time.Now().Add(time.Hour))
	in.Target.RetryPolicy = &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(3)}
	in.Target.SqsParameters = &types.SqsParameters{MessageGroupId: aws.String("m")}
	created, err := c.CreateSchedule(ctx, in)
	if err != nil || *created.ScheduleArn != "arn:aws:scheduler:us-east-1:000000000000:schedule/g/s" {
		t.Fatalf("got %+v, %v", created, err)
	}
	got, err := c.GetSchedule(ctx, &awsscheduler.GetScheduleInput{Name: aws.String("s"), GroupName: aws.String("g")})
	if err != nil {
		t.Fatal(err)
	}
	if *got.ScheduleExpression != "rate(1 hour)" || *got.ScheduleExpressionTimezone != "UTC" || got.State != types.ScheduleStateEnabled || got.ActionAfterCompletion != types.ActionAfterCompletionNone ||
		*got.Target.RetryPolicy.MaximumRetryAttempts != 3 || *got.Target.RetryPolicy.MaximumEventAgeInSeconds != 86400 || *got.Target.SqsParameters.MessageGroupId != "m" ||
		*got.Target.Input != "hello" || got.FlexibleTimeWindow.Mode != types.FlexibleTimeWindowModeOff || got.EndDate.Sub(*in.EndDate).Abs() > time.Second || got.CreationDate.IsZero() {
		t.Errorf("got %+v", got)
	}
	if _, err := c.CreateSchedule(ctx, scheduleRequest("now")); err != nil {
		t.Fatal(err)
	}
	select {
	case body := <-box:
		if body != "hello" {
			t.Errorf("the queue got %s", body)
		}
	case <-ctx.Done():
		t.Fatal("the schedule did not fire")
	}
	list, err1 := c.ListSchedules(ctx, &awsscheduler.ListSchedulesInput{MaxResults: aws.Int32(1)})
	if err1 != nil || list.NextToken == nil || *list.Schedules[0].Name != "now" || *list.Schedules[0].Target.Arn != scheduleQueue {
		t.Fatalf("got %+v, %v", list, err1)
	}
	rest, err1 := c.ListSchedules(ctx, &awsscheduler.ListSchedulesInput{MaxResults: aws.Int32(1), NextToken: list.NextToken})
	groups, err2 := c.ListScheduleGroups(ctx, &awsscheduler.ListScheduleGroupsInput{NamePrefix: aws.String("g")})
	one, err := c.GetScheduleGroup(ctx, &awsscheduler.GetScheduleGroupInput{Name: aws.String("g")})
	if err != nil || one.State != types.ScheduleGroupStateActive || *one.Arn != *group.ScheduleGroupArn {
		t.Errorf("got %+v, %v", one, err)
	}
	_, err3 := c.TagResource(ctx, &awsscheduler.TagResourceInput{ResourceArn: group.ScheduleGroupArn, Tags: []types.Tag{{Key: aws.String("b"), Value: aws.String("2")}}})
	_, err4 := c.UntagResource(ctx, &awsscheduler.UntagResourceInput{ResourceArn: group.ScheduleGroupArn, TagKeys: []string{"a"}})
	tags, err5 := c.ListTagsForResource(ctx, &awsscheduler.ListTagsForResourceInput{ResourceArn: group.ScheduleGroupArn})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	if len(rest.Schedules) != 1 || *rest.Schedules[0].GroupName != "g" || rest.NextToken != nil || len(groups.ScheduleGroups) != 1 || len(tags.Tags) != 1 || *tags.Tags[0].Key != "b" {
		t.Errorf("got %+v, %+v, %+v", rest, groups, tags)
	}
	changed := awsscheduler.UpdateScheduleInput{
		Name: aws.String("now"), ScheduleExpression: aws.String("cron(0 9 ? * MON-FRI *)"), ScheduleExpressionTimezone: aws.String("Europe/Berlin"), State: types.ScheduleStateDisabled,
		FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeFlexible, MaximumWindowInMinutes: aws.Int32(5)}, Target: scheduleRequest("").Target,
	}
	_, err1 = c.UpdateSchedule(ctx, &changed)
	got, err2 = c.GetSchedule(ctx, &awsscheduler.GetScheduleInput{Name: aws.String("now")})
	_, err3 = c.DeleteSchedule(ctx, &awsscheduler.DeleteScheduleInput{Name: aws.String("now")})
	_, err4 = c.DeleteScheduleGroup(ctx, &awsscheduler.DeleteScheduleGroupInput{Name: aws.String("g")})
	list, err5 = c.ListSchedules(ctx, &awsscheduler.ListSchedulesInput{})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	if got.State != types.ScheduleStateDisabled || *got.ScheduleExpressionTimezone != "Europe/Berlin" || *got.FlexibleTimeWindow.MaximumWindowInMinutes != 5 || len(list.Schedules) != 0 {
		t.Errorf("got %+v, %+v", got, list)
	}
	_, err = c.GetSchedule(ctx, &awsscheduler.GetScheduleInput{Name: aws.String("now")})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) || *missing.Message != "Schedule now does not exist." {
		t.Errorf("got %v", err)
	}
	var conflict *types.ConflictException
	_, err1 = c.CreateSchedule(ctx, scheduleRequest("twice"))
	if _, err = c.CreateSchedule(ctx, scheduleRequest("twice")); err1 != nil || !errors.As(err, &conflict) || *conflict.Message != "Schedule twice already exists." {
		t.Errorf("got %v, %v", err1, err)
	}
}

// send sends a signed request as no SDK would, and returns status, error type and body.
func sendSchedule(t *testing.T, url, method, path, body string) (int, string, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/scheduler/aws4_request, SignedHeaders=host, Signature=0")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.StatusCode, w.Header.Get("X-Amzn-Errortype"), string(text)
}

func TestSchedulerRefusals(t *testing.T) {
	url, _, _ := serveScheduler(t)
	const detected = "1 validation error detected: "
	target := `"FlexibleTimeWindow":{"Mode":"OFF"},"Target":{"Arn":"` + scheduleQueue + `","RoleArn":"arn:aws:iam::000000000000:role/r"}`
	for _, test := range []struct {
		method, path, body string
		status             int
		kind, message      string
	}{
		{"POST", "/schedules/s", `{` + target + `}`, 400, "ValidationException", detected + "Value null at 'scheduleExpression' failed to satisfy constraint: Member must not be null"},
		{"POST", "/schedules/a%20b", `{"ScheduleExpression":"rate(1 day)",` + target + `}`, 400, "ValidationException", detected + `Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$`},
		{"POST", "/schedules/s", `{"ScheduleExpression":"rate(1 day)","State":"OFF",` + target + `}`, 400, "ValidationException", detected + "Value 'OFF' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ENABLED, DISABLED]"},
		{"POST", "/schedules/s", `{"ScheduleExpression":"rate(1 day)","FlexibleTimeWindow":{"Mode":"FLEXIBLE","MaximumWindowInMinutes":1441},"Target":{"Arn":"` + scheduleQueue + `","RoleArn":"r"}}`, 400, "ValidationException",
			`2 validation errors detected: Value 'r' at 'target.roleArn' failed to satisfy constraint: Member must satisfy regular expression pattern: ^arn:aws(-[a-z]+)?:iam::\d{12}:role\/[\w+=,.@\/-]+$; ` +
				"Value '1441' at 'flexibleTimeWindow.maximumWindowInMinutes' failed to satisfy constraint: Member must have value less than or equal to 1440"},
		{"POST", "/schedules/s", `{"ScheduleExpression":"rate(1 fortnight)",` + target + `}`, 400, "ValidationException", "Invalid Schedule Expression rate(1 fortnight)."},
		{"GET", "/schedules/s", ``, 404, "ResourceNotFoundException", "Schedule s does not exist."},
		{"GET", "/schedules?MaxResults=x", ``, 400, "SerializationException", "STRING_VALUE can not be converted to an Integer"},
		{"GET", "/schedules?NextToken=x", ``, 400, "ValidationException", "Invalid NextToken."},
		{"POST", "/schedule-groups/default", `{}`, 409, "ConflictException", "Schedule group default already exists."},
		{"POST", "/schedules/s", `[`, 400, "SerializationException", "Start of list found where not expected"},
		{"PATCH", "/schedules/s", ``, 400, "UnknownOperationException", "Amazon EventBridge Scheduler has no operation PATCH /schedules/s."},
	} {
		status, kind, body := sendSchedule(t, url, test.method, test.path, test.body)
		want := fmt.Sprintf(`{"Message":%q}`, test.message)
		if status != test.status || kind != test.kind || body != want {
			t.Errorf("%s %s %.90s:\n got %d %s %s\nwant %d %s %s", test.method, test.path, test.body, status, kind, body, test.status, test.kind, want)
		}
	}
}

// Every operation is one that AWS has, and AWS has no other.
func TestSchedulerOperations(t *testing.T) {
	methods, served := reflect.TypeFor[*awsscheduler.Client](), api.SchedulerOperationNames()
	for _, name := range served {
		if _, ok := methods.MethodByName(name); !ok {
			t.Errorf("AWS has no operation %s", name)
		}
	}
	if n := methods.NumMethod() - 1; n != len(served) { // Options is none
		t.Errorf("AWS has %d operations, %d are served", n, len(served))
	}
}

// AWS's command line manages schedules, one of which fires, and rules by time.
func TestSchedulerCommandLine(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("needs the AWS CLI: ", err)
	}
	if err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	run := func(url string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), cli, append(args, "--endpoint-url", url, "--region", "us-east-1", "--output", "json")...)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_CONFIG_FILE=/nowhere", "AWS_EC2_METADATA_DISABLED=true")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return strings.Join(strings.Fields(string(out)), "")
	}
	url, _, box := serveScheduler(t)
	run(url, "scheduler", "create-schedule-group", "--name", "g", "--tags", "Key=a,Value=b")
	run(url, "scheduler", "create-schedule", "--name", "s", "--group-name", "g", "--schedule-expression", "rate(1 hour)", "--flexible-time-window", "Mode=OFF",
		"--target", `{"Arn":"`+scheduleQueue+`","RoleArn":"arn:aws:iam::000000000000:role/r","Input":"{\"n\":1}"}`)
	if got := <-box; got != `{"n":1}` {
		t.Errorf("the queue got %s", got)
	}
	if got := run(url, "scheduler", "list-tags-for-resource", "--resource-arn", "arn:aws:scheduler:us-east-1:000000000000:schedule-group/g"); got != `{"Tags":[{"Key":"a","Value":"b"}]}` {
		t.Errorf("got %s", got)
	}
	if got := run(url, "scheduler", "get-schedule", "--name", "s", "--group-name", "g"); !strings.Contains(got, `"ScheduleExpression":"rate(1hour)"`) {
		t.Errorf("got %s", got)
	}
	run(url, "scheduler", "delete-schedule-group", "--name", "g")
	if got := run(url, "scheduler", "list-schedules"); got != `{"Schedules":[]}` {
		t.Errorf("got %s", got)
	}
	url, _, _ = serveEvents(t)
	run(url, "events", "put-rule", "--name", "tick", "--schedule-expression", "cron(* * * * ? *)", "--state", "DISABLED")
	run(url, "events", "put-targets", "--rule", "tick", "--targets", `[{"Id":"1","Arn":"`+scheduleQueue+`","InputPath":"$.source"}]`)
	if got := run(url, "events", "describe-rule", "--name", "tick"); !strings.Contains(got, `"ScheduleExpression":"cron(****?*)","State":"DISABLED"`) {
		t.Errorf("got %s", got)
	}
	run(url, "events", "enable-rule", "--name", "tick")
	if got := run(url, "events", "list-targets-by-rule", "--rule", "tick"); !strings.Contains(got, `"InputPath":"$.source"`) {
		t.Errorf("got %s", got)
	}
}
