package restapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	in, why := h.read(w, r)
	var out *response
	switch {
	case why != nil:
		h.enter(in)
		out = h.refuse(in, *why)
	case h.api.DisableExecute:
		out = h.refuse(in, fault{kind: "RESOURCE_NOT_FOUND"})
	case !h.enter(in):
		out = h.refuse(in, fault{kind: stageNotFound})
	default:
		out = h.answer(in)
	}
	out.headers.Set("X-Amzn-Requestid", in.id)
	out.headers.Set("X-Amz-Apigw-Id", in.extended)
	in.status, in.length, in.took = out.status, len(out.body), time.Since(began)
	h.count(in) // before the client can ask
	h.write(w, r, out)
	if s := in.stage; s != nil && s.AccessLog != "" && h.services.AccessLog != nil {
		h.services.AccessLog(s.LogGroup, in.accessLine(s.AccessLog))
	}
}

// answer takes the request through its method's checks to the integration.
func (h *Handler) answer(in *request) *response {
	in.method, in.vars = h.routes.find(in.Method, in.path)
	if in.method == nil {
		return h.refuse(in, *in.missingToken())
	}
	if len(in.method.problems) > 0 {
		return h.refuse(in, fault{kind: "API_CONFIGURATION_ERROR", detail: in.method.problems[0]})
	}
	if why := h.authorize(in); why != nil {
		return h.refuse(in, *why)
	}
	if why := h.checkKey(in); why != nil {
		return h.refuse(in, *why)
	}
	in.kept = nil // authorizer and key have become known
	if !h.stages[in.stage.Name].admits(in.method, in.Method, h.services.Now()) {
		return h.refuse(in, fault{kind: "THROTTLED"})
	}
	if why := in.validate(); why != nil {
		return h.refuse(in, *why)
	}
	return h.integrate(in)
}

// hopByHop are the headers that concern a single connection, and the length, which is counted anew (RFC 9110, section 7.6.1).
var hopByHop = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true, "Content-Length": true,
}

func (h *Handler) write(w http.ResponseWriter, r *http.Request, out *response) {
	header := w.Header()
	for name, values := range out.headers {
		if !hopByHop[name] {
			header[name] = values
		}
	}
	header.Set("Content-Length", strconv.Itoa(len(out.body)))
	w.WriteHeader(out.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(out.body) // the client is gone: nobody to tell
	}
}

// accessLine fills the format of the access log; variables that stand for nothing are a hyphen.
func (in *request) accessLine(format string) string {
	var b strings.Builder
	for rest := format; rest != ""; {
		before, after, found := strings.Cut(rest, "$context.")
		b.WriteString(before)
		if !found {
			break
		}
		end := strings.IndexFunc(after, func(r rune) bool {
			return r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
		if end < 0 {
			end = len(after)
		}
		name := strings.TrimRight(after[:end], ".")
		if v, ok := in.contextText(name); ok && v != "" {
			b.WriteString(v)
		} else {
			b.WriteByte('-')
		}
		rest = after[len(name):]
	}
	return b.String()
}
