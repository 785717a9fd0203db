package stack

import (
	"strings"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/lambda/control"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
)

// deployFunctionURL gives a function or alias of the template its URL, under the id that Fn::GetAtt gives, too.
func (s *Stack) deployFunctionURL(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("TargetFunctionArn", "AuthType")
	target, auth := p.String("TargetFunctionArn"), p.OneOf("AuthType", "NONE", "NONE", "AWS_IAM")
	in := control.FunctionURLRequest{FunctionName: &target, Qualifier: p.String("Qualifier"), AuthType: &auth}
	if p.Has("InvokeMode") {
		mode := p.OneOf("InvokeMode", "BUFFERED", "BUFFERED", "RESPONSE_STREAM")
		in.InvokeMode = &mode
	}
	if p.Has("Cors") {
		c := p.Block("Cors")
		in.Cors = &control.Cors{
			AllowHeaders: c.Strings("AllowHeaders"), AllowMethods: c.Strings("AllowMethods"), AllowOrigins: c.Strings("AllowOrigins"),
			ExposeHeaders: c.Strings("ExposeHeaders"), MaxAge: number(c, "MaxAge"),
		}
		if c.Has("AllowCredentials") {
			allow := c.Bool("AllowCredentials", false)
			in.Cors.AllowCredentials = &allow
		}
	}
	function := functionName(target)
	if err := p.Err(); err != nil || !s.invocable(function) {
		return err
	}
	shown, _ := r.Attribute("FunctionUrl")
	id, _, _ := strings.Cut(strings.TrimPrefix(shown, "https://"), ".")
	qualifier := in.Qualifier
	if _, alias, ok := strings.Cut(target[strings.LastIndex(target, function):], ":"); ok && qualifier == "" {
		qualifier = alias
	}
	s.next.urls[function] = append(s.next.urls[function], qualifier)
	return s.unlessRefused(r, s.plane.DeployFunctionURL(in, id))
}

// FunctionURL returns the handler of a function URL as it is now; nil if there is none of the id.
func (s *Stack) FunctionURL(id string) *httpapi.FunctionURLHandler {
	u := s.plane.FunctionURL(id)
	if u == nil {
		return nil
	}
	return httpapi.NewFunctionURL(httpapi.FunctionURL{
		ID: u.ID, Function: u.Function, Account: s.cfg.Place.Account, AuthType: u.AuthType, CORS: corsOf(u.Cors),
	}, s.httpServices(), s.functionMeter)
}

// corsOf is a function URL's cross-origin configuration as HTTP APIs have it, nil for none.
func corsOf(c *control.Cors) *httpapi.CORS {
	if c == nil {
		return nil
	}
	cors := &httpapi.CORS{
		AllowOrigins: c.AllowOrigins, AllowMethods: c.AllowMethods, AllowHeaders: c.AllowHeaders, ExposeHeaders: c.ExposeHeaders,
		AllowCredentials: c.AllowCredentials != nil && *c.AllowCredentials,
	}
	if c.MaxAge != nil {
		cors.MaxAge = *c.MaxAge
	}
	return cors
}
