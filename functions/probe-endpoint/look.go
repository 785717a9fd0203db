package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tutti-run/tutti/functions/internal/task"
)

// Names of the errors of an endpoint that gives no answer.
const (
	// Unreachable: no name, no route, no listener, a connection that broke, or an answer that is not HTTP. Often passes; worth
	// a retry.
	Unreachable = "Endpoint.Unreachable"

	// Timeout: no complete answer in the time it had. Often passes; worth a retry.
	Timeout = "Endpoint.Timeout"

	// TLS: the handshake failed: expired, untrusted, another host's certificate, or no common protocol. Does not pass by
	// itself.
	TLS = "Endpoint.TLS"
)

// What a probe reads of an answer, at most. An endpoint can be anything, and it is not trusted.
const (
	maxRedirects   = 5
	maxBodyBytes   = 64 << 10
	maxHeaderBytes = 64 << 10
)

// prober asks endpoints. Every probe opens a new connection: a kept one would hide that new ones fail.
type prober struct {
	// roots are the certificate authorities to trust; nil means those of the system.
	roots *x509.CertPool

	// runtimeAPI is the host:port at which this function gets its invocations. A probe of it would swallow one.
	runtimeAPI string

	// now is the clock.
	now func() time.Time
}

// refusal is an error that means: the probe would not go there. It says something about the endpoint, not about the network.
type refusal string

func (r refusal) Error() string { return string(r) }

// look asks target once, follows redirects unless a redirect is what is expected, and reports what it saw. Where the
// endpoint gave no answer the error is an *task.Error named Unreachable, Timeout or TLS.
func (p prober) look(ctx context.Context, target *url.URL, expected int) (sight, error) {
	var seen sight
	var handshake atomic.Pointer[error] // The dialler may still be at work when the client has given up.
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { handshake.Store(&err) },
	})
	transport := p.transport()
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		seen.note(next.Response.TLS)
		return follow(next, via, expected)
	}}

	started := p.now()
	status, state, err := ask(ctx, &client, target)
	seen.note(state)
	var refused refusal
	switch {
	case err == nil:
		seen.status, seen.latency = status, p.now().Sub(started)
		return seen, nil
	case errors.As(err, &refused):
		seen.refusal = refused.Error()
		return seen, nil
	case timedOut(err):
		return sight{}, task.Errorf(Timeout, "no complete answer from %s after %d ms", target.Host, p.now().Sub(started).Milliseconds())
	case tlsFault(handshake.Load()):
		return sight{}, task.Errorf(TLS, "%s", cause(err))
	default:
		return sight{}, task.Errorf(Unreachable, "%s", cause(err))
	}
}

// ask sends one GET and reads the answer, up to maxBodyBytes of its body: headers alone do not prove that an endpoint works.
func ask(ctx context.Context, client *http.Client, target *url.URL) (status int, state *tls.ConnectionState, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("User-Agent", "tutti-probe-endpoint/1")
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }() // Nothing is lost: what was read is read.
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, maxBodyBytes)); err != nil {
		return 0, response.TLS, err
	}
	return response.StatusCode, response.TLS, nil
}

// transport returns a transport for one probe. No proxy: the endpoint is probed, not the way there. No compression: what is
// counted is what was sent.
func (p prober) transport() *http.Transport {
	dialer := net.Dialer{ControlContext: p.mayDial}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: p.roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// mayDial refuses addresses that lead to the platform rather than to an endpoint. It sees the address itself, after the
// look-up and for every redirect, so neither a name nor a redirect gets past it.
func (p prober) mayDial(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return refusal(fmt.Sprintf("%s is not probed: not an IP address and a port", address))
	}
	ip := at.Addr().Unmap()
	switch {
	case ip.IsLinkLocalUnicast(), ip.IsMulticast(), ip.IsUnspecified():
		// Link-local is where clouds keep instance metadata and credentials; the unspecified address is this machine.
		return refusal(fmt.Sprintf("%s is not probed: link-local, multicast and unspecified addresses are no endpoints", address))
	case p.isRuntimeAPI(ip, at.Port()):
		return refusal(fmt.Sprintf("%s is not probed: it is the Runtime API of this function", address))
	}
	return nil
}

// isRuntimeAPI tells whether ip and port are those of the Runtime API. Every loopback address counts as the same machine.
func (p prober) isRuntimeAPI(ip netip.Addr, port uint16) bool {
	host, own, err := net.SplitHostPort(p.runtimeAPI)
	if err != nil || own != fmt.Sprint(port) {
		return false
	}
	return ip.IsLoopback() || ip.String() == host
}

// follow decides on a redirect to next. The probe stays with http and https, and stops after maxRedirects.
func follow(next *http.Request, via []*http.Request, expected int) error {
	switch {
	case expected >= 300 && expected < 400:
		return http.ErrUseLastResponse
	case !probed(next.URL):
		return refusal(fmt.Sprintf("redirects to %.100q, which is not http or https", next.URL.Scheme+"://"+next.URL.Host))
	case len(via) > maxRedirects:
		return refusal(fmt.Sprintf("redirects more than %d times", maxRedirects))
	}
	return nil
}

// probed tells whether u has a scheme that is probed.
func probed(u *url.URL) bool { return u.Scheme == "http" || u.Scheme == "https" }

// note keeps the earliest expiry among the certificates on the way.
func (s *sight) note(state *tls.ConnectionState) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return
	}
	leaf := state.PeerCertificates[0]
	if s.expires.IsZero() || leaf.NotAfter.Before(s.expires) {
		s.expires = leaf.NotAfter
	}
}

// timedOut tells whether err is a deadline's, be it the context's or the operating system's for a connection attempt.
func timedOut(err error) bool {
	var slow net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &slow) && slow.Timeout()
}

// tlsFault tells whether a TLS handshake ended because of TLS. A connection that broke during the handshake is like one that
// broke at any other time.
func tlsFault(handshake *error) bool {
	if handshake == nil || *handshake == nil {
		return false
	}
	broken := errors.Is(*handshake, io.EOF) || errors.Is(*handshake, syscall.ECONNRESET) || errors.Is(*handshake, syscall.EPIPE)
	return !broken
}

// cause is err without the "Get <url>:" that package http puts before it: the record names the URL already.
func cause(err error) string {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err.Error()
	}
	return err.Error()
}
