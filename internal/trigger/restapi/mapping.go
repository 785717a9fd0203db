package restapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf16"

	"github.com/tutti-run/tutti/internal/jsonpath"
	"github.com/tutti-run/tutti/internal/value"
	"github.com/tutti-run/tutti/internal/vtl"
)

// source is the value of a mapping expression (developer guide, "API Gateway request and response data mapping reference"): a text in single quotes,
// method.request.…, integration.response.…, context.… or stageVariables.…; ok is false if it selects nothing. answer is nil while there is none.
func (in *request) source(expression string, answer *response) (v string, ok bool) {
	if quoted, isText := strings.CutPrefix(expression, "'"); isText {
		return strings.CutSuffix(quoted, "'")
	}
	part, name, _ := strings.Cut(expression, ".")
	switch part {
	case "context":
		return in.contextText(name)
	case "stageVariables":
		if in.stage == nil {
			return "", false
		}
		v, ok = in.stage.Variables[name]
		return v, ok
	case "method":
		if below, isRequest := strings.CutPrefix(name, "request."); isRequest {
			return in.parameter(below)
		}
	case "integration":
		if below, isResponse := strings.CutPrefix(name, "response."); isResponse && answer != nil {
			return answer.parameter(below)
		}
	}
	return "", false
}

// parameter is what stands behind method.request.
func (in *request) parameter(name string) (string, bool) {
	kind, name, _ := strings.Cut(name, ".")
	switch kind {
	case "header":
		return last(in.headerValues(name))
	case "multivalueheader":
		values := in.headerValues(name)
		return strings.Join(values, ","), len(values) > 0
	case "querystring":
		return last(in.values[name])
	case "multivaluequerystring":
		return strings.Join(in.values[name], ","), len(in.values[name]) > 0
	case "path":
		v, ok := in.vars[name]
		return v, ok
	case "body":
		return pick(in.body, name)
	}
	return "", false
}

func (in *request) headerValues(name string) []string {
	return in.headers().Values(name)
}

func last(values []string) (string, bool) {
	if len(values) == 0 {
		return "", false
	}
	return values[len(values)-1], true
}

// parameter is what stands behind integration.response.
func (out *response) parameter(name string) (string, bool) {
	kind, name, _ := strings.Cut(name, ".")
	switch kind {
	case "header":
		return last(out.headers.Values(name))
	case "multivalueheader":
		values := out.headers.Values(name)
		return strings.Join(values, ","), len(values) > 0
	case "body":
		return pick(out.body, name)
	}
	return "", false
}

// pick selects from a JSON body; the whole for no path.
func pick(body []byte, path string) (string, bool) {
	if path == "" {
		return string(body), true
	}
	v, err := evaluate(body, "$."+path)
	if err != nil || v == nil {
		return "", false
	}
	return vtl.Text(vtl.Of(v)), true
}

// errBody says that a body is not JSON.
type errBody struct{ err error }

// Error is the service's text.
func (e errBody) Error() string { return "Could not parse request body into json: " + e.err.Error() }

// evaluate evaluates a JSONPath over a body. Nothing is nil. An empty body is an empty object.
func evaluate(body []byte, path string) (value.Value, error) {
	document := value.Value(value.NewObject())
	if len(strings.TrimSpace(string(body))) > 0 {
		var err error
		if document, err = value.Parse(string(body)); err != nil {
			return nil, errBody{err}
		}
	}
	compiled, err := jsonpath.Compile(path)
	if err != nil {
		return nil, fmt.Errorf("the JSONPath %.100q: %w", path, err)
	}
	found, err := compiled.Eval(document)
	var missing *jsonpath.NotFoundError
	if errors.As(err, &missing) {
		return nil, nil
	}
	return found, err
}

// fill runs a template with the variables that API Gateway has.
func (in *request) fill(template *vtl.Template, body []byte) (string, error) {
	return template.Run(map[string]any{
		"input": &input{in, body}, "util": util{}, "context": contextVariable{in.context()}, "stageVariables": blanks{texts(in.stage.Variables)},
	})
}

// blanks is a map whose missing members are empty texts.
type blanks struct{ *vtl.Map }

// Property implements vtl.Object.
func (b blanks) Property(name string) (any, bool) {
	if v, ok := b.Get(name); ok && v != nil {
		return v, true
	}
	return "", true
}

// Call implements vtl.Object.
func (b blanks) Call(name string, args []any) (any, bool, error) {
	if name == "get" && len(args) == 1 {
		v, ok := b.Property(vtl.Text(args[0]))
		return v, ok, nil
	}
	return nil, false, nil
}

// contextVariable is the variable $context. What is missing is empty; the overrides can be set.
type contextVariable struct{ *vtl.Map }

// Property implements vtl.Object.
func (c contextVariable) Property(name string) (any, bool) {
	v, _ := c.Get(name)
	switch m, isMap := v.(*vtl.Map); {
	case isMap && (name == "requestOverride" || name == "responseOverride"):
		return m, true
	case isMap:
		return blanks{m}, true
	case v == nil:
		return "", true
	}
	return v, true
}

// Call implements vtl.Object.
func (contextVariable) Call(string, []any) (any, bool, error) { return nil, false, nil }

// input is the variable $input.
type input struct {
	request *request
	body    []byte
}

