package restapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/trigger/restapi"
)

const (
	allowAll  = `{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]},"context":{"n":1,"b":true,"s":"x"}}`
	denyA     = `{"principalId":"me","policyDocument":{"Statement":[{"Effect":"Allow","Action":"execute-api:*","Resource":["*"]},{"Effect":"Deny","Action":["*"],"Resource":"arn:aws:execute-api:us-east-1:111111111111:a1b2c3/prod/GET/a"}]}}`
	onlyB     = `{"principalId":"me","policyDocument":{"Statement":{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*/GET/b"}}}`
	badAnswer = `{"principalId":"me","policyDocument":{"Statement":[]},"context":{"o":{}}}`
)

// behind is an API with two methods behind an authorizer.
func behind(a restapi.Authorizer) restapi.API {
	m := restapi.Method{Verb: "GET", Path: "/a", Integration: toFunction("f"), Authorization: "CUSTOM", Authorizer: "au"}
	api := oneMethod(m)
	m.Path = "/b"
	api.Methods = append(api.Methods, m)
	a.URI = apiARN + functionARN + "check/invocations"
	api.Authorizers = map[string]restapi.Authorizer{"au": a}
	return api
}

func TestTokenAuthorizer(t *testing.T) {
	for _, tt := range []struct {
		name, answer, token string
		status              int
		want                string
	}{
		{"allowed", allowAll, "t1", 200, ""},
		{"no token", allowAll, "", 401, `{"message":"Unauthorized"}`},
		{"another form", allowAll, "xx", 401, `{"message":"Unauthorized"}`},
		{"denied", denyA, "t1", 403, `{"Message":"User is not authorized to access this resource with an explicit deny"}`},
		{"not allowed", onlyB, "t1", 403, `{"Message":"User is not authorized to access this resource"}`},
		{"unauthorized", `!{"errorMessage":"Unauthorized"}`, "t1", 401, `{"message":"Unauthorized"}`},
		{"failed", `!{"errorMessage":"oh"}`, "t1", 500, `{"message":null}`},
		{"nonsense", `{}`, "t1", 500, `{"message":null}`},
		{"nested context", badAnswer, "t1", 500, `{"message":null}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &functions{answers: map[string]string{"f": `{}`, "check": tt.answer}}
			h := noProblems(t, behind(restapi.Authorizer{Type: "TOKEN", Sources: []string{"method.request.header.X-Token"}, Validation: "t\\d"}), restapi.Services{Functions: f})
			r := ask(t, h, "GET", "/prod/a", "", "X-Token", tt.token)
			if got := text(t, r); r.StatusCode != tt.status || got != tt.want {
				t.Errorf("%s %s, want %d %s", r.Status, got, tt.status, tt.want)
			}
			if tt.status != 200 {
				return
			}
			a := f.event["requestContext"].(map[string]any)["authorizer"].(map[string]any)
			if a["principalId"] != "me" || a["n"] != "1" || a["b"] != "true" || a["s"] != "x" {
				t.Errorf("authorizer %v", a)
			}
		})
	}
	f := &functions{answers: map[string]string{"check": `{}`}}
	ask(t, noProblems(t, behind(restapi.Authorizer{Type: "TOKEN"}), restapi.Services{Functions: f}), "GET", "/prod/a", "", "Authorization", "tok")
	if want := `{"type":"TOKEN","methodArn":"arn:aws:execute-api:us-east-1:111111111111:a1b2c3/prod/GET/a","authorizationToken":"tok"}`; f.raw != want {
		t.Errorf("asked %s", f.raw)
	}
}

// An answer holds for all methods, but what its policy says of each is its own.
func TestAuthorizerCaches(t *testing.T) {
	now := time.Date(2026, 3, 12, 19, 0, 0, 0, time.UTC)
	f := &functions{answers: map[string]string{"f": `{}`, "check": denyA}}
	h := noProblems(t, behind(restapi.Authorizer{Type: "TOKEN", CacheFor: time.Minute}), restapi.Services{Functions: f, Now: func() time.Time { return now }})
	for _, tt := range []struct {
		path, token   string
		status, asked int
	}{{"/prod/a", "t", 403, 1}, {"/prod/b", "t", 200, 2}, {"/prod/a", "t", 403, 2}, {"/prod/a", "u", 403, 3}} {
		if r := ask(t, h, "GET", tt.path, "", "Authorization", tt.token); r.StatusCode != tt.status || f.asked != tt.asked {
			t.Errorf("%s with %s: %s, asked %d times, want %d", tt.path, tt.token, r.Status, f.asked, tt.asked)
		}
	}
	now = now.Add(time.Minute)
	if ask(t, h, "GET", "/prod/a", "", "Authorization", "t"); f.asked != 4 {
		t.Error("the answer holds too long")
	}
}

func TestRequestAuthorizer(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `{}`, "check": onlyB}}
	a := restapi.Authorizer{Type: "REQUEST", Sources: []string{"method.request.header.X-One", "method.request.querystring.two", "stageVariables.v", "context.httpMethod"}, CacheFor: time.Minute}
	h := noProblems(t, behind(a), restapi.Services{Functions: f})
	if r := ask(t, h, "GET", "/prod/b?two=2", ""); r.StatusCode != 401 || f.asked != 0 {
		t.Errorf("without an identity: %s", r.Status)
	}
	if r := ask(t, h, "GET", "/prod/a?two=2", "", "X-One", "1"); r.StatusCode != 403 {
		t.Errorf("not allowed: %s", r.Status)
	}
	if f.event["type"] != "REQUEST" || f.event["methodArn"] != "arn:aws:execute-api:us-east-1:111111111111:a1b2c3/prod/GET/a" || f.event["resource"] != "/a" || strings.Contains(f.raw, `"body"`) || f.event["requestContext"] == nil {
		t.Errorf("asked %s", f.raw)
	}
	if r := ask(t, h, "GET", "/prod/b?two=2", "", "X-One", "1"); r.StatusCode != 200 || f.asked != 2 {
		t.Errorf("cached: %s, asked %d times", r.Status, f.asked)
	}
}

func TestIAM(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `{}`}}
	api := oneMethod(restapi.Method{Verb: "GET", Path: "/a", Integration: toFunction("f"), Authorization: "AWS_IAM"})
	h := noProblems(t, api, restapi.Services{Functions: f, Identity: func(r *http.Request) (string, bool) {
		return "arn:aws:iam::222222222222:root", r.Header.Get("Authorization") != ""
	}})
	if r := ask(t, h, "GET", "/prod/a", ""); r.StatusCode != 403 || text(t, r) != `{"message":"Missing Authentication Token"}` {
		t.Errorf("unsigned: %s", r.Status)
	}
	ask(t, h, "GET", "/prod/a", "", "Authorization", "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/us-east-1/execute-api/aws4_request")
	id := f.event["requestContext"].(map[string]any)["identity"].(map[string]any)
	if id["userArn"] != "arn:aws:iam::222222222222:root" || id["accountId"] != "222222222222" || id["accessKey"] != "AKIA1" {
		t.Errorf("identity %v", id)
	}
}
