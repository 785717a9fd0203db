// Package lambda is the local Lambda function host: it builds Go functions, runs the real binaries and carries invocations to
// them over the Lambda Runtime API (version 2018-06-01), as the Lambda service does on AWS.
//
// # In and out
//
// A [Function] comes in by [Host.Register], an invocation by [Host.Invoke]. A [Result] leaves, or an error: an [*Error] where the
// Lambda API would have answered with an exception, [ErrClosed], or the caller's context error. What a function itself got wrong
// (an error returned, a panic, a timeout, a crash) is no Go error: it is a Result whose FunctionError is "Unhandled" and whose
// payload is AWS's error document. What functions print leaves through [Logs], a line at a time, between the START, END and
// REPORT lines that Lambda writes.
//
// # Terms
//
// An execution environment is one process of one function, serving one invocation at a time. A cold start creates one; a warm
// one is used again, the last one used first, so that the surplus grows idle and is stopped. The init phase lasts from the
// start of the process to its first call of "next"; the invoke phase is everything after it.
//
// # Isolation
//
// A process sees Lambda's environment variables, its function's own, and nothing of the host's but PATH and where certificates
// lie (variables.go is the whole list). It has a temporary folder of its own, which goes when it goes. It finds the Runtime API
// under an address with a secret in its path, so that no other process can take its invocations. It does not outlive the host,
// however the host ends (process.go).
//
// # Locks
//
// One mutex, Host.mu, guards all state that decides anything; it is never held over I/O on a function's pipes or connections. What is
// assigned to a waiting connection under it is written after it is unlocked, by whoever unlocks (Host.unlock).
// Each environment's output has a mutex of its own, which is never held while Host.mu is taken.
//
// # Never
//
// The package does not know Step Functions, IAM or the wire format of the Lambda API, keeps no invocation across a restart, and
// listens on loopback only. It neither freezes an idle process, as AWS does, nor limits its CPU.
// A process that uses more memory than its function has is killed: by the kernel where that can be had (fences), else by a look every tenth of a
// second (watchMemory); so is one whose temporary folder has grown too large, by a look in any case.
package lambda
