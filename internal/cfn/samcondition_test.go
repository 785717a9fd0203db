package cfn_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/cfn"
)

const conditionalSAM = `
Transform: AWS::Serverless-2016-10-31
Parameters: {Wanted: {Type: String}}
Conditions: {Is: !Equals [!Ref Wanted, 'yes']}
Globals: {Function: {CodeUri: src, Handler: h, Runtime: nodejs22.x, AutoPublishAlias: live, DeploymentPreference: {Type: AllAtOnce}}}
Resources:
  Maybe:
    Type: AWS::Serverless::Function
    Condition: Is
    Properties:
      Events:
        Own: {Type: Api, Properties: {Path: /own, Method: get}}
        Both: {Type: Api, Properties: {Path: /both, Method: post}}
        Http: {Type: HttpApi, Properties: {Path: /h, Method: get}}
        Files: {Type: S3, Properties: {Bucket: !Ref Bucket, Events: 's3:ObjectCreated:*'}}
  Machine:
    Type: AWS::Serverless::StateMachine
    Condition: Is
    Properties: {Definition: {StartAt: A, States: {A: {Type: Succeed}}}, Events: {Start: {Type: Api, Properties: {Path: /start, Method: post}}}}
  Always:
    Type: AWS::Serverless::Function
    Properties: {Events: {Both: {Type: Api, Properties: {Path: /both, Method: get}}, Files: {Type: S3, Properties: {Bucket: !Ref Bucket, Events: 's3:ObjectRemoved:*'}}}}
  Bucket: {Type: AWS::S3::Bucket}
`

// What a condition leaves out is in no API and no bucket, and takes nothing with it that others need.
func TestSAMConditions(t *testing.T) {
	for wanted, want := range map[string]bool{"yes": true, "no": false} {
		tmpl, err := resolveYAML(t, conditionalSAM, cfn.Input{Parameters: map[string]string{"Wanted": wanted}})
		if err != nil {
			t.Errorf("%s: %v", wanted, err)
			continue
		}
		for _, id := range []string{"Maybe", "MaybeAliaslive", "Machine", "MachineStartRole", "ServerlessHttpApi"} {
			if _, ok := tmpl.Resource(id); ok != want {
				t.Errorf("%s: that there is %s is %v", wanted, id, ok)
			}
		}
		for _, id := range []string{"Always", "ServerlessRestApi", "CodeDeployServiceRole", "ServerlessDeploymentApplication"} {
			if _, ok := tmpl.Resource(id); !ok {
				t.Errorf("%s: there is no %s", wanted, id)
			}
		}
		body, bucket := propertiesOf(t, tmpl, "ServerlessRestApi"), propertiesOf(t, tmpl, "Bucket")
		for _, part := range []string{`"/own":{"get"`, `"post":{"x-amazon-apigateway-integration":{"type":"aws_proxy"`, `"/start":{"post"`} {
			if strings.Contains(body, part) != want {
				t.Errorf("%s: that the API has %s is %v: %s", wanted, part, !want, body)
			}
		}
		if !strings.Contains(body, `"/both":{`) || strings.Contains(bucket, "ObjectCreated") != want || !strings.Contains(bucket, "ObjectRemoved") {
			t.Errorf("%s: %s\n%s", wanted, body, bucket)
		}
	}
}

func TestSAMIgnoredGlobals(t *testing.T) {
	const template = `
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: nodejs22.x, Timeout: 9, MemorySize: 512}}
Resources:
  All: {Type: AWS::Serverless::Function, IgnoreGlobals: '*', Properties: {CodeUri: a, Handler: h, Runtime: python3.12}}
  Some: {Type: AWS::Serverless::Function, IgnoreGlobals: [Timeout], Properties: {CodeUri: a, Handler: h}}
`
	tmpl, err := resolveYAML(t, template, cfn.Input{})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string][2]int64{"All": {3, 128}, "Some": {3, 512}} {
		res, _ := tmpl.Resource(id)
		if p := res.Read(); p.Int("Timeout", 3) != want[0] || p.Int("MemorySize", 128) != want[1] {
			t.Errorf("%s: timeout %d, memory %d, want %v", id, p.Int("Timeout", 3), p.Int("MemorySize", 128), want)
		}
	}
	if _, err := resolveYAML(t, strings.Replace(template, "[Timeout]", "[Timeouts]", 1), cfn.Input{}); err == nil || !strings.Contains(err.Error(), "Resource Some has invalid resource attribute 'IgnoreGlobals' on item 'Timeouts'.") {
		t.Errorf("%v", err)
	}
}

