package restapi

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
	"github.com/tutti-run/tutti/internal/vtl"
)

// event is what a function gets by a proxy integration, and a REQUEST authorizer without the body (developer guide, "Input format of a Lambda function for
// proxy integration"). Members that stand for nothing are null. Paths and their variables are as they were sent, parameters of the query are decoded.
type event struct {
	Type         string              `json:"type,omitempty"`      // of an authorizer's event
	MethodARN    string              `json:"methodArn,omitempty"` // likewise
	Resource     string              `json:"resource"`
	Path         string              `json:"path"`
	Method       string              `json:"httpMethod"`
	Headers      map[string]string   `json:"headers"`
	MultiHeaders map[string][]string `json:"multiValueHeaders"`
	Query        map[string]string   `json:"queryStringParameters"`
	MultiQuery   map[string][]string `json:"multiValueQueryStringParameters"`
	PathParams   map[string]string   `json:"pathParameters"`
	Variables    map[string]string   `json:"stageVariables"`
	Context      eventContext        `json:"requestContext"`
	*eventBody
}

// eventBody is absent in an authorizer's event.
type eventBody struct {
	Body     *string `json:"body"`
	IsBase64 bool    `json:"isBase64Encoded"`
}

// eventContext is the request's context.
type eventContext struct {
	ResourceID   string         `json:"resourceId"`
	Authorizer   map[string]any `json:"authorizer,omitempty"`
	ResourcePath string         `json:"resourcePath"`
	Method       string         `json:"httpMethod"`
	ExtendedID   string         `json:"extendedRequestId"`
	RequestTime  string         `json:"requestTime"`
	Path         string         `json:"path"`
	AccountID    string         `json:"accountId"`
	Protocol     string         `json:"protocol"`
	Stage        string         `json:"stage"`
	DomainPrefix string         `json:"domainPrefix"`
	TimeEpoch    int64          `json:"requestTimeEpoch"`
	RequestID    string         `json:"requestId"`
	Identity     eventIdentity  `json:"identity"`
	DomainName   string         `json:"domainName"`
	DeploymentID string         `json:"deploymentId"`
	APIID        string         `json:"apiId"`
}

// eventIdentity is who sends the request, as far as is known.
type eventIdentity struct {
	CognitoIdentityPoolID         *string `json:"cognitoIdentityPoolId"`
	AccountID                     *string `json:"accountId"`
	CognitoIdentityID             *string `json:"cognitoIdentityId"`
	Caller                        *string `json:"caller"`
	SourceIP                      string  `json:"sourceIp"`
	PrincipalOrgID                *string `json:"principalOrgId"`
	AccessKey                     *string `json:"accessKey"`
	CognitoAuthenticationType     *string `json:"cognitoAuthenticationType"`
	CognitoAuthenticationProvider *string `json:"cognitoAuthenticationProvider"`
	UserARN                       *string `json:"userArn"`
	UserAgent                     *string `json:"userAgent"`
	User                          *string `json:"user"`
	APIKey                        *string `json:"apiKey,omitempty"`
	APIKeyID                      *string `json:"apiKeyId,omitempty"`
}

// requestTime is the form of the time of a request.
const requestTime = "02/Jan/2006:15:04:05 -0700"

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (in *request) eventContext() eventContext {
	prefix, _, _ := strings.Cut(in.Host, ".")
	c := eventContext{
		Authorizer: in.who.authorizer, Method: in.Method, ExtendedID: in.extended, RequestTime: in.time.UTC().Format(requestTime),
		AccountID: in.api.Account, Protocol: in.Proto, DomainPrefix: prefix, TimeEpoch: in.time.UnixMilli(), RequestID: in.id, DomainName: in.Host, APIID: in.api.ID,
		Identity: eventIdentity{SourceIP: in.address, UserAgent: orNull(in.UserAgent())},
	}
	if in.stage != nil {
		c.Stage, c.DeploymentID, c.Path = in.stage.Name, in.stage.DeploymentID, "/"+in.stage.Name+in.path
	}
	if in.method != nil {
		c.ResourceID, c.ResourcePath = in.method.ResourceID, in.method.Path
	}
	if arn := in.who.arn; arn != "" {
		account := in.api.Account
		if parts := strings.Split(arn, ":"); len(parts) > 5 && parts[4] != "" {
			account = parts[4]
		}
		c.Identity.AccountID, c.Identity.Caller, c.Identity.User, c.Identity.UserARN = &account, &account, &account, &arn
		c.Identity.AccessKey = orNull(signingKey(in.Header.Get("Authorization")))
	}
	if k := in.who.key; k != nil {
		c.Identity.APIKey, c.Identity.APIKeyID = &k.Value, &k.ID
	}
	return c
}

