package cfn

import (
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// routeSecurity writes who may call a route, as the event's Auth says, into its operation.
func (s *sam) routeSecurity(api *restAPI, p, operation *node) {
	auth := p.get("Auth")
	if auth == nil {
		return
	}
	at := maker{auth}
	if name, ok := s.text(auth.get("Authorizer")); ok && name == "NONE" {
		operation.set("security", at.list()) // which the default one does not replace
	} else if ok {
		operation.set("security", at.list(at.object(name, s.scopes(api, name, auth.get("AuthorizationScopes")))))
	}
	if key := auth.get("ApiKeyRequired"); key != nil && !api.http {
		if api.keys == nil {
			api.keys = map[*node]bool{}
		}
		api.keys[operation] = s.flag(key, false)
	}
}

// routeRequest writes what a route's requests are like, as the event's RequestModel and RequestParameters say, into its operation.
func (s *sam) routeRequest(res *samResource, event string, api *restAPI, p, operation *node) {
	if api.http {
		return
	}
	parameters := operation.get("parameters")
	list := maker{operation}.list()
	if parameters != nil {
		list.items = slices.Clone(parameters.items)
	}
	if model := p.get("RequestModel"); model != nil {
		at := maker{model}
		name, ok := s.text(model.get("Model"))
		switch {
		case !ok:
			s.invalidEvent(res, event, model, "Missing required property 'RequestModel.Model'.")
		case api.res.properties.get("Models").get(name) == nil && api.body.get("definitions").get(name) == nil:
			s.invalidEvent(res, event, model, "Unable to set RequestModel [%s] on API method: it is not one of the API's Models.", name)
		default:
			parameter := at.object("in", "body", "name", name, "schema", at.object("$ref", "#/definitions/"+name))
			parameter.set("required", model.get("Required"))
			list.items = append(list.items, parameter)
		}
		body, params := s.flag(model.get("ValidateBody"), false), s.flag(model.get("ValidateParameters"), false)
		if body || params {
			id := map[[2]bool]string{{true, true}: "body-and-params", {true, false}: "body-only", {false, true}: "params-only"}[[2]bool{body, params}]
			validators := api.body.get("x-amazon-apigateway-request-validators")
			if validators == nil {
				validators = at.object()
				api.body.set("x-amazon-apigateway-request-validators", validators)
			}
			validators.set(id, at.object("validateRequestBody", body, "validateRequestParameters", params))
			operation.set("x-amazon-apigateway-request-validator", at.text(id))
		}
	}
	for _, given := range p.get("RequestParameters").list() {
		list.items = append(list.items, s.requestParameter(res, event, given)...)
	}
	if len(list.items) > 0 {
		operation.set("parameters", list)
	}
}

// list are a list's items; there are none of nil.
func (n *node) list() []*node {
	if n == nil || n.kind != value.KindArray {
		return nil
	}
	return n.items
}

// requestParameter reads method.request.PLACE.NAME, or an object of one such name with what is asked of it.
func (s *sam) requestParameter(res *samResource, event string, given *node) []*node {
	name, required := "", false
	if text, ok := s.text(given); ok {
		name = text
	} else if all := given.all(); len(all) == 1 {
		name, required = all[0].name, s.flag(all[0].value.get("Required"), false)
	}
	parts := strings.SplitN(name, ".", 4)
	if len(parts) != 4 || parts[0] != "method" || parts[1] != "request" || !slices.Contains([]string{"querystring", "path", "header"}, parts[2]) {
		s.invalidEvent(res, event, given, "Invalid value for 'RequestParameters' property. Keys must be in the format 'method.request.[querystring|path|header].{value}', "+
			"e.g 'method.request.header.Authorization'.")
		return nil
	}
	at, place := maker{given}, parts[2]
	if place == "querystring" {
		place = "query"
	}
	return []*node{at.object("name", parts[3], "in", place,
		"required", required || parts[2] == "path", "type", "string")}
}

// finishREST writes what a REST API's properties say of all its routes into its body.
func (s *sam) finishREST(api *restAPI) {
	if !api.own {
		return
	}
	p := api.res.properties
	if models := p.get("Models"); models != nil {
		definitions := api.body.get("definitions")
		if definitions == nil {
			definitions = maker{models}.object()
			api.body.set("definitions", definitions)
		}
		for _, m := range models.all() {
			definitions.set(m.name, m.value)
		}
	}
	for _, m := range p.get("GatewayResponses").all() {
		s.gatewayResponse(api, m)
	}
	if cors := p.get("Cors"); cors != nil {
		s.restCORS(api, cors)
	}
}

func (s *sam) gatewayResponse(api *restAPI, m member) {
	at := maker{m.value}
	all := api.body.get("x-amazon-apigateway-gateway-responses")
	if all == nil {
		all = at.object()
		api.body.set("x-amazon-apigateway-gateway-responses", all)
	}
	made := at.object()
	made.set("statusCode", m.value.get("StatusCode"))
	made.set("responseTemplates", m.value.get("ResponseTemplates"))
	parameters := at.object()
	for place, prefix := range map[string]string{"Headers": "header", "Paths": "path", "QueryStrings": "querystring"} {
		for _, one := range m.value.get("ResponseParameters").get(place).all() {
			parameters.set("gatewayresponse."+prefix+"."+one.name, one.value)
		}
	}
	slices.SortFunc(parameters.members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	if len(parameters.members) > 0 {
		made.set("responseParameters", parameters)
	}
	all.set(m.name, made)
}

// restCORS adds an OPTIONS method, which the gateway answers by itself, to each path that has none (SAM developer guide, "CorsConfiguration").
func (s *sam) restCORS(api *restAPI, cors *node) {
	at := maker{cors}
	origin, methods, headers, age, credentials := cors, (*node)(nil), (*node)(nil), (*node)(nil), (*node)(nil)
	if cors.kind == value.KindObject && !isFunction(cors) {
		origin, methods, headers = cors.get("AllowOrigin"), cors.get("AllowMethods"), cors.get("AllowHeaders")
		age, credentials = cors.get("MaxAge"), cors.get("AllowCredentials")
		if origin == nil {
			s.invalid(api.res, cors, "Invalid value for 'Cors' property: AllowOrigin is required.")
			return
		}
	}
	for _, path := range api.body.get("paths").all() {
		if path.value.kind != value.KindObject || isFunction(path.value) || path.value.get("options") != nil {
			continue
		}
		allowed := methods
		if allowed == nil {
			allowed = at.text("'" + strings.Join(verbsOf(path.value), ",") + "'")
		}
		parameters := at.object("method.response.header.Access-Control-Allow-Origin", origin, "method.response.header.Access-Control-Allow-Methods", allowed)
		parameters.set("method.response.header.Access-Control-Allow-Headers", headers)
		parameters.set("method.response.header.Access-Control-Max-Age", age)
		if s.flag(credentials, false) {
			parameters.set("method.response.header.Access-Control-Allow-Credentials", at.text("'true'"))
		}
		shown := at.object()
		for _, m := range parameters.members {
			shown.set(strings.TrimPrefix(m.name, "method.response.header."), at.object("type", "string"))
		}
		path.value.set("options", at.object("summary", "CORS support", "consumes", at.list("application/json"), "produces", at.list("application/json"),
			"x-amazon-apigateway-integration", at.object("type", "mock", "requestTemplates", at.object("application/json", "{\n  \"statusCode\" : 200\n}\n"),
				"responses", at.object("default", at.object("statusCode", "200", "responseParameters", parameters, "responseTemplates", at.object("application/json", "{}\n")))),
			"responses", at.object("200", at.object("description", "Default response for CORS method", "headers", shown))))
	}
}

// verbsOf are the methods of a path with OPTIONS, in order.
func verbsOf(path *node) []string {
	verbs := []string{"OPTIONS"}
	for _, m := range path.all() {
		if m.name == "x-amazon-apigateway-any-method" {
			return []string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
		}
		if m.name != "parameters" && !strings.HasPrefix(m.name, "x-") {
			verbs = append(verbs, strings.ToUpper(m.name))
		}
	}
	slices.Sort(verbs)
	return slices.Compact(verbs)
}

// restKeys asks for an API key where the API or an event does, and makes the usage plan that Auth.UsagePlan asks for.
func (s *sam) restKeys(api *restAPI, stage string) {
	auth := api.res.properties.get("Auth")
	everywhere := s.flag(auth.get("ApiKeyRequired"), false)
	asked := false
	for _, path := range api.body.get("paths").all() {
		for _, method := range path.value.all() {
			required, own := api.keys[method.value]
			if method.value.kind != value.KindObject || method.name == "options" || !(required || everywhere && !own) {
				continue
			}
			at := maker{method.value}
			security := at.list(at.object("api_key", at.list()))
			if given := method.value.get("security"); given != nil && len(given.items) > 0 {
				// Both are asked for: one requirement with two members.
				first := at.object()
				first.members = slices.Clone(given.items[0].members)
				first.set("api_key", at.list())
				security = at.list(first)
			}
			method.value.set("security", security)
			asked = true
		}
	}
	if asked {
		at := api.res.at
		definitions := api.body.get("securityDefinitions")
		if definitions == nil {
			definitions = at.object()
			api.body.set("securityDefinitions", definitions)
		}
		definitions.set("api_key", at.object("type", "apiKey", "name", "x-api-key", "in", "header"))
	}
	if plan := auth.get("UsagePlan"); plan != nil {
		s.usagePlan(api, plan, stage)
	}
}

// usagePlan makes the plan and its key: of the API's own, or one of all APIs that share it.
func (s *sam) usagePlan(api *restAPI, plan *node, stage string) {
	at := maker{plan}
	kind, _ := s.text(plan.get("CreateUsagePlan"))
	of := at.object("ApiId", at.ref(api.id), "Stage", at.ref(stage))
	switch kind {
	case "NONE":
	case "PER_API":
		s.planResources(api, plan, api.id+"UsagePlan", api.id+"ApiKey", api.id+"UsagePlanKey", of)
	case "SHARED":
		if i := slices.IndexFunc(s.resources, func(m member) bool { return m.name == "ServerlessUsagePlan" }); i >= 0 {
			stages := s.resources[i].value.get("Properties").get("ApiStages")
			stages.items = append(stages.items, of)
			return
		}
		s.planResources(api, plan, "ServerlessUsagePlan", "ServerlessApiKey", "ServerlessUsagePlanKey", of)
	default:
		s.invalid(api.res, plan, "'CreateUsagePlan' is required field for UsagePlan properties: PER_API, SHARED or NONE")
	}
}

func (s *sam) planResources(api *restAPI, plan *node, planID, keyID, memberID string, of *node) {
	at := maker{plan}
	made := at.object("ApiStages", at.list(of))
	at.pass(made, plan, "UsagePlanName", "Description", "Quota", "Tags", "Throttle")
	s.add(api.res, planID, "AWS::ApiGateway::UsagePlan", made)
	s.add(api.res, keyID, "AWS::ApiGateway::ApiKey", at.object("Enabled", true, "StageKeys", at.list(at.object("RestApiId", at.ref(api.id), "StageName", of.get("Stage")))))
	s.add(api.res, memberID, "AWS::ApiGateway::UsagePlanKey", at.object("KeyId", at.ref(keyID), "KeyType", "API_KEY", "UsagePlanId", at.ref(planID)))
}

// identity writes the property Identity of a REST authorizer into it, and returns the header that a token is in.
func (s *sam) identity(authorizer, p *node, request bool) string {
	header := "Authorization"
	id := p.get("Identity")
	if id == nil {
		return header
	}
	at := maker{id}
	if given, ok := s.text(id.get("Header")); ok {
		header = given
	}
	authorizer.set("identityValidationExpression", id.get("ValidationExpression"))
	authorizer.set("authorizerResultTtlInSeconds", id.get("ReauthorizeEvery"))
	if !request {
		return header
	}
	var sources []string
	for _, source := range s.identitySources(id, "method.request.header.", "method.request.querystring.", "stageVariables.", "context.").items {
		text, _ := source.string()
		sources = append(sources, text)
	}
	if len(sources) > 0 {
		authorizer.set("identitySource", at.text(strings.Join(sources, ", ")))
	}
	return header
}

// identitySources are what an authorizer's Identity asks for, with the prefixes of headers, query strings, stage variables and context.
func (s *sam) identitySources(id *node, prefixes ...string) *node {
	if id == nil {
		return &node{kind: value.KindArray}
	}
	at := maker{id}
	sources := at.list()
	for i, property := range []string{"Headers", "QueryStrings", "StageVariables", "Context"} {
		for _, name := range id.get(property).list() {
			if text, ok := s.text(name); ok {
				sources.items = append(sources.items, at.text(prefixes[i]+text))
			}
		}
	}
	return sources
}
