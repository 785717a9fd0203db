package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// watchedTemplate has what people watch, with an alarm for each: a dead-letter queue, an HTTP API, a function and a state machine; and an alarm for when all is lost.
const watchedTemplate = `{"Resources": {
 "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "dead"}},
 "Orders": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "orders", "VisibilityTimeout": 0, "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 1}}},
 "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "shop", "ProtocolType": "HTTP"}},
 "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": true}},
 "Nowhere": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": {"ApiId": {"Ref": "Api"}, "IntegrationType": "HTTP_PROXY", "IntegrationMethod": "GET", "IntegrationUri": "http://127.0.0.1:1/", "PayloadFormatVersion": "1.0"}},
 "Route": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"ApiId": {"Ref": "Api"}, "RouteKey": "GET /orders", "Target": {"Fn::Join": ["/", ["integrations", {"Ref": "Nowhere"}]]}}},
 "Fails": {"Type": "AWS::Lambda::Function", "Metadata": {"tutti:source": "internal/lambda/testdata/probe"}, "Properties": {"FunctionName": "fails", "Code": {},
  "Role": "arn:aws:iam::000000000000:role/r", "Runtime": "provided.al2023", "Handler": "bootstrap"}},
 "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"StateMachineName": "order", "RoleArn": "arn:aws:iam::000000000000:role/r", "Definition": {"StartAt": "F", "States": {"F": {"Type": "Fail"}}}}},
 "Page": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "page"}},
 "Pages": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "pages"}},
 "Subscription": {"Type": "AWS::SNS::Subscription", "Properties": {"TopicArn": {"Ref": "Page"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Pages", "Arn"]}, "RawMessageDelivery": true}},
 "DeadLetters": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": "dead-letters", "AlarmActions": [{"Ref": "Page"}], "OKActions": [{"Ref": "Page"}],
  "Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible", "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["Dead", "QueueName"]}}],
  "Statistic": "Maximum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold"}},
 "ServerErrors": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": "server-errors", "AlarmActions": [{"Ref": "Page"}], "TreatMissingData": "ignore",
  "Namespace": "AWS/ApiGateway", "MetricName": "5xx", "Dimensions": [{"Name": "ApiId", "Value": {"Ref": "Api"}}],
  "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold"}},
 "ErrorRate": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": "error-rate", "AlarmActions": [{"Ref": "Page"}], "TreatMissingData": "ignore",
  "EvaluationPeriods": 3, "DatapointsToAlarm": 1, "Threshold": 50, "ComparisonOperator": "GreaterThanThreshold", "Metrics": [
   {"Id": "errors", "ReturnData": false, "MetricStat": {"Period": 60, "Stat": "Sum", "Metric": {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": "Fails"}}]}}},
   {"Id": "calls", "ReturnData": false, "MetricStat": {"Period": 60, "Stat": "Sum", "Metric": {"Namespace": "AWS/Lambda", "MetricName": "Invocations", "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": "Fails"}}]}}},
   {"Id": "rate", "Expression": "100 * errors / calls", "Label": "percent"}]}},
 "FailedOrders": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": "failed-orders", "AlarmActions": [{"Ref": "Page"}], "TreatMissingData": "ignore",
  "Namespace": "AWS/States", "MetricName": "ExecutionsFailed", "Dimensions": [{"Name": "StateMachineArn", "Value": {"Ref": "Machine"}}],
  "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold"}},
 "Deploying": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": "deploying", "Namespace": "Shop", "MetricName": "Deployments", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
  "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching"}},
 "AllIsLost": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {"AlarmName": "all-is-lost", "AlarmActions": [{"Ref": "Page"}],
  "ActionsSuppressor": {"Fn::GetAtt": ["Deploying", "Arn"]}, "ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 60,
  "AlarmRule": "ALARM(dead-letters) AND ALARM(server-errors) AND ALARM(error-rate) AND ALARM(failed-orders)"}}
}}`

// page is what an alarm tells its topic, as far as the test looks at it.
type page struct {
	AlarmName, NewStateValue, OldStateValue, AlarmRule string
	Trigger                                            struct{ MetricName, Namespace, Statistic string }
}

