package api

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/lambda/control"
)

// route says which requests are for a service.
type route struct {
	title string // AWS's name of the service, for people
	// target is what comes before the dot in X-Amz-Target, "" for protocols without it.
	target string
	// scope is the service's name in the credential scope of a signed request.
	scope string
	// hosts are the labels that stand for the service in the name of a host, after a bucket's and before a region.
	hosts []string
	// version is that of the API in requests of the query protocol, "" for services that are not spoken to so.
	version string
	// paths are beginnings of paths that only this service has.
	paths []string
	// catchAll takes every unsigned request that is for nobody else and has a path.
	catchAll bool
}

// service is one AWS service behind the front door.
type service struct {
	route
	handler http.Handler
	served  bool // not, if the configuration lacks it
}

// The routes of the REST services. Those of the JSON services stand with their protocols.
var (
	// s3Route: a client without credentials, such as curl, names a bucket in the path, which could be anything.
	s3Route = route{title: "Amazon S3", scope: "s3", hosts: []string{"s3"}, catchAll: true}
	// lambdaRoute: every path of the API begins with the date at which its part of the API came.
	lambdaRoute = route{title: "AWS Lambda", scope: "lambda", hosts: []string{"lambda"}, paths: []string{
		"/2014-11-13/functions/",        // InvokeAsync
		"/2015-03-31/functions",         // functions, their versions, aliases, policies and invocations
		control.CodePath,                // the zips that GetFunction names: our own
		"/2015-03-31/event-source-map",  // event source mappings
		"/2016-08-19/account-settings",  // limits and use of the account
		"/2017-03-31/tags/",             // tags
		"/2017-10-31/functions/",        // reserved concurrency
		"/2018-10-31/layers",            // layers
		"/2019-09-25/functions/",        // what happens to asynchronous invocations
		"/2019-09-30/functions/",        // concurrency: provisioned, and what is reserved
		"/2020-04-22/code-signing-conf", // code signing configurations
		"/2020-06-30/functions/",        // the code signing of a function
		"/2021-07-20/functions/",        // runtime management
		"/2021-10-31/functions/",        // function URLs
		"/2021-11-15/functions/",        // invocation with a streamed response
		"/2024-08-31/functions/",        // recursion
		"/2025-11-30/",                  // capacity providers
		"/2025-12-01/",                  // durable executions
	}}
)

// find returns the service that the request is for, nil if there is none. What says it most precisely decides: the target, the scope of
// the signature, the host's name, the path; and only then the service that takes anything.
func (d *frontDoor) find(r *http.Request) *service {
	pick := func(matches func(s *service) bool) *service {
		if i := slices.IndexFunc(d.services, func(s service) bool { return matches(&s) }); i >= 0 {
			return &d.services[i]
		}
		return nil
	}
	if target, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); target != "" {
		return pick(func(s *service) bool { return s.target == target })
	}
	if target := smithyTarget(r); target != "" {
		return pick(func(s *service) bool { return s.target == target })
	}
	if scope := credentialScope(r); scope != "" {
		return pick(func(s *service) bool { return s.scope == scope })
	}
	if label := hostLabel(r.Host); label != "" {
		if s := pick(func(s *service) bool { return slices.Contains(s.hosts, label) }); s != nil {
			return s
		}
	}
	if version := queryVersion(r); version != "" {
		return pick(func(s *service) bool { return s.version == version })
	}
	startsPath := func(prefix string) bool { return strings.HasPrefix(r.URL.Path, prefix) }
	if s := pick(func(s *service) bool { return slices.ContainsFunc(s.paths, startsPath) }); s != nil {
		return s
	}
	if len(r.URL.Path) <= 1 {
		return nil
	}
	return pick(func(s *service) bool { return s.catchAll })
}

// smithyTarget is the service that the path of a request in the CBOR protocol names, "" for other requests (Smithy documentation, "Smithy RPC v2 CBOR
// protocol").
func smithyTarget(r *http.Request) string {
	if r.Header.Get("Smithy-Protocol") == "" {
		return ""
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/service/")
	target, _, _ := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	return target
}

// served lists services for people.
func served(services []service) string {
	names := make([]string, 0, len(services))
	for _, s := range services {
		name := s.title
		if s.target != "" {
			name += " (" + s.target + ")"
		}
		names = append(names, name)
	}
	switch len(names) {
	case 0:
		return "is nothing"
	case 1:
		return "is " + names[0]
	}
	return "are " + strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// credentialScope is the service in the request's signature, "" if it is not signed (General Reference, "Signature Version 4"). The
// signature stands in a header or, of a presigned URL, in the query.
func credentialScope(r *http.Request) string {
	if scope := signatureScope(r); scope != nil {
		return scope[3]
	}
	return ""
}

// signatureScope is access key, date, region, service and "aws4_request" of a request's signature, nil if it is not signed.
func signatureScope(r *http.Request) []string {
	_, credential, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !ok {
		credential = r.URL.Query().Get("X-Amz-Credential")
	}
	credential, _, _ = strings.Cut(credential, ",")
	parts := strings.Split(strings.TrimSpace(credential), "/") // access key, date, region, service, aws4_request
	if len(parts) != 5 {
		return nil
	}
	return parts
}

// regionLabel is what may stand between a service's label and the end of AWS's names.
var regionLabel = regexp.MustCompile(`^([a-z]{2,3}(-[a-z]+)+-[0-9]+|dualstack)$`)

// hostLabel is the label that stands for a service: s3 in bucket.s3.localhost:4566, lambda in lambda.us-east-1.amazonaws.com; "" for a name
// without one.
func hostLabel(host string) string {
	host = plainHost(host)
	name, local := strings.CutSuffix(host, ".localhost")
	if !local {
		var aws bool
		if name, aws = strings.CutSuffix(host, ".amazonaws.com"); !aws {
			return ""
		}
	}
	labels := strings.Split(name, ".")
	for i := len(labels) - 1; i >= 0; i-- {
		if !regionLabel.MatchString(labels[i]) {
			return labels[i]
		}
	}
	return ""
}

// plainHost is the host without port, final dot and the prefix with which AWS clients call StartSyncExecution, whatever the endpoint.
func plainHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimPrefix(strings.TrimSuffix(strings.ToLower(host), "."), "sync-")
}

// checkSource refuses what only a page in a browser sends: a Host that a stranger's DNS made lead to this computer, or the Origin of
// a stranger's page.
func checkSource(r *http.Request) error {
	if !localHost(r.Host) {
		return &fault{name: "AccessDeniedException", status: http.StatusForbidden,
			message: fmt.Sprintf("The host %.100q is not served here; use a loopback name such as localhost.", r.Host)}
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	if u, err := url.Parse(origin); err != nil || !localHost(u.Host) {
		return &fault{name: "AccessDeniedException", status: http.StatusForbidden,
			message: fmt.Sprintf("Pages of the origin %.100q may not use this endpoint.", origin)}
	}
	return nil
}

// Guard has a handler serve nobody but this computer's own programs: what pages of strangers send is refused, as the front door does.
func Guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := checkSource(r); err != nil {
			writeFault(w, r, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// localHost tells whether the host, with or without port, names this computer by loopback or is one of AWS's names, which clients use
// behind a proxy.
func localHost(host string) bool {
	host = plainHost(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".on.aws") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}
