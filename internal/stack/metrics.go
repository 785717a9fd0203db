package stack

import (
	"path/filepath"

	"github.com/tutti-run/tutti/internal/metrics"
)

// openMetrics keeps metrics in the data folder, once there are any.
func (s *Stack) openMetrics() {
	s.metrics = metrics.New(filepath.Join(s.cfg.Data, "metrics"), metrics.WithLogger(s.cfg.Log), metrics.WithClock(s.cfg.Clock.Now))
}

// Metrics keeps the metrics of the stack.
func (s *Stack) Metrics() *metrics.Service { return s.metrics }
