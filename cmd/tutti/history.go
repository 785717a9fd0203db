package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
)

func (c *cli) historyCommand() *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:   "history EXECUTION",
		Short: "Show the events of an execution",
		Long:  "Show the events of an execution, which is given by its ARN, its name or the beginning of its name.",
		Example: `  tutti history 3f1c9a52
  tutti history nightly --output json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.history(cmd.Context(), f, args[0]) },
	}
	f.addTo(cmd)
	return cmd
}

func (c *cli) history(ctx context.Context, f clientFlags, name string) error {
	r, err := c.connect(ctx, f)
	if err != nil {
		return err
	}
	arn, err := r.execution(ctx, name)
	if err != nil {
		return err
	}
	events := []types.HistoryEvent{}
	pages := sfn.NewGetExecutionHistoryPaginator(r.Client, &sfn.GetExecutionHistoryInput{ExecutionArn: aws.String(arn), MaxResults: 1000})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return r.explain(err)
		}
		events = append(events, page.Events...)
	}
	if f.output == formatJSON {
		return c.printJSON(struct{ Events []types.HistoryEvent }{events})
	}
	width, _ := c.out.size()
	for _, line := range historyTable(events, view{theme: c.out.theme, functions: shortFunctions(r.functions)}) {
		if c.out.live {
			line = ansi.Truncate(line, width, "…")
		}
		c.out.println(line)
	}
	return nil
}

// historyTable shows each event in a line: id, the event that caused it, time since the start, type, and what it is about.
func historyTable(events []types.HistoryEvent, v view) []string {
	th := v.theme
	rows := [][]string{{th.dim("ID"), th.dim("PREVIOUS"), th.dim("TIME"), th.dim("TYPE"), th.dim("ABOUT")}}
	var begin time.Time
	for i, e := range events {
		if i == 0 {
			begin = aws.ToTime(e.Timestamp)
		}
		rows = append(rows, []string{
			fmt.Sprint(e.Id), th.dim(fmt.Sprint(e.PreviousEventId)), th.dim(fmt.Sprintf("%.3f s", aws.ToTime(e.Timestamp).Sub(begin).Seconds())),
			colourType(e.Type, th), printable(v.about(e)),
		})
	}
	return table(rows)
}

// colourType makes failures and the end stand out.
func colourType(t types.HistoryEventType, th theme) string {
	switch name := string(t); {
	case strings.HasSuffix(name, "Failed"), strings.HasSuffix(name, "TimedOut"):
		return th.bad(name)
	case strings.HasSuffix(name, "Aborted"):
		return th.warn(name)
	case t == types.HistoryEventTypeExecutionSucceeded:
		return th.good(name)
	default:
		return name
	}
}

// about is the part of an event's details that tells it from others of its type: a name, a failure, a resource, an item.
func (v view) about(e types.HistoryEvent) string {
	if name, cause := failureOf(e); name+cause != "" {
		return failureText(name, cause)
	}
	if resource := resourceOf(e); resource != "" {
		return v.called(resource)
	}
	if d := iterationOf(e); d != nil {
		return fmt.Sprintf("%s [%d]", aws.ToString(d.Name), d.Index)
	}
	switch {
	case e.StateEnteredEventDetails != nil:
		return aws.ToString(e.StateEnteredEventDetails.Name)
	case e.StateExitedEventDetails != nil:
		return aws.ToString(e.StateExitedEventDetails.Name)
	case e.MapStateStartedEventDetails != nil:
		return count(int(e.MapStateStartedEventDetails.Length), "item", "items")
	case e.MapRunStartedEventDetails != nil:
		return aws.ToString(e.MapRunStartedEventDetails.MapRunArn)
	case e.TaskSubmittedEventDetails != nil:
		return aws.ToString(e.TaskSubmittedEventDetails.ResourceType) + ":" + aws.ToString(e.TaskSubmittedEventDetails.Resource)
	}
	return ""
}
