package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Exit codes.
const (
	exitOK          = 0
	exitTrouble     = 1   // something went wrong that has no code of its own
	exitUsage       = 2   // wrong arguments or input, or nothing of that name
	exitFailed      = 3   // the execution ended FAILED
	exitTimedOut    = 4   // the execution ended TIMED_OUT
	exitAborted     = 5   // the execution ended ABORTED
	exitNoServer    = 6   // no server runs, or it cannot be reached
	exitPortInUse   = 7   // another process has the port
	exitData        = 8   // the data folder is in use, damaged, of a newer version, or cannot be read or written
	exitInterrupted = 130 // by Ctrl-C
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the whole program: it returns the exit code. The first interrupt asks it to stop; the second ends the process at once.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	context.AfterFunc(ctx, release)
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	c := newCLI(stdin, stdout, stderr, os.Environ(), dir, time.Now)
	return c.run(ctx, args)
}

// problem is an error with the exit code that it calls for.
type problem struct {
	code int
	err  error // nil: all has been said
}

func (p *problem) Error() string {
	if p.err == nil {
		return ""
	}
	return p.err.Error()
}

func (p *problem) Unwrap() error { return p.err }

// codeOf is the exit code for an error.
func codeOf(err error) int {
	var p *problem
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &p):
		return p.code
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitTrouble
}
