package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/measure/measuretest"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
)

// refusing is an Invoker that always answers the same error.
type refusing struct{ err error }

func (r refusing) Invoke(context.Context, lambda.Invocation) (lambda.Result, error) {
	return lambda.Result{}, r.err
}

func askURL(t *testing.T, u httpapi.FunctionURL, s httpapi.Services, method, target, body string, headers ...string) *http.Response {
	t.Helper()
	u.ID, u.Account = "u1", "111111111111"
	r := httptest.NewRequestWithContext(t.Context(), method, "http://u1.lambda-url.localhost:4566"+target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	httpapi.NewFunctionURL(u, s, nil).ServeHTTP(w, r)
	return w.Result()
}

// Requests of a URL count for its function, and for no API.
func TestFunctionURLMetrics(t *testing.T) {
	l := measuretest.NewLedger(time.Time{})
	s := httpapi.Services{Functions: &functions{answers: map[string]string{"f": `"good"`, "g": "!{}"}}, Meter: l}
	for _, name := range []string{"f", "f", "g", "none"} {
		h := httpapi.NewFunctionURL(httpapi.FunctionURL{ID: "u", Function: functionARN + name}, s, lambda.NewMeter(l, time.Now))
		ask(t, h, "GET", "/", "")
	}
	for metric, want := range map[string]float64{"UrlRequestCount": 4, "UrlRequestCount FunctionName=f": 2, "Url5xxCount FunctionName=g": 1, "Url4xxCount FunctionName=none": 1, "Url4xxCount FunctionName=f": 0} {
		if got, counted := l.Sum("AWS/Lambda " + metric); got != want || !counted {
			t.Errorf("%s: %g, %v, want %g", metric, got, counted, want)
		}
	}
	if got, _ := l.Sum("AWS/Lambda UrlRequestLatency"); got <= 0 {
		t.Errorf("a latency of %g", got)
	}
	for _, metric := range l.Metrics() {
		if !strings.HasPrefix(metric, "AWS/Lambda ") {
			t.Errorf("%s is counted", metric)
		}
	}
}

func TestFunctionURLEvent(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `{"statusCode":201,"headers":{"X-A":"b"},"cookies":["c=d"],"body":"made"}`}}
	now := time.Date(2026, 3, 12, 19, 3, 58, 0, time.UTC)
	s := httpapi.Services{Functions: f, Now: func() time.Time { return now }}
	r := askURL(t, httpapi.FunctionURL{Function: functionARN + "f", AuthType: "NONE"}, s, "POST", "/my/path?a=1&a=2&b=3", "hello", "Content-Type", "text/plain", "Cookie", "x=y; z=w")
	if body := text(t, r); r.StatusCode != 201 || body != "made" || r.Header.Get("X-A") != "b" || r.Header.Get("Set-Cookie") != "c=d" {
		t.Errorf("answer %s %v %s", r.Status, r.Header, body)
	}
	context := f.event["requestContext"].(map[string]any)
	delete(context, "requestId")
	if context["authorizer"] != nil {
		t.Errorf("an authorizer: %v", context)
	}
	delete(f.event, "headers")
	got, _ := json.Marshal(f.event)
	want := `{"body":"hello","cookies":["x=y","z=w"],"isBase64Encoded":false,"queryStringParameters":{"a":"1,2","b":"3"},"rawPath":"/my/path","rawQueryString":"a=1\u0026a=2\u0026b=3",` +
		`"requestContext":{"accountId":"anonymous","apiId":"u1","domainName":"u1.lambda-url.localhost:4566","domainPrefix":"u1",` +
		`"http":{"method":"POST","path":"/my/path","protocol":"HTTP/1.1","sourceIp":"192.0.2.1","userAgent":""},"routeKey":"$default","stage":"$default","time":"12/Mar/2026:19:03:58 +0000","timeEpoch":1773342238000},` +
		`"routeKey":"$default","version":"2.0"}`
	if string(got) != want {
		t.Errorf("event\n%s\nwant\n%s", got, want)
	}
}

// The path of a URL's event is as it was sent, other than that of an HTTP API; a form is base64 likewise.
func TestFunctionURLEncoding(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `{"statusCode":200,"body":"b"}`}}
	u := httpapi.FunctionURL{Function: functionARN + "f", AuthType: "NONE"}
	r := askURL(t, u, httpapi.Services{Functions: f}, "POST", "/a%20b%2Fc?d=%20", "k=v", "Content-Type", "application/x-www-form-urlencoded")
	path := f.event["requestContext"].(map[string]any)["http"].(map[string]any)["path"]
	if f.event["rawPath"] != "/a%20b%2Fc" || path != "/a%20b%2Fc" || f.event["body"] != "az12" || f.event["isBase64Encoded"] != true {
		t.Errorf("event %v", f.event)
	}
	if kind := r.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("an answer without a content type has %q", kind)
	}
}

