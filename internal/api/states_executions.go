package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

type startExecutionInput struct {
	StateMachineARN sfn.OptString `json:"stateMachineArn"`
	Name            sfn.OptString `json:"name"`
	Input           sfn.OptString `json:"input"`
	TraceHeader     sfn.OptString `json:"traceHeader"`
	IncludedData    sfn.OptString `json:"includedData"` // StartSyncExecution only
}

// request checks the input in AWS's order (spec api.md section 1) and makes what the backend takes of it.
func (s *stepFunctions) request(in *startExecutionInput) (runner.StartRequest, error) {
	var req runner.StartRequest
	if err := checkARN(in.StateMachineARN, kindMachine); err != nil {
		return req, err
	}
	var c constraints
	c.required("stateMachineArn", in.StateMachineARN)
	c.length("stateMachineArn", in.StateMachineARN, 1, maxARN)
	c.length("name", in.Name, 1, sfn.MaxNameLength)
	c.payload("input", in.Input)
	c.length("traceHeader", in.TraceHeader, 0, maxTraceHeader)
	c.includedData(in.IncludedData)
	if err := c.err(); err != nil {
		return req, err
	}
	if arn, err := sfn.ParseMachineARN(in.StateMachineARN.Text); err == nil && arn.Label != "" {
		return req, sfn.Refuse(sfn.ValidationException, "This operation does not support labeled state machine ARNs: '%s'", in.StateMachineARN.Text)
	}
	if in.Input.Set && in.Input.Text == "" { // the backend takes it for an absent one
		if _, err := s.backend.Machine(in.StateMachineARN.Text); err != nil {
			return req, err
		}
		return req, sfn.Refuse(sfn.InvalidExecutionInput, "Invalid State Machine Execution Input: 'Invalid execution input.'")
	}
	return runner.StartRequest{
		MachineARN: in.StateMachineARN.Text, Name: in.Name.Text, Input: in.Input.Text, TraceHeader: in.TraceHeader.Text,
	}, nil
}

type startExecutionOutput struct {
	ExecutionARN string    `json:"executionArn"`
	StartDate    timestamp `json:"startDate"`
}

func (s *stepFunctions) startExecution(ctx context.Context, in *startExecutionInput) (*startExecutionOutput, error) {
	req, err := s.request(in)
	if err != nil {
		return nil, err
	}
	started, err := s.backend.StartExecution(ctx, req)
	if err != nil {
		return nil, err
	}
	return &startExecutionOutput{started.ARN, timestamp{started.StartDate}}, nil
}

type startSyncExecutionOutput struct {
	ExecutionARN    string        `json:"executionArn"`
	StateMachineARN string        `json:"stateMachineArn"`
	Name            string        `json:"name"`
	StartDate       timestamp     `json:"startDate"`
	StopDate        timestamp     `json:"stopDate"`
	Status          sfn.Status    `json:"status"`
	Error           sfn.OptString `json:"error,omitzero"`
	Cause           sfn.OptString `json:"cause,omitzero"`
	Input           sfn.OptString `json:"input,omitzero"`
	InputDetails    included      `json:"inputDetails"`
	Output          sfn.OptString `json:"output,omitzero"`
	OutputDetails   *included     `json:"outputDetails,omitempty"`
	TraceHeader     sfn.OptString `json:"traceHeader,omitzero"`
	BillingDetails  billing       `json:"billingDetails"`
}

// included tells whether an answer holds the data.
type included struct {
	Included bool `json:"included"`
}

// billing is what AWS charges for an Express execution: steps of 64 MB and of 100 ms.
type billing struct {
	MemoryMB int   `json:"billedMemoryUsedInMB"`
	Duration int64 `json:"billedDurationInMilliseconds"`
}

