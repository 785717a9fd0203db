package task_test

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

// moto starts moto's server, which stands in for AWS, if it is installed.
func moto(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("moto takes ten seconds to start and answer")
	}
	path, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("moto is not installed; this test needs its server: pip install 'moto[server]'")
	}
	server := exec.CommandContext(t.Context(), path, "-H", "127.0.0.1", "-p", "0")
	says, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Wait() }) // the test's context ends it
	lines := bufio.NewScanner(says)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "Running on "); ok {
			go func() { _, _ = io.Copy(io.Discard, says) }() // ends with the process
			return strings.TrimSpace(address)
		}
	}
	t.Fatalf("moto ended before it served: %v", lines.Err())
	return ""
}

// TestMoto calls services of all protocols that moto has, one after another, as a state machine would. ${0} is what the step before answered at
// the way that stands in its last column.
func TestMoto(t *testing.T) {
	upstream := moto(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	routes, err := awsclient.NewRoutes([]string{upstream})
	if err != nil {
		t.Fatal(err)
	}
	catalog := task.NewCatalog(task.Config{Routes: routes})
	last := ""
	for i, step := range []struct {
		resource, parameters string
		has                  string // a part of the output, or of the cause
		failure              sfn.ErrorName
		keep                 string
	}{
		{"aws-sdk:sqs:createQueue", `{"QueueName":"q"}`, `/q"`, "", "QueueUrl"},
		{"sqs:sendMessage", `{"QueueUrl":"${0}","MessageBody":{"a":1}}`, `"MD5OfMessageBody":"`, "", ""},
		{"aws-sdk:sqs:receiveMessage", `{"QueueUrl":"${0}"}`, `"Body":"{\"a\":1}"`, "", ""},
		{"sqs:sendMessage", `{"QueueUrl":"${0}x","MessageBody":"b"}`, "(Service: AmazonSQS; Status Code: 400;", "SQS.QueueDoesNotExistException", ""},
		{"aws-sdk:sns:createTopic", `{"Name":"t"}`, `:t"`, "", "TopicArn"},
		{"sns:publish", `{"TopicArn":"${0}","Message":{"a":1},"MessageAttributes":{"k":{"DataType":"String","StringValue":"v"}}}`, `"MessageId":"`, "", ""},
		{"sns:publish", `{"TopicArn":"${0}x","Message":"m"}`, "(Service: AmazonSNS; Status Code: 404; Error Code: NotFound;", "SNS.NotFoundException", ""},
		{"aws-sdk:dynamodb:createTable", `{"TableName":"t","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}]}`, `"TableStatus":"ACTIVE"`, "", ""},
		{"dynamodb:putItem", `{"TableName":"t","Item":{"id":{"S":"1"},"n":{"N":"5"}}}`, `"SdkHttpMetadata":{`, "", ""},
		{"dynamodb:getItem", `{"TableName":"t","Key":{"id":{"S":"1"}}}`, `"Item":{"id":{"S":"1"},"n":{"N":"5"}}`, "", ""},
		{"dynamodb:updateItem", `{"TableName":"t","Key":{"id":{"S":"1"}},"UpdateExpression":"SET n = :n","ExpressionAttributeValues":{":n":{"N":"6"}},"ReturnValues":"UPDATED_NEW"}`, `"Attributes":{"n":{"N":"6"}}`, "", ""},
		{"dynamodb:putItem", `{"TableName":"t","Item":{"id":{"S":"1"}},"ConditionExpression":"attribute_not_exists(id)"}`, "The conditional request failed (Service: AmazonDynamoDBv2; Status Code: 400;", "DynamoDB.ConditionalCheckFailedException", ""},
		{"aws-sdk:secretsmanager:createSecret", `{"Name":"s","SecretString":"x"}`, `"Name":"s"`, "", ""},
		{"aws-sdk:secretsmanager:getSecretValue", `{"SecretId":"s"}`, `"SecretString":"x"`, "", ""},
		{"aws-sdk:ssm:getParameter", `{"Name":"nope"}`, "(Service: Ssm, Status Code: 400, Request ID: ", "Ssm.ParameterNotFoundException", ""},
		{"aws-sdk:s3:createBucket", `{"Bucket":"bucket"}`, ``, "", ""},
		{"aws-sdk:s3:putObject", `{"Bucket":"bucket","Key":"a/b c","Body":{"z":1}}`, `"ETag":"`, "", ""},
		{"aws-sdk:s3:getObject", `{"Bucket":"bucket","Key":"a/b c"}`, `"Body":"{\"z\":1}"`, "", ""},
		{"aws-sdk:s3:listObjectsV2", `{"Bucket":"bucket","Prefix":"a/"}`, `"Key":"a/b c"`, "", ""},
		{"aws-sdk:s3:getObject", `{"Bucket":"bucket","Key":"nope"}`, "(Service: S3, Status Code: 404, Request ID: ", "S3.NoSuchKeyException", ""},
		{"events:putEvents", `{"Entries":[{"Source":"s","DetailType":"d","Detail":{"a":1}}]}`, `"FailedEntryCount":0`, "", ""},
		{"aws-sdk:ec2:describeVpcs", `{}`, `"CidrBlock":"172.31.0.0/16"`, "", ""},
	} {
		call := callOf(t, step.resource, strings.ReplaceAll(step.parameters, "${0}", last))
		output, failure := catalog.Perform(t.Context(), call)
		got := ""
		switch {
		case failure != nil:
			got = fmt.Sprint(failure)
		default:
			got = output.Text()
		}
		if (failure != nil) != (step.failure != "") || failure != nil && failure.Name() != step.failure || !strings.Contains(got, step.has) {
			t.Errorf("%d %s: %s\nwant %s %s", i, step.resource, got, step.failure, step.has)
		}
		if step.keep != "" && failure == nil {
			v, _ := output.Value().(*value.Object).Get(step.keep)
			last = strings.Trim(value.Text(v), `"`)
		}
	}
}
