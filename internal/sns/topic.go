package sns

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
)

const (
	maxTopics = 100_000
	maxTags   = 50
)

var topicName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// topicAttributes are those that can be set, beside those of delivery status, with what is wrong with a value ("" for nothing).
var topicAttributes = map[string]func(v string) bool{
	"Policy":                    isObject,                          // who may use the topic
	"DeliveryPolicy":            isObject,                          // how HTTP endpoints are tried again
	"DisplayName":               func(string) bool { return true }, // of e-mail
	"FifoTopic":                 isBool,                            // of a topic whose name ends in .fifo
	"ContentBasedDeduplication": isBool,                            // of FIFO topics
	"FifoThroughputScope":       func(v string) bool { return v == "Topic" || v == "MessageGroup" },
	"KmsMasterKeyId":            func(string) bool { return true }, // kept
	"TracingConfig":             func(v string) bool { return v == "PassThrough" || v == "Active" },
	"SignatureVersion":          func(v string) bool { return v == "1" || v == "2" },
}

// usualTopicAttributes are what topics have that were not given them.
var usualTopicAttributes = map[string]string{"FifoTopic": "false", "ContentBasedDeduplication": "false", "SignatureVersion": "1", "TracingConfig": "PassThrough"}

// feedback are the attributes of delivery status: roles and rates by protocol. They are kept.
var feedback = regexp.MustCompile(`^(HTTP|Firehose|Lambda|Application|SQS)((Success|Failure)FeedbackRoleArn|SuccessFeedbackSampleRate)$`)

func isObject(v string) bool {
	var o map[string]any
	return v == "" || json.Unmarshal([]byte(v), &o) == nil
}

func isBool(v string) bool { _, err := strconv.ParseBool(v); return err == nil }

// checkAttribute refuses what an attribute of a topic cannot be.
func checkAttribute(name, v string, fifo bool) error {
	ok, known := topicAttributes[name]
	switch {
	case name == "ArchivePolicy":
		return invalid("ArchivePolicy Reason: messages are not archived here")
	case !known && !feedback.MatchString(name):
		return invalid("AttributeName")
	case known && !ok(v), name == "ContentBasedDeduplication" && !fifo:
		return invalid("Attributes Reason: %s cannot be %.200q", name, v)
	}
	return nil
}

// CreateTopic creates a topic and returns its ARN. One of the name that has the same attributes is no error. The error may be InvalidParameter,
// TagLimitExceeded or TopicLimitExceeded.
func (s *Service) CreateTopic(name string, attributes, tags map[string]string) (string, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	r, err := newTopic(name, attributes, tags)
	if err != nil {
		return "", err
	}
	s.mu.RLock()
	t, n := s.topics[name], len(s.topics)
	s.mu.RUnlock()
	if t != nil {
		has := s.recordOf(t)
		for key, v := range attributes {
			was, set := has.Attributes[key]
			if !set {
				was = usualTopicAttributes[key]
			}
			if was != v {
				return "", invalid("Attributes Reason: Topic already exists with different attributes")
			}
		}
		for key, v := range tags {
			if was, ok := has.Tags[key]; !ok || was != v {
				return "", invalid("Tags Reason: Topic already exists with different tags")
			}
		}
		return s.ARN(name), nil
	}
	if n >= maxTopics {
		return "", sfn.Refuse(TopicLimitExceeded, "Topic limit of %d exceeded", maxTopics)
	}
	return s.ARN(name), s.storeTopic(r)
}

// PutTopic creates a topic, or gives the one of the name these attributes and tags in the place of all that it has; its subscriptions stay.
func (s *Service) PutTopic(name string, attributes, tags map[string]string) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	r, err := newTopic(name, attributes, tags)
	if err != nil {
		return err
	}
	return s.storeTopic(r)
}

// newTopic checks what a topic is to be.
func newTopic(name string, attributes, tags map[string]string) (*topicRecord, error) {
	fifo := attributes["FifoTopic"] == "true"
	plain, suffixed := strings.CutSuffix(name, fifoSuffix)
	switch {
	case fifo && (!suffixed || !topicName.MatchString(plain)):
		return nil, invalid("Topic Name Reason: Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long.")
	case !fifo && !topicName.MatchString(name), len(name) > 256:
		return nil, invalid("Topic Name")
	}
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		if err := checkAttribute(key, attributes[key], fifo); err != nil {
			return nil, err
		}
	}
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	return &topicRecord{Name: name, Attributes: maps.Clone(attributes), Tags: maps.Clone(tags)}, nil
}

