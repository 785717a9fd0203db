package httpapi_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
)

const issuer = "https://issuer.example"

// signer makes tokens and the key set that they are checked with.
func signer(t *testing.T) (sign func(claims map[string]any) string, keys []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024) // as small as there are, for the test's sake
	if err != nil {
		t.Fatal(err)
	}
	keys, err = json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k1", Algorithm: "RS256"}}})
	if err != nil {
		t.Fatal(err)
	}
	return signWith(t, jose.RS256, key), keys
}

// signWith makes tokens with a key.
func signWith(t *testing.T, algorithm jose.SignatureAlgorithm, key any) (sign func(claims map[string]any) string) {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return func(claims map[string]any) string {
		token, err := jwt.Signed(s).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
}

func TestJWT(t *testing.T) {
	sign, keys := signer(t)
	other, _ := signer(t)
	elliptic256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, keys, 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	api := oneRoute("GET /a", toFunction("f", "2.0"))
	api.Authorizers = map[string]httpapi.Authorizer{"j": {Type: "JWT", Issuer: issuer, Audience: []string{"shop"}, IdentitySources: []string{"$request.header.Authorization"}}}
	api.Routes[0].Authorization, api.Routes[0].Authorizer, api.Routes[0].Scopes = "JWT", "j", []string{"read", "write"}
	f := &functions{answers: map[string]string{"f": `"ok"`}}
	h := noProblems(t, api, httpapi.Services{Functions: f, Keys: &httpapi.Keys{Files: map[string]string{issuer: file}}, Now: func() time.Time { return now }})
	good := func(changes ...any) map[string]any {
		claims := map[string]any{"iss": issuer, "aud": "shop", "exp": now.Unix() + 60, "sub": "me", "scope": "read other", "n": 1.5, "groups": []string{"a", "b"}}
		for i := 0; i < len(changes); i += 2 {
			if changes[i+1] == nil {
				delete(claims, changes[i].(string))
			} else {
				claims[changes[i].(string)] = changes[i+1]
			}
		}
		return claims
	}
	for _, tt := range []struct {
		name, header string
		status       int
		challenge    string
	}{
		{"good", "Bearer " + sign(good()), 200, ""},
		{"without the scheme", sign(good()), 200, ""},
		{"several audiences", "Bearer " + sign(good("aud", []string{"x", "shop"})), 200, ""},
		{"client id for an audience", "Bearer " + sign(good("aud", nil, "client_id", "shop")), 200, ""},
		{"scopes as a list", "Bearer " + sign(good("scope", nil, "scp", []string{"write"})), 200, ""},
		{"none", "", 401, "Bearer"},
		{"no token", "Bearer nonsense", 401, `error="invalid_token" error_description="the token is malformed"`},
		{"expired", "Bearer " + sign(good("exp", now.Unix()-1)), 401, "the token has expired"},
		{"never expires", "Bearer " + sign(good("exp", nil)), 401, "no expiration time"},
		{"not yet", "Bearer " + sign(good("nbf", now.Unix()+60)), 401, "not valid"},
		{"another issuer", "Bearer " + sign(good("iss", "https://evil.example")), 401, "not valid"},
		{"another audience", "Bearer " + sign(good("aud", "x")), 401, "valid audience"},
		{"another key", "Bearer " + other(good()), 401, "invalid signature"},
		{"no algorithm", "Bearer eyJhbGciOiJub25lIn0.e30.", 401, "signing method none is invalid"},
		{"not RSA", "Bearer " + signWith(t, jose.ES256, elliptic256)(good()), 401, "signing method ES256 is invalid"},
		{"too little scope", "Bearer " + sign(good("scope", "other")), 403, `error="insufficient_scope"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := ask(t, h, "GET", "/a", "", "Authorization", tt.header)
			if r.StatusCode != tt.status || !strings.Contains(r.Header.Get("Www-Authenticate"), tt.challenge) {
				t.Errorf("%s %q, want %d %q", r.Status, r.Header.Get("Www-Authenticate"), tt.status, tt.challenge)
			}
		})
	}
	ask(t, h, "GET", "/a", "", "Authorization", sign(good()))
	got, _ := json.Marshal(f.event["requestContext"].(map[string]any)["authorizer"])
	if want := `{"jwt":{"claims":{"aud":"shop","exp":"1800000060","groups":"[a b]","iss":"https://issuer.example","n":"1.5","scope":"read other","sub":"me"},"scopes":["read"]}}`; string(got) != want {
		t.Errorf("authorizer %s\nwant %s", got, want)
	}
}

// A route that asks for no scopes tells its function of none, whatever the token has.
func TestScopesOfARouteWithoutScopes(t *testing.T) {
	sign, keys := signer(t)
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, keys, 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	api := oneRoute("GET /a", toFunction("f", "2.0"))
	api.Authorizers = map[string]httpapi.Authorizer{"j": {Type: "JWT", Issuer: issuer, Audience: []string{"shop"}, IdentitySources: []string{"$request.header.Authorization"}}}
	api.Routes[0].Authorization, api.Routes[0].Authorizer = "JWT", "j"
	f := &functions{answers: map[string]string{"f": `"ok"`}}
	h := noProblems(t, api, httpapi.Services{Functions: f, Keys: &httpapi.Keys{Files: map[string]string{issuer: file}}, Now: func() time.Time { return now }})
	ask(t, h, "GET", "/a", "", "Authorization", sign(map[string]any{"iss": issuer, "aud": "shop", "exp": now.Unix() + 60, "scope": "read write"}))
	jwt := f.event["requestContext"].(map[string]any)["authorizer"].(map[string]any)["jwt"].(map[string]any)
	if scopes, given := jwt["scopes"]; !given || scopes != nil {
		t.Errorf("jwt %v, want the scopes to be null", jwt)
	}
}

func TestKeysOfTheIssuer(t *testing.T) {
	asked := 0
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			_ = json.NewEncoder(w).Encode(map[string]string{"jwks_uri": server.URL + "/keys"})
		case "/keys":
			_, _ = w.Write([]byte(`{"keys":[]}`))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	now := time.Unix(1_800_000_000, 0)
	keys := &httpapi.Keys{Now: func() time.Time { return now }}
	for range 3 {
		if text, err := keys.Keys(t.Context(), server.URL+"/"); err != nil || string(text) != `{"keys":[]}` {
			t.Fatalf("%s, %v", text, err)
		}
	}
	if asked != 2 {
		t.Errorf("the issuer was asked %d times, want twice", asked)
	}
	now = now.Add(3 * time.Hour)
	if _, err := keys.Keys(t.Context(), server.URL+"/"); err != nil || asked != 4 {
		t.Errorf("after two hours: asked %d times, %v", asked, err)
	}
	if _, err := keys.Keys(t.Context(), server.URL+"/nobody"); err == nil {
		t.Error("an issuer without a configuration has keys")
	}
	if _, err := keys.Keys(t.Context(), "file:///etc"); err == nil {
		t.Error("an issuer that is a file has keys")
	}
}

func TestFunctionAuthorizer(t *testing.T) {
	const arn = "arn:aws:execute-api:us-east-1:111111111111:a1b2c3/$default/GET/a"
	policy := func(effect, resource string) string {
		return `{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"execute-api:Invoke","Resource":"` + resource + `"}]},"context":{"k":1}}`
	}
	for _, tt := range []struct {
		name, answer string
		simple       bool
		headers      []string
		status       int
	}{
		{"simple", `{"isAuthorized":true,"context":{"k":1}}`, true, []string{"X-Key", "1"}, 200},
		{"simple no", `{"isAuthorized":false}`, true, []string{"X-Key", "1"}, 403},
		{"no identity", `{"isAuthorized":true}`, true, nil, 401},
		{"no answer", `{}`, true, []string{"X-Key", "1"}, 500},
		{"error", `!{}`, true, []string{"X-Key", "1"}, 500},
		{"policy", policy("Allow", arn), false, []string{"X-Key", "1"}, 200},
		{"policy with wildcards", policy("Allow", "arn:aws:execute-api:*:*:a1b2c3/*/GET/?"), false, []string{"X-Key", "1"}, 200},
		{"policy for something else", policy("Allow", "arn:aws:execute-api:*:*:a1b2c3/*/POST/*"), false, []string{"X-Key", "1"}, 403},
		{"policy that denies", policy("Deny", "*"), false, []string{"X-Key", "1"}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := oneRoute("GET /a", toFunction("f", "2.0"))
			api.Authorizers = map[string]httpapi.Authorizer{"c": {Type: "REQUEST", URI: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/" + functionARN + "auth/invocations",
				IdentitySources: []string{"$request.header.X-Key"}, PayloadFormat: "2.0", SimpleAnswers: tt.simple}}
			api.Routes[0].Authorization, api.Routes[0].Authorizer = "CUSTOM", "c"
			h := noProblems(t, api, httpapi.Services{Functions: &functions{answers: map[string]string{"f": `"ok"`, "auth": tt.answer}}})
			if r := ask(t, h, "GET", "/a", "", tt.headers...); r.StatusCode != tt.status {
				t.Errorf("%s, want %d", r.Status, tt.status)
			}
		})
	}
}

func TestAuthorizersAnswersAreKept(t *testing.T) {
	api := oneRoute("GET /a", toFunction("f", "2.0"))
	api.Authorizers = map[string]httpapi.Authorizer{"c": {Type: "REQUEST", URI: functionARN + "auth", IdentitySources: []string{"$request.header.X-Key"},
		PayloadFormat: "1.0", SimpleAnswers: true, CacheFor: time.Minute}}
	api.Routes[0].Authorization, api.Routes[0].Authorizer = "CUSTOM", "c"
	f := &functions{answers: map[string]string{"f": `"ok"`, "auth": `{"isAuthorized":true,"context":{"k":1}}`}}
	now := time.Unix(1_800_000_000, 0)
	h := noProblems(t, api, httpapi.Services{Functions: f, Now: func() time.Time { return now }})
	for _, tt := range []struct {
		key   string
		later time.Duration
		asked int // calls of both functions so far
	}{{"1", 0, 2}, {"1", 0, 3}, {"2", 0, 5}, {"1", 61 * time.Second, 7}} {
		now = now.Add(tt.later)
		ask(t, h, "GET", "/a", "", "X-Key", tt.key)
		if f.asked != tt.asked {
			t.Errorf("key %s: %d calls, want %d", tt.key, f.asked, tt.asked)
		}
	}
	if got, _ := json.Marshal(f.event["requestContext"].(map[string]any)["authorizer"]); string(got) != `{"lambda":{"k":1}}` {
		t.Errorf("authorizer %s", got)
	}
}

// A policy that is kept is held to every request, which may be for a route that it does not speak of; a simple answer holds for all.
func TestKeptPolicies(t *testing.T) {
	for _, tt := range []struct {
		answer string
		simple bool
		want   string
	}{
		{`{"principalId":"me","policyDocument":{"Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:111111111111:a1b2c3/$default/GET/a"}]}}`, false, "200 403 "},
		{`{"isAuthorized":true}`, true, "200 200 "},
	} {
		api := oneRoute("GET /a", toFunction("f", "2.0"))
		api.Authorizers = map[string]httpapi.Authorizer{"c": {Type: "REQUEST", URI: functionARN + "auth", IdentitySources: []string{"$request.header.X-Key"}, PayloadFormat: "2.0",
			SimpleAnswers: tt.simple, CacheFor: time.Minute}}
		api.Routes[0].Authorization, api.Routes[0].Authorizer = "CUSTOM", "c"
		api.Routes = append(api.Routes, httpapi.Route{Key: "GET /b", Integration: "i", Authorization: "CUSTOM", Authorizer: "c"})
		h := noProblems(t, api, httpapi.Services{Functions: &functions{answers: map[string]string{"f": `"ok"`, "auth": tt.answer}}})
		got := ""
		for _, path := range []string{"/a", "/b"} {
			got += fmt.Sprint(ask(t, h, "GET", path, "", "X-Key", "1").StatusCode, " ")
		}
		if got != tt.want {
			t.Errorf("simple %t: %s, want %s", tt.simple, got, tt.want)
		}
	}
}

// What a function that decides is asked, and what the route's function is told when it says nothing.
func TestAuthorizersEvents(t *testing.T) {
	for format, want := range map[string]string{
		"2.0": `{"identitySource":["k","v"],"routeArn":"arn:aws:execute-api:us-east-1:111111111111:a1b2c3/$default/POST/a","type":"REQUEST","version":"2.0"}`,
		"1.0": `{"authorizationToken":"k,v","identitySource":"k,v","methodArn":"arn:aws:execute-api:us-east-1:111111111111:a1b2c3/$default/POST/a","type":"REQUEST","version":"1.0"}`,
	} {
		api := oneRoute("POST /a", toFunction("f", "2.0"))
		api.Authorizers = map[string]httpapi.Authorizer{"c": {Type: "REQUEST", URI: functionARN + "auth", IdentitySources: []string{"$request.header.X-Key", "$request.querystring.q"},
			PayloadFormat: format, SimpleAnswers: true}}
		api.Routes[0].Authorization, api.Routes[0].Authorizer = "CUSTOM", "c"
		f := &functions{answers: map[string]string{"f": `"ok"`, "auth": `{"isAuthorized":false}`}}
		h := noProblems(t, api, httpapi.Services{Functions: f})
		ask(t, h, "POST", "/a?q=v", "secret", "X-Key", "k", "Content-Type", "text/plain")
		got := map[string]any{}
		for _, name := range []string{"version", "type", "routeArn", "methodArn", "identitySource", "authorizationToken", "body", "isBase64Encoded"} {
			if v, given := f.event[name]; given {
				got[name] = v
			}
		}
		if text, _ := json.Marshal(got); string(text) != want {
			t.Errorf("format %s: %s\nwant %s", format, text, want)
		}
		f.answers["auth"] = `{"isAuthorized":true}`
		ask(t, h, "POST", "/a?q=v", "", "X-Key", "k")
		if text, _ := json.Marshal(f.event["requestContext"].(map[string]any)["authorizer"]); string(text) != `{"lambda":null}` {
			t.Errorf("format %s: authorizer %s", format, text)
		}
	}
}

func TestSignedRequests(t *testing.T) {
	api := oneRoute("GET /a", toFunction("f", "2.0"))
	api.Routes[0].Authorization = "AWS_IAM"
	f := &functions{answers: map[string]string{"f": `"ok"`}}
	h := noProblems(t, api, httpapi.Services{Functions: f, Identity: func(r *http.Request) (string, bool) { return "arn:role", r.Header.Get("Authorization") == "signed" }})
	if r := ask(t, h, "GET", "/a", ""); r.StatusCode != 403 || text(t, r) != `{"message":"Forbidden"}` {
		t.Errorf("unsigned: %s", r.Status)
	}
	if r := ask(t, h, "GET", "/a", "", "Authorization", "signed"); r.StatusCode != 200 {
		t.Errorf("signed: %s", r.Status)
	}
}

// Who signed a request stands in both formats of events.
func TestSignersInEvents(t *testing.T) {
	const signed = "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=1"
	for format, want := range map[string]string{
		"2.0": `{"iam":{"accessKey":"AKIA1","accountId":"222222222222","callerId":"222222222222","cognitoIdentity":null,"principalOrgId":null,"userArn":"arn:aws:iam::222222222222:root","userId":"222222222222"}}`,
		"1.0": `{"accessKey":"AKIA1","accountId":"222222222222","caller":"222222222222","cognitoAmr":null,"cognitoAuthenticationProvider":null,"cognitoAuthenticationType":null,"cognitoIdentityId":null,` +
			`"cognitoIdentityPoolId":null,"principalOrgId":null,"sourceIp":"192.0.2.1","user":"222222222222","userAgent":"test","userArn":"arn:aws:iam::222222222222:root"}`,
	} {
		api := oneRoute("GET /a", toFunction("f", format))
		api.Routes[0].Authorization = "AWS_IAM"
		f := &functions{answers: map[string]string{"f": `{"statusCode":200}`}}
		h := noProblems(t, api, httpapi.Services{Functions: f, Identity: func(*http.Request) (string, bool) { return "arn:aws:iam::222222222222:root", true }})
		ask(t, h, "GET", "/a", "", "Authorization", signed, "User-Agent", "test")
		context := f.event["requestContext"].(map[string]any)
		member := map[string]string{"2.0": "authorizer", "1.0": "identity"}[format]
		if got, _ := json.Marshal(context[member]); string(got) != want {
			t.Errorf("format %s: %s\nwant %s", format, got, want)
		}
	}
}

// A preflight request to a route that takes OPTIONS is the authorizer's affair; to others the gateway answers by itself.
func TestPreflightOfRoutesWithAuthorizers(t *testing.T) {
	for _, tt := range []struct {
		key    string
		open   bool // there is a route for OPTIONS without an authorizer, too
		status int
	}{
		{"GET /a", false, 204}, {"ANY /a", false, 401}, {"$default", false, 401}, {"$default", true, 204},
	} {
		api := oneRoute(tt.key, toFunction("f", "2.0"))
		api.Authorizers = map[string]httpapi.Authorizer{"c": {Type: "REQUEST", URI: functionARN + "auth", IdentitySources: []string{"$request.header.Authorization"}, SimpleAnswers: true}}
		api.Routes[0].Authorization, api.Routes[0].Authorizer = "CUSTOM", "c"
		if tt.open {
			api.Routes = append(api.Routes, httpapi.Route{Key: "OPTIONS /{proxy+}", Integration: "i"})
		}
		api.CORS = &httpapi.CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"GET"}}
		f := &functions{answers: map[string]string{"f": `"ok"`, "auth": `{"isAuthorized":true}`}}
		h := noProblems(t, api, httpapi.Services{Functions: f})
		if r := ask(t, h, "OPTIONS", "/a", "", "Origin", "https://a", "Access-Control-Request-Method", "GET"); r.StatusCode != tt.status || f.asked != 0 {
			t.Errorf("%s, open %t: %s after %d calls, want %d", tt.key, tt.open, r.Status, f.asked, tt.status)
		}
	}
}

// stuck is an Invoker whose functions never answer.
type stuck struct{}

func (stuck) Invoke(ctx context.Context, _ lambda.Invocation) (lambda.Result, error) {
	<-ctx.Done()
	return lambda.Result{}, ctx.Err()
}

func TestAuthorizerThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := oneRoute("GET /a", toFunction("f", "2.0"))
		api.Authorizers = map[string]httpapi.Authorizer{"c": {Type: "REQUEST", URI: functionARN + "auth"}}
		api.Routes[0].Authorization, api.Routes[0].Authorizer = "CUSTOM", "c"
		h := noProblems(t, api, httpapi.Services{Functions: stuck{}})
		began := time.Now()
		if r := ask(t, h, "GET", "/a", ""); r.StatusCode != 500 || time.Since(began) != 10*time.Second {
			t.Errorf("%s after %v, want 500 after ten seconds", r.Status, time.Since(began))
		}
	})
}
