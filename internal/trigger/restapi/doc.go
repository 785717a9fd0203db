// Package restapi is Amazon API Gateway's REST APIs: HTTP requests that call functions, start executions by mapping templates, go on to other servers or
// are answered by the gateway itself.
//
// An [API] comes in as its resources, or an OpenAPI document ([ReadOpenAPI]), describe it and becomes a [Handler] and a list of [httpapi.Problem]s, all
// of them at once. A request finds its stage and its method, passes the authorizer, the API key, the throttles and the validator, and goes to the
// integration; the answer, and each refusal on the way, is the one that API Gateway gives.
//
// What stands behind the integrations is handed in as [Services]. The package listens on no port, keeps no state but rate limits, quotas and
// authorizers' cached answers, and starts no goroutine.
//
// The source for all of it is the API Gateway developer guide, chapter "REST APIs"; texts of errors are the service's own.
package restapi
