package lsm

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ZeroedLogs returns the file system on which write-ahead logs are filled with zeros before they are written to. A commit's fdatasync then has nothing to record but
// the bytes themselves, where an append makes the file system record its new length as well: a third of the time, of which every commit waits. Pebble comes to
// the same with logs that it uses again, but only after megabytes, and anew after each start. It reads zeros as the end of a log.
func ZeroedLogs(fs vfs.FS) vfs.FS { return zeroedLogs{fs} }

type zeroedLogs struct{ vfs.FS }

// zeroedAhead is how much of a log is filled at a time, in bytes.
const zeroedAhead = 1 << 20

// Create implements vfs.FS.
func (z zeroedLogs) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := z.FS.Create(name, category)
	if err != nil || !strings.HasSuffix(name, ".log") {
		return f, err
	}
	return &zeroedLog{File: f}, nil
}

// Unwrap implements vfs.FS.
func (z zeroedLogs) Unwrap() vfs.FS { return z.FS }

// zeroedLog is a log that is written from its beginning on.
type zeroedLog struct {
	vfs.File
	written, zeroed int64 // bytes
}

// Write implements vfs.File.
func (f *zeroedLog) Write(p []byte) (int, error) {
	for f.written+int64(len(p)) > f.zeroed {
		// A disk that is full takes some of the zeros, or none. Those of the next time must not lie over what has been written since.
		f.zeroed = max(f.zeroed, f.written)
		n, err := f.WriteAt(make([]byte, zeroedAhead), f.zeroed)
		f.zeroed += int64(n)
		if err != nil {
			break // there may be room for p; if there is not, that says so
		}
	}
	n, err := f.File.Write(p)
	f.written += int64(n)
	return n, err
}
