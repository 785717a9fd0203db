package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tutti-run/tutti/internal/stack"
)

func (c *cli) scheduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "List what fires by time, or fire it now",
		Long: `List what fires by time, or fire it now: schedules of EventBridge Scheduler, and rules of EventBridge with a schedule, whether the template
has them or a client has made them.`,
		Example: `  tutti schedule ls
  tutti schedule fire nightly`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.scheduleLsCommand(), c.scheduleFireCommand())
	return cmd
}

func (c *cli) scheduleLsCommand() *cobra.Command {
	var o clientFlags
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List schedules, when they are due next and what they start",
		Example: `  tutti schedule ls
  tutti schedule ls --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.listSchedules(cmd.Context(), o) },
	}
	o.addTo(cmd)
	return cmd
}

func (c *cli) scheduleFireCommand() *cobra.Command {
	var o clientFlags
	cmd := &cobra.Command{
		Use:   "fire NAME",
		Short: "Do now what a schedule does when it is due",
		Long: `Do now what a schedule does when it is due, whether or not it is enabled, and say what that started. When it is due by itself stays as it was.

NAME is a schedule's name, GROUP/NAME, a rule's name, rule/NAME, or a part of a name that no other has: templates put stack and chance around theirs.`,
		Example: `  tutti schedule fire nightly
  tutti schedule fire default/nightly --output json
  tutti schedule fire rule/every-morning`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.fireSchedule(cmd.Context(), o, args[0]) },
	}
	o.addTo(cmd)
	return cmd
}

// timed is a schedule or a rule with one, as the server tells of it.
type timed struct {
	Kind       string
	Group      *string
	Name       string
	Expression string
	Timezone   string
	Enabled    bool
	Next       *time.Time
	Targets    []string
}

// full is the name that no other has.
func (t *timed) full() string {
	if t.Kind == stack.KindRule {
		return stack.KindRule + "/" + t.Name
	}
	return *t.Group + "/" + t.Name
}

// schedules asks the server for what fires by time.
func (r *remote) schedules(ctx context.Context) ([]timed, error) {
	var list []timed
	err := r.scheduler(ctx, http.MethodGet, nil, &list)
	for i := range list {
		if list[i].Kind != stack.KindRule && list[i].Group == nil {
			list[i].Group = new(string)
		}
	}
	return list, err
}

// scheduler speaks with the server about schedules, in its own words.
func (r *remote) scheduler(ctx context.Context, method string, in, out any) error {
	if !r.local {
		return usage("%s is not a server of tutti's: aws scheduler list-schedules tells of the schedules there, and nothing fires one out of turn", r.url)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(r.url, "/")+schedulesPath, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := localClient().Do(req)
	if err != nil {
		return r.explain(err)
	}
	defer func() { _ = response.Body.Close() }() // it has been read
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		return &problem{exitNoServer, fmt.Errorf("the server at %s knows nothing of schedules: it is not tutti's, or an older one", r.url)}
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		return &problem{exitNoServer, fmt.Errorf("the server at %s answers what cannot be read: %w", r.url, err)}
	}
	return nil
}

func (c *cli) listSchedules(ctx context.Context, o clientFlags) error {
	r, err := c.connect(ctx, o)
	if err != nil {
		return err
	}
	list, err := r.schedules(ctx)
	if err != nil {
		return err
	}
	if o.output == formatJSON {
		return c.printJSON(struct{ Schedules []timed }{append([]timed{}, list...)})
	}
	th := c.out.theme
	if len(list) == 0 {
		c.out.println("There are no schedules.")
	}
	var rows [][]string
	for _, t := range list {
		next := th.dim("never")
		switch {
		case !t.Enabled:
			next = th.dim("disabled")
		case t.Next != nil:
			next = t.Next.Local().Format("2006-01-02 15:04:05") + th.dim(" in "+roughly(t.Next.Sub(c.now())))
		}
		expression := t.Expression
		if t.Timezone != "UTC" {
			expression += " " + t.Timezone
		}
		var targets []string
		for _, arn := range t.Targets {
			targets = append(targets, r.short(arn))
		}
		rows = append(rows, []string{printable(t.full()), printable(expression), next, th.dim(printable(strings.Join(targets, ", ")))})
	}
	for _, line := range table(rows) {
		c.out.println(line)
	}
	return nil
}

// schedule finds what a person means: by the whole name, or by a part of it that no other has.
func (r *remote) schedule(ctx context.Context, name string) (timed, error) {
	list, err := r.schedules(ctx)
	if err != nil {
		return timed{}, err
	}
	matches := []func(timed) bool{
		func(t timed) bool { return t.full() == name },
		func(t timed) bool { return t.Name == name },
		func(t timed) bool { return strings.HasSuffix(t.Name, "-"+name) },
		func(t timed) bool { return name != "" && strings.Contains(t.Name, name) }, // CloudFormation makes names of stack, logical id and chance
	}
	var names []string
	for _, match := range matches {
		found := slices.DeleteFunc(slices.Clone(list), func(t timed) bool { return !match(t) })
		if len(found) == 1 {
			return found[0], nil
		}
		if len(found) > 1 {
			for _, t := range found {
				names = append(names, t.full())
			}
			return timed{}, usage("%s could be any of these: %s", printable(name), strings.Join(names, ", "))
		}
	}
	for _, t := range list {
		names = append(names, t.full())
	}
	if len(names) == 0 {
		return timed{}, missing("there is no schedule %s; there is none at all", printable(name))
	}
	return timed{}, missing("there is no schedule %s; there are: %s", printable(name), strings.Join(names, ", "))
}

func (c *cli) fireSchedule(ctx context.Context, o clientFlags, name string) error {
	r, err := c.connect(ctx, o)
	if err != nil {
		return err
	}
	t, err := r.schedule(ctx, name)
	if err != nil {
		return err
	}
	in := fireRequest{Kind: t.Kind, Name: t.Name}
	if t.Group != nil {
		in.Group = *t.Group
	}
	var answer fireAnswer
	if err := r.scheduler(ctx, http.MethodPost, in, &answer); err != nil {
		return err
	}
	if o.output == formatJSON {
		if err := c.printFired(&t, &answer); err != nil {
			return err
		}
	} else {
		c.showFired(r, &t, &answer)
	}
	switch {
	case answer.Missing:
		return missing("%s", answer.Error)
	case answer.Error != "":
		return fmt.Errorf("%s has not started everything: %s", t.full(), printable(answer.Error))
	}
	return nil
}

func (c *cli) printFired(t *timed, answer *fireAnswer) error {
	type started struct {
		Target       string
		ExecutionArn *string
		Input        string
	}
	out := struct {
		Schedule string
		Started  []started
	}{t.full(), []started{}}
	for _, s := range answer.Started {
		one := started{Target: s.Target, Input: s.Input}
		if s.Execution != "" {
			one.ExecutionArn = &s.Execution
		}
		out.Started = append(out.Started, one)
	}
	return c.printJSON(out)
}

func (c *cli) showFired(r *remote, t *timed, answer *fireAnswer) {
	for _, s := range answer.Started {
		if s.Execution == "" {
			c.out.println(t.full() + " has invoked " + printable(r.short(s.Target)))
			continue
		}
		c.out.println(t.full() + " has started " + printable(r.short(s.Target)) + ":")
		c.out.println(s.Execution)
	}
	if len(answer.Started) == 0 && answer.Error == "" {
		c.out.println(t.full() + " has no targets")
	}
}
