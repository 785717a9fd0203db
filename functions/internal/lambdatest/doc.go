// Package lambdatest runs a function under test as Lambda runs it: as a process of its own that asks a Runtime API for work.
// What a test sees is what was posted: bytes, status and error type, not what the handler returned inside.
//
// The process is the test binary itself, started a second time; Main tells the two apart. Only tests import the package.
package lambdatest
