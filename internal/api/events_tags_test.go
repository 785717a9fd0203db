//go:build unix

package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

func eventTags(pairs ...string) []types.Tag {
	var tags []types.Tag
	for i := 0; i < len(pairs); i += 2 {
		tags = append(tags, types.Tag{Key: aws.String(pairs[i]), Value: aws.String(pairs[i+1])})
	}
	return tags
}

func shownTags(tags []types.Tag) string {
	text := ""
	for _, t := range tags {
		text += fmt.Sprintf("%s=%s ", *t.Key, *t.Value)
	}
	return text
}

// What Terraform does for a rule and its bus: tags at creation, others later, some taken off. PutRule changes no tags of a rule that is there.
func TestTerraformRuleTags(t *testing.T) {
	_, c, _ := serveEvents(t)
	ctx := t.Context()
	bus := must[*eventbridge.CreateEventBusOutput](t)(c.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("my-event-bus"), Tags: eventTags("tag2", "b", "tag1", "a")}))
	put := func(bus *string, tags []types.Tag) *string {
		return must[*eventbridge.PutRuleOutput](t)(c.PutRule(ctx, &eventbridge.PutRuleInput{
			Name: aws.String("r"), EventBusName: bus, EventPattern: aws.String(`{"source":["me"]}`), Tags: tags,
		})).RuleArn
	}
	onDefault, onBus := put(nil, eventTags("tag1", "a")), put(aws.String("my-event-bus"), nil)
	put(nil, eventTags("tag1", "other"))
	for _, arn := range []*string{onDefault, onBus, bus.EventBusArn} {
		must[*eventbridge.TagResourceOutput](t)(c.TagResource(ctx, &eventbridge.TagResourceInput{ResourceARN: arn, Tags: eventTags("tag3", "c", "tag2", "")}))
		must[*eventbridge.UntagResourceOutput](t)(c.UntagResource(ctx, &eventbridge.UntagResourceInput{ResourceARN: arn, TagKeys: []string{"tag3", "none"}}))
	}
	for _, test := range []struct {
		arn  *string
		want string
	}{{onDefault, "tag1=a tag2= "}, {onBus, "tag2= "}, {bus.EventBusArn, "tag1=a tag2= "}, {aws.String("arn:aws:events:us-east-1:000000000000:event-bus/default"), ""}} {
		read := refresh(t, asked(func() (*eventbridge.ListTagsForResourceOutput, error) {
			return c.ListTagsForResource(ctx, &eventbridge.ListTagsForResourceInput{ResourceARN: test.arn})
		}))
		equal(t, *test.arn, shownTags(read[0].(*eventbridge.ListTagsForResourceOutput).Tags), test.want)
	}
	_, err := c.ListTagsForResource(ctx, &eventbridge.ListTagsForResourceInput{ResourceARN: aws.String(*onBus + "x")})
	missing[*types.ResourceNotFoundException](t, "ListTagsForResource", err)
}

func TestEventTagRefusals(t *testing.T) {
	url, c, _ := serveEvents(t)
	must[*eventbridge.PutRuleOutput](t)(c.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["me"]}`)}))
	const (
		arn      = `"arn:aws:events:us-east-1:000000000000:`
		detected = " validation error detected: "
	)
	var many []string
	for i := range 51 {
		many = append(many, fmt.Sprintf(`{"Key":"k%d","Value":"v"}`, i))
	}
	for _, test := range []struct{ operation, body, kind, message string }{
		{"TagResource", `{"ResourceARN":` + arn + `rule/none","Tags":[]}`, "ResourceNotFoundException", "Rule none does not exist on EventBus default."},
		{"TagResource", `{"ResourceARN":` + arn + `rule/none/r","Tags":[]}`, "ResourceNotFoundException", "Event bus none does not exist."},
		{"UntagResource", `{"ResourceARN":` + arn + `event-bus/none","TagKeys":["a"]}`, "ResourceNotFoundException", "Event bus none does not exist."},
		{"ListTagsForResource", `{"ResourceARN":` + arn + `rule/none"}`, "ResourceNotFoundException", "Rule none does not exist on EventBus default."},
		{"ListTagsForResource", `{"ResourceARN":"rule/r"}`, "ValidationException", "Parameter ResourceARN is not valid. Reason: Provided Arn is not in correct format."},
		{"ListTagsForResource", `{"ResourceARN":` + arn + `connection/c/1"}`, "ValidationException", "Parameter ResourceARN is not valid. Reason: Only rules and event buses have tags."},
		{"TagResource", `{"ResourceARN":` + arn + `rule/r","Tags":[{"Key":"aws:x","Value":""}]}`, "ValidationException", "Tag keys that begin with aws: are reserved: aws:x."},
		{"TagResource", `{"ResourceARN":` + arn + `rule/r","Tags":[` + strings.Join(many, ",") + `]}`, "ValidationException", "The number of tags exceeds the limit of 50."},
		{"TagResource", `{"ResourceARN":` + arn + `rule/r"}`, "com.amazon.coral.validate#ValidationException", "1" + detected + "Value null at 'tags' failed to satisfy constraint: Member must not be null"},
		{"PutRule", `{"Name":"r","EventPattern":"{}","Tags":[{"Key":"","Value":"v"}]}`, "com.amazon.coral.validate#ValidationException",
			"1" + detected + "Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1"},
	} {
		if a := post(t, url, "AWSEvents."+test.operation, test.body); a.Type != test.kind || a.Message != test.message || a.status != 400 {
			t.Errorf("%s %.80s:\n got %d %s %s\nwant %s %s", test.operation, test.body, a.status, a.Type, a.Message, test.kind, test.message)
		}
	}
}
