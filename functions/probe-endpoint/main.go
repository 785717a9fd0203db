// Probe-endpoint looks at one HTTP endpoint: does it answer as expected, how fast, and how long will its certificate last.
//
// An endpoint that answers yields a record: healthy, degraded (slow, or a certificate that expires soon) or down (another
// status than the expected one). One that gives no answer is an error with a name, because only errors can be retried by
// a state machine: Endpoint.Unreachable, Endpoint.Timeout or Endpoint.TLS.
package main

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/tutti-run/tutti/functions/internal/probe"
	"github.com/tutti-run/tutti/functions/internal/task"
	"github.com/tutti-run/tutti/schemas"
)

func main() {
	log := task.NewLogger(os.Stdout, os.Getenv("AWS_LAMBDA_LOG_LEVEL"))
	slog.SetDefault(log) // The Lambda library logs through package log: its lines become JSON too.
	p := prober{runtimeAPI: os.Getenv("AWS_LAMBDA_RUNTIME_API"), now: time.Now}
	lambda.Start(task.New("probe-endpoint", schemas.FS, log, p.Probe))
}

// Input is one endpoint, what it is held to and its place in the run (schemas/probe-endpoint.input.schema.json).
type Input struct {
	Endpoint     Endpoint   `json:"endpoint"`
	Thresholds   Thresholds `json:"thresholds"`
	Index        int        `json:"index"`
	RunStartedAt string     `json:"runStartedAt"`
}

// Endpoint is what to probe. Zero values mean that the endpoint does not set them; the contract allows no zeros.
type Endpoint struct {
	Name           string `json:"name"`
	URL            string `json:"url"`
	ExpectedStatus int    `json:"expectedStatus"`
	Thresholds
}

// Thresholds divide healthy from degraded and down.
type Thresholds struct {
	TimeoutMillis int `json:"timeoutMillis"`
	SlowMillis    int `json:"slowMillis"`
	WarnDays      int `json:"warnDays"`
}

// or returns the thresholds with those of general wherever t sets none.
func (t Thresholds) or(general Thresholds) Thresholds {
	return Thresholds{
		TimeoutMillis: cmp.Or(t.TimeoutMillis, general.TimeoutMillis),
		SlowMillis:    cmp.Or(t.SlowMillis, general.SlowMillis),
		WarnDays:      cmp.Or(t.WarnDays, general.WarnDays),
	}
}

// Probe asks the endpoint once and judges the answer.
func (p prober) Probe(ctx context.Context, in Input) (probe.Record, error) {
	target, err := url.Parse(in.Endpoint.URL)
	if err != nil || target.Hostname() == "" || !probed(target) || target.User != nil {
		return probe.Record{}, task.InvalidInput("/endpoint/url", "want http:// or https://, a host, and no credentials")
	}
	expected := cmp.Or(in.Endpoint.ExpectedStatus, http.StatusOK)
	held := in.Endpoint.or(in.Thresholds)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(held.TimeoutMillis)*time.Millisecond)
	defer cancel()

	seen, err := p.look(ctx, target, expected)
	if err != nil {
		return probe.Record{}, err
	}
	now := p.now()
	status, reasons := judge(seen, expected, held, now)
	record := probe.Record{
		Index:        in.Index,
		Name:         in.Endpoint.Name,
		URL:          in.Endpoint.URL,
		Status:       status,
		Reasons:      reasons,
		RunStartedAt: in.RunStartedAt,
	}
	if seen.refusal == "" {
		millis := seen.latency.Milliseconds()
		record.HTTPStatus, record.LatencyMillis = &seen.status, &millis
	}
	if !seen.expires.IsZero() {
		days := daysLeft(seen.expires, now)
		record.CertificateDaysLeft = &days
	}
	task.Logger(ctx).Info("probed", "endpoint", record.Name, "status", record.Status, "reasons", record.Reasons)
	return record, nil
}
