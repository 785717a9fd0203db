package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/measure"
)

// API is an HTTP API as its resources describe it.
type API struct {
	ID, Name       string
	Account        string
	Region         string
	CORS           *CORS
	Routes         []Route
	Integrations   map[string]Integration // by id
	Authorizers    map[string]Authorizer  // by id
	Stages         []Stage                // none stands for one called $default
	DisableExecute bool                   // DisableExecuteApiEndpoint: nobody is answered
}

// Route leads requests to an integration.
type Route struct {
	// Key is a method and a path, like "GET /pets/{id}" or "ANY /{proxy+}", or $default.
	Key string
	// Integration is the id of where it leads.
	Integration string
	// Authorization is NONE, JWT, CUSTOM or AWS_IAM; "" stands for NONE.
	Authorization string
	// Authorizer is the id of the authorizer of JWT and CUSTOM.
	Authorizer string
	// Scopes are those of which a JWT must have one.
	Scopes        []string
	OperationName string
}

// Integration is what a route leads to.
type Integration struct {
	// Type is AWS_PROXY or HTTP_PROXY.
	Type string
	// Subtype is an AWS service's action, like "StepFunctions-StartExecution"; "" for a Lambda function.
	Subtype string
	// URI is the function's ARN, API Gateway's invocation ARN around it, or the URL of an HTTP proxy.
	URI string
	// Method is that of the proxied request; "" or ANY keeps the client's.
	Method string
	// PayloadFormat is 1.0 or 2.0; "" stands for 1.0, as in the API.
	PayloadFormat string
	// Parameters are the action's parameters, or changes to the proxied request.
	Parameters map[string]string
	// ResponseParameters are changes to the response, by status.
	ResponseParameters map[string]map[string]string
	// Timeout is how long the integration may take; 0 and anything longer than 30 seconds stand for 30 seconds.
	Timeout time.Duration
}

// Authorizer decides who may pass.
type Authorizer struct {
	// Type is JWT or REQUEST.
	Type, Name string
	// IdentitySources are selection expressions like $request.header.Authorization.
	IdentitySources []string
	// Issuer and Audience are those of a JWT.
	Issuer   string
	Audience []string
	// URI is the ARN of a REQUEST authorizer's function, or API Gateway's invocation ARN around it.
	URI           string
	PayloadFormat string        // 1.0 or 2.0
	SimpleAnswers bool          // EnableSimpleResponses
	CacheFor      time.Duration // AuthorizerResultTtlInSeconds; 0 caches nothing
}

// CORS is the API's cross-origin configuration.
type CORS struct {
	AllowOrigins, AllowMethods, AllowHeaders, ExposeHeaders []string
	AllowCredentials                                        bool
	MaxAge                                                  int // seconds; 0 for none
}

// Throttle bounds how many requests pass.
type Throttle struct {
	Rate  float64 // requests a second; 0 for no bound
	Burst int
}

// Stage is a deployment of the API.
type Stage struct {
	Name      string
	Variables map[string]string
	Throttle  Throttle
	// Routes has throttles of single routes, by route key.
	Routes map[string]Throttle
	// AccessLog is the format of a line in the access log, with variables like $context.requestId; "" for no log. LogGroup is its destination's ARN.
	AccessLog, LogGroup string
	// Detailed has all routes measured by themselves, DetailedRoutes says so of single ones, by route key.
	Detailed       bool
	DetailedRoutes map[string]bool
}

// Invoker runs Lambda functions. An error that is a [*lambda.Error] is what the Lambda API would have answered.
type Invoker interface {
	Invoke(ctx context.Context, in lambda.Invocation) (lambda.Result, error)
}

// Caller makes a call of an AWS service's API with the JSON protocol: the service's name in a credential scope, the action, and the
// parameters as its JSON body. It answers with the HTTP status and the body.
type Caller interface {
	Call(ctx context.Context, service, action string, body []byte) (status int, answer []byte, err error)
}

// KeySource finds the public keys of an issuer of JWTs, as a JSON Web Key Set.
type KeySource interface {
	Keys(ctx context.Context, issuer string) ([]byte, error)
}

