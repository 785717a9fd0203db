package control

import (
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/lambda"
)

// URLs of a function and of its alias are there again after a restart, and go with what they are of.
func TestFunctionURLs(t *testing.T) {
	w := newWorld(t)
	w.do(t, "CreateFunction", creation(t, "f"))
	w.do(t, "PublishVersion", `{"FunctionName":"f"}`)
	w.do(t, "CreateAlias", `{"FunctionName":"f","Name":"live","FunctionVersion":"1"}`)
	made := w.do(t, "CreateFunctionUrlConfig", `{"FunctionName":"f","AuthType":"NONE","Cors":{"AllowOrigins":["*"],"MaxAge":60}}`)
	w.do(t, "CreateFunctionUrlConfig", `{"FunctionName":"f","Qualifier":"live","AuthType":"AWS_IAM"}`)
	url := member(t, made, "FunctionUrl")
	id, rest, _ := strings.Cut(strings.TrimPrefix(url, "https://"), ".")
	if len(id) != 32 || rest != "lambda-url.us-east-1.on.aws/" || member(t, made, "LastModifiedTime") != "" || strings.Contains(made, "InvokeMode") {
		t.Errorf("made %s", made)
	}
	w.do(t, "UpdateFunctionUrlConfig", `{"FunctionName":"f","AuthType":"AWS_IAM"}`)
	w.Close()
	w.open(t)
	got := w.do(t, "GetFunctionUrlConfig", `{"FunctionName":"f"}`)
	if member(t, got, "FunctionUrl") != url || member(t, got, "AuthType") != "AWS_IAM" || member(t, got, "InvokeMode") != "BUFFERED" || member(t, got, "Cors.MaxAge") != "60" || member(t, got, "LastModifiedTime") == "" {
		t.Errorf("got %s", got)
	}
	if u := w.FunctionURL(id); u == nil || u.Function != "arn:aws:lambda:us-east-1:000000000000:function:f" || u.AuthType != "AWS_IAM" {
		t.Errorf("served %+v", u)
	}
	if list := w.do(t, "ListFunctionUrlConfigs", `{"FunctionName":"f"}`); strings.Count(list, `"FunctionUrl":`) != 2 || !strings.Contains(list, `:function:f:live"`) {
		t.Errorf("listed %s", list)
	}
	w.do(t, "DeleteAlias", `{"FunctionName":"f","Name":"live"}`)
	if urls := w.FunctionURLs(); len(urls) != 1 {
		t.Errorf("the alias's URL stays: %+v", urls)
	}
	w.do(t, "DeleteFunctionUrlConfig", `{"FunctionName":"f"}`)
	if w.FunctionURL(id) != nil {
		t.Error("the URL is served after its deletion")
	}
}

