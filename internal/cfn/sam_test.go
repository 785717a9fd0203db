package cfn_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/value"
)

// samTemplate resolves a SAM template in YAML: resources, and whatever sections stand before them.
func samTemplate(t *testing.T, sections string) (*cfn.Template, error) {
	t.Helper()
	doc, err := cfn.ReadYAML("template.yaml", []byte("Transform: AWS::Serverless-2016-10-31\n"+sections))
	if err != nil {
		t.Fatal(err)
	}
	return cfn.Resolve(doc, cfn.Input{StackName: "app", Place: place})
}

func ids(tmpl *cfn.Template) []string {
	var list []string
	for _, res := range tmpl.Resources {
		list = append(list, res.LogicalID+" "+strings.TrimPrefix(res.Type, "AWS::"))
	}
	slices.Sort(list)
	return list
}

const samFunction = `
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: s3://sam-demo-bucket/hello.zip
      Handler: h
      Runtime: provided.al2023
`

// TestSAMLogicalIDs holds what is generated to what SAM's own translator generates for the same templates.
func TestSAMLogicalIDs(t *testing.T) {
	const function = "F Lambda::Function, FRole IAM::Role"
	for _, tt := range []struct{ name, more, want string }{
		{"function", "", function},
		{"role of its own", "      Role: arn:aws:iam::123456789012:role/r", "F Lambda::Function"},
		{"alias", "      AutoPublishAlias: live", function + ", FAliaslive Lambda::Alias, FVersion640128d35d Lambda::Version"},
		{"alias, digest given", "      AutoPublishAlias: live\n      AutoPublishCodeSha256: 0123456789abcdef", function + ", FAliaslive Lambda::Alias, FVersion0123456789 Lambda::Version"},
		{"url", "      FunctionUrlConfig: {AuthType: AWS_IAM}", function + ", FUrl Lambda::Url"},
		{"public url", "      FunctionUrlConfig: {AuthType: NONE}", function + ", FURLInvokeAllowPublicAccess Lambda::Permission, FUrl Lambda::Url, FUrlPublicPermissions Lambda::Permission"},
		{"destinations", "      EventInvokeConfig: {DestinationConfig: {OnSuccess: {Type: SQS}, OnFailure: {Type: SNS}}}", function + ", FEventInvokeConfig Lambda::EventInvokeConfig, FEventInvokeConfigOnFailureTopic SNS::Topic, FEventInvokeConfigOnSuccessQueue SQS::Queue"},
		{"schedule", "      Events: {E: {Type: Schedule, Properties: {Schedule: rate(1 day)}}}", function + ", FE Events::Rule, FEPermission Lambda::Permission"},
		{"schedule v2", "      Events: {E: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day)}}}", function + ", FE Scheduler::Schedule, FERole IAM::Role"},
		{"rule with queue", "      Events: {E: {Type: EventBridgeRule, Properties: {Pattern: {source: [x]}, DeadLetterConfig: {Type: SQS}}}}", function + ", FE Events::Rule, FEPermission Lambda::Permission, FEQueue SQS::Queue, FEQueuePolicy SQS::QueuePolicy"},
		{"http", "      Events: {E: {Type: HttpApi}}", function + ", FEPermission Lambda::Permission, ServerlessHttpApi ApiGatewayV2::Api, ServerlessHttpApiApiGatewayDefaultStage ApiGatewayV2::Stage"},
		{"queue", "      Events: {E: {Type: SQS, Properties: {Queue: 'arn:aws:sqs:eu-west-1:123456789012:q'}}}", function + ", FE Lambda::EventSourceMapping"},
		{"topic", "      Events: {E: {Type: SNS, Properties: {Topic: 'arn:aws:sns:eu-west-1:123456789012:t'}}}", function + ", FE SNS::Subscription, FEPermission Lambda::Permission"},
		{"topic through queue", "      Events: {E: {Type: SNS, Properties: {Topic: 'arn:aws:sns:eu-west-1:123456789012:t', SqsSubscription: true}}}", function + ", FE SNS::Subscription, FEEventSourceMapping Lambda::EventSourceMapping, FEQueue SQS::Queue, FEQueuePolicy SQS::QueuePolicy"},
		{"logs", "      Events: {E: {Type: CloudWatchLogs, Properties: {LogGroupName: g, FilterPattern: p}}}", function + ", FE Logs::SubscriptionFilter, FEPermission Lambda::Permission"},
		{"bucket", "      Events: {E: {Type: S3, Properties: {Bucket: !Ref B, Events: 's3:ObjectCreated:*'}}}\n  B: {Type: AWS::S3::Bucket}", "B S3::Bucket, " + function + ", FEPermission Lambda::Permission"},
		{"table", "  T: {Type: AWS::Serverless::SimpleTable}", function + ", T DynamoDB::Table"},
		{"connector", "  T: {Type: AWS::Serverless::SimpleTable}\n  C: {Type: AWS::Serverless::Connector, Properties: {Source: {Id: F}, Destination: {Id: T}, Permissions: [Read, Write]}}", "CPolicy IAM::ManagedPolicy, " + function + ", T DynamoDB::Table"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tmpl, err := samTemplate(t, "Resources:"+samFunction+tt.more+"\n")
			if err != nil {
				t.Fatal(err)
			}
			checkInvariants(t, tmpl)
			want := strings.Split(tt.want, ", ")
			slices.Sort(want)
			if got := ids(tmpl); !slices.Equal(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func TestSAMRestAPI(t *testing.T) {
	tmpl, err := samTemplate(t, "Resources:"+samFunction+`      Events:
        Get: {Type: Api, Properties: {Path: '/orders/{id}', Method: get}}
        Any: {Type: Api, Properties: {Path: /orders, Method: any}}
Outputs:
  Url: {Value: !Sub 'https://${ServerlessRestApi}/${ServerlessRestApi.Stage}'}
`)
	if err != nil {
		t.Fatal(err)
	}
	api, _ := tmpl.Resource("ServerlessRestApi")
	body := api.Read().Block("Body").Block("paths")
	for path, method := range map[string]string{"/orders/{id}": "get", "/orders": "x-amazon-apigateway-any-method"} {
		uri := body.Block(path).Block(method).Block("x-amazon-apigateway-integration").String("uri")
		if !strings.HasSuffix(uri, ":function:app-F-"+strings.TrimPrefix(nameOf(t, tmpl, "F"), "app-F-")+"/invocations") {
			t.Errorf("%s %s leads to %q", method, path, uri)
		}
	}
	if _, ok := tmpl.Resource("ServerlessRestApiProdStage"); !ok {
		t.Errorf("no stage: %v", ids(tmpl))
	}
	permission, ok := tmpl.Resource("FGetPermissionProd")
	if !ok || !strings.HasSuffix(permission.Read().String("SourceArn"), "/*/GET/orders/*") {
		t.Errorf("permission %v", permission)
	}
}

func nameOf(t *testing.T, tmpl *cfn.Template, id string) string {
	t.Helper()
	res, ok := tmpl.Resource(id)
	if !ok {
		t.Fatalf("no resource %s: %v", id, ids(tmpl))
	}
	return res.Name
}

func TestSAMStateMachine(t *testing.T) {
	tmpl, err := samTemplate(t, `
Parameters:
  Stage: {Type: String, Default: live}
Globals:
  StateMachine:
    Tags: {team: ops}
  Function:
    Timeout: 7
    Environment: {Variables: {A: global, B: global}}
    Layers: [g]
Resources:`+samFunction+`      Environment: {Variables: {B: own}}
      Layers: [o]
  M:
    Type: AWS::Serverless::StateMachine
    DependsOn: F
    Properties:
      Definition:
        StartAt: Call
        States:
          Call: {Type: Task, Resource: !GetAtt F.Arn, End: true}
      DefinitionSubstitutions: {Name: !Ref F}
      AutoPublishAlias: !Ref Stage
      UseAliasAsEventTarget: true
      Tracing: {Enabled: true}
      Policies:
        - LambdaInvokePolicy: {FunctionName: !Ref F}
        - AWSLambdaRole
        - Statement: [{Effect: Allow, Action: 's3:*', Resource: '*'}]
      Events:
        Daily: {Type: Schedule, Properties: {Schedule: rate(1 day), Enabled: false, Input: '{}'}}
        Nightly: {Type: ScheduleV2, Properties: {ScheduleExpression: cron(0 3 * * ? *)}}
        Down: {Type: EventBridgeRule, Properties: {Pattern: {source: [watch]}}}
        Post: {Type: Api, Properties: {Path: /runs, Method: post}}
Outputs:
  Alias: {Value: !Ref M.Alias}
`)
	if err != nil {
		t.Fatal(err)
	}
	checkInvariants(t, tmpl)
	want := []string{
		"F Lambda::Function", "FRole IAM::Role", "M StepFunctions::StateMachine", "MAliaslive StepFunctions::StateMachineAlias",
		"MDaily Events::Rule", "MDailyRole IAM::Role", "MDown Events::Rule", "MDownRole IAM::Role", "MNightly Scheduler::Schedule",
		"MNightlyRole IAM::Role", "MPostRole IAM::Role", "MRole IAM::Role", "MVersion StepFunctions::StateMachineVersion",
		"ServerlessRestApi ApiGateway::RestApi", "ServerlessRestApiDeployment* ApiGateway::Deployment", "ServerlessRestApiProdStage ApiGateway::Stage",
	}
	got := ids(tmpl)
	for i := range got {
		if strings.HasPrefix(got[i], "ServerlessRestApiDeployment") {
			got[i] = want[len(want)-2]
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	machine, _ := tmpl.Resource("M")
	p := machine.Read()
	function, _ := tmpl.Resource("F")
	arn, _ := function.Attribute("Arn")
	if resource := p.Block("Definition").Block("States").Block("Call").String("Resource"); resource != arn {
		t.Errorf("the definition calls %s, want %s", resource, arn)
	}
	role, _ := tmpl.Resource("MRole")
	if text := value.Text(role.Properties); !strings.Contains(text, "MRolePolicy0") || !strings.Contains(text, "policy/service-role/AWSLambdaRole") ||
		!strings.Contains(text, "MRolePolicy2") || !strings.Contains(text, "AWSXRayDaemonWriteAccess") {
		t.Errorf("the role is %s", text)
	}
	rule, _ := tmpl.Resource("MDaily")
	alias, _ := tmpl.Resource("MAliaslive")
	target := rule.Read().Blocks("Targets")[0]
	if rule.Read().String("State") != "DISABLED" || target.String("Arn") != alias.Ref || target.String("Id") != "MDailyStepFunctionsTarget" {
		t.Errorf("the rule is %s, want it to start %s", value.Text(rule.Properties), alias.Ref)
	}
	if tmpl.Outputs[0].Value != alias.Ref {
		t.Errorf("Ref M.Alias is %s, want %s", tmpl.Outputs[0].Value, alias.Ref)
	}
	fp := function.Read()
	variables := fp.Block("Environment").Block("Variables")
	if fp.Int("Timeout", 0) != 7 || variables.String("A") != "global" || variables.String("B") != "own" || !slices.Equal(fp.Strings("Layers"), []string{"g", "o"}) {
		t.Errorf("globals are merged to %s", value.Text(function.Properties))
	}
}

func TestSAMProblems(t *testing.T) {
	for _, tt := range []struct{ name, more, want string }{
		{"unknown property", "      Colour: red", "template.yaml:9:15: F Properties.Colour: Resource with id [F] is invalid. property Colour not defined for resource of type AWS::Serverless::Function"},
		{"unknown event", "      Events: {E: {Type: Telepathy}}", "Event Type is: Telepathy"},
		{"no schedule", "      Events: {E: {Type: Schedule}}", "Event with id [E] is invalid. Missing required property 'Schedule'."},
		{"unknown policy template", "      Policies: [{MagicPolicy: {}}]", "The policy template 'MagicPolicy' does not exist."},
		{"parameter of a policy template", "      Policies: [{SQSPollerPolicy: {}}]", "QueueName is missing"},
		{"half a route", "      Events: {E: {Type: HttpApi, Properties: {Path: /x}}}", "'Method' must be"},
		{"route twice", "      Events: {E: {Type: Api, Properties: {Path: /x, Method: get}}, G: {Type: Api, Properties: {Path: /x, Method: GET}}}", `API method "get" defined multiple times for path "/x"`},
		{"fault in a property", "      Role: !GetAtt Nobody.Arn", "template.yaml:9:13: F Properties.Role"},
		{"globals", "Globals: {Topic: {}}", "'Globals' section is invalid. 'Topic' is not supported"},
		{"bucket elsewhere", "      Events: {E: {Type: S3, Properties: {Bucket: b, Events: x}}}", "S3 events must reference an S3 bucket in the same template."},
		{"definition twice", "  M: {Type: AWS::Serverless::StateMachine, Properties: {Definition: {}, DefinitionUri: x}}", "Specify either 'Definition' or 'DefinitionUri' property and not both."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := samTemplate(t, "Resources:"+samFunction+tt.more+"\n")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestSAMPolicyTemplates expands every template of the table.
func TestSAMPolicyTemplates(t *testing.T) {
	templates := cfn.PolicyTemplateParameters()
	if len(templates) < 75 {
		t.Errorf("%d templates", len(templates))
	}
	for name, parameters := range templates {
		var given []string
		for _, p := range parameters {
			given = append(given, fmt.Sprintf("%s: the-%s", p, p))
		}
		tmpl, err := samTemplate(t, "Resources:"+samFunction+fmt.Sprintf("      Policies: [{%s: {%s}}]\n", name, strings.Join(given, ", ")))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		role, _ := tmpl.Resource("FRole")
		text := value.Text(role.Properties)
		for _, p := range parameters {
			if !strings.Contains(text, "the-"+p) {
				t.Errorf("%s does not use %s: %s", name, p, text)
			}
		}
		if strings.Contains(text, "${") || !strings.Contains(text, `"PolicyName":"FRolePolicy0"`) {
			t.Errorf("%s: %s", name, text)
		}
	}
}
