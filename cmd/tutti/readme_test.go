//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/tutti-run/tutti/internal/await"
)

// TestReadme types the README's commands in a copy of the project, as a stranger would: each must do what the text around it says. Of make test
// only the existence is checked: this test is a part of it.
func TestReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the project anew")
	}
	for _, tool := range []string{"make", "git", "bash"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: %v", tool, err)
		}
	}
	const (
		validate = "bin/tutti validate statemachines/*.asl.json"
		eval     = `bin/tutti eval '$sum(prices)' --input '{"prices":[1,2.5]}'`
	)
	root := copyProject(t)
	said := readmeCommands(t, root)
	for _, command := range []string{"make run", "make test", "make dev", "pkill -9 -f 'tutti run'", "bin/tutti ls endpoint-watch", "bin/tutti history EXECUTION", "bin/tutti stop EXECUTION",
		"bin/tutti logs endpoint-watch", "bin/tutti schedule ls", "bin/tutti alarms", validate, eval} {
		if !said[command] {
			t.Errorf("the README no longer says %q: change this test with it", command)
		}
	}
	shell := func(line string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", line)
		cmd.Dir = root
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		return out.String(), err
	}
	for command := range said {
		if target, ok := strings.CutPrefix(command, "make "); ok {
			if out, err := shell("make -n " + target); err != nil {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
		}
	}
	if out, err := shell("make run"); err != nil || !strings.Contains(out, "SUCCEEDED") || !strings.Contains(out, `"worst"`) {
		t.Fatalf("make run: %v\n%s", err, out)
	}
	stop := background(t, root, "make", "dev", "ARGS=--port 0")
	out, err := shell("bin/tutti ls endpoint-watch")
	name := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).FindString(out)
	if err != nil || name == "" {
		t.Fatalf("bin/tutti ls endpoint-watch: %v\n%s", err, out)
	}
	if out, err := shell("bin/tutti history " + name); err != nil || !strings.Contains(out, "ExecutionSucceeded") {
		t.Errorf("bin/tutti history: %v\n%s", err, out)
	}
	if out, err := shell("bin/tutti stop " + name); err == nil && !strings.Contains(out, "SUCCEEDED") {
		t.Errorf("bin/tutti stop of an execution that has ended: %s", out)
	}
	if out, err := shell("bin/tutti logs endpoint-watch"); err != nil {
		t.Errorf("bin/tutti logs: %v\n%s", err, out)
	}
	if out, err := shell("bin/tutti schedule ls"); err != nil || !strings.Contains(out, "rate(5 minutes)") {
		t.Errorf("bin/tutti schedule ls: %v\n%s", err, out)
	}
	if out, err := shell("bin/tutti alarms"); err != nil || !strings.Contains(out, "endpoint-watch") {
		t.Errorf("bin/tutti alarms: %v\n%s", err, out)
	}
	if out, err := shell(validate); err != nil || !strings.Contains(out, "ok statemachines/endpoint-watch.asl.json") {
		t.Errorf("%s: %v\n%s", validate, err, out)
	}
	if out, err := shell(eval); err != nil || strings.TrimSpace(out) != "3.5" {
		t.Errorf("%s: %v\n%s", eval, err, out)
	}
	stop()
}

// readmeCommands lists the lines of the README's shell blocks, without comments.
func readmeCommands(t *testing.T, root string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string]bool{}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			command, _, _ := strings.Cut(line, "   #")
			commands[strings.TrimSpace(command)] = true
		}
	}
	return commands
}

// copyProject copies what git tracks, or would, as it is in the working tree.
func copyProject(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = "../.."
	list, err := cmd.Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	root := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		from, to := filepath.Join("../..", name), filepath.Join(root, name)
		data, err := os.ReadFile(from)
		if os.IsNotExist(err) {
			continue // deleted in the working tree
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// background starts a command and waits until it says that it serves; the function that it returns interrupts it and checks that it ends well.
func background(t *testing.T, dir, name string, args ...string) (stop func()) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches the whole group
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving := make(chan struct{})
	var said strings.Builder
	var reading sync.WaitGroup
	var once sync.Once
	reading.Go(func() {
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			said.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), "http://127.0.0.1:") {
				once.Do(func() { close(serving) })
			}
		}
	})
	ended := make(chan error, 1)
	go func() {
		ended <- cmd.Wait()
		_ = writer.Close()
	}()
	select {
	case <-serving:
	case err := <-ended:
		reading.Wait()
		t.Fatalf("%s ended: %v\n%s", name, err, said.String())
	case <-await.Context(t).Done():
		t.Fatalf("%s does not serve", name)
	}
	return func() {
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		<-ended
		reading.Wait()
	}
}
