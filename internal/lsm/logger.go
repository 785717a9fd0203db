package lsm

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
)

// Logger returns a logger for a tree, of which what is the name for people: "queues". What Pebble tells of its work is dropped, what troubles it is logged.
// What it cannot survive, such as a full disk under its log, is logged, and then ends the process by a panic, since Pebble has no way on: what was
// acknowledged is there again at the next start.
func Logger(log *slog.Logger, what string) pebble.Logger { return logger{log, what} }

type logger struct {
	log  *slog.Logger
	what string
}

func (logger) Infof(string, ...any) {}

func (l logger) Errorf(format string, args ...any) {
	l.log.Warn(l.what + ": " + fmt.Sprintf(format, args...))
}

func (l logger) Fatalf(format string, args ...any) {
	message := l.what + ": " + fmt.Sprintf(format, args...)
	l.log.Error(message)
	panic(message)
}
