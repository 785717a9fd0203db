// Summarize-probes sums up the records of one run: how many endpoints are in which state, the worst first, and a text that a
// person can read in a chat message.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/tutti-run/tutti/functions/internal/probe"
	"github.com/tutti-run/tutti/functions/internal/task"
	"github.com/tutti-run/tutti/schemas"
)

func main() {
	log := task.NewLogger(os.Stdout, os.Getenv("AWS_LAMBDA_LOG_LEVEL"))
	slog.SetDefault(log) // The Lambda library logs through package log: its lines become JSON too.
	lambda.Start(task.New("summarize-probes", schemas.FS, log, Summarize))
}

// Input is the labelled records of one run (schemas/summarize-probes.input.schema.json).
type Input struct {
	Records []probe.Labelled `json:"records"`
}

// Summary is what a run found (schemas/summarize-probes.output.schema.json).
type Summary struct {
	Total    int `json:"total"`
	Healthy  int `json:"healthy"`
	Degraded int `json:"degraded"`
	Down     int `json:"down"`

	// Worst is the worst status among the endpoints.
	Worst probe.Status `json:"worst"`

	// Endpoints holds all records, the worst first and otherwise in the order of the run's list.
	Endpoints []probe.Labelled `json:"endpoints"`

	// Text is one line that says how things stand, then a line for each endpoint that is not healthy.
	Text string `json:"text"`
}

// Summarize counts and sorts the records.
func Summarize(ctx context.Context, in Input) (Summary, error) {
	count := map[probe.Status]int{}
	for _, r := range in.Records {
		count[r.Status]++
	}
	sorted := slices.Clone(in.Records)
	slices.SortStableFunc(sorted, func(a, b probe.Labelled) int {
		return cmp.Or(cmp.Compare(b.Status.Rank(), a.Status.Rank()), cmp.Compare(a.Index, b.Index))
	})
	s := Summary{
		Total:     len(sorted),
		Healthy:   count[probe.Healthy],
		Degraded:  count[probe.Degraded],
		Down:      count[probe.Down],
		Worst:     sorted[0].Status, // The contract allows no empty list.
		Endpoints: sorted,
	}
	s.Text = text(s)
	task.Logger(ctx).Info("summarized", "total", s.Total, "degraded", s.Degraded, "down", s.Down, "worst", s.Worst)
	return s, nil
}

// What the text holds at most: a chat message that nobody scrolls through helps nobody.
const (
	maxLines     = 10
	maxLineRunes = 300
)

// text puts a summary in words.
func text(s Summary) string {
	if s.Worst == probe.Healthy {
		return fmt.Sprintf("%d of %d endpoints healthy.", s.Healthy, s.Total)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d endpoints healthy, %d degraded, %d down.", s.Healthy, s.Total, s.Degraded, s.Down)
	faulty := s.Endpoints[:s.Degraded+s.Down] // Sorted: the healthy ones come last.
	for _, r := range faulty[:min(len(faulty), maxLines)] {
		line := []rune(fmt.Sprintf("%s is %s: %s (%s)", r.Name, r.Status, strings.Join(r.Reasons, "; "), r.URL))
		if len(line) > maxLineRunes {
			line = append(line[:maxLineRunes], '…')
		}
		b.WriteString("\n" + string(line))
	}
	if more := len(faulty) - maxLines; more > 0 {
		fmt.Fprintf(&b, "\nand %d more.", more)
	}
	return b.String()
}
