package sqs_test

import (
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/sqs"
)

// BenchmarkSend sends messages of a kilobyte from 64 goroutines to a queue on disk: how many share a sync decides.
func BenchmarkSend(b *testing.B) {
	s := sqs.New(b.TempDir() + "/sqs")
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
