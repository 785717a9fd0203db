//go:build unix

package lambda

import (
	"os/exec"
	"syscall"
)

// systemProcess: a process group needs no handle beside the pid.
type systemProcess struct{}

func configure(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
}

func (systemProcess) release() {}

// killGroup may meet a group that is gone already, which is what it wants.
func (p *process) killGroup() { _ = syscall.Kill(-p.pid, syscall.SIGKILL) }

func (p *process) askToEnd() { _ = syscall.Kill(p.pid, syscall.SIGTERM) }

// killLeftover ends the process group that pid leads.
func killLeftover(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// pump handles what arrives until the stream ends or is closed.
//
// Reading and handling are one step under the output's mutex. So whoever holds that mutex and finds the pipe empty knows that all
// the process has written is handled: drain depends on it, and on drain depends that a line is counted to the invocation that
// printed it.
func (s *stream) pump() {
	conn, err := s.file.SyscallConn()
	if err != nil {
		return
	}
	// The error is that the file was closed.
	_ = conn.Read(func(fd uintptr) bool {
		s.out.mu.Lock()
		defer s.out.mu.Unlock()
		return s.readAll(fd)
	})
}

// drain handles what is in the pipe now. out.mu is held.
func (s *stream) drain() {
	conn, err := s.file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { s.readAll(fd) })
}

// readAll empties the pipe and reports whether its other end is closed. out.mu is held.
func (s *stream) readAll(fd uintptr) (ended bool) {
	for {
		n, err := syscall.Read(int(fd), s.out.buf)
		switch {
		case n > 0:
			s.consume(s.out.buf[:n])
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return false
		default:
			return true
		}
	}
}
