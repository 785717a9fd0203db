package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkDevStartup starts the real program with the project's template, whose functions are built already, until it serves: the time of an operation. The memory
// is that of the process a second later, when nothing happens: all of it, and what is not the program file's, which the system shares and drops as it likes.
func BenchmarkDevStartup(b *testing.B) {
	root, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	binary, data := filepath.Join(b.TempDir(), "tutti"), b.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	var resident, private int
	start := func() {
		stop := startDev(b, root, binary, data)
		b.StopTimer()
		resident, private = stop()
		b.StartTimer()
	}
	start() // builds the functions
	for b.Loop() {
		start()
	}
	b.ReportMetric(float64(resident)/1024, "MiB-resident")
	b.ReportMetric(float64(private)/1024, "MiB-private")
}

// startDev returns when tutti dev serves. What it returns waits for a second, stops it and tells its memory in KiB: resident, and what is no file's. Both are 0
// where the system has no /proc.
func startDev(b *testing.B, root, binary, data string) (stop func() (resident, private int)) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, binary, "dev", "--port", "0", "--data", data)
	cmd.Dir = root
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "Ctrl-C stops") {
	}
	return func() (resident, private int) {
		time.Sleep(time.Second)
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)) // another system than Linux
		for line := range bytes.Lines(status) {
			_, _ = fmt.Sscanf(string(line), "VmRSS: %d kB", &resident)
			_, _ = fmt.Sscanf(string(line), "RssAnon: %d kB", &private)
		}
		cancel()
		for lines.Scan() {
		}
		_ = cmd.Wait() // it was interrupted
		return resident, private
	}
}
