package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// verdict is what an authorizer found out.
type verdict struct {
	allowed bool
	claims  map[string]string // of a JWT
	scopes  []string          // those of the JWT that the route asks for; nil where it asks for none
	asked   bool              // a function
	context map[string]any    // that the function told; nil for none
	policy  *Policy           // of a function: whether the request may pass depends on what it is for
	signer  *signer           // of a signed request
}

// signer is what events say of whoever signed the request.
type signer struct {
	AccessKey       string  `json:"accessKey"`
	AccountID       string  `json:"accountId"`
	CallerID        string  `json:"callerId"`
	CognitoIdentity *string `json:"cognitoIdentity"`
	PrincipalOrgID  *string `json:"principalOrgId"`
	UserARN         string  `json:"userArn"`
	UserID          string  `json:"userId"`
}

// signedBy finds who signed the request, an identity's ARN, with the account that stands in for one that names none; nil if nobody known did. The id of
// a root user is its account; there is nothing to tell of others, whose ids only AWS has.
func (s Services) signedBy(r *http.Request, account string) *signer {
	if s.Identity == nil {
		return nil
	}
	arn, ok := s.Identity(r)
	if !ok {
		return nil
	}
	if parts := strings.Split(arn, ":"); len(parts) > 5 && parts[4] != "" {
		account = parts[4]
	}
	return &signer{AccessKey: signingKey(r), AccountID: account, CallerID: account, UserARN: arn, UserID: account}
}

// signingKey is the id of the access key that a request is signed with, "" if it is not signed.
func signingKey(r *http.Request) string {
	credential := r.URL.Query().Get("X-Amz-Credential")
	if _, after, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		credential = after
	}
	key, _, _ := strings.Cut(credential, "/")
	return key
}

// forV2 is the authorizer's member in an event of format 2.0; nil if there was none.
func (v verdict) forV2() any {
	switch {
	case v.claims != nil:
		return map[string]any{"jwt": map[string]any{"claims": v.claims, "scopes": v.scopes}}
	case v.asked:
		return map[string]any{"lambda": v.context}
	case v.signer != nil:
		return map[string]any{"iam": v.signer}
	}
	return nil
}

// forV1 is the authorizer's member in an event of format 1.0.
func (v verdict) forV1() map[string]any {
	if v.claims != nil {
		return map[string]any{"claims": v.claims, "scopes": v.scopes}
	}
	return v.context
}

// authorize lets the request pass, or returns the response that stops it.
func (h *Handler) authorize(in *request) *response {
	a := h.api.Authorizers[in.route.Authorizer]
	switch in.route.Authorization {
	case "JWT":
		return h.authorizeJWT(in, a)
	case "CUSTOM":
		return h.authorizeByFunction(in, a)
	case "AWS_IAM":
		if s := h.services.signedBy(in.Request, in.api.Account); s != nil {
			in.who = verdict{allowed: true, signer: s}
			return nil
		}
		return refused(forbidden)
	}
	return nil
}

// authorizeJWT checks a token (developer guide, "Control access to HTTP APIs with JWT authorizers in API Gateway").
func (h *Handler) authorizeJWT(in *request, a Authorizer) *response {
	source := "$request.header.Authorization"
	if len(a.IdentitySources) > 0 {
		source = a.IdentitySources[0]
	}
	token, ok := selection{request: in}.fill(source)
	if !ok || token == "" {
		return unauthorized("")
	}
	if scheme, rest, both := strings.Cut(token, " "); both && strings.EqualFold(scheme, "bearer") {
		token = strings.TrimSpace(rest)
	}
	claims, err := CheckToken(in.Context(), token, TokenRules{Keys: h.services.Keys, Issuer: a.Issuer, Audience: a.Audience, Now: h.services.Now()})
	if err != nil {
		return unauthorized(err.Error())
	}
	in.who = verdict{allowed: true, claims: map[string]string{}}
	for name, v := range claims {
		in.who.claims[name] = claimText(v)
	}
	for _, s := range scopesOf(claims) {
		if slices.Contains(in.route.Scopes, s) {
			in.who.scopes = append(in.who.scopes, s)
		}
	}
	if len(in.route.Scopes) > 0 && len(in.who.scopes) == 0 {
		out := refused(forbidden)
		out.headers.Set("Www-Authenticate", fmt.Sprintf(`Bearer scope="%s" error="insufficient_scope"`, strings.Join(in.route.Scopes, " ")))
		return out
	}
	return nil
}

