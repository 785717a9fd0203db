package api

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
)

// MaxRequestBytes is the largest body that is read (developer guide, "Step Functions service quotas": request size).
const MaxRequestBytes = 1 << 20

// Config says what stands behind the front door.
type Config struct {
	// States is AWS Step Functions. *runner.Runner serves it.
	States States
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log receives our own trouble; nil discards it.
	Log *slog.Logger
}

// service is one AWS service behind the front door.
type service struct {
	// scope is its name in the credential scope of a signed request.
	scope string
	// target is what comes before the dot in X-Amz-Target, "" for protocols without it.
	target string
	serve  func(w http.ResponseWriter, r *http.Request) error
}

// frontDoor finds the service that a request is for.
type frontDoor struct {
	services []service
	log      *slog.Logger
}

// New returns the front door. It may be used by any number of goroutines.
func New(cfg Config) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	states := &stepFunctions{backend: cfg.States, now: cfg.Now}
	return &frontDoor{log: cfg.Log, services: []service{
		{scope: "states", target: statesTarget, serve: states.serve},
	}}
}

// NewServer returns a server with limits that no client can hold up: the body has half a minute to come in, the answer six minutes to go
// out, one more than the longest synchronous execution takes.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      6 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// ServeHTTP implements http.Handler.
func (d *frontDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	defer func() {
		if trouble := recover(); trouble != nil && trouble != http.ErrAbortHandler {
			d.log.Error("a request went wrong", "target", r.Header.Get("X-Amz-Target"), "panic", trouble, "stack", string(debug.Stack()))
			d.refuse(w, r, fmt.Errorf("internal fault: %v", trouble))
		}
	}()
	if err := checkSource(r); err != nil {
		d.refuse(w, r, err)
		return
	}
	s := d.find(r)
	if s == nil {
		notFound(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, MaxRequestBytes)
	if err := s.serve(w, r); err != nil {
		d.refuse(w, r, err)
	}
}

// find returns the service that the request is for, nil if there is none.
func (d *frontDoor) find(r *http.Request) *service {
	target, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	scope := credentialScope(r)
	for i := range d.services {
		if s := &d.services[i]; target != "" && s.target == target || target == "" && s.scope == scope {
			return s
		}
	}
	return nil
}

// refuse answers with an error and logs it if it is our own trouble.
func (d *frontDoor) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if status := writeError(w, err); status >= http.StatusInternalServerError && r.Context().Err() == nil {
		d.log.Error("cannot serve a request", "target", r.Header.Get("X-Amz-Target"), "error", err)
	}
}

// notFound answers a request that is for no service, as a person with a browser sends it.
func notFound(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Amz-Target") != "" || credentialScope(r) != "" {
		writeError(w, unknownOperation("Nothing here serves this request; served is AWS Step Functions (%s).", statesTarget))
		return
	}
	http.Error(w, "This is an endpoint for AWS clients. Served is AWS Step Functions: aws stepfunctions --endpoint-url "+
		"http://"+r.Host+" list-state-machines", http.StatusNotFound)
}

// credentialScope is the service in the request's signature, "" if it is not signed (General Reference, "Signature Version 4").
func credentialScope(r *http.Request) string {
	_, credential, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !ok {
		return ""
	}
	credential, _, _ = strings.Cut(credential, ",")
	parts := strings.Split(credential, "/") // access key, date, region, service, aws4_request
	if len(parts) != 5 {
		return ""
	}
	return parts[3]
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

// localHost tells whether the host, with or without port, names this computer by loopback or is one of AWS's names, which clients use
// behind a proxy. sync- is the prefix with which AWS clients call StartSyncExecution, whatever the endpoint.
func localHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	host = strings.TrimPrefix(host, "sync-")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".amazonaws.com") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}
