package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/stack"
)

// buildProgress shows how far the building of functions is, and what came of it.
type buildProgress struct {
	console  *console
	drawing  *drawing // nil while nothing is drawn
	building []string
	built    int
	longest  time.Duration // functions are built side by side
}

// event takes what happens while a stack opens.
func (b *buildProgress) event(e stack.Event) {
	th := b.console.theme
	switch e.Kind {
	case stack.FunctionBuilding:
		b.building = append(b.building, e.Name)
	case stack.FunctionBuilt:
		b.settled(e.Name)
		b.built++
		b.longest = max(b.longest, e.Duration)
	case stack.FunctionUpToDate:
		b.settled(e.Name)
	case stack.FunctionFailed:
		b.settled(e.Name)
		for line := range strings.Lines(fmt.Sprint(e.Err)) {
			b.console.println(th.bad(printableLine(line)))
		}
	case stack.MachineWarned, stack.ScheduleRefused:
		text := e.Detail
		if e.Err != nil {
			text += ": " + e.Err.Error()
		}
		b.console.println(th.warn(e.Name + ": " + printable(text)))
	}
	b.draw()
}

func (b *buildProgress) settled(name string) {
	b.building = slices.DeleteFunc(b.building, func(n string) bool { return n == name })
}

// draw says what is going on. It stays until done.
func (b *buildProgress) draw() {
	if !b.console.live || len(b.building) == 0 && b.drawing == nil {
		return
	}
	if b.drawing == nil {
		b.drawing = &drawing{console: b.console}
	}
	text := "building " + count(len(b.building), "function", "functions") + " …"
	if len(b.building) == 0 {
		text = "starting …"
	}
	b.drawing.draw([]string{b.console.theme.dim(text)})
}

// done puts what came of it in the place of what was drawn.
func (b *buildProgress) done() {
	if b.drawing != nil {
		b.drawing.finish(nil)
		b.drawing = nil
	}
	if b.built > 0 {
		b.console.println(b.console.theme.dim("built " + count(b.built, "function", "functions") + " in " + duration(b.longest)))
	}
}
