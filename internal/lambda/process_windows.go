package lambda

import (
	"os/exec"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// systemProcess is the job that the process and all it starts belong to. Closing its last handle kills them, and the only handle
// is ours.
type systemProcess struct{ job windows.Handle }

func configure(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// started puts the process into its job. Where that fails the process is killed alone and its children are not.
func (p *process) started() {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return
	}
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err == nil {
		err = p.cmd.Process.WithHandle(func(handle uintptr) {
			err = windows.AssignProcessToJobObject(job, windows.Handle(handle))
		})
	}
	if err != nil {
		_ = windows.CloseHandle(job)
		return
	}
	p.system.job = job
}

func (p *process) awaitExit() { _ = p.cmd.Wait() }

func (s *systemProcess) release() {
	if s.job != 0 {
		_ = windows.CloseHandle(s.job)
		s.job = 0
	}
}

func (p *process) killGroup() {
	if p.system.job != 0 {
		_ = windows.TerminateJobObject(p.system.job, 1)
		return
	}
	_ = p.cmd.Process.Kill()
}

// askToEnd: Windows has no SIGTERM.
func (p *process) askToEnd() { p.killGroup() }

func (p *process) memoryBytes() int { return 0 }

// killLeftover: the job has done it.
func killLeftover(int) {}

// processStart names the moment at which pid started; "" means no such process.
func processStart(pid int) string {
	handle, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return ""
	}
	defer func() { _ = windows.CloseHandle(handle) }()
	var created, exited, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(handle, &created, &exited, &kernel, &user); err != nil || exited.Nanoseconds() > 0 {
		return ""
	}
	return strconv.FormatInt(created.Nanoseconds(), 10)
}

// pump handles what arrives until the stream ends or is closed.
func (s *stream) pump() {
	buf := make([]byte, 16<<10)
	for {
		n, err := s.file.Read(buf)
		s.out.mu.Lock()
		s.consume(buf[:n])
		s.out.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// drain can do nothing: a pipe of Windows cannot be emptied beside a pending read. A line may be counted to the next invocation.
func (s *stream) drain() {}

// setTimerSlack: only Linux lets a thread choose its timer slack.
func setTimerSlack(time.Duration) {}

// CoarseTimers does nothing here: only Linux lets a program choose its timer slack.
func CoarseTimers() {}
