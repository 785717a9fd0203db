package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// signatures are the algorithms that the service takes (developer guide, "Control access to HTTP APIs with JWT authorizers": "only RSA-based algorithms are
// supported").
var signatures = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}

// TokenRules say which tokens are good.
type TokenRules struct {
	Keys   KeySource
	Issuer string
	// Audience are those of which a token must be for one; nil asks for none.
	Audience []string
	Now      time.Time
}

// CheckToken verifies signature, issuer, audience and times of a JWT and returns its claims. The error is for the client.
func CheckToken(ctx context.Context, token string, rules TokenRules) (map[string]any, error) {
	parsed, err := jwt.ParseSigned(token, signatures)
	var other *jose.ErrUnexpectedSignatureAlgorithm
	switch {
	case errors.As(err, &other):
		return nil, fmt.Errorf("signing method %s is invalid", other.Got)
	case err != nil:
		return nil, errors.New("the token is malformed")
	}
	text, err := rules.Keys.Keys(ctx, rules.Issuer)
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
	switch err := standard.ValidateWithLeeway(jwt.Expected{Issuer: rules.Issuer, Time: rules.Now}, 0); {
	case errors.Is(err, jwt.ErrExpired):
		return nil, errors.New("the token has expired")
	case err != nil:
		return nil, errors.New("the token is not valid: " + strings.TrimPrefix(err.Error(), "go-jose/go-jose/jwt: validation failed, "))
	}
	if rules.Audience == nil {
		return claims, nil
	}
	audience := []string(standard.Audience)
	if client, ok := claims["client_id"].(string); ok && len(audience) == 0 {
		audience = []string{client}
	}
	if !slices.ContainsFunc(rules.Audience, func(want string) bool { return slices.Contains(audience, want) }) {
		return nil, errors.New("the token does not have a valid audience")
	}
	return claims, nil
}
