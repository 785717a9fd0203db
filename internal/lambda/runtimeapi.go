package lambda

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	runtimePath   = "2018-06-01/runtime/"
	extensionPath = "2020-01-01/extension/"
)

// The headers of the Runtime API that the host writes or reads.
const (
	headerRequestID     = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline      = "Lambda-Runtime-Deadline-Ms"
	headerFunctionARN   = "Lambda-Runtime-Invoked-Function-Arn"
	headerTraceID       = "Lambda-Runtime-Trace-Id"
	headerClientContext = "Lambda-Runtime-Client-Context"
	headerErrorType     = "Lambda-Runtime-Function-Error-Type" // in a request, or after the body of a response that broke off
	headerErrorBody     = "Lambda-Runtime-Function-Error-Body" // the same, base64
)

// handle serves the Lambda Runtime API 2018-06-01 to all processes, and of the Extensions API 2020-01-01 the two calls with
// which a runtime asks for SIGTERM (Lambda developer guide, "Using the Lambda runtime API"; aws-lambda-go, lambda/sigterm.go).
//
// A process knows the API as <host:port>/<token>. The token is 128 random bits, so that no other process on the machine can pose
// as this one. A runtime has to take the whole of AWS_LAMBDA_RUNTIME_API as the beginning of its URLs, as aws-lambda-go and the
// runtimes made after the documentation's example do. The alternative, a listener for each process, would cost a port and a
// goroutine each and could be found and used by anyone on the machine.
//
// It reports whether the connection is still good.
func (h *Host) handle(c *runtimeConn, r *wireRequest) bool {
	target, _, _ := strings.Cut(r.path, "?")
	token, path, _ := strings.Cut(strings.TrimPrefix(target, "/"), "/")
	env := h.identify(c, token)
	if env == nil {
		return c.refuse(403, "InvalidEnvironment", "no execution environment has this address") && r.length == 0
	}
	if call, ok := strings.CutPrefix(path, runtimePath); ok {
		return env.serveRuntime(c, r, call)
	}
	switch call, _ := strings.CutPrefix(path, extensionPath); {
	case call == "register" && r.method == "POST":
		if _, err := c.readBody(r); err != nil {
			return truncated(c)
		}
		return env.serveRegister(c)
	case call == "event/next" && r.method == "GET":
		return true // the one event an internal extension without events can get is the end: of the connection, too
	}
	return c.refuse(404, "InvalidPath", "the host does not serve "+r.method+" /"+path) && r.length == 0
}

// identify returns the environment that has the token, and notes that the connection is its.
func (h *Host) identify(c *runtimeConn, token string) *environment {
	h.mu.Lock()
	defer h.mu.Unlock()
	env := h.environments[token]
	if env == nil || c.env == env {
		return env
	}
	c.env = env
	env.conns = append(env.conns, c)
	_ = c.conn.SetReadDeadline(time.Time{}) // a connection that has no deadlines ends otherwise
	return env
}

// unpark forgets a connection that has ended.
func (h *Host) unpark(c *runtimeConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	env := c.env
	if env == nil {
		return
	}
	if env.parked == c {
		env.parked = nil
	}
	if i := slices.Index(env.conns, c); i >= 0 {
		env.conns = slices.Delete(env.conns, i, i+1)
	}
}

func (env *environment) serveRuntime(c *runtimeConn, r *wireRequest, call string) bool {
	id, verb, _ := strings.Cut(strings.TrimPrefix(call, "invocation/"), "/")
	switch {
	case call == "invocation/next" && r.method == "GET" && r.length == 0:
		return env.serveNext(c)
	case call == "init/error" && r.method == "POST":
		return env.serveInitError(c, r)
	case strings.HasPrefix(call, "invocation/") && verb == "response" && r.method == "POST":
		return env.serveResponse(c, r, id)
	case strings.HasPrefix(call, "invocation/") && verb == "error" && r.method == "POST":
		return env.serveError(c, r, id)
	}
	return c.refuse(404, "InvalidPath", "the Runtime API has no "+r.method+" /"+runtimePath+call) && r.length == 0
}

