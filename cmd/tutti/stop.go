package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/spf13/cobra"
)

// stopOptions are the flags of stop.
type stopOptions struct {
	clientFlags
	err, cause string
}

func (c *cli) stopCommand() *cobra.Command {
	var o stopOptions
	cmd := &cobra.Command{
		Use:   "stop EXECUTION",
		Short: "Abort an execution",
		Long:  "Abort an execution, which is given by its ARN, its name or the beginning of its name.",
		Example: `  tutti stop 3f1c9a52
  tutti stop nightly --error Cancelled --cause "wrong input"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := &sfn.StopExecutionInput{}
			if cmd.Flags().Changed("error") {
				in.Error = aws.String(o.err)
			}
			if cmd.Flags().Changed("cause") {
				in.Cause = aws.String(o.cause)
			}
			return c.stop(cmd.Context(), o.clientFlags, args[0], in)
		},
	}
	o.addTo(cmd)
	cmd.Flags().StringVar(&o.err, "error", "", "the error `NAME` that the execution ends with")
	cmd.Flags().StringVar(&o.cause, "cause", "", "the `TEXT` that says why")
	return cmd
}

func (c *cli) stop(ctx context.Context, f clientFlags, name string, in *sfn.StopExecutionInput) error {
	r, err := c.connect(ctx, f)
	if err != nil {
		return err
	}
	arn, err := r.execution(ctx, name)
	if err != nil {
		return err
	}
	before, err := r.status(ctx, arn)
	if err != nil {
		return err
	}
	in.ExecutionArn = aws.String(arn)
	if _, err := r.StopExecution(ctx, in); err != nil {
		return r.explain(err)
	}
	out, err := r.status(ctx, arn)
	if err != nil {
		return err
	}
	if f.output == formatJSON {
		return c.printJSON(struct {
			ExecutionArn *string
			Status       types.ExecutionStatus
			StopDate     *time.Time
		}{out.ExecutionArn, out.Status, out.StopDate})
	}
	title := r.short(aws.ToString(out.StateMachineArn)) + " " + aws.ToString(out.Name)
	if before.Status != types.ExecutionStatusRunning {
		c.out.printf("%s had ended before: %s", title, c.out.theme.status(out.Status))
		return nil
	}
	c.out.printf("%s %s after %s", title, c.out.theme.status(out.Status), c.took(out.StartDate, out.StopDate))
	return nil
}

// status describes an execution without its data.
func (r *remote) status(ctx context.Context, arn string) (*sfn.DescribeExecutionOutput, error) {
	out, err := r.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(arn), IncludedData: types.IncludedDataMetadataOnly})
	return out, r.explain(err)
}
