//go:build unix

package lambda

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var benchmarkEvent = []byte(`{"order":"4711","lines":[{"sku":"A-1","quantity":3},{"sku":"B-2","quantity":1}]}`)

// BenchmarkWarmInvoke is to stay below 1.3 times BenchmarkBareRuntimeAPILoop.
func BenchmarkWarmInvoke(b *testing.B) {
	h, err := NewHost(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	register(b, h, Function{Name: "f"})
	in := Invocation{Function: "f", Payload: benchmarkEvent}
	invoke(b, h, "f", `{}`)
	for b.Loop() {
		if _, err := h.Invoke(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareRuntimeAPILoop is the least that anything between a caller and a Go function can do: hand over an event, take the
// response, with the same function and the same HTTP server, and nothing else.
func BenchmarkBareRuntimeAPILoop(b *testing.B) {
	call := bareLoop(b)
	for b.Loop() {
		call()
	}
}

// BenchmarkBareRuntimeAPILoops is eight of them at once: what a machine can do of calls when eight are in flight, with nothing durable and nobody
// deciding. Ten times an execution of TenFunctionCalls/8 in package stack compares with it.
func BenchmarkBareRuntimeAPILoops(b *testing.B) {
	const loops = 8
	var calls [loops]func()
	for i := range calls {
		calls[i] = bareLoop(b)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for _, call := range calls {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				call()
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// bareLoop starts a function with a Runtime API of its own and returns what calls it.
func bareLoop(b *testing.B) (call func()) {
	events, responses := make(chan []byte), make(chan []byte)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			w.WriteHeader(http.StatusAccepted)
			responses <- body
			return
		}
		select {
		case event := <-events:
			w.Header().Set(headerRequestID, "r")
			w.Header().Set(headerDeadline, strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
			_, _ = w.Write(event)
		case <-r.Context().Done():
		}
	})}
	go func() { _ = server.Serve(listener) }()
	cmd := exec.Command(probe)
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String()}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = server.Close()
	})
	call = func() {
		events <- benchmarkEvent
		<-responses
	}
	call()
	return call
}

// BenchmarkColdStart is an invocation of a function without a process, until its answer. The budget is 20 ms.
func BenchmarkColdStart(b *testing.B) {
	h, err := NewHost(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	f := Function{Name: "f"}
	for i := 0; b.Loop(); i++ {
		f.Environment = map[string]string{"GENERATION": strconv.Itoa(i)} // retires the process of the round before
		register(b, h, f)
		if _, err := h.Invoke(context.Background(), Invocation{Function: "f", Payload: benchmarkEvent}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWarmBuild is the check that a function is up to date.
func BenchmarkWarmBuild(b *testing.B) {
	h, err := NewHost(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	dir, err := os.Getwd()
	if err != nil {
		b.Fatal(err)
	}
	register(b, h, Function{Name: "f", Source: dir + "/testdata/probe"})
	for range 2 {
		if err := h.Build(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := h.Build(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLogs is a warm invocation that prints a hundred lines.
func BenchmarkLogs(b *testing.B) {
	h, err := NewHost(Config{Dir: b.TempDir(), Logs: discardLogs{}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	register(b, h, Function{Name: "f"})
	event := []byte(`{"Do":"print","Text":"` + strings.Repeat(strings.Repeat("x", 80)+`\n`, 50) + `"}`)
	for b.Loop() {
		if _, err := h.Invoke(context.Background(), Invocation{Function: "f", Payload: event}); err != nil {
			b.Fatal(err)
		}
	}
}

type discardLogs struct{}

func (discardLogs) Log(Line) {}
