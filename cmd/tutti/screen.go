package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/charmbracelet/colorprofile"
	"golang.org/x/term"
)

// console is one of the output streams and what it can do.
type console struct {
	w     io.Writer
	theme theme
	live  bool // lines that are there can be drawn again
	size  func() (width, height int)

	mu    sync.Mutex
	drawn *drawing // below what is written; nil for nothing
}

// newConsole looks at the stream and at NO_COLOR, TERM and their like in the environment.
func newConsole(w io.Writer, environ []string) *console {
	profile := colorprofile.Detect(w, environ)
	c := &console{w: w, theme: newTheme(profile > colorprofile.ASCII), size: func() (int, int) { return 100, 0 }}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return c
	}
	c.live = profile > colorprofile.NoTTY
	c.size = func() (int, int) {
		width, height, err := term.GetSize(int(f.Fd()))
		if err != nil || width <= 0 || height <= 0 {
			return 80, 24
		}
		return width, height
	}
	return c
}

// println writes a line. Where something is drawn it goes above that.
func (c *console) println(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.drawn; d != nil {
		d.write(hideCursor, append([]string{line}, d.lines...), len(d.lines))
		return
	}
	_, _ = fmt.Fprintln(c.w, line) // a reader that is gone has nobody to tell
}

// printf writes a line made of its parts.
func (c *console) printf(format string, args ...any) { c.println(fmt.Sprintf(format, args...)) }

// leave ends what is drawn as it stands, so that a process which ends at once leaves its terminal in order.
func (c *console) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.drawn; d != nil {
		d.write(showCursor, d.lines, len(d.lines))
		c.drawn = nil
	}
}

// Write makes lines of what a logger writes.
func (c *console) Write(text []byte) (int, error) {
	c.println(strings.TrimSuffix(string(text), "\n"))
	return len(text), nil
}

// Control sequences (ECMA-48, and the synchronized output of recent terminals, which others ignore).
const (
	beginFrame = "\x1b[?2026h"
	endFrame   = "\x1b[?2026l"
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	eraseLine  = "\x1b[K"     // to the end of the line
	eraseBelow = "\x1b[J"     // to the end of the screen
	upLines    = "\r\x1b[%dA" // to the beginning of a line further up
)

// drawing is a block of lines at the bottom of what has been written, which can be drawn again in place. Each frame is one write, so that
// the terminal never shows half of it. A console has at most one drawing at a time.
type drawing struct {
	console *console
	lines   []string // on the terminal now
}

// draw replaces the block by the lines.
func (d *drawing) draw(lines []string) {
	d.console.mu.Lock()
	defer d.console.mu.Unlock()
	if d.console.drawn == d && slices.Equal(lines, d.lines) {
		return
	}
	d.console.drawn = d
	d.write(hideCursor, lines, len(d.lines))
	d.lines = lines
}

// finish draws the block for the last time and leaves it there. It may be longer than the terminal.
func (d *drawing) finish(lines []string) {
	d.console.mu.Lock()
	defer d.console.mu.Unlock()
	d.write(showCursor, lines, len(d.lines))
	d.lines, d.console.drawn = nil, nil
}

// write is one frame: it begins where the block of so many lines begins.
func (d *drawing) write(cursor string, lines []string, above int) {
	var frame bytes.Buffer
	frame.WriteString(beginFrame + cursor)
	if above > 0 {
		fmt.Fprintf(&frame, upLines, above)
	}
	for _, line := range lines {
		frame.WriteString(line + eraseLine + "\n")
	}
	frame.WriteString(eraseBelow + endFrame)
	_, _ = d.console.w.Write(frame.Bytes()) // a terminal that is gone has nobody before it
}
