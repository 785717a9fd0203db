package httpapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// eventV2 is the event of payload format 2.0 (developer guide, "Create AWS Lambda proxy integrations for HTTP APIs").
type eventV2 struct {
	Version   string            `json:"version"`
	Type      string            `json:"type,omitempty"`     // of an authorizer's event
	RouteARN  string            `json:"routeArn,omitempty"` // likewise
	Identity  []string          `json:"identitySource,omitempty"`
	RouteKey  string            `json:"routeKey"`
	RawPath   string            `json:"rawPath"`
	RawQuery  string            `json:"rawQueryString"`
	Cookies   []string          `json:"cookies,omitempty"`
	Headers   map[string]string `json:"headers"`
	Query     map[string]string `json:"queryStringParameters,omitempty"`
	Context   contextV2         `json:"requestContext"`
	Path      map[string]string `json:"pathParameters,omitempty"`
	Variables map[string]string `json:"stageVariables,omitempty"`
	*eventBody
}

// eventBody is absent in an authorizer's event.
type eventBody struct {
	Body     string `json:"body,omitempty"`
	IsBase64 bool   `json:"isBase64Encoded"`
}

type contextV2 struct {
	AccountID    string     `json:"accountId"`
	APIID        string     `json:"apiId"`
	Authorizer   any        `json:"authorizer,omitempty"`
	DomainName   string     `json:"domainName"`
	DomainPrefix string     `json:"domainPrefix"`
	HTTP         httpMember `json:"http"`
	RequestID    string     `json:"requestId"`
	RouteKey     string     `json:"routeKey"`
	Stage        string     `json:"stage"`
	Time         string     `json:"time"`
	TimeEpoch    int64      `json:"timeEpoch"`
}

type httpMember struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

