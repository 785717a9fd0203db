// Package lsm is what the program's Pebble trees share: how their logs are written, and what happens when the disk refuses to be written.
//
// The journal, the buckets, the queues and the metrics are a tree each. What stands in them is their owners' business. An owner opens its tree with
// [Open] and finds in [DB] the part of Pebble that it needs; writing goes through DB and [Batch], which turn a refused write into [ErrFailed].
package lsm
