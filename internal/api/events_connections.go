package api

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
)

// secureEndpoint tells whether an endpoint may be called: HTTPS, or HTTP on this computer's loopback, where nobody has a certificate.
func secureEndpoint(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return false
	}
	loopback := localHost(u.Host) && !strings.HasSuffix(plainHost(u.Host), ".amazonaws.com")
	return u.Scheme == "https" || u.Scheme == "http" && loopback
}

type connectionInput struct {
	Name              sfn.OptString   `json:"Name"`
	Description       sfn.OptString   `json:"Description"`
	AuthorizationType sfn.OptString   `json:"AuthorizationType"`
	AuthParameters    json.RawMessage `json:"AuthParameters"`
	Private           json.RawMessage `json:"InvocationConnectivityParameters"`
}

// authorizationTypes are the ways of authorizing, with the member of AuthParameters that each needs, and what of it is required.
var authorizationTypes = map[string]struct {
	member   string
	required []string
}{
	"API_KEY":                  {"ApiKeyAuthParameters", []string{"ApiKeyName", "ApiKeyValue"}},
	"BASIC":                    {"BasicAuthParameters", []string{"Username", "Password"}},
	"OAUTH_CLIENT_CREDENTIALS": {"OAuthParameters", []string{"AuthorizationEndpoint", "ClientParameters", "HttpMethod"}},
}

