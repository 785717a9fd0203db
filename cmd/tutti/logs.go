package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	cwltypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/spf13/cobra"

	"github.com/tutti-run/tutti/internal/sfn"
)

// logsOptions are the flags of logs.
type logsOptions struct {
	clientFlags
	follow bool
	filter string
	since  time.Duration
}

func (c *cli) logsCommand() *cobra.Command {
	var o logsOptions
	cmd := &cobra.Command{
		Use:   "logs [MACHINE|EXECUTION|FUNCTION|GROUP]",
		Short: "Show what functions and executions have logged",
		Long: "Show the events of a log group, oldest first: that of a state machine, what one execution wrote into it, that of a function, or any\n" +
			"by its name. Without an argument the log groups are listed. A machine logs if it has a logging configuration.",
		Example: `  tutti logs
  tutti logs endpoint-watch --follow
  tutti logs /aws/lambda/probe --filter ERROR --since 1h`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.logGroups(cmd.Context(), o)
			}
			return c.logs(cmd.Context(), o, args[0])
		},
	}
	o.addTo(cmd)
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on showing what comes, until Ctrl-C")
	cmd.Flags().StringVar(&o.filter, "filter", "", "only events that the filter `PATTERN` of CloudWatch Logs matches")
	cmd.Flags().DurationVar(&o.since, "since", 0, "only events that are no older than this, like 15m")
	return cmd
}

// logsAPI is CloudWatch Logs where Step Functions is.
func (r *remote) logsAPI() *cloudwatchlogs.Client {
	o := r.Options()
	out := cloudwatchlogs.Options{Region: o.Region, Credentials: o.Credentials, HTTPClient: o.HTTPClient}
	if r.local {
		out.BaseEndpoint = o.BaseEndpoint
	}
	return cloudwatchlogs.New(out)
}

func (c *cli) logGroups(ctx context.Context, o logsOptions) error {
	r, err := c.connect(ctx, o.clientFlags)
	if err != nil {
		return err
	}
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(r.logsAPI(), &cloudwatchlogs.DescribeLogGroupsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return r.explain(err)
		}
		for _, g := range page.LogGroups {
			_, _ = fmt.Fprintln(c.out, printable(aws.ToString(g.LogGroupName)))
		}
	}
	return nil
}

func (c *cli) logs(ctx context.Context, o logsOptions, name string) error {
	r, err := c.connect(ctx, o.clientFlags)
	if err != nil {
		return err
	}
	api := r.logsAPI()
	in, err := r.logSource(ctx, api, name)
	if err != nil {
		return err
	}
	if o.filter != "" {
		if in.FilterPattern != nil {
			return usage("--filter does not go with an execution, which is itself a filter on its machine's log group")
		}
		in.FilterPattern = aws.String(o.filter)
	}
	if o.since > 0 {
		in.StartTime = aws.Int64(time.Now().Add(-o.since).UnixMilli())
	}
	seen := map[string]bool{} // events of the latest millisecond, which are asked for again
	for {
		pages := cloudwatchlogs.NewFilterLogEventsPaginator(api, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				if errors.Is(err, context.Canceled) {
					return nil
				}
				return r.explain(err)
			}
			for _, e := range page.Events {
				if seen[aws.ToString(e.EventId)] {
					continue
				}
				c.printLogEvent(e)
				if at := aws.ToInt64(e.Timestamp); at != aws.ToInt64(in.StartTime) && o.follow {
					in.StartTime = aws.Int64(at)
					clear(seen)
				}
				seen[aws.ToString(e.EventId)] = true
			}
		}
		if !o.follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(r.pollEvery()):
		}
	}
}

func (c *cli) printLogEvent(e cwltypes.FilteredLogEvent) {
	at := time.UnixMilli(aws.ToInt64(e.Timestamp)).Format("2006-01-02 15:04:05.000")
	_, _ = fmt.Fprintln(c.out, at, printable(strings.TrimRight(aws.ToString(e.Message), "\r\n")))
}

// logSource says what a name means: a group, a function's, a machine's, or an execution's part of that.
func (r *remote) logSource(ctx context.Context, api *cloudwatchlogs.Client, name string) (*cloudwatchlogs.FilterLogEventsInput, error) {
	candidates := []string{name}
	for _, f := range r.functions {
		if f.Name == name {
			candidates = append(candidates, "/aws/lambda/"+f.ARN[strings.LastIndexByte(f.ARN, ':')+1:])
		}
	}
	for _, group := range append(candidates, "/aws/lambda/"+name) {
		found, err := api.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePattern: aws.String(strings.TrimSpace(group))})
		if err != nil {
			return nil, r.explain(err)
		}
		for _, g := range found.LogGroups {
			if aws.ToString(g.LogGroupName) == group {
				return &cloudwatchlogs.FilterLogEventsInput{LogGroupName: g.LogGroupName}, nil
			}
		}
	}
	if m, err := r.machine(ctx, name); err == nil {
		return r.machineLogs(ctx, aws.ToString(m.StateMachineArn))
	}
	arn, err := r.execution(ctx, name)
	if err != nil {
		return nil, missing("there is no log group, function, machine or execution %s; tutti logs lists the log groups", printable(name))
	}
	parsed, err := sfn.ParseExecutionARN(arn)
	if err != nil {
		return nil, missing("%s is not the ARN of an execution", printable(arn))
	}
	in, err := r.machineLogs(ctx, parsed.Machine.StateMachineARN(parsed.Machine.Name))
	if err == nil {
		in.FilterPattern = aws.String("{ $.execution_arn = " + strconv.Quote(arn) + " }")
	}
	return in, err
}

// machineLogs is all of the group that the machine logs into.
func (r *remote) machineLogs(ctx context.Context, arn string) (*cloudwatchlogs.FilterLogEventsInput, error) {
	out, err := r.DescribeStateMachine(ctx, &awssfn.DescribeStateMachineInput{StateMachineArn: aws.String(arn)})
	if err != nil {
		return nil, r.explain(err)
	}
	if c := out.LoggingConfiguration; c != nil && len(c.Destinations) == 1 && c.Destinations[0].CloudWatchLogsLogGroup != nil {
		if group := sfn.LogGroupName(aws.ToString(c.Destinations[0].CloudWatchLogsLogGroup.LogGroupArn)); group != "" {
			return &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(group)}, nil
		}
	}
	return nil, missing("the state machine %s logs nothing: give it a LoggingConfiguration in the template", printable(aws.ToString(out.Name)))
}
