package api_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/store"
)

// Clients that send slowly, stop in the middle, send too much or nothing at all hold nobody else up.
func TestBadClientsHarmNobody(t *testing.T) {
	e := openEndpoint(t, vfs.NewMem())
	address := strings.TrimPrefix(e.url, "http://")
	const head = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AWSStepFunctions.ListStateMachines\r\n"
	for _, sent := range []string{
		"",
		"POST",
		"POST / HTTP/1.1\r\nHost: localhost\r\nX-Slow:",
		head + "Content-Length: 100\r\n\r\n{",
		head + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\"",
		strings.Repeat("\x16\x03\x01", 50),
	} {
		for range 50 {
			c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			if _, err := io.WriteString(c, sent); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		what, sent, answer string
	}{
		{"a body over the limit", head + "Content-Length: 1048577\r\n\r\n{" + strings.Repeat(" ", 1<<20), "413"},
		{"a length over the limit", head + "Content-Length: 9999999999\r\n\r\n" + strings.Repeat(" ", 1<<21), "413"},
		{"headers over the limit", head + "X-Large: " + strings.Repeat("x", 1<<17) + "\r\n\r\n", "431"},
		{"a body that ends early", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
		{"the request of somebody else", head + "Content-Length: 2\r\n\r\n{}", "200"},
	} {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.WriteString(c, test.sent) }() // the server may close before it has read all
		line, err := bufio.NewReader(c).ReadString('\n')
		if !strings.HasPrefix(line, "HTTP/1.1 "+test.answer) {
			t.Errorf("%s: got %q, %v", test.what, line, err)
		}
		_ = c.Close()
	}
}

const pollBody = `{"activityArn":"arn:aws:states:us-east-1:000000000000:activity:a","workerName":"w"}`

// poll asks for a task past the network.
func poll(ctx context.Context, handler http.Handler) string {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/", strings.NewReader(pollBody))
	r.Header.Set("X-Amz-Target", "AWSStepFunctions.GetActivityTask")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Body.String()
}

// Workers wait a minute. Each task goes to one of them; those who have gone away get none; the others are told that there is nothing.
func TestManyPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open("data", store.WithFS(vfs.NewMem()))
		if err != nil {
			t.Fatal(err)
		}
		r := runner.New(runner.Config{Store: s, Tasks: noTasks{}, Shards: 2})
		if _, err := r.Start(); err != nil {
			t.Fatal(err)
		}
		e := &realAPI{Runner: r, handler: api.New(api.Config{States: r})}
		ok := func(operation, body string) {
			if status, answer := e.call(t, operation, body); status != http.StatusOK {
				t.Fatalf("%s: %d %s", operation, status, answer)
			}
		}
		const workers, gone, tasks = 300, 100, 50
		ok("CreateActivity", `{"name":"a"}`)
		ok("CreateStateMachine", `{"name":"m","roleArn":"arn:aws:iam::000000000000:role/r","definition":"{\"StartAt\":\"T\",\"States\":{\"T\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:us-east-1:000000000000:activity:a\",\"End\":true}}}"}`)
		began := time.Now()
		var wg sync.WaitGroup
		var mu sync.Mutex
		tokens, empty := map[string]bool{}, 0
		leave, left := context.WithCancel(t.Context())
		for i := range workers {
			ctx := t.Context()
			if i%3 == 0 {
				ctx = leave
			}
			wg.Go(func() {
				answer := poll(ctx, e.handler)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case answer == "{}":
					empty++
				case strings.Contains(answer, "taskToken"):
					tokens[answer] = true
				}
			})
		}
		synctest.Wait()
		left()
		synctest.Wait()
		for range tasks {
			ok("StartExecution", `{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:m"}`)
		}
		synctest.Wait()
		if len(tokens) != tasks {
			t.Errorf("%d tasks were handed out, want %d", len(tokens), tasks)
		}
		wg.Wait()
		if waited := time.Since(began); waited != time.Minute || empty != workers-gone-tasks {
			t.Errorf("after %s %d workers were told that there is nothing, want %d after a minute", waited, empty, workers-gone-tasks)
		}
		r.Close(t.Context())
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkPolls has ten thousand workers wait for one activity while tasks come and are taken, one after another.
func BenchmarkPolls(b *testing.B) {
	const workers = 10_000
	e := openEndpoint(b, vfs.NewMem())
	e.call(b, "CreateActivity", `{"name":"a"}`)
	e.call(b, "CreateStateMachine", `{"name":"m","roleArn":"arn:aws:iam::000000000000:role/r","definition":"{\"StartAt\":\"T\",\"States\":{\"T\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:us-east-1:000000000000:activity:a\",\"End\":true}}}"}`)
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	taken := make(chan string, workers)
	for range workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				if answer := poll(ctx, e.handler); strings.Contains(answer, "taskToken") {
					taken <- answer
				}
			}
		})
	}
	for b.Loop() {
		e.call(b, "StartExecution", `{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:m"}`)
		<-taken
	}
	cancel()
	wg.Wait()
	b.ReportMetric(workers, "polls")
}
