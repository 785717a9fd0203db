package restapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/trigger/restapi"
	"github.com/tutti-run/tutti/internal/value"
)

const swagger = `{
 "swagger": "2.0", "info": {"title": "shop"}, "x-amazon-apigateway-api-key-source": "HEADER", "x-amazon-apigateway-binary-media-types": ["image/png"],
 "x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": true, "validateRequestParameters": true}, "none": {}},
 "x-amazon-apigateway-request-validator": "all",
 "x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": {"statusCode": "418", "responseParameters": {"gatewayresponse.header.X": "'y'"}, "responseTemplates": {"application/json": "{}"}}},
 "definitions": {"Order": {"type": "object", "required": ["n"]}},
 "securityDefinitions": {
  "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
  "sigv4": {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"},
  "check": {"type": "apiKey", "name": "X-Token", "in": "header", "x-amazon-apigateway-authtype": "custom", "x-amazon-apigateway-authorizer":
   {"type": "token", "authorizerUri": "arn:f", "authorizerResultTtlInSeconds": 0, "identityValidationExpression": "a+"}},
  "pool": {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": ["arn:p"]}}
 },
 "security": [{"check": []}],
 "paths": {
  "/orders/{id}": {
   "parameters": [{"name": "id", "in": "path", "required": true}],
   "post": {"parameters": [{"name": "q", "in": "query", "required": true}, {"name": "body", "in": "body", "schema": {"$ref": "#/definitions/Order"}}], "security": [{"api_key": [], "sigv4": []}],
    "x-amazon-apigateway-integration": {"type": "aws", "uri": "arn:u", "httpMethod": "POST", "passthroughBehavior": "when_no_templates", "timeoutInMillis": 1000,
     "requestTemplates": {"application/json": "t"}, "requestParameters": {"integration.request.header.X": "'y'"},
     "responses": {"4\\d\\d": {"statusCode": "400"}, "default": {"statusCode": "200", "responseParameters": {"method.response.header.Z": "'w'"}}}}},
   "get": {"x-amazon-apigateway-request-validator": "none", "x-amazon-apigateway-integration": {"type": "mock"}},
   "x-amazon-apigateway-any-method": {"security": [{"pool": ["read"]}], "x-amazon-apigateway-integration": {"type": "http_proxy", "uri": "http://x"}}
  },
  "/open": {"options": {"security": []}}
 }
}`

func newAPI() restapi.API {
	return restapi.API{ID: "a", Authorizers: map[string]restapi.Authorizer{}, Models: map[string]string{}, GatewayResponses: map[string]restapi.GatewayResponse{}}
}

