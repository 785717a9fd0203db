package task_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

const connections = `{
	"key": {"AuthorizationType":"API_KEY","AuthParameters":{"ApiKeyAuthParameters":{"ApiKeyName":"X-Key","ApiKeyValue":"${TUTTI_TEST_KEY}"},
		"InvocationHttpParameters":{"HeaderParameters":[{"Key":"X-Own","Value":"conn"}],"QueryStringParameters":[{"Key":"q","Value":"conn"}]}}},
	"basic": {"AuthorizationType":"BASIC","AuthParameters":{"BasicAuthParameters":{"Username":"u","Password":"p$w"}}},
	"body": {"AuthorizationType":"BASIC","AuthParameters":{"BasicAuthParameters":{"Username":"u","Password":"p"},"InvocationHttpParameters":{"BodyParameters":[{"Key":"own","Value":"v"}]}}}
}`

// TestHTTPInvoke sends requests to a server that tells what it got, and reads what it is told.
func TestHTTPInvoke(t *testing.T) {
	t.Setenv("TUTTI_TEST_KEY", "secret")
	set, err := task.ParseConnections([]byte(connections))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, parameters string // without the endpoint
		status           int
		contentType      string
		body             string
		sent             string // METHOD URI BODY
		headers          []string
		result           string // StatusCode, StatusText and ResponseBody, or the cause
		failure          sfn.ErrorName
	}{
		{"JSON", `"Method":"GET","Authentication":{"ConnectionArn":"arn:aws:events:us-east-1:0:connection/key/1"},"QueryParameters":{"q":"mine","r":["1",2]},"Headers":{"X-Own":"mine","X-Mine":"m"}`, 200, "application/json; charset=utf-8", `{"a":1}`,
			`GET /x?q=conn&r=1&r=2 `, []string{"X-Key: secret", "X-Own: conn", "X-Mine: m", "User-Agent: Amazon|StepFunctions|HttpInvoke|us-east-1", "Range: bytes=0-262144", "X-Amzn-Trace-Id: Root=1-"}, `{"ResponseBody":{"a":1},"StatusCode":200,"StatusText":"OK"}`, ""},
		{"a text", `"Method":"POST","InvocationConfig":{"ConnectionArn":"basic"},"RequestBody":"plain"`, 201, "text/plain", `hi`, `POST /x plain`, []string{"Authorization: Basic dTpwJHc="}, `{"ResponseBody":"hi","StatusCode":201,"StatusText":"Created"}`, ""},
		{"a JSON body", `"Method":"PUT","Authentication":{"ConnectionArn":"basic"},"RequestBody":{"b":[1]}`, 200, "text/plain", ``, `PUT /x {"b":[1]}`, []string{"Content-Type: application/json"}, `{"ResponseBody":"","StatusCode":200,"StatusText":"OK"}`, ""},
		{"the connection's body", `"Method":"POST","Authentication":{"ConnectionArn":"body"},"RequestBody":{"own":"mine","b":1}`, 200, "text/plain", ``, `POST /x {"own":"v","b":1}`, nil, `{"ResponseBody":"","StatusCode":200,"StatusText":"OK"}`, ""},
		{"the connection's body and a text", `"Method":"POST","Authentication":{"ConnectionArn":"body"},"RequestBody":"text"`, 200, "", ``, ``, nil, `The RequestBody must be a JSON object`, sfn.ErrorRuntime},
		{"a form", `"Method":"POST","Authentication":{"ConnectionArn":"basic"},"RequestBody":{"a":[1,2],"o":{"k":"v w"}},"Transform":{"RequestBodyEncoding":"URL_ENCODED"}`, 200, "text/plain", ``,
			`POST /x a%5B0%5D=1&a%5B1%5D=2&o%5Bk%5D=v+w`, []string{"Content-Type: application/x-www-form-urlencoded"}, `{"ResponseBody":"","StatusCode":200,"StatusText":"OK"}`, ""},
		{"a form with repeats", `"Method":"POST","Authentication":{"ConnectionArn":"basic"},"RequestBody":{"a":[1,2]},"Transform":{"RequestBodyEncoding":"URL_ENCODED","RequestEncodingOptions":{"ArrayFormat":"REPEAT"}}`, 200, "text/plain", ``, `POST /x a=1&a=2`, nil, `{"ResponseBody":"","StatusCode":200,"StatusText":"OK"}`, ""},
		{"a form with commas", `"Method":"POST","Authentication":{"ConnectionArn":"basic"},"RequestBody":{"a":[1,2]},"Transform":{"RequestBodyEncoding":"URL_ENCODED","RequestEncodingOptions":{"ArrayFormat":"COMMAS"}}`, 200, "text/plain", ``, `POST /x a=1%2C2`, nil, `{"ResponseBody":"","StatusCode":200,"StatusText":"OK"}`, ""},
		{"a form with brackets", `"Method":"POST","Authentication":{"ConnectionArn":"basic"},"RequestBody":{"a":[1,2]},"Transform":{"RequestBodyEncoding":"URL_ENCODED","RequestEncodingOptions":{"ArrayFormat":"BRACKETS"}}`, 200, "text/plain", ``, `POST /x a%5B%5D=1&a%5B%5D=2`, nil, `{"ResponseBody":"","StatusCode":200,"StatusText":"OK"}`, ""},
		{"an error", `"Method":"GET","Authentication":{"ConnectionArn":"basic"}`, 404, "application/json", `{"no":1}`, `GET /x `, nil, `{"no":1}`, "States.Http.StatusCode.404"},
		{"a redirect is not followed", `"Method":"GET","Authentication":{"ConnectionArn":"basic"}`, 302, "text/plain", ``, `GET /x `, nil, `{"ResponseBody":"","StatusCode":302,"StatusText":"Found"}`, ""},
		{"an image", `"Method":"GET","Authentication":{"ConnectionArn":"basic"}`, 200, "image/png", `x`, `GET /x `, nil, `image/png`, sfn.ErrorRuntime},
		{"no text", `"Method":"GET","Authentication":{"ConnectionArn":"basic"}`, 200, "text/plain", "\xff", `GET /x `, nil, `no text`, sfn.ErrorRuntime},
		{"too large", `"Method":"GET","Authentication":{"ConnectionArn":"basic"}`, 200, "text/plain", strings.Repeat("x", 300_000), `GET /x `, nil, `exceeding the maximum`, sfn.ErrorDataLimitExceeded},
		{"no such connection", `"Method":"GET","Authentication":{"ConnectionArn":"nope"}`, 200, "", ``, ``, nil, `The connection nope does not exist`, "Events.ConnectionResource.ResourceNotFound"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sent string
			var got http.Header
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				sent, got = r.Method+" "+r.URL.RequestURI()+" "+string(body), r.Header
				w.Header().Set("Content-Type", tt.contentType)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}))
			defer server.Close()
			catalog := task.NewCatalog(task.Config{Connections: set})
			call := callOf(t, "http:invoke", `{"ApiEndpoint":"`+server.URL+`/x",`+tt.parameters+`}`)
			if _, why := catalog.Prepare(call.Resource, call.Parameters); why != "" {
				t.Fatal(why)
			}
			var trace task.HTTPTrace
			output, failure := catalog.Perform(task.WithHTTPTrace(t.Context(), &trace), call)
			if sent != tt.sent {
				t.Errorf("sent %s\nwant %s", sent, tt.sent)
			}
			for _, want := range tt.headers {
				name, v, _ := strings.Cut(want, ": ")
				if !strings.HasPrefix(got.Get(name), v) {
					t.Errorf("%s: %s, want %s", name, got.Get(name), v)
				}
			}
			if tt.sent != "" && (trace.Request.URL == "" || trace.Response.StatusCode == "" || !json.Valid([]byte(trace.Request.Headers))) {
				t.Errorf("traced %+v", trace)
			}
			if tt.failure != "" {
				if failure == nil || failure.Name() != tt.failure || !strings.Contains(failure.Cause.Text, tt.result) {
					t.Errorf("failure %v, want %s: %s", failure, tt.failure, tt.result)
				}
				return
			}
			if failure != nil {
				t.Fatal(failure)
			}
			var members []value.Member
			for name, v := range output.Value().(*value.Object).All() {
				if name != "Headers" {
					members = append(members, value.Member{Name: name, Value: v})
				}
			}
			if shown := value.Text(value.NewObject(members...)); shown != tt.result {
				t.Errorf("result %s, want %s", shown, tt.result)
			}
		})
	}
}

