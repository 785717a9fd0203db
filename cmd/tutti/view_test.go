package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// crowd is the history of a Map with n iterations, of which those in failing have failed and been caught, and the last is still at work.
func crowd(t *testing.T, n int, caught map[int]bool) *tree {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "1<-0 ExecutionStarted\n2<-0 MapStateEntered name=M\n3<-2 MapStateStarted length=%d\n", n)
	id := 3
	add := func(previous int, rest string) int {
		id++
		fmt.Fprintf(&text, "%d<-%d %s\n", id, previous, rest)
		return id
	}
	for i := range n {
		at := add(3, fmt.Sprintf("MapIterationStarted name=M index=%d", i))
		at = add(at, "TaskStateEntered name=T")
		at = add(at, "TaskScheduled resourceType=sns resource=publish")
		if i == n-1 {
			break
		}
		if caught[i] {
			at = add(at, "TaskFailed error=E")
		}
		at = add(at, "TaskStateExited name=T")
		add(at, fmt.Sprintf("MapIterationSucceeded name=M index=%d", i))
	}
	return buildTree(events(t, text.String()))
}

func TestLinesFit(t *testing.T) {
	tr := crowd(t, 40, map[int]bool{3: true, 7: true})
	v := view{theme: newTheme(false), machine: "m", name: "x"}
	for _, test := range []struct {
		height int
		want   string // joined by |
	}{
		{0, "⠋ m  x|  ⠋ M  39 of 40|    ✓ [0] T|    ✓ [1] T|    ✓ [2] T|    ✓ [3]|      ! T  sns:publish  caught|          E|" +
			"    ✓ [4] T|    ✓ [5] T|    ✓ [6] T|    ✓ [7]|      ! T  sns:publish  caught|          E|    ✓ [8] T|    ✓ [9] T|" +
			"    ✓ [10] T|    ✓ [11] T|    ⠋ [39]|      ⠋ T  sns:publish|    ✓ 27 more succeeded"},
		{12, "⠋ m  x|  ⠋ M  39 of 40|    ✓ [3]|      ! T  sns:publish  caught|          E|    ✓ [7]|      ! T  sns:publish  caught|" +
			"          E|    ⠋ [39]|      ⠋ T  sns:publish|    ✓ 37 succeeded"},
		{6, "⠋ m  x|  ⋮ 6 lines|          E|    ⠋ [39]|      ⠋ T  sns:publish|    ✓ 37 succeeded"},
		{2, "⠋ m  x|  ⠋ M  39 of 40"},
	} {
		lines := v.lines(tr, began, 80, test.height)
		if test.height > 0 && len(lines) > test.height {
			t.Errorf("height %d: %d lines", test.height, len(lines))
		}
		for i, line := range lines {
			if ansi.StringWidth(line) > 80 {
				t.Errorf("height %d: line %q is wider than the terminal", test.height, line)
			}
			line, _, _ = strings.Cut(line, "    0")
			lines[i] = strings.TrimRight(line, " ")
		}
		if got := strings.Join(lines, "|"); got != test.want {
			t.Errorf("height %d: got\n%s\nwant\n%s", test.height, strings.ReplaceAll(got, "|", "\n"), strings.ReplaceAll(test.want, "|", "\n"))
		}
	}
}

// No width makes lines that are wider, or takes the names away where there is room for them.
func TestLinesOfAnyWidth(t *testing.T) {
	tr := crowd(t, 3, map[int]bool{0: true})
	for width := 1; width < 130; width++ {
		for _, line := range (view{theme: newTheme(true), machine: "machine", name: "execution"}).lines(tr, began, width, 0) {
			if got := ansi.StringWidth(line); got > max(width, 31) {
				t.Errorf("width %d: %q takes %d", width, line, got)
			}
		}
	}
}

