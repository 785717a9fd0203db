package runner

import (
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/sfn"
)

// message is something that happens to one execution.
type message struct {
	arn     string
	input   engine.Input    // nil: the sender waits for the end of the execution
	start   *start          // for the first message of an execution
	redrive *redriveRequest // take up an execution that has ended
	token   string          // the task token that the input answers; "" if it is the runner's own
	beat    bool            // the input is a heartbeat: token alone counts
	job     *job            // that was started, for TaskSubmitted
	answer  chan answer
	report  func(answer) // like answer, for whoever asks about many; it must not block
}

// answer tells whoever asked what came of the message, once it is on disk.
type answer struct {
	arn    string
	status sfn.Status // of an execution that has ended
	at     time.Time  // when the execution started, or was stopped or redriven
	done   *Outcome   // of a synchronous start
	err    error
	taken  bool // the execution took the input
	task   ActivityTask
}

// Outcome is how an Express execution ended.
type Outcome struct {
	Status  sfn.Status
	Output  string
	Failure sfn.Failure
	Started time.Time
	Stopped time.Time
}

// mail is an unbounded queue of messages. What bounds it is the number of executions, calls and requests under way.
type mail struct {
	mu      sync.Mutex
	waiting []message
	closed  bool
	signal  chan struct{} // has room for one
}

func (m *mail) put(msg message) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		msg.reply(answer{arn: msg.arn, err: errStopping})
		return
	}
	m.waiting = append(m.waiting, msg)
	m.mu.Unlock()
	select {
	case m.signal <- struct{}{}:
	default:
	}
}

// take moves up to limit messages to the end of dst. more tells that some are left.
func (m *mail) take(dst []message, limit int) (taken []message, more, closed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := min(limit, len(m.waiting))
	dst = append(dst, m.waiting[:n]...)
	clear(m.waiting[:n])
	m.waiting = m.waiting[n:]
	if len(m.waiting) == 0 {
		m.waiting = nil
	}
	return dst, len(m.waiting) > 0, m.closed
}

// empty tells whether no message waits.
func (m *mail) empty() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.waiting) == 0
}

func (m *mail) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	select {
	case m.signal <- struct{}{}:
	default:
	}
}