func (s *stepFunctions) startSyncExecution(ctx context.Context, in *startExecutionInput) (*startSyncExecutionOutput, error) {
	req, err := s.request(in)
	if err != nil {
		return nil, err
	}
	started, outcome, err := s.backend.StartSyncExecution(ctx, req)
	if err != nil {
		return nil, err
	}
	out := &startSyncExecutionOutput{
		ExecutionARN: started.ARN, StateMachineARN: req.MachineARN,
		StartDate: timestamp{outcome.Started}, StopDate: timestamp{outcome.Stopped}, Status: outcome.Status,
		InputDetails: included{!metadataOnly(in.IncludedData)}, TraceHeader: in.TraceHeader,
		BillingDetails: billing{MemoryMB: 64, Duration: billedMillis(outcome.Stopped.Sub(outcome.Started))},
	}
	if arn, err := sfn.ParseExecutionARN(started.ARN); err == nil {
		out.Name = arn.Name
	}
	if outcome.Status != sfn.StatusSucceeded {
		out.Error, out.Cause = outcome.Failure.Error, outcome.Failure.Cause
	} else {
		out.OutputDetails = &included{!metadataOnly(in.IncludedData)}
	}
	if metadataOnly(in.IncludedData) {
		return out, nil
	}
	out.Input = sfn.Some("{}")
	if in.Input.Set {
		out.Input = in.Input
	}
	if outcome.Status == sfn.StatusSucceeded {
		out.Output = sfn.Some(outcome.Output)
	}
	return out, nil
}

// billedMillis rounds up to 100 ms, of which there is at least one.
func billedMillis(d time.Duration) int64 { return max(1, (d.Milliseconds()+99)/100) * 100 }

type stopExecutionInput struct {
	ExecutionARN sfn.OptString `json:"executionArn"`
	Error        sfn.OptString `json:"error"`
	Cause        sfn.OptString `json:"cause"`
}

type stopExecutionOutput struct {
	StopDate timestamp `json:"stopDate"`
}

func (s *stepFunctions) stopExecution(ctx context.Context, in *stopExecutionInput) (*stopExecutionOutput, error) {
	if err := checkARN(in.ExecutionARN, kindExecution); err != nil {
		return nil, err
	}
	var c constraints
	c.execution(in.ExecutionARN)
	c.failure(in.Error, in.Cause)
	if err := c.err(); err != nil {
		return nil, err
	}
	stopped, err := s.backend.StopExecution(ctx, in.ExecutionARN.Text, sfn.Failure{Error: in.Error, Cause: in.Cause})
	if err != nil {
		return nil, err
	}
	return &stopExecutionOutput{timestamp{stopped}}, nil
}

// execution bounds the ARN of an execution.
func (c *constraints) execution(arn sfn.OptString) {
	c.required("executionArn", arn)
	c.length("executionArn", arn, 1, maxARN)
}

// failure bounds an error name and a cause.
func (c *constraints) failure(name, cause sfn.OptString) {
	c.secretLength("error", name, sfn.MaxErrorLength)
	c.secretLength("cause", cause, sfn.MaxCauseLength)
}

type describeExecutionInput struct {
	ExecutionARN sfn.OptString `json:"executionArn"`
	IncludedData sfn.OptString `json:"includedData"`
}

type describeExecutionOutput struct {
	ExecutionARN           string        `json:"executionArn"`
	StateMachineARN        string        `json:"stateMachineArn"`
	Name                   string        `json:"name"`
	Status                 sfn.Status    `json:"status"`
	StartDate              timestamp     `json:"startDate"`
	StopDate               timestamp     `json:"stopDate,omitzero"`
	Input                  sfn.OptString `json:"input,omitzero"`
	InputDetails           included      `json:"inputDetails"`
	Output                 sfn.OptString `json:"output,omitzero"`
	OutputDetails          *included     `json:"outputDetails,omitempty"`
	Error                  sfn.OptString `json:"error,omitzero"`
	Cause                  sfn.OptString `json:"cause,omitzero"`
	TraceHeader            string        `json:"traceHeader,omitempty"`
	MapRunARN              string        `json:"mapRunArn,omitempty"`
	StateMachineVersionARN string        `json:"stateMachineVersionArn,omitempty"`
	StateMachineAliasARN   string        `json:"stateMachineAliasArn,omitempty"`
	RedriveCount           int           `json:"redriveCount"`
	RedriveDate            timestamp     `json:"redriveDate,omitzero"`
	RedriveStatus          string        `json:"redriveStatus"`
	RedriveStatusReason    string        `json:"redriveStatusReason,omitempty"`
}

