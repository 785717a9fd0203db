package task

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// gatewayInvoke performs arn:aws:states:::apigateway:invoke: it calls an API behind API Gateway (developer guide, "Create API Gateway REST APIs with
// Step Functions").
type gatewayInvoke struct{ client *awsclient.Client }

// gatewayInput is what the integration takes.
func gatewayInput() *awsmodel.Shape {
	lists := &awsmodel.Shape{Kind: awsmodel.Map, Key: anyText, Elem: &awsmodel.Shape{Kind: awsmodel.List, Elem: anyText}}
	choice := func(values ...string) *awsmodel.Shape { return &awsmodel.Shape{Kind: awsmodel.String, Enum: values} }
	return awsmodel.NewStructure(
		awsmodel.Member{Name: "ApiEndpoint", Shape: anyText},
		awsmodel.Member{Name: "Method", Shape: choice("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")},
		awsmodel.Member{Name: "Headers", Shape: lists}, awsmodel.Member{Name: "QueryParameters", Shape: lists},
		awsmodel.Member{Name: "Stage", Shape: anyText}, awsmodel.Member{Name: "Path", Shape: anyText}, awsmodel.Member{Name: "RequestBody", Shape: anyJSON},
		awsmodel.Member{Name: "AllowNullValues", Shape: anyBool}, awsmodel.Member{Name: "AuthType", Shape: choice("NO_AUTH", "IAM_ROLE", "RESOURCE_POLICY")},
	)
}

// executeAPI is the name under which API Gateway's APIs, rather than its control plane, are routed.
const executeAPI = "execute-api"

// Perform implements [Performer].
func (g gatewayInvoke) Perform(ctx context.Context, c Call) (*value.Data, *sfn.Failure) {
	in := c.object()
	text := func(name string) string {
		s, _ := get(in, name).(value.String)
		return string(s)
	}
	endpoint := text("ApiEndpoint")
	u := &url.URL{Scheme: "https", Host: endpoint}
	if loopback(u.Hostname()) {
		u.Scheme = "http"
	}
	for _, part := range []string{text("Stage"), text("Path")} {
		if part = strings.Trim(part, "/"); part != "" {
			u.Path += "/" + part
		}
	}
	if query, ok := get(in, "QueryParameters").(*value.Object); ok {
		values := url.Values{}
		for name, v := range query.All() {
			values[name] = texts(v)
		}
		u.RawQuery = values.Encode()
	}
	body := gatewayBody(in)
	req, err := http.NewRequestWithContext(ctx, text("Method"), u.String(), strings.NewReader(body))
	if err != nil {
		return nil, sfn.Fail(sfn.ErrorRuntime, "The request cannot be made: %s", err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if headers, ok := get(in, "Headers").(*value.Object); ok {
		for name, v := range headers.All() {
			req.Header[http.CanonicalHeaderKey(name)] = texts(v)
		}
	}
	return g.send(req, body, c, text("AuthType"))
}

func (g gatewayInvoke) send(req *http.Request, body string, c Call, auth string) (*value.Data, *sfn.Failure) {
	call := awsclient.Exchange{Service: executeAPI, Role: c.Assumed, Body: []byte(body), Sign: auth == "IAM_ROLE" || auth == "RESOURCE_POLICY", Direct: req.URL.Scheme == "http"}
	if arn, err := sfn.ParseARN(c.Execution); err == nil {
		call.Region = arn.Region
	}
	status, header, answer, err := g.client.Exchange(req, call)
	if err != nil {
		t := target{service: service{prefix: "ApiGateway"}}
		return nil, t.failure(c, err)
	}
	shown := value.Value(value.String(answer))
	if parsed, err := value.Parse(string(answer)); err == nil {
		shown = parsed
	}
	if status >= http.StatusBadRequest {
		cause := string(answer)
		if shown.Kind() != value.KindString {
			cause = value.Text(shown)
		}
		return nil, sfn.Fail(sfn.ErrorName("ApiGateway."+strconv.Itoa(status)), "%s", cause)
	}
	return value.NewData(object("Headers", headersOf(header), "ResponseBody", shown, "StatusCode", value.Int(status),
		"StatusText", value.String(http.StatusText(status)))), nil
}

// gatewayBody is the request's body. Members that are null are left out unless the task wants them.
func gatewayBody(in *value.Object) string {
	v := get(in, "RequestBody")
	if v == nil || v.Kind() == value.KindNull {
		return ""
	}
	if get(in, "AllowNullValues") != value.Value(value.Bool(true)) {
		v = withoutNulls(v)
	}
	return value.Text(v)
}

func withoutNulls(v value.Value) value.Value {
	switch v := v.(type) {
	case *value.Object:
		var members []value.Member
		for name, inner := range v.All() {
			if inner.Kind() != value.KindNull {
				members = append(members, value.Member{Name: name, Value: withoutNulls(inner)})
			}
		}
		return value.NewObject(members...)
	case value.Array:
		list := make(value.Array, len(v))
		for i := range v {
			list[i] = withoutNulls(v[i])
		}
		return list
	}
	return v
}
