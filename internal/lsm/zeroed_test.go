package lsm

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fullDisk is a file system that has no room for anything but what is written in order.
type fullDisk struct{ vfs.FS }

type fullFile struct{ vfs.File }

func (d fullDisk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, category)
	return fullFile{f}, err
}

func (fullFile) WriteAt([]byte, int64) (int, error) { return 0, errors.New("no space left on device") }

// A log is what was written to it, and zeros; on a full disk it is what was written to it.
func TestZeroedLogs(t *testing.T) {
	for name, test := range map[string]struct {
		fs   vfs.FS
		file string
		size int64
	}{
		"a log":            {vfs.NewMem(), "000002.log", 2 * zeroedAhead},
		"another file":     {vfs.NewMem(), "000002.sst", zeroedAhead + 15},
		"on a full disk":   {fullDisk{vfs.NewMem()}, "000002.log", zeroedAhead + 15},
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
