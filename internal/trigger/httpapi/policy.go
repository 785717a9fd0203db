package httpapi

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// Policy is what a Lambda authorizer answers with (developer guide, "Output from an API Gateway Lambda authorizer").
type Policy struct {
	PrincipalID string
	// Context is what the authorizer tells the integration; nil for nothing.
	Context map[string]any
	// UsageKey is usageIdentifierKey, an API key that the authorizer found out.
	UsageKey   string
	statements []statement
}

type statement struct {
	Effect   string
	Action   oneOrMore[string]
	Resource oneOrMore[string]
}

// ReadPolicy reads a Lambda authorizer's answer.
func ReadPolicy(payload []byte) (Policy, error) {
	var answer struct {
		PrincipalID    *string                                   `json:"principalId"`
		PolicyDocument *struct{ Statement oneOrMore[statement] } `json:"policyDocument"`
		Context        map[string]any                            `json:"context"`
		UsageKey       string                                    `json:"usageIdentifierKey"`
	}
	if err := json.Unmarshal(payload, &answer); err != nil || answer.PolicyDocument == nil || answer.PrincipalID == nil {
		return Policy{}, errors.New("the authorizer's answer has no principalId and policyDocument")
	}
	return Policy{*answer.PrincipalID, answer.Context, answer.UsageKey, answer.PolicyDocument.Statement}, nil
}

// Decision is what a policy says of a request.
type Decision int

// The decisions: no statement applies, one allows and none denies, one denies.
const (
	NotAllowed Decision = iota
	Allowed
	Denied
)

// Decide says whether a request of the method's ARN may pass.
func (p Policy) Decide(arn string) Decision {
	decision := NotAllowed
	for _, s := range p.statements {
		applies := slices.ContainsFunc(s.Action, func(p string) bool { return Wildcard(strings.ToLower(p), "execute-api:invoke") }) &&
			slices.ContainsFunc(s.Resource, func(p string) bool { return Wildcard(p, arn) })
		switch {
		case applies && s.Effect == "Deny":
			return Denied
		case applies && s.Effect == "Allow":
			decision = Allowed
		}
	}
	return decision
}

// oneOrMore is a JSON value that may stand alone or in a list.
type oneOrMore[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (l *oneOrMore[T]) UnmarshalJSON(text []byte) error {
	if strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
		return json.Unmarshal(text, (*[]T)(l))
	}
	var one T
	if err := json.Unmarshal(text, &one); err != nil {
		return err
	}
	*l = oneOrMore[T]{one}
	return nil
}

// Wildcard tells whether a text is of the form of a pattern in which * stands for any text and ? for a character. It takes time in proportion to the
// product of their lengths at most.
func Wildcard(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
