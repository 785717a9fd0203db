// Package conformance holds the engine to what AWS Step Functions did: several hundred recorded cases of executions, refused definitions,
// API calls and TestState. It has tests only; nothing imports it.
//
// A case is a list of steps: calls, things to make beside them, waits, and comparisons with AWS's answers. Each case is played in process
// against a runner and an empty store of its own, inside a bubble of testing/synctest, where a wait of an hour takes no time. Lambda
// functions are simulated by their described behaviour; what other services answered is replayed from the recording, after a
// check that the engine asked them for the same.
//
//   - case_test.go reads the cases; names_test.go and match_test.go are the notation and the comparison; causal_test.go compares
//     histories as trees.
//   - player_test.go interprets the steps, world_test.go is what surrounds the engine, operations_test.go the calls.
//   - conformance_test.go runs everything, prints a table and compares the failures with testdata/known.txt.
//
// The cases that need no waiting are played a second time over real HTTP, through an endpoint that listens, by the real clock
// (TestOverHTTP).
//
// A case reaches levels. An execution case is right in its result if every run has the recorded status, output and error; in its cause if
// the causes agree too; in full if every comparison does, histories above all. Of other cases the first level is the outcome of
// every call (status, error code, the state's output), the second the messages.
//
// Flags: -case=ID plays the cases whose id contains ID and prints the histories; -update rewrites testdata/known.txt; -exact demands
// equality of texts that hold arrays.
package conformance