// serveNext finishes the invocation before, if there is one, and leaves the connection for the next: whoever has that writes it there.
func (env *environment) serveNext(c *runtimeConn) bool {
	h := env.host
	h.mu.Lock()
	finished := env.current
	if finished != nil && finished.outcome == nil {
		h.mu.Unlock()
		return c.refuse(403, "InvalidStateTransition", "next was called before the invocation "+finished.id+" was answered")
	}
	env.current = nil
	first := !env.ready && env.state != stateStopping
	if first {
		env.initialized()
	}
	if finished == nil {
		env.park(c)
		h.unlock()
		if first {
			env.sampleMemory()
		}
		return true
	}
	h.mu.Unlock()
	result := env.finish(finished, *finished.outcome)
	h.mu.Lock()
	// In this order, so that the caller, if it comes back at once, finds the environment free.
	env.served = true
	env.invocations++
	env.park(c)
	h.release(env)
	h.answerLocked(finished, result, nil)
	h.unlock()
	return true
}

// park leaves a connection that waits for an invocation. Only the last one counts: a process that calls next again has given the other up.
// host.mu is held.
//
// An environment that is being stopped has no invocation. Its process is not told: an answer would make it exit, and it may be about to
// deal with SIGTERM.
func (env *environment) park(c *runtimeConn) {
	env.parked = c
	if env.pending != nil {
		env.host.undelivered = append(env.host.undelivered, env)
	}
}

// handover is an invocation on its way to a process.
type handover struct {
	env  *environment
	conn *runtimeConn
	inv  *invocation
	// deadline is what the process is told, since the invocation may be over before that.
	deadline time.Time
}

// unlock unlocks h.mu and then writes the invocations that have been assigned meanwhile to the processes that wait for them. Whatever may
// assign one unlocks in this way.
func (h *Host) unlock() {
	if len(h.undelivered) == 0 {
		h.mu.Unlock()
		return
	}
	var few [2]handover
	due := few[:0]
	for _, env := range h.undelivered {
		if env.parked == nil || env.pending == nil {
			continue // it has been taken away since
		}
		inv := env.pending
		due = append(due, handover{env: env, conn: env.parked, inv: inv})
		env.parked, env.pending, env.current = nil, nil, inv
		if inv.start.IsZero() {
			env.startTimeout(inv)
		}
		due[len(due)-1].deadline = inv.start.Add(env.config.Timeout)
		if len(inv.payload) > inlinePayload && !h.closed {
			h.background.Add(1)
		}
	}
	clear(h.undelivered)
	h.undelivered = h.undelivered[:0]
	closed := h.closed
	h.mu.Unlock()
	for _, o := range due {
		switch {
		case len(o.inv.payload) <= inlinePayload:
			o.deliver()
		case !closed:
			go func() {
				defer h.background.Done()
				o.deliver()
			}()
		}
	}
}

// inlinePayload is what surely finds room in the buffers of a connection that waits, so that writing it holds nobody up.
const inlinePayload = 128 << 10

// deliver writes the invocation. If the process does not take it, it will end or time out.
func (o handover) deliver() {
	env, inv := o.env, o.inv
	env.out.begin(inv.id, env.config.Version)
	b := make([]byte, 0, 512)
	b = append(append(append(b, headerRequestID+": "...), inv.id...), "\r\n"...)
	b = strconv.AppendInt(append(b, headerDeadline+": "...), o.deadline.UnixMilli(), 10)
	b = append(append(b, "\r\n"+headerFunctionARN+": "...), inv.arn...)
	b = append(append(b, "\r\n"+headerTraceID+": "...), inv.trace...)
	if inv.clientContext != nil {
		b = append(append(b, "\r\n"+headerClientContext+": "...), inv.clientContext...)
	}
	o.conn.answer(200, append(b, "\r\n"...), inv.payload)
}

