// Package scheduler is Amazon EventBridge Scheduler: schedules in groups, kept in the journal, which send something to a target at their times.
//
// Requests come in through the methods of [Service], which raise AWS's exceptions. When a schedule is due, one commit records both that this
// time has been seen to and what is owed to the target ([trigger.Delivery]); so after a crash no time is seen to twice, and none that was is lost.
// A [trigger.Outbox] brings it to the target within the schedule's retry policy.
//
// AWS's service never stops; this one does, with the computer. What a schedule has missed meanwhile comes to one invocation with the latest time
// that was missed, unless that is older than the schedule's MaximumEventAgeInSeconds, a day by default: so long would AWS itself try.
package scheduler