// A long cause is cut while the tree is redrawn, and told in full once it stays.
func TestLongCause(t *testing.T) {
	cause := strings.Repeat("word_", 60) + "end"
	tr := buildTree(events(t, "1<-0 ExecutionStarted\n2<-0 FailStateEntered name=No\n3<-2 ExecutionFailed error=E cause="+cause))
	v := view{theme: newTheme(false), machine: "m", name: "x"}
	if live := v.lines(tr, began, 60, 20); len(live) != 3 || !strings.HasSuffix(live[2], "…") {
		t.Errorf("live: %q", live)
	}
	full := strings.Join(v.lines(tr, began, 60, 0), "\n")
	if !strings.HasSuffix(full, " end") || strings.Count(full, "word") != 60 || strings.Count(full, "\n      ") < 4 {
		t.Errorf("final:\n%s", full)
	}
}

func TestPlainLines(t *testing.T) {
	list := events(t, `
		1<-0 ExecutionStarted
		2<-0 ChoiceStateEntered name=Which
		3<-2 ChoiceStateExited name=Which
		4<-3 MapStateEntered name=M
		5<-4 MapStateStarted length=1
		6<-5 MapIterationStarted name=M index=0
		7<-6 ParallelStateEntered name=P
		8<-7 ParallelStateStarted
		9<-8 TaskStateEntered name=T
		10<-9 TaskScheduled resourceType=lambda resource=invoke parameters={"FunctionName":"Stack-Probe-XYZ"}
		11<-10 TaskStarted
		12<-11 @40 TaskFailed error=E cause=C
		13<-12 @90 TaskScheduled resourceType=lambda resource=invoke parameters={"FunctionName":"Stack-Probe-XYZ"}
		14<-13 TaskSubmitted
		15<-14 @1200 TaskTimedOut error=States.Timeout
		16<-15 TaskStateExited name=T
		17<-16 WaitStateEntered name=W
		18<-17 @2200 WaitStateExited name=W
		19<-18 ParallelStateSucceeded
		20<-18 ParallelStateExited name=P
		21<-20 FailStateEntered name=No
		22<-21 MapIterationFailed name=M index=0
		23<-21 MapStateFailed
		24<-23 ExecutionFailed error=Bad cause=luck`)
	v := view{machine: "m", name: "x", functions: map[string]string{"Stack-Probe-XYZ": "probe"}}
	tr := newTree()
	var got []string
	for _, e := range list {
		got = append(got, v.progressLines(tr, tr.add(e), e)...)
	}
	want := `   0.000 s  m x started
   0.000 s  Which chose M
   0.000 s  M started, 1 item
   0.000 s  M[0].P started
   0.000 s  M[0].P.T calls probe
   0.040 s  M[0].P.T failed: E: C
   0.090 s  M[0].P.T calls probe, attempt 2
   0.090 s  M[0].P.T was taken, waiting for its end
   1.200 s  M[0].P.T failed: States.Timeout
   1.200 s  M[0].P.T caught States.Timeout after 1.20 s
   1.200 s  M[0].P.W waits
   2.200 s  M[0].P.W succeeded after 1.00 s
   2.200 s  M[0].P succeeded after 2.20 s
   2.200 s  M[0].No reached
   2.200 s  m x FAILED after 2.20 s: Bad: luck`
	if joined := strings.Join(got, "\n"); joined != want {
		t.Errorf("got\n%s\nwant\n%s", joined, want)
	}
}

// terminal is what a terminal would show: it understands what drawings use.
func terminal(text string) []string {
	lines := []string{""}
	row := 0
	for len(text) > 0 {
		var n int
		switch {
		case strings.HasPrefix(text, "\r"):
			text = text[1:]
		case strings.HasPrefix(text, "\n"):
			if row++; row == len(lines) {
				lines = append(lines, "")
			} else if !strings.HasPrefix(text[1:], "\x1b[J") && !strings.HasPrefix(text[1:], "\x1b[?2026l") {
				lines[row] = ""
			}
			text = text[1:]
		case scan(text, "\x1b[%dA", &n):
			row -= n
			lines[row] = ""
			text = text[strings.Index(text, "A")+1:]
		case strings.HasPrefix(text, "\x1b[J"):
			lines = append(lines[:row], "")
			text = text[3:]
		case strings.HasPrefix(text, "\x1b["):
			text = text[strings.IndexAny(text, "hlKm")+1:]
		default:
			lines[row] += text[:1]
			text = text[1:]
		}
	}
	return lines
}

func scan(text, form string, n *int) bool {
	_, err := fmt.Sscanf(text, form, n)
	return err == nil
}

