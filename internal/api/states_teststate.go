package api

import (
	"context"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/trial"
	"github.com/tutti-run/tutti/internal/value"
)

type testStateInput struct {
	Definition         sfn.OptString           `json:"definition" model:"required,length=1:1048576,sensitive"`
	RoleARN            sfn.OptString           `json:"roleArn" model:"length=1:256,arn=role"`
	Input              sfn.OptString           `json:"input" model:"bytes=262144,sensitive"`
	InspectionLevel    sfn.OptString           `json:"inspectionLevel" model:"enum=InspectionLevel"`
	RevealSecrets      bool                    `json:"revealSecrets"`
	Variables          sfn.OptString           `json:"variables" model:"bytes=262144,sensitive"`
	StateName          sfn.OptString           `json:"stateName" model:"length=1:80,sensitive"`
	Mock               *mockInput              `json:"mock"`
	Context            sfn.OptString           `json:"context" model:"bytes=262144,sensitive"`
	StateConfiguration *testStateConfiguration `json:"stateConfiguration"`
}

type mockInput struct {
	Result              sfn.OptString    `json:"result" model:"bytes=262144,sensitive"`
	ErrorOutput         *mockErrorOutput `json:"errorOutput"`
	FieldValidationMode sfn.OptString    `json:"fieldValidationMode" model:"enum=MockResponseValidationMode"`
}

type mockErrorOutput struct {
	Error sfn.OptString `json:"error" model:"length=0:256,sensitive"`
	Cause sfn.OptString `json:"cause" model:"length=0:32768,sensitive"`
}

type testStateConfiguration struct {
	RetrierRetryCount        optInt        `json:"retrierRetryCount" model:"range=0:"`
	ErrorCausedByState       sfn.OptString `json:"errorCausedByState" model:"length=1:80,sensitive"`
	MapIterationFailureCount optInt        `json:"mapIterationFailureCount" model:"range=0:"`
	MapItemReaderData        sfn.OptString `json:"mapItemReaderData" model:"bytes=262144,sensitive"`
}

type testStateOutput struct {
	Output         *string         `json:"output,omitempty"`
	Error          *string         `json:"error,omitempty"`
	Cause          *string         `json:"cause,omitempty"`
	InspectionData *inspectionData `json:"inspectionData,omitempty"`
	NextState      string          `json:"nextState,omitempty"`
	Status         trial.Status    `json:"status"`
}

// inspectionData has only what the state did. All of its texts are JSON.
type inspectionData struct {
	Input                      string                  `json:"input"`
	AfterArguments             *string                 `json:"afterArguments,omitempty"`
	AfterInputPath             *string                 `json:"afterInputPath,omitempty"`
	AfterParameters            *string                 `json:"afterParameters,omitempty"`
	Result                     *string                 `json:"result,omitempty"`
	AfterResultSelector        *string                 `json:"afterResultSelector,omitempty"`
	AfterResultPath            *string                 `json:"afterResultPath,omitempty"`
	Request                    *inspectionDataRequest  `json:"request,omitempty"`
	Response                   *inspectionDataResponse `json:"response,omitempty"`
	Variables                  string                  `json:"variables,omitempty"`
	ErrorDetails               *inspectionErrorDetails `json:"errorDetails,omitempty"`
	AfterItemsPath             *string                 `json:"afterItemsPath,omitempty"`
	AfterItemSelector          *string                 `json:"afterItemSelector,omitempty"`
	AfterItemBatcher           *string                 `json:"afterItemBatcher,omitempty"`
	AfterItemsPointer          *string                 `json:"afterItemsPointer,omitempty"`
	ToleratedFailureCount      *int64                  `json:"toleratedFailureCount,omitempty"`
	ToleratedFailurePercentage *float64                `json:"toleratedFailurePercentage,omitempty"`
	MaxConcurrency             *int64                  `json:"maxConcurrency,omitempty"`
}

type inspectionDataRequest struct {
	Protocol string `json:"protocol,omitempty"`
	Method   string `json:"method,omitempty"`
	URL      string `json:"url,omitempty"`
	Headers  string `json:"headers,omitempty"`
	Body     string `json:"body,omitempty"`
}

type inspectionDataResponse struct {
	Protocol      string `json:"protocol,omitempty"`
	StatusCode    string `json:"statusCode,omitempty"`
	StatusMessage string `json:"statusMessage,omitempty"`
	Headers       string `json:"headers,omitempty"`
	Body          string `json:"body,omitempty"`
}

type inspectionErrorDetails struct {
	CatchIndex                  *int   `json:"catchIndex,omitempty"`
	RetryIndex                  *int   `json:"retryIndex,omitempty"`
	RetryBackoffIntervalSeconds *int64 `json:"retryBackoffIntervalSeconds,omitempty"`
}

// The levels of inspection.
const (
	levelInfo  = "INFO"  // status and output; the default
	levelDebug = "DEBUG" // and what each step made of the data
	levelTrace = "TRACE" // and the request of an HTTP Task, with what came back
)