// Property implements vtl.Object.
func (i *input) Property(name string) (any, bool) {
	if name != "body" {
		return nil, false
	}
	if len(i.body) == 0 {
		return "{}", true
	}
	return string(i.body), true
}

// Call implements vtl.Object.
func (i *input) Call(name string, args []any) (any, bool, error) {
	path := "$"
	if len(args) > 0 {
		path = vtl.Text(args[0])
	}
	switch name {
	case "json":
		v, err := evaluate(i.body, path)
		if err != nil {
			return nil, true, err
		}
		if v == nil {
			return `""`, true, nil
		}
		return value.Text(v), true, nil
	case "path":
		v, err := evaluate(i.body, path)
		if err != nil {
			return nil, true, err
		}
		if v == nil {
			return "", true, nil
		}
		return vtl.Of(v), true, nil
	case "params":
		if len(args) == 0 {
			return i.params(), true, nil
		}
		return i.param(path), true, nil
	}
	return nil, false, nil
}

// params are all parameters, by kind.
func (i *input) params() *vtl.Map {
	single := func(all map[string][]string) map[string]string {
		one := map[string]string{}
		for name, values := range all {
			one[name] = values[len(values)-1]
		}
		return one
	}
	m := vtl.NewMap()
	m.Put("path", texts(i.request.vars))
	m.Put("querystring", texts(single(i.request.values)))
	m.Put("header", texts(single(i.request.headers())))
	return m
}

// param looks a name up in path, query and headers, in this order.
func (i *input) param(name string) string {
	if v, ok := i.request.vars[name]; ok {
		return v
	}
	if v, ok := last(i.request.values[name]); ok {
		return v
	}
	v, _ := last(i.request.headers().Values(name))
	return v
}

// util is the variable $util.
type util struct{}

// Property implements vtl.Object.
func (util) Property(string) (any, bool) { return nil, false }

// Call implements vtl.Object.
func (util) Call(name string, args []any) (any, bool, error) {
	if len(args) != 1 {
		return nil, false, nil
	}
	if args[0] == nil {
		return nil, true, nil
	}
	s := vtl.Text(args[0])
	switch name {
	case "escapeJavaScript":
		return escapeJavaScript(s), true, nil
	case "parseJson":
		v, err := value.Parse(s)
		if err != nil {
			return nil, true, fmt.Errorf("$util.parseJson: %w", err)
		}
		return vtl.Of(v), true, nil
	case "urlEncode":
		return url.QueryEscape(s), true, nil
	case "urlDecode":
		decoded, err := url.QueryUnescape(s)
		return decoded, true, err
	case "base64Encode":
		return base64.StdEncoding.EncodeToString([]byte(s)), true, nil
	case "base64Decode":
		decoded, err := base64.StdEncoding.DecodeString(s)
		return string(decoded), true, err
	}
	return nil, false, nil
}

// escapeJavaScript is StringEscapeUtils.escapeJavaScript of Apache Commons Lang 2, which the service calls: it escapes quotes of both kinds, the slash and
// everything outside ASCII.
func escapeJavaScript(s string) string {
	short := map[rune]string{'\b': `\b`, '\n': `\n`, '\t': `\t`, '\f': `\f`, '\r': `\r`, '\'': `\'`, '"': `\"`, '\\': `\\`, '/': `\/`}
	var b strings.Builder
	for _, c := range s {
		switch escaped, special := short[c]; {
		case special:
			b.WriteString(escaped)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&b, `\u%04X\u%04X`, high, low)
		case c < 0x20 || c > 0x7f:
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// overrides are the members of $context.requestOverride.KIND or $context.responseOverride.KIND that a template has set.
func (in *request) overrides(of, kind string) map[string]string {
	set := map[string]string{}
	v, _ := in.context().Get(of)
	m, _ := v.(*vtl.Map)
	if m == nil {
		return set
	}
	v, _ = m.Get(kind)
	if members, ok := v.(*vtl.Map); ok {
		for _, name := range members.Keys() {
			member, _ := members.Get(name)
			set[name] = vtl.Text(member)
		}
	}
	return set
}

// override changes the response as the template has set it in $context.responseOverride.
func (in *request) override(out *response) {
	v, _ := in.context().Get("responseOverride")
	m, _ := v.(*vtl.Map)
	if m == nil {
		return
	}
	status, _ := m.Get("status")
	if n := 0; status != nil {
		if _, err := fmt.Sscan(vtl.Text(status), &n); err == nil && n >= 100 && n <= 599 {
			out.status = n
		}
	}
	for name, v := range in.overrides("responseOverride", "header") {
		out.headers.Set(name, v)
	}
}

// statusOf finds the status code in the document that a MOCK integration's template makes. The service takes it without quotes around the member's name, too.
func statusOf(document string) (int, bool) {
	var strict struct {
		StatusCode json.Number `json:"statusCode"`
	}
	if json.Unmarshal([]byte(document), &strict) == nil {
		n, err := strict.StatusCode.Int64()
		return int(n), err == nil && n >= 100 && n <= 599
	}
	_, after, found := strings.Cut(document, "statusCode")
	after = strings.TrimLeft(after, "\"' \t\r\n:")
	n := 0
	_, err := fmt.Sscan(after[:min(3, len(after))], &n)
	return n, found && err == nil && n >= 100 && n <= 599
}

// header is a set of headers with one.
func header(name, v string) http.Header { return http.Header{name: {v}} }
