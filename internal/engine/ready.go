package engine

import "container/heap"

// ready is a heap of the flows that can take a step. The one whose last event is the oldest comes first, so flows take turns, and the order
// follows from history alone: a folded execution goes on with the same flow as the one that was lost.
type ready []*flow

func (r ready) Len() int { return len(r) }
func (r ready) Less(i, j int) bool {
	if r[i].turn != r[j].turn {
		return r[i].turn < r[j].turn
	}
	return r[i].number < r[j].number
}
func (r ready) Swap(i, j int) {
	r[i], r[j] = r[j], r[i]
	r[i].place, r[j].place = i+1, j+1
}

// Push implements heap.Interface.
func (r *ready) Push(v any) {
	f := v.(*flow)
	f.place = len(*r) + 1
	*r = append(*r, f)
}

// Pop implements heap.Interface.
func (r *ready) Pop() any {
	last := len(*r) - 1
	f := (*r)[last]
	(*r)[last] = nil
	*r = (*r)[:last]
	f.place = 0
	return f
}

// wake lets the flow take a step when its turn has come.
func (x *Execution) wake(f *flow) {
	if f.place == 0 {
		heap.Push(&x.ready, f)
	}
}

// takeTurn notes that something has just happened to the flow: others go first.
func (x *Execution) takeTurn(f *flow) {
	f.turn = x.lastID
	if f.place != 0 {
		heap.Fix(&x.ready, f.place-1)
	}
}
