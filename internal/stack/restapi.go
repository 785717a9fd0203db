package stack

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
	"github.com/tutti-run/tutti/internal/trigger/restapi"
	"github.com/tutti-run/tutti/internal/value"
)

// restAPIs is what the templates have of REST APIs, while it is gathered.
type restAPIs struct {
	apis       map[string]*restapi.API
	order      []string
	paths      map[string]string                      // by resource id
	validators map[string]struct{ body, params bool } // by id
	methods    map[string][]gatheredMethod            // by API: those in resources, whose validators may come later
	keys       map[string]restapi.Key                 // by id
	keyOrder   []string
	plans      map[string]gatheredPlan // by id
	planOrder  []string
	planKeys   map[string][]string // ids of keys, by plan
}

type gatheredMethod struct {
	restapi.Method
	validator string
}

// gatheredPlan is a usage plan, which may be for several APIs.
type gatheredPlan struct {
	restapi.Plan
	stages map[string][]string // by API
}

func (s *Stack) restAPIs() *restAPIs {
	if s.next.rest == nil {
		s.next.rest = &restAPIs{
			apis: map[string]*restapi.API{}, paths: map[string]string{}, validators: map[string]struct{ body, params bool }{}, methods: map[string][]gatheredMethod{},
			keys: map[string]restapi.Key{}, plans: map[string]gatheredPlan{}, planKeys: map[string][]string{},
		}
	}
	return s.next.rest
}

// restAPI returns what has been gathered of the API so far.
func (s *Stack) restAPI(id string) *restapi.API {
	all := s.restAPIs()
	a := all.apis[id]
	if a == nil {
		a = &restapi.API{
			ID: id, Account: s.cfg.Place.Account, Region: s.cfg.Place.Region, Authorizers: map[string]restapi.Authorizer{}, Models: map[string]string{},
			GatewayResponses: map[string]restapi.GatewayResponse{},
		}
		all.apis[id] = a
		all.order = append(all.order, id)
	}
	return a
}

