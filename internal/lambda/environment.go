package lambda

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// state is where an environment is in its life.
//
//	busy ──→ idle ──→ busy …
//	   ╰──────┴──→ stopping ──→ (removed from Host.environments)
type state int

const (
	stateBusy     state = iota // it has an invocation, delivered or about to be; a new environment begins so
	stateIdle                  // it is in its version's idle list
	stateStopping              // its process is being ended; it has no invocation
)

// environment is an execution environment: a process of one function, the invocation it is at, and what it prints.
type environment struct {
	host      *Host
	version   *version
	revision  int      // of the version when the environment was made
	config    Function // the same
	binary    string   // the same
	token     string   // the secret part of its Runtime API address
	logStream string
	folder    string
	out       *output
	gone      chan struct{} // closed at the end

	// Guarded by host.mu.
	state        state
	process      *process       // nil before the start, the dead one between two starts
	pending      *invocation    // assigned, not yet handed over
	current      *invocation    // handed over, not yet finished
	parked       *runtimeConn   // waits for an invocation
	conns        []*runtimeConn // all that the process has open
	ready        bool           // the process has called next: the init phase is over
	served       bool           // it has finished an invocation
	invocations  int            // how many it has finished
	fence        *fence         // of the process; nil for none
	verdict      *verdict       // why the host has ended the process; nil where it has not
	storageSeen  int            // how many invocations the folder had seen when it was last looked at
	storageNext  time.Time      // when it may be looked at again
	wantsSIGTERM bool           // the process has registered an extension
	phase        string         // in which the process was started
	initStart    time.Time
	initTimer    *time.Timer // ends the init phase
	initTimedOut bool
	initDuration time.Duration // to be reported with the first invocation
	initError    *outcome      // what the process posted to init/error
	idleSince    time.Time
	maxMemoryMB  int
	sampled      time.Time   // when the memory was last looked at
	timer        *time.Timer // of the function's timeout; see startTimeout
	timerSet     bool
}

// newEnvironment makes an environment for v without starting it. h.mu is held.
func (h *Host) newEnvironment(v *version) *environment {
	env := &environment{
		host: h, version: v, revision: v.revision, config: v.Function, binary: v.binary,
		token:     newSecret(),
		logStream: h.cfg.Now().UTC().Format("2006/01/02") + "/[" + v.Version + "]" + newSecret(),
		gone:      make(chan struct{}),
	}
	env.folder = filepath.Join(h.runFolder, env.token[:16])
	env.out = &output{sink: h.cfg.Logs, now: h.cfg.Now, origin: Line{
		Function: v.Name, Version: v.Version, LogGroup: v.LogGroup, LogStream: env.logStream,
	}}
	h.environments[env.token] = env
	return env
}

func (env *environment) tmp() string { return filepath.Join(env.folder, "tmp") }

// taskRoot is the folder of the function's code, where its process starts.
func (env *environment) taskRoot() string { return filepath.Dir(env.binary) }

// assign gives the environment its next invocation. host.mu is held.
func (env *environment) assign(inv *invocation) {
	env.state = stateBusy
	env.pending = inv
	select {
	case env.host.atWork <- struct{}{}:
	default: // it is already said
	}
	if env.parked != nil {
		env.host.undelivered = append(env.host.undelivered, env)
	}
}

// detachInvocation takes the invocation away, wherever it is; nil if there is none. host.mu is held.
func (env *environment) detachInvocation() *invocation {
	inv := env.current
	if inv == nil {
		inv = env.pending
	}
	env.current, env.pending = nil, nil
	return inv
}

// stop ends the environment's process; the environment follows when it is gone. h.mu is held.
func (h *Host) stop(env *environment) {
	if env.leave() {
		env.end()
	}
}

// leave takes the environment out of use. It reports whether it was in use. host.mu is held.
func (env *environment) leave() bool {
	switch env.state {
	case stateStopping:
		return false
	case stateIdle:
		idle := env.version.idle
		for i, other := range idle {
			if other == env {
				env.version.idle = append(idle[:i:i], idle[i+1:]...)
				break
			}
		}
	case stateBusy:
	}
	env.state = stateStopping
	env.host.leaving++
	return true
}

// end kills the process, after a grace if it has asked for SIGTERM. host.mu is held.
func (env *environment) end() {
	switch p := env.process; {
	case p == nil: // runProcess will see the state
	case env.wantsSIGTERM:
		p.terminate()
		time.AfterFunc(stopGrace, p.kill) // does nothing to a process that is gone
	default:
		p.kill()
	}
}