func TestDrawing(t *testing.T) {
	var out bytes.Buffer
	c := &console{w: &out, theme: newTheme(false), live: true, size: func() (int, int) { return 80, 24 }}
	c.println("before")
	d := &drawing{console: c}
	d.draw([]string{"a", "b", "c"})
	frames := out.Len()
	d.draw([]string{"a", "b", "c"})
	if out.Len() != frames {
		t.Error("the same lines were drawn again")
	}
	c.println("meanwhile")
	d.draw([]string{"A"})
	d.draw([]string{"A", "B"})
	d.finish([]string{"end"})
	c.println("after")
	if got, want := strings.Join(terminal(out.String()), "|"), "before|meanwhile|end|after|"; got != want {
		t.Errorf("the terminal shows %q, want %q", got, want)
	}
	if text := out.String(); strings.LastIndex(text, showCursor) < strings.LastIndex(text, hideCursor) {
		t.Error("the cursor stays hidden")
	}
}

func TestConsoleOfAPipe(t *testing.T) {
	for _, environ := range [][]string{nil, {"TERM=xterm-256color", "COLORTERM=truecolor"}} {
		c := newConsole(new(bytes.Buffer), environ)
		if c.live || c.theme.good("x") != "x" {
			t.Errorf("%v: live %t, coloured %q", environ, c.live, c.theme.good("x"))
		}
	}
	if got := newTheme(true).good("x"); got == "x" || ansi.Strip(got) != "x" {
		t.Errorf("got %q, want colour", got)
	}
}

func TestDurations(t *testing.T) {
	for _, test := range []struct {
		d                          time.Duration
		exact, rough, whileRunning string
	}{
		{-time.Second, "0 ms", "0 s", "0.0 s"},
		{0, "0 ms", "0 s", "0.0 s"},
		{999*time.Millisecond + 999*time.Microsecond, "999 ms", "0 s", "0.9 s"},
		{9999 * time.Millisecond, "9.99 s", "9 s", "9.9 s"},
		{59*time.Second + 990*time.Millisecond, "59.9 s", "59 s", "59.9 s"},
		{125 * time.Second, "2 min 05 s", "2 min", "2 min 05 s"},
		{3*time.Hour + 4*time.Minute, "3 h 04 min", "3 h", "3 h 04 min"},
		{75 * time.Hour, "3 d 3 h", "3 d", "3 d 3 h"},
	} {
		if e, r, w := duration(test.d), roughly(test.d), ticking(test.d); e != test.exact || r != test.rough || w != test.whileRunning {
			t.Errorf("%s: got %q, %q, %q, want %q, %q, %q", test.d, e, r, w, test.exact, test.rough, test.whileRunning)
		}
	}
}

func TestFailureText(t *testing.T) {
	for _, test := range []struct{ name, cause, want string }{
		{"E", "C", "E: C"},
		{"E", "", "E"},
		{"", "C", "C"},
		{"", "", ""},
		{"E", `{"errorMessage":"it\nbroke","errorType":"X"}`, "E: it broke"},
		{"E", `{"other":1}`, `E: {"other":1}`},
		{"E\x1b[31m", "a\x1b]0;title\x07b\r\nc\u202ed", "E: ab cd"},
	} {
		if got := failureText(test.name, test.cause); got != test.want {
			t.Errorf("%q, %q: got %q, want %q", test.name, test.cause, got, test.want)
		}
	}
}

func TestReadable(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"plain text\n", "plain text"},
		{"  indented\tstays\n", "  indented stays"},
		{"\x1b[31mred\x1b[0m\a", "red"},
		{`{"level":"INFO","message":"done","timestamp":"2026","function":"f","requestId":"r","durationMillis":3}`, "INFO done durationMillis=3"},
		{`{"level":"ERROR","message":"failed","reason":"two words","kind":"E"}`, `ERROR failed kind=E reason="two words"`},
		{`{"no":"level"}`, `{"no":"level"}`},
		{`{broken`, `{broken`},
	} {
		if got := readable(test.line); got != test.want {
			t.Errorf("%q: got %q, want %q", test.line, got, test.want)
		}
	}
}
