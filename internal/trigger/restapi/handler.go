package restapi

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tutti-run/tutti/internal/schema"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
	"github.com/tutti-run/tutti/internal/vtl"
)

// Handler answers requests for one API. It may be used by any number of goroutines.
type Handler struct {
	api      *API
	services Services
	routes   router
	stages   map[string]*stage
	checks   map[string]*regexp.Regexp // of tokens, by authorizer
	answers  answers
	usage    usage
	measured measured
}

// method is a Method at work.
type method struct {
	Method
	requests  map[string]*vtl.Template // by content type
	responses []compiledResponse
	models    map[string]*schema.Schema // by content type
	problems  []string
}

type compiledResponse struct {
	Response
	pattern   *regexp.Regexp // nil takes the rest
	templates map[string]*vtl.Template
}

// stage is a Stage at work.
type stage struct {
	Stage
	limits map[string]*rate.Limiter // by "VERB /path"
}

// New checks the API and returns its handler. Methods that have problems answer 500; the others work.
func New(api API, services Services) (*Handler, []httpapi.Problem) {
	if services.Now == nil {
		services.Now = time.Now
	}
	if services.HTTP == nil {
		services.HTTP = http.DefaultTransport
	}
	h := &Handler{api: &api, services: services, stages: map[string]*stage{}, checks: map[string]*regexp.Regexp{}, measured: newMeasured(&api, services.Meter)}
	var problems []httpapi.Problem
	for id, a := range api.Authorizers {
		if a.Validation == "" {
			continue
		}
		check, err := regexp.Compile("^(?:" + a.Validation + ")$")
		if err != nil {
			problems = append(problems, httpapi.Problem{Resource: fmt.Sprintf("authorizer %q", a.Name), Message: fmt.Sprintf("its validation expression cannot be had here: %v", err)})
			continue
		}
		h.checks[id] = check
	}
	models := filesOf(api.Models)
	for _, m := range api.Methods {
		compiled := h.compile(m, models)
		if why := h.routes.add(compiled); why != "" {
			compiled.problems = append(compiled.problems, why)
		}
		for _, why := range compiled.problems {
			problems = append(problems, httpapi.Problem{Resource: fmt.Sprintf("method %q", m.Verb+" "+m.Path), Message: why})
		}
	}
	h.routes.sort()
	for _, s := range api.Stages {
		limited := &stage{Stage: s, limits: map[string]*rate.Limiter{}}
		for key, t := range s.Throttles {
			limited.limits[key] = t.Limiter()
		}
		h.stages[s.Name] = limited
	}
	return h, problems
}

// Routes lists the methods with their paths.
func (h *Handler) Routes() []string {
	var list []string
	for _, m := range h.api.Methods {
		list = append(list, m.Verb+" "+m.Path)
	}
	return list
}

// AllowsOrigin tells whether an OPTIONS method of the API lets pages of the origin read its answers.
func (h *Handler) AllowsOrigin(origin string) bool {
	for _, m := range h.api.Methods {
		if m.Verb != http.MethodOptions || m.Integration == nil {
			continue
		}
		for _, r := range m.Integration.Responses {
			for name, v := range r.Parameters {
				if strings.EqualFold(name, "method.response.header.Access-Control-Allow-Origin") && (v == "'*'" || v == "'"+origin+"'") {
					return true
				}
			}
		}
	}
	return false
}

// compile prepares a method and gathers what keeps it from working.
func (h *Handler) compile(m Method, models modelFiles) *method {
	c := &method{Method: m, requests: map[string]*vtl.Template{}, models: map[string]*schema.Schema{}}
	add := func(format string, args ...any) { c.problems = append(c.problems, fmt.Sprintf(format, args...)) }
	if m.Integration == nil {
		add("has no integration")
	} else {
		c.compileIntegration(h, add)
	}
	switch m.Authorization {
	case "", "NONE", "AWS_IAM":
	case "CUSTOM", "COGNITO_USER_POOLS":
		switch a, ok := h.api.Authorizers[m.Authorizer]; {
		case !ok:
			add("its authorizer %q does not exist", m.Authorizer)
		case a.Type == "COGNITO_USER_POOLS" && h.services.Keys == nil:
			add("tokens cannot be checked: there is nowhere to get keys from")
		case a.Type != "COGNITO_USER_POOLS" && (httpapi.FunctionOf(a.URI) == "" || h.services.Functions == nil):
			add("its authorizer %q names no Lambda function in AuthorizerUri", m.Authorizer)
		}
	default:
		add("the authorization type %q is none of NONE, AWS_IAM, CUSTOM and COGNITO_USER_POOLS", m.Authorization)
	}
	if !m.CheckBody {
		return c
	}
	for kind, name := range m.Models {
		if name == "Empty" && models[name+".json"] == "" { // the model that every API has
			continue
		}
		s, err := schema.Compile(models, name+".json")
		if err != nil {
			add("its model %q: %v", name, err)
			continue
		}
		c.models[kind] = s
	}
	return c
}

