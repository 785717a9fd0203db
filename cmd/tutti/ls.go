package main

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/spf13/cobra"
)

// lsOptions are the flags of ls.
type lsOptions struct {
	clientFlags
	status string
	limit  int
}

func (c *cli) lsCommand() *cobra.Command {
	var o lsOptions
	cmd := &cobra.Command{
		Use:   "ls [MACHINE]",
		Short: "List state machines and their executions, the newest first",
		Example: `  tutti ls
  tutti ls endpoint-watch --status FAILED
  tutti ls endpoint-watch --output json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.ls(cmd.Context(), o, strings.Join(args, ""))
		},
	}
	o.addTo(cmd)
	cmd.Flags().StringVar(&o.status, "status", "", "only executions with this `STATUS`: RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED")
	cmd.Flags().IntVar(&o.limit, "limit", 0, "at most so many executions of a machine (default: 5, or 50 of a MACHINE that is given)")
	return cmd
}

// listed is a machine with executions of it.
type listed struct {
	types.StateMachineListItem
	Executions []types.ExecutionListItem
}

func (c *cli) ls(ctx context.Context, o lsOptions, machine string) error {
	if o.limit < 0 {
		return usage("--limit %d is less than nothing", o.limit)
	}
	o.status = strings.ToUpper(o.status)
	r, err := c.connect(ctx, o.clientFlags)
	if err != nil {
		return err
	}
	var machines []types.StateMachineListItem
	limit := 5
	if machine != "" {
		limit = 50
		one, err := r.machine(ctx, machine)
		if err != nil {
			return err
		}
		machines = append(machines, one)
	} else if machines, err = r.machines(ctx); err != nil {
		return err
	}
	if o.limit > 0 {
		limit = o.limit
	}
	all := make([]listed, 0, len(machines))
	for _, m := range machines {
		executions, err := r.executions(ctx, m, o.status, limit)
		if err != nil {
			return err
		}
		all = append(all, listed{m, executions})
	}
	if o.output == formatJSON {
		return c.printListJSON(all, machine != "")
	}
	c.printList(r, all)
	return nil
}

// executions lists the newest executions of a machine; none of an Express machine, of which AWS keeps nothing.
func (r *remote) executions(ctx context.Context, m types.StateMachineListItem, status string, limit int) ([]types.ExecutionListItem, error) {
	list := []types.ExecutionListItem{}
	if m.Type == types.StateMachineTypeExpress {
		return list, nil
	}
	pages := sfn.NewListExecutionsPaginator(r.Client, &sfn.ListExecutionsInput{
		StateMachineArn: m.StateMachineArn, StatusFilter: types.ExecutionStatus(status), MaxResults: int32(min(limit, 1000)),
	})
	for pages.HasMorePages() && len(list) < limit {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, r.explain(err)
		}
		list = append(list, page.Executions...)
	}
	return list[:min(limit, len(list))], nil
}

// printListJSON prints AWS's own lists: the executions of one machine, or all machines with theirs.
func (c *cli) printListJSON(all []listed, one bool) error {
	if one {
		return c.printJSON(struct{ Executions []types.ExecutionListItem }{all[0].Executions})
	}
	type item struct {
		StateMachineArn *string
		Name            *string
		Type            types.StateMachineType
		CreationDate    *time.Time
		Executions      []types.ExecutionListItem
	}
	machines := make([]item, 0, len(all))
	for _, m := range all {
		machines = append(machines, item{m.StateMachineArn, m.Name, m.Type, m.CreationDate, m.Executions})
	}
	return c.printJSON(struct{ StateMachines []item }{machines})
}

func (c *cli) printList(r *remote, all []listed) {
	th := c.out.theme
	if len(all) == 0 {
		c.out.println("There are no state machines.")
	}
	for i, m := range all {
		if i > 0 {
			c.out.println("")
		}
		heading := th.bold(r.short(*m.StateMachineArn))
		if name := *m.Name; name != r.short(*m.StateMachineArn) {
			heading += "  " + th.dim(name)
		}
		if m.Type == types.StateMachineTypeExpress {
			heading += "  " + th.dim("EXPRESS, keeps no record of executions")
		}
		c.out.println(heading)
		if len(m.Executions) == 0 && m.Type != types.StateMachineTypeExpress {
			c.out.println(th.dim("  no executions"))
		}
		var rows [][]string
		for _, e := range m.Executions {
			rows = append(rows, []string{"  " + th.status(e.Status), *e.Name, c.age(e.StartDate), th.dim(c.took(e.StartDate, e.StopDate))})
		}
		for _, line := range table(rows) {
			c.out.println(line)
		}
	}
}

// age is how long ago something was.
func (c *cli) age(at *time.Time) string { return roughly(c.now().Sub(aws.ToTime(at))) + " ago" }

// took is how long an execution took, or has so far.
func (c *cli) took(start, stop *time.Time) string {
	if stop == nil {
		return "for " + roughly(c.now().Sub(aws.ToTime(start)))
	}
	return duration(stop.Sub(aws.ToTime(start)))
}
