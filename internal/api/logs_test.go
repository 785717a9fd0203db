package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/logs"
)

// serveLogs starts the front door with logs in memory, at began.
func serveLogs(t *testing.T) (url string, client *cloudwatchlogs.Client) {
	t.Helper()
	now := func() time.Time { return began }
	s, err := logs.Open("/logs", logs.WithFS(vfs.NewMem()), logs.WithClock(now))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.New(api.Config{Logs: s, Now: now}))
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL, cloudwatchlogs.New(cloudwatchlogs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

// A group's life, as the SDK sees it.
func TestLogGroups(t *testing.T) {
	_, c := serveLogs(t)
	ctx := t.Context()
	for i := range 60 {
		_, err := c.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(fmt.Sprintf("/a/%02d", i)), Tags: map[string]string{"k": "v"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(c, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/a/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range page.LogGroups {
			names = append(names, *g.LogGroupName)
		}
	}
	if len(names) != 60 || names[0] != "/a/00" || names[59] != "/a/59" {
		t.Errorf("got %q", names)
	}
	_, err1 := c.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("/a/07"), RetentionInDays: aws.Int32(30)})
	_, err2 := c.TagResource(ctx, &cloudwatchlogs.TagResourceInput{
		ResourceArn: aws.String("arn:aws:logs:us-east-1:000000000000:log-group:/a/07"), Tags: map[string]string{"l": "w"},
	})
	_, err3 := c.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{
		ResourceArn: aws.String("arn:aws:logs:us-east-1:000000000000:log-group:/a/07"), TagKeys: []string{"k"},
	})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	described, err := c.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePattern: aws.String("A/07")})
	if err != nil || len(described.LogGroups) != 1 {
		t.Fatalf("got %+v, %v", described, err)
	}
	g := described.LogGroups[0]
	if *g.Arn != "arn:aws:logs:us-east-1:000000000000:log-group:/a/07:*" || *g.LogGroupArn+":*" != *g.Arn || *g.RetentionInDays != 30 ||
		*g.CreationTime != began.UnixMilli() || g.LogGroupClass != types.LogGroupClassStandard {
		t.Errorf("got %+v", g)
	}
	tags, err := c.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: g.LogGroupArn})
	if err != nil || !reflect.DeepEqual(tags.Tags, map[string]string{"l": "w"}) {
		t.Errorf("got %v, %v", tags, err)
	}
	if _, err := c.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/a/07")}); err != nil {
		t.Fatal(err)
	}
	_, err = c.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/a/07")})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) || *missing.Message != "The specified log group does not exist." {
		t.Errorf("got %v", err)
	}
}

// Events go in and come out in order, forward, backward and filtered.
func TestLogEvents(t *testing.T) {
	_, c := serveLogs(t)
	ctx := t.Context()
	group, stream := aws.String("g"), aws.String("2026/03/01/[$LATEST]0")
	_, err1 := c.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group})
	_, err2 := c.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	var events []types.InputLogEvent
	for i := range 25 {
		events = append(events, types.InputLogEvent{Timestamp: aws.Int64(began.UnixMilli() + int64(i)), Message: aws.String(fmt.Sprintf(`{"n":%d}`, i))})
	}
	events = append(events, types.InputLogEvent{Timestamp: aws.Int64(began.Add(3 * time.Hour).UnixMilli()), Message: aws.String("x")})
	out, err := c.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream, LogEvents: events})
	if err != nil || out.RejectedLogEventsInfo == nil || *out.RejectedLogEventsInfo.TooNewLogEventStartIndex != 25 || len(*out.NextSequenceToken) != 56 {
		t.Fatalf("got %+v, %v", out, err)
	}
	get := func(token *string, head bool) (numbers string, forward, backward *string) {
		page, err := c.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: group, LogStreamName: stream, Limit: aws.Int32(10), NextToken: token, StartFromHead: aws.Bool(head),
		})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, e := range page.Events {
			all = append(all, strings.Trim(*e.Message, `{"n:}`))
		}
		return strings.Join(all, " "), page.NextForwardToken, page.NextBackwardToken
	}
	first, forward, backward := get(nil, true)
	second, forward, _ := get(forward, true)
	third, forward, _ := get(forward, true)
	end, again, back := get(forward, true)
	if first != "0 1 2 3 4 5 6 7 8 9" || second != "10 11 12 13 14 15 16 17 18 19" || third != "20 21 22 23 24" || end != "" || *again != *forward {
		t.Errorf("forward: %q %q %q %q", first, second, third, end)
	}
	before, _, _ := get(backward, true)
	last, _, _ := get(back, true)
	tail, _, backward := get(nil, false)
	middle, _, _ := get(backward, false)
	if before != "" || last != "15 16 17 18 19 20 21 22 23 24" || tail != last || middle != "5 6 7 8 9 10 11 12 13 14" {
		t.Errorf("backward: %q %q %q %q", before, last, tail, middle)
	}
	var found []string
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(c, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: group, FilterPattern: aws.String("{ $.n >= 10 }"), Limit: aws.Int32(4), LogStreamNamePrefix: aws.String("2026/"),
		EndTime: aws.Int64(began.UnixMilli() + 20),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if len(*e.EventId) != 56 || *e.LogStreamName != *stream || *e.IngestionTime != began.UnixMilli() {
				t.Errorf("got %+v", e)
			}
			found = append(found, strings.Trim(*e.Message, `{"n:}`))
		}
	}
	if got := strings.Join(found, " "); got != "10 11 12 13 14 15 16 17 18 19 20" {
		t.Errorf("filtered: %q", got)
	}
	streams, err := c.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: group, OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true)})
	if err != nil || len(streams.LogStreams) != 1 || *streams.LogStreams[0].FirstEventTimestamp != began.UnixMilli() || *streams.LogStreams[0].LastEventTimestamp != began.UnixMilli()+24 {
		t.Errorf("got %+v, %v", streams, err)
	}
}

