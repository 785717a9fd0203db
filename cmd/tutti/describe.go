package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/spf13/cobra"
)

func (c *cli) describeCommand() *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:   "describe EXECUTION|MACHINE",
		Short: "Show an execution with its input and output, or a state machine with its definition",
		Example: `  tutti describe endpoint-watch
  tutti describe 3f1c9a52 --output json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.describe(cmd.Context(), f, args[0]) },
	}
	f.addTo(cmd)
	return cmd
}

// describe takes the name for a machine's first, since there are few of those and their names are known.
func (c *cli) describe(ctx context.Context, f clientFlags, name string) error {
	r, err := c.connect(ctx, f)
	if err != nil {
		return err
	}
	if !strings.Contains(name, ":execution:") {
		m, err := r.machine(ctx, name)
		if err == nil {
			return c.describeMachine(ctx, r, f, *m.StateMachineArn)
		}
		if !errors.As(err, new(*notFound)) || strings.HasPrefix(name, "arn:") {
			return err
		}
	}
	arn, err := r.execution(ctx, name)
	if errors.As(err, new(*notFound)) {
		return usage("there is no execution and no state machine %s; see tutti ls", printable(name))
	}
	if err != nil {
		return err
	}
	return c.describeExecution(ctx, r, f, arn)
}

func (c *cli) describeMachine(ctx context.Context, r *remote, f clientFlags, arn string) error {
	out, err := r.DescribeStateMachine(ctx, &sfn.DescribeStateMachineInput{StateMachineArn: aws.String(arn)})
	if err != nil {
		return r.explain(err)
	}
	if f.output == formatJSON {
		return c.printJSON(out)
	}
	c.printFields([][2]string{
		{"Machine", r.short(arn)}, {"ARN", arn}, {"Type", string(out.Type)}, {"Status", string(out.Status)}, {"Role", aws.ToString(out.RoleArn)},
		{"Created", moment(out.CreationDate)},
	})
	c.out.println("")
	c.out.println(strings.TrimRight(aws.ToString(out.Definition), "\n"))
	return nil
}

func (c *cli) describeExecution(ctx context.Context, r *remote, f clientFlags, arn string) error {
	out, err := r.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(arn)})
	if err != nil {
		return r.explain(err)
	}
	if f.output == formatJSON {
		return c.printJSON(out)
	}
	c.printFields([][2]string{
		{"Execution", aws.ToString(out.Name)}, {"ARN", arn}, {"Machine", r.short(aws.ToString(out.StateMachineArn))}, {"Status", c.out.theme.status(out.Status)},
		{"Started", moment(out.StartDate)}, {"Stopped", moment(out.StopDate)}, {"Duration", c.took(out.StartDate, out.StopDate)},
		{"Redriven", redrives(out)},
		{"Error", printable(aws.ToString(out.Error))}, {"Cause", causeText(aws.ToString(out.Cause))},
	})
	c.out.println("")
	c.out.println(c.out.theme.dim("Input"))
	c.out.println(pretty(aws.ToString(out.Input)))
	if out.Output != nil {
		c.out.println("")
		c.out.println(c.out.theme.dim("Output"))
		c.out.println(pretty(*out.Output))
	}
	return nil
}

// redrives says how often an execution was redriven and when last, "" if never.
func redrives(out *sfn.DescribeExecutionOutput) string {
	if aws.ToInt32(out.RedriveCount) == 0 {
		return ""
	}
	return count(int(*out.RedriveCount), "time", "times") + ", last " + moment(out.RedriveDate)
}

// printFields prints names and values, without the values that are empty.
func (c *cli) printFields(fields [][2]string) {
	var rows [][]string
	for _, f := range fields {
		if f[1] != "" {
			rows = append(rows, []string{c.out.theme.dim(f[0]), f[1]})
		}
	}
	for _, line := range table(rows) {
		c.out.println(line)
	}
}

// moment is a time for people, "" for none.
func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05.000")
}

// pretty indents a JSON text and leaves any other as it is.
func pretty(text string) string {
	var indented bytes.Buffer
	if json.Indent(&indented, []byte(text), "", "  ") != nil {
		return text
	}
	return indented.String()
}
