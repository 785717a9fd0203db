// Package lsm is what the program's Pebble trees share: how their logs are written, and whom they tell of trouble.
//
// The journal, the buckets, the queues and the metrics are a tree each. What stands in them is their owners' business.
package lsm
