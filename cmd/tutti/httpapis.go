package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// servedHTTPAPI is an HTTP or REST API of API Gateway, as JSON tells of it.
type servedHTTPAPI struct {
	Name     string   `json:"name"`
	ID       string   `json:"id"`
	Type     string   `json:"type"` // HTTP or REST
	URLs     []string `json:"urls"` // one a stage
	Routes   []string `json:"routes"`
	Keys     []string `json:"apiKeys,omitempty"` // that its usage plans take
	Problems []string `json:"problems"`
}

// httpAPIs are the HTTP and REST APIs of the server's stack.
func (s *server) httpAPIs() []servedHTTPAPI {
	list := []servedHTTPAPI{}
	for _, a := range s.stack.HTTPAPIs() {
		served := servedHTTPAPI{Name: a.Name, ID: a.ID, Type: a.Type, Routes: append([]string{}, a.Routes...), Keys: a.Keys, Problems: []string{}}
		_, port, _ := strings.Cut(strings.TrimPrefix(s.endpoint.URL, "http://"), ":")
		for _, stage := range a.Stages {
			u := "http://" + a.ID + ".execute-api.localhost:" + port + "/"
			if stage != "$default" {
				u += stage + "/"
			}
			served.URLs = append(served.URLs, u)
		}
		for _, p := range a.Problems {
			served.Problems = append(served.Problems, p.Error())
		}
		list = append(list, served)
	}
	return list
}

// servesHost tells whether a host is that of one of the stack's APIs.
func (s *server) servesHost(host string) bool {
	id, _, ok := strings.Cut(host, ".execute-api.")
	return ok && s.stack.HTTPAPI(id) != nil
}

// httpAPIRows show each API with its address, its routes below it, and what keeps routes from working.
func (c *cli) httpAPIRows(s *server) (rows [][]string) {
	th := c.out.theme
	for _, a := range s.httpAPIs() {
		for _, u := range a.URLs {
			rows = append(rows, []string{"  " + th.good("✓"), a.Name, th.bold(u)})
		}
		for _, r := range a.Routes {
			rows = append(rows, []string{"   ", th.dim(r)})
		}
		for _, k := range a.Keys {
			rows = append(rows, []string{"   ", th.dim("x-api-key: " + printable(k))})
		}
		for _, p := range a.Problems {
			rows = append(rows, []string{"  " + th.bad("✗"), th.bad(printable(p))})
		}
	}
	return rows
}

func keySetsFlag(cmd *cobra.Command, files *map[string]string) {
	cmd.Flags().StringToStringVar(files, "jwks", nil, "keys of JWTs, for authorizers of HTTP APIs: `ISSUER=FILE`, a JSON Web Key Set; others are fetched from the issuer")
}
