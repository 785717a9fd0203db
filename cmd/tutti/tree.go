package main

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// tree is what the events of an execution's history say, as nested states. It is made of events alone, in the order of their ids, so it
// does not matter who recorded them.
//
// An event names the event that caused it, and the chain of causes tells where it belongs (spec history.md section 3): the tree keeps for
// every event the node that it was about. Events whose cause is not known, or that do not fit, change nothing that would be wrong.
type tree struct {
	root   *node
	places map[int64]place
	last   int64 // id of the newest event
}

// place is where an event left its flow.
type place struct {
	node *node
	fork bool // the event started the branches of a Parallel: states that follow it begin one each
}

// kind says what a node stands for.
type kind int

const (
	kindExecution kind = iota // the root
	kindState
	kindBranch    // of a Parallel
	kindIteration // of a Map
)

// phase is how far a node is.
type phase int

const (
	phaseRunning   phase = iota // entered, not ended
	phaseRetrying               // its last attempt failed, and nothing has followed from that yet: the next attempt will
	phaseSubmitted              // the call was taken; a job or the holder of a token will end it
	phaseSucceeded              // ended well
	phaseCaught                 // failed, and a Catch took over
	phaseFailed                 // ended with an error
	phaseTimedOut               // the execution ran out of time
	phaseAborted                // cut short by something else's end
)

func (p phase) open() bool { return p <= phaseSubmitted }

// node is the execution, a state that was entered, a branch or an iteration.
type node struct {
	kind     kind
	parent   *node
	children []*node

	name      string // of the state; "" for others
	stateType string // Task, Map and so on
	index     int    // of a branch or iteration
	phase     phase
	entered   time.Time
	ended     time.Time // zero while open

	resource string    // what a Task calls, for people
	attempts int       // how often a Task was scheduled, or a Map or Parallel started
	failedAt time.Time // of the last attempt that failed
	err      string    // the last failure's error, and its cause
	cause    string
	items    int    // of a Map
	chose    string // the state that followed a Choice
}

func newTree() *tree {
	t := &tree{root: &node{kind: kindExecution}, places: map[int64]place{}}
	t.places[0] = place{node: t.root}
	return t
}

// buildTree is the tree of a whole list of events.
func buildTree(events []types.HistoryEvent) *tree {
	t := newTree()
	for _, e := range events {
		t.add(e)
	}
	return t
}

// ended tells whether the execution is over.
func (t *tree) ended() bool { return !t.root.phase.open() }

// status is the root's phase as AWS says it.
func (n *node) status() types.ExecutionStatus {
	switch n.phase {
	case phaseSucceeded:
		return types.ExecutionStatusSucceeded
	case phaseTimedOut:
		return types.ExecutionStatusTimedOut
	case phaseFailed:
		return types.ExecutionStatusFailed
	case phaseAborted:
		return types.ExecutionStatusAborted
	}
	return types.ExecutionStatusRunning
}

// add takes the next event and returns the node that it is about.
func (t *tree) add(e types.HistoryEvent) *node {
	cause, known := t.places[e.PreviousEventId]
	if !known {
		cause = place{node: t.root}
	}
	at := aws.ToTime(e.Timestamp)
	n := t.apply(e, cause, at)
	t.places[e.Id] = place{node: n, fork: e.Type == types.HistoryEventTypeParallelStateStarted}
	t.last = max(t.last, e.Id)
	return n
}

// apply sorts the event into one of a few groups by its type's name: …StateEntered, …StateExited and so on.
func (t *tree) apply(e types.HistoryEvent, cause place, at time.Time) *node {
	name := string(e.Type)
	if stateType, ok := strings.CutSuffix(name, "StateEntered"); ok {
		return t.enter(e, stateType, cause, at)
	}
	if strings.HasSuffix(name, "StateExited") {
		return exit(e, cause.node, at)
	}
	if stateType, ok := strings.CutSuffix(name, "StateAborted"); ok {
		return abort(stateType, cause.node, at)
	}
	for _, service := range []string{"LambdaFunction", "Activity", "Task"} {
		if step, ok := strings.CutPrefix(name, service); ok {
			return call(e, step, cause.node, at)
		}
	}
	if strings.HasPrefix(name, "MapIteration") {
		return iterate(e, cause.node, at)
	}
	if strings.HasPrefix(name, "Execution") {
		return t.execution(e, cause.node, at)
	}
	return fork(e, cause.node, at)
}

