package store_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/tutti-run/tutti/internal/lsm"
	"github.com/tutti-run/tutti/internal/store"
)

// The test binary runs itself as another process if childMode is set.
const (
	childMode = "TUTTI_STORE_TEST_CHILD"
	childDir  = "TUTTI_STORE_TEST_DIR"
)

// child is the other process.
func child(mode, dir string) int {
	s, err := store.Open(dir)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	switch mode {
	case "hold":
		fmt.Println("open")
		_, _ = bufio.NewReader(os.Stdin).ReadByte() // until the parent hangs up
	case "commit":
		err = commitForever(s)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// spawn starts the child and returns its output.
func spawn(t *testing.T, mode, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childMode+"="+mode, childDir+"="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // a killed child has no good end to report
	})
	return cmd, bufio.NewScanner(out)
}

func TestOpenMakesTheFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if pid, err := os.ReadFile(filepath.Join(dir, "pid")); err != nil || string(pid) != fmt.Sprintln(os.Getpid()) {
		t.Errorf("pid file %q, %v", pid, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "pid")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the pid file is still there: %v", err)
	}
}

func TestOpenTwice(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, link, filepath.Join(dir, "x", "..")} {
		_, err := store.Open(path)
		if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("in use by process %d;", os.Getpid())) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = store.Open(dir); err != nil {
		t.Fatalf("after closing: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenInAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	cmd, out := spawn(t, "hold", dir)
	if !out.Scan() || out.Text() != "open" {
		t.Fatalf("the child said %q", out.Text())
	}
	_, err := store.Open(dir)
	var e *store.OpenError
	if !errors.As(err, &e) || !errors.Is(err, store.ErrInUse) || e.PID != cmd.Process.Pid || e.Dir != dir {
		t.Errorf("opening a folder in use: %v", err)
	}
}

func TestOpenUnusable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", file, filepath.Join(file, "below"), "/proc/none", strings.Repeat("x", 5000), "a\x00b"} {
		_, err := store.Open(path)
		if !errors.Is(err, store.ErrUnusable) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.20q: %v", path, err)
		}
	}
	var path *fs.PathError
	if _, err := store.Open("/proc/none"); !errors.As(err, &path) {
		t.Errorf("the cause is hidden: %v", err)
	}
	if os.Getuid() == 0 {
		return // root may read everything
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(closed); !errors.Is(err, store.ErrUnusable) {
		t.Errorf("without permission: %v", err)
	}
}

