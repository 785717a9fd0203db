package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/tutti-run/tutti/internal/lambda"
)

// functionLines shows what functions print.
type functionLines struct {
	c     *cli
	names *atomic.Pointer[map[string]string] // what people call functions; nil until that is known
}

func (f functionLines) short(name string) string {
	if names := f.names.Load(); names != nil && (*names)[name] != "" {
		return (*names)[name]
	}
	return name
}

// Log implements lambda.Logs. Of the lines of the platform those that mark the beginning and end of every call are left out.
func (f functionLines) Log(l lambda.Line) {
	if l.Stream == lambda.StreamPlatform {
		for _, every := range []string{"START ", "END ", "REPORT ", "INIT_START "} {
			if strings.HasPrefix(l.Text, every) {
				return
			}
		}
	}
	th := f.c.out.theme
	for line := range strings.Lines(l.Text) {
		f.c.out.println(th.dim(l.Time.Local().Format(timeOfDay) + "    " + f.short(l.Function) + "  " + readable(line)))
	}
}

// readable turns a line of Lambda's JSON log format into one for people: level, message, and the members that the rest of the line does not
// tell already. It leaves any other line as it is.
func readable(line string) string {
	var record map[string]any
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &record) != nil {
		return printableLine(line)
	}
	level, levelled := record["level"].(string)
	message, messaged := record["message"].(string)
	if !levelled || !messaged {
		return printableLine(line)
	}
	for _, told := range []string{"level", "message", "timestamp", "function", "requestId"} {
		delete(record, told)
	}
	text := printable(level) + " " + printable(message)
	for _, name := range slices.Sorted(maps.Keys(record)) {
		member, err := json.Marshal(record[name])
		if s, ok := record[name].(string); ok && err == nil && !strings.ContainsAny(s, " \"=") {
			member = []byte(s)
		}
		text += fmt.Sprintf(" %s=%s", printable(name), printable(string(member)))
	}
	return text
}
