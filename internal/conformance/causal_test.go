package conformance

import (
	"encoding/json"
	"regexp"
	"strings"
)

// This file compares histories as trees of cause and effect, for those in which AWS itself is not constant in what an event points at.

// node is an event in the tree, without what depends on its number and its time.
type node struct {
	event    map[string]any
	children []*node
}

// tree makes the tree of a history. Its root is no event.
func tree(events []any) *node {
	root := &node{}
	h := index(events)
	nodes := map[string]*node{}
	for _, id := range h.order {
		nodes[id] = &node{event: anonymous(h.events[id])}
	}
	for _, id := range h.order {
		parent := nodes[h.parent(id)]
		if parent == nil {
			parent = root
		}
		parent.children = append(parent.children, nodes[id])
	}
	return root
}

// chronicle is a history by the ids of its events.
type chronicle struct {
	events map[string]map[string]any
	order  []string
	starts map[string]string // of closing events, to end the walk early
}

func index(events []any) *chronicle {
	h := &chronicle{events: map[string]map[string]any{}, starts: map[string]string{}}
	for _, e := range events {
		event, _ := e.(map[string]any)
		id := number(event["id"])
		h.events[id] = event
		h.order = append(h.order, id)
	}
	return h
}

func number(v any) string {
	n, _ := v.(json.Number)
	return string(n)
}

func (h *chronicle) kind(id string) string {
	kind, _ := h.events[id]["type"].(string)
	return kind
}

func (h *chronicle) previous(id string) string { return number(h.events[id]["previousEventId"]) }

// parent is the event that caused the event: the previous one, but the …StateStarted event for what closes a Parallel or Map.
func (h *chronicle) parent(id string) string {
	if closes(h.kind(id)) {
		if start := h.start(id); start != "" {
			return start
		}
	}
	return h.previous(id)
}

// start finds the …StateStarted event of the state that the event closes; "" if the state never started.
func (h *chronicle) start(id string) string {
	if start, ok := h.starts[id]; ok {
		return start
	}
	h.starts[id] = "" // ends the walk should events point in a circle
	at := h.previous(id)
	if strings.HasSuffix(h.kind(id), "StateExited") && closes(h.kind(at)) && !strings.HasSuffix(h.kind(at), "StateExited") {
		h.starts[id] = h.start(at)
		return h.starts[id]
	}
	for range len(h.order) {
		switch kind := h.kind(at); {
		case kind == "ParallelStateStarted" || kind == "MapStateStarted":
			h.starts[id] = at
			return at
		case kind == "":
			return ""
		case closes(kind) && h.start(at) != "":
			at = h.previous(h.start(at))
		default:
			at = h.previous(at)
		}
	}
	return ""
}

// closes tells whether an event of the type ends a Parallel or Map state.
func closes(kind string) bool {
	rest, ok := strings.CutPrefix(kind, "ParallelState")
	if !ok {
		rest, ok = strings.CutPrefix(kind, "MapState")
	}
	switch rest {
	case "Succeeded", "Failed", "Aborted", "Exited":
		return ok
	}
	return false
}

var enteredAt = regexp.MustCompile(`\(entered at the event id #[^)]*\)`)

// anonymous returns the event without its number, its previous one and its time.
func anonymous(event map[string]any) map[string]any {
	plain := map[string]any{}
	for name, v := range event {
		switch name {
		case "id", "previousEventId", "timestamp":
		default:
			plain[name] = withoutIDs(v)
		}
	}
	return plain
}

func withoutIDs(v any) any {
	switch v := v.(type) {
	case string:
		return enteredAt.ReplaceAllString(v, "(entered at the event id #0)")
	case []any:
		plain := make([]any, len(v))
		for i := range v {
			plain[i] = withoutIDs(v[i])
		}
		return plain
	case map[string]any:
		plain := make(map[string]any, len(v))
		for name := range v {
			plain[name] = withoutIDs(v[name])
		}
		return plain
	}
	return v
}

// compareTrees compares two histories as trees.
func (m *matcher) compareTrees(want, got []any) *difference {
	mark := m.names.mark()
	w, g := tree(want), tree(got)
	if m.children(w, g) {
		return nil
	}
	m.names.undo(mark)
	// Where they part: the first event whose like is not found in the other history at all, else only the shape differs.
	left := make([]any, 0, len(got))
	for _, e := range got {
		event, _ := e.(map[string]any)
		left = append(left, anonymous(event))
	}
	for i, e := range want {
		event, _ := e.(map[string]any)
		plain := anonymous(event)
		found := false
		for j := range left {
			if left[j] != nil && m.compare("", plain, left[j]) == nil {
				left[j], found = nil, true
				break
			}
		}
		if !found {
			d := &difference{element("events", i), event, got, "no event like this (causal comparison)"}
			if i < len(got) {
				if nearer := m.compare(element("events", i), plain, left[i]); nearer != nil && left[i] != nil {
					nearer.why += " (causal comparison)"
					d = nearer
				}
			}
			m.names.undo(mark)
			return d
		}
	}
	m.names.undo(mark)
	return &difference{"events", want, got, "the same events caused in another way, or events too many (causal comparison)"}
}

func (m *matcher) children(want, got *node) bool {
	if len(want.children) != len(got.children) {
		return false
	}
	used := make([]bool, len(got.children))
	var place func(i int) bool
	place = func(i int) bool {
		if i == len(want.children) {
			return true
		}
		w := want.children[i]
		for j, g := range got.children {
			if m.trials++; m.trials > maxTrials {
				return false
			}
			if used[j] {
				continue
			}
			mark := m.names.mark()
			if m.compare("", w.event, g.event) == nil && m.children(w, g) {
				used[j] = true
				if place(i + 1) {
					return true
				}
				used[j] = false
			}
			m.names.undo(mark)
		}
		return false
	}
	return place(0)
}