// unauthorized is the answer to a request without a valid token.
func unauthorized(why string) *response {
	out := refused(noToken)
	challenge := "Bearer"
	if why != "" {
		challenge += fmt.Sprintf(` scope="" error="invalid_token" error_description="%s"`, strings.ReplaceAll(why, `"`, "'"))
		out.trouble = why
	}
	out.headers.Set("Www-Authenticate", challenge)
	return out
}

// claimText is a claim as events show it: a text as it is, a list in brackets, numbers without an exponent.
func claimText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = claimText(item)
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// scopesOf are the token's scopes, of the claim scope or scp.
func scopesOf(claims map[string]any) (scopes []string) {
	for _, name := range []string{"scope", "scp"} {
		switch v := claims[name].(type) {
		case string:
			scopes = append(scopes, strings.Fields(v)...)
		case []any:
			for _, item := range v {
				scopes = append(scopes, claimText(item))
			}
		}
	}
	return scopes
}

// authorizeByFunction asks a Lambda function (developer guide, "Control access to HTTP APIs with AWS Lambda authorizers").
func (h *Handler) authorizeByFunction(in *request, a Authorizer) *response {
	var identity []string
	for _, source := range a.IdentitySources {
		v, ok := selection{request: in}.fill(source)
		if !ok || v == "" {
			return refused(noToken)
		}
		identity = append(identity, v)
	}
	key := in.route.Authorizer + "\x00" + strings.Join(identity, "\x00")
	if v, ok := h.answers.get(key, in.time); ok && a.CacheFor > 0 && len(identity) > 0 {
		return in.pass(v) // a policy is held to each request, which may be for another route
	}
	v, err := h.askFunction(in, a, identity)
	if err != nil {
		return refusedBecause(failedAuth, err.Error())
	}
	if a.CacheFor > 0 && len(identity) > 0 {
		h.answers.put(key, v, in.time.Add(min(a.CacheFor, time.Hour)))
	}
	return in.pass(v)
}

// pass lets the request go on if the verdict allows it.
func (in *request) pass(v verdict) *response {
	if v.policy != nil {
		v.allowed = v.policy.Decide(in.arn()) == Allowed
	}
	in.who = v
	if !v.allowed {
		return refused(forbidden)
	}
	return nil
}

// authorizerTimeout is how long a function may take to decide (developer guide, "Quotas for configuring and running an HTTP API").
const authorizerTimeout = 10 * time.Second

// arn is the ARN of what the request is for, which policies speak of.
func (in *request) arn() string {
	path := strings.TrimPrefix(in.path, "/")
	return fmt.Sprintf("arn:aws:execute-api:%s:%s:%s/%s/%s/%s", in.api.Region, in.api.Account, in.api.ID, in.stage.Name, in.Method, path)
}

func (h *Handler) askFunction(in *request, a Authorizer, identity []string) (verdict, error) {
	var event any
	if a.PayloadFormat == formatV2 {
		e := in.eventV2()
		e.Type, e.RouteARN, e.Identity, e.eventBody = "REQUEST", in.arn(), identity, nil
		event = e
	} else {
		e := in.eventV1()
		e.Type, e.MethodARN, e.Identity, e.eventBodyV1 = "REQUEST", in.arn(), strings.Join(identity, ","), nil
		e.Token = e.Identity
		event = e
	}
	ctx, cancel := context.WithTimeout(in.Context(), authorizerTimeout)
	defer cancel()
	answer, err := h.invoke(ctx, in, a.URI, event)
	if err != nil {
		return verdict{}, err
	}
	payload := answer.Payload
	if a.SimpleAnswers {
		return simpleVerdict(payload)
	}
	return policyVerdict(payload)
}

func simpleVerdict(payload []byte) (verdict, error) {
	var answer struct {
		IsAuthorized *bool          `json:"isAuthorized"`
		Context      map[string]any `json:"context"`
	}
	if err := json.Unmarshal(payload, &answer); err != nil || answer.IsAuthorized == nil {
		return verdict{}, errors.New("the authorizer's answer has no isAuthorized")
	}
	return verdict{asked: true, allowed: *answer.IsAuthorized, context: answer.Context}, nil
}

// policyVerdict keeps the policy that the function answered with: a request passes if a statement allows it and none denies it.
func policyVerdict(payload []byte) (verdict, error) {
	p, err := ReadPolicy(payload)
	if err != nil {
		return verdict{}, err
	}
	v := verdict{asked: true, policy: &p, context: p.Context}
	if v.context == nil {
		v.context = map[string]any{}
	}
	v.context["principalId"] = p.PrincipalID
	return v, nil
}
