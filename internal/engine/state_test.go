package engine

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/value"
)

// state prints everything that an execution is, so that two of them can be compared.
func state(x *Execution) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("status %s, started %s, stopped %s, last %d at %s, deadline %s, wake %s, more %v", x.status, stamp(x.started), stamp(x.stopped),
		x.lastID, stamp(x.lastTime), stamp(x.deadline), stamp(x.WakeAt()), x.HasMore())
	p("input %s output %s failure %+v", text(x.input), text(x.output), x.failure)
	p("redrives %d at %s %v", x.redriveCount, stamp(x.redriven), x.redrives)
	p("variables %d bytes", x.variableBytes)
	p("owed %v", slices.Sorted(maps.Keys(x.owed)))
	for number, f := range x.flows {
		if f == nil {
			continue
		}
		p("flow %d: %s", number, flowState(f))
	}
	return b.String()
}

func flowState(f *flow) string {
	name, parent := "", int64(-1)
	if f.state != nil {
		name = f.state.Common().Name
	}
	if f.parent != nil {
		parent = f.parent.number
	}
	var vars []string
	for _, v := range slices.Sorted(maps.Keys(f.vars)) {
		vars = append(vars, v+"="+text(f.vars[v]))
	}
	var children, results []string
	var cut []int64
	for i, child := range f.fork.children {
		if child != nil {
			children = append(children, fmt.Sprint(i, ":", child.number))
		}
	}
	for _, child := range f.fork.cut {
		cut = append(cut, child.number)
	}
	for _, r := range f.fork.results {
		results = append(results, text(r))
	}
	blame := int64(-1)
	if f.fork.blame != nil {
		blame = f.fork.blame.number
	}
	return fmt.Sprintf("parent %d index %d phase %d tail %d link %d next %q data %s vars %v state %q entered %d cause %d at %s retries %v/%d result %s failure %v lapsed %v final %v fault %v due %s"+
		" task {%d %s %s %s %s %s %s} fork {%d %v %v tail %d link %d done %d begun %d items %s concurrency %d blame %d %d again %v cut %v mapRun %q %d %d} cut %v",
		parent, f.index, f.phase, f.tail, f.link, f.next, text(f.data), vars, name, f.entered, f.cause, stamp(f.enteredAt), f.retries, f.retryCount,
		text(f.result), f.failure, f.lapsed, f.final, f.fault, stamp(f.due),
		f.task.scheduled, text(f.task.parameters), f.task.roleARN, text(f.task.submitted), f.task.timeout, f.task.heartbeat, stamp(f.task.deadline),
		f.fork.started, children, results, f.fork.lastTail, f.fork.lastLink, f.fork.done, f.fork.begun, value.Text(f.fork.items), f.fork.concurrency,
		blame, f.fork.blamed, f.fork.again, cut, f.fork.mapRunARN, f.fork.mapRunEvent, f.fork.mapRunRedrives, f.cut)
}

func text(d *value.Data) string {
	if d == nil {
		return "-"
	}
	return d.Text()
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("15:04:05.000")
}

// recorded passes events through their journal form, as a restart does.
func recorded(events []history.Event) iter.Seq2[history.Event, error] {
	list, err := history.ParseList(string(history.AppendJournalList(nil, events)))
	return func(yield func(history.Event, error) bool) {
		for _, e := range list {
			if !yield(e, err) {
				return
			}
		}
	}
}
