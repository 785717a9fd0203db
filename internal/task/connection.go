package task

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// Connections finds the EventBridge connections that HTTP tasks authenticate with. It answers false for one that is not known.
type Connections interface {
	Connection(arn string) (*Connection, bool)
}

// Connection is an EventBridge connection in the form of CloudFormation's AWS::Events::Connection and of EventBridge's CreateConnection.
type Connection struct {
	// AuthorizationType is BASIC, API_KEY or OAUTH_CLIENT_CREDENTIALS.
	AuthorizationType string
	AuthParameters    struct {
		BasicAuthParameters      struct{ Username, Password string }
		APIKeyAuthParameters     struct{ APIKeyName, APIKeyValue string } `json:"ApiKeyAuthParameters"`
		OAuthParameters          OAuthParameters
		InvocationHTTPParameters HTTPParameters `json:"InvocationHttpParameters"`
	}

	mu      sync.Mutex
	token   string // of OAuth
	expires time.Time
}

// OAuthParameters say how a token is asked for.
type OAuthParameters struct {
	AuthorizationEndpoint string
	HTTPMethod            string `json:"HttpMethod"`
	ClientParameters      struct {
		ClientID     string `json:"ClientID"`
		ClientSecret string
	}
	OAuthHTTPParameters HTTPParameters `json:"OAuthHttpParameters"`
}

// HTTPParameters are added to every request.
type HTTPParameters struct {
	HeaderParameters      []HTTPParameter
	QueryStringParameters []HTTPParameter
	BodyParameters        []HTTPParameter
}

// HTTPParameter is one header, query parameter or member of a body.
type HTTPParameter struct {
	Key, Value string
	// IsValueSecret keeps the value out of what TestState shows.
	IsValueSecret bool
}

// ConnectionSet holds connections by name.
type ConnectionSet map[string]*Connection

// ParseConnections reads connections by name from a JSON text. ${NAME} in a value stands for a variable of this process's environment, so that
// secrets need not be in files.
func ParseConnections(text []byte) (ConnectionSet, error) {
	set := ConnectionSet{}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("connections are a JSON object of names and AWS::Events::Connection properties: %w", err)
	}
	for name, c := range set {
		if c == nil {
			return nil, fmt.Errorf("the connection %s is null", name)
		}
		switch c.AuthorizationType {
		case "BASIC", "API_KEY", "OAUTH_CLIENT_CREDENTIALS":
		default:
			return nil, fmt.Errorf("the connection %s has the AuthorizationType %q; it must be BASIC, API_KEY or OAUTH_CLIENT_CREDENTIALS", name, c.AuthorizationType)
		}
		c.expand()
	}
	return set, nil
}

// expand puts the environment's variables into the secrets.
func (c *Connection) expand() {
	p := &c.AuthParameters
	for _, s := range []*string{
		&p.BasicAuthParameters.Username, &p.BasicAuthParameters.Password, &p.APIKeyAuthParameters.APIKeyValue,
		&p.OAuthParameters.ClientParameters.ClientID, &p.OAuthParameters.ClientParameters.ClientSecret, &p.OAuthParameters.AuthorizationEndpoint,
	} {
		*s = expandVariables(*s)
	}
	for _, h := range []*HTTPParameters{&p.InvocationHTTPParameters, &p.OAuthParameters.OAuthHTTPParameters} {
		for _, list := range [][]HTTPParameter{h.HeaderParameters, h.QueryStringParameters, h.BodyParameters} {
			for i := range list {
				list[i].Value = expandVariables(list[i].Value)
			}
		}
	}
}

// expandVariables replaces ${NAME}. A dollar sign without braces is one: passwords have them.
func expandVariables(s string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "${")
		name, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(before)
		b.WriteString(os.Getenv(name))
		s = after
	}
}

// Connection implements [Connections]. An ARN is arn:…:connection/name/id; a bare name will do.
func (s ConnectionSet) Connection(arn string) (*Connection, bool) {
	name := arn
	if _, rest, ok := strings.Cut(arn, ":connection/"); ok {
		name, _, _ = strings.Cut(rest, "/")
	}
	c, ok := s[name]
	return c, ok
}

// authorize adds what the connection knows to the request.
func (c *Connection) authorize(ctx context.Context, client *http.Client, header http.Header) error {
	p := &c.AuthParameters
	switch c.AuthorizationType {
	case "BASIC":
		pair := p.BasicAuthParameters.Username + ":" + p.BasicAuthParameters.Password
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	case "API_KEY":
		header.Set(p.APIKeyAuthParameters.APIKeyName, p.APIKeyAuthParameters.APIKeyValue)
	case "OAUTH_CLIENT_CREDENTIALS":
		token, err := c.oauthToken(ctx, client)
		if err != nil {
			return err
		}
		header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

// authorizing is the header by which the connection authorizes a request, "" for none.
func (c *Connection) authorizing() string {
	switch c.AuthorizationType {
	case "BASIC", "OAUTH_CLIENT_CREDENTIALS":
		return "Authorization"
	case "API_KEY":
		return c.AuthParameters.APIKeyAuthParameters.APIKeyName
	}
	return ""
}

// maxToken bounds the answer of an authorization server.
const maxToken = 1 << 20

// oauthToken returns a token that is good for another minute (RFC 6749 section 4.4).
func (c *Connection) oauthToken(ctx context.Context, client *http.Client) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" && time.Now().Before(c.expires) {
		return c.token, nil
	}
	o := &c.AuthParameters.OAuthParameters
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {o.ClientParameters.ClientID}, "client_secret": {o.ClientParameters.ClientSecret}}
	for _, b := range o.OAuthHTTPParameters.BodyParameters {
		form.Set(b.Key, b.Value)
	}
	method := o.HTTPMethod
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, o.AuthorizationEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	query := req.URL.Query()
	for _, q := range o.OAuthHTTPParameters.QueryStringParameters {
		query.Set(q.Key, q.Value)
	}
	req.URL.RawQuery = query.Encode()
	for _, h := range o.OAuthHTTPParameters.HeaderParameters {
		req.Header.Set(h.Key, h.Value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxToken))
	if err != nil {
		return "", err
	}
	var answer struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.AccessToken == "" {
		return "", fmt.Errorf("the authorization endpoint answered %s without an access token", resp.Status)
	}
	c.token, c.expires = answer.AccessToken, time.Now().Add(time.Duration(answer.ExpiresIn)*time.Second-time.Minute)
	return c.token, nil
}
