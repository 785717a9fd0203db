//go:build unix

package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/await"
)

func TestInvoke(t *testing.T) {
	h, _ := newHost(t, Config{})
	register(t, h, Function{Name: "f"})
	const id = "8d1c9f2e-0000-4000-8000-123456789abc"
	tooLarge := `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`
	for _, tc := range []struct {
		name, payload string
		failed        bool
		want          string // a pattern of the payload
		report        string // a pattern of the end of the REPORT line
	}{
		{"echo", `{"a":[1,2]}`, false, `{"a":\[1,2\]}`, ``},
		{"no payload", ``, false, `{}`, ``},
		{"null", `{"Do":"print"}`, false, `null`, ``},
		{"error", `{"Do":"error","Text":"no <luck>"}`, true, `{"errorMessage":"no \\u003cluck\\u003e","errorType":"errorString"}`, ``},
		{"panic", `{"Do":"panic","Text":"oh"}`, true, `{"errorMessage":"oh","errorType":"string","stackTrace":\[.*\]}`, `Status: error\tError Type: Runtime.ExitError`},
		{"exit 1", `{"Do":"exit","N":1}`, true, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + id + ` Error: Runtime exited with error: exit status 1"}`, `Status: error\tError Type: Runtime.ExitError`},
		{"exit 0", `{"Do":"exit"}`, true, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + id + ` Error: Runtime exited without providing a reason"}`, `Status: error\tError Type: Runtime.ExitError`},
		{"signal", `{"Do":"kill"}`, true, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + id + ` Error: Runtime exited with error: signal: killed"}`, `Status: error\tError Type: Runtime.ExitError`},
		{"largest response", `{"Do":"big","N":6291556}`, false, `"x+"`, ``},
		{"larger response", `{"Do":"big","N":6291557}`, true, regexp.QuoteMeta(tooLarge), `Status: error\tError Type: Function.ResponseSizeTooLarge`},
		{"error of a type alone", `{"Do":"report","Text":"Function.Mine"}`, true, `{"errorType":"Function.Mine"}`, `Status: error\tError Type: Runtime.ExitError`},
		{"error of nothing", `{"Do":"report"}`, true, `{"errorType":"Runtime.Unknown"}`, `Status: error\tError Type: Runtime.ExitError`},
		{"larger error", `{"Do":"report","N":6291557}`, false, `"413 Request Entity Too Large"`, ``},
		{"broken stream", `{"Do":"stream"}`, true, `{"errorMessage":"the stream broke","errorType":"errorString"}`, ``},
	} {
		t.Run(tc.name, func(t *testing.T) {
			result, err := h.Invoke(await.Context(t), Invocation{Function: "f", Payload: []byte(tc.payload), RequestID: id})
			if err != nil {
				t.Fatal(err)
			}
			if (result.FunctionError == "Unhandled") != tc.failed || !regexp.MustCompile("^"+tc.want+"$").Match(result.Payload) {
				t.Errorf("FunctionError %q, payload %.200s", result.FunctionError, result.Payload)
			}
			if result.RequestID != id || result.ExecutedVersion != "$LATEST" {
				t.Errorf("request %s, version %s", result.RequestID, result.ExecutedVersion)
			}
			tail := string(result.LogTail)
			if !regexp.MustCompile(tc.report + `\t\n$`).MatchString(tail) {
				t.Errorf("the log ends with %q, want %q", tail[max(0, len(tail)-200):], tc.report)
			}
		})
	}
}