// execution takes the events of the execution itself.
func (t *tree) execution(e types.HistoryEvent, cause *node, at time.Time) *node {
	root := t.root
	switch e.Type {
	case types.HistoryEventTypeExecutionStarted:
		root.entered = at
	case types.HistoryEventTypeExecutionRedriven:
		root.phase, root.ended, root.err, root.cause = phaseRunning, time.Time{}, "", ""
	case types.HistoryEventTypeExecutionSucceeded:
		root.end(phaseSucceeded, at)
	case types.HistoryEventTypeExecutionFailed:
		if d := e.ExecutionFailedEventDetails; d != nil {
			root.err, root.cause = aws.ToString(d.Error), aws.ToString(d.Cause)
		}
		failUpTo(root, cause, at)
		root.end(phaseFailed, at)
	case types.HistoryEventTypeExecutionTimedOut:
		root.end(phaseTimedOut, at)
	case types.HistoryEventTypeExecutionAborted:
		if d := e.ExecutionAbortedEventDetails; d != nil {
			root.err, root.cause = aws.ToString(d.Error), aws.ToString(d.Cause)
		}
		root.end(phaseAborted, at)
	}
	return root
}

// enter adds a state to the flow in which its cause stands.
func (t *tree) enter(e types.HistoryEvent, stateType string, cause place, at time.Time) *node {
	flow := cause.node
	switch {
	case cause.fork:
		branch := &node{kind: kindBranch, parent: flow, index: len(flow.children), entered: at}
		flow.children = append(flow.children, branch)
		flow = branch
	case flow.kind == kindState:
		if flow.stateType == "Choice" && e.StateEnteredEventDetails != nil {
			flow.chose = aws.ToString(e.StateEnteredEventDetails.Name)
		}
		flow = flow.parent
	}
	n := &node{kind: kindState, parent: flow, stateType: stateType, entered: at}
	if d := e.StateEnteredEventDetails; d != nil {
		n.name = aws.ToString(d.Name)
	}
	flow.children = append(flow.children, n)
	flow.reopen()
	return n
}

// exit ends a state. The cause may lie deep inside of it: in the last branch or iteration.
func exit(e types.HistoryEvent, cause *node, at time.Time) *node {
	n := cause
	if d := e.StateExitedEventDetails; d != nil {
		name := aws.ToString(d.Name)
		if found := cause.up(func(n *node) bool { return n.kind == kindState && n.name == name && n.ended.IsZero() }); found != nil {
			n = found
		}
	}
	if n.kind != kindState {
		return n
	}
	if n.phase == phaseRetrying || n.phase == phaseFailed {
		failUpTo(n, cause, at)
		n.end(phaseCaught, at)
		return n
	}
	n.end(phaseSucceeded, at)
	return n
}

// abort ends a state of the type because something beside it failed. The event does not say which: there is one for each state that
// is cut short, so it does not matter in which order they are found.
func abort(stateType string, cause *node, at time.Time) *node {
	within := cause.up(func(n *node) bool { return (n.stateType == "Parallel" || n.stateType == "Map") && n.phase.open() })
	if within == nil {
		return cause
	}
	if n := within.find(func(n *node) bool { return n != cause && n.stateType == stateType && n.phase.open() }); n != nil && n != within {
		n.end(phaseAborted, at)
	}
	return cause
}

