// Package asl is the Amazon States Language: what AWS Step Functions accepts as the definition of a state machine.
//
// A definition's text comes in through [Parse], which answers either an immutable [Machine] in which every path, template and expression is
// compiled, or all the diagnostics at once, in AWS's codes, texts and locations. A Machine is shared by all its executions and knows
// none of them: what runs is the engine's business.
//
// The package does no I/O. What a Resource stands for is decided elsewhere; here it is only taken apart.
package asl
