package main

import (
	"fmt"
	"runtime"
)

// fault is trouble with what a construct was given: a function that is not built, a definition that asks for what nobody
// supplies. CDK constructors have no error result, so a construct panics with a fault and synth turns it into an error again.
type fault struct{ error }

// failf panics with a fault that says what is wrong, where, and what to do.
func failf(format string, args ...any) { panic(fault{fmt.Errorf(format, args...)}) }

// recoverFault, deferred, turns the panic of a construct into *err: ours (a fault) and those with which jsii reports what
// aws-cdk-lib threw, which are plain errors. A bug of this program goes on panicking, with its stack.
func recoverFault(err *error) {
	switch p := recover().(type) {
	case nil:
	case runtime.Error:
		panic(p)
	case fault:
		*err = p.error
	case error:
		*err = fmt.Errorf("aws-cdk-lib refused: %w", p)
	default:
		panic(p)
	}
}
