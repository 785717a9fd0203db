package api

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/tutti-run/tutti/internal/sfn"
)

// maxHistoryBytes ends a page of events, however few they are: a client with the greatest maxResults must not make the server hold
// a thousand of the largest events at once. At least one event is always answered.
const maxHistoryBytes = 6 << 20

type getExecutionHistoryInput struct {
	ExecutionARN         sfn.OptString `json:"executionArn" model:"required,length=1:256,arn=execution"`
	MaxResults           optInt        `json:"maxResults" model:"range=0:1000"`
	ReverseOrder         bool          `json:"reverseOrder"`
	NextToken            sfn.OptString `json:"nextToken" model:"length=1:1024"`
	IncludeExecutionData *bool         `json:"includeExecutionData"` // absent: true
}

type getExecutionHistoryOutput struct {
	Events    []json.RawMessage `json:"events"`
	NextToken string            `json:"nextToken,omitempty"`
}

// getExecutionHistory pages by id: the position is the id of the page's first event.
func (s *stepFunctions) getExecutionHistory(_ context.Context, in *getExecutionHistoryInput) (*getExecutionHistoryOutput, error) {
	scope := "GetExecutionHistory\x00" + in.ExecutionARN.Text + "\x00" + strconv.FormatBool(in.ReverseOrder)
	position, err := openToken(scope, in.NextToken, s.now())
	if err != nil {
		return nil, err
	}
	r := historyReader{
		backend: s.backend, arn: in.ExecutionARN.Text, limit: pageSize(in.MaxResults.n),
		withData: in.IncludeExecutionData == nil || *in.IncludeExecutionData,
	}
	var next int64
	first, _ := strconv.ParseInt(position, 10, 64) // 0 without a token; a token's position is one that was put there
	if in.ReverseOrder {
		next, err = r.backward(first)
	} else {
		next, err = r.forward(max(1, first))
	}
	if err != nil {
		return nil, err
	}
	out := &getExecutionHistoryOutput{Events: r.events}
	if next > 0 {
		out.NextToken = pageToken(scope, strconv.FormatInt(next, 10), s.now())
	}
	return out, nil
}

// historyReader gathers a page of events.
type historyReader struct {
	backend  Executions
	arn      string
	limit    int
	withData bool

	events []json.RawMessage
	bytes  int
}

func (r *historyReader) full() bool { return len(r.events) >= r.limit || r.bytes > maxHistoryBytes }

func (r *historyReader) add(encoded json.RawMessage) {
	r.events = append(r.events, encoded)
	r.bytes += len(encoded)
}

// read hands the events from first on to take, until it has enough.
func (r *historyReader) read(first int64, take func(id int64, encoded json.RawMessage) bool) error {
	events, _, err := r.backend.History(r.arn, first)
	if err != nil {
		return err
	}
	for e, err := range events {
		if err != nil {
			return err
		}
		if !take(e.ID, e.AppendAWS(nil, r.withData)) {
			return nil
		}
	}
	return nil
}

// forward gathers the events from first on and returns where the next page begins, 0 behind the last.
func (r *historyReader) forward(first int64) (next int64, err error) {
	err = r.read(first, func(id int64, encoded json.RawMessage) bool {
		if r.full() {
			next = id
			return false
		}
		r.add(encoded)
		return true
	})
	return next, err
}

// backward gathers the events from last, or from the newest for 0, down to the first. The backend reads forward only, so it goes back in
// chunks.
func (r *historyReader) backward(last int64) (next int64, err error) {
	const chunk = 50
	if last == 0 {
		_, record, err := r.backend.History(r.arn, 1)
		if err != nil {
			return 0, err
		}
		last = record.LastEventID
	}
	for last > 0 {
		var part []json.RawMessage
		size := int64(min(chunk, r.limit-len(r.events)))
		err := r.read(max(1, last-size+1), func(id int64, encoded json.RawMessage) bool {
			if id > last {
				return false
			}
			part = append(part, encoded)
			return true
		})
		if err != nil {
			return 0, err
		}
		slices.Reverse(part)
		for _, encoded := range part {
			if r.full() {
				return last, nil
			}
			r.add(encoded)
			last--
		}
		if len(part) == 0 || r.full() {
			return max(0, last), nil
		}
	}
	return 0, nil
}
