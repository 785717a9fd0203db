package asl

import (
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// structure checks what states have to do with each other: transitions, ways out, names, labels. It runs also on definitions with other
// faults, and is silent about the parts that it cannot understand. That an inner flow does not assign to a variable of an outer one, as
// the developer guide wants, is no matter of the definition: AWS creates machines that do.
// Of a lone state only what it has inside is looked at.
func (c *checker) structure(root *node, lone bool) {
	w := &walk{c, map[string]bool{}, map[string]bool{}}
	if !lone {
		w.flow(root, 0)
		return
	}
	for _, state := range root.get("States").members() {
		w.within(state, 1)
	}
}

type walk struct {
	*checker
	names, labels map[string]bool
}

func (w *walk) flow(n *node, depth int) {
	states := n.get("States").members()
	if len(states) == 0 || depth > maxNesting {
		return
	}
	byName := make(map[string]*node, len(states))
	for _, state := range states {
		if w.names[state.name] {
			w.report(sfn.SeverityError, sfn.CodeDuplicateStateName, state, state, "Duplicate State name: "+state.name)
		}
		w.names[state.name] = true
		byName[state.name] = state
	}
	start := n.get("StartAt")
	w.transition(start, byName)
	for _, state := range states {
		for _, target := range transitions(state) {
			w.transition(target, byName)
		}
	}
	if w.hasEnd(n, states) {
		w.reachable(start, states, byName)
	}
	for _, state := range states {
		w.within(state, depth+1)
	}
}

// within checks the flows of a Map or Parallel.
func (w *walk) within(state *node, depth int) {
	switch typeOf(state) {
	case TypeParallel:
		for _, branch := range state.get("Branches").items() {
			w.flow(branch, depth)
		}
	case TypeMap:
		if label := state.get("Label"); label != nil {
			if text, ok := label.text(); ok && w.labels[text] {
				w.report(sfn.SeverityError, sfn.CodeDuplicateLabel, label, label, "Duplicate Label name: "+text)
			} else if ok {
				w.labels[text] = true
			}
		}
		w.flow(processorOf(state), depth)
	}
}

func typeOf(state *node) StateType {
	text, _ := state.get("Type").text()
	return StateType(text)
}

// processorOf is a Map's ItemProcessor or Iterator, or nil.
func processorOf(state *node) *node {
	if processor := state.get("ItemProcessor"); processor != nil {
		return processor
	}
	return state.get("Iterator")
}

func isDistributed(processor *node) bool {
	mode, _ := processor.get("ProcessorConfig").get("Mode").text()
	return mode == "DISTRIBUTED"
}

// transitions lists the nodes that name a following state, in the order of the text.
func transitions(state *node) []*node {
	t := typeOf(state)
	var targets []*node
	add := func(n *node) {
		if _, ok := n.text(); ok {
			targets = append(targets, n)
		}
	}
	for _, member := range state.members() {
		field := stateShape.field(member.name)
		if field == nil || field.types&setOf(t) == 0 {
			continue
		}
		switch member.name {
		case "Next", "Default":
			add(member)
		case "Choices", "Catch":
			for _, item := range member.items() {
				add(item.get("Next"))
			}
		}
	}
	return targets
}

// transition reports a target that is not in the flow. AWS says Next of every field.
func (w *walk) transition(target *node, byName map[string]*node) {
	if name, ok := target.text(); ok && byName[name] == nil {
		w.report(sfn.SeverityError, sfn.CodeMissingTarget, target, target, "Missing 'Next' target: "+name)
	}
}

// hasEnd tells whether one of the states ends the flow, and reports it if not. A state of unknown type is given the benefit of the doubt.
func (w *walk) hasEnd(flow *node, states []*node) bool {
	for _, state := range states {
		t := typeOf(state)
		end := state.get("End")
		if t == TypeSucceed || t == TypeFail || setOf(t) == 0 || end != nil && end.value != value.Bool(false) {
			return true
		}
	}
	tight := flow.get("States")
	w.diagnostics = append(w.diagnostics, sfn.Diagnostic{
		Severity: sfn.SeverityError, Code: sfn.CodeMissingEndState, Message: "Workflow has no terminal state", Pointer: tight.pointer(), Offset: tight.offset,
	})
	return false
}

// reachable reports the states to which no way leads from the start.
func (w *walk) reachable(start *node, states []*node, byName map[string]*node) {
	name, _ := start.text()
	first := byName[name]
	if first == nil {
		return
	}
	reached := map[*node]bool{first: true}
	for ahead := []*node{first}; len(ahead) > 0; {
		state := ahead[len(ahead)-1]
		ahead = ahead[:len(ahead)-1]
		for _, target := range transitions(state) {
			name, _ := target.text()
			if next := byName[name]; next != nil && !reached[next] {
				reached[next] = true
				ahead = append(ahead, next)
			}
		}
	}
	for _, state := range states {
		if !reached[state] {
			w.report(sfn.SeverityError, sfn.CodeMissingTarget, state, state, "State \""+state.name+"\" is not reachable.")
		}
	}
}
