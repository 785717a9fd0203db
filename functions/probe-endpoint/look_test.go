package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tutti-run/tutti/functions/internal/probe"
	"github.com/tutti-run/tutti/functions/internal/task"
)

// refused is the URL of a port at which nobody listens.
func refused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return "http://" + l.Addr().String()
}

// authority is a certificate authority of the test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "test authority"},
		NotBefore:             time.Now().AddDate(-2, 0, 0),
		NotAfter:              time.Now().AddDate(2, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key}
}

// roots is the pool that trusts the authority alone.
func (a authority) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// serve starts a TLS server whose certificate, for host, expires after left.
func (a authority) serve(t *testing.T, host string, left time.Duration, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		NotBefore:    time.Now().AddDate(-1, 0, 0),
		NotAfter:     time.Now().Add(left),
		IPAddresses:  []net.IP{net.ParseIP(host)},
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: a.key}}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// raw is the URL of a server that handles each connection itself; scheme may be one that it does not speak.
func raw(t *testing.T, scheme string, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			handle(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return scheme + "://" + l.Addr().String()
}

// readRequest reads what the probe sends, so that closing the connection is not a reset.
func readRequest(c net.Conn) {
	buffer := make([]byte, 4096)
	_, _ = c.Read(buffer)
}

// routes answers as the path asks.
func routes(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/status/"):
		status, _ := strconv.Atoi(strings.TrimPrefix(path, "/status/"))
		w.WriteHeader(status)
	case strings.HasPrefix(path, "/hops/"): // /hops/3 redirects three times.
		hops, _ := strconv.Atoi(strings.TrimPrefix(path, "/hops/"))
		if hops > 0 {
			http.Redirect(w, r, "/hops/"+strconv.Itoa(hops-1), http.StatusFound)
		}
	case path == "/to":
		http.Redirect(w, r, r.URL.Query().Get("url"), http.StatusFound)
	case path == "/endless":
		for {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	case path == "/headers":
		w.Header().Set("Filler", strings.Repeat("a", 2*maxHeaderBytes))
	}
}

// clock is a clock that goes on by step whenever it is asked.
func clock(step time.Duration) func() time.Time {
	now := time.Now()
	return func() time.Time {
		now = now.Add(step)
		return now
	}
}

func TestProbeJudgesAnswers(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) }) // First in, last out: after the servers are closed.
	day := 24 * time.Hour
	ca := newAuthority(t)
	plain := httptest.NewServer(http.HandlerFunc(routes))
	defer plain.Close()
	valid := ca.serve(t, "127.0.0.1", 90*day+time.Hour, routes)
	expiring := ca.serve(t, "127.0.0.1", 10*day+time.Hour, routes)
	none, days90, days10 := -1, 90, 10
	fast, slow := 100*time.Millisecond, 400*time.Millisecond

	cases := []struct {
		name     string
		url      string
		expected int
		took     time.Duration
		status   probe.Status
		http     int
		days     int
		reasons  string
	}{
		{"healthy", plain.URL, 0, fast, probe.Healthy, 200, none, ""},
		{"healthy with TLS", valid.URL, 0, fast, probe.Healthy, 200, days90, ""},
		{"expected status", plain.URL + "/status/503", 503, fast, probe.Healthy, 503, none, ""},
		{"other status", plain.URL + "/status/503", 0, fast, probe.Down, 503, none, "answered with status 503, expected 200"},
		{"slow", plain.URL, 0, slow, probe.Degraded, 200, none, "answered in 400 ms, slower than 250 ms"},
		{"expiring", expiring.URL, 0, fast, probe.Degraded, 200, days10, "certificate expires on *, in less than 21 days"},
		{"slow and expiring", expiring.URL, 0, slow, probe.Degraded, 200, days10, "answered in 400 ms, slower than 250 ms|certificate expires on *, in less than 21 days"},
		{"wrong and slow", plain.URL + "/status/404", 0, slow, probe.Down, 404, none, "answered with status 404, expected 200|answered in 400 ms, slower than 250 ms"},
		{"redirect", plain.URL + "/hops/1", 0, fast, probe.Healthy, 200, none, ""},
		{"as many redirects as allowed", plain.URL + "/hops/5", 0, fast, probe.Healthy, 200, none, ""},
		{"one redirect more", plain.URL + "/hops/6", 0, fast, probe.Down, 0, none, "redirects more than 5 times"},
		{"redirect expected", plain.URL + "/hops/6", 302, fast, probe.Healthy, 302, none, ""},
		{"certificate of a redirect", expiring.URL + "/to?url=" + valid.URL, 0, fast, probe.Degraded, 200, days10, "certificate expires on *, in less than 21 days"},
		{"redirect to another scheme", plain.URL + "/to?url=file:///etc/passwd", 0, fast, probe.Down, 0, none, `redirects to "file://", which is not http or https`},
		{"redirect to instance metadata", plain.URL + "/to?url=http://169.254.169.254/latest/", 0, fast, probe.Down, 0, none, "169.254.169.254:80 is not probed: link-local, *"},
		{"instance metadata", "http://[fe80::1%25lo]/", 0, fast, probe.Down, 0, none, "[fe80::1%lo]:80 is not probed: link-local, *"},
		{"metadata in disguise", "http://[::ffff:169.254.169.254]/", 0, fast, probe.Down, 0, none, "*169.254.169.254*:80 is not probed: link-local, *"},
		{"unspecified address", "http://0.0.0.0:80/", 0, fast, probe.Down, 0, none, "0.0.0.0:80 is not probed: *"},
		{"multicast", "http://224.0.0.1/", 0, fast, probe.Down, 0, none, "224.0.0.1:80 is not probed: *"},
		{"endless body", plain.URL + "/endless", 0, fast, probe.Healthy, 200, none, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := event(t, c.url)
			in.Endpoint.ExpectedStatus = c.expected
			r, err := prober{roots: ca.roots(), now: clock(c.took)}.Probe(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if r.Status != c.status || !matches(strings.Join(r.Reasons, "|"), c.reasons) {
				t.Errorf("got %s %q, want %s %q", r.Status, r.Reasons, c.status, c.reasons)
			}
			if got := value(r.HTTPStatus, 0); got != c.http {
				t.Errorf("HTTP status %d, want %d", got, c.http)
			}
			if got := value(r.CertificateDaysLeft, none); got != c.days {
				t.Errorf("%d days left, want %d", got, c.days)
			}
			if got := value(r.LatencyMillis, -1); c.http != 0 && got != c.took.Milliseconds() || c.http == 0 && got != -1 {
				t.Errorf("latency %d ms, want %v", got, c.took)
			}
		})
	}
}

