package stack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/await"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

const eventTemplate = `{"Resources":{
	"Group":{"Type":"AWS::Logs::LogGroup","Properties":{"LogGroupName":"/aws/events/ends"}},
	"First":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"StateMachineName":"first","RoleArn":"arn:aws:iam::000000000000:role/r",
		"DefinitionString":"{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"End\":true}}}"}},
	"Second":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"StateMachineName":"second","RoleArn":"arn:aws:iam::000000000000:role/r",
		"DefinitionString":"{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"End\":true}}}"}},
	"Rule":{"Type":"AWS::Events::Rule","Properties":{"EventPattern":{"source":["aws.states"],"detail":{"status":["SUCCEEDED"],"stateMachineArn":[{"Ref":"First"}]}},
		"Targets":[{"Id":"m","Arn":{"Ref":"Second"},"RoleArn":"arn:aws:iam::000000000000:role/r","InputTransformer":{"InputPathsMap":{"name":"$.detail.name"},"InputTemplate":"{\"after\": <name>}"}},
			{"Id":"l","Arn":"arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/ends"},
			{"Id":"q","Arn":"arn:aws:sqs:us-east-1:000000000000:q"}]}}}}`

// The end of one machine's execution starts another's, and is written into a log group.
func TestRuleFollowsExecutions(t *testing.T) {
	s, _ := open(t, project(t, map[string]string{"app.template.json": eventTemplate}))
	place := sfn.DefaultPlace()
	if _, err := s.Runner().StartExecution(t.Context(), runner.StartRequest{MachineARN: place.StateMachineARN("first"), Name: "one"}); err != nil {
		t.Fatal(err)
	}
	await.Nothing(t, func() string {
		started, _, err := s.Runner().Executions(store.Filter{MachineARN: place.StateMachineARN("second")})
		if err != nil {
			t.Fatal(err)
		}
		page, err := s.Logs().Read(t.Context(), logs.Query{Group: "/aws/events/ends", After: logs.Front, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(started) != 1 || len(page.Events) != 1 {
			return fmt.Sprintf("%d executions and %d events", len(started), len(page.Events))
		}
		d, err := s.Runner().Describe(started[0].ARN)
		if err != nil || d.Input != `{"after": "one"}` || !strings.Contains(page.Events[0].Message, `"status":"SUCCEEDED"`) {
			t.Errorf("got %s and %s, %v", d.Input, page.Events[0].Message, err)
		}
		return ""
	})
}
