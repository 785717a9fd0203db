//go:build unix

package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// These tests do what Terraform's provider does for a resource: create it, wait for it, read it back with every call that fills its attributes, read
// it again as a plan does, update, publish, delete, and see that it is gone. What is read twice must be the same, or each plan would show a change.

// refresh reads with all calls twice, and fails if a call does or the two do not agree. It returns what the calls read.
func refresh(t *testing.T, calls ...func() (any, error)) []any {
	t.Helper()
	read := func() []any {
		var all []any
		for i, call := range calls {
			out, err := call()
			if err != nil {
				t.Fatalf("read %d: %v", i+1, err)
			}
			all = append(all, out)
		}
		return all
	}
	first, second := read(), read()
	a, _ := json.Marshal(first)
	b, _ := json.Marshal(second)
	if string(a) != string(b) {
		t.Errorf("a plan would show a change:\n%s\n%s", a, b)
	}
	return second
}

// asked makes a call one of refresh's.
func asked[T any](call func() (T, error)) func() (any, error) {
	return func() (any, error) { return call() }
}

// missing checks that an error is of AWS's type for what is not there.
func missing[T error](t *testing.T, what string, err error) {
	t.Helper()
	var want T
	if !errors.As(err, &want) {
		t.Errorf("%s: %v, want %v", what, err, reflect.TypeFor[T]())
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestTerraformFunction(t *testing.T) {
	_, c := lambdaServer(t)
	ctx, name := t.Context(), aws.String("tf")
	code, err := probeZip()
	if err != nil {
		t.Fatal(err)
	}
	must[*awslambda.CreateFunctionOutput](t)(c.CreateFunction(ctx, &awslambda.CreateFunctionInput{
		FunctionName: name, Role: aws.String(functionRole), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Publish: true,
		Code: &types.FunctionCode{ZipFile: code}, Timeout: aws.Int32(20), MemorySize: aws.Int32(256), PackageType: types.PackageTypeZip,
		Architectures: []types.Architecture{types.ArchitectureX8664}, EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(1024)},
		Environment: &types.Environment{Variables: map[string]string{"NAME": "b"}}, Tags: map[string]string{"k": "v"},
		TracingConfig: &types.TracingConfig{Mode: types.TracingModeActive},
		LoggingConfig: &types.LoggingConfig{LogFormat: types.LogFormatJson, ApplicationLogLevel: types.ApplicationLogLevelWarn, SystemLogLevel: types.SystemLogLevelWarn},
	}))
	if err := awslambda.NewFunctionActiveV2Waiter(c).Wait(ctx, &awslambda.GetFunctionInput{FunctionName: name}, 1e10); err != nil {
		t.Fatal(err)
	}
	must[*awslambda.PutFunctionConcurrencyOutput](t)(c.PutFunctionConcurrency(ctx, &awslambda.PutFunctionConcurrencyInput{FunctionName: name, ReservedConcurrentExecutions: aws.Int32(3)}))
	reads := []func() (any, error){
		asked(func() (*awslambda.GetFunctionOutput, error) {
			return c.GetFunction(ctx, &awslambda.GetFunctionInput{FunctionName: name})
		}),
		asked(func() (*awslambda.ListVersionsByFunctionOutput, error) {
			return c.ListVersionsByFunction(ctx, &awslambda.ListVersionsByFunctionInput{FunctionName: name, MaxItems: aws.Int32(10000)})
		}),
		asked(func() (*awslambda.GetFunctionCodeSigningConfigOutput, error) {
			return c.GetFunctionCodeSigningConfig(ctx, &awslambda.GetFunctionCodeSigningConfigInput{FunctionName: name})
		}),
		asked(func() (*awslambda.ListProvisionedConcurrencyConfigsOutput, error) {
			return c.ListProvisionedConcurrencyConfigs(ctx, &awslambda.ListProvisionedConcurrencyConfigsInput{FunctionName: name})
		}),
		asked(func() (*awslambda.GetFunctionConcurrencyOutput, error) {
			return c.GetFunctionConcurrency(ctx, &awslambda.GetFunctionConcurrencyInput{FunctionName: name})
		}),
		asked(func() (*awslambda.ListTagsOutput, error) {
			return c.ListTags(ctx, &awslambda.ListTagsInput{Resource: aws.String("arn:aws:lambda:us-east-1:000000000000:function:tf")})
		}),
	}
	var none *types.ProvisionedConcurrencyConfigNotFoundException
	_, err = c.GetProvisionedConcurrencyConfig(ctx, &awslambda.GetProvisionedConcurrencyConfigInput{FunctionName: name, Qualifier: aws.String("1")})
	if !errors.As(err, &none) {
		t.Errorf("a configuration of provisioned concurrency: %v", err)
	}
	must[*awslambda.DeleteProvisionedConcurrencyConfigOutput](t)(c.DeleteProvisionedConcurrencyConfig(ctx, &awslambda.DeleteProvisionedConcurrencyConfigInput{
		FunctionName: name, Qualifier: aws.String("1"),
	}))
	read := refresh(t, reads...)
	f, versions := read[0].(*awslambda.GetFunctionOutput), read[1].(*awslambda.ListVersionsByFunctionOutput).Versions
	latest := versions[len(versions)-1]
	for _, a := range [][3]any{
		{"memory", *f.Configuration.MemorySize, int32(256)}, {"timeout", *f.Configuration.Timeout, int32(20)}, {"storage", *f.Configuration.EphemeralStorage.Size, int32(1024)},
		{"tracing", f.Configuration.TracingConfig.Mode, types.TracingModeActive}, {"logs", f.Configuration.LoggingConfig.ApplicationLogLevel, types.ApplicationLogLevelWarn},
		{"group", *f.Configuration.LoggingConfig.LogGroup, "/aws/lambda/tf"}, {"package", f.Configuration.PackageType, types.PackageTypeZip},
		{"architecture", f.Configuration.Architectures[0], types.ArchitectureX8664}, {"tag", f.Tags["k"], "v"}, {"variable", f.Configuration.Environment.Variables["NAME"], "b"},
		{"concurrency", *f.Concurrency.ReservedConcurrentExecutions, int32(3)}, {"latest version", *latest.Version, "1"},
		{"qualified ARN", *latest.FunctionArn, *f.Configuration.FunctionArn + ":1"}, {"size", f.Configuration.CodeSize, int64(len(code))},
	} {
		equal[any](t, a[0].(string), a[1], a[2])
	}
	qualified := must[*awslambda.GetFunctionOutput](t)(c.GetFunction(ctx, &awslambda.GetFunctionInput{FunctionName: name, Qualifier: aws.String("1")}))
	if qualified.Concurrency != nil || len(qualified.Tags) != 0 {
		t.Errorf("a version shows %+v and %v", qualified.Concurrency, qualified.Tags)
	}
	// An update: configuration, code, concurrency, tags, and a version of it.
	must[*awslambda.UpdateFunctionConfigurationOutput](t)(c.UpdateFunctionConfiguration(ctx, &awslambda.UpdateFunctionConfigurationInput{
		FunctionName: name, MemorySize: aws.Int32(512), Description: aws.String("second"), Environment: &types.Environment{Variables: map[string]string{}},
		Layers: []string{}, FileSystemConfigs: []types.FileSystemConfig{}, DeadLetterConfig: &types.DeadLetterConfig{TargetArn: aws.String("")},
	}))
	if err := awslambda.NewFunctionUpdatedV2Waiter(c).Wait(ctx, &awslambda.GetFunctionInput{FunctionName: name}, 1e10); err != nil {
		t.Fatal(err)
	}
	must[*awslambda.UpdateFunctionCodeOutput](t)(c.UpdateFunctionCode(ctx, &awslambda.UpdateFunctionCodeInput{FunctionName: name, ZipFile: code, Architectures: []types.Architecture{types.ArchitectureX8664}}))
	must[*awslambda.DeleteFunctionConcurrencyOutput](t)(c.DeleteFunctionConcurrency(ctx, &awslambda.DeleteFunctionConcurrencyInput{FunctionName: name}))
	must[*awslambda.DeleteFunctionCodeSigningConfigOutput](t)(c.DeleteFunctionCodeSigningConfig(ctx, &awslambda.DeleteFunctionCodeSigningConfigInput{FunctionName: name}))
	arn := f.Configuration.FunctionArn
	must[*awslambda.TagResourceOutput](t)(c.TagResource(ctx, &awslambda.TagResourceInput{Resource: arn, Tags: map[string]string{"l": "w"}}))
	must[*awslambda.UntagResourceOutput](t)(c.UntagResource(ctx, &awslambda.UntagResourceInput{Resource: arn, TagKeys: []string{"k"}}))
	must[*awslambda.PublishVersionOutput](t)(c.PublishVersion(ctx, &awslambda.PublishVersionInput{FunctionName: name}))
	read = refresh(t, reads...)
	f, versions = read[0].(*awslambda.GetFunctionOutput), read[1].(*awslambda.ListVersionsByFunctionOutput).Versions
	if f.Concurrency != nil || len(f.Configuration.Environment.Variables) != 0 || f.Tags["l"] != "w" || len(f.Tags) != 1 || *f.Configuration.Description != "second" || len(versions) != 3 {
		t.Errorf("after the update: %+v, %d versions", f.Configuration, len(versions))
	}
	terraformSatellites(t, c, name)
	must[*awslambda.DeleteFunctionOutput](t)(c.DeleteFunction(ctx, &awslambda.DeleteFunctionInput{FunctionName: name}))
	_, err = c.GetFunction(ctx, &awslambda.GetFunctionInput{FunctionName: name})
	missing[*types.ResourceNotFoundException](t, "GetFunction", err)
	_, err = c.GetFunctionConfiguration(ctx, &awslambda.GetFunctionConfigurationInput{FunctionName: name})
	missing[*types.ResourceNotFoundException](t, "GetFunctionConfiguration", err)
	_, err = c.DeleteFunction(ctx, &awslambda.DeleteFunctionInput{FunctionName: name})
	missing[*types.ResourceNotFoundException](t, "DeleteFunction", err)
	_, err = c.ListTags(ctx, &awslambda.ListTagsInput{Resource: arn})
	missing[*types.ResourceNotFoundException](t, "ListTags", err)
}

// terraformSatellites does the same for what belongs to a function: a permission, an alias, a URL, settings of events, of the runtime and of loops.
func terraformSatellites(t *testing.T, c *awslambda.Client, name *string) {
	t.Helper()
	ctx, sid, alias := t.Context(), aws.String("AllowScheduler"), aws.String("live")
	_, err := c.GetPolicy(ctx, &awslambda.GetPolicyInput{FunctionName: name})
	missing[*types.ResourceNotFoundException](t, "GetPolicy before", err)
	must[*awslambda.AddPermissionOutput](t)(c.AddPermission(ctx, &awslambda.AddPermissionInput{
		FunctionName: name, StatementId: sid, Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("events.amazonaws.com"), SourceArn: aws.String("arn:aws:events:us-east-1:000000000000:rule/r"),
	}))
	must[*awslambda.CreateAliasOutput](t)(c.CreateAlias(ctx, &awslambda.CreateAliasInput{FunctionName: name, Name: alias, FunctionVersion: aws.String("1")}))
	must[*awslambda.UpdateAliasOutput](t)(c.UpdateAlias(ctx, &awslambda.UpdateAliasInput{
		FunctionName: name, Name: alias, FunctionVersion: aws.String("2"), RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"1": 0.5}},
	}))
	made := must[*awslambda.CreateFunctionUrlConfigOutput](t)(c.CreateFunctionUrlConfig(ctx, &awslambda.CreateFunctionUrlConfigInput{
		FunctionName: name, Qualifier: alias, AuthType: types.FunctionUrlAuthTypeNone, InvokeMode: types.InvokeModeBuffered, Cors: &types.Cors{AllowOrigins: []string{"*"}},
	}))
	must[*awslambda.AddPermissionOutput](t)(c.AddPermission(ctx, &awslambda.AddPermissionInput{
		FunctionName: name, Qualifier: alias, StatementId: aws.String("FunctionURLAllowPublicAccess"), Action: aws.String("lambda:InvokeFunctionUrl"), Principal: aws.String("*"),
		FunctionUrlAuthType: types.FunctionUrlAuthTypeNone,
	}))
	must[*awslambda.PutFunctionEventInvokeConfigOutput](t)(c.PutFunctionEventInvokeConfig(ctx, &awslambda.PutFunctionEventInvokeConfigInput{FunctionName: name, MaximumRetryAttempts: aws.Int32(0)}))
	must[*awslambda.PutRuntimeManagementConfigOutput](t)(c.PutRuntimeManagementConfig(ctx, &awslambda.PutRuntimeManagementConfigInput{FunctionName: name, UpdateRuntimeOn: types.UpdateRuntimeOnFunctionUpdate}))
	must[*awslambda.PutFunctionRecursionConfigOutput](t)(c.PutFunctionRecursionConfig(ctx, &awslambda.PutFunctionRecursionConfigInput{FunctionName: name, RecursiveLoop: types.RecursiveLoopAllow}))
	read := refresh(t,
		asked(func() (*awslambda.GetPolicyOutput, error) {
			return c.GetPolicy(ctx, &awslambda.GetPolicyInput{FunctionName: name})
		}),
		asked(func() (*awslambda.GetAliasOutput, error) {
			return c.GetAlias(ctx, &awslambda.GetAliasInput{FunctionName: name, Name: alias})
		}),
		asked(func() (*awslambda.GetFunctionUrlConfigOutput, error) {
			return c.GetFunctionUrlConfig(ctx, &awslambda.GetFunctionUrlConfigInput{FunctionName: name, Qualifier: alias})
		}),
		asked(func() (*awslambda.GetFunctionEventInvokeConfigOutput, error) {
			return c.GetFunctionEventInvokeConfig(ctx, &awslambda.GetFunctionEventInvokeConfigInput{FunctionName: name})
		}),
		asked(func() (*awslambda.GetRuntimeManagementConfigOutput, error) {
			return c.GetRuntimeManagementConfig(ctx, &awslambda.GetRuntimeManagementConfigInput{FunctionName: name})
		}),
		asked(func() (*awslambda.GetFunctionRecursionConfigOutput, error) {
			return c.GetFunctionRecursionConfig(ctx, &awslambda.GetFunctionRecursionConfigInput{FunctionName: name})
		}),
	)
	equal(t, "the alias's version", *read[1].(*awslambda.GetAliasOutput).FunctionVersion, "2")
	equal(t, "the URL", *read[2].(*awslambda.GetFunctionUrlConfigOutput).FunctionUrl, *made.FunctionUrl)
	equal(t, "the retries", *read[3].(*awslambda.GetFunctionEventInvokeConfigOutput).MaximumRetryAttempts, 0)
	equal(t, "the runtime's update", read[4].(*awslambda.GetRuntimeManagementConfigOutput).UpdateRuntimeOn, types.UpdateRuntimeOnFunctionUpdate)
	equal(t, "the loop", read[5].(*awslambda.GetFunctionRecursionConfigOutput).RecursiveLoop, types.RecursiveLoopAllow)
	must[*awslambda.DeleteFunctionUrlConfigOutput](t)(c.DeleteFunctionUrlConfig(ctx, &awslambda.DeleteFunctionUrlConfigInput{FunctionName: name, Qualifier: alias}))
	must[*awslambda.RemovePermissionOutput](t)(c.RemovePermission(ctx, &awslambda.RemovePermissionInput{FunctionName: name, StatementId: sid}))
	must[*awslambda.DeleteFunctionEventInvokeConfigOutput](t)(c.DeleteFunctionEventInvokeConfig(ctx, &awslambda.DeleteFunctionEventInvokeConfigInput{FunctionName: name}))
	must[*awslambda.DeleteAliasOutput](t)(c.DeleteAlias(ctx, &awslambda.DeleteAliasInput{FunctionName: name, Name: alias}))
	_, err = c.GetFunctionUrlConfig(ctx, &awslambda.GetFunctionUrlConfigInput{FunctionName: name, Qualifier: alias})
	missing[*types.ResourceNotFoundException](t, "GetFunctionUrlConfig", err)
	_, err = c.GetPolicy(ctx, &awslambda.GetPolicyInput{FunctionName: name})
	missing[*types.ResourceNotFoundException](t, "GetPolicy", err)
	_, err = c.GetFunctionEventInvokeConfig(ctx, &awslambda.GetFunctionEventInvokeConfigInput{FunctionName: name})
	missing[*types.ResourceNotFoundException](t, "GetFunctionEventInvokeConfig", err)
	_, err = c.GetAlias(ctx, &awslambda.GetAliasInput{FunctionName: name, Name: alias})
	missing[*types.ResourceNotFoundException](t, "GetAlias", err)
}