// signingKey is the id of the access key in a signature.
func signingKey(authorization string) string {
	_, after, _ := strings.Cut(authorization, "Credential=")
	key, _, _ := strings.Cut(after, "/")
	return key
}

func (in *request) event() event {
	e := event{
		Resource: in.method.Path, Path: in.path, Method: in.Method, Headers: map[string]string{}, MultiHeaders: map[string][]string{},
		PathParams: in.vars, Variables: in.stage.Variables, Context: in.eventContext(), eventBody: &eventBody{},
	}
	for name, values := range in.headers() {
		e.Headers[name], e.MultiHeaders[name] = values[len(values)-1], values
	}
	if len(in.values) > 0 {
		e.Query, e.MultiQuery = map[string]string{}, map[string][]string{}
		for name, values := range in.values {
			e.Query[name], e.MultiQuery[name] = values[len(values)-1], values
		}
	}
	if len(in.body) > 0 {
		body := string(in.body)
		if e.IsBase64 = in.api.isBinary(in.Header.Get("Content-Type")); e.IsBase64 {
			body = base64.StdEncoding.EncodeToString(in.body)
		}
		e.Body = &body
	}
	return e
}

// context is what $context stands for: the event's context, and what is known besides. It is made once, so that templates can set overrides in it.
func (in *request) context() *vtl.Map {
	if in.kept != nil {
		return in.kept
	}
	text, err := json.Marshal(in.eventContext())
	if err != nil {
		text = []byte("{}")
	}
	parsed, err := value.Parse(string(text))
	m, ok := vtl.Of(parsed).(*vtl.Map)
	if err != nil || !ok {
		m = vtl.NewMap()
	}
	for _, name := range []string{"requestOverride", "responseOverride"} {
		override := vtl.NewMap()
		for _, kind := range []string{"header", "path", "querystring"} {
			override.Put(kind, vtl.NewMap())
		}
		m.Put(name, override)
	}
	in.kept = m
	return m
}

// contextText is the variable $context.NAME as a text.
func (in *request) contextText(name string) (string, bool) {
	switch name {
	case "error.message":
		return in.faultMessage, in.fault != ""
	case "error.messageString":
		return in.faultQuoted, in.fault != ""
	case "error.responseType":
		return in.fault, in.fault != ""
	case "error.validationErrorString":
		return in.validation, in.validation != ""
	case "status":
		return strconv.Itoa(in.status), in.status != 0
	case "responseLength":
		return strconv.Itoa(in.length), true
	case "responseLatency":
		return strconv.FormatInt(in.took.Milliseconds(), 10), true
	case "authorizer.error":
		return in.authorizerError, in.authorizerError != ""
	}
	if rest, ok := strings.CutPrefix(name, "integration"); ok {
		return in.behind.Variable(rest)
	}
	var v any = in.context()
	for part := range strings.SplitSeq(name, ".") {
		m, ok := v.(*vtl.Map)
		if !ok {
			return "", false
		}
		if v, ok = m.Get(part); !ok || v == nil {
			return "", false
		}
	}
	return vtl.Text(v), true
}

// texts is a map for templates of texts, in the order of the names.
func texts(of map[string]string) *vtl.Map {
	m := vtl.NewMap()
	for _, name := range slices.Sorted(maps.Keys(of)) {
		m.Put(name, of[name])
	}
	return m
}
