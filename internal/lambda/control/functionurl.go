package control

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/lambda"
)

// Cors is the cross-origin configuration of a function URL (API reference, Cors).
type Cors struct {
	AllowCredentials *bool    `json:",omitempty"`
	AllowHeaders     []string `json:",omitempty"`
	AllowMethods     []string `json:",omitempty"`
	AllowOrigins     []string `json:",omitempty"`
	ExposeHeaders    []string `json:",omitempty"`
	MaxAge           *int     `json:",omitempty"` // seconds, up to a day
}

// functionURL is the URL of a function or alias, as it is stored.
type functionURL struct {
	ID           string // the first label of its host name
	AuthType     string // NONE or AWS_IAM
	InvokeMode   string // BUFFERED; "" if nobody has said so
	Cors         *Cors  `json:",omitempty"`
	Created      string
	LastModified string
}

// FunctionURL is a URL that is served: what is called by it, and how.
type FunctionURL struct {
	// ID is the first label of its host name. Name is the function's.
	ID, Name string
	// Function is the ARN that is invoked, with the alias if it is one's.
	Function string
	// AuthType is NONE or AWS_IAM.
	AuthType string
	// Cors is nil where none is configured.
	Cors *Cors
}

// FunctionURLRequest is the request of CreateFunctionUrlConfig and its kin.
type FunctionURLRequest struct {
	FunctionName *string
	Qualifier    string
	AuthType     *string
	Cors         *Cors
	InvokeMode   *string
	Marker       string
	MaxItems     *int
}

// FunctionURLConfig is a function URL as the API shows it (API reference, FunctionUrlConfig).
type FunctionURLConfig struct {
	FunctionUrl      string
	FunctionArn      string
	AuthType         string
	Cors             *Cors `json:",omitempty"`
	CreationTime     string
	LastModifiedTime string `json:",omitempty"`
	InvokeMode       string `json:",omitempty"`
}

// At makes the URL one that this program answers at. host is what the client called the API by; a name on AWS leaves the URL as it is on AWS.
func (c *FunctionURLConfig) At(host string) {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, ""
	}
	if address := net.ParseIP(strings.Trim(name, "[]")); (address == nil || !address.IsLoopback()) && name != "localhost" && !strings.HasSuffix(name, ".localhost") {
		return
	}
	if port != "" {
		port = ":" + port
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(c.FunctionUrl, "https://"), ".")
	c.FunctionUrl = "http://" + id + ".lambda-url.localhost" + port + "/"
}

// The members of requests of function URLs.
var (
	matchURLAlias   = regexp.MustCompile(`^[0-9a-zA-Z_-]+$`)
	patternURLAlias = `((?!^\d+$)^[0-9a-zA-Z-_]+$)`
)

// invokeBuffered is the mode of a URL whose answers come in one piece.
const invokeBuffered = "BUFFERED"

// urlTarget checks a request and returns what it names.
func (p *Plane) urlTarget(in *FunctionURLRequest, creates bool) (target, error) {
	var c constraints
	if creates {
		c.required("authType", in.AuthType)
	}
	c.oneOf("authType", in.AuthType, "NONE", "AWS_IAM")
	c.oneOf("invokeMode", in.InvokeMode, "RESPONSE_STREAM", invokeBuffered)
	in.Cors.check(&c)
	if q := in.Qualifier; q != "" && (!matchURLAlias.MatchString(q) || matchNumber.MatchString(q)) {
		c.add(quoted(q), "qualifier", "Member must satisfy regular expression pattern: "+patternURLAlias)
	}
	if err := c.err(); err != nil {
		return target{}, err
	}
	t, err := p.locate(in.FunctionName, in.Qualifier, maxNameOrARN)
	if err != nil {
		return t, err
	}
	if text(in.InvokeMode) == "RESPONSE_STREAM" {
		return t, invalid("InvokeMode RESPONSE_STREAM cannot be had here, since responses are not streamed; BUFFERED gives the same response in one piece.")
	}
	if matchNumber.MatchString(t.qualifier) {
		c.add(quoted(t.qualifier), "qualifier", "Member must satisfy regular expression pattern: "+patternURLAlias)
	}
	return t, c.err()
}

