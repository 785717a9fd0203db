package api

import (
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/sns"
)

// snsProtocol is how SNS is spoken to: by the query protocol, which is translated. The target is known here alone.
var snsProtocol = protocol{
	route:       route{title: "Amazon SNS", target: "AmazonSNS", version: "2010-03-31", scope: "sns", hosts: []string{"sns"}},
	contentType: json10,
	maxBytes:    maxTranslated,
	exceptions: map[sfn.ExceptionName]exception{
		sns.NotFound:                  {"", http.StatusNotFound},
		sns.ResourceNotFound:          {"", http.StatusNotFound},
		sns.SubscriptionLimitExceeded: {"", http.StatusForbidden},
		sns.TopicLimitExceeded:        {"", http.StatusForbidden},
	},
	refused: map[string]string{
		"CreatePlatformApplication": "nothing is sent to apps from here",
		"CreatePlatformEndpoint":    "nothing is sent to apps from here",
		"SetSMSAttributes":          "nothing is sent to telephones from here",
		"PutDataProtectionPolicy":   "messages are not looked into here",
	},
}

// topics serves the API of Amazon SNS, version 2010-03-31.
type topics struct {
	service *sns.Service
	now     func() time.Time
}

func newTopics(c *Config) *topics { return &topics{service: c.Topics, now: c.Now} }

// snsOperations is the table of all operations that are served.
var snsOperations = map[string]operation[*topics]{
	"AddPermission":             op((*topics).addPermission),             // lets other accounts use a topic
	"ConfirmSubscription":       op((*topics).confirmSubscription),       // by the token that the endpoint got
	"CreateTopic":               op((*topics).createTopic),               // standard or FIFO
	"DeleteTopic":               op((*topics).deleteTopic),               // with its subscriptions
	"GetSubscriptionAttributes": op((*topics).getSubscriptionAttributes), // settings
	"GetTopicAttributes":        op((*topics).getTopicAttributes),        // settings and counts
	"ListSubscriptions":         op((*topics).listSubscriptions),         // all
	"ListSubscriptionsByTopic":  op((*topics).listSubscriptionsByTopic),  // of a topic
	"ListTagsForResource":       op((*topics).listTagsForResource),       // of a topic
	"ListTopics":                op((*topics).listTopics),                // all
	"Publish":                   op((*topics).publish),                   // one message
	"PublishBatch":              op((*topics).publishBatch),              // up to ten
	"RemovePermission":          op((*topics).removePermission),          // and no longer
	"SetSubscriptionAttributes": op((*topics).setSubscriptionAttributes), // changes one
	"SetTopicAttributes":        op((*topics).setTopicAttributes),        // changes one
	"Subscribe":                 op((*topics).subscribe),                 // a queue, function or HTTP endpoint
	"TagResource":               op((*topics).tagResource),               // adds tags
	"Unsubscribe":               op((*topics).unsubscribe),               // takes a subscription away
	"UntagResource":             op((*topics).untagResource),             // removes tags
}

type topicTag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

func tagMap(list []topicTag) (map[string]string, error) {
	var tags map[string]string
	for _, t := range list {
		if tags == nil {
			tags = map[string]string{}
		}
		if _, twice := tags[t.Key]; twice {
			return nil, sfn.Refuse(sns.InvalidParameter, "Invalid parameter: Duplicated keys are not allowed.")
		}
		tags[t.Key] = t.Value
	}
	return tags, nil
}

type createTopicInput struct {
	Name       string            `json:"Name"`
	Attributes map[string]string `json:"Attributes"`
	Tags       []topicTag        `json:"Tags"`
}

type topicInput struct {
	TopicARN string `json:"TopicArn"`
}

func (t *topics) createTopic(_ context.Context, in *createTopicInput) (*topicInput, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	arn, err := t.service.CreateTopic(in.Name, in.Attributes, tags)
	return &topicInput{arn}, err
}

func (t *topics) deleteTopic(_ context.Context, in *topicInput) (nothing, error) {
	return nothing{}, t.service.DeleteTopic(in.TopicARN)
}

type topicPermissionInput struct {
	topicInput
	Label    string   `json:"Label"`
	Accounts []string `json:"AWSAccountId"`
	Actions  []string `json:"ActionName"`
}

