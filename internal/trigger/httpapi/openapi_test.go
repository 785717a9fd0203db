package httpapi_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/trigger/httpapi"
	"github.com/tutti-run/tutti/internal/value"
)

const openAPI = `{
 "openapi": "3.0.1", "info": {"title": "shop"},
 "security": [{"jwt": ["read"]}],
 "x-amazon-apigateway-cors": {"allowOrigins": ["*"], "allowMethods": ["GET"], "maxAge": 60},
 "components": {
  "securitySchemes": {
   "jwt": {"type": "oauth2", "x-amazon-apigateway-authorizer": {"type": "jwt", "identitySource": "$request.header.Authorization",
    "jwtConfiguration": {"issuer": "https://i", "audience": ["a"]}}},
   "fn": {"type": "apiKey", "x-amazon-apigateway-authorizer": {"type": "request", "identitySource": "$request.header.A, $request.header.B",
    "authorizerUri": "arn:aws:lambda:us-east-1:1:function:f", "enableSimpleResponses": true, "authorizerResultTtlInSeconds": 30}}},
  "x-amazon-apigateway-integrations": {"shared": {"type": "http_proxy", "httpMethod": "any", "uri": "http://x", "timeoutInMillis": 1000}}},
 "paths": {
  "/a": {"get": {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": "arn:aws:lambda:us-east-1:1:function:g", "payloadFormatVersion": "2.0"}},
         "parameters": []},
  "/b/{id}": {"x-amazon-apigateway-any-method": {"security": [{"fn": []}], "x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/shared"}}},
  "/c": {"put": {"security": [], "operationId": "c"}, "post": {"security": [{"AWS_IAM": []}]}},
  "/$default": {"x-amazon-apigateway-any-method": {"security": []}}}}`

func TestReadOpenAPI(t *testing.T) {
	document, err := value.Parse(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	a := httpapi.API{Integrations: map[string]httpapi.Integration{}, Authorizers: map[string]httpapi.Authorizer{}}
	if err := httpapi.ReadOpenAPI(&a, document.(*value.Object)); err != nil {
		t.Fatal(err)
	}
	var routes []string
	for _, r := range a.Routes {
		routes = append(routes, fmt.Sprintf("%s|%s|%s|%s|%v", r.Key, r.Integration, r.Authorization, r.Authorizer, r.Scopes))
	}
	want := []string{"GET /a|GET /a|JWT|jwt|[read]", "ANY /b/{id}|ANY /b/{id}|CUSTOM|fn|[]", "PUT /c||||[]", "POST /c||AWS_IAM||[]", "$default||||[]"}
	if !slices.Equal(routes, want) {
		t.Errorf("routes %q\nwant   %q", routes, want)
	}
	if i := a.Integrations["ANY /b/{id}"]; i.Type != "HTTP_PROXY" || i.Method != "ANY" || i.URI != "http://x" || i.Timeout != time.Second {
		t.Errorf("the shared integration is %+v", i)
	}
	if f := a.Authorizers["fn"]; !f.SimpleAnswers || f.CacheFor != 30*time.Second || !slices.Equal(f.IdentitySources, []string{"$request.header.A", "$request.header.B"}) {
		t.Errorf("the function's authorizer is %+v", f)
	}
	if j := a.Authorizers["jwt"]; j.Type != "JWT" || j.Issuer != "https://i" || !slices.Equal(j.Audience, []string{"a"}) {
		t.Errorf("the JWT authorizer is %+v", j)
	}
	if a.Name != "shop" || a.CORS == nil || a.CORS.MaxAge != 60 {
		t.Errorf("the API is %+v", a)
	}
	if err := httpapi.ReadOpenAPI(&a, value.NewObject(value.Member{Name: "swagger", Value: value.String("2.0")})); err == nil {
		t.Error("a Swagger document was taken")
	}
}

func FuzzReadOpenAPI(f *testing.F) {
	f.Add(openAPI)
	f.Fuzz(func(_ *testing.T, text string) {
		document, err := value.Parse(text)
		o, ok := document.(*value.Object)
		if err != nil || !ok {
			return
		}
		a := httpapi.API{Integrations: map[string]httpapi.Integration{}, Authorizers: map[string]httpapi.Authorizer{}}
		if httpapi.ReadOpenAPI(&a, o) == nil {
			httpapi.New(a, httpapi.Services{})
		}
	})
}
