package lsm

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
)

// failure is what becomes of a tree when the disk refuses a write.
type failure struct {
	Config
	dir    string
	opened atomic.Bool // what fails earlier is an error of opening
	err    atomic.Pointer[error]
	stuck  atomic.Bool // Pebble's locks are lost
}

// fail puts the tree out of use. It returns what it has failed of first.
func (f *failure) fail(cause error) error {
	err := fmt.Errorf("%s in %s %w: %w; what was acknowledged is safe: make room on the disk or repair it, then start again", f.Name, f.dir, ErrFailed, cause)
	if f.err.CompareAndSwap(nil, &err) {
		f.OnFailure(err)
	}
	return *f.err.Load()
}

func exit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// logger is Pebble's.
type logger struct{ *failure }

func (l logger) Infof(format string, args ...any) {
	if l.Log.Enabled(context.Background(), slog.LevelDebug) {
		l.Log.Debug(l.Name + ": " + fmt.Sprintf(format, args...))
	}
}

func (l logger) Errorf(format string, args ...any) {
	l.Log.Warn(l.Name + ": " + fmt.Sprintf(format, args...))
}

// Fatalf must not return: Pebble calls it, mostly from goroutines of its own and with locks held, where it has no way on.
func (l logger) Fatalf(format string, args ...any) {
	l.stuck.Store(true)
	_ = l.fail(fmt.Errorf(format, args...)) // OnFailure has it
	select {}
}
