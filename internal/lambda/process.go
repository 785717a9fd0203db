package lambda

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// No process outlives its host. Four things see to it, since none covers every case:
//
//   - Close and every ending of an environment kill the whole process group (on Windows, the job).
//   - If the host is killed, Linux kills the functions: each has SIGKILL as its parent-death signal. That signal is tied to the
//     thread that started the child, not to the process, so all starts go through one thread that lives as long as the host does
//     (see starter). On Windows the job object, whose only handle dies with the host, does the same.
//   - On other systems a function built with aws-lambda-go exits by itself as soon as its connection to the Runtime API breaks.
//   - What is left even so - a handler that loops for ever on macOS - is recorded in the data folder and killed by the next
//     start (see leftovers.go).

// process is a running function. The parts that differ by system are in the process_<system>.go files.
type process struct {
	cmd *exec.Cmd
	pid int

	memory *os.File // where the system tells the memory in use, or nil

	mu     sync.Mutex
	reaped bool // the pid is no longer ours
	system systemProcess
}

// timerSlack is how late a function's short sleeps may end. While a Go program has anything to do, its runtime's monitor wakes up every 20 µs; a
// function does a little every few hundred microseconds, so with the system's 50 µs of slack it spends more on these wakes than on its work: bare
// Runtime API loops make twice the calls with 2 ms. On AWS, where a small function gets its share of the CPU in slices of 20 ms, sleeps are
// no more exact.
const timerSlack = 2 * time.Millisecond

// starter runs functions on one operating system thread until it is stopped.
type starter struct {
	calls chan func()
	done  chan struct{}
}

func newStarter() *starter {
	s := &starter{calls: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		// Never unlocked: the thread ends with the goroutine, and with the thread whatever it started.
		runtime.LockOSThread()
		// What the thread starts inherits its timer slack.
		setTimerSlack(timerSlack)
		for call := range s.calls {
			call()
		}
	}()
	return s
}

// do runs call on the starter's thread and waits for it.
func (s *starter) do(call func()) {
	done := make(chan struct{})
	s.calls <- func() {
		defer close(done)
		call()
	}
	<-done
}

// stop ends the thread. No do may be under way or follow.
func (s *starter) stop() {
	close(s.calls)
	<-s.done
}

// start starts cmd in a process group of its own, and within a fence unless that is nil.
func (s *starter) start(cmd *exec.Cmd, within *fence) (*process, error) {
	configure(cmd)
	within.into(cmd.SysProcAttr)
	p := &process{cmd: cmd}
	var err error
	s.do(func() { err = cmd.Start() })
	if err != nil {
		return nil, err
	}
	p.pid = cmd.Process.Pid
	p.started()
	return p, nil
}

// wait returns when the process is gone, and with it all that it started. The state is that of the process itself.
func (p *process) wait() *os.ProcessState {
	p.awaitExit()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killGroup()
	if p.cmd.ProcessState == nil {
		// The error repeats the state; there are no copying goroutines that could fail, since both pipes are files.
		_ = p.cmd.Wait()
	}
	p.reaped = true
	if p.memory != nil {
		_ = p.memory.Close()
		p.memory = nil
	}
	p.system.release()
	return p.cmd.ProcessState
}

// kill ends the process and all that it started, at once.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		p.killGroup()
	}
}

// terminate asks the process to end by itself.
func (p *process) terminate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		p.askToEnd()
	}
}

// memoryMB is the memory the process has in use, in MB rounded up, or 0 if the system does not tell.
func (p *process) memoryMB() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped || p.memory == nil {
		return 0
	}
	return (p.memoryBytes() + 1<<20 - 1) >> 20
}