// The two phases in which a process may be started, as INIT_REPORT names them.
const (
	phaseInit   = "init"
	phaseInvoke = "invoke"
)

// run is an environment's life: it starts the process, and once more if the init phase fails, as AWS does.
func (env *environment) run() {
	for _, phase := range []string{phaseInit, phaseInvoke} {
		exit, err := env.runProcess(phase)
		if !env.ended(phase, exit, err) {
			break
		}
	}
	_ = os.RemoveAll(env.folder)
	env.remove()
}

// remove ends an environment whose process is gone, and gives its place to whoever waits.
func (env *environment) remove() {
	h := env.host
	h.mu.Lock()
	if env.timer != nil {
		env.timer.Stop()
	}
	delete(h.environments, env.token)
	h.leaving--
	close(env.gone)
	for _, c := range env.conns {
		_ = c.conn.Close() // what is on the other side is gone
	}
	h.dispatch()
	h.unlock()
}

// runProcess starts the process and returns when it is gone. The error says why there was none.
func (env *environment) runProcess(phase string) (*os.ProcessState, error) {
	h := env.host
	h.mu.Lock()
	env.phase, env.initStart = phase, time.Now()
	h.mu.Unlock()
	p, err := env.start()
	if err != nil {
		return nil, err
	}
	h.record(p)

	h.mu.Lock()
	env.process = p
	switch {
	case env.state == stateStopping: // between the decision to start it and now
		p.kill()
	case env.ready: // it was quick: it has called next before we got here
	case phase == phaseInit:
		env.initTimer = time.AfterFunc(h.initLimit, env.initExpired)
	case env.pending != nil:
		// The function's timeout covers this second init phase and what is left for the invocation.
		env.startTimeout(env.pending)
	}
	h.mu.Unlock()

	exit := p.wait()
	overrun := env.fence.overrun()
	env.fence.remove()
	if overrun {
		h.mu.Lock()
		env.verdict = &verdict{errorType: TypeOutOfMemory}
		h.mu.Unlock()
	}
	h.unrecord(p)
	env.out.detach()
	return exit, nil
}

// start starts the process.
func (env *environment) start() (*process, error) {
	if err := os.MkdirAll(env.tmp(), 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", errHost, err)
	}
	stdout, outWriter, err := env.out.pipe(StreamStdout)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errHost, err)
	}
	stderr, errWriter, err := env.out.pipe(StreamStderr)
	if err != nil {
		_, _ = stdout.file.Close(), outWriter.Close()
		return nil, fmt.Errorf("%w: %w", errHost, err)
	}
	cmd := exec.Command(env.binary)
	cmd.Dir = env.taskRoot()
	cmd.Env = env.variables()
	cmd.Stdout, cmd.Stderr = outWriter, errWriter

	env.out.attach([]*stream{stdout, stderr}) // now: a quick process is done with its first invocation before we get to it again
	env.fence = env.host.fences().make(env.token[:16], env.config.MemoryMB)
	p, err := env.host.starter.start(cmd, env.fence)
	_, _ = outWriter.Close(), errWriter.Close() // the process has its own
	if err != nil {
		env.fence.remove()
		env.out.detach()
		return nil, err
	}
	env.host.background.Go(stdout.pump)
	env.host.background.Go(stderr.pump)
	return p, nil
}

// initExpired cuts the init phase off.
func (env *environment) initExpired() {
	h := env.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if !env.ready && env.state != stateStopping {
		env.initTimedOut = env.initError == nil
		env.process.kill()
	}
}

// startTimeout starts inv's clock. host.mu is held.
//
// The environment's timer is not set anew for each invocation: setting one wakes the thread that waits for the network, which costs
// a good part of a warm invocation. It stays as it is, goes off too early, and is then set to what is left.
func (env *environment) startTimeout(inv *invocation) {
	inv.start = time.Now()
	if env.timerSet {
		return
	}
	env.timerSet = true
	if env.timer == nil {
		env.timer = time.AfterFunc(env.config.Timeout, env.checkTimeout)
	} else {
		env.timer.Reset(env.config.Timeout)
	}
}

