package restapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/value"
)

// ReadOpenAPI adds what an OpenAPI document, of version 2.0 (Swagger) or 3, describes with API Gateway's extensions: methods with their integrations,
// parameters, models and validators, authorizers and gateway responses (developer guide, "OpenAPI extensions for API Gateway").
func ReadOpenAPI(a *API, document *value.Object) error {
	swagger, version := value.TextAt(document, "swagger"), value.TextAt(document, "openapi")
	if swagger != "2.0" && !strings.HasPrefix(version, "3.") {
		return fmt.Errorf("it is neither a Swagger 2.0 nor an OpenAPI 3 document, but says swagger: %q, openapi: %q", swagger, version)
	}
	if a.Name == "" {
		a.Name = value.TextAt(value.ObjectAt(document, "info"), "title")
	}
	d := &openAPI{api: a, document: document, models: value.ObjectAt(document, "definitions"), schemes: value.ObjectAt(document, "securityDefinitions")}
	if components := value.ObjectAt(document, "components"); components != nil {
		d.models, d.schemes = value.ObjectAt(components, "schemas"), value.ObjectAt(components, "securitySchemes")
	}
	for name, v := range value.Members(d.models) {
		a.Models[name] = value.Text(v)
	}
	for _, v := range value.ArrayAt(document, "x-amazon-apigateway-binary-media-types") {
		if kind, ok := v.(value.String); ok {
			a.BinaryTypes = append(a.BinaryTypes, string(kind))
		}
	}
	if source := value.TextAt(document, "x-amazon-apigateway-api-key-source"); source != "" {
		a.KeySource = source
	}
	for kind, v := range value.Members(value.ObjectAt(document, "x-amazon-apigateway-gateway-responses")) {
		o, _ := v.(*value.Object)
		a.GatewayResponses[kind] = GatewayResponse{
			Status: int(numberOf(o, "statusCode")), Parameters: value.TextMembers(value.ObjectAt(o, "responseParameters")), Templates: value.TextMembers(value.ObjectAt(o, "responseTemplates")),
		}
	}
	d.readAuthorizers()
	for path, v := range value.Members(value.ObjectAt(document, "paths")) {
		if item, ok := v.(*value.Object); ok {
			d.readPath(path, item)
		}
	}
	return nil
}

// openAPI is a document while it is read.
type openAPI struct {
	api             *API
	document        *value.Object
	models, schemes *value.Object
}

func (d *openAPI) readPath(path string, item *value.Object) {
	shared := value.ArrayAt(item, "parameters")
	for verb, v := range item.All() {
		operation, ok := v.(*value.Object)
		upper := strings.ToUpper(verb)
		if verb == "x-amazon-apigateway-any-method" {
			upper = anyVerb
		}
		if !ok || !slices.Contains(verbs, upper) || verb == "any" {
			continue
		}
		m := Method{Path: path, Verb: upper, ResourceID: resourceID(path), Parameters: map[string]bool{}, Models: map[string]string{}}
		d.readParameters(&m, append(slices.Clone(shared), value.ArrayAt(operation, "parameters")...))
		for kind, content := range value.Members(value.ObjectAt(value.ObjectAt(operation, "requestBody"), "content")) {
			o, _ := content.(*value.Object)
			d.readModel(&m, kind, value.ObjectAt(o, "schema"))
		}
		validator := value.TextAt(operation, "x-amazon-apigateway-request-validator")
		if validator == "" {
			validator = value.TextAt(d.document, "x-amazon-apigateway-request-validator")
		}
		checks := value.ObjectAt(value.ObjectAt(d.document, "x-amazon-apigateway-request-validators"), validator)
		m.CheckBody, m.CheckParameters = boolOf(checks, "validateRequestBody"), boolOf(checks, "validateRequestParameters")
		d.readSecurity(&m, operation)
		if i := value.ObjectAt(operation, "x-amazon-apigateway-integration"); i != nil {
			m.Integration = readIntegration(i)
		}
		d.api.Methods = append(d.api.Methods, m)
	}
}

// resourceID is a path's id where no resource of its own gives it one: like the service's, a few small letters and digits that stay the same.
func resourceID(path string) string {
	hash := uint64(14695981039346656037)
	for i := range len(path) {
		hash = (hash ^ uint64(path[i])) * 1099511628211
	}
	id := strconv.FormatUint(hash, 36)
	return id[:min(6, len(id))]
}

func (d *openAPI) readParameters(m *Method, parameters value.Array) {
	for _, v := range parameters {
		p, _ := v.(*value.Object)
		if ref := value.TextAt(p, "$ref"); ref != "" {
			name := ref[strings.LastIndexByte(ref, '/')+1:]
			if p = value.ObjectAt(value.ObjectAt(d.document, "parameters"), name); p == nil {
				p = value.ObjectAt(value.ObjectAt(value.ObjectAt(d.document, "components"), "parameters"), name)
			}
		}
		required := boolOf(p, "required")
		switch name := value.TextAt(p, "name"); value.TextAt(p, "in") {
		case "header", "path":
			m.Parameters["method.request."+value.TextAt(p, "in")+"."+name] = required
		case "query":
			m.Parameters["method.request.querystring."+name] = required
		case "body":
			d.readModel(m, "application/json", value.ObjectAt(p, "schema"))
		}
	}
}

