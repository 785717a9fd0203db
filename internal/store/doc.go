// Package store is the journal: what must outlive the process. It keeps the definitions of state machines, activities, documents of others, one small
// record an execution, the history of every execution, and the indexes by which executions are listed and woken.
//
// Data comes in through a [Batch], which gathers the changes of many executions and is committed whole or not at all; [Store.Commit]
// returns when the batch is on disk. Data leaves by point lookups ([Store.Execution], [Store.Machine]), pages ([Store.Executions]) and
// iterators ([Store.Segments], [Store.Running], [Store.Due]). History events are opaque bytes here: whoever writes them reads them.
//
// The package never decides anything about an execution, never reads a clock, and never acknowledges what a power cut could take
// back. It is safe for any number of goroutines, with one exception: an [Execution] value has one writer at a time, because the value
// itself carries what the indexes hold for it. That saves a read before every write.
//
// # On disk
//
// Pebble keeps one ordered key space; keys.go has the table of key families. An execution is known inside by a number of eight bytes,
// handed out in ascending order, rather than by its ARN of a hundred. Against a hash of the ARN as the key, the number makes every key
// half as long, needs no check for collisions, and lets new executions land at the end of the key space, where compaction has nothing
// to merge. It costs one small entry an execution, from the ARN's digest to the number. The counter is not stored: opening looks for
// the highest number in use. A number can recur only after a restart and only when its execution was deleted with all its entries.
//
// The record is kept in two entries. What is fixed at the start (ARN, machine, name, revision, start) is written once, some 140 bytes;
// what changes (status, last event, times) is rewritten with every batch, 3 to 20 bytes. On top of the events, a transition so writes
// 50 bytes, keys and indexes included and the beginning and end of the execution spread over ten transitions.
//
// A read may see a batch that another goroutine is still committing. Nobody may act on what a read shows of an execution whose writer
// has not been answered yet.
package store