func TestTerraformStateMachine(t *testing.T) {
	c := openEndpoint(t, vfs.NewMem()).client(t, "test", "us-east-1")
	ctx := t.Context()
	valid := must[*awssfn.ValidateStateMachineDefinitionOutput](t)(c.ValidateStateMachineDefinition(ctx, &awssfn.ValidateStateMachineDefinitionInput{Definition: aws.String(passing), Type: sfntypes.StateMachineTypeStandard}))
	equal(t, "the definition", valid.Result, sfntypes.ValidateStateMachineDefinitionResultCodeOk)
	made := must[*awssfn.CreateStateMachineOutput](t)(c.CreateStateMachine(ctx, &awssfn.CreateStateMachineInput{
		Name: aws.String("tf"), Definition: aws.String(passing), RoleArn: aws.String(role), Type: sfntypes.StateMachineTypeStandard, Publish: true,
		Tags: []sfntypes.Tag{{Key: aws.String("k"), Value: aws.String("v")}}, TracingConfiguration: &sfntypes.TracingConfiguration{Enabled: true},
		LoggingConfiguration: &sfntypes.LoggingConfiguration{Level: sfntypes.LogLevelOff},
	}))
	arn := made.StateMachineArn
	reads := []func() (any, error){
		asked(func() (*awssfn.DescribeStateMachineOutput, error) {
			return c.DescribeStateMachine(ctx, &awssfn.DescribeStateMachineInput{StateMachineArn: arn})
		}),
		asked(func() (*awssfn.ListStateMachineVersionsOutput, error) {
			return c.ListStateMachineVersions(ctx, &awssfn.ListStateMachineVersionsInput{StateMachineArn: arn})
		}),
		asked(func() (*awssfn.ListTagsForResourceOutput, error) {
			return c.ListTagsForResource(ctx, &awssfn.ListTagsForResourceInput{ResourceArn: arn})
		}),
	}
	read := refresh(t, reads...)
	m := read[0].(*awssfn.DescribeStateMachineOutput)
	equal(t, "the definition", *m.Definition, passing)
	equal(t, "the status", m.Status, sfntypes.StateMachineStatusActive)
	equal(t, "tracing", m.TracingConfiguration.Enabled, true)
	equal(t, "the level", m.LoggingConfiguration.Level, sfntypes.LogLevelOff)
	equal(t, "the version", *read[1].(*awssfn.ListStateMachineVersionsOutput).StateMachineVersions[0].StateMachineVersionArn, *arn+":1")
	equal(t, "the tag", *read[2].(*awssfn.ListTagsForResourceOutput).Tags[0].Value, "v")
	other := `{"StartAt":"Q","States":{"Q":{"Type":"Succeed"}}}`
	must[*awssfn.UpdateStateMachineOutput](t)(c.UpdateStateMachine(ctx, &awssfn.UpdateStateMachineInput{
		StateMachineArn: arn, Definition: aws.String(other), RoleArn: aws.String(role), Publish: true, VersionDescription: aws.String(""),
	}))
	must[*awssfn.TagResourceOutput](t)(c.TagResource(ctx, &awssfn.TagResourceInput{ResourceArn: arn, Tags: []sfntypes.Tag{{Key: aws.String("l"), Value: aws.String("w")}}}))
	must[*awssfn.UntagResourceOutput](t)(c.UntagResource(ctx, &awssfn.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"k"}}))
	read = refresh(t, reads...)
	m = read[0].(*awssfn.DescribeStateMachineOutput)
	equal(t, "the definition", *m.Definition, other)
	equal(t, "the latest version", *read[1].(*awssfn.ListStateMachineVersionsOutput).StateMachineVersions[0].StateMachineVersionArn, *arn+":2")
	if m.RevisionId == nil || *m.RevisionId == "" {
		t.Error("no revision")
	}
	must[*awssfn.DeleteStateMachineOutput](t)(c.DeleteStateMachine(ctx, &awssfn.DeleteStateMachineInput{StateMachineArn: arn}))
	_, err := c.DescribeStateMachine(ctx, &awssfn.DescribeStateMachineInput{StateMachineArn: arn})
	missing[*sfntypes.StateMachineDoesNotExist](t, "DescribeStateMachine", err)
	_, err = c.ListTagsForResource(ctx, &awssfn.ListTagsForResourceInput{ResourceArn: arn})
	missing[*sfntypes.ResourceNotFound](t, "ListTagsForResource", err)
	must[*awssfn.DeleteStateMachineOutput](t)(c.DeleteStateMachine(ctx, &awssfn.DeleteStateMachineInput{StateMachineArn: arn}))

	activity := must[*awssfn.CreateActivityOutput](t)(c.CreateActivity(ctx, &awssfn.CreateActivityInput{Name: aws.String("tf")}))
	refresh(t, asked(func() (*awssfn.DescribeActivityOutput, error) {
		return c.DescribeActivity(ctx, &awssfn.DescribeActivityInput{ActivityArn: activity.ActivityArn})
	}))
	must[*awssfn.DeleteActivityOutput](t)(c.DeleteActivity(ctx, &awssfn.DeleteActivityInput{ActivityArn: activity.ActivityArn}))
	_, err = c.DescribeActivity(ctx, &awssfn.DescribeActivityInput{ActivityArn: activity.ActivityArn})
	missing[*sfntypes.ActivityDoesNotExist](t, "DescribeActivity", err)
}