func TestFunctionURLsRefused(t *testing.T) {
	w := newWorld(t)
	w.do(t, "CreateFunction", creation(t, "f"))
	w.do(t, "CreateFunctionUrlConfig", `{"FunctionName":"f","AuthType":"NONE"}`)
	const invalidValue, gone, validation = lambda.CodeInvalidParameterValue, lambda.CodeResourceNotFound, lambda.CodeValidation
	for _, tc := range []struct{ name, operation, request, code, message string }{
		{"no type", "CreateFunctionUrlConfig", `{"FunctionName":"f"}`, validation, "Value null at 'authType' failed to satisfy constraint: Member must not be null"},
		{"another type", "CreateFunctionUrlConfig", `{"FunctionName":"f","AuthType":"JWT"}`, validation, "Value 'JWT' at 'authType' failed to satisfy constraint: Member must satisfy enum value set: [NONE, AWS_IAM]"},
		{"a version", "CreateFunctionUrlConfig", `{"FunctionName":"f","AuthType":"NONE","Qualifier":"1"}`, validation, "Value '1' at 'qualifier' failed to satisfy constraint"},
		{"a version in the name", "CreateFunctionUrlConfig", `{"FunctionName":"f:1","AuthType":"NONE"}`, validation, "Value '1' at 'qualifier' failed to satisfy constraint"},
		{"a stream", "CreateFunctionUrlConfig", `{"FunctionName":"f","AuthType":"NONE","InvokeMode":"RESPONSE_STREAM"}`, invalidValue, "responses are not streamed"},
		{"an age", "CreateFunctionUrlConfig", `{"FunctionName":"f","AuthType":"NONE","Cors":{"MaxAge":86401}}`, validation, "at 'cors.maxAge' failed to satisfy constraint: Member must have value less than or equal to 86400"},
		{"a method", "UpdateFunctionUrlConfig", `{"FunctionName":"f","Cors":{"AllowMethods":["CONNECT"]}}`, validation, "Value '[CONNECT]' at 'cors.allowMethods' failed to satisfy constraint"},
		{"twice", "CreateFunctionUrlConfig", `{"FunctionName":"f","AuthType":"NONE"}`, lambda.CodeResourceConflict, "Failed to create function url config for [functionArn = arn:aws:lambda:us-east-1:000000000000:function:f]."},
		{"unknown function", "CreateFunctionUrlConfig", `{"FunctionName":"g","AuthType":"NONE"}`, gone, "Function does not exist"},
		{"unknown alias", "CreateFunctionUrlConfig", `{"FunctionName":"f","Qualifier":"live","AuthType":"NONE"}`, gone, "Function does not exist"},
		{"list of none", "ListFunctionUrlConfigs", `{"FunctionName":"g"}`, gone, "Function does not exist"},
		{"get none", "GetFunctionUrlConfig", `{"FunctionName":"f","Qualifier":"live"}`, gone, "The resource you requested does not exist."},
		{"update none", "UpdateFunctionUrlConfig", `{"FunctionName":"f","InvokeMode":"RESPONSE_STREAM"}`, invalidValue, "responses are not streamed"},
		{"get of $LATEST", "GetFunctionUrlConfig", `{"FunctionName":"f","Qualifier":"$LATEST"}`, validation, `Value '$LATEST' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)`},
		{"mode", "CreateFunctionUrlConfig", `{"FunctionName":"f","AuthType":"NONE","InvokeMode":"X"}`, validation, "Value 'X' at 'invokeMode' failed to satisfy constraint: Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]"},
		{"delete none", "DeleteFunctionUrlConfig", `{"FunctionName":"g"}`, gone, "The resource you requested does not exist."},
		{"a long page", "ListFunctionUrlConfigs", `{"FunctionName":"f","MaxItems":51}`, validation, "at 'maxItems'"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := w.try(t, tc.operation, tc.request)
			refusedAs(t, err, tc.code, tc.message)
		})
	}
}

// A template's URL keeps its id and is deleted once the template has it no more.
func TestFunctionURLOfTemplate(t *testing.T) {
	w := newWorld(t)
	name, none := "t", "NONE"
	if err := w.Deploy(Deployment{Name: name, Binary: "/b"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.DeployFunctionURL(FunctionURLRequest{FunctionName: &name, AuthType: &none}, "u1"); err != nil {
			t.Fatal(err)
		}
		if err := w.Settle(name, Settled{URLs: []string{""}}); err != nil {
			t.Fatal(err)
		}
	}
	if u := w.FunctionURL("u1"); u == nil || u.Name != name {
		t.Errorf("served %+v", u)
	}
	if err := w.Settle(name, Settled{}); err != nil || w.FunctionURL("u1") != nil {
		t.Errorf("it stays: %v", err)
	}
}

func TestURLWhereTheClientIs(t *testing.T) {
	for host, want := range map[string]string{
		"127.0.0.1:4566": "http://u1.lambda-url.localhost:4566/", "localhost": "http://u1.lambda-url.localhost/", "[::1]:80": "http://u1.lambda-url.localhost:80/",
		"lambda.localhost:1": "http://u1.lambda-url.localhost:1/", "lambda.us-east-1.amazonaws.com": "https://u1.lambda-url.us-east-1.on.aws/",
	} {
		c := FunctionURLConfig{FunctionUrl: "https://u1.lambda-url.us-east-1.on.aws/"}
		if c.At(host); c.FunctionUrl != want {
			t.Errorf("for %s it is %s, want %s", host, c.FunctionUrl, want)
		}
	}
}
