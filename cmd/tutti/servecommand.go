package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/tutti-run/tutti/internal/stack"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	projectFlags
	upstream upstreamFlags
	clock    clockFlag
	keySets  map[string]string
	template string
	port     int
	empty    bool
	output   format
}

func (c *cli) serveCommand() *cobra.Command {
	o := serveFlags{output: formatText}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve AWS's API on a loopback port: for the project's stack, or for whatever clients create",
		Long: `Serve AWS's API on a loopback port, for scripts, tests and tools that bring their own client.

With --empty nothing is deployed and no project is needed: state machines, versions, aliases and activities are what clients create, and
they are there again after a restart. Without it the project's template is deployed as tutti dev does, schedules aside.

In another terminal: eval "$(tutti env)", and every AWS client speaks to it.`,
		Example: `  tutti serve --empty --port 4566 --data /tmp/states
  tutti serve --port 0 --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.serve(cmd.Context(), o) },
	}
	o.addTo(cmd)
	o.upstream.addTo(cmd)
	o.clock.addTo(cmd)
	keySetsFlag(cmd, &o.keySets)
	cmd.Flags().StringVar(&o.template, "template", "", "the template `FILE` (default: infra/snapshot/*.template.json)")
	cmd.Flags().IntVar(&o.port, "port", defaultPort, "the port on 127.0.0.1; 0 for any that is free")
	cmd.Flags().BoolVar(&o.empty, "empty", false, "deploy nothing")
	cmd.Flags().Var(&o.output, "output", "text; or json: one document about what is served on standard output, everything else on standard error")
	return cmd
}

func (c *cli) serve(ctx context.Context, o serveFlags) (err error) {
	p, template, err := c.served(o)
	if err != nil {
		return err
	}
	if e, err := running(ctx, p.data); err == nil {
		return &problem{exitData, fmt.Errorf("a server for this data folder is running already: process %d at %s", e.PID, e.URL)}
	}
	progress := &buildProgress{console: c.err}
	s, err := openServer(ctx, serveOptions{
		project: p, template: template, upstream: o.upstream, clock: o.clock, keySets: o.keySets, port: o.port, clients: true, onFailure: c.giveUp, log: c.logger(), progress: func(e stack.Event) { progress.event(e) },
	})
	progress.done()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.closeServer(ctx, s)) }()
	if o.output == formatJSON {
		err = json.NewEncoder(c.out.w).Encode(struct {
			endpoint
			Data    string   `json:"data"`
			Resumed []string `json:"resumed"`
		}{s.endpoint, p.data, append([]string{}, s.resumed...)})
		if err != nil {
			return err
		}
	} else {
		c.printFields([][2]string{
			{"Endpoint", c.out.theme.bold(s.endpoint.URL)}, {"Data", c.relative(p.data)}, {"Resumed", resumedText(len(s.resumed))},
		})
		c.out.println(c.out.theme.dim(`For AWS clients: eval "$(tutti env` + c.envFlags(o.projectFlags) + `)". Ctrl-C stops.`))
	}
	giveBackStartup()
	select {
	case <-ctx.Done():
		c.err.println("stopping")
		return nil
	case err := <-s.failed:
		return fmt.Errorf("the server stopped: %w", err)
	}
}

// served finds what to serve. An empty server needs no project: its data folder is .tutti where it was called, unless that is given.
func (c *cli) served(o serveFlags) (p project, template string, err error) {
	if o.empty && o.template != "" {
		return p, "", usage("--empty deploys nothing: leave out --template")
	}
	p, err = c.locate(o.projectFlags)
	if _, found := findUp(c.dir); err != nil && o.empty && o.project == "" && !found {
		p, err = project{root: c.dir, data: filepath.Join(c.dir, ".tutti")}, nil
	}
	if err != nil || o.empty {
		return p, "", err
	}
	template, err = c.template(p, o.template)
	return p, template, err
}

// envFlags are the flags with which tutti env finds the same server.
func (c *cli) envFlags(f projectFlags) string {
	flags := ""
	if f.project != "" {
		flags += " --project " + quoteSh(c.path(f.project))
	}
	if f.data != "" {
		flags += " --data " + quoteSh(c.path(f.data))
	}
	return flags
}
