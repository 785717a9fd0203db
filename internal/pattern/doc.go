// Package pattern is the language of event patterns, in which rules of EventBridge, subscriptions of SNS and event source mappings of Lambda say
// what they want.
//
// A pattern's text goes in through [Parse], values go in through [Pattern.Match], which says yes or no. The package has no I/O, no goroutine and no
// clock.
package pattern
