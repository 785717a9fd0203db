package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/spf13/cobra"
	vocabulary "github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/stack"
)

// runOptions are the flags of run.
type runOptions struct {
	clientFlags
	upstream upstreamFlags
	clock    clockFlag
	template string
	input    string
	name     string
	demo     bool
}

func (c *cli) runCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run MACHINE",
		Short: "Start an execution and show it until it ends",
		Long: `Start an execution of a state machine and show its states until it ends.

The execution runs in the server that tutti dev started for this project, or in a server of its own for as long as it takes. In that
case executions that an earlier run left unfinished are finished first.

The output goes to standard output, everything else to standard error. The exit code is 0 only if the execution SUCCEEDED, 3 if it
FAILED, 4 if it TIMED_OUT, 5 if it was ABORTED.

--demo serves two endpoints to watch, which events/endpoint-watch.json names, on 127.0.0.1:4599: /healthy and /slow.`,
		Example: `  tutti run endpoint-watch --input events/endpoint-watch.json --demo
  tutti run endpoint-watch --input '{"endpoints": [{"name": "shop", "url": "https://shop.example/health"}]}'
  cat order.json | tutti run fulfilment --input - --name order-1042 | jq .total`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.start(cmd.Context(), o, args[0]) },
	}
	o.addTo(cmd)
	o.upstream.addTo(cmd)
	o.clock.addTo(cmd)
	cmd.Flags().StringVar(&o.template, "template", "", "the template `FILE` for a server of its own (default: infra/snapshot/*.template.json)")
	cmd.Flags().StringVar(&o.input, "input", "", "the input: a `FILE`, - for standard input, or JSON (default: {})")
	cmd.Flags().StringVar(&o.name, "name", "", "the execution's `NAME` (default: a new one)")
	demoFlag(cmd, &o.demo)
	return cmd
}

// start checks what can be checked at once, then runs the machine where a server is, or in a server of its own.
func (c *cli) start(ctx context.Context, o runOptions, machine string) error {
	input, err := c.input(o.input)
	if err != nil {
		return err
	}
	if o.name != "" && !vocabulary.ValidName(o.name) {
		return usage("%s: Invalid Name: '%s'; a name has 1 to %d characters, without blanks and most punctuation",
			vocabulary.InvalidName, printable(o.name), vocabulary.MaxNameLength)
	}
	if o.demo {
		stop, err := startDemo(ctx, demoAddress)
		if err != nil {
			return err
		}
		defer stop()
	}
	r, err := c.connect(ctx, o.clientFlags)
	switch {
	case errors.Is(err, errNoServer):
		return c.runAlone(ctx, o, machine, input)
	case err != nil:
		return err
	case o.template != "":
		return usage("the server at %s has a template of its own: stop it, or leave out --template", r.url)
	}
	found, err := r.machine(ctx, machine)
	if err != nil {
		return err
	}
	return c.runIn(ctx, r, found, o, input)
}

// runAlone runs the machine in a server of its own.
func (c *cli) runAlone(ctx context.Context, o runOptions, machine, input string) (err error) {
	p, err := c.locate(o.projectFlags)
	if err != nil {
		return err
	}
	template, err := c.template(p, o.template)
	if err != nil {
		return err
	}
	progress := &buildProgress{console: c.err}
	s, err := openServer(ctx, serveOptions{project: p, upstream: o.upstream, clock: o.clock, template: template, progress: progress.event, onFailure: c.giveUp, log: c.logger()})
	progress.done()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.closeServer(ctx, s)) }()
	r := s.endpoint.remote()
	r.own = true
	found, err := r.machine(ctx, machine)
	if err != nil {
		return c.unstartable(s, machine, err)
	}
	if info := s.info(*found.StateMachineArn); info == nil {
		return noMachine(machine, s.names())
	} else if info.Err != nil {
		return c.refused(info)
	}
	own := ""
	if parsed, err := vocabulary.ParseMachineARN(*found.StateMachineArn); err == nil && o.name != "" {
		own = parsed.ExecutionARN(vocabulary.Standard, o.name, "")
	}
	if err := c.finishEarlier(ctx, s, r, own); err != nil {
		return err
	}
	return c.runIn(ctx, r, found, o, input)
}

