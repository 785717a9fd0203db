package store

import (
	"errors"
	"fmt"
)

// Errors of opening a data folder, found in an [OpenError].
var (
	// ErrInUse: another process, or this one, has the folder open.
	ErrInUse = errors.New("in use")
	// ErrUnusable: not a folder, no permission, no room.
	ErrUnusable = errors.New("unusable")
	// ErrDamaged: its files are not what the store wrote. Reads return it too, when they come upon damage later.
	ErrDamaged = errors.New("damaged")
)

// Errors of using an open store.
var (
	// ErrNotFound: no such execution, machine or wake time.
	ErrNotFound = errors.New("not found")
	// ErrCursor: a cursor that no page with the same filter has returned.
	ErrCursor = errors.New("not a cursor of this list")
	// ErrClosed: the store has been closed.
	ErrClosed = errors.New("the store is closed")
)

// OpenError says why a data folder could not be opened: Is tells ErrInUse, ErrUnusable and ErrDamaged apart.
type OpenError struct {
	Dir  string
	Kind error // ErrInUse, ErrUnusable or ErrDamaged
	PID  int   // of the process that uses the folder, 0 if unknown
	Err  error // the cause, nil for ErrInUse
}

func (e *OpenError) Error() string {
	switch e.Kind {
	case ErrInUse:
		if e.PID > 0 {
			return fmt.Sprintf("data folder %s is in use by process %d; stop it or choose another folder", e.Dir, e.PID)
		}
		return fmt.Sprintf("data folder %s is in use by another process; stop it or choose another folder", e.Dir)
	case ErrDamaged:
		return fmt.Sprintf("data folder %s is damaged: %v; restore it from a copy, or move it away to start afresh", e.Dir, e.Err)
	}
	return fmt.Sprintf("data folder %s cannot be used: %v; check the path, its permissions and the room on its disk", e.Dir, e.Err)
}

// Unwrap returns the kind and the cause.
func (e *OpenError) Unwrap() []error { return []error{e.Kind, e.Err} }

// NewerVersionError refuses a data folder that a newer program has written.
type NewerVersionError struct {
	Dir          string
	Found, Known uint64 // versions of the schema, or of Pebble's files where these are newer
}

func (e *NewerVersionError) Error() string {
	return fmt.Sprintf("data folder %s was written by a newer version of this program (format %d, this one knows up to %d); use that version or choose another folder",
		e.Dir, e.Found, e.Known)
}

// damagef reports contents that the store cannot have written.
func damagef(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}
