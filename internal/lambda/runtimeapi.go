package lambda

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// runtimeAPI serves the Lambda Runtime API 2018-06-01 to all processes, and of the Extensions API 2020-01-01 the two calls with
// which a runtime asks for SIGTERM (Lambda developer guide, "Using the Lambda runtime API"; aws-lambda-go, lambda/sigterm.go).
//
// A process knows the API as <host:port>/<token>. The token is 128 random bits, so that no other process on the machine can pose
// as this one. A runtime has to take the whole of AWS_LAMBDA_RUNTIME_API as the beginning of its URLs, as aws-lambda-go and the
// runtimes made after the documentation's example do. The alternative, a listener for each process, would cost a port and a
// goroutine each and could be found and used by anyone on the machine.
type runtimeAPI struct{ host *Host }

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

func (api runtimeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	h := api.host
	h.mu.Lock()
	env := h.environments[token]
	h.mu.Unlock()
	if env == nil {
		refuse(w, http.StatusForbidden, "InvalidEnvironment", "no execution environment has this address")
		return
	}
	if call, ok := strings.CutPrefix(path, runtimePath); ok {
		env.serveRuntime(w, r, call)
		return
	}
	switch call, _ := strings.CutPrefix(path, extensionPath); {
	case call == "register" && r.Method == http.MethodPost:
		env.serveRegister(w)
	case call == "event/next" && r.Method == http.MethodGet:
		// The one event an internal extension without events can get is the end.
		select {
		case <-env.gone:
		case <-r.Context().Done():
		}
	default:
		refuse(w, http.StatusNotFound, "InvalidPath", "the host does not serve "+r.Method+" /"+path)
	}
}

func (env *environment) serveRuntime(w http.ResponseWriter, r *http.Request, call string) {
	id, verb, _ := strings.Cut(strings.TrimPrefix(call, "invocation/"), "/")
	switch {
	case call == "invocation/next" && r.Method == http.MethodGet:
		env.serveNext(w, r)
	case call == "init/error" && r.Method == http.MethodPost:
		env.serveInitError(w, r)
	case strings.HasPrefix(call, "invocation/") && verb == "response" && r.Method == http.MethodPost:
		env.serveResponse(w, r, id)
	case strings.HasPrefix(call, "invocation/") && verb == "error" && r.Method == http.MethodPost:
		env.serveError(w, r, id)
	default:
		refuse(w, http.StatusNotFound, "InvalidPath", "the Runtime API has no "+r.Method+" /"+runtimePath+call)
	}
}

// serveNext finishes the invocation before, if there is one, and hands over the next when it comes.
func (env *environment) serveNext(w http.ResponseWriter, r *http.Request) {
	h := env.host
	h.mu.Lock()
	finished := env.current
	if finished != nil && finished.outcome == nil {
		h.mu.Unlock()
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "next was called before the invocation "+finished.id+" was answered")
		return
	}
	env.current = nil
	first := !env.ready && env.state != stateStopping
	if first {
		env.initialized()
	}
	h.mu.Unlock()
	if first {
		env.sampleMemory()
	}
	if finished != nil {
		result := env.finish(finished, *finished.outcome)
		h.mu.Lock()
		// In this order, so that the caller, if it comes back at once, finds the environment free.
		env.served = true
		h.release(env)
		h.answerLocked(finished, result, nil)
		h.mu.Unlock()
		// The caller often has the next invocation at hand. Letting it go first saves parking and waking this goroutine: about one
		// twentieth of a warm invocation (BenchmarkWarmInvoke).
		runtime.Gosched()
	}

	inv := env.awaitInvocation(r)
	if inv == nil {
		// The process is gone, or its connection; hardly anyone reads this.
		refuse(w, http.StatusGone, "EnvironmentStopped", "the execution environment is being stopped")
		return
	}
	deadline := inv.start.Add(env.config.Timeout)
	header := w.Header()
	header["Content-Type"] = []string{"application/json"}
	header["Content-Length"] = []string{strconv.Itoa(len(inv.payload))}
	header[headerRequestID] = []string{inv.id}
	header[headerDeadline] = []string{strconv.FormatInt(deadline.UnixMilli(), 10)}
	header[headerFunctionARN] = []string{inv.arn}
	header[headerTraceID] = []string{inv.trace}
	if inv.clientContext != nil {
		header[headerClientContext] = []string{string(inv.clientContext)}
	}
	// If the process does not take it, it will end or time out.
	_, _ = w.Write(inv.payload)
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

