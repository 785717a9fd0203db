// Package task holds one noun: a task, an automated unit of work that keeps a contract.
//
// A task is a function from In to Out. JSON comes in, is held to <name>.input.schema.json, and is decoded; what the function
// returns is encoded, held to <name>.output.schema.json, and leaves. Every failure leaves under a name that Retry and Catch
// of a state machine can match: the function's own *Error, or one of the names in this package.
//
// The package never retries, never calls another function and knows no AWS service; it writes one structured log line for
// each invocation and hands the function a logger that carries the request id.
package task