// check holds a cross-origin configuration to the API's model.
func (o *Cors) check(c *constraints) {
	if o == nil {
		return
	}
	for _, l := range []struct {
		field                    string
		list                     []string
		items, shortest, longest int
	}{
		{"cors.allowHeaders", o.AllowHeaders, 100, 0, 1024},
		{"cors.allowMethods", o.AllowMethods, 6, 0, 6},
		{"cors.allowOrigins", o.AllowOrigins, 100, 1, 253},
		{"cors.exposeHeaders", o.ExposeHeaders, 100, 0, 1024},
	} {
		shown := quoted("[" + strings.Join(l.list, ", ") + "]")
		if len(l.list) > l.items {
			c.add(shown, l.field, fmt.Sprintf("Member must have length less than or equal to %d", l.items))
		}
		for _, item := range l.list {
			if n := utf8.RuneCountInString(item); n < l.shortest || n > l.longest {
				c.add(shown, l.field, fmt.Sprintf("Member must satisfy constraint: [Member must have length less than or equal to %d, "+
					"Member must have length greater than or equal to %d, Member must not be null]", l.longest, l.shortest))
				break
			}
		}
	}
	c.between("cors.maxAge", o.MaxAge, 0, 86400)
}

// shownURL is a URL as the API shows it.
func (p *Plane) shownURL(name, qualifier string, u *functionURL) *FunctionURLConfig {
	if qualifier == lambda.Latest {
		qualifier = ""
	}
	return &FunctionURLConfig{
		FunctionUrl: "https://" + u.ID + ".lambda-url." + p.cfg.Region + ".on.aws/", FunctionArn: p.arn(name, qualifier), AuthType: u.AuthType,
		Cors: u.Cors, CreationTime: u.Created, LastModifiedTime: u.LastModified, InvokeMode: cmp.Or(u.InvokeMode, invokeBuffered),
	}
}

