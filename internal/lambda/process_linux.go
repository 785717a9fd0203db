package lambda

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// setTimerSlack sets the calling thread's slack, which processes started by it inherit (PR_SET_TIMERSLACK(2const)).
func setTimerSlack(d time.Duration) {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(d.Nanoseconds()), 0, 0, 0) // refused: functions are a little slower
}

// CoarseTimers lets all threads of this process sleep up to a millisecond longer than they ask for, as functions may (see timerSlack). It is for a program that hosts
// functions: several thousand small calls a second keep its own monitor awake, too, which takes up to a third of the CPU that a call needs. Threads that are
// started later inherit it.
func CoarseTimers() {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return // no /proc: everything is a little slower
	}
	for _, task := range tasks {
		// Only the caller's own slack can be set by prctl; that of other threads stands in /proc (proc_pid_timerslack_ns(5)).
		_ = os.WriteFile("/proc/"+task.Name()+"/timerslack_ns", strconv.AppendInt(nil, hostTimerSlack.Nanoseconds(), 10), 0)
	}
}

// hostTimerSlack is shorter than that of functions: with more processors than one the Go scheduler sleeps in other places, too.
const hostTimerSlack = time.Millisecond

// started opens the process's memory figures, which stay readable for as long as it lives.
func (p *process) started() {
	if f, err := os.Open(fmt.Sprintf("/proc/%d/statm", p.pid)); err == nil {
		p.memory = f
	}
	// As many descriptors as on AWS, so that a leak of them shows here, too. Refused: there are as many as this program may have.
	_ = unix.Prlimit(p.pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: maxDescriptors, Max: maxDescriptors}, nil)
}

// maxDescriptors is how many files and connections a function may have open (Lambda developer guide, "Lambda quotas", file descriptors).
const maxDescriptors = 1024

// awaitExit returns when the process has ended and leaves it a zombie: until it is reaped its pid, which is also its group's id,
// cannot become another process's, so that killing the rest of the group cannot hit a stranger.
func (p *process) awaitExit() {
	for {
		err := unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// memoryBytes is the resident size: the second figure of statm, in pages (proc_pid_statm(5)).
func (p *process) memoryBytes() int {
	var buf [128]byte
	n, _ := p.memory.ReadAt(buf[:], 0) // it always ends in io.EOF
	fields := bytes.Fields(buf[:n])
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(string(fields[1]))
	return pages * os.Getpagesize()
}

// processStart names the moment at which pid started, so that a pid used again is not mistaken for the process that had it before.
// It is the boot's id and the 22nd field of /proc/<pid>/stat, in clock ticks since the boot. "" means no such process.
func processStart(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The second field is the command in parentheses and may itself contain both blanks and parentheses.
	_, rest, ok := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || len(boot) < 8 {
		return ""
	}
	return string(boot[:8]) + "." + fields[19]
}
