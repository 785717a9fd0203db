package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	sfn "github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
)

// scheduleGroup is the group that every account has. A schedule's role can name a group in its trust policy but no single
// schedule (EventBridge Scheduler User Guide, "Confused deputy prevention").
const scheduleGroup = "default"

// ScheduleProps are the props of a Schedule.
type ScheduleProps struct {
	Description string
	When        ScheduleConfig
	Machine     sfn.StateMachine
	// Input is the JSON text that each execution starts with.
	Input string
}

// Schedule starts executions of one state machine at set times. Its role may do nothing else.
//
// A start that EventBridge Scheduler cannot make is tried again for ScheduleConfig.MaxAge and then dropped; there is no
// dead-letter queue. For a periodic check the next start makes a lost one up, and a start taken out of a queue an hour later
// would only probe twice. What is dropped shows in the metric InvocationDroppedCount of AWS/Scheduler. A schedule of which
// every start counts wants a queue and someone who empties it.
type Schedule struct {
	constructs.Construct

	Schedule awsscheduler.CfnSchedule
}

// NewSchedule defines a schedule.
func NewSchedule(scope constructs.Construct, id string, props *ScheduleProps) Schedule {
	this := constructs.NewConstruct(scope, &id)
	stack := awscdk.Stack_Of(this)

	role := newStarterRole(this, serviceFor("scheduler.amazonaws.com", stack, stack.FormatArn(&awscdk.ArnComponents{
		Service:      new("scheduler"),
		Resource:     new("schedule-group"),
		ResourceName: new(scheduleGroup),
	})), "Starts executions on schedule", props.Machine)

	state := "DISABLED"
	if props.When.Enabled {
		state = "ENABLED"
	}
	schedule := awsscheduler.NewCfnSchedule(this, new("Schedule"), &awsscheduler.CfnScheduleProps{
		Description:        &props.Description,
		GroupName:          new(scheduleGroup),
		ScheduleExpression: &props.When.Expression,
		State:              &state,
		FlexibleTimeWindow: &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: new("OFF")},
		Target: &awsscheduler.CfnSchedule_TargetProperty{
			Arn:     props.Machine.StateMachineArn(),
			RoleArn: role.RoleArn(),
			Input:   &props.Input,
			RetryPolicy: &awsscheduler.CfnSchedule_RetryPolicyProperty{
				MaximumEventAgeInSeconds: new(props.When.MaxAge.Seconds()),
				MaximumRetryAttempts:     new(float64(props.When.MaxRetries)),
			},
		},
	})
	// The ARN of a role says nothing of its policies: without this the first start may come before the role may make it.
	schedule.Node().AddDependency(role)
	return Schedule{Construct: this, Schedule: schedule}
}
