//go:build unix

package api_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tutti-run/tutti/internal/api"
)

func TestSDKListsFunctions(t *testing.T) {
	_, c := lambdaServer(t)
	ctx, name := t.Context(), aws.String("f")
	createProbe(t, c, "f")
	createProbe(t, c, "g")
	must[*awslambda.PublishVersionOutput](t)(c.PublishVersion(ctx, &awslambda.PublishVersionInput{FunctionName: name}))
	must[*awslambda.CreateAliasOutput](t)(c.CreateAlias(ctx, &awslambda.CreateAliasInput{FunctionName: name, Name: aws.String("live"), FunctionVersion: aws.String("1")}))
	page := must[*awslambda.ListFunctionsOutput](t)(c.ListFunctions(ctx, &awslambda.ListFunctionsInput{MaxItems: aws.Int32(1)}))
	rest := must[*awslambda.ListFunctionsOutput](t)(c.ListFunctions(ctx, &awslambda.ListFunctionsInput{Marker: page.NextMarker, FunctionVersion: types.FunctionVersionAll}))
	if len(page.Functions) != 1 || page.NextMarker == nil || len(rest.Functions) == 0 {
		t.Errorf("listed %+v and %+v", page, rest)
	}
	aliases := must[*awslambda.ListAliasesOutput](t)(c.ListAliases(ctx, &awslambda.ListAliasesInput{FunctionName: name, FunctionVersion: aws.String("1")}))
	if len(aliases.Aliases) != 1 || *aliases.Aliases[0].Name != "live" {
		t.Errorf("aliases %+v", aliases)
	}
	settings := must[*awslambda.GetAccountSettingsOutput](t)(c.GetAccountSettings(ctx, &awslambda.GetAccountSettingsInput{}))
	if settings.AccountUsage.FunctionCount != 2 || settings.AccountLimit.ConcurrentExecutions != 1000 {
		t.Errorf("settings %+v", settings)
	}
}

func TestSDKConfiguresFunctions(t *testing.T) {
	_, c := lambdaServer(t)
	ctx, name := t.Context(), aws.String("f")
	createProbe(t, c, "f")
	must[*awslambda.PutFunctionEventInvokeConfigOutput](t)(c.PutFunctionEventInvokeConfig(ctx, &awslambda.PutFunctionEventInvokeConfigInput{FunctionName: name, MaximumRetryAttempts: aws.Int32(1)}))
	changed := must[*awslambda.UpdateFunctionEventInvokeConfigOutput](t)(c.UpdateFunctionEventInvokeConfig(ctx, &awslambda.UpdateFunctionEventInvokeConfigInput{FunctionName: name, MaximumEventAgeInSeconds: aws.Int32(60)}))
	configs := must[*awslambda.ListFunctionEventInvokeConfigsOutput](t)(c.ListFunctionEventInvokeConfigs(ctx, &awslambda.ListFunctionEventInvokeConfigsInput{FunctionName: name}))
	if *changed.MaximumRetryAttempts != 1 || *changed.MaximumEventAgeInSeconds != 60 || len(configs.FunctionEventInvokeConfigs) != 1 {
		t.Errorf("configured %+v, listed %+v", changed, configs)
	}
	must[*awslambda.CreateFunctionUrlConfigOutput](t)(c.CreateFunctionUrlConfig(ctx, &awslambda.CreateFunctionUrlConfigInput{FunctionName: name, AuthType: types.FunctionUrlAuthTypeNone}))
	url := must[*awslambda.UpdateFunctionUrlConfigOutput](t)(c.UpdateFunctionUrlConfig(ctx, &awslambda.UpdateFunctionUrlConfigInput{FunctionName: name, AuthType: types.FunctionUrlAuthTypeAwsIam}))
	urls := must[*awslambda.ListFunctionUrlConfigsOutput](t)(c.ListFunctionUrlConfigs(ctx, &awslambda.ListFunctionUrlConfigsInput{FunctionName: name}))
	if url.AuthType != types.FunctionUrlAuthTypeAwsIam || len(urls.FunctionUrlConfigs) != 1 || !strings.HasSuffix(strings.SplitN(*url.FunctionUrl, ":", 3)[1], ".lambda-url.localhost") {
		t.Errorf("URL %+v, listed %+v", url, urls)
	}
}

