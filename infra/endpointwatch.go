package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
)

// EndpointWatchStackProps are the props of an EndpointWatchStack.
type EndpointWatchStackProps struct {
	Config Config
	// Functions is the folder that holds a folder with a bootstrap for each function.
	Functions string
}

// watchRequested is the detail-type of events that start endpoint-watch; their detail is its input.
const watchRequested = "Endpoint Watch Requested"

// EndpointWatchStack is the workflow endpoint-watch: a schedule, a rule for events and a route over HTTP, the state machine that each of them starts,
// the functions that this calls, and an alarm.
//
// It is one stack. The split into one for what holds data and one for what does not pays where there is data that must
// outlive a failed deployment; all this workflow leaves behind is its logs, which RemovalPolicy keeps where they matter. In
// one stack a workflow is deployed, rolled back and read as a whole, with no exports that tie stacks to an order.
type EndpointWatchStack struct {
	awscdk.Stack
}

// NewEndpointWatchStack defines the stack of props.Config, which must be valid.
func NewEndpointWatchStack(scope constructs.Construct, id string, props *EndpointWatchStackProps) EndpointWatchStack {
	config := props.Config
	stack := awscdk.NewStack(scope, &id, &awscdk.StackProps{
		// The id is the same in every stage, so logical ids and the template's file name are too.
		StackName:             new("tutti-" + config.Stage + "-endpoint-watch"),
		Description:           new("Tutti: probes endpoints on a schedule or on request and reports those that are not healthy"),
		Env:                   config.environment(),
		TerminationProtection: &config.TerminationProtection,
	})
	for _, tag := range [][2]string{
		{"tutti:stage", config.Stage},
		{"tutti:owner", config.Owner},
		{"tutti:workflow", "endpoint-watch"},
	} {
		awscdk.Tags_Of(stack).Add(&tag[0], &tag[1], nil)
	}

	watch := config.EndpointWatch
	probe := NewGoFunction(stack, "ProbeEndpoint", config.function(props.Functions, "probe-endpoint", watch.Probe,
		"Looks at one HTTP endpoint: status, latency, certificate"))
	summarize := NewGoFunction(stack, "SummarizeProbes", config.function(props.Functions, "summarize-probes", watch.Summarize,
		"Sums up the records of one run of endpoint-watch"))
	machine := NewStateMachine(stack, "EndpointWatch", &StateMachineProps{
		Workflow: "endpoint-watch",
		Stage:    config.Stage,
		Invokes: map[string]awslambda.IFunction{
			"ProbeEndpointFunctionArn":   probe.Function,
			"SummarizeProbesFunctionArn": summarize.Function,
		},
		Logs:    config.Logs,
		Tracing: config.Tracing,
	})
	NewFailureAlarm(stack, "EndpointWatchFailures", &FailureAlarmProps{
		Name:    config.Stage + "-endpoint-watch-failures",
		Machine: machine.Machine,
		Period:  5 * time.Minute,
		Tell:    NewOperationsTopic(stack, "Operations"),
	})
	NewSchedule(stack, "EndpointWatchSchedule", &ScheduleProps{
		Description: "Starts endpoint-watch",
		When:        watch.Schedule,
		Machine:     machine.Machine,
		Input:       watch.Input.text(),
	})
	NewEventRule(stack, "EndpointWatchRequested", &EventRuleProps{
		Name:        config.Stage + "-endpoint-watch-requested",
		Description: "Starts endpoint-watch with the endpoints that an event names, for instance after a deployment",
		Pattern:     map[string]any{"detail-type": []string{watchRequested}},
		InputPath:   "$.detail",
		MaxAge:      watch.EventMaxAge,
		Machine:     machine.Machine,
	})
	api := NewHTTPAPI(stack, "HttpApi", &HTTPAPIProps{
		Description: "Starts endpoint-watch with the endpoints in the body of a request",
		Name:        config.Stage + "-endpoint-watch",
		Limits:      config.HTTPAPI,
		Logs:        config.Logs,
		Routes:      []StartRoute{{ID: "StartEndpointWatch", Key: "POST /endpoint-watch", Machine: machine.Machine}},
	})
	awscdk.NewCfnOutput(stack, new("HttpApiUrl"), &awscdk.CfnOutputProps{
		Description: new("Where POST /endpoint-watch starts a run; requests are signed for execute-api"),
		Value:       api.API.AttrApiEndpoint(),
	})
	awscdk.NewCfnOutput(stack, new("EndpointWatchStateMachineArn"), &awscdk.CfnOutputProps{
		Description: new("What to give to start-execution for a run out of turn"),
		Value:       machine.Machine.StateMachineArn(),
	})
	return EndpointWatchStack{Stack: stack}
}

// environment returns where the stack goes, nil for wherever the credentials lead.
func (c Config) environment() *awscdk.Environment {
	if c.Account == "" {
		return nil
	}
	return &awscdk.Environment{Account: &c.Account, Region: &c.Region}
}

// function returns the props of a function, with all that is the same for those of one stage.
func (c Config) function(builds, task string, size FunctionConfig, description string) *GoFunctionProps {
	return &GoFunctionProps{
		Task:         task,
		Builds:       builds,
		Description:  description,
		Size:         size,
		Architecture: c.Architecture,
		Logs:         c.Logs,
		Tracing:      c.Tracing,
	}
}
