package lsm_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"

	"github.com/tutti-run/tutti/internal/lsm"
)

// The environment variables that make this program one that writes to the folder until that fails in the given way.
const (
	childRefusal = "TUTTI_LSM_TEST_REFUSAL"
	childDir     = "TUTTI_LSM_TEST_DIR"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(childRefusal); name == opening {
		_, err := open(os.Getenv(childDir), errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if writes(".sst")(op) {
				return syscall.ENOSPC
			}
			return nil
		})), nil)
		fmt.Fprintln(os.Stderr, "opened:", err)
		os.Exit(3)
	}
	if name := os.Getenv(childRefusal); name != "" {
		fmt.Fprintln(os.Stderr, writeUntilRefused(name, os.Getenv(childDir)))
		os.Exit(3) // the default OnFailure should have ended the process
	}
	goleak.VerifyTestMain(m)
}

// opening is the refusal to take tables while the tree is opened.
const opening = "opening"

// healthy is how many writes the disk takes before it refuses.
const healthy = 20

// refusals are the ways in which a disk can refuse to be written.
var refusals = map[string]struct {
	refuses func(errorfs.Op) bool
	how     *pebble.WriteOptions // of the writes that are refused
	limit   uint64               // how large a file may become, in bytes; 0 for any size
}{
	"the log":           {refuses: writes(".log"), how: pebble.Sync},
	"the log, unsynced": {refuses: writes(".log"), how: pebble.NoSync},
	"syncing the log": {refuses: func(op errorfs.Op) bool {
		return strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData)
	}, how: pebble.Sync},
	"a new log":     {refuses: creates(".log"), how: pebble.Sync},
	"a table":       {refuses: writes(".sst"), how: pebble.Sync},
	"a new table":   {refuses: creates(".sst"), how: pebble.Sync},
	"the manifest":  {refuses: writes("MANIFEST-"), how: pebble.Sync},
	"everything":    {refuses: writes(""), how: pebble.Sync},
	"a file's size": {limit: 200_000, how: pebble.Sync}, // RLIMIT_FSIZE, by the kernel
}

func writes(part string) func(errorfs.Op) bool {
	return func(op errorfs.Op) bool {
		return op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.Contains(filepath.Base(op.Path), part)
	}
}

func creates(part string) func(errorfs.Op) bool {
	return func(op errorfs.Op) bool {
		return (op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpReuseForWrite) && strings.HasSuffix(op.Path, part)
	}
}

func open(dir string, fs vfs.FS, onFailure func(error)) (*lsm.DB, error) {
	return lsm.Open(dir, lsm.Config{Name: "the test's tree", OnFailure: onFailure}, &pebble.Options{FS: lsm.ZeroedLogs(fs), MemTableSize: 256 << 10})
}

func key(n int) []byte { return fmt.Appendf(nil, "%08d", n) }

// value fills the tree's memory with a dozen, so that it has to be flushed soon.
var value = bytes.Repeat([]byte("v"), 20_000)

// writeUntilRefused says on standard output of each write that it is done.
func writeUntilRefused(name, dir string) error {
	refusal := refusals[name]
	var full atomic.Bool
	db, err := open(dir, errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && refusal.refuses(op) {
			return syscall.ENOSPC
		}
		return nil
	})), nil)
	if err != nil {
		return err
	}
	how := pebble.Sync
	for n := 0; ; n++ {
		if err := db.Set(key(n), value, how); err != nil {
			return err
		}
		if how == pebble.Sync {
			fmt.Println(n)
		}
		if n == healthy {
			how = refusal.how
			full.Store(refusal.refuses != nil)
			if err := limitFiles(refusal.limit); err != nil {
				return err
			}
		}
	}
}