// checkTimeout ends the invocation that has used up the function's timeout, if there is one.
func (env *environment) checkTimeout() {
	h := env.host
	h.mu.Lock()
	inv := env.current
	if inv == nil {
		inv = env.pending
	}
	if inv == nil || inv.start.IsZero() || env.state == stateStopping {
		env.timerSet = false
		h.mu.Unlock()
		return
	}
	if left := env.config.Timeout - time.Since(inv.start); left > 0 {
		env.timer.Reset(left)
		h.mu.Unlock()
		return
	}
	begun := env.current == inv
	env.detachInvocation()
	out := outcome{status: "timeout"}
	message := fmt.Sprintf("Task timed out after %.2f seconds", env.config.Timeout.Seconds())
	out.notes = []string{fmt.Sprintf("%s %s %s", h.cfg.Now().UTC().Format("2006-01-02T15:04:05.000Z"), inv.id, message)}
	if inv.outcome != nil {
		// It answered and then went on without calling next: the answer stands.
		out.payload, out.functionError = inv.outcome.payload, inv.outcome.functionError
	} else {
		out.payload, out.functionError = errorDocument(TypeTimedOut, "RequestId: "+inv.id+" Error: "+message), true
	}
	env.leave()
	if env.process != nil { // otherwise runProcess will see the state
		env.process.kill() // at once: AWS, too, gives no grace to a function that has used its time
	}
	h.mu.Unlock()

	if !begun {
		env.out.begin(inv.id, env.config.Version)
	}
	result := env.finish(inv, out)
	h.answer(inv, result, nil)
}

// ended deals with the end of the process, or with its absence. It reports whether to start it once more.
func (env *environment) ended(phase string, exit *os.ProcessState, startErr error) (again bool) {
	h := env.host
	h.mu.Lock()
	env.leave()
	if env.initTimer != nil {
		env.initTimer.Stop()
	}
	begun := env.current != nil
	init := initFailure{phase: phase, duration: time.Since(env.initStart), timedOut: env.initTimedOut, errorType: exitType(startErr)}
	if env.initError != nil {
		init.errorType = env.initError.errorType
	}
	ours := hostTrouble(startErr)

	if env.pending != nil && env.served {
		// The process went while nothing was asked of it. The invocation has not begun, so another environment can have it.
		h.queue = append([]*invocation{env.detachInvocation()}, h.queue...)
		h.mu.Unlock()
		return false // remove dispatches
	}
	if env.pending != nil && !env.ready && phase == phaseInit && ours == nil {
		env.state = stateBusy // it has not left after all
		h.leaving--
		env.initError, env.initTimedOut, env.wantsSIGTERM = nil, false, false
		h.mu.Unlock()
		env.out.platform(init.line())
		return true
	}
	initError := env.initError
	inv := env.detachInvocation()
	h.mu.Unlock()

	switch {
	case inv == nil: // it was idle, or is being stopped
	case ours != nil:
		h.answer(inv, Result{}, ours)
	case begun:
		h.answer(inv, env.finish(inv, env.exitOutcome(inv, inv.outcome, exit, startErr)), nil)
	default:
		env.out.platform(init.line())
		env.out.begin(inv.id, env.config.Version)
		h.answer(inv, env.finish(inv, env.exitOutcome(inv, initError, exit, startErr)), nil)
	}
	return false
}

// initFailure is what the INIT_REPORT line says. Lambda writes that line only for an init phase that failed.
type initFailure struct {
	phase     string
	duration  time.Duration
	timedOut  bool
	errorType string
}

func (f initFailure) line() string {
	status := "error\tError Type: " + f.errorType
	if f.timedOut {
		status = "timeout"
	}
	return fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: %s\tStatus: %s", milliseconds(f.duration), f.phase, status)
}

func exitType(startErr error) string {
	if startErr != nil {
		return TypeInvalidEntrypoint
	}
	return TypeExit
}

// exitOutcome is what becomes of an invocation whose process has ended, or could not start. What the process had posted stands.
func (env *environment) exitOutcome(inv *invocation, posted *outcome, exit *os.ProcessState, startErr error) outcome {
	message := "RequestId: " + inv.id + " Error: " + env.exitMessage(exit, startErr)
	errorType := exitType(startErr)
	env.host.mu.Lock()
	v := env.verdict
	env.host.mu.Unlock()
	if v != nil && startErr == nil {
		errorType = v.errorType
		if v.message != "" {
			message = "RequestId: " + inv.id + " Error: " + v.message
		}
	}
	out := outcome{status: "error", errorType: errorType, notes: []string{message + "\n" + errorType}}
	if posted == nil {
		out.payload, out.functionError = errorDocument(errorType, message), true
		return out
	}
	out.payload, out.functionError = posted.payload, posted.functionError
	out.errorType = orDefault(posted.errorType, errorType)
	return out
}

