package lambda

import (
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dieWithParent: Darwin has no parent-death signal; the other ways that process.go lists must do.
func dieWithParent(*syscall.SysProcAttr) {}

func (p *process) started() {}

// awaitExit leaves the waiting to Wait. A group member left behind still holds the group's id, so killing it afterwards is safe.
func (p *process) awaitExit() { _ = p.cmd.Wait() }

func (p *process) memoryBytes() int { return 0 }

// processStart names the moment at which pid started; "" means no such process.
func processStart(pid int) string {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(info.Proc.P_pid) != pid {
		return ""
	}
	start := info.Proc.P_starttime
	return strconv.FormatInt(start.Sec, 10) + "." + strconv.FormatInt(int64(start.Usec), 10)
}

// setTimerSlack: only Linux lets a thread choose its timer slack.
func setTimerSlack(time.Duration) {}

// CoarseTimers does nothing here: only Linux lets a program choose its timer slack.
func CoarseTimers() {}
