package engine

import (
	"container/heap"
	"time"
)

// alarm says when a flow wants to be woken. One that no longer agrees with its flow is stale and ignored.
type alarm struct {
	at   time.Time
	flow *flow
}

// alarms is a heap of alarms, the earliest first; of equal ones the flow that began first.
type alarms []alarm

func (a alarms) Len() int { return len(a) }
func (a alarms) Less(i, j int) bool {
	if !a[i].at.Equal(a[j].at) {
		return a[i].at.Before(a[j].at)
	}
	return a[i].flow.number < a[j].flow.number
}
func (a alarms) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *alarms) Push(v any) { *a = append(*a, v.(alarm)) }

// Pop implements heap.Interface.
func (a *alarms) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// NextWait is when the execution goes on by itself: a Wait ends, or a retry begins. Zero for never; timeouts do not count.
func (x *Execution) NextWait() time.Time {
	var first time.Time
	for _, f := range x.flows {
		if f == nil || f.phase == running || f.isCut() {
			continue
		}
		if at := f.wakeAt(); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// setAlarm notes when the flow wants to be woken, if it does.
func (x *Execution) setAlarm(f *flow) {
	if at := f.wakeAt(); !at.IsZero() {
		heap.Push(&x.alarms, alarm{at, f})
	}
}

// nextAlarm returns the earliest alarm that is not stale.
func (x *Execution) nextAlarm() (alarm, bool) {
	for len(x.alarms) > 0 {
		first := x.alarms[0]
		if first.flow.wakeAt().Equal(first.at) {
			return first, true
		}
		heap.Pop(&x.alarms)
	}
	return alarm{}, false
}

// WakeAt is when the execution must be advanced even if nothing else happens; zero if never.
func (x *Execution) WakeAt() time.Time {
	if x.status.Ended() || x.status == "" {
		return time.Time{}
	}
	if first, ok := x.nextAlarm(); ok && first.at.Before(x.deadline) {
		return first.at
	}
	return x.deadline
}

// drop removes the earliest alarm.
func (a *alarms) drop() { heap.Pop(a) }
