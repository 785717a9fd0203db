package stack_test

import (
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/runner"
)

const loggingTemplate = `{"Resources":{
	"Group":{"Type":"AWS::Logs::LogGroup","Properties":{"LogGroupName":"/aws/vendedlogs/states/app","RetentionInDays":30}},
	"Machine":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"StateMachineName":"app","RoleArn":"arn:aws:iam::000000000000:role/r",
		"DefinitionString":"{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"End\":true}}}",
		"LoggingConfiguration":{"Level":"ALL","IncludeExecutionData":true,
			"Destinations":[{"CloudWatchLogsLogGroup":{"LogGroupArn":{"Fn::GetAtt":["Group","Arn"]}}}]}}}}}`

// A machine's executions log into the group that its template names.
func TestExecutionsLog(t *testing.T) {
	cfg := project(t, map[string]string{"app.template.json": loggingTemplate})
	s, _ := open(t, cfg)
	started, err := s.Runner().StartExecution(t.Context(), runner.StartRequest{MachineARN: s.Machines()[0].ARN})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Runner().Await(t.Context(), started.ARN); err != nil {
		t.Fatal(err)
	}
	if g, err := s.Logs().Group("/aws/vendedlogs/states/app"); err != nil || g.Retention != 30 {
		t.Errorf("the group is %+v, %v", g, err)
	}
	page, err := s.Logs().Read(t.Context(), logs.Query{Group: "/aws/vendedlogs/states/app", After: logs.Front, Limit: 100})
	if err != nil || len(page.Events) != 4 || !strings.Contains(page.Events[3].Message, `"type":"ExecutionSucceeded"`) ||
		!strings.HasPrefix(page.Events[0].Stream, "states/app/") {
		t.Errorf("got %+v, %v", page.Events, err)
	}
}