// storeTopic replaces what a topic is. s.changing is held.
func (s *Service) storeTopic(r *topicRecord) error {
	if err := s.cfg.Journal.Write([]Change{set(topicsCollection, r.Name, r)}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.topics[r.Name]; t != nil {
		t.record = *r
	} else {
		s.topics[r.Name] = s.newTopic(*r)
	}
	return nil
}

// editTopic changes a copy of a topic and stores that.
func (s *Service) editTopic(arn string, edit func(*topicRecord) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	t, err := s.find(arn)
	if err != nil {
		return err
	}
	r := s.recordOf(t)
	r.Attributes, r.Tags = maps.Clone(r.Attributes), maps.Clone(r.Tags)
	for _, m := range []*map[string]string{&r.Attributes, &r.Tags} {
		if *m == nil {
			*m = map[string]string{}
		}
	}
	if err := edit(&r); err != nil {
		return err
	}
	return s.storeTopic(&r)
}

// SetTopicAttribute sets one attribute; "" unsets it. The error may be NotFound or InvalidParameter.
func (s *Service) SetTopicAttribute(arn, name, v string) error {
	return s.editTopic(arn, func(r *topicRecord) error {
		if name == "FifoTopic" {
			return invalid("AttributeName")
		}
		if v == "" {
			delete(r.Attributes, name)
			return nil
		}
		r.Attributes[name] = v
		return checkAttribute(name, v, r.fifo())
	})
}

// DeleteTopic deletes a topic with its subscriptions. One that is not there is no error. The error may be InvalidParameter.
func (s *Service) DeleteTopic(arn string) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	t, err := s.find(arn)
	if err != nil {
		if e, ok := err.(*sfn.Exception); ok && e.Name == NotFound {
			return nil
		}
		return err
	}
	name := s.recordOf(t).Name
	changes := []Change{{Collection: topicsCollection, Key: name}}
	gone := s.subscriptionsOf(arn)
	for _, sub := range gone {
		changes = append(changes, Change{Collection: subscriptionsCollection, Key: sub.ARN})
	}
	if err := s.cfg.Journal.Write(changes); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.topics, name)
	for _, sub := range gone {
		delete(s.subscriptions, sub.ARN)
	}
	return nil
}

// usualPolicy is the policy of a topic that has no other.
func (s *Service) usualPolicy(arn string) string {
	text, _ := json.Marshal(map[string]any{ // texts encode
		"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": []any{map[string]any{
			"Sid": "__default_statement_ID", "Effect": "Allow", "Principal": map[string]string{"AWS": "*"},
			"Action": []string{"SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission", "SNS:DeleteTopic",
				"SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish"},
			"Resource": arn, "Condition": map[string]any{"StringEquals": map[string]string{"AWS:SourceOwner": s.Account()}},
		}},
	})
	return string(text)
}

// TopicAttributes returns all attributes of a topic. The error may be NotFound or InvalidParameter.
func (s *Service) TopicAttributes(arn string) (map[string]string, error) {
	t, err := s.find(arn)
	if err != nil {
		return nil, err
	}
	r := s.recordOf(t)
	confirmed, pending := 0, 0
	for _, sub := range s.subscriptionsOf(arn) {
		if sub.Confirmed {
			confirmed++
		} else {
			pending++
		}
	}
	a := map[string]string{
		"TopicArn": arn, "Owner": s.Account(), "DisplayName": "", "Policy": s.usualPolicy(arn), "SubscriptionsConfirmed": strconv.Itoa(confirmed),
		"SubscriptionsPending": strconv.Itoa(pending), "SubscriptionsDeleted": "0", "EffectiveDeliveryPolicy": parseTopicDelivery(r.Attributes["DeliveryPolicy"]).effective().text(),
	}
	if r.fifo() {
		a["ContentBasedDeduplication"] = "false"
	}
	maps.Copy(a, r.Attributes)
	if text := a["DeliveryPolicy"]; text != "" {
		a["DeliveryPolicy"] = parseTopicDelivery(text).text()
	}
	return a, nil
}

// Topics lists the ARNs of all topics, in their order.
func (s *Service) Topics() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []string
	for _, name := range slices.Sorted(maps.Keys(s.topics)) {
		list = append(list, s.ARN(name))
	}
	return list
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return sfn.Refuse(TagLimitExceeded, "Could not complete request: tag quota of per resource exceeded")
	}
	return nil
}

// missingResource turns the error about a topic into that of requests about tags.
func missingResource(err error) error {
	if e, ok := err.(*sfn.Exception); ok && e.Name == NotFound {
		return sfn.Refuse(ResourceNotFound, "Resource does not exist")
	}
	return err
}

// Tags returns a topic's tags. The error may be ResourceNotFound or InvalidParameter.
func (s *Service) Tags(arn string) (map[string]string, error) {
	t, err := s.find(arn)
	if err != nil {
		return nil, missingResource(err)
	}
	return maps.Clone(s.recordOf(t).Tags), nil
}

// TagTopic adds tags to a topic. The error may be ResourceNotFound, TagLimitExceeded or InvalidParameter.
func (s *Service) TagTopic(arn string, tags map[string]string) error {
	return missingResource(s.editTopic(arn, func(r *topicRecord) error {
		maps.Copy(r.Tags, tags)
		return checkTags(r.Tags)
	}))
}

// UntagTopic takes tags off a topic. The error may be ResourceNotFound or InvalidParameter.
func (s *Service) UntagTopic(arn string, keys []string) error {
	return missingResource(s.editTopic(arn, func(r *topicRecord) error {
		maps.DeleteFunc(r.Tags, func(key, _ string) bool { return slices.Contains(keys, key) })
		return nil
	}))
}
