package main

import (
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	sfn "github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/tutti-run/tutti/statemachines"
)

// StateMachineProps are the props of a StateMachine.
type StateMachineProps struct {
	// Workflow is the definition's file name in statemachines/ without .asl.json.
	Workflow string
	Stage    string
	// Invokes holds the functions that the definition calls, by the ${Name} under which it asks for their ARNs.
	Invokes map[string]awslambda.IFunction
	Logs    LogConfig
	Tracing bool
}

// StateMachine is an orchestration: a Standard state machine from a definition in statemachines/, with a log group and a role
// of its own that may invoke exactly the functions in Invokes.
type StateMachine struct {
	constructs.Construct

	Machine sfn.StateMachine
}

// NewStateMachine defines the state machine of a workflow. It fails if the definition is missing, asks for a substitution that
// Invokes does not hold, or does not use one that it holds.
//
// The machine has a name of our choosing, where everything else lets CloudFormation choose: the role's trust policy can then
// name the one machine that may use it, and a generated name there would be a cycle.
func NewStateMachine(scope constructs.Construct, id string, props *StateMachineProps) StateMachine {
	this := constructs.NewConstruct(scope, &id)
	file := props.Workflow + ".asl.json"
	definition := readDefinition(statemachines.FS, file, slices.Sorted(maps.Keys(props.Invokes)))
	name := props.Stage + "-" + props.Workflow

	logs := awslogs.NewLogGroup(this, new("Logs"), &awslogs.LogGroupProps{
		// Under this prefix Step Functions may deliver without a statement of its own in the account's resource policy for
		// CloudWatch Logs, whose 5,120 characters run out after a few dozen machines.
		LogGroupName:  new("/aws/vendedlogs/states/" + name),
		Retention:     props.Logs.Retention,
		RemovalPolicy: props.Logs.Removal,
	})
	role := newMachineRole(this, name, props)

	substitutions := map[string]*string{}
	for _, key := range slices.Sorted(maps.Keys(props.Invokes)) {
		substitutions[key] = props.Invokes[key].FunctionArn()
	}
	machine := sfn.NewStateMachine(this, new("Machine"), &sfn.StateMachineProps{
		StateMachineName: &name,
		StateMachineType: sfn.StateMachineType_STANDARD,
		// In the template itself and not as an asset in S3, so that a reviewer, "cdk diff" and the validation at synth see it.
		DefinitionBody:          sfn.DefinitionBody_FromString(&definition),
		DefinitionSubstitutions: &substitutions,
		Role:                    role,
		// The construct adds what log delivery and tracing need to the role. Both sets name "*": the log delivery and X-Ray
		// actions know no resources (Service Authorization Reference).
		TracingEnabled: &props.Tracing,
		Logs: &sfn.LogOptions{
			Destination:          logs,
			Level:                sfn.LogLevel_ALL,
			IncludeExecutionData: &props.Logs.ExecutionData,
		},
	})
	markSource(machine, "statemachines/"+file)
	return StateMachine{Construct: this, Machine: machine}
}

// newMachineRole returns the role that only the machine name may assume, and which may invoke props.Invokes.
func newMachineRole(scope constructs.Construct, name string, props *StateMachineProps) awsiam.Role {
	stack := awscdk.Stack_Of(scope)
	role := awsiam.NewRole(scope, new("Role"), &awsiam.RoleProps{
		AssumedBy: serviceFor("states.amazonaws.com", stack, stack.FormatArn(&awscdk.ArnComponents{
			Service:      new("states"),
			Resource:     new("stateMachine"),
			ResourceName: &name,
			ArnFormat:    awscdk.ArnFormat_COLON_RESOURCE_NAME,
		})),
		Description: new("Runs the state machine " + name),
	})
	// Not GrantInvoke, which adds ":*", every version and alias: the definition calls the function itself.
	var functions []*string
	for _, key := range slices.Sorted(maps.Keys(props.Invokes)) {
		functions = append(functions, props.Invokes[key].FunctionArn())
	}
	if len(functions) > 0 {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   &[]*string{new("lambda:InvokeFunction")},
			Resources: &functions,
		}))
	}
	return role
}

// serviceFor returns the service as a principal, for as long as it acts for the resource source of the stack's own account. It
// keeps other accounts from having the service use the role for them (the confused deputy of the IAM User Guide).
func serviceFor(service string, stack awscdk.Stack, source *string) awsiam.IPrincipal {
	return awsiam.NewServicePrincipal(&service, &awsiam.ServicePrincipalOpts{
		Conditions: &map[string]any{
			"StringEquals": map[string]any{
				"aws:SourceAccount": stack.Account(),
				"aws:SourceArn":     source,
			},
		},
	})
}

// placeholder is a substitution in a definition, as AWS::StepFunctions::StateMachine fills it in.
var placeholder = regexp.MustCompile(`\$\{([A-Za-z0-9]+)\}`)

// readDefinition returns the text of a definition, and fails unless its placeholders are exactly those in supplied, which is
// sorted. CloudFormation would leave a placeholder that nobody supplies in the text, and the machine would fail at its first run.
func readDefinition(definitions fs.FS, file string, supplied []string) string {
	text, err := fs.ReadFile(definitions, file)
	if err != nil {
		failf("state machine: no definition statemachines/%s (%v)", file, err)
	}
	var asked []string
	for _, m := range placeholder.FindAllSubmatch(text, -1) {
		asked = append(asked, string(m[1]))
	}
	slices.Sort(asked)
	asked = slices.Compact(asked)
	if !slices.Equal(asked, supplied) {
		failf("statemachines/%s asks for the substitutions [%s], the stack supplies [%s]: make them the same",
			file, strings.Join(asked, " "), strings.Join(supplied, " "))
	}
	return string(text)
}
