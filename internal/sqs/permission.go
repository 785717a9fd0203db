package sqs

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
)

// policy is a queue's policy as AddPermission writes it. Statements of other forms are kept as they are.
type policy struct {
	Version   string            `json:"Version"`
	ID        string            `json:"Id,omitempty"`
	Statement []json.RawMessage `json:"Statement"`
}

type statement struct {
	Sid       string `json:"Sid"`
	Effect    string `json:"Effect"`
	Principal any    `json:"Principal"`
	Action    any    `json:"Action"`
	Resource  string `json:"Resource"`
}

// maxActions is how many actions one permission may have.
const maxActions = 7

var (
	permissionLabel = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)
	accountID       = regexp.MustCompile(`^[0-9]{12}$`)
	// grantable are the actions that an owner can let others do (developer guide, "Amazon SQS API permissions").
	grantable = []string{"*", "SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes", "GetQueueUrl", "ListDeadLetterSourceQueues", "PurgeQueue"}
)

// AddPermission adds a statement to the queue's policy. The error may be QueueDoesNotExist, InvalidParameterValue, MissingParameter or OverLimit.
func (s *Store) AddPermission(name, label string, accounts, actions []string) error {
	switch {
	case label == "":
		return missing("Label")
	case !permissionLabel.MatchString(label):
		return invalid(label, "Label", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.")
	case len(actions) == 0:
		return missing("Actions")
	case len(accounts) == 0:
		return invalid("[]", "PrincipalId", "Unable to verify.")
	case len(actions) > maxActions:
		return sfn.Refuse(OverLimit, "%d Actions were found, maximum allowed is 7.", len(actions))
	}
	st := statement{Sid: label, Effect: "Allow", Resource: s.ARN(name)}
	var principals, granted []string
	for _, a := range actions {
		if !slices.Contains(grantable, a) {
			return invalid("SQS:"+a, "ActionName", "Only the queue owner is allowed to invoke this action.")
		}
		granted = append(granted, "SQS:"+a)
	}
	for _, a := range accounts {
		if !accountID.MatchString(a) {
			return invalid("["+strings.Join(accounts, ", ")+"]", "PrincipalId", "Unable to verify.")
		}
		principals = append(principals, "arn:"+s.place.Partition+":iam::"+a+":root")
	}
	st.Action, st.Principal = oneOrMany(granted), map[string]any{"AWS": oneOrMany(principals)}
	return s.edit(name, func(q *queue) (*settings, map[string]string, error) {
		p := policy{Version: "2008-10-17", ID: q.arn() + "/SQSDefaultPolicy"}
		if text := q.settings.Attributes[attrPolicy]; text != "" {
			if err := json.Unmarshal([]byte(text), &p); err != nil {
				return nil, nil, invalid(text, attrPolicy, "Invalid policy.")
			}
		}
		if slices.ContainsFunc(p.Statement, func(one json.RawMessage) bool { return sid(one) == label }) {
			return nil, nil, invalid(label, "Label", "Already exists.")
		}
		text, err := json.Marshal(st)
		if err != nil {
			return nil, nil, err
		}
		p.Statement = append(p.Statement, text)
		return q.withPolicy(&p)
	})
}

// RemovePermission takes a statement out of the queue's policy. The error may be QueueDoesNotExist, InvalidParameterValue or MissingParameter.
func (s *Store) RemovePermission(name, label string) error {
	if label == "" {
		return missing("Label")
	}
	return s.edit(name, func(q *queue) (*settings, map[string]string, error) {
		var p policy
		if text := q.settings.Attributes[attrPolicy]; text != "" {
			if err := json.Unmarshal([]byte(text), &p); err != nil {
				return nil, nil, invalid(text, attrPolicy, "Invalid policy.")
			}
		}
		if len(p.Statement) == 0 {
			return nil, nil, invalid(label, "Label", "can't find label.")
		}
		before := len(p.Statement)
		p.Statement = slices.DeleteFunc(p.Statement, func(one json.RawMessage) bool { return sid(one) == label })
		if len(p.Statement) == before {
			return nil, nil, invalid(label, "Label", "can't find label on existing policy.")
		}
		return q.withPolicy(&p)
	})
}

// withPolicy is the queue's settings with a policy; none for one without statements.
func (q *queue) withPolicy(p *policy) (*settings, map[string]string, error) {
	text := ""
	if len(p.Statement) > 0 {
		b, err := json.Marshal(p)
		if err != nil {
			return nil, nil, err
		}
		text = string(b)
	}
	next, err := q.settings.with(q.record.Name, map[string]string{attrPolicy: text})
	return next, q.record.Tags, err
}

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
