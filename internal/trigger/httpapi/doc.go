// Package httpapi is Amazon API Gateway's HTTP APIs: HTTP requests that call functions, start executions, put events or go on to other
// servers.
//
// An [API] comes in as its resources describe it (routes, integrations, authorizers, stages) and becomes a [Handler], or a list of [Problem]s,
// all of them at once, so that a route without an integration is told before the first request. A request finds its stage, its
// route, passes the throttle and the authorizer, and goes to the integration; the answer is the one that API Gateway gives.
//
// What stands behind the integrations is handed in as [Services], of which the package knows only the narrow interfaces stated here. It listens on
// no port, keeps no state but rate limits and authorizers' cached answers, and starts no goroutine.
//
// The source for all of it is the API Gateway developer guide, chapter "HTTP APIs"; texts of errors are the service's own.
package httpapi
