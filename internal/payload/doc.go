// Package payload is JSON with holes: the payload templates of the Amazon States Language (Parameters, ResultSelector, ItemSelector,
// Assign and the like), the intrinsic functions that may stand in them, and the fields that hold a single path.
//
// Everything is compiled once, with the state machine: [CompileTemplate], [CompilePath], [CompileCall], [CompilePathOrCall]. What comes out
// never changes and is shared by all executions; the values of one evaluation come in through an [Env], and the result leaves as a
// [value.Value]. Faults of a definition are [Problem] and [SyntaxError]; faults of a run are [PathError], [CallError] and
// [UndefinedVariableError], whose texts are AWS's own, without the sentence about the state that the engine puts in front.
//
// A template's holes are an internal interface, so that templates of the other query language can share type, walk and order of members.
//
// The package does no I/O, starts no goroutine, knows no clock, and takes chance only from the [Chance] that its caller seeds.
package payload
