package stack

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
	"github.com/tutti-run/tutti/internal/value"
)

// HTTPAPIInfo is an HTTP or REST API of the template.
type HTTPAPIInfo struct {
	// ID is what stands in the API's URL; Name is for people.
	ID, Name string
	// Type is HTTP or REST.
	Type string
	// Stages are the names of its stages, $default among them.
	Stages []string
	// Routes are the keys of its routes.
	Routes []string
	// Keys are the values of a REST API's keys that are in use.
	Keys []string
	// Problems are what keeps routes from working.
	Problems []httpapi.Problem
}

// servedAPI is an HTTP API at work.
type servedAPI struct {
	HTTPAPIInfo
	handler APIHandler
}

// APIHandler answers the requests for an API.
type APIHandler interface {
	http.Handler
	// AllowsOrigin tells whether pages of the origin may read its answers.
	AllowsOrigin(origin string) bool
}

// apiOf returns what has been gathered of the API so far.
func (s *Stack) apiOf(id string) *httpapi.API {
	if s.next.apis == nil {
		s.next.apis = map[string]*httpapi.API{}
	}
	a := s.next.apis[id]
	if a == nil {
		a = &httpapi.API{
			ID: id, Account: s.cfg.Place.Account, Region: s.cfg.Place.Region,
			Integrations: map[string]httpapi.Integration{}, Authorizers: map[string]httpapi.Authorizer{},
		}
		s.next.apis[id] = a
		s.next.apiOrder = append(s.next.apiOrder, id)
	}
	return a
}

func (s *Stack) deployHTTPAPI(u *unit, r *cfn.Resource) error {
	p := r.Read()
	if p.String("ProtocolType") == "WEBSOCKET" {
		s.tell(Event{Kind: NotRunHere, Name: r.Name, Detail: "the WebSocket API " + r.LogicalID})
		return p.Err()
	}
	a := s.apiOf(idOf(r, "ApiId"))
	a.Name = p.String("Name")
	a.DisableExecute = p.Bool("DisableExecuteApiEndpoint", false)
	if p.Has("CorsConfiguration") {
		c := p.Block("CorsConfiguration")
		a.CORS = &httpapi.CORS{
			AllowOrigins: c.Strings("AllowOrigins"), AllowMethods: c.Strings("AllowMethods"), AllowHeaders: c.Strings("AllowHeaders"),
			ExposeHeaders: c.Strings("ExposeHeaders"), AllowCredentials: c.Bool("AllowCredentials", false), MaxAge: int(c.Int("MaxAge", 0)),
		}
	}
	body, err := s.apiBody(u, r, p)
	if err != nil {
		return err
	}
	if body != nil {
		s.next.places[a.ID] = p.Place("Body")
		if err := httpapi.ReadOpenAPI(a, body); err != nil {
			return fmt.Errorf("its Body: %w", err)
		}
	}
	if target := p.String("Target"); target != "" { // quick create: one integration for everything
		key := p.String("RouteKey")
		if key == "" {
			key = "$default"
		}
		i := httpapi.Integration{Type: "AWS_PROXY", URI: target, PayloadFormat: "2.0"}
		if strings.HasPrefix(target, "http") {
			i.Type = "HTTP_PROXY"
		}
		a.Integrations["target"] = i
		a.Routes = append(a.Routes, httpapi.Route{Key: key, Integration: "target"})
	}
	return p.Err()
}

func (s *Stack) deployRoute(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("ApiId", "RouteKey")
	a := s.apiOf(p.String("ApiId"))
	s.next.places[a.ID+fmt.Sprintf("route %q", p.String("RouteKey"))] = r.Place()
	a.Routes = append(a.Routes, httpapi.Route{
		Key: p.String("RouteKey"), Integration: strings.TrimPrefix(p.String("Target"), "integrations/"), Authorization: p.String("AuthorizationType"),
		Authorizer: p.String("AuthorizerId"), Scopes: p.Strings("AuthorizationScopes"), OperationName: p.String("OperationName"),
	})
	return p.Err()
}

