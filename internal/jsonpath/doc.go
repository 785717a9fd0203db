// Package jsonpath is JSONPath as AWS Step Functions evaluates it: the dialect of Jayway JsonPath (version 2.10, Jackson
// provider, default options), with its answers, its error texts and its odd corners, over [value.Value].
//
// A text comes in through [Compile], once, and becomes a [Path]: an immutable list of steps that any number of goroutines may
// evaluate at the same time. [Path.Eval] reads: the node of a definite path, the array of matches of an indefinite one.
// [Path.Put] writes: it returns a copy of the document with a value inserted where a Reference Path points.
//
// The files are the pipeline:
//
//	scanner   a cursor over the text, in UTF-16 code units, in which Jayway counts
//	parser    the path: names, indexes, slices, wildcards, deep scans, calls; arguments has those of calls
//	filter    the parser of what stands in [?(...)]; pattern and literal read its regular expressions and JSON
//	path      the compiled form; step is the closed set of steps
//	eval      the steps applied to a document; expression, operator, operand and decimal are the filters' side of it
//	function  min, max, length and so on
//	put       insertion for ResultPath
//	errors    what can go wrong, in Jayway's words; javatext prints values in them as Java does
//
// In one place the service differs from the library, and the service wins: an indefinite path that ends at a missing parent
// matches nothing and gives an empty array, where Jayway throws. Jayway keeps some evaluation state in its compiled paths; here
// it lives as long as one evaluation, so that the same path over the same document always has the same answer.
//
// The package does no I/O, starts no goroutine and keeps no state. It bounds the length and the nesting of a path and the number of
// nodes that an evaluation visits. It knows the prefix $ (and @) only: $$ and $name are resolved by its callers.
package jsonpath
