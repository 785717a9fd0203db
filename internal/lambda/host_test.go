//go:build unix

package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tutti-run/tutti/internal/await"
)

// probe is the path of the binary of testdata/probe, built once.
var probe string

func TestMain(m *testing.M) {
	if dir := os.Getenv("LAMBDA_TEST_HOST"); dir != "" {
		os.Exit(hostUntilKilled(dir))
	}
	dir, err := os.MkdirTemp("", "lambda-test-")
	if err == nil {
		probe, err = buildProbe(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

func buildProbe(dir string) (string, error) {
	h, err := NewHost(Config{Dir: dir})
	if err != nil {
		return "", err
	}
	defer func() { _ = h.Close() }()
	source, err := filepath.Abs("testdata/probe")
	if err != nil {
		return "", err
	}
	if err := h.Register(Function{Name: "probe", Source: source}); err != nil {
		return "", err
	}
	return filepath.Join(dir, "functions", "probe", "bootstrap"), h.Build(context.Background())
}

// recorder is a Logs that keeps everything.
type recorder struct {
	mu    sync.Mutex
	lines []Line
}

func (r *recorder) Log(line Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}

// texts are the texts of the lines of one stream, or of all for "".
func (r *recorder) texts(stream string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var texts []string
	for _, line := range r.lines {
		if stream == "" || line.Stream == stream {
			texts = append(texts, line.Text)
		}
	}
	return texts
}

// newHost is a host that closes with the test, and what it logs.
func newHost(t testing.TB, cfg Config) (*Host, *recorder) {
	t.Helper()
	logs := &recorder{}
	cfg.Dir = t.TempDir()
	if cfg.Logs == nil {
		cfg.Logs = logs
	}
	h, err := NewHost(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h, logs
}

// register registers the probe under a name.
func register(t testing.TB, h *Host, f Function) {
	t.Helper()
	if f.Binary == "" && f.Source == "" {
		f.Binary = probe
	}
	if f.Timeout == 0 {
		f.Timeout = time.Minute
	}
	if err := h.Register(f); err != nil {
		t.Fatal(err)
	}
}

// invoke invokes a function that is expected to be reached.
func invoke(t testing.TB, h *Host, function, payload string) Result {
	t.Helper()
	result, err := h.Invoke(await.Context(t), Invocation{Function: function, Payload: []byte(payload)})
	if err != nil {
		t.Fatalf("Invoke(%s, %.100s) = %v", function, payload, err)
	}
	return result
}

type identity struct{ PID, Served int }

func identify(t testing.TB, h *Host, function string) identity {
	t.Helper()
	var id identity
	result := invoke(t, h, function, `{"Do":"identify"}`)
	if err := json.Unmarshal(result.Payload, &id); err != nil || result.FunctionError != "" {
		t.Fatalf("identify = %s, %v", result.Payload, err)
	}
	return id
}

// busy is an invocation that lasts until its gate opens.
type busy struct {
	t      testing.TB
	gate   string
	result chan error
}

// occupy starts an invocation that lasts, and returns when the function is at it.
func occupy(t testing.TB, h *Host, function string) *busy {
	t.Helper()
	b := queueUp(t, h, function)
	await.Until(t, "the invocation begins", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return !slices.ContainsFunc(h.queue, func(inv *invocation) bool { return bytes.Contains(inv.payload, []byte(b.gate)) })
	})
	return b
}

// queueUp starts the same and returns as soon as the host has it.
func queueUp(t testing.TB, h *Host, function string) *busy {
	t.Helper()
	b := &busy{t: t, gate: filepath.Join(t.TempDir(), "gate"), result: make(chan error, 1)}
	before := accepted(h)
	go func() {
		_, err := h.Invoke(context.Background(), Invocation{Function: function, Payload: fmt.Appendf(nil, `{"Do":"await file","File":%q}`, b.gate)})
		b.result <- err
	}()
	await.Until(t, "the invocation is accepted", func() bool { return accepted(h) > before })
	return b
}

func (b *busy) finish() {
	b.t.Helper()
	if err := os.WriteFile(b.gate, nil, 0o600); err != nil {
		b.t.Fatal(err)
	}
	select {
	case err := <-b.result:
		if err != nil {
			b.t.Errorf("a lasting invocation = %v", err)
		}
	case <-await.Context(b.t).Done():
		b.t.Fatal("a lasting invocation does not end")
	}
}

// accepted is how many invocations the host is at, or has in its queue.
func accepted(h *Host) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, fn := range h.functions {
		n += fn.busy
	}
	return n
}

func processes(h *Host) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.environments)
}

