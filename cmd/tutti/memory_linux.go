package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// giveBackStartup returns the memory that only the start needed: what was allocated on the way, and the parts of the program file that have been looked at. The
// system reads those that are needed again from its cache. Without it, a server that does nothing counts nearly its whole program among its memory, as
// the system maps the file in large pieces.
func giveBackStartup() {
	debug.FreeOSMemory()
	own, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		var from, to, offset, inode uint64
		var mode, device, path string
		// proc_pid_maps(5): address range, permissions, offset, device, inode, path.
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s %x %s %d %s", &from, &to, &mode, &offset, &device, &inode, &path); err != nil || path != own {
			continue
		}
		if mode == "r-xp" || mode == "r--p" { // code and constants, which nobody has written to
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(from), uintptr(to-from), unix.MADV_DONTNEED) // refused: it stays as it was
		}
	}
}