// initialized ends the init phase. host.mu is held.
func (env *environment) initialized() {
	env.ready = true
	if env.initTimer != nil {
		env.initTimer.Stop()
	}
	if env.phase == phaseInit { // the invoke phase's is part of the invocation's own duration
		env.initDuration = time.Since(env.initStart)
	}
}

func (env *environment) serveResponse(c *runtimeConn, r *wireRequest, id string) bool {
	body, err := c.readBody(r)
	switch {
	case errors.Is(err, errTooLarge):
		message := "Response payload size exceeded maximum allowed payload size (" + strconv.Itoa(MaxResponseSize) + " bytes)."
		out := outcome{payload: errorDocument(TypeResponseSize, message), functionError: true, errorType: TypeResponseSize}
		if !env.post(id, out) {
			return notCurrent(c)
		}
		return oversized(c)
	case err != nil:
		return truncated(c)
	}
	out := outcome{payload: body}
	// A response that the function wrote as a stream and broke off ends in trailers that say why.
	if r.trailerType != "" {
		document, err := base64.StdEncoding.DecodeString(r.trailerBody)
		if err != nil || len(document) == 0 || len(document) > MaxResponseSize {
			document = errorDocument(r.trailerType, "")
		}
		out = outcome{payload: document, functionError: true}
	}
	if !env.post(id, out) {
		return notCurrent(c)
	}
	return c.accept()
}

func (env *environment) serveError(c *runtimeConn, r *wireRequest, id string) bool {
	out, err := readError(c, r)
	switch {
	case errors.Is(err, errTooLarge):
		return oversized(c)
	case err != nil:
		return truncated(c)
	case !env.post(id, out):
		return notCurrent(c)
	}
	return c.accept()
}

// The refusals of what a process has posted.

func oversized(c *runtimeConn) bool {
	return c.refuse(413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size ("+strconv.Itoa(MaxResponseSize)+" bytes).")
}

func truncated(c *runtimeConn) bool {
	c.refuse(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
	return false // nobody knows where the next request would begin
}

func notCurrent(c *runtimeConn) bool { return c.refuse(400, "InvalidRequestID", "Invalid request ID") }

// serveInitError notes why the init phase failed. The process usually exits then; if not, it has a moment and is killed.
func (env *environment) serveInitError(c *runtimeConn, r *wireRequest) bool {
	out, err := readError(c, r)
	switch {
	case errors.Is(err, errTooLarge):
		return oversized(c)
	case err != nil:
		return truncated(c)
	}
	out.errorType = orDefault(r.errorType, TypeExit)
	h := env.host
	h.mu.Lock()
	refused := env.ready || env.initError != nil
	if !refused {
		env.initError = &out
		if env.initTimer != nil {
			env.initTimer.Reset(stopGrace)
		}
	}
	h.mu.Unlock()
	if refused {
		return c.refuse(403, "InvalidStateTransition", "the init phase is over")
	}
	return c.accept()
}

// readError reads an error document; it is made up where the process sent none.
func readError(c *runtimeConn, r *wireRequest) (outcome, error) {
	body, err := c.readBody(r)
	if err == nil && len(body) == 0 {
		body = errorDocument(orDefault(r.errorType, TypeUnknown), "")
	}
	return outcome{payload: body, functionError: true}, err
}

// post sets the outcome of the current invocation. It returns false if that is not id, or has one already.
func (env *environment) post(id string, out outcome) bool {
	h := env.host
	h.mu.Lock()
	defer h.mu.Unlock()
	inv := env.current
	if inv == nil || inv.id != id || inv.outcome != nil {
		return false
	}
	inv.outcome = &out
	return true
}

func (env *environment) serveRegister(c *runtimeConn) bool {
	env.host.mu.Lock()
	env.wantsSIGTERM = true
	env.host.mu.Unlock()
	body, _ := json.Marshal(map[string]string{ // strings always encode
		"functionName":    env.config.Name,
		"functionVersion": env.config.Version,
		"handler":         env.config.Handler,
	})
	return c.answer(200, []byte("Lambda-Extension-Identifier: "+newUUID()+"\r\n"), body)
}

var errTooLarge = errors.New("the body is too large")