// apiBody is the OpenAPI document of an API: in its Body, or in the file that BodyS3Location names; nil if there is none.
func (s *Stack) apiBody(u *unit, r *cfn.Resource, p *cfn.Block) (*value.Object, error) {
	if body, ok := p.Value("Body").(*value.Object); ok {
		return body, nil
	}
	if !p.Has("BodyS3Location") {
		return nil, nil
	}
	file, err := u.located(s.cfg.Project, r, "BodyS3Location", p.Value("BodyS3Location"), "Bucket", "Key")
	var elsewhere *elsewhereError
	if errors.As(err, &elsewhere) { // the others run all the same
		s.tell(Event{Kind: NotRunHere, Name: r.LogicalID, Detail: "the routes of " + r.LogicalID + ": " + err.Error()})
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := readFile(file, maxDefinitionFile)
	if err != nil {
		return nil, err
	}
	s.next.watched = append(s.next.watched, file)
	name := filepath.ToSlash(shownPath(s.cfg.Project, file))
	document, err := jsonDefinition(name, string(text))
	if err != nil {
		return nil, err
	}
	v, err := value.Parse(document)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	body, ok := v.(*value.Object)
	if !ok {
		return nil, fmt.Errorf("%s is not an OpenAPI document", name)
	}
	return body, nil
}

func (s *Stack) deployRestAPI(u *unit, r *cfn.Resource) error {
	p := r.Read()
	a := s.restAPI(idOf(r, "RestApiId"))
	a.Name, a.BinaryTypes, a.KeySource = p.String("Name"), p.Strings("BinaryMediaTypes"), p.String("ApiKeySourceType")
	a.DisableExecute = p.Bool("DisableExecuteApiEndpoint", false)
	if root, ok := r.Attribute("RootResourceId"); ok {
		s.restAPIs().paths[root] = "/"
	}
	body, err := s.apiBody(u, r, p)
	if err != nil {
		return err
	}
	if body != nil {
		s.next.places[a.ID] = p.Place("Body")
		if err := restapi.ReadOpenAPI(a, body); err != nil {
			return fmt.Errorf("its Body: %w", err)
		}
	}
	return p.Err()
}

func (s *Stack) deployResource(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("RestApiId", "ParentId", "PathPart")
	parent, known := s.restAPIs().paths[p.String("ParentId")]
	if err := p.Err(); err != nil {
		return err
	}
	if !known {
		p.Problem("ParentId", "No resource of the template has this id.")
		return p.Err()
	}
	s.restAPIs().paths[idOf(r, "ResourceId")] = strings.TrimSuffix(parent, "/") + "/" + p.String("PathPart")
	return nil
}

func (s *Stack) deployMethod(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("RestApiId", "ResourceId", "HttpMethod")
	m := gatheredMethod{validator: p.String("RequestValidatorId"), Method: restapi.Method{
		Verb: strings.ToUpper(p.String("HttpMethod")), ResourceID: p.String("ResourceId"), Authorization: p.String("AuthorizationType"), Authorizer: p.String("AuthorizerId"),
		Scopes: p.Strings("AuthorizationScopes"), KeyRequired: p.Bool("ApiKeyRequired", false), Models: texts(p.Value("RequestModels")), Parameters: map[string]bool{},
	}}
	parameters := p.Block("RequestParameters")
	for _, name := range parameters.Names() {
		m.Parameters[name] = parameters.Bool(name, false)
	}
	if p.Has("Integration") {
		m.Integration = restIntegration(p.Block("Integration"))
	}
	if err := p.Err(); err != nil {
		return err
	}
	path, known := s.restAPIs().paths[m.ResourceID]
	if !known {
		p.Problem("ResourceId", "No resource of the template has this id.")
		return p.Err()
	}
	m.Path = path
	s.next.places[p.String("RestApiId")+fmt.Sprintf("method %q", m.Verb+" "+path)] = r.Place()
	id := p.String("RestApiId")
	s.restAPI(id)
	s.restAPIs().methods[id] = append(s.restAPIs().methods[id], m)
	return nil
}

func restIntegration(b *cfn.Block) *restapi.Integration {
	i := &restapi.Integration{
		Type: b.String("Type"), URI: b.String("Uri"), Verb: b.String("IntegrationHttpMethod"), Templates: texts(b.Value("RequestTemplates")),
		Passthrough: b.String("PassthroughBehavior"), Parameters: texts(b.Value("RequestParameters")), Timeout: time.Duration(b.Int("TimeoutInMillis", 0)) * time.Millisecond,
	}
	for _, r := range b.Blocks("IntegrationResponses") {
		i.Responses = append(i.Responses, restapi.Response{
			Pattern: r.String("SelectionPattern"), Status: int(r.Int("StatusCode", 200)), Templates: texts(r.Value("ResponseTemplates")), Parameters: texts(r.Value("ResponseParameters")),
		})
	}
	return i
}

func (s *Stack) deployDeployment(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("RestApiId")
	if name := p.String("StageName"); name != "" {
		d := p.Block("StageDescription")
		s.addStage(p.String("RestApiId"), restapi.Stage{
			Name: name, DeploymentID: idOf(r, "DeploymentId"), Variables: texts(d.Value("Variables")), Throttles: methodThrottles(d),
			AccessLog: d.Block("AccessLogSetting").String("Format"), LogGroup: d.Block("AccessLogSetting").String("DestinationArn"), Detailed: detailedMethods(d),
		})
	}
	return p.Err()
}

func (s *Stack) deployRestStage(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("RestApiId", "StageName")
	log := p.Block("AccessLogSetting")
	s.addStage(p.String("RestApiId"), restapi.Stage{
		Name: p.String("StageName"), DeploymentID: p.String("DeploymentId"), Variables: texts(p.Value("Variables")), Throttles: methodThrottles(p),
		AccessLog: log.String("Format"), LogGroup: log.String("DestinationArn"), Detailed: detailedMethods(p),
	})
	return p.Err()
}

// addStage adds a stage, or replaces the one of its name.
func (s *Stack) addStage(id string, stage restapi.Stage) {
	a := s.restAPI(id)
	if i := slices.IndexFunc(a.Stages, func(other restapi.Stage) bool { return other.Name == stage.Name }); i >= 0 {
		a.Stages[i] = stage
		return
	}
	a.Stages = append(a.Stages, stage)
}

// methodThrottles are the throttles of a stage's methods.
func methodThrottles(b *cfn.Block) map[string]httpapi.Throttle {
	throttles := map[string]httpapi.Throttle{}
	if b.Has("ThrottlingRateLimit") || b.Has("ThrottlingBurstLimit") {
		throttles["* /*"] = throttle(b)
	}
	for _, m := range b.Blocks("MethodSettings") {
		if !m.Has("ThrottlingRateLimit") && !m.Has("ThrottlingBurstLimit") {
			continue
		}
		throttles[settingKey(m)] = throttle(m)
	}
	return throttles
}

// settingKey is what a method's settings are for: "VERB /path". The slashes of paths are written ~1.
func settingKey(m *cfn.Block) string {
	path := strings.ReplaceAll(m.String("ResourcePath"), "~1", "/")
	return m.String("HttpMethod") + " /" + strings.TrimLeft(path, "/")
}

// detailedMethods are the methods of a stage that are measured by themselves.
func detailedMethods(b *cfn.Block) map[string]bool {
	detailed := map[string]bool{}
	if b.Has("MetricsEnabled") {
		detailed["* /*"] = b.Bool("MetricsEnabled", false)
	}
	for _, m := range b.Blocks("MethodSettings") {
		if m.Has("MetricsEnabled") {
			detailed[settingKey(m)] = m.Bool("MetricsEnabled", false)
		}
	}
	return detailed
}

func (s *Stack) deployModel(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("RestApiId")
	text := "{}"
	switch v := p.Value("Schema").(type) {
	case nil:
	case value.String:
		text = string(v)
	default:
		text = value.Text(v)
	}
	s.restAPI(p.String("RestApiId")).Models[r.Name] = text
	return p.Err()
}

func (s *Stack) deployValidator(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("RestApiId")
	s.restAPIs().validators[idOf(r, "RequestValidatorId")] = struct{ body, params bool }{p.Bool("ValidateRequestBody", false), p.Bool("ValidateRequestParameters", false)}
	return p.Err()
}

func (s *Stack) deployRestAuthorizer(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("RestApiId", "Type")
	s.next.places[p.String("RestApiId")+fmt.Sprintf("authorizer %q", p.String("Name"))] = r.Place()
	s.restAPI(p.String("RestApiId")).Authorizers[idOf(r, "AuthorizerId")] = restapi.Authorizer{
		Type: p.String("Type"), Name: p.String("Name"), URI: p.String("AuthorizerUri"), Sources: restapi.SplitSources(p.String("IdentitySource")),
		Validation: p.String("IdentityValidationExpression"), Pools: p.Strings("ProviderARNs"), CacheFor: time.Duration(p.Int("AuthorizerResultTtlInSeconds", 300)) * time.Second,
	}
	return p.Err()
}

func (s *Stack) deployGatewayAnswer(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("RestApiId", "ResponseType")
	s.restAPI(p.String("RestApiId")).GatewayResponses[p.String("ResponseType")] = restapi.GatewayResponse{
		Status: int(p.Int("StatusCode", 0)), Parameters: texts(p.Value("ResponseParameters")), Templates: texts(p.Value("ResponseTemplates")),
	}
	return p.Err()
}

// deployAPIKey takes a key. One without a value has its id as that, which Ref gives, since there is nowhere to look up a secret one.
func (s *Stack) deployAPIKey(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	id := idOf(r, "APIKeyId")
	key := restapi.Key{ID: id, Value: p.String("Value"), Disabled: !p.Bool("Enabled", false)}
	if key.Value == "" {
		key.Value = id
	}
	s.restAPIs().keys[id] = key
	s.restAPIs().keyOrder = append(s.restAPIs().keyOrder, id)
	return p.Err()
}

func (s *Stack) deployUsagePlan(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	limits, quota := p.Block("Throttle"), p.Block("Quota")
	plan := gatheredPlan{stages: map[string][]string{}, Plan: restapi.Plan{
		ID: idOf(r, "Id"), Throttle: httpapi.Throttle{Rate: limits.Float("RateLimit", 0), Burst: int(limits.Int("BurstLimit", 0))},
		Quota: int(quota.Int("Limit", 0)), Period: quota.String("Period"),
	}}
	for _, stage := range p.Blocks("ApiStages") {
		plan.stages[stage.String("ApiId")] = append(plan.stages[stage.String("ApiId")], stage.String("Stage"))
	}
	s.restAPIs().plans[plan.ID] = plan
	s.restAPIs().planOrder = append(s.restAPIs().planOrder, plan.ID)
	return p.Err()
}

func (s *Stack) deployUsagePlanKey(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("KeyId", "UsagePlanId")
	plan := p.String("UsagePlanId")
	s.restAPIs().planKeys[plan] = append(s.restAPIs().planKeys[plan], p.String("KeyId"))
	return p.Err()
}

// keysOf are the keys that usage plans let use the API.
func (all *restAPIs) keysOf(api string) []restapi.Key {
	var keys []restapi.Key
	for _, id := range all.keyOrder {
		key := all.keys[id]
		for _, planID := range all.planOrder {
			plan := all.plans[planID]
			if slices.Contains(all.planKeys[planID], id) && len(plan.stages[api]) > 0 {
				plan.Plan.Stages = plan.stages[api]
				key.Plans = append(key.Plans, plan.Plan)
			}
		}
		keys = append(keys, key)
	}
	return keys
}

// serveRestAPIs puts the gathered REST APIs to work and tells what is wrong with them.
func (s *Stack) serveRestAPIs() {
	all := s.restAPIs()
	for _, id := range all.order {
		a := all.apis[id]
		for _, m := range all.methods[id] {
			v := all.validators[m.validator]
			m.CheckBody, m.CheckParameters = v.body, v.params
			a.Methods = append(a.Methods, m.Method)
		}
		a.Keys = all.keysOf(id)
		h, problems := restapi.New(*a, s.restServices())
		s.placeProblems(id, problems)
		info := HTTPAPIInfo{ID: id, Name: a.Name, Type: "REST", Routes: h.Routes(), Problems: problems}
		for _, stage := range a.Stages {
			info.Stages = append(info.Stages, stage.Name)
		}
		for _, key := range a.Keys {
			if len(key.Plans) > 0 && !key.Disabled {
				info.Keys = append(info.Keys, key.Value)
			}
		}
		s.next.served = append(s.next.served, servedAPI{info, h})
		for _, p := range problems {
			s.tell(Event{Kind: RouteRefused, Name: a.Name, Err: p})
		}
	}
}

// restServices is what stands behind REST APIs.
func (s *Stack) restServices() restapi.Services {
	same := s.httpServices()
	return restapi.Services{
		Functions: same.Functions, Events: s.plane, AWS: serviceExchange{awsclient.New(s.cfg.Routes), s.cfg.Place.Region}, Keys: same.Keys, Identity: same.Identity,
		AccessLog: same.AccessLog, Meter: same.Meter, Now: same.Now,
	}
}

// serviceExchange calls services for REST APIs, in this process or upstream.
type serviceExchange struct {
	client *awsclient.Client
	region string
}

// endpointNames are the services whose models have another name than their endpoints, by which API Gateway's ARNs name them.
var endpointNames = map[string]string{"states": "sfn", "events": "eventbridge", "logs": "cloudwatchlogs", "monitoring": "cloudwatch"}

// serviceNamed finds a service by the name that API Gateway's ARNs have.
func serviceNamed(name string) (*awsmodel.Service, bool) {
	return awsmodel.New().Service(cmp.Or(endpointNames[name], name))
}

// Target implements restapi.Exchanger.
func (serviceExchange) Target(name string) (target, contentType string, ok bool) {
	service, ok := serviceNamed(name)
	if ok && (service.Protocol == awsmodel.Query || service.QueryCodes) {
		return "", "", true
	}
	if !ok || service.Target == "" || service.JSON == "" {
		return "", "", false
	}
	return service.Target, "application/x-amz-json-" + service.JSON, true
}

// Exchange implements restapi.Exchanger.
func (c serviceExchange) Exchange(r *http.Request, name string, body []byte) (int, http.Header, []byte, error) {
	service, ok := serviceNamed(name)
	if !ok {
		return 0, nil, nil, fmt.Errorf("there is no service %s", name)
	}
	status, header, answer, err := c.client.Exchange(r, awsclient.Exchange{Service: service.Name, Region: c.region, Body: body, Sign: true})
	return status, header, answer, notServed(err, name)
}
