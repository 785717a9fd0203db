package engine

import (
	"strings"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// This file runs the children of Parallel and Map: branches and iterations begin, succeed together, or are cut short when one of them fails.

// forkBranches starts a Parallel, or starts it again.
func (x *Execution) forkBranches(f *flow, s *asl.Parallel) {
	input, why := x.arguments(f, s.Parameters)
	if why != nil {
		x.raise(f, why)
		return
	}
	f.fork.input = input
	x.emit(f, history.ParallelStateStarted, f.startsAfter(), nil)
}

// startsAfter is the event at which a …StateStarted event points: the Entered event, or the failure after which the state begins again.
func (f *flow) startsAfter() int64 {
	if f.fork.blamed != 0 {
		return f.fork.blamed
	}
	return f.tail
}

// forkItems starts a Map, or starts it again.
func (x *Execution) forkItems(f *flow, s *asl.Map) {
	var items value.Array
	var why *fault
	if s.ItemReader == nil {
		items, _, why = x.items(f, s)
	}
	if why == nil {
		f.fork.items = items
		f.fork.concurrency, why = x.concurrency(f, s)
	}
	if why != nil {
		x.raise(f, why)
		return
	}
	if x.trial != nil && !s.Distributed {
		if why = x.tryItems(f, s); why != nil {
			x.raise(f, why)
			return
		}
	}
	x.emit(f, history.MapStateStarted, f.startsAfter(), &history.MapStateStartedDetails{Length: int64(len(items))})
}

// items finds what a Map goes over. A distributed one may go over an object: then the items are its members' values, and keys has their names.
func (x *Execution) items(f *flow, s *asl.Map) (items value.Array, keys []string, why *fault) {
	if speaksJSONata(f) {
		return x.itemsOfExpression(f, s)
	}
	input, why := x.effectiveInput(f)
	if why != nil {
		return nil, nil, why
	}
	data, why := x.path(f, s.ItemsPath, input)
	if why != nil {
		return nil, nil, why
	}
	if items, keys, ok := entries(s, data.Value()); ok {
		return items, keys, nil
	}
	items, ok := data.Value().(value.Array)
	if !ok {
		path := "$"
		if !s.ItemsPath.IsDefault() {
			path = strings.Replace(s.ItemsPath.Path.String(), "$$", "$", 1)
		}
		return nil, nil, &fault{failure: *sfn.Fail(sfn.ErrorRuntime, "Reference path \"%s\" must point to array.", path)}
	}
	x.saw(f, AfterItemsPath, data)
	return items, nil, nil
}

// entries takes an object apart if a distributed Map goes over it.
func entries(s *asl.Map, v value.Value) (items value.Array, keys []string, ok bool) {
	o, ok := v.(*value.Object)
	if !ok || !s.Distributed {
		return nil, nil, false
	}
	for name, member := range o.All() {
		items, keys = append(items, member), append(keys, name)
	}
	return items, keys, true
}

// itemsOfExpression finds what a Map of JSONata goes over: Items, or else the state's input.
func (x *Execution) itemsOfExpression(f *flow, s *asl.Map) (items value.Array, keys []string, why *fault) {
	v := f.data.Value()
	if s.Items != nil {
		if v, why = x.expression(f, s.Items, "Items", value.KindNull); why != nil {
			return nil, nil, why
		}
	}
	if items, keys, ok := entries(s, v); ok {
		return items, keys, nil
	}
	items, ok := v.(value.Array)
	switch {
	case ok:
		return items, nil, nil
	case s.Items == nil:
		return nil, nil, x.misfit(f, "", "Map state input must be an array but was: %s", value.Text(v))
	}
	if err := s.Items.Expect(v, value.KindArray); err != nil {
		return nil, nil, x.evaluation(f, err)
	}
	return nil, nil, x.misfit(f, "", "Map state input must be an array but was: %s", value.Text(v))
}

// concurrency is how many items of a Map may be at work at once.
func (x *Execution) concurrency(f *flow, s *asl.Map) (int64, *fault) {
	n, why := x.wholeNumber(f, s.MaxConcurrency, "MaxConcurrency")
	if why != nil {
		return 0, why
	}
	x.sawConcurrency(n)
	most := int64(sfn.MaxInlineConcurrency)
	if s.Distributed {
		most = sfn.MaxMapRunConcurrency
	}
	switch {
	case n < 0:
		return 0, x.runtime(f, "MaxConcurrency cannot be negative.")
	case n == 0 || n > most:
		return most, nil
	}
	return n, nil
}

// applyForked notes that the state begins its work, with fresh children.
func (x *Execution) applyForked(f *flow, e *history.Event) {
	x.dropChildren(f)
	before := f.fork
	f.fork = fork{started: e.ID, lastTail: e.ID, lastLink: e.ID}
	if m, ok := f.state.(*asl.Map); x.trial != nil && !(ok && m.Distributed) {
		x.oweTrial(f, e)
		return
	}
	switch s := f.state.(type) {
	case *asl.Parallel:
		// Of an event that comes from Advance the input is known; folding works it out again, from the same state of things.
		if before.input == nil {
			before.input, _ = x.arguments(f, s.Parameters)
		}
		f.fork.results = make([]*value.Data, len(s.Branches))
		for i, branch := range s.Branches {
			f.fork.children = append(f.fork.children, x.newFlow(branch, f, int64(i), e.ID, before.input))
		}
		f.fork.begun = int64(len(s.Branches))
	case *asl.Map:
		if s.Distributed {
			f.tail, f.link, f.phase = e.ID, e.ID, distributing
			x.wake(f)
			return
		}
		if before.items == nil {
			before.items, _, _ = x.items(f, s)
			before.concurrency, _ = x.concurrency(f, s)
		}
		f.fork.items, f.fork.concurrency = before.items, before.concurrency
		f.fork.results = make([]*value.Data, len(f.fork.items))
		f.fork.children = make([]*flow, len(f.fork.items))
	}
	f.tail, f.link, f.phase = e.ID, e.ID, forked
	x.wake(f)
}

// mayBegin tells whether another item can be taken up.
func (f *flow) mayBegin() bool {
	begun := f.fork.begun
	return begun < int64(len(f.fork.items)) && begun-f.fork.done < f.fork.concurrency
}

// joined tells whether all children have succeeded.
func (f *flow) joined() bool { return f.fork.done == int64(len(f.fork.results)) }

// stepFork takes up as many items as may be at work, or closes a state whose children have all succeeded.
func (x *Execution) stepFork(f *flow) {
	if f.joined() {
		t := history.ParallelStateSucceeded
		if _, ok := f.state.(*asl.Map); ok {
			t = history.MapStateSucceeded
		}
		x.emit(f, t, f.fork.lastTail, nil)
		return
	}
	s := f.state.(*asl.Map)
	for f.phase == forked && f.mayBegin() && x.room > 0 && !x.status.Ended() {
		input, why := x.itemInput(f, s, f.fork.begun)
		if why != nil {
			x.raise(f, why)
			return
		}
		f.fork.item = input
		previous := f.fork.started
		if f.fork.concurrency == 1 {
			previous = f.fork.lastLink
		}
		x.emit(f, history.MapIterationStarted, previous, &history.MapIterationDetails{Name: s.Name, Index: f.fork.begun})
	}
}

// itemInput is the input of the iteration over the item index.
func (x *Execution) itemInput(f *flow, s *asl.Map, index int64) (*value.Data, *fault) {
	v := f.fork.items[index]
	if s.ItemSelector == nil {
		return value.NewData(v), nil
	}
	l, why := x.selector(f, s)
	if why != nil {
		return nil, why
	}
	input, why := l.eval(&Item{Index: index, Value: v, Source: StateData})
	if why != nil {
		return nil, why
	}
	return input, within(f, input)
}

func (x *Execution) applyIterationStarted(f *flow, e *history.Event) {
	s := f.state.(*asl.Map)
	index := f.fork.begun
	input := f.fork.item
	if input == nil {
		input, _ = x.itemInput(f, s, index)
	}
	f.fork.item = nil
	f.fork.begun++
	f.fork.children[index] = x.newFlow(s.Processor, f, index, e.ID, input)
}

// childDone notes that a branch or iteration succeeded.
func (x *Execution) childDone(child *flow) {
	p := child.parent
	p.fork.results[child.index] = child.data
	p.fork.done++
	p.fork.lastTail = max(p.fork.lastTail, child.tail)
	p.fork.lastLink = child.link
	p.fork.children[child.index] = nil
	x.end(child)
	x.takeTurn(p)
	x.wake(p)
}

// applyJoined notes that all children succeeded. The event stands aside: what follows points at the children's last.
func (x *Execution) applyJoined(f *flow) {
	if f.phase == distributed {
		f.phase = succeeded // the result is there, and what follows points at the MapRunStarted
		x.wake(f)
		return
	}
	f.result = value.JoinArray(f.fork.results)
	f.tail, f.link, f.phase = f.fork.lastTail, f.fork.lastTail, succeeded
	x.wake(f)
}

// abortedEvents says which event tells that a state was cut short. Other types of states take no time and are never found in the middle.
var abortedEvents = map[asl.StateType]history.Type{
	asl.TypeTask: history.TaskStateAborted, asl.TypeWait: history.WaitStateAborted,
	asl.TypeParallel: history.ParallelStateAborted, asl.TypeMap: history.MapStateAborted,
}

// hasLosses tells whether there are children whose cutting short has not been recorded.
func (f *flow) hasLosses() bool {
	for _, child := range f.fork.children {
		if child != nil && f.loss(child) != lossNone {
			return true
		}
	}
	return false
}

// loss is what remains to be recorded of a child of a closing state.
type loss uint8

const (
	lossNone      loss = iota
	lossState          // its state was cut short
	lossIteration      // its iteration was cut short
	lossFailure        // its iteration failed
)

func (f *flow) loss(child *flow) loss {
	_, iterations := f.state.(*asl.Map)
	if child == f.fork.blame {
		switch _, task := child.state.(*asl.Task); {
		case iterations:
			return lossFailure
		case task && child.phase == failed:
			return lossState // AWS says of a failed Task in a branch that it was aborted, too
		}
		return lossNone
	}
	if child.inState() && abortedEvents[child.state.Common().Type] != "" {
		return lossState
	}
	if iterations {
		return lossIteration
	}
	return lossNone
}

// inState tells whether the flow is in the middle of a state.
func (f *flow) inState() bool {
	switch f.phase {
	case entering, exited, ended:
		return false
	}
	return true
}

// stepClosing records what the failure of a child cut short, then fails the state or begins it again.
func (x *Execution) stepClosing(f *flow) {
	cause := f.fork.blamed
	if f.fork.blame != nil {
		x.recordLoss(f, f.fork.blame, cause, lossState)
	}
	for _, child := range f.fork.children {
		if child != nil && child != f.fork.blame {
			x.cutShort(f, child, cause)
		}
	}
	if f.fork.blame != nil {
		x.recordLoss(f, f.fork.blame, cause, lossFailure)
	}
	_, iterations := f.state.(*asl.Map)
	switch {
	case f.fork.again && x.now.Before(f.due):
	case f.fork.again:
		x.begin(f)
	case iterations:
		x.emit(f, history.MapStateFailed, cause, nil)
	default:
		x.emit(f, history.ParallelStateFailed, cause, nil)
	}
}

// recordLoss records the loss of the child if it is of the given kind.
func (x *Execution) recordLoss(f, child *flow, cause int64, want loss) {
	if f.fork.children[child.index] != child || f.loss(child) != want {
		return
	}
	switch want {
	case lossState:
		if _, ok := child.state.(*asl.Map); ok && child.phase == running && child.task.scheduled != 0 {
			x.emit(child, history.MapRunAborted, cause, nil)
		}
		x.emit(child, abortedEvents[child.state.Common().Type], cause, nil)
	case lossIteration, lossFailure:
		t := history.MapIterationAborted
		if want == lossFailure {
			t = history.MapIterationFailed
		}
		x.emit(child, t, cause, &history.MapIterationDetails{Name: f.state.Common().Name, Index: child.index})
	}
}

// cutShort records that the child, and what it has forked itself, was cut short.
func (x *Execution) cutShort(f, child *flow, cause int64) {
	for _, grandchild := range child.fork.children {
		if grandchild != nil {
			x.cutShort(child, grandchild, cause)
		}
	}
	x.recordLoss(f, child, cause, lossState)
	x.recordLoss(f, child, cause, lossIteration)
}

// applyStateAborted notes that the flow's state was cut short. A branch is over with it, an iteration after one more event.
func (x *Execution) applyStateAborted(f *flow) {
	x.closeTask(f)
	x.cutChildren(f)
	if _, branch := f.parent.state.(*asl.Parallel); branch {
		x.cutChild(f)
		return
	}
	f.phase = ended
}

// cutChild notes that a child is over without a result. It is kept aside, with what it has forked: a redrive takes it up again.
func (x *Execution) cutChild(child *flow) {
	x.closeTask(child)
	x.cutChildren(child)
	child.cut = true
	f := child.parent
	f.fork.children[child.index] = nil
	f.fork.cut = append(f.fork.cut, child)
}

// cutChildren cuts short what is left of the flow's children.
func (x *Execution) cutChildren(f *flow) {
	for _, child := range f.fork.children {
		if child != nil {
			x.cutChild(child)
		}
	}
}

// dropChildren ends what is left of the flow's children for good, at all depths.
func (x *Execution) dropChildren(f *flow) {
	drop := func(child *flow) {
		x.dropChildren(child)
		x.closeTask(child)
		x.end(child)
	}
	for i, child := range f.fork.children {
		if child != nil {
			drop(child)
			f.fork.children[i] = nil
		}
	}
	for _, child := range f.fork.cut {
		drop(child)
	}
	f.fork.cut = nil
}
