package task_test

import (
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

// TestPrepare holds the checks at the start of a task to the one text that AWS was recorded with, and the parameters to what they become.
func TestPrepare(t *testing.T) {
	const http = `"ApiEndpoint":"https://api.example/x","Method":"GET","Authentication":{"ConnectionArn":"c"}`
	catalog := task.NewCatalog(task.Config{Functions: &functions{}})
	for _, tt := range []struct{ name, resource, parameters, problem, prepared string }{
		{"nothing wrong", "sqs:sendMessage", `{"QueueUrl":"q","MessageBody":{"a": 1}}`, "", ""},
		{"null is absent", "sqs:sendMessage", `{"QueueUrl":"q","MessageBody":null}`, "", ""},
		{"required", "sqs:sendMessage", `{"QueueUrl":"q"}`, "The field 'MessageBody' is required but was missing", ""},
		{"unknown", "sqs:sendMessage", `{"QueueUrl":"q","MessageBody":"b","Colour":1}`, "The field 'Colour' is not supported by Step Functions", ""},
		{"unknown below", "events:putEvents", `{"Entries":[{"Sauce":"s"}]}`, "The field 'Sauce' is not supported by Step Functions", ""},
		{"wrong type", "sns:publish", `{"Message":"m","TopicArn":5}`, "The value of the field 'TopicArn' has an invalid format", ""},
		{"wrong type below", "dynamodb:getItem", `{"TableName":"t","Key":{"id":{"N":5}}}`, "The value of the field 'N' has an invalid format", ""},
		{"wrong type in a map of lists", "apigateway:invoke", `{"ApiEndpoint":"e","Method":"GET","Headers":{"h":"v"}}`, "The value of the field 'Headers' has an invalid format", ""},
		{"two problems", "sns:publish", `{"A":1,"B":2}`, "The field 'Message' is required but was missing, The field 'A' is not supported by Step Functions, The field 'B' is not supported by Step Functions", ""},
		{"names of the service itself", "states:startExecution", `{"stateMachineArn":"a","StateMachineArn":"a"}`, "The field 'stateMachineArn' is not supported by Step Functions", ""},
		{"no object", "sqs:sendMessage", `[]`, "The Parameters must be a JSON object", ""},
		{"aws-sdk", "aws-sdk:ssm:getParameter", `{"Name":"n","WithDecryption":"yes"}`, "The value of the field 'WithDecryption' has an invalid format", ""},
		{"aws-sdk without input", "aws-sdk:sts:getCallerIdentity", `{"A":1}`, "The field 'A' is not supported by Step Functions", ""},
		{"lambda", "lambda:invoke", `{"FunctionName":"f","Payload":[1]}`, "", ""},
		{"lambda's name", "lambda:invoke", `{"FunctionName":7}`, "The value of the field 'FunctionName' has an invalid format", ""},
		{"a JSON text for any blob", "aws-sdk:s3:putObject", `{"Bucket":"b","Key":"k","Body":["List"]}`, "", ""},
		{"ECS learns who started it", "ecs:runTask.sync", `{"TaskDefinition":"t"}`, "", `{"TaskDefinition":"t","StartedBy":"AWS Step Functions"}`},
		{"ECS keeps who started it", "ecs:runTask", `{"TaskDefinition":"t","StartedBy":"me"}`, "", ""},
		{"http", "http:invoke", `{` + http + `}`, "", ""},
		{"http with a header of ours", "http:invoke", `{` + http + `,"Headers":{"If-Match":"1"}}`, "The header 'If-Match' is not supported", ""},
		{"http with AWS's header", "http:invoke", `{` + http + `,"Headers":{"x-amz-a":"1"}}`, "The header 'x-amz-a' is not supported", ""},
		{"http without a connection", "http:invoke", `{"ApiEndpoint":"https://a","Method":"GET"}`, "The field 'Authentication' is required but was missing", ""},
		{"http without TLS", "http:invoke", `{"ApiEndpoint":"http://a.example","Method":"GET","InvocationConfig":{"ConnectionArn":"c"}}`, "The value of the field 'ApiEndpoint' must be an HTTPS URL", ""},
		{"http on loopback", "http:invoke", `{"ApiEndpoint":"http://127.0.0.1:1","Method":"GET","InvocationConfig":{"ConnectionArn":"c"}}`, "", ""},
		{"http method", "http:invoke", `{"ApiEndpoint":"https://a","Method":"get","InvocationConfig":{"ConnectionArn":"c"}}`, "The value of the field 'Method' must be one of: GET,", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			prepared, why := catalog.Prepare(resource(t, "arn:aws:states:::"+tt.resource), value.RecordedData(tt.parameters))
			want := "The Parameters '" + tt.parameters + "' could not be used to start the Task: [" + tt.problem
			switch {
			case tt.problem == "" && why != "":
				t.Fatalf("refused: %s", why)
			case tt.problem != "" && !(strings.HasPrefix(why, want) && strings.HasSuffix(why, "]")):
				t.Fatalf("%s\nwant %s", why, want)
			}
			if tt.prepared == "" {
				tt.prepared = tt.parameters
			}
			if prepared.Text() != tt.prepared {
				t.Errorf("prepared %s, want %s", prepared.Text(), tt.prepared)
			}
		})
	}
}
