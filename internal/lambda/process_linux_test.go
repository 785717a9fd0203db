package lambda

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestFunctionsInheritTimerSlack(t *testing.T) {
	s := newStarter()
	defer s.stop()
	p, err := s.start(exec.Command("sleep", "60"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		p.kill()
		p.wait()
	}()
	slack, err := os.ReadFile(fmt.Sprintf("/proc/%d/timerslack_ns", p.pid))
	if err != nil {
		t.Skip("the system does not tell a process's timer slack:", err)
	}
	if got := strings.TrimSpace(string(slack)); got != fmt.Sprint(timerSlack.Nanoseconds()) {
		t.Errorf("the timer slack is %s ns", got)
	}
}

func TestCoarseTimers(t *testing.T) {
	CoarseTimers()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("the system does not list a process's threads:", err)
	}
	for _, task := range tasks {
		slack, err := os.ReadFile("/proc/" + task.Name() + "/timerslack_ns")
		if err != nil {
			continue // the thread has ended, or the system does not tell
		}
		if got := strings.TrimSpace(string(slack)); got != fmt.Sprint(hostTimerSlack.Nanoseconds()) && got != fmt.Sprint(timerSlack.Nanoseconds()) {
			t.Errorf("thread %s has a timer slack of %s ns", task.Name(), got)
		}
	}
}