func (s *stepFunctions) describeExecution(_ context.Context, in *describeExecutionInput) (*describeExecutionOutput, error) {
	if err := checkARN(in.ExecutionARN, kindExecution); err != nil {
		return nil, err
	}
	var c constraints
	c.execution(in.ExecutionARN)
	c.includedData(in.IncludedData)
	if err := c.err(); err != nil {
		return nil, err
	}
	d, err := s.backend.Describe(in.ExecutionARN.Text)
	if err != nil {
		return nil, err
	}
	withData := !metadataOnly(in.IncludedData)
	out := &describeExecutionOutput{
		ExecutionARN: d.ARN, StateMachineARN: d.MachineARN, Name: d.Name, Status: d.Status,
		StartDate: timestamp{d.StartDate}, StopDate: timestamp{d.StopDate},
		InputDetails: included{withData}, Error: d.Failure.Error, Cause: d.Failure.Cause, TraceHeader: d.TraceHeader,
		MapRunARN: d.MapRunARN, StateMachineVersionARN: d.VersionARN, StateMachineAliasARN: d.AliasARN,
		RedriveCount: d.RedriveCount, RedriveDate: timestamp{d.RedriveDate}, RedriveStatus: string(d.RedriveStatus), RedriveStatusReason: d.RedriveStatusReason,
	}
	if d.Status == sfn.StatusSucceeded {
		out.OutputDetails = &included{withData}
	}
	if withData {
		out.Input = sfn.Some(d.Input)
		if d.Output != nil {
			out.Output = sfn.Some(d.Output.Text())
		}
	}
	return out, nil
}

type redriveExecutionInput struct {
	ExecutionARN sfn.OptString `json:"executionArn"`
	ClientToken  sfn.OptString `json:"clientToken"`
}

type redriveExecutionOutput struct {
	RedriveDate timestamp `json:"redriveDate"`
}