func TestInvokeRefuses(t *testing.T) {
	h, _ := newHost(t, Config{})
	register(t, h, Function{Name: "f"})
	large := `"` + strings.Repeat("x", MaxRequestSize-2) + `"`
	for _, tc := range []struct {
		name string
		in   Invocation
		code string
		text string
	}{
		{"unknown", Invocation{Function: "g"}, CodeResourceNotFound, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:g:$LATEST"},
		{"unknown version", Invocation{Function: "f:7"}, CodeResourceNotFound, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f:7"},
		{"no name", Invocation{}, CodeValidation, "1 validation error detected: Value '' at 'functionName'"},
		{"too large", Invocation{Function: "f", Payload: []byte(large + " ")}, CodeRequestTooLarge, "Request must be smaller than 6291456 bytes for the InvokeFunction operation"},
		{"not JSON", Invocation{Function: "f", Payload: []byte(`{"a":}`)}, CodeInvalidRequestContent, "Could not parse request body into json: Could not parse payload into json: "},
		{"client context", Invocation{Function: "f", ClientContext: []byte(`"x"`)}, CodeInvalidRequestContent, "Client context must be a valid Base64-encoded JSON object."},
		{"request id", Invocation{Function: "f", RequestID: "../next"}, CodeInvalidRequestContent, "the request id"},
		{"trace header", Invocation{Function: "f", TraceHeader: "a\nb"}, CodeInvalidRequestContent, "the trace header"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := h.Invoke(await.Context(t), tc.in)
			if e := wantCode(t, err, tc.code); !strings.HasPrefix(e.Message, tc.text) || e.Status != exceptions[tc.code].status {
				t.Errorf("status %d, message %q", e.Status, e.Message)
			}
		})
	}
	if got := invoke(t, h, "f", `"`+strings.Repeat("x", 10)+`"`); got.FunctionError != "Unhandled" {
		t.Errorf("an event of the wrong type = %s", got.Payload) // and the host lives on
	}
	if n := accepted(h); n != 0 {
		t.Errorf("%d invocations are still counted", n)
	}
}

func TestFunctionContext(t *testing.T) {
	h, _ := newHost(t, Config{Region: "eu-west-1", Account: "123456789012"})
	register(t, h, Function{Name: "f", Timeout: 20 * time.Second})
	if err := h.RegisterAlias(Alias{Function: "f", Name: "live", Version: Latest}); err != nil {
		t.Fatal(err)
	}
	result, err := h.Invoke(await.Context(t), Invocation{
		Function:      "f:live",
		Payload:       []byte(`{"Do":"context"}`),
		ClientContext: []byte("{\"custom\":\n{\"k\":\"v\"}}"),
		TraceHeader:   "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
		RequestID:     "my-request",
	})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Lambda struct {
			AwsRequestID, InvokedFunctionArn string
			ClientContext                    struct{ Custom map[string]string }
		}
		Left  int
		Trace string
	}
	if err := json.Unmarshal(result.Payload, &got); err != nil {
		t.Fatal(err)
	}
	if got.Lambda.AwsRequestID != "my-request" || got.Lambda.ClientContext.Custom["k"] != "v" ||
		got.Lambda.InvokedFunctionArn != "arn:aws:lambda:eu-west-1:123456789012:function:f:live" {
		t.Errorf("the function saw %s", result.Payload)
	}
	if got.Left < 10_000 || got.Left > 20_000 {
		t.Errorf("%d ms left of 20 s", got.Left)
	}
	if got.Trace != "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1" {
		t.Errorf("trace %q", got.Trace)
	}
	generated := regexp.MustCompile(`"trace":"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0"`)
	if got := invoke(t, h, "f", `{"Do":"context"}`).Payload; !generated.Match(got) {
		t.Errorf("without a trace header the function saw %s", got)
	}
}

func TestWarmEnvironments(t *testing.T) {
	h, _ := newHost(t, Config{})
	register(t, h, Function{Name: "f"})
	first := identify(t, h, "f")
	if second := identify(t, h, "f"); second != (identity{first.PID, 2}) {
		t.Errorf("the second invocation ran in %+v, the first in %+v", second, first)
	}
	a, b := occupy(t, h, "f"), occupy(t, h, "f")
	if n := processes(h); n != 2 {
		t.Errorf("%d processes for two invocations at a time", n)
	}
	a.finish()
	b.finish() // the last to become free, and so the first to be used
	if third := identify(t, h, "f"); third.PID == first.PID || third.Served != 2 {
		t.Errorf("after it: %+v, want the process that became free last, not %d", third, first.PID)
	}
	cold, warm := invoke(t, h, "f", `{"Do":"exit"}`), invoke(t, h, "f", `{}`)
	if cold.FunctionError == "" || warm.Report.InitDuration != 0 || warm.Report.Duration <= 0 {
		t.Errorf("report of a warm invocation: %+v", warm.Report)
	}
}

func TestReservedConcurrency(t *testing.T) {
	h, _ := newHost(t, Config{})
	one, none := 1, 0
	register(t, h, Function{Name: "one", ReservedConcurrency: &one})
	register(t, h, Function{Name: "none", ReservedConcurrency: &none})
	running := occupy(t, h, "one")
	for _, name := range []string{"one", "none"} {
		_, err := h.Invoke(await.Context(t), Invocation{Function: name})
		e := wantCode(t, err, CodeTooManyRequests)
		if e.Message != "Rate Exceeded." || e.Status != 429 || e.Reason != "ReservedFunctionConcurrentInvocationLimitExceeded" || e.Fault != "User" {
			t.Errorf("%s: %+v", name, e)
		}
	}
	running.finish()
	for range 20 { // a caller that comes back at once finds the environment free
		invoke(t, h, "one", `{}`)
	}
	register(t, h, Function{Name: "one"})
	first, second := occupy(t, h, "one"), occupy(t, h, "one")
	first.finish()
	second.finish()
}

