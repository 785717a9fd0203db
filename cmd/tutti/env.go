package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	vocabulary "github.com/tutti-run/tutti/internal/sfn"
)

// shell is the value of --shell: whose language variables are set in.
type shell string

// The shells.
const (
	shellPOSIX      shell = "sh" // bash and zsh too
	shellFish       shell = "fish"
	shellPowerShell shell = "powershell"
)

func (s *shell) String() string { return string(*s) }
func (s *shell) Type() string   { return "SHELL" }

// Set implements pflag.Value.
func (s *shell) Set(text string) error {
	switch shell(text) {
	case shellPOSIX, shellFish, shellPowerShell:
		*s = shell(text)
		return nil
	}
	return errors.New("it is sh (for bash and zsh too), fish or powershell")
}

// envFlags are the flags of env.
type envFlags struct {
	projectFlags
	endpoint string
	shell    shell
	unset    bool
}

func (c *cli) envCommand() *cobra.Command {
	o := envFlags{shell: c.ownShell()}
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print what makes AWS clients speak to the server that runs here",
		Long: `Print the environment variables that make an unmodified AWS CLI or SDK speak to the server that runs for this project: where it is, a region,
made-up credentials, and that host names get no prefix. StartSyncExecution and TestState have one on AWS, and sync-127.0.0.1 is no host; the
SDK for Go does not read that variable, and needs smithyhttp.DisableEndpointHostPrefix instead.`,
		Example: `  eval "$(tutti env)"
  tutti env --shell fish | source
  tutti env --shell powershell | Out-String | Invoke-Expression
  eval "$(tutti env --unset)"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.env(cmd.Context(), o) },
	}
	o.addTo(cmd)
	cmd.Flags().StringVar(&o.endpoint, "endpoint", "", "the `URL` of the server (default: the server that runs for this project)")
	cmd.Flags().Var(&o.shell, "shell", "whose language: sh (for bash and zsh too), fish or powershell")
	cmd.Flags().BoolVar(&o.unset, "unset", false, "take the variables back")
	return cmd
}

// ownShell is the shell that the command was probably called by.
func (c *cli) ownShell() shell {
	for _, variable := range c.environ {
		if path, ok := strings.CutPrefix(variable, "SHELL="); ok && filepath.Base(path) == string(shellFish) {
			return shellFish
		}
	}
	return shellPOSIX
}

func (c *cli) env(ctx context.Context, o envFlags) error {
	url := o.endpoint
	if url == "" && !o.unset {
		p, err := c.locate(o.projectFlags)
		if err != nil {
			return err
		}
		e, err := running(ctx, p.data)
		if err != nil {
			return &problem{exitNoServer, err}
		}
		url = e.URL
	}
	region := vocabulary.DefaultPlace().Region
	for _, variable := range [][2]string{
		{"AWS_ENDPOINT_URL", url},
		{"AWS_REGION", region},
		{"AWS_DEFAULT_REGION", region}, // what older clients read
		{"AWS_ACCESS_KEY_ID", "tutti"},
		{"AWS_SECRET_ACCESS_KEY", "tutti"},
		{"AWS_DISABLE_HOST_PREFIX_INJECTION", "true"},
	} {
		if o.unset {
			c.out.println(o.shell.unset(variable[0]))
		} else {
			c.out.println(o.shell.set(variable[0], variable[1]))
		}
	}
	if !o.unset {
		c.out.println(o.shell.unset("AWS_SESSION_TOKEN")) // one of a real session does not belong to the made-up key
	}
	return nil
}

func (s shell) set(name, value string) string {
	switch s {
	case shellFish:
		return "set -gx " + name + " " + quoteFish(value) + ";"
	case shellPowerShell:
		return "$Env:" + name + " = '" + strings.ReplaceAll(value, "'", "''") + "'"
	}
	return "export " + name + "=" + quoteSh(value)
}

func (s shell) unset(name string) string {
	switch s {
	case shellFish:
		return "set -e " + name + ";"
	case shellPowerShell:
		return "Remove-Item Env:" + name + " -ErrorAction SilentlyContinue"
	}
	return "unset " + name
}

// quoteSh makes one word of a text, for POSIX shells.
func quoteSh(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// quoteFish makes one word of a text, for fish.
func quoteFish(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
