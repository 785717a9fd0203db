package stack_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/stack"
)

// A SAM function with FunctionUrlConfig is called by its URL, which is its alias's, until the template has it no more.
func TestFunctionURLOfSAM(t *testing.T) {
	template := `
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: hello/
      Handler: bootstrap
      Runtime: provided.al2023
      AutoPublishAlias: live
      Environment: {Variables: {GREETING: hello}}
      FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigins: ['https://a'], AllowCredentials: true}}
  Streams:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: hello/
      Handler: bootstrap
      Runtime: provided.al2023
      FunctionUrlConfig: {AuthType: NONE, InvokeMode: RESPONSE_STREAM}
Outputs:
  Url: {Value: !GetAtt HelloUrl.FunctionUrl}
`
	cfg := project(t, map[string]string{"go.mod": oldModule, "hello/main.go": echoFunction, "template.yaml": template})
	cfg.Template = filepath.Join(cfg.Project, "template.yaml")
	s, told := open(t, cfg)
	if refused := told.one(t, stack.NotRunHere); !strings.Contains(refused.Detail, "StreamsUrl (AWS::Lambda::Url): InvokeMode RESPONSE_STREAM cannot be had here") {
		t.Errorf("told %s", refused.Detail)
	}
	rewrite := func(text string) {
		if err := os.WriteFile(cfg.Template, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	urls := s.Lambda().FunctionURLs()
	if len(urls) != 1 || !strings.HasSuffix(urls[0].Function, ":live") || len(urls[0].ID) != 32 {
		t.Fatalf("URLs %+v", urls)
	}
	w := httptest.NewRecorder()
	s.FunctionURL(urls[0].ID).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "http://x.lambda-url.localhost/a?b=c", nil))
	var answer struct {
		Greeting string
		Event    struct{ RawPath, RawQueryString string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 || answer.Greeting != "hello" || answer.Event.RawPath != "/a" || answer.Event.RawQueryString != "b=c" {
		t.Errorf("answer %d %s, %v", w.Code, w.Body, err)
	}
	rewrite(strings.Replace(template, "FunctionUrlConfig: {AuthType: NONE, Cors", "Tags: {x: y} # {AuthType: NONE, Cors", 1))
	if err := s.Reload(t.Context()); err == nil || len(s.Lambda().FunctionURLs()) != 1 {
		t.Errorf("a template with a fault changed something: %v", err)
	}
	rewrite(strings.Replace(strings.Replace(template, "FunctionUrlConfig: {AuthType: NONE, Cors", "Tags: {x: y} # {AuthType: NONE, Cors", 1), "  Url: {Value: !GetAtt HelloUrl.FunctionUrl}", "  U: {Value: x}", 1))
	if err := s.Reload(t.Context()); err != nil || len(s.Lambda().FunctionURLs()) != 0 {
		t.Errorf("%v, and the URL stays", err)
	}
}
