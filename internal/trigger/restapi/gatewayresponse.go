package restapi

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
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
	stageNotFound:                    {403, "ForbiddenException", "Forbidden"},                                                // there is no such stage
	headersTooLarge:                  {431, "RequestHeaderFieldsTooLargeException", "Request Header Fields Too Large"},        // more than 10,240 bytes
	badRequest:                       {400, "BadRequestException", "Bad Request"},                                             // what is no HTTP request
	incompleteSignature:              {403, "IncompleteSignatureException", ""},                                               // a signature was looked for in a header that has something else
}

// Our names for answers that no gateway response of their own can be configured for; the access log has them as DEFAULT_4XX.
const (
	stageNotFound       = "STAGE_NOT_FOUND"
	headersTooLarge     = "HEADERS_TOO_LARGE"
	badRequest          = "BAD_REQUEST"
	incompleteSignature = "INCOMPLETE_SIGNATURE"
)

// missingToken is the fault of a request that nobody signed: where there is no such method, too, for API Gateway then asks IAM. Of a header that is there
// for an authorizer IAM says that it is no signature.
func (in *request) missingToken() *fault {
	given := in.Header.Get("Authorization")
	scheme, parameters, _ := strings.Cut(given, " ")
	if given == "" || scheme == "AWS4-HMAC-SHA256" || strings.Contains(parameters, "=") {
		return &fault{kind: "MISSING_AUTHENTICATION_TOKEN"}
	}
	sum := sha256.Sum256([]byte(given))
	return &fault{kind: incompleteSignature, message: "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '" +
		base64.StdEncoding.EncodeToString(sum[:]) + "'."}
}

// fault is the reason for an answer of the gateway's own.
type fault struct {
	kind    string // a key of gatewayTypes
	message string // replaces the usual one
	detail  string // why, for the access log alone
	status  int    // replaces the usual one; 0 keeps it
}

// response is what goes back to the client.
type response struct {
	status  int
	headers http.Header
	body    []byte
}

// refuse makes the gateway's answer for a fault.
func (h *Handler) refuse(in *request, f fault) *response {
	t := gatewayTypes[f.kind]
	message := t.message
	if f.message != "" {
		message = f.message
	}
	out := &response{status: cmp.Or(f.status, t.status), headers: http.Header{}}
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
	in.fault, in.faultMessage, in.faultQuoted = f.kind, message, quoted
	switch f.kind {
	case stageNotFound, headersTooLarge, badRequest, incompleteSignature:
		in.fault = "DEFAULT_4XX"
	}
	in.blame(f.kind, cmp.Or(f.detail, message))
	if ok {
		changed.apply(in, out)
	}
	return out
}

// blame notes for the access log what is behind a fault.
func (in *request) blame(kind, why string) {
	switch kind {
	case "BAD_REQUEST_BODY":
		in.validation = why
	case "ACCESS_DENIED", "UNAUTHORIZED", "AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR":
		in.authorizerError = why
	case "API_CONFIGURATION_ERROR", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT":
		in.behind.Error = why
	}
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
