package lambda

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// The sizes of a synchronous invocation (Lambda developer guide, "Lambda quotas", 6 MB each way). The response may be a hundred
// bytes longer than the request.
const (
	MaxRequestSize  = 6_291_456
	MaxResponseSize = 6_291_556
)

// Invocation is one call of a function.
type Invocation struct {
	// Function is a name, an ARN, or a tail of an ARN from the region, the account or "function:" on; each with an optional
	// qualifier: $LATEST, a version's number or an alias.
	Function      string
	Payload       []byte // JSON, at most MaxRequestSize; empty stands for {}
	ClientContext []byte // a JSON object, decoded from the base64 of the Invoke API; empty means none
	TraceHeader   string // X-Amzn-Trace-Id; "" means one not sampled
	RequestID     string // "" means a new UUID
}

// Result is what an invocation that reached its function came to.
type Result struct {
	Payload         []byte // the function's response, or the error document when FunctionError is set; at most MaxResponseSize
	FunctionError   string // "" or "Unhandled"
	ExecutedVersion string
	RequestID       string
	LogTail         []byte // the last 4 KiB of the invocation's log, lines ended by newlines
	Report          Report
}

// invocation is an Invocation under way. After done is closed, result and err do not change.
type invocation struct {
	id            string
	payload       []byte
	clientContext []byte
	trace         string
	arn           string // as the caller named it
	version       *version

	done   chan struct{}
	result Result
	err    error

	// Guarded by Host.mu.
	bypassed int       // how often a later one was served first
	outcome  *outcome  // what the function has posted
	start    time.Time // of its timeout
}

// outcome is what became of an invocation: what the function posted, or what the host found instead.
type outcome struct {
	payload       []byte
	functionError bool
	status        string   // for the REPORT line
	errorType     string   // for the REPORT line
	notes         []string // lines for the log
}

// maxBypass is how many invocations may be served before the first one in the queue because an environment of their own function
// is free. Without it two functions that take turns would start a process for every invocation; without a bound the first one
// might wait for ever.
const maxBypass = 8

// Invoke runs a function and returns what it answered. An error is an *Error, ErrClosed, or ctx's error. When ctx ends, the function
// is not interrupted, as on AWS: it goes on until it is done or its own timeout, counts as concurrent until then, and its answer
// is dropped.
func (h *Host) Invoke(ctx context.Context, in Invocation) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	inv, err := newInvocation(in)
	if err != nil {
		return Result{}, err
	}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return Result{}, ErrClosed
	}
	inv.version, inv.arn, err = h.resolve(in.Function)
	for err == nil && !inv.version.built {
		h.mu.Unlock()
		err = h.awaitBuild(ctx, inv.version)
		h.mu.Lock()
	}
	if err == nil {
		if inv.trace == "" {
			inv.trace = newTraceHeader(time.Now(), inv.version.Traced)
		}
		err = h.enqueue(inv)
	}
	h.unlock()
	if err != nil {
		return Result{}, err
	}

	select {
	case <-inv.done:
		return inv.result, inv.err
	case <-ctx.Done():
		h.abandon(inv)
		return Result{}, ctx.Err()
	}
}

// isRequestID keeps a request id to one segment of the Runtime API's paths.
func isRequestID(s string) bool {
	return len(s) <= 64 && isPlainName(s) && strings.IndexByte(s, '_') < 0
}

// newInvocation checks what does not depend on the function.
func newInvocation(in Invocation) (*invocation, error) {
	if len(in.Payload) > MaxRequestSize {
		return nil, newError(CodeRequestTooLarge, "Request must be smaller than %d bytes for the InvokeFunction operation", MaxRequestSize)
	}
	// The payload is copied because the invocation may go on after Invoke has returned.
	inv := &invocation{id: in.RequestID, payload: bytes.Clone(in.Payload), trace: in.TraceHeader, done: make(chan struct{})}
	if len(inv.payload) == 0 {
		inv.payload = []byte("{}")
	}
	if !json.Valid(inv.payload) {
		var discard json.RawMessage
		return nil, newError(CodeInvalidRequestContent, "Could not parse request body into json: Could not parse payload into json: %v",
			json.Unmarshal(inv.payload, &discard))
	}
	if len(in.ClientContext) > 0 {
		var compact bytes.Buffer
		if err := json.Compact(&compact, in.ClientContext); err != nil || compact.Bytes()[0] != '{' {
			return nil, newError(CodeInvalidRequestContent, "Client context must be a valid Base64-encoded JSON object.")
		}
		inv.clientContext = compact.Bytes()
	}
	if inv.id == "" {
		inv.id = newUUID()
	}
	if !isRequestID(inv.id) {
		return nil, newError(CodeInvalidRequestContent, "the request id %.100q is not of letters, digits and hyphens, at most 64", inv.id)
	}
	if !isHeaderValue(inv.trace) {
		return nil, newError(CodeInvalidRequestContent, "the trace header %.100q is not of printable ASCII characters", inv.trace)
	}
	return inv, nil
}

