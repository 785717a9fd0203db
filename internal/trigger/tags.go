package trigger

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
)

// Tag is a tag of a rule or a bus. The members are those of the wire.
type Tag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

// maxTags is how many tags a rule or a bus may have (user guide, "Tagging Amazon EventBridge resources").
const maxTags = 50

// mergeTags puts tags over others and returns all by key. The error may be ValidationException.
func mergeTags(old, over []Tag) ([]Tag, error) {
	byKey := map[string]string{}
	for _, t := range slices.Concat(old, over) {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return nil, invalidEvents("Tag keys that begin with aws: are reserved: %s.", t.Key)
		}
		byKey[t.Key] = t.Value
	}
	if len(byKey) > maxTags {
		return nil, invalidEvents("The number of tags exceeds the limit of %d.", maxTags)
	}
	var tags []Tag
	for key, text := range byKey {
		tags = append(tags, Tag{key, text})
	}
	slices.SortFunc(tags, func(a, b Tag) int { return cmp.Compare(a.Key, b.Key) })
	return tags, nil
}

// tagged takes the ARN of a rule or a bus apart; rule is "" for a bus. The error is the exception ValidationException.
func tagged(arn string) (bus, rule string, err error) {
	a, err := sfn.ParseARN(arn)
	if err != nil || a.Service != "events" {
		return "", "", invalidEvents("Parameter ResourceARN is not valid. Reason: Provided Arn is not in correct format.")
	}
	if name, ok := strings.CutPrefix(a.Resource, "event-bus/"); ok {
		return name, "", nil
	}
	name, ok := strings.CutPrefix(a.Resource, "rule/")
	if !ok || name == "" {
		return "", "", invalidEvents("Parameter ResourceARN is not valid. Reason: Only rules and event buses have tags.")
	}
	if bus, rule, custom := cutLast(name, "/"); custom {
		return bus, rule, nil
	}
	return DefaultBus, name, nil
}

// editTags changes the tags of a rule or a bus.
func (e *Events) editTags(arn string, edit func([]Tag) ([]Tag, error)) error {
	bus, rule, err := tagged(arn)
	if err != nil {
		return err
	}
	if rule == "" {
		return e.editBus(bus, func(b *Bus) (err error) {
			b.Tags, err = edit(b.Tags)
			return err
		})
	}
	return e.editRule(bus, rule, func(r *Rule) (err error) {
		r.Tags, err = edit(r.Tags)
		return err
	})
}

// Tag gives a rule or a bus, by its ARN, more tags, or other values to those it has. The error may be ResourceNotFoundException or ValidationException.
func (e *Events) Tag(arn string, tags []Tag) error {
	return e.editTags(arn, func(old []Tag) ([]Tag, error) { return mergeTags(old, tags) })
}

// Untag takes tags off a rule or a bus. Keys that it does not have are no error. The error may be ResourceNotFoundException or ValidationException.
func (e *Events) Untag(arn string, keys []string) error {
	return e.editTags(arn, func(old []Tag) ([]Tag, error) {
		return slices.DeleteFunc(slices.Clone(old), func(t Tag) bool { return slices.Contains(keys, t.Key) }), nil
	})
}

// TagsOf lists the tags of a rule or a bus by key. The error may be ResourceNotFoundException or ValidationException.
func (e *Events) TagsOf(arn string) ([]Tag, error) {
	bus, rule, err := tagged(arn)
	if err != nil {
		return nil, err
	}
	if rule == "" {
		b, err := e.Bus(bus)
		return b.Tags, err
	}
	r, err := e.Rule(bus, rule)
	return r.Tags, err
}
