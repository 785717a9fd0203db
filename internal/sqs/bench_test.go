package sqs_test

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/sqs"
)

// BenchmarkSend sends messages of a kilobyte from 64 goroutines to a queue on disk: how many share a sync decides.
func BenchmarkSend(b *testing.B) { benchmarkSend(b) }

// BenchmarkSendMeasured does so with everything counted.
func BenchmarkSendMeasured(b *testing.B) {
	m := metrics.New("/metrics", metrics.WithFS(vfs.NewMem()))
	defer func() { _ = m.Close() }()
	benchmarkSend(b, sqs.WithMeter(meter{m}))
}

// meter has metrics kept.
type meter struct{ metrics *metrics.Service }

func (m meter) Counter(namespace string, metric measure.Metric, dimensions map[string]string) measure.Counter {
	return m.metrics.Counter(metrics.NewMetric(namespace, metric.Name, metrics.Dimension{Name: "QueueName", Value: dimensions["QueueName"]}), metrics.Unit(metric.Unit))
}

func benchmarkSend(b *testing.B, options ...sqs.Option) {
	s := sqs.New(b.TempDir()+"/sqs", options...)
	defer func() { _ = s.Close() }()
	if err := s.CreateQueue("q", nil, nil); err != nil {
		b.Fatal(err)
	}
	body := strings.Repeat("x", 1000)
	b.SetParallelism(64)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.SendMessage("q", sqs.Entry{Body: body}); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkRoundTrip sends, receives and deletes ten messages at a time, one batch behind the other.
func BenchmarkRoundTrip(b *testing.B) {
	s := sqs.New(b.TempDir() + "/sqs")
	defer func() { _ = s.Close() }()
	if err := s.CreateQueue("q", nil, nil); err != nil {
		b.Fatal(err)
	}
	entries := make([]sqs.Entry, 10)
	for i := range entries {
		entries[i].Body = "x"
	}
	for b.Loop() {
		if _, _, err := s.SendMessages("q", entries); err != nil {
			b.Fatal(err)
		}
		messages, err := s.ReceiveMessage(b.Context(), "q", sqs.Receive{Max: new(10)})
		if err != nil || len(messages) != 10 {
			b.Fatal(len(messages), err)
		}
		var handles []string
		for _, m := range messages {
			handles = append(handles, m.Receipt)
		}
		if _, err := s.DeleteMessages("q", handles); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(10*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