func (s *Stack) deployIntegration(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("ApiId", "IntegrationType")
	i := httpapi.Integration{
		Type: p.String("IntegrationType"), Subtype: p.String("IntegrationSubtype"), URI: p.String("IntegrationUri"), Method: p.String("IntegrationMethod"),
		PayloadFormat: p.String("PayloadFormatVersion"), Parameters: texts(p.Value("RequestParameters")),
		Timeout: time.Duration(p.Int("TimeoutInMillis", 0)) * time.Millisecond,
	}
	if o, ok := p.Value("ResponseParameters").(*value.Object); ok {
		i.ResponseParameters = map[string]map[string]string{}
		for status, v := range o.All() {
			i.ResponseParameters[status] = responseParameters(v)
		}
	}
	s.apiOf(p.String("ApiId")).Integrations[idOf(r, "IntegrationId")] = i
	return p.Err()
}

// responseParameters reads the changes for one status: an object, or CloudFormation's list of Destination and Source.
func responseParameters(v value.Value) map[string]string {
	o, ok := v.(*value.Object)
	if !ok {
		return nil
	}
	list, ok := o.Get("ResponseParameters")
	if !ok {
		return texts(o)
	}
	changes := map[string]string{}
	items, _ := list.(value.Array)
	for _, item := range items {
		pair := texts(item)
		changes[pair["Destination"]] = pair["Source"]
	}
	return changes
}

func (s *Stack) deployAuthorizer(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("ApiId", "AuthorizerType")
	jwt := p.Block("JwtConfiguration")
	s.apiOf(p.String("ApiId")).Authorizers[idOf(r, "AuthorizerId")] = httpapi.Authorizer{
		Type: p.String("AuthorizerType"), Name: p.String("Name"), IdentitySources: p.Strings("IdentitySource"), Issuer: jwt.String("Issuer"),
		Audience: jwt.Strings("Audience"), URI: p.String("AuthorizerUri"), PayloadFormat: p.String("AuthorizerPayloadFormatVersion"),
		SimpleAnswers: p.Bool("EnableSimpleResponses", false), CacheFor: time.Duration(p.Int("AuthorizerResultTtlInSeconds", 0)) * time.Second,
	}
	return p.Err()
}

func (s *Stack) deployStage(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("ApiId", "StageName")
	log := p.Block("AccessLogSettings")
	stage := httpapi.Stage{
		Name: p.String("StageName"), Variables: texts(p.Value("StageVariables")), Throttle: throttle(p.Block("DefaultRouteSettings")),
		Routes: map[string]httpapi.Throttle{}, AccessLog: log.String("Format"), LogGroup: log.String("DestinationArn"),
		Detailed: p.Block("DefaultRouteSettings").Bool("DetailedMetricsEnabled", false), DetailedRoutes: map[string]bool{},
	}
	routes := p.Block("RouteSettings")
	for _, key := range routes.Names() {
		one := routes.Block(key)
		stage.Routes[key] = throttle(one)
		if one.Has("DetailedMetricsEnabled") {
			stage.DetailedRoutes[key] = one.Bool("DetailedMetricsEnabled", false)
		}
	}
	a := s.apiOf(p.String("ApiId"))
	a.Stages = append(a.Stages, stage)
	return p.Err()
}

func throttle(b *cfn.Block) httpapi.Throttle {
	return httpapi.Throttle{Rate: b.Float("ThrottlingRateLimit", 0), Burst: int(b.Int("ThrottlingBurstLimit", 0))}
}

// idOf is the resource's id, which other resources name it by.
func idOf(r *cfn.Resource, attribute string) string {
	if id, ok := r.Attribute(attribute); ok {
		return id
	}
	return r.Name
}

// texts are the members of an object as texts.
func texts(v value.Value) map[string]string {
	o, ok := v.(*value.Object)
	if !ok {
		return nil
	}
	members := map[string]string{}
	for name, member := range o.All() {
		if text, isText := member.(value.String); isText {
			members[name] = string(text)
		} else {
			members[name] = value.Text(member)
		}
	}
	return members
}

