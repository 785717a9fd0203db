package main

import (
	"fmt"
	"math"
	"time"

	"github.com/tutti-run/tutti/functions/internal/probe"
)

// sight is what a probe saw of an endpoint that answered.
type sight struct {
	// status is that of the last answer, after redirects.
	status int

	// latency is the time from the first look-up to the last byte read, redirects included.
	latency time.Duration

	// expires is when the first certificate on the way expires; zero without TLS.
	expires time.Time

	// refusal says why the probe would not follow where the endpoint led; empty if it had no reason to refuse. With a
	// refusal, status and latency mean nothing.
	refusal string
}

// judge turns what was seen into a status and the reasons for it. Of several findings the worst decides, and all are told.
func judge(seen sight, expected int, held Thresholds, now time.Time) (probe.Status, []string) {
	if seen.refusal != "" {
		return probe.Down, []string{seen.refusal}
	}
	status, reasons := probe.Healthy, []string{}
	find := func(s probe.Status, format string, args ...any) {
		if s.Rank() > status.Rank() {
			status = s
		}
		reasons = append(reasons, fmt.Sprintf(format, args...))
	}
	if seen.status != expected {
		find(probe.Down, "answered with status %d, expected %d", seen.status, expected)
	}
	if slow := time.Duration(held.SlowMillis) * time.Millisecond; seen.latency > slow {
		find(probe.Degraded, "answered in %d ms, slower than %d ms", seen.latency.Milliseconds(), held.SlowMillis)
	}
	if !seen.expires.IsZero() && daysLeft(seen.expires, now) < held.WarnDays {
		find(probe.Degraded, "certificate expires on %s, in less than %d days", seen.expires.UTC().Format(time.DateOnly), held.WarnDays)
	}
	return status, reasons
}

// daysLeft is the number of whole days from now until expiry, negative once it has passed.
func daysLeft(expires, now time.Time) int {
	return int(math.Floor(expires.Sub(now).Hours() / 24))
}
