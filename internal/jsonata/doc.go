// Package jsonata is JSONata, the query language of Step Functions beside JSONPath: the language of the reference implementation
// (jsonata-js 2.0.6 with its later corrections), with its answers, its error codes and its messages, over [value.Value].
//
// A text comes in through [Compile], once, and becomes an [Expr], which never changes and which any number of goroutines may evaluate at a
// time. [Expr.Eval] takes an input and [Bindings] and answers with a value, with nothing (undefined, a nil Value), or with an
// [*Error]. What an expression refers to can be asked without evaluating it: [Expr.Variables], [Expr.Fields], [Expr.TopReferences].
// [StepFunctions] chooses the service's dialect, its functions and its bounds.
//
// The files are the pipeline:
//
//	lexer, parser   text to tree: Pratt's method, with the reference's binding powers. After a mistake the parser goes on behind the
//	                next separator, so that Compile reports all of them
//	resolve         the reference's second stage: dots become paths, brackets their stages, each % finds the step it means
//	read            what a tree refers to
//	compile         tree to nodes
//	node, operator, path, filter, order, group, call, transform
//	                the nodes, a type each, and how they evaluate
//	list, function, run, limits
//	                what evaluation works with: values of its own, the state of one run, its bounds
//	builtin         the table of functions; strings, matching, numbers, arrays, objects, encoding, formatnumber, integer, datetime
//	                and service hold them
//	export          the way out; text is JSON and numbers as JavaScript prints them
//	errors          what can go wrong
//
// # Compiled form
//
// An expression is compiled to a tree of small typed nodes, each with a method eval. That is as fast as closures (one indirect call per
// node) and, other than closures, can be looked into: nodes ask their operands whether they can hand over a bare double, paths of mere
// names become one node, chains of & join once, objects with literal keys are built without grouping, and a predicate that does not
// depend on the item is evaluated once. A bytecode was not tried: the work of an expression lies in its steps and functions.
// Variables that nothing in the expression binds are numbered and looked up once; the others live in frames, found by
// interned name. A function whose body cannot hold on to its frame gives it back. A tail call returns to the caller, which makes it, so it nests nothing.
//
// # Values
//
// Undefined is nil, null is value.Null, and an empty array is an array. Integers within 64 bits are exact as long as nothing is
// calculated with them; arithmetic is in doubles, and whole results up to 2^53 become integers again. Besides value.Value's own forms
// there are three: a list is an array that remembers to be a sequence (which collapses to its single item, or to nothing), a cons
// array (which is not flattened) or a stream of tuples; a tuple is an item with the variables bound on its way; a function is
// anything that can be called. They embed value.Null to be stored in arrays and objects, and never leave: the result is walked once, and
// copied only where it has to change. Text is UTF-8, and half a surrogate pair, which JavaScript lets stand alone, is kept in
// three bytes of its own.
//
// # Bounds
//
// [Limits] hold against any expression: work is counted in steps, and every few thousand the clock and the Context are looked at; memory is
// charged where arrays, strings and frames are made; nesting is known at compile time but for calls, so only these add up at run
// time. Recursion over values and over syntax has fixed bounds far beyond what JSON readers accept. Regular expressions are
// matched by package regex, which reports its steps. When a bound is hit, evaluation ends by a panic that Eval turns into an Error of ClassLimit.
//
// The package does no I/O, starts no goroutine, keeps no state, and reads the clock only for $now, $millis and the bound on time, and
// chance only if the caller hands none in.
package jsonata