func TestHostLimit(t *testing.T) {
	h, _ := newHost(t, Config{MaxConcurrency: 1})
	register(t, h, Function{Name: "f"})
	register(t, h, Function{Name: "g"})
	f := identify(t, h, "f")

	running := occupy(t, h, "f")
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan error, 1)
	before := accepted(h)
	go func() {
		_, err := h.Invoke(ctx, Invocation{Function: "g"})
		gone <- err
	}()
	await.Until(t, "it waits", func() bool { return accepted(h) > before })
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that no longer waits = %v", err)
	}
	waiting := queueUp(t, h, "g")
	running.finish()
	waiting.finish() // f's idle process has made room
	if n := processes(h); n > 1 {
		t.Errorf("%d processes, the limit is 1", n)
	}
	if again := identify(t, h, "f"); again.PID == f.PID {
		t.Error("f's process is still there")
	}
}

func TestHostLimitIsFair(t *testing.T) {
	h, _ := newHost(t, Config{MaxConcurrency: 1})
	register(t, h, Function{Name: "f"})
	register(t, h, Function{Name: "g"})
	running := occupy(t, h, "f")
	served := make(chan string, 100)
	enter := func(name string) {
		before := accepted(h)
		go func() {
			if _, err := h.Invoke(context.Background(), Invocation{Function: name}); err != nil {
				t.Error(err)
			}
			served <- name
		}()
		await.Until(t, "it waits", func() bool { return accepted(h) > before })
	}
	enter("g")
	for range 3 * maxBypass {
		enter("f")
	}
	running.finish()
	var order []string
	for range 1 + 3*maxBypass {
		order = append(order, <-served)
	}
	// f's warm process serves some of its own first, but not all. The callers' goroutines report in no strict order.
	if at := slices.Index(order, "g"); at < maxBypass/2 || at > 2*maxBypass {
		t.Errorf("g was served at place %d of %d, want about %d: %v", at, len(order), maxBypass, order)
	}
}

