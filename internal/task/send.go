package task

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/value"
)

// Outgoing is an HTTP request to an API that a connection authorizes.
type Outgoing struct {
	Method, URL, Body string
	Header, Query     map[string]string
}

// maxAnswer bounds what is read of an API's answer: enough to tell what it says.
const maxAnswer = 64 << 10

// Send sends a request with what the connection adds to it, and returns the status and the beginning of the answer. What the connection has wins over
// what the request has. A body that is a JSON object gets the connection's members. An answer of 401 makes it ask for another OAuth token
// the next time.
func (c *Connection) Send(ctx context.Context, client *http.Client, o Outgoing) (status int, answer string, err error) {
	own := &c.AuthParameters.InvocationHTTPParameters
	u, err := url.Parse(o.URL)
	if err != nil {
		return 0, "", err
	}
	query := u.Query()
	for name, text := range o.Query {
		query.Set(name, text)
	}
	for _, p := range own.QueryStringParameters {
		query.Set(p.Key, p.Value)
	}
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, o.Method, u.String(), strings.NewReader(withMembers(o.Body, own.BodyParameters)))
	if err != nil {
		return 0, "", err
	}
	for name, text := range o.Header {
		req.Header.Set(name, text)
	}
	for _, p := range own.HeaderParameters {
		req.Header.Set(p.Key, p.Value)
	}
	if err := c.authorize(ctx, client, req.Header); err != nil {
		return 0, "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }() // the status has come
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode == http.StatusUnauthorized {
		c.mu.Lock()
		c.token, c.expires = "", time.Time{}
		c.mu.Unlock()
	}
	return resp.StatusCode, string(text), nil
}

// withMembers adds members to a body that is a JSON object.
func withMembers(body string, members []HTTPParameter) string {
	if len(members) == 0 {
		return body
	}
	v, err := value.Parse(body)
	o, ok := v.(*value.Object)
	if err != nil || !ok {
		return body
	}
	for _, p := range members {
		o = o.With(p.Key, value.String(p.Value))
	}
	return value.Text(o)
}

// Secure tells whether an endpoint may be called: HTTPS, or HTTP on this computer's loopback.
func Secure(endpoint string) bool { return secure(endpoint) }
