//go:build unix

package lambda

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/await"
)

// hostUntilKilled is what the test binary does when LAMBDA_TEST_HOST is set: it hosts one idle function and one that is in the middle
// of an invocation, says so in files, and waits to be killed.
func hostUntilKilled(dir string) int {
	h, err := NewHost(Config{Dir: dir})
	if err == nil {
		err = h.Register(Function{Name: "f", Binary: os.Getenv("LAMBDA_TEST_PROBE"), Timeout: 10 * time.Minute})
	}
	if err == nil {
		go func() {
			payload := fmt.Appendf(nil, `{"Do":"announce and hang","File":%q}`, filepath.Join(dir, "busy"))
			_, _ = h.Invoke(context.Background(), Invocation{Function: "f", Payload: payload})
		}()
		err = awaitFile(filepath.Join(dir, "busy"))
	}
	var idle Result
	if err == nil {
		idle, err = h.Invoke(context.Background(), Invocation{Function: "f", Payload: []byte(`{"Do":"identify"}`)})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(string(idle.Payload))
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test is gone
	return 1
}

func awaitFile(name string) error {
	for range 600_000 {
		if info, err := os.Stat(name); err == nil && info.Size() > 0 {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("in vain: %s", name)
}

// A host that is killed takes its functions with it: idle ones, and such as would not notice that their connection is broken.
func TestKilledHost(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	host := exec.Command(self)
	host.Env = append(os.Environ(), "LAMBDA_TEST_HOST="+dir, "LAMBDA_TEST_PROBE="+probe)
	host.Stderr = os.Stderr
	stdin, err := host.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	stdout, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	var idle, served int
	if _, err := fmt.Fscanf(stdout, `{"pid":%d,"served":%d}`, &idle, &served); err != nil {
		t.Fatal(err)
	}
	busy := readPID(t, filepath.Join(dir, "busy"))
	if !alive(idle) || !alive(busy) {
		t.Fatalf("the functions %d and %d do not run", idle, busy)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait()
	await.Until(t, "both functions end", func() bool { return !alive(idle) && !alive(busy) })

	// The next host in the same folder clears what was left there.
	if entries, err := os.ReadDir(filepath.Join(dir, "run")); err != nil || len(entries) != 1 {
		t.Fatalf("run/ holds %v, %v", entries, err)
	}
	h, err := NewHost(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	entries, err := os.ReadDir(filepath.Join(dir, "run"))
	if err != nil || len(entries) != 1 || filepath.Join(dir, "run", entries[0].Name()) != h.runFolder {
		t.Errorf("run/ holds %v, %v, want the new host's folder", entries, err)
	}
}

// Where the system does not end the functions of a dead host, the next host does.
func TestLeftovers(t *testing.T) {
	if processStart(os.Getpid()) == "" {
		t.Skip("this system does not tell when a process started")
	}
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	start := func() *exec.Cmd {
		cmd := exec.Command("sleep", "600")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		return cmd
	}
	for _, tc := range []struct {
		name   string
		owner  string // the folder's name
		start  func(pid int) string
		killed bool
	}{
		{"of a dead host", strconv.Itoa(dead.Process.Pid) + "-00000000.1-x", processStart, true},
		{"of a host whose pid is another's now", strconv.Itoa(os.Getpid()) + "-00000000.1-x", processStart, true},
		{"of a living host", strconv.Itoa(os.Getpid()) + "-" + processStart(os.Getpid()) + "-x", processStart, false},
		{"whose pid is another's now", strconv.Itoa(dead.Process.Pid) + "-00000000.1-y", func(int) string { return "00000000.1" }, false},
		{"not recorded by a host", "notes", processStart, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			folder := filepath.Join(dir, "run", tc.owner)
			if err := os.MkdirAll(filepath.Join(folder, "0123", "tmp"), 0o700); err != nil {
				t.Fatal(err)
			}
			cmd := start()
			record := filepath.Join(folder, strconv.Itoa(cmd.Process.Pid))
			if err := os.WriteFile(record, []byte(tc.start(cmd.Process.Pid)), 0o600); err != nil {
				t.Fatal(err)
			}
			reapLeftovers(dir)
			if tc.killed {
				await.Until(t, "it is killed", func() bool { return !alive(cmd.Process.Pid) })
			} else if !alive(cmd.Process.Pid) {
				t.Error("a process was killed that is none of the host's")
			}
		})
	}
}
