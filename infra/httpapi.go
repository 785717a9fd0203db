package main

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	sfn "github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
)

// HTTPAPIConfig bounds how often an API is called.
type HTTPAPIConfig struct {
	// RequestsPerSecond is what is let through in the long run, and Burst at once, over all routes and callers.
	RequestsPerSecond, Burst int
}

// StartRoute is a route whose calls start executions, which get the request's body as their input.
type StartRoute struct {
	ID string // of the construct
	// Key is method and path, such as "POST /endpoint-watch".
	Key     string
	Machine sfn.StateMachine
}

// HTTPAPIProps are the props of an HTTPAPI.
type HTTPAPIProps struct {
	Name, Description string
	Limits            HTTPAPIConfig
	Logs              LogConfig
	Routes            []StartRoute
}

// HTTPAPI is an HTTP API whose routes start executions without a function in between. Callers sign their requests with credentials that allow
// execute-api:Invoke; there is no route for anybody else.
type HTTPAPI struct {
	constructs.Construct

	API awsapigatewayv2.CfnApi
}

// accessLog are the members of a line in the API's access log, and the context variables with their values.
var accessLog = map[string]string{
	"requestId": "$context.requestId", "time": "$context.requestTime", "caller": "$context.identity.userArn", "ip": "$context.identity.sourceIp",
	"route": "$context.routeKey", "status": "$context.status", "latency": "$context.responseLatency", "error": "$context.integrationErrorMessage",
}

// NewHTTPAPI defines an HTTP API with the stage $default.
func NewHTTPAPI(scope constructs.Construct, id string, props *HTTPAPIProps) HTTPAPI {
	this := constructs.NewConstruct(scope, &id)
	api := awsapigatewayv2.NewCfnApi(this, new("Api"), &awsapigatewayv2.CfnApiProps{
		Name:         &props.Name,
		Description:  &props.Description,
		ProtocolType: new("HTTP"),
	})
	for _, route := range props.Routes {
		newStartRoute(this, route.ID, api, route)
	}

	logs := awslogs.NewLogGroup(this, new("Logs"), &awslogs.LogGroupProps{
		LogGroupName:  new("/aws/vendedlogs/apis/" + props.Name), // a prefix that needs no resource policy, as for state machines
		Retention:     props.Logs.Retention,
		RemovalPolicy: props.Logs.Removal,
	})
	format, err := json.Marshal(accessLog)
	if err != nil {
		failf("the format of the access log: %v", err)
	}
	awsapigatewayv2.NewCfnStage(this, new("Stage"), &awsapigatewayv2.CfnStageProps{
		ApiId:      api.Ref(),
		StageName:  new("$default"),
		AutoDeploy: new(true),
		DefaultRouteSettings: &awsapigatewayv2.CfnStage_RouteSettingsProperty{
			ThrottlingRateLimit:  new(float64(props.Limits.RequestsPerSecond)),
			ThrottlingBurstLimit: new(float64(props.Limits.Burst)),
		},
		AccessLogSettings: &awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
			DestinationArn: logs.LogGroupArn(),
			Format:         new(string(format)),
		},
	})
	return HTTPAPI{Construct: this, API: api}
}

// newStartRoute defines a route with its integration and a role of its own, which may start executions of the one machine.
func newStartRoute(scope constructs.Construct, id string, api awsapigatewayv2.CfnApi, route StartRoute) {
	this := constructs.NewConstruct(scope, &id)
	// Without conditions on its source: API Gateway's documentation does not promise the keys when it assumes an integration's role. Who may
	// pass this role to an API is what iam:PassRole decides.
	role := newStarterRole(this, awsiam.NewServicePrincipal(new("apigateway.amazonaws.com"), nil), "Starts executions for "+route.Key, route.Machine)
	integration := awsapigatewayv2.NewCfnIntegration(this, new("Integration"), &awsapigatewayv2.CfnIntegrationProps{
		ApiId:                api.Ref(),
		IntegrationType:      new("AWS_PROXY"),
		IntegrationSubtype:   new("StepFunctions-StartExecution"),
		PayloadFormatVersion: new("1.0"),
		CredentialsArn:       role.RoleArn(),
		RequestParameters: map[string]*string{
			"StateMachineArn": route.Machine.StateMachineArn(),
			"Input":           new("$request.body"),
		},
	})
	integration.Node().AddDependency(role)
	awsapigatewayv2.NewCfnRoute(this, new("Route"), &awsapigatewayv2.CfnRouteProps{
		ApiId:             api.Ref(),
		RouteKey:          &route.Key,
		AuthorizationType: new("AWS_IAM"),
		Target:            awscdk.Fn_Join(new(""), &[]*string{new("integrations/"), integration.Ref()}),
	})
}

// newStarterRole returns a role that the principal may assume and that may start executions of the machine, and nothing else.
func newStarterRole(scope constructs.Construct, principal awsiam.IPrincipal, description string, machine sfn.StateMachine) awsiam.Role {
	role := awsiam.NewRole(scope, new("Role"), &awsiam.RoleProps{AssumedBy: principal, Description: &description})
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   &[]*string{new("states:StartExecution")},
		Resources: &[]*string{machine.StateMachineArn()},
	}))
	return role
}
