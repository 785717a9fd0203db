package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	sfn "github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
)

// FailureAlarmProps are the props of a FailureAlarm.
type FailureAlarmProps struct {
	// Name is the alarm's, unique in account and region.
	Name    string
	Machine sfn.StateMachine
	// Period is how long failures are counted together, whole minutes.
	Period time.Duration
	// Tell is where it is published that the alarm goes off, and that it is over.
	Tell awssns.ITopic
}

// FailureAlarm goes off when an execution of a state machine has not come to a good end: it failed, or took too long. One is enough, since a workflow's own
// Retry and Catch have dealt with everything that was to be expected. Executions that people abort do not count.
type FailureAlarm struct {
	constructs.Construct

	Alarm awscloudwatch.CfnAlarm
}

// NewFailureAlarm defines an alarm.
func NewFailureAlarm(scope constructs.Construct, id string, props *FailureAlarmProps) FailureAlarm {
	this := constructs.NewConstruct(scope, &id)
	stack := awscdk.Stack_Of(this)
	// A topic with a policy of its own has lost the one that lets whatever is in the account publish.
	props.Tell.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: &[]*string{new("sns:Publish")},
		Principals: &[]awsiam.IPrincipal{serviceFor("cloudwatch.amazonaws.com", stack, stack.FormatArn(&awscdk.ArnComponents{
			Service: new("cloudwatch"), Resource: new("alarm"), ResourceName: &props.Name, ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
		}))},
		Resources: &[]*string{props.Tell.TopicArn()},
	}))
	seconds := props.Period.Seconds()
	count := func(id, metric string) *awscloudwatch.CfnAlarm_MetricDataQueryProperty {
		return &awscloudwatch.CfnAlarm_MetricDataQueryProperty{
			Id:         &id,
			ReturnData: new(false),
			MetricStat: &awscloudwatch.CfnAlarm_MetricStatProperty{
				Metric: &awscloudwatch.CfnAlarm_MetricProperty{
					Namespace:  new("AWS/States"),
					MetricName: &metric,
					Dimensions: &[]any{&awscloudwatch.CfnAlarm_DimensionProperty{Name: new("StateMachineArn"), Value: props.Machine.StateMachineArn()}},
				},
				Period: &seconds,
				Stat:   new("Sum"),
			},
		}
	}
	alarm := awscloudwatch.NewCfnAlarm(this, new("Alarm"), &awscloudwatch.CfnAlarmProps{
		AlarmName:        &props.Name,
		AlarmDescription: new("Executions that failed or timed out: tutti ls, or the console, says which, and their history why"),
		Metrics: &[]any{
			count("failed", "ExecutionsFailed"),
			count("timedOut", "ExecutionsTimedOut"),
			// Without an execution of a kind its metric has no value in a period.
			&awscloudwatch.CfnAlarm_MetricDataQueryProperty{Id: new("bad"), Label: new("failed or timed out"), Expression: new("FILL(failed, 0) + FILL(timedOut, 0)")},
		},
		EvaluationPeriods:  new(1.0),
		Threshold:          new(1.0),
		ComparisonOperator: new("GreaterThanOrEqualToThreshold"),
		TreatMissingData:   new("notBreaching"),
		AlarmActions:       &[]any{props.Tell.TopicArn()},
		OkActions:          &[]any{props.Tell.TopicArn()},
	})
	return FailureAlarm{Construct: this, Alarm: alarm}
}

// NewOperationsTopic defines the topic to which the alarms of a stack publish. Who is to hear of them subscribes to it.
func NewOperationsTopic(scope constructs.Construct, id string) awssns.Topic {
	stack := awscdk.Stack_Of(scope)
	return awssns.NewTopic(scope, &id, &awssns.TopicProps{DisplayName: new("Alarms of " + *stack.StackName()), EnforceSSL: new(true)})
}