// awaitInvocation waits for an invocation and makes it the current one; nil when the environment or the connection ends before.
func (env *environment) awaitInvocation(r *http.Request) *invocation {
	h := env.host
	for {
		h.mu.Lock()
		if r.Context().Err() != nil {
			h.mu.Unlock()
			return nil
		}
		// An environment that is being stopped has no invocation and never wakes. Its process is not told: an answer would make it
		// exit, and it may be about to deal with SIGTERM.
		if inv := env.pending; inv != nil {
			env.pending, env.current = nil, inv
			if inv.start.IsZero() {
				env.startTimeout(inv)
			}
			h.mu.Unlock()
			env.out.begin(inv.id, env.config.Version)
			return inv
		}
		h.mu.Unlock()
		select {
		case <-env.wake:
		case <-env.gone:
			return nil
		case <-r.Context().Done():
		}
	}
}

func (env *environment) serveResponse(w http.ResponseWriter, r *http.Request, id string) {
	body, err := readBody(r)
	switch {
	case errors.Is(err, errTooLarge):
		message := "Response payload size exceeded maximum allowed payload size (" + strconv.Itoa(MaxResponseSize) + " bytes)."
		if env.post(w, id, outcome{payload: errorDocument(TypeResponseSize, message), functionError: true, errorType: TypeResponseSize}) {
			refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
				"Exceeded maximum allowed payload size ("+strconv.Itoa(MaxResponseSize)+" bytes).")
		}
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
		return
	}
	out := outcome{payload: body}
	// A response that the function wrote as a stream and broke off ends in trailers that say why.
	if errorType := r.Trailer.Get(headerErrorType); errorType != "" {
		document, err := base64.StdEncoding.DecodeString(r.Trailer.Get(headerErrorBody))
		if err != nil || len(document) == 0 || len(document) > MaxResponseSize {
			document = errorDocument(errorType, "")
		}
		out = outcome{payload: document, functionError: true}
	}
	if env.post(w, id, out) {
		accept(w)
	}
}

func (env *environment) serveError(w http.ResponseWriter, r *http.Request, id string) {
	if out, ok := readError(w, r); ok && env.post(w, id, out) {
		accept(w)
	}
}

// serveInitError notes why the init phase failed. The process usually exits then; if not, it has a moment and is killed.
func (env *environment) serveInitError(w http.ResponseWriter, r *http.Request) {
	out, ok := readError(w, r)
	if !ok {
		return
	}
	out.errorType = orDefault(r.Header.Get(headerErrorType), TypeExit)
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
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the init phase is over")
		return
	}
	accept(w)
}

// readError reads an error document; it is made up where the process sent none.
func readError(w http.ResponseWriter, r *http.Request) (outcome, bool) {
	body, err := readBody(r)
	switch {
	case errors.Is(err, errTooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			"Exceeded maximum allowed payload size ("+strconv.Itoa(MaxResponseSize)+" bytes).")
		return outcome{}, false
	case err != nil:
		refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
		return outcome{}, false
	}
	if len(body) == 0 {
		body = errorDocument(orDefault(r.Header.Get(headerErrorType), TypeUnknown), "")
	}
	return outcome{payload: body, functionError: true}, true
}

// post sets the outcome of the current invocation. If that is not id, or has one already, it writes a refusal and returns false.
func (env *environment) post(w http.ResponseWriter, id string, out outcome) bool {
	h := env.host
	h.mu.Lock()
	inv := env.current
	ok := inv != nil && inv.id == id && inv.outcome == nil
	if ok {
		inv.outcome = &out
	}
	h.mu.Unlock()
	if !ok {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
	}
	return ok
}

func (env *environment) serveRegister(w http.ResponseWriter) {
	env.host.mu.Lock()
	env.wantsSIGTERM = true
	env.host.mu.Unlock()
	w.Header().Set("Lambda-Extension-Identifier", newUUID())
	body, _ := json.Marshal(map[string]string{ // strings always encode
		"functionName":    env.config.Name,
		"functionVersion": env.config.Version,
		"handler":         env.config.Handler,
	})
	answerJSON(w, http.StatusOK, string(body))
}

var errTooLarge = errors.New("the body is too large")

// readBody reads a body of at most MaxResponseSize bytes. Some more is read and dropped, so that the sender gets to the answer.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxResponseSize+1))
	if err != nil {
		return nil, err
	}
	if len(body) > MaxResponseSize {
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 10*MaxResponseSize))
		return nil, errTooLarge
	}
	return body, nil
}

func accept(w http.ResponseWriter) { answerJSON(w, http.StatusAccepted, `{"status":"OK"}`) }

func refuse(w http.ResponseWriter, status int, errorType, message string) {
	answerJSON(w, status, string(errorDocument(errorType, message)))
}

func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // a broken connection shows elsewhere
}
