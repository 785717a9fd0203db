package restapi

import (
	"context"
	"net/http"
	"time"

	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
)

// API is a REST API as its resources describe it.
type API struct {
	ID, Name        string
	Account, Region string
	// BinaryTypes are the media types that are not text: BinaryMediaTypes.
	BinaryTypes []string
	// KeySource is where API keys come from: HEADER, or AUTHORIZER; "" stands for HEADER.
	KeySource        string
	DisableExecute   bool // DisableExecuteApiEndpoint: nobody is answered
	Methods          []Method
	Authorizers      map[string]Authorizer      // by id
	Models           map[string]string          // JSON Schemas, by name
	GatewayResponses map[string]GatewayResponse // by type, like MISSING_AUTHENTICATION_TOKEN or DEFAULT_4XX
	Stages           []Stage
	Keys             []Key
}

// Method is what a path does with a verb.
type Method struct {
	// Path is like /pets/{id} or /{proxy+}. ResourceID is the path's.
	Path, ResourceID string
	// Verb is an HTTP method, or ANY.
	Verb string
	// Authorization is NONE, AWS_IAM, CUSTOM or COGNITO_USER_POOLS; "" stands for NONE.
	Authorization string
	// Authorizer is the id of the authorizer of CUSTOM and COGNITO_USER_POOLS, Scopes those of which a token must have one.
	Authorizer string
	Scopes     []string
	// KeyRequired asks for an API key.
	KeyRequired bool
	// CheckBody and CheckParameters are what the method's request validator does.
	CheckBody, CheckParameters bool
	// Parameters are method.request.header.NAME and the like, with whether they are required.
	Parameters map[string]bool
	// Models are names of models, by content type.
	Models map[string]string
	// Integration is what the method leads to; nil for none.
	Integration *Integration
}

// Integration is what a method leads to.
type Integration struct {
	// Type is AWS_PROXY, AWS, HTTP_PROXY, HTTP or MOCK.
	Type string
	// URI is API Gateway's ARN of a function's invocation or of a service's action or path, or a URL.
	URI string
	// Verb is the HTTP method of the call.
	Verb string
	// Templates make the body of the call, by content type.
	Templates map[string]string
	// Passthrough says what becomes of a body without a template: WHEN_NO_MATCH, WHEN_NO_TEMPLATES or NEVER; "" stands for the first.
	Passthrough string
	// Parameters are integration.request.header.NAME and the like, with where they come from.
	Parameters map[string]string
	// Responses are what answers become, in order.
	Responses []Response
	// Timeout is how long the call may take; 0 stands for 29 seconds.
	Timeout time.Duration
}

// Response is what becomes of an answer of the integration.
type Response struct {
	// Pattern is a regular expression that the status, or the message of a function's error, must be of as a whole; "" takes what no other takes.
	Pattern string
	// Status is that of the method's response.
	Status int
	// Templates make the response's body, by content type.
	Templates map[string]string
	// Parameters are method.response.header.NAME, with where they come from.
	Parameters map[string]string
}

// Authorizer decides who may pass.
type Authorizer struct {
	// Type is TOKEN, REQUEST or COGNITO_USER_POOLS.
	Type, Name string
	// URI is API Gateway's ARN of a function's invocation.
	URI string
	// Sources are expressions like method.request.header.Authorization.
	Sources []string
	// Validation is a regular expression for the token.
	Validation string
	// CacheFor is how long answers hold; 0 caches nothing.
	CacheFor time.Duration
	// Pools are the ARNs of the user pools.
	Pools []string
}

// GatewayResponse changes what the gateway answers by itself.
type GatewayResponse struct {
	// Status replaces the usual status; 0 keeps it.
	Status int
	// Parameters are gatewayresponse.header.NAME, with where they come from.
	Parameters map[string]string
	// Templates make the body, by content type.
	Templates map[string]string
}

// Stage is a deployment of the API.
type Stage struct {
	Name         string
	DeploymentID string
	Variables    map[string]string
	// Throttles are those of methods, by "VERB /path", of which either may be *.
	Throttles map[string]httpapi.Throttle
	// AccessLog is the format of a line in the access log; "" for none. LogGroup is its destination's ARN.
	AccessLog, LogGroup string
	// Detailed says of which methods are measured by themselves, by "VERB /path" as Throttles.
	Detailed map[string]bool
}

// Key is an API key that usage plans let use the API.
type Key struct {
	ID, Value string
	Disabled  bool
	Plans     []Plan
}

// Plan is a usage plan as it holds for the API.
type Plan struct {
	// ID tells plans apart.
	ID string
	// Stages are the names of the stages that it is for.
	Stages   []string
	Throttle httpapi.Throttle
	// Quota is how many requests a key may make in a Period: DAY, WEEK or MONTH; 0 for no bound.
	Quota  int
	Period string
}

// Exchanger makes a call of an AWS service.
type Exchanger interface {
	// Target is what stands before the operation's name in X-Amz-Target and the content type of the service's JSON protocol; both are empty for services of
	// the query protocol, and ok is false for those of neither. service is as API Gateway's ARNs have it, like states.
	Target(service string) (target, contentType string, ok bool)
	// Exchange sends a request to the service and returns the answer.
	Exchange(r *http.Request, service string, body []byte) (status int, header http.Header, answer []byte, err error)
}

// Enqueuer takes invocations of functions on and runs them later. An error that is a [*lambda.Error] is what the Lambda API would have answered.
type Enqueuer interface {
	Enqueue(ctx context.Context, in lambda.Invocation) error
}

// Services are what stands behind integrations and authorizers. A service that is nil is a problem of the methods that need it.
type Services struct {
	Functions httpapi.Invoker
	// Events takes invocations that no answer is waited for. Nil refuses those.
	Events Enqueuer
	AWS    Exchanger
	Keys   httpapi.KeySource
	// Identity names who signed the request; ok is false for a request that nobody known has signed. Nil refuses all.
	Identity func(r *http.Request) (arn string, ok bool)
	// HTTP makes the requests of HTTP integrations; nil means http.DefaultTransport.
	HTTP http.RoundTripper
	// AccessLog takes a line of the access log. Nil drops it.
	AccessLog func(logGroup, line string)
	// Meter counts requests. Nil counts nothing.
	Meter measure.Meter
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// maxTimeout is how long an integration may take unless its API asks for more (developer guide, "Quotas for configuring and running a REST API"), and
// how much more it may ask for.
const (
	usualTimeout = 29 * time.Second
	maxTimeout   = 5 * time.Minute
)

// withTimeout bounds a call of the integration.
func (i *Integration) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	d := i.Timeout
	if d <= 0 {
		d = usualTimeout
	}
	return context.WithTimeout(ctx, min(d, maxTimeout))
}
