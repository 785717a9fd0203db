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

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
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

// signatures are the algorithms that the service takes; HMAC is none of them, since its key would be the issuer's secret.
var signatures = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512, jose.PS256, jose.PS384, jose.PS512}

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
	claims, err := h.checkToken(in, a, token)
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

// checkToken verifies signature, issuer, audience and times of a token and returns its claims. The error is for the client.
func (h *Handler) checkToken(in *request, a Authorizer, token string) (map[string]any, error) {
	parsed, err := jwt.ParseSigned(token, signatures)
	if err != nil {
		return nil, errors.New("the token is malformed")
	}
	text, err := h.services.Keys.Keys(in.Context(), a.Issuer)
	if err != nil {
		return nil, errors.New("the issuer's keys cannot be read")
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, errors.New("the issuer's keys cannot be read")
	}
	var standard jwt.Claims
	claims := map[string]any{}
	if err := parsed.Claims(&keys, &standard, &claims); err != nil {
		return nil, errors.New("the token has an invalid signature")
	}
	if standard.Expiry == nil {
		return nil, errors.New("the token has no expiration time")
	}
	// The service allows for no clock skew but that of the issuer's iat.
	switch err := standard.ValidateWithLeeway(jwt.Expected{Issuer: a.Issuer, Time: h.services.Now()}, 0); {
	case errors.Is(err, jwt.ErrExpired):
		return nil, errors.New("the token has expired")
	case err != nil:
		return nil, errors.New("the token is not valid: " + strings.TrimPrefix(err.Error(), "go-jose/go-jose/jwt: validation failed, "))
	}
	audience := []string(standard.Audience)
	if client, ok := claims["client_id"].(string); ok && len(audience) == 0 {
		audience = []string{client}
	}
	if !slices.ContainsFunc(a.Audience, func(want string) bool { return slices.Contains(audience, want) }) {
		return nil, errors.New("the token does not have a valid audience")
	}
	return claims, nil
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
	payload, why := h.invoke(in.Context(), functionOf(a.URI), event, in.trace())
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
	var answer struct {
		PrincipalID    *string `json:"principalId"`
		PolicyDocument *struct {
			Statement oneOrMore[struct {
				Effect   string
				Action   oneOrMore[string]
				Resource oneOrMore[string]
			}]
		} `json:"policyDocument"`
		Context map[string]any `json:"context"`
	}
	if err := json.Unmarshal(payload, &answer); err != nil || answer.PolicyDocument == nil || answer.PrincipalID == nil {
		return verdict{}, errors.New("the authorizer's answer has no principalId and policyDocument")
	}
	v := verdict{context: answer.Context}
	if v.context == nil {
		v.context = map[string]any{}
	}
	v.context["principalId"] = *answer.PrincipalID
	for _, s := range answer.PolicyDocument.Statement {
		applies := slices.ContainsFunc(s.Action, func(p string) bool { return wildcard(strings.ToLower(p), "execute-api:invoke") }) &&
			slices.ContainsFunc(s.Resource, func(p string) bool { return wildcard(p, arn) })
		switch {
		case applies && s.Effect == "Deny":
			v.allowed = false
			return v, nil
		case applies && s.Effect == "Allow":
			v.allowed = true
		}
	}
	return v, nil
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

// wildcard tells whether a text is of the form of a pattern in which * stands for any text and ? for a character. It takes time in proportion to the
// product of their lengths at most.
func wildcard(pattern, text string) bool {
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
