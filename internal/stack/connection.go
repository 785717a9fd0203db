package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/value"
)

// connections finds the connections of HTTP tasks and API destinations: the project's own, then those of templates and clients. It implements
// task.Connections.
type connections struct {
	own    task.ConnectionSet
	stored func() *trigger.Destinations

	mu     sync.Mutex
	parsed map[string]parsedConnection // by name
}

// parsedConnection is a connection as it was when it was modified; its OAuth token lives as long.
type parsedConnection struct {
	modified time.Time
	*task.Connection
}

// Connection implements task.Connections.
func (c *connections) Connection(arn string) (*task.Connection, bool) {
	if one, ok := c.own.Connection(arn); ok {
		return one, true
	}
	name := arn
	if _, rest, ok := strings.Cut(arn, ":connection/"); ok {
		name, _, _ = strings.Cut(rest, "/")
	}
	stored, err := c.stored().Connection(name)
	if err != nil || stored.State != trigger.Authorized {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.parsed[name]; known.Connection != nil && known.modified.Equal(stored.Modified) {
		return known.Connection, true
	}
	one, err := parseConnection(&stored)
	if err != nil {
		return nil, false // it was checked when it was stored
	}
	c.parsed[name] = parsedConnection{stored.Modified, one}
	return one, true
}

func parseConnection(c *trigger.Connection) (*task.Connection, error) {
	text, err := json.Marshal(map[string]any{c.Name: map[string]any{"AuthorizationType": c.Authorization, "AuthParameters": c.Parameters}})
	if err != nil {
		return nil, err
	}
	parsed, err := task.ParseConnections(text)
	if err != nil {
		return nil, err
	}
	return parsed[c.Name], nil
}

// deployConnection keeps an EventBridge connection, for HTTP tasks and API destinations. One of the project's own of the same name wins: secrets are
// rarely in templates.
func (s *Stack) deployConnection(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("AuthorizationType")
	c := trigger.Connection{Description: p.String("Description"), Authorization: p.String("AuthorizationType"), ID: lastPart(r), Template: true}
	c.Parameters = json.RawMessage("{}")
	if p.Has("AuthParameters") {
		c.Parameters = json.RawMessage(value.Text(p.Value("AuthParameters")))
	}
	if err := p.Err(); err != nil {
		return err
	}
	c.Name = r.Name
	if _, err := parseConnection(&c); err != nil {
		return fmt.Errorf("the connection cannot be read: %w", err)
	}
	_, err := s.events.Destinations().PutConnection(r.Name, &c, func(old *trigger.Connection) error {
		old.Description, old.Authorization, old.Parameters, old.ID, old.Template, old.State = c.Description, c.Authorization, c.Parameters, c.ID, true, trigger.Authorized
		return nil
	})
	return err
}

// lastPart is the id at the end of a resource's ARN, "" if it has none.
func lastPart(r *cfn.Resource) string {
	arn, _ := r.Attribute("Arn")
	return arn[strings.LastIndexByte(arn, '/')+1:]
}

func (s *Stack) deployAPIDestination(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("ConnectionArn", "HttpMethod", "InvocationEndpoint")
	one := trigger.Destination{
		Description: p.String("Description"), Connection: p.String("ConnectionArn"), Endpoint: p.String("InvocationEndpoint"), ID: lastPart(r), Template: true,
		Method: p.OneOf("HttpMethod", "POST", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"), Rate: int(p.Int("InvocationRateLimitPerSecond", trigger.UsualRate)),
	}
	if one.Endpoint != "" && !task.Secure(one.Endpoint) {
		p.Problem("InvocationEndpoint", "This must be an HTTPS URL; on this computer's loopback HTTP will do.")
	}
	if one.Rate < 1 {
		p.Problem("InvocationRateLimitPerSecond", "This must be at least 1.")
	}
	if err := p.Err(); err != nil {
		return err
	}
	_, err := s.events.Destinations().PutDestination(r.Name, &one, func(old *trigger.Destination) error {
		created, name := old.Created, old.Name
		*old = one
		old.Created, old.Name = created, name
		return nil
	})
	return err
}

// destinationTarget sends events to API destinations.
type destinationTarget struct {
	s      *Stack
	client *http.Client

	mu     *sync.Mutex
	limits map[string]*rate.Limiter // by the destination's name and rate
}

// answersWithin is how long an API may take to answer (user guide, "API destinations as targets").
const answersWithin = 5 * time.Second

func newDestinationTarget(s *Stack) destinationTarget {
	return destinationTarget{s, &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, IdleConnTimeout: 10 * time.Second},
	}, new(sync.Mutex), map[string]*rate.Limiter{}}
}

// wait is how long the destination's rate has a request wait; 0 if it may go now.
func (t destinationTarget) wait(d *trigger.Destination) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := fmt.Sprint(d.Name, " ", d.Rate)
	limit := t.limits[key]
	if limit == nil {
		limit = rate.NewLimiter(rate.Limit(d.Rate), max(1, d.Rate))
		t.limits[key] = limit
	}
	now := t.s.cfg.Clock.Now()
	if limit.AllowN(now, 1) {
		return 0
	}
	r := limit.ReserveN(now, 1)
	defer r.CancelAt(now)
	return max(time.Millisecond, r.DelayFrom(now))
}

// Deliver implements trigger.Deliverer.
func (t destinationTarget) Deliver(ctx context.Context, m trigger.Message) error {
	d, err := t.s.events.Destinations().Destination(m.Target)
	if err != nil {
		return &trigger.Permanent{Err: err, Code: trigger.NoResource}
	}
	connection, ok := t.s.connections.Connection(d.Connection)
	if !ok {
		return &trigger.Permanent{Err: fmt.Errorf("the connection %s is not there, or not authorized", d.Connection), Code: trigger.NoResource}
	}
	if pause := t.wait(&d); pause > 0 {
		return &trigger.Later{After: pause}
	}
	ctx, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	status, answer, err := connection.Send(ctx, t.client, outgoing(&d, &m))
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s has not answered within %v", d.Endpoint, answersWithin)
	}
	if err != nil {
		return err
	}
	return judge(status, answer)
}

// outgoing is the request for an event.
func outgoing(d *trigger.Destination, m *trigger.Message) task.Outgoing {
	o := task.Outgoing{Method: d.Method, URL: d.Endpoint, Body: m.Input, Header: map[string]string{
		"Content-Type": "application/json; charset=utf-8", "User-Agent": "Amazon/EventBridge/ApiDestinations",
	}}
	if p := m.HTTP; p != nil {
		for _, part := range p.PathParameterValues {
			o.URL = strings.Replace(o.URL, "*", url.PathEscape(part), 1)
		}
		for name, text := range p.HeaderParameters {
			o.Header[name] = text
		}
		o.Query = p.QueryStringParameters
	}
	return o
}

// judge says what an answer means: of 409, 429 and 5xx, and of 401, for which another token may help, EventBridge tries again.
func judge(status int, answer string) error {
	if status >= 200 && status < 300 {
		return nil
	}
	err := fmt.Errorf("the API answered %d %s: %.200s", status, http.StatusText(status), answer)
	if status == http.StatusConflict || status == http.StatusTooManyRequests || status == http.StatusUnauthorized || status >= http.StatusInternalServerError {
		return err
	}
	return &trigger.Permanent{Err: err, Code: trigger.ErrorFromTarget}
}