// testState tests a state beside all machines.
func (s *stepFunctions) testState(ctx context.Context, in *testStateInput) (*testStateOutput, error) {
	report, err := s.backend.TestState(ctx, s.place(ctx), in.request())
	if err != nil {
		return nil, err
	}
	out := &testStateOutput{Status: report.Status, NextState: report.Next}
	if report.Output != nil {
		out.Output = textOf(report.Output)
	}
	if f := report.Failure; f != nil && report.Status != trial.Succeeded {
		out.Error, out.Cause = textIfSet(f.Error), textIfSet(f.Cause)
	}
	if level := in.InspectionLevel.Text; level != "" && level != levelInfo {
		out.InspectionData = inspect(report, level == levelTrace)
	}
	return out, nil
}

// request is what the trial is made of.
func (in *testStateInput) request() *trial.Request {
	req := &trial.Request{
		Definition: in.Definition.Text, StateName: in.StateName, RoleARN: in.RoleARN, Input: in.Input, Context: in.Context, Variables: in.Variables,
		Reveal: in.RevealSecrets,
	}
	if m := in.Mock; m != nil {
		req.Mock = &trial.Mock{Result: m.Result, Validation: trial.Validation(m.FieldValidationMode.Text)}
		if e := m.ErrorOutput; e != nil {
			req.Mock.Failure = &sfn.Failure{Error: e.Error, Cause: e.Cause}
		}
	}
	if c := in.StateConfiguration; c != nil {
		req.RetryCount, req.FailedState, req.ReaderData = int64(c.RetrierRetryCount.n), c.ErrorCausedByState, c.MapItemReaderData
		if c.MapIterationFailureCount.set {
			n := int64(c.MapIterationFailureCount.n)
			req.FailureCount = &n
		}
	}
	return req
}

// inspect shows the steps of the test.
func inspect(r *trial.Report, exchange bool) *inspectionData {
	step := func(s engine.Step) *string {
		if data, ok := r.Steps[s]; ok {
			return textOf(data)
		}
		return nil
	}
	d := &inspectionData{
		Input:          r.Input.Text(),
		AfterArguments: step(engine.AfterArguments), AfterInputPath: step(engine.AfterInputPath), AfterParameters: step(engine.AfterParameters),
		Result: step(engine.Result), AfterResultSelector: step(engine.AfterResultSelector), AfterResultPath: step(engine.AfterResultPath),
		Variables:      r.VariablesText(),
		ErrorDetails:   errorDetails(r),
		MaxConcurrency: r.Concurrency,
	}
	if data, ok := r.Steps[engine.AfterItemsPath]; ok {
		d.AfterItemsPath = itemsText(data)
	}
	if r.Map != nil {
		d.inspectMap(r.Map)
	}
	if exchange && r.HTTP != nil {
		d.Request, d.Response = exchanged(r.HTTP)
	}
	return d
}

func (d *inspectionData) inspectMap(m *trial.MapReport) {
	d.ToleratedFailureCount, d.ToleratedFailurePercentage = m.ToleratedCount, m.ToleratedPercentage
	if m.Selected != nil {
		d.AfterItemSelector = listText(m.Selected)
	}
	if m.Batches != nil {
		d.AfterItemBatcher = batchesText(m.Batches)
	}
	if m.Pointed != nil {
		d.AfterItemsPointer = textOf(value.NewData(m.Pointed))
	}
}

// errorDetails says which retrier or catcher would do something about the failure; nil for none.
func errorDetails(r *trial.Report) *inspectionErrorDetails {
	if r.Retrier < 0 && r.Catcher < 0 {
		return nil
	}
	d := &inspectionErrorDetails{}
	if r.Catcher >= 0 {
		d.CatchIndex = &r.Catcher
	}
	if r.Retrier >= 0 {
		d.RetryIndex = &r.Retrier
	}
	if r.Retriable {
		seconds := int64(r.Backoff / time.Second)
		d.RetryBackoffIntervalSeconds = &seconds
	}
	return d
}

func exchanged(t *task.HTTPTrace) (*inspectionDataRequest, *inspectionDataResponse) {
	request, response := inspectionDataRequest(t.Request), inspectionDataResponse(t.Response)
	if response == (inspectionDataResponse{}) {
		return &request, nil
	}
	return &request, &response
}

func textOf(data *value.Data) *string {
	text := data.Text()
	return &text
}

// listText is a list as AWS shows the items of a Map, with a blank after the comma.
func listText(items []*value.Data) *string {
	var b strings.Builder
	b.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(item.Text())
	}
	b.WriteByte(']')
	text := b.String()
	return &text
}

// itemsText is the same of a value that should be an array.
func itemsText(data *value.Data) *string {
	items, ok := data.Value().(value.Array)
	if !ok {
		return textOf(data)
	}
	list := make([]*value.Data, len(items))
	for i, item := range items {
		list[i] = value.NewData(item)
	}
	return listText(list)
}

// batchesText is a list of batches, in which AWS shows every item as a JSON text in a string (recorded).
func batchesText(batches []*value.Data) *string {
	shown := make([]*value.Data, len(batches))
	for i, batch := range batches {
		shown[i] = batch
		object, _ := batch.Value().(*value.Object)
		if object == nil {
			continue
		}
		v, _ := object.Get("Items")
		items, _ := v.(value.Array)
		texts := make(value.Array, len(items))
		for n, item := range items {
			texts[n] = value.String(value.Text(item))
		}
		shown[i] = value.NewData(object.With("Items", texts))
	}
	return listText(shown)
}

// textIfSet is a text that may be absent.
func textIfSet(s sfn.OptString) *string {
	if !s.Set {
		return nil
	}
	return &s.Text
}
