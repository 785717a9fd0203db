package restapi

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/trigger/httpapi"
	"github.com/tutti-run/tutti/internal/vtl"
)

// Limits of requests (developer guide, "Quotas for configuring and running a REST API").
const (
	maxPayload = 10 << 20 // bytes of a body
	maxHeaders = 10_240   // bytes of the request line and all headers together
)

// request is what API Gateway knows of a request.
type request struct {
	*http.Request
	id       string
	extended string
	time     time.Time
	api      *API
	stage    *Stage
	method   *method
	body     []byte
	path     string // below the stage, as sent
	address  string // the client's
	vars     map[string]string
	values   url.Values
	who      identity

	fault, faultMessage, faultQuoted string // of an answer of the gateway's own
	validation                       string // what is wrong with the body
	authorizerError                  string
	status                           int // of the answer, once there is one
	length                           int
	took                             time.Duration
	behind                           httpapi.Behind
	kept                             *vtl.Map // the context, once it was asked for
}

// identity is what authorizer, signature and API key say of whoever sends the request.
type identity struct {
	arn        string         // of a signature's owner
	key        *Key           // the API key
	authorizer map[string]any // requestContext.authorizer; nil for none
	usageKey   string         // that the authorizer found
}

// read takes a request in, within the service's limits.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) (*request, *fault) {
	in := &request{Request: r, id: uuid.NewString(), time: h.services.Now(), api: h.api}
	in.extended = strings.ReplaceAll(uuid.NewString(), "-", "")[:15] + "="
	in.values, _ = url.ParseQuery(r.URL.RawQuery) // what comes beside an error is what could be read
	var err error
	if in.address, _, err = net.SplitHostPort(r.RemoteAddr); err != nil {
		in.address = r.RemoteAddr
	}
	size := len(r.Method) + len(r.RequestURI) + len(r.Proto)
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + 4
		}
	}
	if size > maxHeaders {
		return in, &fault{kind: headersTooLarge}
	}
	in.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return in, &fault{kind: "REQUEST_TOO_LARGE"}
	case err != nil:
		return in, &fault{kind: badRequest}
	}
	return in, nil
}

// enter finds the stage that the path begins with; false if there is none.
func (h *Handler) enter(in *request) bool {
	first, rest, _ := strings.Cut(strings.TrimPrefix(in.URL.EscapedPath(), "/"), "/")
	s := h.stages[first]
	if s == nil {
		return false
	}
	in.stage, in.path = &s.Stage, "/"+rest
	return true
}

// withheld are the client's headers that end at the gateway.
var withheld = []string{
	"Connection", "Content-Length", "Content-Md5", "Expect", "Max-Forwards", "Proxy-Authenticate", "Server", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Www-Authenticate",
}

// headers are the client's, but for those that end here, and those that the gateway adds.
func (in *request) headers() http.Header {
	h := httpapi.Forwarded(in.Request, in.address, in.trace())
	for _, name := range withheld {
		h.Del(name)
	}
	return h
}

// trace is the X-Ray trace header: the client's, or a new one.
func (in *request) trace() string { return httpapi.Trace(in.Header, in.id, in.time) }

// isBinary tells whether a body of the content type is one of the API's binary ones.
func (a *API) isBinary(contentType string) bool {
	kind := mediaType(contentType)
	for _, b := range a.BinaryTypes {
		b = strings.ToLower(strings.ReplaceAll(b, "~1", "/"))
		if b == "*/*" || b == kind && kind != "" || strings.HasSuffix(b, "/*") && strings.HasPrefix(kind, strings.TrimSuffix(b, "*")) {
			return true
		}
	}
	return false
}

// methodARN is the ARN of what the request calls, which policies speak of.
func (in *request) methodARN() string {
	return "arn:aws:execute-api:" + in.api.Region + ":" + in.api.Account + ":" + in.api.ID + "/" + in.stage.Name + "/" + in.Method + in.path
}