func wantCode(t testing.TB, err error, code string) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error = %v, want %s", err, code)
	}
	return e
}

func TestNewHostRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"no folder", Config{}, "absolute"},
		{"a relative folder", Config{Dir: "data"}, "absolute"},
		{"a region that is none", Config{Dir: t.TempDir(), Region: "../x"}, "region"},
		{"a folder that is a file", Config{Dir: probe}, "not a directory"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := NewHost(tc.cfg)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("NewHost = %v, want an error with %q", err, tc.want)
			}
		})
	}
}

func TestCloseUnstartedAndTwice(t *testing.T) {
	h, _ := newHost(t, Config{})
	for range 2 {
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Register(Function{Name: "f", Binary: probe}); !errors.Is(err, ErrClosed) {
		t.Errorf("Register after Close = %v", err)
	}
	if _, err := h.Invoke(await.Context(t), Invocation{Function: "f"}); !errors.Is(err, ErrClosed) {
		t.Errorf("Invoke after Close = %v", err)
	}
	if entries, err := os.ReadDir(filepath.Join(h.cfg.Dir, "run")); err != nil || len(entries) > 0 {
		t.Errorf("run/ holds %v, %v after Close", entries, err)
	}
}

func TestCloseInterrupts(t *testing.T) {
	h, _ := newHost(t, Config{MaxConcurrency: 1})
	register(t, h, Function{Name: "f"})
	running := occupy(t, h, "f")
	waiting := queueUp(t, h, "f")
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*busy{"running": running, "waiting": waiting} {
		if err := <-b.result; !errors.Is(err, ErrClosed) {
			t.Errorf("the %s invocation = %v, want ErrClosed", name, err)
		}
	}
}

func TestReplace(t *testing.T) {
	h, _ := newHost(t, Config{})
	f := Function{Name: "f", Environment: map[string]string{"COLOUR": "red"}}
	register(t, h, f)
	first := identify(t, h, "f")

	register(t, h, f)
	if again := identify(t, h, "f"); again != (identity{first.PID, 2}) {
		t.Errorf("after registering the same: %+v, want process %d serving on", again, first.PID)
	}

	old := occupy(t, h, "f")
	f.Environment = map[string]string{"COLOUR": "blue"}
	register(t, h, f)
	second := identify(t, h, "f")
	if second.PID == first.PID {
		t.Error("the process of the old configuration serves on")
	}
	old.finish() // undisturbed
	await.Until(t, "the old process stops", func() bool { return processes(h) == 1 })
	if again := identify(t, h, "f"); again != (identity{second.PID, 2}) {
		t.Errorf("after the old one's end: %+v, want process %d", again, second.PID)
	}
}

func TestRemove(t *testing.T) {
	h, _ := newHost(t, Config{MaxConcurrency: 1})
	register(t, h, Function{Name: "f"})
	running := occupy(t, h, "f")
	waiting := queueUp(t, h, "f")
	h.Remove("f")
	h.Remove("never heard of")
	_ = wantCode(t, <-waiting.result, CodeResourceNotFound)
	_, err := h.Invoke(await.Context(t), Invocation{Function: "f"})
	_ = wantCode(t, err, CodeResourceNotFound)
	running.finish()
	await.Until(t, "its process stops", func() bool { return processes(h) == 0 })
}

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestReap(t *testing.T) {
	c := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	h, logs := newHost(t, Config{IdleAfter: time.Hour, Now: c.Now})
	register(t, h, Function{Name: "f"})
	a, b := occupy(t, h, "f"), occupy(t, h, "f")
	a.finish()
	c.advance(40 * time.Minute)
	b.finish()
	h.reap()
	if n := processes(h); n != 2 {
		t.Errorf("%d processes after 40 minutes, want both", n)
	}
	c.advance(40 * time.Minute)
	h.reap()
	await.Until(t, "the one idle for 80 minutes stops", func() bool { return processes(h) == 1 })
	if id := identify(t, h, "f"); id.Served != 2 {
		t.Errorf("the remaining process has served %d, want it to be the second", id.Served)
	}
	if got := logs.lines[0].Time; !got.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("the first line's time is %v", got)
	}
	if got := logs.lines[0].LogStream; !strings.HasPrefix(got, "2026/01/02/[$LATEST]") {
		t.Errorf("the log stream is %s", got)
	}
}
