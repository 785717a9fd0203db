package stack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/stack"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
)

// onePass is a machine that ends at once.
const onePass = `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`

// BenchmarkEventsThroughARule puts events in batches of ten over HTTP, by eight clients, through a rule that starts an execution of each, on a real
// disk: an operation is an event from its request to the end of its execution.
func BenchmarkEventsThroughARule(b *testing.B) {
	s, err := stack.Open(context.Background(), stack.Config{Project: b.TempDir(), Data: filepath.Join(b.TempDir(), "data")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close(context.Background()) }()
	if _, err := s.Start(); err != nil {
		b.Fatal(err)
	}
	machine, err := s.Runner().PutMachine(s.Place(), runner.Definition{Name: "m", Type: sfn.Standard, Text: onePass, RoleARN: "arn:aws:iam::000000000000:role/r"})
	if err != nil {
		b.Fatal(err)
	}
	rule := trigger.Rule{Bus: trigger.DefaultBus, Name: "orders", Pattern: `{"source":["shop"],"detail":{"total":[{"numeric":[">",100]}]}}`}
	if err := s.Events().PutRule(rule); err != nil {
		b.Fatal(err)
	}
	if err := s.Events().PutTargets(trigger.DefaultBus, "orders", []trigger.Target{{ID: "m", ARN: machine.ARN}}); err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(api.New(api.Config{Events: s.Events(), States: s.Runner()}))
	defer server.Close()
	b.ResetTimer()
	used := cpuTime()
	putAll(b, server.URL, b.N)
	accepted := b.Elapsed()
	for started := int64(0); started < int64(b.N); {
		time.Sleep(time.Millisecond)
		started = ended(b, s, machine.ARN)
	}
	b.ReportMetric(float64(b.N)/accepted.Seconds(), "events/s")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "executions/s")
	b.ReportMetric(float64((cpuTime()-used).Microseconds())/float64(b.N), "cpu-us/event")
}

// putAll puts n events and returns when all are acknowledged.
func putAll(b *testing.B, url string, n int) {
	entry := `{"Source":"shop","DetailType":"Order","Detail":"{\"total\":200,\"items\":[{\"sku\":\"a-1\",\"count\":2}],\"customer\":\"Ada\"}"}`
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				before := left.Add(-10) + 10
				if before <= 0 {
					return
				}
				body := `{"Entries":[` + strings.TrimSuffix(strings.Repeat(entry+",", int(min(10, before))), ",") + `]}`
				if err := put(client, url, body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func put(client *http.Client, url, body string) error {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	r.Header.Set("X-Amz-Target", "AWSEvents.PutEvents")
	w, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = w.Body.Close() }()
	var out struct{ FailedEntryCount int }
	if err := json.NewDecoder(w.Body).Decode(&out); err != nil || w.StatusCode != http.StatusOK || out.FailedEntryCount != 0 {
		return fmt.Errorf("status %d, %d refused, %v", w.StatusCode, out.FailedEntryCount, err)
	}
	return nil
}

// ended waits for the stack to be quiet and counts the executions that have succeeded.
func ended(b *testing.B, s *stack.Stack, machine string) (n int64) {
	if quiet, _ := s.Events().Quiet(); !quiet {
		return 0
	}
	if quiet, _ := s.Runner().Quiet(); !quiet {
		return 0
	}
	b.StopTimer()
	defer b.StartTimer()
	filter := store.Filter{MachineARN: machine, Status: sfn.StatusSucceeded, Limit: 1000}
	for {
		list, next, err := s.Runner().Executions(filter)
		if err != nil {
			b.Fatal(err)
		}
		n += int64(len(list))
		if next == "" {
			return n
		}
		filter.After = next
	}
}
