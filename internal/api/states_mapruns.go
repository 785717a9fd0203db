package api

import (
	"context"
	"strconv"

	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
)

// MapRuns are the Map Runs: what distributed Maps have started.
type MapRuns interface {
	MapRun(arn string) (runner.MapRun, error)
	// MapRuns lists the Map Runs of an execution, the oldest first, with the position of the next page.
	MapRuns(execution, after string, limit int) ([]runner.MapRun, string, error)
	UpdateMapRun(arn string, u runner.MapRunUpdate) error
}

type describeMapRunInput struct {
	MapRunARN sfn.OptString `json:"mapRunArn" model:"required,length=1:2000,arn=mapRun"`
}

type describeMapRunOutput struct {
	MapRunARN                  string     `json:"mapRunArn"`
	ExecutionARN               string     `json:"executionArn"`
	Status                     sfn.Status `json:"status"`
	StartDate                  timestamp  `json:"startDate"`
	StopDate                   timestamp  `json:"stopDate,omitzero"`
	MaxConcurrency             int64      `json:"maxConcurrency"`
	ToleratedFailurePercentage float      `json:"toleratedFailurePercentage"`
	ToleratedFailureCount      int64      `json:"toleratedFailureCount"`
	ItemCounts                 mapCounts  `json:"itemCounts"`
	ExecutionCounts            mapCounts  `json:"executionCounts"`
	RedriveCount               int        `json:"redriveCount,omitzero"`
	RedriveDate                timestamp  `json:"redriveDate,omitzero"`
}

// float is a number that is written with a point even where it is whole.
type float float64

// MarshalJSON implements json.Marshaler.
func (f float) MarshalJSON() ([]byte, error) {
	text := strconv.FormatFloat(float64(f), 'f', -1, 64)
	if float64(f) == float64(int64(f)) {
		text += ".0"
	}
	return []byte(text), nil
}

// mapCounts are the counts of a Map Run. What is about redrives is left out where it is zero, as recorded.
type mapCounts struct {
	Pending               int64 `json:"pending"`
	Running               int64 `json:"running"`
	Succeeded             int64 `json:"succeeded"`
	Failed                int64 `json:"failed"`
	TimedOut              int64 `json:"timedOut"`
	Aborted               int64 `json:"aborted"`
	Total                 int64 `json:"total"`
	ResultsWritten        int64 `json:"resultsWritten"`
	FailuresNotRedrivable int64 `json:"failuresNotRedrivable,omitzero"`
	PendingRedrive        int64 `json:"pendingRedrive,omitzero"`
}

func (s *stepFunctions) describeMapRun(_ context.Context, in *describeMapRunInput) (*describeMapRunOutput, error) {
	m, err := s.backend.MapRun(in.MapRunARN.Text)
	if err != nil {
		return nil, err
	}
	return &describeMapRunOutput{
		MapRunARN: m.ARN, ExecutionARN: m.ExecutionARN, Status: m.Status, StartDate: timestamp{m.StartDate}, StopDate: timestamp{m.StopDate},
		MaxConcurrency: m.MaxConcurrency, ToleratedFailurePercentage: float(m.ToleratedFailurePercentage), ToleratedFailureCount: m.ToleratedFailureCount,
		ItemCounts: mapCounts(m.Items), ExecutionCounts: mapCounts(m.Executions), RedriveCount: m.RedriveCount, RedriveDate: timestamp{m.RedriveDate},
	}, nil
}

type listMapRunsInput struct {
	ExecutionARN sfn.OptString `json:"executionArn" model:"required,length=1:256,arn=execution"`
	MaxResults   optInt        `json:"maxResults" model:"range=0:1000"`
	NextToken    sfn.OptString `json:"nextToken" model:"length=1:1024"`
}

type listMapRunsOutput struct {
	MapRuns   []mapRunListItem `json:"mapRuns"`
	NextToken string           `json:"nextToken,omitempty"`
}

type mapRunListItem struct {
	ExecutionARN    string    `json:"executionArn"`
	MapRunARN       string    `json:"mapRunArn"`
	StateMachineARN string    `json:"stateMachineArn"`
	StartDate       timestamp `json:"startDate"`
	StopDate        timestamp `json:"stopDate,omitzero"`
}

func (s *stepFunctions) listMapRuns(_ context.Context, in *listMapRunsInput) (*listMapRunsOutput, error) {
	scope := "ListMapRuns\x00" + in.ExecutionARN.Text
	after, err := openToken(scope, in.NextToken, s.now())
	if err != nil {
		return nil, err
	}
	page, next, err := s.backend.MapRuns(in.ExecutionARN.Text, after, pageSize(in.MaxResults.n))
	if err != nil {
		return nil, err
	}
	out := &listMapRunsOutput{MapRuns: make([]mapRunListItem, 0, len(page))}
	for i := range page {
		m := &page[i]
		out.MapRuns = append(out.MapRuns, mapRunListItem{m.ExecutionARN, m.ARN, m.MachineARN, timestamp{m.StartDate}, timestamp{m.StopDate}})
	}
	if next != "" {
		out.NextToken = pageToken(scope, next, s.now())
	}
	return out, nil
}

type updateMapRunInput struct {
	MapRunARN                  sfn.OptString `json:"mapRunArn" model:"required,length=1:2000,arn=mapRun"`
	MaxConcurrency             optInt        `json:"maxConcurrency" model:"range=0:"`
	ToleratedFailurePercentage *float64      `json:"toleratedFailurePercentage"`
	ToleratedFailureCount      optInt        `json:"toleratedFailureCount" model:"range=0:"`
}

type updateMapRunOutput struct{}

func (s *stepFunctions) updateMapRun(_ context.Context, in *updateMapRunInput) (*updateMapRunOutput, error) {
	var c constraints
	if p := in.ToleratedFailurePercentage; p != nil && (*p < 0 || *p > 100) {
		rule := "greater than or equal to 0"
		if *p > 100 {
			rule = "less than or equal to 100"
		}
		c.add("'"+strconv.FormatFloat(*p, 'f', -1, 64)+"' ", "toleratedFailurePercentage", "Member must have value "+rule)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	return &updateMapRunOutput{}, s.backend.UpdateMapRun(in.MapRunARN.Text, runner.MapRunUpdate{
		MaxConcurrency: in.MaxConcurrency.pointer(), ToleratedFailurePercentage: in.ToleratedFailurePercentage, ToleratedFailureCount: in.ToleratedFailureCount.pointer(),
	})
}

// pointer is nil where the number is absent.
func (o optInt) pointer() *int64 {
	if !o.set {
		return nil
	}
	n := int64(o.n)
	return &n
}