func TestReadOpenAPI(t *testing.T) {
	a := newAPI()
	if err := restapi.ReadOpenAPI(&a, parse(t, swagger)); err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, m := range a.Methods {
		kind := "none"
		if m.Integration != nil {
			kind = m.Integration.Type
		}
		shown = append(shown, fmt.Sprint(m.Verb, " ", m.Path, " ", kind, " ", m.Authorization, m.Authorizer, m.Scopes, m.KeyRequired, m.CheckBody, m.CheckParameters, m.Parameters, m.Models))
	}
	want := []string{
		"POST /orders/{id} AWS AWS_IAM[]truetruetruemap[method.request.path.id:true method.request.querystring.q:true]map[application/json:Order]",
		"GET /orders/{id} MOCK CUSTOMcheck[]falsefalsefalsemap[method.request.path.id:true]map[]",
		"ANY /orders/{id} HTTP_PROXY COGNITO_USER_POOLSpool[read]falsetruetruemap[method.request.path.id:true]map[]",
		"OPTIONS /open none []falsetruetruemap[]map[]",
	}
	for i := range shown {
		shown[i] = strings.ReplaceAll(strings.ReplaceAll(shown[i], " []", "[]"), "] ", "]")
		shown[i] = strings.NewReplacer("false ", "false", "true ", "true").Replace(shown[i])
	}
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "none []", "none[]")
		if flat := strings.NewReplacer(" ", "").Replace; i >= len(shown) || flat(shown[i]) != flat(want[i]) {
			t.Errorf("got  %q\nwant %q", shown, want)
			break
		}
	}
	i := a.Methods[0].Integration
	if i.Verb != "POST" || i.Passthrough != "WHEN_NO_TEMPLATES" || i.Timeout != time.Second || i.Templates["application/json"] != "t" || i.Parameters["integration.request.header.X"] != "'y'" ||
		len(i.Responses) != 2 || i.Responses[0].Pattern != `4\d\d` || i.Responses[0].Status != 400 || i.Responses[1].Pattern != "" || i.Responses[1].Parameters["method.response.header.Z"] != "'w'" {
		t.Errorf("integration %+v", i)
	}
	check, pool := a.Authorizers["check"], a.Authorizers["pool"]
	if check.Type != "TOKEN" || check.CacheFor != 0 || check.Validation != "a+" || !slices.Equal(check.Sources, []string{"method.request.header.X-Token"}) || pool.CacheFor != 5*time.Minute || pool.Pools[0] != "arn:p" {
		t.Errorf("authorizers %+v %+v", check, pool)
	}
	if g := a.GatewayResponses["DEFAULT_4XX"]; g.Status != 418 || g.Parameters["gatewayresponse.header.X"] != "'y'" || g.Templates["application/json"] != "{}" || a.Name != "shop" || a.BinaryTypes[0] != "image/png" {
		t.Errorf("read %+v", a)
	}
	if err := restapi.ReadOpenAPI(&a, parse(t, `{"swagger":"1.2"}`)); err == nil {
		t.Error("another version is read")
	}
}

func TestReadOpenAPI3(t *testing.T) {
	a := newAPI()
	if err := restapi.ReadOpenAPI(&a, parse(t, `{"openapi":"3.0.1","components":{"schemas":{"O":{"type":"object"}},"parameters":{"P":{"name":"p","in":"header","required":true}}},
		"paths":{"/x":{"put":{"parameters":[{"$ref":"#/components/parameters/P"}],"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/O"}},"text/json":{"schema":{"type":"array"}}}},
		"x-amazon-apigateway-auth":{"type":"AWS_IAM"}}}}}`)); err != nil {
		t.Fatal(err)
	}
	m := a.Methods[0]
	if m.Models["application/json"] != "O" || !m.Parameters["method.request.header.p"] || m.Authorization != "AWS_IAM" || a.Models[m.Models["text/json"]] != `{"type":"array"}` {
		t.Errorf("read %+v", a)
	}
}

func FuzzReadOpenAPI(f *testing.F) {
	f.Add(swagger)
	f.Add(`{"openapi":"3.0.1","paths":{"/x":{"get":{"parameters":[{"$ref":"#/components/parameters/P"}]}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := value.Parse(text)
		o, ok := v.(*value.Object)
		if err != nil || !ok {
			return
		}
		a := newAPI()
		if restapi.ReadOpenAPI(&a, o) == nil {
			restapi.New(a, restapi.Services{Functions: &functions{}, AWS: &service{}})
		}
	})
}

func FuzzRequest(f *testing.F) {
	i := start()
	i.Templates = map[string]string{"application/json": cdkTemplate}
	h, _ := restapi.New(oneMethod(restapi.Method{Verb: "ANY", Path: "/{a}/{b+}", Integration: i}), restapi.Services{AWS: &service{status: 200, answer: "{}"}})
	f.Add("/prod/x/y%2Fz?a=b&a=c%", `{"a":[1]}`)
	f.Add("/prod/x//", `{`)
	f.Fuzz(func(t *testing.T, target, body string) {
		if !strings.HasPrefix(target, "/") || strings.ContainsAny(target, " \r\n\t\x00") {
			return
		}
		defer func() {
			if bad := recover(); bad != nil && !strings.Contains(fmt.Sprint(bad), "invalid NewRequest arguments") {
				panic(bad)
			}
		}()
		if r := ask(t, h, "POST", target, body); r.StatusCode == 0 {
			t.Error("no status")
		}
	})
}