func TestTerraformLogGroup(t *testing.T) {
	_, c := serveLogs(t)
	ctx, name := t.Context(), aws.String("/tf/group")
	key := aws.String("arn:aws:kms:us-east-1:000000000000:key/k")
	must[*cloudwatchlogs.CreateLogGroupOutput](t)(c.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{
		LogGroupName: name, LogGroupClass: logtypes.LogGroupClassStandard, Tags: map[string]string{"k": "v"}, KmsKeyId: key, DeletionProtectionEnabled: aws.Bool(true),
	}))
	must[*cloudwatchlogs.CreateLogGroupOutput](t)(c.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/tf/group/of/another")}))
	must[*cloudwatchlogs.PutRetentionPolicyOutput](t)(c.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: name, RetentionInDays: aws.Int32(14)}))
	find := func() (*logtypes.LogGroup, error) {
		pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(c, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: name})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, g := range page.LogGroups {
				if *g.LogGroupName == *name {
					return &g, nil
				}
			}
		}
		return nil, fmt.Errorf("there is no %s", *name)
	}
	arn := "arn:aws:logs:us-east-1:000000000000:log-group:/tf/group"
	reads := []func() (any, error){asked(find), asked(func() (*cloudwatchlogs.ListTagsForResourceOutput, error) {
		return c.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: &arn})
	})}
	read := refresh(t, reads...)
	g := read[0].(*logtypes.LogGroup)
	equal(t, "the ARN", *g.Arn, arn+":*")
	equal(t, "the class", g.LogGroupClass, logtypes.LogGroupClassStandard)
	equal(t, "the retention", *g.RetentionInDays, 14)
	equal(t, "the key", *g.KmsKeyId, *key)
	equal(t, "the protection", *g.DeletionProtectionEnabled, true)
	equal(t, "the tag", read[1].(*cloudwatchlogs.ListTagsForResourceOutput).Tags["k"], "v")
	_, err := c.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: name})
	missing[*logtypes.ValidationException](t, "the deletion of a protected group", err)
	must[*cloudwatchlogs.PutLogGroupDeletionProtectionOutput](t)(c.PutLogGroupDeletionProtection(ctx, &cloudwatchlogs.PutLogGroupDeletionProtectionInput{LogGroupIdentifier: &arn, DeletionProtectionEnabled: aws.Bool(false)}))
	must[*cloudwatchlogs.DisassociateKmsKeyOutput](t)(c.DisassociateKmsKey(ctx, &cloudwatchlogs.DisassociateKmsKeyInput{LogGroupName: name}))
	must[*cloudwatchlogs.AssociateKmsKeyOutput](t)(c.AssociateKmsKey(ctx, &cloudwatchlogs.AssociateKmsKeyInput{ResourceIdentifier: &arn, KmsKeyId: key}))
	must[*cloudwatchlogs.DeleteRetentionPolicyOutput](t)(c.DeleteRetentionPolicy(ctx, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: name}))
	must[*cloudwatchlogs.TagResourceOutput](t)(c.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"l": "w"}}))
	must[*cloudwatchlogs.UntagResourceOutput](t)(c.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"k"}}))
	g = refresh(t, reads...)[0].(*logtypes.LogGroup)
	if g.RetentionInDays != nil || g.KmsKeyId == nil || *g.DeletionProtectionEnabled {
		t.Errorf("after the update: %+v", g)
	}
	must[*cloudwatchlogs.DeleteLogGroupOutput](t)(c.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: name}))
	if _, err := find(); err == nil {
		t.Error("the group is there after its deletion")
	}
	_, err = c.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: &arn})
	missing[*logtypes.ResourceNotFoundException](t, "ListTagsForResource", err)
}
