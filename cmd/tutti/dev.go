package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/stack"
)

// defaultPort is the one that other local AWS tools use too.
const defaultPort = 4566

// devOptions are the flags of dev.
type devOptions struct {
	projectFlags
	upstream   upstreamFlags
	clock      clockFlag
	keySets    map[string]string
	template   string
	parameters []string
	resolve    []string
	port       int
	demo       bool
	output     format
}

func (c *cli) devCommand() *cobra.Command {
	o := devOptions{output: formatText}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run the project's functions, state machines and schedules on this computer",
		Long: `Run what the project's template describes: functions, state machines and schedules, behind AWS's own API on a loopback port.
Executions that were under way when the server last ended go on.

The template may be CloudFormation or SAM, in JSON or YAML; a folder may be a CDK app's cdk.out, with all its stacks. Functions in Go are built; those
in Node and Python run under the interpreters that are installed, and a bootstrap runs as it is. What is not run here is listed with what
needs it. A changed function, definition or template is taken in at once, and executions under way go on with what they started with.

--demo serves two endpoints to watch, which events/endpoint-watch.json names, on 127.0.0.1:4599: /healthy and /slow.`,
		Example: `  tutti dev
  tutti dev --template cdk.out
  tutti dev --port 0 --template template.yaml --parameter Stage=dev
  aws stepfunctions --endpoint-url http://127.0.0.1:4566 list-state-machines`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.dev(cmd.Context(), o) },
	}
	o.addTo(cmd)
	o.upstream.addTo(cmd)
	o.clock.addTo(cmd)
	keySetsFlag(cmd, &o.keySets)
	cmd.Flags().StringVar(&o.template, "template", "", "the template `FILE` or the folder of a cloud assembly (default: infra/snapshot/*.template.json, cdk.out or template.yaml)")
	cmd.Flags().StringArrayVar(&o.parameters, "parameter", nil, "a template's parameter, `NAME=VALUE`; may be given several times")
	cmd.Flags().StringArrayVar(&o.resolve, "resolve", nil, "a value for what the template takes from elsewhere, `REFERENCE=VALUE`: ssm:/a/b=x for {{resolve:ssm:/a/b}} and parameters of the type AWS::SSM::Parameter::Value, export:n=x for Fn::ImportValue")
	cmd.Flags().IntVar(&o.port, "port", defaultPort, "the port on 127.0.0.1; 0 for any that is free")
	demoFlag(cmd, &o.demo)
	cmd.Flags().Var(&o.output, "output", "text; or json: one document about what is served on standard output, everything else on standard error")
	return cmd
}

func (c *cli) dev(ctx context.Context, o devOptions) error {
	p, err := c.locate(o.projectFlags)
	if err != nil {
		return err
	}
	template, err := c.template(p, o.template)
	if err != nil {
		return err
	}
	parameters, err := namedValues("--parameter", o.parameters)
	if err != nil {
		return err
	}
	resolve, err := namedValues("--resolve", o.resolve)
	if err != nil {
		return err
	}
	if e, err := running(ctx, p.data); err == nil {
		return &problem{exitData, fmt.Errorf("a server for this project is running already: process %d at %s", e.PID, e.URL)}
	}
	if o.demo {
		stop, err := startDemo(ctx, demoAddress)
		if err != nil {
			return err
		}
		defer stop()
	}
	return c.serveDev(ctx, o, serveOptions{
		project: p, template: template, parameters: parameters, resolve: resolve, upstream: o.upstream, clock: o.clock, keySets: o.keySets, port: o.port,
		schedules: true, clients: true, onFailure: c.giveUp, log: c.logger(),
	})
}

