// Package engine is the interpreter of the Amazon States Language: three verbs over one execution.
//
//   - [Fold] rebuilds an execution from its machine and its history.
//   - [Execution.Advance] takes one input (a start, an answer, a stop, the passing of time) and returns the events that it causes.
//   - [Execution.Pending] lists what the world still owes: calls to make, activities to hand out, answers to wait for.
//
// One function, apply, changes an execution, and folding uses the same one. So an execution is never more than its history: whoever
// records the events can lose everything else, fold, ask Pending and carry on.
//
// The package does no I/O, starts no goroutine, reads no clock and throws no dice: time comes in as an argument, and what looks like
// chance (task tokens, jitter, States.UUID) is drawn from a seed made of the execution's identity and the id of an event, so a
// folded execution draws the same.
//
// A reader begins with advance.go, then apply.go; each type of state has a file of its own.
package engine
