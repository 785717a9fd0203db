package cfn_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/value"
)

func TestSAMRestAPIOfItsOwn(t *testing.T) {
	tmpl, err := samTemplate(t, "Resources:"+samFunction+`      Events:
        Get: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /orders, Method: get, Auth: {Authorizer: NONE, ApiKeyRequired: false}, RequestParameters: [method.request.querystring.q, {method.request.header.X: {Required: true}}]}}
        Post: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /orders, Method: post, RequestModel: {Model: Order, Required: true, ValidateBody: true}}}
        Any: {Type: Api, Properties: {RestApiId: !Ref Api, Path: '/{proxy+}', Method: any, Auth: {Authorizer: AWS_IAM}}}
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Cors: {AllowOrigin: "'https://a'", MaxAge: "'60'", AllowCredentials: true}
      Models: {Order: {type: object, required: [n]}}
      GatewayResponses: {DEFAULT_4XX: {StatusCode: 418, ResponseParameters: {Headers: {X: "'y'"}}}}
      Auth:
        DefaultAuthorizer: Check
        AddDefaultAuthorizerToCorsPreflight: false
        ApiKeyRequired: true
        UsagePlan: {CreateUsagePlan: PER_API, Quota: {Limit: 5, Period: DAY}}
        Authorizers:
          Check: {FunctionArn: !GetAtt F.Arn, Identity: {Header: X-Token, ValidationExpression: t.*, ReauthorizeEvery: 0}}
          Ask: {FunctionArn: !GetAtt F.Arn, FunctionPayloadType: REQUEST, Identity: {Headers: [A, B], QueryStrings: [c], StageVariables: [d], Context: [e]}}
`)
	if err != nil {
		t.Fatal(err)
	}
	checkInvariants(t, tmpl)
	for _, want := range []string{"ApiUsagePlan ApiGateway::UsagePlan", "ApiApiKey ApiGateway::ApiKey", "ApiUsagePlanKey ApiGateway::UsagePlanKey", "ApiprodStage ApiGateway::Stage"} {
		if !slices.Contains(ids(tmpl), want) {
			t.Errorf("no %s: %v", want, ids(tmpl))
		}
	}
	api, _ := tmpl.Resource("Api")
	body := api.Read().Block("Body")
	paths := body.Block("paths")
	for _, tt := range []struct{ path, method, security string }{
		{"/orders", "get", `[]`},
		{"/orders", "post", `[{"Check":[],"api_key":[]}]`},
		{"/{proxy+}", "x-amazon-apigateway-any-method", `[{"AWS_IAM":[],"api_key":[]}]`},
		{"/orders", "options", `null`},
	} {
		v := paths.Block(tt.path).Block(tt.method).Value("security")
		if v == nil {
			v = value.Null{}
		}
		if got := value.Text(v); got != tt.security {
			t.Errorf("%s %s has the security %s, want %s", tt.method, tt.path, got, tt.security)
		}
	}
	for _, tt := range []struct{ what, got, want string }{
		{"parameters", value.Text(paths.Block("/orders").Block("get").Value("parameters")), `[{"name":"q","in":"query","required":false,"type":"string"},{"name":"X","in":"header","required":true,"type":"string"}]`},
		{"model", value.Text(paths.Block("/orders").Block("post").Value("parameters")), `[{"in":"body","name":"Order","schema":{"$ref":"#/definitions/Order"},"required":true}]`},
		{"validator", paths.Block("/orders").Block("post").String("x-amazon-apigateway-request-validator"), "body-only"},
		{"validators", value.Text(body.Value("x-amazon-apigateway-request-validators")), `{"body-only":{"validateRequestBody":true,"validateRequestParameters":false}}`},
		{"definitions", value.Text(body.Value("definitions")), `{"Order":{"type":"object","required":["n"]}}`},
		{"gateway responses", value.Text(body.Value("x-amazon-apigateway-gateway-responses")), `{"DEFAULT_4XX":{"statusCode":418,"responseParameters":{"gatewayresponse.header.X":"'y'"}}}`},
		{"methods of CORS", paths.Block("/orders").Block("options").Block("x-amazon-apigateway-integration").Block("responses").Block("default").Block("responseParameters").String("method.response.header.Access-Control-Allow-Methods"), "'GET,OPTIONS,POST'"},
		{"methods of any", paths.Block("/{proxy+}").Block("options").Block("x-amazon-apigateway-integration").Block("responses").Block("default").Block("responseParameters").String("method.response.header.Access-Control-Allow-Methods"), "'DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT'"},
		{"token's header", body.Block("securityDefinitions").Block("Check").String("name"), "X-Token"},
		{"request's sources", body.Block("securityDefinitions").Block("Ask").Block("x-amazon-apigateway-authorizer").String("identitySource"), "method.request.header.A, method.request.header.B, method.request.querystring.c, stageVariables.d, context.e"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", tt.what, tt.got, tt.want)
		}
	}
}

func TestSAMRestProblems(t *testing.T) {
	for _, tt := range []struct{ name, more, want string }{
		{"model", "      Events: {E: {Type: Api, Properties: {Path: /x, Method: get, RequestModel: {Model: M}}}}", "Unable to set RequestModel [M] on API method"},
		{"parameter", "      Events: {E: {Type: Api, Properties: {Path: /x, Method: get, RequestParameters: [q]}}}", "Invalid value for 'RequestParameters' property."},
		{"plan", "  A: {Type: AWS::Serverless::Api, Properties: {StageName: s, Auth: {UsagePlan: {}}}}", "'CreateUsagePlan' is required field"},
		{"cors", "  A: {Type: AWS::Serverless::Api, Properties: {StageName: s, Cors: {MaxAge: x}}}", "Invalid value for 'Cors' property: AllowOrigin is required."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := samTemplate(t, "Resources:"+samFunction+tt.more+"\n"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}