func TestProbeNamesErrors(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) }) // First in, last out: after the servers are closed.
	ca := newAuthority(t)
	plain := httptest.NewServer(http.HandlerFunc(routes))
	defer plain.Close()
	year := 365 * 24 * time.Hour

	cases := []struct{ name, url, errorType, message string }{
		{"nobody listens", refused(t), Unreachable, "dial tcp 127.0.0.1:*: connect: connection refused"},
		{"closed at once", raw(t, "http", readRequest), Unreachable, "EOF"},
		{"closed in the handshake", raw(t, "https", readRequest), Unreachable, "EOF"},
		{"not HTTP", raw(t, "http", say("SSH-2.0-OpenSSH_9.9\r\n")), Unreachable, "*malformed HTTP*"},
		{"body cut short", raw(t, "http", say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")), Unreachable, "unexpected EOF"},
		{"headers too long", plain.URL + "/headers", Unreachable, "*headers exceeded*"},
		{"no answer", blocking(t).URL, Timeout, "no complete answer from 127.0.0.1:* after * ms"},
		{"no handshake", raw(t, "https", drain), Timeout, "no complete answer *"},
		{"body that stalls", stalling(t).URL, Timeout, "no complete answer *"},
		{"no TLS", strings.Replace(plain.URL, "http:", "https:", 1), TLS, "*server gave HTTP response to HTTPS client"},
		{"expired", ca.serve(t, "127.0.0.1", -time.Hour, routes).URL, TLS, "*certificate has expired*"},
		{"another host's", ca.serve(t, "192.0.2.1", year, routes).URL, TLS, "*certificate is valid for 192.0.2.1, not 127.0.0.1*"},
		{"untrusted", newAuthority(t).serve(t, "127.0.0.1", year, routes).URL, TLS, "*certificate signed by unknown authority*"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := event(t, c.url)
			if c.errorType == Timeout {
				in.Endpoint.TimeoutMillis = 100
			}
			r, err := prober{roots: ca.roots(), now: time.Now}.Probe(t.Context(), in)
			var named *task.Error
			if !errors.As(err, &named) {
				t.Fatalf("got %+v, %v; want an error", r, err)
			}
			if named.Name != c.errorType || !matches(named.Message, c.message) {
				t.Errorf("got %v\nwant %s: %s", named, c.errorType, c.message)
			}
		})
	}
}

// A probe whose time is over before it begins is a timeout, not a success and not a crash.
func TestProbeWithoutTimeLeft(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := prober{now: time.Now}.Probe(ctx, event(t, refused(t)))
	var named *task.Error
	if !errors.As(err, &named) || named.Name != Timeout {
		t.Errorf("got %v, want %s", err, Timeout)
	}
}

// Thresholds of the endpoint go before those of the run.
func TestEndpointOverridesThresholds(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(routes))
	defer plain.Close()
	in := event(t, plain.URL)
	in.Endpoint.SlowMillis = 500
	r, err := prober{now: clock(400 * time.Millisecond)}.Probe(t.Context(), in)
	if err != nil || r.Status != probe.Healthy {
		t.Errorf("got %s %q, %v", r.Status, r.Reasons, err)
	}
}

func TestDaysLeft(t *testing.T) {
	now := time.Now()
	for left, want := range map[time.Duration]int{0: 0, 23 * time.Hour: 0, 24 * time.Hour: 1, 49 * time.Hour: 2, -time.Minute: -1, -25 * time.Hour: -2} {
		if got := daysLeft(now.Add(left), now); got != want {
			t.Errorf("with %v left: %d days, want %d", left, got, want)
		}
	}
}

// stalling is a server that sends headers and a byte, and then nothing until the test ends.
func stalling(t *testing.T) *httptest.Server {
	t.Helper()
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("a"))
		_ = http.NewResponseController(w).Flush()
		<-ended
	}))
	t.Cleanup(func() {
		close(ended)
		server.Close()
	})
	return server
}

// say returns a handler that reads the request and sends text.
func say(text string) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		_, _ = io.WriteString(c, text)
	}
}

// drain reads until the other side is gone and never says a word.
func drain(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// matches tells whether text is pattern, in which each * stands for any text.
func matches(text, pattern string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return text == pattern
	}
	if !strings.HasPrefix(text, first) {
		return false
	}
	for at := len(first); at <= len(text); at++ {
		if matches(text[at:], rest) {
			return true
		}
	}
	return false
}

// value is what p points to, or other where it points nowhere.
func value[T any](p *T, other T) T {
	if p == nil {
		return other
	}
	return *p
}
