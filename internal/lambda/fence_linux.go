package lambda

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// fences makes a memory cgroup for each process, where the system lets this one do so: the kernel then ends a function at the moment at which it uses more
// than it has. That takes version 2 of cgroups and a group, this process's own or one above it, that hands the memory controller on and that may
// be written: root has that outside of containers, and a user who is logged in under systemd mostly has it, too.
type fences struct {
	parent string // the group in which the fences are; "" where there can be none
	prefix string // of the fences' names
}

// cgroupRoot is where version 2 of cgroups is mounted (cgroups(7)).
const cgroupRoot = "/sys/fs/cgroup"

// openFences finds out whether there can be fences.
func openFences() *fences {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return &fences{}
	}
	return findFences(cgroupRoot, string(own), probeFence)
}

// findFences looks for a group to make fences in: the own one, as /proc/self/cgroup tells it, or one above. probe starts a process in a fence.
func findFences(root, own string, probe func(*fence) error) *fences {
	path, found := "", false
	for line := range strings.Lines(own) {
		if p, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			path, found = p, true
		}
	}
	if !found {
		return &fences{}
	}
	for {
		dir := filepath.Join(root, filepath.Clean("/"+path))
		handed, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
		if err == nil && slices.Contains(strings.Fields(string(handed)), "memory") {
			f := &fences{dir, fmt.Sprintf("tutti-%d-", os.Getpid())}
			f.reap()
			if one := f.make("probe", 128); one != nil {
				err = probe(one)
				one.remove()
				if err == nil {
					return f
				}
			}
		}
		if path == "/" || path == "" || path == "." {
			return &fences{}
		}
		path = filepath.Dir(path)
	}
}

// probeFence starts a process in a fence that does nothing.
func probeFence(f *fence) error {
	program, err := exec.LookPath("true")
	if err != nil {
		return err
	}
	cmd := exec.Command(program)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	f.into(cmd.SysProcAttr)
	return cmd.Run()
}

// reap removes the fences of programs that are gone.
func (f *fences) reap() {
	old, _ := filepath.Glob(filepath.Join(f.parent, "tutti-*"))
	for _, dir := range old {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), "tutti-"), "-")
		if n, err := strconv.Atoi(pid); err == nil && n != os.Getpid() && errors.Is(syscall.Kill(n, 0), syscall.ESRCH) {
			(&fence{dir: dir}).remove()
		}
	}
}

// fence is the memory cgroup of a process.
type fence struct {
	dir string
	fd  *os.File // of the folder
}

// make makes a fence; nil if there can be none.
func (f *fences) make(name string, memoryMB int) *fence {
	if f.parent == "" {
		return nil
	}
	made := &fence{dir: filepath.Join(f.parent, f.prefix+name)}
	if err := os.Mkdir(made.dir, 0o755); err != nil {
		return nil
	}
	err := made.write("memory.max", strconv.Itoa(memoryMB<<20))
	// Without swap the wall is where it says; all of a function's processes go together. An older kernel may lack the two.
	_ = made.write("memory.swap.max", "0")
	_ = made.write("memory.oom.group", "1")
	if err == nil {
		made.fd, err = os.Open(made.dir)
	}
	if err != nil {
		made.remove()
		return nil
	}
	return made
}

func (f *fence) write(file, text string) error {
	w, err := os.OpenFile(filepath.Join(f.dir, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = w.WriteString(text)
	return errors.Join(err, w.Close())
}

// into has the process begin its life within the fence.
func (f *fence) into(attr *syscall.SysProcAttr) {
	if f != nil {
		attr.UseCgroupFD, attr.CgroupFD = true, int(f.fd.Fd())
	}
}

// overrun tells whether the kernel has ended a process for want of memory.
func (f *fence) overrun() bool {
	if f == nil {
		return false
	}
	events, err := os.Open(filepath.Join(f.dir, "memory.events"))
	if err != nil {
		return false
	}
	defer func() { _ = events.Close() }()
	for lines := bufio.NewScanner(events); lines.Scan(); {
		if n, ok := strings.CutPrefix(lines.Text(), "oom_kill "); ok && n != "0" {
			return true
		}
	}
	return false
}

// remove removes the fence, with whatever is still in it.
func (f *fence) remove() {
	if f == nil {
		return
	}
	if f.fd != nil {
		_ = f.fd.Close()
	}
	for range 20 { // a process that was killed takes a moment to leave
		if err := syscall.Rmdir(f.dir); err == nil || errors.Is(err, syscall.ENOENT) {
			return
		}
		_ = f.write("cgroup.kill", "1")
		time.Sleep(5 * time.Millisecond)
	}
}
