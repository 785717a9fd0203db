// Package sns is a local Amazon SNS: topics, subscriptions, and the delivery of messages to queues, functions and HTTP endpoints.
//
// A message comes in through [Service.Publish]. For each subscription whose filter policy it passes, what is to be delivered is written down, in one write that
// answers the publisher; then it is delivered, as often as it takes, or goes to the subscription's dead-letter queue. So what was acknowledged survives a power cut. A
// FIFO topic delivers the messages of a group to each subscription one behind the other.
//
// Queues and functions are reached through [Target]s that the caller hands in; HTTP endpoints are called from here, once they have confirmed. E-mail is
// never sent: such subscriptions stay pending. What would reach telephones and apps is refused.
//
// # Never
//
// Policies are kept and not enforced, since signatures are not checked. Nothing is encrypted or archived.
package sns