func (in *request) eventV2() eventV2 {
	prefix, _, _ := strings.Cut(in.Host, ".")
	e := eventV2{
		Version: "2.0", RouteKey: in.route.Key, RawPath: in.targetPath(), RawQuery: in.URL.RawQuery, Headers: map[string]string{},
		Path: in.vars, Variables: in.stage.Variables,
		Context: contextV2{
			AccountID: in.api.Account, APIID: in.api.ID, DomainName: in.Host, DomainPrefix: prefix, RequestID: in.id, RouteKey: in.route.Key,
			HTTP:  httpMember{in.Method, in.rawPath(), in.Proto, in.source, in.UserAgent()},
			Stage: in.stage.Name, Time: in.time.UTC().Format(clfTime), TimeEpoch: in.time.UnixMilli(),
		},
	}
	for name, values := range in.headers() {
		if name == "Cookie" {
			e.Cookies = splitCookies(values)
			continue
		}
		e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	if names, values := in.query(); len(names) > 0 {
		e.Query = map[string]string{}
		for _, name := range names {
			e.Query[name] = strings.Join(values[name], ",")
		}
	}
	body, isBase64 := in.encodedBody()
	e.eventBody = &eventBody{body, isBase64}
	e.Context.Authorizer = in.who.forV2()
	return e
}

func splitCookies(values []string) (cookies []string) {
	for _, v := range values {
		for c := range strings.SplitSeq(v, ";") {
			if c = strings.TrimSpace(c); c != "" {
				cookies = append(cookies, c)
			}
		}
	}
	return cookies
}

func (in *request) encodedBody() (body string, isBase64 bool) {
	encoding := in.Header.Get("Content-Encoding")
	if isText(in.Header.Get("Content-Type")) && (encoding == "" || encoding == "identity") {
		return string(in.body), false
	}
	return base64.StdEncoding.EncodeToString(in.body), len(in.body) > 0
}

// eventV1 is the event of payload format 1.0, which is that of REST APIs. Members that stand for nothing are null.
type eventV1 struct {
	Version      string              `json:"version"`
	Type         string              `json:"type,omitempty"`      // of an authorizer's event
	MethodARN    string              `json:"methodArn,omitempty"` // likewise
	Identity     string              `json:"identitySource,omitempty"`
	Token        string              `json:"authorizationToken,omitempty"` // the same again
	Resource     string              `json:"resource"`
	Path         string              `json:"path"`
	Method       string              `json:"httpMethod"`
	Headers      map[string]string   `json:"headers"`
	MultiHeaders map[string][]string `json:"multiValueHeaders"`
	Query        map[string]string   `json:"queryStringParameters"`
	MultiQuery   map[string][]string `json:"multiValueQueryStringParameters"`
	Context      contextV1           `json:"requestContext"`
	PathParams   map[string]string   `json:"pathParameters"`
	Variables    map[string]string   `json:"stageVariables"`
	*eventBodyV1
}

// eventBodyV1 is absent in an authorizer's event.
type eventBodyV1 struct {
	Body     *string `json:"body"`
	IsBase64 bool    `json:"isBase64Encoded"`
}

type contextV1 struct {
	AccountID    string         `json:"accountId"`
	APIID        string         `json:"apiId"`
	Authorizer   map[string]any `json:"authorizer,omitempty"`
	DomainName   string         `json:"domainName"`
	DomainPrefix string         `json:"domainPrefix"`
	ExtendedID   string         `json:"extendedRequestId"`
	Method       string         `json:"httpMethod"`
	Identity     identityV1     `json:"identity"`
	Path         string         `json:"path"`
	Protocol     string         `json:"protocol"`
	RequestID    string         `json:"requestId"`
	RequestTime  string         `json:"requestTime"`
	TimeEpoch    int64          `json:"requestTimeEpoch"`
	ResourceID   string         `json:"resourceId"`
	ResourcePath string         `json:"resourcePath"`
	Stage        string         `json:"stage"`
}

// identityV1 is who sends the request, as far as is known.
type identityV1 struct {
	AccessKey                     *string `json:"accessKey"`
	AccountID                     *string `json:"accountId"`
	Caller                        *string `json:"caller"`
	CognitoAMR                    *string `json:"cognitoAmr"`
	CognitoAuthenticationProvider *string `json:"cognitoAuthenticationProvider"`
	CognitoAuthenticationType     *string `json:"cognitoAuthenticationType"`
	CognitoIdentityID             *string `json:"cognitoIdentityId"`
	CognitoIdentityPoolID         *string `json:"cognitoIdentityPoolId"`
	PrincipalOrgID                *string `json:"principalOrgId"`
	SourceIP                      string  `json:"sourceIp"`
	User                          *string `json:"user"`
	UserAgent                     string  `json:"userAgent"`
	UserARN                       *string `json:"userArn"`
}

// identityV1 is the identity of the request's sender.
func (in *request) identityV1() identityV1 {
	who := identityV1{SourceIP: in.source, UserAgent: in.UserAgent()}
	if s := in.who.signer; s != nil {
		who.AccessKey, who.AccountID, who.Caller, who.User, who.UserARN = &s.AccessKey, &s.AccountID, &s.CallerID, &s.UserID, &s.UserARN
	}
	return who
}

func (in *request) eventV1() eventV1 {
	prefix, _, _ := strings.Cut(in.Host, ".")
	resource := in.route.Key
	if _, path, ok := strings.Cut(resource, " "); ok {
		resource = path
	}
	e := eventV1{
		Version: "1.0", Resource: resource, Path: in.targetPath(), Method: in.Method, Headers: map[string]string{}, MultiHeaders: map[string][]string{},
		PathParams: in.vars, Variables: in.stage.Variables, eventBodyV1: &eventBodyV1{},
		Context: contextV1{
			AccountID: in.api.Account, APIID: in.api.ID, Authorizer: in.who.forV1(), DomainName: in.Host, DomainPrefix: prefix, ExtendedID: in.id,
			Method: in.Method, Identity: in.identityV1(), Path: in.rawPath(), Protocol: in.Proto,
			RequestID: in.id, RequestTime: in.time.UTC().Format(clfTime), TimeEpoch: in.time.UnixMilli(), ResourceID: in.route.Key,
			ResourcePath: resource, Stage: in.stage.Name,
		},
	}
	for name, values := range in.headers() {
		e.Headers[name], e.MultiHeaders[name] = values[len(values)-1], values
	}
	if names, values := in.query(); len(names) > 0 {
		e.Query, e.MultiQuery = map[string]string{}, map[string][]string{}
		for _, name := range names {
			e.Query[name], e.MultiQuery[name] = values[name][len(values[name])-1], values[name]
		}
	}
	if len(in.body) > 0 {
		body, isBase64 := in.encodedBody()
		e.Body, e.IsBase64 = &body, isBase64
	}
	return e
}

// functionAnswer is what a function may answer.
type functionAnswer struct {
	StatusCode   json.RawMessage              `json:"statusCode"`
	Headers      map[string]json.RawMessage   `json:"headers"`
	MultiHeaders map[string][]json.RawMessage `json:"multiValueHeaders"`
	Cookies      []string                     `json:"cookies"`
	Body         json.RawMessage              `json:"body"`
	IsBase64     bool                         `json:"isBase64Encoded"`
}

// readAnswer makes the response of a function's answer. In format 2.0 an answer without a status code is the body of a response with status 200; in
// format 1.0 the members must be there. Each format has its own way to set a header several times, and the service looks at no other: cookies in 2.0,
// multiValueHeaders in 1.0.
//
// contentType is that of an answer that has a status code and names none.
func readAnswer(payload []byte, format, contentType string) (*response, error) {
	var a functionAnswer
	err := json.Unmarshal(payload, &a)
	plain := err != nil || len(a.StatusCode) == 0 || bytes.TrimSpace(payload)[0] != '{'
	switch {
	case plain && format == formatV2:
		return plainAnswer(payload), nil
	case plain:
		return nil, errors.New("the function's answer has no statusCode")
	}
	status, err := strconv.Atoi(plainJSON(a.StatusCode))
	if err != nil || status < 100 || status > 599 {
		return nil, fmt.Errorf("the function's answer has the statusCode %s", a.StatusCode)
	}
	out := &response{status: status, headers: http.Header{}, body: []byte(plainJSON(a.Body))}
	if a.IsBase64 {
		if out.body, err = base64.StdEncoding.DecodeString(string(out.body)); err != nil {
			return nil, errors.New("the function's body is not base64")
		}
	}
	for name, v := range a.Headers {
		out.headers.Set(name, plainJSON(v))
	}
	if format == formatV2 {
		out.cookies, a.MultiHeaders = a.Cookies, nil
	}
	for name, values := range a.MultiHeaders {
		out.headers.Del(name)
		for _, v := range values {
			out.headers.Add(name, plainJSON(v))
		}
	}
	if out.headers.Get("Content-Type") == "" {
		out.headers.Set("Content-Type", contentType)
	}
	return out, nil
}

// plainAnswer is an inferred response: JSON as it is, null too, a string as its text.
func plainAnswer(payload []byte) *response {
	body := plainJSON(payload)
	if string(bytes.TrimSpace(payload)) == "null" {
		body = "null"
	}
	return &response{status: http.StatusOK, headers: http.Header{"Content-Type": {"application/json"}}, body: []byte(body)}
}

// plainJSON is the text of a JSON string, nothing for null, and any other JSON as it is.
func plainJSON(raw json.RawMessage) string {
	var text string
	switch trimmed := bytes.TrimSpace(raw); {
	case len(trimmed) == 0 || bytes.Equal(trimmed, []byte("null")):
		return ""
	case trimmed[0] == '"' && json.Unmarshal(trimmed, &text) == nil:
		return text
	default:
		return string(trimmed)
	}
}
