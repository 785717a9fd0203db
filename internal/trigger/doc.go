// Package trigger is what starts things: schedules, as Amazon EventBridge Scheduler understands them, and events, as Amazon EventBridge does.
//
// # Events
//
// An event comes in through [Events.PutEvents], or in the same batch as what it tells of through [Events.PutIn]. The rules of its bus are
// matched at once ([Pattern]), each target's input is made, and what is owed is stored as one document a delivery, in the batch whose
// commit acknowledges the event: so nothing that was accepted is lost by a crash. Goroutines bring deliveries to their targets, through
// a [Deliverer] for each kind, and delete the document; what fails is tried again within the target's retry policy. A target may get an
// event twice, as on AWS, if the process ends between the two.
//
// # Schedules
//
// An expression with its time zone comes in through [Parse] and becomes a [Schedule], which never changes and answers one
// question: when next. [Scheduler] is the service around it: named jobs, one goroutine, a call at each due time. What a job does
// is the caller's function; the package knows no state machine, no function and no template.
//
// Times follow the user guide's "Schedule types in EventBridge Scheduler": cron expressions are evaluated on the wall clock of
// their zone, a wall time that daylight saving skips is skipped, and one that it repeats counts once; rates are plain durations,
// a day being 24 hours. A flexible time window delays a call; how far into the window is drawn by the caller, so the package holds no
// randomness. The time zone database is part of the program, because not every machine has one.
package trigger