// Without queues there is nothing to poll; what a client sees of that is AWS's errors.
func TestSDKMapsNoEventSources(t *testing.T) {
	_, c := lambdaServer(t)
	ctx, name, id := t.Context(), aws.String("f"), aws.String("11111111-2222-3333-4444-555555555555")
	createProbe(t, c, "f")
	_, err := c.CreateEventSourceMapping(ctx, &awslambda.CreateEventSourceMappingInput{FunctionName: name, EventSourceArn: aws.String("arn:aws:sqs:us-east-1:000000000000:q")})
	missing[*types.InvalidParameterValueException](t, "CreateEventSourceMapping", err)
	list := must[*awslambda.ListEventSourceMappingsOutput](t)(c.ListEventSourceMappings(ctx, &awslambda.ListEventSourceMappingsInput{FunctionName: name}))
	if len(list.EventSourceMappings) != 0 {
		t.Errorf("listed %+v", list)
	}
	_, err = c.GetEventSourceMapping(ctx, &awslambda.GetEventSourceMappingInput{UUID: id})
	missing[*types.ResourceNotFoundException](t, "GetEventSourceMapping", err)
	_, err = c.UpdateEventSourceMapping(ctx, &awslambda.UpdateEventSourceMappingInput{UUID: id, BatchSize: aws.Int32(1)})
	missing[*types.ResourceNotFoundException](t, "UpdateEventSourceMapping", err)
	_, err = c.DeleteEventSourceMapping(ctx, &awslambda.DeleteEventSourceMappingInput{UUID: id})
	missing[*types.ResourceNotFoundException](t, "DeleteEventSourceMapping", err)
}

func TestSDKReadsLogs(t *testing.T) {
	_, c := serveLogs(t)
	ctx, group, stream := t.Context(), aws.String("/g"), aws.String("s")
	must[*cloudwatchlogs.CreateLogGroupOutput](t)(c.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}))
	must[*cloudwatchlogs.CreateLogStreamOutput](t)(c.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}))
	must[*cloudwatchlogs.PutLogEventsOutput](t)(c.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream, LogEvents: []logtypes.InputLogEvent{
		{Timestamp: aws.Int64(began.UnixMilli()), Message: aws.String("one ERROR")}, {Timestamp: aws.Int64(began.UnixMilli() + 1), Message: aws.String("two")},
	}}))
	found := must[*cloudwatchlogs.FilterLogEventsOutput](t)(c.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, FilterPattern: aws.String("ERROR")}))
	if len(found.Events) != 1 || *found.Events[0].Message != "one ERROR" || *found.Events[0].LogStreamName != "s" {
		t.Errorf("found %+v", found.Events)
	}
	//lint:ignore SA1019 the old operations for tags are deprecated, and old programs call them
	must[*cloudwatchlogs.TagLogGroupOutput](t)(c.TagLogGroup(ctx, &cloudwatchlogs.TagLogGroupInput{LogGroupName: group, Tags: map[string]string{"a": "b", "c": "d"}}))
	//lint:ignore SA1019 likewise
	must[*cloudwatchlogs.UntagLogGroupOutput](t)(c.UntagLogGroup(ctx, &cloudwatchlogs.UntagLogGroupInput{LogGroupName: group, Tags: []string{"a"}}))
	//lint:ignore SA1019 likewise
	tags := must[*cloudwatchlogs.ListTagsLogGroupOutput](t)(c.ListTagsLogGroup(ctx, &cloudwatchlogs.ListTagsLogGroupInput{LogGroupName: group}))
	if len(tags.Tags) != 1 || tags.Tags["c"] != "d" {
		t.Errorf("tags %v", tags.Tags)
	}
	must[*cloudwatchlogs.DeleteLogStreamOutput](t)(c.DeleteLogStream(ctx, &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: group, LogStreamName: stream}))
	_, err := c.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream})
	missing[*logtypes.ResourceNotFoundException](t, "GetLogEvents", err)
}

