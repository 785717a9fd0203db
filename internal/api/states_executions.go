package api

import (
	"context"
	"errors"
	"slices"

	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

type startExecutionInput struct {
	StateMachineARN sfn.OptString `json:"stateMachineArn" model:"required,length=1:256,arn=stateMachine"`
	Name            sfn.OptString `json:"name" model:"length=1:80"`
	Input           sfn.OptString `json:"input" model:"bytes=262144,sensitive"`
	TraceHeader     sfn.OptString `json:"traceHeader" model:"length=0:256,pattern=ascii"`
}

type startSyncExecutionInput struct {
	StateMachineARN sfn.OptString `json:"stateMachineArn" model:"required,length=1:256,arn=stateMachine"`
	Name            sfn.OptString `json:"name" model:"length=1:80"`
	Input           sfn.OptString `json:"input" model:"bytes=262144,sensitive"`
	TraceHeader     sfn.OptString `json:"traceHeader" model:"length=0:256,pattern=ascii"`
	IncludedData    sfn.OptString `json:"includedData" model:"enum=IncludedData"`
}

// request makes what the backend takes of a request, in AWS's order (spec api.md section 1). The trace header of HTTP is preferred to the
// one in the body (API reference, StartExecution, "traceHeader").
func (s *stepFunctions) request(ctx context.Context, in *startExecutionInput) (runner.StartRequest, error) {
	var req runner.StartRequest
	if _, err := unlabelled(in.StateMachineARN); err != nil {
		return req, err
	}
	req = runner.StartRequest{MachineARN: in.StateMachineARN.Text, Name: in.Name.Text, Input: in.Input.Text, TraceHeader: in.TraceHeader.Text}
	if trace := callerOf(ctx).trace; trace != "" && len(trace) <= maxTraceHeader {
		req.TraceHeader = trace
	}
	if in.Input.Set && in.Input.Text == "" {
		req.Input = " " // not absent, and no JSON
	}
	return req, nil
}

type startExecutionOutput struct {
	ExecutionARN string    `json:"executionArn"`
	StartDate    timestamp `json:"startDate"`
}

func (s *stepFunctions) startExecution(ctx context.Context, in *startExecutionInput) (*startExecutionOutput, error) {
	req, err := s.request(ctx, in)
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

func (s *stepFunctions) startSyncExecution(ctx context.Context, in *startSyncExecutionInput) (*startSyncExecutionOutput, error) {
	req, err := s.request(ctx, &startExecutionInput{in.StateMachineARN, in.Name, in.Input, in.TraceHeader})
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
		BillingDetails: billing{MemoryMB: 64, Duration: sfn.BilledMillis(outcome.Stopped.Sub(outcome.Started))},
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

type stopExecutionInput struct {
	ExecutionARN sfn.OptString `json:"executionArn" model:"required,length=1:256,arn=execution"`
	Error        sfn.OptString `json:"error" model:"length=0:256,sensitive"`
	Cause        sfn.OptString `json:"cause" model:"length=0:32768,sensitive"`
}

type stopExecutionOutput struct {
	StopDate timestamp `json:"stopDate"`
}

func (s *stepFunctions) stopExecution(ctx context.Context, in *stopExecutionInput) (*stopExecutionOutput, error) {
	stopped, err := s.backend.StopExecution(ctx, in.ExecutionARN.Text, sfn.Failure{Error: in.Error, Cause: in.Cause})
	if err != nil {
		return nil, err
	}
	return &stopExecutionOutput{timestamp{stopped}}, nil
}

type describeExecutionInput struct {
	ExecutionARN sfn.OptString `json:"executionArn" model:"required,length=1:256,arn=execution"`
	IncludedData sfn.OptString `json:"includedData" model:"enum=IncludedData"`
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
	ExecutionARN sfn.OptString `json:"executionArn" model:"required,length=1:256,arn=execution"`
	ClientToken  sfn.OptString `json:"clientToken" model:"length=1:64,pattern=visible"`
}

type redriveExecutionOutput struct {
	RedriveDate timestamp `json:"redriveDate"`
}

func (s *stepFunctions) redriveExecution(ctx context.Context, in *redriveExecutionInput) (*redriveExecutionOutput, error) {
	at, err := s.backend.RedriveExecution(ctx, in.ExecutionARN.Text, in.ClientToken.Text)
	if err != nil {
		return nil, err
	}
	return &redriveExecutionOutput{timestamp{at}}, nil
}

type listExecutionsInput struct {
	StateMachineARN sfn.OptString `json:"stateMachineArn" model:"length=1:256,arn=stateMachine"`
	StatusFilter    sfn.OptString `json:"statusFilter" model:"enum=ExecutionStatus"`
	MaxResults      optInt        `json:"maxResults" model:"range=0:1000"`
	NextToken       sfn.OptString `json:"nextToken" model:"length=1:3096"`
	MapRunARN       sfn.OptString `json:"mapRunArn" model:"length=1:2000,arn=mapRun"`
	RedriveFilter   sfn.OptString `json:"redriveFilter" model:"enum=ExecutionRedriveFilter"`
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
	f, err := s.filter(in)
	if err != nil {
		return nil, err
	}
	scope := "ListExecutions\x00" + in.StateMachineARN.Text + "\x00" + in.MapRunARN.Text + "\x00" + in.StatusFilter.Text + "\x00" + in.RedriveFilter.Text
	if f.After, err = openToken(scope, in.NextToken, s.now()); err != nil {
		return nil, err
	}
	page, next, err := s.backend.Executions(f)
	switch {
	case errors.Is(err, store.ErrCursor):
		return nil, sfn.Refuse(sfn.InvalidToken, "Invalid Token: 'Invalid token'")
	case err != nil:
		return nil, err
	case in.MapRunARN.Set && len(page) == 0 && next == "" && !in.NextToken.Set && f.Status == "" && f.Match == nil:
		if _, err := s.backend.MapRun(in.MapRunARN.Text); err != nil {
			return nil, err
		}
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

// filter is what of the executions is asked for: those of a machine, of them those that a version or alias started, or the children of a Map
// Run.
func (s *stepFunctions) filter(in *listExecutionsInput) (store.Filter, error) {
	f := store.Filter{MapRunARN: in.MapRunARN.Text, Status: sfn.Status(in.StatusFilter.Text), Limit: pageSize(in.MaxResults.n)}
	switch {
	case in.StateMachineARN.Set == in.MapRunARN.Set:
		return f, sfn.Refuse(sfn.ValidationException, "Must specify exactly one of stateMachineArn and mapRunArn")
	case f.Status == sfn.StatusPendingRedrive && !in.MapRunARN.Set:
		return f, sfn.Refuse(sfn.ValidationException, "The status filter PENDING_REDRIVE requires mapRunArn")
	case in.RedriveFilter.Set && !in.MapRunARN.Set:
		return f, sfn.Refuse(sfn.ValidationException, "RedriveFilter cannot be applied to ListExecutions call with StateMachine ARN")
	}
	var conditions []func(*store.Execution) bool
	if in.RedriveFilter.Set {
		redriven := in.RedriveFilter.Text == "REDRIVEN"
		conditions = append(conditions, func(e *store.Execution) bool { return (e.RedriveCount > 0) == redriven })
	}
	if in.StateMachineARN.Set {
		qualified, err := s.listedMachine(in.StateMachineARN, &f)
		if err != nil {
			return f, err
		}
		if arn := in.StateMachineARN.Text; qualified {
			conditions = append(conditions, func(e *store.Execution) bool { return e.VersionARN == arn || e.AliasARN == arn })
		}
	}
	if len(conditions) > 0 {
		f.Match = func(e *store.Execution) bool {
			return !slices.ContainsFunc(conditions, func(holds func(*store.Execution) bool) bool { return !holds(e) })
		}
	}
	return f, nil
}

// listedMachine puts the machine into the filter, and tells whether a version or alias of it was named.
func (s *stepFunctions) listedMachine(arn sfn.OptString, f *store.Filter) (qualified bool, err error) {
	parsed, err := unlabelled(arn)
	if err != nil {
		return false, err
	}
	f.MachineARN = parsed.Unqualified()
	m, err := s.backend.Machine(f.MachineARN)
	if err == nil && m.Type == sfn.Express {
		err = sfn.Refuse(sfn.StateMachineTypeNotSupport, "This operation is not supported by this type of state machine")
	}
	return parsed.Qualifier != "", err
}