// Alarms go off by what happens to queues, APIs, functions and state machines, and a composite one by theirs, once it knows that nobody deploys; each pages through a topic, as clients of AWS see it. A minute
// takes half a second.
func TestAlarmsOfServices(t *testing.T) {
	s, config := serveTemplate(t, watchedTemplate, clockFlag{rate: 120})
	queues := sqs.NewFromConfig(config)

	letter := s.endpoint.URL + "/000000000000/orders"
	if _, err := queues.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &letter, MessageBody: aws.String("poison")}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second receive finds it received too often
		if _, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &letter}); err != nil {
			t.Fatal(err)
		}
	}
	if status, _ := send(t, s.endpoint.URL+"/_aws/execute-api/"+s.httpAPIs()[0].ID+"/orders", "", "", ""); status != 404 {
		t.Errorf("a POST finds a route: %d", status)
	}
	if status, _ := get(t, s.endpoint.URL+"/_aws/execute-api/"+s.httpAPIs()[0].ID+"/orders"); status/100 != 5 {
		t.Errorf("what leads nowhere answers %d", status)
	}
	if _, err := lambda.NewFromConfig(config).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("fails"), Payload: []byte(`{"Do":"error","Text":"no"}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := sfn.NewFromConfig(config).StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: aws.String("arn:aws:states:us-east-1:000000000000:stateMachine:order")}); err != nil {
		t.Fatal(err)
	}

	pages := map[string]page{}
	for _, name := range []string{"dead-letters", "server-errors", "error-rate", "failed-orders", "all-is-lost"} {
		for pages[name].NewStateValue != "ALARM" {
			p := nextPage(t, queues, s.endpoint.URL+"/000000000000/pages")
			pages[p.AlarmName] = p
		}
	}
	if p := pages["dead-letters"]; p.Trigger.MetricName != "ApproximateNumberOfMessagesVisible" || p.Trigger.Namespace != "AWS/SQS" || p.Trigger.Statistic != "MAXIMUM" {
		t.Errorf("the page %+v", p)
	}
	if p := pages["all-is-lost"]; p.AlarmRule != "ALARM(dead-letters) AND ALARM(server-errors) AND ALARM(error-rate) AND ALARM(failed-orders)" {
		t.Errorf("the page %+v", p)
	}
	watch := cloudwatch.NewFromConfig(config)
	all, err := watch.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{
		StateValue: cloudwatchtypes.StateValueAlarm, AlarmTypes: []cloudwatchtypes.AlarmType{cloudwatchtypes.AlarmTypeCompositeAlarm, cloudwatchtypes.AlarmTypeMetricAlarm},
	})
	if err != nil || len(all.MetricAlarms) != 4 || len(all.CompositeAlarms) != 1 || aws.ToString(all.CompositeAlarms[0].ActionsSuppressor) != "deploying" ||
		aws.ToInt32(all.CompositeAlarms[0].ActionsSuppressorWaitPeriod) != 60 {
		t.Errorf("in alarm are %+v, %v", all, err)
	}

	dead := s.endpoint.URL + "/000000000000/dead"
	if _, err := queues.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &dead}); err != nil {
		t.Fatal(err)
	}
	for p := (page{}); p.AlarmName != "dead-letters" || p.NewStateValue != "OK" || p.OldStateValue != "ALARM"; {
		p = nextPage(t, queues, s.endpoint.URL+"/000000000000/pages")
	}
	over, err := watch.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"all-is-lost"}, AlarmTypes: []cloudwatchtypes.AlarmType{cloudwatchtypes.AlarmTypeCompositeAlarm}})
	if err != nil || over.CompositeAlarms[0].StateValue != cloudwatchtypes.StateValueOk {
		t.Errorf("after the purge: %+v, %v", over, err)
	}
}

// nextPage takes the next page out of the queue.
func nextPage(t *testing.T, queues *sqs.Client, url string) (p page) {
	t.Helper()
	for late := time.Now().Add(2 * time.Minute); time.Now().Before(late); {
		out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 20})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			if _, err := queues.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(aws.ToString(m.Body)), &p); err != nil {
				t.Fatal(err)
			}
			return p
		}
	}
	t.Fatal("no page comes")
	return p
}
