// Package history is what an execution leaves behind: the 62 types of events of AWS Step Functions, their details and their wire form.
//
// An [Event] tells that something happened; it never commands. Two forms leave the package: [Event.AppendAWS] is the answer of
// GetExecutionHistory, byte for byte in AWS's shape, and [Event.AppendJournal] is the same object with the few members that folding a
// history needs and AWS does not show. [Parse] reads both. Which events follow one another is the engine's business.
//
// Source: API reference, HistoryEvent; developer guide, "Viewing execution history".
package history
