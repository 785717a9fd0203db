package lsm

import (
	"bytes"
	"errors"
	"io"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fullDisk is a file system that has room for what is written in order, and beyond that for a file of so many bytes.
type fullDisk struct {
	vfs.FS
	room int64
}

type fullFile struct {
	vfs.File
	room int64
}

func (d fullDisk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, category)
	return fullFile{f, d.room}, err
}

func (f fullFile) WriteAt(p []byte, at int64) (int, error) {
	n := max(0, min(f.room-at, int64(len(p))))
	n2, err := f.File.WriteAt(p[:n], at)
	return n2, errors.Join(err, syscall.ENOSPC)
}

// A log is what was written to it, and zeros; on a full disk it is what was written to it.
func TestZeroedLogs(t *testing.T) {
	for name, test := range map[string]struct {
		fs   vfs.FS
		file string
		size int64
	}{
		"a log":            {vfs.NewMem(), "000002.log", 2 * zeroedAhead},
		"another file":     {vfs.NewMem(), "000002.sst", zeroedAhead + 15},
		"on a full disk":   {fullDisk{vfs.NewMem(), 0}, "000002.log", zeroedAhead + 15},
		"with a little":    {fullDisk{vfs.NewMem(), 8}, "000002.log", zeroedAhead + 15},
		"with some room":   {fullDisk{vfs.NewMem(), zeroedAhead + 50}, "000002.log", zeroedAhead + 50},
		"the MANIFEST too": {vfs.NewMem(), "MANIFEST-000001", zeroedAhead + 15},
	} {
		fs := ZeroedLogs(test.fs)
		f, err := fs.Create(test.file, "test")
		if err != nil {
			t.Fatal(err)
		}
		written := append([]byte("hello"), bytes.Repeat([]byte("x"), zeroedAhead+10)...)
		// A file system in memory may spoil what it was given, to find out who goes on using it.
		for _, part := range [][]byte{written[:5], written[5:10], written[10:]} {
			if n, err := f.Write(bytes.Clone(part)); err != nil || n != len(part) {
				t.Errorf("%s: %d, %v", name, n, err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := fs.Open(test.file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || int64(len(got)) != test.size || !bytes.HasPrefix(got, written) || len(bytes.Trim(got[len(written):], "\x00")) != 0 {
			t.Errorf("%s: %d bytes, want %d with what was written in front and zeros behind (%v)", name, len(got), test.size, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