// enqueue takes inv on, or refuses it. h.mu is held.
func (h *Host) enqueue(inv *invocation) error {
	fn := inv.version.function
	switch {
	case h.closed:
		return ErrClosed
	case inv.version.removed:
		return newError(CodeResourceNotFound, "Function not found: %s", inv.arn)
	case fn.reserved != nil && fn.busy >= *fn.reserved:
		h.cfg.Meter.Count(inv.invoked(), Throttles, 1)
		return throttled()
	}
	fn.busy++
	h.measureConcurrency(inv.version.Name, fn.busy)
	h.queue = append(h.queue, inv)
	h.dispatch()
	return nil
}

// dispatch serves the queue from its head for as long as it can. h.mu is held.
func (h *Host) dispatch() {
	for len(h.queue) > 0 && h.place(h.queue[0]) {
		h.queue = slices.Delete(h.queue, 0, 1)
	}
	// Idle processes of other functions make room. Each one that is leaving will do for one invocation.
	for h.leaving < len(h.queue) {
		oldest := h.oldestIdle()
		if oldest == nil {
			return
		}
		h.stop(oldest)
	}
}

// place finds an environment for inv: one that is idle, or a new one. h.mu is held.
func (h *Host) place(inv *invocation) bool {
	if idle := inv.version.idle; len(idle) > 0 {
		env := idle[len(idle)-1]
		inv.version.idle = idle[:len(idle)-1]
		env.assign(inv)
		return true
	}
	if len(h.environments) >= h.cfg.MaxConcurrency {
		return false
	}
	env := h.newEnvironment(inv.version)
	env.assign(inv)
	h.background.Go(env.run)
	return true
}

// release takes back an environment that has finished an invocation. h.mu is held.
func (h *Host) release(env *environment) {
	v := env.version
	if env.state == stateStopping {
		return
	}
	if env.revision != v.revision || h.closed {
		h.stop(env)
		return
	}
	for i, inv := range h.queue {
		if inv.version != v {
			continue
		}
		if first := h.queue[0]; first != inv {
			if first.bypassed >= maxBypass {
				break
			}
			first.bypassed++
		}
		h.queue = slices.Delete(h.queue, i, i+1)
		env.assign(inv)
		return
	}
	env.state = stateIdle
	env.idleSince = h.cfg.Now()
	v.idle = append(v.idle, env)
	h.dispatch()
}

func (h *Host) oldestIdle() *environment {
	var oldest *environment
	for _, env := range h.environments {
		if env.state == stateIdle && (oldest == nil || env.idleSince.Before(oldest.idleSince)) {
			oldest = env
		}
	}
	return oldest
}

// abandon takes inv out of the queue; once it has an environment, it stays.
func (h *Host) abandon(inv *invocation) {
	h.mu.Lock()
	defer h.unlock()
	if i := slices.Index(h.queue, inv); i >= 0 {
		h.queue = slices.Delete(h.queue, i, i+1)
		inv.version.function.busy--
		h.dispatch() // there may be a new head
	}
}

// answer ends inv for its caller. It must not be called twice.
func (h *Host) answer(inv *invocation, result Result, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answerLocked(inv, result, err)
}

func (h *Host) answerLocked(inv *invocation, result Result, err error) {
	inv.version.function.busy--
	h.measure(inv, &result, err)
	inv.result, inv.err = result, err
	close(inv.done)
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func newSecret() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// newTraceHeader is the header of a new trace (X-Ray developer guide, "Tracing header").
func newTraceHeader(now time.Time, sampled bool) string {
	var random [20]byte
	_, _ = rand.Read(random[:]) // never fails
	b := make([]byte, 0, 96)
	b = append(b, "Root=1-"...)
	b = hex.AppendEncode(b, binary.BigEndian.AppendUint32(nil, uint32(now.Unix())))
	b = hex.AppendEncode(append(b, '-'), random[:12])
	b = hex.AppendEncode(append(b, ";Parent="...), random[12:])
	if sampled {
		return string(b) + ";Sampled=1"
	}
	return string(b) + ";Sampled=0"
}

func isHeaderValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
