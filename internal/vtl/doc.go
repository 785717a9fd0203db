// Package vtl is the Velocity Template Language as Amazon API Gateway's mapping templates use it: text with references ($input.json('$.a')) and
// directives (#set, #if, #foreach) that becomes another text.
//
// A template comes in as text through [Parse] and becomes a [Template] that never changes and may be run by any number of goroutines at once.
// [Template.Run] takes the variables: what a template can call is what their values let it, and nothing else of the program can be reached.
//
// The values of a run are nil, bool, int64, float64, string, *[List], *[Map] and whatever implements [Object]. [Of] makes them of JSON.
//
// The language is that of Velocity 1.7, which the service runs: everything that is not null and not false is true; a reference that is not defined is
// printed as it is written; #set with null has no effect; methods are those that Java's strings, lists and maps have. #macro, #define, #include,
// #parse and #evaluate are not part of it.
//
// The package does no I/O and starts no goroutine. A template, and what a run may do, allocate and print, are bounded.
//
// Sources: Velocity user guide 1.7; API Gateway developer guide, "Mapping template transformations".
package vtl
