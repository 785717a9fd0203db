package task

import (
	"context"
	"io"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// HTTPTrace is what TestState shows of an HTTP task with the inspection level TRACE (API reference, InspectionData).
type HTTPTrace struct {
	// Reveal asks for the connection's secrets.
	Reveal   bool
	Request  HTTPTraceRequest
	Response HTTPTraceResponse
}

// HTTPTraceRequest is the request that was sent. Headers and Body are JSON texts.
type HTTPTraceRequest struct{ Protocol, Method, URL, Headers, Body string }

// HTTPTraceResponse is what came back.
type HTTPTraceResponse struct{ Protocol, StatusCode, StatusMessage, Headers, Body string }

type traceKey struct{}

// WithHTTPTrace returns a context in which an HTTP task tells t what it sends and receives.
func WithHTTPTrace(ctx context.Context, t *HTTPTrace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

func traceOf(ctx context.Context) *HTTPTrace {
	t, _ := ctx.Value(traceKey{}).(*HTTPTrace)
	return t
}

// request notes the request. The secret is the name of the header by which the connection authorizes it, "" for none. Unless secrets are to be
// revealed, it and the connection's secret parameters are left out, of a body that is not JSON all of it.
func (t *HTTPTrace) request(req *http.Request, secret string, own *HTTPParameters) {
	if t == nil {
		return
	}
	header, address, body := req.Header.Clone(), *req.URL, ""
	if req.GetBody != nil {
		if in, err := req.GetBody(); err == nil {
			text, _ := io.ReadAll(in) // a string in memory
			body = string(text)
		}
	}
	if !t.Reveal {
		header.Del(secret)
		for _, p := range secrets(own.HeaderParameters) {
			header.Del(p)
		}
		query := address.Query()
		for _, p := range secrets(own.QueryStringParameters) {
			query.Del(p)
			address.RawQuery = query.Encode()
		}
		body = withoutMembers(body, secrets(own.BodyParameters))
	}
	t.Request = HTTPTraceRequest{Protocol: strings.ToLower(address.Scheme), Method: req.Method, URL: address.String(), Headers: value.Text(headersOf(header)), Body: body}
}

// secrets are the names of the parameters whose values are secret.
func secrets(parameters []HTTPParameter) (names []string) {
	for _, p := range parameters {
		if p.IsValueSecret {
			names = append(names, p.Key)
		}
	}
	return names
}

func withoutMembers(body string, names []string) string {
	if len(names) == 0 {
		return body
	}
	document, err := value.Parse(body)
	o, ok := document.(*value.Object)
	if err != nil || !ok {
		return ""
	}
	var kept []value.Member
	for name, v := range o.All() {
		if !slices.Contains(names, name) {
			kept = append(kept, value.Member{Name: name, Value: v})
		}
	}
	return value.Text(value.NewObject(kept...))
}

func (t *HTTPTrace) response(resp *http.Response, body []byte) {
	if t == nil {
		return
	}
	t.Response = HTTPTraceResponse{Protocol: strings.ToLower(resp.Request.URL.Scheme), StatusCode: resp.Status[:3], StatusMessage: http.StatusText(resp.StatusCode),
		Headers: value.Text(headersOf(resp.Header)), Body: string(body)}
}

func keys(h http.Header) iter.Seq[string] { return maps.Keys(h) }
