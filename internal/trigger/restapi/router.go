package restapi

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// anyVerb is the verb of methods that take every verb.
const anyVerb = "ANY"

// verbs are those that a method may have.
var verbs = []string{anyVerb, "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// router finds methods.
type router struct {
	paths []*compiledPath // the most specific first
}

// compiledPath is a path that has been taken apart.
type compiledPath struct {
	text     string
	segments []segment
	greedy   bool // the last segment takes the rest
	methods  map[string]*method
}

// segment is a part of a path between slashes: a text, or the name of a variable.
type segment struct{ text, variable string }

// add puts a method in; why says what is wrong with its path or verb.
func (r *router) add(m *method) (why string) {
	if !slices.Contains(verbs, m.Verb) {
		return fmt.Sprintf("the method %q is none of %s", m.Verb, strings.Join(verbs, ", "))
	}
	i := slices.IndexFunc(r.paths, func(p *compiledPath) bool { return p.text == m.Path })
	if i < 0 {
		p, why := compilePath(m.Path)
		if why != "" {
			return why
		}
		r.paths = append(r.paths, p)
		i = len(r.paths) - 1
	}
	if r.paths[i].methods[m.Verb] != nil {
		return "is there twice"
	}
	r.paths[i].methods[m.Verb] = m
	return ""
}

// sort brings the paths into the order in which they are looked at.
func (r *router) sort() { slices.SortStableFunc(r.paths, moreSpecific) }

func compilePath(text string) (p *compiledPath, why string) {
	if !strings.HasPrefix(text, "/") {
		return nil, fmt.Sprintf("the path %q does not begin with /", text)
	}
	p = &compiledPath{text: text, methods: map[string]*method{}}
	if text == "/" {
		return p, ""
	}
	parts := strings.Split(strings.TrimSuffix(text[1:], "/"), "/")
	for i, part := range parts {
		s := segment{text: part}
		if name, isVariable := strings.CutPrefix(part, "{"); isVariable && strings.HasSuffix(name, "}") {
			name = strings.TrimSuffix(name, "}")
			if rest, greedy := strings.CutSuffix(name, "+"); greedy {
				if i < len(parts)-1 {
					return nil, fmt.Sprintf("the greedy variable %q must stand at the end of the path", part)
				}
				p.greedy, name = true, rest
			}
			s = segment{variable: name}
		}
		p.segments = append(p.segments, s)
	}
	return p, ""
}

// moreSpecific orders paths: from left to right, texts before variables and those before a greedy one.
func moreSpecific(a, b *compiledPath) int {
	rank := func(p *compiledPath, i int) int {
		switch {
		case p.segments[i].variable == "":
			return 0
		case p.greedy && i == len(p.segments)-1:
			return 2
		}
		return 1
	}
	for i := range min(len(a.segments), len(b.segments)) {
		if d := rank(a, i) - rank(b, i); d != 0 {
			return d
		}
	}
	return len(b.segments) - len(a.segments)
}

// find returns the method for a request, nil if there is none, and the values of its path's variables as they were sent.
func (r *router) find(verb, path string) (*method, map[string]string) {
	trimmed := strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	var parts []string
	if trimmed != "" {
		parts = strings.Split(trimmed, "/")
	}
	for _, p := range r.paths {
		variables, ok := p.match(parts)
		if !ok {
			continue
		}
		if m := p.methods[verb]; m != nil {
			return m, variables
		}
		return p.methods[anyVerb], variables // the path decides, whatever its methods
	}
	return nil, nil
}

func (p *compiledPath) match(parts []string) (map[string]string, bool) {
	if len(parts) != len(p.segments) && (!p.greedy || len(parts) < len(p.segments)) {
		return nil, false
	}
	var variables map[string]string
	for i, s := range p.segments {
		part := parts[i]
		if p.greedy && i == len(p.segments)-1 {
			part = strings.Join(parts[i:], "/")
		}
		decoded, err := url.PathUnescape(part)
		if err != nil || s.variable == "" && decoded != s.text || part == "" {
			return nil, false
		}
		if s.variable == "" {
			continue
		}
		if variables == nil {
			variables = map[string]string{}
		}
		variables[s.variable] = part
	}
	return variables, true
}