// unstartable says why a machine cannot be found: it may be in the template, but refused.
func (c *cli) unstartable(s *server, name string, err error) error {
	for _, m := range s.stack.Machines() {
		if m.Err != nil && (m.Name == name || m.ARN == name) {
			return c.refused(&m)
		}
	}
	return err
}

// refused says why a machine cannot be started.
func (c *cli) refused(m *stack.MachineInfo) error {
	for _, line := range diagnostics(m, c.err.theme) {
		c.err.println(line)
	}
	return usage("the definition of %s has errors: correct them, then start again", m.Name)
}

// info is what the stack knows of a machine, nil for one that is not in its template.
func (s *server) info(arn string) *stack.MachineInfo {
	for _, m := range s.stack.Machines() {
		if m.ARN == arn {
			return &m
		}
	}
	return nil
}

// names lists the machines that can be started.
func (s *server) names() []string {
	var names []string
	for _, m := range s.stack.Machines() {
		if m.Err == nil {
			names = append(names, m.Name)
		}
	}
	return names
}

// waitsLong is how far away an execution's next step may be for run to wait for it before it starts another.
const waitsLong = time.Minute

// finishEarlier shows the executions that an earlier life of the server left unfinished until they have ended, all but the one that is about
// to be started again by its name. Those that only wait, for long or for an answer, are told and left alone.
func (c *cli) finishEarlier(ctx context.Context, s *server, r *remote, own string) error {
	waiting := 0
	for _, arn := range s.resumed {
		if arn == own {
			continue
		}
		sleeps := func() bool {
			e, err := s.stack.Runner().Execution(arn)
			return err == nil && !e.WakeAt.IsZero() && e.WakeAt.Sub(c.now()) > waitsLong
		}
		if sleeps() {
			waiting++
			continue
		}
		c.err.printf("%s", c.err.theme.warn(fmt.Sprintf("an earlier run of %s was interrupted; finishing it first", r.shortOf(arn))))
		f := c.follower(r, arn)
		f.enough = sleeps
		err := f.follow(ctx)
		switch {
		case errors.Is(err, errEnough):
			waiting++
		case err != nil:
			return c.interrupted(ctx, r, arn, err)
		}
		c.err.println("")
	}
	if waiting > 0 {
		c.err.println(c.err.theme.dim(count(waiting, "earlier execution waits", "earlier executions wait") +
			" for a time or an answer, and will go on whenever a server runs: see tutti ls"))
	}
	return nil
}

// shortOf is what people call the machine of an execution.
func (r *remote) shortOf(execution string) string {
	parsed, err := vocabulary.ParseExecutionARN(execution)
	if err != nil {
		return execution
	}
	return r.short(parsed.Machine.Unqualified())
}

func (c *cli) follower(r *remote, arn string) *follower {
	v := view{theme: c.err.theme, machine: r.shortOf(arn), functions: shortFunctions(r.functions)}
	if parsed, err := vocabulary.ParseExecutionARN(arn); err == nil {
		v.name = parsed.Name
	}
	return &follower{client: r.Client, arn: arn, view: v, console: c.err, every: r.pollEvery(), now: c.now}
}