func (p *Plane) createFunctionURLConfig(_ context.Context, in *FunctionURLRequest) (*FunctionURLConfig, error) {
	t, err := p.urlTarget(in, true)
	if err != nil {
		return nil, err
	}
	made, err := p.putURL(t, in, newURLID(), func(old *functionURL) error {
		if old != nil {
			return lambda.Refuse(lambda.CodeResourceConflict, "Failed to create function url config for [functionArn = %s]. "+
				"Error message:  FunctionUrlConfig exists for this Lambda function", p.arn(t.name, t.qualifier))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	made.LastModifiedTime = "" // which the response does not have
	return made, nil
}

func (p *Plane) updateFunctionURLConfig(_ context.Context, in *FunctionURLRequest) (*FunctionURLConfig, error) {
	t, err := p.urlTarget(in, false)
	if err != nil {
		return nil, err
	}
	return p.putURL(t, in, "", func(old *functionURL) error {
		if old == nil {
			return noSuchURL()
		}
		return nil
	})
}

func noSuchURL() error { return notFound("The resource you requested does not exist.") }

// putURL puts what a request says into the URL that is there, or into a new one with the id, unless check refuses what is there, nil for nothing.
func (p *Plane) putURL(t target, in *FunctionURLRequest, id string, check func(old *functionURL) error) (*FunctionURLConfig, error) {
	qualifier := orLatest(t.qualifier)
	var shown *FunctionURLConfig
	_, err := p.change(t.name, func(f *function) (*function, error) {
		if f == nil || !f.has(qualifier) {
			return nil, notFound("Function does not exist")
		}
		u := f.URLs[qualifier]
		if err := check(u); err != nil {
			return nil, err
		}
		now := p.cfg.Clock.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
		if u == nil {
			u = &functionURL{ID: id, Created: now}
			f.URLs[qualifier] = u
		}
		set(&u.AuthType, in.AuthType)
		set(&u.InvokeMode, in.InvokeMode)
		if in.Cors != nil {
			u.Cors = in.Cors
		}
		u.LastModified = now
		shown = p.shownURL(t.name, qualifier, u)
		shown.InvokeMode = u.InvokeMode // the responses of changes have it only if somebody has said so (recorded on AWS)
		return f, nil
	})
	return shown, err
}

func (p *Plane) getFunctionURLConfig(_ context.Context, in *FunctionURLRequest) (*FunctionURLConfig, error) {
	t, err := p.urlTarget(in, false)
	if err != nil {
		return nil, err
	}
	if f := p.get(t.name); f != nil && f.URLs[orLatest(t.qualifier)] != nil {
		return p.shownURL(t.name, t.qualifier, f.URLs[orLatest(t.qualifier)]), nil
	}
	return nil, noSuchURL()
}

func (p *Plane) deleteFunctionURLConfig(_ context.Context, in *FunctionURLRequest) (*struct{}, error) {
	t, err := p.urlTarget(in, false)
	if err != nil {
		return nil, err
	}
	_, err = p.change(t.name, func(f *function) (*function, error) {
		if f == nil || f.URLs[orLatest(t.qualifier)] == nil {
			return nil, noSuchURL()
		}
		delete(f.URLs, orLatest(t.qualifier))
		return f, nil
	})
	return nil, err
}

// ListFunctionURLConfigsResponse is the response of ListFunctionUrlConfigs.
type ListFunctionURLConfigsResponse struct {
	FunctionUrlConfigs []*FunctionURLConfig
	NextMarker         string `json:",omitempty"`
}

func (p *Plane) listFunctionURLConfigs(_ context.Context, in *FunctionURLRequest) (*ListFunctionURLConfigsResponse, error) {
	page, next, err := listByQualifier(p, qualifierListing{in.FunctionName, in.Marker, in.MaxItems, "Function does not exist"},
		func(f *function) map[string]*functionURL { return f.URLs }, p.shownURL, func(c *FunctionURLConfig) string { return c.FunctionArn })
	return &ListFunctionURLConfigsResponse{page, next}, err
}

// newURLID draws the id of a function URL: 32 small letters and digits.
func newURLID() string { return strings.ToLower(rand.Text() + rand.Text())[:32] }

// FunctionURL finds a function URL by its id; nil if there is none.
func (p *Plane) FunctionURL(id string) *FunctionURL {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, f := range p.functions {
		if f.dormant {
			continue
		}
		for qualifier, u := range f.URLs {
			if u.ID == id {
				return p.servedURL(f.Name, qualifier, u)
			}
		}
	}
	return nil
}

// FunctionURLs lists the function URLs that are served, by the names of their functions.
func (p *Plane) FunctionURLs() []FunctionURL {
	var list []FunctionURL
	for _, f := range p.all() {
		for _, qualifier := range slices.Sorted(maps.Keys(f.URLs)) {
			list = append(list, *p.servedURL(f.Name, qualifier, f.URLs[qualifier]))
		}
	}
	return list
}

func (p *Plane) servedURL(name, qualifier string, u *functionURL) *FunctionURL {
	if qualifier == lambda.Latest {
		qualifier = ""
	}
	return &FunctionURL{ID: u.ID, Name: name, Function: p.arn(name, qualifier), AuthType: u.AuthType, Cors: u.Cors}
}

// DeployFunctionURL makes a function URL be as the request says, which a template does in full, and be called by the id. The errors are those of
// CreateFunctionUrlConfig.
func (p *Plane) DeployFunctionURL(in FunctionURLRequest, id string) error {
	t, err := p.urlTarget(&in, true)
	if err != nil {
		return err
	}
	qualifier := orLatest(t.qualifier)
	if in.InvokeMode == nil {
		in.InvokeMode = new(string)
		*in.InvokeMode = invokeBuffered
	}
	_, err = p.change(t.name, func(f *function) (*function, error) {
		if f == nil || !f.has(qualifier) {
			return nil, notFound("Function does not exist")
		}
		now := p.cfg.Clock.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
		next := &functionURL{ID: id, AuthType: *in.AuthType, InvokeMode: *in.InvokeMode, Cors: in.Cors, Created: now, LastModified: now}
		if old := f.URLs[qualifier]; old != nil {
			next.Created, next.LastModified = old.Created, old.LastModified
			if encode(old) != encode(next) {
				next.LastModified = now
			}
		}
		f.URLs[qualifier] = next
		return f, nil
	})
	return err
}