// exitMessage is AWS's text, which in turn is the text of Go's os/exec.
func (env *environment) exitMessage(exit *os.ProcessState, startErr error) string {
	switch {
	case errors.Is(startErr, fs.ErrNotExist):
		return "Couldn't find valid bootstrap(s): [" + env.binary + "]"
	case startErr != nil:
		return startErr.Error()
	case exit.Success():
		return "Runtime exited without providing a reason"
	default:
		return "Runtime exited with error: " + exit.String()
	}
}

// errHost marks an error that came before the binary had a part in it.
var errHost = errors.New("prepare an execution environment")

// hostTrouble is the exception for an error that lies with the machine rather than with the function's binary; nil if it does not.
func hostTrouble(err error) error {
	for _, ours := range []error{errHost, syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ENOSPC} {
		if errors.Is(err, ours) {
			e := newError(CodeService, "the function host cannot start another process: %v; lower its concurrency, or free what the system lacks", err)
			e.Err = err
			return e
		}
	}
	return nil
}

// finish ends an invocation in the log and makes its result. The invocation is detached, host.mu is not held.
func (env *environment) finish(inv *invocation, out outcome) Result {
	now := time.Now()
	env.sampleMemory()
	h := env.host
	h.mu.Lock()
	report := Report{MemoryMB: env.config.MemoryMB, MaxMemoryMB: env.maxMemoryMB, InitDuration: env.initDuration}
	env.initDuration = 0
	if !inv.start.IsZero() {
		report.Duration = now.Sub(inv.start)
	}
	h.mu.Unlock()

	report.BilledDuration = billed(report.Duration + report.InitDuration)
	lines := append(out.notes, "END RequestId: "+inv.id, report.line(inv.id, out.status, out.errorType))
	result := Result{
		Payload:         out.payload,
		ExecutedVersion: env.config.Version,
		RequestID:       inv.id,
		LogTail:         env.out.end(lines...),
		Report:          report,
	}
	if out.functionError {
		result.FunctionError = "Unhandled"
	}
	return result
}

// samplesEvery is how often the memory of a process is looked at; more often than that tells nothing new.
const samplesEvery = 50 * time.Millisecond

// sampleMemory notes what the process uses now.
func (env *environment) sampleMemory() {
	h := env.host
	h.mu.Lock()
	p, now := env.process, time.Now()
	due := env.sampled.IsZero() || now.Sub(env.sampled) >= samplesEvery
	if due && p != nil {
		env.sampled = now
	}
	h.mu.Unlock()
	if p == nil || !due {
		return
	}
	used := p.memoryMB()
	h.mu.Lock()
	env.maxMemoryMB = max(env.maxMemoryMB, used)
	h.mu.Unlock()
}

// watchMemory ends processes that use more memory than their function has, as AWS does, until the host closes.
//
// Where the kernel has put up a wall (see fences) this finds nothing. Elsewhere it is a look every so often: RLIMIT_AS counts what Go reserves and
// never touches, RLIMIT_DATA counts in arenas of 64 MB. What a process can take between two looks is the price. The temporary folders are looked at,
// too.
//
// It sleeps for as long as no process has an invocation.
func (h *Host) watchMemory() {
	ticker := time.NewTicker(looksEvery)
	defer ticker.Stop()
	for {
		ticker.Stop()
		select {
		case <-h.atWork:
		case <-h.ctx.Done():
			return
		}
		ticker.Reset(looksEvery)
		for busy := true; busy; {
			select {
			case <-ticker.C:
				busy = h.endOversized()
				h.endOverfull()
			case <-h.ctx.Done():
				return
			}
		}
	}
}

// looksEvery is how often watchMemory looks.
const looksEvery = 100 * time.Millisecond

// endOversized looks at all processes that have an invocation, and reports whether there are any.
func (h *Host) endOversized() (any bool) {
	type look struct {
		env *environment
		p   *process
	}
	h.mu.Lock()
	var busy []look
	for _, env := range h.environments {
		any = any || env.state == stateBusy
		if env.state == stateBusy && env.process != nil && env.current != nil && time.Since(env.current.start) >= samplesEvery {
			busy = append(busy, look{env, env.process})
		}
	}
	h.mu.Unlock()
	for _, l := range busy {
		used := l.p.memoryMB()
		h.mu.Lock()
		l.env.maxMemoryMB = max(l.env.maxMemoryMB, min(used, l.env.config.MemoryMB))
		h.mu.Unlock()
		if used > l.env.config.MemoryMB {
			h.mu.Lock()
			l.env.verdict = &verdict{errorType: TypeOutOfMemory}
			h.mu.Unlock()
			l.p.kill() // the invocation ends with the process: Runtime.OutOfMemory, signal: killed
		}
	}
	return any
}
