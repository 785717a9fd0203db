package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// view turns a tree into lines for a terminal.
type view struct {
	theme         theme
	machine, name string            // of the execution, as people call them
	functions     map[string]string // what people call functions, by their deployed names
}

// maxPeers is how many iterations with nothing to tell are shown one by one.
const maxPeers = 10

// density says how much of what went well is left out so that the rest fits.
type density int

const (
	dense     density = iota // what went well and has nothing to tell takes one line an iteration
	denser                   // Maps and Parallels that went well are one line
	densest                  // so are all iterations together that went well
	densities                // how many there are
)

// row is a line with a column for the duration on the right.
type row struct {
	text, right string
	// failure is what went wrong, in place of text. Once nothing is drawn any more it takes as many lines as it needs.
	failure string
	style   func(...string) string // of the failure
	depth   int                    // of the failure
}

// lines returns the tree as lines of at most width columns. If height is not 0, it leaves out first what went well, then what is at the
// top.
func (v view) lines(t *tree, now time.Time, width, height int) []string {
	var rows []row
	for d := dense; d < densities; d++ {
		rows = v.rows(t, now, d)
		if height == 0 || len(rows) <= height {
			break
		}
	}
	if height > 0 && len(rows) > height {
		rows = elide(rows, height, v.theme)
	}
	return align(rows, width, height == 0)
}

// elide keeps the first row, which is the execution's, and the last ones, which are the newest.
func elide(rows []row, height int, th theme) []row {
	if height < 3 {
		return rows[:max(1, height)]
	}
	hidden := len(rows) - (height - 1)
	return append([]row{rows[0], {text: th.dim(fmt.Sprintf("  ⋮ %d lines", hidden))}}, rows[1+hidden:]...)
}

// Columns of a line: durations end where they all end, and further right only behind a text that reaches so far.
const (
	textWidth     = 76
	durationWidth = 12
)

// align puts the durations below one another. Long texts are cut, or failures wrapped.
func align(rows []row, width int, wrap bool) []string {
	column := max(20, min(textWidth, width-durationWidth-1))
	lines := make([]string, 0, len(rows))
	for _, r := range rows {
		line := r.text
		if r.failure != "" {
			lines = append(lines, r.failureLines(width, wrap)...)
			continue
		}
		if r.right != "" {
			gap := column + durationWidth - ansi.StringWidth(r.text) - ansi.StringWidth(r.right)
			if gap < 2 {
				line = ansi.Truncate(line, max(1, width-2-ansi.StringWidth(r.right)), "…")
				gap = 2
			}
			line += strings.Repeat(" ", gap) + r.right
		}
		lines = append(lines, ansi.Truncate(line, width, "…"))
	}
	return lines
}

func (r row) failureLines(width int, wrap bool) []string {
	indent := strings.Repeat("  ", r.depth)
	room := max(20, min(width, textWidth+durationWidth)-len(indent))
	if !wrap {
		return []string{indent + r.style(ansi.Truncate(r.failure, max(1, width-len(indent)), "…"))}
	}
	var lines []string
	for line := range strings.Lines(ansi.Wrap(r.failure, room, "")) {
		lines = append(lines, indent+r.style(strings.TrimRight(line, " \n")))
	}
	return lines
}

func (v view) rows(t *tree, now time.Time, d density) []row {
	w := walker{view: v, now: now, density: d}
	root := t.root
	title := w.glyph(root) + " " + v.theme.bold(printable(v.machine)) + "  " + v.theme.dim(printable(v.name))
	if t.ended() {
		title += "  " + v.theme.status(root.status())
	}
	w.add(0, title, w.span(root))
	if !shown(root) {
		w.failure(root, 0)
	}
	for _, c := range root.children {
		w.walk(c, 1)
	}
	return w.rows
}

// shown tells whether a state below shows the failure that the execution ended with.
func shown(root *node) bool {
	return root.find(func(n *node) bool {
		return n != root && n.phase == phaseFailed && n.err == root.err && n.cause == root.cause
	}) != nil
}

// walker gathers the rows of one drawing.
type walker struct {
	view
	now     time.Time
	density density
	rows    []row
}

func (w *walker) add(depth int, text, right string) {
	w.rows = append(w.rows, row{text: strings.Repeat("  ", depth) + text, right: right})
}

// walk adds the rows of a node and of what is in it.
func (w *walker) walk(n *node, depth int) {
	w.add(depth, w.glyph(n)+" "+w.label(n), w.span(n))
	if !shown(n) {
		w.failure(n, depth)
	}
	if w.density >= denser && n.phase == phaseSucceeded && quiet(n) {
		return
	}
	if n.stateType == "Map" {
		w.iterations(n, depth+1)
		return
	}
	for _, c := range n.children {
		if c.kind == kindBranch {
			w.branch(c, n, depth+1)
			continue
		}
		w.walk(c, depth+1)
	}
}

// failure adds what went wrong, in a line of its own.
func (w *walker) failure(n *node, depth int) {
	text, style := failureText(n.err, n.cause), w.theme.bad
	switch n.phase {
	case phaseRetrying, phaseCaught, phaseAborted:
		style = w.theme.warn
	case phaseFailed:
	default:
		return // it was overcome
	}
	if text != "" {
		w.rows = append(w.rows, row{failure: text, style: style, depth: depth + 2})
	}
}