// call takes the events of a Task's call.
func call(e types.HistoryEvent, step string, n *node, at time.Time) *node {
	if n.kind != kindState {
		return n
	}
	switch step {
	case "Scheduled":
		n.attempts++
		n.phase, n.ended = phaseRunning, time.Time{}
		n.resource = resourceOf(e)
		n.parent.reopen()
	case "Submitted":
		n.phase = phaseSubmitted
	case "Succeeded":
		n.phase = phaseRunning
	case "Failed", "TimedOut", "ScheduleFailed", "StartFailed", "SubmitFailed":
		n.fails(e, at)
	}
	return n
}

// fails notes a failure that may be retried, caught or final: the next event tells.
func (n *node) fails(e types.HistoryEvent, at time.Time) {
	n.phase, n.failedAt = phaseRetrying, at
	n.err, n.cause = failureOf(e)
}

// iterate takes the events of a Map's iterations. A Map whose iterations run one by one chains them to the states of the one before, so
// the name says which Map is meant.
func iterate(e types.HistoryEvent, cause *node, at time.Time) *node {
	d := iterationOf(e)
	if d == nil {
		return cause
	}
	name, index := aws.ToString(d.Name), int(d.Index)
	m := cause.up(func(n *node) bool { return n.stateType == "Map" && n.name == name && n.ended.IsZero() })
	if m == nil {
		return cause
	}
	if e.Type == types.HistoryEventTypeMapIterationStarted {
		n := &node{kind: kindIteration, parent: m, index: index, entered: at}
		m.children = append(m.children, n)
		m.reopen()
		return n
	}
	n := m.child(index)
	if n == nil {
		return cause
	}
	switch e.Type {
	case types.HistoryEventTypeMapIterationSucceeded:
		n.end(phaseSucceeded, at)
	case types.HistoryEventTypeMapIterationFailed:
		failUpTo(n, cause, at)
		n.end(phaseFailed, at)
		return cause // an aside: the flow goes on from the failure
	case types.HistoryEventTypeMapIterationAborted:
		n.end(phaseAborted, at)
		return cause
	}
	return n
}

// fork takes the remaining events: of Parallel, Map and Map Run as a whole, and of expressions.
func fork(e types.HistoryEvent, cause *node, at time.Time) *node {
	owner := func(stateType string) *node {
		if n := cause.up(func(n *node) bool { return n.stateType == stateType && n.phase.open() }); n != nil {
			return n
		}
		return cause
	}
	switch e.Type {
	case types.HistoryEventTypeParallelStateStarted:
		return owner("Parallel").restart(at)
	case types.HistoryEventTypeMapStateStarted:
		n := owner("Map").restart(at)
		if d := e.MapStateStartedEventDetails; d != nil {
			n.items = int(d.Length)
		}
		return n
	case types.HistoryEventTypeParallelStateSucceeded, types.HistoryEventTypeMapStateSucceeded:
		return cause // an aside: Exited follows
	case types.HistoryEventTypeParallelStateFailed:
		return owner("Parallel").forkFails(cause, at)
	case types.HistoryEventTypeMapStateFailed:
		return owner("Map").forkFails(cause, at)
	case types.HistoryEventTypeMapRunStarted:
		cause.resource = "Map Run"
	case types.HistoryEventTypeMapRunFailed:
		cause.err, cause.cause = failureOf(e)
	case types.HistoryEventTypeEvaluationFailed:
		n := evaluated(e, cause)
		if n.kind == kindState {
			n.fails(e, at)
		}
		return n
	}
	return cause
}

// evaluated is the state whose expression failed. The event points at the state's Entered, or in older histories where that points.
func evaluated(e types.HistoryEvent, cause *node) *node {
	if e.EvaluationFailedEventDetails == nil {
		return cause
	}
	name := aws.ToString(e.EvaluationFailedEventDetails.State)
	named := func(n *node) bool { return n.kind == kindState && n.name == name && n.ended.IsZero() }
	if n := cause.up(named); n != nil {
		return n
	}
	if cause.parent != nil {
		for _, c := range cause.parent.children {
			if named(c) {
				return c
			}
		}
	}
	return cause
}

