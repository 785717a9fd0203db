package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// MapRunCounts counts the items, or the child executions, of a Map Run by where they stand (API reference, MapRunItemCounts).
type MapRunCounts struct {
	Pending               int64 `json:"pending"`
	Running               int64 `json:"running"`
	Succeeded             int64 `json:"succeeded"`
	Failed                int64 `json:"failed"`
	TimedOut              int64 `json:"timedOut"`
	Aborted               int64 `json:"aborted"`
	Total                 int64 `json:"total"`
	ResultsWritten        int64 `json:"resultsWritten"`
	FailuresNotRedrivable int64 `json:"failuresNotRedrivable"`
	PendingRedrive        int64 `json:"pendingRedrive"`
}

// of is the counter of children with the status.
func (c *MapRunCounts) of(s sfn.Status) *int64 {
	switch s {
	case sfn.StatusRunning:
		return &c.Running
	case sfn.StatusSucceeded:
		return &c.Succeeded
	case sfn.StatusFailed:
		return &c.Failed
	case sfn.StatusTimedOut:
		return &c.TimedOut
	case sfn.StatusAborted:
		return &c.Aborted
	case sfn.StatusPendingRedrive:
		return &c.PendingRedrive
	}
	return &c.Pending // has not been started
}

// restart counts everything as pending again.
func (c *MapRunCounts) restart() { *c = MapRunCounts{Total: c.Total, Pending: c.Total} }

// MapRun is the record of a Map Run.
type MapRun struct {
	ARN          string `json:"arn"`
	ExecutionARN string `json:"execution"`
	// MachineARN is the children's, with the label.
	MachineARN string `json:"machine"`
	// Scheduled is the id of the MapRunStarted event.
	Scheduled int64      `json:"scheduled"`
	Status    sfn.Status `json:"status"`
	StartDate time.Time  `json:"start"`
	StopDate  time.Time  `json:"stop,omitzero"`

	MaxConcurrency             int64   `json:"maxConcurrency"`
	ToleratedFailureCount      int64   `json:"toleratedCount"`
	ToleratedFailurePercentage float64 `json:"toleratedPercentage"`

	RedriveCount int       `json:"redrives,omitempty"`
	RedriveDate  time.Time `json:"redriven,omitzero"`

	Items      MapRunCounts `json:"items"`
	Executions MapRunCounts `json:"executions"`

	// Laid tells that all children's inputs lie in the journal: the items have been read and need not be read again.
	Laid bool `json:"laid,omitempty"`
	// Failure is why the Map Run failed.
	Failure *sfn.Failure `json:"failure,omitempty"`
}

// The collections of documents about Map Runs.
const (
	mapRunRecords = "maprun"        // ARN → MapRun
	mapRunsOf     = "maprun.of"     // ARN of the execution, event id, ARN → nothing
	mapRunsOpen   = "maprun.open"   // ARN → nothing; of those that have not ended
	mapRunInputs  = "maprun.inputs" // ARN, number of the block → a block of children's inputs
)

func mapRunOfKey(execution string, scheduled int64, arn string) string {
	return fmt.Sprintf("%s %012d %s", execution, scheduled, arn)
}

// putMapRun puts the record into the batch.
func putMapRun(batch *store.Batch, m *MapRun) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return batch.PutDocument(mapRunRecords, m.ARN, text)
}

// recordMapRun adds a Map Run that the round has started to the batch, so that the record is there as soon as the event is.
func (s *shard) recordMapRun(r *resident, e *history.Event) error {
	for _, o := range r.x.PendingSince(e.ID) {
		if o.Scheduled != e.ID || o.MapRun == nil {
			continue
		}
		m := newMapRun(r.record.ARN, r.record.MachineARN, e, o)
		return errors.Join(putMapRun(s.batch, m), s.batch.PutDocument(mapRunsOf, mapRunOfKey(m.ExecutionARN, m.Scheduled, m.ARN), nil),
			s.batch.PutDocument(mapRunsOpen, m.ARN, nil))
	}
	return nil // it is over already
}

// storedMapRun reads a record. The error may be the exception ResourceNotFound.
func (r *Runner) storedMapRun(arn string) (MapRun, error) {
	var m MapRun
	text, err := r.store.Document(mapRunRecords, arn)
	if errors.Is(err, store.ErrNotFound) {
		return m, sfn.Refuse(sfn.ResourceNotFound, "Resource not found: '%s'", arn)
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("record of %s: %w", arn, err)
	}
	return m, nil
}

// MapRun returns the record of a Map Run, with its counts as they are in this moment. The error may be the exception ResourceNotFound.
func (r *Runner) MapRun(arn string) (MapRun, error) {
	if live := r.live.find(arn); live != nil {
		if m, ok := live.snapshot(); ok {
			return m, nil
		}
	}
	return r.storedMapRun(arn)
}

// MapRuns lists the Map Runs of an execution, the oldest first: up to limit of them that come behind the position after ("" for all). next is the
// position of the following page, "" behind the last. The error may be the exception InvalidArn or ExecutionDoesNotExist.
func (r *Runner) MapRuns(execution, after string, limit int) (page []MapRun, next string, err error) {
	if _, err := r.Execution(execution); err != nil {
		return nil, "", err
	}
	prefix := execution + " "
	if after != "" {
		after = prefix + after
	}
	last := ""
	for d, err := range r.store.Documents(mapRunsOf, prefix, after) {
		if err != nil {
			return nil, "", err
		}
		if len(page) == limit {
			return page, last, nil
		}
		last = strings.TrimPrefix(d.Key, prefix)
		_, arn, _ := strings.Cut(last, " ")
		m, err := r.MapRun(arn)
		if err != nil {
			return nil, "", err
		}
		page = append(page, m)
	}
	return page, "", nil
}

// MapRunUpdate says what of a Map Run is to change; nil keeps it.
type MapRunUpdate struct {
	MaxConcurrency             *int64
	ToleratedFailureCount      *int64
	ToleratedFailurePercentage *float64
}

func (u *MapRunUpdate) apply(m *MapRun) {
	if u.MaxConcurrency != nil {
		m.MaxConcurrency = *u.MaxConcurrency
		if m.MaxConcurrency == 0 {
			m.MaxConcurrency = sfn.MaxMapRunConcurrency
		}
	}
	if u.ToleratedFailureCount != nil {
		m.ToleratedFailureCount = *u.ToleratedFailureCount
	}
	if u.ToleratedFailurePercentage != nil {
		m.ToleratedFailurePercentage = *u.ToleratedFailurePercentage
	}
}

// UpdateMapRun changes a Map Run that has not ended. The error may be the exception ResourceNotFound or ValidationException.
func (r *Runner) UpdateMapRun(arn string, u MapRunUpdate) error {
	stored, err := r.storedMapRun(arn)
	if err != nil {
		return err
	}
	live := r.live.find(arn)
	if live == nil || stored.Status.Ended() {
		return sfn.Refuse(sfn.ValidationException, "Map Run is completed and cannot be updated: '%s'", arn)
	}
	return live.update(u)
}