func TestManyAtOnce(t *testing.T) {
	h, _ := newHost(t, Config{MaxConcurrency: 4})
	register(t, h, Function{Name: "f"})
	const callers, each = 16, 20
	errs := make(chan error, callers)
	for caller := range callers {
		go func() {
			for i := range each {
				payload := []byte(strconv.Itoa(caller*each + i))
				result, err := h.Invoke(context.Background(), Invocation{Function: "f", Payload: append(append([]byte(`{"N":`), payload...), '}')})
				if err == nil && !strings.Contains(string(result.Payload), `"N":`+string(payload)+"}") {
					err = errors.New("the answer to " + string(payload) + " is " + string(result.Payload))
				}
				if err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range callers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := processes(h); n > 4 {
		t.Errorf("%d processes, the limit is 4", n)
	}
}

// beginInvoke invokes a function that is expected to be reached, while the test does something else. What it returns waits for the result.
func beginInvoke(t *testing.T, h *Host, in Invocation) (answer func() Result) {
	t.Helper()
	var result Result
	done := make(chan error, 1)
	go func() {
		var err error
		result, err = h.Invoke(await.Context(t), in)
		done <- err
	}()
	return func() Result {
		t.Helper()
		if err := <-done; err != nil {
			t.Fatalf("Invoke(%s, %s) = %v", in.Function, in.Payload, err)
		}
		return result
	}
}

// expire has the timeout of the one running invocation pass once it has come so far.
func expire(t *testing.T, h *Host, soFar func(*invocation) bool) {
	t.Helper()
	var running *environment
	await.Until(t, "the invocation is at it", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, env := range h.environments {
			if env.current != nil && soFar(env.current) {
				running = env
				env.current.start = env.current.start.Add(-env.config.Timeout)
			}
		}
		return running != nil
	})
	running.checkTimeout()
}

func TestTimeout(t *testing.T) {
	h, logs := newHost(t, Config{})
	register(t, h, Function{Name: "f"})
	file := filepath.Join(t.TempDir(), "pid")
	first := identify(t, h, "f")
	answer := beginInvoke(t, h, Invocation{Function: "f", Payload: []byte(`{"Do":"spawn and hang","File":` + strconv.Quote(file) + `}`), RequestID: "late"})
	expire(t, h, func(*invocation) bool { _, err := os.Stat(file); return err == nil })
	result := answer()
	if want := `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: late Error: Task timed out after 60.00 seconds"}`; string(result.Payload) != want {
		t.Errorf("payload %s", result.Payload)
	}
	if result.FunctionError != "Unhandled" || result.Report.Duration < time.Minute {
		t.Errorf("%+v", result)
	}
	if texts := logs.texts(StreamPlatform); !strings.HasSuffix(texts[len(texts)-1], "Status: timeout\t") || !strings.Contains(texts[len(texts)-3], " late Task timed out after 60.00 seconds") {
		t.Errorf("the log ends with %q", texts[len(texts)-3:])
	}
	await.Until(t, "the process ends, and what it has started", func() bool { return !alive(first.PID) && !alive(readPID(t, file)) })
	if next := identify(t, h, "f"); next.PID == first.PID || next.Served != 1 {
		t.Errorf("the next invocation ran in %+v", next)
	}
}

// What a function has answered stands, even if it does not call next in time.
func TestTimeoutAfterTheAnswer(t *testing.T) {
	h, logs := newHost(t, Config{})
	register(t, h, Function{Name: "f"})
	answer := beginInvoke(t, h, Invocation{Function: "f", Payload: []byte(`{"Do":"answer and hang"}`)})
	expire(t, h, func(inv *invocation) bool { return inv.outcome != nil })
	result := answer()
	if string(result.Payload) != `"in time"` || result.FunctionError != "" {
		t.Errorf("FunctionError %q, payload %s", result.FunctionError, result.Payload)
	}
	if texts := logs.texts(StreamPlatform); !strings.HasSuffix(texts[len(texts)-1], "Status: timeout\t") {
		t.Errorf("the log ends with %q", texts[len(texts)-1])
	}
}

func TestHostTrouble(t *testing.T) {
	for _, tc := range []struct {
		err  error
		ours bool
	}{
		{nil, false},
		{&os.PathError{Op: "fork/exec", Path: "/f", Err: syscall.ENOENT}, false},
		{&os.PathError{Op: "fork/exec", Path: "/f", Err: syscall.ENOEXEC}, false},
		{&os.PathError{Op: "fork/exec", Path: "/f", Err: syscall.EAGAIN}, true},
		{&os.PathError{Op: "fork/exec", Path: "/f", Err: syscall.ENOMEM}, true},
		{os.NewSyscallError("pipe2", syscall.EMFILE), true},
		{errHost, true},
	} {
		err := hostTrouble(tc.err)
		if (err != nil) != tc.ours {
			t.Errorf("hostTrouble(%v) = %v", tc.err, err)
		}
		if err != nil {
			_ = wantCode(t, err, CodeService)
		}
	}
}

func readPID(t testing.TB, file string) int {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(data))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// alive reports whether pid runs. A zombie does not: who should reap it, is its parent's affair.
func alive(pid int) bool {
	if _, err := os.Stat("/proc/self/stat"); err == nil {
		return processStart(pid) != ""
	}
	return syscall.Kill(pid, 0) == nil
}

func TestCallerThatLeaves(t *testing.T) {
	h, logs := newHost(t, Config{})
	register(t, h, Function{Name: "f"})
	first := identify(t, h, "f")
	gate := filepath.Join(t.TempDir(), "gate")
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan error, 1)
	go func() {
		_, err := h.Invoke(ctx, Invocation{Function: "f", Payload: []byte(`{"Do":"await file","File":` + strconv.Quote(gate) + `}`)})
		gone <- err
	}()
	await.Until(t, "it begins", func() bool { return accepted(h) == 1 })
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("Invoke = %v", err)
	}
	if n := accepted(h); n != 1 {
		t.Errorf("%d invocations are counted, want the one that goes on", n)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "it ends by itself", func() bool { return accepted(h) == 0 })
	if again := identify(t, h, "f"); again != (identity{first.PID, 3}) {
		t.Errorf("afterwards %+v, want process %d serving on", again, first.PID)
	}
	if texts := logs.texts(StreamPlatform); len(texts) != 9 {
		t.Errorf("%d platform lines, want START, END and REPORT of three: %q", len(texts), texts)
	}
	cancel()
	if _, err := h.Invoke(ctx, Invocation{Function: "f"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Invoke with a context that has ended = %v", err)
	}
}

// expireInit has the time of the one init phase pass once the process has left its mark.
func expireInit(t *testing.T, h *Host) {
	t.Helper()
	var hanging *environment
	await.Until(t, "the process begins its init phase", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, env := range h.environments {
			if _, err := os.Stat(filepath.Join(env.tmp(), "mark")); err == nil && env.process != nil {
				hanging = env
			}
		}
		return hanging != nil
	})
	hanging.initExpired()
}

