package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
)

// caller is what a request says of whoever sent it. Nothing of it is proof: signatures are not checked.
type caller struct {
	accessKey, region string // of the signature's credential scope; "" without one
	trace             string // the X-Ray trace header
	url               string // the endpoint, as the client calls it
	query             bool   // the request is in the query protocol
}

type callerKey struct{}

// withCaller keeps what the request says of its sender.
func withCaller(r *http.Request) context.Context {
	c := caller{trace: r.Header.Get("X-Amzn-Trace-Id"), query: r.Context().Value(queryKey{}) != nil}
	c.url = endpointURL(r)
	if scope := signatureScope(r); scope != nil {
		c.accessKey, c.region = scope[0], scope[2]
	}
	return context.WithValue(r.Context(), callerKey{}, c)
}

// callerOf is who sent the request, the zero value if it is not known.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

type queryKey struct{}

// withQuery says of a request that it is in the query protocol.
func withQuery(ctx context.Context) context.Context { return context.WithValue(ctx, queryKey{}, true) }

// place is where a request's resources are: in the region of its signature, in the account that its access key names, and else at home. An
// access key names an account if it is twelve digits, as other local tools have it too.
func (c caller) place(home sfn.Place) sfn.Place {
	if c.region != "" && c.region != home.Region {
		home.Region, home.Partition = c.region, partition(c.region)
	}
	if len(c.accessKey) == 12 && strings.Trim(c.accessKey, "0123456789") == "" {
		home.Account = c.accessKey
	}
	return home
}

// partition is that of a region (General Reference, "Amazon Resource Names").
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// endpointURL is the endpoint as the client calls it. AWS's own names, which calls within this process bear, belong to HTTPS.
func endpointURL(r *http.Request) string {
	if r.TLS != nil || strings.HasSuffix(plainHost(r.Host), ".amazonaws.com") {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
