// Package await has tests wait for what another process or goroutine is about to do, however long a busy machine takes over it: the one limit is that of the test
// binary (go test -timeout). Only tests import this package.
package await

import (
	"context"
	"testing"
	"time"
)

// reserve is what is left of the test binary's time when a wait is given up, for the message and for clean-up.
const reserve = 10 * time.Second

// Until returns when is tells that it is so, and ends the test when the time is up.
func Until(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	Nothing(tb, func() string {
		if is() {
			return ""
		}
		return what
	})
}

// Nothing returns when missing returns "", and ends the test with what is still missing when the time is up.
func Nothing(tb testing.TB, missing func() string) {
	tb.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := Context(tb).Done()
	for {
		what := missing()
		if what == "" {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			tb.Fatalf("waited in vain: %s", what)
		}
	}
}

// Context returns a context that ends when the time is up, for calls that should take a moment.
func Context(tb testing.TB) context.Context {
	test, bounded := tb.(interface{ Deadline() (time.Time, bool) })
	if !bounded {
		return context.Background()
	}
	deadline, bounded := test.Deadline()
	if !bounded {
		return context.Background()
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline.Add(-reserve))
	tb.Cleanup(cancel)
	return ctx
}
