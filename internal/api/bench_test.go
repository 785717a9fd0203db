package api_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// endpoint is the whole of it on a real disk and a real port.
func endpoint(b *testing.B) (url string, r *runner.Runner) {
	s, err := store.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	r = runner.New(runner.Config{Store: s, Tasks: noTasks{}})
	if _, err := r.Start(); err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := api.NewServer(api.New(api.Config{States: r}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	b.Cleanup(func() {
		_ = server.Close()
		<-done
		r.Close(context.Background())
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return "http://" + listener.Addr().String(), r
}

// noTasks is the performer of machines without Tasks: nothing of it is called.
type noTasks struct{ runner.Performer }

// BenchmarkStartExecution has eight clients start executions over HTTP, each durable before it is answered. Its budget: 2,000 a second with 99 in
// 100 answered within 20 ms.
func BenchmarkStartExecution(b *testing.B) {
	const clients = 8
	url, r := endpoint(b)
	machine, err := r.PutMachine(sfn.DefaultPlace(), runner.Definition{
		Name: "bench", Text: `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"End":true}}}`, RoleARN: "arn:aws:iam::000000000000:role/r",
	})
	if err != nil {
		b.Fatal(err)
	}
	body := fmt.Appendf(nil, `{"stateMachineArn":%q,"input":"{\"order\":12345}"}`, machine.ARN)
	var left atomic.Int64
	left.Store(int64(b.N))
	took := make([][]time.Duration, clients)
	var wg sync.WaitGroup
	b.ResetTimer()
	for i := range clients {
		wg.Go(func() {
			c := &http.Client{Transport: &http.Transport{}}
			defer c.CloseIdleConnections()
			for left.Add(-1) >= 0 {
				began := time.Now()
				if err := start(c, url, body); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(began))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "executions/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}

func start(c *http.Client, url string, body []byte) error {
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("X-Amz-Target", "AWSStepFunctions.StartExecution")
	answer, err := c.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	return err
}
