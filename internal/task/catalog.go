package task

import (
	"context"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// Call is one request to what a Resource names.
type Call struct {
	Resource   asl.Resource
	Parameters *value.Data
	// Execution is the ARN of the execution that asks, Scheduled the id of the event with which it does.
	Execution string
	Scheduled int64
	// RoleARN is the execution's role, Assumed the one of the state's Credentials, which it assumes for this call; "" for none.
	RoleARN, Assumed string
	// Token is the task token, "" for resources that have none.
	Token string
	// TraceHeader is the X-Ray trace of the execution, "" for none.
	TraceHeader string
	// Repeated tells that the call may have been made before, by a process that ended before it could say so (see [Repeatable]).
	Repeated bool
}

// object is the call's parameters.
func (c *Call) object() *value.Object {
	if o, ok := c.Parameters.Value().(*value.Object); ok {
		return o
	}
	return value.NewObject()
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

// Enqueuer is an Invoker that keeps asynchronous invocations until they are delivered.
type Enqueuer interface {
	Enqueue(ctx context.Context, in lambda.Invocation) error
}

// DryRunner is an Invoker that can tell whether it would invoke a function.
type DryRunner interface {
	DryRun(in lambda.Invocation) error
}

// Executions tells when an execution of a state machine has ended. *runner.Runner does.
type Executions interface {
	Await(ctx context.Context, arn string) error
}

// Config says what a catalog works with. Functions is required.
type Config struct {
	// Functions runs Lambda functions.
	Functions Invoker
	// Routes says where the calls of all other services go; nil means nowhere.
	Routes *awsclient.Routes
	// Connections are what HTTP tasks authenticate with; nil means that there are none.
	Connections Connections
	// MayAssume tells whether an execution's role may assume the role of a state's Credentials; nil means that every role may.
	MayAssume func(role, target string) bool
}

// Catalog finds the performer of a resource.
type Catalog struct {
	models     *awsmodel.Models
	client     *awsclient.Client
	executions Executions
	mayAssume  func(role, target string) bool
	performers map[string]Performer // by "service:api"
	function   Performer
	services   map[string]service
	actions    map[string]action
	jobs       map[string]jobKind
	required   map[string][]string
	inputs     map[string]*awsmodel.Shape // of integrations that no model describes
	every      func(attempt int) time.Duration
}

// NewCatalog returns the catalog of everything that can be called.
func NewCatalog(cfg Config) *Catalog {
	if cfg.Routes == nil {
		cfg.Routes, _ = awsclient.NewRoutes(nil) // no upstream can be wrong
	}
	client := awsclient.New(cfg.Routes)
	c := &Catalog{
		models: awsmodel.New(), client: client, mayAssume: cfg.MayAssume, function: lambdaFunction{cfg.Functions},
		performers: map[string]Performer{
			"lambda:invoke":     lambdaInvoke{cfg.Functions},
			"http:invoke":       newHTTPInvoke(cfg.Connections),
			"apigateway:invoke": gatewayInvoke{client},
		},
		inputs: map[string]*awsmodel.Shape{
			"lambda:invoke": lambdaInput(), "http:invoke": httpInput(), "apigateway:invoke": gatewayInput(),
		},
		services: services(), actions: actions(), jobs: jobKinds(), required: map[string][]string{}, every: pollInterval,
	}
	for _, i := range asl.Integrations() {
		c.required[i.Service+":"+i.API] = i.Required
	}
	return c
}

// Follow has the catalog learn of the end of nested executions, for which it would otherwise have to ask again and again. It must be called before
// the first call.
func (c *Catalog) Follow(e Executions) { c.executions = e }

// Replace puts another performer in the place of a resource, written "service:api"; of Lambda functions by their ARN where it is
// "function".
func (c *Catalog) Replace(resource string, p Performer) {
	if resource == "function" {
		c.function = p
		return
	}
	c.performers[resource] = p
}

// Perform calls what the resource names.
func (c *Catalog) Perform(ctx context.Context, call Call) (*value.Data, *sfn.Failure) {
	if call.Assumed != "" && c.mayAssume != nil && !c.mayAssume(call.RoleARN, call.Assumed) {
		return nil, mayNotAssume(call)
	}
	if call.Resource.Kind == asl.ResourceFunction {
		return c.function.Perform(ctx, call)
	}
	if p, ok := c.performers[call.Resource.Service+":"+call.Resource.API]; ok {
		return p.Perform(ctx, call)
	}
	target, failure := c.target(call.Resource)
	if failure != nil {
		return nil, failure
	}
	return c.invoke(ctx, target, call)
}

// mayNotAssume is the failure of a task whose role may not be assumed.
func mayNotAssume(call Call) *sfn.Failure {
	return sfn.Fail(sfn.ErrorTaskFailed, "The role %s is not authorized to assume the task state's role, %s.", call.RoleARN, call.Assumed)
}

// Supports tells whether the resource can be called here: whether there is a performer, a service in this process, or an upstream. Activities
// always can: their workers ask for work.
func (c *Catalog) Supports(r asl.Resource) bool {
	if r.Kind != asl.ResourceService {
		return true
	}
	if _, ok := c.performers[r.Service+":"+r.API]; ok {
		return true
	}
	target, failure := c.target(r)
	return failure == nil && c.client.Serves(target.model.Name)
}

// Repeatable tells whether a call that may have been made before can be made again without harm. A nested execution has a name that follows from
// the task, so it is not started a second time.
func Repeatable(r asl.Resource) bool { return r.Service == "states" && r.API == "startExecution" }

// Lost is the failure of a call that was under way when the process that waited for it ended: nobody knows whether it had its effects, so
// only the state's own Retry may repeat it.
func Lost(r asl.Resource) sfn.Failure {
	const cause = "The outcome of the call is unknown: the process that waited for it ended before the answer came."
	if r.Kind == asl.ResourceFunction || r.Service == "lambda" {
		return *sfn.Fail("Lambda.Unknown", cause)
	}
	return *sfn.Fail(sfn.ErrorTaskFailed, cause)
}

// target is the operation that a resource stands for.
type target struct {
	service
	action
	key       string // "service:api"
	model     *awsmodel.Service
	operation *awsmodel.Operation
}

// input is what the task's parameters must look like.
func (t *target) input() *awsmodel.Shape {
	if t.action.input != nil {
		return t.action.input
	}
	return t.operation.Input
}

// target finds the operation of a resource that has no performer of its own.
func (c *Catalog) target(r asl.Resource) (target, *sfn.Failure) {
	t := target{key: r.Service + ":" + r.API}
	name, sdk := strings.CutPrefix(r.Service, "aws-sdk:")
	api := r.API
	if !sdk {
		t.service, t.action = c.services[r.Service], c.actions[t.key]
		if t.action.refusal != "" {
			return t, sfn.Fail(sfn.ErrorRuntime, "%s is not served here: %s", r.ARN, t.action.refusal)
		}
		name = t.service.model
		if t.action.model != "" {
			name = t.action.model
		}
		if t.action.operation != "" {
			api = t.action.operation
		}
	}
	var ok bool
	if t.model, ok = c.models.Service(strings.ToLower(name)); !ok {
		return t, sfn.Fail(sfn.ErrorRuntime, "%s cannot be called: this program knows no service %q", r.ARN, name)
	}
	if sdk {
		t.service = service{model: t.model.Name, prefix: t.model.Prefix}
	}
	if t.operation, ok = t.model.Operation(api); !ok {
		return t, sfn.Fail(sfn.ErrorRuntime, "%s cannot be called: the service %s has no action %q", r.ARN, name, api)
	}
	if t.operation.Streams() {
		return t, sfn.Fail(sfn.ErrorRuntime, "%s cannot be called: Step Functions does not support actions that stream", r.ARN)
	}
	return t, nil
}
