package sns

import (
	"encoding/json"
	"regexp"
	"slices"
)

// policy is a topic's policy as AddPermission changes it. Statements are kept as they are.
type policy struct {
	Version   string            `json:"Version"`
	ID        string            `json:"Id,omitempty"`
	Statement []json.RawMessage `json:"Statement"`
}

// statement is what AddPermission adds.
type statement struct {
	Sid       string         `json:"Sid"`
	Effect    string         `json:"Effect"`
	Principal map[string]any `json:"Principal"`
	Action    any            `json:"Action"`
	Resource  string         `json:"Resource"`
}

// grantable are the actions that a policy of a topic can be about (API reference, AddPermission; developer guide, "Amazon SNS API permissions").
var grantable = []string{
	"GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "Subscribe", "ListSubscriptionsByTopic", "Publish", "Receive",
	"GetDataProtectionPolicy", "PutDataProtectionPolicy", "ListTagsForResource", "TagResource", "UntagResource",
}

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

// AddPermission adds a statement to a topic's policy. The error may be NotFound or InvalidParameter.
func (s *Service) AddPermission(arn, label string, accounts, actions []string) error {
	switch {
	case label == "":
		return invalid("Label")
	case len(accounts) == 0:
		return invalid("AWSAccountId")
	case len(actions) == 0:
		return invalid("ActionName")
	}
	return s.editPolicy(arn, func(p *policy) error {
		if slices.ContainsFunc(p.Statement, func(one json.RawMessage) bool { return sid(one) == label }) {
			return invalid("Statement already exists")
		}
		var principals, granted []string
		for _, a := range accounts {
			if !accountID.MatchString(a) {
				return invalid("AWSAccountId")
			}
			principals = append(principals, "arn:"+s.cfg.Place.Partition+":iam::"+a+":root")
		}
		for _, a := range actions {
			if !slices.Contains(grantable, a) {
				return invalid("Policy statement action out of service scope!")
			}
			granted = append(granted, "SNS:"+a)
		}
		text, err := json.Marshal(statement{label, "Allow", map[string]any{"AWS": oneOrMany(principals)}, oneOrMany(granted), arn})
		p.Statement = append(p.Statement, text)
		return err
	})
}

// RemovePermission takes a statement out of a topic's policy. One that is not there is no error. The error may be NotFound or InvalidParameter.
func (s *Service) RemovePermission(arn, label string) error {
	return s.editPolicy(arn, func(p *policy) error {
		p.Statement = slices.DeleteFunc(p.Statement, func(one json.RawMessage) bool { return sid(one) == label })
		return nil
	})
}

// editPolicy changes the policy of a topic, the usual one if it has no other.
func (s *Service) editPolicy(arn string, edit func(*policy) error) error {
	return s.editTopic(arn, func(r *topicRecord) error {
		text := r.Attributes["Policy"]
		if text == "" {
			text = s.usualPolicy(arn)
		}
		var p policy
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			return invalid("Policy")
		}
		if err := edit(&p); err != nil {
			return err
		}
		out, err := json.Marshal(p)
		r.Attributes["Policy"] = string(out)
		return err
	})
}

// sid is the label of a statement, "" for none.
func sid(one json.RawMessage) string {
	var st struct{ Sid string }
	_ = json.Unmarshal(one, &st) // one that is none has no label
	return st.Sid
}

// oneOrMany is a list as policies have it: a single text stands without brackets.
func oneOrMany(list []string) any {
	if len(list) == 1 {
		return list[0]
	}
	return list
}