// restart begins a Parallel or Map, or begins it again: then its flows are new ones.
func (n *node) restart(at time.Time) *node {
	if n.kind != kindState {
		return n
	}
	if n.attempts > 0 {
		for _, c := range n.children {
			c.end(phaseAborted, at)
		}
		n.children = nil
	}
	n.attempts++
	n.phase, n.ended = phaseRunning, time.Time{}
	return n
}

// forkFails marks a Parallel or Map as failed because of the cause, which may lie deep inside of it.
func (n *node) forkFails(cause *node, at time.Time) *node {
	if n.kind != kindState {
		return n
	}
	failUpTo(n, cause, at)
	n.phase, n.failedAt = phaseFailed, at
	for _, c := range n.children {
		c.end(phaseAborted, at)
	}
	return n
}

// failUpTo marks the cause of a failure and all between it and n as failed. Cause and n share the error, whichever of them knows it: the
// event of a Fail state has none, nor has that of a Parallel.
func failUpTo(n, cause *node, at time.Time) {
	for c := cause; c != nil && c != n; c = c.parent {
		if c.ended.IsZero() {
			c.phase, c.ended = phaseFailed, at
		}
	}
	if n.err == "" {
		n.err, n.cause = cause.err, cause.cause
	} else {
		cause.blame(n.err, n.cause)
	}
}

// blame gives the error to a node that has none, and to what failed inside of it without saying why.
func (n *node) blame(name, cause string) {
	if n.err != "" {
		return
	}
	n.err, n.cause = name, cause
	for _, c := range n.children {
		if c.phase == phaseFailed {
			c.blame(name, cause)
		}
	}
}

// end closes the node, and what is still open in it as cut short. A node that is closed stays as it is.
func (n *node) end(p phase, at time.Time) {
	if !n.ended.IsZero() {
		return
	}
	inner := phaseAborted
	if p == phaseSucceeded {
		inner = phaseSucceeded // branches, whose end no event tells
	}
	for _, c := range n.children {
		c.end(inner, at)
	}
	if n.phase == phaseFailed && p == phaseAborted {
		p = phaseFailed
	}
	n.phase, n.ended = p, at
}

// reopen undoes the end of a node and all around it: a redriven execution goes on inside of what had ended.
func (n *node) reopen() {
	for ; n != nil && !n.phase.open(); n = n.parent {
		n.phase, n.ended = phaseRunning, time.Time{}
	}
}

// up returns the nearest node from n upwards that matches.
func (n *node) up(match func(*node) bool) *node {
	for ; n != nil; n = n.parent {
		if match(n) {
			return n
		}
	}
	return nil
}

// find returns the first node below n, or n, that matches.
func (n *node) find(match func(*node) bool) *node {
	if match(n) {
		return n
	}
	for _, c := range n.children {
		if found := c.find(match); found != nil {
			return found
		}
	}
	return nil
}

// child returns the latest iteration of the index.
func (n *node) child(index int) *node {
	for i := len(n.children) - 1; i >= 0; i-- {
		if c := n.children[i]; c.index == index {
			return c
		}
	}
	return nil
}

