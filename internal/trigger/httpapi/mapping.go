package httpapi

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/jsonpath"
	"github.com/tutti-run/tutti/internal/value"
)

// maxMappedBody is how much of a body a selection in it can see (developer guide, "Transform API requests and responses").
const maxMappedBody = 100 << 10

// selection is what an expression can select from.
type selection struct {
	request  *request
	response *response // nil while there is none
}

// fill replaces the selection expressions in a text: a text that is one expression as a whole, like $request.header.name, and those in braces,
// like ${request.path.id}. ok is false if the text is a single expression that selects nothing.
func (s selection) fill(text string) (filled string, ok bool) {
	if strings.HasPrefix(text, "$") && !strings.HasPrefix(text, "${") {
		return s.pick(text[1:])
	}
	var b strings.Builder
	for rest := text; ; {
		before, after, found := strings.Cut(rest, "${")
		b.WriteString(before)
		expression, behind, closed := strings.Cut(after, "}")
		if !found || !closed {
			if found {
				b.WriteString("${" + after)
			}
			return b.String(), true
		}
		picked, _ := s.pick(expression)
		b.WriteString(picked)
		rest = behind
	}
}

// pick evaluates an expression without its dollar sign.
func (s selection) pick(expression string) (string, bool) {
	part, name, _ := strings.Cut(expression, ".")
	switch part {
	case "request":
		return s.request.pick(name)
	case "response":
		if s.response != nil {
			return s.response.pick(name)
		}
	case "context":
		return s.context(name)
	case "stageVariables":
		v, ok := s.request.stage.Variables[name]
		return v, ok
	}
	return "", false
}

func (in *request) pick(name string) (string, bool) {
	kind, name, named := strings.Cut(name, ".")
	switch {
	case kind == "header" && named:
		return in.header(name)
	case kind == "querystring" && named:
		_, values := in.query()
		return strings.Join(values[name], ","), len(values[name]) > 0
	case kind == "path" && !named:
		return in.path, true
	case kind == "path":
		v, ok := in.vars[name]
		return v, ok
	case kind == "body":
		return pickBody(in.body, name)
	}
	return "", false
}

// pickBody selects from a JSON body; the whole for no name.
func pickBody(body []byte, name string) (string, bool) {
	if name == "" {
		return string(body), len(body) > 0
	}
	path, err := jsonpath.Compile("$." + name)
	if err != nil || strings.Contains(name, "..") || strings.Contains(name, "?(") {
		return "", false
	}
	document, err := value.Parse(string(body[:min(len(body), maxMappedBody)]))
	if err != nil {
		return "", false
	}
	found, err := path.Eval(document)
	if err != nil || found == nil {
		return "", false
	}
	if text, ok := found.(value.String); ok {
		return string(text), true
	}
	return value.Text(found), true
}

// context is the variable $context.NAME (developer guide, "Logging variables").
func (s selection) context(name string) (string, bool) {
	in := s.request
	switch name {
	case "accountId":
		return in.api.Account, true
	case "apiId":
		return in.api.ID, true
	case "domainName":
		return in.Host, true
	case "domainPrefix":
		prefix, _, _ := strings.Cut(in.Host, ".")
		return prefix, true
	case "httpMethod":
		return in.Method, true
	case "path":
		return in.rawPath(), true
	case "protocol":
		return in.Proto, true
	case "requestId", "extendedRequestId":
		return in.id, true
	case "requestTime":
		return in.time.UTC().Format(clfTime), true
	case "requestTimeEpoch":
		return fmt.Sprint(in.time.UnixMilli()), true
	case "routeKey":
		if in.route != nil {
			return in.route.Key, true
		}
	case "stage":
		return in.stage.Name, true
	case "status":
		if s.response != nil {
			return fmt.Sprint(s.response.status), true
		}
	case "responseLength":
		if s.response != nil {
			return fmt.Sprint(len(s.response.body)), true
		}
	case "responseLatency":
		if s.response != nil {
			return fmt.Sprint(s.response.took.Milliseconds()), true
		}
	case "dataProcessed":
		if s.response != nil {
			return fmt.Sprint(len(in.body) + len(s.response.body)), true
		}
	default:
		return s.memberContext(name)
	}
	return "", false
}

// memberContext is a variable of those that belong together.
func (s selection) memberContext(name string) (string, bool) {
	if rest, ok := strings.CutPrefix(name, "integration"); ok {
		return s.request.behind.Variable(rest)
	}
	switch part, rest, _ := strings.Cut(name, "."); part {
	case "authorizer":
		return s.authorizerContext(rest)
	case "error":
		return s.errorContext(rest)
	case "identity":
		return s.identityContext(rest)
	}
	return "", false
}

// errorContext is what is said of an answer of the gateway's own.
func (s selection) errorContext(name string) (string, bool) {
	if s.response == nil || s.response.refusal == nil {
		return "", false
	}
	r := s.response.refusal
	switch name {
	case "message":
		return r.message, true
	case "messageString":
		return strconv.Quote(r.message), true
	case "responseType":
		return r.kind, true
	}
	return "", false
}

// identityContext is what is known of the request's sender, by the names that the event of format 1.0 has.
func (s selection) identityContext(name string) (string, bool) {
	who := s.request.identityV1()
	switch name {
	case "sourceIp":
		return who.SourceIP, true
	case "userAgent":
		return who.UserAgent, who.UserAgent != ""
	}
	for known, v := range map[string]*string{"accountId": who.AccountID, "caller": who.Caller, "user": who.User, "userArn": who.UserARN} {
		if known == name && v != nil {
			return *v, true
		}
	}
	return "", false
}

// authorizerContext is a member of what the authorizer said, a claim of the JWT, or why there is none.
func (s selection) authorizerContext(name string) (string, bool) {
	if claim, ok := strings.CutPrefix(name, "claims."); ok {
		v, ok := s.request.who.claims[claim]
		return v, ok
	}
	if name == "error" && s.response != nil && s.response.refusal != nil {
		r := *s.response.refusal
		return s.response.trouble, s.response.trouble != "" && (r == noToken || r == forbidden || r == failedAuth)
	}
	v, ok := s.request.who.context[name]
	if !ok {
		return "", false
	}
	if text, isText := v.(string); isText {
		return text, true
	}
	encoded, err := json.Marshal(v)
	return string(encoded), err == nil
}

// clfTime is the time as access logs write it.
const clfTime = "02/Jan/2006:15:04:05 -0700"

// accessLine fills the format of the access log; variables that stand for nothing are a hyphen.
func (s selection) accessLine(format string) string {
	var b strings.Builder
	for rest := format; rest != ""; {
		i := strings.Index(rest, "$context.")
		if i < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		name := rest[i+len("$context."):]
		end := strings.IndexFunc(name, func(r rune) bool {
			return r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
		if end < 0 {
			end = len(name)
		}
		word := strings.TrimRight(name[:end], ".")
		if v, ok := s.context(word); ok {
			b.WriteString(v)
		} else {
			b.WriteByte('-')
		}
		rest = name[len(word):]
	}
	return b.String()
}
