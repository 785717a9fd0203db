package httpapi

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Limits of requests (developer guide, "Quotas for configuring and running an HTTP API").
const (
	maxPayload = 10 << 20 // bytes of a body
	maxHeaders = 10_240   // bytes of the request line and all headers together
)

// request is what API Gateway knows of a request.
type request struct {
	*http.Request
	id     string // as the client sees it
	unique string // a UUID
	time   time.Time
	api    *API
	stage  *Stage
	route  *Route
	body   []byte
	prefix string // of the stage in the path: "/prod", or "" for $default
	path   string // below the stage, as sent
	// encoded leaves the path of events as it was sent.
	encoded bool
	// target is the path that parameter mapping has put in the place of the client's; "" for none.
	target string
	source string // the client's address
	vars   map[string]string
	who    verdict // of the authorizer
	behind Behind
}

// readRequest takes a request in, within the service's limits. The refusal is set if it breaks one.
func (h *Handler) readRequest(w http.ResponseWriter, r *http.Request) (*request, *refusal) {
	size := len(r.Method) + len(r.RequestURI) + len(r.Proto)
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + 4
		}
	}
	if size > maxHeaders {
		return nil, &headersTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, &tooLarge
	case err != nil:
		return nil, &badRequest
	}
	source, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		source = r.RemoteAddr
	}
	return &request{Request: r, id: gatewayID(), unique: uuid.NewString(), time: h.services.Now(), api: h.api, body: body, source: source}, nil
}

// gatewayID draws the id of a request as HTTP APIs give it: 15 characters and an equals sign.
func gatewayID() string {
	var b [11]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.URLEncoding.EncodeToString(b[:])
}

// chooseStage finds the stage that the path names, else $default.
func (h *Handler) chooseStage(in *request) *stage {
	path := in.URL.EscapedPath()
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if s := h.stages[first]; s != nil && first != defaultKey {
		in.stage, in.prefix, in.path = &s.Stage, "/"+first, "/"+rest
		return s
	}
	s := h.stages[defaultKey]
	if s != nil {
		in.stage, in.path = &s.Stage, path
	}
	return s
}

// rawPath is the path with its stage as events have it: HTTP APIs decode it, function URLs leave it as it was sent.
func (in *request) rawPath() string {
	decoded, err := url.PathUnescape(in.path)
	if err != nil || in.encoded {
		decoded = in.path
	}
	return in.prefix + decoded
}

// targetPath is the path that the integration is told of.
func (in *request) targetPath() string { return cmp.Or(in.target, in.rawPath()) }

// header is the value of a header, several joined by commas.
func (in *request) header(name string) (string, bool) {
	if strings.EqualFold(name, "host") {
		return in.Host, true
	}
	values := in.Header.Values(name)
	return strings.Join(values, ","), len(values) > 0
}

// headers are what the integration is told of the headers: the client's and those that the gateway adds. The names are as http.Header has them.
func (in *request) headers() http.Header {
	out := Forwarded(in.Request, in.source, in.trace())
	out.Set("Content-Length", strconv.Itoa(len(in.body)))
	return out
}

// trace is the X-Ray trace header: the client's, or a new one.
func (in *request) trace() string { return Trace(in.Header, in.unique, in.time) }

// query returns the query parameters in the order of their names; what cannot be read is left out, as the service does.
func (in *request) query() (names []string, values url.Values) {
	values, _ = url.ParseQuery(in.URL.RawQuery) // what comes beside an error is what could be read
	return slices.Sorted(maps.Keys(values)), values
}

// isText tells whether a body of the content type reaches a function as it is; all others are encoded in base64, those of forms and those that do not say
// what they are among them. AWS's documentation does not list the types; they are what others have seen the service do.
func isText(contentType string) bool {
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	kind = strings.TrimSpace(kind)
	switch kind {
	case "application/json", "application/xml", "application/javascript":
		return true
	}
	return strings.HasPrefix(kind, "text/")
}