// connection checks a request that creates a connection.
func (in *connectionInput) connection() (*trigger.Connection, error) {
	var c constraints
	c.rule("name", in.Name)
	c.length("description", in.Description, 0, 512)
	c.required("authorizationType", in.AuthorizationType)
	c.oneOf("authorizationType", in.AuthorizationType, "BASIC", "OAUTH_CLIENT_CREDENTIALS", "API_KEY")
	if len(in.AuthParameters) == 0 || string(in.AuthParameters) == "null" {
		c.add("null ", "authParameters", "Member must not be null")
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	made := &trigger.Connection{Description: in.Description.Text, Authorization: in.AuthorizationType.Text, Parameters: in.AuthParameters}
	return made, checkConnection(made)
}

// checkConnection refuses a connection whose parameters are not those of its authorization.
func checkConnection(made *trigger.Connection) error {
	how, ok := authorizationTypes[made.Authorization]
	if !ok {
		return sfn.Refuse(sfn.ValidationException, "AuthorizationType %s is not valid.", made.Authorization)
	}
	var parameters map[string]json.RawMessage
	if err := json.Unmarshal(made.Parameters, &parameters); err != nil {
		return serialization(wantsNull)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(parameters[how.member], &members); err != nil || members == nil {
		return sfn.Refuse(sfn.ValidationException, "Authorization type %s requires AuthParameters.%s.", made.Authorization, how.member)
	}
	var c constraints
	path := "authParameters." + strings.ToLower(how.member[:1]) + how.member[1:] + "."
	for _, name := range how.required {
		if text := string(members[name]); text == "" || text == "null" {
			c.add("null ", path+strings.ToLower(name[:1])+name[1:], "Member must not be null")
		}
	}
	var endpoint string
	_ = json.Unmarshal(members["AuthorizationEndpoint"], &endpoint) // other authorizations have none
	if err := c.err(); err == nil && endpoint != "" && !secureEndpoint(endpoint) {
		return sfn.Refuse(sfn.ValidationException, "The AuthorizationEndpoint %s is not an HTTPS URL.", endpoint)
	}
	return c.err()
}

type connectionOutput struct {
	ConnectionArn      string     `json:"ConnectionArn"`
	Name               string     `json:"Name,omitempty"`
	Description        string     `json:"Description,omitempty"`
	ConnectionState    string     `json:"ConnectionState"`
	AuthorizationType  string     `json:"AuthorizationType,omitempty"`
	SecretArn          string     `json:"SecretArn,omitempty"`
	AuthParameters     any        `json:"AuthParameters,omitempty"`
	CreationTime       *timestamp `json:"CreationTime"`
	LastModifiedTime   *timestamp `json:"LastModifiedTime,omitempty"`
	LastAuthorizedTime *timestamp `json:"LastAuthorizedTime,omitempty"`
}

// changed is a connection as the answer to its change has it.
func (s *eventBridge) changed(c trigger.Connection) *connectionOutput {
	return &connectionOutput{
		ConnectionArn: s.events.Destinations().ConnectionARN(&c), ConnectionState: c.State, CreationTime: epochOf(c.Created),
		LastModifiedTime: epochOf(c.Modified), LastAuthorizedTime: epochOf(c.Authorized),
	}
}

func (s *eventBridge) createConnection(_ context.Context, in *connectionInput) (*connectionOutput, error) {
	if len(in.Private) > 0 && string(in.Private) != "null" {
		return nil, sfn.Refuse(sfn.ValidationException, "InvocationConnectivityParameters are not served here: there is no VPC Lattice. Leave them out; the endpoint is called directly.")
	}
	made, err := in.connection()
	if err != nil {
		return nil, err
	}
	c, err := s.events.Destinations().PutConnection(in.Name.Text, made, nil)
	if err != nil {
		return nil, err
	}
	return s.changed(c), nil
}

func (s *eventBridge) updateConnection(_ context.Context, in *connectionInput) (*connectionOutput, error) {
	var check constraints
	check.rule("name", in.Name)
	check.length("description", in.Description, 0, 512)
	check.oneOf("authorizationType", in.AuthorizationType, "BASIC", "OAUTH_CLIENT_CREDENTIALS", "API_KEY")
	if err := check.err(); err != nil {
		return nil, err
	}
	c, err := s.events.Destinations().PutConnection(in.Name.Text, nil, func(c *trigger.Connection) error {
		if in.Description.Set {
			c.Description = in.Description.Text
		}
		if in.AuthorizationType.Set {
			c.Authorization = in.AuthorizationType.Text
		}
		if len(in.AuthParameters) > 0 && string(in.AuthParameters) != "null" {
			c.Parameters = mergeJSON(c.Parameters, in.AuthParameters)
			c.State, c.Authorized = trigger.Authorized, s.now().UTC()
		}
		return checkConnection(c)
	})
	if err != nil {
		return nil, err
	}
	return s.changed(c), nil
}

// mergeJSON puts the members of an object over those of another, objects within them likewise.
func mergeJSON(old, over json.RawMessage) json.RawMessage {
	var a, b map[string]json.RawMessage
	if json.Unmarshal(old, &a) != nil || json.Unmarshal(over, &b) != nil || a == nil || b == nil {
		return over
	}
	for name, v := range b {
		a[name] = mergeJSON(a[name], v)
	}
	text, _ := json.Marshal(a) // it has been JSON
	return text
}

func (s *eventBridge) deauthorizeConnection(_ context.Context, in *ruleInput) (*connectionOutput, error) {
	if _, _, err := in.names(); err != nil {
		return nil, err
	}
	c, err := s.events.Destinations().PutConnection(in.Name.Text, nil, func(c *trigger.Connection) error {
		c.State = trigger.Deauthorized
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.changed(c), nil
}

func (s *eventBridge) deleteConnection(_ context.Context, in *ruleInput) (*connectionOutput, error) {
	if _, _, err := in.names(); err != nil {
		return nil, err
	}
	c, err := s.events.Destinations().DeleteConnection(in.Name.Text)
	if err != nil {
		return nil, err
	}
	out := s.changed(c)
	out.ConnectionState = "DELETING"
	return out, nil
}

func (s *eventBridge) describeConnection(_ context.Context, in *ruleInput) (*connectionOutput, error) {
	if _, _, err := in.names(); err != nil {
		return nil, err
	}
	c, err := s.events.Destinations().Connection(in.Name.Text)
	if err != nil {
		return nil, err
	}
	out := s.changed(c)
	out.Name, out.Description, out.AuthorizationType, out.SecretArn = c.Name, c.Description, c.Authorization, s.events.Destinations().SecretARN(&c)
	var parameters map[string]any
	if json.Unmarshal(c.Parameters, &parameters) == nil {
		out.AuthParameters = withoutSecrets(parameters)
	}
	return out, nil
}

// secretMembers are those that DescribeConnection leaves out.
var secretMembers = []string{"Password", "ApiKeyValue", "ClientSecret"}

// withoutSecrets is a value without what is secret in it: passwords, and values of parameters that say so.
func withoutSecrets(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if secret, _ := v["IsValueSecret"].(bool); secret {
			delete(v, "Value")
		}
		for name, inner := range v {
			if slices.Contains(secretMembers, name) {
				delete(v, name)
				continue
			}
			v[name] = withoutSecrets(inner)
		}
	case []any:
		for i := range v {
			v[i] = withoutSecrets(v[i])
		}
	}
	return v
}

type listConnectionsInput struct {
	NamePrefix      string        `json:"NamePrefix"`
	ConnectionState string        `json:"ConnectionState"`
	ConnectionArn   string        `json:"ConnectionArn"` // ListApiDestinations
	Limit           *int          `json:"Limit"`
	NextToken       sfn.OptString `json:"NextToken"`
}

type listConnectionsOutput struct {
	Connections []connectionOutput `json:"Connections"`
	NextToken   string             `json:"NextToken,omitempty"`
}

func (s *eventBridge) listConnections(_ context.Context, in *listConnectionsInput) (*listConnectionsOutput, error) {
	list := slices.DeleteFunc(s.events.Destinations().Connections(in.NamePrefix), func(c trigger.Connection) bool {
		return in.ConnectionState != "" && c.State != in.ConnectionState
	})
	from, to, next, err := s.page("ListConnections\x00"+in.NamePrefix+"\x00"+in.ConnectionState, len(list), in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listConnectionsOutput{Connections: []connectionOutput{}, NextToken: next}
	for _, c := range list[from:to] {
		one := s.changed(c)
		one.Name, one.AuthorizationType = c.Name, c.Authorization
		out.Connections = append(out.Connections, *one)
	}
	return out, nil
}

type destinationInput struct {
	Name        sfn.OptString `json:"Name"`
	Description sfn.OptString `json:"Description"`
	Connection  sfn.OptString `json:"ConnectionArn"`
	Endpoint    sfn.OptString `json:"InvocationEndpoint"`
	Method      sfn.OptString `json:"HttpMethod"`
	Rate        *int          `json:"InvocationRateLimitPerSecond"`
}

// check holds a request to the model. With all, what makes an API destination must be there.
func (in *destinationInput) check(all bool) error {
	var c constraints
	c.rule("name", in.Name)
	c.length("description", in.Description, 0, 512)
	if all {
		c.required("connectionArn", in.Connection)
		c.required("invocationEndpoint", in.Endpoint)
		c.required("httpMethod", in.Method)
	}
	c.length("connectionArn", in.Connection, 1, 1600)
	c.pattern("connectionArn", in.Connection, connectionARN, connectionPattern)
	c.length("invocationEndpoint", in.Endpoint, 1, 2048)
	c.oneOf("httpMethod", in.Method, "HEAD", "POST", "PATCH", "DELETE", "PUT", "GET", "OPTIONS")
	if in.Rate != nil && *in.Rate < 1 {
		c.between("invocationRateLimitPerSecond", *in.Rate, 1, *in.Rate+1)
	}
	if err := c.err(); err != nil {
		return err
	}
	if in.Endpoint.Set && !secureEndpoint(in.Endpoint.Text) {
		return sfn.Refuse(sfn.ValidationException, "The InvocationEndpoint %s is not an HTTPS URL.", in.Endpoint.Text)
	}
	return nil
}

// apply puts what the request says into an API destination.
func (in *destinationInput) apply(d *trigger.Destination) error {
	for _, m := range []struct {
		from sfn.OptString
		to   *string
	}{{in.Description, &d.Description}, {in.Connection, &d.Connection}, {in.Endpoint, &d.Endpoint}, {in.Method, &d.Method}} {
		if m.from.Set {
			*m.to = m.from.Text
		}
	}
	if in.Rate != nil {
		d.Rate = *in.Rate
	}
	return nil
}

type destinationOutput struct {
	Arn              string     `json:"ApiDestinationArn"`
	Name             string     `json:"Name,omitempty"`
	Description      string     `json:"Description,omitempty"`
	State            string     `json:"ApiDestinationState"`
	Connection       string     `json:"ConnectionArn,omitempty"`
	Endpoint         string     `json:"InvocationEndpoint,omitempty"`
	Method           string     `json:"HttpMethod,omitempty"`
	Rate             int        `json:"InvocationRateLimitPerSecond,omitempty"`
	CreationTime     *timestamp `json:"CreationTime"`
	LastModifiedTime *timestamp `json:"LastModifiedTime"`
}

func (s *eventBridge) destination(d trigger.Destination) *destinationOutput {
	all := s.events.Destinations()
	return &destinationOutput{Arn: all.ARN(&d), State: all.State(&d), CreationTime: epochOf(d.Created), LastModifiedTime: epochOf(d.Modified)}
}

// whole is an API destination with all that is set.
func (s *eventBridge) whole(d trigger.Destination) *destinationOutput {
	out := s.destination(d)
	out.Name, out.Connection, out.Endpoint, out.Method, out.Rate = d.Name, d.Connection, d.Endpoint, d.Method, d.Rate
	return out
}

func (s *eventBridge) createAPIDestination(_ context.Context, in *destinationInput) (*destinationOutput, error) {
	if err := in.check(true); err != nil {
		return nil, err
	}
	var made trigger.Destination
	_ = in.apply(&made) // it fails for nothing
	d, err := s.events.Destinations().PutDestination(in.Name.Text, &made, nil)
	if err != nil {
		return nil, err
	}
	return s.destination(d), nil
}

func (s *eventBridge) updateAPIDestination(_ context.Context, in *destinationInput) (*destinationOutput, error) {
	if err := in.check(false); err != nil {
		return nil, err
	}
	d, err := s.events.Destinations().PutDestination(in.Name.Text, nil, in.apply)
	if err != nil {
		return nil, err
	}
	return s.destination(d), nil
}

func (s *eventBridge) describeAPIDestination(_ context.Context, in *ruleInput) (*destinationOutput, error) {
	if _, _, err := in.names(); err != nil {
		return nil, err
	}
	d, err := s.events.Destinations().Destination(in.Name.Text)
	if err != nil {
		return nil, err
	}
	out := s.whole(d)
	out.Description = d.Description
	return out, nil
}

func (s *eventBridge) deleteAPIDestination(_ context.Context, in *ruleInput) (nothing, error) {
	if _, _, err := in.names(); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.events.Destinations().DeleteDestination(in.Name.Text)
}

type listDestinationsOutput struct {
	Destinations []destinationOutput `json:"ApiDestinations"`
	NextToken    string              `json:"NextToken,omitempty"`
}

func (s *eventBridge) listAPIDestinations(_ context.Context, in *listConnectionsInput) (*listDestinationsOutput, error) {
	list := s.events.Destinations().List(in.NamePrefix, in.ConnectionArn)
	from, to, next, err := s.page("ListApiDestinations\x00"+in.NamePrefix+"\x00"+in.ConnectionArn, len(list), in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listDestinationsOutput{Destinations: []destinationOutput{}, NextToken: next}
	for _, d := range list[from:to] {
		out.Destinations = append(out.Destinations, *s.whole(d))
	}
	return out, nil
}