func TestSDKManagesRules(t *testing.T) {
	_, c, _ := serveEvents(t)
	ctx, bus, rule := t.Context(), aws.String("b"), aws.String("r")
	must[*eventbridge.CreateEventBusOutput](t)(c.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: bus}))
	must[*eventbridge.PutRuleOutput](t)(c.PutRule(ctx, &eventbridge.PutRuleInput{Name: rule, EventBusName: bus, EventPattern: aws.String(`{"source":["me"]}`)}))
	must[*eventbridge.DisableRuleOutput](t)(c.DisableRule(ctx, &eventbridge.DisableRuleInput{Name: rule, EventBusName: bus}))
	rules := must[*eventbridge.ListRulesOutput](t)(c.ListRules(ctx, &eventbridge.ListRulesInput{EventBusName: bus, NamePrefix: rule}))
	if len(rules.Rules) != 1 || rules.Rules[0].State != eventtypes.RuleStateDisabled {
		t.Errorf("rules %+v", rules.Rules)
	}
	must[*eventbridge.EnableRuleOutput](t)(c.EnableRule(ctx, &eventbridge.EnableRuleInput{Name: rule, EventBusName: bus}))
	matches := must[*eventbridge.TestEventPatternOutput](t)(c.TestEventPattern(ctx, &eventbridge.TestEventPatternInput{EventPattern: aws.String(`{"source":["me"]}`), Event: aws.String(
		`{"id":"1","detail-type":"d","source":"me","account":"000000000000","time":"` + began.Format(time.RFC3339) + `","region":"us-east-1","resources":[],"detail":{}}`)}))
	if !matches.Result {
		t.Error("the event does not match")
	}
	described := must[*eventbridge.DescribeEventBusOutput](t)(c.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: bus}))
	if *described.Name != "b" || !strings.HasSuffix(*described.Arn, ":event-bus/b") {
		t.Errorf("described %+v", described)
	}
	must[*eventbridge.DeleteRuleOutput](t)(c.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: rule, EventBusName: bus}))
	must[*eventbridge.DeleteEventBusOutput](t)(c.DeleteEventBus(ctx, &eventbridge.DeleteEventBusInput{Name: bus}))
	_, err := c.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: bus})
	missing[*eventtypes.ResourceNotFoundException](t, "DescribeEventBus", err)
}

// TestSDKDrivesTheOthers looks for a test with the SDK's client for each operation of Lambda, CloudWatch Logs and EventBridge. That of Step
// Functions has a test of its own, that of S3 stands with its handler.
func TestSDKDrivesTheOthers(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	for client, names := range map[string][]string{
		"awslambda":      append(slices.Clone(api.LambdaOperationNames()), "Invoke"),
		"cloudwatchlogs": api.LogsOperationNames(),
		"eventbridge":    api.EventsOperationNames(),
	} {
		for _, name := range names {
			if !regexp.MustCompile(`\.` + name + `\([^,]+, &` + client + `\.` + name + `Input\{`).MatchString(source.String()) {
				t.Errorf("no test calls %s with the SDK's client (%s)", name, client)
			}
		}
	}
}

// AWS's command line makes a function, gives it a URL and calls it there.
func TestAWSCLIMakesAFunctionURL(t *testing.T) {
	interpreter := python(t, "awscli")
	url, _ := lambdaServer(t)
	code, err := probeZip()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "f.zip")
	if err := os.WriteFile(file, code, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) map[string]any {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), interpreter, append([]string{"-m", "awscli", "lambda", "--endpoint-url", url, "--region", "us-east-1", "--output", "json"}, args...)...)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true")
		out, err := cmd.Output()
		if err != nil {
			var failed *exec.ExitError
			if errors.As(err, &failed) {
				t.Fatalf("%q: %s", args, failed.Stderr)
			}
			t.Fatal(err)
		}
		var answer map[string]any
		if err := json.Unmarshal(out, &answer); len(out) > 0 && err != nil {
			t.Fatalf("%q: %s", args, out)
		}
		return answer
	}
	run("create-function", "--function-name", "cli", "--runtime", "provided.al2023", "--handler", "bootstrap", "--role", functionRole, "--zip-file", "fileb://"+file)
	made := run("create-function-url-config", "--function-name", "cli", "--auth-type", "NONE", "--cors", "AllowOrigins=*")
	got := run("get-function-url-config", "--function-name", "cli")
	if made["FunctionUrl"] != got["FunctionUrl"] || got["InvokeMode"] != "BUFFERED" || !strings.HasPrefix(made["FunctionUrl"].(string), "http://") {
		t.Errorf("made %v, got %v", made, got)
	}
	run("put-runtime-management-config", "--function-name", "cli", "--update-runtime-on", "FunctionUpdate")
	if list := run("list-function-url-configs", "--function-name", "cli"); len(list["FunctionUrlConfigs"].([]any)) != 1 {
		t.Errorf("listed %v", list)
	}
	run("delete-function-url-config", "--function-name", "cli")
}
