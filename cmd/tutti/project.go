package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tutti-run/tutti/internal/stack"
)

// project is where things are.
type project struct {
	root string // absolute
	data string // absolute; need not exist
}

// projectFlags say which project is meant.
type projectFlags struct{ project, data string }

func (f *projectFlags) addTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.project, "project", "", "the project's `DIR` (default: the nearest folder upwards with a cdk.json, a template.yaml or .tutti)")
	cmd.Flags().StringVar(&f.data, "data", "", "the data folder `DIR` (default: .tutti in the project)")
}

// locate finds the project.
func (c *cli) locate(f projectFlags) (project, error) {
	var p project
	if f.project != "" {
		p.root = c.path(f.project)
		if info, err := os.Stat(p.root); err != nil || !info.IsDir() {
			return p, usage("the project %s is not a folder", f.project)
		}
	} else if root, ok := findUp(c.dir); ok {
		p.root = root
	} else if f.data != "" {
		p.root = c.dir // what is asked for lies in the data folder
	} else {
		return p, usage("no project: neither %s nor a folder above it has a cdk.json, a template.yaml or .tutti; go to the project's folder, or give --project or --data", c.dir)
	}
	p.data = filepath.Join(p.root, ".tutti")
	if f.data != "" {
		p.data = c.path(f.data)
	}
	return p, nil
}

// path makes an argument absolute.
func (c *cli) path(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(c.dir, p)
}

// findUp returns the nearest folder from dir upwards that is a project.
func findUp(dir string) (string, bool) {
	for {
		for _, mark := range []string{"cdk.json", ".tutti", "template.yaml", "template.yml", "samconfig.toml"} {
			if _, err := os.Stat(filepath.Join(dir, mark)); err == nil {
				return dir, true
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// template is the template to run: the one given, or the only one of the project's snapshot.
func (c *cli) template(p project, given string) (string, error) {
	if given != "" {
		path := c.path(given)
		if _, err := os.Stat(path); err != nil {
			return "", usage("the template cannot be read: %w", err)
		}
		return path, nil
	}
	pattern := filepath.Join("infra", "snapshot", "*.template.json")
	found, err := filepath.Glob(filepath.Join(escapeGlob(p.root), pattern))
	switch {
	case err != nil:
		return "", fmt.Errorf("look for a template: %w", err)
	case len(found) == 0:
		path, err := stack.FindTemplate(p.root)
		if err != nil {
			return "", usage("the project %s has no template in %s, no cdk.out and no template.yaml: synthesize one, or give --template", p.root, pattern)
		}
		return path, nil
	case len(found) > 1:
		names := make([]string, 0, len(found))
		for _, path := range found {
			names = append(names, c.relative(path))
		}
		return "", usage("the project has several templates: choose one with --template: %s", strings.Join(names, ", "))
	}
	return found[0], nil
}

// escapeGlob takes the meaning from a path's wildcards.
func escapeGlob(path string) string {
	if os.PathSeparator == '\\' {
		return path
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// relative is the path as a person in the working directory would write it.
func (c *cli) relative(path string) string {
	if short, err := filepath.Rel(c.dir, path); err == nil && len(short) < len(path) {
		return short
	}
	return path
}

// endpoint is the file by which commands find the server that runs for a project.
type endpoint struct {
	URL string `json:"url"`
	PID int    `json:"pid"`
	// ID tells this server from another that has come to listen on the same port.
	ID string `json:"id"`
	// Machines and Functions are what people call state machines and functions, whose deployed names hold more.
	Machines  []shortName `json:"machines"`
	Functions []shortName `json:"functions"`
}

type shortName struct {
	Name string `json:"name"`
	ARN  string `json:"arn"`
}

// shortFunctions maps the deployed names of functions to what people call them.
func shortFunctions(functions []shortName) map[string]string {
	names := make(map[string]string, len(functions))
	for _, f := range functions {
		names[functionName(f.ARN)] = f.Name
	}
	return names
}

func endpointFile(data string) string { return filepath.Join(data, "endpoint.json") }

// identityPath is where a server answers with its ID.
const identityPath = "/_tutti/id"

func newID() string { return rand.Text() }

// write puts the file in place at once, so that nobody reads half of it.
func (e endpoint) write(data string) error {
	content, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	name := endpointFile(data)
	if err := os.WriteFile(name+".new", append(content, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// remove takes the file away unless it is another server's.
func (e endpoint) remove(data string) {
	if found, err := readEndpoint(data); err == nil && found.ID == e.ID {
		_ = os.Remove(endpointFile(data)) // one that stays behind is found out by its ID
	}
}

func readEndpoint(data string) (endpoint, error) {
	var e endpoint
	content, err := os.ReadFile(endpointFile(data))
	if err != nil {
		return e, err
	}
	err = json.Unmarshal(content, &e)
	return e, err
}

// errNoServer says that no server runs for the project.
var errNoServer = errors.New("no server is running for this project: start one with `tutti dev`, or give --endpoint")

// running returns the endpoint of the server that runs for the project, or errNoServer. A file that a killed server left behind does
// not count.
func running(ctx context.Context, data string) (endpoint, error) {
	e, err := readEndpoint(data)
	if err != nil || e.ID == "" {
		return e, errNoServer
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if e.answers(ctx) {
		return e, nil
	}
	return e, errNoServer
}

// answers tells whether the server is there.
func (e endpoint) answers(ctx context.Context) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL+identityPath, nil)
	if err != nil {
		return false
	}
	response, err := localClient().Do(r)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode == http.StatusOK && response.Header.Get(identityHeader) == e.ID
}

// identityHeader carries a server's ID.
const identityHeader = "Tutti-Server"

// localClient speaks to this computer: no proxy, no connection kept.
func localClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}