func (s *stepFunctions) redriveExecution(ctx context.Context, in *redriveExecutionInput) (*redriveExecutionOutput, error) {
	if err := checkARN(in.ExecutionARN, kindExecution); err != nil {
		return nil, err
	}
	var c constraints
	c.execution(in.ExecutionARN)
	c.length("clientToken", in.ClientToken, 1, maxClientToken)
	if strings.IndexFunc(in.ClientToken.Text, func(r rune) bool { return r < '!' || r > '~' }) >= 0 {
		c.add("'"+in.ClientToken.Text+"' ", "clientToken", "Member must satisfy regular expression pattern: [!-~]+")
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	at, err := s.backend.RedriveExecution(ctx, in.ExecutionARN.Text, in.ClientToken.Text)
	if err != nil {
		return nil, err
	}
	return &redriveExecutionOutput{timestamp{at}}, nil
}

type listExecutionsInput struct {
	StateMachineARN sfn.OptString `json:"stateMachineArn"`
	MapRunARN       sfn.OptString `json:"mapRunArn"`
	StatusFilter    sfn.OptString `json:"statusFilter"`
	RedriveFilter   sfn.OptString `json:"redriveFilter"`
	MaxResults      int           `json:"maxResults"`
	NextToken       sfn.OptString `json:"nextToken"`
}

type listExecutionsOutput struct {
	Executions []executionListItem `json:"executions"`
	NextToken  string              `json:"nextToken,omitempty"`
}

type executionListItem struct {
	ExecutionARN           string     `json:"executionArn"`
	StateMachineARN        string     `json:"stateMachineArn"`
	Name                   string     `json:"name"`
	Status                 sfn.Status `json:"status"`
	StartDate              timestamp  `json:"startDate"`
	StopDate               timestamp  `json:"stopDate,omitzero"`
	MapRunARN              string     `json:"mapRunArn,omitempty"`
	ItemCount              *int       `json:"itemCount,omitempty"`
	StateMachineVersionARN string     `json:"stateMachineVersionArn,omitempty"`
	StateMachineAliasARN   string     `json:"stateMachineAliasArn,omitempty"`
	RedriveCount           int        `json:"redriveCount"`
	RedriveDate            timestamp  `json:"redriveDate,omitzero"`
}

func (s *stepFunctions) listExecutions(_ context.Context, in *listExecutionsInput) (*listExecutionsOutput, error) {
	if err := s.checkList(in); err != nil {
		return nil, err
	}
	scope := "ListExecutions\x00" + in.StateMachineARN.Text + "\x00" + in.MapRunARN.Text + "\x00" + in.StatusFilter.Text + "\x00" + in.RedriveFilter.Text
	cursor, err := openToken(scope, in.NextToken, s.now())
	if err != nil {
		return nil, err
	}
	f := store.Filter{
		MachineARN: in.StateMachineARN.Text, MapRunARN: in.MapRunARN.Text, Status: sfn.Status(in.StatusFilter.Text),
		Limit: pageSize(in.MaxResults), After: cursor,
	}
	if in.RedriveFilter.Set {
		redriven := in.RedriveFilter.Text == "REDRIVEN"
		f.Match = func(e *store.Execution) bool { return (e.RedriveCount > 0) == redriven }
	}
	page, next, err := s.backend.Executions(f)
	switch {
	case errors.Is(err, store.ErrCursor):
		return nil, sfn.Refuse(sfn.InvalidToken, "Invalid Token: 'Invalid token'")
	case err != nil:
		return nil, err
	case in.MapRunARN.Set && len(page) == 0 && next == "" && !in.NextToken.Set && f.Status == "" && f.Match == nil:
		return nil, sfn.Refuse(resourceNotFound, "Resource not found: '%s'", in.MapRunARN.Text)
	}
	out := &listExecutionsOutput{Executions: make([]executionListItem, 0, len(page))}
	for i := range page {
		out.Executions = append(out.Executions, listItem(&page[i]))
	}
	if next != "" {
		out.NextToken = pageToken(scope, next, s.now())
	}
	return out, nil
}

func listItem(e *store.Execution) executionListItem {
	item := executionListItem{
		ExecutionARN: e.ARN, StateMachineARN: e.MachineARN, Name: e.Name, Status: e.Status,
		StartDate: timestamp{e.StartDate}, StopDate: timestamp{e.StopDate}, MapRunARN: e.MapRunARN,
		StateMachineVersionARN: e.VersionARN, StateMachineAliasARN: e.AliasARN,
		RedriveCount: e.RedriveCount, RedriveDate: timestamp{e.RedriveDate},
	}
	if e.MapRunARN != "" {
		item.ItemCount = &e.ItemCount
	}
	return item
}

func (s *stepFunctions) checkList(in *listExecutionsInput) error {
	if err := errors.Join(checkARN(in.StateMachineARN, kindMachine), checkARN(in.MapRunARN, kindMapRun)); err != nil {
		return err
	}
	var c constraints
	c.length("stateMachineArn", in.StateMachineARN, 1, maxARN)
	c.length("mapRunArn", in.MapRunARN, 1, 2000)
	c.oneOf("statusFilter", in.StatusFilter, "SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING")
	c.oneOf("redriveFilter", in.RedriveFilter, "REDRIVEN", "NOT_REDRIVEN")
	c.results(in.MaxResults)
	c.length("nextToken", in.NextToken, 1, maxExecutionToken)
	if err := c.err(); err != nil {
		return err
	}
	switch {
	case in.StateMachineARN.Set == in.MapRunARN.Set:
		return sfn.Refuse(sfn.ValidationException, "Must specify exactly one of stateMachineArn and mapRunArn")
	case in.StatusFilter.Text == string(sfn.StatusPendingRedrive) && !in.MapRunARN.Set:
		return sfn.Refuse(sfn.ValidationException, "The status filter PENDING_REDRIVE requires mapRunArn")
	case in.RedriveFilter.Set && !in.MapRunARN.Set:
		return sfn.Refuse(sfn.ValidationException, "RedriveFilter cannot be applied to ListExecutions call with StateMachine ARN")
	case in.MapRunARN.Set:
		return nil
	}
	m, err := s.backend.Machine(in.StateMachineARN.Text)
	if err == nil && m.Type == sfn.Express {
		return sfn.Refuse(sfn.StateMachineTypeNotSupport, "This operation is not supported by this type of state machine")
	}
	return err
}
