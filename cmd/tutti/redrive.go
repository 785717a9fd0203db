package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/spf13/cobra"
)

// redriveOptions are the flags of redrive.
type redriveOptions struct {
	clientFlags
	follow bool
	token  string
}

func (c *cli) redriveCommand() *cobra.Command {
	var o redriveOptions
	cmd := &cobra.Command{
		Use:   "redrive EXECUTION",
		Short: "Take up a failed execution where it failed",
		Long: "Take up an execution that failed, timed out or was aborted, where it stood: what has succeeded is kept and not repeated. The\n" +
			"execution is given by its ARN, its name or the beginning of its name. It goes on with the definition that it was started with.",
		Example: `  tutti redrive 3f1c9a52
  tutti redrive nightly --follow`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.redrive(cmd.Context(), o, args[0]) },
	}
	o.addTo(cmd)
	cmd.Flags().BoolVar(&o.follow, "follow", false, "show the execution until it ends; the exit code then tells how, as that of run does")
	cmd.Flags().StringVar(&o.token, "client-token", "", "a `TOKEN` of your own: redriving again with the same one within 15 minutes does nothing")
	return cmd
}

func (c *cli) redrive(ctx context.Context, o redriveOptions, name string) error {
	r, err := c.connect(ctx, o.clientFlags)
	if err != nil {
		return err
	}
	arn, err := r.execution(ctx, name)
	if err != nil {
		return err
	}
	before, err := r.lastEvent(ctx, arn)
	if err != nil {
		return err
	}
	in := &sfn.RedriveExecutionInput{ExecutionArn: aws.String(arn)}
	if o.token != "" {
		in.ClientToken = aws.String(o.token)
	}
	redriven, err := r.RedriveExecution(ctx, in)
	if err != nil {
		return r.explain(err)
	}
	if o.follow {
		f := c.follower(r, arn)
		f.told = before
		if err := f.follow(ctx); err != nil {
			return c.interrupted(ctx, r, arn, err)
		}
		out, err := r.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(arn)})
		if err != nil {
			return r.explain(err)
		}
		return c.result(o.output, outcome{out.ExecutionArn, out.Status, out.Output, out.Error, out.Cause, out.StartDate, out.StopDate})
	}
	out, err := r.status(ctx, arn)
	if err != nil {
		return err
	}
	if o.output == formatJSON {
		return c.printJSON(struct {
			ExecutionArn *string
			Status       types.ExecutionStatus
			RedriveCount *int32
			RedriveDate  *time.Time
		}{out.ExecutionArn, out.Status, out.RedriveCount, redriven.RedriveDate})
	}
	c.out.printf("%s %s goes on: redrive %d", r.short(aws.ToString(out.StateMachineArn)), aws.ToString(out.Name), aws.ToInt32(out.RedriveCount))
	return nil
}

// lastEvent is the id of the newest event of an execution.
func (r *remote) lastEvent(ctx context.Context, arn string) (int64, error) {
	page, err := r.GetExecutionHistory(ctx, &sfn.GetExecutionHistoryInput{
		ExecutionArn: aws.String(arn), ReverseOrder: true, IncludeExecutionData: aws.Bool(false), MaxResults: 1,
	})
	if err != nil {
		return 0, r.explain(err)
	}
	for _, e := range page.Events {
		return e.Id, nil
	}
	return 0, nil
}