// serveDev serves the project with the options, to which it adds who is told of what happens, and tells of it until the context ends or the server stops.
func (c *cli) serveDev(ctx context.Context, o devOptions, options serveOptions) (err error) {
	p, template := options.project, options.template
	shown := c
	if o.output == formatJSON {
		aside := *c
		aside.out = c.err
		shown = &aside
	}
	opened := c.now()
	r := newReloader(shown, p, template)
	ctx, cancel := context.WithCancel(ctx)
	defer r.close() // with the context over and before the server closes
	defer cancel()
	var others []string
	var reloads atomic.Pointer[reloader]
	progress := &buildProgress{console: c.err}
	lines := functionLines{shown, new(atomic.Pointer[map[string]string])}
	options.lines = lines
	options.progress = func(e stack.Event) {
		if r := reloads.Load(); r != nil {
			r.event(e)
			return
		}
		if e.Kind == stack.NotRunHere {
			others = append(others, notRunHere(e))
		}
		progress.event(e)
	}
	s, err := openServer(ctx, options)
	progress.done()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.closeServer(ctx, s)) }()
	lines.names.Store(new(shortFunctions(s.endpoint.Functions)))
	if o.output == formatJSON {
		if err := c.describeServer(s, p, template, others); err != nil {
			return err
		}
	} else {
		c.announce(s, p, template, others, o.demo)
	}
	giveBackStartup()
	r.server = s
	reloads.Store(r)
	return c.attend(ctx, s, newWatcher(shown, s, opened), r, lines)
}

// attend shows what executions and functions do, and takes changes in, until the context ends or the server stops.
func (c *cli) attend(ctx context.Context, s *server, w *watcher, r *reloader, lines functionLines) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			w.look()
			c.err.println("stopping")
			return nil
		case err := <-s.failed:
			return fmt.Errorf("the server stopped: %w", err)
		case <-ticker.C:
			w.look()
		case paths := <-r.changes():
			r.changed(ctx, paths)
		case result := <-r.done:
			r.finished(ctx, result)
			w.names = s.endpoint.remote()
			lines.names.Store(new(shortFunctions(s.endpoint.Functions)))
		}
	}
}

// namedValues reads a flag's NAME=VALUE arguments.
func namedValues(flag string, given []string) (map[string]string, error) {
	values := map[string]string{}
	for _, text := range given {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usage("%s takes NAME=VALUE, not %q", flag, text)
		}
		values[name] = value
	}
	return values, nil
}

// notRunHere is a line about resources that are not run here, with what needs them.
func notRunHere(e stack.Event) string {
	if len(e.NeededBy) == 0 {
		return e.Detail
	}
	return e.Detail + ", needed by " + strings.Join(e.NeededBy, ", ")
}

// served is what dev tells in JSON.
type served struct {
	endpoint
	Template     string           `json:"template"`
	Data         string           `json:"data"`
	Resumed      []string         `json:"resumed"`
	Refused      []string         `json:"refused"`
	Schedules    []servedSchedule `json:"schedules"`
	HTTPAPIs     []servedHTTPAPI  `json:"httpApis"`
	FunctionURLs []servedURL      `json:"functionUrls"`
	NotRunHere   []string         `json:"notRunHere"`
}

type servedSchedule struct {
	Name       string    `json:"name"`
	Expression string    `json:"expression"`
	Target     string    `json:"target"`
	Next       time.Time `json:"next,omitzero"`
}

// describeServer writes one JSON document about what is served.
func (c *cli) describeServer(s *server, p project, template string, others []string) error {
	answer := served{endpoint: s.endpoint, Template: template, Data: p.data, Resumed: append([]string{}, s.resumed...),
		Refused: []string{}, Schedules: []servedSchedule{}, NotRunHere: append([]string{}, others...)}
	for _, m := range s.stack.Machines() {
		if m.Err != nil {
			answer.Refused = append(answer.Refused, m.Name+": "+m.Err.Error())
		}
	}
	for _, f := range s.stack.Functions() {
		if f.Err != nil {
			answer.Refused = append(answer.Refused, shortFunction(f)+": "+f.Err.Error())
		}
	}
	for _, e := range s.stack.Schedules() {
		answer.Schedules = append(answer.Schedules, servedSchedule{e.Name, e.Expression, strings.Join(e.Targets, " "), e.Next})
	}
	answer.HTTPAPIs, answer.FunctionURLs = s.httpAPIs(), s.functionURLs()
	return json.NewEncoder(c.out.w).Encode(answer)
}