func (c *method) compileIntegration(h *Handler, add func(string, ...any)) {
	i := c.Integration
	switch uri := httpapi.WithoutVariables(i.URI); i.Type {
	case "AWS_PROXY":
		if httpapi.FunctionOf(uri) == "" || h.services.Functions == nil {
			add("its integration's URI %q names no Lambda function", i.URI)
		}
	case "AWS":
		switch service, kind, _ := actionOf(uri); {
		case httpapi.FunctionOf(uri) != "" && h.services.Functions != nil:
		case service == "":
			add("its integration's URI %q is not that of an action, a path or a function of an AWS service", i.URI)
		case h.services.AWS == nil:
			add("its integration needs the service %s, which is not there", service)
		case kind == "action":
			if _, _, ok := h.services.AWS.Target(service); !ok {
				add("its integration's service %q has neither JSON nor query protocol: name a path, as in arn:aws:apigateway:REGION:%s:path/…", service, service)
			}
		}
	case "HTTP", "HTTP_PROXY":
		if u, err := url.Parse(uri); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			add("its integration's URI %q is not a URL", i.URI)
		}
	case "MOCK":
	default:
		add("its integration's type %q is none of AWS_PROXY, AWS, HTTP_PROXY, HTTP and MOCK", i.Type)
	}
	for _, to := range slices.Sorted(maps.Keys(i.Parameters)) {
		if name, ok := strings.CutPrefix(to, "integration.request.header."); ok && i.isReserved(strings.ToLower(name)) {
			add("its integration maps the header %s, which API Gateway writes itself", name)
		}
	}
	parse := func(what string, templates map[string]string) map[string]*vtl.Template {
		parsed := map[string]*vtl.Template{}
		for _, kind := range slices.Sorted(maps.Keys(templates)) {
			t, err := vtl.Parse(templates[kind])
			if err != nil {
				add("its %s template for %s: %v", what, kind, err)
				continue
			}
			parsed[strings.ToLower(kind)] = t
		}
		return parsed
	}
	c.requests = parse("request", i.Templates)
	for _, r := range i.Responses {
		compiled := compiledResponse{Response: r, templates: parse(fmt.Sprintf("response %d's", r.Status), r.Templates)}
		if r.Pattern != "" {
			var err error
			if compiled.pattern, err = regexp.Compile("^(?:" + r.Pattern + ")$"); err != nil {
				add("its response's selection pattern %q cannot be had here: %v", r.Pattern, err)
				continue
			}
		}
		c.responses = append(c.responses, compiled)
	}
}

// isReserved tells whether the header is one of those whose mapping the service answers with a configuration error: it writes them itself, and signs for
// services.
func (i *Integration) isReserved(header string) bool {
	switch header {
	case "content-length", "transfer-encoding", "x-amzn-trace-id", "x-amzn-apigateway-api-id":
		return i.Type != "MOCK"
	case "authorization", "connection", "expect", "proxy-authenticate", "te":
		return i.Type == "AWS"
	}
	return false
}

// actionOf takes the URI of an AWS integration apart: arn:aws:apigateway:REGION:SERVICE:action/NAME or :path/PATH. service is "" if it is none.
func actionOf(uri string) (service, kind, rest string) {
	parts := strings.SplitN(uri, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "apigateway" {
		return "", "", ""
	}
	kind, rest, ok := strings.Cut(parts[5], "/")
	if !ok || kind != "action" && kind != "path" {
		return "", "", ""
	}
	service = parts[4][strings.LastIndexByte(parts[4], '.')+1:] // behind a subdomain
	return service, kind, rest
}

// answers keeps authorizers' policies for as long as they hold.
type answers struct {
	mu   sync.Mutex
	kept map[string]answer
}

type answer struct {
	policy httpapi.Policy
	until  time.Time
}

// maxKept bounds the cache: when it is full, it is begun anew.
const maxKept = 10_000

func (a *answers) get(key string, now time.Time) (httpapi.Policy, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found, ok := a.kept[key]
	return found.policy, ok && now.Before(found.until)
}

func (a *answers) put(key string, p httpapi.Policy, until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept == nil || len(a.kept) >= maxKept {
		a.kept = map[string]answer{}
	}
	a.kept[key] = answer{p, until}
}
