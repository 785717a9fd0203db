package main

import (
	"debug/elf"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
)

// Architecture is the instruction set that a function is built for, under Lambda's name for it.
type Architecture string

const (
	ARM64  Architecture = "arm64"  // GOARCH=arm64: Graviton, the cheaper one for the same work.
	X86_64 Architecture = "x86_64" // GOARCH=amd64.
)

// lambda returns the architecture as aws-cdk-lib has it.
func (a Architecture) lambda() awslambda.Architecture {
	if a == X86_64 {
		return awslambda.Architecture_X86_64()
	}
	return awslambda.Architecture_ARM_64()
}

// machine returns the architecture as the header of a binary has it.
func (a Architecture) machine() elf.Machine {
	if a == X86_64 {
		return elf.EM_X86_64
	}
	return elf.EM_AARCH64
}

// GoFunctionProps are the props of a GoFunction.
type GoFunctionProps struct {
	// Task is the folder in functions/ that holds the source, and in Builds the one that holds what was built from it.
	Task        string
	Builds      string
	Description string

	Size         FunctionConfig
	Architecture Architecture
	Logs         LogConfig
	Tracing      bool
}

// GoFunction is an automation: one Lambda function from a Go binary, with a log group and a role of its own. The role may
// write to that log group and send traces, nothing else; what the task itself needs is added by the stack.
type GoFunction struct {
	constructs.Construct

	Function awslambda.Function
}

// NewGoFunction defines the function of a task. It fails if the task is not built, or built for another architecture.
//
// A state machine waits for the answer, so there is neither a dead-letter queue nor an on-failure destination: Lambda uses them
// for asynchronous invocations only, and a failure here is the state machine's to retry or to catch.
func NewGoFunction(scope constructs.Construct, id string, props *GoFunctionProps) GoFunction {
	this := constructs.NewConstruct(scope, &id)
	build := filepath.Join(props.Builds, props.Task)
	checkBuild(build, props)

	logs := awslogs.NewLogGroup(this, new("Logs"), &awslogs.LogGroupProps{
		Retention:     props.Logs.Retention,
		RemovalPolicy: props.Logs.Removal,
	})
	role := awsiam.NewRole(this, new("Role"), &awsiam.RoleProps{
		// Without aws:SourceArn and aws:SourceAccount: the Lambda Developer Guide knows neither for execution roles, and a
		// condition on a key that a service does not send keeps the service out. Who may hand the role to a function is for
		// iam:PassRole to say.
		AssumedBy:   awsiam.NewServicePrincipal(new("lambda.amazonaws.com"), nil),
		Description: new("Runs the function " + props.Task),
	})
	// In place of the managed AWSLambdaBasicExecutionRole, which may write to every log group of the account and create more.
	logs.GrantWrite(role)

	tracing := awslambda.Tracing_DISABLED
	if props.Tracing {
		// The segments are Lambda's own, without an SDK in the binary: they show start-up and duration within the trace of the
		// execution. The construct adds xray:PutTraceSegments and PutTelemetryRecords on "*", since X-Ray knows no resource
		// for them.
		tracing = awslambda.Tracing_ACTIVE
	}
	function := awslambda.NewFunction(this, new("Function"), &awslambda.FunctionProps{
		Description:           &props.Description,
		Runtime:               awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:          props.Architecture.lambda(),
		Handler:               new("bootstrap"),
		Code:                  awslambda.Code_FromAsset(&build, nil),
		MemorySize:            new(float64(props.Size.MemoryMB)),
		Timeout:               awscdk.Duration_Seconds(new(props.Size.Timeout.Seconds())),
		Role:                  role,
		LogGroup:              logs,
		LoggingFormat:         awslambda.LoggingFormat_JSON,
		ApplicationLogLevelV2: props.Logs.Level,
		Tracing:               tracing,
	})
	markSource(function, "functions/"+props.Task)
	return GoFunction{Construct: this, Function: function}
}

// checkBuild fails unless dir is the folder of a built function: a bootstrap for the right architecture and nothing else,
// since all of the folder is uploaded and a stray file would change its hash.
func checkBuild(dir string, props *GoFunctionProps) {
	const remedy = `run "make build"`
	entries, err := os.ReadDir(dir)
	if err != nil {
		failf("function %s is not built: no folder %s: %s", props.Task, dir, remedy)
	}
	if len(entries) != 1 || entries[0].Name() != "bootstrap" {
		failf("function %s: %s must hold the file bootstrap and nothing else: delete the folder and %s", props.Task, dir, remedy)
	}
	path := filepath.Join(dir, "bootstrap")
	binary, err := elf.Open(path)
	if err != nil {
		failf("function %s: %s is not a Linux program (%v): %s", props.Task, path, err, remedy)
	}
	defer func() { _ = binary.Close() }()
	if want := props.Architecture.machine(); binary.Machine != want {
		failf("function %s: %s is built for %v, the stage wants %v (%s): %s for that architecture",
			props.Task, path, binary.Machine, want, props.Architecture, remedy)
	}
}

// markSource writes the place of a resource's source into its metadata.
func markSource(resource constructs.Construct, path string) {
	cfn, ok := resource.Node().DefaultChild().(awscdk.CfnResource)
	if !ok {
		failf("%s has no resource to mark with its source %s", *resource.Node().Path(), path)
	}
	cfn.AddMetadata(new(sourceKey), path)
}
