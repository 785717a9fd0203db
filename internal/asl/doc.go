// Package asl is the Amazon States Language: what AWS Step Functions accepts as the definition of a state machine.
//
// A definition's text comes in through [Parse], which answers either an immutable [Machine] in which every path, template and expression is
// compiled, or all the diagnostics at once, in AWS's codes, texts and locations. A Machine is shared by all its executions and knows
// none of them: what runs is the engine's business.
//
// The files are the stages:
//
//	parse      the text: its length, its JSON; then the other stages in turn
//	node       JSON values with their places in the text
//	schema     which fields the objects of the language have: tables, no code
//	check      nodes against the schema; task, choice and compile are the checks of single fields
//	jsonata    the only file that knows what is in an expression
//	structure  states against each other: transitions, ways out, names
//	build      nodes into a Machine, defined in machine, condition and resource
//
// operator and integration are the tables of comparison operators and of optimized integrations.
//
// Where the texts come from: most are recorded on AWS or were measured there by others with ValidateStateMachineDefinition in 2026; those
// that nobody has seen are worded like their neighbours.
//
// The package does no I/O. What a Resource stands for is decided elsewhere; here it is taken apart, and its action looked up in awsmodel.
package asl
