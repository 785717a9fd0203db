package httpapi

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// defaultKey is the key of the route, and the name of the stage, that takes what no other takes.
const defaultKey = "$default"

// anyMethod is the method of routes that take every method.
const anyMethod = "ANY"

// methods are those that a route key may begin with.
var methods = []string{anyMethod, "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// router finds routes.
type router struct {
	routes   []compiledRoute // the most specific first
	fallback *Route
}

// compiledRoute is a route whose key has been taken apart.
type compiledRoute struct {
	route    Route
	method   string
	segments []segment
	greedy   bool // the last segment takes the rest of the path
}

// segment is a part of a path between slashes: a text, or the name of a variable.
type segment struct{ text, variable string }

func newRouter(routes []Route) (*router, []Problem) {
	r := &router{}
	var problems []Problem
	seen := map[string]bool{}
	for _, route := range routes {
		if seen[route.Key] {
			problems = append(problems, Problem{Resource: fmt.Sprintf("route %q", route.Key), Message: "is there twice"})
			continue
		}
		seen[route.Key] = true
		if route.Key == defaultKey {
			r.fallback = &route
			continue
		}
		compiled, why := compileRoute(route)
		if why != "" {
			problems = append(problems, Problem{Resource: fmt.Sprintf("route %q", route.Key), Message: why})
			continue
		}
		r.routes = append(r.routes, compiled)
	}
	slices.SortStableFunc(r.routes, moreSpecific)
	return r, problems
}

// compileRoute takes a route's key apart; why says what is wrong with it.
func compileRoute(route Route) (c compiledRoute, why string) {
	method, path, ok := strings.Cut(route.Key, " ")
	if !ok || !slices.Contains(methods, method) || !strings.HasPrefix(path, "/") {
		return c, `the key must be $default or a method and a path, like "GET /pets/{id}"`
	}
	c = compiledRoute{route: route, method: method}
	names := map[string]bool{}
	parts := strings.Split(path[1:], "/")
	for i, part := range parts {
		s := segment{text: part}
		if strings.ContainsAny(part, "{}") {
			name, closed := strings.CutSuffix(part, "}")
			name, opened := strings.CutPrefix(name, "{")
			if !opened || !closed || strings.ContainsAny(name, "{}") {
				return c, fmt.Sprintf("a path variable must be a whole segment, which %q is not", part)
			}
			if rest, greedy := strings.CutSuffix(name, "+"); greedy {
				if i < len(parts)-1 {
					return c, fmt.Sprintf("the greedy variable %q must stand at the end of the path", part)
				}
				c.greedy, name = true, rest
			}
			if name == "" || names[name] {
				return c, fmt.Sprintf("the path variable %q has no name of its own", part)
			}
			names[name] = true
			s = segment{variable: name}
		}
		c.segments = append(c.segments, s)
	}
	return c, ""
}

// moreSpecific orders routes by how specific they are (developer guide, "Routing API requests"): full matches before greedy ones, then texts
// before variables from left to right, then a method before ANY.
func moreSpecific(a, b compiledRoute) int {
	if a.greedy != b.greedy {
		if b.greedy {
			return -1
		}
		return 1
	}
	for i := range min(len(a.segments), len(b.segments)) {
		if at, bt := a.segments[i].variable == "", b.segments[i].variable == ""; at != bt {
			if at {
				return -1
			}
			return 1
		}
	}
	if len(a.segments) != len(b.segments) {
		return len(b.segments) - len(a.segments) // of two greedy routes the longer one
	}
	switch {
	case a.method == b.method:
		return 0
	case b.method == anyMethod:
		return -1
	case a.method == anyMethod:
		return 1
	}
	return 0
}

// find returns the route for a request, nil if there is none, and the values of its path variables, which it decodes.
func (r *router) find(method, path string) (*Route, map[string]string) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i := range r.routes {
		c := &r.routes[i]
		if c.method != anyMethod && c.method != method {
			continue
		}
		if variables, ok := c.match(parts); ok {
			return &c.route, variables
		}
	}
	return r.fallback, nil
}

func (c *compiledRoute) match(parts []string) (map[string]string, bool) {
	if len(parts) != len(c.segments) && (!c.greedy || len(parts) < len(c.segments)) {
		return nil, false
	}
	var variables map[string]string
	for i, s := range c.segments {
		part := parts[i]
		if c.greedy && i == len(c.segments)-1 {
			part = strings.Join(parts[i:], "/")
		}
		decoded, err := url.PathUnescape(part)
		switch {
		case err != nil:
			return nil, false
		case s.variable == "" && decoded != s.text:
			return nil, false
		case s.variable == "":
			continue
		case part == "":
			return nil, false // a variable stands for something
		}
		if variables == nil {
			variables = map[string]string{}
		}
		variables[s.variable] = decoded
	}
	return variables, true
}
