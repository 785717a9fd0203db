package api

import (
	"net/http"
	"net/url"
	"strings"
)

// HTTPAPI is an HTTP API of Amazon API Gateway.
type HTTPAPI interface {
	http.Handler
	// AllowsOrigin tells whether the API's own configuration lets pages of the origin use it.
	AllowsOrigin(origin string) bool
}

// executeAPIPath begins the paths of HTTP APIs for clients that cannot resolve ID.execute-api.localhost; the API's id follows, then the path.
const executeAPIPath = "/_aws/execute-api/"

// executeAPI returns the HTTP API that a request is for, and the request as the API sees it; nil if it is for none. The host of an API is
// ID.execute-api.localhost, or its name on AWS.
func (d *frontDoor) executeAPI(r *http.Request) (HTTPAPI, *http.Request) {
	if d.httpAPIs == nil {
		return nil, nil
	}
	if id, rest, ok := strings.Cut(plainHost(r.Host), ".execute-api."); ok && (rest == "localhost" || strings.HasSuffix(rest, ".amazonaws.com")) {
		return d.httpAPIs(id), r
	}
	below, ok := strings.CutPrefix(r.URL.EscapedPath(), executeAPIPath)
	if !ok {
		return nil, nil
	}
	id, path, _ := strings.Cut(below, "/")
	path = "/" + path
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return nil, nil
	}
	within := r.Clone(r.Context())
	within.URL.Path, within.URL.RawPath = decoded, path
	return d.httpAPIs(id), within
}

// serveHTTPAPI has an HTTP API answer. A page of another computer reaches it only if the API's CORS configuration says so.
func (d *frontDoor) serveHTTPAPI(w http.ResponseWriter, r *http.Request, a HTTPAPI) {
	origin := r.Header.Get("Origin")
	if err := checkSource(r); err != nil && !(localHost(r.Host) && origin != "" && a.AllowsOrigin(origin)) {
		writeFault(w, r, err)
		return
	}
	a.ServeHTTP(w, r)
}