// Services are what stands behind integrations and authorizers. A service that is nil is a problem of the routes that need it.
type Services struct {
	Functions Invoker
	AWS       Caller
	Keys      KeySource
	// Caller names who signed the request, by the ARN of an identity; ok is false for a request that nobody known has signed. Nil refuses all.
	Identity func(r *http.Request) (arn string, ok bool)
	// HTTP makes the requests of HTTP proxies; nil means http.DefaultTransport.
	HTTP http.RoundTripper
	// AccessLog takes a line of the access log. Nil drops it.
	AccessLog func(logGroup, line string)
	// Meter counts requests. Nil counts nothing.
	Meter measure.Meter
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Problem is what is wrong with an API's resources.
type Problem struct {
	// Place is where the resource stands, like "template.yaml:12:5: PetsRoute"; "" where nobody knows.
	Place string
	// Resource is what the problem is about, like `route "GET /pets"`.
	Resource string
	Message  string
}

// Error is the problem in a sentence.
func (p Problem) Error() string {
	text := p.Resource + ": " + p.Message
	if p.Place != "" {
		text = p.Place + ": " + text
	}
	return text
}

// Handler answers requests for one API. It may be used by any number of goroutines.
type Handler struct {
	api      *API
	services Services
	routes   *router
	faulty   map[string]bool // routes that have problems, by key
	stages   map[string]*stage
	answers  answerCache
	measured measured
}

// stage is a Stage at work.
type stage struct {
	Stage
	limits map[string]*rate.Limiter // by route key; "" for the whole
}

// New checks the API and returns its handler. Routes that have problems answer 500; the others work.
func New(api API, services Services) (*Handler, []Problem) {
	if services.Now == nil {
		services.Now = time.Now
	}
	if services.HTTP == nil {
		services.HTTP = http.DefaultTransport
	}
	if len(api.Stages) == 0 {
		api.Stages = []Stage{{Name: defaultKey}}
	}
	h := &Handler{api: &api, services: services, faulty: map[string]bool{}, stages: map[string]*stage{}, measured: api.measured(services.Meter)}
	var problems []Problem
	h.routes, problems = newRouter(api.Routes)
	for _, r := range api.Routes {
		for _, why := range h.checkRoute(r) {
			h.faulty[r.Key] = true
			problems = append(problems, Problem{Resource: fmt.Sprintf("route %q", r.Key), Message: why})
		}
	}
	for _, s := range api.Stages {
		limited := &stage{Stage: s, limits: map[string]*rate.Limiter{}}
		limited.limits[""] = s.Throttle.Limiter()
		for key, t := range s.Routes {
			limited.limits[key] = t.Limiter()
		}
		h.stages[s.Name] = limited
	}
	return h, problems
}

// Limiter is a new limiter that allows as much as the throttle; nil for no bound.
func (t Throttle) Limiter() *rate.Limiter {
	if t.Rate <= 0 && t.Burst <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(t.Rate), max(t.Burst, 1))
}

// checkRoute says what keeps a route from working.
func (h *Handler) checkRoute(r Route) (problems []string) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	i, ok := h.api.Integrations[r.Integration]
	switch {
	case r.Integration == "":
		add("has no integration: set its Target")
	case !ok:
		add("its integration %q does not exist", r.Integration)
	default:
		for _, why := range h.checkIntegration(i) {
			add("%s", why)
		}
	}
	switch r.Authorization {
	case "", "NONE", "AWS_IAM":
	case "JWT", "CUSTOM":
		a, ok := h.api.Authorizers[r.Authorizer]
		want := map[string]string{"JWT": "JWT", "CUSTOM": "REQUEST"}[r.Authorization]
		switch {
		case !ok:
			add("its authorizer %q does not exist", r.Authorizer)
		case a.Type != want:
			add("its authorizer %q is of the type %s, but the route's authorization is %s", r.Authorizer, a.Type, r.Authorization)
		case a.Type == "JWT" && (a.Issuer == "" || len(a.Audience) == 0):
			add("its authorizer %q needs an Issuer and an Audience", r.Authorizer)
		case a.Type == "JWT" && h.services.Keys == nil:
			add("JWTs cannot be checked: there is nowhere to get keys from")
		case a.Type == "REQUEST" && (FunctionOf(WithoutVariables(a.URI)) == "" || h.services.Functions == nil):
			add("its authorizer %q names no Lambda function in AuthorizerUri", r.Authorizer)
		}
	default:
		add("the authorization type %q is none of NONE, JWT, CUSTOM and AWS_IAM", r.Authorization)
	}
	return problems
}

// answerCache keeps authorizers' answers for as long as they say.
type answerCache struct {
	mu      sync.Mutex
	answers map[string]cachedAnswer
}

type cachedAnswer struct {
	verdict verdict
	until   time.Time
}

// maxCached bounds the cache: when it is full, it is begun anew.
const maxCached = 10_000

func (c *answerCache) get(key string, now time.Time) (verdict, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.answers[key]
	return a.verdict, ok && now.Before(a.until)
}

func (c *answerCache) put(key string, v verdict, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers == nil || len(c.answers) >= maxCached {
		c.answers = map[string]cachedAnswer{}
	}
	c.answers[key] = cachedAnswer{v, until}
}
