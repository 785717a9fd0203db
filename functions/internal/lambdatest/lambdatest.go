package lambdatest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// marker is set in the environment of a test binary that is to be the function.
const marker = "LAMBDATEST_FUNCTION"

// Main is for TestMain: in the process that Start started it runs function, which never returns, and otherwise the tests.
func Main(m *testing.M, function func()) {
	if os.Getenv(marker) != "" {
		function()
	}
	os.Exit(m.Run())
}

// Function is a running function process.
type Function struct {
	t        *testing.T
	log      string // The path of the file that takes the process's output.
	exited   chan struct{}
	payloads chan invocation
	answers  chan Answer
}

type invocation struct {
	id, payload string
	deadline    time.Time
}

// Answer is what the function posted for an invocation.
type Answer struct {
	// ID is the request id that the answer was posted for.
	ID string

	// Failed tells whether it was posted to /error rather than to /response.
	Failed bool

	// Body is what was posted.
	Body []byte
}

// Failure decodes the body of a failed answer: the error type and message as Step Functions will see them.
func (a Answer) Failure(t *testing.T) (errorType, message string) {
	t.Helper()
	var posted struct{ ErrorType, ErrorMessage string }
	if err := json.Unmarshal(a.Body, &posted); err != nil || !a.Failed {
		t.Fatalf("want an error, the function posted %s (%v)", a.Body, err)
	}
	return posted.ErrorType, posted.ErrorMessage
}

// Start starts the test binary as a function, against a Runtime API of its own on loopback. Both end with the test. Env is
// added to the environment of the process, as name=value.
func Start(t *testing.T, env ...string) *Function {
	t.Helper()
	f := &Function{
		t:        t,
		log:      filepath.Join(t.TempDir(), "log"),
		exited:   make(chan struct{}),
		payloads: make(chan invocation),
		answers:  make(chan Answer, 1),
	}
	api := httptest.NewServer(f.runtimeAPI())
	t.Cleanup(api.Close)
	log, err := os.Create(f.log)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	process := exec.Command(self)
	process.Stdout, process.Stderr = log, log
	process.Env = append(os.Environ(), marker+"=1", "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(api.URL, "http://"))
	process.Env = append(process.Env, env...)
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = process.Wait() // A function never ends by itself; how it was ended is seen in its log.
		close(f.exited)
	}()
	t.Cleanup(func() {
		_ = process.Process.Kill()
		<-f.exited
		_ = log.Close()
	})
	return f
}

// runtimeAPI is Lambda's side of an invocation:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
func (f *Function) runtimeAPI() http.Handler {
	api := http.NewServeMux()
	api.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case i := <-f.payloads:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", i.id)
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.deadline.UnixMilli(), 10))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:tested")
			_, _ = io.WriteString(w, i.payload) // If this fails the function reports no answer, and the test says so.
		case <-f.exited:
		case <-r.Context().Done():
		}
	})
	post := func(failed bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body) // A body cut short does not decode, and the test says so.
			f.answers <- Answer{r.PathValue("id"), failed, body}
			w.WriteHeader(http.StatusAccepted)
		}
	}
	api.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", post(false))
	api.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", post(true))
	return api
}

// Invoke hands the function a payload that has the given time and returns what the function posts.
func (f *Function) Invoke(payload string, limit time.Duration) Answer {
	f.t.Helper()
	id := fmt.Sprintf("request-%d", time.Now().UnixNano())
	select {
	case f.payloads <- invocation{id, payload, time.Now().Add(limit)}:
	case <-f.exited:
		f.t.Fatalf("the function ended before its invocation; its output:\n%s", f.Log())
	}
	select {
	case a := <-f.answers:
		if a.ID != id {
			f.t.Fatalf("the function answered %s, asked was %s", a.ID, id)
		}
		return a
	case <-f.exited:
		select {
		case a := <-f.answers: // It answered, then ended: what a panic does.
			return a
		default:
			f.t.Fatalf("the function ended without an answer; its output:\n%s", f.Log())
		}
	}
	return Answer{}
}

// Exited waits until the process has ended by itself.
func (f *Function) Exited() { <-f.exited }

// Log returns what the function has written to its standard streams so far. Lines written before an answer are in it once
// Invoke has returned.
func (f *Function) Log() string {
	f.t.Helper()
	text, err := os.ReadFile(f.log)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}