func limitFiles(size uint64) error {
	if size == 0 {
		return nil
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	limit.Cur = size
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
}

// A process whose disk refuses a write ends with a message that says where, why and what to do. Everything that it said was done is there afterwards.
func TestRefusedWriteEndsTheProcess(t *testing.T) {
	for name, refusal := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "tree")
			done, message := runChild(t, name, dir)
			cause := "no space left on device"
			if refusal.limit > 0 {
				cause = "file too large"
			}
			for _, part := range []string{"the test's tree in " + dir + " cannot be written: ", cause, "; what was acknowledged is safe: make room on the disk or repair it, then start again\n"} {
				if !strings.Contains(message, part) || strings.Count(message, "\n") != 1 {
					t.Errorf("the process said %q, without %q in one line", message, part)
				}
			}
			if done < healthy {
				t.Errorf("only %d writes were done", done)
			}
			db, err := open(dir, vfs.Default, nil)
			if err != nil {
				t.Fatal(err)
			}
			for n := range done + 1 {
				got, closer, err := db.Get(key(n))
				if err != nil || !bytes.Equal(got, value) {
					t.Errorf("%d was acknowledged and is not there: %d bytes, %v", n, len(got), err)
					continue
				}
				if err := closer.Close(); err != nil {
					t.Error(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// runChild returns the last write that the child said was done, and its message. It has to exit with 1.
func runChild(t *testing.T, refusal, dir string) (done int, message string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childRefusal+"="+refusal, childDir+"="+dir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("the process ended with %v, want exit status 1: %s", err, stderr.String())
	}
	for lines := bufio.NewScanner(&stdout); lines.Scan(); {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		done = n
	}
	return done, stderr.String()
}

// Where the process goes on, every way to write is refused, with the first error, which OnFailure has heard once. Reading is not.
func TestFailed(t *testing.T) {
	disk := vfs.NewCrashableMem()
	var full atomic.Bool
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && refusals["the log"].refuses(op) {
			return syscall.ENOSPC
		}
		return nil
	}))
	var told []error
	db, err := open("/tree", fs, func(err error) { told = append(told, err) })
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("a"), nil, pebble.Sync), db.Failed(), db.Stuck()); err != nil {
		t.Fatal(err)
	}
	full.Store(true)
	b := db.NewBatch()
	for what, err := range map[string]error{
		"commit":          errors.Join(b.Set([]byte("b"), nil, nil), b.Commit(pebble.Sync)),
		"set":             db.Set([]byte("c"), nil, pebble.Sync),
		"delete":          db.Delete([]byte("a"), pebble.NoSync),
		"delete a range":  db.DeleteRange([]byte("a"), []byte("z"), pebble.Sync),
		"ask for failure": db.Failed(),
	} {
		if !errors.Is(err, lsm.ErrFailed) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(told) != 1 || told[0].Error() != db.Failed().Error() {
		t.Errorf("told %v", told)
	}
	if _, closer, err := db.Get([]byte("a")); err != nil || closer.Close() != nil {
		t.Errorf("what was acknowledged cannot be read: %v", err)
	}
	if err := db.Stuck(); err != nil {
		t.Errorf("stuck: %v", err)
	}
	if err := errors.Join(b.Close(), db.Close()); err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("close: %v", err)
	}
}

// A tree that finds no room for its tables while it is opened says so, too, and opens when there is room.
func TestRefusedWhileOpening(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tree")
	if done, _ := runChild(t, "the log", dir); done < healthy {
		t.Fatalf("only %d writes were done", done)
	}
	_, message := runChild(t, opening, dir)
	if want := "the test's tree in " + dir + " cannot be written: "; !strings.HasPrefix(message, want) || !strings.Contains(message, "no space left on device") {
		t.Errorf("the process said %q, want %q", message, want)
	}
	db, err := open(dir, vfs.Default, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, closer, err := db.Get(key(healthy))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(closer.Close(), db.Close()); err != nil {
		t.Error(err)
	}
}

// Damage that Pebble panics about is an error of opening.
func TestOpenDamaged(t *testing.T) {
	disk := vfs.NewMem()
	db, err := open("/tree", disk, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("a"), nil, pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	names, err := disk.List("/tree")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "MANIFEST-") {
			f, err := disk.Create("/tree/"+name, vfs.WriteCategoryUnspecified)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write([]byte("not a manifest")); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if db, err := open("/tree", disk, nil); err == nil {
		t.Errorf("it opens: %v", db.Close())
	}
}
