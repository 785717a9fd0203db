package api

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// HTTPAPI is an API of Amazon API Gateway, or a function URL.
type HTTPAPI interface {
	http.Handler
	// AllowsOrigin tells whether the API's own configuration lets pages of the origin use it.
	AllowsOrigin(origin string) bool
}

// hostedKind is a kind of things that have host names of their own: ID.label.localhost, or ID.label.REGION and an ending on AWS. Clients that cannot
// resolve these use the path /_aws/label/ID and what follows.
type hostedKind struct {
	label, ending string
	find          func(id string) HTTPAPI // nil where there are none
	// missing is what is answered where there is none of an id.
	missing func(w http.ResponseWriter)
}

// hostedKinds is the table of these kinds.
func (c *Config) hostedKinds() []hostedKind {
	return []hostedKind{
		{"execute-api", ".amazonaws.com", c.HTTPAPIs, missingAPI}, // APIs of API Gateway
		{"lambda-url", ".on.aws", c.FunctionURLs, missingURL},     // functions
	}
}

// missingAPI and missingURL answer as the services do for a host of theirs that nothing is behind.
func missingAPI(w http.ResponseWriter) {
	w.Header().Set("X-Amzn-Errortype", "NotFoundException")
	hostedRefusal(w, http.StatusNotFound, `{"message":"Not Found"}`)
}

func missingURL(w http.ResponseWriter) {
	w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
	hostedRefusal(w, http.StatusForbidden, `{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: `+
		`https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`)
}

func hostedRefusal(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the client is gone: nobody to tell
}

// hosted finds what has a host name of its own and is what the request is for: its kind, nil if the request is for the services; the API,
// nil if there is none of the id; and the request as the API sees it.
func (d *frontDoor) hosted(r *http.Request) (*hostedKind, HTTPAPI, *http.Request) {
	for i := range d.hostedKinds {
		k := &d.hostedKinds[i]
		if k.find == nil {
			continue
		}
		if id, rest, ok := strings.Cut(plainHost(r.Host), "."+k.label+"."); ok && (rest == "localhost" || strings.HasSuffix(rest, k.ending)) {
			return k, k.find(id), r
		}
		below, ok := strings.CutPrefix(r.URL.EscapedPath(), "/_aws/"+k.label+"/")
		if !ok {
			continue
		}
		id, path, _ := strings.Cut(below, "/")
		path = "/" + path
		decoded, err := url.PathUnescape(path)
		if err != nil {
			return nil, nil, nil
		}
		within := r.Clone(r.Context())
		within.URL.Path, within.URL.RawPath = decoded, path
		return k, k.find(id), within
	}
	return nil, nil, nil
}

// hostedTimeout is how long a request to an API or a function URL may take: a function's greatest timeout, and some time to read and write.
const hostedTimeout = 16 * time.Minute

// serveHosted has an HTTP API or a function URL answer. A page of another computer reaches it only if the API's CORS configuration says so.
func serveHosted(w http.ResponseWriter, r *http.Request, k *hostedKind, a HTTPAPI) {
	origin := r.Header.Get("Origin")
	if err := checkSource(r); err != nil && !(localHost(r.Host) && origin != "" && a != nil && a.AllowsOrigin(origin)) {
		writeFault(w, r, err)
		return
	}
	if a == nil {
		k.missing(w)
		return
	}
	// A function may take longer than the server lets calls of services take.
	deadlines, until := http.NewResponseController(w), time.Now().Add(hostedTimeout)
	_ = deadlines.SetReadDeadline(until)  // where there is none to move, as in tests, all is well
	_ = deadlines.SetWriteDeadline(until) // the same
	a.ServeHTTP(w, r)
}