func TestInitPhase(t *testing.T) {
	initReport := regexp.MustCompile(`^INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: (init|invoke)\tStatus: (\w+)(?:\tError Type: (\S+))?$`)
	for _, tc := range []struct {
		name, init string
		limit      time.Duration // of the init phase
		want       string        // the payload
		reports    []string      // phase, status and error type of each INIT_REPORT
	}{
		{"exit", "exit", time.Minute, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r Error: Runtime exited with error: exit status 3"}`,
			[]string{"init error Runtime.ExitError", "invoke error Runtime.ExitError"}},
		{"panic", "panic", time.Minute, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r Error: Runtime exited with error: exit status 2"}`,
			[]string{"init error Runtime.ExitError", "invoke error Runtime.ExitError"}},
		{"reported", "report", time.Minute, `{"errorMessage":"no database","errorType":"Setup.Failed"}`,
			[]string{"init error Runtime.ExitError", "invoke error Runtime.ExitError"}},
		{"hangs", "hang", 50 * time.Millisecond, `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r Error: Task timed out after 0.40 seconds"}`,
			[]string{"init timeout "}},
		{"hangs once", "hang once", time.Minute, `{}`, []string{"init timeout "}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, logs := newHost(t, Config{})
			h.initLimit = tc.limit
			f := Function{Name: "f", Environment: map[string]string{"INIT": tc.init}}
			if tc.init == "hang" {
				f.Timeout = 400 * time.Millisecond
			}
			register(t, h, f)
			answer := beginInvoke(t, h, Invocation{Function: "f", RequestID: "r"})
			if tc.init == "hang once" {
				expireInit(t, h)
			}
			result := answer()
			if string(result.Payload) != tc.want || (result.FunctionError == "") != (tc.want == "{}") {
				t.Errorf("FunctionError %q, payload %s", result.FunctionError, result.Payload)
			}
			var reports []string
			for _, text := range logs.texts(StreamPlatform) {
				if m := initReport.FindStringSubmatch(text); m != nil {
					reports = append(reports, strings.Join(m[1:], " "))
				}
			}
			if !slices.Equal(reports, tc.reports) {
				t.Errorf("INIT_REPORT: %q, want %q", reports, tc.reports)
			}
			if result.Report.InitDuration != 0 {
				t.Errorf("an init phase within the invoke phase is reported as %v", result.Report.InitDuration)
			}
		})
	}
}

func TestEntrypoint(t *testing.T) {
	h, _ := newHost(t, Config{})
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("not a program"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, binary, want string }{
		{"missing", filepath.Join(dir, "bootstrap"), "Couldn't find valid bootstrap(s): [" + filepath.Join(dir, "bootstrap") + "]"},
		{"folder-missing", filepath.Join(dir, "none", "bootstrap"), "Couldn't find valid bootstrap(s): [" + filepath.Join(dir, "none", "bootstrap") + "]"},
		{"no-program", text, "fork/exec " + text + ": exec format error"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			register(t, h, Function{Name: tc.name, Binary: tc.binary})
			result := invoke(t, h, tc.name, `{}`)
			want := `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: ` + result.RequestID + ` Error: ` + tc.want + `"}`
			if string(result.Payload) != want {
				t.Errorf("payload %s, want %s", result.Payload, want)
			}
			if !strings.HasSuffix(string(result.LogTail), "Status: error\tError Type: Runtime.InvalidEntrypoint\t\n") {
				t.Errorf("log %q", result.LogTail)
			}
		})
	}
}

