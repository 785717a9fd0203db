package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// giveBackStartup returns the memory that only the start needed: what was allocated on the way, and the parts of the program file that have been looked at. The
// system reads those that are needed again from its cache. Without it, a server that does nothing counts nearly its whole program among its memory, as
// the system maps the file in large pieces.
func giveBackStartup() {
	debug.FreeOSMemory()
	for _, m := range ownMappings() {
		if m.clean && !strings.Contains(m.mode, "w") {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED) // refused: it stays as it was
		}
	}
}

// mapping is a part of the program file in memory.
type mapping struct {
	from, to uintptr
	mode     string // such as r-xp
	// clean tells that memory and file say the same. It does not hold of what a dynamic linker has put addresses into, which would be lost.
	clean bool
}

// ownMappings lists where the program file is mapped (proc_pid_smaps(5)); nil if the system does not tell.
func ownMappings() []mapping {
	own, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil
	}
	defer func() { _ = smaps.Close() }() // it was only read
	var list []mapping
	ours := false
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), " ")
		if !strings.HasSuffix(name, ":") { // "from-to mode offset device inode path" begins the next mapping
			var m mapping
			var offset, inode uint64
			var device, path string
			_, err := fmt.Sscanf(lines.Text(), "%x-%x %s %x %s %d %s", &m.from, &m.to, &m.mode, &offset, &device, &inode, &path)
			if ours = err == nil && path == own; ours {
				m.clean = true
				list = append(list, m)
			}
			continue
		}
		if ours && (name == "Anonymous:" || name == "Swap:") && strings.TrimSpace(rest) != "0 kB" {
			list[len(list)-1].clean = false
		}
	}
	return list
}
