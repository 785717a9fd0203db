package main

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
)

// object is JSON as the assertions of aws-cdk-lib take it.
type object = map[string]any

// The contract of the stack: what another part of the project, or somebody on call, relies on.
func TestEndpointWatchStack(t *testing.T) {
	text := templateOf(t, "dev").Text
	tpl := assertions.Template_FromString(&text, nil)
	function, machine, schedule := "AWS::Lambda::Function", "AWS::StepFunctions::StateMachine", "AWS::Scheduler::Schedule"
	rule, route, integration := "AWS::Events::Rule", "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Integration"
	alarm := "AWS::CloudWatch::Alarm"
	machineRef := object{"Ref": assertions.Match_StringLikeRegexp(new("^EndpointWatchMachine"))}

	for kind, count := range map[string]float64{
		function: 2, machine: 1, schedule: 1, "AWS::IAM::Role": 6, "AWS::IAM::Policy": 6, "AWS::Logs::LogGroup": 4,
		rule: 1, route: 1, alarm: 1, "AWS::SNS::Topic": 1,
	} {
		check(t, "count of "+kind, func() { tpl.ResourceCountIs(&kind, &count) })
	}
	check(t, "functions are arm64 on provided.al2023", func() {
		tpl.AllResourcesProperties(&function, object{
			"Runtime": "provided.al2023", "Handler": "bootstrap", "Architectures": []any{"arm64"},
			"TracingConfig": object{"Mode": "Active"},
		})
	})
	check(t, "probe-endpoint", func() {
		tpl.HasResource(&function, object{
			"Properties": object{"Timeout": 15, "MemorySize": 256, "LoggingConfig": object{"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}},
			"Metadata":   object{"tutti:source": "functions/probe-endpoint"},
		})
	})
	check(t, "summarize-probes", func() {
		tpl.HasResource(&function, object{
			"Properties": object{"Timeout": 10, "MemorySize": 128},
			"Metadata":   object{"tutti:source": "functions/summarize-probes"},
		})
	})
	check(t, "state machine", func() {
		tpl.HasResource(&machine, object{
			"Properties": object{
				"StateMachineName":     "dev-endpoint-watch",
				"StateMachineType":     "STANDARD",
				"TracingConfiguration": object{"Enabled": true},
				"LoggingConfiguration": object{"Level": "ALL", "IncludeExecutionData": true},
				"DefinitionSubstitutions": object{
					"ProbeEndpointFunctionArn":   object{"Fn::GetAtt": []any{assertions.Match_StringLikeRegexp(new("^ProbeEndpoint")), "Arn"}},
					"SummarizeProbesFunctionArn": object{"Fn::GetAtt": []any{assertions.Match_StringLikeRegexp(new("^SummarizeProbes")), "Arn"}},
				},
			},
			"Metadata": object{"tutti:source": "statemachines/endpoint-watch.asl.json"},
		})
	})
	check(t, "schedule", func() {
		tpl.HasResourceProperties(&schedule, object{
			"ScheduleExpression": "rate(5 minutes)",
			"State":              "ENABLED",
			"FlexibleTimeWindow": object{"Mode": "OFF"},
			"Target": object{
				"Arn":         machineRef,
				"Input":       assertions.Match_SerializedJson(assertions.Match_ObjectLike(&object{"endpoints": assertions.Match_AnyValue()})),
				"RetryPolicy": object{"MaximumEventAgeInSeconds": 240, "MaximumRetryAttempts": 3},
			},
		})
	})
	check(t, "rule", func() {
		tpl.HasResourceProperties(&rule, object{
			"EventPattern": object{"detail-type": []any{"Endpoint Watch Requested"}},
			"Targets":      []any{object{"Arn": machineRef, "InputPath": "$.detail", "RetryPolicy": object{"MaximumEventAgeInSeconds": 600}}},
		})
	})
	check(t, "route", func() {
		tpl.HasResourceProperties(&route, object{"RouteKey": "POST /endpoint-watch", "AuthorizationType": "AWS_IAM"})
		tpl.HasResourceProperties(&integration, object{
			"IntegrationSubtype": "StepFunctions-StartExecution",
			"RequestParameters":  object{"StateMachineArn": machineRef, "Input": "$request.body"},
		})
	})
	check(t, "alarm", func() {
		tpl.HasResourceProperties(&alarm, object{
			"AlarmName": "dev-endpoint-watch-failures", "TreatMissingData": "notBreaching", "Threshold": 1,
			"AlarmActions": []any{object{"Ref": assertions.Match_StringLikeRegexp(new("^Operations"))}},
		})
	})
	check(t, "output", func() {
		tpl.HasOutput(new("EndpointWatchStateMachineArn"), object{"Value": machineRef})
	})
}

func TestProdKeepsItsRecordsToItself(t *testing.T) {
	tpl := templateOf(t, "prod")
	for id, logs := range tpl.of("AWS::Logs::LogGroup") {
		if logs.DeletionPolicy != "Retain" || logs.Properties["RetentionInDays"] != 90.0 {
			t.Errorf("%s: DeletionPolicy %s, RetentionInDays %v", id, logs.DeletionPolicy, logs.Properties["RetentionInDays"])
		}
	}
	for id, machine := range tpl.of("AWS::StepFunctions::StateMachine") {
		if logging, _ := machine.Properties["LoggingConfiguration"].(object); logging["IncludeExecutionData"] != false {
			t.Errorf("%s: IncludeExecutionData is %v", id, logging["IncludeExecutionData"])
		}
	}
}

func TestStageOf(t *testing.T) {
	needNode(t)
	for _, test := range []struct {
		settings object
		want     string
	}{
		{object{}, "dev"},
		{object{"stage": "prod"}, "prod"},
		{object{"stage": 3}, "3"},
	} {
		if got := stageOf(newApp(test.settings)); got != test.want {
			t.Errorf("stageOf(%v) = %q, want %q", test.settings, got, test.want)
		}
	}
}
