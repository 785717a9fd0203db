//go:build unix && !linux && !darwin

package lambda

import (
	"syscall"
	"time"
)

// dieWithParent: nothing that all of these systems have in common.
func dieWithParent(*syscall.SysProcAttr) {}

func (p *process) started() {}

// awaitExit leaves the waiting to Wait. A group member left behind still holds the group's id, so killing it afterwards is safe.
func (p *process) awaitExit() { _ = p.cmd.Wait() }

func (p *process) memoryBytes() int { return 0 }

// processStart knows no process, so that leftovers are never killed by mistake.
func processStart(int) string { return "" }

// setTimerSlack: only Linux lets a thread choose its timer slack.
func setTimerSlack(time.Duration) {}

// CoarseTimers does nothing here: only Linux lets a program choose its timer slack.
func CoarseTimers() {}