// failureOf is the error and the cause in an event.
func failureOf(e types.HistoryEvent) (name, cause string) {
	switch {
	case e.LambdaFunctionFailedEventDetails != nil:
		return texts(e.LambdaFunctionFailedEventDetails.Error, e.LambdaFunctionFailedEventDetails.Cause)
	case e.LambdaFunctionTimedOutEventDetails != nil:
		return texts(e.LambdaFunctionTimedOutEventDetails.Error, e.LambdaFunctionTimedOutEventDetails.Cause)
	case e.LambdaFunctionScheduleFailedEventDetails != nil:
		return texts(e.LambdaFunctionScheduleFailedEventDetails.Error, e.LambdaFunctionScheduleFailedEventDetails.Cause)
	case e.LambdaFunctionStartFailedEventDetails != nil:
		return texts(e.LambdaFunctionStartFailedEventDetails.Error, e.LambdaFunctionStartFailedEventDetails.Cause)
	case e.TaskFailedEventDetails != nil:
		return texts(e.TaskFailedEventDetails.Error, e.TaskFailedEventDetails.Cause)
	case e.TaskTimedOutEventDetails != nil:
		return texts(e.TaskTimedOutEventDetails.Error, e.TaskTimedOutEventDetails.Cause)
	case e.TaskStartFailedEventDetails != nil:
		return texts(e.TaskStartFailedEventDetails.Error, e.TaskStartFailedEventDetails.Cause)
	case e.TaskSubmitFailedEventDetails != nil:
		return texts(e.TaskSubmitFailedEventDetails.Error, e.TaskSubmitFailedEventDetails.Cause)
	case e.ActivityFailedEventDetails != nil:
		return texts(e.ActivityFailedEventDetails.Error, e.ActivityFailedEventDetails.Cause)
	case e.ActivityTimedOutEventDetails != nil:
		return texts(e.ActivityTimedOutEventDetails.Error, e.ActivityTimedOutEventDetails.Cause)
	case e.ActivityScheduleFailedEventDetails != nil:
		return texts(e.ActivityScheduleFailedEventDetails.Error, e.ActivityScheduleFailedEventDetails.Cause)
	case e.MapRunFailedEventDetails != nil:
		return texts(e.MapRunFailedEventDetails.Error, e.MapRunFailedEventDetails.Cause)
	case e.EvaluationFailedEventDetails != nil:
		return texts(e.EvaluationFailedEventDetails.Error, e.EvaluationFailedEventDetails.Cause)
	case e.ExecutionFailedEventDetails != nil:
		return texts(e.ExecutionFailedEventDetails.Error, e.ExecutionFailedEventDetails.Cause)
	case e.ExecutionAbortedEventDetails != nil:
		return texts(e.ExecutionAbortedEventDetails.Error, e.ExecutionAbortedEventDetails.Cause)
	case e.ExecutionTimedOutEventDetails != nil:
		return texts(e.ExecutionTimedOutEventDetails.Error, e.ExecutionTimedOutEventDetails.Cause)
	}
	return "", ""
}

func texts(name, cause *string) (string, string) { return aws.ToString(name), aws.ToString(cause) }

// iterationOf is the details of an event of an iteration.
func iterationOf(e types.HistoryEvent) *types.MapIterationEventDetails {
	switch e.Type {
	case types.HistoryEventTypeMapIterationStarted:
		return e.MapIterationStartedEventDetails
	case types.HistoryEventTypeMapIterationSucceeded:
		return e.MapIterationSucceededEventDetails
	case types.HistoryEventTypeMapIterationFailed:
		return e.MapIterationFailedEventDetails
	}
	return e.MapIterationAbortedEventDetails
}

// resourceOf names what a Task calls as people speak of it: a function's name, or service and action.
func resourceOf(e types.HistoryEvent) string {
	switch {
	case e.LambdaFunctionScheduledEventDetails != nil:
		return functionName(aws.ToString(e.LambdaFunctionScheduledEventDetails.Resource))
	case e.ActivityScheduledEventDetails != nil:
		return "activity " + lastPart(aws.ToString(e.ActivityScheduledEventDetails.Resource))
	case e.TaskScheduledEventDetails != nil:
		d := e.TaskScheduledEventDetails
		if aws.ToString(d.ResourceType) == "lambda" {
			var parameters struct{ FunctionName string }
			if err := json.Unmarshal([]byte(aws.ToString(d.Parameters)), &parameters); err == nil && parameters.FunctionName != "" {
				return functionName(parameters.FunctionName)
			}
		}
		return aws.ToString(d.ResourceType) + ":" + aws.ToString(d.Resource)
	}
	return ""
}

// functionName is the name in a function's ARN, which may have a qualifier, or the name itself.
func functionName(s string) string {
	if _, name, ok := strings.Cut(s, ":function:"); ok {
		name, _, _ = strings.Cut(name, ":")
		return name
	}
	return s
}

func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }
