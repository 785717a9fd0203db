package main

import (
	"strings"

	"github.com/tutti-run/tutti/internal/api"
)

// servedURL is the URL of a function, as JSON tells of it.
type servedURL struct {
	Function string `json:"function"` // its name, with :ALIAS if the URL is an alias's
	URL      string `json:"url"`
	AuthType string `json:"authType"`
}

// functionURL finds what answers at a function URL.
func (s *server) functionURL(id string) api.HTTPAPI {
	if h := s.stack.FunctionURL(id); h != nil {
		return h
	}
	return nil
}

// functionURLs are the URLs of all functions, the template's and those that clients made.
func (s *server) functionURLs() []servedURL {
	list := []servedURL{}
	_, port, _ := strings.Cut(strings.TrimPrefix(s.endpoint.URL, "http://"), ":")
	for _, u := range s.stack.Lambda().FunctionURLs() {
		_, name, _ := strings.Cut(u.Function, ":function:")
		list = append(list, servedURL{name, "http://" + u.ID + ".lambda-url.localhost:" + port + "/", u.AuthType})
	}
	return list
}

func (c *cli) functionURLRows(s *server) (rows [][]string) {
	th := c.out.theme
	short := shortFunctions(s.endpoint.Functions)
	for _, u := range s.functionURLs() {
		name, alias, qualified := strings.Cut(u.Function, ":")
		if known := short[name]; known != "" {
			name = known
		}
		if qualified {
			name += ":" + alias
		}
		if u.AuthType != "NONE" {
			name += " (" + u.AuthType + ")"
		}
		rows = append(rows, []string{"  " + th.good("✓"), name, th.bold(u.URL)})
	}
	return rows
}