// serveHTTPAPIs puts the gathered APIs to work and tells what is wrong with them.
func (s *Stack) serveHTTPAPIs() {
	for _, id := range s.next.apiOrder {
		a := s.next.apis[id]
		h, problems := httpapi.New(*a, s.httpServices())
		s.placeProblems(id, problems)
		info := HTTPAPIInfo{ID: id, Name: a.Name, Type: "HTTP", Problems: problems}
		for _, r := range a.Routes {
			info.Routes = append(info.Routes, r.Key)
		}
		for _, stage := range a.Stages {
			info.Stages = append(info.Stages, stage.Name)
		}
		if len(info.Stages) == 0 {
			info.Stages = []string{"$default"}
		}
		s.next.served = append(s.next.served, servedAPI{info, h})
		for _, p := range problems {
			s.tell(Event{Kind: RouteRefused, Name: a.Name, Err: p})
		}
	}
	s.serveRestAPIs()
}

// placeProblems says of problems of an API where the template speaks of what they are about.
func (s *Stack) placeProblems(api string, problems []httpapi.Problem) {
	for i := range problems {
		problems[i].Place = cmp.Or(s.next.places[api+problems[i].Resource], s.next.places[api])
	}
}

// httpServices is what stands behind HTTP APIs.
func (s *Stack) httpServices() httpapi.Services {
	return httpapi.Services{
		Functions: s.plane, AWS: serviceCaller{awsclient.New(s.cfg.Routes), s.cfg.Place.Region}, Keys: s.keys, Now: s.cfg.Clock.Now,
		Identity: func(r *http.Request) (string, bool) {
			// Whoever signs is taken for the account's root, until signatures are held to roles.
			signed := strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") || r.URL.Query().Get("X-Amz-Algorithm") == "AWS4-HMAC-SHA256"
			return "arn:aws:iam::" + s.cfg.Place.Account + ":root", signed
		},
		AccessLog: s.accessLog, Meter: serviceMeter{s.metrics},
	}
}

// accessLog writes a line into the log group with the ARN.
func (s *Stack) accessLog(group, line string) {
	_, name, ok := strings.Cut(group, ":log-group:")
	if !ok {
		return
	}
	events := []logs.Event{{Timestamp: s.cfg.Clock.Now().UnixMilli(), Message: line}}
	if err := s.logs.Append(strings.TrimSuffix(name, ":*"), "access", events); err != nil {
		s.cfg.Log.Warn("cannot write an access log", "group", name, "error", err)
	}
}

// HTTPAPIs lists the template's HTTP and REST APIs.
func (s *Stack) HTTPAPIs() []HTTPAPIInfo {
	var list []HTTPAPIInfo
	for _, a := range s.deployedNow().served {
		list = append(list, a.HTTPAPIInfo)
	}
	return list
}

// HTTPAPI returns the handler of an HTTP or REST API as it is now; nil if there is none of the id.
func (s *Stack) HTTPAPI(id string) APIHandler {
	for _, a := range s.deployedNow().served {
		if a.ID == id {
			return a.handler
		}
	}
	return nil
}

// serviceCaller calls services with the AWS JSON protocol, in this process or upstream.
type serviceCaller struct {
	client *awsclient.Client
	region string
}

// jsonServices says how the services of first-class integrations are called: what routes call them, and the protocol's header values.
var jsonServices = map[string]struct{ route, target, contentType string }{
	"states": {"sfn", "AWSStepFunctions", "application/x-amz-json-1.0"},
	"events": {"eventbridge", "AWSEvents", "application/x-amz-json-1.1"},
	"sqs":    {"sqs", "AmazonSQS", "application/x-amz-json-1.0"},
}

// Call implements httpapi.Caller.
func (c serviceCaller) Call(ctx context.Context, service, action string, body []byte) (int, []byte, error) {
	how, ok := jsonServices[service]
	if !ok {
		return 0, nil, fmt.Errorf("the service %s has no JSON protocol here", service)
	}
	u := url.URL{Scheme: "https", Host: service + "." + c.region + ".amazonaws.com", Path: "/"}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", how.contentType)
	r.Header.Set("X-Amz-Target", how.target+"."+action)
	status, _, answer, err := c.client.Exchange(r, awsclient.Exchange{Service: how.route, Region: c.region, Body: body, Sign: true})
	return status, answer, notServed(err, service)
}

// notServed says of a service that is nowhere what can be done.
func notServed(err error, service string) error {
	var missing *awsclient.NotServedError
	if errors.As(err, &missing) {
		return fmt.Errorf("%s is not served here: name where it is with --upstream", service)
	}
	return err
}
