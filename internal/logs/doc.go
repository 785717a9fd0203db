// Package logs is Amazon CloudWatch Logs, embedded: groups of streams of timed messages, kept on disk within bounds, read by time and by
// filter pattern.
//
// Events come in through [Service.Put], which returns when they are on disk, or through [Service.Append], which returns at once and
// writes within a tenth of a second: executions and functions log that way. They leave through [Service.Read], a page at a time, in
// the order of their times. What a [Filter] says about a message follows from its text alone.
//
// # On disk
//
// The folder is independent of the journal's. A group's events lie in segment files of a few megabytes, in the order in which they came
// in; a segment that is full never changes, is summed up in a small file beside it, and is deleted as a whole once it is older than
// the group's retention or all segments together are larger than the service may become. Groups and streams stand in a catalog, a file
// of changes that is written anew when the folder is opened. Groups are folders named by number, since a group's name is a path's
// worth of slashes.
//
// Events are not kept in the journal's tree: there each byte would be written to its log, to a table and again with every compaction,
// which would make an execution that logs everything three times as dear. Nor need they be as durable: AWS delivers the logs of
// executions with best effort. After a power cut the last second of what was appended may be missing, after a kill the last tenth.
//
// # Never
//
// The package starts one goroutine, which [Service.Close] ends. It knows nothing of executions and functions and never asks the network.
package logs