func TestIdleProcessThatDies(t *testing.T) {
	h, _ := newHost(t, Config{})
	register(t, h, Function{Name: "f"})
	id := identify(t, h, "f")
	if err := syscall.Kill(id.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the host notices", func() bool { return processes(h) == 0 })
	if again := identify(t, h, "f"); again.PID == id.PID {
		t.Errorf("process %d answers after its death", id.PID)
	}
}

// An invocation given to a process that dies before taking it has not begun, and goes to another.
func TestProcessThatDiesBeforeTakingWork(t *testing.T) {
	h, _ := newHost(t, Config{MaxConcurrency: 1})
	register(t, h, Function{Name: "f"})
	inv, err := newInvocation(Invocation{})
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	inv.version, inv.arn, err = h.resolve("f")
	if err != nil {
		t.Fatal(err)
	}
	inv.version.function.busy++
	env := h.newEnvironment(inv.version) // one that has served before, without a process by now
	env.ready, env.served = true, true
	env.assign(inv)
	h.mu.Unlock()
	if env.ended(phaseInit, nil, nil) {
		t.Error("it is started once more")
	}
	env.remove()
	select {
	case <-inv.done:
	case <-await.Context(t).Done():
		t.Fatal("the invocation is not answered")
	}
	if inv.err != nil || inv.result.FunctionError != "" || string(inv.result.Payload) != "{}" {
		t.Errorf("%s, %v", inv.result.Payload, inv.err)
	}
}

func TestRuntimeAPIRefusals(t *testing.T) {
	h, logs := newHost(t, Config{})
	register(t, h, Function{Name: "f"})
	result := invoke(t, h, "f", `{"Do":"protocol"}`)
	// The second response of aws-lambda-go itself is refused as well, and ends the process.
	if string(result.Payload) != `"posted by hand"` || result.FunctionError != "" {
		t.Errorf("payload %s, %s", result.Payload, result.FunctionError)
	}
	if got, want := logs.texts(StreamStdout), "403 400 400 403 404 404 403 403 202 400"; !slices.Equal(got, []string{want}) {
		t.Errorf("answers %q, want %s", got, want)
	}
}

func TestSIGTERM(t *testing.T) {
	h, _ := newHost(t, Config{})
	file := filepath.Join(t.TempDir(), "farewell")
	register(t, h, Function{Name: "f", Environment: map[string]string{"ON_SIGTERM": file}})
	invoke(t, h, "f", `{}`)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the function was not asked to end: %v", err)
	}
}

func TestMemoryHasAWall(t *testing.T) {
	if processes := processStart(os.Getpid()); processes == "" {
		t.Skip("this system does not tell the memory of a process")
	}
	h, _ := newHost(t, Config{})
	register(t, h, Function{Name: "f", MemoryMB: 128, Timeout: 30 * time.Second})
	result := invoke(t, h, "f", `{"Do":"allocate","N":300}`)
	want := `{"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: ` + result.RequestID + ` Error: Runtime exited with error: signal: killed"}`
	if string(result.Payload) != want || result.Report.MaxMemoryMB > 128 {
		t.Errorf("payload %s, memory %d MB; want %s and 128 MB", result.Payload, result.Report.MaxMemoryMB, want)
	}
	if !strings.Contains(string(result.LogTail), "Status: error\tError Type: Runtime.OutOfMemory") {
		t.Errorf("log %s", result.LogTail)
	}
}

func TestStorageHasASize(t *testing.T) {
	h, logs := newHost(t, Config{})
	register(t, h, Function{Name: "f", StorageMB: 512, Timeout: 30 * time.Second})
	if result := invoke(t, h, "f", `{"Do":"fill","N":500}`); result.FunctionError != "" {
		t.Fatalf("within its size: %s", result.Payload)
	}
	result := invoke(t, h, "f", `{"Do":"fill","N":600,"Text":"wait"}`)
	if want := "has 1100 MB, and EphemeralStorage is 512 MB"; !strings.Contains(string(result.Payload), `"errorType":"Runtime.StorageExceeded"`) ||
		!strings.Contains(string(result.Payload), "No space left on device: ") || !strings.Contains(string(result.Payload), want) {
		t.Errorf("payload %s", result.Payload)
	}
	// A function that fills it and answers at once is ended before its next invocation, which finds an empty folder.
	if result := invoke(t, h, "f", `{"Do":"fill","N":600}`); result.FunctionError != "" {
		t.Fatalf("answered at once: %s", result.Payload)
	}
	for _, env := range h.all() {
		<-env.gone
	}
	if got := logs.texts(StreamPlatform); !strings.Contains(strings.Join(got, "\n"), "the process is ended before its next invocation") {
		t.Errorf("log %q", got)
	}
}

// all lists the environments that there are.
func (h *Host) all() []*environment {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.environments))
}
