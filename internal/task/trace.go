package task

import (
	"context"
	"io"
	"iter"
	"maps"
	"net/http"
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

// request notes the request. The secret is the name of the header by which the connection authorizes it, "" for none.
func (t *HTTPTrace) request(req *http.Request, secret string) {
	if t == nil {
		return
	}
	header := req.Header
	if !t.Reveal && secret != "" {
		header = header.Clone()
		header.Del(secret)
	}
	t.Request = HTTPTraceRequest{Protocol: strings.ToLower(req.URL.Scheme), Method: req.Method, URL: req.URL.String(), Headers: value.Text(headersOf(header))}
	if req.GetBody == nil {
		return
	}
	if body, err := req.GetBody(); err == nil {
		text, _ := io.ReadAll(body) // a string in memory
		t.Request.Body = string(text)
	}
}

func (t *HTTPTrace) response(resp *http.Response, body []byte) {
	if t == nil {
		return
	}
	t.Response = HTTPTraceResponse{Protocol: strings.ToLower(resp.Request.URL.Scheme), StatusCode: resp.Status[:3], StatusMessage: http.StatusText(resp.StatusCode),
		Headers: value.Text(headersOf(resp.Header)), Body: string(body)}
}

func keys(h http.Header) iter.Seq[string] { return maps.Keys(h) }
