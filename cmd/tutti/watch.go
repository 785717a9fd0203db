package main

import (
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// watcher tells when executions start and end.
type watcher struct {
	c       *cli
	server  *server
	names   *remote
	since   time.Time                  // executions that started before are not told, unless they were resumed
	running map[string]bool            // ARNs that have been told to have started
	newest  map[string]map[string]bool // by machine: ARNs of the page last seen
}

func newWatcher(c *cli, s *server, since time.Time) *watcher {
	w := &watcher{c: c, server: s, names: s.endpoint.remote(), since: since, running: map[string]bool{}, newest: map[string]map[string]bool{}}
	for _, arn := range s.resumed {
		w.running[arn] = true
	}
	return w
}

// pageOfNews is how many executions a machine may start between two looks for each to be told.
const pageOfNews = 100

// look tells what has happened since the last look.
func (w *watcher) look() {
	for _, m := range w.server.stack.Machines() {
		page, _, err := w.server.stack.Runner().Executions(store.Filter{MachineARN: m.ARN, Limit: pageOfNews})
		if err != nil {
			continue // the store has said so itself, or is closed
		}
		w.started(m.ARN, m.Name, page)
	}
	for arn := range w.running {
		e, err := w.server.stack.Runner().Execution(arn)
		if err == nil && e.Status.Ended() {
			w.ended(&e)
			delete(w.running, arn)
		}
	}
}

// started tells the executions of a page, the newest first, that were not in the page before.
func (w *watcher) started(machine, name string, page []store.Execution) {
	seen := w.newest[machine]
	now := map[string]bool{}
	fresh := 0
	for i := len(page) - 1; i >= 0; i-- {
		e := &page[i]
		now[e.ARN] = true
		if seen[e.ARN] || w.running[e.ARN] || e.StartDate.Before(w.since) {
			continue
		}
		fresh++
		w.running[e.ARN] = true
		w.tell(e.StartDate, w.c.out.theme.busy("▶")+" "+name+" "+e.Name, "started")
	}
	if fresh == pageOfNews {
		w.c.out.println(w.c.out.theme.dim("          more executions of " + name + " have started than are shown; see tutti ls " + name))
	}
	w.newest[machine] = now
}

func (w *watcher) ended(e *store.Execution) {
	th := w.c.out.theme
	title := w.names.short(e.MachineARN) + " " + e.Name
	took := th.dim(duration(e.StopDate.Sub(e.StartDate)))
	switch e.Status {
	case sfn.StatusSucceeded:
		w.tell(e.StopDate, th.good("✓")+" "+title, th.good(string(e.Status)), took)
		return
	case sfn.StatusAborted:
		w.tell(e.StopDate, th.dim("⊘")+" "+title, th.warn(string(e.Status)), took)
	default:
		w.tell(e.StopDate, th.bad("✗")+" "+title, th.bad(string(e.Status)), took)
	}
	d, err := w.server.stack.Runner().Describe(e.ARN)
	if text := failureText(d.Failure.Error.Text, d.Failure.Cause.Text); err == nil && text != "" {
		w.c.out.println("            " + th.bad(text))
	}
}

func (w *watcher) tell(at time.Time, parts ...string) {
	w.c.out.println(w.c.out.theme.dim(at.Local().Format(timeOfDay)) + "  " + strings.Join(parts, "  "))
}
