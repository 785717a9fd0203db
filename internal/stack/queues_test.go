package stack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/await"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/sns"
	"github.com/tutti-run/tutti/internal/sqs"
	"github.com/tutti-run/tutti/internal/stack"
	"github.com/tutti-run/tutti/internal/trigger"
)

// queueTemplate is a SAM application: a rule sends orders to a queue, which a function processes; what it cannot goes to another queue.
const queueTemplate = `{"Transform":"AWS::Serverless-2016-10-31","Resources":{
	"Dead":{"Type":"AWS::SQS::Queue"},
	"Orders":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"orders","VisibilityTimeout":60,"Tags":[{"Key":"team","Value":"shop"}],
		"RedrivePolicy":{"deadLetterTargetArn":{"Fn::GetAtt":["Dead","Arn"]},"maxReceiveCount":2}}},
	"Policy":{"Type":"AWS::SQS::QueuePolicy","Properties":{"Queues":[{"Ref":"Orders"}],"PolicyDocument":{}}},
	"Rule":{"Type":"AWS::Events::Rule","Properties":{"EventPattern":{"source":["shop"]},"Targets":[{"Id":"q","Arn":{"Fn::GetAtt":["Orders","Arn"]},"InputPath":"$.detail"}]}},
	"Topic":{"Type":"AWS::SNS::Topic","Properties":{"TopicName":"news","Subscription":[{"Protocol":"sqs","Endpoint":{"Fn::GetAtt":["Orders","Arn"]}}]}},
	"Elsewhere":{"Type":"AWS::Lambda::EventSourceMapping","Properties":{"FunctionName":{"Ref":"Take"},"EventSourceArn":"arn:aws:sqs:us-east-1:000000000000:elsewhere"}},
	"Take":{"Type":"AWS::Serverless::Function","Properties":{"FunctionName":"take","Runtime":"provided.al2023","Handler":"bootstrap","CodeUri":"take",
		"Events":{"Order":{"Type":"SQS","Properties":{"Queue":{"Fn::GetAtt":["Orders","Arn"]},"BatchSize":5,"FunctionResponseTypes":["ReportBatchItemFailures"],
			"FilterCriteria":{"Filters":[{"Pattern":"{\"body\":{\"n\":[{\"numeric\":[\">\",0]}]}}"}]}}},
			"News":{"Type":"SNS","Properties":{"Topic":{"Ref":"Topic"}}}}}}}}`

func TestQueuesOfTemplates(t *testing.T) {
	source := strings.Replace(echoFunction, "event, _ := io.ReadAll(next.Body)", "event, _ := io.ReadAll(next.Body)\n\t\tfmt.Println(string(event))", 1)
	s, told := open(t, project(t, map[string]string{
		"app.template.json": queueTemplate, "take/main.go": source, "take/go.mod": oldModule,
	}))
	if e := told.one(t, stack.NotRunHere); !strings.Contains(e.Detail, "arn:aws:sqs:us-east-1:000000000000:elsewhere is no queue of the templates") {
		t.Errorf("told %+v", e)
	}
	if _, err := s.Queues().SendMessage("orders", sqs.Entry{Body: `{"n":0}`}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Events().PutEvents([]trigger.EventEntry{{Source: "shop", DetailType: "Order", Detail: `{"n":7}`}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Topics().Publish("arn:aws:sns:us-east-1:000000000000:news", sns.Message{Body: "extra"}); err != nil {
		t.Fatal(err)
	}
	await.Nothing(t, func() string {
		text := ""
		if page, err := s.Logs().Read(t.Context(), logs.Query{Group: "/aws/lambda/take", After: logs.Front, Limit: 100}); err == nil {
			for _, e := range page.Events {
				text += e.Message
			}
		}
		a, err := s.Queues().GetQueueAttributes("orders", []string{"All"})
		if err != nil {
			t.Fatal(err)
		}
		if left := a["ApproximateNumberOfMessages"] + a["ApproximateNumberOfMessagesNotVisible"]; left == "00" && strings.Contains(text, `"body":"{\"n\":7}"`) && strings.Contains(text, `"Message":"extra"`) {
			if strings.Contains(text, `{\"n\":0}`) || !strings.Contains(text, `"eventSourceARN":"arn:aws:sqs:us-east-1:000000000000:orders"`) {
				t.Errorf("the function got %s", text)
			}
			return ""
		}
		return fmt.Sprintf("the function got %q; the queue has %v", text, a)
	})
	if tags, err := s.Queues().Tags("orders"); err != nil || tags["team"] != "shop" {
		t.Errorf("tags %v, %v", tags, err)
	}
	if sources, err := s.Queues().DeadLetterSources(deadName(t, s)); err != nil || len(sources) != 1 || sources[0] != "orders" {
		t.Errorf("sources %v, %v", sources, err)
	}
	if err := s.Reload(t.Context()); err != nil { // the same again changes nothing
		t.Error(err)
	}
}

// deadName is the name that was made up for the queue Dead.
func deadName(t *testing.T, s *stack.Stack) string {
	t.Helper()
	names, err := s.Queues().Queues("")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.Contains(name, "Dead") {
			return name
		}
	}
	t.Fatalf("queues %v", names)
	return ""
}