// Authorizers say where the caller's identity is, and which scopes a route asks for that says nothing of its own.
func TestSAMAuthorizers(t *testing.T) {
	tmpl, err := resolveYAML(t, `
Transform: AWS::Serverless-2016-10-31
Parameters: {Name: {Type: String, Default: prod}}
Resources:
  Http:
    Type: AWS::Serverless::HttpApi
    Properties:
      StageName: !Ref Name
      Auth:
        EnableIamAuthorizer: true
        DefaultAuthorizer: Token
        Authorizers:
          Token: {AuthorizationScopes: [read], IdentitySource: $request.header.Authorization, JwtConfiguration: {issuer: 'https://example.com', audience: [a]}}
          Ours: {FunctionArn: !GetAtt F.Arn, AuthorizerPayloadFormatVersion: '2.0', Identity: {Headers: [A], QueryStrings: [q], Context: [c], StageVariables: [v], ReauthorizeEvery: 10}}
  Rest: {Type: AWS::Serverless::Api, Properties: {StageName: !Ref Name, BinaryMediaTypes: [image~1png], Auth: {Authorizers: {Pool: {UserPoolArn: 'arn:p', AuthorizationScopes: [all]}}}}}
  Written: {Type: AWS::Serverless::Api, Properties: {StageName: v, DefinitionBody: {swagger: '2.0', paths: {/mine: {get: {}}}}}}
  Merged: {Type: AWS::Serverless::Api, Properties: {StageName: v, MergeDefinitions: true, DefinitionBody: {swagger: '2.0', paths: {/mine: {get: {}}}}}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: h
      Runtime: nodejs22.x
      Events:
        A: {Type: HttpApi, Properties: {ApiId: !Ref Http, Path: /a, Method: get}}
        B: {Type: HttpApi, Properties: {ApiId: !Ref Http, Path: /b, Method: get, Auth: {Authorizer: Token, AuthorizationScopes: [write]}}}
        C: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: /c, Method: get, Auth: {Authorizer: Pool}}}
        D: {Type: Api, Properties: {RestApiId: !Ref Written, Path: /d, Method: get}}
        E: {Type: Api, Properties: {RestApiId: !Ref Merged, Path: /e, Method: get}}
  M:
    Type: AWS::Serverless::StateMachine
    Properties: {Definition: {StartAt: A, States: {A: {Type: Succeed}}}, AutoPublishAlias: live, UseAliasAsEventTarget: true, Events: {S: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: /s, Method: post}}}}
`, cfn.Input{})
	if err != nil {
		t.Fatal(err)
	}
	for id, wants := range map[string][]string{
		"Http": {
			`"identitySource":["$request.header.A","$request.querystring.q","$stageVariables.v","$context.c"]`, `"authorizerResultTtlInSeconds":10`,
			`"security":[{"Token":["read"]}]`, `"security":[{"Token":["write"]}]`, `"AWS_IAM":{"type":"apiKey"`,
		},
		"Rest":    {`"security":[{"Pool":["all"]}]`, `"BinaryMediaTypes":["image/png"]`, `:stateMachine:M-`, `:live\"}`},
		"Merged":  {`"/e":{"get"`, `"/mine"`},
		"Written": {`"/mine"`},
	} {
		for _, want := range wants {
			if got := propertiesOf(t, tmpl, id); !strings.Contains(got, want) {
				t.Errorf("%s lacks %s: %s", id, want, got)
			}
		}
	}
	if got := propertiesOf(t, tmpl, "Written"); strings.Contains(got, `"/d"`) {
		t.Errorf("a route was added to an API that has its own: %s", got)
	}
	for _, id := range []string{"HttpStage", "RestStage", "FCPermissionStage"} {
		if _, ok := tmpl.Resource(id); !ok {
			t.Errorf("there is no %s: %v", id, ids(tmpl))
		}
	}
	if slices.ContainsFunc(ids(tmpl), func(id string) bool { return strings.Contains(id, "HttpOursAuthorizerPermission") }) {
		t.Error("an HTTP API's authorizer is given a permission that nobody asked for")
	}
}

// Services that act as no role reach what they are connected to by its own policy; readers of queues by the reader's.
func TestSAMConnectorsOfServices(t *testing.T) {
	tmpl, err := resolveYAML(t, `
Transform: AWS::Serverless-2016-10-31
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: src, Handler: h, Runtime: nodejs22.x, AutoPublishAlias: live}}
  Queue: {Type: AWS::SQS::Queue}
  Topic: {Type: AWS::SNS::Topic}
  Bucket: {Type: AWS::S3::Bucket}
  A: {Type: AWS::Serverless::Connector, Properties: {Source: {Id: Topic}, Destination: {Id: Queue}, Permissions: [Write]}}
  B: {Type: AWS::Serverless::Connector, Properties: {Source: {Id: Queue}, Destination: {Id: F}, Permissions: [Read, Write]}}
  C: {Type: AWS::Serverless::Connector, Properties: {Source: {Id: Bucket}, Destination: {Id: F}, Permissions: [Write]}}
Outputs:
  Version: {Value: !GetAtt F.Version.Version}
  Alias: {Value: !Sub '${F.Alias.AliasArn}'}
  Arn: {Value: !GetAtt [F.Version, FunctionArn]}
`, cfn.Input{})
	if err != nil {
		t.Fatal(err)
	}
	got := ids(tmpl)
	for _, want := range []string{"AQueuePolicy SQS::QueuePolicy", "BPolicy IAM::ManagedPolicy", "CWriteLambdaPermission Lambda::Permission"} {
		if !slices.Contains(got, want) {
			t.Errorf("there is no %s: %v", want, got)
		}
	}
	if v := tmpl.Outputs; v[0].Value != "1" || !strings.HasSuffix(v[1].Value, ":live") || !strings.HasSuffix(v[2].Value, ":1") {
		t.Errorf("outputs %+v", v)
	}
}
