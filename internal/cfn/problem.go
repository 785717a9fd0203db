package cfn

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one fault in a template.
type Problem struct {
	// File, Line, Column and Offset are the place of the tightest value around the fault. Line and Column count from 1, Column in
	// characters; Offset counts bytes from 0.
	File                 string
	Line, Column, Offset int

	// Pointer is the JSON Pointer (RFC 6901) of that value.
	Pointer string

	// Section and LogicalID name the element: Resources and ProbeFunction, Outputs and Url. Both are empty for the template as a whole.
	Section, LogicalID string

	// Path leads from the element to the value, like Properties.Targets[0].Arn.
	Path string

	// Message says what is wrong.
	Message string
}

// String is the problem in one line: app.template.json:12:8: ProbeFunction Properties.Timeout: message.
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", p.File, p.Line, p.Column)
	switch {
	case p.LogicalID == "":
		b.WriteString(p.Section)
	case p.Section == "Resources":
		b.WriteString(p.LogicalID)
	default:
		b.WriteString(p.Section + "." + p.LogicalID)
	}
	if p.Path != "" {
		b.WriteString(" " + p.Path)
	}
	if p.Section != "" {
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is a list of problems in the order of the text, at most [MaxProblems] of them.
type Problems []Problem

// MaxProblems bounds the list: beyond it one fault repeats itself.
const MaxProblems = 100

// Error gives each problem a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// add adds a problem unless the list is full or has it.
func (p *Problems) add(problem Problem) {
	if len(*p) < MaxProblems && !slices.Contains(*p, problem) {
		*p = append(*p, problem)
	}
}

// err returns the list in order, or nil if it is empty.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	sorted := slices.Clone(p)
	slices.SortStableFunc(sorted, func(a, b Problem) int { return cmp.Compare(a.Offset, b.Offset) })
	return sorted
}

// problem returns a problem at the node.
func (d *Document) problem(at *node, format string, args ...any) Problem {
	p := Problem{File: d.File, Offset: at.start, Message: fmt.Sprintf(format, args...)}
	p.Line, p.Column = d.position(at.start)
	steps := d.stepsTo(at)
	p.Pointer = pointer(steps)
	if len(steps) > 0 {
		p.Section = steps[0].name
	}
	if len(steps) > 1 {
		p.LogicalID = steps[1].name
		p.Path = propertyPath(steps[2:])
	}
	return p
}

func pointer(steps []step) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	for _, s := range steps {
		if s.index < 0 {
			b.WriteString("/" + escape.Replace(s.name))
		} else {
			fmt.Fprintf(&b, "/%d", s.index)
		}
	}
	return b.String()
}

// propertyPath writes steps as people do: Properties.Targets[0].Arn.
func propertyPath(steps []step) string {
	var b strings.Builder
	for i, s := range steps {
		switch {
		case s.index >= 0:
			fmt.Fprintf(&b, "[%d]", s.index)
		case i == 0:
			b.WriteString(s.name)
		default:
			b.WriteString("." + s.name)
		}
	}
	return b.String()
}