// The new folder's own name survives a power cut, and so do its parents'.
func TestOpenMakesTheFolderDurable(t *testing.T) {
	const dir = "/a/b/data"
	disk := vfs.NewCrashableMem()
	s, err := store.Open(dir, store.WithFS(disk))
	if err != nil {
		t.Fatal(err)
	}
	e := begun("m", "one", 0)
	put(t, s, e)
	left := disk.CrashClone(vfs.CrashCloneCfg{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = store.Open(dir, store.WithFS(left)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Execution(e.ARN); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// newFolder returns a file system with a data folder that holds one execution.
func newFolder(t *testing.T) *vfs.MemFS {
	fs := vfs.NewMem()
	s := open(t, fs)
	put(t, s, begun("m", "one", 0), "a")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return fs
}

func TestOpenNewerVersion(t *testing.T) {
	fs := newFolder(t)
	s := open(t, fs)
	if err := errors.Join(s.SetVersion(2), s.Close()); err != nil {
		t.Fatal(err)
	}
	var newer *store.NewerVersionError
	for range 2 { // the refusal has let go of the folder
		if _, err := store.Open("/data", store.WithFS(fs)); !errors.As(err, &newer) || newer.Found != 2 || newer.Known != 1 {
			t.Errorf("newer schema: %v", err)
		}
	}

	fs = newFolder(t)
	list, err := fs.List("/data")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		if strings.HasPrefix(name, "marker.format-version.") {
			newName := name[:strings.LastIndex(name, ".")] + ".999"
			if err := fs.Rename("/data/"+name, "/data/"+newName); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := store.Open("/data", store.WithFS(fs)); !errors.As(err, &newer) || newer.Found != 999 {
		t.Errorf("newer Pebble: %v", err)
	}
}

func TestMigrate(t *testing.T) {
	s := open(t, newFolder(t))
	for _, steps := range []int{0, 2, 3, 3} {
		version, err := s.Migrate(steps)
		if err != nil || version != uint64(steps)+1 {
			t.Errorf("%d steps: version %d, %v", steps, version, err)
		}
	}
	var newer *store.NewerVersionError
	if _, err := s.Migrate(1); !errors.As(err, &newer) {
		t.Errorf("back to an older version: %v", err)
	}
	var done []string
	for m, err := range s.Machines() {
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, m.ARN)
	}
	equal(t, "steps", done, []string{"arn:step-0", "arn:step-1", "arn:step-2"})
}

func TestOpenAnotherProgramsData(t *testing.T) {
	fs := vfs.NewMem()
	db, err := pebble.Open("/data", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest, Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("k"), nil, pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open("/data", store.WithFS(fs)); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("another program's data: %v", err)
	}
}

type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}

func (l silent) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Files that are cut short, overwritten or gone give an error of their own or do no harm; they never panic.
func TestOpenDamaged(t *testing.T) {
	damages := map[string]func(data []byte) []byte{
		"emptied": func([]byte) []byte { return nil },
		"halved":  func(data []byte) []byte { return data[:len(data)/2] },
		"garbled": func(data []byte) []byte { return []byte(strings.Repeat("\xff\x00garbage", len(data)/9+1)) },
		"inverted": func(data []byte) []byte {
			for i := range data {
				data[i] = ^data[i]
			}
			return data
		},
	}
	list, err := newFolder(t).List("/data")
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, name := range list {
		for how, damage := range damages {
			fs := newFolder(t)
			path := "/data/" + name
			data, err := fs.UnsafeGetFileDataBuffer(path)
			if err != nil {
				continue // the lock
			}
			f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write(damage([]byte(string(data)))); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open("/data", store.WithFS(fs), store.OnFailure(func(err error) { t.Error(err) }))
			if err == nil {
				_, _ = s.Execution(begun("m", "one", 0).ARN)
				err = s.Close()
			} else {
				refused++
			}
			if err != nil && !errors.Is(err, store.ErrDamaged) {
				t.Errorf("%s %s: %v", name, how, err)
			}
		}
	}
	if refused == 0 {
		t.Error("no damage was noticed")
	}
}

// A disk that refuses a write makes the commit fail, and all that follows; what was acknowledged is there after the next start.
func TestFailure(t *testing.T) {
	disk := vfs.NewCrashableMem()
	var full atomic.Bool
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && strings.HasSuffix(op.Path, ".log") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errors.New("no space left on device")
		}
		return nil
	}))
	var told atomic.Int32
	s, err := store.Open("/data", store.WithFS(fs), store.OnFailure(func(error) { told.Add(1) }))
	if err != nil {
		t.Fatal(err)
	}
	e := begun("m", "one", 0)
	put(t, s, e, "a")
	full.Store(true)
	b := s.NewBatch()
	for range 2 {
		b.Reset()
		if err := b.Put(e, 2, 1, []byte("b")); err != nil {
			t.Fatal(err)
		}
		err := s.Commit(b)
		if !errors.Is(err, lsm.ErrFailed) || !strings.Contains(err.Error(), "the journal in /data cannot be written: no space left on device") {
			t.Errorf("commit: %v", err)
		}
	}
	if _, err := s.Execution(e.ARN); !errors.Is(err, lsm.ErrFailed) {
		t.Errorf("read: %v", err)
	}
	if told.Load() != 1 {
		t.Errorf("told %d times", told.Load())
	}
	crashed := disk.CrashClone(vfs.CrashCloneCfg{})
	_ = s.Close() // says again that the log cannot be written
	s = open(t, crashed)
	if e, err := s.Execution(e.ARN); err != nil || e.LastEventID != 1 {
		t.Errorf("after the restart: event %d, %v", e.LastEventID, err)
	}
}