// branch adds a branch of a Parallel. One that has a single state is told by it.
func (w *walker) branch(b, parallel *node, depth int) {
	if len(b.children) == 1 {
		w.walk(b.children[0], depth)
		return
	}
	w.add(depth, w.theme.dim(fmt.Sprintf("branch %d of %d", b.index+1, len(parallel.children))), "")
	for _, c := range b.children {
		w.walk(c, depth+1)
	}
}

// iterations adds a Map's iterations: in full those at work and those with something to tell, the others in a line each or together.
func (w *walker) iterations(m *node, depth int) {
	peers, hidden := 0, 0
	children := slices.Clone(m.children)
	slices.SortStableFunc(children, func(a, b *node) int { return a.index - b.index })
	for _, c := range children {
		if c.phase != phaseSucceeded || !quiet(c) {
			w.add(depth, w.glyph(c)+w.theme.bold(fmt.Sprintf(" [%d]", c.index)), w.span(c))
			for _, s := range c.children {
				w.walk(s, depth+1)
			}
			continue
		}
		if peers++; peers > maxPeers || w.density == densest {
			hidden++
			continue
		}
		w.add(depth, w.glyph(c)+fmt.Sprintf(" [%d] ", c.index)+w.theme.dim(passed(c)), w.span(c))
	}
	if hidden > 0 {
		more := ""
		if hidden < peers {
			more = " more"
		}
		w.add(depth, w.theme.good("✓")+w.theme.dim(fmt.Sprintf(" %d%s succeeded", hidden, more)), "")
	}
}

// quiet tells whether all that happened below n went well at the first attempt.
func quiet(n *node) bool {
	return n.find(func(n *node) bool { return n.phase != phaseSucceeded || n.attempts > 1 }) == nil
}

// passed lists the states that an iteration went through.
func passed(iteration *node) string {
	names := make([]string, 0, len(iteration.children))
	for _, c := range iteration.children {
		names = append(names, printable(c.name))
	}
	return strings.Join(names, " → ")
}

// spinner is a glyph that turns once a second.
var spinner = [...]string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

// glyph shows a node's phase.
func (w *walker) glyph(n *node) string {
	th := w.theme
	switch n.phase {
	case phaseRunning, phaseSubmitted:
		return th.busy(spinner[int(w.now.UnixMilli()/100)%len(spinner)])
	case phaseRetrying:
		return th.warn("↻")
	case phaseSucceeded:
		return th.good("✓")
	case phaseCaught:
		return th.warn("!")
	case phaseAborted:
		return th.dim("⊘")
	case phaseTimedOut, phaseFailed:
		return th.bad("✗")
	}
	return " "
}

// label is a state's name and what there is to say of it.
func (w *walker) label(n *node) string {
	parts := []string{printable(n.name)}
	note := func(style func(...string) string, format string, args ...any) {
		parts = append(parts, style(fmt.Sprintf(format, args...)))
	}
	if n.resource != "" {
		note(w.theme.dim, "%s", printable(w.called(n.resource)))
	}
	if n.chose != "" {
		note(w.theme.dim, "→ %s", printable(n.chose))
	}
	w.progress(n, note)
	switch n.phase {
	case phaseRetrying:
		note(w.theme.warn, "attempt %d failed, waiting %s", max(1, n.attempts), ticking(w.now.Sub(n.failedAt)))
	case phaseCaught:
		note(w.theme.warn, "%s", caughtText(n))
	case phaseAborted:
		note(w.theme.dim, "cut short")
	case phaseSubmitted:
		note(w.theme.dim, "waiting for its end")
	default:
		if n.attempts > 1 {
			note(w.theme.warn, "attempt %d", n.attempts)
		}
	}
	return strings.Join(parts, "  ")
}

func caughtText(n *node) string {
	if n.attempts > 1 {
		return fmt.Sprintf("%d attempts, caught", n.attempts)
	}
	return "caught"
}

// called is what people call a function.
func (v view) called(resource string) string {
	if name, ok := v.functions[resource]; ok {
		return name
	}
	return resource
}

// progress says how much of a Map or a Wait is done.
func (w *walker) progress(n *node, note func(func(...string) string, string, ...any)) {
	switch {
	case n.stateType == "Wait" && n.phase.open():
		note(w.theme.dim, "waiting")
	case n.stateType == "Parallel" && len(n.children) > 0:
		note(w.theme.dim, "%s", count(len(n.children), "branch", "branches"))
	case n.stateType != "Map" || n.items == 0:
	case n.phase.open():
		done := 0
		for _, c := range n.children {
			if !c.phase.open() {
				done++
			}
		}
		note(w.theme.dim, "%d of %d", done, n.items)
	default:
		note(w.theme.dim, "%s", count(n.items, "item", "items"))
	}
}

// span is how long a node has taken. States that do nothing but compute say it only if it took them a while.
func (w *walker) span(n *node) string {
	if n.entered.IsZero() {
		return ""
	}
	if n.phase.open() {
		return w.theme.dim(ticking(w.now.Sub(n.entered)))
	}
	d := n.ended.Sub(n.entered)
	switch n.stateType {
	case "Pass", "Choice", "Succeed", "Fail":
		if d < 100*time.Millisecond {
			return ""
		}
	}
	return w.theme.dim(duration(d))
}