// readModel makes a schema the method's model for a content type: one of the document's, or one that stands there.
func (d *openAPI) readModel(m *Method, kind string, s *value.Object) {
	if s == nil {
		return
	}
	if ref := value.TextAt(s, "$ref"); ref != "" {
		m.Models[kind] = ref[strings.LastIndexByte(ref, '/')+1:]
		return
	}
	name := "inline-" + resourceID(m.Verb+" "+m.Path+" "+kind)
	d.api.Models[name] = value.Text(s)
	m.Models[kind] = name
}

// readSecurity reads who may call an operation: what it says itself, or what holds for the whole document.
func (d *openAPI) readSecurity(m *Method, operation *value.Object) {
	security := value.ArrayAt(operation, "security")
	if _, own := value.Lookup(operation, "security"); !own {
		security = value.ArrayAt(d.document, "security")
	}
	if auth := value.ObjectAt(operation, "x-amazon-apigateway-auth"); strings.EqualFold(value.TextAt(auth, "type"), "AWS_IAM") {
		m.Authorization = "AWS_IAM"
	}
	for _, v := range security {
		requirement, _ := v.(*value.Object)
		for name, scopes := range value.Members(requirement) {
			scheme := value.ObjectAt(d.schemes, name)
			a, isAuthorizer := d.api.Authorizers[name]
			switch {
			case isAuthorizer && a.Type == "COGNITO_USER_POOLS":
				list, _ := scopes.(value.Array)
				m.Authorization, m.Authorizer, m.Scopes = a.Type, name, value.Texts(list)
			case isAuthorizer:
				m.Authorization, m.Authorizer = "CUSTOM", name
			case strings.EqualFold(value.TextAt(scheme, "x-amazon-apigateway-authtype"), "awsSigv4"), name == "AWS_IAM", name == "sigv4":
				m.Authorization = "AWS_IAM"
			case value.TextAt(scheme, "type") == "apiKey" && strings.EqualFold(value.TextAt(scheme, "name"), "x-api-key"), name == "api_key":
				m.KeyRequired = true
			default:
				m.Authorization, m.Authorizer = "CUSTOM", name
			}
		}
	}
}

func (d *openAPI) readAuthorizers() {
	for name, v := range value.Members(d.schemes) {
		scheme, _ := v.(*value.Object)
		o := value.ObjectAt(scheme, "x-amazon-apigateway-authorizer")
		if o == nil {
			continue
		}
		a := Authorizer{
			Name: name, Type: strings.ToUpper(value.TextAt(o, "type")), URI: value.TextAt(o, "authorizerUri"), Validation: value.TextAt(o, "identityValidationExpression"),
			CacheFor: usualCache, Pools: value.Texts(value.ArrayAt(o, "providerARNs")), Sources: SplitSources(value.TextAt(o, "identitySource")),
		}
		if _, given := value.Lookup(o, "authorizerResultTtlInSeconds"); given {
			a.CacheFor = time.Duration(numberOf(o, "authorizerResultTtlInSeconds")) * time.Second
		}
		if len(a.Sources) == 0 && a.Type != "REQUEST" && value.TextAt(scheme, "in") == "header" {
			a.Sources = []string{"method.request.header." + value.TextAt(scheme, "name")}
		}
		d.api.Authorizers[name] = a
	}
}

// usualCache is how long an authorizer's answers hold if it does not say (developer guide, "Configure a Lambda authorizer").
const usualCache = 5 * time.Minute

// SplitSources takes a list of identity sources apart.
func SplitSources(list string) (sources []string) {
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			sources = append(sources, part)
		}
	}
	return sources
}

func readIntegration(o *value.Object) *Integration {
	i := &Integration{
		Type: strings.ToUpper(value.TextAt(o, "type")), URI: value.TextAt(o, "uri"), Verb: strings.ToUpper(value.TextAt(o, "httpMethod")),
		Templates: value.TextMembers(value.ObjectAt(o, "requestTemplates")), Passthrough: strings.ToUpper(value.TextAt(o, "passthroughBehavior")),
		Parameters: value.TextMembers(value.ObjectAt(o, "requestParameters")), Timeout: time.Duration(numberOf(o, "timeoutInMillis")) * time.Millisecond,
	}
	for pattern, v := range value.Members(value.ObjectAt(o, "responses")) {
		r, _ := v.(*value.Object)
		if pattern == "default" {
			pattern = ""
		}
		status := int(numberOf(r, "statusCode"))
		if status == 0 {
			status = 200
		}
		i.Responses = append(i.Responses, Response{
			Pattern: pattern, Status: status, Templates: value.TextMembers(value.ObjectAt(r, "responseTemplates")), Parameters: value.TextMembers(value.ObjectAt(r, "responseParameters")),
		})
	}
	return i
}

func boolOf(o *value.Object, name string) bool { return value.TextAt(o, name) == "true" }

// numberOf is a number, which may stand in quotes; 0 if there is none.
func numberOf(o *value.Object, name string) int64 {
	n, _ := strconv.ParseInt(value.TextAt(o, name), 10, 64)
	return n
}
