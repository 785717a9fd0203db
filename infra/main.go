package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() { os.Exit(run(os.Stderr)) }

// run is the whole program as the cdk command starts it; what it returns is the exit code.
func run(stderr io.Writer) int {
	defer jsii.Close()
	if err := synth(); err != nil {
		_, _ = fmt.Fprintf(stderr, "infra: %v\n", err)
		return 1
	}
	return 0
}

// synth writes the cloud assembly of the chosen stage to where $CDK_OUTDIR says.
func synth() (err error) {
	defer recoverFault(&err)
	if err := setNodeEnv(quietNode); err != nil {
		return err
	}
	root, err := findRoot()
	if err != nil {
		return err
	}
	// $CDK_OUTDIR is relative to where the cdk command runs, the root; "go run -C infra" has brought us elsewhere.
	if err := os.Chdir(root); err != nil {
		return err
	}
	settings, err := readContext(root)
	if err != nil {
		return err
	}
	app := newApp(settings)
	config, err := configFor(stageOf(app))
	if err != nil {
		return err
	}
	NewEndpointWatchStack(app, "EndpointWatch", &EndpointWatchStackProps{
		Config:    config,
		Functions: filepath.Join(root, "dist", "functions"),
	})
	app.Synth(nil)
	return nil
}

// newApp returns an app with the context settings, which the cdk command's own (-c key=value) override.
func newApp(settings map[string]any) awscdk.App {
	return awscdk.NewApp(&awscdk.AppProps{
		Context: &settings,
		DefaultStackSynthesizer: awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{
			// The rule and its SSM parameter only repeat, inside the template, a check that "cdk deploy" makes from the assembly's
			// manifest, and tools that run templates elsewhere stumble over them.
			GenerateBootstrapVersionRule: new(false),
		}),
	})
}

// stageOf is the context value "stage", or "dev".
func stageOf(app awscdk.App) string {
	switch stage := app.Node().TryGetContext(new("stage")).(type) {
	case nil:
		return "dev"
	case string:
		return stage
	default:
		return fmt.Sprint(stage)
	}
}

// setNodeEnv puts variables into the environment of the Node process in which aws-cdk-lib runs, where the user has not set
// them. It must be called before anything of aws-cdk-lib is used.
func setNodeEnv(variables map[string]string) error {
	changed := false
	for name, value := range variables {
		if _, ok := os.LookupEnv(name); ok {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return err
		}
		changed = true
	}
	if changed {
		// jsii copies the environment when its packages are initialized, which is before main. Closed, it copies it anew at the
		// next use.
		jsii.Close()
	}
	return nil
}

// quietNode silences the banner with which jsii greets a Node release past its end of life: the app runs on any release that
// aws-cdk-lib bears, and which one that is is the affair of whoever installed it. The value is a list of major versions.
var quietNode = map[string]string{"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20"}
