package restapi

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/value"
)

// ReadOpenAPI adds what an OpenAPI document, of version 2.0 (Swagger) or 3, describes with API Gateway's extensions: methods with their integrations,
// parameters, models and validators, authorizers and gateway responses (developer guide, "OpenAPI extensions for API Gateway").
func ReadOpenAPI(a *API, document *value.Object) error {
	swagger, version := textOf(document, "swagger"), textOf(document, "openapi")
	if swagger != "2.0" && !strings.HasPrefix(version, "3.") {
		return fmt.Errorf("it is neither a Swagger 2.0 nor an OpenAPI 3 document, but says swagger: %q, openapi: %q", swagger, version)
	}
	if a.Name == "" {
		a.Name = textOf(objectOf(document, "info"), "title")
	}
	d := &openAPI{api: a, document: document, models: objectOf(document, "definitions"), schemes: objectOf(document, "securityDefinitions")}
	if components := objectOf(document, "components"); components != nil {
		d.models, d.schemes = objectOf(components, "schemas"), objectOf(components, "securitySchemes")
	}
	for name, v := range members(d.models) {
		a.Models[name] = value.Text(v)
	}
	for _, v := range arrayOf(document, "x-amazon-apigateway-binary-media-types") {
		if kind, ok := v.(value.String); ok {
			a.BinaryTypes = append(a.BinaryTypes, string(kind))
		}
	}
	if source := textOf(document, "x-amazon-apigateway-api-key-source"); source != "" {
		a.KeySource = source
	}
	for kind, v := range members(objectOf(document, "x-amazon-apigateway-gateway-responses")) {
		o, _ := v.(*value.Object)
		a.GatewayResponses[kind] = GatewayResponse{
			Status: int(numberOf(o, "statusCode")), Parameters: textMembers(objectOf(o, "responseParameters")), Templates: textMembers(objectOf(o, "responseTemplates")),
		}
	}
	d.readAuthorizers()
	for path, v := range members(objectOf(document, "paths")) {
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
	shared := arrayOf(item, "parameters")
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
		d.readParameters(&m, append(slices.Clone(shared), arrayOf(operation, "parameters")...))
		for kind, content := range members(objectOf(objectOf(operation, "requestBody"), "content")) {
			o, _ := content.(*value.Object)
			d.readModel(&m, kind, objectOf(o, "schema"))
		}
		validator := textOf(operation, "x-amazon-apigateway-request-validator")
		if validator == "" {
			validator = textOf(d.document, "x-amazon-apigateway-request-validator")
		}
		checks := objectOf(objectOf(d.document, "x-amazon-apigateway-request-validators"), validator)
		m.CheckBody, m.CheckParameters = boolOf(checks, "validateRequestBody"), boolOf(checks, "validateRequestParameters")
		d.readSecurity(&m, operation)
		if i := objectOf(operation, "x-amazon-apigateway-integration"); i != nil {
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
		if ref := textOf(p, "$ref"); ref != "" {
			name := ref[strings.LastIndexByte(ref, '/')+1:]
			if p = objectOf(objectOf(d.document, "parameters"), name); p == nil {
				p = objectOf(objectOf(objectOf(d.document, "components"), "parameters"), name)
			}
		}
		required := boolOf(p, "required")
		switch name := textOf(p, "name"); textOf(p, "in") {
		case "header", "path":
			m.Parameters["method.request."+textOf(p, "in")+"."+name] = required
		case "query":
			m.Parameters["method.request.querystring."+name] = required
		case "body":
			d.readModel(m, "application/json", objectOf(p, "schema"))
		}
	}
}

// readModel makes a schema the method's model for a content type: one of the document's, or one that stands there.
func (d *openAPI) readModel(m *Method, kind string, s *value.Object) {
	if s == nil {
		return
	}
	if ref := textOf(s, "$ref"); ref != "" {
		m.Models[kind] = ref[strings.LastIndexByte(ref, '/')+1:]
		return
	}
	name := "inline-" + resourceID(m.Verb+" "+m.Path+" "+kind)
	d.api.Models[name] = value.Text(s)
	m.Models[kind] = name
}

// readSecurity reads who may call an operation: what it says itself, or what holds for the whole document.
func (d *openAPI) readSecurity(m *Method, operation *value.Object) {
	security := arrayOf(operation, "security")
	if _, own := get(operation, "security"); !own {
		security = arrayOf(d.document, "security")
	}
	if auth := objectOf(operation, "x-amazon-apigateway-auth"); strings.EqualFold(textOf(auth, "type"), "AWS_IAM") {
		m.Authorization = "AWS_IAM"
	}
	for _, v := range security {
		requirement, _ := v.(*value.Object)
		for name, scopes := range members(requirement) {
			scheme := objectOf(d.schemes, name)
			a, isAuthorizer := d.api.Authorizers[name]
			switch {
			case isAuthorizer && a.Type == "COGNITO_USER_POOLS":
				list, _ := scopes.(value.Array)
				m.Authorization, m.Authorizer, m.Scopes = a.Type, name, textsOf(list)
			case isAuthorizer:
				m.Authorization, m.Authorizer = "CUSTOM", name
			case strings.EqualFold(textOf(scheme, "x-amazon-apigateway-authtype"), "awsSigv4"), name == "AWS_IAM", name == "sigv4":
				m.Authorization = "AWS_IAM"
			case textOf(scheme, "type") == "apiKey" && strings.EqualFold(textOf(scheme, "name"), "x-api-key"), name == "api_key":
				m.KeyRequired = true
			default:
				m.Authorization, m.Authorizer = "CUSTOM", name
			}
		}
	}
}

func (d *openAPI) readAuthorizers() {
	for name, v := range members(d.schemes) {
		scheme, _ := v.(*value.Object)
		o := objectOf(scheme, "x-amazon-apigateway-authorizer")
		if o == nil {
			continue
		}
		a := Authorizer{
			Name: name, Type: strings.ToUpper(textOf(o, "type")), URI: textOf(o, "authorizerUri"), Validation: textOf(o, "identityValidationExpression"),
			CacheFor: usualCache, Pools: textsOf(arrayOf(o, "providerARNs")), Sources: SplitSources(textOf(o, "identitySource")),
		}
		if _, given := get(o, "authorizerResultTtlInSeconds"); given {
			a.CacheFor = time.Duration(numberOf(o, "authorizerResultTtlInSeconds")) * time.Second
		}
		if len(a.Sources) == 0 && a.Type != "REQUEST" && textOf(scheme, "in") == "header" {
			a.Sources = []string{"method.request.header." + textOf(scheme, "name")}
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
		Type: strings.ToUpper(textOf(o, "type")), URI: textOf(o, "uri"), Verb: strings.ToUpper(textOf(o, "httpMethod")),
		Templates: textMembers(objectOf(o, "requestTemplates")), Passthrough: strings.ToUpper(textOf(o, "passthroughBehavior")),
		Parameters: textMembers(objectOf(o, "requestParameters")), Timeout: time.Duration(numberOf(o, "timeoutInMillis")) * time.Millisecond,
	}
	for pattern, v := range members(objectOf(o, "responses")) {
		r, _ := v.(*value.Object)
		if pattern == "default" {
			pattern = ""
		}
		status := int(numberOf(r, "statusCode"))
		if status == 0 {
			status = 200
		}
		i.Responses = append(i.Responses, Response{
			Pattern: pattern, Status: status, Templates: textMembers(objectOf(r, "responseTemplates")), Parameters: textMembers(objectOf(r, "responseParameters")),
		})
	}
	return i
}

func get(o *value.Object, name string) (value.Value, bool) {
	if o == nil {
		return nil, false
	}
	return o.Get(name)
}

// members ranges over the object's members; there are none of nil.
func members(o *value.Object) func(yield func(string, value.Value) bool) {
	if o == nil {
		return maps.All(map[string]value.Value(nil))
	}
	return o.All()
}

func objectOf(o *value.Object, name string) *value.Object {
	v, _ := get(o, name)
	found, _ := v.(*value.Object)
	return found
}

func arrayOf(o *value.Object, name string) value.Array {
	v, _ := get(o, name)
	found, _ := v.(value.Array)
	return found
}

func textOf(o *value.Object, name string) string {
	v, _ := get(o, name)
	switch v := v.(type) {
	case nil:
		return ""
	case value.String:
		return string(v)
	default:
		return value.Text(v)
	}
}

func boolOf(o *value.Object, name string) bool { return textOf(o, name) == "true" }

// numberOf is a number, which may stand in quotes; 0 if there is none.
func numberOf(o *value.Object, name string) int64 {
	n, _ := strconv.ParseInt(textOf(o, name), 10, 64)
	return n
}

func textsOf(list value.Array) (texts []string) {
	for _, v := range list {
		if text, ok := v.(value.String); ok {
			texts = append(texts, string(text))
		}
	}
	return texts
}

func textMembers(o *value.Object) map[string]string {
	if o == nil {
		return nil
	}
	texts := map[string]string{}
	for name := range o.All() {
		texts[name] = textOf(o, name)
	}
	return texts
}
