// Package pattern is the language of event patterns, in which rules of EventBridge, subscriptions of SNS and event source mappings of Lambda say
// what they want.
//
// A pattern's text goes in through [Parse], values go in through [Pattern.Match], which says yes or no. The package has no I/O, no goroutine and no
// clock. A reader (tokens.go) hands the text to a compiler (compile.go, numeric.go, anythingbut.go, compare.go, wildcard.go), which makes rules of it;
// match.go finds fields of an event that satisfy one.
package pattern
