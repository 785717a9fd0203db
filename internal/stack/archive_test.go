package stack_test

import (
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/trigger"
)

const archiveTemplate = `{"Resources":{
	"Bus":{"Type":"AWS::Events::EventBus","Properties":{"Name":"shop","Description":"d","Tags":[{"Key":"team","Value":"a"}],"DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:q"},
		"Policy":{"Version":"2012-10-17","Statement":[{"Sid":"whole","Effect":"Allow","Principal":"*","Action":"events:PutEvents","Resource":"*"}]}}},
	"Account":{"Type":"AWS::Events::EventBusPolicy","Properties":{"EventBusName":{"Ref":"Bus"},"StatementId":"account","Action":"events:PutEvents","Principal":"111111111111"}},
	"Statement":{"Type":"AWS::Events::EventBusPolicy","Properties":{"EventBusName":{"Ref":"Bus"},"StatementId":"statement",
		"Statement":{"Effect":"Allow","Principal":"*","Action":"events:PutEvents","Resource":{"Fn::GetAtt":["Bus","Arn"]}}}},
	"Rule":{"Type":"AWS::Events::Rule","Properties":{"Name":"r","EventBusName":{"Ref":"Bus"},"EventPattern":{"source":["me"]},"Tags":[{"Key":"team","Value":"b"}]}},
	"Archive":{"Type":"AWS::Events::Archive","Properties":{"SourceArn":{"Fn::GetAtt":["Bus","Arn"]},"RetentionDays":3,"EventPattern":{"source":["me"]}}},
	"Named":{"Type":"AWS::Events::Archive","Properties":{"ArchiveName":"named","SourceArn":{"Fn::GetAtt":["Bus","Arn"]},"Description":{"Ref":"Archive"}}}}}`

// A bus with its tags and policy, and archives, as a template has them.
func TestArchiveOfATemplate(t *testing.T) {
	s, _ := open(t, project(t, map[string]string{"app.template.json": archiveTemplate}))
	e := s.Events()
	b, err := e.Bus("shop")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"Sid":"whole"`, `{"Sid":"account","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"}`, `"Resource":"` + e.BusARN("shop") + `","Sid":"statement"}`} {
		if !strings.Contains(b.Policy, want) {
			t.Errorf("the policy %s lacks %s", b.Policy, want)
		}
	}
	tags, err := e.TagsOf(e.RuleARN("shop", "r"))
	if err != nil || len(tags) != 1 || tags[0].Value != "b" || len(b.Tags) != 1 || b.Tags[0].Value != "a" || b.DeadLetters == nil {
		t.Errorf("the rule has %v, %v, the bus is %+v", tags, err, b)
	}
	if _, err := e.PutEvents([]trigger.EventEntry{{Source: "me", DetailType: "t", Detail: "{}", Bus: "shop"}, {Source: "you", DetailType: "t", Detail: "{}", Bus: "shop"}}); err != nil {
		t.Fatal(err)
	}
	named, err := e.Archive("named")
	if err != nil || named.Events() != 2 {
		t.Fatalf("%d events, %v", named.Events(), err)
	}
	formed, err := e.Archive(named.Description)
	if err != nil || formed.Events() != 1 || formed.RetentionDays != 3 || len(formed.Name) > 48 {
		t.Errorf("archive %+v, %v", formed, err)
	}
}