func TestLogsRefusals(t *testing.T) {
	url, _ := serveLogs(t)
	const detected = "1 validation error detected: "
	if a := post(t, url, "Logs_20140328.CreateLogGroup", `{"logGroupName":"g"}`); a.status != 200 || a.body != "{}" || a.header.Get("Content-Type") != "application/x-amz-json-1.1" {
		t.Fatalf("got %v", a)
	}
	post(t, url, "Logs_20140328.CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`)
	for _, test := range []struct{ operation, body, kind, message string }{
		{"CreateLogGroup", `{}`, "InvalidParameterException", detected + "Value null at 'logGroupName' failed to satisfy constraint: Member must not be null"},
		{"CreateLogGroup", `{"logGroupName":"a b"}`, "InvalidParameterException", detected + `Value 'a b' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`},
		{"CreateLogGroup", `{"logGroupName":"g"}`, "ResourceAlreadyExistsException", "The specified log group already exists"},
		{"CreateLogStream", `{"logGroupName":"h","logStreamName":"s"}`, "ResourceNotFoundException", "The specified log group does not exist."},
		{"PutRetentionPolicy", `{"logGroupName":"g","retentionInDays":2}`, "InvalidParameterException", detected + "Value '2' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]"},
		{"DescribeLogGroups", `{"limit":51}`, "InvalidParameterException", detected + "Value '51' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 50"},
		{"DescribeLogGroups", `{"logGroupNamePrefix":"a","logGroupNamePattern":"b"}`, "InvalidParameterException", "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."},
		{"DescribeLogGroups", `{"nextToken":"x"}`, "InvalidParameterException", "The specified nextToken is invalid."},
		{"DescribeLogStreams", `{"logGroupName":"g","logStreamNamePrefix":"s","orderBy":"LastEventTime"}`, "InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix."},
		{"DescribeLogStreams", `{"logGroupName":"g","logGroupIdentifier":"g"}`, "ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters."},
		{"PutLogEvents", `{"logGroupName":"g","logStreamName":"s"}`, "InvalidParameterException", detected + "Value null at 'logEvents' failed to satisfy constraint: Member must not be null"},
		{"PutLogEvents", `{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1,"message":""}]}`, "InvalidParameterException", detected + "Value '' at 'logEvents.1.member.message' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"PutLogEvents", `{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":2,"message":"a"},{"timestamp":1,"message":"b"}]}`, "InvalidParameterException", "Log events in a single PutLogEvents request must be in chronological order."},
		{"GetLogEvents", `{"logGroupName":"g","logStreamName":"t"}`, "ResourceNotFoundException", "The specified log stream does not exist."},
		{"GetLogEvents", `{"logGroupName":"g","logStreamName":"s","nextToken":"f/1/s"}`, "InvalidParameterException", "The specified nextToken is invalid."},
		{"FilterLogEvents", `{"logGroupIdentifier":"arn:aws:logs:us-east-1:000000000000:log-group:h"}`, "ResourceNotFoundException", "The specified log group does not exist."},
		{"FilterLogEvents", `{"logGroupName":"g","filterPattern":"a.b"}`, "InvalidParameterException", "Invalid character(s) in term 'a.b'"},
		{"TagResource", `{"resourceArn":"arn:aws:logs:us-east-1:000000000000:log-group:g:*","tags":{}}`, "InvalidParameterException", "The specified resourceArn is invalid: it is that of a log group, without :* at its end."},
		{"StartLiveTail", `{}`, "com.amazon.coral.service#UnknownOperationException", "The operation StartLiveTail of Amazon CloudWatch Logs is not served here: poll FilterLogEvents instead, as aws logs tail --follow does."},
		{"Nonsense", `{}`, "com.amazon.coral.service#UnknownOperationException", `The operation "Nonsense" of Amazon CloudWatch Logs is not served here. Served are ` + strings.Join(api.LogsOperationNames(), ", ") + "."},
	} {
		a := post(t, url, "Logs_20140328."+test.operation, test.body)
		if a.Type != test.kind || a.Message != test.message || a.status != 400 {
			t.Errorf("%s %.80s:\n got %d %s %s\nwant %s %s", test.operation, test.body, a.status, a.Type, a.Message, test.kind, test.message)
		}
	}
}

// Every operation is one that AWS has, and answers a request without arguments with a result or a refusal, not with trouble.
func TestLogsOperations(t *testing.T) {
	url, _ := serveLogs(t)
	methods := reflect.TypeFor[*cloudwatchlogs.Client]()
	for _, name := range api.LogsOperationNames() {
		if _, ok := methods.MethodByName(name); !ok {
			t.Errorf("AWS has no operation %s", name)
		}
		a := post(t, url, "Logs_20140328."+name, "{}")
		if a.status != 200 && (a.status != 400 || a.Type != "InvalidParameterException") {
			t.Errorf("%s without arguments: got %v", name, a)
		}
		if a.status == 200 && !json.Valid([]byte(a.body)) {
			t.Errorf("%s answers %q", name, a.body)
		}
	}
}
