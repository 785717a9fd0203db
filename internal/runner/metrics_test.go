package runner_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/await"
	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/measure/measuretest"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// Executions, the states that they enter and what they call are counted under AWS's names.
func TestStatesMetrics(t *testing.T) {
	l := measuretest.NewLedger(time.Time{})
	db, err := store.Open("data", store.WithFS(vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Runner: runner.New(runner.Config{Store: db, Tasks: tasks{}, Meter: l, Shards: 2}), store: db}
	s.start(t)
	defer s.close(t)
	const definition = `{"StartAt":"P","States":{"P":{"Type":"Pass","Next":"T"},"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},
		"Catch":[{"ErrorEquals":["States.ALL"],"Next":"F"}],"End":true},"F":{"Type":"Fail","Error":"E"}}}`
	arn := putLogging(t, db, sfn.Standard, definition, sfn.LoggingConfiguration{})
	for i := range 3 {
		name := fmt.Sprint("run-", i)
		started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: arn, Name: name})
		if err != nil {
			t.Fatal(err)
		}
		await.Until(t, "the execution ends", func() bool {
			d, err := s.Describe(started.ARN)
			return err == nil && d.Status.Ended()
		})
	}
	settle(t, l, "ConsumedCapacity ServiceMetric=StateTransition", 9) // which is counted behind all else
	const integration = " ServiceIntegrationResourceArn=arn:aws:states:::lambda:invoke"
	machine := " StateMachineArn=" + arn
	for metric, want := range map[string]float64{
		"ExecutionsStarted": 3, "ExecutionsFailed": 3, "ExecutionsSucceeded": 0, "ExecutionsStarted" + machine: 3, "ExecutionsFailed" + machine: 3,
		"ConsumedCapacity ServiceMetric=StateTransition": 9, "ServiceIntegrationsFailed" + integration: 3, "ServiceIntegrationsScheduled" + integration: 3,
		"ServiceIntegrationsStarted" + integration: 3,
	} {
		if got, counted := l.Sum("AWS/States " + metric); got != want || !counted {
			t.Errorf("%s: %g, %v, want %g", metric, got, counted, want)
		}
	}
	for _, metric := range []string{"ExecutionTime" + machine, "ServiceIntegrationTime" + integration, "ServiceIntegrationRunTime" + integration} {
		if _, counted := l.Sum("AWS/States " + metric); !counted {
			t.Errorf("%s is not counted", metric)
		}
	}
	for _, metric := range []string{"ServiceIntegrationsSucceeded" + integration, "RedrivenExecutionsFailed" + machine, "ExpressExecutionBilledDuration" + machine} {
		if got, counted := l.Sum("AWS/States " + metric); counted {
			t.Errorf("%s: %g, of which there is none", metric, got)
		}
	}
}

// settle waits until a metric has come to a sum: executions are over a moment before they are counted.
func settle(t *testing.T, l *measuretest.Ledger, metric string, want float64) {
	t.Helper()
	await.Nothing(t, func() string {
		if got, _ := l.Sum("AWS/States " + metric); got != want {
			return fmt.Sprintf("%s is %g, not %g", metric, got, want)
		}
		return ""
	})
}

// Executions count for the alias and the version by which they were started, redrives for themselves, and Express ones by what they would cost.
func TestStatesMetricsOfVersions(t *testing.T) {
	l := measuretest.NewLedger(time.Time{})
	db, err := store.Open("data", store.WithFS(vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Runner: runner.New(runner.Config{Store: db, Tasks: tasks{}, Meter: l, Shards: 2}), store: db}
	s.start(t)
	defer s.close(t)
	arn := putLogging(t, db, sfn.Standard, `{"StartAt":"F","States":{"F":{"Type":"Fail"}}}`, sfn.LoggingConfiguration{})
	version, err := s.PublishVersion(arn, sfn.OptString{}, "")
	if err != nil {
		t.Fatal(err)
	}
	alias, err := s.CreateAlias("live", "", []runner.Route{{VersionARN: version.ARN, Weight: 100}})
	if err != nil {
		t.Fatal(err)
	}
	machine := " StateMachineArn=" + arn
	var last string
	for i, by := range []string{version.ARN, alias.ARN} {
		started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: by, Name: fmt.Sprint("run-", i)})
		if err != nil {
			t.Fatal(err)
		}
		last = started.ARN
	}
	settle(t, l, "ConsumedCapacity ServiceMetric=StateTransition", 2)
	if _, err := s.RedriveExecution(t.Context(), last, ""); err != nil {
		t.Fatal(err)
	}
	settle(t, l, "RedrivenExecutionsFailed"+machine, 1)
	for metric, want := range map[string]float64{
		"ExecutionsFailed": 3, "ExecutionsFailed" + machine + " Version=1": 3, "ExecutionsFailed Alias=live" + machine: 2, "ExecutionsRedriven" + machine: 1,
		"RedrivenExecutionsFailed" + machine: 1, "RedrivenExecutionsSucceeded Alias=live" + machine: 0,
	} {
		settle(t, l, metric, want)
	}
	express, err := s.PutMachine(sfn.DefaultPlace(), runner.Definition{Name: "quick", Text: `{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`, Type: sfn.Express})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.StartSyncExecution(t.Context(), runner.StartRequest{MachineARN: express.ARN}); err != nil {
		t.Fatal(err)
	}
	settle(t, l, "ConsumedCapacity ServiceMetric=StateTransition", 3)
	if got, _ := l.Sum("AWS/States ExpressExecutionBilledDuration StateMachineArn=" + express.ARN); got < 100 {
		t.Errorf("%g ms are billed", got)
	}
}

// meter has metrics kept.
type meter struct{ metrics *metrics.Service }

func (m meter) Counter(namespace string, metric measure.Metric, dimensions map[string]string) measure.Counter {
	var list []metrics.Dimension
	for name, v := range dimensions {
		list = append(list, metrics.Dimension{Name: name, Value: v})
	}
	return m.metrics.Counter(metrics.NewMetric(namespace, metric.Name, list...), metrics.Unit(metric.Unit))
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
				cfg.Meter = meter{m}
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