func (t *topics) addPermission(_ context.Context, in *topicPermissionInput) (nothing, error) {
	return nothing{}, t.service.AddPermission(in.TopicARN, in.Label, in.Accounts, in.Actions)
}

func (t *topics) removePermission(_ context.Context, in *topicPermissionInput) (nothing, error) {
	return nothing{}, t.service.RemovePermission(in.TopicARN, in.Label)
}

type attributesOutput struct {
	Attributes map[string]string `json:"Attributes"`
}

func (t *topics) getTopicAttributes(_ context.Context, in *topicInput) (*attributesOutput, error) {
	attributes, err := t.service.TopicAttributes(in.TopicARN)
	return &attributesOutput{attributes}, err
}

type setAttributeInput struct {
	TopicARN        string `json:"TopicArn"`
	SubscriptionARN string `json:"SubscriptionArn"`
	AttributeName   string `json:"AttributeName"`
	AttributeValue  string `json:"AttributeValue"`
}

func (t *topics) setTopicAttributes(_ context.Context, in *setAttributeInput) (nothing, error) {
	return nothing{}, t.service.SetTopicAttribute(in.TopicARN, in.AttributeName, in.AttributeValue)
}

func (t *topics) setSubscriptionAttributes(_ context.Context, in *setAttributeInput) (nothing, error) {
	return nothing{}, t.service.SetSubscriptionAttribute(in.SubscriptionARN, in.AttributeName, in.AttributeValue)
}

// maxTopicsPage is how many topics or subscriptions a response lists.
const maxTopicsPage = 100

// page cuts a list of which the length is known by the position in the token.
func (t *topics) page(scope string, n int, token sfn.OptString) (from, to int, next string, err error) {
	if token.Text == "" {
		token.Set = false
	}
	position, err := openToken(scope, token, t.now())
	if err != nil {
		return 0, 0, "", sfn.Refuse(sns.InvalidParameter, "Invalid parameter: NextToken")
	}
	from, _ = strconv.Atoi(position) // 0 without a token; a token's position is one that was put there
	from = min(from, n)
	if to = min(n, from+maxTopicsPage); to < n {
		next = pageToken(scope, strconv.Itoa(to), t.now())
	}
	return from, to, next, nil
}

type listTopicsInput struct {
	topicInput
	NextToken sfn.OptString `json:"NextToken"`
}

type listTopicsOutput struct {
	Topics    []topicInput `json:"Topics"`
	NextToken string       `json:"NextToken,omitempty"`
}

