package restapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
)

// authorize lets the request pass, or says why not.
func (h *Handler) authorize(in *request) *fault {
	switch in.method.Authorization {
	case "AWS_IAM":
		if h.services.Identity != nil {
			if arn, ok := h.services.Identity(in.Request); ok {
				in.who.arn = arn
				return nil
			}
		}
		return in.missingToken()
	case "CUSTOM":
		return h.askFunction(in, h.api.Authorizers[in.method.Authorizer])
	case "COGNITO_USER_POOLS":
		return h.checkPools(in, h.api.Authorizers[in.method.Authorizer])
	}
	return nil
}

// tokenSource is where a token is if the authorizer does not say.
const tokenSource = "method.request.header.Authorization"

// identities are the values of the authorizer's identity sources; false if one is missing.
func (in *request) identities(a Authorizer) ([]string, bool) {
	sources := a.Sources
	if len(sources) == 0 && a.Type != "REQUEST" {
		sources = []string{tokenSource}
	}
	var values []string
	for _, s := range sources {
		v, ok := in.source(s, nil)
		if !ok || v == "" {
			return nil, false
		}
		values = append(values, v)
	}
	return values, true
}

// askFunction asks a Lambda authorizer (developer guide, "Use API Gateway Lambda authorizers").
func (h *Handler) askFunction(in *request, a Authorizer) *fault {
	began := time.Now()
	values, ok := in.identities(a)
	if !ok && (a.Type == "TOKEN" || a.CacheFor > 0) {
		return &fault{kind: "UNAUTHORIZED"}
	}
	if check := h.checks[in.method.Authorizer]; check != nil && a.Type == "TOKEN" && !check.MatchString(values[0]) {
		return &fault{kind: "UNAUTHORIZED"}
	}
	key := in.stage.Name + "\x00" + in.method.Authorizer + "\x00" + strings.Join(values, "\x00")
	cached := a.CacheFor > 0 && len(values) > 0
	policy, found := httpapi.Policy{}, false
	if cached {
		policy, found = h.answers.get(key, in.time)
	}
	latency := int64(0)
	if !found {
		var why *fault
		if policy, why = h.policy(in, a, values); why != nil {
			return why
		}
		latency = time.Since(began).Milliseconds()
		if cached {
			h.answers.put(key, policy, in.time.Add(min(a.CacheFor, time.Hour)))
		}
	}
	in.who.usageKey = policy.UsageKey
	in.who.authorizer = map[string]any{"principalId": policy.PrincipalID, "integrationLatency": latency}
	for name, v := range policy.Context {
		in.who.authorizer[name] = plainContext(v)
	}
	switch policy.Decide(in.methodARN()) {
	case httpapi.Denied:
		return &fault{kind: "ACCESS_DENIED", message: "User is not authorized to access this resource with an explicit deny"}
	case httpapi.NotAllowed:
		return &fault{kind: "ACCESS_DENIED"}
	}
	return nil
}

// plainContext is a member of an authorizer's context as integrations see it: a text.
func plainContext(v any) any {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return v
}

// policy calls the authorizer's function.
func (h *Handler) policy(in *request, a Authorizer, values []string) (httpapi.Policy, *fault) {
	var asked any = struct {
		Type   string `json:"type"`
		Method string `json:"methodArn"`
		Token  string `json:"authorizationToken"`
	}{"TOKEN", in.methodARN(), strings.Join(values, "")}
	if a.Type == "REQUEST" {
		e := in.event()
		e.Type, e.MethodARN, e.eventBody = "REQUEST", in.methodARN(), nil
		asked = e
	}
	payload, err := json.Marshal(asked)
	if err != nil {
		return httpapi.Policy{}, &fault{kind: "AUTHORIZER_CONFIGURATION_ERROR", detail: err.Error()}
	}
	ctx, cancel := context.WithTimeout(in.Context(), usualTimeout)
	defer cancel()
	answer, err := h.services.Functions.Invoke(ctx, lambda.Invocation{Function: httpapi.FunctionOf(in.uri(a.URI)), Payload: payload, TraceHeader: in.trace()})
	if err != nil {
		return httpapi.Policy{}, &fault{kind: "AUTHORIZER_CONFIGURATION_ERROR", detail: err.Error()}
	}
	if answer.FunctionError != "" {
		var failed struct {
			Message string `json:"errorMessage"`
		}
		if json.Unmarshal(answer.Payload, &failed) == nil && failed.Message == "Unauthorized" {
			return httpapi.Policy{}, &fault{kind: "UNAUTHORIZED"}
		}
		return httpapi.Policy{}, &fault{kind: "AUTHORIZER_FAILURE", detail: "The authorizer ended with an error: " + string(answer.Payload)}
	}
	p, err := httpapi.ReadPolicy(answer.Payload)
	if err == nil {
		for name, v := range p.Context {
			switch v.(type) {
			case map[string]any, []any:
				err = fmt.Errorf("the member %q of the authorizer's context is neither a text nor a number nor a boolean", name)
			}
		}
	}
	if err != nil {
		return p, &fault{kind: "AUTHORIZER_CONFIGURATION_ERROR", detail: err.Error()}
	}
	return p, nil
}

// checkPools checks a token of Amazon Cognito.
func (h *Handler) checkPools(in *request, a Authorizer) *fault {
	values, ok := in.identities(a)
	if !ok {
		return &fault{kind: "UNAUTHORIZED"}
	}
	token := strings.TrimPrefix(values[0], "Bearer ")
	why := errors.New("the authorizer has no user pool")
	for _, pool := range a.Pools {
		region, id := "", pool[strings.LastIndexByte(pool, '/')+1:]
		if parts := strings.Split(pool, ":"); len(parts) > 3 {
			region = parts[3]
		}
		var claims map[string]any
		claims, why = httpapi.CheckToken(in.Context(), token, httpapi.TokenRules{
			Keys: h.services.Keys, Issuer: "https://cognito-idp." + region + ".amazonaws.com/" + id, Now: h.services.Now(),
		})
		if why != nil {
			continue
		}
		scope, _ := claims["scope"].(string)
		has := strings.Fields(scope)
		if len(in.method.Scopes) > 0 && !slices.ContainsFunc(in.method.Scopes, func(s string) bool { return slices.Contains(has, s) }) {
			why = errors.New("the token has none of the scopes")
			continue
		}
		shown := map[string]any{}
		for name, v := range claims {
			if list, isList := v.([]any); isList {
				var items []string
				for _, item := range list {
					items = append(items, fmt.Sprint(plainContext(item)))
				}
				v = strings.Join(items, ",")
			}
			shown[name] = plainContext(v)
		}
		in.who.authorizer = map[string]any{"claims": shown}
		return nil
	}
	return &fault{kind: "UNAUTHORIZED", detail: why.Error()}
}
