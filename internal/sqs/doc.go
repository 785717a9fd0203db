// Package sqs is a local Amazon SQS: standard and FIFO queues on disk.
//
// Messages come in through [Store.SendMessage] and leave through [Store.ReceiveMessage], to be deleted by their receipt handles. What a method has
// acknowledged is on disk: a message that was sent survives a power cut, one that was deleted stays away, and how often a message was received and how long
// it is hidden are known again, too.
//
// # On disk and in memory
//
// The folder is a Pebble database, in which writers share the syncs. A message is two entries, what is said of it and its body; that it was received is a third.
// In memory there is of every message what decides who gets it and when, some hundred bytes, and never its body. The folder is opened by the first
// operation, so that who never uses SQS pays nothing.
//
// A queue hands out messages by the time at which they became visible. A FIFO queue hands out the messages of a group in the order of their sequence
// numbers, and none while another of the group is in flight. Time is that of the clock, for delays, visibility, retention and the five minutes of
// deduplication alike. There is no goroutine but one for each task that moves messages from a dead-letter queue.
//
// # Never
//
// Policies are kept and not enforced, since signatures are not checked. Nothing is encrypted; the settings for it are kept. A queue may be created anew at
// once after it was deleted, and purged as often as one likes: both are done when they are answered.
package sqs
