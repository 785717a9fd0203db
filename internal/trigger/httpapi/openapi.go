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
	if version := value.TextAt(document, "openapi"); !strings.HasPrefix(version, "3.") {
		return fmt.Errorf("it is no OpenAPI document of version 3, but says openapi: %q", version)
	}
	if a.Name == "" {
		a.Name = value.TextAt(value.ObjectAt(document, "info"), "title")
	}
	readCORS(a, value.ObjectAt(document, "x-amazon-apigateway-cors"))
	readSchemes(a, value.ObjectAt(value.ObjectAt(document, "components"), "securitySchemes"))
	for path, item := range value.Members(value.ObjectAt(document, "paths")) {
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
	route := Route{Key: key, OperationName: value.TextAt(operation, "operationId")}
	if i := value.ObjectAt(operation, "x-amazon-apigateway-integration"); i != nil {
		if ref := value.TextAt(i, "$ref"); ref != "" {
			i = value.ObjectAt(value.ObjectAt(value.ObjectAt(document, "components"), "x-amazon-apigateway-integrations"), ref[strings.LastIndexByte(ref, '/')+1:])
		}
		route.Integration = key
		a.Integrations[key] = readIntegration(i)
	}
	security := value.ArrayAt(operation, "security")
	if _, own := value.Lookup(operation, "security"); !own {
		security = value.ArrayAt(document, "security")
	}
	for _, requirement := range security {
		o, _ := requirement.(*value.Object)
		for name, scopes := range value.Members(o) {
			switch authorizer, known := a.Authorizers[name]; {
			case name == "AWS_IAM" || name == "sigv4":
				route.Authorization = "AWS_IAM"
			case known && authorizer.Type == "JWT":
				route.Authorization, route.Authorizer = "JWT", name
				list, _ := scopes.(value.Array)
				route.Scopes = value.Texts(list)
			default:
				route.Authorization, route.Authorizer = "CUSTOM", name
			}
		}
	}
	a.Routes = append(a.Routes, route)
}

func readIntegration(o *value.Object) Integration {
	i := Integration{
		Type: strings.ToUpper(value.TextAt(o, "type")), Subtype: value.TextAt(o, "integrationSubtype"), URI: value.TextAt(o, "uri"), Method: strings.ToUpper(value.TextAt(o, "httpMethod")),
		PayloadFormat: value.TextAt(o, "payloadFormatVersion"), Parameters: value.TextMembers(value.ObjectAt(o, "requestParameters")),
		Timeout: time.Duration(numberOf(o, "timeoutInMillis")) * time.Millisecond,
	}
	if responses := value.ObjectAt(o, "responseParameters"); responses != nil {
		i.ResponseParameters = map[string]map[string]string{}
		for status, changes := range responses.All() {
			c, _ := changes.(*value.Object)
			i.ResponseParameters[status] = value.TextMembers(c)
		}
	}
	return i
}

func readCORS(a *API, o *value.Object) {
	if o == nil {
		return
	}
	credentials, _ := value.Lookup(o, "allowCredentials")
	a.CORS = &CORS{
		AllowOrigins: value.Texts(value.ArrayAt(o, "allowOrigins")), AllowMethods: value.Texts(value.ArrayAt(o, "allowMethods")), AllowHeaders: value.Texts(value.ArrayAt(o, "allowHeaders")),
		ExposeHeaders: value.Texts(value.ArrayAt(o, "exposeHeaders")), AllowCredentials: credentials == value.Bool(true), MaxAge: int(numberOf(o, "maxAge")),
	}
}

// readSchemes reads the authorizers among the security schemes.
func readSchemes(a *API, schemes *value.Object) {
	for name, v := range value.Members(schemes) {
		scheme, _ := v.(*value.Object)
		o := value.ObjectAt(scheme, "x-amazon-apigateway-authorizer")
		if o == nil {
			continue
		}
		jwt := value.ObjectAt(o, "jwtConfiguration")
		authorizer := Authorizer{
			Name: name, Type: strings.ToUpper(value.TextAt(o, "type")), Issuer: value.TextAt(jwt, "issuer"), Audience: value.Texts(value.ArrayAt(jwt, "audience")),
			URI: value.TextAt(o, "authorizerUri"), PayloadFormat: value.TextAt(o, "authorizerPayloadFormatVersion"),
			CacheFor: time.Duration(numberOf(o, "authorizerResultTtlInSeconds")) * time.Second,
		}
		simple, _ := value.Lookup(o, "enableSimpleResponses")
		authorizer.SimpleAnswers = simple == value.Bool(true)
		if source := value.TextAt(o, "identitySource"); source != "" {
			for part := range strings.SplitSeq(source, ",") {
				authorizer.IdentitySources = append(authorizer.IdentitySources, strings.TrimSpace(part))
			}
		} else {
			authorizer.IdentitySources = value.Texts(value.ArrayAt(o, "identitySource"))
		}
		a.Authorizers[name] = authorizer
	}
}

func numberOf(o *value.Object, name string) int64 {
	v, ok := value.Lookup(o, name)
	if !ok {
		return 0
	}
	n, _ := value.Integer(v)
	return n
}
