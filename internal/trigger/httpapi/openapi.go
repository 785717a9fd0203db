package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/value"
)

// ReadOpenAPI adds what an OpenAPI 3 document with API Gateway's extensions describes: routes with x-amazon-apigateway-integration, authorizers
// of the security schemes and x-amazon-apigateway-cors (developer guide, "x-amazon-apigateway-integration object" and its siblings).
func ReadOpenAPI(a *API, document *value.Object) error {
	if version := textOf(document, "openapi"); !strings.HasPrefix(version, "3.") {
		return fmt.Errorf("it is no OpenAPI document of version 3, but says openapi: %q", version)
	}
	if a.Name == "" {
		a.Name = textOf(objectOf(document, "info"), "title")
	}
	readCORS(a, objectOf(document, "x-amazon-apigateway-cors"))
	readSchemes(a, objectOf(objectOf(document, "components"), "securitySchemes"))
	for path, item := range members(objectOf(document, "paths")) {
		operations, ok := item.(*value.Object)
		if !ok {
			continue
		}
		for method, v := range operations.All() {
			operation, ok := v.(*value.Object)
			key := routeKey(path, method)
			if !ok || key == "" {
				continue
			}
			readOperation(a, document, key, operation)
		}
	}
	return nil
}

// routeKey is the key of a path's operation, "" for members that are none.
func routeKey(path, method string) string {
	switch {
	case path == "/$default":
		return defaultKey
	case method == "x-amazon-apigateway-any-method":
		return anyMethod + " " + path
	case slices.Contains(methods, strings.ToUpper(method)):
		return strings.ToUpper(method) + " " + path
	}
	return ""
}

func readOperation(a *API, document *value.Object, key string, operation *value.Object) {
	route := Route{Key: key, OperationName: textOf(operation, "operationId")}
	if i := objectOf(operation, "x-amazon-apigateway-integration"); i != nil {
		if ref := textOf(i, "$ref"); ref != "" {
			i = objectOf(objectOf(objectOf(document, "components"), "x-amazon-apigateway-integrations"), ref[strings.LastIndexByte(ref, '/')+1:])
		}
		route.Integration = key
		a.Integrations[key] = readIntegration(i)
	}
	security := arrayOf(operation, "security")
	if _, own := get(operation, "security"); !own {
		security = arrayOf(document, "security")
	}
	for _, requirement := range security {
		o, _ := requirement.(*value.Object)
		for name, scopes := range members(o) {
			switch authorizer, known := a.Authorizers[name]; {
			case name == "AWS_IAM" || name == "sigv4":
				route.Authorization = "AWS_IAM"
			case known && authorizer.Type == "JWT":
				route.Authorization, route.Authorizer = "JWT", name
				list, _ := scopes.(value.Array)
				route.Scopes = textsOf(list)
			default:
				route.Authorization, route.Authorizer = "CUSTOM", name
			}
		}
	}
	a.Routes = append(a.Routes, route)
}

func readIntegration(o *value.Object) Integration {
	i := Integration{
		Type: strings.ToUpper(textOf(o, "type")), Subtype: textOf(o, "integrationSubtype"), URI: textOf(o, "uri"), Method: strings.ToUpper(textOf(o, "httpMethod")),
		PayloadFormat: textOf(o, "payloadFormatVersion"), Parameters: textMembers(objectOf(o, "requestParameters")),
		Timeout: time.Duration(numberOf(o, "timeoutInMillis")) * time.Millisecond,
	}
	if responses := objectOf(o, "responseParameters"); responses != nil {
		i.ResponseParameters = map[string]map[string]string{}
		for status, changes := range responses.All() {
			c, _ := changes.(*value.Object)
			i.ResponseParameters[status] = textMembers(c)
		}
	}
	return i
}

func readCORS(a *API, o *value.Object) {
	if o == nil {
		return
	}
	credentials, _ := get(o, "allowCredentials")
	a.CORS = &CORS{
		AllowOrigins: textsOf(arrayOf(o, "allowOrigins")), AllowMethods: textsOf(arrayOf(o, "allowMethods")), AllowHeaders: textsOf(arrayOf(o, "allowHeaders")),
		ExposeHeaders: textsOf(arrayOf(o, "exposeHeaders")), AllowCredentials: credentials == value.Bool(true), MaxAge: int(numberOf(o, "maxAge")),
	}
}

// readSchemes reads the authorizers among the security schemes.
func readSchemes(a *API, schemes *value.Object) {
	for name, v := range members(schemes) {
		scheme, _ := v.(*value.Object)
		o := objectOf(scheme, "x-amazon-apigateway-authorizer")
		if o == nil {
			continue
		}
		jwt := objectOf(o, "jwtConfiguration")
		authorizer := Authorizer{
			Name: name, Type: strings.ToUpper(textOf(o, "type")), Issuer: textOf(jwt, "issuer"), Audience: textsOf(arrayOf(jwt, "audience")),
			URI: textOf(o, "authorizerUri"), PayloadFormat: textOf(o, "authorizerPayloadFormatVersion"),
			CacheFor: time.Duration(numberOf(o, "authorizerResultTtlInSeconds")) * time.Second,
		}
		simple, _ := get(o, "enableSimpleResponses")
		authorizer.SimpleAnswers = simple == value.Bool(true)
		if source := textOf(o, "identitySource"); source != "" {
			for part := range strings.SplitSeq(source, ",") {
				authorizer.IdentitySources = append(authorizer.IdentitySources, strings.TrimSpace(part))
			}
		} else {
			authorizer.IdentitySources = textsOf(arrayOf(o, "identitySource"))
		}
		a.Authorizers[name] = authorizer
	}
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
		return func(func(string, value.Value) bool) {}
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

func numberOf(o *value.Object, name string) int64 {
	v, ok := get(o, name)
	if !ok {
		return 0
	}
	n, _ := value.Integer(v)
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
