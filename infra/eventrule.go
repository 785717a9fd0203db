package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	sfn "github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
)

// EventRuleProps are the props of an EventRule.
type EventRuleProps struct {
	// Name is the rule's, unique on the account's default bus.
	Name, Description string
	// Pattern says which events start an execution.
	Pattern map[string]any
	// InputPath is the part of the event that becomes the execution's input, such as "$.detail".
	InputPath string
	// MaxAge is how long EventBridge goes on trying a start that failed, 1 minute to 24 hours.
	MaxAge  time.Duration
	Machine sfn.StateMachine
}

// EventRule starts an execution of one state machine for each event on the default bus that matches a pattern. Its role may do nothing else.
//
// A start that EventBridge cannot make is tried again for MaxAge and then dropped, which shows in the metric FailedInvocations of AWS/Events.
// An event of which every one counts wants a dead-letter queue and someone who empties it.
type EventRule struct {
	constructs.Construct

	Rule awsevents.CfnRule
}

// NewEventRule defines a rule. It has a name of our choosing, so that the trust policy of its role can name it.
func NewEventRule(scope constructs.Construct, id string, props *EventRuleProps) EventRule {
	this := constructs.NewConstruct(scope, &id)
	stack := awscdk.Stack_Of(this)
	source := stack.FormatArn(&awscdk.ArnComponents{Service: new("events"), Resource: new("rule"), ResourceName: &props.Name})
	role := newStarterRole(this, serviceFor("events.amazonaws.com", stack, source), "Starts executions for the rule "+props.Name, props.Machine)
	rule := awsevents.NewCfnRule(this, new("Rule"), &awsevents.CfnRuleProps{
		Name:         &props.Name,
		Description:  &props.Description,
		EventPattern: props.Pattern,
		State:        new("ENABLED"),
		Targets: &[]any{&awsevents.CfnRule_TargetProperty{
			Id:        new("StateMachine"),
			Arn:       props.Machine.StateMachineArn(),
			RoleArn:   role.RoleArn(),
			InputPath: &props.InputPath,
			RetryPolicy: &awsevents.CfnRule_RetryPolicyProperty{
				MaximumEventAgeInSeconds: new(props.MaxAge.Seconds()),
			},
		}},
	})
	rule.Node().AddDependency(role)
	return EventRule{Construct: this, Rule: rule}
}
