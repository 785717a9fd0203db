//go:build unix

package api_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// What Terraform does for a bus with permissions and settings, which it reads back; the policies are as recorded on AWS.
func TestTerraformBusPolicy(t *testing.T) {
	_, c, _ := serveEvents(t)
	ctx := t.Context()
	for _, name := range []string{"default", "shop"} {
		bus, arn := aws.String(name), "arn:aws:events:us-east-1:000000000000:event-bus/"+name
		if name != "default" {
			must[*eventbridge.CreateEventBusOutput](t)(c.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: bus}))
		}
		policy := func() string {
			t.Helper()
			read := refresh(t, asked(func() (*eventbridge.DescribeEventBusOutput, error) {
				return c.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: bus})
			}), asked(func() (*eventbridge.ListEventBusesOutput, error) {
				return c.ListEventBuses(ctx, &eventbridge.ListEventBusesInput{NamePrefix: bus})
			}))
			described, listed := read[0].(*eventbridge.DescribeEventBusOutput), read[1].(*eventbridge.ListEventBusesOutput).EventBuses[0]
			equal(t, "the policy in the list", aws.ToString(listed.Policy), aws.ToString(described.Policy))
			if described.CreationTime == nil || described.LastModifiedTime.Before(*described.CreationTime) {
				t.Errorf("created %v, modified %v", described.CreationTime, described.LastModifiedTime)
			}
			return aws.ToString(described.Policy)
		}
		put := func(sid, principal string, condition *types.Condition) {
			t.Helper()
			must[*eventbridge.PutPermissionOutput](t)(c.PutPermission(ctx, &eventbridge.PutPermissionInput{
				EventBusName: bus, Action: aws.String("events:PutEvents"), Principal: aws.String(principal), StatementId: aws.String(sid), Condition: condition,
			}))
		}
		statement := func(sid, principal, condition string) string {
			return `{"Sid":"` + sid + `","Effect":"Allow","Principal":` + principal + `,"Action":"events:PutEvents","Resource":"` + arn + `"` + condition + `}`
		}
		wrapped := func(statements ...string) string {
			return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
		}
		one, everybody := statement("one", `{"AWS":"arn:aws:iam::111111111111:root"}`, ""), statement("org", `"*"`, `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`)
		equal(t, "policy at first", policy(), "")
		put("one", "222222222222", nil)
		put("org", "*", &types.Condition{Type: aws.String("StringEquals"), Key: aws.String("aws:PrincipalOrgID"), Value: aws.String("o-1")})
		put("one", "111111111111", nil)
		equal(t, "policy", policy(), wrapped(one, everybody))
		must[*eventbridge.RemovePermissionOutput](t)(c.RemovePermission(ctx, &eventbridge.RemovePermissionInput{EventBusName: bus, StatementId: aws.String("one")}))
		equal(t, "policy", policy(), wrapped(everybody))
		whole := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":["events:ListRules"],"Resource":"*"}}`
		must[*eventbridge.PutPermissionOutput](t)(c.PutPermission(ctx, &eventbridge.PutPermissionInput{EventBusName: bus, Policy: aws.String(whole)}))
		equal(t, "policy", policy(), whole)
		must[*eventbridge.RemovePermissionOutput](t)(c.RemovePermission(ctx, &eventbridge.RemovePermissionInput{EventBusName: bus, RemoveAllPermissions: true}))
		equal(t, "policy at last", policy(), "")

		updated := must[*eventbridge.UpdateEventBusOutput](t)(c.UpdateEventBus(ctx, &eventbridge.UpdateEventBusInput{
			Name: bus, Description: aws.String("d"), KmsKeyIdentifier: aws.String("alias/k"), DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String("arn:aws:sqs:us-east-1:000000000000:q")},
			LogConfig: &types.LogConfig{Level: types.LevelInfo, IncludeDetail: types.IncludeDetailFull},
		}))
		must[*eventbridge.UpdateEventBusOutput](t)(c.UpdateEventBus(ctx, &eventbridge.UpdateEventBusInput{Name: bus, KmsKeyIdentifier: aws.String("")}))
		got := must[*eventbridge.DescribeEventBusOutput](t)(c.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: aws.String(arn)}))
		if *updated.Arn != arn || *updated.KmsKeyIdentifier != "alias/k" || *got.Description != "d" || got.KmsKeyIdentifier != nil || got.LogConfig.Level != types.LevelInfo || !strings.HasSuffix(*got.DeadLetterConfig.Arn, ":q") {
			t.Errorf("updated %+v, got %+v", updated, got)
		}
	}
}

func TestPermissionRefusals(t *testing.T) {
	url, _, _ := serveEvents(t)
	for _, test := range []struct{ operation, body, kind, message string }{
		{"PutPermission", `{"EventBusName":"none","Action":"events:PutEvents","Principal":"*","StatementId":"s"}`, "ResourceNotFoundException", "Event bus none does not exist."},
		{"PutPermission", `{"Action":"events:PutRule","Principal":"*","StatementId":"s"}`, "ValidationException", "Provided value in parameter 'action' is not supported."},
		{"PutPermission", `{"Action":"events:PutEvents"}`, "ValidationException", "Parameter(s) StatementId, Action and Principal, or Policy, must be specified."},
		{"PutPermission", `{"Policy":"{}","StatementId":"s"}`, "ValidationException", "Policy cannot be given together with StatementId, Action, Principal or Condition."},
		{"PutPermission", `{"Policy":"{}"}`, "ValidationException", "Parameter Policy is not valid. Reason: It has no statements."},
		{"PutPermission", `{"Policy":"{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"a\",\"Resource\":\"*\"}]}"}`, "ValidationException", "Parameter Policy is not valid. Reason: A statement has no Principal."},
		{"PutPermission", `{"Policy":"{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"` + strings.Repeat("a", 10<<10) + `\",\"Resource\":\"*\",\"Principal\":\"*\"}]}"}`,
			"PolicyLengthExceededException", "Policy size would be larger than the maximum allowed."},
		{"PutPermission", `{"Action":"events:PutEvents","Principal":"x","StatementId":"s"}`, "com.amazon.coral.validate#ValidationException",
			`1 validation error detected: Value 'x' at 'principal' failed to satisfy constraint: Member must satisfy regular expression pattern: (\d{12}|\*)`},
		{"RemovePermission", `{"StatementId":"s"}`, "ResourceNotFoundException", "Statement with the provided id does not exist."},
		{"RemovePermission", `{"EventBusName":"none","RemoveAllPermissions":true}`, "ResourceNotFoundException", "Event bus none does not exist."},
		{"RemovePermission", `{}`, "ValidationException", "Parameter(s) StatementId or RemoveAllPermissions must be specified."},
		{"UpdateEventBus", `{"Name":"none"}`, "ResourceNotFoundException", "Event bus none does not exist."},
		{"UpdateEventBus", `{"LogConfig":{"Level":"LOUD"}}`, "com.amazon.coral.validate#ValidationException",
			"1 validation error detected: Value 'LOUD' at 'logConfig.level' failed to satisfy constraint: Member must satisfy enum value set: [OFF, ERROR, INFO, TRACE]"},
	} {
		if a := post(t, url, "AWSEvents."+test.operation, test.body); a.Type != test.kind || a.Message != test.message || a.status != 400 {
			t.Errorf("%s %.80s:\n got %d %s %s\nwant %s %s", test.operation, test.body, a.status, a.Type, a.Message, test.kind, test.message)
		}
	}
}
