//go:build unix

package main

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// A server whose disk takes no more ends with the exit code of the data folder and one line that says what to do. All messages that it took are there when it is
// started where there is room. The full disk is a bound on the size of files, which the kernel sees to.
func TestDiskFull(t *testing.T) {
	data := t.TempDir()
	queues, limited := serveLimited(t, data, "2000")
	q, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for err == nil {
		if _, err = queues.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String(strings.Repeat("m", 200_000))}); err == nil {
			taken++
		}
	}
	code := exitCode(limited.Wait())
	complaint := limited.Stderr.(*strings.Builder).String()
	if code != exitData || strings.Count(complaint, "\n") != 1 || !strings.Contains(complaint, "tutti: the queues in "+data+"/sqs cannot be written: ") ||
		!strings.Contains(complaint, "file too large; what was acknowledged is safe: make room on the disk or repair it, then start again") {
		t.Errorf("exit code %d: %s", code, complaint)
	}

	queues, again := serveLimited(t, data, "unlimited")
	url, err := queues.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
	if err != nil {
		t.Fatal(err)
	}
	const waiting = types.QueueAttributeNameApproximateNumberOfMessages
	got, err := queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url.QueueUrl, AttributeNames: []types.QueueAttributeName{waiting}})
	if err != nil {
		t.Fatal(err)
	}
	// The message that met the full disk may be on it nevertheless, as after any answer that was lost.
	if n := got.Attributes[string(waiting)]; taken == 0 || n != strconv.Itoa(taken) && n != strconv.Itoa(taken+1) {
		t.Errorf("%d messages were taken, %s are there", taken, n)
	}
	if err := again.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = again.Wait() // it was killed
}

// serveLimited starts a server without a project that may write files of so many blocks.
func serveLimited(t *testing.T, data, blocks string) (queues *sqs.Client, cmd *exec.Cmd) {
	t.Helper()
	path, err := exec.LookPath("tutti")
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), "sh", "-c", `ulimit -f `+blocks+`; exec "$0" "$@"`, path, "serve", "--empty", "--port", "0", "--data", data, "--output", "json")
	cmd.Stderr = new(strings.Builder)
	url := startServing(t, cmd)
	return sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), RetryMaxAttempts: 1,
	}), cmd
}
