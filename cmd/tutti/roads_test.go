package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// roadsTemplate has what sends to queues: a route, a machine that waits for whoever reads the queue, and a function that fails for good.
const roadsTemplate = `{"Resources": {
 "Orders": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "orders"}},
 "Asked": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "asked"}},
 "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "dead"}},
 "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "shop", "ProtocolType": "HTTP"}},
 "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": true}},
 "Send": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": {"ApiId": {"Ref": "Api"}, "IntegrationType": "AWS_PROXY", "IntegrationSubtype": "SQS-SendMessage",
  "PayloadFormatVersion": "1.0", "RequestParameters": {"QueueUrl": {"Ref": "Orders"}, "MessageBody": "order ${request.body.id} of ${request.path.shop}"}}},
 "Route": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"ApiId": {"Ref": "Api"}, "RouteKey": "POST /{shop}/orders", "Target": {"Fn::Join": ["/", ["integrations", {"Ref": "Send"}]]}}},
 "Ask": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"StateMachineName": "ask", "RoleArn": "arn:aws:iam::000000000000:role/r",
  "DefinitionSubstitutions": {"Asked": {"Ref": "Asked"}},
  "Definition": {"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true,
   "Parameters": {"QueueUrl": "${Asked}", "MessageBody": {"question": "why", "token.$": "$$.Task.Token"}}}}}}},
 "Fails": {"Type": "AWS::Lambda::Function", "Metadata": {"tutti:source": "internal/lambda/testdata/probe"}, "Properties": {"FunctionName": "fails", "Code": {},
  "Role": "arn:aws:iam::000000000000:role/r", "Runtime": "provided.al2023", "Handler": "bootstrap", "DeadLetterConfig": {"TargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}}}},
 "Once": {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": {"FunctionName": {"Ref": "Fails"}, "Qualifier": "$LATEST", "MaximumRetryAttempts": 0}}
}}`

// What a route, a task with a token and a function's dead letters send comes out of the queues, as clients of AWS read them.
func TestRoadsIntoQueues(t *testing.T) {
	s, config := serveTemplate(t, roadsTemplate, clockFlag{})

	if status, body := send(t, s.endpoint.URL+"/_aws/execute-api/"+s.httpAPIs()[0].ID+"/north/orders", "", "", `{"id":7}`); status != 200 || !strings.Contains(body, `"MessageId"`) {
		t.Errorf("the route answers %d %s", status, body)
	}
	if got := received(t, config, "orders"); got != "order 7 of north" {
		t.Errorf("the route sent %q", got)
	}
	answerByQueue(t, sfn.NewFromConfig(config), config)

	_, err := lambda.NewFromConfig(config).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("fails"), InvocationType: lambdatypes.InvocationTypeEvent, Payload: []byte(`{"Do":"error","Text":"never"}`)})
	if err != nil {
		t.Fatal(err)
	}
	if got := received(t, config, "dead"); got != `{"Do":"error","Text":"never"}` {
		t.Errorf("the dead letter is %q", got)
	}
}

// answerByQueue runs the machine that asks, reads the question from the queue and answers it.
func answerByQueue(t *testing.T, machines *sfn.Client, config aws.Config) {
	t.Helper()
	started, err := machines.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: aws.String("arn:aws:states:us-east-1:000000000000:stateMachine:ask")})
	if err != nil {
		t.Fatal(err)
	}
	var asked struct{ Question, Token string }
	if err := json.Unmarshal([]byte(received(t, config, "asked")), &asked); err != nil || asked.Question != "why" {
		t.Fatalf("%+v, %v", asked, err)
	}
	if _, err := machines.SendTaskSuccess(t.Context(), &sfn.SendTaskSuccessInput{TaskToken: &asked.Token, Output: aws.String(`"because"`)}); err != nil {
		t.Fatal(err)
	}
	d, err := machines.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: started.ExecutionArn})
	if err != nil || d.Status != sfntypes.ExecutionStatusSucceeded || aws.ToString(d.Output) != `"because"` {
		t.Errorf("%v %v, %v", d.Status, aws.ToString(d.Output), err)
	}
}

// received is the body of the first message that comes out of the queue.
func received(t *testing.T, config aws.Config, queue string) string {
	t.Helper()
	client := sqs.NewFromConfig(config)
	url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &queue})
	if err != nil {
		t.Fatal(err)
	}
	for t.Context().Err() == nil {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url.QueueUrl, WaitTimeSeconds: 20})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) > 0 {
			return aws.ToString(out.Messages[0].Body)
		}
	}
	t.Fatalf("nothing comes out of %s", queue)
	return ""
}
