package api_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/api"
)

func TestActivitiesComeAndGo(t *testing.T) {
	c := openEndpoint(t, vfs.NewMem()).client(t, "test", "us-east-1")
	made := must[*awssfn.CreateActivityOutput](t)(c.CreateActivity(t.Context(), &awssfn.CreateActivityInput{Name: aws.String("a")}))
	d := must[*awssfn.DescribeActivityOutput](t)(c.DescribeActivity(t.Context(), &awssfn.DescribeActivityInput{ActivityArn: made.ActivityArn}))
	if *d.Name != "a" || !d.CreationDate.Equal(*made.CreationDate) {
		t.Errorf("described %+v", d)
	}
	list := must[*awssfn.ListActivitiesOutput](t)(c.ListActivities(t.Context(), &awssfn.ListActivitiesInput{}))
	if len(list.Activities) != 1 || *list.Activities[0].ActivityArn != *made.ActivityArn {
		t.Errorf("listed %+v", list.Activities)
	}
	must[*awssfn.DeleteActivityOutput](t)(c.DeleteActivity(t.Context(), &awssfn.DeleteActivityInput{ActivityArn: made.ActivityArn}))
	_, err := c.DescribeActivity(t.Context(), &awssfn.DescribeActivityInput{ActivityArn: made.ActivityArn})
	if want := "ActivityDoesNotExist: Activity Does Not Exist: '" + *made.ActivityArn + "'"; refusal(err) != want {
		t.Errorf("after the deletion: %q, want %q", refusal(err), want)
	}
}

func TestAliasIsDescribed(t *testing.T) {
	c := openEndpoint(t, vfs.NewMem()).client(t, "test", "us-east-1")
	arn := create(t, c, "m", passing)
	v := must[*awssfn.PublishStateMachineVersionOutput](t)(c.PublishStateMachineVersion(t.Context(), &awssfn.PublishStateMachineVersionInput{StateMachineArn: aws.String(arn)}))
	routes := []types.RoutingConfigurationListItem{{StateMachineVersionArn: v.StateMachineVersionArn, Weight: 100}}
	made := must[*awssfn.CreateStateMachineAliasOutput](t)(c.CreateStateMachineAlias(t.Context(), &awssfn.CreateStateMachineAliasInput{
		Name: aws.String("live"), Description: aws.String("d"), RoutingConfiguration: routes,
	}))
	d := must[*awssfn.DescribeStateMachineAliasOutput](t)(c.DescribeStateMachineAlias(t.Context(), &awssfn.DescribeStateMachineAliasInput{StateMachineAliasArn: made.StateMachineAliasArn}))
	if *d.Name != "live" || *d.Description != "d" || len(d.RoutingConfiguration) != 1 || *d.RoutingConfiguration[0].StateMachineVersionArn != *v.StateMachineVersionArn {
		t.Errorf("described %+v", d)
	}
}

func TestDefinitionsAndStatesOnTrial(t *testing.T) {
	c := openEndpoint(t, vfs.NewMem()).client(t, "test", "us-east-1")
	good := must[*awssfn.ValidateStateMachineDefinitionOutput](t)(c.ValidateStateMachineDefinition(t.Context(), &awssfn.ValidateStateMachineDefinitionInput{Definition: aws.String(passing)}))
	bad := must[*awssfn.ValidateStateMachineDefinitionOutput](t)(c.ValidateStateMachineDefinition(t.Context(), &awssfn.ValidateStateMachineDefinitionInput{Definition: aws.String(`{}`)}))
	if good.Result != types.ValidateStateMachineDefinitionResultCodeOk || bad.Result != types.ValidateStateMachineDefinitionResultCodeFail || len(bad.Diagnostics) == 0 {
		t.Errorf("validated %+v and %+v", good, bad)
	}
	out := must[*awssfn.TestStateOutput](t)(c.TestState(t.Context(), &awssfn.TestStateInput{
		Definition: aws.String(`{"Type":"Pass","Parameters":{"b.$":"$.a"},"Next":"N"}`), RoleArn: aws.String(role), Input: aws.String(`{"a":1}`),
	}))
	if out.Status != types.TestExecutionStatusSucceeded || *out.Output != `{"b":1}` || *out.NextState != "N" {
		t.Errorf("tried %+v", out)
	}
}

// TestSDKDrivesEveryOperation looks for a test with the SDK's client for each operation that is served.
func TestSDKDrivesEveryOperation(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	for _, name := range api.OperationNames() {
		if !regexp.MustCompile(`\.` + name + `\([^,]+, &awssfn\.` + name + `Input\{`).MatchString(source.String()) {
			t.Errorf("no test calls %s with the SDK's client", name)
		}
	}
}
