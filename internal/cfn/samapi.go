package cfn

import (
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// restAPI is an API that SAM makes, REST or HTTP, while routes are added to it.
type restAPI struct {
	res   *samResource
	id    string
	http  bool
	body  *node // the OpenAPI document, nil where it lies in a file
	own   bool  // the body is known, and what the properties say is written into it
	fixed bool  // the body gets no routes: it is the template's
	stage *node
	keys  map[*node]bool // operations whose events say whether they need an API key

	behind map[*node]*samResource // operations of events, and whose events they are
}

// The ids of the APIs that events ask for without naming one.
const (
	implicitREST = "ServerlessRestApi"
	implicitHTTP = "ServerlessHttpApi"
)

// route is what an event wants an API to lead to.
type route struct {
	target      lambdaTarget
	machine     string // the logical id of the state machine or alias that it leads to, "" for a function
	credentials *node  // the role that the API starts executions as
	event       *node
}

func (s *sam) restAPI(res *samResource) { s.declareAPI(res, false) }
func (s *sam) httpAPI(res *samResource) { s.declareAPI(res, true) }

// declareAPI takes note of an API of the template. It is made when all routes are known.
func (s *sam) declareAPI(res *samResource, http bool) {
	p := res.properties
	api := &restAPI{res: res, id: res.id, http: http, stage: p.get("StageName")}
	body, uri := p.get("DefinitionBody"), p.get("DefinitionUri")
	switch {
	case body != nil && uri != nil:
		s.invalid(res, uri, "Specify either 'DefinitionUri' or 'DefinitionBody' property and not both.")
	case body != nil:
		api.body, api.own = copyObject(body), !isFunction(body)
		api.fixed = !http && !s.flag(p.get("MergeDefinitions"), false)
	case uri == nil:
		api.body, api.own = emptyBody(res.at, http), true
	}
	if api.stage == nil && !http {
		s.invalid(res, res.node, "Missing required property 'StageName'.")
		api.stage = res.at.text("Prod")
	}
	s.apis[res.id] = api
}

// copyObject copies the outer object, and paths in it, which routes are added to.
func copyObject(n *node) *node {
	made := *n
	made.members = slices.Clone(n.members)
	for i, m := range made.members {
		if m.name == "paths" && m.value.kind == value.KindObject && !isFunction(m.value) {
			paths := *m.value
			paths.members = slices.Clone(paths.members)
			for j, path := range paths.members {
				methods := *path.value
				methods.members = slices.Clone(methods.members)
				paths.members[j].value = &methods
			}
			made.members[i].value = &paths
		}
	}
	return &made
}

func emptyBody(at maker, http bool) *node {
	info := at.object("version", "1.0", "title", at.ref("AWS::StackName"))
	if http {
		return at.object("openapi", "3.0.1", "info", info, "paths", at.object())
	}
	return at.object("swagger", "2.0", "info", info, "paths", at.object())
}

// api finds the API that an event names, or the implicit one; nil if it is none of this template's.
func (s *sam) api(res *samResource, event *node, named *node, http bool) *restAPI {
	if named != nil {
		name, arg := asFunction(named)
		target, isText := arg.string()
		if name != "Ref" || !isText {
			target, isText = named.string()
		}
		if !isText {
			return nil
		}
		return s.apis[target]
	}
	id := implicitREST
	if http {
		id = implicitHTTP
	}
	if api := s.apis[id]; api != nil {
		return api
	}
	at := maker{event}
	properties := at.object()
	section := "Api"
	if http {
		section = "HttpApi"
	}
	if global := s.globals.get(section); global != nil {
		properties = s.merge(global, properties)
	}
	api := &restAPI{res: &samResource{id: id, node: at.object(), properties: properties, at: at}, id: id, http: http, body: emptyBody(at, http), own: true}
	if !http {
		api.stage = at.text("Prod")
	}
	s.apis[id] = api
	s.implicit = append(s.implicit, api)
	return api
}

// apiEvent adds a route to a REST API.
func (s *sam) apiEvent(res *samResource, event string, p *node, to route) *restAPI {
	path, okP := s.text(p.get("Path"))
	method, okM := s.text(p.get("Method"))
	if !okP || !okM {
		s.invalidEvent(res, event, p, "Missing required property 'Path' or 'Method'.")
		return nil
	}
	api := s.api(res, to.event, p.get("RestApiId"), false)
	if api != nil && api.own && !api.fixed {
		s.addRoute(res, event, p, api, path, method, to)
	}
	return api
}

// addRoute puts an integration under a path and a method of the API's body, unless the body has one.
func (s *sam) addRoute(res *samResource, event string, p *node, api *restAPI, path, method string, to route) {
	at := maker{to.event}
	paths := api.body.get("paths")
	if paths == nil {
		paths = at.object()
		api.body.set("paths", paths)
	}
	key := strings.ToLower(method)
	if key == "any" || key == "*" || key == "x-amazon-apigateway-any-method" {
		key = "x-amazon-apigateway-any-method"
	}
	methods := paths.get(path)
	if methods == nil {
		methods = at.object()
		paths.set(path, methods)
	}
	if isFunction(methods) {
		return
	}
	operation := at.object()
	if written := methods.get(key); written != nil && written.kind == value.KindObject {
		if written.get("x-amazon-apigateway-integration") != nil {
			if api.res.properties.get("DefinitionBody") == nil {
				s.invalidEvent(res, event, p, "API method \"%s\" defined multiple times for path \"%s\".", strings.ToLower(method), path)
			}
			return
		}
		operation.members = slices.Clone(written.members)
	}
	operation.set("x-amazon-apigateway-integration", s.integration(at, api, res, p, to))
	if path == "$default" {
		operation.set("isDefaultRoute", at.scalar(value.Bool(true)))
	}
	if operation.get("responses") == nil {
		operation.set("responses", at.object())
	}
	s.routeSecurity(api, p, operation)
	s.routeRequest(res, event, api, p, operation)
	methods.set(key, operation)
	if api.behind == nil {
		api.behind = map[*node]*samResource{}
	}
	api.behind[operation] = res
}

// finishConditions leaves a route out where a condition leaves out what it leads to. An API that only events ask for goes with the routes that
// all have the same condition.
func (s *sam) finishConditions(api *restAPI) {
	conditions := map[string]bool{}
	for _, path := range api.body.get("paths").all() {
		for i, method := range path.value.members {
			if res := api.behind[method.value]; res != nil {
				condition, _ := res.node.get("Condition").string()
				conditions[condition] = true
				path.value.members[i].value = s.ifCreated(res, method.value)
			}
		}
	}
	if len(conditions) == 1 && !conditions[""] && slices.Contains(s.implicit, api) {
		for condition := range conditions {
			api.res.node.set("Condition", api.res.at.text(condition))
		}
	}
}

// integration is what a route leads to.
func (s *sam) integration(at maker, api *restAPI, res *samResource, p *node, to route) *node {
	if to.machine != "" {
		answers := at.object("200", at.object("statusCode", "200"), "400", at.object("statusCode", "400"))
		input := `$util.escapeJavaScript($input.json('$'))`
		if s.flag(p.get("UnescapeMappingTemplate"), false) {
			input += `.replaceAll("\\'","'")`
		}
		template := `{"input": "` + input + `", "stateMachineArn": "${` + to.machine + `}"}`
		return at.object("type", "aws", "httpMethod", "POST",
			"uri", at.sub("arn:${AWS::Partition}:apigateway:${AWS::Region}:states:action/StartExecution"),
			"responses", answers, "credentials", to.credentials,
			"requestTemplates", at.object("application/json", at.sub(template)))
	}
	function := "${" + res.id + ".Arn}"
	if to.target.alias != "" {
		function = "${" + to.target.alias + "}"
	}
	made := at.object("type", "aws_proxy", "httpMethod", "POST",
		"uri", at.sub("arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"+function+"/invocations"))
	if api.http {
		format := p.get("PayloadFormatVersion")
		if format == nil {
			format = at.text("2.0")
		}
		made.set("payloadFormatVersion", format)
		made.set("timeoutInMillis", p.get("TimeoutInMillis"))
	}
	return made
}

// restEvent is a route of a REST API to a function.
func (s *sam) restEvent(res *samResource, target lambdaTarget, m member, p *node) {
	api := s.apiEvent(res, m.name, p, route{target: target, event: m.value})
	path, _ := s.text(p.get("Path"))
	method, _ := s.text(p.get("Method"))
	suffix, id := "Stage", p.get("RestApiId")
	if api != nil {
		if stage, ok := api.stage.string(); ok && alphanumeric(stage) {
			suffix = stage
		}
		id = maker{m.value}.ref(api.id)
	}
	if id == nil {
		return
	}
	verb := strings.ToUpper(method)
	if verb == "ANY" || verb == "X-AMAZON-APIGATEWAY-ANY-METHOD" {
		verb = "*"
	}
	s.apiPermission(res, target, res.id+lettersAndDigits(m.name)+"Permission"+suffix, m.value, id, "/"+verb+starred(path))
}

// starred puts a * in the place of each parameter of a path.
func starred(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") && strings.HasSuffix(part, "}") {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}

func (s *sam) apiPermission(res *samResource, target lambdaTarget, id string, event, api *node, path string) {
	at := maker{event}
	arn := at.object("Fn::Sub", at.list("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/${__Stage__}"+path,
		at.object("__ApiId__", api, "__Stage__", "*")))
	s.permission(res, target, id, "apigateway.amazonaws.com", event, "SourceArn", arn)
}

// httpEvent is a route of an HTTP API to a function. Without path and method it is the route for what no other one takes.
func (s *sam) httpEvent(res *samResource, target lambdaTarget, m member, p *node) {
	path, okP := s.text(p.get("Path"))
	method, okM := s.text(p.get("Method"))
	switch {
	case !okP && !okM:
		path, method = "$default", "ANY"
	case okP && !okM:
		s.invalidEvent(res, m.name, p, "'Path' is set; 'Method' must be, too.")
		return
	case !okP:
		s.invalidEvent(res, m.name, p, "'Method' is set; 'Path' must be, too.")
		return
	}
	api := s.api(res, m.value, p.get("ApiId"), true)
	id := p.get("ApiId")
	if api != nil {
		id = maker{m.value}.ref(api.id)
		if api.own {
			s.addRoute(res, m.name, p, api, path, method, route{target: target, event: m.value})
		}
	}
	shown := starred(path)
	if path == "$default" {
		shown = "/*"
	}
	if verb := strings.ToUpper(method); verb != "ANY" && path != "$default" {
		shown = "/" + verb + shown
	} else if path != "$default" {
		shown = "/*" + shown
	}
	s.apiPermission(res, target, res.id+lettersAndDigits(m.name)+"Permission", m.value, id, shown)
}

// finishAPIs makes the APIs with all their routes: those of the template in its order, then the implicit ones.
func (s *sam) finishAPIs() {
	for _, m := range s.section.all() {
		if api := s.apis[m.name]; api != nil {
			s.finishAPI(api)
		}
	}
	for _, api := range s.implicit {
		s.finishAPI(api)
	}
}

func (s *sam) finishAPI(api *restAPI) {
	if api.http {
		s.finishHTTP(api)
		return
	}
	at, p := api.res.at, api.res.properties
	made := at.object()
	made.set("Body", api.body)
	if uri := p.get("DefinitionUri"); uri != nil {
		made.set("BodyS3Location", s.location(api.res, uri, "DefinitionUri", "Bucket", "Key", "Version"))
	}
	at.pass(made, p, "Name", "Description", "ApiKeySourceType", "BinaryMediaTypes", "DisableExecuteApiEndpoint", "FailOnWarnings",
		"MinimumCompressionSize", "Mode", "Policy")
	if types := p.get("BinaryMediaTypes"); types != nil && types.kind == value.KindArray {
		list := at.list()
		for _, item := range types.items {
			if text, ok := item.string(); ok { // a slash may be written as in a JSON Pointer
				item = maker{item}.text(strings.ReplaceAll(text, "~1", "/"))
			}
			list.items = append(list.items, item)
		}
		made.set("BinaryMediaTypes", list)
	}
	if endpoint := p.get("EndpointConfiguration"); endpoint != nil {
		if endpoint.kind == value.KindObject && !isFunction(endpoint) {
			made.set("EndpointConfiguration", at.object("Types", at.list(at.node(endpoint.get("Type")))))
		} else {
			made.set("EndpointConfiguration", at.object("Types", at.list(endpoint)))
		}
	}
	stageName, ok := api.stage.string()
	id := api.id + "Stage"
	if ok && alphanumeric(stageName) {
		id = api.id + stageName + "Stage"
	} else if ok {
		id = hashed(api.id+"Stage", stageName)
	}
	s.finishREST(api)
	s.authorizers(api)
	if api.own {
		s.restKeys(api, id)
	}
	s.finishConditions(api)
	s.add(api.res, api.id, "AWS::ApiGateway::RestApi", made)
	deployment := hashed(api.id+"Deployment", sortedJSON(api.body))
	s.add(api.res, deployment, "AWS::ApiGateway::Deployment", at.object("RestApiId", at.ref(api.id), "StageName", "Stage"))
	stage := at.object("RestApiId", at.ref(api.id), "DeploymentId", at.ref(deployment), "StageName", api.stage)
	at.pass(stage, p, "CacheClusterEnabled", "CacheClusterSize", "Variables", "MethodSettings", "AccessLogSetting", "CanarySetting", "TracingEnabled")
	s.add(api.res, id, "AWS::ApiGateway::Stage", stage)
	s.renamed[api.id+".Stage"], s.renamed[api.id+".Deployment"] = id, deployment
}

func (s *sam) finishHTTP(api *restAPI) {
	at, p := api.res.at, api.res.properties
	made := at.object()
	made.set("Body", api.body)
	if uri := p.get("DefinitionUri"); uri != nil {
		made.set("BodyS3Location", s.location(api.res, uri, "DefinitionUri", "Bucket", "Key", "Version"))
	}
	if name := p.get("Name"); name != nil && api.own {
		api.body.set("info", at.object("version", "1.0", "title", name))
	}
	at.pass(made, p, "Description", "DisableExecuteApiEndpoint", "FailOnWarnings")
	s.cors(api)
	s.authorizers(api)
	s.finishConditions(api)
	s.add(api.res, api.id, "AWS::ApiGatewayV2::Api", made)
	stage, id := api.stage, api.id+"ApiGatewayDefaultStage"
	if stage == nil {
		stage = at.text("$default")
	} else if name, ok := stage.string(); !ok {
		id = api.id + "Stage"
	} else if alphanumeric(name) {
		id = api.id + name + "Stage"
	} else if name != "$default" {
		id = hashed(api.id+"Stage", name)
	}
	settings := at.object("ApiId", at.ref(api.id), "StageName", stage, "AutoDeploy", true)
	at.pass(settings, p, "AccessLogSettings", "DefaultRouteSettings", "RouteSettings")
	settings.set("StageVariables", p.get("StageVariables"))
	s.add(api.res, id, "AWS::ApiGatewayV2::Stage", settings)
	s.renamed[api.id+".Stage"] = id
}

// cors writes the property CorsConfiguration into the body of an HTTP API.
func (s *sam) cors(api *restAPI) {
	config := api.res.properties.get("CorsConfiguration")
	if config == nil || !api.own {
		return
	}
	at := maker{config}
	switch {
	case config.kind == value.KindObject:
		names := map[string]string{
			"AllowCredentials": "allowCredentials", "AllowHeaders": "allowHeaders", "AllowMethods": "allowMethods", "AllowOrigins": "allowOrigins",
			"ExposeHeaders": "exposeHeaders", "MaxAge": "maxAge",
		}
		cors := at.object()
		for _, m := range config.members {
			if name := names[m.name]; name != "" {
				cors.set(name, m.value)
			} else {
				s.invalid(api.res, m.value, "Invalid value for 'CorsConfiguration' property: %s", m.name)
			}
		}
		api.body.set("x-amazon-apigateway-cors", cors)
	case s.flag(config, false):
		api.body.set("x-amazon-apigateway-cors", at.object("allowOrigins", at.list("*")))
	}
}

// authorizers writes the authorizers of the property Auth into the body, and asks for the default one on routes that say nothing.
func (s *sam) authorizers(api *restAPI) {
	auth := api.res.properties.get("Auth")
	if auth == nil || !api.own {
		return
	}
	at := maker{auth}
	schemes := at.object()
	for _, m := range auth.get("Authorizers").all() {
		if scheme := s.scheme(api, m); scheme != nil {
			schemes.set(m.name, scheme)
		}
	}
	if api.http && s.flag(auth.get("EnableIamAuthorizer"), false) {
		schemes.set(iamAuthorizer, at.object("type", "apiKey", "name", "Authorization", "in", "header", "x-amazon-apigateway-authtype", "awsSigv4"))
	}
	s.writeSchemes(api, at, schemes)
	name, ok := s.text(auth.get("DefaultAuthorizer"))
	if !ok || name == "NONE" {
		return
	}
	for _, path := range api.body.get("paths").all() {
		for _, method := range path.value.all() {
			preflight := method.name == "options" && (api.http || !s.flag(auth.get("AddDefaultAuthorizerToCorsPreflight"), true))
			if !preflight && method.value.kind == value.KindObject && method.value.get("security") == nil && !isFunction(method.value) {
				method.value.set("security", at.list(at.object(name, s.scopes(api, name, nil))))
			}
		}
	}
}

// iamAuthorizer is the name of the authorizer that nobody declares: a signature.
const iamAuthorizer = "AWS_IAM"

// writeSchemes adds security schemes to those of the body.
func (s *sam) writeSchemes(api *restAPI, at maker, schemes *node) {
	if len(schemes.members) == 0 {
		return
	}
	holder, section := api.body, "securityDefinitions"
	if _, v3 := api.body.get("openapi").string(); v3 {
		section = "securitySchemes"
		holder = at.object()
		if given := api.body.get("components"); given != nil {
			holder.members = slices.Clone(given.members)
		}
		api.body.set("components", holder)
	}
	all := at.object()
	if given := holder.get(section); given != nil {
		all.members = slices.Clone(given.members)
	}
	for _, m := range schemes.members {
		all.set(m.name, m.value)
	}
	holder.set(section, all)
}

// scopes are those that a route asks for: its own, or those of its authorizer.
func (s *sam) scopes(api *restAPI, authorizer string, own *node) *node {
	if own != nil {
		return own
	}
	declared := api.res.properties.get("Auth").get("Authorizers").get(authorizer)
	if given := declared.get("AuthorizationScopes"); given != nil {
		return given
	}
	return api.res.at.list()
}

// scheme is the security scheme of an authorizer.
func (s *sam) scheme(api *restAPI, m member) *node {
	at, p := maker{m.value}, m.value
	invocation := func(function *node) *node {
		return at.object("Fn::Sub", at.list("arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${__FunctionArn__}/invocations",
			at.object("__FunctionArn__", function)))
	}
	function := p.get("FunctionArn")
	if function != nil && s.flag(p.get("EnableFunctionDefaultPermissions"), !api.http) {
		s.permissionFor(api, m.name, function)
	}
	switch {
	case api.http && p.get("JwtConfiguration") != nil:
		authorizer := at.object("type", "jwt", "identitySource", p.get("IdentitySource"), "jwtConfiguration", p.get("JwtConfiguration"))
		return at.object("type", "oauth2", "x-amazon-apigateway-authorizer", authorizer)
	case api.http && function != nil:
		authorizer := at.object("type", "request", "authorizerUri", invocation(function),
			"authorizerPayloadFormatVersion", p.get("AuthorizerPayloadFormatVersion"), "enableSimpleResponses", p.get("EnableSimpleResponses"),
			"authorizerCredentials", p.get("FunctionInvokeRole"))
		authorizer.set("authorizerResultTtlInSeconds", p.get("Identity").get("ReauthorizeEvery"))
		if sources := s.identitySources(p.get("Identity"), "$request.header.", "$request.querystring.", "$stageVariables.", "$context."); len(sources.items) > 0 {
			authorizer.set("identitySource", sources)
		}
		return at.object("type", "apiKey", "name", "Unused", "in", "header", "x-amazon-apigateway-authorizer", authorizer)
	case p.get("UserPoolArn") != nil:
		pools := at.list(p.get("UserPoolArn"))
		if given := p.get("UserPoolArn"); given.kind == value.KindArray {
			pools = given
		}
		authorizer := at.object("type", "cognito_user_pools", "providerARNs", pools)
		return at.object("type", "apiKey", "name", s.identity(authorizer, p, false), "in", "header", "x-amazon-apigateway-authtype", "cognito_user_pools",
			"x-amazon-apigateway-authorizer", authorizer)
	case function != nil:
		kind := "token"
		if s.isText(p.get("FunctionPayloadType"), "REQUEST") {
			kind = "request"
		}
		authorizer := at.object("type", kind, "authorizerUri", invocation(function), "authorizerCredentials", p.get("FunctionInvokeRole"))
		header := s.identity(authorizer, p, kind == "request")
		if kind == "request" {
			header = "Unused"
		}
		return at.object("type", "apiKey", "name", header, "in", "header", "x-amazon-apigateway-authtype", "custom",
			"x-amazon-apigateway-authorizer", authorizer)
	}
	s.invalid(api.res, p, "the authorizer %s names no user pool, no function and no JWT issuer", m.name)
	return nil
}

// permissionFor lets an API invoke the function that its authorizer is.
func (s *sam) permissionFor(api *restAPI, authorizer string, function *node) {
	at := maker{function}
	arn := at.object("Fn::Sub", at.list("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/authorizers/*",
		at.object("__ApiId__", at.ref(api.id))))
	s.add(api.res, api.id+lettersAndDigits(authorizer)+"AuthorizerPermission", "AWS::Lambda::Permission", at.object("Action", "lambda:InvokeFunction",
		"FunctionName", function, "Principal", "apigateway.amazonaws.com", "SourceArn", arn))
}
