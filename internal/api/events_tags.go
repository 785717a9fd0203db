package api

import (
	"context"
	"strconv"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
)

// eventsTag is a tag of a rule or an event bus in a request.
type eventsTag struct {
	Key   sfn.OptString `json:"Key"`
	Value sfn.OptString `json:"Value"`
}

// tags bounds the tags of a request.
func (c *constraints) tags(list []eventsTag) {
	for i, t := range list {
		path := "tags." + strconv.Itoa(i+1) + ".member."
		c.required(path+"key", t.Key)
		c.length(path+"key", t.Key, 1, 128)
		c.required(path+"value", t.Value)
		c.length(path+"value", t.Value, 0, 256)
	}
}

func eventsTags(in []eventsTag) []trigger.Tag {
	var list []trigger.Tag
	for _, t := range in {
		list = append(list, trigger.Tag{Key: t.Key.Text, Value: t.Value.Text})
	}
	return list
}

// maxEventsARN bounds ARNs in requests (API reference, TagResource).
const maxEventsARN = 1600

type eventsTagsInput struct {
	ResourceARN sfn.OptString   `json:"ResourceARN"`
	Tags        []eventsTag     `json:"Tags"`    // TagResource
	TagKeys     []sfn.OptString `json:"TagKeys"` // UntagResource
}

// resource bounds the ARN of what is tagged.
func (in *eventsTagsInput) resource(c *constraints) {
	c.required("resourceARN", in.ResourceARN)
	c.length("resourceARN", in.ResourceARN, 1, maxEventsARN)
}

func (s *eventBridge) tagResource(_ context.Context, in *eventsTagsInput) (nothing, error) {
	var c constraints
	in.resource(&c)
	if in.Tags == nil {
		c.add("null ", "tags", "Member must not be null")
	}
	c.tags(in.Tags)
	if err := c.err(); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.events.Tag(in.ResourceARN.Text, eventsTags(in.Tags))
}

func (s *eventBridge) untagResource(_ context.Context, in *eventsTagsInput) (nothing, error) {
	var c constraints
	in.resource(&c)
	if in.TagKeys == nil {
		c.add("null ", "tagKeys", "Member must not be null")
	}
	keys := make([]string, 0, len(in.TagKeys))
	for i, key := range in.TagKeys {
		c.length("tagKeys."+strconv.Itoa(i+1)+".member", key, 1, 128)
		keys = append(keys, key.Text)
	}
	if err := c.err(); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.events.Untag(in.ResourceARN.Text, keys)
}

type listEventsTagsOutput struct {
	Tags []trigger.Tag `json:"Tags"`
}

func (s *eventBridge) listTagsForResource(_ context.Context, in *eventsTagsInput) (*listEventsTagsOutput, error) {
	var c constraints
	in.resource(&c)
	if err := c.err(); err != nil {
		return nil, err
	}
	tags, err := s.events.TagsOf(in.ResourceARN.Text)
	if err != nil {
		return nil, err
	}
	return &listEventsTagsOutput{append([]trigger.Tag{}, tags...)}, nil
}
