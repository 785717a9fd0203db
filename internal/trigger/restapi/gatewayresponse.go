package restapi

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// gatewayType is what the gateway answers by itself for a reason.
type gatewayType struct {
	status  int
	kind    string // the header X-Amzn-Errortype
	message string
}

// gatewayTypes is the table of the gateway's own answers (developer guide, "Gateway response types for API Gateway").
var gatewayTypes = map[string]gatewayType{
	"ACCESS_DENIED":                  {403, "AccessDeniedException", "User is not authorized to access this resource"},        // the authorizer's policy, or IAM
	"API_CONFIGURATION_ERROR":        {500, "InternalServerErrorException", "Internal server error"},                          // a method that cannot work
	"AUTHORIZER_CONFIGURATION_ERROR": {500, "AuthorizerConfigurationException", ""},                                           // the authorizer cannot be called, or answers nonsense
	"AUTHORIZER_FAILURE":             {500, "InternalServerErrorException", ""},                                               // the authorizer failed
	"BAD_REQUEST_BODY":               {400, "BadRequestException", "Invalid request body"},                                    // the body is not of its model
	"BAD_REQUEST_PARAMETERS":         {400, "BadRequestException", "Missing required request parameters"},                     // required parameters are missing
	"EXPIRED_TOKEN":                  {403, "ExpiredTokenException", "The security token included in the request is expired"}, // of a signature
	"INTEGRATION_FAILURE":            {502, "InternalServerErrorException", "Internal server error"},                          // the integration's answer is none
	"INTEGRATION_TIMEOUT":            {504, "InternalServerErrorException", "Endpoint request timed out"},                     // it took too long
	"INVALID_API_KEY":                {403, "ForbiddenException", "Forbidden"},                                                // the API key is missing or unknown
	"MISSING_AUTHENTICATION_TOKEN":   {403, "MissingAuthenticationTokenException", "Missing Authentication Token"},            // there is no such method, or nobody signed
	"QUOTA_EXCEEDED":                 {429, "LimitExceededException", "Limit Exceeded"},                                       // the usage plan's quota
	"REQUEST_TOO_LARGE":              {413, "RequestTooLargeException", "Request Too Long"},                                   // more than 10 MB
	"RESOURCE_NOT_FOUND":             {404, "NotFoundException", "Not Found"},                                                 // the API answers nobody
	"THROTTLED":                      {429, "TooManyRequestsException", "Too Many Requests"},                                  // a throttle
	"UNAUTHORIZED":                   {401, "UnauthorizedException", "Unauthorized"},                                          // the authorizer found nobody
	"UNSUPPORTED_MEDIA_TYPE":         {415, "UnsupportedMediaTypeException", "Unsupported Media Type"},                        // no template for the content type
	"STAGE_NOT_FOUND":                {403, "ForbiddenException", "Forbidden"},                                                // our name: there is no such stage, which no response can be configured for
	"HEADERS_TOO_LARGE":              {431, "RequestHeaderFieldsTooLargeException", "Request Header Fields Too Large"},        // our name likewise
	"BAD_REQUEST":                    {400, "BadRequestException", "Bad Request"},                                             // our name likewise: what is no HTTP request
}

// fault is the reason for an answer of the gateway's own.
type fault struct {
	kind    string // a key of gatewayTypes
	message string // replaces the usual one
	detail  string // why, for the access log alone
}

// response is what goes back to the client.
type response struct {
	status  int
	headers http.Header
	body    []byte
	trouble string // what the access log says of what failed
	kind    string // of an answer of the gateway's own
}

// refuse makes the gateway's answer for a fault.
func (h *Handler) refuse(in *request, f fault) *response {
	t := gatewayTypes[f.kind]
	message := t.message
	if f.message != "" {
		message = f.message
	}
	out := &response{status: t.status, headers: http.Header{}, trouble: f.detail, kind: f.kind}
	if out.trouble == "" {
		out.trouble = message
	}
	out.headers.Set("X-Amzn-Errortype", t.kind)
	out.headers.Set("Content-Type", "application/json")
	quoted := "null"
	if message != "" {
		text, _ := json.Marshal(message) // a string always encodes
		quoted = string(text)
	}
	member := "message"
	if f.kind == "ACCESS_DENIED" {
		member = "Message" // as the service writes it
	}
	out.body = []byte(`{"` + member + `":` + quoted + "}")
	changed, ok := h.api.GatewayResponses[f.kind]
	if !ok && t.status < 500 {
		changed, ok = h.api.GatewayResponses["DEFAULT_4XX"]
	} else if !ok {
		changed, ok = h.api.GatewayResponses["DEFAULT_5XX"]
	}
	if ok && in != nil {
		in.fault, in.faultMessage, in.faultQuoted = f.kind, message, quoted
		changed.apply(in, out)
	}
	return out
}

// apply changes an answer of the gateway's own.
func (g GatewayResponse) apply(in *request, out *response) {
	if g.Status != 0 {
		out.status = g.Status
	}
	for name, source := range g.Parameters {
		header, ok := strings.CutPrefix(name, "gatewayresponse.header.")
		if v, found := in.source(source, nil); ok && found {
			out.headers.Set(header, v)
		}
	}
	if kind := pickTemplate(g.Templates, in.Header.Get("Accept")); kind != "" {
		out.headers.Set("Content-Type", kind)
		out.body = []byte(gatewayVariable.ReplaceAllStringFunc(g.Templates[kind], func(text string) string {
			name := strings.Trim(strings.TrimPrefix(text, "$"), "{}")
			v, _ := in.source(name, nil)
			return v
		}))
	}
}

// gatewayVariable is a variable in a gateway response's template, which is no VTL (developer guide, "Set up gateway responses to customize error responses").
var gatewayVariable = regexp.MustCompile(`\$\{?(?:context|stageVariables|method)\.[A-Za-z0-9_.-]*[A-Za-z0-9_-]\}?`)

// pickTemplate chooses the content type among a table's keys that a header asks for, or application/json, or the first; "" where there is none.
func pickTemplate(templates map[string]string, wanted string) string {
	for part := range strings.SplitSeq(wanted, ",") {
		kind := mediaType(part)
		if _, ok := templates[kind]; ok && kind != "" {
			return kind
		}
	}
	if _, ok := templates["application/json"]; ok {
		return "application/json"
	}
	var kinds []string
	for kind := range templates {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	if len(kinds) > 0 {
		return kinds[0]
	}
	return ""
}

// mediaType is a content type without its parameters.
func mediaType(header string) string {
	kind, _, _ := strings.Cut(header, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}
