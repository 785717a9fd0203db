package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// refusal is an answer of the gateway itself.
type refusal struct {
	status  int
	message string
	kind    string // $context.error.responseType of the access log, named like the responses of REST APIs
}

// The answers of the gateway itself.
var (
	badRequest      = refusal{http.StatusBadRequest, "Bad Request", "DEFAULT_4XX"}                                      // no HTTP request
	noToken         = refusal{http.StatusUnauthorized, "Unauthorized", "UNAUTHORIZED"}                                  // the authorizer found nobody
	forbidden       = refusal{http.StatusForbidden, "Forbidden", "ACCESS_DENIED"}                                       // the authorizer found somebody else
	noRoute         = refusal{http.StatusNotFound, "Not Found", "RESOURCE_NOT_FOUND"}                                   // neither a route nor $default
	tooLarge        = refusal{http.StatusRequestEntityTooLarge, "Request Entity Too Large", "REQUEST_TOO_LARGE"}        // more than 10 MB
	tooMany         = refusal{http.StatusTooManyRequests, "Too Many Requests", "THROTTLED"}                             // a throttle of the stage
	headersTooLarge = refusal{http.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large", "DEFAULT_4XX"} // more than 10,240 bytes
	failed          = refusal{http.StatusInternalServerError, "Internal Server Error", "INTEGRATION_FAILURE"}           // the integration, or
	failedAuth      = refusal{http.StatusInternalServerError, "Internal Server Error", "AUTHORIZER_FAILURE"}            // the authorizer
	unavailable     = refusal{http.StatusServiceUnavailable, "Service Unavailable", "INTEGRATION_FAILURE"}              // the function is throttled, or the server behind a proxy not reached
	timedOut        = refusal{http.StatusServiceUnavailable, "Service Unavailable", "INTEGRATION_TIMEOUT"}              // no answer in time
)

// response is what goes back to the client.
type response struct {
	status  int
	headers http.Header
	cookies []string
	body    []byte
	refusal *refusal // of an answer of the gateway's own
	trouble string   // what the access log says of an integration or authorizer that failed
	took    time.Duration
}

// refused is the response to a request that the gateway refuses: a JSON body with a message.
func refused(r refusal) *response {
	body, err := json.Marshal(struct {
		Message string `json:"message"`
	}{r.message})
	if err != nil {
		body = nil
	}
	return &response{status: r.status, headers: http.Header{"Content-Type": {"application/json"}}, body: body, refusal: &r}
}

// refusedBecause is the response with the reason, which is for the access log alone.
func refusedBecause(r refusal, why string) *response {
	out := refused(r)
	out.trouble = why
	return out
}

// failedIntegration is the response when what stands behind the route did not do its part.
func failedIntegration(why string) *response { return refusedBecause(failed, why) }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	in, why := h.readRequest(w, r)
	var s *stage
	var out *response
	switch {
	case why != nil:
		out = refused(*why)
	case h.api.DisableExecute:
		h.write(w, r, refused(noRoute))
		return // which is no request for the API
	default:
		if s = h.chooseStage(in); s == nil {
			out = refused(noRoute)
			break
		}
		out = h.answer(in, s)
		out.headers.Set("Apigw-Requestid", in.id)
	}
	out.took = time.Since(began)
	h.count(in, out) // before the client can ask
	h.write(w, r, out)
	if s != nil && s.AccessLog != "" && h.services.AccessLog != nil {
		h.services.AccessLog(s.LogGroup, selection{in, out}.accessLine(s.AccessLog))
	}
}

// answer takes the request through route, throttle and authorizer to its integration.
func (h *Handler) answer(in *request, s *stage) *response {
	in.route, in.vars = h.routes.find(in.Method, in.path)
	if h.isPreflight(in.Request) {
		return h.answerPreflight(in)
	}
	if in.route == nil {
		return refused(noRoute)
	}
	if !s.admits(in.route.Key, h.services.Now()) {
		return refused(tooMany)
	}
	if h.faulty[in.route.Key] {
		in.behind.Error = "the route is not configured as it must be"
		return failedIntegration(in.behind.Error)
	}
	if stopped := h.authorize(in); stopped != nil {
		return stopped
	}
	return h.integrate(in, h.api.Integrations[in.route.Integration])
}

