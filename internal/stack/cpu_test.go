//go:build linux

package stack_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cpuTime is the CPU time that this process and its children have used, those that have ended included. The children's is exact to their
// clock ticks, a hundredth of a second each.
func cpuTime() time.Duration {
	total := time.Duration(0)
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		if err := syscall.Getrusage(who, &usage); err == nil {
			total += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		}
	}
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		children, _ := os.ReadFile(list) // a thread may have ended
		for pid := range strings.FieldsSeq(string(children)) {
			stat, err := os.ReadFile("/proc/" + pid + "/stat")
			if err != nil {
				continue
			}
			fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // proc_pid_stat(5): utime and stime are the 14th and 15th
			for _, ticks := range fields[11:13] {
				n, _ := strconv.Atoi(string(ticks))
				total += time.Duration(n) * 10 * time.Millisecond
			}
		}
	}
	return total
}
