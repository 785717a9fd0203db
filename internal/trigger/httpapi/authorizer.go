package httpapi

import (
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
	allowed  bool
	claims   map[string]string // of a JWT
	scopes   []string
	context  map[string]any // of a function
	identity string         // ARN of who signed the request
}

// forV2 is the authorizer's member in an event of format 2.0; nil if there was none.
func (v verdict) forV2() any {
	switch {
	case v.claims != nil:
		return map[string]any{"jwt": map[string]any{"claims": v.claims, "scopes": v.scopes}}
	case v.context != nil:
		return map[string]any{"lambda": v.context}
	case v.identity != "":
		return map[string]any{"iam": map[string]any{"userArn": v.identity}}
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
		if h.services.Identity != nil {
			if arn, ok := h.services.Identity(in.Request); ok {
				in.who = verdict{allowed: true, identity: arn}
				return nil
			}
		}
		return refused(refusal{http.StatusForbidden, "Forbidden"})
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
	in.who.scopes = scopesOf(claims)
	if len(in.route.Scopes) > 0 && !slices.ContainsFunc(in.route.Scopes, func(s string) bool { return slices.Contains(in.who.scopes, s) }) {
		out := refused(refusal{http.StatusForbidden, "Forbidden"})
		out.headers.Set("Www-Authenticate", fmt.Sprintf(`Bearer scope="%s" error="insufficient_scope"`, strings.Join(in.route.Scopes, " ")))
		return out
	}
	return nil
}

// unauthorized is the answer to a request without a valid token.
func unauthorized(why string) *response {
	out := refused(refusal{http.StatusUnauthorized, "Unauthorized"})
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
			return refused(refusal{http.StatusUnauthorized, "Unauthorized"})
		}
		identity = append(identity, v)
	}
	key := in.route.Authorizer + "\x00" + strings.Join(identity, "\x00")
	if v, ok := h.answers.get(key, in.time); ok && a.CacheFor > 0 && len(identity) > 0 {
		return in.pass(v)
	}
	v, err := h.askFunction(in, a, identity)
	if err != nil {
		return failedIntegration(err.Error())
	}
	if a.CacheFor > 0 && len(identity) > 0 {
		h.answers.put(key, v, in.time.Add(min(a.CacheFor, time.Hour)))
	}
	return in.pass(v)
}

// pass lets the request go on if the verdict allows it.
func (in *request) pass(v verdict) *response {
	in.who = v
	if !v.allowed {
		return refused(refusal{http.StatusForbidden, "Forbidden"})
	}
	return nil
}

func (h *Handler) askFunction(in *request, a Authorizer, identity []string) (verdict, error) {
	stage, method, path := in.stage.Name, in.Method, strings.TrimPrefix(in.path, "/")
	arn := fmt.Sprintf("arn:aws:execute-api:%s:%s:%s/%s/%s/%s", in.api.Region, in.api.Account, in.api.ID, stage, method, path)
	var event any
	if a.PayloadFormat == formatV2 {
		e := in.eventV2()
		e.Type, e.RouteARN, e.Identity, e.Body, e.IsBase64 = "REQUEST", arn, identity, "", false
		event = e
	} else {
		e := in.eventV1()
		e.Type, e.MethodARN, e.Identity, e.Body = "REQUEST", arn, strings.Join(identity, ","), nil
		event = e
	}
	payload, why := h.invoke(in.Context(), FunctionOf(a.URI), event, in.trace())
	if why != "" {
		return verdict{}, errors.New(why)
	}
	if a.SimpleAnswers {
		return simpleVerdict(payload)
	}
	return policyVerdict(payload, arn)
}

func simpleVerdict(payload []byte) (verdict, error) {
	var answer struct {
		IsAuthorized *bool          `json:"isAuthorized"`
		Context      map[string]any `json:"context"`
	}
	if err := json.Unmarshal(payload, &answer); err != nil || answer.IsAuthorized == nil {
		return verdict{}, errors.New("the authorizer's answer has no isAuthorized")
	}
	return verdict{allowed: *answer.IsAuthorized, context: answer.Context}, nil
}

// policyVerdict decides by the policy that the function answered with: the request passes if a statement allows it and none denies it.
func policyVerdict(payload []byte, arn string) (verdict, error) {
	p, err := ReadPolicy(payload)
	if err != nil {
		return verdict{}, err
	}
	v := verdict{context: p.Context}
	if v.context == nil {
		v.context = map[string]any{}
	}
	v.context["principalId"] = p.PrincipalID
	v.allowed = p.Decide(arn) == Allowed
	return v, nil
}