// announce says where things are.
func (c *cli) announce(s *server, p project, template string, others []string, demo bool) {
	th := c.out.theme
	section := func(title string, rows [][]string) {
		if len(rows) == 0 {
			return
		}
		c.out.println("")
		c.out.println(th.bold(title))
		for _, line := range table(rows) {
			c.out.println(line)
		}
	}
	c.printFields([][2]string{
		{"Endpoint", th.bold(s.endpoint.URL)}, {"Template", c.relative(template)}, {"Data", c.relative(p.data)}, {"Resumed", resumedText(len(s.resumed))},
		{"Demo", demoText(demo)},
	})
	section("State machines", c.machineRows(s))
	for _, m := range s.stack.Machines() {
		if m.Err != nil {
			for _, line := range diagnostics(&m, th) {
				c.out.println(line)
			}
		}
	}
	section("Functions", c.functionRows(s))
	section("APIs", c.httpAPIRows(s))
	section("Function URLs", c.functionURLRows(s))
	section("Schedules", c.scheduleRows(s))
	var rows [][]string
	for _, other := range others {
		rows = append(rows, []string{"  " + th.dim("-"), th.dim(other)})
	}
	section("Not run here", rows)
	c.out.println("")
	if names := s.names(); len(names) > 0 {
		c.out.println(th.dim("Start one: tutti run " + names[0] + ". Ctrl-C stops."))
	}
}

func resumedText(n int) string {
	if n == 0 {
		return ""
	}
	return count(n, "execution goes", "executions go") + " on"
}

func demoText(on bool) string {
	if !on {
		return ""
	}
	return "http://" + demoAddress + "/healthy and /slow"
}

func (c *cli) machineRows(s *server) (rows [][]string) {
	th := c.out.theme
	for _, m := range s.stack.Machines() {
		mark, note := th.good("✓"), ""
		if m.Err != nil {
			mark, note = th.bad("✗"), th.bad("refused")
		}
		rows = append(rows, []string{"  " + mark, m.Name, th.dim(m.Source), note})
	}
	return rows
}

func (c *cli) functionRows(s *server) (rows [][]string) {
	th := c.out.theme
	for _, f := range s.stack.Functions() {
		mark, note := th.good("✓"), ""
		if f.Err != nil {
			mark, note = th.bad("✗"), th.bad(functionFault(f.Err))
		}
		rows = append(rows, []string{"  " + mark, shortFunction(f), th.dim(f.Source), note})
	}
	return rows
}

// functionFault says in a line why a function cannot be invoked.
func functionFault(err error) string {
	var failed *lambda.BuildError
	if errors.As(err, &failed) {
		return "does not build"
	}
	return printable(err.Error())
}

func (c *cli) scheduleRows(s *server) (rows [][]string) {
	th := c.out.theme
	remote := s.endpoint.remote()
	for _, e := range s.stack.Schedules() {
		next := th.dim("never")
		if !e.Next.IsZero() {
			next = e.Next.Local().Format("15:04:05") + th.dim(" in "+roughly(e.Next.Sub(c.now())))
		}
		var targets []string
		for _, arn := range e.Targets {
			targets = append(targets, remote.short(arn))
		}
		rows = append(rows, []string{"  " + th.good("✓"), strings.Join(targets, ", "), e.Expression, "next " + next, th.dim(e.Name)})
	}
	return rows
}

// diagnostics are the findings in a machine's definition, with places that editors understand.
func diagnostics(m *stack.MachineInfo, th theme) []string {
	source := m.Source
	if source == "" {
		source = m.Name
	}
	var lines []string
	for _, d := range m.Diagnostics {
		line, column := position(m.Text, d.Offset)
		place := d.Location
		if place != "" {
			place = " at " + place
		}
		lines = append(lines, fmt.Sprintf("  %s:%d:%d: %s", source, line, column, th.bad(string(d.Code))+": "+printable(d.Message)+th.dim(place)))
	}
	if len(lines) == 0 && m.Err != nil {
		lines = append(lines, "  "+source+": "+printable(m.Err.Error()))
	}
	return lines
}

// position turns a byte offset into a line and a column, both from 1.
func position(text string, offset int) (line, column int) {
	before := text[:min(max(0, offset), len(text))]
	return 1 + strings.Count(before, "\n"), len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
}

// timeOfDay is how dev's lines begin.
const timeOfDay = "15:04:05"