// TestTracesKeepSecrets sends what a connection keeps secret, and looks for it in what TestState would show.
func TestTracesKeepSecrets(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `1`)
	}))
	defer server.Close()
	parameter := func(secret bool) string {
		return fmt.Sprintf(`[{"Key":"K","Value":"hush","IsValueSecret":%t}]`, secret)
	}
	for _, tt := range []struct {
		header, query, body bool // are secret
		reveal, shown       bool
	}{
		{true, true, true, false, false}, {true, true, true, true, true}, {false, true, true, false, true}, {true, false, true, false, true}, {true, true, false, false, true},
	} {
		set, err := task.ParseConnections([]byte(`{"c":{"AuthorizationType":"BASIC","AuthParameters":{"BasicAuthParameters":{"Username":"u","Password":"p"},
			"InvocationHttpParameters":{"HeaderParameters":` + parameter(tt.header) + `,"QueryStringParameters":` + parameter(tt.query) + `,"BodyParameters":` + parameter(tt.body) + `}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		trace := task.HTTPTrace{Reveal: tt.reveal}
		call := callOf(t, "http:invoke", `{"ApiEndpoint":"`+server.URL+`","Method":"POST","RequestBody":{"open":1},"Authentication":{"ConnectionArn":"arn:aws:events:us-east-1:000000000000:connection/c/1"}}`)
		if _, failure := task.NewCatalog(task.Config{Connections: set}).Perform(task.WithHTTPTrace(t.Context(), &trace), call); failure != nil {
			t.Fatal(failure)
		}
		shown := fmt.Sprint(trace.Request)
		if strings.Contains(shown, "hush") != tt.shown || !strings.Contains(shown, `"open":1`) || strings.Contains(shown, "Authorization") != tt.reveal {
			t.Errorf("%+v shows %s", tt, shown)
		}
	}
}

func TestOAuthConnection(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			asked++
			_ = r.ParseForm()
			if r.Form.Get("grant_type") != "client_credentials" || r.Form.Get("client_id") != "id" || r.Form.Get("client_secret") != "s" || r.Form.Get("scope") != "all" {
				t.Errorf("asked with %v", r.Form)
			}
			_, _ = io.WriteString(w, `{"access_token":"tok","expires_in":3600}`)
			return
		}
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	}))
	defer server.Close()
	set, err := task.ParseConnections([]byte(`{"o":{"AuthorizationType":"OAUTH_CLIENT_CREDENTIALS","AuthParameters":{"OAuthParameters":{"AuthorizationEndpoint":"` + server.URL + `/token","HttpMethod":"POST",
		"ClientParameters":{"ClientID":"id","ClientSecret":"s"},"OAuthHttpParameters":{"BodyParameters":[{"Key":"scope","Value":"all"}]}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	catalog := task.NewCatalog(task.Config{Connections: set})
	for range 2 {
		output, failure := catalog.Perform(t.Context(), callOf(t, "http:invoke", `{"ApiEndpoint":"`+server.URL+`","Method":"GET","Authentication":{"ConnectionArn":"o"}}`))
		if failure != nil || !strings.Contains(output.Text(), `"ResponseBody":"Bearer tok"`) {
			t.Fatalf("%v %v", output, failure)
		}
	}
	if asked != 1 {
		t.Errorf("the token was asked for %d times", asked)
	}
}

func TestHTTPUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	set, _ := task.ParseConnections([]byte(connections))
	_, failure := task.NewCatalog(task.Config{Connections: set}).Perform(t.Context(), callOf(t, "http:invoke", `{"ApiEndpoint":"`+server.URL+`?key=secret","Method":"GET","Authentication":{"ConnectionArn":"basic"}}`))
	if failure == nil || failure.Name() != sfn.ErrorHTTPSocket || strings.Contains(failure.Cause.Text, "secret") {
		t.Errorf("%v", failure)
	}
}

// TestGatewayInvoke calls an API that is in this process, as local front doors are.
func TestGatewayInvoke(t *testing.T) {
	for _, tt := range []struct {
		name, parameters string
		status           int
		body             string
		sent             string
		output           string
		failure          sfn.ErrorName
	}{
		{"POST", `"Method":"POST","Stage":"dev","Path":"/a/b","RequestBody":{"x":1,"n":null},"Headers":{"H":["1","2"]},"QueryParameters":{"q":["a","b"]}`, 200, `{"ok":true}`, `POST id.execute-api.us-east-1.amazonaws.com/dev/a/b?q=a&q=b {"x":1} [1 2]`, `"ResponseBody":{"ok":true},"StatusCode":200,"StatusText":"OK"}`, ""},
		{"with nulls", `"Method":"PUT","RequestBody":{"n":null},"AllowNullValues":true`, 200, `text`, `PUT id.execute-api.us-east-1.amazonaws.com {"n":null} []`, `"ResponseBody":"text","StatusCode":200,`, ""},
		{"a text", `"Method":"POST","RequestBody":"HelloWorld"`, 200, `1`, `POST id.execute-api.us-east-1.amazonaws.com "HelloWorld" []`, `"ResponseBody":1,`, ""},
		{"an error", `"Method":"GET"`, 403, `{"message": "Missing Authentication Token"}`, `GET id.execute-api.us-east-1.amazonaws.com  []`, `{"message":"Missing Authentication Token"}`, "ApiGateway.403"},
		{"signed", `"Method":"GET","AuthType":"IAM_ROLE"`, 200, `1`, `GET id.execute-api.us-east-1.amazonaws.com  []`, `"ResponseBody":1`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sent, signature string
			routes, _ := awsclient.NewRoutes(nil)
			routes.Embed(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				signature = r.Header.Get("Authorization")
				sent = r.Method + " " + r.Host + strings.TrimSuffix(r.URL.RequestURI(), "/") + " " + string(body) + " [" + strings.Join(r.Header["H"], " ") + "]"
				w.Header().Set("X-Own", "v")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}), "execute-api")
			catalog := task.NewCatalog(task.Config{Routes: routes})
			call := callOf(t, "apigateway:invoke", `{"ApiEndpoint":"id.execute-api.us-east-1.amazonaws.com",`+tt.parameters+`}`)
			if _, why := catalog.Prepare(call.Resource, call.Parameters); why != "" {
				t.Fatal(why)
			}
			output, failure := catalog.Perform(t.Context(), call)
			if sent != tt.sent || (signature != "") != strings.Contains(tt.parameters, "IAM_ROLE") {
				t.Errorf("sent %s, signed %q\nwant %s", sent, signature, tt.sent)
			}
			switch {
			case tt.failure != "":
				if failure == nil || failure.Name() != tt.failure || failure.Cause.Text != tt.output {
					t.Errorf("failure %v, want %s: %s", failure, tt.failure, tt.output)
				}
			case failure != nil:
				t.Error(failure)
			case !strings.Contains(output.Text(), tt.output) || !strings.Contains(output.Text(), `"X-Own":["v"]`):
				t.Errorf("output %s, want %s", output.Text(), tt.output)
			}
		})
	}
	_, failure := task.NewCatalog(task.Config{}).Perform(t.Context(), callOf(t, "apigateway:invoke", `{"ApiEndpoint":"id.execute-api.us-east-1.amazonaws.com","Method":"GET"}`))
	if failure == nil || failure.Name() != "ApiGateway.SdkClientException" || !strings.Contains(failure.Cause.Text, "--upstream") {
		t.Errorf("without an upstream: %v", failure)
	}
}

func TestParseConnections(t *testing.T) {
	for text, fault := range map[string]string{
		connections:                       "",
		`{}`:                              "",
		`[]`:                              "JSON object",
		`{"a":null}`:                      "is null",
		`{"a":{"AuthorizationType":"X"}}`: `"X"`,
	} {
		if _, err := task.ParseConnections([]byte(text)); (err == nil) != (fault == "") || err != nil && !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v, want %q", text, err, fault)
		}
	}
	set, _ := task.ParseConnections([]byte(connections))
	names := slices.Sorted(maps.Keys(set))
	if !slices.Equal(names, []string{"basic", "body", "key"}) {
		t.Errorf("%q", names)
	}
}

func FuzzParseConnections(f *testing.F) {
	f.Add([]byte(connections))
	f.Add([]byte(`{"a":{"AuthorizationType":"BASIC","AuthParameters":{"BasicAuthParameters":{"Username":"${","Password":"${}"}}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := task.ParseConnections(text)
		if err == nil {
			for name := range set {
				if _, ok := set.Connection("arn:aws:events:r:a:connection/" + name + "/id"); !ok && !strings.Contains(name, "/") {
					t.Errorf("%q is not found by its ARN", name)
				}
			}
		}
	})
}
