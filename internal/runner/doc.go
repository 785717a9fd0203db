// Package runner runs executions: decide, record, perform.
//
// Every execution belongs to one of a few shards, each a goroutine of its own. In a round a shard lets the engine decide what the inputs that
// have come in cause, for as many executions as there are inputs; commits all of the events in one batch; and only then performs: it
// makes the calls that are owed, answers whoever asked, and lets go of executions that only wait. So nothing acts before it is
// durable, and the cost of making it so is shared. While one shard waits for the disk, others decide.
//
// Recovery has no code of its own. An execution that was at work when the process ended is folded from its history like one that was only
// waiting; calls that were recorded as started but not as answered are lost, and fail as such.
//
// This is the only package with concurrency about executions and the only one that reads the clock for them.
package runner
