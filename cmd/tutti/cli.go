package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// cli is the program's surroundings: everything that it sees of the computer beside files and the network.
type cli struct {
	stdin   io.Reader
	out     *console // results
	err     *console // everything else
	environ []string
	dir     string // the working directory
	now     func() time.Time
}

func newCLI(stdin io.Reader, stdout, stderr io.Writer, environ []string, dir string, now func() time.Time) *cli {
	return &cli{stdin: stdin, out: newConsole(stdout, environ), err: newConsole(stderr, environ), environ: environ, dir: dir, now: now}
}

// run carries out a command line and returns the exit code.
func (c *cli) run(ctx context.Context, args []string) int {
	root := c.root()
	root.SetArgs(args)
	root.SetIn(c.stdin)
	root.SetOut(c.out.w)
	root.SetErr(c.err.w)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	c.complain(err)
	return codeOf(err)
}

// complain says what went wrong, unless all has been said.
func (c *cli) complain(err error) {
	if text := strings.TrimSpace(err.Error()); text != "" {
		c.err.println(c.err.theme.bad("tutti:") + " " + text)
	}
}

// usage is an error in how the program was called, or in what it was given.
func usage(format string, args ...any) error {
	return &problem{exitUsage, fmt.Errorf(format, args...)}
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tutti",
		Short: "Run serverless workflows on this computer",
		Long: `Tutti runs AWS Step Functions workflows and Lambda functions on this computer, from the CloudFormation templates that deploy them.

Exit codes: 0 success, 1 trouble, 2 wrong usage or input, 3 execution FAILED, 4 TIMED_OUT, 5 ABORTED, 6 no server, 7 port in use,
8 data folder unusable, 130 interrupted.`,
		Example: `  tutti run endpoint-watch --input events/endpoint-watch.json --demo
  tutti dev
  tutti ls`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args:              cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no command %q; run tutti --help for those that there are", args[0])
			}
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w; run %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(c.devCommand(), c.serveCommand(), c.envCommand(), c.runCommand(), c.lsCommand(), c.historyCommand(), c.describeCommand(), c.stopCommand(), c.redriveCommand(), c.logsCommand(), c.alarmsCommand(), c.scheduleCommand(),
		c.evalCommand(), c.validateCommand(), c.versionCommand())
	explainArguments(root.Commands())
	return root
}

// explainArguments has commands, and those below them, say how they are used when their arguments are wrong.
func explainArguments(commands []*cobra.Command) {
	for _, cmd := range commands {
		explainArguments(cmd.Commands())
		if check := cmd.Args; check != nil {
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if err := check(cmd, args); err != nil {
					return usage("%w; usage: %s", err, cmd.UseLine())
				}
				return nil
			}
		}
	}
}

// format is the value of --output.
type format string

const (
	formatText format = "text" // for people
	formatJSON format = "json" // one JSON document, in AWS's casing
)

func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "FORMAT" }

// Set implements pflag.Value.
func (f *format) Set(s string) error {
	switch format(s) {
	case formatText, formatJSON:
		*f = format(s)
		return nil
	}
	return errors.New("it is text or json")
}

func (f *format) addTo(cmd *cobra.Command) {
	*f = formatText
	cmd.Flags().Var(f, "output", "text, or json for one JSON document in AWS's casing")
}
