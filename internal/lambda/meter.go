package lambda

import (
	"errors"
	"time"
)

// Meter counts what becomes of functions' invocations, by the names of CloudWatch's metrics (developer guide, "Types of metrics for Lambda
// functions"). It must not keep callers waiting.
type Meter interface {
	// Measure takes a value of a function's metric: a count or, of Duration, milliseconds.
	Measure(function, metric string, v float64)
}

// measure counts an invocation that has been answered.
func (h *Host) measure(inv *invocation, result *Result, err error) {
	m := h.cfg.Meter
	if m == nil || errors.Is(err, ErrClosed) {
		return
	}
	name, failed := inv.version.Name, 0.0
	if err != nil || result.FunctionError != "" {
		failed = 1
	}
	m.Measure(name, "Invocations", 1)
	m.Measure(name, "Errors", failed)
	m.Measure(name, "Throttles", 0)
	if err == nil {
		m.Measure(name, "Duration", float64(result.Report.Duration)/float64(time.Millisecond))
	}
}

// measureThrottle counts an invocation that was refused.
func (h *Host) measureThrottle(function string) {
	if h.cfg.Meter != nil {
		h.cfg.Meter.Measure(function, "Throttles", 1)
	}
}

// measureConcurrency counts how many invocations of a function are under way.
func (h *Host) measureConcurrency(function string, n int) {
	if h.cfg.Meter != nil {
		h.cfg.Meter.Measure(function, "ConcurrentExecutions", float64(n))
	}
}
