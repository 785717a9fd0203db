package runner_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// counted lists the metrics of Step Functions as "name{dimension} count", those of a name.
func counted(t *testing.T, m *metrics.Service, prefix string) string {
	t.Helper()
	list, err := m.Metrics(metrics.Filter{Namespace: "AWS/States"})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, one := range list {
		if !strings.HasPrefix(one.Name, prefix) {
			continue
		}
		points, err := m.Points(one, "", metrics.Span{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour), Period: time.Hour * 3})
		if err != nil {
			t.Fatal(err)
		}
		count := 0.0
		for _, p := range points {
			count += p.Count
		}
		value := one.Dimensions[0].Value
		all = append(all, fmt.Sprintf("%s{%s} %v", one.Name, value[strings.LastIndexByte(value, ':')+1:], count))
	}
	return strings.Join(all, ", ")
}

// Executions, the states that they enter and what they call are counted under AWS's names.
func TestStatesMetrics(t *testing.T) {
	m := metrics.New("/metrics", metrics.WithFS(vfs.NewMem()))
	db, err := store.Open("data", store.WithFS(vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Runner: runner.New(runner.Config{Store: db, Tasks: tasks{}, Metrics: m, Shards: 2}), store: db}
	s.start(t)
	defer func() {
		s.close(t)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	const definition = `{"StartAt":"P","States":{"P":{"Type":"Pass","Next":"T"},"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},
		"Catch":[{"ErrorEquals":["States.ALL"],"Next":"F"}],"End":true},"F":{"Type":"Fail","Error":"E"}}}`
	arn := putLogging(t, db, sfn.Standard, definition, sfn.LoggingConfiguration{})
	for i := range 3 {
		name := fmt.Sprint("run-", i)
		started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: arn, Name: name})
		if err != nil {
			t.Fatal(err)
		}
		for late := time.Now().Add(10 * time.Second); ; {
			if d, err := s.Describe(started.ARN); err == nil && d.Status.Ended() {
				break
			}
			if time.Now().After(late) {
				t.Fatal("the execution does not end")
			}
			runtime.Gosched()
		}
	}
	for _, c := range []struct{ prefix, want string }{
		{"Executions", "ExecutionsFailed{logger} 3, ExecutionsStarted{logger} 3"},
		{"ExecutionTime", "ExecutionTime{logger} 3"},
		{"ConsumedCapacity", "ConsumedCapacity{StateTransition} 9"},
		{"ServiceIntegrations", "ServiceIntegrationsFailed{invoke} 3, ServiceIntegrationsScheduled{invoke} 3, ServiceIntegrationsStarted{invoke} 3"},
		{"ServiceIntegrationTime", "ServiceIntegrationTime{invoke} 3"},
		{"ServiceIntegrationRunTime", "ServiceIntegrationRunTime{invoke} 3"},
	} {
		if got := counted(t, m, c.prefix); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// BenchmarkManyPassesMeasured is BenchmarkManyPasses with nobody counting, and with what is done counted: that should cost next to nothing.
func BenchmarkManyPassesMeasured(b *testing.B) {
	for _, measured := range []bool{false, true} {
		b.Run(fmt.Sprint(measured), func(b *testing.B) {
			db, err := store.Open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			cfg := runner.Config{Store: db}
			m := metrics.New(b.TempDir())
			if measured {
				cfg.Metrics = m
			}
			s := &server{Runner: runner.New(cfg), store: db}
			if _, err := s.Start(); err != nil {
				b.Fatal(err)
			}
			machine := s.benchMachine(b, passes(10))
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ResetTimer()
			for range 256 {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						s.benchRun(b, machine)
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(10*b.N)/b.Elapsed().Seconds(), "transitions/s")
			s.Runner.Close(context.Background())
			if err := errors.Join(db.Close(), m.Close()); err != nil {
				b.Error(err)
			}
		})
	}
}
