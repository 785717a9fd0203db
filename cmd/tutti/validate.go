package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/sfn"
)

// finding is a diagnostic with its place in a file, as validate prints it.
type finding struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	sfn.Diagnostic
	Pointer string `json:"pointer"`
}

// validation is what validate answers in JSON: the result and diagnostics of ValidateStateMachineDefinition, with places.
type validation struct {
	Result      string    `json:"result"`
	Diagnostics []finding `json:"diagnostics"`
}

func (c *cli) validateCommand() *cobra.Command {
	output := formatText
	express := false
	cmd := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check definitions of state machines as AWS does",
		Long: `Check definitions of state machines as AWS does when they are created: all findings at once, with AWS's codes and texts, and where they
are. Placeholders like ${FunctionArn} may stand where a substitution will, also in the place of a number or a list, and a Resource that is no
ARN yet is a warning. A file named - is standard input.`,
		Example: `  tutti validate statemachines/*.asl.json
  tutti validate --output json definition.asl.json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			kind := sfn.Standard
			if express {
				kind = sfn.Express
			}
			return c.validate(files, kind, output)
		},
	}
	cmd.Flags().BoolVar(&express, "express", false, "the machines are of the type EXPRESS")
	cmd.Flags().Var(&output, "output", "text or json")
	return cmd
}

func (c *cli) validate(files []string, kind sfn.MachineType, output format) error {
	answer := validation{Result: "OK", Diagnostics: []finding{}}
	for _, file := range files {
		text, err := c.readDefinition(file)
		if err != nil {
			return usage("%w", err)
		}
		good := true
		for _, d := range asl.CheckDraft(text, asl.Options{Type: kind}) {
			good = good && d.Severity != sfn.SeverityError
			line, column := asl.Position(text, d.Offset)
			answer.Diagnostics = append(answer.Diagnostics, finding{file, line, column, d, d.Pointer})
		}
		if !good {
			answer.Result = "FAIL"
		} else if output == formatText {
			c.err.println(c.err.theme.good("ok") + " " + file)
		}
	}
	if output == formatJSON {
		encoder := json.NewEncoder(c.out.w)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(answer); err != nil {
			return err
		}
	} else {
		for _, f := range answer.Diagnostics {
			c.out.println(fmt.Sprintf("%s:%d:%d: %s %s: %s (%s)", f.File, f.Line, f.Column, f.Severity, f.Code, f.Message, pointerOf(f)))
		}
	}
	if answer.Result != "OK" {
		return &problem{exitUsage, fmt.Errorf("the definitions have errors; AWS would refuse them")}
	}
	return nil
}

// pointerOf is where the finding is in the definition: the JSON Pointer, or the document.
func pointerOf(f finding) string {
	if f.Pointer == "" {
		return "the whole document"
	}
	return f.Pointer
}

// readDefinition reads a definition, at most a little more than AWS takes.
func (c *cli) readDefinition(file string) (string, error) {
	in := c.stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer func() { _ = opened.Close() }()
		in = opened
	}
	text, err := io.ReadAll(io.LimitReader(in, 4*sfn.MaxDefinitionBytes))
	return string(text), err
}
