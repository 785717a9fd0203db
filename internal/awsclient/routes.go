package awsclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// AWS is the upstream that is AWS itself.
const AWS = "aws"

// Routes says where calls go: first to handlers of this process, then to the service's own upstream, then to the upstream of all.
type Routes struct {
	mu       sync.Mutex
	handlers map[string]http.Handler
	upstream map[string]string                 // URL or AWS, by service; "" is all others
	hosts    map[string]func(host string) bool // of handlers that serve some hosts of a service only

	once   sync.Once
	config aws.Config // of an upstream that is AWS, and for credentials
	err    error
}

// route is where the calls of one service go: exactly one member is set.
type route struct {
	handler http.Handler
	url     *url.URL
	aws     bool
}

// NewRoutes returns routes to the upstreams, each URL, "aws", service=URL or service=aws, with services as aws-sdk resources write them. A later
// one replaces an earlier one. The error is for the person who wrote them.
func NewRoutes(upstreams []string) (*Routes, error) {
	r := &Routes{handlers: map[string]http.Handler{}, upstream: map[string]string{}}
	known := map[string]bool{}
	for _, name := range awsmodel.New().Names() {
		known[name] = true
	}
	for _, text := range upstreams {
		text = strings.TrimSpace(text)
		service, target, named := strings.Cut(text, "=")
		if !named || strings.Contains(service, "/") {
			service, target = "", text
		}
		if service != "" && !known[service] && service != "execute-api" {
			return nil, fmt.Errorf("upstream %q: there is no service %q; services are written as in aws-sdk resources, like sqs or cloudwatchlogs", text, service)
		}
		if target != AWS {
			u, err := url.Parse(target)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
				return nil, fmt.Errorf("upstream %q: want a URL like http://localhost:4566, or aws, perhaps with a service before it as in sqs=http://localhost:9324", text)
			}
		}
		r.upstream[service] = target
	}
	return r, nil
}

// Embed has a handler of this process serve the services.
func (r *Routes) Embed(h http.Handler, services ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range services {
		r.handlers[s] = h
	}
}

// EmbedHosts has a handler of this process serve those hosts of a service that serves tells; calls of others go upstream, if there is one.
func (r *Routes) EmbedHosts(h http.Handler, service string, serves func(host string) bool) {
	r.Embed(h, service)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hosts == nil {
		r.hosts = map[string]func(string) bool{}
	}
	r.hosts[service] = serves
}

func (r *Routes) find(service string) (route, bool) { return r.findHost(service, "") }

func (r *Routes) findHost(service, host string) (route, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// A person who names a service's upstream means it, even where the service is in this process.
	target, named := r.upstream[service]
	if h := r.handlers[service]; h != nil && !named {
		if serves := r.hosts[service]; serves == nil || r.upstream[""] == "" || serves(host) {
			return route{handler: h}, true
		}
	}
	if !named {
		target = r.upstream[""]
	}
	switch target {
	case "":
		return route{}, false
	case AWS:
		return route{aws: true}, true
	}
	u, err := url.Parse(target)
	return route{url: u}, err == nil
}

// base is the URL below which the service is.
func (to route) base(s *awsmodel.Service, region, prefix string) (*url.URL, error) {
	switch {
	case to.handler != nil:
		return &url.URL{Scheme: "http", Host: "localhost"}, nil
	case to.url != nil:
		return to.url, nil
	}
	host := s.Global
	if host == "" {
		host = s.Endpoint + "." + region + ".amazonaws.com"
		if strings.HasPrefix(region, "cn-") {
			host += ".cn"
		}
	}
	return url.Parse("https://" + prefix + host)
}

// load reads the credentials and the region of this computer's user, as every AWS tool does.
func (r *Routes) load(ctx context.Context) (aws.Config, error) {
	r.once.Do(func() { r.config, r.err = config.LoadDefaultConfig(context.WithoutCancel(ctx)) })
	return r.config, r.err
}

// standIn are the credentials for upstreams that check none, where the user has none.
var standIn = aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test", Source: "tutti"}

// credentialPatience is how long is looked for credentials that a stand-in would not even check.
const credentialPatience = 2 * time.Second

// identity returns who calls.
func (c *Client) identity(ctx context.Context, to route, call Call) (identity, error) {
	who := identity{credentials: standIn, region: call.Region}
	if to.handler != nil {
		return who, nil
	}
	cfg, err := c.routes.load(ctx)
	if to.aws {
		if err == nil && cfg.Region != "" {
			who.region = cfg.Region
		}
		if err == nil {
			who.credentials, err = cfg.Credentials.Retrieve(ctx)
		}
		if err != nil {
			return who, fmt.Errorf("the upstream is AWS, but there are no credentials for it: %w", err)
		}
		if call.Role != "" {
			return c.assume(ctx, call, who)
		}
		return who, nil
	}
	if err != nil || cfg.Credentials == nil {
		return who, nil
	}
	ctx, cancel := context.WithTimeout(ctx, credentialPatience)
	defer cancel()
	if found, err := cfg.Credentials.Retrieve(ctx); err == nil {
		who.credentials = found
	}
	return who, nil
}

// RoleError says that a role was not assumed.
type RoleError struct {
	Role string
	Err  error
}

func (e *RoleError) Error() string { return fmt.Sprintf("assume %s: %s", e.Role, e.Err) }

// Unwrap returns why.
func (e *RoleError) Unwrap() error { return e.Err }

// roles keeps the credentials of assumed roles while they last.
type roles struct {
	mu     sync.Mutex
	models *awsmodel.Models
	byARN  map[string]aws.Credentials
}

// assume returns the credentials of the call's role, which it asks AWS for if it must.
func (c *Client) assume(ctx context.Context, call Call, who identity) (identity, error) {
	c.roles.mu.Lock()
	defer c.roles.mu.Unlock()
	if known, ok := c.roles.byARN[call.Role]; ok && c.now().Before(known.Expires.Add(-time.Minute)) {
		who.credentials = known
		return who, nil
	}
	if c.roles.models == nil {
		c.roles.models, c.roles.byARN = awsmodel.New(), map[string]aws.Credentials{}
	}
	sts, ok := c.roles.models.Service("sts")
	if !ok {
		return who, errors.New("this program has no model of STS")
	}
	operation, _ := sts.Operation("assumeRole")
	answer, err := c.Do(ctx, Call{Service: sts, Operation: operation, Region: who.region, Input: value.NewObject(
		value.Member{Name: "RoleArn", Value: value.String(call.Role)}, value.Member{Name: "RoleSessionName", Value: value.String("tutti")})})
	if err != nil {
		return who, &RoleError{call.Role, err}
	}
	got, _ := answer.Output.Get("Credentials")
	o, ok := got.(*value.Object)
	if !ok {
		return who, &RoleError{call.Role, errors.New("STS answered without credentials")}
	}
	text := func(name string) string {
		v, _ := o.Get(name)
		s, _ := v.(value.String)
		return string(s)
	}
	expires, err := time.Parse(time.RFC3339, text("Expiration"))
	if err != nil {
		return who, &RoleError{call.Role, fmt.Errorf("STS answered with an unreadable expiration: %w", err)}
	}
	who.credentials = aws.Credentials{
		AccessKeyID: text("AccessKeyId"), SecretAccessKey: text("SecretAccessKey"), SessionToken: text("SessionToken"), CanExpire: true, Expires: expires,
	}
	c.roles.byARN[call.Role] = who.credentials
	return who, nil
}