func TestFunctionURLOfIAM(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `"ok"`}}
	s := httpapi.Services{Functions: f, Identity: func(r *http.Request) (string, bool) {
		return "arn:aws:iam::222222222222:user/u", r.Header.Get("Authorization") != ""
	}}
	u := httpapi.FunctionURL{Function: functionARN + "f", AuthType: "AWS_IAM"}
	r := askURL(t, u, s, "GET", "/", "")
	want := `{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`
	if body := text(t, r); r.StatusCode != 403 || body != want || r.Header.Get("X-Amzn-Errortype") != "AccessDeniedException" {
		t.Errorf("unsigned: %s %s", r.Status, body)
	}
	r = askURL(t, u, s, "GET", "/", "", "Authorization", "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/us-east-1/lambda/aws4_request")
	context := f.event["requestContext"].(map[string]any)
	iam, _ := json.Marshal(context["authorizer"])
	wantIAM := `{"iam":{"accessKey":"AKIA1","accountId":"222222222222","callerId":"222222222222","cognitoIdentity":null,"principalOrgId":null,"userArn":"arn:aws:iam::222222222222:user/u","userId":"222222222222"}}`
	if r.StatusCode != 200 || string(iam) != wantIAM || context["accountId"] != "222222222222" {
		t.Errorf("signed: %s %s", r.Status, iam)
	}
}

func TestFunctionURLAnswers(t *testing.T) {
	f := &functions{answers: map[string]string{
		"text": `"plain"`, "object": `{"a":1}`, "failed": `!{"errorMessage":"no"}`, "status": `{"statusCode":"abc"}`, "base64": `{"statusCode":200,"isBase64Encoded":true,"body":"%"}`,
	}}
	throttled := lambda.Refuse(lambda.CodeTooManyRequests, "Rate Exceeded.")
	throttled.Reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
	tooLarge := `{"Type":"User","message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`
	for _, tc := range []struct {
		name   string
		by     httpapi.Invoker
		body   string
		status int
		want   string
	}{
		{"text", f, "", 200, "plain"},
		{"object", f, "", 200, `{"a":1}`},
		{"failed", f, "", 502, "Internal Server Error"},
		{"status", f, "", 502, "Internal Server Error"},
		{"base64", f, "", 502, "Internal Server Error"},
		{"throttled", refusing{throttled}, "", 429, `{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`},
		{"closed", refusing{lambda.ErrClosed}, "", 502, "Internal Server Error"},
		{"over 6 MB as an event", f, strings.Repeat("x", lambda.MaxRequestSize), 413, tooLarge},
		{"20 MB", f, strings.Repeat("x", 20<<20), 413, tooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := askURL(t, httpapi.FunctionURL{Function: functionARN + tc.name, AuthType: "NONE"}, httpapi.Services{Functions: tc.by}, "POST", "/", tc.body, "Content-Type", "text/plain")
			if body := text(t, r); r.StatusCode != tc.status || body != tc.want {
				t.Errorf("%s %s, want %d %s", r.Status, body, tc.status, tc.want)
			}
		})
	}
}

// Headers that function URLs keep for themselves reach clients under other names.
func TestFunctionURLHeaders(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `{"statusCode":401,"headers":{"www-authenticate":"Basic","date":"today","X-Own":"mine"}}`}}
	r := askURL(t, httpapi.FunctionURL{Function: functionARN + "f", AuthType: "NONE"}, httpapi.Services{Functions: f}, "GET", "/", "")
	for name, want := range map[string]string{"Www-Authenticate": "", "X-Amzn-Remapped-Www-Authenticate": "Basic", "X-Amzn-Remapped-Date": "today", "X-Own": "mine"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestFunctionURLCORS(t *testing.T) {
	f := &functions{answers: map[string]string{"f": `{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"https://mine"},"body":""}`}}
	u := httpapi.FunctionURL{Function: functionARN + "f", AuthType: "NONE", CORS: &httpapi.CORS{AllowOrigins: []string{"https://a"}, AllowMethods: []string{"PUT"}, MaxAge: 60}}
	r := askURL(t, u, httpapi.Services{Functions: f}, "OPTIONS", "/", "", "Origin", "https://a", "Access-Control-Request-Method", "PUT")
	if r.StatusCode != 200 || r.Header.Get("Access-Control-Allow-Origin") != "https://a" || r.Header.Get("Access-Control-Allow-Methods") != "PUT" || r.Header.Get("Access-Control-Max-Age") != "60" || f.asked != 0 {
		t.Errorf("preflight %s %v", r.Status, r.Header)
	}
	r = askURL(t, u, httpapi.Services{Functions: f}, "GET", "/", "", "Origin", "https://a")
	if r.Header.Get("Access-Control-Allow-Origin") != "https://a" {
		t.Errorf("answer %v", r.Header)
	}
}
