package main

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// progressLines tell what the event that was just added to the tree means, for logs and pipes. There are none for events that matter to
// nobody: those of states that only compute, and what follows from others.
func (v view) progressLines(t *tree, n *node, e types.HistoryEvent) []string {
	since := max(0, aws.ToTime(e.Timestamp).Sub(t.root.entered))
	var lines []string
	tell := func(who, text string) {
		lines = append(lines, fmt.Sprintf("%8.3f s  %s %s", since.Seconds(), who, text))
	}
	if choice := chosenBy(n, e); choice != nil {
		tell(where(choice), "chose "+printable(n.name))
	}
	if text := v.eventText(n, e); text != "" {
		who := where(n)
		if n == t.root {
			who = printable(v.machine + " " + v.name)
		}
		tell(who, text)
	}
	return lines
}

// chosenBy is the Choice that has led to the state that the event enters, nil for none.
func chosenBy(n *node, e types.HistoryEvent) *node {
	if !strings.HasSuffix(string(e.Type), "StateEntered") || n.parent == nil || len(n.parent.children) < 2 {
		return nil
	}
	before := n.parent.children[len(n.parent.children)-2]
	if before.stateType != "Choice" {
		return nil
	}
	return before
}

// where names a node by the states and iterations around it: ProbeEndpoints[2].Probe.
func where(n *node) string {
	switch n.kind {
	case kindExecution:
		return ""
	case kindBranch:
		return where(n.parent)
	case kindIteration:
		return fmt.Sprintf("%s[%d]", where(n.parent), n.index)
	}
	if outer := where(n.parent); outer != "" {
		return outer + "." + printable(n.name)
	}
	return printable(n.name)
}

func (v view) eventText(n *node, e types.HistoryEvent) string {
	name := string(e.Type)
	switch e.Type {
	case types.HistoryEventTypeExecutionStarted:
		return "started"
	case types.HistoryEventTypeExecutionRedriven:
		return "redriven"
	case types.HistoryEventTypeTaskSubmitted:
		return "was taken, waiting for its end"
	case types.HistoryEventTypeEvaluationFailed:
		return "failed: " + failureText(n.err, n.cause)
	case types.HistoryEventTypeWaitStateEntered:
		return "waits"
	case types.HistoryEventTypeMapStateStarted:
		return "started, " + count(n.items, "item", "items")
	case types.HistoryEventTypeParallelStateStarted:
		return "started"
	case types.HistoryEventTypeTaskStateExited, types.HistoryEventTypeMapStateExited, types.HistoryEventTypeParallelStateExited, types.HistoryEventTypeWaitStateExited:
		return exitText(n)
	}
	switch {
	case n.kind == kindState && n.stateType == "Fail" && strings.HasSuffix(name, "Entered"):
		return "reached"
	case strings.HasSuffix(name, "Scheduled"):
		return v.scheduledText(n)
	case n.kind == kindState && n.phase == phaseRetrying && !strings.HasSuffix(name, "Aborted"):
		return "failed: " + failureText(n.err, n.cause)
	case n.kind == kindExecution && !n.phase.open():
		return endText(n)
	}
	return ""
}

func (v view) scheduledText(n *node) string {
	text := "calls " + printable(v.called(n.resource))
	if n.attempts > 1 {
		text += fmt.Sprintf(", attempt %d", n.attempts)
	}
	return text
}

func exitText(n *node) string {
	took := duration(n.ended.Sub(n.entered))
	if n.phase == phaseCaught {
		return fmt.Sprintf("caught %s after %s", printable(n.err), took)
	}
	return "succeeded after " + took
}

// endText is how the execution ended.
func endText(root *node) string {
	text := string(root.status()) + " after " + duration(root.ended.Sub(root.entered))
	if failure := failureText(root.err, root.cause); failure != "" {
		text += ": " + failure
	}
	return text
}
