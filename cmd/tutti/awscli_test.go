package main

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/stack"
)

// commandsOfCLI are lines of the AWS CLI, with what they print. {file} is a file that says hello, {now} the time in milliseconds, {url} the endpoint.
var commandsOfCLI = []struct{ line, want string }{
	{"s3 mb s3://things", "make_bucket: things"},
	{"s3 cp {file} s3://things/a/b.txt", "upload: "},
	{"s3 ls s3://things/a/", " b.txt"},
	{"s3 cp s3://things/a/b.txt -", "hello"},
	{"s3api put-bucket-notification-configuration --bucket things --notification-configuration {\"EventBridgeConfiguration\":{}}", ""},
	{"s3 rb s3://things --force", "remove_bucket: things"},

	{"logs create-log-group --log-group-name g", ""},
	{"logs create-log-stream --log-group-name g --log-stream-name s", ""},
	{"logs put-log-events --log-group-name g --log-stream-name s --log-events timestamp={now},message=hello", ""},
	{"logs filter-log-events --log-group-name g --filter-pattern hello --query events[].message", "hello"},
	{"logs put-metric-filter --log-group-name g --filter-name f --filter-pattern ERROR --metric-transformations metricName=m,metricNamespace=N,metricValue=1", ""},
	{"logs describe-log-groups --query logGroups[].[logGroupName,metricFilterCount]", "g\t1"},

	{"sqs create-queue --queue-name q", "/000000000000/q"},
	{"sns create-topic --name t", "arn:aws:sns:us-east-1:000000000000:t"},
	{"sns subscribe --topic-arn arn:aws:sns:us-east-1:000000000000:t --protocol sqs --notification-endpoint arn:aws:sqs:us-east-1:000000000000:q --attributes RawMessageDelivery=true", ":t:"},
	{"sns publish --topic-arn arn:aws:sns:us-east-1:000000000000:t --message by-topic", "-"},
	{"sqs receive-message --queue-url {url}/000000000000/q --wait-time-seconds 20 --query Messages[].Body", "by-topic"},

	{"events create-event-bus --name shop", "event-bus/shop"},
	{"events put-rule --event-bus-name shop --name r --event-pattern {\"source\":[\"app\"]}", "rule/shop/r"},
	{"events put-targets --event-bus-name shop --rule r --targets Id=q,Arn=arn:aws:sqs:us-east-1:000000000000:q,InputPath=$.detail", "0"},
	{"events put-events --entries [{\"EventBusName\":\"shop\",\"Source\":\"app\",\"DetailType\":\"d\",\"Detail\":\"{\\\"n\\\":1}\"}]", ""},
	{"sqs purge-queue --queue-url {url}/000000000000/none", "NonExistentQueue"},
	{"events list-targets-by-rule --event-bus-name shop --rule r --query Targets[].Id", "q"},
	{"sqs get-queue-attributes --queue-url {url}/000000000000/q --attribute-names QueueArn --query Attributes.QueueArn", ":q"},
}

// The AWS CLI, as people install it, against an endpoint to which nothing was deployed. Other services have tests of their own in internal/api.
func TestCommandLineOfAWS(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs the AWS CLI: ", err)
		}
		t.Skip("needs the AWS CLI: ", err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "hello.txt")
	if err := os.WriteFile(file, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := openServer(t.Context(), serveOptions{
		project: project{root: dir, data: filepath.Join(dir, "data")}, log: slog.New(slog.DiscardHandler), progress: func(stack.Event) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	fill := strings.NewReplacer("{file}", file, "{url}", s.endpoint.URL, "{now}", strconv.FormatInt(time.Now().UnixMilli(), 10))
	for _, command := range commandsOfCLI {
		args := append([]string{"--endpoint-url", s.endpoint.URL, "--region", "us-east-1", "--output", "text"}, strings.Fields(fill.Replace(command.line))...)
		cmd := exec.CommandContext(t.Context(), cli, args...)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
		out, err := cmd.CombinedOutput()
		if !strings.Contains(string(out), command.want) || err != nil && !strings.Contains(command.line, "none") {
			t.Errorf("aws %s: %v\n%s", command.line, err, out)
		}
	}
}
