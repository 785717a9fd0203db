package lsm

import "github.com/cockroachdb/pebble/v2/vfs"

// watchedFS is a tree's file system, on which the first write that the disk refuses is the tree's failure, whichever file it is for. Pebble itself meets
// refusals in five ways, of which an error of the commit is but one: it panics with and without its locks, calls the logger's Fatalf, and tries tables again
// without a pause while commits wait.
type watchedFS struct {
	vfs.FS
	*failure
}

// see passes on what an operation came to.
func (f *failure) see(err error) error {
	if err != nil && f.opened.Load() {
		_ = f.fail(err) // OnFailure has it
	}
	return err
}

func (f *failure) watch(file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, f.see(err)
	}
	return watchedFile{file, f}, nil
}

// Create implements vfs.FS.
func (w watchedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return w.watch(w.FS.Create(name, category))
}

// ReuseForWrite implements vfs.FS.
func (w watchedFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return w.watch(w.FS.ReuseForWrite(from, to, category))
}

// OpenDir implements vfs.FS.
func (w watchedFS) OpenDir(name string) (vfs.File, error) { return w.watch(w.FS.OpenDir(name)) }

// Rename implements vfs.FS.
func (w watchedFS) Rename(from, to string) error { return w.see(w.FS.Rename(from, to)) }

// Unwrap implements vfs.FS.
func (w watchedFS) Unwrap() vfs.FS { return w.FS }

// watchedFile is a file that is written.
type watchedFile struct {
	vfs.File
	*failure
}

// Write implements vfs.File.
func (w watchedFile) Write(p []byte) (int, error) {
	n, err := w.File.Write(p)
	return n, w.see(err)
}

// WriteAt implements vfs.File.
func (w watchedFile) WriteAt(p []byte, at int64) (int, error) {
	n, err := w.File.WriteAt(p, at)
	return n, w.see(err)
}

// Sync implements vfs.File.
func (w watchedFile) Sync() error { return w.see(w.File.Sync()) }

// SyncData implements vfs.File.
func (w watchedFile) SyncData() error { return w.see(w.File.SyncData()) }

// SyncTo implements vfs.File.
func (w watchedFile) SyncTo(length int64) (whole bool, err error) {
	whole, err = w.File.SyncTo(length)
	return whole, w.see(err)
}

// Close implements vfs.File.
func (w watchedFile) Close() error { return w.see(w.File.Close()) }
