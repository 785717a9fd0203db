package stack_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/await"
	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/metrics/alarm"
	"github.com/tutti-run/tutti/internal/sqs"
	"github.com/tutti-run/tutti/internal/stack"
)

const measureTemplate = `{"Resources":{
	"Group":{"Type":"AWS::Logs::LogGroup","Properties":{"LogGroupName":"/app"}},
	"Filter":{"Type":"AWS::Logs::MetricFilter","Properties":{"FilterName":"slow","LogGroupName":{"Ref":"Group"},"FilterPattern":"{ $.latency > 100 }",
		"MetricTransformations":[{"MetricName":"Slow","MetricNamespace":"App","MetricValue":"$.latency","DefaultValue":0}]}},
	"Quick":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"StateMachineName":"quick","RoleArn":"arn:aws:iam::000000000000:role/r",
		"Definition":{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}}}`

// total is the sum of a metric's values of today.
func total(t *testing.T, s *stack.Stack, m metrics.Metric) float64 {
	t.Helper()
	points, err := s.Metrics().Points(m, "", metrics.Span{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour), Period: 3 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, p := range points {
		sum += p.Sum
	}
	return sum
}

// What is logged, and what executions do, becomes metrics; filters leave with the template.
func TestMeasures(t *testing.T) {
	cfg := project(t, map[string]string{"app.template.json": measureTemplate})
	s, _ := open(t, cfg)
	if err := s.Logs().CreateStream("/app", "s"); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixMilli()
	emf := fmt.Sprintf(`{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[{"Namespace":"App","Dimensions":[[]],"Metrics":[{"Name":"Told"}]}]},"Told":3}`, now)
	if _, err := s.Logs().Put("/app", "s", []logs.Event{{Timestamp: now, Message: `{"latency": 250}`}, {Timestamp: now, Message: emf}}); err != nil {
		t.Fatal(err)
	}
	if got := total(t, s, metrics.NewMetric("App", "Slow")); got != 250 {
		t.Errorf("the metric filter found %v", got)
	}
	if got := total(t, s, metrics.NewMetric("App", "Told")); got != 3 {
		t.Errorf("the embedded metric is %v", got)
	}
	run(t, s, "Quick", "{}")
	machine := metrics.Dimension{Name: "StateMachineArn", Value: "arn:aws:states:us-east-1:000000000000:stateMachine:quick"}
	await.Until(t, "the execution's metric", func() bool {
		return total(t, s, metrics.NewMetric("AWS/States", "ExecutionsSucceeded", machine)) == 1
	})
	if err := os.WriteFile(cfg.Template, []byte(strings.Replace(measureTemplate, "AWS::Logs::MetricFilter", "AWS::IAM::Role", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Logs().MetricFilters(""); err != nil || len(list) != 0 {
		t.Errorf("%+v %v", list, err)
	}
}

// Invocations of functions are counted, for each function and for all.
func TestFunctionMetrics(t *testing.T) {
	s, _ := open(t, project(t, map[string]string{
		"app.template.json": `{"Resources":{
			"Fn":{"Type":"AWS::Lambda::Function","Properties":{"FunctionName":"fn","Runtime":"provided.al2023","Handler":"bootstrap","Role":"arn:aws:iam::000000000000:role/r","Code":{"ZipFile":"x"}},"Metadata":{"tutti:source":"fn"}},
			"Call":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"StateMachineName":"call","RoleArn":"arn:aws:iam::000000000000:role/r",
				"Definition":{"StartAt":"T","States":{"T":{"Type":"Task","Resource":{"Fn::GetAtt":["Fn","Arn"]},"End":true}}}}}}}`,
		"fn/main.go": echoFunction, "fn/go.mod": oldModule,
	}))
	run(t, s, "Call", "{}")
	function := metrics.Dimension{Name: "FunctionName", Value: "fn"}
	await.Until(t, "the function's metrics", func() bool {
		return total(t, s, metrics.NewMetric("AWS/Lambda", "Invocations", function)) == 1 && total(t, s, metrics.NewMetric("AWS/Lambda", "Invocations")) == 1 &&
			total(t, s, metrics.NewMetric("AWS/Lambda", "Duration", function)) > 0 &&
			total(t, s, metrics.NewMetric("AWS/States", "LambdaFunctionsSucceeded", metrics.Dimension{Name: "LambdaFunctionArn", Value: "arn:aws:lambda:us-east-1:000000000000:function:fn"})) == 1
	})
}

// An alarm publishes to a topic of the template, from where a queue gets AWS's message.
func TestAlarmTellsTopic(t *testing.T) {
	s, _ := open(t, project(t, map[string]string{"app.template.json": `{"Resources":{
		"Topic":{"Type":"AWS::SNS::Topic","Properties":{"TopicName":"page"}},
		"Queue":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"pages"}},
		"Sub":{"Type":"AWS::SNS::Subscription","Properties":{"TopicArn":{"Ref":"Topic"},"Protocol":"sqs","Endpoint":{"Fn::GetAtt":["Queue","Arn"]},"RawMessageDelivery":true}},
		"Errors":{"Type":"AWS::CloudWatch::Alarm","Properties":{"AlarmName":"errors","AlarmDescription":"too many","Namespace":"App","MetricName":"Errors","Statistic":"Sum","Period":60,
			"EvaluationPeriods":1,"Threshold":0,"ComparisonOperator":"GreaterThanThreshold","AlarmActions":[{"Ref":"Topic"}]}}}}`}))
	if err := s.Alarms().SetState("errors", alarm.InAlarm, "testing", ""); err != nil {
		t.Fatal(err)
	}
	var messages []sqs.Message
	await.Until(t, "the topic's message", func() bool {
		var err error
		if messages, err = s.Queues().ReceiveMessage(t.Context(), "pages", sqs.Receive{}); err != nil {
			t.Fatal(err)
		}
		return len(messages) == 1
	})
	for _, part := range []string{`"AlarmName":"errors"`, `"AlarmDescription":"too many"`, `"NewStateValue":"ALARM"`, `"OldStateValue":"INSUFFICIENT_DATA"`, `"NewStateReason":"testing"`, `"Statistic":"SUM"`} {
		if !strings.Contains(messages[0].Body, part) {
			t.Errorf("%s lacks %s", messages[0].Body, part)
		}
	}
}

// Queues are measured at the end of each minute, also of those that the clock was moved over, before alarms go by them.
func TestQueueMetrics(t *testing.T) {
	cfg := project(t, map[string]string{"app.template.json": `{"Resources":{
		"Dead":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"dead"}},
		"Letters":{"Type":"AWS::CloudWatch::Alarm","Properties":{"AlarmName":"letters","Namespace":"AWS/SQS","MetricName":"ApproximateNumberOfMessagesVisible",
			"Dimensions":[{"Name":"QueueName","Value":{"Fn::GetAtt":["Dead","QueueName"]}}],"Statistic":"Maximum","Period":60,"EvaluationPeriods":1,"Threshold":0,
			"ComparisonOperator":"GreaterThanThreshold"}}}}`})
	cfg.Clock = clock.Fast(1e-6)
	s, _ := open(t, cfg)
	state := func(want alarm.Value) func() bool {
		return func() bool {
			a, err := s.Alarms().Alarm("letters")
			return err == nil && a.State.Value == want
		}
	}
	pass := func(d time.Duration) { cfg.Clock.SkipTo(cfg.Clock.Now().Add(d)) }
	pass(2 * time.Minute)
	await.Until(t, "OK, as the queue is empty", state(alarm.OK))
	if _, err := s.Queues().SendMessage("dead", sqs.Entry{Body: "letter"}); err != nil {
		t.Fatal(err)
	}
	pass(2 * time.Minute)
	await.Until(t, "the alarm", state(alarm.InAlarm))
	if err := s.Queues().PurgeQueue("dead"); err != nil {
		t.Fatal(err)
	}
	pass(2 * time.Minute)
	await.Until(t, "OK, as the queue is empty again", state(alarm.OK))
}
