package cfn

import (
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/sfn"
)

// identified resolves a template of one resource R of the type, with the properties given as JSON, and returns R.
func identified(t *testing.T, stack, typeName, properties string) *Resource {
	t.Helper()
	doc, err := ReadJSON("t.json", []byte(`{"Resources": {"R": {"Type": "`+typeName+`", "Properties": {`+properties+`}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := Resolve(doc, Input{StackName: stack, Place: sfn.Place{Partition: "aws", Region: "eu-west-1", Account: "123456789012"}})
	if err != nil {
		t.Fatal(err)
	}
	res, _ := tmpl.Resource("R")
	return res
}

// TestResourceTypes goes through the table: what each type is called with a name given and without, and that nothing is left empty.
func TestResourceTypes(t *testing.T) {
	const arn = ":eu-west-1:123456789012:"
	want := map[string]struct{ properties, ref, attribute, value string }{
		"AWS::Lambda::Function":                   {`"FunctionName": "n"`, "n", "Arn", "arn:aws:lambda" + arn + "function:n"},
		"AWS::Lambda::Version":                    {`"FunctionName": "f"`, "arn:aws:lambda" + arn + "function:f:1", "Version", "1"},
		"AWS::Lambda::Alias":                      {`"Name": "live", "FunctionName": "arn:aws:lambda` + arn + `function:f:7"`, "arn:aws:lambda" + arn + "function:f:live", "AliasArn", "arn:aws:lambda" + arn + "function:f:live"},
		"AWS::Lambda::Permission":                 {``, "*", "Id", "*"},
		"AWS::StepFunctions::StateMachine":        {`"StateMachineName": "n"`, "arn:aws:states" + arn + "stateMachine:n", "Name", "n"},
		"AWS::StepFunctions::StateMachineVersion": {`"StateMachineArn": "arn:aws:states` + arn + `stateMachine:m"`, "arn:aws:states" + arn + "stateMachine:m:1", "Arn", "arn:aws:states" + arn + "stateMachine:m:1"},
		"AWS::StepFunctions::StateMachineAlias":   {`"Name": "live", "RoutingConfiguration": [{"StateMachineVersionArn": "arn:aws:states` + arn + `stateMachine:m:1", "Weight": 100}]`, "arn:aws:states" + arn + "stateMachine:m:live", "Arn", "arn:aws:states" + arn + "stateMachine:m:live"},
		"AWS::StepFunctions::Activity":            {`"Name": "n"`, "arn:aws:states" + arn + "activity:n", "Name", "n"},
		"AWS::IAM::Role":                          {`"RoleName": "n", "Path": "/a/b/"`, "n", "Arn", "arn:aws:iam::123456789012:role/a/b/n"},
		"AWS::IAM::Policy":                        {`"PolicyName": "n"`, "n", "Id", "*"},
		"AWS::IAM::ManagedPolicy":                 {`"ManagedPolicyName": "n"`, "arn:aws:iam::123456789012:policy/n", "PolicyArn", "arn:aws:iam::123456789012:policy/n"},
		"AWS::Logs::LogGroup":                     {`"LogGroupName": "/a/n"`, "/a/n", "Arn", "arn:aws:logs" + arn + "log-group:/a/n:*"},
		"AWS::Scheduler::Schedule":                {`"Name": "n", "GroupName": "g"`, "n", "Arn", "arn:aws:scheduler" + arn + "schedule/g/n"},
		"AWS::Scheduler::ScheduleGroup":           {`"Name": "n"`, "n", "Arn", "arn:aws:scheduler" + arn + "schedule-group/n"},
		"AWS::Events::Rule":                       {`"Name": "n", "EventBusName": "arn:aws:events` + arn + `event-bus/b"`, "b|n", "Arn", "arn:aws:events" + arn + "rule/b/n"},
		"AWS::Events::EventBus":                   {`"Name": "n"`, "n", "Arn", "arn:aws:events" + arn + "event-bus/n"},
		"AWS::Events::Archive":                    {`"ArchiveName": "n"`, "n", "Arn", "arn:aws:events" + arn + "archive/n"},
		"AWS::Events::Connection":                 {`"Name": "n"`, "n", "SecretArn", "*"},
		"AWS::Lambda::EventInvokeConfig":          {`"FunctionName": "f"`, "*", "", ""},
		"AWS::Lambda::EventSourceMapping":         {`"FunctionName": "f"`, "*", "EventSourceMappingArn", "*"},
		"AWS::Lambda::Url":                        {`"TargetFunctionArn": "f"`, "arn:aws:lambda" + arn + "function:f", "FunctionArn", "arn:aws:lambda" + arn + "function:f"},
		"AWS::Lambda::LayerVersion":               {`"LayerName": "l"`, "arn:aws:lambda" + arn + "layer:l:1", "LayerVersionArn", "arn:aws:lambda" + arn + "layer:l:1"},
		"AWS::Lambda::LayerVersionPermission":     {``, "*", "Id", "*"},
		"AWS::Logs::MetricFilter":                 {`"FilterName": "n"`, "n", "", ""},
		"AWS::Logs::SubscriptionFilter":           {`"FilterName": "n"`, "n", "", ""},
		"AWS::Logs::ResourcePolicy":               {`"PolicyName": "n"`, "n", "", ""},
		"AWS::Events::ApiDestination":             {`"Name": "n"`, "n", "ArnForPolicy", "arn:aws:events" + arn + "api-destination/n"},
		"AWS::Events::EventBusPolicy":             {``, "*", "", ""},
		"AWS::ApiGatewayV2::Api":                  {``, "*", "ApiEndpoint", "*"},
		"AWS::ApiGatewayV2::Route":                {``, "*", "RouteId", "*"},
		"AWS::ApiGatewayV2::Integration":          {``, "*", "IntegrationId", "*"},
		"AWS::ApiGatewayV2::Stage":                {`"StageName": "$default"`, "$default", "", ""},
		"AWS::ApiGatewayV2::Authorizer":           {``, "*", "AuthorizerId", "*"},
		"AWS::ApiGatewayV2::Deployment":           {``, "*", "DeploymentId", "*"},
		"AWS::ApiGateway::RestApi":                {``, "*", "RootResourceId", "*"},
		"AWS::ApiGateway::Resource":               {``, "*", "ResourceId", "*"},
		"AWS::ApiGateway::Method":                 {``, "*", "", ""},
		"AWS::ApiGateway::Deployment":             {``, "*", "DeploymentId", "*"},
		"AWS::ApiGateway::Stage":                  {`"StageName": "prod"`, "prod", "", ""},
		"AWS::ApiGateway::Authorizer":             {``, "*", "AuthorizerId", "*"},
		"AWS::ApiGateway::Model":                  {`"Name": "n"`, "n", "", ""},
		"AWS::ApiGateway::RequestValidator":       {``, "*", "RequestValidatorId", "*"},
		"AWS::ApiGateway::GatewayResponse":        {``, "*", "Id", "*"},
		"AWS::ApiGateway::Account":                {``, "*", "Id", "*"},
		"AWS::ApiGateway::ApiKey":                 {``, "*", "APIKeyId", "*"},
		"AWS::ApiGateway::UsagePlan":              {``, "*", "Id", "*"},
		"AWS::ApiGateway::UsagePlanKey":           {``, "*", "Id", "*"},
		"AWS::SQS::QueuePolicy":                   {``, "*", "Id", "*"},
		"AWS::SNS::Subscription":                  {`"TopicArn": "arn:aws:sns` + arn + `t"`, "*", "Arn", "*"},
		"AWS::SNS::TopicPolicy":                   {``, "*", "Id", "*"},
		"AWS::S3::BucketPolicy":                   {`"Bucket": "b"`, "b", "", ""},
		"AWS::CloudWatch::CompositeAlarm":         {`"AlarmName": "n"`, "n", "Arn", "arn:aws:cloudwatch" + arn + "alarm:n"},
		"AWS::CloudWatch::Dashboard":              {`"DashboardName": "n"`, "n", "", ""},
		"AWS::SSM::Parameter":                     {`"Name": "/a/b", "Value": "v"`, "/a/b", "Value", "v"},
		"AWS::SecretsManager::Secret":             {`"Name": "n"`, "*", "Id", "*"},
		"AWS::SQS::Queue":                         {`"QueueName": "n"`, "https://sqs.eu-west-1.amazonaws.com/123456789012/n", "Arn", "arn:aws:sqs" + arn + "n"},
		"AWS::SNS::Topic":                         {`"TopicName": "n"`, "arn:aws:sns" + arn + "n", "TopicName", "n"},
		"AWS::S3::Bucket":                         {`"BucketName": "n"`, "n", "RegionalDomainName", "n.s3.eu-west-1.amazonaws.com"},
		"AWS::KMS::Key":                           {``, "*", "KeyId", "*"},
		"AWS::KMS::Alias":                         {`"AliasName": "alias/n"`, "alias/n", "", ""},
		"AWS::CloudWatch::Alarm":                  {`"AlarmName": "n"`, "n", "Arn", "arn:aws:cloudwatch" + arn + "alarm:n"},
		"AWS::DynamoDB::Table":                    {`"TableName": "n"`, "n", "Arn", "arn:aws:dynamodb" + arn + "table/n"},
		"AWS::CDK::Metadata":                      {``, "*", "", ""},
		"AWS::CloudFormation::Stack":              {`"TemplateURL": "t.yaml"`, "*", "", ""},
	}
	for typeName, of := range resourceTypes() {
		tt, ok := want[typeName]
		if !ok {
			t.Errorf("%s is not in this test", typeName)
			continue
		}
		res := identified(t, "stack", typeName, tt.properties)
		if !res.Known() || res.Ref == "" || tt.ref != "*" && res.Ref != tt.ref {
			t.Errorf("%s: Ref is %q, want %q", typeName, res.Ref, tt.ref)
		}
		if got, ok := res.Attribute(tt.attribute); tt.attribute != "" && (!ok || tt.value != "*" && got != tt.value) {
			t.Errorf("%s: %s is %q, want %q", typeName, tt.attribute, got, tt.value)
		}
		for name := range of.attributes {
			if got, _ := res.Attribute(name); got == "" {
				t.Errorf("%s: %s is empty", typeName, name)
			}
		}
		long := identified(t, strings.Repeat("s", 128), typeName, "")
		if len(long.Name) > max(of.maxName, len("alias/")+of.maxName) || long.Name == "" {
			t.Errorf("%s: a formed name is %q", typeName, long.Name)
		}
		if of.nameProperty == "" && tt.properties != "" {
			continue
		}
		if again := identified(t, "stack", typeName, tt.properties); again.Ref != res.Ref {
			t.Errorf("%s: Ref is %q and then %q", typeName, res.Ref, again.Ref)
		}
	}
	if len(want) != len(resourceTypes()) {
		t.Errorf("the table has %d types, this test %d", len(resourceTypes()), len(want))
	}
}

func TestFormedNames(t *testing.T) {
	for _, tt := range []struct{ stack, typeName, properties, prefix, suffix string }{
		{"orders", "AWS::Lambda::Function", ``, "orders-R-", ""},
		{"orders", "AWS::StepFunctions::StateMachine", ``, "R-", ""},
		{"Orders", "AWS::S3::Bucket", ``, "orders-r-", ""},
		{"orders", "AWS::SQS::Queue", `"FifoQueue": true`, "orders-R-", ".fifo"},
		{"orders", "AWS::SNS::Topic", `"FifoTopic": "true"`, "orders-R-", ".fifo"},
		{"orders", "AWS::KMS::Alias", ``, "alias/orders-R-", ""},
		{strings.Repeat("s", 100), "AWS::Lambda::Function", ``, strings.Repeat("s", 49) + "-R-", ""},
		{"orders", "AWS::Scheduler::Schedule", `"Name": {"Ref": "AWS::NoValue"}`, "orders-R-", ""},
	} {
		name := identified(t, tt.stack, tt.typeName, tt.properties).Name
		rest, ok := strings.CutPrefix(name, tt.prefix)
		rest, ends := strings.CutSuffix(rest, tt.suffix)
		if !ok || !ends || len(rest) != 12 {
			t.Errorf("%s in %s is called %q", tt.typeName, tt.stack, name)
		}
	}
	if a, b := identified(t, "a", "AWS::SQS::Queue", "").Name, identified(t, "b", "AWS::SQS::Queue", "").Name; a[1:] == b[1:] {
		t.Errorf("two stacks form the names %s and %s", a, b)
	}
}

func TestFormedNameSharesRoom(t *testing.T) {
	r := &resolver{in: Input{StackName: strings.Repeat("s", 60)}}
	for _, tt := range []struct {
		logicalID   string
		stack, mine int // characters of each in a name of 64
	}{
		{strings.Repeat("r", 10), 40, 10},
		{strings.Repeat("r", 25), 25, 25},
		{strings.Repeat("r", 60), 25, 25},
	} {
		i := identity{r: r, res: &resource{Resource: &Resource{LogicalID: tt.logicalID}, known: resourceType{maxName: 64}}}
		name := i.formedName()
		if strings.Count(name, "s-") == 0 || len(name) != tt.stack+tt.mine+14 || !strings.HasPrefix(name, strings.Repeat("s", tt.stack)+"-"+strings.Repeat("r", tt.mine)+"-") {
			t.Errorf("%s: %s", tt.logicalID, name)
		}
	}
}

// TestFunctionTable sees to it that every member of the table survives arguments of every kind.
func TestFunctionTable(t *testing.T) {
	for name := range functions() {
		for _, arg := range []string{`null`, `1`, `""`, `"x"`, `[]`, `[null]`, `["",""]`, `[1,2,3]`, `["a",["b"],{"c":1}]`, `{}`, `{"a":[]}`, `{"Ref":"AWS::NoValue"}`, `[{"Ref":"AWS::NoValue"},{"Ref":"AWS::NoValue"}]`} {
			doc, err := ReadJSON("t.json", []byte(`{"Resources": {"R": {"Type": "x", "Properties": {"P": {"`+name+`": `+arg+`}}}}}`))
			if err != nil {
				t.Fatal(err)
			}
			if tmpl, err := Resolve(doc, Input{StackName: "s"}); (tmpl == nil) == (err == nil) {
				t.Errorf("%s of %s: %v, %v", name, arg, tmpl, err)
			}
		}
	}
}
