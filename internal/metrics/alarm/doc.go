// Package alarm is the alarms of Amazon CloudWatch: conditions on metrics, and on other alarms, that are looked at every minute, with a state,
// a history and actions.
//
// [Alarms] keeps alarms in a journal and evaluates them by its clock. A change of state is written together with its item in the history, the
// event that EventBridge hears of, and the actions that are owed; only then the actions are performed, by what a table says for the service
// in their ARNs. What was owed at a crash is performed after it.
//
// How data points make a state is one function, judge, which knows neither time nor metrics (user guide, "Alarm evaluation").
//
// # Never
//
// The package starts goroutines in [Alarms.Start] alone, which [Alarms.Close] ends. It knows neither functions nor topics.
package alarm
