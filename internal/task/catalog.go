package task

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// Call is one request to what a Resource names.
type Call struct {
	Resource   asl.Resource
	Parameters *value.Data
	// Execution is the ARN of the execution that asks.
	Execution string
	// RoleARN is whose permissions count.
	RoleARN string
	// Token is the task token, "" for resources that have none.
	Token string
	// TraceHeader is the X-Ray trace of the execution, "" for none.
	TraceHeader string
}

// Performer makes calls to one resource. It answers with the result, or with a failure that Retry and Catch can match. When ctx ends nobody
// waits for the answer any more.
type Performer interface {
	Perform(ctx context.Context, c Call) (*value.Data, *sfn.Failure)
}

// Invoker runs Lambda functions. An error that is a [*lambda.Error] is what the Lambda API would have answered.
type Invoker interface {
	Invoke(ctx context.Context, in lambda.Invocation) (lambda.Result, error)
}

// Catalog finds the performer of a resource.
type Catalog struct {
	services map[string]Performer // by "service:api"
	function Performer
}

// NewCatalog returns the catalog of everything that can be called here.
func NewCatalog(functions Invoker) *Catalog {
	invoke := lambdaInvoke{functions}
	return &Catalog{
		function: lambdaFunction{functions},
		services: map[string]Performer{
			"lambda:invoke": invoke, // functions/…, AWS Lambda's Invoke
		},
	}
}

// Replace puts another performer in the place of a resource, written "service:api"; of Lambda functions by their ARN where it is
// "function".
func (c *Catalog) Replace(resource string, p Performer) {
	if resource == "function" {
		c.function = p
		return
	}
	c.services[resource] = p
}

// Perform calls what the resource names.
func (c *Catalog) Perform(ctx context.Context, call Call) (*value.Data, *sfn.Failure) {
	if call.Resource.Kind == asl.ResourceFunction {
		return c.function.Perform(ctx, call)
	}
	performer, ok := c.services[call.Resource.Service+":"+call.Resource.API]
	if !ok {
		return nil, sfn.Fail(sfn.ErrorRuntime, "%s", c.Unsupported(call.Resource))
	}
	return performer.Perform(ctx, call)
}

// Supports tells whether the resource can be called here. Activities always can: their workers ask for work.
func (c *Catalog) Supports(r asl.Resource) bool {
	if r.Kind != asl.ResourceService {
		return true
	}
	_, ok := c.services[r.Service+":"+r.API]
	return ok && !r.RunsJob()
}

// Unsupported is the sentence that says so.
func (c *Catalog) Unsupported(r asl.Resource) string {
	var served []string
	for name := range c.services {
		served = append(served, name)
	}
	slices.Sort(served)
	return fmt.Sprintf("%s is not served here; served are %s, Lambda functions and activities", r.ARN, strings.Join(served, ", "))
}

// Lost is the failure of a call that was under way when the process that waited for it ended: nobody knows whether it had its effects, so
// only the state's own Retry may repeat it.
func Lost(r asl.Resource) sfn.Failure {
	const cause = "The outcome of the call is unknown: the process that waited for it ended before the answer came."
	if r.Kind == asl.ResourceFunction || r.Service == "lambda" {
		return *sfn.Fail("Lambda.Unknown", cause)
	}
	return *sfn.Fail(sfn.ErrorTaskFailed, cause)
}
