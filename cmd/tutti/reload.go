package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/stack"
	"github.com/tutti-run/tutti/internal/watch"
)

// reloader takes changed files into a running server. It has at most one reload under way, in a goroutine that close waits for.
type reloader struct {
	c       *cli
	server  *server
	project project
	watcher *watch.Watcher // nil if files cannot be watched
	done    chan reloaded
	busy    bool
	again   bool // something changed while a reload was under way
	pending sync.WaitGroup

	mu     sync.Mutex
	events []stack.Event // what the reload under way has told
}

// reloaded is what a reload came to.
type reloaded struct {
	err   error
	took  time.Duration
	paths []string
}

// newReloader begins to watch the project. If that cannot be done it says so, and nothing is reloaded. The server is set when there is one: watching begins before the template is read, so that no change is missed.
func newReloader(c *cli, p project, template string) *reloader {
	r := &reloader{c: c, project: p, done: make(chan reloaded, 1)}
	folders := []string{p.root}
	if relative, err := filepath.Rel(p.root, template); err != nil || !filepath.IsLocal(relative) {
		folders = append(folders, filepath.Dir(template))
	}
	var err error
	if r.watcher, err = watch.New(folders, []string{p.data}); err != nil {
		c.err.println(c.err.theme.warn("changes are not taken in: " + printable(err.Error())))
	}
	return r
}

// changes gives what changed; it is never ready without a watcher.
func (r *reloader) changes() <-chan []string {
	if r.watcher == nil {
		return nil
	}
	return r.watcher.Changes()
}

// event keeps what a reload tells until it is done.
func (r *reloader) event(e stack.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// changed begins a reload if one of the paths matters.
func (r *reloader) changed(ctx context.Context, paths []string) {
	if !slices.ContainsFunc(paths, r.matters) {
		return
	}
	if r.busy {
		r.again = true
		return
	}
	r.busy = true
	r.pending.Go(func() {
		began := time.Now()
		err := r.server.stack.Reload(ctx)
		r.done <- reloaded{err, time.Since(began), paths}
	})
}

// matters tells whether the stack is made of the path: Go source anywhere, since functions share packages, and what the stack was read from.
func (r *reloader) matters(path string) bool {
	if path == "." || strings.HasSuffix(path, ".go") || filepath.Base(path) == "go.mod" || filepath.Base(path) == "go.sum" {
		return true
	}
	return slices.ContainsFunc(r.server.stack.Watched(), func(watched string) bool {
		return path == watched || strings.HasPrefix(path, watched+string(filepath.Separator)) || filepath.Dir(watched) == path
	})
}

// finished tells what a reload came to and lets other commands know what there is now. It returns whether another one is due.
func (r *reloader) finished(ctx context.Context, result reloaded) {
	r.busy = false
	r.mu.Lock()
	events := r.events
	r.events = nil
	r.mu.Unlock()
	th := r.c.err.theme
	if result.err != nil {
		if ctx.Err() == nil {
			for line := range strings.Lines(result.err.Error()) {
				r.c.err.println(th.bad(printableLine(line)))
			}
			r.c.err.println(th.warn("everything stays as it was"))
		}
	} else {
		r.tell(events, result.took)
		r.server.nameThings()
		if err := r.server.endpoint.write(r.project.data); err != nil {
			r.c.err.println(th.warn("other commands do not know of the change: " + err.Error()))
		}
	}
	if r.again && ctx.Err() == nil {
		r.again = false
		r.changed(ctx, []string{"."})
	}
}

// tell writes a line for each fault and one for the whole.
func (r *reloader) tell(events []stack.Event, took time.Duration) {
	th := r.c.err.theme
	built, failed := 0, 0
	for _, e := range events {
		switch e.Kind {
		case stack.FunctionBuilt:
			built++
		case stack.FunctionFailed, stack.FunctionRefused, stack.ScheduleRefused:
			failed++
			for line := range strings.Lines(e.Name + ": " + e.Err.Error()) {
				r.c.err.println(th.bad(printableLine(line)))
			}
		}
	}
	for _, m := range r.server.stack.Machines() {
		if m.Err != nil {
			failed++
			for _, line := range diagnostics(&m, th) {
				r.c.err.println(line)
			}
		}
	}
	text := "reloaded in " + duration(took)
	if built > 0 {
		text += ", built " + count(built, "function", "functions")
	}
	if failed > 0 {
		text += ", " + count(failed, "fault", "faults")
	}
	r.c.err.println(th.dim(text))
}

// close ends the watching, and waits for a reload that is under way; its context has ended.
func (r *reloader) close() {
	if r.watcher != nil {
		_ = r.watcher.Close()
	}
	r.pending.Wait()
}