// answerPreflight answers a preflight request without the integration, and without a route. But where a route takes OPTIONS, as $default and ANY do, its
// authorizer is asked, which browsers send no credentials to (developer guide, "Configure CORS for HTTP APIs": "To support unauthorized OPTIONS requests,
// add an OPTIONS /{proxy+} route to your API that doesn't require authorization").
func (h *Handler) answerPreflight(in *request) *response {
	if in.route != nil && !h.faulty[in.route.Key] {
		if stopped := h.authorize(in); stopped != nil {
			return stopped
		}
	}
	return h.preflight(in.Request)
}

// admits takes a request from the stage's allowance, and from the route's own where it has one.
func (s *stage) admits(key string, now time.Time) bool {
	limiter := s.limits[key]
	if limiter == nil {
		limiter = s.limits[""]
	}
	return limiter == nil || limiter.AllowN(now, 1)
}

// write sends the response, with the API's own CORS headers in the place of the integration's.
func (h *Handler) write(w http.ResponseWriter, r *http.Request, out *response) {
	header := w.Header()
	header.Del("X-Amzn-Requestid") // which services have, and APIs do not
	for name, values := range out.headers {
		if h.api.CORS != nil && strings.HasPrefix(name, "Access-Control-") && !h.isPreflight(r) {
			continue
		}
		if !hopByHop[name] {
			header[name] = values
		}
	}
	for _, c := range out.cookies {
		header.Add("Set-Cookie", c)
	}
	if h.api.CORS != nil && !h.isPreflight(r) {
		h.api.CORS.allow(header, r)
	}
	header.Set("Content-Length", strconv.Itoa(len(out.body)))
	w.WriteHeader(out.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(out.body) // the client is gone: nobody to tell
	}
}

// hopByHop are the headers that concern a single connection, and the length, which is counted anew (RFC 9110, section 7.6.1).
var hopByHop = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true, "Content-Length": true,
}

// isPreflight tells whether the gateway answers for the integration: a preflight request to an API with CORS.
func (h *Handler) isPreflight(r *http.Request) bool {
	return h.api.CORS != nil && r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

func (h *Handler) preflight(r *http.Request) *response {
	out := &response{status: http.StatusNoContent, headers: http.Header{}}
	c := h.api.CORS
	if c.allow(out.headers, r) {
		set := func(name string, values []string) {
			if len(values) > 0 {
				out.headers.Set(name, strings.Join(values, ","))
			}
		}
		set("Access-Control-Allow-Methods", c.AllowMethods)
		set("Access-Control-Allow-Headers", c.AllowHeaders)
		if c.MaxAge != 0 {
			out.headers.Set("Access-Control-Max-Age", strconv.Itoa(c.MaxAge))
		}
	}
	return out
}

// AllowsOrigin tells whether the API's CORS configuration lets pages of the origin read its answers.
func (h *Handler) AllowsOrigin(origin string) bool {
	return h.api.CORS != nil && h.api.CORS.allows(origin)
}

func (c *CORS) allows(origin string) bool {
	return slices.ContainsFunc(c.AllowOrigins, func(pattern string) bool {
		switch pattern {
		case "*", origin:
			return true
		case "https://*", "http://*":
			return strings.HasPrefix(origin, strings.TrimSuffix(pattern, "*"))
		}
		return false
	})
}

// allow sets the headers that let a page of the request's origin read the response; false if the origin is not allowed.
func (c *CORS) allow(header http.Header, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || !c.allows(origin) {
		return false
	}
	if slices.Contains(c.AllowOrigins, "*") && !c.AllowCredentials {
		origin = "*"
	}
	header.Set("Access-Control-Allow-Origin", origin)
	if c.AllowCredentials {
		header.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.ExposeHeaders) > 0 {
		header.Set("Access-Control-Expose-Headers", strings.Join(c.ExposeHeaders, ","))
	}
	return true
}