// runIn starts the execution and shows it until it ends.
func (c *cli) runIn(ctx context.Context, r *remote, machine types.StateMachineListItem, o runOptions, input string) error {
	if machine.Type == types.StateMachineTypeExpress {
		return c.runExpress(ctx, r, machine, o, input)
	}
	in := &sfn.StartExecutionInput{StateMachineArn: machine.StateMachineArn, Input: aws.String(input)}
	if o.name != "" {
		in.Name = aws.String(o.name)
	}
	started, err := r.StartExecution(ctx, in)
	if err != nil {
		return r.explain(err)
	}
	arn := *started.ExecutionArn
	if err := c.follower(r, arn).follow(ctx); err != nil {
		return c.interrupted(ctx, r, arn, err)
	}
	out, err := r.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(arn)})
	if err != nil {
		return r.explain(err)
	}
	return c.result(o.output, outcome{out.ExecutionArn, out.Status, out.Output, out.Error, out.Cause, out.StartDate, out.StopDate})
}

// runExpress waits for the end of an Express execution, of which there is no history to show.
func (c *cli) runExpress(ctx context.Context, r *remote, machine types.StateMachineListItem, o runOptions, input string) error {
	in := &sfn.StartSyncExecutionInput{StateMachineArn: machine.StateMachineArn, Input: aws.String(input)}
	if o.name != "" {
		in.Name = aws.String(o.name)
	}
	out, err := r.StartSyncExecution(ctx, in)
	if err != nil {
		return r.explain(err)
	}
	status := types.ExecutionStatus(out.Status)
	c.err.printf("%s %s  %s %s", c.err.theme.bold(r.short(*machine.StateMachineArn)), aws.ToString(out.Name), c.err.theme.status(status),
		c.err.theme.dim(c.took(out.StartDate, out.StopDate)))
	if status != types.ExecutionStatusSucceeded {
		c.err.println("  " + c.err.theme.bad(failureText(aws.ToString(out.Error), aws.ToString(out.Cause))))
	}
	return c.result(o.output, outcome{out.ExecutionArn, status, out.Output, out.Error, out.Cause, out.StartDate, out.StopDate})
}

// outcome is what run prints as JSON.
type outcome struct {
	ExecutionArn *string
	Status       types.ExecutionStatus
	Output       *string
	Error        *string
	Cause        *string
	StartDate    *time.Time
	StopDate     *time.Time
}

// result prints what came of an execution and returns its exit code as an error without words.
func (c *cli) result(f format, o outcome) error {
	switch {
	case f == formatJSON:
		if err := c.printJSON(o); err != nil {
			return err
		}
	case o.Output == nil:
	case c.out.live:
		if c.err.live {
			c.err.println("")
		}
		c.out.println(pretty(*o.Output))
	default:
		c.out.println(*o.Output)
	}
	switch o.Status {
	case types.ExecutionStatusSucceeded:
		return nil
	case types.ExecutionStatusTimedOut:
		return &problem{code: exitTimedOut}
	case types.ExecutionStatusAborted:
		return &problem{code: exitAborted}
	}
	return &problem{code: exitFailed}
}

// interrupted tells what becomes of an execution that is no longer watched.
func (c *cli) interrupted(ctx context.Context, r *remote, arn string, err error) error {
	if ctx.Err() == nil {
		return r.explain(err)
	}
	name := arn
	if parsed, err := vocabulary.ParseExecutionARN(arn); err == nil {
		name = parsed.Name
	}
	if r.own {
		c.err.printf("interrupted: %s goes on with the next tutti run or tutti dev here", name)
	} else {
		c.err.printf("no longer watching: %s goes on in the server; see tutti history %s, or end it with tutti stop %s", name, name, name)
	}
	return &problem{code: exitInterrupted}
}

// closeServer stops a server that the command has started itself. Once it was interrupted, another interrupt ends the process at once.
func (c *cli) closeServer(ctx context.Context, s *server) error {
	if n := s.stack.Runner().InFlight(); n > 0 {
		c.err.println(c.err.theme.dim(fmt.Sprintf("waiting up to %s for %s to end; Ctrl-C again ends at once",
			roughly(stopsWithin), count(n, "call", "calls"))))
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopsWithin)
	defer cancel()
	return s.close(closing)
}