func (t *topics) listTopics(_ context.Context, in *listTopicsInput) (*listTopicsOutput, error) {
	all := t.service.Topics()
	from, to, next, err := t.page("ListTopics", len(all), in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listTopicsOutput{Topics: []topicInput{}, NextToken: next}
	for _, arn := range all[from:to] {
		out.Topics = append(out.Topics, topicInput{arn})
	}
	return out, nil
}

type listedSubscription struct {
	SubscriptionARN string `json:"SubscriptionArn"`
	Owner           string `json:"Owner"`
	Protocol        string `json:"Protocol"`
	Endpoint        string `json:"Endpoint"`
	TopicARN        string `json:"TopicArn"`
}

type listSubscriptionsOutput struct {
	Subscriptions []listedSubscription `json:"Subscriptions"`
	NextToken     string               `json:"NextToken,omitempty"`
}

// pendingARN stands for the ARN of a subscription that is not confirmed.
const pendingARN = "PendingConfirmation"

func (t *topics) listOf(scope, topicARN string, token sfn.OptString) (*listSubscriptionsOutput, error) {
	all, err := t.service.Subscriptions(topicARN)
	if err != nil {
		return nil, err
	}
	from, to, next, err := t.page(scope+"\x00"+topicARN, len(all), token)
	if err != nil {
		return nil, err
	}
	out := &listSubscriptionsOutput{Subscriptions: []listedSubscription{}, NextToken: next}
	for _, s := range all[from:to] {
		one := listedSubscription{s.ARN, t.service.Account(), s.Protocol, s.Endpoint, s.TopicARN}
		if !s.Confirmed {
			one.SubscriptionARN = pendingARN
		}
		out.Subscriptions = append(out.Subscriptions, one)
	}
	return out, nil
}

func (t *topics) listSubscriptions(_ context.Context, in *listTopicsInput) (*listSubscriptionsOutput, error) {
	return t.listOf("ListSubscriptions", "", in.NextToken)
}

func (t *topics) listSubscriptionsByTopic(_ context.Context, in *listTopicsInput) (*listSubscriptionsOutput, error) {
	if in.TopicARN == "" {
		return nil, sfn.Refuse(sns.InvalidParameter, "Invalid parameter: TopicArn")
	}
	return t.listOf("ListSubscriptionsByTopic", in.TopicARN, in.NextToken)
}

type subscribeInput struct {
	topicInput
	Protocol   string            `json:"Protocol"`
	Endpoint   string            `json:"Endpoint"`
	Attributes map[string]string `json:"Attributes"`
	ReturnARN  bool              `json:"ReturnSubscriptionArn"`
}

type subscriptionInput struct {
	SubscriptionARN string `json:"SubscriptionArn"`
}

func (t *topics) subscribe(_ context.Context, in *subscribeInput) (*subscriptionInput, error) {
	arn, pending, err := t.service.Subscribe(sns.SubscribeRequest{
		TopicARN: in.TopicARN, Protocol: in.Protocol, Endpoint: in.Endpoint, Attributes: in.Attributes,
	})
	if pending && !in.ReturnARN {
		arn = "pending confirmation"
	}
	return &subscriptionInput{arn}, err
}

type confirmSubscriptionInput struct {
	topicInput
	Token string `json:"Token"`
}

func (t *topics) confirmSubscription(_ context.Context, in *confirmSubscriptionInput) (*subscriptionInput, error) {
	arn, err := t.service.ConfirmSubscription(in.TopicARN, in.Token)
	return &subscriptionInput{arn}, err
}

func (t *topics) unsubscribe(_ context.Context, in *subscriptionInput) (nothing, error) {
	return nothing{}, t.service.Unsubscribe(in.SubscriptionARN)
}

func (t *topics) getSubscriptionAttributes(_ context.Context, in *subscriptionInput) (*attributesOutput, error) {
	attributes, err := t.service.SubscriptionAttributes(in.SubscriptionARN)
	return &attributesOutput{attributes}, err
}

type topicTagsInput struct {
	ResourceARN string     `json:"ResourceArn"`
	Tags        []topicTag `json:"Tags"`
	TagKeys     []string   `json:"TagKeys"`
}

type topicTagsOutput struct {
	Tags []topicTag `json:"Tags"`
}

func (t *topics) listTagsForResource(_ context.Context, in *topicTagsInput) (*topicTagsOutput, error) {
	tags, err := t.service.Tags(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	out := &topicTagsOutput{Tags: []topicTag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.Tags = append(out.Tags, topicTag{key, tags[key]})
	}
	return out, nil
}

func (t *topics) tagResource(_ context.Context, in *topicTagsInput) (nothing, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, t.service.TagTopic(in.ResourceARN, tags)
}

func (t *topics) untagResource(_ context.Context, in *topicTagsInput) (nothing, error) {
	return nothing{}, t.service.UntagTopic(in.ResourceARN, in.TagKeys)
}

// notice is a message of a request.
type notice struct {
	ID         string                    `json:"Id"` // in a batch
	Message    string                    `json:"Message"`
	Subject    sfn.OptString             `json:"Subject"`
	Structure  string                    `json:"MessageStructure"`
	Attributes map[string]attributeValue `json:"MessageAttributes"`
	Dedup      string                    `json:"MessageDeduplicationId"`
	Group      string                    `json:"MessageGroupId"`
}

// message is what is to be published. A subject that is there and empty is refused, which is not the same as none.
func (n *notice) message() (sns.Message, error) {
	if n.Subject.Set && n.Subject.Text == "" {
		return sns.Message{}, sfn.Refuse(sns.InvalidParameter, "Invalid parameter: Subject")
	}
	m := sns.Message{Body: n.Message, Subject: n.Subject.Text, Structure: n.Structure, Dedup: n.Dedup, Group: n.Group}
	for name, a := range n.Attributes {
		if m.Attributes == nil {
			m.Attributes = map[string]sns.Attribute{}
		}
		m.Attributes[name] = sns.Attribute{DataType: a.DataType, String: a.StringValue, Binary: a.BinaryValue}
	}
	return m, nil
}

type publishInput struct {
	notice
	TopicARN    sfn.OptString `json:"TopicArn"`
	TargetARN   sfn.OptString `json:"TargetArn"`
	PhoneNumber string        `json:"PhoneNumber"`
}

type publishOutput struct {
	ID             string `json:"Id,omitempty"` // in a batch
	MessageID      string `json:"MessageId"`
	SequenceNumber string `json:"SequenceNumber,omitempty"`
}

func (t *topics) publish(_ context.Context, in *publishInput) (*publishOutput, error) {
	arn := in.TopicARN
	if !arn.Set {
		arn = in.TargetARN
	}
	switch {
	case in.PhoneNumber != "" && !phoneNumber.MatchString(in.PhoneNumber):
		return nil, sfn.Refuse(sns.InvalidParameter, "Invalid parameter: PhoneNumber Reason: %.100s is not valid to publish to", in.PhoneNumber)
	case in.PhoneNumber != "":
		return nil, sfn.Refuse(sns.InvalidParameter, "Invalid parameter: PhoneNumber Reason: nothing is sent to telephones from here")
	case !arn.Set:
		return nil, sfn.Refuse(sns.InvalidParameter, "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter")
	}
	if a, err := sfn.ParseARN(arn.Text); err == nil && strings.HasPrefix(a.Resource, "endpoint/") { // apps have none here
		return nil, sfn.Refuse(sns.InvalidParameter, "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified")
	}
	m, err := in.message()
	if err != nil {
		return nil, err
	}
	p, err := t.service.Publish(arn.Text, m)
	if err != nil {
		return nil, err
	}
	return &publishOutput{MessageID: p.ID, SequenceNumber: p.Sequence}, nil
}

type publishBatchInput struct {
	topicInput
	Entries []notice `json:"PublishBatchRequestEntries"`
}

// phoneNumber is what can be the number of a telephone.
var phoneNumber = regexp.MustCompile(`^\+?[0-9 ()-]+$`)

// publishBatchOutput always has both lists, as the query protocol does.
type publishBatchOutput struct {
	Successful []publishOutput `json:"Successful"`
	Failed     []batchFailure  `json:"Failed"`
}

func (t *topics) publishBatch(_ context.Context, in *publishBatchInput) (*publishBatchOutput, error) {
	if err := checkNotices(in.Entries); err != nil {
		return nil, err
	}
	size := 0
	messages := make([]sns.Message, 0, len(in.Entries))
	for i := range in.Entries {
		m, err := in.Entries[i].message()
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
		size += messages[i].Size()
	}
	if size > sns.MaxMessageBytes {
		return nil, sfn.Refuse(sns.BatchRequestTooLong, "The length of all the messages put together is more than the limit.")
	}
	published, err := t.service.PublishAll(in.TopicARN, messages)
	if err != nil {
		return nil, err
	}
	out := &publishBatchOutput{Successful: []publishOutput{}, Failed: []batchFailure{}}
	for i, p := range published {
		out.Successful = append(out.Successful, publishOutput{in.Entries[i].ID, p.ID, p.Sequence})
	}
	return out, nil
}

// checkNotices refuses a batch for its number of entries or their ids.
func checkNotices(entries []notice) error {
	switch {
	case len(entries) == 0:
		return sfn.Refuse(sns.EmptyBatchRequest, "The batch request doesn't contain any entries.")
	case len(entries) > sns.MaxBatch:
		return sfn.Refuse(sns.TooManyEntriesInBatchRequest, "The batch request contains more entries than permissible.")
	}
	seen := map[string]bool{}
	for _, e := range entries {
		if !batchID.MatchString(e.ID) {
			return sfn.Refuse(sns.InvalidBatchEntryID, "The Id of a batch entry in a batch request doesn't abide by the specification.")
		}
		if seen[e.ID] {
			return sfn.Refuse(sns.BatchEntryIDsNotDistinct, "Two or more batch entries in the request have the same Id.")
		}
		seen[e.ID] = true
	}
	return nil
}
